"""Fair play on the real service: many at once, a server that was down, what time writes by itself, and what the record is held to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from anyday import wire
from anyday.instants import DAY, Grain, Instant
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules.question import Life
from anyday.store import log
from tests.world import World, hold, instant, run

POINT = 1_000_000
PEOPLE = ("olga", "alice", "bob", "carol", "dora", "rita", "sven")


async def asked(world: World, **changed: object) -> str:
    """A crew whose rulings can be disputed for a day, with a week of silence; Carol asks about February, Alice bets on the tenth."""
    await world.crew(*PEOPLE, dispute=DAY, silence=7 * DAY)
    fields = {"origin": "2027-02-01", "horizon": "2027-03-01", "subsidy_from": "host", "subsidy": 50 * POINT, "deputy": "dora"}
    question = await world.ask("carol", **(fields | changed))
    await world.do("alice", c.Bet(question, "2027-02-10", spend=10 * POINT))
    return question


def kinds(world: World, question: str) -> list[str]:
    read = world.service.database.read
    return [kind for (kind,) in read("SELECT kind FROM entry WHERE stream = ? ORDER BY version", (f"question/{question}",))]


def life(world: World, question: str) -> str:
    """As the folded state and the row agree that it is."""
    state = world.service.find(question)
    (row,) = world.service.database.read("SELECT state FROM question WHERE id = ?", (question,))
    assert state is not None and row[0] == state.life, "the row and the state agree"
    return state.life


def taken(answers: list[wire.Receipt | Refusal]) -> tuple[int, set[str]]:
    return sum(isinstance(answer, wire.Receipt) for answer in answers), {answer.reason.code for answer in answers if isinstance(answer, Refusal)}


# many at once


def test_fifty_claims_of_one_joining_grant_make_one_grant(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga")
            answers = await asyncio.gather(*(world.send("gus", c.Join()) for _ in range(50)))
            assert taken(list(answers)) == (1, {"already_there"})
            assert world.balances()["player/gus"] == 1_000 * POINT
            for _ in range(5):  # nor by leaving in between
                await asyncio.gather(*(world.send("gus", body) for body in [c.Leave(), c.Join(guest=True), c.Join(), c.Leave(), c.Join()] * 10))
            await asyncio.gather(*(world.send("olga", c.MakePlayer("gus")) for _ in range(50)))
            assert world.balances()["player/gus"] == 1_000 * POINT

    run(story())
    hold(tmp_path / "a.db")


@pytest.mark.parametrize("window", [0, DAY])
def test_twenty_rulings_at_once_make_one(window: int, tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await asked(world, dispute=window)
            world.clock.now = instant("2027-02-12")
            answers = await asyncio.gather(*(world.send("rita", c.Rule(question, f"2027-02-{10 + turn % 2}", "seen")) for turn in range(20)))
            assert taken(list(answers)) == (1, {"already_ruled"})
            assert kinds(world, question).count("ruled") == 1
            if window:
                disputes = await asyncio.gather(*(world.send("bob", c.Dispute(question, "no")) for _ in range(20)))
                assert taken(list(disputes)) == (1, {"already_there"})
                verdicts = await asyncio.gather(*(world.send("dora", c.Judge(question, "stands", "so it was")) for _ in range(20)))
                assert taken(list(verdicts)) == (1, {"not_disputed"})
            corrections = await asyncio.gather(
                *(world.send("dora" if window else "rita", c.Correct(question, "2027-02-11", "seen", "a slip", 1)) for _ in range(20))
            )
            assert taken(list(corrections)) == (0, {"version_moved"})
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_twenty_who_accept_twenty_offers_leave_one_holder(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await asked(world)
            await world.do("rita", c.HandOver("resolver", "bob", question))
            answers = await asyncio.gather(*(world.send("bob", c.Accept("resolver", question)) for _ in range(20)))
            assert taken(list(answers)) == (1, {"not_offered"})

    run(story())
    hold(tmp_path / "a.db")


# by itself, and after a while away


def test_nothing_is_posted_inside_the_window_and_the_timer_settles_after_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await asked(world)
            world.clock.now = instant("2027-02-12")
            await world.do("rita", c.Rule(question, "2027-02-10", "seen"))
            before = world.balances()
            world.clock.now = Instant(instant("2027-02-13") - 1)
            await world.wake()
            assert world.balances() == before and life(world, question) == Life.RULED
            world.clock.now = instant("2027-02-13")
            await world.wake()
            assert life(world, question) == Life.SETTLED and world.balances()["player/alice"] > before["player/alice"]

    run(story())
    hold(tmp_path / "a.db")


def test_a_command_that_comes_before_the_timer_finds_what_was_due_already_done(tmp_path: Path) -> None:
    """The window is over, and nothing has been written yet: whoever disputes then is too late, and the settlement is there."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await asked(world)
            world.clock.now = instant("2027-02-12")
            await world.do("rita", c.Rule(question, "2027-02-10", "seen"))
            world.clock.now = instant("2027-02-20")
            answer = await world.send("bob", c.Dispute(question, "too late"))
            assert isinstance(answer, Refusal) and answer.reason.code == "nothing_to_dispute"
            assert life(world, question) == Life.SETTLED

    run(story())
    hold(tmp_path / "a.db")


