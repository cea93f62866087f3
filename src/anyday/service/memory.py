"""What is remembered of the crews: their folded states, so that a command need not read a log from its beginning.

Everything here can be forgotten at any time: it is folded again from the log when it is next asked for. The bound on folded
questions holds over all crews together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anyday.instants import Instant
from anyday.reads import players
from anyday.rules import events as e
from anyday.rules import timing
from anyday.rules.ledger import CREW_STREAM, HIDDEN, MARKET, Flowing, hidden_streams, question_of, question_stream, tally_of, tally_stream
from anyday.rules.purse import Purse
from anyday.rules.question import Crew, History, Life, Question, Tally, evolve, open_question, seal
from anyday.service.history import Samples
from anyday.service.shown import Prices, Published, Shown, prices_of, publish, shown
from anyday.service.views import Drawn
from anyday.store import log
from anyday.store.database import Database

#: A question by its crew and its own id.
Key = tuple[str, str]


@dataclass(slots=True)
class Kept:
    """A folded question, how its market's curve stood over time (none without a market), what was last drawn of it, and, where it is shown
    at intervals, what stood at the last boundary before a bet. It was folded for the ``prices`` that the crew had set."""

    question: Question
    samples: Samples | None
    prices: Prices
    drawn: Drawn | None = None
    published: Published | None = None
    #: Until then nothing becomes due by itself, as long as nothing but bets happens.
    quiet: Instant = Instant(0)


class Shelf:
    """The folded questions of all crews, the least recently used first: ``most`` of them, and those that are being written."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        #: Folded again from the log, one that is being written would miss its last events.
        self.unwritten: set[Key] = set()

    def keys(self, crew: str) -> list[Key]:
        """The questions of a crew that are kept."""
        return [key for key in self._kept if key[0] == crew]

    def get(self, key: Key) -> Kept | None:
        """A question, which then is the most recently used one."""
        held = self._kept.get(key)
        if held is not None:
            self._kept.move_to_end(key)
        return held

    def put(self, key: Key, kept: Kept) -> None:
        """Keep a question; the oldest make room for it."""
        self._kept[key] = kept
        spare = len(self._kept) - self._most
        if spare > 0:
            for oldest in [held for held in self._kept if held != key and held not in self.unwritten][:spare]:
                del self._kept[oldest]

    def drop(self, key: Key) -> None:
        """Let go of a question."""
        self._kept.pop(key, None)


