"""The demo's questions: settled ones from CPython's record, and open ones whose dates follow from the day it is loaded.

A staged question says what is asked and when, what was known at each moment, and when it is ruled, if it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from anyday.instants import DAY, HOUR, Grain, Instant, day_start, instant_of, local_of, utc_of
from anyday.lab.beliefs import Kernel, Known, belief, grid
from anyday.lab.cases import Asked, ReleaseCase, Releases
from anyday.lab.history import Breakup, Milestone
from anyday.lab.players import Kind
from anyday.market.curve import Curve
from anyday.points import UNITS_A_POINT
from anyday.rules import commands as c

HOST: Final = "Kofi"
RESOLVER: Final = "Lena"
PLAYER: Final = "Robin"
ZONE: Final = "UTC"
_NENANA_ZONE: Final = "Etc/GMT+9"
_SHARES: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
#: Milestones that tell a cycle's story; enough of them, and not too many for a board.
_TOLD: Final = frozenset({"alpha 1", "alpha 7", "beta 1", "candidate 1", "final"})
_CYCLES: Final = 3
#: Those of them that were also guessed at.
_GUESSED: Final = frozenset({"beta 1", "final"})


@dataclass(frozen=True, slots=True)
class Ruling:
    """When a question is ruled, and how."""

    at: Instant
    outcome: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Plays:
    """The ways in which a question is played."""

    market: bool = True
    tote: c.ToteTerms | None = None
    closest: c.ClosestTerms | None = None
    forecast: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """Those whom a question names beside its resolver, and how long its ruling can be disputed."""

    subjects: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    deputy: str | None = None
    dispute: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did at a moment. Which question or tally it is about is filled in when it is done: names become ids, and thanks
    are for the last comment there."""

    at: Instant
    who: str
    body: c.QuestionCommand | c.HandOver | c.OpenTally | c.Record | c.Alarm | c.AllClear


@dataclass(frozen=True, slots=True)
class Staged:
    """One question of the demo. ``follows``: its tally asks it by itself, with the ruling of the one before it."""

    asked: Asked
    planned: bool
    sessions: tuple[Instant, ...]
    known: Callable[[Instant], Known]
    opening: c.OpeningUniform | c.OpeningQuantiles | c.OpeningTally
    resolver: str = RESOLVER
    ruling: Ruling | None = None
    kinds: tuple[Kind, ...] = tuple(Kind)
    plays: Plays = Plays()
    acts: tuple[Act, ...] = ()
    follows: bool = False
    named: Named = Named()


NEAREST: Final = c.ClosestTerms(5 * UNITS_A_POINT)
FIRST_THREE: Final = c.ClosestTerms(5 * UNITS_A_POINT, prize="three")
_OWN_BET: Final = 20 * UNITS_A_POINT


def own_bet(at: Instant, window: str) -> Act:
    """A bet of the demo's player, so that whoever looks around has something at stake."""
    return Act(at, PLAYER, c.Bet("", window, spend=_OWN_BET))


def news(at: Instant, text: str, evidence: str, kind: str = "news", who: str = HOST) -> Act:
    """Something for the timeline, on the day of it."""
    return Act(at, who, c.Note("", kind, text, utc_of(at).date().isoformat(), evidence))


def settled(milestones: Sequence[Milestone]) -> list[Staged]:
    """Telling milestones of the latest yearly releases on record, played by the plans as they stood."""
    releases = Releases(milestones)
    over = [m for m in releases.askable if m.state != "expected" and m.name in _TOLD]
    cycles = list(dict.fromkeys(m.release for m in over))[-_CYCLES:]
    cases = [ReleaseCase(m, releases) for m in over if m.release in cycles]
    found = []
    for case in cases:
        evidence = "python.org: released on that day." if case.outcome else "It was taken off the schedule and never came."
        ruling = Ruling(case.ruled_at, case.outcome_text, evidence)
        plays = Plays(closest=NEAREST if case.milestone.name in _GUESSED else None, forecast=True)
        opening = c.OpeningUniform(50_000)
        found.append(Staged(case.asked, True, case.sessions, case.known, opening, ruling=ruling, plays=plays, acts=_changes(case)))
    return found


