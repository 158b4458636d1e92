"""What the OpenAPI document says of problems: FastAPI knows its own form of errors only."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from service.problems import ProblemDocument

_DESCRIPTIONS = {
    400: "This is not well-formed HTTP or JSON.",
    401: "A valid API key is missing.",
    404: "There is nothing here.",
    408: "The request did not arrive in time.",
    409: "This cannot be beside what is there already.",
    412: "It is no longer what the caller has seen.",
    413: "The body is too large.",
    415: "The body has a media type that is not read here.",
    422: "A parameter or the body does not meet its schema; `errors` says where.",
    428: "The request has to say by `If-Match` which version it is about.",
    500: "Something went wrong here.",
    503: "This is not possible now, and may be repeated after `Retry-After`.",
}
# What any route answers when it does not do what it is for.
_ANYWHERE = (400, 401, 422, 500, 503)
_WITH_BODY = (408, 413, 415)
_REF = "#/components/schemas/"


_HEADERS = {
    "ETag": ("The version, for `If-Match`.", '"1"'),
    "Link": ("The next page.", '</v1/orders/items?cursor=AAY>; rel="next"'),
    "Location": ("The path of what was made.", "/v1/orders/items/<id>"),
    "Retry-After": ("Seconds to wait.", "7"),
    "WWW-Authenticate": ("How to say who calls.", "Bearer"),
}
_OF_PROBLEMS = {401: ["WWW-Authenticate"], 503: ["Retry-After"]}


def answers(
    *problems: int,
    body: bool = False,
    ok: int = 200,
    headers: Sequence[str] = (),
) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses`: problems of its own, of bodies and of every route.

    `headers` are those of the answer that is none, whose status is `ok`.
    """
    own = sorted({*problems, *_ANYWHERE, *(_WITH_BODY if body else ())})
    return {ok: {"headers": _headers(headers)}} | {status: problem(status) for status in own}


def problem(status: int) -> dict[str, Any]:
    """Return one of a route's `responses`."""
    if status == 304:
        return {"description": "It is what the caller has."}
    return {
        "description": _DESCRIPTIONS[status],
        "headers": _headers(_OF_PROBLEMS.get(status, ())),
        "content": {"application/problem+json": {"schema": {"$ref": f"{_REF}Problem"}}},
    }


def _headers(names: Sequence[str]) -> dict[str, Any]:
    return {
        name: {"description": description, "schema": {"type": "string"}, "example": example}
        for name in names
        for description, example in [_HEADERS[name]]
    }


def install(app: FastAPI) -> None:
    """Complete the document of `app`: the schema of problems, and no error in another form."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            _, ours = models_json_schema(
                [(ProblemDocument, "serialization")], ref_template=_REF + "{model}"
            )
            schemas["Problem"] = {
                **ours["$defs"].pop("ProblemDocument"),
                "examples": [_EXAMPLE],
            }
            schemas.update(ours["$defs"])
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]  # how FastAPI's documentation does it


_EXAMPLE = {
    "type": "/problems/invalid-body",
    "title": "Invalid body",
    "status": 422,
    "detail": "The body does not meet its schema.",
    "instance": "/v1/orders/items",
    "errors": [{"pointer": "/name", "detail": "Field required"}],
}
