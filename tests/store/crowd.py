"""A crowd of eight who bet until they are killed: run as a program, with a journal of each one's own.

    python crowd.py DATABASE JOURNALS SEED [early | before | inside | after] [NUMBER]

Every line of a journal is on the disk before the next thing happens: ``sent`` before a command is submitted, ``acked``
after its receipt came back. What was sent and never acked is sent again first, with the same id and body. ``early`` is
the control: a build that answers before it commits. The last three kill the process themselves, at the NUMBERth commit:
before it, inside it and after it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from anyday import wire
from anyday.instants import DAY, Instant
from anyday.rules import commands as c
from anyday.service import CREW, Service, writer
from anyday.settings import Settings
from anyday.store.database import Database

BETTORS = 8


def clock() -> Instant:
    return Instant(time.time_ns() // 1000)


class Journal:
    """One bettor's own record, every line synced."""

    def __init__(self, path: Path) -> None:
        self.lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []
        self._file = path.open("ab", buffering=0)

    def write(self, *what: object) -> None:
        self._file.write(msgspec.json.encode(what) + b"\n")
        os.fsync(self._file.fileno())


def chosen(chance: random.Random) -> dict[str, Any]:
    """A bet, or now and then a sealed guess: it stands in a stream of its own."""
    if chance.random() < 0.2:
        return {"guess": chance.choice(["March 2028", "August 2028", "never"])}
    return {"window": chance.choice(["March 2028", "not March 2028", "before June 2028", "never"]), "shares": chance.randrange(1, 10_000)}


async def bet_on(service: Service, who: str, question: str, journal: Journal, chance: random.Random) -> None:
    """First what is unknown, then new bets and guesses for ever."""
    sent = {line[1]: line[2] for line in journal.lines if line[0] == "sent"}
    done = {line[1] for line in journal.lines if line[0] != "sent"}
    unknown = [(command_id, body) for command_id, body in sent.items() if command_id not in done]
    number = len(sent)
    while True:
        if unknown:
            command_id, body = unknown.pop(0)
        else:
            number += 1
            command_id = f"{who}-{number:06}"
            body = chosen(chance)
            journal.write("sent", command_id, body)
        bet = c.Guess(question, body["guess"]) if "guess" in body else c.Bet(question, body["window"], shares=body["shares"])
        answer = await service.submit(c.Envelope(CREW, who, command_id, bet))
        if isinstance(answer, wire.Receipt):
            journal.write("acked", command_id, answer.stream, answer.version, answer.head)
        else:
            assert answer.reason.code in ("not_enough", "book_too_steep", "too_many_entries"), answer
            journal.write("refused", command_id, answer.reason.code)


async def begin(service: Service) -> str:
    """The crew and its question, made by whoever comes first; the ids make it safe to say it again."""
    names = [f"p{n}" for n in range(BETTORS)]
    await service.submit(c.Envelope(CREW, "olga", "open-crew", c.OpenCrew("The crew", dispute=0, silence=366 * DAY)))
    for name in (*names, "rita"):
        await service.submit(c.Envelope(CREW, name, f"join-{name}", c.Join()))
    ask = c.Ask("When?", "It.", "UTC", "month", "2028-01", "2029-01", "rita", 500_000_000, "house", closest=c.ClosestTerms(1_000))
    asked = await service.submit(c.Envelope(CREW, "olga", "ask-question", ask))
    assert isinstance(asked, wire.Receipt) and asked.question is not None, asked
    return asked.question


def answer_early() -> None:
    """The control: tell everybody, and commit a moment later."""

    async def commit(self: Any, waiting: list[Any]) -> list[Any]:
        batch = self._decide_all(waiting)
        writer._answer(batch.answers)
        await asyncio.sleep(0.005)
        if batch.events:
            await self.database.write(batch.write)
            self._tell(batch)
        return batch.answers

    writer.Writer._commit = commit  # type: ignore[method-assign]


def kill_at(where: str, number: int) -> None:
    """Kill the process itself at one step of one commit."""
    commits = 0
    good = Database.write_now

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def write_now(self: Database, work: Callable[[sqlite3.Connection], Any]) -> Any:
        nonlocal commits
        commits += 1
        if commits != number:
            return good(self, work)
        if where == "before":
            die()

        def cut_short(connection: sqlite3.Connection) -> Any:
            result = work(connection)
            if where == "inside":
                die()
            return result

        result = good(self, cut_short)
        die()
        return result

    Database.write_now = write_now  # type: ignore[method-assign, assignment]


async def main(database: str, journals: str, seed: str, mode: str = "", number: str = "0") -> None:
    if mode == "early":
        answer_early()
    elif mode:
        kill_at(mode, int(number))
    service = await Service.open(Path(database), clock, Settings(batch=64))
    question = await begin(service)
    bettors = []
    for n in range(BETTORS):
        journal = Journal(Path(journals) / f"p{n}.jsonl")
        bettors.append(bet_on(service, f"p{n}", question, journal, random.Random(f"{seed} {n} {len(journal.lines)}")))
    (Path(journals) / "ready").write_text("ready")
    await asyncio.gather(*bettors)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
