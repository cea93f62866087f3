"""Windows, instants and outcomes as people type them and as we say them: one grammar for page, API and command line.

A date names a stretch of time, and a window holds all of the last day, month or year that it names; a time of day
in "14:00–15:00" or "by 15:00" is a point. A year left out is the one that fits the question. What ``say_window`` says,
``parse_window`` reads back to the same window.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from anyday.instants import (
    DAY,
    FIRST_INSTANT,
    HOUR,
    LAST_INSTANT,
    MINUTE,
    SECOND,
    After,
    At,
    Before,
    Between,
    Grain,
    Instant,
    Never,
    NeverBy,
    Not,
    Outcome,
    Phrase,
    Window,
    Within,
    day_start,
    exists,
    first_at,
    in_bounds,
    instant_of,
    local_of,
    shown,
)
from anyday.refusals import Reason, Refusal

LONGEST: Final = 80
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

# One year more on either side than instants have, because zones are ahead or behind: the instant decides.
_FIRST_YEAR: Final = 1799
_LAST_YEAR: Final = 2500
#: "Dec–Feb 2027" begins in the year before; a reversed pair that is farther apart than this is a slip.
_LONGEST_WRAP: Final = 184 * DAY
_WIDEST_OFFSET: Final = 16 * HOUR

# Each alternative stands alone and repeats nothing that repeats, so reading takes time linear in at most 80 characters.
_TOKEN: Final = re.compile(
    r"""(?P<space>[ ,]+)
    |(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}t[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:z|[+-][0-9]{2}:?[0-9]{2})?)
    |(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?![0-9]))
    |(?P<month>[0-9]{4}-[0-9]{2}(?![0-9]))
    |(?P<week>[0-9]{4}-?w[0-9]{1,2}(?![0-9]))
    |(?P<quarter>(?:[0-9]{4}-)?q[0-9]{1,2}(?![0-9]))
    |(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:[ ]?[ap]m)?(?![0-9:]|\.[0-9])|[0-9]{1,2}[ ]?[ap]m(?![a-z]))
    |(?P<offset>utc[+-][0-9]{1,2}(?::[0-9]{2}){0,2}|[+][0-9]{2}:?[0-9]{2}|utc(?![a-z])|z(?![a-z]))
    |(?P<number>[0-9]+(?:st|nd|rd|th)?(?![a-z0-9]))
    |(?P<word>[a-z]+)(?:\.(?!\.))?
    |(?P<to>\.\.\.?|-|/)""",
    re.VERBOSE | re.ASCII,
)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("\u00a0\u2009\u202f", " "))

_MONTH_WORDS: Final = {n[:k].lower(): i for i, n in enumerate(MONTHS, 1) for k in (3, len(n))} | {"sept": 9}
_FILLERS: Final = frozenset({"on", "at", "in", "the", "of", "during"})
_SHIFTS: Final = {"last": -1, "this": 0, "next": 1}
_DAY_SHIFTS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_UNITS: Final = {"day": 0, "week": 1, "month": 2, "quarter": 3, "year": 4}
_TO_WORDS: Final = frozenset({"to", "until", "till", "through", "and"})
#: After these "until" and "till" are no "from … until …", and "and" joins only what "between" began.
_NO_START: Final = frozenset({"not", "time", "ever", "anytime"})

#: What one end of a span names: year, month, day, quarter, week (ISO), week_of, clock (microseconds of the day), step
#: (of the clock), offset, and unit with shift for "next week". A slot that is not named is not there.
Slots = dict[str, int]
Token = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a text is read against. Without ``span`` nothing may be left out, unless ``counted`` from now; ``past`` prefers what has begun."""

    text: str
    zone: str
    span: Window | None
    now: Instant
    past: bool = False
    counted: bool = False

    @property
    def quoted(self) -> str:
        """The text as a sentence repeats it."""
        return f"“{shown(self.text)}”"

    def no(self, reason: Reason) -> Refusal:
        """The refusal of this text."""
        return Refusal(reason, text=shown(self.text))


# reading


