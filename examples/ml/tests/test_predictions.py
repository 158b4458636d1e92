"""What the job API promises, line by line, to clients of a running system."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import redis
from conftest import PRODUCTION, ROOT, System
from jobs import (
    WAIT,
    Json,
    accept,
    eventually,
    find,
    finished,
    frozen,
    image,
    kill,
    models_with,
    pointers,
    post,
    prediction,
    problem_of,
    read,
    restarted,
    running,
    store_of,
    tensor,
    unrunnable,
)

ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
JOB = json.loads((ROOT / "contracts/job.schema.json").read_text(encoding="utf-8"))
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

# Rows go one by one, so that a job can be caught while it runs.
LONG = prediction(image(600))
QUOTA = 12
DEPTH = 3


@pytest.fixture(scope="module")
def jobs(
    start: Callable[..., System], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system whose times are short and whose jobs go row by row."""
    folder = tmp_path_factory.mktemp("predictions")
    system = start(
        MODELS_DIR=str(models_with(folder, "log", "unasked")),
        LOG_LEVEL="info",
        RATE_LIMIT_PER_MINUTE="1000000",
        CHUNK_ROWS="1",
        LEASE_S="3",
        HEARTBEAT_S="1",
        RECLAIM_S="1",
        RELAY_S="0.2",
        ATTEMPTS_MAX="3",
        BACKOFF_BASE_S="0.1",
    )
    system.wait_ready()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def api(jobs: System) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=jobs.first("gateway")["url"], timeout=40) as client:
        yield client


@pytest.fixture(scope="module")
def store(jobs: System) -> Iterator[redis.Redis]:
    with store_of(jobs) as client:
        yield client


