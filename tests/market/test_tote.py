"""The tote: worked cases to the unit, real rules, slots of the calendar, what is refused, and another way of counting it all."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.instants import DAY, HOUR, Grain, Instant, day_start
from anyday.market.horizon import Claim, Horizon
from anyday.market.mechanism import Entry
from anyday.market.tote import MOST_SLOTS, Tote, Unit, calendar_slots, slots_at
from anyday.points import MAX_UNITS, split
from anyday.refusals import Reason, Refusal
from tests.market.flat import hourly

NEVER = Claim(0, 12, True)
A, B, C = Claim(0, 3, False), Claim(3, 8, False), Claim(8, 12, False)
EDGES = (0, 3, 8, 12)


def staked(tote: Tote, *entries: tuple[str, Claim, int]) -> Tote:
    for player, claim, stake in entries:
        quoted = tote.quote(Entry(player, Instant(len(tote.entries) - 10**7), claim, stake))
        assert isinstance(quoted, Entry), str(quoted)
        tote.apply(quoted)
        tote.check()
    return tote


def tote_of(*entries: tuple[str, Claim, int], takeout: int = 0) -> Tote:
    return staked(Tote(hourly(12), EDGES, takeout), *entries)


def refused(tote: Tote, claim: Claim, stake: int = 1, at: int = -1) -> Refusal:
    refusal = tote.quote(Entry("ann", Instant(at), claim, stake))
    assert isinstance(refusal, Refusal)
    return refusal


# ---- sharing units out ----


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (1000, [30, 30, 40, 7], [280, 280, 374, 66]),
        (100, [1, 1, 1], [34, 33, 33]),
        (1, [1, 1, 1], [1, 0, 0]),
        (1, [1, 2, 2], [0, 1, 0]),
        (0, [5, 5], [0, 0]),
        (7, [0, 3, 0], [0, 7, 0]),
        (2**53, [1, 2**53, 1], [1, 2**53 - 2, 1]),
    ],
)
def test_units_are_split_by_largest_remainder_and_ties_go_to_the_earlier(total: int, weights: list[int], parts: list[int]) -> None:
    assert split(total, weights) == parts


@given(total=st.integers(0, MAX_UNITS), weights=st.lists(st.integers(0, MAX_UNITS), min_size=1, max_size=20).filter(any))
def test_a_split_is_exact_and_nobody_is_a_unit_off(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    assert sum(parts) == total
    assert all(abs(part - share) < 1 for part, share in zip(parts, exact, strict=True))
    up = [(share % 1, -place) for place, (part, share) in enumerate(zip(parts, exact, strict=True)) if part > share]
    down = [(share % 1, -place) for place, (part, share) in enumerate(zip(parts, exact, strict=True)) if part < share]
    assert not up or not down or min(up) > max(down)


# ---- worked cases ----


def test_the_pool_goes_to_the_slot_in_proportion_to_stakes() -> None:
    tote = tote_of(("ann", A, 30), ("bob", A, 30), ("cid", A, 40), ("dee", A, 7), ("eve", B, 500), ("fay", NEVER, 393))
    assert tote.escrow == 1000
    assert tote.payouts((1, 2)) == {"ann": 280, "bob": 280, "cid": 374, "dee": 66}
    assert tote.payouts((3, 4)) == {"eve": 1000}
    assert tote.payouts(None) == {"fay": 1000}
    assert tote.stakes() == (107, 500, 0, 393)
    assert tote.dividends() == ((107, Fraction(1000, 107)), (500, Fraction(2)), (0, None), (393, Fraction(1000, 393)))


def test_three_equal_stakes_share_a_hundred_and_the_first_has_the_odd_unit() -> None:
    tote = tote_of(("cid", B, 1), ("ann", B, 1), ("bob", B, 1), ("dee", A, 97))
    assert tote.payouts((7, 8)) == {"cid": 34, "ann": 33, "bob": 33}


def test_a_pool_of_one_unit_among_three_winners_goes_to_the_earliest() -> None:
    tote = tote_of(("cid", A, 1), ("ann", A, 1), ("bob", A, 1), ("dee", B, 1))
    # one hour of slot A and three of slot B share four units: one unit for three winners
    assert tote.payouts((2, 6)) == {"cid": 1, "dee": 3}


def test_a_take_out_of_seventeen_per_cent_pays_the_dividend_of_the_arizona_example_before_its_breakage() -> None:
    tote = tote_of(("ann", A, 2300), ("bob", B, 7700), takeout=170_000)
    dividend = tote.dividends()[0][1]
    assert dividend is not None
    assert f"{float(dividend):.12f}" == "3.608695652174"
    assert tote.payouts((0, 1)) == {"ann": 8300}
    assert tote.house((0, 1)) == 1700


def test_the_take_out_is_rounded_down_and_is_not_taken_from_what_goes_back() -> None:
    tote = tote_of(("ann", A, 2), ("bob", B, 1), takeout=333_333)
    assert (tote.payouts((0, 1)), tote.house((0, 1))) == ({"ann": 3}, 0)
    tote = staked(tote, ("bob", B, 1))
    assert (tote.payouts((0, 1)), tote.house((0, 1))) == ({"ann": 3}, 1)
    assert (tote.payouts(None), tote.house(None)) == ({"ann": 2, "bob": 2}, 0)


def test_nobody_on_the_slot_gets_everything_back() -> None:
    tote = tote_of(("ann", A, 5), ("bob", B, 7), ("ann", NEVER, 11), takeout=100_000)
    assert tote.payouts((9, 10)) == {"ann": 16, "bob": 7}
    assert tote.house((9, 10)) == 0


@pytest.mark.parametrize("outcome", [(0, 1), (5, 6), (0, 12), None])
def test_a_single_entrant_has_the_stake_back_whatever_happens(outcome: tuple[int, int] | None) -> None:
    tote = tote_of(("ann", A, 5), takeout=100_000)
    assert tote.payouts(outcome) == {"ann": 5}
    assert tote.house(outcome) == 0


def test_all_on_the_winner_have_their_stakes_back() -> None:
    tote = tote_of(("ann", A, 5), ("bob", A, 7), takeout=500_000)
    assert tote.payouts((0, 3)) == {"ann": 5, "bob": 7}
    assert tote.dividends()[0] == (12, Fraction(1))


def test_a_tote_without_entries_pays_nobody() -> None:
    tote = tote_of()
    assert (tote.payouts((0, 1)), tote.payouts(None), tote.house(None), tote.players, tote.curve()) == ({}, {}, 0, (), None)
    assert tote.dividends() == ((0, None),) * 4


def test_a_players_entries_on_one_slot_count_as_one_stake_made_when_the_first_was() -> None:
    tote = tote_of(("bob", A, 1), ("ann", A, 2), ("bob", A, 1), ("cid", B, 1))
    assert tote.payouts((0, 1)) == {"bob": 3, "ann": 2}  # 2½ each, and Bob came first
    assert tote.position("bob") == (2, 0, 0, 0)
    assert tote.position("nobody") == (0, 0, 0, 0)
    assert tote.players == ("bob", "ann", "cid")


def test_a_window_over_several_slots_splits_the_pool_by_time_and_leaves_out_what_nobody_backed() -> None:
    tote = tote_of(("ann", A, 10), ("bob", C, 30), ("cid", NEVER, 60))
    assert tote.payouts((0, 12)) == {"ann": 43, "bob": 57}  # 3 h to 4 h of a hundred: 42.86 and 57.14
    assert tote.payouts((2, 12)) == {"ann": 20, "bob": 80}
    assert tote.payouts((2, 8)) == {"ann": 100}
    assert tote.payouts((4, 7)) == {"ann": 10, "bob": 30, "cid": 60}


def test_in_a_dead_heat_of_equal_slots_each_has_half_the_pool() -> None:
    tote = staked(Tote(hourly(2), (0, 1, 2)), ("ann", Claim(0, 1, False), 200), ("bob", Claim(1, 2, False), 50), ("cid", Claim(0, 2, True), 750))
    assert tote.payouts((0, 2)) == {"ann": 500, "bob": 500}


def test_an_odd_unit_between_slots_goes_to_the_earlier_slot() -> None:
    tote = staked(Tote(hourly(2), (0, 1, 2)), ("bob", Claim(1, 2, False), 4), ("ann", Claim(0, 1, False), 3))
    assert tote.payouts((0, 2)) == {"ann": 4, "bob": 3}


def test_overlaps_are_of_time_and_not_of_grains() -> None:
    """Two days of 23 and 24 hours around a change of clocks, one a slot."""
    day = Horizon(Grain.DAY, "Europe/Zurich", Instant(0), ((1, 23 * HOUR), (1, DAY)), "test")
    tote = staked(Tote(day, (0, 1, 2)), ("ann", Claim(0, 1, False), 23), ("bob", Claim(1, 2, False), 24))
    assert tote.payouts((0, 2)) == {"ann": 23, "bob": 24}


def test_a_thousand_entrants_on_one_slot_share_to_the_unit() -> None:
    tote = Tote(hourly(12), EDGES)
    staked(tote, ("sid", B, 1_000_003))
    for n in range(1000):
        tote.apply(Entry(f"p{n:04d}", Instant(n - 10**6), A, 7))
    tote.check()
    paid = tote.payouts((0, 1))
    # 1,007,003 units among a thousand equals: three have one more, the first three
    assert [player for player, units in paid.items() if units == 1008] == ["p0000", "p0001", "p0002"]
    assert sorted(set(paid.values())) == [1007, 1008]
    assert len(paid) == 1000


def test_a_hundred_thousand_entries_settle_to_the_unit() -> None:
    tote = Tote(hourly(12), EDGES, 50_000)
    for n in range(100_000):
        tote.apply(Entry(f"p{n}", Instant(n - 10**6), (A, B, C, NEVER)[n % 4], 1 + n % 97))
    for outcome in ((0, 1), (1, 11), None):
        paid = tote.payouts(outcome)
        assert sum(paid.values()) == tote.escrow - tote.escrow * 50_000 // 1_000_000
    tote.check()


# ---- another way of counting ----


def by_fractions(tote: Tote, first: int, last: int) -> dict[str, Fraction]:
    """What each player is owed before rounding, from the rules' words: grain by grain of equal lengths."""
    hours = {slot: sum(first <= k < last for k in range(a, b)) for slot, (a, b) in enumerate(pairwise(EDGES))}
    backed = {slot: n for slot, n in hours.items() if n and tote.stakes()[slot]}
    owed: dict[str, Fraction] = {}
    for entry in tote.entries:
        slot = tote.slot(entry.claim)
        if slot in backed:
            pool = Fraction(tote.escrow - tote.house((first, last))) * backed[slot] / sum(backed.values())
            owed[entry.player] = owed.get(entry.player, Fraction()) + pool * entry.stake / tote.stakes()[slot]
    return owed


