"""The recipes of samples/: which numbers, in which scene. Run as `python -m camdigits_export.samples`."""

import argparse
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator

from camdigits.types import Box, Image
from camdigits_export.camera import aim, compose, expose
from camdigits_export.scenes import Camera, Glyph, Hand, Light, Mask, Page, Pen, Scene, Sheet
from camdigits_export.surfaces import surface
from camdigits_export.writing import write

DIGITS = Path("/usr/share/doc/opencv-doc/examples/data/digits.png")
"""OpenCV's 5,000 digits where Debian's package opencv-doc puts them: 50 rows of 100, five rows a label."""

CLEAR = {
    "0": (0, 4, 5, 8, 12, 16, 102, 105, 106, 107, 110, 111, 113),
    "1": (1, 2, 3, 6, 10, 14, 17, 102, 116),
    "2": (0, 1, 2, 7, 12, 16, 100, 102, 110, 116, 117),
    "3": (0, 2, 3, 7, 10, 11, 12, 14, 16, 17, 106, 107, 113),
    "4": (0, 2, 3, 5, 10, 15, 103, 110, 113, 114, 116),
    "5": (16, 100, 103, 104, 105, 111, 112, 114, 115, 117),
    "6": (0, 5, 6, 7, 9, 10, 12, 13, 17, 104, 110, 116),
    "7": (0, 4, 5, 7, 10, 12, 100, 102, 106, 110, 115),
    "8": (0, 2, 3, 4, 6, 7, 16, 102, 108, 109, 112, 113, 114),
    "9": (0, 2, 3, 4, 5, 8, 10, 11, 12, 16, 100, 103, 108, 109, 114, 116),
}
"""Digits that nobody misreads, chosen by eye: counted from the first of their label, row by row."""

BALLPOINT = Pen(colour=(110, 50, 38), width=5.5, opacity=0.9, grain=0.12)
GEL = Pen(colour=(48, 42, 40), width=7, opacity=0.95, grain=0.05)
FELT = Pen(colour=(40, 34, 34), width=13, opacity=0.97, grain=0.03)
PENCIL = Pen(colour=(112, 110, 110), width=4.8, opacity=0.8, grain=0.36)
CHALK = Pen(colour=(226, 230, 230), width=9.5, opacity=0.9, grain=0.42)

EVERYWHERE = (9.0, 9.0, 9.0, 9.0)
"""A margin that leaves nothing but the sheet in the frame."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One picture. text: lines parted by a slash, numbers by a space. seed: of its digits, textures and noise."""

    file: str
    text: str
    seed: int
    scene: Scene


WIDE, TALL = Camera(width=1280, height=720), Camera(width=960, height=720)

