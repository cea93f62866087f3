"""Opening curves from earlier cases: against exact fractions, another library, and what simulated cases then do."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction

import mpmath
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from anyday.instants import DAY, HOUR, MINUTE, Grain, Instant
from anyday.market.gamma import upper
from anyday.market.horizon import Horizon
from anyday.market.prior import LONGEST_CASE, MOST_CASES, MOST_RUNS, WHOLE, Opening, from_cases, from_quantiles
from anyday.market.rates import kaplan_meier, waits
from anyday.refusals import Reason, Refusal

HALF = 12 * HOUR
ORIGIN = Instant(1_800_000_000_000_000 // HOUR * HOUR)


def horizon(grains: int, length: int = HOUR) -> Horizon:
    return Horizon({MINUTE: Grain.MINUTE, HOUR: Grain.HOUR, DAY: Grain.DAY}[length], "UTC", ORIGIN, ((grains, length),), "2026a")


def made(opening: Opening | Refusal) -> Opening:
    assert isinstance(opening, Opening), str(opening)
    return opening


def unmixed(opening: Opening, grain: int) -> float:
    """P(it has happened before the grain) with the 2 % of uniform taken out again."""
    among = Fraction(opening.total - opening.never, opening.total)
    return float((Fraction(opening.before(grain), opening.total) - Fraction(2, 100) * among * Fraction(grain, opening.count)) / Fraction(98, 100))


def ends_of(cases: Sequence[tuple[int, bool]]) -> list[int]:
    """Where pieces end: with the m-th case that happened since the end before, m as large as m² ≤ 2·those before and
    (m + 1)² ≤ 2·those after + 1 allow, and at least 1; also before m or more at once."""
    over = sorted(lasted for lasted, happened in cases if happened)

    def most(done: int) -> int:
        return max((m for m in range(2, 200) if m * m <= 2 * done and (m + 1) ** 2 <= 2 * (len(over) - done) + 1), default=1)

    ends, since, m = [0], 0, most(0)
    for at in sorted(set(over)):
        if since and over.count(at) >= m:
            ends, since = [*ends, max(one for one in over if one < at)], 0
        since += over.count(at)
        if since >= m or at == over[-1]:
            ends, since, m = [*ends, at], 0, most(sum(one <= at for one in over))
    return ends


def exact_outlasts(cases: Sequence[tuple[int, bool]], elapsed: int, time: int) -> mpmath.mpf:
    """The chance to last ``time`` longer, from first principles: at each step the next case is one more among those at risk."""
    left = [(lasted - elapsed, happened) for lasted, happened in cases if lasted > elapsed]

    def beyond(end: int) -> Fraction:
        steps = {lasted for lasted, happened in left if happened and lasted <= end}
        factors = (1 - Fraction(left.count((at, True)), sum(lasted >= at for lasted, _ in left) + 1) for at in steps)
        return math.prod(factors, start=Fraction(1))

    ends = ends_of(left)
    for low, high in itertools.pairwise(ends):
        if time <= high:
            found = beyond(low) + (beyond(high) - beyond(low)) * Fraction(time - low, high - low)
            return mpmath.mpf(found.numerator) / found.denominator
    rate = Fraction(sum(happened for _, happened in cases), sum(lasted for lasted, _ in cases))
    kept = beyond(ends[-1])
    return mpmath.mpf(kept.numerator) / kept.denominator * mpmath.exp(-mpmath.mpf(rate.numerator * (time - ends[-1])) / rate.denominator)


@st.composite
def many_cases(draw: st.DrawFn) -> list[tuple[int, bool]]:
    lasted = st.integers(1, 60).map(lambda days: days * DAY // 2) | st.integers(MINUTE, 30 * DAY)
    over = draw(st.lists(lasted, min_size=2, max_size=15))
    still = draw(st.lists(lasted, max_size=10))
    return draw(st.permutations([*((one, True) for one in over), *((one, False) for one in still)]))


@settings(max_examples=40)
@given(many_cases(), st.integers(0, 40 * DAY), st.integers(1, MOST_RUNS))
def test_the_curve_is_the_exact_one_to_a_part_per_million(cases: list[tuple[int, bool]], elapsed: int, grains: int) -> None:
    opening = made(from_cases(horizon(grains), elapsed, cases))
    with mpmath.workdps(50):
        for grain in {1, grains // 3, grains // 2, grains} - {0}:
            happened = float(1 - exact_outlasts(cases, elapsed, grain * HOUR))
            assert abs(unmixed(opening, grain) - happened) <= 2.1e-6
        left = float(exact_outlasts(cases, elapsed, grains * HOUR))
    assert abs(opening.never / opening.total - min(1 - 1e-6, max(1e-6, left))) <= 0.6e-6


@settings(max_examples=40)
@given(many_cases())
def test_where_pieces_end_it_is_kaplan_meier_with_one_more_case_that_outlasts_all(cases: list[tuple[int, bool]]) -> None:
    cases = [(lasted // HOUR * HOUR + HOUR, happened) for lasted, happened in cases]
    opening = made(from_cases(horizon(31 * 24), 0, cases))
    over = [lasted / HOUR for lasted, happened in cases if happened]
    still = [*(lasted / HOUR for lasted, happened in cases if not happened), 1e9]
    theirs = scipy.stats.ecdf(scipy.stats.CensoredData(uncensored=over, right=still)).cdf
    ours = dict(kaplan_meier([*cases, (LONGEST_CASE, False)]))
    for at in [end / HOUR for end in ends_of(cases)[1:]]:
        assert abs(unmixed(opening, round(at)) - float(theirs.evaluate(at))) <= 2.1e-6
        assert abs(unmixed(opening, round(at)) - (1 - ours[round(at) * HOUR])) <= 2.1e-6


@settings(max_examples=40)
@given(many_cases(), st.integers(1, 20 * DAY), st.lists(st.integers(1, DAY), max_size=5))
def test_cases_that_did_not_last_so_long_tell_nothing_but_the_rate_of_the_tail(cases: list[tuple[int, bool]], elapsed: int, short: list[int]) -> None:
    grains = max(1, max((lasted - elapsed for lasted, happened in cases if happened), default=0) // HOUR)
    added = [(min(one, elapsed), one % 2 == 0) for one in short]
    ours, theirs = (made(from_cases(horizon(1000), elapsed, known)) for known in (cases, cases + added))
    assert all(abs(unmixed(ours, grain) - unmixed(theirs, grain)) <= 4.2e-6 for grain in (1, grains // 2, grains) if grains > 1)


@settings(max_examples=40)
@given(many_cases(), st.integers(0, 40 * DAY), st.integers(1, WHOLE - 1))
def test_never_is_as_stated_and_the_rest_is_scaled(cases: list[tuple[int, bool]], elapsed: int, never: int) -> None:
    free, opening = made(from_cases(horizon(500), elapsed, cases)), made(from_cases(horizon(500), elapsed, cases, never))
    assert abs(Fraction(opening.never, opening.total) - Fraction(never, WHOLE)) <= Fraction(1, 10**9)
    scale = (WHOLE - never) / WHOLE / (1 - free.never / free.total)
    assert abs(unmixed(opening, 200) - unmixed(free, 200) * scale) <= 3e-6 * max(1.0, scale)


@settings(max_examples=40)
@given(many_cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(cases: list[tuple[int, bool]], order: random.Random) -> None:
    opening = from_cases(horizon(300), DAY, cases)
    order.shuffle(cases)
    assert from_cases(horizon(300), DAY, cases) == opening


def test_beyond_the_longest_case_it_is_exponential_at_the_overall_rate() -> None:
    cases = [(2 * DAY, True), (4 * DAY, True), (6 * DAY, False)]
    opening = made(from_cases(horizon(1000), 5 * DAY, cases))
    for grain in (1, 10, 500, 1000):
        assert abs(unmixed(opening, grain) + math.expm1(-grain / 24 * 2 / 12)) <= 2e-6
    assert made(from_cases(horizon(1000), LONGEST_CASE, cases)) == opening


def test_the_mass_of_a_piece_is_even_back_to_the_one_before() -> None:
    opening = made(from_cases(horizon(20, DAY), 0, [(4 * DAY, True), (10 * DAY, True), (10 * DAY, False)]))
    weights = [opening.weight(grain, grain + 1) for grain in range(20)]
    assert max(weights[:4]) - min(weights[:4]) <= 2e-6 * opening.total and max(weights[4:10]) - min(weights[4:10]) <= 2e-6 * opening.total
    assert abs(unmixed(opening, 4) - 1 / 4) <= 2e-6 and abs(unmixed(opening, 10) - 1 / 2) <= 2e-6
    assert all(a > b for a, b in itertools.pairwise(weights[10:]))


@pytest.mark.parametrize("grains", [1001, 50_000, 2**22])
@pytest.mark.parametrize("count", [2, 40, MOST_CASES])
def test_a_long_question_is_told_in_a_thousand_runs_that_follow_the_exact_curve(grains: int, count: int, chance: random.Random) -> None:
    span = grains * MINUTE
    cases = [(int(chance.weibullvariate(span / 3, 1.5)) + 1, chance.random() < 0.8) for _ in range(count - 2)]
    cases += [(span // 9, True), (span // 7, True)]
    opening = made(from_cases(horizon(grains, MINUTE), span // 20, cases))
    assert len(opening.runs) <= MOST_RUNS
    law = kaplan_meier([*((lasted - span // 20, happened) for lasted, happened in cases if lasted > span // 20), (LONGEST_CASE, False)])
    assert len(law) >= 2
    told = math.isqrt(2 * len(law)) + 1
    for place, (lasted, chance_left) in enumerate(law):
        if lasted >= span:
            break
        within = law[max(0, place - told)][1], law[min(len(law) - 1, place + told)][1]  # a piece to either side
        slack = 3e-6 + (1 / 3) * MINUTE / max(MINUTE, law[0][0])  # a step lies anywhere in its minute
        left = 1 - unmixed(opening, lasted // MINUTE)
        assert within[1] - slack <= left <= (1.0 if place < told else within[0]) + slack, (place, chance_left)


def test_many_that_last_equally_long_keep_their_spike_in_a_thousand_runs(chance: random.Random) -> None:
    common = 365 * DAY
    cases = [(common, True)] * 4_000 + [(chance.randrange(DAY, 900 * DAY), True) for _ in range(4_000)]
    opening = made(from_cases(horizon(1_000 * 24 * 60, MINUTE), 0, cases))
    grain = common // MINUTE
    before = max(lasted for lasted, _ in cases if lasted < common) // MINUTE
    assert opening.weight(before, grain) / opening.total >= 0.98 * 4_000 / 8_001 * 0.999


# ---- what then happens ---------------------------------------------------------------------------------------------

#: Forty days in halves of a day: fewer grains, so that many curves can be made.
SIMULATED = Horizon(Grain.HOUR, "UTC", ORIGIN, ((80, HALF),), "2026a")
Maker = Callable[[Sequence[tuple[int, bool]], int], Opening]


def ours(cases: Sequence[tuple[int, bool]], elapsed: int) -> Opening:
    return made(from_cases(SIMULATED, elapsed, cases))


def simulated(make: Maker, shape: float, count: int, elapsed: int, tries: int, chance: random.Random) -> list[float]:
    """How many new cases, drawn like the ``count`` before (Weibull of this shape), fell into each tenth of their curves. One that
    reaches over several, a grain or never, is shared out evenly among them."""
    levels = [0.0] * 10
    for _ in range(tries):
        cases = [(int(chance.weibullvariate(12 * DAY, shape)) + 1, True) for _ in range(count)]
        new = 0
        while new <= elapsed:
            new = int(chance.weibullvariate(12 * DAY, shape)) + 1
        opening = make(cases, elapsed)
        grain = min(opening.count, (new - elapsed) // HALF)
        low, high = opening.before(grain) / opening.total, opening.before(grain + 1) / opening.total
        for level in range(10):
            levels[level] += max(0.0, min(high, (level + 1) / 10) - max(low, level / 10)) / (high - low)
    assert math.isclose(sum(levels), tries)
    return levels


def unlikely(levels: Sequence[float]) -> float:
    """The p-value of D-calibration: of levels so uneven or more, if each tenth is as likely as any other."""
    even = sum(levels) / 10
    return upper(9 / 2, sum((level - even) ** 2 for level in levels) / even / 2)


@pytest.mark.parametrize(("count", "elapsed"), [(20, 0), (35, 0), (30, 5 * DAY)])
def test_what_then_happens_falls_evenly_over_the_curve(count: int, elapsed: int, chance: random.Random) -> None:
    """Not to any p-value: the 2 % of uniform and a tail by the overall rate leave the last tenth at some 9 %, and do so on purpose."""
    levels = simulated(ours, 1.0, count, elapsed, 1_500, chance)
    assert all(150 - 3.5 * 12 <= level <= 150 + 3.5 * 12 for level in levels), levels  # twelve is the spread of such a count


@pytest.mark.parametrize("count", [5, 32])
def test_of_cases_that_age_none_is_told_too_surely(count: int, chance: random.Random) -> None:
    """The tail is heavier and the start earlier than the truth: fewer surprises at both ends than stated, never more."""
    levels = simulated(ours, 1.6, count, 0, 1_000, chance)
    assert levels[0] <= 105 and levels[-1] <= 105
    assert all(60 <= level <= 140 for level in levels), levels


def test_control_a_curve_that_is_over_by_the_longest_case_seen_is_found_wrong(chance: random.Random) -> None:
    def sure(cases: Sequence[tuple[int, bool]], elapsed: int) -> Opening:
        steps = {lasted // HALF + 1: (1 - left) * (WHOLE - 1) for lasted, left in kaplan_meier(cases)}
        return made(from_quantiles(80, [(grain, int(by)) for grain, by in steps.items() if grain < 80], 1))

    levels = simulated(sure, 1.0, 8, 0, 1_500, chance)
    assert levels[-1] > 150 + 3.5 * 12 and unlikely(levels) < 1e-6


def divergence(opening: Opening, mean: float) -> float:
    """How far the curve is from the truth (exponential), in nats: what its log score loses on average."""
    truth = [math.exp(-grain * HALF / mean) - math.exp(-(grain + 1) * HALF / mean) for grain in range(opening.count)]
    said = [opening.weight(grain, grain + 1) / opening.total for grain in range(opening.count)]
    ends = (math.exp(-opening.count * HALF / mean), opening.never / opening.total)
    return math.fsum(true * math.log(true / chance) for true, chance in [*zip(truth, said, strict=True), ends])


def test_more_cases_bring_the_curve_nearer_to_the_truth(chance: random.Random) -> None:
    def loss(count: int) -> float:
        drawn = []
        for _ in range(40):
            pairs = [(chance.expovariate(1 / (15 * DAY)), chance.expovariate(1 / (30 * DAY))) for _ in range(count)]
            drawn.append([(int(min(pair)) + 1, pair[0] <= pair[1]) for pair in pairs] + [(int(chance.expovariate(1 / (15 * DAY))) + 1, True)] * 2)
        return math.fsum(divergence(ours(cases, 0), 15 * DAY) for cases in drawn) / len(drawn)

    losses = [loss(count) for count in (3, 20, 150, 1_000, 8_000)]
    assert all(few > many for few, many in itertools.pairwise(losses)), losses
    assert losses[-1] < 0.02 < 0.2 < losses[0], losses


def test_a_tallys_own_gaps_open_its_next_question() -> None:
    at = [Instant(ORIGIN - day * DAY) for day in (40, 33, 25, 25, 12, 3)]
    cases = waits(at, ORIGIN)
    opening = made(from_cases(horizon(90 * 24), 3 * DAY, cases))
    said = [(7, True), (8, True), (13, True), (9, True), (3, False)]
    assert opening == made(from_cases(horizon(90 * 24), 3 * DAY, [(days * DAY, happened) for days, happened in said]))
    assert opening.before(6 * 24) / opening.total > 0.4


# ---- refusals ----------------------------------------------------------------------------------------------------------

FINE = [(DAY, True), (2 * DAY, True), (3 * DAY, False)]


@pytest.mark.parametrize(
    ("cases", "elapsed", "never", "said"),
    [
        ([], 0, None, "at least 2 cases"),
        ([(DAY, True), (DAY, False), (DAY, False)], 0, None, "at least 2 cases"),
        ([*FINE, (0, True)], 0, None, "must last some time"),
        ([*FINE, (-DAY, False)], 0, None, "must last some time"),
        ([*FINE, (LONGEST_CASE + 1, False)], 0, None, "700 years at most"),
        ([(DAY, True)] * (MOST_CASES + 1), 0, None, "more than 10,000 cases"),
        (FINE, -1, None, "begun by the origin"),
        (FINE, LONGEST_CASE + 1, None, "begun by the origin"),
        (FINE, 0, 0, "chance of never"),
        (FINE, 0, WHOLE, "chance of never"),
        (FINE, 0, -3, "chance of never"),
    ],
)
def test_cases_that_make_no_curve_are_refused(cases: list[tuple[int, bool]], elapsed: int, never: int | None, said: str) -> None:
    refusal = from_cases(horizon(100), elapsed, cases, never)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.BAD_OPENING
    assert said in str(dict(refusal.facts)["detail"])


def test_as_many_cases_as_allowed_are_taken() -> None:
    assert isinstance(from_cases(horizon(100), 0, [(DAY, True)] * MOST_CASES), Opening)
    assert isinstance(from_cases(horizon(100), 0, FINE[:2]), Opening)
