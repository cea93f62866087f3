"""Kill -9 in the middle of batches: nothing that was acknowledged is lost, nothing that was not sent is there, no command
takes effect twice, and a build that acknowledges before it commits is caught.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from anyday.service.audit import verify
from tests.world import hold

CROWD = Path(__file__).with_name("crowd.py")
LONGEST_WAIT = 60.0  # only so that a hung start fails instead of hanging the run
FIRST = 32  # lines of the journals that a slow machine writes too before the kill: twelve acknowledged at least


def written(folder: Path) -> int:
    """How many lines all journals have."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("p*.jsonl"))


def run_until_killed(folder: Path, seed: int, after: float, mode: str = "", number: int = 0) -> None:
    """Start the crowd, and kill it some time after it has begun to bet, however slowly it does (or let it kill itself)."""
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    arguments = [str(folder / "a.db"), str(folder), str(seed), *([mode, str(number)] if mode else [])]
    process = subprocess.Popen([sys.executable, str(CROWD), *arguments], env=environment, stderr=subprocess.PIPE)
    own, before = mode in ("before", "inside", "after"), written(folder)
    try:
        waited = 0.0
        while process.poll() is None and (own or not ready.exists() or written(folder) < before + FIRST) and waited < LONGEST_WAIT:
            time.sleep(0.005)
            waited += 0.005
        if not own:
            time.sleep(after)
    finally:
        process.kill()
        error = process.communicate()[1].decode()
    assert process.returncode == -signal.SIGKILL, error


Place = tuple[str, int]  # stream, version


def journals(folder: Path) -> tuple[dict[str, object], dict[str, tuple[Place, str]], set[str]]:
    """What all bettors say: sent (with bodies), acked (with receipts), refused."""
    sent: dict[str, object] = {}
    acked: dict[str, tuple[Place, str]] = {}
    refused = set()
    for path in sorted(folder.glob("p*.jsonl")):
        whole = path.read_bytes()
        for line in whole[: whole.rfind(b"\n") + 1].splitlines():
            kind, command_id, *rest = msgspec.json.decode(line)
            if kind == "sent":
                assert command_id not in sent
                sent[command_id] = rest[0]
            elif kind == "acked":
                acked[command_id] = ((rest[0], rest[1]), rest[2])
            else:
                refused.add(command_id)
    return sent, acked, refused


def faults(folder: Path) -> list[str]:
    """The verdict: everything that is wrong with what was left behind."""
    sent, acked, refused = journals(folder)
    with closing(sqlite3.connect(folder / "a.db")) as connection:
        kept = dict(connection.execute("SELECT id, reply FROM command WHERE actor LIKE 'p%' AND id LIKE actor || '-%'"))
        events = {(stream, version): head for stream, version, head in connection.execute("SELECT stream, version, lower(hex(hash)) FROM event")}
        bets = connection.execute("SELECT stream, version FROM flow").fetchall()
    found = [f"{command_id} was acknowledged and is gone" for command_id in acked if command_id not in kept]
    found += [f"{command_id} was never sent" for command_id in kept if command_id not in sent]
    found += [f"{command_id} was refused and took place" for command_id in refused & set(kept)]
    receipts = {command_id: msgspec.json.decode(reply) for command_id, reply in kept.items()}
    places = [(receipt["stream"], receipt["version"]) for receipt in receipts.values()]
    if sorted(places) != sorted(bets):
        found.append("not one event for each command, or one twice")
    for command_id, (place, head) in acked.items():
        kept_receipt = receipts.get(command_id, {"stream": place[0], "version": place[1], "head": head})
        told = (kept_receipt["stream"], kept_receipt["version"]), kept_receipt["head"]
        if told != (place, head) or (command_id in kept and events.get(place) != head):
            found.append(f"{command_id}: the log is not what the receipt says")
    verdict = verify(folder / "a.db")
    return found + ([verdict.fault] if verdict.fault is not None else [])


def test_killed_at_random_twenty_times_nothing_acknowledged_is_lost(tmp_path: Path, chance: random.Random) -> None:
    acked_before = unknown = 0
    for kill in range(20):
        folder = tmp_path / f"file-{kill // 5}"
        folder.mkdir(exist_ok=True)
        run_until_killed(folder, kill, chance.uniform(0.005, 0.15))
        assert faults(folder) == [], f"kill {kill}"
        sent, acked, refused = journals(folder)
        unknown += len(sent) - len(acked) - len(refused)
        if kill % 5 == 4:
            hold(folder / "a.db")
            acked_before += len(acked)
    print(f"{acked_before} acknowledged, {unknown} unknown when killed")
    assert acked_before > 200 and unknown > 20, "the kills came in the middle of things"


@pytest.mark.parametrize("where", ["before", "inside", "after"])
def test_killed_at_a_step_of_a_commit_it_happened_or_it_did_not(where: str, tmp_path: Path) -> None:
    for number in (2, 14, 17):
        folder = tmp_path / str(number)
        folder.mkdir()
        run_until_killed(folder, number, 0, where, number)
        if where == "after" or number > 2:
            assert verify(folder / "a.db").fault is None
        run_until_killed(folder, number, 0.05)  # who comes back sends what is unknown again
        assert faults(folder) == []
        hold(folder / "a.db")


def test_a_build_that_acknowledges_before_it_commits_is_caught(tmp_path: Path, chance: random.Random) -> None:
    """The control: without it, the tests above could be green because they look at nothing."""
    for kill in range(12):
        folder = tmp_path / str(kill)
        folder.mkdir()
        run_until_killed(folder, kill, chance.uniform(0.05, 0.2), "early")
        found = faults(folder)
        if any("was acknowledged and is gone" in fault for fault in found):
            return
    raise AssertionError("twelve kills of a build that lies, and nobody noticed")
