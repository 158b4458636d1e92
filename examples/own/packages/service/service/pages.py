"""Lists in pages: each begins after the last item of the one before, whatever is made meanwhile."""

import base64
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request
from pydantic import AfterValidator, BaseModel, Field

from service.problems import Fault, invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Microseconds, as PostgreSQL counts, and the id.
_POSITION = struct.Struct(">q16s")


@dataclass(frozen=True)
class Position:
    """A place in a list that is ordered by these: after the one that has them."""

    created_at: datetime
    id: UUID

    def cursor(self) -> str:
        """Return this as callers say it."""
        microseconds = (self.created_at - _EPOCH) // timedelta(microseconds=1)
        packed = _POSITION.pack(microseconds, self.id.bytes)
        return base64.urlsafe_b64encode(packed).decode()

    @classmethod
    def of(cls, cursor: str) -> "Position":
        """Return what a cursor says. Raise ValueError where it is none."""
        try:
            microseconds, id_bytes = _POSITION.unpack(base64.urlsafe_b64decode(cursor))
            position = cls(_EPOCH + timedelta(microseconds=microseconds), UUID(bytes=id_bytes))
        except (ValueError, OverflowError, struct.error):
            position = None
        # The decoder overlooks what is no base64.
        if position is None or position.cursor() != cursor:
            raise ValueError("is not the `next` of a page")
        return position


def _cursor(text: str) -> str:
    Position.of(text)
    return text


class PageQuery(BaseModel):
    """Which part of a list. A subclass adds filters, whose defaults say that they are not there."""

    limit: Annotated[int, Field(ge=1)] | None = None
    cursor: Annotated[str, AfterValidator(_cursor)] | None = None

    def limit_of(self, page_size: int, page_max: int) -> int:
        """Return how many are wanted. Raise a Problem where these are too many."""
        if self.limit is not None and self.limit > page_max:
            raise invalid("query", [Fault(pointer="/limit", detail=f"is above {page_max}")])
        return self.limit or page_size

    def after(self) -> Position | None:
        """Return the place where the part begins."""
        return None if self.cursor is None else Position.of(self.cursor)

    def link_to_next(self, request: Request, limit: int, cursor: str) -> str:
        """Return the header `Link` of a page that has a next one."""
        filters = self.model_dump(mode="json", exclude_defaults=True, exclude={"limit", "cursor"})
        query = urlencode({"limit": limit, "cursor": cursor, **filters})
        return f'<{request.url.path}?{query}>; rel="next"'
