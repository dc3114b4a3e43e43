"""Numbers over time to readings: each number is followed from frame to frame, and its track votes.

In SORT's vocabulary (Bewley et al. 2016): a number that overlaps no track starts one, a track not seen for
`max_age` ends, and one settles after `min_hits` frames agree. Added to it is the vote: a track says the text
with the most weight among the last frames, so that one misread frame changes nothing and a changed sheet wins
within half a second.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from camdigits.types import MIN_HITS, Number, Reading, shared_area, size_of

MEMORY = 0.3
"""Seconds in which the weight of a vote falls to 1/e: nine frames of thirty a second."""

MARGIN = 1.2
"""A text must outweigh the one that stands by this factor, so that two equals do not flicker."""

LEAD = 1.5
"""A text must outweigh every other by this factor to settle: what changes from frame to frame is not known."""

PARTIAL = 0.3
"""Weight of a text that is part of the settled one, in part of its box: a hand covers the rest, or it
leaves."""

FORGOTTEN = 0.02
"""A text whose votes weigh less than this is out of the running: one frame's last about a second."""

LONGEST = 0.5
"""Seconds that pass between two frames at most: however slow a source is, what it showed last counts …"""

OVER = 1.2
"""… but after so many seconds without a frame a number is no longer what it was where it reads otherwise."""

REACH = 2.0
"""Digit heights that a number may move between two frames, beyond what the others moved."""

GROWS, STEP, REST = 1.12, 1.04, 0.5
"""A last digit larger by the first factor than within so many seconds before, as the others are not, and in between by
the second (a counter's is another at once), is being written, and so is a settled number to which one was added: it
settles so many seconds after that."""

COVERED = 0.5
"""Two readings that share this part of the smaller one's box compete for the same ink: one is shown."""


@dataclass(slots=True)
class _Vote:
    """weight: confidence of the frames that read this text, faded with time. hits: how many frames."""

    weight: float = 0.0
    hits: int = 0
    confidence: float = 0.0  # weighted like the votes


@dataclass(slots=True)
class _Track:
    """One number being followed.

    shown: the number as the vote says it, where it was seen last. recent: what was seen in the last REST seconds, and
    when. grew: when it was last seen being written.
    """

    id: int
    shown: Number
    seen: float
    frames: int = 0
    missed: int = 0
    settled: bool = False
    votes: dict[str, _Vote] = field(default_factory=dict)
    recent: list[tuple[float, Number]] = field(default_factory=list)
    grew: float = -math.inf

    @property
    def weight(self) -> float:
        vote = self.votes.get(self.shown.text)
        return vote.weight if vote else 0.0

    def fade(self, factor: float) -> None:
        """Let time pass: every vote weighs less."""
        for vote in self.votes.values():
            vote.weight *= factor
        self.votes = {text: vote for text, vote in self.votes.items() if vote.weight >= FORGOTTEN}

    def see(self, number: Number, time: float, min_hits: int) -> None:
        """Take one frame's number into the vote and settle on a text, perhaps another than before."""
        self.seen, self.missed, self.frames = time, 0, self.frames + 1
        self.settled = self.settled and self.shown.text in self.votes  # else no frame in memory says so any more
        weight = number.confidence
        if self.settled and _is_part(number, self.shown):
            weight *= PARTIAL
        self.recent = [(then, before) for then, before in self.recent if time - then < REST]
        added = self.settled and number.text not in self.votes and number.text.startswith(self.shown.text)
        if added or _is_written([before for _, before in self.recent], number):
            self.grew = time
        self.recent.append((time, number))
        vote = self.votes.setdefault(number.text, _Vote())
        if vote.weight + weight > 0:
            vote.confidence += (number.confidence - vote.confidence) * weight / (vote.weight + weight)
        vote.weight += weight
        vote.hits += 1
        rested = time - self.grew >= REST
        changes = vote.weight > MARGIN * self.weight and ((vote.hits >= min_hits and rested) or not self.settled)
        if number.text == self.shown.text or changes:
            self.shown = number
            if not self.settled:
                second = max((other.weight for other in self.votes.values() if other is not vote), default=0.0)
                self.settled = rested and vote.hits >= min_hits and vote.weight >= LEAD * second

    def forget(self) -> None:
        """Take what is seen next for a number of its own."""
        self.votes.clear()
        self.settled = False

    def move(self, shift: tuple[float, float]) -> None:
        """Carry the number along with the page, where this frame did not show it as it is."""
        dx, dy = round(shift[0]), round(shift[1])
        if dx or dy:
            self.shown = self.shown.with_boxes(lambda box: box.moved(dx, dy))

    def reading(self) -> Reading:
        vote = self.votes.get(self.shown.text)
        number = replace(self.shown, confidence=vote.confidence) if vote else self.shown
        return Reading(self.id, number, self.settled, self.frames)


