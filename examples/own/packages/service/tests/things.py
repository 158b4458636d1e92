"""A service with one resource, for tests."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import httpx2
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field
from structlog.contextvars import get_contextvars

from service import limits, server
from service.body import JsonRoute
from service.limits import Limits
from service.openapi import answers
from service.problems import Problem
from service.requests import Caller
from service.settings import ServerSettings

router = APIRouter(route_class=JsonRoute)


class Known(Exception):
    pass


class Thing(BaseModel):
    name: Annotated[str, Field(max_length=5)]
    size: int | float | None = None


@router.get("/things/{number}", responses=answers(404))
async def get(number: int, caller: Caller) -> str:
    if number == 500:
        raise RuntimeError("a secret")
    if number == 409:
        raise Known
    return f"{caller} {get_contextvars()['trace_id']}"


@router.put("/things/{number}", responses=answers(body=True))
async def put(number: int, thing: Thing) -> Thing:
    return thing


async def close() -> None:
    """Nothing is open."""


def create(keys: Path | None = None) -> FastAPI:
    settings = ServerSettings(service_name="things", api_keys_file=keys)
    shipped = limits.read(Limits, Path("../../contracts"), {})
    bounds = dataclasses.replace(shipped, body_limit_bytes=200, body_depth_max=3)
    known: Mapping[type[Exception], Callable[[], Problem]] = {
        Known: lambda: Problem(409, "known", "It is known.")
    }
    app = server.create_app(settings, bounds, close=close, known=known)
    app.include_router(router, prefix="/v1")
    return app


def client_of(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://things")
