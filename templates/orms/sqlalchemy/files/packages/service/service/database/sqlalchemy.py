"""Sessions of SQLAlchemy, over a bounded pool of asyncpg."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakSet

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, NotSupportedError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from service.body import number
from service.database import (
    GOODBYE_S,
    IN_USE,
    DatabaseLimits,
    DatabaseSettings,
    connection_options,
    retrying,
)

Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


class Database:
    """A bounded pool, which connects when it is asked, and again after the database was away."""

    def __init__(self, settings: DatabaseSettings, limits: DatabaseLimits) -> None:
        self._connections: WeakSet[asyncpg.Connection] = WeakSet()
        url = settings.database_url.get_secret_value()
        options = connection_options(settings, limits)

        async def connect() -> asyncpg.Connection:
            # By its own reading of the URL, which knows what libpq does, such as `sslmode`.
            connection = await asyncpg.connect(url, **options)
            self._connections.add(connection)
            return connection

        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            pool_size=limits.pool_size,
            max_overflow=0,
            pool_timeout=limits.pool_wait_ms / 1000,
            json_deserializer=partial(json.loads, parse_int=number),
            hide_parameters=True,
        )
        event.listen(self._engine.sync_engine, "checkout", _replace_lost)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions_of_statements = async_sessionmaker(alone, expire_on_commit=False)
        IN_USE.set_function(self._engine.pool.checkedout)  # type: ignore[attr-defined]

    async def run(
        self, work: Callable[[AsyncSession], Awaitable[Result]], *, each_alone: bool = False
    ) -> Result:
        """Do `work` in a transaction, again where the database asks for that; commit at its end.

        With `each_alone` each statement is a transaction of its own, which saves a message before
        the first one and one after the last. Raise a Problem where the database is away or busy,
        and what `work` raises.
        """
        sessions = self._sessions_of_statements if each_alone else self._sessions

        async def once() -> Result:
            async with sessions.begin() as session:
                return await work(session)

        return await retrying(once, is_away=_is_away, is_again=_is_again)

    async def close(self) -> None:
        """End the connections; the server may hang."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._engine.dispose()
        for connection in self._connections:
            connection.terminate()


class OverDatabase:
    """What keeps something in a database."""

    def __init__(self, database: Database) -> None:
        self.database = database


Self = TypeVar("Self", bound=OverDatabase)


Method = Callable[Concatenate[Self, AsyncSession, Parameters], Awaitable[Result]]
Call = Callable[Concatenate[Self, Parameters], Coroutine[Any, Any, Result]]


def transaction(method: Method[Self, Parameters, Result]) -> Call[Self, Parameters, Result]:
    """Make each call of a method a transaction, whose session is its first argument."""

    async def call(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await self.database.run(lambda session: method(self, session, *args, **kwargs))

    return call


def statement(method: Method[Self, Parameters, Result]) -> Call[Self, Parameters, Result]:
    """The same for a method of one statement, which needs no transaction around it."""

    async def call(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await self.database.run(
            lambda session: method(self, session, *args, **kwargs), each_alone=True
        )

    return call


def _replace_lost(connection: Any, *_: object) -> None:
    """Refuse a connection that ended while it was idle: the pool makes a new one then.

    The socket says so. `pool_pre_ping` would ask the server, in three statements for each request.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def _is_away(error: Exception) -> bool:
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, NoConnection | OSError)


def _is_again(error: Exception) -> bool:
    # A migration changed a table under a statement that was prepared.
    return isinstance(error, NotSupportedError)
