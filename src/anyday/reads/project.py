"""From events to read rows: one way for the writer, which adds a batch's rows to its transaction, and for the rebuild,
which starts from zero and must arrive at equal rows.

Rows hold integers of the log only; whatever needs a price is asked of the folded question instead.
"""

from __future__ import annotations

import functools
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from anyday.market import MECHANISMS
from anyday.rules import events as e
from anyday.rules import purse as purses
from anyday.rules.duties import RESOLVER
from anyday.rules.ledger import CREW_STREAM, HIDDEN, Flowing, flow_of, hidden_streams, is_hidden, postings, question_of, question_stream, tally_of
from anyday.rules.purse import Purse
from anyday.rules.question import WITHDRAWN
from anyday.store import log
from anyday.store.schema import READ_TABLES

#: A rebuild writes the rows of so many events at a time.
FLUSH_EVERY: Final = 5_000

_UPSERT_STAKE: Final = (
    "INSERT INTO stake VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (crew, player, question, mechanism) DO UPDATE"
    " SET bets = bets + excluded.bets, net = net + excluded.net, paid = paid + excluded.paid"
)
_UPSERT_PURSE: Final = "INSERT INTO purse VALUES (?, ?, ?, ?) ON CONFLICT (crew, player) DO UPDATE SET floor = excluded.floor, as_of = excluded.as_of"