def parse_window(text: str, *, zone: str, origin: Instant, horizon: Instant, now: Instant) -> Phrase | Refusal:
    """What a person bets on: a window, before, by, after or from one, never, or not any of these.

    ``zone`` must have passed ``check_zone``. Refuses NOT_A_WINDOW, NOT_A_TIME (a time of day such as 25:00),
    NO_SUCH_DATE, TIME_OUT_OF_BOUNDS, REVERSED and EMPTY. Whether the question covers it is the claim's to say.
    """
    frame = _Frame(text, zone, Window(origin, horizon), now)
    tokens = _tokens(text)
    if not tokens:
        return frame.no(Reason.NOT_A_WINDOW)
    if tokens[0] != ("word", "not"):
        return _phrase(tokens, frame)
    if tokens[1:2] in ([("word", "until")], [("word", "till")]):
        tokens[1] = ("word", "before")  # "not until June" is "not before June"
    inner = _phrase(tokens[1:], frame)
    if isinstance(inner, Refusal):
        return inner
    return frame.no(Reason.NOT_A_WINDOW) if isinstance(inner, Not) else Not(inner)


def parse_span(text: str, *, zone: str, origin: Instant, horizon: Instant, now: Instant) -> Window | Refusal:
    """A plain window: a day, week, month, quarter, year or minute, or from one to another. Refuses as ``parse_window``."""
    frame = _Frame(text, zone, Window(origin, horizon), now)
    read = _span(_tokens(text), frame)
    return read if isinstance(read, Refusal) else read[0]


def parse_instant(text: str, *, zone: str, now: Instant | None = None) -> Instant | Refusal:
    """The start of what is named, with nothing left out: ``2027-03-14 15:04``, ``March 2027``; where ``now`` is given, also
    ``tomorrow`` or ``next month``. Refuses NOT_A_TIME, NO_SUCH_DATE and TIME_OUT_OF_BOUNDS."""
    frame = _Frame(text, zone, None, now or Instant(0), counted=now is not None)
    tokens = _tokens(text)
    if any(kind == "to" for kind, _ in tokens):
        return frame.no(Reason.NOT_A_TIME)
    read = _span(tokens, frame)
    if isinstance(read, Refusal):
        return frame.no(Reason.NOT_A_TIME) if read.reason is Reason.NOT_A_WINDOW else read
    return read[0].start


def parse_outcome(text: str, *, zone: str, origin: Instant, horizon: Instant, now: Instant) -> Outcome | Refusal:
    """What happened: a time of day with its date is an instant, a day or anything longer a window, or never.

    Where a year (or the day of a time) is left out, the latest that has begun by ``now``. Refuses as ``parse_window``.
    """
    frame = _Frame(text, zone, Window(origin, horizon), now, past=True)
    tokens = _tokens(text)
    if tokens == [("word", "never")]:
        return NeverBy()
    if tokens == [("word", "now")]:
        return At(now)
    read = _span(tokens, frame)
    if isinstance(read, Refusal):
        return read
    window, point = read
    return At(window.start) if point else Within(window)


def _tokens(text: str) -> list[Token]:
    """The text in pieces; empty if it is too long or holds anything that the grammar does not know."""
    if len(text) > LONGEST:
        return []
    plain, at, found = text.translate(_DASHES).strip(" ").lower(), 0, list[Token]()
    while at < len(plain):
        match = _TOKEN.match(plain, at)
        if match is None:
            return []
        kind = match.lastgroup or ""
        at = match.end()
        piece = match[kind]
        if kind == "word" and piece in _TO_WORDS and found and found[-1][1] not in _NO_START:
            kind = "to" if piece != "and" or ("word", "between") in found[:2] else "word"
        if kind != "space":
            found.append((kind, piece))
    assert all(piece for _, piece in found), "every piece has some text"
    return found


