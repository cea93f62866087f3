"""How fast word gets round: from an urgent event's commit until its message has arrived, by webhook and by e-mail.

Run it as ``python bench/notify.py [--json] [--quick]``. The server's own courier delivers to a receiver and a mail server of this
program's, on loopback; some sinks that never answer stand beside them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from anyday.instants import Instant
from anyday.notify import channels, outbox
from anyday.notify.notices import Notice
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import CREW, Service
from anyday.settings import Settings

GOAL_S = 2.0


class Arrivals:
    """Who was reached, and when."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a webhook at ``/<player>/<round>``."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.at.setdefault(head.split(" ")[1], time.perf_counter())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take e-mail, as little of the protocol as it takes."""
        writer.write(b"220 bench\r\n")
        to = ""
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"RCPT":
                to = line.decode().partition("<")[2].partition(">")[0]
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                self.at.setdefault(to, time.perf_counter())
            writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")
            await writer.drain()
            if word == b"QUIT":
                break
        writer.close()


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing, until the bench is over."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(3_600)


async def measure(recipients: int, dead: int) -> dict[str, Any]:
    """Seconds from the commit until each of ``recipients`` has both messages, beside ``dead`` players whose sinks hang."""
    arrivals = Arrivals()
    servers = [await asyncio.start_server(handler, "127.0.0.1", 0, backlog=1_024) for handler in (arrivals.http, arrivals.smtp, hangs)]
    web, mail, hung = (server.sockets[0].getsockname()[1] for server in servers)
    settings = Settings(
        weak_hash_for_tests=True, reachable_hosts="127.0.0.1",
        smtp_host="127.0.0.1", smtp_port=mail, smtp_security="none", smtp_from="any@example.org",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        service = await Service.open(Path(folder) / "bench.db", lambda: Instant(time.time_ns() // 1_000), settings)
        players = [await service.people.add_player(f"player{number:04}") for number in range(recipients + dead)]
        names = [player for player in players if not isinstance(player, Refusal)]
        for number, player in enumerate(names):
            await service.submit(c.Envelope(CREW, player, f"bench-{number:08}", c.Join() if number else c.OpenCrew("Bench")))
        now = service.now()

        def prepare(connection: Any) -> None:
            for player in names[:recipients]:
                channels.add(connection, player, "webhook", f"http://127.0.0.1:{web}/{player}", "", now)
                channels.add(connection, player, "email", f"{player}@example.org", "", now)
            for player in names[recipients:]:
                channels.add(connection, player, "webhook", f"http://127.0.0.1:{hung}/{player}", "", now)
            connection.execute("UPDATE channel SET confirmed_at=?", (now,))
            connection.execute("DELETE FROM delivery")

        await service.database.write(prepare)
        service.messages.courier.start()
        notices = [Notice(CREW, player, "alarm", "bench", service.now()) for player in [*names[recipients:], *names[:recipients]]]
        await service.database.write(lambda connection: outbox.add(connection, notices))
        committed = time.perf_counter()
        service.messages.courier.wake()
        wanted = {f"/{player}" for player in names[:recipients]} | {f"{player}@example.org" for player in names[:recipients]}
        while wanted - set(arrivals.at) and time.perf_counter() - committed < 60:  # noqa: ASYNC110  the times are taken where they arrive
            await asyncio.sleep(0.005)
        await service.messages.courier.stop(0.0)
        await service.close()
    for server in servers:
        server.close()
    took = sorted(arrivals.at.get(name, committed + 60) - committed for name in wanted)
    return {"recipients": recipients, "dead": dead, "first_s": took[0], "median_s": statistics.median(took), "last_s": took[-1]}


def main() -> int:
    """Measure one recipient and many; 1 if a goal was missed."""
    many = 20 if "--quick" in sys.argv else 100
    found = {"one": asyncio.run(measure(1, 0)), "beside_dead": asyncio.run(measure(1, 20)), "many": asyncio.run(measure(many, 20))}
    if "--json" in sys.argv:
        print(json.dumps(found))
    else:
        for name, row in found.items():
            print(name, {key: round(value, 3) for key, value in row.items()})
    return 0 if all(row["last_s"] <= GOAL_S for name, row in found.items() if name != "many") else 1


if __name__ == "__main__":
    raise SystemExit(main())
