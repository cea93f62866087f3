"""Replays: history through the real service, on a simulated clock, with players who know only what was known.

Everything happens in one order of time; the scorer looks at the curve at moments counted back from the outcome, the players never
know that it looks. How it is asked, played and compared is fixed in ``README.md`` beside this file.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from anyday.instants import DAY, HOUR, Grain, Instant
from anyday.lab import history
from anyday.lab.beliefs import Known, conditioned
from anyday.lab.cases import Case, cpython_cases, nenana_cases
from anyday.lab.crowd import Crowd, Made, SimulatedClock, Table, must
from anyday.lab.players import PLAYERS, Kind
from anyday.lab.report import ReplayResult, report
from anyday.market.curve import Curve
from anyday.market.scores import Outcome, Said, claims_before, crps, log_score
from anyday.points import UNITS_A_POINT
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.service import Service

Progress = Callable[[int, int, str], None]

NAMES: Final = ("nenana", "cpython")
LEADS: Final = (90, 30, 7, 1)
#: The question's whole time is sampled at so many even steps, as far as it got: moments that do not depend on the outcome.
SAMPLES: Final = 24
SUBSIDY: Final = 300 * UNITS_A_POINT
NEVER: Final = 50_000
LOOKS_AT_FIRST: Final = 3
#: Places, evenly over what is left, at which "before t" is held against what happened.
PLACES: Final = 10


@dataclass(frozen=True, slots=True)
class Scored:
    """One curve at one moment of one question: ``moment`` is ``opening``, days before the outcome, or ``over time``."""

    case: str
    moment: str
    curve: str
    log: float
    crps: float
    claims: tuple[Said, ...]


@dataclass(slots=True)
class Run:
    """One pass through history with the players of some kinds."""

    without: Kind | None
    scored: list[Scored] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    house: list[int] = field(default_factory=list)
    bound: list[int] = field(default_factory=list)
    voided: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens at an instant to one case; ``rank`` orders what happens at the same instant."""

    at: Instant
    rank: int
    case: int
    what: str


def replay(name: str, data: Path | None = None, out: Path | None = None, seed: int = 1, limit: int | None = None,
           progress: Progress | None = None) -> ReplayResult:  # fmt: skip
    """Run ``nenana`` or ``cpython`` whole, then without each kind of player; write JSON and SVG to the folder ``out`` if given.

    ``limit`` keeps the latest so many cases; the record before them stays known. Raises ``BadData`` and ``ValueError``.
    """
    cases = cases_of(name, data)[-limit if limit else None :]
    if not cases:
        raise ValueError(f"There is nothing to replay in the data for {name}.")
    tell = progress or (lambda done, total, text: None)
    runs, compared = [], Comparisons(cases)
    variants: list[Kind | None] = [None, *Kind]
    for turn, without in enumerate(variants):
        said = "all players" if without is None else f"without {without}"

        def step(done: int, before: int = turn * len(cases), said: str = said) -> None:
            tell(before + done, len(variants) * len(cases), f"{name}, {said}")

        runs.append(asyncio.run(run(cases, seed, without, compared if without is None else None, step)))
    assert runs[0].made or not cases[0].sessions, "somebody bets"
    result = report(name, seed, cases, runs)
    if out is not None:
        result.write(out)
    return result


def cases_of(name: str, data: Path | None = None) -> list[Case]:
    """The cases of a replay, in order of asking. Raises ``BadData`` and ``ValueError``."""
    if name == "nenana":
        return nenana_cases(history.breakups(data))
    if name == "cpython":
        return cpython_cases(history.milestones(data))
    raise ValueError(f"There is no replay {name!r}; there are {' and '.join(NAMES)}.")


