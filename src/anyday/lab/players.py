"""Simulated players: six of three kinds. Each turns what was known at a moment into a belief, and a belief into bets.

Their parameters are in ``README.md`` beside this file, fixed before any case was scored. Chance comes in as a seeded generator.
"""

from __future__ import annotations

import enum
import math
import random
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from anyday.lab.beliefs import Kernel, Known, Part, belief, conditioned, grid
from anyday.market.curve import Curve
from anyday.market.horizon import Claim, Horizon, say_claim
from anyday.market.maker import Market
from anyday.points import UNITS_A_POINT
from anyday.rules import commands as c

UNIFORM: Final = 0.03
LEAST_GAIN: Final = 0.005
MOST_A_BET: Final = 20 * UNITS_A_POINT
MOST_A_QUESTION: Final = 120 * UNITS_A_POINT
SLACK: Final = 0.02


class Kind(enum.StrEnum):
    """What a simulated player goes by."""

    PLAN = "plan"
    RECORD = "record"
    NOISY = "noisy"


@dataclass(frozen=True, slots=True)
class Habit:
    """One simulated player. ``scale`` (days) and ``late`` shape the kernel where somebody made a plan, ``growth`` widens it by so much a
    day ahead; ``loose`` is the scale where there is no plan (Nenana); the ``latest`` cases of the record count (0: all)."""

    name: str
    kind: Kind
    scale: float = 0.0
    growth: float = 0.0
    late: float = 0.5
    loose: float = 0.0
    latest: int = 0


PLAYERS: Final = (
    Habit("Paula", Kind.PLAN, scale=1, growth=0.05, late=2 / 3, loose=2.5),
    Habit("Otto", Kind.PLAN, scale=3, growth=0.15, late=2 / 3, loose=5),
    Habit("Rhea", Kind.RECORD, scale=0.5, loose=2.5),
    Habit("Ben", Kind.RECORD, scale=1, loose=4, latest=15),
    Habit("Nora", Kind.NOISY),
    Habit("Finn", Kind.NOISY),
)


def error_of(seed: int, question: str, habit: Habit) -> float:
    """The standard normal error that a noisy player makes on a question, the same however often it is asked."""
    return random.Random(f"{seed}/{question}/{habit.name}").gauss(0.0, 1.0)


def belief_of(habit: Habit, known: Known, *, planned: bool, error: float) -> Curve:
    """What the player believes, before anything has passed. ``planned``: there is a plan that somebody made."""
    plan = known.plan
    if habit.kind is Kind.RECORD:
        cases = known.record[-habit.latest :] if habit.latest else known.record
        scale = habit.scale if planned else habit.loose
        middle = sorted(cases)[len(cases) // 2] if cases else plan
        parts: list[Part] = [(Kernel(scale), cases, 1.0)] if cases else [(Kernel(10), [plan], 1.0) if plan is not None else (None, (), 1.0)]
        return belief(known, grid(known, known.count / known.grains_a_day / 2 if middle is None else middle), parts, UNIFORM)
    if plan is None:
        return belief(known, grid(known, known.count / known.grains_a_day / 2), [(None, (), 1.0)], UNIFORM)
    if habit.kind is Kind.NOISY:
        centre, kernel = plan + 2 * known.spread * error, Kernel(known.spread)
    elif planned:
        centre, kernel = plan, Kernel(max(habit.scale, habit.growth * known.lead), habit.late)
    else:
        centre, kernel = plan, Kernel(habit.loose)
    return belief(known, grid(known, centre), [(kernel, [centre], 1.0)], UNIFORM)


def gain(believed: float, priced: float) -> float:
    """The relative entropy of a belief against a price, in nats: what moving the price there earns in expectation over b."""
    assert 0.0 < believed < 1.0 and 0.0 < priced < 1.0, "both ways are possible"
    return believed * math.log(believed / priced) + (1 - believed) * math.log((1 - believed) / (1 - priced))


@dataclass(frozen=True, slots=True)
class Wish:
    """The claim that a player would bet on, and the chances that it sees there."""

    claim: Claim
    believed: float
    priced: float


def best_claim(believed: Curve, market: Market) -> Wish | None:
    """The window between two edges of the belief (never: the complement of all) whose chance the market has most wrong."""
    curve = conditioned(believed, market.passed)
    if not curve.masses:
        return None
    priced = market.curve(curve.edges)
    mine = list(accumulate(curve.masses, initial=0.0))
    theirs = list(accumulate(priced.masses, initial=0.0))
    best, found = LEAST_GAIN, None
    for low in range(len(mine) - 1):
        for high in range(low + 1, len(mine)):
            p, m = mine[high] - mine[low], theirs[high] - theirs[low]
            if not (1e-6 < p < 1 - 1e-6 and 1e-6 < m < 1 - 1e-6):
                continue
            worth = gain(p, m)
            if worth > best:
                best, found = worth, (low, high, p, m)
    if found is None:
        return None
    low, high, p, m = found
    count = market.opening.count
    first = 0 if (low, high) == (0, len(mine) - 1) else curve.edges[low]
    claim = Claim(first, curve.edges[high], False)
    assert claim.last <= count
    return Wish(claim, p, m) if p > m else Wish(Claim(claim.first, claim.last, True), 1 - p, 1 - m)


def bet_for(question: str, wish: Wish, horizon: Horizon, liquidity: int, left: int) -> c.Bet | None:
    """The command: up to the belief, or as far as the points go, with a limit against a market that has moved meanwhile."""
    budget = min(MOST_A_BET, left)
    if budget < UNITS_A_POINT // 100:
        return None
    window = say_claim(wish.claim, horizon)
    cost = liquidity * math.log((1 - wish.priced) / (1 - wish.believed))
    if cost <= budget:
        target = min(999_999, max(1, round(wish.believed * 1_000_000)))
        return c.Bet(question, window, target=target, max_cost=math.ceil(cost * (1 + SLACK)) + UNITS_A_POINT // 100)
    shares = liquidity * math.log1p(math.expm1(budget / liquidity) / wish.priced)
    return c.Bet(question, window, spend=budget, min_shares=math.floor(shares * (1 - SLACK)))
