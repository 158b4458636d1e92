"""`make soak`: JOBS jobs (10,000 unless given) while workers and brokers are killed all the time.

Every few seconds a worker, chosen at random, is killed with kill -9, and every 20 s the state store
and whatever broker there is beside it. Each is started again at once, as a supervisor would.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import redis
from jobs import eventually, prediction
from ledger import Ledger
from processes import INFRASTRUCTURE, Processes, Stopwatch

JOBS = int(os.environ.get("JOBS", "10000"))
CLIENTS = 16
WORKERS = 3
WORKER_EVERY_S = 3.0
BROKER_EVERY_S = 20.0
LIMIT_S = 3600.0


def test_no_job_is_lost_while_everything_is_killed(tmp_path: Path) -> None:
    environment = {"QUEUE_MAX_LIVE": str(JOBS + 1), "ATTEMPTS_MAX": "100"}
    with (
        Processes(tmp_path, copies={"worker": WORKERS}, environment=environment) as system,
        Ledger(system) as ledger,
    ):
        stop = threading.Event()
        kills: Counter[str] = Counter()
        workers = system.group("worker")
        numbers = iter(range(JOBS))
        took = threading.Lock()
        body = prediction(deadline_s=3_600)

        def client() -> None:
            while True:
                with took:
                    number = next(numbers, None)
                if number is None:
                    return
                ledger.insist(f"job-{number}", body)
                # Posts are spread over the kills, so that many meet a broker that is away.
                time.sleep(random.uniform(0, 0.1))

        def kill_every(seconds: float, choose: Callable[[], Sequence[str]]) -> None:
            while not stop.wait(seconds):
                for name in choose():
                    if name not in system.gone():
                        system.signal(name, signal.SIGKILL)
                    kills[name] += 1

        with system.kept(*workers, *INFRASTRUCTURE), ThreadPoolExecutor(CLIENTS + 2) as pool:
            begun = Stopwatch()
            killing = [
                pool.submit(kill_every, WORKER_EVERY_S, lambda: [random.choice(workers)]),
                pool.submit(kill_every, BROKER_EVERY_S, lambda: INFRASTRUCTURE),
            ]
            try:
                clients = [pool.submit(client) for _ in range(CLIENTS)]
                for done in clients:
                    done.result(LIMIT_S)
                posted_s = begun()
                eventually(lambda: none_live(ledger), LIMIT_S)
                took_s = begun()
            finally:
                stop.set()
            for done in killing:
                done.result()
        assert len(set(ledger.accepted)) == JOBS
        again = retried(ledger)
        ledger.close(
            f"{JOBS} jobs under kills", posted_s=posted_s, took_s=took_s, kills=dict(kills), **again
        )


def none_live(ledger: Ledger) -> bool:
    try:
        return ledger.store.zcard("live") == 0
    except redis.RedisError:
        return False


def retried(ledger: Ledger) -> dict[str, int]:
    """How many jobs were started more than once, and the most attempts of one."""
    with ledger.store.pipeline(transaction=False) as record:
        for job_id in ledger.accepted:
            record.hmget(f"job:{job_id}", "fence", "attempt")
        found = record.execute()
    return {
        "started_again": sum(int(fence) > 1 for fence, _ in found),
        "most_attempts": max(int(attempt) for _, attempt in found),
    }
