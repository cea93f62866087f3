"""Tallies as the rules decide them: what is recorded and struck out, what a ruling says, what the next question covers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.instants import DAY, FIRST_INSTANT, HOUR, Grain, Instant, local_of, zone_names
from anyday.market import prior, rates
from anyday.market.horizon import Horizon, ahead
from anyday.phrases import parse_instant
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import powers, tallying
from anyday.rules.audit import Fault
from anyday.rules.question import Life, Tally
from tests.rules.table import POINT, Table, ask, at, day, new_table


def when(text: str, zone: str = "UTC") -> Instant:
    read = parse_instant(text, zone=zone)
    assert not isinstance(read, Refusal), read
    return read


def opened(table: Table, who: str = "olga", **changed: Any) -> str:
    """A tally from 1 January 2027 on; its id."""
    (event,) = table.must(who, c.OpenTally(**{"name": "Rollbacks", "terms": "A rollback.", "since": day(0), **changed}))
    assert isinstance(event, e.TallyOpened)
    return event.tally


def reason(decided: object) -> Reason:
    assert isinstance(decided, Refusal), decided
    assert "…" not in str(decided), str(decided)
    return decided.reason


# ---- recording and striking out ----------------------------------------------------------------------------------------


def test_an_occurrence_is_recorded_as_typed_in_the_crews_zone() -> None:
    table = new_table()
    tally = opened(table)
    table.now = at(20)
    table.must("bob", c.Record(tally, "5 January 2027", "the log"))
    table.must("carol", c.Record(tally, "2027-01-03 10:00", "the log"))
    standing = table.tallies[tally].standing
    assert [(event.by, event.start, event.end) for event in standing] == [
        ("carol", at(2) + 10 * HOUR, at(2) + 10 * HOUR + 1), ("bob", at(4), at(5)),
    ]  # fmt: skip


def test_a_tally_begins_now_at_the_latest_and_counts_what_occurred_in_its_first_moment() -> None:
    table = new_table()
    assert reason(table.do("olga", c.OpenTally("Rollbacks", "A rollback.", day(1)))) is Reason.NOT_YET
    tally, table.now = opened(table, since=day(0)), at(20)
    assert reason(table.do("bob", c.Record(tally, "2026-12-31 23:59", "the log"))) is Reason.NOT_A_RECORD
    table.must("bob", c.Record(tally, f"{day(0)} 00:00", "the log"))


def test_the_next_question_opens_from_the_gaps_and_from_the_end_of_the_last_occurrence() -> None:
    table = new_table()
    tally, table.now = opened(table), at(20)
    for first, last in ((2, 4), (6, 9), (14, 18)):
        table.must("bob", c.Record(tally, f"{day(first)}..{day(last)}", "the log"))
    (event,) = table.must(
        "olga",
        c.Ask(
            "Next?", "A rollback.", "UTC", "day", day(25), day(60), "rita", subsidy=POINT, subsidy_from="house", opening=c.OpeningTally(), tally=tally
        ),
    )  # fmt: skip
    assert isinstance(event, e.QuestionOpened) and event.market is not None
    ended, horizon = table.tallies[tally].standing[-1].end, table.questions[event.question].horizon
    assert ended > at(18), "a window's last day is in it"
    starts = [at(first) for first in (2, 6, 14)]
    opening = prior.from_cases(horizon, at(25) - ended, rates.waits(starts, at(20)))
    assert not isinstance(opening, Refusal)
    assert (event.market.runs, event.market.never, event.market.cases) == (tuple(e.Run(*run) for run in opening.runs), opening.never, 2)


def test_what_was_struck_out_may_be_recorded_again_and_what_stands_may_not() -> None:
    table = new_table()
    tally, table.now = opened(table), at(20)
    body = c.Record(tally, day(4), "the log")
    table.must("bob", body)
    assert reason(table.do("carol", body)) is Reason.ALREADY_THERE
    table.must("bob", c.Strike(tally, 2, "a slip"))
    assert table.tallies[tally].standing == []
    table.must("carol", body)
    assert len(table.tallies[tally].standing) == 1


def test_nobody_else_strikes_out_what_another_recorded() -> None:
    table = new_table()
    tally, table.now = opened(table, "carol"), at(20)
    for number in range(2, 5):
        table.must("bob", c.Record(tally, day(number), "the log"))
    assert reason(table.do("alice", c.Strike(tally, 2, "I say so"))) is Reason.NOT_ALLOWED
    for version, who in ((2, "bob"), (3, "carol"), (4, "olga")):
        table.must(who, c.Strike(tally, version, "a slip"))
    assert reason(table.do("olga", c.Strike(tally, 4, "once more"))) is Reason.NOTHING_TO_STRIKE
    assert reason(table.do("olga", c.Strike(tally, 1, "the opening itself"))) is Reason.NOTHING_TO_STRIKE


@pytest.mark.parametrize(
    ("typed", "evidence", "why"),
    [
        (day(-1), "the log", Reason.NOT_A_RECORD), (day(21), "the log", Reason.NOT_YET), ("never", "the log", Reason.NOT_A_TIME),
        ("soon", "the log", Reason.NOT_A_WINDOW), ("31 April 2027", "the log", Reason.NO_SUCH_DATE), ("", "the log", Reason.TEXT_MISSING),
        (day(2), " ", Reason.TEXT_MISSING), (day(2), "x" * 4_001, Reason.TEXT_TOO_LONG), (day(2), "a\x07b", Reason.MALFORMED),
    ],
)  # fmt: skip
def test_what_cannot_be_recorded_is_refused(typed: str, evidence: str, why: Reason) -> None:
    table = new_table()
    tally, table.now = opened(table), at(20)
    assert reason(table.do("bob", c.Record(tally, typed, evidence))) is why


def spammed(table: Table, tally: str, who: str, first: int, count: int) -> None:
    """So many occurrences by one player, as if recorded by hand."""
    for number in range(first, first + count):
        start = at(0) + number
        table.tallies[tally].evolve(e.Occurred(at=at(20), by=who, start=start, end=start + 1, evidence="seen", question=None))


def test_a_tally_counts_so_many_and_says_when_it_is_full_until_some_are_struck_out() -> None:
    table = new_table()
    tally, table.now = opened(table), at(20)
    for number in range(tallying.MOST_OCCURRENCES // tallying.MOST_BY_HAND):
        spammed(table, tally, f"spammer{number}", number * tallying.MOST_BY_HAND, tallying.MOST_BY_HAND)
    body = c.Record(tally, day(19), "seen")
    assert reason(table.do("bob", body)) is Reason.TOO_MANY_ENTRIES
    table.must("olga", c.Strike(tally, 2, "spam"))
    table.must("bob", body)


def test_nobody_fills_a_tally_alone_and_nobody_keeps_a_ruling_out() -> None:
    table = new_table()
    tally = opened(table)
    question, table.now = ask(table, tally=tally), at(20)
    spammed(table, tally, "bob", 0, tallying.MOST_BY_HAND - 1)
    table.must("bob", c.Record(tally, f"{day(18)} 12:00", "seen"))
    table.must("olga", c.Strike(tally, 2, "spam"))
    assert reason(table.do("bob", c.Record(tally, day(19), "seen"))) is Reason.TOO_MANY_ENTRIES, "what was struck out was recorded too"
    table.must("alice", c.Record(tally, day(19), "seen"))
    table.must("rita", c.Rule(question, day(5), "a photo"))
    spammed(table, tally, "rita", 20_000, tallying.MOST_OCCURRENCES)
    table.must("rita", c.Record(tally, question=question))


# ---- what a ruling says ------------------------------------------------------------------------------------------------


def asked_for(table: Table, tally: str) -> str:
    """A question about the tally's next occurrence, which rita rules."""
    return ask(table, tally=tally)


