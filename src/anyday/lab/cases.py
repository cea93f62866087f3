"""Cases: past questions with what was known when, for replays. Only ``happened`` and what is made of it knows the outcome.

What is asked, the sessions and the comparisons are described in ``README.md`` beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Protocol

from anyday.instants import DAY, HOUR, Grain, Instant, instant_of, utc_of
from anyday.lab.beliefs import Kernel, Known, belief
from anyday.lab.history import Breakup, Milestone
from anyday.market.curve import Curve
from anyday.market.scores import Outcome

NOON: Final = time(12)
LEAST_LEAD: Final = 14
#: A CPython question runs to so many days after the first plan.
PATIENCE: Final = 180
#: Sessions are held when the plan is so many days ahead.
MARKS: Final = (180, 90, 45, 21, 10, 5, 3, 2, 1, 0)
FIRST_YEARS: Final = 5
_BASE_UNIFORM: Final = 0.02


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked: texts, and when (UTC microseconds)."""

    at: Instant
    title: str
    terms: str
    source: str
    zone: str
    grain: Grain
    origin: str
    horizon: str


class Case(Protocol):
    """One past question. ``planned``: somebody made a plan; ``ends`` is when it happened or, if never, ``closes``, the horizon."""

    key: str
    planned: bool
    asked: Asked
    count: int
    sessions: tuple[Instant, ...]
    closes: Instant
    ends: Instant
    outcome: Outcome
    outcome_text: str
    ruled_at: Instant

    def known(self, now: Instant) -> Known:
        """What the world knew about it at ``now``."""
        ...

    def comparisons(self, now: Instant) -> dict[str, Curve]:
        """The curves that the market is compared with, before anything has passed."""
        ...


def _noon(day: date, offset: int = 0) -> Instant:
    """Noon of a day on clocks ``offset`` hours from UTC."""
    return Instant(instant_of(datetime.combine(day, NOON)) - offset * HOUR)


# CPython


class Releases:
    """Everything that is on record about CPython's x.y.0 milestones; asked with a moment, it answers with what was known then."""

    def __init__(self, milestones: Sequence[Milestone]) -> None:
        self.askable = [m for m in milestones if m.release.endswith(".0") and m.plans and _first_lead(m) >= LEAST_LEAD]
        self._over = sorted((_over_at(m), i) for i, m in enumerate(self.askable) if m.state != "expected")

    def over(self, now: Instant) -> list[Milestone]:
        """The milestones that were over at ``now``: released the day before or earlier, or dropped and their horizon behind them."""
        return [self.askable[i] for at, i in self._over if at <= now]

    def slips(self, now: Instant, lead: float) -> list[float]:
        """By how many days each past milestone missed the plan that stood when it was ``lead`` days ahead."""
        found = []
        for milestone in self.over(now):
            plan = _plan_ahead(milestone, lead)
            if plan is not None and milestone.day is not None:
                found.append(float((milestone.day - plan).days))
        return found


def _first_lead(milestone: Milestone) -> int:
    first = milestone.plans[0]
    return (first.day - utc_of(first.recorded_at).date()).days


