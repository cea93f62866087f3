"""Attacks on a running crew that once had an effect."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from anyday.instants import DAY, Instant, day_start
from anyday.market import curve as curves
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service.memory import Memory
from tests.world import World, run


def test_whoever_may_not_rule_cannot_make_the_server_read_a_long_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading all of a question's events takes as long as it has bets, and everybody waits: it is for those who may cut them."""

    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            await world.do("alice", c.Bet(question, "March", spend=1_000_000))
            world.clock.move(5 * DAY)
            read: list[str] = []
            history_of = Memory.history_of

            def counted(memory: Memory, name: str, *more: object) -> object:
                read.append(name)
                return history_of(memory, name, *more)  # type: ignore[arg-type]

            monkeypatch.setattr(Memory, "history_of", counted)
            bodies = (c.Rule(question, "2027-01-01", "seen"), c.Void(question, "why not"), c.Correct(question, "2027-01-01", "seen", "why not"))
            for player in ("alice", "bob"):
                for body in bodies:
                    assert await world.refused(player, body)
                    assert isinstance(world.service.preview(player, body), Refusal)
            assert not read
            assert not isinstance(world.service.preview("rita", bodies[0]), Refusal)
            await world.do("rita", bodies[0])
            assert read == [question, question], "who may is told, from the log"

    run(story())


def test_a_question_over_centuries_is_told_in_years_and_a_board_of_them_does_not_keep_everybody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member can fill the board with such questions for a few points, and each is told anew whenever a grain passes."""

    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await world.crew("olga", "rita")
            peak = c.OpeningQuantiles(by=(("2199", 10_000), ("2200", 700_000)), never=100_000)
            question = await world.ask("olga", grain="hour", horizon="2499-12-01", opening=peak)
            asked: list[date] = []

            def counted(day: date, zone: str) -> Instant:
                asked.append(day)
                return day_start(day, zone)

            monkeypatch.setattr(curves, "day_start", counted)
            world.clock.move(DAY)
            told = world.service.curve(question)
            assert not isinstance(told, Refusal)
            assert len(asked) < 600
            assert told.sentence.startswith("Most likely in January–December 2200."), told.sentence

    run(story())
