"""The connections to PostgreSQL: how many, how long, and what their errors are for callers."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import asyncpg
from prometheus_client import Gauge
from pydantic import AfterValidator, Field, SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NotSupportedError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from service.body import number
from service.limits import Limits
from service.log import get_logger
from service.problems import Problem, unavailable
from service.settings import ProgramSettings

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_AGAIN = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_BUSY = frozenset({"55P03", "57014"})  # lock timeout, statement timeout
# Connection, not allowed in, not there, no room for more, stopped by its operator.
_AWAY = frozenset({"08", "28", "3D", "53", "57"})
_TRIES = 4
IN_USE = Gauge("database_pool_in_use", "Connections to the database that requests hold")
log = get_logger()
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


def _database(value: SecretStr) -> SecretStr:
    try:
        url = make_url(value.get_secret_value())
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername != "postgresql" or not url.host or not url.database:
        raise ValueError("must be like postgresql://user:password@host:5432/name")
    return value


class DatabaseSettings(ProgramSettings):
    """What the server and the migrations read."""

    database_url: Annotated[
        SecretStr,
        AfterValidator(_database),
        Field(examples=["postgresql://app:secret@127.0.0.1:5432/orders"]),
    ]


@dataclass(frozen=True)
class DatabaseLimits(Limits):
    """The bounds of the pool and of what its connections do."""

    lock_timeout_ms: int
    pool_size: int
    pool_wait_ms: int
    statement_timeout_ms: int


class Database:
    """A bounded pool, which connects when it is asked, and again after the database was away."""

    def __init__(self, settings: DatabaseSettings, limits: DatabaseLimits) -> None:
        connect = partial(
            # By its own reading of the URL, which knows what libpq does, such as `sslmode`.
            asyncpg.connect,
            settings.database_url.get_secret_value(),
            timeout=limits.pool_wait_ms / 1000,
            # For a server that does not even say that time is over.
            command_timeout=limits.statement_timeout_ms / 1000 + 1,
            server_settings={
                "application_name": settings.service_name,
                "statement_timeout": str(limits.statement_timeout_ms),
                "lock_timeout": str(limits.lock_timeout_ms),
            },
        )
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            pool_size=limits.pool_size,
            max_overflow=0,
            pool_timeout=limits.pool_wait_ms / 1000,
            pool_pre_ping=True,  # A connection that died while it was idle is replaced.
            json_deserializer=partial(json.loads, parse_int=number),
            hide_parameters=True,
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        IN_USE.set_function(self._engine.pool.checkedout)  # type: ignore[attr-defined]

    async def run(self, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
        """Do `work` in a transaction, again where the database asks for that; commit at its end.

        Raise a Problem where the database is away or busy, and what `work` raises.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                async with self._sessions.begin() as session:
                    return await work(session)
            except (DBAPIError, NoConnection, asyncpg.PostgresError, OSError) as error:
                state = getattr(getattr(error, "orig", error), "sqlstate", None)
                # The latter: a migration changed a table under a statement that was prepared.
                again = state in _AGAIN or isinstance(error, NotSupportedError)
                if not again or tries_left == 0:
                    problem = _problem(error, state)
                    if problem is None:
                        raise
                    log.warning(problem.slug, error=f"{type(error).__name__}: {error}")
                    raise problem from error
            await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311  # apart from the other one
        raise AssertionError("the last try returns or raises")

    async def close(self) -> None:
        await self._engine.dispose()


class OverDatabase:
    """What keeps something in a database."""

    def __init__(self, database: Database) -> None:
        self.database = database


Self = TypeVar("Self", bound=OverDatabase)


def transaction(
    method: Callable[Concatenate[Self, AsyncSession, Parameters], Awaitable[Result]],
) -> Callable[Concatenate[Self, Parameters], Coroutine[Any, Any, Result]]:
    """Make each call of a method a transaction, whose session is its first argument."""

    async def call(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await self.database.run(lambda session: method(self, session, *args, **kwargs))

    return call


def _problem(error: Exception, state: str | None) -> Problem | None:
    """Return the problem that an error of the connection is; None for one of the statement."""
    if state in _BUSY | _AGAIN:
        return unavailable("database-busy", "The database takes too long.")
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(error, NoConnection | OSError) or (state or "")[:2] in _AWAY:
        return unavailable("database-unavailable", "The database cannot be reached.")
    return None
