"""What the tests of predictions share: requests, models, and processes that freeze or die."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import onnx
import redis
from conftest import ROOT, System
from onnx import TensorProto, helper

Json = dict[str, Any]
Found = TypeVar("Found")

LIMIT_S = 60.0
WAIT = {"Prefer": "wait=30"}
TERMINAL = {"succeeded", "failed", "canceled", "expired"}

# A three, as it is drawn in models/digits/1/sample.json: 8 rows of 8 pixels from 0 to 16.
THREE = [
    *(0, 0, 9, 16, 10, 1, 0, 0),
    *(0, 0, 8, 3, 16, 4, 0, 0),
    *(0, 0, 0, 5, 14, 2, 0, 0),
    *(0, 0, 2, 16, 15, 7, 0, 0),
    *(0, 0, 0, 0, 3, 15, 2, 0),
    *(0, 4, 6, 0, 0, 13, 7, 0),
    *(0, 6, 13, 1, 5, 16, 3, 0),
    *(0, 0, 10, 16, 15, 5, 0, 0),
]


def tensor(name: str, shape: list[int], data: list[Any], datatype: str = "FP32") -> Json:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def image(rows: int = 1) -> Json:
    """The digits model's input: `rows` times a three."""
    return tensor("image", [rows, 64], THREE * rows)


def prediction(*inputs: Json, model: str = "digits", **more: Any) -> Json:
    """The body of a prediction; of one three if no inputs are given."""
    return {"model": model, "input": {"inputs": list(inputs) or [image()]}, **more}


def unrunnable() -> Json:
    """The body of a prediction that is accepted and never run: a job's result has to be JSON."""
    body = prediction()
    body["input"]["parameters"] = {"binary_data_output": True}
    return body


def eventually(look: Callable[[], Found], limit_s: float = LIMIT_S) -> Found:
    """What `look` returns, once that is true."""
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {limit_s:.0f} s"
        time.sleep(0.02)
    return found


def post(client: httpx2.Client, body: Json, **headers: str) -> httpx2.Response:
    """Posts a prediction. Headers are named in Python's way: `idempotency_key`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/v1/predictions", json=body, headers=named)


def accept(client: httpx2.Client, body: Json, **headers: str) -> str:
    """Posts a prediction that is not waited for; its id."""
    answer = post(client, body, **headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def read(client: httpx2.Client, job_id: str) -> Json:
    job: Json = client.get(f"/v1/predictions/{job_id}").raise_for_status().json()
    return job


def finished(client: httpx2.Client, job_id: str) -> Json:
    """The job, once it is terminal."""

    def look() -> Json | None:
        answer = client.get(f"/v1/predictions/{job_id}", headers=WAIT)
        job: Json = answer.raise_for_status().json()
        return job if job["status"] in TERMINAL else None

    found = eventually(look)
    assert found is not None
    return found


def running(client: httpx2.Client, job_id: str) -> Json:
    """The job, once a part of it is done."""

    def look() -> Json | None:
        job = read(client, job_id)
        assert job["status"] in {"queued", "running"}, job
        return job if job["progress"] > 0 else None

    found = eventually(look)
    assert found is not None
    return found


def problem_of(answer: httpx2.Response) -> str:
    """Which problem it is; checks the form of its document."""
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["instance"] == answer.request.url.path
    return str(problem["type"]).removeprefix("/problems/")


def pointers(answer: httpx2.Response) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


def find(system: System, name: str) -> Json:
    """Where a process is now, by its name or by its group."""
    system.reload()
    return system.processes.get(name) or system.first(name)


def store_of(system: System) -> redis.Redis:
    """The system's state store."""
    return redis.Redis.from_url(system.processes["redis"]["url"], decode_responses=True)


@contextmanager
def frozen(system: System, name: str) -> Iterator[None]:
    """A process, or all of a group, does nothing meanwhile, and its sockets stay open."""
    system.reload()
    processes = system.processes.items()
    pids = [entry["pid"] for own, entry in processes if name in (own, entry["group"])]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def kill(system: System, name: str, number: signal.Signals = signal.SIGKILL) -> int:
    """Ends a process, which tools/dev.py then starts again; returns the pid that it had."""
    pid = int(find(system, name)["pid"])
    os.kill(pid, number)
    return pid


def restarted(system: System, name: str, pid: int) -> None:
    """Returns when another process has taken the place of `pid` and is ready."""
    eventually(lambda: find(system, name)["pid"] not in (None, pid))


def models_with(folder: Path, *names: str) -> Path:
    """A models folder with the project's models, and one more, `y = log(x)`, for each name."""
    shipped = next((ROOT / "services").glob("*/models/digits")).parent
    shutil.copytree(shipped, folder / "models")
    for name in names:
        place = folder / "models" / name / "1"
        place.mkdir(parents=True)
        onnx.save(_logarithm(), place / "model.onnx")
    return folder / "models"


def _logarithm() -> onnx.ModelProto:
    """Any number of values in, as many out. The logarithm of 0 is none that JSON has."""
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("x", "y")
    }
    node = helper.make_node("Log", ["x"], ["y"])
    graph = helper.make_graph([node], "logarithm", [values["x"]], [values["y"]])
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10)
