"""A post office for tests: a file with the outbox in it, a clock that tests move, and a courier whose words are made up."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from anyday.instants import MINUTE, Instant
from anyday.notify import channels, outbox, reach
from anyday.notify.channels import Channel
from anyday.notify.courier import Courier
from anyday.notify.notices import Notice, Rendered
from anyday.notify.transports import Transports
from anyday.refusals import Refusal
from anyday.settings import Settings
from anyday.store.database import Database, Row

T = TypeVar("T")
START = 1_804_982_400_000_000  # 2027-03-14, 00:00 UTC, a Sunday
CREW = "crew"


class Office:
    """The outbox of one file."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings, self.now = database, settings, Instant(START)
        self.hidden: set[str] = set()
        network = reach.Transport(reach.hosts("127.0.0.1"))
        self.courier = Courier(database, self.clock, settings, self.render, Transports(settings, network))

    def clock(self) -> Instant:
        return self.now

    def render(self, notice: Notice, recipient: str) -> Rendered | None:
        if notice.key in self.hidden:
            return None
        return Rendered(f"{notice.kind} {notice.key}", f"Dear {recipient}.", f"/q/{notice.question}")

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self.database.write_now(work)

    def rows(self, sql: str, *parameters: object) -> list[Row]:
        return self.database.read(sql, parameters)

    def tell(self, player: str = "anna", kind: str = "alarm", key: str = "a", **more: Any) -> None:
        self.write(lambda connection: outbox.add(connection, [Notice(CREW, player, kind, key, self.now, "q1", **more)]))

    def channel(self, player: str, kind: str, address: str, *, confirmed: bool = True, token: str = "") -> Channel:
        """A channel at once, and confirmed unless a test wants it otherwise."""

        def work(connection: sqlite3.Connection) -> Channel:
            made = channels.add(connection, player, kind, address, token, self.now)
            assert isinstance(made, Channel), made
            if confirmed and kind == "email":
                connection.execute("UPDATE channel SET confirmed_at=? WHERE id=?", (self.now, made.id))
                connection.execute("DELETE FROM delivery")
                connection.execute("DELETE FROM letter")
            return made

        return self.write(work)

    def refused(self, answer: object) -> str:
        assert isinstance(answer, Refusal), answer
        return answer.reason.code

    async def work(self, minutes: float = 0) -> None:
        """Let time pass, then do all that is due, and all that follows from it at once."""
        self.now = Instant(self.now + round(minutes * MINUTE))
        while await self.courier.round():
            await self.courier.settled()
        await self.courier.settled()


@asynccontextmanager
async def office(path: Path, **settings: Any) -> AsyncIterator[Office]:
    database = Database(path / "post.db")
    made = Office(database, Settings(**settings))
    try:
        yield made
    finally:
        await made.courier.stop(0.2)
        database.close()


def run(story: Coroutine[Any, Any, T]) -> T:
    async def whole() -> T:
        return await asyncio.wait_for(story, 60)

    return asyncio.run(whole())
