"""The simulated crowd at work: players join a crew through the real service, look at what is known, and bet by real commands."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from anyday import wire
from anyday.instants import Instant
from anyday.lab.beliefs import Known
from anyday.lab.players import MOST_A_QUESTION, PLAYERS, Habit, Kind, belief_of, best_claim, bet_for, error_of
from anyday.points import parse_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules.question import Question
from anyday.service import Service

#: With nobody else there and nothing failing, these mean that something is wrong with us.
_BUGS: Final = (Reason.UNAVAILABLE, Reason.BROKEN, Reason.DISK_FULL)


class Broken(Exception):
    """Something that history needs was refused; the message says what."""


class SimulatedClock:
    """A clock that is moved by hand, forwards only."""

    def __init__(self, start: Instant) -> None:
        self.at = start

    def __call__(self) -> Instant:
        """The simulated now, in UTC microseconds."""
        return self.at

    def advance(self, to: Instant) -> None:
        """Move on; never back."""
        assert to >= self.at, "simulated time runs forwards"
        self.at = to


@dataclass(slots=True)
class Table:
    """One question as the crowd sees it: its id, whether somebody made a plan, what a player spends there at most, what each
    has spent, and which kinds come."""

    question: str
    planned: bool
    most: int = MOST_A_QUESTION
    spent: dict[str, int] = field(default_factory=dict)
    bets: int = 0
    kinds: tuple[Kind, ...] = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Turn:
    """One player's go at one question, with what was known at that moment."""

    table: Table
    habit: Habit
    known: Known


@dataclass(frozen=True, slots=True)
class Made:
    """A bet as it was made; for looking back."""

    at: Instant
    question: str
    player: str
    window: str
    shares: str
    charge: str


async def must(service: Service, actor: str, command_id: str, body: c.Command) -> wire.Receipt:
    """Submit a command that history cannot do without. Raises ``Broken``."""
    receipt = await service.submit(c.Envelope(service.crew, actor, command_id, body))
    if isinstance(receipt, Refusal):
        raise Broken(f"{type(body).__name__}: {receipt}")
    return receipt


class Crowd:
    """The simulated players of one crew. ``ids`` are players' ids by name; all chance follows from ``seed``."""

    def __init__(self, service: Service, ids: Mapping[str, str], seed: int) -> None:
        self._service, self._ids, self._seed = service, ids, seed
        self.made: list[Made] = []
        self.refused: dict[str, int] = {}
        self._submitted = 0

    async def session(self, looks: Sequence[tuple[Table, Known, int]]) -> None:
        """One moment: each player present looks at each question so many times. Different questions are served side by side, the turns
        at one question one after the other."""
        queues = [self._turns(*look) for look in looks]
        for place in range(max((len(queue) for queue in queues), default=0)):
            await asyncio.gather(*(self._play(queue[place]) for queue in queues if place < len(queue)))

    def _turns(self, table: Table, known: Known, times: int) -> list[Turn]:
        present = [habit for habit in PLAYERS if habit.name in self._ids and habit.kind in table.kinds]
        random.Random(f"{self._seed}/{self._question(table).opened.title}/{self._service.now()}").shuffle(present)
        return [Turn(table, habit, known) for _ in range(times) for habit in present]

    def _question(self, table: Table) -> Question:
        question = self._service.find(table.question)
        assert question is not None, "it was asked"
        question.advance(self._service.now())
        return question

    async def _play(self, turn: Turn) -> None:
        """Look, and bet if the market is far enough off."""
        table, habit = turn.table, turn.habit
        question = self._question(table)
        error = error_of(self._seed, question.opened.title, habit)
        believed = belief_of(habit, turn.known, planned=table.planned, error=error)
        wish = best_claim(believed, question.market)
        if wish is None:
            return
        bet = bet_for(table.question, wish, question.horizon, question.market.liquidity, table.most - table.spent.get(habit.name, 0))
        if bet is None:
            return
        self._submitted += 1
        now = self._service.now()
        receipt = await self._service.submit(c.Envelope(self._service.crew, self._ids[habit.name], f"simulated-{self._submitted}", bet))
        if isinstance(receipt, Refusal):
            if receipt.reason in _BUGS:  # every figure after it would be wrong
                raise Broken(f"{habit.name}, {bet.window}: {receipt}")
            self.refused[receipt.reason.code] = self.refused.get(receipt.reason.code, 0) + 1
            return
        charge, released = parse_points(receipt.charge, signed=True), parse_points(receipt.released, signed=True)
        assert isinstance(charge, int) and isinstance(released, int), "a receipt says what it cost"
        table.spent[habit.name] = table.spent.get(habit.name, 0) + charge - released
        table.bets += 1
        self.made.append(Made(now, question.opened.title, habit.name, bet.window, receipt.shares or "", receipt.charge or ""))
