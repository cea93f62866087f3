"""Views of tallies: how many in the past months, how long since the last, the rate, the gaps, and the next question."""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from anyday import wire
from anyday.instants import DAY, HOUR, MINUTE, Grain, Instant, Window, iso, local_of, months_back
from anyday.market import prior, rates
from anyday.market.horizon import ahead
from anyday.phrases import say_instant, say_window
from anyday.points import UNITS_A_POINT, write_points
from anyday.reads.tallies import AskedRow, TallyRow
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.asking import TITLE_LONGEST
from anyday.rules.question import Crew, Tally
from anyday.service.due import Stuck
from anyday.service.names import Names, named

#: "How many in the past …": so many calendar months, the crew's list shows ``LATELY``.
MONTHS: Final = (1, 3, 6, 12)
LATELY: Final = 3
#: How many occurrences are told at a time.
PAGE: Final = 50
#: What a question covers (days), and what is put up for it, where the tally does not say: a suggestion.
SPAN: Final = 90
SUBSIDY: Final = 200 * UNITS_A_POINT

_MONTH: Final = 365.2425 / 12
#: What a rate is said by: the finest in which it is at least one.
_UNITS: Final = (("hour", 1 / 24), ("day", 1.0), ("week", 7.0), ("month", _MONTH), ("year", 12 * _MONTH))
#: What a time is said in, each from how many of it on.
_TIMES: Final = (("year", 365.2425 * DAY, 2), ("month", _MONTH * DAY, 6), ("day", DAY, 2), ("hour", HOUR, 2), ("minute", MINUTE, 0))


def card(row: TallyRow, names: Names, now: Instant, zone: str) -> wire.TallyCard:
    """A tally as the crew's list shows it."""
    whole = row.since <= months_back(now, zone, 2 * LATELY)
    return wire.TallyCard(
        id=row.id, name=row.name, keeper=named(names, row.keeper), since=iso(row.since), count=row.often, lately=row.lately,
        before=row.before if whole else None, last=iso(row.last) if row.last is not None else None,
        said=f"{times(row.lately)} in the past three months{_than(row.before if whole else None)}. {_since_last(row.last, now)}",
    )  # fmt: skip


def view(
    tally: Tally, live: tuple[AskedRow, str] | None, stuck: Stuck | None, crew: Crew, now: Instant, actor: str | None, names: Names,
    before: int | None = None,
) -> wire.TallyView:  # fmt: skip
    """A tally whole. ``live`` is its open question with what its curve says, ``before`` the version to page on from."""
    opened, standing, zone = tally.opened, tally.standing, crew.settings.zone
    starts = [Instant(event.start) for event in standing]
    page, earlier = _page(tally, before)
    return wire.TallyView(
        id=opened.tally, version=tally.version, name=opened.name, terms=opened.terms, keeper=named(names, opened.keeper),
        since=iso(opened.since), since_said=_moment(opened.since, zone), now=now, zone=zone, count=len(standing),
        count_said=f"{times(len(standing))} since {_moment(opened.since, zone)}.", last_said=_since_last(starts[-1] if starts else None, now),
        periods=tuple(_period(starts, months, opened.since, now, zone) for months in MONTHS), rate=_rate(len(standing), opened.since, now),
        gaps=_gaps(rates.gaps(starts)), marks=tuple((event.start, event.end) for event in standing),
        occurrences=tuple(_occurrence(tally, version, starts, crew, actor, names) for version in page), earlier=earlier,
        next=_next(tally, live, stuck, rates.waits(starts, now), zone, now, actor in (opened.keeper, crew.owner)),
        may_record=actor is not None and actor in crew.members,
    )  # fmt: skip


# numbers in words


def times(count: int) -> str:
    """How often: never, once, twice, 3 times."""
    return ("Not once", "Once", "Twice")[count] if count < 3 else f"{count:,} times"


def lasting(time: int) -> str:
    """A time (microseconds) in words, in a unit of which it holds some: 3 hours, 120 days, 7 months, 2.5 years. Days may lack the hour that
    summer takes from one of them."""
    assert time >= 0, "time runs forwards"
    name, size = next((name, size) for name, size, least in _TIMES if time + (HOUR if size >= DAY else 0) >= least * size)
    many = f"{time / size:.1f}" if name == "year" else str(int((time + (HOUR if size >= DAY else 0)) / size))
    return "less than a minute" if many == "0" else f"{many.removesuffix('.0')} {name}{'' if many == '1' else 's'}"


def _since_last(start: int | None, now: Instant) -> str:
    return "None has been recorded yet." if start is None else f"The last was {lasting(max(0, now - start))} ago."


def _than(before: int | None) -> str:
    return "" if before is None else f", {before:,} in the three before"


def _period(starts: Sequence[Instant], months: int, kept: int, now: Instant, zone: str) -> wire.PeriodView:
    """An occurrence belongs to the period in which it began."""
    since, earlier = months_back(now, zone, months), months_back(now, zone, 2 * months)
    count, before = sum(since <= start for start in starts), sum(earlier <= start < since for start in starts)
    return wire.PeriodView(months, iso(since), count, before if kept <= earlier else None, whole=kept <= since)


