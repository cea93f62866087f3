"""Scores against brute force, published examples to every digit they give, and independent libraries."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
import scoringrules as sr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from anyday.market import scores
from anyday.market.curve import Curve
from anyday.market.scores import (
    LEAST_CHANCE,
    Outcome,
    Said,
    brier,
    calibration,
    calibration_error,
    chance_of,
    claims_before,
    crps,
    d_calibration,
    interval,
    log_score,
    pit,
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


def test_the_crps_of_a_wide_window_takes_no_more_passes_than_that_of_a_narrow_one(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[tuple[int, int]] = []

    def counted(curve: Curve, first: int, last: int) -> list[tuple[float, float, int]]:
        passes.append((first, last))
        return list(runs(curve, first, last))

    runs = scores._runs
    monkeypatch.setattr(scores, "_runs", counted)
    curve = Curve((0, 1_000, 10_000), (0.5, 0.25), 0.25)
    crps(curve, (2_000, 2_002), 10_000)
    few = len(passes)
    crps(curve, (500, 9_500), 10_000)
    assert len(passes) == 2 * few < 10, "minutes of a month, each gone through alone, would stop the server for half a minute"


def test_the_crps_of_a_wide_window_is_exact_where_adding_up_its_grains_would_take_for_ever() -> None:
    grains = 2**40
    even = Curve((0, grains), (1.0,), 0.0)  # E (F − 1{κ ≤ t})² of an even curve and an even window: ∫∫ = 1/6
    assert crps(even, (0, grains), grains) == pytest.approx(1 / 6, abs=1e-11)
    assert crps(Curve((0, grains), (0.0,), 1.0), (0, grains), grains) == pytest.approx(1 / 2, abs=1e-11)


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


@given(cases())
def test_every_score_is_that_of_an_independent_library(case: tuple[Curve, Outcome, int]) -> None:
    curve, outcome, grains = case
    masses = np.array([*flat(curve, grains), curve.never])
    happened = list(range(*outcome)) if outcome else [grains]
    ranked = [float(sr.rps_score(np.array(one + 1), masses)) for one in happened]
    assert crps(curve, outcome, grains) * grains == pytest.approx(sum(ranked) / len(ranked), abs=1e-9)
    # the same as a continuous CRPS of an ensemble of weighted members, where never is the end itself
    members = np.arange(grains + 1, dtype=float)
    scores = [float(sr.crps_ensemble(np.array(float(one)), members, ens_w=masses, estimator="nrg")) for one in happened]
    assert crps(curve, outcome, grains) * grains == pytest.approx(sum(scores) / len(scores), abs=1e-9)
    places = list(range(1, grains + 1))
    by = [[float(sr.brier_score(float(one < place), min(1.0, curve.cdf(place)))) for place in places] for one in happened]
    assert [brier(curve, outcome, [place]) for place in places] == pytest.approx([sum(row) / len(row) for row in zip(*by, strict=True)], abs=1e-9)
    assert brier(curve, outcome, places) == pytest.approx(crps(curve, outcome, grains), abs=1e-12)
    if chance_of(curve, outcome) > LEAST_CHANCE:
        assert log_score(curve, outcome) == pytest.approx(-float(sr.log_score(1.0, min(1.0, chance_of(curve, outcome)))), abs=1e-9)


def test_control_a_brier_score_of_the_wrong_side_differs_from_the_library() -> None:
    curve = Curve((0, 4), (0.8,), 0.2)
    assert brier(curve, (2, 3), [1]) != pytest.approx(float(sr.brier_score(1.0, curve.cdf(1))), abs=1e-3)


def published(grains: int) -> Curve:
    """F(t) = 0.7 (1 − e^(−t/5)) up to 20."""
    places = [0.7 * -math.expm1(-edge * 20.0 / grains / 5.0) for edge in range(grains + 1)]
    return Curve(tuple(range(grains + 1)), tuple(b - a for a, b in itertools.pairwise(places)), 1 - places[-1])


def test_the_published_log_scores_are_met_digit_for_digit() -> None:
    curve = published(20)
    assert f"{log_score(curve, (3, 5)):.12f}" == "-2.066307875528"
    assert f"{log_score(curve, None):.12f}" == "-1.162124305731"
    assert (pit(curve, (3, 5)), pit(curve, None)) == ((curve.cdf(3), curve.cdf(5)), (curve.cdf(20), 1.0))


def test_the_published_crps_is_met_digit_for_digit_as_the_grains_become_fine() -> None:
    for at, told in ((0.2, "0.141571448272"), (None, "0.310716784442")):
        table = []
        for grains in (500, 1_000, 2_000, 4_000, 8_000):
            outcome = None if at is None else (round(at * grains), round(at * grains) + 1)
            table.append(crps(published(grains), outcome, grains))
        for order in range(1, 5):  # Richardson: halving the grains halves the first error, quarters the next, …
            table = [(2**order * fine - coarse) / (2**order - 1) for coarse, fine in itertools.pairwise(table)]
        assert f"{table[0]:.12f}" == told


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
    told = [(0.05, False, "a"), (0.95, True, "a"), (0.91, False, "b"), (1.0, True, "a"), (0.0, False, "a")]
    levels = calibration([Said(*said) for said in told])
    assert [(level.count, level.questions, level.came_true) for level in levels] == [(2, 1, 0.0), (3, 2, pytest.approx(2 / 3))]
    assert levels[1].stated == pytest.approx((0.95 + 0.91 + 1.0) / 3)
    assert calibration_error(levels) == pytest.approx((2 * 0.025 + 3 * abs(levels[1].stated - 2 / 3)) / 5)


def test_a_true_curve_is_calibrated_and_a_tilted_one_is_not() -> None:
    rng = random.Random(11)
    true = Curve(tuple(range(11)), (0.08,) * 10, 0.2)
    tilted = Curve(tuple(range(11)), (0.098, *(0.098,) * 9), 0.02)
    honest: list[Said] = []
    wrong: list[Said] = []
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for number in range(4_000):
        drawn = rng.random()
        outcome: Outcome = None if drawn >= 0.8 else (int(drawn / 0.08), int(drawn / 0.08) + 1)
        honest += claims_before(true, outcome, range(1, 11), str(number))
        wrong += claims_before(tilted, outcome, range(1, 11), str(number))
        ours.append(pit(true, outcome))
        theirs.append(pit(tilted, outcome))
    assert calibration_error(calibration(honest)) < 0.02
    assert calibration_error(calibration(wrong)) > 0.05
    assert d_calibration(ours).p_value > 0.05
    assert d_calibration(theirs).p_value < 1e-6


def test_intervals_hold_the_truth_in_ninety_five_of_a_hundred_crews_and_would_not_if_every_claim_counted() -> None:
    """Twelve questions a crew, ten claims on each that come true together."""
    rng = random.Random(3)
    held = naive = 0
    for _ in range(1_000):
        claims = [Said(0.35, true, str(number)) for number in range(12) for true in [rng.random() < 0.35] for _ in range(10)]
        (level,) = calibration(claims)
        held += level.least <= 0.35 <= level.most
        low, high = interval(level.came_true, level.count)
        naive += low <= 0.35 <= high
        assert (level.count, level.questions) == (120, 12)
    assert held >= 930
    assert naive < 600, "the control: claims of one question are not independent"


@given(st.integers(1, 500).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_the_interval_is_wilsons_as_an_independent_library_has_it(case: tuple[int, int]) -> None:
    true, count = case
    known = stats.binomtest(true, count).proportion_ci(0.95, method="wilson")
    assert interval(true / count, count) == pytest.approx((known.low, known.high), abs=1e-9)


def test_a_place_inside_the_window_that_is_known_makes_no_claim() -> None:
    curve = Curve((0, 10), (0.5,), 0.5)
    assert claims_before(curve, (2, 5), [1, 2, 3, 4, 5, 6], "q") == [(0.05, False, "q"), (0.1, False, "q"), (0.25, True, "q"), (0.3, True, "q")]
    assert claims_before(curve, None, [5, 10], "q") == [(0.25, False, "q"), (0.5, False, "q")]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda ends: (min(ends), max(ends))), max_size=40), st.integers(2, 20))
def test_d_calibration_counts_each_transform_once_and_tests_counts_as_scipy_does(pits: list[tuple[float, float]], levels: int) -> None:
    found = d_calibration(pits, levels)
    brute = [0.0] * levels
    for low, high in pits:
        for step in range(levels):
            a, b = step / levels, (step + 1) / levels
            inside = a <= low < b or (step == levels - 1 and low == 1.0)
            if int(low * levels) == int(high * levels) or high - low == 0:
                brute[step] += inside
            else:
                brute[step] += max(0.0, min(high, b) - max(low, a)) / (high - low)
    assert found.counts == pytest.approx(brute, abs=1e-9)
    assert math.fsum(found.counts) == pytest.approx(len(pits), abs=1e-9)
    if pits:
        known = stats.chisquare(found.counts, np.full(levels, math.fsum(found.counts) / levels))
        assert found.statistic == pytest.approx(float(known.statistic), abs=1e-9)
        assert found.p_value == pytest.approx(float(known.pvalue), abs=1e-9)
    else:
        assert (found.statistic, found.p_value) == (0.0, 1.0)


def test_control_d_calibration_of_shares_instead_of_counts_would_never_object() -> None:
    """The statistic grows with the number of questions; of proportions it would not."""
    crowded = [(0.04, 0.06)] * 3 + [(k / 10 + 0.01, k / 10 + 0.02) for k in range(10)]
    small, large = d_calibration(crowded), d_calibration(crowded * 20)
    assert large.statistic == pytest.approx(20 * small.statistic)
    assert large.p_value < 1e-9 < 0.5 < small.p_value
    assert d_calibration([(0.0, 1.0)] * 50).statistic == pytest.approx(0.0, abs=1e-18)
    assert d_calibration([(0.25, 0.45)], 4).counts == pytest.approx((0.0, 1.0, 0.0, 0.0))
    assert d_calibration([(1.0, 1.0), (0.0, 0.0)], 2).counts == (1.0, 1.0)
