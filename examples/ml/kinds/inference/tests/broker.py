"""Redis Streams as the broker: the tests' own way to the queue."""

from typing import ClassVar

import pytest
from redis.asyncio import Redis

from app.worker.connection import call
from app.worker.queue import GROUP, QueueSettings

# What the queue needs in the environment beside Redis.
ENVIRONMENT: dict[str, str] = {}

STREAM = "queue:inference"


class Broker:
    """What the tests of a worker and of the port need of a broker, whichever it is."""

    # What the script that accepts a job is told.
    accepting: ClassVar = {"stream": True}

    def __init__(self, redis: Redis) -> None:
        self.settings = QueueSettings()
        self.environment: dict[str, str] = {}
        self._redis = redis

    @property
    def port(self) -> int:
        """Where the broker listens."""
        port: int = self._redis.connection_pool.connection_kwargs["port"]
        return port

    def through(self, port: int) -> tuple[QueueSettings, str]:
        """The settings, and the Redis if that is another one, of who reaches the broker there."""
        return self.settings, f"redis://127.0.0.1:{port}"

    def beside(self, redis: Redis) -> "Broker":
        """The same broker, where the state is in that Redis."""
        return Broker(redis)

    async def send(self, job_id: str) -> None:
        """Put one more entry of a job into the queue."""
        await call(self._redis, "XADD", STREAM, "*", "id", job_id)

    async def consumers(self) -> int:
        """How many take from the queue."""
        return len(await call(self._redis, "XINFO", "CONSUMERS", STREAM, GROUP))

    async def settled(self) -> bool:
        """Whether nobody has an entry in hand."""
        pending = await call(self._redis, "XPENDING", STREAM, GROUP)
        return int(pending["pending"] if isinstance(pending, dict) else pending[0]) == 0


@pytest.fixture
def broker(redis: Redis) -> Broker:
    """The broker with an empty queue."""
    return Broker(redis)