class Rows:
    """The rows of a run of events, collected and written together. ``purse`` gives a player's points in a crew, folded so far."""

    def __init__(self, purse: Callable[[str, str], Purse]) -> None:
        self._purse = purse
        self._statements: list[tuple[str, tuple[Any, ...]]] = []
        self._postings: list[tuple[Any, ...]] = []
        self._accounts: Counter[tuple[str, str]] = Counter()
        self._flows: list[tuple[Any, ...]] = []
        self._stakes: defaultdict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._touched: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._entries: list[tuple[Any, ...]] = []
        self._purses: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, logged: log.Logged, event: e.Event, lag: int) -> None:
        """One more event: its purses move, its rows are noted."""
        crew, stream, version, at = logged[:4]
        purse = functools.partial(self._purse, crew)
        for player in purses.apply(purse, lag, stream, event):
            self._purses[crew, player] = (purse(player).floor, at)
        for account, amount in postings(stream, event):
            self._postings.append((crew, stream, version, account, amount))
            self._accounts[crew, account] += amount
        if isinstance(event, Flowing):  # everything else is a line of the timeline
            self._flow(crew, stream, version, event)
        else:
            self._entries.append((crew, stream, version, at, e.kind(event)))
            self._note(crew, stream, version, event)

    def moved(self, crew: str, account: str) -> int:
        """What the events so far post to an account, in micro-points."""
        return self._accounts[crew, account]

    def _flow(self, crew: str, stream: str, version: int, event: Flowing) -> None:
        question, flow = question_of(stream), flow_of(event)
        shares = event.shares if isinstance(event, e.BetPlaced | e.Filled) else 0
        what: tuple[Any, ...] = (None, None, None)
        if isinstance(event, e.BetPlaced | e.Filled | e.Staked | e.Guessed):
            what = (event.first, event.last, int(event.complement))
        moved = (shares, flow.charge, flow.released, 1)
        self._flows.append((crew, stream, version, question, flow.mechanism, event.player, event.at, *what, *moved))
        bets = int(not isinstance(event, e.Collected | e.SealedBet) and not (isinstance(event, e.Filled) and not event.shares))
        stake = self._stakes[crew, event.player, question, flow.mechanism]
        stake[0] += bets
        stake[1] += flow.released - flow.charge
        if not is_hidden(stream):  # what is sealed leaves no trace on the question
            _, _, before = self._touched.get((crew, question), (0, 0, 0))
            self._touched[crew, question] = (version, event.at, before + bets)

    def _note(self, crew: str, stream: str, version: int, event: e.Event) -> None:
        self._flush_flows()
        run = self._statements.append
        if isinstance(event, e.PlayerJoined):
            run((_JOIN, (crew, event.player, int(event.simulated), event.at, int(event.guest))))
        elif isinstance(event, e.MadePlayer):
            run(("UPDATE member SET guest = 0 WHERE crew = ? AND player = ?", (crew, event.player)))
        elif isinstance(event, e.MemberLeft):
            run(("UPDATE member SET gone = ? WHERE crew = ? AND player = ?", (event.at, crew, event.player)))
        elif isinstance(event, e.TallyEvent):
            self._tally(crew, tally_of(stream) or "", version, event)
        elif isinstance(event, e.QuestionOpened):
            end = event.origin + sum(count * length for count, length in event.lengths)
            plays = [name for name in MECHANISMS if getattr(event, name) is not None]
            awaits = len(set(event.subjects) - {event.host})
            values = (
                crew, event.question, version, event.at, "draft" if awaits else "open", event.title, event.resolver, event.at, end,
                event.closes, ",".join(plays), event.tally, awaits, int(awaits > 0),
            )  # fmt: skip
            run(("INSERT INTO question VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, NULL, NULL, NULL, NULL, ?, ?)", values))
        elif isinstance(event, e.QuestionEvent) and stream != CREW_STREAM:
            self._question(crew, question_of(stream), version, event)

    def _question(self, crew: str, question: str, version: int, event: e.QuestionEvent) -> None:
        run, key = self._statements.append, (crew, question)
        state = _STATES.get(type(event))
        if isinstance(event, e.Corrected):
            state = "void" if event.void else "settled"
        run((_STATE, (version, event.at, state, *key)))
        match event:
            case e.Ruled() | e.Corrected():
                ruled_at = (event.at,) if isinstance(event, e.Ruled) else (None,)
                outcome = event.outcome
                run((_OUTCOME, (int(outcome.never), outcome.start, outcome.end, *ruled_at, *key)))
                run((_STANDING, (event.standing, crew, question_stream(question))))
                if isinstance(event, e.Corrected):
                    self._sealed(crew, question, standing=not event.void)
                    self._forget_scores(key)
                    self._paid(crew, question, event.reversed, -1)
                    self._paid(crew, question, event.posted, 1)
            case e.Settled():
                self._paid(crew, question, event.posted, 1)
            case e.Voided():
                self._paid(crew, question, event.posted, 1)
                run((_STANDING, (0, crew, question_stream(question))))
                self._sealed(crew, question, standing=False)
            case e.Consented():
                run((_CONSENTED, key))
            case e.Withdrew():
                run((_WITHDREW, key))
            case e.Judged() if event.verdict == WITHDRAWN:
                run((_REOPENED, key))
                run((_STANDING, (version, crew, question_stream(question))))
            case e.DutyAccepted() | e.DutyReturned() if event.duty == RESOLVER:
                holder = event.by if isinstance(event, e.DutyAccepted) else event.to
                run(("UPDATE question SET resolver = ? WHERE crew = ? AND id = ?", (holder, *key)))
            case e.Noted():
                run(("INSERT INTO note VALUES (?, ?, ?, ?, ?, NULL)", (*key, version, event.at, event.kind)))
            case e.Scored():
                self._scores(key, event)

    def _sealed(self, crew: str, question: str, *, standing: bool) -> None:
        """What is sealed on a question stands or falls as a whole. The rows are found by the names of their streams."""
        for mechanism in HIDDEN:
            beginning = hidden_streams(question, mechanism)
            self._statements.append((_STANDING_HIDDEN, (int(standing), crew, beginning, beginning[:-1] + "0")))  # "0" follows "/"

    def _scores(self, key: tuple[str, str], event: e.Scored) -> None:
        run = self._statements.append
        for who, days, log_score, crps, brier, low, high, by in map(msgspec.structs.astuple, event.marks):
            claims = msgspec.json.encode(by).decode()
            run(("INSERT INTO said VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, who, days, log_score, crps, brier, low, high, claims)))
        for result in event.results:
            run(("INSERT INTO result VALUES (?, ?, ?, ?, ?)", (*key, result.player, result.mechanism, result.score)))
        for move in event.moved:
            run(("UPDATE note SET moved = ? WHERE crew = ? AND question = ? AND version = ?", (move.moved, *key, move.version)))

    def _forget_scores(self, key: tuple[str, str]) -> None:
        for sql in (
            "DELETE FROM said WHERE crew = ? AND question = ?", "DELETE FROM result WHERE crew = ? AND question = ?",
            "UPDATE note SET moved = NULL WHERE crew = ? AND question = ?",
        ):  # fmt: skip
            self._statements.append((sql, key))

    def _tally(self, crew: str, tally: str, version: int, event: e.TallyEvent) -> None:
        run = self._statements.append
        if isinstance(event, e.TallyOpened):
            run(("INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?, ?)", (crew, tally, version, event.at, event.name, event.keeper, event.since)))
            return
        run(("UPDATE tally SET version = ?, at = ? WHERE crew = ? AND id = ?", (version, event.at, crew, tally)))
        if isinstance(event, e.Occurred):
            values = (crew, tally, version, event.at, event.start, event.end, event.question)
            run(("INSERT INTO occurrence VALUES (?, ?, ?, ?, ?, ?, ?, 0)", values))
        else:
            run(("UPDATE occurrence SET struck = 1 WHERE crew = ? AND tally = ? AND version = ?", (crew, tally, event.version)))

    def _paid(self, crew: str, question: str, posted: e.Posted, sign: int) -> None:
        for book in posted.books:
            for line in book.lines:
                if line.paid or line.returned:  # a host who only put up the subsidy has no stake
                    stake = self._stakes[crew, line.player, question, book.mechanism]
                    stake[1] += sign * line.returned
                    stake[2] += sign * line.paid

    def _flush_flows(self) -> None:
        """Keep the order of statements: flows noted so far come before what follows."""
        if self._flows:
            self._statements.append(("", tuple(self._flows)))
            self._flows = []
        for (crew, question), (version, at, bets) in self._touched.items():
            sql = "UPDATE question SET version = ?, at = ?, bets = bets + ? WHERE crew = ? AND id = ?"
            self._statements.append((sql, (version, at, bets, crew, question)))
        self._touched.clear()

    def write(self, connection: sqlite3.Connection) -> None:
        """Write everything inside the caller's transaction."""
        self._flush_flows()
        for sql, values in self._statements:
            if sql:
                connection.execute(sql, values)
            else:
                connection.executemany("INSERT INTO flow VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.executemany("INSERT INTO posting VALUES (?, ?, ?, ?, ?)", self._postings)
        connection.executemany(_ADD_ACCOUNT, list(self._accounts))
        connection.executemany(_MOVE_ACCOUNT, [(amount, *key) for key, amount in self._accounts.items()])
        connection.executemany(_UPSERT_STAKE, [(*key, *values) for key, values in self._stakes.items()])
        connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", self._entries)
        connection.executemany(_UPSERT_PURSE, [(*key, *values) for key, values in self._purses.items()])


_STATES: Final[dict[type, str]] = {
    e.Halted: "halted", e.Resumed: "open", e.Closed: "closed", e.Ruled: "ruled", e.Disputed: "disputed", e.Settled: "settled", e.Voided: "void",
}  # fmt: skip
_JOIN: Final = (
    "INSERT INTO member (crew, player, simulated, at, guest, gone) VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (crew, player) DO UPDATE"
    " SET simulated = excluded.simulated, guest = excluded.guest, gone = 0"
)
_STATE: Final = "UPDATE question SET version = ?, at = ?, state = COALESCE(?, state) WHERE crew = ? AND id = ?"
_CONSENTED: Final = (
    "UPDATE question SET awaits = awaits - 1, state = CASE awaits WHEN 1 THEN 'open' ELSE state END, hidden = awaits > 1 WHERE crew = ? AND id = ?"
)
_WITHDREW: Final = "UPDATE question SET hidden = 1, state = CASE state WHEN 'open' THEN 'halted' ELSE state END WHERE crew = ? AND id = ?"
#: A question that was ruled is hidden only where somebody whom it is about has withdrawn: then it goes back to standing still.
_REOPENED: Final = (
    "UPDATE question SET state = CASE hidden WHEN 1 THEN 'halted' ELSE 'open' END, never = NULL, start = NULL, end = NULL, ruled_at = NULL"
    " WHERE crew = ? AND id = ?"
)
_OUTCOME: Final = "UPDATE question SET never = ?, start = ?, end = ?, ruled_at = COALESCE(?, ruled_at) WHERE crew = ? AND id = ?"
_STANDING: Final = "UPDATE flow SET standing = (version <= ?) WHERE crew = ? AND stream = ?"
_STANDING_HIDDEN: Final = "UPDATE flow SET standing = ? WHERE crew = ? AND stream >= ? AND stream < ?"
_ADD_ACCOUNT: Final = "INSERT INTO account VALUES (?, ?, 0) ON CONFLICT DO NOTHING"
_MOVE_ACCOUNT: Final = "UPDATE account SET balance = balance + ? WHERE crew = ? AND account = ?"


def rebuild(connection: sqlite3.Connection, reader: sqlite3.Connection, progress: Callable[[int], None] | None = None) -> int:
    """Throw the read rows away and make them again from the log, inside the caller's transaction; returns the events.

    ``reader`` is another connection to the same file: it reads the log while ``connection`` writes the rows.
    """
    for table in READ_TABLES:
        connection.execute(f"DELETE FROM {table}")  # the names are the schema's own
    held: defaultdict[tuple[str, str], Purse] = defaultdict(Purse)
    lags: defaultdict[str, int] = defaultdict(int)
    count = 0

    def fresh() -> Rows:
        return Rows(lambda crew, player: held[crew, player])

    rows = fresh()
    for logged in log.scan(reader):
        event = logged.event
        if isinstance(event, e.CrewOpened):
            lags[logged.crew] = event.report_lag
        rows.add(logged, event, lags[logged.crew])
        count += 1
        if count % FLUSH_EVERY == 0:
            rows.write(connection)
            rows = fresh()
            if progress is not None:
                progress(count)
    rows.write(connection)
    assert connection.in_transaction, "a rebuild happens whole or not at all"
    return count


def snapshot(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every read row, table by table; to compare before and after a rebuild."""
    return {table: list(rows(connection, table)) for table in READ_TABLES}


def rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """The rows of one read table, one by one, in the order of its key."""
    assert table in READ_TABLES, "the names are the schema's own"
    key = "1, 2, 3, 4" if table in ("posting", "stake", "said", "result") else "1, 2, 3"
    return connection.execute(f"SELECT * FROM {table} ORDER BY {key}")
