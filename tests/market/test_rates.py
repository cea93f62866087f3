"""Rates, gaps and Kaplan–Meier's steps against published figures, another library and first principles."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from fractions import Fraction

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from anyday.instants import DAY, Instant
from anyday.market.rates import Rate, Step, at_risk, gaps, kaplan_meier, rate, waits

lasted = st.lists(st.tuples(st.integers(1, 30) | st.integers(1, 2**55), st.booleans()), max_size=40)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.025, 5.572), (2, 0.242, 7.225), (5, 1.623, 11.668), (10, 4.795, 18.390), (100, 81.364, 121.627)],
)
def test_the_interval_of_a_rate_is_the_published_one(count: int, low: float, high: float) -> None:
    found = rate(count, 1.0)
    assert (round(found.low, 3), round(found.high, 3)) == (low, high)


@given(st.integers(0, 100_000), st.floats(0.01, 1e5))
def test_the_interval_agrees_with_another_library(count: int, days: float) -> None:
    found = rate(count, days)
    assert math.isclose(found.low * days, float(scipy.stats.chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0, rel_tol=1e-9)
    assert math.isclose(found.high * days, float(scipy.stats.chi2.ppf(0.975, 2 * count + 2)) / 2, rel_tol=1e-9)
    assert found == Rate(count / days, found.low, found.high, count)
    assert found.low <= found.per_day < found.high


def covered(true: float, narrower: float, tries: int, chance: random.Random) -> float:
    """How often the interval, made narrower, holds the true rate of a Poisson count."""
    held = 0
    for _ in range(tries):
        count, clock = 0, chance.expovariate(true)
        while clock < 1.0:
            count, clock = count + 1, clock + chance.expovariate(true)
        found = rate(count, 1.0)
        held += found.per_day - (found.per_day - found.low) * narrower <= true <= found.per_day + (found.high - found.per_day) * narrower
    return held / tries


@pytest.mark.parametrize("true", [0.3, 2.0, 11.0])
def test_the_interval_holds_the_true_rate_in_95_of_100_at_least(true: float, chance: random.Random) -> None:
    assert covered(true, 1.0, 2_000, chance) >= 0.945


def test_control_a_narrower_interval_does_not(chance: random.Random) -> None:
    assert covered(11.0, 0.6, 2_000, chance) < 0.9


@pytest.mark.parametrize(("count", "days"), [(-1, 1.0), (1, 0.0), (1, -1.0), (1, math.nan)])
def test_a_rate_of_no_time_is_a_mistake_of_the_caller(count: int, days: float) -> None:
    with pytest.raises(AssertionError):
        rate(count, days)


@given(st.lists(st.integers(-(2**50), 2**50).map(Instant), max_size=30), st.randoms(use_true_random=False))
def test_gaps_are_one_fewer_than_occurrences_and_fill_the_time_between(instants: list[Instant], order: random.Random) -> None:
    found = gaps(instants)
    assert len(found) == max(0, len(instants) - 1) and all(gap >= 0 for gap in found)
    assert sum(found) == (max(instants) - min(instants) if instants else 0)
    order.shuffle(instants)
    assert gaps(instants) == found


@given(st.lists(st.integers(0, 100).map(Instant), max_size=30), st.integers(-5, 120).map(Instant))
def test_waits_are_positive_and_only_the_last_is_still_open(instants: list[Instant], now: Instant) -> None:
    found = waits(instants, now)
    known = sorted({instant for instant in instants if instant <= now})
    assert all(gap > 0 for gap, _ in found)
    assert [happened for _, happened in found if not happened] == ([False] if known and known[-1] < now else [])
    assert all(happened for _, happened in found[:-1])
    assert sum(gap for gap, _ in found) == (now - known[0] if known else 0)


def test_two_at_once_are_waited_for_once_and_what_comes_later_is_not_known() -> None:
    at = [Instant(day * DAY) for day in (5, 1, 5, 8, 20)]
    assert gaps(at) == (4 * DAY, 0, 3 * DAY, 12 * DAY)
    assert waits(at, Instant(10 * DAY)) == ((4 * DAY, True), (3 * DAY, True), (2 * DAY, False))
    assert waits(at, Instant(20 * DAY))[-1] == (12 * DAY, True)
    assert waits([], Instant(0)) == () == waits(at, Instant(0))


def test_kaplan_and_meiers_own_example() -> None:
    cases = [(8, True), (10, False), (27, False), (31, True), (34, True), (35, False), (41, True), (49, False)]
    shuffled = sorted(cases, key=lambda case: case[0] * 7 % 11)
    assert at_risk(shuffled) == (Step(8, 1, 8), Step(31, 1, 5), Step(34, 1, 4), Step(41, 1, 2))
    steps = dict(kaplan_meier(shuffled))
    assert all(math.isclose(steps[at], said) for at, said in ((8, 0.875), (31, 0.7), (34, 0.525), (41, 0.2625)))


@given(lasted)
def test_kaplan_meier_agrees_with_another_library(cases: list[tuple[int, bool]]) -> None:
    found = kaplan_meier(cases)
    over, still = [float(time) for time, happened in cases if happened], [float(time) for time, happened in cases if not happened]
    if not over:
        assert found == ()
        return
    theirs = scipy.stats.ecdf(scipy.stats.CensoredData(uncensored=over, right=still)).sf
    assert all(abs(chance - float(theirs.evaluate(float(time)))) <= 1e-12 for time, chance in found)
    assert [float(time) for time, _ in found] == sorted(set(over))


@given(lasted)
def test_kaplan_meier_is_the_exact_product_and_only_falls(cases: list[tuple[int, bool]]) -> None:
    left = Fraction(1)
    found = kaplan_meier(cases)
    for time, chance in found:
        watched = sum(one >= time for one, _ in cases)
        left *= 1 - Fraction(sum(happened for one, happened in cases if one == time), watched)
        assert abs(chance - left) <= 1e-13
    assert all(a[0] < b[0] and a[1] > b[1] for a, b in itertools.pairwise(found))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_with_nothing_censored_it_is_the_share_that_lasted_longer(times: list[int]) -> None:
    found = kaplan_meier([(time, True) for time in times])
    assert all(math.isclose(chance, statistics.fmean(one > time for one in times), abs_tol=1e-12) for time, chance in found)
    assert found[-1][1] == 0.0
