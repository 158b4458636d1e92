"""Backs up the databases of this project, and restores them: `make backup` and `make restore`.

    python infra/postgres/backup.py save
    python infra/postgres/backup.py save --at 2026-01-31T12:00:00Z
    python infra/postgres/backup.py restore backups/2026-01-31T120500.000Z

A backup is a folder with a file of pg_dump for each database, and a manifest with their digests. It
has its name only when it is whole. `--at` makes one of how it was at a time (archive.py).
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archive import Archive, in_name, in_utc
from place import PLACES, ROOT, Failure, Place, find, on_this_machine, project

BACKUPS = ROOT / "backups"
MANIFEST = "manifest.json"
RESTORING = "restoring "
# They say which migrations were made: a database that nobody has written to has these rows.
OF_MIGRATIONS = {"alembic_version", "schema_migrations", "tortoise_migrations"}
# For each table a statement that counts its rows.
COUNTS = """
    SELECT format('SELECT %L, count(*) FROM %I.%I', schemaname || '.' || tablename, schemaname,
      tablename), tablename
    FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--in", dest="name", default="", help=f"where: {', '.join(PLACES)}")
    parser.add_argument("--port", type=int, help="or a server of this machine, by its port")
    commands = parser.add_subparsers(dest="command", required=True)
    saving = commands.add_parser("save")
    saving.add_argument("--to", type=Path, default=BACKUPS, help="the folder of all backups")
    saving.add_argument("--at", default="", help="of how it was at a time; `latest`: as archived")
    restoring = commands.add_parser("restore")
    restoring.add_argument("backup", help="the folder of one backup")
    restoring.add_argument("--replace", action="store_true", help="remove rows that are there")
    options = parser.parse_args()
    os.umask(0o077)
    try:
        if options.command == "save":
            save(place_of(options), options.to, options.at)
        else:
            folder, manifest = look(options.backup)
            restore(place_of(options), folder, manifest, replace=options.replace)
    except (Failure, OSError) as failure:
        print(failure if isinstance(failure, Failure) else f"error: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def place_of(options: argparse.Namespace) -> Place:
    return on_this_machine(options.port) if options.port else find(options.name)


def save(place: Place, to: Path, asked: str) -> None:
    """Makes a backup of how it is, with a base backup in the archive, or of how it was."""
    at = time_of(asked)
    to.mkdir(parents=True, exist_ok=True)
    with alone(to):
        for rest in to.glob(".partial-*"):
            shutil.rmtree(rest)
        if asked:
            with Archive(place).recovered(at) as former:
                write(former, to, in_utc(at) if at else asked)
        else:
            write(place, to, in_utc(datetime.now(UTC)))
            first = Archive(place).add_base()
            print(f"`make backup AT=...` gives how it was at any time since {in_utc(first)}")


def time_of(asked: str) -> datetime | None:
    """A time that has passed; none for `latest`."""
    if asked in ("", "latest"):
        return None
    hint = "AT=2026-01-31T12:00:00Z, or +02:00 for Z"
    try:
        at = datetime.fromisoformat(asked)
    except ValueError:
        raise Failure(f"`{asked}` is no time", hint) from None
    if at.tzinfo is None:
        raise Failure(f"`{asked}` does not say in which time zone", hint)
    if at > datetime.now(UTC):
        raise Failure(f"{in_utc(at)} has not passed yet")
    return at


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder against others who make backups in it."""
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"another backup is being made in {shown(folder)}") from None
        yield
    finally:
        os.close(held)


def write(place: Place, to: Path, at: str) -> None:
    """Writes a backup of all databases of a server, and says what is in it."""
    statement = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
    names = [name for (name,) in place.rows(f"{statement} ORDER BY 1")]
    names = [name for name in names if not name.startswith(RESTORING)]
    if not names:
        raise Failure("the server has no database, so that there is nothing to back up")
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=to))
    try:
        databases: dict[str, Any] = {}
        for name in names:
            path = partial / file_of(name)
            with path.open("xb") as file:
                place.run("pg_dump", "--format=custom", database=name, output=file)
            databases[name] = {"bytes": path.stat().st_size, "sha256": digest(path)}
        manifest = {
            "project": project(),
            "at": at,
            "server": place.value("SHOW server_version"),
            "databases": databases,
        }
        text = json.dumps(manifest, indent=2) + "\n"
        (partial / MANIFEST).write_text(text, encoding="utf-8")
        for path in (*partial.iterdir(), partial):
            keep(path)
        folder = partial.rename(to / in_name(datetime.now(UTC)))
        keep(to)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    for name, entry in databases.items():
        print(f"{name:<{max(map(len, names))}}  {entry['bytes'] / 1024:10.1f} KiB")
    print(f"{shown(folder)} is a backup of how it was at {at}")


def file_of(database: str) -> str:
    return f"{quote(database, safe='')}.dump"


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep(path: Path) -> None:
    """Returns when a file, or the names in a folder, outlive a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def shown(path: Path) -> str:
    path = path.absolute()
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def look(asked: str) -> tuple[Path, dict[str, Any]]:
    """A backup that is whole and of this project: its folder and its manifest."""
    folder = Path(asked)
    if not asked or not (folder / MANIFEST).is_file():
        there = sorted(path.parent for path in BACKUPS.glob(f"[!.]*/{MANIFEST}"))
        hint = "\n".join(["`make restore FROM=` takes one of", *map(shown, there)])
        problem = f"{asked} is no backup" if asked else "which backup?"
        raise Failure(problem, hint if there else "`make backup` makes one")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        of, databases = manifest["project"], manifest["databases"]
        pairs = {name: entry["sha256"] for name, entry in databases.items()}
        int(manifest["server"].split(".")[0])
        str(manifest["at"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Failure(f"{shown(folder / MANIFEST)} is damaged: {error!r}") from None
    if of != project():
        raise Failure(
            f"{shown(folder)} is a backup of `{of}`, and this project is `{project()}`",
            f"where that is meant, change `project` in its {MANIFEST}",
        )
    for name, wanted in pairs.items():
        path = folder / file_of(name)
        if not path.is_file():
            raise Failure(f"{shown(path)} is missing: the backup is not whole")
        if digest(path) != wanted:
            raise Failure(f"{shown(path)} is damaged: it is not what {MANIFEST} says")
    return folder, manifest


def restore(place: Place, folder: Path, manifest: dict[str, Any], *, replace: bool) -> None:
    """Restores all databases of a backup. Until each of them is there, nothing else changes."""
    version = place.value("SHOW server_version")
    if int(version.split(".")[0]) < int(manifest["server"].split(".")[0]):
        raise Failure(
            f"the backup is of PostgreSQL {manifest['server']}, and the server is {version}: an "
            "older one cannot read it"
        )
    there = {name for (name,) in place.rows("SELECT datname FROM pg_database")}
    for name in there:
        if name.startswith(RESTORING):
            drop(place, name)
    if not replace:
        expect_no_rows(place, sorted(there & set(manifest["databases"])))
    restored: dict[str, str] = {}
    try:
        for number, name in enumerate(manifest["databases"]):
            new = f"{RESTORING}{number}"
            place.rows(f"CREATE DATABASE {quoted(new)} TEMPLATE template0")
            restored[name] = new
            with (folder / file_of(name)).open("rb") as file:
                options = ["--exit-on-error", "--single-transaction", f"--dbname={new}"]
                place.run("pg_restore", *options, input=file)
    except BaseException:
        for new in restored.values():
            drop(place, new)
        raise
    for name, new in restored.items():
        # It ends the sessions of services, which connect again.
        drop(place, name)
        place.rows(f"ALTER DATABASE {quoted(new)} RENAME TO {quoted(name)}")
        rows = count(place, name)
        print(f"{name}: {len(rows)} tables, {sum(rows.values())} rows")
    print(f"restored from {shown(folder)}, as it was at {manifest['at']}")


def expect_no_rows(place: Place, databases: list[str]) -> None:
    for database in databases:
        filled = [table for table, rows in count(place, database, OF_MIGRATIONS).items() if rows]
        if filled:
            raise Failure(
                f"the database `{database}` has rows, in {', '.join(filled)}",
                "`make backup` keeps them, and REPLACE=1 removes them",
            )


def count(place: Place, database: str, without: set[str] | None = None) -> dict[str, int]:
    """How many rows each table has."""
    found = place.rows(COUNTS, database=database)
    statements = [statement for statement, name in found if name not in (without or set())]
    rows = place.rows(" UNION ALL ".join(statements), database=database) if statements else []
    return {table: int(number) for table, number in rows}


def drop(place: Place, database: str) -> None:
    place.rows(f"DROP DATABASE IF EXISTS {quoted(database)} WITH (FORCE)")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    sys.exit(main())
