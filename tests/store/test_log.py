"""The laws of the log, whatever keeps it: the key is the lock, streams have no gaps, and every link follows from the last."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.store import codec, log
from anyday.store.database import Database
from tests.world import World, run

CREW, STREAM = "crew", "question/q1"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "log.db")
    yield opened
    opened.close()


def logged(count: int, *, first: int = 1, stream: str = STREAM, head: bytes | None = None) -> list[log.Logged]:
    """A run of chained events."""
    head = head or codec.genesis(CREW, stream)
    made = []
    for version in range(first, first + count):
        payload = codec.encode(e.Collected(at=version, player="alice", released=version))
        head = codec.link(head, payload)
        made.append(log.Logged(CREW, stream, version, version, payload, head))
    return made


def asked(name: str) -> log.Asked:
    return log.Asked(CREW, "alice", name, b"b" * 32, b"{}", 1)


def contents(database: Database) -> list[tuple[object, ...]]:
    return database.read("SELECT * FROM event ORDER BY seq") + database.read("SELECT * FROM command")


def append(database: Database, events: list[log.Logged], *commands: log.Asked) -> None:
    database.write_now(lambda connection: log.append(connection, events, commands))


def test_what_was_appended_is_read_back_in_order_and_after_any_version(database: Database) -> None:
    events = logged(20)
    append(database, events[:7])
    append(database, events[7:])
    assert log.read(database, CREW, STREAM) == events
    assert log.read(database, CREW, STREAM, after=13) == events[13:]
    assert log.read(database, CREW, STREAM, after=20) == log.read(database, CREW, "question/other") == log.read(database, "other", STREAM) == []


@pytest.mark.parametrize("first", [1, 3, 5])
def test_an_append_at_a_version_that_is_taken_changes_nothing(database: Database, first: int) -> None:
    append(database, logged(5), asked("one"))
    before = contents(database)
    with pytest.raises(log.Clash):
        append(database, logged(8, first=first), asked("two"))
    assert contents(database) == before, "not even the versions that were free, nor the command"


def test_a_command_id_that_is_taken_takes_its_events_down_with_it(database: Database) -> None:
    append(database, logged(2), asked("one"))
    before = contents(database)
    with pytest.raises(log.Clash):
        append(database, logged(4)[2:], asked("two"), asked("one"))
    assert contents(database) == before
    append(database, logged(4)[2:], log.Asked(CREW, "bob", "one", b"b" * 32, b"{}", 1))
    assert len(log.read(database, CREW, STREAM)) == 4, "an id belongs to its player"


def test_streams_do_not_lock_each_other(database: Database) -> None:
    append(database, logged(3) + logged(3, stream="crew") + logged(2, stream="question/q2"))
    assert [len(log.read(database, CREW, stream)) for stream in (STREAM, "crew", "question/q2")] == [3, 3, 2]


def test_a_gap_is_noticed_when_it_is_read(database: Database) -> None:
    append(database, [event for event in logged(5) if event.version != 3])
    with pytest.raises(AssertionError, match="no gaps"):
        log.read(database, CREW, STREAM)


def test_what_is_not_chained_or_numbered_is_never_written(database: Database) -> None:
    event = logged(1)[0]
    for broken in (event._replace(hash=b"short"), event._replace(version=0)):
        with pytest.raises(AssertionError, match="chained and numbered"):
            append(database, [broken])
    assert contents(database) == []


def test_a_transaction_that_breaks_in_the_middle_leaves_nothing(database: Database) -> None:
    def breaks(connection: object) -> None:
        log.append(connection, logged(3), [asked("one")])  # type: ignore[arg-type]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write_now(breaks)
    assert contents(database) == []
    append(database, logged(3))


def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.read("DELETE FROM event")


def test_the_chain_is_what_the_document_says_it_is(tmp_path: Path) -> None:
    """SHA-256 over the last hash and the payload as stored, from the crew's and the stream's name on; receipts name it."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            receipt = await world.do("alice", c.Bet(question, "March", spend=1_000_000))
            stream = f"question/{question}"
            head = hashlib.sha256(f"anyday\ncrew\n{stream}".encode()).digest()
            for event in log.read(world.service.database, "crew", stream):
                head = hashlib.sha256(head + event.payload).digest()
                assert event.hash == head
                assert msgspec.json.decode(event.payload)["at"] == event.at
            assert (receipt.stream, receipt.version, receipt.head) == (stream, 2, head.hex())

    run(story())


def test_a_commit_waits_for_the_disk(database: Database) -> None:
    """WAL with NORMAL keeps a file consistent and loses the last commits in a power cut: only FULL (2) may serve."""
    kept = database.write_now(lambda writer: (writer.execute("PRAGMA journal_mode").fetchone(), writer.execute("PRAGMA synchronous").fetchone()))
    assert kept == (("wal",), (2,))
