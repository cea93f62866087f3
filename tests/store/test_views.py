"""What is said beside the log: views at the edges of a question's life, of a purse and of the history."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from anyday import wire
from anyday.instants import DAY, MINUTE, Instant
from anyday.points import parse_points
from anyday.reads.questions import QuestionRow
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.service import views
from anyday.service.history import MOST, Samples
from anyday.service.shown import Prices, Shown
from tests.rules import table as tables
from tests.world import World, hold, instant, run

POINT = 1_000_000
VISITORS = ("olga", "alice", "bob", "rita", "nobody", None)


def seen(world: World, question: str, who: str | None) -> wire.QuestionView:
    view = world.service.question(question, who)
    assert isinstance(view, wire.QuestionView)
    return view


def units(typed: str) -> int:
    read = parse_points(typed, signed=True)
    assert isinstance(read, int)
    return read


def test_who_is_offered_to_call_it_off_is_who_may(tmp_path: Path) -> None:
    """Through a question's life the page's button and the rules agree, for everybody."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("alice", subsidy_from="host", subsidy=100 * POINT)

            def offered() -> list[str | None]:
                said = [who for who in VISITORS if seen(world, question, who).may_void]
                for who in VISITORS:
                    if who is not None:
                        refused = isinstance(world.service.preview(who, c.Void(question, "a slip")), Refusal)
                        assert refused == (who not in said), who
                return said

            assert offered() == ["olga", "alice", "rita"], "the owner, the host while nobody has bet, the resolver"
            await world.do("bob", c.Bet(question, "March", spend=POINT))
            assert offered() == ["olga", "rita"]
            await world.do("olga", c.Bet(question, "April", spend=POINT))
            assert offered() == ["rita"], "who has a stake may not"
            await world.do("rita", c.Close(question))
            assert offered() == ["rita"]
            world.clock.move(120 * DAY)
            await world.do("rita", c.Rule(question, "2027-03-03", "seen"))
            assert offered() == []

    run(story())
    hold(tmp_path / "a.db")


