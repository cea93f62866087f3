"""The time that a question covers, cut into grains; and a claim: the grains, with or without never, that a bet pays on.

Boundaries are computed once from the zone's rules and kept as runs of equal lengths, so a newer tzdata moves nothing.
Minutes and hours are 60 and 3,600 s of UTC; days, weeks (from Monday) and months follow the zone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Final

from anyday.instants import (
    DAY,
    HOUR,
    MINUTE,
    After,
    Before,
    Between,
    Grain,
    Instant,
    Never,
    Not,
    Phrase,
    Window,
    check_zone,
    day_start,
    in_bounds,
    instant_of,
    local_of,
    midnight_offset,
    tzdata_version,
)
from anyday.phrases import say_instant, say_window
from anyday.refusals import Reason, Refusal

#: The largest number of grains that one question may have.
MOST_GRAINS: Final = 2**22

#: No zone has put its clocks there and back within so many days: seven days of summer in Recife in 2000 are the fewest.
_STEADY: Final = timedelta(days=6)

_FIXED: Final = {Grain.MINUTE: MINUTE, Grain.HOUR: HOUR}


@dataclass(frozen=True)
class Horizon:
    """[origin, end) in grains 0 to ``count`` (exclusive). ``lengths`` are runs (grains, microseconds each) in order."""

    grain: Grain
    zone: str
    origin: Instant
    lengths: tuple[tuple[int, int], ...]
    tzdata: str
    count: int = field(init=False, compare=False)
    end: Instant = field(init=False, compare=False)
    _firsts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        assert self.lengths and all(n > 0 and length > 0 for n, length in self.lengths), "every run holds time"
        firsts = tuple(accumulate((n for n, _ in self.lengths), initial=0))
        starts = tuple(accumulate((n * length for n, length in self.lengths), initial=int(self.origin)))
        object.__setattr__(self, "_firsts", firsts[:-1])
        object.__setattr__(self, "_starts", starts[:-1])
        object.__setattr__(self, "count", firsts[-1])
        object.__setattr__(self, "end", Instant(starts[-1]))
        assert self.end > self.origin, "a question covers some time"

    @staticmethod
    def build(grain: Grain, zone: str, origin: Instant, end: Instant) -> Horizon | Refusal:
        """Cut [origin, end) into grains by the zone's rules.

        Refuses NOT_A_ZONE, TIME_OUT_OF_BOUNDS, REVERSED, EMPTY, OFF_THE_GRAIN and TOO_MANY_GRAINS.
        """
        named = check_zone(zone)
        if isinstance(named, Refusal):
            return named
        for name, instant in (("The origin", origin), ("The horizon", end)):
            if not in_bounds(instant):
                return Refusal(Reason.TIME_OUT_OF_BOUNDS, name=name)
        if end < origin:
            return Refusal(Reason.REVERSED, text="The question")
        if end == origin:
            return Refusal(Reason.EMPTY, text="The question", grain=grain)
        lengths = _fixed_runs(grain, named, origin, end) if grain in _FIXED else _calendar_runs(grain, named, origin, end)
        if isinstance(lengths, Refusal):
            return lengths
        built = Horizon(grain, named, origin, lengths, tzdata_version())
        assert built.end == end and 0 < built.count <= MOST_GRAINS, "the grains partition the span"
        return built

    def start(self, grain: int) -> Instant:
        """The start of a grain; of ``count``, the horizon's end."""
        assert 0 <= grain <= self.count, "grains are numbered from 0, and count is the end"
        run = min(bisect_right(self._firsts, grain), len(self.lengths)) - 1
        return Instant(self._starts[run] + (grain - self._firsts[run]) * self.lengths[run][1])

    def grain_at(self, instant: Instant) -> int:
        """The number of the grain that holds an instant of [origin, end)."""
        assert self.origin <= instant < self.end, "the caller asks inside the span only"
        run = bisect_right(self._starts, instant) - 1
        assert 0 <= run < len(self.lengths), "some run holds it"
        return self._firsts[run] + (instant - self._starts[run]) // self.lengths[run][1]

    def touched(self, start: int, end: int) -> tuple[int, int]:
        """The grains [first, last) that hold something of [start, end), a stretch of the question's time in UTC microseconds."""
        assert start < end, "a stretch of time"
        return self.grain_at(Instant(start)), self.grain_at(Instant(end - 1)) + 1

    def boundary(self, instant: Instant) -> int | None:
        """The grain that starts at this instant (``count`` at the end), or None if none does."""
        if instant == self.end:
            return self.count
        if not self.origin <= instant < self.end:
            return None
        grain = self.grain_at(instant)
        assert self.start(grain) <= instant < self.start(grain + 1), "the grain found holds the instant"
        return grain if self.start(grain) == instant else None

    def passed(self, now: Instant, lead: int) -> int:
        """How many grains have passed: have started by ``now + lead`` (lead in microseconds)."""
        assert lead >= 0, "a lead looks ahead"
        clock = Instant(now + lead)
        if clock < self.origin:
            return 0
        return self.count if clock >= self.end else self.grain_at(clock) + 1


