"""Jobs' inputs against a model's metadata: whether they fit, and how they are cut into chunks."""

import json
import math
from collections.abc import Iterator
from typing import Any

JsonObject = dict[str, Any]


def check(request: Any, metadata: JsonObject) -> list[dict[str, str]]:
    """Return what keeps a request from fitting the model: `pointer` (RFC 6901) and `detail`.

    `request` is the body of an inference request as parsed JSON, whatever it is; `metadata` is what
    the server says of the model. Both are of the Open Inference Protocol.

    Names, datatypes, shapes and the number of values are looked at here; the values themselves are
    the server's to judge.
    """
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not all(_is_tensor(given) for given in inputs):
        detail = "must be a list of tensors with name, shape (sizes from 1), datatype and data"
        return [{"pointer": "/inputs", "detail": detail}]

    parameters = request.get("parameters")
    if isinstance(parameters, dict) and parameters.get("binary_data_output"):
        detail = "must not be true: the result of a job is JSON"
        return [{"pointer": "/parameters/binary_data_output", "detail": detail}]

    declared = {tensor["name"]: tensor for tensor in metadata["inputs"]}
    errors = [
        {"pointer": "/inputs", "detail": f"misses `{name}`"}
        for name in declared.keys() - {given["name"] for given in inputs}
    ]
    seen = set()
    for index, given in enumerate(inputs):
        pointer, name = f"/inputs/{index}", given["name"]
        if name not in declared or name in seen:
            detail = "is there twice" if name in seen else "is not an input of the model"
            errors.append({"pointer": f"{pointer}/name", "detail": detail})
            continue
        seen.add(name)
        want = declared[name]
        if given["datatype"] != want["datatype"]:
            detail = f"must be {want['datatype']}"
            errors.append({"pointer": f"{pointer}/datatype", "detail": detail})
        if not _fits(given["shape"], want["shape"]):
            detail = f"must fit {want['shape']}, where -1 is any size"
            errors.append({"pointer": f"{pointer}/shape", "detail": detail})
        elif _count(given["data"]) != math.prod(given["shape"]):
            detail = f"must have {math.prod(given['shape'])} values, as the shape says"
            errors.append({"pointer": f"{pointer}/data", "detail": detail})
    return errors


def rows(request: JsonObject, metadata: JsonObject) -> int | None:
    """Return the number of rows, or None where the model's tensors do not all consist of rows."""
    tensors = [*metadata["inputs"], *metadata["outputs"]]
    if not all(tensor["shape"] and tensor["shape"][0] == -1 for tensor in tensors):
        return None
    counts = {given["shape"][0] for given in request["inputs"]}
    return int(counts.pop()) if len(counts) == 1 else None


def chunks(request: JsonObject, count: int, size: int, longest: int) -> Iterator[tuple[int, bytes]]:
    """Cut a request of `count` rows into requests of `size` rows, the last one of what is left.

    Yield how many rows are done after each of them, and the request as JSON. It has fewer rows
    where it would be longer than `longest` bytes: numbers may be written longer than they came.
    """
    begin = 0
    while begin < count:
        end = min(begin + size, count)
        while len(body := _body(request, begin, end)) > longest and end - begin > 1:
            end = begin + (end - begin) // 2
        yield end, body
        begin = end


def join(responses: list[JsonObject]) -> JsonObject:
    """Put the responses to the chunks of a request together again."""
    outputs = []
    for index, first in enumerate(responses[0]["outputs"]):
        parts = [response["outputs"][index] for response in responses]
        outputs.append(
            {
                **first,
                "shape": [sum(part["shape"][0] for part in parts), *first["shape"][1:]],
                "data": [value for part in parts for value in part["data"]],
            }
        )
    return {**responses[0], "outputs": outputs}


def _body(request: JsonObject, begin: int, end: int) -> bytes:
    parts = [_slice(given, begin, end) for given in request["inputs"]]
    text = json.dumps({**request, "inputs": parts}, ensure_ascii=False, separators=(",", ":"))
    # Half a pair of surrogates, which UTF-8 does not know, stays the escape that it was.
    return text.encode(errors="backslashreplace")


def _slice(given: JsonObject, begin: int, end: int) -> JsonObject:
    shape, data = given["shape"], given["data"]
    nested = len(data) == shape[0] and (len(shape) == 1 or isinstance(data[0], list))
    width = 1 if nested else math.prod(shape[1:])
    return {
        **given,
        "shape": [end - begin, *shape[1:]],
        "data": data[begin * width : end * width],
    }


def _is_tensor(given: Any) -> bool:
    return (
        isinstance(given, dict)
        and isinstance(given.get("name"), str)
        and isinstance(given.get("datatype"), str)
        and isinstance(given.get("data"), list)
        and isinstance(given.get("shape"), list)
        and all(type(size) is int and size >= 1 for size in given["shape"])
    )


def _fits(shape: list[int], want: list[int]) -> bool:
    return len(shape) == len(want) and all(
        expected in (-1, size) for size, expected in zip(shape, want, strict=True)
    )


def _count(data: list[Any]) -> int:
    return sum(_count(value) if isinstance(value, list) else 1 for value in data)
