"""What time makes due, and in which order: every path ends, and the times of a stream never decrease on the way there."""

from __future__ import annotations

import pytest

from anyday.instants import DAY, HOUR, Instant
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import timing
from anyday.rules.ledger import CLOSEST
from anyday.rules.question import Life
from tests.rules.table import POINT, Table, ask, at, day, new_table

GUESSES = c.ClosestTerms(5 * POINT)


def fair(dispute: int = DAY, silence: int = 7 * DAY) -> Table:
    """A crew whose rulings can be disputed for a day, with a week of silence, and Dora to stand in."""
    return new_table(("alice", "bob", "carol", "dora", "rita", "sven"), dispute=dispute, silence=silence)


def to(table: Table, number: float) -> None:
    assert at(number) >= table.now
    table.now = at(number)


def kinds(events: tuple[e.Event, ...] | list[e.Event]) -> list[str]:
    return [e.kind(event) for event in events]


# in which order


def test_an_offer_of_a_duty_after_entries_closed_comes_after_the_bell() -> None:
    """The bell is stamped with the instant at which entries closed: what is written before it may be no later."""
    table = fair()
    question = ask(table, closest=GUESSES)
    table.must("alice", c.Guess(question, day(3)))
    to(table, 3)
    assert kinds(table.must("rita", c.HandOver("resolver", "dora", question))) == ["unsealed", "duty_offered"]
    table.must("rita", c.Rule(question, day(2), "seen"))
    table.idle()


def test_a_draft_that_is_agreed_to_after_entries_closed_rings_its_bell_as_it_opens() -> None:
    table = fair()
    question = ask(table, closest=GUESSES, subjects=("sven",))
    to(table, 3)
    table.must("sven", c.Agree(question))
    assert table.refused("alice", c.Guess(question, day(5))) == "entries_closed"
    assert kinds(table.must("alice", c.Bet(question, day(6), spend=POINT))) == ["unsealed", "bet_placed"]
    bell = next(event for event in table.events[question] if isinstance(event, e.Unsealed))
    assert bell.at == at(3)
    table.idle()


def test_a_ruling_before_the_bell_that_is_withdrawn_after_it_leaves_a_question_that_goes_on() -> None:
    table = fair()
    question = ask(table, closest=GUESSES, deputy="dora", first=4)
    table.must("alice", c.Guess(question, day(6)))
    to(table, 3.5)
    table.must("rita", c.Rule(question, f"{day(0)} 09:00", "it was before its time"))
    table.must("alice", c.Dispute(question, "it was not"))
    to(table, 5)
    table.must("dora", c.Judge(question, "withdrawn", "it has not happened"))
    assert table.life(question) is Life.OPEN
    assert kinds(table.must("bob", c.Bet(question, day(8), spend=POINT))) == ["unsealed", "bet_placed"]
    table.idle()


def test_a_ruling_before_the_bell_that_is_replaced_after_it_shows_every_guess() -> None:
    table = fair()
    question = ask(table, closest=GUESSES, deputy="dora", first=4)
    table.must("alice", c.Guess(question, day(4)))
    to(table, 3.5)
    table.must("rita", c.Rule(question, f"{day(0)} 09:00", "it was before its time"))
    table.must("alice", c.Dispute(question, "it was not"))
    to(table, 5.5)
    judged = table.must("dora", c.Judge(question, "replaced", "it came today", f"{day(5)} 02:00", "seen"))
    assert kinds(judged) == ["judged", "ruled", "unsealed", "settled", "scored"]
    assert CLOSEST in table.questions[question].unsealed
    table.check_replay()


def test_a_lent_duty_and_a_ruling_that_are_both_overdue_are_written_in_an_order_that_time_can_have() -> None:
    """Nobody was there for a week: the settlement is stamped with the clock, the duty with when it was to go back."""
    table = fair()
    question = ask(table, deputy="dora")
    table.must("dora", c.HandOver("deputy", "bob", question, day(9)))
    table.must("bob", c.Accept("deputy", question))
    to(table, 7)
    table.must("rita", c.Rule(question, day(3), "seen"))
    to(table, 20)
    done = table.wait(question)
    assert kinds(done) == ["duty_returned", "settled", "scored"] and [event.at for event in done] == [at(9), at(20), at(20)]
    table.check_replay()


