"""The forecast: every player states a whole curve, sealed and with a stake, and revises it at will; the score moves the stakes.

**The score** of a player, for an outcome at grain κ (or never) on grains of lengths len_j, H their sum, goes through the
grains k that it had not happened before, in turn:

    CRPS_k = Σ_{j ≥ k} len_j (F_k(j) − 1{κ ≤ j})²,  F_k(j) = P(it has happened by the end of grain j | not before grain k)

of the curve that stands when k passes. It is the mean by length of ``1 − CRPS_k/H`` over these and of 1 over the grains after κ.
That every k conditions on what is known then, and that the divisor H stays the same, makes the honest curve the best one; an
average of the curve as stated, or a mean over the grains up to κ only, pays for tilting it (tests/market/test_forecast.py).
A curve that had left no chance when k passes scores 0 there. For a window, the mean over its grains, each as likely.

**The reward** is the weighted-score mechanism (Lambert et al. 2008): ``net_i = w_i (s_i − Σ w s / Σ w)``. It sums to nothing,
nobody loses more than the stake. Scores are integers of 10⁻⁹, from doubles by + − × ÷ alone, which every machine rounds alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import Final, NamedTuple

from anyday.instants import Grain, Instant
from anyday.market import gamma
from anyday.market.curve import Curve
from anyday.market.horizon import Horizon
from anyday.market.mechanism import Payouts
from anyday.market.prior import MOST_RUNS, WHOLE
from anyday.phrases import say_instant
from anyday.points import MAX_UNITS, say_points, split, write_points
from anyday.refusals import Reason, Refusal

#: The most grains of a question that is played as a forecast: every grain up to the outcome is scored for every player.
MOST_GRAINS: Final = 10_000
#: The most curves that one player may state on one question.
MOST_CURVES: Final = 200
#: A score of 1: scores are whole numbers of 10⁻⁹.
PERFECT: Final = 10**9

#: The shapes that a family may have, and the longest scale, in microseconds: some 30,000 years.
_SHAPES: Final = (0.01, 1000.0)
_LONGEST: Final = 1e18
_HALVINGS: Final = 50
#: Chances of a family as integers, to be shared out.
_SCALE: Final = 2**60
#: The largest number whose exponential is taken.
_HUGE: Final = 700.0
_NEVER: Final = "the chance of never must be a whole number of parts per million"

#: Shares of a chance below this are lost when curves are averaged: 2⁻⁴⁰ parts per million.
_FINE: Final = 40


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
            return _no(f"it has {len(runs):,} pieces, more than {MOST_RUNS:,}")
        at, total = 0, never
        if not _is_chance(never):
            return _no(_NEVER)
        for run in runs:
            if len(run) != 3 or not all(type(part) is int for part in run) or not _is_chance(run[2]):
                return _no("each piece has a first grain, a last one and whole parts per million, none negative")
            if run[0] != at or not at < run[1] <= count:
                return _no("its pieces must follow each other, from the question's first grain to its last")
            at, total = run[1], total + run[2]
        if at != count:
            return _no("its pieces must follow each other, from the question's first grain to its last")
        if total != WHOLE:
            return _no(f"its chances make {write_points(total * 100)} %, not 100 %")
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


def _no(detail: str) -> Refusal:
    assert detail, "a no says why"
    return Refusal(Reason.NOT_A_CURVE, detail=detail)


def report_from_quantiles(count: int, points: Sequence[tuple[int, int]], never: int) -> Report | Refusal:
    """A curve through stated chances: ``points`` are (grain, parts per million that it has happened before that grain starts),
    rising; ``never`` likewise. Even between two points; what they leave lies between the last one and the horizon.
    Refuses NOT_A_CURVE."""
    assert count >= 1, "a question has at least one grain"
    if not _is_chance(never):
        return _no(_NEVER)
    if len(points) > MOST_RUNS:
        return _no(f"it has {len(points):,} pieces, more than {MOST_RUNS:,}")
    at, by = 0, 0
    runs: list[tuple[int, int, int]] = []
    for grain, chance in [*points, (count, WHOLE - never)]:
        if (grain, chance) == (at, by) == (count, WHOLE - never):
            break  # the last point says the horizon itself
        if type(grain) is not int or not at < grain <= count:
            return _no("its times must rise and lie within the question")
        if not _is_chance(chance) or not by <= chance <= WHOLE - never:
            return _no("its chances must not fall, and must leave room for never")
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
        return _no(f"a {named.said} curve takes a scale above 0 and a shape from {_SHAPES[0]} to {_SHAPES[1]:g}")
    if never is not None and not _is_chance(never):
        return _no(_NEVER)
    pieces = min(horizon.count, MOST_RUNS)
    edges = [piece * horizon.count // pieces for piece in range(pieces + 1)]
    left = [named.later((horizon.start(edge) - horizon.origin) / scale, shape) for edge in edges]
    assert left[0] == 1.0 and all(0.0 <= chance <= 1.0 for chance in left), "chances of later, from the origin on"
    weights = [int(max(0.0, a - b) * _SCALE) for a, b in pairwise(left)]
    if sum(weights) == 0:
        return _no("it gives the question's time no chance")
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
        return _no("it takes two times after the origin, each with a chance above 0 % and below 100 %")
    (early, low), (late, high) = sorted(points)
    if not early < late or not low < high:
        return _no("the later time needs the larger chance")
    scale, shape = _through(named, early, low / WHOLE, late, high / WHOLE)
    if not _is_within(shape, *_SHAPES) or not _is_within(scale, 1.0, _LONGEST):
        return _no(f"no {named.said} curve of ordinary shape goes through both")
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
    return Family(family) if family in list(Family) else _no("its family is none of lognormal, Weibull and gamma")


def _is_within(value: object, low: float, high: float) -> bool:
    return type(value) in (int, float) and isinstance(value, int | float) and low <= value <= high


@dataclass(frozen=True, slots=True)
class Stated:
    """A curve that a player states: with a stake (units) the first time, with 0 to revise it. ``at`` is when."""

    player: str
    at: Instant
    report: Report
    stake: int


class _Standing(NamedTuple):
    """A curve a player stated, and the first grain that it governs: the first that had not passed."""

    since: int
    at: Instant
    report: Report


def playable(horizon: Horizon) -> Refusal | None:
    """None, or why a question on this horizon cannot be played as a forecast: BAD_PLAY beyond ``MOST_GRAINS`` grains."""
    assert horizon.count >= 1, "a question has at least one grain"
    if horizon.count <= MOST_GRAINS:
        return None
    return Refusal(Reason.BAD_PLAY, detail=f"a forecast takes at most {MOST_GRAINS:,} {horizon.grain}s, and this question has {horizon.count:,}")


class Forecasts:
    """One question's forecasts. Units are micro-points; ``lead`` is microseconds. Stakes and first curves are taken before
    ``closes``; a player's curve governs the grains that pass after it was stated."""

    def __init__(self, horizon: Horizon, lead: int = 0) -> None:
        assert playable(horizon) is None, "the caller refuses too many grains"
        assert lead >= 0, "a lead looks ahead"
        self.horizon = horizon
        self.lead = lead
        self.escrow = 0
        self._stakes: dict[str, int] = {}
        self._stated: dict[str, list[_Standing]] = {}
        self._scored: tuple[tuple[int, int] | None, dict[str, int]] | None = None

    @property
    def closes(self) -> Instant:
        """From here on no stake and no first curve is taken."""
        return Instant(self.horizon.start(0) - self.lead)

    @property
    def players(self) -> tuple[str, ...]:
        """Who has stated a curve, in the order of their first."""
        return tuple(self._stakes)

    def advance(self, now: Instant) -> None:
        """Time moves nothing here: a curve carries its own time, and what is staked stays staked."""

    def quote(self, stated: Stated) -> Stated | Refusal:
        """The curve as it would be taken; changes nothing. Refuses NOT_A_CURVE (of another number of grains); of a first one
        NOT_POSITIVE, AMOUNT_TOO_LARGE and ENTRIES_CLOSED; of a revision ALL_PASSED, TOO_MANY_ENTRIES and STAKE_STAYS. What all
        stakes together come to refuses none: whoever has enough points could find out, by trying, how much the others staked."""
        if stated.report.count != self.horizon.count:
            return _no(f"it covers {stated.report.count:,} {self.horizon.grain}s, and the question has {self.horizon.count:,}")
        held = self._stated.get(stated.player)
        if held is None:
            return self._first(stated)
        assert stated.at >= held[-1].at, "a player's curves come in order"
        if self.horizon.passed(stated.at, self.lead) == self.horizon.count:
            return Refusal(Reason.ALL_PASSED)
        if len(held) >= MOST_CURVES:
            return Refusal(Reason.TOO_MANY_ENTRIES, count=f"{MOST_CURVES:,}")
        if stated.stake != 0:
            return Refusal(Reason.STAKE_STAYS, stake=say_points(self._stakes[stated.player]))
        return stated

    def _first(self, stated: Stated) -> Stated | Refusal:
        if stated.stake <= 0:
            return Refusal(Reason.NOT_POSITIVE, name="The stake")
        if stated.stake > MAX_UNITS:
            return Refusal(Reason.AMOUNT_TOO_LARGE, name="The stake")
        if stated.at >= self.closes:
            return Refusal(Reason.ENTRIES_CLOSED, closed=say_instant(self.closes, self.horizon.zone, Grain.MINUTE))
        assert self.horizon.passed(stated.at, self.lead) == 0, "a first curve governs from the first grain on"
        return stated

    def apply(self, stated: Stated) -> None:
        """Take what was quoted."""
        assert stated.report.count == self.horizon.count, "a curve of this question"
        since = self.horizon.passed(stated.at, self.lead)
        if stated.player not in self._stated:
            assert stated.stake > 0 and since == 0, "a first curve has a stake and is in time"
            self._stakes[stated.player] = stated.stake
            self._stated[stated.player] = []
        else:
            assert stated.stake == 0, "a revision costs nothing"
        self._scored = None
        self._stated[stated.player].append(_Standing(since, stated.at, stated.report))
        self.escrow += stated.stake

    def stake(self, player: str) -> int:
        """The units that a player staked; 0 of somebody who states no curve."""
        assert len(self._stakes) == len(self._stated), "whoever states a curve has a stake"
        return self._stakes.get(player, 0)

    def stated(self, player: str) -> int:
        """How many curves a player has stated."""
        return len(self._stated.get(player, ()))

    def standing(self, player: str, at: Instant) -> Report:
        """The curve of a player that stood at an instant: the latest stated by then. The first was stated before it."""
        held = [standing.report for standing in self._stated[player] if standing.at <= at]
        assert held, "the caller asks from the first curve on"
        return held[-1]

    def score(self, player: str, outcome: tuple[int, int] | None) -> int:
        """A player's score in parts per 10⁹, 0 to ``PERFECT``; higher is better. O(grains + runs of all the player's curves)."""
        return self._score(player, _cuts(self.horizon, outcome), _width(outcome))

    def _score(self, player: str, cuts: Sequence[_Cut], width: int) -> int:
        held = self._stated[player]
        assert held and held[0].since == 0, "a curve governs every grain"
        loss = 0.0
        if len(held) == 1:
            loss = _loss(held[0].report, cuts, width)
        else:
            for this, until in zip(held, [*(then.since for then in held[1:]), self.horizon.count], strict=True):
                if this.since < until:
                    loss += _loss(this.report, _governed(cuts, this.since, until), width)
        return min(PERFECT, max(0, math.floor((1.0 - loss) * PERFECT)))

    def scores(self, outcome: tuple[int, int] | None) -> dict[str, int]:
        """Every player's score, in the order of their first curves. Kept for the last outcome asked: a ruling pays by them and
        writes them down."""
        if self._scored is None or self._scored[0] != outcome:
            cuts, width = _cuts(self.horizon, outcome), _width(outcome)
            assert cuts[-1].low == 0, "every grain is gone through"
            self._scored = (outcome, {player: self._score(player, cuts, width) for player in self._stated})
        return dict(self._scored[1])

    def payouts(self, outcome: tuple[int, int] | None) -> Payouts:
        """Stake and net together, by player; sums to the escrow. Ties of a fraction go to who staked earlier."""
        if not self._stakes:
            return {}
        scores = self.scores(outcome)
        ordered = sorted(self._stakes, key=lambda player: (self._stated[player][0].at, player))
        paid = rewards([self._stakes[player] for player in ordered], [scores[player] for player in ordered], PERFECT)
        assert sum(paid) == self.escrow, "what was staked is paid, to the unit"
        return {player: units for player, units in zip(ordered, paid, strict=True) if units}

    def house(self, outcome: tuple[int, int] | None) -> int:
        """What goes to the house: nothing, ever."""
        assert outcome is None or 0 <= outcome[0] < outcome[1] <= self.horizon.count, "an outcome of this question"
        return 0

    def curve(self, edges: Sequence[int] | None = None) -> Curve | None:
        """The crowd: the linear average of the players' latest curves, whatever their stakes; None without players.

        Masses are added as integers, each floored at 2⁻⁴⁰ parts per million, so that no chance is left where nobody saw one.
        """
        if not self._stated:
            return None
        latest = [held[-1].report for held in self._stated.values()]
        slopes: dict[int, int] = {0: 0}
        never = 0
        for report in latest:
            never += report.never << _FINE
            for first, last, mass in report.runs:
                slope = (mass << _FINE) // (last - first)
                slopes[first] = slopes.get(first, 0) + slope
                slopes[last] = slopes.get(last, 0) - slope
        places = sorted(slopes)
        masses = [rate * (b - a) for rate, (a, b) in zip(accumulate(slopes[place] for place in places), pairwise(places), strict=False)]
        whole = sum(masses) + never
        assert whole > 0 and min(masses) >= 0, "integers leave no dust"
        crowd = Curve(tuple(places), tuple(mass / whole for mass in masses), never / whole)
        return crowd if edges is None else crowd.told(edges)

    def log_curve(self) -> Curve | None:
        """The logarithmic average: the geometric mean of the players' latest chances, grain by grain and for never, made to
        sum to one; None without players, or where no outcome has a chance from all of them."""
        if not self._stated:
            return None
        latest = [held[-1].report for held in self._stated.values()]
        logs: dict[int, float] = {0: 0.0}
        zeros: dict[int, int] = {0: 0}
        for report in latest:
            for first, last, mass in report.runs:
                log, zero = (math.log(mass / (last - first)), 0) if mass else (0.0, 1)
                for place, sign in ((first, 1), (last, -1)):
                    logs[place] = logs.get(place, 0.0) + sign * log
                    zeros[place] = zeros.get(place, 0) + sign * zero
        places = sorted(logs)
        sums = zip(accumulate(logs[place] for place in places), accumulate(zeros[place] for place in places), pairwise(places), strict=False)
        means = [None if zero else log / len(latest) + math.log(b - a) for log, zero, (a, b) in sums]
        never = math.fsum(math.log(report.never) for report in latest) / len(latest) if all(report.never for report in latest) else None
        known = [mean for mean in (*means, never) if mean is not None]
        if not known:
            return None
        highest = max(known)
        weights = [0.0 if mean is None else math.exp(mean - highest) for mean in (*means, never)]
        whole = math.fsum(weights)
        assert whole >= 1.0, "the likeliest counts as one"
        return Curve(tuple(places), tuple(weight / whole for weight in weights[:-1]), weights[-1] / whole)

    def check(self) -> None:
        """Assert every invariant."""
        assert self.escrow == sum(self._stakes.values()), "the escrow is what was staked"
        assert self._stakes.keys() == self._stated.keys() and all(stake > 0 for stake in self._stakes.values()), "every player has a stake"
        for held in self._stated.values():
            assert held[0].since == 0 and len(held) <= MOST_CURVES, "from the first grain on, and not too many"
            assert all(a.since <= b.since and a.at <= b.at for a, b in pairwise(held)), "curves come in order"
            assert all(standing.report.count == self.horizon.count for standing in held), "curves of this question"


