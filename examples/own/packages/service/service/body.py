"""Reads the body of a request: JSON within bounds, with all that is wrong with it told at once."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from service.limits import Limits
from service.problems import Fault, Problem, invalid

_CLOSE = {"Connection": "close"}
# Of a body that is too large, so many times the limit are read and forgotten: where a connection
# ends with bytes that nobody read, the client gets a reset in place of the answer.
_PATIENCE = 8


class JsonRoute(APIRoute):
    """A route whose body is JSON: `APIRouter(route_class=JsonRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, field = super().get_route_handler(), self.body_field
        if field is None:
            return handle

        async def read_and_handle(request: Request) -> Response:
            limits: Limits = request.app.state.limits
            media_type = request.headers.get("content-type", "").partition(";")[0]
            if media_type.strip().lower() != "application/json":
                raise Problem(415, "unsupported-media-type", "Send application/json.")
            content = await _read(request, limits)
            document, faults = parse(content, limits.body_depth_max)
            if faults:
                _, more = field.validate(document, {}, loc=("body",))
                raise RequestValidationError([*faults, *more], body=document)
            return await handle(_JsonRequest(request, content, document))

        return read_and_handle


class _JsonRequest(Request):
    """A request whose body was read. FastAPI asks both methods."""

    def __init__(self, request: Request, content: bytes, document: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._content = content
        self._document = document

    async def body(self) -> bytes:
        return self._content

    async def json(self) -> Any:
        return self._document


async def _read(request: Request, limits: Limits) -> bytes:
    chunks, size = [], 0
    try:
        async with asyncio.timeout(limits.request_timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limits.body_limit_bytes:
                    chunks.append(chunk)
                elif size > limits.body_limit_bytes * _PATIENCE:
                    break
    except TimeoutError:
        detail = "The request did not arrive in time."
        raise Problem(408, "request-timeout", detail, headers=_CLOSE) from None
    if size > limits.body_limit_bytes:
        detail = f"A body has at most {limits.body_limit_bytes} bytes."
        raise Problem(413, "body-too-large", detail, headers=_CLOSE)
    return b"".join(chunks)


def parse(content: bytes, levels: int) -> tuple[Any, list[dict[str, Any]]]:
    """Return the document, and a fault (as pydantic's) for each text that PostgreSQL cannot keep.

    What is wrong with such a text is replaced in the document, so that the rest can be checked.
    Raise a Problem where it is no JSON, or nests deeper than `levels`.
    """
    faults: list[dict[str, Any]] = []
    try:
        # What some editors write before a text is no part of it (RFC 8259, 8.1).
        text = content.decode("utf-8-sig")
        document = json.loads(text, parse_int=number, parse_constant=_refuse)
        return _cleaned(document, ("body",), levels, faults), faults
    except RecursionError:
        raise _too_deep(levels) from None
    except ValueError:
        raise Problem(400, "bad-request", "The body is not valid JSON.") from None


def number(digits: str) -> float:
    """Return a whole number of JSON: what no double holds exactly is one (RFC 8259, 6)."""
    near = float(digits)
    return int(digits) if abs(near) < 2**53 else near


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _too_deep(levels: int) -> Problem:
    return invalid("body", [Fault(pointer="", detail=f"nests deeper than {levels} levels")])


def _cleaned(value: Any, at: tuple[Any, ...], levels: int, faults: list[dict[str, Any]]) -> Any:
    if isinstance(value, str):
        return _text(value, at, faults)
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        raise _too_deep(len(at) - 1)
    if isinstance(value, list):
        return [_cleaned(it, (*at, n), levels - 1, faults) for n, it in enumerate(value)]
    # A pointer to a member whose name is at fault could not be written: it is to what it is in.
    named = ((_text(key, at, faults), it) for key, it in value.items())
    return {key: _cleaned(it, (*at, key), levels - 1, faults) for key, it in named}


def _text(text: str, at: tuple[Any, ...], faults: list[dict[str, Any]]) -> str:
    clean = text.replace("\0", "�")
    if clean != text:
        message = "has the character U+0000"
        faults.append({"type": "text", "loc": at, "msg": message})
    try:
        clean.encode()
    except UnicodeEncodeError:
        message = "has half of a surrogate pair, which is no character"
        faults.append({"type": "text", "loc": at, "msg": message})
        clean = clean.encode("utf-8", "replace").decode()
    return clean
