"""The review of a week, a month or a quarter: what was settled, who was right early, what moved opinion, what is due. Numbers only.

All but how far open curves moved comes from rows, so a long period costs no more than its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from anyday import wire
from anyday.instants import DAY, Instant, iso
from anyday.market.prior import WHOLE
from anyday.points import say_points, write_points
from anyday.reads import records
from anyday.reads.records import Best
from anyday.rules.ledger import MARKET
from anyday.rules.question import LIVE
from anyday.service import periods
from anyday.service.names import Names, named
from anyday.service.records import say_ended
from anyday.store.database import Database

#: What a list shows; the sentences above it are of everything.
MOST: Final = 100
_EARLY: Final = 30

#: How much of an open question's curve moved in the day after an instant (ppm).
Opinion = Callable[[str, int], int | None]


def review(database: Database, crew: str, period: periods.Period, now: Instant, names: Names, opinion: Opinion) -> wire.ReviewView:
    """The review of a period as of now."""
    span = period.span
    ended = records.ended(database, crew, span, MOST)
    early = {best.question: best for best in records.best_early(database, crew, span, _EARLY)}
    gains = {best.question: best for best in records.best_profits(database, crew, span)}
    settled, called_off = records.count_settled(database, crew, span), records.count_called_off(database, crew, span)
    opened = records.count_asked(database, crew, span)
    return wire.ReviewView(
        period=periods.view(period, now), said=tuple(_said(database, crew, period, settled, early, gains, names)), settled=settled,
        called_off=called_off, opened=opened,
        questions=tuple(_reviewed(row, early.get(row.id), gains.get(row.id), names, period.zone) for row in ended),
        notes=_notes(database, crew, span, opinion), overdue=_overdue(database, crew, now, names),
        tallies=tuple(wire.CountedView(*row) for row in records.tallies(database, crew, span, period.before)),
        asked=tuple(wire.AskedView(row.question, row.title, iso(row.opened_at), row.state) for row in records.asked(database, crew, span, MOST)),
    )  # fmt: skip


def _said(
    database: Database, crew: str, period: periods.Period, settled: int, early: Mapping[str, Best], gains: Mapping[str, Best], names: Names
) -> list[str]:
    """The period in a few sentences: how much, how good the curve was, who was best early, who gained most on one question."""
    before = records.count_settled(database, crew, period.before)
    said = [f"{settled or 'No'} {'question was' if settled == 1 else 'questions were'} settled, {before or 'none'} the {period.kind} before."]
    curve, older = _mean_crps(database, crew, period.span), _mean_crps(database, crew, period.before)
    if curve is not None:
        against = f", {older:.3f} the {period.kind} before" if older is not None else ""
        said.append(f"{_EARLY} days before it happened the market’s curve had a mean CRPS of {curve:.3f}{against} (0 is the best).")
    if early:
        best = min(early.values(), key=lambda found: found.value)
        wins = _most([found.player for found in early.values()], names)
        said.append(
            f"The best forecast {_EARLY} days before was {named(names, best.player)}’s, with a CRPS of {best.value / WHOLE:.3f}; "
            f"{wins[0]} had the best one on {wins[1]} of {len(early)} {'question' if len(early) == 1 else 'questions'}."
        )
    if gains:
        best = max(gains.values(), key=lambda found: found.value)
        said.append(f"The biggest profit on one question was {named(names, best.player)}’s: {say_points(best.value)} points.")
    return said


def _most(won: list[str], names: Names) -> tuple[str, int]:
    """Who is there most often, and how often; several where they are level."""
    counts = {player: won.count(player) for player in won}
    most = max(counts.values())
    level = sorted(named(names, player) for player, count in counts.items() if count == most)
    return (level[0] if len(level) == 1 else f"{', '.join(level[:-1])} and {level[-1]} each"), most


def _mean_crps(database: Database, crew: str, span: records.Span) -> float | None:
    found = next((mark for mark in records.marks(database, crew, MARKET, span) if mark.days == _EARLY), None)
    return None if found is None else found.crps / found.questions / WHOLE


def _reviewed(row: records.Ended, early: Best | None, gain: Best | None, names: Names, zone: str) -> wire.ReviewedView:
    return wire.ReviewedView(
        row.id, row.title, iso(row.ruled_at), say_ended(row.never, row.start, row.end, zone), row.early, row.last,
        named(names, early.player) if early else None, early.value if early else None,
        named(names, gain.player) if gain else None, write_points(gain.value) if gain else None,
    )  # fmt: skip


def _notes(database: Database, crew: str, span: records.Span, opinion: Opinion) -> tuple[wire.MovedView, ...]:
    """Near misses and news, what moved most first; of open questions as far as their curve has come."""
    found = []
    for note in records.notes(database, crew, span):
        moved = opinion(note.question, note.at) if note.state in LIVE else note.moved
        found.append(wire.MovedView(note.question, note.title, iso(note.at), note.kind, note.text, moved))
    return tuple(sorted(found, key=lambda view: -1 if view.moved is None else view.moved, reverse=True)[:MOST])


def _overdue(database: Database, crew: str, now: Instant, names: Names) -> tuple[wire.OverdueView, ...]:
    return tuple(
        wire.OverdueView(row.question, row.title, named(names, row.resolver), _days(row.horizon, now))
        for row in records.overdue(database, crew, now, MOST)
    )


def _days(horizon: int, now: int) -> int | None:
    return (now - horizon) // DAY if horizon <= now else None
