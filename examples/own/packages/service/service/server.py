"""An app with what all services have in common, and how it runs: one process, more are replicas."""

import asyncio
import math
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server
from pydantic import BaseModel

from service import openapi, problems
from service.callers import Callers
from service.limits import Limits
from service.problems import Problem, unavailable
from service.requests import Requests
from service.settings import ServerSettings

# Longer than any client keeps an idle connection: the client closes it first, and never
# writes a request into one that is just being closed here.
KEEP_ALIVE_S = 75


class Health(BaseModel):
    status: Literal["ok"] = "ok"


def create_app(
    settings: ServerSettings,
    limits: Limits,
    *,
    close: Callable[[], Awaitable[None]],
    known: Mapping[type[Exception], Callable[[], Problem]],
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
) -> FastAPI:
    """Return an app with probes, and with every error as a problem document.

    `known` says which problem an exception is that knows nothing of HTTP; `beside` runs while
    requests are answered, until it is cancelled; `close` ends what the service has open.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work()) for work in beside]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await close()

    name = settings.service_name
    app = FastAPI(
        title=name,
        # Where the gateway passes it on, as all below.
        openapi_url=f"/v1/{name}/openapi.json",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.limits = limits
    app.state.draining = False

    @app.get("/livez", tags=["health"], summary="Whether the process runs.")
    async def live() -> Health:
        return Health()

    # What is behind may be down: that fails some requests, but another replica could not do better.
    @app.get(
        "/readyz",
        tags=["health"],
        summary="Whether to send requests.",
        responses={503: openapi.problem(503)},
    )
    async def ready() -> Health:
        if app.state.draining:
            raise unavailable("draining", "This service stops.")
        return Health()

    problems.install(app, known)
    openapi.install(app)
    app.add_middleware(Requests, callers=Callers.from_file(settings.api_keys_file))
    return app


class _Server(uvicorn.Server):
    """Says that it drains, before it does."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.draining = True  # type: ignore[union-attr]  # it is an app
        super().handle_exit(sig, frame)


def run(app: FastAPI, settings: ServerSettings, port: int, limits: Limits) -> int:
    """Serve until a signal, and what runs then to its end; return the exit status."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(limits.drain_s),
    )
    server = _Server(config)
    # Before anything answers: whoever sees it up may tell it to stop. Once uvicorn runs, it drains,
    # and then raises the signal again.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    try:
        start_http_server(settings.metrics_port, settings.host)
    except OSError as error:
        sys.stderr.write(f"METRICS_PORT {settings.metrics_port} cannot be used: {error.strerror}\n")
        return 1
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve())
    return 0
