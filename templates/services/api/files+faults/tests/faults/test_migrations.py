"""Migrations at once, ended half-way, and refused half-way, while a service answers requests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from chances import LIMITS
from databases import NAME, WithDatabase
from items import Items, own_services
from processes import LIMIT_S, Stopwatch, report

# Whatever the migrations of a kind look like: they all make an index after its table, and drop
# a table or a schema last.
OBSTACLE = """
CREATE FUNCTION obstacle() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN {does}; END $$;
CREATE EVENT TRIGGER obstacle ON ddl_command_end WHEN TAG IN ({tags}) EXECUTE FUNCTION obstacle();
"""
REFUSES = "RAISE EXCEPTION 'not today'"
NO_OBSTACLE = "DROP EVENT TRIGGER obstacle; DROP FUNCTION obstacle"
# But for the table in which migrations are noted.
TABLES = """
SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
  AND table_name !~ 'alembic_version|migrations'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, '' FROM pg_trigger
WHERE NOT tgisinternal
UNION ALL SELECT 'index', tablename, indexname, '' FROM pg_indexes
WHERE schemaname NOT IN ('pg_catalog') AND tablename !~ 'alembic_version|migrations'
ORDER BY 1, 2, 3
"""
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WithDatabase]:
    with WithDatabase(tmp_path_factory.mktemp("system"), environment=LIMITS) as started:
        yield started


@contextmanager
def obstacle(system: WithDatabase, database: str, does: str, *tags: str) -> Iterator[None]:
    """Meanwhile PostgreSQL does this once a statement of such a kind has been carried out."""
    quoted = ", ".join(f"'{tag}'" for tag in tags)
    system.query(database, OBSTACLE.format(does=does, tags=quoted))
    try:
        yield
    finally:
        system.query(database, NO_OBSTACLE)


def migrate(
    system: WithDatabase, service: str, database: str, *arguments: str
) -> subprocess.Popen[str]:
    """What migrates a service, over another database."""
    task = system.services[f"{service}-migrate"]
    base = system.dev.base | task.filled
    url = task.filled["DATABASE_URL"].rpartition("/")[0]
    return subprocess.Popen(
        [*(system.dev.fill(task, part) for part in task.command), *arguments],
        cwd=Path(task.cwd).resolve(),
        env=base | {"DATABASE_URL": f"{url}/{database}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )


def ended(started: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = started.communicate(timeout=LIMIT_S)
    return started.returncode, said


@pytest.mark.parametrize("service", own_services())
def test_two_at_once_over_a_database_that_is_not_there(system: WithDatabase, service: str) -> None:
    database = f"{service}-twice"
    both = [migrate(system, service, database) for _ in range(2)]
    assert [ended(one)[0] for one in both] == [0, 0]
    assert system.query(database, TABLES) == system.query(service, TABLES)


@pytest.mark.parametrize("service", own_services())
def test_one_that_is_killed_half_way_is_done_by_the_next(
    system: WithDatabase, service: str
) -> None:
    database = f"{service}-killed"
    system.query("postgres", f'CREATE DATABASE "{database}"')
    with obstacle(system, database, "PERFORM pg_sleep(3)", "CREATE INDEX"):
        first = migrate(system, service, database)
        waited = Stopwatch()
        while not system.query(database, WAITING):
            assert waited() < LIMIT_S, ended(first)
            time.sleep(0.05)
        second = migrate(system, service, database)
        os.killpg(first.pid, signal.SIGKILL)
        assert ended(first)[0] == -signal.SIGKILL
        status, said = ended(second)
    assert status == 0, said
    assert system.query(database, TABLES) == system.query(service, TABLES)


@pytest.mark.parametrize("service", own_services())
def test_one_that_fails_half_way_leaves_nothing_behind(system: WithDatabase, service: str) -> None:
    database = f"{service}-failed"
    system.query("postgres", f'CREATE DATABASE "{database}"')
    with obstacle(system, database, REFUSES, "CREATE INDEX"):
        status, said = ended(migrate(system, service, database))
        assert status == 1
        assert "not today" in said
        assert system.query(database, TABLES) == []
    assert ended(migrate(system, service, database))[0] == 0
    assert system.query(database, TABLES) == system.query(service, TABLES)


@pytest.mark.parametrize("service", own_services())
def test_while_one_fails_the_service_goes_on(system: WithDatabase, service: str) -> None:
    before, pid = system.query(service, TABLES), system.pid(service)
    url = system.url(system.first("gateway"))
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        items = Items(client, service)
        item = items.create()
        with obstacle(system, service, REFUSES, "DROP SCHEMA", "DROP TABLE"):
            failing = migrate(system, service, service, "down")
            answered = 0
            while failing.poll() is None:
                items.create()
                answered += 1
            status, said = ended(failing)
        assert (status, "not today" in said) == (1, True), said
        assert system.query(service, TABLES) == before
        assert items.read(item) == item
        items.create()
    report(f"{service}, a migration fails", answered_meanwhile=answered)
    assert system.pid(service) == pid


@pytest.mark.parametrize("service", own_services())
def test_one_that_waits_for_a_lock_gives_up_before_everybody_waits(
    system: WithDatabase, service: str
) -> None:
    before = system.query(service, TABLES)
    url = system.url(system.first("gateway"))
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        items = Items(client, service)
        item = items.create()
        # As a request that reads for long would.
        with system.locked(service, "items", "ACCESS SHARE"):
            waited = Stopwatch()
            status, said = ended(migrate(system, service, service, "down"))
            gave_up_s = waited()
            assert items.read(item) == item
        assert (status, "lock timeout" in said) == (1, True), said
        assert system.query(service, TABLES) == before
        items.create()
    report(f"{service}, a migration waits for a lock", gave_up_after_s=gave_up_s)
    assert NAME not in system.gone()
