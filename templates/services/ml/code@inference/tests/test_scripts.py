"""Every transition of a job, against a real Redis: with the right fence, an old one and none."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from app.worker.connection import Scripts, call
from tests.servers import CONTRACTS

INPUT = '{"inputs":[]}'
LIFETIMES = {"result_s": 60, "events_s": 30, "dead_s": 600, "events_maxlen": 1000}
STALE = {"result": "stale"}
ARGUMENTS_OF: dict[str, dict[str, object]] = {
    "accept": {"caller": "ann", "service": "s", "model": "m", "deadline_s": 60, "max_live": 9},
    "start": {"owner": "me", "lease_ms": 30_000, "max_attempts": 3},
    "heartbeat": {"lease_ms": 30_000},
    "progress": {"progress": 0.5},
    "finish": {"status": "succeeded"},
    "retry": {"delay_ms": 0, "max_attempts": 3},
    "release": {"delay_ms": 0},
    "cancel": {},
}
# From state, script, fence -> result, state. No fence is what a mistaken caller would send.
TABLE = json.loads((CONTRACTS / "transitions.json").read_text(encoding="utf-8"))


class Jobs:
    """The scripts with the arguments that a test does not care for filled in."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._scripts = Scripts(redis, CONTRACTS / "lua")

    async def run(self, name: str, payload: str = "", **arguments: object) -> dict[str, Any]:
        reply = await self._scripts.run(name, {"limits": LIFETIMES, **arguments}, payload)
        answer: dict[str, Any] = json.loads(reply)
        return answer

    async def accept(self, job_id: str = "a", **more: object) -> dict[str, Any]:
        job = {
            "id": job_id,
            "caller": "ann",
            "service": "inference",
            "model": "digits",
            "deadline_s": 60,
            "max_live": 100,
            "stream": True,
        }
        return await self.run("accept", INPUT, **{**job, **more})

    async def start(self, job_id: str = "a", **more: object) -> tuple[dict[str, Any], str]:
        arguments = {
            "id": job_id,
            "owner": "w1",
            "lease_ms": 30_000,
            "max_attempts": 3,
            "limits": LIFETIMES,
        }
        answer, payload = await self._scripts.run("start", {**arguments, **more})
        return json.loads(answer), payload

    async def started(self, job_id: str = "a", **more: object) -> int:
        """Accept and start a job; return its fence."""
        await self.accept(job_id)
        answer, _ = await self.start(job_id, **more)
        return int(answer["fence"])

    async def field(self, name: str, job_id: str = "a") -> str | None:
        value: str | None = await call(self.redis, "HGET", f"job:{job_id}", name)
        return value

    async def events(self, job_id: str = "a") -> list[tuple[str, dict[str, Any]]]:
        entries = await call(self.redis, "XRANGE", f"job:{job_id}:events", "-", "+")
        return [(fields["type"], json.loads(fields["data"])) for _, fields in entries]

    async def kinds(self, job_id: str = "a") -> list[str]:
        return [kind for kind, _ in await self.events(job_id)]

    async def due(self) -> list[str]:
        """What is to be handed to the broker now."""
        seconds, microseconds = await call(self.redis, "TIME")
        now = int(seconds) * 1000 + int(microseconds) // 1000
        ids: list[str] = await call(self.redis, "ZRANGEBYSCORE", "due", "-inf", now)
        return ids

    async def end_lease(self, job_id: str = "a") -> None:
        await call(self.redis, "HSET", f"job:{job_id}", "lease_until", 1)

    async def pass_deadline(self, job_id: str = "a") -> None:
        await call(self.redis, "HSET", f"job:{job_id}", "deadline_at", 1)
        await call(self.redis, "ZADD", "live", 1, job_id)

    async def keeping(self, job_id: str = "a") -> int:
        """For how many seconds an ended job is kept."""
        finished_at = int(await self.field("finished_at", job_id) or 0)
        expires_at = int(await self.field("expires_at", job_id) or 0)
        assert await call(self.redis, "ZSCORE", "kept", job_id) == expires_at
        return (expires_at - finished_at) // 1000

    async def pass_keeping(self, job_id: str = "a") -> None:
        await call(self.redis, "ZADD", "kept", "XX", 1, job_id)


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis)


