"""The CNN: three blocks of two 3x3 convolutions, small enough for ten digits in 3 ms on one thread.

A run is a folder runs/NAME: recipe.json says what was asked, log.csv how it went, checkpoint.keras goes on from the last
whole epoch, and model.keras is what to export: averaged weights (EMA), the temperature folded into the last layer.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from camdigits_export.calibrate import fit_temperature, softmax
from camdigits_export.datasets import DataError
from camdigits_export.patches import REJECT, Workshop


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a training is made of, besides the patches."""

    epochs: int = 24
    seed: int = 1
    channels: tuple[int, int, int] = (16, 32, 64)
    dense: int = 96
    dropout: float = 0.3
    batch: int = 128
    rate: float = 2e-3
    weight_decay: float = 0.02
    smoothing: float = 0.02
    ema: float = 0.998
    seen_share: float = 0.5
    rare_share: float = 0.08
    reject_share: float = 0.3


@dataclass(frozen=True, slots=True)
class Figures:
    """How a model does on validation; shares of 0 to 1.

    accuracy: clean digits read right (a rejected digit is wrong). seen: the same digits as a camera sees them. rejected:
    clean digits taken for no digit. caught: held-out rejects taken for no digit. temperature: what calibrated it.
    """

    accuracy: float
    seen: float
    rejected: float
    caught: float
    temperature: float


