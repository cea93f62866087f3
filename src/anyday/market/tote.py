"""The tote (pari-mutuel): stakes on slots of the question's time and on never; the slot it falls into shares what was staked.

All slots close together, before the first of them starts: later the passed slots' stakes would go to whoever came last,
at no risk. Formulas: docs/mathematics.md, "The tote". Integers throughout; only ``points.split`` rounds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from anyday.instants import Grain, Instant, Window, day_start, in_bounds, local_of
from anyday.market.curve import Curve
from anyday.market.horizon import Claim, Horizon, say_claim
from anyday.market.mechanism import Entry, Payouts
from anyday.market.prior import WHOLE
from anyday.phrases import say_instant, say_window
from anyday.points import MAX_UNITS, split
from anyday.refusals import Reason, Refusal

#: The most slots that one question may have, never not counted.
MOST_SLOTS: Final = 1_000
#: The largest take-out, in parts per million of the pool.
MOST_TAKEN: Final = 500_000
#: A refusal names so many slots; of more, the first ones and the last.
_NAMED: Final = 12

Unit = Literal["week", "month", "quarter", "year"]


class _Backing(NamedTuple):
    """What one player has on one slot: the time of their first entry there, which decides ties, and units."""

    at: Instant
    stake: int


class Tote:
    """One question's tote. ``edges`` are grains: slot i is [edges[i], edges[i + 1]), and the last slot is followed by never.

    ``takeout`` is in parts per million of the pool, ``lead`` in microseconds. A player's entries on one slot count as one
    stake there, made when the first of them was.
    """

    def __init__(self, horizon: Horizon, edges: tuple[int, ...], takeout: int = 0, lead: int = 0) -> None:
        assert edges[0] == 0 and edges[-1] == horizon.count and all(a < b for a, b in pairwise(edges)), "the slots partition the time"
        assert len(edges) - 1 <= MOST_SLOTS and 0 <= takeout <= MOST_TAKEN and lead >= 0, "within the bounds"
        self.horizon = horizon
        self.edges = edges
        self.takeout = takeout
        self.lead = lead
        self.entries: list[Entry] = []
        self.escrow = 0
        self._slots = {span: slot for slot, span in enumerate(pairwise(edges))}
        self._backers: list[dict[str, _Backing]] = [{} for _ in edges]  # of each slot, and of never at the end
        self._stakes = [0] * len(edges)

    @property
    def closes(self) -> Instant:
        """The first instant at which no entry is taken any more: the start of the first slot, less the lead."""
        return Instant(self.horizon.start(0) - self.lead)

    @property
    def players(self) -> tuple[str, ...]:
        """Whoever has staked something, in order of their first entries."""
        found = tuple(dict.fromkeys(entry.player for entry in self.entries))
        assert bool(found) == (self.escrow > 0), "whoever is here has a stake"
        return found

    def advance(self, now: Instant) -> None:
        """Time moves nothing here: an entry carries its own time, and what is staked stays staked."""
        assert in_bounds(now), "an instant that a question may name"

    def slot(self, claim: Claim) -> int | None:
        """The number of the slot that a claim names, ``len(edges) - 1`` for never; None if it is none of them."""
        assert 0 <= claim.first < claim.last <= self.horizon.count, "a claim names grains of the question"
        if claim.complement:
            return len(self._slots) if (claim.first, claim.last) == (0, self.horizon.count) else None
        return self._slots.get((claim.first, claim.last))

    def quote(self, entry: Entry) -> Entry | Refusal:
        """The entry as it would be recorded. Changes nothing.

        Refuses NOT_POSITIVE, AMOUNT_TOO_LARGE (the pool would pass the bound too), ENTRIES_CLOSED and NOT_A_SLOT.
        """
        if entry.stake <= 0:
            return Refusal(Reason.NOT_POSITIVE, name="The stake")
        if entry.stake > MAX_UNITS - self.escrow:
            return Refusal(Reason.AMOUNT_TOO_LARGE, name="The stake")
        if entry.at >= self.closes:
            return Refusal(Reason.ENTRIES_CLOSED, closed=say_instant(self.closes, self.horizon.zone, Grain.MINUTE))
        if self.slot(entry.claim) is None:
            return Refusal(Reason.NOT_A_SLOT, text=say_claim(entry.claim, self.horizon), slots=self._named())
        return entry

    def _named(self) -> str:
        """The slots in words, with "…" where they are many."""
        said = [self.say_slot(slot) for slot in range(len(self._slots)) if slot < _NAMED or slot == len(self._slots) - 1]
        if len(self._slots) > _NAMED + 1:
            said.insert(-1, "…")
        assert said, "there is a slot"
        return ", ".join(said)

    def say_slot(self, slot: int) -> str:
        """A slot in words, as ``parse_window`` reads it back: ``1–31 March 2027``, ``never``."""
        assert 0 <= slot <= len(self._slots), "slots are numbered from 0, and never is the last"
        if slot == len(self._slots):
            return "never"
        window = Window(self.horizon.start(self.edges[slot]), self.horizon.start(self.edges[slot + 1]))
        return say_window(window, self.horizon.zone, self.horizon.grain)

    def apply(self, entry: Entry) -> None:
        """Take the stake. Integer sums only."""
        slot = self.slot(entry.claim)
        assert slot is not None and 0 < entry.stake <= MAX_UNITS - self.escrow, "only what was quoted is applied"
        before = self._backers[slot].get(entry.player)
        at, staked = (min(before.at, entry.at), before.stake) if before else (entry.at, 0)
        self._backers[slot][entry.player] = _Backing(at, staked + entry.stake)
        self._stakes[slot] += entry.stake
        self.escrow += entry.stake
        self.entries.append(entry)

    # reading

    def stakes(self) -> tuple[int, ...]:
        """Units staked on each slot, and on never at the end."""
        assert sum(self._stakes) == self.escrow, "the pool is what was staked"
        return tuple(self._stakes)

    def position(self, player: str) -> tuple[int, ...]:
        """The player's units on each slot, and on never at the end."""
        held = tuple(found.stake if (found := backers.get(player)) else 0 for backers in self._backers)
        assert sum(held) <= self.escrow, "the player's part of the pool"
        return held

    def dividends(self) -> tuple[tuple[int, Fraction | None], ...]:
        """Of each slot, and of never: (units staked, units paid a unit staked if it is this one), as things stand and after
        the take-out; None where nobody is: then everything goes back."""
        return tuple((stake, Fraction(self._paid([slot]), stake) if stake else None) for slot, stake in enumerate(self._stakes))

    def curve(self, edges: Sequence[int] | None = None) -> Curve | None:
        """Each slot's share of the stakes, spread evenly over its grains, between ``edges`` (rising grains; the slots' own
        without); None without stakes."""
        if not self.escrow:
            return None
        shares = [stake / self.escrow for stake in self._stakes]
        curve = Curve(self.edges, tuple(shares[:-1]), shares[-1])
        return curve if edges is None else curve.told(edges)

    # the end

    def payouts(self, outcome: tuple[int, int] | None) -> Payouts:
        """What each player is paid if it happened within grains [first, last), or never (None).

        The pool, less the take-out, goes to the slots that the outcome touches and that somebody backed, by the time that it
        has in common with each; within a slot by stake. Both by largest remainder, ties to the earlier slot and to the
        earlier entry. Nobody on any of them, or nobody on any other: every stake goes back.
        """
        won = self._won(outcome)
        if not self._contested(list(won)):
            return self._refunds()
        paid: Payouts = {}
        for slot, units in zip(won, split(self._paid(list(won)), list(won.values())), strict=True):
            backers = sorted(self._backers[slot].items(), key=lambda item: item[1].at)
            for (player, _), share in zip(backers, split(units, [backing.stake for _, backing in backers]), strict=True):
                if share:
                    paid[player] = paid.get(player, 0) + share
        assert sum(paid.values()) + self.house(outcome) == self.escrow, "the pool is paid out to the unit"
        return paid

    def house(self, outcome: tuple[int, int] | None) -> int:
        """Units that the house keeps: the take-out, rounded down; nothing where every stake goes back."""
        kept = self.escrow - self._paid(list(self._won(outcome)))
        assert 0 <= kept <= self.escrow * self.takeout // WHOLE, "no more than was said"
        return kept

    def _won(self, outcome: tuple[int, int] | None) -> dict[int, int]:
        """The backed slots that the outcome touches, each with the microseconds that they have in common; never with 1."""
        if outcome is None:
            return {len(self._slots): 1} if self._stakes[-1] else {}
        first, last = outcome
        assert 0 <= first < last <= self.horizon.count, "an outcome within the question"
        touched = range(bisect_right(self.edges, first) - 1, bisect_left(self.edges, last))
        return {slot: self._overlap(slot, first, last) for slot in touched if self._stakes[slot]}

    def _overlap(self, slot: int, first: int, last: int) -> int:
        """The microseconds of grains [first, last) within a slot."""
        start, end = max(first, self.edges[slot]), min(last, self.edges[slot + 1])
        assert start < end, "the slot is touched"
        return self.horizon.start(end) - self.horizon.start(start)

    def _contested(self, won: list[int]) -> bool:
        """Whether some stakes win and some lose, or several slots win: else all go back."""
        assert all(self._stakes[slot] for slot in won), "only backed slots win"
        return len(won) > 1 or (len(won) == 1 and self._stakes[won[0]] < self.escrow)

    def _paid(self, won: list[int]) -> int:
        """What is paid out if these backed slots win."""
        paid = self.escrow - (self.escrow * self.takeout // WHOLE if self._contested(won) else 0)
        assert 2 * paid >= self.escrow, "at most half is taken"
        return paid

    def _refunds(self) -> Payouts:
        """Every player's stakes."""
        back: Payouts = {}
        for entry in self.entries:
            back[entry.player] = back.get(entry.player, 0) + entry.stake
        assert sum(back.values()) == self.escrow, "all of it goes back"
        return back

    def check(self) -> None:
        """Assert every invariant: each slot's stakes are its backers', the escrow is all of them, and so are the entries."""
        for backers, stake in zip(self._backers, self._stakes, strict=True):
            assert sum(backing.stake for backing in backers.values()) == stake, "a slot holds its backers' stakes"
            assert all(backing.stake > 0 for backing in backers.values()), "nobody backs with nothing"
        assert sum(self._stakes) == self.escrow == sum(entry.stake for entry in self.entries) <= MAX_UNITS, "the pool is what was staked"
        assert sorted({0, *self.edges, self.horizon.count}) == list(self.edges), "the slots partition the time"


# slots


def calendar_slots(horizon: Horizon, unit: Unit) -> tuple[int, ...] | Refusal:
    """Edges of slots at the starts of the calendar's weeks (from Monday), months, quarters or years in the question's zone;
    the first and the last slot are cut to the question's time. Refuses BAD_PLAY: a start lies within a grain, or too many."""
    edges = [0]
    day = local_of(horizon.origin, horizon.zone).date()
    while (start := day_start(day := _next(unit, day), horizon.zone)) < horizon.end:
        if start <= horizon.start(edges[-1]):
            continue  # the zone skipped the days between
        grain = horizon.boundary(start)
        if grain is None:
            return Refusal(Reason.BAD_PLAY, detail=f"the tote's {unit}s do not start on whole {horizon.grain}s")
        if len(edges) == MOST_SLOTS:
            return _too_many()
        edges.append(grain)
    assert edges[-1] < horizon.count, "the last slot holds some time"
    return (*edges, horizon.count)


def _next(unit: Unit, day: date) -> date:
    """The first day after this one on which the unit starts anew."""
    if unit == "week":
        return day + timedelta(days=7 - day.weekday())
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    month = day.year * 12 + (day.month - 1) // months * months + months
    after = date(month // 12, month % 12 + 1, 1)
    assert after > day, "the calendar goes forwards"
    return after


def slots_at(horizon: Horizon, starts: Sequence[int]) -> tuple[int, ...] | Refusal:
    """Edges of slots that start at these grains, rising; the first slot starts with the question, listed or not.
    Refuses BAD_PLAY: they do not rise, lie outside the question, or are too many."""
    listed = [*starts]
    if listed[:1] != [0]:
        listed.insert(0, 0)
    if len(listed) > MOST_SLOTS:
        return _too_many()
    edges = (*listed, horizon.count)
    if not all(a < b for a, b in pairwise(edges)):
        return Refusal(Reason.BAD_PLAY, detail="the tote's slots must start one after the other, within the question")
    assert edges[0] == 0, "they cover the question"
    return edges


def _too_many() -> Refusal:
    return Refusal(Reason.BAD_PLAY, detail=f"the tote has more than {MOST_SLOTS:,} slots")
