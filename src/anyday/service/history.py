"""How a question's curve stood over calendar time: samples taken while its log is folded, thinned to a bounded number.

A sample is taken just before an event when the last one is older than the interval; when there are too many, every other
one goes and the interval doubles. So a long history costs no more memory than a short one.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final, NamedTuple

from anyday.instants import DAY, MINUTE, Instant
from anyday.market.curve import Curve
from anyday.market.prior import WHOLE
from anyday.rules.question import Question
from anyday.service.shown import Shown

MOST: Final = 128
PIECES: Final = 32
QUANTILES: Final = (10, 25, 50, 75, 90)  # per cent


class Sample(NamedTuple):
    """The curve as it stood at an instant: quantiles in UTC microseconds, never in parts per million, and the chances of
    ``PIECES`` equal pieces of the question's time."""

    at: Instant
    never: int
    quantiles: dict[str, int | None]
    pieces: tuple[float, ...]


class Samples:
    """The samples of one question, oldest first."""

    def __init__(self, shown: Shown) -> None:
        question = shown.question
        count = question.horizon.count
        pieces = min(PIECES, count)
        self._edges = tuple(count * piece // pieces for piece in range(pieces + 1))
        self._interval = MINUTE
        self.samples = [self._take(shown, question.last_at)]

    def note(self, shown: Shown, at: Instant) -> None:
        """The question is about to change at ``at``: keep how it stood, if the last sample is old enough."""
        if at - self.samples[-1].at < self._interval:
            return
        shown.question.advance(at)
        self.samples.append(self._take(shown, at))
        if len(self.samples) > MOST:
            self.samples = self.samples[::2]
            self._interval *= 2

    def until_now(self, shown: Shown, now: Instant) -> list[Sample]:
        """The samples, and how it stands now (or stood when the betting ended)."""
        return [*self.samples, self._take(shown, now)]

    def moved(self, shown: Shown, now: Instant) -> float:
        """How much of the curve moved in the past day: the share of chance that changed its place (total variation), the
        older curve conditioned on what has not passed since."""
        # A sample is how it stood until that moment, so the first one within the day is how it stood a day ago.
        older = next((sample for sample in self.samples if sample.at > now - DAY), None)
        if older is None:
            return 0.0
        return self._shift(older, self._take(shown, now), shown.question.market.passed)

    def moved_after(self, shown: Shown, at: int, now: Instant) -> float:
        """How much of it moved in the day after ``at``, or has so far: as near as the samples tell, until a ruling decides it."""
        question = shown.question
        series, until = self.until_now(shown, now), Instant(min(at + DAY, now))
        older = next(sample for sample in series if sample.at >= min(at, now))
        newer = next(sample for sample in series if sample.at >= until)
        return self._shift(older, newer, question.horizon.passed(newer.at, question.opened.lead))

    def _shift(self, older: Sample, newer: Sample, passed: int) -> float:
        """The share of chance that changed its place between two samples, the older one conditioned on what has not passed."""
        before = [older.never / WHOLE]
        after = [newer.never / WHOLE]
        for place, (first, last) in enumerate(pairwise(self._edges)):
            if last > passed:
                before.append(older.pieces[place] * (last - max(first, passed)) / (last - first))
                after.append(newer.pieces[place])
        whole = sum(before)
        assert whole >= 0, "chances are never negative"
        return min(1.0, sum(abs(a - b / whole) for a, b in zip(after, before, strict=True)) / 2) if whole > 0 else 0.0

    def _take(self, shown: Shown, at: Instant) -> Sample:
        question = shown.question
        passed = question.market.passed
        left = [edge for edge in self._edges if edge > passed]
        curve = shown.curve([passed, *left])
        pieces = (0.0,) * (len(self._edges) - 1 - len(left)) + curve.masses
        assert len(pieces) == len(self._edges) - 1, "a chance for every piece, passed ones have none"
        return Sample(at, round(curve.never * WHOLE), quantiles(shown), pieces)


def quantiles(shown: Shown) -> dict[str, int | None]:
    """By when it has happened with chance 10 to 90 %: the end of the grain in which the chance is reached, or None for
    never. UTC microseconds."""
    market, horizon = shown.question.market, shown.question.horizon
    if shown.prices.how == "rounded":
        return curve_quantiles(shown.question, shown.curve())
    return {str(chance): None if (grain := market.quantile(chance * WHOLE // 100)) is None else horizon.start(grain + 1) for chance in QUANTILES}


def curve_quantiles(question: Question, curve: Curve) -> dict[str, int | None]:
    """The same of any curve over the question's grains."""
    found: dict[str, int | None] = {}
    for chance in QUANTILES:
        place = curve.quantile(chance / 100)
        found[str(chance)] = None if place is None else question.horizon.start(min(question.horizon.count, math.ceil(place - 1e-9)))
    return found
