"""What keeps items, as routes see it: nothing of SQL here, and nothing of HTTP behind it."""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from service.pages import Position

from app.schemas import Draft, Item

# Whether a version is one that the caller takes for the present one.
Expected = Callable[[int], bool]


class NotFound(Exception):
    """The owner has no such item."""


class NameTaken(Exception):
    """The owner has another item of this name."""


class KeyReused(Exception):
    """The owner's idempotency key was used for another draft."""


class VersionMoved(Exception):
    """The item no longer has the version that was expected."""


class Store(Protocol):
    """Keeps the items of owners. Each call is a transaction of its own."""

    async def list(self, owner: str, limit: int, after: Position | None, prefix: str) -> list[Item]:
        """Return up to `limit` items whose names begin with `prefix`, the newest first."""

    async def get(self, owner: str, id: UUID) -> Item:
        """Return an item, or raise NotFound."""

    async def create(self, owner: str, draft: Draft, key: str | None) -> Item:
        """Make an item, once for each idempotency key. Raise NameTaken or KeyReused."""

    async def replace(self, owner: str, id: UUID, draft: Draft, expected: Expected) -> Item:
        """Replace an item. Raise NotFound, VersionMoved or NameTaken."""

    async def remove(self, owner: str, id: UUID, expected: Expected) -> None:
        """Remove an item. Raise NotFound or VersionMoved."""
