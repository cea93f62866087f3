"""Instants, grains and windows, and the zone arithmetic that cuts time into days, weeks and months.

An instant is an integer of UTC microseconds. There is no system clock and no local zone here: "now" and the zone come
in by argument. Zone data is the ``tzdata`` package's alone, never the machine's, so that the version which a question
records is the one it was computed with.
"""

from __future__ import annotations

import calendar
import enum
import functools
import importlib.resources
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple, NewType

import tzdata  # type: ignore[import-untyped]  # it ships data, no types

from anyday.refusals import Reason, Refusal

Instant = NewType("Instant", int)

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
#: The first instant allowed, 1800-01-01T00:00Z, and the last, 2500-01-01T00:00Z (only ever the end of a window).
FIRST_INSTANT: Final = Instant(-5_364_662_400 * SECOND)
LAST_INSTANT: Final = Instant(16_725_225_600 * SECOND)

_EPOCH: Final = datetime(1970, 1, 1)
_TICK: Final = timedelta(microseconds=1)
_ONE_SECOND: Final = timedelta(seconds=1)


class Grain(enum.StrEnum):
    """The finest piece of time that a question tells apart."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Window(NamedTuple):
    """Half-open [start, end) in UTC microseconds."""

    start: Instant
    end: Instant


# what people bet on


@dataclass(frozen=True, slots=True)
class Between:
    """It first happens inside the window."""

    window: Window


@dataclass(frozen=True, slots=True)
class Before:
    """It happens before the window's start; only the start counts."""

    window: Window


@dataclass(frozen=True, slots=True)
class After:
    """It happens from the window's end on, by the horizon (never does not pay); only the end counts."""

    window: Window


@dataclass(frozen=True, slots=True)
class Never:
    """It does not happen by the horizon."""


@dataclass(frozen=True, slots=True)
class Not:
    """Everything that the phrase leaves out, never included unless the phrase is never."""

    phrase: Between | Before | After | Never


Phrase = Between | Before | After | Never | Not


# what happened


@dataclass(frozen=True, slots=True)
class At:
    """It happened at this instant."""

    instant: Instant


@dataclass(frozen=True, slots=True)
class Within:
    """It happened inside this window; nothing finer is known."""

    window: Window


@dataclass(frozen=True, slots=True)
class NeverBy:
    """It did not happen by the horizon."""


Outcome = At | Within | NeverBy


# zones


def tzdata_version() -> str:
    """The version of the zone data in use, as IANA names it: for example ``2026f``."""
    return str(tzdata.IANA_VERSION)


@functools.cache
def _zone_names() -> dict[str, str]:
    """Every zone of the tzdata package: lower case -> its spelling."""
    listed = (importlib.resources.files(tzdata) / "zones").read_text("ascii").split()
    return {name.lower(): name for name in listed if name != "Factory"}


def zone_names() -> tuple[str, ...]:
    """Every IANA zone that a question may name, in alphabetical order."""
    return tuple(sorted(_zone_names().values()))


def check_zone(text: str) -> str | Refusal:
    """The zone's IANA spelling (case does not matter), or NOT_A_ZONE."""
    name = _zone_names().get(text.strip().lower()) if len(text) <= 64 else None
    return name if name is not None else Refusal(Reason.NOT_A_ZONE, text=shown(text))


@functools.cache
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The zone's rules from the tzdata package. The name must have passed :func:`check_zone`."""
    assert _zone_names().get(name.lower()) == name, "a zone is checked before it is used"
    place = importlib.resources.files(tzdata).joinpath("zoneinfo", *name.split("/"))
    with place.open("rb") as data:
        return zoneinfo.ZoneInfo.from_file(data, name)


# UTC <-> local


def in_bounds(instant: int) -> bool:
    """Whether the instant lies in the years 1800 to 2499 (the first instant of 2500 serves as an end)."""
    return FIRST_INSTANT <= instant <= LAST_INSTANT


