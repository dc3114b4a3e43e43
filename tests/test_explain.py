"""The page that says why: every candidate with its fate, one file that needs nothing else."""

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits import Classifier, load_picture
from camdigits.errors import SinkError
from camdigits.explain import REASONS, explain, fates
from camdigits.pipeline import trace_image
from camdigits.types import Box, Candidate, Digit, Number, Trace

NOTHING = Trace((), np.zeros((0, 11), np.float32), ())
SAMPLES = Path(__file__).parents[1] / "samples"


def candidate(x: int, w: int = 20, cut: bool = False) -> Candidate:
    return Candidate(Box(x, 10, w, 30), np.full((30, w), 255, np.uint8), 0.5, cut)


def test_each_fate_has_its_reason() -> None:
    some = (candidate(0, cut=True), candidate(50), candidate(52), candidate(200), candidate(300), candidate(400))
    probabilities = np.array(
        [[0.9, 0, 0.1], [0.95, 0, 0.05], [0, 0.8, 0.2], [0.1, 0.1, 0.8], [0.45, 0.2, 0.35], [0.7, 0.1, 0.2]], np.float32
    )
    read = Digit("0", 0.95, some[1].box)
    trace = Trace(some, probabilities, (Number("0", 0.95, 0, 0.0, read.box, (read,)),))
    assert fates(trace, 0.5) == ["cut", "read", "another reading", "no digit", "unsure", "left out"]


def test_the_page_shows_every_candidate_and_needs_nothing_else(tmp_path: Path) -> None:
    classifier = Classifier("cnn")
    image = load_picture(str(SAMPLES / "number.jpg"))
    trace = trace_image(image, classifier)
    page = tmp_path / "why" / "number.html"
    explain(image, trace, classifier.labels, 0.5, page)
    text = page.read_text(encoding="utf-8")
    assert text.count("<tr><td>") == len(trace.candidates)
    assert "line 0: 40718" in text
    assert all(reason in text for reason in REASONS.values())
    assert not re.search(r"https?://|<script|src=\"(?!data:)", text)
    assert "4 " in text.split("<tr><td>")[1]


def test_patches_of_a_turned_page_are_shown_as_the_model_saw_them(tmp_path: Path) -> None:
    classifier = Classifier("cnn")
    turned = np.ascontiguousarray(np.rot90(load_picture(str(SAMPLES / "number.jpg"))))
    explain(turned, trace_image(turned, classifier), classifier.labels, 0.5, tmp_path / "turned.html")
    rows = (tmp_path / "turned.html").read_text(encoding="utf-8").split("<tr><td>")[1:6]
    shown = [base64.b64decode(row.split("base64,")[2].split('"')[0]) for row in rows]
    large = [cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE) for png in shown]
    said = classifier(np.stack([1 - patch[1::3, 1::3].astype(np.float32) / 255 for patch in large]))
    assert sorted(classifier.labels[best] for best in said.argmax(1)) == ["0", "1", "4", "7", "8"]


def test_a_picture_as_thin_as_a_line_has_a_page_too(tmp_path: Path) -> None:
    explain(np.zeros((4000, 1, 3), np.uint8), NOTHING, tuple("0123456789"), 0.5, tmp_path / "thin.html")
    assert "no number" in (tmp_path / "thin.html").read_text()


def test_a_picture_with_nothing_in_it_has_a_page_too(tmp_path: Path) -> None:
    blank = np.full((60, 80, 3), 200, np.uint8)
    explain(blank, NOTHING, tuple("0123456789"), 0.5, tmp_path / "a<b.html")
    assert "no number" in (tmp_path / "a<b.html").read_text()
    assert "<h1>a&lt;b</h1>" in (tmp_path / "a<b.html").read_text()


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"file.*cannot write the explanation"):
        explain(
            np.zeros((9, 9, 3), np.uint8),
            Trace((), np.zeros((0, 11), np.float32), ()),
            (),
            0.5,
            tmp_path / "file/a.html",
        )
