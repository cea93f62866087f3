"""The outbox: notices are put in with the events that they tell of, and taken out later, claim by claim.

``add`` runs inside the writer's own transaction, so that nothing is told that did not happen, and nothing that happened is
forgotten. Everything else happens afterwards, in small transactions of its own: ``plan`` turns a notice that is due into
deliveries, one a channel; ``claim`` takes some for a while; ``finish`` writes down what came of it. A claim is a conditional
update with a lease, so that several workers never send the same at once, and one that died half-way is taken over: a
delivery arrives at least once, each time with the same id.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from anyday.instants import DAY, HOUR, MINUTE, SECOND
from anyday.notify import channels, habits
from anyday.notify.channels import Channel
from anyday.notify.notices import REPEATS, Answered, Notice
from anyday.notify.transports import EMAIL
from anyday.store.database import Database, Row

#: For how long a claim holds: longer than any delivery may take.
LEASE: Final = 2 * MINUTE
#: How long after the first, second, … failed try the next one is; after the last it is given up.
PAUSES: Final = (10 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR)
#: An urgent notice is never repeated sooner than this, however late its first step was.
_LEAST_GAP: Final = REPEATS[1]
#: The step after the last repetition: the deputy is told.
DEPUTY_STEP: Final = len(REPEATS)
KEEP: Final = 400 * DAY
_AT_ONCE: Final = 200
#: What is urgent goes first, whatever waits longer: so many microseconds ahead.
_FIRST: Final = 4_000_000_000_000_000
_CHANNEL: Final = ", ".join(f"c.{name}" for name in channels.COLUMNS)
#: How many things one message tells at most; the rest are counted.
MOST_TOLD: Final = 30

#: The columns of a notice, as ``stored`` takes them.
FIELDS: Final = "crew, player, id, kind, question, facts, at, key, deputy, step, acked_at"


class Stored(NamedTuple):
    """A notice as it is kept."""

    notice: Notice
    id: int
    step: int = 0
    acked_at: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker has taken to deliver: a parcel of notices (or none: a letter that asks for confirmation) for one channel, until
    the lease ends. ``tries`` counts this one; ``more`` counts the notices that are not told; ``secret`` is an e-mail's own, for its link."""

    parcel: str
    channel: Channel
    until: int
    tries: int
    urgent: bool
    notices: tuple[Stored, ...]
    more: int
    secret: str = ""


def add(connection: sqlite3.Connection, told: Iterable[Notice | Answered]) -> None:
    """Put notices in, inside the caller's transaction, and let go of those that are answered by what came after them. A notice whose
    key its recipient has already is left out."""
    new: list[Notice] = []
    for each in told:
        if isinstance(each, Notice):
            new.append(each)
        else:
            _insert(connection, new)
            new = []
            _answer(connection, each)
    _insert(connection, new)


def _insert(connection: sqlite3.Connection, notices: Sequence[Notice]) -> None:
    rows = [
        (n.crew, n.player, n.crew, n.player, n.kind, n.key, n.question, msgspec.json.encode(n.facts).decode(), n.deputy, n.at, n.at) for n in notices
    ]
    connection.executemany(
        "INSERT INTO notice SELECT ?, ?, COALESCE((SELECT MAX(id) FROM notice WHERE crew=? AND player=?), 0) + 1, "
        "?, ?, ?, ?, ?, ?, NULL, NULL, 0, ? WHERE true ON CONFLICT (crew, player, key) DO NOTHING",
        rows,
    )


def _answer(connection: sqlite3.Connection, answered: Answered) -> None:
    marks = ", ".join("?" * len(answered.kinds))
    whose = "AND player=?" if answered.player is not None else ""
    values = (answered.crew, answered.question, *answered.kinds, *filter(None, (answered.player,)))
    sql = f"SELECT player, id FROM notice WHERE crew=? AND question IS ? AND kind IN ({marks}) {whose} AND read_at IS NULL"
    for player, number in connection.execute(sql, values).fetchall():
        acknowledge(connection, answered.crew, player, number, answered.at)


def acknowledge(connection: sqlite3.Connection, crew: str, player: str, number: int, now: int) -> bool:
    """A notice comes no more, and what of it is on its way is let go of; whether there is one. Twice does no harm."""
    sql = "UPDATE notice SET acked_at=COALESCE(acked_at, ?), read_at=COALESCE(read_at, ?), next_at=NULL WHERE crew=? AND player=? AND id=?"
    if not connection.execute(sql, (now, now, crew, player, number)).rowcount:
        return False
    sql = "UPDATE delivery SET state='dropped', next_at=NULL WHERE crew=? AND player=? AND notice=? AND next_at IS NOT NULL"
    connection.execute(sql, (crew, player, number))
    return True


def stored(row: Row) -> Stored:
    """A notice from its row."""
    crew, player, number, kind, question, facts, at, key, deputy, step, acked_at = row
    notice = Notice(crew, player, kind, key, at, question, msgspec.json.decode(facts, type=dict[str, int | str]), deputy)
    return Stored(notice, number, step, acked_at)


