"""Errors as problem documents (RFC 9457), with the Open Inference Protocol's string `error`."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from app.server.answer import InvalidOutput
from app.server.batching import DeadlineExpired, QueueFull
from app.server.models import ModelsNotReady, UnknownModel
from app.server.protocol import InvalidRequest

_TITLES = {
    400: ("malformed", "The request is malformed"),
    404: ("not-found", "There is nothing here"),
    405: ("method-not-allowed", "The method is not allowed here"),
    413: ("too-large", "The body is too large"),
    415: ("media-type", "The media type is not supported"),
}


def problem(
    request: Request,
    status: int,
    slug: str,
    title: str,
    detail: str | None = None,
    *,
    errors: Sequence[dict[str, str]] = (),
    retry_after: int | None = None,
) -> JSONResponse:
    """Return a response of type application/problem+json. `retry_after` is in seconds."""
    document: dict[str, Any] = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "instance": request.url.path,
        "error": detail or title,
    }
    if detail:
        document["detail"] = detail
    if errors:
        document["errors"] = list(errors)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse(document, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make every error of this app a problem document."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _unprocessable(request, [_fault(fault) for fault in error.errors()])

    @app.exception_handler(InvalidRequest)
    async def does_not_fit(request: Request, error: InvalidRequest) -> Response:
        faults = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
        return _unprocessable(request, faults)

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


def _unprocessable(request: Request, faults: list[dict[str, str]]) -> Response:
    detail = "; ".join(f"{fault['pointer']} {fault['detail']}".strip() for fault in faults)
    return problem(request, 422, "invalid", "The request is not valid", detail, errors=faults)


def _fault(error: Any) -> dict[str, str]:
    place, *path = (str(part).replace("~", "~0").replace("/", "~1") for part in error["loc"])
    if place != "body":
        # A header or a path parameter has no pointer into the body.
        return {"pointer": "", "detail": f"{place} {path[0]}: {error['msg']}"}
    return {"pointer": "".join(f"/{part}" for part in path), "detail": error["msg"]}
