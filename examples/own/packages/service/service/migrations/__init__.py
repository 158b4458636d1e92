"""What migrations take whatever makes them: a server that answers, a database, one at a time.

How they are written is the business of the modules in here, one for each ORM.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import asyncpg

from service import log
from service.database import DatabaseSettings
from service.limits import Limits
from service.settings import load

PATIENCE_S = 60
# Any number: whoever migrates this database holds the lock of it.
LOCK = 7305


@dataclass(frozen=True)
class MigrationLimits(Limits):
    """The bounds of what migrations do."""

    lock_timeout_ms: int


class Migrate(Protocol):
    """Does what the arguments say, alone. Raises what the server said where it fails.

    A statement waits for so long for others' locks, which everybody behind it waits for as well;
    without an end for 0.
    """

    async def __call__(
        self, url: str, folder: Path, *arguments: str, lock_timeout_ms: int = 0
    ) -> None: ...


async def wait_for_database(url: str) -> None:
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
    name = unquote(urlsplit(url).path.removeprefix("/")).replace('"', '""')
    connection = await asyncpg.connect(url, database="postgres", timeout=5)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # Somebody else just made it.
    finally:
        await connection.close()


def run(migrate: Migrate, folder: Path, failures: type[Exception]) -> int:
    """Do what the command line says; return the exit status. `failures` are what an ORM raises."""
    settings, limits = load(DatabaseSettings, MigrationLimits)
    log.configure(settings.service_name, settings.log_level)
    try:
        url = settings.database_url.get_secret_value()
        patience = limits.lock_timeout_ms
        asyncio.run(migrate(url, folder, *sys.argv[1:], lock_timeout_ms=patience))
    except TimeoutError:
        sys.stderr.write(f"the database did not answer within {PATIENCE_S} s\n")
        return 1
    except (failures, asyncpg.PostgresError, OSError) as error:
        sys.stderr.write(f"the database is as before the migration that failed:\n  {error}\n")
        return 1
    return 0
