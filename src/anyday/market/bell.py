"""The bell: sealed bets on a market, filled together at one price an outcome window. Floats inside, integers out.

What is filled is what ``circuit.meet`` finds best, rounded down. Each pays its shares times one price of its window, rounded
up: never above its limit, and together never less than the maker asks for all of it. docs/mathematics.md, "The bell".
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from anyday.market import circuit
from anyday.market.horizon import Claim
from anyday.market.lmsr import STEEPEST
from anyday.market.maker import Market
from anyday.market.mechanism import Fill
from anyday.market.prior import WHOLE
from anyday.points import GUARD, MAX_ORDER_COST, MAX_UNITS, PRICE_WHOLE, charge_at, price_for
from anyday.refusals import Reason, Refusal

#: The parts of a whole in which everybody's fill is cut where the book would get too steep.
_CUTS: Final = 2**30
_A_PART: Final = PRICE_WHOLE // WHOLE


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed bet: at most ``shares`` (or as many as ``spend`` buys at the limit) of a claim, at a price of at most ``limit``
    parts per million."""

    player: str
    claim: Claim
    limit: int
    shares: int | None = None
    spend: int | None = None

    @property
    def size(self) -> int:
        """The most shares that it buys."""
        assert (self.shares is None) != (self.spend is None), "exactly one size"
        return self.shares if self.shares is not None else (self.spend or 0) * WHOLE // self.limit

    @property
    def reserve(self) -> int:
        """The most that it costs, in units."""
        assert 0 < self.limit < WHOLE, "a limit is a chance"
        return self.spend if self.spend is not None else charge_at(self.limit * _A_PART, self.size)


@dataclass(frozen=True, slots=True)
class Line:
    """What the bell did with one bet: ``shares`` at ``price`` (parts of ``points.PRICE_WHOLE``) for ``charge`` units; no shares
    where it stayed out."""

    shares: int
    price: int
    charge: int


#: What is left of a claim at the bell: grains [first, last), and whether it is all the rest that pays.
_Arc = tuple[int, int, bool]


def refused(market: Market, bet: Sealed) -> Refusal | None:
    """Why the bet may not be sealed, whatever others have sealed. Refuses NOT_A_CHANCE, ONE_SIZE, TOO_SMALL, ORDER_TOO_LARGE and
    BOOK_TOO_STEEP."""
    if not 0 < bet.limit < WHOLE:
        return Refusal(Reason.NOT_A_CHANCE, name="The limit")
    if (bet.shares is None) == (bet.spend is None):
        return Refusal(Reason.ONE_SIZE)
    if bet.size < 1:
        return Refusal(Reason.TOO_SMALL)
    if bet.reserve > MAX_ORDER_COST or bet.size > MAX_UNITS:
        return Refusal(Reason.ORDER_TOO_LARGE)
    assert bet.reserve >= 1, "a purchase costs"
    return Refusal(Reason.BOOK_TOO_STEEP) if bet.size > STEEPEST * market.liquidity else None


def fill(market: Market, bets: Sequence[Sealed]) -> list[Line]:
    """What becomes of each bet if the bell rings now. Changes nothing; the order of the bets does not matter."""
    assert all(refused(market, bet) is None for bet in bets), "what may not be sealed is not filled"
    arcs = [_arc(market, bet.claim) for bet in bets]
    edges = sorted({market.passed, *(edge for arc in arcs if arc for edge in arc[:2])})
    sizes: Counter[tuple[_Arc, int]] = Counter()
    for bet, arc in zip(bets, arcs, strict=True):
        if arc:
            sizes[arc, bet.limit] += bet.size
    groups = sorted(sizes)
    weights = market.weights(edges)
    total, b = math.fsum(weights), market.liquidity
    places = {edge: place for place, edge in enumerate(edges)}
    demands = [
        circuit.Demand(places[first], places[last], rest, limit / WHOLE, sizes[(first, last, rest), limit] / b)
        for (first, last, rest), limit in groups
    ]
    met = circuit.meet([weight / total for weight in weights], demands)
    parts = dict(zip(groups, met.parts, strict=True))
    prices = {arc: price_for(circuit.price(met.chances, demand)) for (arc, _), demand in zip(groups, demands, strict=True)}
    shares = [_part(bet.size, parts[arc, bet.limit]) if arc else 0 for bet, arc in zip(bets, arcs, strict=True)]
    shares = _cut(market, edges, arcs, shares)
    lines = _charged(market, edges, weights, bets, arcs, shares, prices)
    check(market, bets, lines)
    return lines


def fills(market: Market, bets: Sequence[Sealed], lines: Sequence[Line]) -> list[Fill]:
    """What the market is to do: one fill a bet that got anything."""
    arcs = [_arc(market, bet.claim) for bet in bets]
    done = [
        Fill(bet.player, Claim(*arc), line.shares, line.charge, 0) for bet, arc, line in zip(bets, arcs, lines, strict=True) if arc and line.shares
    ]
    assert sum(each.charge for each in done) == sum(line.charge for line in lines), "who gets nothing pays nothing"
    return done


def _arc(market: Market, claim: Claim) -> _Arc | None:
    """What is left of a claim; None where nothing is, or where it has become certain: neither is for sale."""
    first, last = max(claim.first, market.passed), claim.last
    assert 0 <= claim.first < last <= market.opening.count, "a claim lies within the question"
    return (first, last, claim.complement) if first < last else None


