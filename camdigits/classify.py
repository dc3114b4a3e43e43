"""Patches to probabilities: one batched call of the network.

Every model is one ONNX file that keeps one contract, whatever is inside (CNN, KNN, …):

    input   patches        (N, 28, 28)    float32, ink 1.0 on 0.0
    output  probabilities  (N, C + 1)     float32, calibrated; C labels, then `not a digit`
    metadata camdigits.labels     a JSON list of the C labels
             camdigits.normalize  normalize_version() at training time

A file of lessons (`camdigits teach`) is a model too: the one that it names, corrected by its examples.
"""

import json
from pathlib import Path

import numpy as np

from camdigits.errors import ModelError
from camdigits.network import HELPERS, models_folder, open_network
from camdigits.normalize import SIDE, normalize_version
from camdigits.prototypes import SUFFIX, Lessons, Prototypes, open_lessons
from camdigits.types import Patches, Probabilities

BATCH = 256
"""Patches in one call at most; more are classified in several, to bound memory."""


def find_model(name: str) -> Path:
    """Return the file of a shipped model (`cnn`, `knn`) or of a path. Raises ModelError if there is none."""
    path = Path(name) if name.endswith(".onnx") else models_folder() / f"{name}.onnx"
    if not path.is_file():
        what = "a folder" if Path(name).is_dir() else "not an .onnx file" if Path(name).exists() else "no such model"
        shipped = ", ".join(shipped_models())
        raise ModelError(f"{name}: {what}; name an .onnx file, an .npz file of camdigits teach, or one of: {shipped}")
    return path


def shipped_models() -> list[str]:
    """Return the names of the models that ship with this installation, sorted."""
    return sorted(path.stem for path in models_folder().glob("*.onnx") if path.name not in HELPERS)


class Classifier:
    """An open model.

    path: the ONNX file. labels: what its C classes mean, in the order of the columns.
    """

    def __init__(self, model: str | Path = "cnn") -> None:
        """Open a shipped model by name, any file that keeps the contract, or lessons. Raises ModelError."""
        lessons = open_lessons(Path(model)) if str(model).endswith(SUFFIX) else None
        try:
            self.path = find_model(lessons.model if lessons else str(model))
        except ModelError as error:
            if not lessons:
                raise
            raise ModelError(f"{model}: corrects a model that is gone ({error}); teach again") from error
        self._session = open_network(self.path)
        self.labels = self._check()
        self._prototypes = self._taught(lessons, model) if lessons else None

    @property
    def is_shipped(self) -> bool:
        """Whether it is a model of this installation, as it is, which reads the ten digits as MNIST has them."""
        ours = self.path.resolve().parent == models_folder().resolve()
        return ours and self.labels == tuple("0123456789") and not self._prototypes

    def _taught(self, lessons: Lessons, name: str | Path) -> Prototypes:
        """Return the examples of lessons. Raises ModelError where the model has no such labels."""
        unknown = sorted(set(lessons.labels) - set(self.labels))
        if unknown:
            raise ModelError(f"{name}: teaches {', '.join(unknown)}, which {self.path} does not read; teach again")
        patches = np.divide(lessons.patches, 255, dtype=np.float32)
        return Prototypes(
            patches, self._said(patches), np.array([self.labels.index(label) for label in lessons.labels])
        )

    def _check(self) -> tuple[str, ...]:
        """Return the labels, or raise ModelError where the file breaks the contract."""
        inputs = [(i.name, i.type, i.shape[1:]) for i in self._session.get_inputs()]
        outputs = [(o.name, o.type) for o in self._session.get_outputs()]
        if inputs != [("patches", "tensor(float)", [SIDE, SIDE])] or outputs != [("probabilities", "tensor(float)")]:
            takes = ", ".join(f"{name} {shape}" for name, _, shape in inputs)
            gives = ", ".join(name for name, _ in outputs)
            raise ModelError(
                f"{self.path}: takes {takes} and gives {gives}, where a model takes patches {[SIDE, SIDE]} and gives "
                "probabilities; export it with camdigits export"
            )
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            labels = tuple(json.loads(metadata["camdigits.labels"]))
            version = metadata["camdigits.normalize"]
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(
                f"{self.path}: its camdigits metadata is missing or broken; export it with camdigits export"
            ) from error
        if (
            not labels
            or not all(isinstance(label, str) and label for label in labels)
            or len(set(labels)) != len(labels)
        ):
            raise ModelError(
                f"{self.path}: labels in its metadata must be distinct strings, not {labels!r}; export it again"
            )
        if version != normalize_version():
            raise ModelError(
                f"{self.path}: trained with normalisation {version}, this camdigits has {normalize_version()}; "
                "use a model of this release, or train it again"
            )
        try:
            shape = self._run(np.zeros((2, SIDE, SIDE), np.float32)).shape
        except Exception as error:  # onnxruntime raises a dozen unrelated classes
            raise ModelError(f"{self.path}: does not run on two patches; export it again") from error
        if shape != (2, len(labels) + 1):
            raise ModelError(
                f"{self.path}: {len(labels)} labels in its metadata but {shape} probabilities of two patches, "
                "not one column more; export it again"
            )
        return labels

    def __call__(self, patches: Patches) -> Probabilities:
        """Return (N, C + 1) probabilities of (N, 28, 28) float32 patches; N may be 0."""
        if not len(patches):
            return np.zeros((0, len(self.labels) + 1), np.float32)
        said = self._said(patches)
        return self._prototypes(patches, said) if self._prototypes else said

    def _said(self, patches: Patches) -> Probabilities:
        return np.concatenate([self._run(patches[start : start + BATCH]) for start in range(0, len(patches), BATCH)])

    def _run(self, patches: Patches) -> Probabilities:
        return np.asarray(self._session.run(["probabilities"], {"patches": patches})[0], np.float32)
