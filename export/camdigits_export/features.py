"""What the classical models see of a patch; each feature in numpy and, beside it, as ONNX nodes that do the same.

Every description is one row of length one: pixels, the strength of edges, or gradient histograms (Dalal and Triggs
2005) in the form that suits digits, eight signed directions shared softly over coarse grids. Before it, a patch may be
set upright by its moments, as LeCun did with MNIST (1998).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from camdigits.normalize import SIDE
from camdigits_export.augment import as_input
from camdigits_export.graph import Graph

Floats = NDArray[np.float32]

DIRECTIONS = 8

GRIDS = (7, 4)
"""Cells of each grid of gradient histograms, each way."""

EDGE = float(np.cos(2 * np.pi / DIRECTIONS))
"""A gradient counts for directions nearer than this cosine: for the two that it lies between."""

TINY = 1e-6

STEEPEST = 1.0
"""The most that a patch is sheared, in columns a row."""

MIDDLE = (SIDE - 1) / 2


class Kind(StrEnum):
    """What is looked at."""

    PIXELS = "pixels"
    EDGES = "edges"
    HOG = "hog"


@dataclass(frozen=True, slots=True)
class Features:
    """kind: what is looked at. deskew: whether slanted ink is set upright first."""

    kind: Kind = Kind.HOG
    deskew: bool = True

    def of(self, patches: NDArray[np.uint8], part: int = 2000) -> Floats:
        """Return (N, F) float32 of (N, 28, 28) uint8 patches; made in parts, to bound memory."""
        describe = _DESCRIBE[self.kind]
        parts = []
        for at in range(0, len(patches), part):
            ink = as_input(patches[at : at + part])
            parts.append(_unit(describe(upright(ink) if self.deskew else ink)))
        return np.concatenate(parts)

    def add(self, graph: Graph) -> str:
        """Add the nodes that do the same to the graph's `patches` and return the name of (N, F) float32."""
        ink = graph.add("Unsqueeze", "patches", [1])
        if self.deskew:
            ink = _add_upright(graph, ink)
        return _add_unit(graph, graph.add("Flatten", _ADD[self.kind](graph, ink)))


def upright(ink: Floats) -> Floats:
    """Return (N, 28, 28) float32 ink sheared so that its rows' middles lie above one another."""
    total, x, y, xy, yy = (ink.reshape(len(ink), -1) @ _moments()).T[..., None]
    total = total + np.float32(TINY)
    # a pixel's worth of height more: what lies flat has no slant
    slant = np.clip((xy - x * y / total) / (yy - y * y / total + total), -STEEPEST, STEEPEST)
    across, down = _places()
    shift = slant * (down - y / total)
    at = np.clip(((across + shift[:, :, None]) / np.float32(MIDDLE) + 1) * np.float32(MIDDLE), -1, SIDE)
    left = np.floor(at)
    columns = left.astype(np.int64) + 1
    padded = np.pad(ink, ((0, 0), (0, 0), (1, 2)))
    share = at - left
    lefts, rights = (np.take_along_axis(padded, columns + step, axis=2) for step in (0, 1))
    sheared: Floats = lefts * (1 - share) + rights * share
    return sheared


def _add_upright(graph: Graph, ink: str) -> str:
    """Add `upright` to (N, 1, 28, 28) ink."""
    moments = graph.add("MatMul", graph.add("Flatten", ink), _moments())
    total, x, y, xy, yy = (graph.add("Gather", moments, [at], axis=1) for at in range(5))
    total = graph.add("Add", total, TINY)
    middle = graph.add("Div", y, total)
    shared = graph.add("Sub", xy, graph.add("Div", graph.add("Mul", x, y), total))
    height = graph.add("Sub", yy, graph.add("Div", graph.add("Mul", y, y), total))
    slant = graph.add("Div", shared, graph.add("Add", height, total))
    slant = graph.add("Clip", slant, -STEEPEST, STEEPEST)
    across, down = _places()
    shift = graph.add("Unsqueeze", graph.add("Mul", slant, graph.add("Sub", down, middle)), [2])
    columns = graph.add("Div", graph.add("Add", across, shift), MIDDLE)
    # rows stay: the second coordinate of every place is the row's own
    rows = graph.add("Add", graph.add("Mul", columns, 0.0), (down / np.float32(MIDDLE))[:, None])
    places = graph.add("Concat", *(graph.add("Unsqueeze", part, [3]) for part in (columns, rows)), axis=3)
    return graph.add("GridSample", ink, places, mode="bilinear", padding_mode="zeros", align_corners=1)


