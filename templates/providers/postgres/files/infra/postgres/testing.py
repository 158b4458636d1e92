"""What tests need: a real PostgreSQL of their own, what it holds, and patience."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from archive import Archive
from place import Failure, Place, on_this_machine

HERE = Path(__file__).resolve().parent
PATIENCE_S = 60.0
Rows = dict[str, list[list[str]]]


class Postgres:
    """A server in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.place = on_this_machine(self.port)
        command = [sys.executable, str(HERE / "server.py"), "--port", str(self.port)]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--data", str(self.folder), "--fast"], stdout=log, stderr=log
            )
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            return self.place.value("SELECT 1") == "1"
        except Failure:
            return False

    def empty(self) -> None:
        """Removes all databases."""
        for name in databases(self.place):
            self.place.rows(f'DROP DATABASE "{name}" WITH (FORCE)')

    def archives_by_itself(self) -> None:
        """Returns when what was written by now is in the archive, without being asked for it."""
        kept = Archive(self.place)
        name = self.place.value("SELECT pg_walfile_name(pg_current_wal_lsn())")
        eventually(lambda: f"{name}.gz" in kept.files(kept.server))

    def lose(self) -> None:
        """Ends it as a machine that fails does, and takes its data away, but not its archive."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder / "cluster")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None


def databases(place: Place) -> list[str]:
    asked = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
    return [name for (name,) in place.rows(f"{asked} ORDER BY 1")]


def content(place: Place) -> Rows:
    """All rows of all tables of all databases."""
    found: Rows = {}
    for name in databases(place):
        tables = place.rows(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
            database=name,
        )
        for (table,) in tables:
            ordered = f"SELECT t::text FROM {table} AS t ORDER BY 1"
            found[f"{name}/{table}"] = place.rows(ordered, database=name)
    return found


def now(place: Place) -> str:
    """The time at a server, in the form that `make backup AT=` takes."""
    return place.value("SELECT to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.USOF')")


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