def _rate(count: int, since: int, now: Instant) -> wire.RateView | None:
    """The rate by the finest unit in which it is at least one, with its interval; none before any time has been watched."""
    if now - since < MINUTE:
        return None
    found = rates.rate(count, (now - since) / DAY)
    unit, days = next((unit for unit in _UNITS if found.per_day * unit[1] >= 1), _UNITS[-1])
    rate, low, high = (_two(number * days) for number in (found.per_day, found.low, found.high))
    about = f"About {rate} {'an' if unit == 'hour' else 'a'} {unit}, between {low} and {high}" if count else f"At most {high} a {unit}"
    return wire.RateView(unit, rate, low, high, f"{about}, with 95 % certainty.")


def _two(number: float) -> str:
    """A number with two digits at least: 0.83, 1.4, 23, 1,204."""
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}" if number >= 0.995 else f"{number:.2g}"


def _gaps(gaps: Sequence[int]) -> wire.GapsView | None:
    if not gaps:
        return None
    shortest, middle, longest = min(gaps), round(statistics.median(gaps)), max(gaps)
    said = f"{len(gaps):,} gaps: the shortest {lasting(shortest)}, the middle one {lasting(middle)}, the longest {lasting(longest)}."
    return wire.GapsView(len(gaps), shortest, middle, longest, said if len(gaps) > 1 else f"One gap, of {lasting(middle)}.")


# occurrences


def _page(tally: Tally, before: int | None) -> tuple[list[int], int | None]:
    """Versions by when it happened, the newest first, from after ``before`` on; and the last of them if there are more."""
    ordered = sorted(tally.occurrences, key=lambda version: (tally.occurrences[version].start, version), reverse=True)
    start = ordered.index(before) + 1 if before in tally.occurrences else 0
    page = ordered[start : start + PAGE]
    return page, page[-1] if start + PAGE < len(ordered) else None


def _occurrence(tally: Tally, version: int, starts: Sequence[Instant], crew: Crew, actor: str | None, names: Names) -> wire.OccurrenceView:
    event, struck = tally.occurrences[version], tally.struck.get(version)
    place = bisect_left(starts, event.start)
    gap = event.start - starts[place - 1] if struck is None and place > 0 else None
    return wire.OccurrenceView(
        version=version, start=iso(event.start), end=iso(event.end), when=_span(event, crew.settings.zone), by=named(names, event.by),
        evidence=event.evidence, question=event.question, gap=gap, gap_said=lasting(gap) if gap is not None else None,
        struck=struck.reason if struck is not None else None, struck_by=named(names, struck.by) if struck is not None else None,
        may_strike=struck is None and actor in (event.by, tally.opened.keeper, crew.owner),
    )  # fmt: skip


def _span(event: e.Occurred, zone: str) -> str:
    if event.end == event.start + 1:
        return say_instant(Instant(event.start), zone, Grain.MINUTE)
    return say_window(Window(Instant(event.start), Instant(event.end)), zone, Grain.DAY)


def _moment(instant: int, zone: str) -> str:
    """To the day where a day starts then, else to the minute."""
    local = local_of(instant, zone)
    return say_instant(Instant(instant), zone, Grain.DAY if local.hour == local.minute == 0 else Grain.MINUTE)


# the next question


def _next(
    tally: Tally, live: tuple[AskedRow, str] | None, stuck: Stuck | None, waits: Sequence[tuple[int, bool]], zone: str, now: Instant, may_ask: bool
) -> wire.NextView:
    cases, by_itself = sum(happened for _, happened in waits), tally.opened.next is not None
    enough = cases >= prior.LEAST_FINISHED
    if live is not None:
        return wire.NextView(live[0].id, live[0].title, live[1], cases, enough, by_itself, may_ask=may_ask)
    refused, ask = None, _suggested(tally, enough, zone, now)
    if stuck is not None:
        what = "The next question could not be opened" if isinstance(stuck.what, c.Ask) else "The last ruling could not be recorded"
        refused = f"{what}: {stuck.refusal}"
    return wire.NextView(None, ask.title, "", cases, enough, by_itself, refused, ask, may_ask)


def _suggested(tally: Tally, enough: bool, zone: str, now: Instant) -> wire.AskIn:
    """The next question as one would ask it by hand: as the tally asks it, or else by the day for a while."""
    opened = tally.opened
    asks = opened.next or e.Next(f"When will it happen next: {opened.name}?"[:TITLE_LONGEST], opened.terms, Grain.DAY, SPAN, SUBSIDY, "host")
    grain = Grain(asks.grain)
    finest = Grain.MINUTE if grain in (Grain.MINUTE, Grain.HOUR) else Grain.DAY
    said = [say_instant(edge, zone, finest) for edge in ahead(grain, zone, now, asks.span)]
    return wire.AskIn(
        title=asks.title, terms=asks.terms, zone=zone, grain=grain, origin=said[0], horizon=said[1], subsidy=write_points(asks.subsidy),
        subsidy_from=asks.subsidy_from, opening=wire.OpeningIn(tally=True) if enough else wire.OpeningIn(never="20%"), tally=opened.tally,
    )  # fmt: skip
