"""A real NATS for tests: their own way to the queue."""

import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from redis.asyncio import Redis

from app.worker.queue import GROUP, QueueSettings, declare
from tests.servers import PROJECT, free_port

# What the queue needs in the environment beside Redis.
ENVIRONMENT = {"NATS_URL": "nats://localhost:4222"}

STREAM = "jobs-inference"
START_S = 20


class BrokerServer:
    """A server process; its port and its data outlive it."""

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it is ready."""
        command = ["nats-server", "--config", str(PROJECT / "infra" / "nats" / "nats.conf")]
        command += ["--addr", "127.0.0.1", "--port", str(self.port)]
        command += ["--store_dir", str(self._data)]
        path = self._data / "log"
        with path.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603
        deadline = time.monotonic() + START_S
        while b"Server is ready" not in path.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(path.read_text())
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


class Broker:
    """What the tests of a worker and of the port need of a broker, whichever it is."""

    # What the script that accepts a job is told.
    accepting: ClassVar = {"stream": False}

    def __init__(self, server: BrokerServer, stream: JetStreamContext) -> None:
        self.server = server
        self.stream = stream
        self.settings = QueueSettings(nats_url=server.url)
        self.environment = {"NATS_URL": server.url}

    @property
    def port(self) -> int:
        """Where the broker listens."""
        return self.server.port

    def through(self, port: int) -> tuple[QueueSettings, str]:
        """The settings, and the Redis if that is another one, of who reaches the broker there."""
        return QueueSettings(nats_url=f"nats://127.0.0.1:{port}"), ""

    def beside(self, _redis: Redis) -> "Broker":
        """The same broker, where the state is in that Redis."""
        return self

    async def send(self, job_id: str) -> None:
        """Put one more entry of a job into the queue."""
        await self.stream.publish("jobs.inference", job_id.encode())

    async def consumers(self) -> int:
        """How many take from the queue."""
        return (await self.stream.consumer_info(STREAM, GROUP)).num_waiting or 0

    async def settled(self) -> bool:
        """Whether the queue is empty."""
        return (await self.stream.stream_info(STREAM)).state.messages == 0


@pytest.fixture(scope="session")
def broker_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerServer]:
    """A server that all tests share."""
    server = BrokerServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def broker(broker_server: BrokerServer) -> AsyncIterator[Broker]:
    """The broker with an empty queue."""
    connection = await nats.connect(broker_server.url)
    stream = connection.jetstream()
    with suppress(NotFoundError):
        await stream.delete_stream(STREAM)
    await declare(stream, "inference", "tests", 1)
    yield Broker(broker_server, stream)
    await connection.close()
