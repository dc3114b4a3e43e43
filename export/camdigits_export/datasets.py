"""Pictures of single signs with their labels: MNIST, USPS, OpenCV's digits, HwD, or a folder of one's own.

Known files come from $CAMDIGITS_DATA where that is set, else they are fetched once into pooch's cache. What counts is
the hash of the decompressed bytes: a file may have been compressed again, its images may not have changed.
"""

import gzip
import hashlib
import logging
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits.errors import CamdigitsError, PictureError
from camdigits.pictures import load_picture
from camdigits.segment import single_sign
from camdigits.types import PICTURE_SUFFIXES

Ink = NDArray[np.uint8]
"""(h, w) uint8, ink 255 on 0."""

Inks = Sequence[Ink]

Labels = NDArray[np.uint8]
"""(N,) uint8: which of a data set's names."""

Split = Literal["train", "test", "all"]

DIGITS = tuple("0123456789")

NOT_A_DIGIT = "not a digit"
"""What a model's last column means, whatever its signs."""

KNOWN = ("mnist", "usps", "mnist+usps", "opencv", "hwd")
"""The data sets that have a name; any other is a folder."""

COME_SPLIT = ("mnist", "usps", "mnist+usps", "hwd")
"""Those whose makers said what is for testing; of the others it is one sign in six."""

MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "usps": ("https://hastie.su.domains/ElemStatLearn/datasets/",),
}

DIGITS_PNG = Path("/usr/share/doc/opencv-doc/examples/data/digits.png")
"""OpenCV's 5,000 digits where Debian's package opencv-doc puts them: 50 rows of 100, five rows a label."""

FEWEST = 8
"""Pictures; a class with fewer cannot be learnt and judged."""

VALIDATION = 5000
"""Digits of the training set that only choose: epochs, temperatures, thresholds."""

VALIDATION_SEED = 2028


