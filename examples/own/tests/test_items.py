"""What every own service answers about its `items`, whatever it is made of."""

from __future__ import annotations

import base64
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from items import Items, assert_problem, new_name, own_services

JSON = "application/json"


@pytest.fixture(params=own_services())
def items(request: pytest.FixtureRequest, gateway: httpx2.Client) -> Items:
    return Items(gateway, request.param)


def test_what_is_created_is_there(items: Items) -> None:
    name = new_name()
    attributes = {"n": 1.5, "b": True, "s": "x"}
    answer = items.request("POST", body={"name": name, "attributes": attributes})
    assert answer.status_code == 201
    item = answer.json()
    assert item.keys() == {
        "id", "owner", "name", "attributes", "version", "created_at", "updated_at",
    }  # fmt: skip
    assert item["name"] == name
    assert item["attributes"] == attributes
    assert item["version"] == 1
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["location"] == f"{items.path}/{uuid.UUID(item['id'])}"
    assert items.request("GET", answer.headers["location"]).json() == item
    for text in (item["created_at"], item["updated_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
        age = datetime.now(UTC) - datetime.fromisoformat(text)
        assert abs(age) < timedelta(minutes=1)


def test_attributes_may_be_left_out(items: Items) -> None:
    answer = items.request("POST", body={"name": new_name()})
    assert answer.json()["attributes"] == {}


def test_a_list_begins_with_the_newest(items: Items) -> None:
    made = [items.create()["id"] for _ in range(3)]
    assert [item["id"] for item in items.page(limit=3)["items"]] == made[::-1]


def test_pages_have_everything_once_whatever_is_made_meanwhile(items: Items) -> None:
    begin = new_name("page")
    made = [items.create(f"{begin} {number}")["id"] for number in range(5)]
    seen: list[str] = []
    answer = items.gateway.get(items.path, params={"limit": 2, "name": begin})
    while True:
        page = answer.json()
        seen += [item["id"] for item in page["items"]]
        items.create(f"{begin} {new_name()}")
        if page["next"] is None:
            break
        link = re.fullmatch(r'<(\S+)>; rel="next"', answer.headers["link"])
        assert link
        assert page["next"] in link[1]
        answer = items.request("GET", link[1])
    assert "link" not in answer.headers
    assert seen == made[::-1]


def test_a_name_is_looked_for_as_it_is_written(items: Items) -> None:
    begin = new_name("100%_\\")
    item = items.create(f"{begin} a")
    items.create(new_name("100-"))
    assert [found["id"] for found in items.page(name=begin)["items"]] == [item["id"]]
    assert items.page(name=begin.replace("%", "a"))["items"] == []


def test_a_replacement_needs_the_version_that_it_replaces(items: Items) -> None:
    item = items.create(colour="blue")
    path, body = f"/{item['id']}", {"name": new_name(), "attributes": {"colour": "red"}}
    assert_problem(items.request("PUT", path, body), 428, "precondition-required")
    answer = items.request("PUT", path, body, if_match='"1"')
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    assert answer.json() == item | body | {"version": 2, "updated_at": answer.json()["updated_at"]}
    assert answer.json()["updated_at"] >= item["updated_at"]
    assert_problem(items.request("PUT", path, body, if_match='"1"'), 412, "version-moved")
    assert items.read(item)["version"] == 2
    assert items.request("PUT", path, body, if_match="*").json()["version"] == 3


def test_of_two_who_replace_one_version_one_wins(items: Items) -> None:
    item = items.create()

    def replace(number: int) -> int:
        body = {"name": item["name"], "attributes": {"by": number}}
        return items.request("PUT", f"/{item['id']}", body, if_match='"1"').status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(replace, range(8))) == [200] + 7 * [412]
    assert items.read(item)["version"] == 2


def test_what_is_removed_is_gone(items: Items) -> None:
    item = items.create()
    path = f"/{item['id']}"
    assert_problem(items.request("DELETE", path, if_match='"2"'), 412, "version-moved")
    answer = items.request("DELETE", path, if_match='"1"')
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert_problem(items.request(method, path), 404, "not-found")


def test_who_has_the_version_is_not_sent_it_again(items: Items) -> None:
    item = items.create()
    answer = items.request("GET", f"/{item['id']}", if_none_match='"0", "1"')
    assert (answer.status_code, answer.content) == (304, b"")
    assert items.request("GET", f"/{item['id']}", if_none_match='"2"').status_code == 200


@pytest.mark.parametrize("identity", [str(uuid.UUID(int=0)), "7", "a" * 1_000])
def test_there_is_no_item_of_another_id(items: Items, identity: str) -> None:
    assert_problem(items.request("GET", f"/{identity}"), 404, "not-found")


@pytest.mark.parametrize("identity", ["%00", "%ff", "a" * 10_000])
def test_what_can_be_no_id_is_refused(items: Items, identity: str) -> None:
    assert 400 <= items.request("GET", f"/{identity}").status_code < 500


def test_one_key_is_one_item(items: Items) -> None:
    key, body = new_name("key"), {"name": new_name(), "attributes": {"a": 1}}
    with ThreadPoolExecutor(8) as pool:
        ask = lambda _: items.request("POST", body=body, idempotency_key=key)  # noqa: E731
        answers = list(pool.map(ask, range(8)))
    assert [answer.status_code for answer in answers] == 8 * [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(items.page(name=body["name"])["items"]) == 1
    # The order of members is no difference, a value is.
    again = {"attributes": {"a": 1}, "name": body["name"]}
    assert items.request("POST", body=again, idempotency_key=key).status_code == 201
    other = body | {"attributes": {"a": 2}}
    answer = items.request("POST", body=other, idempotency_key=key)
    assert_problem(answer, 422, "idempotency-key-reused")


@pytest.mark.parametrize("key", ["a" * 256, "two words"])
def test_a_key_is_short_and_visible(items: Items, key: str) -> None:
    answer = items.request("POST", body={"name": new_name()}, idempotency_key=key)
    assert_problem(answer, 422, "invalid-header", "/idempotency-key")


def test_a_name_is_taken_once(items: Items) -> None:
    item, other = items.create(), items.create()
    body = {"name": item["name"]}
    assert_problem(items.request("POST", body=body), 409, "name-taken", "/name")
    answer = items.request("PUT", f"/{other['id']}", body, if_match="*")
    assert_problem(answer, 409, "name-taken", "/name")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name"]),
        ([], [""]),
        ("name", [""]),
        ({"name": ""}, ["/name"]),
        ({"name": " \t "}, ["/name"]),
        ({"name": "a" * 201}, ["/name"]),
        ({"name": "a\nb"}, ["/name"]),
        ({"name": 7}, ["/name"]),
        ({"name": None, "attributes": [], "colour": "blue"}, ["/name", "/attributes", "/colour"]),
        ({"name": "a", "attributes": {"x": [1], "y": None}}, ["/attributes/x", "/attributes/y"]),
        ({"name": "a", "attributes": {"": 1}}, ["/attributes/"]),
        ({"name": "a", "attributes": {"long": "a" * 1001}}, ["/attributes/long"]),
        ({"name": "a", "attributes": {"a/b~c": {}}}, ["/attributes/a~1b~0c"]),
        ({"name": "a", "attributes": dict.fromkeys(map(str, range(51)), 1)}, ["/attributes"]),
        ({"name": "a\0b"}, ["/name"]),
        ({"name": "a", "attributes": {"key": "\0"}}, ["/attributes/key"]),
    ],
)  # fmt: skip
def test_every_fault_of_a_body_is_told(items: Items, body: Any, pointers: list[str]) -> None:
    assert_problem(items.request("POST", body=body), 422, "invalid-body", *pointers)


