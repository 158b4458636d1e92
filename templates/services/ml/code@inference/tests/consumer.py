"""`python -m tests.consumer NAME`: takes one id, prints it, and keeps it until it is killed."""

import asyncio
import logging
import os
import sys

from app.shared import limits, log
from app.worker.connection import connect
from app.worker.queue import Queue, QueueSettings
from app.worker.store import Store
from tests.redis_server import CONTRACTS


async def main(name: str) -> None:
    """Take one id and hold it."""
    log.configure(name, logging.CRITICAL)
    redis = connect(os.environ["REDIS_URL"])
    shared = limits.read(CONTRACTS, os.environ)
    scripts = Store(redis, CONTRACTS, shared).scripts
    queue = Queue(QueueSettings(), redis, scripts, "inference", name, shared)
    await queue.open()
    while not (taken := await queue.take(1, 0.1)):
        await queue.relay()
    sys.stdout.write(f"{taken[0].id}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
