"""Weeks, months, quarters and years of a zone: what a review and a table are of. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple

from anyday import wire
from anyday.instants import Grain, Instant, Window, day_start, iso, local_of
from anyday.phrases import say_window
from anyday.refusals import Reason, Refusal

WEEK: Final = "week"
MONTH: Final = "month"
QUARTER: Final = "quarter"
YEAR: Final = "year"
ALL: Final = "all"
#: What a review can be of, and what a table can be of, in the order in which pages offer them.
REVIEWED: Final = (WEEK, MONTH, QUARTER)
RANKED: Final = (MONTH, QUARTER, YEAR, ALL)

_MONTHS: Final = {MONTH: 1, QUARTER: 3, YEAR: 12}
#: Years within which a period and its neighbours are days that there are.
_YEARS: Final = range(1801, 2499)


class Period(NamedTuple):
    """A kind of period, its first day, and its instants; of ``all``, everything."""

    kind: str
    day: date
    start: int
    end: int
    zone: str

    @property
    def span(self) -> tuple[int, int]:
        """Its first instant, and the first after it."""
        return self.start, self.end

    @property
    def before(self) -> tuple[int, int]:
        """The same of the period before; nothing before ``all``."""
        if self.kind == ALL:
            return self.start, self.start
        return day_start(_shifted(self.kind, self.day, -1), self.zone), self.start


def period_of(kind: str, typed: str | None, now: Instant, zone: str, allowed: tuple[str, ...]) -> Period | Refusal:
    """The period of a kind that holds a typed day (``2027-03-14``, ``2027-03`` or ``2027``), or now. Refuses MALFORMED and
    TIME_OUT_OF_BOUNDS."""
    if kind not in allowed:
        return Refusal(Reason.MALFORMED, detail=f"a period is {', '.join(allowed[:-1])} or {allowed[-1]}")
    if kind == ALL:
        return Period(ALL, date(1970, 1, 1), 0, 2**62, zone)
    day = local_of(now, zone).date() if not typed else _day(typed)
    if isinstance(day, Refusal):
        return day
    first = _first(kind, day)
    if first.year not in _YEARS:
        return Refusal(Reason.TIME_OUT_OF_BOUNDS, name="That period")
    return Period(kind, first, day_start(first, zone), day_start(_shifted(kind, first, 1), zone), zone)


def _day(typed: str) -> date | Refusal:
    try:
        if len(typed) > 10 or not typed.isascii():
            raise ValueError
        return date.fromisoformat(typed + {4: "-01-01", 7: "-01"}.get(len(typed), ""))
    except ValueError:
        return Refusal(Reason.MALFORMED, detail="at is a day such as 2027-03-14, or a month such as 2027-03")


def _first(kind: str, day: date) -> date:
    """The first day of the period that holds a day."""
    if kind == WEEK:
        return day - timedelta(days=day.weekday()) if day.year > 1 else day
    months = _MONTHS[kind]
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def _shifted(kind: str, first: date, by: int) -> date:
    """The first day of the period so many after the one that begins on ``first``."""
    if kind == WEEK:
        return first + timedelta(days=7 * by)
    year, month = divmod(first.year * 12 + first.month - 1 + by * _MONTHS[kind], 12)
    return date(year, month + 1, 1)


def say_period(period: Period) -> str:
    """The period in words: ``15–21 March 2027``, ``March 2027``, ``January – March 2027``, ``2027``."""
    if period.kind in (ALL, YEAR):
        return "All time" if period.kind == ALL else str(period.day.year)
    grain = Grain.DAY if period.kind == WEEK else Grain.MONTH
    return say_window(Window(Instant(period.start), Instant(period.end)), period.zone, grain)


def _name(kind: str, day: date) -> str:
    return str(day) if kind == WEEK else f"{day:%Y-%m}"


def view(period: Period, now: Instant) -> wire.SpanView:
    """The period with its neighbours; none lies in the future."""
    if period.kind == ALL:
        return wire.SpanView(ALL, "", say_period(period))
    kind, day = period.kind, period.day
    earlier, later = _shifted(kind, day, -1), _shifted(kind, day, 1)
    return wire.SpanView(
        kind, _name(kind, day), say_period(period), iso(period.start), iso(period.end), _name(kind, earlier) if earlier.year in _YEARS else None,
        _name(kind, later) if period.end <= now else None,
    )  # fmt: skip
