"""Forecasts against brute force in exact fractions, 50 digits, scipy, and a search for a report that beats the honest one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from anyday.instants import DAY, HOUR, Grain, Instant
from anyday.market import forecast
from anyday.market.curve import Curve
from anyday.market.forecast import MOST_CURVES, MOST_GRAINS, PERFECT, Forecasts, Stated, playable, rewards
from anyday.market.horizon import Horizon
from anyday.market.prior import MOST_RUNS, WHOLE
from anyday.market.report import Family, Report, report_from_family, report_from_quantiles, report_from_table, report_from_two
from anyday.points import MAX_UNITS, split
from anyday.refusals import Reason, Refusal
from tests.market.flat import MP, hourly, start_of

Outcome = tuple[int, int] | None
BEFORE = Instant(-1)


def report_of(masses: Sequence[int], never: int, widths: Sequence[int] | None = None) -> Report:
    edges = [0, *itertools.accumulate(widths or [1] * len(masses))]
    return Report(tuple((a, b, mass) for (a, b), mass in zip(pairwise(edges), masses, strict=True)), never)


def playing(horizon: Horizon, *curves: Report, stakes: Sequence[int] = (), lead: int = 0) -> Forecasts:
    """A forecast in which player 0, 1, … states each curve; a point each unless told."""
    forecasts = Forecasts(horizon, lead)
    for number, report in enumerate(curves):
        stake = stakes[number] if stakes else 1_000_000
        take(forecasts, Stated(str(number), Instant(forecasts.closes - 1), report, stake))
    return forecasts


def take(forecasts: Forecasts, stated: Stated) -> None:
    quoted = forecasts.quote(stated)
    assert quoted == stated, quoted
    forecasts.apply(stated)
    forecasts.check()


def refused(said: object) -> Reason:
    assert isinstance(said, Refusal), said
    return said.reason


# ---- the score, from its definition in fractions -------------------------------------------------------------------------


def flat(report: Report) -> list[Fraction]:
    return [Fraction(mass, last - first) for first, last, mass in report.runs for _ in range(first, last)]


def crps_from(report: Report, lengths: Sequence[int], at: int, outcome: int | None) -> Fraction | None:
    """CRPS_k in microseconds, of the curve given "not before k"; None where that had no chance."""
    masses = flat(report)
    left = sum(masses[at:]) + report.never
    if left == 0:
        return None
    total, so_far = Fraction(0), Fraction(0)
    for grain in range(at, len(masses)):
        so_far += masses[grain] / left
        total += lengths[grain] * (so_far - (outcome is not None and outcome <= grain)) ** 2
    return total


def score_by_definition(governing: Sequence[Report], lengths: Sequence[int], outcome: Outcome) -> Fraction:
    span, total = sum(lengths), Fraction(0)
    happened: Sequence[int | None] = range(*outcome) if outcome is not None else [None]
    for one in happened:
        for grain, length in enumerate(lengths):
            if one is not None and grain > one:
                total += length
                continue
            distance = crps_from(governing[grain], lengths, grain, one)
            total += 0 if distance is None else length * (1 - distance / span)
    return total / len(happened) / span


@st.composite
def horizons(draw: st.DrawFn) -> Horizon:
    """Grains of unequal lengths, in runs."""
    runs = draw(st.lists(st.tuples(st.integers(1, 3), st.sampled_from([23, 24, 25, 31])), min_size=1, max_size=3))
    return Horizon(Grain.HOUR, "UTC", Instant(0), tuple((count, length * HOUR) for count, length in runs), "test")


@st.composite
def reports(draw: st.DrawFn, count: int) -> Report:
    inner = draw(st.sets(st.integers(1, count - 1))) if count > 1 else set()
    edges = [0, *sorted(inner), count]
    weights = draw(st.lists(st.integers(0, 3) | st.integers(0, 10**6), min_size=len(edges), max_size=len(edges)).filter(any))
    *masses, never = split(WHOLE, weights)
    return Report(tuple((a, b, mass) for (a, b), mass in zip(pairwise(edges), masses, strict=True)), never)


@st.composite
def outcomes(draw: st.DrawFn, count: int) -> Outcome:
    if draw(st.booleans()) and draw(st.booleans()):
        return None
    first = draw(st.integers(0, count - 1))
    return first, draw(st.just(first + 1) | st.integers(first + 1, count))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Horizon, list[Stated], Outcome, int]:
    """A first curve and its revisions at any instants, also several between two grains, and a lead."""
    horizon = draw(horizons())
    lead = draw(st.sampled_from([0, 0, HOUR, 30 * HOUR]))
    first = Stated("ann", Instant(horizon.start(0) - lead - 1), draw(reports(horizon.count)), 1_000_000)
    boundaries = st.integers(0, horizon.count - 1).map(horizon.start)
    later = sorted(draw(st.lists(boundaries | st.integers(horizon.origin, horizon.end - 1), max_size=5)))
    revised = [Stated("ann", Instant(at - lead), draw(reports(horizon.count)), 0) for at in later if at < horizon.start(horizon.count - 1)]
    return horizon, [first, *revised], draw(outcomes(horizon.count)), lead


@given(cases())
def test_the_score_is_what_its_definition_says_in_fractions(case: tuple[Horizon, list[Stated], Outcome, int]) -> None:
    horizon, stated, outcome, lead = case
    forecasts = Forecasts(horizon, lead)
    for each in stated:
        take(forecasts, each)
    lengths = [horizon.start(grain + 1) - horizon.start(grain) for grain in range(horizon.count)]
    governing = [[each.report for each in stated if each.at < horizon.start(grain) - lead][-1] for grain in range(horizon.count)]
    exact = score_by_definition(governing, lengths, outcome)
    assert forecasts.score("ann", outcome) == pytest.approx(float(exact * PERFECT), abs=1.001)
    assert forecasts.scores(outcome) == {"ann": forecasts.score("ann", outcome)}
    assert forecasts.standing("ann", stated[-1].at) == stated[-1].report


def test_control_a_score_that_forgets_what_it_is_conditioned_on_differs() -> None:
    report = report_of([300_000, 300_000, 200_000], 200_000)
    lengths = [HOUR] * 3
    forgetful = sum(1 - crps_from(report, lengths, 0, 2) / (3 * HOUR) for _ in range(3)) / 3  # type: ignore[operator]
    assert playing(hourly(3), report).score("0", (2, 3)) != pytest.approx(float(forgetful * PERFECT), abs=1e3)


def long_case(count: int) -> Report:
    """Tiny chances beside large ones, nothing for long, and next to no chance left at the end."""
    third = count // 3
    runs = ((0, 1, 400_000), (1, third, 1), (third, 2 * third, 0), (2 * third, count - 1, 599_997), (count - 1, count, 1))
    return Report(runs, 1)


@pytest.mark.parametrize("outcome", [None, (0, 1), (1999, 2000), (1998, 1999), (1000, 1001), (1980, 2000), (660, 680), (0, 10)])
def test_two_thousand_grains_keep_nine_digits(outcome: Outcome) -> None:
    report = long_case(2000)
    masses = [MP.mpf(mass.numerator) / mass.denominator / WHOLE for mass in flat(report)]
    after = [MP.mpf(0)] * 2000 + [MP.mpf(report.never) / WHOLE]  # the chance left before grain k
    for grain in reversed(range(2000)):
        after[grain] = after[grain + 1] + masses[grain]
    firsts, seconds = [MP.mpf(0)] * 2001, [MP.mpf(0)] * 2001
    for grain in reversed(range(2000)):
        firsts[grain], seconds[grain] = firsts[grain + 1] + after[grain + 1], seconds[grain + 1] + after[grain + 1] ** 2
    happened = range(*outcome) if outcome else [2000]
    loss = MP.mpf(0)
    for one in happened:
        for grain in range(min(one + 1, 2000)):
            time, first, second = one - grain, firsts[grain] - firsts[one], seconds[grain]
            loss += time - 2 * first / after[grain] + second / after[grain] ** 2
    exact = 1 - loss / len(happened) / 2000**2
    assert playing(hourly(2000), report).score("0", outcome) == pytest.approx(float(exact * PERFECT), abs=1.5)


def test_a_curve_revised_often_scores_as_its_parts_do() -> None:
    horizon, rng = hourly(40), Random(5)
    forecasts = Forecasts(horizon)
    governing: list[Report] = []
    for grain in range(40):
        *masses, never = split(WHOLE, [rng.randint(0, 9) for _ in range(4)] + [1])
        report = report_of(masses, never, [4, 6, 18, 12])
        take(forecasts, Stated("ann", Instant(start_of(grain) - 1), report, 1_000_000 if not grain else 0))
        governing.append(report)
    for outcome in [None, (0, 1), (39, 40), (20, 21), (10, 30), (0, 40)]:
        exact = score_by_definition(governing, [HOUR] * 40, outcome)
        assert forecasts.score("ann", outcome) == pytest.approx(float(exact * PERFECT), abs=1.001)


def test_who_is_sure_and_right_scores_one_whenever_it_happens_and_who_is_sure_and_wrong_loses_by_time() -> None:
    """An early occurrence is not punished: the grains after it count 1."""
    horizon = hourly(6)
    sure = [report_of([WHOLE if grain == right else 0 for grain in range(6)], 0) for right in range(6)]
    for right in range(6):
        assert playing(horizon, sure[right]).score("0", (right, right + 1)) == PERFECT
    assert playing(horizon, report_of([0] * 6, WHOLE)).score("0", None) == PERFECT
    # sure of the first grain, and it never comes: 0 for the five grains of which nothing was left, and for the whole of the first
    assert playing(horizon, sure[0]).score("0", None) == 0
    assert playing(horizon, sure[0]).score("0", (1, 2)) == math.floor((1 - Fraction(1, 36) - Fraction(1, 6)) * PERFECT)


def test_the_earlier_it_happens_the_less_there_is_to_lose() -> None:
    """Of equal chances a grain, whatever has passed, none is paid less for having come early."""
    left, masses = WHOLE, []
    for _ in range(12):
        masses.append(left // 10)
        left -= left // 10
    found = [playing(hourly(12), report_of(masses, left)).score("0", (grain, grain + 1)) for grain in range(12)]
    stopping = [by_stopping(report_of(masses, left), grain) for grain in range(12)]
    assert found[0] == max(found)
    assert stopping[0] == min(stopping), "the control: a mean over the grains up to the outcome pays least for the earliest"


# ---- honesty is best -----------------------------------------------------------------------------------------------------

BELIEFS = [
    ((50_000, 200_000, 300_000, 100_000, 100_000, 50_000), 200_000),
    ((400_000, 50_000, 50_000, 50_000, 50_000, 300_000), 100_000),
    ((20_000, 30_000, 50_000, 100_000, 100_000, 200_000), 500_000),
]
HOURS = [HOUR] * 6


def by_our_rule(report: Report, grain: int | None) -> float:
    return playing(hourly(6), report).score("0", None if grain is None else (grain, grain + 1)) / PERFECT


def by_plain_average(report: Report, grain: int | None) -> float:
    """Wrong: the curve as it was stated, not conditioned on what has passed."""
    distance = crps_from(report, HOURS, 0, grain)
    assert distance is not None
    live = 6 if grain is None else grain + 1
    return float((live * (1 - distance / (6 * HOUR)) + (6 - live)) / 6)


def by_stopping(report: Report, grain: int | None) -> float:
    """Wrong: the mean over the grains up to the outcome only."""
    lengths = [HOUR] * report.count
    live = report.count if grain is None else grain + 1
    found = [crps_from(report, lengths, k, grain) for k in range(live)]
    return float(sum(0 if distance is None else 1 - distance / sum(lengths) for distance in found) / live)


Rule = Callable[[Report, int | None], float]


def expected(rule: Rule, stated: Sequence[int], belief: Sequence[int]) -> float:
    """What a report promises to somebody who believes something; masses of the six grains, then never."""
    report = report_of(stated[:6], stated[6])
    return math.fsum(chance * rule(report, grain if grain < 6 else None) for grain, chance in enumerate(belief)) / WHOLE


def climb(rule: Rule, start: Sequence[int], belief: Sequence[int], least: int) -> tuple[float, list[int]]:
    """The best report that is found by moving chance from one outcome to another, in steps down to ``least``."""
    best, at, step = expected(rule, start, belief), list(start), WHOLE // 4
    while step >= least:
        moved = False
        for source, target in itertools.permutations(range(7), 2):
            if at[source] >= step:
                tried = [*at]
                tried[source], tried[target] = at[source] - step, at[target] + step
                value = expected(rule, tried, belief)
                if value > best:
                    best, at, moved = value, tried, True
        step = step if moved else step // 4
    return best, at


@pytest.mark.parametrize("number", range(3))
def test_no_report_on_six_grains_promises_more_than_the_honest_one(number: int) -> None:
    belief = [*BELIEFS[number][0], BELIEFS[number][1]]
    honest, rng = expected(by_our_rule, belief, belief), Random(number)
    found, _ = climb(by_our_rule, belief, belief, 200)
    assert found <= honest + 2e-9  # scores are whole 10⁻⁹
    for _ in range(4):
        start = split(WHOLE, [rng.randint(1, 100) for _ in range(7)])
        found, at = climb(by_our_rule, start, belief, 200)
        assert found <= honest + 2e-9
        assert at == pytest.approx(belief, abs=20_000), "whoever improves a report ends near the honest one"
    for _ in range(300):
        tried = split(WHOLE, [rng.choice([0, 1, rng.randint(1, 100)]) for _ in range(6)] + [rng.randint(1, 100)])
        assert expected(by_our_rule, tried, belief) < honest


@pytest.mark.parametrize("rule", [by_plain_average, by_stopping])
@pytest.mark.parametrize("number", range(3))
def test_control_either_wrong_rule_pays_for_tilting_the_curve(rule: Rule, number: int) -> None:
    belief = [*BELIEFS[number][0], BELIEFS[number][1]]
    found, at = climb(rule, belief, belief, 5_000)
    assert found > expected(rule, belief, belief) + 1e-4
    assert max(abs(a - b) for a, b in zip(at, belief, strict=True)) > 15_000


def test_no_revision_promises_more_than_what_is_believed_then() -> None:
    """Two beliefs, one that holds from the third grain on: the best report for the later time is the later belief."""
    early, late = [*BELIEFS[0][0], BELIEFS[0][1]], [*BELIEFS[2][0], BELIEFS[2][1]]
    forecasts_of = {}

    def rule(report: Report, grain: int | None) -> float:
        if report not in forecasts_of:
            forecasts_of[report] = playing(hourly(6), report_of(early[:6], early[6]))
            take(forecasts_of[report], Stated("0", Instant(start_of(2) - 1), report, 0))
        return forecasts_of[report].score("0", None if grain is None else (grain, grain + 1)) / PERFECT

    left = [0, 0, *late[2:]]  # what is believed then: not before the third grain
    honest = expected(rule, late, left)
    found, _ = climb(rule, late, left, 1_000)
    assert found <= honest + 2e-9
    assert expected(rule, early, left) < honest


# ---- the reward ------------------------------------------------------------------------------------------------------------


def nets(stakes: Sequence[int], scores: Sequence[Fraction]) -> list[Fraction]:
    mean = sum(w * s for w, s in zip(stakes, scores, strict=True)) / sum(stakes)
    return [w * (s - mean) for w, s in zip(stakes, scores, strict=True)]


def test_the_worked_case_of_three_reports_under_the_quadratic_score() -> None:
    reports_of = [[Fraction(1, 2), Fraction(3, 10), Fraction(1, 5)], [Fraction(1, 5), Fraction(3, 5), Fraction(1, 5)], [Fraction(1, 3)] * 3]
    stakes, scale = [100, 50, 50], 12
    for place, told in enumerate(["71/6 -127/12 -5/4", "-49/6 113/12 -5/4", "-19/6 -37/12 25/4"]):
        scores = [(1 + 2 * report[place] - sum(r * r for r in report)) / 2 for report in reports_of]
        exact = [Fraction(net) for net in told.split()]
        assert nets(stakes, scores) == exact
        whole = [int(score * 1_800) for score in scores]
        assert [Fraction(whole[i], 1_800) for i in range(3)] == scores, "nothing is lost by the scale"
        paid = rewards([stake * scale for stake in stakes], whole, 1_800)
        assert [units - stake * scale for units, stake in zip(paid, stakes, strict=True)] == [net * scale for net in exact]


def test_the_worked_case_of_a_riskless_middle_which_is_why_curves_are_sealed() -> None:
    forecasts = playing(hourly(1), *(report_of([chance], WHOLE - chance) for chance in (200_000, 800_000, 500_000)), stakes=[50, 50, 100])
    for outcome in ((0, 1), None):
        assert forecasts.payouts(outcome)["2"] in (104, 105), "4.5 more, whatever comes"
    large = playing(
        hourly(1), *(report_of([chance], WHOLE - chance) for chance in (200_000, 800_000, 500_000)), stakes=[50_000_000, 50_000_000, 100_000_000]
    )
    assert {outcome: large.payouts(outcome)["2"] for outcome in ((0, 1), None)} == {(0, 1): 104_500_000, None: 104_500_000}


@given(st.lists(st.tuples(st.integers(1, 50) | st.integers(1, MAX_UNITS // 8), st.integers(0, PERFECT)), min_size=1, max_size=8))
def test_rewards_pay_out_what_was_staked_floor_each_net_and_take_no_more_than_the_stake(told: list[tuple[int, int]]) -> None:
    stakes, scores = [stake for stake, _ in told], [score for _, score in told]
    paid = rewards(stakes, scores, PERFECT)
    exact = nets(stakes, [Fraction(score, PERFECT) for score in scores])
    assert sum(paid) == sum(stakes)
    floors = [math.floor(net) for net in exact]
    short = -sum(floors)
    largest = sorted(range(len(told)), key=lambda place: (floors[place] - exact[place], place))[:short]
    assert [units - stake for units, stake in zip(paid, stakes, strict=True)] == [floor + (place in largest) for place, floor in enumerate(floors)]
    assert all(units >= 0 for units in paid), "nobody loses more than the stake"
    if len(set(scores)) == 1:
        assert paid == stakes, "equal scores move nothing"


@given(st.integers(1, 9).flatmap(lambda count: st.tuples(st.just(count), st.lists(reports(count), min_size=1, max_size=5), outcomes(count))))
def test_stakes_are_shared_to_the_unit_and_one_entrant_or_equal_curves_get_them_back(case: tuple[int, list[Report], Outcome]) -> None:
    count, told, outcome = case
    stakes = [7 * number + 1 for number in range(len(told))]
    paid = playing(hourly(count), *told, stakes=stakes).payouts(outcome)
    assert sum(paid.values()) == sum(stakes)
    assert all(units > 0 for units in paid.values())
    assert playing(hourly(count), told[0], stakes=[13]).payouts(outcome) == {"0": 13}
    same = playing(hourly(count), *[told[0]] * 4, stakes=[1, 2, 3, 4])
    assert same.payouts(outcome) == {"0": 1, "1": 2, "2": 3, "3": 4}
    assert same.house(outcome) == 0


@given(st.integers(2, 6).flatmap(lambda count: st.tuples(st.just(count), st.lists(reports(count), min_size=2, max_size=4), outcomes(count))))
def test_a_stake_split_over_two_equal_curves_is_paid_the_same_to_a_unit(case: tuple[int, list[Report], Outcome]) -> None:
    count, told, outcome = case
    stakes = [1_000_001 * (number + 1) for number in range(len(told))]
    one = playing(hourly(count), *told, stakes=stakes).payouts(outcome)
    two = playing(hourly(count), told[0], *told[1:], told[0], stakes=[stakes[0] // 2, *stakes[1:], stakes[0] - stakes[0] // 2]).payouts(outcome)
    assert abs(one.get("0", 0) - two.get("0", 0) - two.get(str(len(told)), 0)) <= 1
    assert all(abs(one.get(str(n), 0) - two.get(str(n), 0)) <= 1 for n in range(1, len(told)))


def test_ties_of_a_fraction_go_to_who_staked_earlier_and_nobody_is_paid_without_players() -> None:
    good, bad = report_of([WHOLE], 0), report_of([0], WHOLE)
    forecasts = Forecasts(hourly(1))
    for player, at, report in (("ann", -5, good), ("cid", -3, good), ("bob", -4, good), ("dee", -2, bad)):
        take(forecasts, Stated(player, Instant(at), report, 1))
    assert forecasts.payouts((0, 1)) == {"ann": 2, "bob": 1, "cid": 1}
    assert Forecasts(hourly(1)).payouts(None) == {}


# ---- what is taken and what is not ---------------------------------------------------------------------------------------


def test_a_stake_is_taken_once_and_in_time_and_a_curve_is_revised_without_one() -> None:
    forecasts = Forecasts(hourly(4), lead=HOUR)
    report = report_of([WHOLE // 4] * 4, 0)
    assert forecasts.closes == -HOUR
    assert refused(forecasts.quote(Stated("ann", Instant(-HOUR), report, 5))) is Reason.ENTRIES_CLOSED
    assert refused(forecasts.quote(Stated("ann", Instant(-2 * HOUR), report, 0))) is Reason.NOT_POSITIVE
    assert refused(forecasts.quote(Stated("ann", Instant(-2 * HOUR), report, -1))) is Reason.NOT_POSITIVE
    assert refused(forecasts.quote(Stated("ann", Instant(-2 * HOUR), report, MAX_UNITS + 1))) is Reason.AMOUNT_TOO_LARGE
    assert refused(forecasts.quote(Stated("ann", Instant(-2 * HOUR), report_of([WHOLE], 0), 5))) is Reason.NOT_A_CURVE
    take(forecasts, Stated("ann", Instant(-HOUR - 1), report, 5_000_000))
    most = Stated("bob", Instant(-HOUR - 1), report, MAX_UNITS)
    assert forecasts.quote(most) == most, "what others have staked refuses nobody"
    added = forecasts.quote(Stated("ann", Instant(-HOUR - 1), report, 1))
    assert refused(added) is Reason.STAKE_STAYS
    assert "5 points" in str(added)
    revised = report_of([0, 0, 0, WHOLE], 0)
    take(forecasts, Stated("ann", Instant(2 * HOUR - 1), revised, 0))
    assert (forecasts.standing("ann", Instant(2 * HOUR - 2)), forecasts.standing("ann", Instant(2 * HOUR - 1))) == (report, revised)
    assert refused(forecasts.quote(Stated("ann", Instant(2 * HOUR), revised, 0))) is Reason.ALL_PASSED
    assert (forecasts.escrow, forecasts.players, forecasts.stake("ann"), forecasts.stake("bob")) == (5_000_000, ("ann",), 5_000_000, 0)


def test_a_curve_governs_the_grains_that_start_after_it_less_the_lead() -> None:
    wrong, right = report_of([0, 0, 0, 0], WHOLE), report_of([0, 0, WHOLE, 0], 0)
    for lead in (0, HOUR, 3 * HOUR):
        late, in_time = (playing(hourly(4), wrong, lead=lead) for _ in range(2))
        take(late, Stated("0", Instant(start_of(1) - lead), right, 0))
        take(in_time, Stated("0", Instant(start_of(1) - lead - 1), right, 0))
        # a quarter of the time lacks half of the time where the first grain alone was wrong, and as much again for the second
        assert in_time.score("0", (2, 3)) == PERFECT * 7 // 8
        assert late.score("0", (2, 3)) == PERFECT * 6 // 8


def test_a_curve_stated_after_it_happened_changes_nothing() -> None:
    told = [report_of(list(masses), never) for masses, never in BELIEFS]
    forecasts, untouched = playing(hourly(6), told[0], told[1]), playing(hourly(6), told[0], told[1])
    take(forecasts, Stated("0", start_of(3), told[2], 0))
    for grain in range(4):
        assert forecasts.payouts((grain, grain + 1)) == untouched.payouts((grain, grain + 1))
    assert forecasts.payouts((5, 6)) != untouched.payouts((5, 6))


def test_a_player_states_no_more_than_two_hundred_curves() -> None:
    forecasts = playing(hourly(2), report_of([WHOLE, 0], 0))
    for turn in range(1, MOST_CURVES):
        take(forecasts, Stated("0", Instant(turn), report_of([turn, WHOLE - turn], 0), 0))
    assert refused(forecasts.quote(Stated("0", Instant(MOST_CURVES), report_of([WHOLE, 0], 0), 0))) is Reason.TOO_MANY_ENTRIES


def test_a_question_of_too_many_grains_is_not_played_as_a_forecast() -> None:
    assert playable(hourly(MOST_GRAINS)) is None
    refusal = playable(hourly(MOST_GRAINS + 1))
    assert refused(refusal) is Reason.BAD_PLAY
    assert "10,000 hours" in str(refusal)


# ---- curves that people send -----------------------------------------------------------------------------------------------

BAD = {
    "a sum of a millionth too much": ([(0, 6, 800_001)], 200_000, "its chances make 100.0001 %, not 100 %"),
    "a sum of 1.0000001": ([(0, 6, 800_000.1)], 200_000, "whole parts per million"),
    "a sum below": ([(0, 6, 800_000)], 100_000, "its chances make 90 %, not 100 %"),
    "negative mass": ([(0, 3, -1), (3, 6, 900_001)], 100_000, "none negative"),
    "a negative never": ([(0, 6, 1_000_001)], -1, "the chance of never"),
    "a million pieces": ([(0, 6, 0)] * 1_000_000, WHOLE, "it has 1,000,000 pieces, more than 1,000"),
    "not a number": ([(0, 6, math.nan)], 0, "whole parts per million"),
    "never is not a number": ([(0, 6, WHOLE)], math.nan, "the chance of never"),
    "true for one": ([(0, True, WHOLE)], 0, "whole parts per million"),
    "huge": ([(0, 6, 10**400)], 0, "whole parts per million"),
    "a gap": ([(0, 2, 500_000), (3, 6, 500_000)], 0, "must follow each other"),
    "an overlap": ([(0, 4, 500_000), (3, 6, 500_000)], 0, "must follow each other"),
    "backwards": ([(0, 0, 500_000), (0, 6, 500_000)], 0, "must follow each other"),
    "a part": ([(0, 5, WHOLE)], 0, "must follow each other"),
    "beyond": ([(0, 7, WHOLE)], 0, "must follow each other"),
    "no pieces": ([], WHOLE, "must follow each other"),
    "a piece of two": ([(0, 6)], WHOLE, "a first grain, a last one"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_curve_is_refused_and_said(name: str) -> None:
    runs, never, said = BAD[name]
    refusal = Report.read(6, runs, never)  # type: ignore[arg-type]
    assert refused(refusal) is Reason.NOT_A_CURVE
    assert said in str(refusal)


@given(st.integers(1, 30).flatmap(lambda count: st.tuples(st.just(count), reports(count))))
def test_a_report_reads_back_as_it_is_and_is_its_curve(case: tuple[int, Report]) -> None:
    count, report = case
    assert Report.read(count, [list(run) for run in report.runs], report.never) == report
    assert report.count == count
    masses = flat(report)
    for grain in range(count + 1):
        assert report.survival(grain) == pytest.approx(float(sum(masses[grain:]) + report.never) / WHOLE, abs=1e-12)


def test_quantiles_are_met_and_what_they_leave_comes_before_the_horizon() -> None:
    assert report_from_quantiles(100, [(10, 100_000), (30, 500_000)], 200_000) == Report(
        ((0, 10, 100_000), (10, 30, 400_000), (30, 100, 300_000)), 200_000
    )
    assert report_from_quantiles(100, [(100, 800_000)], 200_000) == report_from_quantiles(100, [], 200_000) == Report(((0, 100, 800_000),), 200_000)
    assert report_from_quantiles(2, [(1, WHOLE)], 0) == Report(((0, 1, WHOLE), (1, 2, 0)), 0)


@pytest.mark.parametrize(
    ("points", "never", "said"),
    [
        ([(30, 500_000), (10, 600_000)], 0, "must rise"),
        ([(10, 500_000), (10, 600_000)], 0, "must rise"),
        ([(0, 500_000)], 0, "must rise"),
        ([(101, 500_000)], 0, "must rise"),
        ([(1.5, 500_000)], 0, "must rise"),
        ([(10, 500_000), (30, 400_000)], 0, "must not fall"),
        ([(10, 900_000)], 200_000, "room for never"),
        ([(100, 700_000)], 200_000, "must rise"),
        ([(10, math.nan)], 0, "must not fall"),
        ([(10, -1)], 0, "must not fall"),
        ([], WHOLE + 1, "the chance of never"),
        ([(1, 0)] * 2_000, 0, "it has 2,000 pieces"),
    ],
)
def test_quantiles_that_name_no_curve_are_refused(points: list[tuple[int, int]], never: int, said: str) -> None:
    refusal = report_from_quantiles(100, points, never)
    assert refused(refusal) is Reason.NOT_A_CURVE
    assert said in str(refusal)


def test_a_table_may_end_early_and_must_make_a_hundred_per_cent() -> None:
    assert report_from_table(9, [(3, 400_000), (5, 300_000)], 300_000) == Report(((0, 3, 400_000), (3, 5, 300_000), (5, 9, 0)), 300_000)
    assert report_from_table(9, [(9, 0)], WHOLE) == report_from_table(9, [], WHOLE) == Report(((0, 9, 0),), WHOLE)
    for pieces, never, said in (
        ([(3, 400_000), (5, 300_000)], 300_001, "100.0001 %"),
        ([(3, 400_000), (3, 300_000)], 300_000, "must follow"),
        ([(10, WHOLE)], 0, "must follow"),
        ([(math.nan, WHOLE)], 0, "whole parts"),
        ([(3, -1), (9, 700_001)], 300_000, "none negative"),
        ([(9, 1)] * 5_000, 0, "more than 1,000"),
    ):
        refusal = report_from_table(9, pieces, never)  # type: ignore[arg-type]
        assert refused(refusal) is Reason.NOT_A_CURVE
        assert said in str(refusal)


SHAPES = [(Family.LOGNORMAL, 0.5), (Family.LOGNORMAL, 3.0), (Family.WEIBULL, 0.4), (Family.WEIBULL, 1.0), (Family.WEIBULL, 5.0)]
SHAPES += [(Family.GAMMA, 0.3), (Family.GAMMA, 2.5), (Family.GAMMA, 400.0)]


def known(family: Family, scale: float, shape: float) -> stats.rv_continuous:
    """The same family of an independent library."""
    if family is Family.GAMMA:
        return stats.gamma(shape, scale=scale)
    return stats.weibull_min(shape, scale=scale) if family is Family.WEIBULL else stats.lognorm(shape, scale=scale)


def daily(count: int) -> Horizon:
    return Horizon(Grain.DAY, "UTC", Instant(10 * DAY), ((count, DAY),), "test")


@pytest.mark.parametrize(("family", "shape"), SHAPES)
@pytest.mark.parametrize("count", [120, 2_500])
def test_families_are_those_of_an_independent_library(family: Family, shape: float, count: int) -> None:
    scale = 40 * DAY / (shape if family is Family.GAMMA else 1)
    report = report_from_family(daily(count), family, scale, shape)
    assert isinstance(report, Report)
    true = known(family, scale / DAY, shape)
    assert len(report.runs) == min(count, MOST_RUNS)
    assert report.never == max(1, round(float(true.sf(count)) * WHOLE))
    for first, last, mass in report.runs:
        assert mass == pytest.approx(WHOLE * float(true.cdf(last) - true.cdf(first)), abs=1.01)
    stated = report_from_family(daily(count), family, scale, shape, 250_000)
    assert isinstance(stated, Report)
    assert stated.never == 250_000
    for first, last, mass in stated.runs:
        assert mass == pytest.approx(750_000 * float(true.cdf(last) - true.cdf(first)) / float(true.cdf(count)), abs=1.01)


@pytest.mark.parametrize(("family", "shape"), [*SHAPES[:5], (Family.GAMMA, 0.3), (Family.GAMMA, 2.5)])
def test_two_chances_name_the_curve_that_has_them(family: Family, shape: float) -> None:
    true = known(family, 1.0, shape)
    grown = float(true.ppf(0.9))
    times = [float(true.ppf(chance)) / grown * 90 * DAY for chance in (0.5, 0.9)]
    found = report_from_two(daily(365), family, [(times[1], 900_000), (times[0], 500_000)])
    direct = report_from_family(daily(365), family, 90 * DAY / grown, shape)
    assert isinstance(found, Report)
    assert isinstance(direct, Report)
    assert [mass for _, _, mass in found.runs] == pytest.approx([mass for _, _, mass in direct.runs], abs=1.01)
    assert found.survival(90) == pytest.approx(0.1, abs=1e-4)


def test_a_family_that_names_no_curve_is_refused() -> None:
    horizon, month = daily(120), 30 * DAY
    for family, scale, shape, never, said in (
        ("normal", month, 1.0, None, "none of lognormal"), ("weibull", math.nan, 1.0, None, "a Weibull curve takes a scale above 0"),
        ("gamma", month, math.inf, None, "a shape"),
        ("gamma", 0, 1.0, None, "a scale above 0"), ("lognormal", -month, 1.0, None, "a scale"), ("lognormal", month, 0.0, None, "a shape"),
        ("weibull", 10**400, 1.0, None, "a scale"), ("weibull", month, True, None, "a shape"), ("weibull", 1e17, 900.0, None, "no chance"),
        ("weibull", month, 1.0, WHOLE + 1, "the chance of never"),
    ):  # fmt: skip
        refusal = report_from_family(horizon, family, scale, shape, never)
        assert refused(refusal) is Reason.NOT_A_CURVE
        assert said in str(refusal)
    for family in Family:
        for points, said in (
            ([(month, 500_000)], "two times"), ([(month, 0), (2 * month, 500_000)], "two times"), ([(-1, 1), (month, 500_000)], "two times"),
            ([(month, 500_000), (month, 600_000)], "larger chance"), ([(month, 500_000), (2 * month, 500_000)], "larger chance"),
            ([(month, 500_000), (month + 1, 900_000)], "ordinary shape"), ([(1, 500_000), (1e17, 500_001)], "ordinary shape"),
            ([(math.nan, 500_000), (month, 600_000)], "two times"),
        ):  # fmt: skip
            refusal = report_from_two(horizon, family, points)
            assert refused(refusal) is Reason.NOT_A_CURVE
            assert said in str(refusal)
    assert refused(report_from_two(horizon, "cauchy", [(1, 1), (2, 2)])) is Reason.NOT_A_CURVE


# ---- the crowd -------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 12).flatmap(lambda count: st.tuples(st.just(count), st.lists(reports(count), min_size=1, max_size=5))))
def test_the_crowd_is_the_mean_of_the_players_curves_and_their_geometric_mean(case: tuple[int, list[Report]]) -> None:
    count, told = case
    forecasts = playing(hourly(count), *told, stakes=[10**number for number in range(len(told))])
    linear, log = forecasts.curve(), forecasts.log_curve()
    assert linear is not None
    every = [[*(float(mass) / WHOLE for mass in flat(report)), report.never / WHOLE] for report in told]
    means = [sum(column) / len(told) for column in zip(*every, strict=True)]
    assert [*(linear.between(grain, grain + 1) for grain in range(count)), linear.never] == pytest.approx(means, abs=1e-12)
    assert [place for place in range(count) if means[place] == 0] == [place for place in range(count) if linear.between(place, place + 1) == 0]
    products = [MP.mpf(math.prod(column)) ** (MP.mpf(1) / len(told)) for column in zip(*every, strict=True)]
    if not any(products):
        assert log is None
    else:
        assert log is not None
        roots = [float(product / sum(products)) for product in products]
        assert [*(log.between(grain, grain + 1) for grain in range(count)), log.never] == pytest.approx(roots, abs=1e-9)
    on_all = forecasts.curve(range(count + 1))
    assert on_all is not None
    assert on_all.masses == pytest.approx(means[:-1], abs=1e-12)


def test_the_geometric_mean_of_the_crowd_goes_through_its_pieces_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gone_through = 0

    def counted(values: Sequence[float]) -> float:
        nonlocal gone_through
        gone_through += len(values)
        return max(values)

    monkeypatch.setattr(forecast, "max", counted, raising=False)
    count = 400
    curve = playing(hourly(count), report_of([WHOLE // count] * count, 0)).log_curve()
    assert curve is not None and len(curve.masses) == count
    assert gone_through <= 2 * count, "ten thousand pieces, each against all the others, took two seconds a visit"


def test_the_crowd_counts_a_player_once_by_the_latest_curve_and_is_none_without_players() -> None:
    assert Forecasts(hourly(2)).curve() is Forecasts(hourly(2)).log_curve() is None
    forecasts = playing(hourly(2), report_of([WHOLE, 0], 0), report_of([0, WHOLE], 0), stakes=[1, 10**9])
    assert forecasts.curve() == Curve((0, 1, 2), (0.5, 0.5), 0.0)
    assert forecasts.log_curve() is None
    for turn in range(1, 4):
        take(forecasts, Stated("0", Instant(turn), report_of([0, WHOLE], 0), 0))
    assert forecasts.curve() == Curve((0, 1, 2), (0.0, 1.0), 0.0)
