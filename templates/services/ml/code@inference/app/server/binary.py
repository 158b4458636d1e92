"""Tensors as bytes: little-endian, row-major, without padding; BYTES as length and content.

Source: docs/protocol/extension_binary_data.md of github.com/triton-inference-server/server.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LENGTH = struct.Struct("<I")  # before each element of BYTES


def read(raw: bytes, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Returns the `count` elements in `raw`, flat; those of BYTES (dtype object) as str.

    Raises ValueError, with a detail for the caller, where there are more or fewer, where a BOOL is
    neither 0 nor 1, and where BYTES are not UTF-8: models take text.
    """
    if dtype.kind == "O":
        return _read_strings(raw, count)
    if len(raw) != count * dtype.itemsize:
        raise ValueError(f"must have {count * dtype.itemsize} bytes, got {len(raw)}")
    if dtype.kind == "b" and raw.strip(b"\0\1"):
        raise ValueError("must be bytes of 0 or 1, as the datatype is BOOL")
    # Sliced off by the caller, and so aligned, whatever the length of the JSON before it.
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype, copy=False)


def write(array: NDArray[Any]) -> bytes:
    """Returns the bytes of an array; the elements of BYTES (dtype object) are str or bytes."""
    if array.dtype.kind != "O":
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    parts = []
    for element in array.ravel():
        content = element.encode() if isinstance(element, str) else bytes(element)
        parts += [_LENGTH.pack(len(content)), content]
    return b"".join(parts)


def _read_strings(raw: bytes, count: int) -> NDArray[Any]:
    elements: list[str] = []
    offset = 0
    while offset + _LENGTH.size <= len(raw) and len(elements) < count:
        begin = offset + _LENGTH.size
        offset = begin + _LENGTH.unpack_from(raw, offset)[0]
        try:
            elements.append(raw[begin:offset].decode())
        except UnicodeDecodeError:
            raise ValueError(f"must be UTF-8, element {len(elements)} is not") from None
    if offset != len(raw) or len(elements) != count:
        raise ValueError(f"must have {count} elements, each after its length in 4 bytes")
    array = np.empty(count, object)
    array[:] = elements
    return array
