"""What an item costs without the service around it: its pool, schemas and statements, by hand.

Runs in the folder of a service.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI

sys.path.insert(0, os.getcwd())

from app.schemas import Draft, Item

SELECT = "SELECT * FROM items WHERE owner = $1 AND id = $2"
INSERT = """INSERT INTO items (owner, name, attributes) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING *"""


async def prepare(connection: asyncpg.Connection) -> None:
    """Gives and takes JSON as values."""
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    size = int(os.environ.get("POOL_SIZE", "10"))
    url = os.environ["DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=1, max_size=size, init=prepare) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)
ITEMS = f"/v1/{os.environ['SERVICE_NAME']}/items"


@app.get("/")
async def ready() -> dict[str, bool]:
    return {"ready": True}


@app.post(ITEMS, status_code=201, response_model=Item)
async def create(draft: Draft) -> Any:
    row = await app.state.pool.fetchrow(INSERT, "anonymous", draft.name, draft.attributes)
    return dict(row)


@app.get(ITEMS + "/{item_id}", response_model=Item)
async def get(item_id: UUID) -> Any:
    return dict(await app.state.pool.fetchrow(SELECT, "anonymous", item_id))


uvicorn.run(app, port=int(os.environ["PORT"]), log_level="critical", access_log=False)
