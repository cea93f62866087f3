"""Attempts to make what is in memory, what is in the rows and what the log says disagree. Each was a bug once, or could be."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from anyday import wire
from anyday.instants import DAY, HOUR, Instant
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.settings import Settings
from anyday.store import log
from tests.world import World, hold, instant, run

POINT = 1_000_000


def test_a_purse_that_looking_and_refusals_made_older_has_the_floor_of_the_log(tmp_path: Path) -> None:
    """A sale's gain is pending for the lag. Who looks, or is refused, after it brings the purse up to date; the floor
    that the next grant writes must be the one that the log alone gives."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            await world.do("alice", c.Bet(question, "March", spend=50 * POINT))
            await world.do("bob", c.Bet(question, "March", spend=200 * POINT))
            await world.do("alice", c.Sell(question, "March"))
            world.clock.move(4 * DAY)
            assert await world.refused("alice", c.Bet(question, "March", shares=1_500 * POINT)) == "not_enough"
            world.service.me("alice")
            await world.do("olga", c.Grant("alice", POINT, "thanks"))
            await world.do("alice", c.Ask("When?", "It.", "UTC", "day", "2027-02-01", "2027-03-01", "rita", 20 * POINT))

    run(story())
    hold(tmp_path / "a.db")


def test_a_host_may_put_up_points_that_have_come_free_without_looking_first(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita", grant=100 * POINT)
            question = await world.ask("olga")
            await world.do("alice", c.Bet(question, "March", spend=100 * POINT))
            await world.do("alice", c.Sell(question, "March"))  # all of it comes back, and is pending
            ask = c.Ask("When?", "It.", "UTC", "day", "2027-02-01", "2027-03-01", "rita", 90 * POINT)
            assert await world.refused("alice", ask) == "not_enough"
            world.clock.move(3 * DAY + 1)
            await world.do("alice", ask)

    run(story())
    hold(tmp_path / "a.db")


def test_a_clock_that_steps_back_after_a_look_prices_no_bet_on_another_state_than_the_log(tmp_path: Path) -> None:
    """Looking at a question lets its grains pass in memory. If the clock then steps back, a bet must not be stamped
    earlier than what it was priced on."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            await world.do("alice", c.Bet(question, "before February", spend=50 * POINT))
            world.clock.move(20 * DAY)
            assert not isinstance(world.service.curve(question), Refusal)
            world.clock.move(-18 * DAY)
            await world.do("bob", c.Bet(question, "March", spend=50 * POINT))
            await world.do("alice", c.Bet(question, "not never", spend=10 * POINT))
            await world.reopen()
            await world.do("bob", c.Bet(question, "April", spend=50 * POINT))

    run(story())
    hold(tmp_path / "a.db")


def test_a_question_looked_at_while_its_bet_is_being_written_is_not_folded_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for folded questions is bounded. One with a bet that is not committed yet must stay: folding it again
    from the log would miss that bet, and the next bet would be priced on a state that never was."""

    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(questions_cached=2)) as world:
            await world.crew("olga", "alice", "bob", "rita")
            asked = [await world.ask("olga") for _ in range(5)]
            good, writing, go_on = world.service.database.write, asyncio.Event(), asyncio.Event()

            async def slow(work: Callable[[sqlite3.Connection], object]) -> object:
                writing.set()
                await go_on.wait()
                return await good(work)

            monkeypatch.setattr(world.service.database, "write", slow)
            first = asyncio.ensure_future(world.send("alice", c.Bet(asked[0], "March", spend=POINT)))
            await writing.wait()
            for question in (*asked[1:], asked[0]):  # a board of more questions than memory holds
                assert not isinstance(world.service.curve(question), Refusal)
            go_on.set()
            assert isinstance(await first, wire.Receipt)
            await world.do("bob", c.Bet(asked[0], "March", spend=POINT))
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_a_batch_over_more_questions_than_memory_holds_prices_each_bet_on_the_one_before(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(questions_cached=1)) as world:
            await world.crew("olga", "alice", "bob", "rita")
            asked = [await world.ask("olga") for _ in range(4)]
            bets = [world.send("alice", c.Bet(question, "March", spend=POINT)) for question in asked * 3]
            assert all(isinstance(answer, wire.Receipt) for answer in await asyncio.gather(*bets))
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_an_ask_sent_again_after_its_reply_was_dropped_opens_a_question_of_its_own(tmp_path: Path) -> None:
    """A question's id comes from its command's. When the record of commands has been cleared, the same command makes
    a second question, never a second opening of the first."""
    ask = c.Ask("When?", "It.", "UTC", "day", "2027-02-01", "2028-03-01", "rita", 90 * POINT)

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            first = await world.do("olga", ask, "the-same-id")
            assert first.question is not None
            await world.do("alice", c.Bet(first.question, "March", spend=POINT))
            world.clock.move(31 * DAY)
            await world.reopen()
            second = await world.do("olga", ask, "the-same-id")
            assert second.question not in (None, first.question)
            await world.do("alice", c.Bet(first.question, "March", spend=POINT))
            await world.reopen()
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_what_happened_before_the_question_was_asked_returns_every_bet(tmp_path: Path) -> None:
    """The origin may lie before the opening. A ruling in that time cuts everything; it must not break the question."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            world.clock.now = instant("2027-03-10 12:00")
            await world.crew("olga", "alice", "rita")
            for outcome in ("2027-02-01", "2027-03-10 05:00", "2027-03-01..2027-03-12", "before 5 April"):
                question = await world.ask("olga")
                await world.do("alice", c.Bet(question, "April", spend=POINT))
                world.clock.move(3 * DAY)
                rule = c.Rule(question, outcome, "seen")
                if outcome == "before 5 April":
                    await world.refused("rita", rule)
                    continue
                assert not isinstance(world.service.preview("rita", rule), Refusal)
                await world.do("rita", rule)
                assert world.balances()["player/alice"] == 1_000 * POINT, outcome
                world.check()
                world.clock.now = instant("2027-03-10 12:00")

    run(story())
    hold(tmp_path / "a.db")


def test_a_collection_after_the_betting_closed_and_before_the_cut_stands(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            await world.do("alice", c.Bet(question, "not February", shares=50 * POINT))
            await world.do("rita", c.Close(question))
            world.clock.now = instant("2027-03-01")
            await world.do("alice", c.Collect(question))  # February has passed: it pays whatever happens
            world.clock.now = instant("2027-05-01")
            for command in (c.Rule(question, "2027-04-10", "seen"), c.Correct(question, "2027-04-12", "seen", "typo")):
                await world.do("rita", command)
                flows = world.service.database.read("SELECT released, standing FROM flow WHERE question = ? ORDER BY version", (question,))
                assert flows == [(0, 1), (50 * POINT, 1)], "both stand: they are before the cut"
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_text_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    """Half of a surrogate pair: it comes from a command line in another encoding, and cannot be written as UTF-8."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            torn = "torn \udcff text"
            assert await world.refused("olga", c.Ask(torn, "It.", "UTC", "day", "2027-02-01", "2028-03-01", "rita", 90 * POINT)) == "malformed"
            assert await world.refused("alice", c.Bet(question, torn, spend=POINT)) == "malformed"
            assert await world.refused("alice", c.Bet(torn, "March", spend=POINT)) == "malformed"
            assert await world.refused("alice", c.Bet(question, "March", spend=POINT), torn) == "malformed"
            assert await world.refused(torn, c.Join()) == "malformed"

    run(story())
    hold(tmp_path / "a.db")


