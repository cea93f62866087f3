"""Whoever can write to the file can change it; ``verify`` says so, and names the first version that is not what it was."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from anyday.instants import DAY
from anyday.reads import project
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.service.audit import verify
from anyday.store import codec, log
from anyday.store.schema import READ_TABLES
from tests.world import World, hold, instant, run

POINT = 1_000_000
Receipts = list[tuple[str, int, str]]


async def history(path: Path) -> Receipts:
    """Two questions with a life behind them: bets, sales, collections, a closing, rulings, a correction, a grant."""
    async with World(path) as world:
        receipts = []
        await world.crew("olga", "alice", "bob", "carol", "rita")
        asked = [await world.ask("olga"), await world.ask("carol", subsidy_from="host", subsidy=80 * POINT)]
        steps: list[tuple[str, c.Command]] = []
        for question in asked:
            steps += [
                ("alice", c.Bet(question, "March", spend=50 * POINT)),
                ("bob", c.Bet(question, "not February", spend=70 * POINT)),
                ("alice", c.Bet(question, "before June", target=700_000)),
                ("bob", c.Sell(question, "April", shares=POINT)),
                ("alice", c.Sell(question, "March")),
            ]
        for who, command in steps:
            receipt = await world.do(who, command)
            receipts.append((receipt.stream, receipt.version, receipt.head))
            world.clock.move(DAY)
        world.clock.now = instant("2027-03-01")
        await world.do("bob", c.Collect(asked[0]))
        await world.do("rita", c.Close(asked[0]))
        world.clock.now = instant("2027-04-20")
        await world.do("rita", c.Rule(asked[0], "2027-04-10", "seen"))
        await world.do("rita", c.Correct(asked[0], "2027-04-12", "seen", "a slip"))
        await world.do("olga", c.Grant("alice", 5 * POINT, "a present"))
        await world.do("alice", c.Bet(asked[1], "May", spend=POINT))
        await entered(world)
        return receipts


async def entered(world: World) -> None:
    """A question that is played in every other way too, with a near miss, and a tally."""
    await world.do("olga", c.OpenTally("Rollbacks", "A rollback.", "2027-01-01"))
    (tally,) = [row[0] for row in world.service.database.read("SELECT id FROM tally")]
    for day in (3, 4, 7):
        await world.do("bob", c.Record(tally, f"2027-03-0{day} 10:00", "the log"))
    await world.do("bob", c.Strike(tally, 4, "counted twice"))
    question = await world.ask(
        "olga", origin="2027-05-01", horizon="2027-06-01", tote=c.ToteTerms("week", 100_000), closest=c.ClosestTerms(5 * POINT), forecast=True,
        tally=tally,
    )  # fmt: skip
    for number, who in enumerate(("alice", "bob", "carol"), start=1):
        await world.do(who, c.Stake(question, ("1-2 May", "10-16 May", "never")[number - 1], number * POINT))
        await world.do(who, c.Guess(question, f"{number + 9} May"))
        await world.do(who, c.Forecast(question, c.CurveQuantiles(((f"{number * 5} May", 400_000),), 100_000), number * POINT))
    await world.do("alice", c.Guess(question, "12 May"))
    for who in ("alice", "bob"):
        await world.do(who, c.Bet(question, "12 May", spend=POINT))
    world.clock.now = instant("2027-05-04")
    await world.do("alice", c.Note(question, "near_miss", "It nearly did.", "2027-05-03 12:00", "I was there."))
    await world.do("carol", c.Forecast(question, c.CurveQuantiles((("20 May", 500_000),), 200_000)))
    world.clock.now = instant("2027-05-20")
    await world.do("rita", c.Rule(question, "2027-05-12", "seen"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Receipts]:
    path = tmp_path_factory.mktemp("clean") / "clean.db"
    receipts = run(history(path))
    hold(path)
    return path, receipts


@contextlib.contextmanager
def editing(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def events(path: Path) -> list[log.Logged]:
    with editing(path) as connection:
        return list(log.scan(connection))


def copied(clean: tuple[Path, Receipts], tmp_path: Path, name: str = "tampered.db") -> Path:
    return Path(shutil.copy(clean[0], tmp_path / name))


def named(event: log.Logged) -> str:
    return f"{event.stream}, version {event.version}:"


def test_each_single_byte_of_each_payload_and_hash_counts(clean: tuple[Path, Receipts], tmp_path: Path, chance: random.Random) -> None:
    path = copied(clean, tmp_path)
    for event in events(path):
        for column, value in (("payload", event.payload), ("hash", event.hash)):
            for place in {0, len(value) - 1, *(chance.randrange(len(value)) for _ in range(3))}:
                flipped = bytearray(value)
                flipped[place] ^= 1 << chance.randrange(8)
                with editing(path) as connection:
                    sql = f"UPDATE event SET {column} = ? WHERE stream = ? AND version = ?"
                    connection.execute(sql, (bytes(flipped), event.stream, event.version))
                    fault = verify(path).fault
                    connection.execute(sql, (value, event.stream, event.version))
                assert fault is not None and fault.startswith(named(event)), f"{column} {place}: {fault}"
    hold(path)


def first_after(all_events: list[log.Logged], stream: str, version: int) -> log.Logged | None:
    return next((event for event in all_events if event.stream == stream and event.version > version), None)


def test_a_deleted_event_is_missed_at_the_next_version_of_its_stream(clean: tuple[Path, Receipts], tmp_path: Path) -> None:
    whole = events(clean[0])
    for place, event in enumerate(whole):
        path = copied(clean, tmp_path, f"{place}.db")
        with editing(path) as connection:
            connection.execute("DELETE FROM event WHERE stream = ? AND version = ?", (event.stream, event.version))
        fault = verify(path).fault
        following = first_after(whole, event.stream, event.version)
        if following is not None:
            assert fault is not None and (fault.startswith(named(following)) or place_of(whole, fault) < whole.index(following)), f"{event}: {fault}"
        else:
            found = fault is not None and (fault.startswith("the whole:") or "its root is not" in fault)
            assert found, f"the tail of {event.stream} is gone: {fault}"


def place_of(whole: list[log.Logged], fault: str) -> int:
    """Where in the file the event stands that a fault names: something that leaned on what was deleted."""
    return next((place for place, event in enumerate(whole) if fault.startswith(named(event))), len(whole))


def test_two_events_that_changed_places_are_noticed(clean: tuple[Path, Receipts], tmp_path: Path, chance: random.Random) -> None:
    whole = events(clean[0])
    for turn in range(30):
        path = copied(clean, tmp_path, f"{turn}.db")
        one, other = sorted(chance.sample(range(len(whole)), 2))
        a, b = whole[one], whole[other]
        with editing(path) as connection:
            for event, payload in ((a, b.payload), (b, a.payload)):
                sql = "UPDATE event SET payload = ? WHERE stream = ? AND version = ?"
                connection.execute(sql, (payload, event.stream, event.version))
        fault = verify(path).fault
        assert fault is not None and fault.startswith(named(a)), fault


def test_an_event_that_was_slipped_in_is_noticed(clean: tuple[Path, Receipts], tmp_path: Path) -> None:
    whole = events(clean[0])
    bet = next(event for event in whole if isinstance(event.event, e.BetPlaced))
    for number, version in enumerate((bet.version, 99)):
        path = copied(clean, tmp_path, f"{number}.db")
        with editing(path) as connection:
            if version == bet.version:  # make room, as somebody who knows the key would
                connection.execute("UPDATE event SET version = -version WHERE stream = ? AND version >= ?", (bet.stream, version))
                connection.execute("UPDATE event SET version = 1 - version WHERE stream = ? AND version < 0", (bet.stream,))
            values = (bet.stream, version, bet.at, bet.payload, bet.hash)
            connection.execute("INSERT INTO event (crew, stream, version, at, payload, hash) VALUES ('crew', ?, ?, ?, ?, ?)", values)
        fault = verify(path).fault
        assert fault is not None and fault.startswith(f"{bet.stream}, version"), fault


def rehashed(path: Path, stream: str, version: int, change: Callable[[e.Event], e.Event]) -> None:
    """What a careful forger does: change one event and hash the rest of its stream anew."""
    with editing(path) as connection:
        head = codec.genesis("crew", stream)
        for event in [event for event in log.scan(connection) if event.stream == stream]:
            payload = codec.encode(change(event.event)) if event.version == version else event.payload
            head = codec.link(head, payload)
            sql = "UPDATE event SET payload = ?, hash = ? WHERE stream = ? AND version = ?"
            connection.execute(sql, (payload, head, stream, event.version))


def forgeries() -> dict[str, tuple[type, Callable[[e.Event], e.Event]]]:
    replace = msgspec.structs.replace
    return {
        "a cheaper bet": (e.BetPlaced, lambda event: replace(event, charge=event.charge - 2)),
        "a dearer bet": (e.BetPlaced, lambda event: replace(event, charge=event.charge + 2)),
        "more shares": (e.BetPlaced, lambda event: replace(event, shares=event.shares + POINT)),
        "another window": (e.BetPlaced, lambda event: replace(event, first=event.first + 1)),
        "a window that runs backwards": (e.BetPlaced, lambda event: replace(event, first=event.last, last=event.first)),
        "a window far outside": (e.BetPlaced, lambda event: replace(event, first=10**9, last=10**9 + 1)),
        "shares beyond all bounds": (e.BetPlaced, lambda event: replace(event, shares=2**62, charge=2**61)),
        "no shares": (e.BetPlaced, lambda event: replace(event, shares=0)),
        "a floor that is not there": (e.BetPlaced, lambda event: replace(event, released=event.released + 1)),
        "a collection of more": (e.Collected, lambda event: replace(event, released=event.released + 1)),
        "a collection of less than nothing": (e.Collected, lambda event: replace(event, released=-5)),
        "another outcome": (e.Ruled, lambda event: replace(event, outcome=e.Outcome(True))),
        "an outcome before time began": (e.Ruled, lambda event: replace(event, outcome=e.Outcome(False, -(2**60), -(2**60) + 1))),
        "another cut": (e.Ruled, lambda event: replace(event, cut=(event.cut or 0) + 1)),
        "a line left out": (e.Settled, lambda event: posted(event, lambda lines: lines[:-1])),
        "two lines that changed hands": (e.Settled, lambda event: posted(event, lambda lines: lines[::-1])),
        "a house that keeps more": (e.Settled, lambda event: posted(event, house=1)),
        "a correction that pays more": (e.Corrected, lambda event: posted(event, house=-1)),
        "a deeper question": (e.QuestionOpened, lambda event: market(event, liquidity=event.market.liquidity + 1_000)),
        "a question without time": (e.QuestionOpened, lambda event: replace(event, lengths=())),
        "a subsidy from nowhere": (e.QuestionOpened, lambda event: market(event, subsidy=event.subsidy + 1)),
        "another stake on a slot": (e.Staked, lambda event: replace(event, amount=event.amount + 1)),
        "a stake on no slot": (e.Staked, lambda event: replace(event, first=event.first + 1, complement=False)),
        "a guess that costs more": (e.Guessed, lambda event: replace(event, stake=event.stake + 1)),
        "a guess of two grains": (e.Guessed, lambda event: replace(event, last=event.last + 1)),
        "another guess": (e.Guessed, lambda event: replace(event, first=0, last=1)),
        "a curve of more than everything": (e.ForecastStated, lambda event: replace(event, never=event.never + 1)),
        "a larger stake on a curve": (e.ForecastStated, lambda event: replace(event, stake=event.stake + 1)),
        "another root": (e.Unsealed, lambda event: replace(event, root="0" * 64)),
        "a later bell": (e.Unsealed, lambda event: replace(event, mechanism="tote")),
        "another score": (e.Scored, lambda event: replace(event, results=(*event.results, e.Result("alice", "forecast", 1)))),
        "another mark": (e.Scored, lambda event: replace(event, marks=(replace(event.marks[0], crps=event.marks[0].crps + 2), *event.marks[1:]))),
        "a mark left out": (e.Scored, lambda event: replace(event, marks=event.marks[:-1])),
        "a near miss by a stranger": (e.Noted, lambda event: replace(event, by="zoe")),
        "an occurrence ahead": (e.Occurred, lambda event: replace(event, start=event.at + 1, end=event.at + 2)),
        "an occurrence by a stranger": (e.Occurred, lambda event: replace(event, by="zoe")),
        "another occurrence struck out": (e.Struck, lambda event: replace(event, version=99)),
        "a tally kept by a stranger": (e.TallyOpened, lambda event: replace(event, keeper="zoe")),
        "an earlier bet": (e.BetPlaced, lambda event: replace(event, at=event.at - 1)),
        "another kind of event": (e.BetPlaced, lambda event: e.Closed(at=event.at, by="rita")),
        "a second opening": (e.BetPlaced, lambda event: e.PlayerJoined(at=event.at, player="zoe", grant=1, simulated=False, guest=False)),
        "a larger present": (e.Granted, lambda event: replace(event, amount=event.amount + 1)),
        "a present to nobody": (e.Granted, lambda event: replace(event, to="zoe")),
        "a joining grant of a million": (e.PlayerJoined, lambda event: replace(event, grant=10**12)),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(forgeries()))
def test_a_tail_that_was_hashed_anew_contradicts_the_rules_the_rows_or_a_receipt(name: str, clean: tuple[Path, Receipts], tmp_path: Path) -> None:
    """No receipt is needed where what was forged breaks a rule or a balance; every one of these does."""
    kind, change = forgeries()[name]
    whole = [event for event in events(clean[0]) if isinstance(event.event, kind)]
    for number, event in enumerate(whole):
        path = copied(clean, tmp_path, f"{number}.db")
        rehashed(path, event.stream, event.version, change)
        fault = verify(path).fault
        assert fault is not None, f"{event.stream} {event.version}"
        assert fault.startswith((f"{event.stream}, version", "the whole:", "crew, version", "question/", "tally/", "hidden/")), fault


def posted(event: e.Event, change: Callable[[tuple[e.Line, ...]], tuple[e.Line, ...]] = tuple, house: int = 0) -> e.Event:
    """The settlement with the lines or the house's part of its first book changed."""
    assert isinstance(event, e.Settled | e.Voided | e.Corrected)
    replace, (first, *rest) = msgspec.structs.replace, event.posted.books
    changed = replace(first, lines=change(first.lines), house=first.house + house)
    return replace(event, posted=replace(event.posted, books=(changed, *rest)))