PICTURES = (
    Recipe(
        "crop-paper.png",
        "7",
        1,
        Scene(
            sheet=Sheet(margin=EVERYWHERE),
            hand=Hand(height=76),
            pen=FELT,
            light=Light(level=0.8, gradient=0.25),
            camera=Camera(width=100, height=100, fill=0.74, noise=2),
        ),
    ),
    Recipe(
        "number.jpg",
        "40718",
        2,
        Scene(
            sheet=Sheet(margin=EVERYWHERE),
            hand=Hand(height=150),
            pen=replace(GEL, width=10),
            light=Light(level=0.8, gradient=0.22, angle=70, vignette=0.3),
            camera=replace(WIDE, turn=-1.5, pitch=6, fill=0.56, center=(0.49, 0.52), balance=(1.03, 1, 0.97)),
        ),
    ),
    Recipe(
        "lines.jpg",
        "31415/926535/8979/3238",
        3,
        Scene(
            sheet=Sheet(margin=(1.2, 1.2, 2.4, 2.2)),
            hand=Hand(height=72, slope=1.2),
            pen=BALLPOINT,
            desk="wood",
            light=Light(level=0.92, gradient=0.25, angle=150),
            camera=replace(TALL, turn=2, pitch=14, yaw=-4, fill=0.68, center=(0.47, 0.5)),
        ),
    ),
    Recipe(
        "columns.jpg",
        "1234 567/80 2049/305 61",
        4,
        Scene(
            sheet=Sheet(margin=(2, 2, 2, 3)),
            hand=Hand(height=80, number_gap=3.2),
            pen=GEL,
            desk="cloth",
            light=Light(level=0.88, gradient=0.2, angle=110),
            camera=replace(WIDE, turn=-3, pitch=8, yaw=5, fill=0.66, balance=(0.94, 1, 1.04)),
        ),
    ),
    Recipe(
        "sticky.jpg",
        "6250/1384",
        5,
        Scene(
            sheet=Sheet("sticky", margin=(0.7, 1.0, 0.8, 1.1)),
            hand=Hand(height=105, pitch=1.7),
            pen=FELT,
            desk="dark",
            light=Light(level=0.95, gradient=0.3, angle=130),
            camera=replace(TALL, turn=4, pitch=10, fill=0.5, center=(0.52, 0.5), balance=(0.9, 1, 1.03)),
        ),
    ),
    Recipe(
        "board.jpg",
        "1989/364",
        6,
        Scene(
            sheet=Sheet("board", margin=EVERYWHERE),
            hand=Hand(height=120, gap=0.36, pitch=1.8, slope=1.5),
            pen=CHALK,
            light=Light(level=0.9, gradient=0.25, angle=20, vignette=0.3),
            camera=replace(WIDE, pitch=-7, yaw=8, fill=0.55, defocus=0.9, noise=3),
        ),
    ),
    Recipe(
        "shadow.jpg",
        "60427/8153",
        7,
        Scene(
            sheet=Sheet(margin=EVERYWHERE),
            hand=Hand(height=105),
            pen=BALLPOINT,
            light=Light(level=0.93, gradient=0.12, shadow=0.45, shadow_angle=35, shadow_softness=16),
            camera=replace(WIDE, turn=2.5, pitch=9, fill=0.55, balance=(0.92, 1, 1.02)),
        ),
    ),
    Recipe(
        "tilted.jpg",
        "271828/1845/904",
        8,
        Scene(
            sheet=Sheet(margin=(1.4, 1.2, 2, 1.8)),
            hand=Hand(height=78),
            pen=GEL,
            desk="wood",
            light=Light(level=0.9, gradient=0.3, angle=60),
            camera=replace(TALL, turn=8, pitch=22, yaw=9, fill=0.62),
        ),
    ),
    Recipe(
        "pencil.jpg",
        "9067/385",
        9,
        Scene(
            sheet=Sheet("recycled", margin=EVERYWHERE),
            hand=Hand(height=90, gap=0.36),
            pen=PENCIL,
            light=Light(level=0.85, gradient=0.3, angle=200, vignette=0.25),
            camera=replace(TALL, turn=-2, pitch=7, fill=0.58, defocus=0.9, noise=2.5),
        ),
    ),
    Recipe(
        "ruled.jpg",
        "20461/7359/118",
        10,
        Scene(
            sheet=Sheet("ruled", margin=(3, 6, 7, 8)),
            hand=Hand(height=66, pitch=1.75, jitter=0.05),
            pen=BALLPOINT,
            desk="dark",
            light=Light(level=0.9, gradient=0.25, angle=80),
            camera=replace(WIDE, turn=-2.5, pitch=10, fill=0.52, center=(0.42, 0.5), balance=(0.96, 1, 1)),
        ),
    ),
    Recipe(
        "small.jpg",
        "1066 1492/1776 1815/1969 2001",
        11,
        Scene(
            sheet=Sheet(margin=(2, 2.2, 3, 3)),
            hand=Hand(height=32, number_gap=3, pitch=2.1),
            pen=replace(BALLPOINT, width=3.2),
            desk="cloth",
            light=Light(level=0.9, gradient=0.3, angle=30),
            camera=replace(WIDE, turn=-4, pitch=12, yaw=-6, fill=0.3, defocus=0.6, balance=(0.95, 1, 1.02)),
        ),
    ),
)

