"""Scores of a curve, once it is known what happened. Plain functions; never is an outcome like any other.

An outcome is the grains [first, last) in which it happened, or None for never. Passed grains have no chance and cost
nothing: a curve that begins at a later edge is scored as it stands, over the whole question's time.
The log score is of the chance of what happened, the Brier score of P(before t) at some t, CRPS of the same over all t;
calibration asks of many curves whether what was said came true as often, with the counts it rests on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from anyday.market import gamma
from anyday.market.curve import Curve

#: Chances below this count as this in the log score, so that one certainty gone wrong does not hide all the rest.
LEAST_CHANCE: Final = 1e-6

#: The quantile of the normal distribution that leaves 2.5 % on either side.
_SIDES: Final = 1.959963984540054

Outcome = tuple[int, int] | None


class Said(NamedTuple):
    """That something comes before a time: the chance stated, whether it was so, and of which question it was said."""

    chance: float
    true: bool
    question: str


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
    happened by no grain. O(bars) however wide the window, exact for a curve that is even within each bar.
    """
    assert grains >= curve.edges[-1] > 0, "the curve lies within the question's time"
    if outcome is None:
        return _squares(curve, 0, grains) / grains
    first, last = outcome
    assert 0 <= first < last <= grains, "it happened within the question's time"
    if last == first + 1:
        return (_squares(curve, 0, first) + _squares_above(curve, first, grains)) / grains
    # by the end of the window's k-th grain it had happened in k of its n cases: n F² + k (1 − 2F) there, over n
    within = _squares(curve, first, last) + _tilt(curve, first, last) / (last - first)
    return (_squares(curve, 0, first) + max(0.0, within) + _squares_above(curve, last, grains)) / grains


def _tilt(curve: Curve, first: int, last: int) -> float:
    """The sum of k (1 − 2F) over the ends of the grains in [first, last), the k-th of them."""
    terms, before = [], 0
    for base, step, count in _runs(curve, first, last):
        steps, squares = count * (count + 1) // 2, count * (count + 1) * (2 * count + 1) // 6
        terms.append((1.0 - 2.0 * base) * (before * count + steps) - 2.0 * step * (before * steps + squares))
        before += count
    assert before == last - first, "every grain of it is gone through"
    return math.fsum(terms)


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


def brier(curve: Curve, outcome: Outcome, places: Sequence[int]) -> float:
    """The mean over ``places`` of (P(before the place) − whether it was so)²: lower is better, in [0, 1].

    For a window, the mean of the scores of its grains; over the ends of all grains it is the CRPS.
    """
    assert places, "a score is of something"
    assert outcome is None or outcome[0] < outcome[1], "a window holds some time"
    terms = []
    for place in places:
        chance = curve.cdf(place)
        share = 0.0 if outcome is None else min(1.0, max(0.0, (place - outcome[0]) / (outcome[1] - outcome[0])))
        terms.append(share * (1.0 - chance) ** 2 + (1.0 - share) * chance**2)
    return math.fsum(terms) / len(terms)


@dataclass(frozen=True, slots=True)
class Level:
    """Of the chances stated in [low, high): how many and of how many questions, their mean, in what share of them it came true,
    and between which bounds that share lies with 95 % confidence."""

    low: float
    high: float
    count: int
    questions: int
    stated: float
    came_true: float
    least: float
    most: float


def calibration(claims: Sequence[Said], levels: int = 10) -> tuple[Level, ...]:
    """Stated chances of "before t" against how often it was so, in ``levels`` equal steps of chance; empty ones are left out.

    What is said of one question comes true or not together, so the interval counts each question once, however often it was
    spoken of: honest, and wide while questions are few.
    """
    assert levels >= 1 and all(-1e-9 <= chance <= 1 + 1e-9 for chance, _, _ in claims), "chances lie between 0 and 1"
    sorted_in: list[list[Said]] = [[] for _ in range(levels)]
    for said in claims:
        sorted_in[min(levels - 1, max(0, int(said.chance * levels)))].append(said)
    found = tuple(_level(place / levels, (place + 1) / levels, held) for place, held in enumerate(sorted_in) if held)
    assert sum(level.count for level in found) == len(claims), "every claim is counted once"
    return found