def test_a_ruling_is_recorded_once_with_its_evidence() -> None:
    table = new_table()
    tally = opened(table)
    question = asked_for(table, tally)
    body = c.Record(tally, question=question)
    assert reason(table.do("bob", body)) is Reason.NOT_A_RECORD
    table.now = at(20)
    table.must("rita", c.Rule(question, day(5), "a photo"))
    (event,) = table.must("rita", body)
    assert event == e.Occurred(at=at(20), by="rita", start=at(5), end=at(6), evidence="a photo", question=question)
    assert reason(table.do("bob", body)) is Reason.ALREADY_THERE
    table.must("olga", c.Strike(tally, 2, "it does not count"))
    assert reason(table.do("bob", body)) is Reason.ALREADY_THERE


def test_a_corrected_ruling_is_recorded_anew_once_the_old_one_is_struck_out() -> None:
    table = new_table()
    tally = opened(table)
    question, table.now = asked_for(table, tally), at(20)
    table.must("rita", c.Rule(question, day(5), "a photo"))
    body = c.Record(tally, question=question)
    table.must("rita", body)
    table.must("rita", c.Correct(question, day(6), "a better photo", "a slip"))
    assert reason(table.do("rita", body)) is Reason.ALREADY_THERE
    table.must("olga", c.Strike(tally, 2, "corrected"))
    table.must("rita", body)
    assert [event.start for event in table.tallies[tally].standing] == [at(6)]


