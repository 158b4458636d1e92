"""What surrounds every request. Pure ASGI: BaseHTTPMiddleware hides that a client has gone."""

import asyncio
import re
import time
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import Histogram
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from service.callers import Callers
from service.log import get_logger
from service.problems import METHODS, Problem, unavailable

# https://www.w3.org/TR/trace-context/: version 00, and later ones that only append.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
PROBES = frozenset({"/livez", "/readyz"})
# All else needs a key, but for the OpenAPI document.
_PUBLIC = PROBES | {"/docs", "/docs/oauth2-redirect", "/redoc"}
_CLIENT_GONE = 499  # nginx's number; nobody is left to read it
DURATION = Histogram(
    "http_request_duration_seconds", "How long requests took", ["method", "route", "status"]
)
log = get_logger()


def trace_id(traceparent: str) -> str:
    """Return the trace (32 hexadecimal digits) of a valid W3C traceparent, or else a new one."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1] if found else uuid4().hex


async def _caller(
    request: Request,
    # For the OpenAPI document: the header was read before the body was.
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> str:
    caller: str = request.state.caller
    return caller


# The name of the one who calls, as a route's parameter.
Caller = Annotated[str, Depends(_caller)]


class Requests:
    """Knows who calls, and logs, counts and answers each request whatever happens within."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 0, time.monotonic()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if method == "HEAD":
            # In a copy: the server leaves the body out where its own says HEAD.
            scope = {**scope, "method": "GET"}
        caller = self._callers.identify(headers.get("authorization", ""))
        scope.setdefault("state", {})["caller"] = caller
        with bound_contextvars(trace_id=trace_id(headers.get("traceparent", ""))):
            try:
                is_public = path in _PUBLIC or path == scope["app"].openapi_url
                if caller is None and not is_public:
                    await _unauthorized().response(scope)(scope, receive, watch)
                else:
                    await self._app(scope, receive, watch)
            except ClientDisconnect:
                status = status or _CLIENT_GONE
            except asyncio.CancelledError:
                if status or not scope["app"].state.draining:
                    raise
                # The time to drain is over. Nobody else says so to the caller.
                problem = unavailable("draining", "This service stops.")
                await problem.response(scope)(scope, receive, watch)
            except Exception:
                log.exception("internal")
                if status:
                    # The answer has begun. The server ends the connection.
                    raise
                problem = Problem(500, "internal", "Something went wrong here.")
                await problem.response(scope)(scope, receive, watch)
            finally:
                seconds = time.monotonic() - started
                label = method if method in METHODS else "other"
                DURATION.labels(label, _route(scope), status).observe(seconds)
                write = log.debug if path in PROBES else log.info
                write(
                    "request",
                    method=method,
                    path=path,
                    status=status,
                    ms=round(seconds * 1000, 1),
                    caller=caller,
                )


def _route(scope: Scope) -> str:
    """Return the route's pattern: callers must not be able to make new series by their paths."""
    # With the prefixes of the routers that it is included by, which `route` itself lacks.
    included = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(included or scope.get("route"), "path", "none")


def _unauthorized() -> Problem:
    detail = "A valid API key is missing."
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