@given(
    entries=st.lists(st.tuples(st.sampled_from(("ann", "bob", "cid")), st.sampled_from((A, B, C, NEVER)), st.integers(1, 9)), max_size=12),
    takeout=st.sampled_from((0, 100_000, 500_000)),
    ends=st.tuples(st.integers(0, 11), st.integers(1, 12)),
)
def test_every_payout_is_within_a_unit_a_slot_of_the_exact_one(entries: list[tuple[str, Claim, int]], takeout: int, ends: tuple[int, int]) -> None:
    tote = tote_of(*entries, takeout=takeout)
    first, last = min(ends), max(ends[0] + 1, ends[1])
    owed = by_fractions(tote, first, last)
    paid = tote.payouts((first, last))
    if owed:
        # rounded twice, between slots and within one, in each of three slots at most
        assert all(abs(paid.get(player, 0) - owed.get(player, 0)) < 6 for player in tote.players)
        assert sum(owed.values()) == sum(paid.values())
    else:
        assert paid == {player: sum(tote.position(player)) for player in tote.players}


# ---- what is refused ----


def test_an_entry_off_the_slots_is_told_which_there_are() -> None:
    refusal = refused(tote_of(), Claim(1, 3, False))
    assert refusal.reason is Reason.NOT_A_SLOT
    assert str(refusal) == (
        "1 January 1970, 01:00–03:00 is not one of the slots here. Choose one of 1 January 1970, 00:00–03:00, 1 January 1970, 03:00–08:00, "
        "1 January 1970, 08:00–12:00, or never."
    )
    assert refused(tote_of(), Claim(0, 3, True)).reason is Reason.NOT_A_SLOT


