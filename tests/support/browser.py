"""A real Chromium with the page in it, and a hand that writes there."""

import shutil
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

STROKES = {
    "2": [[(0, 0.2), (0.15, 0.05), (0.5, 0), (0.9, 0.15), (0.85, 0.4), (0.3, 0.8), (0, 1), (0.5, 0.98), (1, 1)]],
    "0": [[(0.5, 0), (0.15, 0.15), (0, 0.5), (0.15, 0.85), (0.5, 1), (0.85, 0.85), (1, 0.5), (0.85, 0.15), (0.5, 0)]],
    "1": [[(0.5, 0), (0.5, 0.5), (0.5, 1)]],
    "?": [[(0.6, 0), (0.05, 0.21), (0.05, 0.43), (1, 0.43)], [(1, 0), (0.9, 1)]],
}
"""Of digits, from their top left corner to their bottom right one; of ? between a 4 and a 9."""


def write(page: Any, number: str) -> None:
    """Write digits side by side, as a hand does."""
    paper = page.locator("#paper").bounding_box()
    for place, digit in enumerate(number):
        left, top = paper["x"] + paper["width"] * (0.1 + 0.2 * place), paper["y"] + paper["height"] * 0.3
        for stroke in STROKES.get(digit, []):
            points = [(left + x * paper["width"] * 0.13, top + y * paper["height"] * 0.42) for x, y in stroke]
            page.mouse.move(*points[0])
            page.mouse.down()
            for point in points[1:]:
                page.mouse.move(*point, steps=4)
            page.mouse.up()
