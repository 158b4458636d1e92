"""The resource `items`: an example to change, or to copy for the next one."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request, Response
from service.body import JsonRoute
from service.conditions import Expected, ExpectedIfSaid, IdempotencyKey, IfNoneMatch, etag, names
from service.openapi import answers
from service.pages import Position
from service.problems import Fault, Problem
from service.requests import Caller

from app.routes.parameters import ItemId, Items, Page
from app.schemas import Draft, Item, ItemPage
from app.store import KeyReused, NameTaken, NotFound, VersionMoved

router = APIRouter(prefix="/items", tags=["items"], route_class=JsonRoute)

_TAKEN = [Fault(pointer="/name", detail="is taken")]
# What the store's exceptions are for callers.
PROBLEMS: Mapping[type[Exception], Callable[[], Problem]] = {
    NotFound: lambda: Problem(404, "not-found", "There is no such item."),
    NameTaken: lambda: Problem(409, "name-taken", "Another item has this name.", errors=_TAKEN),
    KeyReused: lambda: Problem(422, "idempotency-key-reused", "The key had another body."),
    VersionMoved: lambda: Problem(412, "version-moved", "The item was changed meanwhile."),
}


@router.post(
    "", status_code=201, responses=answers(409, body=True, ok=201, headers=["ETag", "Location"])
)
async def create(
    draft: Draft,
    items: Items,
    caller: Caller,
    key: IdempotencyKey,
    request: Request,
    response: Response,
) -> Item:
    """Make an item. With an `Idempotency-Key` it may be repeated, and one is made."""
    item = await items.create(caller, draft, key)
    response.headers["Location"] = f"{request.url.path}/{item.id}"
    response.headers["ETag"] = etag(item.version)
    return item


@router.get("", name="list", responses=answers(headers=["Link"]))
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


@router.get("/{item_id}", response_model=Item, responses=answers(304, 404, headers=["ETag"]))
async def get(
    item_id: ItemId, items: Items, caller: Caller, tag: IfNoneMatch, response: Response
) -> Item | Response:
    """Return an item."""
    item = await items.get(caller, item_id)
    if names(tag, item.version, weak=True):
        return Response(status_code=304, headers={"ETag": etag(item.version)})
    response.headers["ETag"] = etag(item.version)
    return item


@router.put("/{item_id}", responses=answers(404, 409, 412, 428, body=True, headers=["ETag"]))
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


@router.delete(
    "/{item_id}", status_code=204, response_class=Response, responses=answers(404, 412, ok=204)
)
async def remove(item_id: ItemId, items: Items, caller: Caller, expected: ExpectedIfSaid) -> None:
    """Remove an item; with `If-Match`, only if it still has this version."""
    await items.remove(caller, item_id, expected)
