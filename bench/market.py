"""Figures of the market: µs a bet at 10^3, 10^4 and 10^5 traded endpoints, and its numbers against 50-digit arithmetic.

    python bench/market.py [--json] [--quick]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from anyday.instants import HOUR, Grain, Instant
from anyday.market import lmsr
from anyday.market.horizon import Claim, Horizon
from anyday.market.maker import Market
from anyday.market.mechanism import Fill, Order
from anyday.market.prior import uniform
from anyday.refusals import Refusal

SEED = 20270314
PLAYERS = 1_000
GRAINS = 2**22
SUBSIDY = 10**12


def hourly(count: int) -> Horizon:
    """A horizon of ``count`` equal grains."""
    return Horizon(Grain.HOUR, "UTC", Instant(0), ((count, HOUR),), "bench")


def market_of(count: int, subsidy: int = SUBSIDY) -> Market:
    """A market with a uniform opening curve and never at 20 %."""
    opening = uniform(count, 200_000)
    assert not isinstance(opening, Refusal)
    depth = lmsr.liquidity_for(subsidy, opening)
    assert not isinstance(depth, Refusal)
    return Market(hourly(count), opening, depth[0], depth[1])


def random_order(rng: random.Random, market: Market, tag: str = "p") -> Order:
    """A random window of what is left, every other one a complement, by shares."""
    count = market.opening.count
    a, b = rng.sample(range(market.passed, count + 1), 2)
    claim = Claim(min(a, b), max(a, b), rng.random() < 0.5)
    return Order(f"{tag}{rng.randrange(PLAYERS)}", claim, shares=rng.randrange(1, market.liquidity // 20))


def bet(market: Market, order: Order) -> bool:
    """Quote an order and do it."""
    quote = market.quote(order)
    if isinstance(quote, Refusal):
        return False
    market.apply(Fill(order.player, quote.claim, quote.shares, quote.charge, quote.released))
    return True


def endpoints(market: Market) -> int:
    """How many different endpoints have been traded: steps of the tree that lie between unlike neighbours."""
    stretches = list(market._tree.stretches())
    return sum(a[2] != b[2] for a, b in zip(stretches, stretches[1:], strict=False))


def speed(sizes: Sequence[int], rounds: int, a_round: int) -> dict[str, dict[str, float]]:
    """Markets grown to each size, then bets on them in turns, so that a busy machine slows all alike. Medians of rounds."""
    rng = random.Random(SEED)
    markets = {}
    for size in sizes:
        markets[size] = market_of(GRAINS)
        while True:
            for _ in range(max(16, size // 64)):
                bet(markets[size], random_order(rng, markets[size]))
            if endpoints(markets[size]) >= size:
                break
    figures: dict[int, dict[str, list[float]]] = {size: {"bet": [], "quote": [], "apply": []} for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            market = markets[size]
            orders = [random_order(rng, market) for _ in range(a_round)]
            twin = market.copy() if size <= 10_000 else market
            quoted = applied = 0
            for order in orders:
                start = time.perf_counter_ns()
                quote = twin.quote(order)
                middle = time.perf_counter_ns()
                if not isinstance(quote, Refusal):
                    twin.apply(Fill(order.player, quote.claim, quote.shares, quote.charge, quote.released))
                end = time.perf_counter_ns()
                quoted += middle - start
                applied += end - middle
            for name, spent in (("bet", quoted + applied), ("quote", quoted), ("apply", applied)):
                figures[size][name].append(spent / a_round / 1_000)
    return {
        str(size): {
            **{f"{name}_us": statistics.median(values) for name, values in figures[size].items()},
            "endpoints": endpoints(markets[size]),
            "nodes": markets[size]._tree.nodes,
        }
        for size in sizes
    }
