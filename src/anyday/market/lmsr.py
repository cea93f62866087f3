"""The prior-weighted LMSR in closed form: pure functions of liquidity b, chances and shares (docs/mathematics.md, "The market").

Shares and b are in units (micro-points). ``inside`` and ``outside`` are the weights of a claim and of all the rest,
each summed from its own terms, so that neither chance is ever taken as one minus the other. Costs are real numbers
here: they become integers in ``points.charge_for`` and nowhere else.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import Final

from anyday.market.prior import WHOLE, Opening
from anyday.points import GUARD, MAX_ORDER_COST, MAX_UNITS, charge_for
from anyday.refusals import Reason, Refusal

#: The widest gap between two outcomes' shares, in multiples of b.
STEEPEST: Final = 64
#: Digits for the few numbers that are computed once, when a question opens.
DIGITS: Final = 50
#: The least liquidity of a question, in units: below it a single unit would be a visible part of the price.
LEAST_LIQUIDITY: Final = 1_000


def cost(liquidity: int, inside: float, outside: float, shares: int) -> float:
    """The signed cost of ``shares`` of a claim: ``b log1p(P expm1(s/b))``; negative for a sale.

    A sale with P above one half is priced from the complement's own weight, ``b log1p(notP expm1(s/b)) − s``.
    """
    assert liquidity > 0 and inside > 0.0 and outside >= 0.0, "a price needs weight on the claim"
    x, total = shares / liquidity, inside + outside
    if shares < 0 and inside > outside:
        return liquidity * math.log1p(outside / total * math.expm1(-x)) + shares
    return liquidity * math.log1p(inside / total * math.expm1(x))


def shares_for(liquidity: int, inside: float, outside: float, points: float) -> float:
    """Shares, real, that ``points`` buy: ``b log1p(expm1(m/b)/P)``."""
    assert liquidity > 0 and inside > 0.0 and points >= 0, "only a purchase spends"
    return liquidity * math.log1p(math.expm1(points / liquidity) * ((inside + outside) / inside))


def chance_after(liquidity: int, inside: float, outside: float, shares: int) -> float:
    """The claim's chance after ``shares`` more of it are sold."""
    assert inside > 0.0 and outside >= 0.0
    x = shares / liquidity
    if x > 0:
        return inside / (inside + outside * math.exp(-x))
    grown = inside * math.exp(x)
    return grown / (grown + outside)


def moved(chance: float, shares: int, liquidity: int) -> float:
    """Where a claim's chance goes with ``shares`` more of it sold, from the chance alone; for saying, not for pricing."""
    assert 0.0 <= chance <= 1.0 and liquidity > 0
    return chance_after(liquidity, chance, 1.0 - chance, shares) if chance > 0.0 else 0.0


def shares_to(liquidity: int, inside: float, outside: float, target: int) -> float:
    """Shares, real, that move the claim to ``target`` (parts per million): ``b (logit x − logit P)``."""
    assert 0 < target < WHOLE, "a chance to move to lies between the two ends"
    return liquidity * (math.log(target / (WHOLE - target)) - math.log(inside / outside))


def most_shares_within(liquidity: int, inside: float, outside: float, budget: int) -> int | None:
    """The largest whole number of shares whose charge is at most ``budget`` units; 0 if not even one; None beyond bounds.

    Starts at the closed form with the guard taken off, then gallops and bisects over the integer charge itself.
    """
    assert budget >= 1, "a budget is at least one unit"
    if budget > MAX_ORDER_COST / (1 + 2 * GUARD) or budget > 2 * STEEPEST * liquidity:
        return None

    def fits(shares: int) -> bool:
        """Whether that many can be had for the budget."""
        real = cost(liquidity, inside, outside, shares)
        return real <= MAX_ORDER_COST and charge_for(real) <= budget

    guess = shares_for(liquidity, inside, outside, budget / (1 + GUARD))
    if guess > MAX_UNITS or guess > 3 * STEEPEST * liquidity:
        return None
    low = high = math.floor(guess)
    step = 1
    if low == 0 or fits(low):
        high = low + 1
        while fits(high):
            low, high, step = high, high + 2 * step, 2 * step
    else:
        low = max(0, high - 1)
        while low > 0 and not fits(low):
            low, high, step = max(0, low - 2 * step), low, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    assert high == low + 1 and not fits(high), "one more share would exceed the budget"
    return low


def liquidity_for(subsidy: int, opening: Opening) -> tuple[int, int] | Refusal:
    """(b, escrow) in units: the largest whole b with ``floor(b ln(U/u_min)) ≤ subsidy``, and that bound.

    Computed with 50 digits, once, when a question opens. Refuses SUBSIDY_TOO_SMALL.
    """
    assert 0 <= subsidy <= MAX_UNITS, "amounts are bounded before they come here"
    with localcontext(Context(prec=DIGITS)):
        worst = (Decimal(opening.total) / Decimal(opening.least)).ln()
        least = int((LEAST_LIQUIDITY * worst).to_integral_value(ROUND_CEILING))
        if subsidy < least:
            return Refusal(Reason.SUBSIDY_TOO_SMALL, least=f"{Decimal(least).scaleb(-6):f}")
        liquidity = int(((subsidy + 1) / worst).to_integral_value(ROUND_CEILING)) - 1
    escrow = loss_bound(liquidity, opening)
    assert escrow <= subsidy < loss_bound(liquidity + 1, opening), "b is the largest"
    return liquidity, escrow


def loss_bound(liquidity: int, opening: Opening) -> int:
    """The most the maker can lose, in units: ``floor(b ln(U/u_min))``, with 50 digits."""
    with localcontext(Context(prec=DIGITS)):
        bound = (liquidity * (Decimal(opening.total) / Decimal(opening.least)).ln()).to_integral_value(ROUND_FLOOR)
    assert bound >= 0
    return int(bound)
