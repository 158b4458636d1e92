"""The statements of items-fastapi.py, by hand on connections of SQLAlchemy's pool."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("SELECT * FROM items WHERE owner = :owner AND id = :id").columns(attributes=JSONB)
INSERT = (
    text(
        """INSERT INTO items (owner, name, attributes) VALUES (:owner, :name, :attributes)
        ON CONFLICT DO NOTHING RETURNING *"""
    )
    .bindparams(bindparam("attributes", type_=JSONB))
    .columns(attributes=JSONB)
)


@asynccontextmanager
async def open_pool(url: str, size: int) -> AsyncIterator[tuple[Callable[..., Any], ...]]:
    """Give what reads an item, and what makes one."""
    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+asyncpg:"),
        isolation_level="AUTOCOMMIT",
        pool_size=size,
        max_overflow=0,
    )

    def doing(statement: TextClause) -> Callable[..., Any]:
        async def execute(**values: object) -> Any:
            async with engine.connect() as connection:
                result = await connection.execute(statement, values)
                return result.mappings().one()

        return execute

    yield doing(SELECT), doing(INSERT)
    await engine.dispose()
