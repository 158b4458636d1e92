#!/usr/bin/env python3
"""Renews the pack's lock of everything: templates/locks/package-lock.json.

Renders the project with all flags on, once per component of each slot, puts the manifests
together, and lets npm resolve the whole. Run it after a change of npm packages or versions.

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
