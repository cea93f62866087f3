"""A question, folded from its events; and the crew and a tally, folded from their own.

All are mutated in place by ``evolve``: copying an interval tree for every bet would cost as much as the endpoints ever
traded, and a state that a failed commit has spoiled is dropped and folded again. Only integers are added here, so a
replay is exact on every machine.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from anyday.instants import DAY, At, Grain, Instant, NeverBy, Window, Within
from anyday.instants import Outcome as TypedOutcome
from anyday.market.closest import Closest, Variant
from anyday.market.forecast import Forecasts, Stated
from anyday.market.horizon import Claim, Horizon
from anyday.market.maker import Market
from anyday.market.mechanism import Entry, Fill, Mechanism
from anyday.market.prior import Opening
from anyday.market.report import Report
from anyday.market.tote import Tote
from anyday.rules import events as e
from anyday.rules.ledger import CLOSEST, FORECAST, HOUSE, MARKET, SEALED, TOTE, Flowing, flow_of

#: A ruling can be corrected for so long after it was made.
CORRECTION_TIME: Final = 90 * DAY
#: And so many times.
MOST_CORRECTIONS: Final = 20


class Life(enum.StrEnum):
    """Where a question stands."""

    OPEN = "open"
    CLOSED = "closed"
    RULED = "ruled"
    SETTLED = "settled"
    VOID = "void"


@dataclass(slots=True)
class Question:
    """One question's state after ``version`` events of its own stream, the last of them stamped ``last_at``, and after the
    sealed entries, which have streams of their own. ``flows`` are net by mechanism and player; ``bets``, ``stakeholders`` and
    ``last_at`` know nothing of what is sealed."""

    id: str
    opened: e.QuestionOpened
    horizon: Horizon
    mechanisms: dict[str, Mechanism[Any, Any, Any]]
    version: int = 1
    last_at: Instant = Instant(0)
    life: Life = Life.OPEN
    passed: int = 0
    bets: int = 0
    stakeholders: set[str] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)
    unsealed: set[str] = field(default_factory=set)
    powers_used: set[str] = field(default_factory=set)
    flows: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[tuple[int, e.Noted]] = field(default_factory=list)
    ruled: e.Ruled | e.Corrected | None = None
    corrections: int = 0
    ruled_at: Instant = Instant(0)
    posted: e.Posted = field(default_factory=e.Posted)
    scored: e.Scored | None = None

    @property
    def market(self) -> Market:
        """The market; only a question that is played as one has it."""
        market = self.mechanisms[MARKET]
        assert isinstance(market, Market), "its name says what it is"
        return market

    @property
    def tote(self) -> Tote:
        """The tote; only a question that is played as one has it."""
        tote = self.mechanisms[TOTE]
        assert isinstance(tote, Tote), "its name says what it is"
        return tote

    @property
    def closest(self) -> Closest:
        """The closest guess; only a question that is played as one has it."""
        closest = self.mechanisms[CLOSEST]
        assert isinstance(closest, Closest), "its name says what it is"
        return closest

    @property
    def forecast(self) -> Forecasts:
        """The forecasts; only a question that is played as one has them."""
        forecast = self.mechanisms[FORECAST]
        assert isinstance(forecast, Forecasts), "its name says what it is"
        return forecast

    def has_stake(self, player: str) -> bool:
        """Whether the player has ever had a bet or a stake here, sealed ones too: only to be told to the player."""
        assert not self.sealed or any(name in self.mechanisms for name in SEALED), "only some mechanisms are sealed"
        return player in self.stakeholders or player in self.sealed

    def hidden(self, mechanism: str, now: Instant) -> bool:
        """Whether a mechanism's entries are seen by nobody but their owners: guesses until entries close, curves until the
        ruling. What was still sealed when the question was called off stays so: else whoever calls it off reads what the others
        think, and asks again."""
        assert mechanism in self.mechanisms, "it is played"
        if mechanism not in SEALED or self.life in (Life.RULED, Life.SETTLED):
            return False
        if self.life is Life.VOID:
            return mechanism not in self.unsealed
        return mechanism == FORECAST or now < self.opened.closes

    @property
    def barred(self) -> dict[str, str]:
        """Who can never bet here, each with the reason."""
        who = dict.fromkeys(self.powers_used, "you have used a power over it")
        if self.opened.subsidy_from == HOUSE:
            who[self.opened.host] = "you are its host, and the house pays its subsidy"
        who[self.opened.resolver] = "you are its resolver"
        assert not self.stakeholders & self.powers_used, "powers and positions exclude each other"
        return who

    def advance(self, now: Instant) -> None:
        """Let time pass for every mechanism; never backwards. Moves no money."""
        self.passed = max(self.passed, self.horizon.passed(now, self.opened.lead))
        for mechanism in self.mechanisms.values():
            mechanism.advance(now)
        assert MARKET not in self.mechanisms or self.market.passed >= self.passed, "one clock for all"

    def check(self) -> None:
        """Every invariant of the state: escrows, shares and flows agree."""
        for name, mechanism in self.mechanisms.items():
            mechanism.check()
            put_up = self.opened.subsidy if name == MARKET else 0
            if self.life in (Life.OPEN, Life.CLOSED):
                assert mechanism.escrow == put_up - sum(self.flows[name].values()), f"the escrow of the {name} holds what went into it"
        flowed = {player for flows in self.flows.values() for player in flows}
        assert flowed == self.stakeholders | self.sealed, "who ever had a flow has had a stake"


def open_question(question: str, event: e.QuestionOpened) -> Question:
    """The state that a question begins with."""
    horizon = Horizon(Grain(event.grain), event.zone, Instant(event.origin), event.lengths, event.tzdata)
    mechanisms: dict[str, Mechanism[Any, Any, Any]] = {}
    if (market := event.market) is not None:
        opening = Opening(tuple((run.first, run.last, run.weight) for run in market.runs), market.never, market.smooth)
        assert opening.count == horizon.count, "the opening curve covers the question's time"
        mechanisms[MARKET] = Market(horizon, opening, market.liquidity, market.subsidy, event.lead)
    if (tote := event.tote) is not None:
        mechanisms[TOTE] = Tote(horizon, tote.edges, tote.takeout, event.lead)
    if (closest := event.closest) is not None:
        mechanisms[CLOSEST] = Closest(horizon, Variant(closest.variant), closest.places, closest.stake, closest.many, event.lead)
    if event.forecast is not None:
        mechanisms[FORECAST] = Forecasts(horizon, event.lead)
    assert mechanisms, "a question is played in at least one way"
    flows: dict[str, dict[str, int]] = {name: {} for name in mechanisms}
    state = Question(question, event, horizon, mechanisms, last_at=Instant(event.at), flows=flows)
    state.advance(Instant(event.at))
    return state


def evolve(question: Question, event: e.QuestionEvent) -> Question:
    """The state after one more event of its own stream, in place. Integers only; nothing is priced."""
    assert event.at >= question.last_at, "times in a stream never decrease"
    question.version += 1
    question.last_at = Instant(event.at)
    match event:
        case e.BetPlaced():
            question.advance(Instant(event.at))
            claim = Claim(event.first, event.last, event.complement)
            question.market.apply(Fill(event.player, claim, event.shares, event.charge, event.released))
            _flow(question, event)
        case e.Collected():
            question.advance(Instant(event.at))
            question.market.collect(event.player, event.released)
            _flow(question, event)
        case e.Staked():
            question.advance(Instant(event.at))
            claim = Claim(event.first, event.last, event.complement)
            question.tote.apply(Entry(event.player, Instant(event.at), claim, event.amount))
            _flow(question, event)
        case e.Unsealed():
            question.unsealed.add(event.mechanism)
        case e.Noted():
            question.notes.append((question.version, event))
        case e.Closed():
            question.life = Life.CLOSED
            question.powers_used.add(event.by)
        case e.Ruled():
            question.life, question.ruled, question.ruled_at = Life.RULED, event, Instant(event.at)
            question.powers_used.add(event.by)
        case e.Settled():
            question.life, question.posted = Life.SETTLED, event.posted
        case e.Voided():
            question.life, question.posted = Life.VOID, event.posted
            question.powers_used.add(event.by)
        case e.Corrected():
            question.ruled, question.posted, question.scored = event, event.posted, None
            question.corrections += 1
            question.life = Life.VOID if event.void else Life.SETTLED
            question.powers_used.add(event.by)
        case e.Scored():
            question.scored = event
        case e.QuestionOpened():
            raise AssertionError("a question opens once")
    return question


def seal(question: Question, event: e.SealedEvent) -> Question:
    """The state with one more sealed entry, in place. Nothing that others see changes: no version, no count, no time."""
    match event:
        case e.Guessed():
            claim = Claim(event.first, event.last, event.complement)
            question.closest.apply(Entry(event.player, Instant(event.at), claim, event.stake))
        case e.ForecastStated():
            question.forecast.apply(Stated(event.player, Instant(event.at), Report(event.runs, event.never), event.stake))
    _flow(question, event)
    assert event.player in question.sealed, "who sealed an entry has a stake"
    return question


def _flow(question: Question, event: Flowing) -> None:
    flow = flow_of(event)
    if isinstance(event, e.SealedEvent):
        question.sealed.add(event.player)
    else:
        question.bets += not isinstance(event, e.Collected)
        question.stakeholders.add(event.player)
    flows = question.flows[flow.mechanism]
    flows[event.player] = flows.get(event.player, 0) + flow.released - flow.charge
    assert event.player in flows, "whoever bets has a flow"


@dataclass(frozen=True, slots=True)
class History:
    """A question's whole record: the events of its own stream, and the sealed entries of all its hidden streams (any order
    that keeps each stream's own)."""

    events: Sequence[e.QuestionEvent] = ()
    hidden: Sequence[e.SealedEvent] = ()


