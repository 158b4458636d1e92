"""Breaks a generated project on purpose: `python3 scripts/breaks.py FOLDER [NAME...]`.

FOLDER is a project with --ml, --realtime, --faults, --service orders=fastapi and --service
stock=fastify that `make setup` has been run in. Each break is what somebody might well write; the
fault test named beside it must turn red. Every file is put back. What dies at random may need more
than by default: SEED=3 KILLS=12.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Break:
    """A part of a file, what takes its place, and the test that must notice."""

    name: str
    path: str
    right: str
    wrong: str
    test: str


BREAKS = [
    Break(
        "everysec",
        "infra/redis/redis.conf",
        "appendfsync always",
        "appendfsync everysec",
        "test_brokers.py::test_what_was_accepted_outlives_a_kill_under_load[redis]",
    ),
    Break(
        "ack-before-write",
        "kinds/inference/app/worker/worker.py",
        "        outcome = await self._attempts.run(job, delivery)\n",
        "        await insist(lambda: self._queue.settle(delivery))\n"
        "        outcome = await self._attempts.run(job, delivery)\n",
        "test_workers.py::test_a_job_whose_worker_is_killed_is_run_by_another",
    ),
    Break(
        "no-fence",
        "contracts/lua/lib.lua",
        "if job and job.status == 'running' and job.fence == fence then return job end",
        "if job then return job end",
        "test_workers.py::test_a_worker_that_was_frozen_changes_nothing_afterwards",
    ),
    Break(
        "pubsub-as-the-truth",
        "services/gateway/src/jobs.ts",
        "const POLL_MS = 1_000;",
        "const POLL_MS = 1_000_000;",
        "test_brokers.py::test_lost_hints_delay_and_lose_nothing",
    ),
    Break(
        "pubsub-as-the-truth-of-sockets",
        "services/realtime/src/hub.ts",
        "}, pollSeconds * 1000);",
        "}, pollSeconds * 1_000_000);",
        "test_sockets.py::test_lost_hints_delay_events_and_lose_none",
    ),
    Break(
        "unbounded-queue",
        "contracts/lua/accept.lua",
        "if redis.call('ZCARD', LIVE) >= args.max_live then",
        "if false then",
        "test_brokers.py::test_a_full_queue_refuses_and_finishes_what_it_has",
    ),
    Break(
        "counted-503",
        "kinds/inference/app/worker/attempt.py",
        "            return Release(backoff_s(self._refusals, self._limits))\n",
        '            return Retry(problem("gone", "Gone", 503, str(error)), alone=False)\n',
        "test_inference.py::test_an_inference_that_is_away_costs_no_attempt",
    ),
    Break(
        "commit-before-the-disk",
        "infra/postgres/postgresql.conf",
        "timezone = 'UTC'\n",
        "timezone = 'UTC'\nsynchronous_commit = off\n",
        "test_changes.py",
    ),
    Break(
        "key-not-kept",
        "services/stock/src/database/items.ts",
        "const values = { ...content, owner, idempotencyKey: key, requestHash };",
        "const values = { ...content, owner, requestHash };",
        "test_changes.py",
    ),
    Break(
        "version-not-compared",
        "services/orders/app/items.py",
        "    if expected and not expected(row.version):\n",
        "    if False:\n",
        "test_changes.py",
    ),
    Break(
        "refused-event-removed",
        "packages/service/service/outbox.py",
        "                    failure = error\n                    break\n",
        '                    log.warning("not told", error=str(error))\n',
        "test_events.py",
    ),
]


def is_noticed(folder: Path, broken: Break) -> bool:
    """Whether the test fails on the broken project, and by an assertion."""
    path = folder / broken.path
    whole = path.read_text(encoding="utf-8")
    if whole.count(broken.right) != 1:
        sys.exit(f"error: {broken.path} has no longer what `{broken.name}` breaks")
    path.write_text(whole.replace(broken.right, broken.wrong), encoding="utf-8")
    try:
        done = subprocess.run(
            [".venv/bin/python", "-m", "pytest", f"tests/faults/{broken.test}", "--quiet"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        path.write_text(whole, encoding="utf-8")
    reason = next((line for line in done.stdout.splitlines() if line.startswith("E  ")), "")
    print(f"{broken.name}: {'red' if done.returncode == 1 else 'STILL GREEN'}  {reason[:160]}")
    return done.returncode == 1


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    if not (folder / "tests/faults").is_dir():
        sys.exit(f"error: {folder} has no fault tests\nhint: run `scaffold add faults` there")
    chosen = [broken for broken in BREAKS if not names or broken.name in names]
    unnoticed = [broken.name for broken in chosen if not is_noticed(folder, broken)]
    print(f"{len(chosen) - len(unnoticed)} of {len(chosen)} breaks are noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
