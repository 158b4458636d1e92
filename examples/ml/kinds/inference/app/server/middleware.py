"""What surrounds every request. Pure ASGI: BaseHTTPMiddleware hides that a client has gone."""

import re
import time

from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from app.shared.log import get_logger

# https://www.w3.org/TR/trace-context/#traceparent-header; an id of zeros is not valid.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
REQUESTS = Counter("inference_requests", "Requests answered", ["method", "route", "status"])
log = get_logger()


def trace_id(traceparent: str) -> str | None:
    """Return the trace id (32 hexadecimal digits) of a valid W3C traceparent, or else None."""
    found = _TRACEPARENT.match(traceparent)
    return found and found.group(1)


class RequestLog:
    """Logs and counts each request, and puts the caller's trace id into every line of its log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started = time.monotonic()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        trace = trace_id(Headers(scope=scope).get("traceparent", ""))
        with bound_contextvars(**({"trace_id": trace} if trace else {})):
            try:
                await self._app(scope, receive, watch)
            finally:
                path, method = scope["path"], scope["method"]
                # The route's pattern and not the path: callers must not be able to make new series.
                route = getattr(scope.get("route"), "path", "none")
                REQUESTS.labels(method, route, status).inc()
                write = log.debug if path.startswith("/v2/health/") else log.info
                milliseconds = round((time.monotonic() - started) * 1000, 1)
                write("request", method=method, path=path, status=status, ms=milliseconds)


class BodyLimit:
    """Refuses a body of more than `limit` bytes with 413, before it is in memory.

    `max_body_size` of FastAPI answers with plain text, and not with a problem document.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "0")
        size = int(stated) if stated.isdecimal() else 0
        read = 0

        async def counted() -> Message:
            nonlocal read
            if size <= self._limit:
                message = await receive()
                read += len(message.get("body", b""))
            if max(size, read) > self._limit:
                # Raised where the body is read, so that it is answered like every other error.
                # The rest of the body is not worth reading: the connection ends.
                raise HTTPException(
                    413, f"a body has at most {self._limit} bytes", {"Connection": "close"}
                )
            return message

        await self._app(scope, counted, send)
