from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.things import client_of, create


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(create()) as client:
        yield client