@pytest.mark.parametrize("away", [1, 4, 8, 30, 90, 400])
def test_a_server_that_was_away_writes_what_was_due_when_it_comes_back(away: int, tmp_path: Path) -> None:
    """One question is halted, one is disputed, one waits to be agreed to, one has a subject who withdrew, duties are lent."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            disputed = await asked(world, closest=c.ClosestTerms(5 * POINT), forecast=True)
            fields = {"origin": "2027-02-01", "horizon": "2027-03-15", "subsidy_from": "host", "subsidy": 50 * POINT, "deputy": "dora"}
            halted, draft, left = [await world.ask("carol", **fields, subjects=about) for about in ((), ("sven",), ("sven",))]
            await world.do("sven", c.Agree(left))
            for question in (disputed, halted, left):
                await world.do("alice", c.Bet(question, "2027-02-20", spend=10 * POINT))
            await world.do("alice", c.Guess(disputed, "2027-02-09"))
            world.clock.now = instant("2027-02-10 12:00")
            await world.do("rita", c.Halt(halted, "the source is down"))
            await world.do("sven", c.Withdraw(left))
            await world.do("rita", c.Rule(disputed, "2027-02-09", "seen"))
            await world.do("bob", c.Dispute(disputed, "no"))
            await world.do("rita", c.HandOver("resolver", "bob", halted, "2027-02-12 06:00"))
            await world.do("bob", c.Accept("resolver", halted))
            await world.do("dora", c.HandOver("deputy", "bob", disputed, "2027-02-11"))
            await world.do("olga", c.HandOver("owner", "bob", until="2027-02-12"))
            await world.do("bob", c.Accept("owner"))
            await world.service.close()
            world.clock.move(away * DAY)
            await world.reopened()
            await world.wake()
            world.check()
            assert (life(world, left) == Life.VOID) == (away >= 7)
            assert (life(world, disputed) == Life.SETTLED) == (away >= 9), kinds(world, disputed)
            assert (life(world, draft) == Life.VOID) == (away >= 33)
            assert (life(world, halted) == Life.VOID) == (away >= 33 + 17)
            crew = world.service.writer.memory("crew").crew
            assert crew is not None and crew.owner == ("bob" if away < 2 else "olga")

    run(story())
    hold(tmp_path / "a.db")


def test_nobody_there_for_a_year_and_every_question_has_ended(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await asked(world)
            later = [await world.ask("carol", subsidy_from="host", subsidy=50 * POINT, horizon=f"2027-{month:02}-01") for month in range(3, 9)]
            world.clock.move(365 * DAY)
            await world.wake()
            assert {life(world, name) for name in (question, *later)} == {"void"}
            assert world.balances()["player/alice"] == world.balances()["player/carol"] == 1_000 * POINT

    run(story())
    hold(tmp_path / "a.db")


def test_the_times_of_a_stream_never_decrease_whatever_was_due(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await asked(world, closest=c.ClosestTerms(5 * POINT))
            await world.do("alice", c.Guess(question, "2027-02-09"))
            await world.do("rita", c.HandOver("resolver", "bob", question, "2027-02-05"))
            await world.do("bob", c.Accept("resolver", question))
            await world.do("dora", c.HandOver("deputy", "sven", question, "2027-02-11 12:00"))
            await world.do("sven", c.Accept("deputy", question))
            world.clock.now = instant("2027-02-11")
            await world.do("rita", c.Rule(question, "2027-02-09", "seen"))
            world.clock.now = instant("2027-02-20")
            await world.do("bob", c.Comment(question, "was that all?"))
            told = log.read(world.service.database, "crew", f"question/{question}")
            assert [event.at for event in told] == sorted(event.at for event in told)
            assert kinds(world, question) == [
                "question_opened", "duty_offered", "duty_accepted", "duty_offered", "duty_accepted", "unsealed", "duty_returned", "closed", "ruled",
                "duty_returned", "settled", "scored", "commented",
            ]  # fmt: skip

    run(story())
    hold(tmp_path / "a.db")


# the whole of a dispute, with what it leaves in the file


def test_a_ruling_that_falls_goes_back_to_open_is_ruled_anew_and_corrected(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await asked(world, forecast=True)
            await world.do("bob", c.Forecast(question, c.CurveQuantiles((("2027-02-15", 500_000),), 100_000), 5 * POINT))
            world.clock.now = instant("2027-02-12")
            await world.do("bob", c.Bet(question, "2027-02-20", spend=10 * POINT))
            await world.do("rita", c.Rule(question, "2027-02-10", "seen"))
            standing = "SELECT standing FROM flow WHERE stream = ? ORDER BY version"
            assert world.service.database.read(standing, (f"question/{question}",)) == [(1,), (0,)]
            await world.do("alice", c.Dispute(question, "it did not count"))
            await world.do("dora", c.Judge(question, "withdrawn", "a test"))
            assert world.service.database.read(standing, (f"question/{question}",)) == [(1,), (1,)], "the voided suffix returns"
            assert life(world, question) == Life.OPEN
            await world.reopen()
            await world.do("sven", c.Bet(question, "2027-02-20", spend=POINT))
            world.clock.now = instant("2027-02-21")
            assert await world.refused("rita", c.Rule(question, "2027-02-10", "seen")) == "ruling_fell"
            await world.do("dora", c.Rule(question, "2027-02-20 09:00", "seen"))
            world.clock.now = instant("2027-02-22")
            await world.wake()
            assert life(world, question) == Life.SETTLED
            await world.do("dora", c.Correct(question, "2027-02-19", "seen", "a slip"))
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_a_resolver_who_left_inside_the_window_is_settled_without_them_and_the_tally_hears_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew(*PEOPLE, dispute=DAY, silence=7 * DAY)
            await world.do("olga", c.OpenTally("Rollbacks", "A rollback.", "2027-01-01"))
            ((tally,),) = world.service.database.read("SELECT id FROM tally")
            question = await world.ask("olga", tally=tally)
            world.clock.now = instant("2027-02-12")
            await world.do("rita", c.Rule(question, "2027-02-10 09:00", "seen"))
            await world.do("rita", c.Leave())
            world.clock.now = instant("2027-02-13")
            await world.wake()
            await world.do("bob", c.Comment(question, "so it was"))  # the writer has come to its end by then
            assert life(world, question) == Life.SETTLED
            assert world.service.database.read("SELECT question FROM occurrence") == [(question,)]

    run(story())
    hold(tmp_path / "a.db")


async def kept(world: World) -> str:
    """A tally of Alice's that asks by itself, at her own cost; its first question has just been ruled."""
    await world.crew(*PEOPLE, dispute=DAY, silence=7 * DAY)
    following = c.NextQuestion("The next rollback?", "A rollback.", Grain.DAY, 60, 20 * POINT, "host")
    await world.do("alice", c.OpenTally("Rollbacks", "A rollback.", "2026-01-01", following))
    ((tally,),) = world.service.database.read("SELECT id FROM tally")
    for month in range(3, 9):
        await world.do("bob", c.Record(tally, f"2026-{month:02}-03 10:00", "the log"))
    question = await world.ask("alice", tally=tally, subsidy_from="host", subsidy=20 * POINT)
    world.clock.now = instant("2027-02-12")
    await world.do("rita", c.Rule(question, "2027-02-10 09:00", "seen"))
    return str(tally)


