"""What an item costs without the service around it: its pool, schemas and statements, by hand.

Runs in the folder of a service.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI

sys.path.insert(0, os.getcwd())

from app.schemas import Draft, Item

# The pool is that of the library by which the service reaches its tables.
[pool] = [
    import_module(path.stem)
    for path in Path(__file__).parent.glob("pool_*.py")
    if Path("requirements", path.stem.removeprefix("pool_") + ".in").exists()
]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    size = int(os.environ.get("POOL_SIZE", "10"))
    async with pool.open_pool(os.environ["DATABASE_URL"], size) as (read, make):
        app.state.read, app.state.make = read, make
        yield


app = FastAPI(lifespan=lifespan)
ITEMS = f"/v1/{os.environ['SERVICE_NAME']}/items"


@app.get("/")
async def ready() -> dict[str, bool]:
    return {"ready": True}


@app.post(ITEMS, status_code=201, response_model=Item)
async def create(draft: Draft) -> Any:
    return await app.state.make(
        owner="anonymous", name=draft.name, attributes=draft.attributes
    )


@app.get(ITEMS + "/{item_id}", response_model=Item)
async def get(item_id: UUID) -> Any:
    return await app.state.read(owner="anonymous", id=item_id)


uvicorn.run(app, port=int(os.environ["PORT"]), log_level="critical", access_log=False)
