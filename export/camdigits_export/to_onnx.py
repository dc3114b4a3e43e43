"""A trained model to the one ONNX file that keeps the contract, compared with what trained it on real patches.

The same model gives the same bytes: tf2onnx numbers what it names from run to run, so names are made anew from the
order of the graph.
"""

import json
import math
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
from camdigits_export import augment, strokes
from camdigits_export.datasets import DIGITS, DataError, Dataset, learnt_and_kept, load
from camdigits_export.patches import PatchSet, save
from camdigits_export.runs import describe

OPSET = 18

TOLERANCE = 1e-5
"""The most that a probability may differ between an ONNX file and what trained it."""

CALIBRATED = 1000
"""Signs whose patches tell the ranges of int8."""


def keras_to_onnx(model: Any) -> onnx.ModelProto:
    """Return a Keras model as ONNX: `patches` (N, 28, 28) float32 to `probabilities` (N, C + 1) float32."""
    return _converted(model, "patches", "probabilities")


def network_to_onnx(
    model: Any, takes: str, says: str, training: Mapping[str, object], figures: Mapping[str, object]
) -> bytes:
    """Return the file of a Keras model that reads no patches but helps to: its own contract, and what it states.

    takes, says: names of what it is given, float32, and of its answer. training, figures: as finish takes them.
    """
    return _finished(_converted(model, takes, says), {"camdigits.training": training, "camdigits.figures": figures})


def _converted(model: Any, takes: str, says: str) -> onnx.ModelProto:
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec(model.input_shape, tf.float32, name=takes)]
    function = tf.function(lambda seen: {says: model(seen, training=False)}, signature)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    return canonical(proto)


def finish(
    proto: onnx.ModelProto, labels: Sequence[str], training: Mapping[str, object], figures: Mapping[str, object]
) -> bytes:
    """Return the file: batch dimension N, metadata written, checked in full. Raises ModelError where it is not sound.

    labels: what the columns mean, but for the last. training: the recipe. figures: what was measured.
    """
    told = {"camdigits.labels": list(labels), "camdigits.normalize": normalize_version()}
    return _finished(proto, {**told, "camdigits.training": training, "camdigits.figures": figures})


def _finished(proto: onnx.ModelProto, told: Mapping[str, object]) -> bytes:
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    proto.producer_name, proto.producer_version, proto.doc_string = "camdigits", "", ""
    proto.graph.name, proto.graph.doc_string = "camdigits", ""
    # what is text already is written as it is
    written = {name: of if isinstance(of, str) else json.dumps(of, sort_keys=True) for name, of in told.items()}
    onnx.helper.set_model_props(proto, written)
    _check_graph(proto, "the exported file")
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def _check_graph(proto: onnx.ModelProto, name: str) -> None:
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"{name}: the graph is not sound: {str(error).splitlines()[0]}") from error


def stated(path: Path) -> dict[str, Any]:
    """Return what a model file states of its `labels`, `training` and `figures`; nothing of what it leaves out."""
    written = {entry.key.removeprefix("camdigits."): entry.value for entry in onnx.load(path).metadata_props}
    return {name: json.loads(written[name]) for name in ("labels", "training", "figures") if name in written}


def write(data: bytes, path: Path) -> None:
    """Write a model file in one step, so that a reader never meets half of one."""
    save(path, lambda unfinished: unfinished.write_bytes(data))


def run(data: bytes, patches: Patches) -> NDArray[np.float32]:
    """Return the (N, C + 1) probabilities that a file gives for (N, 28, 28) float32 patches, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    parts = [
        session.run(["probabilities"], {"patches": patches[at : at + 500]})[0] for at in range(0, len(patches), 500)
    ]
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a file and what trained it agree on `compared` patches.

    difference: the largest of a probability. flipped: patches of which they say another label.
    """

    compared: int
    difference: float
    flipped: int

    def __str__(self) -> str:
        """Return it as people read it."""
        return f"largest difference {self.difference:.1e}, another label for {self.flipped} of {self.compared} patches"


def agreement(data: bytes, expected: NDArray[np.float32], patches: Patches, tolerance: float = TOLERANCE) -> Agreement:
    """Compare what a file says of patches with what is expected. Raises ModelError above the tolerance."""
    found = run(data, patches)
    flipped = int(np.sum(found.argmax(axis=1) != expected.argmax(axis=1)))
    agreed = Agreement(len(patches), float(np.abs(found - expected).max()), flipped)
    if agreed.difference > tolerance:
        raise ModelError(
            f"the ONNX file and what trained it differ by {agreed.difference:.1e} on {len(patches)} patches, "
            f"more than {tolerance:.0e}: a converter or onnxruntime of this version is at fault; try another"
        )
    return agreed


def kept_signs(recipe: Mapping[str, Any], labels: Sequence[str]) -> Dataset:
    """Return the validation signs of a recipe's data set. Raises DataError where they are not at hand."""
    name = recipe.get("dataset", "mnist")
    signs = load(name, "train")
    if signs.names != tuple(labels):
        raise DataError(f"{name}: holds other classes than those that the model reads; bring back what trained it")
    return signs.part(learnt_and_kept(signs)[1])


