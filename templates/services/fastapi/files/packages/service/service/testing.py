"""What tests need: a real PostgreSQL of their own, which they may kill, and patience."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import anyio
import asyncpg

# The first start makes the files of the server.
PATIENCE_S = 60
SERVER = Path(__file__).resolve().parents[3] / "infra" / "postgres" / "server.py"


class Postgres:
    """A server in a folder of its own, on a port of its own."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases, which may not exist."""
        return f"postgresql://app@127.0.0.1:{self._port}/{database}"

    async def start(self) -> None:
        """Start it, and return when it answers."""
        place = ["--port", str(self._port), "--data", str(self._folder)]
        self._process = subprocess.Popen(  # noqa: S603, ASYNC220  # a program of our own
            [sys.executable, SERVER, *place, "--fast"], stderr=subprocess.DEVNULL
        )
        await eventually(self._answers)

    async def _answers(self) -> bool:
        try:
            await self.execute("SELECT 1")
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        return True

    async def execute(self, statement: str, database: str = "postgres") -> list[asyncpg.Record]:
        """Run a statement on a connection of its own, and return its rows."""
        connection = await asyncpg.connect(self.url(database))
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement)
            return rows
        finally:
            await connection.close()

    async def empty_database(self) -> str:
        """Make a database without tables, and return its name."""
        name = f"test_{uuid4().hex}"
        await self.execute(f"CREATE DATABASE {name}")
        return name

    async def tables(self, database: str) -> list[str]:
        """Return the names of the tables of a database, sorted."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        return [row["tablename"] for row in await self.execute(query, database)]

    def kill(self) -> None:
        """End it at once, as a machine that fails would."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """End it, and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder)


async def eventually(holds: Callable[[], Awaitable[object]]) -> None:
    """Wait until a condition holds that sends no event, and fail where it does not in time."""
    with anyio.fail_after(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110  # it sends no event
            await anyio.sleep(0.01)
