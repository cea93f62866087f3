"""The log: append at an expected version, read back in order, and the record of what was asked.

The unique key (crew, stream, version) is the lock: an append at a version that is taken changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from anyday.instants import FIRST_INSTANT, Instant
from anyday.rules.events import Event
from anyday.rules.ledger import CREW_STREAM
from anyday.store import codec
from anyday.store.database import Database


class Logged(NamedTuple):
    """One stored event. ``at`` is UTC microseconds, ``hash`` the chain's link after it."""

    crew: str
    stream: str
    version: int
    at: int
    payload: bytes
    hash: bytes

    @property
    def event(self) -> Event:
        """The event, decoded."""
        event = codec.decode(self.payload)
        assert self.version > 0, "versions begin with one"
        return event


class Asked(NamedTuple):
    """A command that took effect: its id, the hash of its body, and the reply that every retry gets."""

    crew: str
    actor: str
    id: str
    body: bytes
    reply: bytes
    at: int


class Clash(Exception):
    """Somebody else appended first; nothing was written."""


def append(connection: sqlite3.Connection, events: Sequence[Logged], commands: Sequence[Asked]) -> None:
    """Write events and commands inside the caller's transaction. Raises ``Clash`` where a version or an id is taken."""
    assert all(len(event.hash) == 32 and event.version > 0 for event in events), "every event is chained and numbered"
    try:
        connection.executemany("INSERT INTO event (crew, stream, version, at, payload, hash) VALUES (?, ?, ?, ?, ?, ?)", events)
        connection.executemany("INSERT INTO command VALUES (?, ?, ?, ?, ?, ?)", commands)
    except sqlite3.IntegrityError as error:
        raise Clash from error


def read(database: Database, crew: str, stream: str, after: int = 0) -> list[Logged]:
    """The events of a stream after a version, in order."""
    rows = database.read(
        "SELECT crew, stream, version, at, payload, hash FROM event WHERE crew = ? AND stream = ? AND version > ? ORDER BY version",
        (crew, stream, after),
    )
    logged = [Logged(*row) for row in rows]
    assert all(event.version == after + place for place, event in enumerate(logged, start=1)), "a stream has no gaps"
    return logged


def read_all(database: Database, crew: str, beginning: str) -> list[Logged]:
    """The events of all streams whose names begin so, in the order in which they were written."""
    assert beginning.endswith("/"), "a whole part of a name, so that no other begins with it"
    rows = database.read(
        "SELECT crew, stream, version, at, payload, hash FROM event WHERE crew = ? AND stream >= ? AND stream < ? ORDER BY seq",
        (crew, beginning, beginning[:-1] + "0"),  # "0" follows "/"
    )
    return [Logged(*row) for row in rows]


def heads(database: Database, crew: str, beginning: str) -> dict[str, bytes]:
    """The last link of every stream whose name begins so."""
    assert beginning.endswith("/"), "a whole part of a name, so that no other begins with it"
    sql = "SELECT stream, hash FROM event WHERE crew = ? AND stream >= ? AND stream < ? ORDER BY stream, version"
    return dict(database.read(sql, (crew, beginning, beginning[:-1] + "0")))  # of each stream the last one stays


def head(database: Database, crew: str, stream: str) -> tuple[int, bytes]:
    """The last version of a stream and its link of the chain; version zero for a stream that has not begun."""
    rows = database.read("SELECT version, hash FROM event WHERE crew = ? AND stream = ? ORDER BY version DESC LIMIT 1", (crew, stream))
    assert not rows or rows[0][0] > 0, "versions begin with one"
    return rows[0] if rows else (0, codec.genesis(crew, stream))


def crews(database: Database) -> list[str]:
    """The ids of all crews, in the order in which they were opened."""
    rows = database.read(_CREWS, (CREW_STREAM,))
    assert len({crew for (crew,) in rows}) == len(rows), "a crew opens once"
    return [crew for (crew,) in rows]


#: One look into the log's own key for each crew, however long its log is.
_CREWS: Final = (
    "WITH RECURSIVE known (crew) AS (SELECT MIN(crew) FROM event UNION ALL"
    " SELECT (SELECT MIN(crew) FROM event WHERE crew > known.crew) FROM known WHERE known.crew IS NOT NULL)"
    " SELECT v.crew FROM known JOIN event v ON v.crew = known.crew AND v.stream = ? AND v.version = 1 ORDER BY v.seq"
)


def latest(database: Database) -> Instant:
    """The time of the newest event, or the first instant there is: a log may begin long before 1970."""
    rows = database.read("SELECT MAX(at) FROM event")
    assert len(rows) == 1, "an aggregate is one row"
    return Instant(rows[0][0]) if rows[0][0] is not None else FIRST_INSTANT


def scan(connection: sqlite3.Connection) -> Iterator[Logged]:
    """All events in the order in which they were written."""
    for row in connection.execute("SELECT crew, stream, version, at, payload, hash FROM event ORDER BY seq"):
        logged = Logged(*row)
        assert len(logged.hash) == 32, "every event is chained"
        yield logged


def asked(database: Database, crew: str, actor: str, command_id: str) -> tuple[bytes, bytes] | None:
    """What is kept of a command: the hash of its body and its reply."""
    rows = database.read("SELECT body, reply FROM command WHERE crew = ? AND actor = ? AND id = ?", (crew, actor, command_id))
    assert len(rows) <= 1, "an id is taken once"
    return rows[0] if rows else None


def drop_commands(connection: sqlite3.Connection, before: int) -> None:
    """Let go of the replies to commands that were sent before an instant: nobody may retry them any more."""
    assert connection.in_transaction, "it happens inside the caller's transaction"
    connection.execute("DELETE FROM command WHERE at < ?", (before,))


def erase(connection: sqlite3.Connection, player: str) -> None:
    """Let go of the replies to a player's commands, and of the hashes of what they sent: from a hash one could find out a comment that was
    erased, by trying."""
    assert connection.in_transaction, "it happens inside the caller's transaction"
    connection.execute("DELETE FROM command WHERE actor = ?", (player,))
