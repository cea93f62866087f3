"""What moved one's points, line by line: the shapes of one's own ledger."""

from __future__ import annotations

from anyday.wire.shape import View


class LedgerLine(View, frozen=True):
    """One event that moved your points: when, what it was, on which question if on one, by how much, and what you held after it."""

    at: str
    what: str
    question: str | None
    title: str
    amount: str
    balance: str


class LedgerView(View, frozen=True):
    """Your own ledger in this crew, the newest line first; ``whole`` is false where there are more lines than are told at once."""

    lines: tuple[LedgerLine, ...]
    whole: bool
