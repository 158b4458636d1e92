"""Every transition of a job's state, from the table that both languages run."""

import json

import pytest
from redis.asyncio import Redis

from app.worker.connection import call
from app.worker.scripts import Scripts
from tests.redis_server import CONTRACTS

LIMITS = {"result_s": 60, "events_s": 30, "dead_s": 600, "events_maxlen": 1000}
ARGUMENTS: dict[str, dict[str, object]] = {
    "accept": {"caller": "ann", "service": "s", "model": "m", "deadline_s": 60, "max_live": 9},
    "start": {"owner": "me", "lease_ms": 30_000, "max_attempts": 3},
    "heartbeat": {"lease_ms": 30_000},
    "progress": {"progress": 0.5},
    "finish": {"status": "succeeded"},
    "retry": {"delay_ms": 0, "max_attempts": 3},
    "release": {"delay_ms": 0},
    "cancel": {"caller": ""},
}
# From state, script, fence -> result, state. No fence is what a mistaken caller would send.
TABLE = json.loads((CONTRACTS / "transitions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("state", "script", "fence", "result", "after"), TABLE)
async def test_goes_from_state_to_state(
    redis: Redis, state: str, script: str, fence: str, result: str, after: str
) -> None:
    scripts = Scripts(redis, CONTRACTS / "lua")

    async def run(name: str, **more: object) -> str:
        arguments = {"id": "a", "stream": False, "limits": LIMITS, **ARGUMENTS[name], **more}
        reply = await scripts.run(name, arguments, "{}")
        answer: str = json.loads(reply[0] if isinstance(reply, list) else reply)["result"]
        return answer

    if state != "missing":
        await run("accept")
    if state not in ("missing", "queued"):
        await run("start", owner="other")
    if state not in ("missing", "queued", "running"):
        await run("finish", fence=1, status=state)
    given = {"right": {"fence": 1}, "stale": {"fence": 7}, "none": {}}[fence]
    assert await run(script, **given) == result
    assert (await call(redis, "HGET", "job:a", "status") or "missing") == after
