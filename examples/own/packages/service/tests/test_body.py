"""What a body may be."""

import httpx2
import pytest

JSON = {"content-type": "application/json"}


async def put_text(client: httpx2.AsyncClient, content: str | bytes) -> tuple[int, list[str]]:
    answer = await client.put("/v1/things/1", content=content, headers=JSON)
    return answer.status_code, [fault["pointer"] for fault in answer.json().get("errors", [])]


@pytest.mark.parametrize(
    ("content", "status", "pointers"),
    [
        ('﻿{"name": "a"}', 200, []),
        ("", 400, []),
        ('{"name": "a"', 400, []),
        ('{"name": NaN}', 400, []),
        (b'{"name": "\xff"}', 400, []),
        ('{"name": "a"}' + " " * 200, 413, []),
        ('{"name": [[[1]]]}', 422, [""]),
        ("[" * 150, 400, []),
        ('{"name": "\\u0000"}', 422, ["/name"]),
        ('{"name": "\\ud800", "size": "x"}', 422, ["/name", "/size"]),
        ('{"name": "a", "more": ["b", {"c/d": "\\udfff"}]}', 422, ["/more/1/c~1d"]),
        ('{"name": "a", "more": {"\\ud800": 1}}', 422, ["/more"]),
        ('{"name": "\\ud83d\\ude00"}', 200, []),
        ("[]", 422, [""]),
    ],
)
async def test_a_body_is_json_that_can_be_kept(
    client: httpx2.AsyncClient, content: str | bytes, status: int, pointers: list[str]
) -> None:
    found = await put_text(client, content)
    assert (found[0], sorted(set(found[1]))) == (status, pointers)


async def test_numbers_are_those_that_other_languages_read(client: httpx2.AsyncClient) -> None:
    for text, size in {
        "9007199254740991": 2**53 - 1,
        "12345678901234567891": 1.2345678901234567e19,
    }.items():
        answer = await client.put(
            "/v1/things/1", content=f'{{"name":"a","size":{text}}}', headers=JSON
        )
        assert repr(answer.json()["size"]) == repr(size)


async def test_only_json_is_read(client: httpx2.AsyncClient) -> None:
    for headers in ({}, {"content-type": "text/json"}, {"content-type": "application/xml"}):
        answer = await client.put("/v1/things/1", content='{"name": "a"}', headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (
            415,
            "/problems/unsupported-media-type",
        )
    with_charset = {"content-type": "Application/JSON; charset=utf-8"}
    answer = await client.put("/v1/things/1", content='{"name": "a"}', headers=with_charset)
    assert answer.status_code == 200
