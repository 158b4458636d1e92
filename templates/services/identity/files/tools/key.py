"""Makes an API key for a program and shows it once: `make key NAME=ci`."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from pathlib import Path

from toolchain import ROOT, dotenv

SETTINGS = ROOT / ".env"
KEYS = ROOT / ".api-keys"


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
        print("error: a key needs the name of who calls with it: a-z, 0-9, - and _")
        print("\nhint: make key NAME=ci")
        return 1
    given = {**dotenv(SETTINGS), **os.environ}.get("API_KEYS_FILE", "")
    path = Path(given or KEYS)
    key = secrets.token_urlsafe(32)
    append(path, f"{name}:{hashlib.sha256(key.encode()).hexdigest()}\n")
    print(key)
    print(f"\nIt is shown this once; {os.path.relpath(path)} has its hash. Send it so:")
    print(f"    Authorization: Bearer {key}")
    if given:
        print("A gateway that runs takes it within a second. A line that goes takes the key away.")
    else:
        append(SETTINGS, f"API_KEYS_FILE={path}\n")
        print("From the next `make dev` on, all who call have to say who they are.")
    return 0


def append(path: Path, text: str) -> None:
    """Adds a line to a file that nobody else may read, from its first byte on."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if before and not before.endswith("\n"):
        text = f"\n{text}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