# planning


def next_due(database: Database) -> int | None:
    """When something is next to be done, UTC microseconds; in the past where it is now."""
    notices = database.read("SELECT MIN(next_at) FROM notice WHERE next_at IS NOT NULL")[0][0]
    deliveries = database.read("SELECT MIN(MAX(next_at, claimed_until)) FROM delivery WHERE next_at IS NOT NULL")[0][0]
    return min((due for due in (notices, deliveries) if due is not None), default=None)


def plan(connection: sqlite3.Connection, now: int) -> int:
    """Turn what is due into deliveries: notices into one a channel, and what was collected into parcels. Returns how many were due."""
    sql = f"SELECT {FIELDS} FROM notice WHERE next_at<=? ORDER BY next_at LIMIT ?"
    due = [stored(row) for row in connection.execute(sql, (now, _AT_ONCE))]
    for kept in due:
        _plan_one(connection, kept, now)
    sql = "SELECT DISTINCT player, channel FROM delivery WHERE state='collected' AND next_at<=? LIMIT ?"
    parcels = connection.execute(sql, (now, _AT_ONCE)).fetchall()
    for player, channel in parcels:
        sql = "UPDATE delivery SET parcel=?, state='waiting' WHERE player=? AND channel=? AND state='collected' AND next_at<=?"
        connection.execute(sql, (secrets.token_hex(16), player, channel, now))
    return len(due) + len(parcels)


def _plan_one(connection: sqlite3.Connection, kept: Stored, now: int) -> None:
    notice, step = kept.notice, kept.step
    following: int | None = None
    if notice.urgent and kept.acked_at is None:
        if step == DEPUTY_STEP:
            _tell_deputy(connection, kept, now)
        else:
            _note_step(connection, kept, now)
            last = step + 1 == DEPUTY_STEP
            following = max(notice.at + REPEATS[step + 1], now + _LEAST_GAP) if not last else now if notice.deputy is not None else None
    if step < DEPUTY_STEP and kept.acked_at is None:
        _send(connection, kept, now)
    key = (notice.crew, notice.player, kept.id)
    connection.execute("UPDATE notice SET step=?, next_at=? WHERE crew=? AND player=? AND id=?", (step + 1, following, *key))


def _send(connection: sqlite3.Connection, kept: Stored, now: int) -> None:
    notice = kept.notice
    habit = habits.load(connection.execute(habits.LOAD, (notice.player,)).fetchall(), "UTC")
    waits = None if notice.urgent else habit.waits_until(now)
    if kept.step:  # what an earlier step could not deliver is not worth trying any longer: this one says the same
        sql = "UPDATE delivery SET state='failed', next_at=NULL WHERE crew=? AND player=? AND notice=? AND state='waiting' AND claimed_until<=?"
        connection.execute(sql, (notice.crew, notice.player, kept.id, now))
    for row in connection.execute(channels.LOAD, (notice.player,)).fetchall():
        channel = channels.of(row)
        if channel.wants(notice.kind):
            channels.put(
                connection, channel, notice.crew, kept.id, now, next_at=now if waits is None else waits, step=kept.step,
                urgent=notice.urgent, state="waiting" if waits is None else "collected",
            )  # fmt: skip


