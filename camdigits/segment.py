"""Frame to candidates: every piece of ink that may be a digit, dark on light and light on dark.

Paper is never evenly lit, so ink is measured against its surroundings: paper is the picture without its narrow marks,
ink is how far a pixel lies below it (dark ink) or above it (light ink). A pixel belongs to a stroke where it reaches a
share of the strongest ink nearby, so that pencil beside a felt pen keeps its strokes, and a multiple of what pixels
stray by anyway, here or around: a sensor's noise, the grain of leather, cloth and foliage. The outer contours of what
is left are the candidates; strokes that belong together but do not touch are proposed once more as one. All of it may
be done twice: at half the size, where noise is averaged away and printed rules and grids are found, for faint and for
broken digits, and at full size for small and for crowded ones.

The work is linear in pixels and the number of candidates is bounded.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from camdigits.ink import (
    DARKEST,
    LIGHTEST,
    OVER,
    SAME,
    Group,
    Stroke,
    filled,
    group_of,
    groups_of,
    is_solid,
    is_step,
    pen_width,
    soft_ink,
    strokes_of,
    unlike,
)
from camdigits.rules import faded, find_rules, without_rules
from camdigits.types import CROP, Box, Candidate, Image

MAX_PIXELS = 8_300_000
"""Larger pictures than 4K are reduced to this many pixels."""

CELLS = 160
"""Longer side of the reduced picture in which paper is told from ink."""

STROKE_CELLS = 25
"""Marks narrower than this are ink, in those cells: strokes up to a sixth of the frame wide."""

USUAL_CELLS = 11
"""Window of a stroke's surroundings, in cells twice as large: a board that fills a tenth of the frame has its own."""

POOL = 8
"""Pixels on a side of the cells in which the strength of ink is measured."""

NEAR = 7
"""Window of the strongest ink nearby, in POOL cells."""

AROUND = 5
"""Window in which noise is measured, in cells."""

SPREAD = 2, 5
"""Noise is the least of what cells of so many times POOL say: a sheet on a rough desk is smooth near by, a page of
thick strokes is around."""

FLOOR = 0.05
"""A stroke has at least this share of what full ink would have."""

OF_STRONGEST = 0.25
"""A stroke has at least this share of the strongest ink nearby."""

OF_USUAL = {1: 2.5, 2: 1.0}
"""A stroke has at least this many times the strength that half the pixels have, by how far the picture is reduced …"""

OF_NOISE = {1: 3.0, 2: 4.0}
"""… and this many times what half the pixels stray by."""

SURE, SUREST = 1.2, 1.4
"""A piece of ink as a whole, and the strongest ink in it, are stronger than noise by these factors: specks of noise
barely pass."""

FEW, LONG = 24, 0.2
"""A page with more strokes, or with one of this share of its longer side, may be ruled."""

MOST = 100
"""The largest strokes are kept where texture yields more; so many of each polarity and size, and as many pairs."""

LIGHTER = 12
"""Grey levels by which light ink is brighter than most of its surroundings."""

BOARD, DARKER = 110, 4
"""Where its surroundings are as dark as a board, dark ink is darker by so many; on paper pencil may hardly be."""


SMALL, MANY_SMALL = (4, 9), 5
"""Pixels at half size: strokes of such heights are too low to be digits there. More of them than these may be writing
that only the full size shows."""


OF_MAIN = 0.5
"""A part of a single sign has at least this share of its largest one's contrast …"""

BESIDE = 0.1
"""… and is no further from its columns than this share of its longer side, and from its rows than OVER, …"""

SPECK, OF_PEN = 0.08, 0.5
"""… where it may be a dot, longer than the first share of that and the second of the pen's width …"""

FAR = 0.3
"""… or is no speck, being longer than this share."""

OF_LONGEST = 0.4
"""Of the dark sign and the light one in a picture, one whose strokes are all shorter than this share of the other's
longest is dirt."""

CUT_OFF = 0.25
"""What the edge of a sign's picture cuts is no part of it, unless the rest is shorter than this share of that."""


class Paper(NamedTuple):
    """What ink is measured against, in a picture reduced to CELLS.

    grey: the picture without narrow marks darker (dark_ink) or lighter than it. usual: how bright most of the
    surroundings are, at half that size. rules: what find_rules found.
    """

    dark_ink: bool
    grey: MatLike
    usual: MatLike
    rules: MatLike | None = None


