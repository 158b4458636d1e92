"""The state of jobs: one method for each script, with the limits that every one of them takes.

A method that takes a `Started` speaks for the worker that holds it. Its fence is compared, so that
a worker which has lost a job can change nothing of it any more: it is told `stale`. Every method
raises what redis-py raises.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from redis.asyncio import Redis

from app.shared.limits import Limits
from app.worker.connection import Scripts, call

Verdict = Literal["ok", "cancel", "expired", "stale"]
Terminal = Literal["succeeded", "failed", "canceled", "expired"]
Refusal = Literal["missing", "terminal", "expired", "canceled", "held", "dead"]


@dataclass(frozen=True, slots=True)
class Started:
    """A job in the hands of this worker. Times are seconds by the clock of Redis."""

    id: str
    fence: int  # of this start: a later start has a higher one
    attempt: int  # from 1
    reclaimed: bool  # from a worker that was lost
    alone: bool  # it may have killed inference, so it runs with nothing beside it
    model: str
    traceparent: str | None
    created_at: float
    started_at: float
    deadline_at: float
    input: str  # JSON text, as it was posted


@dataclass(frozen=True, slots=True)
class Stats:
    """How much there is of what, in jobs, and the age of the oldest live one in seconds."""

    depth: int
    due: int
    dead: int
    ended: int
    oldest_age_s: float


class Store:
    """The jobs in one Redis."""

    def __init__(self, redis: Redis, contracts_dir: Path, limits: Limits) -> None:
        self.scripts = Scripts(redis, contracts_dir / "lua")
        self._redis = redis
        self._limits = limits

    async def accept(self, job: dict[str, object], payload: str) -> dict[str, Any]:
        """Take in a job; see accept.lua for `job` and the reply."""
        arguments = {"max_live": self._limits.queue_max_live, **job}
        reply: dict[str, Any] = await self._run("accept", arguments, payload)
        return reply

    async def cancel(self, job_id: str) -> str:
        """Cancel whoever's job it is; return canceled, canceling, terminal or missing."""
        reply = await self._run("cancel", {"id": job_id})
        return str(reply["result"])

    async def start(self, job_id: str, owner: str) -> Started | Refusal:
        """Take a job in hand. What is `held` runs elsewhere; every other refusal is the end."""
        answer, payload = await self.scripts.run(
            "start",
            {
                "id": job_id,
                "owner": owner,
                "lease_ms": _ms(self._limits.lease_s),
                "max_attempts": self._limits.attempts_max,
                "limits": self._lifetimes(),
            },
        )
        reply = json.loads(answer)
        if reply["result"] != "started":
            refusal: Refusal = reply["result"]
            return refusal
        return Started(
            id=job_id,
            fence=reply["fence"],
            attempt=reply["attempt"],
            reclaimed=reply["reclaimed"],
            alone=reply["alone"],
            model=reply["model"],
            traceparent=reply.get("traceparent"),
            created_at=reply["created_at"] / 1000,
            started_at=reply["now"] / 1000,
            deadline_at=reply["deadline_at"] / 1000,
            input=payload,
        )

    async def heartbeat(self, job: Started) -> Verdict:
        """Prolong the lease. After `expired` and `stale` the job is not ours any more."""
        reply = await self._run("heartbeat", {**_held(job), "lease_ms": _ms(self._limits.lease_s)})
        verdict: Verdict = reply["result"]
        return verdict

    async def progress(self, job: Started, progress: float) -> bool:
        """Record the part that is done, 0 to 1; return whether the job is still ours."""
        reply = await self._run("progress", {**_held(job), "progress": progress})
        return bool(reply["result"] == "ok")

    async def finish(
        self,
        job: Started,
        status: Terminal,
        payload: str = "",
        *,
        model_version: str | None = None,
        dead: str | None = None,
    ) -> bool:
        """End a job with its output or its problem (JSON text); return whether it was ours."""
        reply = await self._run(
            "finish",
            {**_held(job), "status": status, "model_version": model_version, "dead": dead},
            payload,
        )
        return bool(reply["result"] == "ok")

    async def retry(self, job: Started, problem: str, delay_s: float, *, alone: bool) -> str:
        """Count a failure; return queued, dead, canceled or stale."""
        reply = await self._run(
            "retry",
            {
                **_held(job),
                "delay_ms": _ms(delay_s),
                "max_attempts": self._limits.attempts_max,
                "alone": alone or None,
            },
            problem,
        )
        return str(reply["result"])

    async def release(self, job: Started, delay_s: float) -> bool:
        """Give a job back uncounted; return whether it was ours."""
        reply = await self._run("release", {**_held(job), "delay_ms": _ms(delay_s)})
        return bool(reply["result"] == "ok")

    async def sweep(self, limit: int) -> tuple[list[str], int]:
        """Expire overdue jobs and forget old ones, at most `limit` each.

        Return the ids of the former and the number of the latter.
        """
        reply = await self._run("sweep", {"limit": limit})
        return reply["expired"], reply["forgotten"]

    async def stats(self) -> Stats:
        """Count what there is."""
        reply = await self._run("stats", {})
        age_s = reply["oldest_age_ms"] / 1000
        return Stats(reply["depth"], reply["due"], reply["dead"], reply["ended"], age_s)

    async def read(self, job_id: str) -> dict[str, str]:
        """Return all fields of a job as text, none for a job that does not exist."""
        fields: dict[str, str] = await call(self._redis, "HGETALL", f"job:{job_id}")
        return fields

    async def events(self, job_id: str) -> list[tuple[str, dict[str, str]]]:
        """Return what happened to a job: entry ids with their fields `type` and `data`."""
        entries: list[tuple[str, dict[str, str]]] = await call(
            self._redis, "XRANGE", f"job:{job_id}:events", "-", "+"
        )
        return entries

    async def dead(self, count: int) -> list[str]:
        """Return the ids of the jobs that died last, newest first."""
        ids: list[str] = await call(self._redis, "ZREVRANGE", "dead", 0, count - 1)
        return ids

    async def _run(self, name: str, arguments: dict[str, object], payload: str = "") -> Any:
        return json.loads(
            await self.scripts.run(name, {**arguments, "limits": self._lifetimes()}, payload)
        )

    def _lifetimes(self) -> dict[str, object]:
        return {
            "result_s": self._limits.result_ttl_s,
            "events_s": self._limits.events_ttl_s,
            "dead_s": self._limits.dead_ttl_s,
            "events_maxlen": self._limits.events_maxlen,
        }


def _held(job: Started) -> dict[str, object]:
    return {"id": job.id, "fence": job.fence}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
