"""Inputs against a model's metadata, and how they are cut."""

import json
from typing import Any

import pytest

from app.worker import inputs

METADATA = {
    "inputs": [
        {"name": "x", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "n", "datatype": "INT64", "shape": [-1]},
    ],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}],
}


def tensor(name: str, shape: list[int], data: list[Any], datatype: str = "FP32") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def request(*tensors: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": list(tensors)}


X = tensor("x", [2, 2], [1, 2, 3, 4])
N = tensor("n", [2], [1, 2], "INT64")


@pytest.mark.parametrize("parameters", [None, [], {}, {"x": 1}, {"binary_data_output": False}])
def test_leaves_other_parameters_to_the_server(parameters: Any) -> None:
    assert inputs.check({**request(X, N), "parameters": parameters}, METADATA) == []


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_takes_what_fits_flat_or_nested(data: list[Any]) -> None:
    assert inputs.check(request(tensor("x", [2, 2], data), N), METADATA) == []


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ([], ["/inputs"]),
        ({"inputs": [{"name": "x"}]}, ["/inputs"]),
        (request(tensor("x", [True, 2], [1, 2]), N), ["/inputs"]),
        (request(tensor("x", [0, 2], []), tensor("n", [0], [], "INT64")), ["/inputs"]),
        ({**request(X, N), "parameters": {"binary_data_output": True}},
         ["/parameters/binary_data_output"]),
        (request(X), ["/inputs"]),
        (request(X, N, X), ["/inputs/2/name"]),
        (request(X, N, tensor("z", [1], [1])), ["/inputs/2/name"]),
        (request(X, tensor("n", [2], [1, 2])), ["/inputs/1/datatype"]),
        (request(tensor("x", [2, 3], [0] * 6), N), ["/inputs/0/shape"]),
        (request(tensor("x", [4], [0] * 4), N), ["/inputs/0/shape"]),
        (request(tensor("x", [2, 2], [1]), tensor("n", [2], [], "INT64")),
         ["/inputs/0/data", "/inputs/1/data"]),
    ],
)  # fmt: skip
def test_points_at_what_does_not_fit(given: Any, pointers: list[str]) -> None:
    assert [error["pointer"] for error in inputs.check(given, METADATA)] == pointers


def test_has_rows_only_where_every_tensor_consists_of_them() -> None:
    assert inputs.rows(request(X, N), METADATA) == 2
    assert inputs.rows(request(X, tensor("n", [3], [1, 2, 3], "INT64")), METADATA) is None
    scalar = {**METADATA, "outputs": [{"name": "y", "datatype": "FP32", "shape": [1]}]}
    assert inputs.rows(request(X, N), scalar) is None


@pytest.mark.parametrize("data", [list(range(6)), [[0, 1], [2, 3], [4, 5]]])
def test_cuts_every_tensor_at_the_same_rows(data: list[Any]) -> None:
    whole = request(tensor("x", [3, 2], data), tensor("n", [3], [7, 8, 9], "INT64"))
    width = len(data) // 3
    cut = [(done, json.loads(body)) for done, body in inputs.chunks(whole, 3, 2, 1000)]
    assert cut == [
        (2, request(tensor("x", [2, 2], data[: 2 * width]), tensor("n", [2], [7, 8], "INT64"))),
        (3, request(tensor("x", [1, 2], data[2 * width :]), tensor("n", [1], [9], "INT64"))),
    ]


def test_cuts_into_smaller_chunks_what_would_be_too_long() -> None:
    given = json.loads(
        '{"inputs": [{"name": "x", "shape": [6, 1], "data": [1,1E5,1E5,1E5,1E5,1]}]}'
    )
    bodies = list(inputs.chunks(given, 6, 6, 80))
    assert [done for done, _ in bodies] == [3, 6]
    assert all(len(body) <= 80 for _, body in bodies)
    # A row is never cut.
    assert [done for done, _ in inputs.chunks(given, 6, 6, 1)] == [1, 2, 3, 4, 5, 6]


def test_writes_text_no_longer_than_it_came() -> None:
    text = '{"inputs":[{"name":"x","shape":[1,1],"data":["\u6f22 \\ud800"]}]}'
    assert [body for _, body in inputs.chunks(json.loads(text), 1, 1, 1)] == [text.encode()]


def test_joins_what_it_has_cut() -> None:
    first = {"model_name": "m", "outputs": [tensor("y", [2, 1], [1, 2])]}
    second = {"model_name": "m", "outputs": [tensor("y", [1, 1], [3])]}
    assert inputs.join([first, second]) == {
        "model_name": "m",
        "outputs": [tensor("y", [3, 1], [1, 2, 3])],
    }
