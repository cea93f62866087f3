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
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from anyday.instants import Grain, Instant
from anyday.market.curve import Curve
from anyday.market.horizon import Horizon
from anyday.market.mechanism import Payouts
from anyday.market.prior import WHOLE
from anyday.market.report import Report, no_curve
from anyday.phrases import say_instant
from anyday.points import MAX_UNITS, say_points, split
from anyday.refusals import Reason, Refusal

#: The most grains of a question that is played as a forecast: every grain up to the outcome is scored for every player.
MOST_GRAINS: Final = 10_000
#: The most curves that one player may state on one question.
MOST_CURVES: Final = 200
#: A score of 1: scores are whole numbers of 10⁻⁹.
PERFECT: Final = 10**9

#: Shares of a chance below this are lost when curves are averaged: 2⁻⁴⁰ parts per million.
_FINE: Final = 40


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
            return no_curve(f"it covers {stated.report.count:,} {self.horizon.grain}s, and the question has {self.horizon.count:,}")
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
