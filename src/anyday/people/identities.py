"""Identities: accounts of an OpenID Connect provider that sign somebody in here, each by its issuer and its subject and nothing else."""

from __future__ import annotations

import json
import secrets
import sqlite3
from typing import Final, NamedTuple

from anyday.people import challenges, limiter
from anyday.people.desk import Desk, SignedIn
from anyday.people.oidc import Provider
from anyday.people.passwords import digest
from anyday.refusals import Reason, Refusal

#: How many sign-ins through the provider an address may begin in fifteen minutes.
MOST_STARTS: Final = 30
MOST_IDENTITIES: Final = 5

_OIDC: Final = "oidc"


class Errand(NamedTuple):
    """What a browser was sent to the provider for: to ``sign-in``, to ``link`` an account to the player that began it, or to ``join`` by an
    invitation (its hash) under a name."""

    purpose: str
    player: str | None = None
    onward: str = "/"
    invitation: str = ""
    name: str = ""


class Identities(Desk):
    """The identities of the people."""

    provider: Provider

    async def send_off(self, errand: Errand, address: str) -> tuple[str, str] | Refusal:
        """A state to send along, and the secret that only this browser is given with it."""
        counted = await self._count(limiter.from_address("oidc", address, MOST_STARTS))
        if isinstance(counted, Refusal):
            return counted
        browser = secrets.token_urlsafe(32)
        data = json.dumps([digest(browser).hex(), *errand])
        state = await self._write(lambda c: challenges.issue(c, _OIDC, errand.player, data, self._clock()))
        return state if isinstance(state, Refusal) else (state, browser)

    async def came_back(self, state: str, browser: str) -> Errand | Refusal:
        """The errand of a state that came back with the browser that was sent, for the first time."""
        kept = await self._write(lambda c: challenges.take(c, _OIDC, state, self._clock()))
        if isinstance(kept, Refusal):
            return kept
        owner, *errand = json.loads(kept.data) if kept is not None else [""]
        if kept is None or not secrets.compare_digest(owner, digest(browser).hex()):
            return Refusal(Reason.PROVIDER_FAILED, provider=self.provider.name, why="this browser did not begin it, or began it too long ago")
        return Errand(*errand)

    def linked(self, player: str) -> bool:
        """Whether an account of the provider's signs this player in."""
        return bool(self._database.read("SELECT 1 FROM identity WHERE player=? AND issuer=?", (player, self.provider.issuer)))

    async def sign_in_by_identity(self, subject: str) -> SignedIn | Refusal:
        """A new session for whoever the provider's account belongs to."""
        key = (self.provider.issuer, subject)

        def work(connection: sqlite3.Connection) -> SignedIn | Refusal:
            row = connection.execute("SELECT player FROM identity WHERE issuer=? AND subject=?", key).fetchone()
            if row is None:
                return Refusal(Reason.UNKNOWN_IDENTITY, provider=self.provider.name)
            connection.execute("UPDATE identity SET used_at=? WHERE issuer=? AND subject=?", (self._clock(), *key))
            return self._begin_session(connection, row[0])

        begun = await self._write(work)
        self._sessions.clear()
        return begun

    async def link_identity(self, player: str, subject: str, session: str) -> Refusal | None:
        """From now on the provider's account signs this player in. Every other session of theirs ends."""

        def work(connection: sqlite3.Connection) -> Refusal | None:
            held = connection.execute("SELECT count(*) FROM identity WHERE player=?", (player,)).fetchone()[0]
            if held >= MOST_IDENTITIES:
                return Refusal(Reason.MALFORMED, detail=f"you have {MOST_IDENTITIES} such accounts already; remove them first")
            refused = self.bind_identity(connection, player, subject)
            if refused is None:
                self._end_sessions(connection, player, session)
            return refused

        refused = await self._write(work)
        self._sessions.clear()
        return refused

    async def unlink_identities(self, player: str, session: str) -> Refusal | None:
        """No account of the provider's signs this player in any more, unless it is their last way. Every other session of theirs ends."""

        def work(connection: sqlite3.Connection) -> Refusal | None:
            mine = "FROM identity WHERE player=? AND issuer=?"
            asked = (player, self.provider.issuer)
            held = connection.execute(f"SELECT count(*) {mine}", asked).fetchone()[0]
            if not held:
                return Refusal(Reason.NOT_FOUND, what="account of that service")
            if not self.more_than_one_way(player, connection, without=held):
                return Refusal(Reason.LAST_WAY)
            connection.execute(f"DELETE {mine}", asked)
            self._end_sessions(connection, player, session)
            return None

        refused = await self._write(work)
        self._sessions.clear()
        return refused

    def bind_identity(self, connection: sqlite3.Connection, player: str, subject: str) -> Refusal | None:
        """Make the provider's account this player's, where it is nobody's."""
        key = (self.provider.issuer, subject)
        row = connection.execute("SELECT player FROM identity WHERE issuer=? AND subject=?", key).fetchone()
        if row is not None:
            return None if row[0] == player else Refusal(Reason.IDENTITY_TAKEN, provider=self.provider.name)
        connection.execute("INSERT INTO identity VALUES (?, ?, ?, ?, NULL)", (*key, player, self._clock()))
        return None