def _note_step(connection: sqlite3.Connection, kept: Stored, now: int) -> None:
    """A step of an urgent notice is on the record, whatever channels there are: it was put before its recipient, here, at this time."""
    parcel, notice = secrets.token_hex(16), kept.notice
    row = (parcel, parcel, notice.crew, notice.player, kept.id, None, kept.step, True, "sent", 1, now, None, 0, now, None)
    connection.execute("INSERT INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _tell_deputy(connection: sqlite3.Connection, kept: Stored, now: int) -> None:
    notice = kept.notice
    assert notice.deputy is not None, "this step is planned where there is one"
    _note_step(connection, kept, now)
    key, facts = f"deputy/{notice.player}/{notice.key}", {**notice.facts, "instead_of": notice.player}
    add(connection, [Notice(notice.crew, notice.deputy, notice.kind, key, now, notice.question, facts)])


# delivering


def claim(connection: sqlite3.Connection, now: int, may: Callable[[Channel], bool] = lambda channel: True, most: int = 64) -> list[Claim]:
    """Take what is due and ``may`` be taken, one parcel a channel and what is urgent first. An e-mail's letter is written down with it."""
    sql = (
        f"SELECT {_CHANNEL}, d.parcel, MIN(CASE d.urgent WHEN 1 THEN d.next_at - {_FIRST} ELSE d.next_at END) AS turn "
        "FROM delivery d JOIN channel c ON c.player=d.player AND c.id=d.channel "
        "WHERE d.next_at<=? AND d.state='waiting' AND d.claimed_until<=? GROUP BY d.channel ORDER BY turn"
    )
    claims: list[Claim] = []
    for row in connection.execute(sql, (now, now)).fetchall():
        channel = channels.of(row[:-2])
        if len(claims) < most and may(channel) and (taken := _claim_one(connection, channel, row[-2], now)) is not None:
            claims.append(taken)
    return claims


def _claim_one(connection: sqlite3.Connection, channel: Channel, parcel: str, now: int) -> Claim | None:
    until = now + LEASE
    sql = "UPDATE delivery SET claimed_until=?, tries=tries+1 WHERE parcel=? AND state='waiting' AND claimed_until<=?"
    if not connection.execute(sql, (until, parcel, now)).rowcount:
        return None  # somebody else was first
    held = connection.execute("SELECT crew, notice, tries, urgent FROM delivery WHERE parcel=? ORDER BY at, crew, notice", (parcel,)).fetchall()
    found = [
        stored(connection.execute(f"SELECT {FIELDS} FROM notice WHERE crew=? AND player=? AND id=?", (crew, channel.player, number)).fetchone())
        for crew, number, _, _ in held[:MOST_TOLD]
        if number is not None
    ]
    secret = ""
    if channel.kind == EMAIL:
        secret = secrets.token_urlsafe(16)
        channels.keep_letter(connection, "unsubscribe" if found else "confirm", secret, channel, now)
    tries, urgent = max(row[2] for row in held), any(row[3] for row in held)
    return Claim(parcel, channel, until, tries, urgent, tuple(found), len(held) - len(held[:MOST_TOLD]), secret)


def finish(connection: sqlite3.Connection, claimed: Claim, now: int, why: str | None = None, *, for_good: bool = False) -> None:
    """Write down what came of a claim: it was sent, or (with ``why``) it was not and is tried again, if that is of any use.

    Nothing, where the lease has ended meanwhile and somebody else has taken it over.
    """
    mine = (claimed.parcel, claimed.until)
    where = "WHERE parcel=? AND claimed_until=? AND state='waiting'"
    if why is None:
        connection.execute(f"UPDATE delivery SET state='sent', sent_at=?, next_at=NULL, error=NULL {where}", (now, *mine))
    elif for_good or claimed.tries > len(PAUSES):
        connection.execute(f"UPDATE delivery SET state='failed', next_at=NULL, error=? {where}", (why, *mine))
    else:
        again = now + PAUSES[claimed.tries - 1]
        if not claimed.urgent:
            habit = habits.load(connection.execute(habits.LOAD, (claimed.channel.player,)).fetchall(), "UTC")
            again = habit.awake(again)
        connection.execute(f"UPDATE delivery SET next_at=?, claimed_until=0, error=? {where}", (again, why, *mine))


def drop(connection: sqlite3.Connection, claimed: Claim) -> None:
    """Send nothing: its recipient may no longer see what it would tell, or it needs no telling any more."""
    sql = "UPDATE delivery SET state='dropped', next_at=NULL WHERE parcel=? AND claimed_until=?"
    connection.execute(sql, (claimed.parcel, claimed.until))


def prune(connection: sqlite3.Connection, now: int) -> None:
    """Let go of what is older than anybody looks for."""
    connection.execute("DELETE FROM delivery WHERE at<? AND next_at IS NULL", (now - KEEP,))
    connection.execute("DELETE FROM notice WHERE at<? AND next_at IS NULL", (now - KEEP,))
    for what, kept in (("asked", DAY), ("confirm", channels.CONFIRM_FOR), ("unsubscribe", channels.UNSUBSCRIBE_FOR)):
        connection.execute("DELETE FROM letter WHERE what=? AND at<?", (what, now - kept))


class Step(NamedTuple):
    """What happened to a notice on its way: on which channel (none: the inbox), when it was put there, and what came of it."""

    notice: int
    channel: str | None
    step: int
    state: str
    at: int
    sent_at: int | None
    error: str | None


def trail(database: Database, crew: str, player: str, numbers: Sequence[int]) -> list[Step]:
    """The steps of some of a player's notices, in order of time."""
    marks = ", ".join("?" * len(numbers))
    sql = (
        "SELECT d.notice, c.kind, d.step, d.state, d.at, d.sent_at, d.error FROM delivery d "
        "LEFT JOIN channel c ON c.player=d.player AND c.id=d.channel "
        f"WHERE d.crew=? AND d.player=? AND d.notice IN ({marks}) ORDER BY d.at, d.step, d.channel"
    )
    return [Step(*row) for row in database.read(sql, (crew, player, *numbers))] if numbers else []


def latest(database: Database, player: str, channel: str) -> tuple[str, int, str | None, int] | None:
    """What came of the latest delivery by a channel that has been tried: state, when it was sent, why not, when it was put there."""
    sql = (
        "SELECT state, sent_at, error, at FROM delivery WHERE player=? AND channel=? AND (sent_at IS NOT NULL OR error IS NOT NULL) "
        "ORDER BY COALESCE(sent_at, at) DESC LIMIT 1"
    )
    rows = database.read(sql, (player, channel))
    return rows[0] if rows else None