def _phrase(tokens: list[Token], frame: _Frame) -> Phrase | Refusal:
    """A phrase without its leading "not"."""
    words = [piece if kind == "word" else "" for kind, piece in tokens]
    or_never = words[-2:] == ["or", "never"]
    if or_never:
        tokens, words = tokens[:-2], words[:-2]
    if words[:1] == ["at"] and words[1:2] in (["any"], ["all"]):
        tokens, words = tokens[1:], words[1:]
    ever = words[:1] in (["ever"], ["anytime"]) or words[:2] in (["any", "time"],)
    if ever:
        skip = 2 if words[0] == "any" else 1
        tokens, words = tokens[skip:], words[skip:]
    if not words:
        return Not(Never()) if ever and not or_never else frame.no(Reason.NOT_A_WINDOW)
    if words == ["never"] and not (ever or or_never):
        return Never()
    if words[:2] == ["never", "by"] and not (ever or or_never):
        return _never_by(tokens[2:], frame)
    if words[0] in _SIDES and not (words[0] == "from" and "to" in (kind for kind, _ in tokens)):
        return _side(words[0], tokens[1:], frame, or_never)
    read = _span(tokens, frame)
    if isinstance(read, Refusal) or not or_never:
        return read if isinstance(read, Refusal) else Between(read[0])
    return frame.no(Reason.NOT_A_WINDOW)


def _never_by(tokens: list[Token], frame: _Frame) -> Phrase | Refusal:
    """Never, if the horizon follows, as we say it ("never by 1 June 2028") or with its last day; else "not by" it."""
    read = _span(tokens, frame)
    if isinstance(read, Refusal):
        return read
    window, point = read
    assert frame.span is not None, "a phrase is read against a question"
    if frame.span.end in (window.start, window.end):
        return Never()
    edge = window.start if point else window.end
    return Not(Before(Window(edge, Instant(edge + window.end - window.start))))


#: word -> (whether it means the time from there on, whether the edge is the end of what is named)
_SIDES: Final = {
    "before": (False, False), "by": (False, True), "until": (False, True), "till": (False, True),
    "after": (True, True), "from": (True, False), "since": (True, False),
}  # fmt: skip


def _side(word: str, tokens: list[Token], frame: _Frame, or_never: bool) -> Phrase | Refusal:
    """Everything on one side of what is named, or of its stated end or start ("by the end of June")."""
    later, at_end = _SIDES[word]
    rest = [t for t in tokens if t != ("word", "the")]
    stated = rest[0][1] if rest[1:2] == [("word", "of")] and rest[0][1] in ("start", "beginning", "end") else ""
    if stated:
        rest, at_end = rest[2:], stated == "end"
    if later and rest[-1:] in ([("word", "on")], [("word", "onwards")]):
        rest = rest[:-1]
    read = _span(rest, frame)
    if isinstance(read, Refusal):
        return read
    window, point = read
    if point and word in ("by", "until", "till"):
        at_end = False  # a time of day is a point: by 15:00 is before 15:00
    edge, length = window.end if at_end else window.start, window.end - window.start
    ends_there = Window(Instant(edge - length), edge)
    starts_there = Window(edge, Instant(edge + length))
    if later:
        return Not(Before(starts_there)) if or_never else After(ends_there)
    return Not(After(ends_there)) if or_never else Before(starts_there)


# spans


def _span(tokens: list[Token], frame: _Frame) -> tuple[Window, bool] | Refusal:
    """The window that is named, and whether it is one time of day (a point). Never empty or reversed."""
    if tokens[:1] in ([("word", "from")], [("word", "between")]) and "to" in (kind for kind, _ in tokens):
        tokens = tokens[1:]
    cuts = [i for i, (kind, _) in enumerate(tokens) if kind == "to"]
    if not tokens or len(cuts) > 1:
        return frame.no(Reason.NOT_A_WINDOW)
    left = _slots(tokens[: cuts[0]] if cuts else tokens, frame)
    if isinstance(left, Refusal):
        return left
    right = _slots(tokens[cuts[0] + 1 :], frame) if cuts else None
    if isinstance(right, Refusal):
        return right
    if cuts and tokens[cuts[0]][1] == "/" and not ("year" in left and right and "year" in right):
        return frame.no(Reason.NOT_A_WINDOW)  # 3/4 is a date of March to some and of April to others
    if right is not None:
        _share(left, right)
    for named in (left, right):
        if named is not None and not _is_whole(named):
            return frame.no(Reason.NOT_A_WINDOW)
        if named is not None and not _FIRST_YEAR <= named.get("year", _FIRST_YEAR) <= _LAST_YEAR:
            return Refusal(Reason.TIME_OUT_OF_BOUNDS, name=frame.quoted)
    found = _resolve(left, right, frame)
    if isinstance(found, Refusal):
        return found
    if not (in_bounds(found.start) and in_bounds(found.end)):
        return Refusal(Reason.TIME_OUT_OF_BOUNDS, name=frame.quoted)
    assert found.start < found.end, "an empty or reversed window is refused"
    return found, right is None and "clock" in left


