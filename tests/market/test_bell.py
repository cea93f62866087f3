"""The bell: sealed bets filled together at one price a window, against closed forms, a general optimiser and 50 digits."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize  # type: ignore[import-untyped]

from anyday.market import bell, circuit, lmsr
from anyday.market.bell import Line, Sealed
from anyday.market.circuit import Demand
from anyday.market.horizon import Claim
from anyday.market.maker import Market
from anyday.market.prior import WHOLE, Opening
from anyday.points import MAX_ORDER_COST, PRICE_WHOLE, charge_at, price_for
from anyday.refusals import Reason
from tests.market.books import against, bet, market_of, never, window
from tests.market.flat import MP, Flat, hourly, start_of

POINT = 10**6
SIZES = st.integers(1, 1_000) | st.integers(1, 10**6)


def five_outcomes(liquidity: int = 100 * POINT) -> Market:
    """The prior of the published example: four grains of 5, 10, 15 and 20 %, and never."""
    opening = Opening(tuple((grain, grain + 1, grain + 1) for grain in range(4)), 10, False)
    return Market(hourly(4), opening, liquidity, lmsr.loss_bound(liquidity, opening))


def ring(market: Market, bets: list[Sealed]) -> list[Line]:
    """Fill, check every promise, and do it."""
    lines = bell.fill(market, bets)
    market.ring(bell.fills(market, bets, lines))
    market.check()
    return lines


def flat_of(market: Market) -> Flat:
    """The market as flat lists."""
    flat = Flat([market.opening.weight(k, k + 1) for k in range(market.opening.count + 1)], market.liquidity)
    flat.q = [market._tree.shares_at(k) for k in range(market.opening.count + 1)]
    flat.passed = market.passed
    return flat


# published and closed cases


def test_the_published_batch_of_four_is_filled_as_published() -> None:
    market = five_outcomes()
    bets = [
        Sealed("ann", window(0, 2), 400_000, shares=200 * POINT), Sealed("bob", window(2, 4), 450_000, shares=150 * POINT),
        Sealed("cem", never(market), 350_000, shares=120 * POINT), Sealed("dot", window(1, 3), 300_000, shares=40 * POINT),
    ]  # fmt: skip
    lines = ring(market, bets)
    assert [line.shares for line in lines] == [200_000_000, 150_000_000, 105_878_590, 0]
    assert [line.price / PRICE_WHOLE for line in lines] == pytest.approx([0.269124593337, 0.380875406663, 0.35, 0.342648712699], abs=1e-11)
    assert sum(line.charge for line in lines) / POINT == pytest.approx(148.013736360400, abs=1e-6)
    assert float(flat_of(market).potential()) / POINT == pytest.approx(141.546084947, abs=1e-6)


def test_two_who_bet_against_each_other_are_matched_at_once_though_the_maker_is_small() -> None:
    market = market_of(2, POINT, never=500_000)
    size = 60 * market.liquidity
    lines = ring(market, [Sealed("ann", never(market), 600_000, shares=size), Sealed("bob", window(0, 2), 500_000, shares=size)])
    short = market.liquidity * np.log(1)
    assert lines[0].shares == size and abs(lines[1].shares - size - short) <= 1
    assert lines[0].price + lines[1].price == pytest.approx(PRICE_WHOLE, rel=1e-11)


def test_the_least_sum_of_squares_by_size_is_chosen_where_several_fills_are_best() -> None:
    """Two windows that together are as good as a third: the limits add up exactly, so any split of the volume is optimal."""
    prior = [0.1, 0.1, 0.8]
    demands = [Demand(0, 1, False, 0.2, 1.0), Demand(1, 2, False, 0.2, 1.0), Demand(0, 2, False, 0.4, 2.0)]
    met = circuit.meet(prior, demands)
    each = np.log(0.2 / 0.1) - np.log(0.6 / 0.8)  # both windows need so many shares, in b
    # x + z = each on either side; the least x²/1 + x²/1 + z²/2 is at 2x = z/2 · … by symmetry x = y, z = each − x
    x = each / 5 * 1.0
    best = minimize(lambda v: 2 * v[0] ** 2 + (each - v[0]) ** 2 / 2, [0.1]).x[0]
    assert best == pytest.approx(x, abs=1e-6)
    assert met.parts == pytest.approx([x, x, (each - x) / 2], abs=1e-5)
    assert met.chances == pytest.approx([0.2, 0.2, 0.6], abs=1e-12)


def test_equal_bets_share_in_proportion_whatever_their_names() -> None:
    market = five_outcomes()
    wants = [Sealed(name, window(0, 2), 300_000, shares=size * POINT) for name, size in (("zoe", 300), ("ann", 300), ("bob", 150))]
    zoe, ann, bob = ring(market, wants)
    whole = market.liquidity * (np.log(0.3 / 0.7) - np.log(0.15 / 0.85))
    assert zoe == ann and bob.shares == pytest.approx(zoe.shares / 2, abs=1)
    assert zoe.shares + ann.shares + bob.shares == pytest.approx(whole, abs=3)
    assert zoe.price == bob.price == 300_000 * 10**9


def test_points_to_spend_are_as_many_shares_as_they_buy_at_the_limit() -> None:
    market = five_outcomes()
    spent, named = Sealed("ann", window(0, 2), 300_000, spend=3 * POINT), Sealed("bob", window(0, 2), 300_000, shares=10 * POINT)
    assert (spent.size, spent.reserve) == (named.size, named.reserve) == (10 * POINT, 3 * POINT)
    one, other = ring(market, [spent, named])
    assert one == other and 0 < one.charge < 3 * POINT


def test_who_bets_too_little_stays_out_and_learns_the_price() -> None:
    market = five_outcomes()
    (line,) = ring(market, [Sealed("ann", window(0, 2), 100_000, shares=POINT)])
    assert (line.shares, line.charge) == (0, 0)
    assert line.price / PRICE_WHOLE == pytest.approx(0.15, rel=1e-11)
    assert market.players == ()


def test_nobody_and_nothing_is_filled_too() -> None:
    assert bell.fill(five_outcomes(), []) == []


def test_a_single_bet_moves_the_price_to_its_limit_and_pays_it_for_all() -> None:
    market = five_outcomes()
    (line,) = ring(market, [Sealed("ann", window(0, 2), 500_000, shares=1000 * POINT)])
    assert line.shares == pytest.approx(100 * POINT * (0 - np.log(0.15 / 0.85)), abs=1)
    assert line.charge == charge_at(PRICE_WHOLE // 2, line.shares)
    flat = flat_of(market)
    assert line.charge > flat.potential(), "the maker asks for less than the last price on all of it"


def test_what_has_passed_is_not_filled_and_the_rest_is_conditioned() -> None:
    market = five_outcomes()
    market.advance(start_of(0))
    wants = [(window(0, 1), 999_999, POINT), (window(0, 2), 500_000, POINT), (against(0, 1), 999_999, 9)]
    bets = [Sealed("ann", claim, limit, shares=shares) for claim, limit, shares in wants]
    ann, bob, cem = ring(market, bets)
    assert (ann.shares, bob.shares, cem.shares) == (0, POINT, 0)
    assert bob.price / PRICE_WHOLE > 0.1 / 0.95


def test_where_the_book_would_get_too_steep_everybody_is_cut_alike() -> None:
    market = market_of(3, POINT)
    b = market.liquidity
    bets = [Sealed(str(turn), window(turn % 2, turn % 2 + 1), 600_000, shares=64 * b) for turn in range(6)]
    lines = ring(market, bets)
    assert len({line.shares for line in lines}) == 1 and 0 < lines[0].shares < 64 * b
    _, most = market.extremes(0, market.opening.count + 1)
    assert 64 * b - 6 <= most <= 64 * b


# refusals


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        (Sealed("ann", window(0, 1), 0, shares=1), Reason.NOT_A_CHANCE),
        (Sealed("ann", window(0, 1), WHOLE, shares=1), Reason.NOT_A_CHANCE),
        (Sealed("ann", window(0, 1), 1), Reason.ONE_SIZE),
        (Sealed("ann", window(0, 1), 1, shares=1, spend=1), Reason.ONE_SIZE),
        (Sealed("ann", window(0, 1), 1, shares=0), Reason.TOO_SMALL),
        (Sealed("ann", window(0, 1), 1, shares=-5), Reason.TOO_SMALL),
        (Sealed("ann", window(0, 1), 900_000, spend=MAX_ORDER_COST + 1), Reason.ORDER_TOO_LARGE),
        (Sealed("ann", window(0, 1), 900_000, shares=64 * 100 * POINT + 1), Reason.BOOK_TOO_STEEP),
    ],
)
def test_what_may_not_be_sealed_is_refused(sealed: Sealed, reason: Reason) -> None:
    refusal = bell.refused(five_outcomes(), sealed)
    assert refusal is not None and refusal.reason is reason


def test_the_largest_that_may_be_sealed_is_not_refused() -> None:
    assert bell.refused(five_outcomes(), Sealed("ann", window(0, 1), 80, shares=64 * 100 * POINT)) is None


# properties


@st.composite
def batches(draw: st.DrawFn) -> tuple[Market, list[Sealed]]:
    """A market, perhaps with bets and passed grains, and sealed bets of all sizes; limits often meet exactly."""
    count = draw(st.integers(1, 12))
    market = market_of(count, draw(st.sampled_from((40_000, POINT, 10**9))), skew=draw(st.booleans()))
    b = market.liquidity
    if draw(st.booleans()):
        first = draw(st.integers(0, count - 1))
        bet(market, "old", window(first, draw(st.integers(first + 1, count))), shares=draw(st.integers(1, 10 * b)))
    if count > 1 and draw(st.booleans()):
        market.advance(start_of(draw(st.integers(0, count - 2))))
    bets = []
    for turn in range(draw(st.integers(1, 10))):
        first = draw(st.integers(0, count - 1))
        claim = Claim(first, draw(st.integers(first + 1, count)), draw(st.booleans()))
        limit = draw(st.integers(1, 9)) * 100_000 if draw(st.booleans()) else draw(st.integers(1, WHOLE - 1))
        size = max(1, b * draw(SIZES) // draw(st.sampled_from((50, 10**3, 10**6))))
        size = min(size, 64 * b)
        sealed = Sealed(f"p{turn % 4}", claim, limit, shares=size)
        bets.append(sealed if draw(st.booleans()) else Sealed(f"p{turn % 4}", claim, limit, spend=max(1, size * limit // WHOLE)))
    return market, [each for each in bets if bell.refused(market, each) is None]


@given(batches(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_every_promise_holds_whoever_comes_first(batch: tuple[Market, list[Sealed]], rng: random.Random) -> None:
    market, bets = batch
    before = flat_of(market)
    lines = bell.fill(market, bets)
    places = list(range(len(bets)))
    rng.shuffle(places)
    assert bell.fill(market, [replace(bets[place], player=f"q{turn}") for turn, place in enumerate(places)]) == [lines[place] for place in places]
    assert flat_of(market).q == before.q, "filling changes nothing"
    ring(market, bets)
    charged = sum(line.charge for line in lines)
    assert charged >= flat_of(market).potential() - before.potential(), "in 50 digits too, the maker is paid"


@given(batches())
@settings(max_examples=150, deadline=None)
def test_the_price_says_who_is_filled(batch: tuple[Market, list[Sealed]]) -> None:
    market, bets = batch
    lines = ring(market, bets)
    flat = flat_of(market)
    if any(line.shares for line in lines) and not _was_cut(bets, lines, flat):
        for sealed, line in zip(bets, lines, strict=True):
            if not flat.atoms(sealed.claim) or line.price == 0:
                continue
            price, limit = flat.price(sealed.claim), MP.mpf(sealed.limit) / WHOLE
            rounding = MP.mpf(len(bets)) / market.liquidity + MP.mpf("1e-9")
            assert line.shares == sealed.size or price >= limit - rounding, "whoever could have more has it"
            assert line.shares == 0 or price <= limit + rounding, "nobody is filled who should not be"
            assert abs(MP.mpf(line.price) / PRICE_WHOLE - price) <= rounding, "one price: the chance after all fills"


def _was_cut(bets: list[Sealed], lines: list[Line], flat: Flat) -> bool:
    """Whether the steepness of the book cut everybody's fills."""
    left = flat.q[flat.passed :]
    return max(left) - min(left) >= 64 * flat.b - len(bets)


