"""Opening curves."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.market import lmsr
from anyday.market.prior import MOST_RUNS, MOST_WEIGHT, Opening, from_quantiles, uniform
from anyday.refusals import Reason, Refusal


def made(opening: Opening | Refusal) -> Opening:
    assert isinstance(opening, Opening), str(opening)
    return opening


@st.composite
def quantiles(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], int]:
    count = draw(st.integers(1, 2**22) | st.integers(1, 20))
    never = draw(st.integers(1, 999_999))
    grains = sorted(draw(st.sets(st.integers(1, count), max_size=8)) - {count})
    chances = sorted(draw(st.lists(st.integers(0, 1_000_000 - never), min_size=len(grains), max_size=len(grains))))
    return count, list(zip(grains, chances, strict=True)), never


@given(st.integers(1, 2**22), st.integers(1, 999_999))
def test_a_uniform_curve_weighs_every_grain_alike_and_never_exactly(count: int, never: int) -> None:
    opening = made(uniform(count, never))
    assert Fraction(opening.never, opening.total) == Fraction(never, 1_000_000)
    assert opening.runs == ((0, count, opening.runs[0][2]),)
    assert opening.total <= MOST_WEIGHT


@given(quantiles())
def test_a_stated_curve_passes_through_its_points_but_for_the_uniform_share(case: tuple[int, list[tuple[int, int]], int]) -> None:
    count, points, never = case
    opening = made(from_quantiles(count, points, never))
    among = 1_000_000 - never
    tiny = max(Fraction(count + 1, opening.total), Fraction(1, 10**9))
    assert abs(Fraction(opening.never, opening.total) - Fraction(never, 1_000_000)) <= tiny
    for grain, chance in points:
        wanted = (Fraction(98, 100) * chance + Fraction(2, 100) * Fraction(among * grain, count)) / 1_000_000
        assert abs(Fraction(opening.before(grain), opening.total) - wanted) <= tiny
    least = Fraction(2, 100) * Fraction(among, count) / 1_000_000
    assert all(Fraction(weight, opening.total) >= least * Fraction(999, 1000) for _, _, weight in opening.runs)
    assert opening.total <= MOST_WEIGHT
    assert not opening.smooth


@given(quantiles(), st.data())
def test_masses_split_without_loss(case: tuple[int, list[tuple[int, int]], int], data: st.DataObject) -> None:
    opening = made(from_quantiles(*case))
    cuts = sorted(data.draw(st.lists(st.integers(0, opening.count + 1), max_size=10)))
    edges = [0, *cuts, opening.count + 1]
    assert sum(opening.weight(a, b) for a, b in itertools.pairwise(edges)) == opening.total
    assert opening.weight(opening.count, opening.count + 1) == opening.never
    grain = data.draw(st.integers(0, opening.count - 1))
    assert opening.weight(grain, grain + 1) == next(w for first, last, w in opening.runs if first <= grain < last)
    assert opening.grain_at(opening.before(grain) + 0.5 * opening.weight(grain, grain + 1)) in {grain - 1, grain, grain + 1}


def test_small_curves_are_exact_integers() -> None:
    opening = made(from_quantiles(10, [(5, 450_000)], 100_000))
    assert opening == made(uniform(10, 100_000)) or opening.runs[0][2] == opening.runs[1][2] == 9
    assert Fraction(opening.never, opening.total) == Fraction(1, 10)


@pytest.mark.parametrize(
    ("points", "never"),
    [
        ([(5, 300_000), (5, 400_000)], 100_000),
        ([(5, 300_000), (4, 400_000)], 100_000),
        ([(11, 300_000)], 100_000),
        ([(0, 300_000)], 100_000),
        ([(5, 400_000), (6, 300_000)], 100_000),
        ([(5, 900_001)], 100_000),
        ([(5, -1)], 100_000),
        ([(10, 800_000)], 100_000),
        ([(5, 300_000)], 0),
        ([(5, 300_000)], 1_000_000),
        ([], 0),
    ],
)
def test_a_curve_that_contradicts_itself_is_refused(points: list[tuple[int, int]], never: int) -> None:
    refusal = from_quantiles(10, points, never)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.BAD_OPENING


def test_never_must_leave_room_and_be_possible() -> None:
    for never in (0, 1_000_000, -5):
        refusal = uniform(10, never)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.BAD_OPENING


def test_a_curve_of_too_many_steps_is_refused() -> None:
    points = [(grain, 0) for grain in range(1, MOST_RUNS + 2)]
    refusal = from_quantiles(5_000, points, 200_000)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.BAD_OPENING
    assert isinstance(from_quantiles(5_000, points[: MOST_RUNS - 1], 200_000), Opening)


@pytest.mark.parametrize("count", [1, 365, 2**22])
@pytest.mark.parametrize("subsidy", [10**6, 10**9, 2**53])
def test_liquidity_is_the_largest_whose_worst_loss_the_subsidy_covers(count: int, subsidy: int) -> None:
    opening = made(uniform(count, 200_000))
    depth = lmsr.liquidity_for(subsidy, opening)
    assert not isinstance(depth, Refusal)
    liquidity, escrow = depth
    assert lmsr.loss_bound(liquidity, opening) == escrow <= subsidy < lmsr.loss_bound(liquidity + 1, opening)
    assert math.isclose(escrow, liquidity * math.log(opening.total / opening.least), rel_tol=1e-9, abs_tol=1)


def test_a_subsidy_too_small_is_refused_with_the_least_that_works() -> None:
    opening = made(uniform(365, 200_000))
    refusal = lmsr.liquidity_for(10, opening)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.SUBSIDY_TOO_SMALL
    least = round(float(dict(refusal.facts)["least"]) * 1_000_000)
    assert isinstance(lmsr.liquidity_for(least - 1, opening), Refusal)
    depth = lmsr.liquidity_for(least, opening)
    assert not isinstance(depth, Refusal)
    assert depth[0] == lmsr.LEAST_LIQUIDITY
