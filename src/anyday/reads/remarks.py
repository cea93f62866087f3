"""The texts of comments: personal, so they stand beside the log and not in it, and can be erased. The log holds what binds them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from anyday.store.database import Database


class Remark(NamedTuple):
    """The text of the comment that stands in a stream with a version, and the salt of its hash."""

    crew: str
    stream: str
    version: int
    player: str
    salt: bytes
    text: str


def add(connection: sqlite3.Connection, texts: Sequence[Remark]) -> None:
    """Keep the texts of a batch inside its transaction."""
    if texts:
        connection.executemany("INSERT INTO remark VALUES (?, ?, ?, ?, ?, ?)", texts)


def texts(database: Database, crew: str, stream: str) -> dict[int, str]:
    """The texts that stand in a stream, by version; of what was erased there is none."""
    return dict(database.read("SELECT version, text FROM remark WHERE crew = ? AND stream = ?", (crew, stream)))


def erase(connection: sqlite3.Connection, player: str) -> None:
    """Everything that a player said, in every crew; inside the caller's transaction."""
    connection.execute("DELETE FROM remark WHERE player = ?", (player,))
