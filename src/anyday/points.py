"""Points: play money as integers of micro-points, and the only place that rounds.

One point is 1,000,000 units (micro-points). A share pays one unit. No float is ever stored or posted:
a float cost becomes an integer charge here, and only upwards (docs/mathematics.md, "Integers").
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final, NewType

from anyday.refusals import Reason, Refusal

Points = NewType("Points", int)

UNITS_A_POINT: Final = 1_000_000
DECIMALS: Final = 6
#: The largest number of units that any amount, balance or count of shares may reach.
MAX_UNITS: Final = 2**53
#: The largest signed cost of one order, in units, that doubles price within the guard below.
MAX_ORDER_COST: Final = 2**39
#: Relative guard that covers the error of the cost and of the price in doubles.
GUARD: Final = 2.0**-40
#: The price of a share that pays for certain: prices that many share are integers of so many parts.
PRICE_WHOLE: Final = 10**15

_TYPED = re.compile(r"([+-]?)([0-9]{1,16})(?:\.([0-9]{1,6}))?", re.ASCII)
_LONGEST_TYPED: Final = 32


def charge_for(cost: float) -> Points:
    """The integer charge for a signed cost in units: ``ceil(x + g·|x|)``, never below the exact cost.

    A purchase (``cost > 0``) is charged at least one unit; the proceeds of a sale (``cost < 0``) come back
    as a charge at or below zero.
    """
    assert math.isfinite(cost), "a cost is priced before it is rounded"
    assert abs(cost) <= MAX_ORDER_COST, "the caller refuses an order beyond the bound"
    charge = math.ceil(cost + GUARD * abs(cost))
    return Points(max(1, charge)) if cost > 0 else Points(charge)


def price_for(chance: float) -> int:
    """The integer price for a chance, in parts of ``PRICE_WHOLE``: rounded up, with the guard that covers the chance's error."""
    assert 0.0 <= chance <= 1.0 + GUARD, "a chance"
    return min(PRICE_WHOLE, math.ceil((chance + GUARD * chance) * PRICE_WHOLE))


def charge_at(price: int, shares: int) -> Points:
    """What so many shares come to at an integer price: exactly, rounded up."""
    assert 0 <= price <= PRICE_WHOLE and shares >= 0, "one buys, at a price"
    return Points(-(-price * shares // PRICE_WHOLE))


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Share ``total`` units out in proportion to the weights, exactly: floors first, then one unit each by largest remainder,
    ties to the earlier. Weights are 0 or more, and not all of them 0. O(n log n)."""
    assert total >= 0 and all(weight >= 0 for weight in weights), "what is shared out, and by what, is never negative"
    whole = sum(weights)
    assert whole > 0, "somebody has a share"
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        by_remainder = sorted(range(len(parts)), key=[-(total * weight % whole) for weight in weights].__getitem__)
        for place in by_remainder[:left]:
            parts[place] += 1
    assert sum(parts) == total, "nothing is lost and nothing is made"
    return parts


def parse_points(typed: object, *, name: str = "points", signed: bool = False) -> Points | Refusal:
    """Read an amount of points as people and the wire write it: ``50``, ``"12.5"``; at most six decimals.

    Integers and short decimal strings only. A bool, a float, an exponent, NaN or a number beyond the bound is refused.
    A plain integer means whole points.
    """
    text = str(typed) if type(typed) is int and abs(typed) <= MAX_UNITS else typed
    if not isinstance(text, str) or len(text) > _LONGEST_TYPED:
        return Refusal(Reason.NOT_AN_AMOUNT, name=name)
    match = _TYPED.fullmatch(text.strip().replace(",", "").replace("\u202f", ""))
    if match is None:
        return Refusal(Reason.NOT_AN_AMOUNT, name=name)
    sign, whole, fraction = match.groups()
    units = int(whole) * UNITS_A_POINT + int((fraction or "").ljust(DECIMALS, "0"))
    if units > MAX_UNITS:
        return Refusal(Reason.AMOUNT_TOO_LARGE, name=name)
    if sign == "-":
        if not signed:
            return Refusal(Reason.NOT_POSITIVE, name=name)
        units = -units
    assert abs(units) <= MAX_UNITS, "what was refused has gone back"
    return Points(units)


def write_points(units: int) -> str:
    """The wire's spelling, shortest and exact: ``"50"``, ``"12.5"``, ``"-0.000001"``."""
    whole, rest = divmod(abs(units), UNITS_A_POINT)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if units < 0 else ''}{whole}{fraction}"


def say_points(units: int) -> str:
    """As a sentence says it: thousands apart, rounded to at most two decimals; dust shows as "less than 0.01"."""
    size = abs(units)
    if 0 < size < UNITS_A_POINT // 200:
        return "less than 0.01"
    whole, part = divmod((size + UNITS_A_POINT // 200) // (UNITS_A_POINT // 100), 100)
    assert whole * UNITS_A_POINT <= size + UNITS_A_POINT, "rounding moves less than a point"
    return f"{'−' if units < 0 else ''}{whole:,}" + (f".{part:02d}" if part else "")
