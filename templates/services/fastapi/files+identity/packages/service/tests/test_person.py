"""What is kept of a person is what stands in rows whose owner the person is."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from service.person import erase_owned, export_owned
from service.testing import Postgres

pytest_plugins = ["service.fixtures"]


@pytest.fixture
async def connection(postgres: Postgres) -> AsyncIterator[asyncpg.Connection]:
    connected = await asyncpg.connect(postgres.url(await postgres.empty_database()))
    yield connected
    await connected.close()


@pytest.mark.anyio
async def test_all_of_a_person_is_shown_and_erased_with_nothing_else(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute("""
        CREATE TABLE items (owner text, name text);
        CREATE TABLE "My Notes" (owner text);
        CREATE TABLE others (name text);
        CREATE TABLE albums (id integer PRIMARY KEY, owner text);
        CREATE TABLE photos (album integer REFERENCES albums, owner text);
        INSERT INTO albums VALUES (1, 'user:alice');
        INSERT INTO photos VALUES (1, 'user:alice');
        INSERT INTO items VALUES ('user:alice', 'a'), ('user:alice', 'b'), ('user:bob', 'c');
        INSERT INTO "My Notes" VALUES ('user:alice');
        INSERT INTO others VALUES ('user:alice')""")
    nothing: dict[str, list[object]] = {"My Notes": [], "albums": [], "items": [], "photos": []}
    bobs = {**nothing, "items": [{"owner": "user:bob", "name": "c"}]}
    assert await export_owned(connection, "user:bob") == bobs
    erased = {"My Notes": 1, "albums": 1, "items": 2, "photos": 1}
    assert await erase_owned(connection, "user:alice") == erased
    assert await export_owned(connection, "user:alice") == nothing
    assert await connection.fetchval("SELECT count(*) FROM items") == 1


@pytest.mark.anyio
async def test_where_a_row_cannot_be_erased_all_are_there_still(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute("""
        CREATE TABLE first (owner text);
        CREATE TABLE second (owner text UNIQUE);
        CREATE TABLE third (of text REFERENCES second (owner));
        INSERT INTO first VALUES ('user:alice');
        INSERT INTO second VALUES ('user:alice');
        INSERT INTO third VALUES ('user:alice')""")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await erase_owned(connection, "user:alice")
    assert await connection.fetchval("SELECT count(*) FROM first") == 1
