"""Where an axis of time carries words, and which: minutes to decades in the question's zone, never two on top of each other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from anyday.instants import first_at, local_of

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY: Final = 86_400_000_000
_MONTH: Final = 2_629_746_000_000
#: Nominal lengths in microseconds, finest first: grains, and what a density is named by.
LENGTHS: Final = {"minute": 60_000_000, "hour": 3_600_000_000, "day": _DAY, "week": 7 * _DAY, "month": _MONTH, "year": 12 * _MONTH}


class Room(NamedTuple):
    """How much room the words have, as shares of the width: the least distance between two, and how wide a letter is."""

    gap: float
    letter: float


#: A plot of about 270 px (a phone of 360 px) and one of about 520 px or more.
NARROW: Final = Room(0.225, 0.025)
WIDE: Final = Room(0.12, 0.013)


class Tick(NamedTuple):
    """A word on the axis: its instant in UTC microseconds, what it says, and which of its ends stands there (SVG's ``text-anchor``)."""

    at: int
    label: str
    side: str

    def span(self, start: int, end: int, room: Room) -> tuple[float, float]:
        """From where to where its letters reach, as shares of the width of ``[start, end)``."""
        share, width = (self.at - start) / (end - start), len(self.label) * room.letter
        left = share - {"start": 0.0, "middle": width / 2, "end": width}[self.side]
        return left, left + width


#: What a ladder's rung steps by, finest first: unit, count, its length in microseconds.
_LADDER: Final = tuple(
    (unit, count, count * LENGTHS[unit])
    for unit, counts in (
        ("minute", (1, 5, 15, 30)),
        ("hour", (1, 3, 6, 12)),
        ("day", (1, 2)),
        ("week", (1, 2)),
        ("month", (1, 2, 3, 6)),
        ("year", (1, 2, 5, 10, 20, 50, 100, 200)),
    )
    for count in counts
)


def ticks(start: int, end: int, zone: str, room: Room) -> list[Tick]:
    """The words for ``[start, end)``: the finest rung of the ladder with distance enough, less whatever would touch the word before it."""
    least = (end - start) * room.gap
    unit, count, _ = next((rung for rung in _LADDER if rung[2] >= least), _LADDER[-1])
    found: list[Tick] = []
    moment, before = _first(local_of(start, zone), unit, count), None
    while (at := first_at(moment, zone)) < end:
        tick = _leaning(at, _label(moment, unit, before), start, end, room)
        if start <= at and (not found or tick.span(start, end, room)[0] >= found[-1].span(start, end, room)[1] + room.letter):
            found.append(tick)
            before = moment
        moment = _step(moment, unit, count)
    return found


def _leaning(at: int, label: str, start: int, end: int, room: Room) -> Tick:
    """A word centred under its tick, or leaning inwards where it would cross an edge."""
    left, right = Tick(at, label, "middle").span(start, end, room)
    return Tick(at, label, "start" if left < 0 else "end" if right > 1 else "middle")


def _first(moment: datetime, unit: str, count: int) -> datetime:
    """The last rung at or before a moment of the wall clock."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "minute":
        return moment.replace(minute=moment.minute - moment.minute % count, second=0, microsecond=0)
    if unit == "hour":
        return moment.replace(hour=moment.hour - moment.hour % count, minute=0, second=0, microsecond=0)
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1, month=day.month - (day.month - 1) % count)
    return day.replace(day=1, month=1, year=max(1, day.year - day.year % count))


def _step(moment: datetime, unit: str, count: int) -> datetime:
    """The next rung, by the wall clock."""
    if unit not in ("month", "year"):
        return moment + timedelta(**{f"{unit}s": count})
    if unit == "month":
        months = moment.year * 12 + moment.month - 1 + count
        return moment.replace(year=months // 12, month=months % 12 + 1)
    return moment.replace(year=moment.year + count)


def _label(moment: datetime, unit: str, before: datetime | None) -> str:
    """What a tick says: the least that tells it from the one before it."""
    if unit == "year":
        return f"{moment.year}"
    month = _MONTHS[moment.month - 1]
    if unit == "month":
        return f"{month} {moment.year}" if before is None or before.year != moment.year else month
    if unit in ("day", "week"):
        return f"{moment.day} {month}"
    return f"{moment.day} {month}" if moment.hour == moment.minute == 0 else f"{moment:%H:%M}"


def short(instant: int, zone: str) -> str:
    """A date as short as it can be said whole: "14 Mar 2027"."""
    moment = local_of(instant, zone)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def density_unit(density: float, grain: str) -> tuple[str, int]:
    """The unit in which a density (ppm per microsecond) reads best: the finest from the grain on in which it is at least 1 %."""
    units = list(LENGTHS.items())[list(LENGTHS).index(grain) :]
    return next(((name, size) for name, size in units if density * size >= 10_000), units[-1])
