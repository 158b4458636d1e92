"""What the OpenAPI document says of problems: FastAPI knows its own form of errors only."""

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


def header(description: str, example: str) -> dict[str, Any]:
    """Return a header of an answer."""
    return {"description": description, "schema": {"type": "string"}, "example": example}


_HEADERS = {
    401: {"WWW-Authenticate": header("How to say who calls.", "Bearer")},
    503: {"Retry-After": header("Seconds to wait.", "7")},
}


def answers(*own: int, body: bool = False, only: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return problems, as a route's `responses`: its own, those of bodies, and of every route."""
    statuses = sorted({*own, *(_WITH_BODY if body else ()), *(() if only else _ANYWHERE)})
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "headers": _HEADERS.get(status, {}),
            "content": {"application/problem+json": {"schema": {"$ref": f"{_REF}Problem"}}},
        }
        for status in statuses
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
