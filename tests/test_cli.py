"""The command line from outside: what is printed where, exit codes, and the effect of every option."""

import csv
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer

from camdigits import cli
from camdigits.cameras import list_cameras
from tests.support.command import ROOT, SAMPLES, camdigits
from tests.support.drawing import paper
from tests.support.models import write_model
from tests.support.screen import Screen, wait_until


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
    for command in ("image", "live", "teach", "cameras", "doctor", "bench", "train", "export"):
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
    told = json.loads(camdigits("image", "--json", empty_page).stdout)
    assert done.stderr.strip() == f"{empty_page}: no number read: {told['why']}"
    assert "why" not in json.loads(camdigits("image", "--json", SAMPLES / "number.jpg").stdout)


def test_a_confidence_that_no_digit_has_is_named() -> None:
    done = camdigits("image", "--min-confidence", "1", SAMPLES / "number.jpg")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no mark is as surely a digit as --min-confidence 1 asks; lower it" in done.stderr


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


def test_output_never_overwrites_another_picture(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg"
    for path, sample in ((first, "number.jpg"), (second, "lines.jpg")):
        path.parent.mkdir()
        path.write_bytes((SAMPLES / sample).read_bytes())
    done = camdigits("image", first, second, "--output", second.parent)
    assert done.returncode == 1
    assert second.read_bytes() == (SAMPLES / "lines.jpg").read_bytes()


def test_output_inside_the_folder_that_is_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "number.jpg").write_bytes((SAMPLES / "number.jpg").read_bytes())
    for _ in range(2):
        done = camdigits("image", ".", "--output", "out", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, "40718\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["number.jpg"]


def test_a_table_is_never_written_over_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes((SAMPLES / "number.jpg").read_bytes())
    done = camdigits("image", SAMPLES / "lines.jpg", "--csv", picture)
    assert done.returncode == 1
    assert "named like a picture" in done.stderr
    assert picture.read_bytes() == (SAMPLES / "number.jpg").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "camdigits", "image", SAMPLES / "number.jpg"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: output cannot be written: No space left on device\n"


def test_csv_writes_a_table(tmp_path: Path) -> None:
    camdigits("image", SAMPLES / "lines.jpg", "--csv", tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["31415", "926535", "8979", "3238"]
    assert [row["line"] for row in rows] == ["0", "1", "2", "3"]


def test_csv_replaces_its_own_table_and_nothing_else(tmp_path: Path) -> None:
    notes, table = tmp_path / "notes.txt", tmp_path / "t.csv"
    notes.write_text("mine\n")
    done = camdigits("image", SAMPLES / "number.jpg", "--csv", notes)
    assert (done.returncode, done.stdout, notes.read_text()) == (1, "", "mine\n")
    assert done.stderr == f"error: {notes}: holds something else than a table of this command; name another --csv\n"
    for picture in ("lines.jpg", "number.jpg"):
        assert camdigits("image", SAMPLES / picture, "--csv", table).returncode == 0
    assert [line.split(",")[2] for line in table.read_text().splitlines()] == ["text", "40718"]


@pytest.mark.skipif(sys.platform == "win32", reason="its shell closes no streams")
def test_a_closed_standard_input_and_an_empty_name_are_one_line() -> None:
    closed = ["sh", "-c", f"exec '{sys.executable}' -m camdigits image - '' <&-"]
    done = subprocess.run(closed, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "-: nothing to read there; name a picture",
        ": an empty name: nothing to read there; name a picture",
    ]


def test_csv_is_a_file_and_no_stream(tmp_path: Path) -> None:
    for command in (("image", SAMPLES / "number.jpg"), ("live", "--headless", "--source", SAMPLES / "clip.mp4")):
        done = camdigits(*command, "--csv", "-", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith("- is no file; name one\n")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        *(("image", SAMPLES / "number.jpg", option) for option in ("--output", "--explain", "--csv")),
        *(
            ("live", "--headless", "--source", SAMPLES / "clip.mp4", option)
            for option in ("--output", "--raw", "--csv", "--save-best")
        ),
        ("serve", "--no-open", "--port", "0", "--collect"),
        ("teach",),
    ],
    ids=lambda command: f"{command[0]}{command[-1] if len(command) > 1 else ''}",
)
def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, command: tuple[str | Path, ...]) -> None:
    done = camdigits(*command, "", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "an empty name is no " in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_for_sure_is_no_file_to_record_in(tmp_path: Path) -> None:
    for name in (".", "/"):
        done = camdigits("live", "--headless", "--source", SAMPLES / "clip.mp4", "--raw", name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(f"{name} is no file; name one\n")
        assert not list(tmp_path.iterdir())


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
    assert "no such model" in missing.stderr


def test_a_model_file_reads_and_its_digits_must_be_sure_enough(tmp_path: Path) -> None:
    sevens = write_model(tmp_path / "7.onnx", 7, 0.85)
    for sureness, read in (("0.84", "77777\n"), ("0.86", "")):
        done = camdigits("image", "--model", sevens, "--min-confidence", sureness, SAMPLES / "number.jpg")
        assert done.stdout == read


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


def test_a_roi_partly_outside_reads_what_is_left_and_says_so() -> None:
    done = camdigits("image", "--roi", "200,200,5000,600", SAMPLES / "number.jpg")
    assert (done.returncode, done.stdout) == (0, "40718\n")
    assert "the roi 200,200,5000,600 lies partly outside the picture, 1080x520 pixels are left" in done.stderr


@pytest.mark.parametrize("roi", ["1,2,3", "a,b,c,d", "0,0,0,5", "-10,0,50,50", "100,100,4,50", "100,100,50,4"])
def test_a_wrong_roi_is_a_usage_error(roi: str) -> None:
    assert camdigits("image", f"--roi={roi}", SAMPLES / "number.jpg").returncode == 2


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


COLORS = {"blue": (200, 30, 10), "green": (10, 200, 30)}
YELLOW = (66, 228, 240)  # the text of numbers


@pytest.fixture
def album(tmp_path: Path) -> list[Path]:
    """A picture with a number, and two that a screen cannot confuse."""
    for name, color in COLORS.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((360, 640, 3), color, np.uint8))
    return [SAMPLES / "number.jpg", *(tmp_path / f"{name}.png" for name in COLORS)]


@contextmanager
def showing(screen: Screen, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run `camdigits image --show`; go on when its first picture is on the screen."""
    command = [sys.executable, "-m", "camdigits", "image", "--show", *map(str, arguments)]
    with subprocess.Popen(
        command, env=screen.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            screen.wait_for_window()
            wait_until(lambda: shown(screen, YELLOW))
            yield process
        finally:
            process.kill()


def shown(screen: Screen, color: tuple[int, int, int]) -> bool:
    return bool((screen.picture() == color).all(axis=2).sum() > 100)


def press_until(screen: Screen, key: str, condition: Callable[[], bool]) -> None:
    """Press a key, and again only where nothing came of it for long: the window may not have listened yet."""
    pressed = 0.0

    def done() -> bool:
        nonlocal pressed
        if condition():
            return True
        if time.monotonic() > pressed + 3:
            screen.press(key)
            pressed = time.monotonic()
        return False

    wait_until(done)


def test_show_opens_each_picture_and_a_key_shows_the_next(screen: Screen, album: list[Path]) -> None:
    with showing(screen, *album) as process:
        time.sleep(0.5)
        assert not any(shown(screen, color) for color in COLORS.values())  # it waits for the key
        press_until(screen, "space", lambda: shown(screen, COLORS["blue"]))
        press_until(screen, "n", lambda: shown(screen, COLORS["green"]))
        assert not shown(screen, COLORS["blue"])
        assert process.poll() is None
        press_until(screen, "Return", lambda: process.poll() is not None)
        out, said = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, f"{album[0]}:\n40718\n")
    assert [line.partition(": ")[0] for line in said.splitlines()] == [str(path) for path in album[1:]]


@pytest.mark.parametrize("key", ["q", "Escape", None])
def test_show_ends_where_the_user_closes_the_window(screen: Screen, album: list[Path], key: str | None) -> None:
    with showing(screen, *album) as process:
        if key:
            press_until(screen, key, lambda: process.poll() is not None)
        else:
            screen.close_window()
        out, said = process.communicate(timeout=20)
    assert (process.returncode, out, said) == (0, f"{album[0]}:\n40718\n", "")


def test_show_reads_on_where_the_screen_dies(screen: Screen, album: list[Path]) -> None:
    with showing(screen, "--json", *album) as process:
        screen.kill()
        out, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [json.loads(line)["source"] for line in out.splitlines()] == [str(path) for path in album]
    assert said.splitlines()[0] == "the screen is gone; reading goes on without a window"
    assert "Traceback" not in said


@pytest.mark.parametrize(("display", "why"), [("", "DISPLAY is not set"), (":4321", "cannot be opened on :4321")])
def test_show_without_a_screen_says_so_in_one_line_and_reads_on(display: str, why: str) -> None:
    done = camdigits("image", "--show", SAMPLES / "number.jpg", DISPLAY=display, WAYLAND_DISPLAY="")
    assert (done.returncode, done.stdout) == (0, "40718\n")
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(rf"no screen: .*{why}; reading goes on without a window", line)


def test_bench_prints_a_table_by_stage() -> None:
    done = camdigits("bench", "--rounds", "3")
    assert "3 rounds" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "stage",
        "segment",
        "normalize",
        "classify",
        "cut",
        "decode",
        "closer",
        "inked",
        "locate",
        "context",
        "signs",
        "all",
    ]
    assert "read: 40718" in camdigits("bench", "--rounds", "1", SAMPLES / "number.jpg").stdout


def test_bench_times_the_model_and_the_rounds_that_were_asked(tmp_path: Path) -> None:
    def rows(rounds: str) -> list[list[str]]:
        head, _, *table = camdigits("bench", "--rounds", rounds, "--model", sevens).stdout.splitlines()
        assert head.endswith("read: 77777 77777")
        return [line.split()[1:] for line in table]

    sevens = write_model(tmp_path / "7.onnx", 7)
    assert all(len(set(row)) == 1 for row in rows("1"))  # of one round the median is all there is
    assert any(len(set(row)) > 1 for row in rows("20"))


def test_doctor_names_what_it_checks() -> None:
    done = camdigits("doctor", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 0
    for word in ("Python 3.", "OpenCV", "wheel", "no window", "camera", "model cnn reads 0123456789"):
        assert word in done.stdout
    assert camdigits("doctor", "--quiet", DISPLAY="", WAYLAND_DISPLAY="").stdout == ""


def test_doctor_finds_a_screen_and_a_camera(screen: Screen, camera: dict[str, str]) -> None:
    found = camdigits("doctor", **camera, DISPLAY=screen.display).stdout
    assert "ok      a window opens\n" in found
    assert "ok      cameras: 0  camera 0  640x360\n" in found


def test_quiet_leaves_what_is_broken(tmp_path: Path) -> None:
    """A stand-in for cv2 fails to import."""
    (tmp_path / "cv2.py").write_text("raise ImportError('broken')\n")
    path = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "export")))
    whole, quiet = (camdigits("doctor", *option, PYTHONPATH=path) for option in ((), ("--quiet",)))
    assert whole.returncode == quiet.returncode == 1
    assert [line[:6] for line in whole.stdout.splitlines()] == ["ok    ", "broken", "      "]
    assert quiet.stdout.splitlines() == whole.stdout.splitlines()[1:]


def test_cameras_are_listed(camera: dict[str, str]) -> None:
    done = camdigits("cameras", **camera)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0  camera 0  640x360\n", "")


def test_no_camera_is_one_line_and_an_error() -> None:
    if list_cameras():
        pytest.skip("there is a camera here")
    done = camdigits("cameras")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no camera found; plug one in, or run camdigits doctor\n"


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


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ("typer", "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)"),
        # as packages do whose native part is interrupted while it loads
        ("cv2", "raise ImportError('initialization failed') from KeyboardInterrupt()"),
    ],
)
def test_ctrl_c_while_packages_load_is_quiet(tmp_path: Path, package: str, code: str) -> None:
    """A stand-in for the package is interrupted while it loads."""
    (tmp_path / f"{package}.py").write_text(code)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, function = scripts["camdigits"].partition(":")
    path = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "export")))
    for start in (["-m", "camdigits"], ["-c", f"from {module} import {function}; {function}()"]):
        done = subprocess.run(
            [sys.executable, *start, "cameras"],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def whole_command_line() -> Any:
    """Return the root of the tree of commands, the workshop's among them where it is installed."""
    app = typer.Typer(add_completion=False)
    app.registered_callback = cli.app.registered_callback
    app.registered_commands = list(cli.app.registered_commands)
    for entry in entry_points(group="camdigits.commands"):
        entry.load()(app)
    return typer.main.get_command(app)


def walk(command: Any, path: str = "camdigits") -> Iterator[tuple[str, set[str]]]:
    """Yield each command, as typed, with the names of its options."""
    options = [param for param in command.params if param.param_type_name == "option"]
    yield path, {name for option in options for name in (*option.opts, *option.secondary_opts)}
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, f"{path} {name}")


def test_every_command_and_option_is_in_a_readme() -> None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "export/README.md")]
    sections = [section for text in texts for section in re.split(r"^#+ ", text, flags=re.MULTILINE)]
    tree = dict(walk(whole_command_line()))
    assert {"camdigits", "camdigits image", "camdigits live"} < set(tree)
    for command, options in tree.items():
        about = [section for section in sections if re.search(rf"\b{command}\b", section)]
        assert about, command
        missing = {name for name in options if not any(re.search(rf"(?<![\w-]){name}\b(?!-)", text) for text in about)}
        assert not missing, f"{command}: {missing}"


def test_the_readmes_name_no_option_that_is_none() -> None:
    known = set().union(*(options for _, options in walk(whole_command_line()))) | {"--help"}
    for name in ("README.md", "export/README.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) <= known, name
