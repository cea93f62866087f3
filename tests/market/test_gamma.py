"""The incomplete gamma function against 50 digits and against another library."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
import scipy.special
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from anyday.market.gamma import MOST_SHAPE, lower, quantile, upper

WITHIN = 1e-12
SHAPES = (1e-8, 0.01, 0.5, 1.0, 1.5, 4.5, 15.999, 16.0, 16.1, 100.0, 1234.5)


def exact(a: float, x: float) -> tuple[float, float]:
    """(P, 1 − P) to 50 digits, each then made a double."""
    with mpmath.workdps(50):
        above = mpmath.gammainc(mpmath.mpf(a), mpmath.mpf(x), mpmath.inf, regularized=True)
        return float(1 - above), float(above)


def near(a: float) -> list[float]:
    """Places where the methods meet, where the curve turns, and far out on both sides."""
    spread = math.sqrt(a) + 1.0
    around = [a + k * spread for k in (-5, -2, -0.5, 0, 0.5, 2, 5, 12)]
    return [x for x in (1e-12, *around, math.nextafter(a + 1.0, 0.0), a + 1.0, 3 * a + 30) if x > 0]


@pytest.mark.parametrize("a", SHAPES)
def test_both_sides_agree_with_fifty_digits(a: float) -> None:
    for x in near(a):
        below, above = exact(a, x)
        assert abs(lower(a, x) - below) <= WITHIN, (a, x)
        assert abs(upper(a, x) - above) <= WITHIN, (a, x)
        if above > 1e-250 and x >= a + 1.0:
            assert math.isclose(upper(a, x), above, rel_tol=1e-10), (a, x)


@example(16.0, 1.0)
@given(st.floats(1e-6, 1e4), st.floats(0.0, 3.0))
def test_every_shape_agrees_with_another_library(a: float, times: float) -> None:
    """Shapes up to 10,000: beyond, the other library itself is off by more than our bound in the lower side's tail."""
    x = a * times
    assert abs(lower(a, x) - float(scipy.special.gammainc(a, x))) <= WITHIN
    assert abs(upper(a, x) - float(scipy.special.gammaincc(a, x))) <= WITHIN


@pytest.mark.parametrize("a", [2e4, 123_456.7, MOST_SHAPE])
@pytest.mark.parametrize("spreads", [-4.0, -1.0, 0.0, 1e-3, 1.0, 4.0])
def test_large_shapes_keep_their_digits_near_the_middle(a: float, spreads: float) -> None:
    x = a + spreads * math.sqrt(a)
    assert abs(lower(a, x) - float(scipy.special.gammainc(a, x))) <= WITHIN
    assert abs(lower(a, x) + upper(a, x) - 1.0) <= WITHIN


@pytest.mark.parametrize(("a", "x"), [(810_000.0, 805_950.0), (MOST_SHAPE, MOST_SHAPE - 4_000.0)])
def test_large_shapes_keep_their_digits_in_the_tail(a: float, x: float) -> None:
    """Against the integral of the density in 40 digits."""
    with mpmath.workdps(40):
        shape = mpmath.mpf(a)
        spread = mpmath.sqrt(shape)
        places = [x - times * spread for times in (14, 10, 6, 3, 1)] + [x]
        below = mpmath.quad(lambda t: mpmath.exp((shape - 1) * mpmath.log(t) - t - mpmath.loggamma(shape)), places)
    assert abs(lower(a, x) - float(below)) <= WITHIN


@given(st.floats(0.01, 500), st.lists(st.floats(0, 2000), min_size=2, max_size=10))
def test_it_is_a_probability_that_never_falls(a: float, places: list[float]) -> None:
    held = [lower(a, x) for x in sorted(places)]
    assert all(0.0 <= value <= 1.0 for value in held)
    assert all(before <= after + 1e-13 for before, after in itertools.pairwise(held))


def test_the_ends_are_none_and_all() -> None:
    assert lower(2.5, 0.0) == 0.0 == upper(2.5, math.inf)
    assert upper(2.5, 0.0) == 1.0 == lower(2.5, math.inf)
    assert lower(2.5, 1e6) == 1.0 and upper(2.5, 1e6) == 0.0


@given(st.floats(0, 50))
def test_of_shape_one_it_is_the_exponential(x: float) -> None:
    assert math.isclose(lower(1.0, x), -math.expm1(-x), rel_tol=1e-13, abs_tol=1e-300)
    assert math.isclose(upper(1.0, x), math.exp(-x), rel_tol=1e-12)


@given(st.integers(1, 200), st.floats(0.0, 500.0))
def test_a_chi_squared_tail_is_its_upper_side(degrees: int, statistic: float) -> None:
    assert abs(upper(degrees / 2, statistic / 2) - float(scipy.stats.chi2.sf(statistic, degrees))) <= WITHIN


@given(st.floats(0.05, 5_000), st.floats(1e-6, 1 - 1e-6))
def test_a_quantile_is_where_the_chance_is_reached(a: float, chance: float) -> None:
    x = quantile(a, chance)
    assert abs(lower(a, x) - chance) <= WITHIN
    assert lower(a, math.nextafter(x, 0.0)) <= chance + WITHIN
    assert math.isclose(x, float(scipy.special.gammaincinv(a, chance)), rel_tol=1e-9)


def test_the_quantile_of_no_chance_is_the_start() -> None:
    assert quantile(3.0, 0.0) == 0.0


@pytest.mark.parametrize(("a", "x"), [(0.0, 1.0), (-1.0, 1.0), (2 * MOST_SHAPE, 1.0), (math.nan, 1.0), (1.0, -1e-9), (1.0, math.nan)])
def test_what_is_no_shape_or_no_time_is_a_mistake_of_the_caller(a: float, x: float) -> None:
    for side in (lower, upper):
        with pytest.raises(AssertionError):
            side(a, x)


def test_control_the_plain_form_of_the_factor_would_not_do() -> None:
    a = MOST_SHAPE
    x = a + 0.5
    plain = a * math.log(x) - x - math.lgamma(a + 1.0)
    with mpmath.workdps(50):
        true = float(a * mpmath.log(mpmath.mpf(x)) - mpmath.mpf(x) - mpmath.loggamma(mpmath.mpf(a) + 1))
    assert abs(plain - true) > 1e-11