def _part(size: int, part: float) -> int:
    """Of so many shares a part, rounded down."""
    assert 0.0 <= part <= 1.0, "a part"
    return size if part == 1.0 else min(size, math.floor(size * part))


def _added(edges: Sequence[int], arcs: Sequence[_Arc | None], shares: Sequence[int]) -> list[int]:
    """The shares that are added to each piece between the edges, the last of them with never."""
    steps = [0] * (len(edges) + 1)
    for arc, count in zip(arcs, shares, strict=True):
        if arc and count:
            first, last, rest = arc
            steps[0] += count if rest else 0
            steps[bisect_left(edges, first)] += -count if rest else count
            steps[bisect_left(edges, last)] += count if rest else -count
    added = list(accumulate(steps[:-1]))
    assert min(added) >= 0, "at the bell one buys"
    return added


def _cut(market: Market, edges: Sequence[int], arcs: Sequence[_Arc | None], shares: list[int]) -> list[int]:
    """The shares, all cut in one proportion where the book would otherwise be too steep: that keeps every promise, since the
    cost is convex and nobody's price rises."""
    held = [market.extremes(first, last) for first, last in pairwise([*edges, market.opening.count + 1])]

    def fits(some: Sequence[int]) -> bool:
        """Whether the book stays within its bounds."""
        added = _added(edges, arcs, some)
        most = max(high + more for (_, high), more in zip(held, added, strict=True))
        least = min(low + more for (low, _), more in zip(held, added, strict=True))
        return most <= MAX_UNITS and most - least <= STEEPEST * market.liquidity

    low, high = 0, _CUTS
    if fits(shares):
        return shares
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits([count * middle // _CUTS for count in shares]) else (low, middle)
    assert fits([count * low // _CUTS for count in shares]), "with nothing added the book is as it was"
    return [count * low // _CUTS for count in shares]


def _maker(liquidity: int, weights: Sequence[float], added: Sequence[int]) -> int:
    """The maker's own charge for all that is added, rounded up with the guard, in units."""
    least = min(added)
    total = math.fsum(weights)
    more = math.fsum(weight / total * math.expm1((count - least) / liquidity) for weight, count in zip(weights, added, strict=True))
    cost = least + liquidity * math.log1p(more)
    assert 0.0 <= cost <= max(added) + 1, "what is bought costs something, and no more than it can pay"
    return math.ceil(cost + GUARD * cost)


def _charged(
    market: Market, edges: Sequence[int], weights: Sequence[float], bets: Sequence[Sealed], arcs: Sequence[_Arc | None], shares: list[int],
    prices: dict[_Arc, int],
) -> list[Line]:  # fmt: skip
    """The lines: one price a window, its chance after all fills, at most the least limit among those filled on it. Were these
    by a rounding too little for the maker, all rise by one rounding after another; where even the limits are, nobody is filled."""
    caps = dict.fromkeys(prices, PRICE_WHOLE)
    for bet, arc, count in zip(bets, arcs, shares, strict=True):
        if arc and count:
            caps[arc] = min(caps[arc], bet.limit * _A_PART)
    asked = _maker(market.liquidity, weights, _added(edges, arcs, shares)) if any(shares) else 0
    for more in (0, *(2**step for step in range(PRICE_WHOLE.bit_length()))):
        lines = []
        for arc, count in zip(arcs, shares, strict=True):
            price = min(prices[arc] + more, caps[arc]) if arc else 0
            lines.append(Line(count, price, charge_at(price, count)))
        if sum(line.charge for line in lines) >= asked:
            return lines
    assert asked > sum(charge_at(caps[arc], count) for arc, count in zip(arcs, shares, strict=True) if arc), "even their limits are too little"
    return [Line(0, prices[arc] if arc else 0, 0) for arc in arcs]


def check(market: Market, bets: Sequence[Sealed], lines: Sequence[Line]) -> None:
    """Assert all that the bell promises: limits, sizes, one price a window, equal bets treated equally, the maker's charge
    covered, and the book within its bounds with the house's loss within the escrow."""
    prices: dict[_Arc, int] = {}
    equal: dict[tuple[_Arc | None, int, int], Line] = {}
    arcs = [_arc(market, bet.claim) for bet in bets]
    for bet, arc, line in zip(bets, arcs, lines, strict=True):
        assert 0 <= line.shares <= bet.size and 0 <= line.charge <= bet.reserve, "nobody gets or pays more than they asked for"
        assert not line.shares or (arc and 0 < line.price <= bet.limit * _A_PART), "nobody is filled above their limit"
        assert line.charge == charge_at(line.price, line.shares) and (line.charge >= 1) == (line.shares >= 1), "a purchase costs"
        assert arc is None or prices.setdefault(arc, line.price) == line.price, "one price a window"
        assert equal.setdefault((arc, bet.limit, bet.size), line) == line, "equal bets are treated equally"
    edges = sorted({market.passed, *(edge for arc in arcs if arc for edge in arc[:2])})
    added = _added(edges, arcs, [line.shares for line in lines])
    charges = sum(line.charge for line in lines)
    assert not any(added) or charges >= _maker(market.liquidity, market.weights(edges), added), "the maker is paid"
    held = [market.extremes(first, last) for first, last in pairwise([*edges, market.opening.count + 1])]
    most = max(high + more for (_, high), more in zip(held, added, strict=True))
    assert most <= market.escrow + charges, "the escrow pays whatever happens"
    least = min(low + more for (low, _), more in zip(held, added, strict=True))
    assert not any(added) or (most <= MAX_UNITS and most - least <= STEEPEST * market.liquidity), "the book is not too steep"