def market(event: e.Event, **changed: int) -> e.Event:
    assert isinstance(event, e.QuestionOpened) and event.market is not None
    return msgspec.structs.replace(event, market=msgspec.structs.replace(event.market, **changed))


def swapped(posted: e.Posted) -> e.Posted:
    """The same points in all, some of them another player's."""
    replace, (first, *rest) = msgspec.structs.replace, posted.books
    return replace(posted, books=(replace(first, lines=exchanged(first.lines)), *rest))


def exchanged(lines: tuple[e.Line, ...]) -> tuple[e.Line, ...]:
    replace = msgspec.structs.replace
    return (replace(lines[0], returned=lines[0].returned + 5), *lines[1:-1], replace(lines[-1], returned=lines[-1].returned - 5))


def usurpations() -> dict[str, tuple[type, Callable[[e.Event], e.Event]]]:
    """What balances, and what no rule would have allowed."""
    replace = msgspec.structs.replace
    return {
        "a joining grant of a million": (e.PlayerJoined, lambda event: replace(event, grant=10**12)),
        "a present by somebody else": (e.Granted, lambda event: replace(event, by="bob")),
        "a present to nobody": (e.Granted, lambda event: replace(event, to="zoe")),
        "a present that repays what nobody owes": (e.Granted, lambda event: replace(event, repaid=5)),
        "a present that takes": (e.Granted, lambda event: replace(event, amount=-5, repaid=-5)),
        "another owner": (e.CrewOpened, lambda event: replace(event, owner="bob")),
        "a larger subsidy than the bound": (e.QuestionOpened, lambda event: market(event, subsidy=event.subsidy + 1)),
        "a stake by the resolver": (e.Staked, lambda event: replace(event, player="rita")),
        "a guess by a stranger": (e.Guessed, lambda event: replace(event, player="zoe")),
        "a forecast after the bell": (e.ForecastStated, lambda event: replace(event, stake=0 if event.stake else 7)),
        "a root of something else": (e.Unsealed, lambda event: replace(event, root="0" * 64)),
        "an invented score": (e.Scored, lambda event: replace(event, results=(*event.results, e.Result("bob", "closest", 0)))),
        "a near miss that lies ahead": (e.Noted, lambda event: replace(event, start=event.at + 1)),
        "a near miss by a stranger": (e.Noted, lambda event: replace(event, by="zoe")),
        "an occurrence by a stranger": (e.Occurred, lambda event: replace(event, by="zoe")),
        "an occurrence that no ruling told of": (e.Occurred, lambda event: replace(event, question="elsewhere")),
        "an occurrence before the tally began": (e.Occurred, lambda event: replace(event, start=0)),
        "a tally of a player's that the house pays": (
            e.TallyOpened, lambda event: replace(event, keeper="bob", next=e.Next("When?", "It does.", "day", 30, POINT, "house")),
        ),
        "an occurrence struck out by a player": (e.Struck, lambda event: replace(event, by="carol")),
        "a question for somebody else's tally": (e.QuestionOpened, lambda event: replace(event, tally="elsewhere")),
        "a tally from the future": (e.TallyOpened, lambda event: replace(event, since=event.at + 1)),
        "a resolver from elsewhere": (e.QuestionOpened, lambda event: replace(event, resolver="zoe")),
        "a bet by the resolver": (e.BetPlaced, lambda event: replace(event, player="rita")),
        "a bet by a stranger": (e.BetPlaced, lambda event: replace(event, player="zoe")),
        "a closing by a player": (e.Closed, lambda event: replace(event, by="bob")),
        "a ruling by a player": (e.Ruled, lambda event: replace(event, by="bob")),
        "a ruling by what is not known yet": (e.Ruled, lambda event: replace(event, known_at=event.at + 1)),
        "a correction by a player": (e.Corrected, lambda event: replace(event, by="bob")),
        "a correction that reverses something else": (e.Corrected, lambda event: replace(event, reversed=swapped(event.reversed))),
        "a correction that calls off and pays": (e.Corrected, lambda event: replace(event, void=True)),
        "a correction with another cut": (e.Corrected, lambda event: replace(event, cut=(event.cut or 0) + 1)),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(usurpations()))