def fold(question: str, history: History) -> Question:
    """The state after a question's whole record."""
    stream = iter(history.events)
    opened = next(stream)
    assert isinstance(opened, e.QuestionOpened), "a question's stream begins with its opening"
    state = open_question(question, opened)
    for entry in history.hidden:
        seal(state, entry)
    for event in stream:
        evolve(state, event)
    assert state.life is not Life.RULED or state.ruled is not None, "what is ruled has a ruling"
    return state


def standing(
    question: str, history: History, cut: Instant | None, stops: Sequence[Instant] = (), visit: Callable[[Question, Instant], None] | None = None
) -> Question:
    """What a cut leaves: the opening, and what was bet, staked, guessed, stated and collected before ``cut`` (all of it
    without one). On the way ``visit`` sees the state at each of the rising instants ``stops``, just before what came then."""
    stream = iter(history.events)
    opened = next(stream)
    assert isinstance(opened, e.QuestionOpened), "a question's stream begins with its opening"
    state = open_question(question, opened)
    for entry in history.hidden:
        if cut is None or entry.at < cut:
            seal(state, entry)
    asides: list[e.QuestionEvent] = []  # these count only where a flow follows them: a ruling's own never do
    ahead = deque(stops)
    for event in stream:
        if (cut is not None and event.at >= cut) or not isinstance(event, _BEFORE_A_RULING):
            break
        while ahead and visit is not None and ahead[0] <= event.at:
            _look(state, ahead.popleft(), visit)
        asides.append(event)
        if isinstance(event, Flowing):
            for each in asides:
                evolve(state, each)
            asides.clear()
    while ahead and visit is not None:
        _look(state, ahead.popleft(), visit)
    return state


