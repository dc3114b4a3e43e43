"""Memory that a program which runs for days gives back."""

import ctypes
import sys
from contextlib import suppress

LARGE = 2 << 20
"""Bytes: as large as a frame of a camera, larger than most of what reading one needs."""

_M_MMAP_THRESHOLD = -3
"""As glibc's malloc.h has it."""


def return_large_blocks() -> None:
    """Have glibc give the memory of each picture back to the system at once, where there is glibc.

    By itself it keeps ever larger blocks in ever more places: memory grew by 16 MB when a camera came and went, and
    each thread that had read a noisy picture kept 50 MB.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE)