class Tracker:
    """Follows the numbers of one source; call update once a frame.

    max_age: seconds that a track outlives its last sight. min_hits: frames of the last second that must agree
    before a reading is settled. iou_threshold: overlap from which a number continues a track; one that moved
    further does so too, if it is near in digit heights.
    """

    def __init__(self, max_age: float = 0.4, min_hits: int = MIN_HITS, iou_threshold: float = 0.3) -> None:
        self.max_age = max_age
        self.min_hits = min_hits
        self.iou_threshold = iou_threshold
        self._tracks: list[_Track] = []
        self._next_id = 1
        self._time = -math.inf  # of the last frame
        self._clock = 0.0  # which a slow frame moves by LONGEST
        self._shift = (0.0, 0.0)  # pixels that the page moved from the last frame but one to the last

    def update(self, numbers: Sequence[Number], time: float) -> list[Reading]:
        """Take the numbers of the frame at `time` (seconds) and return what is known now, in reading order.

        A settled reading stays while its number is out of sight for up to max_age; an unsettled one is
        returned only for frames that show it.
        """
        elapsed = min(max(time - self._time, 0.0), LONGEST)
        is_over = time - self._time > OVER
        self._time = time
        self._clock = time = self._clock + elapsed
        # one that was in the last frame may be in this one, however slow the source is
        self._tracks = [t for t in self._tracks if not t.missed or time - t.seen <= self.max_age]
        for track in self._tracks:
            track.fade(math.exp(-elapsed / MEMORY))

        pairs = self._match(numbers)
        self._shift = _page_shift([(track.shown, number) for track, number in pairs])
        for track in self._tracks:
            track.missed += 1
        for track, number in pairs:
            if is_over and number.text != track.shown.text:
                track.forget()
            track.see(number, time, self.min_hits)
        current = {track.id: number for track, number in pairs}
        for track in self._tracks:
            if current.get(track.id) is not track.shown:
                track.move(self._shift)
        continued = {id(number) for number in current.values()}
        for number in numbers:
            if id(number) not in continued:
                track = _Track(self._next_id, number, time)
                track.see(number, time, self.min_hits)
                self._next_id += 1
                self._tracks.append(track)
        self._tracks = [track for track in self._tracks if time - track.seen <= self.max_age]
        return self._readings()

    def _match(self, numbers: Sequence[Number]) -> list[tuple[_Track, Number]]:
        """Pair tracks with numbers, the surest pairs first."""
        nearness = self._nearness([track.shown for track in self._tracks], numbers)
        scored = []
        for row, column in np.argwhere(nearness > 0):
            track, number = self._tracks[row], numbers[column]
            scored.append((nearness[row, column] + _likeness(track.shown.text, number.text), track, number))
        scored.sort(key=lambda pair: -pair[0])
        pairs: list[tuple[_Track, Number]] = []
        taken: set[int] = set()
        for _, track, number in scored:
            if id(track) not in taken and id(number) not in taken:
                taken |= {id(track), id(number)}
                pairs.append((track, number))
        return pairs

    def _nearness(self, shown: Sequence[Number], numbers: Sequence[Number]) -> NDArray[np.float64]:
        """Return (shown, numbers): 0 where a number cannot be the one shown, else how near it is, up to 1."""
        expected, found = _boxes(shown), _boxes(numbers)
        expected[:, :2] += self._shift  # by frames, not by time: frames of a network camera arrive in bursts
        shared, iou = _overlaps(expected, found)
        old, new = _digit_heights(shown)[:, None], _digit_heights(numbers)
        steps = (expected[:, :2] + expected[:, 2:] / 2)[:, None] - (found[:, :2] + found[:, 2:] / 2)
        near = 1 - np.hypot(steps[..., 0], steps[..., 1]) / (REACH * np.maximum(old, new))
        near[(new > 2 * old) | (old > 2 * new)] = 0
        same = (iou >= self.iou_threshold) | (shared >= COVERED)
        return np.where(same, np.maximum(iou, self.iou_threshold), self.iou_threshold * np.maximum(near, 0))

    def _readings(self) -> list[Reading]:
        """Return what is shown, and drop the tracks that others have taken the place of."""
        ranked = sorted(self._tracks, key=lambda track: (-track.settled, -track.weight, track.id))
        boxes = _boxes([track.shown for track in ranked])
        competes = _overlaps(boxes, boxes)[0] >= COVERED
        kept: list[int] = []
        gone: set[int] = set()
        for place, track in enumerate(ranked):
            rivals = [other for other in kept if competes[place, other]]
            if rivals and track.missed and ranked[rivals[0]].settled:
                gone.add(track.id)
            elif not rivals and (track.settled or not track.missed):
                kept.append(place)
        self._tracks = [track for track in self._tracks if track.id not in gone]
        shown = sorted((ranked[place] for place in kept), key=lambda track: (track.shown.line, track.shown.box.x))
        return [track.reading() for track in shown]


