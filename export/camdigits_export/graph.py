"""An ONNX graph of plain operators, built node by node: values are named by the order in which they come."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from camdigits_export.to_onnx import OPSET

Value = str | float | list[int] | NDArray[Any]
"""A value's name, or a constant: a float becomes float32, a list int64, an array stays what it is."""


class Graph:
    """A graph in the making, whose input is `patches` (N, 28, 28) float32."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: Value, **attributes: Any) -> str:
        """Add an operator and return the name of what it gives."""
        (name,) = self._add(operator, inputs, 1, attributes)
        return name

    def add_two(self, operator: str, *inputs: Value, **attributes: Any) -> tuple[str, str]:
        """Add an operator that gives two values and return their names."""
        one, other = self._add(operator, inputs, 2, attributes)
        return one, other

    def model(self, probabilities: str, columns: int) -> onnx.ModelProto:
        """Return the model whose output is the value named, (N, columns) float32."""
        self._nodes.append(helper.make_node("Identity", [probabilities], ["probabilities"]))
        graph = helper.make_graph(
            self._nodes,
            "camdigits",
            [helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["N", 28, 28])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", columns])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        if any(node.domain for node in self._nodes):
            opsets.append(helper.make_opsetid("ai.onnx.ml", 3))
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def _add(self, operator: str, inputs: tuple[Value, ...], outputs: int, attributes: dict[str, Any]) -> list[str]:
        names = [f"v{len(self._nodes)}_{at}" for at in range(outputs)]
        taken = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self._nodes.append(helper.make_node(operator, taken, names, **attributes))
        return names

    def _constant(self, value: float | list[int] | NDArray[Any]) -> str:
        if isinstance(value, list):
            value = np.array(value, np.int64)
        elif not isinstance(value, np.ndarray):
            value = np.array(value, np.float32)
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name))
        return name
