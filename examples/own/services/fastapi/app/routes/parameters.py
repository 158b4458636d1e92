"""What requests say outside of their bodies."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request
from pydantic import Field
from service.pages import PageQuery
from service.types import Text

from app.store import NotFound, Store

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


# `async`, since FastAPI takes a thread for what is not.
async def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _item_id(item_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    if not _UUID.fullmatch(item_id):
        raise NotFound
    return UUID(item_id)


class ItemQuery(PageQuery):
    """Which items."""

    name: Annotated[Text, Field(max_length=200, description="Those whose name begins so.")] = ""


Items = Annotated[Store, Depends(_store)]
ItemId = Annotated[UUID, Depends(_item_id)]
Page = Annotated[ItemQuery, Query()]
