"""How often a thing occurs, and how long it lasts until it does: rates with their intervals, gaps, and Kaplan–Meier's steps.

A duration is an integer of microseconds with whether it then happened; one that was still open when last seen is censored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from anyday.instants import Instant
from anyday.market import gamma

#: How sure an interval is: 95 %, half of the rest on either side.
SURE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Rate:
    """Occurrences a day, the interval in which the true rate lies with 95 %, and the count that it rests on."""

    per_day: float
    low: float
    high: float
    count: int


def rate(count: int, exposure_days: float) -> Rate:
    """The rate of ``count`` occurrences in ``exposure_days`` > 0 days, with Garwood's exact Poisson interval: the rates at
    which so many or more, and so many or fewer, have 2.5 % chance each (Garwood 1936). Of none, the low end is 0."""
    assert count >= 0 and exposure_days > 0.0, "some time was watched"
    low = gamma.quantile(count, (1 - SURE) / 2) if count else 0.0
    high = gamma.quantile(count + 1, (1 + SURE) / 2)
    assert low <= count <= high, "the interval holds the rate itself"
    return Rate(count / exposure_days, low / exposure_days, high / exposure_days, count)


def gaps(instants: Sequence[Instant]) -> tuple[int, ...]:
    """The µs between one occurrence and the next, oldest first, whatever order they come in; 0 between two at once."""
    found = tuple(after - before for before, after in pairwise(sorted(instants)))
    assert len(found) == max(0, len(instants) - 1), "one fewer than occurrences"
    return found


def waits(instants: Sequence[Instant], now: Instant) -> tuple[tuple[int, bool], ...]:
    """How long one waited for each next occurrence (µs, True), and has waited since the last (µs, False): the cases from which
    "when is the next?" opens. What occurred at once was waited for once; occurrences after ``now`` are not yet known."""
    known = sorted({instant for instant in instants if instant <= now})
    found = [(gap, True) for gap in gaps(known)]
    if known and known[-1] < now:
        found.append((now - known[-1], False))
    assert all(gap > 0 for gap, _ in found), "waiting takes time"
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Step:
    """Of the ``at_risk`` cases that lasted ``lasted`` µs or longer, in ``happened`` it then happened."""

    lasted: int
    happened: int
    at_risk: int


def at_risk(durations: Sequence[tuple[int, bool]]) -> tuple[Step, ...]:
    """A step for each duration at which it happened, rising. A case that was last seen open at that very time was at risk."""
    steps: list[Step] = []
    ordered = sorted(durations)
    place = 0
    while place < len(ordered):
        lasted, start, happened = ordered[place][0], place, 0
        while place < len(ordered) and ordered[place][0] == lasted:
            happened += ordered[place][1]
            place += 1
        if happened:
            steps.append(Step(lasted, happened, len(ordered) - start))
    assert sum(step.happened for step in steps) == sum(happened for _, happened in durations), "each is counted once"
    return tuple(steps)


def kaplan_meier(durations: Sequence[tuple[int, bool]]) -> tuple[tuple[int, float], ...]:
    """Kaplan–Meier's estimate: (µs, the chance to last longer than that), one for each step down, rising in time.

    The product over the steps of 1 − happened / at risk (Kaplan and Meier 1958). 1 before the first step; after the last,
    where cases are still open, nothing is known and nothing is said. O(n log n).
    """
    chance, steps = 1.0, []
    for step in at_risk(durations):
        chance *= 1 - step.happened / step.at_risk
        steps.append((step.lasted, chance))
    assert all(0.0 <= chance <= 1.0 for _, chance in steps), "chances"
    return tuple(steps)
