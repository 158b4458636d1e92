"""Errors as problem documents (RFC 9457), with the Open Inference Protocol's string `error`.

Also what the OpenAPI document says of them: FastAPI knows its own form of errors only.
"""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException

from app.server.answer import InvalidOutput
from app.server.batching import DeadlineExpired, QueueFull
from app.server.models import ModelsNotReady, UnknownModel
from app.server.protocol import InferRequest, InvalidRequest

_TITLES = {
    400: ("malformed", "The request is malformed"),
    404: ("not-found", "There is nothing here"),
    405: ("method-not-allowed", "The method is not allowed here"),
    413: ("too-large", "The body is too large"),
    415: ("media-type", "The media type is not supported"),
}
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
_REF = "#/components/schemas/"


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


def problem(
    request: Request,
    status: int,
    slug: str,
    title: str,
    detail: str | None = None,
    *,
    errors: list[ProblemError] | None = None,
    retry_after: int | None = None,
) -> JSONResponse:
    """Return a response of type application/problem+json. `retry_after` is in seconds."""
    document = Problem(
        type=f"/problems/{slug}",
        title=title,
        status=status,
        instance=request.url.path,
        error=detail or title,
        detail=detail or None,
        errors=errors or None,
    )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    content = document.model_dump(exclude_none=True)
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make every error of this app a problem document, also in its OpenAPI document."""
    plain = app.openapi

    def with_problems() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(plain())
        return app.openapi_schema

    app.openapi = with_problems  # type: ignore[method-assign]  # how FastAPI's documentation does it

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _unprocessable(request, [_fault(fault) for fault in error.errors()])

    @app.exception_handler(InvalidRequest)
    async def does_not_fit(request: Request, error: InvalidRequest) -> Response:
        faults = (ProblemError(pointer=it.pointer, detail=it.detail) for it in error.faults)
        return _unprocessable(request, list(faults))

    @app.exception_handler(UnknownModel)
    async def unknown(request: Request, error: UnknownModel) -> Response:
        return problem(request, 404, "unknown-model", "The model is unknown", str(error))

    @app.exception_handler(ModelsNotReady)
    async def starting(request: Request, error: ModelsNotReady) -> Response:
        return problem(request, 503, "starting", "Not ready", str(error), retry_after=1)

    @app.exception_handler(QueueFull)
    async def full(request: Request, error: QueueFull) -> Response:
        return problem(request, 503, "queue-full", "The queue is full", str(error), retry_after=1)

    @app.exception_handler(DeadlineExpired)
    async def expired(request: Request, error: DeadlineExpired) -> Response:
        return problem(request, 504, "deadline-expired", "The deadline passed", str(error))

    @app.exception_handler(InvalidOutput)
    async def invalid_output(request: Request, error: InvalidOutput) -> Response:
        return problem(request, 500, "invalid-output", "The output is not valid", str(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        slug, title = _TITLES.get(error.status_code, ("http", error.detail))
        response = problem(request, error.status_code, slug, title, error.detail)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _error: Exception) -> Response:
        # The server logs it, with its trace; what went wrong inside is not for the caller.
        response = problem(request, 500, "internal", "An error on our side")
        # uvicorn ends the connection after an error that nobody caught. A client that is not told
        # sends its next request into it, and that one is lost as well.
        response.headers["Connection"] = "close"
        return response


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add the schemas that routes refer to, and take out FastAPI's own form of a 422."""
    schemas = document["components"]["schemas"]
    _, ours = models_json_schema(
        [(InferRequest, "validation"), (Problem, "validation")], ref_template=_REF + "{model}"
    )
    schemas.update(ours["$defs"])
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            problem = operation["responses"].get("422", {}).get("content", {})
            if "application/json" in problem:
                del operation["responses"]["422"]
    return document


def _unprocessable(request: Request, faults: list[ProblemError]) -> Response:
    detail = "; ".join(f"{fault.pointer} {fault.detail}".strip() for fault in faults)
    return problem(request, 422, "invalid", "The request is not valid", detail, errors=faults)


def _fault(error: Any) -> ProblemError:
    """Return what pydantic says of one field, with its place as a JSON pointer (RFC 6901)."""
    place, *path = (str(part).replace("~", "~0").replace("/", "~1") for part in error["loc"])
    if place != "body":
        # A header or a path parameter has no pointer into the body.
        return ProblemError(pointer="", detail=f"{place} {path[0]}: {error['msg']}")
    return ProblemError(pointer="".join(f"/{part}" for part in path), detail=error["msg"])
