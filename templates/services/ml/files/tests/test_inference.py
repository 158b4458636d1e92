"""What the inference service promises to those who ask it directly, or through the gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from conftest import System
from jobs import (
    WAIT,
    Json,
    eventually,
    frozen,
    image,
    kill,
    models_with,
    pointers,
    post,
    prediction,
    problem_of,
    restarted,
    store_of,
    tensor,
)

INFER = "/v2/models/digits/infer"
QUEUE_MAX = 16
BATCH_MAX = 16


@pytest.fixture(scope="module")
def serving(
    start: Callable[..., System], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system with one more model than the project has, and a short queue before each model."""
    folder = tmp_path_factory.mktemp("serving")
    system = start(
        MODELS_DIR=str(models_with(folder, "dropped-in")),
        LOG_LEVEL="info",
        BATCH_QUEUE_MAX=str(QUEUE_MAX),
        BATCH_MAX_ROWS=str(BATCH_MAX),
    )
    system.wait_ready()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def inference(serving: System) -> Iterator[httpx2.Client]:
    with client_of(serving, "inference") as client:
        yield client


@pytest.fixture(scope="module")
def api(serving: System) -> Iterator[httpx2.Client]:
    with client_of(serving, "gateway") as client:
        yield client


def client_of(system: System, group: str) -> httpx2.Client:
    limits = httpx2.Limits(max_connections=None)
    return httpx2.Client(base_url=system.first(group)["url"], timeout=40, limits=limits)


def request(*inputs: Json, **more: object) -> Json:
    return {"inputs": list(inputs) or [image()], **more}


# The Open Inference Protocol


def test_it_describes_itself_and_is_ready(inference: httpx2.Client) -> None:
    server = inference.get("/v2").json()
    assert server.keys() == {"name", "version", "extensions"}
    assert inference.get("/v2/health/live").json() == {"live": True}
    assert inference.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize("path", ["/v2/models/digits", "/v2/models/digits/versions/1"])
def test_it_describes_a_model_by_its_graph(inference: httpx2.Client, path: str) -> None:
    assert inference.get(path).json() == {
        "name": "digits",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        ],
    }
    assert inference.get(f"{path}/ready").json() == {"name": "digits", "ready": True}


@pytest.mark.parametrize("path", [INFER, "/v2/models/digits/versions/1/infer"])
def test_it_runs_a_model(inference: httpx2.Client, path: str) -> None:
    outputs = [{"name": "label"}]
    answer = inference.post(path, json=request(image(2), id="mine", outputs=outputs))
    assert answer.status_code == 200
    assert answer.json() == {
        "model_name": "digits",
        "model_version": "1",
        "id": "mine",
        "outputs": [tensor("label", [2], [3, 3], "INT64")],
    }


def test_a_model_dropped_into_the_folder_is_served(
    inference: httpx2.Client, api: httpx2.Client
) -> None:
    wanted = {"name": "x", "datatype": "FP32", "shape": [-1]}
    assert inference.get("/v2/models/dropped-in").json()["inputs"] == [wanted]
    ones = tensor("x", [3], [1, 1, 1])
    job = post(api, prediction(ones, model="dropped-in"), **WAIT).json()
    assert job["output"]["outputs"] == [tensor("y", [3], [0, 0, 0])]


@pytest.mark.parametrize("path", ["/v2/models/none", "/v2/models/digits/versions/2"])
def test_an_unknown_model_or_version_is_not_found(inference: httpx2.Client, path: str) -> None:
    answers = [inference.get(path), inference.get(f"{path}/ready")]
    answers.append(inference.post(f"{path}/infer", json=request()))
    for answer in answers:
        assert answer.status_code == 404
        assert problem_of(answer) == "unknown-model"
        # Clients of the protocol look for this one.
        assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/inputs"),
        (request(tensor("picture", [1, 64], [0] * 64)), "/inputs/0/name"),
        (request(image(), image()), "/inputs/1/name"),
        (request(tensor("image", [1, 64], [0] * 64, "INT64")), "/inputs/0/datatype"),
        (request(tensor("image", [64], [0] * 64)), "/inputs/0/shape"),
        (request(tensor("image", [2, 64], [0] * 64)), "/inputs/0/data"),
        (request(tensor("image", [1, 64], [None] * 64)), "/inputs/0/data"),
        (request(tensor("image", [1, 64], [1e300] * 64)), "/inputs/0/data"),
        (request(outputs=[{"name": "colour"}]), "/outputs/0/name"),
    ],
)
def test_what_does_not_fit_is_refused_with_pointers(
    inference: httpx2.Client, body: Json, pointer: str
) -> None:
    answer = inference.post(INFER, json=body)
    assert answer.status_code == 422
    assert problem_of(answer) == "invalid"
    assert pointer in pointers(answer)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_refused(inference: httpx2.Client, value: float) -> None:
    content = json.dumps(request(tensor("image", [1, 64], [value] * 64)))
    headers = {"Content-Type": "application/json"}
    answer = inference.post(INFER, content=content, headers=headers)
    assert answer.status_code == 422
    assert pointers(answer) == ["/inputs/0/data"]


def test_what_is_malformed_or_too_large_is_refused(inference: httpx2.Client) -> None:
    headers = {"Content-Type": "application/json"}
    body = json.dumps(request()).encode()
    limit = 1 << 20
    assert inference.post(INFER, content=body.ljust(limit), headers=headers).status_code == 200
    large = inference.post(INFER, content=body.ljust(limit + 1), headers=headers)
    assert (large.status_code, problem_of(large)) == (413, "too-large")
    # Without a length it is counted while it arrives.
    parts = iter([body, b" " * limit])
    streamed = inference.post(INFER, content=parts, headers=headers)
    assert (streamed.status_code, problem_of(streamed)) == (413, "too-large")
    broken = inference.post(INFER, content=body[:-1], headers=headers)
    assert (broken.status_code, problem_of(broken)) == (400, "malformed")
    other = inference.post(INFER, content=body, headers={"Content-Type": "text/plain"})
    assert (other.status_code, problem_of(other)) == (415, "media-type")


