"""The statements of items-fastapi.py, by hand on connections of asyncpg's pool."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

SELECT = "SELECT * FROM items WHERE owner = $1 AND id = $2"
INSERT = """INSERT INTO items (owner, name, attributes) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING *"""


async def prepare(connection: asyncpg.Connection) -> None:
    """Give and take JSON as values."""
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


@asynccontextmanager
async def open_pool(url: str, size: int) -> AsyncIterator[tuple[Callable[..., Any], ...]]:
    """Give what reads an item, and what makes one."""
    async with asyncpg.create_pool(url, min_size=1, max_size=size, init=prepare) as pool:

        def doing(statement: str) -> Callable[..., Any]:
            async def execute(**values: object) -> Any:
                return dict(await pool.fetchrow(statement, *values.values()))

            return execute

        yield doing(SELECT), doing(INSERT)
