"""Duties pass when the other accepts, and never before; and who belongs to the crew, plays in it and owns it."""

from __future__ import annotations

import itertools

import pytest

from anyday.instants import Instant
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.question import DEPUTISES, RESOLVES, Life
from tests.rules.table import POINT, Table, ask, at, day
from tests.rules.test_timing import fair, to

HOLDERS = {"owner": "olga", "host": "carol", "resolver": "rita", "deputy": "dora"}


def asked(table: Table, duty: str) -> tuple[str | None, str]:
    """The question in which a duty is held (none for the owner's), and who holds it."""
    question = ask(table, host="carol", deputy="dora")
    return (None if duty == "owner" else question), HOLDERS[duty]


def holder(table: Table, duty: str, question: str | None) -> str:
    assert table.crew is not None
    return (table.crew.duties if question is None else table.questions[question].duties).now[duty]


@pytest.mark.parametrize("duty", HOLDERS)
def test_a_duty_passes_when_the_other_accepts_and_never_before(duty: str) -> None:
    table = fair()
    question, first = asked(table, duty)
    assert table.refused("alice", c.HandOver(duty, "bob", question)) == "not_allowed"
    assert table.refused(first, c.HandOver(duty, first, question)) == "already_there"
    assert table.refused(first, c.HandOver(duty, "zoe", question)) == "not_found"
    assert table.refused("bob", c.Accept(duty, question)) == "not_offered"
    table.must(first, c.HandOver(duty, "bob", question))
    to(table, 1)
    assert holder(table, duty, question) == first, "offered is not handed over"
    assert table.refused("alice", c.Accept(duty, question)) == "not_offered" == table.refused("alice", c.Decline(duty, question))
    table.must("bob", c.Accept(duty, question))
    assert holder(table, duty, question) == "bob"
    assert table.refused("bob", c.Accept(duty, question)) == "not_offered", "once is enough"
    assert table.refused(first, c.HandOver(duty, "alice", question)) == "not_allowed"
    held = (table.crew.duties if question is None else table.questions[question].duties) if table.crew else None
    assert held is not None
    assert [held.holder(duty, Instant(at(1) + past)) for past in (-1, 0, 1)] == [first, "bob", "bob"], "who held it at any past moment"
    assert held.holder(duty, Instant(at(0) - 1)) is None


@pytest.mark.parametrize("duty", HOLDERS)
def test_an_offer_is_declined_or_taken_back_or_replaced_by_another(duty: str) -> None:
    table = fair()
    question, first = asked(table, duty)
    for who in ("bob", first):
        table.must(first, c.HandOver(duty, "bob", question))
        table.must(who, c.Decline(duty, question))
        assert table.refused("bob", c.Accept(duty, question)) == "not_offered"
    table.must(first, c.HandOver(duty, "bob", question))
    table.must(first, c.HandOver(duty, "alice", question))
    assert table.refused("bob", c.Accept(duty, question)) == "not_offered"
    table.must("alice", c.Accept(duty, question))
    assert holder(table, duty, question) == "alice"


@pytest.mark.parametrize("duty", HOLDERS)
def test_a_duty_that_is_lent_goes_back_by_the_clock(duty: str) -> None:
    table = fair()
    question, first = asked(table, duty)
    assert table.refused(first, c.HandOver(duty, "bob", question, day(0))) == "has_passed"
    assert table.refused(first, c.HandOver(duty, "bob", question, "when it suits")) == "not_a_time"
    table.must(first, c.HandOver(duty, "bob", question, f"{day(3)} 12:00"))
    to(table, 1)
    table.must("bob", c.Accept(duty, question))
    assert table.refused("bob", c.HandOver(duty, "alice", question)) == "only_lent"
    table.now = Instant(at(3.5) - 1)
    assert table.wait(question) == [] and holder(table, duty, question) == "bob"
    to(table, 5)
    (returned,) = table.wait(question)
    assert returned == e.DutyReturned(at=at(3.5), duty=duty, to=first), "stamped with when it was to go back"
    assert holder(table, duty, question) == first
    table.must(first, c.HandOver(duty, "alice", question))


