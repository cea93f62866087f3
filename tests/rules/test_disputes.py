"""A ruling that somebody disputes: who judges it, in which order, and what comes of it. Nothing is posted before that."""

from __future__ import annotations

from typing import Final

import pytest

from anyday.instants import DAY
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import timing
from anyday.rules.question import DEPUTISES, THE_CREW, Life
from tests.rules.table import POINT, Table, ask, day, new_table
from tests.rules.test_timing import fair, kinds, to


def ruled(deputy: str | None = "dora", host: str = "carol", outcome: str = day(3), **changed: object) -> tuple[Table, str]:
    """Alice has bet on the third day, Rita rules it on the fifth, and a day is left to dispute it."""
    table = fair()
    question = ask(table, host=host, deputy=deputy, **changed)
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    to(table, 5)
    table.must("rita", c.Rule(question, outcome, "seen"))
    return table, question


def test_a_player_disputes_once_within_the_window_and_never_their_own_ruling() -> None:
    table, question = ruled()
    table.must("gus", c.Join(guest=True))
    assert table.refused("gus", c.Dispute(question, "no")) == "guest"
    assert table.refused("rita", c.Dispute(question, "I was wrong")) == "own_ruling"
    assert table.refused("bob", c.Dispute(question, " ")) == "text_missing"
    assert table.refused("rita", c.Correct(question, "never", "seen", "no")) == "not_settled_yet"
    assert table.refused("rita", c.Rule(question, day(4), "seen")) == "already_ruled"
    assert table.refused("rita", c.Void(question, "no")) == "already_ruled"
    table.must("bob", c.Dispute(question, "it was another"))
    assert table.refused("bob", c.Dispute(question, "and again")) == "already_there"
    to(table, 5.9)
    table.must("alice", c.Dispute(question, "I was there"))
    to(table, 6)
    assert table.refused("sven", c.Dispute(question, "too late")) == "nothing_to_dispute"
    assert table.life(question) is Life.DISPUTED


def test_a_ruling_that_nobody_disputes_is_settled_and_cannot_be_disputed_any_more() -> None:
    table, question = ruled()
    assert table.refused("dora", c.Judge(question, "stands", "so it was")) == "not_disputed"
    to(table, 6)
    assert table.refused("bob", c.Dispute(question, "too late")) == "nothing_to_dispute"
    assert table.life(question) is Life.SETTLED
    open_one = ask(table, host="carol", first=8)
    assert table.refused("bob", c.Dispute(open_one, "no")) == "nothing_to_dispute"


def test_nothing_is_judged_on_a_draft() -> None:
    table = fair()
    question = ask(table, host="carol", subjects=("sven",))
    for who in ("olga", "rita", "sven"):
        assert table.refused(who, c.Judge(question, "stands", "so")) == "not_disputed"
        assert table.refused(who, c.Dispute(question, "no")) == "nothing_to_dispute"
        assert table.refused(who, c.Vote(question, "never")) == "no_vote"


def test_the_deputy_judges_first_then_the_owner_then_the_crew() -> None:
    table, question = ruled()
    table.must("bob", c.Dispute(question, "it was another"))
    for who in ("olga", "sven", "rita", "bob"):
        assert table.refused(who, c.Judge(question, "stands", "yes")) == "not_allowed"
    to(table, 8)
    assert timing.turn(table.questions[question], table.crew, table.now)[0] == ["dora", "olga"], "the deputy may still"  # type: ignore[arg-type]
    assert table.refused("sven", c.Vote(question, "stands")) == "no_vote"
    to(table, 11)
    for who in ("dora", "olga"):
        assert table.refused(who, c.Judge(question, "stands", "yes")) == "not_allowed"
    assert table.refused("bob", c.Vote(question, "falls")) == "not_allowed" == table.refused("rita", c.Vote(question, "stands"))
    assert table.refused("alice", c.Vote(question, "stands")) == "has_stake"
    assert table.refused("sven", c.Vote(question, "perhaps")) == "malformed"
    table.must("sven", c.Vote(question, "falls"))
    table.must("sven", c.Vote(question, "stands"))
    to(table, 14)
    assert kinds(table.wait(question)) == ["judged", "settled", "scored"]


SKIPPED: Final = {
    "there is no deputy": (None, "carol", ["olga"]),
    "the deputy disputes": ("dora", "carol", ["olga"]),
    "the deputy has left": ("dora", "carol", ["olga"]),
    "the owner has a stake": ("dora", "carol", ["dora"]),
    "it is about the deputy": ("dora", "carol", ["olga"]),
    "the deputy ruled it": ("dora", "carol", ["olga"]),
    "nobody is left": (None, "carol", []),
}


