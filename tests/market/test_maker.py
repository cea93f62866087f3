"""The market: sizes, limits, positions, payouts, bounds; and the ways to pump money out of one, none of which works."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anyday.instants import Instant
from anyday.market import MECHANISMS, lmsr
from anyday.market.horizon import Claim
from anyday.market.maker import Market
from anyday.market.mechanism import Fill, Order
from anyday.market.position import MOST_STEPS
from anyday.points import charge_for
from anyday.refusals import Reason, Refusal
from tests.market.books import against, ask, bet, market_of, never, opening_of, refused, window
from tests.market.flat import MP, Flat, holds, hourly, start_of

POINT = 10**6


def flat_of(market: Market) -> Flat:
    """A flat market with the same opening and nothing sold."""
    opening = market.opening
    return Flat([opening.weight(k, k + 1) for k in range(opening.count + 1)], market.liquidity)


def state(market: Market) -> object:
    """All that a market is, to be compared."""
    tree = market._tree
    arrays = [list(getattr(tree, name)) for name in ("_child", "_gap", "_high", "_sum")]
    holdings = {player: ([*h.starts], [*h.shares]) for player, h in market._holdings.items()}
    return copy.deepcopy((arrays, tree._base, tree._pending, tree.passed, holdings, market.charged, market.released))


# sizes


@given(st.integers(1, 30), st.data())
def test_a_budget_buys_the_most_shares_whose_charge_it_covers(count: int, data: st.DataObject) -> None:
    market = market_of(count, data.draw(st.sampled_from((POINT // 10, POINT, 10**9))), skew=True)
    b = market.liquidity
    bet(market, "bob", window(0, 1), shares=data.draw(st.integers(1, 30 * b)))
    first = data.draw(st.integers(0, count - 1))
    claim = Claim(first, data.draw(st.integers(first + 1, count)), data.draw(st.booleans()))
    budget = data.draw(st.integers(1, 1_000) | st.integers(1, 10 * b))
    quote = market.quote(Order("ann", claim, spend=budget))
    if isinstance(quote, Refusal):
        assert quote.reason in {Reason.TOO_SMALL, Reason.BOOK_TOO_STEEP}
        return
    assert 1 <= quote.charge <= budget
    inside, outside = market._tree.split(claim.first, claim.last)
    if claim.complement:
        inside, outside = outside, inside
    assert charge_for(lmsr.cost(b, inside, outside, quote.shares + 1)) > budget, "one more share would exceed it"
    assert ask(market, "ann", claim, shares=quote.shares).charge == quote.charge


@given(st.integers(1, 999_999), st.booleans())
def test_a_target_is_reached_to_the_share_and_never_passed(target: int, complement: bool) -> None:
    market = market_of(10, 10**10)
    claim = Claim(3, 6, complement)
    quote = market.quote(Order("ann", claim, target=target))
    before = market.price(claim)
    if isinstance(quote, Refusal):
        assert quote.reason is Reason.NO_MOVE
        assert abs(before * 1e6 - target) < 1e-3
        return
    market.apply(Fill("ann", quote.claim, quote.shares, quote.charge, quote.released))
    after = market.price(claim)
    assert quote.claim == (claim if target > before * 1e6 else Claim(3, 6, not complement)), "below the price the complement is bought"
    assert abs(after * 1e6 - target) < 1e-3
    assert min(before, target / 1e6) - 1e-12 <= after <= max(before, target / 1e6) + 1e-12


@example(first=0, wide=1, shares=144_422_934_307)
@given(st.integers(0, 4), st.integers(1, 5), st.integers(1, 5 * 10**11))
def test_selling_a_window_is_buying_its_complement_and_getting_the_shares_in_cash(first: int, wide: int, shares: int) -> None:
    one, other = market_of(8, 10**12), market_of(8, 10**12)
    claim, rest = Claim(first, min(first + wide, 8), False), Claim(first, min(first + wide, 8), True)
    shares = min(shares, one.liquidity * 5)
    for market in (one, other):
        bet(market, "ann", claim, shares=shares)
    sold = bet(one, "ann", claim, shares=-shares)
    bought = bet(other, "ann", rest, shares=shares)
    assert bought.released == shares, "both sides are held: that much is certain"
    # each is its own exact cost rounded up, behind a guard in proportion to it: a unit either way, where amounts are as large as may be
    assert abs(sold.charge - (bought.charge - shares)) <= (1 if shares > 10**9 else 0) or sold.charge == bought.charge - shares + 1
    for market in (one, other):
        assert market.position("ann").steps == ()
        assert market.position("ann").floor == 0
        assert market._tree.most_shares == 0
        market.check()


def test_a_quote_changes_nothing_and_a_market_behaves_as_its_copy() -> None:
    market = market_of(2**22)
    bet(market, "ann", window(5, 1_000_000), spend=5 * POINT)
    before = state(market)
    for size in ({"shares": 7}, {"spend": POINT}, {"target": 400_000}, {"shares": -3}):
        market.quote(Order("ann", window(123_456, 654_321), **size))  # type: ignore[arg-type]
        market.ghost(ask(market, "bob", against(77, 99), shares=POINT))
        market.curve()
        market.worth("ann")
    assert state(market) == before
    twin = market.copy()
    bet(twin, "bob", window(7, 9), shares=10)
    twin.advance(start_of(3))
    assert state(market) == before
    twin.check()


@pytest.mark.parametrize(
    ("claim", "size", "reason"),
    [
        (window(0, 1), {}, Reason.ONE_SIZE),
        (window(0, 1), {"shares": 1, "spend": 1}, Reason.ONE_SIZE),
        (window(0, 1), {"shares": 1, "spend": 1, "target": 1}, Reason.ONE_SIZE),
        (window(0, 1), {"shares": 0}, Reason.TOO_SMALL),
        (window(0, 1), {"spend": 0}, Reason.TOO_SMALL),
        (window(0, 1), {"spend": -5}, Reason.TOO_SMALL),
        (window(0, 1), {"target": 0}, Reason.NOT_A_CHANCE),
        (window(0, 1), {"target": 1_000_000}, Reason.NOT_A_CHANCE),
        (window(0, 1), {"target": 80_000}, Reason.NO_MOVE),
        (window(0, 1), {"shares": -1}, Reason.HOLDS_LESS),
        (window(0, 1), {"shares": 2**54}, Reason.BOOK_TOO_STEEP),
        (window(0, 1), {"shares": 10**400}, Reason.BOOK_TOO_STEEP),
        (window(0, 1), {"spend": 2**39}, Reason.BOOK_TOO_STEEP),
        (window(0, 1), {"spend": 2**39 + 1}, Reason.ORDER_TOO_LARGE),
        (window(0, 1), {"spend": 10**400}, Reason.ORDER_TOO_LARGE),
        (window(0, 1), {"shares": POINT, "max_cost": 10}, Reason.WORSE_THAN_LIMIT),
        (window(0, 1), {"spend": POINT, "min_shares": 10**8}, Reason.WORSE_THAN_LIMIT),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_leaves_no_trace(claim: Claim, size: dict[str, int], reason: Reason) -> None:
    market = market_of(10)
    before = state(market)
    assert refused(market, "ann", claim, **size).reason is reason
    assert state(market) == before
    assert market.players == ()


def test_an_order_beyond_the_largest_cost_is_refused() -> None:
    market = market_of(10, 2**53)
    assert refused(market, "ann", window(0, 5), shares=2**41).reason is Reason.ORDER_TOO_LARGE
    assert refused(market, "ann", window(0, 5), spend=2**39 + 1).reason is Reason.ORDER_TOO_LARGE
    assert ask(market, "ann", window(0, 5), spend=2**38).charge <= 2**38


def test_a_sale_says_so_when_it_brings_nothing_and_keeps_its_limit() -> None:
    market = market_of(10)
    bet(market, "ann", window(0, 1), shares=1)
    assert ask(market, "ann", window(0, 1), shares=-1).charge == 0
    assert refused(market, "ann", window(0, 1), shares=-1, max_cost=-1).reason is Reason.WORSE_THAN_LIMIT
    assert ask(market, "ann", window(0, 1), shares=-1, max_cost=0).charge == 0


def test_a_position_may_have_a_thousand_steps_and_no_more() -> None:
    market = market_of(4_000, 10**12)
    grain = 1
    while not isinstance(market.quote(Order("ann", window(grain, grain + 1), shares=10)), Refusal):
        bet(market, "ann", window(grain, grain + 1), shares=10)
        grain += 2
    assert MOST_STEPS - 2 < len(market._holdings["ann"]) <= MOST_STEPS
    assert refused(market, "ann", window(3_000, 3_001), shares=10).reason is Reason.POSITION_TOO_FINE
    assert ask(market, "ann", window(1, 2), shares=-10).charge <= 0, "selling a step away stays possible"
    bet(market, "bob", window(3_000, 3_001), shares=10)
    market.check()


# time


def test_what_has_started_cannot_be_bet_on_nor_against() -> None:
    market = market_of(10)
    market.advance(Instant(start_of(3) - 1))
    assert market.passed == 3
    for claim in (window(2, 3), window(2, 5), window(0, 3), window(0, 5), against(2, 5), against(2, 3)):
        assert refused(market, "ann", claim, shares=5).reason is Reason.HAS_STARTED
    assert refused(market, "ann", against(0, 3), shares=5).reason is Reason.CERTAIN, "not before the fourth: it is not"
    assert ask(market, "ann", window(3, 4), shares=5).charge >= 1
    market.advance(start_of(3))
    assert refused(market, "ann", window(3, 4), shares=5).reason is Reason.HAS_STARTED
    assert refused(market, "ann", against(3, 4), shares=5).reason is Reason.HAS_STARTED
    market.advance(start_of(0))
    assert market.passed == 4, "time never runs backwards"
    assert ask(market, "ann", against(0, 6), shares=5).claim == against(0, 6), "not before the seventh hour: its passed part is nothing"
    bet(market, "ann", against(0, 6), shares=5)
    assert [market.position("ann").at(k) for k in range(4, 10)] == [0, 0, 5, 5, 5, 5]
    assert market.position("ann").never == 5
    market.check()


def test_when_all_has_passed_only_never_is_left_and_it_is_certain() -> None:
    market = market_of(4)
    bet(market, "ann", never(market), spend=POINT)
    held = market.held("ann", never(market))
    market.advance(start_of(9))
    market.check()
    assert market.price(never(market)) == 1.0
    assert market.price(window(0, 4)) == 0.0
    assert market.collectable("ann") == held
    assert market.curve().never == 1.0
    for claim in (never(market), window(0, 4), window(3, 4), against(3, 4)):
        assert refused(market, "ann", claim, shares=1).reason is Reason.ALL_PASSED
    market.collect("ann", held)
    market.check()
    assert market.payouts(None) == {}


def test_time_conditions_as_bayes_says_and_a_bet_after_it_is_a_bet_on_what_is_left() -> None:
    market = market_of(12, skew=True)
    bet(market, "ann", window(2, 7), spend=50 * POINT)
    before = [market.price(window(k, k + 1)) for k in range(12)] + [market.price(never(market))]
    market.advance(start_of(4))
    left = sum(before[5:])
    for k in range(5, 12):
        assert math.isclose(market.price(window(k, k + 1)), before[k] / left, rel_tol=1e-12)
    assert math.isclose(math.fsum(market.price(window(k, k + 1)) for k in range(12)) + market.price(never(market)), 1.0, rel_tol=1e-14)


def test_a_floor_becomes_cash_as_time_passes() -> None:
    market = market_of(4)
    bet(market, "ann", window(1, 3), shares=20 * POINT)
    bet(market, "ann", window(2, 3), shares=15 * POINT)
    bet(market, "ann", against(0, 3), shares=20 * POINT)
    assert market.collectable("ann") == 0
    market.advance(start_of(0))
    assert market.collectable("ann") == 20 * POINT, "what did not pay has passed"
    market.collect("ann", 20 * POINT)
    assert market.collectable("ann") == 0
    assert market.position("ann").steps == ((2, 3, 15 * POINT),)
    market.check()


# bounds and payouts


@given(st.data())
@settings(max_examples=60)
def test_the_house_never_loses_more_than_its_subsidy(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    market = market_of(count, data.draw(st.sampled_from((POINT, 10**9))), skew=data.draw(st.booleans()))
    opening, b, now = market.opening, market.liquidity, 0
    for _ in range(data.draw(st.integers(1, 25))):
        if data.draw(st.integers(0, 5)) == 0:
            now = data.draw(st.integers(now, count))
            market.advance(Instant(start_of(now) - 1))
        if market.passed == count:
            break
        first = data.draw(st.integers(market.passed, count - 1))
        claim = Claim(first, data.draw(st.integers(first + 1, count)), data.draw(st.booleans()))
        player = data.draw(st.sampled_from("abc"))
        quote = market.quote(Order(player, claim, shares=data.draw(st.integers(1, 40 * b))))
        if not isinstance(quote, Refusal):
            market.apply(Fill(player, quote.claim, quote.shares, quote.charge, quote.released))
        market.check()
        collected = market.charged - market.released
        for k in range(market.passed, count + 1):
            bound = b * math.log(opening.total / opening.weight(k, k + 1))
            assert market._tree.shares_at(k) - collected <= bound * (1 + 1e-12)
    for outcome in [(k, k + 1) for k in range(market.passed, count)] + [None]:
        paid = market.payouts(outcome)
        assert market.charged - market.released - sum(paid.values()) >= -market.subsidy
    if market.passed < count:
        first = data.draw(st.integers(market.passed, count - 1))
        last = data.draw(st.integers(first + 1, count))
        paid = market.payouts((first, last))
        whole = opening.weight(first, last)
        exact = Fraction(sum(opening.weight(k, k + 1) * market._tree.shares_at(k) for k in range(first, last)), whole)
        assert sum(paid.values()) <= exact, "a window's pay never exceeds the mean of what was sold"
        for player in market.players:
            shares = sum(opening.weight(k, k + 1) * market.payouts((k, k + 1)).get(player, 0) for k in range(first, last))
            assert paid.get(player, 0) == shares // whole, "the exact mean, rounded down"


@given(st.data())
@settings(max_examples=40)
def test_the_loss_is_b_ln_of_last_over_first_chance_less_what_time_released(data: st.DataObject) -> None:
    count, b = 8, data.draw(st.sampled_from((100, 10**6)))
    flat = Flat([opening_of(count, skew=True).weight(k, k + 1) for k in range(count + 1)], b)
    taken, released = MP.mpf(0), MP.mpf(0)
    for _ in range(12):
        if data.draw(st.integers(0, 3)) == 0 and flat.passed < count:
            before = flat.potential()
            flat.passed += 1
            released += before - flat.potential()
        first = data.draw(st.integers(flat.passed, count))
        if first < count:
            taken += flat.add(Claim(first, data.draw(st.integers(first + 1, count)), data.draw(st.booleans())), data.draw(st.integers(-3 * b, 3 * b)))
    whole, opened = flat.weight(range(flat.passed, count + 1)), sum(flat.u)
    for k in range(flat.passed, count + 1):
        last, first_chance = flat.weight([k]) / whole, MP.mpf(flat.u[k]) / opened
        assert abs((flat.q[k] - taken) - (b * MP.log(last / first_chance) - released)) < MP.mpf(10) ** -30 * b


@pytest.mark.parametrize("subsidy", [POINT, 10**9])
@pytest.mark.parametrize("count", [1, 9, 2**22])
def test_the_steepest_book_is_reached_exactly_and_not_passed(subsidy: int, count: int) -> None:
    market = market_of(count, subsidy)
    opening, edge, peak = market.opening, 64 * market.liquidity, window(count // 2, count // 2 + 1)
    rest = against(peak.first, peak.last)
    assert refused(market, "ann", peak, shares=edge + 1).reason is Reason.BOOK_TOO_STEEP
    bet(market, "ann", peak, shares=edge)
    assert refused(market, "bob", peak, shares=1).reason is Reason.BOOK_TOO_STEEP
    odds = MP.mpf(opening.weight(peak.first, peak.last)) / (opening.total - opening.weight(peak.first, peak.last)) * MP.exp(64)
    assert abs(MP.mpf(market.price(rest)) - 1 / (1 + odds)) <= 1e-12 / (1 + odds), "down to 1e-27, relative"
    assert bet(market, "far", rest, shares=1).charge == 1, "the cheapest share still costs a unit"
    assert refused(market, "ann", rest, shares=2 * edge + 1).reason is Reason.BOOK_TOO_STEEP
    bet(market, "bob", rest, shares=2 * edge - 1)
    assert refused(market, "far", rest, shares=1).reason is Reason.BOOK_TOO_STEEP
    assert abs(MP.mpf(market.price(peak)) * (1 + 1 / odds) - MP.exp(-128) * odds) <= 1e-12, "and from the other side"
    market.check()


def test_shares_stop_at_two_to_the_53() -> None:
    market = market_of(1, 2**53)
    market._tree.shift(2**53 - 1_000)
    assert refused(market, "ann", window(0, 1), shares=1_001).reason is Reason.BOOK_TOO_STEEP
    assert ask(market, "ann", window(0, 1), shares=1_000).charge >= 1


# charges against 50 digits, and pumps


ADVERSARIAL = [(c, s) for c in (2, 7, 40) for s in (POINT // 10, POINT, 10**9, 10**14)]


@pytest.mark.parametrize(("count", "subsidy"), ADVERSARIAL)
def test_charges_are_never_below_the_exact_cost_and_a_unit_above_its_ceiling_at_most(count: int, subsidy: int, chance: object) -> None:
    rng, market = chance, market_of(count, subsidy, skew=True)
    flat, b, standing = flat_of(market), market.liquidity, 0
    for turn in range(220):
        if turn % 40 == 39 and market.passed < count - 1:
            market.advance(start_of(market.passed))
            flat.passed = market.passed
        first = rng.randint(market.passed, count - 1)  # type: ignore[attr-defined]
        claim = Claim(first, rng.randint(first + 1, count), rng.random() < 0.5)  # type: ignore[attr-defined]
        player = f"p{rng.randrange(40)}"  # type: ignore[attr-defined]
        size = rng.choice((1, 3, b // 1000 + 1, b, 20 * b, 63 * b))  # type: ignore[attr-defined]
        held = market.held(player, claim)
        shares = -rng.randint(1, held) if held and rng.random() < 0.5 else size  # type: ignore[attr-defined]
        quote = market.quote(Order(player, claim, shares=shares))
        if isinstance(quote, Refusal):
            assert quote.reason in {Reason.BOOK_TOO_STEEP, Reason.ORDER_TOO_LARGE, Reason.CERTAIN}
            continue
        exact = flat.price(claim)
        assert abs(MP.mpf(market.price(claim)) - exact) <= 1e-12 * exact
        cost = flat.add(claim, quote.shares)
        assert holds(cost, quote.charge, quote.shares), f"turn {turn}: {quote} against {MP.nstr(cost, 20)}"
        market.apply(Fill(player, quote.claim, quote.shares, quote.charge, quote.released))
        flat.shift(-quote.released)
        standing += 1
        assert [market._tree.shares_at(k) for k in range(flat.passed, count + 1)] == flat.q[flat.passed :]
    market.check()
    assert standing > 30


@given(st.data())
@settings(max_examples=60)
def test_no_round_trip_gains_a_unit(data: st.DataObject) -> None:
    market = market_of(6, data.draw(st.sampled_from((POINT // 10, 10**8))))
    b = market.liquidity
    bet(market, "bob", window(1, 3), shares=data.draw(st.integers(1, 20 * b)))
    claims = st.sampled_from([window(0, 2), window(1, 3), against(1, 3), window(2, 6), against(0, 6), against(4, 5)])
    charges = released = 0
    bought: list[tuple[Claim, int]] = []
    for _ in range(data.draw(st.integers(1, 12))):
        claim, shares = data.draw(claims), data.draw(st.integers(1, 3) | st.integers(1, 3 * b))
        fill = bet(market, "ann", claim, shares=shares)
        bought.append((claim, shares))
        charges, released = charges + fill.charge, released + fill.released
    # back to flat: the complement of each, so that whatever was netted away comes home as well
    for claim, shares in data.draw(st.permutations(bought)):
        fill = bet(market, "ann", Claim(claim.first, claim.last, not claim.complement), shares=shares)
        charges, released = charges + fill.charge, released + fill.released
    assert market.position("ann").steps == ()
    assert market.position("ann").never == 0
    assert released - charges <= 0, "no cycle gains"
    market.check()


def test_dust_bought_ten_thousand_times_and_sold_at_once_loses() -> None:
    market = market_of(30, 10**8)
    paid = sum(bet(market, "ann", window(4, 5), shares=1).charge for _ in range(2_000))
    back = -bet(market, "ann", window(4, 5), shares=-2_000).charge
    assert paid == 2_000 > back
    paid = bet(market, "ann", window(4, 5), shares=2_000).charge
    back = -sum(bet(market, "ann", window(4, 5), shares=-1).charge for _ in range(2_000))
    assert back == 0 < paid


@pytest.mark.parametrize("count", [1, 5, 48])
def test_a_full_set_costs_at_least_what_it_pays(count: int) -> None:
    market, size = market_of(count), 3 * POINT
    charges = sum(bet(market, "ann", window(k, k + 1), shares=size).charge for k in range(count))
    last = bet(market, "ann", never(market), shares=size)
    assert last.released == size
    assert charges + last.charge >= size
    assert market.position("ann").steps == ()
    market.check()


def test_one_order_never_costs_more_than_its_pieces() -> None:
    lump, pieces = market_of(9), market_of(9)
    whole = bet(lump, "ann", window(2, 5), shares=90 * POINT).charge
    parts = sum(bet(pieces, "ann", window(2, 5), shares=10 * POINT).charge for _ in range(9))
    assert whole <= parts <= whole + 2 * 9
    cut = market_of(9)
    apart = sum(bet(cut, "ann", window(k, k + 1), shares=90 * POINT).charge for k in range(2, 5))
    assert whole <= apart <= whole + 2 * 3, "nor do a window's parts in turn: the potential knows only what is sold"
    assert [m._tree.shares_at(3) for m in (lump, pieces, cut)] == [90 * POINT] * 3


def test_replaying_the_fills_gives_the_same_state_to_the_bit() -> None:
    market, journal = market_of(100), []
    for k in range(40):
        market.advance(start_of(k // 4))
        journal.append((start_of(k // 4), bet(market, f"p{k % 7}", Claim(30 + k % 11, 60 + k, k % 3 == 0), spend=POINT + k)))
    again = market_of(100)
    for at, fill in journal:
        again.advance(at)
        again.apply(fill)
    assert state(again) == state(market)


def test_the_ghost_is_the_curve_after_the_bet() -> None:
    market = market_of(50)
    bet(market, "bob", window(10, 20), spend=30 * POINT)
    market.advance(start_of(5))
    for claim, size in ((window(12, 31), {"spend": 9 * POINT}), (against(8, 40), {"target": 600_000}), (never(market), {"shares": POINT})):
        quote = ask(market, "ann", claim, **size)
        ghost = market.ghost(quote)
        bet(market, "ann", claim, **size)
        after = market.curve(ghost.edges)
        assert ghost.edges == after.edges
        assert all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip((*ghost.masses, ghost.never), (*after.masses, after.never), strict=True))
        assert abs(quote.chance_after - market.price(quote.claim) * 1e6) <= 0.5 + 1e-6


def test_the_table_of_mechanisms_names_the_market() -> None:
    assert MECHANISMS["market"] is Market
    assert hourly(3).count == 3
