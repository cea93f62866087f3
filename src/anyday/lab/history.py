"""The record: past plans and outcomes, read from CSV files. Facts with the moments from which they were public.

The files ship with the package (``anyday/data``); a folder with files of the same names and columns serves as well.
Gaps stay gaps. Columns that only hindsight could fill are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from anyday.instants import Instant, instant_of
from anyday.lab.folder import BadData as BadData
from anyday.lab.folder import table


@dataclass(frozen=True, slots=True)
class Plan:
    """What the public plan said from ``recorded_at`` on: released on this day (UTC)."""

    recorded_at: Instant
    day: date


@dataclass(frozen=True, slots=True)
class Milestone:
    """One planned release: its plans in order, and the day on which it came, or None.

    ``state`` is ``actual``, ``expected`` or ``never_released``; ``pep`` the number of its schedule, where it is known.
    """

    release: str
    name: str
    state: str
    day: date | None
    plans: tuple[Plan, ...]
    pep: str = ""

    @property
    def title(self) -> str:
        """As people say it: ``Python 3.12.0 beta 1``."""
        return f"Python {self.release} {self.name}"

    def plan_at(self, now: Instant) -> Plan | None:
        """The plan that was public at ``now``."""
        standing = None
        for plan in self.plans:
            if plan.recorded_at > now:
                break
            standing = plan
        return standing


@dataclass(frozen=True, slots=True)
class Breakup:
    """One spring: when the ice went out, on clocks ``offset`` hours from UTC (standard time)."""

    year: int
    local: datetime
    offset: int


def breakups(data: Path | None = None) -> tuple[Breakup, ...]:
    """Every recorded break-up at Nenana, in order of years. Raises ``BadData``."""
    rows = _rows(data, "nenana_breakup.csv", ("year", "breakup_local", "utc_offset"))
    found = [
        Breakup(int(row["year"]), datetime.fromisoformat(row["breakup_local"]), int(row["utc_offset"].split(":")[0])) for row in rows
    ]
    return tuple(sorted(found, key=lambda breakup: breakup.year))


def milestones(data: Path | None = None) -> tuple[Milestone, ...]:
    """CPython's milestones with their plans, in the file's order. Raises ``BadData``."""
    plans: dict[tuple[str, str], list[Plan]] = {}
    columns = ("release", "milestone", "recorded_at", "scheduled_date", "kind", "suspect_typo")
    for row in _rows(data, "cpython_plan_history.csv", columns):
        if row["kind"] == "plan" and row["suspect_typo"] == "0":
            plan = Plan(_instant(row["recorded_at"]), date.fromisoformat(row["scheduled_date"]))
            plans.setdefault((row["release"], row["milestone"]), []).append(plan)
    found = []
    cited = ("pep",) if data is None else ()  # only the demo, which tells what ships, says where it is from
    for row in _rows(data, "cpython_milestones.csv", ("release", "milestone", "state", "date", *cited)):
        key = row["release"], row["milestone"]
        own = tuple(sorted(plans.get(key, ()), key=lambda plan: plan.recorded_at))
        day = date.fromisoformat(row["date"]) if row["date"] and row["state"] != "never_released" else None
        found.append(Milestone(*key, row["state"], day, own, row.get("pep", "")))
    return tuple(found)


def _instant(text: str) -> Instant:
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=None))


def _rows(data: Path | None, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The rows of a file whose dates, times and years have been checked. Raises ``BadData``."""
    for row in table(data, name, columns):
        for column, read in _READERS.items():
            if row.cells.get(column):
                row.read(column, read)
        yield row.cells


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "recorded_at": _instant, "scheduled_date": date.fromisoformat, "date": date.fromisoformat, "year": int,
    "breakup_local": datetime.fromisoformat,
}  # fmt: skip
