"""What clients of the Open Inference Protocol may rely on, and of two extensions of it.

The extensions: tensors as bytes after the JSON, and classes instead of numbers.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from onnx import TensorProto

from app.server.models import Model, Models
from app.server.protocol import InferRequest
from tests.models import SHIPPED, app_for, loaded, write_model

KINDS = {
    "BOOL": (TensorProto.BOOL, [True, False]),
    "UINT8": (TensorProto.UINT8, [0, 255]),
    "UINT16": (TensorProto.UINT16, [0, 65535]),
    "UINT32": (TensorProto.UINT32, [0, 2**32 - 1]),
    "UINT64": (TensorProto.UINT64, [0, 2**64 - 1]),
    "INT8": (TensorProto.INT8, [-128, 127]),
    "INT16": (TensorProto.INT16, [-(2**15), 2**15 - 1]),
    "INT32": (TensorProto.INT32, [-(2**31), 2**31 - 1]),
    "INT64": (TensorProto.INT64, [-(2**63), 2**63 - 1]),
    "FP16": (TensorProto.FLOAT16, [-65504.0, 0.5]),
    "FP32": (TensorProto.FLOAT, [-1.5, 2.0**100]),
    "FP64": (TensorProto.DOUBLE, [-0.1, 1e300]),
    "BYTES": (TensorProto.STRING, ["", "zwei \u00fc"]),
}
LENGTH = "Inference-Header-Content-Length"
# By hand, from the extension's text: little-endian, and BYTES after their length.
BYTES = {
    "BOOL": b"\x01\x00",
    "UINT8": b"\x00\xff",
    "UINT16": b"\x00\x00\xff\xff",
    "UINT32": b"\x00\x00\x00\x00\xff\xff\xff\xff",
    "UINT64": b"\x00" * 8 + b"\xff" * 8,
    "INT8": b"\x80\x7f",
    "INT16": b"\x00\x80\xff\x7f",
    "INT32": b"\x00\x00\x00\x80\xff\xff\xff\x7f",
    "INT64": b"\x00" * 7 + b"\x80" + b"\xff" * 7 + b"\x7f",
    "FP16": b"\xff\xfb\x00\x38",
    "FP32": b"\x00\x00\xc0\xbf\x00\x00\x80\x71",
    "FP64": b"\x9a\x99\x99\x99\x99\x99\xb9\xbf\x9c\x75\x00\x88\x3c\xe4\x37\x7e",
    "BYTES": b"\x00\x00\x00\x00\x07\x00\x00\x00zwei \xc3\xbc",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("models")
    for datatype, (kind, _) in KINDS.items():
        write_model(folder / datatype.lower() / "1", kind=kind)
    for version in ("9", "10"):
        write_model(folder / "many" / version)
    write_model(folder / "fixed" / "1", inputs={"x": (2, 2)}, output=(2, 2))
    write_model(
        folder / "sum" / "1", op="Add", inputs={"a": (None, 2), "b": (None, 2)}, output=(None, 2)
    )
    write_model(folder / "log" / "1", op="Log")
    with TestClient(app_for(loaded(folder))) as client:
        yield client


@pytest.fixture(scope="module")
def digits() -> Iterator[TestClient]:
    with TestClient(app_for(loaded(SHIPPED))) as client:
        yield client


def tensor(
    data: object, shape: list[Any], name: str = "x", datatype: str = "FP32"
) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


def test_describes_the_server(client: TestClient) -> None:
    answer = client.get("/v2")
    assert answer.status_code == 200
    extensions = ["binary_tensor_data", "classification"]
    assert answer.json() == {"name": "inference", "version": "1.0.0", "extensions": extensions}


def test_is_live_and_ready(client: TestClient) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/many/ready").json() == {"name": "many", "ready": True}
    assert client.get("/v2/models/many/versions/9/ready").status_code == 200


def test_describes_the_digits_model_as_its_clients_expect_it(digits: TestClient) -> None:
    assert digits.get("/v2/models/digits").json() == {
        "name": "digits",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        ],
    }


def test_lists_versions_and_serves_each_of_them(client: TestClient) -> None:
    assert client.get("/v2/models/many").json()["versions"] == ["9", "10"]
    assert client.get("/v2/models/many/versions/9").json()["versions"] == ["9"]
    body = {"inputs": [tensor([1, 2], [1, 2])]}
    latest = client.post("/v2/models/many/infer", json=body)
    assert latest.json()["model_version"] == "10"
    chosen = client.post("/v2/models/many/versions/9/infer", json=body)
    assert chosen.json()["model_version"] == "9"


def test_answers_an_inference_in_the_protocols_form(client: TestClient) -> None:
    body = {"id": "a", "inputs": [tensor([[1, 2], [3, 4.5]], [2, 2])], "parameters": {"x": 1}}
    answer = client.post("/v2/models/fp32/infer", json=body)
    assert answer.status_code == 200
    assert answer.json() == {
        "model_name": "fp32",
        "model_version": "1",
        "id": "a",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4.5]}],
    }


@pytest.mark.parametrize("datatype", KINDS)
@pytest.mark.parametrize("nested", [True, False])
def test_carries_every_datatype_nested_or_flat(
    client: TestClient, datatype: str, nested: bool
) -> None:
    data = KINDS[datatype][1]
    given = tensor([data] if nested else data, [1, 2], datatype=datatype)
    answer = client.post(f"/v2/models/{datatype.lower()}/infer", json={"inputs": [given]})
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    assert output == {"name": "y", "datatype": datatype, "shape": [1, 2], "data": data}


def test_returns_only_the_outputs_asked_for(digits: TestClient) -> None:
    body = {"inputs": [tensor([0] * 64, [1, 64], "image")], "outputs": [{"name": "label"}]}
    answer = digits.post("/v2/models/digits/infer", json=body)
    assert [output["name"] for output in answer.json()["outputs"]] == ["label"]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/none",
        "/v2/models/none/ready",
        "/v2/models/many/versions/3",
        "/v2/models/many/versions/09",
    ],
)
def test_an_unknown_model_or_version_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/unknown-model"
    infer = client.post(f"{path.removesuffix('/ready')}/infer", json={"inputs": [tensor([], [])]})
    assert infer.status_code == 404


def test_an_error_is_a_problem_document_with_the_protocols_error(client: TestClient) -> None:
    body = {"inputs": [tensor([1], [1, 1])]}
    answer = client.post("/v2/models/fp32/infer", json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    detail = "must fit [-1, 2] (-1 is any size from 1), got [1, 1]"
    assert answer.json() == {
        "type": "/problems/invalid",
        "title": "The request is not valid",
        "status": 422,
        "instance": "/v2/models/fp32/infer",
        "detail": f"/inputs/0/shape {detail}",
        "error": f"/inputs/0/shape {detail}",
        "errors": [{"pointer": "/inputs/0/shape", "detail": detail}],
    }


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        (tensor([1, 2], [1, 2], name="z"), "/inputs/0/name"),
        (tensor([1, 2], [1, 2], datatype="INT64"), "/inputs/0/datatype"),
        (tensor([1, 2], [1, 2], datatype="FP128"), "/inputs/0/datatype"),
        (tensor([1, 2], [2]), "/inputs/0/shape"),
        (tensor([1, 2, 3], [1, 3]), "/inputs/0/shape"),
        (tensor([], [0, 2]), "/inputs/0/shape/0"),
        (tensor([1, 2], [1] * 9), "/inputs/0/shape"),
        (tensor([1, 2], [1, 2], name="x" * 256), "/inputs/0/name"),
        (tensor([1, 2], [1, 2], datatype="BF16"), "/inputs/0/datatype"),
        (tensor([1, 2], [-1, 2]), "/inputs/0/shape/0"),
        (tensor([1, 2], [10**30, 2]), "/inputs/0/shape/0"),
        (tensor([1, 2], [10**9, 2]), "/inputs/0/data"),
        (tensor([1, 2], [True, 2]), "/inputs/0/shape/0"),
        (tensor([1, 2], ["1", 2]), "/inputs/0/shape/0"),
        ({"name": "x", "shape": [1, 2], "datatype": "FP32"}, "/inputs/0/data"),
        (tensor([1, 2, 3], [1, 2]), "/inputs/0/data"),
        (tensor([[1, 2], [3]], [2, 2]), "/inputs/0/data"),
        (tensor([[1, 2], 3], [2, 2]), "/inputs/0/data"),
        (tensor([[1], [2]], [1, 2]), "/inputs/0/data"),
        (tensor([[[1, 2]]], [1, 2]), "/inputs/0/data"),
        (tensor(["1", 2], [1, 2]), "/inputs/0/data"),
        (tensor([True, 2], [1, 2]), "/inputs/0/data"),
        (tensor([None, 2], [1, 2]), "/inputs/0/data"),
        (tensor([1e300, 2], [1, 2]), "/inputs/0/data"),
        (tensor([10**400, 2], [1, 2]), "/inputs/0/data"),
        (tensor(1, [1, 2]), "/inputs/0/data"),
    ],
)
def test_points_at_what_does_not_fit(
    client: TestClient, given: dict[str, Any], pointer: str
) -> None:
    answer = client.post("/v2/models/fp32/infer", json={"inputs": [given]})
    assert answer.status_code == 422
    assert pointer in pointers(answer)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_refuses_values_that_are_not_finite(client: TestClient, value: str) -> None:
    content = '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,%s]}]}' % value  # noqa: UP031
    headers = {"content-type": "application/json"}
    answer = client.post("/v2/models/fp32/infer", content=content, headers=headers)
    assert answer.status_code == 422
    assert pointers(answer) == ["/inputs/0/data"]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("INT8", [128, 0]),
        ("UINT8", [-1, 0]),
        ("INT64", [1.5, 0]),
        ("BOOL", [1, 0]),
        ("BYTES", [1, 0]),
    ],
)
def test_refuses_values_that_the_datatype_does_not_have(
    client: TestClient, datatype: str, data: list[Any]
) -> None:
    body = {"inputs": [tensor(data, [1, 2], datatype=datatype)]}
    answer = client.post(f"/v2/models/{datatype.lower()}/infer", json=body)
    assert answer.status_code == 422
    assert pointers(answer) == ["/inputs/0/data"]


def test_wants_every_input_once_with_equal_rows(client: TestClient) -> None:
    a, b = tensor([1, 2], [1, 2], "a"), tensor([1, 2, 3, 4], [2, 2], "b")
    cases = [([a], ["/inputs"]), ([a, a], ["/inputs/1/name", "/inputs"]), ([a, b], ["/inputs"])]
    for inputs, expected in cases:
        answer = client.post("/v2/models/sum/infer", json={"inputs": inputs})
        assert (answer.status_code, pointers(answer)) == (422, expected)


def test_refuses_an_output_asked_for_twice(digits: TestClient) -> None:
    body = {"inputs": [tensor([0] * 64, [1, 64], "image")], "outputs": [{"name": "label"}] * 3}
    answer = digits.post("/v2/models/digits/infer", json=body)
    assert (answer.status_code, pointers(answer)) == (422, ["/outputs/1/name", "/outputs/2/name"])


@pytest.mark.parametrize(
    ("rows", "more", "status"),
    [
        (1, {}, 200),
        (50, {}, 422),
        (50, {"outputs": [{"name": "label"}]}, 200),
        (50, {"parameters": {"binary_data_output": True}}, 200),
        (50, {"outputs": [{"name": "probabilities", "parameters": {"classification": 1}}]}, 422),
    ],
)
def test_bounds_an_answer_before_the_model_runs(
    rows: int, more: dict[str, Any], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = loaded(SHIPPED)
    runs = []
    run = Model.run

    def counted(model: Model, arrays: Any) -> Any:
        runs.append(model.name)
        return run(model, arrays)

    monkeypatch.setattr(Model, "run", counted)
    body = {"inputs": [tensor([0] * 64 * rows, [rows, 64], "image")], **more}
    with TestClient(app_for(models, response_limit_bytes=2400)) as client:
        answer = client.post("/v2/models/digits/infer", json=body)
    assert (answer.status_code, len(runs)) == (status, int(status == 200))
    if status == 422:
        assert pointers(answer) == ["/inputs"]
        assert "at most 2400" in answer.json()["detail"]


def test_bounds_an_answer_whose_size_only_the_model_knows(tmp_path: Path) -> None:
    write_model(
        tmp_path / "m" / "1", kind=TensorProto.STRING, inputs={"x": (None,)}, output=(None,)
    )
    with TestClient(app_for(loaded(tmp_path), response_limit_bytes=1024)) as client:
        for length, status in ((100, 200), (1100, 422)):
            given = tensor(["x" * length], [1], datatype="BYTES")
            answer = client.post("/v2/models/m/infer", json={"inputs": [given]})
            assert answer.status_code == status


def test_takes_what_a_job_may_send_and_no_more() -> None:
    schema = json.loads(Path("../../contracts/prediction-request.schema.json").read_text())
    job, tensor = schema["$defs"]["inferenceRequest"], schema["$defs"]["tensor"]
    ours = InferRequest.model_json_schema()
    ours_tensor = ours["$defs"]["RequestInput"]["properties"]
    bounds = ("minItems", "maxItems")
    for name in bounds:
        assert ours["properties"]["inputs"][name] == job["properties"]["inputs"][name]
    shape, ours_shape = tensor["properties"]["shape"], ours_tensor["shape"]
    assert ours_shape["maxItems"] == shape["maxItems"]
    assert ours_shape["items"]["minimum"] == shape["items"]["minimum"]
    assert ours_tensor["name"]["maxLength"] == tensor["properties"]["name"]["maxLength"]
    assert ours_tensor["datatype"]["enum"] == tensor["properties"]["datatype"]["enum"]


def test_names_every_fault_at_once(client: TestClient) -> None:
    inputs = [tensor([1], [1], "a"), tensor([1], [1, 2], "b"), tensor([1], [1], "c")]
    body = {"inputs": inputs, "outputs": [{"name": "y"}, {"name": "z"}]}
    answer = client.post("/v2/models/sum/infer", json=body)
    assert pointers(answer) == [
        "/inputs/0/shape",
        "/inputs/1/data",
        "/inputs/2/name",
        "/outputs/1/name",
    ]


def test_serves_a_model_of_fixed_shape(client: TestClient) -> None:
    good = client.post("/v2/models/fixed/infer", json={"inputs": [tensor([1, 2, 3, 4], [2, 2])]})
    assert good.status_code == 200
    bad = client.post("/v2/models/fixed/infer", json={"inputs": [tensor([1, 2], [1, 2])]})
    assert pointers(bad) == ["/inputs/0/shape"]


def test_does_not_answer_with_values_that_json_does_not_have(client: TestClient) -> None:
    answer = client.post("/v2/models/log/infer", json={"inputs": [tensor([0, 1], [1, 2])]})
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/invalid-output"


def test_refuses_everything_but_health_until_the_models_are_loaded(tmp_path: Path) -> None:
    client = TestClient(app_for(Models(tmp_path)))
    assert client.get("/v2/health/live").status_code == 200
    for path in ("/v2/health/ready", "/v2/models/m", "/v2/models/m/ready"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/starting"
        assert answer.headers["retry-after"] == "1"


# The extensions


def given(size: int, name: str = "x", datatype: str = "FP32") -> dict[str, Any]:
    tensor = {"name": name, "shape": [1, 2], "datatype": datatype}
    return {**tensor, "parameters": {"binary_data_size": size}}


def send(
    client: TestClient, model: str, message: dict[str, Any], tail: bytes = b"", length: int = -1
) -> httpx2.Response:
    head = json.dumps(message).encode()
    headers = {LENGTH: str(len(head) if length < 0 else length)}
    content = head + tail
    return client.post(f"/v2/models/{model}/infer", content=content, headers=headers)


def parts(answer: httpx2.Response) -> tuple[Any, bytes]:
    length = int(answer.headers[LENGTH])
    return json.loads(answer.content[:length]), answer.content[length:]


@pytest.mark.parametrize("datatype", KINDS)
def test_carries_every_datatype_as_bytes(client: TestClient, datatype: str) -> None:
    raw = BYTES[datatype]
    message = {"inputs": [given(len(raw), datatype=datatype)]}
    as_json = send(client, datatype.lower(), message, raw)
    assert as_json.headers["content-type"] == "application/json"
    assert as_json.json()["outputs"][0]["data"] == KINDS[datatype][1]

    message["parameters"] = {"binary_data_output": True}  # type: ignore[assignment]
    answer = send(client, datatype.lower(), message, raw)
    assert answer.headers["content-type"] == "application/octet-stream"
    head, tail = parts(answer)
    output = {"name": "y", "shape": [1, 2], "datatype": datatype}
    assert head["outputs"] == [{**output, "parameters": {"binary_data_size": len(raw)}}]
    assert tail == raw


def test_reads_the_bytes_in_the_order_of_the_inputs(client: TestClient) -> None:
    one, ten = (np.array(data, "<f4").tobytes() for data in ([1, 2], [10, 20]))
    of_json = {"name": "b", "shape": [1, 2], "datatype": "FP32", "data": [10, 20]}
    for inputs, tail in (
        ([given(8, "b"), given(8, "a")], ten + one),
        ([given(8, "a"), given(8, "b")], one + ten),
        ([of_json, given(8, "a")], one),
    ):
        answer = send(client, "sum", {"inputs": inputs}, tail)
        assert answer.json()["outputs"][0]["data"] == [11, 22]


def test_an_output_states_for_itself_whether_it_is_bytes(client: TestClient) -> None:
    for default, stated in ((True, False), (False, True)):
        outputs = [{"name": "y", "parameters": {"binary_data": stated}}]
        parameters = {"binary_data_output": default}
        message = {"inputs": [given(8)], "outputs": outputs, "parameters": parameters}
        answer = send(client, "fp32", message, b"\0" * 8)
        assert (LENGTH in answer.headers) == stated


def test_bytes_carry_what_json_does_not(client: TestClient) -> None:
    message = {"inputs": [given(8)], "parameters": {"binary_data_output": True}}
    answer = send(client, "log", message, np.array([0, 1], "<f4").tobytes())
    assert np.frombuffer(parts(answer)[1], "<f4").tolist() == [-np.inf, 0]


@pytest.mark.parametrize(
    ("inputs", "tail", "found"),
    [
        ([given(8)], b"\0" * 7, ["/inputs/0/data", "/inputs"]),
        ([given(8)], b"\0" * 9, ["/inputs"]),
        ([given(4)], b"\0" * 4, ["/inputs/0/data"]),
        ([given(8)], b"\0\0\x80\x7f" * 2, ["/inputs/0/data"]),
        ([{**given(8), "data": [1, 2]}], b"\0" * 8, ["/inputs/0/data"]),
        ([{**given(0), "shape": [1, 2**60]}], b"", ["/inputs/0/shape"]),
        ([given(-1)], b"", ["/inputs/0/parameters/binary_data_size"]),
        ([given(10**30)], b"", ["/inputs/0/data", "/inputs"]),
    ],
)
def test_points_at_bytes_that_do_not_fit(
    client: TestClient, inputs: list[Any], tail: bytes, found: list[str]
) -> None:
    answer = send(client, "fp32", {"inputs": inputs}, tail)
    assert (answer.status_code, pointers(answer)) == (422, found)


@pytest.mark.parametrize(
    ("datatype", "raw"),
    [
        ("BOOL", b"\x01\x02"),
        ("BYTES", b"\x01\x00\x00\x00\xff\x00\x00\x00\x00"),
        ("BYTES", b"\xff\xff\xff\xff\x00\x00\x00\x00"),
        ("BYTES", b"\x00\x00\x00\x00"),
        ("BYTES", b"\x00\x00\x00\x00" * 3),
        ("BYTES", b"\x00\x00\x00\x00\x00\x00"),
    ],
)
def test_refuses_bytes_that_the_datatype_does_not_have(
    client: TestClient, datatype: str, raw: bytes
) -> None:
    message = {"inputs": [given(len(raw), datatype=datatype)]}
    answer = send(client, datatype.lower(), message, raw)
    assert (answer.status_code, pointers(answer)) == (422, ["/inputs/0/data"])


@pytest.mark.parametrize(("length", "status"), [(0, 400), (10, 400), (10**9, 400), (-2, 422)])
def test_refuses_a_length_that_is_not_that_of_the_json(
    client: TestClient, length: int, status: int
) -> None:
    content = json.dumps({"inputs": [given(8)]}).encode() + b"\0" * 8
    headers = {LENGTH: str(length)}
    answer = client.post("/v2/models/fp32/infer", content=content, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("model", "datatype", "data", "count", "shape", "expected"),
    [
        ("fp32", "FP32", [[0.1, 0.7], [2, 2]], 1, [2, 1], ["0.7:1", "2.0:0"]),
        ("fp32", "FP32", [[0.1, 0.7]], 2, [1, 2], ["0.7:1", "0.1:0"]),
        ("fp32", "FP32", [[0.1, 0.7]], 9, [1, 2], ["0.7:1", "0.1:0"]),
        ("uint8", "UINT8", [[0, 255]], 1, [1, 1], ["255:1"]),
        ("bool", "BOOL", [[False, True]], 1, [1, 1], ["True:1"]),
        ("fixed", "FP32", [[1, 2], [4, 3]], 3, [3], ["4.0:2", "3.0:3", "2.0:1"]),
    ],
)
def test_returns_the_classes_that_score_highest(
    client: TestClient,
    model: str,
    datatype: str,
    data: list[Any],
    count: int,
    shape: list[int],
    expected: list[str],
) -> None:
    tensor = {"name": "x", "shape": [len(data), 2], "datatype": datatype, "data": data}
    outputs = [{"name": "y", "parameters": {"classification": count}}]
    answer = send(client, model, {"inputs": [tensor], "outputs": outputs})
    output = {"name": "y", "shape": shape, "datatype": "BYTES", "data": expected}
    assert answer.json()["outputs"] == [output]

    outputs[0]["parameters"]["binary_data"] = True  # type: ignore[index]
    _, tail = parts(send(client, model, {"inputs": [tensor], "outputs": outputs}))
    assert tail == b"".join(len(one).to_bytes(4, "little") + one.encode() for one in expected)


def test_text_has_no_classes(client: TestClient) -> None:
    tensor = {"name": "x", "shape": [1, 2], "datatype": "BYTES", "data": ["a", "b"]}
    outputs = [{"name": "y", "parameters": {"classification": 1}}]
    answer = send(client, "bytes", {"inputs": [tensor], "outputs": outputs})
    assert pointers(answer) == ["/outputs/0/parameters/classification"]
