"""The curve: each function a second way, and its sentence."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.instants import MINUTE, Grain, Instant
from anyday.market.curve import Curve, say_chance
from anyday.market.horizon import Horizon
from anyday.market.maker import Market
from anyday.market.prior import from_quantiles, uniform
from anyday.phrases import parse_instant
from anyday.refusals import Refusal
from tests.market.books import bet, market_of, window
from tests.market.flat import start_of


@st.composite
def curves(draw: st.DrawFn, last: int | None = None) -> Curve:
    end = last or draw(st.integers(2, 60))
    edges = sorted({0, end, *draw(st.lists(st.integers(1, end - 1), max_size=8))})
    parts = [draw(st.integers(0, 100)) for _ in edges]
    parts[-1] += 1
    return Curve(tuple(edges), tuple(part / sum(parts) for part in parts[:-1]), parts[-1] / sum(parts))


@given(curves(), st.floats(-5, 65))
def test_survival_is_what_the_cdf_leaves(curve: Curve, place: float) -> None:
    assert math.isclose(curve.cdf(place) + curve.survival(place), 1.0, abs_tol=1e-12)
    assert math.isclose(curve.cdf(place), curve.between(curve.edges[0], max(place, curve.edges[0])), abs_tol=1e-12)


@given(curves())
def test_survival_is_what_the_hazard_leaves(curve: Curve) -> None:
    survival = 1.0
    for low, high in pairwise(curve.edges):
        # within a bar S falls by a constant d a grain and h = d/S, so the integral of h over it is ln(S(low)/S(high))
        rate = curve.hazard(low) * curve.survival(low)
        assert math.isclose(rate * (high - low), curve.between(low, high), abs_tol=1e-12)
        survival -= rate * (high - low)
    assert math.isclose(survival, curve.never, abs_tol=1e-9)
    assert curve.hazard(curve.edges[-1]) == 0.0


@given(curves(), st.floats(0.0, 1.0))
def test_a_quantile_is_where_the_cdf_gets_there(curve: Curve, chance: float) -> None:
    place = curve.quantile(chance)
    if place is None:
        assert chance > 1.0 - curve.never - 1e-12
    else:
        assert math.isclose(curve.cdf(place), chance, abs_tol=1e-9)
        assert curve.cdf(place - 1e-6) <= chance + 1e-12


@given(curves(), st.integers(0, 70))
def test_conditioning_is_bayes(curve: Curve, place: int) -> None:
    later = curve.condition(place)
    left = curve.survival(place)
    assert math.isclose(later.never, curve.never / left, rel_tol=1e-9)
    for x in range(place, curve.edges[-1]):
        assert math.isclose(later.between(x, x + 1), curve.between(x, x + 1) / left, abs_tol=1e-9)
    assert later.cdf(place) == 0.0


@given(curves(40), curves(40), st.floats(0.0, 1.0), st.floats(0.0, 40.0))
def test_a_mixture_mixes_the_cdfs(one: Curve, other: Curve, share: float, place: float) -> None:
    mixed = one.mix(other, share)
    assert math.isclose(mixed.cdf(place), (1 - share) * one.cdf(place) + share * other.cdf(place), abs_tol=1e-9)


@given(st.integers(1, 1_200), st.integers(0, 20))
def test_the_market_s_curve_agrees_with_its_prices(count: int, passed: int) -> None:
    market = market_of(count, skew=True)
    bet(market, "ann", window(count // 3, count // 2 + 1), spend=10**7)
    if passed:
        market.advance(start_of(min(passed, count) - 1))
    curve = market.curve()
    for low, high, mass in zip(curve.edges, curve.edges[1:], curve.masses, strict=False):
        assert math.isclose(mass, market.price(window(low, high)), rel_tol=1e-12)
    assert market.quantile(0) == (curve.edges[0] if curve.masses else None)
    assert len(curve.masses) <= 420
    assert count - passed > 400 or len(curve.masses) == max(count - min(passed, count), 0)
    middle = market.quantile(500_000)
    if middle is not None:
        assert market.curve(range(market.passed, count + 1)).cdf(middle + 1) >= 0.5 - 1e-12


def test_a_narrow_peak_among_four_million_grains_is_shown_as_one() -> None:
    market = market_of(2**22)
    bet(market, "ann", window(1_234_567, 1_234_570), spend=10**8)
    curve = market.curve()
    place = curve.edges.index(1_234_567)
    assert curve.edges[place + 1] == 1_234_570
    assert curve.masses[place] == max(curve.masses)
    assert len(curve.edges) < 420
    for k in range(500):
        bet(market, f"p{k % 9}", window(5_000 * k + 7, 5_000 * k + 9), spend=10**5)
    assert len(market.curve().edges) < 420, "too many to show them all"


def test_edges_may_be_given_and_the_rest_is_added() -> None:
    market = market_of(100)
    curve = market.curve([10, 20])
    assert curve.edges == (0, 10, 20, 100)
    assert math.isclose(math.fsum(curve.masses) + curve.never, 1.0)


def of_days(origin: str, end: str, grain: Grain = Grain.DAY, points: tuple[tuple[int, int], ...] = (), never: int = 60_000) -> tuple[Market, Horizon]:
    times = [parse_instant(text, zone="Europe/Zurich") for text in (origin, end)]
    assert not any(isinstance(t, Refusal) for t in times)
    horizon = Horizon.build(grain, "Europe/Zurich", *times)  # type: ignore[arg-type]
    assert isinstance(horizon, Horizon)
    opening = from_quantiles(horizon.count, points, never) if points else uniform(horizon.count, never)
    assert not isinstance(opening, Refusal)
    return Market(horizon, opening, 10**6, 10**9), horizon


@pytest.mark.parametrize(
    ("market", "said"),
    [
        (of_days("2027-01-01", "2027-06-01"), "No time stands out. Even chance by 22 March 2027. 6 % never by 1 June 2027."),
        (
            of_days("2027-01-01", "2027-06-01", points=((67, 200_000), (74, 500_000))),
            "Most likely in the week of 8 March 2027. Even chance by 16 March 2027. 6 % never by 1 June 2027.",
        ),
        (
            of_days("2027-01-01", "2029-01-01", points=((59, 100_000), (90, 500_000))),
            "Most likely in March 2027. Even chance by 12 April 2027. 6 % never by 1 January 2029.",
        ),
        (
            of_days("2027-03-01", "2027-03-11", points=((4, 200_000), (5, 600_000))),
            "Most likely on 5 March 2027. Even chance by 5 March 2027. 6 % never by 11 March 2027.",
        ),
        (
            of_days("2027-03-01", "2027-03-03", Grain.HOUR, ((14, 200_000), (16, 600_000))),
            "Most likely within 1 March 2027, 14:00–16:00. Even chance by 1 March 2027, 16:00. 6 % never by 3 March 2027, 00:00.",
        ),
        (
            of_days("2027-01-01", "2027-06-01", never=990_001),
            "More likely than not it will not happen in time. If it does, no time stands out. More than 99 % never by 1 June 2027.",
        ),
    ],
)
def test_a_curve_is_told_in_a_sentence(market: tuple[Market, Horizon], said: str) -> None:
    assert market[0].curve().sentence(market[1]) == said


def test_when_all_has_passed_the_sentence_says_so() -> None:
    market, horizon = of_days("2027-01-01", "2027-06-01")
    market.advance(Instant(horizon.end))
    assert market.curve().sentence(horizon) == "All of its time has passed."


def test_chances_are_never_said_to_be_nothing_or_certain_while_they_are_not() -> None:
    chances = (0, 0.001, 400, 1_000, 24_000, 64_000, 99_900, 340_000, 995_000, 999_900, 1_000_000)
    fine = ["0 %", "<0.1 %", "<0.1 %", "0.1 %", "2.4 %", "6.4 %", "10 %", "34 %", "99.5 %", ">99.9 %", "100 %"]
    assert [say_chance(ppm) for ppm in chances] == fine
    whole = ["0 %", *3 * ["Less than 1 %"], "2 %", "6 %", "10 %", "34 %", *2 * ["More than 99 %"], "100 %"]
    assert [say_chance(ppm, whole=True) for ppm in chances] == whole


def test_a_single_minute_is_said_as_a_moment() -> None:
    horizon = Horizon(Grain.MINUTE, "UTC", Instant(0), ((4, MINUTE),), "test")
    said = Curve((0, 1, 2, 3, 4), (0.1, 0.1, 0.4, 0.1), 0.3).sentence(horizon)
    assert said.startswith("Most likely at 1 January 1970, 00:02.")


def test_a_quantile_lies_within_the_question_where_rounding_leads_past_its_end() -> None:
    """Stakes of 11, 1 and 12 of 24: half is reached with the last grain, and doubles said 3.0000000000000004 of 3. The sentence then broke,
    and with it the question's page and the whole board."""
    curve = Curve((0, 2, 3), (11 / 24, 1 / 24), 12 / 24)
    assert curve.quantile(0.5) == 3.0
    assert "Even chance by 1 January 1970, 00:03." in curve.sentence(Horizon(Grain.MINUTE, "UTC", Instant(0), ((3, MINUTE),), "test"))


@pytest.mark.parametrize(("by_then", "day"), [(0.5, "8 December"), (0.499_999, "8 December"), (0.499, "9 December")])
def test_a_half_by_the_end_of_a_day_is_said_on_that_day_though_it_was_rounded(by_then: float, day: str) -> None:
    _, horizon = of_days("2026-11-24", "2027-01-01")
    curve = Curve((0, 15, 38), (by_then, 0.9 - by_then), 0.1)
    assert f"Even chance by {day} 2026." in curve.sentence(horizon)
