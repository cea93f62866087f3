"""The uniform-price batch in real numbers: what part of each sealed demand is met when the bell rings, and at what chances.

Of all ways x to meet demands of at most ``size`` at most at ``limit``, the one with the largest Σ limit·x − C(Σ x), C the
maker's cost, and of several such ways the one with the least Σ x²/size: convex, so there is one answer. It is found by an
interior-point method. The boundaries of the pieces of time lie on a circle (never lies between the last and the first), and
a demand spans an arc of it; so each Newton step is an electrical circuit, pieces and demands conductors between boundaries.
Star-mesh transforms solve it: they only add, multiply and divide positive numbers and lose no digits, however far apart the
conductances are. Derivation: docs/mathematics.md, "The bell". Shares are counted in b here.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate
from math import exp, fsum, log
from typing import Final, NamedTuple

#: Steps at most: of the interior point, and of the correction after it.
MOST_STEPS: Final = 150
MOST_CORRECTIONS: Final = 25
#: What x²/size counts beside points: enough to choose among equally good ways, too little to be seen in a price.
BLUR: Final = 1e-7
#: Where the interior point starts, and how near the edges it comes.
FIRST_TARGET: Final = 0.1
LAST_TARGET: Final = 1e-21
#: How much of the way to an edge one step goes, and how far (in relative entropy) it may move the chances.
BOLD: Final = 0.995
FAR: Final = 1.0
#: The lowest logarithm of a chance that a circuit is built with: far below what a book may be steep.
LOWEST: Final = -150.0


class Demand(NamedTuple):
    """``size`` shares of the arc from boundary ``first`` to ``last``, or of the rest of the circle where ``complement``, at prices
    up to ``limit``."""

    first: int
    last: int
    complement: bool
    limit: float
    size: float


class Met(NamedTuple):
    """The answer: what part of each demand is met, and the chance of each piece then."""

    parts: list[float]
    chances: list[float]


class _Inside(NamedTuple):
    """An interior point: what each demand takes and leaves, and what keeps it from 0 and from its size."""

    taken: list[float]
    left: list[float]
    floors: list[float]
    caps: list[float]


def meet(prior: Sequence[float], demands: Sequence[Demand]) -> Met:
    """What part of each demand is met, and the chances then. ``prior`` are the pieces' chances before.

    Bounded work: MOST_STEPS + MOST_CORRECTIONS circuits of len(prior) boundaries.
    """
    assert abs(fsum(prior) - 1.0) < 1e-9 and all(chance > 0.0 for chance in prior), "chances of all that is left"
    assert all(0 <= d.first < d.last < len(prior) and 0.0 < d.limit < 1.0 and d.size > 0.0 for d in demands), "arcs, limits, sizes"
    if not demands:
        return Met([], [*prior])
    taken = [min(demand.size / 2, 1.0 / len(demands)) for demand in demands]
    left = [demand.size - amount for demand, amount in zip(demands, taken, strict=True)]
    point = _Inside(taken, left, [FIRST_TARGET / amount for amount in taken], [FIRST_TARGET / amount for amount in left])
    target = FIRST_TARGET
    for _ in range(MOST_STEPS):
        point, size = _step(prior, demands, point, target)
        gaps = fsum(x * lo + y * hi for x, y, lo, hi in zip(*point, strict=True)) / (2 * len(demands))
        if size > 0.9 and gaps < LAST_TARGET * 10:
            break
        target = max(LAST_TARGET, gaps * (0.1 if size > 0.9 else 0.4))
    return _corrected(prior, demands, point)


def _step(prior: Sequence[float], demands: Sequence[Demand], point: _Inside, target: float) -> tuple[_Inside, float]:
    """One Newton step towards the point at which x·floor and left·cap are all ``target``; and how much of it was gone."""
    chances = spread(prior, _shares(len(prior), demands, point.taken))
    wants, slopes = [], []
    for demand, x, y, lo, hi in zip(demands, *point, strict=True):
        slope = 1.0 / (BLUR / demand.size + lo / x + hi / y)
        wants.append(slope * (demand.limit - price(chances, demand) - BLUR * x / demand.size + target / x - target / y))
        slopes.append(slope)
    moves = _moved(chances, demands, wants, slopes)
    floors = [(target - lo * by) / x - lo for x, lo, by in zip(point.taken, point.floors, moves, strict=True)]
    caps = [(target + hi * by) / y - hi for y, hi, by in zip(point.left, point.caps, moves, strict=True)]
    backs = [-by for by in moves]
    size = _near(chances, _shares(len(prior), demands, moves), min(_reach(point.taken, moves), _reach(point.left, backs)))
    other = min(_reach(point.floors, floors), _reach(point.caps, caps))
    return _Inside(
        _along(point.taken, moves, size), _along(point.left, backs, size), _along(point.floors, floors, other), _along(point.caps, caps, other)
    ), min(size, other)


def _reach(values: Sequence[float], moves: Sequence[float]) -> float:
    """How much of the moves can be gone with every value staying positive."""
    reach = min((-BOLD * value / by for value, by in zip(values, moves, strict=True) if by < 0.0), default=1.0)
    assert reach > 0.0, "a step goes somewhere"
    return min(1.0, reach)


def _along(values: Sequence[float], moves: Sequence[float], size: float) -> list[float]:
    return [value + size * by for value, by in zip(values, moves, strict=True)]


def _near(chances: Sequence[float], steps: Sequence[float], size: float) -> float:
    """So much of a step (of the logarithms of the chances) that the chances stay near those that it was computed from."""
    mean = fsum(chance * step for chance, step in zip(chances, steps, strict=True))
    highest = max(steps) - mean
    while size * highest > FAR:
        if log(fsum(chance * exp(size * (step - mean - highest)) for chance, step in zip(chances, steps, strict=True))) + size * highest <= FAR:
            break
        size /= 2
    assert size > 0.0, "a step goes somewhere"
    return size


def spread(prior: Sequence[float], logs: Sequence[float]) -> list[float]:
    """Chances ``prior·exp(logs)`` made one, none of them vanishing."""
    top = max(logs)
    weights = [chance * exp(max(more - top, LOWEST)) for chance, more in zip(prior, logs, strict=True)]
    total = fsum(weights)
    assert total > 0.0, "something is left"
    return [weight / total for weight in weights]


def price(chances: Sequence[float], demand: Demand) -> float:
    """The chance of a demand's claim: summed from its own pieces, never one minus the others."""
    assert 0 <= demand.first < demand.last < len(chances), "an arc of the circle"
    if demand.complement:
        return sum(chances[: demand.first]) + sum(chances[demand.last :])
    return sum(chances[demand.first : demand.last])