def _places() -> tuple[Floats, Floats]:
    """Return (28,) columns and (28,) rows, both counted from the middle."""
    places = np.arange(SIDE, dtype=np.float32) - np.float32(MIDDLE)
    return places, places


def _moments() -> Floats:
    """Return (784, 5): what a pixel adds to total, x, y, xy and yy."""
    x, y = np.meshgrid(*_places())
    return np.stack([np.ones_like(x), x, y, x * y, y * y], axis=2).reshape(-1, 5)


def pixels(ink: Floats) -> Floats:
    """Return (N, 784): the ink itself."""
    return ink.reshape(len(ink), -1)


def _add_pixels(_graph: Graph, ink: str) -> str:
    return ink


def edges(ink: Floats) -> Floats:
    """Return (N, 392): how strong edges across and down are, in squares of two pixels (Sobel's maps, averaged)."""
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    down = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    along = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    maps = np.stack([down[:, :, 2:] - down[:, :, :-2], along[:, 2:] - along[:, :-2]], axis=1)
    squares: Floats = np.abs(maps).reshape(len(ink), 2, SIDE // 2, 2, SIDE // 2, 2).mean(axis=(3, 5))
    return squares.reshape(len(ink), -1)


def _add_edges(graph: Graph, ink: str) -> str:
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
    maps = graph.add("Conv", ink, np.stack([sobel, sobel.T])[:, None], pads=[1, 1, 1, 1])
    return graph.add("AveragePool", graph.add("Abs", maps), kernel_shape=[2, 2], strides=[2, 2])


def hog(ink: Floats) -> Floats:
    """Return (N, 520): square roots of how much gradient each cell of the grids has in each direction."""
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    size = np.sqrt(across**2 + down**2 + np.float32(TINY)) * np.float32(EDGE)
    shares = np.stack([np.maximum(across * x + down * y - size, 0) for x, y in _directions()], axis=1)
    cells = [(_pooling(grid) @ shares @ _pooling(grid).T).reshape(len(ink), -1) for grid in GRIDS]
    histograms: Floats = np.sqrt(np.concatenate(cells, axis=1) + np.float32(TINY))
    return histograms


def _add_hog(graph: Graph, ink: str) -> str:
    # gradients, and their shares of each direction, are two convolutions
    difference = np.zeros((2, 1, 3, 3), np.float32)
    difference[0, 0, 1] = difference[1, 0, :, 1] = (-1, 0, 1)
    gradient = graph.add("Conv", ink, difference, pads=[1, 1, 1, 1])
    power = graph.add("ReduceSumSquare", gradient, [1], keepdims=1)
    size = graph.add("Mul", graph.add("Sqrt", graph.add("Add", power, TINY)), EDGE)
    along = graph.add("Conv", gradient, _directions()[:, :, None, None])
    shares = graph.add("Relu", graph.add("Sub", along, size))
    cells = []
    for grid in GRIDS:
        rows = graph.add("MatMul", _pooling(grid), shares)
        cells.append(graph.add("Flatten", graph.add("MatMul", rows, _pooling(grid).T)))
    return graph.add("Sqrt", graph.add("Add", graph.add("Concat", *cells, axis=1), TINY))


def _directions() -> Floats:
    """Return (DIRECTIONS, 2) unit vectors."""
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _pooling(grid: int) -> Floats:
    """Return (grid, 28): each cell sums the pixels around its centre, less and less to its neighbours' centres."""
    stride = SIDE / grid
    centres = (np.arange(grid) + 0.5) * stride - 0.5
    return np.maximum(1 - np.abs(np.arange(SIDE) - centres[:, None]) / stride, 0).astype(np.float32)


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.sqrt(np.square(rows).sum(axis=1, keepdims=True) + np.float32(TINY))
    return unit


def _add_unit(graph: Graph, rows: str) -> str:
    square = graph.add("ReduceSumSquare", rows, [1], keepdims=1)
    return graph.add("Div", rows, graph.add("Sqrt", graph.add("Add", square, TINY)))


_DESCRIBE: dict[Kind, Callable[[Floats], Floats]] = {Kind.PIXELS: pixels, Kind.EDGES: edges, Kind.HOG: hog}
_ADD: dict[Kind, Callable[[Graph, str], str]] = {
    Kind.PIXELS: _add_pixels,
    Kind.EDGES: _add_edges,
    Kind.HOG: _add_hog,
}
