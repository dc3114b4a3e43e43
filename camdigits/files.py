"""Files of our own, which replace none of anyone else's."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path


def unused(folder: str | Path, *suffixes: str, name: str = "camdigits") -> Path:
    """Return the first of name-001, name-002, … that exists with none of the suffixes, with the first of them."""
    for number in count(1):
        path = Path(folder) / f"{name}-{number:03d}{suffixes[0]}"
        if not any(path.with_suffix(suffix).exists() for suffix in suffixes):
            break
    return path


def is_others(path: Path, columns: Sequence[str]) -> bool:
    """Say whether a file holds anything that does not begin as a CSV table with these columns. Raises OSError."""
    if not path.is_file() or not path.stat().st_size:
        return False
    first = ",".join(columns).encode()
    with path.open("rb") as file:
        return file.read(len(first) + 1).rstrip(b"\r\n") != first
