"""The numbers that all services share, from contracts/limits.json.

Each one has an environment override: its name in upper case. What the file and the override give is
checked against the bounds that the file states.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """Those of the shared limits that this service uses. Names end in their unit."""

    attempts_max: int
    backoff_base_s: float
    backoff_max_s: float
    batch_max_rows: int
    batch_max_wait_ms: float
    batch_queue_max: int
    body_limit_bytes: int
    chunk_rows: int
    dead_ttl_s: float
    deadline_default_s: float
    drain_s: float
    events_maxlen: int
    events_ttl_s: float
    heartbeat_s: float
    job_timeout_s: float
    lease_s: float
    queue_max_live: int
    reclaim_s: float
    relay_s: float
    response_limit_bytes: int
    result_ttl_s: float
    worker_concurrency: int
    worker_grace_s: float


class LimitsError(Exception):
    """Everything that is wrong with the limits: pairs of a name and a sentence about it."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name} {problem}" for name, problem in problems))
        self.problems = problems


def read(contracts_dir: Path, environment: Mapping[str, str]) -> Limits:
    """Read the limits, and raise one LimitsError that names every bad value."""
    path = contracts_dir / "limits.json"
    try:
        document: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LimitsError(
            [("CONTRACTS_DIR", f"must be the folder of a valid limits.json: {error}")]
        ) from error

    values: dict[str, float] = {}
    problems: list[tuple[str, str]] = []
    for field in fields(Limits):
        if field.name not in document:
            problems.append((field.name.upper(), f"is missing in {path}"))
            continue
        limit = document[field.name]
        given = environment.get(field.name.upper()) or str(limit["value"])
        value = _number(given, whole=field.type is int)
        if value is None or not limit["min"] <= value <= limit["max"]:
            kind = "a whole number" if field.type is int else "a number"
            problems.append(
                (
                    field.name.upper(),
                    f"must be {kind} from {limit['min']} to {limit['max']}, got `{given}`",
                )
            )
        else:
            values[field.name] = value

    if "lease_s" in values and values["lease_s"] < 3 * values.get("heartbeat_s", 0):
        problems.append(
            ("LEASE_S", "must be at least 3 times HEARTBEAT_S: two lost heartbeats are no lost job")
        )
    if problems:
        raise LimitsError(problems)
    return Limits(**values)  # type: ignore[arg-type]  # whole fields were parsed as whole


def _number(text: str, *, whole: bool) -> float | None:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
