"""Real files of every kind in, upright BGR out; broken ones give one line that names cause and cure."""

import io
import os
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits.errors import PictureError
from camdigits.pictures import find_pictures, load_picture

RED, WHITE = (0, 0, 255), (255, 255, 255)


def half_red(width: int = 60, height: int = 40) -> np.ndarray:
    """White, with a red left half: turning it shows."""
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[:, : width // 2] = RED
    return picture


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Insert an EXIF segment that states an orientation into a JPEG file."""
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp", "tiff"])
def test_reads_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), half_red())
    picture = load_picture(str(path))
    assert picture.shape == (40, 60, 3)
    assert picture.dtype == np.uint8
    assert picture[20, 5] == pytest.approx(RED, abs=12)
    assert picture[20, 55] == pytest.approx(WHITE, abs=12)


@pytest.mark.parametrize(("orientation", "corner"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom")])
def test_turns_by_exif(tmp_path: Path, orientation: int, corner: str) -> None:
    path = tmp_path / "phone.jpg"
    path.write_bytes(with_orientation(cv2.imencode(".jpg", half_red())[1].tobytes(), orientation))
    picture = load_picture(str(path))
    places = {"left": (20, 5), "right": (20, 55), "top": (5, 20), "bottom": (55, 20)}
    assert picture.shape[:2] == ((40, 60) if corner in ("left", "right") else (60, 40))
    assert picture[places[corner]] == pytest.approx(RED, abs=12)


def test_grey_becomes_bgr(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "g.png"), np.full((9, 7), 77, np.uint8))
    assert (load_picture(str(tmp_path / "g.png")) == 77).all()
    assert load_picture(str(tmp_path / "g.png")).shape == (9, 7, 3)


def test_sixteen_bits_keep_their_brightness(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.array([[0, 32768, 65535]], np.uint16))
    assert load_picture(str(tmp_path / "deep.png"))[0, :, 0].tolist() == [0, 128, 255]


def test_floating_point_tiff(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "f.tiff"), np.array([[0.0, 0.5, 1.0, np.nan]], np.float32))
    assert load_picture(str(tmp_path / "f.tiff"))[0, :3, 0].tolist() == [0, 127, 255]


@pytest.mark.parametrize("most", [1, 255, 65535, 1e6])
def test_floating_point_of_other_ranges_is_not_all_white(tmp_path: Path, most: float) -> None:
    cv2.imwrite(str(tmp_path / "f.tiff"), np.array([[0.0, most / 2, most, np.inf]], np.float32))
    assert load_picture(str(tmp_path / "f.tiff"))[0, :, 0].tolist() == [0, 127, 255, 255]


def test_transparent_parts_are_white_paper(tmp_path: Path) -> None:
    layers = np.zeros((10, 10, 4), np.uint8)  # black and transparent, as drawing programs save
    layers[4:6, 4:6, 3] = 255
    cv2.imwrite(str(tmp_path / "a.png"), layers)
    picture = load_picture(str(tmp_path / "a.png"))
    assert (picture[0, 0] == 255).all()
    assert (picture[5, 5] == 0).all()


def test_cmyk_jpeg(tmp_path: Path) -> None:
    image_module = pytest.importorskip("PIL.Image", reason="only Pillow writes CMYK JPEG here")
    image_module.new("CMYK", (32, 16), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=95)
    picture = load_picture(str(tmp_path / "print.jpg"))
    assert picture.shape == (16, 32, 3)
    assert picture[8, 16, 2] > 150 > picture[8, 16, 0]


def test_animation_gives_its_first_picture(tmp_path: Path) -> None:
    image_module = pytest.importorskip("PIL.Image", reason="only Pillow writes animations here")
    red, blue = (image_module.new("RGB", (20, 10), color) for color in ("red", "blue"))
    red.save(tmp_path / "a.webp", save_all=True, append_images=[blue], lossless=True)
    assert load_picture(str(tmp_path / "a.webp"))[5, 5] == pytest.approx(RED, abs=12)


def test_one_pixel_and_very_wide(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "wide.png"), np.zeros((3, 20_000, 3), np.uint8))
    assert load_picture(str(tmp_path / "dot.png")).shape == (1, 1, 3)
    assert load_picture(str(tmp_path / "wide.png")).shape == (3, 20_000, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "file is empty"),
        (b"these are letters, not a picture", "not a picture"),
        (cv2.imencode(".png", half_red())[1].tobytes()[:40], "not a picture, or cut short; .* TIFF, HEIC and PDF are"),
        (b"\xff\xd8\xff\xe0 but nothing after", "not a picture"),
    ],
    ids=["empty", "text", "truncated", "header"],
)
def test_broken_files_say_so(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=words) as failure:
        load_picture(str(path))
    assert str(path) in str(failure.value)
    assert "\n" not in str(failure.value)


def test_decompression_bomb_is_refused(tmp_path: Path) -> None:
    png = bytearray(cv2.imencode(".png", np.zeros((1, 1), np.uint8))[1].tobytes())
    png[16:24] = struct.pack(">II", 60_000, 60_000)
    import zlib

    png[29:33] = struct.pack(">I", zlib.crc32(bytes(png[12:29])))
    (tmp_path / "bomb.png").write_bytes(png)
    with pytest.raises(PictureError, match=r"too many pixels"):
        load_picture(str(tmp_path / "bomb.png"))


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no such file"):
        load_picture(str(tmp_path / "no.png"))
    with pytest.raises(PictureError, match="a folder without pictures"):
        load_picture(str(tmp_path))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_forbidden_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(PictureError, match="permissions"):
        load_picture(str(path))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = cv2.imencode(".png", half_red())[1].tobytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(encoded)))
    assert load_picture("-").shape == (40, 60, 3)


def test_finds_files_folders_and_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.JPG", "a.png", "deep/c.tif", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert [Path(p).as_posix() for p in find_pictures(["."])] == ["a.png", "b.JPG", "deep/c.tif"]
    assert [Path(p).as_posix() for p in find_pictures(["deep/*.tif", "-", "notes.txt", "gone.png", "no*.png"])] == [
        "deep/c.tif",
        "-",
        "notes.txt",
        "gone.png",
        "no*.png",
    ]
    assert list(find_pictures([str(tmp_path / "*.png")])) == [str(tmp_path / "a.png")]


def test_empty_folder_says_what_it_looked_for(tmp_path: Path) -> None:
    (name,) = find_pictures([str(tmp_path)])
    with pytest.raises(PictureError, match=r"a folder without pictures.*\.png"):
        load_picture(name)


@pytest.mark.parametrize("name", ["n" * 300, "a**b*.png", "a\0b"])
def test_a_name_that_cannot_be_one_is_told(name: str) -> None:
    assert list(find_pictures([name])) == [name]
    with pytest.raises(PictureError):
        load_picture(name)


def test_a_file_with_glob_signs_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].png").write_bytes(b"")
    assert list(find_pictures([str(tmp_path / "a[1].png")])) == [str(tmp_path / "a[1].png")]
