"""The numbers that all services share, from contracts/limits.json.

Each one has an environment override: its name in upper case. What the file and the override give is
checked against the bounds that the file states.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar


@dataclass(frozen=True)
class Limits:
    """Those that every service uses; its own are in a subclass. Names end in their unit."""

    body_depth_max: int
    body_limit_bytes: int
    drain_s: float
    request_timeout_s: float


class LimitsError(Exception):
    """Everything that is wrong with the limits: pairs of a name and a sentence about it."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name} {problem}" for name, problem in problems))
        self.problems = problems


Own = TypeVar("Own", bound=Limits)


def read(cls: type[Own], contracts_dir: Path, environment: Mapping[str, str]) -> Own:
    """Read the limits that `cls` has, and raise one LimitsError that names every bad value."""
    path = contracts_dir / "limits.json"
    try:
        document: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LimitsError(
            [("CONTRACTS_DIR", f"must be the folder of a valid limits.json: {error}")]
        ) from error

    values: dict[str, float] = {}
    problems: list[tuple[str, str]] = []
    for field in fields(cls):
        name = field.name.upper()
        if field.name not in document:
            problems.append((name, f"is missing in {path}"))
            continue
        limit = document[field.name]
        given = environment.get(name) or str(limit["value"])
        value = _number(given, whole=field.type is int)
        if value is None or not limit["min"] <= value <= limit["max"]:
            kind = "a whole number" if field.type is int else "a number"
            bounds = f"from {limit['min']} to {limit['max']}"
            problems.append((name, f"must be {kind} {bounds}, got `{given}`"))
        else:
            values[field.name] = value
    if problems:
        raise LimitsError(problems)
    return cls(**values)  # type: ignore[arg-type]  # whole fields were parsed as whole


def _number(text: str, *, whole: bool) -> float | None:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
