"""What `camdigits doctor` checks: whether this installation can read, see and show, and what to do where it cannot."""

import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Literal

from camdigits.errors import CamdigitsError

# Nothing here imports OpenCV at the top: the doctor must be able to say that it does not import.

LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libSM.so.6": "libsm6",
    "libXext.so.6": "libxext6",
}
"""System libraries that OpenCV's wheel needs and bare systems lack, and their Debian packages."""


@dataclass(frozen=True, slots=True)
class Finding:
    """state: "broken" means that nothing can be read. cure: what to do, empty where all is well."""

    state: Literal["ok", "note", "broken"]
    what: str
    cure: str = ""


def examine() -> Iterator[Finding]:
    """Yield what is found, one check after the other."""
    yield Finding("ok", f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    try:
        import cv2
    except ImportError as error:
        yield Finding("broken", "OpenCV does not import", explain_import(error))
        return
    checks: tuple[Callable[[], Finding], ...] = (_wheels, _gui, _display, _cameras)
    yield Finding("ok", f"OpenCV {cv2.__version__}")
    for check in checks:
        yield check()
    yield from _models()


def explain_import(error: ImportError) -> str:
    """Return one line on a package that does not import: what is missing and how to get it."""
    library = re.match(r"(\S+\.so[.\d]*): cannot open shared object file", str(error))
    if library:
        package = LIBRARIES.get(library[1])
        hint = f"apt install {package}" if package else "the package that holds it"
        return f"the system library {library[1]} is missing; on Debian and Ubuntu: {hint} (usually with libglib2.0-0)"
    if error.name == "cv2":
        return "OpenCV is missing; install it: python -m pip install opencv-python"
    return f"{error}; install camdigits again: python -m pip install --force-reinstall camdigits"


def _wheels() -> Finding:
    names = {distribution.metadata["Name"] or "" for distribution in distributions()}
    found = sorted(name for name in names if name.startswith("opencv-"))
    if len(found) > 1:
        cure = f"python -m pip uninstall --yes {' '.join(found)} && python -m pip install opencv-python"
        return Finding("note", f"{len(found)} OpenCV wheels overwrite each other: {', '.join(found)}", cure)
    return Finding("ok", f"one OpenCV wheel: {', '.join(found) or 'built outside pip'}")


def _gui() -> Finding:
    import cv2

    toolkit = re.search(r"^ *GUI: *(\S*)", cv2.getBuildInformation(), re.MULTILINE)
    if toolkit is None or toolkit[1].upper() in ("", "NONE"):
        cure = "python -m pip uninstall --yes opencv-python-headless, then install --force-reinstall opencv-python"
        return Finding("note", "this OpenCV cannot open windows; pictures and --headless work", cure)
    return Finding("ok", f"OpenCV opens windows with {toolkit[1]}")


def _display() -> Finding:
    from camdigits.window import open_window

    try:
        with open_window("camdigits doctor"):
            return Finding("ok", "a window opens")
    except CamdigitsError as error:
        return Finding("note", f"no window: {error}", "run on a desktop, or use --headless")


def _cameras() -> Finding:
    from camdigits.cameras import list_cameras

    cameras = list_cameras()
    if not cameras:
        cure = "plug one in; under WSL attach it with usbipd, in a container pass --device /dev/video0"
        if Path("/dev/video0").exists() and not os.access("/dev/video0", os.R_OK):
            cure = "add yourself to the group video, then log in again"
        return Finding("note", "no camera found; pictures and videos work", cure)
    return Finding("ok", f"cameras: {'; '.join(map(str, cameras))}")


def _models() -> Iterator[Finding]:
    from camdigits import network, pipeline
    from camdigits.classify import Classifier, shipped_models

    if not shipped_models():
        yield Finding("broken", "no model is installed", network.CURE)
    for name in shipped_models():
        try:
            classifier = Classifier(name)
        except CamdigitsError as error:
            yield Finding("broken", str(error), network.CURE)
        else:
            yield Finding("ok", f"model {name} reads {''.join(classifier.labels)}")
    try:
        pipeline.check()
    except CamdigitsError as error:
        yield Finding("broken", str(error), network.CURE)