class Memory:
    """One crew's folded states. ``latest`` is the time of whatever was written or said last, which purses are as of."""

    def __init__(self, crew: str, database: Database, shelf: Shelf, latest: Callable[[], Instant]) -> None:
        self.id, self._database, self._shelf, self._latest = crew, database, shelf, latest
        self.crew: Crew | None = None
        self._tallies: dict[str, Tally] = {}
        self._purses: dict[str, Purse] = {}
        self._heads: dict[str, tuple[int, bytes]] = {}
        self.load()

    @property
    def lag(self) -> int:
        """The crew's report lag, in microseconds."""
        return self.crew.opened.report_lag if self.crew is not None else 0

    def load(self) -> None:
        """Fold the crew's own stream, from its beginning."""
        self.crew = None
        for logged in log.read(self._database, self.id, CREW_STREAM):
            event = logged.event
            assert isinstance(event, e.CrewEvent), "the crew's stream holds the crew's events"
            self.fold(None, event)

    # finding

    def purse(self, player: str) -> Purse:
        """A player's points, as of now or later."""
        held = self._purses.get(player)
        if held is None:
            held = self._purses[player] = players.purse(self._database, self.id, player, self._latest(), self.lag)
        return held

    def kept(self, question: str) -> Kept | None:
        """A question with what is kept beside it, if it is in memory."""
        return self._shelf.get((self.id, question))

    def find(self, question: str) -> Question | None:
        """A question's folded state, from memory or from its log."""
        kept = self.kept(question)
        if kept is not None and (kept.prices == self.prices or (self.id, question) in self._shelf.unwritten):
            return kept.question  # what was folded for other settings is folded anew: it kept what is not to be shown now, or too little
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
            self.fold(held, event)
        return held

    @property
    def prices(self) -> Prices:
        """How the crew shows its curves."""
        return prices_of(self.crew)

    def shown(self, question: Question, now: Instant) -> Shown:
        """A question with a market as its crew shows it."""
        kept = self.kept(question.id)
        return shown(question, kept.prices, kept.published, now) if kept is not None else Shown(question, self.prices)

    def find_tally(self, tally: str) -> Tally | None:
        """A tally's folded state, from memory or from its log."""
        held = self._tallies.get(tally)
        if held is None and tally.isascii() and tally.isalnum():
            for logged in log.read(self._database, self.id, tally_stream(tally)):
                event = logged.event
                assert isinstance(event, e.TallyEvent), "a tally's stream holds a tally's events"
                self.fold_tally(logged.stream, event)
            held = self._tallies.get(tally)
        return held

    def coming(self, question: Question) -> Instant | None:
        """When something becomes due on a question next, by itself; nothing any more where it is over."""
        following = timing.coming(question, self.crew) if self.crew is not None else None
        return following.at if following is not None else None

    def clock(self, question: Question, now: Instant) -> Instant | None:
        """When the clock has to look at a question next: something becomes due, or it is somebody's turn."""
        if self.crew is None:
            return None
        asked = [each.at for each in timing.asked(question, self.crew) if each.at > now]
        return min((at for at in (self.coming(question), *asked) if at is not None), default=None)

    def is_due(self, named: str | None, now: Instant) -> bool:
        """Whether something is due by now in the crew itself, or on the question that is named."""
        returns = self.crew.duties.returns if self.crew is not None else None
        if returns is not None and returns[0] <= now:
            return True
        question = self.find(named) if named is not None else None
        kept = self.kept(question.id) if question is not None else None
        if question is None or kept is None or now < kept.quiet:
            return False
        following = self.coming(question)
        kept.quiet = following if following is not None and question.life is Life.OPEN else Instant(0)
        return following is not None and following <= now

    def history_of(self, question: str, pending: Iterable[log.Logged] = ()) -> History:
        """The whole record of a question, those events included that are pending in this crew."""
        stream = question_stream(question)
        events = log.read(self._database, self.id, stream)
        hidden: list[log.Logged] = []
        opened = events[0].event if events else None
        for mechanism in HIDDEN:
            if isinstance(opened, e.QuestionOpened) and (opened.bell if mechanism == MARKET else getattr(opened, mechanism)) is not None:
                hidden += log.read_all(self._database, self.id, hidden_streams(question, mechanism))
        for logged in pending:
            if logged.crew == self.id and question_of(logged.stream) == question:
                (events if logged.stream == stream else hidden).append(logged)
        return History(tuple(logged.event for logged in events), tuple(logged.event for logged in hidden))  # type: ignore[misc]

    def head(self, stream: str) -> tuple[int, bytes]:
        """The last version of a stream and its link of the chain."""
        held = self._heads.get(stream)
        return log.head(self._database, self.id, stream) if held is None else held

    # folding

    def moved(self, stream: str, head: tuple[int, bytes], question: Question | None) -> None:
        """Events were decided that are not written yet: the stream's new head, and the question that they changed."""
        self._heads[stream] = head
        if question is not None:
            self._shelf.unwritten.add((self.id, question.id))

    def fold(self, question: Question | None, event: e.CrewEvent | e.QuestionEvent | e.SealedEvent) -> Question | None:
        """One more event of the crew, or of ``question``; returns the question."""
        match event:
            case e.CrewOpened():
                self.crew = Crew(event, last_at=Instant(event.at))
            case e.QuestionOpened():
                question = open_question(event.question, event)
                self._keep(question)
            case _ if question is None:
                assert self.crew is not None and isinstance(event, e.CrewEvent), "the crew opens first"
                self.crew.evolve(event)
            case e.Guessed() | e.ForecastStated() | e.SealedBet():
                seal(question, event)
            case _:
                assert isinstance(event, e.QuestionEvent), "only questions have these events"
                if not isinstance(event, Flowing) and (kept := self.kept(question.id)) is not None:
                    kept.quiet = Instant(0)
                if isinstance(event, e.BetPlaced | e.Collected | e.Rung):
                    self._note(question, Instant(event.at))
                evolve(question, event)
        return question

    def fold_tally(self, stream: str, event: e.TallyEvent) -> None:
        """One more event of a tally."""
        if isinstance(event, e.TallyOpened):
            self._tallies[event.tally] = Tally(event, last_at=Instant(event.at))
        else:
            self._tallies[tally_of(stream) or ""].evolve(event)

    def _keep(self, question: Question) -> None:
        samples = Samples(Shown(question, self.prices)) if MARKET in question.mechanisms else None
        self._shelf.put((self.id, question.id), Kept(question, samples, self.prices))

    def _note(self, question: Question, at: Instant) -> None:
        kept = self.kept(question.id)
        assert kept is not None and kept.samples is not None, "what is bet on is in memory, with its curve"
        if kept.prices.at_intervals:
            boundary = kept.prices.boundary(at)
            if kept.published is not None and kept.published.boundary >= boundary:
                return  # what came since the boundary is not to be seen
            question.advance(at)
            kept.published = publish(question, boundary)
        kept.samples.note(Shown(question, kept.prices), at)

    # forgetting

    def forget(self, questions: Iterable[str] | None = None) -> None:
        """Drop what may be spoiled: these questions (all of them, where none are named), and every purse, tally and head."""
        keys = self._shelf.keys(self.id) if questions is None else [(self.id, question) for question in questions]
        for key in keys:
            self._shelf.drop(key)
        for memory in (self._tallies, self._purses, self._heads):
            memory.clear()
