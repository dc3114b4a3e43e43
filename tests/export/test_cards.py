"""Cards: data, recipe, figures and hashes are the file's own, whatever it is; what people wrote stays."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest

from camdigits import network
from camdigits.classify import Classifier, find_model
from camdigits_export import cards, cnn, evaluate, knn, rebuild, runs, to_onnx
from camdigits_export.cards import CardError
from camdigits_export.patches import PatchSet, Workshop
from tests.support.models import write_model

TINY = cnn.Recipe(channels=(4, 5, 6), dense=7, seed=3, seen_share=0.12)
NEIGHBOURS = knn.Recipe(neighbours=3, seen=123, deskew=False)


@pytest.fixture
def models(workshop: Workshop, tmp_path: Path) -> Path:
    """The shipped cards, beside a network of chance weights and a constant that calls itself a KNN."""
    ours = shutil.ignore_patterns("*.onnx", "*.keras", "REPORT.*")
    folder = Path(shutil.copytree(find_model("cnn").parent, tmp_path / "models", ignore=ours))
    run = tmp_path / "run"
    runs.begin(run, TINY, workshop)
    runs.log(run, {"epoch": 1})
    tiny = cnn.build(TINY, 11)
    rng = np.random.default_rng(0)
    tiny.set_weights([rng.uniform(0.1, 0.2, weights.shape) for weights in tiny.get_weights()])
    for path in (run / "model.keras", folder / "cnn.keras"):
        tiny.save(path)
    to_onnx.export_run(run, folder / "cnn.onnx")
    restate(write_model(folder / "knn.onnx", 7), {"kind": "knn", **asdict(NEIGHBOURS)})
    return folder


def restate(path: Path, recipe: object) -> None:
    """Write another recipe into a file's metadata."""
    path.write_bytes(to_onnx.finish(onnx.load(path), list("0123456789"), {"recipe": recipe}, {}))


def renewed(card: Path, workshop: Workshop) -> str:
    cards.renew(card, {"mnist": workshop.validation, "rejects": workshop.held_rejects})
    return card.read_text(encoding="utf-8")


def section(card: str, title: str) -> str:
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", found[1])


@pytest.mark.parametrize("name", ["cnn", "knn"])
def test_a_card_has_the_hashes_and_figures_of_the_files(name: str, models: Path, workshop: Workshop) -> None:
    card = renewed(models / f"{name}.md", workshop)
    for file in models.glob(f"{name}.[ok]*"):
        assert f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" in card
    right = evaluate.score(Classifier(models / f"{name}.onnx"), workshop.validation).right
    assert re.search(rf"^\| MNIST test digits read right \| {right:.2f} % of 100 \| ", card, re.MULTILINE)
    assert "USPS" not in card


@pytest.mark.parametrize(("name", "recipe"), [("cnn", TINY), ("knn", NEIGHBOURS)])
def test_the_recipe_in_a_card_trains_the_model_again(
    name: str, recipe: cnn.Recipe | knn.Recipe, models: Path, workshop: Workshop, tmp_path: Path
) -> None:
    card = renewed(models / f"{name}.md", workshop)
    (written,) = re.findall(r"^    (\{.*?\})$", card, re.MULTILINE | re.DOTALL)
    (tmp_path / "recipe.json").write_text(written)
    read = runs.read_recipe(tmp_path / "recipe.json", type(recipe))
    assert json.dumps(asdict(read)) == json.dumps(asdict(recipe))
    said = f"With the recipe above as recipe.json: camdigits train {name} --recipe recipe.json"
    assert section(card, "Remake").strip() == said + " camdigits export" * (name == "cnn")


def test_a_card_tells_seed_and_parameters(models: Path, workshop: Workshop) -> None:
    said = re.match(r" Seed 3; ([\d,]+) parameters\.", section(renewed(models / "cnn.md", workshop), "Recipe"))
    assert said
    # of four numbers of a channel's normalisation, one is left once they are folded into the convolution
    first, second, third = TINY.channels
    count = cnn.load_trained(models / "cnn.keras").count_params() - 3 * (first + 2 * second + 2 * third)
    assert int(said[1].replace(",", "")) == pytest.approx(count, abs=1)


def test_a_card_tells_what_a_file_learned_from(models: Path, workshop: Workshop) -> None:
    data = section(renewed(models / "cnn.md", workshop), "Data")
    assert "MNIST's training digits (LeCun, Cortes, Burges; CC BY-SA 3.0)" in data
    assert "12 % of them, others in each epoch, as a camera sees them" in data
    assert "123 of them also as a camera sees them" in section(renewed(models / "knn.md", workshop), "Data")
    restate(models / "knn.onnx", {"kind": "knn", **asdict(replace(NEIGHBOURS, dataset="usps"))})
    data = section(renewed(models / "knn.md", workshop), "Data")
    assert "USPS' training digits" in data
    assert "MNIST's training digits" not in data


