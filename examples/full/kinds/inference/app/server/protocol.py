"""The messages of the Open Inference Protocol, version 2, REST, and the reading of a request.

Source: specification/protocol/inference_rest.md of github.com/kserve/open-inference-protocol, and
two extensions of github.com/triton-inference-server/server: docs/protocol/extension_binary_data.md
(tensors as bytes after the JSON) and extension_classification.md (the classes that score highest).
It knows nothing of HTTP and of ONNX.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

EXTENSIONS = ["binary_tensor_data", "classification"]
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
BYTES_LENGTH = struct.Struct("<I")  # stands before each element of BYTES in binary form

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
    extensions: list[str] = EXTENSIONS


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


def _whole(value: object) -> object:
    """Take 2.0 for 2, as JSON Schema does; text and booleans stay, and are refused."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# The bounds are those of a job's input in contracts/prediction-request.schema.json. A list that is
# too long is refused before its elements are looked at: each would make a fault of its own.
Name = Annotated[str, Field(min_length=1, max_length=255)]
Size = Annotated[int, Field(ge=1, le=2**63 - 1, strict=True), BeforeValidator(_whole)]
Bytes = Annotated[int, Field(ge=0, strict=True), BeforeValidator(_whole)]
Classes = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True), BeforeValidator(_whole)]


class InputParameters(_Message):
    binary_data_size: Annotated[
        Bytes | None,
        Field(description="The tensor's bytes after the JSON, instead of data."),
    ] = None


class RequestInput(_Message):
    name: Name
    shape: Annotated[list[Size], Field(max_length=8)]
    datatype: Datatype
    data: Annotated[
        list[Any] | None, Field(description="Nested as the shape, or flat in row-major order.")
    ] = None
    parameters: InputParameters = InputParameters()


class OutputParameters(_Message):
    binary_data: Annotated[
        StrictBool | None,
        Field(description="Whether to return bytes after the JSON, instead of data."),
    ] = None
    classification: Annotated[
        Classes | None,
        Field(description="Return this many classes, the highest first, as `value:index`."),
    ] = None


class RequestOutput(_Message):
    name: Name
    parameters: OutputParameters = OutputParameters()


class RequestParameters(_Message):
    binary_data_output: Annotated[
        StrictBool, Field(description="`binary_data` of the outputs that do not state their own.")
    ] = False


class InferRequest(_Message):
    id: str | None = None
    inputs: Annotated[list[RequestInput], Field(min_length=1, max_length=64)]
    outputs: Annotated[
        list[RequestOutput],
        Field(max_length=64, description="Which outputs to return; all, if there are none."),
    ] = []
    parameters: RequestParameters = RequestParameters()


class ResponseParameters(_Message):
    binary_data_size: Annotated[
        int | None, Field(description="The tensor's bytes after the JSON, instead of data.")
    ] = None