@pytest.mark.parametrize("why", SKIPPED)
def test_whoever_ruled_disputed_had_a_stake_or_left_does_not_judge(why: str) -> None:
    deputy, host, judges = SKIPPED[why]
    table = fair(silence=DAY)
    about = why == "it is about the deputy"
    question = ask(table, host=host, deputy=deputy, subjects=("dora",) if about else ())
    if about:
        table.must("dora", c.Agree(question))
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    if why in ("the owner has a stake", "nobody is left"):
        table.must("olga", c.Bet(question, day(4), spend=10 * POINT))
    to(table, 14)
    table.must("dora" if why == "the deputy ruled it" else "rita", c.Rule(question, day(3), "seen"))
    table.must("bob", c.Dispute(question, "no"))
    if why == "the deputy disputes":
        table.must("dora", c.Dispute(question, "no"))
    if why == "the deputy has left":
        table.must("dora", c.Leave())
    assert table.crew is not None
    assert timing.judges(table.questions[question], table.crew) == judges
    for who in judges:
        table.must(who, c.Judge(question, "stands", "I saw it too"))
    table.idle()
    assert table.life(question) is Life.SETTLED


def test_an_owner_with_a_sealed_entry_is_refused_alone_and_the_crew_votes_after_her_turn() -> None:
    table = fair()
    question = ask(table, host="carol", first=2, closest=c.ClosestTerms(5 * POINT))
    table.must("olga", c.Guess(question, day(5)))
    to(table, 5)
    table.must("rita", c.Rule(question, day(3), "seen"))
    table.must("bob", c.Dispute(question, "no"))
    assert timing.judges(table.questions[question], table.crew) == ["olga"], "nobody else knows"  # type: ignore[arg-type]
    assert table.refused("olga", c.Judge(question, "stands", "yes")) == "has_stake"
    to(table, 8)
    table.must("sven", c.Vote(question, "stands"))
    table.idle()
    assert table.life(question) is Life.SETTLED


@pytest.mark.parametrize(("judge", "when"), [("dora", 5.5), ("olga", 8.5)])
def test_a_judge_lets_it_stand_replaces_it_or_withdraws_it(judge: str, when: float) -> None:
    for verdict, posted in {
        "stands": ["judged", "settled", "scored"],
        "replaced": ["judged", "ruled", "settled", "scored"],
        "withdrawn": ["judged"],
    }.items():
        table, question = ruled()
        before = table.accounts["player/alice"]
        table.must("bob", c.Dispute(question, "no"))
        to(table, when)
        assert table.refused(judge, c.Judge(question, "perhaps", "who knows")) == "malformed"
        assert table.refused(judge, c.Judge(question, "replaced", "it was the second", "", "seen")) == "text_missing"
        assert table.refused(judge, c.Judge(question, "replaced", "it was the second", day(2), " ")) == "text_missing"
        assert table.refused(judge, c.Judge(question, "replaced", "it was the second", day(2), "seen", 1)) == "version_moved"
        decided = table.must(judge, c.Judge(question, verdict, "this is why", day(2), "seen"))
        assert kinds(decided) == posted
        paid = table.accounts["player/alice"] - before
        assert (paid > 0) == (verdict == "stands"), "she had bet on the third"
        assert table.refused(judge, c.Judge(question, "stands", "again")) == "not_disputed"
        assert table.refused(judge, c.Bet(question, day(8), spend=POINT)) == "barred"
        table.check()
        table.check_replay()
        table.idle()


def test_what_a_judge_has_decided_is_corrected_by_that_judge_alone() -> None:
    for verdict in ("stands", "replaced"):
        table, question = ruled()
        table.must("bob", c.Dispute(question, "no"))
        table.must("dora", c.Judge(question, verdict, "this is why", day(2), "seen"))
        for who in ("rita", "olga", "carol"):
            assert table.refused(who, c.Correct(question, day(4), "seen", "mine")) == "not_allowed"
        table.must("dora", c.Correct(question, day(4), "seen", "a slip"))
        table.check()


def test_what_the_crew_let_stand_is_corrected_by_its_resolver() -> None:
    table, question = ruled()
    table.must("bob", c.Dispute(question, "no"))
    to(table, 14)
    table.wait(question)
    assert table.refused("dora", c.Correct(question, day(4), "seen", "mine")) == "not_allowed"
    table.must("rita", c.Correct(question, day(4), "seen", "a slip"))