@pytest.mark.parametrize("seed", range(25))
def test_a_general_optimiser_finds_nothing_better(seed: int) -> None:
    """The same convex problem given to SLSQP, in b, from three starts: never better than what the circuit found."""
    rng = random.Random(seed)
    size = rng.randint(2, 6)
    prior = np.array([rng.random() + 0.02 for _ in range(size)])
    prior /= prior.sum()
    demands = []
    for _ in range(rng.randint(1, 7)):
        first, last = sorted(rng.sample(range(size), 2))
        demands.append(Demand(first, last, rng.random() < 0.3, round(rng.uniform(0.05, 0.95), 2), rng.uniform(0.05, 3)))
    pays = np.array([[(d.first <= k < d.last) != d.complement for d in demands] for k in range(size)], dtype=float)
    limits, sizes = np.array([d.limit for d in demands]), np.array([d.size for d in demands])

    def lost(x: Any) -> float:
        return float(np.log(prior @ np.exp(pays @ x)) - limits @ x)

    found = np.array(circuit.meet([float(chance) for chance in prior], demands).parts) * sizes
    for start in (0.0, 0.5, 1.0):
        best = minimize(lost, start * sizes, method="SLSQP", bounds=[(0, s) for s in sizes], options={"ftol": 1e-14, "maxiter": 500})
        assert lost(found) <= best.fun + 1e-9
        after = prior * np.exp(pays @ best.x)
        assert circuit.meet([float(chance) for chance in prior], demands).chances == pytest.approx(list(after / after.sum()), abs=1e-5)


