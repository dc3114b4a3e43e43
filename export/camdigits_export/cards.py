"""A model's card, models/NAME.md: data, recipe, figures and hashes come from the file; what people wrote stays."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from math import prod
from pathlib import Path
from textwrap import wrap
from typing import Any

import onnx

from camdigits.classify import Classifier
from camdigits.errors import CamdigitsError
from camdigits.network import HELPERS
from camdigits_export.evaluate import milliseconds, score
from camdigits_export.metrics import wilson
from camdigits_export.patches import PatchSet
from camdigits_export.to_onnx import stated

Make = Callable[[Path, Any, Callable[[str], None]], float]
"""Writes a file by its recipe, telling what it does, and returns a figure of it."""

SETS = {
    "mnist": ("MNIST test digits", True),
    "validation": ("validation digits", True),
    "rejects": ("held-out rejects", False),
    "usps": ("USPS test digits, enlarged (other hands)", False),
}
"""What a card states, as evaluate.dataset names it: its title, and whether the share rejected is stated too."""

_ORIGINS = {
    "mnist": "MNIST's training digits (LeCun, Cortes, Burges; CC BY-SA 3.0)",
    "usps": "USPS' training digits (Hull 1994)",
}
"""Of the data sets that ship in models: what a card says of them."""

_DATA = """\
- {signs}, but for those of validation;
  {seen} as a camera sees them: turned up to 15 degrees, slanted, stretched, another pen,
  gaps, blur, noise, reduced to as few as 16 pixels.
- {rare} drawn by the workshop as MNIST hardly has them: a 1 with a foot, a crossed 7, an open 4,
  a slashed 0.
- {rejects} drawn by the workshop: lines, signs, shapes, texture, letters of the fonts that
  matplotlib carries (DejaVu, STIX, Computer Modern) and OpenCV's, pieces and pairs of the digits, digits lying on
  their side.{frames}

All went through `camdigits.normalize`. The digits of validation, always the same, and rejects of their own, half of
them drawn with fonts, signs and shapes that training lacks, chose the settings and the temperature."""

_FRAMES = """
- For each epoch {share} as many patches that the reader found in composed frames: the same digits written with pen,
  pencil or chalk on plain, ruled, squared, coloured and folded paper and on boards, among letters of open fonts, signs
  and scribbles, before desks and pictures of the world, in every light, turned and blurred; digits where one was
  written, and everything else as `not a digit`."""

_HASH = re.compile(r"^ {4}[0-9a-f]{64}  (\S+)$", re.MULTILINE)
_TABLE = re.compile(r"^\| \| share \|.*?\n(?=\n)", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"Ten patches take [\d.]+ ms")

_SHARE = re.compile(r"^( {4}\w+  )[\d.]+ %$", re.MULTILINE)


class CardError(CamdigitsError):
    """A card lacks a place for what must stand in it."""


def check(models: Path) -> None:
    """Raise CardError where a folder lacks a card, or a card a place: to be called before hours of training."""
    for name in ("cnn", "knn"):
        _check(models / f"{name}.md", (_TABLE, _TIME, *map(_section, ("Data", "Recipe", "Remake"))))
    for helper in HELPERS:
        check_helper((models / helper).with_suffix(".md"))


def check_helper(card: Path) -> None:
    """Raise CardError where the card of a network of HELPERS is missing, or lacks a place."""
    _check(card, (_HASH, _SHARE, _section("Recipe")))


def _check(card: Path, places: Iterable[re.Pattern[str]]) -> None:
    if not card.is_file():
        raise CardError(f"{card}: no such card, which people write; copy it from the models/ of the checkout")
    text = card.read_text(encoding="utf-8")
    for place in places:
        if len(place.findall(text)) != 1:
            raise CardError(f"{card}: not one place for {place.pattern!r}; copy it from the models/ of the checkout")


def renew(card: Path, sets: Mapping[str, PatchSet]) -> None:
    """Write all that the model beside a card tells into it: what made it, hashes, shares with intervals, the time.

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
    recipe = stated(model.path)["training"]["recipe"]
    sections = {"Data": _data(recipe), "Recipe": _recipe(recipe, model.path), "Remake": _remake(recipe)}
    places = {_section(title): f"## {title}\n\n{body}\n" for title, body in sections.items()}
    for place, value in {**places, _TABLE: table, _TIME: time}.items():
        text, count = place.subn(value.replace("\\", r"\\"), text)
        if count != 1:
            raise CardError(f"{card}: {count} places for {value.splitlines()[0]!r}; a card has one")
    card.write_text(_hashed(text, card), encoding="utf-8")


