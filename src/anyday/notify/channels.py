"""The ways by which a player is reached beside the inbox: e-mail, webhook, ntfy, Apprise. They are the person's, in every crew.

An e-mail address gets nothing but a letter that asks for its confirmation until somebody who reads it has confirmed. What
may be asked for is bounded, for a player and for an address, so that nobody is flooded with such letters. Secrets of
letters are kept hashed; a webhook's is kept as it is, since each of its messages is signed with it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from anyday.instants import DAY
from anyday.notify import reach
from anyday.notify.notices import BY_NAME
from anyday.notify.transports import APPRISE, EMAIL, NTFY, WEBHOOK, offered
from anyday.refusals import Reason, Refusal
from anyday.settings import Settings

KINDS: Final = (EMAIL, WEBHOOK, NTFY, APPRISE)
MOST_CHANNELS: Final = 10
#: Letters of confirmation a day: for one player, and to one address.
MOST_ASKED: Final = 5
MOST_TO_ADDRESS: Final = 3
CONFIRM_FOR: Final = 2 * DAY
UNSUBSCRIBE_FOR: Final = 400 * DAY
LONGEST_SECRET: Final = 128

_EMAIL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?=.{3,190}$)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_APPRISE: Final = re.compile(r"[a-z0-9]{2,20}://[\x21-\x7e]{1,500}")
COLUMNS: Final = ("player", "id", "kind", "address", "secret", "added_at", "confirmed_at", "off_at", "picked")
_NAMED: Final = ", ".join(COLUMNS)


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a player. ``picked`` holds the kinds of message that they chose or left out otherwise than usual; ``off_at`` is
    when it was unsubscribed."""

    player: str
    id: str
    kind: str
    address: str
    secret: str
    added_at: int
    confirmed_at: int | None
    off_at: int | None
    picked: dict[str, bool]

    @property
    def open(self) -> bool:
        """Whether messages go there."""
        return self.confirmed_at is not None and self.off_at is None

    def wants(self, kind: str) -> bool:
        """Whether a kind of message goes there."""
        return self.open and self.picked.get(kind, BY_NAME[kind].sent)


def of(row: Sequence[Any]) -> Channel:
    """A channel from its row."""
    player, name, kind, address, secret, added_at, confirmed_at, off_at, picked = row
    return Channel(player, name, kind, address, secret, added_at, confirmed_at, off_at, msgspec.json.decode(picked, type=dict[str, bool]))


#: A player's channels, in the order in which they were added.
LOAD: Final = f"SELECT {_NAMED} FROM channel WHERE player=? ORDER BY added_at, id"
ONE: Final = f"SELECT {_NAMED} FROM channel WHERE player=? AND id=?"


