"""Corrected digits become a data set."""

from collections import Counter
from pathlib import Path

import pytest

from camdigits.classify import Classifier
from camdigits.corrections import save_corrections
from camdigits.errors import SinkError
from camdigits.normalize import normalize
from camdigits.pictures import load_picture
from camdigits.pipeline import trace_image
from camdigits.segment import single_sign
from camdigits.types import Candidate
from camdigits_export import datasets
from tests.support.command import SAMPLES


@pytest.fixture(scope="module")
def read() -> list[Candidate]:
    """The candidates that the digits of 40718 were read from."""
    trace = trace_image(load_picture(str(SAMPLES / "number.jpg")), Classifier("cnn"))
    boxes = {candidate.box: candidate for candidate in trace.candidates}
    (number,) = trace.numbers
    return [boxes[digit.box] for digit in number.digits]


def test_corrected_digits_are_read_as_what_they_were(read: list[Candidate], tmp_path: Path) -> None:
    for _ in range(8):
        assert save_corrections(read, "40718", tmp_path) == f"5 digits of 40718 saved in {tmp_path}"
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
    read: list[Candidate], tmp_path: Path
) -> None:
    candidates = [read[0], None, *read[2:]]
    assert save_corrections(candidates, "-4.0718", tmp_path) == f"4 digits of -4.0718 saved in {tmp_path}"


def test_another_count_of_digits_saves_nothing(read: list[Candidate], tmp_path: Path) -> None:
    assert save_corrections(read, "407", tmp_path) == "not saved: 5 digits were found, 3 named"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(read: list[Candidate], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="corrections cannot be written"):
        save_corrections(read, "40718", tmp_path / "file")
