"""The regularized incomplete gamma function, its complement and its quantile: what gamma curves, intervals of a rate
and the chi-squared test of calibration all come down to.

P(a, x) = ∫₀ˣ tᵃ⁻¹e⁻ᵗ dt / Γ(a) is the chance that a gamma time of shape ``a`` and scale 1 is over by ``x``. Below x = a + 1
by its power series, from there on by the continued fraction of 1 − P (Abramowitz and Stegun 6.5.29 and 6.5.31), which
share the factor xᵃe⁻ˣ/Γ(a + 1). Within 1e-12 of the truth for shapes up to ``MOST_SHAPE``.
"""

from __future__ import annotations

import math
from typing import Final

#: The largest shape that is computed: both expansions take some √a terms near x = a, and each adds its rounding.
MOST_SHAPE: Final = 1_000_000.0

#: From this shape on the factor is taken from Stirling's series, whose terms below are then exact to a double.
_STIRLING_FROM: Final = 16.0
#: Of Stirling's series for ln Γ(a + 1): B(2k) / (2k(2k − 1)), for powers a⁻¹, a⁻³, a⁻⁵, …
_STIRLING: Final = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_TINY: Final = 1e-300
_ENOUGH: Final = 1e-17
_MOST_TERMS: Final = 100_000


def lower(a: float, x: float) -> float:
    """P(a, x) in [0, 1] for a shape 0 < a ≤ ``MOST_SHAPE`` and x ≥ 0 (infinity is 1), within 1e-12."""
    _checked(a, x)
    if x <= 0.0 or math.isinf(x):
        return 0.0 if x <= 0.0 else 1.0
    return _series(a, x) if x < a + 1.0 else 1.0 - _fraction(a, x)


def upper(a: float, x: float) -> float:
    """1 − P(a, x) in [0, 1], on its own side: a small tail keeps its digits. Bounds as :func:`lower`.

    ``upper(k / 2, s / 2)`` is the chance that a chi-squared statistic of ``k`` degrees of freedom is at least ``s``.
    """
    _checked(a, x)
    if x <= 0.0 or math.isinf(x):
        return 1.0 if x <= 0.0 else 0.0
    return 1.0 - _series(a, x) if x < a + 1.0 else _fraction(a, x)


def quantile(a: float, chance: float) -> float:
    """The x at which P(a, x) first reaches ``chance`` (0 ≤ chance < 1), by halving down to neighbouring doubles."""
    assert 0.0 <= chance < 1.0, "a gamma time has no last instant"
    low, high = 0.0, max(1.0, a)
    while lower(a, high) < chance:
        low, high = high, 2.0 * high
    while low < (middle := low + (high - low) / 2) < high:
        low, high = (low, middle) if lower(a, middle) >= chance else (middle, high)
    return high if chance > 0.0 else 0.0


def _checked(a: float, x: float) -> None:
    assert 0.0 < a <= MOST_SHAPE, "a shape is positive and bounded"
    assert x >= 0.0, "time runs forwards, and is a number"


def _series(a: float, x: float) -> float:
    """P(a, x) as xᵃe⁻ˣ/Γ(a + 1) · (1 + x/(a + 1) + x²/((a + 1)(a + 2)) + …)."""
    term, total, n = 1.0, 1.0, a
    for _ in range(_MOST_TERMS):
        n += 1.0
        term *= x / n
        total += term
        if term < total * _ENOUGH:
            break
    else:
        raise AssertionError("the series of a bounded shape ends")
    return min(1.0, math.exp(_log_factor(a, x)) * total)


def _fraction(a: float, x: float) -> float:
    """1 − P(a, x) as a·xᵃe⁻ˣ/Γ(a + 1) / (x + 1 − a − 1(1 − a)/(x + 3 − a − 2(2 − a)/(x + 5 − a − …))), front to back (Lentz)."""
    assert x >= a + 1.0, "where the fraction converges fast"
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    value = d
    for i in range(1, _MOST_TERMS):
        top = -i * (i - a)
        b += 2.0
        d, c = _away(top * d + b), _away(b + top / c)
        d = 1.0 / d
        step = c * d
        value *= step
        if abs(step - 1.0) < 3e-16:
            break
    else:
        raise AssertionError("the fraction of a bounded shape ends")
    return min(1.0, max(0.0, math.exp(_log_factor(a, x)) * a * value))


def _away(value: float) -> float:
    """A denominator kept away from 0."""
    return value if abs(value) > _TINY else _TINY


def _log_factor(a: float, x: float) -> float:
    """ln(xᵃe⁻ˣ/Γ(a + 1)). For large shapes from what x and a differ by: the plain form subtracts numbers of size a·ln a."""
    assert x > 0.0, "ln of what is left"
    if a < _STIRLING_FROM:
        return a * math.log(x) - x - math.lgamma(a + 1.0)
    square, correction = a * a, 0.0
    for coefficient in reversed(_STIRLING):
        correction = correction / square + coefficient
    return -_apart(a, x) - 0.5 * math.log(2.0 * math.pi * a) - correction / a


def _apart(a: float, x: float) -> float:
    """a·ln(a/x) + x − a ≥ 0. Near x = a by the series of ln((1 + v)/(1 − v)) in v = (a − x)/(a + x), where nothing cancels."""
    v = (a - x) / (a + x)
    if abs(v) > 0.1:
        return a * math.log(a / x) + x - a
    square, power, more = v * v, v * v, 0.0
    for odd in range(3, 41, 2):
        more += power / odd
        power *= square
    assert square <= 0.01, "twenty terms of powers of this are a double's worth"
    return (a - x) * v + 2.0 * a * v * more