@pytest.mark.parametrize(
    ("content", "status", "slug", "pointers"),
    [
        (b"", 400, "bad-request", []),
        (b'{"name": ', 400, "bad-request", []),
        (b'{"name": "\xff"}', 400, "bad-request", []),
        (b'{"name": "a", "attributes": {"n": NaN}}', 400, "bad-request", []),
        (b'{"name": "a", "attributes": {"n": 1e999}}', 422, "invalid-body", ["/attributes/n"]),
        (b'{"name": "\\ud800"}', 422, "invalid-body", ["/name"]),
        (b'{"name": ' + 40 * b"[" + 40 * b"]" + b"}", 422, "invalid-body", [""]),
    ],
)
def test_what_is_no_json_is_told_from_what_does_not_fit(
    items: Items, content: bytes, status: int, slug: str, pointers: list[str]
) -> None:
    answer = items.send("POST", "", content, content_type=JSON)
    assert_problem(answer, status, slug, *pointers)


def test_a_body_has_its_type_and_its_size(items: Items) -> None:
    body = b'{"name": "a"}'
    for types in ({}, {"content_type": "text/plain"}):
        answer = items.send("POST", "", body, **types)
        assert_problem(answer, 415, "unsupported-media-type")
    large = b'{"name": "' + 1_048_576 * b"a" + b'"}'
    answer = items.send("POST", "", large, content_type=JSON)
    assert_problem(answer, 413, "body-too-large")


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"limit": "0"}, ["/limit"]),
        ({"limit": "101"}, ["/limit"]),
        ({"limit": "x", "cursor": "?"}, ["/limit", "/cursor"]),
        ({"cursor": base64.urlsafe_b64encode(b'["now", 7]').decode()}, ["/cursor"]),
        ({"cursor": base64.urlsafe_b64encode(b"' OR 1=1 --").decode()}, ["/cursor"]),
        ({"cursor": "a" * 2000}, ["/cursor"]),
        ({"name": "\0"}, ["/name"]),
    ],
)
def test_every_fault_of_a_query_is_told(
    items: Items, query: dict[str, str], pointers: list[str]
) -> None:
    answer = items.gateway.get(items.path, params=query)
    assert_problem(answer, 422, "invalid-query", *pointers)


def test_text_is_text(items: Items) -> None:
    words = "'; DROP TABLE items; -- \" $1 ${x} {{x}} <script>"
    item = items.create(f"{new_name()} {words}", **{words: words})
    assert items.read(item)["attributes"] == {words: words}
    assert [found["id"] for found in items.page(name=item["name"])["items"]] == [item["id"]]


def test_a_large_number_stays_the_double_that_it_is(items: Items) -> None:
    item = items.create(n=1e300)
    # PostgreSQL keeps and gives its 301 digits.
    assert items.read(item)["attributes"] == item["attributes"] == {"n": 1e300}


def test_a_method_that_is_not_there_is_told_with_those_that_are(items: Items) -> None:
    answer = items.request("PATCH", f"/{items.create()['id']}", {})
    assert_problem(answer, 405, "method-not-allowed")
    assert {"GET", "PUT", "DELETE"} <= set(answer.headers["allow"].split(", "))


def test_what_is_there_is_documented(items: Items) -> None:
    document = items.gateway.get(f"/v1/{items.service}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["paths"][items.path].keys() >= {"get", "post"}
    named = (it for path, it in document["paths"].items() if path.startswith(f"{items.path}/{{"))
    item = next(named)
    assert item.keys() >= {"get", "put", "delete"}
    answers = item["put"]["responses"]
    assert {"200", "404", "409", "412", "422", "428"} <= answers.keys()
