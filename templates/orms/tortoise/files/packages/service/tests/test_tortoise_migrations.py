"""Migrations as they are written, made and unmade, over models of every sort."""

from pathlib import Path

import asyncpg
import pytest
from tortoise import fields
from tortoise.exceptions import OperationalError
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from service.migrations.tortoise import differences, migrate
from service.testing import Postgres

pytest_plugins = ["service.fixtures"]
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
ONE_WAY = """
from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    operations = [ops.RunSQL("CREATE TABLE kept (id int)")]
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


async def test_are_written_as_models_say(postgres: Postgres, folder: Path) -> None:
    name = await postgres.empty_database()
    url = postgres.url(name)
    await migrate(url, folder, "new", "Rooms, and shelves", models=__name__)
    assert "not in the tables: shelf" in "; ".join(await differences(url, folder, __name__))
    await migrate(url, folder, models=__name__)
    applied = "SELECT name FROM tortoise_migrations"
    assert await postgres.execute(applied, name) == [("0001_rooms_and_shelves",)]
    assert await differences(url, folder, __name__) == []
    await postgres.execute("ALTER TABLE room ADD COLUMN colour text", name)
    assert await differences(url, folder, __name__) == ["not in the models: room colour text YES"]
    await postgres.execute("INSERT INTO room VALUES (7)", name)
    shelf = "INSERT INTO shelf (id, room_id) VALUES (gen_random_uuid(), 7)"
    await postgres.execute(shelf, name)
    with pytest.raises(asyncpg.UniqueViolationError, match="shelf_label_key"):
        await postgres.execute(shelf, name)
    await migrate(url, folder, "down", models=__name__)
    assert await postgres.execute(TABLES, name) == [("tortoise_migrations",)]


async def test_without_a_way_back_stay(postgres: Postgres, folder: Path) -> None:
    name = await postgres.empty_database()
    (folder / "0001_kept.py").write_text(ONE_WAY)
    await migrate(postgres.url(name), folder, models=__name__)
    with pytest.raises(OperationalError, match="0001_kept says of an operation no way back"):
        await migrate(postgres.url(name), folder, "down", models=__name__)
    assert ("kept",) in await postgres.execute(TABLES, name)
