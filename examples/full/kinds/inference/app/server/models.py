"""Models are folders: `<name>/<version>/model.onnx`, and optionally `model.json` with its sha256.

A folder dropped in is served from the next start on with no code: inputs, outputs, shapes and
datatypes are read from the graph. One model that cannot be loaded ends the start. Knows nothing of
HTTP.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from app.server.protocol import DTYPES, Array, Datatype, TensorMetadata
from app.shared.log import get_logger

PLATFORM = "onnxruntime_onnx"

_VERSION = re.compile(r"[1-9][0-9]*")
_DATATYPES: dict[str, Datatype] = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
log = get_logger()


class BrokenModel(Exception):
    """A model folder that cannot be served. The message begins with the path at fault."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class UnknownModel(Exception):
    """There is no model of this name, or not in this version."""


class ModelsNotReady(Exception):
    """The models are still being loaded."""


@dataclass(frozen=True, eq=False)
class Model:
    """One version of a model, loaded. `batched`: rows of several requests may run as one batch."""

    name: str
    version: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]
    batched: bool
    session: Any = field(repr=False)

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Run arrays by input name, in the shapes and dtypes of `inputs`; return the outputs'.

        Takes as long as the model takes: call it outside the event loop. Raise what onnxruntime
        raises.
        """
        names = [tensor.name for tensor in self.outputs]
        return dict(zip(names, self.session.run(names, dict(arrays)), strict=True))


class Models:
    """All models below a folder. Nothing is served until every one of them is loaded."""

    def __init__(self, root: Path) -> None:
        self.ready = False
        self._root = root
        self._models: dict[str, dict[int, Model]] = {}

    def load(self) -> None:
        """Load and warm up every model, for seconds: call it in a thread. Raise BrokenModel."""
        for folder in find(self._root):
            model = load(folder)
            self._models.setdefault(model.name, {})[int(model.version)] = model
        self.ready = True

    def get(self, name: str, version: str | None = None) -> Model:
        """Return a model, by default its highest version. Raise ModelsNotReady, UnknownModel."""
        versions = self._versions(name)
        if version is None:
            return versions[max(versions)]
        for model in versions.values():
            if model.version == version:
                return model
        raise UnknownModel(f"model `{name}` has no version `{version}`")

    def versions(self, name: str) -> list[str]:
        """Return the versions of a model, lowest first. Raise ModelsNotReady, UnknownModel."""
        return [str(version) for version in sorted(self._versions(name))]

    def _versions(self, name: str) -> dict[int, Model]:
        if not self.ready:
            raise ModelsNotReady("the models are being loaded")
        if name not in self._models:
            raise UnknownModel(f"there is no model `{name}`")
        return self._models[name]


def find(root: Path) -> list[Path]:
    """Return the folders `<root>/<name>/<version>`, sorted, no hidden ones. Raise BrokenModel."""
    found = []
    for name in _folders(root):
        versions = _folders(name)
        if not versions:
            raise BrokenModel(name, "has no version: a model is <name>/<version>/model.onnx")
        for version in versions:
            if not _VERSION.fullmatch(version.name):
                raise BrokenModel(version, "is not a version: it must be a whole number from 1")
        found += sorted(versions, key=lambda version: int(version.name))
    if not found:
        raise BrokenModel(root, "has no model: a model is <name>/<version>/model.onnx")
    return found


def load(folder: Path) -> Model:
    """Load `<name>/<version>`, check its sha256 where model.json states one, and run it once.

    Raise BrokenModel.
    """
    path = folder / "model.onnx"
    facts = _facts(folder / "model.json")
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BrokenModel(path, error.strerror or "cannot be read") from error
    if facts.get("sha256", found) != found:
        raise BrokenModel(path, f"is not what model.json describes: its sha256 is {found}")

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that wait for each other sleep. Spinning, they take the processor from the event loop
    # and from whoever else runs here, and hold up the very thread that they wait for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # By path and not by bytes: large models keep their weights in files beside the graph.
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base but this
        raise BrokenModel(path, f"cannot be loaded: {error}") from error

    inputs = tuple(_metadata(tensor, path) for tensor in session.get_inputs())
    outputs = tuple(_metadata(tensor, path) for tensor in session.get_outputs())
    model = Model(
        name=folder.parent.name,
        version=folder.name,
        inputs=inputs,
        outputs=outputs,
        batched=_warm_up(session, inputs, outputs, path),
        session=session,
    )
    log.info(
        "model loaded",
        model=model.name,
        version=model.version,
        batched=model.batched,
        accuracy=facts.get("accuracy"),
    )
    return model


def _folders(folder: Path) -> list[Path]:
    return sorted(
        child for child in folder.iterdir() if child.is_dir() and not child.name.startswith(".")
    )


def _facts(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BrokenModel(path, f"cannot be read: {error}") from error
    if not isinstance(facts, dict):
        raise BrokenModel(path, "must be a JSON object")
    return facts


def _metadata(tensor: Any, path: Path) -> TensorMetadata:
    if tensor.type not in _DATATYPES:
        raise BrokenModel(path, f"`{tensor.name}` is a {tensor.type}, which cannot be served")
    # A dimension without a fixed size has a name, or none.
    shape = tuple(size if isinstance(size, int) else -1 for size in tensor.shape)
    return TensorMetadata(name=tensor.name, datatype=_DATATYPES[tensor.type], shape=shape)


def _warm_up(
    session: Any,
    inputs: tuple[TensorMetadata, ...],
    outputs: tuple[TensorMetadata, ...],
    path: Path,
) -> bool:
    """Run the model once; return whether rows go in and as many rows come out."""
    batched = all(tensor.shape[:1] == (-1,) for tensor in (*inputs, *outputs))
    rows = 2
    zeros = {}
    for tensor in inputs:
        shape = [1 if size == -1 else size for size in tensor.shape]
        if batched:
            shape[0] = rows
        dtype = DTYPES[tensor.datatype]
        zeros[tensor.name] = np.full(shape, "" if dtype.kind == "O" else 0, dtype)
    try:
        results = session.run(None, zeros)
    except Exception as error:  # onnxruntime's exceptions have no common base but this
        # Zeros of the smallest size are not what every model takes; real input may well fit.
        log.warning("warm-up failed", path=str(path), error=str(error))
        return batched
    return batched and all(len(result) == rows for result in results)
