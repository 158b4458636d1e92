"""Small models, built where they are needed, and the HTTP service without a port."""

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
from fastapi import FastAPI
from onnx import TensorProto, helper

from app.server.main import create_app
from app.server.models import Model, Models
from app.shared import limits
from app.shared.limits import Limits

Dims = Sequence[int | str | None]

# The models that services begin with, where one still has them.
SHIPPED = min(Path("../../services").glob("*/models/digits"), default=Path("digits")).parent


def write_model(
    folder: Path,
    *,
    op: str = "Identity",
    kind: int = TensorProto.FLOAT,
    inputs: dict[str, Dims] | None = None,
    output: Dims = (None, 2),
    output_kind: int | None = None,
    describe: bool = False,
) -> bytes:
    """Write `model.onnx`, one operation from `inputs` to the output `y`; return its bytes."""
    inputs = {"x": (None, 2)} if inputs is None else inputs
    graph = helper.make_graph(
        [helper.make_node(op, list(inputs), ["y"])],
        "small",
        [helper.make_tensor_value_info(name, kind, dims) for name, dims in inputs.items()],
        [helper.make_tensor_value_info("y", output_kind or kind, output)],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    if describe:
        facts = {"sha256": hashlib.sha256(content).hexdigest()}
        (folder / "model.json").write_text(json.dumps(facts))
    return content


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