def _changes(case: ReleaseCase) -> tuple[Act, ...]:
    """The changes of its plan, as news: what its schedule said, from the moment on which it said so."""
    told = []
    for before, plan in pairwise(case.milestone.plans):
        if plan.day != before.day and case.asked.at + HOUR < plan.recorded_at < case.ends:
            text = f"The schedule now names {plan.day.day} {plan.day:%B %Y}; it named {before.day.day} {before.day:%B %Y}."
            told.append(news(plan.recorded_at, text, f"PEP {case.milestone.pep}"))
    return tuple(told)


def visits(opened: Instant, now: Instant, hours: Sequence[float]) -> tuple[Instant, ...]:
    """Sessions so many hours before now, the opening's own first."""
    return tuple(sorted({Instant(opened + HOUR), *(at for h in hours if (at := Instant(now - int(h * HOUR))) > opened + HOUR)}))


_OFTEN: Final = (600, 480, 410, 350, 290, 230, 170, 120, 75, 47, 30, 14, 5)


def opened_before(now: Instant, days: int, hour: int) -> Instant:
    """An hour of the day, so many days ago."""
    return Instant(day_start(utc_of(now).date() - timedelta(days=days), ZONE) + hour * HOUR)


def quantiles(curve: Curve, origin: date, a_day: int, never: int) -> c.OpeningQuantiles:
    """An opening curve through the quantiles of a curve, at ends of days; ``never`` in parts per million."""
    by: dict[int, int] = {}
    within = math.fsum(curve.masses)
    for share in _SHARES:
        place = curve.quantile(share * within)
        if place is not None:
            day = max(1, math.ceil(place / a_day))
            if day * a_day < curve.edges[-1] and day not in by:
                by[day] = int(share * (1_000_000 - never))
    return c.OpeningQuantiles(tuple(((origin + timedelta(days=day - 1)).isoformat(), chance) for day, chance in by.items()), never)


# open questions


def upcoming(milestones: Sequence[Milestone], now: Instant) -> list[Staged]:
    """The next yearly feature release of CPython by its published calendar and, where the calendar has one, the next milestone before it."""
    today, releases = utc_of(now).date(), Releases(milestones)
    final = next_release(milestones, today)
    found = [_release(final, releases, opened_before(now, 27, 9), now)]
    soon = [
        m for m in milestones
        if m.state == "expected" and m.release.endswith(".0") and m.name != "final" and m.day and today + timedelta(days=5) <= m.day
    ]  # fmt: skip
    if soon:
        nearest = min(soon, key=lambda m: m.day or today)
        found.append(_release(nearest, releases, opened_before(now, 19, 10), now))
    return found


def next_release(milestones: Sequence[Milestone], today: date) -> Milestone:
    """The next final of a feature release: as the record expects it or, beyond the record, the first Tuesday of October a year later each time."""
    finals = [m for m in milestones if m.name == "final" and m.release.endswith(".0") and m.day is not None]
    ahead = [m for m in finals if m.state == "expected" and m.day is not None and m.day > today]
    if ahead:
        return min(ahead, key=lambda m: m.day or today)
    last = max(finals, key=lambda m: m.day or today)
    assert last.day is not None, "a final has its day"
    major, minor, _ = last.release.split(".")
    year, number = last.day.year, int(minor)
    while (day := first_tuesday(year, 10)) <= today or year == last.day.year:
        year, number = year + 1, number + 1
    return Milestone(f"{major}.{number}.0", "final", "expected", day, ())


