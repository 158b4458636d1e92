"""KServe's client, `kserve.InferenceRESTClient`: the Open Inference Protocol over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import numpy as np
import pytest
from conftest import THREE
from kserve import InferenceRESTClient, InferInput, InferRequest, InferResponse, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

Answer = TypeVar("Answer")


def ask(question: Callable[[InferenceRESTClient], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with InferenceRESTClient(RESTConfig(protocol="v2", retries=0)) as client:
            return await question(client)

    return asyncio.run(run())


def image(*, binary: bool, rows: int = 1) -> InferInput:
    tensor = InferInput("image", [rows, 64], "FP32")
    tensor.set_data_from_numpy(np.array([THREE] * rows, np.float32), binary_data=binary)
    return tensor


def array_of(answer: InferResponse, name: str) -> np.ndarray:
    found = answer.get_output_by_name(name)
    assert found is not None
    return found.as_numpy()


def test_it_is_live_and_ready(url: str) -> None:
    assert ask(lambda client: client.is_server_live(url))
    assert ask(lambda client: client.is_server_ready(url))
    assert ask(lambda client: client.is_model_ready(url, "digits"))
    assert not ask(lambda client: client.is_model_ready(url, "nothing"))


@pytest.mark.parametrize("binary_output", [True, False])
@pytest.mark.parametrize("binary", [True, False])
def test_it_infers(url: str, binary: bool, binary_output: bool) -> None:
    request = InferRequest(
        "digits",
        [image(binary=binary, rows=2)],
        request_id="seven",
        parameters={"binary_data_output": binary_output},
    )
    headers: dict[str, str] = {}
    answer = ask(
        lambda client: client.infer(url, request, model_name="digits", response_headers=headers)
    )
    assert answer.id == "seven"
    assert array_of(answer, "label").tolist() == [3, 3]
    assert array_of(answer, "probabilities").shape == (2, 10)
    assert ("inference-header-content-length" in headers) == binary_output


def test_it_asks_for_an_output_as_bytes(url: str) -> None:
    wanted = [RequestedOutput("label", {"binary_data": True})]
    request = InferRequest("digits", [image(binary=True)], request_outputs=wanted)
    answer = ask(lambda client: client.infer(url, request, model_name="digits"))
    assert [output.name for output in answer.outputs] == ["label"]
    assert array_of(answer, "label").tolist() == [3]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("FP16", np.array([[-65504, 0.5]], np.float16)),
        ("BYTES", np.array([[b"", "zwei ü".encode()]], object)),
        ("BOOL", np.array([[True, False]])),
        ("UINT64", np.array([[0, 2**64 - 1]], np.uint64)),
    ],
)
def test_it_carries_other_datatypes_as_bytes(url: str, datatype: str, data: np.ndarray) -> None:
    tensor = InferInput("x", [1, 2], datatype)
    tensor.set_data_from_numpy(data, binary_data=True)
    outputs = [RequestedOutput("y", {"binary_data": True})]
    request = InferRequest(datatype.lower(), [tensor], request_outputs=outputs)
    answer = ask(lambda client: client.infer(url, request, model_name=datatype.lower()))
    # The client gives BYTES back as text.
    text = [[item.decode() if isinstance(item, bytes) else item for item in data[0].tolist()]]
    assert array_of(answer, "y").tolist() == text


def test_it_sends_a_plain_dictionary(url: str) -> None:
    tensor = {"name": "image", "shape": [1, 64], "datatype": "FP32", "data": THREE}
    answer = ask(lambda client: client.infer(url, {"inputs": [tensor]}, model_name="digits"))
    assert array_of(answer, "label").tolist() == [3]


@pytest.mark.parametrize(
    ("model", "data", "status", "error"),
    [
        ("nothing", {"inputs": []}, 404, "there is no model `nothing`"),
        ("digits", {"inputs": []}, 422, "/inputs List should have at least 1 item"),
    ],
)
def test_it_raises_what_the_server_says(
    url: str, model: str, data: dict[str, Any], status: int, error: str
) -> None:
    with pytest.raises(httpx.HTTPStatusError) as raised:
        ask(lambda client: client.infer(url, data, model_name=model))
    response = raised.value.response
    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/problem+json")
    assert error.lower() in response.json()["error"].lower()
