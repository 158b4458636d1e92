"""Workers that die, freeze, are told to stop, or are given the same job twice."""

from __future__ import annotations

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jobs import TERMINAL, eventually, image, models_with, prediction, tensor
from ledger import Ledger
from processes import LIMIT_S, Processes, Stopwatch, limit

TWO = {"worker": 2}


def test_a_job_whose_worker_is_killed_is_run_by_another(tmp_path: Path) -> None:
    with Processes(tmp_path, copies=TWO) as system, Ledger(system) as ledger:
        inference = system.first("inference")
        # Nothing answers the worker, so that it is in the job for certain when it dies.
        system.freeze(inference)
        job_id = ledger.accept()
        ledger.runs(job_id)
        first = ledger.runner(job_id)
        system.kill(first)
        lost = Stopwatch()
        system.thaw(inference)
        job = ledger.ends(job_id)
        took_s = lost()
        ledger.close("a worker killed in a job", recovered_s=took_s, attempt=job["attempt"])
        assert job["attempt"] == "2"
        assert ledger.events(job_id) == ["queued", "running", "running", "succeeded"]


def test_a_job_longer_than_the_grace_is_given_back_uncounted(tmp_path: Path) -> None:
    environment = {"JOB_TIMEOUT_S": str(3 * limit("worker_grace_s"))}
    with (
        Processes(tmp_path, copies=TWO, environment=environment) as system,
        Ledger(system) as ledger,
    ):
        inference = system.first("inference")
        system.freeze(inference)
        job_id = ledger.accept()
        ledger.runs(job_id)
        first = ledger.runner(job_id)
        system.terminate(first)
        told = Stopwatch()
        assert system.ended(first) == 0
        stopped_s = told()
        assert stopped_s >= limit("worker_grace_s") * 0.9
        system.thaw(inference)
        job = ledger.ends(job_id)
        ledger.close(
            "a worker stopped in a job that is longer than its grace",
            stopped_s=stopped_s, attempt=job["attempt"],
        )  # fmt: skip
        assert job["attempt"] == "1"


def test_a_worker_that_was_frozen_changes_nothing_afterwards(tmp_path: Path) -> None:
    with Processes(tmp_path, copies=TWO) as system, Ledger(system) as ledger:
        inference = system.first("inference")
        system.freeze(inference)
        job_id = ledger.accept()
        ledger.runs(job_id)
        first = ledger.runner(job_id)
        system.freeze(first)
        frozen = Stopwatch()
        # Inference answers the frozen worker now. Its result waits to be written.
        system.thaw(inference)
        job = ledger.ends(job_id)
        took_s = frozen()
        assert ledger.effects(job_id) == ["succeeded"]
        system.thaw(first)
        lost = 'worker_attempts_total{outcome="lost"}'
        # It has read the answer, tried to write it, and was told that the job is not its own.
        eventually(lambda: system.metric(first, lost) == 1, LIMIT_S)
        ledger.close("a worker frozen in a job", recovered_s=took_s, fence=job["fence"])
        assert (job["attempt"], job["fence"]) == ("2", "2")
        assert ledger.job(job_id) == job


def test_a_job_that_is_delivered_many_times_has_one_effect(tmp_path: Path) -> None:
    environment = {"WORKER_CONCURRENCY": "1"}
    with (
        Processes(tmp_path, copies=TWO, environment=environment) as system,
        Ledger(system) as ledger,
    ):
        inference = system.first("inference")
        system.freeze(inference)
        for _ in range(2):
            ledger.runs(ledger.accept(prediction(image(2))))
        # Every worker is busy; each time that the job is due, the relay hands it over again.
        job_id = ledger.accept()
        for _ in range(10):
            ledger.store.zadd("due", {job_id: 0})
            eventually(lambda: ledger.store.zscore("due", job_id) is None, LIMIT_S)
        system.thaw(inference)
        ledger.ends(job_id)
        # What comes after it has been worked through, so its other entries have, too.
        ledger.ends(ledger.accept())
        ledger.close("a job delivered eleven times", starts=ledger.events(job_id).count("running"))
        assert ledger.events(job_id) == ["queued", "running", "succeeded"]


def test_canceling_races_with_everything_and_ends_once(tmp_path: Path) -> None:
    environment = {"CHUNK_ROWS": "10", "ATTEMPTS_MAX": "3", "BACKOFF_BASE_S": "0.05"}
    environment["MODELS_DIR"] = str(models_with(tmp_path, "log"))
    with (
        Processes(tmp_path, copies=TWO, environment=environment) as system,
        Ledger(system) as ledger,
    ):
        # Short, long, and one that always fails: its output, log(0), is no number of JSON.
        bodies = [
            prediction(),
            prediction(image(200)),
            prediction(tensor("x", [1], [0]), model="log"),
        ]
        ledger.ends(ledger.accept())

        def race(number: int) -> tuple[str, int, str]:
            job_id = ledger.accept(bodies[number % 3])
            time.sleep(random.uniform(0, 0.05))
            answer = ledger.client.delete(f"/v1/predictions/{job_id}")
            return job_id, answer.status_code, answer.json()["status"]

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(race, range(201)))
        eventually(lambda: ledger.store.zcard("live") == 0, LIMIT_S)
        ledger.close("201 jobs canceled at any moment", ends=TERMINAL)
        for job_id, code, status in answers:
            # 200: it is over, as the answer says. 202: whoever runs it is told.
            assert code == 202 or ledger.job(job_id)["status"] == status


def test_a_rolling_restart_fails_no_request(tmp_path: Path) -> None:
    copies = {"gateway": 2, "worker": 2}
    with Processes(tmp_path, copies=copies) as system, Ledger(system) as ledger:
        stop = threading.Event()

        def client(number: int) -> None:
            for post in itertools.count():
                if stop.is_set():
                    return
                ledger.insist(f"{number}-{post}")

        restarted = [*system.group("gateway"), *system.group("worker"), system.first("inference")]
        with ThreadPoolExecutor(8) as pool:
            clients = [pool.submit(client, number) for number in range(8)]
            try:
                for name in restarted:
                    answered = len(ledger.accepted)
                    system.terminate(name)
                    assert system.ended(name) == 0, name
                    system.start(name)
                    eventually(lambda: len(ledger.accepted) > answered + 20, LIMIT_S)  # noqa: B023
            finally:
                stop.set()
        for done in clients:
            done.result()
        ledger.close("every process restarted under load", restarted=len(restarted))
