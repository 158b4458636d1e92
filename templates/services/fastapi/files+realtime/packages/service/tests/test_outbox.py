"""Events are told once realtime takes them, soon after whatever was away is back."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import asyncpg
import pytest
from pydantic import AnyHttpUrl, SecretStr

from service import outbox
from service.outbox import Outbox, OutboxSettings
from service.testing import Postgres, eventually

pytest_plugins = ["service.fixtures"]
TABLE = """
CREATE SCHEMA outbox CREATE TABLE events (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, channel text, event jsonb
)
"""
# Nothing that realtime ever takes, and nothing with an id.
IMPOSSIBLE = "INSERT INTO outbox.events (channel, event) VALUES ('items', '[1]')"
EVENT = """INSERT INTO outbox.events (channel, event) VALUES ('items', '{"id": 7}')"""
SESSION = """
SELECT pid FROM pg_stat_activity WHERE application_name = 'tests-outbox' AND state = 'idle'
"""
WAITING = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'tests-outbox' AND wait_event_type = 'Lock'
"""


class Realtime:
    """Takes events, or refuses so many; keeps when it was asked, and what it took."""

    def __init__(self) -> None:
        self.refuses = 0
        self.never_takes = 0
        self.asked: list[float] = []
        self.told: list[int] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await head_of(reader):
            fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
            length = next(int(value) for name, _, value in fields if name == b"content-length")
            body = json.loads(await reader.readexactly(length))
            self.asked.append(time.monotonic())
            status = b"204 Taken"
            if self.refuses > 0:
                self.refuses -= 1
                status = b"503 Away"
            elif self.never_takes > 0:
                self.never_takes -= 1
                status = b"422 Impossible"
            else:
                self.told.append(body["event"]["id"])
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        writer.close()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """Return the next head of a request; nothing at the end of the connection."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@pytest.fixture
async def database(postgres: Postgres) -> str:
    name = await postgres.empty_database()
    await postgres.execute(TABLE, name)
    return name


@asynccontextmanager
async def relaying(url: str, realtime: Realtime) -> AsyncIterator[None]:
    async with await asyncio.start_server(realtime.answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = OutboxSettings(
            service_name="tests",
            database_url=SecretStr(url),
            realtime_url=AnyHttpUrl(f"http://127.0.0.1:{port}"),
        )
        running = asyncio.create_task(Outbox(settings).relay())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def taken(realtime: Realtime, count: int) -> None:
    async def whether() -> bool:
        return len(realtime.told) >= count

    await eventually(whether)


async def told_by(postgres: Postgres) -> int:
    """Return which process of the server the outbox is connected to, once it waits for events."""
    pids: list[int] = []

    async def whether() -> bool:
        pids.extend(row["pid"] for row in await postgres.execute(SESSION))
        return bool(pids)

    await eventually(whether)
    return pids[0]


async def test_one_outage_is_not_paid_for_at_the_next(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_PAUSE_S", 0.01)
    realtime = Realtime()
    async with relaying(postgres.url(database), realtime):
        for count, refusals in enumerate([7, 1], start=1):
            realtime.refuses = refusals
            await postgres.execute(EVENT, database)
            await taken(realtime, count)
    assert realtime.told == [7, 7]
    # The pause before the last try of the first outage, and of the second one.
    long, short = (realtime.asked[at] - realtime.asked[at - 1] for at in (7, 9))
    assert short < long / 2


async def test_what_will_never_be_taken_holds_nothing_up(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[dict[str, object]] = []
    monkeypatch.setattr(outbox.log, "warning", lambda _text, **more: warned.append(more))
    realtime = Realtime()
    realtime.never_takes = 2
    async with relaying(postgres.url(database), realtime):
        for statement in (IMPOSSIBLE, EVENT, EVENT):
            await postgres.execute(statement, database)
        await taken(realtime, 1)

        async def whether() -> bool:
            (row,) = await postgres.execute("SELECT count(*) FROM outbox.events", database)
            return bool(row["count"] == 0)

        await eventually(whether)
    assert (realtime.told, len(realtime.asked)) == ([7], 3)
    assert [(one["event_id"], one["status"]) for one in warned] == [(None, 422), (7, 422)]


async def test_a_database_that_hangs_does_not_hold_up_the_end(
    postgres: Postgres, database: str
) -> None:
    locker = await asyncpg.connect(postgres.url(database))
    pids: list[int] = []

    async def waits() -> bool:
        pids.extend(row["pid"] for row in await postgres.execute(WAITING))
        return bool(pids)

    try:
        async with locker.transaction():
            await locker.execute("LOCK TABLE outbox.events")
            with anyio.fail_after(10):
                async with relaying(postgres.url(database), Realtime()):
                    await eventually(waits)
                    os.kill(pids[0], signal.SIGSTOP)
    finally:
        os.kill(pids[0], signal.SIGCONT)
        await locker.close()


async def test_a_connection_that_says_nothing_any_more_is_given_up(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_PATIENCE_S", 1.0)
    realtime = Realtime()
    async with relaying(postgres.url(database), realtime):
        pid = await told_by(postgres)
        os.kill(pid, signal.SIGSTOP)
        try:
            await postgres.execute(EVENT, database)
            await taken(realtime, 1)
        finally:
            os.kill(pid, signal.SIGCONT)
    assert realtime.told == [7]
