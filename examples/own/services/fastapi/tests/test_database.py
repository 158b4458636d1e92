"""The database away, slow or short of connections: 503, and nothing to do when that is over."""

import anyio
import asyncpg
import httpx2
from service.migrations.sqlalchemy import migrate
from service.testing import Postgres, eventually

from app.migrate import MIGRATIONS
from tests.conftest import ITEMS, connect

WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def assert_503(answer: httpx2.Response, slug: str) -> None:
    assert answer.status_code == 503
    assert answer.json()["type"] == f"/problems/{slug}"
    assert 5 <= int(answer.headers["retry-after"]) <= 10


async def test_away_at_boot_and_later_and_back() -> None:
    server = Postgres()
    async with connect(server.url("orders")) as client:
        for _ in range(2):
            for probe in ("/livez", "/readyz"):
                assert (await client.get(probe)).json() == {"status": "ok"}
            assert_503(await client.get(ITEMS), "database-unavailable")
            await server.start()
            await migrate(server.url("orders"), MIGRATIONS)
            assert (await client.get(ITEMS)).json() == {"items": [], "next": None}
            server.kill()
            await server.start()  # No request has seen that it was away.
            assert (await client.get(ITEMS)).status_code == 200
            server.kill()
    server.remove()


async def test_all_connections_taken_and_free_again(url: str, postgres: Postgres) -> None:
    holder = await asyncpg.connect(url)
    answers: list[httpx2.Response] = []
    async with connect(url, pool_size=1, pool_wait_ms=500, lock_timeout_ms=20_000) as client:

        async def ask() -> None:
            answers.append(await client.get(ITEMS))

        async def is_connected() -> bool:
            return (await client.get(ITEMS)).status_code == 200

        # Else the wait bounds the making of the connection as well.
        await eventually(is_connected)

        async with anyio.create_task_group() as first, holder.transaction():
            await holder.execute("LOCK TABLE items")
            first.start_soon(ask)
            await eventually(lambda: postgres.execute(WAITING))
            assert_503(await client.get(ITEMS), "database-unavailable")
        assert [answer.status_code for answer in answers] == [200]
        assert (await client.get(ITEMS)).status_code == 200
    await holder.close()
