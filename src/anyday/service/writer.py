"""The writer: the only write path. It takes every command that is waiting, decides each in turn on the folded state, and
commits them in one transaction; nobody is answered before the commit.

One writer a file, for all of its crews; a batch may hold commands of several. Deciding is fast and happens on the loop;
committing is slow and happens on the database's thread. A state that a failed commit has spoiled is dropped and folded again
from the log: of each crew only what the batch had touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import hashlib
import logging
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from anyday import wire
from anyday.instants import DAY, Instant
from anyday.market.horizon import Claim
from anyday.notify import outbox
from anyday.notify.notices import Answered, Notice
from anyday.points import write_points
from anyday.reads import clocks, players, questions, remarks
from anyday.reads.project import Rows
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.decide import Situation, decide, due
from anyday.rules.ledger import (
    CLOSEST,
    CREW_STREAM,
    FORECAST,
    HOUSE,
    MARKET,
    Flowing,
    hidden_stream,
    hidden_streams,
    question_of,
    question_stream,
    tally_of,
    tally_stream,
)
from anyday.rules.purse import Purse
from anyday.rules.question import History, Question
from anyday.service import notices
from anyday.service.memory import Memory, Shelf
from anyday.service.said import said
from anyday.settings import Settings
from anyday.store import codec, log
from anyday.store.database import Database, WriteFailed

_LOG: Final = logging.getLogger("anyday.writer")
_ID_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_RETRIES: Final = 5
#: Of so many players it is remembered which crews they belong to.
_JOINED: Final = 10_000

Answer = wire.Receipt | Refusal


@dataclass(slots=True)
class _Waiting:
    envelope: c.Envelope
    body: bytes
    answer: asyncio.Future[Answer]


class _Batch:
    """What one transaction will carry, and what it has touched in memory."""

    def __init__(self, purse: Callable[[str, str], Purse], house: Callable[[str], int]) -> None:
        self._house = functools.cache(house)
        self.events: list[log.Logged] = []
        self.commands: dict[tuple[str, str, str], log.Asked] = {}
        self.rows = Rows(purse)
        self.heads: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.answers: list[tuple[_Waiting, Answer]] = []
        self.tallies: set[tuple[str, str]] = set()
        #: What is kept outside the log: the texts of comments, by what binds them there; and when something is due next, by stream.
        self.texts: dict[str, tuple[bytes, str]] = {}
        self.remarks: list[remarks.Remark] = []
        self.due: dict[tuple[str, str], Instant | None] = {}
        self.notices: list[Notice | Answered] = []

    def house(self, crew: str) -> int:
        """What the house of a crew holds after the events so far."""
        return self._house(crew) + self.rows.moved(crew, HOUSE)

    def write(self, connection: sqlite3.Connection) -> None:
        log.append(connection, self.events, list(self.commands.values()))
        self.rows.write(connection)
        remarks.add(connection, self.remarks)
        clocks.note(connection, self.due)
        outbox.add(connection, self.notices)

    def digest(self, text: str) -> str:
        """What binds a text that stays outside the log: a hash over a random salt and it, so that nobody can find out what was erased
        by trying what it might have been."""
        salt = secrets.token_bytes(16)
        digest = codec.bind(salt, text)
        self.texts[digest] = (salt, text)
        return digest


class Writer:
    """Decides and commits. ``clock`` gives UTC microseconds; the writer never lets time run backwards."""

    def __init__(self, database: Database, clock: Callable[[], Instant], settings: Settings) -> None:
        self.database = database
        self.clock = clock
        self.settings = settings
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._astray = False  # an error left memory behind the log; it is read again before the next decision
        self._changed: dict[tuple[str, str], asyncio.Future[int]] = {}
        self._latest = log.latest(database)
        self._task: asyncio.Task[None] | None = None
        self._shelf = Shelf(settings.questions_cached)
        self._memories: dict[str, Memory] = {}
        self._joined: dict[str, tuple[str, ...]] = {}
        #: Told that a commit has added notices.
        self.noticed: Callable[[], None] = _nobody_waits

    def memory(self, crew: str) -> Memory:
        """What is remembered of a crew. Of one that nobody has opened it is empty, and not kept: addresses name crews at will."""
        held = self._memories.get(crew)
        if held is None:
            held = Memory(crew, self.database, self._shelf, lambda: self._latest)
            if held.crew is not None:
                self._memories[crew] = held
        return held

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
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self.pause())
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

    def pause(self) -> float | None:
        """For how many seconds the writer may sleep while nobody asks for anything; for ever, for a writer alone."""
        return None

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
            for memory in self._memories.values():
                memory.load()
            self._astray = False
        broken: set[int] = set()
        while True:
            batch = _Batch(lambda crew, player: self.memory(crew).purse(player), lambda crew: players.balance(self.database, crew, HOUSE))
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
        if not (envelope.crew.isascii() and envelope.crew.isalnum()):
            return Refusal(Reason.NOT_FOUND, what="crew")  # whatever was typed there, it is no crew's id
        if isinstance(envelope.body, c.Due):
            return self._catch_up(self.memory(envelope.crew), envelope, batch) or Refusal(Reason.NOTHING_CHANGED)
        key = (envelope.crew, envelope.actor, envelope.command_id)
        known = batch.commands.get(key)
        before = (known.body, known.reply) if known else log.asked(self.database, *key)
        if before is not None:
            return msgspec.json.decode(before[1], type=wire.Receipt) if before[0] == item.body else Refusal(Reason.COMMAND_REUSED)
        now = self.now()
        memory = self.memory(envelope.crew)
        self._catch_up(memory, envelope, batch)
        situation = self._situation(memory, envelope, batch)
        decided = decide(situation, envelope.actor, envelope.body, now)
        if isinstance(decided, Refusal):
            return decided
        self._memories[memory.id] = memory  # from its opening on
        receipt = self._take(decided, memory, situation, batch)
        batch.commands[key] = log.Asked(*key, item.body, msgspec.json.encode(receipt), now)
        return receipt

    def _catch_up(self, memory: Memory, envelope: c.Envelope, batch: _Batch) -> wire.Receipt | None:
        """Take what time has made due in the crew and on the question that a command names, before the command is decided."""
        receipt = None
        while memory.is_due(_named(envelope.body), self.now()):
            situation = self._situation(memory, envelope, batch)
            here = dataclasses.replace(situation, question=None)
            events = due(here, envelope.body, self.now())
            if not events and situation.question is not None:
                here, events = situation, due(situation, envelope.body, self.now())
            if not events:
                break
            receipt = self._take(events, memory, here, batch)
        return receipt

    def _situation(self, memory: Memory, envelope: c.Envelope, batch: _Batch) -> Situation:
        body, named = envelope.body, _named(envelope.body)
        question = memory.find(named) if named is not None else None
        tally = getattr(body, "tally", None)

        def history() -> History:
            assert question is not None, "only a question has a record"
            return memory.history_of(question.id, batch.events)

        def root(mechanism: str) -> str:
            assert question is not None, "only a question has sealed entries"
            return self._root(memory.id, question.id, mechanism, batch)

        return Situation(
            memory.crew, question, memory.purse, batch.house(memory.id), history, self._new_id(memory, envelope, batch), root,
            memory.find_tally(tally) if tally is not None else None, memory.id, batch.digest,
        )  # fmt: skip

    def _root(self, crew: str, question: str, mechanism: str, batch: _Batch) -> str:
        """What binds the sealed entries of a mechanism: a hash over the heads of all their streams, those of the batch included."""
        beginning = hidden_streams(question, mechanism)
        heads = log.heads(self.database, crew, beginning)
        heads |= {stream: head for (whose, stream), (_, head) in batch.heads.items() if whose == crew and stream.startswith(beginning)}
        return codec.root(heads)

    def _new_id(self, memory: Memory, envelope: c.Envelope, batch: _Batch) -> str:
        """An unused id for a question or a tally that follows from the command's: sent again after its reply was dropped, the command must
        not open the same thing twice."""
        stream_of = tally_stream if isinstance(envelope.body, c.OpenTally) else question_stream
        for turn in range(100):
            new_id = word_of(envelope.crew, envelope.actor, envelope.command_id, str(turn))
            if not isinstance(envelope.body, c.Ask | c.OpenTally) or self._head(memory, stream_of(new_id), batch)[0] == 0:
                return new_id
        raise AssertionError("an unused id is found")

    def _head(self, memory: Memory, stream: str, batch: _Batch) -> tuple[int, bytes]:
        return batch.heads.get((memory.id, stream)) or memory.head(stream)

    def _take(self, decided: tuple[e.Event, ...], memory: Memory, situation: Situation, batch: _Batch) -> wire.Receipt:
        """Chain, fold and note the events of one command; the receipt names the last of them."""
        question = situation.question
        stream = _stream_of(decided[0], situation)
        bet = next((event for event in decided if isinstance(event, e.BetPlaced)), None)
        chances = None
        if question is not None and bet is not None:
            chances = memory.shown(question, Instant(bet.at)).chances(Claim(bet.first, bet.last, bet.complement), bet.shares)
        version, head = self._head(memory, stream, batch)
        begun = version
        for event in decided:
            payload = codec.encode(event)
            version, head = version + 1, codec.link(head, payload)
            logged = log.Logged(memory.id, stream, version, event.at, payload, head)
            if isinstance(event, e.TallyEvent):
                memory.fold_tally(stream, event)
            else:
                question = memory.fold(question, event)
            batch.rows.add(logged, event, memory.lag)
            batch.events.append(logged)
            if isinstance(event, e.Commented):
                batch.remarks.append(remarks.Remark(memory.id, stream, version, event.by, *batch.texts[event.digest]))
        self._note_due(decided, memory, stream, question, batch)
        batch.heads[memory.id, stream] = (version, head)
        memory.moved(stream, (version, head), question)
        batch.notices += notices.from_events(memory.id, stream, begun, decided, question, memory.crew)
        named = question.id if question is not None else None
        receipt = wire.Receipt(stream, version, head.hex(), said(decided, question), named, tally=tally_of(stream))
        if bet is not None and chances is not None:
            receipt = msgspec.structs.replace(
                receipt, shares=write_points(bet.shares), charge=write_points(bet.charge), released=write_points(bet.released),
                chance_before=chances[0], chance_after=chances[1],
            )  # fmt: skip
        return receipt

    def _note_due(self, decided: tuple[e.Event, ...], memory: Memory, stream: str, question: Question | None, batch: _Batch) -> None:
        """When something becomes due next in a stream that has moved; bets change nothing about that."""
        if question is not None and not isinstance(decided[0], e.SealedEvent) and not all(isinstance(event, Flowing) for event in decided):
            batch.due[memory.id, stream] = memory.clock(question, self.now())
        elif stream == CREW_STREAM and any(isinstance(event, e.DutyEvent) for event in decided) and memory.crew is not None:
            returns = memory.crew.duties.returns
            batch.due[memory.id, stream] = returns[0] if returns is not None else None

    # forgetting

    def _forget(self, batch: _Batch, item: _Waiting | None = None) -> None:
        """Drop whatever the failed batch may have spoiled, crew by crew; it is folded again when it is next asked for."""
        # of each crew the questions that were decided on, or with None every one
        spoiled: dict[str, set[str] | None] = {
            crew: {question_of(stream) for whose, stream in batch.heads if whose == crew} for crew in {crew for crew, _ in batch.heads}
        }
        if item is not None:
            spoiled[item.envelope.crew] = None  # all of it: whoever broke half-way has perhaps opened what never will be
        for crew, decided_on in spoiled.items():
            memory = self.memory(crew)
            memory.forget(decided_on)
            memory.load()
            if memory.crew is None:
                self._memories.pop(crew, None)  # it was to be opened, and is not
        self._shelf.unwritten.clear()

    def _forget_everything(self) -> None:
        """After an error that nobody foresaw: the log is what holds."""
        for memory in self._memories.values():
            memory.forget()
        self._shelf.unwritten.clear()
        self._astray = True

    # watching

    def _tell(self, batch: _Batch) -> None:
        self._shelf.unwritten.clear()
        if batch.notices:
            self.noticed()
        for (crew, stream), (version, _) in batch.heads.items():
            waiter = self._changed.pop((crew, stream), None)
            if waiter is not None and not waiter.done():
                waiter.set_result(version)
            if stream == CREW_STREAM:
                self._joined.clear()

    async def changed(self, crew: str, question: str, after: int) -> int:
        """Wait until the question's version is past ``after`` and committed; returns it."""
        return await self._moved(crew, question_stream(question), after, lambda: self.committed(crew, question))

    async def crew_changed(self, crew: str, after: int) -> int:
        """Wait until the version of the crew's own stream is past ``after`` and committed; returns it."""
        return await self._moved(crew, CREW_STREAM, after, lambda: log.head(self.database, crew, CREW_STREAM)[0])

    async def _moved(self, crew: str, stream: str, after: int, now: Callable[[], int]) -> int:
        """Wait for a stream; one future serves all who wait."""
        version = now()
        if version > after:
            return version
        waiter = self._changed.get((crew, stream))
        if waiter is None:
            waiter = self._changed[crew, stream] = asyncio.get_running_loop().create_future()
        await asyncio.wait([waiter])
        return waiter.result()

    def committed(self, crew: str, question: str) -> int:
        """The question's version in the committed rows."""
        row = questions.question(self.database, crew, question)
        return row.version if row is not None else 0

    def crews_of(self, player: str) -> tuple[str, ...]:
        """The ids of the crews that a player belongs to, in the order in which they joined."""
        held = self._joined.get(player)
        if held is None:
            if len(self._joined) >= _JOINED:
                self._joined.clear()
            held = self._joined[player] = tuple(players.crews(self.database, player))
        return held

    def drop_old_commands(self) -> Callable[[sqlite3.Connection], object]:
        """The work that lets go of the replies that nobody may retry any more."""
        before = self.now() - self.settings.command_days * DAY
        return lambda connection: log.drop_commands(connection, before)


def _named(body: c.Command) -> str | None:
    """The question that a command names."""
    return body.question if isinstance(body, c.QuestionCommand | c.DutyCommand | c.Due | c.Record) else None


def word_of(*parts: str) -> str:
    """An opaque word of ten letters and digits that follows from the parts."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return "".join(_ID_ALPHABET[byte % len(_ID_ALPHABET)] for byte in digest[:10])


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
        case e.SealedBet():
            assert question is not None, "bets are sealed on a question"
            return hidden_stream(question.id, MARKET, first.player)
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