def ahead(grain: Grain, zone: str, now: Instant, count: int) -> Window:
    """The next ``count`` grains by the zone's clocks: from the first start of one after ``now`` on. The zone must have passed ``check_zone``."""
    assert count > 0 and in_bounds(now), "some time ahead of now"
    if grain in _FIXED:
        length = _FIXED[grain]
        shown = instant_of(local_of(now, zone).replace(fold=0))
        origin = Instant(now - shown % length + length)
        if instant_of(local_of(origin, zone).replace(fold=0)) % length:  # the clocks move by a part of it until then: whole ones of UTC
            origin = Instant(now - now % length + length)
        return Window(origin, Instant(origin + count * length))
    first = _after(grain, _starting(grain, local_of(now, zone).date()), 1)
    while day_start(first, zone) <= now or day_start(_after(grain, first, 1), zone) == day_start(first, zone):
        first = _after(grain, first, 1)  # a day that the zone skips
    found = Window(day_start(first, zone), day_start(_after(grain, first, count), zone))
    assert now < found.start < found.end, "it lies ahead"
    return found


def _after(grain: Grain, day: date, count: int) -> date:
    """The first day of the day, week or month that comes ``count`` later."""
    assert day == _starting(grain, day) and count > 0, "from one start to another"
    if grain is Grain.MONTH:
        months = day.year * 12 + day.month - 1 + count
        return date(months // 12, months % 12 + 1, 1)
    return day + timedelta(days=count * (7 if grain is Grain.WEEK else 1))


def _fixed_runs(grain: Grain, zone: str, origin: Instant, end: Instant) -> tuple[tuple[int, int], ...] | Refusal:
    """Minutes or hours. They start on whole ones of UTC, or of the zone's clocks where those are off by a part of it."""
    assert origin < end, "the caller refuses spans without time"
    length = _FIXED[grain]
    count, rest = divmod(end - origin, length)
    shown = instant_of(local_of(origin, zone).replace(fold=0))
    if rest or (origin % length and shown % length):
        edge = end if rest else origin
        return Refusal(Reason.OFF_THE_GRAIN, text=say_instant(edge, zone, Grain.MINUTE), grain=grain, zone=zone)
    if count > MOST_GRAINS:
        return _too_many(count, grain)
    return ((count, length),)


def _too_many(count: int, grain: Grain) -> Refusal:
    assert count > MOST_GRAINS
    return Refusal(Reason.TOO_MANY_GRAINS, count=f"{count:,}", grain=grain, limit=f"{MOST_GRAINS:,}")


def _calendar_runs(grain: Grain, zone: str, origin: Instant, end: Instant) -> tuple[tuple[int, int], ...] | Refusal:
    """Days, weeks or months in the zone. The years allowed hold fewer than the limit of them."""
    first = _starting(grain, local_of(origin, zone).date())
    last = _starting(grain, local_of(end, zone).date())
    for edge, day in ((origin, first), (end, last)):
        if day_start(day, zone) != edge:
            return Refusal(Reason.OFF_THE_GRAIN, text=say_instant(edge, zone, Grain.MINUTE), grain=grain, zone=zone)
    if grain is Grain.DAY:
        return _day_runs(zone, first, last)
    starts = [day_start(day, zone) for day in _days(grain, first, last)]
    assert starts[0] == origin and starts[-1] == end, "both ends are boundaries"
    assert all(a <= b for a, b in pairwise(starts)) and len(starts) <= MOST_GRAINS, "they go forward, and not too many"
    return _runs(b - a for a, b in pairwise(starts))


def _day_runs(zone: str, first: date, last: date) -> tuple[tuple[int, int], ...]:
    """The days from ``first`` to ``last`` (exclusive) as runs. Looked at a few at a time: centuries of them are asked for in
    one request, which all others wait for. Where the clocks stand alike at both ends, the days between are even."""
    assert first < last, "both ends are boundaries of the zone's days, and time lies between"
    lengths: list[tuple[int, int]] = []
    day, offset = first, midnight_offset(first, zone)
    while day < last:
        after = min(day + _STEADY, last)
        then = midnight_offset(after, zone)
        if offset is not None and offset == then:
            lengths.append(((after - day).days, DAY))
        else:
            starts = [day_start(each, zone) for each in _days(Grain.DAY, day, after)]
            lengths += [(1, b - a) for a, b in pairwise(starts) if b != a]  # a day that the zone skips holds no time
        day, offset = after, then
    return tuple((sum(count for count, _ in same), length) for length, same in groupby(lengths, key=itemgetter(1)))


def _starting(grain: Grain, day: date) -> date:
    """The first day of the day, week (Monday) or month that holds ``day``."""
    if grain is Grain.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if grain is Grain.MONTH else day


def _days(grain: Grain, first: date, last: date) -> Iterator[date]:
    """The local days on which a grain starts, ``last`` included."""
    assert first <= last and grain not in _FIXED, "minutes and hours are arithmetic"
    step = timedelta(days=7 if grain is Grain.WEEK else 1)
    day = first
    while day < last:
        yield day
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1) if grain is Grain.MONTH else day + step
    assert day == last, "the end starts a grain too"
    yield last


