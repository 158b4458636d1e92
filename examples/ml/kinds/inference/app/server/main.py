"""`python -m app.server.main`: the HTTP service, one process. More processes are more replicas."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server
from pydantic import AfterValidator, Field

from app.server import problems
from app.server.middleware import BodyLimit, RequestLog
from app.server.models import BrokenModel, Models
from app.server.routes import VERSION, Service, router
from app.shared import log
from app.shared.limits import Limits
from app.shared.settings import Port, ProcessSettings, load

# Longer than any client keeps an idle connection: the client closes it first, and never
# writes a request into one that is just being closed here.
KEEP_ALIVE_S = 75


def _folder(value: Path) -> Path:
    if not value.is_dir():
        raise ValueError("must be a folder that exists")
    return value


def _models_of_service(values: dict[str, Any]) -> Path:
    """Return the models folder of the service that the settings read so far name."""
    return Path("../../services", values.get("service_name", "."), "models")


class ServerSettings(ProcessSettings):
    """What the HTTP service needs of the environment."""

    port: Annotated[Port, Field(examples=["8000"])] = 8000
    models_dir: Annotated[
        Path,
        AfterValidator(_folder),
        Field(default_factory=_models_of_service, validate_default=True),
    ]


def create_app(name: str, models: Models, limits: Limits) -> FastAPI:
    """Return the app that serves `models`, which may still be loading; `name` is the service's."""
    service = Service(name, models, limits)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(title=name, version=VERSION, lifespan=lifespan)
    app.state.service = service
    app.include_router(router)
    problems.install(app)
    app.add_middleware(BodyLimit, limit=limits.body_limit_bytes)
    app.add_middleware(RequestLog)
    return app


def main() -> int:
    """Serve until a signal; return the exit status."""
    settings, limits = load(ServerSettings)
    log.configure(settings.service_name, settings.log_level)
    models = Models(settings.models_dir)
    config = uvicorn.Config(
        create_app(settings.service_name, models, limits),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(limits.drain_s),
    )
    server = uvicorn.Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    # Before anything answers: whoever sees it up may tell it to stop. Once uvicorn runs, it drains,
    # and then raises the signal again.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        start_http_server(settings.metrics_port, settings.host)
    except OSError as error:
        sys.stderr.write(f"METRICS_PORT {settings.metrics_port} cannot be used: {error.strerror}\n")
        return 1
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        return runner.run(_serve(server, models))


async def _serve(server: uvicorn.Server, models: Models) -> int:
    """Listen at once, so that probes see it live, and load meanwhile. Return the exit status."""
    loading = asyncio.create_task(asyncio.to_thread(models.load))

    def stop_if_broken(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and done.exception():
            server.should_exit = True

    loading.add_done_callback(stop_if_broken)
    await server.serve()
    if not loading.done():
        return 0
    try:
        await loading
    except BrokenModel as error:
        sys.stderr.write(f"a model cannot be served:\n  {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