def _slots(tokens: list[Token], frame: _Frame) -> Slots | Refusal:
    """The slots that one end fills, each at most once."""
    filled: Slots = {}
    for kind, piece in tokens:
        more = _read_word(piece, filled) if kind == "word" else _READERS[kind](piece)
        if more is None or any(slot in filled for slot in more):
            return frame.no(Reason.NOT_A_TIME if kind in ("clock", "offset", "stamp") else Reason.NOT_A_WINDOW)
        filled |= more
    return filled if filled else frame.no(Reason.NOT_A_WINDOW)


def _read_word(word: str, filled: Slots) -> Slots | None:
    if word in _FILLERS:
        return {}
    if word in _MONTH_WORDS:
        return {"month": _MONTH_WORDS[word]}
    if word in _DAY_SHIFTS:
        return {"unit": 0, "shift": _DAY_SHIFTS[word]}
    if word in _SHIFTS:
        return {"shift": _SHIFTS[word]}
    if word in _UNITS and "shift" in filled:
        return {"unit": _UNITS[word]}
    return {"week_of": 1} if word == "week" else None


def _read_date(piece: str) -> Slots:
    return dict(zip(("year", "month", "day"), map(int, _DIGITS.findall(piece)), strict=False))


def _read_week(piece: str) -> Slots:
    year, week = map(int, _DIGITS.findall(piece))
    return {"year": year, "week": week}


def _read_quarter(piece: str) -> Slots:
    *year, quarter = map(int, _DIGITS.findall(piece))
    return {"quarter": quarter} | ({"year": year[0]} if year else {})


def _read_number(piece: str) -> Slots:
    digits = _DIGITS.findall(piece)[0]
    return {"day": int(digits)} if len(digits) <= 2 else {"year": int(digits)}


def _read_clock(piece: str) -> Slots | None:
    """The time of day, with the length of what it names: a minute, a second or a microsecond."""
    half, numbers = piece[-2:], piece.rstrip("apm ").replace(".", ":").split(":")
    hour, minute, second = (int(n) for n in [*numbers, "0", "0"][:3])
    fraction = numbers[3] if len(numbers) > 3 else ""
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    clock = hour * HOUR + minute * MINUTE + second * SECOND + int(fraction.ljust(6, "0") or "0")
    if minute > 59 or second > 59 or clock > DAY:
        return None
    return {"clock": clock, "step": 1 if fraction else SECOND if second else MINUTE}


