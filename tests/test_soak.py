"""Two minutes of the soak, which benchmarks/soak.py runs for longer."""

import subprocess
import sys

import pytest

from tests.support.camera import can_be_built
from tests.support.command import ROOT


@pytest.mark.slow
def test_left_running_while_its_camera_comes_and_goes_it_stays_as_it_was() -> None:
    if not can_be_built():
        pytest.skip("needs Linux and a C compiler")
    command = [sys.executable, "-m", "tests.benchmarks.soak", "2", "--every", "20"]
    done = subprocess.run(command, cwd=ROOT, check=False)
    assert done.returncode == 0