@pytest.mark.parametrize("duty", HOLDERS)
def test_an_offer_for_a_time_that_has_passed_is_none(duty: str) -> None:
    table = fair()
    question, first = asked(table, duty)
    table.must(first, c.HandOver(duty, "bob", question, day(3)))
    to(table, 3)
    assert table.refused("bob", c.Accept(duty, question)) == "not_offered"
    assert table.wait(question) == [] and holder(table, duty, question) == first


def test_a_duty_that_is_not_held_or_does_not_exist_is_not_offered() -> None:
    table = fair()
    question = ask(table, host="carol")
    for duty in ("deputy", "owner", "judge", ""):
        assert table.refused("carol", c.HandOver(duty, "bob", question)) == "not_found"
    assert table.refused("olga", c.HandOver("host", "bob")) == "not_found"
    assert table.refused("olga", c.HandOver("owner", "bob", "elsewhere")) == "not_found"


def test_whoever_has_ever_ruled_or_stood_in_is_barred_though_the_duty_went_on() -> None:
    table = fair()
    question = ask(table, host="carol", deputy="dora")
    table.must("rita", c.HandOver("resolver", "bob", question))
    table.must("bob", c.Accept("resolver", question))
    table.must("dora", c.HandOver("deputy", "sven", question, day(2)))
    table.must("sven", c.Accept("deputy", question))
    to(table, 4)
    barred = table.questions[question].barred
    assert {who: barred[who] for who in ("rita", "bob", "dora", "sven")} == {"rita": RESOLVES, "bob": RESOLVES, "dora": DEPUTISES, "sven": DEPUTISES}
    for who in ("rita", "bob", "dora", "sven"):
        assert table.refused(who, c.Bet(question, day(5), spend=POINT)) == "barred"
    assert table.refused("rita", c.Rule(question, day(3), "seen")) == "not_allowed"
    table.must("bob", c.Rule(question, day(3), "seen"))


def test_somebody_with_a_stake_is_told_so_and_nobody_else_is() -> None:
    """The offer stands as if it had not been read: a refusal leaves no trace."""
    table = fair()
    question = ask(table, host="carol", first=2, closest=c.ClosestTerms(5 * POINT))
    table.must("alice", c.Guess(question, day(5)))
    table.must("rita", c.HandOver("resolver", "alice", question))
    before = list(table.events[question])
    assert table.refused("alice", c.Accept("resolver", question)) == "has_stake"
    assert table.events[question] == before and table.questions[question].duties.offers["resolver"].to == "alice"


def test_an_offer_of_a_hidden_question_lets_the_other_see_it() -> None:
    table = fair()
    question = ask(table, host="carol", subjects=("sven",))
    assert table.refused("bob", c.Accept("resolver", question)) == "not_found"
    table.must("rita", c.HandOver("resolver", "bob", question))
    table.must("bob", c.Accept("resolver", question))


# who belongs


def test_a_guest_looks_on_does_the_duties_that_are_theirs_and_never_owns() -> None:
    table = fair()
    question = ask(table, host="carol")
    table.must("gus", c.Join(guest=True))
    assert table.accounts["player/gus"] == 0
    for command in (
        c.Bet(question, day(3), spend=POINT), c.Comment(question, "hello"), c.Note(question, "news", "It.", day(0), "seen"), c.Grant("gus", 1, "me"),
        c.OpenTally("Rollbacks", "A rollback.", day(0)), c.Vote(question, "never"), c.Dispute(question, "no"),
    ):  # fmt: skip
        assert table.refused("gus", command) == "guest"
    table.must("olga", c.HandOver("owner", "gus"))
    assert table.refused("gus", c.Accept("owner")) == "guest"
    table.must("rita", c.HandOver("resolver", "gus", question))
    table.must("gus", c.Accept("resolver", question))
    to(table, 5)
    table.must("gus", c.Rule(question, day(3), "seen"))
    assert table.refused("gus", c.MakePlayer("gus")) == "guest"
    table.must("olga", c.MakePlayer("gus"))
    assert table.accounts["player/gus"] == 1_000 * POINT
    assert table.refused("olga", c.MakePlayer("gus")) == "already_there"
    assert table.refused("olga", c.MakePlayer("zoe")) == "not_found"


