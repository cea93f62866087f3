"""Attacks on a running crew that once had an effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyday.instants import DAY
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import Service
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
            history_of = Service.history_of

            def counted(service: Service, name: str, *more: object) -> object:
                read.append(name)
                return history_of(service, name, *more)

            monkeypatch.setattr(Service, "history_of", counted)
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
