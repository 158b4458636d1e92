"""Sessions of SQLAlchemy, over a bounded pool of asyncpg."""

import json
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError, NotSupportedError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from service.body import number
from service.database import IN_USE, DatabaseLimits, DatabaseSettings, retrying

Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


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

        async def once() -> Result:
            async with self._sessions.begin() as session:
                return await work(session)

        return await retrying(once, is_away=_is_away, is_again=_is_again)

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


def _is_away(error: Exception) -> bool:
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, NoConnection | OSError)


def _is_again(error: Exception) -> bool:
    # A migration changed a table under a statement that was prepared.
    return isinstance(error, NotSupportedError)