@pytest.mark.parametrize(
    ("votes", "verdict"),
    [("", "stands"), ("f", "withdrawn"), ("s", "stands"), ("sf", "stands"), ("sff", "withdrawn"), ("ssf", "stands"), ("ff", "withdrawn")],
)
def test_the_crews_vote_by_majority_and_a_tie_or_nobody_lets_it_stand(votes: str, verdict: str) -> None:
    table, question = ruled()
    table.must("bob", c.Dispute(question, "no"))
    to(table, 12)
    for who, vote in zip(("sven", "carol", "dora"), votes, strict=False):
        table.must(who, c.Vote(question, "stands" if vote == "s" else "falls"))
    to(table, 14)
    done = table.wait(question)
    assert isinstance(done[0], e.Judged) and (done[0].by, done[0].verdict) == (THE_CREW, verdict)
    assert table.life(question) is (Life.SETTLED if verdict == "stands" else Life.OPEN)
    table.idle()


def test_a_withdrawn_ruling_leaves_everything_as_it_was_and_another_rules() -> None:
    table, question = ruled(outcome=day(2))
    table.must("bob", c.Dispute(question, "it has not happened"))
    table.must("dora", c.Judge(question, "withdrawn", "it has not"))
    state = table.questions[question]
    assert (state.life, state.ruled, state.posted, state.bets) == (Life.OPEN, None, e.Posted(), 1)
    assert state.market.position("alice").steps, "what was cut is hers again"
    table.must("bob", c.Bet(question, day(8), spend=5 * POINT))
    assert table.refused("rita", c.Rule(question, day(3), "seen")) == "ruling_fell"
    assert table.refused("olga", c.Rule(question, day(3), "seen")) == "not_allowed"
    to(table, 9)
    table.must("dora", c.Rule(question, f"{day(8)} 10:00", "seen"))
    assert table.questions[question].ruled is not None
    table.must("rita", c.Dispute(question, "I still think so"))
    assert table.refused("dora", c.Judge(question, "stands", "I said so")) == "not_allowed", "nobody judges their own ruling"
    table.must("olga", c.Judge(question, "stands", "so it was"))
    assert table.accounts["player/bob"] > 1_000 * POINT > table.accounts["player/alice"]
    table.check_replay()


def test_two_withdrawn_rulings_leave_the_crew_to_vote() -> None:
    table, question = ruled()
    table.must("bob", c.Dispute(question, "no"))
    table.must("dora", c.Judge(question, "withdrawn", "not shown"))
    to(table, 7)
    table.must("dora", c.Rule(question, day(4), "seen"))
    table.must("bob", c.Dispute(question, "nor that"))
    table.must("olga", c.Judge(question, "withdrawn", "nor that"))
    for who in ("rita", "dora"):
        assert table.refused(who, c.Rule(question, day(3), "seen")) == "ruling_fell"
    to(table, 13 + 7)
    assert table.refused("rita", c.Vote(question, "never")) == "not_allowed" == table.refused("dora", c.Vote(question, "never"))
    table.must("sven", c.Vote(question, "never"))
    to(table, 13 + 7 + 3)
    assert kinds(table.wait(question)) == ["closed", "ruled", "settled", "scored"]
    assert table.life(question) is Life.SETTLED


def test_the_duty_may_be_handed_on_after_a_ruling_was_withdrawn() -> None:
    table, question = ruled(deputy=None)
    table.must("bob", c.Dispute(question, "no"))
    table.must("olga", c.Judge(question, "withdrawn", "not shown"))
    table.must("rita", c.HandOver("resolver", "sven", question))
    table.must("sven", c.Accept("resolver", question))
    table.must("sven", c.Rule(question, day(3), "seen"))
    table.idle()
    assert table.life(question) is Life.SETTLED


def test_voting_and_judging_bar_and_a_stake_bars_from_both() -> None:
    table, question = ruled()
    assert table.questions[question].barred["dora"] == DEPUTISES
    table.must("bob", c.Dispute(question, "no"))
    to(table, 12)
    table.must("sven", c.Vote(question, "falls"))
    to(table, 14)
    table.wait(question)
    assert table.life(question) is Life.OPEN
    assert table.refused("sven", c.Bet(question, "never", spend=POINT)) == "barred"
    table.idle()


def test_without_a_window_there_is_nothing_to_dispute() -> None:
    table = new_table(("alice", "bob", "rita"), dispute=0)
    question = ask(table)
    to(table, 5)
    assert kinds(table.must("rita", c.Rule(question, day(3), "seen"))) == ["closed", "ruled", "settled", "scored"]
    assert table.refused("bob", c.Dispute(question, "no")) == "nothing_to_dispute"
