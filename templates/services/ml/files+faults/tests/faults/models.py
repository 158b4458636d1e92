"""Models with a fault, beside those of the project."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import onnx
from conftest import ROOT
from onnx import TensorProto, helper, numpy_helper

# What kills a process and not just a call: on x86 the processor itself refuses to divide the least
# integer of 64 bits by -1, and onnxruntime does not look for that.
LEAST = -(2.0**63)
WIDTH = 512


def models_with(folder: Path, **models: onnx.ModelProto) -> str:
    """A models folder with the project's models and these."""
    shipped = next((ROOT / "services").glob("*/models/digits")).parent
    shutil.copytree(shipped, folder / "models")
    for name, model in models.items():
        place = folder / "models" / name / "1"
        place.mkdir(parents=True)
        onnx.save(model, place / "model.onnx")
    return str(folder / "models")


def negative() -> onnx.ModelProto:
    """x / -1 in integers, many rows in one batch. Only `LEAST` kills the process."""
    divisor = numpy_helper.from_array(np.array([-1], np.int64), "divisor")
    nodes = [
        helper.make_node("Cast", ["x"], ["integer"], to=TensorProto.INT64),
        helper.make_node("Div", ["integer", "divisor"], ["quotient"]),
        helper.make_node("Cast", ["quotient"], ["y"], to=TensorProto.FLOAT),
    ]
    return _model(nodes, divisor)


def slow(products: int) -> onnx.ModelProto:
    """So many products of a vector and a matrix, one row at a time."""
    generator = np.random.default_rng(7)
    orthogonal, _ = np.linalg.qr(generator.standard_normal((WIDTH, WIDTH)))
    matrix = numpy_helper.from_array(orthogonal.astype(np.float32), "matrix")
    names = ["x", *(f"t{number}" for number in range(1, products)), "y"]
    nodes = [
        helper.make_node("MatMul", [before, "matrix"], [after])
        for before, after in itertools.pairwise(names)
    ]
    return _model(nodes, matrix, [1, WIDTH])


def _model(
    nodes: list[onnx.NodeProto],
    constant: onnx.TensorProto,
    shape: list[int | None] | None = None,
) -> onnx.ModelProto:
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape or [None])
        for name in ("x", "y")
    ]
    graph = helper.make_graph(nodes, "faulty", ends[:1], ends[1:], [constant])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
