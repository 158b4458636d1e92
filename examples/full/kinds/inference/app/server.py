"""`python -m app.server`: the HTTP service, one process. Another process is another replica."""

import asyncio
import signal
import sys

import uvicorn
from prometheus_client import start_http_server

from app import log
from app.main import create_app
from app.models import BrokenModel, Models
from app.settings import ServerSettings, load

# Longer than any client keeps an idle connection: the client closes it first, and never
# writes a request into one that is just being closed here.
KEEP_ALIVE_S = 75


def main() -> int:
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
    """Listens at once, so that probes see it live, and loads meanwhile. Returns the exit status."""
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