async def the_traces_of(jobs: Jobs, job_id: str) -> list[object]:
    """What there is of a job beside its hash and its events."""
    return [await call(jobs.redis, "ZSCORE", name, job_id) for name in ("live", "accepted", "due")]


# accept


async def test_accepts_a_job_and_queues_it_in_one_step(jobs: Jobs) -> None:
    reply = await jobs.accept(traceparent="00-ab-cd-01", idempotency_key=None)
    assert reply["result"] == "accepted"
    assert reply["deadline_at"] - reply["created_at"] == 60_000
    job = await call(jobs.redis, "HGETALL", "job:a")
    expected = {
        "id": "a",
        "caller": "ann",
        "service": "inference",
        "model": "digits",
        "status": "queued",
        "attempt": "1",
        "fence": "0",
        "progress": "0",
        "created_at": str(reply["created_at"]),
        "deadline_at": str(reply["deadline_at"]),
        "input": INPUT,
        "traceparent": "00-ab-cd-01",
    }
    assert job.items() >= expected.items()
    assert [
        fields for _, fields in await call(jobs.redis, "XRANGE", "queue:inference", "-", "+")
    ] == [{"id": "a"}]
    assert await call(jobs.redis, "ZSCORE", "live", "a") == reply["deadline_at"]
    assert await jobs.kinds() == ["queued"]
    assert await call(jobs.redis, "TTL", "job:a") == -1


async def test_accepts_by_way_of_the_outbox_where_the_queue_is_no_stream(jobs: Jobs) -> None:
    await jobs.accept(stream=False)
    assert await call(jobs.redis, "EXISTS", "queue:inference") == 0
    assert await call(jobs.redis, "ZCARD", "due") == 1


async def test_replays_the_same_key_and_body_and_refuses_another_body(jobs: Jobs) -> None:
    await jobs.accept("a", idempotency_key="k", body_hash="h")
    assert await jobs.accept("b", idempotency_key="k", body_hash="h") == {
        "result": "replayed",
        "id": "a",
    }
    assert await jobs.accept("c", idempotency_key="k", body_hash="other") == {
        "result": "conflict",
        "id": "a",
    }
    assert await call(jobs.redis, "ZCARD", "live") == 1


async def test_keeps_the_keys_of_callers_apart(jobs: Jobs) -> None:
    await jobs.accept("a", caller="x:1", idempotency_key="k", body_hash="h")
    reply = await jobs.accept("b", caller="x", idempotency_key="1:k", body_hash="h")
    assert reply["result"] == "accepted"


async def test_an_idempotency_key_lives_as_long_as_its_job(jobs: Jobs) -> None:
    await jobs.accept(idempotency_key="k", body_hash="h")
    await jobs.run("cancel", id="a")
    assert await call(jobs.redis, "EXISTS", "idem:3:ann:k", "job:a") == 2
    # No time of Redis' own, which might end one of them before the other.
    assert await call(jobs.redis, "TTL", "idem:3:ann:k") == -1
    assert await call(jobs.redis, "TTL", "job:a") == -1
    await jobs.pass_keeping("a")
    assert await jobs.run("sweep", limit=10) == {"expired": [], "forgotten": 1}
    assert await jobs.redis.keys("idem:*") + sorted(await jobs.redis.keys("job:*")) == []
    assert await call(jobs.redis, "ZCARD", "kept") == 0
    reply = await jobs.accept("b", idempotency_key="k", body_hash="h")
    assert reply["result"] == "accepted"


async def test_a_key_whose_job_was_lost_stands_for_nothing(jobs: Jobs) -> None:
    await jobs.accept(idempotency_key="k", body_hash="h")
    await call(jobs.redis, "DEL", "job:a")
    reply = await jobs.accept("b", idempotency_key="k", body_hash="h")
    assert reply["result"] == "accepted"


async def test_accepts_the_same_id_once(jobs: Jobs) -> None:
    await jobs.accept()
    assert await jobs.accept() == {"result": "replayed", "id": "a"}
    assert await call(jobs.redis, "XLEN", "queue:inference") == 1