def _runs(lengths: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Equal neighbours together: (how many, microseconds each)."""
    return tuple((sum(1 for _ in same), length) for length, same in groupby(lengths))


# claims


@dataclass(frozen=True, slots=True)
class Claim:
    """Grains ``first`` to ``last`` (exclusive); as a complement, every other grain and never."""

    first: int
    last: int
    complement: bool


def claim_of(phrase: Phrase, horizon: Horizon, passed: int) -> Claim | Refusal:
    """The claim that a phrase means on this question, of whose grains ``passed`` have passed.

    "Before" and "after" keep what can still be bet on. A window is taken whole or refused, for it and against it alike;
    only "not before X" may name time that has passed: it means from X on, or never. Refuses ALL_PASSED, OUT_OF_SPAN,
    OFF_THE_GRAIN, EMPTY, HAS_STARTED and CERTAIN (and, of windows that no text gave, TIME_OUT_OF_BOUNDS and REVERSED).
    """
    assert 0 <= passed <= horizon.count, "no more grains pass than there are"
    if passed == horizon.count:
        return Refusal(Reason.ALL_PASSED)
    against = isinstance(phrase, Not)
    named = phrase.phrase if isinstance(phrase, Not) else phrase
    if isinstance(named, Never):
        return Claim(0, horizon.count, not against)
    span = _named(named, horizon)
    if isinstance(span, Refusal):
        return span
    first, last = span
    if first == last:
        return Refusal(Reason.CERTAIN) if against else Refusal(Reason.EMPTY, text=_side_text(named, horizon), grain=horizon.grain)
    if against and isinstance(named, Before):
        return Claim(first, last, True) if last > passed else Refusal(Reason.CERTAIN)
    if not against and isinstance(named, Before | After):
        first = max(first, passed)
    if first < passed or first >= last:
        text = say_window(named.window, horizon.zone, horizon.grain) if isinstance(named, Between) else _side_text(named, horizon)
        return _has_started(text, horizon, passed)
    assert 0 <= first < last <= horizon.count, "a claim names grains of the question"
    return Claim(first, last, against)


def _named(phrase: Between | Before | After, horizon: Horizon) -> tuple[int, int] | Refusal:
    """The grains [first, last) that a phrase names, passed or not."""
    window = _whole_hour(phrase.window, horizon)
    edges: tuple[Instant, ...] = {Between: window, Before: window[:1], After: window[1:]}[type(phrase)]
    if not all(in_bounds(edge) for edge in edges):
        return Refusal(Reason.TIME_OUT_OF_BOUNDS, name="That window")
    if edges[-1] < edges[0]:
        return Refusal(Reason.REVERSED, text="That window")
    if isinstance(phrase, Between) and edges[0] == edges[1]:
        return Refusal(Reason.EMPTY, text="That window", grain=horizon.grain)
    if not all(horizon.origin <= edge <= horizon.end for edge in edges):
        text, ends = _noun(phrase, window, horizon), (_say_edge(0, horizon), _say_edge(horizon.count, horizon))
        return Refusal(Reason.OUT_OF_SPAN, text=text, origin=ends[0], horizon=ends[1])
    found = [horizon.boundary(edge) for edge in edges]
    grains = [grain for grain in found if grain is not None]
    if len(grains) < len(found):
        return Refusal(Reason.OFF_THE_GRAIN, text=_noun(phrase, window, horizon), grain=horizon.grain, zone=horizon.zone)
    if isinstance(phrase, Before):
        return 0, grains[0]
    return grains[0], horizon.count if isinstance(phrase, After) else grains[1]


def _whole_hour(window: Window, horizon: Horizon) -> Window:
    """Where hours are the grain, "15:00" names the hour that starts there."""
    hourly = horizon.grain is Grain.HOUR and window.end - window.start == MINUTE
    if hourly and window.start < horizon.end and horizon.boundary(window.start) is not None:
        return Window(window.start, Instant(window.start + HOUR))
    return window


def _has_started(text: str, horizon: Horizon, passed: int) -> Refusal:
    """The refusal that names the first grain still open."""
    assert passed < horizon.count, "some grain is still open"
    first = Window(horizon.start(passed), horizon.start(passed + 1))
    return Refusal(Reason.HAS_STARTED, text=text, grain=horizon.grain, first=say_window(first, horizon.zone, horizon.grain))


def _noun(phrase: Between | Before | After, window: Window, horizon: Horizon) -> str:
    return say_window(window, horizon.zone, horizon.grain) if isinstance(phrase, Between) else _side_text(phrase, horizon)


def _side_text(phrase: Between | Before | After, horizon: Horizon) -> str:
    """As a noun: the time before 1 June 2027, or from 4 May 2027 on."""
    if isinstance(phrase, Before):
        return f"the time before {_say_instant(phrase.window.start, horizon)}"
    return f"the time from {_say_instant(_whole_hour(phrase.window, horizon).end, horizon)} on"


def _say_instant(instant: Instant, horizon: Horizon) -> str:
    """To the minute where grains are shorter than a day, or the instant is no start of one; else to the day."""
    start = day_start(local_of(instant, horizon.zone).date(), horizon.zone)
    daily = horizon.grain not in _FIXED and instant == start
    return say_instant(instant, horizon.zone, Grain.DAY if daily else Grain.MINUTE)


def _say_edge(grain: int, horizon: Horizon) -> str:
    return _say_instant(horizon.start(grain), horizon)


def say_claim(claim: Claim, horizon: Horizon) -> str:
    """The claim in plain words, which ``parse_window`` reads back: ``1–31 March 2027``, ``not 1–31 March 2027``,
    ``before 1 June 2027``, ``from 1 June 2027 on, or never``, ``never by 1 June 2028`` (the horizon)."""
    assert 0 <= claim.first < claim.last <= horizon.count, "a claim names grains of the question"
    if claim.first > 0 and claim.last < horizon.count:
        window = say_window(Window(horizon.start(claim.first), horizon.start(claim.last)), horizon.zone, horizon.grain)
        return f"not {window}" if claim.complement else window
    start, end = _say_edge(claim.first, horizon), _say_edge(claim.last, horizon)
    if (claim.first, claim.last) == (0, horizon.count):
        return f"never by {end}" if claim.complement else f"any time before {end}"
    if claim.first == 0:
        return f"from {end} on, or never" if claim.complement else f"before {end}"
    return f"before {start}, or never" if claim.complement else f"from {start} on"
