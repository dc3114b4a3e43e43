"""Files of networks, opened. The only module that knows onnxruntime."""

from pathlib import Path
from typing import TypeAlias

import cv2
import onnxruntime as ort

from camdigits.errors import ModelError

Network: TypeAlias = ort.InferenceSession

INKED, LEFTMOST, LOCATE, CONTEXT = "inked.onnx", "leftmost.onnx", "locate.onnx", "context.onnx"
HELPERS = INKED, LEFTMOST, LOCATE, CONTEXT
"""In the folder of models, what finds ink, takes joined digits apart, finds digits in ink and looks around them; all
others there read."""

CURE = "install camdigits again"
"""What helps where one of HELPERS is missing or another."""


THREADS = 2
"""So many compute an answer, if OpenCV takes as many when the network is opened: where much is written a fifth of the
time is saved, on a busy machine less, and nowhere any is lost."""


def models_folder() -> Path:
    """In an installed wheel models lie inside the package, in a checkout beside it."""
    inside = Path(__file__).parent / "models"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "models"


def open_helper(name: str, takes: str, shape: tuple[int | None, ...], says: str) -> Network:
    """Open one of HELPERS that takes (N, *shape) by a name and says one thing by another. Raises ModelError.

    shape: None where it may be of any length.
    """
    path = models_folder() / name
    network = open_network(path, CURE)
    # a length that may be any has a name
    taken = [
        (given.name, [None if isinstance(n, str) else n for n in given.shape[1:]]) for given in network.get_inputs()
    ]
    if taken != [(takes, list(shape))] or [said.name for said in network.get_outputs()] != [says]:
        raise ModelError(f"{path}: not the network that belongs there; {CURE}")
    return network


def open_network(path: Path, cure: str = "export it again") -> Network:
    """Open an ONNX file. Raises ModelError, which names the cure, where it is none."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = min(THREADS, cv2.getNumThreads())
    options.inter_op_num_threads = 1
    # onnxruntime's own store of memory never shrinks: eight pictures of noise read at once left it with 250 MB
    options.enable_cpu_mem_arena = False
    # measured: threads that spin while they wait give latency spikes on a busy machine
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a dozen unrelated classes for broken files
        reason = str(error).splitlines()[0].rpartition(" : ")[2]  # before it onnxruntime's own name and codes
        raise ModelError(f"{path}: not a model that onnxruntime can open ({reason}); {cure}") from error
