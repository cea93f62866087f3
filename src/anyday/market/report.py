"""A stated curve: parts per million for runs of a question's grains and for never, exactly a million together.

People state one by quantiles, as a table, or as a lognormal, Weibull or gamma through two chances; all become integers by
largest remainder, once, so that every machine scores the same curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import NormalDist
from typing import Final

from anyday.market import gamma
from anyday.market.curve import Curve
from anyday.market.horizon import Horizon
from anyday.market.prior import MOST_RUNS, WHOLE
from anyday.points import split, write_points
from anyday.refusals import Reason, Refusal

#: The shapes that a family may have, and the longest scale, in microseconds: some 30,000 years.
_SHAPES: Final = (0.01, 1000.0)
_LONGEST: Final = 1e18
_HALVINGS: Final = 50
#: Chances of a family as integers, to be shared out.
_SCALE: Final = 2**60
#: The largest number whose exponential is taken.
_HUGE: Final = 700.0
_NEVER: Final = "the chance of never must be a whole number of parts per million"


@dataclass(frozen=True, slots=True)
class Report:
    """A stated curve: ``runs`` of (first grain, last grain exclusive, parts per million over all of it) that follow each other
    over the question's grains, and ``never``; together exactly a million. Even within a run."""

    runs: tuple[tuple[int, int, int], ...]
    never: int

    def __post_init__(self) -> None:
        assert 0 < len(self.runs) <= MOST_RUNS, "a curve has between one and 1,000 runs"
        assert self.runs[0][0] == 0 and all(a[1] == b[0] for a, b in pairwise(self.runs)), "runs follow each other"
        assert all(first < last and mass >= 0 for first, last, mass in self.runs) and self.never >= 0, "chances are never negative"
        assert sum(mass for _, _, mass in self.runs) + self.never == WHOLE, "all chances make a million"

    @staticmethod
    def read(count: int, runs: Sequence[Sequence[int]], never: int) -> Report | Refusal:
        """A report from what somebody sent, over ``count`` grains. Refuses NOT_A_CURVE, with the sum where that is what is wrong."""
        assert count >= 1, "a question has at least one grain"
        if len(runs) > MOST_RUNS:
            return no_curve(f"it has {len(runs):,} pieces, more than {MOST_RUNS:,}")
        at, total = 0, never
        if not _is_chance(never):
            return no_curve(_NEVER)
        for run in runs:
            if len(run) != 3 or not all(type(part) is int for part in run) or not _is_chance(run[2]):
                return no_curve("each piece has a first grain, a last one and whole parts per million, none negative")
            if run[0] != at or not at < run[1] <= count:
                return no_curve("its pieces must follow each other, from the question's first grain to its last")
            at, total = run[1], total + run[2]
        if at != count:
            return no_curve("its pieces must follow each other, from the question's first grain to its last")
        if total != WHOLE:
            return no_curve(f"its chances make {write_points(total * 100)} %, not 100 %")
        return Report(tuple((first, last, mass) for first, last, mass in runs), never)

    @property
    def count(self) -> int:
        """How many grains it covers."""
        return self.runs[-1][1]

    def curve(self) -> Curve:
        """The same as a curve."""
        edges = (0, *(last for _, last, _ in self.runs))
        return Curve(edges, tuple(mass / WHOLE for _, _, mass in self.runs), self.never / WHOLE)

    def survival(self, grain: int) -> float:
        """The chance that it has not happened before ``grain`` starts; of ``count``, never."""
        assert 0 <= grain <= self.count, "grains are numbered from 0, and count is the end"
        return self.curve().survival(grain)


def _is_chance(value: object) -> bool:
    return type(value) is int and 0 <= value <= WHOLE


def no_curve(detail: str) -> Refusal:
    """The refusal of a curve, with what is wrong."""
    assert detail, "a no says why"
    return Refusal(Reason.NOT_A_CURVE, detail=detail)


