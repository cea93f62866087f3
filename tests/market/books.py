"""Markets and bets for the tests of this room."""

from __future__ import annotations

from anyday.market import lmsr
from anyday.market.horizon import Claim
from anyday.market.maker import Market
from anyday.market.mechanism import Fill, Order, Quote
from anyday.market.prior import Opening, from_quantiles, uniform
from anyday.refusals import Refusal
from tests.market.flat import hourly

NEVER = 200_000


def opening_of(count: int, skew: bool = False, never: int = NEVER) -> Opening:
    """A uniform curve, or one with most of its mass in the first half."""
    points = [(count // 2, (1_000_000 - never) * 3 // 4)]
    made = from_quantiles(count, points, never) if skew and count > 1 else uniform(count, never)
    assert not isinstance(made, Refusal)
    return made


def market_of(count: int, subsidy: int = 10**9, *, skew: bool = False, never: int = NEVER, kind: type[Market] = Market) -> Market:
    """A market over hourly grains from the epoch on."""
    opening = opening_of(count, skew, never)
    depth = lmsr.liquidity_for(subsidy, opening)
    assert not isinstance(depth, Refusal)
    return kind(hourly(count), opening, *depth)


def window(first: int, last: int) -> Claim:
    """Grains [first, last)."""
    return Claim(first, last, False)


def against(first: int, last: int) -> Claim:
    """Everything but grains [first, last)."""
    return Claim(first, last, True)


def never(market: Market) -> Claim:
    """Not by the horizon."""
    return Claim(0, market.opening.count, True)


def ask(market: Market, player: str, claim: Claim, **size: int) -> Quote:
    """A quote that is not refused."""
    quote = market.quote(Order(player, claim, **size))
    assert isinstance(quote, Quote), str(quote)
    return quote


def bet(market: Market, player: str, claim: Claim, **size: int) -> Fill:
    """A bet that is not refused, done."""
    quote = ask(market, player, claim, **size)
    fill = Fill(player, quote.claim, quote.shares, quote.charge, quote.released)
    market.apply(fill)
    return fill


def refused(market: Market, player: str, claim: Claim, **size: int) -> Refusal:
    """The refusal of a bet that must be refused."""
    refusal = market.quote(Order(player, claim, **size))
    assert isinstance(refusal, Refusal), str(refusal)
    return refusal
