"""The closest guess: worked cases to the unit, the Nenana rules, a baby pool, places and ties, what is refused, and brute force."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.instants import HOUR, MINUTE, Grain, Instant, day_start
from anyday.market.closest import MOST_GUESSES, Closest, Variant
from anyday.market.horizon import Claim, Horizon, claim_of
from anyday.market.mechanism import Entry
from anyday.phrases import parse_window
from anyday.points import MAX_UNITS, UNITS_A_POINT
from anyday.refusals import Reason, Refusal
from tests.market.flat import hourly

WINNER, THREE = (100,), (50, 30, 20)
POINT = UNITS_A_POINT
Outcome = tuple[int, int] | None


def on(horizon: Horizon, grain: int | None) -> Claim:
    return Claim(0, horizon.count, True) if grain is None else Claim(grain, grain + 1, False)


def guess(closest: Closest, player: str, grain: int | None, at: int | None = None) -> None:
    """A guess that is taken; without a time of its own, later than those before."""
    made = Instant(closest.closes - 10**9 + len(closest.guesses) if at is None else at)
    quoted = closest.quote(Entry(player, made, on(closest.horizon, grain), 0))
    assert isinstance(quoted, Entry), str(quoted)
    closest.apply(quoted)
    closest.check()


def typed(text: str, horizon: Horizon) -> Claim | Refusal:
    """The claim that a person's words mean, an hour before the question begins."""
    phrase = parse_window(text, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=Instant(horizon.origin - HOUR))
    return phrase if isinstance(phrase, Refusal) else claim_of(phrase, horizon, 0)


def game(
    *guesses: tuple[str, int | None],
    count: int = 24,
    variant: Variant = Variant.NEAREST,
    places: tuple[int, ...] = WINNER,
    stake: int = 20,
    many: bool = False,
) -> Closest:
    closest = Closest(hourly(count), variant, places, stake, many)
    for player, grain in guesses:
        guess(closest, player, grain)
    return closest


def refused(closest: Closest, claim: Claim, player: str = "ann", at: int = -1) -> Refusal:
    refusal = closest.quote(Entry(player, Instant(at), claim, 0))
    assert isinstance(refusal, Refusal)
    return refusal


# ---- worked cases ----

MORNING = Horizon(Grain.MINUTE, "UTC", Instant(0), ((24 * 60, MINUTE),), "test")


def clock(hour: int, minute: int) -> int:
    return 60 * hour + minute


def five_players(variant: Variant) -> Closest:
    """A at 10:00, B and C at 10:10, D at 10:25, E never: five stakes of 20."""
    closest = Closest(MORNING, variant, WINNER, 20, False)
    for player, grain in (("A", clock(10, 0)), ("B", clock(10, 10)), ("C", clock(10, 10)), ("D", clock(10, 25)), ("E", None)):
        guess(closest, player, grain)
    return closest


BACK = dict.fromkeys("ABCDE", 20)


@pytest.mark.parametrize(
    ("variant", "outcome", "paid"),
    [
        (Variant.NEAREST, (clock(10, 5), clock(10, 6)), {"A": 34, "B": 33, "C": 33}),
        (Variant.NOT_PAST, (clock(10, 5), clock(10, 6)), {"A": 100}),
        (Variant.NEAREST, (clock(10, 8), clock(10, 14)), {"B": 50, "C": 50}),
        (Variant.NOT_PAST, (clock(9, 50), clock(9, 51)), BACK),
        (Variant.NEAREST, None, {"E": 100}),
        (Variant.NOT_PAST, None, {"E": 100}),
        (Variant.EXACT, None, {"E": 100}),
        (Variant.EXACT, (clock(10, 5), clock(10, 6)), BACK),
        (Variant.EXACT, (clock(10, 25), clock(10, 26)), {"D": 100}),
        (Variant.EXACT, (clock(10, 8), clock(10, 14)), {"B": 50, "C": 50}),
    ],
)
def test_the_worked_cases(variant: Variant, outcome: Outcome, paid: dict[str, int]) -> None:
    closest = five_players(variant)
    assert closest.escrow == 100
    assert closest.payouts(outcome) == paid
    assert closest.house(outcome) == 0


