"""Somebody else appended first: the batch changes nothing, is folded and decided anew, and only after five times is anybody told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from anyday import wire
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.store import log
from tests.world import World, hold, run

POINT = 1_000_000


@pytest.mark.parametrize(("clashes", "taken"), [(0, True), (1, True), (4, True), (5, False)])
def test_a_batch_that_clashes_is_decided_again(clashes: int, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = clashes
    append = log.append

    def clash(connection: sqlite3.Connection, events: Sequence[log.Logged], commands: Sequence[log.Asked]) -> None:
        nonlocal left
        append(connection, events, commands)
        if left:
            left -= 1
            raise log.Clash  # after the rows were written: the transaction must take them back

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            before = world.count()
            monkeypatch.setattr(log, "append", clash)
            answers = await asyncio.gather(*(world.send(who, c.Bet(question, "March", spend=POINT)) for who in ("alice", "bob")))
            if taken:
                assert all(isinstance(answer, wire.Receipt) for answer in answers) and world.count() == before + 4
            else:
                assert [answer.reason for answer in answers if isinstance(answer, Refusal)] == [Reason.UNAVAILABLE] * 2
                assert world.count() == before
            assert left == 0, "each clash was one try"
            await world.do("bob", c.Bet(question, "April", spend=POINT))
            world.check()

    run(story())
    hold(tmp_path / "a.db")
