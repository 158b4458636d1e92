"""Schemathesis: whatever the OpenAPI documents allow and forbid, the services do as they say.

Every check of Schemathesis is on, and every phase: examples, boundaries, random requests, and
sequences of them. What a schema cannot say about a valid request is in hooks.py.

SEED and CASES (random requests for each operation and phase) change what is sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from system import System

HERE = Path(__file__).parent
SEED = os.environ.get("SEED", "10")
CASES = os.environ.get("CASES", "30")
METHODS = {"get", "put", "post", "delete", "patch", "options", "head", "trace", "query"}


def operations_of(document: dict[str, Any]) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }


def answers_of(report: Path) -> Counter[tuple[str, int]]:
    """How often each operation answered with each status."""
    found: Counter[tuple[str, int]] = Counter()
    for line in report.read_text(encoding="utf-8").splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for case, interaction in recorder.get("interactions", {}).items():
            if response := interaction.get("response"):
                value = recorder["cases"][case]["value"]
                operation = f"{value['method']} {value['path']}"
                found[operation, response["status_code"]] += 1
    return found


@pytest.mark.parametrize(
    ("service", "path"), [("inference", "/openapi.json"), ("gateway", "/docs/json")]
)
def test_a_service_does_as_its_document_says(
    system: System, service: str, path: str, tmp_path: Path
) -> None:
    url = system.first(service)["url"]
    events, summary = tmp_path / "events.ndjson", tmp_path / "summary.json"
    command = [sys.executable, "-m", "schemathesis.cli"]
    command += [f"--config-file={HERE / 'schemathesis.toml'}"]
    command += ["run", f"{url}{path}", "--url", url, "--checks", "all", "--no-color"]
    command += ["--seed", SEED, "--max-examples", CASES, "--continue-on-failure"]
    command += ["--report-ndjson-path", str(events), "--report-json-path", str(summary)]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr

    document = httpx.get(f"{url}{path}").json()
    answers = answers_of(events)
    counts = json.loads(summary.read_text(encoding="utf-8"))
    print(f"\n{service}{path}: seed {SEED}, {counts['test_cases']['generated']} cases")
    for operation in sorted(operations_of(document)):
        own = sorted((status, count) for (of, status), count in answers.items() if of == operation)
        shown = ", ".join(f"{status} x {count}" for status, count in own)
        print(f"  {operation}: {shown}")
    succeeded = {operation for operation, status in answers if 200 <= status < 300}
    assert operations_of(document) - succeeded == set()
