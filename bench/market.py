"""Figures of the market: µs a bet at 10^3, 10^4 and 10^5 traded endpoints, and its numbers against 50-digit arithmetic.

Run it as ``python bench/market.py [--json] [--quick]``.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath  # type: ignore[import-untyped]

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from anyday.instants import HOUR, Grain, Instant
from anyday.market import lmsr
from anyday.market.horizon import Claim, Horizon
from anyday.market.maker import Market
from anyday.market.mechanism import Fill, Order, Quote
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
    return sum(a[2] != b[2] for a, b in pairwise(stretches))


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


def precision(bets: int, sample: int, grains: int = 512) -> dict[str, float]:
    """Random bets, sales and budgets with passes of time, a sample of them against flat 50-digit arithmetic.

    The oracle is independent of the tree: its own flat list of integer shares, one exponential for each grain and for
    never, and the difference of two potentials. Prices are compared beforehand for a random window, relative to one and to
    the price; charges as ``exact ≤ charge ≤ ceil(exact) + 1``.
    """
    rng, mp = random.Random(SEED), mpmath.mp.clone()
    mp.dps = 50
    market = market_of(grains)
    opening, b = market.opening, market.liquidity
    weights = [opening.weight(k, k + 1) for k in range(grains + 1)]
    shares = [0] * (grains + 1)
    worst = {"price_error": 0.0, "price_relative": 0.0, "charge_above_ceiling": -math.inf, "tightest": math.inf, "charge_outside": 0.0}
    done = refused = sampled = 0
    chosen = set(rng.sample(range(bets), sample))
    passes = {round(bets * (k + 1) / (grains - 8)): k + 1 for k in range(grains - 10)}
    while done < bets:
        if done in passes:
            market.advance(Instant((passes.pop(done) - 1) * HOUR))
        order = mixed_order(rng, market, b)
        quote = market.quote(order)
        if isinstance(quote, Refusal):
            refused += 1
            continue
        first, last, passed = max(quote.claim.first, market.passed), max(quote.claim.last, market.passed), market.passed
        within = [quote.claim.complement != (first <= k < last) for k in range(passed, grains + 1)]
        if done in chosen:
            compare(market, quote, [*zip(weights[passed:], shares[passed:], within, strict=True)], worst, mp)
            sampled += 1
        for k, inside in enumerate(within, passed):
            shares[k] += (quote.shares if inside else 0) - quote.released
        market.apply(Fill(order.player, quote.claim, quote.shares, quote.charge, quote.released))
        done += 1
    market.check()
    return {"bets": done, "refused": refused, "sample": sampled, "passed": market.passed, "grains": grains,
            "most_shares_over_b": max(shares) / b, **worst}  # fmt: skip


def deep(bets: int, sample: int) -> dict[str, float]:
    """The same over 2^22 grains, where the tree is deepest. The oracle sums over the steps between the ends of all bets."""
    rng, mp = random.Random(SEED + 1), mpmath.mp.clone()
    mp.dps = 50
    market = market_of(GRAINS)
    worst = {"price_error": 0.0, "price_relative": 0.0, "charge_above_ceiling": -math.inf, "tightest": math.inf, "charge_outside": 0.0}
    jumps, chosen, done = {0: 0, GRAINS: 0}, set(rng.sample(range(bets // 2, bets), sample)), 0
    while done < bets:
        if done % (bets // 10) == 5:
            market.advance(Instant(done * 100 * HOUR))
            jumps.setdefault(market.passed, 0)
        order = mixed_order(rng, market, market.liquidity)
        quote = market.quote(order)
        if isinstance(quote, Refusal):
            continue
        claim = quote.claim
        if done in chosen:
            edges = sorted({*jumps, claim.first, claim.last, market.passed})
            steps, held = [], 0
            for start, end in pairwise([*edges, GRAINS + 1]):
                held += jumps.get(start, 0)
                if start >= market.passed:
                    steps.append((market.opening.weight(start, end), held, claim.complement != (claim.first <= start < claim.last)))
            compare(market, quote, steps, worst, mp)
        everywhere = (quote.shares if claim.complement else 0) - quote.released
        within = -quote.shares if claim.complement else quote.shares
        for edge, more in ((0, everywhere), (claim.first, within), (claim.last, -within)):
            jumps[edge] = jumps.get(edge, 0) + more
        market.apply(Fill(order.player, claim, quote.shares, quote.charge, quote.released))
        done += 1
    return {"bets": done, "sample": sample, "endpoints": len(jumps), "grains": GRAINS, **worst}


def mixed_order(rng: random.Random, market: Market, b: int) -> Order:
    """A random window or complement: shares of all sizes, a budget, a target, or a sale of what is held."""
    order, kind = random_order(rng, market), rng.random()
    if kind < 0.2 and (held := market.held(order.player, order.claim)):
        return Order(order.player, order.claim, shares=-rng.randint(1, held))
    if kind < 0.4:
        return Order(order.player, order.claim, spend=math.ceil(10 ** rng.uniform(0, math.log10(b))))
    if kind < 0.45:
        return Order(order.player, order.claim, target=rng.randrange(1, 1_000_000))
    return Order(order.player, order.claim, shares=math.ceil(10 ** rng.uniform(0, math.log10(20 * b))))


def compare(market: Market, quote: Quote, outcomes: list[tuple[int, int, bool]], worst: dict[str, float], mp: Any) -> None:
    """One quote against the flat oracle; keeps the worst of each figure."""
    b, power = market.liquidity, {}
    for _, q, _ in outcomes:
        if q not in power:
            power[q] = mp.exp(mp.mpf(q) / b)
    inside = mp.fsum(u * power[q] for u, q, pays in outcomes if pays)
    outside = mp.fsum(u * power[q] for u, q, pays in outcomes if not pays)
    price, grown = inside / (inside + outside), mp.exp(mp.mpf(quote.shares) / b)
    error = abs(mp.mpf(market.price(quote.claim)) - price)
    exact = b * mp.log((inside * grown + outside) / (inside + outside))
    ceiling = max(mp.ceil(exact), 1) if quote.shares > 0 else mp.ceil(exact)
    worst["price_error"] = max(worst["price_error"], float(error))
    worst["price_relative"] = max(worst["price_relative"], float(error / price))
    worst["charge_above_ceiling"] = max(worst["charge_above_ceiling"], float(quote.charge - ceiling))
    worst["tightest"] = min(worst["tightest"], float(quote.charge - exact))
    worst["charge_outside"] += not exact <= quote.charge <= ceiling + 1


def figures(quick: bool) -> dict[str, Any]:
    """Everything that is measured here; ``quick`` takes a tenth of the bets."""
    sizes = (1_000, 10_000, 100_000)
    speeds = speed(sizes, rounds=5 if quick else 15, a_round=200)
    ratio = speeds["100000"]["bet_us"] / speeds["1000"]["bet_us"]
    exact = precision(10_000 if quick else 100_000, 200 if quick else 2_000)
    return {"speed": speeds, "ratio": ratio, "precision": exact, "deep": deep(1_000 if quick else 4_000, 5 if quick else 40)}


def holds(found: dict[str, Any]) -> dict[str, bool]:
    """What the figures must meet."""
    exact, far = found["precision"], found["deep"]
    return {
        "≤ 150 µs a bet at 10^5 endpoints": found["speed"]["100000"]["bet_us"] <= 150,
        "at most 2.5 × the figure at 10^3": found["ratio"] <= 2.5,
        "price within 1e-12": max(exact["price_error"], far["price_error"]) <= 1e-12,
        "exact ≤ charge ≤ ceil(exact) + 1": exact["charge_outside"] == far["charge_outside"] == 0,
    }


def table(found: dict[str, Any]) -> str:
    """The figures for people."""
    lines = ["endpoints traded      µs a bet   quote   apply     nodes"]
    for row in found["speed"].values():
        lines.append(f"{row['endpoints']:>16,.0f}  {row['bet_us']:>10.1f} {row['quote_us']:>7.1f} {row['apply_us']:>7.1f} {row['nodes']:>9,.0f}")
    exact = found["precision"]
    lines.append(f"ratio of 10^5 to 10^3: {found['ratio']:.2f}")
    share = f"{exact['passed']} of {exact['grains']} grains passed"
    lines.append(f"{exact['bets']:,} random bets, {share}, {exact['sample']:,} of them against 50 digits:")
    lines.append(f"  worst error of a price: {exact['price_error']:.2e}, relative to the price {exact['price_relative']:.2e}")
    lines.append(f"  charge less exact cost: at least {exact['tightest']:.2e} units; less its ceiling: at most {exact['charge_above_ceiling']:.0f}")
    far = found["deep"]
    lines.append(f"over {far['grains']:,} grains with {far['endpoints']:,} endpoints: worst error of a price {far['price_error']:.2e}, "
                 f"relative {far['price_relative']:.2e}")  # fmt: skip
    lines += [f"{'met ' if met else 'MISSED'}  {name}" for name, met in holds(found).items()]
    return "\n".join(lines)


def main() -> int:
    """Measure and print; without --json the exit code says whether all is met."""
    parser = argparse.ArgumentParser(description="Figures of the market.")
    parser.add_argument("--json", action="store_true", help="JSON on the output, the table beside it on the error output")
    parser.add_argument("--quick", action="store_true", help="a tenth of the bets")
    asked = parser.parse_args()
    found = figures(asked.quick)
    print(table(found), file=sys.stderr if asked.json else sys.stdout)
    if asked.json:
        print(json.dumps({**found, "met": holds(found)}, indent=1))
        return 0  # who reads the figures judges them
    return 0 if all(holds(found).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
