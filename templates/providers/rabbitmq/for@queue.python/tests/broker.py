"""A real RabbitMQ for tests: their own way to the queue."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import aiormq
import pytest
from aiormq.abc import AbstractChannel
from redis.asyncio import Redis

from app.worker.queue import QueueSettings, declare
from tests.servers import PROJECT, free_port

# What the queue needs in the environment beside Redis.
ENVIRONMENT = {"AMQP_URL": "amqp://guest:guest@localhost:5672"}

NAME = "jobs.inference"
START_S = 120


class BrokerServer:
    """A server process; its port and its data outlive it."""

    def __init__(self, data: Path, arguments: str = "") -> None:
        self._environment = {**os.environ, "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": arguments}
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}"
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it is ready."""
        command = [sys.executable, str(PROJECT / "infra" / "rabbitmq" / "server.py")]
        command += ["--port", str(self.port), "--data", str(self._data)]
        path = self._data / "log"
        with path.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_S
        while b"Server startup complete" not in path.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(path.read_text())
            time.sleep(0.05)

    def kill(self) -> None:
        """End it, and what it has started, as a power cut would."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Broker:
    """What the tests of a worker and of the port need of a broker, whichever it is."""

    # What the script that accepts a job is told.
    accepting: ClassVar = {"stream": False}

    def __init__(self, server: BrokerServer, channel: AbstractChannel) -> None:
        self.server = server
        self.channel = channel
        self.settings = settings(server.port)
        self.environment = {"AMQP_URL": self.settings.amqp_url}

    @property
    def port(self) -> int:
        """Where the broker listens."""
        return self.server.port

    def through(self, port: int) -> tuple[QueueSettings, str]:
        """The settings, and the Redis if that is another one, of who reaches the broker there."""
        return settings(port), ""

    def beside(self, _redis: Redis) -> "Broker":
        """The same broker, where the state is in that Redis."""
        return self

    async def send(self, job_id: str) -> None:
        """Put one more entry of a job into the queue."""
        await self.channel.basic_publish(job_id.encode(), routing_key=NAME, mandatory=True)

    async def waiting(self) -> int:
        """How many entries nobody has taken."""
        return (await self.channel.queue_declare(NAME, passive=True)).message_count or 0

    async def consumers(self) -> int:
        """How many take from the queue."""
        return (await self.channel.queue_declare(NAME, passive=True)).consumer_count or 0

    async def settled(self) -> bool:
        """Whether the queue is empty."""
        return await self.waiting() == 0


def settings(port: int) -> QueueSettings:
    """Those of a consumer that is noticed at once when it is frozen."""
    return QueueSettings(amqp_url=f"amqp://guest:guest@127.0.0.1:{port}?heartbeat=1")


@pytest.fixture(scope="session")
def broker_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerServer]:
    """A server that all tests share."""
    server = BrokerServer(tmp_path_factory.mktemp("rabbitmq"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def broker(broker_server: BrokerServer) -> AsyncIterator[Broker]:
    """The broker with an empty queue."""
    async with aiormq.connect(broker_server.url) as connection:
        channel = await connection.channel()
        for name in (NAME, f"{NAME}.dead"):
            await channel.queue_delete(name)
        await declare(channel, NAME)
        yield Broker(broker_server, channel)