class Ink(NamedTuple):
    """The ink of a picture.

    strength: at each pixel. room, noise: by cell, how strong full ink would be, and how strong ink is at least. mask:
    255 where there is ink. strokes: what is connected in it, largest first.
    """

    strength: MatLike
    room: NDArray[np.float32]
    noise: NDArray[np.float32]
    mask: MatLike
    strokes: list[Stroke]


class Half(NamedTuple):
    """What was seen of a picture at half its size.

    candidates: what may be a digit. is_fine: there are marks so small that only the full size shows what they are.
    image: the picture, its rules faded if it has any. any_sign: as at_half was told. The rest is for at_full: the
    picture at the size to work in, its scale and margin, and the papers that are written on.
    """

    candidates: list[Candidate]
    is_fine: bool
    image: Image
    any_sign: bool
    grey: MatLike
    scale: float
    margin: int
    papers: list[Paper]


class Mark(NamedTuple):
    """A stroke in a single sign's picture: its own part of the mask, and what it is alone.

    odd: it would be a blot or an edge, as the dot and each bar of some signs are.
    """

    stroke: Stroke
    piece: MatLike
    odd: bool
    seen: Candidate


def segment(image: Image) -> list[Candidate]:
    """Return the pieces of ink in a (height, width, 3) BGR picture that may be digits, in no particular order.

    Pieces overlap where the ink can be seen in several ways (both polarities, with and without a loose stroke): which
    of them are digits is for the classifier and the decoder to say.
    """
    half = at_half(image)
    full, others = at_full(half)
    return full + [half.candidates[i] for i in others]


def at_half(image: Image, any_sign: bool = False) -> Half:
    """Look at a (height, width, 3) BGR picture at half its size, and where it is ruled, at its mix of colours.

    any_sign: what is written may be other signs than digits, whose parts need not touch.
    """
    return _at_half(image, any_sign, as_it_is=False)


