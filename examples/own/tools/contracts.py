"""Writes what services offer: `make contracts`.

Each `[[contract]]` of tools/dev.toml is the OpenAPI document of a service: a command that prints it
runs where the service does, with nothing behind it and without the settings of this machine. The
types of packages/api are made of the documents. `--check` writes nothing, and tells what differs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from toolchain import ROOT, environment, require_setup, settings

DOCUMENTS = ROOT / "contracts" / "openapi"
CLIENT = ROOT / "packages" / "api"
TYPES = CLIENT / "src" / "openapi"
# All that a service gets of this machine's environment: no limit or key of its owner's .env.
KEPT = ("HOME", "NODE_COMPILE_CACHE", "PATH", "TMPDIR")


class CommandFailed(Exception):
    """A command ended with a status other than 0."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only tell what differs")
    parser.add_argument("--missing", action="store_true", help="keep the documents that are there")
    options = parser.parse_args()
    require_setup()
    try:
        files = wanted(keep=options.missing)
    except CommandFailed as failure:
        print(f"error: {failure}")
        return 1
    different = [path for path, text in files.items() if not has(path, text)]
    superfluous = [path for path in written() if path not in files]
    if options.check:
        for path in different:
            print(f"{path.relative_to(ROOT)} is not what it would be now")
        for path in superfluous:
            print(f"{path.relative_to(ROOT)} belongs to no service")
        if different or superfluous:
            print("\nhint: make contracts, then see `git diff contracts/openapi`")
            return 1
        return 0
    for path in different:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    for path in superfluous:
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")
    return 0


def wanted(*, keep: bool) -> dict[Path, str]:
    """Every file that there should be, with its text; with `keep`, documents as they are."""
    config = settings()
    processes = {entry["name"]: entry for entry in config["process"]}
    services = {entry["service"]: entry["command"] for entry in config["contract"]}

    def both(service: str) -> tuple[str, str]:
        path = DOCUMENTS / f"{service}.json"
        if keep and path.is_file():
            document = path.read_text(encoding="utf-8")
        else:
            document = document_of(processes[service], services[service])
        return document, types_of(document)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = dict(zip(services, pool.map(both, services), strict=True))
    return {
        **{DOCUMENTS / f"{service}.json": document for service, (document, _) in made.items()},
        **{TYPES / f"{service}.ts": types for service, (_, types) in made.items()},
        TYPES / "paths.ts": all_paths(sorted(made)),
    }


def written() -> Iterator[Path]:
    """The files of earlier runs."""
    yield from DOCUMENTS.glob("*.json")
    yield from TYPES.glob("*.ts")


def has(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def document_of(process: dict[str, Any], command: list[str]) -> str:
    """What a service says of itself; sorted, since the order of files differs between machines."""
    # Nobody is asked anything where addresses lead.
    given = {name: re.sub(r"\{[^{}]*\}", "1", text) for name, text in process["env"].items()}
    values = {name: value for name, value in environment().items() if name in KEPT}
    printed = run(command, ROOT / process["cwd"], {**values, **given, "LOG_LEVEL": "silent"})
    document = json.loads(printed)
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def types_of(document: str) -> str:
    """The document in TypeScript."""
    values = environment()
    programs = [str(folder / "node_modules" / ".bin") for folder in (CLIENT, ROOT)]
    values["PATH"] = os.pathsep.join([*programs, values["PATH"]])
    # Where there is a default, callers need not send it.
    command = ["openapi-typescript", "--default-non-nullable=false"]
    return run(command, CLIENT, values, document)


def all_paths(services: list[str]) -> str:
    """What the gateway answers and what it passes on, in TypeScript."""
    each = "".join(f"\n  & import('./{service}.ts').paths" for service in services)
    return f"// Written by `make contracts`.\nexport type Paths ={each};\n"


def run(command: list[str], folder: Path, values: dict[str, str], given: str = "") -> str:
    """The standard output of a command."""
    program = shutil.which(command[0], path=values["PATH"])
    if program is None:
        raise CommandFailed(f"`{command[0]}` is not installed\n\nhint: make setup")
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=values,
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        where = folder.relative_to(ROOT)
        raise CommandFailed(
            f"{' '.join(command)} in {where}: exit status {done.returncode}\n{done.stderr.strip()}"
        )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
