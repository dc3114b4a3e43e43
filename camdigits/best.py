"""The best frame of each settled number, kept: the picture, the number cut out, and what was read as JSON."""

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import cv2

from camdigits.errors import SinkError
from camdigits.files import unused
from camdigits.types import Box, Frame, Reading

MARGIN = 0.3
"""Of a number's height: what its cut shows around it."""


class BestFrames:
    """Keeps, while an accepted number is in sight, the frame in which its digits are surest; writes it once it is gone.

    Three files each in a folder, named by the number: 4096-001.jpg, the whole frame, 4096-001.png, the number, and
    4096-001.json.
    """

    def __init__(self, folder: Path) -> None:
        """folder: made where it is not there. Raises SinkError."""
        self._folder = folder
        self._best: dict[tuple[int, str], tuple[float, Frame, Reading]] = {}
        self._seen: dict[tuple[int, str], int] = {}  # in how many frames
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"{folder}: cannot be made ({error.strerror}); name another --save-best") from error

    def update(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Take a frame and what is known of it. Raises SinkError."""
        known = {(reading.id, reading.number.text): reading for reading in readings if reading.accepted}
        for key in self._best.keys() - known.keys():
            self._write(*self._best.pop(key)[1:])
        for key, reading in known.items():
            surety = math.prod(digit.confidence for digit in reading.number.digits)
            before = self._best.get(key)
            # of one that is out of sight for a moment this frame is no picture
            if reading.frames > self._seen.get(key, 0) and (not before or surety > before[0]):
                self._best[key] = surety, frame, reading
        self._seen = {key: reading.frames for key, reading in known.items()}

    def close(self) -> None:
        """Write what is still in sight; may be called again. Raises SinkError."""
        for _, frame, reading in self._best.values():
            self._write(frame, reading)
        self._best.clear()

    def _write(self, frame: Frame, reading: Reading) -> None:
        name = re.sub(r"[^\w.,+-]", "_", reading.number.text)
        told = {
            "source": frame.source,
            "frame": frame.index,
            "time": round(frame.time, 3),
            "written": datetime.now().astimezone().isoformat(timespec="seconds"),
            **({"region": reading.region} if reading.region else {}),
            **reading.number.to_dict(),
        }
        part = _around(reading.number.box, frame)
        try:
            path = unused(self._folder, ".json", ".jpg", ".png", name=name)
            _, whole = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, 95])
            path.with_suffix(".jpg").write_bytes(whole.tobytes())
            _, cut = cv2.imencode(".png", frame.image[part.y : part.bottom, part.x : part.right])
            path.with_suffix(".png").write_bytes(cut.tobytes())
            path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise SinkError(f"{self._folder}: cannot be written ({error.strerror}); make room") from error


def _around(box: Box, frame: Frame) -> Box:
    """Return a box with its margin, inside the frame."""
    margin = round(MARGIN * box.h)
    height, width = frame.image.shape[:2]
    left, top = max(0, box.x - margin), max(0, box.y - margin)
    right, bottom = min(width, box.right + margin), min(height, box.bottom + margin)
    return Box(left, top, max(1, right - left), max(1, bottom - top))
