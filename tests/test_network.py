"""The networks that help every model: one that is missing, broken or another is named before anything is read."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from camdigits import context, doctor, inked, leftmost, locate, network, pipeline
from camdigits.classify import find_model, shipped_models
from camdigits.errors import ModelError
from camdigits.reader import Reader


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation whose helpers lie elsewhere."""
    for name in network.HELPERS:
        copyfile(network.models_folder() / name, tmp_path / name)
    monkeypatch.setattr(network, "models_folder", lambda: tmp_path)
    for stage in (inked, leftmost, locate, context):
        stage._network.cache_clear()
    yield tmp_path
    for stage in (inked, leftmost, locate, context):
        stage._network.cache_clear()


@pytest.mark.parametrize("name", network.HELPERS)
def test_a_missing_broken_or_other_file_is_named_before_anything_is_read(models: Path, name: str) -> None:
    pipeline.check()
    file = models / name
    for content, said in (
        (None, "not a model"),
        (b"no model", "not a model"),
        (find_model("cnn").read_bytes(), "not the network that belongs there"),
    ):
        file.unlink()
        for stage in (inked, leftmost, locate, context):
            stage._network.cache_clear()
        if content:
            file.write_bytes(content)
        with pytest.raises(ModelError, match=rf"{name}: {said}.*install camdigits again"):
            pipeline.check()
        with pytest.raises(ModelError, match=name):
            Reader("cnn", 0.5)
        assert [f.what for f in doctor._models() if f.state == "broken" and name in f.what]
        file.touch()


def test_what_helps_is_no_model_to_read_with() -> None:
    assert not {Path(name).stem for name in network.HELPERS} & set(shipped_models())
