"""The closest guess: everybody stakes the same on one grain, or on never; whoever is nearest shares what was staked.

Sealed until entries close: whoever guessed last would bid one beside the rest. Formulas: docs/mathematics.md, "The
closest guess". Integers throughout; only ``points.split`` rounds.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import Final

from anyday.instants import Grain, Instant, in_bounds
from anyday.market.curve import Curve
from anyday.market.horizon import Claim, Horizon, say_claim
from anyday.market.mechanism import Entry, Payouts
from anyday.phrases import say_instant
from anyday.points import MAX_UNITS, split
from anyday.refusals import Reason, Refusal

#: The most guesses that one player may make on one question, changes counted.
MOST_GUESSES: Final = 100


class Variant(enum.StrEnum):
    """Which guesses can win. Never-guesses win only never, and only they do."""

    NEAREST = "nearest"
    NOT_PAST = "not_past"
    EXACT = "exact"


class Closest:
    """One question's closest guess. ``places`` are the per cent of the prize for the first, second and third place;
    ``stake`` is units a guess; with ``many`` a player has up to 100 guesses, else one that can be changed; ``lead`` is
    microseconds."""

    def __init__(self, horizon: Horizon, variant: Variant, places: tuple[int, ...], stake: int, many: bool, lead: int = 0) -> None:
        assert sum(places) == 100 and all(a >= b > 0 for a, b in pairwise((100, *places))), "places share the whole prize, the first the most"
        assert 0 < stake <= MAX_UNITS and lead >= 0, "a guess costs something"
        self.horizon = horizon
        self.variant = variant
        self.places = places
        self.stake = stake
        self.many = many
        self.lead = lead
        self.escrow = 0
        self._standing: dict[str, list[Entry]] = {}
        self._made: Counter[str] = Counter()  # changes too: they cost nothing, and each is written down

    @property
    def closes(self) -> Instant:
        """The first instant at which no guess is taken or changed any more: the origin, less the lead."""
        return Instant(self.horizon.start(0) - self.lead)

    @property
    def players(self) -> tuple[str, ...]:
        """Whoever has guessed, in order of their ids: sealed guesses come in no order of their own."""
        assert all(self._standing.values()), "whoever is here has a guess"
        return tuple(sorted(self._standing))

    @property
    def guesses(self) -> list[Entry]:
        """The guesses that stand, each with its stake, by time, then player, then the order in which they were made."""
        standing = sorted(chain.from_iterable(self._standing.values()), key=_earlier)
        assert len(standing) * self.stake == self.escrow, "each guess has its stake"
        return standing

    def advance(self, now: Instant) -> None:
        """Time moves nothing here: an entry carries its own time, and what is staked stays staked."""
        assert in_bounds(now), "an instant that a question may name"

    def quote(self, entry: Entry) -> Entry | Refusal:
        """The guess as it would be recorded: its stake is the question's, or 0 where it replaces the player's guess.
        Changes nothing. Refuses ENTRIES_CLOSED, NOT_ONE_GRAIN and TOO_MANY_ENTRIES: never what all stakes together come to, or
        whoever has enough points could find out, by trying, how much the others have staked."""
        stake = self._cost(entry.player)
        if entry.at >= self.closes:
            return Refusal(Reason.ENTRIES_CLOSED, closed=say_instant(self.closes, self.horizon.zone, Grain.MINUTE))
        if not self._one_grain(entry.claim):
            return Refusal(Reason.NOT_ONE_GRAIN, text=say_claim(entry.claim, self.horizon), grain=self.horizon.grain)
        if self._made[entry.player] >= MOST_GUESSES:
            return Refusal(Reason.TOO_MANY_ENTRIES, count=MOST_GUESSES)
        return replace(entry, stake=stake)

    def _cost(self, player: str) -> int:
        """What the player's next guess costs: nothing where it replaces the one they have."""
        return 0 if not self.many and player in self._standing else self.stake

    def _one_grain(self, claim: Claim) -> bool:
        """Whether the claim is one grain, or never."""
        assert 0 <= claim.first < claim.last <= self.horizon.count, "a claim names grains of the question"
        if claim.complement:
            return (claim.first, claim.last) == (0, self.horizon.count)
        return claim.first == claim.last - 1

    def apply(self, entry: Entry) -> None:
        """Take the guess; where a player has one only, it replaces theirs, time and all."""
        assert self._one_grain(entry.claim) and entry.stake == self._cost(entry.player), "only what was quoted is applied"
        guess = replace(entry, stake=self.stake)
        if self.many:
            self._standing.setdefault(entry.player, []).append(guess)
        else:
            self._standing[entry.player] = [guess]
        self._made[entry.player] += 1
        self.escrow += entry.stake

    # reading

    def curve(self, edges: Sequence[int] | None = None) -> Curve | None:
        """The crowd: the share of the guesses on each grain and on never, between ``edges`` (rising grains; without, around
        every grain guessed); None without guesses."""
        counts = Counter(_place(guess) for guess in chain.from_iterable(self._standing.values()))
        total = sum(counts.values())
        if not total:
            return None
        guessed = [grain for grain in counts if grain is not None]
        around = {edge for grain in guessed for edge in (grain, grain + 1)}
        fine = tuple(sorted({0, *around, self.horizon.count}))
        curve = Curve(fine, tuple(counts[grain] / total for grain in fine[:-1]), counts[None] / total)
        return curve if edges is None else curve.told(edges)

    def distance(self, guess: Entry, outcome: tuple[int, int] | None) -> int | None:
        """How many grains the guess is away from the outcome's nearest, on either side; None where one of them is never and
        the other is not."""
        grain = _place(guess)
        if grain is None or outcome is None:
            return 0 if grain is None and outcome is None else None
        first, last = outcome
        assert 0 <= first < last <= self.horizon.count, "an outcome within the question"
        return max(0, first - grain, grain - (last - 1))

    # the end

    def payouts(self, outcome: tuple[int, int] | None) -> Payouts:
        """What each player is paid if it happened within grains [first, last), or never (None).

        The guesses that can win are ranked by distance; equal ones share the places that they cover evenly, and the places
        that nobody covers go to the others in proportion. One largest remainder over all of it, ties to the earlier guess.
        Where no guess can win every stake goes back.
        """
        winners = self.winners(outcome)
        if not winners:
            return {player: self.stake * len(self._standing[player]) for player in self.players}
        paid: Payouts = {}
        for guess, _, units in winners:
            if units:
                paid[guess.player] = paid.get(guess.player, 0) + units
        assert sum(paid.values()) == self.escrow, "all that was staked is paid out, to the unit"
        return paid

    def winners(self, outcome: tuple[int, int] | None) -> list[tuple[Entry, int, int]]:
        """The guesses that win, by time, each with its place (equal ones have the first of those they share) and the units it
        is paid. Nobody where no guess can win: then every stake goes back."""
        ranked = self._ranked(outcome)
        if not ranked:
            return []
        sizes = [len(group) for group in ranked]
        firsts = [1 + sum(sizes[:rank]) for rank in range(len(sizes))]
        placed = [(guess, first, share) for group, first, share in zip(ranked, firsts, self._shares(sizes), strict=True) for guess in group]
        placed.sort(key=lambda winner: _earlier(winner[0]))
        units = split(self.escrow, [share for _, _, share in placed])
        assert len(units) == sum(sizes), "each winner has a part"
        return [(guess, place, paid) for (guess, place, _), paid in zip(placed, units, strict=True)]

    def house(self, outcome: tuple[int, int] | None) -> int:
        """Nothing, whatever happens: no part of the stakes goes to the house."""
        assert outcome is None or outcome[0] < outcome[1], "an outcome"
        return 0

    def _ranked(self, outcome: tuple[int, int] | None) -> list[list[Entry]]:
        """The guesses that win something, those of one distance together, nearest first."""
        by_distance: dict[int, list[Entry]] = {}
        for guess in chain.from_iterable(self._standing.values()):
            distance = self.distance(guess, outcome)
            if distance is not None and self._can_win(guess, distance, outcome):
                by_distance.setdefault(distance, []).append(guess)
        ranked: list[list[Entry]] = []
        covered = 0
        for distance in sorted(by_distance):
            if covered >= len(self.places):
                break
            ranked.append(by_distance[distance])
            covered += len(by_distance[distance])
        assert len(ranked) <= len(self.places), "each distance covers a place at least"
        return ranked

    def _can_win(self, guess: Entry, distance: int, outcome: tuple[int, int] | None) -> bool:
        """Whether the variant lets a guess at this distance win."""
        assert distance >= 0, "a distance has no sign"
        if self.variant is Variant.EXACT or outcome is None:
            return distance == 0
        return self.variant is Variant.NEAREST or guess.claim.first < outcome[1]

    def _shares(self, sizes: list[int]) -> list[int]:
        """Whole weights a guess for groups of these sizes, in order of rank: the places they cover, evenly among them."""
        common = math.lcm(*sizes)
        shares, place = [], 0
        for size in sizes:
            shares.append(sum(self.places[place : place + size]) * (common // size))
            place += size
        assert all(share > 0 for share in shares), "every winner covers a part of a place"
        return shares

    def check(self) -> None:
        """Assert every invariant: whoever stands has guessed, each guess is one grain or never and carries the stake."""
        for player, guesses in self._standing.items():
            assert 1 <= len(guesses) <= (MOST_GUESSES if self.many else 1), "as many guesses as are allowed"
            for guess in guesses:
                assert guess.player == player and guess.stake == self.stake and self._one_grain(guess.claim), "a guess of this question"
        assert self.escrow == sum(guess.stake for guess in self.guesses), "the escrow is what was staked"


def _place(guess: Entry) -> int | None:
    """The grain guessed, or None for never."""
    assert not guess.claim.complement or guess.claim.first == 0, "one grain, or never"
    return None if guess.claim.complement else guess.claim.first


def _earlier(guess: Entry) -> tuple[Instant, str]:
    """What decides a tie: the earlier guess, and of one instant the player's id."""
    return guess.at, guess.player
