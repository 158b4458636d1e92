"""Migrations are done by one at a time, wholly or not at all."""

from pathlib import Path

import anyio
import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, ProgrammingError

from service.migrations.sqlalchemy import migrate
from service.testing import Postgres

pytest_plugins = ["service.fixtures"]
ENVIRONMENT = """
from sqlalchemy import MetaData

from service.migrations.sqlalchemy import environment

environment(MetaData())
"""
MIGRATION = """
from alembic import op

revision, down_revision = {revision!r}, {before!r}


def upgrade() -> None:
    for statement in {up!r}:
        op.execute(statement)


def downgrade() -> None:
    op.execute({down!r})
"""


def add(folder: Path, number: int, *up: str, down: str = "SELECT") -> None:
    """Write a migration that follows the one before."""
    before = f"{number - 1}" if number > 1 else None
    text = MIGRATION.format(revision=f"{number}", before=before, up=up, down=down)
    (folder / "versions" / f"{number}.py").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One migration, slow enough for two to meet."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENVIRONMENT)
    up = "CREATE TABLE shelves AS SELECT 7 AS number FROM pg_sleep(0.2)"
    add(tmp_path, 1, up, down="DROP TABLE shelves")
    return tmp_path


async def test_make_the_database_where_there_is_none(postgres: Postgres, folder: Path) -> None:
    await migrate(postgres.url("made_by_alembic"), folder)
    assert await postgres.tables("made_by_alembic") == ["alembic_version", "shelves"]


async def test_a_second_one_waits_and_finds_nothing_to_do(postgres: Postgres, folder: Path) -> None:
    name = await postgres.empty_database()
    async with anyio.create_task_group() as both:
        for _ in range(2):
            both.start_soon(migrate, postgres.url(name), folder)
    assert await postgres.tables(name) == ["alembic_version", "shelves"]


async def test_one_that_fails_changes_nothing(postgres: Postgres, folder: Path) -> None:
    name = await postgres.empty_database()
    add(folder, 2, "DELETE FROM shelves", "SELECT * FROM nowhere")
    with pytest.raises(ProgrammingError, match='relation "nowhere" does not exist'):
        await migrate(postgres.url(name), folder)
    assert await postgres.execute("SELECT number FROM shelves", name) == [(7,)]
    assert await postgres.execute("SELECT version_num FROM alembic_version", name) == [("1",)]


async def test_one_that_waits_for_a_lock_gives_up(postgres: Postgres, folder: Path) -> None:
    name = await postgres.empty_database()
    await migrate(postgres.url(name), folder)
    holder = await asyncpg.connect(postgres.url(name))
    async with holder.transaction():
        await holder.execute("LOCK TABLE shelves IN ACCESS SHARE MODE")
        with anyio.fail_after(5), pytest.raises(DBAPIError, match="lock timeout"):
            await migrate(postgres.url(name), folder, "down", lock_timeout_ms=100)
    await holder.close()
    assert await postgres.tables(name) == ["alembic_version", "shelves"]
