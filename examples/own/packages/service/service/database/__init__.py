"""A database of PostgreSQL: where it is, what bounds it, and what its errors are for callers.

How it is reached is the business of the modules in here, one for each ORM.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from prometheus_client import Gauge
from pydantic import AfterValidator, Field, SecretStr

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
# How long a server may take to hear that nobody needs it any more.
GOODBYE_S = 1
IN_USE = Gauge("database_pool_in_use", "Connections to the database that requests hold")
log = get_logger()
Result = TypeVar("Result")


def _database(value: SecretStr) -> SecretStr:
    try:
        url = urlsplit(value.get_secret_value())
        named = url.scheme == "postgresql" and url.hostname and url.path.strip("/")
        # Reading a port that is no number raises.
        whole = named and url.port != 0
    except ValueError:
        whole = False
    if not whole:
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


def connection_options(settings: DatabaseSettings, limits: DatabaseLimits) -> dict[str, Any]:
    """Return what asyncpg is told of each connection of a service."""
    return {
        "timeout": limits.pool_wait_ms / 1000,
        # For a server that does not even say that time is over.
        "command_timeout": limits.statement_timeout_ms / 1000 + 1,
        "server_settings": {
            "application_name": settings.service_name,
            "statement_timeout": str(limits.statement_timeout_ms),
            "lock_timeout": str(limits.lock_timeout_ms),
        },
    }


async def retrying(
    once: Callable[[], Awaitable[Result]],
    *,
    is_away: Callable[[Exception], bool],
    is_again: Callable[[Exception], bool],
) -> Result:
    """Do `once`, again where PostgreSQL asks for that or `is_again` says so of what it raises.

    Raise a Problem where the database is busy or cannot be reached, which it says or `is_away`; and
    what else `once` raises.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            return await once()
        except Exception as error:
            state = _state(error)
            again = state in _AGAIN or is_again(error)
            if not again or tries_left == 0:
                problem = _problem(state, away=is_away(error))
                if problem is None:
                    raise
                log.warning(problem.slug, error=f"{type(error).__name__}: {error}")
                raise problem from error
        await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311  # apart from the other one
    raise AssertionError("the last try returns or raises")


def _state(error: BaseException | None) -> str | None:
    """Return the code that PostgreSQL gave an error, under what an ORM made of it."""
    if error is None:
        return None
    return getattr(error, "sqlstate", None) or _state(error.__cause__)


def _problem(state: str | None, *, away: bool) -> Problem | None:
    """Return the problem that an error of the connection is; None for one of the statement."""
    if state in _BUSY | _AGAIN:
        return unavailable("database-busy", "The database takes too long.")
    if away or (state or "")[:2] in _AWAY:
        return unavailable("database-unavailable", "The database cannot be reached.")
    return None