@pytest.mark.parametrize(
    ("prize", "winners", "each", "over"),
    [(335_000, 18, 18_611, 2), (301_000, 6, 50_166, 4), (285_000, 46, 6_195, 30), (303_895, 1, 303_895, 0)],
)
def test_the_nenana_rules_share_the_prize_among_all_who_had_the_minute(prize: int, winners: int, each: int, over: int) -> None:
    """2000, 2004, 2005 and 2008, in whole dollars. Theirs rounds down for everyone and keeps what is left; here that goes to
    the earliest, a unit each, so that all of it is paid."""
    tickets = {335_000: 1000, 301_000: 1000, 285_000: 1000, 303_895: 5}[prize]
    closest = Closest(MORNING, Variant.EXACT, WINNER, prize // tickets, True)
    minute = clock(15, 39)
    for n in range(tickets):
        exact = n % (tickets // winners) == 0 and n // (tickets // winners) < winners
        closest.apply(Entry(f"p{n:04d}", Instant(n - 10**6), on(MORNING, minute if exact else n % clock(12, 0)), prize // tickets))
    paid = closest.payouts((minute, minute + 1))
    assert list(paid.values()) == [each + 1] * over + [each] * (winners - over)
    assert sum(paid.values()) == prize == closest.escrow


def test_nobody_with_the_minute_gets_everything_back_by_the_nenana_rules() -> None:
    closest = game(("ann", 3), ("bob", 7), ("bob", 9), variant=Variant.EXACT, many=True)
    assert closest.payouts((5, 6)) == {"ann": 20, "bob": 40}


def test_a_baby_pool_is_settled_to_the_unit() -> None:
    """Twelve guesses of five points on the day, the nearest three days win; the baby comes on 14 June."""
    zone = "Europe/Zurich"
    built = Horizon.build(Grain.DAY, zone, day_start(date(2027, 5, 20), zone), day_start(date(2027, 7, 1), zone))
    assert isinstance(built, Horizon)
    pool = Closest(built, Variant.NEAREST, THREE, 5 * POINT, False)
    june = {"ada": 10, "ben": 11, "cleo": 12, "dan": 13, "eli": 15, "fay": 16, "gus": 16, "hal": 1, "ida": 20, "kim": 29}
    for player, text in ({player: f"{day} June 2027" for player, day in june.items()} | {"jo": "30 May 2027", "lou": "never"}).items():
        claim = typed(text, built)
        assert not isinstance(claim, Refusal), str(claim)
        entry = pool.quote(Entry(player, Instant(built.origin - HOUR), claim, 0))
        assert isinstance(entry, Entry), str(entry)
        pool.apply(entry)
    born = built.grain_at(day_start(date(2027, 6, 14), zone))
    # 60 points. Dan and Eli were a day off and share places one and two, 80 %; three were two days off and share the third
    assert pool.payouts((born, born + 1)) == {"dan": 24 * POINT, "eli": 24 * POINT, "cleo": 4 * POINT, "fay": 4 * POINT, "gus": 4 * POINT}
    # born on 11 or 12 June, nobody wrote down which: both are exact
    assert pool.payouts((born - 3, born - 1)) == {"ben": 24 * POINT, "cleo": 24 * POINT, "ada": 6 * POINT, "dan": 6 * POINT}
    assert pool.payouts(None) == {"lou": 60 * POINT}


# ---- places and ties ----


@pytest.mark.parametrize(
    ("guesses", "paid"),
    [
        ({"a": 10, "b": 9, "c": 12, "d": 14}, {"a": 40, "b": 24, "c": 16}),
        ({"a": 9, "b": 11, "c": 12, "d": 14}, {"a": 32, "b": 32, "c": 16}),
        ({"a": 10, "b": 9, "c": 11, "d": 14}, {"a": 40, "b": 20, "c": 20}),
        ({"a": 9, "b": 9, "c": 11, "d": 11}, {"a": 20, "b": 20, "c": 20, "d": 20}),
        ({"a": 10, "b": 9, "c": 9, "d": 11}, {"a": 40, "b": 14, "c": 13, "d": 13}),
        ({"a": 10, "b": 9}, {"a": 25, "b": 15}),
        ({"a": 8, "b": 12}, {"a": 20, "b": 20}),
        ({"a": 3}, {"a": 20}),
        ({"a": 10, "b": 12, "c": None, "d": None}, {"a": 50, "b": 30}),
    ],
)
def test_ties_share_the_places_they_cover_and_places_nobody_covers_go_to_the_others(guesses: dict[str, int | None], paid: dict[str, int]) -> None:
    """It happens in hour 10; stakes of 20, prizes of 50, 30 and 20 per cent."""
    assert game(*guesses.items(), places=THREE).payouts((10, 11)) == paid


def test_equal_guesses_by_all_are_stakes_back() -> None:
    assert game(("ann", 4), ("bob", 4), ("cid", 4), places=THREE).payouts((20, 21)) == dict.fromkeys(("ann", "bob", "cid"), 20)


def test_never_guesses_win_only_never_and_never_without_one_is_everything_back() -> None:
    closest = game(("ann", None), ("bob", None))
    assert closest.payouts((23, 24)) == {"ann": 20, "bob": 20}
    assert game(("ann", 23), ("bob", 1)).payouts(None) == {"ann": 20, "bob": 20}
    assert game(("ann", 0), ("bob", None), ("cid", None), places=THREE).payouts(None) == {"bob": 30, "cid": 30}
    assert game(("ann", 0), ("bob", None)).payouts((23, 24)) == {"ann": 40}


def test_one_who_has_many_guesses_can_have_several_places() -> None:
    closest = game(("ann", 9), ("ann", 10), ("bob", 13), ("ann", 20), places=THREE, many=True, stake=25)
    assert closest.payouts((10, 11)) == {"ann": 80, "bob": 20}


def test_winners_are_told_guess_by_guess_with_their_places_and_nobody_where_all_goes_back() -> None:
    closest = game(("ann", 9), ("bob", 11), ("cem", 12), ("ann", 20), places=THREE, many=True, stake=25)
    told = [(won.player, won.claim.first, place, units) for won, place, units in closest.winners((10, 11))]
    assert told == [("ann", 9, 1, 40), ("bob", 11, 1, 40), ("cem", 12, 3, 20)]
    assert closest.winners(None) == [], "nobody guessed never"


def test_the_odd_unit_goes_to_the_earlier_guess_and_of_one_instant_to_the_first_by_id() -> None:
    closest = game(stake=1)
    for player, grain, at in (("zoe", 9, -50), ("bob", 11, -50), ("ann", 9, -40), ("dee", 20, -90)):
        guess(closest, player, grain, at)
    assert closest.payouts((10, 11)) == {"bob": 2, "zoe": 1, "ann": 1}
    guess(closest, "bob", 9, -30)
    assert closest.payouts((10, 11)) == {"zoe": 2, "ann": 1, "bob": 1}, "a changed guess counts from its change"


def test_sealed_guesses_applied_in_any_order_are_listed_and_paid_alike() -> None:
    entries = [Entry(player, Instant(at), on(hourly(24), grain), 1) for player, grain, at in
               (("zoe", 9, -50), ("bob", 11, -50), ("ann", 9, -40), ("dee", 20, -90), ("eve", None, -60))]  # fmt: skip
    worlds = []
    for seed in range(6):
        Random(seed).shuffle(entries)
        closest = game(stake=1)
        for entry in entries:
            closest.apply(entry)
        worlds.append(
            (closest.players, closest.guesses, list(closest.payouts((10, 11)).items()), list(closest.payouts((0, 1)).items()), closest.curve())
        )
    assert all(world == worlds[0] for world in worlds)
    assert [entry.player for entry in worlds[0][1]] == ["dee", "eve", "bob", "zoe", "ann"]


def test_a_second_guess_replaces_the_first_and_costs_nothing() -> None:
    closest = game(("ann", 3), ("bob", 9))
    again = closest.quote(Entry("ann", Instant(-5), on(closest.horizon, 20), 999))
    assert again == Entry("ann", Instant(-5), on(closest.horizon, 20), 0)
    closest.apply(again)
    closest.check()
    assert closest.escrow == 40
    assert [(entry.player, entry.claim.first, entry.stake) for entry in closest.guesses] == [("bob", 9, 20), ("ann", 20, 20)]
    assert closest.payouts((3, 4)) == {"bob": 40}


def test_a_guess_costs_the_questions_stake_whatever_was_sent() -> None:
    closest = game(stake=7)
    quoted = closest.quote(Entry("ann", Instant(-5), on(closest.horizon, 20), 10**9))
    assert isinstance(quoted, Entry)
    assert quoted.stake == 7


# ---- distance and the crowd ----


def test_distance_is_in_grains_to_the_nearest_of_the_outcomes_on_either_side() -> None:
    closest = game(("ann", 3), ("bob", None))
    ann, bob = closest.guesses
    assert [closest.distance(ann, outcome) for outcome in ((3, 4), (5, 6), (0, 1), (2, 6), (4, 9), (0, 3), None)] == [0, 2, 3, 0, 1, 1, None]
    assert [closest.distance(bob, outcome) for outcome in ((3, 4), None)] == [None, 0]


def test_the_crowds_curve_is_the_share_of_the_guesses() -> None:
    assert game().curve() is None
    curve = game(("ann", 3), ("bob", 3), ("cid", 4), ("dee", 23), ("eve", None)).curve()
    assert curve is not None
    assert curve.edges == (0, 3, 4, 5, 23, 24)
    assert (curve.masses, curve.never) == ((0.0, 0.4, 0.2, 0.0, 0.2), 0.2)
    wide = game(("ann", 3), ("bob", 3), ("cid", 4), ("dee", 23), ("eve", None)).curve((4, 12))
    assert wide is not None
    assert wide.edges == (0, 4, 12, 24)
    assert wide.masses == pytest.approx((0.4, 0.2, 0.2))


# ---- what is refused ----


@pytest.mark.parametrize("claim", [Claim(3, 5, False), Claim(3, 4, True), Claim(0, 24, False), Claim(0, 23, True)])
def test_a_guess_is_one_grain_or_never(claim: Claim) -> None:
    assert refused(game(), claim).reason is Reason.NOT_ONE_GRAIN


def test_a_guess_of_two_hours_says_that_it_is_not_one() -> None:
    assert str(refused(game(), Claim(3, 5, False))) == "1 January 1970, 03:00–05:00 is not a single hour. Guess one hour, or never."


def test_on_a_question_of_one_grain_that_grain_and_never_are_two_guesses() -> None:
    closest = game(("ann", 0), ("bob", None), count=1)
    assert (closest.payouts((0, 1)), closest.payouts(None)) == ({"ann": 40}, {"bob": 40})


def test_guesses_close_at_the_origin_less_the_lead_for_new_and_changed_ones() -> None:
    closest = Closest(hourly(24), Variant.NEAREST, WINNER, 20, False, HOUR)
    guess(closest, "ann", 3, at=-HOUR - 1)
    for player in ("ann", "bob"):
        refusal = refused(closest, on(closest.horizon, 5), player, at=-HOUR)
        assert refusal.reason is Reason.ENTRIES_CLOSED
        assert refusal.sentence == "Entries closed on 31 December 1969, 23:00."


@pytest.mark.parametrize("many", [True, False])
def test_a_player_makes_no_more_than_a_hundred_guesses_changes_counted(many: bool) -> None:
    closest = game(*(("ann", n % 24) for n in range(MOST_GUESSES)), many=many)
    refusal = refused(closest, on(closest.horizon, 1))
    assert refusal.reason is Reason.TOO_MANY_ENTRIES
    assert refusal.sentence == "You have 100 entries here, as many as one may have."
    guess(closest, "bob", 1)
    assert closest.escrow == (20 * (MOST_GUESSES + 1) if many else 2 * 20)


def test_no_guess_is_refused_for_what_others_have_staked() -> None:
    closest = game(("ann", 3), ("bob", 4), stake=MAX_UNITS)
    guess(closest, "ann", 4)
    assert closest.escrow == 2 * MAX_UNITS == sum(closest.payouts((4, 5)).values())


@pytest.mark.parametrize(("text", "reason"), [("31 April 1970", Reason.NO_SUCH_DATE), ("1 January 1970, 14:05", Reason.OFF_THE_GRAIN)])
def test_a_date_that_does_not_exist_and_a_time_off_the_grain_are_no_guesses(text: str, reason: Reason) -> None:
    refusal = typed(text, hourly(24))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


# ---- brute force ----


def by_fractions(closest: Closest, outcome: Outcome) -> dict[str, Fraction] | None:
    """What each guess is owed before rounding, from the rules' words: seats in a row, one after the other."""
    entries = [entry for entry in closest.guesses if (entry.claim.complement) == (outcome is None)]
    if outcome is not None:
        first, last = outcome
        away = [min(abs(entry.claim.first - k) for k in range(first, last)) for entry in entries]
        if closest.variant is Variant.NOT_PAST:
            entries, away = _where(entries, away, [entry.claim.first < last for entry in entries])
        if closest.variant is Variant.EXACT:
            entries, away = _where(entries, away, [far == 0 for far in away])
    else:
        away = [0] * len(entries)
    if not entries:
        return None
    seats = dict(zip(range(len(entries)), closest.places, strict=False))
    order = sorted(away)
    owed: dict[str, Fraction] = {}
    for entry, far in zip(entries, away, strict=True):
        mine = [seat for seat, distance in enumerate(order) if distance == far]
        share = Fraction(sum(seats.get(seat, 0) for seat in mine), len(mine) * sum(seats.values()))
        owed[entry.player] = owed.get(entry.player, Fraction()) + share * closest.escrow
    return owed


def _where(entries: list[Entry], away: list[int], keep: list[bool]) -> tuple[list[Entry], list[int]]:
    kept = [(entry, far) for entry, far, yes in zip(entries, away, keep, strict=True) if yes]
    return [entry for entry, _ in kept], [far for _, far in kept]


@given(
    guesses=st.lists(st.tuples(st.sampled_from(("ann", "bob", "cid", "dee", "eve")), st.none() | st.integers(0, 11)), max_size=9),
    variant=st.sampled_from(Variant),
    places=st.sampled_from((WINNER, THREE)),
    stake=st.sampled_from((1, 7, 10**15)),
    many=st.booleans(),
    ends=st.none() | st.tuples(st.integers(0, 11), st.integers(1, 12)),
)
def test_every_payout_is_within_a_unit_a_guess_of_the_exact_one(
    guesses: list[tuple[str, int | None]], variant: Variant, places: tuple[int, ...], stake: int, many: bool, ends: tuple[int, int] | None
) -> None:
    closest = game(*guesses, count=12, variant=variant, places=places, stake=stake, many=many)
    outcome = None if ends is None else (min(ends), max(ends[0] + 1, ends[1]))
    owed, paid = by_fractions(closest, outcome), closest.payouts(outcome)
    mine = {player: sum(entry.player == player for entry in closest.guesses) for player in closest.players}
    if owed is None:
        assert paid == {player: stake * n for player, n in mine.items()}
    else:
        assert all(abs(paid.get(player, 0) - owed.get(player, 0)) < n for player, n in mine.items())
        assert sum(paid.values()) == sum(owed.values()) == closest.escrow


def test_a_hundred_thousand_guesses_settle_to_the_unit() -> None:
    closest = Closest(hourly(5000), Variant.NEAREST, THREE, 3, False)
    for n in range(100_000):
        closest.apply(Entry(f"p{n}", Instant(n % 1000 - 10**6), on(closest.horizon, n * 7919 % 5000 if n % 10 else None), 3))
    for outcome in ((2500, 2501), (0, 5000), None):
        assert sum(closest.payouts(outcome).values()) == 300_000
    closest.check()


# ---- controls ----


def a_unit_more_in_the_escrow(closest: Closest) -> None:
    closest.escrow += 1


def a_guess_twice(closest: Closest) -> None:
    closest._standing["ann"] *= 2


def a_guess_under_a_wrong_name(closest: Closest) -> None:
    closest._standing["zoe"] = closest._standing.pop("ann")


@pytest.mark.parametrize("harm", [a_unit_more_in_the_escrow, a_guess_twice, a_guess_under_a_wrong_name])
def test_control_check_notices_what_does_not_add_up(harm: object) -> None:
    closest = game(("ann", 3), ("bob", 4))
    assert callable(harm)
    harm(closest)
    with pytest.raises(AssertionError):
        closest.check()


def test_control_a_guess_that_was_not_quoted_is_not_applied() -> None:
    closest = game(("ann", 3))
    for bad in (
        Entry("bob", Instant(-1), Claim(0, 2, False), 20),
        Entry("bob", Instant(-1), Claim(0, 1, False), 0),
        Entry("ann", Instant(-1), Claim(0, 1, False), 20),
    ):
        with pytest.raises(AssertionError, match="only what was quoted is applied"):
            closest.apply(bad)
