"""The demo: a crew with a past. Real plans and real dates, simulated players who are marked as such, and room for one more player.

Loading runs through the real service on simulated time, everything in one order, so that the log looks as if it had been lived;
then the clock becomes the real one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from anyday.instants import DAY, FIRST_INSTANT, Instant
from anyday.lab import fair, history, office, series, staged
from anyday.lab.crowd import Broken, Crowd, Table, must
from anyday.lab.entrants import Entrants
from anyday.lab.players import PLAYERS, Habit, Kind
from anyday.lab.staged import HOST, PLAYER, RESOLVER, Act, Staged
from anyday.points import UNITS_A_POINT
from anyday.reads import questions, tallies
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules.question import Life
from anyday.service import Service

Progress = Callable[[int, int, str], None]

CREW_NAME: Final = "The demo crew"
SEED: Final = 1
#: Deep enough that 50 of a newcomer's 1,000 points move an open question moderately; what is settled keeps the depth it was played at.
OPEN_SUBSIDY: Final = 500 * UNITS_A_POINT
SETTLED_SUBSIDY: Final = 120 * UNITS_A_POINT
HOST_GRANT: Final = 20_000 * UNITS_A_POINT
#: What a simulated player puts on one question at most, and what the owner adds to each one's welcome for so long a past.
MOST_ON_OPEN: Final = 150 * UNITS_A_POINT
MOST_ON_SETTLED: Final = 60 * UNITS_A_POINT
PLAYER_GRANT: Final = 1_000 * UNITS_A_POINT
#: How the demo's own player has entered so far: by the plan, and none too sure of it.
OWN: Final = Habit(PLAYER, Kind.PLAN, scale=6, growth=0.2, loose=6)
LINK_DAYS: Final = 7
#: The demo's player has read their inbox up to so long ago.
READ_UNTIL: Final = 3 * DAY
LEAST_SETTLED: Final = 12


class DemoClock:
    """A clock that replays the past while the demo is loaded, and is the real clock from then on.

    It begins before everything: a service must not see the present before its past is loaded.
    """

    def __init__(self, real: Callable[[], Instant]) -> None:
        self.real = real
        self._at: Instant | None = FIRST_INSTANT

    def __call__(self) -> Instant:
        """Now: simulated, or real once it is live."""
        return self.real() if self._at is None else self._at

    @property
    def live(self) -> bool:
        """Whether it is the real clock by now."""
        return self._at is None

    def advance(self, to: Instant) -> None:
        """Move simulated time on; never back."""
        assert self._at is not None and to >= self._at, "simulated time runs forwards, until it is live"
        self._at = to

    def go_live(self) -> None:
        """Be the real clock from now on."""
        assert self._at is None or self.real() >= self._at, "the past is over"
        self._at = None


@dataclass(frozen=True, slots=True)
class ToRule:
    """A question that waits for the demo's player to rule it: what they may type, and why."""

    question: str
    title: str
    outcome: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Demo:
    """What was loaded: the player to sign in as, the secret of their sign-in link (kind ``link``), the questions' ids, and how many urgent
    messages wait in their inbox."""

    player: str
    name: str
    link: str
    settled: tuple[str, ...]
    open: tuple[str, ...]
    to_rule: ToRule | None
    urgent: int


@dataclass(frozen=True, slots=True)
class _Step:
    """Something that happens at an instant to one question (-1: in the crew); ``rank`` orders what happens at the same instant."""

    at: Instant
    rank: int
    question: int
    act: Act | None = None


_RULE, _ASK, _ACT, _LOOK, _READ, _CLUB = range(6)