def _at_half(image: Image, any_sign: bool, as_it_is: bool) -> Half:
    """Look at a picture, or, unless as it is, at its mix of colours where rules are found in it."""
    grey, scale, margin = _working_size(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    half = _resized(grey, 0.5, cv2.INTER_AREA)
    soft = cv2.blur(half, (3, 3))
    pages = []
    for paper in _papers(half):
        ink = _ink(soft, paper, 2)
        rules = find_rules(ink.strength) if paper.dark_ink and _maybe_ruled(ink) else None
        if rules is not None:
            edge, (h, w) = margin // 2, rules.shape
            clearer = None if as_it_is else faded(image, rules[edge : h - edge, edge : w - edge])
            if clearer is not None:
                return _at_half(clearer, any_sign, as_it_is=True)
            paper = paper._replace(rules=rules)
            ink = _ink(soft, paper, 2)
        pages.append((paper, ink, list(_pieces(soft, ink, _groups(soft, paper, ink, any_sign)))))
    # half the work is saved where a page has only dark writing, or only light
    written = [page for page in pages if page[2]] or pages
    low, high = SMALL
    small = sum(low <= stroke.box.h <= high for _, ink, _ in written for stroke in ink.strokes)
    return Half(
        [_to_picture(piece, image.shape, scale / 2, margin / 2) for _, _, pieces in written for piece in pieces],
        small > MANY_SMALL,
        image,
        any_sign,
        grey,
        scale,
        margin,
        [paper for paper, *_ in written],
    )


def at_full(half: Half) -> tuple[list[Candidate], list[int]]:
    """Return what the full size shows, and which of half's candidates it does not show again."""
    soft = cv2.blur(half.grey, (3, 3))
    pieces = [piece for paper in half.papers for piece in _as_written(soft, paper, half.any_sign)]
    full = [_to_picture(piece, half.image.shape, half.scale, half.margin) for piece in pieces]
    return full, unlike([candidate.box for candidate in half.candidates], [candidate.box for candidate in full])


def single_sign(image: Image) -> Candidate | None:
    """Return the ink of a (height, width, 3) BGR picture of one sign as one candidate, or None where there is none.

    That is its largest stroke and all that is as strong: the bars of =, the segments of a display. Specks, edges, and
    what the picture's own edge cuts, are left out.
    """
    half = at_half(image, any_sign=True)
    full, reduced = (_single(half, size) for size in (1, 2))
    if full is None or reduced is None:
        return full or reduced
    # the full size shows it best, unless it is too faint there
    return full if full.box.w * full.box.h > SAME * reduced.box.w * reduced.box.h else reduced


def _single(half: Half, reduced: int) -> Candidate | None:
    """Return the single sign of a picture that is reduced so many times, of either polarity."""
    grey = half.grey if reduced == 1 else _resized(half.grey, 1 / reduced, cv2.INTER_AREA)
    soft = cv2.blur(grey, (3, 3))
    signs: list[tuple[int, Candidate]] = []
    for paper in half.papers:
        for page in [paper] if paper.rules is None else [paper, paper._replace(rules=None)]:
            ink = _ink(soft, page, reduced)
            strokes = _all_of_it(soft, ink, _strokes_on(soft, page, ink))
            if strokes:
                longest = max(stroke.box.side for stroke in strokes)
                signs += ((longest, sign) for sign in _pieces(soft, ink, [group_of(strokes)]))
    if _are_enough([(longest, sign.cut) for longest, sign in signs]):
        signs = [item for item in signs if not item[1].cut]
    # specks far apart are no large sign; the paper between the bars of = may look like a light one, but a smaller one
    least = OF_LONGEST * max((longest for longest, _ in signs), default=0)
    large = [sign for longest, sign in signs if longest > least]
    largest = max(large, key=lambda sign: (sign.box.w * sign.box.h, sign.contrast), default=None)
    return largest and _to_picture(largest, half.image.shape, half.scale / reduced, half.margin / reduced)


def _all_of_it(grey: MatLike, ink: Ink, strokes: list[Stroke]) -> list[Stroke]:
    """Return the strokes that make a single sign: the largest, and those like it."""
    marks = []
    for stroke in strokes:
        box, piece = stroke.box, filled(group_of([stroke]), ink.mask)
        mean = _mean(ink, box, piece)
        if mean >= SURE * _at(ink.noise, box):
            odd = is_solid(box, piece) or is_step(box, piece, grey)
            marks.append(Mark(stroke, piece, odd, _candidate(box, piece, ink, mean)))
    if _are_enough([(mark.stroke.box.side, mark.seen.cut) for mark in marks]):
        marks = [mark for mark in marks if not mark.seen.cut]
    if not marks:
        return []
    main = max([mark for mark in marks if not mark.odd] or marks, key=_area)
    pen = pen_width(main.piece)
    return [mark.stroke for mark in marks if _belongs(mark, main, pen)]


def _are_enough(lengths: list[tuple[int, bool]]) -> bool:
    """Say whether what the picture's edge does not cut is the sign. lengths: of each mark, and whether it is cut."""
    longest = max((length for length, _ in lengths), default=0)
    return any(length > CUT_OFF * longest for length, cut in lengths if not cut)


def _area(mark: Mark) -> int:
    return mark.stroke.box.w * mark.stroke.box.h


def _belongs(mark: Mark, main: Mark, pen: float) -> bool:
    """Say whether a mark is a part of the sign that has the main one, drawn by a pen of that width."""
    box, of = mark.stroke.box, main.stroke.box
    if mark.seen.contrast <= OF_MAIN * main.seen.contrast:
        return False
    aside = max(box.x - of.right, of.x - box.right)
    above = max(box.y - of.bottom, of.y - box.bottom)
    if aside < BESIDE * of.side and above < OVER * of.side:
        return box.side > max(SPECK * of.side, OF_PEN * pen)
    return box.side > FAR * of.side and not mark.odd


def _as_written(grey: MatLike, paper: Paper, any_sign: bool) -> list[Candidate]:
    """Return the candidates of one polarity at full size: with the paper's rules and, if there are any, without them.

    What looks like a rule may be a stroke of a large digit.
    """
    whole = paper._replace(rules=None)
    ink = _ink(grey, whole, 1)
    pieces = list(_pieces(grey, ink, _groups(grey, whole, ink, any_sign)))
    if paper.rules is not None:
        known = [piece.box for piece in pieces]
        ink = _ink(grey, paper, 1)
        groups = _groups(grey, paper, ink, any_sign)
        pieces += _pieces(grey, ink, [groups[i] for i in unlike([group.box for group in groups], known)])
    return pieces


def _groups(grey: MatLike, paper: Paper, ink: Ink, any_sign: bool) -> list[Group]:
    """Return what may be a digit of one polarity: strokes and the box around them, in the picture's own pixels."""
    return groups_of(_strokes_on(grey, paper, ink), MOST, any_sign)


def _strokes_on(grey: MatLike, paper: Paper, ink: Ink) -> list[Stroke]:
    """Return the strokes of one polarity, without paper that shows between those of the other."""
    page = float(np.median(paper.usual))
    if paper.dark_ink and page >= BOARD:
        return ink.strokes
    return [stroke for stroke in ink.strokes if not _is_gap(stroke.box, ink.mask, grey, paper, page)]


def _pieces(grey: MatLike, ink: Ink, groups: list[Group]) -> Iterator[Candidate]:
    """Yield those that are ink and no noise, step or blot, as candidates."""
    for group in groups:
        box, piece = group.box, filled(group, ink.mask)
        mean = _mean(ink, box, piece)
        is_noise = mean < SURE * _at(ink.noise, box)
        if not (is_noise or is_step(box, piece, grey) or is_solid(box, piece)):
            yield _candidate(box, piece, ink, mean)


def _mean(ink: Ink, box: Box, piece: MatLike) -> float:
    """Return how strong a piece of ink is."""
    return cv2.mean(ink.strength[box.y : box.bottom, box.x : box.right], piece)[0]


def _working_size(grey: MatLike) -> tuple[MatLike, float, int]:
    """Return the picture at the size to work in, its scale, and the margin put around it (after scaling)."""
    side = max(grey.shape)
    if grey.size > MAX_PIXELS:
        scale = (MAX_PIXELS / grey.size) ** 0.5
        return _resized(grey, scale, cv2.INTER_AREA), scale, 0
    if side >= CROP:
        return grey, 1.0, 0
    scale, margin = CROP / side, CROP // 2
    paper = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    grey = _resized(grey, scale, cv2.INTER_LINEAR)
    return cv2.copyMakeBorder(grey, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=paper), scale, margin


def _resized(grey: MatLike, scale: float, interpolation: int) -> MatLike:
    h, w = grey.shape
    size = max(1, round(w * scale)), max(1, round(h * scale))
    return cv2.resize(grey, size, interpolation=interpolation)


def _papers(half: MatLike) -> tuple[Paper, Paper]:
    """Return the paper of dark ink and that of light, of a picture reduced to half.

    It is the picture without dark marks narrower than STROKE_CELLS, by morphological closing (opening for light ones):
    edges of sheets and of shadows stay where they are.
    """
    small = _resized(half, min(1.0, CELLS / max(half.shape)), cv2.INTER_AREA)
    usual = cv2.medianBlur(_resized(small, 0.5, cv2.INTER_AREA), USUAL_CELLS)
    kernel = np.ones((STROKE_CELLS, STROKE_CELLS), np.uint8)
    dark, light = (cv2.morphologyEx(small, kind, kernel) for kind in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN))
    return Paper(True, dark, usual), Paper(False, light, usual)