def test_a_forger_who_makes_the_read_rows_anew_too_still_breaks_the_rules(name: str, clean: tuple[Path, Receipts], tmp_path: Path) -> None:
    """Then chains, postings and rows agree, and only the rules tell: each event must be one that they would have decided."""
    kind, change = usurpations()[name]
    for number, event in enumerate([event for event in events(clean[0]) if isinstance(event.event, kind)]):
        path = copied(clean, tmp_path, f"{number}.db")
        rehashed(path, event.stream, event.version, change)
        with editing(path) as connection, editing(path) as reader:
            connection.execute("BEGIN IMMEDIATE")
            try:
                project.rebuild(connection, reader)
            except (AssertionError, sqlite3.IntegrityError):
                connection.execute("ROLLBACK")  # nobody could make such rows
            else:
                connection.execute("COMMIT")
        fault = verify(path).fault
        assert fault is not None and ", version " in fault and "anyday rebuild" not in fault, f"{event.stream} {event.version}: {fault}"


def test_a_forgery_that_no_rule_can_see_is_caught_by_any_later_receipt_of_its_stream(clean: tuple[Path, Receipts], tmp_path: Path) -> None:
    """A charge one unit above is within the bounds of rounding: only who holds a receipt can tell. And receipts that hold
    say nothing against a file that nobody touched."""
    assert verify(clean[0], receipts=clean[1]).fault is None
    stream, version, _ = clean[1][1]
    path = copied(clean, tmp_path)
    rehashed(path, stream, version, lambda event: msgspec.structs.replace(event, player="carol"))
    for held in [receipt for receipt in clean[1] if receipt[0] == stream and receipt[1] >= version]:
        fault = verify(path, receipts=[held]).fault
        assert fault is not None
    path = copied(clean, tmp_path, "evidence.db")
    ruled = next(event for event in events(path) if isinstance(event.event, e.Ruled))
    rehashed(path, ruled.stream, ruled.version, lambda event: msgspec.structs.replace(event, evidence="not what was said"))
    assert verify(path).fault is None, "the words of the evidence break no rule: this is what receipts are for"
    held = (ruled.stream, ruled.version, ruled.hash.hex())
    assert verify(path, receipts=[held]).fault == f"{ruled.stream}, version {ruled.version}: its hash is not the one on the receipt"
    assert "a receipt names what is not there" in str(verify(clean[0], receipts=[(ruled.stream, 99, "00")]).fault)


