"""Invitations into a crew: by a link for whoever holds it, or for one account of this server, by its name.

An invitation that was taken becomes a *place*: a row that says that this account may become a member of that crew. The place is
there until it has been taken up, so that a joining for which the disk had no room is made good at the next sign-in.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from anyday.instants import DAY
from anyday.people import limiter
from anyday.people.desk import BY_ID, LONGEST_SESSION_DAYS, ON_THE_MACHINE, Desk, Issued, SignedIn, id_of
from anyday.people.passwords import LONGEST_SECRET, digest, new_invitation
from anyday.refusals import Reason, Refusal
from anyday.rules.ledger import CREW

OWNER: Final = "owner"
PLAYER: Final = "player"
GUEST: Final = "guest"
#: As what one may be invited.
ROLES: Final = (PLAYER, GUEST)
#: How many invitations a crew may have out at once.
MOST_INVITATIONS: Final = 100
#: How many names an account may try to invite in a day: whoever asks about a name learns whether it is taken.
MOST_NAMES: Final = 100
#: How many invitations that are none an address may open in fifteen minutes.
MOST_GUESSES: Final = 30

_FOR_EVER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that can still be used: ``setup`` for the first account, ``join``, or ``link`` for one player's sign-in."""

    kind: str
    player: str | None
    by: str | None
    uses_left: int
    expires_at: int
    crew: str = CREW
    role: str = PLAYER


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation that is out: as the crew's owner sees it, or the account that it is for (``player``)."""

    id: str
    crew: str
    role: str
    player: str | None
    by: str | None
    uses_left: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Place:
    """A crew that an account may become a member of, and as what. ``id`` tells one place from the next in the same crew."""

    crew: str
    role: str
    id: str