class Comparisons:
    """The curves that the market is compared with; they depend on no player, so they are scored once."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases

    def at(self, place: int, now: Instant, passed: int) -> Iterator[tuple[str, Curve]]:
        """Each comparison as it stood, cut at what had passed."""
        for name, curve in self._cases[place].comparisons(now).items():
            yield name, conditioned(curve, passed)


def timeline(cases: Sequence[Case]) -> list[Moment]:
    """Everything that will happen, in one order of time."""
    moments = []
    for place, case in enumerate(cases):
        first = case.sessions[0]
        moments.append(Moment(case.asked.at, 1, place, "ask"))
        moments += [Moment(at, 2, place, "session") for at in case.sessions]
        moments += [Moment(at, 3, place, what) for at, what in looks(first, case.ends, case.closes)]
        moments.append(Moment(case.ruled_at, 0, place, "rule"))
    return sorted(moments, key=lambda moment: (moment.at, moment.rank, moment.case))


def looks(first: Instant, ends: Instant, closes: Instant) -> list[tuple[Instant, str]]:
    """When the scorer looks: just after the opening, so many days before the end, and at even steps of the question's whole time until it
    ends. Only the second kind depends on the outcome, so calibration is not taken from it."""
    found = [(Instant(first + HOUR), "opening")] if first + HOUR < ends else []
    found += [(Instant(ends - lead * DAY), str(lead)) for lead in LEADS if ends - lead * DAY > first]
    steps = [Instant(first + (closes - first) * step // SAMPLES) for step in range(1, SAMPLES)]
    return found + [(at, "over time") for at in steps if at < ends]


class _History:
    """One run under way."""

    def __init__(self, cases: Sequence[Case], service: Service, clock: SimulatedClock, run: Run, compared: Comparisons | None) -> None:
        self._cases, self._service, self._clock, self._run, self._compared = cases, service, clock, run, compared
        self._tables: dict[int, Table] = {}
        self._crowd: Crowd | None = None

    async def begin(self, seed: int) -> None:
        """Open the crew; an owner and a resolver who never play, and the players who are present."""
        await must(self._service, "owner", "open", c.OpenCrew("Replay", joining_grant=1_000_000 * UNITS_A_POINT, dispute=0, silence=366 * DAY))
        present = [habit for habit in PLAYERS if habit.kind is not self._run.without]
        for player in ("resolver", *(habit.name for habit in present)):
            await must(self._service, player, "join", c.Join(simulated=True))
        self._crowd = Crowd(self._service, {habit.name: habit.name for habit in present}, seed)

    async def at(self, moments: Sequence[Moment]) -> int:
        """Everything at one instant; how many cases came to their end."""
        self._clock.advance(moments[0].at)
        assert self._crowd is not None, "the crew is open"
        ended = [m.case for m in moments if m.what == "rule"]
        for case in ended:
            await self._rule(case)
        for moment in moments:
            if moment.what == "ask":
                await self._ask(moment.case)
        sitting = [m.case for m in moments if m.what == "session"]
        await self._crowd.session([self._look(case) for case in sitting])
        for moment in moments:
            if moment.rank == 3:
                self._score(moment)
        self._run.made, self._run.refused = self._crowd.made, self._crowd.refused
        return len(ended)

    def _look(self, place: int) -> tuple[Table, Known, int]:
        case, now = self._cases[place], self._clock()
        return self._tables[place], case.known(now), LOOKS_AT_FIRST if now == case.sessions[0] else 1

    async def _ask(self, place: int) -> None:
        case = self._cases[place]
        asked = case.asked
        body = c.Ask(
            asked.title, asked.terms, asked.zone, asked.grain, asked.origin, asked.horizon, "resolver", SUBSIDY, "house",
            opening=c.OpeningUniform(NEVER), source=asked.source,
        )  # fmt: skip
        receipt = await must(self._service, "owner", f"ask-{place}", body)
        assert receipt.question is not None, "a question has an id"
        self._tables[place] = Table(receipt.question, case.planned)

    async def _rule(self, place: int) -> None:
        case, table = self._cases[place], self._tables[place]
        await must(self._service, "resolver", f"rule-{place}", c.Rule(table.question, case.outcome_text, "As on record."))
        question = self._service.find(table.question)
        assert question is not None and isinstance(question.ruled, e.Ruled), "it was ruled"
        self._run.house.append(question.posted.house - question.opened.subsidy)
        self._run.bound.append(question.opened.subsidy)
        self._run.voided += question.ruled.voided
        assert self._run.house[-1] >= -self._run.bound[-1], "the house never loses more than the subsidy"

    def _score(self, moment: Moment) -> None:
        case, table = self._cases[moment.case], self._tables[moment.case]
        question = self._service.find(table.question)
        assert question is not None, "it was asked"
        question.advance(moment.at)
        passed, market = question.market.passed, question.market
        if passed >= case.count or (case.outcome is not None and case.outcome[0] < passed):
            return  # the grain in which it happened is under way
        edges = sorted({passed, *range(0, case.count, question_step(case)), case.count})
        curves = [("market", market.curve([edge for edge in edges if edge >= passed]))]
        if self._compared is not None:
            curves += self._compared.at(moment.case, moment.at, passed)
        places = [passed + (case.count - passed) * step // PLACES for step in range(1, PLACES + 1)]
        for name, curve in curves:
            self._run.scored.append(scored(case.key, moment.what, name, curve, case.outcome, case.count, places))


def question_step(case: Case) -> int:
    """How many grains a day has: comparisons and players think in days."""
    return 24 if case.asked.grain is Grain.HOUR else 1


def scored(key: str, moment: str, name: str, curve: Curve, outcome: Outcome, count: int, places: Iterable[int]) -> Scored:
    """A curve's scores against what happened."""
    claims = tuple(claims_before(curve, outcome, places, key))
    return Scored(key, moment, name, log_score(curve, outcome), crps(curve, outcome, count), claims)


async def run(cases: Sequence[Case], seed: int, without: Kind | None, compared: Comparisons | None, step: Callable[[int], None]) -> Run:
    """One pass through history, on a temporary file that is gone afterwards."""
    started, ended, made = time.perf_counter(), 0, Run(without)
    moments = timeline(cases)
    with tempfile.TemporaryDirectory(prefix="anyday-replay-") as folder:
        clock = SimulatedClock(Instant(moments[0].at - HOUR))
        service = await Service.open(Path(folder) / "replay.db", clock)
        try:
            past = _History(cases, service, clock, made, compared)
            await past.begin(seed)
            for _, same in itertools.groupby(moments, key=lambda moment: moment.at):
                ended += await past.at(list(same))
                step(ended)
        finally:
            await service.close()
    made.seconds = time.perf_counter() - started
    assert len(made.house) == len(cases), "every question is settled in the end"
    return made