async def load_demo(service: Service, progress: Progress | None = None) -> Demo:
    """Fill an empty file with the demo's crew, or find it in a file that holds it, and issue a new sign-in link.

    The service must run on a ``DemoClock`` that is not live yet. Raises ``Broken`` where the file holds something else.
    """
    clock = service.clock
    assert isinstance(clock, DemoClock) and not clock.live, "the demo is loaded on its own clock"
    if service.crew_open:
        clock.go_live()
        return await _found(service)
    now = clock.real()
    milestones, breakups = history.milestones(), history.breakups()
    settled = [one for one in staged.settled(milestones) if one.ruling is not None and one.ruling.at < now]
    if len(settled) < LEAST_SETTLED:
        raise Broken("This machine's clock is behind the record that the demo tells. Set it right and try again.")
    open_now = [
        *staged.upcoming(milestones, now), staged.next_breakup(breakups, now), staged.coffee_machine(now), staged.first_flower(now),
        staged.first_slide(now), *office.errands(now), *fair.questions(now),
    ]  # fmt: skip
    counted = series.series(milestones, now)
    asked = sorted([*settled, *open_now, *counted.questions], key=lambda one: one.asked.at)
    assert all(at < now for one in asked for at in one.sessions), "nobody has bet tomorrow"
    await _Loading(service, clock, asked, [*counted.acts, *fair.alarm(now)]).run(now, progress or (lambda done, total, text: None))
    clock.go_live()
    return await _found(service)


