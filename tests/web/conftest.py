"""What the tests of the page need: a server as users start it."""

from collections.abc import Iterator

import pytest

from tests.support.command import SAMPLES
from tests.support.server import Server, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One that runs on loopback for all tests that leave it as it is."""
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def film() -> Iterator[Server]:
    """One whose source is the clip."""
    with serving("--source", SAMPLES / "clip.mp4") as running:
        yield running
