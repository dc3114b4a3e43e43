"""Digits that were misread become lessons, and nothing that a client says decides where."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from camdigits.crops import is_folder_name
from camdigits.normalize import normalize
from camdigits.segment import single_sign
from tests.support.command import SAMPLES, camdigits
from tests.support.server import Server, decoded, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "signs"


@pytest.fixture
def collecting(folder: Path) -> Iterator[Server]:
    with serving("--collect", folder) as server:
        assert server.get("/api/models").json()["collects"] is True
        yield server


def correct(server: Server, picture: bytes, box: list[int], label: str) -> httpx.Response:
    said = {"box": ",".join(map(str, box)), "label": label}
    return httpx.post(server.root + "/api/wrong", files={"file": ("a.jpg", picture)}, data=said, timeout=30)


def digits(server: Server, picture: bytes) -> list[dict[str, Any]]:
    numbers = server.send(picture, params={"details": True}).json()["numbers"]
    return [digit for number in numbers for digit in number["digits"]]


@pytest.mark.parametrize("turns", [0, 1])
def test_what_is_saved_makes_the_patch_that_the_model_saw(collecting: Server, folder: Path, turns: int) -> None:
    page = np.rot90(cv2.imread(str(SAMPLES / "columns.jpg")), turns)
    picture = cv2.imencode(".png", page)[1].tobytes()
    differences = []
    for digit in digits(collecting, picture):
        answer = correct(collecting, picture, digit["box"], digit["label"])
        assert answer.status_code == 201
        saved = folder / answer.json()["saved"]
        assert saved.parent.name == digit["label"]
        sign = single_sign(cv2.imread(str(saved)))
        assert sign is not None
        (patch,) = normalize([sign])
        differences.append(np.abs(255 - 255 * patch - decoded(digit["patch"])).mean())
    assert len(differences) == 18
    assert np.median(differences) < 5
    assert max(differences) < 30  # a pixel to the side


def test_the_last_word_counts(collecting: Server, folder: Path) -> None:
    picture = (SAMPLES / "crop-paper.png").read_bytes()
    (digit,) = digits(collecting, picture)
    for label in ("1", "1", "9"):
        assert correct(collecting, picture, digit["box"], label).status_code == 201
    assert [path.parent.name for path in folder.rglob("*.png")] == ["9"]


@pytest.mark.parametrize("label", ["../outside", "/tmp/x", "..", "", "x", "0/../../x", "\0"])
def test_no_label_leads_out_of_the_folder(collecting: Server, tmp_path: Path, label: str) -> None:
    picture = (SAMPLES / "crop-paper.png").read_bytes()
    (digit,) = digits(collecting, picture)
    assert correct(collecting, picture, digit["box"], label).status_code in (400, 422)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_models_may_have_labels_that_are_no_folders() -> None:
    assert all(map(is_folder_name, ("7", "plus", "a b", "é", "+")))
    assert not any(map(is_folder_name, ("", ".", "..", "/", "a/b", "a\\b", "\0", "7/")))


def test_a_place_without_a_digit_is_told(collecting: Server) -> None:
    picture = (SAMPLES / "crop-paper.png").read_bytes()
    answer = correct(collecting, picture, [0, 0, 3, 3], "7")
    assert (answer.status_code, list(answer.json())) == (404, ["source", "error"])
    assert correct(collecting, picture, [0, 0, 3], "7").status_code == 422
    assert correct(collecting, b"no picture", [0, 0, 3, 3], "7").status_code == 422


def test_what_cannot_be_saved_is_told(collecting: Server, folder: Path) -> None:
    picture = (SAMPLES / "crop-paper.png").read_bytes()
    (digit,) = digits(collecting, picture)
    (folder / "7").write_text("no folder")
    answer = correct(collecting, picture, digit["box"], "7")
    assert (answer.status_code, list(answer.json())) == (507, ["error"])
    assert correct(collecting, picture, digit["box"], "x").json() == {"error": "the model knows no such label"}


def test_nothing_is_collected_unless_asked_for(server: Server) -> None:
    picture = (SAMPLES / "crop-paper.png").read_bytes()
    assert server.get("/api/models").json()["collects"] is False
    refused = correct(server, picture, [20, 12, 62, 77], "7")
    assert refused.status_code == 404
    assert refused.json() == {"error": "nothing is collected here; start it as camdigits serve --collect DIR"}


def test_a_folder_that_cannot_be_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = camdigits("serve", "--no-open", "--port", "0", "--collect", tmp_path / "file" / "signs")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "name another --collect" in done.stderr
