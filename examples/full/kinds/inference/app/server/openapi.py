"""What the OpenAPI document says beyond what FastAPI reads off the routes: problems and bodies."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.server.protocol import InferRequest

_REF = "#/components/schemas/"
_DESCRIPTIONS = {
    400: "The body is no JSON, or not what its headers say",
    404: "There is no such model, or not in this version",
    413: "The body is too large",
    415: "The media type or the coding of the body is not supported",
    422: "The request does not fit the model; `errors` points at every fault",
    500: "The model failed, or computed a value that JSON cannot carry",
    503: "The models are being loaded, or too many requests wait; `Retry-After` says how long",
    504: "The caller's deadline passed before the model ran",
}

BYTES: dict[str, Any] = {
    "application/octet-stream": {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": "JSON as above, and after it the bytes of its tensors. The header "
            "Inference-Header-Content-Length says where they begin.",
        }
    }
}
_EXAMPLE = {
    "inputs": [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": [0] * 64}],
    "outputs": [{"name": "label"}],
}
INFER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"{_REF}InferRequest"},
                "examples": {"digits": {"value": _EXAMPLE}},
            },
            **BYTES,
        },
    }
}


class ProblemError(BaseModel):
    pointer: str
    detail: str


class Problem(BaseModel):
    """RFC 9457, with the string `error` of the Open Inference Protocol."""

    type: str
    title: str
    status: int
    instance: str
    error: str
    detail: str | None = None
    errors: list[ProblemError] | None = None


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems of these statuses, as a route's `responses`."""
    content = {"application/problem+json": {"schema": {"$ref": f"{_REF}Problem"}}}
    return {
        status: {"description": _DESCRIPTIONS[status], "content": content} for status in statuses
    }


def install(app: FastAPI) -> None:
    """Complete the OpenAPI document of `app`."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(plain())
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]  # how FastAPI's documentation does it


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    _, ours = models_json_schema(
        [(InferRequest, "validation"), (Problem, "validation")], ref_template=_REF + "{model}"
    )
    schemas.update(ours["$defs"])
    # FastAPI's own form of a 422 is of no route here.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            problem = operation["responses"].get("422", {}).get("content", {})
            if "application/json" in problem:
                del operation["responses"]["422"]
    return document