@pytest.fixture(scope="module")
def strict(
    start: Callable[..., System], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system as in production, with keys, a small quota and a short queue."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    names = ("alice", "bob", "carol", "dave")
    # The key is its owner's name, doubled.
    lines = [f"{name}:{hashlib.sha256((name * 2).encode()).hexdigest()}\n" for name in names]
    keys.write_text("".join(lines), encoding="utf-8")
    system = start(
        **PRODUCTION,
        API_KEYS_FILE=str(keys),
        ACCEPT_PER_MINUTE=str(QUOTA),
        QUEUE_MAX_LIVE=str(DEPTH),
    )
    system.wait_ready()
    yield system
    system.stop()


def client_of(system: System, name: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {name * 2}"}
    return httpx2.Client(base_url=system.first("gateway")["url"], headers=headers, timeout=40)


def moment(text: str) -> datetime:
    assert TIME.fullmatch(text), text
    return datetime.fromisoformat(text)


# 201 and 202


def test_a_job_that_ends_within_the_wait_is_answered_with_201(api: httpx2.Client) -> None:
    answer = post(api, prediction(), prefer="wait=20")
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/v1/predictions/{job['id']}"
    assert answer.headers["preference-applied"] == "wait=20"
    assert answer.headers["vary"] == "Prefer"
    assert "retry-after" not in answer.headers
    assert job["status"] == "succeeded"
    label, probabilities = job["output"]["outputs"]
    assert label == {"name": "label", "shape": [1], "datatype": "INT64", "data": [3]}
    assert probabilities["shape"] == [1, 10]
    assert sum(probabilities["data"]) == pytest.approx(1, abs=1e-3)
    assert api.get(answer.headers["location"]).json() == job


def test_a_job_that_fails_within_the_wait_is_answered_with_201_too(api: httpx2.Client) -> None:
    answer = post(api, unrunnable(), prefer="wait=20")
    assert answer.status_code == 201
    job = answer.json()
    assert (job["status"], job["attempt"], job["output"]) == ("failed", 1, None)
    assert job["error"]["status"] == 422
    faults = job["error"]["errors"]
    assert [fault["pointer"] for fault in faults] == ["/parameters/binary_data_output"]


def test_a_job_that_is_not_waited_for_is_answered_with_202(api: httpx2.Client) -> None:
    answer = post(api, prediction(), prefer="respond-async")
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/predictions/{answer.json()['id']}"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["vary"] == "Prefer"
    assert finished(api, answer.json()["id"])["status"] == "succeeded"


def test_a_wait_that_ends_before_the_job_is_answered_with_202(
    jobs: System, api: httpx2.Client
) -> None:
    with frozen(jobs, "worker"):
        begun = time.monotonic()
        answer = post(api, prediction(), prefer="wait=1")
        assert 1 <= time.monotonic() - begun < 5
    assert answer.status_code == 202
    assert answer.headers["retry-after"] == "1"
    assert "preference-applied" not in answer.headers
    assert answer.json()["status"] == "queued"
    assert finished(api, answer.json()["id"])["status"] == "succeeded"


@pytest.mark.parametrize("prefer", ["wait=soon", "wait=-1", "wait", "wait=1.5", "handling=lenient"])
def test_an_invalid_preference_is_ignored(api: httpx2.Client, prefer: str) -> None:
    answer = post(api, prediction(), prefer=prefer)
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers
    assert answer.headers["vary"] == "Prefer"


def test_an_excessive_wait_is_shortened(api: httpx2.Client) -> None:
    answer = post(api, prediction(), prefer="wait=999999")
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "wait=30"


def test_a_disconnect_does_not_cancel_what_was_accepted(
    jobs: System, api: httpx2.Client, store: redis.Redis
) -> None:
    with frozen(jobs, "worker"):
        before = set(store.zrange("live", 0, -1))
        with pytest.raises(httpx2.ReadTimeout):
            api.post("/v1/predictions", json=prediction(), headers=WAIT, timeout=1)
        (job_id,) = set(store.zrange("live", 0, -1)) - before
    assert finished(api, job_id)["status"] == "succeeded"


# The job


def has_the_fields_of_a_job(document: Json) -> bool:
    return set(JOB["required"]) <= document.keys() <= JOB["properties"].keys()


def test_a_job_says_everything_about_itself(jobs: System, api: httpx2.Client) -> None:
    with frozen(jobs, "worker"):
        queued = post(api, prediction(deadline_s=60)).json()
        assert read(api, queued["id"]) == queued
    assert has_the_fields_of_a_job(queued)
    assert ULID.fullmatch(queued["id"])
    assert re.fullmatch(r"[0-9a-f]{32}", queued["trace_id"])
    assert moment(queued["deadline_at"]) - moment(queued["created_at"]) == timedelta(seconds=60)
    assert (queued["status"], queued["model"]) == ("queued", "digits")
    assert (queued["attempt"], queued["progress"]) == (1, 0)
    later = ("model_version", "started_at", "finished_at", "expires_at", "output", "error")
    assert all(queued[name] is None for name in later)
    assert queued["links"]["self"] == f"/v1/predictions/{queued['id']}"

    job = finished(api, queued["id"])
    assert has_the_fields_of_a_job(job)
    assert (job["status"], job["progress"], job["attempt"]) == ("succeeded", 1, 1)
    assert (job["model_version"], job["error"], job["redriven_from"]) == ("1", None, None)
    times = [moment(job[name]) for name in ("created_at", "started_at", "finished_at")]
    assert times == sorted(times)
    assert moment(job["expires_at"]) - moment(job["finished_at"]) == timedelta(days=1)
    for name in ("id", "created_at", "deadline_at", "links", "trace_id"):
        assert job[name] == queued[name]


def test_a_deadline_is_ten_minutes_unless_given(api: httpx2.Client) -> None:
    job = post(api, prediction()).json()
    assert moment(job["deadline_at"]) - moment(job["created_at"]) == timedelta(minutes=10)


def test_one_trace_runs_through_all_services(jobs: System, api: httpx2.Client) -> None:
    trace = hashlib.sha256(str(time.time_ns()).encode()).hexdigest()[:32]
    answer = post(api, prediction(), traceparent=f"00-{trace}-00f067aa0ba902b7-01", **WAIT)
    assert answer.json()["trace_id"] == trace

    def services() -> bool:
        lines = [line for line in jobs.log().splitlines() if trace in line]
        names = {line.split(" ", 1)[0] for line in lines}
        groups = {entry["group"] for name, entry in jobs.processes.items() if name in names}
        return groups >= {"gateway", "worker", "inference"}

    assert eventually(services)


def test_a_trace_that_is_not_valid_is_replaced(api: httpx2.Client) -> None:
    zeros = "0" * 32
    job = post(api, prediction(), traceparent=f"00-{zeros}-00f067aa0ba902b7-01").json()
    assert job["trace_id"] != zeros
    assert re.fullmatch(r"[0-9a-f]{32}", job["trace_id"])


# Idempotency


def test_the_same_key_and_body_is_answered_by_the_same_job(api: httpx2.Client) -> None:
    first = post(api, prediction(), idempotency_key="same-1", **WAIT)
    assert first.status_code == 201
    assert "idempotency-replayed" not in first.headers
    # The order of names and the space between them make no other body.
    reordered = json.dumps(dict(reversed(prediction().items())), indent=2)
    again = api.post(
        "/v1/predictions",
        content=reordered,
        headers={"Content-Type": "application/json", "Idempotency-Key": "same-1"},
    )
    assert again.status_code == 200
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json()


def test_a_replay_shows_the_job_as_it_is_and_waits_if_asked(
    jobs: System, api: httpx2.Client
) -> None:
    with frozen(jobs, "worker"):
        job_id = accept(api, prediction(), idempotency_key="same-2")
        now = post(api, prediction(), idempotency_key="same-2")
        assert now.status_code == 200
        assert now.headers["idempotency-replayed"] == "true"
        assert now.headers["retry-after"] == "1"
        assert (now.json()["id"], now.json()["status"]) == (job_id, "queued")
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(post, api, prediction(), idempotency_key="same-2", **WAIT)
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
            kill(jobs, "worker", signal.SIGCONT)
            answer = waiting.result()
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=30"
    assert (answer.json()["id"], answer.json()["status"]) == (job_id, "succeeded")


def test_one_key_posted_50_times_at_once_makes_one_job(
    api: httpx2.Client, store: redis.Redis
) -> None:
    before = jobs_in(store)
    together = threading.Barrier(50)

    def one(_number: int) -> httpx2.Response:
        together.wait()
        return post(api, prediction(), idempotency_key="at-once")

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [202]
    ids = {answer.json()["id"] for answer in answers}
    assert jobs_in(store) - before == ids
    assert len(ids) == 1
    assert finished(api, ids.pop())["status"] == "succeeded"


def jobs_in(store: redis.Redis) -> set[str]:
    keys = store.scan_iter("job:*", count=1_000)
    return {key.removeprefix("job:") for key in keys if not key.endswith(":events")}


def test_the_same_key_with_another_body_is_refused(api: httpx2.Client) -> None:
    accept(api, prediction(), idempotency_key="reused")
    answer = post(api, prediction(image(2)), idempotency_key="reused")
    assert answer.status_code == 422
    assert problem_of(answer) == "idempotency-key-reuse"


def test_a_key_of_255_characters_is_taken_and_a_longer_one_not(api: httpx2.Client) -> None:
    accept(api, prediction(), idempotency_key="k" * 255)
    answer = post(api, prediction(), idempotency_key="k" * 256)
    assert answer.status_code == 422
    assert problem_of(answer) == "invalid-header"
    assert pointers(answer) == ["/idempotency-key"]


# 400, 413, 415 and 422


@pytest.mark.parametrize(
    "content",
    ["{", "", '{"model":"digits","input":NaN}', json.dumps(prediction()) + "}"],
)
def test_what_is_not_json_is_refused_with_400(api: httpx2.Client, content: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.post("/v1/predictions", content=content.encode(), headers=headers)
    assert answer.status_code == 400
    problem_of(answer)


def test_a_value_that_is_not_a_number_is_refused_with_400(api: httpx2.Client) -> None:
    content = json.dumps(prediction(tensor("image", [1, 64], [float("nan")] * 64)))
    assert "NaN" in content
    headers = {"Content-Type": "application/json"}
    assert api.post("/v1/predictions", content=content, headers=headers).status_code == 400


def test_a_body_of_more_than_a_mebibyte_is_refused_with_413(api: httpx2.Client) -> None:
    body = json.dumps(prediction()).encode()
    headers = {"Content-Type": "application/json"}
    limit = 1 << 20
    assert api.post("/v1/predictions", content=body.ljust(limit), headers=headers).is_success
    answer = api.post("/v1/predictions", content=body.ljust(limit + 1), headers=headers)
    assert answer.status_code == 413
    assert problem_of(answer) == "body-too-large"


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "multipart/form-data"])
def test_another_media_type_is_refused_with_415(api: httpx2.Client, media: str) -> None:
    content = json.dumps(prediction())
    answer = api.post("/v1/predictions", content=content, headers={"Content-Type": media})
    assert answer.status_code == 415
    assert problem_of(answer) == "unsupported-media-type"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": {"inputs": [image()]}}, ["/model"]),
        (prediction(model="../digits"), ["/model"]),
        ({"model": "digits"}, ["/input"]),
        ({"model": "digits", "input": {"inputs": []}}, ["/input/inputs"]),
        (prediction({"name": "image"}), [f"/input/inputs/0/{n}" for n in ("shape", "datatype")]),
        (prediction(deadline_s=0), ["/deadline_s"]),
        (prediction(deadline_s="soon"), ["/deadline_s"]),
        (prediction(deadline_s=86_401), ["/deadline_s"]),
        ([], [""]),
    ],
)
def test_a_body_off_its_schema_is_refused_with_pointers(
    api: httpx2.Client, body: Json, expected: list[str]
) -> None:
    answer = post(api, body)
    assert answer.status_code == 422
    assert problem_of(answer) == "invalid-body"
    assert set(expected) <= set(pointers(answer))


