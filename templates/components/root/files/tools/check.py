"""Runs every check of this project: `make test`.

The checks follow from what is there: format, types and tests of each package and service; and
what `[[check]]` of tools/dev.toml adds. A failing check shows its output.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from toolchain import ROOT, environment, require_setup, settings


@dataclass(frozen=True)
class Check:
    """A command that must end with status 0."""

    name: str
    command: tuple[str, ...]
    cwd: Path = ROOT


@dataclass(frozen=True)
class Result:
    """How a check ended."""

    check: Check
    status: int
    output: str
    seconds: float


def checks() -> Iterator[Check]:
    """Every check, in the order in which they are started."""
    node = folders("package.json")
    if node:
        yield Check(
            "prettier", ("npx", "--no-install", "prettier", "--check", "--log-level=warn", ".")
        )
    for folder in node:
        name = str(folder.relative_to(ROOT))
        scripts = json.loads((folder / "package.json").read_text(encoding="utf-8")).get(
            "scripts", {}
        )
        for script in ("check", "test"):
            if script in scripts:
                yield Check(f"{name} {script}", ("npm", "run", "--silent", script), folder)
    for folder in folders("pyproject.toml"):
        name = str(folder.relative_to(ROOT))
        yield Check(f"{name} ruff", ("ruff", "check", "--quiet", "."), folder)
        yield Check(f"{name} format", ("ruff", "format", "--check", "--quiet", "."), folder)
        yield Check(f"{name} mypy", ("mypy", "--no-error-summary", "."), folder)
        yield Check(f"{name} pytest", ("pytest", "--quiet"), folder)
    for entry in settings().get("check", []):
        command = entry["command"]
        words = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
        yield Check(entry["name"], words, ROOT / entry.get("cwd", "."))


def formatters() -> Iterator[Check]:
    """What brings every file into its form."""
    if folders("package.json"):
        yield Check(
            "prettier", ("npx", "--no-install", "prettier", "--write", "--log-level=warn", ".")
        )
    for folder in folders("pyproject.toml"):
        name = str(folder.relative_to(ROOT))
        yield Check(f"{name} format", ("ruff", "format", "--quiet", "."), folder)
        yield Check(f"{name} fix", ("ruff", "check", "--fix", "--quiet", "."), folder)


def folders(manifest: str) -> list[Path]:
    """The packages and services that have `manifest`."""
    found = (ROOT.glob(f"{kind}/*/{manifest}") for kind in ("packages", "services"))
    return [path.parent for paths in found for path in sorted(paths)]


def run(check: Check, values: dict[str, str]) -> Result:
    begun = time.monotonic()
    program = shutil.which(check.command[0], path=values["PATH"])
    if program is None:
        return Result(check, 127, f"`{check.command[0]}` is not installed: make setup", 0.0)
    done = subprocess.run(
        [program, *check.command[1:]],
        cwd=check.cwd,
        env=values,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return Result(check, done.returncode, done.stdout, time.monotonic() - begun)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fix", action="store_true", help="bring files into form instead")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only checks whose name contains this"
    )
    options = parser.parse_args()
    require_setup()
    found = list(formatters() if options.fix else checks())
    chosen = [check for check in found if options.only in check.name]
    if not chosen:
        print(f"error: no check has `{options.only}` in its name\n\nhint: there are")
        print("\n".join(f"  {check.name}" for check in found))
        return 1
    values = environment()
    width = max(len(check.name) for check in chosen)
    failures: list[Result] = []
    # Tests measure time: more of them at once than processors makes them wait, not faster.
    # What changes files runs one after the other.
    at_once = 1 if options.fix else max(1, min(4, (os.cpu_count() or 2) // 2))
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(run, check, values) for check in chosen]):
            result = future.result()
            verdict = "FAILED" if result.status else "ok"
            print(
                f"{result.check.name:<{width}}  {verdict:<6}  {result.seconds:5.1f} s", flush=True
            )
            if result.status:
                failures.append(result)
    for result in failures:
        folder = result.check.cwd.relative_to(ROOT)
        print(f"\n{result.check.name}: in {folder}: {' '.join(result.check.command)}")
        print(f"exit status {result.status}\n{result.output.rstrip()}")
    if failures:
        print(f"\n{len(failures)} of {len(chosen)} checks failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