def _moved(chances: Sequence[float], demands: Sequence[Demand], wants: Sequence[float], slopes: Sequence[float]) -> list[float]:
    """How much more each demand takes, of what it wants, once the prices have followed; ``slopes`` are how fast it falls with them."""
    currents = [0.0] * len(chances)
    for demand, amount in zip(demands, wants, strict=True):
        _push(currents, demand, amount)
    volts = potentials(chances, [(d.first, d.last, slope) for d, slope in zip(demands, slopes, strict=True) if slope], currents)
    rises = [volts[d.first] - volts[d.last] if d.complement else volts[d.last] - volts[d.first] for d in demands]
    assert len(rises) == len(wants)
    return [amount - slope * rise for amount, slope, rise in zip(wants, slopes, rises, strict=True)]


def _push(currents: list[float], demand: Demand, amount: float) -> None:
    """A demand's shares as a current: in where its claim ends, out where it starts."""
    assert demand.first < demand.last, "an arc has two ends"
    signed = -amount if demand.complement else amount
    currents[demand.first] -= signed
    currents[demand.last] += signed


def potentials(chances: Sequence[float], wires: Sequence[tuple[int, int, float]], currents: Sequence[float]) -> list[float]:
    """The potential of each boundary (0 at the first, which is also the last) of a circuit whose pieces conduct 1/chance, with
    these wires beside them, when the currents flow in. Boundaries leave by star-mesh, those with the fewest neighbours first."""
    size = len(chances)
    mesh: list[dict[int, float]] = [{} for _ in range(size)]
    for one, chance in enumerate(chances):
        _join(mesh, one, (one + 1) % size, 1.0 / chance)
    for one, other, conductance in wires:
        _join(mesh, one, other, conductance)
    flows = list(currents)
    left, gone = [(len(mesh[node]), node) for node in range(1, size)], []
    heapify(left)
    while left:
        degree, node = heappop(left)
        star = mesh[node]
        if degree != len(star):  # it has lost or won neighbours, and stands again further on
            continue
        mesh[node] = {}
        total = fsum(star.values())
        gone.append((node, star, total))
        for near, conductance in star.items():
            del mesh[near][node]
            flows[near] += flows[node] * (conductance / total)
        _mesh(mesh, list(star.items()), total)
        for near in star:
            if near:
                heappush(left, (len(mesh[near]), near))
    volts = [0.0] * size
    for node, star, total in reversed(gone):
        volts[node] = (flows[node] + fsum(conductance * volts[near] for near, conductance in star.items())) / total
    assert volts[0] == 0.0, "the first boundary is the ground"
    return volts


