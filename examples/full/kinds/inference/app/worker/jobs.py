"""`python -m app.worker.jobs`: what operators do with jobs."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from app.shared.limits import Limits
from app.shared.settings import CommonSettings, load
from app.worker.connection import RedisUrl, connect
from app.worker.store import Store

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RATE_S = 2.0  # for so long `stats` watches how many jobs end
TIMES = ("created_at", "started_at", "finished_at", "deadline_at", "expires_at", "lease_until")


class OperatorSettings(CommonSettings):
    """What these commands need of the environment."""

    redis_url: RedisUrl


class Refused(Exception):
    """What was asked for cannot be done; the text says why."""


def new_id() -> str:
    """Return a ULID (https://github.com/ulid/spec): 48 bits of time, 80 of chance."""
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10))
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


async def redrive(store: Store, limits: Limits, job_id: str) -> str:
    """Make a new job of a dead one and return its id. A dead job is redriven once."""
    job = await store.read(job_id)
    if "dead_reason" not in job or "input" not in job:
        raise Refused(f"`{job_id}` is no dead job")
    new = new_id()
    reply = await store.accept(
        {
            "id": new,
            "caller": job["caller"],
            "service": job["service"],
            "model": job["model"],
            "deadline_s": limits.deadline_default_s,
            "traceparent": job.get("traceparent"),
            "redriven_from": job_id,
            # By way of the relay, which every queue has.
            "stream": False,
        },
        job["input"],
    )
    if reply["result"] == "replayed":
        raise Refused(f"`{job_id}` was redriven before, as `{reply['id']}`")
    if reply["result"] != "accepted":
        raise Refused(f"the queue is {reply['result']}")
    return new


async def _dead_list(store: Store, _limits: Limits, options: argparse.Namespace) -> list[str]:
    lines = []
    for job_id in await store.dead(options.count):
        job = await store.read(job_id)
        if job:
            when = _readable("finished_at", job["finished_at"])
            lines.append(f"{job_id}  {when}  {job['model']}  {job['dead_reason']}")
    return lines


async def _dead_show(store: Store, _limits: Limits, options: argparse.Namespace) -> list[str]:
    job = await store.read(options.id)
    if not job:
        raise Refused(f"there is no job `{options.id}`")
    shown = {name: _readable(name, value) for name, value in sorted(job.items())}
    return [json.dumps(shown, indent=2, ensure_ascii=False)]


async def _dead_redrive(store: Store, limits: Limits, options: argparse.Namespace) -> list[str]:
    return [await redrive(store, limits, job_id) for job_id in options.ids]


async def _trace(store: Store, _limits: Limits, options: argparse.Namespace) -> list[str]:
    job = await store.read(options.id)
    if not job:
        raise Refused(f"there is no job `{options.id}`")
    lines = []
    for entry, fields in await store.events(options.id):
        data = json.loads(fields["data"])
        lines.append(
            f"{data['at']}  {fields['type']:<9}  attempt={data['attempt']}"
            f" progress={data['progress']:.0%}  {entry}"
        )
    if "traceparent" in job:
        lines.append(f"trace {job['traceparent'].split('-')[1]}")
    return lines


async def _stats(store: Store, _limits: Limits, _options: argparse.Namespace) -> list[str]:
    earlier = await store.stats()
    await asyncio.sleep(RATE_S)
    stats = await store.stats()
    return [
        f"live        {stats.depth}",
        f"due         {stats.due}",
        f"dead        {stats.dead}",
        f"oldest_age  {stats.oldest_age_s:.1f} s",
        f"rate        {(stats.ended - earlier.ended) / RATE_S:.1f} jobs/s ended",
    ]


def _readable(name: str, value: str) -> Any:
    if name in TIMES:
        moment = datetime.fromtimestamp(int(value) / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if name in {"input", "output", "error"}:
        return json.loads(value)
    return value


Command = Callable[[Store, Limits, argparse.Namespace], Coroutine[None, None, list[str]]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.worker.jobs", description="Look after jobs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    dead = commands.add_parser("dead", help="jobs that were given up").add_subparsers(
        required=True, metavar="COMMAND"
    )
    listing = dead.add_parser("list", help="the latest ones, with the reason")
    listing.add_argument("--count", type=int, default=100)
    listing.set_defaults(command=_dead_list)
    show = dead.add_parser("show", help="all that is kept of a job, as JSON")
    show.add_argument("id")
    show.set_defaults(command=_dead_show)
    again = dead.add_parser("redrive", help="try again, as new jobs; prints their ids")
    again.add_argument("ids", nargs="+", metavar="id")
    again.set_defaults(command=_dead_redrive)

    trace = commands.add_parser("trace", help="what happened to a job")
    trace.add_argument("id")
    trace.set_defaults(command=_trace)
    commands.add_parser("stats", help="how much there is of what").set_defaults(command=_stats)
    return parser


async def _run(options: argparse.Namespace, settings: OperatorSettings, limits: Limits) -> None:
    redis = connect(settings.redis_url)
    command: Command = options.command
    try:
        lines = await command(Store(redis, settings.contracts_dir, limits), limits, options)
    finally:
        await redis.aclose()
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status: 0, or 1 with the reason on standard error."""
    options = _parser().parse_args(arguments)
    settings, limits = load(OperatorSettings)
    try:
        asyncio.run(_run(options, settings, limits))
    except Refused as refusal:
        sys.stderr.write(f"error: {refusal}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
