"""Corrected digits become a data set."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from camdigits.classify import Classifier
from camdigits.corrections import save_corrections
from camdigits.crops import upright
from camdigits.errors import SinkError
from camdigits.normalize import normalize
from camdigits.pictures import load_picture
from camdigits.pipeline import trace_image
from camdigits.segment import single_sign
from camdigits_export import datasets
from tests.support.command import SAMPLES

DIGITS = "0123456789"


@pytest.fixture(scope="module", params=[0, 1, 2, 3])
def read(request: pytest.FixtureRequest) -> list[NDArray[np.uint8]]:
    """What the digits of 40718 were read from, on a page that lies each way."""
    page = np.ascontiguousarray(np.rot90(load_picture(str(SAMPLES / "number.jpg")), request.param))
    trace = trace_image(page, Classifier("cnn"))
    boxes = {candidate.box: candidate for candidate in trace.candidates}
    (number,) = trace.numbers
    return [upright(boxes[digit.box], number) for digit in number.digits]


def test_corrected_digits_are_read_as_what_they_were(read: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    for extra in [*range(8), 0]:  # one that is corrected twice is there once
        inks = [np.pad(ink, ((extra, 0), (0, 0))) for ink in read]
        assert save_corrections(inks, "40718", DIGITS, tmp_path) == f"5 digits of 40718 saved in {tmp_path}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "4", "7", "8"]
    classifier = Classifier("cnn")
    for path in tmp_path.rglob("*.png"):
        sign = single_sign(load_picture(str(path)))
        assert sign
        (chances,) = classifier(normalize([sign]))
        assert classifier.labels[chances[:-1].argmax()] == path.parent.name
    data = datasets.load(str(tmp_path), "all")
    assert Counter(data.names[label] for label in data.labels) == dict.fromkeys("01478", 8)


def test_points_and_signs_are_no_digits_and_a_digit_not_found_is_left_out(
    read: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    inks = [read[0], None, *read[2:]]
    assert save_corrections(inks, "-4.0718", DIGITS, tmp_path) == f"4 digits of -4.0718 saved in {tmp_path}"


def test_another_count_of_digits_saves_nothing(read: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    assert save_corrections(read, "407", DIGITS, tmp_path) == "not saved: 5 digits were found, 3 named"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "unknown"), [("4O718", "O"), ("4x7y8", "x y"), ("four 718", "f o u r")])
def test_what_the_model_does_not_read_is_not_saved(
    read: list[NDArray[np.uint8]], tmp_path: Path, text: str, unknown: str
) -> None:
    said = save_corrections(read, text, DIGITS, tmp_path)
    assert said == f"not saved: {unknown} is nothing that the model reads, or no folder's name"
    assert save_corrections(read[:1], "..", [".."], tmp_path).startswith("not saved: .. is")
    assert list(tmp_path.iterdir()) == []


def test_words_and_signs_that_the_model_knows_are_labels(read: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    said = save_corrections(read[:4], "four -8 z", ["four", "-", "8", "Z"], tmp_path)
    assert said.startswith("4 digits")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["-", "8", "Z", "four"]


def test_a_folder_that_cannot_be_written_is_one_line(read: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="corrections cannot be written"):
        save_corrections(read, "40718", DIGITS, tmp_path / "file")
