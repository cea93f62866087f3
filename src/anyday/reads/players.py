"""What the rows say of players: members, accounts, purses, flows."""

from __future__ import annotations

from typing import NamedTuple

from anyday.instants import Instant
from anyday.rules.events import Event
from anyday.rules.ledger import CREW, owed_account, player_account, question_of
from anyday.rules.purse import Purse
from anyday.store import codec
from anyday.store.database import Database


class MemberRow(NamedTuple):
    """A member: the player's opaque id, and whether a machine plays it."""

    player: str
    simulated: bool
    gone: bool


def members(database: Database, crew: str) -> list[MemberRow]:
    """Whoever has ever been a member of the crew, in the order in which they joined first."""
    rows = database.read("SELECT player, simulated, gone FROM member WHERE crew = ? ORDER BY at, player", (crew,))
    return [MemberRow(player, bool(simulated), bool(gone)) for player, simulated, gone in rows]


def crews(database: Database, player: str) -> list[str]:
    """The ids of the crews that a player belongs to, in the order in which they joined."""
    sql = "SELECT crew FROM member WHERE player = ? AND gone = 0 ORDER BY at, crew != ?, crew"  # at one instant, the first first
    rows = database.read(sql, (player, CREW))
    return [crew for (crew,) in rows]


def balance(database: Database, crew: str, account: str) -> int:
    """What an account holds, in micro-points; zero for one that was never posted to."""
    rows = database.read("SELECT balance FROM account WHERE crew = ? AND account = ?", (crew, account))
    return int(rows[0][0]) if rows else 0


def purse(database: Database, crew: str, player: str, now: Instant, lag: int) -> Purse:
    """A player's points as of ``now``: young flows on unsettled questions apart from what is settled."""
    young = database.read(
        "SELECT f.question, f.at, f.released - f.charge FROM flow f JOIN question q ON q.crew = f.crew AND q.id = f.question"
        " JOIN event v ON v.crew = f.crew AND v.stream = f.stream AND v.version = f.version"
        " WHERE f.crew = ? AND f.player = ? AND f.at >= ? AND q.state NOT IN ('settled', 'void') ORDER BY v.seq",
        (crew, player, now - lag),
    )  # in the order in which they were written: several may carry one instant, in streams of other names
    held = balance(database, crew, player_account(player))
    result = Purse(held - sum(amount for _, _, amount in young), -balance(database, crew, owed_account(player)))
    for question, at, amount in young:
        result.flow(question, Instant(at), amount)
    assert result.balance == held, "young and settled points make up the account"
    return result


class LedgerRow(NamedTuple):
    """One event that posted to an account: when, in which stream, the event, the amount in micro-points; and the question's title."""

    at: int
    stream: str
    event: Event
    amount: int
    title: str | None


def ledger(database: Database, crew: str, player: str, most: int) -> list[LedgerRow]:
    """What moved a player's points, the newest first. Every posting comes of a flow of theirs or of a line of some timeline: by these it is
    found, without an index that every bet pays for."""
    rows = database.read(
        "WITH line (stream, version) AS (SELECT stream, version FROM flow WHERE crew = ?1 AND player = ?2"
        " UNION SELECT stream, version FROM entry WHERE crew = ?1)"
        " SELECT v.at, l.stream, v.payload, p.amount FROM line l CROSS JOIN posting p ON p.crew = ?1 AND p.stream = l.stream"
        " AND p.version = l.version AND p.account = ?3 JOIN event v ON v.crew = ?1 AND v.stream = l.stream AND v.version = l.version"
        " ORDER BY v.seq DESC LIMIT ?4",
        (crew, player, player_account(player), most),
    )
    titles: dict[str, str] = dict(database.read("SELECT id, title FROM question WHERE crew = ?", (crew,)))
    return [LedgerRow(at, stream, codec.decode(payload), amount, titles.get(question_of(stream))) for at, stream, payload, amount in rows]


class StakeRow(NamedTuple):
    """A question in which a player has, or had, a stake. ``net`` is what standing bets brought in so far (mostly negative),
    ``paid`` what a ruling paid, both in micro-points; ``hidden`` where somebody whom it is about does not want it shown."""

    question: str
    title: str
    state: str
    bets: int
    net: int
    paid: int
    hidden: int


def stakes(database: Database, crew: str, player: str) -> list[StakeRow]:
    """Questions in which the player has, or had, a stake, the newest first."""
    rows = database.read(
        "SELECT q.id, q.title, q.state, SUM(s.bets), SUM(s.net), SUM(s.paid), q.hidden FROM stake s"
        " JOIN question q ON q.crew = s.crew AND q.id = s.question WHERE s.crew = ? AND s.player = ?"
        " GROUP BY q.id, q.title, q.state, q.at, q.hidden ORDER BY q.at DESC, q.id LIMIT 500",
        (crew, player),
    )
    return [StakeRow(*row) for row in rows]
