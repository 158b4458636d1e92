"""A thousand jobs at once: each of them ends, once."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator

import httpx2
import pytest
from conftest import System
from jobs import TERMINAL, eventually, prediction, store_of

JOBS = 1_000
CONNECTIONS = 32
CONCURRENCY = 8
LIMIT_S = 120.0


@pytest.fixture
def loaded(start: Callable[..., System]) -> Iterator[System]:
    """A system of one worker."""
    system = start(WORKER_CONCURRENCY=str(CONCURRENCY))
    system.wait_ready()
    yield system
    system.stop()


def test_a_thousand_jobs_end_once_each(loaded: System, capsys: pytest.CaptureFixture[str]) -> None:
    with store_of(loaded) as store:
        begun = time.monotonic()
        ids = asyncio.run(post_all(loaded.first("gateway")["url"]))
        posted_s = time.monotonic() - begun
        eventually(lambda: store.zcard("live") == 0, LIMIT_S)
        ended_s = time.monotonic() - begun

        effects, statuses, labels = Counter(), Counter(), Counter()
        for job_id in ids:
            events = [
                fields["type"] for _, fields in store.xrange(f"job:{job_id}:events", "-", "+")
            ]
            effects[job_id] = sum(event in TERMINAL for event in events)
            assert events == ["queued", "running", "succeeded"], job_id
            status, attempt, fence, output = store.hmget(
                f"job:{job_id}", "status", "attempt", "fence", "output"
            )
            statuses[status] += 1
            labels[tuple(json.loads(output)["outputs"][0]["data"])] += 1
            assert (attempt, fence) == ("1", "1"), job_id
        dead = store.zcard("dead")

    duplicates = sum(count - 1 for count in effects.values())
    with capsys.disabled():
        print(
            f"\n{len(ids)} jobs accepted in {posted_s:.1f} s ({len(ids) / posted_s:.0f}/s), "
            f"{sum(statuses.values())} terminal after {ended_s:.1f} s ({JOBS / ended_s:.0f}/s), "
            f"{dict(statuses)}, {duplicates} duplicates, worker concurrency {CONCURRENCY}"
        )
    assert len(set(ids)) == JOBS
    assert statuses == {"succeeded": JOBS}
    assert labels == {(3,): JOBS}
    assert duplicates == 0
    assert dead == 0


async def post_all(url: str) -> list[str]:
    """Posts as fast as one client can; the ids of what was accepted."""
    limits = httpx2.Limits(max_connections=CONNECTIONS)
    async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=None) as client:

        async def one(number: int) -> str:
            headers = {"Idempotency-Key": f"job-{number}"}
            answer = await client.post("/v1/predictions", json=prediction(), headers=headers)
            assert answer.status_code == 202, answer.text
            return str(answer.json()["id"])

        return await asyncio.gather(*(one(number) for number in range(JOBS)))
