"""Inference that is away, dies, is slow, or is killed by what it is given."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import pytest
from jobs import eventually, image, prediction, tensor
from ledger import Ledger
from models import LEAST, WIDTH, models_with, negative, slow
from processes import FULL, LIMIT_S, SMALL_HEAP, Memory, Processes, Stopwatch, limit

AWAY_S = 60.0 if FULL else 2 * limit("lease_s")
# So many that ten times the load is only a few posts a second.
PRODUCTS = 2_000
WARM_S, OVERLOAD_S = 10.0, 20.0


def test_an_inference_that_is_away_costs_no_attempt(tmp_path: Path) -> None:
    with Processes(tmp_path, copies={"worker": 2}) as system, Ledger(system) as ledger:
        inference = system.first("inference")
        ledger.ends(ledger.accept())
        system.kill(inference)
        for _ in range(50):
            ledger.accept()
        time.sleep(AWAY_S)
        assert ledger.store.zcard("live") == 50
        system.start(inference)
        back = Stopwatch()
        eventually(lambda: ledger.store.zcard("live") == 0, LIMIT_S)
        attempts = {ledger.job(job_id)["attempt"] for job_id in ledger.accepted}
        ledger.close(f"inference away for {AWAY_S:.0f} s", recovered_s=back(), attempts=attempts)
        assert attempts == {"1"}


def test_jobs_in_a_batch_that_dies_run_again(tmp_path: Path) -> None:
    models = models_with(tmp_path, slow=slow(PRODUCTS))
    with (
        Processes(tmp_path, environment={"MODELS_DIR": models}) as system,
        Ledger(system) as ledger,
    ):
        inference = system.first("inference")
        body = prediction(tensor("x", [1, WIDTH], [0.5] * WIDTH), model="slow")
        for _ in range(20):
            ledger.accept(body)
        # One runs, seven wait for it, and the others for those.
        eventually(lambda: system.metric(inference, "inference_queue_length") > 0, LIMIT_S)
        system.kill(inference)
        system.start(inference)
        back = Stopwatch()
        eventually(lambda: ledger.store.zcard("live") == 0, LIMIT_S)
        again = sum(ledger.job(job_id)["attempt"] != "1" for job_id in ledger.accepted)
        ledger.close("inference killed in a batch", recovered_s=back(), run_again=again)
        assert 1 <= again <= limit("worker_concurrency")


def test_an_input_that_does_not_fit_is_dead_at_once(tmp_path: Path) -> None:
    with Processes(tmp_path) as system, Ledger(system) as ledger:
        inference = system.first("inference")
        # The gateway cannot ask what the model takes, so that the worker has to find out.
        system.freeze(inference)
        misfit = ledger.accept(prediction(tensor("picture", [1, 64], [0] * 64)))
        unknown = ledger.accept(prediction(model="nobody"))
        fit = ledger.accept()
        system.thaw(inference)
        for job_id, reason in ((misfit, "invalid-input"), (unknown, "unknown-model")):
            job = ledger.ends(job_id)
            assert (job["status"], job["attempt"]) == ("failed", "1")
            assert job["dead_reason"] == reason
        assert ledger.ends(fit)["status"] == "succeeded"
        dead = ledger.store.zcard("dead")
        ledger.close("two jobs that cannot be run", ends={"succeeded", "failed"}, dead=dead)
        assert dead == 2


@pytest.mark.skipif(platform.machine() != "x86_64", reason="nothing else kills onnxruntime")
def test_a_job_that_kills_inference_dies_alone(tmp_path: Path) -> None:
    models = models_with(tmp_path, negative=negative())
    with (
        Processes(tmp_path, environment={"MODELS_DIR": models}) as system,
        Ledger(system) as ledger,
    ):
        inference = system.first("inference")

        def one(value: float) -> str:
            return ledger.accept(prediction(tensor("x", [1], [value]), model="negative"))

        healthy = [one(value) for value in range(10)]
        with system.kept(inference) as starts:
            poison = one(LEAST)
            healthy += [one(value) for value in range(10, 20)]
            healthy += [ledger.accept() for _ in range(20)]
            job = ledger.ends(poison)
            eventually(lambda: ledger.store.zcard("live") == 0, LIMIT_S)
            # Its connections are closed before it is known to have ended, also the last time.
            eventually(lambda: starts[inference] >= int(job["attempt"]), LIMIT_S)
        attempts = max(int(ledger.job(job_id)["attempt"]) for job_id in healthy)
        ledger.close(
            "a job that kills inference among 40 others", ends={"succeeded", "failed"},
            deaths=starts[inference], attempts=job["attempt"], most_attempts_of_others=attempts,
        )  # fmt: skip
        assert job["status"] == "failed"
        assert int(job["attempt"]) == limit("attempts_max") == starts[inference]
        assert {ledger.job(job_id)["status"] for job_id in healthy} == {"succeeded"}
        # Whoever was in its first batch pays once; after that it runs without neighbours.
        assert attempts <= 2


def test_ten_times_the_load_is_refused_in_time_and_memory_stays_flat(tmp_path: Path) -> None:
    models = models_with(tmp_path, slow=slow(PRODUCTS))
    most = 200
    environment = {"MODELS_DIR": models, "QUEUE_MAX_LIVE": str(most), **SMALL_HEAP}
    with Processes(tmp_path, environment=environment) as system, Ledger(system) as ledger:
        body = prediction(tensor("x", [1, WIDTH], [0.5] * WIDTH), model="slow", deadline_s=2)
        deepest = 0
        ledger.ends(ledger.accept(body | {"deadline_s": 300}))
        names = (system.first("gateway"), system.first("worker"), system.first("inference"))
        with ledger.posting(body, at_once=32):
            # What a process needs for so many requests at once, it has after a while.
            time.sleep(WARM_S)
            begun, warm = Stopwatch(), ledger.posted()
            with Memory(system, *names) as memory:
                while begun() < OVERLOAD_S:
                    deepest = max(deepest, ledger.store.zcard("live"))
                    time.sleep(0.1)
            offered = (ledger.posted() - warm) / begun()
            # A place may be free for a moment.
            [refused] = eventually(
                lambda: [answer for answer in [ledger.post(body)] if answer.status_code == 503]
            )
        eventually(lambda: ledger.store.zcard("live") == 0, LIMIT_S)
        jobs = [ledger.job(job_id)["status"] for job_id in ledger.accepted]
        untaken = sum(ledger.events(job_id) == ["queued", "expired"] for job_id in ledger.accepted)
        served = jobs.count("succeeded") / (WARM_S + OVERLOAD_S)
        ledger.close(
            "far more load than can be served", ends={"succeeded", "expired"},
            offered_per_s=offered, served_per_s=served, deepest=deepest,
            expired_untaken=untaken, memory=memory,
        )  # fmt: skip
        assert offered > 10 * served
        assert refused.status_code == 503
        assert 5 <= int(refused.headers["retry-after"]) <= 10
        assert set(ledger.answers) == {"202", "503 queue-full"}
        assert deepest <= most
        assert untaken > 0
        assert max(memory.growth_mib().values()) < 64


def test_a_job_of_many_rows_survives_them_all(tmp_path: Path) -> None:
    environment = {"CHUNK_ROWS": "1"}
    with (
        Processes(tmp_path, copies={"worker": 2}, environment=environment) as system,
        Ledger(system) as ledger,
    ):
        job_id = ledger.accept(prediction(image(300)))
        eventually(lambda: float(ledger.job(job_id)["progress"]) > 0, LIMIT_S)
        inference = system.first("inference")
        system.kill(inference)
        system.start(inference)
        job = ledger.ends(job_id)
        ledger.close("inference killed in the middle of 300 rows", attempt=job["attempt"])
        assert '"data":[3,3,3' in job["output"].replace(" ", "")