class DataError(CamdigitsError):
    """A data set's file is missing, cannot be fetched, or is not what it should be."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Single signs.

    inks: N of them, sizes may differ. labels: (N,) uint8, indices into names: what each sign means. files: where each
    comes from, in a folder of pictures; else none.
    """

    name: str
    inks: Inks
    labels: Labels
    names: tuple[str, ...] = DIGITS
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return N."""
        return len(self.labels)

    def part(self, at: NDArray[np.int64]) -> "Dataset":
        """Return the signs at some indices."""
        files = tuple(self.files[i] for i in at) if self.files else ()
        return Dataset(self.name, [self.inks[i] for i in at], self.labels[at], self.names, files)

    def fingerprint(self) -> str:
        """Return a hash of the signs and of what they mean, whatever the data set is called."""
        digest = hashlib.sha256(repr(self.names).encode() + self.labels.tobytes())
        for ink in self.inks:
            digest.update(ink.tobytes())
        return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _File:
    """folder, name: under CAMDIGITS_DATA and on the mirrors. raw: sha256 once decompressed."""

    folder: str
    name: str
    raw: str


_MNIST: dict[Split, tuple[_File, _File]] = {
    "train": (
        _File(
            "mnist",
            "train-images-idx3-ubyte.gz",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        _File(
            "mnist",
            "train-labels-idx1-ubyte.gz",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
    ),
    "test": (
        _File(
            "mnist",
            "t10k-images-idx3-ubyte.gz",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        _File(
            "mnist",
            "t10k-labels-idx1-ubyte.gz",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
}


_USPS: dict[Split, _File] = {
    "train": _File("usps", "zip.train.gz", "abc9f5c75b997cabe66b5d01727d5a681c69298e1641a8d37b55433a52129dc0"),
    "test": _File("usps", "zip.test.gz", "6bde17b4f1cd68e0630cd2751d6495b5795d9165ab2dc4a0be8b7002b732f4cc"),
}


def load(name: str, split: Split, report: Callable[[str], None] = lambda _: None) -> Dataset:
    """Return a part of a data set.

    name: one of KNOWN, or a folder with a subfolder a class. split: of OpenCV's digits and of folders a sixth of each
    class is test, and there may be asked for all; HwD is all test. report: told what was skipped. Raises DataError
    where a file is missing, refused, truncated or altered, or a folder cannot be learnt from.
    """
    if split == "all" and name in COME_SPLIT:
        raise DataError(f"{name}: comes split; ask for train or test")
    match name:
        case "mnist":
            images, labels = (_idx(file) for file in _MNIST[split])
            return Dataset(name, list(images.reshape(-1, 28, 28)), labels)
        case "usps":
            return _load_usps(split)
        case "mnist+usps":
            parts = load("mnist", split), load("usps", split)
            inks = [ink for part in parts for ink in part.inks]
            return Dataset(name, inks, np.concatenate([part.labels for part in parts]))
        case "opencv":
            return _split(_load_opencv(), split)
        case "hwd":
            if split == "train":
                raise DataError("hwd: is there to judge by, not to learn from; train on another data set")
            return _load_hwd()
        case _:
            return _split(_load_folder(Path(name), split, report), split)


def names(name: str) -> tuple[str, ...]:
    """Return what the labels of a data set mean. Raises DataError where a folder is none."""
    return DIGITS if name in KNOWN else tuple(path.name for path in _classes(Path(name)))


def _classes(folder: Path) -> list[Path]:
    """Return the subfolders, a class each. Raises DataError where there is no such folder."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such data set; name one of {', '.join(KNOWN)}, or a folder of classes")
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def learnt_and_kept(data: Dataset) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (training, validation) indices into signs for training: of every class some are kept back.

    Of sets that come split the same as ever are, which is by chance and not by class.
    """
    return validation_split(len(data)) if data.name in COME_SPLIT else _one_in(12, data.labels, VALIDATION_SEED)


def validation_split(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (training, validation) indices into `count` digits: the same 5,000 (a twelfth of fewer) are kept back."""
    order = np.random.default_rng(VALIDATION_SEED).permutation(count)
    kept = min(VALIDATION, count // 12)
    return np.sort(order[kept:]), np.sort(order[:kept])


def _split(whole: Dataset, split: Split) -> Dataset:
    """Return a sixth of each class for testing, the others, or all, the same each time."""
    if split == "all":
        return whole
    train, test = _one_in(6, whole.labels, VALIDATION_SEED + 1)
    return whole.part(test if split == "test" else train)


def _one_in(share: int, labels: Labels, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return indices of the others, and of one in `share` of each class, one sign at least."""
    rng = np.random.default_rng(seed)
    taken = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        taken[rng.permutation(places)[: max(1, len(places) // share)]] = True
    return np.flatnonzero(~taken), np.flatnonzero(taken)


def _load_usps(split: Split) -> Dataset:
    """Return USPS' 16x16 digits (Hull 1994), enlarged to 64x64 so that their strokes are smooth."""
    rows = np.loadtxt(_raw(_USPS[split]).decode().splitlines(), dtype=np.float32)
    images = (rows[:, 1:].reshape(-1, 16, 16) + 1) * 127.5
    large = np.stack([cv2.resize(image, (64, 64), interpolation=cv2.INTER_CUBIC) for image in images])
    return Dataset("usps", list(np.clip(large, 0, 255).astype(np.uint8)), rows[:, 0].astype(np.uint8))


def _load_opencv() -> Dataset:
    folder = os.environ.get("CAMDIGITS_DATA")
    kept = Path(folder) / "opencv_digits_20x20.npz" if folder else None
    if kept and kept.is_file():
        images, labels = _arrays(kept, (5000, 20, 20))
        return Dataset("opencv", list(images), labels)
    page = cv2.imread(str(DIGITS_PNG), cv2.IMREAD_GRAYSCALE) if DIGITS_PNG.is_file() else None
    if page is None or page.shape != (1000, 2000):
        raise DataError(f"{DIGITS_PNG}: no such picture of 5,000 digits; on Debian: apt install opencv-doc")
    cells = np.asarray(page, np.uint8).reshape(50, 20, 100, 20).swapaxes(1, 2).reshape(-1, 20, 20)
    return Dataset("opencv", list(cells), np.repeat(np.arange(10, dtype=np.uint8), 500))


def _load_hwd() -> Dataset:
    name = "hwd1000/hwd1000_28x28_blackonwhite.npz"
    folder = os.environ.get("CAMDIGITS_DATA")
    if not folder:
        raise DataError(
            f"{name}: not to be fetched; put HwD's digits there (x, y) and name the folder in CAMDIGITS_DATA"
        )
    path = Path(folder) / name
    if not path.is_file():
        raise DataError(f"{path}: no such file; put HwD's digits there (x, y) and name the folder in CAMDIGITS_DATA")
    images, labels = _arrays(path, (1000, 28, 28))
    return Dataset("hwd", list(255 - images), labels)


def _arrays(path: Path, shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], Labels]:
    """Return the images x, of a known shape, and the labels y of an .npz file."""
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            images, labels = arrays["x"], arrays["y"].ravel()
    except Exception as error:  # zipfile and NumPy raise many unrelated classes for broken archives
        raise DataError(f"{path}: cannot be read ({error}); get it again") from error
    expected = (shape, np.dtype(np.uint8), shape[:1], list(range(10)))
    if (images.shape, images.dtype, labels.shape, np.unique(labels).tolist()) != expected:
        raise DataError(
            f"{path}: holds {images.dtype} images {images.shape} with {labels.size} labels, not bytes {shape} "
            "with a label of 0 to 9 each; get it again"
        )
    return images, labels.astype(np.uint8)


def _load_folder(folder: Path, split: Split, report: Callable[[str], None]) -> Dataset:
    """Return the signs of a folder with a subfolder a class: one in each picture; its parts need not touch."""
    classes = _classes(folder)
    if len(classes) > 250:
        raise DataError(f"{folder}: {len(classes)} classes are too many; 250 at most")
    inks: list[Ink] = []
    labels: list[int] = []
    files: list[str] = []
    unread: list[str] = []
    for label, pictures in enumerate(classes):
        for path in sorted(p for p in pictures.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES):
            try:
                sign = single_sign(load_picture(str(path)))
            except PictureError as error:
                unread.append(str(error))
                continue
            if sign is None:
                unread.append(f"{path}: no ink found")
                continue
            inks.append(sign.ink)
            labels.append(label)
            files.append(path.relative_to(folder).as_posix())
    for line in unread:
        report(f"skipped: {line}")
    if unread:
        report(f"{folder}: {len(inks)} pictures read, {len(unread)} skipped")
    whole = Dataset(str(folder), inks, np.array(labels, np.uint8), tuple(path.name for path in classes), tuple(files))
    if split == "train":
        _check_lessons(whole, report)
    elif not inks:
        raise DataError(f"{folder}: no picture that can be read; a subfolder a class with pictures is needed")
    return whole


def _check_lessons(data: Dataset, report: Callable[[str], None]) -> None:
    """Raise DataError where a folder cannot be learnt from; report what makes it a poor lesson."""
    folder, names = data.name, data.names
    counts = np.bincount(data.labels, minlength=len(names)).tolist()
    few = [f"{name} ({count})" for name, count in zip(names, counts, strict=True) if count < FEWEST]
    if len(names) < 2:
        raise DataError(f"{folder}: {len(names)} subfolders; a model needs one for each of two or more classes")
    if NOT_A_DIGIT in names:
        raise DataError(f"{folder}/{NOT_A_DIGIT}: that is what a model calls anything else; take the subfolder away")
    if few:
        raise DataError(f"{folder}: fewer than {FEWEST} pictures that can be read in {', '.join(few)}; add more")
    if max(counts) > 10 * min(counts):
        report(f"{folder}: classes are uneven, {min(counts)} to {max(counts)} pictures; even is better")
    known: dict[bytes, int] = {}
    twins = [(known.setdefault(repr(ink.shape).encode() + ink.tobytes(), at), at) for at, ink in enumerate(data.inks)]
    at_odds = [f"{data.files[a]} and {data.files[b]}" for a, b in twins if data.labels[a] != data.labels[b]]
    if at_odds:
        more = f" and {len(at_odds) - 3} more pairs" if len(at_odds) > 3 else ""
        report(f"{folder}: {', '.join(at_odds[:3])}{more} show the same; nobody can learn which is right")


def _idx(file: _File) -> NDArray[np.uint8]:
    """Return the values of one IDX file, flat."""
    raw = _raw(file)
    # IDX: two zero bytes, the type (8, unsigned bytes), the number of dimensions, then each as a 32-bit integer
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])


