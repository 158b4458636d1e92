"""The messages of the Open Inference Protocol, version 2, REST with JSON tensors.

Source: specification/protocol/inference_rest.md of github.com/kserve/open-inference-protocol.
The binary tensor extension is not spoken. Knows nothing of HTTP and of ONNX.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Datatype = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BYTES",
]
Array = NDArray[Any]

DTYPES: dict[Datatype, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(object),
}
# What the elements of `data` are in JSON. Compared as types: isinstance takes a bool for an int.
_WHOLE: tuple[set[type], str] = ({int}, "whole numbers")
_ELEMENTS: dict[str, tuple[set[type], str]] = {
    "b": ({bool}, "true or false"),
    "u": _WHOLE,
    "i": _WHOLE,
    "f": ({int, float}, "numbers"),
    "O": ({str}, "strings"),
}


class _Message(BaseModel):
    # Fields begin with `model_`, as the protocol wants; unknown ones are ignored, as it wants too.
    model_config = ConfigDict(protected_namespaces=())


class TensorMetadata(_Message):
    """A tensor of a model. A dimension of -1 takes any size."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]


class ServerMetadata(_Message):
    name: str
    version: str
    extensions: list[str] = []


class ModelMetadata(_Message):
    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(_Message):
    live: bool


class Ready(_Message):
    ready: bool


class ModelReady(Ready):
    name: str


class RequestInput(_Message):
    name: str
    shape: list[Annotated[int, Field(ge=0, strict=True)]]
    datatype: Datatype
    data: list[Any] = Field(description="Nested as the shape, or flat in row-major order.")


class RequestOutput(_Message):
    name: str


class InferRequest(_Message):
    id: str | None = None
    inputs: Annotated[list[RequestInput], Field(min_length=1)]
    outputs: Annotated[
        list[RequestOutput], Field(description="Which outputs to return; all, if there are none.")
    ] = []


class ResponseOutput(_Message):
    name: str
    shape: list[int]
    datatype: Datatype
    data: list[Any]


class InferResponse(_Message):
    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[ResponseOutput]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request: where, as a JSON pointer into it, and what."""

    pointer: str
    detail: str


class InvalidRequest(Exception):
    """The request does not fit the model; `faults` says why, every one of them."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = faults


class InvalidOutput(Exception):
    """The model computed a value that JSON cannot carry."""


def decode(
    request: InferRequest,
    inputs: Sequence[TensorMetadata],
    outputs: Sequence[TensorMetadata],
    *,
    batched: bool,
) -> dict[str, Array]:
    """Returns the request's tensors by name, in the shape that they state and the dtype of DTYPES.

    All of the model's `inputs` have to be there, once each and nothing else, in their datatype,
    in a shape that fits, with finite values; with `batched`, all with as many rows. `outputs` are
    what may be asked for. Raises InvalidRequest.
    """
    faults: list[Fault] = []
    arrays: dict[str, Array] = {}
    known = {tensor.name: tensor for tensor in inputs}
    seen: set[str] = set()
    for index, given in enumerate(request.inputs):
        pointer = f"/inputs/{index}"
        if given.name not in known:
            faults.append(Fault(f"{pointer}/name", f"`{given.name}` is no input of this model"))
        elif given.name in seen:
            faults.append(Fault(f"{pointer}/name", f"`{given.name}` is given twice"))
        else:
            seen.add(given.name)
            fault = _misfit(given, known[given.name], pointer)
            if fault is None:
                try:
                    arrays[given.name] = _array(given)
                except ValueError as error:
                    fault = Fault(f"{pointer}/data", str(error))
            if fault is not None:
                faults.append(fault)
    faults += [Fault("/inputs", f"`{name}` is missing") for name in known if name not in seen]
    named = {tensor.name for tensor in outputs}
    faults += [
        Fault(f"/outputs/{index}/name", f"`{asked.name}` is no output of this model")
        for index, asked in enumerate(request.outputs)
        if asked.name not in named
    ]
    if batched and not faults and len({len(array) for array in arrays.values()}) > 1:
        faults.append(Fault("/inputs", "all inputs must have the same number of rows"))
    if faults:
        raise InvalidRequest(faults)
    return arrays


def encode(
    arrays: Mapping[str, Array], outputs: Sequence[TensorMetadata], asked: Sequence[RequestOutput]
) -> list[dict[str, Any]]:
    """Returns the outputs asked for, or all, as the JSON of ResponseOutput: data flat, row-major.

    Raises InvalidOutput where a value is NaN or infinite: JSON has neither.
    """
    known = {tensor.name: tensor for tensor in outputs}
    names = [output.name for output in asked] or list(known)
    encoded = []
    for name in names:
        array = arrays[name]
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InvalidOutput(f"output `{name}` has a value that is NaN or infinite")
        encoded.append(
            {
                "name": name,
                "shape": list(array.shape),
                "datatype": known[name].datatype,
                "data": array.ravel().tolist(),
            }
        )
    return encoded


def _misfit(given: RequestInput, expected: TensorMetadata, pointer: str) -> Fault | None:
    if given.datatype != expected.datatype:
        return Fault(f"{pointer}/datatype", f"must be {expected.datatype}, got {given.datatype}")
    fits = len(given.shape) == len(expected.shape) and all(
        size >= 1 and wanted in (-1, size)
        for size, wanted in zip(given.shape, expected.shape, strict=True)
    )
    if not fits:
        detail = f"must fit {list(expected.shape)} (-1 is any size from 1), got {given.shape}"
        return Fault(f"{pointer}/shape", detail)
    return None


def _array(given: RequestInput) -> Array:
    dtype = DTYPES[given.datatype]
    types, are = _ELEMENTS[dtype.kind]
    found = set(map(type, given.data))
    flat = _flatten(given.data, given.shape, nested=list in found)
    if list in found:
        found = set(map(type, flat))
    if not found <= types:
        raise ValueError(f"must be {are}, as the datatype is {given.datatype}")
    try:
        # A value that the datatype cannot hold is an OverflowError, or infinite and seen below.
        with np.errstate(over="ignore"):
            array = np.array(flat, dtype=dtype).reshape(given.shape)
    except OverflowError:
        raise ValueError(f"has a value out of the range of {given.datatype}") from None
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(
            f"has a value that is NaN, infinite or out of the range of {given.datatype}"
        )
    return array


def _flatten(data: list[Any], shape: list[int], *, nested: bool) -> list[Any]:
    size = math.prod(shape)
    if not nested:
        if len(data) != size:
            raise ValueError(f"must have {size} elements for shape {shape}, got {len(data)}")
        return data
    level: list[Any] = [data]
    for length in shape:
        if not all(isinstance(row, list) and len(row) == length for row in level):
            raise ValueError(f"must be flat, or nested as its shape {shape}")
        level = [element for row in level for element in row]
    return level
