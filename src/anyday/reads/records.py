"""What the rows say of how well people and mechanisms did: settled questions only, whoever asks.

Every sum here is over questions whose state is ``settled``, so nothing an open question holds, sealed or seen, can move
one. A question that is called off, or corrected to that, leaves every sum again. Instants in UTC microseconds, points in
micro-points, scores as the events have them (micro-nats, ppm, parts per 10^9).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

import msgspec

from anyday.market.scores import Said
from anyday.rules import events as e
from anyday.rules.ledger import MARKET, player_account, question_stream
from anyday.rules.record import DAYS, START
from anyday.store import codec
from anyday.store.database import Database

#: All of time, for sums over everything.
ALWAYS: Final = (0, 2**62)
#: The looks that know when it happened, in days before it; the last that stood; and the one that does not know.
LOOKS: Final = (*DAYS, START)

Span = tuple[int, int]

_SETTLED: Final = "q.crew = ? AND q.state = 'settled' AND q.hidden = 0 AND q.ruled_at >= ? AND q.ruled_at < ?"
#: What everybody had at stake in the settled questions of a span. Without its index named, SQLite reads every stake for each question.
_STAKES: Final = f"question q JOIN stake s INDEXED BY stake_by_question ON s.crew = q.crew AND s.question = q.id WHERE {_SETTLED}"
#: The same of one player.
_STAKES_OF: Final = f"question q JOIN stake s ON s.crew = q.crew AND s.question = q.id WHERE {_SETTLED} AND s.player = ?"
#: Patterns of those who said something.
ANY_MECHANISM: Final = "[^p]*"
ANY_PLAYER: Final = "player/*"
_PLAYER: Final = player_account("x")[:-1]


class Profit(NamedTuple):
    """What a player made in one mechanism over so many settled questions."""

    player: str
    mechanism: str
    questions: int
    profit: int


class MeanMark(NamedTuple):
    """What one said at one look, over so many questions: the sums of the scores."""

    who: str
    days: int
    questions: int
    log: int
    crps: int
    brier: int


class Claimed(NamedTuple):
    """What one said at ``START`` of one question: P(before) for later times, and where the outcome lay."""

    who: str
    question: str
    low: int
    high: int
    by: tuple[tuple[int, bool], ...]

    @property
    def said(self) -> list[Said]:
        """The claims as the scores take them."""
        return [Said(chance / 1_000_000, true, self.question) for chance, true in self.by]


class SumOfScores(NamedTuple):
    """How a player did in the forecasts: the sum of so many scores in parts per 10^9."""

    player: str
    questions: int
    total: int


class Played(NamedTuple):
    """A settled question as one player has it behind them; ``distance`` is none without a guess, or where none could win."""

    question: str
    title: str
    ruled_at: int
    never: int
    start: int
    end: int
    profit: int | None
    score: int | None
    guessed: int
    distance: int | None


class Ended(NamedTuple):
    """A settled question, how the market's curve stood 30 days before and last, and the best of those who said a curve then and
    the best profit."""

    id: str
    title: str
    ruled_at: int
    never: int
    start: int
    end: int
    plays: str
    early: int | None
    last: int | None


def count_settled(database: Database, crew: str, span: Span = ALWAYS) -> int:
    """How many questions were ruled in the span and stand settled."""
    sql = f"SELECT COUNT(*) FROM question q WHERE {_SETTLED}"
    return int(database.read(sql, (crew, *span))[0][0])


def count_by_mechanism(database: Database, crew: str, span: Span = ALWAYS) -> dict[str, int]:
    """How many settled questions each mechanism was played on."""
    sql = f"SELECT q.plays, COUNT(*) FROM question q WHERE {_SETTLED} GROUP BY q.plays"
    found: defaultdict[str, int] = defaultdict(int)
    for plays, count in database.read(sql, (crew, *span)):
        for name in plays.split(","):
            found[name] += count
    return dict(found)


def profits(database: Database, crew: str, span: Span = ALWAYS, player: str | None = None) -> list[Profit]:
    """What each player made, by mechanism: what was paid less what their standing bets cost."""
    rows = database.read(
        f"SELECT s.player, s.mechanism, COUNT(*), SUM(s.net + s.paid) FROM {_STAKES if player is None else _STAKES_OF}"
        " GROUP BY s.player, s.mechanism",
        (crew, *span, *(() if player is None else (player,))),
    )
    return [Profit(*row) for row in rows]


def count_played(database: Database, crew: str, span: Span = ALWAYS, player: str | None = None) -> dict[str, int]:
    """In how many settled questions each player has had a stake, in whatever mechanism."""
    rows = database.read(
        f"SELECT s.player, COUNT(DISTINCT s.question) FROM {_STAKES if player is None else _STAKES_OF} GROUP BY s.player",
        (crew, *span, *(() if player is None else (player,))),
    )
    return {who: int(count) for who, count in rows}


def marks(database: Database, crew: str, who: str, span: Span = ALWAYS) -> list[MeanMark]:
    """The sums of scores by who said it and how long before: of one (a mechanism, or ``player/…``), or of ``ANY_MECHANISM`` or ``ANY_PLAYER``."""
    rows = database.read(
        "SELECT m.who, m.days, COUNT(*), SUM(m.log), SUM(m.crps), SUM(m.brier) FROM question q"
        f" JOIN said m ON m.crew = q.crew AND m.question = q.id WHERE {_SETTLED} AND m.who GLOB ? GROUP BY m.who, m.days",
        (crew, *span, who),
    )
    return [MeanMark(*row) for row in rows]


def claims(database: Database, crew: str, who: str, span: Span = ALWAYS) -> dict[str, list[Claimed]]:
    """What was said at the look that does not know the outcome, by who said it; of whom as in ``marks``."""
    rows = database.read(
        "SELECT m.who, m.question, m.low, m.high, m.claims FROM question q JOIN said m ON m.crew = q.crew AND m.question = q.id"
        f" WHERE {_SETTLED} AND m.days = {START} AND m.who GLOB ? ORDER BY m.question, m.who",
        (crew, *span, who),
    )
    found: defaultdict[str, list[Claimed]] = defaultdict(list)
    for name, question, low, high, text in rows:
        found[name].append(Claimed(name, question, low, high, _BY.decode(text)))
    assert all(said.question for held in found.values() for said in held), "a claim is of a question"
    return dict(found)


_BY: Final = msgspec.json.Decoder(tuple[tuple[int, bool], ...])


def player_of(who: str) -> str | None:
    """The player who said it, or none for a mechanism."""
    return who[len(_PLAYER) :] if who.startswith(_PLAYER) else None


def forecast_scores(database: Database, crew: str, span: Span = ALWAYS, player: str | None = None) -> list[SumOfScores]:
    """The sums of each player's forecast scores."""
    whom, values = ("", ()) if player is None else (" AND r.player = ?", (player,))
    rows = database.read(
        "SELECT r.player, COUNT(*), SUM(r.score) FROM question q JOIN result r ON r.crew = q.crew AND r.question = q.id"
        f" WHERE {_SETTLED} AND r.mechanism = 'forecast'"
        f" AND r.score IS NOT NULL{whom} GROUP BY r.player",
        (crew, *span, *values),
    )
    return [SumOfScores(*row) for row in rows]


