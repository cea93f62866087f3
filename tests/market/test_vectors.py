"""The worked examples of the mathematics, digit for digit."""

from __future__ import annotations

import math

import pytest

from anyday.market import lmsr
from anyday.market.horizon import Claim
from anyday.market.maker import Market
from anyday.market.mechanism import Fill, Order, Quote
from anyday.market.prior import Opening, uniform
from anyday.market.tree import Tree
from anyday.refusals import Refusal
from tests.market.flat import hourly, potential

TWELVE = 0.6e-12  # the examples are printed to twelve decimals


def near(found: float, printed: float) -> bool:
    return abs(found - printed) <= TWELVE * max(1.0, abs(printed) / 10)


class Plain:
    """V1 with real shares: five outcomes, flat."""

    def __init__(self) -> None:
        self.u = [5.0, 10.0, 15.0, 20.0, 50.0]
        self.q = [0.0] * 5
        self.b = 100

    def sides(self, atoms: set[int]) -> tuple[float, float]:
        w = [u * math.exp(q / self.b) for u, q in zip(self.u, self.q, strict=True)]
        return math.fsum(w[i] for i in atoms), math.fsum(w[i] for i in range(5) if i not in atoms)

    def buy(self, atoms: set[int], shares: float) -> None:
        for i in atoms:
            self.q[i] += shares

    def chances(self) -> list[float]:
        return [self.sides({i})[0] / sum(self.sides({i})) for i in range(5)]


def test_v1_four_steps_cost_what_the_closed_forms_say() -> None:
    market, b = Plain(), 100
    inside, outside = market.sides({1, 2})
    assert near(lmsr.cost(b, inside, outside, 60), 18.691905549663)
    assert near(lmsr.chance_after(b, inside, outside, 60), 0.151146736596 + 0.226720104894)
    market.buy({1, 2}, 60)
    assert all(map(near, market.chances(), (0.041475543901, 0.151146736596, 0.226720104894, 0.165902175603, 0.414755439007)))

    inside, outside = market.sides({2, 3})
    assert near(inside / (inside + outside), 0.392622280496)
    shares = lmsr.shares_for(b, inside, outside, 25)
    assert near(shares, 54.430271788755)
    market.buy({2, 3}, shares)
    assert all(map(near, market.chances(), (0.032301186068, 0.117713196819, 0.304301490947, 0.222672265483, 0.323011860682)))

    inside, outside = market.sides({1, 2})
    assert near(inside / (inside + outside), 0.422014687767)
    assert near(-lmsr.cost(b, inside, outside, -20), 7.958262189084)
    market.buy({1, 2}, -20)
    assert all(map(near, market.chances(), (0.034976855517, 0.104358673813, 0.269778588066, 0.241117327429, 0.349768555174)))
    assert near(potential(b, market.u, market.q), 35.733643360579)

    inside, outside = market.sides({4})
    shares = lmsr.shares_to(b, inside, outside, 400_000)
    assert near(shares, 21.459159555045)
    assert near(lmsr.cost(b, inside, outside, shares), 8.039871325887)  # type: ignore[arg-type]
    assert near(lmsr.chance_after(b, inside, outside, shares), 0.4)  # type: ignore[arg-type]


def test_a_published_example_of_another_market_maker_comes_out_the_same() -> None:
    weights = (math.exp(0.5), math.exp(0.3))
    assert near(lmsr.cost(10, *weights, 1), 0.562163750869)
    assert near(lmsr.chance_after(10, *weights, 1), 0.574442516812)


def test_v2_sixteen_grains_with_time_passing_and_a_target() -> None:
    opening = uniform(16, 250_000)
    assert isinstance(opening, Opening)
    tree, b = Tree(opening, 10), 10

    def buy(first: int, last: int, shares: int) -> float:
        cost = lmsr.cost(b, *tree.split(first, last), shares)
        tree.add(first, last, shares)
        tree.check()
        return cost

    def price(first: int, last: int) -> float:
        inside, outside = tree.split(first, last)
        return inside / (inside + outside)

    def root() -> float:
        return math.log(tree.total / opening.total) + tree.least_shares / b

    assert price(3, 9) == 0.28125
    assert near(buy(3, 9, 12), 5.023091924063)
    assert near(buy(5, 6, 5), 0.593009983870)
    assert near(-buy(0, 8, -4), 2.128519919175)
    assert near(buy(16, 17, 3), 0.598826243125)
    printed = ((0, 4, 0.131970890206), (5, 6, 0.114301953438), (8, 16, 0.321481098650), (16, 17, 0.224263140030))
    assert all(near(price(first, last), chance) for first, last, chance in printed)
    assert near(root(), 0.408640823188)
    before = root()
    tree.advance(4)
    assert near(b * (before - root()), 1.415300282550)
    assert near(price(5, 6), 0.131679862056)
    assert near(price(16, 17), 0.258359008355)
    assert near(root(), 0.267110794933)
    cost = buy(4, 6, 6)
    assert near(cost, 1.603463361910)
    cash = 4.086408231882 + cost
    losses = {4: 8.310128406208, 5: 13.310128406208, 7: 2.310128406208, 8: 6.310128406208, 12: -5.689871593792, 16: -2.689871593792}
    for grain, loss in losses.items():
        assert near(tree.shares_at(grain) - cash, loss)
        chance, opened = price(grain, grain + 1), opening.weight(grain, grain + 1) / opening.total
        # two printed numbers, each rounded, beside a third
        assert abs(b * math.log(chance / opened) - 1.415300282550 - loss) < 3 * TWELVE
    assert near(price(4, 6), 0.328357954280)
    shares = lmsr.shares_to(b, *tree.split(4, 6), 500_000)
    assert near(shares, 7.156211911986)
    assert near(lmsr.cost(b, *tree.split(4, 6), shares), 2.951174301228)  # type: ignore[arg-type]


