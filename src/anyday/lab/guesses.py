"""Real people's guesses of a date, typed as they stood into the real parser, and played as a closest guess and as a crowd.

How a pool becomes a question, what is typed again and the comparisons are fixed in ``README.md`` beside this file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final

from anyday.instants import DAY, HOUR, MINUTE, Grain, Instant, instant_of
from anyday.lab import history
from anyday.lab.beliefs import Kernel, Known, belief
from anyday.lab.folder import BadData, Row, table
from anyday.market.closest import Closest, Variant
from anyday.market.curve import Curve
from anyday.market.horizon import Horizon, claim_of
from anyday.market.mechanism import Entry
from anyday.market.prior import WHOLE, Opening, uniform
from anyday.market.scores import crps, log_score
from anyday.phrases import parse_window
from anyday.points import UNITS_A_POINT
from anyday.refusals import Reason, Refusal

KERNEL: Final = 2.5
PRIOR_WEIGHT: Final = 3.0
UNIFORM_SHARE: Final = 0.02
NEVER: Final = 50_000
#: What the closest guess is played as: one point a guess, all of it to the nearest.
VARIANTS: Final = (Variant.NEAREST, Variant.NOT_PAST)
TEST, NO_FINAL = "the organiser's test", "withdrawn or replaced by its maker"
CURVES: Final = ("crowd", "crowd, smoothed", "record", "uniform")

_YEAR = re.compile(r"(?<!\d)(?:18|19|20|21)\d\d(?!\d)")
_OFFSET = re.compile(r"UTC([+-]\d{1,2})(?!\d)")
_SECONDS = re.compile(r"(\d{1,2}:\d\d):\d\d$")
_UNREADABLE: Final = (Reason.NOT_A_WINDOW, Reason.NOT_A_TIME, Reason.NO_SUCH_DATE)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Typed:
    """One entry as it was typed: who, when (None: not known), the text, and the file's own reading of it."""

    entrant: str
    at: Instant | None
    raw: str
    read: str
    final: bool
    test: bool


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool as a question of ours. ``outcome`` is local time, or None where it is not known."""

    key: str
    title: str
    year: int
    grain: Grain
    offset: int
    outcome: datetime | None
    horizon: Horizon
    typed: tuple[Typed, ...]

    @property
    def grains_a_day(self) -> int:
        """Minutes, or the day itself."""
        return DAY // MINUTE if self.grain is Grain.MINUTE else 1

    def instant(self, local: datetime) -> Instant:
        """An instant from the pool's own clocks."""
        return Instant(instant_of(local) - self.offset * HOUR)

    def local(self, grain: int) -> datetime:
        """When a grain starts, on the pool's own clocks."""
        return datetime(self.year, 1, 1) + (self.horizon.start(grain) - self.horizon.origin) // MINUTE * _A_MINUTE

    def say(self, grain: int) -> str:
        """A grain on the pool's own clocks, as ISO 8601."""
        return f"{self.local(grain):%Y-%m-%d %H:%M}" if self.grain is Grain.MINUTE else f"{self.local(grain):%Y-%m-%d}"

    @property
    def happened(self) -> tuple[int, int] | None:
        """The grain in which it happened. Only for pools whose outcome is known."""
        assert self.outcome is not None, "the outcome is known"
        at = self.instant(self.outcome)
        if not self.horizon.origin <= at < self.horizon.end:
            return None
        grain = self.horizon.grain_at(at)
        return grain, grain + 1


_A_MINUTE: Final = datetime(2000, 1, 1, 0, 1) - datetime(2000, 1, 1)


# reading


def pools(data: Path) -> list[Pool]:
    """The pools of a folder with their entries, in the files' order. Raises ``BadData``."""
    columns = ("pool_id", "entrant", "entered_at", "guess", "guess_raw", "in_final_list", "test_entry")
    typed: dict[str, list[Typed]] = {}
    for row in table(data, "human_date_guesses.csv", columns):
        typed.setdefault(row["pool_id"], []).append(_typed(row))
    rows = table(data, "human_date_pools.csv", ("pool_id", "question", "resolution", "timezone", "outcome", "outcome_known"))
    return [_pool(row, typed.get(row["pool_id"], [])) for row in rows]