def _mesh(mesh: list[dict[int, float]], star: list[tuple[int, float]], total: float) -> None:
    """Join all neighbours of a boundary that leaves with what it conducted between them."""
    for place, (one, conductance) in enumerate(star):
        part, row = conductance / total, mesh[one]
        for other, more in star[:place]:
            row[other] = mesh[other][one] = row.get(other, 0.0) + part * more


def _join(mesh: list[dict[int, float]], one: int, other: int, conductance: float) -> None:
    """One more conductor between two boundaries."""
    assert conductance > 0.0, "what conducts nothing is no wire"
    if one != other:
        mesh[one][other] = mesh[other][one] = mesh[one].get(other, 0.0) + conductance


def _shares(size: int, demands: Sequence[Demand], taken: Sequence[float]) -> list[float]:
    """The shares on each piece, up to the same number for all of them."""
    steps = [0.0] * size
    for demand, amount in zip(demands, taken, strict=True):
        _push(steps, demand, -amount)
    return list(accumulate(steps))


def _corrected(prior: Sequence[float], demands: Sequence[Demand], point: _Inside) -> Met:
    """From inside onto the edges: whoever the interior point all but leaves out is left out, whoever it all but fills is filled,
    and what the others take is corrected until they pay the limit itself, to the last digit."""
    taken = list(point.taken)
    for place, (demand, x, y, lo, hi) in enumerate(zip(demands, *point, strict=True)):
        if min(x, y) / demand.size < max(lo, hi):
            taken[place] = 0.0 if x < y else demand.size
    best, least = taken, float("inf")
    for _ in range(MOST_CORRECTIONS):
        chances = spread(prior, _shares(len(prior), demands, taken))
        wants, slopes, off = [], [], 0.0
        for demand, amount in zip(demands, taken, strict=True):
            short = demand.limit - price(chances, demand)
            free = 0.0 < amount < demand.size or (amount == 0.0 and short > 0.0) or (amount > 0.0 and short < 0.0)
            slopes.append(demand.size / BLUR if free else 0.0)
            wants.append(demand.size / BLUR * short if free else 0.0)
            off = max(off, abs(short) if free else 0.0)
        if off < least:
            best, least = taken, off
        if off < 1e-16:
            break
        moves = _moved(chances, demands, wants, slopes)
        taken = [min(demand.size, max(0.0, amount + by)) for demand, amount, by in zip(demands, taken, moves, strict=True)]
    parts = [amount / demand.size for demand, amount in zip(demands, best, strict=True)]
    return Met(parts, spread(prior, _shares(len(prior), demands, best)))
