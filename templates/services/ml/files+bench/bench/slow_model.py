"""Makes a model whose single run takes about 5 ms here, and measures it in this process.

    python slow_model.py make MODELS_DIR            writes slow/1/model.onnx
    python slow_model.py run MODELS_DIR ROWS S      prints rows per second, for S seconds

The second one is the limit of what a service can reach: onnxruntime with the options of
app/server/models.py, batches of ROWS, and nothing around it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

WIDTH = 1024
TARGET_S = 0.005
TIMED_RUNS = 20


def graph(layers: int) -> onnx.ModelProto:
    """`layers` products with one matrix, and a bound after each: float32 [rows, WIDTH] -> same."""
    weights = np.random.default_rng(0).normal(0, WIDTH**-0.5, (WIDTH, WIDTH)).astype(np.float32)
    nodes = []
    for layer in range(layers):
        source = "x" if layer == 0 else f"h{layer}"
        target = "y" if layer == layers - 1 else f"h{layer + 1}"
        nodes.append(helper.make_node("MatMul", [source, "w"], [f"m{layer}"]))
        nodes.append(helper.make_node("Tanh", [f"m{layer}"], [target]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", WIDTH])
        for name in ("x", "y")
    ]
    model = helper.make_graph(
        nodes, "slow", [ends[0]], [ends[1]], [numpy_helper.from_array(weights, "w")]
    )
    return helper.make_model(model, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def session(model: bytes | str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def seconds(layers: int) -> float:
    """How long one row takes, at the median."""
    run = session(graph(layers).SerializeToString())
    row = np.zeros((1, WIDTH), np.float32)
    times = []
    for _ in range(TIMED_RUNS):
        begun = time.perf_counter()
        run.run(None, {"x": row})
        times.append(time.perf_counter() - begun)
    return sorted(times)[TIMED_RUNS // 2]


def make(folder: Path) -> None:
    layers = max(1, round(8 * TARGET_S / seconds(8)))
    place = folder / "slow" / "1"
    place.mkdir(parents=True)
    onnx.save(graph(layers), place / "model.onnx")


def run(folder: Path, rows: int, limit_s: float) -> float:
    """Rows per second."""
    model = session(str(folder / "slow" / "1" / "model.onnx"))
    batch = np.zeros((rows, WIDTH), np.float32)
    model.run(None, {"x": batch})
    count = 0
    begun = time.perf_counter()
    while (took := time.perf_counter() - begun) < limit_s:
        model.run(None, {"x": batch})
        count += rows
    return count / took


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        rate = run(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
        sys.stdout.write(f"{rate}\n")