def instant_of(utc: datetime) -> Instant:
    """The instant of a naive datetime that is read as UTC."""
    assert utc.tzinfo is None, "UTC is spelled without a zone in here"
    return Instant((utc - _EPOCH) // _TICK)


def utc_of(instant: int) -> datetime:
    """The instant as a naive datetime in UTC."""
    return _EPOCH + timedelta(microseconds=instant)


@functools.lru_cache(maxsize=4_096)  # the same few days are read and said again for every bet
def local_of(instant: int, zone: str) -> datetime:
    """The instant as the zone's clocks show it: naive, ``fold`` = 1 on the second pass through a repeated hour."""
    aware = utc_of(instant).replace(tzinfo=UTC).astimezone(zone_of(zone))
    return aware.replace(tzinfo=None)


def first_at(local: datetime, zone: str) -> Instant:
    """The first instant at which the zone's clocks show ``local`` (naive) or more.

    A repeated local time gives its first occurrence; one that the zone skips gives the first instant that exists after
    it, which is the instant of the jump.
    """
    rules = zone_of(zone)
    before = rules.utcoffset(local.replace(tzinfo=rules, fold=0))
    after = rules.utcoffset(local.replace(tzinfo=rules, fold=1))
    assert before is not None and after is not None, "a zone knows its offset at all times"
    if before >= after:
        return instant_of(local.replace(fold=0) - before)
    return _jump(local, local - after, local - before, rules)


def _jump(local: datetime, low: datetime, high: datetime, rules: zoneinfo.ZoneInfo) -> Instant:
    """The instant in (low, high] at which the clocks jump over ``local``, by halving; jumps fall on whole seconds."""
    low, seconds = low.replace(fold=0), int((high - low) / _ONE_SECOND)
    shows_less, shows_more = 0, seconds
    while shows_more - shows_less > 1:
        middle = (shows_less + shows_more) // 2
        showing = (low + middle * _ONE_SECOND).replace(tzinfo=UTC).astimezone(rules).replace(tzinfo=None)
        if showing >= local:
            shows_more = middle
        else:
            shows_less = middle
    found = instant_of((low + shows_more * _ONE_SECOND).replace(microsecond=0))
    assert shows_more <= seconds, "the jump lies where the two offsets say"
    return found


def exists(local: datetime, zone: str) -> bool:
    """Whether the zone's clocks ever show ``local`` (they jump over some times, and some zones over a whole day)."""
    return local_of(first_at(local, zone), zone).replace(fold=0) == local.replace(fold=0)


def midnight_offset(day: date, zone: str) -> timedelta | None:
    """How far the zone's clocks are from UTC at the local midnight; None where they skip it or show it twice."""
    rules = zone_of(zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=rules)
    offset = rules.utcoffset(midnight)
    assert offset is not None, "a zone knows its offset at all times"
    return offset if offset == rules.utcoffset(midnight.replace(fold=1)) else None


@functools.lru_cache(maxsize=4_096)
def day_start(day: date, zone: str) -> Instant:
    """The first instant of the local day: midnight, or the first instant after it that exists."""
    return first_at(datetime(day.year, day.month, day.day), zone)


def months_back(instant: Instant, zone: str, months: int) -> Instant:
    """The instant so many calendar months earlier in the zone: the same local day and time, or on the last day of that month
    where it has no such day. A time that the clocks skip there gives the instant of the jump, one that they repeat its first.

    "In the past three months" is the window from here to the instant. Never before ``FIRST_INSTANT``.
    """
    assert months >= 0 and in_bounds(instant), "a window back from an instant that is allowed"
    if months == 0:
        return instant
    local = local_of(instant, zone)
    year, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    if year < utc_of(FIRST_INSTANT).year:
        return FIRST_INSTANT
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    found = first_at(local.replace(year=year, month=month + 1, day=day, fold=0), zone)
    assert found < instant, "months ago is earlier"
    return max(FIRST_INSTANT, found)


# words


def shown(text: str) -> str:
    """A person's text made safe to repeat to them: at most 80 characters, nothing that cannot be printed."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:80])


def iso(instant: int) -> str:
    """ISO 8601 in UTC: ``2027-03-14T15:04:00Z``; microseconds only if there are any."""
    return utc_of(instant).isoformat() + "Z"
