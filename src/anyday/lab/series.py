"""The demo's tally: the releases of one series of CPython, as recorded, each asked about by the tally itself once the last had come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from anyday.instants import DAY, HOUR, Grain, Instant, day_start, utc_of
from anyday.lab.beliefs import Known
from anyday.lab.cases import Asked
from anyday.lab.history import Milestone
from anyday.lab.players import Kind
from anyday.lab.staged import HOST, ZONE, Act, Ruling, Staged, own_bet, visits
from anyday.points import UNITS_A_POINT
from anyday.rules import commands as c

#: A series that can be told has so many releases; the last few of them were asked about.
LEAST: Final = 10
ASKED: Final = 5
SUBSIDY: Final = 600 * UNITS_A_POINT
_SPAN: Final = 365
_OVERDUE: Final = 14
#: Somebody looks so many days after a question of the series was asked.
_LOOKS: Final = (4, 12, 25, 40, 55)
#: And at what is still open so many hours before now.
_HOURS: Final = (500, 380, 260, 170, 100, 50, 20, 6)


@dataclass(frozen=True, slots=True)
class Series:
    """A tally with what opened and filled it, in order, and its questions, the oldest first."""

    acts: tuple[Act, ...]
    questions: tuple[Staged, ...]


def series(milestones: Sequence[Milestone], now: Instant) -> Series:
    """The newest series on record that is long enough, as far as it had come by ``now``. What came after the record is not known here."""
    by_cycle: dict[str, list[Milestone]] = {}
    for milestone in milestones:
        if milestone.name == "final" and milestone.state == "actual" and milestone.day is not None and _told(milestone) < now:
            by_cycle.setdefault(milestone.release.rpartition(".")[0], []).append(milestone)
    cycle, came = max((found for found in by_cycle.items() if len(found[1]) >= LEAST), key=lambda found: _day(found[1][-1]))
    known = came[:-ASKED]
    opened = Instant(_told(known[-1]) - HOUR)
    span = max(_SPAN, (utc_of(now).date() - _day(came[-1])).days + _SPAN)
    title = f"When will the next release of Python {cycle} come?"
    terms = f"The day (UTC) on which the next release of Python {cycle} is published on python.org, whatever is in it. Candidates do not count."
    tally = c.OpenTally(
        f"Releases of Python {cycle}", f"Every release {cycle}.x that is no alpha, beta or candidate, by the day (UTC). "
        f"The record that ships with AnyDay ends with {came[-1].release}: what came after that is not counted.",
        _day(known[0]).isoformat(), c.NextQuestion(title, terms, Grain.DAY, span, SUBSIDY),
    )  # fmt: skip
    acts = [Act(Instant(opened - HOUR), HOST, tally)]
    acts += [Act(opened, HOST, c.Record("", _day(m).isoformat(), _evidence(m))) for m in known]
    follow = next((m for m in milestones if m.name == "final" and m.state == "expected" and m.release.startswith(f"{cycle}.")), None)
    steps = list(pairwise([*came[-ASKED - 1 :], follow]))
    asked = [Asked(_told(m), title, terms, "python.org", ZONE, Grain.DAY, *_time(m, span)) for m, _ in steps if m is not None]
    questions = [_question(one, came[: len(known) + i], steps[i][1], now, i > 0) for i, one in enumerate(asked)]
    return Series(tuple(acts), tuple(questions))


def _day(milestone: Milestone) -> date:
    assert milestone.day is not None, "what came has its day"
    return milestone.day


def _told(milestone: Milestone) -> Instant:
    """When it was known for sure: noon of the day after."""
    return Instant(day_start(_day(milestone), ZONE) + DAY + 12 * HOUR)


def _evidence(milestone: Milestone) -> str:
    return f"PEP {milestone.pep}: {milestone.release} on {_day(milestone).day} {_day(milestone):%B %Y}"


def _time(last: Milestone, span: int) -> tuple[str, str]:
    """From the day on which one can still bet, for so many days."""
    origin = _day(last) + timedelta(days=2)
    return origin.isoformat(), (origin + timedelta(days=span)).isoformat()


def _question(asked: Asked, came: Sequence[Milestone], follow: Milestone | None, now: Instant, by_itself: bool) -> Staged:
    """The question about what came, or will come, after the releases ``came``."""
    last, origin = _day(came[-1]), date.fromisoformat(asked.origin)
    gaps = [(_day(b) - _day(a)).days for a, b in pairwise(came)]
    count, record = (date.fromisoformat(asked.horizon) - origin).days, tuple((last - origin).days + gap + 0.5 for gap in gaps)

    def known(at: Instant) -> Known:
        today, plan = (utc_of(at).date() - origin).days, follow.plan_at(at) if follow is not None else None
        due = plan.day if plan is not None else last + timedelta(days=int(median(gaps)))
        place = max((due - origin).days, today + _OVERDUE)  # what is overdue is expected any day
        return Known(count, 1, place + 0.5, place - today, 5.0, tuple(one for one in record if one > today), len(gaps), 0)

    ruling = Ruling(_told(follow), _day(follow).isoformat(), _evidence(follow)) if follow is not None and follow.state == "actual" else None
    acts: tuple[Act, ...] = ()
    held = visits(asked.at, now, _HOURS)
    if ruling is None:
        soon = utc_of(now).date() + timedelta(days=40)
        acts = (own_bet(max(Instant(asked.at + 2 * HOUR), Instant(now - 5 * DAY)), f"before {soon.isoformat()}"),)
    else:
        looks = (Instant(asked.at + HOUR), *(Instant(asked.at + day * DAY) for day in _LOOKS))
        held = tuple(at for at in looks if at < ruling.at - DAY - 12 * HOUR)
    return Staged(asked, True, held, known, c.OpeningTally(), HOST, ruling, (Kind.RECORD, Kind.PLAN), acts=acts, follows=by_itself)
