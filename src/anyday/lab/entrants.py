"""Simulated players beside the market: stakes on the slots of a tote, guesses, forecasts and their revisions, by the same beliefs as their bets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from anyday.instants import Window
from anyday.lab.beliefs import Known
from anyday.lab.crowd import Table, must
from anyday.lab.players import Habit, belief_of, error_of
from anyday.market.curve import Curve
from anyday.market.horizon import Horizon
from anyday.market.prior import WHOLE
from anyday.phrases import say_window
from anyday.points import UNITS_A_POINT, split
from anyday.rules import commands as c
from anyday.rules.ledger import CLOSEST, FORECAST, TOTE
from anyday.rules.question import Question
from anyday.service import Service

STAKE: Final = 5 * UNITS_A_POINT
#: Equal guesses share their prize, so each player guesses at a share of their own of what they believe, drawn from the seed.
_MIDDLE: Final = (0.3, 0.7)
_FINE: Final = 10**12


class Entrants:
    """Players of one crew who enter by ``habits``. ``ids`` are players' ids by name; all chance follows from ``seed``."""

    def __init__(self, service: Service, ids: Mapping[str, str], habits: Sequence[Habit], seed: int) -> None:
        self._service, self._ids, self._habits, self._seed = service, ids, habits, seed
        self._said: dict[tuple[str, str], Curve | None] = {}
        self._submitted = 0

    async def session(self, looks: Sequence[tuple[Table, Known]]) -> None:
        """One moment: until entries close, each player stakes on a slot each time and makes one guess and a first forecast; later they
        state their forecast anew when they have come to believe something else. Raises ``Broken`` where one is refused."""
        bodies = [(name, body) for table, known in looks for name, body in self._entries(table, known)]
        await asyncio.gather(*(self._submit(name, body) for name, body in bodies))

    async def _submit(self, name: str, body: c.Command) -> None:
        self._submitted += 1
        await must(self._service, self._ids[name], f"entered-{self._submitted}", body)

    def _entries(self, table: Table, known: Known) -> Iterator[tuple[str, c.Command]]:
        question = self._service.find(table.question)
        assert question is not None, "it was asked"
        played, early = question.mechanisms, self._service.now() < question.opened.closes
        for habit in self._habits:
            key = table.question, habit.name
            first = key not in self._said
            if habit.kind not in table.kinds or not (early or self._said.get(key)):
                continue
            believed = belief_of(habit, known, planned=table.planned, error=error_of(self._seed, question.opened.title, habit))
            if TOTE in played and early:
                yield habit.name, c.Stake(table.question, best_slot(believed, question), STAKE)
            if CLOSEST in played and first:
                share = random.Random(f"{self._seed}/{question.opened.title}/{habit.name}/guess").uniform(*_MIDDLE)
                yield habit.name, c.Guess(table.question, guessed(believed, share, question.horizon))
            stated = believed if FORECAST in played else None
            if stated is not None and stated != self._said.get(key):
                yield habit.name, c.Forecast(table.question, typed(stated, question.horizon), STAKE if first else None)
            self._said[key] = stated


def best_slot(believed: Curve, question: Question) -> str:
    """The slot on which a stake would be worth most by the belief, at the dividend that the stakes so far give."""
    held = question.tote
    chances = [*(believed.between(low, high) for low, high in pairwise(held.edges)), believed.never]
    worth = [chance / (stake + STAKE) for chance, stake in zip(chances, held.stakes(), strict=True)]
    return held.say_slot(worth.index(max(worth)))


def guessed(believed: Curve, share: float, horizon: Horizon) -> str:
    """The grain by which that share of what the belief puts on the question's time has happened, as one types it."""
    place = believed.quantile((1 - believed.never) * share)
    return said(min(horizon.count - 1, int(place or 0)), horizon)


def said(grain: int, horizon: Horizon) -> str:
    """A grain as one types it."""
    return say_window(Window(horizon.start(grain), horizon.start(grain + 1)), horizon.zone, horizon.grain)


def typed(believed: Curve, horizon: Horizon) -> c.CurveTable:
    """The belief as a table of typed times, in parts per million that sum to the whole."""
    parts = split(WHOLE, [round(mass * _FINE) for mass in (*believed.masses, believed.never)])
    ends = [said(edge - 1, horizon) for edge in believed.edges[1:]]
    return c.CurveTable(tuple(zip(ends, parts[:-1], strict=True)), parts[-1])
