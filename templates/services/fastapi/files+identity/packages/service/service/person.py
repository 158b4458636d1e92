"""`python -m service.person export|erase OWNER`: what the tables of a service keep of a person, or
none of it any more. It is what stands in rows whose `owner` the person is.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from service.database import DatabaseSettings
from service.limits import Limits
from service.settings import load

TABLES = """
SELECT quote_ident(table_name) AS quoted, table_name AS name
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'owner'
ORDER BY table_name"""


async def export_owned(connection: asyncpg.Connection, owner: str) -> dict[str, Any]:
    """Return all rows of an owner, by table."""
    rows = {}
    for quoted, name in await connection.fetch(TABLES):
        statement = f"SELECT to_jsonb(t) FROM {quoted} t WHERE owner = $1"  # noqa: S608
        found = await connection.fetch(statement, owner)
        rows[name] = [json.loads(row[0]) for row in found]
    return rows


async def erase_owned(connection: asyncpg.Connection, owner: str) -> dict[str, int]:
    """Remove all rows of an owner, or none; return how many there were, by table."""
    counts = {}
    async with connection.transaction():
        left = await connection.fetch(TABLES)
        while left:
            referred, cause = [], None
            for quoted, name in left:
                statement = f"DELETE FROM {quoted} WHERE owner = $1"  # noqa: S608
                try:
                    async with connection.transaction():
                        status = await connection.execute(statement, owner)
                except asyncpg.ForeignKeyViolationError as error:
                    referred.append((quoted, name))
                    cause = error
                else:
                    # Such as `DELETE 3`.
                    counts[name] = int(status.split()[-1])
            # What refers to it goes first. Where nothing went, it is not the person's.
            if cause is not None and len(referred) == len(left):
                raise cause
            left = referred
    return counts


async def main(arguments: list[str]) -> int:
    """Do what the arguments ask for."""
    works: dict[str, Callable[[asyncpg.Connection, str], Awaitable[dict[str, Any]]]]
    works = {"export": export_owned, "erase": erase_owned}
    if len(arguments) != 2 or arguments[0] not in works:
        sys.stderr.write("usage: python -m service.person export|erase OWNER\n")
        return 1
    action, owner = arguments
    settings, _ = load(DatabaseSettings, Limits)
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        json.dump(await works[action](connection, owner), sys.stdout)
    finally:
        await connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