def _typed(row: Row) -> Typed:
    at = row.read("entered_at", _utc) if row["entered_at"] else None
    return Typed(row["entrant"], at, row["guess_raw"], row["guess"], row.flag("in_final_list"), row.flag("test_entry"))


def _utc(text: str) -> Instant:
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=None))


def _pool(row: Row, typed: Sequence[Typed]) -> Pool:
    grain = row.read("resolution", _grain)
    year = int(row.read("question", _year))
    offset = _OFFSET.search(row["timezone"])
    if offset is None and grain is Grain.MINUTE:
        raise BadData(f"{row.where}: a pool by the minute needs its offset in the column timezone, such as UTC-9.")
    hours = int(offset[1]) if offset else 0
    zone = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    ends = [Instant(instant_of(datetime(y, 1, 1)) - hours * HOUR) for y in (year, year + 1)]
    horizon = Horizon.build(grain, zone, ends[0], ends[1])
    if isinstance(horizon, Refusal):
        raise BadData(f"{row.where}: {horizon.sentence}")
    outcome = row.read("outcome", datetime.fromisoformat) if row.flag("outcome_known") else None
    # the sort is stable: where no time is known, the file's order stands
    order = sorted(typed, key=lambda entry: entry.at or Instant(horizon.origin - DAY))
    return Pool(row["pool_id"], row["question"], year, grain, hours, outcome, horizon, tuple(order))


def _grain(text: str) -> Grain:
    if text not in (Grain.MINUTE, Grain.DAY):
        raise ValueError("it must be minute or day")
    return Grain(text)


def _year(text: str) -> str:
    found = _YEAR.search(text)
    if found is None:
        raise ValueError("it names no year")
    return found[0]


# playing


@dataclass(slots=True)
class Played:
    """One pool played: the standing guesses, what was refused (reason: count), and an example of each."""

    pool: Pool
    game: Closest
    left_out: Counter[str] = field(default_factory=Counter)
    refused: Counter[Reason] = field(default_factory=Counter)
    examples: dict[Reason, tuple[str, str]] = field(default_factory=dict)
    as_typed: int = 0
    without_seconds: int = 0
    as_read: int = 0
    replaced: int = 0

    @property
    def grains(self) -> list[int]:
        """The standing guesses as grains, in order."""
        return sorted(guess.claim.first for guess in self.game.guesses if not guess.claim.complement)


def play(pool: Pool, variant: Variant = Variant.NEAREST) -> Played:
    """Type every entry of a pool, as it stands, into the parser and the closest guess."""
    played = Played(pool, Closest(pool.horizon, variant, (100,), UNITS_A_POINT, many=False))
    for entry in pool.typed:
        if entry.test:
            played.left_out[TEST] += 1
        elif not entry.final:
            played.left_out[NO_FINAL] += 1
        else:
            _enter(played, entry)
    played.game.check()
    return played


def _enter(played: Played, entry: Typed) -> None:
    """One entry: typed as it stands, and if that is refused, once more as ``again`` says."""
    guess = _guess(played, entry, entry.raw)
    if isinstance(guess, Entry):
        played.as_typed += 1
    else:
        reason = guess.reason
        played.examples.setdefault(reason, (entry.raw, guess.sentence))
        text = _again(entry, guess)
        second = _guess(played, entry, text) if text else guess
        if isinstance(second, Refusal):
            played.refused[second.reason] += 1
            played.examples.setdefault(second.reason, (entry.raw, second.sentence))
            return
        played.without_seconds += reason is Reason.OFF_THE_GRAIN
        played.as_read += reason is not Reason.OFF_THE_GRAIN
        guess = second
    played.replaced += guess.stake == 0
    played.game.apply(guess)


def _again(entry: Typed, no: Refusal) -> str | None:
    """How a refused entry is typed once more: without its seconds, or as the file reads it."""
    if no.reason is Reason.OFF_THE_GRAIN and _SECONDS.search(entry.raw):
        return _SECONDS.sub(r"\1", entry.raw)
    return entry.read if entry.read and no.reason in _UNREADABLE else None


