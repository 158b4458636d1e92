"""Containers on this machine: `make images`, `make up` and `make down`."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time

from toolchain import ROOT, dotenv

SETTINGS = ROOT / ".env"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["images", "up", "down"])
    options = parser.parse_args()
    if not has_compose():
        print("error: there is no Docker with Compose 2.24 or newer on this machine")
        print("\nhint: `make dev` runs everything without containers")
        return 1
    make_passwords()
    commands = {"images": build, "up": up, "down": down}
    return commands[options.command]()


def has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    answer = subprocess.run(
        ["docker", "compose", "version", "--short"], capture_output=True, text=True, check=False
    )
    found = re.match(r"v?(\d+)\.(\d+)", answer.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= (2, 24)


def make_passwords() -> None:
    """Adds to .env each password that a compose file asks for and nobody has given."""
    wanted = {
        name
        for path in ROOT.glob("*/*/compose.yaml")
        for name in re.findall(r"\$\{(\w+):\?make up ", path.read_text(encoding="utf-8"))
    }
    missing = sorted(name for name in wanted if not {**dotenv(SETTINGS), **os.environ}.get(name))
    if not missing:
        return
    text = SETTINGS.read_text(encoding="utf-8") if SETTINGS.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    text += "".join(f"{name}={secrets.token_hex(24)}\n" for name in missing)
    # Nobody else may read it, from its first byte on.
    descriptor = os.open(SETTINGS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    SETTINGS.chmod(0o600)
    print(f"passwords  {', '.join(missing)} made in .env")


def build() -> int:
    """Builds the images and prints them."""
    begun = time.monotonic()
    if compose("build", "--quiet") != 0:
        return 1
    print(f"built      {time.monotonic() - begun:.1f} s")
    print_images()
    return 0


def up() -> int:
    """Builds, starts and waits; prints images and where to look."""
    if build() != 0:
        return 1
    begun = time.monotonic()
    if compose("up", "--detach", "--wait", "--remove-orphans") != 0:
        compose("ps", "--all")
        print("\nhint: docker compose logs")
        return 1
    print(f"healthy    {time.monotonic() - begun:.1f} s")
    print(f"\nOpen {address()}    make down stops all")
    return 0


def down() -> int:
    """Leaves no container, no network and no data."""
    return compose("down", "--volumes", "--remove-orphans")


def compose(*arguments: str) -> int:
    return subprocess.run(["docker", "compose", *arguments], cwd=ROOT, check=False).returncode


def output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def print_images() -> None:
    """The images of this project: size and number of layers."""
    services = json.loads(output("docker", "compose", "config", "--format", "json"))["services"]
    names = sorted({service["image"] for service in services.values() if "build" in service})
    for image in json.loads(output("docker", "image", "inspect", *names)):
        name = next(tag for tag in image["RepoTags"] if tag in names)
        size = image["Size"] / 1e6
        print(f"image      {name:<32} {size:6.0f} MB {len(image['RootFS']['Layers']):3} layers")


def address() -> str:
    """Where to look: the page, or the reference where there is none, at the published port."""
    path = "" if (ROOT / "web").is_dir() else "/docs"
    containers = output("docker", "compose", "ps", "--format", "json").splitlines()
    ports = {
        publisher["PublishedPort"]
        for line in containers
        for publisher in json.loads(line)["Publishers"] or []
        if publisher["PublishedPort"] and "open=no" not in json.loads(line)["Labels"].split(",")
    }
    return "  ".join(f"http://127.0.0.1:{port}{path}" for port in sorted(ports))


if __name__ == "__main__":
    sys.exit(main())