def test_an_unknown_model_is_refused(api: httpx2.Client) -> None:
    answer = post(api, prediction(model="nobody"))
    assert answer.status_code == 422
    assert problem_of(answer) == "invalid-body"
    assert pointers(answer) == ["/model"]


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        (tensor("picture", [1, 64], [0] * 64), "/input/inputs/0/name"),
        (tensor("image", [1, 64], [0] * 64, "INT64"), "/input/inputs/0/datatype"),
        (tensor("image", [1, 64], [0] * 64, "FP128"), "/input/inputs/0/datatype"),
        (tensor("image", [1, 63], [0] * 63), "/input/inputs/0/shape"),
        (tensor("image", [64], [0] * 64), "/input/inputs/0/shape"),
        (tensor("image", [-1, 64], [0] * 64), "/input/inputs/0/shape/0"),
        (tensor("image", [2, 64], [0] * 64), "/input/inputs/0/data"),
        (tensor("image", [1, 64], [[0] * 63]), "/input/inputs/0/data/0"),
        (tensor("image", [1, 64], [*[0] * 63, "0"]), "/input/inputs/0/data/63"),
        (tensor("image", [1, 64], [*[0] * 63, None]), "/input/inputs/0/data/63"),
    ],
)
def test_an_input_that_does_not_fit_the_model_is_refused(
    api: httpx2.Client, given: Json, pointer: str
) -> None:
    answer = post(api, prediction(given))
    assert answer.status_code == 422
    assert problem_of(answer) == "invalid-body"
    assert pointer in pointers(answer)


