"""`python -m app.main`: the server."""

import sys

from fastapi import FastAPI
from service import log, server
from service.database.sqlalchemy import Database
from service.settings import load

from app.items import ItemStore
from app.routes import items
from app.settings import Limits, Settings


def create_app(settings: Settings, limits: Limits) -> FastAPI:
    """Return the app. It connects to the database when that is first asked something."""
    database = Database(settings, limits)
    app = server.create_app(settings, limits, close=database.close, known=items.PROBLEMS)
    app.state.store = ItemStore(database)
    app.include_router(items.router, prefix=f"/v1/{settings.service_name}")
    return app


def main() -> int:
    """Serve until a signal; return the exit status."""
    settings, limits = load(Settings, Limits)
    log.configure(settings.service_name, settings.log_level)
    return server.run(create_app(settings, limits), settings, settings.port, limits)


if __name__ == "__main__":
    sys.exit(main())
