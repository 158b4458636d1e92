"""Trains the digits model that services begin with, and records how good it is.

`python train.py ../../services/inference/models/digits/1` writes there: `model.onnx`; `model.json`
with the accuracy on images that training never saw; and `sample.json`, one of those images as the
body of a prediction.
tests/test_train.py recomputes what model.json claims.

Data: scikit-learn's copy of the test set of "Optical Recognition of Handwritten Digits" (UCI):
1,797 images of 8x8 pixels. Classifier: a perceptron with one hidden layer.
"""

import argparse
import hashlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

SEED = 0
SIDE = 8
BRIGHTEST = 16.0
SAMPLE_DIGIT = 3
OPSET = {"": 18, "ai.onnx.ml": 3}

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Images are float32 (n, 64), row by row, 0 (paper) to 16 (ink); labels are int64 (n,)."""

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def split() -> Split:
    """Return the data with a quarter held out, digits in proportion; always the same split."""
    images, labels = load_digits(return_X_y=True)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images.astype(np.float32),
        labels.astype(np.int64),
        test_size=0.25,
        stratify=labels,
        random_state=SEED,
    )
    return Split(train_images, train_labels, test_images, test_labels)


def shifted(images: Images) -> Images:
    """Return the images, and each moved to four sides by half and by a whole pixel: (9n, 64).

    People do not draw in the middle of the box. The pixels that enter at the edge are paper.
    """
    padded = np.pad(images.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    still, *moved = (
        padded[:, y : y + SIDE, x : x + SIDE] for y, x in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    )
    halfway = [(still + whole) / 2 for whole in moved]
    return np.concatenate([still, *halfway, *moved]).reshape(-1, SIDE * SIDE)


def train(images: Images, labels: Labels, *, epochs: int = 30) -> Pipeline:
    """Fit images (n, 64) to labels (n,); the same input gives the same weights."""
    # Scaled by the known range and not by the data: a pixel that is rarely inked would be blown up.
    scale = MinMaxScaler().fit(np.array([[0.0] * SIDE**2, [BRIGHTEST] * SIDE**2], dtype=np.float32))
    classify = MLPClassifier((256,), alpha=0.01, max_iter=epochs, random_state=SEED)
    many = shifted(images)
    with warnings.catch_warnings():
        # The number of epochs is chosen (by cross-validation on the training images), not reached.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classify.fit(scale.transform(many), np.tile(labels, len(many) // len(images)))
    return Pipeline([("scale", scale), ("classify", classify)])


def export(pipeline: Pipeline) -> bytes:
    """Return ONNX: `image` FP32 [-1, 64] to `label` INT64 [-1], `probabilities` FP32 [-1, 10]."""
    model = to_onnx(
        pipeline,
        initial_types=[("image", FloatTensorType([None, SIDE * SIDE]))],
        options={"zipmap": False},
        target_opset=OPSET,
        name="digits",
    )
    return bytes(model.SerializeToString())


def accuracy(model: bytes, images: Images, labels: Labels) -> float:
    """Return the share of images (n, 64) that the ONNX model labels right, 0 to 1."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (predicted,) = session.run(["label"], {"image": images})
    return float(np.mean(predicted == labels))


def sample(data: Split) -> dict[str, Any]:
    """Return a held-out image of a three as the body of `POST /v1/predictions`."""
    image = data.test_images[int(np.argmax(data.test_labels == SAMPLE_DIGIT))]
    tensor = {
        "name": "image",
        "shape": [1, SIDE * SIDE],
        "datatype": "FP32",
        "data": [int(value) for value in image],
    }
    return {"model": "digits", "input": {"inputs": [tensor]}}


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the digits model.")
    parser.add_argument("into", type=Path, help="the folder of a version of the model")
    into: Path = parser.parse_args().into

    data = split()
    model = export(train(data.train_images, data.train_labels))
    facts = {
        "accuracy": round(accuracy(model, data.test_images, data.test_labels), 4),
        "held_out": len(data.test_labels),
        "classes": list("0123456789"),
        "sha256": hashlib.sha256(model).hexdigest(),
    }
    into.mkdir(parents=True, exist_ok=True)
    (into / "model.onnx").write_bytes(model)
    (into / "model.json").write_text(json.dumps(facts, indent=2) + "\n")
    (into / "sample.json").write_text(json.dumps(sample(data)) + "\n")


if __name__ == "__main__":
    main()
