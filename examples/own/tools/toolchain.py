"""Where the tools of this project are, and the environment in which they run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
NODE_MINIMUM = (24, 15)


def settings() -> dict[str, Any]:
    """What tools/dev.toml says."""
    with (ROOT / "tools" / "dev.toml").open("rb") as file:
        return tomllib.load(file)


def environment() -> dict[str, str]:
    """The environment for every command of this project.

    Programs come from .venv before the machine's. Variables come from the caller, then from
    .env; `[tools]` of dev.toml names programs that were installed into .venv.
    """
    values = {**dotenv(ROOT / ".env"), **os.environ}
    values["PATH"] = os.pathsep.join([str(VENV / "bin"), values.get("PATH", os.defpath)])
    values["VIRTUAL_ENV"] = str(VENV)
    values["PYTHONUNBUFFERED"] = "1"
    # What Node makes of the code is kept: its next start is faster, and needs less memory.
    values.setdefault("NODE_COMPILE_CACHE", str(ROOT / ".dev" / "node"))
    for name, pattern in settings().get("tools", {}).items():
        for program in sorted(VENV.glob(pattern)):
            values.setdefault(name, str(program))
    return values


def dotenv(path: Path) -> dict[str, str]:
    """The variables of a file of `NAME=value` lines; none where there is no file."""
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


def node_version(path: str | None = None) -> tuple[int, ...] | None:
    """The version of the Node found on `path` (default: the caller's PATH), if there is one."""
    program = shutil.which("node", path=path)
    if program is None:
        return None
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    try:
        return tuple(int(part) for part in answer.stdout.strip().removeprefix("v").split("."))
    except ValueError:
        return None


def require_setup() -> None:
    """Leaves with a hint where `make setup` has not run yet."""
    if not (VENV / "bin" / "python").exists():
        sys.exit("this project is not set up yet\n\nhint: make setup")