def rewards(stakes: Sequence[int], scores: Sequence[int], perfect: int) -> list[int]:
    """What each is paid, stake and net, for scores from 0 to ``perfect``: ``w_i + w_i (s_i − Σ w s / Σ w)`` with the net
    floored, and the units short given one each to the largest fractions, ties to the earlier.

    That is a share of W = Σ w in proportion to ``w_i (W + s_i W − Σ w s)``, which is never negative; a whole stake leaves the
    fraction as it is, so sharing W out rounds the same.
    """
    whole = sum(stakes)
    level = whole * perfect - sum(stake * score for stake, score in zip(stakes, scores, strict=True))
    assert whole > 0 and level >= 0, "somebody staked something, and no score is above the best"
    return split(whole, [stake * (level + score * whole) for stake, score in zip(stakes, scores, strict=True)])


# the score


class _Cut(NamedTuple):
    """Grains [low, high) of one length (as a share of the question's time), on one side of what happened. ``scored`` by this
    curve, or only summed over for the grains before."""

    low: int
    high: int
    length: float
    side: int
    scored: bool


#: After what happened, within the window in which it happened, before it.
_AFTER, _WITHIN, _BEFORE = 0, 1, 2


def _cuts(horizon: Horizon, outcome: tuple[int, int] | None) -> list[_Cut]:
    """The question's grains in stretches of one length and one side, from the last to the first; never is after them all."""
    first, last = outcome if outcome is not None else (horizon.count, horizon.count)
    assert 0 <= first <= last <= horizon.count and (outcome is None or first < last), "an outcome of this question"
    span, at = horizon.end - horizon.origin, 0
    cuts = []
    for count, length in horizon.lengths:
        for low, high, side in ((0, first, _BEFORE), (first, last, _WITHIN), (last, horizon.count, _AFTER)):
            start, end = max(low, at), min(high, at + count)
            if start < end:
                cuts.append(_Cut(start, end, length / span, side, side != _AFTER))
        at += count
    assert at == horizon.count, "the grains are covered"
    return cuts[::-1]


