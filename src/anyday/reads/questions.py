"""What the rows say of questions: the board's list, a question's flows and its timeline."""

from __future__ import annotations

from typing import Final, NamedTuple

from anyday.rules.events import Event
from anyday.rules.ledger import MARKET, question_stream
from anyday.store import codec
from anyday.store.database import Database

PAGE: Final = 200
#: How many bets are told at a time.
FLOWS: Final = 50
#: How many ended questions the board remembers.
LATELY: Final = 40


class QuestionRow(NamedTuple):
    """One question of the board. Instants in UTC microseconds."""

    id: str
    version: int
    at: int
    state: str
    title: str
    resolver: str
    opened_at: int
    horizon: int
    bets: int
    closes: int
    plays: str


class FlowRow(NamedTuple):
    """A bet, or a collection (without grains). Micro-points; ``standing`` is false once a ruling voided it."""

    version: int
    player: str
    at: int
    first: int | None
    last: int | None
    complement: int | None
    shares: int
    charge: int
    released: int
    standing: int


class EntryRow(NamedTuple):
    """A line of a stream's timeline with its event."""

    version: int
    at: int
    event: Event


_COLUMNS: Final = "id, version, at, state, title, resolver, opened_at, horizon, bets, closes, plays"


def questions(database: Database, crew: str) -> list[QuestionRow]:
    """The crew's questions: the open ones, then those that ended lately."""
    sql = f"SELECT {_COLUMNS} FROM question WHERE crew = ? AND state {{}} ORDER BY at DESC, id LIMIT ?"
    live = database.read(sql.format("NOT IN ('settled', 'void')"), (crew, PAGE))
    ended = database.read(sql.format("IN ('settled', 'void')"), (crew, LATELY))
    return [QuestionRow(*row) for row in live + ended]


def question(database: Database, crew: str, question_id: str) -> QuestionRow | None:
    """One question's row."""
    rows = database.read(f"SELECT {_COLUMNS} FROM question WHERE crew = ? AND id = ?", (crew, question_id))
    return QuestionRow(*rows[0]) if rows else None


def flows(
    database: Database, crew: str, question_id: str, before: int = 2**62, until: int = 2**62, player: str | None = None
) -> list[FlowRow]:
    """The newest bets and collections of the market before a version, ``FLOWS`` at most: those made before ``until``, and the player's own;
    of sealed bets that stayed out at the bell, the player's own alone."""
    rows = database.read(
        "SELECT version, player, at, first, last, complement, shares, charge, released, standing FROM flow"
        " WHERE crew = ? AND stream = ? AND mechanism = ? AND version < ? AND ((at < ? AND (shares != 0 OR first IS NULL)) OR player = ?)"
        " ORDER BY version DESC LIMIT ?",
        (crew, question_stream(question_id), MARKET, before, until, player, FLOWS),
    )
    return [FlowRow(*row) for row in rows]


def staked(database: Database, crew: str, player: str) -> set[str]:
    """The ids of the questions in which the player has ever had a stake."""
    return {row[0] for row in database.read("SELECT question FROM stake WHERE crew = ? AND player = ?", (crew, player))}


def entries(database: Database, crew: str, stream: str) -> list[EntryRow]:
    """A stream's timeline, the newest first: everything but bets and collections."""
    rows = database.read(
        "SELECT n.version, n.at, v.payload FROM entry n JOIN event v ON v.crew = n.crew AND v.stream = n.stream AND v.version = n.version"
        f" WHERE n.crew = ? AND n.stream = ? ORDER BY n.version DESC LIMIT {PAGE}",
        (crew, stream),
    )
    return [EntryRow(version, at, codec.decode(payload)) for version, at, payload in rows]


class ToldRow(NamedTuple):
    """Something that was put on a question's timeline; ``text`` of a comment that was not erased."""

    question: str
    title: str
    version: int
    at: int
    event: Event
    text: str | None


def told(database: Database, crew: str, before: int, most: int = FLOWS) -> list[ToldRow]:
    """Near misses, news, comments and thanks of the whole crew before an instant (UTC microseconds), the newest first; not of what is
    not shown."""
    rows = database.read(
        "SELECT q.id, q.title, n.version, n.at, v.payload, r.text FROM entry n"
        " JOIN question q ON q.crew = n.crew AND q.id = substr(n.stream, ?)"
        " JOIN event v ON v.crew = n.crew AND v.stream = n.stream AND v.version = n.version"
        " LEFT JOIN remark r ON r.crew = n.crew AND r.stream = n.stream AND r.version = n.version"
        " WHERE n.crew = ? AND n.kind IN ('noted', 'commented', 'thanked') AND n.at < ? AND q.hidden = 0"
        " ORDER BY n.at DESC, q.id, n.version DESC LIMIT ?",
        (len(question_stream("x")), crew, before, most),
    )
    return [ToldRow(question, title, version, at, codec.decode(payload), text) for question, title, version, at, payload, text in rows]