async def test_one_key_posted_fifty_times_at_once_is_one_job(jobs: Jobs) -> None:
    results = []

    async def post(job_id: str) -> None:
        results.append((await jobs.accept(job_id, idempotency_key="k"))["result"])

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(post, str(number))
    assert sorted(results) == ["accepted"] + ["replayed"] * 49


async def test_refuses_a_caller_over_its_quota_until_the_minute_is_over(jobs: Jobs) -> None:
    assert (await jobs.accept("a", quota_per_minute=2))["result"] == "accepted"
    assert (await jobs.accept("b", quota_per_minute=2))["result"] == "accepted"
    refused = await jobs.accept("c", quota_per_minute=2)
    assert refused["result"] == "quota"
    assert 0 < refused["retry_after_ms"] <= 60_000
    assert (await jobs.accept("d", quota_per_minute=2, caller="bob"))["result"] == "accepted"
    await call(jobs.redis, "PEXPIRE", "quota:ann", 0)
    assert (await jobs.accept("c", quota_per_minute=2))["result"] == "accepted"


async def test_refuses_new_jobs_when_full_but_still_replays(jobs: Jobs) -> None:
    await jobs.accept("a", max_live=1, idempotency_key="k")
    assert await jobs.accept("b", max_live=1) == {"result": "full"}
    assert (await jobs.accept("c", max_live=1, idempotency_key="k"))["result"] == "replayed"
    await jobs.run("cancel", id="a")
    assert (await jobs.accept("b", max_live=1))["result"] == "accepted"


async def test_redrives_a_dead_job_once(jobs: Jobs) -> None:
    fence = await jobs.started()
    await jobs.run("finish", "{}", id="a", fence=fence, status="failed", dead="poison")
    assert (await jobs.accept("b", redriven_from="a"))["result"] == "accepted"
    assert await jobs.accept("c", redriven_from="a") == {"result": "replayed", "id": "b"}
    assert await jobs.field("redriven_from", "b") == "a"
    assert await call(jobs.redis, "ZCARD", "dead") == 0


