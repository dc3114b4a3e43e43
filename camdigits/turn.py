"""Which way a page is up: told by which way most of its digits read well."""

from collections.abc import Callable, Sequence

import numpy as np

from camdigits.types import Candidate, Patches, Probabilities

SURE = 0.9
"""Digits surer than this speak for the way the page is turned."""

READS_WELL = 0.6
"""A page of which this share of the marks are sure digits is upright."""

FEWEST = 6
"""Fewer marks say too little about which way the page is up."""

BARE_ASPECT = 3.0
"""A mark this much longer than wide says nothing: a rule turned is a 1."""

SAMPLE = 64
"""So many marks are tried turned."""

GAINS = 1.5
"""A turned page must read better than upright by this factor."""


def quarter_turns(
    candidates: Sequence[Candidate],
    patches: Patches,
    probabilities: Probabilities,
    classify: Callable[[Patches], Probabilities],
) -> int:
    """Return how often the page must be turned by 90 degrees counterclockwise for most of its digits to read well.

    Most pages are upright and read well, and cost nothing here. Where most marks are rejected, a sample of them is
    classified turned as well.
    """
    shapes = [i for i, c in enumerate(candidates) if max(c.box.w, c.box.h) < BARE_ASPECT * min(c.box.w, c.box.h)]
    sample = shapes[:: len(shapes) // SAMPLE + 1]
    if len(shapes) < FEWEST or np.mean(probabilities[sample, :-1].max(1) > SURE) > READS_WELL:
        return 0
    upright = _sure(probabilities[sample])
    sideways = [_sure(classify(turned(patches[sample], turns))) for turns in (1, 2, 3)]
    return 1 + int(np.argmax(sideways)) if max(sideways) > GAINS * upright else 0


def turned(patches: Patches, quarter_turns: int) -> Patches:
    """Return patches turned by 90 degrees counterclockwise, so many times."""
    return np.ascontiguousarray(np.rot90(patches, quarter_turns, axes=(1, 2)))


def _sure(probabilities: Probabilities) -> float:
    """Return how many are digits almost surely, of many kinds rather than of one: dirt that passes is all the same."""
    digits = probabilities[:, :-1]
    labels = digits.argmax(1)[digits.max(1, initial=0) > SURE]
    return float(np.sqrt(np.bincount(labels, minlength=1)).sum())
