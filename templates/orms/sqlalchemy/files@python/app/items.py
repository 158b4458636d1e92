"""The items in PostgreSQL, by SQLAlchemy."""

from uuid import UUID

from service.conditions import digest
from service.database.sqlalchemy import OverDatabase, statement, transaction
from service.pages import Position
from sqlalchemy import bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import NAME_KEY, ItemRow
from app.schemas import Draft, Item
from app.store import Expected, KeyReused, NameTaken, NotFound, VersionMoved


class ItemStore(OverDatabase):
    """Implements `app.store.Store`."""

    @statement
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

    @statement
    async def get(self, session: AsyncSession, owner: str, id: UUID) -> Item:
        return Item.model_validate(await _row(session, owner, id))

    @transaction
    async def create(
        self, session: AsyncSession, owner: str, draft: Draft, key: str | None
    ) -> Item:
        asked = digest(draft) if key else None
        values = {"owner": owner, "idempotency_key": key, "request_hash": asked}
        while True:
            # Waits for another one that is just making such a row, and then makes nothing.
            if row := await session.scalar(_MAKE, draft.model_dump() | values):
                return Item.model_validate(row)
            of_key = select(ItemRow).where(ItemRow.owner == owner, ItemRow.idempotency_key == key)
            of_name = select(ItemRow.id).where(ItemRow.owner == owner, ItemRow.name == draft.name)
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


# What is asked for most is put together once.
_READ = select(ItemRow).where(ItemRow.owner == bindparam("owner"), ItemRow.id == bindparam("id"))
_LOCK = _READ.with_for_update()
_MAKE = insert(ItemRow).on_conflict_do_nothing().returning(ItemRow)


async def _row(
    session: AsyncSession, owner: str, id: UUID, expected: Expected | None = None
) -> ItemRow:
    """Return a row. Where it will be changed, `expected` is said: nobody else changes it then."""
    row = await session.scalar(_LOCK if expected else _READ, {"owner": owner, "id": id})
    if row is None:
        raise NotFound
    if expected and not expected(row.version):
        raise VersionMoved
    return row
