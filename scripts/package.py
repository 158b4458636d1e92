"""Packs the program for a release: `python3 scripts/package.py PROGRAM PLATFORM [FOLDER]`.

PROGRAM is what cargo built, PLATFORM what the archive is called after, such as `linux-x86_64`: what
`scripts/install.sh` asks for. FOLDER (`target/packages` unless given) gets the archive and a line
for SHA256SUMS. The same program gives the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What ZIP takes for the oldest time.
OLDEST = (1980, 1, 1, 0, 0, 0)


def contents(program: Path) -> dict[str, tuple[bytes, int]]:
    """What the archive holds: name -> bytes and mode."""
    found = {program.name: (program.read_bytes(), 0o755)}
    for name in ("LICENSE-MIT", "LICENSE-APACHE", "README.md", "CHANGELOG.md"):
        found[name] = ((ROOT / name).read_bytes(), 0o644)
    for shell, name in (
        ("bash", "completions/scaffold.bash"),
        ("zsh", "completions/_scaffold"),
        ("fish", "completions/scaffold.fish"),
    ):
        said = subprocess.run([program, "completions", shell], capture_output=True, check=True)
        found[name] = (said.stdout, 0o644)
    return found


def tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    """A compressed archive without times and owners."""
    whole = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=whole, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, (data, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return whole.getvalue()


def zipped(files: dict[str, tuple[bytes, int]]) -> bytes:
    """The same for Windows."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (data, _) in files.items():
            archive.writestr(zipfile.ZipInfo(name, OLDEST), data, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def main() -> None:
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    program, platform = Path(sys.argv[1]), sys.argv[2]
    folder = Path(sys.argv[3]) if len(sys.argv) == 4 else ROOT / "target/packages"
    folder.mkdir(parents=True, exist_ok=True)
    files = contents(program)
    if platform.startswith("windows"):
        name, data = f"scaffold-{platform}.zip", zipped(files)
    else:
        name, data = f"scaffold-{platform}.tar.gz", tar(files)
    (folder / name).write_bytes(data)
    line = f"{hashlib.sha256(data).hexdigest()}  {name}\n"
    (folder / f"{name}.sha256").write_text(line, encoding="utf-8", newline="\n")
    print(f"{folder / name}: {len(data) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
