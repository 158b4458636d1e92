"""Where the database of this project runs, and how the programs of its server are run there."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import server

ROOT = Path(__file__).resolve().parents[2]
NAME = "postgres"


class Failure(Exception):
    """What went wrong, and what to do about it, for people."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"error: {problem}" + (f"\n\nhint: {hint}" if hint else ""))


@dataclass(frozen=True)
class Place:
    """A place where a server runs: `prefix` is the command that runs another one there, `settings`
    are the variables by which programs find the server."""

    prefix: tuple[str, ...]
    settings: dict[str, str]

    def command(self, words: tuple[str, ...], database: str) -> list[str]:
        settings = {"PGUSER": server.USER, "PGDATABASE": database} | self.settings
        return [*self.prefix, "env", *(f"{name}={it}" for name, it in settings.items()), *words]

    def run(
        self,
        *words: str,
        database: str = "postgres",
        input: IO[bytes] | int = subprocess.DEVNULL,
        output: IO[bytes] | int = subprocess.PIPE,
    ) -> str:
        """What a program prints; a failure where it fails."""
        done = subprocess.run(
            self.command(words, database),
            cwd=ROOT,
            stdin=input,
            stdout=output,
            stderr=subprocess.PIPE,
            # Nobody is to write on what is given up.
            preexec_fn=partial(server.die_with_parent, signal.SIGKILL),
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise Failure(f"`{words[0]}` failed with status {done.returncode}:\n{said}")
        return (done.stdout or b"").decode()

    def start(self, *words: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Starts a program that ends when its input does."""
        return subprocess.Popen(
            self.command(words, "postgres"),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            # PostgreSQL refuses root.
            preexec_fn=None if self.prefix else server.prepare_child,
        )

    def rows(self, *statements: str, database: str = "postgres") -> list[list[str]]:
        """The rows of statements, each value as text."""
        words = ["psql", "--no-psqlrc", "--quiet", "--csv", "--tuples-only"]
        words += ["--set=ON_ERROR_STOP=1"]
        for statement in statements:
            words += ["--command", statement]
        return list(csv.reader(self.run(*words, database=database).splitlines()))

    def value(self, *statements: str, database: str = "postgres") -> str:
        """The one value of the last statement."""
        return self.rows(*statements, database=database)[-1][0]


def on_this_machine(port: int) -> Place:
    """A server that listens here."""
    folder = server.programs()
    if folder is None:
        raise Failure(server.MISSING.removeprefix("error: ").strip())
    path = os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])
    return Place((), {"PATH": path, "PGHOST": server.HOST, "PGPORT": str(port)})


def under_make_dev() -> Place | None:
    """That of `make dev`, where it runs."""
    url = answer(sys.executable, str(ROOT / "tools" / "dev.py"), "--url", NAME)
    return on_this_machine(int(url.rpartition(":")[2])) if url else None


def in_compose() -> Place | None:
    """That of `make up`, where it runs."""
    found = answer("docker", "compose", "ps", "--status", "running", "--quiet", NAME)
    return Place(("docker", "compose", "exec", "--no-TTY", NAME), {}) if found else None


def in_kubernetes() -> Place | None:
    """That of the overlay `dev`, where kubectl reaches it."""
    kubectl = ("kubectl", "--namespace", project())
    pod = f"pod/{NAME}-0"
    found = answer(*kubectl, "get", pod, "-o=name")
    return Place((*kubectl, "exec", "--stdin", "--quiet", pod, "--"), {}) if found else None


UNASKED: dict[str, Callable[[], Place | None]] = {
    "dev": under_make_dev,
    "compose": in_compose,
}
# Nobody means a cluster who does not say so.
PLACES = UNASKED | {"kubernetes": in_kubernetes}


def find(name: str) -> Place:
    """The place of this name; without one the only place where the database runs."""
    if name and name not in PLACES:
        raise Failure(f"there is no place `{name}`", f"IN= takes {', '.join(PLACES)}")
    asked = [name] if name else list(UNASKED)
    found = {each: place for each in asked if (place := PLACES[each]())}
    if not found:
        where = f"in the place `{name}`" if name else "on this machine"
        raise Failure(
            f"the database of this project does not run {where}",
            "`make dev` or `make up` start it; IN=kubernetes asks the cluster of kubectl",
        )
    if len(found) > 1:
        raise Failure("the database of this project runs twice", "IN=dev or IN=compose says which")
    return next(iter(found.values()))


def answer(*command: str) -> str:
    """What a command prints; nothing where it is not there, or fails."""
    if shutil.which(command[0]) is None:
        return ""
    options: dict[str, Any] = {"cwd": ROOT, "capture_output": True, "text": True, "check": False}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, **options)
    return done.stdout.strip() if done.returncode == 0 else ""


def project() -> str:
    """The name of this project."""
    name: str = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["name"]
    return name
