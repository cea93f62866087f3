"""Challenges: what a ceremony that leaves this server must bring back. Random, kept hashed, good once, for a few minutes, for one purpose."""

from __future__ import annotations

import secrets
import sqlite3
from typing import Final, NamedTuple

from anyday.instants import MINUTE
from anyday.people.passwords import LONGEST_SECRET, digest

LIFETIME: Final = 10 * MINUTE


class Challenge(NamedTuple):
    """What was kept with a challenge: for which player (none: for whoever it turns out to be), and what else the ceremony needs."""

    player: str | None
    data: str


def issue(connection: sqlite3.Connection, kind: str, player: str | None, data: str, now: int) -> str:
    """A new challenge of that kind: 256 bits, in letters that go into an address."""
    secret = secrets.token_urlsafe(32)
    connection.execute("DELETE FROM challenge WHERE expires_at<=?", (now,))
    connection.execute("INSERT INTO challenge VALUES (?, ?, ?, ?, ?)", (digest(secret), kind, player, data, now + LIFETIME))
    return secret


def take(connection: sqlite3.Connection, kind: str, secret: str, now: int) -> Challenge | None:
    """The challenge that came back, which is gone from then on; none where there is none of that kind, or its time is over."""
    if len(secret) > LONGEST_SECRET:
        return None
    found = "SELECT player, data FROM challenge WHERE secret=? AND kind=? AND expires_at>?"
    row = connection.execute(found, (digest(secret), kind, now)).fetchone()
    if row is None:
        return None
    connection.execute("DELETE FROM challenge WHERE secret=?", (digest(secret),))
    return Challenge(*row)
