"""For a conftest.py: `pytest_plugins = ["service.fixtures"]`."""

from collections.abc import AsyncIterator

import pytest

from service.testing import Postgres


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """One server for all tests; each makes a database of its own."""
    server = Postgres()
    await server.start()
    yield server
    server.remove()
