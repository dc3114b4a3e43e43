"""What several test files need: a screen, a camera."""

import shutil
import signal
from collections.abc import Iterator

import pytest

from tests.support.camera import build_camera, can_be_built, with_camera
from tests.support.film import write_mjpeg
from tests.support.screen import TOOLS, Screen, open_screen

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
    if not can_be_built():
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("camera")
    return with_camera(build_camera(folder), write_mjpeg(folder / "film.mjpeg", 300), (640, 360))
