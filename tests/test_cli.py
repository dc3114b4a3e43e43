"""The command line from outside: what is printed where, exit codes, and the effect of every option."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.command import ROOT, SAMPLES, camdigits
from tests.support.drawing import paper


@pytest.fixture
def empty_page(tmp_path: Path) -> Path:
    path = tmp_path / "empty.png"
    cv2.imwrite(str(path), paper())
    return path


def test_alone_it_shows_a_first_help_of_one_screen() -> None:
    shown = camdigits()
    text = shown.stdout + shown.stderr
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= 80
    for command in ("image", "live", "cameras", "doctor", "bench", "train", "export"):
        assert f" {command} " in text


def test_version() -> None:
    assert camdigits("--version").stdout.startswith("camdigits 0.")


def test_image_prints_numbers_line_by_line() -> None:
    done = camdigits("image", SAMPLES / "columns.jpg")
    assert done.stdout == "1234 567\n80 2049\n305 61\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_several_pictures_are_headed_by_their_names() -> None:
    done = camdigits("image", "number.jpg", "lines.jpg", cwd=SAMPLES)
    assert done.stdout == "number.jpg:\n40718\nlines.jpg:\n31415\n926535\n8979\n3238\n"


def test_json_keeps_its_shape() -> None:
    row = json.loads(camdigits("image", "--json", "number.jpg", cwd=SAMPLES).stdout)
    assert list(row) == ["source", "width", "height", "elapsed_ms", "numbers"]
    assert (row["source"], row["width"], row["height"]) == ("number.jpg", 1280, 720)
    assert row["elapsed_ms"] > 0
    (number,) = row["numbers"]
    assert list(number) == ["text", "confidence", "line", "angle", "box", "digits"]
    assert (number["text"], number["line"]) == ("40718", 0)
    assert abs(number["angle"]) < 5
    assert [list(digit) for digit in number["digits"]] == [["label", "confidence", "box"]] * 5
    x, y, w, h = number["box"]
    for digit in number["digits"]:
        dx, dy, dw, dh = digit["box"]
        assert x <= dx < dx + dw <= x + w
        assert y <= dy < dy + dh <= y + h
    assert 0 < number["confidence"] <= min(digit["confidence"] for digit in number["digits"]) <= 1


def test_a_bad_input_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    done = camdigits("image", "--json", tmp_path / "bad.jpg", SAMPLES / "number.jpg")
    bad, good = map(json.loads, done.stdout.splitlines())
    assert list(bad) == ["source", "error"]
    assert "not a picture" in bad["error"]
    assert good["numbers"][0]["text"] == "40718"
    assert done.returncode == 1
    assert "not a picture" in done.stderr


def test_standard_input() -> None:
    assert camdigits("image", "-", stdin=(SAMPLES / "number.jpg").read_bytes()).stdout == "40718\n"


def test_folders_and_globs_keep_order() -> None:
    done = camdigits("image", "--json", "crop-*.png", cwd=SAMPLES)
    sources = [json.loads(line)["source"] for line in done.stdout.splitlines()]
    assert sources == sorted(path.name for path in SAMPLES.glob("crop-*.png"))
    assert len(camdigits("image", "--json", SAMPLES).stdout.splitlines()) == len(
        [path for path in SAMPLES.iterdir() if path.suffix in (".jpg", ".png")]
    )


def test_nothing_found_says_why(empty_page: Path) -> None:
    done = camdigits("image", empty_page)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no number read: no ink found" in done.stderr


def test_output_writes_annotated_pictures(tmp_path: Path) -> None:
    camdigits("image", "number.jpg", "--output", tmp_path / "out", cwd=SAMPLES)
    annotated = cv2.imread(str(tmp_path / "out" / "number.jpg"))
    original = cv2.imread(str(SAMPLES / "number.jpg"))
    assert annotated.shape == original.shape
    assert (np.abs(annotated.astype(int) - original) > 60).mean() > 0.003


def test_output_never_overwrites_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "number.jpg"
    picture.write_bytes((SAMPLES / "number.jpg").read_bytes())
    done = camdigits("image", picture, "--output", tmp_path)
    assert done.returncode == 1
    assert "would overwrite" in done.stderr
    assert picture.read_bytes() == (SAMPLES / "number.jpg").read_bytes()


def test_csv_writes_a_table(tmp_path: Path) -> None:
    camdigits("image", SAMPLES / "lines.jpg", "--csv", tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["31415", "926535", "8979", "3238"]
    assert [row["line"] for row in rows] == ["0", "1", "2", "3"]


def test_csv_that_cannot_be_written(tmp_path: Path) -> None:
    done = camdigits("image", SAMPLES / "number.jpg", "--csv", tmp_path / "no" / "t.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_model_and_min_confidence(tmp_path: Path) -> None:
    knn = camdigits("image", "--model", "knn", "--json", SAMPLES / "number.jpg")
    cnn = camdigits("image", "--model", "cnn", "--json", SAMPLES / "number.jpg")
    assert [n["text"] for n in json.loads(knn.stdout)["numbers"]] == ["40718"]
    assert json.loads(knn.stdout)["numbers"][0]["confidence"] != json.loads(cnn.stdout)["numbers"][0]["confidence"]
    sure = camdigits("image", "--min-confidence", "1", SAMPLES / "number.jpg")
    assert sure.stdout == ""
    missing = camdigits("image", "--model", tmp_path / "no.onnx", SAMPLES / "number.jpg")
    assert missing.returncode == 1
    assert "no such model file" in missing.stderr


def test_roi_reads_a_part_in_the_whole_pictures_pixels() -> None:
    whole = json.loads(camdigits("image", "--json", SAMPLES / "lines.jpg").stdout)["numbers"]
    x, y, w, h = whole[1]["box"]
    roi = f"{x - 30},{y - 25},{w + 60},{h + 50}"
    part = json.loads(camdigits("image", "--json", "--roi", roi, SAMPLES / "lines.jpg").stdout)["numbers"]
    assert [number["text"] for number in part] == ["926535"]
    assert part[0]["box"] == pytest.approx(whole[1]["box"], abs=4)
    outside = camdigits("image", "--roi", "5000,5000,10,10", SAMPLES / "lines.jpg")
    assert outside.returncode == 1
    assert "outside the picture" in outside.stderr


@pytest.mark.parametrize("roi", ["1,2,3", "a,b,c,d", "0,0,0,5"])
def test_a_wrong_roi_is_a_usage_error(roi: str) -> None:
    assert camdigits("image", "--roi", roi, SAMPLES / "number.jpg").returncode == 2


def test_debug_shows_the_traceback() -> None:
    arguments = ("image", "--model", "nothing", SAMPLES / "number.jpg")
    assert "Traceback" not in camdigits(*arguments).stderr
    assert "Traceback" in camdigits("--debug", *arguments).stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m camdigits image --json {SAMPLES} | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_bench_prints_a_table_by_stage() -> None:
    done = camdigits("bench", "--rounds", "3")
    assert "3 rounds" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "stage",
        "segment",
        "normalize",
        "classify",
        "decode",
        "all",
    ]
    assert "read: 40718" in camdigits("bench", "--rounds", "1", SAMPLES / "number.jpg").stdout
    assert "model knn" in camdigits("bench", "--rounds", "1", "--model", "knn").stdout


def test_doctor_names_what_it_checks() -> None:
    done = camdigits("doctor", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 0
    for word in ("Python 3.", "OpenCV", "wheel", "no window", "camera", "model cnn reads 0123456789"):
        assert word in done.stdout
    assert camdigits("doctor", "--quiet", DISPLAY="", WAYLAND_DISPLAY="").stdout == ""


def test_a_missing_system_library_is_one_line(tmp_path: Path) -> None:
    """A stand-in for cv2 fails to import as the real one does on a bare system."""
    (tmp_path / "cv2.py").write_text(
        'raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")\n'
    )
    for command in (("image", "x.png"), ("live",), ("cameras",), ("bench",), ("doctor",)):
        done = camdigits(*command, PYTHONPATH=f"{tmp_path}:{ROOT}:{ROOT / 'export'}")
        assert done.returncode == 1
        assert "apt install libgl1" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_every_command_and_option_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("image", "live", "cameras", "doctor", "bench"):
        assert f"camdigits {command}" in readme
        help_text = camdigits(command, "--help", COLUMNS="200").stdout
        for option in {word.strip(",") for word in help_text.split() if word.startswith("--")} - {"--help"}:
            assert option.split("=")[0] in readme, f"{command} {option}"
