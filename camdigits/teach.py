"""`camdigits teach`: one's own writing, of a sheet before the camera or a folder of crops, to a model that reads it.

The crops lie in a folder with a subfolder a label, as `camdigits train --dataset` takes it too; lessons are made of all
that lies there, so whoever shows another sheet, adds or deletes crops and teaches again, goes on.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from camdigits.classify import Classifier
from camdigits.crops import is_folder_name, save_crop
from camdigits.errors import ModelError, PictureError, SinkError, SourceError, WindowError
from camdigits.normalize import normalize
from camdigits.overlay import draw
from camdigits.panels import draw_message
from camdigits.pictures import load_picture
from camdigits.pipeline import trace_image
from camdigits.prototypes import SUFFIX, Lessons, Prototypes
from camdigits.segment import single_sign
from camdigits.sheet import Sheet, read_sheet
from camdigits.sources import open_source
from camdigits.types import PICTURE_SUFFIXES, Box, Frame, Image, Reading
from camdigits.window import Window, open_window

MOST = 100
"""Crops of a label that are compared with; of more, some spread over all: whoever has thousands can train."""

STEADY = 5
"""Frames in a row that must show as many signs, where nobody says when the sheet is right."""

MARGIN = 0.3
"""Paper around a crop, in sides of its sign."""

NAMED = 5
"""Crops read wrong that are named."""

Report = Callable[[str], None]


def run_teach(folder: Path, source: str, model: str, write: str, headless: bool) -> None:
    """Keep crops of a sheet in a folder, where there is a source, and make lessons of the folder.

    source: a camera, film, address or picture that shows the sheet, "" for the folder as it is. model: the one that is
    corrected. write: the signs on the sheet, a row each, "" for all that the model reads. The lessons' file, in the
    current folder and named like the folder, goes to stdout, all else to stderr. Raises CamdigitsError.
    """
    if model.endswith(SUFFIX):
        raise ModelError(f"{model}: is taught already; name the model that it corrects, and the folder of its crops")
    classifier = Classifier(model)
    if source:
        shown = _shown_sheet(source, classifier, _signs_of(write, classifier.labels), headless)
        if not shown:
            _say("nothing kept")
            return
        _say(f"{keep(*shown, folder)} crops kept in {folder}")
    elif write:
        raise ModelError("--write says which signs are on a sheet; without --source the folder is read as it is")
    path = Path(folder.resolve().name + SUFFIX)
    lessons, files = read_lessons(folder, classifier.labels, model, _say)
    _say(_judgement(lessons, files, classifier))
    lessons.save(path)
    _say(f"read with it: camdigits live --model {path}")
    print(path, flush=True)


def _signs_of(write: str, labels: Sequence[str]) -> list[str]:
    """Return the signs of a sheet: of `147` or `one two`. Raises ModelError where they cannot be taught."""
    signs = (write.split() if " " in write else list(write)) or list(labels)
    unknown = [sign for sign in signs if sign not in labels]
    if unknown:
        raise ModelError(f"{' '.join(unknown)}: the model reads only {' '.join(labels)}; train one for other signs")
    twice = [sign for sign in dict.fromkeys(signs) if signs.count(sign) > 1]
    if twice:
        raise ModelError(f"{' '.join(twice)}: more than one row in --write; name each once, its row may be long")
    strange = [sign for sign in signs if not is_folder_name(sign)]
    if strange:
        raise ModelError(f"{' '.join(strange)}: no name for a folder, where its crops go; name others with --write")
    return signs


def _shown_sheet(
    source: str, classifier: Classifier, signs: Sequence[str], headless: bool
) -> tuple[Image, Sheet] | None:
    """Return the picture of a good sheet, and what is on it; None where the user quits. Raises SourceError."""
    _say(f"write on plain paper, a row for each, five times or more: {'  '.join(signs)}; then show the sheet")
    with ExitStack() as opened:
        if Path(source).suffix.lower() in PICTURE_SUFFIXES:
            return _watch([Frame(load_picture(source), 0, 0.0, source)], classifier, signs, None)
        frames = opened.enter_context(open_source(source))
        window = None
        if frames.live and not headless:
            try:
                window = opened.enter_context(open_window("camdigits"))
            except WindowError as error:
                _say(f"{error}; the first steady sheet is taken")
        return _watch(frames, classifier, signs, window)


def _watch(
    frames: Iterable[Frame], classifier: Classifier, signs: Sequence[str], window: Window | None
) -> tuple[Image, Sheet] | None:
    """Return the first good sheet that the user agrees to, or, without a window, that is steady or the film's last."""
    good: tuple[Image, Sheet] | None = None
    steady, before, doubt, name = 0, 0, "", ""
    for frame in frames:
        sheet = read_sheet(trace_image(frame.image, classifier), classifier.labels, signs)
        doubt, name = sheet.doubt, frame.source
        if not doubt:
            good = frame.image, sheet
        steady = steady + 1 if not doubt and sheet.signs == before else 0
        before = sheet.signs
        if window:
            showing = window(_picture(frame, sheet, signs))
            agreed = not {"space", "enter"}.isdisjoint(window.pressed())
            if agreed and not doubt:
                return good
            if not showing:
                if not window.lost:
                    return None
                _say("the screen is gone; the first steady sheet is taken")
                window = None
        elif steady >= STEADY:
            return good
    if not good:
        raise SourceError(f"{name}: no sheet as asked for: {doubt}; write larger, apart, a row for each sign")
    return good


