"""The nearest neighbours: gradient histograms, principal components, votes by distance; fitted here, served by ONNX.

Features are those of Dalal and Triggs (2005, "Histograms of oriented gradients") in the form that suits digits: eight
signed directions, shared softly, over a coarse grid. All of it, the examples too, is one ONNX graph of plain operators.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from camdigits_export.augment import as_input
from camdigits_export.datasets import DataError
from camdigits_export.patches import Workshop
from camdigits_export.to_onnx import OPSET, difference, finish, write

Floats = NDArray[np.float32]

DIRECTIONS = 8

CELLS = 7
"""Cells of the grid, each way: four pixels apart."""

EDGE = float(np.cos(2 * np.pi / DIRECTIONS))
"""A gradient counts for directions nearer than this cosine: for the two that it lies between."""

TINY = 1e-6


@dataclass(frozen=True, slots=True)
class KnnRecipe:
    """All that a fit is made of.

    dataset: whose patches, as datasets.load takes it. components: principal components kept. neighbours: how many
    vote. seen: clean digits whose place their camera-like versions take. rare, rejects: examples added. reject_weight:
    of a reject's vote, a digit's being 1; fewer digits are rejected below 1. fade: how fast votes fade with squared
    distance, in medians of the nearest's. stranger: how far, in the same, a reject always stands.
    """

    dataset: str = "mnist"
    components: int = 64
    neighbours: int = 8
    seen: int = 4000
    rare: int = 3000
    rejects: int = 24_000
    reject_weight: float = 0.4
    fade: float = 2.0
    stranger: float = 4.0
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Knn:
    """A fitted model.

    mean (F,) and axes (F, D): the projection, float32. examples (M, D) int8: the projected examples, each unit worth
    `step`. labels (M,) uint8; reject: the one that is
    `not a digit`. neighbours: how many vote, each with exp(-sharpness * squared distance), a reject with
    reject_weight of it. stranger: the squared distance at which a reject always stands. doubt: the least weight of any
    class, as a share of the nearest's. temperature: votes are raised to its inverse.
    """

    mean: Floats
    axes: Floats
    examples: NDArray[np.int8]
    step: float
    labels: NDArray[np.uint8]
    reject: int
    neighbours: int
    reject_weight: float
    sharpness: float = 1.0
    stranger: float = 1.0
    doubt: float = 1e-3
    temperature: float = 1.0


def features(patches: Floats) -> Floats:
    """Return (N, 392) float32 gradient histograms of (N, 28, 28) float32 patches, each row of length one."""
    padded = np.pad(patches, ((0, 0), (1, 1), (1, 1)))
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    size = np.sqrt(across**2 + down**2 + np.float32(TINY))
    shares = [np.maximum(across * x + down * y - size * EDGE, 0) for x, y in _directions()]
    cells = _pooling() @ np.stack(shares, axis=1) @ _pooling().T
    histogram = np.sqrt(cells.reshape(len(patches), -1) + np.float32(TINY))
    unit: Floats = histogram / np.linalg.norm(histogram, axis=1, keepdims=True)
    return unit


def _directions() -> Floats:
    """Return (DIRECTIONS, 2) unit vectors."""
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _pooling() -> Floats:
    """Return (CELLS, 28): each cell sums the pixels around its centre, less and less to its neighbours' centres."""
    stride = 28 / CELLS
    centres = (np.arange(CELLS) + 0.5) * stride - 0.5
    return np.maximum(1 - np.abs(np.arange(28) - centres[:, None]) / stride, 0).astype(np.float32)


def train(workshop: Workshop, run: Path, recipe: KnnRecipe, report: Callable[[str, float], None]) -> Path:
    """Fit in the folder `run` and return its model.onnx, checked against scikit-learn. Raises DataError or ModelError.

    report: called with what goes on and the share of all that is done.
    """
    if (run / "recipe.json").exists():
        raise DataError(f"{run}: holds a training; name another run")
    run.mkdir(parents=True, exist_ok=True)
    settings = {"kind": "knn", **asdict(recipe)}
    (run / "recipe.json").write_text(json.dumps(settings, indent=1) + "\n")
    report("fitting", 0.0)
    model = fit(workshop, recipe)
    report("choosing on validation", 0.3)
    model, figures = calibrate(model, recipe, workshop)
    report("writing and comparing", 0.9)
    data = finish(to_graph(model), workshop.names, {"recipe": settings}, figures)
    some = workshop.validation_seen.patches[:300]
    difference(data, probabilities(model, some), as_input(some))
    write(data, run / "model.onnx")
    report("done", 1.0)
    return run / "model.onnx"


