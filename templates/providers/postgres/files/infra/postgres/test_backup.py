"""Backups of a PostgreSQL, and what they restore: row by row, after a mistake and after a loss."""

from __future__ import annotations

import json
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import archive
import backup
import pytest
from archive import Archive, in_utc
from place import ROOT, Place
from testing import PATIENCE_S, Postgres, Rows, content, databases, eventually, now

HERE = Path(__file__).resolve().parent
# What a service has: rows, others that a trigger makes of them, and the names of its migrations.
SCHEMA = """
    CREATE TABLE schema_migrations (name text PRIMARY KEY);
    INSERT INTO schema_migrations VALUES ('0001_items');
    CREATE TABLE items (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      name text NOT NULL UNIQUE,
      attributes jsonb NOT NULL,
      picture bytea,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE SCHEMA outbox;
    CREATE TABLE outbox.events (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event jsonb NOT NULL
    );
    CREATE FUNCTION outbox.tell() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO outbox.events (event) VALUES (to_jsonb(COALESCE(NEW, OLD)));
        RETURN NULL;
      END
    $$;
    CREATE TRIGGER tell AFTER INSERT OR DELETE ON items
      FOR EACH ROW EXECUTE FUNCTION outbox.tell();
"""
NAMES = ("orders", "stock-of-2")


class Sample(Postgres):
    """A server with what services have in it."""

    def make_databases(self) -> None:
        for name in NAMES:
            self.place.rows(f'CREATE DATABASE "{name}"')
            self.place.rows(SCHEMA, database=name)

    def write(self, begin: str, number: int = 100) -> None:
        """Adds items to each database, with all that has to be written in another way."""
        attributes = r"""'{"a": "\\ \" \n ''; --", "n": [1.5, null]}'"""
        for name in NAMES:
            self.place.rows(
                "INSERT INTO items (name, attributes, picture) SELECT "
                rf"""'{begin} ' || n || E' "x"\n\t\\ é,', {attributes}, decode('00ff0a', 'hex')"""
                f" FROM generate_series(1, {number}) AS n",
                database=name,
            )

    def content(self) -> Rows:
        return content(self.place)

    def databases(self) -> list[str]:
        return databases(self.place)


class Backups:
    """A folder of backups of a server, as the commands make them."""

    def __init__(self, server: Sample, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def command(self, *words: str) -> list[str]:
        port = ["--port", str(self.server.port)]
        return [sys.executable, str(HERE / "backup.py"), *port, *words]

    def save(self, *words: str, **options: Any) -> Path:
        """Makes a backup that is the newest one."""
        done = self.run("save", "--to", str(self.folder), *words, **options)
        assert done.returncode == 0, done.stderr
        return self.all()[-1]

    def all(self) -> list[Path]:
        """What looks like a backup."""
        return sorted(self.folder.glob("[!.]*"))

    def restore(self, folder: Path, *words: str) -> str:
        done = self.run("restore", str(folder), *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, *words: str, **options: Any) -> str:
        """What is said about something that cannot be."""
        done = self.run(*words, **options)
        assert done.returncode == 1, done.stdout
        assert done.stderr.startswith("error: "), done.stderr
        return done.stderr

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        options |= {"capture_output": True, "text": True, "check": False, "timeout": PATIENCE_S}
        return subprocess.run(self.command(*words), **options)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    # A name that shells and the server have to take as it is.
    found = Sample(tmp_path_factory.mktemp("it's 100% here") / "data")
    yield found
    found.stop()


@pytest.fixture
def backups(server: Sample, tmp_path: Path) -> Backups:
    """Of a server with two databases that have rows."""
    server.empty()
    server.make_databases()
    server.write("first")
    return Backups(server, tmp_path / "backups")


@dataclass
class Whole:
    """A backup to which nothing has happened, and the rows that are in it."""

    folder: Path
    rows: Rows


@pytest.fixture(scope="module")
def whole(server: Sample, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    server.empty()
    server.make_databases()
    server.write("whole")
    return Whole(Backups(server, tmp_path_factory.mktemp("whole")).save(), server.content())


def test_how_it_was_before_a_mistake_comes_back_after_the_data_is_lost(
    server: Sample, backups: Backups
) -> None:
    # As in postgresql.conf, but for the patience of a test.
    server.place.rows("ALTER SYSTEM SET archive_timeout = '1s'")
    server.place.rows("SELECT pg_reload_conf()")
    saved, at_saving = backups.save(), server.content()
    server.write("second")
    at, before = now(server.place), server.content()
    server.place.rows("DELETE FROM items WHERE name LIKE 'first%'", database=NAMES[0])
    server.place.rows("DROP SCHEMA outbox CASCADE", database=NAMES[1])
    after = server.content()
    server.archives_by_itself()
    server.lose()
    server.start()
    assert server.databases() == []

    backups.restore(backups.save("--at", at))
    assert server.content() == before
    assert before != at_saving
    # They go on where they were: a key is taken once.
    server.write("third")

    backups.restore(backups.save("--at", "latest"), "--replace")
    assert server.content() == after

    backups.restore(saved, "--replace")
    assert server.content() == at_saving


def test_a_mistake_is_taken_back_while_the_server_runs(server: Sample, backups: Backups) -> None:
    backups.save()
    server.write("second")
    at, before = now(server.place), server.content()
    server.place.rows("TRUNCATE items", database=NAMES[0])
    backups.restore(backups.save("--at", at), "--replace")
    assert server.content() == before
    assert not (server.folder / "recovery").exists()


def test_rows_are_removed_only_where_that_is_said(
    server: Sample, whole: Whole, backups: Backups
) -> None:
    server.place.rows("DELETE FROM items", database=NAMES[0])
    before = server.content()
    said = backups.refuses("restore", str(whole.folder))
    assert "`orders` has rows, in outbox.events" in said
    assert "REPLACE=1" in said
    assert server.content() == before
    backups.restore(whole.folder, "--replace")
    assert server.content() == whole.rows


def test_a_database_that_has_only_been_migrated_is_empty(server: Sample, whole: Whole) -> None:
    server.empty()
    server.make_databases()
    said = Backups(server, whole.folder.parent).restore(whole.folder)
    assert server.content() == whole.rows
    assert "orders: 3 tables, 201 rows" in said


def test_who_reads_meanwhile_does_not_keep_a_database_from_being_restored(
    server: Sample, whole: Whole, backups: Backups
) -> None:
    place = server.place
    words = ("psql", "--command", "SELECT pg_sleep(600)")
    reader = subprocess.Popen(place.command(words, NAMES[0]), stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: waiting(place, "PgSleep"))
        backups.restore(whole.folder, "--replace")
        assert reader.wait() != 0
    finally:
        reader.kill()
        reader.wait()


def torn(path: Path, less: int = 3) -> None:
    path.write_bytes(path.read_bytes()[:-less])


def changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def of_another_project(path: Path) -> None:
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"project": "another"}))


