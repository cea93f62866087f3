"""``anyday verify``: recompute everything from the log and name the first bad version.

It opens the file for reading only, beside a running server if there is one, and reads one consistent state of it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Final

import msgspec

from anyday import wire
from anyday.instants import Instant
from anyday.reads import project
from anyday.rules import events as e
from anyday.rules import powers, ruling
from anyday.rules import purse as purses
from anyday.rules.audit import ExactBook, Fault, balanced, conserved, solvent
from anyday.rules.ledger import CREW, CREW_STREAM, MARKET, hidden_streams, player_account, postings, question_of, question_stream, tally_of
from anyday.rules.purse import Purse
from anyday.rules.question import OVER, Crew, History, Question, Tally, evolve, open_question, seal, spoken
from anyday.store import beside, codec, log, schema

_EVERY: Final = 500
_QUESTIONS: Final = question_stream("x")[:-1]


class Auditor:
    """Folds the whole log of one crew again, in the order in which it was written, and checks each step."""

    def __init__(self) -> None:
        self.events = 0
        self.charges = 0
        self.heads: dict[tuple[str, str], tuple[int, bytes, int]] = {}
        self.accounts: Counter[str] = Counter()
        #: What binds the texts of comments, by stream and version.
        self.comments: dict[tuple[str, int], str] = {}
        self._questions: dict[str, Question] = {}
        self._books: dict[str, ExactBook] = {}
        self._events: dict[str, list[e.QuestionEvent]] = {}
        self._hidden: dict[str, list[e.SealedEvent]] = {}
        self._tallies: dict[str, Tally] = {}
        self._purses: dict[str, Purse] = {}
        self._crew: Crew | None = None
        self._lag = 0

    def take(self, logged: log.Logged) -> None:
        """One more event. Raises ``Fault``."""
        self._link(logged)
        try:
            event = logged.event
        except msgspec.ValidationError as error:
            raise Fault(f"the payload is no event: {error}") from error
        if event.at != logged.at:
            raise Fault("the row's time is not the event's")
        lines = postings(logged.stream, event)
        balanced(lines)
        if isinstance(event, e.CrewOpened) and event.crew != logged.crew:
            raise Fault("the crew opens in its own stream")
        self._decided(logged.stream, event)
        self._fold(logged.stream, event)
        for account, amount in lines:
            self.accounts[account] += amount
            if self.accounts[account] < 0 and account.startswith(("player/", "escrow/", "reserve/")):
                raise Fault(f"{account} falls to {self.accounts[account]}")
        purses.apply(self._purse, self._lag, logged.stream, event)
        self.events += 1

    def _link(self, logged: log.Logged) -> None:
        key = logged.crew, logged.stream
        version, head, at = self.heads.get(key, (0, codec.genesis(*key), -(2**62)))
        if logged.version != version + 1:
            raise Fault(f"version {version + 1} is missing")
        if codec.link(head, logged.payload) != logged.hash:
            raise Fault("the hash does not follow from what is before it")
        if logged.at < at:
            raise Fault("time runs backwards")
        self.heads[key] = (logged.version, logged.hash, logged.at)

    def _decided(self, stream: str, event: e.Event) -> None:
        """The rules allow the event, and decide what it decided: exact charges, floors and settlements."""
        if stream == CREW_STREAM:
            if not isinstance(event, e.CrewEvent):
                raise Fault("the crew's stream holds the crew's events")
            powers.crew_may(self._crew, event, self._purse)
            return
        if isinstance(event, e.TallyEvent):
            ruled = self._questions.get(event.question or "") if isinstance(event, e.Occurred) else None
            powers.tally_may(self._crew, self._tallies.get(tally_of(stream) or ""), event, ruled)
            return
        if isinstance(event, e.QuestionOpened):
            powers.host_may(self._crew, event, self._purse, self.accounts, self._tallies)
            return
        question = self._questions.get(question_of(stream))
        if question is None:
            return
        assert self._crew is not None, "a question is opened in a crew"
        if isinstance(event, e.SealedEvent):
            powers.seals(question, self._crew, event, self._purse)
            return
        if not isinstance(event, e.QuestionEvent):
            raise Fault("a question's stream holds a question's events")
        powers.may(question, self._crew, event, self._purse)
        match event:
            case e.BetPlaced():
                self._books[question.id].hold(event)
                self.charges += 1
            case e.Rung():
                self._bell(question, event)
            case e.Settled() | e.Voided() | e.Corrected():
                self._settled(question, event)
            case e.Ruled():
                self._cut(question, event)
            case e.Unsealed():
                self._root(question, event)
            case e.Scored():
                self._score(question, event)

    def _purse(self, player: str) -> Purse:
        return self._purses.setdefault(player, Purse())

    def _settled(self, question: Question, event: e.Settled | e.Voided | e.Corrected) -> None:
        history = self._history(question)
        if isinstance(event, e.Corrected):
            result = ruling.settlement(question, history, self._purse, spoken(event.outcome))
            if (result.void, result.cut, result.standing, result.voided) != (event.void, event.cut, event.standing, event.voided):
                raise Fault("the cut is not the one that follows from the outcome")
        elif question.ruled is not None:
            result = ruling.settlement(question, history, self._purse, spoken(question.ruled.outcome))
        else:
            result = ruling.called_off(question, history, self._purse)
        if not isinstance(event, e.Corrected) and result.void != isinstance(event, e.Voided):
            raise Fault("what is called off is not settled, nor the other way round")
        if result.posted != event.posted:
            raise Fault("the payouts are not those that follow from the bets before the cut")

    def _cut(self, question: Question, event: e.Ruled) -> None:
        result = ruling.settlement(question, self._history(question), self._purse, spoken(event.outcome))
        if (result.cut, result.standing, result.voided) != (event.cut, event.standing, event.voided):
            raise Fault("the cut is not the one that follows from the outcome")

    def _history(self, question: Question) -> History:
        return History(self._events[question.id], self._hidden[question.id])

    def _bell(self, question: Question, event: e.Rung) -> None:
        self._root(question, event)
        filled = [(question.orders[line.player][line.number].claim, line.shares, line.charge) for line in event.lines if line.shares]
        self._books[question.id].ring(filled, Instant(event.at))
        self.charges += len(filled)

    def _root(self, question: Question, event: e.Unsealed | e.Rung) -> None:
        beginning = hidden_streams(question.id, event.mechanism if isinstance(event, e.Unsealed) else MARKET)
        heads = {stream: head for (_, stream), (_, head, _) in self.heads.items() if stream.startswith(beginning)}
        if codec.root(heads) != event.root:
            raise Fault("its root is not that of the sealed entries")

    def _score(self, question: Question, event: e.Scored) -> None:
        """What was said is what follows from the record; a logarithm may differ in its last digit from machine to machine."""
        assert question.ruled is not None, "what is scored has been ruled"
        outcome = spoken(question.ruled.outcome)
        found = ruling.settlement(question, self._history(question), self._purse, outcome).scored(Instant(event.at))
        if len(found) != 1 or not _alike(found[0], event):
            raise Fault("the scores are not those that follow from what was said")

    def _fold(self, stream: str, event: e.Event) -> None:
        if isinstance(event, e.CrewOpened):
            self._crew, self._lag = Crew(event, last_at=Instant(event.at)), event.report_lag
        elif stream == CREW_STREAM and isinstance(event, e.CrewEvent) and self._crew is not None:
            self._crew.evolve(event)
        if isinstance(event, e.TallyEvent):
            self._fold_tally(stream, event)
            return
        if stream == CREW_STREAM:
            return
        name = question_of(stream)
        if isinstance(event, e.QuestionOpened):
            if event.question != name or name in self._questions:
                raise Fault("a question opens once, in its own stream")
            self._questions[name] = open_question(name, event)
            if event.market is not None:
                self._books[name] = ExactBook(event)
            self._events[name], self._hidden[name] = [event], []
            return
        if name not in self._questions:
            raise Fault("the stream does not begin with its opening")
        if not isinstance(event, e.SealedEvent | e.QuestionEvent):
            raise Fault("a question's stream holds a question's events")
        if isinstance(event, e.Commented):
            self.comments[stream, self._questions[name].version + 1] = event.digest
        try:
            if isinstance(event, e.SealedEvent):
                seal(self._questions[name], event)
                self._hidden[name].append(event)
            else:
                evolve(self._questions[name], event)
                self._events[name].append(event)
        except (AssertionError, KeyError, IndexError) as error:
            raise Fault(f"the event cannot follow what is before it: {error}") from error

    def _fold_tally(self, stream: str, event: e.TallyEvent) -> None:
        name = tally_of(stream) or ""
        if isinstance(event, e.TallyOpened):
            if event.tally != name or name in self._tallies:
                raise Fault("a tally opens once, in its own stream")
            self._tallies[name] = Tally(event, last_at=Instant(event.at))
            return
        self._tallies[name].evolve(event)

    def finish(self) -> None:
        """What must hold at the end. Raises ``Fault``."""
        solvent(self.accounts)
        for question in self._questions.values():
            conserved(question, self.accounts)
            if question.dispute.ended and question.life not in OVER:
                raise Fault(f"question {question.id}: its dispute was judged, and nothing came of it")
        for player, purse in self._purses.items():
            held = self.accounts[player_account(player)]
            if purse.balance != held:
                raise Fault(f"the purse of {player} holds {purse.balance}, its account {held}")


class _Audit:
    """The log of a whole file: an auditor for each crew, and the receipts that somebody holds."""

    def __init__(self, receipts: Iterable[tuple[str, int, str]]) -> None:
        self.auditors: defaultdict[str, Auditor] = defaultdict(Auditor)
        self._held = {(stream, version): head for stream, version, head in receipts}
        self._contradicted: dict[tuple[str, int], str] = {}

    @property
    def events(self) -> int:
        """How many were taken."""
        return sum(auditor.events for auditor in self.auditors.values())

    def take(self, logged: log.Logged) -> None:
        """One more event. Raises ``Fault``."""
        self.auditors[logged.crew].take(logged)
        place = logged.stream, logged.version
        promised = self._held.get(place)
        if promised is not None and promised != logged.hash.hex():
            self._contradicted[place] = where(logged)
        elif promised is not None:
            # A receipt names no crew, and two may have streams of one name; but each link follows from its crew's id, so it is of this one.
            del self._held[place]
            self._contradicted.pop(place, None)

    def receipts(self) -> str | None:
        """Where a receipt is contradicted, if it is. Raises ``Fault`` where it names what is not there."""
        if missing := self._held.keys() - self._contradicted.keys():
            raise Fault(f"a receipt names what is not there: {min(missing)}")
        return next(iter(self._contradicted.values()), None)

    def verdict(self, fault: str | None) -> wire.Verdict:
        """What is told."""
        every = self.auditors.values()
        return wire.Verdict(self.events, sum(len(one.heads) for one in every), sum(one.charges for one in every), fault)


def where(logged: log.Logged) -> str:
    """An event's place in words; the first crew's streams need no crew."""
    return f"{logged.stream}, version {logged.version}" + (f", of the crew {logged.crew}" if logged.crew != CREW else "")


def verify(path: Path, progress: Callable[[int, int], None] | None = None, receipts: Iterable[tuple[str, int, str]] = ()) -> wire.Verdict:
    """Check a file, every crew of it. ``progress`` is told (events done, events in all); ``receipts`` are (stream, version, head) that
    somebody holds: a tail that was rewritten and hashed anew contradicts them."""
    audit, done = _Audit(receipts), 0
    with beside.one_state(path) as connection:
        place = "the file"
        try:
            total = beside.events(connection)
            for done, logged in enumerate(log.scan(connection), start=1):
                place = where(logged)
                audit.take(logged)
                if progress is not None and done % _EVERY == 0:
                    progress(done, total)
            place = "the whole"
            if (contradicted := audit.receipts()) is not None:
                place = contradicted
                raise Fault("its hash is not the one on the receipt")
            for auditor in audit.auditors.values():
                auditor.finish()
            _rows(connection, audit.auditors)
        except Fault as fault:
            return audit.verdict(f"{place}: {fault}")
        except Exception as error:  # whoever tampers writes what no rule foresees: it is told, never a traceback
            return audit.verdict(f"{place}: it cannot be read or folded: {error!r}")
    if progress is not None:
        progress(total, total)
    return audit.verdict(None)


def _alike(found: e.Scored, written: e.Scored) -> bool:
    """Equal but for one part in a million here and there: what libraries of mathematics may differ in."""
    if found.results != written.results or len(found.marks) != len(written.marks) or len(found.moved) != len(written.moved):
        return False
    pairs = [(one.moved, other.moved) for one, other in zip(found.moved, written.moved, strict=True)]
    for one, other in zip(found.marks, written.marks, strict=True):
        if (one.who, one.days, len(one.by)) != (other.who, other.days, len(other.by)):
            return False
        pairs += zip(_numbers(one), _numbers(other), strict=True)
    return all(abs(one - other) <= 1 for one, other in pairs)


def _numbers(mark: e.Mark) -> tuple[int, ...]:
    claims = [number for chance, true in mark.by for number in (chance, int(true) * 10)]
    return (mark.log, mark.crps, mark.brier, mark.low, mark.high, *claims)


def _rows(connection: sqlite3.Connection, auditors: Mapping[str, Auditor]) -> None:
    """The read rows are those that the log gives: balances and versions first, then every row. Raises ``Fault``."""
    accounts, versions = {}, {}
    for crew, auditor in auditors.items():
        accounts.update({(crew, account): balance for account, balance in auditor.accounts.items() if balance})
        heads = {stream: head[0] for (_, stream), head in auditor.heads.items() if stream.startswith(_QUESTIONS)}
        versions.update({(crew, question_of(stream)): version for stream, version in heads.items()})
    if {row[:2]: row[2] for row in connection.execute("SELECT crew, account, balance FROM account WHERE balance != 0")} != accounts:
        raise Fault("the accounts' rows are not those of the log; run anyday rebuild")
    if {row[:2]: row[2] for row in connection.execute("SELECT crew, id, version FROM question")} != versions:
        raise Fault("the questions' rows are not at the versions of the log; run anyday rebuild")
    for crew, stream, version, salt, text in connection.execute("SELECT crew, stream, version, salt, text FROM remark"):
        if crew not in auditors or auditors[crew].comments.get((stream, version)) != codec.bind(salt, text):
            raise Fault(f"the text of the comment at {stream}, version {version}, is not the one that was written")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        schema.migrate(fresh)
        fresh.execute("BEGIN")
        project.rebuild(fresh, connection)
        for table in schema.READ_TABLES:
            made, kept = project.rows(fresh, table), project.rows(connection, table)
            if any(one != other for one, other in zip_longest(made, kept)):
                raise Fault(f"the rows of {table} are not those of the log; run anyday rebuild")