def build(recipe: Recipe) -> keras.Model:
    """Return the untrained network: `patches` (N, 28, 28) float32 to `probabilities` (N, 11) float32."""
    layers = keras.layers
    patches = keras.Input((28, 28), name="patches")
    x = layers.Reshape((28, 28, 1))(patches)
    for depth, channels in enumerate(recipe.channels):
        for _ in range(2):
            x = layers.Conv2D(channels, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
            x = layers.BatchNormalization(momentum=0.98)(x)
            x = layers.ReLU()(x)
        if depth < len(recipe.channels) - 1:
            x = layers.MaxPooling2D()(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(recipe.dropout)(x)
    x = layers.Dense(recipe.dense, activation="relu")(x)
    x = layers.Dropout(recipe.dropout)(x)
    x = layers.Dense(REJECT + 1, name="logits")(x)
    return keras.Model(patches, layers.Softmax(name="probabilities")(x))


def train(
    workshop: Workshop,
    run: Path,
    recipe: Recipe,
    resume: bool = False,
    report: Callable[[int, int, float, Figures | None], None] = lambda *_: None,
) -> Figures:
    """Train in the folder `run` and return the last epoch's figures.

    resume: go on from checkpoint.keras with the recipe found there. report: called with (epoch from 1, epochs, share of it
    done, its figures once it is whole). Raises DataError where there is nothing to resume or the folder is taken.
    """
    checkpoint = run / "checkpoint.keras"
    if resume:
        recipe, model, done, figures = _resume(run)
    else:
        if checkpoint.exists():
            raise DataError(f"{run}: holds a training; name another run, or go on with --resume")
        run.mkdir(parents=True, exist_ok=True)
        (run / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1) + "\n")
        keras.utils.set_random_seed(recipe.seed)
        model, done, figures = build(recipe), 0, None
    x, y = epoch_patches(workshop, recipe, 0)
    steps = -(-len(y) // recipe.batch)
    if not resume:
        model.compile(
            keras.optimizers.AdamW(
                keras.optimizers.schedules.CosineDecay(
                    recipe.rate / 20,
                    decay_steps=(recipe.epochs - 1) * steps,
                    alpha=0.01,
                    warmup_target=recipe.rate,
                    warmup_steps=steps,
                ),
                weight_decay=recipe.weight_decay,
                use_ema=True,
                ema_momentum=recipe.ema,
            ),
            keras.losses.CategoricalCrossentropy(label_smoothing=recipe.smoothing),
            metrics=["accuracy"],
        )
    served = build(recipe)
    for epoch in range(done, recipe.epochs):
        keras.utils.set_random_seed(recipe.seed + epoch)
        x, y = epoch_patches(workshop, recipe, epoch)
        callback = _Progress(lambda done, epoch=epoch: report(epoch + 1, recipe.epochs, done, None), steps)
        targets = np.eye(REJECT + 1, dtype=np.float32)[y]
        history = model.fit(x, targets, recipe.batch, shuffle=False, verbose=0, callbacks=[callback]).history
        figures = _serve(model, served, workshop)
        served.save(run / "model.keras")
        # written aside first: an interrupt never leaves half a checkpoint
        model.save(run / "unfinished.keras")
        (run / "unfinished.keras").replace(checkpoint)
        _log(run, epoch + 1, history["loss"][0], history["accuracy"][0], figures)
        report(epoch + 1, recipe.epochs, 1.0, figures)
    if figures is None:
        raise DataError(f"{run}: nothing to train; its recipe has {recipe.epochs} epochs")
    return figures


def epoch_patches(workshop: Workshop, recipe: Recipe, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return one epoch's (N, 28, 28) float32 patches and (N,) labels, shuffled; the same for the same epoch and seed.

    Every training digit comes once, clean or as a camera sees it; rare digits and rejects are drawn anew each time.
    """
    rng = np.random.default_rng([recipe.seed, epoch])
    count = len(workshop.clean)
    digits = np.array(workshop.clean.patches)
    at = np.nonzero(rng.random(count) < recipe.seen_share)[0]
    digits[at] = workshop.seen[rng.integers(len(workshop.seen), size=len(at)), at]
    rare = rng.integers(len(workshop.rare), size=round(count * recipe.rare_share))
    rejects = rng.integers(len(workshop.rejects), size=round(count * recipe.reject_share))
    patches = np.concatenate([digits, workshop.rare.patches[rare], workshop.rejects[rejects]])
    labels = np.concatenate(
        [workshop.clean.labels, workshop.rare.labels[rare], np.full(len(rejects), REJECT, np.uint8)]
    )
    order = rng.permutation(len(labels))
    return patches[order].astype(np.float32) / 255, labels[order]


def load_trained(path: Path) -> keras.Model:
    """Return the model of a run's folder or of a .keras file. Raises DataError where it cannot be read."""
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"{file}: no trained model there; train one with camdigits train cnn")
    try:
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many unrelated classes for broken archives
        raise DataError(f"{file}: Keras cannot read it ({str(error).splitlines()[0]}); train it again") from error


def measure(probabilities: Callable[[NDArray[np.float32]], NDArray[np.float32]], workshop: Workshop) -> Figures:
    """Return validation figures of any model; its temperature counts as 1."""

    def said(patches: NDArray[np.uint8]) -> NDArray[np.int64]:
        return probabilities(patches.astype(np.float32) / 255).argmax(axis=1)

    clean = said(workshop.validation.patches)
    return Figures(
        accuracy=float(np.mean(clean == workshop.validation.labels)),
        seen=float(np.mean(said(workshop.validation_seen.patches) == workshop.validation_seen.labels)),
        rejected=float(np.mean(clean == REJECT)),
        caught=float(np.mean(said(workshop.validation_rejects) == REJECT)),
        temperature=1.0,
    )


class _Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the share of an epoch that is done."""

    def __init__(self, report: Callable[[float], None], steps: int) -> None:
        super().__init__()
        self._report, self._steps = report, steps

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras passes it by name
        """Report after every batch."""
        self._report((batch + 1) / self._steps)


def _serve(model: keras.Model, served: keras.Model, workshop: Workshop) -> Figures:
    """Give `served` the averaged weights and its temperature; return how it does on validation."""
    served.set_weights(model.get_weights())
    model.optimizer.finalize_variable_values(served.trainable_variables)
    logits_of = keras.Model(served.input, served.get_layer("logits").output)
    sets = (workshop.validation.patches, workshop.validation_seen.patches, workshop.validation_rejects)
    patches = np.concatenate(sets)
    labels = np.concatenate(
        [
            workshop.validation.labels,
            workshop.validation_seen.labels,
            np.full(len(workshop.validation_rejects), REJECT, np.uint8),
        ]
    )
    logits = np.asarray(logits_of.predict(patches.astype(np.float32) / 255, 512, verbose=0))
    temperature = fit_temperature(logits, labels)
    last = served.get_layer("logits")
    last.set_weights([weights / temperature for weights in last.get_weights()])
    # what was said once is looked up, not computed again
    parts = iter(np.split(softmax(logits / temperature), np.cumsum([len(s) for s in sets])[:-1]))
    figures = measure(lambda _: next(parts), workshop)
    return Figures(**{**asdict(figures), "temperature": temperature})


def _log(run: Path, epoch: int, loss: float, accuracy: float, figures: Figures) -> None:
    row: dict[str, Any] = {"epoch": epoch, "loss": loss, "training_accuracy": accuracy, **asdict(figures)}
    path = run / "log.csv"
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if fresh:
            writer.writeheader()
        writer.writerow({name: value if name == "epoch" else f"{value:.5f}" for name, value in row.items()})


def _resume(run: Path) -> tuple[Recipe, keras.Model, int, Figures]:
    """Return the recipe, the model with its optimizer, the epochs done and the last figures."""
    try:
        settings = json.loads((run / "recipe.json").read_text())
        recipe = Recipe(**{**settings, "channels": tuple(settings["channels"])})
        model = keras.saving.load_model(run / "checkpoint.keras", safe_mode=True)
        with (run / "log.csv").open(newline="") as file:
            last = list(csv.DictReader(file))[-1]
    except Exception as error:  # Keras raises many unrelated classes for broken archives
        raise DataError(
            f"{run}: no training to resume ({str(error).splitlines()[0]}); start one without --resume"
        ) from error
    figures = Figures(**{name: float(last[name]) for name in Figures.__dataclass_fields__})
    return recipe, model, int(last["epoch"]), figures