def report_from_quantiles(count: int, points: Sequence[tuple[int, int]], never: int) -> Report | Refusal:
    """A curve through stated chances: ``points`` are (grain, parts per million that it has happened before that grain starts),
    rising; ``never`` likewise. Even between two points; what they leave lies between the last one and the horizon.
    Refuses NOT_A_CURVE."""
    assert count >= 1, "a question has at least one grain"
    if not _is_chance(never):
        return no_curve(_NEVER)
    if len(points) > MOST_RUNS:
        return no_curve(f"it has {len(points):,} pieces, more than {MOST_RUNS:,}")
    at, by = 0, 0
    runs: list[tuple[int, int, int]] = []
    for grain, chance in [*points, (count, WHOLE - never)]:
        if (grain, chance) == (at, by) == (count, WHOLE - never):
            break  # the last point says the horizon itself
        if type(grain) is not int or not at < grain <= count:
            return no_curve("its times must rise and lie within the question")
        if not _is_chance(chance) or not by <= chance <= WHOLE - never:
            return no_curve("its chances must not fall, and must leave room for never")
        runs.append((at, grain, chance - by))
        at, by = grain, chance
    return Report.read(count, runs, never)


def report_from_table(count: int, pieces: Sequence[tuple[int, int]], never: int) -> Report | Refusal:
    """A curve from a table: each piece is (the grain that it runs to, exclusive; parts per million over all of it), from the
    question's first grain on, even within a piece; after the last piece nothing happens. Refuses NOT_A_CURVE, with the sum
    where it is not 100 %."""
    assert count >= 1, "a question has at least one grain"
    starts = [0, *(last for last, _ in pieces)]
    assert len(starts) == len(pieces) + 1, "each begins where the one before ends"
    runs = [(first, last, mass) for first, (last, mass) in zip(starts, pieces, strict=False)]
    if type(starts[-1]) is int and starts[-1] < count:
        runs.append((starts[-1], count, 0))
    return Report.read(count, runs, never)


class Family(StrEnum):
    """Times in three well-known shapes. A scale stretches time, ``shape`` is the other parameter."""

    LOGNORMAL = "lognormal"
    """Its logarithm is normal: the scale is its median, the shape the standard deviation of the logarithm."""
    WEIBULL = "weibull"
    """P(later than t) = exp(−(t/scale)^shape)."""
    GAMMA = "gamma"
    """Density in proportion to (t/scale)^(shape − 1) exp(−t/scale)."""

    def later(self, time: float, shape: float) -> float:
        """The chance of more than ``time`` scales."""
        assert time >= 0.0 and shape > 0.0, "times count from the origin"
        if time == 0.0:
            return 1.0
        if self is Family.GAMMA:
            return gamma.upper(shape, time)
        if self is Family.WEIBULL:
            return math.exp(-math.exp(min(_HUGE, shape * math.log(time))))
        return math.erfc(math.log(time) / (shape * math.sqrt(2.0))) / 2.0

    @property
    def said(self) -> str:
        """Its name in a sentence: a Weibull curve is called after a man."""
        return self.value.capitalize() if self is Family.WEIBULL else self.value


