"""A wire between a client and its server that a test can cut, or make deaf."""

import asyncio
from contextlib import suppress


class Proxy:
    """Passes bytes on to a port of this machine, for as long as it is let."""

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