def _ink(grey: MatLike, paper: Paper, reduced: int) -> Ink:
    """Return the ink of one polarity in a picture that was reduced so many times, without the rules of its paper."""
    strength, room = _strength(grey, paper)
    if paper.rules is not None:
        strength = without_rules(strength, paper.rules)
    usual, noise = _noise(strength, room.shape[::-1], reduced)
    noise = np.maximum(noise, FLOOR * room)
    mask = _mask(strength, usual, noise)
    return Ink(strength, room, noise, mask, strokes_of(mask, MOST))


def _strength(grey: MatLike, paper: Paper) -> tuple[MatLike, NDArray[np.float32]]:
    """Return how strong ink is at each pixel, and by cell how strong full ink would be."""
    h, w = grey.shape
    cells = max(1, w // POOL), max(1, h // POOL)
    background = cv2.resize(paper.grey, (w, h), interpolation=cv2.INTER_LINEAR)
    brightness = cv2.resize(paper.grey, cells, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    if paper.dark_ink:
        return cv2.subtract(background, grey, dst=background), np.maximum(brightness, DARKEST)
    return cv2.subtract(grey, background, dst=background), np.maximum(255 - brightness, LIGHTEST)


def _maybe_ruled(ink: Ink) -> bool:
    """Say whether strokes are so many, or one of them so long, that a closer look pays."""
    longest = max((box.side for box, _ in ink.strokes), default=0)
    return len(ink.strokes) > FEW or longest > LONG * max(ink.mask.shape)


def _noise(strength: MatLike, cells: tuple[int, ...], reduced: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return by cell how strong half the pixels are, and how strong ink must be to stand out from such."""
    h, w = strength.shape
    half, least = (np.full(cells[::-1], np.inf, np.float32) for _ in range(2))
    for spread in SPREAD:
        coarse = max(1, w // (spread * POOL)), max(1, h // (spread * POOL))
        # eight times, since half a grey level matters; medians do not feel the ink
        samples = cv2.convertScaleAbs(cv2.resize(strength, coarse, interpolation=cv2.INTER_NEAREST), alpha=8)
        usual = cv2.medianBlur(samples, AROUND)
        strays = cv2.medianBlur(cv2.absdiff(samples, usual), AROUND)
        noise = cv2.addWeighted(usual, OF_USUAL[reduced] / 8, strays, OF_NOISE[reduced] / 8, 0, dtype=cv2.CV_32F)
        for lowest, here in ((half, usual.astype(np.float32) / 8), (least, noise)):
            np.minimum(lowest, cv2.resize(here, cells, interpolation=cv2.INTER_LINEAR), out=lowest)
    return half, least


def _mask(strength: MatLike, usual: NDArray[np.float32], noise: NDArray[np.float32]) -> MatLike:
    """Return 255 where there is ink. usual, noise: see _noise."""
    h, w = strength.shape
    cells = noise.shape[::-1]
    peaks = cv2.resize(cv2.dilate(strength, np.ones((POOL, POOL), np.uint8)), cells, interpolation=cv2.INTER_NEAREST)
    strongest = cv2.blur(cv2.dilate(peaks, np.ones((NEAR, NEAR), np.uint8)), (NEAR, NEAR))
    least = np.maximum(noise, (1 - OF_STRONGEST) * usual + OF_STRONGEST * strongest)
    least[cv2.dilate(peaks, np.ones((3, 3), np.uint8)) < SUREST * noise] = 254
    threshold = cv2.resize(np.minimum(least, 254).astype(np.uint8), (w, h), interpolation=cv2.INTER_LINEAR)
    return cv2.compare(strength, threshold, cv2.CMP_GT, dst=threshold)


def _at(cells: NDArray[np.float32], box: Box) -> float:
    """Return what a cell says, that in the middle of a box."""
    x, y = box.center
    return float(cells[min(int(y) // POOL, cells.shape[0] - 1), min(int(x) // POOL, cells.shape[1] - 1)])


def _is_gap(box: Box, mask: MatLike, grey: MatLike, paper: Paper, page: float) -> bool:
    """Say whether what looks like ink is paper between digits of other ink: as bright as most of its surroundings.

    page: how bright most of the picture is.
    """
    usual = paper.usual
    scale = usual.shape[1] / grey.shape[1]
    x, y = box.center
    around = float(usual[min(int(y * scale), usual.shape[0] - 1), min(int(x * scale), usual.shape[1] - 1)])
    there = slice(box.y, box.bottom), slice(box.x, box.right)
    seen = cv2.mean(grey[there], mask[there])[0]
    if paper.dark_ink:
        # around a broad stroke all may be ink
        around = max(around, page)
        return around < BOARD and seen > around - DARKER
    return seen < around + LIGHTER


def _candidate(box: Box, piece: MatLike, ink: Ink, mean: float) -> Candidate:
    """Return the soft ink of a piece of that mean strength, stretched to 255."""
    h, w = ink.strength.shape
    cut = box.x <= 1 or box.y <= 1 or box.right >= w - 1 or box.bottom >= h - 1
    return Candidate(box, soft_ink(ink.strength, box, piece, mean), min(mean / _at(ink.room, box), 1.0), cut)


def _to_picture(candidate: Candidate, shape: tuple[int, ...], scale: float, margin: float) -> Candidate:
    """Return a candidate with its box in the picture's own pixels."""
    if scale == 1 and not margin:
        return candidate
    box = candidate.box
    x, y = max(0, round((box.x - margin) / scale)), max(0, round((box.y - margin) / scale))
    right = min(shape[1], round((box.right - margin) / scale))
    bottom = min(shape[0], round((box.bottom - margin) / scale))
    return Candidate(Box(x, y, max(1, right - x), max(1, bottom - y)), candidate.ink, candidate.contrast, candidate.cut)
