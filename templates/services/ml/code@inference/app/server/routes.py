"""The routes of the Open Inference Protocol (protocol.py): Triton or KServe can take this place."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import to_json

from app.server.answer import check_size, encode
from app.server.batching import Arrays, Batcher
from app.server.body import BYTES, CLIENT_GONE, INFER_BODY, JSON_LENGTH, Body, read
from app.server.models import PLATFORM, Model, Models, ModelsNotReady
from app.server.problems import answers
from app.server.protocol import (
    InferResponse,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    decode,
)
from app.shared.limits import Limits

VERSION = "1.0.0"


router = APIRouter(prefix="/v2")


class Service:
    """What the routes work with: the models, and a batcher for each one that was asked."""

    def __init__(self, name: str, models: Models, limits: Limits) -> None:
        self.name = name
        self.models = models
        self.limits = limits
        self._batchers: dict[Model, Batcher] = {}

    def batcher(self, model: Model) -> Batcher:
        """Return the model's own batcher."""
        if model not in self._batchers:
            self._batchers[model] = Batcher(
                f"{model.name}/{model.version}",
                model.run,
                batched=model.batched,
                max_rows=self.limits.batch_max_rows,
                max_queue=self.limits.batch_queue_max,
                max_wait=self.limits.batch_max_wait_ms / 1000,
            )
        return self._batchers[model]

    def close(self) -> None:
        """Let the batchers' threads end."""
        for batcher in self._batchers.values():
            batcher.close()


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
ModelName = Annotated[str, Path(examples=["digits"])]


async def _find_highest(request: Request, service: ServiceDep, model_name: ModelName) -> None:
    request.state.model = service.models.get(model_name)


async def _find_version(
    request: Request,
    service: ServiceDep,
    model_name: ModelName,
    version: Annotated[str, Path(examples=["1"])],
) -> None:
    request.state.model = service.models.get(model_name, version)


async def _model(request: Request) -> Model:
    model: Model = request.state.model
    return model


ModelDep = Annotated[Model, Depends(_model)]


@router.get("")
async def server_metadata(service: ServiceDep) -> ServerMetadata:
    """What this server is, and which extensions of the protocol it speaks."""
    return ServerMetadata(name=service.name, version=VERSION)


@router.get("/health/live")
async def live() -> Live:
    """Answers as long as the process does."""
    return Live(live=True)


@router.get("/health/ready", responses=answers(503))
async def ready(service: ServiceDep) -> Ready:
    """503 until every model is loaded and warm; never afterwards."""
    if not service.models.ready:
        raise ModelsNotReady("the models are being loaded")
    return Ready(ready=True)


async def model_metadata(request: Request, service: ServiceDep, model: ModelDep) -> ModelMetadata:
    """What the model takes and returns, as its graph says. Without a version: its highest."""
    chosen = "version" in request.path_params
    return ModelMetadata(
        name=model.name,
        versions=[model.version] if chosen else service.models.versions(model.name),
        platform=PLATFORM,
        inputs=list(model.inputs),
        outputs=list(model.outputs),
    )


async def model_ready(model: ModelDep) -> ModelReady:
    """Whether the model can be asked."""
    return ModelReady(name=model.name, ready=True)


async def infer(
    request: Request,
    service: ServiceDep,
    model: ModelDep,
    body: Annotated[Body, Depends(read)],
    x_deadline_ms: Annotated[
        Annotated[int, Field(ge=0, le=86_400_000)] | SkipJsonSchema[None],
        Header(
            description="How long the caller still waits: what has not begun by then is dropped.",
        ),
    ] = None,
) -> Response:
    """Runs the model. Requests that wait together are run together."""
    arrived = time.monotonic()
    message, limit = body.message, service.limits.response_limit_bytes
    arrays, wanted = decode(message, body.tail, model.inputs, model.outputs, batched=model.batched)
    rows = len(next(iter(arrays.values()))) if model.batched else None
    check_size(wanted, rows, limit)
    deadline = float("inf") if x_deadline_ms is None else arrived + x_deadline_ms / 1000
    results = await _unless_gone(request, service.batcher(model), arrays, deadline)
    if results is None:
        return Response(status_code=CLIENT_GONE)
    outputs, tail = encode(results, wanted, batched=model.batched, limit=limit)
    answer = {
        "model_name": model.name,
        "model_version": model.version,
        **({} if message.id is None else {"id": message.id}),
        "outputs": outputs,
    }
    # Not checked against InferResponse: for thousands of numbers that costs more than the model.
    content = to_json(answer)
    if not tail:
        return Response(content, media_type="application/json")
    return Response(
        b"".join([content, *tail]),
        headers={JSON_LENGTH: str(len(content))},
        media_type="application/octet-stream",
    )


async def _unless_gone(
    request: Request, batcher: Batcher, arrays: Arrays, deadline: float
) -> Arrays | None:
    """Submit, and give up when the client disconnects, also in the queue: then return None."""
    result = batcher.submit(arrays, deadline)
    # The body was read: all that can still come is the disconnect.
    gone = asyncio.ensure_future(request.receive())
    gone.add_done_callback(lambda _: result.cancel())
    try:
        return await result
    except asyncio.CancelledError:
        if gone.done() and not gone.cancelled():
            return None
        raise
    finally:
        gone.cancel()


# Each of these is there twice: of a model's highest version, and of the one that is named.
for _path, _find in (
    ("/models/{model_name}", _find_highest),
    ("/models/{model_name}/versions/{version}", _find_version),
):
    _found = [Depends(_find)]
    _problems = answers(404, 503)
    router.add_api_route(_path, model_metadata, dependencies=_found, responses=_problems)
    router.add_api_route(f"{_path}/ready", model_ready, dependencies=_found, responses=_problems)
    router.add_api_route(
        f"{_path}/infer",
        infer,
        methods=["POST"],
        dependencies=_found,
        response_model=InferResponse,
        responses={200: {"content": BYTES}, **answers(400, 404, 413, 415, 422, 500, 503, 504)},
        openapi_extra=INFER_BODY,
    )
