"""What operators do with jobs."""

import asyncio
import json
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from app.worker import jobs
from app.worker.store import Started, Store
from tests.servers import CONTRACTS

Run = Callable[..., "asyncio.Future[int]"]


async def die(store: Store, job_id: str) -> None:
    """Make a dead job."""
    job = {
        "id": job_id,
        "caller": "ann",
        "service": "inference",
        "model": "digits",
        "deadline_s": 60,
        "stream": True,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    await store.accept(job, '{"inputs":[]}')
    started = await store.start(job_id, "w")
    assert isinstance(started, Started)
    await store.finish(started, "failed", '{"title":"no"}', dead="invalid-input")


@pytest.fixture
def run(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as `python -m app.worker.jobs` does, and return its exit status."""
    port = redis.connection_pool.connection_kwargs["port"]
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}")
    monkeypatch.setenv("CONTRACTS_DIR", str(CONTRACTS))
    return lambda *arguments: asyncio.ensure_future(asyncio.to_thread(jobs.main, list(arguments)))


async def test_lists_and_shows_the_dead(
    store: Store, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    await die(store, "a")
    assert await run("dead", "list") == 0
    columns = capsys.readouterr().out.split()
    assert (columns[0], columns[2:]) == ("a", ["digits", "invalid-input"])
    assert await run("dead", "show", "a") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["error"], shown["input"]) == ({"title": "no"}, {"inputs": []})


async def test_redrives_a_dead_job_once(
    store: Store, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    await die(store, "a")
    assert await run("dead", "redrive", "a") == 0
    new = capsys.readouterr().out.strip()
    job = await store.read(new)
    assert (job["redriven_from"], job["status"], job["input"]) == ("a", "queued", '{"inputs":[]}')
    assert (await store.stats()).due == 1
    assert await run("dead", "redrive", "a") == 1
    assert capsys.readouterr().err == f"error: `a` was redriven before, as `{new}`\n"


async def test_refuses_to_redrive_what_is_not_dead(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("dead", "redrive", "nobody") == 1
    assert capsys.readouterr().err == "error: `nobody` is no dead job\n"


async def test_traces_a_job(store: Store, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    await die(store, "a")
    assert await run("trace", "a") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines[:-1]] == ["queued", "running", "failed"]
    assert lines[-1] == ["trace", "4bf92f3577b34da6a3ce929d0e0e4736"]


async def test_tells_how_much_there_is(
    store: Store, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    await die(store, "a")
    assert await run("stats") == 0
    assert capsys.readouterr().out.split() == [
        *("live", "0", "due", "0", "dead", "1", "oldest_age", "0.0", "s"),
        *("rate", "0.0", "jobs/s", "ended"),
    ]


def test_ids_are_ulids_that_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_469_918_176_385_000_000)
    early = jobs.new_id()
    # The example of the specification.
    assert early[:10] == "01ARYZ6S41"
    monkeypatch.undo()
    assert early < jobs.new_id()
    assert len(early) == 26
