import dataclasses
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import httpx2
import pytest
from pydantic import SecretStr

from app.main import create_app
from app.migrate import MIGRATIONS
from app.settings import Limits, Settings
from service import limits
from service.migrations import migrate
from service.testing import Postgres

ITEMS = "/v1/orders/items"


class Connect(Protocol):
    """Starts the service over a database, and gives a client of it."""

    def __call__(
        self, url: str, *, keys: Path | None = None, **bounds: int
    ) -> AbstractAsyncContextManager[httpx2.AsyncClient]: ...


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """One server for all tests; each has a database of its own."""
    server = Postgres()
    await server.start()
    yield server
    server.remove()


@pytest.fixture
async def url(postgres: Postgres) -> str:
    """A database with the tables of the service, and no rows."""
    url = postgres.url(await postgres.empty_database())
    await migrate(url, MIGRATIONS)
    return url


@pytest.fixture
def connect() -> Connect:
    @asynccontextmanager
    async def start(
        url: str, *, keys: Path | None = None, **bounds: int
    ) -> AsyncIterator[httpx2.AsyncClient]:
        settings = Settings(service_name="orders", database_url=SecretStr(url), api_keys_file=keys)
        shipped = limits.read(Limits, Path("../../contracts"), {})
        app = create_app(settings, dataclasses.replace(shipped, **bounds))
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://orders") as client,
        ):
            yield client

    return start


@pytest.fixture
async def client(connect: Connect, url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with connect(url) as client:
        yield client