def _width(outcome: tuple[int, int] | None) -> int:
    """Over how many grains the score is a mean; never is one case."""
    assert outcome is None or outcome[0] < outcome[1], "a window holds some time"
    return 1 if outcome is None else outcome[1] - outcome[0]


def _governed(cuts: Sequence[_Cut], since: int, until: int) -> list[_Cut]:
    """The same from ``since`` on, where only the grains before ``until`` are scored."""
    assert since < until, "it governs something"
    parts = []
    for low, high, length, side, scored in cuts:
        for start, end, ours in ((max(low, until), high, False), (max(low, since), min(high, until), scored)):
            if start < end:
                parts.append(_Cut(start, end, length, side, ours))
    return parts


def _stretches(report: Report, cuts: Sequence[_Cut]) -> Iterator[tuple[int, bool, int, float, float, float]]:
    """Backwards through the curve and the cuts together: side, scored, how many grains, the length of each, the chance of each,
    and the chance left after the last of them (exact at the end of every run)."""
    runs = reversed(report.runs)
    at = first = report.count
    left, after, chance = report.never, 0.0, 0.0
    for low, high, length, side, scored in cuts:
        assert at == high, "cuts follow each other"
        while at > low:
            if at == first:
                first, last, mass = next(runs)
                after, chance = left / WHOLE, mass / (WHOLE * (last - first))
                left += mass
            stop = max(low, first)
            yield side, scored, at - stop, length, chance, after
            after += (at - stop) * chance
            at = stop


