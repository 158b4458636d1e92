"""The protocol's extensions: tensors as bytes after the JSON, and classes instead of numbers."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.models_for_tests import write_model
from tests.serving import app_for, loaded
from tests.test_contract_oip import KINDS, pointers

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
    write_model(
        folder / "sum" / "1", op="Add", inputs={"a": (None, 2), "b": (None, 2)}, output=(None, 2)
    )
    write_model(folder / "fixed" / "1", inputs={"x": (2, 2)}, output=(2, 2))
    write_model(folder / "log" / "1", op="Log")
    with TestClient(app_for(loaded(folder))) as client:
        yield client


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