def test_data_may_be_nested_as_its_shape_says(api: httpx2.Client) -> None:
    row = image()["data"]
    answer = post(api, prediction(tensor("image", [2, 64], [row, row])), **WAIT)
    assert answer.json()["output"]["outputs"][0]["data"] == [3, 3]


def test_while_inference_does_not_answer_the_worker_decides(
    jobs: System, api: httpx2.Client
) -> None:
    good = prediction(tensor("x", [2], [1, 1]), model="unasked")
    bad = prediction(tensor("z", [2], [1, 1]), model="unasked")
    with frozen(jobs, "inference"), ThreadPoolExecutor() as pool:
        ids = list(pool.map(lambda body: accept(api, body), [good, bad, prediction(model="no")]))
    done, misfit, unknown = (finished(api, job_id) for job_id in ids)
    assert done["status"] == "succeeded"
    assert done["output"]["outputs"][0]["data"] == [0, 0]
    assert (misfit["status"], misfit["attempt"]) == ("failed", 1)
    assert "/inputs/0/name" in [error["pointer"] for error in misfit["error"]["errors"]]
    assert (unknown["status"], unknown["attempt"]) == ("failed", 1)
    assert unknown["error"]["type"] == "/problems/unknown-model"


def test_an_inference_that_is_down_costs_no_attempt(jobs: System, api: httpx2.Client) -> None:
    assert post(api, prediction(), **WAIT).is_success
    pid = kill(jobs, "inference")
    eventually(lambda: not listens(jobs, "inference"))
    job = post(api, prediction(), **WAIT).json()
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    restarted(jobs, "inference", pid)


