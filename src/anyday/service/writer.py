"""The writer: the only write path. It takes every command that is waiting, decides each in turn on the folded state, and
commits them in one transaction; nobody is answered before the commit.

Deciding is fast and happens on the loop; committing is slow and happens on the database's thread. A state that a failed
commit has spoiled is dropped and folded again from the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from anyday import wire
from anyday.instants import DAY, Instant
from anyday.market import lmsr
from anyday.market.horizon import Claim
from anyday.notify import outbox
from anyday.notify.notices import Notice
from anyday.points import write_points
from anyday.reads import players, questions
from anyday.reads.project import Rows
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.decide import Situation, decide
from anyday.rules.ledger import (
    CLOSEST,
    CREW,
    CREW_STREAM,
    FORECAST,
    HOUSE,
    MARKET,
    SEALED,
    hidden_stream,
    hidden_streams,
    question_of,
    question_stream,
    tally_of,
    tally_stream,
)
from anyday.rules.purse import Purse
from anyday.rules.question import Crew, History, Question, Tally, evolve, open_question, seal
from anyday.service import notices
from anyday.service.history import Samples
from anyday.service.said import said
from anyday.service.views import Drawn, ppm
from anyday.settings import Settings
from anyday.store import codec, log
from anyday.store.database import Database, WriteFailed

_LOG: Final = logging.getLogger("anyday.writer")
_ID_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_RETRIES: Final = 5

Answer = wire.Receipt | Refusal


@dataclass(slots=True)
class _Waiting:
    envelope: c.Envelope
    body: bytes
    answer: asyncio.Future[Answer]


class _Batch:
    """What one transaction will carry, and what it has touched in memory."""

    def __init__(self, purse: Callable[[str], Purse], house: int) -> None:
        self._house = house
        self.events: list[log.Logged] = []
        self.commands: dict[tuple[str, str], log.Asked] = {}
        self.rows = Rows(purse)
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.answers: list[tuple[_Waiting, Answer]] = []
        self.tallies: set[str] = set()
        self.notices: list[Notice] = []

    @property
    def house(self) -> int:
        """What the house holds after the events so far."""
        return self._house + self.rows.moved(CREW, HOUSE)

    def write(self, connection: sqlite3.Connection) -> None:
        log.append(connection, self.events, list(self.commands.values()))
        self.rows.write(connection)
        outbox.add(connection, self.notices)


class Writer:
    """Decides and commits. ``clock`` gives UTC microseconds; the writer never lets time run backwards."""

    def __init__(self, database: Database, clock: Callable[[], Instant], settings: Settings) -> None:
        self.database = database
        self.clock = clock
        self.settings = settings
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._questions: OrderedDict[str, Question] = OrderedDict()
        self._samples: dict[str, Samples] = {}
        self._tallies: dict[str, Tally] = {}
        self._curves: dict[str, Drawn] = {}
        self._unwritten: set[str] = set()
        self._astray = False  # an error left memory behind the log; it is read again before the next decision
        self._purses: dict[str, Purse] = {}
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._crew: Crew | None = None
        self._changed: dict[str, asyncio.Future[int]] = {}
        self._latest = log.latest(database)
        self._task: asyncio.Task[None] | None = None
        self.noticed: Callable[[], None] = _nobody_waits
        self._load_crew()

    def start(self) -> None:
        """Begin to take commands; needs a running loop."""
        assert self._task is None, "one writer a file"
        self._task = asyncio.create_task(self._write_on(), name="anyday-writer")

    async def stop(self) -> None:
        """Finish what is waiting, then stop."""
        if self._task is not None:
            self._stopping = True
            self._wake.set()
            await self._task
        for waiter in self._changed.values():
            waiter.cancel()
        self.database.close()

    def now(self) -> Instant:
        """The clock, never behind what has been written, nor behind what it has said: looking at a question lets its grains
        pass in memory, and no bet may be stamped earlier than the state that priced it."""
        self._latest = max(self.clock(), self._latest)
        return self._latest

    # asking

    async def submit(self, envelope: c.Envelope) -> Answer:
        """Decide a command and make its effect durable. The same id and body get the same reply, without a second effect."""
        loop = asyncio.get_running_loop()
        if self._stopping:
            return Refusal(Reason.UNAVAILABLE)
        try:
            body = hashlib.sha256(msgspec.json.encode(envelope.body)).digest()
            (envelope.crew + envelope.actor + envelope.command_id).encode()
        except UnicodeEncodeError:
            return Refusal(Reason.MALFORMED, detail="it holds half of a character")
        waiting = _Waiting(envelope, body, loop.create_future())
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.answer

    async def _at_once(self, envelope: c.Envelope) -> Answer:
        """Decide and commit a command of the service's own, ahead of those that wait."""
        body = hashlib.sha256(msgspec.json.encode(envelope.body)).digest()
        item = _Waiting(envelope, body, asyncio.get_running_loop().create_future())
        ((_, answer),) = await self._commit([item])
        return answer

    async def _write_on(self) -> None:
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            await self.follow_up()
            while self._waiting:
                size = min(len(self._waiting), self.settings.batch)
                waiting = [self._waiting.popleft() for _ in range(size)]
                answers: list[tuple[_Waiting, Answer]]
                try:
                    answers = await self._commit(waiting)
                except Exception:
                    _LOG.exception("a batch could not be decided")
                    self._forget_everything()
                    answers = [(item, Refusal(Reason.UNAVAILABLE)) for item in waiting]
                await self.follow_up()
                _answer(answers)

    async def follow_up(self) -> None:
        """What a commit has made due; it is done before anything else is decided, and before anybody is answered. Nothing, for a writer alone."""

    async def _commit(self, waiting: list[_Waiting]) -> list[tuple[_Waiting, Answer]]:
        for attempt in range(1, _RETRIES + 1):
            batch = self._decide_all(waiting)
            if not batch.events:
                break
            try:
                await self.database.write(batch.write)
            except log.Clash:
                self._forget(batch)
                if attempt < _RETRIES:
                    continue
                batch.answers = [(item, Refusal(Reason.UNAVAILABLE)) for item in waiting]
            except WriteFailed as failure:
                self._forget(batch)
                batch.answers = [(item, failure.refusal) for item in waiting]
            except Exception:
                _LOG.exception("a batch could not be written")
                self._forget(batch)
                batch.answers = [(item, Refusal(Reason.UNAVAILABLE)) for item in waiting]
            else:
                self._tell(batch)
            break
        return batch.answers

    def _decide_all(self, waiting: list[_Waiting]) -> _Batch:
        """Decide the batch in order. A command that breaks an invariant is left out and the rest is decided afresh:
        a bug costs that command, never somebody else's points."""
        if self._astray:
            self._load_crew()
            self._astray = False
        broken: set[int] = set()
        while True:
            batch = _Batch(self.purse, players.balance(self.database, CREW, HOUSE))
            for place, item in enumerate(waiting):
                try:
                    answer = Refusal(Reason.UNAVAILABLE) if place in broken else self._decide_one(item, batch)
                except Exception:
                    _LOG.exception("a command broke an invariant and was refused: %s", type(item.envelope.body).__name__)
                    broken.add(place)
                    self._forget(batch, item)
                    break
                batch.answers.append((item, answer))
            else:
                return batch

    def _decide_one(self, item: _Waiting, batch: _Batch) -> Answer:
        envelope = item.envelope
        if envelope.crew != CREW:
            return Refusal(Reason.NOT_FOUND, what="crew")
        key = (envelope.actor, envelope.command_id)
        known = batch.commands.get(key)
        before = (known.body, known.reply) if known else log.asked(self.database, envelope.crew, *key)
        if before is not None:
            return msgspec.json.decode(before[1], type=wire.Receipt) if before[0] == item.body else Refusal(Reason.COMMAND_REUSED)
        now = self.now()
        situation = self._situation(envelope, batch)
        decided = decide(situation, envelope.actor, envelope.body, now)
        if isinstance(decided, Refusal):
            return decided
        receipt = self._take(decided, situation, batch)
        batch.commands[key] = log.Asked(envelope.crew, *key, item.body, msgspec.json.encode(receipt), now)
        return receipt

    def _situation(self, envelope: c.Envelope, batch: _Batch) -> Situation:
        body = envelope.body
        named = getattr(body, "question", None) if isinstance(body, c.QuestionCommand | c.Record) else None
        question = self.find(named) if named is not None else None
        history = History()
        if question is not None and isinstance(body, c.Rule | c.Void | c.Correct):
            opened, owner = question.opened, self._crew.owner if self._crew else None
            if envelope.actor in (opened.resolver, opened.host, owner):  # everybody else is refused, and nobody waits for a long log
                history = self.history_of(question.id, batch)
        tally = getattr(body, "tally", None)

        def root(mechanism: str) -> str:
            assert question is not None, "only a question has sealed entries"
            return self._root(question.id, mechanism, batch)

        return Situation(
            self._crew, question, self.purse, batch.house, history, self._new_id(envelope, batch), root,
            self.find_tally(tally) if tally is not None else None,
        )  # fmt: skip

    def _root(self, question: str, mechanism: str, batch: _Batch) -> str:
        """What binds the sealed entries of a mechanism: a hash over the heads of all their streams, those of the batch included."""
        beginning = hidden_streams(question, mechanism)
        heads = log.heads(self.database, CREW, beginning)
        heads |= {stream: head for stream, (_, head) in batch.heads.items() if stream.startswith(beginning)}
        return codec.root(heads)

    def _new_id(self, envelope: c.Envelope, batch: _Batch) -> str:
        """An unused id for a question or a tally that follows from the command's: sent again after its reply was dropped, the command must
        not open the same thing twice."""
        stream_of = tally_stream if isinstance(envelope.body, c.OpenTally) else question_stream
        for turn in range(100):
            digest = hashlib.sha256(f"{envelope.crew}\n{envelope.actor}\n{envelope.command_id}\n{turn}".encode()).digest()
            new_id = "".join(_ID_ALPHABET[byte % len(_ID_ALPHABET)] for byte in digest[:10])
            stream = stream_of(new_id)
            if not isinstance(envelope.body, c.Ask | c.OpenTally) or (batch.heads.get(stream) or self._head(stream))[0] == 0:
                return new_id
        raise AssertionError("an unused id is found")

    def _take(self, decided: tuple[e.Event, ...], situation: Situation, batch: _Batch) -> wire.Receipt:
        """Chain, fold and note the events of one command; the receipt names the last of them."""
        question = situation.question
        stream = _stream_of(decided[0], situation)
        bet = next((event for event in decided if isinstance(event, e.BetPlaced)), None)
        before = 0.0
        if question is not None and bet is not None:
            before = question.market.price(Claim(bet.first, bet.last, bet.complement))
        version, head = batch.heads.get(stream) or self._head(stream)
        begun = version
        for event in decided:
            payload = codec.encode(event)
            version, head = version + 1, codec.link(head, payload)
            logged = log.Logged(CREW, stream, version, event.at, payload, head)
            if isinstance(event, e.TallyEvent):
                self._fold_tally(stream, event)
            else:
                question = self._fold(question, event)
            batch.rows.add(logged, event, self._crew.opened.report_lag if self._crew else 0)
            batch.events.append(logged)
        batch.notices += notices.from_events(CREW, stream, begun, decided, question, self._crew)
        if question is not None:
            self._unwritten.add(question.id)
        batch.heads[stream] = (version, head)
        self._heads[stream] = (version, head)
        named = question.id if question is not None else None
        receipt = wire.Receipt(stream, version, head.hex(), said(decided, question), named, tally=tally_of(stream))
        if bet is not None and question is not None:
            receipt = msgspec.structs.replace(
                receipt, shares=write_points(bet.shares), charge=write_points(bet.charge), released=write_points(bet.released),
                chance_before=ppm(before), chance_after=ppm(lmsr.moved(before, bet.shares, question.market.liquidity)),
            )  # fmt: skip
        return receipt

    def _fold(self, question: Question | None, event: e.CrewEvent | e.QuestionEvent | e.SealedEvent) -> Question | None:
        match event:
            case e.CrewOpened():
                self._crew = Crew(event, last_at=Instant(event.at))
            case e.PlayerJoined() | e.Granted():
                assert self._crew is not None, "the crew opens first"
                self._crew.evolve(event)
            case e.QuestionOpened():
                question = open_question(event.question, event)
                self._keep(question)
            case e.Guessed() | e.ForecastStated():
                assert question is not None, "entries are sealed on a question"
                seal(question, event)
            case _:
                assert question is not None, "only questions have these events"
                if isinstance(event, e.BetPlaced | e.Collected):
                    self._samples[question.id].note(question, Instant(event.at))
                evolve(question, event)
        return question

    def _fold_tally(self, stream: str, event: e.TallyEvent) -> None:
        if isinstance(event, e.TallyOpened):
            self._tallies[event.tally] = Tally(event, last_at=Instant(event.at))
        else:
            self._tallies[tally_of(stream) or ""].evolve(event)

    # remembering

    def purse(self, player: str) -> Purse:
        """A player's points, as of now or later."""
        held = self._purses.get(player)
        if held is None:
            lag = self._crew.opened.report_lag if self._crew else 0
            held = self._purses[player] = players.purse(self.database, CREW, player, self._latest, lag)
        return held

    def find(self, question: str) -> Question | None:
        """A question's folded state, from memory or from its log."""
        held = self._questions.get(question)
        if held is not None:
            self._questions.move_to_end(question)
            return held
        if not (question.isascii() and question.isalnum()):
            return None  # whatever was typed there, it is no question's id
        history = self.history_of(question)
        if not history.events:
            return None
        opened = history.events[0]
        assert isinstance(opened, e.QuestionOpened), "a question's stream begins with its opening"
        held = open_question(question, opened)
        self._keep(held)
        for event in (*history.hidden, *history.events[1:]):
            self._fold(held, event)
        return held

    def find_tally(self, tally: str) -> Tally | None:
        """A tally's folded state, from memory or from its log."""
        held = self._tallies.get(tally)
        if held is None and tally.isascii() and tally.isalnum():
            for logged in log.read(self.database, CREW, tally_stream(tally)):
                event = logged.event
                assert isinstance(event, e.TallyEvent), "a tally's stream holds a tally's events"
                self._fold_tally(logged.stream, event)
            held = self._tallies.get(tally)
        return held

    def samples(self, question: Question) -> Samples | None:
        """How the market's curve of a question in memory stood over time; None without a market."""
        return self._samples.get(question.id)

    def history_of(self, question: str, batch: _Batch | None = None) -> History:
        """The whole record of a question, the events of the batch under way included."""
        stream = question_stream(question)
        events = log.read(self.database, CREW, stream)
        hidden: list[log.Logged] = []
        opened = events[0].event if events else None
        for mechanism in SEALED:
            if isinstance(opened, e.QuestionOpened) and getattr(opened, mechanism) is not None:
                hidden += log.read_all(self.database, CREW, hidden_streams(question, mechanism))
        if batch is not None:
            events += [logged for logged in batch.events if logged.stream == stream]
            hidden += [logged for logged in batch.events if logged.stream != stream and question_of(logged.stream) == question]
        return History(tuple(logged.event for logged in events), tuple(logged.event for logged in hidden))  # type: ignore[misc]

    def _keep(self, question: Question) -> None:
        self._questions[question.id] = question
        if MARKET in question.mechanisms:
            self._samples[question.id] = Samples(question)
        kept = self._unwritten | {question.id}  # folded again from the log, one that is being written would miss its last events
        spare = len(self._questions) - self.settings.questions_cached
        for oldest in [name for name in self._questions if name not in kept][: max(0, spare)]:
            self._drop(oldest)

    def _drop(self, question: str) -> None:
        for memory in (self._questions, self._samples, self._curves):
            memory.pop(question, None)

    def _head(self, stream: str) -> tuple[int, bytes]:
        held = self._heads.get(stream)
        if held is None:
            held = log.head(self.database, CREW, stream)
        return held

    def _load_crew(self) -> None:
        self._crew = None
        for logged in log.read(self.database, CREW, CREW_STREAM):
            event = logged.event
            assert isinstance(event, e.CrewEvent), "the crew's stream holds the crew's events"
            self._fold(None, event)

    def _forget(self, batch: _Batch, item: _Waiting | None = None) -> None:
        """Drop whatever the failed batch may have spoiled; it is folded again when it is next asked for."""
        # whoever broke half-way has perhaps opened a question that never will be
        self._drop_all({question_of(stream) for stream in batch.heads} if item is None else self._questions)
        self._load_crew()

    def _forget_everything(self) -> None:
        """After an error that nobody foresaw: the log is what holds."""
        self._drop_all(self._questions)
        self._astray = True

    def _drop_all(self, spoiled: Iterable[str]) -> None:
        for question in list(spoiled):
            self._drop(question)
        self._unwritten.clear()
        self._heads.clear()
        self._purses.clear()
        self._tallies.clear()

    # watching

    def _tell(self, batch: _Batch) -> None:
        self._unwritten.clear()
        if batch.notices:
            self.noticed()
        for stream, (version, _) in batch.heads.items():
            waiter = self._changed.pop(stream, None)
            if waiter is not None and not waiter.done():
                waiter.set_result(version)

    async def changed(self, question: str, after: int) -> int:
        """Wait until the question's version is past ``after`` and committed; returns it. One future serves all who wait."""
        version = self.committed(question)
        if version > after:
            return version
        stream = question_stream(question)
        waiter = self._changed.get(stream)
        if waiter is None:
            waiter = self._changed[stream] = asyncio.get_running_loop().create_future()
        await asyncio.wait([waiter])
        return waiter.result()

    def committed(self, question: str) -> int:
        """The question's version in the committed rows."""
        row = questions.question(self.database, CREW, question)
        return row.version if row is not None else 0

    def drop_old_commands(self) -> Callable[[sqlite3.Connection], object]:
        """The work that lets go of the replies that nobody may retry any more."""
        before = self.now() - self.settings.command_days * DAY
        return lambda connection: log.drop_commands(connection, before)


def _stream_of(first: e.Event, situation: Situation) -> str:
    """The stream in which the events of one command stand."""
    question = situation.question
    match first:
        case e.QuestionOpened():
            return question_stream(first.question)
        case e.TallyOpened():
            return tally_stream(first.tally)
        case e.Occurred() | e.Struck():
            assert situation.tally is not None, "what is recorded belongs to a tally"
            return tally_stream(situation.tally.opened.tally)
        case e.Guessed() | e.ForecastStated():
            assert question is not None, "entries are sealed on a question"
            return hidden_stream(question.id, CLOSEST if isinstance(first, e.Guessed) else FORECAST, first.player)
        case _:
            return question_stream(question.id) if question is not None else CREW_STREAM


def _nobody_waits() -> None:
    """Nobody waits for notices, where no courier does."""


def _answer(answers: Iterable[tuple[_Waiting, Answer]]) -> None:
    for item, answer in answers:
        if not item.answer.done():
            item.answer.set_result(answer)
