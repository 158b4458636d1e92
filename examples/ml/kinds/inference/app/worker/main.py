"""`python -m app.worker.main`: a worker, one process. Run as many as you like.

Each of them also hands to the queue what is due, expires what is overdue and takes over what lost
workers have left.
"""

import asyncio
import os
import signal
import socket
import sys
from typing import Annotated

from prometheus_client import start_http_server
from pydantic import Field
from uvicorn.loops.auto import auto_loop_factory

from app.shared import log
from app.shared.limits import Limits
from app.shared.settings import ProcessSettings, load, url_of
from app.worker.connection import RedisUrl, connect
from app.worker.inference import Inference
from app.worker.queue import Queue, QueueSettings
from app.worker.store import Store
from app.worker.worker import Worker

logger = log.get_logger()


class WorkerSettings(QueueSettings, ProcessSettings):
    """What the worker needs of the environment."""

    redis_url: RedisUrl
    inference_url: Annotated[
        str, url_of("http", "https"), Field(examples=["http://localhost:8000"])
    ]


async def serve(settings: WorkerSettings, limits: Limits) -> int:
    """Run a worker until SIGTERM or SIGINT; return the exit status."""
    stop = asyncio.Event()
    # Before anything answers: whoever sees it up may tell it to stop.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # The only probe: its thread answers also while Redis is away.
    try:
        start_http_server(settings.metrics_port, settings.host)
    except OSError as error:
        sys.stderr.write(f"METRICS_PORT {settings.metrics_port} cannot be used: {error.strerror}\n")
        return 1
    # Unique for each start: a name that came back would find entries of its former life.
    name = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"
    redis = connect(settings.redis_url)
    inference = Inference(settings.inference_url)
    try:
        store = Store(redis, settings.contracts_dir, limits)
        queue = Queue(settings, redis, store.scripts, settings.service_name, name, limits)
        await Worker(store, queue, inference, limits, name).run(stop)
    finally:
        await inference.close()
        await redis.aclose()
    logger.info("worker stopped")
    return 0


def main() -> int:
    """Run until a signal; return the exit status."""
    settings, limits = load(WorkerSettings)
    log.configure(settings.service_name, settings.log_level)
    # The server's loop: half of what the worker does is reading and writing sockets.
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(serve(settings, limits))


if __name__ == "__main__":
    sys.exit(main())
