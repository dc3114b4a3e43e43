"""Signs in rows are found by size and place, whatever the model says of them."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from camdigits.classify import Classifier
from camdigits.pipeline import trace_image
from camdigits.sheet import Sheet, read_sheet
from camdigits.types import Image
from tests.support.sheets import TEN, draw_sheet


def read(image: Image, wanted: str = "0123456789") -> Sheet:
    classifier = Classifier("cnn")
    return read_sheet(trace_image(image, classifier), classifier.labels, list(wanted))


def counts(sheet: Sheet) -> Sequence[tuple[str, int]]:
    return [(row.text, len(row.digits)) for row in sheet.rows]


@pytest.mark.parametrize("tilt", [-7, 0, 7])
def test_a_row_for_each_digit(tilt: float) -> None:
    sheet = read(draw_sheet(TEN, tilt=tilt))
    assert (sheet.doubt, sheet.signs) == ("", 50)
    assert counts(sheet) == [(digit, 5) for digit in "0123456789"]
    assert [row.line for row in sheet.rows] == list(range(10))


def test_what_the_model_does_not_read_is_found_and_its_doubt_is_told() -> None:
    sheet = read(draw_sheet(TEN))
    assert max(digit.confidence for digit in sheet.rows[1].digits) < 0.5
    assert min(digit.confidence for digit in sheet.rows[3].digits) > 0.5


def test_signs_stand_from_left_to_right() -> None:
    for row in read(draw_sheet(TEN, tilt=5)).rows:
        places = [digit.box.x for digit in row.digits]
        assert places == sorted(places)


def test_rows_may_be_longer_and_fewer() -> None:
    assert counts(read(draw_sheet(["1111111", "777", "44444"]), "174")) == [("1", 7), ("7", 3), ("4", 5)]


def test_a_single_row_that_the_model_does_not_read_at_all() -> None:
    assert counts(read(draw_sheet(["11111"]), "1")) == [("1", 5)]


def test_parts_above_one_another_are_one_sign() -> None:
    image = draw_sheet(["88888", "55555"])
    whole = read(image, "85").rows[0]
    for digit in whole.digits:  # cut at the waist by a line of paper
        waist = digit.box.y + digit.box.h // 2 - 2
        cv2.rectangle(image, (digit.box.x - 3, waist), (digit.box.right + 3, waist + 4), (215, 215, 215), cv2.FILLED)
    sheet = read(image, "85")
    assert counts(sheet) == [("8", 5), ("5", 5)]
    for cut, digit in zip(sheet.rows[0].digits, whole.digits, strict=True):
        assert cut.box.h > 0.9 * digit.box.h


def test_two_signs_beside_the_rows_are_no_row() -> None:
    assert counts(read(draw_sheet(["33333", "88888", "22"]), "38")) == [("3", 5), ("8", 5)]


def test_a_missing_row_is_doubted() -> None:
    sheet = read(draw_sheet(TEN[:-1]))
    assert sheet.doubt == "9 rows of 3 signs or more, not 10"
    assert {row.text for row in sheet.rows} == {"?"}


def test_rows_in_another_order_are_doubted() -> None:
    sheet = read(draw_sheet(["22222", "33333", "44444", "55555"]), "5432")
    assert sheet.doubt == "the rows look like 2 3 4 5, not 5 4 3 2"


def test_a_sheet_on_its_side_is_doubted() -> None:
    assert "turn it" in read(np.ascontiguousarray(np.rot90(draw_sheet(TEN)))).doubt


def test_an_empty_page_is_doubted() -> None:
    assert read(np.full((480, 640, 3), 200, np.uint8)).doubt == "0 rows of 3 signs or more, not 10"
