"""Figures of the server: durable bets over HTTP, the question's page, the start, idle memory, and the rebuild.

    python -m bench server [--quick]

The data lies on tmpfs and every sync takes 1 ms longer by a shim (``slow_sync.c``), so that the disk's own noise does not
decide; the same server committing each bet alone is measured in turn with it. The load is another process on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from anyday.instants import DAY, Instant
from anyday.reads import project
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import CREW, Service
from anyday.settings import Settings

HERE = Path(__file__).parent
QUESTIONS, PLAYERS, DAYS, ENDPOINTS = 100, 64, 1_500, 1_000
CONNECTIONS, WATCHERS, SYNC_US = 64, 50, 1_000
SEED = 20270314


def scratch() -> Path:
    """A folder on tmpfs where there is one."""
    return Path(tempfile.mkdtemp(prefix="anyday-bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))


async def fixture(path: Path, questions: int) -> dict[str, Any]:
    """A crew with questions that have 1,000 traded endpoints each; returns cookies, question ids and days to bet on."""
    rng = random.Random(SEED)
    service = await Service.open(path, lambda: Instant(time.time_ns() // 1_000), Settings(questions_cached=questions + 1))
    players = []
    for place in range(PLAYERS + 1):
        player = await service.people.add_player(f"player{place:02}")
        assert isinstance(player, str)
        players.append(player)
    number = 0

    async def ask(player: str, body: c.Command) -> Any:
        nonlocal number
        number += 1
        answer = await service.submit(c.Envelope(CREW, player, f"fixture-{number:08}", body))
        assert not isinstance(answer, Refusal), str(answer)
        return answer

    await ask(players[0], c.OpenCrew("Bench", joining_grant=10**15, house_grant=10**15, dispute=0, silence=366 * DAY))
    for player in players[1:]:
        await ask(player, c.Join())
    first = date.today() + timedelta(days=3)
    days = [(first + timedelta(days=day)).isoformat() for day in range(DAYS - 5)]
    horizon = (date.today() + timedelta(days=DAYS)).isoformat()
    ids = []
    for place in range(questions):
        asked = c.Ask(f"When does part {place} arrive?", "It arrives.", "UTC", "day", date.today().isoformat(), horizon, players[0], 10**11, "house")  # type: ignore[arg-type]
        ids.append((await ask(players[0], asked)).question)

    async def trade(question: str) -> None:
        touched: set[str] = set()
        while len(touched) < ENDPOINTS:
            low, high = sorted(rng.sample(range(len(days)), 2))
            touched |= {days[low], days[high] + "+"}
            await ask(rng.choice(players[1:]), c.Bet(question, f"{days[low]}..{days[high]}", spend=rng.randrange(1, 20) * 1_000_000))

    await asyncio.gather(*(trade(question) for question in ids))
    cookies = []
    for player in players[1:]:
        link = await service.people.link(player)
        assert not isinstance(link, Refusal)
        begun = await service.people.open_link(link.secret)
        assert not isinstance(begun, Refusal)
        cookies.append(f"anyday={begun.secret}")
    await service.close()
    return {"cookies": cookies, "questions": ids, "days": days, "events": number}


def build_shim(folder: Path) -> Path | None:
    """The shim, if there is a C compiler: only the measuring rig needs one."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", folder / "slow_sync.so", HERE / "slow_sync.c", "-ldl"], check=True)
    return folder / "slow_sync.so"


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pin(core: int) -> Any:
    """Keep a child on one core, where the system can."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    return (lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})) if len(cores) > 1 else None


@contextlib.contextmanager
def serving(path: Path, shim: Path | None, **environment: str) -> Iterator[tuple[str, int, float]]:
    """``anyday serve`` on the file: its address, process id, and the seconds to its first page."""
    port = free_port()
    env = {**os.environ, "ANYDAY_LIVE_PAGES_EACH": "1000", **environment}
    if shim is not None:
        env |= {"LD_PRELOAD": str(shim), "FS_US": str(SYNC_US)}
    command = [sys.executable, "-m", "anyday", "serve", "--port", str(port), "--db", str(path)]
    start = time.perf_counter()
    log = (path.parent / "serve.log").open("ab")
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log, preexec_fn=pin(0))
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in", timeout=1) as page:
                    page.read()
                break
            except OSError:
                if process.poll() is not None or time.perf_counter() - start > 30:
                    raise RuntimeError(f"the server did not start: {(path.parent / 'serve.log').read_text()[-2_000:]}") from None
                time.sleep(0.01)
        yield f"127.0.0.1:{port}", process.pid, time.perf_counter() - start
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def get(host: str, path: str, cookie: str, **headers: str) -> tuple[int, bytes]:
    """One request: the bytes over the wire, headers included, and the body."""
    request = f"GET {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\nconnection: close\r\n"
    request += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=10) as wire:
        wire.sendall(request.encode())
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert b" 200 " in answer[:20], answer[:200]
    return len(answer), answer.split(b"\r\n\r\n", 1)[1]


def durable_bets(master: Path, plan: dict[str, Any], shim: Path | None, rounds: int, seconds: float) -> dict[str, Any]:
    """Bets a second with group commit, and alone, in turns."""
    runs: dict[str, list[dict[str, Any]]] = {"grouped": [], "alone": []}
    for turn in range(rounds):
        for name in ("grouped", "alone"):
            path = master.parent / f"{name}{turn}" / "anyday.db"
            path.parent.mkdir()
            shutil.copy(master, path)
            with serving(path, shim, ANYDAY_BATCH="256" if name == "grouped" else "1") as (host, _, _):
                for question in plan["questions"]:
                    get(host, f"/api/v1/questions/{question}/curve", plan["cookies"][0])
                sheet = path.parent / "plan.json"
                sheet.write_text(
                    json.dumps({**plan, "host": host, "connections": CONNECTIONS, "watchers": WATCHERS, "seconds": seconds, "seed": SEED + turn})
                )
                load = subprocess.run(
                    [sys.executable, "-m", "bench.load", sheet], capture_output=True, check=True, timeout=seconds + 60, preexec_fn=pin(1)
                )
                runs[name].append(json.loads(load.stdout))
            shutil.rmtree(path.parent)
    return {
        "grouped_per_second": statistics.median(run["per_second"] for run in runs["grouped"]),
        "alone_per_second": statistics.median(run["per_second"] for run in runs["alone"]),
        "ratio": statistics.median(a["per_second"] / max(b["per_second"], 1e-9) for a, b in zip(runs["grouped"], runs["alone"], strict=True)),
        "p50_ms": statistics.median(run["p50_ms"] for run in runs["grouped"]),
        "p99_ms": statistics.median(run["p99_ms"] for run in runs["grouped"]),
        "runs": runs,
    }


def the_page(host: str, plan: dict[str, Any]) -> dict[str, Any]:
    """A question's page: everything over the wire that a browser fetches for it, and the server's time for the page itself."""
    address, cookie = f"/q/{plan['questions'][0]}", plan["cookies"][0]
    size, body = get(host, address, cookie)
    compressed, _ = get(host, address, cookie, accept_encoding="gzip")
    linked = sorted({part.split('"')[0] for part in body.decode().split('"/static/')[1:]})
    parts = {f"/static/{name}": get(host, f"/static/{name}", cookie, accept_encoding="gzip")[0] for name in linked}
    times = []
    for turn in range(60):
        start = time.perf_counter()
        get(host, f"/q/{plan['questions'][turn % 20]}", cookie)
        times.append((time.perf_counter() - start) * 1_000)
    return {
        "page_bytes": size, "page_gzip_bytes": compressed, "linked_bytes": parts, "wire_kb": (compressed + sum(parts.values())) / 1_000,
        "server_ms": statistics.median(times[20:]),
    }  # fmt: skip


def memory_mb(process: int) -> float:
    """Resident memory of a process, in MB."""
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1_000


def starts(folder: Path, rounds: int) -> dict[str, float]:
    """``anyday serve`` on a new file: seconds to the first page, and memory once it idles."""
    seconds, idle = [], []
    for turn in range(rounds):
        path = folder / f"start{turn}" / "anyday.db"
        path.parent.mkdir()
        with serving(path, None) as (_, process, took):
            time.sleep(0.5)
            seconds.append(took)
            idle.append(memory_mb(process))
    return {"first_page_s": statistics.median(seconds), "idle_mb": statistics.median(idle)}


def rebuilds(master: Path, rounds: int) -> dict[str, float]:
    """Events a second while all read rows are made again from the log."""
    rates = []
    for turn in range(rounds):
        path = master.parent / f"rebuild{turn}.db"
        shutil.copy(master, path)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer, contextlib.closing(sqlite3.connect(path)) as reader:
            start = time.perf_counter()
            writer.execute("BEGIN IMMEDIATE")
            events = project.rebuild(writer, reader)
            writer.execute("COMMIT")
            rates.append(events / (time.perf_counter() - start))
        path.unlink()
    return {"events_per_second": statistics.median(rates), "events": events}


def measure(quick: bool = False) -> dict[str, Any]:
    """All figures of the server."""
    folder = scratch()
    try:
        shim = build_shim(folder)
        if shim is None:
            print("NOT MEASURED as asked: without a C compiler the shim cannot be built, so syncs take what the disk takes")
        master = folder / "master.db"
        plan = asyncio.run(fixture(master, 20 if quick else QUESTIONS))
        with contextlib.closing(sqlite3.connect(master)) as checkpoint:
            checkpoint.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rounds = 1 if quick else 3
        found: dict[str, Any] = {"shim": shim is not None, "bets": durable_bets(master, plan, shim, rounds, 3 if quick else 8)}
        page = folder / "page" / "anyday.db"
        page.parent.mkdir()
        shutil.copy(master, page)
        with serving(page, None) as (host, _, _):
            found["page"] = the_page(host, plan)
        found["start"] = starts(folder, 1 if quick else 5)
        found["rebuild"] = rebuilds(master, rounds)
        return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
