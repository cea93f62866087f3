"""A small world for tests: the real service on a file of its own, a clock that tests move, and what must hold at the end.

``World`` is used by the scenarios and by the tests of the store; it submits commands as any door would.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from anyday import wire
from anyday.instants import DAY, Instant
from anyday.phrases import parse_instant
from anyday.reads import project
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import CREW, Service
from anyday.service.audit import verify
from anyday.settings import Settings

T = TypeVar("T")


def instant(text: str, zone: str = "UTC") -> Instant:
    """A typed time, which must be one."""
    read = parse_instant(text, zone=zone)
    assert not isinstance(read, Refusal), f"{text}: {read}"
    return read


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, text: str = "2027-01-01") -> None:
        self.now = instant(text)

    def __call__(self) -> Instant:
        return self.now

    def move(self, microseconds: int) -> None:
        self.now = Instant(self.now + microseconds)


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine in a loop of its own."""
    return asyncio.run(story)


class World:
    """One service, one clock, and a running number for command ids."""

    def __init__(self, path: Path, settings: Settings | None = None, clock: Clock | None = None) -> None:
        self.path = path
        self.clock = clock or Clock()
        self.settings = settings or Settings()
        self.sent = 0
        self.crew_id = CREW  # whose the commands are
        self.service: Service

    async def __aenter__(self) -> World:
        self.service = await Service.open(self.path, self.clock, self.settings)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.service.close()

    @property
    def here(self) -> Service:
        """The service of the crew whose the commands are; the first one's, until that crew is there."""
        return self.service.of(self.crew_id) or self.service

    async def reopen(self) -> None:
        """As a restart does: whatever was in memory is folded from the file again."""
        await self.service.close()
        await self.reopened()

    async def reopened(self) -> None:
        self.service = await Service.open(self.path, self.clock, self.settings)

    def envelope(self, actor: str, body: c.Command, command_id: str | None = None) -> c.Envelope:
        self.sent += 1
        return c.Envelope(self.crew_id, actor, command_id or f"command-{self.sent:08}", body)

    async def send(self, actor: str, body: c.Command, command_id: str | None = None) -> wire.Receipt | Refusal:
        return await self.service.submit(self.envelope(actor, body, command_id))

    async def do(self, actor: str, body: c.Command, command_id: str | None = None) -> wire.Receipt:
        """A command that must be taken."""
        answer = await self.send(actor, body, command_id)
        assert isinstance(answer, wire.Receipt), f"{actor} {body}: {answer}"
        return answer

    async def refused(self, actor: str, body: c.Command, command_id: str | None = None) -> str:
        """A command that must be refused; its reason's code."""
        before = self.count()
        answer = await self.send(actor, body, command_id)
        assert isinstance(answer, Refusal), f"{actor} {body} was taken"
        assert self.count() == before, "what is refused leaves no trace"
        return answer.reason.code

    async def crew(self, *players: str, grant: int = 1_000_000_000, lag: int = 3 * DAY, dispute: int = 0, silence: int = 366 * DAY) -> None:
        """The first player opens the crew, the others join. Rulings are settled at once unless ``dispute`` says otherwise."""
        await self.do(players[0], c.OpenCrew(name="The crew", joining_grant=grant, report_lag=lag, dispute=dispute, silence=silence))
        for player in players[1:]:
            await self.do(player, c.Join())

    async def ask(self, host: str, **changed: Any) -> str:
        """A question by days in 2027, of 500 points of the house; returns its id."""
        fields: dict[str, Any] = {
            "title": "When does it ship?", "terms": "It ships.", "zone": "UTC", "grain": "day", "origin": "2027-01-01",
            "horizon": "2028-01-01", "resolver": "rita", "subsidy": 500_000_000, "subsidy_from": "house",
        }  # fmt: skip
        receipt = await self.do(host, c.Ask(**(fields | changed)))
        assert receipt.question is not None
        return receipt.question

    async def wake(self) -> None:
        """What the writer’s own timer does on a clock that runs: whatever time has made due is written."""
        writer = self.service.writer
        for _ in range(1_000):
            if writer._next is None or writer._next > writer.now():
                return
            writer._wake.set()
            await asyncio.sleep(0.005)
        raise AssertionError("what is due comes to an end")

    def count(self) -> int:
        """How many events and commands there are."""
        return int(self.service.database.read("SELECT (SELECT COUNT(*) FROM event) + (SELECT COUNT(*) FROM command)")[0][0])

    def balances(self, crew: str | None = None) -> dict[str, int]:
        """Every account of a crew, as the rows have it."""
        return dict(self.service.database.read("SELECT account, balance FROM account WHERE crew = ? ORDER BY account", (crew or self.crew_id,)))

    def check(self) -> None:
        """What must hold after every step: each folded question agrees with itself, and nothing was made or lost."""
        for crew, question in self.service.database.read("SELECT crew, id FROM question"):
            service = self.service.of(crew)
            state = service.find(question) if service is not None else None
            assert state is not None
            state.check()
        for (crew,) in self.service.database.read("SELECT DISTINCT crew FROM account"):
            balances = self.balances(crew)
            assert sum(balances.values()) == 0, balances
            assert all(held >= 0 for account, held in balances.items() if account.startswith(("player/", "escrow/"))), balances
            assert all(held <= 0 for account, held in balances.items() if account.startswith("owed/")), balances


def snapshot(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every read row of a closed file."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return project.snapshot(connection)


def rebuilt(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every read row after a rebuild from the log alone; the file keeps its own."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer, contextlib.closing(sqlite3.connect(path)) as reader:
        writer.execute("BEGIN")
        project.rebuild(writer, reader)
        rows = project.snapshot(writer)
        writer.execute("ROLLBACK")
    return rows


def hold(path: Path) -> None:
    """What must hold of every file that is left behind: verify finds nothing, and a rebuild arrives at equal rows."""
    verdict = verify(path)
    assert verdict.fault is None, verdict
    before, after = snapshot(path), rebuilt(path)
    for table, rows in before.items():
        assert rows == after[table], f"rebuilding {table} gives other rows"
