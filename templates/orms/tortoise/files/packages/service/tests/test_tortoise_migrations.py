"""Migrations as they are written, made and unmade, over models of every sort."""

from pathlib import Path

import anyio
import asyncpg
import pytest
from tortoise import fields
from tortoise.exceptions import OperationalError
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from service.migrations.tortoise import differences, migrate
from service.testing import Postgres

pytest_plugins = ["service.fixtures"]
APPLIED = "SELECT name FROM tortoise_migrations"
MIGRATION = """
from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = {dependencies!r}
    operations = [{operations}]
"""


class Room(Model):
    id = fields.IntField(primary_key=True)


class Shelf(Model):
    id = fields.UUIDField(primary_key=True)
    label = fields.TextField(db_default="none")
    room: fields.ForeignKeyRelation[Room] = fields.ForeignKeyField("models.Room")

    class Meta:
        constraints = (UniqueConstraint(("label", "room_id"), "shelf_label_key"),)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package, of a name that was not imported before."""
    folder = tmp_path / tmp_path.name
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def add(folder: Path, name: str, *statements: str, after: str | None = None) -> None:
    """Write a migration; a statement may end with what undoes it, behind a bar."""
    operations = ", ".join(
        f"ops.RunSQL({', '.join(repr(part.strip()) for part in statement.split('|'))})"
        for statement in statements
    )
    dependencies = [("models", after)] if after else []
    text = MIGRATION.format(dependencies=dependencies, operations=operations)
    (folder / f"{name}.py").write_text(text)


@pytest.fixture
def shelves(folder: Path) -> Path:
    """One migration, slow enough for two to meet."""
    up = "CREATE TABLE shelves AS SELECT 7 AS number FROM pg_sleep(0.2)"
    add(folder, "0001_shelves", f"{up} | DROP TABLE shelves")
    return folder


async def test_are_written_as_models_say(postgres: Postgres, folder: Path) -> None:
    name = await postgres.empty_database()
    url = postgres.url(name)
    await migrate(url, folder, "new", "Rooms, and shelves", models=__name__)
    assert "not in the tables: shelf" in "; ".join(await differences(url, folder, __name__))
    await migrate(url, folder, models=__name__)
    assert await postgres.execute(APPLIED, name) == [("0001_rooms_and_shelves",)]
    assert await differences(url, folder, __name__) == []
    await postgres.execute("ALTER TABLE room ADD COLUMN colour text", name)
    assert await differences(url, folder, __name__) == ["not in the models: room colour text YES"]
    await postgres.execute("INSERT INTO room VALUES (7)", name)
    shelf = "INSERT INTO shelf (id, room_id) VALUES (gen_random_uuid(), 7)"
    await postgres.execute(shelf, name)
    with pytest.raises(asyncpg.UniqueViolationError, match="shelf_label_key"):
        await postgres.execute(shelf, name)
    await migrate(url, folder, "down", models=__name__)
    assert await postgres.tables(name) == ["tortoise_migrations"]


async def test_without_a_way_back_stay(postgres: Postgres, folder: Path) -> None:
    name = await postgres.empty_database()
    add(folder, "0001_kept", "CREATE TABLE kept (id int)")
    await migrate(postgres.url(name), folder, models=__name__)
    with pytest.raises(OperationalError, match="0001_kept says of an operation no way back"):
        await migrate(postgres.url(name), folder, "down", models=__name__)
    assert "kept" in await postgres.tables(name)


async def test_make_the_database_where_there_is_none(postgres: Postgres, shelves: Path) -> None:
    await migrate(postgres.url("made_by_tortoise"), shelves, models=__name__)
    assert await postgres.tables("made_by_tortoise") == ["shelves", "tortoise_migrations"]


async def test_a_second_one_waits_and_finds_nothing_to_do(
    postgres: Postgres, shelves: Path
) -> None:
    name = await postgres.empty_database()

    async def work() -> None:
        await migrate(postgres.url(name), shelves, models=__name__)

    async with anyio.create_task_group() as both:
        both.start_soon(work)
        both.start_soon(work)
    assert await postgres.tables(name) == ["shelves", "tortoise_migrations"]


# The latter fails only as it is recorded.
@pytest.mark.parametrize("failing", ["SELECT * FROM nowhere", "DROP TABLE tortoise_migrations"])
async def test_one_that_fails_changes_nothing(
    failing: str, postgres: Postgres, shelves: Path
) -> None:
    name = await postgres.empty_database()
    add(shelves, "0002_failing", "DELETE FROM shelves", failing, after="0001_shelves")
    with pytest.raises(OperationalError, match="does not exist"):
        await migrate(postgres.url(name), shelves, models=__name__)
    assert await postgres.execute("SELECT number FROM shelves", name) == [(7,)]
    assert await postgres.execute(APPLIED, name) == [("0001_shelves",)]


async def test_one_that_waits_for_a_lock_gives_up(postgres: Postgres, shelves: Path) -> None:
    name = await postgres.empty_database()
    await migrate(postgres.url(name), shelves, models=__name__)
    holder = await asyncpg.connect(postgres.url(name))
    async with holder.transaction():
        await holder.execute("LOCK TABLE shelves IN ACCESS SHARE MODE")
        with (
            anyio.fail_after(5),
            pytest.raises(asyncpg.LockNotAvailableError, match="lock timeout"),
        ):
            await migrate(postgres.url(name), shelves, "down", lock_timeout_ms=100, models=__name__)
    await holder.close()
    assert await postgres.tables(name) == ["shelves", "tortoise_migrations"]
