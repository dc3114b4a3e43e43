"""Whether a camera's picture shows anything new: what lies still, and is known, need not be read again.

Pictures are compared by the means of small windows that overlap, in which noise is averaged away, and the smallest dot
of a pen is not.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.types import MIN_HITS, Image, Number, Reading

Means = NDArray[np.float32]

CELL = 4
"""Pixels by which windows of twice that lie apart."""

OF_NOISE = 9.0
"""A window has changed by more than so many times what half of them do, which is noise …"""

LEAST, MOST = 1.0, 6.0
"""… but by no fewer grey levels than this, and surely by more than that."""

FIRST, LATER = 2.0, 4.0
"""Seconds after which even a still picture is read again, for a faint mark that may have come: at first, and later."""


class _Seen(NamedTuple):
    """A picture: when it was taken, its shape, and the means of its windows."""

    time: float
    shape: tuple[int, ...]
    means: Means


class Unchanged:
    """Compares each picture of a camera with the last one that was read.

    hits: so many readings of a still picture must agree before it is known. rested: seconds in which nothing was read;
    who follows numbers leaves them out.
    """

    def __init__(self, hits: int = MIN_HITS) -> None:
        self._hits = hits
        self._agreed = 0
        self._read = self._newest = _Seen(0.0, (), np.zeros((0, 0), np.float32))
        self.rested = 0.0

    def look(self, image: Image, time: float) -> bool:
        """Look at a (height, width, 3) BGR picture, taken at a time in seconds; say whether it need not be read."""
        since = time - self._newest.time
        self._newest = _Seen(time, image.shape, _means(image))
        if not _is_same(self._newest, self._read):
            self._agreed = 0
        more = self._agreed - self._hits
        known = more >= 0 and time - self._read.time < (LATER if more else FIRST)
        self.rested += since if known else 0.0
        return known

    def was_read(self, numbers: Sequence[Number], readings: Sequence[Reading]) -> None:
        """Take note of what was read in the picture looked at, and of what is known since then."""
        self._read = self._newest
        texts = [sorted(texts) for texts in ((n.text for n in numbers), (r.number.text for r in readings))]
        agrees = texts[0] == texts[1] and all(reading.settled for reading in readings)
        self._agreed = self._agreed + 1 if agrees else 0

    def forget(self) -> None:
        """Take whatever comes next for new: it is to be read otherwise."""
        self._agreed = 0


def _means(image: Image) -> Means:
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    size = max(1, width // CELL), max(1, height // CELL)
    cells = cv2.resize(grey.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(cells, (2, 2)), np.float32)


def _is_same(now: _Seen, before: _Seen) -> bool:
    if now.shape != before.shape:
        return False
    changed = cv2.absdiff(now.means, before.means)
    return bool(changed.max() <= np.clip(OF_NOISE * np.median(changed[::4, ::4]), LEAST, MOST))