def test_what_the_bell_makes_due_waits_for_a_command_that_is_taken() -> None:
    table = fair()
    question = ask(table, closest=GUESSES)
    to(table, 2)
    assert table.refused("sven", c.Rule(question, day(1), "seen")) == "not_allowed"
    assert kinds(table.events[question]) == ["question_opened"], "what is refused leaves no trace"
    assert kinds(table.wait(question)) == ["unsealed"], "the service’s own command rings it"


# halts, and a ruling that is withdrawn


def test_a_halted_question_that_was_ruled_goes_back_to_open_and_can_be_halted_again() -> None:
    table = fair()
    question = ask(table, deputy="dora")
    table.must("rita", c.Halt(question, "something is odd"))
    to(table, 3)
    table.must("rita", c.Rule(question, day(2), "seen"))
    table.must("alice", c.Dispute(question, "no"))
    table.must("dora", c.Judge(question, "withdrawn", "not shown"))
    table.must("alice", c.Bet(question, day(8), spend=POINT))
    assert table.refused("rita", c.Close(question)) == "ruling_fell"
    table.must("olga", c.Halt(question, "again"))
    assert table.refused("alice", c.Bet(question, day(8), spend=POINT)) == "halted"
    table.idle()


def test_a_withdrawal_and_a_withdrawn_ruling_leave_the_deputy_as_long_as_silence_before_it_is_called_off() -> None:
    table = fair()
    question = ask(table, deputy="dora", subjects=("sven",))
    table.must("sven", c.Agree(question))
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    to(table, 4)
    table.must("sven", c.Withdraw(question))
    to(table, 10.5)
    table.must("rita", c.Rule(question, day(3), "seen"))
    table.must("sven", c.Dispute(question, "it did not"))
    to(table, 11.2)
    table.must("dora", c.Judge(question, "withdrawn", "not shown"))
    assert table.life(question) is Life.HALTED
    assert table.refused("alice", c.Bet(question, day(12), spend=POINT)) == "not_found", "it is hidden"
    assert table.refused("olga", c.Resume(question)) == "withdrawn_from"
    to(table, 18)
    assert table.wait(question) == []
    to(table, 18.3)
    assert kinds(table.wait(question)) == ["voided"]
    assert table.accounts["player/alice"] == 1_000 * POINT


# every path ends


def test_a_draft_that_nobody_agrees_to_is_called_off_at_its_horizon() -> None:
    table = fair()
    question = ask(table, subjects=("sven", "bob"))
    table.must("sven", c.Agree(question))
    table.idle()
    assert table.now == at(13) and table.life(question) is Life.VOID
    assert kinds(table.events[question]) == ["question_opened", "consented", "voided"]


@pytest.mark.parametrize(("deputy", "ends"), [("dora", 13 + 7 + 7 + 3), (None, 13 + 7 + 3)])
def test_a_resolver_a_deputy_and_a_crew_that_say_nothing_end_in_a_void(deputy: str | None, ends: int) -> None:
    table = fair()
    question = ask(table, deputy=deputy)
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    table.idle()
    assert table.now == at(ends) and table.life(question) is Life.VOID
    assert table.accounts["player/alice"] == 1_000 * POINT, "no stake is stuck for ever"


def test_the_deputy_rules_after_the_time_of_silence_and_no_earlier() -> None:
    table = fair()
    question = ask(table, deputy="dora")
    to(table, 13 + 7)
    table.now = Instant(table.now - 1)
    assert table.refused("dora", c.Rule(question, "never", "nothing came")) == "not_allowed"
    assert table.refused("dora", c.Void(question, "nobody speaks")) == "not_allowed"
    to(table, 13 + 7)
    table.must("dora", c.Rule(question, "never", "nothing came"))
    table.idle()
    assert table.life(question) is Life.SETTLED


