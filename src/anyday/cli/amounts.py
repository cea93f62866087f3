"""Points and instants of the wire as a terminal says them."""

from __future__ import annotations

from anyday.phrases import parse_instant
from anyday.points import parse_points, say_points
from anyday.refusals import Refusal


def points(text: str | None) -> str:
    """Points of the wire as a person reads them."""
    units = parse_points(text or "0", signed=True)
    return str(text) if isinstance(units, Refusal) else say_points(units)


def moment(iso: str) -> int:
    """An instant of the wire in UTC microseconds."""
    read = parse_instant(iso, zone="UTC")
    assert not isinstance(read, Refusal), "the wire's instants can be read"
    return read
