"""A full disk: the command is refused with what to do, nothing took place, reading goes on, and it recovers by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyday import wire
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from tests.world import World, hold, run

POINT = 1_000_000


async def until_full(world: World, question: str) -> list[str]:
    """Bets in batches until the disk is full; the ids of those that were refused for it."""
    for turn in range(4_000):
        ids = [f"filling-{turn:05}-{n:02}" for n in range(16)]
        bets = [world.send("alice", c.Bet(question, "March" if turn % 2 else "not March", shares=1_000), one) for one in ids]
        answers = await asyncio.gather(*bets)
        full = [one for one, answer in zip(ids, answers, strict=True) if isinstance(answer, Refusal)]
        if full:
            reasons = {answer.reason for answer in answers if isinstance(answer, Refusal)}
            assert reasons == {Reason.DISK_FULL} and Reason.DISK_FULL.value.status == 507
            assert len(full) == len(ids), "a batch takes place whole or not at all"
            return [*full, await until_nothing_fits(world, question)]
    raise AssertionError("the disk never filled")


async def until_nothing_fits(world: World, question: str) -> str:
    """A small batch may still fit where a large one did not: single bets until one is refused; its id."""
    for turn in range(200):
        answer = await world.send("alice", c.Bet(question, "not March", shares=1_000), f"single-{turn:04}")
        if isinstance(answer, Refusal):
            assert answer.reason is Reason.DISK_FULL
            return f"single-{turn:04}"
    raise AssertionError("there was room for ever")


async def stays_and_recovers(world: World, question: str, free: object) -> None:
    full = await until_full(world, question)
    before, balances = world.count(), world.balances()
    for one in [full[-1]] * 4 + full[:3]:  # again and again: nothing changes, and reading goes on
        assert await world.refused("alice", c.Bet(question, "not March", shares=1_000), one) == "disk_full"
    assert (world.count(), world.balances()) == (before, balances)
    assert not isinstance(world.service.curve(question), Refusal) and world.service.board("alice")
    assert world.service.me("alice").balance == world.service.me("alice").balance
    free()  # type: ignore[operator]
    answers = [await world.send("alice", c.Bet(question, "not March", shares=1_000), one) for one in full]
    assert all(isinstance(answer, wire.Receipt) for answer in answers), "the same commands, sent again, take effect once"
    answers_again = [await world.send("alice", c.Bet(question, "not March", shares=1_000), one) for one in full]
    assert answers_again == answers
    world.check()


def test_a_file_that_may_grow_no_further_is_a_full_disk(tmp_path: Path) -> None:
    """SQLite's own limit of pages: the same error, on every machine."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            writer = world.service.database._writer
            pages = writer.execute("PRAGMA page_count").fetchone()[0]
            writer.execute(f"PRAGMA max_page_count = {pages + 20}")
            await stays_and_recovers(world, question, lambda: writer.execute("PRAGMA max_page_count = 1000000"))

    run(story())
    hold(tmp_path / "a.db")


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path | None]:
    """A file system of its own in memory; None where this user may not mount one."""
    folder.mkdir()
    allowed = sys.platform == "linux" and hasattr(os, "geteuid") and os.geteuid() == 0
    mounted = allowed and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def test_a_real_full_disk_is_a_full_disk(tmp_path: Path) -> None:
    """Only where this user may mount: elsewhere the test above stands for both, and this one says so."""
    with small_disk(tmp_path / "disk", "16m") as disk:
        if disk is None:
            print("no mount here: the limit of pages stands for it")
            return
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(14_000_000))

        async def story() -> None:
            async with World(disk / "a.db") as world:
                await world.crew("olga", "alice", "rita")
                question = await world.ask("olga")
                await stays_and_recovers(world, question, ballast.unlink)
            hold(disk / "a.db")

        run(story())


def test_the_refusal_says_what_to_do() -> None:
    refusal = Refusal(Reason.DISK_FULL)
    assert "nothing was done" in refusal.sentence and "Free some space" in refusal.next_step and Reason.DISK_FULL.value.retry


def test_an_error_that_is_no_full_disk_is_another_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga")
            world.service.database._writer.execute("PRAGMA query_only = ON")
            assert await world.refused("alice", c.Join(), "join-alice") == "unavailable"
            world.service.database._writer.execute("PRAGMA query_only = OFF")
            await world.do("alice", c.Join(), "join-alice")

    run(story())
    hold(tmp_path / "a.db")
