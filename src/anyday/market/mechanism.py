"""What every mechanism takes and gives: orders in, quotes and fills out, payouts at the end. Integers throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from anyday.instants import Instant
from anyday.market.curve import Curve
from anyday.market.horizon import Claim
from anyday.refusals import Refusal

#: Units for each player, none of them zero.
Payouts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Order:
    """What a player wants: a claim and exactly one size. Units and parts per million.

    ``shares`` below zero is a sale. ``max_cost`` bounds the charge (a sale's charge is at or below zero: ask for at
    least p units with ``max_cost=-p``); ``min_shares`` bounds what a budget buys.
    """

    player: str
    claim: Claim
    shares: int | None = None
    spend: int | None = None
    target: int | None = None
    max_cost: int | None = None
    min_shares: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order would do now; it binds nobody. ``claim`` is what is bought or sold: for a target below the price,
    the complement of what was named. Chances are parts per million, rounded."""

    claim: Claim
    shares: int
    charge: int
    released: int
    chance_before: int
    chance_after: int


@dataclass(frozen=True, slots=True)
class Fill:
    """What was done: ``charge`` is paid (negative: received), ``released`` is the position's floor that became cash."""

    player: str
    claim: Claim
    shares: int
    charge: int
    released: int


class Mechanism(Protocol):
    """How people play one question. State inside, integers out; every "no" is a Refusal."""

    def advance(self, now: Instant) -> None:
        """Let time pass up to ``now``; never backwards. Moves no money."""

    def quote(self, order: Order) -> Quote | Refusal:
        """What the order would do now. Changes nothing."""

    def apply(self, fill: Fill) -> None:
        """Do what was decided. Integer sums only, so a replay is exact on any machine."""

    def payouts(self, outcome: tuple[int, int] | None) -> Payouts:
        """What each player is paid if it happened within grains [first, last), or never (None)."""

    def curve(self, edges: Sequence[int] | None = None) -> Curve:
        """The chances as they stand, over the grains that have not passed, and never."""

    def check(self) -> None:
        """Assert every invariant."""
