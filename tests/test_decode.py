"""Lines and numbers from coordinates alone: no pictures, no model."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camdigits.decode import LONE, MOST_MARKS, OF_DIGITS, OF_MARK, REST, SUREST, decode
from camdigits.types import Box, Candidate, Number

LABELS = tuple("0123456789")


def candidate(box: Box, cut: bool = False, contrast: float = 0.5) -> Candidate:
    return Candidate(box, np.full((box.h, box.w), 255, np.uint8), contrast, cut)


def row(text: str, x: int, y: int, height: int = 40, pitch: int = 40, slope: float = 0.0) -> list[tuple[str, Box]]:
    """Digits on a straight line; a blank leaves a place empty. slope: degrees, positive rising to the right."""
    boxes = []
    for place, label in enumerate(text):
        dx = pitch * place * math.cos(math.radians(slope))
        dy = -pitch * place * math.sin(math.radians(slope))
        if label != " ":
            boxes.append((label, Box(round(x + dx), round(y + dy), height * 6 // 10, height)))
    return boxes


def read(digits: list[tuple[str, Box]], confidence: float = 0.99, min_confidence: float = 0.5) -> list[Number]:
    probabilities = np.full((len(digits), 11), (1 - confidence) / 10, np.float32)
    for i, (label, _) in enumerate(digits):
        probabilities[i, LABELS.index(label)] = confidence
    return decode([candidate(box) for _, box in digits], probabilities, LABELS, min_confidence)


def lines(numbers: list[Number]) -> list[list[str]]:
    result: dict[int, list[str]] = {}
    for number in numbers:
        result.setdefault(number.line, []).append(number.text)
    assert list(result) == list(range(len(result)))
    return list(result.values())


def odds(chance: float) -> float:
    return math.log(chance / (1 - chance))


def test_nothing_gives_nothing() -> None:
    assert read([]) == []


def test_one_digit() -> None:
    (number,) = read([("7", Box(10, 20, 30, 40))])
    assert (number.text, number.line, number.angle, number.box) == ("7", 0, 0.0, Box(10, 20, 30, 40))
    assert number.digits[0].confidence == pytest.approx(0.99)
    assert odds(number.confidence) == pytest.approx(OF_DIGITS * odds(0.99) - LONE + REST, rel=1e-4)


def test_no_number_is_surer_than_its_least_sure_digit() -> None:
    for confidence in (0.85, 0.9, 0.97, 1.0):
        (number,) = read(row("12", 10, 10), confidence=confidence)
        assert number.confidence <= confidence
    (number,) = read(row("12", 10, 10), confidence=1.0)
    assert odds(number.confidence) == pytest.approx(OF_DIGITS * odds(SUREST) + REST, rel=1e-4)


def test_lines_from_the_top_and_numbers_from_the_left() -> None:
    page = row("2019", 30, 200) + row("12345     678", 10, 20) + row("7", 200, 320)
    assert lines(read(page)) == [["12345", "678"], ["2019"], ["7"]]


def test_a_number_is_as_sure_as_its_digits_together() -> None:
    (number,) = read(row("123", 10, 10), confidence=0.9)
    assert odds(number.confidence) == pytest.approx(OF_DIGITS * odds(0.9**3) + REST, rel=1e-4)
    assert [digit.confidence for digit in number.digits] == pytest.approx([0.9] * 3, rel=1e-5)


@pytest.mark.parametrize("slope", [-40, -25, -8, 0, 8, 25, 40])
def test_lines_of_any_slope(slope: float) -> None:
    page = row("314159", 100, 300, slope=slope) + row("271828", 100, 400, slope=slope)
    numbers = read(page)
    assert lines(numbers) == [["314159"], ["271828"]]
    assert [number.angle for number in numbers] == pytest.approx([slope] * 2, abs=1.5)


def test_wide_even_spacing_is_one_number() -> None:
    assert lines(read(row("12345", 0, 0, pitch=80))) == [["12345"]]


def test_a_wide_gap_cuts() -> None:
    assert lines(read(row("12    34", 0, 0))) == [["12", "34"]]


def test_two_digits_far_apart_are_two_numbers() -> None:
    assert lines(read(row("1     2", 0, 0))) == [["1", "2"]]


def test_closely_set_lines_do_not_mix() -> None:
    page = row("11111", 0, 0, pitch=60) + row("22222", 0, 52, pitch=60) + row("33333", 0, 104, pitch=60)
    assert lines(read(page)) == [["11111"], ["22222"], ["33333"]]


def test_jitter_stays_on_the_line() -> None:
    rng = np.random.default_rng(3)
    page = [
        (label, box._replace(y=box.y + int(rng.integers(-8, 9)), h=box.h + int(rng.integers(-6, 7))))
        for label, box in row("9876543210", 10, 100) + row("0123456789", 10, 200)
    ]
    assert lines(read(page)) == [["9876543210"], ["0123456789"]]


def test_the_surest_of_overlapping_candidates_wins() -> None:
    whole, half = candidate(Box(0, 0, 30, 40)), candidate(Box(0, 0, 30, 20))
    probabilities = np.zeros((2, 11), np.float32)
    probabilities[0, 5], probabilities[0, 10] = 0.99, 0.01
    probabilities[1, 7], probabilities[1, 10] = 0.97, 0.03
    assert [number.text for number in decode([whole, half], probabilities, LABELS, 0.5)] == ["5"]
    assert [number.text for number in decode([half, whole], probabilities[::-1], LABELS, 0.5)] == ["5"]


def test_rejected_and_unsure_pieces_are_left_out() -> None:
    page = row("12", 0, 0)
    probabilities = np.zeros((2, 11), np.float32)
    probabilities[0, 1], probabilities[0, 10] = 0.2, 0.8
    probabilities[1, 2] = 0.99
    candidates = [candidate(box) for _, box in page]
    assert [number.text for number in decode(candidates[1:], probabilities[1:], LABELS, 0.5)] == ["2"]
    assert decode(candidates[1:], probabilities[1:], LABELS, 0.995) == []
    assert decode(candidates[:1], probabilities[:1], LABELS, 0.5) == []


def test_words_do_not_run_together() -> None:
    words = ("plus", "minus")
    probabilities = np.array([[0.99, 0.01, 0], [0.01, 0.99, 0], [0.99, 0.01, 0]], np.float32)
    places = [candidate(Box(10 + 40 * at, 10, 30, 30)) for at in range(3)]
    assert [number.text for number in decode(places, probabilities, words, 0.5)] == ["plus minus plus"]


def test_one_digit_alone_must_be_surer_than_one_of_many() -> None:
    assert read([("7", Box(10, 20, 30, 40))], confidence=0.8) == []
    assert lines(read(row("741", 10, 20), confidence=0.8)) == [["741"]]


def test_each_mark_beside_a_number_makes_it_less_sure() -> None:
    digits = row("123", 100, 100)

    def confidence(marks: list[Box]) -> float:
        probabilities = np.full((3 + len(marks), 11), 0.0, np.float32)
        for i, (label, _) in enumerate(digits):
            probabilities[i, LABELS.index(label)] = 0.99
        probabilities[3:, 10] = 1
        (number,) = decode([candidate(box) for box in [box for _, box in digits] + marks], probabilities, LABELS, 0.5)
        return number.confidence

    far = [Box(100, 400, 20, 30)]
    beside = [Box(100, 150, 20, 30), Box(140, 150, 20, 30)]
    alone = confidence([])
    assert confidence(far) == alone > 0.8
    assert odds(confidence(beside[:1])) == pytest.approx(odds(alone) - OF_MARK, rel=1e-4)
    assert odds(confidence(beside + far)) == pytest.approx(odds(alone) - 2 * OF_MARK, rel=1e-4)
    crowd = [Box(80 + 30 * at, 150, 20, 30) for at in range(MOST_MARKS + 1)]
    assert odds(confidence(crowd)) == pytest.approx(odds(alone) - MOST_MARKS * OF_MARK, rel=1e-4)


def among(digits: list[tuple[str, Box]], marks: list[Box], confidence: float = 0.97) -> list[list[str]]:
    """Read digits among marks that are none."""
    probabilities = np.zeros((len(digits) + len(marks), 11), np.float32)
    for i, (label, _) in enumerate(digits):
        probabilities[i, LABELS.index(label)] = confidence
    probabilities[len(digits) :, 10] = 1
    candidates = [candidate(box) for box in [box for _, box in digits] + marks]
    return lines(decode(candidates, probabilities, LABELS, 0.5))


@pytest.mark.parametrize(("confidence", "lines"), [(0.93, [["7"]]), (0.85, [])])
def test_one_digit_need_be_less_sure_where_nothing_else_is_written(confidence: float, lines: list[list[str]]) -> None:
    assert among(row("7", 100, 100), [], confidence) == lines
    assert among(row("7", 100, 100), [Box(300, 300, 20, 30)], confidence) == []


def test_a_one_has_a_line_of_its_own_unless_much_else_is_written() -> None:
    page = [*row("41", 100, 100), ("1", Box(100, 200, 8, 40)), *row("57", 100, 300)]
    marks = [Box(300 + 60 * at, 200, 30, 40) for at in range(6)]
    assert among(page, marks[:5], 0.985) == [["41"], ["1"], ["57"]]
    assert among(page, marks, 0.985) == [["41"], ["57"]]


@pytest.mark.parametrize(("height", "lines"), [(38, [["41"], ["57"]]), (26, [["41"], ["1"], ["57"]])])
def test_what_reaches_from_one_digit_to_the_next_is_the_paper_between_them(height: int, lines: list[list[str]]) -> None:
    gap = ("1", Box(108, 141 + (38 - height) // 2, 6, height))
    assert among([*row("41", 100, 100), gap, *row("57", 100, 180)], [], 0.985) == lines


def test_a_minus_speaks_not_against_its_number() -> None:
    one, below = [("1", Box(100, 100, 8, 40))], [("1", Box(100, 170, 8, 40))]
    minus, letter = Box(70, 117, 20, 6), Box(60, 100, 20, 40)
    assert among(one + below, [minus, minus.moved(0, 70)], 0.985) == [["1"], ["1"]]
    assert among(one, [letter], 0.985) == []
    # a word joined up is as wide as a dash, but high
    assert among(one, [Box(5, 100, 90, 40)], 0.985) == []


def test_an_equals_sign_speaks_not_against_its_number() -> None:
    page = [*row("7", 100, 100), *row("4", 100, 170)]
    signs = [Box(150, y, 30, 22) for y in (109, 179)]
    dashes = [sign._replace(y=sign.y + dy, h=6) for sign in signs for dy in (0, 16)]
    assert among(page, signs + dashes, 0.99) == [["7"], ["4"]]
    assert among(page, signs, 0.99) == []
    # looked at twice, a stroke is still one
    assert among(page, signs + dashes[::2] + [dash.moved(1, 1) for dash in dashes[::2]], 0.99) == []


def framed(digits: list[tuple[str, Box]], frame: Box, sides: str) -> list[list[str]]:
    """Read digits, and the left and right side of a frame around them, which look like 1s."""
    x, y, w, h = frame
    strokes = [Box(x, y, 6, h), Box(x + w - 6, y, 6, h)]
    ink = np.zeros((h, w), np.uint8)
    for side in sides.split():
        at = {"left": np.s_[:, :6], "right": np.s_[:, -6:], "top": np.s_[:6], "bottom": np.s_[-6:]}[side]
        ink[at] = 255
    boxes = [box for _, box in digits] + strokes + [frame]
    candidates = [*map(candidate, boxes[:-1]), Candidate(frame, ink, 0.5, False)]
    probabilities = np.zeros((len(boxes), 11), np.float32)
    for i, label in enumerate([label for label, _ in digits] + ["1", "1"]):
        probabilities[i, LABELS.index(label)] = 0.99
    probabilities[-1, 10] = 1
    return lines(decode(candidates, probabilities, LABELS, 0.5))


def test_the_sides_of_a_frame_around_a_number_are_no_digits() -> None:
    digits, frame = row("4096", 100, 100, pitch=30), Box(84, 92, 150, 56)
    assert framed(digits, frame, "left right top bottom") == [["4096"]]
    # what is open is writing
    assert framed(digits, frame, "left right top") == [["140961"]]
    # a 1 within the frame stays
    inside = [*digits, ("1", Box(215, 100, 8, 40))]
    assert framed(inside, Box(84, 92, 170, 56), "left right top bottom") == [["40961"]]


def test_digits_among_marks_that_are_none_are_texture() -> None:
    marks = [Box(100 + 30 * i, 160, 20, 30) for i in range(8)]
    assert among(row("12", 100, 100), marks) == []
    assert among(row("12", 100, 100), []) == [["12"]]


def words(left: int, right: int, gap: int, height: int = 40) -> list[list[Box]]:
    """Return two letters before that left edge, two behind that right one, and one on either side."""
    before = [Box(left - at * (gap + 24), 100, 24, height) for at in (1, 2)]
    behind = [Box(right + gap + at * (gap + 24), 100, 24, height) for at in (0, 1)]
    return [before, behind, [before[0], behind[0]]]


@pytest.mark.parametrize(("gap", "height", "lines"), [(8, 40, []), (24, 40, [["7"]]), (8, 16, [["7"]])])
def test_one_digit_among_letters_of_a_word_is_a_letter(gap: int, height: int, lines: list[list[str]]) -> None:
    for letters in words(100, 124, gap, height):
        assert among(row("7", 100, 100), letters, 0.999) == lines
        assert among(row("7", 100, 100), letters[:1], 0.999) == [["7"]]


@pytest.mark.parametrize(("gap", "confidence", "lines"), [(8, 0.96, []), (8, 0.995, [["472"]]), (30, 0.96, [["472"]])])
def test_digits_among_letters_of_a_word_must_be_surer(gap: int, confidence: float, lines: list[list[str]]) -> None:
    for letters in words(100, 174, gap):
        assert among(row("472", 100, 100, pitch=25), letters, confidence) == lines


@pytest.mark.parametrize(
    ("height", "beside", "confidence", "lines"),
    [
        (22, [], 0.99, [["7", "5"], ["4", "2"], ["3", "1"]]),
        (40, [], 0.99, []),  # as high as digits: letters
        (22, [Box(172, 100, 20, 22)], 0.99, []),  # not alone
        (22, [], 0.968, []),  # beside what may be no digits
    ],
)
def test_operators_between_digits_speak_not_against_them(
    height: int, beside: list[Box], confidence: float, lines: list[list[str]]
) -> None:
    digits = [digit for y, text in ((100, "7  5"), (170, "4  2"), (240, "3  1")) for digit in row(text, 100, y)]
    operators = [Box(150, y + (40 - height) // 2, 22, height) for y in (100, 170, 240)]
    others = [box.moved(0, dy) for box in beside for dy in (9, 79, 149)]
    assert among(digits, operators + others, confidence) == lines


def test_texture_repeats_itself() -> None:
    marks = [Box(100 + 40 * i, 170, 20, 30) for i in range(5)]
    assert among(row("8888", 100, 100), marks) == []
    assert among(row("1234", 100, 100), marks) == [["1234"]]
    assert among(row("8888", 100, 100), []) == [["8888"]]


def test_marks_beside_one_number_take_nothing_from_another_of_its_line() -> None:
    marks = [Box(80 + 30 * i, 160, 20, 30) for i in range(8)]
    assert among(row("12             34", 100, 100), marks) == [["34"]]


def test_marks_hardly_to_be_seen_beside_digits_are_no_texture() -> None:
    digits = [candidate(box) for _, box in row("12", 100, 100)]
    boxes = [Box(100 + 30 * i, 160, 20, 30) for i in range(8)]
    probabilities = np.zeros((10, 11), np.float32)
    probabilities[0, 1] = probabilities[1, 2] = 0.97
    probabilities[2:, 10] = 1
    for contrast, read_as in ((0.25, [["12"]]), (0.35, [])):
        marks = [candidate(box, contrast=contrast) for box in boxes]
        assert lines(decode(digits + marks, probabilities, LABELS, 0.5)) == read_as


def test_a_speck_beside_a_line_is_no_number() -> None:
    page = [*row("12345", 10, 10), ("1", Box(400, 300, 5, 14))]
    assert lines(read(page)) == [["12345"]]


@pytest.mark.parametrize(("width", "kept"), [(2, []), (12, ["111", "1"])])
def test_pieces_of_a_line_are_lower_than_digits_and_bare(width: int, kept: list[str]) -> None:
    pieces = [("1", Box(x, 300, width, 20)) for x in (100, 118, 136, 400)]
    assert lines(read([*row("12345", 10, 10), *pieces])) == [["12345"], *([kept] if kept else [])]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_pages_read_in_their_own_order(turns: int) -> None:
    """A page that must be turned `turns` times counterclockwise was turned as often clockwise."""
    page = row("12345", 40, 20) + row("678", 40, 120)
    for _ in range(turns):
        page = [(label, Box(-(box.y + box.h), box.x, box.h, box.w)) for label, box in page]
    probabilities = np.full((len(page), 11), 0.001, np.float32)
    for i, (label, _) in enumerate(page):
        probabilities[i, LABELS.index(label)] = 0.99
    numbers = decode([candidate(box) for _, box in page], probabilities, LABELS, 0.5, turns)
    assert lines(numbers) == [["12345"], ["678"]]
    assert [number.angle % 360 for number in numbers] == pytest.approx([-90 * turns % 360] * 2, abs=1)
    assert {digit.box for number in numbers for digit in number.digits} == {box for _, box in page}


def test_digits_cut_by_the_edge_are_held_back() -> None:
    probabilities = np.zeros((1, 11), np.float32)
    probabilities[0, 4] = 1
    assert decode([candidate(Box(0, 5, 20, 30), cut=True)], probabilities, LABELS, 0.5) == []


def test_pieces_that_a_slanted_cut_parts_do_not_exclude_each_other() -> None:
    whole = Box(10, 10, 50, 60)
    boxes = [Box(10, 10, 34, 60), Box(26, 10, 34, 60)]
    probabilities = np.zeros((2, 11), np.float32)
    probabilities[0, 4] = probabilities[1, 7] = 0.99
    ink = np.full((60, 34), 255, np.uint8)
    for of, read_as in ((whole, ["47"]), (None, ["4"])):
        pieces = [Candidate(box, ink, 0.5, whole=of) for box in boxes]
        assert [number.text for number in decode(pieces, probabilities, LABELS, 0.5)] == read_as


@pytest.mark.parametrize("order", ["+-x=", "-+=x", "--", "-=", "7-2", "-7"])
def test_other_signs_of_a_line_may_be_low(order: str) -> None:
    labels = ["7", "2", "+", "-", "x", "="]
    sizes = {"-": (36, 6), "=": (36, 18)}
    candidates = []
    probabilities = np.full((len(order), 7), 0.001, np.float32)
    for at, sign in enumerate(order):
        w, h = sizes.get(sign, (40, 40))
        candidates.append(candidate(Box(60 * at, 100 - h // 2, w, h)))
        probabilities[at, labels.index(sign)] = 0.994
    assert lines(decode(candidates, probabilities, labels, 0.5)) == [[order]]


def test_digits_of_a_line_are_of_like_height() -> None:
    page = [("7", Box(0, 80, 30, 40)), ("2", Box(60, 80, 30, 40)), ("1", Box(120, 97, 40, 6))]
    assert lines(read(page)) == [["72"]]


def test_a_sign_is_read_rather_than_its_bars() -> None:
    whole, upper, lower = Box(0, 0, 60, 26), Box(0, 0, 60, 7), Box(0, 19, 60, 7)
    probabilities = np.array([[0.02, 0.97, 0.01], [0.995, 0.0, 0.005], [0.995, 0.0, 0.005]], np.float32)
    candidates = [candidate(box) for box in (whole, upper, lower)]
    assert lines(decode(candidates, probabilities, ["-", "="], 0.5)) == [["="]]


def test_two_rows_are_not_one_sign() -> None:
    both, upper, lower = Box(0, 0, 40, 100), Box(0, 0, 40, 40), Box(0, 60, 40, 40)
    probabilities = np.array([[0.0, 0.97, 0.03], [0.995, 0.0, 0.005], [0.995, 0.0, 0.005]], np.float32)
    candidates = [candidate(box) for box in (both, upper, lower)]
    assert lines(decode(candidates, probabilities, ["+", "="], 0.5)) == [["+"], ["+"]]


def test_labels_come_from_the_model() -> None:
    probabilities = np.array([[0.0, 1.0, 0.0]], np.float32)
    (number,) = decode([candidate(Box(0, 0, 30, 30))], probabilities, ["+", "x"], 0.5)
    assert number.text == "x"


@given(st.lists(st.tuples(*[st.integers(0, 900)] * 2, st.integers(1, 80), st.integers(9, 120)), max_size=25), st.data())
def test_any_boxes_give_consistent_numbers(boxes: list[tuple[int, int, int, int]], data: st.DataObject) -> None:
    candidates = [candidate(Box(*box)) for box in boxes]
    seed = data.draw(st.integers(0, 1000))
    probabilities = np.random.default_rng(seed).dirichlet(np.full(11, 0.02), len(boxes)).astype(np.float32)
    numbers = decode(candidates, probabilities, LABELS, 0.5)
    digits = [digit for number in numbers for digit in number.digits]
    assert len({digit.box for digit in digits}) == len(digits) <= len(boxes)
    for number in numbers:
        assert number.text == "".join(digit.label for digit in number.digits)
        assert 0 < number.confidence <= min(digit.confidence for digit in number.digits) <= 1
        assert all(number.box.union(digit.box) == number.box for digit in number.digits)
        assert abs(number.angle) <= 90
    assert sorted({number.line for number in numbers}) == list(range(len({number.line for number in numbers})))


@pytest.mark.parametrize(("height", "kept"), [(30, ["38"]), (60, [])])
def test_a_small_hand_may_be_fainter_than_a_large_one_but_no_other(height: int, kept: list[str]) -> None:
    strong, faint = row("4172", 100, 100, 60, 60), row("38", 100, 300, height, height)
    probabilities = np.full((6, 11), 0.0001, np.float32)
    for i, (label, _) in enumerate(strong + faint):
        probabilities[i, LABELS.index(label)] = 0.999
    page = [candidate(box) for _, box in strong] + [candidate(box, contrast=0.2) for _, box in faint]
    assert lines(decode(page, probabilities, LABELS, 0.5)) == [["4172"], *([kept] if kept else [])]
