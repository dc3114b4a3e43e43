"""Settings in a file: what is printed is taken, what is wrong is one line."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from camdigits.settings import to_toml
from tests.support.command import SAMPLES, camdigits


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """A folder of five pictures, all the same, of 40718."""
    folder = tmp_path / "still"
    folder.mkdir()
    for number in range(5):
        shutil.copy(SAMPLES / "number.jpg", folder / f"{number}.jpg")
    return folder


@pytest.mark.parametrize(
    "value", [True, 3, 0.25, "", "plain", "a\\d+'b\"", "line\nline", "C:\\new", [], ["a=1,2,3,4", "it's"]]
)
def test_what_is_written_is_read_back(value: object) -> None:
    assert tomllib.loads(to_toml("name", value)) == {"name": value}


def test_config_prints_what_live_takes(still: Path, tmp_path: Path) -> None:
    options = ["--source", still, "--headless", "--json", "--pattern", r"\d{4}", "--roi", "page=0,0,1280,720"]
    printed = camdigits("config", *options)
    assert (printed.returncode, printed.stderr) == (0, "")
    told = tomllib.loads(printed.stdout)
    assert told == {
        "source": [str(still)],
        "headless": True,
        "json": True,
        "pattern": r"\d{4}",
        "roi": ["page=0,0,1280,720"],
    }
    for name in ("hits", "min-confidence", "max-step", "segment", "type"):
        assert f"\n# {name} =" in printed.stdout
    file = tmp_path / "mine.toml"
    file.write_text(printed.stdout)
    (event,) = map(json.loads, camdigits("live", "--config", file).stdout.splitlines())
    assert (event["event"], event["reason"], event["region"]) == ("held", r"does not match \d{4}", "page")
    # what is given beside it counts more
    (event,) = map(json.loads, camdigits("live", "--config", file, "--pattern", r"\d+").stdout.splitlines())
    assert (event["event"], event["text"]) == ("number", "40718")
    assert tomllib.loads(camdigits("config", "--config", file, "--digits", "4").stdout) == {**told, "digits": 4}


def test_a_source_alone_needs_no_list(still: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"source = '{still}'\nheadless = true\n")
    assert camdigits("live", "--config", file).stdout == "40718\n"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("digits = ", 1, "not TOML"),
        ("digit = 4", 1, "'digit' is no setting; `camdigits config` prints all"),
        ("max_step = 4", 1, "`camdigits config` prints all, such as 'max-step'"),
        ("digits = 'four'", 2, "--digits in "),
        ("hits = 0", 2, "--hits in "),
        ("csv = '-'", 2, "- is no file; name one\n"),
        ("segment = '10'", 2, "10min"),
        (None, 1, "cannot be read (No such file or directory)"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(still: Path, tmp_path: Path, text: str | None, code: int, said: str) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)
    done = camdigits("live", "--source", still, "--headless", "--config", file)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_option_that_live_has_not_is_refused_by_config_itself() -> None:
    done = camdigits("config", "--nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert "camdigits config [OPTIONS]" in done.stderr
    assert "--nope" in done.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--roi", "0,0,3,3"), "3x3 pixels are too few for a digit"),
        (("--roi", "a=0,0,30,30", "--roi", "a=9,9,30,30"), "two parts of the same name"),
        (("--pattern", "("), "'(' is no regular expression"),
        (("--min", "5", "--max", "4"), "no number is at least 5 and at most 4"),
        (("--segment", "7"), "7"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_live_would_refuse_config_does(options: tuple[str, ...], reason: str) -> None:
    done = camdigits("config", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
