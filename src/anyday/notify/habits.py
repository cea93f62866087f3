"""When a player likes to be told: quiet hours and a digest, in their own zone. What is urgent passes through both."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from anyday.instants import Instant, check_zone, first_at, local_of
from anyday.refusals import Reason, Refusal

DIGESTS: Final = ("none", "daily", "weekly")
_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Habit:
    """Quiet hours as minutes of the local day (none: never quiet; they may pass midnight), and a digest's rhythm and hour. A weekly
    digest comes on Mondays."""

    zone: str = "UTC"
    quiet_from: int | None = None
    quiet_to: int | None = None
    digest: str = "none"
    digest_hour: int = 8

    def waits_until(self, at: int) -> Instant | None:
        """Until when something that is not urgent waits to be told with others; None where it goes at once. UTC microseconds."""
        if self.digest != "none":
            return self.awake(self._next_digest(at))
        awake = self.awake(at)
        return awake if awake > at else None

    def awake(self, at: int) -> Instant:
        """The first instant from ``at`` on that is not in the quiet hours."""
        if self.quiet_from is None or self.quiet_to is None or self.quiet_from == self.quiet_to:
            return Instant(at)
        local = local_of(at, self.zone)
        minute = local.hour * 60 + local.minute
        if not _within(minute, self.quiet_from, self.quiet_to):
            return Instant(at)
        ahead = (self.quiet_to - minute) % _DAY_MINUTES
        ends = local.replace(second=0, microsecond=0) + timedelta(minutes=ahead)
        return Instant(max(at, first_at(ends.replace(fold=0), self.zone)))

    def _next_digest(self, at: int) -> Instant:
        day = local_of(at, self.zone).date()
        for ahead in range(9):
            later = day + timedelta(days=ahead)
            if self.digest == "weekly" and later.weekday() != 0:
                continue
            due = first_at(datetime.combine(later, time(self.digest_hour)), self.zone)
            if due > at:
                return due
        raise AssertionError("each week has a Monday")


def _within(minute: int, start: int, end: int) -> bool:
    return start <= minute < end if start < end else minute >= start or minute < end


def read(zone: str, quiet_from: str, quiet_to: str, digest: str, digest_hour: int) -> Habit | Refusal:
    """A habit from what was typed: times as ``22:00``, both empty for no quiet hours."""
    named = check_zone(zone)
    if isinstance(named, Refusal):
        return named
    ends = [_minute(text) for text in (quiet_from, quiet_to)]
    if any(isinstance(end, Refusal) for end in ends) or (ends[0] is None) != (ends[1] is None):
        return Refusal(Reason.BAD_CHANNEL, detail="quiet hours are two times of day, such as 22:00 and 07:00, or none")
    if digest not in DIGESTS:
        return Refusal(Reason.BAD_CHANNEL, detail=f"a digest is one of {', '.join(DIGESTS)}")
    if not 0 <= digest_hour <= 23:
        return Refusal(Reason.BAD_CHANNEL, detail="a digest comes at an hour from 0 to 23")
    first, last = ends
    assert not isinstance(first, Refusal) and not isinstance(last, Refusal), "both were read"
    return Habit(named, first, last, digest, digest_hour)


def _minute(text: str) -> int | None | Refusal:
    text = text.strip()
    if not text:
        return None
    hour, colon, minute = text.partition(":")
    fine = colon and hour.isascii() and hour.isdecimal() and minute.isascii() and minute.isdecimal() and len(hour) <= 2 and len(minute) == 2
    if not fine or int(hour) > 23 or int(minute) > 59:
        return Refusal(Reason.BAD_CHANNEL, detail=f"“{text[:20]}” is no time of day")
    return int(hour) * 60 + int(minute)


def say_minute(minute: int | None) -> str:
    """A minute of the day as it is typed: ``22:00``."""
    return "" if minute is None else f"{minute // 60:02}:{minute % 60:02}"


def load(rows: Sequence[tuple[Any, ...]], zone: str) -> Habit:
    """A player's habit from the rows of ``LOAD``; one who never chose has none of it, in the crew's zone."""
    return Habit(*rows[0]) if rows else Habit(zone)


LOAD: Final = "SELECT zone, quiet_from, quiet_to, digest, digest_hour FROM habit WHERE player=?"


def save(connection: sqlite3.Connection, player: str, habit: Habit) -> None:
    """Keep a player's habit."""
    row = (player, habit.zone, habit.quiet_from, habit.quiet_to, habit.digest, habit.digest_hour)
    connection.execute("INSERT OR REPLACE INTO habit VALUES (?, ?, ?, ?, ?, ?)", row)


