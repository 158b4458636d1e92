"""A small HTTP server in the place of inference, which does what a test wants of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

METADATA = {
    "name": "sum",
    "versions": ["1"],
    "platform": "stub",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}],
}
Answer = tuple[int, dict[str, Any]]


class Reset(Exception):
    """Raised by a behaviour: the connection breaks without an answer."""


class StubInference:
    """Adds up rows of two numbers. `behave` may be replaced: body in, status and answer out."""

    def __init__(self) -> None:
        self.behave: Callable[[dict[str, Any]], Awaitable[Answer]] = self.add_up
        self.ready = True
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.ready_asked = asyncio.Event()
        self.running = 0
        self.most_running = 0
        self._server: asyncio.Server | None = None
        self._port = 0
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen, on the same port every time."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._server:
            self._server.close()
            self._server = None
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def add_up(self, body: dict[str, Any]) -> Answer:
        """Answer as the model does."""
        given = body["inputs"][0]
        flat = [
            value for row in given["data"] for value in (row if isinstance(row, list) else [row])
        ]
        sums = [a + b for a, b in zip(flat[::2], flat[1::2], strict=True)]
        output = {"name": "y", "datatype": "FP32", "shape": [len(sums)], "data": sums}
        return 200, {"model_name": "sum", "model_version": "1", "outputs": [output]}

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status, answer = await self._answer(request.split(" ")[1], headers, body)
            text = json.dumps(answer).encode()
            writer.write(
                f"HTTP/1.1 {status} Stub\r\ncontent-type: application/json\r\n"
                f"content-length: {len(text)}\r\nconnection: close\r\n\r\n".encode()
            )
            writer.write(text)
            await writer.drain()
        except (Reset, ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == "/v2/health/ready":
            self.ready_asked.set()
            return (200 if self.ready else 503), {"ready": self.ready}
        if not path.startswith("/v2/models/sum"):
            return 404, {"error": "unknown model"}
        if path == "/v2/models/sum":
            return 200, METADATA
        self.bodies.append(json.loads(body))
        self.headers.append(headers)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self.behave(self.bodies[-1])
        finally:
            self.running -= 1
