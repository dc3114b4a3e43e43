"""Names for files of our own that replace none."""

from itertools import count
from pathlib import Path


def unused(folder: str | Path, *suffixes: str, name: str = "camdigits") -> Path:
    """Return the first of name-001, name-002, … that exists with none of the suffixes, with the first of them."""
    for number in count(1):
        path = Path(folder) / f"{name}-{number:03d}{suffixes[0]}"
        if not any(path.with_suffix(suffix).exists() for suffix in suffixes):
            break
    return path