def test_passing_time_conditions_the_worked_example_of_v1() -> None:
    tree, b = Tree(Opening(((0, 1, 1), (1, 2, 2), (2, 3, 3), (3, 4, 4)), 10), 100), 100

    def price(grain: int) -> float:
        inside, outside = tree.split(grain, grain + 1)
        return inside / (inside + outside)

    def root() -> float:
        return math.log(tree.total / 20) + tree.least_shares / b

    assert near(lmsr.cost(b, *tree.split(0, 2), 50), 9.286008131285)
    tree.add(0, 2, 50)
    assert near(price(0), 0.075125716039)
    before = root()
    tree.advance(1)
    assert near(b * (before - root()), 7.809745993790)
    assert all(map(near, map(price, range(1, 5)), (0.162456059904, 0.147801871782, 0.197069162376, 0.492672905939)))
    # the reference prints ...750; 50 digits give 16.647773975747141, and so do we
    assert near(lmsr.cost(b, *tree.split(2, 3), 80), 16.647773975747)
    tree.add(2, 3, 80)
    before = root()
    tree.advance(2)
    assert near(b * (before - root()), 14.796890662820)
    assert all(map(near, map(price, range(2, 5)), (0.322906833227, 0.193455190507, 0.483637976267)))


def v4() -> Market:
    return Market(hourly(4), Opening(((0, 1, 1), (1, 2, 2), (2, 3, 3), (3, 4, 4)), 10), 10_000, 29_957)


def bet(market: Market, player: str, claim: Claim, **size: int) -> Quote:
    quote = market.quote(Order(player, claim, **size))
    assert not isinstance(quote, Refusal), str(quote)
    market.apply(Fill(player, quote.claim, quote.shares, quote.charge, quote.released))
    market.check()
    return quote


def test_v4_charges_whole_units_and_bounds_the_loss() -> None:
    market, never = v4(), Claim(0, 4, True)
    assert bet(market, "ann", Claim(1, 3, False), shares=6000).charge == 1870
    bought = bet(market, "ann", Claim(2, 4, False), spend=2500)
    assert (bought.shares, bought.charge) == (5443, 2500)
    assert bet(market, "ann", Claim(1, 3, False), shares=-2000).charge == -795
    assert bet(market, "ann", never, shares=1).charge == 1
    assert bet(market, "ann", never, shares=-1).charge == 0
    assert bet(market, "ann", Claim(0, 1, False), shares=1).charge == 1
    assert market.charged == 3577
    paid = [market.payouts(outcome).get("ann", 0) for outcome in ((0, 1), (1, 2), (2, 3), (3, 4), None)]
    assert [units - market.charged for units in paid] == [-3576, 423, 5866, 1866, -3577]
    assert lmsr.loss_bound(10_000, market.opening) == 29_957
    assert lmsr.liquidity_for(29_957, market.opening) == (10_000, 29_957)


@pytest.mark.parametrize(("orders", "shares", "cost"), [(1_000, 1, 1_000), (1, 1_000, 53)])
def test_v4_a_thousand_single_shares_cost_a_thousand_and_one_order_53(orders: int, shares: int, cost: int) -> None:
    market = v4()
    assert sum(bet(market, "ann", Claim(0, 1, False), shares=shares).charge for _ in range(orders)) == cost


def test_a_window_pays_by_the_opening_curve_within_it() -> None:
    market = Market(hourly(4), Opening(((0, 1, 1), (1, 2, 2), (2, 3, 3), (3, 4, 4)), 10), 100, 300)
    for claim, shares in ((Claim(1, 2, False), 60), (Claim(2, 3, False), 20), (Claim(3, 4, True), 10)):
        bet(market, "ann", claim, shares=shares)
    # the worked example holds (0, 60, 20, -10, 0); selling 10 of d4 is buying all the rest, and 10 more everywhere
    assert market.payouts((1, 3)) == {"ann": 36 + 10}
