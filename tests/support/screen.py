"""A screen without a screen: Xvfb with a window manager, and hands to press its keys."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from camdigits.types import Image

TOOLS = ("Xvfb", "openbox", "xdotool", "wmctrl")


class Screen:
    """display: what DISPLAY must say to use it."""

    def __init__(self, server: subprocess.Popen[bytes], display: str, pixels: Path) -> None:
        self.server = server
        self.display = display
        self._pixels = pixels

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DISPLAY": self.display}

    def wait_for_window(self, title: str = "camdigits") -> None:
        """Return when the window is there and has the keyboard."""
        self._run("xdotool", "search", "--sync", "--onlyvisible", "--name", title, "windowfocus", "--sync")

    def press(self, *keys: str) -> None:
        """Press keys by their X names: q, Escape, space, Left."""
        for key in keys:
            self._run("xdotool", "key", key)

    def point(self, x: float, y: float) -> None:
        """Move the mouse to a pixel of the screen."""
        self._run("xdotool", "mousemove", "--sync", str(round(x)), str(round(y)))

    def button(self, *, down: bool) -> None:
        """Press or release the mouse's left button."""
        self._run("xdotool", "mousedown" if down else "mouseup", "1")

    def close_window(self, title: str = "camdigits") -> None:
        """Close it as the window manager's button does."""
        self._run("wmctrl", "-c", title)

    def picture(self) -> Image:
        """Return what the screen shows."""
        return read_xwd(self._pixels.read_bytes())

    def windows(self) -> list[str]:
        """Return the windows that the window manager has, a line each."""
        return subprocess.check_output(["wmctrl", "-l"], env=self.environment, text=True, timeout=20).splitlines()

    def kill(self) -> None:
        self.server.kill()
        self.server.wait()

    def _run(self, *command: str) -> None:
        subprocess.run(command, env=self.environment, check=True, timeout=20, stdout=subprocess.DEVNULL)


@contextmanager
def open_screen(folder: Path) -> Iterator[Screen]:
    """Start a screen of 1400x900; its pixels are kept in a file in `folder`."""
    # a number of this process: two servers that look for a free one at once may take the same
    display = f":{1000 + (os.getpid() * 64 + next(_started)) % 50_000}"
    ours, theirs = os.pipe()
    arguments = [
        "-displayfd",
        str(theirs),
        "-screen",
        "0",
        "1400x900x24",
        "-fbdir",
        str(folder),
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    server = subprocess.Popen(["Xvfb", display, *arguments], pass_fds=[theirs], stderr=subprocess.DEVNULL)
    os.close(theirs)
    with open(ours) as pipe:  # noqa: PTH123 - a descriptor
        pipe.readline()  # it says its number when it is ready
    screen = Screen(server, display, folder / "Xvfb_screen0")
    manager = subprocess.Popen(
        ["openbox"], env=screen.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: not subprocess.run(["wmctrl", "-m"], env=screen.environment, capture_output=True).returncode)
        yield screen
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait()


_started = count()


def wait_until(condition: Callable[[], object], timeout: float = 15) -> None:
    """Return as soon as a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("not in time")
        time.sleep(0.02)


def read_xwd(dump: bytes) -> Image:
    """Return the BGR picture in an X window dump of 32 bits a pixel."""
    header = np.frombuffer(dump, ">u4", 25)
    height, width, line, colors = int(header[5]), int(header[4]), int(header[12]), int(header[19])
    start = int(header[0]) + 12 * colors
    pixels = np.frombuffer(dump, np.uint8, height * line, start).reshape(height, line)[:, : width * 4]
    return cv2.cvtColor(pixels.reshape(height, width, 4), cv2.COLOR_BGRA2BGR)  # type: ignore[return-value]  # uint8 stays so