def first_tuesday(year: int, month: int) -> date:
    """The first Tuesday of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(1 - first.weekday()) % 7)


def _release(milestone: Milestone, releases: Releases, opened: Instant, now: Instant) -> Staged:
    due = milestone.day
    assert due is not None, "the calendar has its day"
    origin = utc_of(opened).date() + timedelta(days=1)
    horizon = due + timedelta(days=120)
    past = [m for m in releases.over(opened) if m.day is not None and m.name.split()[0] == milestone.name.split()[0]]
    place = (due - origin).days + 0.5
    slips = [float((m.day - m.plans[0].day).days) for m in past if m.day is not None]

    def known(at: Instant) -> Known:
        lead = max(0, (due - utc_of(at).date()).days)
        return Known((horizon - origin).days, 1, place, lead, 5.0, tuple(place + slip for slip in slips), len(slips), 0)

    asked = Asked(
        opened, f"When will {milestone.title} be released?",
        f"The day (UTC) on which {milestone.title} is published on python.org. Candidates, betas and re-releases do not count. "
        f"The release schedule names {due.day} {due:%B %Y}.",
        "python.org, and the release schedule in the PEPs", ZONE, Grain.DAY, origin.isoformat(), horizon.isoformat(),
    )  # fmt: skip
    start = known(opened)
    before = belief(start, grid(start, place), [(Kernel(4, 2 / 3), [place], 10.0), (Kernel(3), start.record, float(len(slips)))], 0.02)
    bet = own_bet(Instant(now - 3 * DAY), f"before {(due + timedelta(days=3)).isoformat()}")
    return Staged(asked, True, visits(opened, now, _OFTEN), known, quantiles(before, origin, 1, 20_000), acts=(bet,))


def next_breakup(breakups: Sequence[Breakup], now: Instant) -> Staged:
    """Next spring's break-up of the ice at Nenana, with an opening curve from all the years on record."""
    today = local_of(now, _NENANA_ZONE).date()
    year = today.year if (today.month, today.day) < (3, 1) else today.year + 1
    opened, origin = opened_before(now, 24, 18), date(year, 4, 1)
    places = tuple((b.local - datetime(b.year, 4, 1)).total_seconds() / 86_400 for b in breakups)
    count = (date(year, 6, 1) - origin).days * 24

    def known(at: Instant) -> Known:
        lead = max(0.0, places[-1] - (at - 9 * HOUR - instant_of(datetime(year, 4, 1))) / DAY)
        return Known(count, 24, places[-1], lead, 6.0, places, len(places), 0)

    asked = Asked(
        opened, f"When will the ice go out at Nenana in {year}?",
        "The minute, Alaska standard time (no daylight saving), at which the tripod on the Tanana River has moved far enough to stop the clock. "
        f"The opening curve is that of {len(places)} springs from {breakups[0].year} to {breakups[-1].year} (NSIDC, doi:10.5067/CAQ58H42LQY2).",
        "Nenana Ice Classic", _NENANA_ZONE, Grain.HOUR, f"{year}-04-01", f"{year}-06-01",
    )  # fmt: skip
    start = known(opened)
    before = belief(start, range(0, count + 1, 24), [(Kernel(2.5), places, 1.0)], 0.02)
    bet, opening = own_bet(Instant(now - 4 * DAY), f"before {year}-05-03"), quantiles(before, origin, 24, 10_000)
    return Staged(asked, False, visits(opened, now, _OFTEN), known, opening, plays=Plays(closest=NEAREST), acts=(bet,))


