"""Probabilities over candidates to numbers in reading order (being written)."""

from collections.abc import Sequence

from camdigits.types import Candidate, Number, Probabilities


def decode(
    candidates: Sequence[Candidate], probabilities: Probabilities, labels: Sequence[str], min_confidence: float
) -> list[Number]:
    """Return the numbers, in reading order."""
    return []
