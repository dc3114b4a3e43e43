"""A trained model to the one ONNX file that keeps the contract, checked against Keras on real patches.

The same model gives the same bytes: tf2onnx numbers what it names from run to run, so names are made anew from the
order of the graph.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from camdigits.classify import Classifier, find_model
from camdigits.errors import ModelError
from camdigits.normalize import normalize_version
from camdigits.types import Patches
from camdigits_export.datasets import DIGITS
from camdigits_export.runs import describe

OPSET = 18

TOLERANCE = 1e-5
"""The most that a probability may differ between Keras and ONNX."""


def keras_to_onnx(model: Any) -> onnx.ModelProto:
    """Return a Keras model as ONNX: `patches` (N, 28, 28) float32 to `probabilities` (N, 11) float32."""
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec((None, 28, 28), tf.float32, name="patches")]
    function = tf.function(lambda patches: {"probabilities": model(patches, training=False)}, signature)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    return canonical(proto)


def finish(
    proto: onnx.ModelProto, labels: Sequence[str], training: Mapping[str, object], figures: Mapping[str, object]
) -> bytes:
    """Return the file: batch dimension N, metadata written, checked in full. Raises ModelError where it is not sound.

    labels: what the columns mean, but for the last. training: the recipe. figures: what was measured.
    """
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    proto.producer_name, proto.producer_version, proto.doc_string = "camdigits", "", ""
    proto.graph.name, proto.graph.doc_string = "camdigits", ""
    onnx.helper.set_model_props(
        proto,
        {
            "camdigits.labels": json.dumps(list(labels)),
            "camdigits.normalize": normalize_version(),
            "camdigits.training": json.dumps(training, sort_keys=True),
            "camdigits.figures": json.dumps(figures, sort_keys=True),
        },
    )
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the exported graph is not sound: {str(error).splitlines()[0]}") from error
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def write(data: bytes, path: Path) -> None:
    """Write a model file in one step, so that a reader never meets half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def run(data: bytes, patches: Patches) -> NDArray[np.float32]:
    """Return the (N, 11) probabilities that a model file gives for (N, 28, 28) float32 patches, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    parts = [
        session.run(["probabilities"], {"patches": patches[at : at + 500]})[0] for at in range(0, len(patches), 500)
    ]
    return np.concatenate(parts)


def difference(data: bytes, expected: NDArray[np.float32], patches: Patches) -> float:
    """Return the largest difference from the probabilities expected. Raises ModelError above TOLERANCE."""
    largest = float(np.abs(run(data, patches) - expected).max())
    if largest > TOLERANCE:
        raise ModelError(
            f"the ONNX file and what trained it differ by {largest:.1e} on {len(patches)} patches, "
            f"more than {TOLERANCE:.0e}: a converter or onnxruntime of this version is at fault; try another"
        )
    return largest


def parity_patches(count: int = 1000) -> Patches:
    """Return camera-like patches to compare on: MNIST's validation digits where it is at hand, else drawn ones."""
    from camdigits_export import augment, strokes

    rng = np.random.default_rng(3)
    if os.environ.get("CAMDIGITS_DATA"):
        from camdigits_export.datasets import load, validation_split

        digits = load("mnist", "train")
        inks = list(digits.part(validation_split(len(digits))[1][:count]).inks)
    else:
        inks = [strokes.draw_digit(rng, at % 10) for at in range(count)]
    return augment.as_input(np.stack([augment.camera_patch(ink, rng) for ink in inks]))


@dataclass(frozen=True, slots=True)
class Exported:
    """path: the file. difference: the largest from Keras, over `compared` patches. int8: of whether it is one."""

    path: Path
    difference: float
    compared: int
    int8: bool


def export_run(run: Path, output: Path | None = None, int8: bool = False) -> Exported:
    """Write a trained CNN's run as ONNX, by default into the run's folder. Raises DataError or ModelError."""
    from camdigits_export.cnn import load_trained

    model = load_trained(run)
    recipe, figures = describe(run)
    labels = recipe.get("labels", DIGITS)
    name = "model-int8.onnx" if int8 else "model.onnx"
    return _export(model, labels, {"recipe": recipe}, figures, output or run / name, int8)


def export_shipped(output: Path, int8: bool = False) -> Exported:
    """Write the shipped Keras weights as ONNX: the same bytes as the shipped file. Raises ModelError."""
    from camdigits_export.cnn import load_trained

    shipped = find_model("cnn")
    stated = {entry.key: entry.value for entry in onnx.load(shipped).metadata_props}
    labels, training, figures = (json.loads(stated[f"camdigits.{name}"]) for name in ("labels", "training", "figures"))
    return _export(load_trained(shipped.with_suffix(".keras")), labels, training, figures, output, int8)


def _export(
    model: Any,
    labels: Sequence[str],
    training: Mapping[str, object],
    figures: Mapping[str, object],
    path: Path,
    int8: bool,
) -> Exported:
    patches = parity_patches()
    data = finish(keras_to_onnx(model), labels, training, figures)
    expected = np.asarray(model.predict(patches, verbose=0))
    largest = difference(data, expected, patches)
    if int8:
        from camdigits_export.int8 import quantize

        data = finish(quantize(data, patches), labels, {**training, "int8": True}, figures)
        largest = float(np.abs(run(data, patches) - expected).max())
    write(data, path)
    return Exported(path, largest, len(patches), int8)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file was put to, on `compared` patches. alone: the largest difference between a batch and one by one.

    source: the largest difference from the Keras weights beside it, None where there are none.
    """

    compared: int
    alone: float
    source: float | None


def check(path: Path) -> Checked:
    """Verify a model file anew: its graph, the contract, and that it says the same of a patch in company as alone.

    Raises ModelError where it fails, DataError where the weights beside it cannot be read.
    """
    from camdigits_export.cnn import load_trained

    model = Classifier(path)
    proto = onnx.load(path)
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"{path}: the graph is not sound: {str(error).splitlines()[0]}") from error
    patches = parity_patches(300)
    together = model(patches)
    alone = float(np.abs(np.concatenate([model(patch[None]) for patch in patches]) - together).max())
    wrong = float(np.abs(together.sum(axis=1) - 1).max())
    if alone > TOLERANCE or wrong > 1e-3 or together.min() < 0:
        raise ModelError(f"{path}: its probabilities depend on the batch by {alone:.1e} or miss one by {wrong:.1e}")
    weights = path.with_suffix(".keras")
    if not weights.is_file() or any(node.op_type == "QuantizeLinear" for node in proto.graph.node):
        return Checked(len(patches), alone, None)
    expected = np.asarray(load_trained(weights).predict(patches, verbose=0))
    return Checked(len(patches), alone, difference(path.read_bytes(), expected, patches))


def canonical(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Name nodes and values by their order in the graph; its input and output keep their names."""
    graph = proto.graph
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    names[""] = ""  # an optional input that is left out
    for at, node in enumerate(graph.node):
        node.name = f"{node.op_type}{at}"
        for values in (node.input, node.output):
            values[:] = [names.setdefault(value, f"v{len(names)}") for value in values]
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    ordered = sorted(graph.initializer, key=lambda tensor: int(tensor.name[1:]))
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(ordered)
    return proto