def report_from_family(horizon: Horizon, family: str, scale: float, shape: float, never: int | None = None) -> Report | Refusal:
    """A curve of a family, by its parameters; ``scale`` in microseconds, times counted from the question's origin.

    What it has beyond the horizon is never, at least a millionth: no family is sure. Where ``never`` is stated, the rest of it
    is scaled to what that leaves. Rounded to parts per million by largest remainder; even within runs of grains where there
    are more than 1,000 of these. Refuses NOT_A_CURVE.
    """
    named = _named(family)
    if isinstance(named, Refusal):
        return named
    if not _is_within(scale, 1.0, _LONGEST) or not _is_within(shape, *_SHAPES):
        return no_curve(f"a {named.said} curve takes a scale above 0 and a shape from {_SHAPES[0]} to {_SHAPES[1]:g}")
    if never is not None and not _is_chance(never):
        return no_curve(_NEVER)
    pieces = min(horizon.count, MOST_RUNS)
    edges = [piece * horizon.count // pieces for piece in range(pieces + 1)]
    left = [named.later((horizon.start(edge) - horizon.origin) / scale, shape) for edge in edges]
    assert left[0] == 1.0 and all(0.0 <= chance <= 1.0 for chance in left), "chances of later, from the origin on"
    weights = [int(max(0.0, a - b) * _SCALE) for a, b in pairwise(left)]
    if sum(weights) == 0:
        return no_curve("it gives the question's time no chance")
    if never is None:
        never = max(1, split(WHOLE, [*weights, int(left[-1] * _SCALE)])[-1])
    assert 0 <= never <= WHOLE, "never leaves the rest"
    masses = split(WHOLE - never, weights)
    return Report(tuple((a, b, mass) for (a, b), mass in zip(pairwise(edges), masses, strict=True)), never)


def report_from_two(horizon: Horizon, family: str, points: Sequence[tuple[float, int]], never: int | None = None) -> Report | Refusal:
    """The curve of a family that two chances name, as people state it: "half by 30 days, 90 % by 60 days". ``points`` are two
    of (microseconds from the question's origin, parts per million by then). Otherwise as :func:`report_from_family`; where
    ``never`` is stated, the chances are of what is left. Refuses NOT_A_CURVE."""
    named = _named(family)
    if isinstance(named, Refusal):
        return named
    if len(points) != 2 or not all(_is_within(time, 1.0, _LONGEST) and _is_chance(chance) and 0 < chance < WHOLE for time, chance in points):
        return no_curve("it takes two times after the origin, each with a chance above 0 % and below 100 %")
    (early, low), (late, high) = sorted(points)
    if not early < late or not low < high:
        return no_curve("the later time needs the larger chance")
    scale, shape = _through(named, early, low / WHOLE, late, high / WHOLE)
    if not _is_within(shape, *_SHAPES) or not _is_within(scale, 1.0, _LONGEST):
        return no_curve(f"no {named.said} curve of ordinary shape goes through both")
    return report_from_family(horizon, named, scale, shape, never)


def _through(family: Family, early: float, low: float, late: float, high: float) -> tuple[float, float]:
    """Scale and shape of the family's member with chances ``low`` by ``early`` and ``high`` by ``late``."""
    assert 0.0 < early < late and 0.0 < low < high < 1.0, "both rise"
    stretch = math.log(late / early)
    if family is Family.LOGNORMAL:
        a, b = (NormalDist().inv_cdf(chance) for chance in (low, high))
        shape = stretch / (b - a)
        return early * math.exp(-a * shape), shape
    if family is Family.WEIBULL:
        a, b = (math.log(-math.log1p(-chance)) for chance in (low, high))
        shape = (b - a) / stretch
        return early * math.exp(min(_HUGE, -a / shape)), shape
    least, most = (math.log(shape) for shape in _SHAPES)
    for _ in range(_HALVINGS):  # the larger the shape, the closer the two quantiles
        middle = (least + most) / 2.0
        shape = math.exp(middle)
        below = gamma.quantile(shape, low)
        wide = below <= 0.0 or math.log(gamma.quantile(shape, high) / below) > stretch
        least, most = (middle, most) if wide else (least, middle)
    below = gamma.quantile(math.exp(most), low)
    found = most < math.log(_SHAPES[1]) and below > 0.0
    return (early / below, math.exp(most)) if found else (early, math.inf)


def _named(family: str) -> Family | Refusal:
    """The family of a name."""
    assert len(Family) == 3, "the sentence below names them all"
    return Family(family) if family in list(Family) else no_curve("its family is none of lognormal, Weibull and gamma")


def _is_within(value: object, low: float, high: float) -> bool:
    return type(value) in (int, float) and isinstance(value, int | float) and low <= value <= high