def _guess(played: Played, entry: Typed, text: str) -> Entry | Refusal:
    """The guess that a text makes, by the real parser and the real mechanism."""
    horizon = played.pool.horizon
    at = entry.at if entry.at is not None else Instant(horizon.origin - DAY)
    phrase = parse_window(text, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=at)
    claim = phrase if isinstance(phrase, Refusal) else claim_of(phrase, horizon, 0)
    return claim if isinstance(claim, Refusal) else played.game.quote(Entry(entry.entrant, at, claim, UNITS_A_POINT))


@dataclass(frozen=True, slots=True)
class Winner:
    """Who is paid: by which variant, the guess, how many grains off, and the points."""

    variant: Variant
    entrant: str
    guess: str
    off: int
    paid: int


def winners(played: Played) -> list[Winner]:
    """Who would have won under each variant, with the payouts to the unit. Only where the outcome is known."""
    found = []
    for variant in VARIANTS:
        game = played.game if variant is played.game.variant else play(played.pool, variant).game
        outcome = played.pool.happened
        paid = game.payouts(outcome)
        assert sum(paid.values()) == game.escrow, "everything staked is paid out"
        for guess in game.guesses:
            off = game.distance(guess, outcome)
            if guess.player in paid and off is not None:
                found.append(Winner(variant, guess.player, played.pool.say(guess.claim.first), off, paid[guess.player]))
    return found


# curves


def curves(played: Played) -> dict[str, Curve]:
    """The crowd's curves, the plain record where there is one, and a uniform one; by name."""
    pool, a_day = played.pool, played.pool.grains_a_day
    crowd = played.game.curve()
    found = {}
    if crowd is not None:
        found["crowd"] = crowd
        found["crowd, smoothed"] = _smoothed(pool, [(grain + 0.5) / a_day for grain in played.grains])
    past = _record(pool)
    if past:
        found["record"] = _smoothed(pool, past)
    even = uniform(pool.horizon.count, NEVER)
    assert isinstance(even, Opening), "never is a chance"
    found["uniform"] = Curve((0, pool.horizon.count), (1 - NEVER / WHOLE,), NEVER / WHOLE)
    return found


def _smoothed(pool: Pool, places: Sequence[float]) -> Curve:
    """Kernels about places in days from the origin, as the replay of Nenana smooths the days of earlier years."""
    count, a_day = pool.horizon.count, pool.grains_a_day
    known = Known(count, a_day, None, 0.0, 1.0, tuple(places), len(places), 0)
    parts = [(Kernel(KERNEL), known.record, float(len(places))), (None, (), PRIOR_WEIGHT)]
    return belief(known, range(0, count + 1, a_day), parts, UNIFORM_SHARE)


def _record(pool: Pool) -> list[float]:
    """The days of all earlier years at Nenana, counted from this year's first; nothing for other pools."""
    if "Nenana" not in pool.title:
        return []
    april = (date(pool.year, 4, 1) - date(pool.year, 1, 1)).days
    return [april + (b.local - datetime(b.year, 4, 1)).total_seconds() / 86_400 for b in history.breakups() if b.year < pool.year]


@dataclass(frozen=True, slots=True)
class Scored:
    """One curve of one pool against the outcome: CRPS (also in days), log score of the grain, and the chance of that day."""

    curve: str
    crps: float
    days: float
    log: float
    day: float


def scores(played: Played, found: dict[str, Curve]) -> Iterator[Scored]:
    """Every curve's scores; none where the outcome is not known."""
    pool, count = played.pool, played.pool.horizon.count
    if pool.outcome is None:
        return
    outcome, a_day = pool.happened, pool.grains_a_day
    for name, curve in found.items():
        loss = crps(curve, outcome, count)
        first = None if outcome is None else outcome[0] // a_day * a_day
        day = curve.never if first is None else curve.between(first, first + a_day)
        yield Scored(name, loss, loss * count / a_day, log_score(curve, outcome), day)