def test_once_all_time_has_passed_nobody_is_offered_a_bet(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga", horizon="2027-02-01")
            assert seen(world, question, "alice").may_bet and seen(world, question, "alice").spendable == "1000"
            world.clock.move(31 * DAY)
            view = seen(world, question, "alice")
            assert (view.state, view.may_bet, view.spendable) == ("open", False, None)
            assert view.may_not_bet_because == str(Refusal(Reason.ALL_PASSED))
            assert await world.refused("alice", c.Bet(question, "never", spend=POINT)) == "all_passed"

    run(story())


def test_totals_before_a_ruling_are_what_the_ruling_does(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            before = world.balances()["house"]
            question = await world.ask("olga", subsidy=100 * POINT)
            await world.do("alice", c.Bet(question, "February", spend=30 * POINT))
            world.clock.move(40 * DAY)
            await world.do("bob", c.Bet(question, "March", spend=20 * POINT))
            rule = c.Rule(question, "2027-02-05", "seen")
            totals = world.service.preview("rita", rule)
            assert isinstance(totals, wire.RulingTotals)
            players = {who: world.balances()[f"player/{who}"] for who in ("alice", "bob")}
            await world.do("rita", rule)
            assert units(totals.house_result) == world.balances()["house"] - before < 0
            gained = {who: world.balances()[f"player/{who}"] - held for who, held in players.items()}
            assert (units(totals.points_paid), units(totals.points_returned)) == (gained["alice"], gained["bob"])
            assert (totals.bets_voided, gained["bob"]) == (1, 20 * POINT)

    run(story())
    hold(tmp_path / "a.db")


def test_a_collection_is_no_bet_wherever_bets_are_counted(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            await world.do("alice", c.Bet(question, "not 10 January 2027", spend=POINT))
            world.clock.now = instant("2027-02-01")
            await world.do("alice", c.Collect(question))
            (card,) = world.service.board("alice")
            assert card.bets == seen(world, question, "alice").bets == 1

    run(story())


def test_what_voided_sales_take_back_is_not_set_against_what_is_returned(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga", subsidy=100 * POINT)
            await world.do("alice", c.Bet(question, "March", spend=30 * POINT))
            world.clock.move(40 * DAY)
            await world.do("alice", c.Sell(question, "March"))
            await world.do("bob", c.Bet(question, "March", spend=20 * POINT))
            totals = world.service.preview("rita", c.Rule(question, "2027-02-05", "seen"))
            assert isinstance(totals, wire.RulingTotals)
            assert (totals.bets_voided, totals.points_returned, totals.points_paid) == (2, "20", "0")

    run(story())


def test_a_collection_in_the_batch_of_the_ruling_is_in_its_history(tmp_path: Path) -> None:
    """Never cuts nothing: what was collected a moment before, in the same transaction, stands, and is not paid again."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga", horizon="2027-02-01")
            await world.do("alice", c.Bet(question, "never", spend=30 * POINT))
            world.clock.move(31 * DAY)
            both = world.send("alice", c.Collect(question)), world.send("rita", c.Rule(question, "never", "nothing"))
            collected, ruled = await asyncio.gather(*both)
            assert isinstance(collected, wire.Receipt) and isinstance(ruled, wire.Receipt)
            state = world.service.find(question)
            assert state is not None and all(line.paid == line.returned == 0 for book in state.posted.books for line in book.lines)

    run(story())
    hold(tmp_path / "a.db")


def test_points_that_a_late_ruling_took_are_not_pending(tmp_path: Path) -> None:
    """What is pending is on the account and not free yet: never more than the account holds, though the floor lies below zero."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita", grant=100 * POINT, lag=DAY)
            late, other = await world.ask("olga"), await world.ask("olga")
            await world.do("alice", c.Bet(late, "March", spend=50 * POINT))
            world.clock.move(4 * DAY)
            await world.do("alice", c.Sell(late, "March"))
            world.clock.move(5 * DAY)
            await world.do("alice", c.Bet(other, "March", spend=90 * POINT))
            await world.do("alice", c.Sell(other, "March"))
            await world.do("rita", c.Rule(late, "2027-01-03", "seen"))
            floor = world.service.purse("alice").floor
            me = world.service.me("alice")
            assert floor < 0 < units(me.balance), "the case that this is about"
            assert (me.spendable, me.pending, me.owed) == ("0", me.balance, "0")
            world.clock.move(2 * DAY)
            me = world.service.me("alice")
            assert (me.spendable, me.pending) == (me.balance, "0"), "it comes free with time"

    run(story())
    hold(tmp_path / "a.db")


def test_a_purse_is_the_same_when_read_again_at_the_very_end_of_the_lag(tmp_path: Path) -> None:
    """A flow is young up to and with the instant at which it is as old as the lag, in memory and from the rows alike."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita", grant=100 * POINT, lag=DAY)
            question = await world.ask("olga")
            await world.do("alice", c.Bet(question, "March", spend=60 * POINT))
            await world.do("alice", c.Sell(question, "March"))
            for wait, free in ((DAY, False), (1, True)):
                world.clock.move(wait)
                spendable = world.service.me("alice").spendable
                assert (units(spendable) > 90 * POINT) is free
                await world.reopen()
                assert world.service.me("alice").spendable == spendable

    run(story())


def test_bets_say_whether_they_stand(tmp_path: Path) -> None:
    """Through a ruling, its correction and being called off; and who only put up a subsidy has no stake."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            asked = [await world.ask("bob", subsidy_from="host", subsidy=100 * POINT) for _ in range(2)]
            for question in asked:
                await world.do("alice", c.Bet(question, "May", spend=POINT))
            world.clock.move(40 * DAY)
            for question in asked:
                await world.do("alice", c.Bet(question, "June", spend=POINT))

            def standing(question: str) -> list[bool]:
                views = world.service.bets(question, "alice")
                assert not isinstance(views, Refusal)
                return [view.standing for view in reversed(views)]

            ruled, voided = asked
            assert standing(ruled) == standing(voided) == [True, True]
            await world.do("rita", c.Void(voided, "a mistake"))
            assert (standing(ruled), standing(voided)) == ([True, True], [False, False])
            await world.do("rita", c.Rule(ruled, "2027-02-03", "seen"))
            assert standing(ruled) == [True, False]
            world.clock.move(3 * DAY)
            await world.do("rita", c.Correct(ruled, "2027-02-12", "seen again", "a slip"))
            assert standing(ruled) == [True, True]
            await world.do("rita", c.Correct(ruled, "2026-12-10", "seen again", "a slip"))
            assert standing(ruled) == [False, False], "before the question's time: called off"
            held = {who: {card.id for card in world.service.board(who) if card.held} for who in ("alice", "bob")}
            assert held == {"alice": set(asked), "bob": set()}
            assert [len(world.service.me(who).positions) for who in ("alice", "bob")] == [2, 0]

    run(story())
    hold(tmp_path / "a.db")


def test_a_history_ends_with_the_betting(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            world.clock.move(DAY)
            await world.do("alice", c.Bet(question, "March", spend=POINT))

            def last() -> int:
                points = world.service.history(question)
                assert not isinstance(points, Refusal)
                return points[-1].at

            world.clock.move(DAY)
            assert last() == world.clock.now, "an open question's history runs up to now"
            await world.do("rita", c.Rule(question, "2027-01-02", "seen"))
            ruled = world.clock.now
            world.clock.move(30 * DAY)
            assert last() == ruled, "and an ended one's up to its ruling"

    run(story())


def test_a_long_history_is_thinned_evenly() -> None:
    """Every other sample goes and the interval doubles, so that no part of the past is told more finely than another."""
    table = tables.new_table()
    question = table.questions[tables.ask(table, days=300)]
    shown = Shown(question, Prices())
    history, start = Samples(shown), question.last_at
    for minute in range(1, 3_000):
        history.note(shown, Instant(start + minute * MINUTE))
        assert len(history.samples) <= MOST
    gaps = [b.at - a.at for a, b in pairwise(history.samples)]
    assert len(history.samples) > MOST // 2 - 1 and max(gaps) <= 2 * min(gaps)


def test_what_moved_is_counted_over_the_past_day_only() -> None:
    table = tables.new_table()
    name = tables.ask(table, days=300)
    question = table.questions[name]
    shown = Shown(question, Prices())
    history = Samples(shown)

    def at(hours: float) -> Instant:
        return Instant(question.last_at + round(hours * 3_600_000_000))

    now = at(1)
    history.note(shown, now)
    table.now = now
    table.must("alice", c.Bet(name, f"before {tables.day(150)}", spend=60 * tables.POINT))
    soon, later = history.moved(shown, at(1)), history.moved(shown, at(30))
    assert soon > 0.1, "a large bet moves much"
    assert later == 0.0, "and a day later nothing has moved for a day"


@pytest.mark.parametrize(
    ("state", "age", "bets", "moved", "section"),
    [
        ("draft", 3, 0, 0, "new"), ("ruled", 3, 4, 0, "ruling"), ("disputed", 3, 4, 50_000, "ruling"),
        ("settled", 1, 0, 0, "settled"), ("void", 1, 5, 900_000, "settled"), ("closed", 1, 5, 0, "ruling"),
        ("open", 1, 0, 0, "new"), ("open", 1, 1, 0, "soon"), ("open", 2, 0, 0, "soon"), ("open", 3, 4, 29_999, "soon"),
        ("open", 3, 4, 30_000, "moved"),
        ("open", 30, 4, 30_000, "ruling"),
    ],
)  # fmt: skip
def test_a_card_stands_in_one_section(state: str, age: int, bets: int, moved: int, section: str) -> None:
    row = QuestionRow("q1", 3, 0, state, "When?", "rita", 0, 30 * DAY, bets, 0, "market")
    assert views.section(row, moved, Instant(age * DAY)) == section
