"""A curve: the chance of each stretch of grains, and of never. Plain functions of numbers, for reading and for scoring.

Within a bar the chance is spread evenly. Places are real numbers of grains from the question's origin.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from anyday.instants import DAY, HOUR, Grain, Instant, Window, day_start, local_of
from anyday.market.horizon import Horizon
from anyday.market.prior import WHOLE
from anyday.phrases import say_instant, say_window

_ROUNDING: Final = 1e-9
#: Time beyond this is told in years: the thousands of months of some centuries take as long as a hundred bets.
_MONTHS_TOLD: Final = 50 * 366 * DAY
#: Neighbours at least this close to the likeliest are told with it.
_AS_LIKELY: Final = 0.95
#: So little of a grain is none: chances are rounded, to parts per million where they are stated, and a half that is stated
#: by the end of a day is not said to come a day later.
_NO_GRAIN: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Curve:
    """``masses[i]`` is the chance of [edges[i], edges[i+1]); with ``never`` they make one. Before the first edge: none."""

    edges: tuple[int, ...]
    masses: tuple[float, ...]
    never: float

    def __post_init__(self) -> None:
        assert len(self.edges) == len(self.masses) + 1 and all(a < b for a, b in pairwise(self.edges)), "bars between edges"
        assert all(mass >= 0.0 for mass in self.masses) and self.never >= 0.0, "chances are never negative"
        assert abs(math.fsum(self.masses) + self.never - 1.0) < _ROUNDING, "all chances make one"

    def _bar(self, place: float) -> int:
        """The bar that holds a place inside the edges."""
        assert self.masses and place >= self.edges[0], "a place inside the edges"
        return min(bisect_right(self.edges, place) - 1, len(self.masses) - 1)

    def cdf(self, place: float) -> float:
        """The chance that it has happened before ``place``."""
        if place <= self.edges[0]:
            return 0.0
        if place >= self.edges[-1]:
            return math.fsum(self.masses)
        bar = self._bar(place)
        low, high = self.edges[bar], self.edges[bar + 1]
        return math.fsum((*self.masses[:bar], self.masses[bar] * ((place - low) / (high - low))))

    def survival(self, place: float) -> float:
        """The chance that it has not happened before ``place``, summed from its own side: 1 at the start, never at the end."""
        if place <= self.edges[0]:
            return 1.0
        if place >= self.edges[-1]:
            return self.never
        bar = self._bar(place)
        low, high = self.edges[bar], self.edges[bar + 1]
        return math.fsum((self.masses[bar] * ((high - place) / (high - low)), *self.masses[bar + 1 :], self.never))

    def hazard(self, place: float) -> float:
        """The rate a grain at ``place``, given that it has not happened before: density over survival; 0 outside."""
        if not self.edges[0] <= place < self.edges[-1]:
            return 0.0
        bar, left = self._bar(place), self.survival(place)
        density = self.masses[bar] / (self.edges[bar + 1] - self.edges[bar])
        assert left >= 0.0
        return density / left if left > 0.0 else 0.0

    def quantile(self, chance: float) -> float | None:
        """The first place before which it has happened with that chance; None if the horizon comes first."""
        assert 0.0 <= chance <= 1.0, "a chance"
        below = 0.0
        for (low, high), mass in zip(pairwise(self.edges), self.masses, strict=True):
            if below + mass >= chance and mass > 0.0:
                return min(float(high), low + (high - low) * max(0.0, chance - below) / mass)  # rounding may lead just past it
            below += mass
        return None

    def condition(self, place: int) -> Curve:
        """The curve given that it has not happened before ``place``: Bayes, and nothing else."""
        if place <= self.edges[0]:
            return self
        left = self.survival(place)
        assert left > 0.0, "what is left can happen"
        if place >= self.edges[-1]:
            return Curve((place,), (), 1.0)
        bar = self._bar(place)
        low, high = self.edges[bar], self.edges[bar + 1]
        masses = (self.masses[bar] * ((high - place) / (high - low)), *self.masses[bar + 1 :])
        return Curve((place, *self.edges[bar + 1 :]), tuple(mass / left for mass in masses), self.never / left)

    def mix(self, other: Curve, share: float) -> Curve:
        """(1 − share) of this curve and ``share`` of the other, on both their edges."""
        assert 0.0 <= share <= 1.0, "a share"
        assert self.edges[-1] == other.edges[-1], "both end at the same horizon, else never means two things"
        edges = tuple(sorted({*self.edges, *other.edges}))
        masses = tuple((1 - share) * self.between(a, b) + share * other.between(a, b) for a, b in pairwise(edges))
        return Curve(edges, masses, (1 - share) * self.never + share * other.never)

    def between(self, first: float, last: float) -> float:
        """The chance of [first, last), from the bars it covers only."""
        assert first <= last
        low = max(bisect_right(self.edges, first) - 1, 0)
        high = min(bisect_left(self.edges, last), len(self.masses))
        parts = []
        for bar in range(low, high):
            start, end = self.edges[bar], self.edges[bar + 1]
            parts.append(self.masses[bar] * (max(0.0, min(end, last) - max(start, first)) / (end - start)))
        return math.fsum(parts)

    def told(self, edges: Sequence[int]) -> Curve:
        """The same curve told between these edges, with its own first and last."""
        cuts = tuple(sorted({self.edges[0], *edges, self.edges[-1]}))
        assert cuts[0] == self.edges[0] and cuts[-1] == self.edges[-1], "edges lie within the curve"
        return Curve(cuts, tuple(self.between(a, b) for a, b in pairwise(cuts)), self.never)

    def in_per_cents(self) -> Curve:
        """The curve in whole per cents: at each edge the chance that it has happened is one, and never keeps at least one. Bars of nothing
        are told together with the one per cent that ends them, if it is no more: so it was spread."""
        if not self.masses:
            return self
        edges, percents, before, whole = [self.edges[0]], list[int](), 0, 0.0
        for edge, mass in zip(self.edges[1:], self.masses, strict=True):
            whole += mass
            reached = min(99, max(before, math.floor(whole * 100 + 0.5)))
            if percents and percents[-1] == 0 and reached - before <= 1:
                edges[-1], percents[-1] = edge, reached - before
            else:
                edges.append(edge)
                percents.append(reached - before)
            before = reached
        assert sum(percents) == before, "no per cent is lost"
        return Curve(tuple(edges), tuple(percent / 100 for percent in percents), (100 - before) / 100)

    def sentence(self, horizon: Horizon) -> str:
        """The curve in words: where it is most likely, when it becomes an even chance, and never."""
        assert self.edges[-1] == horizon.count, "a curve of this question"
        if not self.masses:
            return "All of its time has passed."
        said = [_most_likely(self, horizon)]
        middle = self.quantile(0.5)
        if middle is None:
            said = ["More likely than not it will not happen in time.", f"If it does, {said[0][:1].lower()}{said[0][1:]}"]
        else:
            struck = horizon.start(math.ceil(middle - _NO_GRAIN))  # days are named by the last that is meant, times of day as they strike
            last = Instant(struck - 1) if middle > 0 and horizon.grain not in (Grain.MINUTE, Grain.HOUR) else struck
            said.append(f"Even chance by {say_instant(last, horizon.zone, max_grain(horizon.grain))}.")
        end = say_instant(horizon.end, horizon.zone, Grain.DAY if horizon.grain not in (Grain.MINUTE, Grain.HOUR) else horizon.grain)
        said.append(f"{say_chance(self.never * WHOLE, whole=True)} never by {end}.")
        return " ".join(said)


def max_grain(grain: Grain) -> Grain:
    """The grain in which a single instant of this grain is said: weeks and months as days."""
    return Grain.DAY if grain in (Grain.WEEK, Grain.MONTH) else grain


def say_chance(ppm: float, whole: bool = False) -> str:
    """A chance in per cent: "34 %", "2.4 %", "<0.1 %"; never 0 % or 100 % of what can still go either way.

    ``whole`` is for sentences: "34 %", "2 %", "Less than 1 %".
    """
    percent = ppm / WHOLE * 100
    if percent <= 0 or percent >= 100:
        return "0 %" if percent <= 0 else "100 %"
    least = 1 if whole else 0.1
    if percent < least:
        return "Less than 1 %" if whole else "<0.1 %"
    if percent > 100 - least:
        return "More than 99 %" if whole else ">99.9 %"
    assert least <= percent <= 100 - least, "what is left can be written"
    return f"{percent:.1f} %" if not whole and (percent < 9.95 or percent > 99) else f"{percent:.0f} %"


def _most_likely(curve: Curve, horizon: Horizon) -> str:
    """The likeliest piece of the calendar, with those beside it that are as likely for their length."""
    unit = _unit(horizon, curve)
    windows = _windows(unit, horizon, curve)
    places = [(_place(horizon, w.start), _place(horizon, w.end)) for w in windows]
    rates = [curve.between(start, end) / (end - start) for start, end in places]  # a grain, as opening curves are stated
    best = rates.index(max(rates))
    enough = rates[best] * _AS_LIKELY
    first = last = best
    while first > 0 and rates[first - 1] >= enough:
        first -= 1
    while last + 1 < len(rates) and rates[last + 1] >= enough:
        last += 1
    assert 0 <= first <= best <= last < len(windows), "the run holds the best"
    if (first, last) == (0, len(windows) - 1):
        return "No time stands out."
    if first < last:
        return f"Most likely within {say_window(Window(windows[first].start, windows[last].end), horizon.zone, unit)}."
    if unit is Grain.WEEK and windows[best].end - windows[best].start > 6 * DAY:
        return f"Most likely in the {say_instant(windows[best].start, horizon.zone, Grain.WEEK)}."
    article = {Grain.MONTH: "in", Grain.DAY: "on", Grain.MINUTE: "at"}.get(unit, "within")
    return f"Most likely {article} {say_window(windows[best], horizon.zone, unit)}."


def _unit(horizon: Horizon, curve: Curve) -> Grain:
    """The piece of the calendar in which the curve's time is best told: some ten to a hundred of them, none finer than the grain."""
    span = horizon.end - horizon.start(curve.edges[0])
    assert span > 0, "something is left"
    order = list(Grain)
    for unit, most in ((Grain.MINUTE, 2 * HOUR), (Grain.HOUR, 3 * DAY), (Grain.DAY, 45 * DAY), (Grain.WEEK, 550 * DAY)):
        if span <= most and order.index(unit) >= order.index(horizon.grain):
            return unit
    return Grain.MONTH


