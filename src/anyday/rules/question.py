"""A question, folded from its events; and the crew, folded from its own.

Both are mutated in place by ``evolve``: copying an interval tree for every bet would cost as much as the endpoints ever
traded, and a state that a failed commit has spoiled is dropped and folded again. Only integers are added here, so a
replay is exact on every machine.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from anyday.instants import DAY, At, Grain, Instant, NeverBy, Window, Within
from anyday.instants import Outcome as TypedOutcome
from anyday.market.horizon import Claim, Horizon
from anyday.market.maker import Market
from anyday.market.mechanism import Fill
from anyday.market.prior import Opening
from anyday.rules import events as e
from anyday.rules.ledger import HOUSE

#: A ruling can be corrected for so long after it was made.
CORRECTION_TIME: Final = 90 * DAY


class Life(enum.StrEnum):
    """Where a question stands."""

    OPEN = "open"
    CLOSED = "closed"
    RULED = "ruled"
    SETTLED = "settled"
    VOID = "void"


@dataclass(slots=True)
class Question:
    """One question's state after ``version`` events, the last of them stamped ``last_at``."""

    id: str
    opened: e.QuestionOpened
    horizon: Horizon
    market: Market
    version: int = 1
    last_at: Instant = Instant(0)
    life: Life = Life.OPEN
    bets: int = 0
    stakeholders: set[str] = field(default_factory=set)
    powers_used: set[str] = field(default_factory=set)
    flows: dict[str, int] = field(default_factory=dict)
    ruled: e.Ruled | e.Corrected | None = None
    ruled_at: Instant = Instant(0)
    lines: tuple[e.Line, ...] = ()
    house: int = 0

    @property
    def barred(self) -> dict[str, str]:
        """Who can never bet here, each with the reason."""
        who = dict.fromkeys(self.powers_used, "you have used a power over it")
        if self.opened.subsidy_from == HOUSE:
            who[self.opened.host] = "you are its host, and the house pays its subsidy"
        who[self.opened.resolver] = "you are its resolver"
        assert not self.stakeholders & self.powers_used, "powers and positions exclude each other"
        return who

    def check(self) -> None:
        """Every invariant of the state: escrow, shares and flows agree."""
        self.market.check()
        assert set(self.flows) == self.stakeholders, "who ever had a flow has had a stake"
        if self.life in (Life.OPEN, Life.CLOSED):
            assert self.market.escrow == self.opened.subsidy - sum(self.flows.values()), "the escrow holds subsidy and stakes"


def open_question(question: str, event: e.QuestionOpened) -> Question:
    """The state that a question begins with."""
    horizon = Horizon(Grain(event.grain), event.zone, Instant(event.origin), event.lengths, event.tzdata)
    runs = tuple((run.first, run.last, run.weight) for run in event.runs)
    opening = Opening(runs, event.never, event.smooth)
    assert opening.count == horizon.count, "the opening curve covers the question's time"
    market = Market(horizon, opening, event.liquidity, event.subsidy, event.lead)
    market.advance(Instant(event.at))
    return Question(question, event, horizon, market, last_at=Instant(event.at))


def evolve(question: Question, event: e.QuestionEvent) -> Question:
    """The state after one more event, in place. Integers only; nothing is priced."""
    assert event.at >= question.last_at, "times in a stream never decrease"
    question.version += 1
    question.last_at = Instant(event.at)
    match event:
        case e.BetPlaced():
            question.market.advance(Instant(event.at))
            claim = Claim(event.first, event.last, event.complement)
            question.market.apply(Fill(event.player, claim, event.shares, event.charge, event.released))
            question.bets += 1
            question.stakeholders.add(event.player)
            question.flows[event.player] = question.flows.get(event.player, 0) + event.released - event.charge
        case e.Collected():
            question.market.advance(Instant(event.at))
            question.market.collect(event.player, event.released)
            question.flows[event.player] = question.flows.get(event.player, 0) + event.released
        case e.Closed():
            question.life = Life.CLOSED
            question.powers_used.add(event.by)
        case e.Ruled():
            question.life, question.ruled, question.ruled_at = Life.RULED, event, Instant(event.at)
            question.powers_used.add(event.by)
        case e.Settled():
            question.life, question.lines, question.house = Life.SETTLED, event.lines, event.house
        case e.Voided():
            question.life, question.lines, question.house = Life.VOID, event.lines, event.house
            question.powers_used.add(event.by)
        case e.Corrected():
            question.ruled, question.lines, question.house = event, event.lines, event.house
            question.life = Life.VOID if event.void else Life.SETTLED
            question.powers_used.add(event.by)
        case e.QuestionOpened():
            raise AssertionError("a question opens once")
    return question


def fold(question: str, events: Iterable[e.QuestionEvent]) -> Question:
    """The state after all of a question's events, the opening first."""
    stream = iter(events)
    opened = next(stream)
    assert isinstance(opened, e.QuestionOpened), "a question's stream begins with its opening"
    state = open_question(question, opened)
    for event in stream:
        evolve(state, event)
    assert state.life is not Life.RULED or state.ruled is not None, "what is ruled has a ruling"
    return state


def standing(question: str, events: Iterable[e.QuestionEvent], cut: Instant | None) -> Question:
    """The prefix that a cut leaves: the opening, and what was bet and collected before ``cut`` (all of it without one)."""
    stream = iter(events)
    opened = next(stream)
    assert isinstance(opened, e.QuestionOpened), "a question's stream begins with its opening"
    state = open_question(question, opened)
    closings: list[e.QuestionEvent] = []  # one counts only where a collection follows it: a ruling's own never does
    for event in stream:
        if (cut is not None and event.at >= cut) or not isinstance(event, e.BetPlaced | e.Collected | e.Closed):
            break
        closings.append(event)
        if not isinstance(event, e.Closed):
            for flow in closings:
                evolve(state, flow)
            closings.clear()
    return state


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
