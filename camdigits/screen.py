"""The screen as a camera: what a monitor shows, as frames."""

import time
from contextlib import suppress

import cv2
import numpy as np

from camdigits.errors import SourceError
from camdigits.types import Image

FPS = 30.0
"""Pictures a second."""


class ScreenCapture:
    """A monitor as cv2.VideoCapture has a camera: what sources.py asks of one, and no more."""

    def __init__(self, monitor: int) -> None:
        """monitor: from 1; 0 is all of them in one picture. Raises SourceError where the screen cannot be read."""
        try:
            from mss import MSS, ScreenShotError
        except ImportError as error:
            raise SourceError('the screen needs mss: python -m pip install "camdigits[screen]"') from error
        self._open = MSS
        self._monitor = monitor
        try:
            # closed again: the reading thread opens its own, since not every system lets threads share one
            with self._open() as screen:
                areas = screen.monitors
        except (ScreenShotError, OSError) as error:
            raise SourceError(f"screen: cannot be read ({error}); run on a desktop") from error
        if monitor >= len(areas):
            raise SourceError(f"screen:{monitor}: there are {len(areas) - 1} monitors; name one of them")
        self._size = areas[monitor]["width"], areas[monitor]["height"]
        self._screen: MSS | None = None
        self._due = time.monotonic()

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Say yes: it was read."""
        return True

    def get(self, what: int) -> float:
        """Return the width, the height or the rate; 0 of anything else."""
        known = {cv2.CAP_PROP_FRAME_WIDTH: self._size[0], cv2.CAP_PROP_FRAME_HEIGHT: self._size[1]}
        return FPS if what == cv2.CAP_PROP_FPS else float(known.get(what, 0))

    def read(self) -> tuple[bool, Image | None]:
        """Wait until the next picture is due and return it; (False, None) where there is none."""
        self._due = max(self._due + 1 / FPS, time.monotonic())
        time.sleep(self._due - time.monotonic() if self._due > time.monotonic() else 0)
        try:
            self._screen = self._screen or self._open()
            shot = self._screen.grab(self._screen.monitors[self._monitor])
        except Exception:  # of a screen that went away mss says by whatever its library stumbles over
            self.release()
            return False, None
        return True, np.ascontiguousarray(
            np.frombuffer(shot.bgra, np.uint8).reshape(shot.height, shot.width, 4)[..., :3]
        )

    def release(self) -> None:
        """Let go of the screen."""
        screen, self._screen = self._screen, None
        if screen:
            with suppress(Exception):  # as above
                screen.close()


Capture = cv2.VideoCapture | ScreenCapture
"""What gives a live source's pictures."""


def capture_size(capture: Capture) -> tuple[int, int]:
    """Return (width, height) of the frames."""
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
