"""Requests that depend on what is there: on a version, or on a request made before."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel, Field

from service.problems import Problem

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')  # RFC 9110, 8.8.3

IfMatch = Annotated[
    str | None, Header(description="The `ETag` that the caller has seen, or `*`.", examples=['"1"'])
]


def etag(version: int) -> str:
    """Return a version as the header `ETag` has it."""
    return f'"{version}"'


def names(field: str | None, version: int, *, weak: bool = False) -> bool:
    """Return whether a field names this version: If-Match, or If-None-Match, which is `weak`."""
    if field is None or field.strip() == "*":
        return field is not None
    tags = _TAG.findall(field)
    return any(tag == str(version) and (weak or not mark) for mark, tag in tags)


def digest(body: BaseModel) -> str:
    """Return the same for bodies that say the same, also after a field with a default was added."""
    text = json.dumps(body.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# What a route depends on is `async`, also where it waits for nothing: FastAPI takes a thread for
# the rest, which costs more than all of this together.
async def _if_said(if_match: IfMatch = None) -> Callable[[int], bool]:
    return lambda version: if_match is None or names(if_match, version)


async def _required(if_match: IfMatch = None) -> Callable[[int], bool]:
    if if_match is None:
        raise Problem(428, "precondition-required", "Say by If-Match which version it is about.")
    return await _if_said(if_match)


async def _if_none_match(
    if_none_match: Annotated[
        str | None, Header(description="The `ETag` of what the caller has.", examples=['"1"'])
    ] = None,
) -> str | None:
    return if_none_match


async def _idempotency_key(
    idempotency_key: Annotated[
        Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")] | None,
        Header(description="The same once more makes nothing.", examples=["f81d4fae"]),
    ] = None,
) -> str | None:
    return idempotency_key


IfNoneMatch = Annotated[str | None, Depends(_if_none_match)]
IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]
# Whether a version is one that the caller takes for the present one.
Expected = Annotated[Callable[[int], bool], Depends(_required)]
ExpectedIfSaid = Annotated[Callable[[int], bool], Depends(_if_said)]