def distances(database: Database, crew: str, player: str) -> list[int | None]:
    """How far, in grains, a player's nearest guess was on each settled question; none where it could not win. Sorted, none last."""
    rows = database.read(
        "SELECT r.score FROM question q JOIN result r ON r.crew = q.crew AND r.question = q.id"
        " WHERE q.crew = ? AND q.state = 'settled' AND r.mechanism = 'closest' AND r.player = ? ORDER BY r.score IS NULL, r.score",
        (crew, player),
    )
    return [score for (score,) in rows]


def played(database: Database, crew: str, player: str, most: int) -> list[Played]:
    """The settled questions in which a player has had a stake, the latest first."""
    rows = database.read(
        "SELECT q.id, q.title, q.ruled_at, q.never, q.start, q.end, SUM(s.net + s.paid),"
        " (SELECT r.score FROM result r WHERE r.crew = q.crew AND r.question = q.id AND r.player = s.player AND r.mechanism = 'forecast'),"
        " (SELECT COUNT(*) FROM result r WHERE r.crew = q.crew AND r.question = q.id AND r.player = s.player AND r.mechanism = 'closest'),"
        " (SELECT r.score FROM result r WHERE r.crew = q.crew AND r.question = q.id AND r.player = s.player AND r.mechanism = 'closest')"
        " FROM stake s JOIN question q ON q.crew = s.crew AND q.id = s.question WHERE s.crew = ? AND s.player = ? AND q.state = 'settled'"
        " AND q.hidden = 0"
        " GROUP BY q.id ORDER BY q.ruled_at DESC, q.id LIMIT ?",
        (crew, player, most),
    )
    return [Played(*row) for row in rows]


def ended(database: Database, crew: str, span: Span, most: int) -> list[Ended]:
    """The questions ruled in the span that stand settled, the latest first, with the CRPS of the market's curve."""
    rows = database.read(
        "SELECT q.id, q.title, q.ruled_at, q.never, q.start, q.end, q.plays,"
        f" (SELECT m.crps FROM said m WHERE m.crew = q.crew AND m.question = q.id AND m.who = '{MARKET}' AND m.days = 30),"
        f" (SELECT m.crps FROM said m WHERE m.crew = q.crew AND m.question = q.id AND m.who = '{MARKET}' AND m.days = 0)"
        f" FROM question q WHERE {_SETTLED} ORDER BY q.ruled_at DESC, q.id LIMIT ?",
        (crew, *span, most),
    )
    return [Ended(*row) for row in rows]


class Best(NamedTuple):
    """On one question: who did best, and by what number."""

    question: str
    player: str
    value: int


