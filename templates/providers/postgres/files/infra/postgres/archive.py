"""What a server keeps beside its data: base backups, and all that it has written since the oldest
of them (archive.sh). From both a server of its own becomes what it was at any time between."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from place import Failure, Place

HERE = Path(__file__).resolve().parent
# With one each day a week, at any time of it.
KEPT_BASES = 7
ARCHIVE_LIMIT_S = 60.0
POLL_S = 0.1


def in_utc(at: datetime) -> str:
    """A time for people and for names."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_name(at: datetime) -> str:
    """A time in the name of a folder."""
    return in_utc(at).replace(":", "")


@dataclass(frozen=True)
class Base:
    """A base backup: of which server, and from when on it is enough."""

    server: str
    name: str

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.name)


class Archive:
    """The archive at a place. Each server has a folder in it, by its identifier."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.parent = place.value("SHOW data_directory").rpartition("/")[0]
        self.server = place.value("SELECT system_identifier FROM pg_control_system()")

    def do(self, script: str, *arguments: str) -> str:
        """What a script prints that runs in the archive's folder."""
        script = f'set -eu; umask 077; mkdir -p "$0"; cd "$0"; {script}'
        return self.place.run("sh", "-c", script, f"{self.parent}/archive", *arguments)

    def bases(self) -> list[Base]:
        """All base backups, the oldest first."""
        paths = self.do("find . -path './*/base/*Z' -prune").split()
        found = [Base(path.split("/")[1], path.split("/")[3]) for path in paths]
        return sorted(found, key=lambda base: base.at)

    def base_for(self, at: datetime | None) -> Base:
        """The last one before a time, or of all."""
        bases = self.bases()
        before = [base for base in bases if at is None or base.at <= at]
        if before:
            return before[-1]
        hint = f"the first time is {in_utc(bases[0].at)}" if bases else "`make backup` makes one"
        wanted = f" before {in_utc(at)}" if at else ""
        raise Failure(f"the archive has no base backup{wanted}, so that nothing leads there", hint)

    def add_base(self) -> datetime:
        """Adds a base backup, removes what only older ones needed, and returns the first time that
        can be had again."""
        if self.place.value("SHOW archive_mode") == "off":
            raise Failure(
                "the server does not archive what it writes: there is this backup, and no way to "
                "any other time",
                "`archive_mode = on` in infra/postgres/postgresql.conf, and a start of the server",
            )
        self.do(
            'mkdir -p "$1/base"; rm -rf "$1/base/partial"; '
            'pg_basebackup --pgdata "$1/base/partial" --format tar --compress 1 --checkpoint fast',
            self.server,
        )
        clock = "SELECT ceil(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        now = datetime.fromtimestamp(int(self.place.value(clock)) / 1000, UTC)
        base = Base(self.server, in_name(now))
        self.do('mv "$1/base/partial" "$1/base/$2"; sync "$1/base"', base.server, base.name)
        self.catch_up(base)
        bases = self.bases()
        kept = bases[-KEPT_BASES:]
        for old in bases[:-KEPT_BASES]:
            self.do('rm -rf "$1/base/$2"', old.server, old.name)
        for gone in {old.server for old in bases} - {each.server for each in kept}:
            self.do('rm -rf "$1"', gone)
        oldest = next(each for each in kept if each.server == self.server)
        manifest = json.loads(self.do('cat "$1/base/$2/backup_manifest"', self.server, oldest.name))
        begin = manifest["WAL-Ranges"][0]["Start-LSN"]
        first = self.place.value(f"SELECT pg_walfile_name('{begin}')")
        self.do('pg_archivecleanup -x .gz "$1" "$2"', self.server, first)
        return kept[0].at

    def catch_up(self, base: Base) -> None:
        """Waits until all is archived that the server has written by now. One that is gone has
        nothing more to archive."""
        if base.server != self.server:
            return
        name = self.place.value(
            # A transaction says that the time of those before it has passed.
            "SELECT pg_logical_emit_message(true, 'backup', '')",
            "SELECT pg_walfile_name(pg_switch_wal())",
        )
        deadline = time.monotonic() + ARCHIVE_LIMIT_S
        while f"{name}.gz" not in self.files(base.server):
            if time.monotonic() > deadline:
                raise Failure(
                    f"the server did not archive {name} within {ARCHIVE_LIMIT_S:.0f} s",
                    "its log says why; it runs archive_command of infra/postgres/postgresql.conf",
                )
            time.sleep(POLL_S)

    def files(self, server: str) -> list[str]:
        """What a server has archived, by name; those of one length are in order."""
        return self.do('ls "$1"', server).split()

    @contextmanager
    def recovered(self, at: datetime | None) -> Iterator[Place]:
        """For as long as the context lasts, a server that is as it was at this time; without one
        with all that is archived."""
        base = self.base_for(at)
        self.catch_up(base)
        socket = f"/tmp/recovery-{secrets.token_hex(8)}"
        with tempfile.TemporaryFile() as log:
            process = self.start(base, at, socket, log)
            settings = self.place.settings | {"PGHOST": socket, "PGPORT": "5432"}
            place = replace(self.place, settings=settings)
            try:
                while not is_ready(place):
                    if process.poll() is not None:
                        raise why(text_of(log), at)
                    time.sleep(POLL_S)
                if at is None:
                    self.expect_all(base.server, text_of(log))
                yield place
            finally:
                if process.stdin:
                    process.stdin.close()
                process.wait()

    def start(
        self, base: Base, at: datetime | None, socket: str, log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Starts a server from a base backup. It is met in the folder `socket` alone."""
        kept = f"../archive/{base.server}/%f.gz"
        settings = {
            # A status above 125 ends the recovery; others mean that there is no such file.
            "restore_command": f'[ -e {kept} ] || exit 1; gzip -dc {kept} >"%p" || exit 200',
            "recovery_target_time": at.isoformat() if at else "",
            "recovery_target_action": "promote",
            "hot_standby": "off",
            "archive_mode": "off",
            # It is there until it has been read.
            "fsync": "off",
            "listen_addresses": "",
            "port": "5432",
            "shared_buffers": "32MB",
            "lc_messages": "C",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        script = (HERE / "recover.sh").read_text(encoding="utf-8")
        folder = f"{self.parent}/recovery"
        from_base = f"{self.parent}/archive/{base.server}/base/{base.name}"
        words = ["sh", "-c", script, "recover.sh", folder, from_base, socket, *options]
        return self.place.start(*words, log=log)

    def expect_all(self, server: str, log: str) -> None:
        """Fails where a file was missing, so that recovery ended before it."""
        used = re.findall(r'restored log file "(\w{24})" from archive', log)
        archived = max(name[:24] for name in self.files(server) if len(name) == 27)
        if not used or max(used) != archived:
            reached = max(used, default="the base backup")
            raise Failure(
                f"the archive has a gap after {reached}: what follows, up to {archived}, is out of "
                "reach",
                "AT= with an earlier time gives how it was before the gap",
            )


def is_ready(place: Place) -> bool:
    try:
        place.run("pg_isready", "--quiet")
    except Failure:
        return False
    return True


def text_of(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")


def why(log: str, at: datetime | None) -> Failure:
    """Why a recovery has failed."""
    if at and "recovery ended before configured recovery target was reached" in log:
        last = re.findall(r"last completed transaction was at log time (.+)", log)
        until = f"; its last transaction is of {last[-1]}" if last else ""
        problem = f"the archive does not reach {in_utc(at)}{until}"
        return Failure(problem, "AT=latest takes all of it, and AT= a time before that")
    lines = [line for line in log.splitlines() if re.search(r"FATAL|PANIC|ERROR|: ", line)]
    return Failure("a server of how it was does not start:\n" + "\n".join(lines[-10:]))
