"""When something becomes due by itself, stream by stream: what the service waits for. A cache of what the log says, kept by the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from anyday.instants import Instant
from anyday.rules.ledger import question_stream
from anyday.store.database import Database


def note(connection: sqlite3.Connection, due: Mapping[tuple[str, str], Instant | None]) -> None:
    """Remember when something is due next in each stream that has moved (UTC microseconds), inside the batch's transaction."""
    if due:
        connection.executemany("DELETE FROM due WHERE crew = ? AND stream = ?", list(due))
        connection.executemany("INSERT INTO due VALUES (?, ?, ?)", [(*key, at) for key, at in due.items() if at is not None])


def next_due(database: Database) -> Instant | None:
    """When the next thing is due, whatever it is."""
    rows = database.read("SELECT MIN(at) FROM due")
    return Instant(rows[0][0]) if rows[0][0] is not None else None


def waiting(database: Database, now: Instant, most: int = 200) -> list[tuple[str, str]]:
    """The crews and streams in which something is due by now, the longest overdue first."""
    return [(crew, stream) for crew, stream in database.read("SELECT crew, stream FROM due WHERE at <= ? ORDER BY at LIMIT ?", (now, most))]


def unknown(database: Database) -> list[tuple[str, str]]:
    """The questions of older files of which nothing is remembered: their crews and ids."""
    rows = database.read(
        "SELECT q.crew, q.id FROM question q WHERE q.state NOT IN ('settled', 'void')"
        " AND NOT EXISTS (SELECT 1 FROM due d WHERE d.crew = q.crew AND d.stream = ? || q.id)",
        (question_stream("x")[:-1],),
    )
    return [(crew, question) for crew, question in rows]
