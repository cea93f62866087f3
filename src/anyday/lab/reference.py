"""Reference classes: a curve for each case from the cases known before it started, and from nothing else, against the official plan.

The classes, the comparisons and the censoring are fixed in ``README.md`` beside this file. Days are whole, both ends counted in.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from anyday.instants import DAY, Grain, instant_of, tzdata_version, utc_of
from anyday.lab import history
from anyday.lab.beliefs import Kernel, Known, belief
from anyday.lab.folder import table
from anyday.market.curve import Curve
from anyday.market.horizon import Horizon
from anyday.market.prior import WHOLE, Opening, from_cases
from anyday.market.scores import Outcome, crps, log_score, pit
from anyday.refusals import Refusal

#: A class is as fine as it may be with so many cases over; failing that, it is the coarser one with so many.
ENOUGH_FINE, ENOUGH_COARSE = 20, 5
#: A case is asked over its planned time and as much again, at least so many days.
PATIENCE: Final = 180
NEVER: Final = 200_000
UNIFORM_SHARE: Final = 0.02
LEAST_SCALE: Final = 1.0
CURVES: Final = ("prior", "stretched", "plan", "uniform")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """Something that was planned: its classes, when it started, its planned last day, its real one or None (still running)."""

    key: str
    fine: str
    coarse: str
    start: date
    planned: date
    ended: date | None

    @property
    def plan(self) -> int:
        """How many days were planned."""
        return (self.planned - self.start).days + 1

    @property
    def lasted(self) -> int | None:
        """How many days it took, or None."""
        return None if self.ended is None else (self.ended - self.start).days + 1

    @property
    def count(self) -> int:
        """How many days the question covers."""
        return self.plan + max(PATIENCE, self.plan)

    def ended_before(self, day: date) -> bool:
        """Whether that it had ended was known on the eve of a day."""
        return self.ended is not None and self.ended < day


@dataclass(slots=True)
class Record:
    """The cases of one source, in order of starting; until when it goes; and why rows were left out, counted."""

    name: str
    cases: list[Case]
    until: date
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.cases.sort(key=lambda case: (case.start, case.key))


# reading


def records(data: Path) -> list[Record]:
    """The school projects of a folder, and CPython's milestones: the folder's, where it has them with their plans, else the package's own.
    Raises ``BadData``."""
    own = all((data / name).is_file() for name in ("cpython_milestones.csv", "cpython_plan_history.csv"))
    return [_schools(data), _releases(data if own else None)]


def _schools(data: Path) -> Record:
    columns = ("building", "project_type", "description", "phase", "start", "planned_end", "actual_end", "event")
    found: list[Case] = []
    left_out, latest = Counter[str](), date.min
    for row in table(data, "nyc_school_construction.csv", columns):
        start, planned = row.read("start", date.fromisoformat), row.read("planned_end", date.fromisoformat)
        ended = row.day("actual_end") if row.flag("event") else None
        latest = max(latest, start, ended or start)
        phase = "CM" if row["phase"].startswith("CM") else row["phase"]
        key = f"{row['building']} {row['description']}, {row['phase']}"
        _add(found, left_out, Case(key, f"{row['project_type']}, {phase}", phase, start, planned, ended))
    return Record("schools", found, latest, left_out)


def _releases(data: Path | None) -> Record:
    found: list[Case] = []
    left_out, latest = Counter[str](), date.min
    for milestone in history.milestones(data):
        if not milestone.plans:
            continue
        first = milestone.plans[0]
        start = utc_of(first.recorded_at).date()
        ended = milestone.day if milestone.state == "actual" else None
        latest = max(latest, start, ended or start)
        kind = milestone.name.split(" ")[0]
        new = "x.y.0" if milestone.release.endswith(".0") else "later"
        _add(found, left_out, Case(milestone.title, f"{kind}, {new}", kind, start, first.day, ended))
    return Record("cpython", found, latest, left_out)


def _add(found: list[Case], left_out: Counter[str], case: Case) -> None:
    if case.ended is not None and case.ended < case.start:
        left_out["they ended before they started"] += 1
    elif case.plan < 2:
        left_out["they were planned to end on their start or before"] += 1
    else:
        found.append(case)


# what was known


class Past:
    """The cases of a record by class, asked with a day: what was known on its eve, never more."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._classes: dict[str, list[Case]] = {}
        for case in sorted(cases, key=lambda case: case.start):
            for name in (f"fine {case.fine}", f"coarse {case.coarse}"):
                self._classes.setdefault(name, []).append(case)

    def class_of(self, case: Case) -> tuple[str, list[Case]] | None:
        """The finest class of which enough had ended before the case started: its name, and those of it that had started."""
        for name, enough in ((f"fine {case.fine}", ENOUGH_FINE), (f"coarse {case.coarse}", ENOUGH_COARSE)):
            known = [other for other in self._classes.get(name, ()) if other.start < case.start]
            if sum(other.ended_before(case.start) for other in known) >= enough:
                return name, known
        return None


