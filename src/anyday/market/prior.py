"""Opening curves: integer weights a grain, in runs of equal ones, and a weight for never. All masses are exact integers.

A curve is stored as at most 1,000 runs (first grain, last grain exclusive, weight a grain ≥ 1) and an integer for
never. The maker's worst loss is ``b ln(U/u_min)`` of these integers (docs/mathematics.md, "What the house can lose").
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from anyday.refusals import Reason, Refusal

#: The most runs that an opening curve may have.
MOST_RUNS: Final = 1_000
#: The largest sum of all weights.
MOST_WEIGHT: Final = 2**62
#: Every curve but the uniform one is mixed with this much of uniform, among its grains only.
UNIFORM_SHARE: Final = Fraction(2, 100)
WHOLE: Final = 1_000_000

#: Weights that have no exact integers within the bound are rounded at this scale.
_SCALE: Final = 2**61


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening curve over grains 0 to ``count`` (exclusive) and never. ``total`` is U, ``least`` the smallest weight."""

    runs: tuple[tuple[int, int, int], ...]
    never: int
    smooth: bool = False
    count: int = field(init=False)
    total: int = field(init=False)
    least: int = field(init=False)
    _firsts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _sums: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        assert 0 < len(self.runs) <= MOST_RUNS, "a curve has between one and 1,000 runs"
        assert self.never >= 1, "never can always happen"
        firsts, sums, at, mass = [], [], 0, 0
        for first, last, weight in self.runs:
            assert first == at < last and weight >= 1, "runs follow each other, and every grain can happen"
            firsts.append(first)
            sums.append(mass)
            at, mass = last, mass + (last - first) * weight
        assert mass + self.never <= MOST_WEIGHT, "the weights are bounded"
        object.__setattr__(self, "count", at)
        object.__setattr__(self, "total", mass + self.never)
        object.__setattr__(self, "least", min(self.never, *(weight for _, _, weight in self.runs)))
        object.__setattr__(self, "_firsts", tuple(firsts))
        object.__setattr__(self, "_sums", tuple(sums))

    def before(self, grain: int) -> int:
        """The exact mass of grains 0 to ``grain`` (exclusive); from ``count + 1`` on never is in it."""
        if grain > self.count:
            return self.total
        assert grain >= 0, "grains are numbered from 0"
        run = bisect_right(self._firsts, grain) - 1
        return self._sums[run] + (grain - self._firsts[run]) * self.runs[run][2]

    def weight(self, first: int, last: int) -> int:
        """The exact mass of grains ``first`` to ``last`` (exclusive); grain ``count`` is never. O(log runs)."""
        assert first <= last, "a stretch of grains runs forwards"
        return self.before(last) - self.before(first)

    def grain_at(self, mass: float) -> int:
        """The first grain by whose end the mass of the grains reaches ``mass``; ``count`` if only with never."""
        if mass > self.total - self.never:
            return self.count
        run = max(0, bisect_left(self._sums, mass) - 1)
        first, last, weight = self.runs[run]
        grain = min(last - 1, first + max(0, math.ceil((mass - self._sums[run]) / weight) - 1))
        assert 0 <= grain < self.count
        return grain


def uniform(count: int, never: int) -> Opening | Refusal:
    """The same weight for every grain, and never at ``never`` parts per million, exactly. Refuses BAD_OPENING."""
    assert count >= 1, "a question has at least one grain"
    if not 0 < never < WHOLE:
        return _bad_never()
    grain, rest = WHOLE - never, never * count
    shared = math.gcd(grain, rest)
    opening = Opening(((0, count, grain // shared),), rest // shared, smooth=True)
    assert opening.never * WHOLE == never * opening.total, "never is taken as stated"
    return opening


def from_quantiles(count: int, points: Sequence[tuple[int, int]], never: int) -> Opening | Refusal:
    """A curve through stated chances: ``points`` are (grain, parts per million that it has happened before that grain
    starts), rising; ``never`` likewise. Between two points every grain weighs the same.

    Mixed with 2 % of uniform among the grains only; never is taken as stated. Exact integers where they fit, else
    rounded at 2^61. Refuses BAD_OPENING.
    """
    assert count >= 1, "a question has at least one grain"
    if not 0 < never < WHOLE:
        return _bad_never()
    stated = [*points]
    if not stated or stated[-1][0] < count:
        stated.append((count, WHOLE - never))
    if len(stated) > MOST_RUNS:
        return Refusal(Reason.BAD_OPENING, detail=f"it has more than {MOST_RUNS:,} steps")
    at, by = 0, 0
    masses: list[tuple[int, int, int]] = []
    for grain, chance in stated:
        if not at < grain <= count:
            return Refusal(Reason.BAD_OPENING, detail="its times must rise and lie within the question")
        if chance < by or chance > WHOLE - never:
            return Refusal(Reason.BAD_OPENING, detail="its chances must not fall, and must leave room for never")
        masses.append((at, grain, chance - by))
        at, by = grain, chance
    if by != WHOLE - never:
        return Refusal(Reason.BAD_OPENING, detail="the chance by the horizon and that of never must make 100 %")
    return _whole_weights(count, masses, never)


def _whole_weights(count: int, masses: Sequence[tuple[int, int, int]], never: int) -> Opening:
    """Integer weights for stretches (first, last, parts per million), with the uniform share mixed in."""
    among = WHOLE - never
    assert sum(mass for _, _, mass in masses) == among, "the stated chances make 100 %"
    exact = [
        (first, last, (1 - UNIFORM_SHARE) * Fraction(mass, last - first) + UNIFORM_SHARE * Fraction(among, count))
        for first, last, mass in masses
    ]
    scale = math.lcm(*(weight.denominator for _, _, weight in exact))
    if scale * WHOLE <= MOST_WEIGHT:
        runs = [(first, last, int(weight * scale)) for first, last, weight in exact]
        left = never * scale
        shared = math.gcd(left, *(weight for _, _, weight in runs))
        return Opening(tuple((first, last, weight // shared) for first, last, weight in runs), left // shared)
    runs = [(first, last, max(1, round(weight * _SCALE / WHOLE))) for first, last, weight in exact]
    mass = sum((last - first) * weight for first, last, weight in runs)
    return Opening(tuple(runs), max(1, (mass * never + among // 2) // among))


def _bad_never() -> Refusal:
    return Refusal(Reason.BAD_OPENING, detail="the chance of never must lie above 0 and below 100 %")