def test_never_another_tallys_question_and_no_question_are_no_record() -> None:
    table = new_table()
    tally, other = opened(table), opened(table)
    mine, table.now = asked_for(table, tally), at(20)
    assert reason(table.do("bob", c.Record(other, question=mine))) is Reason.NOT_A_RECORD
    assert reason(table.do("bob", c.Record(tally, question="nothing"))) is Reason.NOT_A_RECORD
    table.must("rita", c.Rule(mine, "never", "nothing came"))
    assert reason(table.do("bob", c.Record(tally, question=mine))) is Reason.NOT_A_RECORD


def test_control_a_record_that_no_ruling_made_is_a_fault() -> None:
    """``verify`` refuses what deciding never would: each of these was forged."""
    table = new_table()
    tally, other = opened(table), opened(table)
    question, table.now = asked_for(table, tally), at(20)
    table.must("rita", c.Rule(question, day(5), "a photo"))
    ruled, state = table.questions[question], table.tallies[tally]
    good = e.Occurred(at=at(20), by="rita", start=at(5), end=at(6), evidence="a photo", question=question)
    powers.tally_may(table.crew, state, good, ruled)
    with pytest.raises(Fault, match="as it was made"):
        powers.tally_may(table.crew, state, e.Occurred(at=at(20), by="rita", start=at(6), end=at(7), evidence="x", question=question), ruled)
    with pytest.raises(Fault, match="as it was made"):
        powers.tally_may(table.crew, state, good, None)
    with pytest.raises(Fault, match="this tally's"):
        powers.tally_may(table.crew, table.tallies[other], good, ruled)
    ruled.life = Life.VOID
    with pytest.raises(Fault, match="as it was made"):
        powers.tally_may(table.crew, state, good, ruled)
    ruled.life = Life.SETTLED
    state.evolve(good)
    with pytest.raises(Fault, match="counted once"):
        powers.tally_may(table.crew, state, good, ruled)


def test_control_a_tally_that_spends_the_houses_points_is_its_owners() -> None:
    table = new_table()
    asks = e.Next("When?", "It does.", "day", 30, POINT, "house")
    for keeper, fine in (("olga", True), ("bob", False)):
        event = e.TallyOpened(at=at(0), tally="t", keeper=keeper, name="x", terms="x", since=at(0), next=asks)
        if fine:
            powers.tally_may(table.crew, None, event)
        else:
            with pytest.raises(Fault, match="the house's points"):
                powers.tally_may(table.crew, None, event)