_BEFORE_A_RULING: Final = (e.BetPlaced, e.Collected, e.Staked, e.Unsealed, e.Noted, e.Closed)


def _look(state: Question, at: Instant, visit: Callable[[Question, Instant], None]) -> None:
    assert at >= state.opened.at, "nobody looks before it opened"
    state.advance(at)
    visit(state, at)


def recorded(outcome: TypedOutcome) -> e.Outcome:
    """An outcome as the log writes it."""
    assert isinstance(outcome, At | Within | NeverBy), "these are the outcomes"
    match outcome:
        case At():
            return e.Outcome(False, outcome.instant, outcome.instant + 1)
        case Within():
            return e.Outcome(False, outcome.window.start, outcome.window.end)
        case NeverBy():
            return e.Outcome(True)


def spoken(outcome: e.Outcome) -> TypedOutcome:
    """An outcome of the log as the outcome that it records."""
    if outcome.never:
        return NeverBy()
    assert outcome.start < outcome.end, "what happened took some time"
    if outcome.end == outcome.start + 1:
        return At(Instant(outcome.start))
    return Within(Window(Instant(outcome.start), Instant(outcome.end)))


@dataclass(slots=True)
class Crew:
    """One crew's state: its settings, and who belongs to it."""

    opened: e.CrewOpened
    version: int = 1
    last_at: Instant = Instant(0)
    members: dict[str, bool] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The player who may grant points, spend the house's and void."""
        assert not self.members or self.opened.owner in self.members, "the owner is a member"
        return self.opened.owner

    def evolve(self, event: e.CrewEvent) -> None:
        """One more event, in place."""
        assert event.at >= self.last_at, "times in a stream never decrease"
        self.version += 1
        self.last_at = Instant(event.at)
        if isinstance(event, e.PlayerJoined):
            assert event.player not in self.members, "a player joins once"
            self.members[event.player] = event.simulated


@dataclass(slots=True)
class Tally:
    """One tally's state: its occurrences by the version that recorded them, and for each question the last one that its
    ruling recorded."""

    opened: e.TallyOpened
    version: int = 1
    last_at: Instant = Instant(0)
    occurrences: dict[int, e.Occurred] = field(default_factory=dict)
    struck: dict[int, e.Struck] = field(default_factory=dict)
    ruled: dict[str, int] = field(default_factory=dict)

    @property
    def standing(self) -> list[e.Occurred]:
        """The occurrences that count, in the order in which they happened."""
        counted = [event for version, event in self.occurrences.items() if version not in self.struck]
        assert len(counted) == len(self.occurrences) - len(self.struck), "only what was recorded is struck out"
        return sorted(counted, key=lambda event: (event.start, event.end))

    def recorded(self, question: str) -> tuple[int, e.Occurred] | None:
        """The last occurrence that a question's ruling recorded, struck out or not, with its version."""
        version = self.ruled.get(question)
        assert version is None or self.occurrences[version].question == question, "it says whose ruling it was"
        return None if version is None else (version, self.occurrences[version])

    def evolve(self, event: e.TallyEvent) -> None:
        """One more event, in place."""
        assert event.at >= self.last_at, "times in a stream never decrease"
        self.version += 1
        self.last_at = Instant(event.at)
        if isinstance(event, e.Occurred):
            self.occurrences[self.version] = event
            if event.question is not None:
                self.ruled[event.question] = self.version
        elif isinstance(event, e.Struck):
            assert event.version in self.occurrences, "what is struck out was recorded"
            self.struck[event.version] = event
