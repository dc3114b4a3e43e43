"""A float model to int8: weights and activations of eight bits, ranges measured on real patches (static quantisation).

Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference", as
onnxruntime does it. Weights keep seven bits: processors without VNNI add two products of eight in sixteen bits, which
would overflow.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from camdigits.types import Patches

QUANTIZED = ("Conv", "MatMul", "Gemm", "Add", "MaxPool", "Reshape")
"""All but the softmax, whose shares must sum to one."""

BATCH = 50
"""Patches in one step of the calibration."""


def quantize(data: bytes, patches: Patches) -> onnx.ModelProto:
    """Return a model file's graph in int8, with the ranges that (N, 28, 28) float32 patches have in it."""
    with _silence(), tempfile.TemporaryDirectory() as folder:
        source, prepared, made = (Path(folder) / name for name in ("float.onnx", "prepared.onnx", "int8.onnx"))
        source.write_bytes(data)
        # batch normalisation is folded into its convolution first
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(made),
            _Steps(patches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=list(QUANTIZED),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(made)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep onnxruntime's advice, which it gives on the root logger, off the terminal."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


class _Steps(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is not typed
    """Hands the patches over in batches."""

    def __init__(self, patches: Patches) -> None:
        self._batches = iter([patches[at : at + BATCH] for at in range(0, len(patches), BATCH)])

    def get_next(self) -> dict[str, Patches] | None:
        """Return the next batch by the name of the model's input, None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {"patches": batch}