def test_nobody_pays_for_the_next_question_of_a_tally_whose_keeper_plays_no_more(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            tally = await kept(world)
            await world.do("alice", c.Leave())
            await world.do("alice", c.Join(guest=True))
            before = world.balances()["player/olga"]
            world.clock.now = instant("2027-02-13")
            await world.wake()
            await world.do("olga", c.Grant("bob", POINT, "a present"))
            assert tally in world.service.stuck, "it is told why"
            assert world.balances()["player/olga"] == before
            assert world.service.database.read("SELECT COUNT(*) FROM question") == [(1,)]
            await world.do("olga", c.MakePlayer("alice"))
            assert world.service.database.read("SELECT COUNT(*) FROM question") == [(2,)], "she plays again, and it goes on"

    run(story())
    hold(tmp_path / "a.db")


def test_a_tally_that_an_alarm_kept_from_asking_asks_when_it_is_lifted(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            tally = await kept(world)
            await world.do("olga", c.Alarm("something is odd"))
            world.clock.now = instant("2027-02-13")
            await world.wake()
            await world.do("olga", c.Grant("bob", POINT, "a present"))
            assert world.service.stuck[tally].refusal.reason.code == "alarm"
            await world.do("olga", c.AllClear())
            assert world.service.database.read("SELECT COUNT(*) FROM question") == [(2,)]
            assert tally not in world.service.stuck

    run(story())
    hold(tmp_path / "a.db")
