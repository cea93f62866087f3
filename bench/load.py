"""The load: connections that bet as JSON one after another, and pages that watch. A process of its own, beside the server.

    python -m bench.load PLAN.json

The plan names the port, the cookies, the questions, how many connections and watchers, and for how many seconds; it is
bounded in both, and speaks to loopback only. Prints one line of JSON: bets, refusals, latencies, events that watchers saw.
"""

from __future__ import annotations

import asyncio
import functools
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import uvloop


class Bettor(asyncio.Protocol):
    """One keep-alive connection: sends a bet, waits for its whole answer, sends the next."""

    def __init__(self, load: Load, place: int) -> None:
        self.load = load
        self.random = random.Random(f"{load.plan['seed']}/{place}")
        self.cookie = load.plan["cookies"][place % len(load.plan["cookies"])]
        self.waiting = b""
        self.sent_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        """One more bet: a random window of a random question."""
        plan, rng = self.load.plan, self.random
        first, last = sorted(rng.sample(range(len(plan["days"])), 2))
        body = (
            f'{{"window":"{plan["days"][first]}..{plan["days"][last]}","points":"{rng.randrange(1, 20)}",'
            f'"command_id":"{rng.getrandbits(120):030x}"}}'
        )
        self.transport.write(
            f"POST /api/v1/questions/{rng.choice(plan['questions'])}/bets HTTP/1.1\r\nhost: {plan['host']}\r\norigin: http://{plan['host']}\r\n"
            f"sec-fetch-site: same-origin\r\ncookie: {self.cookie}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        self.sent_at = time.perf_counter()

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        head = self.waiting.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self.waiting.lower().find(b"content-length: ")
        length = int(self.waiting[at + 16 : self.waiting.index(b"\r\n", at)])
        if len(self.waiting) < head + 4 + length:
            return
        now = time.perf_counter()
        self.load.note(self.waiting, now, now - self.sent_at)
        self.waiting = b""
        if now < self.load.until:
            self.send()
        else:
            self.transport.close()


class Load:
    """All connections of one run."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.until = 0.0
        self.begin = 0.0
        self.latencies: list[float] = []
        self.refused: dict[str, int] = {}
        self.seen = 0

    def note(self, answer: bytes, now: float, latency: float) -> None:
        """One answer; the first fifth of the run is not counted."""
        if now < self.begin:
            return
        status = answer[9:12].decode()
        if status.startswith("2"):
            self.latencies.append(latency)
        else:
            reason = answer[answer.find(b'"type":"') + 8 :].split(b'"')[0].decode()[:40]
            self.refused[f"{status} {reason}"] = self.refused.get(f"{status} {reason}", 0) + 1

    async def watch(self, question: str, cookie: str) -> None:
        """One open page: counts the versions that it is told."""
        host, port = self.plan["host"].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /q/{question}/live HTTP/1.1\r\nhost: {self.plan['host']}\r\ncookie: {cookie}\r\n\r\n".encode())
        try:
            while time.perf_counter() < self.until:
                line = await asyncio.wait_for(reader.readline(), 2)
                self.seen += line.startswith(b"data:")
        except TimeoutError:
            pass
        finally:
            writer.close()

    async def run(self) -> dict[str, Any]:
        """The whole run; bounded by its seconds."""
        plan = self.plan
        host, port = plan["host"].split(":")
        assert host == "127.0.0.1", "load stays on loopback"
        start = time.perf_counter()
        self.begin, self.until = start + plan["seconds"] / 5, start + plan["seconds"]
        watchers = [
            asyncio.create_task(self.watch(plan["questions"][i % len(plan["questions"])], plan["cookies"][i % len(plan["cookies"])]))
            for i in range(plan["watchers"])
        ]
        loop = asyncio.get_running_loop()
        for place in range(plan["connections"]):
            await loop.create_connection(functools.partial(Bettor, self, place), host, int(port))
        await asyncio.sleep(plan["seconds"] + 1)
        for watcher in watchers:
            watcher.cancel()
        ranked = sorted(self.latencies) or [0.0]
        return {
            "bets": len(self.latencies), "per_second": len(self.latencies) / (plan["seconds"] * 0.8), "refused": self.refused,
            "p50_ms": ranked[len(ranked) // 2] * 1_000, "p99_ms": ranked[int(len(ranked) * 0.99)] * 1_000, "seen": self.seen,
        }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(uvloop.run(Load(json.loads(Path(sys.argv[1]).read_text())).run())))