def test_of_many_slots_a_refusal_names_the_first_and_the_last() -> None:
    tote = Tote(hourly(400), tuple(range(401)))
    sentence = refused(tote, Claim(0, 2, False)).next_step
    assert sentence.count("1970") == 13
    assert ", …, 17 January 1970, 15:00–16:00, or never." in sentence
    assert tote.say_slot(400) == "never"


def test_all_slots_close_together_at_the_first_ones_start_less_the_lead() -> None:
    tote = Tote(hourly(12), EDGES, lead=HOUR)
    assert tote.closes == -HOUR
    for claim in (A, C, NEVER):
        refusal = refused(tote, claim, at=-HOUR)
        assert refusal.reason is Reason.ENTRIES_CLOSED
        assert str(refusal).startswith("Entries closed on 31 December 1969, 23:00.")
        assert isinstance(tote.quote(Entry("ann", Instant(-HOUR - 1), claim, 1)), Entry)


@pytest.mark.parametrize(
    ("stake", "reason"),
    [(0, Reason.NOT_POSITIVE), (-5, Reason.NOT_POSITIVE), (MAX_UNITS + 1, Reason.AMOUNT_TOO_LARGE), (MAX_UNITS - 1, Reason.AMOUNT_TOO_LARGE)],
)
def test_a_stake_of_nothing_or_one_past_all_bounds_is_refused(stake: int, reason: Reason) -> None:
    tote = tote_of(("bob", B, 2))
    assert refused(tote, A, stake=stake).reason is reason
    assert isinstance(tote.quote(Entry("ann", Instant(-1), A, MAX_UNITS - 2)), Entry)


