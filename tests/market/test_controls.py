"""Controls: what the other tests of this room hold would be noticed if it were otherwise. Each of these must go wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from anyday.market import lmsr
from anyday.market.maker import Market
from tests.market.books import against, bet, market_of, window
from tests.market.flat import MP, Flat, holds, start_of


def played() -> Market:
    market = market_of(20)
    bet(market, "ann", window(3, 9), spend=10**7)
    bet(market, "bob", against(5, 12), spend=10**7)
    market.advance(start_of(2))
    market.check()
    return market


def one_share_more_in_the_tree(market: Market) -> None:
    market._tree.add(7, 8, 1)


def one_share_more_for_a_player(market: Market) -> None:
    market._holdings["ann"].add(7, 8, 1)


def a_negative_step(market: Market) -> None:
    market._tree.add(15, 16, -1)
    market._holdings["ann"].add(15, 16, -1)


def a_stale_weight(market: Market) -> None:
    market._tree._sum[1] *= 1 + 1e-12


def a_wrong_highest_path(market: Market) -> None:
    market._tree._high[1] += 1


def a_mark_on_the_wrong_child(market: Market) -> None:
    market._tree._gap[1] += 1


def money_taken_from_the_escrow(market: Market) -> None:
    market.charged -= market.escrow


@pytest.mark.parametrize(
    "harm",
    [one_share_more_in_the_tree, one_share_more_for_a_player, a_negative_step, a_stale_weight, a_wrong_highest_path, a_mark_on_the_wrong_child,
     money_taken_from_the_escrow],
)  # fmt: skip
def test_control_check_notices(harm: Callable[[Market], None]) -> None:
    market = played()
    harm(market)
    with pytest.raises(AssertionError):
        market.check()


def test_control_a_sale_priced_by_one_minus_the_price_breaks_the_bound() -> None:
    # P is one but for e^-60: in doubles 1 − P is 0, and the sale would be paid in full
    market = market_of(2, 10**9)
    b = market.liquidity
    bet(market, "ann", window(0, 1), shares=60 * b)
    bet(market, "ann", against(0, 1), shares=1)
    flat = Flat([market.opening.weight(k, k + 1) for k in range(3)], b)
    for grain, shares in ((0, 60 * b - 1), (1, 0), (2, 0)):
        flat.q[grain] = shares
    inside, outside = market._tree.split(0, 1)
    for shares in (-50 * b, -59 * b):
        exact = flat.add(window(0, 1), shares)
        flat.add(window(0, 1), -shares)
        naive = b * math.log1p(inside / (inside + outside) * math.expm1(shares / b)) if inside / (inside + outside) < 1.0 else float(shares)
        ours = lmsr.cost(b, inside, outside, shares)
        assert abs(MP.mpf(ours) - exact) < 1e-12 * abs(exact)
        assert holds(exact, math.ceil(ours + 2.0**-40 * abs(ours)), shares)
        assert not holds(exact, math.ceil(naive), shares)


def test_control_rounding_down_would_let_dust_be_bought_for_nothing_and_sold() -> None:
    market = market_of(30, 10**8)
    paid = 0
    for _ in range(2_000):
        inside, outside = market._tree.split(4, 5)
        paid += math.floor(lmsr.cost(market.liquidity, inside, outside, 1))
        market._tree.add(4, 5, 1)
    inside, outside = market._tree.split(4, 5)
    back = -lmsr.cost(market.liquidity, inside, outside, -2_000)
    assert paid == 0 < 50 < back, "a pump"


def test_control_shares_in_a_float_would_lose_what_integers_keep() -> None:
    # the largest shares allowed, and one more unit: a double has no room for it
    assert float(2**53) + 1.0 == float(2**53)
    market = market_of(3, 10**9)
    market._tree.shift(2**53 - 1)
    market._tree.add(1, 2, 1)
    assert market._tree.shares_at(1) - market._tree.shares_at(0) == 1
    inside, outside = market._tree.split(1, 2)
    assert inside / outside > market.opening.weight(1, 2) / (market.opening.total - market.opening.weight(1, 2))
