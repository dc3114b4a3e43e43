"""camdigits reads handwritten digits, and the numbers they form, from a camera in real time.

The product in five lines:

    from camdigits import draw, open_source, open_window, read_stream

    with open_source(0) as frames, open_window("camdigits") as show:
        for frame, readings in read_stream(frames):
            if not show(draw(frame, readings)):
                break
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Read when OpenCV is first imported: its own complaints about cameras and files would stand beside ours, and it
# refuses pictures over 2^30 pixels, which decoded take 3 GB. FFmpeg's lines would not say more.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))

if TYPE_CHECKING:
    from camdigits.classify import Classifier as Classifier
    from camdigits.errors import CamdigitsError as CamdigitsError
    from camdigits.overlay import draw as draw
    from camdigits.overlay import draw_numbers as draw_numbers
    from camdigits.pictures import load_picture as load_picture
    from camdigits.pipeline import read_image as read_image
    from camdigits.pipeline import read_stream as read_stream
    from camdigits.sources import open_source as open_source
    from camdigits.types import Box as Box
    from camdigits.types import Digit as Digit
    from camdigits.types import Frame as Frame
    from camdigits.types import Number as Number
    from camdigits.types import Reading as Reading
    from camdigits.window import open_window as open_window

# Loaded at first use: the command line must be able to say in one line that OpenCV lacks a system library, and
# `camdigits --help` needs none of it.
_HOMES = {
    "Box": "types",
    "CamdigitsError": "errors",
    "Classifier": "classify",
    "Digit": "types",
    "Frame": "types",
    "Number": "types",
    "Reading": "types",
    "draw": "overlay",
    "draw_numbers": "overlay",
    "load_picture": "pictures",
    "open_source": "sources",
    "open_window": "window",
    "read_image": "pipeline",
    "read_stream": "pipeline",
}

__all__ = [
    "Box",
    "CamdigitsError",
    "Classifier",
    "Digit",
    "Frame",
    "Number",
    "Reading",
    "draw",
    "draw_numbers",
    "load_picture",
    "open_source",
    "open_window",
    "read_image",
    "read_stream",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
