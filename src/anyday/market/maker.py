"""The market: a prior-weighted LMSR over grains and never, with every player's position. Mutable, one a question.

Floats live inside a quote only; what is decided is integers, and applying them is integer addition. A claim is bought
as a stretch of grains or as all the rest: the complement of a stretch is everything shifted and the stretch taken back.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from anyday.instants import Instant
from anyday.market import lmsr
from anyday.market.curve import Curve
from anyday.market.horizon import Claim, Horizon, say_claim
from anyday.market.mechanism import Fill, Order, Payouts, Quote
from anyday.market.position import MOST_STEPS, Holding, Position
from anyday.market.prior import WHOLE, Opening
from anyday.market.tree import Tree
from anyday.phrases import say_instant
from anyday.points import MAX_ORDER_COST, MAX_UNITS, charge_for, write_points
from anyday.refusals import Reason, Refusal

#: About how many bars a curve has when nobody says where its edges are.
BARS = 400
_LEAVES_A_BAR = 8


class Market:
    """One question's market. Units are micro-points; ``lead`` is microseconds; ``subsidy`` is what the escrow opened with."""

    def __init__(self, horizon: Horizon, opening: Opening, liquidity: int, subsidy: int, lead: int = 0) -> None:
        assert horizon.count == opening.count, "the opening curve covers the question's grains"
        assert subsidy >= math.floor(liquidity * math.log(opening.total / opening.least) * (1 - 1e-12)), "the escrow covers the worst loss"
        self.horizon = horizon
        self.opening = opening
        self.liquidity = liquidity
        self.subsidy = subsidy
        self.lead = lead
        self.charged = 0
        self.released = 0
        self._tree = Tree(opening, liquidity)
        self._holdings: dict[str, Holding] = {}

    def copy(self) -> Market:
        """An independent market in the same state."""
        twin = object.__new__(Market)
        twin.__dict__.update(self.__dict__)
        twin._tree = self._tree.copy()
        twin._holdings = {player: holding.copy() for player, holding in self._holdings.items()}
        assert twin.escrow == self.escrow and twin.passed == self.passed
        return twin

    # time

    @property
    def passed(self) -> int:
        """How many grains have passed."""
        return self._tree.passed

    def advance(self, now: Instant) -> None:
        """Let the grains pass that have started by ``now + lead``; never backwards. Moves no money."""
        passed = self.horizon.passed(now, self.lead)
        if passed > self._tree.passed:
            self._tree.advance(passed)
        assert passed <= self.passed <= self.opening.count, "time runs forwards only"

    # reading

    @property
    def escrow(self) -> int:
        """What the escrow holds: the subsidy, plus charges, less what was released."""
        return self.subsidy + self.charged - self.released

    @property
    def players(self) -> tuple[str, ...]:
        """Whoever has or had a position here, in order of first bets."""
        return tuple(self._holdings)

    def price(self, claim: Claim) -> float:
        """The chance of the claim given what has passed; 0 once all of it has."""
        first, last = max(claim.first, self.passed), max(claim.last, self.passed)
        if first == last:
            return 1.0 if claim.complement else 0.0
        split = self._tree.split(first, last)
        total = split.inside + split.outside
        assert total > 0.0, "never can always happen"
        return (split.outside if claim.complement else split.inside) / total

    def quantile(self, chance: int) -> int | None:
        """The first grain by whose end the chance (ppm) that it has happened reaches ``chance``; None if only never does."""
        assert 0 <= chance <= WHOLE, "a chance in parts per million"
        grain = self._tree.reach(chance / WHOLE)
        return grain if grain < self.opening.count else None

    def curve(self, edges: Sequence[int] | None = None) -> Curve:
        """The chances between neighbouring ``edges`` (rising grains of those left, ``count`` the last that counts), and
        never. Without edges those of ``edges()``."""
        if edges is None:
            edges = self.edges()
        count = self.opening.count
        if self.passed == count:
            return Curve((count,), (), 1.0)
        assert edges and edges[-1] <= count, "never is no edge"
        edges = sorted({self.passed, *edges, count})
        return self._curve(edges, self._tree.masses([*edges, count + 1]))

    def _curve(self, edges: Sequence[int], weights: Sequence[float]) -> Curve:
        total = math.fsum(weights)
        assert total > 0.0 and len(weights) == len(edges), "a weight between every two edges, and never's"
        return Curve(tuple(edges), tuple(weight / total for weight in weights[:-1]), weights[-1] / total)

    def edges(self, most: int = BARS) -> list[int]:
        """Grains at which to cut a curve: every grain left if they are at most ``most``. Else between half and all as many
        even pieces, and besides them the ends of the opening's runs and of what was bet on, unless those are more than
        ``most`` themselves: a narrow peak is shown as one."""
        assert most >= 1, "at least one bar"
        count, passed = self.opening.count, self.passed
        left = count - passed
        if left <= most:
            return list(range(passed, count + 1))
        wide = 1 << (-(-left // most) - 1).bit_length()  # whole nodes of the tree: a quarter of the time of a sweep
        even = range(passed + wide - passed % wide, count, wide)
        runs = [first for first, _, _ in self.opening.runs if first > passed]
        return sorted({passed, *even, *(runs if len(runs) <= most else ()), *self._bet_edges(most), count})

    def _bet_edges(self, most: int) -> list[int]:
        """Where the shares change among the grains left; nothing if that is in more than ``most`` places."""
        found: list[int] = []
        before = None
        for leaf, (first, _, shares) in enumerate(self._tree.stretches()):
            if leaf > _LEAVES_A_BAR * most or len(found) > most:
                return []
            if before is not None and shares != before and first < self.opening.count:
                found.append(first)
            before = shares
        assert all(edge > self.passed for edge in found), "only what is left is told apart"
        return found

    def coarse(self, step: int) -> Curve:
        """The curve as if each grain's shares, counted from never's, were a whole number of steps: what lies between two of them cannot be
        read off it."""
        assert step >= 1, "shares are counted in something"
        count, passed = self.opening.count, self.passed
        if passed == count:
            return Curve((count,), (), 1.0)
        edges = sorted({passed, *self.edges(), count})
        sold = [(max(first, passed), shares) for first, _, shares in self._tree.stretches()]
        held = {first: (2 * (shares - sold[-1][1]) + step) // (2 * step) * step for first, shares in sold}
        most, sums, place, shares = max(held.values()), [0.0] * len(edges), -1, 0
        for first, last in pairwise([*sorted({*edges, *held}), count + 1]):
            place += place + 1 < len(edges) and edges[place + 1] == first
            shares = held.get(first, shares)
            sums[place] += self.opening.weight(first, last) * math.exp((shares - most) / self.liquidity)
        return self._curve(edges, sums)

    def weights(self, edges: Sequence[int]) -> list[float]:
        """The weights between neighbouring ``edges`` (rising grains, the first of them the first left), and from the last edge on
        with never, on one common scale."""
        assert edges[0] == self.passed and edges[-1] <= self.opening.count, "all that is left"
        return self._tree.masses([*edges, self.opening.count + 1])

    def extremes(self, first: int, last: int) -> tuple[int, int]:
        """(fewest, most) shares sold of any grain in [first, last), all of it left; ``last`` may be ``count + 1`` for never."""
        fewest, most = self._tree.extremes(first, last)
        assert fewest <= most
        return fewest, most

    def ghost(self, quote: Quote, edges: Sequence[int] | None = None) -> Curve:
        """The curve as it would be after the quoted order. Changes nothing."""
        assert quote.shares != 0, "only what was quoted has a ghost"
        first, last = max(quote.claim.first, self.passed), max(quote.claim.last, self.passed)
        wanted = sorted({self.passed, *(self.edges() if edges is None else edges), self.opening.count})
        fine = sorted({*wanted, first, last})
        weights = self._tree.masses([*fine, self.opening.count + 1])
        shares = -quote.shares if quote.claim.complement else quote.shares
        grow, shrink = math.exp(min(shares, 0) / self.liquidity), math.exp(-max(shares, 0) / self.liquidity)
        sums = [0.0] * len(wanted)
        for edge, weight in zip(fine, weights, strict=True):
            place = bisect_left(wanted, edge + 1) - 1
            sums[place] += weight * (grow if first <= edge < last else shrink)
        return self._curve(wanted, sums)

    def position(self, player: str) -> Position:
        """What the player holds; nothing for somebody who never bet."""
        holding = self._holdings.get(player)
        return holding.view(self.passed) if holding else Position((), 0, 0)

    def held(self, player: str, claim: Claim) -> int:
        """The shares that the player holds over the whole of the claim: the fewest among its grains left (and never)."""
        holding = self._holdings.get(player)
        if holding is None:
            return 0
        first, last = max(claim.first, self.passed), max(claim.last, self.passed)
        if first == last:
            return holding.least(self.passed, self.opening.count + 1) if claim.complement else 0
        if claim.complement:
            least = holding.least_outside(first, last, self.passed)
            assert least is not None, "never is outside every stretch of grains"
            return least
        return holding.least(first, last)

    def collectable(self, player: str) -> int:
        """The floor of the player's position, in units: it pays whatever happens."""
        holding = self._holdings.get(player)
        return holding.least(self.passed, self.opening.count + 1) if holding else 0

    def worth(self, player: str) -> int:
        """What the player's position is worth at the chances as they stand, floor included, in whole units (down)."""
        holding = self._holdings.get(player)
        if holding is None:
            return 0
        steps = list(holding.steps(self.passed))
        weights = self._tree.masses([*(first for first, _, _ in steps), self.opening.count + 1])
        total = math.fsum(weights)
        worth = math.floor(math.fsum(shares * (weight / total) for (_, _, shares), weight in zip(steps, weights, strict=True)))
        assert worth >= 0, "no position owes anything"
        return worth

    # betting

    def quote(self, order: Order) -> Quote | Refusal:
        """What the order would do now: whole shares, their charge, the floor that becomes cash. Changes nothing.

        Refuses ONE_SIZE, HAS_STARTED, ALL_PASSED, CERTAIN, NOT_A_CHANCE, NO_MOVE, TOO_SMALL, HOLDS_LESS, BOOK_TOO_STEEP,
        ORDER_TOO_LARGE, POSITION_TOO_FINE and WORSE_THAN_LIMIT.
        """
        span = self._span(order.claim)
        if isinstance(span, Refusal):
            return span
        first, last = span
        claim = order.claim
        inside, outside = self._tree.split(first, last)
        if claim.complement:
            inside, outside = outside, inside
        shares = order.shares
        if shares is None or order.spend is not None or order.target is not None:
            sized = self._size(order, inside, outside)
            if isinstance(sized, Refusal):
                return sized
            shares = sized
            if order.target is not None and shares < 0:
                claim = Claim(first, last, not claim.complement)
                inside, outside, shares = outside, inside, -shares
        fault = self._bounds(order, claim, first, last, shares)
        if fault is not None:
            return fault
        cost = lmsr.cost(self.liquidity, inside, outside, shares)
        if abs(cost) > MAX_ORDER_COST:
            return Refusal(Reason.ORDER_TOO_LARGE)
        charge = charge_for(cost)
        assert charge >= 1 if shares > 0 else charge <= 0, "a purchase costs, a sale does not"
        if (order.max_cost is not None and charge > order.max_cost) or (order.min_shares is not None and shares < order.min_shares):
            return _worse(order, charge, shares)
        before = round(inside / (inside + outside) * WHOLE)
        after = round(lmsr.chance_after(self.liquidity, inside, outside, shares) * WHOLE)
        return Quote(claim, shares, charge, self._floor_after(order.player, claim, first, last, shares), before, after)

    def _span(self, claim: Claim) -> tuple[int, int] | Refusal:
        """The claim's grains, cut to those left. Only "before", "not before", "not never" and never name passed ones."""
        count, passed = self.opening.count, self._tree.passed
        first, last = claim.first, claim.last
        assert 0 <= first < last <= count, "a claim lies within the question"
        if first >= passed:
            return first, last
        if passed == count:
            return Refusal(Reason.ALL_PASSED)
        if first == 0 and claim.complement and last <= passed:
            return Refusal(Reason.CERTAIN)
        if first > 0 or not (claim.complement or last == count):
            start = say_instant(self.horizon.start(passed), self.horizon.zone, self.horizon.grain)
            return Refusal(Reason.HAS_STARTED, text=say_claim(claim, self.horizon), grain=self.horizon.grain, first=start)
        return passed, last

    def _size(self, order: Order, inside: float, outside: float) -> int | Refusal:
        """Whole shares for a budget or a target; negative if the complement is what moves there."""
        if [order.shares, order.spend, order.target].count(None) != 2:
            return Refusal(Reason.ONE_SIZE)
        if order.spend is not None:
            if order.spend < 1:
                return Refusal(Reason.TOO_SMALL)
            if order.spend > MAX_ORDER_COST:
                return Refusal(Reason.ORDER_TOO_LARGE)
            found = lmsr.most_shares_within(self.liquidity, inside, outside, order.spend)
            if found is None:
                return Refusal(Reason.BOOK_TOO_STEEP)
            return found or Refusal(Reason.TOO_SMALL)
        assert order.target is not None, "one of the three sizes"
        if not 0 < order.target < WHOLE:
            return Refusal(Reason.NOT_A_CHANCE, name="The chance")
        shares = math.trunc(lmsr.shares_to(self.liquidity, inside, outside, order.target))
        return shares or Refusal(Reason.NO_MOVE, chance=f"{inside / (inside + outside):.2%}")

    def _bounds(self, order: Order, claim: Claim, first: int, last: int, shares: int) -> Refusal | None:
        """What is wrong with the number of shares: nothing, none of them, not held, too steep, or too many steps."""
        if shares == 0:
            return Refusal(Reason.TOO_SMALL)
        if shares < 0:
            held = self.held(order.player, claim)
            if held < -shares:
                return Refusal(Reason.HOLDS_LESS, held=write_points(held))
        if self._too_steep(claim, first, last, shares):
            return Refusal(Reason.BOOK_TOO_STEEP)
        holding = self._holdings.get(order.player)
        if holding is not None and len(holding) > MOST_STEPS - 2 and self._steps_after(holding, claim, first, last, shares) > MOST_STEPS:
            return Refusal(Reason.POSITION_TOO_FINE)
        return None

    def _too_steep(self, claim: Claim, first: int, last: int, shares: int) -> bool:
        """Whether the shares would leave [-2^53, 2^53], or their spread over what is left exceed 64 b."""
        assert shares != 0, "the caller refuses nothing at all"
        tree, steepest = self._tree, lmsr.STEEPEST * self.liquidity
        least, most, size = tree.least_shares, tree.most_shares, abs(shares)
        if most - least + size <= steepest and -MAX_UNITS + size <= least and most + size <= MAX_UNITS:
            return False
        if size > 2 * MAX_UNITS:
            return True
        low, high = tree.extremes(first, last)
        rest = [tree.extremes(last, self.opening.count + 1)]
        if first > tree.passed:
            rest.append(tree.extremes(tree.passed, first))
        low_rest, high_rest = min(low for low, _ in rest), max(high for _, high in rest)
        if claim.complement:
            low, high, low_rest, high_rest = low_rest, high_rest, low, high
        least, most = min(low + shares, low_rest), max(high + shares, high_rest)
        return most - least > steepest or most > MAX_UNITS or least < -MAX_UNITS

    def _steps_after(self, holding: Holding, claim: Claim, first: int, last: int, shares: int) -> int:
        """How many steps the position would have."""
        assert len(holding) <= MOST_STEPS, "no position is finer"
        after = holding.copy()
        after.pass_to(self.passed)
        after.add(first, last, -shares if claim.complement else shares)
        return len(after)

    def _floor_after(self, player: str, claim: Claim, first: int, last: int, shares: int) -> int:
        """The floor of the player's position after the bet: it becomes cash with it."""
        holding = self._holdings.get(player)
        if holding is None:
            return 0
        within, rest = holding.least(first, last), holding.least_outside(first, last, self._tree.passed)
        assert rest is not None, "never is outside every stretch of grains"
        if claim.complement:
            rest += shares
        else:
            within += shares
        floor = min(within, rest)
        assert floor >= 0, "nobody sells what they do not hold"
        return floor

    def apply(self, fill: Fill) -> None:
        """Do what was decided: shares to the tree and to the player, the floor back to cash. Integer sums only."""
        span = self._span(fill.claim)
        assert not isinstance(span, Refusal) and fill.shares != 0, "only what was quoted is applied"
        first, last = span
        tree, count = self._tree, self.opening.count
        assert fill.released == self._floor_after(fill.player, fill.claim, first, last, fill.shares), "the floor is derived"
        holding = self._holdings.get(fill.player)
        if holding is None:
            holding = self._holdings[fill.player] = Holding(count)
        holding.pass_to(tree.passed)
        shift, shares = -fill.released, fill.shares
        if fill.claim.complement:
            if first == tree.passed:
                first, last = last, count + 1
            else:
                shift, shares = shift + shares, -shares
        tree.add(first, last, shares)
        holding.add(first, last, shares)
        if shift:
            tree.shift(shift)
            holding.shift(shift)
        self.charged += fill.charge
        self.released += fill.released
        assert tree.most_shares <= self.escrow, "the escrow pays whatever happens"

    def ring(self, fills: Sequence[Fill]) -> None:
        """Do what was decided at the bell: all of it is paid before any of it counts, and no floor becomes cash yet."""
        self.charged += sum(fill.charge for fill in fills)
        for fill in fills:
            assert fill.shares > 0 and fill.released == 0, "at the bell one buys"
            first, last = max(fill.claim.first, self.passed), fill.claim.last
            holding = self._holdings.setdefault(fill.player, Holding(self.opening.count))
            holding.pass_to(self.passed)
            shares = -fill.shares if fill.claim.complement else fill.shares
            for held in (self._tree, holding):
                held.add(first, last, shares)
                if fill.claim.complement:
                    held.shift(fill.shares)
            assert len(holding) <= MOST_STEPS, "no position is finer"
        assert self._tree.most_shares <= self.escrow, "the escrow pays whatever happens"

    def collect(self, player: str, released: int) -> None:
        """Turn the player's floor, as decided, into cash."""
        assert 0 < released == self.collectable(player), "the floor is derived"
        self._holdings[player].shift(-released)
        self._tree.shift(-released)
        self.released += released

    # the end

    def payouts(self, outcome: tuple[int, int] | None) -> Payouts:
        """What each player is paid, floor included, if it happened within grains [first, last), or never (None).

        For more than one grain: the floor of the exact mean of the position under the opening curve within that window.
        The window has not passed: a ruling cuts before its first grain does.
        """
        count = self.opening.count
        if outcome is None:
            outcome = (count, count + 1)
        first, last = outcome
        assert self.passed <= first < last and (last <= count or first == count), "an outcome among what is left"
        if last == first + 1:
            paid = {player: holding.at(first) for player, holding in self._holdings.items()}
        else:
            whole = self.opening.weight(first, last)
            paid = {player: self._mean(holding, first, last) // whole for player, holding in self._holdings.items()}
        assert all(units >= 0 for units in paid.values()) and sum(paid.values()) <= self.escrow, "the escrow pays it all"
        return {player: units for player, units in paid.items() if units}

    def _mean(self, holding: Holding, first: int, last: int) -> int:
        """Σ weight·shares over a window, exactly."""
        within = [(max(first, start), min(last, end), shares) for start, end, shares in holding.steps(self.passed)]
        total = sum(self.opening.weight(start, end) * shares for start, end, shares in within if start < end)
        assert total >= 0
        return total

    def check(self) -> None:
        """Assert every invariant: the tree derives from its shares, the players' positions sum to them, no position is
        negative, the bounds hold, and the escrow covers the worst outcome."""
        tree, passed = self._tree, self._tree.passed
        tree.check()
        assert self.charged + self.subsidy - self.released == self.escrow >= tree.most_shares, "the house's loss is bounded"
        assert tree.most_shares - tree.least_shares <= lmsr.STEEPEST * self.liquidity, "the book is not too steep"
        assert tree.least_shares >= -MAX_UNITS and tree.most_shares <= MAX_UNITS, "shares are bounded"
        jumps: dict[int, int] = {}
        for holding in self._holdings.values():
            assert all(shares >= 0 for _, _, shares in holding.steps(passed)), "no position is negative"
            assert len(holding) <= MOST_STEPS and all(a < b for a, b in zip(holding.starts, holding.starts[1:], strict=False))
            before = 0
            for first, _, shares in holding.steps(passed):
                jumps[first] = jumps.get(first, 0) + shares - before
                before = shares
        before = 0
        for first, _, shares in tree.stretches():
            first = max(first, passed)
            assert shares - before == jumps.pop(first, 0), "positions sum to the shares sold"
            before = shares
        assert not any(jumps.values()), "the tree knows every step"
        curve = self.curve((passed, self.opening.count))
        assert abs(math.fsum(curve.masses) + curve.never - 1.0) < 1e-12, "chances make one"


def _worse(order: Order, charge: int, shares: int) -> Refusal:
    """The fill would be worse than the order's limit."""
    assert order.max_cost is not None or order.min_shares is not None
    if order.max_cost is not None and charge > order.max_cost:
        sign = -1 if order.max_cost < 0 else 1  # the limit of a sale is what it brings at least
        got, limit = (f"{write_points(sign * amount)} points" for amount in (charge, order.max_cost))
        return Refusal(Reason.WORSE_THAN_LIMIT, got=got, limit=limit)
    return Refusal(Reason.WORSE_THAN_LIMIT, got=f"{write_points(shares)} points of payout", limit=write_points(order.min_shares or 0))