def of_a_newer_server(path: Path) -> None:
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"server": "999.1"}))


@pytest.mark.parametrize(
    ("file", "spoil", "said"),
    [
        ("orders.dump", torn, "orders.dump is damaged"),
        ("orders.dump", changed, "orders.dump is damaged"),
        ("stock-of-2.dump", Path.unlink, "stock-of-2.dump is missing"),
        ("manifest.json", Path.unlink, "is no backup"),
        ("manifest.json", torn, "manifest.json is damaged"),
        ("manifest.json", of_another_project, "is a backup of `another`"),
        ("manifest.json", of_a_newer_server, "an older one cannot read it"),
    ],
)
def test_what_is_no_whole_backup_of_this_project_is_not_restored(
    server: Sample,
    whole: Whole,
    tmp_path: Path,
    file: str,
    spoil: Callable[[Path], object],
    said: str,
) -> None:
    spoiled = tmp_path / "spoiled"
    shutil.copytree(whole.folder, spoiled)
    spoil(spoiled / file)
    server.empty()
    assert said in Backups(server, tmp_path).refuses("restore", str(spoiled))
    assert server.databases() == []


def test_what_the_server_does_not_take_changes_nothing(
    server: Sample, whole: Whole, backups: Backups, tmp_path: Path
) -> None:
    spoiled = tmp_path / "spoiled"
    shutil.copytree(whole.folder, spoiled)
    # It is as its digest says, and still no dump.
    dump = spoiled / f"{NAMES[1]}.dump"
    torn(dump, dump.stat().st_size // 2)
    manifest = json.loads((spoiled / "manifest.json").read_text())
    manifest["databases"][NAMES[1]]["sha256"] = backup.digest(dump)
    (spoiled / "manifest.json").write_text(json.dumps(manifest))
    before = server.content()
    assert "pg_restore" in backups.refuses("restore", str(spoiled), "--replace")
    assert server.content() == before


def test_a_backup_that_is_not_there_is_told_with_those_that_are(backups: Backups) -> None:
    assert "nowhere is no backup" in backups.refuses("restore", "nowhere")
    assert "which backup?" in backups.refuses("restore", "")


def test_a_backup_that_is_killed_does_not_look_like_one(server: Sample, backups: Backups) -> None:
    place = server.place
    lock = "BEGIN; LOCK TABLE items; SELECT pg_sleep(600)"
    holder = subprocess.Popen(place.command(("psql", "--command", lock), NAMES[1]))
    try:
        eventually(lambda: waiting(place, "PgSleep"))
        saving = subprocess.Popen(backups.command("save", "--to", str(backups.folder)))
        # The first database is written, the second one waits for the lock.
        eventually(lambda: waiting(place, "relation"))
        assert "another backup is being made" in backups.refuses(
            "save", "--to", str(backups.folder)
        )
        saving.kill()
        saving.wait()
        eventually(lambda: not waiting(place, "relation") or ended_sessions(place, "relation"))
    finally:
        holder.kill()
        holder.wait()
        ended_sessions(place, "PgSleep")
    assert list(backups.folder.iterdir()) != []
    assert backups.all() == []
    saved = backups.save()
    assert list(backups.folder.iterdir()) == [saved]


def waiting(place: Place, event: str) -> list[list[str]]:
    return place.rows(f"SELECT pid FROM pg_stat_activity WHERE wait_event = '{event}'")


def ended_sessions(place: Place, event: str) -> bool:
    ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = '{event}'"
    return bool(place.rows(ended))


def test_a_full_disk_leaves_no_backup(backups: Backups) -> None:
    # So much fits on it.
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (2000, 2000))
    said = backups.refuses("save", "--to", str(backups.folder), preexec_fn=limit)
    assert "`pg_dump` failed" in said
    assert list(backups.folder.iterdir()) == []