def _loss(report: Report, cuts: Sequence[_Cut], width: int) -> float:
    """What a score lacks of 1 by the grains of these cuts that are scored: Σ len_k CRPS_k / H², lengths as shares of H = 1."""
    sums = _Sums(width)
    for side, scored, count, length, chance, after in _stretches(report, cuts):
        if side == _BEFORE:
            sums.before(scored, count, length, chance, after)
        elif side == _WITHIN:
            sums.within(scored, count, length, chance, after)
        else:
            sums.second += length * _squares(count, chance, after)
    assert -1e-9 < sums.loss < 1.0 + 1e-9, "a share of the best"
    return sums.loss


class _Sums:
    """Sums over the grains from k on, kept while k goes back from the horizon.

    With T_j the chance left after grain j and S the chance left before grain k, CRPS_k for an outcome at κ ≥ k is

        Σ_{k≤j<κ} len_j − (2 Σ_{k≤j<κ} len_j T_j − Σ_{j≥k} len_j T_j² / S) / S,

    so ``time``, ``first`` and ``second`` give every term. Within the window that ends at ``b`` the sums run to b instead of κ,
    and ``waits`` says what to take off: the sums from κ to b, added up over the κ from k on. Before the window, ``time`` and
    ``first`` are means over its grains. Stretches that are not scored are added in one step. Everything is added one by one in
    one order: ``sum`` of floats is not the same on every Python.
    """

    __slots__ = ("first", "first_waits", "grains", "loss", "second", "time", "time_waits", "width")

    def __init__(self, width: int) -> None:
        assert width >= 1, "an outcome is at least a grain, or never"
        self.width = width
        self.loss = self.time = self.first = self.second = self.time_waits = self.first_waits = 0.0
        self.grains = 0

    def within(self, scored: bool, count: int, length: float, chance: float, after: float) -> None:
        """Go back over ``count`` grains of the window; each is scored for the κ from it on, a share of the window's."""
        assert self.grains + count <= self.width, "the window holds them"
        if not scored:
            steps = count * (count + 1) / 2
            self.time_waits += count * self.time + length * steps
            self.first_waits += count * self.first + length * (after * steps + chance * (count - 1) * count * (count + 1) / 6)
            self.time += length * count
            self.first += length * _plain(count, chance, after)
            self.second += length * _squares(count, chance, after)
            self.grains += count
            return
        for _ in range(count):
            self.grains += 1
            self.time += length
            self.first += length * after
            self.second += length * after * after
            self.time_waits += self.time
            self.first_waits += self.first
            after += chance
            far = self.grains * self.time - self.time_waits
            near = self.grains * self.first - self.first_waits
            term = far - (2.0 * near - self.grains * self.second / after) / after if after > 0.0 else self.grains
            self.loss += length * term / self.width

    def before(self, scored: bool, count: int, length: float, chance: float, after: float) -> None:
        """Go back over ``count`` grains before what happened."""
        if self.grains:
            assert self.grains == self.width, "all of the window lies behind"
            self.time -= self.time_waits / self.grains
            self.first -= self.first_waits / self.grains
            self.grains = 0
        if not scored or chance == 0.0:
            if scored and after > 0.0:  # nothing can happen in it: CRPS_k is the same for all of it
                self.loss += length * count * (self.time - (2.0 * self.first - self.second / after) / after)
            elif scored:
                self.loss += length * count
            self.time += length * count
            self.first += length * _plain(count, chance, after)
            self.second += length * _squares(count, chance, after)
            return
        time, first, second, terms = self.time, self.first, self.second, 0.0
        for _ in range(count):
            part = length * after
            first += part
            second += part * after
            time += length
            after += chance
            terms += time - (first + first - second / after) / after
        self.time, self.first, self.second = time, first, second
        self.loss += length * terms


def _plain(count: int, chance: float, after: float) -> float:
    """Σ (after + i·chance) for i from 0 to ``count`` − 1."""
    assert count >= 1, "a stretch holds a grain"
    return count * after + chance * ((count - 1) * count / 2)


def _squares(count: int, chance: float, after: float) -> float:
    """Σ (after + i·chance)² for i from 0 to ``count`` − 1."""
    return count * after * after + after * chance * ((count - 1) * count) + chance * chance * ((count - 1) * count * (2 * count - 1) / 6)