def listens(system: System, name: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", find(system, name)["port"])) == 0


# 429 and 503


def test_a_callers_quota_is_its_own(strict: System) -> None:
    with client_of(strict, "alice") as alice, client_of(strict, "bob") as bob:
        for _ in range(QUOTA):
            assert post(alice, prediction(), **WAIT).status_code == 201
        refused = post(alice, prediction(), **WAIT)
        assert refused.status_code == 429
        assert problem_of(refused) == "quota-exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert post(bob, prediction(), **WAIT).status_code == 201


def test_a_full_queue_refuses_and_forgets_nothing(strict: System) -> None:
    with client_of(strict, "carol") as carol:
        with frozen(strict, "worker"):
            ids = [accept(carol, prediction()) for _ in range(DEPTH)]
            refused = post(carol, prediction(), **WAIT)
        assert refused.status_code == 503
        assert problem_of(refused) == "queue-full"
        assert 5 <= int(refused.headers["retry-after"]) <= 10
        assert {finished(carol, job_id)["status"] for job_id in ids} == {"succeeded"}
        assert post(carol, prediction(), **WAIT).status_code == 201


def test_a_state_store_that_hangs_is_told_and_heals(
    jobs: System, api: httpx2.Client, store: redis.Redis
) -> None:
    before = jobs_in(store)
    with frozen(jobs, "redis"):
        refused = post(api, prediction(), idempotency_key="hang", **WAIT)
        assert api.get(f"/v1/predictions/{UNKNOWN}").status_code == 503
        assert api.get("/livez").status_code == 200
        assert api.get("/readyz").status_code == 200
    assert refused.status_code == 503
    assert problem_of(refused) == "broker-unavailable"
    assert 5 <= int(refused.headers["retry-after"]) <= 10
    # Whether the refused one ran is not known: with the same key it is one job in the end.
    healed = eventually(lambda: succeeded(post(api, prediction(), idempotency_key="hang", **WAIT)))
    assert healed["status"] == "succeeded"
    assert jobs_in(store) - before == {healed["id"]}


def succeeded(answer: httpx2.Response) -> Json:
    """The job of an answer of 2xx; nothing while there is none."""
    return answer.json() if answer.is_success else {}


def test_a_state_store_that_dies_keeps_what_was_accepted(jobs: System, api: httpx2.Client) -> None:
    with frozen(jobs, "worker"):
        ids = [accept(api, prediction()) for _ in range(10)]
        pid = kill(jobs, "redis")
        eventually(lambda: not listens(jobs, "redis"))
        refused = post(api, prediction())
        assert (refused.status_code, problem_of(refused)) == (503, "broker-unavailable")
        restarted(jobs, "redis", pid)
    eventually(lambda: api.get(f"/v1/predictions/{UNKNOWN}").status_code == 404)
    assert [finished(api, job_id)["status"] for job_id in ids] == ["succeeded"] * 10


def test_a_gateway_that_drains_answers_the_waiting_and_refuses_the_rest(
    jobs: System, api: httpx2.Client
) -> None:
    address = ("127.0.0.1", find(jobs, "gateway")["port"])
    body = json.dumps(prediction()).encode()
    with (
        socket.create_connection(address, timeout=20) as late,
        ThreadPoolExecutor() as pool,
        frozen(jobs, "worker"),
    ):
        waiting = pool.submit(post, api, prediction(), idempotency_key="drained", **WAIT)
        eventually(lambda: post(api, prediction(), idempotency_key="drained").status_code == 200)
        # A request that has begun keeps its connection open, but it is not taken any more.
        late.sendall(b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\n")
        pid = kill(jobs, "gateway", signal.SIGTERM)
        answer = waiting.result(10)
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        late.sendall(head.encode() + body)
        refusal = b"".join(iter(lambda: late.recv(65_536), b"")).decode()
    restarted(jobs, "gateway", pid)
    # Whoever of the two had come first, both were told of the same job before it was done.
    assert answer.status_code in (200, 202)
    assert answer.json()["status"] == "queued"
    assert refusal.startswith("HTTP/1.1 503 ")
    assert "/problems/draining" in refusal
    assert re.search(r"^retry-after: ([5-9]|10)\r$", refusal, re.IGNORECASE | re.MULTILINE)
    assert "exited with status 0" in jobs.log()
    assert finished(api, answer.json()["id"])["status"] == "succeeded"


# GET and DELETE


@pytest.mark.parametrize("job_id", [UNKNOWN, UNKNOWN.lower(), "1", "%00", "a" * 90])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_job_is_not_found(api: httpx2.Client, method: str, job_id: str) -> None:
    answer = api.request(method, f"/v1/predictions/{job_id}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/not-found"


def test_reading_a_job_can_wait_for_its_end(jobs: System, api: httpx2.Client) -> None:
    with frozen(jobs, "worker"):
        path = f"/v1/predictions/{accept(api, prediction())}"
        early = api.get(path, headers={"Prefer": "wait=1"})
        assert (early.status_code, early.json()["status"]) == (200, "queued")
        assert early.headers["retry-after"] == "1"
    late = api.get(path, headers=WAIT)
    assert (late.status_code, late.json()["status"]) == (200, "succeeded")
    assert late.headers["preference-applied"] == "wait=30"
    assert late.headers["vary"] == "Prefer"
    assert "retry-after" not in late.headers


def test_a_queued_job_is_canceled_at_once(
    jobs: System, api: httpx2.Client, store: redis.Redis
) -> None:
    with frozen(jobs, "worker"):
        job_id = accept(api, prediction())
        answer = api.delete(f"/v1/predictions/{job_id}")
        assert answer.status_code == 200
        assert answer.json()["status"] == "canceled"
        assert moment(answer.json()["finished_at"])
    # The worker has gone on to what came later, and has left this one as it was.
    assert post(api, prediction(), **WAIT).json()["status"] == "succeeded"
    assert events(store, job_id) == ["queued", "canceled"]


def test_a_running_job_is_canceled_soon(api: httpx2.Client, store: redis.Redis) -> None:
    job_id = accept(api, LONG)
    running(api, job_id)
    answer = api.delete(f"/v1/predictions/{job_id}")
    assert answer.status_code == 202
    # The answer is the job as it is now: between two chunks the worker may have seen it already.
    assert answer.json()["status"] in {"running", "canceled"}
    job = finished(api, job_id)
    assert (job["status"], job["output"]) == ("canceled", None)
    assert 0 < job["progress"] < 1
    assert events(store, job_id)[-1] == "canceled"


def test_a_job_that_has_ended_stays_as_it_is(api: httpx2.Client) -> None:
    job = post(api, prediction(), **WAIT).json()
    for _ in range(2):
        answer = api.delete(f"/v1/predictions/{job['id']}")
        assert answer.status_code == 200
        assert answer.json() == job


def events(store: redis.Redis, job_id: str) -> list[str]:
    return [fields["type"] for _, fields in store.xrange(f"job:{job_id}:events")]


# Deadlines


def test_a_job_that_nobody_took_expires(
    jobs: System, api: httpx2.Client, store: redis.Redis
) -> None:
    with frozen(jobs, "worker"):
        job = finished(api, accept(api, prediction(deadline_s=1)))
    assert (job["status"], job["started_at"], job["output"]) == ("expired", None, None)
    late = moment(job["finished_at"]) - moment(job["deadline_at"])
    assert timedelta(0) <= late < timedelta(seconds=3)
    # It is never run, also not by the worker that finds its entry afterwards.
    assert post(api, prediction(), **WAIT).json()["status"] == "succeeded"
    assert events(store, job["id"]) == ["queued", "expired"]


def test_a_job_that_runs_expires_too(jobs: System, api: httpx2.Client, store: redis.Redis) -> None:
    job_id = accept(api, prediction(image(4_000), deadline_s=5))
    running(api, job_id)
    # However fast this machine is, the job does not come to its end.
    with frozen(jobs, "inference"):
        job = finished(api, job_id)
    assert (job["status"], job["output"]) == ("expired", None)
    assert job["started_at"]
    assert job["progress"] < 1
    assert events(store, job["id"])[-1] == "expired"


# Attempts


def test_a_job_whose_worker_is_killed_is_run_again(
    jobs: System, api: httpx2.Client, store: redis.Redis
) -> None:
    job_id = accept(api, LONG)
    assert running(api, job_id)["attempt"] == 1
    pid = kill(jobs, "worker")
    job = finished(api, job_id)
    assert (job["status"], job["attempt"], job["progress"]) == ("succeeded", 2, 1)
    assert job["output"]["outputs"][0] == tensor("label", [600], [3] * 600, "INT64")
    kinds = [kind for kind in events(store, job_id) if kind != "progress"]
    assert kinds == ["queued", "running", "running", "succeeded"]
    restarted(jobs, "worker", pid)


def test_a_job_that_always_fails_is_dead_after_its_attempts(
    api: httpx2.Client, store: redis.Redis
) -> None:
    impossible = prediction(tensor("x", [1], [0]), model="log")
    job = post(api, impossible, **WAIT).json()
    assert (job["status"], job["attempt"]) == ("failed", 3)
    assert job["error"]["type"] == "/problems/invalid-output"
    assert job["error"]["status"] == 500
    assert store.zscore("dead", job["id"]) is not None
    kinds = events(store, job["id"])
    assert kinds == ["queued", "running"] * 3 + ["failed"]


# Callers


def test_without_a_key_nobody_gets_in(strict: System) -> None:
    url = strict.first("gateway")["url"]
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}):
        answer = httpx2.post(f"{url}/v1/predictions", json=prediction(), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert problem_of(answer) == "unauthorized"
        assert httpx2.get(f"{url}/v1/predictions/{UNKNOWN}", headers=headers).status_code == 401
    assert httpx2.get(f"{url}/livez").status_code == 200


def test_a_foreign_job_is_not_there(strict: System) -> None:
    with client_of(strict, "bob") as bob, client_of(strict, "dave") as dave:
        with frozen(strict, "worker"):
            job = post(bob, prediction()).json()
            path = f"/v1/predictions/{job['id']}"
            for method in ("GET", "DELETE"):
                answer = dave.request(method, path)
                assert (answer.status_code, problem_of(answer)) == (404, "not-found")
            assert bob.get(path).json() == job
        assert finished(bob, job["id"])["status"] == "succeeded"


def test_idempotency_keys_are_per_caller(strict: System) -> None:
    with client_of(strict, "bob") as bob, client_of(strict, "dave") as dave:
        mine = post(bob, prediction(), idempotency_key="shared", **WAIT)
        yours = post(dave, prediction(), idempotency_key="shared", **WAIT)
    assert (mine.status_code, yours.status_code) == (201, 201)
    assert mine.json()["id"] != yours.json()["id"]


def test_production_without_keys_does_not_start(start: Callable[..., System]) -> None:
    system = start(**PRODUCTION)
    assert system.wait_end() == 1
    assert "API_KEYS_FILE" in system.log()


def test_keys_that_cannot_be_read_do_not_let_it_start(
    start: Callable[..., System], tmp_path: Path
) -> None:
    system = start(API_KEYS_FILE=str(tmp_path / "nowhere"))
    assert system.wait_end() == 1
    assert "nowhere" in system.log()
