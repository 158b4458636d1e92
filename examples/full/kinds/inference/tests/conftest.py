import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import anyio
import pytest
from redis.asyncio import Redis

from app.shared import limits
from app.shared.limits import Limits
from app.worker.connection import call, connect
from app.worker.store import Store
from tests.servers import CONTRACTS, RedisServer

pytest_plugins = ["tests.broker"]

Eventually = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def fast() -> Limits:
    """The shipped limits, with times that a test can wait for."""
    return dataclasses.replace(
        limits.read(CONTRACTS, {}),
        attempts_max=3,
        backoff_base_s=0.02,
        backoff_max_s=0.05,
        chunk_rows=4,
        heartbeat_s=0.1,
        job_timeout_s=5,
        lease_s=1,
        reclaim_s=0.1,
        relay_s=0.05,
        worker_grace_s=5,
    )


@pytest.fixture(scope="session")
def _shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def mortal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the test's own, which it may kill and start again."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def redis(_shared_server: RedisServer) -> AsyncIterator[Redis]:
    """An empty Redis."""
    client = connect(_shared_server.url)
    # Without SYNC memory is freed later, and a test that measures it begins with the last one's.
    await call(client, "FLUSHALL", "SYNC")
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis, fast: Limits) -> Store:
    return Store(redis, CONTRACTS, fast)


@pytest.fixture
def eventually() -> Eventually:
    """Wait until a condition holds, and fail if it does not within ten seconds."""

    async def wait(condition: Callable[[], Awaitable[object]]) -> None:
        with anyio.fail_after(10):
            while not await condition():  # noqa: ASYNC110  # what Redis holds sends no event
                await anyio.sleep(0.01)

    return wait