def _page_shift(pairs: Sequence[tuple[Number, Number]]) -> tuple[float, float]:
    """Return how far the page moved between pairs of (before, now), by those seen whole; (0, 0) if none was."""
    steps = [
        (now.box.center[0] - before.box.center[0], now.box.center[1] - before.box.center[1])
        for before, now in pairs
        if 0.8 <= now.box.w / before.box.w <= 1.25 and 0.8 <= now.box.h / before.box.h <= 1.25
    ]
    return (median(x for x, _ in steps), median(y for _, y in steps)) if steps else (0.0, 0.0)


def _is_written(before: Sequence[Number], now: Number) -> bool:
    """Say whether a number is being written: its last digit grew, and not at once."""
    smaller = [number for number in before if _growth(number, now) > STEP]  # of a number that rests, none
    return any(
        _growth(first, now) > GROWS and any(_growth(first, between) > STEP for between in smaller[at + 1 :])
        for at, first in enumerate(smaller)
    )


def _growth(before: Number, now: Number) -> float:
    """Return by which factor a number's last digit has grown, beyond the others; 1 where another than that changed."""
    if len(now.digits) != len(before.digits) or now.text[:-1] != before.text[:-1]:
        return 1.0
    *others, last = [
        # by heights: a 1 may be twice as wide in the next frame
        max(1 + (new.box.w - old.box.w) / old.box.h, new.box.h / old.box.h)
        for old, new in zip(before.digits, now.digits, strict=True)
    ]
    return last / median(others or [1.0])


def _is_part(number: Number, whole: Number) -> bool:
    if number.text == whole.text or number.text not in whole.text or number.box.w >= whole.box.w:
        return False
    return bool(_overlaps(_boxes([number]), _boxes([whole]))[0][0, 0] >= COVERED)


def _boxes(numbers: Sequence[Number]) -> NDArray[np.float64]:
    """Return (N, 4): x, y, w, h."""
    return np.array([number.box for number in numbers], np.float64).reshape(-1, 4)


def _overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for (N, 4) and (M, 4) boxes, the (N, M) intersections over the smaller box and over the union."""
    both = shared_area(a, b)
    areas = np.maximum(np.prod(a[:, 2:], axis=1)[:, None], 1), np.maximum(np.prod(b[:, 2:], axis=1), 1)
    return both / np.minimum(*areas), both / (areas[0] + areas[1] - both)


def _digit_heights(numbers: Sequence[Number]) -> NDArray[np.float64]:
    """Return (N,): the median size of each number's digits in pixels, at least one."""
    return np.array([max(_digit_height(number), 1) for number in numbers], float)


def _digit_height(number: Number) -> float:
    return median([size_of(digit.label, digit.box) for digit in number.digits] or [number.box.h])


def _likeness(a: str, b: str) -> float:
    """Return 1 for equal texts, the share of equal places where the lengths agree, else 0."""
    if len(a) != len(b):
        return 0.0
    return sum(x == y for x, y in zip(a, b, strict=True)) / len(a) if a else 1.0