async def test_refuses_new_jobs_when_memory_is_full_and_finishes_accepted_ones(jobs: Jobs) -> None:
    fence = await jobs.started("a")
    await jobs.accept("b")
    await call(jobs.redis, "CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(OutOfMemoryError):
            await jobs.accept("c")
        assert (await jobs.run("heartbeat", id="a", fence=fence, lease_ms=1000))["result"] == "ok"
        assert (await jobs.run("progress", id="a", fence=fence, progress=0.5))["result"] == "ok"
        done = await jobs.run("finish", '{"o":1}', id="a", fence=fence, status="succeeded")
        assert done == {"result": "ok"}
        answer, _ = await jobs.start("b")
        released = await jobs.run("release", id="b", fence=answer["fence"], delay_ms=0)
        assert released == {"result": "ok"}
        assert await jobs.due() == ["b"]
        assert (await jobs.run("cancel", id="b"))["result"] == "canceled"
    finally:
        await call(jobs.redis, "CONFIG", "SET", "maxmemory", "0")


@pytest.fixture
async def short_memory(redis: Redis, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """A Redis with room for 2 MiB more, that evicts as the test says."""
    used = (await redis.info("memory"))["used_memory"]
    before = (await redis.info("memory"))["maxmemory_policy"]
    await redis.config_set("maxmemory-policy", request.param)
    await redis.config_set("maxmemory", used + (2 << 20))
    yield
    await redis.config_set("maxmemory", 0)
    await redis.config_set("maxmemory-policy", before)


async def test_the_project_evicts_nothing_by_chance(redis: Redis) -> None:
    assert (await redis.info("memory"))["maxmemory_policy"] == "noeviction"


# The last two are what a Redis of somebody else's may have.
@pytest.mark.parametrize(
    "short_memory", ["noeviction", "volatile-ttl", "volatile-lru"], indirect=True
)
@pytest.mark.usefixtures("short_memory")
async def test_a_key_and_its_job_are_forgotten_together(jobs: Jobs) -> None:
    keys = [str(number) for number in range(300)]
    output = json.dumps({"outputs": "x" * 10_000})
    for key in keys:
        assert (await jobs.accept(key, idempotency_key=key))["result"] == "accepted"
        answer, _ = await jobs.start(key)
        done = {"id": key, "fence": answer["fence"], "status": "succeeded"}
        assert await jobs.run("finish", output, **done) == {"result": "ok"}
    results = []
    for key in keys:
        reply = await jobs.accept(f"again-{key}", idempotency_key=key, max_live=1000)
        results.append(reply["result"])
        if reply["result"] == "replayed":
            assert reply["id"] == key
            assert await jobs.field("status", key) == "succeeded"
        else:
            assert await jobs.field("status", key) is None
    # In the order in which they have ended.
    assert sorted(results) == results
    assert set(results) == {"accepted", "replayed"}


@pytest.mark.parametrize("short_memory", ["noeviction"], indirect=True)
@pytest.mark.usefixtures("short_memory")
async def test_old_results_make_room_and_live_work_never_does(jobs: Jobs) -> None:
    large = "x" * 50_000
    for number in range(20):
        fence = await jobs.started(f"old-{number}")
        done = {"id": f"old-{number}", "fence": fence, "status": "succeeded"}
        await jobs.run("finish", json.dumps(large), **done)
    live: list[str] = []

    async def fill() -> None:
        while len(live) < 1000:
            await jobs.accept(f"live-{len(live)}", traceparent=large)
            live.append(f"live-{len(live)}")

    with pytest.raises(OutOfMemoryError):
        await fill()
    # All that could make room is gone, and nothing else is.
    assert [await jobs.field("status", f"old-{number}") for number in range(20)] == [None] * 20
    assert len(live) > 20
    for job_id in live:
        assert await jobs.field("status", job_id) == "queued"
    assert await call(jobs.redis, "ZCARD", "live") == len(live)
    # One that ends makes room for the next.
    await jobs.run("cancel", id="live-0")
    assert (await jobs.accept("next"))["result"] == "accepted"


async def test_a_key_is_replayed_while_memory_is_full(jobs: Jobs) -> None:
    await jobs.accept("a", idempotency_key="k", quota_per_minute=9)
    await call(jobs.redis, "CONFIG", "SET", "maxmemory", "1")
    try:
        reply = await jobs.accept("b", idempotency_key="k", quota_per_minute=9)
        with pytest.raises(OutOfMemoryError):
            await jobs.accept("c", idempotency_key="other", quota_per_minute=9)
    finally:
        await call(jobs.redis, "CONFIG", "SET", "maxmemory", "0")
    assert reply == {"result": "replayed", "id": "a"}


@pytest.mark.parametrize("short_memory", ["noeviction"], indirect=True)
@pytest.mark.usefixtures("short_memory")
async def test_the_sweep_keeps_some_memory_free(jobs: Jobs) -> None:
    bound = (await jobs.redis.info("memory"))["maxmemory"]
    kept = 0
    while (await jobs.redis.info("memory"))["used_memory"] < bound:
        fence = await jobs.started(str(kept))
        output = json.dumps("x" * 10_000)
        await jobs.run("finish", output, id=str(kept), fence=fence, status="succeeded")
        kept += 1
    swept = await jobs.run("sweep", limit=3)
    assert swept == {"expired": [], "forgotten": 3}
    while swept["forgotten"] > 0:
        swept = await jobs.run("sweep", limit=3)
    assert (await jobs.redis.info("memory"))["used_memory"] <= bound * 0.95
    assert 0 < await call(jobs.redis, "ZCARD", "kept") < kept


# start


async def test_starts_a_queued_job_with_a_new_fence(jobs: Jobs) -> None:
    accepted = await jobs.accept(traceparent="00-ab-cd-01")
    answer, payload = await jobs.start()
    assert payload == INPUT
    now = answer["now"]
    assert now >= accepted["created_at"]
    expected = {
        "result": "started",
        "fence": 1,
        "attempt": 1,
        "reclaimed": False,
        "alone": False,
        "model": "digits",
        "service": "inference",
        "deadline_at": accepted["deadline_at"],
        "traceparent": "00-ab-cd-01",
        "created_at": accepted["created_at"],
    }
    assert answer.items() >= expected.items()
    assert await jobs.field("status") == "running"
    assert await jobs.field("owner") == "w1"
    assert await jobs.field("lease_until") == str(now + 30_000)
    assert await jobs.field("started_at") == str(now)
    assert await jobs.kinds() == ["queued", "running"]


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled", "expired"])
async def test_a_terminal_job_is_left_alone(jobs: Jobs, status: str) -> None:
    fence = await jobs.started()
    await jobs.run("finish", id="a", fence=fence, status=status)
    before = await call(jobs.redis, "HGETALL", "job:a")
    assert (await jobs.start())[0] == {"result": "terminal"}
    assert await jobs.run("cancel", id="a") == {"result": "terminal"}
    for name in ("finish", "retry", "release", "progress", "heartbeat"):
        more = {"status": "failed", "delay_ms": 0, "max_attempts": 3, "progress": 1, "lease_ms": 1}
        assert await jobs.run(name, "{}", id="a", fence=fence, **more) == STALE
    assert await call(jobs.redis, "HGETALL", "job:a") == before


async def test_a_missing_job_is_not_made_by_any_script(jobs: Jobs) -> None:
    assert (await jobs.start())[0] == {"result": "missing"}
    assert await jobs.run("cancel", id="a") == {"result": "missing"}
    for name in ("finish", "retry", "release", "progress", "heartbeat"):
        more = {"status": "failed", "delay_ms": 0, "max_attempts": 3, "progress": 1, "lease_ms": 1}
        assert await jobs.run(name, "{}", id="a", fence=0, **more) == STALE
    assert await call(jobs.redis, "KEYS", "*") == []


async def test_a_job_with_a_live_lease_is_held(jobs: Jobs) -> None:
    fence = await jobs.started()
    answer, _ = await jobs.start(owner="w2")
    assert answer["result"] == "held"
    assert 0 < answer["lease_ms"] <= 30_000
    assert await jobs.field("fence") == str(fence)


async def test_a_lost_lease_counts_and_moves_the_job(jobs: Jobs) -> None:
    fence = await jobs.started()
    await jobs.end_lease()
    answer, _ = await jobs.start(owner="w2")
    assert (answer["result"], answer["fence"], answer["attempt"]) == ("started", 2, 2)
    assert answer["reclaimed"] is True
    assert await jobs.run("finish", "{}", id="a", fence=fence, status="succeeded") == STALE
    assert await jobs.field("status") == "running"


async def test_an_owner_whose_answer_was_lost_starts_again_uncounted(jobs: Jobs) -> None:
    await jobs.started()
    answer, _ = await jobs.start()
    assert (answer["result"], answer["fence"], answer["attempt"]) == ("started", 2, 1)


async def test_a_job_that_loses_its_worker_too_often_is_dead(jobs: Jobs) -> None:
    await jobs.started(max_attempts=2)
    await jobs.end_lease()
    await jobs.start(owner="w2", max_attempts=2)
    await jobs.end_lease()
    answer, _ = await jobs.start(owner="w3", max_attempts=2)
    assert answer == {"result": "dead"}
    assert await jobs.field("status") == "failed"
    assert await jobs.field("dead_reason") == "lease-lost"
    assert json.loads(await jobs.field("error") or "")["type"] == "/problems/attempts-exhausted"
    assert await jobs.field("input") == INPUT
    assert await call(jobs.redis, "ZRANGE", "dead", 0, -1) == ["a"]
    assert await jobs.keeping() == LIFETIMES["dead_s"]


async def test_an_overdue_job_is_expired_and_not_run(jobs: Jobs) -> None:
    await jobs.accept()
    await jobs.pass_deadline()
    assert (await jobs.start())[0] == {"result": "expired"}
    assert await jobs.kinds() == ["queued", "expired"]


# heartbeat and progress


async def test_a_heartbeat_prolongs_the_lease(jobs: Jobs) -> None:
    fence = await jobs.started(lease_ms=1000)
    before = int(await jobs.field("lease_until") or 0)
    assert await jobs.run("heartbeat", id="a", fence=fence, lease_ms=90_000) == {"result": "ok"}
    assert int(await jobs.field("lease_until") or 0) >= before + 89_000


async def test_a_heartbeat_past_the_deadline_expires_the_job(jobs: Jobs) -> None:
    fence = await jobs.started()
    await jobs.pass_deadline()
    reply = await jobs.run("heartbeat", id="a", fence=fence, lease_ms=1000)
    assert reply == {"result": "expired"}
    assert await jobs.field("status") == "expired"


async def test_progress_goes_forward_only(jobs: Jobs) -> None:
    fence = await jobs.started()
    for part in (0.25, 0.75, 0.5):
        assert await jobs.run("progress", id="a", fence=fence, progress=part) == {"result": "ok"}
    events = await jobs.events()
    assert [data["progress"] for kind, data in events if kind == "progress"] == [0.25, 0.75]
    assert await jobs.field("progress") == "0.75"


@pytest.mark.parametrize("name", ["finish", "retry", "release", "progress", "heartbeat"])
@pytest.mark.parametrize("fence", [0, 1, 3, None])
async def test_another_fence_changes_nothing(jobs: Jobs, name: str, fence: int | None) -> None:
    await jobs.started()
    await jobs.end_lease()
    await jobs.start(owner="w2")
    before = await call(jobs.redis, "HGETALL", "job:a")
    more = {"status": "failed", "delay_ms": 0, "max_attempts": 3, "progress": 1, "lease_ms": 1}
    assert await jobs.run(name, "{}", id="a", fence=fence, **more) == STALE
    assert await call(jobs.redis, "HGETALL", "job:a") == before
    assert await jobs.kinds() == ["queued", "running", "running"]


# finish


async def test_success_keeps_the_output_and_drops_the_input(jobs: Jobs) -> None:
    fence = await jobs.started()
    output = '{"outputs": [1.50]}'
    reply = await jobs.run(
        "finish", output, id="a", fence=fence, status="succeeded", model_version="7"
    )
    assert reply == {"result": "ok"}
    job = await call(jobs.redis, "HGETALL", "job:a")
    assert (job["status"], job["output"], job["model_version"]) == ("succeeded", output, "7")
    assert job["progress"] == "1"
    assert not job.keys() & {"input", "error", "owner", "lease_until"}
    assert int(job["expires_at"]) - int(job["finished_at"]) == 60_000
    assert await jobs.keeping() == 60
    assert await call(jobs.redis, "TTL", "job:a:events") == 30
    assert await the_traces_of(jobs, "a") == [None, None, None]
    kind, data = (await jobs.events())[-1]
    assert (kind, data["status"], data["output"]) == ("succeeded", "succeeded", {"outputs": [1.5]})


async def test_a_large_output_is_not_in_the_event(jobs: Jobs) -> None:
    fence = await jobs.started()
    output = json.dumps({"outputs": ["x" * 4096]})
    await jobs.run("finish", output, id="a", fence=fence, status="succeeded")
    assert "output" not in (await jobs.events())[-1][1]
    assert await jobs.field("output") == output


async def test_a_failure_keeps_its_problem(jobs: Jobs) -> None:
    fence = await jobs.started()
    await jobs.run("finish", '{"title":"no"}', id="a", fence=fence, status="failed", dead="poison")
    assert await jobs.field("error") == '{"title":"no"}'
    assert await jobs.field("dead_reason") == "poison"
    assert await call(jobs.redis, "ZRANGE", "dead", 0, -1) == ["a"]


async def test_events_tell_the_time_as_rfc_3339(jobs: Jobs) -> None:
    # A leap day, whatever today is: the script's own calendar is what is looked at.
    source = (CONTRACTS / "lua" / "lib.lua").read_text()
    for moment, text in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400_123, "2000-02-29T00:00:00.123Z"),
        (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
        (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
    ]:
        said = await call(jobs.redis, "EVAL", f"{source}\nreturn timestamp({moment})", 0, "{}")
        assert said == text


# retry and release


async def test_a_retry_counts_and_waits_in_the_outbox(jobs: Jobs) -> None:
    fence = await jobs.started()
    reply = await jobs.run("retry", '{"t":1}', id="a", fence=fence, delay_ms=60_000, max_attempts=3)
    assert reply == {"result": "queued", "attempt": 2}
    assert await jobs.field("status") == "queued"
    assert await jobs.field("error") == '{"t":1}'
    assert await jobs.due() == []
    answer, _ = await jobs.start(owner="w2")
    assert (answer["fence"], answer["attempt"]) == (2, 2)
    assert await call(jobs.redis, "ZCARD", "due") == 0


async def test_the_last_failure_is_the_end(jobs: Jobs) -> None:
    fence = await jobs.started()
    reply = await jobs.run("retry", '{"t":1}', id="a", fence=fence, delay_ms=0, max_attempts=1)
    assert reply == {"result": "dead"}
    assert await jobs.field("status") == "failed"
    assert await jobs.field("error") == '{"t":1}'
    assert await call(jobs.redis, "ZRANGE", "dead", 0, -1) == ["a"]


async def test_a_job_that_may_have_killed_inference_is_marked_to_run_alone(jobs: Jobs) -> None:
    fence = await jobs.started()
    await jobs.run("retry", "{}", id="a", fence=fence, delay_ms=0, max_attempts=3, alone=True)
    assert (await jobs.start())[0]["alone"] is True


async def test_a_release_does_not_count(jobs: Jobs) -> None:
    fence = await jobs.started()
    assert await jobs.run("release", id="a", fence=fence, delay_ms=0) == {"result": "ok"}
    assert await jobs.field("attempt") == "1"
    assert await jobs.due() == ["a"]
    answer, _ = await jobs.start(owner="w2")
    assert (answer["fence"], answer["attempt"]) == (2, 1)


async def test_an_error_of_an_attempt_is_gone_after_success(jobs: Jobs) -> None:
    fence = await jobs.started()
    await jobs.run("retry", '{"t":1}', id="a", fence=fence, delay_ms=0, max_attempts=3)
    answer, _ = await jobs.start()
    await jobs.run("finish", "{}", id="a", fence=answer["fence"], status="succeeded")
    assert await jobs.field("error") is None


# cancel


async def test_cancels_a_queued_job_at_once(jobs: Jobs) -> None:
    await jobs.accept()
    assert await jobs.run("cancel", id="a") == {"result": "canceled"}
    assert (await jobs.start())[0] == {"result": "terminal"}
    assert await jobs.kinds() == ["queued", "canceled"]


async def test_asks_the_worker_of_a_running_job(jobs: Jobs) -> None:
    fence = await jobs.started()
    assert await jobs.run("cancel", id="a") == {"result": "canceling"}
    assert await jobs.field("status") == "running"
    reply = await jobs.run("heartbeat", id="a", fence=fence, lease_ms=1000)
    assert reply == {"result": "cancel"}
    assert await jobs.run("finish", id="a", fence=fence, status="canceled") == {"result": "ok"}
    assert await jobs.kinds() == ["queued", "running", "canceled"]


async def test_cancels_a_job_whose_worker_is_lost(jobs: Jobs) -> None:
    fence = await jobs.started()
    await jobs.end_lease()
    assert await jobs.run("cancel", id="a") == {"result": "canceled"}
    assert await jobs.run("finish", "{}", id="a", fence=fence, status="succeeded") == STALE


@pytest.mark.parametrize("name", ["retry", "release"])
async def test_a_canceled_job_does_not_go_back_to_the_queue(jobs: Jobs, name: str) -> None:
    fence = await jobs.started()
    await jobs.run("cancel", id="a")
    await jobs.run(name, "{}", id="a", fence=fence, delay_ms=0, max_attempts=3)
    assert await jobs.field("status") == "canceled"
    assert await the_traces_of(jobs, "a") == [None, None, None]


async def test_a_cancellation_is_seen_when_a_lost_job_starts_anew(jobs: Jobs) -> None:
    await jobs.started()
    await jobs.run("cancel", id="a")
    await jobs.end_lease()
    assert (await jobs.start(owner="w2"))[0] == {"result": "canceled"}


async def test_a_result_that_comes_before_the_cancellation_is_seen_is_kept(jobs: Jobs) -> None:
    fence = await jobs.started()
    await jobs.run("cancel", id="a")
    await jobs.run("finish", "{}", id="a", fence=fence, status="succeeded")
    assert await jobs.field("status") == "succeeded"


# sweep and stats


async def test_expires_what_is_overdue_taken_or_not(jobs: Jobs) -> None:
    await jobs.accept("queued")
    fence = await jobs.started("running")
    await jobs.accept("young")
    for job_id in ("queued", "running"):
        await jobs.pass_deadline(job_id)
    swept = await jobs.run("sweep", limit=10)
    assert sorted(swept["expired"]) == ["queued", "running"]
    assert await jobs.run("sweep", limit=10) == {"expired": [], "forgotten": 0}
    assert await jobs.run("finish", "{}", id="running", fence=fence, status="succeeded") == STALE
    assert await jobs.kinds("queued") == ["queued", "expired"]
    assert await jobs.field("input", "queued") is None
    assert await call(jobs.redis, "ZRANGE", "live", 0, -1) == ["young"]


async def test_sweeps_no_more_than_it_is_told_to(jobs: Jobs) -> None:
    for number in range(3):
        await jobs.accept(str(number))
        await jobs.pass_deadline(str(number))
    assert len((await jobs.run("sweep", limit=2))["expired"]) == 2
    assert len((await jobs.run("sweep", limit=2))["expired"]) == 1


async def test_forgets_jobs_after_their_time(jobs: Jobs) -> None:
    for job_id in ("old", "dead", "young"):
        fence = await jobs.started(job_id)
        done = {"id": job_id, "fence": fence, "status": "failed"}
        await jobs.run("finish", "{}", **done, dead="poison" if job_id == "dead" else None)
    assert await call(jobs.redis, "ZRANGE", "dead", 0, -1) == ["dead"]
    for job_id in ("old", "dead"):
        await jobs.pass_keeping(job_id)
    assert await jobs.run("sweep", limit=1) == {"expired": [], "forgotten": 1}
    assert await jobs.run("sweep", limit=10) == {"expired": [], "forgotten": 1}
    assert sorted(await jobs.redis.keys("job:*")) == ["job:young", "job:young:events"]
    assert await call(jobs.redis, "ZRANGE", "dead", 0, -1) == []


async def test_stats_count_and_find_the_oldest(jobs: Jobs) -> None:
    nothing = {"depth": 0, "due": 0, "dead": 0, "ended": 0, "oldest_age_ms": 0}
    assert await jobs.run("stats") == nothing
    first = await jobs.accept("a", deadline_s=600)
    await jobs.accept("b", deadline_s=6, stream=False)
    await call(jobs.redis, "ZADD", "accepted", first["created_at"] - 5000, "a")
    stats = await jobs.run("stats")
    assert (stats["depth"], stats["due"], stats["dead"]) == (2, 1, 0)
    assert 5000 <= stats["oldest_age_ms"] < 60_000


async def test_every_change_wakes_those_who_wait(jobs: Jobs) -> None:
    async with jobs.redis.pubsub() as hints:
        await hints.subscribe("hint:jobs/a")
        fence = await jobs.started()
        await jobs.run("finish", "{}", id="a", fence=fence, status="succeeded")
        heard: list[str] = []
        with anyio.fail_after(5):
            while len(heard) < 3:
                message = await hints.get_message(ignore_subscribe_messages=True, timeout=1)
                if message:
                    heard.append(message["data"])
    entries = await call(jobs.redis, "XRANGE", "job:a:events", "-", "+")
    assert heard == [entry for entry, _ in entries]


async def test_runs_after_the_server_has_forgotten_its_scripts(jobs: Jobs) -> None:
    await jobs.accept("a")
    await call(jobs.redis, "SCRIPT", "FLUSH")
    assert (await jobs.accept("b"))["result"] == "accepted"


async def test_runs_where_redis_forgets_a_script_right_after_it_was_loaded(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = jobs.redis.script_load

    async def forgetful(script: str) -> str:
        digest: str = await load(script)
        await call(jobs.redis, "SCRIPT", "FLUSH")
        return digest

    monkeypatch.setattr(jobs.redis, "script_load", forgetful)
    await call(jobs.redis, "SCRIPT", "FLUSH")
    assert (await jobs.accept("a"))["result"] == "accepted"


@pytest.mark.parametrize(("state", "script", "fence", "result", "after"), TABLE)
async def test_goes_from_state_to_state(
    redis: Redis, state: str, script: str, fence: str, result: str, after: str
) -> None:
    scripts = Scripts(redis, CONTRACTS / "lua")

    async def run(name: str, **more: object) -> str:
        arguments = {"id": "a", "stream": False, "limits": LIFETIMES, **ARGUMENTS_OF[name], **more}
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