def test_what_is_asked_of_a_service_that_has_stopped_is_answered(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga")
            service = world.service
            await service.close()
            answer = await asyncio.wait_for(service.submit(world.envelope("alice", c.Join())), 5)
            assert isinstance(answer, Refusal) and answer.reason.code == "unavailable"
            await world.reopened()

    run(story())


def test_a_writer_that_trips_over_the_file_answers_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error outside of any command's deciding must not end the writer: later commands would wait for ever."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga")
            good = world.service.database.read

            def bad(*_: object) -> list[tuple[object, ...]]:
                raise sqlite3.OperationalError("disk I/O error")

            monkeypatch.setattr(world.service.database, "read", bad)
            answer = await asyncio.wait_for(world.send("alice", c.Join(), "join-alice"), 5)
            assert isinstance(answer, Refusal) and answer.reason.code == "unavailable"
            monkeypatch.setattr(world.service.database, "read", good)
            assert isinstance(await asyncio.wait_for(world.send("alice", c.Join(), "join-alice"), 5), wire.Receipt)

    run(story())
    hold(tmp_path / "a.db")


def test_a_file_that_can_neither_be_written_nor_read_for_a_while_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write fails, and so does reading again what the failed batch spoiled. Once the file is back, so is the crew."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")

            def bad(*_: object) -> None:
                raise sqlite3.OperationalError("disk I/O error")

            with monkeypatch.context() as broken:
                broken.setattr(world.service.database, "write_now", bad)
                good, reads = world.service.database.read, []

                def some(*arguments: object) -> list[tuple[object, ...]]:
                    reads.append(arguments)
                    if len(reads) > 2:
                        raise sqlite3.OperationalError("disk I/O error")
                    return good(*arguments)  # type: ignore[arg-type]

                broken.setattr(world.service.database, "read", some)
                for turn in range(3):
                    answer = await world.send("alice", c.Bet(question, "March", spend=POINT), f"bet-at-a-bad-time-{turn}")
                    assert isinstance(answer, Refusal) and answer.reason.code == "unavailable"
            await world.do("alice", c.Bet(question, "March", spend=POINT), "bet-at-a-bad-time-0")
            await world.do("bob", c.Join())
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_a_command_of_another_crew_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga")
            envelope = msgspec.structs.replace(world.envelope("alice", c.Join()), crew="elsewhere")
            answer = await world.service.submit(envelope)
            assert isinstance(answer, Refusal) and answer.reason.code == "not_found"

    run(story())
    hold(tmp_path / "a.db")


def test_a_file_whose_name_has_signs_of_an_address_is_verified_and_copied(tmp_path: Path) -> None:
    path = tmp_path / "what?mode=rw&100%25#1.db"

    async def story() -> None:
        async with World(path) as world:
            await world.crew("olga")
            await world.service.database.backup(tmp_path / "copy.db")

    run(story())
    hold(path)
    hold(tmp_path / "copy.db")


def test_two_commands_at_the_same_microsecond_stay_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=1)) as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            for _ in range(5):
                await world.do("alice", c.Bet(question, "March", spend=POINT))
                await world.do("bob", c.Bet(question, "not March", spend=POINT))
            events = log.read(world.service.database, "crew", f"question/{question}")
            assert len({event.at for event in events}) == 1 and [event.version for event in events] == list(range(1, 12))
            world.clock.move(HOUR)
            assert world.service.now() == Instant(events[-1].at + HOUR)

    run(story())
    hold(tmp_path / "a.db")