def signs_at_hand(recipe: Mapping[str, Any], labels: Sequence[str]) -> Dataset:
    """Return `kept_signs` where they are at hand, else drawn digits, on which models can be compared too."""
    try:
        return kept_signs(recipe, labels)
    except DataError:
        rng = np.random.default_rng(3)
        digits = np.arange(CALIBRATED, dtype=np.uint8) % 10
        return Dataset("drawn digits", [strokes.draw_digit(rng, int(digit)) for digit in digits], digits)


def _patches(signs: Dataset) -> PatchSet:
    return PatchSet(np.stack([augment.to_patch(ink) for ink in signs.inks]), signs.labels, signs.names)


def _seen(signs: Dataset) -> Patches:
    """Return patches of the first signs as a camera sees them: ranges measured on them hold for clean ones too."""
    rng = np.random.default_rng(3)
    return augment.as_input(np.stack([augment.camera_patch(ink, rng) for ink in signs.inks[:CALIBRATED]]))


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What an export wrote.

    path: the file. floats: the same model's bytes before they became int8. signs: the patches on which it was compared
    with Keras, and `of` what. agreement: with Keras.
    """

    path: Path
    floats: bytes
    of: str
    signs: PatchSet
    agreement: Agreement


def export_run(run: Path, output: Path | None = None, int8: bool = False) -> Exported:
    """Write a trained CNN's run as ONNX, by default into the run's folder. Raises DataError or ModelError."""
    from camdigits_export.cnn import load_trained

    model = load_trained(run)
    recipe, figures = describe(run)
    figures.pop("seconds", None)  # no property of the model: the same recipe gives the same bytes
    labels = recipe.get("labels", DIGITS)
    name = "model-int8.onnx" if int8 else "model.onnx"
    return _export(model, labels, {"recipe": recipe}, figures, output or run / name, int8)


def is_fitted(run: Path) -> bool:
    """Say whether a run is a classical model's, whose training wrote its ONNX file."""
    return (run / "model.onnx").is_file() and not (run / "model.keras").exists()


def export_fitted(run: Path, output: Path | None = None, int8: bool = False) -> Path:
    """Return the ONNX file that a classical model's training wrote, once checked; copied where `output` is given.

    Raises DataError for int8, ModelError where the file is not sound.
    """
    if int8:
        raise DataError(f"{run}: only a CNN becomes int8; leave out --int8")
    written = run / "model.onnx"
    check(written)
    if output:
        write(written.read_bytes(), output)
    return output or written


def export_shipped(output: Path, int8: bool = False) -> Exported:
    """Write the shipped Keras weights as ONNX: the same bytes as the shipped file. Raises DataError or ModelError."""
    from camdigits_export.cnn import load_trained

    shipped = find_model("cnn")
    of = stated(shipped)
    model = load_trained(shipped.with_suffix(".keras"))
    return _export(model, of["labels"], of["training"], of["figures"], output, int8)


def _export(
    model: Any,
    labels: Sequence[str],
    training: Mapping[str, Any],
    figures: Mapping[str, object],
    path: Path,
    int8: bool,
) -> Exported:
    # the bytes of int8 come of the patches: these are the same on every machine, or there is no file
    signs = (kept_signs if int8 else signs_at_hand)(training["recipe"], labels)
    patches = _patches(signs)
    ink = augment.as_input(patches.patches)
    expected = np.asarray(model.predict(ink, verbose=0))
    data = floats = finish(keras_to_onnx(model), labels, training, figures)
    agreed = agreement(data, expected, ink)
    if int8:
        from camdigits_export.int8 import quantize

        proto = canonical(quantize(floats, _seen(signs)))
        said = run(proto.SerializeToString(), ink).argmax(axis=1)
        figures = {"accuracy": float(np.mean(said == signs.labels)), "rejected": float(np.mean(said == len(labels)))}
        data = finish(proto, labels, {**training, "int8": True}, figures)
        agreed = agreement(data, expected, ink, math.inf)
    write(data, path)
    return Exported(path, floats, signs.name, patches, agreed)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file was put to. alone: the largest difference between `compared` patches in a batch and one by one.

    source: how far it agrees with the Keras weights beside it, None where there are none, or it is int8.
    """

    compared: int
    alone: float
    source: Agreement | None


def check(path: Path) -> Checked:
    """Verify a model file anew: its graph, the contract, and that it says the same of a patch in company as alone.

    Raises ModelError where it fails, DataError where the weights beside it cannot be read.
    """
    from camdigits_export.cnn import load_trained

    model = Classifier(path)
    proto = onnx.load(path)
    _check_graph(proto, str(path))
    recipe = stated(path).get("training", {}).get("recipe", {})
    ink = augment.as_input(_patches(signs_at_hand(recipe, model.labels)).patches)
    some = ink[:300]
    together = model(some)
    alone = float(np.abs(np.concatenate([model(patch[None]) for patch in some]) - together).max())
    wrong = float(np.abs(together.sum(axis=1) - 1).max())
    if alone > TOLERANCE or wrong > 1e-3 or together.min() < 0:
        raise ModelError(f"{path}: its probabilities depend on the batch by {alone:.1e} or miss one by {wrong:.1e}")
    weights = path.with_suffix(".keras")
    if not weights.is_file() or any(node.op_type == "QuantizeLinear" for node in proto.graph.node):
        return Checked(len(some), alone, None)
    expected = np.asarray(load_trained(weights).predict(ink, verbose=0))
    return Checked(len(some), alone, agreement(path.read_bytes(), expected, ink))


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
