"""A model's card, models/NAME.md: what people wrote stays, hashes and figures are renewed from the file itself."""

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from camdigits.classify import Classifier
from camdigits.errors import CamdigitsError
from camdigits_export.evaluate import milliseconds, score
from camdigits_export.metrics import wilson
from camdigits_export.patches import PatchSet

SETS = {
    "mnist": ("MNIST test digits", True),
    "validation": ("validation digits", True),
    "rejects": ("held-out rejects", False),
    "usps": ("USPS test digits, enlarged (other hands, never trained on)", False),
}
"""What a card states, as evaluate.dataset names it: its title, and whether the share rejected is stated too."""

_HASH = re.compile(r"^ {4}[0-9a-f]{64}  (\S+)$", re.MULTILINE)
_TABLE = re.compile(r"^\| \| share \|.*?\n(?=\n)", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"Ten patches take [\d.]+ ms")


class CardError(CamdigitsError):
    """A card lacks a place for what must stand in it."""


def renew(card: Path, sets: Mapping[str, PatchSet]) -> None:
    """Write hashes, shares with their intervals and the time into the card of the model beside it.

    sets: by their names in SETS; of the others nothing is said. Raises CardError.
    """
    text = card.read_text(encoding="utf-8")
    model = Classifier(card.with_suffix(".onnx"))
    rows = ["| | share | 95 % interval (Wilson) |", "|---|---|---|"]
    for name, patches in sets.items():
        title, both = SETS[name]
        found = score(model, patches)
        caught = "caught" if name == "rejects" else "read right"
        rows.append(_row(f"{title} {caught}", found.right, found.count))
        if both:
            rows.append(_row(f"{title} rejected", found.rejected, found.count))
    table = "\n".join(rows) + "\n"
    digits = sets.get("mnist") or next(iter(sets.values()))
    time = f"Ten patches take {milliseconds(model, digits):.1f} ms"
    for place, value in ((_TABLE, table), (_TIME, time)):
        text, count = place.subn(value.replace("\\", r"\\"), text)
        if count != 1:
            raise CardError(f"{card}: {count} places for {value.splitlines()[0]!r}; a card has one")
    text = _HASH.sub(lambda line: f"    {_hash(card.with_name(line[1]))}  {line[1]}", text)
    card.write_text(text, encoding="utf-8")


def _row(title: str, hits: int, count: int) -> str:
    low, high = wilson(hits, count)
    return f"| {title} | {100 * hits / count:.2f} % of {count:,} | {100 * low:.2f} to {100 * high:.2f} |"


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
