"""Views of a market's bell: when it rings, and the asker's own sealed bets. Nothing here tells of anybody else's."""

from __future__ import annotations

from typing import Final

from anyday.instants import Instant, iso
from anyday.market.bell import Sealed
from anyday.market.curve import say_chance
from anyday.market.horizon import say_claim
from anyday.points import say_points, write_points
from anyday.rules.question import Life, Question
from anyday.service import views
from anyday.wire import bell as told

#: The states in which a sealed bet waits for the bell.
_WAITS: Final = (Life.OPEN, Life.HALTED, Life.CLOSED)


def view(question: Question, actor: str | None, now: Instant) -> told.BellView | None:
    """The bell for one visitor; nothing where the market has none."""
    rings = question.opened.bell
    if rings is None:
        return None
    mine = tuple(_sealed(number, bet, question) for number, bet in own(question, actor))
    before = not question.rung and now < rings
    return told.BellView(at=iso(rings), said=views.when(rings, question), open=before and question.life in _WAITS, rung=question.rung, mine=mine)


def own(question: Question, player: str | None) -> list[tuple[int, Sealed]]:
    """A player's own sealed bets that wait for the bell, by their numbers."""
    return sorted(question.orders.get(player, {}).items()) if player is not None and question.life in _WAITS else []


def _sealed(number: int, bet: Sealed, question: Question) -> told.SealedView:
    return told.SealedView(
        number=number, window=say_claim(bet.claim, question.horizon), limit=bet.limit, set_aside=write_points(bet.reserve),
        points=write_points(bet.spend) if bet.spend is not None else None, shares=write_points(bet.shares) if bet.shares is not None else None,
    )  # fmt: skip


def entered(question: Question, player: str) -> tuple[str, ...]:
    """A player's own sealed bets in words: for that player only."""
    return tuple(
        f"{say_points(bet.reserve)} points set aside for a sealed bet on {say_claim(bet.claim, question.horizon)}, at up to {say_chance(bet.limit)}"
        for _, bet in own(question, player)
    )
