"""People: the accounts of this server, in however many crews they play. Plain tables outside the log, so that they can be erased.

The log knows players by opaque ids; what they are called and how they prove it is only here. Secrets are kept hashed. What
an account may do where is said by what is scoped to a crew: its membership, which is the log's, its tokens and invitations.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from anyday.instants import DAY, MINUTE, Instant
from anyday.people import limiter
from anyday.people.desk import LONGEST_SESSION_DAYS, MOST_SESSIONS, ON_THE_MACHINE, Issued, SignedIn, remember
from anyday.people.identities import Identities
from anyday.people.invitations import Invitation, Invitations, Place, Sent
from anyday.people.names import check_name, name_key
from anyday.people.oidc import Provider
from anyday.people.passkeys import Passkeys
from anyday.people.passwords import LONGEST_SECRET, check_password, digest, new_player
from anyday.people.tokens import MOST_TOKENS, Holder, Token, Tokens
from anyday.refusals import Reason, Refusal
from anyday.settings import Settings
from anyday.store.database import Database

__all__ = [
    "FORMER", "LONGEST_SESSION_DAYS", "MOST_SESSIONS", "MOST_TOKENS", "Holder", "Invitation", "Issued", "People", "Place", "Sent", "Session",
    "SignedIn", "Token",
]  # fmt: skip

#: What is said in place of a name that is not known here any more.
FORMER: Final = "a former player"
#: For how long after signing in one may change how one signs in, and erase what is kept of one.
FRESH: Final = 15 * MINUTE


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands: whose it is and when it ends; ``stale`` asks for ``renew``, ``fresh`` is one that has just begun."""

    player: str
    expires_at: int
    stale: bool = False
    fresh: bool = False


#: What makes an account somebody's, in the transaction that makes the account: nothing for one with a password.
Bind = Callable[[sqlite3.Connection, str], Refusal | None]