@pytest.mark.parametrize("path", list(itertools.product(["player", "guest"], repeat=3)), ids="-".join)
def test_however_often_somebody_comes_and_goes_the_joining_grant_is_given_once(path: tuple[str, ...]) -> None:
    table = fair()
    for turn, role in enumerate(path):
        table.must("gus", c.Join(guest=role == "guest"))
        assert table.refused("gus", c.Join()) == "already_there"
        if role == "guest" and turn == 1:
            table.must("olga", c.MakePlayer("gus"))
        table.must("gus", c.Leave())
        assert table.refused("gus", c.Leave()) == "not_allowed"
        table.check()
    once = "player" in path or path[1] == "guest"
    assert table.accounts["player/gus"] == (1_000 * POINT if once else 0)


def test_the_owner_removes_with_a_reason_and_touches_no_points() -> None:
    table = fair()
    question = ask(table, host="carol")
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    held = table.accounts["player/alice"]
    assert table.refused("bob", c.Remove("alice", "no")) == "not_allowed"
    assert table.refused("olga", c.Remove("zoe", "no")) == "not_found"
    assert table.refused("olga", c.Remove("alice", " ")) == "text_missing"
    assert table.refused("olga", c.Remove("olga", "tired")) == "owner_stays" == table.refused("olga", c.Leave())
    table.must("olga", c.Remove("alice", "she asked for it"))
    assert table.refused("alice", c.Bet(question, day(4), spend=POINT)) == "not_allowed"
    assert table.refused("olga", c.Grant("alice", POINT, "after all")) == "not_found"
    to(table, 5)
    table.must("rita", c.Rule(question, day(3), "seen"))
    table.idle()
    assert table.accounts["player/alice"] > held, "what she held is paid"
    table.must("alice", c.Join())
    assert table.accounts["player/alice"] < 1_000 * POINT + 200 * POINT, "and no second grant comes with it"


def test_whoever_lent_the_crew_stays_until_it_is_back() -> None:
    table = fair()
    table.must("olga", c.HandOver("owner", "bob", until=day(5)))
    table.must("bob", c.Accept("owner"))
    assert table.refused("olga", c.Leave()) == "owner_stays" == table.refused("bob", c.Remove("olga", "mine now")) == table.refused("bob", c.Leave())
    assert table.refused("olga", c.Grant("olga", POINT, "me")) == "not_allowed"
    to(table, 5)
    table.must("olga", c.Grant("bob", POINT, "thanks"))
    table.must("bob", c.Leave())


def test_a_resolver_who_leaves_rules_no_more_and_the_question_ends_all_the_same() -> None:
    table = fair()
    question = ask(table, host="carol", deputy="dora")
    table.must("rita", c.Leave())
    to(table, 5)
    assert table.refused("rita", c.Rule(question, day(3), "seen")) == "not_allowed"
    to(table, 20)
    table.must("dora", c.Rule(question, day(3), "seen"))
    table.idle()
    assert table.life(question) is Life.SETTLED


def test_the_owner_changes_the_settings_within_their_bounds() -> None:
    table = fair()
    assert table.refused("alice", c.ChangeSettings(name="Ours")) == "not_allowed"
    for wrong, code in (
        (c.ChangeSettings(name=" "), "text_missing"), (c.ChangeSettings(zone="Mars"), "not_a_zone"),
        (c.ChangeSettings(joining_grant=-1), "amount_too_large"),
        (c.ChangeSettings(dispute=-1), "span_out_of_bounds"), (c.ChangeSettings(silence=0), "span_out_of_bounds"),
        (c.ChangeSettings(readers="nobody"), "malformed"), (c.ChangeSettings(positions="all"), "malformed"),
        (c.ChangeSettings(prices="dear"), "malformed"),
        (c.ChangeSettings(), "nothing_changed"),
    ):  # fmt: skip
        assert table.refused("olga", wrong) == code
    table.must("olga", c.ChangeSettings(joining_grant=5 * POINT, dispute=0, positions="members"))
    table.must("gus", c.Join())
    assert table.accounts["player/gus"] == 5 * POINT
    question = ask(table, host="carol")
    assert table.questions[question].opened.dispute == 0
    to(table, 5)
    table.must("rita", c.Rule(question, day(3), "seen"))
    assert table.life(question) is Life.SETTLED, "a crew may do without a window"