def _windows(unit: Grain, horizon: Horizon, curve: Curve) -> list[Window]:
    """The unit's windows over what is left, the first and the last cut to it."""
    start, end = horizon.start(curve.edges[0]), horizon.end
    length = {Grain.MINUTE: HOUR // 60, Grain.HOUR: HOUR}.get(unit)
    if length is not None:
        cuts = list(range(start - start % length + length, end, length))
    else:
        day, last, cuts = local_of(start, horizon.zone).date(), local_of(end, horizon.zone).date(), []
        centuries = unit is Grain.MONTH and end - start > _MONTHS_TOLD
        while day <= last:
            day = date(day.year + 1, 1, 1) if centuries else _next(unit, day)
            cuts.append(day_start(day, horizon.zone))
    assert start < end
    bounds = [start, *(cut for cut in sorted(set(cuts)) if start < cut < end), end]
    return [Window(Instant(a), Instant(b)) for a, b in pairwise(bounds)]


def _next(unit: Grain, day: date) -> date:
    """The first day after this one on which the unit starts anew."""
    assert unit in (Grain.DAY, Grain.WEEK, Grain.MONTH), "units of the calendar"
    if unit is Grain.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 - day.weekday() if unit is Grain.WEEK else 1)


def _place(horizon: Horizon, instant: Instant) -> float:
    """An instant as a real number of grains."""
    if instant >= horizon.end:
        return float(horizon.count)
    assert instant >= horizon.origin
    grain = horizon.grain_at(instant)
    start, end = horizon.start(grain), horizon.start(grain + 1)
    return grain + (instant - start) / (end - start)
