"""Files that people bring along: past cases with their starts and ends, and curves as tables. Every line is read or refused by its number."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from anyday import wire
from anyday.cli.stop import Stop
from anyday.instants import DAY, Instant
from anyday.market.prior import MOST_CASES, MOST_RUNS
from anyday.phrases import parse_instant
from anyday.refusals import Refusal

#: A file beyond this is none that anybody typed.
LARGEST: Final = 4_000_000
_HEADS: Final = ("start", "starts", "from", "began", "begin", "until", "end", "by", "time")


def cases(path: Path, zone: str, now: Instant) -> tuple[wire.CaseIn, ...]:
    """Past cases from lines of ``start,end``, read in ``zone`` (a date is its first moment); without an end it is still open, and has
    lasted until ``now``. Raises ``Stop`` with the line's number."""
    found: list[wire.CaseIn] = []
    for number, cells in _rows(path, MOST_CASES):
        start, end = (*cells, "")[:2]
        if len(cells) > 2 or not start:
            raise _bad(path, number, "is not “start,end”", "Write the times of one case, the end empty while it is open.")
        began = _time(path, number, start, zone, now)
        over = _time(path, number, end, zone, now) if end else now
        if began >= over:
            raise _bad(path, number, "ends before it starts" if end else "starts in the future", "Check its times.")
        if over > now:
            raise _bad(path, number, "ends in the future", "Leave its end empty while it is open.")
        found.append(wire.CaseIn(days(over - began), bool(end)))
    if not found:
        raise Stop("bad_file", f"{path.name} holds no case.", "Write one line for each: start,end.", status=422)
    return tuple(found)


def days(lasted: int) -> str:
    """Microseconds as days with at most six decimals, at least the smallest of these."""
    parts = max(1, lasted * 1_000_000 // DAY)
    whole, rest = divmod(parts, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else str(whole)


def table(path: Path) -> tuple[tuple[wire.QuantileIn, ...], str | None]:
    """A curve from lines of ``time,chance``, each the chance of the stretch that ends with it; and of ``never``, if a line says it.
    Raises ``Stop`` with the line's number."""
    pieces: list[wire.QuantileIn] = []
    never: str | None = None
    for number, cells in _rows(path, MOST_RUNS + 1):
        if len(cells) != 2 or not all(cells):
            raise _bad(path, number, "is not “time,chance”", "Write where a stretch ends and its chance, such as 2027-06,12.5%.")
        if cells[0].lower() == "never":
            never = cells[1]
        else:
            pieces.append(wire.QuantileIn(*cells))
    return tuple(pieces), never


def _rows(path: Path, most: int) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold something, trimmed, with their numbers; a first line of headings is left out."""
    if path.stat().st_size > LARGEST:
        raise Stop("bad_file", f"{path.name} is larger than {LARGEST // 1_000_000} MB.", "Write one line for each case or piece.", status=422)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines(), strict=True))
    except UnicodeDecodeError as error:
        raise Stop("bad_file", f"{path.name} is not text.", "Save it as CSV in UTF-8.", status=422) from error
    except csv.Error as error:
        raise Stop("bad_file", f"{path.name} is not CSV: {error}.", "Save it as CSV in UTF-8.", status=422) from error
    read = 0
    for number, cells in enumerate(rows, 1):
        trimmed = [cell.strip() for cell in cells]
        if not any(trimmed) or (number == 1 and trimmed[0].lower() in _HEADS):
            continue
        read += 1
        if read > most:
            raise Stop("bad_file", f"{path.name} has more than {most:,} lines.", "Leave some out.", status=422)
        yield number, trimmed


def _time(path: Path, number: int, typed: str, zone: str, now: Instant) -> Instant:
    read = parse_instant(typed, zone=zone, now=now)
    if isinstance(read, Refusal):
        raise _bad(path, number, f"cannot be read: {read.sentence[:-1]}", read.next_step)
    return read


def _bad(path: Path, number: int, what: str, next_step: str) -> Stop:
    return Stop("bad_file", f"Line {number} of {path.name} {what}.", next_step, status=422)
