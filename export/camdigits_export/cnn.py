"""Convolutional networks: `best` and `small`, a 5x5 convolution and four of 3x3, and `classic`, Keras' old example.

In the run's folder, checkpoint.keras goes on from the last whole epoch, and model.keras is what to export: averaged
weights (EMA), the temperature folded into the last layer.
"""

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import ClassVar, Literal, get_args

import keras
import numpy as np
from numpy.typing import NDArray

from camdigits_export import datasets, marks, runs
from camdigits_export.augment import as_input, jitter
from camdigits_export.calibrate import fit_temperature
from camdigits_export.datasets import DataError
from camdigits_export.patches import FOLDER, Workshop, save

Architecture = Literal["best", "small", "classic"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a training is made of.

    batch: patches a step. rate: the highest of AdamW, or Adadelta's. dropout: of what the hidden layer sees and is.
    dataset: whose patches, as datasets.load takes it. channels: of best's and small's first convolution and two pairs.
    dense: units of the hidden layer. start: a run or .keras file whose weights it begins with. ema: what of the
    averaged weights stays at each batch, less in a short training. seen_share: of the digits of an epoch, those as a
    camera sees them. rare_share, reject_share: of each, for every training digit. frame_share: the same of what the
    reader finds in composed frames; 0 composes none. jitter_share: of all patches, those turned and shifted anew.
    least: signs in an epoch, or more: of a smaller data set each comes several times. reject_bias: log-odds taken from
    `not a digit` once trained: a digit rejected is lost, what passes is still weighed against its surroundings.
    teachers: runs whose probabilities are, with a share of `taught`, what it learns (Hinton, Vinyals and Dean 2015),
    averaged and softened by a temperature of `softness`, which the fit's own undoes in the end; none by default. draws:
    epochs whose patches teachers are asked about, which takes as long as to learn from them; later ones repeat these.
    """

    kind: ClassVar[str] = "cnn"
    architecture: Architecture = "best"
    dataset: str = "mnist"
    start: str = ""
    teachers: Sequence[str] = ()
    epochs: int = 26
    seed: int = 1
    channels: Sequence[int] = (32, 64, 96)
    dense: int = 96
    dropout: float = 0.15
    batch: int = 256
    rate: float = 2e-3
    weight_decay: float = 0.02
    ema: float = 0.998
    seen_share: float = 0.4
    rare_share: float = 0.08
    reject_share: float = 0.2
    frame_share: float = 0.5
    jitter_share: float = 0.7
    least: int = 5000
    reject_bias: float = 1.0
    taught: float = 0.8
    softness: float = 2.0
    draws: int = 12

    def __post_init__(self) -> None:
        """Raise ValueError where no network can be built or trained so: a recipe.json may say anything."""
        if self.architecture not in get_args(Architecture):
            raise ValueError(f"architecture {self.architecture!r}")
        if len(self.channels) != (2 if self.architecture == "classic" else 3):
            raise ValueError(f"{len(self.channels)} channels for {self.architecture}")
        if self.dropout >= 1 or max(self.ema, self.seen_share, self.jitter_share, self.taught) > 1:
            raise ValueError("ema, dropout, seen_share, jitter_share and taught are shares")
        if not self.softness:
            raise ValueError("no softness")


RECIPES: dict[Architecture, Recipe] = {
    "best": Recipe(),
    "small": Recipe(architecture="small", epochs=32, channels=(14, 24, 32), dense=32, dropout=0.05),
    # as keras/examples/mnist_cnn.py had it: Adadelta at 1.0, no augmentation; the weights that it goes through are
    # averaged. Of the rejects, which that example had not, it learns to doubt one digit in a hundred: taken back here
    "classic": Recipe(
        architecture="classic",
        epochs=10,
        channels=(32, 64),
        dense=256,
        dropout=0.5,
        batch=128,
        rate=1.0,
        weight_decay=0.0,
        seen_share=0.0,
        rare_share=0.0,
        frame_share=0.0,
        jitter_share=0.0,
        reject_bias=3.0,
    ),
}
"""What each architecture is trained with unless asked otherwise."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How a model does; shares of 0 to 1, all but the first on validation.

    training: right in training, augmented and with dropout; of a taught network, as its teachers have it. accuracy:
    clean digits read right (a rejected digit is wrong). seen: the same digits as a camera sees them. rejected: clean
    digits taken for no digit. caught: held-out rejects taken for no digit. framed: digits in composed frames read
    right. passed: all else in them that is taken for a digit; both 0 where there are no frames. temperature: what
    calibrated it.
    """

    training: float
    accuracy: float
    seen: float
    rejected: float
    caught: float
    temperature: float
    framed: float = 0.0
    passed: float = 0.0


CHUNK = 8192
"""Patches that teachers are asked at a time."""

Report = Callable[[int, int, float, Figures | None], None]
"""Called with (epoch from 1, epochs, share of it done, its figures once it is whole)."""


def build(recipe: Recipe, classes: int, quick: bool = False) -> keras.Model:
    """Return the untrained network: `patches` (N, 28, 28) float32 to `probabilities` (N, classes) float32.

    quick: the same weights for training, in half the time. It pools before it normalizes, which is the same where
    scales are not negative, and computes in bfloat16 where the processor does, which is nearly the same.
    """
    layers = keras.layers
    dtype = float_of(quick)
    patches = keras.Input((28, 28), name="patches")
    x = layers.Reshape((28, 28, 1))(patches)
    if recipe.architecture == "classic":
        for channels in recipe.channels:
            x = layers.Conv2D(channels, 3, activation="relu", dtype=dtype)(x)
        x = layers.MaxPooling2D(dtype=dtype)(x)
        x = layers.Dropout(recipe.dropout / 2)(x)
    else:
        first, second, third = recipe.channels
        # a patch's margin is empty: no padding, and 28 pixels become 24, 12, 10, 8, 6, 4 and 2; one 5x5 sees as far
        # as two of 3x3, whose first, on all the pixels, would take a third of the time
        pairs = ((second, 3, False), (second, 3, False), (third, 3, False), (third, 3, True))
        for channels, size, pooled in ((first, 5, True), *pairs):
            x = layers.Conv2D(channels, size, use_bias=False, kernel_initializer="he_normal", dtype=dtype)(x)
            x = layers.MaxPooling2D(dtype=dtype)(x) if pooled and quick else x
            x = layers.BatchNormalization(momentum=0.98, gamma_constraint="non_neg" if pooled else None, dtype=dtype)(x)
            x = layers.ReLU(dtype=dtype)(x)
            x = layers.MaxPooling2D()(x) if pooled and not quick else x
    x = layers.Flatten()(x)
    if recipe.architecture != "classic":
        x = layers.Dropout(recipe.dropout)(x)
    x = layers.Dense(recipe.dense, activation="relu")(x)
    x = layers.Dropout(recipe.dropout)(x)
    x = layers.Dense(classes, name="logits")(x)
    return keras.Model(patches, layers.Softmax(name="probabilities")(x))


def convolved(
    x: keras.KerasTensor, channels: int, size: int = 3, stride: int = 1, dtype: str = "float32"
) -> keras.KerasTensor:
    """Return x through a convolution (same padding), batch normalization and ReLU."""
    layers = keras.layers
    x = layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=False, dtype=dtype)(x)
    return layers.ReLU(dtype=dtype)(layers.BatchNormalization(momentum=0.98, dtype=dtype)(x))


def widened(x: keras.KerasTensor, beside: keras.KerasTensor, channels: int, dtype: str) -> keras.KerasTensor:
    """Return x twice as large, what was there before it was reduced added to it, as a U-Net does."""
    layers = keras.layers
    x = layers.Conv2DTranspose(channels, 2, strides=2, use_bias=False, dtype=dtype)(x)
    return convolved(layers.Add(dtype=dtype)([x, beside]), channels, dtype=dtype)


def float_of(quick: bool) -> str:
    """Return what a network computes in: in bfloat16 where it is to be quick and the processor is so with it."""
    return "mixed_bfloat16" if quick and _has_bfloat16() else "float32"


@cache
def _has_bfloat16() -> bool:
    """Say whether the processor multiplies matrices of bfloat16 (AMX); others only take longer with them."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def rate_over(epochs: int, steps: int, first: float, highest: float) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a rate that rises for one epoch and falls as a cosine to a hundredth; steps: batches in an epoch."""
    return keras.optimizers.schedules.CosineDecay(
        first, decay_steps=max(epochs - 1, 1) * steps, alpha=0.01, warmup_target=highest, warmup_steps=steps
    )


def losses_told(epochs: int, report: Callable[[str], None]) -> keras.callbacks.Callback:
    """Return what tells the loss of each of so many epochs."""
    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: report(f"epoch {epoch + 1} of {epochs}: loss {logs['loss']:.4f}")
    )


