"""Reads the body of an inference request: its media type, its coding, and where its JSON ends."""

import re
import zlib
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from pydantic.json_schema import SkipJsonSchema
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.server.protocol import InferRequest

CLIENT_GONE = 499  # nginx's number; nobody is left to read it
JSON_LENGTH = "Inference-Header-Content-Length"

# Clients of the protocol send bytes as octets, some of them with no media type at all.
_MEDIA_TYPE = re.compile(r"\s*(application/(([^;]+\+)?json|octet-stream)\s*(;.*)?)?", re.IGNORECASE)
_CODINGS = ("gzip", "deflate")  # RFC 9110, 8.4.1

# What the OpenAPI document says of bodies: FastAPI cannot know, as they are read here.
BYTES: dict[str, Any] = {
    "application/octet-stream": {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": "JSON as above, and after it the bytes of its tensors. The header "
            "Inference-Header-Content-Length says where they begin.",
        }
    }
}
_EXAMPLE = {
    "inputs": [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": [0] * 64}],
    "outputs": [{"name": "label"}],
}
INFER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/InferRequest"},
                "examples": {"digits": {"value": _EXAMPLE}},
            },
            **BYTES,
        },
    }
}


@dataclass(frozen=True, slots=True)
class Body:
    """A request, and the bytes that came after its JSON."""

    message: InferRequest
    tail: bytes


async def read(
    request: Request,
    json_length: Annotated[
        Annotated[int, Field(ge=0)] | SkipJsonSchema[None],
        Header(
            alias=JSON_LENGTH,
            description="How many bytes of the body are JSON; the tensors' bytes come after it.",
        ),
    ] = None,
) -> Body:
    """Read and parse the body. Raise what problems.py answers with 400, 413, 415 and 422."""
    if not _MEDIA_TYPE.fullmatch(request.headers.get("content-type", "")):
        raise HTTPException(415, "send application/json, or application/octet-stream")
    try:
        content = await request.body()
    except ClientDisconnect:
        raise HTTPException(CLIENT_GONE) from None
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        content = _decoded(content, coding, request.app.state.service.limits.body_limit_bytes)
    if json_length is not None and json_length > len(content):
        raise HTTPException(400, f"{JSON_LENGTH} is {json_length}, the body has {len(content)}")
    head, tail = content, b""
    if json_length is not None:
        head, tail = content[:json_length], content[json_length:]
    try:
        # Parsed and checked in one go by pydantic-core, which takes no lone surrogates.
        return Body(InferRequest.model_validate_json(head), tail)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise HTTPException(400, f"not JSON: {faults[0]['ctx']['error']}") from None
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from None


def _decoded(content: bytes, coding: str, limit: int) -> bytes:
    """Unpack a body; refuse one of more than `limit` bytes, however small it was packed."""
    if coding not in _CODINGS:
        known = ", ".join(_CODINGS)
        raise HTTPException(415, f"send it as it is, or as {known}", {"Accept-Encoding": known})
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: of gzip and zlib, what is there
    try:
        unpacked = unpacker.decompress(content, limit + 1)
    except zlib.error as error:
        raise HTTPException(400, f"not {coding}: {error}") from None
    if len(unpacked) > limit:
        raise HTTPException(413, f"a body has at most {limit} bytes, unpacked as well")
    if not unpacker.eof or unpacker.unused_data:
        raise HTTPException(400, f"not {coding}: it has no end, or more than one")
    return unpacked
