"""Chances of a stated curve as people type them, read exactly: 0 and 100 % are chances too, and a sum that is off is said as it is.

Opening curves and targets are read elsewhere: there every chance lies above 0 and below 100 %.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from anyday.market.prior import MOST_RUNS, WHOLE
from anyday.refusals import Reason, Refusal

#: Chances are read in parts of 10⁻¹⁴, of which so many make a part per million: more finely than they may be stated.
FINER: Final = 10**8
_CERTAIN: Final = WHOLE * FINER
_SHARE = re.compile(r"([+-]?)([0-9]{1,6})(?:\.([0-9]{1,12}))?\s?(%?)", re.ASCII)
_LONGEST: Final = 32


def share(typed: str) -> int | None:
    """A chance as typed, ``40%``, ``0.4`` or ``0``, in parts of 10⁻¹⁴; None where it is none. No float is involved. It may lie below 0
    and above 100 %: whoever has all of them judges them."""
    match = _SHARE.fullmatch(typed.strip()) if len(typed) <= _LONGEST else None
    if match is None:
        return None
    sign, whole, fraction, percent = match.groups()
    digits = 12 if percent else 14
    parts = int(whole + (fraction or "").ljust(digits, "0"))
    assert parts >= 0, "the sign is read apart"
    return -parts if sign == "-" else parts


def ppm(typed: str, of: str) -> int | Refusal:
    """The chance ``of`` something in parts per million, from 0 to all of them. Refuses NOT_A_CURVE."""
    parts = share(typed)
    if parts is None:
        return _unread(typed, of)
    wrong = _wrong(parts, of)
    assert wrong is not None or 0 <= parts <= _CERTAIN, "what is right is a chance"
    return wrong if wrong is not None else parts // FINER


def pieces(stated: Sequence[tuple[str, str]], never: str, *, whole: bool) -> tuple[tuple[tuple[str, int], ...], int] | Refusal:
    """The chances beside typed times, and never's, in parts per million. Where they are the ``whole`` they make exactly 100 %.
    Refuses NOT_A_CURVE, with the sum where that is what is wrong."""
    if len(stated) > MOST_RUNS:
        return _no(f"it has {len(stated):,} pieces, more than {MOST_RUNS:,}")
    read: list[tuple[str, int]] = []
    for by, typed in (*stated, ("never", never)):
        parts = share(typed)
        if parts is None:
            return _unread(typed, by)
        read.append((by, parts))
    total = sum(parts for _, parts in read)
    negative = next((by for by, parts in read if parts < 0), None)
    if whole and negative is not None:
        return _no(f"the chance of {_named(negative)} is below 0 %, and all of them make {per_cent(total)}")
    if whole and total != _CERTAIN:
        return _no(f"its chances make {per_cent(total)}, not 100 %")
    for by, parts in read:
        wrong = _wrong(parts, by)
        if wrong is not None:
            return wrong
    stretches = tuple((by, parts // FINER) for by, parts in read[:-1])
    assert not whole or sum(part for _, part in stretches) + read[-1][1] // FINER == WHOLE, "nothing is lost"
    return stretches, read[-1][1] // FINER


def per_cent(parts: int) -> str:
    """Parts of 10⁻¹⁴ as a person reads them, exactly: ``100.00001 %``."""
    whole, rest = divmod(abs(parts), 10**12)
    assert 0 <= rest < 10**12, "a part of a per cent"
    fraction = f".{rest:012d}".rstrip("0") if rest else ""
    return f"{'−' if parts < 0 else ''}{whole:,}{fraction} %"


def _wrong(parts: int, of: str) -> Refusal | None:
    """What is wrong with one chance, or None."""
    if not 0 <= parts <= _CERTAIN:
        return _no(f"the chance of {_named(of)} is {per_cent(parts)}, {'below 0' if parts < 0 else 'above 100'} %")
    return _no(f"the chance of {_named(of)} is finer than 0.0001 %") if parts % FINER else None


def _named(of: str) -> str:
    return "never" if of == "never" else f"“{of[:_LONGEST]}”"


def _unread(typed: str, of: str) -> Refusal:
    assert share(typed) is None, "it is no chance"
    return _no(f"“{typed[:_LONGEST]}” for {_named(of)} is not a chance such as 12.5% or 0.125")


def _no(detail: str) -> Refusal:
    assert detail, "a no says why"
    return Refusal(Reason.NOT_A_CURVE, detail=detail)