def _picture(frame: Frame, sheet: Sheet, signs: Sequence[str]) -> Image:
    """Return what the window shows of a frame."""
    if sheet.doubt:
        lines = f"a row for each, five times or more: {' '.join(signs)}", sheet.doubt
    else:
        lines = f"{sheet.signs} signs: does each row mean what stands beside it?", "space keeps them, q leaves"
    readings = [Reading(row.line, row, not sheet.doubt, 1) for row in sheet.rows]
    picture = draw(frame, readings)
    draw_message(picture, lines)
    return picture


def keep(image: Image, sheet: Sheet, folder: Path) -> int:
    """Write a crop of each sign of a good sheet into the folder's subfolder of its label; return how many.

    Raises SinkError.
    """
    try:
        for row in sheet.rows:
            for digit in row.digits:
                save_crop(_crop(image, digit.box), row.text, folder)
    except OSError as error:
        raise SinkError(f"{folder}: crops cannot be written: {error.strerror or error}") from error
    return sheet.signs


def _crop(image: Image, box: Box) -> Image:
    margin = max(2, round(MARGIN * box.side))
    return image[max(0, box.y - margin) : box.bottom + margin, max(0, box.x - margin) : box.right + margin]


def read_lessons(folder: Path, labels: Sequence[str], model: str, report: Report) -> tuple[Lessons, list[Path]]:
    """Return what a folder with a subfolder a label teaches, and the file of each example.

    labels: what the model reads. report: told of pictures that cannot be read. Raises ModelError.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such folder of crops; --source 0 shows a sheet for it to the camera")
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    unknown = [path.name for path in classes if path.name not in labels]
    if unknown:
        raise ModelError(
            f"{folder}: teaches {', '.join(unknown)}, but the model reads only {' '.join(labels)}; "
            f"take the subfolders away, or train a model of your own: camdigits train cnn --dataset {folder}"
        )
    signs, names, files = [], [], []
    for place in classes:
        pictures = sorted(path for path in place.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
        for path in pictures[:: -(-len(pictures) // MOST) or 1]:
            try:
                sign = single_sign(load_picture(str(path)))
            except PictureError as error:
                report(f"left out: {error}")
                continue
            if sign is None:
                report(f"left out: {path}: no ink found")
                continue
            signs.append(sign)
            names.append(place.name)
            files.append(path)
    if not signs:
        raise ModelError(f"{folder}: no picture with ink in it; a subfolder a label with crops is needed")
    patches = np.round(normalize(signs) * 255).astype(np.uint8)
    return Lessons(patches, names, str(Path(model).resolve()) if model.endswith(".onnx") else model), files


def _judgement(lessons: Lessons, files: Sequence[Path], classifier: Classifier) -> str:
    """Return how many examples the model reads alone, and how many where it is corrected by the others."""
    patches = np.divide(lessons.patches, 255, dtype=np.float32)
    columns = np.array([classifier.labels.index(label) for label in lessons.labels])
    alone = classifier(patches)
    corrected = Prototypes(patches, alone, columns).of_one_another(alone).argmax(axis=1)
    known = int(np.sum(alone.argmax(axis=1) == columns))
    wrong = np.flatnonzero(corrected != columns)
    text = f"{len(columns)} examples: {lessons.model} alone reads {known} of them, each corrected by the others "
    text += f"{len(columns) - len(wrong)}"
    if len(wrong):
        names = (*classifier.labels, "no sign")
        text += "; look at " + ", ".join(f"{files[at]} (read as {names[corrected[at]]})" for at in wrong[:NAMED])
        text += f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return text


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
