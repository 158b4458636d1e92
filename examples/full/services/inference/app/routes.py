"""The routes of the Open Inference Protocol (protocol.py): Triton or KServe can take this place."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic_core import from_json, to_json

from app.batching import Arrays, Batcher
from app.limits import Limits
from app.models import PLATFORM, Model, Models, ModelsNotReady
from app.protocol import (
    InferRequest,
    InferResponse,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    decode,
    encode,
)

VERSION = "1.0.0"
CLIENT_GONE = 499  # nginx's number; nobody is left to read it


class _QuickRequest(Request):
    """Read by pydantic's parser: of long lists of numbers it makes a fifth of the work."""

    async def json(self) -> Any:
        try:
            return from_json(await self.body())
        except ValueError:
            return await super().json()  # says what is wrong where


class _QuickRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_quickly(request: Request) -> Response:
            return await handle(_QuickRequest(request.scope, request.receive))

        return handle_quickly


router = APIRouter(prefix="/v2", route_class=_QuickRoute)


class Service:
    """What the routes work with: the models, and a batcher for each one that was asked."""

    def __init__(self, name: str, models: Models, limits: Limits) -> None:
        self.name = name
        self.models = models
        self._limits = limits
        self._batchers: dict[Model, Batcher] = {}

    def batcher(self, model: Model) -> Batcher:
        """Returns the model's own batcher."""
        if model not in self._batchers:
            self._batchers[model] = Batcher(
                f"{model.name}/{model.version}",
                model.run,
                batched=model.batched,
                max_rows=self._limits.batch_max_rows,
                max_queue=self._limits.batch_queue_max,
                max_wait=self._limits.batch_max_wait_ms / 1000,
            )
        return self._batchers[model]

    def close(self) -> None:
        """Lets the batchers' threads end."""
        for batcher in self._batchers.values():
            batcher.close()


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]


@router.get("")
async def server_metadata(service: ServiceDep) -> ServerMetadata:
    """What this server is."""
    return ServerMetadata(name=service.name, version=VERSION)


@router.get("/health/live")
async def live() -> Live:
    """Answers as long as the process does."""
    return Live(live=True)


@router.get("/health/ready")
async def ready(service: ServiceDep) -> Ready:
    """503 until every model is loaded and warm."""
    if not service.models.ready:
        raise ModelsNotReady("the models are being loaded")
    return Ready(ready=True)


@router.get("/models/{model_name}")
@router.get("/models/{model_name}/versions/{version}")
async def model_metadata(
    service: ServiceDep, model_name: str, version: str | None = None
) -> ModelMetadata:
    """What the model takes and returns, as its graph says. Without a version: its highest."""
    model = service.models.get(model_name, version)
    return ModelMetadata(
        name=model.name,
        versions=service.models.versions(model_name) if version is None else [model.version],
        platform=PLATFORM,
        inputs=list(model.inputs),
        outputs=list(model.outputs),
    )


@router.get("/models/{model_name}/ready")
@router.get("/models/{model_name}/versions/{version}/ready")
async def model_ready(
    service: ServiceDep, model_name: str, version: str | None = None
) -> ModelReady:
    """Whether the model can be asked."""
    return ModelReady(name=service.models.get(model_name, version).name, ready=True)


@router.post("/models/{model_name}/infer", response_model=InferResponse)
@router.post("/models/{model_name}/versions/{version}/infer", response_model=InferResponse)
async def infer(
    request: Request,
    service: ServiceDep,
    model_name: str,
    body: InferRequest,
    version: str | None = None,
    x_deadline_ms: Annotated[
        int | None,
        Header(
            ge=0,
            description="How long the caller still waits: what has not begun by then is dropped.",
        ),
    ] = None,
) -> Response:
    """Runs the model. Requests that wait together are run together."""
    arrived = time.monotonic()
    model = service.models.get(model_name, version)
    arrays = decode(body, model.inputs, model.outputs, batched=model.batched)
    deadline = float("inf") if x_deadline_ms is None else arrived + x_deadline_ms / 1000
    results = await _unless_gone(request, service.batcher(model), arrays, deadline)
    if results is None:
        return Response(status_code=CLIENT_GONE)
    answer = {
        "model_name": model.name,
        "model_version": model.version,
        **({} if body.id is None else {"id": body.id}),
        "outputs": encode(results, model.outputs, body.outputs),
    }
    # As it is: checking thousands of numbers against InferResponse would cost more than the model.
    return Response(to_json(answer), media_type="application/json")


async def _unless_gone(
    request: Request, batcher: Batcher, arrays: Arrays, deadline: float
) -> Arrays | None:
    """Submits, and gives up, also in the queue, when the client disconnects: then returns None."""
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
