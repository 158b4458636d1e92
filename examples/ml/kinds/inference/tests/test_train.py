"""What is said about the shipped model is true."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import train
from app.server.models import load
from tests.models import SHIPPED

FOLDER = SHIPPED / "digits" / "1"


def facts() -> dict[str, object]:
    document: dict[str, object] = json.loads((FOLDER / "model.json").read_text())
    return document


def test_the_recorded_sha256_is_that_of_the_shipped_model() -> None:
    assert facts()["sha256"] == hashlib.sha256((FOLDER / "model.onnx").read_bytes()).hexdigest()


def test_the_recorded_accuracy_is_what_the_shipped_model_reaches_on_held_out_images() -> None:
    data = train.split()
    model = (FOLDER / "model.onnx").read_bytes()
    found = train.accuracy(model, data.test_images, data.test_labels)
    assert found == pytest.approx(facts()["accuracy"], abs=1e-4)
    assert found >= 0.97
    assert facts()["held_out"] == len(data.test_labels)


def test_no_held_out_image_is_trained_on() -> None:
    data = train.split()
    trained = {image.tobytes() for image in data.train_images}
    assert not any(image.tobytes() in trained for image in data.test_images)


def test_the_sample_is_a_three_and_is_recognised() -> None:
    body = json.loads((FOLDER / "sample.json").read_text())
    (tensor,) = body["input"]["inputs"]
    image = np.array(tensor["data"], np.float32).reshape(tensor["shape"])
    results = load(FOLDER).run({tensor["name"]: image})
    assert results["label"].tolist() == [3]
    assert results["probabilities"].sum() == pytest.approx(1, abs=1e-5)


def test_training_learns_and_exports_what_the_service_serves(tmp_path: Path) -> None:
    data = train.split()
    folder = tmp_path / "digits" / "2"
    folder.mkdir(parents=True)
    model = train.export(train.train(data.train_images, data.train_labels, epochs=2))
    (folder / "model.onnx").write_bytes(model)
    assert train.accuracy(model, data.test_images, data.test_labels) > 0.9
    loaded = load(folder)
    assert loaded.inputs == load(FOLDER).inputs
    assert loaded.outputs == load(FOLDER).outputs
