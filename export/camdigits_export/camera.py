"""A camera looks at a written page: where it stands, what its lens and sensor do, and what is true of the frame."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from camdigits.types import Box, Digit, Image, Number
from camdigits_export.grain import bgr, floats, rounded
from camdigits_export.scenes import DOUBTFUL, Camera, Composed, Floats, Matrix, Page, Placed, Scene, Writing, project
from camdigits_export.surfaces import surface
from camdigits_export.writing import write


def compose(scene: Scene, page: Page, rng: Generator) -> Composed:
    """Photograph a page."""
    strokes, textures, sensor = rng.spawn(3)
    writing = write(page, scene, strokes)
    view = aim(scene.camera, writing.extent)
    painted, origin = surface(scene, writing, [view], textures)
    doubtful = [_box(project(mark.outline, view)) for mark in writing.digits if mark.label == DOUBTFUL]
    size = scene.camera.width, scene.camera.height
    ink = cv2.warpPerspective((255 * writing.meant).astype(np.uint8), view, size, flags=cv2.INTER_LINEAR)
    numbers = truth(writing, view)
    return Composed(expose(painted, view @ origin, scene, sensor), numbers, np.asarray(ink, np.uint8), tuple(doubtful))


def aim(camera: Camera, extent: Matrix) -> Matrix:
    """Return the homography from the sheet to the frame that shows the extent as the camera was told."""
    low, high = extent.min(axis=0), extent.max(axis=0)
    turn, pitch, yaw = np.radians([-camera.turn, -camera.pitch, camera.yaw])
    rolled = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    tipped = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    swung = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    axes = tipped @ swung @ rolled
    # Twice the writing's own size away: near enough for perspective to show.
    away = 2 * float(np.hypot(*(high - low)))
    lens = np.diag([away, away, 1.0])
    middle = np.array([[1, 0, -(low[0] + high[0]) / 2], [0, 1, -(low[1] + high[1]) / 2], [0, 0, 1]])
    view: Matrix = lens @ np.column_stack([axes[:, 0], axes[:, 1], [0, 0, away]]) @ middle
    seen = project(extent, view)
    low, high = seen.min(axis=0), seen.max(axis=0)
    frame = np.array([camera.width, camera.height])
    zoom = camera.fill * float((frame / (high - low)).min())
    shift = frame * camera.center - zoom * (low + high) / 2
    return np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]], [0, 0, 1]]) @ view


def truth(writing: Writing, view: Matrix) -> tuple[Number, ...]:
    """Return what is written, with boxes in pixels of the frame, in reading order."""
    numbers = []
    written = [digit for digit in writing.digits if digit.label.isdigit()]
    for index in sorted({digit.number for digit in written}):
        placed = [digit for digit in written if digit.number == index]
        digits = tuple(Digit(digit.label, 1.0, _box(project(digit.outline, view))) for digit in placed)
        box = Box.around(digit.box for digit in digits)
        text = "".join(digit.label for digit in digits)
        numbers.append(Number(text, 1.0, placed[0].line, _slope(placed, view), box, digits))
    return tuple(numbers)


def _box(points: Matrix) -> Box:
    """Return the smallest box of whole pixels around points at pixel centres."""
    x, y = np.floor(points.min(axis=0) + 0.5).astype(int)
    right, bottom = np.floor(points.max(axis=0) + 0.5).astype(int) + 1
    return Box(int(x), int(y), int(right - x), int(bottom - y))


def _slope(placed: Sequence[Placed], view: Matrix) -> float:
    """Degrees by which the feet of the digits rise to the right; the sheet's own direction for a single digit."""
    feet = np.array([[digit.outline[:, 0].mean(), digit.outline[:, 1].max()] for digit in placed])
    if len(feet) == 1:
        feet = np.concatenate([feet, feet + np.array([1, 0])])
    seen = project(feet, view)
    dx, dy = seen[-1] - seen[0]
    return float(np.degrees(np.arctan2(-dy, dx)))


def expose(painted: Image, view: Matrix, scene: Scene, rng: Generator) -> Image:
    """Return the frame a camera makes of a painted surface; view maps the surface's pixels to the frame's."""
    camera = scene.camera
    size = (camera.width, camera.height)
    seen = cv2.warpPerspective(painted, view, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if camera.defocus > 0:
        seen = cv2.GaussianBlur(seen, (0, 0), camera.defocus)
    if np.hypot(*camera.motion) >= 1:
        seen = cv2.filter2D(seen, -1, _smear(camera.motion))
    frame = seen.astype(np.float32) * bgr(camera.balance)
    if camera.noise > 0:
        shades, tints = np.empty(seen.shape[:2], np.float32), np.empty(seen.shape, np.float32)
        rng.standard_normal(dtype=np.float32, out=shades)
        rng.standard_normal(dtype=np.float32, out=tints)
        grain = cv2.GaussianBlur(shades, (0, 0), 0.6)[..., None]
        tint = cv2.GaussianBlur(tints, (0, 0), 1.6)
        # Blur shrinks the spread: by about 2.1 and 5.6.
        frame += camera.noise * (1.9 * grain + 1.4 * tint)
    return rounded(frame)


def _smear(motion: tuple[float, float]) -> Floats:
    """Return the kernel of a straight motion."""
    reach = np.array(motion) / 2
    side = 2 * int(np.ceil(np.hypot(*reach))) + 3
    kernel = np.zeros((side, side), np.uint8)
    ends = np.round((side // 2 + np.array([-reach, reach])) * 16).astype(int)
    cv2.line(kernel, (int(ends[0, 0]), int(ends[0, 1])), (int(ends[1, 0]), int(ends[1, 1])), 255, 1, cv2.LINE_AA, 4)
    weights = kernel.astype(np.float32)
    return floats(weights / weights.sum())
