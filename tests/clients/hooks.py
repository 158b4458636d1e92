"""Schemathesis' hooks: what a JSON Schema cannot say about a valid request.

That `data` has as many elements as `shape` says, which names, shapes and datatypes the model takes,
where the JSON of a body with binary tensors ends, that no key of a job is `__proto__`, at whatever
depth, and that an idempotency key was not used before with another body. A request that was
generated as a valid one keeps everything else: ids, parameters, unknown members, wanted outputs.
Requests that were generated as invalid ones are sent as they are.
"""

from __future__ import annotations

import json
import re
import struct
import uuid
from typing import Any

import httpx
import schemathesis

JSON_LENGTH = "Inference-Header-Content-Length"
DEADLINE = "x-deadline-ms"
MODEL = "digits"
OUTPUTS = ("label", "probabilities")
PIXELS = [0.0] * 64
CANCELED: set[str] = set()
ULID = re.compile("[0-9A-HJKMNP-TV-Z]{26}")


@schemathesis.hook
def before_call(_context: Any, case: schemathesis.Case, _kwargs: Any) -> None:
    headers = case.headers
    if (headers.get(DEADLINE) or "").isdecimal():
        # A deadline of a few milliseconds may pass, and then 504 is right. It is tested elsewhere.
        headers[DEADLINE] = "60000"
    if ULID.fullmatch(str(case.path_parameters.get("id"))):
        # DELETE cancels a job, and what was canceled can still be read: `use_after_free` expects
        # 404. So DELETE gets a job of its own, which is read in `after_call` and nowhere else.
        if case.method == "DELETE" or case.path_parameters["id"] in CANCELED:
            case.path_parameters["id"] = posted(case.operation.base_url)
        if case.method == "DELETE":
            CANCELED.add(case.path_parameters["id"])
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.path.endswith("/infer"):
        headers.pop(JSON_LENGTH, None)
        if case.media_type == "application/octet-stream":
            head, tail = binary()
            case.body, headers[JSON_LENGTH] = head + tail, str(len(head))
        elif isinstance(case.body, dict):
            case.body = fitting(case.body)
    elif case.path == "/v1/predictions" and isinstance(case.body, dict):
        body = {**case.body, "model": MODEL, "input": fitting(case.body["input"])}
        case.body = without_prototypes(body)
        if headers.get("idempotency-key"):
            headers["idempotency-key"] = str(uuid.uuid4())


@schemathesis.hook
def after_call(_context: Any, case: schemathesis.Case, response: schemathesis.Response) -> None:
    if case.method == "DELETE" and case.path_parameters.get("id") in CANCELED:
        url = f"{case.operation.base_url}/v1/predictions/{case.path_parameters['id']}"
        assert httpx.get(url).status_code == 200, "what was canceled cannot be read"


def posted(url: str) -> str:
    """Posts a job, and returns its id."""
    image = {"name": "image", "shape": [1, 64], "datatype": "FP32", "data": PIXELS}
    job = {"model": MODEL, "input": {"inputs": [image]}}
    answer = httpx.post(f"{url}/v1/predictions", json=job)
    answer.raise_for_status()
    found: str = answer.json()["id"]
    return found


def fitting(message: dict[str, Any]) -> dict[str, Any]:
    """An inference request as it was generated, but of tensors that the model takes."""
    given = message["inputs"][0]
    parameters = {**given.get("parameters", {})}
    parameters.pop("binary_data_size", None)
    image = {"name": "image", "shape": [1, 64], "datatype": "FP32", "data": PIXELS}
    fit = {**message, "inputs": [{**given, **image, "parameters": parameters}]}
    if message.get("outputs"):
        named = zip(message["outputs"], OUTPUTS, strict=False)
        fit["outputs"] = [{**output, "name": name} for output, name in named]
    return fit


def without_prototypes(value: Any) -> Any:
    """The same value without the keys that the gateway refuses."""
    if isinstance(value, dict):
        kept = value.items()
        return {key: without_prototypes(item) for key, item in kept if key != "__proto__"}
    return [without_prototypes(item) for item in value] if isinstance(value, list) else value


def binary() -> tuple[bytes, bytes]:
    """The JSON of a request with a binary tensor, and the tensor."""
    tail = struct.pack("<64f", *PIXELS)
    image = {"name": "image", "shape": [1, 64], "datatype": "FP32"}
    message = {"inputs": [{**image, "parameters": {"binary_data_size": len(tail)}}]}
    return json.dumps(message).encode(), tail
