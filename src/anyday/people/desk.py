"""What everything about people shares: the file, the clock, the settings, the caches, and how a session begins and ends.

Reads run on the caller's thread; writes are one transaction each on the writer's thread. Caches hold committed state
only and are dropped by the method that changes it (one process writes the file, so nobody else can).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from anyday.instants import DAY, Instant
from anyday.people import limiter
from anyday.people.names import name_key
from anyday.people.passwords import LONGEST_SECRET, Passwords, digest, new_session
from anyday.refusals import Reason, Refusal
from anyday.settings import Settings
from anyday.store.database import Database, WriteFailed

T = TypeVar("T")
_V = TypeVar("_V")

#: However often it is renewed, a session ends here, and people sign in again.
LONGEST_SESSION_DAYS: Final = 365
MOST_SESSIONS: Final = 50
#: The address of whoever is on the machine itself: the command line, the demo.
ON_THE_MACHINE: Final = "local"

_CACHED: Final = 4_096

#: Takes away what a room keeps of a player, in the transaction that erases them.
Eraser = Callable[[sqlite3.Connection, str], None]


@dataclass(frozen=True, slots=True)
class Issued:
    """A secret shown once, and when it ends (UTC microseconds)."""

    secret: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has just begun."""

    player: str
    secret: str
    expires_at: int


class Desk:
    """The people of this server, as far as every part of them needs. ``clock`` gives UTC microseconds."""

    def __init__(self, database: Database, clock: Callable[[], Instant], settings: Settings) -> None:
        self._database, self._clock, self._settings = database, clock, settings
        self._passwords = Passwords(cheap=settings.weak_hash_for_tests)
        self._names: dict[str, str] = {}
        self._players: dict[str, str] = {}
        known = "SELECT player, name, name_key FROM person WHERE name IS NOT NULL ORDER BY created_at, player"
        for player, name, key in database.read(known):
            self._learn(player, name, key)
        self._sessions: dict[bytes, tuple[str, int, int]] = {}
        self._tokens: dict[bytes, tuple[str, str, str, int]] = {}
        #: What other rooms keep of a player goes by these, in the same transaction.
        self.erasers: list[Eraser] = []

    def player_of(self, name: str) -> str | None:
        """The player called so, whatever the case."""
        return self._players.get(name_key(name.strip())) if len(name) <= LONGEST_SECRET else None

    def _learn(self, player: str, name: str, key: str) -> None:
        self._names[player] = name
        self._players[key] = player

    def _forget_sessions(self) -> None:
        self._sessions.clear()
        self._tokens.clear()

    async def _write(self, work: Callable[[sqlite3.Connection], T | Refusal]) -> T | Refusal:
        try:
            return await self._database.write(work)
        except WriteFailed as failed:
            return failed.refusal

    async def _count(self, *tried: limiter.Subject) -> int | Refusal:
        """Count a try before anything is done about it, so that tries side by side are counted too."""
        return await self._write(lambda connection: limiter.count(connection, tried, self._clock()))

    # sessions

    async def _begin(self, player: str) -> SignedIn | Refusal:
        begun = await self._write(lambda connection: self._begin_session(connection, player))
        self._sessions.clear()  # the oldest of very many may have ended
        return begun

    def _renewed(self, created_at: int, now: int) -> int:
        """When a session used now ends: it slides, up to a last day."""
        return min(now + self._settings.session_days * DAY, created_at + LONGEST_SESSION_DAYS * DAY)

    def _begin_session(self, connection: sqlite3.Connection, player: str) -> SignedIn | Refusal:
        # looked at where nobody can come in between: an account may be erased while somebody signs in to it
        if not connection.execute("SELECT 1 FROM person WHERE player=? AND name IS NOT NULL", (player,)).fetchone():
            return Refusal(Reason.WRONG_PASSWORD)
        now, secret = self._clock(), new_session()
        expires_at = self._renewed(now, now)
        connection.execute("DELETE FROM session WHERE expires_at<=?", (now,))
        connection.execute("INSERT INTO session VALUES (?, ?, ?, ?)", (digest(secret), player, now, expires_at))
        extra = "SELECT secret FROM session WHERE player=? ORDER BY created_at DESC, secret LIMIT -1 OFFSET ?"
        for (old,) in connection.execute(extra, (player, MOST_SESSIONS)).fetchall():
            connection.execute("DELETE FROM session WHERE secret=?", (old,))
        return SignedIn(player, secret, expires_at)

    def _end_sessions(self, connection: sqlite3.Connection, player: str, keep: str = "") -> None:
        """End a player's sessions: all, but for the one that asks for a change of how they sign in."""
        connection.execute("DELETE FROM session WHERE player=? AND secret<>?", (player, digest(keep)))

    def more_than_one_way(self, player: str, connection: sqlite3.Connection | None = None, without: int = 1) -> bool:
        """Whether a player has another way to sign in when so many are taken away. An identity counts as long as its issuer is asked here."""
        ways = (
            "SELECT (SELECT count(*) FROM person WHERE player=?1 AND password IS NOT NULL)"
            " + (SELECT count(*) FROM passkey WHERE player=?1) + (SELECT count(*) FROM identity WHERE player=?1 AND issuer=?2)"
        )
        asked = (player, self._settings.oidc_issuer)
        rows = self._database.read(ways, asked) if connection is None else connection.execute(ways, asked).fetchall()
        return int(rows[0][0]) > without


def id_of(secret: bytes) -> str:
    """By what its holder knows something whose secret is kept hashed: the start of the hash."""
    return secret.hex()[:16]


#: The same in a query.
BY_ID: Final = "lower(substr(hex(secret), 1, 16))"


def remember(cache: dict[bytes, _V], key: bytes, value: _V) -> None:
    """Keep what was read, as long as there is room."""
    if len(cache) >= _CACHED:
        cache.clear()
    cache[key] = value
