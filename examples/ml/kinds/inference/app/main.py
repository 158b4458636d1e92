"""Wires the HTTP service together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import openapi, problems
from app.limits import Limits
from app.middleware import BodyLimit, RequestLog
from app.models import Models
from app.routes import VERSION, Service, router


def create_app(name: str, models: Models, limits: Limits) -> FastAPI:
    """Returns the app that serves `models`, which may still be loading; `name` is the service's."""
    service = Service(name, models, limits)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(title=name, version=VERSION, lifespan=lifespan)
    app.state.service = service
    app.include_router(router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BodyLimit, limit=limits.body_limit_bytes)
    app.add_middleware(RequestLog)
    return app
