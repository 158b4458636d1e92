"""Which part of the code may import which."""

import ast
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "app"


def imported(path: Path) -> set[str]:
    """The modules that a file imports, each name of a `from` counted as one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=module, names=aliases, level=level):
                assert level == 0, f"{path}: imports are absolute"
                names |= {f"{module}.{alias.name}" for alias in aliases}
    return names


@pytest.mark.parametrize(
    ("part", "others"),
    [("server", {"worker"}), ("worker", {"server"}), ("shared", {"server", "worker"})],
)
def test_parts_do_not_import_each_other(part: str, others: set[str]) -> None:
    files = list((APP / part).rglob("*.py"))
    assert files
    forbidden = tuple(f"app.{other}." for other in others)
    found = [
        f"{path.name} imports {name}"
        for path in files
        for name in sorted(imported(path))
        if f"{name}.".startswith(forbidden)
    ]
    assert found == []