def test_a_card_tells_with_which_weights_a_file_began(models: Path, workshop: Workshop) -> None:
    restate(models / "cnn.onnx", {"kind": "cnn", **asdict(replace(TINY, start="runs/first"))})
    remake = section(renewed(models / "cnn.md", workshop), "Remake")
    assert "recipe.json, which begins with the weights of runs/first:" in remake


@pytest.mark.parametrize("name", ["cnn", "knn"])
def test_a_card_keeps_what_people_wrote(name: str, models: Path, workshop: Workshop) -> None:
    before = (models / f"{name}.md").read_text(encoding="utf-8")
    after = renewed(models / f"{name}.md", workshop)
    for part in (before[: before.index("\n    ")], before[before.index("## Limits") : before.index("## Remake")]):
        assert part in after
    assert "Licence: MIT" in after
    assert renewed(models / f"{name}.md", workshop).splitlines()[:12] == after.splitlines()[:12]


@pytest.mark.parametrize("lost", ["| share |", " ms", "## Recipe", "## Remake", "## Data"])
def test_a_card_without_a_place_is_an_error(lost: str, models: Path, workshop: Workshop) -> None:
    card = models / "knn.md"
    card.write_text(card.read_text().replace(lost, ""))
    with pytest.raises(CardError, match=r"models/knn\.md: 0 places"):
        renewed(card, workshop)


@pytest.mark.parametrize("lost", ["| share |", "## Data"])
def test_cards_are_checked_before_models_are_made(lost: str, models: Path) -> None:
    cards.check(models)
    card = models / "knn.md"
    card.write_text(card.read_text().replace(lost, ""))
    with pytest.raises(CardError, match=r"knn\.md: not one place"):
        cards.check(models)
    card.unlink()
    with pytest.raises(CardError, match=r"knn\.md: no such card"):
        cards.check(models)


def test_a_card_says_nothing_of_sets_that_are_not_at_hand(models: Path, workshop: Workshop) -> None:
    card = models / "knn.md"
    some = PatchSet(workshop.held_rejects.patches[:50], workshop.held_rejects.labels[:50])
    cards.renew(card, {"rejects": some})
    assert "held-out rejects caught | 0.00 % of 50" in card.read_text()
    assert "MNIST test digits" not in section(card.read_text(), "Figures").split("Ten patches")[0]


@pytest.mark.parametrize("name", network.HELPERS)
def test_a_helpers_card_is_of_this_very_file(name: str) -> None:
    file = network.models_folder() / name
    card = file.with_suffix(".md").read_text()
    assert f"{sha256(file.read_bytes()).hexdigest()}  {name}" in card
    recipe = asdict(rebuild.HELPERS[name][1])
    assert json.loads(json.dumps(recipe)) == to_onnx.stated(file)["training"]
    if "frames" in recipe:
        assert f" {recipe['frames']:,} composed frames" in card
    assert re.search(rf" {recipe['held']:,} (strings|frames of validation digits)", card)


@pytest.mark.parametrize("name", network.HELPERS)
def test_a_helper_is_remade_with_its_card(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shipped = network.models_folder() / name
    file = tmp_path / name
    shutil.copy(shipped.with_suffix(".md"), tmp_path)

    def make(path: Path, recipe: dict[str, int], _: Callable[[str], None]) -> float:
        figures = dict.fromkeys(to_onnx.stated(shipped)["figures"], 0.25)
        proto = onnx.load(shipped)
        told = {"camdigits.training": json.dumps(recipe), "camdigits.figures": json.dumps(figures)}
        onnx.helper.set_model_props(proto, told)
        to_onnx.write(proto.SerializeToString(), path)
        return 0.25

    cards.remake_helper(file, make, {"seed": 7})
    card = file.with_suffix(".md").read_text()
    assert f"{sha256(file.read_bytes()).hexdigest()}  {name}\n" in card
    assert re.search(r"^    \w+  25.00 %$", card, re.MULTILINE)
    assert '{"seed": 7}' in section(card, "Recipe")
    assert "25.00 %" in capsys.readouterr().out


def test_what_a_helper_cannot_be_made_of_is_told(tmp_path: Path) -> None:
    shutil.copy(network.models_folder() / "inked.md", tmp_path)

    def make(*_: object) -> float:
        raise CardError("no data")

    with pytest.raises(SystemExit, match="error: no data"):
        cards.remake_helper(tmp_path / "inked.onnx", make, {})


def test_a_card_is_asked_for_before_its_helper_is_made(tmp_path: Path) -> None:
    def make(*_: object) -> float:
        raise AssertionError("hours later")

    with pytest.raises(SystemExit, match=r"inked\.md: no such card"):
        cards.remake_helper(tmp_path / "inked.onnx", make, {})
