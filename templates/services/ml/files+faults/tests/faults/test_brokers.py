"""The state store, and a broker beside it, that die, are away, or are full."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from hints import no_hints
from jobs import eventually, prediction, problem_of
from ledger import Ledger
from processes import INFRASTRUCTURE, LIMIT_S, Processes, Stopwatch

POSTS = 500
# `appendfsync everysec` writes a second late and, while the disk hangs, two more.
HUNG_S = 1.5


def refusals(name: str) -> set[str]:
    """What a post may be answered while `name` is away, beside 202."""
    # Without its broker a job waits in the state store; without that nothing can be promised.
    return {"503 broker-unavailable"} if name == "redis" else set()


@pytest.mark.parametrize("name", INFRASTRUCTURE)
def test_what_was_accepted_outlives_a_kill_under_load(tmp_path: Path, name: str) -> None:
    with Processes(tmp_path, copies={"worker": 2}) as system, Ledger(system) as ledger:
        with ledger.posting():
            eventually(lambda: ledger.posted() > POSTS // 2, LIMIT_S)
            # What a server answers before it has written is lost if it dies while its disk hangs.
            with system.hung_disk(name):
                time.sleep(HUNG_S)
                system.kill(name)
            away = Stopwatch()
            killed = ledger.posted()
            eventually(lambda: ledger.posted() > killed + POSTS // 5, LIMIT_S)
        system.start(name)
        away_s = away()
        back = Stopwatch()
        eventually(lambda: ledger.post().is_success, LIMIT_S)
        took_s = back()
        ledger.close(
            f"{name} killed under load while its disk hangs",
            away_s=away_s,
            writes_again_after_s=took_s,
        )
        assert set(ledger.answers) - {"202"} <= refusals(name)


@pytest.mark.parametrize("name", INFRASTRUCTURE)
def test_it_starts_without_and_heals_by_itself(tmp_path: Path, name: str) -> None:
    with Processes(tmp_path, down=(name,)) as system, Ledger(system) as ledger:
        answer = ledger.post(prediction())
        assert ledger.client.get("/livez").status_code == 200
        assert ledger.client.get("/readyz").status_code == 200
        if refusals(name):
            assert (answer.status_code, problem_of(answer)) == (503, "broker-unavailable")
            assert 5 <= int(answer.headers["retry-after"]) <= 10
        else:
            assert answer.status_code == 202
        assert not system.gone()
        system.start(name)
        back = Stopwatch()
        eventually(lambda: ledger.post().is_success, LIMIT_S)
        ledger.ends(ledger.accepted[-1])
        ledger.close(f"{name} down at boot", healed_after_s=back())


def test_a_full_queue_refuses_and_finishes_what_it_has(tmp_path: Path) -> None:
    most = 20
    environment = {"QUEUE_MAX_LIVE": str(most)}
    with Processes(tmp_path, environment=environment) as system, Ledger(system) as ledger:
        inference = system.first("inference")
        ledger.ends(ledger.accept())
        system.freeze(inference)
        answers = [ledger.post() for _ in range(most + 10)]
        for answer in answers[most:]:
            assert (answer.status_code, problem_of(answer)) == (503, "queue-full")
            assert 5 <= int(answer.headers["retry-after"]) <= 10
        system.thaw(inference)
        ledger.ends(ledger.accepted[-1])
        ledger.accept()
        ledger.close(f"{most + 10} posts at a queue of {most}")
        assert ledger.answers["202"] == most + 2


def test_full_memory_refuses_and_finishes_what_it_has(tmp_path: Path) -> None:
    with Processes(tmp_path) as system, Ledger(system) as ledger:
        inference = system.first("inference")
        # An old result, which is the first to give way, and its key with it.
        old = ledger.accept(idempotency_key="old")
        ledger.ends(old)
        system.freeze(inference)
        used = ledger.store.info("memory")["used_memory"]
        ledger.store.config_set("maxmemory", used + (8 << 20))
        large = prediction()
        large["input"]["parameters"] = {"remark": "x" * 100_000}
        answers: list[httpx2.Response] = []
        while not answers or answers[-1].is_success:
            assert len(answers) < 1_000, "memory never fills"
            answers.append(ledger.post(large))
        refused = answers[-1]
        assert refused.status_code == 503
        assert 5 <= int(refused.headers["retry-after"]) <= 10
        assert not ledger.job(old)
        ledger.accepted.remove(old)
        system.thaw(inference)
        eventually(lambda: ledger.store.zcard("live") == 0, LIMIT_S)
        assert ledger.accept(idempotency_key="old") != old
        eventually(lambda: ledger.store.zcard("live") == 0, LIMIT_S)
        # Each has ended once, also what had to make room since.
        assert int(str(ledger.store.get("ended"))) == 1 + len(ledger.accepted)
        kept = [job_id for job_id in ledger.accepted if ledger.job(job_id)]
        forgotten = len(ledger.accepted) - len(kept)
        ledger.accepted = kept
        ledger.close("posts until memory is full", forgotten=forgotten)


def test_lost_hints_delay_and_lose_nothing(tmp_path: Path) -> None:
    with Processes(tmp_path) as system, Ledger(system) as ledger:
        inference = system.first("inference")
        ledger.ends(ledger.accept())
        system.freeze(inference)
        with no_hints(system.url("redis")), ThreadPoolExecutor(20) as pool:
            waiting = [pool.submit(ledger.post, prefer="wait=30") for _ in range(20)]
            eventually(lambda: ledger.store.zcard("live") == 20, LIMIT_S)
            system.thaw(inference)
            thawed = Stopwatch()
            statuses = {done.result().status_code for done in waiting}
            took_s = thawed()
        ledger.close("20 waits whose hints are lost", told_after_s=took_s)
        assert statuses == {201}
        # By the poll of each second. Without it they are told when their 30 s are over.
        assert took_s < 15


def test_one_key_posted_fifty_times_at_once_is_one_job(tmp_path: Path) -> None:
    with Processes(tmp_path, copies={"gateway": 2}) as system, Ledger(system) as ledger:
        together = threading.Barrier(50)

        def one(number: int) -> httpx2.Response:
            together.wait()
            return ledger.post(url=ledger.urls[number % 2], idempotency_key="the-same")

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(one, range(50)))
        ledger.close("one key posted 50 times at once, to two gateways")
        assert sorted(answer.status_code for answer in answers) == [200] * 49 + [202]
        assert len(set(ledger.accepted)) == 1
