"""Folders of drawn signs to learn from, and small real trainings on them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from camdigits.types import Image
from camdigits_export import cnn, patches, to_onnx
from tests.support.command import camdigits


def write_lessons(
    root: Path, counts: Mapping[str, int], picture: Callable[[str, np.random.Generator], Image], seed: int
) -> Path:
    """Draw so many pictures of each class into a folder of its own, and return the root."""
    rng = np.random.default_rng(seed)
    for name, count in counts.items():
        (root / name).mkdir()
        for at in range(count):
            cv2.imwrite(str(root / name / f"{at}.png"), picture(name, rng))
    return root


def train_on(folder: Path, run: Path, recipe: cnn.Recipe) -> Path:
    """Train on a folder, all that is made of it beside the run, and return the run's ONNX file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patches, "FOLDER", run.parent / "patches")
        workshop = patches.load_workshop(str(folder))
    cnn.train(workshop, run, recipe)
    return to_onnx.export_run(run).path


def shown_by_image_and_live(page: Image, model: Path, folder: Path) -> tuple[str, str]:
    """Return what `camdigits image` prints of a page, and `camdigits live` of a film of it."""
    cv2.imwrite(str(folder / "page.png"), page)
    film = cv2.VideoWriter(str(folder / "page.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, page.shape[1::-1])
    for _ in range(20):
        film.write(page)
    film.release()
    still = camdigits("image", folder / "page.png", "--model", model)
    ran = camdigits("live", "--source", folder / "page.avi", "--model", model, "--headless")
    assert ran.returncode == 0, ran.stderr
    return still.stdout, ran.stdout