@pytest.mark.parametrize(
    "sql",
    [
        # this makes a TEXT of the BLOB:
        "UPDATE event SET payload = replace(payload, '50000000', '10000000') WHERE CAST(payload AS TEXT) LIKE '%50000000%'",
        "UPDATE event SET hash = 'text' WHERE seq = 5",
        "UPDATE event SET payload = 7 WHERE seq = 5",
        "UPDATE event SET at = at + 1 WHERE seq = 5",
        "UPDATE event SET at = 'soon' WHERE seq = 5",
        "UPDATE event SET crew = 'other' WHERE seq = 5",
        "UPDATE event SET stream = 'elsewhere' WHERE seq = 9",
        "UPDATE event SET version = 'one' WHERE seq = 5",
        "UPDATE event SET seq = seq + 100 WHERE seq = 9",
        "DELETE FROM event",
        "DELETE FROM event WHERE seq = (SELECT MAX(seq) FROM event)",
        "DROP TABLE posting",
        "DROP TABLE event",
    ],
)
def test_whatever_is_written_into_the_file_by_hand_gets_a_verdict_and_never_a_traceback(
    sql: str, clean: tuple[Path, Receipts], tmp_path: Path
) -> None:
    path = copied(clean, tmp_path)
    with editing(path) as connection:
        connection.execute(sql)
    assert verify(path).fault is not None