def best_early(database: Database, crew: str, span: Span, days: int = 30) -> list[Best]:
    """On each settled question, the player whose forecast ``days`` before had the least CRPS (ppm); the best first."""
    rows = database.read(
        "SELECT m.question, m.who, m.crps FROM question q JOIN said m ON m.crew = q.crew AND m.question = q.id"
        f" WHERE {_SETTLED} AND m.days = ? AND m.who GLOB '{ANY_PLAYER}'"
        " ORDER BY m.crps, m.question, m.who",
        (crew, *span, days),
    )
    found: dict[str, Best] = {}
    for question, who, crps in rows:
        found.setdefault(question, Best(question, player_of(who) or "", crps))
    return list(found.values())


def best_profits(database: Database, crew: str, span: Span) -> list[Best]:
    """On each settled question, who made most, where anybody made anything; the most first."""
    rows = database.read(
        f"SELECT q.id, s.player, SUM(s.net + s.paid) AS made FROM {_STAKES} GROUP BY q.id, s.player HAVING made > 0"
        " ORDER BY made DESC, q.id, s.player",
        (crew, *span),
    )
    found: dict[str, Best] = {}
    for question, player, made in rows:
        found.setdefault(question, Best(question, player, made))
    return list(found.values())


class Note(NamedTuple):
    """A near miss or news: on which question, in which state, how much the curve moved in the day after (ppm; none where it is
    not decided yet, or there was no curve), and its words."""

    question: str
    title: str
    state: str
    at: int
    kind: str
    moved: int | None
    text: str


def notes(database: Database, crew: str, span: Span, most: int = 200) -> list[Note]:
    """The near misses and news entered in the span, the newest first."""
    rows = database.read(
        "SELECT n.question, q.title, q.state, n.at, n.kind, n.moved, v.payload FROM note n"
        " JOIN question q ON q.crew = n.crew AND q.id = n.question"
        f" JOIN event v ON v.crew = n.crew AND v.stream = '{question_stream('x')[:-1]}' || n.question AND v.version = n.version"
        " WHERE n.crew = ? AND q.hidden = 0 AND n.at >= ? AND n.at < ? ORDER BY n.at DESC, n.question, n.version LIMIT ?",
        (crew, *span, most),
    )
    return [Note(*row)._replace(text=_text(codec.decode(row[-1]))) for row in rows]


def _text(event: e.Event) -> str:
    assert isinstance(event, e.Noted), "a note is an entry of its own kind"
    return event.text


class Overdue(NamedTuple):
    """A question that waits for its ruling, and since when its time has been over (none: its betting was closed before)."""

    question: str
    title: str
    resolver: str
    horizon: int
    state: str


def overdue(database: Database, crew: str, now: int, most: int = 200) -> list[Overdue]:
    """The questions without a ruling whose time is over or whose betting was closed, the longest overdue first."""
    rows = database.read(
        "SELECT id, title, resolver, horizon, state FROM question WHERE crew = ? AND hidden = 0"
        " AND (state = 'closed' OR state IN ('open', 'halted') AND horizon <= ?)"
        " ORDER BY horizon, id LIMIT ?",
        (crew, now, most),
    )
    return [Overdue(*row) for row in rows]


class Asked(NamedTuple):
    """A question that was opened."""

    question: str
    title: str
    opened_at: int
    state: str


def asked(database: Database, crew: str, span: Span, most: int = 200) -> list[Asked]:
    """The questions opened in the span, the newest first."""
    rows = database.read(
        "SELECT id, title, opened_at, state FROM question WHERE crew = ? AND hidden = 0 AND opened_at >= ? AND opened_at < ?"
        " ORDER BY opened_at DESC, id LIMIT ?",
        (crew, *span, most),
    )
    return [Asked(*row) for row in rows]


def count_asked(database: Database, crew: str, span: Span) -> int:
    """How many questions were opened in the span."""
    return int(database.read("SELECT COUNT(*) FROM question WHERE crew = ? AND hidden = 0 AND opened_at >= ? AND opened_at < ?", (crew, *span))[0][0])


def count_called_off(database: Database, crew: str, span: Span) -> int:
    """How many questions were called off in the span: nothing happens to them after that."""
    sql = "SELECT COUNT(*) FROM question WHERE crew = ? AND hidden = 0 AND state = 'void' AND at >= ? AND at < ?"
    return int(database.read(sql, (crew, *span))[0][0])


class Counted(NamedTuple):
    """How often a tally's occurrence came in a span, and in the span before it."""

    tally: str
    name: str
    times: int
    before: int


def tallies(database: Database, crew: str, span: Span, before: Span) -> list[Counted]:
    """Every tally's occurrences that count, by when they began, against the span before."""
    rows = database.read(
        "SELECT t.id, t.name, COALESCE(SUM(o.start >= ? AND o.start < ?), 0), COALESCE(SUM(o.start >= ? AND o.start < ?), 0) FROM tally t"
        " LEFT JOIN occurrence o ON o.crew = t.crew AND o.tally = t.id AND o.struck = 0 WHERE t.crew = ? GROUP BY t.id ORDER BY t.name, t.id",
        (*span, *before, crew),
    )
    return [Counted(*row) for row in rows]
