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
from tortoise import fields
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError
from tortoise.models import Model
from tortoise.transactions import in_transaction

from service import limits
from service.database import DatabaseLimits, DatabaseSettings
from service.database.tortoise import Database
from service.problems import Problem
from service.testing import Postgres

LIMITS = limits.read(DatabaseLimits, Path("../../contracts"), {})
SESSION = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tests'"
pytest_plugins = ["service.fixtures"]


class Renumbered(Model):
    number = fields.IntField(primary_key=True)


@pytest.fixture
async def database(postgres: Postgres) -> AsyncIterator[Database]:
    settings = DatabaseSettings(service_name="tests", database_url=SecretStr(postgres.url()))
    bounds = dataclasses.replace(LIMITS, pool_size=1, pool_wait_ms=500, statement_timeout_ms=200)
    opened = Database(settings, bounds, __name__)
    yield opened
    await opened.close()


async def execute(statement: str) -> None:
    await get_connection("default").execute_script(statement)


class Refused:
    """Work that the database refuses a number of times."""

    def __init__(self, state: str, times: int) -> None:
        self.done = 0
        self._state = state
        self._times = times

    async def __call__(self) -> int:
        self.done += 1
        if self.done <= self._times:
            raising = f"RAISE EXCEPTION 'no' USING ERRCODE = '{self._state}'"
            await execute(f"DO $$ BEGIN {raising}; END $$")
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
        await database.run(lambda: execute("SELECT pg_sleep(30)"))


async def test_has_no_more_connections_than_the_pool(database: Database) -> None:
    async def nested() -> None:
        await execute("SELECT 1")
        assert REGISTRY.get_sample_value("database_pool_in_use") == 1
        await database.run(lambda: execute("SELECT 1"))

    with pytest.raises(Problem, match="cannot be reached"):
        await database.run(nested)
    assert REGISTRY.get_sample_value("database_pool_in_use") == 0


async def test_two_in_one_process_ask_each_its_own(database: Database, postgres: Postgres) -> None:
    async def names(*inner: Database) -> list[str]:
        rows = await get_connection("default").execute_query_dict("SELECT current_database()")
        here: str = rows[0]["current_database"]
        return [here, *(await inner[0].run(names) if inner else [])]

    name = await postgres.empty_database()
    settings = DatabaseSettings(service_name="other", database_url=SecretStr(postgres.url(name)))
    other = Database(settings, LIMITS, __name__)
    assert await other.run(lambda: names(database)) == [name, "postgres"]
    await other.close()
    with pytest.raises(RuntimeError, match="No TortoiseContext"):
        await Renumbered.all()


async def test_undoes_what_fails(database: Database, postgres: Postgres) -> None:
    async def work() -> None:
        await execute("CREATE TABLE half (id int)")
        async with in_transaction():
            await execute("CREATE TABLE within (id int)")
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(work)
    left = "SELECT 1 FROM pg_tables WHERE tablename IN ('half', 'within')"
    assert await postgres.execute(left) == []


async def test_a_migration_under_a_statement_that_was_prepared(
    database: Database, postgres: Postgres
) -> None:
    async def read() -> list[int]:
        return [row.number for row in await Renumbered.all()]

    await postgres.execute("CREATE TABLE renumbered AS SELECT 7 AS number")
    assert await database.run(read) == [7]
    await postgres.execute("ALTER TABLE renumbered ALTER COLUMN number TYPE bigint")
    assert await database.run(read) == [7]


async def test_replaces_a_connection_that_says_nothing_any_more(
    database: Database, postgres: Postgres
) -> None:
    await database.run(lambda: execute("SELECT 1"))
    [session] = await postgres.execute(SESSION)
    os.kill(session["pid"], signal.SIGSTOP)
    try:
        await database.run(lambda: execute("SELECT 1"))
    finally:
        os.kill(session["pid"], signal.SIGCONT)


async def test_closes_soon_where_the_server_hangs(database: Database, postgres: Postgres) -> None:
    await database.run(lambda: execute("SELECT 1"))
    [session] = await postgres.execute(SESSION)
    os.kill(session["pid"], signal.SIGSTOP)
    try:
        with anyio.fail_after(4):
            await database.close()
    finally:
        os.kill(session["pid"], signal.SIGCONT)


async def test_gives_a_connection_up_that_says_nothing_in_the_middle(
    database: Database, postgres: Postgres
) -> None:
    pids: list[int] = []

    async def work() -> None:
        await execute("SELECT 1")
        [session] = await postgres.execute(SESSION)
        pids.append(session["pid"])
        os.kill(session["pid"], signal.SIGSTOP)
        await execute("SELECT 1")

    try:
        with pytest.raises(Problem, match="cannot be reached"):
            await database.run(work)
        await database.run(lambda: execute("SELECT 1"))
    finally:
        os.kill(pids[0], signal.SIGCONT)
