"""Models that keep the contract are opened; whatever breaks it is refused with the reason."""

import json
from pathlib import Path

import numpy as np
import pytest

from camdigits.classify import BATCH, Classifier, find_model, shipped_models
from camdigits.errors import ModelError
from camdigits.network import models_folder
from camdigits.normalize import normalize_version

onnx = pytest.importorskip("onnx", reason="models are made with the extra camdigits[export]")

LABELS = ["a", "b", "c"]


def make_model(
    path: Path,
    *,
    labels: object = LABELS,
    version: str | None = None,
    columns: int = 4,
    side: int = 28,
    names: tuple[str, str] = ("patches", "probabilities"),
    batch: str | int = "N",
) -> Path:
    """Write a tiny model: softmax of the patch's first pixels."""
    helper, numpy_helper, kind = onnx.helper, onnx.numpy_helper, onnx.TensorProto
    shape = numpy_helper.from_array(np.array([0, side * side], np.int64), "shape")
    weights = numpy_helper.from_array(np.eye(side * side, columns, dtype=np.float32) * 5, "weights")
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", [names[0], "shape"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
            helper.make_node("Softmax", ["scores"], [names[1]], axis=1),
        ],
        "tiny",
        [helper.make_tensor_value_info(names[0], kind.FLOAT, [batch, side, side])],
        [helper.make_tensor_value_info(names[1], kind.FLOAT, [batch, columns])],
        [shape, weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    metadata = {"camdigits.labels": json.dumps(labels), "camdigits.normalize": version or normalize_version()}
    helper.set_model_props(model, {key: value for key, value in metadata.items() if value != "null"})
    onnx.save(model, str(path))
    return path


def test_labels_come_from_the_file(tmp_path: Path) -> None:
    assert Classifier(make_model(tmp_path / "m.onnx")).labels == ("a", "b", "c")


def test_probabilities(tmp_path: Path) -> None:
    classifier = Classifier(make_model(tmp_path / "m.onnx"))
    patches = np.zeros((3, 28, 28), np.float32)
    patches[0, 0, 1] = patches[1, 0, 3] = 1
    probabilities = classifier(patches)
    assert (probabilities.shape, probabilities.dtype) == ((3, 4), np.float32)
    assert probabilities.sum(1) == pytest.approx([1] * 3, abs=1e-5)
    assert probabilities.argmax(1)[:2].tolist() == [1, 3]


def test_no_patches_and_more_than_a_batch(tmp_path: Path) -> None:
    classifier = Classifier(make_model(tmp_path / "m.onnx"))
    assert classifier(np.zeros((0, 28, 28), np.float32)).shape == (0, 4)
    many = np.random.default_rng(0).random((2 * BATCH + 3, 28, 28), dtype=np.float32)
    together = classifier(many)
    assert together.shape == (2 * BATCH + 3, 4)
    assert np.allclose(together[-1], classifier(many[-1:])[0], atol=1e-6)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"labels": None}, "metadata is missing"),
        ({"labels": ["a", "b"]}, "2 labels"),
        ({"labels": ["a", "a", "b"]}, "distinct"),
        ({"labels": [1, 2, 3]}, "distinct strings"),
        ({"labels": []}, "distinct strings"),
        ({"version": "0123456789ab"}, "trained with normalisation 0123456789ab"),
        ({"side": 32}, r"takes patches \[32, 32\] and gives probabilities, where"),
        ({"names": ("input", "output")}, r"takes input \[28, 28\] and gives output, where"),
        ({"batch": 1}, "does not run on two patches"),
        ({"columns": 7}, r"\(2, 7\) probabilities"),
    ],
)
def test_a_broken_contract_is_named(tmp_path: Path, broken: dict[str, object], words: str) -> None:
    path = make_model(tmp_path / "m.onnx", **broken)  # type: ignore[arg-type]  # broken on purpose
    with pytest.raises(ModelError, match=words) as failure:
        Classifier(path)
    assert str(path) in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04\x95pickle"])
def test_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"not a model that onnxruntime can open \([^\[:][^\[]*\); export it again"):
        Classifier(tmp_path / "m.onnx")


def test_unknown_names_list_what_ships(tmp_path: Path) -> None:
    for name in ("gnn", str(tmp_path / "gone.onnx")):
        with pytest.raises(ModelError, match="cnn, knn"):
            find_model(name)


def test_a_shipped_model_is_one_by_whatever_name_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = models_folder()
    monkeypatch.chdir(folder)
    assert Classifier("cnn").is_shipped
    assert Classifier("cnn.onnx").is_shipped
    copy = tmp_path / "cnn.onnx"
    copy.write_bytes((folder / "cnn.onnx").read_bytes())
    assert not Classifier(copy).is_shipped


def test_what_reads_other_signs_is_not_as_mnist_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camdigits.classify.models_folder", lambda: tmp_path)
    assert not Classifier(make_model(tmp_path / "m.onnx")).is_shipped


def test_models_ship_and_open() -> None:
    assert shipped_models() == ["cnn", "knn"]
    for name in shipped_models():
        assert Classifier(name).labels == tuple("0123456789")
