"""PostgreSQL for tests of faults: every process that it consists of, and what it keeps."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from conftest import ROOT
from processes import Processes

sys.path.insert(0, str(ROOT / "infra" / "postgres"))
import server

NAME = "postgres"
HOLDER = "FROM pg_stat_activity WHERE application_name = 'holder'"


class WithDatabase(Processes):
    """A system in which a fault of a process is one of all that it has started as well.

    Each session of PostgreSQL is a process in a group of its own. One that outlives its server
    would end what it is doing, and keep the next server from starting.
    """

    def signal(self, name: str, number: signal.Signals) -> None:
        family = [self.pid(name)]
        # From now on it starts no others.
        os.killpg(family[0], signal.SIGSTOP)
        pairs = parents()
        for one in family:
            family += [child for child, parent in pairs if parent == one]
        for one in reversed(family):
            with suppress(ProcessLookupError):
                os.kill(one, number)
        if number not in (signal.SIGSTOP, signal.SIGKILL):
            os.killpg(family[0], signal.SIGCONT)

    def kill_session(self, chance: random.Random) -> bool:
        """kill -9 of one session of a service; then the server ends all, and recovers."""
        asked = "SELECT pid FROM pg_stat_activity WHERE datname <> 'postgres' ORDER BY state, pid"
        sessions = self.query("postgres", asked)
        if sessions:
            with suppress(ProcessLookupError):
                os.kill(int(chance.choice(sessions)[0]), signal.SIGKILL)
        return bool(sessions)

    def query(self, database: str, *statements: str) -> list[list[str]]:
        """The rows of the last statement, each value as text."""
        command = self.psql(database, *statements)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return list(csv.reader(done.stdout.splitlines()))

    @contextmanager
    def locked(
        self, database: str, table: str, mode: str = "ACCESS EXCLUSIVE", longest_s: int = 60
    ) -> Iterator[None]:
        """Meanwhile another session has this lock of a table."""
        lock = f"BEGIN; LOCK TABLE {table} IN {mode} MODE; SELECT pg_sleep({longest_s})"
        holder = subprocess.Popen(
            self.psql(database, "SET application_name = 'holder'", lock),
            stdout=subprocess.DEVNULL,
        )
        try:
            while not self.query(database, f"SELECT 1 {HOLDER} AND wait_event = 'PgSleep'"):
                assert holder.poll() is None, "there is no lock"
                time.sleep(0.05)
            yield
        finally:
            holder.kill()
            holder.wait()
            self.query(database, f"SELECT pg_terminate_backend(pid) {HOLDER}")

    def psql(self, database: str, *statements: str) -> list[Any]:
        folder = server.programs()
        assert folder is not None
        url = f"postgresql://{server.USER}@127.0.0.1:{self.services[NAME].port_text}/{database}"
        command: list[Any] = [folder / "psql", "--no-psqlrc", "--quiet", "--csv", "--tuples-only"]
        command += ["--set=ON_ERROR_STOP=1", url]
        for statement in statements:
            command += ["--command", statement]
        return command


def parents() -> list[tuple[int, int]]:
    """Each process of this machine, with the one that has started it."""
    done = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    lines = (line.split() for line in done.stdout.splitlines())
    return [(int(child), int(parent)) for child, parent in lines]
