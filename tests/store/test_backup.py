"""A backup taken under load is a true prefix: whole batches, chained, with rows that a rebuild confirms."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from anyday import wire
from anyday.rules import commands as c
from anyday.service.audit import verify
from anyday.settings import Settings
from anyday.store import schema
from anyday.store.database import copy_database
from tests.world import World, hold, run

POINT = 1_000_000


def log_of(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM event ORDER BY seq").fetchall()


def test_every_backup_under_load_restores_to_a_true_prefix_that_can_be_played_on(tmp_path: Path) -> None:
    acked: list[int] = []

    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=8)) as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            busy = True

            async def keep_betting(who: str) -> None:
                while busy:
                    answer = await world.send(who, c.Bet(question, "March" if who == "alice" else "not March", shares=1_000))
                    assert isinstance(answer, wire.Receipt)
                    acked.append(answer.version)

            bettors = [asyncio.ensure_future(keep_betting(who)) for who in ("alice", "bob") * 4]
            floors = []
            for number in range(12):
                seen = len(acked)
                while len(acked) == seen:  # each copy has something that the one before has not
                    assert not any(bettor.done() for bettor in bettors)
                    await asyncio.sleep(0.005)
                before = max(acked)
                await world.service.database.backup(tmp_path / f"copy-{number}.db")
                floors.append(before)
            busy = False
            await asyncio.gather(*bettors)
            for number, floor in enumerate(floors):
                with closing(sqlite3.connect(tmp_path / f"copy-{number}.db")) as copy:
                    kept = copy.execute("SELECT MAX(version) FROM event WHERE stream = ?", (f"question/{question}",)).fetchone()[0]
                assert kept >= floor, "what was acknowledged before the backup began is in it"

    run(story())
    hold(tmp_path / "a.db")
    whole, sizes = log_of(tmp_path / "a.db"), []
    for number in range(12):
        copy = tmp_path / f"copy-{number}.db"
        kept = log_of(copy)
        assert kept == whole[: len(kept)], "a prefix, byte for byte"
        hold(copy)
        sizes.append(len(kept))
    assert len(set(sizes)) > 3 and sizes == sorted(sizes), sizes

    async def play_on() -> None:
        async with World(tmp_path / "copy-5.db") as world:
            question = world.service.board("alice")[0].id
            world.sent = 10**6
            await world.do("alice", c.Bet(question, "April", spend=POINT))
            world.check()

    run(play_on())
    hold(tmp_path / "copy-5.db")


def test_a_backup_never_writes_over_a_file(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga")
            (tmp_path / "copy.db").write_text("somebody else's")
            with pytest.raises(FileExistsError):
                await world.service.database.backup(tmp_path / "copy.db")

    run(story())
    assert (tmp_path / "copy.db").read_text() == "somebody else's"


def test_copying_the_live_file_by_hand_would_lose_what_is_still_in_the_wal(tmp_path: Path) -> None:
    """The control: why there is a command for it."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            shutil.copy(tmp_path / "a.db", tmp_path / "by-hand.db")
            copy_database(tmp_path / "a.db", tmp_path / "by-us.db")

    run(story())
    assert len(log_of(tmp_path / "by-us.db")) == len(log_of(tmp_path / "a.db")) == 4
    verdict = verify(tmp_path / "by-hand.db")
    assert verdict.fault is not None or verdict.events < 4


def test_a_torn_tail_of_the_wal_opens_to_a_prefix(tmp_path: Path) -> None:
    """F5: a copy of the file and its WAL in the middle of the load, the WAL cut at any length or garbled near its end."""

    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=4)) as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            for turn in range(30):
                await world.do("alice", c.Bet(question, "March" if turn % 2 else "not March", spend=POINT))
            for name in ("a.db", "a.db-wal"):
                shutil.copy(tmp_path / name, tmp_path / f"torn-{name}")

    run(story())
    whole = log_of(tmp_path / "a.db")
    wal = (tmp_path / "torn-a.db-wal").read_bytes()
    lengths = []
    for turn, length in enumerate([0, 31, 32, *range(512, len(wal), max(512, len(wal) // 24)), len(wal)]):
        for garbled in (False, True):
            path = tmp_path / f"cut-{turn}-{garbled}.db"
            shutil.copy(tmp_path / "torn-a.db", path)
            cut = bytearray(wal[:length])
            if garbled and length > 200:
                cut[-100] ^= 0xFF
            path.with_name(path.name + "-wal").write_bytes(bytes(cut))
            with closing(sqlite3.connect(path)) as connection:
                if not schema.is_current(connection):
                    continue  # cut before all the tables were there
            kept = log_of(path)
            assert kept == whole[: len(kept)]
            hold(path)
            lengths.append(len(kept))
    assert max(lengths) == len(whole) and len(set(lengths)) > 5, lengths
