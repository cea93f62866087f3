"""Beliefs: curves built from kernels about places in time, as simulated players and the plain comparisons hold them.

A place is a real number of grains from the question's origin. Parameters are in ``README.md`` beside this file: they were fixed
before any case was scored.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from anyday.market.curve import Curve

#: Within a uniform share, this much is on never.
NEVER_OF_UNIFORM: Final = 0.1
LEAST_MASS: Final = 1e-12
_OFFSETS: Final = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233)


@dataclass(frozen=True, slots=True)
class Known:
    """What the world knew about one question at one moment; places and lengths are in days from the origin.

    ``plan`` is the plan that stands (or what passes for one), ``lead`` the days from now to it, at least 0. ``record`` holds where past
    cases put it, the oldest first; ``never`` is how many of the ``past`` cases were dropped.
    """

    count: int
    grains_a_day: int
    plan: float | None
    lead: float
    spread: float
    record: tuple[float, ...]
    past: int
    never: int

    @property
    def never_chance(self) -> float:
        """The chance of never by the record alone."""
        return (self.never + 0.5) / (self.past + 10)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Two-sided exponential: ``late`` of it lies after the centre; ``scale`` in days."""

    scale: float
    late: float = 0.5

    def sides(self, distance: float) -> tuple[float, float]:
        """The shares that lie before and after ``distance`` days from the centre; the smaller one is exact far out too."""
        if distance < 0:
            before = (1 - self.late) * math.exp(distance / self.scale)
            return before, 1 - before
        after = self.late * math.exp(-distance / self.scale)
        return 1 - after, after

    def cdf(self, distance: float) -> float:
        """The share that lies before ``distance`` days from the centre."""
        return self.sides(distance)[0]


Part = tuple[Kernel | None, Sequence[float], float]
"""A kernel (None: uniform over the grains), the days it is centred on, and its weight in all."""


def grid(known: Known, centre: float) -> tuple[int, ...]:
    """Edges close together about the centre and far apart away from it, on whole grains; the first and the last included."""
    per_day, count = known.grains_a_day, known.count
    middle = math.floor(centre)
    places = {(middle + sign * offset + after) * per_day for offset in _OFFSETS for sign in (-1, 1) for after in (0, 1)}
    return tuple(sorted({0, count, *(place for place in places if 0 < place < count)}))


def belief(known: Known, edges: Sequence[int], parts: Iterable[Part], uniform: float) -> Curve:
    """The mixture of the parts over ``edges``; what lies after the last is never's, what lies before the first is spread anew. Where
    less than ``LEAST_MASS`` of it lies after the first edge, it says nothing of the question's time and gives way to uniform."""
    weights = [0.0] * (len(edges) - 1)
    beyond = whole = 0.0
    for kernel, centres, weight in parts:
        if not weight:
            continue
        whole += weight
        if kernel is None:
            for i, (low, high) in enumerate(pairwise(edges)):
                weights[i] += weight * (high - low) / known.count
            continue
        for centre, times in Counter(centres).items():
            share = weight * times / len(centres)
            sides = [kernel.sides(edge / known.grains_a_day - centre) for edge in edges]
            for i, ((before, after), (later, left)) in enumerate(pairwise(sides)):
                weights[i] += share * (later - before if before < after else after - left)
            beyond += share * sides[-1][1]
    mass = math.fsum(weights) + beyond
    assert whole > 0.0, "a belief rests on something"
    if mass < LEAST_MASS:  # all of it lies before the question's time
        weights, beyond, mass = [(high - low) / known.count for low, high in pairwise(edges)], 0.0, 1.0
    never = known.never_chance
    shares = [(1 - never) * weight / mass for weight in weights]
    return blended(Curve(tuple(edges), tuple(shares), never + (1 - never) * beyond / mass), uniform)


def blended(curve: Curve, uniform: float) -> Curve:
    """The curve with this share of uniform in it, over the grains that it has."""
    span = curve.edges[-1] - curve.edges[0]
    even = [uniform * (1 - NEVER_OF_UNIFORM) * (high - low) / span for low, high in pairwise(curve.edges)]
    masses = tuple((1 - uniform) * mass + share for mass, share in zip(curve.masses, even, strict=True))
    return Curve(curve.edges, masses, 1.0 - math.fsum(masses))


def conditioned(curve: Curve, passed: int) -> Curve:
    """The curve given that it did not happen in the grains that have passed."""
    return curve.condition(passed) if passed > curve.edges[0] else curve
