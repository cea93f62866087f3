"""Figures of people: signing in, an alarm on many open pages, and who is let in where.

Run it as ``python bench/people.py [--json] [--quick]``. The server is ``anyday serve`` in a process of its own, asked over loopback;
its clients are in this one. Times are medians of several rounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from anyday.instants import Instant
from anyday.people.accounts import Issued, SignedIn
from anyday.people.passwords import Passwords
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import CREW, Service
from anyday.settings import Settings
from bench.server import scratch, serving

ROOT = Path(__file__).resolve().parent.parent
PAGES, QUESTIONS, PEOPLE = 500, 20, 40
PASSWORD = "correct horse battery"
GOAL_BESIDE_HASH_MS, GOAL_ALARM_MS = 150.0, 1_000.0


async def fixture(path: Path) -> dict[str, Any]:
    """A crew with many members and some questions; the owner's cookie first."""
    service = await Service.open(path, lambda: Instant(time.time_ns() // 1_000), Settings(accounts_a_day=10_000, invitation_uses=1_000))
    secret, kind, link = await service.people.setup_secret(), "setup", None
    players, cookies = [], []
    for place in range(PEOPLE):
        begun = await service.people.sign_up(secret or "", kind, f"player{place:02}", PASSWORD)
        assert isinstance(begun, SignedIn), str(begun)
        players.append(begun.player)
        cookies.append(f"anyday={begun.secret}")
        await _must(service, begun.player, "come", c.Join() if place else c.OpenCrew("Bench"))
        if link is None:
            link = await service.people.invite(begun.player, uses=1_000)
            assert isinstance(link, Issued)
            secret, kind = link.secret, "join"
    horizon = (date.today() + timedelta(days=200)).isoformat()
    questions = []
    for place in range(QUESTIONS):
        asked = c.Ask(f"When does part {place} arrive?", "It arrives.", "UTC", "day", date.today().isoformat(), horizon, players[0], 10**9, "house")  # type: ignore[arg-type]
        questions.append((await _must(service, players[0], f"ask-{place}", asked)).question)
    await service.close()
    return {"cookies": cookies, "questions": questions}


async def _must(service: Service, player: str, command: str, body: c.Command) -> Any:
    answer = await service.submit(c.Envelope(CREW, player, f"fixture-{command}", body))
    assert not isinstance(answer, Refusal), str(answer)
    return answer


# signing in


def post(host: str, path: str, body: str, kind: str, cookie: str = "") -> bytes:
    """A request as a browser's page sends it, with its head."""
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nsec-fetch-site: same-origin\r\ncontent-type: {kind}\r\n"
    return f"{head}{f'cookie: {cookie}' + chr(13) + chr(10) if cookie else ''}content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()


async def answered(host: str, request: bytes) -> tuple[float, bytes]:
    """Milliseconds from sending a request until its whole answer is there, and the answer."""
    name, _, port = host.partition(":")
    start = time.perf_counter()
    reader, writer = await asyncio.open_connection(name, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return (time.perf_counter() - start) * 1_000, answer


async def sign_ins(host: str, rounds: int) -> dict[str, float]:
    """Signing in with a name and a password, and the password's hash alone, in turn."""
    passwords, whole, alone = Passwords(), [], []
    kept = await passwords.hash(PASSWORD)
    assert isinstance(kept, str)
    await passwords.matches(kept, PASSWORD)
    for turn in range(rounds):
        form = urlencode({"name": f"player{turn % PEOPLE:02}", "password": PASSWORD, "next": "/"})
        took, answer = await answered(host, post(host, "/sign-in", form, "application/x-www-form-urlencoded"))
        assert b"set-cookie: anyday=" in answer, answer[:300]
        whole.append(took)
        start = time.perf_counter()
        assert await passwords.matches(kept, PASSWORD) is True
        alone.append((time.perf_counter() - start) * 1_000)
    passwords.close()
    whole, alone = whole[1:], alone[1:]  # the first one makes what later ones share
    found = {"whole_ms": statistics.median(whole), "hash_ms": statistics.median(alone)}
    return {**found, "beside_ms": found["whole_ms"] - found["hash_ms"], "slowest_ms": max(whole)}


# the alarm


class OpenPage:
    """One open page: its stream, and when it was told of the latest alarm."""

    def __init__(self) -> None:
        self.told: dict[bool, float] = {}

    async def watch(self, host: str, path: str, cookie: str, ready: asyncio.Semaphore) -> None:
        """Listen until cancelled; ``ready`` is released with the first message."""
        name, _, port = host.partition(":")
        reader, writer = await asyncio.open_connection(name, int(port))
        writer.write(f"GET {path}/live HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n\r\n".encode())
        try:
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"event: version")
            ready.release()
            while line := await reader.readline():
                if line.startswith(b'data: {"alarm":'):
                    self.told[b"true" in line] = time.perf_counter()
        finally:
            writer.close()


async def alarms(host: str, plan: dict[str, Any], pages: int, rounds: int) -> dict[str, float]:
    """Milliseconds from sending an alarm until the last of many open pages, of several questions and people, was told."""
    opened, ready = [OpenPage() for _ in range(pages)], asyncio.Semaphore(0)
    watching = [
        asyncio.create_task(page.watch(host, f"/q/{plan['questions'][place % QUESTIONS]}", plan["cookies"][place % PEOPLE], ready))
        for place, page in enumerate(opened)
    ]
    for _ in opened:
        await asyncio.wait_for(ready.acquire(), 60)
    last, middle = [], []
    for turn in range(rounds):
        for stands in (True, False):
            for page in opened:
                page.told.clear()
            body = json.dumps({"command_id": f"alarm-{turn}-{stands}", **({"reason": "The numbers are wrong."} if stands else {})})
            start = time.perf_counter()
            path = f"/api/v1/crew/{'alarm' if stands else 'all-clear'}"
            _, answer = await answered(host, post(host, path, body, "application/json", plan["cookies"][0]))
            assert b" 200 " in answer[:20], answer[:300]
            while any(stands not in page.told for page in opened) and time.perf_counter() - start < 30:  # noqa: ASYNC110  the times are taken where they arrive
                await asyncio.sleep(0.002)
            took = sorted((page.told.get(stands, start + 30) - start) * 1_000 for page in opened)
            if stands:
                last.append(took[-1])
                middle.append(statistics.median(took))
            await asyncio.sleep(0.5)
    for task in watching:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*watching, return_exceptions=True)
    return {"pages": pages, "last_ms": statistics.median(last), "slowest_ms": max(last), "median_ms": statistics.median(middle)}


# who is let in where


def matrix() -> dict[str, Any]:
    """The counts of the route matrix, as its own test prints them: by visitor, and in all."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/web/test_matrix.py"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    rows = {name.strip(): [int(number) for number in re.findall(r"\d+", counts)] for name, counts in _ROW.findall(run.stdout)}
    tried = sum(sum(row) for row in rows.values())
    return {"met": run.returncode == 0 and tried > 0, "tried": tried, "let_in": sum(row[0] for row in rows.values()), "by_visitor": rows}


_ROW = re.compile(r"^ {2}(\S[\w ]+?) +(\d+ in +\d+ sign in +\d+ not allowed +\d+ not found)$", re.MULTILINE)


def measure(quick: bool) -> dict[str, Any]:
    """All figures of people."""
    folder = scratch()
    try:
        path = folder / "people.db"
        plan = asyncio.run(fixture(path))
        with serving(path, None, ANYDAY_SIGN_IN_TRIES="1000") as (host, _, _):
            found = {"sign_in": asyncio.run(sign_ins(host, 10 if quick else 40))}
            found["alarm"] = asyncio.run(alarms(host, plan, 100 if quick else PAGES, 2 if quick else 5))
        return {**found, "matrix": matrix()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Measure; 1 if a goal was missed."""
    found = measure("--quick" in sys.argv)
    if "--json" in sys.argv:
        print(json.dumps(found))
    else:
        for name, row in found.items():
            print(name, {key: round(value, 1) if isinstance(value, float) else value for key, value in row.items()})
    met = found["sign_in"]["beside_ms"] <= GOAL_BESIDE_HASH_MS and found["alarm"]["last_ms"] <= GOAL_ALARM_MS and found["matrix"]["met"]
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