class People(Tokens, Invitations, Passkeys, Identities):
    """The people of this server."""

    def __init__(self, database: Database, clock: Callable[[], Instant], settings: Settings) -> None:
        super().__init__(database, clock, settings)
        self.provider = Provider(settings, clock)

    def close(self) -> None:
        """Stop the hashing threads."""
        self._passwords.close()

    # names

    def name_of(self, player: str) -> str:
        """What a player is called; ``a former player`` for one who is not known here (any more)."""
        return self._names.get(player, FORMER)

    def names(self) -> Mapping[str, str]:
        """Everybody's name by player id, in the order in which they came."""
        return MappingProxyType(self._names)

    # accounts

    async def sign_up(self, secret: str, kind: str, name: str, password: str, address: str = ON_THE_MACHINE) -> SignedIn | Refusal:
        """Use a ``setup`` or ``join`` invitation: a new account, its place in the crew and its first session, or nothing at all."""
        refused = await self.may_come(secret, kind, name, address)
        if refused is not None:
            return refused
        kept = check_password(password)
        if isinstance(kept, Refusal):
            return kept
        hashed = await self._passwords.hash(kept)
        return hashed if isinstance(hashed, Refusal) else await self._new_account(digest(secret), kind, name, address, hashed)

    async def sign_up_by_identity(self, invitation: str, name: str, subject: str, address: str) -> SignedIn | Refusal:
        """The same with an account of the provider's in place of a password; ``invitation`` is the hash of a ``join`` one's secret."""
        if self.player_of(name) is not None:
            return Refusal(Reason.NAME_TAKEN, name=name)
        bind: Bind = lambda connection, player: self.bind_identity(connection, player, subject)  # noqa: E731  it has a type this way
        return await self._new_account(bytes.fromhex(invitation), "join", name, address, None, bind)

    async def may_come(self, secret: str, kind: str, name: str, address: str) -> Refusal | None:
        """Whether a newcomer's invitation and name will do, before any work is done for them."""
        checked = await self.opened(secret, kind, address)
        if isinstance(checked, Refusal):
            return checked
        kept = check_name(name)
        if isinstance(kept, Refusal):
            return kept
        return None if self.player_of(kept) is None else Refusal(Reason.NAME_TAKEN, name=kept)

    async def _new_account(
        self, invitation: bytes, kind: str, name: str, address: str, password: str | None, bind: Bind | None = None
    ) -> SignedIn | Refusal:
        kept = check_name(name)
        assert isinstance(kept, str), "the name was checked before"
        player, key = new_player(), name_key(kept)
        made = limiter.from_address("account", address, self._settings.accounts_a_day, limiter.LONGEST_SPAN)

        def work(connection: sqlite3.Connection) -> SignedIn | Refusal:
            # Everything is checked again where nobody can come in between: two may hold the same invitation or want the same name.
            if connection.execute("SELECT 1 FROM person WHERE name_key=?", (key,)).fetchone():
                return Refusal(Reason.NAME_TAKEN, name=kept)
            if kind == "setup" and connection.execute("SELECT 1 FROM person LIMIT 1").fetchone():
                return Refusal(Reason.INVITE_SPENT)
            usable = self._use(connection, invitation, kind)
            if isinstance(usable, Refusal):
                return usable
            counted = limiter.count(connection, (made,), self._clock())
            if isinstance(counted, Refusal):
                raise _Undone(counted)
            self._keep_person(connection, player, kept, password)
            refused = None if bind is None else bind(connection, player)
            if refused is not None:
                raise _Undone(refused)
            self._give_place(connection, player, usable.crew, usable.role)
            return self._begin_session(connection, player)

        try:
            begun = await self._write(work)
        except _Undone as undone:
            return undone.refusal
        if isinstance(begun, SignedIn):
            self._learn(player, kept, key)
        return begun

    async def add_player(self, name: str, crew: str | None = None) -> str | Refusal:
        """A player without a password, perhaps with a place in a crew: a simulated one, or one who signs in by link only. Their id."""
        kept = check_name(name)
        if isinstance(kept, Refusal):
            return kept
        player, key = new_player(), name_key(kept)

        def work(connection: sqlite3.Connection) -> str | Refusal:
            if connection.execute("SELECT 1 FROM person WHERE name_key=?", (key,)).fetchone():
                return Refusal(Reason.NAME_TAKEN, name=kept)
            self._keep_person(connection, player, kept, None)
            if crew is not None:
                self._give_place(connection, player, crew, "player")
            return player

        added = await self._write(work)
        if isinstance(added, str):
            self._learn(player, kept, key)
        return added

    def has_password(self, player: str) -> bool:
        """Whether a player may sign in by name and password."""
        return bool(self._database.read("SELECT 1 FROM person WHERE player=? AND password IS NOT NULL", (player,)))

    async def change_password(self, player: str, old: str, new: str, address: str) -> SignedIn | Refusal:
        """A new password in place of the old one. Every session and token of the player ends; one new session begins."""
        kept = check_password(new)
        if isinstance(kept, Refusal):
            return kept
        right = await self._try_password(self._names.get(player, ""), old, address)
        return right if isinstance(right, Refusal) else await self.set_password(player, new)

    async def set_password(self, player: str, new: str) -> SignedIn | Refusal:
        """The same for whoever has just proved who they are. Every session and token of the player ends; one new session begins."""
        kept = check_password(new)
        if isinstance(kept, Refusal):
            return kept
        hashed = await self._passwords.hash(kept)
        if isinstance(hashed, Refusal):
            return hashed

        def work(connection: sqlite3.Connection) -> SignedIn | Refusal:
            connection.execute("UPDATE person SET password=? WHERE player=? AND name IS NOT NULL", (hashed, player))
            for table in ("session", "token"):
                connection.execute(f"DELETE FROM {table} WHERE player=?", (player,))
            return self._begin_session(connection, player)

        begun = await self._write(work)
        self._forget_sessions()
        return begun

    async def erase(self, player: str) -> Refusal | None:
        """Forget a person: name, ways to sign in, sessions, tokens, invitations, and what other rooms keep of them, all or nothing.

        The name is free again. The log stays as it is: it knows an id, which is nobody's from then on.
        """
        name = self._names.get(player)
        if name is None:
            return Refusal(Reason.NOT_FOUND, what="player")

        def work(connection: sqlite3.Connection) -> None:
            gone = "UPDATE person SET name=NULL, name_key=NULL, password=NULL, erased_at=? WHERE player=?"
            connection.execute(gone, (self._clock(), player))
            for table in ("session", "token", "passkey", "identity", "challenge", "invitation"):
                connection.execute(f"DELETE FROM {table} WHERE player=?", (player,))
            limiter.forget(connection, name_key(name))
            for eraser in self.erasers:
                eraser(connection, player)

        done = await self._write(work)
        if isinstance(done, Refusal):
            return done
        if self._players.get(name_key(name)) == player:  # somebody else may bear the name by now
            del self._players[name_key(name)]
        self._names.pop(player, None)
        self._forget_sessions()
        await self._database.scrub()
        return None

    # sign-in and sessions

    async def sign_in(self, name: str, password: str, address: str) -> SignedIn | Refusal:
        """A new session. The same refusal, after the same work, whether the name is unknown or the password is wrong.

        ``address`` is where the request came from; tries are counted in the database for the name and for the address.
        """
        player = await self._try_password(name, password, address)
        if isinstance(player, Refusal):
            return player
        return await self._begin(player)

    def session(self, secret: str) -> Session | None:
        """The session behind a cookie's secret, if it holds."""
        if len(secret) > LONGEST_SECRET:
            return None
        key = digest(secret)
        kept = self._sessions.get(key)
        if kept is None:
            rows = self._database.read("SELECT player, created_at, expires_at FROM session WHERE secret=?", (key,))
            if not rows:
                return None
            kept = rows[0]
            remember(self._sessions, key, kept)
        player, created_at, expires_at = kept
        now = self._clock()
        if expires_at <= now:
            return None
        return Session(player, expires_at, stale=self._renewed(created_at, now) - expires_at > DAY, fresh=now - created_at < FRESH)

    async def renew(self, secret: str) -> None:
        """Let a stale session slide on; nothing changes where it has ended meanwhile. A full disk leaves it as it is."""
        key = digest(secret)

        def work(connection: sqlite3.Connection) -> None:
            now = self._clock()
            row = connection.execute("SELECT created_at FROM session WHERE secret=?", (key,)).fetchone()
            if row:
                later = self._renewed(row[0], now)
                connection.execute("UPDATE session SET expires_at=? WHERE secret=? AND expires_at>?", (later, key, now))

        await self._write(work)
        self._sessions.pop(key, None)

    async def sign_out(self, secret: str) -> Refusal | None:
        """End one session."""
        key = digest(secret)
        ended = await self._write(lambda c: c.execute("DELETE FROM session WHERE secret=?", (key,)).rowcount)
        self._sessions.pop(key, None)
        return ended if isinstance(ended, Refusal) else None

    # inside

    async def _try_password(self, name: str, password: str, address: str) -> str | Refusal:
        """The player whose name and password these are. Counts the try first, so that tries side by side are counted too."""
        subjects = limiter.subjects(name_key(name[:LONGEST_SECRET]), address, self._settings.sign_in_tries)
        counted = await self._count(*subjects)
        if isinstance(counted, Refusal):
            return counted
        player = self.player_of(name)
        rows = self._database.read("SELECT password FROM person WHERE player=?", (player,)) if player else []
        right = await self._passwords.matches(rows[0][0] if rows else None, password[: LONGEST_SECRET * 4])
        if isinstance(right, Refusal):
            return right
        if not right or player is None:
            return Refusal(Reason.WRONG_PASSWORD)
        await self._write(lambda connection: limiter.forgive(connection, subjects, counted))
        return player

    def _keep_person(self, connection: sqlite3.Connection, player: str, name: str, password: str | None) -> None:
        row = (player, name, name_key(name), password, self._clock())
        connection.execute("INSERT INTO person VALUES (?, ?, ?, ?, ?, NULL)", row)


class _Undone(Exception):
    """What a transaction had begun is not to be: it is rolled back, and the refusal told."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
