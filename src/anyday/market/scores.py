"""Scores of a curve, once it is known what happened. Plain functions; never is an outcome like any other.

An outcome is the grains [first, last) in which it happened, or None for never. Passed grains have no chance and cost
nothing: a curve that begins at a later edge is scored as it stands, over the whole question's time.
The log score is of the chance of what happened, CRPS of P(before t) over all t, calibration of the same with the counts it rests on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from anyday.market.curve import Curve

#: Chances below this count as this in the log score, so that one certainty gone wrong does not hide all the rest.
LEAST_CHANCE: Final = 1e-6

Outcome = tuple[int, int] | None


def chance_of(curve: Curve, outcome: Outcome) -> float:
    """The chance that the curve gave to what happened."""
    return curve.never if outcome is None else curve.between(*outcome)


def log_score(curve: Curve, outcome: Outcome) -> float:
    """The natural logarithm of the chance given to what happened, floored at ``LEAST_CHANCE``: higher is better, 0 the best."""
    assert outcome is None or outcome[0] < outcome[1], "a window holds some time"
    return math.log(min(1.0, max(LEAST_CHANCE, chance_of(curve, outcome))))


def crps(curve: Curve, outcome: Outcome, grains: int) -> float:
    """The mean over the ends of all ``grains`` of (P(it has happened by then) − whether it had)²: lower is better, in [0, 1].

    This is threshold CRPS / H on grains of equal length. For a window, the mean of the scores of its grains. Never has
    happened by no grain. O(bars), exact for a curve that is even within each bar.
    """
    assert grains >= curve.edges[-1] > 0, "the curve lies within the question's time"
    if outcome is None:
        return _squares(curve, 0, grains) / grains
    first, last = outcome
    assert 0 <= first < last <= grains, "it happened within the question's time"
    scores = [_squares(curve, 0, grain) + _squares_above(curve, grain, grains) for grain in range(first, last)]
    return math.fsum(scores) / len(scores) / grains


def _squares(curve: Curve, first: int, last: int) -> float:
    """The sum of F² over the ends of the grains in [first, last): at these it has not happened."""
    return math.fsum(_run(base, step, count) for base, step, count in _runs(curve, first, last))


def _squares_above(curve: Curve, first: int, last: int) -> float:
    """The sum of (1 − F)² over the ends of the grains in [first, last): by these it has happened."""
    return math.fsum(_run(1.0 - base, -step, count) for base, step, count in _runs(curve, first, last))


def _runs(curve: Curve, first: int, last: int) -> Iterable[tuple[float, float, int]]:
    """Stretches of [first, last) over which the cdf rises evenly: its value before, the step a grain, how many grains."""
    bars = [(0, curve.edges[0], 0.0), *((a, b, mass) for (a, b), mass in zip(pairwise(curve.edges), curve.masses, strict=True))]
    before = 0.0
    for low, high, mass in [*bars, (curve.edges[-1], last, 0.0)]:
        start, end = max(low, first), min(high, last)
        if start < end:
            step = mass / (high - low)
            yield before + (start - low) * step, step, end - start
        before += mass


def _run(base: float, step: float, count: int) -> float:
    """Σ (base + i·step)² for i from 1 to ``count``."""
    assert count >= 1, "a stretch holds a grain"
    return count * base * base + base * step * count * (count + 1) + step * step * count * (count + 1) * (2 * count + 1) / 6


@dataclass(frozen=True, slots=True)
class Level:
    """Of the chances stated in [low, high): how many, their mean, and in what share of them it came true."""

    low: float
    high: float
    count: int
    stated: float
    came_true: float


def calibration(claims: Sequence[tuple[float, bool]], levels: int = 10) -> tuple[Level, ...]:
    """Stated chances of "before t" against how often it was so, in ``levels`` equal steps of chance; empty ones are left out."""
    assert levels >= 1 and all(-1e-9 <= chance <= 1 + 1e-9 for chance, _ in claims), "chances lie between 0 and 1"
    sorted_in: list[list[tuple[float, bool]]] = [[] for _ in range(levels)]
    for chance, true in claims:
        sorted_in[min(levels - 1, max(0, int(chance * levels)))].append((chance, true))
    found = tuple(
        Level(place / levels, (place + 1) / levels, len(held), math.fsum(c for c, _ in held) / len(held), sum(true for _, true in held) / len(held))
        for place, held in enumerate(sorted_in)
        if held
    )
    assert sum(level.count for level in found) == len(claims), "every claim is counted once"
    return found


def claims_before(curve: Curve, outcome: Outcome, places: Iterable[int]) -> list[tuple[float, bool]]:
    """What the curve says of "before this grain starts" for each place, and whether it was so (a window that holds the
    place inside is left out: nobody knows)."""
    claims = []
    for place in places:
        if outcome is not None and outcome[0] < place < outcome[1]:
            continue
        claims.append((curve.cdf(place), outcome is not None and outcome[1] <= place))
    assert all(0.0 <= chance <= 1.0 + 1e-9 for chance, _ in claims)
    return claims


def calibration_error(levels: Sequence[Level]) -> float:
    """The mean gap between what was stated and what came true, each level weighted by its count; 0 is the best."""
    claims = sum(level.count for level in levels)
    assert claims > 0, "nothing was claimed"
    return math.fsum(level.count * abs(level.stated - level.came_true) for level in levels) / claims
