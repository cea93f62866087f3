"""People: accounts, sign-in, sessions, bearer tokens, invitations. Plain tables outside the log, so that they can be erased.

The log knows players by opaque ids; what they are called and how they prove it is only here. Secrets are kept hashed.
Reads run on the caller's thread; writes are one transaction each on the writer's thread. Caches hold committed state
only and are dropped by the method that changes it (one process writes the file, so nobody else can).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from anyday.instants import DAY, Instant
from anyday.people import limiter
from anyday.people.names import check_name, name_key
from anyday.people.passwords import LONGEST_SECRET, Passwords, check_password, digest, new_invitation, new_player, new_session, new_token
from anyday.refusals import Reason, Refusal
from anyday.rules.ledger import CREW
from anyday.settings import Settings
from anyday.store.database import Database, WriteFailed

T = TypeVar("T")

#: However often it is renewed, a session ends here, and people sign in again.
LONGEST_SESSION_DAYS: Final = 365
MOST_SESSIONS: Final = 50
MOST_TOKENS: Final = 20

_CACHED: Final = 4_096


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


@dataclass(frozen=True, slots=True)
class Session:
    """A session or token as it stands: whose it is and when it ends; ``stale`` asks for ``renew``."""

    player: str
    expires_at: int
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that can still be used: ``setup`` for the first account, ``join``, or ``link`` for one player's sign-in."""

    kind: str
    player: str | None
    by: str | None
    uses_left: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as its owner sees it: never its secret. ``id`` is the start of its hash."""

    id: str
    name: str
    created_at: int
    expires_at: int


class People:
    """The people of one crew. ``clock`` gives UTC microseconds."""

    def __init__(self, database: Database, clock: Callable[[], Instant], settings: Settings, crew: str = CREW) -> None:
        self._database, self._clock, self._settings, self._crew = database, clock, settings, crew
        self._passwords = Passwords(cheap=settings.weak_hash_for_tests)
        self._names: dict[str, str] = {}
        self._players: dict[str, str] = {}
        for player, name, key in database.read("SELECT player, name, name_key FROM person WHERE crew=? ORDER BY created_at, player", (crew,)):
            self._learn(player, name, key)
        self._sessions: dict[bytes, tuple[str, int, int]] = {}
        self._tokens: dict[bytes, tuple[str, int]] = {}

    def close(self) -> None:
        """Stop the hashing threads."""
        self._passwords.close()

    # names

    def name_of(self, player: str) -> str:
        """What a player is called; ``somebody`` for one who is not known here (any more)."""
        return self._names.get(player, "somebody")

    def player_of(self, name: str) -> str | None:
        """The player called so, whatever the case."""
        return self._players.get(name_key(name.strip())) if len(name) <= LONGEST_SECRET else None

    def names(self) -> Mapping[str, str]:
        """Every player's name by player id, in the order in which they came."""
        return MappingProxyType(self._names)

    # invitations

    async def setup_secret(self) -> str | None:
        """A new secret for creating the first account, replacing any before it; none once somebody is here. Raises ``WriteFailed``."""
        if self._names:
            return None
        issued = Issued(new_invitation(), self._clock() + 7 * DAY)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM invitation WHERE crew=? AND kind='setup'", (self._crew,))
            self._keep_invitation(connection, issued, "setup", None, None, 1)

        await self._database.write(work)
        return issued.secret

    async def invite(self, by: str, *, days: int | None = None, uses: int | None = None) -> Issued | Refusal:
        """A new invitation to join, good for ``days`` and ``uses``: at the most, and unless stated, what the settings say."""
        most_days, most_uses = self._settings.invitation_days, self._settings.invitation_uses
        days, uses = most_days if days is None else days, most_uses if uses is None else uses
        if not (1 <= days <= most_days and 1 <= uses <= most_uses):
            return Refusal(Reason.INVITE_BOUNDS, days=most_days, uses=most_uses)
        return await self._issue("join", by=by, player=None, days=days, uses=uses)

    async def link(self, player: str, *, days: int = 1) -> Issued | Refusal:
        """A link that signs ``player`` in each time it is opened until it expires: for the demo, and for an operator's own use."""
        assert 1 <= days <= LONGEST_SESSION_DAYS, "whoever issues a link bounds it"
        if player not in self._names:
            return Refusal(Reason.NOT_FOUND, what="player")
        return await self._issue("link", by=None, player=player, days=days, uses=1)

    def invitation(self, secret: str, kind: str) -> Invitation | Refusal:
        """The invitation behind a secret, if it can be used still and is of that kind."""
        found = self._database.read(_INVITATION, (self._crew, digest(secret))) if len(secret) <= LONGEST_SECRET else []
        return self._usable(found[0] if found else None, kind)

    # accounts

    async def sign_up(self, secret: str, kind: str, name: str, password: str) -> SignedIn | Refusal:
        """Use a ``setup`` or ``join`` invitation: a new account and its first session, or nothing at all."""
        checked = self.invitation(secret, kind)
        if isinstance(checked, Refusal):
            return checked
        kept_name, kept_password = check_name(name), check_password(password)
        if isinstance(kept_name, Refusal):
            return kept_name
        if isinstance(kept_password, Refusal):
            return kept_password
        if self.player_of(kept_name) is not None:
            return Refusal(Reason.NAME_TAKEN, name=kept_name)
        hashed = await self._passwords.hash(kept_password)
        if isinstance(hashed, Refusal):
            return hashed
        player, key = new_player(), name_key(kept_name)

        def work(connection: sqlite3.Connection) -> SignedIn | Refusal:
            # Everything is checked again where nobody can come in between: two may hold the same invitation or want the same name.
            row = connection.execute(_INVITATION, (self._crew, digest(secret))).fetchone()
            usable = self._usable(row, kind)
            if isinstance(usable, Refusal):
                return usable
            anybody = connection.execute("SELECT 1 FROM person WHERE crew=? LIMIT 1", (self._crew,)).fetchone()
            if kind == "setup" and anybody:
                return Refusal(Reason.INVITE_SPENT)
            if connection.execute("SELECT 1 FROM person WHERE crew=? AND name_key=?", (self._crew, key)).fetchone():
                return Refusal(Reason.NAME_TAKEN, name=kept_name)
            connection.execute("UPDATE invitation SET uses_left=uses_left-1 WHERE crew=? AND secret=?", (self._crew, digest(secret)))
            self._keep_person(connection, player, kept_name, hashed)
            return self._begin_session(connection, player)

        begun = await self._write(work)
        if isinstance(begun, SignedIn):
            self._learn(player, kept_name, key)
        return begun

    async def add_player(self, name: str) -> str | Refusal:
        """A player without a password: a simulated one, or one who signs in by link only. The player's id."""
        kept = check_name(name)
        if isinstance(kept, Refusal):
            return kept
        player, key = new_player(), name_key(kept)

        def work(connection: sqlite3.Connection) -> str | Refusal:
            if connection.execute("SELECT 1 FROM person WHERE crew=? AND name_key=?", (self._crew, key)).fetchone():
                return Refusal(Reason.NAME_TAKEN, name=kept)
            self._keep_person(connection, player, kept, None)
            return player

        added = await self._write(work)
        if isinstance(added, str):
            self._learn(player, kept, key)
        return added

    async def change_password(self, player: str, old: str, new: str, address: str) -> SignedIn | Refusal:
        """A new password in place of the old one. Every session and token of the player ends; one new session begins."""
        kept = check_password(new)
        if isinstance(kept, Refusal):
            return kept
        right = await self._try_password(self.name_of(player), old, address)
        if isinstance(right, Refusal):
            return right
        hashed = await self._passwords.hash(kept)
        if isinstance(hashed, Refusal):
            return hashed

        def work(connection: sqlite3.Connection) -> SignedIn | Refusal:
            connection.execute("UPDATE person SET password=? WHERE crew=? AND player=?", (hashed, self._crew, player))
            for table in ("session", "token"):
                connection.execute(f"DELETE FROM {table} WHERE crew=? AND player=?", (self._crew, player))
            return self._begin_session(connection, player)

        begun = await self._write(work)
        self._forget()
        return begun

    # sign-in and sessions

    async def sign_in(self, name: str, password: str, address: str) -> SignedIn | Refusal:
        """A new session. The same refusal, after the same work, whether the name is unknown or the password is wrong.

        ``address`` is where the request came from; tries are counted in the database for the name and for the address.
        """
        player = await self._try_password(name, password, address)
        if isinstance(player, Refusal):
            return player
        return await self._begin(player)

    async def open_link(self, secret: str) -> SignedIn | Refusal:
        """A new session for the player of a ``link``."""
        found = self.invitation(secret, "link")
        if isinstance(found, Refusal):
            return found
        assert found.player is not None, "a link is bound to its player"
        return await self._begin(found.player)

    def session(self, secret: str) -> Session | None:
        """The session behind a cookie's secret, if it holds."""
        if len(secret) > LONGEST_SECRET:
            return None
        key = digest(secret)
        kept = self._sessions.get(key)
        if kept is None:
            rows = self._database.read("SELECT player, created_at, expires_at FROM session WHERE crew=? AND secret=?", (self._crew, key))
            if not rows:
                return None
            kept = rows[0]
            _remember(self._sessions, key, kept)
        player, created_at, expires_at = kept
        now = self._clock()
        if expires_at <= now:
            return None
        return Session(player, expires_at, stale=self._renewed(created_at, now) - expires_at > DAY)

    async def renew(self, secret: str) -> None:
        """Let a stale session slide on; nothing changes where it has ended meanwhile. A full disk leaves it as it is."""
        key = digest(secret)

        def work(connection: sqlite3.Connection) -> None:
            now = self._clock()
            row = connection.execute("SELECT created_at FROM session WHERE crew=? AND secret=?", (self._crew, key)).fetchone()
            if row:
                later = self._renewed(row[0], now)
                connection.execute("UPDATE session SET expires_at=? WHERE crew=? AND secret=? AND expires_at>?", (later, self._crew, key, now))

        await self._write(work)
        self._sessions.pop(key, None)

    async def sign_out(self, secret: str) -> Refusal | None:
        """End one session."""
        key = digest(secret)
        ended = await self._write(lambda c: c.execute("DELETE FROM session WHERE crew=? AND secret=?", (self._crew, key)).rowcount)
        self._sessions.pop(key, None)
        return ended if isinstance(ended, Refusal) else None

    # bearer tokens

    async def new_token(self, player: str, name: str, *, days: int | None = None) -> Issued | Refusal:
        """A bearer token for programs; its secret is returned here and never again."""
        if not name.strip():
            return Refusal(Reason.TEXT_MISSING, name="the token's name")
        if len(name) > 64:
            return Refusal(Reason.TEXT_TOO_LONG, name="the token's name", limit=64)
        most = self._settings.token_days
        days = most if days is None else days
        if not 1 <= days <= most:
            return Refusal(Reason.MALFORMED, detail=f"a token is good for 1 to {most} days")
        now = self._clock()
        issued = Issued(new_token(), now + days * DAY)

        def work(connection: sqlite3.Connection) -> Issued | Refusal:
            connection.execute("DELETE FROM token WHERE crew=? AND expires_at<=?", (self._crew, now))
            held = connection.execute("SELECT count(*) FROM token WHERE crew=? AND player=?", (self._crew, player)).fetchone()[0]
            if held >= MOST_TOKENS:
                return Refusal(Reason.MALFORMED, detail=f"you hold {MOST_TOKENS} tokens already; revoke one first")
            row = (self._crew, digest(issued.secret), player, name.strip(), now, issued.expires_at)
            connection.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)", row)
            return issued

        return await self._write(work)

    def token(self, secret: str) -> Session | None:
        """Whose a bearer token is, if it holds."""
        if len(secret) > LONGEST_SECRET:
            return None
        key = digest(secret)
        kept = self._tokens.get(key)
        if kept is None:
            rows = self._database.read("SELECT player, expires_at FROM token WHERE crew=? AND secret=?", (self._crew, key))
            if not rows:
                return None
            kept = rows[0]
            _remember(self._tokens, key, kept)
        return Session(*kept) if kept[1] > self._clock() else None

    def tokens(self, player: str) -> tuple[Token, ...]:
        """A player's tokens that hold, the newest first, without their secrets."""
        rows = self._database.read(_TOKENS, (self._crew, player, self._clock()))
        return tuple(Token(secret[:16].lower(), name, created, expires) for secret, name, created, expires in rows)

    async def revoke(self, player: str, token_id: str) -> Refusal | None:
        """End one of the player's own tokens."""
        sql = "DELETE FROM token WHERE crew=? AND player=? AND lower(substr(hex(secret), 1, 16))=?"
        gone = await self._write(lambda c: c.execute(sql, (self._crew, player, token_id)).rowcount)
        self._tokens.clear()
        if isinstance(gone, Refusal):
            return gone
        return None if gone else Refusal(Reason.NOT_FOUND, what="token")

    # inside

    def _learn(self, player: str, name: str, key: str) -> None:
        self._names[player] = name
        self._players[key] = player

    def _forget(self) -> None:
        self._sessions.clear()
        self._tokens.clear()

    async def _write(self, work: Callable[[sqlite3.Connection], T | Refusal]) -> T | Refusal:
        try:
            return await self._database.write(work)
        except WriteFailed as failed:
            return failed.refusal

    async def _try_password(self, name: str, password: str, address: str) -> str | Refusal:
        """The player whose name and password these are. Counts the try first, so that tries side by side are counted too."""
        subjects = limiter.subjects(name_key(name[:LONGEST_SECRET]), address, self._settings.sign_in_tries)
        counted = await self._write(lambda connection: limiter.count(connection, self._crew, subjects, self._clock()))
        if isinstance(counted, Refusal):
            return counted
        player = self.player_of(name)
        rows = self._database.read("SELECT password FROM person WHERE crew=? AND player=?", (self._crew, player)) if player else []
        right = await self._passwords.matches(rows[0][0] if rows else None, password[: LONGEST_SECRET * 4])
        if isinstance(right, Refusal):
            return right
        if not right or player is None:
            return Refusal(Reason.WRONG_PASSWORD)
        await self._write(lambda connection: limiter.forgive(connection, self._crew, subjects, counted))
        return player

    async def _begin(self, player: str) -> SignedIn | Refusal:
        begun = await self._write(lambda connection: self._begin_session(connection, player))
        self._sessions.clear()  # the oldest of very many may have ended
        return begun

    def _renewed(self, created_at: int, now: int) -> int:
        """When a session used now ends: it slides, up to a last day."""
        return min(now + self._settings.session_days * DAY, created_at + LONGEST_SESSION_DAYS * DAY)

    def _begin_session(self, connection: sqlite3.Connection, player: str) -> SignedIn:
        now, secret = self._clock(), new_session()
        expires_at = self._renewed(now, now)
        connection.execute("DELETE FROM session WHERE crew=? AND expires_at<=?", (self._crew, now))
        connection.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", (self._crew, digest(secret), player, now, expires_at))
        extra = "SELECT secret FROM session WHERE crew=? AND player=? ORDER BY created_at DESC, secret LIMIT -1 OFFSET ?"
        for (old,) in connection.execute(extra, (self._crew, player, MOST_SESSIONS)).fetchall():
            connection.execute("DELETE FROM session WHERE crew=? AND secret=?", (self._crew, old))
        return SignedIn(player, secret, expires_at)

    def _keep_person(self, connection: sqlite3.Connection, player: str, name: str, password: str | None) -> None:
        row = (self._crew, player, name, name_key(name), password, self._clock())
        connection.execute("INSERT INTO person VALUES (?, ?, ?, ?, ?, ?)", row)

    async def _issue(self, kind: str, *, by: str | None, player: str | None, days: int, uses: int) -> Issued | Refusal:
        issued = Issued(new_invitation(), self._clock() + days * DAY)

        def work(connection: sqlite3.Connection) -> Issued | Refusal:
            connection.execute("DELETE FROM invitation WHERE crew=? AND expires_at<=?", (self._crew, self._clock()))
            self._keep_invitation(connection, issued, kind, player, by, uses)
            return issued

        return await self._write(work)

    def _keep_invitation(self, connection: sqlite3.Connection, issued: Issued, kind: str, player: str | None, by: str | None, uses: int) -> None:
        row = (self._crew, digest(issued.secret), kind, player, by, uses, self._clock(), issued.expires_at)
        connection.execute("INSERT INTO invitation VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _usable(self, row: tuple[str, str | None, str | None, int, int] | None, kind: str) -> Invitation | Refusal:
        # One answer for unknown, used up, expired and of another kind: whoever guesses learns nothing.
        if row is None or row[0] != kind or row[3] < 1 or row[4] <= self._clock():
            return Refusal(Reason.INVITE_SPENT)
        return Invitation(*row)


_INVITATION: Final = "SELECT kind, player, by, uses_left, expires_at FROM invitation WHERE crew=? AND secret=?"

_TOKENS: Final = (
    "SELECT hex(secret), name, created_at, expires_at FROM token WHERE crew=? AND player=? AND expires_at>? ORDER BY created_at DESC, secret"
)

_V = TypeVar("_V")


def _remember(cache: dict[bytes, _V], key: bytes, value: _V) -> None:
    if len(cache) >= _CACHED:
        cache.clear()
    cache[key] = value
