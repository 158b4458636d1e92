"""Runs every check of this project: `make test`.

The checks follow from what is there: format, types and tests of each package and service; and
what `[[check]]` of tools/dev.toml adds. A check that fails shows what failed in it, and which
command of `make` mends it or runs it again. `make test ONLY=gateway K=hello` runs single tests.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain import ROOT, environment, require_setup, settings

PRETTIER = ("npx", "--no-install", "prettier")
# The exit status of pytest where no test was chosen.
PYTEST_NOTHING = 5
# A test of Node and its name, up to what is put in when it runs.
TEST = re.compile(
    r"""\b(?:describe|it|suite|test)(?:\.\w+)?\(\s*(['"`])((?:\\.|(?!\1).)+)\1""", re.DOTALL
)


@dataclass(frozen=True)
class Check:
    """A command that must end with status 0."""

    name: str
    command: tuple[str, ...]
    cwd: Path = ROOT
    # What Node takes from the environment.
    node_options: str = ""
    # Whether `make fmt` mends what it finds.
    is_form: bool = False


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
        yield Check("prettier", (*PRETTIER, "--list-different", "."), is_form=True)
    for folder in node:
        if "check" in scripts(folder):
            yield Check(f"{name_of(folder)} check", ("npm", "run", "--silent", "check"), folder)
        if "test" in scripts(folder):
            # Of the tests those that fail.
            reporter = "--test-reporter=dot"
            yield Check(
                f"{name_of(folder)} test", ("npm", "run", "--silent", "test"), folder, reporter
            )
    for language in settings().get("language", []):
        for folder in folders(language["file"]):
            for entry in language["checks"]:
                name = f"{name_of(folder)} {entry['name']}"
                yield Check(name, tuple(entry["command"]), folder, is_form="fix" in entry)
    for entry in settings().get("check", []):
        yield contributed(entry, entry["command"])


def named_tests(text: str) -> Iterator[Check]:
    """Of each package and service the tests with `text` in their name; `_` counts as a space."""
    pattern = re.sub(r"\\?[ _]", "[ _]", re.escape(text)).replace("/", r"\/")
    for folder in folders("package.json"):
        # Only files with such a test: what a file starts for its tests is ended after the last of
        # them, so that one in which none runs would not end.
        files = [
            str(path.relative_to(folder))
            for path in sorted(folder.glob("test/**/*.test.ts"))
            if has_test(path, pattern)
        ]
        if files:
            command = ("node", "--test", f"--test-name-pattern=/{pattern}/i", *files)
            yield Check(f"{name_of(folder)} test", command, folder)
    for language in settings().get("language", []):
        word = text.replace(" ", "_")
        command = tuple(part.replace("{tests}", word) for part in language["named"])
        for folder in folders(language["file"]):
            yield Check(f"{name_of(folder)} {language['name']}", command, folder)


def has_test(path: Path, pattern: str) -> bool:
    """Whether a file has a test whose name matches."""
    names = (name for _, name in TEST.findall(path.read_text(encoding="utf-8")))
    return any(re.search(pattern, name, re.IGNORECASE) for name in names)


def formatters() -> Iterator[Check]:
    """What writes again what is generated, and brings every file into its form."""
    for entry in settings().get("check", []):
        if "fix" in entry:
            yield contributed(entry, entry["fix"])
    if folders("package.json"):
        yield Check("prettier", (*PRETTIER, "--write", "--log-level=warn", "."))
    for language in settings().get("language", []):
        for folder in folders(language["file"]):
            for entry in language["checks"]:
                if "fix" in entry:
                    yield Check(f"{name_of(folder)} {entry['name']}", tuple(entry["fix"]), folder)


def contributed(entry: dict[str, Any], command: str | list[str]) -> Check:
    """A `[[check]]` of tools/dev.toml: its command, or the one that mends what it finds."""
    words = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
    return Check(entry["name"], words, ROOT / entry.get("cwd", "."), is_form="fix" in entry)


def name_of(folder: Path) -> str:
    return str(folder.relative_to(ROOT))


def scripts(folder: Path) -> dict[str, str]:
    """What npm can run in a package."""
    manifest = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    found: dict[str, str] = manifest.get("scripts", {})
    return found


def folders(manifest: str) -> list[Path]:
    """The folders of packages and services that have `manifest`."""
    found = (ROOT.glob(f"{folder}/*/{manifest}") for folder in settings()["folders"])
    return [path.parent for paths in found for path in sorted(paths)]


def run(check: Check, values: dict[str, str]) -> Result:
    begun = time.monotonic()
    options = f"{values.get('NODE_OPTIONS', '')} {check.node_options}".strip()
    program = shutil.which(check.command[0], path=values["PATH"])
    if program is None:
        return Result(check, 127, f"`{check.command[0]}` is not installed: make setup", 0.0)
    done = subprocess.run(
        [program, *check.command[1:]],
        cwd=check.cwd,
        env=values | ({"NODE_OPTIONS": options} if check.node_options else {}),
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
    parser.add_argument(
        "--tests", default="", metavar="TEXT", help="only tests whose name contains this"
    )
    options = parser.parse_args()
    require_setup()
    found = list(
        formatters() if options.fix else named_tests(options.tests) if options.tests else checks()
    )
    chosen = [check for check in found if options.only in check.name]
    if not chosen and not options.tests:
        print(f"error: no check has `{options.only}` in its name\n\nhint: there are")
        print("\n".join(f"  {check.name}" for check in found))
        return 1
    # Tests measure time: more of them at once than processors makes them wait, not faster.
    # What changes files runs one after the other.
    at_once = 1 if options.fix else max(1, min(4, (os.cpu_count() or 2) // 2))
    if options.tests:
        return run_named(chosen, at_once, options.tests)
    width = max(len(check.name) for check in chosen)
    failures: list[Result] = []
    for result in results(chosen, at_once):
        verdict = "FAILED" if result.status else "ok"
        print(f"{result.check.name:<{width}}  {verdict:<6}  {result.seconds:5.1f} s", flush=True)
        if result.status:
            failures.append(result)
    for result in failures:
        explain(result, mended=options.fix)
    if failures:
        print(f"\n{len(failures)} of {len(chosen)} checks failed")
    return 1 if failures else 0


def results(chosen: list[Check], at_once: int) -> Iterator[Result]:
    """Runs checks, so many at once; each result when it is there."""
    values = environment()
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(run, check, values) for check in chosen]):
            yield future.result()


def explain(result: Result, *, mended: bool = False) -> None:
    """Prints what a check that failed said, and what to do about it."""
    print(f"\n{result.check.name}: exit status {result.status}\n{result.output.strip()}")
    if result.check.is_form and not mended:
        print("\nhint: make fmt")
    elif not mended:
        print(f"\nhint: again with: make test ONLY={shlex.quote(result.check.name)}")


def run_named(chosen: list[Check], at_once: int, text: str) -> int:
    """Runs single tests and shows what they say; an error where none has this name."""
    ran = [result for result in results(chosen, at_once) if result.status != PYTEST_NOTHING]
    for result in ran:
        print(f"{result.check.name}\n{result.output.strip()}\n", flush=True)
    if not ran:
        print(
            f"error: no test has `{text}` in its name\n\nhint: `make test` names what ONLY can be"
        )
    return 1 if not ran or any(result.status for result in ran) else 0


if __name__ == "__main__":
    sys.exit(main())
