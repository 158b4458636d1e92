"""The tables: made, unmade and made again, by one at a time, wholly or not at all."""

import shutil
from pathlib import Path

import anyio
import asyncpg
import pytest
from service.migrations.tortoise import differences, migrate
from service.testing import Postgres
from tortoise.exceptions import OperationalError

from app.migrate import MIGRATIONS

ROW = "INSERT INTO items (owner, name, attributes) VALUES ('ann', 'chair', '{}')"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
APPLIED = "SELECT name FROM tortoise_migrations ORDER BY name"
BROKEN = """
from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [("models", "0001_items")]
    operations = [
        ops.RunSQL("CREATE TABLE half (id int)"),
        ops.RunSQL("{failing}"),
    ]
"""


@pytest.fixture
async def name(postgres: Postgres) -> str:
    return await postgres.empty_database()


async def tables(postgres: Postgres, name: str) -> list[str]:
    return [row["tablename"] for row in await postgres.execute(TABLES, name)]


async def test_go_up_and_down_and_up_again_with_rows(postgres: Postgres, name: str) -> None:
    steps = len(list(MIGRATIONS.glob("0*.py")))
    for _ in range(2):
        await migrate(postgres.url(name), MIGRATIONS)
        await postgres.execute(ROW, name)
        assert await tables(postgres, name) == ["items", "tortoise_migrations"]
        # Once more than there are: then nothing is to do.
        for _ in range(steps + 1):
            await migrate(postgres.url(name), MIGRATIONS, "down")
        assert await tables(postgres, name) == ["tortoise_migrations"]


async def test_a_second_one_waits_and_finds_nothing_to_do(postgres: Postgres, name: str) -> None:
    async with anyio.create_task_group() as both:
        for _ in range(2):
            both.start_soon(migrate, postgres.url(name), MIGRATIONS)
    assert await tables(postgres, name) == ["items", "tortoise_migrations"]


# The latter fails only as it is recorded.
@pytest.mark.parametrize("failing", ["SELECT * FROM nowhere", "DROP TABLE tortoise_migrations"])
async def test_one_that_fails_changes_nothing(
    failing: str, postgres: Postgres, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(postgres.url(name), MIGRATIONS)
    await postgres.execute(ROW, name)
    before = await postgres.execute(APPLIED, name)
    # Of a name that was not imported before.
    folder = shutil.copytree(MIGRATIONS, tmp_path / tmp_path.name)
    (folder / "9999_broken.py").write_text(BROKEN.format(failing=failing))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OperationalError, match="does not exist"):
        await migrate(postgres.url(name), folder)
    assert await tables(postgres, name) == ["items", "tortoise_migrations"]
    assert await postgres.execute(APPLIED, name) == before
    assert len(await postgres.execute("SELECT 1 FROM items", name)) == 1


async def test_make_the_database_where_there_is_none(postgres: Postgres, name: str) -> None:
    await migrate(postgres.url(f"{name}_new"), MIGRATIONS)
    assert "items" in await tables(postgres, f"{name}_new")


async def test_make_what_the_models_say(url: str) -> None:
    assert await differences(url, MIGRATIONS) == []


async def test_one_that_waits_for_a_lock_gives_up(postgres: Postgres, name: str) -> None:
    await migrate(postgres.url(name), MIGRATIONS)
    holder = await asyncpg.connect(postgres.url(name))
    async with holder.transaction():
        await holder.execute("LOCK TABLE items IN ACCESS SHARE MODE")
        with (
            anyio.fail_after(5),
            pytest.raises(asyncpg.LockNotAvailableError, match="lock timeout"),
        ):
            await migrate(postgres.url(name), MIGRATIONS, "down", lock_timeout_ms=100)
    await holder.close()
    assert await tables(postgres, name) == ["items", "tortoise_migrations"]