def remake_helper(file: Path, make: Make, recipe: Any) -> None:
    """Make the file of a network of HELPERS anew, and its card: a program of its own."""
    card = file.with_suffix(".md")
    try:
        check_helper(card)
        share = make(file, recipe, print)
        renew_helper(card)
        print(f"{file}, {card.name}: {100 * share:.2f} %")
    except CamdigitsError as error:
        sys.exit(f"error: {error}")


def renew_helper(card: Path) -> None:
    """Write hash, recipe and figure of a network of HELPERS into its card, which `check_helper` found whole."""
    file = card.with_suffix(".onnx")
    told = stated(file)
    (share,) = told["figures"].values()
    text = card.read_text(encoding="utf-8")
    text = _section("Recipe").sub(f"## Recipe\n\n{_recipe(told['training'], file)}\n", text)
    text = _SHARE.sub(rf"\g<1>{100 * share:.2f} %", text)
    card.write_text(_hashed(text, card), encoding="utf-8")


def _hashed(text: str, card: Path) -> str:
    """Return a card's text with the hashes of the files that it names."""
    return _HASH.sub(lambda line: f"    {_hash(card.with_name(line[1]))}  {line[1]}", text)


def _section(title: str) -> re.Pattern[str]:
    return re.compile(rf"^## {title}\n.*?(?=\n## |\Z)", re.MULTILINE | re.DOTALL)


def _data(recipe: Mapping[str, Any]) -> str:
    if recipe["kind"] == "cnn":
        epochs = "in each epoch"
        if recipe.get("teachers"):
            epochs = f"in each of the first {recipe.get('draws', 12)} epochs, which repeat"
        share = {name: f"{100 * recipe[f'{name}_share']:.0f} %" for name in ("seen", "rare", "reject")}
        kinds = {
            "seen": f"{share['seen']} of them, others {epochs},",
            "rare": f"For each epoch {share['rare']} as many digits",
            "rejects": f"For each epoch {share['reject']} as many rejects",
        }
        framed = recipe.get("frame_share", 0)
        kinds["frames"] = _FRAMES.format(share=f"{100 * framed:.0f} %") if framed else ""
    else:
        kinds = {
            "seen": f"{recipe['seen']:,} of them also",
            "rare": f"{recipe['rare']:,} digits",
            "rejects": f"{recipe['rejects']:,} rejects",
            "frames": "",
        }
    names = recipe.get("dataset", "mnist").split("+")
    return _DATA.format(signs=" and ".join(_ORIGINS.get(name, name) for name in names), **kinds)


def _recipe(recipe: Mapping[str, Any], path: Path) -> str:
    # whole numbers of 64 bits are shapes and places, no weights
    weights = [each for each in onnx.load(path).graph.initializer if each.data_type != onnx.TensorProto.INT64]
    count = sum(prod(each.dims) for each in weights)
    lines = wrap(json.dumps(recipe, sort_keys=True), 112, break_long_words=False, break_on_hyphens=False)
    return _block(f"Seed {recipe['seed']}; {count:,} parameters. The file's metadata says:", lines)


def _remake(recipe: Mapping[str, Any]) -> str:
    begun = f", which begins with the weights of {recipe['start']}" if recipe.get("start") else ""
    if recipe.get("teachers"):
        begun += f", and {' and '.join(recipe['teachers'])} as `make models` trains them"
    export = ["camdigits export"] if recipe["kind"] == "cnn" else []
    commands = [f"camdigits train {recipe['kind']} --recipe recipe.json", *export]
    return _block(f"With the recipe above as recipe.json{begun}:", commands)


def _block(said: str, lines: Sequence[str]) -> str:
    return "\n".join([said, "", *(f"    {line}" for line in lines)])


def _row(title: str, hits: int, count: int) -> str:
    low, high = wilson(hits, count)
    return f"| {title} | {100 * hits / count:.2f} % of {count:,} | {100 * low:.2f} to {100 * high:.2f} |"


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
