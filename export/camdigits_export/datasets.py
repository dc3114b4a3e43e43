"""MNIST as arrays: from a folder, or from its public mirrors, and never a byte that is not MNIST's own.

Files come from $CAMDIGITS_DATA/mnist where that is set, else they are fetched once into pooch's cache. What counts is
the hash of the decompressed bytes: a file may have been compressed again, its images may not have changed.
"""

import gzip
import hashlib
import logging
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from camdigits.errors import CamdigitsError

Images = NDArray[np.uint8]
"""(N, 28, 28) uint8, ink 255 on 0."""

Labels = NDArray[np.uint8]
"""(N,) uint8, 0 to 9."""

Split = Literal["train", "test"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

VALIDATION = 5000
"""Digits of the training set that only choose: epochs, temperatures, thresholds."""

VALIDATION_SEED = 2028


class DataError(CamdigitsError):
    """A data set's file is missing, cannot be fetched, or is not what it should be."""


@dataclass(frozen=True, slots=True)
class _File:
    """name: on the mirrors and in the folder. download: md5 of the mirrors' file. raw: sha256 once decompressed."""

    name: str
    download: str
    raw: str


_FILES: dict[Split, tuple[_File, _File]] = {
    "train": (
        _File(
            "train-images-idx3-ubyte.gz",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        _File(
            "train-labels-idx1-ubyte.gz",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
    ),
    "test": (
        _File(
            "t10k-images-idx3-ubyte.gz",
            "9fb629c4189551a2d022fa330f9573f3",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        _File(
            "t10k-labels-idx1-ubyte.gz",
            "ec29112dd5afa0611ce80d1b7f02629c",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
}


def load_mnist(split: Split) -> tuple[Images, Labels]:
    """Return the 60,000 training or the 10,000 test digits as (images, labels).

    Raises DataError where a file is missing, refused, truncated or altered.
    """
    images, labels = (_read(file) for file in _FILES[split])
    return images.reshape(-1, 28, 28), labels


def validation_split(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (training, validation) indices into `count` digits: the same 5,000 (a twelfth of fewer) are kept back."""
    order = np.random.default_rng(VALIDATION_SEED).permutation(count)
    kept = min(VALIDATION, count // 12)
    return np.sort(order[kept:]), np.sort(order[:kept])


def _read(file: _File) -> NDArray[np.uint8]:
    """Return the values of one IDX file, flat."""
    path = _locate(file)
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be decompressed ({error}); delete it and fetch it again") from error
    if hashlib.sha256(raw).hexdigest() != file.raw:
        raise DataError(f"{path}: its bytes are not MNIST's; delete it and fetch it again")
    # IDX: two zero bytes, the type (8, unsigned bytes), the number of dimensions, then each as a 32-bit integer
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])


def _locate(file: _File) -> Path:
    """Return the file in the folder that the user named, or in the cache, fetched if need be."""
    folder = os.environ.get("CAMDIGITS_DATA")
    if folder:
        path = Path(folder) / "mnist" / file.name
        if not path.is_file():
            raise DataError(f"{path}: no such file; put MNIST there, or unset CAMDIGITS_DATA to fetch it")
        return path
    return _fetch(file)


def _fetch(file: _File) -> Path:
    """Return the file in pooch's cache; the first mirror that hands it over whole is enough."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    reasons = []
    for mirror in MIRRORS:
        try:
            found = pooch.retrieve(mirror + file.name, f"md5:{file.download}", file.name, pooch.os_cache("camdigits"))
            return Path(found)
        except (OSError, ValueError) as error:  # refused and cut off are OSError, a wrong hash is ValueError
            reasons.append(f"{mirror}: {str(error).splitlines()[0]}")
    raise DataError(
        f"{file.name}: no mirror handed it over ({'; '.join(reasons)}); "
        "try again, or put the file into a folder mnist and name its parent in CAMDIGITS_DATA"
    )