def _over_at(milestone: Milestone) -> Instant:
    last = milestone.day if milestone.day is not None else milestone.plans[0].day + timedelta(days=PATIENCE)
    return Instant(_noon(last) + DAY // 2)


def _plan_ahead(milestone: Milestone, lead: float) -> date | None:
    """The plan that stood when it was ``lead`` days ahead: the last such, or None if it never was so far ahead."""
    end = _over_at(milestone)
    standing = [*(plan.recorded_at for plan in milestone.plans[1:]), end]
    found = None
    for plan, until in zip(milestone.plans, standing, strict=True):
        due = _noon(plan.day)
        if (due - plan.recorded_at) / DAY >= lead and (lead == 0 or (due - until) / DAY <= lead):
            found = plan.day
    return found


class ReleaseCase:
    """When does one CPython milestone come? By the day, UTC."""

    planned = True

    def __init__(self, milestone: Milestone, releases: Releases) -> None:
        self.milestone, self._releases = milestone, releases
        first = milestone.plans[0]
        opening = utc_of(first.recorded_at).date() + timedelta(days=1)
        self.key = milestone.title
        self._origin, self._first_day = opening + timedelta(days=1), first.day
        horizon = first.day + timedelta(days=PATIENCE)
        self.count = (horizon - self._origin).days
        self.asked = Asked(
            _noon(opening), f"When will {milestone.title} be released?",
            f"The day (UTC) on which {milestone.title} is published on python.org. Candidates, betas and re-releases under other names do not count.",
            "python.org, and the release schedule in the PEPs", "UTC", Grain.DAY, self._origin.isoformat(), horizon.isoformat(),
        )  # fmt: skip
        day = milestone.day
        happened = day is not None and day < horizon
        self.outcome: Outcome = ((day - self._origin).days, (day - self._origin).days + 1) if day is not None and happened else None
        self.outcome_text = day.isoformat() if day is not None and happened else "never"
        last = day if day is not None and happened else horizon
        self.ends = Instant(_noon(last) - DAY // 2)
        self.closes = Instant(_noon(horizon) - DAY // 2)
        self.ruled_at = Instant(_noon(last) + DAY)
        self.sessions = tuple(self._sessions())

    def _sessions(self) -> list[Instant]:
        """Noons on which people look again; only what is known on each decides the next."""
        now, found = self.asked.at, list[Instant]()
        while now < self.ends:
            found.append(now)
            ahead = self._days_ahead(now)
            step = next((ahead - mark for mark in MARKS if mark < ahead), 7 if ahead < 0 else 1 if ahead == 0 else ahead)
            later = Instant(now + step * DAY)
            changes = [plan.recorded_at for plan in self.milestone.plans if plan.recorded_at > now]
            news = _noon(utc_of(changes[0]).date() + timedelta(days=1)) if changes else later
            now = min(later, news)
        return found

    def _days_ahead(self, now: Instant) -> int:
        plan = self.milestone.plan_at(now)
        assert plan is not None, "it was asked once there was a plan"
        return (plan.day - utc_of(now).date()).days

    def _place(self, day: date) -> float:
        return (day - self._origin).days + 0.5

    def known(self, now: Instant) -> Known:
        """What the world knew about it at ``now``."""
        plan = self.milestone.plan_at(now)
        assert plan is not None, "it was asked once there was a plan"
        past = self._releases.over(now)
        slips = [float((m.day - m.plans[0].day).days) for m in past if m.day is not None]
        spread = max(5.0, 0.1 * (self._first_day - utc_of(self.asked.at).date()).days)
        return Known(
            self.count, 1, self._place(plan.day), max(0, self._days_ahead(now)), spread,
            tuple(self._place(self._first_day) + slip for slip in slips), len(past), len(past) - len(slips),
        )  # fmt: skip

    def comparisons(self, now: Instant) -> dict[str, Curve]:
        """The plan smeared by past slips from plans as far ahead, and the first plan with past slips from first plans."""
        known, edges = self.known(now), range(self.count + 1)
        assert known.plan is not None
        centres = [known.plan + slip for slip in self._releases.slips(now, known.lead)]
        plan = [(Kernel(0.5), centres, float(len(centres))), (Kernel(max(2.0, 0.1 * known.lead), 2 / 3), [known.plan], 5.0)]
        record = [(Kernel(0.5), known.record, float(len(known.record))), (Kernel(10.0), [self._place(self._first_day)], 3.0)]
        return {"plan": belief(known, edges, plan, _BASE_UNIFORM), "record": belief(known, edges, record, _BASE_UNIFORM)}


def cpython_cases(milestones: Sequence[Milestone]) -> list[Case]:
    """Every askable milestone that is over, in order of asking; one that was out before it could be asked about is no question."""
    releases = Releases(milestones)
    cases: list[Case] = [ReleaseCase(m, releases) for m in releases.askable if m.state != "expected"]
    return sorted((case for case in cases if _still_ahead(case)), key=lambda case: (case.asked.at, case.key))


def _still_ahead(case: Case) -> bool:
    return len(case.sessions) > 0 and (case.outcome is None or case.outcome[0] >= 0)


# Nenana


class BreakupCase:
    """When does the ice go out at Nenana? By the hour of standard time, from 1 April to 1 June."""

    planned = False

    def __init__(self, breakup: Breakup, earlier: Sequence[Breakup]) -> None:
        year, self._offset = breakup.year, breakup.offset
        self._earlier = tuple(b for b in earlier if b.year < year)
        self.key = str(year)
        self._origin = datetime(year, 4, 1)
        self.count = (datetime(year, 6, 1) - self._origin).days * 24
        self.asked = Asked(
            _noon(date(year, 1, 10), self._offset), f"When will the ice go out at Nenana in {year}?",
            "The minute, Alaska standard time, at which the tripod on the Tanana River has moved enough to stop the clock.",
            "Nenana Ice Classic; NSIDC doi:10.5067/CAQ58H42LQY2", f"Etc/GMT+{-self._offset}", Grain.HOUR, f"{year}-04-01", f"{year}-06-01",
        )  # fmt: skip
        grain = int((breakup.local - self._origin).total_seconds() // 3600)
        self.outcome: Outcome = (grain, grain + 1) if 0 <= grain < self.count else None
        self.outcome_text = f"{breakup.local:%Y-%m-%d %H:%M}" if self.outcome else "never"
        ends = breakup.local if self.outcome else datetime(year, 6, 1)
        self.ends = Instant(instant_of(ends) - self._offset * HOUR)
        self.closes = Instant(instant_of(datetime(year, 6, 1)) - self._offset * HOUR)
        self.ruled_at = Instant(self.ends + DAY)
        days = [date(year, 1, 10), date(year, 2, 1), date(year, 3, 1), date(year, 3, 15)]
        days += [date(year, 4, 1) + timedelta(days=4 * step) for step in range(15)]
        self.sessions = tuple(noon for day in days if (noon := _noon(day, self._offset)) < self.ends)

    def known(self, now: Instant) -> Known:
        """The days of all earlier years; the latest of them serves as the plan that nobody made."""
        places = tuple((b.local - datetime(b.year, 4, 1)).total_seconds() / 86_400 for b in self._earlier)
        place = (now + self._offset * HOUR - instant_of(self._origin)) / DAY
        return Known(self.count, 24, places[-1] if places else None, max(0.0, (places or (0.0,))[-1] - place), 6.0, places, len(places), 0)

    def comparisons(self, now: Instant) -> dict[str, Curve]:
        """The plain record: the days of all earlier years."""
        known = self.known(now)
        parts = [(Kernel(2.5), known.record, float(len(known.record))), (None, (), 3.0)]
        return {"record": belief(known, range(0, self.count + 1, 24), parts, _BASE_UNIFORM)}


def nenana_cases(breakups: Sequence[Breakup]) -> list[Case]:
    """Every recorded year after the first five."""
    ordered = sorted(breakups, key=lambda breakup: breakup.year)
    assert all(a.year < b.year for a, b in pairwise(ordered)), "a year has one break-up"
    return [BreakupCase(breakup, ordered[:i]) for i, breakup in enumerate(ordered) if i >= FIRST_YEARS]
