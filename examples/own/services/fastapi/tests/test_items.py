"""The contract of `items`, over a real database."""

import hashlib
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.conftest import ITEMS, connect

CHAIR = {"name": "chair", "attributes": {"colour": "blue", "legs": 4, "height": 0.5, "old": True}}


async def make(client: httpx2.AsyncClient, name: str, **headers: str) -> httpx2.Response:
    return await client.post(ITEMS, json={"name": name}, headers=headers)


def told(answer: httpx2.Response) -> tuple[int, str, list[str]]:
    """Return the status, the type and the pointers of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["instance"] == answer.request.url.raw_path.decode()
    pointers = [error["pointer"] for error in document.get("errors", [])]
    return answer.status_code, document["type"].removeprefix("/problems/"), pointers


async def test_an_item_is_made_read_replaced_and_removed(client: httpx2.AsyncClient) -> None:
    made = await client.post(ITEMS, json=CHAIR)
    item = made.json()
    path = made.headers["location"]
    assert (made.status_code, made.headers["etag"], path) == (201, '"1"', f"{ITEMS}/{item['id']}")
    assert item.items() >= (CHAIR | {"owner": "anonymous", "version": 1}).items()
    assert (await client.get(path)).json() == item
    unchanged = await client.get(path, headers={"if-none-match": 'W/"1"'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")

    replaced = await client.put(path, json={"name": "stool"}, headers={"if-match": '"1"'})
    assert (replaced.status_code, replaced.headers["etag"]) == (200, '"2"')
    changed = {"name": "stool", "attributes": {}, "version": 2}
    assert replaced.json() == item | changed | {"updated_at": replaced.json()["updated_at"]}
    assert replaced.json()["updated_at"] > item["updated_at"]
    assert (await client.get(path)).json() == replaced.json()

    assert (await client.delete(path)).status_code == 204
    assert told(await client.get(path)) == (404, "not-found", [])
    assert told(await client.delete(path)) == (404, "not-found", [])


async def test_nobody_overwrites_what_they_have_not_seen(client: httpx2.AsyncClient) -> None:
    path = (await make(client, "chair")).headers["location"]
    assert told(await client.put(path, json=CHAIR))[:2] == (428, "precondition-required")
    for stale in ('"2"', 'W/"1"', "1"):
        headers = {"if-match": stale}
        assert told(await client.put(path, json=CHAIR, headers=headers))[0] == 412
        assert told(await client.delete(path, headers=headers))[:2] == (412, "version-moved")
    statuses: list[int] = []

    async def replace() -> None:
        answer = await client.put(path, json=CHAIR, headers={"if-match": '"1"'})
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as both:
        both.start_soon(replace)
        both.start_soon(replace)
    assert sorted(statuses) == [200, 412]
    assert (await client.put(path, json=CHAIR, headers={"if-match": "*"})).json()["version"] == 3


async def test_a_request_that_is_repeated_makes_one_item(client: httpx2.AsyncClient) -> None:
    key = {"idempotency-key": "k-1"}
    answers: list[httpx2.Response] = []

    async def ask() -> None:
        answers.append(await client.post(ITEMS, json=CHAIR, headers=key))

    async with anyio.create_task_group() as several:
        for _ in range(5):
            several.start_soon(ask)
    assert {answer.status_code for answer in answers} == {201}
    [path] = {answer.headers["location"] for answer in answers}
    await client.put(path, json={"name": "stool"}, headers={"if-match": '"1"'})
    again = await client.post(ITEMS, json=CHAIR, headers=key)
    assert (again.status_code, again.json()["name"], again.headers["etag"]) == (201, "stool", '"2"')
    other = await client.post(ITEMS, json={"name": "other"}, headers=key)
    assert told(other)[:2] == (422, "idempotency-key-reused")
    assert len((await client.get(ITEMS)).json()["items"]) == 1


async def test_a_name_is_taken_once(client: httpx2.AsyncClient) -> None:
    await make(client, "chair")
    path = (await make(client, "stool")).headers["location"]
    taken = (409, "name-taken", ["/name"])
    assert told(await make(client, "chair")) == taken
    assert told(await client.put(path, json=CHAIR, headers={"if-match": "*"})) == taken


async def test_pages_show_each_item_once(client: httpx2.AsyncClient) -> None:
    for number in range(5):
        await make(client, f"a%{number}")
    await make(client, "ab")
    seen: list[str] = []
    path = f"{ITEMS}?limit=2&name=a%25"
    while path:
        answer = await client.get(path)
        seen += [item["name"] for item in answer.json()["items"]]
        await make(client, f"a%new{len(seen)}")
        path = answer.headers.get("link", "").removesuffix('>; rel="next"').removeprefix("<")
        assert (answer.json()["next"] or "") in path
    assert seen == ["a%4", "a%3", "a%2", "a%1", "a%0"]


async def test_items_are_their_owners(url: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    names = ("ann", "bob")
    keys.write_text("".join(f"{it}:{hashlib.sha256(it.encode()).hexdigest()}\n" for it in names))
    ann, bob = ({"authorization": f"Bearer {name}"} for name in names)
    async with connect(url, keys=keys) as client:
        path = (await make(client, "chair", **ann)).headers["location"]
        assert (await client.get(path, headers=ann)).json()["owner"] == "ann"
        assert told(await client.get(path, headers=bob)) == (404, "not-found", [])
        assert (await client.get(ITEMS, headers=bob)).json()["items"] == []
        assert (await make(client, "chair", **bob)).status_code == 201
        assert told(await client.get(path))[:2] == (401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"name": " ", "attributes": {"x": "a" * 1001}, "y": 1}, ["/name", "/attributes/x", "/y"]),
        ({"attributes": {"x": [], "/": None}}, ["/name", "/attributes/x", "/attributes/~1"]),
        ({"name": "a" * 201, "attributes": {"k" * 101: 1}}, ["/name", f"/attributes/{'k' * 101}"]),
        ({"name": "a\n", "attributes": {str(n): n for n in range(51)}}, ["/name", "/attributes"]),
    ],
)
async def test_all_that_is_wrong_with_a_body_is_told(
    client: httpx2.AsyncClient, body: dict[str, object], pointers: list[str]
) -> None:
    assert told(await client.post(ITEMS, json=body)) == (422, "invalid-body", pointers)


async def test_all_that_is_wrong_with_a_query_is_told(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{ITEMS}?limit=0&cursor=x&name=%00")
    assert told(answer) == (422, "invalid-query", ["/limit", "/cursor", "/name"])
    assert told(await client.get(f"{ITEMS}?limit=101")) == (422, "invalid-query", ["/limit"])