def _read_offset(piece: str) -> Slots | None:
    """Zone offsets: z, utc, utc+1, utc-03:30, +0100, +01:00 (microseconds east)."""
    digits = "".join(n.rjust(2, "0") for n in _DIGITS.findall(piece)).ljust(6, "0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
    size = hours * HOUR + minutes * MINUTE + seconds * SECOND
    if minutes > 59 or seconds > 59 or size >= _WIDEST_OFFSET:
        return None
    return {"offset": -size if "-" in piece else size}


def _read_stamp(piece: str) -> Slots | None:
    """ISO 8601 in full, with Z, an offset, or in the question's zone."""
    day, _, rest = piece.partition("t")
    cut = next((i for i, c in enumerate(rest) if c in "z+-"), len(rest))
    clock, offset = _read_clock(rest[:cut]), _read_offset(rest[cut:]) if rest[cut:] else {}
    return None if clock is None or offset is None else _read_date(day) | clock | offset


_READERS: Final = {
    "stamp": _read_stamp, "date": _read_date, "month": _read_date, "week": _read_week, "quarter": _read_quarter,
    "number": _read_number, "clock": _read_clock, "offset": _read_offset,
}  # fmt: skip

_CALENDAR: Final = ("year", "month", "day", "quarter", "week", "week_of", "unit", "shift")


def _share(left: Slots, right: Slots) -> None:
    """Let each end lend the other what it left out: "14–20 Apr", "Apr 14–20", "3 May 14:00–15:00". Years come later."""
    for one, other in ((left, right), (right, left)):
        if not any(slot in one for slot in _CALENDAR):
            one.update({slot: other[slot] for slot in _CALENDAR if slot in other})
        elif "day" in one and "month" not in one and "month" in other and "day" in other:
            one["month"] = other["month"]


def _is_whole(named: Slots) -> bool:
    """Whether the slots together name something."""
    dated = frozenset(named) - {"clock", "step", "offset"}
    if "offset" in named and "clock" not in named:
        return False
    if "clock" in named:
        return dated in ({"year", "month", "day"}, {"month", "day"}, set()) or (dated == {"unit", "shift"} and named["unit"] == 0)
    return dated - {"year"} in _NAMES or dated == {"year"}


_NAMES: Final = ({"month", "day"}, {"month", "day", "week_of"}, {"month"}, {"week"}, {"quarter"}, {"unit", "shift"})


def _resolve(left: Slots, right: Slots | None, frame: _Frame) -> Window | Refusal:
    """The window, with what is left out filled in so that it fits the question best."""
    ends = [left] if right is None else [left, right]
    open_ended = any("unit" in e and not frame.counted for e in ends) or all("year" not in e and "unit" not in e for e in ends)
    if frame.span is None and open_ended:
        return frame.no(Reason.NOT_A_TIME)
    best: Window | None = None
    reversed_one = False
    for tries in _fillings(left, right, frame):
        windows = [_build(one, other, frame) for one, other in tries]
        limits = (LAST_INSTANT - FIRST_INSTANT, _LONGEST_WRAP)
        found = next((w for w, limit in zip(windows, limits, strict=False) if w and 0 < w.end - w.start <= limit), None)
        reversed_one = reversed_one or (found is None and any(windows))
        if found is None:
            continue
        if best is None or _better(found, best, frame):
            best = found
        elif not frame.past and _fits(best, frame) > 1:
            break
    if best is not None:
        return best
    return Refusal(Reason.REVERSED, text=frame.quoted) if reversed_one else frame.no(Reason.NO_SUCH_DATE)


def _fits(window: Window, frame: _Frame) -> int:
    """2: the question covers some of it and the clock allows it (not over yet; begun, for an outcome); 1: covers; 0: neither."""
    if frame.span is None:
        return 0
    if not (window.start < frame.span.end and window.end > frame.span.start):
        return 0
    return 2 if (window.start <= frame.now if frame.past else window.end > frame.now) else 1


def _better(found: Window, best: Window, frame: _Frame) -> bool:
    """Whether a later candidate is the better reading: the first that fits fully (for an outcome the last)."""
    new, old = _fits(found, frame), _fits(best, frame)
    if new != old:
        return new > old
    if frame.past:
        return new == 2
    return new == 1 or (new == 0 and best.end <= frame.now)


def _fillings(left: Slots, right: Slots | None, frame: _Frame) -> Iterator[list[tuple[Slots, Slots | None]]]:
    """The ways to fill in what is left out, earliest first; in each, what to try in turn if the ends are reversed."""
    ends = [left] if right is None else [left, right]
    if all(not any(slot in e for slot in _CALENDAR) for e in ends):
        for day in _near_days(frame):
            dated = {"year": day.year, "month": day.month, "day": day.day}
            yield [(left | dated, None if right is None else right | dated)]
        return
    if all("year" in e or "unit" in e for e in ends):
        yield [(left, right)]
        return
    stated = [e["year"] for e in ends if "year" in e]
    for year in stated or _years(frame):
        yield _with_year(left, right, year)


def _with_year(left: Slots, right: Slots | None, year: int) -> list[tuple[Slots, Slots | None]]:
    """Both ends in this year; failing that, over the turn of a year ("Dec–Feb 2027", "14 Dec 2027 – 3 Jan")."""
    first = left if "unit" in left else {"year": year} | left
    if right is None:
        return [(first, None)]
    tries: list[tuple[Slots, Slots | None]] = [(first, right if "unit" in right else {"year": year} | right)]
    tries.append(({"year": year - 1} | left, right) if "year" in right else (first, {"year": year + 1} | right))
    return tries


def _years(frame: _Frame) -> range:
    """The years to try: around the question, and as many more as it may take to reach a 29 February."""
    assert frame.span is not None, "a year may be left out only where there is a question"
    first, last = (local_of(i, frame.zone).year for i in frame.span)
    return range(max(first - 1, _FIRST_YEAR), min(last + 9, _LAST_YEAR) + 1)


def _near_days(frame: _Frame) -> list[date]:
    """The days that a time without a date may mean: today or tomorrow; for an outcome yesterday or today."""
    assert frame.span is not None, "a day may be left out only where there is a question"
    today = local_of(frame.now if frame.past else max(frame.now, frame.span.start), frame.zone).date()
    return [today + timedelta(days=d) for d in ((-1, 0) if frame.past else (0, 1))]


def _build(left: Slots, right: Slots | None, frame: _Frame) -> Window | None:
    """The window from one end to the other, perhaps reversed; None if a date or time does not exist."""
    whole = _window(left, frame)
    if right is None or whole is None:
        if whole is not None and "clock" in left and (left["clock"] == DAY or not _is_real(left, frame)):
            return None
        return whole
    last = _window(right, frame)
    if last is None:
        return None
    return Window(whole.start, last.start if "clock" in right else last.end)


def _window(named: Slots, frame: _Frame) -> Window | None:
    """What one end names, its year known."""
    days = _days(named, frame)
    if days is None:
        return None
    if "clock" not in named:
        start, end = day_start(days[0], frame.zone), day_start(days[1], frame.zone)
        return Window(start, end) if start < end else None  # a zone may skip a whole day
    if named["clock"] == DAY:
        start = day_start(days[1], frame.zone)
    elif "offset" in named:
        start = Instant(instant_of(_local(named, days[0])) - named["offset"])
    else:
        start = first_at(_local(named, days[0]), frame.zone)
    return Window(start, Instant(start + named["step"]))


def _local(named: Slots, day: date) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(microseconds=named["clock"])


def _is_real(named: Slots, frame: _Frame) -> bool:
    """Whether the zone's clocks ever show this time of day on its date."""
    days = _days(named, frame)
    return "offset" in named or (days is not None and exists(_local(named, days[0]), frame.zone))


def _days(named: Slots, frame: _Frame) -> tuple[date, date] | None:
    """The local days [first, after the last) that are named, or None if the calendar has no such date."""
    try:
        if "unit" in named:
            return _relative(named["unit"], named["shift"], local_of(frame.now, frame.zone).date())
        year = named["year"]
        if "week" in named:
            monday = date.fromisocalendar(year, named["week"], 1)
            return monday, monday + timedelta(days=7)
        if "quarter" in named:
            return _months(year, 3 * named["quarter"] - 2, 3) if named["quarter"] <= 4 else None
        if "day" not in named:
            return _months(year, named.get("month", 1), 1 if "month" in named else 12)
        day = date(year, named["month"], named["day"])
        monday = day - timedelta(days=day.weekday())
        return (monday, monday + timedelta(days=7)) if "week_of" in named else (day, day + timedelta(days=1))
    except ValueError:
        return None


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    """``count`` months from this one on."""
    after = year * 12 + month - 1 + count
    return date(year, month, 1), date(after // 12, after % 12 + 1, 1)


def _relative(unit: int, shift: int, today: date) -> tuple[date, date]:
    """Today, next week, last month and so on."""
    if unit <= 1:
        length = 7 if unit else 1
        first = today - timedelta(days=today.weekday() if unit else 0) + timedelta(days=shift * length)
        return first, first + timedelta(days=length)
    size = (1, 3, 12)[unit - 2]
    month = (today.year * 12 + today.month - 1) // size * size + shift * size
    return _months(month // 12, month % 12 + 1, size)


# saying


def say_instant(instant: Instant, zone: str, grain: Grain) -> str:
    """The instant in the zone, as finely as the grain asks: ``3 March 2027, 14:05``, ``3 March 2027``, ``March 2027``.

    On the second pass through a repeated hour the offset follows.
    """
    local = local_of(instant, zone)
    if grain is Grain.MONTH:
        return f"{MONTHS[local.month - 1]} {local.year}"
    if grain is Grain.WEEK:
        return f"week of {_say_day(local.date() - timedelta(days=local.weekday()))}"
    return _say_day(local.date()) if grain is Grain.DAY else f"{_say_day(local.date())}, {_say_clock(instant, zone)}"


def say_window(window: Window, zone: str, grain: Grain) -> str:
    """The window in the zone: ``1–31 March 2027`` (``March 2027`` where months are the grain), ``week of 8 March 2027``,
    ``14 April – 3 May 2027``, ``3 March 2027, 14:00–15:00``. The last day or month named belongs to it."""
    assert window.start < window.end, "a window holds some time"
    first, after = local_of(window.start, zone).date(), local_of(window.end, zone).date()
    if day_start(first, zone) != window.start or day_start(after, zone) != window.end:
        return _say_clocks(window, zone)
    last = after - timedelta(days=1)
    while day_start(last, zone) == window.end:
        last -= timedelta(days=1)  # a day that the zone skips
    if grain is Grain.WEEK and first.weekday() == 0 and after - first == timedelta(days=7):
        return f"week of {_say_day(first)}"
    if grain is Grain.MONTH and first.day == after.day == 1:
        return _say_months(first, last)
    return _say_days(first, last)


def _say_day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _say_days(first: date, last: date) -> str:
    if first == last:
        return _say_day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{_say_day(last)}"
    return f"{_say_day(first).removesuffix(f' {last.year}')} – {_say_day(last)}"


def _say_months(first: date, last: date) -> str:
    end = f"{MONTHS[last.month - 1]} {last.year}"
    if first.year != last.year:
        return f"{MONTHS[first.month - 1]} {first.year} – {end}"
    return end if first.month == last.month else f"{MONTHS[first.month - 1]}–{end}"


def _say_clock(instant: Instant, zone: str, *, exactly: bool = False) -> str:
    """The time of day. Seconds where the zone's offset has some, or where asked; the offset where the time comes twice."""
    local = local_of(instant, zone)
    offset = instant_of(local.replace(fold=0)) - instant
    said = f"{local:%H:%M}"
    if offset % MINUTE or (exactly and instant % MINUTE):
        said = f"{local:%H:%M:%S}"
    if exactly and local.microsecond:
        said = f"{local:%H:%M:%S.%f}"
    return f"{said} UTC{_say_offset(offset)}" if local.fold else said


def _say_offset(offset: int) -> str:
    minutes, seconds = divmod(abs(offset) // SECOND, 60)
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")


def _say_clocks(window: Window, zone: str) -> str:
    """A window with a time of day at one end at least. One microsecond is an instant, and said as one."""
    first, after = local_of(window.start, zone).date(), local_of(window.end, zone).date()
    start, end = (_say_clock(instant, zone, exactly=True) for instant in window)
    local = local_of(window.start, zone)
    named = 1 if local.microsecond else SECOND if local.second else MINUTE
    if window.end - window.start in (1, named):
        return f"{_say_day(first)}, {start}"
    if first == after:
        return f"{_say_day(first)}, {start}–{end}"
    if window.end == day_start(first + timedelta(days=1), zone):
        return f"{_say_day(first)}, {start}–24:00"
    return f"{_say_day(first)}, {start} – {_say_day(after)}, {end}"
