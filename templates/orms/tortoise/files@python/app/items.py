"""The items in PostgreSQL, by Tortoise."""

from uuid import UUID

from service.conditions import digest
from service.database.tortoise import OverDatabase, transaction
from service.database.tortoise_models import ClockTimestamp
from service.pages import Position
from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q

from app.models import NAME_KEY, ItemRow
from app.schemas import Draft, Item
from app.store import Expected, KeyReused, NameTaken, NotFound, VersionMoved


class ItemStore(OverDatabase):
    """Implements `app.store.Store`."""

    @transaction
    async def list(self, owner: str, limit: int, after: Position | None, prefix: str) -> list[Item]:
        query = ItemRow.filter(owner=owner, name__startswith=prefix)
        if after:
            # By the index to the time, and from there by the ids that share it.
            same_time = Q(created_at=after.created_at, id__lt=after.id)
            query = query.filter(created_at__lte=after.created_at).filter(
                Q(created_at__lt=after.created_at) | same_time
            )
        rows = await query.order_by("-created_at", "-id").limit(limit)
        return [Item.model_validate(row) for row in rows]

    @transaction
    async def get(self, owner: str, id: UUID) -> Item:
        return Item.model_validate(await _row(owner, id))

    @transaction
    async def create(self, owner: str, draft: Draft, key: str | None) -> Item:
        asked = digest(draft) if key else None
        values = {"owner": owner, "idempotency_key": key, "request_hash": asked}
        row = ItemRow(**draft.model_dump(), **values)
        while True:
            # Waits for another one that is just making such a row, and then makes nothing.
            await ItemRow.bulk_create([row], ignore_conflicts=True)
            if made := await ItemRow.get_or_none(id=row.id):
                return Item.model_validate(made)
            if key and (made := await ItemRow.get_or_none(owner=owner, idempotency_key=key)):
                if made.request_hash != asked:
                    raise KeyReused
                return Item.model_validate(made)
            if await ItemRow.exists(owner=owner, name=draft.name):
                raise NameTaken
            # What was in the way was removed meanwhile.

    @transaction
    async def replace(self, owner: str, id: UUID, draft: Draft, expected: Expected) -> Item:
        row = await _row(owner, id, expected)
        changes = draft.model_dump() | {"version": row.version + 1, "updated_at": ClockTimestamp()}
        try:
            await ItemRow.filter(id=id).update(**changes)
        except IntegrityError as error:
            if NAME_KEY in str(error):
                raise NameTaken from error
            raise
        await row.refresh_from_db()
        return Item.model_validate(row)

    @transaction
    async def remove(self, owner: str, id: UUID, expected: Expected) -> None:
        row = await _row(owner, id, expected)
        await row.delete()


async def _row(owner: str, id: UUID, expected: Expected | None = None) -> ItemRow:
    """Return a row. Where it will be changed, `expected` is said: nobody else changes it then."""
    query = ItemRow.filter(owner=owner, id=id)
    row = await (query.select_for_update() if expected else query).first()
    if row is None:
        raise NotFound
    if expected and not expected(row.version):
        raise VersionMoved
    return row
