"""Brings the tables of a service up to date, by Alembic and under a lock: `app/migrate.py`.

Without an argument up to the newest. `down` undoes the last migration, and `new TEXT` writes one
from what models.py has and the tables have not.
"""

import asyncio
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service import log
from service.database import DatabaseSettings
from service.limits import Limits
from service.settings import load

PATIENCE_S = 60
# Any number: whoever migrates this database holds the lock of it.
_LOCK = text("SELECT pg_advisory_lock(7305)")
_PATIENCE = text("SELECT set_config('lock_timeout', :ms, false)")


@dataclass(frozen=True)
class MigrationLimits(Limits):
    """The bounds of what migrations do."""

    lock_timeout_ms: int


async def migrate(url: str, folder: Path, *arguments: str, lock_timeout_ms: int = 0) -> None:
    """Do what the arguments say, alone. Raise what the server said where it fails.

    A statement waits for so long for others' locks, which everybody behind it waits for as well;
    without an end for 0.
    """
    await _wait_for_database(url)
    connect = partial(asyncpg.connect, url)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(_LOCK)
        # Not before: whoever migrates may take longer.
        await connection.execute(_PATIENCE, {"ms": str(lock_timeout_ms)})
        # Both are the session's and stay; each migration has a transaction of its own.
        await connection.commit()
        await connection.run_sync(_work, folder, *arguments)


async def differences(url: str, metadata: MetaData) -> list[object]:
    """Return what the tables are not that models say."""

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))

    connect = partial(asyncpg.connect, url)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        return await connection.run_sync(compare)


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


async def _wait_for_database(url: str) -> None:
    """Return when the server answers, and make the database where it says that there is none."""
    log.get_logger().info("waiting for the database")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                connection = await asyncpg.connect(url, timeout=5)
            except asyncpg.InvalidCatalogNameError:
                await _make_database(url)
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
                await asyncio.sleep(0.2)
            else:
                await connection.close()
                return


async def _make_database(url: str) -> None:
    name = str(make_url(url).database).replace('"', '""')
    connection = await asyncpg.connect(url, database="postgres", timeout=5)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # Somebody else just made it.
    finally:
        await connection.close()


def main(folder: Path) -> int:
    """Do what the command line says; return the exit status."""
    settings, limits = load(DatabaseSettings, MigrationLimits)
    log.configure(settings.service_name, settings.log_level)
    try:
        url = settings.database_url.get_secret_value()
        patience = limits.lock_timeout_ms
        asyncio.run(migrate(url, folder, *sys.argv[1:], lock_timeout_ms=patience))
    except TimeoutError:
        sys.stderr.write(f"the database did not answer within {PATIENCE_S} s\n")
        return 1
    except (SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
        sys.stderr.write(f"the database is as before the migration that failed:\n  {error}\n")
        return 1
    return 0
