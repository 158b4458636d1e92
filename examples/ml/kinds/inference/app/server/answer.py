"""What a model computed, as the answer to a request: JSON, bytes or classes, and never too large.

Sources: see protocol.py. Knows nothing of HTTP and of ONNX.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.server.protocol import BYTES_LENGTH, DTYPES, Array, Fault, InvalidRequest, Wanted

# The longest number of a kind in JSON, with its comma.
_DIGITS = {
    np.dtype(kind): len(str(np.iinfo(kind).min)) + 1
    for kind in ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8")
}
_FLOAT = len("-1.7976931348623157e+308,")
_BOOL = len("false,")
_EMPTY_STRING = {True: 4, False: len('"",')}  # as bytes, as JSON


class InvalidOutput(Exception):
    """The model computed a value that JSON cannot carry."""


def check_size(wanted: Sequence[Wanted], rows: int | None, limit: int) -> None:
    """Refuse, before it is run, what is sure to have a larger answer than `limit` bytes.

    `rows` is their number, or None where nothing is batched. Other open dimensions of outputs are
    taken to be 1. Raise InvalidRequest.
    """
    size = 0
    for want in wanted:
        shape = [max(length, 1) for length in want.tensor.shape]
        if rows is not None:
            shape[0] = rows
        size += _size(want, rows or 1, math.prod(shape))
    _refuse_over(limit, size)


def encode(
    arrays: Mapping[str, Array], wanted: Sequence[Wanted], *, batched: bool, limit: int
) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Return the outputs as the JSON of ResponseOutput, and the bytes that come after the JSON.

    `arrays` are the model's outputs by name, with rows first where `batched`. Data is flat and
    row-major. Raise InvalidRequest where the answer might have more than `limit` bytes, before it
    is made, and InvalidOutput where a value that JSON is to carry is NaN or infinite: it has
    neither.
    """
    size = 0
    for want in wanted:
        array = arrays[want.tensor.name]
        size += _size(want, len(array) if batched else 1, array.size)
        if array.dtype.kind == "O":
            size += sum(map(len, array.ravel()))
    _refuse_over(limit, size)
    outputs, tail = [], []
    for want in wanted:
        name, array, datatype = want.tensor.name, arrays[want.tensor.name], want.tensor.datatype
        as_bytes = want.binary and not want.classes
        if array.dtype.kind == "f" and not as_bytes and not np.isfinite(array).all():
            raise InvalidOutput(f"output `{name}` has a value that is NaN or infinite")
        if want.classes:
            array, datatype = _classes(array, want.classes, batched=batched), "BYTES"
        output: dict[str, Any] = {"name": name, "shape": list(array.shape), "datatype": datatype}
        if want.binary:
            tail.append(_to_bytes(array))
            output["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            output["data"] = array.ravel().tolist()
        outputs.append(output)
    return outputs, tail


def _to_bytes(array: Array) -> bytes:
    """Return the bytes of an array, in the form that protocol.py reads.

    The elements of BYTES (dtype object) are str or bytes.
    """
    if array.dtype.kind != "O":
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    parts = []
    for element in array.ravel():
        content = element.encode() if isinstance(element, str) else bytes(element)
        parts += [BYTES_LENGTH.pack(len(content)), content]
    return b"".join(parts)


def _size(want: Wanted, rows: int, elements: int) -> int:
    """Return the most bytes that an output may take, without the texts of BYTES themselves."""
    dtype = DTYPES[want.tensor.datatype]
    number = {"f": _FLOAT, "b": _BOOL}.get(dtype.kind) or _DIGITS.get(dtype, 0)
    if want.classes:
        return min(elements, rows * want.classes) * (number + len("18446744073709551615:") + 4)
    if dtype.kind == "O":
        return elements * _EMPTY_STRING[want.binary]
    return elements * (dtype.itemsize if want.binary else number)


def _refuse_over(limit: int, size: int) -> None:
    if size > limit:
        detail = (
            f"would have an answer of up to {size} bytes, at most {limit} are sent: "
            "give fewer rows, or ask for fewer outputs or for binary ones"
        )
        raise InvalidRequest([Fault("/inputs", detail)])


def _classes(array: Array, count: int, *, batched: bool) -> Array:
    """Return the `count` highest values of each row, as texts `value:index`: shape (rows, count).

    Where nothing is batched, the highest of the whole: shape (count,).
    """
    rows = array.reshape(len(array) if batched else 1, -1)
    width = rows.shape[1]
    # Sorted backwards twice, so that of equals the one with the lower index comes first.
    order = width - 1 - np.argsort(rows[:, ::-1], axis=1, kind="stable")[:, ::-1][:, :count]
    named = [
        [f"{row[index]!s}:{index}" for index in best]
        for row, best in zip(rows, order.tolist(), strict=True)
    ]
    answer = np.array(named, object).reshape(order.shape)
    return answer if batched else answer[0]
