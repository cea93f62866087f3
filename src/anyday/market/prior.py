"""Opening curves: integer weights a grain, in runs of equal ones, and a weight for never. All masses are exact integers.

A curve is stored as at most 1,000 runs (first grain, last grain exclusive, weight a grain ≥ 1) and an integer for
never. The maker's worst loss is ``b ln(U/u_min)`` of these integers (docs/mathematics.md, "What the house can lose").
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from anyday.instants import FIRST_INSTANT, LAST_INSTANT, Instant
from anyday.market.horizon import Horizon
from anyday.market.rates import at_risk
from anyday.refusals import Reason, Refusal

#: The most runs that an opening curve may have.
MOST_RUNS: Final = 1_000
#: The largest sum of all weights.
MOST_WEIGHT: Final = 2**62
#: Every curve but the uniform one is mixed with this much of uniform, among its grains only.
UNIFORM_SHARE: Final = Fraction(2, 100)
WHOLE: Final = 1_000_000

#: The most cases that a curve from cases may rest on, the fewest of them that must be over, and the longest that one lasts (µs).
MOST_CASES: Final = 10_000
LEAST_FINISHED: Final = 2
LONGEST_CASE: Final = LAST_INSTANT - FIRST_INSTANT

#: The most pieces that steps are spread over, halved, and those that the tail is told in where grains outnumber runs.
_PIECES: Final = 150

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
    # the weights over one denominator: a fraction each, of a thousand stretches, took ten times as long
    share = UNIFORM_SHARE.as_integer_ratio()
    lengths = math.lcm(*(last - first for first, last, _ in masses))
    whole = share[1] * count * lengths
    over = [
        (first, last, (share[1] - share[0]) * mass * count * (lengths // (last - first)) + share[0] * among * lengths)
        for first, last, mass in masses
    ]
    least = math.gcd(whole, *(weight for _, _, weight in over))
    scale = whole // least
    if scale * WHOLE <= MOST_WEIGHT:
        runs = [(first, last, weight // least) for first, last, weight in over]
        left = never * scale
        shared = math.gcd(left, *(weight for _, _, weight in runs))
        return Opening(tuple((first, last, weight // shared) for first, last, weight in runs), left // shared)
    runs = [(first, last, max(1, _nearest(weight * _SCALE, whole * WHOLE))) for first, last, weight in over]
    mass = sum((last - first) * weight for first, last, weight in runs)
    return Opening(tuple(runs), max(1, (mass * never + among // 2) // among))


def _nearest(over: int, under: int) -> int:
    """The whole number nearest to a fraction; of two, the even one."""
    assert under > 0, "a fraction"
    whole, rest = divmod(over, under)
    return whole + (2 * rest > under or (2 * rest == under and whole % 2))


def from_cases(horizon: Horizon, elapsed: int, cases: Sequence[tuple[int, bool]], never: int | None = None) -> Opening | Refusal:
    """A curve from how long earlier cases lasted: (µs, whether it then happened, or was still open when last seen).

    ``elapsed`` is how long (µs) the case in question has lasted at the origin; only cases that lasted longer tell when. It
    is Kaplan–Meier's with the case in question counted among those at risk, so that of n cases it outlasts all with chance
    1/(n + 1) (Hill's A(n); Berliner and Hill 1988): nothing is certain to be over by the longest yet seen. The mass of each
    step is spread evenly back to the one before, the first's to the origin; of many, some √n steps in the middle are taken
    together, fewer towards the ends (single gaps make a jagged curve that loses in the log score what it wins by luck).
    After the last, time is exponential at the overall rate, those that happened over the time watched.
    ``never`` (parts per million) is what is left at the horizon, or as stated, the rest scaled.
    Mixed with 2 % of uniform as every curve is. Refuses BAD_OPENING.
    """
    wrong = _wrong_cases(elapsed, cases)
    if wrong is not None:
        return Refusal(Reason.BAD_OPENING, detail=wrong)
    lasting = _Lasting.of(cases, elapsed)
    left = lasting.outlasts(horizon.end - horizon.origin)
    stated = min(WHOLE - 1, max(1, round(left * WHOLE))) if never is None else never
    if not 0 < stated < WHOLE:
        return _bad_never()
    among, share = WHOLE - stated, 1.0 - left
    assert share > 0.0, "a minute is more than nothing of 700 years"
    points, by = [], 0
    for grain in _ends(lasting, horizon):
        reached = 1.0 - lasting.outlasts(horizon.start(grain) - horizon.origin)
        by = max(by, min(among, round(among * reached / share)))
        points.append((grain, by))
    assert points[-1] == (horizon.count, among), "the curve ends at the horizon, with room for never"
    return from_quantiles(horizon.count, points, stated)


def _wrong_cases(elapsed: int, cases: Sequence[tuple[int, bool]]) -> str | None:
    """What is wrong with the cases, or None."""
    if len(cases) > MOST_CASES:
        return f"it rests on more than {MOST_CASES:,} cases"
    if sum(happened for _, happened in cases) < LEAST_FINISHED:
        return f"it needs at least {LEAST_FINISHED} cases that are over"
    if not all(0 < lasted <= LONGEST_CASE for lasted, _ in cases):
        return "every case must last some time, and 700 years at most"
    if not 0 <= elapsed <= LONGEST_CASE:
        return "the case in question must have begun by the origin, and 700 years before it at most"
    return None


@dataclass(frozen=True, slots=True)
class _Lasting:
    """How long it still lasts: the ends of the pieces (µs from the origin, the first 0), the chance to outlast each, the rate
    (a µs) after the last."""

    ends: tuple[int, ...]
    chances: tuple[float, ...]
    rate: float

    @staticmethod
    def of(cases: Sequence[tuple[int, bool]], elapsed: int) -> _Lasting:
        """The law of a case that has lasted ``elapsed``, given all those before it."""
        steps = at_risk([(lasted - elapsed, happened) for lasted, happened in cases if lasted > elapsed])
        ends, chances, chance, held, last = [0], [1.0], 1.0, 0, 0
        done, after = 0, sum(step.happened for step in steps)
        together = _together(done, after)
        for step in steps:
            if held and step.happened >= together:  # many at one time are not spread over what came before them
                ends, chances, held = [*ends, last], [*chances, chance], 0
            chance *= 1 - step.happened / (step.at_risk + 1)  # the case in question is at risk too
            held, done, after, last = held + step.happened, done + step.happened, after - step.happened, step.lasted
            if held >= together or not after:
                ends, chances, held = [*ends, last], [*chances, chance], 0
                together = _together(done, after)
        assert chance > 0.0, "some chance to outlast them all is left"
        assert len(ends) <= 2 * _PIECES, "√n cases a piece, of a bounded number"
        return _Lasting(tuple(ends), tuple(chances), sum(happened for _, happened in cases) / sum(lasted for lasted, _ in cases))

    def outlasts(self, time: int) -> float:
        """The chance that it lasts longer than ``time`` µs from the origin."""
        assert time >= 0, "time runs forwards"
        piece = bisect_right(self.ends, time)
        if piece == len(self.ends):
            return self.chances[-1] * math.exp((self.ends[-1] - time) * self.rate)
        low, high = self.ends[piece - 1], self.ends[piece]
        return self.chances[piece - 1] + (self.chances[piece] - self.chances[piece - 1]) * ((time - low) / (high - low))


def _together(done: int, after: int) -> int:
    """How many of the cases that happened share a piece, of which ``done`` lasted less long and ``after`` are left: some √n in the
    middle, fewer towards both ends, where one gap is longer than the next."""
    assert done >= 0 and after >= 0, "counts"
    return max(1, min(math.isqrt(2 * done), math.isqrt(2 * after + 1) - 1))


def _ends(lasting: _Lasting, horizon: Horizon) -> list[int]:
    """The grains up to which the curve is told, each by its own chance: all of them where there are no more than runs, else
    those on either side of a piece's end, and a choice of the tail's."""
    if horizon.count <= MOST_RUNS:
        return list(range(1, horizon.count + 1))
    found = {horizon.count}
    for time in (*lasting.ends, *_tail(lasting, horizon.end - horizon.origin)):
        if time < horizon.end - horizon.origin:
            grain = horizon.grain_at(Instant(horizon.origin + time))
            found |= {grain, grain + 1}
    assert len(found) <= MOST_RUNS, "no more pieces than runs"
    return sorted(found - {0})


def _tail(lasting: _Lasting, end: int) -> Iterator[int]:
    """Times (µs from the origin) from the last piece to the horizon at ``end``, half of them even in time, half even in mass."""
    start = lasting.ends[-1]
    mass = -math.expm1(min(0, start - end) * lasting.rate)
    for piece in range(_PIECES // 2 if start < end else 0):
        yield start + (end - start) * piece // (_PIECES // 2)
        yield start + int(-math.log1p(-mass * piece / (_PIECES // 2)) / lasting.rate)


def _bad_never() -> Refusal:
    return Refusal(Reason.BAD_OPENING, detail="the chance of never must lie above 0 and below 100 %")