def test_what_most_of_the_crew_say_is_ruled_where_nobody_else_does() -> None:
    table = fair()
    question = ask(table, deputy="dora", forecast=True)
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    table.must("carol", c.Forecast(question, c.CurveQuantiles(((day(5), 500_000),), 100_000), POINT))
    to(table, 13 + 14 - 0.01)
    assert table.refused("bob", c.Vote(question, "never")) == "no_vote"
    to(table, 13 + 14)
    assert table.refused("alice", c.Vote(question, "never")) == "has_stake"
    assert table.refused("carol", c.Vote(question, "never")) == "has_stake", "a sealed one too"
    table.must("bob", c.Vote(question, "never"))
    assert table.refused("bob", c.Vote(question, "never")) == "nothing_changed"
    table.must("bob", c.Vote(question, day(3)))
    table.must("sven", c.Vote(question, day(3)))
    table.must("dora", c.Vote(question, "never"))
    to(table, 13 + 14 + 3)
    assert kinds(table.wait(question)) == ["closed", "ruled", "unsealed", "settled", "scored"]
    assert table.questions[question].posted.paid("alice") > 0
    assert not {"bob", "sven", "dora"} - table.questions[question].barred.keys(), "whoever voted has used a power"


def test_a_vote_for_a_time_beyond_the_horizon_counts_as_never() -> None:
    table = fair()
    question = ask(table)
    to(table, 13 + 7 + 1)
    for who, choice in (("bob", "never"), ("sven", day(14)), ("dora", day(4))):
        table.must(who, c.Vote(question, choice))
    assert table.refused("bob", c.Vote(question, day(15))) == "nothing_changed"
    to(table, 13 + 7 + 3)
    ruled = next(event for event in table.wait(question) if isinstance(event, e.Ruled))
    assert ruled.outcome.never


@pytest.mark.parametrize(
    "votes", [(), (("bob", "never"), ("sven", "2027-01-04")), (("bob", "never"), ("sven", "2027-01-04"), ("dora", "2027-01-05"))]
)
def test_a_vote_without_a_majority_calls_it_off(votes: tuple[tuple[str, str], ...]) -> None:
    table = fair()
    question = ask(table)
    to(table, 13 + 7 + 1)
    for who, choice in votes:
        table.must(who, c.Vote(question, choice))
    to(table, 13 + 7 + 3)
    assert kinds(table.wait(question)) == ["voided"]


def test_after_a_withdrawn_ruling_silence_is_counted_anew() -> None:
    table = fair()
    question = ask(table, deputy="dora")
    to(table, 13)
    table.must("rita", c.Rule(question, "never", "nothing came"))
    table.must("alice", c.Dispute(question, "something did"))
    to(table, 15)
    table.must("dora", c.Judge(question, "withdrawn", "not shown"))
    deputy, voting, ends = timing.silence(table.questions[question])
    assert (deputy, voting, ends) == (at(15 + 7), at(15 + 14), at(15 + 17))
    table.must("dora", c.Rule(question, day(4), "seen"))
    assert table.refused("rita", c.Correct(question, "never", "seen", "no")) == "not_settled_yet"
    to(table, 16)
    table.wait(question)
    assert table.life(question) is Life.SETTLED


# nothing is posted inside the window


@pytest.mark.parametrize("window", [HOUR, DAY, 30 * DAY])
def test_nothing_is_posted_before_the_window_ends(window: int) -> None:
    table = fair(dispute=window)
    question = ask(table)
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    to(table, 5)
    before = table.accounts.copy()
    table.must("rita", c.Rule(question, day(3), "seen"))
    table.now = Instant(at(5) + window - 1)
    assert table.wait(question) == [] and table.accounts == before
    table.now = Instant(at(5) + window)
    assert kinds(table.wait(question)) == ["settled", "scored"] and table.accounts["player/alice"] > before["player/alice"]