# ---- what the next question covers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grain", "zone", "now", "count", "origin", "end"),
    [
        ("day", "UTC", "2027-01-04 00:00", 3, "2027-01-05", "2027-01-08"),
        ("day", "Europe/Zurich", "2027-03-27 12:00", 1, "2027-03-28", "2027-03-29"),  # 23 hours
        ("day", "Europe/Zurich", "2027-10-30 23:59", 2, "2027-10-31", "2027-11-02"),  # 25 hours, and 24
        ("day", "Pacific/Apia", "2011-12-29 12:00", 1, "2011-12-31", "2012-01-01"),  # there was no 30th
        ("week", "America/New_York", "2027-03-10 12:00", 2, "2027-03-15", "2027-03-29"),
        ("month", "Europe/Zurich", "2027-01-31 12:00", 13, "2027-02-01", "2028-03-01"),
        ("hour", "Europe/Zurich", "2027-03-28 01:59:59", 1, "2027-03-28 03:00", "2027-03-28 04:00"),  # 02:00 does not exist
        ("hour", "Asia/Kolkata", "2027-03-28 10:10", 2, "2027-03-28 11:00", "2027-03-28 13:00"),
        ("minute", "UTC", "2027-01-04 10:00:30", 5, "2027-01-04 10:01", "2027-01-04 10:06"),
    ],
)
def test_the_next_grains_are_those_of_the_zones_clocks(grain: str, zone: str, now: str, count: int, origin: str, end: str) -> None:
    found = ahead(Grain(grain), zone, when(now, zone), count)
    assert found == (when(origin, zone), when(end, zone))


@given(
    grain=st.sampled_from(Grain), zone=st.sampled_from([name for name in zone_names() if "/" in name]), count=st.integers(1, 60),
    now=st.integers(when("1990-01-01"), when("2040-01-01")),
)  # fmt: skip
def test_a_question_may_always_cover_the_next_grains(grain: Grain, zone: str, count: int, now: int) -> None:
    span = ahead(grain, zone, Instant(now), count)
    horizon = Horizon.build(grain, zone, *span)
    assert isinstance(horizon, Horizon), horizon
    assert span.start > now and horizon.count in (count, count - 1), "a day that a zone skips is no grain"
    longest = {Grain.MINUTE: HOUR, Grain.HOUR: 2 * HOUR, Grain.DAY: 3 * DAY, Grain.WEEK: 8 * DAY, Grain.MONTH: 32 * DAY}[grain]
    assert span.start - now <= longest


def test_the_next_question_is_the_keepers_to_rule_and_opens_from_the_gaps() -> None:
    table = new_table()
    asks = c.NextQuestion("When is the next?", "It is.", Grain.DAY, 30, 100 * POINT, "host")
    tally, table.now = opened(table, "bob", next=asks), at(40.5)
    body = tallying.following(table.tallies[tally], "Europe/Zurich", table.now)
    assert (body.title, body.resolver, body.tally, body.opening) == ("When is the next?", "bob", tally, c.OpeningTally())
    assert local_of(when(body.origin), "Europe/Zurich").isoformat() == "2027-02-11T00:00:00"
    assert reason(table.do("bob", body)) is Reason.BAD_OPENING
    for number in (3, 11, 20):
        table.must("bob", c.Record(tally, day(number), "seen"))
    (event,) = table.must("bob", body)
    assert isinstance(event, e.QuestionOpened) and event.market is not None
    assert (event.tally, event.market.cases, sum(count for count, _ in event.lengths)) == (tally, 2, 30)


def test_a_tally_begins_at_the_first_instant_too() -> None:
    state = Tally(e.TallyOpened(at=0, tally="t", keeper="olga", name="x", terms="x", since=FIRST_INSTANT, next=None))
    assert state.standing == [] and state.recorded("q") is None