def _raw(file: _File) -> bytes:
    """Return a file's decompressed bytes, of the folder that the user named, or fetched."""
    folder = os.environ.get("CAMDIGITS_DATA")
    if not folder:
        return _fetch(file)
    path = Path(folder) / file.folder / file.name
    cure = f"put {file.folder.upper()} there, or unset CAMDIGITS_DATA to fetch it"
    if not path.is_file():
        raise DataError(f"{path}: no such file; {cure}")
    try:
        return _unpack(path, file)
    except ValueError as error:
        raise DataError(f"{path}: {error}; {cure}") from error


def _fetch(file: _File) -> bytes:
    """Return the decompressed bytes of a file in pooch's cache; the first mirror that hands it over whole is enough."""
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    path = pooch.os_cache("camdigits") / file.name
    reasons = []
    for mirror in MIRRORS[file.folder]:
        try:
            pooch.retrieve(mirror + file.name, None, path.name, path.parent, progressbar=True)
            return _unpack(path, file)
        except (OSError, ValueError) as error:  # refused and cut off are OSError, another file is ValueError
            path.unlink(missing_ok=True)
            offline = isinstance(error, requests.ConnectionError)
            reasons.append(f"{mirror}: {'cannot be reached' if offline else str(error).splitlines()[0]}")
    raise DataError(
        f"{file.name}: no mirror handed it over ({'; '.join(reasons)}); "
        f"try again, or put the file into a folder {file.folder} and name its parent in CAMDIGITS_DATA"
    )


def _unpack(path: Path, file: _File) -> bytes:
    """Return a file's decompressed bytes. Raises ValueError where it is not the one that is meant."""
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"cannot be decompressed ({error})") from error
    if hashlib.sha256(raw).hexdigest() != file.raw:
        raise ValueError(f"its bytes are not {file.folder.upper()}'s")
    return raw
