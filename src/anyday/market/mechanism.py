"""What every mechanism takes and gives: orders or entries in, what they would do out, payouts at the end. Integers throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

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


@dataclass(frozen=True, slots=True)
class Entry:
    """A stake on a claim, in a mechanism without a price. ``at`` is when it was made, ``stake`` is in units."""

    player: str
    at: Instant
    claim: Claim
    stake: int


Asked = TypeVar("Asked", contravariant=True)
Quoted = TypeVar("Quoted", covariant=True)
Done = TypeVar("Done", contravariant=True)


class Mechanism(Protocol[Asked, Quoted, Done]):
    """How people play one question: what they ask for, what that would do, and what is done in the end.

    State inside, integers out; every "no" is a Refusal. A market takes an Order, gives a Quote and applies a Fill; what
    has no price quotes and applies the very thing that was asked for, as it would be recorded.
    """

    @property
    def escrow(self) -> int:
        """What is held for the question's payouts, in units."""

    @property
    def players(self) -> tuple[str, ...]:
        """Whoever has or had something here, each once."""

    def advance(self, now: Instant) -> None:
        """Let time pass up to ``now``; never backwards. Moves no points."""

    def quote(self, asked: Asked, /) -> Quoted | Refusal:
        """What it would do now. Changes nothing."""

    def apply(self, done: Done, /) -> None:
        """Do what was decided. Integer sums only, so a replay is exact on any machine."""

    def payouts(self, outcome: tuple[int, int] | None) -> Payouts:
        """What each player is paid if it happened within grains [first, last), or never (None). Never more than the escrow."""

    def curve(self, edges: Sequence[int] | None = None) -> Curve | None:
        """The chances as they stand between ``edges`` (rising grains), and of never; None where nobody has said anything."""

    def check(self) -> None:
        """Assert every invariant."""