def hashed(secret: str) -> bytes:
    """What is kept of a letter's secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def check(kind: str, address: str, settings: Settings) -> str | Refusal:
    """The address as it is kept, or why nothing could be sent there."""
    if kind not in KINDS:
        return Refusal(Reason.BAD_CHANNEL, detail=f"a channel is one of {', '.join(KINDS)}")
    if not offered(kind, settings):
        return Refusal(Reason.CHANNEL_OFF, kind={EMAIL: "e-mail", APPRISE: "Apprise"}.get(kind, kind))
    address = address.strip()
    if kind == EMAIL:
        local, _, domain = address.rpartition("@")
        if not _EMAIL.fullmatch(address) or local.startswith(".") or local.endswith(".") or ".." in local:
            return Refusal(Reason.BAD_CHANNEL, detail="that is not an e-mail address")
        return f"{local}@{domain.lower()}"
    if kind == APPRISE:
        return address if _APPRISE.fullmatch(address) else Refusal(Reason.BAD_CHANNEL, detail="that is not an address of Apprise's")
    try:
        url = reach.checked(address)
    except reach.Unreachable as error:
        return Refusal(Reason.BAD_CHANNEL, detail=error.why[:1].lower() + error.why[1:].rstrip("."))
    if kind == NTFY and not re.fullmatch(r"https?://[^/?#]+(?:/[^/?#]+)*/[A-Za-z0-9_-]{1,64}", url):
        return Refusal(Reason.BAD_CHANNEL, detail="an ntfy address ends in the topic, such as https://ntfy.sh/our-crew")
    return url


# changes, each inside its caller's transaction


def add(connection: sqlite3.Connection, player: str, kind: str, address: str, token: str, now: int) -> Channel | Refusal:
    """A new channel at a checked address. An e-mail address is asked for its confirmation; everything else counts as confirmed."""
    held = connection.execute("SELECT count(*) FROM channel WHERE player=?", (player,)).fetchone()[0]
    if held >= MOST_CHANNELS:
        return Refusal(Reason.BAD_CHANNEL, detail=f"you have {MOST_CHANNELS} channels already")
    if connection.execute("SELECT 1 FROM channel WHERE player=? AND kind=? AND address=?", (player, kind, address)).fetchone():
        return Refusal(Reason.ALREADY_THERE, what="that channel")
    if len(token) > LONGEST_SECRET or not (token.isascii() and (token.isprintable() or not token)) or " " in token:
        return Refusal(Reason.BAD_CHANNEL, detail="that is not an access token")
    secret = {WEBHOOK: secrets.token_urlsafe(32), NTFY: token}.get(kind, "")
    channel = Channel(player, secrets.token_hex(8), kind, address, secret, now, None if kind == EMAIL else now, None, {})
    if kind == EMAIL and (refused := ask(connection, channel, now)) is not None:
        return refused
    row = (player, channel.id, kind, address, secret, now, channel.confirmed_at, None, "{}")
    connection.execute("INSERT INTO channel VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return channel


def ask(connection: sqlite3.Connection, channel: Channel, now: int) -> Refusal | None:
    """Put a letter on its way that asks for a channel's confirmation, as far as there may be another."""
    address = hashed(channel.address.lower())
    by_player = connection.execute("SELECT count(*) FROM letter WHERE player=? AND what='asked' AND at>?", (channel.player, now - DAY)).fetchone()[0]
    to_address = connection.execute("SELECT count(*) FROM letter WHERE address=? AND what='asked' AND at>?", (address, now - DAY)).fetchone()[0]
    if by_player >= MOST_ASKED or to_address >= MOST_TO_ADDRESS:
        return Refusal(Reason.TOO_MANY_LETTERS)
    keep_letter(connection, "asked", secrets.token_urlsafe(16), channel, now)
    put(connection, channel, "", None, now, next_at=now, urgent=True)
    return None


