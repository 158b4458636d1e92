"""What a database asks for, and what it is for callers where it does not answer in time."""

import dataclasses
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service import limits
from service.database import DatabaseLimits, DatabaseSettings
from service.database.sqlalchemy import Database
from service.problems import Problem
from service.testing import Postgres, eventually

LIMITS = limits.read(DatabaseLimits, Path("../../contracts"), {})
pytest_plugins = ["service.fixtures"]


@pytest.fixture
async def database(postgres: Postgres) -> AsyncIterator[Database]:
    settings = DatabaseSettings(service_name="tests", database_url=SecretStr(postgres.url()))
    bounds = dataclasses.replace(LIMITS, pool_size=1, pool_wait_ms=500, statement_timeout_ms=200)
    opened = Database(settings, bounds)
    yield opened
    await opened.close()


class Refused:
    """Work that the database refuses a number of times."""

    def __init__(self, state: str, times: int) -> None:
        self.done = 0
        self._state = state
        self._times = times

    async def __call__(self, session: AsyncSession) -> int:
        self.done += 1
        if self.done <= self._times:
            raising = f"RAISE EXCEPTION 'no' USING ERRCODE = '{self._state}'"
            await session.execute(text(f"DO $$ BEGIN {raising}; END $$"))
        return self.done


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_does_work_again_three_times(database: Database, state: str) -> None:
    assert await database.run(Refused(state, times=3)) == 4
    stubborn = Refused(state, times=9)
    with pytest.raises(Problem) as caught:
        await database.run(stubborn)
    assert (caught.value.slug, stubborn.done) == ("database-busy", 4)


async def test_does_other_work_once_and_passes_its_errors_on(database: Database) -> None:
    refused = Refused("23505", times=1)
    with pytest.raises(IntegrityError):
        await database.run(refused)
    assert refused.done == 1


@pytest.mark.parametrize(
    ("state", "slug"),
    [
        ("55P03", "database-busy"),
        ("57014", "database-busy"),
        ("53300", "database-unavailable"),
        ("57P01", "database-unavailable"),
    ],
)
async def test_tells_busy_from_unavailable(database: Database, state: str, slug: str) -> None:
    with pytest.raises(Problem) as caught:
        await database.run(Refused(state, times=1))
    assert (caught.value.status_code, caught.value.slug) == (503, slug)
    assert 5 <= int((caught.value.headers or {})["Retry-After"]) <= 10


async def test_ends_a_statement_that_takes_too_long(database: Database) -> None:
    with pytest.raises(Problem, match="takes too long"):
        await database.run(lambda session: session.execute(text("SELECT pg_sleep(30)")))


async def test_has_no_more_connections_than_the_pool(database: Database) -> None:
    async def nested(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))
        assert REGISTRY.get_sample_value("database_pool_in_use") == 1
        await database.run(lambda inner: inner.execute(text("SELECT 1")))

    with pytest.raises(Problem, match="cannot be reached"):
        await database.run(nested)
    assert REGISTRY.get_sample_value("database_pool_in_use") == 0


async def test_replaces_a_connection_that_ended_while_nobody_used_it(
    database: Database, postgres: Postgres
) -> None:
    number = await database.run(lambda session: session.scalar(text("SELECT pg_backend_pid()")))

    async def has_ended() -> bool:
        there = f"SELECT 1 FROM pg_stat_activity WHERE pid = {number}"  # noqa: S608  # a number
        return await postgres.execute(there) == []

    await postgres.execute(f"SELECT pg_terminate_backend({number})")
    await eventually(has_ended)
    assert await database.run(lambda session: session.scalar(text("SELECT 1"))) == 1


async def test_closes_soon_where_the_server_hangs(postgres: Postgres) -> None:
    settings = DatabaseSettings(service_name="hung", database_url=SecretStr(postgres.url()))
    database = Database(settings, LIMITS)
    async with anyio.create_task_group() as together:
        for _ in range(LIMITS.pool_size):
            together.start_soon(
                database.run, lambda session: session.execute(text("SELECT pg_sleep(0.2)"))
            )
    sessions = await postgres.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'hung'"
    )
    assert len(sessions) > LIMITS.pool_size / 2
    for session in sessions:
        os.kill(session["pid"], signal.SIGSTOP)
    try:
        # In turn they would take two seconds each.
        with anyio.fail_after(LIMITS.pool_size):
            await database.close()
    finally:
        for session in sessions:
            os.kill(session["pid"], signal.SIGCONT)


async def test_undoes_what_fails(database: Database, postgres: Postgres) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(text("CREATE TABLE half (id int)"))
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(work)
    assert await postgres.execute("SELECT 1 FROM pg_tables WHERE tablename = 'half'") == []


async def test_a_migration_under_a_statement_that_was_prepared(
    database: Database, postgres: Postgres
) -> None:
    async def read(session: AsyncSession) -> int | None:
        number: int | None = await session.scalar(text("SELECT number FROM changed"))
        return number

    await postgres.execute("CREATE TABLE changed AS SELECT 7 AS number")
    assert await database.run(read) == 7
    await postgres.execute("ALTER TABLE changed ALTER COLUMN number TYPE bigint")
    assert await database.run(read) == 7
