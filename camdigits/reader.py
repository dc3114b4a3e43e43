"""What reads: a model and how sure it must be, both of which can be changed while it runs."""

from collections.abc import Sequence
from typing import Protocol

from camdigits import pipeline
from camdigits.classify import Classifier, shipped_models
from camdigits.types import Box, Image, Trace

STEP = 0.05
"""By which the least confidence is changed."""


class Reads(Protocol):
    """Reads pictures. labels: of the columns of a trace's probabilities, but the last."""

    @property
    def labels(self) -> Sequence[str]:
        """The signs it knows."""

    def __call__(self, image: Image, parts: Sequence[Box]) -> Trace:
        """Read these parts of a picture, all of it where there are none."""

    def change_model(self) -> str:
        """Read with the next model; return what to say of it."""

    def change_confidence(self, steps: int) -> str:
        """Ask for more or less confidence; return what to say of it."""


class Reader:
    """Reads with a model; see Reads."""

    def __init__(self, model: str, min_confidence: float) -> None:
        """Take a model, as Classifier does, and the confidence below which digits are left out. Raises ModelError."""
        pipeline.check()
        self._classifier = Classifier(model)
        self._models = [model, *(name for name in shipped_models() if name != model)]
        self._min_confidence = min_confidence

    @property
    def labels(self) -> Sequence[str]:
        """The signs that the model knows."""
        return self._classifier.labels

    def __call__(self, image: Image, parts: Sequence[Box]) -> Trace:
        """Read these parts of a picture, all of it where there are none."""
        return pipeline.trace_parts(image, parts, self._classifier, self._min_confidence)

    def change_model(self) -> str:
        """Read with the next of the shipped models, or the one it began with. Raises ModelError."""
        self._models = [*self._models[1:], self._models[0]]
        self._classifier = Classifier(self._models[0])
        return f"model {self._models[0]}"

    def change_confidence(self, steps: int) -> str:
        """Ask for so many steps more or less confidence."""
        self._min_confidence = round(min(max(self._min_confidence + steps * STEP, 0.0), 1.0), 2)
        return f"at least {self._min_confidence:.0%} sure"