def adamw(epochs: int, steps: int, rate: float, weight_decay: float, ema: float) -> keras.optimizers.Optimizer:
    """Return AdamW over the course of its rate, averaging weights; steps: batches in an epoch."""
    schedule = rate_over(epochs, steps, rate / 20, rate)
    average = _average(ema, epochs * steps)
    return keras.optimizers.AdamW(schedule, weight_decay=weight_decay, use_ema=True, ema_momentum=average)


def _average(ema: float, steps: int) -> float:
    # the average begins with the first weights: a short training must forget them too
    return min(ema, 1 - 10 / max(steps, 11))


class Shuffled(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is not typed
    """Batches of so many samples, in another order each epoch; `drawn` says which are in a batch."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        super().__init__()
        self._count, self._batch, self._rng = count, batch, np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        """Return batches in an epoch."""
        return self._count // self._batch

    def drawn(self, at: int) -> NDArray[np.int_]:
        """Return the places of the samples of a batch."""
        return np.asarray(self._order[at * self._batch : (at + 1) * self._batch])

    def on_epoch_end(self) -> None:
        """Draw another order."""
        self._order = self._rng.permutation(self._count)


class Varied(Shuffled):
    """Such batches whose samples are drawn otherwise each epoch, by threads: that takes less long than to learn."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self._seed, self._epoch = seed, 0
        super().__init__(count, batch, seed)
        self.workers = 2

    def on_epoch_end(self) -> None:
        """Draw another order."""
        super().on_epoch_end()
        self._epoch += 1

    def drawing(self, at: int) -> np.random.Generator:
        """Return what a batch of this epoch is drawn with."""
        return np.random.default_rng([self._seed, self._epoch, at])


def averaged(
    build: Callable[[bool], keras.Model],
    batches: Shuffled,
    epochs: int,
    optimizer: keras.optimizers.Optimizer,
    loss: Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor],
    report: Callable[[str], None],
) -> keras.Model:
    """Return the network that learnt from batches, with the average of its weights, in float32.

    build: makes it, quick to train or exact. optimizer: one that averages weights, as adamw does.
    """
    model = build(True)
    model.compile(optimizer, loss)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=[losses_told(epochs, report)])
    # a fit ends with these averages
    exact = build(False)
    exact.set_weights(model.get_weights())
    return exact


