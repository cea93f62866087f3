"""Bearer tokens: for one crew, for a part of what their holder may do, kept hashed, shown once, and ended by a day."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from anyday.instants import DAY
from anyday.people.desk import BY_ID, Desk, Issued, id_of, remember
from anyday.people.passwords import LONGEST_SECRET, digest, new_token
from anyday.refusals import Reason, Refusal
from anyday.rules.ledger import CREW

MOST_TOKENS: Final = 20

READ: Final = "read"
PLAY: Final = "play"
MANAGE: Final = "manage"
#: What a token may be for, each including the ones before it, and how that is said.
RIGHTS: Final = {READ: "only look", PLAY: "look and play", MANAGE: "do all that you may"}
_ORDER: Final = tuple(RIGHTS)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a token is, in which crew it may be used, and for what."""

    player: str
    crew: str
    rights: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as its owner sees it: never its secret. ``id`` is the start of its hash."""

    id: str
    name: str
    crew: str
    rights: str
    created_at: int
    expires_at: int


def suffices(rights: str, needed: str) -> bool:
    """Whether rights include what is needed."""
    return _ORDER.index(rights) >= _ORDER.index(needed)


class Tokens(Desk):
    """The tokens of the people."""

    async def new_token(self, player: str, name: str, *, crew: str = CREW, rights: str = MANAGE, days: int | None = None) -> Issued | Refusal:
        """A bearer token for programs; its secret is returned here and never again."""
        if not name.strip():
            return Refusal(Reason.TEXT_MISSING, name="the token's name")
        if len(name) > 64:
            return Refusal(Reason.TEXT_TOO_LONG, name="the token's name", limit=64)
        if rights not in RIGHTS:
            return Refusal(Reason.MALFORMED, detail="a token is for “read”, “play” or “manage”")
        most = self._settings.token_days
        days = most if days is None else days
        if not 1 <= days <= most:
            return Refusal(Reason.MALFORMED, detail=f"a token is good for 1 to {most} days")
        now = self._clock()
        issued = Issued(new_token(), now + days * DAY)

        def work(connection: sqlite3.Connection) -> Issued | Refusal:
            connection.execute("DELETE FROM token WHERE expires_at<=?", (now,))
            held = connection.execute("SELECT count(*) FROM token WHERE player=?", (player,)).fetchone()[0]
            if held >= MOST_TOKENS:
                return Refusal(Reason.MALFORMED, detail=f"you hold {MOST_TOKENS} tokens already; revoke one first")
            if not connection.execute("SELECT 1 FROM person WHERE player=? AND name IS NOT NULL", (player,)).fetchone():
                return Refusal(Reason.NOT_FOUND, what="player")
            row = (digest(issued.secret), player, crew, rights, name.strip(), now, issued.expires_at)
            connection.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            return issued

        return await self._write(work)

    def token(self, secret: str) -> Holder | None:
        """Whose a bearer token is and what for, if it holds."""
        if len(secret) > LONGEST_SECRET:
            return None
        key = digest(secret)
        kept = self._tokens.get(key)
        if kept is None:
            rows = self._database.read("SELECT player, crew, rights, expires_at FROM token WHERE secret=?", (key,))
            if not rows:
                return None
            kept = rows[0]
            remember(self._tokens, key, kept)
        return Holder(*kept) if kept[3] > self._clock() else None

    def tokens(self, player: str) -> tuple[Token, ...]:
        """A player's tokens that hold, the newest first, without their secrets."""
        rows = self._database.read(_TOKENS, (player, self._clock()))
        return tuple(Token(id_of(secret), *rest) for secret, *rest in rows)

    async def revoke(self, player: str, token_id: str) -> Refusal | None:
        """End one of the player's own tokens."""
        gone = await self._write(lambda c: c.execute(f"DELETE FROM token WHERE player=? AND {BY_ID}=?", (player, token_id)).rowcount)
        self._tokens.clear()
        if isinstance(gone, Refusal):
            return gone
        return None if gone else Refusal(Reason.NOT_FOUND, what="token")


_TOKENS: Final = (
    "SELECT secret, name, crew, rights, created_at, expires_at FROM token WHERE player=? AND expires_at>? ORDER BY created_at DESC, secret"
)
