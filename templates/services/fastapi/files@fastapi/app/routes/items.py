"""The resource `items`: an example to change, or to copy for the next one."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from app.routes.parameters import ItemId, Items, Page
from app.schemas import Draft, Item, ItemPage
from app.store import KeyReused, NameTaken, NotFound, VersionMoved
from service.body import JsonRoute
from service.conditions import (
    Expected,
    ExpectedIfSaid,
    IdempotencyKey,
    IfNoneMatch,
    etag,
    names,
)
from service.openapi import answers, header
from service.pages import Position
from service.problems import Fault, Problem
from service.requests import Caller

router = APIRouter(prefix="/items", tags=["items"], route_class=JsonRoute)

# What the store's exceptions are for callers.
PROBLEMS: Mapping[type[Exception], Callable[[], Problem]] = {
    NotFound: lambda: Problem(404, "not-found", "There is no such item."),
    NameTaken: lambda: Problem(
        409,
        "name-taken",
        "There is an item of this name.",
        errors=[Fault(pointer="/name", detail="is taken")],
    ),
    KeyReused: lambda: Problem(
        422, "idempotency-key-reused", "This Idempotency-Key was used for another body."
    ),
    VersionMoved: lambda: Problem(412, "version-moved", "The item was changed meanwhile."),
}

_ETAG = {"ETag": header("The version, for `If-Match`.", '"1"')}
_LOCATION = {"Location": header("The path of the item.", "/v1/orders/items/<id>")}
_LINK = {"Link": header("The next page.", '</v1/orders/items?cursor=AAY>; rel="next"')}


def _with(status: int, headers: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {status: {"headers": headers}}


@router.post("", status_code=201, responses=answers(409, body=True) | _with(201, _ETAG | _LOCATION))
async def create(
    draft: Draft,
    items: Items,
    caller: Caller,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Item:
    """Make an item. With an `Idempotency-Key` it may be repeated, and one is made."""
    item = await items.create(caller, draft, idempotency_key)
    response.headers["Location"] = f"{request.url.path}/{item.id}"
    response.headers["ETag"] = etag(item.version)
    return item


@router.get("", name="list", responses=answers() | _with(200, _LINK))
async def list_items(
    page: Page, items: Items, caller: Caller, request: Request, response: Response
) -> ItemPage:
    """List items, the newest first."""
    limits = request.app.state.limits
    limit = page.limit_of(limits.page_size, limits.page_max)
    # One more than is shown says whether there are more.
    found = await items.list(caller, limit + 1, page.after(), page.name)
    shown = found[:limit]
    if len(found) == len(shown):
        return ItemPage(items=shown, next=None)
    cursor = Position(shown[-1].created_at, shown[-1].id).cursor()
    response.headers["Link"] = page.link_to_next(request, limit, cursor)
    return ItemPage(items=shown, next=cursor)


@router.get(
    "/{item_id}",
    response_model=Item,
    responses=answers(404) | _with(200, _ETAG) | {304: {"description": "It is what you have."}},
)
async def get(
    item_id: ItemId,
    items: Items,
    caller: Caller,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Item | Response:
    """Return an item."""
    item = await items.get(caller, item_id)
    if names(if_none_match, item.version, weak=True):
        return Response(status_code=304, headers={"ETag": etag(item.version)})
    response.headers["ETag"] = etag(item.version)
    return item


@router.put("/{item_id}", responses=answers(404, 409, 412, 428, body=True) | _with(200, _ETAG))
async def replace(
    item_id: ItemId,
    draft: Draft,
    items: Items,
    caller: Caller,
    expected: Expected,
    response: Response,
) -> Item:
    """Replace what the caller says of an item."""
    item = await items.replace(caller, item_id, draft, expected)
    response.headers["ETag"] = etag(item.version)
    return item


@router.delete("/{item_id}", status_code=204, response_class=Response, responses=answers(404, 412))
async def remove(item_id: ItemId, items: Items, caller: Caller, expected: ExpectedIfSaid) -> None:
    """Remove an item; with `If-Match`, only if it still has this version."""
    await items.remove(caller, item_id, expected)