def _optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Return what the recipe trains with; steps: batches in an epoch."""
    if recipe.architecture == "classic":
        average = _average(recipe.ema, recipe.epochs * steps)
        return keras.optimizers.Adadelta(recipe.rate, use_ema=True, ema_momentum=average)
    return adamw(recipe.epochs, steps, recipe.rate, recipe.weight_decay, recipe.ema)


def train(
    workshop: Workshop,
    run: Path,
    recipe: Recipe,
    resume: bool = False,
    report: Report = lambda *_: None,
) -> Figures:
    """Train in the folder `run` and return the last epoch's figures.

    resume: go on from checkpoint.keras with the recipe found there. Raises DataError as `check` does.
    """
    check(run, recipe, resume)
    if resume:
        recipe, model, done, figures = _resume(run, workshop)
    else:
        keras.utils.set_random_seed(recipe.seed)
        model, done, figures = build(recipe, workshop.reject + 1, quick=True), 0, None
        if recipe.start:
            _start_with(Path(recipe.start), model)
    batches = _Batches(workshop, recipe, done)
    if not resume:
        runs.begin(run, recipe, workshop)
        model.compile(
            _optimizer(recipe, len(batches)),
            keras.losses.CategoricalCrossentropy(),
            metrics=["accuracy"],
            jit_compile=False,  # measured: on processors it takes several times as long
        )
    keeper = _Keeper(workshop, recipe, run, batches, figures, report)
    try:
        model.fit(batches, initial_epoch=done, epochs=recipe.epochs, shuffle=False, verbose=0, callbacks=[keeper])
    except BaseException:
        if not (run / "checkpoint.keras").exists():
            runs.forget(run)
        raise
    if keeper.figures is None:
        raise DataError(f"{run}: nothing to train; its recipe has {recipe.epochs} epochs")
    return keeper.figures


def check(run: Path, recipe: Recipe, resume: bool) -> None:
    """Raise DataError where a training cannot begin: nothing to resume, the folder taken, no weights or fonts.

    To be called before patches are made, which takes minutes.
    """
    if resume:
        resumed(run)
        return
    runs.check_free(run)
    names = datasets.names(recipe.dataset)
    if recipe.frame_share and names == datasets.DIGITS:
        marks.check()
    if recipe.start:
        load_trained(Path(recipe.start))
    for teacher in recipe.teachers:
        _teacher(Path(teacher), names)


def _start_with(path: Path, model: keras.Model) -> None:
    """Give a model the weights of a trained one. Raises DataError where they do not fit."""
    try:
        model.set_weights(load_trained(path).get_weights())
    except ValueError as error:
        raise DataError(f"{path}: a network of other layers or labels; start with one of this recipe's") from error


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is not typed
    """The batches of one epoch after another."""

    def __init__(self, workshop: Workshop, recipe: Recipe, epoch: int) -> None:
        super().__init__()
        self._workshop, self._recipe, self._epoch = workshop, recipe, epoch
        self._teachers = _Teachers(recipe, workshop.names) if recipe.teachers else None
        self._draw()

    def __len__(self) -> int:
        """Return batches in an epoch."""
        return _steps(self._workshop, self._recipe)

    def __getitem__(self, at: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the patches of a batch and its targets: a share for each label."""
        part = slice(at * self._recipe.batch, (at + 1) * self._recipe.batch)
        return as_input(self._patches[part]), self._targets[part]

    def draw(self, epoch: int) -> None:
        """Become an epoch, counted from 0, unless it is that."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._draw()

    def _draw(self) -> None:
        recipe = self._recipe
        draw = self._epoch % recipe.draws if self._teachers else self._epoch
        self._patches, labels = epoch_patches(self._workshop, recipe, draw)
        self._targets = np.eye(self._workshop.reject + 1, dtype=np.float32)[labels]
        if self._teachers:
            said = self._teachers.say(self._patches)
            # who is wrong teaches nothing: what frames show anew, teachers of older frames do not know
            share = recipe.taught * (said.argmax(axis=1) == labels)[:, None]
            self._targets = (1 - share) * self._targets + share * said


class _Teachers:
    """Runs that others learn from."""

    def __init__(self, recipe: Recipe, labels: Sequence[str]) -> None:
        """Load them. Raises DataError where one knows other labels."""
        self._models = [_teacher(Path(name), labels) for name in recipe.teachers]
        self._softness = recipe.softness
        self._digest = hashlib.sha256(repr(recipe.softness).encode())
        for name in recipe.teachers:
            self._digest.update((Path(name) / "model.keras").read_bytes())

    def say(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the (N, classes) softened mean of what they say of (N, 28, 28) patches.

        They are asked once; the answer is kept for all that learn from the same patches.
        """
        digest = self._digest.copy()
        digest.update(patches.data)
        path = FOLDER / f"taught-{digest.hexdigest()[:12]}.npy"
        if not path.is_file():
            save(path, partial(np.save, arr=self._asked(patches)))
        return np.asarray(np.load(path))

    def _asked(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        said = np.zeros((len(patches), self._models[0].output_shape[1]), np.float32)
        for at in range(0, len(patches), CHUNK):
            ink = as_input(patches[at : at + CHUNK])
            for model in self._models:
                soft = model.predict(ink, 512, verbose=0) ** (1 / self._softness)
                said[at : at + CHUNK] += soft / soft.sum(axis=1, keepdims=True) / len(self._models)
        return said


def _teacher(run: Path, labels: Sequence[str]) -> keras.Model:
    """Return a run's network, quick. Raises DataError where it knows other labels, or there is none."""
    recipe = runs.read_recipe(run / "recipe.json", Recipe)
    if runs.read_settings(run)["labels"] != list(labels):
        raise DataError(f"{run}: knows other labels than the data set has; name teachers that learnt from the same")
    model = build(recipe, len(labels) + 1, quick=True)
    model.set_weights(load_trained(run).get_weights())
    return model


class _Keeper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is not typed
    """After each epoch: measures, calibrates and saves what would be exported, and from where to go on."""

    def __init__(
        self, workshop: Workshop, recipe: Recipe, run: Path, batches: _Batches, figures: Figures | None, report: Report
    ) -> None:
        super().__init__()
        self._workshop, self._recipe, self._run, self._batches, self._report = workshop, recipe, run, batches, report
        self.figures = figures
        self._epoch, self._begun = 0, 0.0
        self._served = build(recipe, workshop.reject + 1)
        self._logits = keras.Model(self._served.input, self._served.get_layer("logits").output)

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras passes it by name
        self._epoch, self._begun = epoch, time.perf_counter()
        # not at the end of the last one, which must be saved first
        self._batches.draw(epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        if not math.isfinite(logs["loss"]):
            raise DataError(f"{self._run}: the loss is no longer a number in epoch {self._epoch + 1}; lower --rate")
        self._report(self._epoch + 1, self._recipe.epochs, (batch + 1) / len(self._batches), None)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.figures = self._serve(logs["accuracy"])
        try:
            seconds = time.perf_counter() - self._begun
            runs.log(self._run, {"epoch": epoch + 1, "loss": logs["loss"], **asdict(self.figures), "seconds": seconds})
            draw_curves(self._run)
            # the checkpoint is the last: what is before it is done again
            save(self._run / "model.keras", self._served.save)
            for stale in self._run.glob("model*.onnx"):
                stale.unlink()
            save(self._run / "checkpoint.keras", self.model.save)
        except OSError as error:
            again = "--resume" if (self._run / "checkpoint.keras").exists() else "train again"
            raise DataError(
                f"{self._run}: epoch {epoch + 1} cannot be saved ({error.strerror or error}); make room, then {again}"
            ) from error
        self._report(epoch + 1, self._recipe.epochs, 1.0, self.figures)

    def _serve(self, training: float) -> Figures:
        """Give the served model averaged weights, less of the reject class, and a temperature; return how it does."""
        served, reject = self._served, self._workshop.reject
        served.set_weights(self.model.get_weights())
        self.model.optimizer.finalize_variable_values(served.trainable_variables)
        last = served.get_layer("logits")
        weights, bias = last.get_weights()
        bias[reject] -= self._recipe.reject_bias
        last.set_weights([weights, bias])
        choosing = self._workshop.choosing()
        logits = np.asarray(self._logits.predict(as_input(choosing.patches), 512, verbose=0))
        temperature = fit_temperature(logits, choosing.labels)
        last.set_weights([weights / temperature, bias / temperature])
        return Figures(training=training, **self._workshop.figures(logits.argmax(axis=1)), temperature=temperature)


def _steps(workshop: Workshop, recipe: Recipe) -> int:
    """Return the batches in an epoch."""
    return -(-(_signs(workshop, recipe) + sum(_drawn(workshop, recipe))) // recipe.batch)


def _signs(workshop: Workshop, recipe: Recipe) -> int:
    """Return how many training signs an epoch has."""
    count = len(workshop.clean)
    return count * max(1, -(-recipe.least // count))


def _drawn(workshop: Workshop, recipe: Recipe) -> tuple[int, int, int]:
    """Return how many rare digits, rejects and findings of frames an epoch draws."""
    count = _signs(workshop, recipe)
    rare = round(count * recipe.rare_share) if len(workshop.rare) else 0
    framed = round(count * recipe.frame_share) if len(workshop.framed) else 0
    return rare, round(count * recipe.reject_share), framed


def epoch_patches(workshop: Workshop, recipe: Recipe, epoch: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return one epoch's (N, 28, 28) uint8 patches and (N,) labels, shuffled; the same for the same epoch and seed.

    Every training digit comes once, or each as often, clean or as a camera sees it; all else is drawn anew each time.
    """
    rng = np.random.default_rng([recipe.seed, epoch])
    count = _signs(workshop, recipe)
    of = np.arange(count) % len(workshop.clean)
    digits = workshop.clean.patches[of]
    at = np.nonzero(rng.random(count) < recipe.seen_share)[0]
    digits[at] = workshop.seen[rng.integers(len(workshop.seen), size=len(at)), of[at]]
    rare_count, reject_count, framed_count = _drawn(workshop, recipe)
    rare = rng.integers(len(workshop.rare), size=rare_count)
    rejects = rng.integers(len(workshop.rejects), size=reject_count)
    framed = rng.integers(len(workshop.framed), size=framed_count) if framed_count else np.zeros(0, int)
    patches = np.concatenate(
        [digits, workshop.rare.patches[rare], workshop.rejects.patches[rejects], workshop.framed.patches[framed]]
    )
    labels = np.concatenate(
        [
            workshop.clean.labels[of],
            workshop.rare.labels[rare],
            np.full(len(rejects), workshop.reject, np.uint8),
            workshop.framed.labels[framed],
        ]
    )
    order = rng.permutation(len(labels))
    patches, jittered = patches[order], rng.random(len(order)) < recipe.jitter_share
    patches[jittered] = jitter(patches[jittered], rng)
    return patches, labels[order]


def load_trained(path: Path) -> keras.Model:
    """Return the model of a run's folder or of a .keras file. Raises DataError where it cannot be read."""
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"{file}: no trained model there; train one with camdigits train cnn")
    try:
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many unrelated classes for broken archives
        reason = str(error).splitlines()[0].split(". ")[0]
        raise DataError(f"{file}: Keras cannot read it ({reason}); train it again") from error


def draw_curves(run: Path) -> Path:
    """Draw how a run's log.csv went, as curves.png beside it: errors of training and validation, and the loss."""
    from matplotlib.figure import Figure

    rows = runs.read_log(run)
    figure = Figure(figsize=(9, 4), layout="constrained")
    errors, losses = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in rows]
    for name, title in (("training", "training"), ("accuracy", "validation"), ("seen", "validation, as a camera sees")):
        errors.semilogy(epochs, [max(100 - 100 * row[name], 0.01) for row in rows], label=title)
    errors.set(xlabel="epoch", ylabel="error, %", title=run.name)
    errors.legend()
    losses.plot(epochs, [row["loss"] for row in rows])
    losses.set(xlabel="epoch", ylabel="training loss, nats")
    path = run / "curves.png"
    figure.savefig(path, dpi=110)
    return path


def resumed(run: Path) -> Recipe:
    """Return the recipe of a training that was begun. Raises DataError where there is none."""
    if not (run / "checkpoint.keras").exists():
        raise DataError(f"{run}: no training to resume; start one without --resume")
    runs.read_settings(run)
    return runs.read_recipe(run / "recipe.json", Recipe)


def _resume(run: Path, workshop: Workshop) -> tuple[Recipe, keras.Model, int, Figures]:
    """Return the recipe, the model with its optimizer, the epochs done and the last figures."""
    recipe = resumed(run)
    if runs.read_settings(run).get("fingerprint", workshop.fingerprint) != workshop.fingerprint:
        raise DataError(f"{run}: {recipe.dataset} is no longer what it began with; bring that back, or train anew")
    try:
        model = keras.saving.load_model(run / "checkpoint.keras", safe_mode=True)
        build(recipe, workshop.reject + 1).set_weights(model.get_weights())  # a ValueError where they do not fit
        runs.cut_log(run, int(model.optimizer.iterations) // _steps(workshop, recipe))
        last = runs.read_log(run)[-1]
        figures = Figures(**{name: last[name] for name in Figures.__dataclass_fields__})
    except Exception as error:  # Keras raises many unrelated classes for broken archives
        raise DataError(f"{run}: no training to resume ({str(error).splitlines()[0]}); name another run") from error
    return recipe, model, int(last["epoch"]), figures