def coffee_machine(now: Instant) -> Staged:
    """A friendly office question whose plan has just moved."""
    opened = opened_before(now, 12, 8)
    origin = utc_of(opened).date() + timedelta(days=1)
    horizon = origin + timedelta(days=75)
    count, moved = (horizon - origin).days, now - 20 * HOUR

    def known(at: Instant) -> Known:
        plan = 24.5 if at < moved else 33.5
        return Known(count, 1, plan, max(0.0, plan - (at - day_start(origin, ZONE)) / DAY), 5.0, (), 0, 0)

    asked = Asked(
        opened, "When will the new coffee machine make its first cup?",
        "The day on which somebody on our floor drinks the first cup from the new machine. Water for rinsing does not count; decaf does.",
        "The kitchen", ZONE, Grain.DAY, origin.isoformat(), horizon.isoformat(),
    )  # fmt: skip
    half, most = origin + timedelta(days=24), origin + timedelta(days=45)
    opening = c.OpeningQuantiles(((half.isoformat(), 500_000), (most.isoformat(), 900_000)), 50_000)
    told = (
        own_bet(Instant(now - 6 * DAY), f"before {half.isoformat()}"),
        news(Instant(now - 4 * DAY), "It made one cup of hot water. The beans are still in the post.", "Four people stood around it.", "near_miss"),
        Act(Instant(now - 4 * DAY + HOUR), "Otto", c.Comment("", "I was one of the four. It *hummed*: that must count for something.")),
        Act(Instant(now - 4 * DAY + 2 * HOUR), PLAYER, c.Thank("", 0)),
        Act(Instant(moved - HOUR), RESOLVER, c.Halt("", "The plumber is on the phone. Nobody should win by who sits next to it.")),
        news(Instant(moved), "The plumber comes nine days later than planned.", "The plumber's card on the kitchen door", who=RESOLVER),
        Act(Instant(moved + HOUR // 4), RESOLVER, c.Resume("")),
        Act(Instant(moved + 3 * HOUR), "Rhea", c.Comment("", "Nine days is what the last plumber said, too. I have bet on three weeks.")),
        Act(Instant(moved + 4 * HOUR), "Paula", c.Thank("", 0)),
    )
    hours = (270, 230, 190, 150, 110, 75, 47, 30, 18, 12, 6, 2)
    return Staged(asked, True, visits(opened, now, hours), known, opening, plays=Plays(closest=FIRST_THREE), acts=told)


def first_flower(now: Instant) -> Staged:
    """One with no history at all: nobody has a plan or a record, so it opens uniform."""
    opened = opened_before(now, 16, 11)
    day = utc_of(opened).date()
    origin = day + timedelta(days=7 - day.weekday())
    horizon = origin + timedelta(weeks=40)
    known = Known(40, 1, 20.0, 20.0, 5.0, (), 0, 0)
    asked = Asked(
        opened, "When will the plant by the window open its first flower?",
        "The week in which the first flower of the big plant by the window is open. Buds do not count. Nobody remembers it ever flowering.",
        "Whoever waters it", ZONE, Grain.WEEK, origin.isoformat(), horizon.isoformat(),
    )  # fmt: skip
    hours = (360, 300, 240, 170, 100, 52, 26, 9)
    bet = own_bet(Instant(now - 2 * DAY), "never")
    return Staged(asked, True, visits(opened, now, hours), lambda at: known, c.OpeningUniform(), kinds=(Kind.NOISY,), acts=(bet,))


def first_slide(now: Instant) -> Staged:
    """A question whose time is over and that waits for the demo's player to rule it."""
    opened = opened_before(now, 23, 9)
    origin, horizon = utc_of(opened).date() + timedelta(days=1), utc_of(now).date()
    known = Known((horizon - origin).days, 1, 13.5, 10.0, 5.0, (), 0, 0)
    asked = Asked(
        opened, "When will the new meeting-room screen show its first slide?",
        "The day on which the new screen first shows a slide to at least three people. A test picture does not count.",
        "The note on the meeting-room door", ZONE, Grain.DAY, origin.isoformat(), horizon.isoformat(),
    )  # fmt: skip
    end = Instant(day_start(_slide_day(horizon), ZONE) - 2 * HOUR)
    sessions = visits(opened, end, (300, 250, 200, 150, 100, 60, 30, 8))
    told = news(Instant(opened + 8 * DAY), "It showed its test picture to the whole room.", "The photograph in the hall", "near_miss")
    return Staged(asked, True, sessions, lambda at: known, c.OpeningUniform(100_000), resolver=PLAYER, acts=(told,))


def slide_ruling(horizon: int) -> tuple[str, str]:
    """What the resolver of that question finds: the outcome to type, and the evidence. ``horizon`` is the question's."""
    day = _slide_day(utc_of(horizon).date())
    return day.isoformat(), f"The note on the door: first slide on {day.day} {day:%B}, at 10:20."


def _slide_day(horizon: date) -> date:
    return horizon - timedelta(days=6)