# ---- the curve ----


def test_the_curve_is_the_share_of_the_stakes_even_within_a_slot() -> None:
    curve = tote_of(("ann", A, 30), ("bob", B, 50), ("cid", NEVER, 20)).curve()
    assert curve is not None
    assert (curve.edges, curve.masses, curve.never) == (EDGES, (0.3, 0.5, 0.0), 0.2)
    fine = tote_of(("ann", A, 30), ("bob", B, 50), ("cid", NEVER, 20)).curve((1, 3, 4))
    assert fine is not None
    assert fine.edges == (0, 1, 3, 4, 12)
    assert fine.masses == pytest.approx((0.1, 0.2, 0.1, 0.4))


# ---- slots ----


def days(zone: str, first: date, last: date, grain: Grain = Grain.DAY) -> Horizon:
    built = Horizon.build(grain, zone, day_start(first, zone), day_start(last, zone))
    assert isinstance(built, Horizon)
    return built


def edges_of(horizon: Horizon, unit: Unit) -> tuple[int, ...]:
    edges = calendar_slots(horizon, unit)
    assert not isinstance(edges, Refusal), str(edges)
    Tote(horizon, edges).check()
    return edges


def test_months_are_slots_of_their_own_length_and_the_ends_are_cut() -> None:
    horizon = days("Europe/Zurich", date(2027, 1, 20), date(2027, 4, 11))
    assert edges_of(horizon, "month") == (0, 12, 40, 71, 81)
    tote = Tote(horizon, edges_of(horizon, "month"))
    assert [tote.say_slot(slot) for slot in range(5)] == ["20–31 January 2027", "1–28 February 2027", "1–31 March 2027", "1–10 April 2027", "never"]


def test_weeks_start_on_monday_and_are_cut_at_the_questions_ends() -> None:
    horizon = days("Europe/Zurich", date(2027, 3, 10), date(2027, 3, 31))  # a Wednesday to a Wednesday
    assert edges_of(horizon, "week") == (0, 5, 12, 19, 21)
    assert edges_of(days("Europe/Zurich", date(2027, 3, 8), date(2027, 3, 22)), "week") == (0, 7, 14)


def test_quarters_and_years_are_cut_where_the_calendar_cuts_them() -> None:
    horizon = days("Europe/Zurich", date(2027, 2, 1), date(2029, 1, 1))
    assert edges_of(horizon, "year") == (0, 334, 700)
    assert edges_of(horizon, "quarter") == (0, 59, 150, 242, 334, 425, 516, 608, 700)
    assert edges_of(days("Europe/Zurich", date(2027, 2, 1), date(2027, 3, 1)), "year") == (0, 28)