def test_a_server_that_is_away_is_told(server: Sample, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    backups = Backups(server, tmp_path)
    said = backups.refuses("--port", str(port), "save", "--to", str(tmp_path))
    assert "Connection refused" in said
    assert backups.all() == []


def test_there_is_something_to_back_up(server: Sample, backups: Backups) -> None:
    server.empty()
    said = backups.refuses("save", "--to", str(backups.folder))
    assert "no database" in said
    assert backups.all() == []


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("yesterday", "`yesterday` is no time"),
        ("2026-01-31T12:00:00", "does not say in which time zone"),
        ("9999-01-01T00:00:00Z", "has not passed yet"),
        ("2000-01-01T00:00:00Z", "no base backup before 2000-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_that_cannot_be_had_is_told(
    server: Sample, whole: Whole, tmp_path: Path, at: str, said: str
) -> None:
    backups = Backups(server, tmp_path)
    assert said in backups.refuses("save", "--to", str(tmp_path), "--at", at)
    assert backups.all() == []


def test_a_time_that_was_not_archived_is_told(server: Sample, backups: Backups) -> None:
    backups.save()
    server.write("second")
    at = now(server.place)
    # It had no time to archive that.
    server.lose()
    server.start()
    said = backups.refuses("save", "--to", str(backups.folder), "--at", at)
    assert "the archive does not reach" in said
    assert "AT=latest" in said


@pytest.mark.parametrize(
    ("spoil", "said"), [(Path.unlink, "has a gap"), (torn, "unexpected end of file")]
)
def test_an_archive_that_is_not_whole_is_told(
    server: Sample, backups: Backups, spoil: Callable[[Path], object], said: str
) -> None:
    backups.save()
    server.write("second")
    name = server.place.value("SELECT pg_walfile_name(pg_switch_wal())")
    server.write("third")
    server.place.rows("SELECT pg_switch_wal()")
    path = server.folder / "archive" / Archive(server.place).server / f"{name}.gz"
    eventually(path.exists)
    spoil(path)
    assert said in backups.refuses("save", "--to", str(backups.folder), "--at", "latest")
    shutil.rmtree(server.folder / "archive")


def test_a_server_that_does_not_archive_is_told(server: Sample, backups: Backups) -> None:
    server.place.rows("ALTER SYSTEM SET archive_mode = off")
    server.stop()
    server.start()
    try:
        said = backups.refuses("save", "--to", str(backups.folder))
        assert "does not archive" in said
        # What it has is a backup all the same.
        assert len(backups.all()) == 1
    finally:
        server.place.rows("ALTER SYSTEM RESET ALL")
        server.stop()
        server.start()


def test_nothing_is_archived_that_nobody_could_use(server: Sample, backups: Backups) -> None:
    shutil.rmtree(server.folder / "archive", ignore_errors=True)
    name = server.place.value("SELECT pg_walfile_name(pg_switch_wal())")
    asked = f"SELECT 1 FROM pg_stat_archiver WHERE last_archived_wal >= '{name}'"
    eventually(lambda: server.place.rows(asked))
    assert not (server.folder / "archive" / Archive(server.place).server).exists()


def test_what_only_older_backups_needed_is_removed(
    server: Sample, backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "KEPT_BASES", 2)
    kept = Archive(server.place)
    for _ in range(3):
        server.place.rows("SELECT pg_switch_wal()")
        kept.add_base()
    assert len(kept.bases()) == 2
    oldest = kept.bases()[0]
    folder = server.folder / "archive" / oldest.server
    manifest = json.loads((folder / "base" / oldest.name / "backup_manifest").read_text())
    begin = manifest["WAL-Ranges"][0]["Start-LSN"]
    first = server.place.value(f"SELECT pg_walfile_name('{begin}')")
    files = [path.name for path in folder.glob("*.gz") if len(path.name) == 27]
    assert min(files) == f"{first}.gz"
    backups.save("--at", in_utc(oldest.at))


def test_the_readme_says_how_much_may_be_missing(server: Sample) -> None:
    asked = "SELECT setting FROM pg_settings WHERE name = 'archive_timeout'"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{server.place.value(asked)} s" in readme