CLIP = Recipe(
    "clip.mp4",
    "4096/2750",
    12,
    Scene(
        sheet=Sheet(margin=(1.2, 1.0, 1.3, 1.2)),
        hand=Hand(height=84),
        pen=replace(GEL, width=8),
        desk="wood",
        light=Light(level=0.92, gradient=0.2, angle=120),
        camera=Camera(width=640, height=480, pitch=12, fill=0.58, defocus=0.7, noise=1.2),
    ),
)
FRAMES, RATE = 275, 25


def remake(digits: Path, folder: Path) -> None:
    """Write every sample and labels.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = glyphs(digits)
    entries = [*crops(cells, folder)]
    for recipe in PICTURES:
        rng = np.random.default_rng(recipe.seed)
        composed = compose(recipe.scene, page_of(recipe.text, cells, rng), rng)
        save(folder / recipe.file, composed.image)
        boxes = [[*digit.box, int(digit.label)] for number in composed.numbers for digit in number.digits]
        entries.append(entry(recipe.file, recipe.text) | {"boxes": boxes})
    film(folder / CLIP.file, cells)
    entries.append(entry(CLIP.file, CLIP.text) | {"frames": FRAMES, "fps": RATE})
    rows = ",\n".join(f" {json.dumps(row)}" for row in entries)
    (folder / "labels.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


def entry(file: str, text: str) -> dict[str, Any]:
    """Return what labels.json says of a sample."""
    numbers = [line.split() for line in text.split("/")]
    return {"file": file, "lines": ["".join(line) for line in numbers], "numbers": numbers}


def glyphs(digits: Path) -> dict[str, list[Mask]]:
    """Return the clear digits of digits.png by label, each (20, 20) uint8, 255 on 0."""
    sheet = cv2.imread(str(digits), cv2.IMREAD_GRAYSCALE)
    if sheet is None or sheet.shape != (1000, 2000):
        raise SystemExit(f"{digits} is not OpenCV's digits.png; Debian's package opencv-doc has it.")
    cells = sheet.reshape(50, 20, 100, 20).swapaxes(1, 2).reshape(10, 500, 20, 20)
    return {label: [cells[int(label), index] for index in indices] for label, indices in CLEAR.items()}


def page_of(text: str, cells: dict[str, list[Mask]], rng: Generator) -> Page:
    """Choose a glyph for every digit, none of them twice while there are others."""
    waiting: dict[str, list[int]] = {}

    def draw(label: str) -> Glyph:
        if not waiting.get(label):
            waiting[label] = list(rng.permutation(len(cells[label])))
        return Glyph(cells[label][waiting[label].pop()], label)

    return [[[draw(label) for label in number] for number in line.split()] for line in text.split("/")]


def crops(cells: dict[str, list[Mask]], folder: Path) -> Iterator[dict[str, Any]]:
    """Write the single digits of the classic tutorials: 28x28, black on white, and white on black to the border."""
    dark = 255 - _framed(cells["3"][4], 4, 4)
    cropped = _cropped(cells["5"][0])
    size = (28 * cropped.shape[1] // cropped.shape[0], 28)
    grown = np.asarray(cv2.resize(cropped, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    light = _framed(grown, 0, (28 - size[0]) // 2)
    for file, label, image, ink in (
        ("crop-dark.png", "3", dark, 255 - dark),
        ("crop-light.png", "5", light, light),
    ):
        save(folder / file, image)
        yield entry(file, label) | {"boxes": [[*_extent(ink), int(label)]]}


def _framed(ink: Mask, top: int, left: int) -> Mask:
    """Return (28, 28) with the ink at a place."""
    patch = np.zeros((28, 28), np.uint8)
    patch[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return patch


def _extent(ink: Mask) -> Box:
    return Box(*cv2.boundingRect((ink > 127).astype(np.uint8)))


def _cropped(ink: Mask) -> Mask:
    x, y, w, h = _extent(ink)
    return ink[y : y + h, x : x + w]


def film(path: Path, cells: dict[str, list[Mask]]) -> None:
    """Write the clip: one sheet, a camera held by hand."""
    strokes, textures, sensor = np.random.default_rng(CLIP.seed).spawn(3)
    writing = write(page_of(CLIP.text, cells, strokes), CLIP.scene, strokes)
    cameras = list(held_by_hand(CLIP.scene.camera))
    views = [aim(camera, writing.extent) for camera in cameras]
    painted, origin = surface(CLIP.scene, writing, views, textures)
    camera = CLIP.scene.camera
    # ffmpeg rather than OpenCV's writer, which has no say over the size of the file.
    shape = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{camera.width}x{camera.height}", "-r", str(RATE), "-i", "-"]
    coding = ["-c:v", "mpeg4", "-q:v", "5", "-g", "50", "-pix_fmt", "yuv420p", "-threads", "1"]
    exact = ["-flags", "+bitexact", "-fflags", "+bitexact", "-movflags", "+faststart"]
    command = ["ffmpeg", "-v", "error", "-y", *shape, *coding, *exact, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for moved, view in zip(cameras, views, strict=True):
            frame = expose(painted, view @ origin, replace(CLIP.scene, camera=moved), sensor)
            encoder.stdin.write(frame.tobytes())
        encoder.stdin.close()
    if encoder.returncode:
        raise SystemExit(f"ffmpeg could not write {path}.")


def held_by_hand(camera: Camera) -> Iterator[Camera]:
    """Drift, tilt, zoom and tremble about a camera's place; a little breathing of the exposure."""

    def sway(time: float, *waves: tuple[float, float, float]) -> float:
        return sum(size * float(np.sin(2 * np.pi * (time / period) + start)) for size, period, start in waves)

    def place(time: float) -> tuple[float, float]:
        across = sway(time, (0.075, 5.3, 0), (0.02, 1.9, 1), (0.0025, 0.31, 2))
        down = sway(time, (0.06, 4.1, 2), (0.015, 1.6, 0), (0.0025, 0.27, 1))
        return camera.center[0] + across, camera.center[1] + down

    for index in range(FRAMES):
        time = index / RATE
        here, after = np.array(place(time)), np.array(place(time + 0.4 / RATE))  # shutter open 0.4 of a frame
        motion = (after - here) * (camera.width, camera.height)
        exposure = 1 + sway(time, (0.025, 3.7, 1), (0.006, 0.9, 0))
        yield replace(
            camera,
            center=(float(here[0]), float(here[1])),
            turn=camera.turn + sway(time, (4.5, 6.1, 0.5), (0.8, 1.7, 0)),
            pitch=camera.pitch + sway(time, (8, 7.3, 0)),
            yaw=camera.yaw + sway(time, (7, 5.7, 1)),
            fill=camera.fill + sway(time, (0.10, 8.7, 0), (0.012, 2.1, 1)),
            defocus=camera.defocus + 0.25 + sway(time, (0.25, 4.9, 0)),
            motion=(float(motion[0]), float(motion[1])),
            balance=(exposure * 0.96, exposure, exposure * 1.02),
        )


def save(path: Path, image: Image) -> None:
    """Write a PNG or a JPEG of a camera's quality."""
    done, coded = cv2.imencode(path.suffix, image, [cv2.IMWRITE_JPEG_QUALITY, 85] if path.suffix == ".jpg" else [])
    assert done
    path.write_bytes(coded.tobytes())


def main() -> None:
    """Remake samples/."""
    parser = argparse.ArgumentParser(prog="python -m camdigits_export.samples", description="Remake samples/.")
    parser.add_argument("digits", nargs="?", type=Path, default=DIGITS, help="digits.png (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("samples"), help="folder to write (default: %(default)s)")
    chosen = parser.parse_args()
    remake(chosen.digits, chosen.output)


if __name__ == "__main__":
    main()
