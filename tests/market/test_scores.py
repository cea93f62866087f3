"""Scores against brute force, a published example, and an independent library."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.market.curve import Curve
from anyday.market.scores import (
    LEAST_CHANCE,
    Outcome,
    calibration,
    calibration_error,
    chance_of,
    claims_before,
    crps,
    log_score,
)


def flat(curve: Curve, grains: int) -> list[float]:
    return [curve.between(grain, grain + 1) for grain in range(grains)]


def brute_crps(curve: Curve, outcome: Outcome, grains: int) -> float:
    masses = flat(curve, grains)
    happened = range(outcome[0], outcome[1]) if outcome else [None]
    total = 0.0
    for at in happened:
        for end in range(1, grains + 1):
            total += (sum(masses[:end]) - (at is not None and at < end)) ** 2
    return total / len(happened) / grains


@st.composite
def curves(draw: st.DrawFn) -> tuple[Curve, int]:
    start = draw(st.integers(0, 5))
    widths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    weights = draw(st.lists(st.integers(0, 20), min_size=len(widths), max_size=len(widths)))
    never = draw(st.integers(1, 20))
    edges = [start]
    for width in widths:
        edges.append(edges[-1] + width)
    total = sum(weights) + never
    return Curve(tuple(edges), tuple(w / total for w in weights), never / total), edges[-1]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Curve, Outcome, int]:
    curve, grains = draw(curves())
    if draw(st.booleans()):
        return curve, None, grains
    first = draw(st.integers(curve.edges[0], grains - 1))
    return curve, (first, draw(st.integers(first + 1, grains))), grains


@given(cases())
def test_crps_is_the_mean_square_over_every_end_of_a_grain(case: tuple[Curve, Outcome, int]) -> None:
    curve, outcome, grains = case
    assert crps(curve, outcome, grains) == pytest.approx(brute_crps(curve, outcome, grains), abs=1e-12)
    assert -1e-12 <= crps(curve, outcome, grains) <= 1 + 1e-12


def test_control_a_crps_that_forgets_never_differs_from_brute_force() -> None:
    curve = Curve((0, 4), (0.5,), 0.5)
    without_never = Curve((0, 4), (1.0,), 0.0)
    assert crps(without_never, (1, 2), 4) != pytest.approx(brute_crps(curve, (1, 2), 4), abs=1e-3)


# scoringrules 0.10.0, rps_score over the grains and never: the sum that ours divides by the number of grains. Outcome: each grain, then never.
RANKED = [
    ((0.1, 0.4, 0.2, 0.1), 0.2, [1.19, 0.39, 0.39, 0.79, 1.39]),
    ((0.0, 0.0, 0.5, 0.25), 0.25, [2.3125, 1.3125, 0.3125, 0.3125, 0.8125]),
    ((0.7, 0.1, 0.1, 0.05), 0.05, [0.1425, 0.5425, 1.1425, 1.9425, 2.8425]),
    ((0.01, 0.01, 0.01, 0.01), 0.96, [3.803, 2.823, 1.863, 0.923, 0.003]),
]


@pytest.mark.parametrize(("masses", "never", "ranked"), RANKED)
def test_crps_is_the_ranked_probability_score_of_an_independent_library(masses: tuple[float, ...], never: float, ranked: list[float]) -> None:
    curve = Curve((0, 1, 2, 3, 4), masses, never)
    outcomes: list[Outcome] = [(0, 1), (1, 2), (2, 3), (3, 4), None]
    assert [crps(curve, outcome, 4) * 4 for outcome in outcomes] == pytest.approx(ranked, abs=1e-9)


def test_the_published_examples_are_met_as_the_grains_become_fine() -> None:
    grains, horizon = 200_000, 20.0

    def by(time: float) -> float:
        return 0.7 * -math.expm1(-time / 5)

    edges = tuple(range(0, grains + 1, 10))
    places = [by(edge / grains * horizon) for edge in edges]
    curve = Curve(edges, tuple(b - a for a, b in itertools.pairwise(places)), 1 - places[-1])
    at_four = round(4 / horizon * grains)
    assert crps(curve, (at_four, at_four + 1), grains) == pytest.approx(0.141571448272, abs=2e-5)
    assert crps(curve, None, grains) == pytest.approx(0.310716784442, abs=2e-5)
    window = (round(3 / horizon * grains), round(5 / horizon * grains))
    assert log_score(curve, window) == pytest.approx(-2.066307875528, abs=1e-6)
    assert log_score(curve, None) == pytest.approx(math.log(1 - by(20)), abs=1e-9)


@given(cases())
def test_the_log_score_is_the_log_of_the_chance_of_what_happened(case: tuple[Curve, Outcome, int]) -> None:
    curve, outcome, grains = case
    masses = flat(curve, grains)
    chance = curve.never if outcome is None else sum(masses[outcome[0] : outcome[1]])
    assert chance_of(curve, outcome) == pytest.approx(chance, abs=1e-12)
    assert log_score(curve, outcome) == pytest.approx(math.log(max(chance, LEAST_CHANCE)), abs=1e-9)


def test_both_scores_are_best_in_expectation_for_the_curve_that_is_true() -> None:
    rng = random.Random(7)
    true = Curve((0, 1, 2, 3, 4), (0.1, 0.4, 0.2, 0.1), 0.2)
    outcomes: list[Outcome] = [(0, 1), (1, 2), (2, 3), (3, 4), None]
    chances = [*true.masses, true.never]

    def expected(stated: Curve) -> tuple[float, float]:
        logs = sum(p * log_score(stated, o) for p, o in zip(chances, outcomes, strict=True))
        return logs, sum(p * crps(stated, o, 4) for p, o in zip(chances, outcomes, strict=True))

    best_log, best_crps = expected(true)
    for _ in range(300):
        parts = [rng.random() + 0.01 for _ in range(5)]
        logs, distance = expected(Curve(true.edges, tuple(p / sum(parts) for p in parts[:4]), parts[4] / sum(parts)))
        assert logs < best_log
        assert distance > best_crps


def test_calibration_counts_every_claim_once_and_gives_means() -> None:
    levels = calibration([(0.05, False), (0.95, True), (0.91, False), (1.0, True), (0.0, False)])
    assert [(level.count, level.came_true) for level in levels] == [(2, 0.0), (3, pytest.approx(2 / 3))]
    assert levels[1].stated == pytest.approx((0.95 + 0.91 + 1.0) / 3)
    assert calibration_error(levels) == pytest.approx((2 * 0.025 + 3 * abs(levels[1].stated - 2 / 3)) / 5)


def test_a_true_curve_is_calibrated_and_a_tilted_one_is_not() -> None:
    rng = random.Random(11)
    true = Curve(tuple(range(11)), (0.08,) * 10, 0.2)
    tilted = Curve(tuple(range(11)), (0.098, *(0.098,) * 9), 0.02)
    honest: list[tuple[float, bool]] = []
    wrong: list[tuple[float, bool]] = []
    for _ in range(4_000):
        drawn = rng.random()
        outcome: Outcome = None if drawn >= 0.8 else (int(drawn / 0.08), int(drawn / 0.08) + 1)
        honest += claims_before(true, outcome, range(1, 11))
        wrong += claims_before(tilted, outcome, range(1, 11))
    assert calibration_error(calibration(honest)) < 0.02
    assert calibration_error(calibration(wrong)) > 0.05


def test_a_place_inside_the_window_that_is_known_makes_no_claim() -> None:
    curve = Curve((0, 10), (0.5,), 0.5)
    assert claims_before(curve, (2, 5), [1, 2, 3, 4, 5, 6]) == [(0.05, False), (0.1, False), (0.25, True), (0.3, True)]
    assert claims_before(curve, None, [5, 10]) == [(0.25, False), (0.5, False)]
