"""The HTTP service in this process, without a port."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.server.main import create_app
from app.server.models import Model, Models
from app.shared import limits
from app.shared.limits import Limits


def shared_limits(**changes: Any) -> Limits:
    """The project's limits, with some of them changed."""
    return replace(limits.read(Path("../../contracts"), {}), **changes)


def loaded(folder: Path) -> Models:
    models = Models(folder)
    models.load()
    return models


def app_for(models: Models, **changes: Any) -> FastAPI:
    """The app for `models`, with some limits changed."""
    return create_app("inference", models, shared_limits(**changes))


class HeldSession:
    """A session whose runs wait until `free` is set."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.running = threading.Event()
        self.free = threading.Event()
        self.batches: list[int] = []

    def run(self, names: list[str], arrays: Mapping[str, Any]) -> Any:
        self.batches.append(len(next(iter(arrays.values()))))
        self.running.set()
        assert self.free.wait(10)
        return self._session.run(names, arrays)


class HeldModels(Models):
    """Models of which the one at `<folder>/m/1` is held."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.load()
        model = super().get("m")
        self.held = HeldSession(model.session)
        self._model = replace(model, session=self.held)

    def get(self, name: str, version: str | None = None) -> Model:
        return self._model
