"""HEIC pictures and PDF pages, read where the extra is there, and what is said where it is not."""

import json
from pathlib import Path

import cv2
import pytest

from camdigits.errors import PictureError
from camdigits.pictures import find_pictures, load_picture
from tests.support.command import ROOT, SAMPLES, camdigits
from tests.support.documents import greedy_pdf, heic, pdf, slow_pdf

pytest.importorskip("pillow_heif", reason="comes with camdigits[formats]")
pytest.importorskip("pypdfium2", reason="comes with camdigits[formats]")

NUMBER, COLUMNS = (cv2.imread(str(SAMPLES / name)) for name in ("number.jpg", "columns.jpg"))


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.pdf"
    path.write_bytes(pdf([NUMBER, COLUMNS]))
    return path


def test_heic_pictures_are_read(tmp_path: Path) -> None:
    path = tmp_path / "phone.HEIC"
    path.write_bytes(heic(NUMBER))
    assert load_picture(str(path)).shape == NUMBER.shape
    done = camdigits("image", path)
    assert (done.stdout, done.stderr) == ("40718\n", "")


def test_each_page_of_a_pdf_file_is_a_picture(scan: Path) -> None:
    rows = [json.loads(row) for row in camdigits("image", "--json", scan).stdout.splitlines()]
    assert [row["source"] for row in rows] == [f"{scan}#page=1", f"{scan}#page=2"]
    texts = [[number["text"] for number in row["numbers"]] for row in rows]
    assert texts == [["40718"], ["1234", "567", "80", "2049", "305", "61"]]
    done = camdigits("image", f"{scan}#page=2")
    assert done.stdout.splitlines()[0] == "1234 567"


def test_a_pdf_file_of_one_page_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "one.pdf").write_bytes(pdf([NUMBER]))
    assert list(find_pictures([str(tmp_path)])) == [str(tmp_path / "one.pdf")]
    assert max(load_picture(str(tmp_path / "one.pdf")).shape) == 2600


def test_annotated_pages_have_names_of_their_own(scan: Path, tmp_path: Path) -> None:
    camdigits("image", scan, "--output", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scan-2.png", "scan.png"]


@pytest.mark.parametrize("content", [b"%PDF-1.4 and nothing after", heic(NUMBER)[:200], heic(NUMBER)[:4000]])
def test_broken_ones_say_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(PictureError, match="broken") as failure:
        load_picture(str(path))
    assert "\n" not in str(failure.value)


def test_a_pdf_file_without_its_page_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.pdf"
    path.write_bytes(pdf([NUMBER]).replace(b"/Kids[3 0 R]", b"/Kids[9 0 R]"))
    done = camdigits("image", path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "broken" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("content", [slow_pdf(), greedy_pdf()], ids=["slow", "greedy"])
def test_a_page_that_takes_too_much_is_given_up(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bomb.pdf").write_bytes(content)
    done = camdigits("image", tmp_path / "bomb.pdf")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "print it anew" in done.stderr


def test_a_page_that_is_not_there_is_told(scan: Path) -> None:
    with pytest.raises(PictureError, match="no page 7, only 2"):
        load_picture(f"{scan}#page=7")


@pytest.mark.parametrize("module", ["pypdfium2", "pillow_heif"])
def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path, scan: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError(name='{module}')")
    (tmp_path / "phone.heic").write_bytes(heic(NUMBER))
    name = scan if module == "pypdfium2" else tmp_path / "phone.heic"
    done = camdigits("image", name, PYTHONPATH=f"{tmp_path}:{ROOT}:{ROOT / 'export'}")
    assert done.returncode == 1
    assert 'python -m pip install "camdigits[formats]"' in done.stderr
    assert done.stderr.count("\n") == 1
