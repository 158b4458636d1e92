"""The tables: made, unmade and made again, and what the models say of them."""

from service.migrations.sqlalchemy import differences, migrate
from service.testing import Postgres

from app.migrate import MIGRATIONS
from app.models import Base

ROW = "INSERT INTO items (owner, name, attributes) VALUES ('ann', 'chair', '{}')"


async def test_go_up_and_down_and_up_again_with_rows(postgres: Postgres) -> None:
    name = await postgres.empty_database()
    steps = len(list((MIGRATIONS / "versions").glob("*.py")))
    for _ in range(2):
        await migrate(postgres.url(name), MIGRATIONS)
        await postgres.execute(ROW, name)
        assert await postgres.tables(name) == ["alembic_version", "items"]
        # Once more than there are: then nothing is to do.
        for _ in range(steps + 1):
            await migrate(postgres.url(name), MIGRATIONS, "down")
        assert await postgres.tables(name) == ["alembic_version"]


async def test_make_what_the_models_say(url: str) -> None:
    assert await differences(url, Base.metadata) == []