@pytest.mark.parametrize(("zone", "first", "hours"), [("Europe/Zurich", date(2027, 3, 28), 23), ("America/New_York", date(2027, 11, 7), 25)])
def test_the_slot_that_holds_a_change_of_clocks_is_an_hour_off(zone: str, first: date, hours: int) -> None:
    """The changes are on Sundays, at the ends of weeks."""
    start, end = day_start(first, zone), day_start(date.fromordinal(first.toordinal() + 8), zone)
    horizon = Horizon.build(Grain.HOUR, zone, start, end)
    assert isinstance(horizon, Horizon)
    edges = edges_of(horizon, "week")
    assert edges == (0, hours, hours + 7 * 24)
    tote = Tote(horizon, edges)
    for player, claim in (("ann", Claim(0, hours, False)), ("bob", Claim(hours, hours + 168, False))):
        tote.apply(Entry(player, Instant(start - 1), claim, 1000))
    share = 2000 * hours / (hours + 168)
    assert tote.payouts((0, hours + 168))["ann"] == round(share)


def test_a_day_that_the_zone_skips_starts_no_slot() -> None:
    """Samoa had no Friday 30 December 2011; in 2011 its week went from Thursday to Saturday."""
    horizon = days("Pacific/Apia", date(2011, 12, 20), date(2012, 1, 10))
    assert edges_of(horizon, "week") == (0, 6, 12, 19, 20)
    assert edges_of(horizon, "month") == (0, 11, 20)


def test_calendar_slots_that_do_not_fall_on_grains_are_refused() -> None:
    weekly = days("Europe/Zurich", date(2027, 3, 8), date(2027, 5, 31), Grain.WEEK)
    monthly = days("Europe/Zurich", date(2027, 1, 1), date(2027, 7, 1), Grain.MONTH)
    said = calendar_slots(weekly, "month")
    assert isinstance(said, Refusal)
    assert said.reason is Reason.BAD_PLAY
    assert said.sentence == "The ways to play do not work: the tote's months do not start on whole weeks."
    assert isinstance(calendar_slots(monthly, "week"), Refusal)
    assert calendar_slots(monthly, "quarter") == (0, 3, 6)


def test_no_more_than_a_thousand_slots() -> None:
    ages = days("UTC", date(1900, 1, 1), date(2400, 1, 1), Grain.DAY)
    said = calendar_slots(ages, "week")
    assert isinstance(said, Refusal)
    assert said.sentence == "The ways to play do not work: the tote has more than 1,000 slots."
    assert len(edges_of(ages, "year")) == 501
    monday = date(2024, 1, 1)
    assert len(edges_of(days("UTC", monday, monday + timedelta(weeks=MOST_SLOTS)), "week")) == MOST_SLOTS + 1
    assert isinstance(calendar_slots(days("UTC", monday, monday + timedelta(weeks=MOST_SLOTS, days=1)), "week"), Refusal)
    assert isinstance(slots_at(hourly(5000), range(MOST_SLOTS + 1)), Refusal)
    assert slots_at(hourly(5000), range(MOST_SLOTS)) == (*range(MOST_SLOTS), 5000)


def test_listed_slots_start_where_they_are_said_to() -> None:
    assert slots_at(hourly(12), (3, 8)) == EDGES
    assert slots_at(hourly(12), (0, 3, 8)) == EDGES
    assert slots_at(hourly(12), ()) == (0, 12)
    for starts in ((3, 3), (8, 3), (12,), (13,), (-1,), (0, 0)):
        refusal = slots_at(hourly(12), starts)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.BAD_PLAY


# ---- controls ----


def a_unit_more_in_the_escrow(tote: Tote) -> None:
    tote.escrow += 1


def a_slot_that_holds_more_than_its_backers(tote: Tote) -> None:
    tote._stakes[0] += 1
    tote._stakes[1] -= 1


def an_entry_forgotten(tote: Tote) -> None:
    tote.entries.pop()


@pytest.mark.parametrize("harm", [a_unit_more_in_the_escrow, a_slot_that_holds_more_than_its_backers, an_entry_forgotten])
def test_control_check_notices_what_does_not_add_up(harm: object) -> None:
    tote = tote_of(("ann", A, 5), ("bob", B, 5))
    assert callable(harm)
    harm(tote)
    with pytest.raises(AssertionError):
        tote.check()


def test_control_an_entry_that_was_refused_is_not_applied() -> None:
    for bad in (Entry("ann", Instant(-1), Claim(0, 2, False), 1), Entry("ann", Instant(-1), A, 0)):
        with pytest.raises(AssertionError, match="only what was quoted is applied"):
            tote_of().apply(bad)
