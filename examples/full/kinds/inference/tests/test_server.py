"""The HTTP service around the models: limits, errors, clients that leave, boot and shutdown."""

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from app.server.middleware import trace_id
from tests.models import HeldModels, app_for, loaded, write_model
from tests.servers import free_port, until_it_answers

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BODY: dict[str, Any] = {
    "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]
}
INFER = "/v2/models/m/infer"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    write_model(tmp_path / "m" / "1")
    with TestClient(app_for(loaded(tmp_path), body_limit_bytes=1000)) as client:
        yield client


@pytest.fixture
def held(tmp_path: Path) -> HeldModels:
    write_model(tmp_path / "m" / "1")
    return HeldModels(tmp_path)


def client_of(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test")


def queued() -> float:
    return REGISTRY.get_sample_value("inference_queue_length", {"model": "m/1"}) or 0


async def until_queued(length: int) -> None:
    async with asyncio.timeout(10):
        while queued() != length:  # noqa: ASYNC110 (a gauge has no event)
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("stated", [True, False])
def test_refuses_a_body_over_the_limit(client: TestClient, stated: bool) -> None:
    content = b" " * 1001
    answer = client.post(
        INFER,
        content=content if stated else iter([content[:600], content[600:]]),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.json()["type"] == "/problems/too-large"
    assert answer.headers["connection"] == "close"


def test_takes_a_body_of_just_the_limit(client: TestClient) -> None:
    content = json.dumps(BODY).ljust(1000)
    headers = {"content-type": "application/json"}
    assert client.post(INFER, content=content, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("content", "media_type", "status", "slug"),
    [
        ("{", "application/json", 400, "malformed"),
        ("[" * 900, "application/json", 400, "malformed"),
        (b"\xff", "application/json", 400, "malformed"),
        ("[]", "application/json", 422, "invalid"),
        ("", "application/json", 400, "malformed"),
        ('{"id":"\\ud800","inputs":[]}', "application/json", 400, "malformed"),
        ('{"id":"\\udfff\\ud800","inputs":[]}', "application/json", 400, "malformed"),
        ('{"inputs":[{"name":"\\udfff"}]}', "application/json", 400, "malformed"),
        ('{"outputs":[{"name":"\\udfff"}]}', "application/json", 400, "malformed"),
        ('{"parameters":{"\\udfff":"\\ud800"}}', "application/json", 400, "malformed"),
        (b'{"id":"\xed\xa0\x80"}', "application/json", 400, "malformed"),
        ('{"inputs":[%s]}' % ("9" * 900), "application/json", 422, "invalid"),
        ('{"inputs":%s}' % ("[" * 300 + "]" * 300), "application/json", 400, "malformed"),
        (json.dumps(BODY | {"id": "\0"}), "application/json", 200, None),
        (json.dumps(BODY | {"x": float("nan")}), "application/json", 200, None),
        (json.dumps(BODY | {"id": float("nan")}), "application/json", 422, "invalid"),
        (json.dumps(BODY), "text/plain", 415, "media-type"),
        (json.dumps(BODY), "application/jsonish", 415, "media-type"),
        (json.dumps(BODY), "application/json; charset=utf-8", 200, None),
        (json.dumps(BODY), "application/merge-patch+json", 200, None),
        (json.dumps(BODY), "application/octet-stream", 200, None),
        (json.dumps(BODY), "", 200, None),
    ],
)
def test_answers_what_is_no_request_with_a_problem(
    client: TestClient, content: str | bytes, media_type: str, status: int, slug: str | None
) -> None:
    answer = client.post(INFER, content=content, headers={"content-type": media_type})
    assert answer.status_code == status
    if slug:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"/problems/{slug}"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"inputs": [0] * 300}, "/inputs"),
        (BODY | {"outputs": [0] * 300}, "/outputs"),
        ({"inputs": [{**BODY["inputs"][0], "shape": [""] * 150}]}, "/inputs/0/shape"),
    ],
)
def test_many_faults_make_a_short_answer(
    client: TestClient, body: dict[str, Any], pointer: str
) -> None:
    answer = client.post(INFER, json=body)
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("milliseconds", ["-1", "1.5", "soon", "1" + "0" * 400])
def test_refuses_a_deadline_that_is_none(client: TestClient, milliseconds: str) -> None:
    answer = client.post(INFER, json=BODY, headers={"x-deadline-ms": milliseconds})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"].startswith("header x-deadline-ms: ")


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_takes_packed_bodies_up_to_the_limit_unpacked(
    client: TestClient, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    headers = {"content-encoding": coding, "content-type": "application/json"}

    def status(content: bytes) -> int:
        return client.post(INFER, content=content, headers=headers).status_code

    content = json.dumps(BODY).encode()
    assert status(pack(content)) == 200
    assert status(pack(content.ljust(1000))) == 200
    assert status(pack(content.ljust(1001))) == 413
    assert status(pack(b" " * 900_000)) == 413
    assert status(pack(content)[:-1]) == 400
    assert status(pack(content) + b"x") == 400
    assert status(content) == 400


def test_names_the_codings_that_it_takes(client: TestClient) -> None:
    answer = client.post(INFER, json=BODY, headers={"content-encoding": "br"})
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "gzip, deflate"


async def test_tells_a_client_that_an_error_ends_its_connection(
    held: HeldModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(held.held, "run", broken)
    transport = httpx2.ASGITransport(app_for(held), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post(INFER, json=BODY)
    assert (answer.status_code, answer.headers["connection"]) == (500, "close")


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    assert client.get("/nothing").json()["type"] == "/problems/not-found"
    assert client.get(INFER).json()["type"] == "/problems/method-not-allowed"


def test_shows_its_documentation(client: TestClient) -> None:
    assert client.get("/docs").status_code == 200
    assert client.get("/redoc").status_code == 200


def test_documents_what_each_operation_answers(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    answered = {
        f"{method} {path}": list(operation["responses"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    infer = ["200", "400", "404", "413", "415", "422", "500", "503", "504"]
    model = "/v2/models/{model_name}"
    assert answered == {
        "get /v2": ["200"],
        "get /v2/health/live": ["200"],
        "get /v2/health/ready": ["200", "503"],
        **{f"get {model}{of}": ["200", "404", "503"] for of in ("", "/versions/{version}")},
        **{f"get {model}{of}/ready": ["200", "404", "503"] for of in ("", "/versions/{version}")},
        **{f"post {model}{of}/infer": infer for of in ("", "/versions/{version}")},
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                problem = list(response["content"]) == ["application/problem+json"]
                assert problem == (status != "200")


async def test_answers_503_with_retry_after_when_the_queue_is_full(held: HeldModels) -> None:
    async with client_of(app_for(held, batch_queue_max=1)) as client:
        first = asyncio.create_task(client.post(INFER, json=BODY))
        assert await asyncio.to_thread(held.held.running.wait, 10)
        second = asyncio.create_task(client.post(INFER, json=BODY))
        await until_queued(1)
        refused = await client.post(INFER, json=BODY)
        held.held.free.set()
        assert [(await first).status_code, (await second).status_code] == [200, 200]
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/queue-full"
    assert refused.headers["retry-after"] == "1"


async def test_drops_what_has_waited_longer_than_its_deadline(held: HeldModels) -> None:
    async with client_of(app_for(held)) as client:
        first = asyncio.create_task(client.post(INFER, json=BODY))
        assert await asyncio.to_thread(held.held.running.wait, 10)
        late = asyncio.create_task(client.post(INFER, json=BODY, headers={"X-Deadline-Ms": "0"}))
        await until_queued(1)
        held.held.free.set()
        assert (await late).status_code == 504
        assert (await late).json()["type"] == "/problems/deadline-expired"
        assert (await first).status_code == 200
    assert held.held.batches == [1]


async def test_drops_what_nobody_waits_for_any_more(held: HeldModels) -> None:
    app = app_for(held)
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async with client_of(app) as client:
        first = asyncio.create_task(client.post(INFER, json=BODY))
        assert await asyncio.to_thread(held.held.running.wait, 10)
        scope = {
            "type": "http",
            "method": "POST",
            "path": INFER,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        incoming.put_nowait({"type": "http.request", "body": json.dumps(BODY).encode()})
        leaving = asyncio.create_task(app(scope, incoming.get, send))
        await until_queued(1)
        incoming.put_nowait({"type": "http.disconnect"})
        await leaving
        held.held.free.set()
        assert (await first).status_code == 200
        assert (await client.post(INFER, json=BODY)).status_code == 200
    assert sent[0]["status"] == 499
    assert held.held.batches == [1, 1]


def test_puts_the_callers_trace_id_into_its_log_lines(client: TestClient) -> None:
    from structlog.contextvars import merge_contextvars

    with capture_logs(processors=[merge_contextvars]) as lines:
        client.get("/v2", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
        client.get("/v2")
    assert [line.get("trace_id") for line in lines if line["event"] == "request"] == [TRACE, None]


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        f"00-{TRACE}",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_ignores_a_traceparent_that_is_not_valid(traceparent: str) -> None:
    assert trace_id(traceparent) is None


def test_counts_requests_by_route_and_not_by_path(client: TestClient) -> None:
    def count(route: str, status: str) -> float:
        labels = {"method": "GET", "route": route, "status": status}
        return REGISTRY.get_sample_value("inference_requests_total", labels) or 0

    known, unknown = count("/v2/models/{model_name}", "200"), count("none", "404")
    client.get("/v2/models/m")
    client.get("/no-such-path")
    assert count("/v2/models/{model_name}", "200") == known + 1
    assert count("none", "404") == unknown + 1


@contextmanager
def process(models: Path, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    variables = {
        "SERVICE_NAME": "inference",
        "PORT": str(free_port()),
        "METRICS_PORT": str(free_port()),
        "MODELS_DIR": str(models),
        "LOG_LEVEL": "info",
        **environment,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "app.server.main"],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield server
    finally:
        server.kill()
        server.communicate()


def until_ready(server: "subprocess.Popen[str]", url: str) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(str(server.communicate()))
        try:
            if httpx2.get(f"{url}/v2/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.02)
    pytest.fail("not ready within 20 s")


def test_the_process_ends_well_when_told_to_as_soon_as_it_answers(tmp_path: Path) -> None:
    write_model(tmp_path / "m" / "1")
    metrics_port = free_port()
    with process(tmp_path, METRICS_PORT=str(metrics_port)) as server:
        until_it_answers(metrics_port)
        server.terminate()
        assert server.wait(20) == 0


def test_the_process_serves_reports_and_stops_with_status_0(tmp_path: Path) -> None:
    write_model(tmp_path / "m" / "1")
    port, metrics_port = free_port(), free_port()
    with process(tmp_path, PORT=str(port), METRICS_PORT=str(metrics_port)) as server:
        url = f"http://127.0.0.1:{port}"
        until_ready(server, url)
        traceparent = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        answer = httpx2.post(f"{url}{INFER}", json=BODY, headers=traceparent)
        assert answer.json()["outputs"][0]["data"] == [1, 2]
        metrics = httpx2.get(f"http://127.0.0.1:{metrics_port}/metrics").text
        assert 'inference_batch_rows_count{model="m/1"} 1.0' in metrics
        server.send_signal(signal.SIGTERM)
        output, errors = server.communicate(timeout=20)
    assert server.returncode == 0, errors
    lines = [json.loads(line) for line in output.splitlines()]
    assert any(line.get("trace_id") == TRACE and line.get("path") == INFER for line in lines)


def test_the_process_names_a_broken_model_and_exits_with_status_1(tmp_path: Path) -> None:
    broken = tmp_path / "m" / "1" / "model.onnx"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"not a model")
    with process(tmp_path) as server:
        _, errors = server.communicate(timeout=20)
    assert server.returncode == 1
    assert errors.startswith(f"a model cannot be served:\n  {broken}: cannot be loaded")
    assert "Traceback" not in errors


def test_the_process_names_every_bad_variable_and_exits_with_status_1(tmp_path: Path) -> None:
    with process(tmp_path, PORT="abc", METRICS_PORT="0", BATCH_MAX_ROWS="many") as server:
        _, errors = server.communicate(timeout=20)
    assert server.returncode == 1
    assert all(name in errors for name in ("PORT", "METRICS_PORT", "BATCH_MAX_ROWS"))
    assert "Traceback" not in errors