class ResponseOutput(_Message):
    name: str
    shape: list[int]
    datatype: Datatype
    data: list[Any] = []
    parameters: ResponseParameters = ResponseParameters()


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that the request wants, and how: as bytes, as that many classes, or as JSON."""

    tensor: TensorMetadata
    binary: bool = False
    classes: int | None = None


def decode(
    request: InferRequest,
    tail: bytes,
    inputs: Sequence[TensorMetadata],
    outputs: Sequence[TensorMetadata],
    *,
    batched: bool,
) -> tuple[dict[str, Array], list[Wanted]]:
    """Return the request's tensors by name, and the outputs that it wants, in its order.

    `tail` is what came after the JSON: the bytes of the inputs that state a `binary_data_size`, in
    their order. Tensors have the shape that the request states, and the dtype of DTYPES.

    All of the model's `inputs` have to be there, once each and nothing else, in their datatype,
    in a shape that fits, with finite values; with `batched`, all with as many rows. `outputs` are
    what may be asked for, once each. Raise InvalidRequest.
    """
    faults: list[Fault] = []
    arrays: dict[str, Array] = {}
    known = {tensor.name: tensor for tensor in inputs}
    seen: set[str] = set()
    offset = 0
    for index, given in enumerate(request.inputs):
        pointer = f"/inputs/{index}"
        size = given.parameters.binary_data_size or 0
        raw, offset = tail[offset : offset + size], offset + size
        if given.name not in known:
            faults.append(Fault(f"{pointer}/name", f"`{given.name}` is no input of this model"))
        elif given.name in seen:
            faults.append(Fault(f"{pointer}/name", f"`{given.name}` is given twice"))
        else:
            seen.add(given.name)
            fault = _misfit(given, known[given.name], pointer)
            if fault is None:
                try:
                    arrays[given.name] = _array(given, raw)
                except ValueError as error:
                    fault = Fault(f"{pointer}/data", str(error))
            if fault is not None:
                faults.append(fault)
    faults += [Fault("/inputs", f"`{name}` is missing") for name in known if name not in seen]
    if offset != len(tail):
        detail = f"say {offset} bytes after the JSON in all, there are {len(tail)}"
        faults.append(Fault("/inputs", detail))
    wanted = _wanted(request, outputs, faults)
    if batched and not faults and len({len(array) for array in arrays.values()}) > 1:
        faults.append(Fault("/inputs", "all inputs must have the same number of rows"))
    if faults:
        raise InvalidRequest(faults)
    return arrays, wanted


def _wanted(
    request: InferRequest, outputs: Sequence[TensorMetadata], faults: list[Fault]
) -> list[Wanted]:
    default = request.parameters.binary_data_output
    if not request.outputs:
        return [Wanted(tensor, default) for tensor in outputs]
    known = {tensor.name: tensor for tensor in outputs}
    wanted: dict[str, Wanted] = {}
    for index, asked in enumerate(request.outputs):
        pointer, classes = f"/outputs/{index}", asked.parameters.classification
        if asked.name not in known:
            faults.append(Fault(f"{pointer}/name", f"`{asked.name}` is no output of this model"))
        elif asked.name in wanted:
            faults.append(Fault(f"{pointer}/name", f"`{asked.name}` is asked for twice"))
        elif classes and known[asked.name].datatype == "BYTES":
            detail = "must not be there: only numbers have classes"
            faults.append(Fault(f"{pointer}/parameters/classification", detail))
        else:
            stated = asked.parameters.binary_data
            as_bytes = default if stated is None else stated
            wanted[asked.name] = Wanted(known[asked.name], as_bytes, classes)
    return list(wanted.values())


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


def _array(given: RequestInput, raw: bytes) -> Array:
    dtype = DTYPES[given.datatype]
    if (given.data is None) == (given.parameters.binary_data_size is None):
        raise ValueError("must be there, or else a `binary_data_size` among the parameters")
    if given.data is None:
        array = _from_bytes(raw, dtype, math.prod(given.shape)).reshape(given.shape)
    else:
        array = _from_json(given, given.data, dtype)
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(
            f"has a value that is NaN, infinite or out of the range of {given.datatype}"
        )
    return array


def _from_bytes(raw: bytes, dtype: np.dtype[Any], count: int) -> Array:
    """Return the `count` elements in `raw`, flat; those of BYTES (dtype object) as str.

    They are little-endian, in row-major order and without padding; each of BYTES follows its
    length. Raise ValueError, with a detail for the caller, where there are more or fewer, where a
    BOOL is neither 0 nor 1, and where BYTES are not UTF-8: models take text.
    """
    if dtype.kind == "O":
        return _strings_from_bytes(raw, count)
    if len(raw) != count * dtype.itemsize:
        raise ValueError(f"must have {count * dtype.itemsize} bytes, got {len(raw)}")
    if dtype.kind == "b" and raw.strip(b"\0\1"):
        raise ValueError("must be bytes of 0 or 1, as the datatype is BOOL")
    # Sliced off by the caller, and so aligned, whatever the length of the JSON before it.
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype, copy=False)


def _strings_from_bytes(raw: bytes, count: int) -> Array:
    elements: list[str] = []
    offset = 0
    while offset + BYTES_LENGTH.size <= len(raw) and len(elements) < count:
        begin = offset + BYTES_LENGTH.size
        offset = begin + BYTES_LENGTH.unpack_from(raw, offset)[0]
        try:
            elements.append(raw[begin:offset].decode())
        except UnicodeDecodeError:
            raise ValueError(f"must be UTF-8, element {len(elements)} is not") from None
    if offset != len(raw) or len(elements) != count:
        raise ValueError(f"must have {count} elements, each after its length in 4 bytes")
    array = np.empty(count, object)
    array[:] = elements
    return array


def _from_json(given: RequestInput, data: list[Any], dtype: np.dtype[Any]) -> Array:
    types, are = _ELEMENTS[dtype.kind]
    found = set(map(type, data))
    flat = _flatten(data, given.shape, nested=list in found)
    if list in found:
        found = set(map(type, flat))
    if not found <= types:
        raise ValueError(f"must be {are}, as the datatype is {given.datatype}")
    try:
        # A value that the datatype cannot hold is an OverflowError, or infinite, and seen later.
        with np.errstate(over="ignore"):
            return np.array(flat, dtype=dtype).reshape(given.shape)
    except OverflowError:
        raise ValueError(f"has a value out of the range of {given.datatype}") from None


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
