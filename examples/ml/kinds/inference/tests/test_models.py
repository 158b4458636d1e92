from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from app.server.models import BrokenModel, Models, ModelsNotReady, UnknownModel, find, load
from tests.models import write_model


def test_reads_names_datatypes_and_shapes_from_the_graph(tmp_path: Path) -> None:
    write_model(
        tmp_path / "sum" / "1",
        op="Add",
        kind=TensorProto.INT64,
        inputs={"a": ("rows", 3), "b": ("rows", 3)},
        output=("rows", 3),
    )
    model = load(tmp_path / "sum" / "1")
    assert (model.name, model.version, model.batched) == ("sum", "1", True)
    assert [(t.name, t.datatype, t.shape) for t in model.inputs] == [
        ("a", "INT64", (-1, 3)),
        ("b", "INT64", (-1, 3)),
    ]
    assert [(t.name, t.datatype, t.shape) for t in model.outputs] == [("y", "INT64", (-1, 3))]
    ones = np.ones((2, 3), np.int64)
    np.testing.assert_array_equal(model.run({"a": ones, "b": ones})["y"], ones * 2)


def test_prefers_the_highest_version_by_number(tmp_path: Path) -> None:
    for version in ("9", "10", "2"):
        write_model(tmp_path / "m" / version)
    models = Models(tmp_path)
    models.load()
    assert models.get("m").version == "10"
    assert models.get("m", "2").version == "2"
    assert models.versions("m") == ["2", "9", "10"]


def test_serves_nothing_before_it_has_loaded(tmp_path: Path) -> None:
    write_model(tmp_path / "m" / "1")
    models = Models(tmp_path)
    with pytest.raises(ModelsNotReady):
        models.get("m")
    models.load()
    assert models.ready
    with pytest.raises(UnknownModel, match="no model `other`"):
        models.get("other")
    with pytest.raises(UnknownModel, match="no version `2`"):
        models.get("m", "2")


def test_a_model_with_a_fixed_first_dimension_is_not_batched(tmp_path: Path) -> None:
    write_model(tmp_path / "m" / "1", inputs={"x": (1, 2)}, output=(1, 2))
    assert not load(tmp_path / "m" / "1").batched


def test_a_model_that_does_not_return_a_row_for_a_row_is_not_batched(tmp_path: Path) -> None:
    # NonZero returns one row per dimension, and as many columns as it finds.
    write_model(
        tmp_path / "m" / "1",
        op="NonZero",
        inputs={"x": (None,)},
        output=(None, None),
        output_kind=TensorProto.INT64,
    )
    assert not load(tmp_path / "m" / "1").batched


def test_accepts_a_model_that_its_model_json_describes(tmp_path: Path) -> None:
    write_model(tmp_path / "m" / "1", describe=True)
    assert load(tmp_path / "m" / "1").name == "m"


def test_refuses_a_model_that_is_not_the_one_described(tmp_path: Path) -> None:
    folder = tmp_path / "m" / "1"
    write_model(folder, describe=True)
    write_model(folder, op="Relu")
    with pytest.raises(BrokenModel, match=r"m/1/model\.onnx: is not what model\.json describes"):
        load(folder)


def test_names_the_file_that_is_no_model(tmp_path: Path) -> None:
    folder = tmp_path / "m" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(BrokenModel, match=r"m/1/model\.onnx: cannot be loaded"):
        load(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(BrokenModel, match=r"m/1/model\.json: cannot be read"):
        load(folder)


def test_names_the_file_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    with pytest.raises(BrokenModel, match=r"m/1/model\.onnx: No such file"):
        load(tmp_path / "m" / "1")


@pytest.mark.parametrize("version", ["v1", "0", "01", "1.0"])
def test_refuses_a_version_that_is_not_a_whole_number(tmp_path: Path, version: str) -> None:
    write_model(tmp_path / "m" / version)
    with pytest.raises(BrokenModel, match="is not a version"):
        find(tmp_path)


def test_refuses_a_folder_without_models(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / "README.md").touch()
    with pytest.raises(BrokenModel, match="has no model"):
        find(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BrokenModel, match="empty: has no version"):
        find(tmp_path)
