"""The laws of every opening curve, whatever it was made from: exact integers, nothing impossible, nothing lost."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anyday.instants import DAY, HOUR, MINUTE, Grain, Instant
from anyday.market import lmsr
from anyday.market.horizon import Horizon
from anyday.market.prior import LONGEST_CASE, MOST_RUNS, MOST_WEIGHT, WHOLE, Opening, from_cases, from_quantiles, uniform
from anyday.refusals import Refusal

NEVERS = st.integers(1, WHOLE - 1) | st.sampled_from([1, 2, 200_000, WHOLE - 2, WHOLE - 1])


@st.composite
def horizons(draw: st.DrawFn) -> Horizon:
    count = draw(st.integers(1, 30) | st.integers(MOST_RUNS - 1, MOST_RUNS + 1) | st.integers(1, 2**22))
    length, grain = draw(st.sampled_from([(MINUTE, Grain.MINUTE), (HOUR, Grain.HOUR)]))
    return Horizon(grain, "UTC", Instant(draw(st.integers(-(10**6), 10**6)) * HOUR), ((count, length),), "2026a")


@st.composite
def zoned(draw: st.DrawFn) -> Horizon:
    """Days of 23, 24 and 25 hours."""
    counts = draw(st.lists(st.integers(1, 400), min_size=1, max_size=6))
    return Horizon(Grain.DAY, "Europe/Zurich", Instant(0), tuple((n, (24, 23, 24, 25)[k % 4] * HOUR) for k, n in enumerate(counts)), "2026a")


def evenly(draw: st.DrawFn, horizon: Horizon) -> Opening | Refusal:
    return uniform(horizon.count, draw(NEVERS))


def stated(draw: st.DrawFn, horizon: Horizon) -> Opening | Refusal:
    never = draw(NEVERS)
    grains = sorted(draw(st.sets(st.integers(1, horizon.count), max_size=12)) - {horizon.count})
    chances = sorted(draw(st.lists(st.integers(0, WHOLE - never), min_size=len(grains), max_size=len(grains))))
    return from_quantiles(horizon.count, list(zip(grains, chances, strict=True)), never)


def earlier(draw: st.DrawFn, horizon: Horizon) -> Opening | Refusal:
    lasted = st.integers(1, LONGEST_CASE) | st.integers(1, 400).map(lambda days: days * DAY) | st.sampled_from([1, MINUTE, LONGEST_CASE])
    cases = [(time, True) for time in draw(st.lists(lasted, min_size=2, max_size=30))]
    cases += [(time, False) for time in draw(st.lists(lasted, max_size=10))]
    return from_cases(horizon, draw(st.just(0) | st.integers(0, LONGEST_CASE)), cases * draw(st.sampled_from([1, 1, 7])), draw(st.none() | NEVERS))


@st.composite
def openings(draw: st.DrawFn, kind: str) -> tuple[Horizon, Opening]:
    horizon = draw(horizons() | zoned())
    opening = {"uniform": evenly, "quantiles": stated, "cases": earlier}[kind](draw, horizon)
    assert isinstance(opening, Opening), str(opening)
    return horizon, opening


KINDS = pytest.mark.parametrize("kind", ["uniform", "quantiles", "cases"])


@KINDS
@given(st.data())
def test_a_curve_is_whole_numbers_that_cover_the_question_and_leave_nothing_impossible(kind: str, data: st.DataObject) -> None:
    horizon, opening = data.draw(openings(kind))
    assert 1 <= len(opening.runs) <= MOST_RUNS
    assert [first for first, _, _ in opening.runs] + [horizon.count] == [0] + [last for _, last, _ in opening.runs]
    assert all(type(number) is int for run in opening.runs for number in run) and type(opening.never) is int
    assert all(first < last and weight >= 1 for first, last, weight in opening.runs) and opening.never >= 1
    assert opening.total == sum((last - first) * weight for first, last, weight in opening.runs) + opening.never <= MOST_WEIGHT
    assert opening.least == min(opening.never, *(weight for _, _, weight in opening.runs))
    assert opening.count == horizon.count and opening.smooth == (kind == "uniform")


@KINDS
@given(st.data())
def test_masses_of_neighbours_add_up_and_never_is_what_grains_leave(kind: str, data: st.DataObject) -> None:
    _, opening = data.draw(openings(kind))
    edges = sorted({0, opening.count, opening.count + 1, *data.draw(st.lists(st.integers(0, opening.count), max_size=8))})
    held = [opening.weight(first, last) for first, last in itertools.pairwise(edges)]
    assert sum(held) == opening.total and held[-1] == opening.never
    assert all(mass >= (last - first) * opening.least for mass, (first, last) in zip(held, itertools.pairwise(edges), strict=True))
    assert [opening.before(edge) for edge in edges] == [sum(held[:place]) for place in range(len(edges))]


@KINDS
@given(st.data())
def test_every_grain_keeps_its_part_of_the_uniform_share(kind: str, data: st.DataObject) -> None:
    _, opening = data.draw(openings(kind))
    fair = Fraction(2, 100) * Fraction(opening.total - opening.never, opening.count)
    assert all(weight >= fair * Fraction(999, 1000) for _, _, weight in opening.runs)


@KINDS
@given(st.data())
def test_a_market_can_open_on_it_within_its_subsidy(kind: str, data: st.DataObject) -> None:
    _, opening = data.draw(openings(kind))
    depth = lmsr.liquidity_for(10**9, opening)
    assert not isinstance(depth, Refusal), str(depth)
    assert lmsr.loss_bound(depth[0], opening) <= 10**9


@given(openings("cases"))
def test_a_curve_from_cases_of_a_question_of_runs_or_fewer_is_told_grain_by_grain(case: tuple[Horizon, Opening]) -> None:
    horizon, opening = case
    assert len(opening.runs) == horizon.count if horizon.count <= MOST_RUNS else len(opening.runs) > 1


@example(1)
@example(WHOLE - 1)
@given(NEVERS)
def test_never_may_be_almost_nothing_or_almost_all(never: int) -> None:
    horizon = Horizon(Grain.MINUTE, "UTC", Instant(0), ((2**22, MINUTE),), "2026a")
    for opening in (uniform(2**22, never), from_quantiles(2**22, [(7, 0)], never), from_cases(horizon, 0, [(1, True), (DAY, True)], never)):
        assert isinstance(opening, Opening)
        assert abs(Fraction(opening.never, opening.total) - Fraction(never, WHOLE)) <= Fraction(1, 10**9)


def test_control_weights_that_leave_a_grain_impossible_or_a_hole_are_caught() -> None:
    for runs, never in ((((0, 5, 0),), 1), (((0, 5, 1), (6, 9, 1)), 1), (((0, 5, 1),), 0), (((0, 5, 2**60),), 1)):
        with pytest.raises(AssertionError):
            Opening(runs, never)