class _Loading:
    """One loading under way."""

    def __init__(self, service: Service, clock: DemoClock, asked: Sequence[Staged], crewed: Sequence[Act]) -> None:
        self._service, self._clock, self._asked, self._crewed = service, clock, asked, crewed
        self._tables: dict[int, Table] = {}
        self._said: dict[int, int] = {}
        self._ids: dict[str, str] = {}
        self._tally = ""
        self._done = self._acts = 0

    async def run(self, now: Instant, progress: Progress) -> None:
        """Everything before ``now``, in one order of time."""
        steps = self._steps(now)
        self._clock.advance(Instant(steps[0].at - DAY))
        crowd, entrants = await self._people()
        for at, same in itertools.groupby(steps, key=lambda step: step.at):
            self._clock.advance(at)
            together = list(same)
            for step in together:
                if step.rank == _RULE:
                    await self._rule(step.question)
                elif step.rank == _ASK:
                    await self._ask(step.question)
                elif step.act is not None:
                    await self._act(step.question, step.act)
                elif step.rank == _READ:
                    await self._service.messages.read(self._service.crew, self._ids[PLAYER])
                elif step.rank == _CLUB:
                    await fair.open_club(self._service, self._ids)
            looks = [(step.question, self._tables[step.question], self._asked[step.question].known(at)) for step in together if step.rank == _LOOK]
            await crowd.session([(table, known, 1) for place, table, known in looks if self._asked[place].plays.market])
            await entrants.session([(table, known) for _, table, known in looks])
            self._done += len(together)
            progress(self._done, len(steps), "loading the demo")

    def _steps(self, now: Instant) -> list[_Step]:
        steps = [_Step(act.at, _ACT, -1, act) for act in self._crewed]
        steps += [_Step(Instant(now - READ_UNTIL), _READ, -1), _Step(Instant(now - fair.CLUB_SINCE), _CLUB, -1)]
        for place, one in enumerate(self._asked):
            steps.append(_Step(one.asked.at, _ASK, place))
            steps += [_Step(at, _LOOK, place) for at in one.sessions]
            steps += [_Step(act.at, _ACT, place, act) for act in one.acts if act.at < now]
            steps += [_Step(one.ruling.at, _RULE, place)] if one.ruling else []
        return sorted(steps, key=lambda step: (step.at, step.rank, step.question))

    async def _people(self) -> tuple[Crowd, Entrants]:
        """The demo's player, who owns the crew; a guest, who looks on; and the machine's players, marked as such: a host, a resolver, a speaker,
        and those who bet."""
        for name in (PLAYER, HOST, RESOLVER, *(habit.name for habit in PLAYERS), fair.SPEAKER, fair.GUEST):
            added = await self._service.people.add_player(name)
            if isinstance(added, Refusal):
                raise Broken(f"{name}: {added}")
            self._ids[name] = added
        await must(self._service, self._ids[PLAYER], "demo-open", c.OpenCrew(CREW_NAME, dispute=0, silence=366 * DAY))
        for name in self._ids:
            if name != PLAYER:
                await must(self._service, self._ids[name], "demo-join", c.Join(simulated=name != fair.GUEST, guest=name == fair.GUEST))
        grants = [(HOST, HOST_GRANT, "For the subsidies of questions"), *((habit.name, PLAYER_GRANT, "To play for years") for habit in PLAYERS)]
        for name, amount, reason in grants:
            await must(self._service, self._ids[PLAYER], f"demo-grant-{name}", c.Grant(self._ids[name], amount, reason))
        crowd = Crowd(self._service, {habit.name: self._ids[habit.name] for habit in PLAYERS}, SEED)
        return crowd, Entrants(self._service, self._ids, (*PLAYERS, OWN), SEED)

    async def _ask(self, place: int) -> None:
        one, asked, plays = self._asked[place], self._asked[place].asked, self._asked[place].plays
        subsidy, most = (OPEN_SUBSIDY, MOST_ON_OPEN) if one.ruling is None else (SETTLED_SUBSIDY, MOST_ON_SETTLED)
        in_tally = isinstance(one.opening, c.OpeningTally)
        body = c.Ask(
            asked.title, asked.terms, asked.zone, asked.grain, asked.origin, asked.horizon, self._ids[one.resolver], subsidy if plays.market else 0,
            opening=one.opening, source=asked.source, market=plays.market, tote=plays.tote, closest=plays.closest, forecast=plays.forecast,
            tally=self._tally if in_tally else None, deputy=self._ids[one.named.deputy] if one.named.deputy else None,
            subjects=self._named(one.named.subjects), barred=self._named(one.named.barred), dispute=one.named.dispute,
        )  # fmt: skip
        asked_now = None if one.follows else (await must(self._service, self._ids[HOST], f"demo-ask-{place}", body)).question
        question = asked_now or await self._asked_by_itself()
        self._tables[place] = Table(question, one.planned, most, kinds=one.kinds)

    async def _asked_by_itself(self) -> str:
        """The question that the tally has asked since the last ruling; it does so before it takes another command."""
        while True:
            newest = tallies.asked(self._service.database, self._service.crew, self._tally)[0]
            if newest.state == "open":
                return newest.id
            if (stuck := self._service.stuck.get(self._tally)) is not None:
                raise Broken(f"the next question of the tally: {stuck.refusal}")
            await asyncio.sleep(0.001)

    def _named(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._ids[name] for name in names)

    async def _act(self, place: int, act: Act) -> None:
        self._acts += 1
        receipt = await must(self._service, self._ids[act.who], f"demo-act-{self._acts}", self._about(place, act.body))
        self._tally = receipt.tally or self._tally
        if isinstance(act.body, c.Comment):
            self._said[place] = receipt.version

    def _about(self, place: int, body: c.Command) -> c.Command:
        """The command with the ids that its story could not know."""
        known: dict[str, str | int] = {"question": self._tables[place].question} if place >= 0 else {}
        if isinstance(body, c.Record):
            known["tally"] = self._tally
        if isinstance(body, c.HandOver):
            known["to"] = self._ids[body.to]
        if isinstance(body, c.Thank):
            known["version"] = self._said[place]
        return msgspec.structs.replace(body, **known)

    async def _rule(self, place: int) -> None:
        one, ruling = self._asked[place], self._asked[place].ruling
        assert ruling is not None, "only what is over is ruled"
        body = c.Rule(self._tables[place].question, ruling.outcome, ruling.evidence)
        await must(self._service, self._ids[one.resolver], f"demo-rule-{place}", body)


async def _found(service: Service) -> Demo:
    """The demo that the file holds, with a new link for its player."""
    player = service.people.player_of(PLAYER)
    if player is None or service.crew_name != CREW_NAME:
        raise Broken("That file holds a crew that is not the demo's. Name another file, or delete it.")
    rows = questions.questions(service.database, service.crew)
    finished = [row for row in rows if row.state in ("settled", "void")]
    now = service.now()
    waiting = [row for row in rows if row not in finished and row.horizon <= now and row.resolver == player]
    link = await service.people.link(player, days=LINK_DAYS)
    if isinstance(link, Refusal):
        raise Broken(str(link))
    still_open = tuple(row.id for row in rows if row.state == Life.OPEN and row.horizon > now)
    to_rule = ToRule(waiting[0].id, waiting[0].title, *staged.slide_ruling(waiting[0].horizon)) if waiting else None
    urgent = service.messages.counts(service.crew, player).urgent
    return Demo(player, PLAYER, link.secret, tuple(row.id for row in finished), still_open, to_rule, urgent)