# Under load


def test_requests_that_wait_together_run_together(
    serving: System, inference: httpx2.Client
) -> None:
    count = QUEUE_MAX
    before = batches(serving)
    answers = at_once(serving, inference, [request()] * count)
    assert [answer.status_code for answer in answers] == [200] * count
    assert [answer.json()["outputs"][0]["data"] for answer in answers] == [[3]] * count
    after = batches(serving)
    assert after["sum"] - before["sum"] == count
    # How many meet in a batch is chance; that all of them run alone is not.
    assert after["count"] - before["count"] < count


def test_requests_of_other_rows_get_their_own_back(
    serving: System, inference: httpx2.Client
) -> None:
    bodies = [request(image(rows)) for rows in (1, 5, 2, 7, 1, 40)]
    answers = at_once(serving, inference, bodies)
    shapes = [answer.json()["outputs"][0]["shape"] for answer in answers]
    assert shapes == [[1], [5], [2], [7], [1], [40]]


def test_more_than_may_wait_are_refused(serving: System, inference: httpx2.Client) -> None:
    # Each of them is a batch.
    answers = at_once(serving, inference, [request(image(BATCH_MAX))] * 100)
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < 100
    for answer in refused:
        assert (answer.status_code, problem_of(answer)) == (503, "queue-full")
        assert answer.headers["retry-after"] == "1"
    assert inference.post(INFER, json=request()).status_code == 200


def test_what_nobody_waits_for_any_more_is_not_run(
    serving: System, inference: httpx2.Client
) -> None:
    before = batches(serving)
    answer = inference.post(INFER, json=request(), headers={"X-Deadline-Ms": "0"})
    assert (answer.status_code, problem_of(answer)) == (504, "deadline-expired")
    assert batches(serving) == before


def at_once(system: System, client: httpx2.Client, bodies: list[Json]) -> list[httpx2.Response]:
    """Sends requests that all are there before the first of them is read."""
    with ThreadPoolExecutor(len(bodies)) as pool:
        with frozen(system, "inference"):
            sent = [Sent(client, body) for body in bodies]
            answers = [pool.submit(one.post) for one in sent]
            eventually(lambda: all(one.done for one in sent))
        return [answer.result() for answer in answers]


class Sent:
    """A request that knows when the last of its body was handed over."""

    def __init__(self, client: httpx2.Client, body: Json) -> None:
        self.client = client
        self.body = json.dumps(body).encode()
        self.done = False

    def post(self) -> httpx2.Response:
        headers = {"Content-Type": "application/json", "Content-Length": str(len(self.body))}
        return self.client.post(INFER, content=self.content(), headers=headers)

    def content(self) -> Iterator[bytes]:
        yield self.body
        self.done = True


def batches(system: System) -> dict[str, float]:
    """How many batches of digits have run, and how many rows they had."""
    port = system.first("inference")["env"]["METRICS_PORT"]
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
    pattern = r'^inference_batch_rows_(count|sum)\{model="digits/1"\} (\S+)$'
    found = {name: float(value) for name, value in re.findall(pattern, text, re.MULTILINE)}
    return {"count": 0.0, "sum": 0.0} | found


# Through the gateway


def test_the_gateway_passes_an_inference_on_and_makes_no_job(
    serving: System, api: httpx2.Client
) -> None:
    with store_of(serving) as store:
        before = sorted(store.scan_iter("job:*"))
        answer = api.post(INFER, json=request(id="mine"))
        assert answer.status_code == 200
        assert (answer.json()["id"], answer.json()["outputs"][0]["data"]) == ("mine", [3])
        assert sorted(store.scan_iter("job:*")) == before
    assert api.get("/v2/models/digits").json()["name"] == "digits"


def test_the_gateway_passes_refusals_on(api: httpx2.Client) -> None:
    misfit = api.post(INFER, json=request(tensor("image", [64], [0] * 64)))
    assert (misfit.status_code, problem_of(misfit)) == (422, "invalid")
    assert pointers(misfit) == ["/inputs/0/shape"]
    for answer in (
        api.get("/v2/models/nobody"),
        api.post("/v2/models/nobody/infer", json=request()),
    ):
        assert (answer.status_code, problem_of(answer)) == (404, "unknown-model")


def test_one_trace_runs_through_the_gateway(serving: System, api: httpx2.Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    assert api.post(INFER, json=request(), headers={"traceparent": parent}).is_success
    group = {name: entry["group"] for name, entry in serving.processes.items()}

    def services() -> bool:
        lines = [line for line in serving.log().splitlines() if trace in line]
        return {group.get(line.split(" ", 1)[0]) for line in lines} >= {"gateway", "inference"}

    assert eventually(services)


def test_the_gateway_says_when_inference_is_down(serving: System, api: httpx2.Client) -> None:
    assert api.post(INFER, json=request()).is_success
    pid = kill(serving, "inference")
    answer = api.post(INFER, json=request())
    restarted(serving, "inference", pid)
    assert (answer.status_code, problem_of(answer)) == (503, "inference-unavailable")
    assert 5 <= int(answer.headers["retry-after"]) <= 10
    eventually(lambda: api.post(INFER, json=request()).is_success)
