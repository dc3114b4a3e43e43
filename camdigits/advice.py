"""Why nothing was read, in words that help."""

from collections.abc import Sequence

import cv2
import numpy as np

from camdigits.types import MIN_CONFIDENCE, Image, Trace

DARK = 45
"""Mean brightness, of 255, below which a picture without any reading is called too dark."""

SHARP = 12.0
"""Strongest brightness steps, between neighbouring pixels, below which a picture is called blurred."""

LEAST_HEIGHT = 14
"""Pixels; the least height of a digit."""


def why_nothing(image: Image, trace: Trace, labels: Sequence[str], min_confidence: float = MIN_CONFIDENCE) -> str:
    """Return the likeliest reason that a trace, read with that least confidence, has no numbers, and what to change."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    if float(grey.mean()) < DARK and int(grey.max()) < 2 * DARK:
        return "too dark; add light or a longer exposure"
    best = trace.probabilities[:, :-1].max(1, initial=0)
    if any(candidate.cut and p > MIN_CONFIDENCE for candidate, p in zip(trace.candidates, best, strict=True)):
        return "a digit is cut by the edge of the picture, or of the part of it that is read; leave a margin around it"
    steps = np.abs(np.diff(grey.astype(np.int16), axis=1)) if grey.shape[1] > 1 else np.zeros((1, 1))
    if trace.candidates and float(np.quantile(steps, 0.999)) < SHARP:
        return "blurred or faint; hold the camera still, let it focus, use a darker pen"
    if not trace.candidates:
        return f"no ink found; digits must stand out from their background and be at least {LEAST_HEIGHT} pixels high"
    if max(candidate.box.h for candidate in trace.candidates) < LEAST_HEIGHT:
        return f"all marks are too small; digits must be at least {LEAST_HEIGHT} pixels high: move the camera nearer"
    sure = int(np.count_nonzero(best > MIN_CONFIDENCE))
    if sure and best.max() < min_confidence:
        return f"no mark is as surely a digit as --min-confidence {min_confidence:g} asks; lower it"
    if sure:
        marks = "one mark looks" if sure == 1 else f"{sure} marks look"
        return (
            f"{marks} like digits to the model, but among what else is there not surely enough like a number; "
            "show it alone, or name its place by --roi, or see what `camdigits image --explain DIR` says of each mark"
        )
    count = len(trace.candidates)
    known = (", " if any(len(label) > 1 for label in labels) else "").join(labels)
    return (
        f"{count} {'mark' if count == 1 else 'marks'} seen but none looks like one of {known} to the model; "
        "write clearly apart, upright, on plain paper, or lower --min-confidence"
    )
