"""Small ONNX models, built where they are needed."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper

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
    """Writes `model.onnx`, one operation from `inputs` to the output `y`, and returns its bytes."""
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