class Invitations(Desk):
    """Who may come in."""

    async def setup_secret(self) -> str | None:
        """A new secret for creating the first account, replacing any before it; none once there has been one. Raises ``WriteFailed``."""
        if self._database.read("SELECT 1 FROM person LIMIT 1"):
            return None
        issued = Issued(new_invitation(), self._clock() + 7 * DAY)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM invitation WHERE kind='setup'")
            self._keep(connection, digest(issued.secret), CREW, "setup", OWNER, None, None, 1, issued.expires_at)

        await self._database.write(work)
        return issued.secret

    async def invite(
        self, by: str, *, crew: str = CREW, role: str = PLAYER, days: int | None = None, uses: int | None = None
    ) -> Issued | Refusal:
        """A new link into a crew, good for ``days`` and ``uses``: at the most, and unless stated, what the settings say."""
        if role not in ROLES:
            return Refusal(Reason.MALFORMED, detail="one is invited as “player” or “guest”")
        most_days, most_uses = self._settings.invitation_days, self._settings.invitation_uses
        days, uses = most_days if days is None else days, most_uses if uses is None else uses
        if not (1 <= days <= most_days and 1 <= uses <= most_uses):
            return Refusal(Reason.INVITE_BOUNDS, days=most_days, uses=most_uses)
        return await self._issue(crew, "join", role, by=by, player=None, days=days, uses=uses)

    async def invite_by_name(self, by: str, name: str, *, crew: str = CREW, role: str = PLAYER, days: int | None = None) -> Sent | Refusal:
        """Invite an account that this server has, by its name: it is shown to them, and accepted or declined where they see it."""
        counted = await self._count(limiter.by_player("names", by, MOST_NAMES, limiter.LONGEST_SPAN))
        if isinstance(counted, Refusal):
            return counted
        player = self.player_of(name)
        if player is None:
            return Refusal(Reason.NO_SUCH_ACCOUNT, name=name.strip()[:40])
        most = self._settings.invitation_days
        days = most if days is None else days
        if role not in ROLES:
            return Refusal(Reason.MALFORMED, detail="one is invited as “player” or “guest”")
        if not 1 <= days <= most:
            return Refusal(Reason.INVITE_BOUNDS, days=most, uses=self._settings.invitation_uses)
        if any(sent.crew == crew for sent in self.invitations_for(player)):
            return Refusal(Reason.ALREADY_THERE, what=f"{self._names[player]}'s invitation")
        issued = await self._issue(crew, "named", role, by=by, player=player, days=days, uses=1)
        if isinstance(issued, Refusal):
            return issued
        return Sent(id_of(digest(issued.secret)), crew, role, player, by, 1, issued.expires_at)

    async def link(self, player: str, *, days: int = 1) -> Issued | Refusal:
        """A link that signs ``player`` in each time it is opened until it expires: for the demo, and for an operator's own use."""
        assert 1 <= days <= LONGEST_SESSION_DAYS, "whoever issues a link bounds it"
        if player not in self._names:
            return Refusal(Reason.NOT_FOUND, what="player")
        return await self._issue(CREW, "link", PLAYER, by=None, player=player, days=days, uses=1)

    def invitation(self, secret: str, kind: str) -> Invitation | Refusal:
        """The invitation behind a secret, if it can be used still and is of that kind."""
        found = self._database.read(_INVITATION, (digest(secret),)) if len(secret) <= LONGEST_SECRET else []
        return self._usable(found[0] if found else None, kind)

    async def opened(self, secret: str, kind: str, address: str = ON_THE_MACHINE) -> Invitation | Refusal:
        """The same for whoever opens it from an address: after so many that were none, one that is good is not opened either."""
        tried, now = limiter.from_address("invitation", address, MOST_GUESSES), self._clock()
        refused = limiter.spent(self._database.read(limiter.SINCE, (tried.key, now - tried.span)), tried, now)
        if refused is not None:
            return refused
        found = self.invitation(secret, kind)
        counted = await self._count(tried) if isinstance(found, Refusal) else None
        return counted if isinstance(counted, Refusal) else found

    async def open_link(self, secret: str, address: str = ON_THE_MACHINE) -> SignedIn | Refusal:
        """A new session for the player of a ``link``."""
        found = await self.opened(secret, "link", address)
        if isinstance(found, Refusal):
            return found
        assert found.player is not None, "a link is bound to its player"
        return await self._begin(found.player)

    async def redeem(self, secret: str, player: str, address: str = ON_THE_MACHINE) -> Place | Refusal:
        """Use a ``join`` invitation with the account that one has: a place in its crew."""
        found = await self.opened(secret, "join", address)
        if isinstance(found, Refusal):
            return found

        return await self.redeem_hashed(digest(secret).hex(), player)

    async def redeem_hashed(self, invitation: str, player: str) -> Place | Refusal:
        """The same for whoever has opened it before, by the hash of its secret."""

        def work(connection: sqlite3.Connection) -> Place | Refusal:
            usable = self._use(connection, bytes.fromhex(invitation), "join")
            if isinstance(usable, Refusal):
                return usable
            return self._give_place(connection, player, usable.crew, usable.role)

        return await self._write(work)

    def leads_to(self, invitation: str) -> str | None:
        """The crew of a ``join`` invitation, by the hash of its secret."""
        rows = self._database.read("SELECT crew FROM invitation WHERE secret=? AND kind='join'", (bytes.fromhex(invitation),))
        return str(rows[0][0]) if rows else None

    # those that are out

    def invitations_for(self, player: str) -> tuple[Sent, ...]:
        """The invitations that wait for an account's answer."""
        rows = self._database.read(f"{_SENT} AND player=? AND kind='named' ORDER BY created_at, secret", (self._clock(), player))
        return tuple(Sent(id_of(secret), *rest) for secret, *rest in rows)

    def sent(self, crew: str) -> tuple[Sent, ...]:
        """The invitations into a crew that are out, the newest first."""
        rows = self._database.read(f"{_SENT} AND crew=? AND kind IN ('join', 'named') ORDER BY created_at DESC, secret", (self._clock(), crew))
        return tuple(Sent(id_of(secret), *rest) for secret, *rest in rows)

    async def accept(self, player: str, invitation: str) -> Place | Refusal:
        """Take an invitation that was sent to this account: a place in its crew."""

        def work(connection: sqlite3.Connection) -> Place | Refusal:
            mine = f"SELECT secret, crew, role FROM invitation WHERE player=? AND kind='named' AND uses_left>0 AND expires_at>? AND {BY_ID}=?"
            row = connection.execute(mine, (player, self._clock(), invitation)).fetchone()
            if row is None:
                return Refusal(Reason.INVITE_SPENT)
            connection.execute("DELETE FROM invitation WHERE secret=?", (row[0],))
            return self._give_place(connection, player, row[1], row[2])

        return await self._write(work)

    async def decline(self, player: str, invitation: str) -> Refusal | None:
        """Say no to an invitation that was sent to this account."""
        sql = f"DELETE FROM invitation WHERE player=? AND kind='named' AND {BY_ID}=?"
        gone = await self._write(lambda c: c.execute(sql, (player, invitation)).rowcount)
        if isinstance(gone, Refusal):
            return gone
        return None if gone else Refusal(Reason.INVITE_SPENT)

    async def withdraw(self, crew: str, invitation: str) -> Refusal | None:
        """Take back an invitation into a crew."""
        sql = f"DELETE FROM invitation WHERE crew=? AND kind IN ('join', 'named') AND {BY_ID}=?"
        gone = await self._write(lambda c: c.execute(sql, (crew, invitation)).rowcount)
        if isinstance(gone, Refusal):
            return gone
        return None if gone else Refusal(Reason.NOT_FOUND, what="invitation")

    # places

    def places(self, player: str) -> tuple[Place, ...]:
        """The crews that an account was given a place in and has not taken it up."""
        mine = "SELECT crew, role, secret FROM invitation WHERE player=? AND kind='place' ORDER BY created_at, crew"
        return tuple(Place(crew, role, id_of(secret)) for crew, role, secret in self._database.read(mine, (player,)))

    async def seated(self, player: str, crew: str) -> Refusal | None:
        """The place was taken up."""
        sql = "DELETE FROM invitation WHERE player=? AND kind='place' AND crew=?"
        done = await self._write(lambda c: c.execute(sql, (player, crew)).rowcount)
        return done if isinstance(done, Refusal) else None

    # inside

    def _give_place(self, connection: sqlite3.Connection, player: str, crew: str, role: str) -> Place:
        connection.execute("DELETE FROM invitation WHERE player=? AND kind='place' AND crew=?", (player, crew))
        secret = digest(new_invitation())  # nobody ever holds it: the row only needs a key
        self._keep(connection, secret, crew, "place", role, player, None, 1, _FOR_EVER)
        return Place(crew, role, id_of(secret))

    def _use(self, connection: sqlite3.Connection, hashed: bytes, kind: str) -> Invitation | Refusal:
        """Use an invitation once, by its secret's hash, where nobody can come in between: two may hold the same one."""
        usable = self._usable(connection.execute(_INVITATION, (hashed,)).fetchone(), kind)
        if not isinstance(usable, Refusal):
            connection.execute("UPDATE invitation SET uses_left=uses_left-1 WHERE secret=?", (hashed,))
        return usable

    def _usable(self, row: tuple[str, str | None, str | None, int, int, str, str] | None, kind: str) -> Invitation | Refusal:
        # One answer for unknown, used up, expired and of another kind: whoever guesses learns nothing.
        if row is None or row[0] != kind or row[3] < 1 or row[4] <= self._clock():
            return Refusal(Reason.INVITE_SPENT)
        return Invitation(*row)

    async def _issue(
        self, crew: str, kind: str, role: str, *, by: str | None, player: str | None, days: int, uses: int
    ) -> Issued | Refusal:
        issued = Issued(new_invitation(), self._clock() + days * DAY)

        def work(connection: sqlite3.Connection) -> Issued | Refusal:
            connection.execute("DELETE FROM invitation WHERE expires_at<=? OR uses_left<1", (self._clock(),))
            out = connection.execute("SELECT count(*) FROM invitation WHERE crew=? AND kind IN ('join', 'named')", (crew,)).fetchone()[0]
            if kind != "link" and out >= MOST_INVITATIONS:
                return Refusal(Reason.MALFORMED, detail=f"{MOST_INVITATIONS} invitations are out already; withdraw one first")
            self._keep(connection, digest(issued.secret), crew, kind, role, player, by, uses, issued.expires_at)
            return issued

        return await self._write(work)

    def _keep(
        self, connection: sqlite3.Connection, secret: bytes, crew: str, kind: str, role: str, player: str | None, by: str | None, uses: int, ends: int
    ) -> None:
        row = (secret, crew, kind, role, player, by, uses, self._clock(), ends)
        connection.execute("INSERT INTO invitation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


_INVITATION: Final = "SELECT kind, player, by, uses_left, expires_at, crew, role FROM invitation WHERE secret=?"
_SENT: Final = "SELECT secret, crew, role, player, by, uses_left, expires_at FROM invitation WHERE uses_left>0 AND expires_at>?"
