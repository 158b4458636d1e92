"""Brings the tables of a service up to date, by Alembic and under a lock: `app/migrate.py`.

Without an argument up to the newest. `down` undoes the last migration, and `new TEXT` writes one
from what models.py has and the tables have not.
"""

from functools import partial
from pathlib import Path

import asyncpg
from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.migrations import LOCK, run, wait_for_database

_LOCK = text("SELECT pg_advisory_lock(:lock)")
_PATIENCE = text("SELECT set_config('lock_timeout', :ms, false)")


async def migrate(url: str, folder: Path, *arguments: str, lock_timeout_ms: int = 0) -> None:
    """Do what `service.migrations.Migrate` says, with a folder of Alembic's."""
    await wait_for_database(url)
    connect = partial(asyncpg.connect, url)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(_LOCK, {"lock": LOCK})
        # Not before: whoever migrates may take longer.
        await connection.execute(_PATIENCE, {"ms": str(lock_timeout_ms)})
        # Both are the session's and stay; each migration has a transaction of its own.
        await connection.commit()
        await connection.run_sync(_work, folder, *arguments)


async def differences(url: str, metadata: MetaData) -> list[object]:
    """Return what the tables are not that models say."""

    def compare(connection: Connection) -> list[object]:
        compared = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(compared, metadata))

    connect = partial(asyncpg.connect, url)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        return await connection.run_sync(compare)


def environment(metadata: MetaData) -> None:
    """Do what `migrations/env.py` is for: each migration wholly, or not at all."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _work(connection: Connection, folder: Path, *arguments: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(folder))
    match arguments:
        case ():
            command.upgrade(config, "heads")
        case ("down",):
            if MigrationContext.configure(connection).get_current_revision():
                connection.commit()
                command.downgrade(config, "-1")
        case ("new", title):
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            # After all that nothing follows yet, where there are several.
            command.revision(config, title, autogenerate=True, head="heads", rev_id=f"{number:04}")
        case _:
            raise SystemExit(f"error: unknown arguments\n\n{__doc__}")


def main(folder: Path) -> int:
    """Do what the command line says; return the exit status."""
    return run(migrate, folder, SQLAlchemyError)
