"""A generated project that runs. PROJECT is the folder of one that is set up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

PROJECT = Path(os.environ["PROJECT"]).resolve()
START_LIMIT_S = 120.0
STOP_LIMIT_S = 60.0


class System:
    """What `make dev` starts, on free ports and with data of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.ports_file = folder / "ports.json"
        self.log_path = folder / "log.txt"
        with self.log_path.open("wb") as log:
            self.runner = subprocess.Popen(
                [
                    PROJECT / ".venv" / "bin" / "python",
                    PROJECT / "tools" / "dev.py",
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
        deadline = time.monotonic() + START_LIMIT_S
        while not self.ports_file.exists():
            ended = self.runner.poll() is not None
            assert not ended and time.monotonic() < deadline, f"did not start:\n{self.log()}"
            time.sleep(0.05)

    def first(self, group: str) -> dict[str, Any]:
        """The first process of a group, or of this name: its `url`, `port` and `pid`."""
        processes = json.loads(self.ports_file.read_text(encoding="utf-8"))
        return next(entry for name, entry in processes.items() if group in (name, entry["group"]))

    def has(self, name: str) -> bool:
        """Whether there is a process of this name."""
        return name in json.loads(self.ports_file.read_text(encoding="utf-8"))

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        if self.runner.poll() is None:
            self.runner.send_signal(signal.SIGTERM)
        try:
            self.runner.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.runner.kill()
            raise
