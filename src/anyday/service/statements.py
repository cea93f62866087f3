"""One's own ledger: every event that moved one's points, with what one held after it."""

from __future__ import annotations

from typing import Final

from anyday import wire
from anyday.instants import Instant, iso
from anyday.points import write_points
from anyday.reads import players
from anyday.rules.events import kind
from anyday.rules.ledger import player_account, question_of
from anyday.store.database import Database

#: How many lines are told at once.
MOST_LINES: Final = 10_000


def ledger(database: Database, crew: str, player: str) -> wire.LedgerView:
    """The newest lines; the first of all begins at nothing."""
    rows = players.ledger(database, crew, player, MOST_LINES + 1)
    held, lines = players.balance(database, crew, player_account(player)), []
    for row in rows[:MOST_LINES]:
        question = question_of(row.stream) if row.title is not None else None
        lines.append(wire.LedgerLine(iso(Instant(row.at)), kind(row.event), question, row.title or "", write_points(row.amount), write_points(held)))
        held -= row.amount
    whole = len(rows) <= MOST_LINES
    assert not whole or held == 0, "every posting to the account is a line"
    return wire.LedgerView(tuple(lines), whole)