def put(
    connection: sqlite3.Connection, channel: Channel, crew: str, notice: int | None, now: int, *,
    next_at: int, step: int = 0, urgent: bool = False, state: str = "waiting",
) -> None:  # fmt: skip
    """Put a delivery on its way: of a notice, or (without one) of the letter that asks for a channel's confirmation."""
    parcel = secrets.token_hex(16)
    row = (parcel, parcel, crew, channel.player, notice, channel.id, step, urgent, state, 0, now, next_at, 0, None, None)
    connection.execute("INSERT INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def keep_letter(connection: sqlite3.Connection, what: str, secret: str, channel: Channel, now: int) -> None:
    """Remember, hashed, the secret that a letter carries: ``confirm`` or ``unsubscribe``; ``asked`` only counts."""
    row = (hashed(secret), what, channel.player, channel.id, hashed(channel.address.lower()), now)
    connection.execute("INSERT INTO letter VALUES (?, ?, ?, ?, ?, ?)", row)


def letter(connection: sqlite3.Connection, what: str, secret: str, now: int) -> tuple[str, str] | None:
    """The player and channel that a letter's secret is for, as long as it is good."""
    since = now - (CONFIRM_FOR if what == "confirm" else UNSUBSCRIBE_FOR)
    sql = "SELECT player, channel FROM letter WHERE secret=? AND what=? AND at>?"
    row = connection.execute(sql, (hashed(secret), what, since)).fetchone() if len(secret) <= LONGEST_SECRET else None
    return (row[0], row[1]) if row else None


def confirm(connection: sqlite3.Connection, secret: str, now: int, player: str | None = None) -> Channel | Refusal:
    """Confirm the channel that a letter went to; with ``player`` only one of theirs."""
    found = letter(connection, "confirm", secret.strip(), now)
    if found is None or (player is not None and found[0] != player):
        return Refusal(Reason.WRONG_CODE)
    connection.execute("UPDATE channel SET confirmed_at=COALESCE(confirmed_at, ?) WHERE player=? AND id=?", (now, *found))
    row = connection.execute(ONE, found).fetchone()
    return of(row) if row else Refusal(Reason.WRONG_CODE)


def unsubscribe(connection: sqlite3.Connection, secret: str, now: int) -> Channel | None:
    """End a channel by a letter's secret; None where there is none. Twice does no harm."""
    found = letter(connection, "unsubscribe", secret, now)
    if found is None:
        return None
    connection.execute("UPDATE channel SET off_at=COALESCE(off_at, ?) WHERE player=? AND id=?", (now, *found))
    stop(connection, *found)
    row = connection.execute(ONE, found).fetchone()
    return of(row) if row else None


def switch(connection: sqlite3.Connection, player: str, channel: str, now: int | None) -> Refusal | None:
    """Turn a channel off (at ``now``), or on again."""
    changed = connection.execute("UPDATE channel SET off_at=? WHERE player=? AND id=?", (now, player, channel)).rowcount
    if now is not None:
        stop(connection, player, channel)
    return None if changed else Refusal(Reason.NOT_FOUND, what="channel")


def pick(connection: sqlite3.Connection, player: str, channel: str, kinds: Sequence[str]) -> Refusal | None:
    """Choose the kinds of message that go to a channel: these, and no others."""
    if set(kinds) - set(BY_NAME):
        return Refusal(Reason.BAD_CHANNEL, detail=f"a kind is one of {', '.join(BY_NAME)}")
    picked = {name: name in kinds for name, kind in BY_NAME.items() if (name in kinds) != kind.sent}
    sql = "UPDATE channel SET picked=? WHERE player=? AND id=?"
    changed = connection.execute(sql, (msgspec.json.encode(picked).decode(), player, channel)).rowcount
    return None if changed else Refusal(Reason.NOT_FOUND, what="channel")


def stop(connection: sqlite3.Connection, player: str, channel: str) -> None:
    """Let go of what is still on its way to a channel."""
    sql = "UPDATE delivery SET state='dropped', next_at=NULL WHERE player=? AND channel=? AND next_at IS NOT NULL"
    connection.execute(sql, (player, channel))


def remove(connection: sqlite3.Connection, player: str, channel: str) -> Refusal | None:
    """Remove a channel with its address and all that went there. Only that confirmations were asked for is counted on for a day."""
    gone = connection.execute("DELETE FROM channel WHERE player=? AND id=?", (player, channel)).rowcount
    connection.execute("DELETE FROM delivery WHERE player=? AND channel=?", (player, channel))
    connection.execute("DELETE FROM letter WHERE player=? AND channel=? AND what<>'asked'", (player, channel))
    return None if gone else Refusal(Reason.NOT_FOUND, what="channel")


def erase(connection: sqlite3.Connection, player: str) -> None:
    """Delete everything that is kept here of a player: channels, deliveries, notices, letters, habits."""
    for table in ("channel", "delivery", "notice", "letter", "habit"):
        connection.execute(f"DELETE FROM {table} WHERE player=?", (player,))
    connection.execute("UPDATE notice SET deputy=NULL WHERE deputy=?", (player,))
