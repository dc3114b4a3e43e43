"""`camdigits teach` from outside: a sheet before a camera, in a film or picture, or a folder of crops, to a reader."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits.types import Image
from tests.support.command import SAMPLES, camdigits
from tests.support.film import jpeg
from tests.support.models import write_model
from tests.support.screen import Screen, wait_until
from tests.support.sheets import TEN, draw_sheet

PAGE = ["33 11 77", "91 15 12"]
"""Numbers with the odd 1, to be read."""


def picture(path: Path, image: Image) -> Path:
    cv2.imwrite(str(path), image)
    return path


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a sheet was taught."""
    folder = tmp_path_factory.mktemp("taught")
    done = camdigits("teach", "--source", picture(folder / "sheet.png", draw_sheet(TEN)), cwd=folder)
    assert (done.returncode, done.stdout) == (0, "mine.npz\n")
    return folder


def crops(folder: Path) -> dict[str, int]:
    return {place.name: len(list(place.iterdir())) for place in sorted(folder.iterdir())}


def test_a_page_that_was_misread_is_read(taught: Path) -> None:
    page = picture(taught / "page.png", draw_sheet(PAGE, seed=9))
    after = camdigits("image", page, "--model", "mine.npz", cwd=taught)
    assert camdigits("image", page).stdout != after.stdout
    assert (after.stdout, after.stderr) == ("33 11 77\n91 15 12\n", "")


def test_live_reads_with_it(taught: Path, tmp_path: Path) -> None:
    for at in range(12):
        picture(tmp_path / f"{at}.png", draw_sheet(["15917"], seed=9))
    done = camdigits("live", "--headless", "--source", tmp_path, "--model", "mine.npz", cwd=taught)
    assert done.stdout == "15917\n"


def test_pages_without_oddities_are_read_as_before(taught: Path) -> None:
    for name in ("columns.jpg", "lines.jpg", "pencil.jpg"):
        with_it = camdigits("image", SAMPLES / name, "--model", "mine.npz", cwd=taught)
        assert with_it.stdout == camdigits("image", SAMPLES / name).stdout


def test_it_says_what_to_write_what_it_kept_and_what_came_of_it(tmp_path: Path) -> None:
    sheet = picture(tmp_path / "sheet.png", draw_sheet(["1111111", "777777"]))
    done = camdigits("teach", "--source", sheet, "--write", "17", cwd=tmp_path)
    first, second, third, last = done.stderr.splitlines()
    assert first.endswith("a row for each, five times or more: 1  7; then show the sheet")
    assert second == "13 crops kept in mine"
    assert third.startswith("13 examples: cnn alone reads 6 of them, each corrected by the others 1")
    assert last == "read with it: camdigits live --model mine.npz"
    assert crops(tmp_path / "mine") == {"1": 7, "7": 6}


def test_another_sheet_adds_to_the_folder(tmp_path: Path) -> None:
    for seed in (1, 2):
        sheet = picture(tmp_path / "sheet.png", draw_sheet(["11111", "77777"], seed=seed))
        done = camdigits("teach", "hand", "--source", sheet, "--write", "17", cwd=tmp_path)
        assert done.stdout == "hand.npz\n"
    assert crops(tmp_path / "hand") == {"1": 10, "7": 10}
    assert "20 examples" in done.stderr


def test_a_folder_of_crops_is_enough(taught: Path, tmp_path: Path) -> None:
    done = camdigits("teach", taught / "mine", "--model", "knn", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "mine.npz\n")
    assert "50 examples: knn alone reads" in done.stderr
    page = picture(tmp_path / "page.png", draw_sheet(PAGE, seed=9))
    assert camdigits("image", page, "--model", "mine.npz", cwd=tmp_path).stdout == "33 11 77\n91 15 12\n"


def test_crops_that_cannot_be_read_are_named_and_left_out(taught: Path, tmp_path: Path) -> None:
    (tmp_path / "hand" / "1").mkdir(parents=True)
    (tmp_path / "hand" / "1" / "good.png").write_bytes(next((taught / "mine" / "1").iterdir()).read_bytes())
    (tmp_path / "hand" / "1" / "bad.png").write_bytes(b"no picture")
    picture(tmp_path / "hand" / "1" / "empty.png", np.full((60, 60, 3), 200, np.uint8))
    done = camdigits("teach", "hand", cwd=tmp_path)
    assert "bad.png: not a picture" in done.stderr
    assert "empty.png: no ink found" in done.stderr
    assert "1 examples" in done.stderr