@pytest.mark.parametrize("table", READ_TABLES)
def test_a_changed_read_row_is_noticed_in_every_table(table: str, clean: tuple[Path, Receipts], tmp_path: Path) -> None:
    """Purses are loaded from rows: one flow made smaller would be points to spend."""
    with editing(clean[0]) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[2] == "INTEGER"]
    for column in columns:
        for change in (f"UPDATE {table} SET {column} = {column} + 1000", f"DELETE FROM {table}"):
            path = copied(clean, tmp_path)
            with editing(path) as connection:
                connection.execute("PRAGMA ignore_check_constraints = ON")
                assert connection.execute(change).rowcount > 0
            fault = verify(path).fault
            assert fault is not None and "anyday rebuild" in fault, f"{table}.{column}: {fault}"


def test_a_file_with_garbled_pages_is_said_to_be_so(clean: tuple[Path, Receipts], tmp_path: Path, chance: random.Random) -> None:
    """Bytes flipped anywhere in the file: it is read as it was, or there is a verdict; wrong sums are never called right."""
    original = clean[0].read_bytes()
    whole, found = events(clean[0]), 0
    for turn in range(120):
        path = tmp_path / f"{turn}.db"
        garbled = bytearray(original)
        for _ in range(3):
            garbled[chance.randrange(100, len(garbled))] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(garbled))
        verdict = verify(path)
        if verdict.fault is None:
            assert sorted(events(path)) == sorted(whole) and verdict.events == len(whole)
        found += verdict.fault is not None
    assert found > 10, "some of them hit something"