def _level(low: float, high: float, held: Sequence[Said]) -> Level:
    """One level of what was said in it."""
    assert held, "an empty level is left out"
    questions = len({said.question for said in held})
    came_true = sum(said.true for said in held) / len(held)
    stated = math.fsum(said.chance for said in held) / len(held)
    return Level(low, high, len(held), questions, stated, came_true, *interval(came_true, questions))


def interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) of a chance that came true in a ``share`` of ``count`` independent cases."""
    assert 0.0 <= share <= 1.0 and count >= 1, "a share of something"
    spread = _SIDES * _SIDES / count
    middle = share + spread / 2.0
    half = math.sqrt(share * (1.0 - share) * spread + spread * spread / 4.0)
    # without rounding the interval ends at 0 or 1 exactly where all cases agree
    least = 0.0 if share == 0.0 else max(0.0, (middle - half) / (1.0 + spread))
    most = 1.0 if share == 1.0 else min(1.0, (middle + half) / (1.0 + spread))
    return least, most


def claims_before(curve: Curve, outcome: Outcome, places: Iterable[int], question: str) -> list[Said]:
    """What the curve says of "before this grain starts" for each place, and whether it was so (a window that holds the
    place inside is left out: nobody knows). ``question`` names what it is said of."""
    claims = []
    for place in places:
        if outcome is not None and outcome[0] < place < outcome[1]:
            continue
        claims.append(Said(curve.cdf(place), outcome is not None and outcome[1] <= place, question))
    assert all(0.0 <= said.chance <= 1.0 + 1e-9 for said in claims), "chances"
    return claims


def calibration_error(levels: Sequence[Level]) -> float:
    """The mean gap between what was stated and what came true, each level weighted by its count; 0 is the best."""
    claims = sum(level.count for level in levels)
    assert claims > 0, "nothing was claimed"
    return math.fsum(level.count * abs(level.stated - level.came_true) for level in levels) / claims


def pit(curve: Curve, outcome: Outcome) -> tuple[float, float]:
    """Where what happened lies in the curve, the probability integral transform: (P(before it), P(by its end)); of never,
    from P(by the horizon) to 1. Over many questions it is even between 0 and 1 where the curves are right."""
    if outcome is None:
        return min(1.0, curve.cdf(curve.edges[-1])), 1.0
    assert outcome[0] < outcome[1], "a window holds some time"
    return min(1.0, curve.cdf(outcome[0])), min(1.0, curve.cdf(outcome[1]))


@dataclass(frozen=True, slots=True)
class Spread:
    """How transforms fall into equal steps of chance: how many in each (fractions where one reaches over several), the
    chi-squared statistic of these counts, and the chance of one at least as large if the curves are right."""

    counts: tuple[float, ...]
    statistic: float
    p_value: float


def d_calibration(pits: Sequence[tuple[float, float]], levels: int = 10) -> Spread:
    """Whether transforms are even (Haider et al. 2020, D-calibration): ``B/n Σ (N_k − n/B)²`` over the counts N_k of B steps,
    against chi-squared with B − 1 degrees of freedom. One that reaches from a to b spreads evenly over that; this evens out,
    so wide ones make the test milder than it says. Without any, the statistic is 0."""
    assert levels >= 2 and all(0.0 <= low <= high <= 1.0 for low, high in pits), "transforms lie between 0 and 1"
    held: list[list[float]] = [[] for _ in range(levels)]
    for low, high in pits:
        first, last = (min(levels - 1, int(end * levels)) for end in (low, high))
        if first == last:
            held[first].append(1.0)
            continue
        for step in range(first, last + 1):
            held[step].append(max(0.0, min(high, (step + 1) / levels) - max(low, step / levels)) / (high - low))
    counts = tuple(math.fsum(parts) for parts in held)
    assert abs(math.fsum(counts) - len(pits)) <= 1e-9 * max(1, len(pits)), "each is counted once"
    if not pits:
        return Spread(counts, 0.0, 1.0)
    even = len(pits) / levels
    statistic = math.fsum((count - even) ** 2 for count in counts) / even
    return Spread(counts, statistic, gamma.upper((levels - 1) / 2, statistic / 2))
