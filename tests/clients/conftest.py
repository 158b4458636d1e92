"""A generated project that runs, for clients that others wrote.

`tests/clients.rs` sets PROJECT, the folder of a project that is set up.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from system import PROJECT, System

# A three, as somebody drew it: 8 rows of 8 pixels from 0 to 16.
THREE = [
    *(0, 0, 9, 16, 10, 1, 0, 0),
    *(0, 0, 8, 3, 16, 4, 0, 0),
    *(0, 0, 0, 5, 14, 2, 0, 0),
    *(0, 0, 2, 16, 15, 7, 0, 0),
    *(0, 0, 0, 0, 3, 15, 2, 0),
    *(0, 4, 6, 0, 0, 13, 7, 0),
    *(0, 6, 13, 1, 5, 16, 3, 0),
    *(0, 0, 10, 16, 15, 5, 0, 0),
]
# For each datatype of the protocol a model of this name, in lower case, gives back what it gets.
DATATYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for all tests, with more models than the project has."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(PROJECT / "services/inference/models", folder, dirs_exist_ok=True)
    for datatype, kind in DATATYPES.items():
        write_identity(folder / datatype.lower() / "1", kind)
    # Schemathesis asks more often than a caller may.
    unlimited = {"RATE_LIMIT_PER_MINUTE": "10000000", "ACCEPT_PER_MINUTE": "10000000"}
    running = System(tmp_path_factory.mktemp("system"), MODELS_DIR=str(folder), **unlimited)
    yield running
    running.stop()


def write_identity(folder: Path, kind: int) -> None:
    """Writes a model that returns `x`, of any number of rows of two, as `y`."""
    x, y = (helper.make_tensor_value_info(name, kind, [None, 2]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [x], [y])
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    onnx.checker.check_model(model)


@pytest.fixture(scope="session", params=["inference", "gateway"])
def url(request: pytest.FixtureRequest, system: System) -> str:
    """Where a client asks: inference itself, or the gateway before it."""
    found: str = system.first(request.param)["url"]
    return found
