import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from service import limits
from service.migrations.sqlalchemy import migrate
from service.testing import Postgres

from app.main import create_app
from app.migrate import MIGRATIONS
from app.settings import Limits, Settings

pytest_plugins = ["service.fixtures"]
ITEMS = "/v1/orders/items"


@asynccontextmanager
async def connect(
    url: str, *, keys: Path | None = None, **bounds: int
) -> AsyncIterator[httpx2.AsyncClient]:
    """Start the service over a database, and give a client of it. `bounds` are limits."""
    settings = Settings(service_name="orders", database_url=SecretStr(url), api_keys_file=keys)
    shipped = limits.read(Limits, Path("../../contracts"), {})
    app = create_app(settings, dataclasses.replace(shipped, **bounds))
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://orders") as client,
    ):
        yield client


@pytest.fixture
async def url(postgres: Postgres) -> str:
    """A database with the tables of the service, and no rows."""
    url = postgres.url(await postgres.empty_database())
    await migrate(url, MIGRATIONS)
    return url


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with connect(url) as client:
        yield client
