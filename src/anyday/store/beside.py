"""Reading a file beside whoever has it open for writing: connections that cannot write, and what a file says of itself."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from anyday.rules.events import CrewOpened
from anyday.rules.ledger import CREW, CREW_STREAM
from anyday.store import codec, schema


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, whatever signs the path holds."""
    address = path.resolve().as_uri()
    assert "?" not in address, "what the path says is escaped, so that the mode is ours"
    return sqlite3.connect(f"{address}?mode=ro", uri=True)


@contextlib.contextmanager
def one_state(path: Path) -> Iterator[sqlite3.Connection]:
    """The same, for one state of the file, whatever is written meanwhile."""
    with contextlib.closing(read_only(path)) as connection:
        connection.execute("BEGIN")
        assert connection.in_transaction, "a state is kept as long as its transaction"
        yield connection


def is_ours(path: Path, *, or_empty: bool = False) -> bool:
    """Whether the file holds a log; with ``or_empty`` also where it holds nothing yet."""
    with contextlib.closing(read_only(path)) as connection:
        found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {"step", "event"} <= found or (or_empty and not found)


def is_current(path: Path) -> bool:
    """Whether the file has the tables that this program knows, neither older nor newer ones."""
    with contextlib.closing(read_only(path)) as connection:
        return schema.is_current(connection)


def events(connection: sqlite3.Connection) -> int:
    """How many events the log holds."""
    count = connection.execute("SELECT COUNT(*) FROM event").fetchone()[0]
    assert isinstance(count, int) and count >= 0, "an aggregate is one number"
    return count


def owner_name(path: Path, crew: str = CREW) -> str | None:
    """The name of a crew's owner; None where there is no such crew."""
    with contextlib.closing(read_only(path)) as connection:
        first = "SELECT payload FROM event WHERE crew = ? AND stream = ? AND version = 1"
        rows = connection.execute(first, (crew, CREW_STREAM)).fetchall()
        opened = codec.decode(rows[0][0]) if rows else None
        if not isinstance(opened, CrewOpened):
            return None
        names = connection.execute("SELECT name FROM person WHERE player = ? AND name IS NOT NULL", (opened.owner,)).fetchall()
    assert len(names) <= 1, "a player has one name"
    return str(names[0][0]) if names else None


def marks(path: Path) -> tuple[int, int]:
    """The two numbers of SQLite's header that a program may set: whose file it is, and one of its own."""
    with contextlib.closing(read_only(path)) as connection:
        whose, own = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    assert isinstance(whose, int) and isinstance(own, int), "the header holds numbers"
    return whose, own


def mark(path: Path, whose: int, own: int) -> None:
    """Set them, in a file that is made where it is not there."""
    assert 0 < whose < 2**31 and 0 <= own < 2**31, "the header has room for 31 bits"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {whose}")
        connection.execute(f"PRAGMA user_version = {own}")