def durations(known: Sequence[Case], day: date, stretch: int | None = None) -> tuple[tuple[int, bool], ...]:
    """How long cases had lasted on the eve of ``day`` (µs), and whether they had ended by then. With ``stretch``, in
    units of each one's plan, times so many days."""
    found = []
    for case in known:
        over = case.ended_before(day)
        days = case.lasted if over else (day - case.start).days
        assert days is not None and days >= 1, "what is known has lasted a day"
        lasted = days * DAY if stretch is None else max(1, days * stretch * DAY // case.plan)
        found.append((lasted, over))
    return tuple(found)


# curves


def curves(case: Case, known: Sequence[Case]) -> dict[str, Curve] | Refusal:
    """The four curves for a case, from the cases of its class that were known."""
    found: dict[str, Curve] = {}
    for name, stretch in (("prior", None), ("stretched", case.plan)):
        opening = _prior(case.count, durations(known, case.start, stretch))
        if isinstance(opening, Refusal):
            return opening
        found[name] = opening
    found["plan"] = plan_curve(case, [(c.ended - c.planned).days for c in known if c.ended is not None and c.ended < case.start])
    found["uniform"] = Curve((0, case.count), (1 - NEVER / WHOLE,), NEVER / WHOLE)
    return found


@lru_cache(maxsize=256)
def _prior(count: int, cases: tuple[tuple[int, bool], ...]) -> Curve | Refusal:
    opening = from_cases(horizon(count), 0, cases)
    return opening if isinstance(opening, Refusal) else curve_of(opening)


@lru_cache(maxsize=256)
def horizon(count: int) -> Horizon:
    """So many days of UTC; which ones does not matter to a reference class."""
    return Horizon(Grain.DAY, "UTC", instant_of(datetime.combine(date(2000, 1, 1), time())), ((count, DAY),), tzdata_version())


def curve_of(opening: Opening) -> Curve:
    """An opening curve as chances."""
    edges = (0, *(last for _, last, _ in opening.runs))
    return Curve(edges, tuple((last - first) * weight / opening.total for first, last, weight in opening.runs), opening.never / opening.total)


def plan_curve(case: Case, slips: Sequence[int]) -> Curve:
    """The planned end, smeared by how far (days) the known ones of its class missed theirs."""
    scale = max(LEAST_SCALE, statistics.median(abs(slip) for slip in slips) / math.log(2))
    late = (sum(slip > 0 for slip in slips) + 1) / (len(slips) + 2)
    known = Known(case.count, 1, case.plan - 0.5, 0.0, scale, (), len(slips), 0)
    step = max(1, int(scale / 8))
    edges = sorted({0, case.plan - 1, case.plan, case.count, *range(step, case.count, step)})
    return belief(known, edges, [(Kernel(scale, late), [case.plan - 0.5], 1.0)], UNIFORM_SHARE)


# scores


@dataclass(frozen=True, slots=True)
class Scored:
    """One curve of one case: its class, whether the outcome is known (else censored), scores, and where the outcome lies in it."""

    record: str
    case: str
    group: str
    curve: str
    known: bool
    log: float
    crps: float
    days: float
    pit: tuple[float, float]


def outcome_of(case: Case, until: date) -> tuple[Outcome, int | None]:
    """What happened, and for how many days it was watched if that is not known yet."""
    if case.lasted is not None:
        return (None if case.lasted > case.count else (case.lasted - 1, case.lasted)), None
    watched = (until - case.start).days + 1
    return None, None if watched >= case.count else watched


def scored(record: Record, case: Case, name: str, curve: Curve) -> Scored:
    """A curve's scores. Of a censored case: the log of "not by then", and the CRPS over the days until then."""
    outcome, watched = outcome_of(case, record.until)
    if watched is None:
        log, loss, place = log_score(curve, outcome), crps(curve, outcome, case.count), pit(curve, outcome)
    else:
        seen = until(curve, watched)
        log, loss, place = log_score(seen, None), crps(seen, None, watched) * watched / case.count, (min(1.0, curve.cdf(watched)), 1.0)
    return Scored(record.name, case.key, case.coarse, name, watched is None, log, loss, loss * case.count, place)


def until(curve: Curve, place: int) -> Curve:
    """The curve as far as a place; all that lies beyond is never's."""
    edges = (*(edge for edge in curve.edges if edge < place), place)
    return Curve(edges, tuple(curve.between(a, b) for a, b in pairwise(edges)), curve.survival(place))


@dataclass(slots=True)
class Found:
    """What came of one record: the scores, how many cases had a class of each fineness, and why others had none."""

    record: Record
    scored: list[Scored] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)


def spread(cases: Sequence[Case], most: int | None) -> list[Case]:
    """All cases, or so many of them evenly over the record, the first and the last among them."""
    if most is None or most >= len(cases):
        return list(cases)
    return [cases[place * (len(cases) - 1) // max(1, most - 1)] for place in range(most)]


def run(record: Record, most: int | None, step: Callable[[], None]) -> Found:
    """Every case of a record, or ``most`` of them: its curves and their scores. The past is always the whole record's."""
    found, past = Found(record), Past(record.cases)
    for case in spread(record.cases, most):
        step()
        its_class = past.class_of(case)
        if its_class is None:
            found.classes["none"] += 1
            continue
        made = curves(case, its_class[1])
        if isinstance(made, Refusal):
            found.classes[made.reason.code] += 1
            continue
        found.classes[its_class[0].split(" ")[0]] += 1
        found.scored += [scored(record, case, name, curve) for name, curve in made.items()]
    return found