def test_forty_bets_of_one_crew_keep_every_promise() -> None:
    rng = random.Random(40)
    market = market_of(365, 10**9)
    bets = []
    for turn in range(40):
        first = rng.randrange(0, 300, 7)
        claim = Claim(first, first + rng.choice((7, 14, 28, 60)), rng.random() < 0.2)
        chance = market.price(claim)
        limit = max(1, min(WHOLE - 1, round(rng.uniform(0.5, 3) * chance * WHOLE)))
        bets.append(Sealed(f"p{turn % 9}", claim, limit, spend=rng.randint(1, 50) * POINT))
    bets = [each for each in bets if bell.refused(market, each) is None]
    assert sum(line.shares > 0 for line in ring(market, bets)) > 5


# the circuit


def test_potentials_solve_the_currents_equations() -> None:
    rng = random.Random(3)
    chances = [0.1, 1e-20, 0.3, 0.2, 1e-9, 0.4]
    wires = [(0, 3, 2.0), (1, 4, 1e12), (2, 5, 0.5)]
    currents = [rng.uniform(-1, 1) for _ in chances]
    volts = [MP.mpf(v) for v in circuit.potentials(chances, wires, currents)]
    matrix, size = MP.matrix(6), 6
    for one, other, conductance in [*((k, (k + 1) % size, 1 / MP.mpf(c)) for k, c in enumerate(chances)), *wires]:
        for a, b in ((one, other), (other, one)):
            matrix[a, a] += conductance
            matrix[a, b] -= conductance
    inner = matrix[1:, 1:]
    exact = MP.lu_solve(inner, MP.matrix(currents[1:]))
    for volt, wanted in zip(volts[1:], exact, strict=True):
        assert abs(volt - wanted) <= abs(wanted) * MP.mpf("1e-13") + MP.mpf("1e-16")


