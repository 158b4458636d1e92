#!/usr/bin/env python3
"""Renews the pack's lock of everything: templates/locks/package-lock.json.

Renders the project with all flags on, once per component of each slot of the project and of each
kind of service, puts the manifests together, and lets npm resolve the whole. Run it after a change
of npm packages or versions.

    scripts/lock.py target/debug/scaffold
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "templates" / "locks" / "package-lock.json"
DEPENDENCY_FIELDS = ("dependencies", "devDependencies", "optionalDependencies")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Runs a command and gives back its standard output; its failure ends this program."""
    done = subprocess.run([*map(str, command)], cwd=cwd, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(
            f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def without_locks(pack: Path) -> None:
    """Takes the lock files out of a pack, so that it renders before there is one."""
    text = (pack / "pack.toml").read_text()
    sections = text.split("\n[")
    kept = [section for section in sections if not section.startswith("[lockfile]]")]
    (pack / "pack.toml").write_text("\n[".join(kept))


def merge(into: dict, manifest: dict) -> None:
    """Adds the dependencies of one rendering's manifest to those of the others."""
    for field in DEPENDENCY_FIELDS:
        for name, version in manifest.get(field, {}).items():
            into.setdefault(field, {})[name] = version


def fillers_of_services(scaffold: Path, pack: Path) -> list[str]:
    """Gives arguments that put each component into each slot of a service of each kind."""
    schema = json.loads(run(scaffold, "schema", "answers", "--templates", pack))
    one = schema["properties"]["services"]["additionalProperties"]
    kinds = [kind["properties"] for kind in one.get("anyOf", []) if "properties" in kind]
    return [
        f"--service {kind['kind']['const']}={kind['kind']['const']}:{slot}={filler}"
        for kind in kinds
        for slot, choice in kind.items()
        for filler in choice.get("enum", [])
    ]


def main() -> None:
    scaffold = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pack = work / "pack"
        shutil.copytree(ROOT / "templates", pack)
        without_locks(pack)
        listed = json.loads(run(scaffold, "list", "--json", "--templates", pack))
        chosen_by = [component["chosen_by"] for component in listed["components"]]
        flags = [
            how.replace("--no-", "--")
            for how in chosen_by
            if how.startswith("--") and " " not in how
        ]
        slots = [how for how in chosen_by if how.startswith("--") and " " in how]
        slots = [how for how in slots if not how.startswith("--set ")]
        slots += fillers_of_services(scaffold, pack)
        manifests: dict[str, dict] = {}
        for number, slot in enumerate(slots or [""]):
            project = work / f"project-{number}"
            run(
                scaffold,
                "new",
                "lock",
                "--templates",
                pack,
                "--into",
                project,
                *flags,
                *slot.split(),
            )
            for path in sorted(project.glob("**/package.json")):
                manifest = json.loads(path.read_text())
                merge(manifests.setdefault(str(path.relative_to(project)), manifest), manifest)
        whole = work / "whole"
        for path, manifest in manifests.items():
            (whole / path).parent.mkdir(parents=True, exist_ok=True)
            (whole / path).write_text(json.dumps(manifest, indent=2))
        run(
            "npm",
            "install",
            "--package-lock-only",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--omit-lockfile-registry-resolved=true",
            cwd=whole,
        )
        LOCK.parent.mkdir(exist_ok=True)
        text = (whole / "package-lock.json").read_text()
        if '"resolved": "http' in text:
            sys.exit("the lock names a registry; it must not")
        LOCK.write_text(text)
        print(f"{LOCK.relative_to(ROOT)}: {len(json.loads(text)['packages'])} packages")


if __name__ == "__main__":
    main()
