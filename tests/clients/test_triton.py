"""NVIDIA's client for Triton, `tritonclient[http]`: it sends binary tensors, and no media type."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from conftest import DATATYPES, THREE
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

DATA = {
    "BOOL": [[True, False]],
    "FP16": [[-65504, 0.5]],
    "FP32": [[-1.5, 2**100]],
    "FP64": [[-0.1, 1e300]],
    "BYTES": [["", "zwei ü"]],
}


@pytest.fixture
def client(url: str) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(url.removeprefix("http://"), concurrency=4) as client:
        yield client


def image(*, binary: bool = True, rows: int = 1) -> triton.InferInput:
    tensor = triton.InferInput("image", [rows, 64], "FP32")
    data = np.array([THREE] * rows, np.float32)
    return tensor.set_data_from_numpy(data, binary_data=binary)


def array(datatype: str) -> np.ndarray:
    dtype = np.dtype(triton_to_np_dtype(datatype))
    if dtype.kind in "iu":
        return np.array([[np.iinfo(dtype).min, np.iinfo(dtype).max]], dtype)
    return np.array(DATA[datatype], dtype)


def test_it_is_live_and_ready(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.is_model_ready("digits", "1")
    assert not client.is_model_ready("digits", "2")
    assert not client.is_model_ready("nothing")


def test_it_describes_the_server_and_a_model(client: triton.InferenceServerClient) -> None:
    extensions = client.get_server_metadata()["extensions"]
    assert {"binary_tensor_data", "classification"} <= set(extensions)
    for version in ("", "1"):
        metadata = client.get_model_metadata("digits", version)
        assert metadata["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 64]}]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("version", ["", "1"])
def test_it_infers(client: triton.InferenceServerClient, version: str, binary: bool) -> None:
    outputs = [
        triton.InferRequestedOutput(name, binary_data=binary) for name in ("probabilities", "label")
    ]
    answer = client.infer(
        "digits", [image(binary=binary)], version, outputs=outputs, request_id="seven"
    )
    assert answer.get_response()["id"] == "seven"
    assert answer.as_numpy("label").tolist() == [3]
    assert answer.as_numpy("probabilities").argmax() == 3
    assert ("data" in answer.get_output("label")) != binary


def test_outputs_that_nobody_named_come_as_bytes(client: triton.InferenceServerClient) -> None:
    answer = client.infer("digits", [image(binary=False)])
    assert answer.get_output("label")["parameters"] == {"binary_data_size": 8}
    assert answer.as_numpy("label").tolist() == [3]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("datatype", DATATYPES)
def test_it_carries_every_datatype(
    client: triton.InferenceServerClient, datatype: str, binary: bool
) -> None:
    data = array(datatype)
    given = triton.InferInput("x", [1, 2], datatype).set_data_from_numpy(data, binary_data=binary)
    wanted = [triton.InferRequestedOutput("y", binary_data=binary)]
    found = client.infer(datatype.lower(), [given], outputs=wanted).as_numpy("y")
    assert found.shape == (1, 2)
    assert found.dtype == data.dtype
    # The client has bytes where they came as such, and text where it was JSON.
    read = [item.decode() if isinstance(item, bytes) else item for item in found.ravel().tolist()]
    assert read == data.ravel().tolist()


def test_it_returns_the_classes_that_score_highest(client: triton.InferenceServerClient) -> None:
    for binary in (True, False):
        wanted = triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)
        answer = client.infer("digits", [image(rows=2)], outputs=[wanted])
        classes = answer.as_numpy("probabilities")
        assert classes.shape == (2, 3)
        for row in classes.tolist():
            texts = [item.decode() if isinstance(item, bytes) else item for item in row]
            scores = [float(text.split(":")[0]) for text in texts]
            assert int(texts[0].split(":")[1]) == 3
            assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_it_packs_what_it_sends(
    client: triton.InferenceServerClient, coding: str, binary: bool
) -> None:
    answer = client.infer(
        "digits",
        [image(binary=binary)],
        request_compression_algorithm=coding,
        response_compression_algorithm=coding,
    )
    assert answer.as_numpy("label").tolist() == [3]


def test_it_asks_many_things_at_once(client: triton.InferenceServerClient, url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        sizes = list(range(1, 21))

        def labels(rows: int) -> list[int]:
            with triton.InferenceServerClient(url.removeprefix("http://")) as own:
                return own.infer("digits", [image(rows=rows)]).as_numpy("label").tolist()

        assert list(pool.map(labels, sizes)) == [[3] * rows for rows in sizes]


def test_its_asynchronous_client_infers_too(url: str) -> None:
    async def ask() -> list[int]:
        client = triton_aio.InferenceServerClient(url.removeprefix("http://"))
        try:
            assert await client.is_server_ready()
            answer = await client.infer("digits", [image()])
            return answer.as_numpy("label").tolist()
        finally:
            await client.close()

    assert asyncio.run(ask()) == [3]


def test_parameters_of_its_own_do_no_harm(client: triton.InferenceServerClient) -> None:
    answer = client.infer(
        "digits", [image()], sequence_id=7, priority=1, timeout=1000, parameters={"mine": "x"}
    )
    assert answer.as_numpy("label").tolist() == [3]


def refusal(call: object) -> tuple[str, str]:
    """The status and the message that the client raises."""
    with pytest.raises(InferenceServerException) as raised:
        call()  # type: ignore[operator]
    message = raised.value.message()
    assert "exception occurred in the client" not in message
    return raised.value.status(), message


def test_it_raises_what_the_server_says(client: triton.InferenceServerClient) -> None:
    status, message = refusal(lambda: client.get_model_metadata("nothing"))
    assert status == "404"
    assert "nothing" in message

    status, message = refusal(lambda: client.infer("nothing", [image()]))
    assert status == "404"

    assert refusal(lambda: client.get_model_config("digits"))[0] == "404"

    wrong = triton.InferInput("image", [1, 2], "FP32")
    wrong.set_data_from_numpy(np.zeros((1, 2), np.float32))
    status, message = refusal(lambda: client.infer("digits", [wrong]))
    assert (status, message) == (
        "422",
        "/inputs/0/shape must fit [-1, 64] (-1 is any size from 1), got [1, 2]",
    )

    twice = [triton.InferRequestedOutput("label")] * 2
    status, message = refusal(lambda: client.infer("digits", [image()], outputs=twice))
    assert (status, message) == ("422", "/outputs/1/name `label` is asked for twice")


def test_what_models_do_not_take_is_refused(client: triton.InferenceServerClient) -> None:
    brain = triton.InferInput("x", [1, 2], "BF16")
    brain.set_data_from_numpy(np.array([[1, 2]], ml_dtypes.bfloat16))
    status, message = refusal(lambda: client.infer("fp32", [brain]))
    assert status == "422"
    assert message.startswith("/inputs/0/datatype ")
    assert refusal(client.get_system_shared_memory_status)[0] == "404"