def test_a_film_is_taken_once_it_is_steady(tmp_path: Path) -> None:
    film = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (1280, 720))
    for rows in [TEN[:4]] * 3 + [TEN] * 10 + [TEN[:2]] * 3:
        film.write(draw_sheet(rows))
    film.release()
    done = camdigits("teach", "--source", "film.avi", cwd=tmp_path)
    assert done.stdout == "mine.npz\n"
    assert crops(tmp_path / "mine") == dict.fromkeys("0123456789", 5)


def start(
    camera: dict[str, str], folder: Path, sheet: Image, *options: str, display: str = ""
) -> subprocess.Popen[str]:
    """Start teach before an emulated camera that shows a sheet."""
    (folder / "film.mjpeg").write_bytes(jpeg(sheet) * 30)
    height, width = sheet.shape[:2]
    size = {"FAKECAM_W": str(width), "FAKECAM_H": str(height)}
    return subprocess.Popen(
        [sys.executable, "-m", "camdigits", "teach", *options],
        env={**os.environ, **camera, **size, "FAKECAM_FILE": str(folder / "film.mjpeg"), "DISPLAY": display},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_without_a_name_the_first_camera_is_asked(camera: dict[str, str], tmp_path: Path) -> None:
    with start(camera, tmp_path, draw_sheet(TEN), "--headless") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "mine.npz\n"), err
    assert crops(tmp_path / "mine") == dict.fromkeys("0123456789", 5)


def test_in_a_window_space_keeps_the_sheet(camera: dict[str, str], screen: Screen, tmp_path: Path) -> None:
    with start(camera, tmp_path, draw_sheet(TEN), display=screen.display) as process:
        screen.wait_for_window()

        def agreed() -> bool:
            screen.press("space")
            return process.poll() is not None

        wait_until(agreed, timeout=30)
        assert process.communicate()[0] == "mine.npz\n"
    assert crops(tmp_path / "mine") == dict.fromkeys("0123456789", 5)


def test_in_a_window_q_leaves_and_nothing_is_kept(camera: dict[str, str], screen: Screen, tmp_path: Path) -> None:
    with start(camera, tmp_path, draw_sheet(TEN), display=screen.display) as process:
        screen.wait_for_window()

        def left() -> bool:
            screen.press("q")
            return process.poll() is not None

        wait_until(left, timeout=30)
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert err.endswith("nothing kept\n")
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("gone",), "gone: no such folder of crops; --source 0 shows a sheet"),
        (("gone", "--write", "17"), "--write says which signs are on a sheet; without --source"),
        (("empty",), "empty: no picture with ink in it"),
        (("letters",), "letters: teaches x, but the model reads only 0 1 2"),
        (
            ("--source", "sheet.png"),
            "sheet.png: no sheet as asked for: 2 rows of 3 signs or more, not 10; write larger",
        ),
        (("--source", "sheet.png", "--write", "54"), "the rows look like 4 5, not 5 4"),
        (("--source", "sheet.png", "--write", "4x"), "x: the model reads only 0 1 2"),
        (("--source", "sheet.png", "--write", "44"), "4: more than one row in --write; name each once"),
        (("--source", "gone.png"), "gone.png: no such file"),
        (("empty", "--model", "mine.npz"), "mine.npz: is taught already"),
    ],
)
def test_what_cannot_be_taught_is_one_line(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "letters" / "x").mkdir(parents=True)
    picture(tmp_path / "sheet.png", draw_sheet(["44444", "55555"]))
    done = camdigits("teach", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("label", ["..", "/folder", "a/b"])
def test_a_label_that_is_a_path_is_refused(tmp_path: Path, label: str) -> None:
    model = write_model(tmp_path / "model.onnx", 4, labels=[label, *"123456789"])
    sheet = picture(tmp_path / "sheet.png", draw_sheet(["44444", "55555"]))
    done = camdigits("teach", "--source", sheet, "--model", model, "--write", f"{label} 5", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: {label}: no name for a folder, where its crops go; name others with --write\n"
