"""A model that says the same whatever it sees: so a test knows which model read."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from camdigits.normalize import normalize_version


def write_model(path: Path, digit: int, sureness: float = 0.99, labels: Sequence[str] = "0123456789") -> Path:
    """Write an ONNX file that takes every patch for this one of ten labels, with a probability of `sureness`."""
    onnx = pytest.importorskip("onnx", reason="models are made with the extra camdigits[export]")
    helper, from_array, kind = onnx.helper, onnx.numpy_helper.from_array, onnx.TensorProto
    said = np.full((1, 11), (1 - sureness) / 10, np.float32)
    said[0, digit] = sureness
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["patches", "sides"], ["sums"], keepdims=0),
            helper.make_node("Mul", ["sums", "zero"], ["zeros"]),
            helper.make_node("Unsqueeze", ["zeros", "column"], ["rows"]),
            helper.make_node("Add", ["rows", "said"], ["probabilities"]),
        ],
        "constant",
        [helper.make_tensor_value_info("patches", kind.FLOAT, ["N", 28, 28])],
        [helper.make_tensor_value_info("probabilities", kind.FLOAT, ["N", 11])],
        [
            from_array(np.array([1, 2], np.int64), "sides"),
            from_array(np.float32(0), "zero"),
            from_array(np.array([1], np.int64), "column"),
            from_array(said, "said"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(
        model, {"camdigits.labels": json.dumps(list(labels)), "camdigits.normalize": normalize_version()}
    )
    onnx.save(model, str(path))
    return path
