"""A player's inbox: every notice, the newest first, read or not, acknowledged or not."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from anyday.notify import outbox
from anyday.notify.notices import KINDS
from anyday.notify.outbox import Stored
from anyday.refusals import Reason, Refusal
from anyday.store.database import Database

PAGE: Final = 50
_URGENT: Final = ", ".join(f"'{kind.name}'" for kind in KINDS if kind.urgent)


class Line(NamedTuple):
    """A notice as the inbox has it."""

    kept: Stored
    read_at: int | None


class Counts(NamedTuple):
    """How many notices wait to be read, and how many urgent ones to be acknowledged."""

    unread: int
    urgent: int


def lines(database: Database, crew: str, player: str, before: int = 2**53, most: int = PAGE) -> list[Line]:
    """The notices before one, the newest first."""
    sql = f"SELECT {outbox.FIELDS}, read_at FROM notice WHERE crew=? AND player=? AND id<? ORDER BY id DESC LIMIT ?"
    return [Line(outbox.stored(row[:-1]), row[-1]) for row in database.read(sql, (crew, player, before, most))]


def counts(database: Database, crew: str, player: str) -> Counts:
    """How many are unread, and how many urgent ones nobody has acknowledged."""
    sql = f"SELECT count(*), COALESCE(SUM(acked_at IS NULL AND kind IN ({_URGENT})), 0) FROM notice WHERE crew=? AND player=? AND read_at IS NULL"
    return Counts(*database.read(sql, (crew, player))[0])


def read(connection: sqlite3.Connection, crew: str, player: str, now: int, upto: int, only: int | None = None) -> None:
    """Mark what came up to a notice as read, or only one. An urgent one stays unread until it is acknowledged. What was read need not
    come in a digest."""
    which, number = ("id=?", only) if only is not None else ("id<=?", upto)
    sql = f"UPDATE notice SET read_at=? WHERE crew=? AND player=? AND {which} AND read_at IS NULL AND kind NOT IN ({_URGENT})"
    connection.execute(sql, (now, crew, player, number))
    sql = (
        "UPDATE delivery SET state='dropped', next_at=NULL WHERE crew=? AND player=? AND state='collected' "
        "AND notice IN (SELECT id FROM notice WHERE crew=? AND player=? AND read_at=?)"
    )
    connection.execute(sql, (crew, player, crew, player, now))


def acknowledge(connection: sqlite3.Connection, crew: str, player: str, number: int, now: int) -> Refusal | None:
    """Say "I have seen it": an urgent notice comes no more, and what is on its way is let go of. Twice does no harm."""
    sql = f"SELECT 1 FROM notice WHERE crew=? AND player=? AND id=? AND kind IN ({_URGENT})"
    urgent = connection.execute(sql, (crew, player, number)).fetchone() is not None
    done = urgent and outbox.acknowledge(connection, crew, player, number, now)
    return None if done else Refusal(Reason.NOT_FOUND, what="message to acknowledge")
