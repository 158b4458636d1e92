"""Files that two archives in Go keep, and have predicted, behind the gateway."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
import pytest

SAMPLE = Path(__file__).parents[1] / "services/inference/models/digits/1/sample.json"
LIMIT_S = 20


@pytest.mark.parametrize("archive", ["archive", "cold"])
def test_an_archive_keeps_files_of_its_own(gateway: httpx2.Client, archive: str) -> None:
    path = f"/v1/archives/{archive}/files/note.txt"
    text = f"kept by {archive}".encode()
    kept = gateway.put(path, content=text)
    assert (kept.status_code, kept.json()) == (201, {"name": "note.txt"})
    assert gateway.get(path).content == text
    assert gateway.get(f"/v1/archives/{archive}/files/none").status_code == 404
    assert gateway.get("/v1/archives/other/files/none").status_code == 404


def test_a_job_that_an_archive_publishes_ends(gateway: httpx2.Client) -> None:
    path = "/v1/archives/archive/files/digit.json"
    kept = gateway.put(path, params={"model": "digits"}, content=SAMPLE.read_bytes())
    assert kept.status_code == 201, kept.text
    deadline = time.monotonic() + LIMIT_S
    while True:
        job = gateway.get(f"/v1/predictions/{kept.json()['job']}").json()
        if job["status"] not in ("queued", "running") or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert job["status"] == "succeeded", job
    refused = gateway.put(path, params={"model": "none"}, content=SAMPLE.read_bytes())
    assert refused.status_code == 422
