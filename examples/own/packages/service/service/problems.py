"""Errors as problem documents (RFC 9457)."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_SLUGS = {401: "unauthorized", 404: "not-found", 405: "method-not-allowed"}
# The parts of a request that have a schema; of several that are wrong the first is told.
_PARTS = ("path", "body", "query", "header")


class Fault(BaseModel):
    """What is wrong with a part of a request.

    `pointer` is a JSON pointer (RFC 6901) into what the problem's type names: the body or, as into
    an object of the parameters, the path, query or header.
    """

    pointer: str
    detail: str


class ProblemDocument(BaseModel):
    model_config = ConfigDict(title="Problem")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    # Never null, and so the document does not say that: it is left out where there is none.
    errors: list[Fault] = []


class Problem(HTTPException):
    """An answer that says what went wrong. Its type is `/problems/<slug>`."""

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.slug = slug
        self.errors = errors

    def response(self, scope: Scope) -> JSONResponse:
        """Return this as the answer to the request of `scope`."""
        path: str = scope["raw_path"].decode("latin-1")
        query: str = scope["query_string"].decode("latin-1")
        document = ProblemDocument(
            type=f"/problems/{self.slug}",
            title=self.slug.replace("-", " ").capitalize(),
            status=self.status_code,
            detail=self.detail,
            instance=f"{path}?{query}" if query else path,
            errors=list(self.errors),
        )
        content = document.model_dump(exclude_defaults=True)
        return JSONResponse(content, self.status_code, self.headers, "application/problem+json")


def unavailable(slug: str, detail: str) -> Problem:
    """Return a problem of ours and not of the caller: try again, not all at once."""
    seconds = random.randint(5, 10)  # noqa: S311  # it spreads, and keeps no secret
    return Problem(503, slug, detail, headers={"Retry-After": str(seconds)})


def invalid(part: str, faults: list[Fault]) -> Problem:
    """Return a problem for what does not meet its schema: the path, query, header or body."""
    return Problem(422, f"invalid-{part}", f"The {part} does not meet its schema.", errors=faults)


def install(app: FastAPI, known: Mapping[type[Exception], Callable[[], Problem]]) -> None:
    """Make every error of `app` a problem document; `known` are exceptions that know no HTTP."""

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if isinstance(error, Problem):
            return error.response(request.scope)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_allowed(app, request.scope))
        slug = _SLUGS.get(error.status_code, "bad-request")
        problem = Problem(error.status_code, slug, error.detail, headers=headers)
        return problem.response(request.scope)

    @app.exception_handler(RequestValidationError)
    async def unprocessable(request: Request, error: RequestValidationError) -> Response:
        errors = error.errors()
        part = min((it["loc"][0] for it in errors), key=_PARTS.index)
        faults = [_fault(it, error.body) for it in errors if it["loc"][0] == part]
        # Of a union, each type tells the same of one place.
        unique = {(fault.pointer, fault.detail): fault for fault in faults}
        return invalid(part, list(unique.values())).response(request.scope)

    async def of_the_service(request: Request, error: Exception) -> Response:
        return known[type(error)]().response(request.scope)

    for exception in known:
        app.add_exception_handler(exception, of_the_service)


def _allowed(app: FastAPI, scope: Scope) -> list[str]:
    """Return the methods of all routes of this path: the framework tells those of the first."""

    def is_route(method: str) -> bool:
        asked = {**scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in app.routes)

    methods = [method for method in METHODS if is_route(method)]
    return ["HEAD", *methods] if "GET" in methods else methods


def pointer_to(path: tuple[str | int, ...]) -> str:
    """Return the JSON pointer (RFC 6901) of a place in a document."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _fault(error: Mapping[str, Any], document: object) -> Fault:
    """Return what pydantic says of one place, which names more than members: types of a union."""
    part, *rest = error["loc"]
    path = tuple(rest)
    if part == "body":
        at, there = document, 0
        for step in path:
            try:
                at = at[step]  # type: ignore[index]  # what has no members says so
            except (KeyError, IndexError, TypeError):
                break
            there += 1
        path = path[: there + (error["type"] == "missing")]
    else:
        path = path[:1]
    return Fault(pointer=pointer_to(path), detail=error["msg"].removeprefix("Value error, "))
