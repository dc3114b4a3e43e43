"""What several test files need: a screen, a camera."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.film import write_mjpeg
from tests.support.screen import TOOLS, Screen, open_screen

SUPPORT = Path(__file__).parent / "support"

# a shell that starts the tests in the background, or nohup, has them ignore signals, and so every program they start
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a test with a window again where it fails: under Xvfb, Qt leaves one new window in fifty bare for good."""
    for item in items:
        if "screen" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture
def screen(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """A screen of its own, which DISPLAY names."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    with open_screen(tmp_path_factory.mktemp("screen")) as opened:
        monkeypatch.setenv("DISPLAY", opened.display)
        yield opened


@pytest.fixture
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which a program finds a camera of 640x360 at /dev/video0; see support/fakecam.c."""
    if sys.platform != "linux" or not shutil.which("cc"):
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("camera")
    library = folder / "fakecam.so"
    source = SUPPORT / "fakecam.c"
    subprocess.run(["cc", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lm"], check=True)
    film = write_mjpeg(folder / "film.mjpeg", 300)
    settings = {"LD_PRELOAD": str(library), "FAKECAM_FILE": str(film), "FAKECAM_W": "640", "FAKECAM_H": "360"}
    return {**os.environ, **settings}
