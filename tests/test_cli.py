"""The command line: three doors that answer the same, what is drawn, what is refused and how, and the server's own life."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from anyday.cli import doors, draw, main, serving
from anyday.cli.asking import World
from anyday.cli.stop import Stop, foreseen
from anyday.cli.terminal import Screen, cells, clean, cut, wrap
from anyday.instants import DAY, HOUR, Grain, Instant
from anyday.rules import commands as c
from anyday.service import CREW, Service
from anyday.settings import Settings
from anyday.store.database import FileInUse
from anyday.wire import Bar, CurveView

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOTS = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("ANYDAY_SNAPSHOTS") == "write"
#: 12 January 2027, 09:00 UTC.
NOW = Instant(1_799_744_400_000_000)
#: Seconds until a test gives up on another process: a bound for slow machines, not a figure.
BOUND = 180


def environment(**more: str) -> dict[str, str]:
    """The environment of a subprocess: nothing of ours but what is said here."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("ANYDAY_", "PYTHONOPTIMIZE", "NO_COLOR"))}
    return {**bare, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", **more}


async def _crew(path: Path) -> None:
    service = await Service.open(path, lambda: NOW, Settings())
    for name in ("dora", "alice", "bob"):
        player = await service.people.add_player(name)
        assert isinstance(player, str)
        body = c.OpenCrew("Coffee crew", "Europe/Zurich", dispute=0, silence=366 * DAY) if name == "dora" else c.Join()
        await service.submit(c.Envelope(CREW, player, f"begin-{name}", body))
    await service.close()


@pytest.fixture(scope="session")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a crew: dora owns it, alice and bob are in it. Tests copy it."""
    path = tmp_path_factory.mktemp("crew") / "any.db"
    asyncio.run(_crew(path))
    return path


@pytest.fixture
def db(crew: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(crew, tmp_path / "any.db"))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ANYDAY_")] + ["NO_COLOR"]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def counted_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Command ids in order, so that every door makes the same question ids."""
    count = iter(range(10_000))
    monkeypatch.setattr("secrets.token_urlsafe", lambda size=16: f"command-{next(count):08d}")


def run(*args: str, at: Instant = NOW, width: int = 80, typed: str = "", unicode: bool = True) -> Result:
    """One command on a fixed clock."""
    world = World(lambda: at, lambda: Screen(width, colour=False, unicode=unicode))
    result = CliRunner().invoke(main, list(args), obj=world, input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def good(*args: str, **options: Any) -> str:
    """The output of a command that must work."""
    result = run(*args, **options)
    assert result.exit_code == 0, result.stderr
    return result.stdout


ASK = (
    "ask", "When will the new coffee machine make its first coffee?", "--terms", "The first cup that anybody drinks.", "--zone", "Europe/Zurich",
    "--by", "2027-06-30", "--half-by", "March 2027", "--never", "10%", "--subsidy", "500", "--resolver", "dora",
)  # fmt: skip


def asked(db: Path) -> str:
    """A question of alice's, which dora rules."""
    return str(json.loads(good(*ASK, "--db", str(db), "--as", "alice", "--json"))["question"])


# ---- three doors ---------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(path: Path) -> Iterator[str]:
    """The real application on the file, at a TCP address and at the socket beside the file, on the fixed clock."""
    from anyday.web.app import App
    from anyday.web.server import Server

    ready, servers, listening = threading.Event(), list[Server](), serving.bind("127.0.0.1", 0)

    async def serve() -> None:
        service = await Service.open(path, lambda: NOW, Settings())
        with serving.local_socket(doors.socket_of(path)) as local:
            app = App(service, address=serving.address_of(listening, "127.0.0.1"))
            servers.extend([Server(app, log_level="warning"), Server(app, local=True, log_level="warning")])
            assert local is not None
            ready.set()
            await asyncio.gather(servers[0].serve([listening]), servers[1].serve([local]))
        await service.close()
        service.people.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(BOUND)
        yield serving.address_of(listening, "127.0.0.1")
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(BOUND)
        listening.close()
    assert not thread.is_alive()


PLAYED = (
    "ask", "When will the lift work again?", "--terms", "It takes a person to the top floor.", "--zone", "Europe/Zurich", "--origin", "2027-02-01",
    "--by", "2027-04-30", "--resolver", "dora", "--tote", "month", "--takeout", "5%", "--closest-stake", "5", "--prize", "three", "--many",
    "--forecast",
)  # fmt: skip
UNMARKETED = (*PLAYED[:1], "When will the bus come?", *PLAYED[2:12], "--no-market", "--slot", "2027-03-01", "--slot", "2027-03-15",
              "--closest-stake", "2", "--variant", "not-past")  # fmt: skip

SEALED = (
    "ask", "When does the new oven arrive?", "--terms", "It stands in the kitchen.", "--zone", "Europe/Zurich", "--origin", "2027-02-01",
    "--by", "2027-04-30", "--resolver", "dora", "--bell", "2027-01-20 12:00",
)  # fmt: skip
ABOUT = (*SEALED[:1], "When does Bob move out?", *SEALED[2:10], "--resolver", "dora", "--deputy", "bob", "--about", "bob", "--dispute-hours", "24",
         "--silence-hours", "48")  # fmt: skip
DOUBTED = (*SEALED[:1], "When does the tap drip no more?", *SEALED[2:6], "--by", "2027-04-30", "--resolver", "dora", "--deputy", "alice",
           "--barred", "alice", "--dispute-hours", "24")  # fmt: skip

Speak = Callable[..., tuple[int, str, str]]

#: Who says what; Q is the question's id. Answers "y" are typed where a ruling is confirmed.
STORY: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("alice", ASK),
    ("bob", ("show",)),
    ("bob", ("bet", "Q", "March", "2027", "--points", "50")),
    ("bob", ("bet", "Q", "not 1–7 March 2027", "--shares", "20.5", "--json")),
    ("bob", ("bet", "Q", "before June 2027", "--to", "95%", "--dry-run")),
    ("bob", ("bet", "Q", "March 2027", "--to", "40%", "--max-cost", "0.01")),
    ("bob", ("bet", "Q", "10 January 2027", "--points", "5")),
    ("bob", ("bet", "Q", "11 January 2027", "--points", "5", "--json")),
    ("bob", ("bet", "Q", "the day after the fair", "--points", "5")),
    ("bob", ("bet", "Q", "never", "--points", "NaN")),
    ("bob", ("bet", "Q", "never")),
    ("dora", ("bet", "Q", "never", "--points", "5")),
    ("bob", ("sell", "Q", "1–7 March 2027", "--dry-run", "--json")),
    ("bob", ("sell", "Q", "1–7 March 2027", "--shares", "3")),
    ("bob", ("sell", "Q", "never", "--shares", "3000")),
    ("bob", ("collect", "Q")),
    ("bob", ("show", "Q")),
    ("bob", ("show", "Q", "--json")),
    ("bob", ("me",)),
    ("alice", ("players",)),
    ("alice", ("grant", "bob", "10", "--reason", "cake")),
    ("dora", ("grant", "bob", "10", "--reason", "cake")),
    ("dora", ("grant", "nobody", "10", "--reason", "cake", "--json")),
    ("bob", ("close", "Q")),
    ("dora", ("close", "Q")),
    ("bob", ("bet", "Q", "never", "--points", "5")),
    ("dora", ("rule", "Q", "tomorrow", "--evidence", "A photo")),
    ("dora", ("rule", "Q", "2027-01-12", "09:30", "--evidence", "A photo")),
    ("dora", ("correct", "Q", "2027-01-12", "08:30", "--evidence", "A receipt", "--reason", "The photo was old", "--json", "--yes")),
    ("dora", ("void", "Q", "--reason", "Too late")),
    ("alice", ("show", "Q")),
    ("alice", ("show", "no-such-question", "--json")),
    ("alice", ("show", "a/b?c=%2e", "--json")),
    ("alice", PLAYED),
    ("bob", ("stake", "Q", "March", "2027", "--points", "12.5")),
    ("bob", ("stake", "Q", "never", "--points", "3", "--json")),
    ("bob", ("stake", "Q", "14 March 2027", "--points", "3")),
    ("bob", ("stake", "Q", "March", "--points", "0")),
    ("dora", ("stake", "Q", "March", "--points", "5")),
    ("bob", ("guess", "Q", "14", "March", "2027")),
    ("bob", ("guess", "Q", "never", "--json")),
    ("bob", ("guess", "Q", "31 April")),
    ("bob", ("guess", "Q", "March", "2027", "--json")),
    ("bob", ("forecast", "Q", "--by", "14 March=50%", "--by", "April=90%", "--never", "5%")),
    ("bob", ("forecast", "Q", "--by", "14 March=50%", "--by", "April=90%", "--never", "5%", "--stake", "10")),
    ("bob", ("forecast", "Q", "--family", "Gamma", "--half", "March", "--most", "April", "--json")),
    ("bob", ("forecast", "Q", "--by", "April=90%", "--never", "20%", "--json")),
    ("bob", ("forecast", "Q", "--by", "April=NaN", "--never", "20%")),
    ("bob", ("note", "Q", "A", "mechanic", "came", "--evidence", "Seen")),
    ("bob", ("note", "Q", "It jerked", "--near-miss", "--when", "11 January 2027", "--evidence", "Felt", "--json")),
    ("bob", ("note", "Q", "It went", "--when", "1 May 2027", "--evidence", "Hope")),
    ("alice", ("show", "Q")),
    ("bob", ("show", "Q")),
    ("bob", ("show", "Q", "--json")),
    ("alice", UNMARKETED),
    ("bob", ("bet", "Q", "never", "--points", "5")),
    ("bob", ("bet", "Q", "never", "--points", "5", "--dry-run")),
    ("bob", ("stake", "Q", "1–14 March 2027", "--points", "5")),
    ("bob", ("forecast", "Q", "--by", "April=90%", "--never", "5%", "--stake", "1")),
    ("bob", ("show", "Q")),
    ("bob", ("show",)),
    ("bob", ("me",)),
    ("alice", SEALED),
    ("bob", ("bet", "Q", "March", "--points", "5")),
    ("bob", ("bet", "Q", "March", "--points", "5", "--dry-run")),
    ("bob", ("seal", "Q", "March", "2027", "--points", "20", "--limit", "40%")),
    ("bob", ("seal", "Q", "never", "--shares", "7.5", "--limit", "0.3", "--json")),
    ("bob", ("seal", "Q", "April", "--points", "20", "--limit", "40%", "--replaces", "9")),
    ("bob", ("seal", "Q", "April", "--points", "20", "--limit", "40%", "--replaces", "2")),
    ("bob", ("seal", "Q", "April", "--points", "20", "--limit", "100%")),
    ("bob", ("seal", "Q", "April", "--limit", "10%")),
    ("dora", ("seal", "Q", "April", "--points", "1", "--limit", "40%", "--json")),
    ("bob", ("unseal", "Q", "2")),
    ("bob", ("show", "Q")),
    ("bob", ("unseal", "Q", "1")),
    ("bob", ("show", "Q", "--json")),
    ("bob", ("me",)),
    ("alice", ("show", "Q")),
    ("alice", ("show", "Q", "--json")),
    ("alice", ("bets", "Q")),
    ("bob", ("inbox", "--json")),
    ("alice", ABOUT),
    ("alice", ("agree", "Q")),
    ("bob", ("show", "Q")),
    ("bob", ("show", "Q", "--json")),
    ("bob", ("agree", "Q")),
    ("bob", ("bet", "Q", "March", "--points", "5")),
    ("alice", ("comment", "Q", "Do", "not", "tell", "him")),
    ("bob", ("thank", "Q", "3")),
    ("alice", ("thank", "Q", "3", "--json")),
    ("alice", ("thank", "Q", "77")),
    ("bob", ("halt", "Q", "--reason", "I must think")),
    ("alice", ("resume", "Q")),
    ("dora", ("halt", "Q", "--reason", "He must think", "--json")),
    ("dora", ("show", "Q")),
    ("dora", ("resume", "Q")),
    ("dora", ("hand-over", "resolver", "alice", "--question", "Q")),
    ("dora", ("hand-over", "resolver", "nobody", "--question", "Q")),
    ("alice", ("hand-over", "host", "dora", "--question", "Q", "--until", "1 February 2027")),
    ("dora", ("show", "Q")),
    ("dora", ("decline", "resolver", "--question", "Q")),
    ("dora", ("accept", "host", "--question", "Q")),
    ("bob", ("accept", "host", "--question", "Q")),
    ("bob", ("duties", "Q")),
    ("bob", ("duties", "Q", "--json")),
    ("bob", ("duties",)),
    ("bob", ("withdraw", "Q")),
    ("bob", ("withdraw", "Q", "--yes")),
    ("alice", DOUBTED),
    ("bob", ("bet", "Q", "March", "--points", "5")),
    ("alice", ("bet", "Q", "March", "--points", "5", "--json")),
    ("dora", ("rule", "Q", "2027-01-12", "09:30", "--evidence", "A photo", "--yes")),
    ("bob", ("show", "Q")),
    ("dora", ("dispute", "Q", "--reason", "I was wrong")),
    ("bob", ("dispute", "Q", "--reason", "It still drips")),
    ("bob", ("dispute", "Q", "--reason", "It still drips")),
    ("bob", ("show", "Q", "--json")),
    ("bob", ("judge", "Q", "stands", "--reason", "No", "--yes")),
    ("bob", ("vote", "Q", "falls")),
    ("alice", ("show", "Q")),
    ("alice", ("judge", "Q", "withdrawn", "--reason", "It drips", "--json", "--yes")),
    ("alice", ("show", "Q")),
    ("bob", ("feed",)),
    ("bob", ("feed", "--before", "1 January 2027", "--json")),
    ("bob", ("feed", "--before", "the flood")),
    ("bob", ("alarm", "--reason", "Fire")),
    ("dora", ("alarm", "--reason", "Fire")),
    ("bob", ("show", "Q")),
    ("bob", ("crew", "show")),
    ("dora", ("all-clear",)),
    ("dora", ("all-clear", "--json")),
    ("dora", ("crew", "set", "--name", "Tea crew", "--dispute-hours", "5", "--positions", "members")),
    ("dora", ("crew", "set", "--zone", "Nowhere/At/All")),
    ("bob", ("crew", "set", "--name", "Mine", "--json")),
    ("dora", ("crew", "show", "--json")),
    ("bob", ("show", "Q")),
    ("dora", ("crew", "player", "bob")),
    ("dora", ("crew", "remove", "bob", "--reason", "He moved out")),
    ("dora", ("crew", "remove", "nobody", "--reason", "So", "--yes", "--json")),
    ("dora", ("hand-over", "owner", "alice")),
    ("alice", ("accept", "owner")),
    ("dora", ("crew", "leave", "--yes")),
    ("alice", ("crew", "show")),
    ("alice", ("duties", "--json")),
)  # fmt: skip


def play(speak: Speak, ids: list[int]) -> list[tuple[int, str, str]]:
    """The story, told through one door. Each line's command ids start anew: doors differ in how many they make of what is refused."""
    told, question = [], "Q"
    for place, (player, words) in enumerate(STORY):
        ids[:] = [place * 100]
        told.append(speak(player, *(question if word == "Q" else word for word in words)))
        if words in (ASK, PLAYED, UNMARKETED, SEALED, ABOUT, DOUBTED):
            question = told[-1][1].split()[-1]
    return told


def _speak(result: Result) -> tuple[int, str, str]:
    return result.exit_code, result.stdout, result.stderr


def by_file(db: Path) -> Iterator[Speak]:
    yield lambda player, *words: _speak(run(*words, "--db", str(db), "--as", player, typed="y\n"))


def by_socket(db: Path) -> Iterator[Speak]:
    with served(db):
        yield lambda player, *words: _speak(run(*words, "--db", str(db), "--as", player, typed="y\n"))


def by_address(db: Path) -> Iterator[Speak]:
    tokens = {name: f"token-of-{name}" for name in ("dora", "alice", "bob")}
    with served(db) as address:
        yield lambda player, *words: _speak(run(*words, "--server", address, "--token", tokens[player], typed="y\n"))


async def _tokens(path: Path) -> None:
    """Tokens whose secrets the tests know."""
    from anyday.people.passwords import digest

    service = await Service.open(path, lambda: NOW, Settings())
    for name in ("dora", "alice", "bob"):
        row = (digest(f"token-of-{name}"), service.people.player_of(name), "crew", "manage", "test", NOW, NOW + DAY)
        await service.database.write(lambda connection, row=row: connection.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?)", row))
    await service.close()




@pytest.mark.parametrize("door", [by_socket, by_address])
def test_every_door_answers_like_the_file_itself(
    door: Callable[[Path], Iterator[Speak]], crew: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    for place, way in enumerate((by_file, door)):
        (tmp_path / str(place)).mkdir()
        path = Path(shutil.copy(crew, tmp_path / str(place) / "any.db"))
        asyncio.run(_tokens(path))
        ids = [0]

        def next_id(size: int = 16, ids: list[int] = ids) -> str:
            ids[0] += 1
            return f"command-{ids[0]:08d}"

        monkeypatch.setattr("secrets.token_urlsafe", next_id)
        monkeypatch.setattr("secrets.token_bytes", bytes)  # the salt of a comment's hash
        with contextlib.contextmanager(way)(path) as speak:
            answers.append(play(speak, ids))
    for (player, words), expected, got in zip(STORY, *answers, strict=True):
        assert got == expected, f"{player}: {words}"
    codes = [code for code, _, _ in answers[0]]
    assert 2 not in codes
    assert codes.count(0) > 30
    assert codes.count(1) > 20


def test_a_server_is_reached_through_its_socket_and_not_around_it(db: Path) -> None:
    with served(db):
        question = asked(db)
        with pytest.raises(FileInUse):
            asyncio.run(Service.open(db, lambda: NOW, Settings()))
        assert question in good("show", "--db", str(db))
    assert question in good("show", "--db", str(db))


def test_a_socket_whose_path_is_longer_than_the_system_takes_still_works(crew: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("a long name " * 12)
    folder.mkdir()
    path = Path(shutil.copy(crew, folder / "any.db"))
    with served(path):
        assert doors.answers(doors.socket_of(path))
        assert "dora" in good("players", "--db", str(path))


def test_a_retry_of_a_command_that_was_cut_off_happens_once(db: Path) -> None:
    before = good("me", "--db", str(db), "--as", "bob", "--json")
    question = asked(db)
    for _ in range(2):
        door = doors.InProcess(doors.Where(db, name="bob", clock=lambda: NOW))
        with contextlib.closing(door):
            from anyday import client, wire

            door.send(client.bet(question, wire.BetIn("never", points=10, command_id="the-same-one")))
    after = json.loads(good("me", "--db", str(db), "--as", "bob", "--json"))
    assert float(json.loads(before)["balance"]) - float(after["balance"]) == 10


# ---- what is typed -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "horizon"),
    [
        (("--by", "2027-06-30"), "2027-06-30T22:00:00Z"),
        (("--by", "June 2027"), "2027-06-30T22:00:00Z"),
        (("--by", "2027"), "2027-12-31T23:00:00Z"),
        (("--by", "June"), "2027-06-30T22:00:00Z"),
        (("--horizon", "2027-07-01"), "2027-06-30T22:00:00Z"),
    ],
)
def test_by_covers_what_it_names_and_a_horizon_is_the_first_time_that_no_longer_counts(db: Path, typed: tuple[str, str], horizon: str) -> None:
    ask = ("ask", "When?", "--terms", "It.", "--zone", "europe/zurich", *typed, "--db", str(db), "--json")
    question = json.loads(good(*ask))["question"]
    view = json.loads(good("show", question, "--db", str(db), "--json"))
    assert view["horizon"] == horizon
    assert view["origin"] == "2027-01-11T23:00:00Z"


@pytest.mark.parametrize(
    ("grain", "origin", "starts"),
    [
        ("week", (), "2027-01-11T00:00:00Z"),
        ("month", (), "2027-01-01T00:00:00Z"),
        ("hour", (), "2027-01-12T09:00:00Z"),
        ("minute", (), "2027-01-12T09:00:00Z"),
        ("day", ("--origin", "Tomorrow"), "2027-01-13T00:00:00Z"),
        ("day", ("--origin", "today"), "2027-01-12T00:00:00Z"),
        ("day", ("--origin", "1 March 2027"), "2027-03-01T00:00:00Z"),
    ],
)
def test_the_origin_is_the_start_of_now_unless_it_is_said(db: Path, grain: str, origin: tuple[str, ...], starts: str) -> None:
    horizon = "2027-05-31" if grain == "week" else "2027-06-01"
    ask = ("ask", "When?", "--terms", "It.", "--zone", "UTC", "--grain", grain, "--horizon", horizon, *origin, "--db", str(db), "--json")
    view = json.loads(good("show", json.loads(good(*ask))["question"], "--db", str(db), "--json"))
    assert view["origin"] == starts


@pytest.mark.parametrize("grain", ["minute", "hour", "day", "week", "month"])
def test_the_sentence_and_the_table_say_the_even_chance_alike(db: Path, grain: str) -> None:
    span = {"week": ("--horizon", "2027-05-31"), "minute": ("--horizon", "2027-01-13")}.get(grain, ("--horizon", "2027-06-01"))
    asked = good("ask", "When?", "--terms", "It.", "--zone", "UTC", "--grain", grain, *span, "--db", str(db), "--json")
    shown = " ".join(good("show", json.loads(asked)["question"], "--db", str(db)).split())
    said = re.search(r"Even chance by ([^.]+)\.", shown)
    assert said is not None
    assert f"50 % by {said[1]} 75 %" in shown, shown


@pytest.mark.parametrize(
    "words",
    [
        ("ask", "When?", "--terms", "It."),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--horizon", "2027-07-01"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--quantile", "half by May"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--tote", "month", "--slot", "2027-03-01"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--takeout", "5%"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--many"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--closest-stake", "5", "--variant", "loudest"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--since", "May"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--from-tally"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--forecast", "--no-market", "--subsidy", "5"),
        ("ask", "When?", "--terms", "It.", "--by", "June", "--forecast", "--no-market", "--half-by", "May"),
        ("bet", "q1"),
        ("stake", "q1", "March"),
        ("guess", "q1"),
        ("forecast", "q1"),
        ("forecast", "q1", "--by", "June"),
        ("forecast", "q1", "--by", "=50%", "--never", "5%"),
        ("forecast", "q1", "--by", "June=50%", "--family", "gamma"),
        ("forecast", "q1", "--by", "June=50%", "--half", "June"),
        ("forecast", "q1", "--family", "gamma", "--half", "June"),
        ("forecast", "q1", "--family", "cauchy", "--half", "June", "--most", "July"),
        ("note", "q1", "News"),
        ("show", "--server", "http://x", "--db", "y"),
        ("show", "--server", "http://x", "--as", "bob"),
        ("serve", "--port", "70000"),
        ("replay", "horses"),
        ("nonsense",),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert "Error" in result.stderr or "Usage" in result.stderr


def test_a_file_that_is_named_goes_before_a_server_in_the_environment(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYDAY_SERVER", "http://127.0.0.1:1")
    assert "dora" in good("players", "--db", str(db))
    assert run("players").exit_code == 1


def test_a_ruling_is_not_made_unless_it_is_confirmed(db: Path) -> None:
    question = asked(db)
    rule = ("rule", question, "2027-01-12", "09:30", "--evidence", "A photo", "--db", str(db))
    for typed in ("n\n", ""):
        result = run(*rule, typed=typed)
        assert result.exit_code == 1
        assert "bets that fall" in result.stdout
        assert "Nothing was done." in result.stderr
    assert json.loads(good("show", question, "--db", str(db), "--json"))["state"] == "open"
    assert json.loads(good(*rule, "--dry-run", "--json"))["bets_voided"] == 0
    assert json.loads(good("show", question, "--db", str(db), "--json"))["state"] == "open"
    assert "Ruled" in good(*rule, "--yes")
    assert json.loads(good("show", question, "--db", str(db), "--json"))["state"] == "settled"


def test_json_stays_json_while_a_ruling_is_confirmed(db: Path) -> None:
    question = asked(db)
    result = run("rule", question, "2027-01-12", "09:30", "--evidence", "A photo", "--db", str(db), "--json", typed="y\n")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["question"] == question
    assert "bets that fall" in result.stderr


def test_a_question_is_asked_in_the_crews_zone_unless_another_is_named(db: Path) -> None:
    ask = ("ask", "When?", "--terms", "It.", "--by", "June 2027", "--db", str(db), "--json")
    for zone, options in (("Europe/Zurich", ()), ("UTC", ("--zone", "utc"))):
        view = json.loads(good("show", json.loads(good(*ask, *options))["question"], "--db", str(db), "--json"))
        assert view["zone"] == zone
        assert 199.99 < float(view["subsidy"]) <= 200, "the page's default too"


# ---- files that people bring ---------------------------------------------------------------------------------------------------

CASES = """start,end
2020-01-01,2020-03-04
2021-01-01,"2021-06-01"
 1 May 2022 , 12 July 2022

2026-11-01,
"""


def test_a_question_opens_from_a_file_of_past_cases(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(CASES, encoding="utf-8-sig")
    ask = (*PLAYED, "--cases", str(path), "--db", str(db), "--as", "alice", "--json")
    opened = {}
    for since in ((), ("--since", "2026-11-15"), ("--never", "5%")):
        view = json.loads(good("show", json.loads(good(*ask, *since))["question"], "--db", str(db), "--json"))
        assert view["cases"] == 3
        opened[since[:1]] = view["curve"]["never"]
    assert opened["--never",] == pytest.approx(50_000, abs=2)
    assert len(set(opened.values())) == 3, "control: each says something of its own"
    text = good("show", json.loads(good(*ask))["question"], "--db", str(db))
    assert "opened from 3 past cases" in " ".join(text.split())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no case"),
        ("start,end\n", "holds no case"),
        ("2020-01-01,2020-03-04,yes", "Line 1 of cases.csv is not “start,end”."),
        (",2020-03-04", "Line 1 of cases.csv is not “start,end”."),
        ("start,end\n2020-01-01,2020-03-04\n31 April 2020,2020-05-05", "Line 3 of cases.csv cannot be read: “31 April 2020” does not exist"),
        ("NaN,1e400", "Line 1 of cases.csv cannot be read"),
        ("2020-03-04,2020-01-01", "Line 1 of cases.csv ends before it starts."),
        ("2020-03-04,2020-03-04", "Line 1 of cases.csv ends before it starts."),
        ("2020-03-04,2028-01-01", "Line 1 of cases.csv ends in the future."),
        ("2028-01-01,", "Line 1 of cases.csv starts in the future."),
        ("2020-01-01,2020-03-04", "at least 2 cases that are over"),
        ('"2020-01-01', "is not CSV"),
        ("2020-01-01,2020-03-04\n" * 10_001, "more than 10,000 lines"),
        ("2020-01-01,2020-03-04\n" * 200_000, "larger than 4 MB"),
        ("2020-01-01,2020-03-04\n" * 9_999, "larger than 64 KB"),
        (b"\xff\xfe\x00", "is not text"),
    ],
)
def test_a_file_of_cases_that_cannot_be_read_is_refused_by_its_line(db: Path, tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run(*PLAYED, "--cases", str(path), "--db", str(db), "--as", "alice")
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert json.loads(good("show", "--db", str(db), "--json")) == []


def test_a_case_that_began_after_the_origin_or_a_file_that_is_not_there_is_refused(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    assert "There is no" in run(*PLAYED, "--cases", str(path), "--db", str(db)).stderr
    path.write_text(CASES)
    assert "after the origin" in run(*PLAYED, "--cases", str(path), "--since", "2027-02-02", "--db", str(db)).stderr
    assert "31 April" in run(*PLAYED, "--cases", str(path), "--since", "31 April 2026", "--db", str(db)).stderr


def test_a_curve_is_stated_by_a_table_in_a_file(db: Path, tmp_path: Path) -> None:
    question = json.loads(good(*PLAYED, "--db", str(db), "--as", "alice", "--json"))["question"]
    path = tmp_path / "curve.csv"
    state = ("forecast", question, "--table", str(path), "--db", str(db), "--as", "bob")
    for content, said in (
        ("time,chance\nFebruary,50%\n31 April 2027,50%\nnever,0", "“31 April 2027” does not exist"),
        ("February\n", "Line 1 of curve.csv is not “time,chance”."),
        ("February,50%\nMarch,40%\nnever,10.00001%", "its chances make 100.00001 %, not 100 %"),
        ("February,50%\nMarch,-40%\nnever,10%", "below 0 %"),
        ("February,50%\nMarch,50%", "does not say the chance of never"),
        ("February,0\n" * 1_002 + "never,1", "more than 1,001 lines"),
        ("February,NaN\nnever,1", "“NaN”"),
    ):
        path.write_text(content)
        result = run(*state, "--stake", "5")
        assert (result.exit_code, result.stdout) == (1, ""), content[:80]
        assert said in result.stderr
    path.write_text("until,chance\nFebruary,50%\n15 March 2027,0.4\nnever,10%\n")
    assert "stake of 5 points" in good(*state, "--stake", "5")
    assert run(*state, "--never", "10%").exit_code == 2
    mine = json.loads(good("show", question, "--db", str(db), "--as", "bob", "--json"))["forecast"]["mine"]
    assert ([bar["chance"] for bar in mine["bars"]], mine["never"]) == ([500_000, 400_000, 0], 100_000)


def test_an_invitation_and_a_token_work_once_they_are_made(db: Path) -> None:
    made = good("invite", "--db", str(db), "--days", "2", "--uses", "3").splitlines()
    assert made[0].startswith("/join/")
    assert "Put in front of it" in made[1]
    for bounds in (("--days", "0"), ("--uses", "1000000")):
        assert "An invitation is good for 1 to 7 days and for 1 to 20 people." in run("invite", "--db", str(db), *bounds).stderr
    token = good("token", "my script", "--db", str(db), "--as", "bob").splitlines()[0]
    with served(db) as address:
        for link in (good("invite", "--db", str(db)), good("invite", "--db", str(db), "--json")):
            assert f"{address}/join/" in link, "the server's own address, through the socket beside the file"
        assert json.loads(good("me", "--server", address, "--token", token, "--json"))["name"] == "bob"
        assert run("me", "--server", address, "--token", "anyday_wrong").exit_code == 1
        assert run("me", "--server", address).exit_code == 1


def test_people_are_invited_by_name_tokens_are_for_less_and_somebody_is_erased(db: Path) -> None:
    here = ("--db", str(db))
    assert run("invite", "alice", *here).stderr.startswith("Alice is there already.")
    assert "Nobody on this server is called zoe." in run("invite", "zoe", *here).stderr
    assert run("invite", "alice", "--uses", "2", *here).exit_code == 2
    guest = json.loads(good("invite", "--guest", *here, "--json"))
    assert guest["path"].startswith("/join/")
    (out,) = json.loads(good("invitations", "--sent", *here, "--json"))
    assert (out["role"], out["name"]) == ("guest", None)
    assert out["id"] in good("invitations", "--sent", *here)
    assert good("invitations", *here).strip() == "None."
    assert run("invitations", "--sent", "--withdraw", out["id"], *here).exit_code == 2
    assert "no longer works" in good("invitations", "--withdraw", out["id"], *here)
    assert run("invitations", "--accept", out["id"], *here).exit_code == 1
    made = json.loads(good("token", "screen", "--rights", "read", *here, "--as", "bob", "--json"))
    (held,) = json.loads(good("tokens", *here, "--as", "bob", "--json"))
    assert (held["name"], held["rights"]) == ("screen", "read")
    with served(db) as address:
        program = ("--server", address, "--token", made["secret"])
        assert json.loads(good("me", *program, "--json"))["name"] == "bob"
        assert "it may only look" in run("ask", "When?", "--terms", "x", "--horizon", "2028-01-01", *program).stderr
    assert held["id"] in good("tokens", *here, "--as", "bob")
    assert "no longer works" in good("tokens", "--revoke", held["id"], *here, "--as", "bob")
    assert "Nothing was done" in run("erase", "bob", *here, typed="n\n").stderr
    assert "is erased" in run("erase", "bob", *here, typed="y\n").stdout
    assert "bob" not in good("players", *here)
    assert run("erase", "bob", "--yes", *here).exit_code == 1
    assert run("erase", "dora", "--yes", *here).exit_code == 1, "an owner with others hands the crew over first"


# ---- what is drawn -------------------------------------------------------------------------------------------------------------


def snapshot(name: str, text: str) -> None:
    """The text is what is kept; ANYDAY_SNAPSHOTS=write keeps a new one."""
    path = SNAPSHOTS / f"cli-{name}"
    if WRITE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; look at it, then run with ANYDAY_SNAPSHOTS=write"


@pytest.fixture
def story(db: Path, counted_secrets: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A question with two bets, three weeks on."""
    monkeypatch.setattr("anyday.service.writer._ID_ALPHABET", "q")
    question = asked(db)
    good("bet", question, "March 2027", "--points", "50", "--db", str(db), "--as", "bob")
    good("bet", question, "never", "--shares", "30", "--db", str(db), "--as", "bob")
    return db, question


LATER = Instant(NOW + 21 * DAY)


@pytest.mark.parametrize(("name", "width", "unicode"), [("show-80.txt", 80, True), ("show-40.txt", 40, True), ("show-ascii.txt", 60, False)])
def test_a_question_is_drawn_as_it_was(story: tuple[Path, str], name: str, width: int, unicode: bool) -> None:
    db, question = story
    text = good("show", question, "--db", str(db), "--as", "bob", at=LATER, width=width, unicode=unicode)
    snapshot(name, text)
    assert max(map(cells, text.splitlines())) <= width
    assert unicode or text.isascii()


def test_a_settled_question_shows_when_it_happened(story: tuple[Path, str]) -> None:
    db, question = story
    good("rule", question, "1 February 2027", "10:00", "--evidence", "A photo", "--yes", "--db", str(db), at=LATER)
    snapshot("show-settled.txt", good("show", question, "--db", str(db), "--as", "bob", at=LATER))
    assert " spent, got " in good("me", "--db", str(db), "--as", "bob", at=LATER)


@pytest.fixture
def played(db: Path, counted_secrets: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A question that is played in four ways, entered by two players."""
    monkeypatch.setattr("anyday.service.writer._ID_ALPHABET", "p")
    question = str(json.loads(good(*PLAYED, "--db", str(db), "--as", "alice", "--json"))["question"])
    for player, *words in (
        ("alice", "stake", question, "March 2027", "--points", "20"), ("bob", "stake", question, "April 2027", "--points", "12.5"),
        ("bob", "stake", question, "never", "--points", "3"), ("alice", "guess", question, "14 March 2027"),
        ("alice", "guess", question, "17 March 2027"), ("bob", "guess", question, "20 March 2027"), ("bob", "guess", question, "never"),
        ("alice", "forecast", question, "--by", "10 March=30%", "--by", "20 March=70%", "--never", "2%", "--stake", "10"),
        ("bob", "forecast", question, "--family", "lognormal", "--half", "10 March", "--most", "20 April", "--stake", "10"),
        ("bob", "note", question, "It went up one floor", "--near-miss", "--when", "11 January 2027", "--evidence", "The caretaker"),
    ):  # fmt: skip
        good(*words, "--db", str(db), "--as", player)
    return db, question


@pytest.mark.parametrize(("name", "width", "unicode"), [("plays-80.txt", 80, True), ("plays-40.txt", 40, True), ("plays-ascii.txt", 60, False)])
def test_every_way_to_play_is_drawn(played: tuple[Path, str], name: str, width: int, unicode: bool) -> None:
    db, question = played
    text = good("show", question, "--db", str(db), "--as", "bob", width=width, unicode=unicode)
    snapshot(name, text)
    assert max(map(cells, text.splitlines())) <= width
    assert unicode or text.isascii()


@pytest.mark.parametrize(("name", "width"), [("plays-closed-80.txt", 80), ("plays-closed-40.txt", 40)])
def test_once_entries_have_closed_every_pin_is_drawn_without_a_name(played: tuple[Path, str], name: str, width: int) -> None:
    db, question = played
    text = good("show", question, "--db", str(db), "--as", "dora", width=width, at=LATER)
    snapshot(name, text)
    assert max(map(cells, text.splitlines())) <= width
    assert "14 March" not in text


@pytest.mark.parametrize(("name", "width"), [("plays-settled-80.txt", 80), ("plays-settled-40.txt", 40)])
def test_a_settled_question_says_who_won_in_each_way(played: tuple[Path, str], name: str, width: int) -> None:
    db, question = played
    spring = Instant(NOW + 70 * DAY)
    good("rule", question, "16 March 2027", "--evidence", "A photo", "--yes", "--db", str(db), at=spring)
    text = good("show", question, "--db", str(db), "--as", "bob", width=width, at=spring)
    snapshot(name, text)
    assert max(map(cells, text.splitlines())) <= width


def test_nothing_of_what_is_sealed_is_shown_to_others(played: tuple[Path, str]) -> None:
    db, question = played
    shown = good("show", question, "--db", str(db), "--as", "dora") + good("show", question, "--db", str(db), "--as", "dora", "--json")
    good("guess", question, "1 April 2027", "--db", str(db), "--as", "bob")
    good("forecast", question, "--by", "April=50%", "--never", "50%", "--db", str(db), "--as", "bob")
    assert shown == good("show", question, "--db", str(db), "--as", "dora") + good("show", question, "--db", str(db), "--as", "dora", "--json")


def test_a_tote_of_many_slots_leaves_out_those_that_nobody_backs(db: Path) -> None:
    ask = (*PLAYED[:8], "--by", "2028-12-31", "--resolver", "dora", "--no-market", "--tote", "week", "--db", str(db), "--as", "alice", "--json")
    question = json.loads(good(*ask))["question"]
    good("stake", question, "1–7 March 2027", "--points", "5", "--db", str(db), "--as", "bob")
    text = good("show", question, "--db", str(db), "--as", "bob", width=40)
    assert "slots more that nobody backs" in text
    assert len(text.splitlines()) < 30


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [40, 57, 80, 200])
@pytest.mark.parametrize("count", [1, 5, 6, 400])
def test_pins_fit_their_screen_however_many_they_are(width: int, unicode: bool, count: int) -> None:
    guesses = [((place * 37 % 100) * DAY if place % 2 else 50 * DAY, place == 1) for place in range(count)]
    screen = Screen(width, unicode=unicode)
    for piled in (True, False):
        lines = draw.pins(guesses, 0, 100 * DAY, "UTC", screen, 99 * DAY, piled=piled)
        assert max(map(cells, lines)) <= width
        assert unicode or "\n".join(lines).isascii()
        assert any("you" in line for line in lines) == (count > 1)
        assert len(lines) <= 10


@pytest.mark.parametrize(("name", "width"), [("board-80.txt", 80), ("board-40.txt", 40)])
def test_the_board_is_a_table(story: tuple[Path, str], name: str, width: int) -> None:
    db, _ = story
    text = good("show", "--db", str(db), "--as", "bob", at=LATER, width=width)
    snapshot(name, text)
    assert max(map(cells, text.splitlines())) <= width


def test_an_empty_board_says_how_to_begin(db: Path) -> None:
    assert "anyday ask" in good("show", "--db", str(db))


def curve(**changes: Any) -> CurveView:
    """A curve of ten days, the last half of it likely."""
    bars = tuple(Bar(day * DAY, (day + 1) * DAY, 20_000 if day < 5 else 140_000) for day in range(10))
    whole = {
        "version": 1, "now": 0, "passed_until": 0, "origin": 0, "horizon": 10 * DAY, "bars": bars, "never": 200_000, "quantiles": {},
        "sentence": "", "smooth": False,
    }  # fmt: skip
    return CurveView(**{**whole, **changes})


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [40, 57, 80, 120, 200])
@pytest.mark.parametrize("at", [-DAY, 0, 3 * DAY, 10 * DAY - HOUR, 10 * DAY, 20 * DAY])
def test_a_drawing_fits_its_screen_whenever_it_is_drawn(width: int, unicode: bool, at: int) -> None:
    passed = min(10, max(0, at // DAY + 1))
    view = curve(now=at, passed_until=passed * DAY, bars=curve().bars[passed:])
    lines = draw.draw(view, "UTC", Grain.DAY, Screen(width, unicode=unicode))
    assert max(map(cells, lines)) <= width
    assert all(line == line.rstrip() or line.endswith(" ") for line in lines)
    assert unicode or "\n".join(lines).isascii()
    assert any("never" in line and "20 %" in line for line in lines)
    assert any("now" in line for line in lines) == (0 <= at < 10 * DAY)


def test_a_stretch_that_was_traded_as_one_piece_is_drawn_level() -> None:
    lines = draw.draw(curve(now=-DAY), "UTC", Grain.DAY, Screen(draw.GUTTER + 1 + 40))
    lowest = lines[draw.HEIGHT - 2][draw.GUTTER + 1 :]
    highest = lines[0][draw.GUTTER + 1 :]
    assert len(set(lowest[:20])) == len(set(lowest[20:])) == 1
    assert lowest[0] != lowest[20]
    assert highest.strip() == highest[20:]


def test_the_chance_drawn_is_all_the_chance_there_is() -> None:
    for columns in (31, 40, 191):
        assert sum(draw._columns(curve().bars, draw.Plot(0, 10 * DAY, columns))) == pytest.approx(0.8)
    assert draw._columns((), draw.Plot(0, DAY, 5)) == [0.0] * 5


def test_colours_never_change_the_words() -> None:
    plain, coloured = Screen(80), Screen(80, colour=True)
    view = curve(now=DAY, passed_until=2 * DAY, bars=curve().bars[2:])
    bare = [click.unstyle(line).rstrip() for line in draw.draw(view, "UTC", Grain.DAY, coloured)]
    assert bare == [line.rstrip() for line in draw.draw(view, "UTC", Grain.DAY, plain)]
    assert bare != draw.draw(view, "UTC", Grain.DAY, coloured)


def test_people_cannot_steer_the_terminal_with_their_words(db: Path) -> None:
    title = "When \x7f\x9b31m\u202egnikcart\u2066 ends?"
    ask = ("ask", title, "--terms", "It.\nAnd so on.", "--horizon", "2027-06-01", "--db", str(db), "--json")
    question = json.loads(good(*ask))["question"]
    for shown in (good("show", "--db", str(db)), good("show", question, "--db", str(db))):
        assert all(sign.isprintable() or sign == "\n" for sign in shown)
    assert clean("a\x1b[2Jb\u200fc\u00a0d\te") == "a\N{REPLACEMENT CHARACTER}[2Jbc d e"


def test_wide_signs_take_two_cells() -> None:
    assert cells("コーヒー") == 8
    assert wrap("コーヒー コーヒー", 9) == ["コーヒー", "コーヒー"]
    assert cut("コーヒー", 5) == "コー…"
    assert wrap("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


# ---- the keeper's commands -----------------------------------------------------------------------------------------------------


def test_verify_counts_what_it_checked_and_names_the_first_fault(story: tuple[Path, str]) -> None:
    db, question = story
    assert json.loads(good("verify", "--db", str(db), "--json")) == {"events": 7, "streams": 2, "charges": 2, "fault": None}
    assert "Everything follows from the log." in good("verify", "--db", str(db))
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE event SET payload = replace(payload, 'bob', 'bot') WHERE stream != 'crew' AND version = 3")
        connection.execute("UPDATE event SET payload = CAST(replace(CAST(payload AS TEXT), '30000000', '30000001') AS BLOB) WHERE version = 3")
    result = run("verify", "--db", str(db))
    assert result.exit_code == 1
    assert f"question/{question}, version 3" in result.stdout


def test_rebuild_makes_equal_rows_and_says_which_had_differed(story: tuple[Path, str]) -> None:
    db, _ = story
    assert json.loads(good("rebuild", "--db", str(db), "--json")) == {"events": 7, "equal": True, "differed": []}
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE account SET balance = balance + 1 WHERE account = 'house'")
    assert "account" in good("rebuild", "--db", str(db))
    assert "as they were" in good("rebuild", "--db", str(db))


def test_rebuild_waits_for_nobody_while_a_server_has_the_file(db: Path) -> None:
    with served(db):
        result = run("rebuild", "--db", str(db), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["type"] == "file_in_use"


def test_a_backup_of_a_file_in_use_is_whole_private_and_never_overwrites(db: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    with served(db):
        question = asked(db)
        assert str(target) in good("backup", str(target), "--db", str(db))
    assert question in good("show", "--db", str(target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    before = target.read_bytes()
    assert run("backup", str(target), "--db", str(db)).exit_code == 1
    assert target.read_bytes() == before
    assert run("backup", str(tmp_path / "nowhere" / "copy.db"), "--db", str(db)).exit_code == 1


def test_an_export_holds_every_event_as_it_is_stored_and_chained(story: tuple[Path, str], tmp_path: Path) -> None:
    from anyday.store import codec

    db, question = story
    lines = good("export", "--db", str(db)).splitlines()
    heads: dict[str, bytes] = {}
    for line in lines:
        event = json.loads(line)
        payload = line[line.index('"payload":') + len('"payload":') : -1].encode()
        assert list(event) == ["crew", "stream", "version", "hash", "payload"]
        head = codec.link(heads.get(event["stream"], codec.genesis(event["crew"], event["stream"])), payload)
        assert head.hex() == event["hash"]
        heads[event["stream"]] = head
    assert set(heads) == {"crew", f"question/{question}"}
    target = tmp_path / "log.jsonl"
    good("export", str(target), "--db", str(db))
    assert target.read_text(encoding="utf-8").splitlines() == lines
    assert run("export", str(target), "--db", str(db)).exit_code == 1


# ---- what goes wrong -----------------------------------------------------------------------------------------------------------

COMMANDS = (("show",), ("me",), ("verify",), ("rebuild",), ("export",), ("backup", "copy.db"), ("collect", "q1"))


@pytest.mark.parametrize("words", COMMANDS)
def test_a_file_that_is_not_there_is_said_and_not_made(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.exit_code == 1
    assert "There is no anyday.db here." in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [*COMMANDS, ("serve",), ("demo", "--port", "0")])
@pytest.mark.parametrize("content", ["text", "another program’s database"])
def test_a_file_of_another_program_is_never_written(words: tuple[str, ...], content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "theirs.db"
    if content == "text":
        path.write_text("This is a letter, and by no means a database. " * 100)
    else:
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE bookmark (address TEXT)")
    before = path.read_bytes()
    result = run(*words, "--db", str(path))
    assert result.exit_code == 1
    assert "is not a" in result.stderr
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_without_a_crew_says_where_to_begin(tmp_path: Path) -> None:
    path = tmp_path / "any.db"

    async def make() -> None:
        await (await Service.open(path, lambda: NOW, Settings())).close()

    asyncio.run(make())
    result = run("show", "--db", str(path))
    assert result.exit_code == 1
    assert "holds no crew yet" in result.stderr


def test_a_file_of_a_newer_schema_is_said_to_be_one(db: Path) -> None:
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("INSERT INTO step VALUES (99, 'from the future')")
    result = run("show", "--db", str(db))
    assert result.exit_code == 1
    assert "newer AnyDay" in result.stderr


def test_a_file_that_another_program_holds_without_answering_is_said_to_be_in_use(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anyday.store.database import Database

    monkeypatch.setattr(doors, "PATIENCE", 0.1)
    held = Database(db)
    try:
        result = run("show", "--db", str(db), "--json")
    finally:
        held.close()
    assert result.exit_code == 1
    assert json.loads(result.stdout)["type"] == "file_in_use"
    assert json.loads(result.stdout)["retry"] is True


@pytest.mark.parametrize(("server", "code"), [("http://127.0.0.1:1", "unreachable"), ("ftp://x", "not_an_address"), ("unix:/x", "not_an_address")])
def test_a_server_that_is_not_there_is_a_sentence(server: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("show", "--server", server, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["type"] == code
    assert run("show", "--server", server).stderr.count("\n") == 1


def _sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("whatever SQLite says")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (_sqlite(sqlite3.SQLITE_FULL), "disk_full"),
        (_sqlite(sqlite3.SQLITE_READONLY | 1 << 8), "read_only"),
        (_sqlite(sqlite3.SQLITE_CANTOPEN), "cannot_open"),
        (_sqlite(sqlite3.SQLITE_CORRUPT), "damaged"),
        (_sqlite(sqlite3.SQLITE_NOTADB), "not_a_database"),
        (OSError(errno.ENOSPC, "No space"), "disk_full"),
        (PermissionError(errno.EACCES, "No", "any.db.lock"), "no_permission"),
        (FileNotFoundError(errno.ENOENT, "No", "/nowhere/any.db"), "no_file"),
        (FileInUse("any.db"), "file_in_use"),
    ],
)
def test_what_can_be_foreseen_becomes_a_sentence_and_a_next_step(error: Exception, code: str) -> None:
    stop = foreseen(error, "any.db")
    assert stop is not None
    assert stop.code == code
    assert stop.sentence.endswith(".")
    assert stop.next_step.endswith(".")
    assert json.loads(stop.json())["type"] == code


def test_half_an_export_does_not_pass_for_one(db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(connection: sqlite3.Connection, out: Any) -> None:
        out.write(b"{}")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("anyday.cli.keeping._export", full)
    result = run("export", str(tmp_path / "log.jsonl"), "--db", str(db))
    assert result.exit_code == 1
    assert "disk is full" in result.stderr
    assert not (tmp_path / "log.jsonl").exists()


def test_a_disk_that_holds_no_sockets_does_not_stop_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unsupported(local: socket.socket, path: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(serving, "_bind_privately", unsupported)
    with serving.local_socket(tmp_path / "any.db.sock") as local:
        assert local is None
    assert "--server" in capsys.readouterr().err


def test_what_nobody_foresaw_is_not_dressed_up() -> None:
    assert foreseen(ZeroDivisionError()) is None
    assert foreseen(_sqlite(sqlite3.SQLITE_MISUSE)) is None


def test_ctrl_c_is_one_word_and_the_exit_code_that_shells_expect(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(where: doors.Where) -> doors.Door:
        raise KeyboardInterrupt

    monkeypatch.setattr(doors, "open_door", interrupted)
    result = run("show", "--db", str(db))
    assert (result.exit_code, result.stderr) == (130, "Stopped.\n")


def test_a_stop_says_what_and_then_what_to_do() -> None:
    assert str(Stop("x", "It is so.", "Do this.")) == "It is so. Do this."


# ---- as a program --------------------------------------------------------------------------------------------------------------

PROGRAM = (sys.executable, "-W", "error", "-c", "from anyday.cli import main; main(prog_name='anyday')")


def program(*args: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *args], cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=BOUND)


@contextlib.contextmanager
def server(db: Path, *args: str, command: str = "serve") -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """``anyday serve`` itself, and what it said when it was ready."""
    process = subprocess.Popen(
        [*PROGRAM, command, "--port", "0", "--json", "--db", str(db), *args],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate()


def page(address: str) -> int:
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=BOUND)
    connection.request("GET", parts.path or "/")
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_first_start_offers_the_first_account_and_a_stop_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    db = tmp_path / "any.db"
    with server(db) as (process, told):
        assert page(told["setup"]) == 200
        assert stat.S_IMODE(doors.socket_of(db).stat().st_mode) == 0o600
        assert stat.S_IMODE(db.stat().st_mode) == 0o600
        assert "holds no crew yet" in program("show", "--db", str(db), cwd=tmp_path).stderr
        process.send_signal(number)
        _, errors = process.communicate(timeout=BOUND)
    assert (process.returncode, errors) == (0, "")
    assert not doors.socket_of(db).exists()
    assert {path.name for path in tmp_path.iterdir()} == {"any.db", "any.db.lock"}


def test_a_server_ends_although_a_page_is_open(db: Path) -> None:
    question = asked(db)
    with server(db) as (process, _):
        watching = socket.socket(socket.AF_UNIX)
        watching.connect(str(doors.socket_of(db)))
        with contextlib.closing(watching):
            watching.sendall(f"GET /api/v1/questions/{question}/live HTTP/1.1\r\nhost: x\r\nx-anyday-as: bob\r\n\r\n".encode())
            assert b"200" in watching.recv(1_000)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=BOUND)
        assert process.returncode == 0


def test_commands_find_the_server_and_a_second_one_is_refused(db: Path, tmp_path: Path) -> None:
    with server(db) as (_, told):
        when = ("--grain", "month", "--origin", "2399-01-01", "--horizon", "2400-01-01")  # whatever day it is
        said = program("ask", "When?", "--terms", "It.", *when, "--db", str(db), cwd=tmp_path)
        assert said.returncode == 0, said.stderr
        assert told["setup"] is None
        second = program("serve", "--port", "0", "--db", str(db), cwd=tmp_path)
        assert (second.returncode, second.stdout) == (1, "")
        assert "has" in second.stderr
        assert "open already" in second.stderr
        port = told["address"].rpartition(":")[2]
        taken = program("serve", "--port", port, "--db", str(tmp_path / "other.db"), cwd=tmp_path)
        assert taken.returncode == 1
        assert f"Port {port} is in use already." in taken.stderr
        assert not (tmp_path / "other.db").exists()
        assert page(told["address"] + "/sign-in") == 200


def test_a_socket_that_a_dead_server_left_is_replaced(db: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(doors.socket_of(db)))
    left.close()
    assert "dora" in good("players", "--db", str(db))
    with server(db) as (process, _):
        assert doors.answers(doors.socket_of(db))
        process.kill()
        process.communicate()
    assert doors.socket_of(db).exists()
    assert "dora" in good("players", "--db", str(db))


def test_something_else_in_the_sockets_place_is_left_alone(db: Path, tmp_path: Path) -> None:
    doors.socket_of(db).write_text("mine")
    refused = program("serve", "--port", "0", "--db", str(db), cwd=tmp_path)
    assert refused.returncode == 1
    assert "is not a socket" in refused.stderr
    assert doors.socket_of(db).read_text() == "mine"


@pytest.mark.parametrize("host", ["256.1.1.1", "192.0.2.1"])
def test_a_host_that_this_machine_is_not_is_a_sentence(host: str, tmp_path: Path) -> None:
    refused = program("serve", "--host", host, "--port", "0", cwd=tmp_path)
    assert refused.returncode == 1
    assert "This machine" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_python_without_assertions_is_refused(db: Path, tmp_path: Path) -> None:
    refused = program("show", "--db", str(db), cwd=tmp_path, PYTHONOPTIMIZE="1")
    assert refused.returncode == 1
    assert "checks its invariants" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_setting_that_cannot_be_used_is_a_sentence(db: Path, tmp_path: Path) -> None:
    for words in (("serve", "--port", "0"), ("show",)):
        refused = program(*words, "--db", str(db), cwd=tmp_path, ANYDAY_BATCH="0")
        assert refused.returncode == 1
        assert refused.stderr.startswith("ANYDAY_BATCH must be between 1 and")


def test_a_reader_that_goes_away_early_is_no_accident(db: Path, tmp_path: Path) -> None:
    for number in range(40):
        good("grant", "bob", "1", "--reason", f"{number}" * 1_900, "--db", str(db))
    process = subprocess.Popen([*PROGRAM, "export", "--db", str(db)], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(BOUND)
    assert errors == b""


def test_a_terminal_without_utf8_gets_what_it_can_show(story: tuple[Path, str], tmp_path: Path) -> None:
    db, question = story
    plain = subprocess.run(
        [*PROGRAM, "show", question, "--db", str(db)], env=environment(PYTHONIOENCODING="latin-1"), capture_output=True, cwd=tmp_path, timeout=BOUND
    )
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout.decode("ascii")
    bare = program("show", question, "--db", str(db), cwd=tmp_path, NO_COLOR="1")
    assert bare.stdout.isascii()


def test_what_a_command_does_not_need_is_not_imported() -> None:
    code = "import sys; from anyday.cli import main; print(sorted(set(sys.modules) & {'uvicorn', 'rich', 'starlette', 'jinja2', 'uvloop', 'argon2'}))"
    shown = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=BOUND)
    assert shown.stdout.strip() == "[]"


def test_every_command_explains_itself() -> None:
    for name, command in main.commands.items():
        text = good(name, "--help")
        assert text.startswith("Usage:")
        assert command.short_help, name
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, f"{name} {option.name}"


def test_python_dash_m_is_the_command_line_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "anyday", "--version"]
    said = subprocess.run(command, env=environment(), capture_output=True, text=True, cwd=tmp_path, timeout=BOUND)
    assert said.stdout.startswith("AnyDay ")


# ---- the demo and the replays --------------------------------------------------------------------------------------------------


def demo_file(path: Path, day: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {serving.DEMO_MARK}")
        connection.execute(f"PRAGMA user_version = {day}")


def test_a_demo_is_made_once_a_day_and_signs_one_in(tmp_path: Path) -> None:
    db = tmp_path / "demo.db"
    demo_file(db, 20200101)
    made = []
    for _ in range(2):
        with server(db, command="demo") as (process, told):
            assert page(told["link"]) == 303
            made.append((db.stat().st_ino, serving.demo_day(db)))
            process.send_signal(signal.SIGINT)
            assert process.wait(BOUND) == 0
    assert made[0] == made[1] or made[0][1] != made[1][1], "the same file, unless midnight passed in between"
    assert made[0][1] != 20200101
    shown = json.loads(program("show", "--json", "--db", str(db), cwd=tmp_path).stdout)
    assert sum(card["section"] == "settled" for card in shown) >= 12
    assert sum(card["state"] == "open" for card in shown) >= 4
    assert json.loads(program("verify", "--json", "--db", str(db), cwd=tmp_path).stdout)["fault"] is None
    with server(db, "--fresh", command="demo"):
        assert db.stat().st_ino != made[0][0] or serving.demo_day(db) == made[0][1]


def test_a_demo_of_another_schema_is_thrown_away_even_if_it_is_of_today(tmp_path: Path) -> None:
    db = tmp_path / "demo.db"
    demo_file(db, int(datetime.now(UTC).strftime("%Y%m%d")))
    with contextlib.closing(sqlite3.connect(db)) as file:
        file.executescript("CREATE TABLE step (number INTEGER, checksum TEXT); INSERT INTO step VALUES (1, 'of another AnyDay')")
    made = db.stat().st_ino, db.read_bytes()
    with server(db, command="demo") as (_, told):
        assert page(told["link"]) == 303
    assert (db.stat().st_ino, db.read_bytes()) != made
    assert json.loads(program("verify", "--json", "--db", str(db), cwd=tmp_path).stdout)["fault"] is None


def test_a_crew_of_ones_own_is_never_taken_for_a_demo(db: Path) -> None:
    before = db.read_bytes()
    assert "is not a demo" in run("demo", "--fresh", "--port", "0", "--db", str(db)).stderr
    assert db.read_bytes() == before


def test_a_replay_prints_a_table_and_writes_what_it_found(tmp_path: Path) -> None:
    out = good("replay", "nenana", "--limit", "1", "--out", str(tmp_path))
    assert "market" in out
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".svg"}
    assert json.loads(good("replay", "nenana", "--limit", "1", "--json"))["cases"] == 1
    empty = run("replay", "cpython", "--data", str(tmp_path))
    assert empty.exit_code == 1
    assert empty.stderr


# ---- several crews -------------------------------------------------------------------------------------------------------------


def test_a_further_crew_is_opened_and_named_at_every_door(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = ("--db", str(db))
    opened = json.loads(good("crew", "open", "The choir", "--zone", "Europe/Oslo", *at, "--as", "alice", "--json"))
    assert (opened["name"], opened["role"]) == ("The choir", "owner")
    crew = opened["id"]
    assert good("crews", *at, "--as", "alice").splitlines() == ["crew        Coffee crew", f"{crew}  The choir, owner"]
    assert "Kelp is open" in good("crew", "open", "Kelp", *at, "--as", "bob")

    def there() -> None:
        assert "The choir" in good("me", *at, "--crew", crew), "without a name one is the owner of that crew"
        assert "Coffee crew" in good("me", *at), "and without a crew the owner of the first, in the first"
        refused = run("show", *at, "--crew", crew, "--as", "bob")
        missing = run("show", *at, "--crew", "nobodyscrew", "--as", "bob")
        assert refused.exit_code == missing.exit_code == 1 and refused.stderr == missing.stderr
        assert "holds no crew nobodyscrew" in run("show", *at, "--crew", "nobodyscrew").stderr

    there()
    question = json.loads(good(*ASK[:-1], "alice", *at, "--crew", crew, "--json"))["question"]
    with served(db) as address:
        there()
        monkeypatch.setenv("ANYDAY_CREW", crew)
        assert question in good("show", *at, "--as", "alice")
        token = good("token", *at, "--as", "alice").splitlines()[0]
        assert question in good("show", "--server", address, "--token", token)
        refused = run("show", "--server", address, "--token", token, "--crew", "crew")
        assert refused.exit_code == 1 and "no such crew" in refused.stderr, "a token is good in the crew that it was made for"
        first = good("token", *at, "--as", "alice", "--crew", "crew").splitlines()[0]
        assert question not in good("show", "--server", address, "--token", first, "--crew", "crew"), "what is typed goes before the environment"
        assert run("show", "--server", address, "--token", first).exit_code == 1, "control: which names the other crew"
    good("verify", *at)
