"""The items in PostgreSQL, by SQLAlchemy."""

from uuid import UUID

from service.conditions import digest
from service.database.sqlalchemy import OverDatabase, transaction
from service.pages import Position
from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import NAME_KEY, ItemRow
from app.schemas import Draft, Item
from app.store import Expected, KeyReused, NameTaken, NotFound, VersionMoved


class ItemStore(OverDatabase):
    """Implements `app.store.Store`."""

    @transaction
    async def list(
        self, session: AsyncSession, owner: str, limit: int, after: Position | None, prefix: str
    ) -> list[Item]:
        query = (
            select(ItemRow)
            .where(ItemRow.owner == owner, ItemRow.name.startswith(prefix, autoescape=True))
            .order_by(ItemRow.created_at.desc(), ItemRow.id.desc())
            .limit(limit)
        )
        if after:
            place = tuple_(ItemRow.created_at, ItemRow.id)
            query = query.where(place < (after.created_at, after.id))
        return [Item.model_validate(row) for row in await session.scalars(query)]

    @transaction
    async def get(self, session: AsyncSession, owner: str, id: UUID) -> Item:
        return Item.model_validate(await _row(session, owner, id))

    @transaction
    async def create(
        self, session: AsyncSession, owner: str, draft: Draft, key: str | None
    ) -> Item:
        asked = digest(draft) if key else None
        values = {"owner": owner, "idempotency_key": key, "request_hash": asked}
        # Waits for another one that is just making such a row, and then makes nothing.
        make = insert(ItemRow).on_conflict_do_nothing().returning(ItemRow)
        of_key = select(ItemRow).where(ItemRow.owner == owner, ItemRow.idempotency_key == key)
        of_name = select(ItemRow.id).where(ItemRow.owner == owner, ItemRow.name == draft.name)
        while True:
            if row := await session.scalar(make, draft.model_dump() | values):
                return Item.model_validate(row)
            if key and (row := await session.scalar(of_key)):
                if row.request_hash != asked:
                    raise KeyReused
                return Item.model_validate(row)
            if await session.scalar(of_name):
                raise NameTaken
            # What was in the way was removed meanwhile.

    @transaction
    async def replace(
        self, session: AsyncSession, owner: str, id: UUID, draft: Draft, expected: Expected
    ) -> Item:
        row = await _row(session, owner, id, expected)
        for name, value in draft.model_dump().items():
            setattr(row, name, value)
        row.version += 1
        row.updated_at = func.clock_timestamp()
        try:
            await session.flush()
        except IntegrityError as error:
            if NAME_KEY in str(error.orig):
                raise NameTaken from error
            raise
        return Item.model_validate(row)

    @transaction
    async def remove(self, session: AsyncSession, owner: str, id: UUID, expected: Expected) -> None:
        await session.delete(await _row(session, owner, id, expected))


async def _row(
    session: AsyncSession, owner: str, id: UUID, expected: Expected | None = None
) -> ItemRow:
    """Return a row. Where it will be changed, `expected` is said: nobody else changes it then."""
    query = select(ItemRow).where(ItemRow.owner == owner, ItemRow.id == id)
    row = await session.scalar(query.with_for_update() if expected else query)
    if row is None:
        raise NotFound
    if expected and not expected(row.version):
        raise VersionMoved
    return row
