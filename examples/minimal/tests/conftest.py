"""The system that these tests look at from outside: what `make dev` starts, on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT_S = 120.0
STOP_LIMIT_S = 60.0
# What a system needs of the environment to start as in production, beside API keys.
PRODUCTION = {
    "APP_ENV": "production",
}


class System:
    """One run of tools/dev.py with data of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.ports_file = folder / "ports.json"
        self.log_path = folder / "log.txt"
        self.processes: dict[str, dict[str, Any]] = {}
        with self.log_path.open("wb") as log:
            self.runner = subprocess.Popen(
                [
                    sys.executable,
                    str(ROOT / "tools" / "dev.py"),
                    "--raw",
                    "--no-watch",
                    "--stop-with-parent",
                    f"--data={folder / 'data'}",
                    f"--ports-file={self.ports_file}",
                ],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> None:
        """Returns when every process is ready."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self.ports_file.exists():
            ended = self.runner.poll() is not None
            assert not ended and time.monotonic() < deadline, f"did not start:\n{self.log()}"
            time.sleep(0.05)
        self.reload()

    def reload(self) -> None:
        """Reads again where everything is: a restarted process has another pid."""
        self.processes = json.loads(self.ports_file.read_text(encoding="utf-8"))

    def first(self, group: str) -> dict[str, Any]:
        """The first process of a group: its `url`, `port`, `pid` and `env`."""
        return next(entry for entry in self.processes.values() if entry["group"] == group)

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_end(self) -> int:
        """The exit status of the run, once it has ended by itself."""
        return self.runner.wait(STOP_LIMIT_S)

    def stop(self) -> int:
        if self.runner.poll() is None:
            self.runner.send_signal(signal.SIGTERM)
        try:
            return self.wait_end()
        except subprocess.TimeoutExpired:
            self.runner.kill()
            raise


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., System]]:
    """Starts systems, with further environment variables; all are stopped at the end."""
    started: list[System] = []

    def one(**environment: str) -> System:
        started.append(System(tmp_path_factory.mktemp("system"), **environment))
        return started[-1]

    yield one
    for system in started:
        system.stop()


@pytest.fixture(scope="session")
def system(start: Callable[..., System]) -> System:
    """A system that is ready, shared by all tests."""
    found = start()
    found.wait_ready()
    return found


@pytest.fixture(scope="session")
def gateway(system: System) -> Iterator[httpx2.Client]:
    """A client of the system's gateway."""
    with httpx2.Client(base_url=system.first("gateway")["url"], timeout=40) as client:
        yield client