# rounding, and controls


@given(st.floats(0.0, 1.0), st.integers(0, 2**53))
def test_a_price_is_never_below_its_chance_nor_a_charge_below_the_price(chance: float, shares: int) -> None:
    price = price_for(chance)
    assert price >= MP.mpf(chance) * PRICE_WHOLE
    assert (charge_at(price, shares) - 1) * PRICE_WHOLE < price * shares <= charge_at(price, shares) * PRICE_WHOLE


@pytest.mark.parametrize(
    "tampered",
    [
        lambda line: replace(line, charge=line.charge - 1),
        lambda line: replace(line, shares=line.shares + 10),
        lambda line: replace(line, price=line.price + 1),
        lambda line: replace(line, shares=301 * POINT, charge=charge_at(line.price, 301 * POINT)),
        lambda line: Line(line.shares, 310_000 * 10**9, charge_at(310_000 * 10**9, line.shares)),
        lambda line: Line(line.shares, line.price // 2, charge_at(line.price // 2, line.shares)),
    ],
)
def test_control_a_line_that_breaks_a_promise_is_caught(tampered: Any) -> None:
    market = five_outcomes()
    bets = [Sealed("ann", window(0, 2), 300_000, shares=300 * POINT)]
    (line,) = bell.fill(market, bets)
    with pytest.raises(AssertionError):
        bell.check(market, bets, [tampered(line)])


def test_control_equal_bets_with_unequal_fills_are_caught() -> None:
    market = five_outcomes()
    bets = [Sealed(name, window(0, 2), 300_000, shares=300 * POINT) for name in ("ann", "bob")]
    one, other = bell.fill(market, bets)
    with pytest.raises(AssertionError, match="equally"):
        bell.check(market, bets, [one, Line(other.shares - POINT, other.price, charge_at(other.price, other.shares - POINT))])


def test_control_the_bell_that_is_paid_too_little_breaks_the_market() -> None:
    market = five_outcomes()
    bets = [Sealed("ann", window(0, 1), 990_000, shares=2000 * POINT)]
    (fill,) = bell.fills(market, bets, bell.fill(market, bets))
    with pytest.raises(AssertionError, match="escrow"):
        market.ring([replace(fill, charge=1)])
