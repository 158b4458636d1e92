"""How models of Tortoise find the connection that they ask, with nothing global in between."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.context import TortoiseContext, _current_context
from tortoise.expressions import Expression, RawSQL, ResolveContext, ResolveResult
from tortoise.log import db_client_logger

# What Tortoise calls all models of a service, and their only connection.
APP = "models"
CONNECTION = "default"
# It would write what rows say.
db_client_logger.setLevel("WARNING")


class Client(TransactionWrapper):
    """A connection as Tortoise knows it. What it begins within a transaction are savepoints."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        super().__init__(AsyncpgDBClient(connection_name=CONNECTION))
        self._connection = connection


async def context_of(models: str) -> TortoiseContext:
    """Return what Tortoise knows of the models in a module. It connects to nothing."""
    context = TortoiseContext()
    connections = {CONNECTION: {"engine": "tortoise.backends.asyncpg", "credentials": {}}}
    apps = {APP: {"models": [models], "default_connection": CONNECTION}}
    with context:
        await context.init({"connections": connections, "apps": apps})
    return context


@contextmanager
def current(context: TortoiseContext, client: Client) -> Iterator[None]:
    """Let models be asked by this connection, in this task and those that it starts.

    `with context` is not for many tasks at once: it keeps what was before in one place.
    """
    entered = _current_context.set(context)
    chosen = context.connections.set(CONNECTION, client)
    try:
        yield
    finally:
        context.connections.reset(chosen)
        _current_context.reset(entered)


class ClockTimestamp(Expression):
    """The time by the clock of the database, which Tortoise has no word for."""

    def resolve(self, resolve_context: ResolveContext) -> ResolveResult:
        return ResolveResult(term=RawSQL("clock_timestamp()"))