def fit(workshop: Workshop, recipe: KnnRecipe) -> Knn:
    """Return the model fitted to the workshop's patches; its votes are not calibrated yet."""
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(recipe.seed)
    count = len(workshop.clean)
    digits = np.array(workshop.clean.patches)
    at = rng.permutation(count)[: min(recipe.seen, count)]
    digits[at] = workshop.seen[rng.integers(len(workshop.seen), size=len(at)), at]
    rare = rng.permutation(len(workshop.rare))[: recipe.rare]
    rejects = workshop.rejects.patches[rng.permutation(len(workshop.rejects))[: recipe.rejects]]
    patches = np.concatenate([digits, workshop.rare.patches[rare], rejects])
    labels = np.concatenate(
        [workshop.clean.labels, workshop.rare.labels[rare], np.full(len(rejects), workshop.reject, np.uint8)]
    )
    described = _describe(patches)
    pca = PCA(recipe.components, svd_solver="covariance_eigh").fit(described)
    projected = pca.transform(described)
    step = float(np.abs(projected).max() / 127)
    return Knn(
        mean=pca.mean_.astype(np.float32),
        axes=pca.components_.T.astype(np.float32),
        examples=np.round(projected / step).astype(np.int8),
        step=step,
        labels=labels,
        reject=workshop.reject,
        neighbours=recipe.neighbours,
        reject_weight=recipe.reject_weight,
    )


