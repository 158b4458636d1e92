"""Transactions in which Tortoise's models are asked, over a bounded pool of asyncpg."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg
from asyncpg.transaction import Transaction

from service.database import (
    GOODBYE_S,
    IN_USE,
    DatabaseLimits,
    DatabaseSettings,
    connection_options,
    retrying,
)
from service.database.tortoise_models import Client, context_of, current

_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


class Database:
    """A bounded pool, which connects when it is asked, and again after the database was away."""

    def __init__(
        self, settings: DatabaseSettings, limits: DatabaseLimits, models: str = "app.models"
    ) -> None:
        self._models = models
        self._wait_s = limits.pool_wait_ms / 1000
        self._make_pool = partial(
            asyncpg.create_pool,
            settings.database_url.get_secret_value(),
            min_size=0,
            max_size=limits.pool_size,
            reset=_as_it_is,
            **connection_options(settings, limits),
        )
        self._pool: asyncpg.Pool | None = None
        IN_USE.set_function(self._in_use)

    async def run(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do `work` in a transaction, again where the database asks for that; commit at its end.

        Raise a Problem where the database is away or busy, and what `work` raises.
        """

        async def once() -> Result:
            async with self._transaction():
                return await work()

        return await retrying(once, is_away=_is_away, is_again=_is_again)

    async def close(self) -> None:
        """End the connections; the server may hang."""
        if self._pool:
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._pool.close()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        if self._pool is None:
            self._context = await context_of(self._models)
            self._pool = await self._make_pool()
        connection, begun = await self._begin(self._pool)
        try:
            async with AsyncExitStack() as ends:
                ends.push_async_exit(begun)
                with current(self._context, Client(connection)):
                    yield
        except asyncpg.InterfaceError as error:
            if not _is_gone(connection):
                raise
            raise ConnectionResetError(str(error)) from error
        finally:
            await self._pool.release(connection)

    async def _begin(self, pool: asyncpg.Pool) -> tuple[asyncpg.Connection, Transaction]:
        """Begin a transaction, on no connection that died while it was idle."""
        for another in (True, False):
            connection = await pool.acquire(timeout=self._wait_s)
            begun = connection.transaction()
            try:
                await begun.start()
            except BaseException as error:
                if not _is_gone(connection):
                    connection.terminate()
                await pool.release(connection)
                if not another or not isinstance(error, _LOST):
                    raise
                await pool.expire_connections()
            else:
                break
        return connection, begun

    def _in_use(self) -> int:
        return self._pool.get_size() - self._pool.get_idle_size() if self._pool else 0


class OverDatabase:
    """What keeps something in a database."""

    def __init__(self, database: Database) -> None:
        self.database = database


Self = TypeVar("Self", bound=OverDatabase)


def transaction(
    method: Callable[Concatenate[Self, Parameters], Awaitable[Result]],
) -> Callable[Concatenate[Self, Parameters], Coroutine[Any, Any, Result]]:
    """Make each call of a method a transaction, in which models need not be told of it."""

    async def call(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await self.database.run(lambda: method(self, *args, **kwargs))

    return call


async def _as_it_is(_connection: asyncpg.Connection) -> None:
    """Leave a connection as its transaction left it; asyncpg would ask the server for more."""


def _is_gone(connection: asyncpg.Connection) -> bool:
    try:
        closed: bool = connection.is_closed()
    except asyncpg.InterfaceError:  # The pool took it back as it ended.
        return True
    return closed


def _is_away(error: Exception) -> bool:
    return isinstance(error, OSError)


def _is_again(error: Exception) -> bool:
    # A migration changed a table under a statement that was prepared.
    return isinstance(error, asyncpg.InvalidCachedStatementError)
