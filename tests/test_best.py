"""The best frame of each number is kept."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits.best import BestFrames
from camdigits.errors import SinkError
from camdigits.types import Frame, Reading
from tests.support.film import stamp, stamped
from tests.support.numbers import make_number


def seen(text: str, confidence: float, frames: int, settled: bool = True) -> Reading:
    return Reading(1, make_number(text, 100, 200, confidence=confidence), settled, frames, region="dial")


def frame(index: int) -> Frame:
    return Frame(stamped(index), index, index / 30, "test")


def test_the_surest_frame_is_written_once_the_number_is_gone(tmp_path: Path) -> None:
    best = BestFrames(tmp_path / "best")
    for index, confidence in enumerate((0.8, 0.9, 0.97, 0.9)):
        best.update(frame(index), [seen("42", confidence, 4 + index, settled=index > 0)])
    # out of sight for a moment: the box is old, this frame does not show it
    best.update(frame(4), [seen("42", 0.99, 7)])
    assert list((tmp_path / "best").iterdir()) == []
    best.update(frame(5), [])
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == ["42-001.jpg", "42-001.json", "42-001.png"]
    assert stamp(cv2.imread(str(tmp_path / "best" / "42-001.jpg"))) == 2
    told = json.loads((tmp_path / "best" / "42-001.json").read_text())
    assert (told["text"], told["frame"], told["source"], told["region"]) == ("42", 2, "test", "dial")
    assert told["digits"][0]["confidence"] == 0.97
    cut = cv2.imread(str(tmp_path / "best" / "42-001.png"))
    assert cut.shape[:2] == (40 + 24, told["box"][2] + 24)
    assert np.ptp(cut) == 0


def test_a_changed_number_and_the_end_write_too_and_nothing_is_replaced(tmp_path: Path) -> None:
    best = BestFrames(tmp_path)
    best.update(frame(0), [seen("42", 0.9, 4)])
    best.update(frame(1), [seen("43", 0.9, 5)])
    best.update(frame(2), [seen("42", 0.9, 6)])
    best.close()
    best.close()
    assert sorted(path.stem for path in tmp_path.glob("*.json")) == ["42-001", "42-002", "43-001"]


def test_what_is_not_accepted_is_not_kept(tmp_path: Path) -> None:
    best = BestFrames(tmp_path)
    best.update(frame(0), [seen("42", 0.9, 2, settled=False), replace(seen("9", 0.9, 4), held="less than 10")])
    best.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot be made"):
        BestFrames(tmp_path / "file" / "best")


def test_signs_that_no_file_may_have_are_left_out_of_its_name(tmp_path: Path) -> None:
    best = BestFrames(tmp_path)
    best.update(frame(0), [seen("1/2:", 0.9, 4)])
    best.close()
    assert (tmp_path / "1_2_-001.json").exists()