def nearest(model: Knn, patches: NDArray[np.uint8]) -> tuple[Floats, NDArray[np.uint8]]:
    """Return squared distances and labels, (N, neighbours) each, of the nearest to (N, 28, 28) uint8 patches."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=model.neighbours, algorithm="brute")
    index.fit(model.examples.astype(np.float32) * np.float32(model.step))
    distances, at = index.kneighbors((_describe(patches) - model.mean) @ model.axes)
    return (distances**2).astype(np.float32), model.labels[at]


def vote(model: Knn, distances: Floats, labels: NDArray[np.uint8]) -> Floats:
    """Return (N, 11) float32 probabilities from the nearest examples' squared distances and labels."""
    first = distances.min(axis=1, keepdims=True)
    weights = np.exp(-model.sharpness * (distances - first))
    votes = np.einsum("nk,nkc->nc", weights, np.eye(model.reject + 1)[labels])
    votes[:, model.reject] *= model.reject_weight
    votes[:, model.reject] += np.exp(np.minimum(-model.sharpness * (model.stranger - first[:, 0]), 50))
    votes = (votes + model.doubt) ** (1 / model.temperature)
    shares: Floats = (votes / votes.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def probabilities(model: Knn, patches: NDArray[np.uint8]) -> Floats:
    """Return (N, 11) float32 probabilities of (N, 28, 28) uint8 patches by scikit-learn, to compare the graph with."""
    return vote(model, *nearest(model, patches))


def _describe(patches: NDArray[np.uint8]) -> Floats:
    """Return features, made in parts to bound memory."""
    parts = [features(as_input(patches[at : at + 2000])) for at in range(0, len(patches), 2000)]
    return np.concatenate(parts)


def calibrate(model: Knn, recipe: KnnRecipe, workshop: Workshop) -> tuple[Knn, dict[str, float]]:
    """Choose doubt and temperature by cross-entropy on validation; return the figures too."""
    choosing = workshop.choosing()
    truth = choosing.labels
    found = nearest(model, choosing.patches)
    scale = float(np.median(found[0][:, 0]))
    model = replace(model, sharpness=recipe.fade / scale, stranger=recipe.stranger * scale)
    best, least = model, np.inf
    for doubt, temperature in product((1e-4, 1e-3, 1e-2), np.geomspace(0.3, 2, 30)):
        tried = replace(model, doubt=doubt, temperature=float(temperature))
        said = vote(tried, *found)[np.arange(len(truth)), truth]
        loss = -float(np.mean(np.log(np.maximum(said, 1e-9))))
        if loss < least:
            best, least = tried, loss
    return best, workshop.figures(vote(best, *found).argmax(axis=1))


def to_graph(model: Knn) -> onnx.ModelProto:
    """Return the model as an ONNX graph: `patches` (N, 28, 28) float32 to `probabilities` (N, 11) float32."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, value: NDArray[Any]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def number(name: str, value: float) -> str:
        return constant(name, np.array(value, np.float32))

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    # gradients, and their shares of each direction, are two convolutions
    difference = np.zeros((2, 1, 3, 3), np.float32)
    difference[0, 0, 1] = difference[1, 0, :, 1] = (-1, 0, 1)
    image = add("Unsqueeze", ["patches", constant("channel", np.array([1]))], "image")
    gradient = add("Conv", [image, constant("difference", difference)], "gradient", pads=[1, 1, 1, 1])
    square = add("Mul", [gradient, gradient], "gradient_square")
    power = add("ReduceSum", [square, "channel"], "power", keepdims=1)
    tiny = number("tiny", TINY)
    size = add("Sqrt", [add("Add", [power, tiny], "power_tiny")], "size")
    along = add("Conv", [gradient, constant("directions", _directions()[:, :, None, None])], "along")
    edge = add("Mul", [size, number("edge", EDGE)], "edge_size")
    shares = add("Relu", [add("Sub", [along, edge], "above_edge")], "shares")
    rows = add("MatMul", [constant("pool_rows", _pooling()), shares], "rows")
    cells = add("MatMul", [rows, constant("pool_columns", _pooling().T)], "cells")
    flat = add("Flatten", [add("Sqrt", [add("Add", [cells, tiny], "cells_tiny")], "root")], "histogram")
    unit = add("LpNormalization", [flat], "unit", axis=1, p=2)

    # projected in units of `step`, so that examples are used as they are stored
    axes = constant("axes", model.axes / np.float32(model.step))
    point = add("MatMul", [add("Sub", [unit, constant("mean", model.mean)], "centred"), axes], "point")

    # |a - b|^2 = |a|^2 - 2ab + |b|^2; the nearest is sought without |a|^2
    examples = add("Cast", [constant("examples", model.examples.T)], "examples_float", to=TensorProto.FLOAT)
    one = constant("axis_one", np.array([1]))
    zero = constant("axis_zero", np.array([0]))
    lengths = add("ReduceSumSquare", [examples, zero], "lengths", keepdims=1)
    half = add("Mul", [lengths, number("half", 0.5)], "half_lengths")
    nearness = add("Sub", [add("MatMul", [point, examples], "products"), half], "nearness")
    nodes.append(
        helper.make_node(
            "TopK", [nearness, constant("neighbours", np.array([model.neighbours]))], ["near", "near_at"], axis=1
        )
    )
    own = add("Mul", [add("ReduceSumSquare", [point, one], "own_square", keepdims=1), "half"], "own")
    unscaled = add("Sub", [own, "near"], "half_distances")
    distances = add("Mul", [unscaled, number("unit_square", 2 * model.step**2)], "distances")

    # votes
    first = add("ReduceMin", [distances, one], "first", keepdims=1)
    sharpness = number("sharpness", -model.sharpness)
    beyond = add("Mul", [add("Sub", [distances, first], "beyond_first"), sharpness], "fade")
    weights = add("Unsqueeze", [add("Exp", [beyond], "weights"), one], "weights_row")
    # a table of labels, not of one-hot rows: a byte for each example
    wide = add(
        "Cast",
        [add("Gather", [constant("labels", model.labels), "near_at"], "near_labels")],
        "labels_wide",
        to=TensorProto.INT64,
    )
    columns = constant("columns", np.arange(model.reject + 1))
    which = add(
        "Equal", [add("Unsqueeze", [wide, constant("axis_two", np.array([2]))], "labels_column"), columns], "which"
    )
    table = add("Cast", [which], "table", to=TensorProto.FLOAT)
    votes = add("Squeeze", [add("MatMul", [weights, table], "votes_row"), one], "votes")
    shares_of = np.ones((1, model.reject + 1), np.float32)
    shares_of[0, model.reject] = model.reject_weight
    weighted = add("Mul", [votes, constant("reject_weight", shares_of)], "weighted")
    nearer = add("Sub", [number("stranger", model.stranger), first], "nearer")
    bounded = add("Min", [add("Mul", [nearer, "sharpness"], "strange_fade"), number("most", 50)], "bounded")
    column = np.zeros((1, model.reject + 1), np.float32)
    column[0, model.reject] = 1
    strange = add("Mul", [add("Exp", [bounded], "strange"), constant("reject", column)], "strange_row")
    total = add("Add", [add("Add", [weighted, strange], "with_stranger"), number("doubt", model.doubt)], "total")
    cooled = add("Pow", [total, number("inverse_temperature", 1 / model.temperature)], "cooled")
    add("Div", [cooled, add("ReduceSum", [cooled, one], "sum", keepdims=1)], "probabilities")

    graph = helper.make_graph(
        nodes,
        "camdigits",
        [helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["N", 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", model.reject + 1])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
