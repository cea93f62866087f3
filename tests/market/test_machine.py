"""Random players on one market, step by step: after every step all invariants hold and 50-digit arithmetic agrees."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anyday.instants import Instant
from anyday.market.horizon import Claim
from anyday.market.mechanism import Fill, Order
from anyday.refusals import Reason, Refusal
from tests.market.books import market_of
from tests.market.flat import MP, Flat, holds, start_of

PLAYERS = st.sampled_from(("ann", "bob", "cid"))
PRICED = {Reason.BOOK_TOO_STEEP, Reason.TOO_SMALL, Reason.NO_MOVE, Reason.CERTAIN, Reason.ORDER_TOO_LARGE}


class Crowd(RuleBasedStateMachine):
    """A market beside flat lists and each player's own flat position and cash."""

    @initialize(count=st.integers(1, 10), subsidy=st.sampled_from((10**5, 10**8, 10**12)), skew=st.booleans())
    def start(self, count: int, subsidy: int, skew: bool) -> None:
        self.market = market_of(count, subsidy, skew=skew)
        opening = self.market.opening
        self.count = count
        self.flat = Flat([opening.weight(k, k + 1) for k in range(count + 1)], self.market.liquidity)
        self.cash: Counter[str] = Counter()
        self.held: dict[str, list[int]] = {player: [0] * (count + 1) for player in ("ann", "bob", "cid")}

    def claim(self, a: int, b: int, complement: bool) -> Claim:
        left = self.count - self.market.passed
        first = self.market.passed + a % left
        return Claim(first, first + 1 + b % (self.count - first), complement)

    def do(self, order: Order) -> None:
        quote = self.market.quote(order)
        if isinstance(quote, Refusal):
            assert quote.reason in PRICED
            return
        exact = self.flat.add(quote.claim, quote.shares)
        assert holds(exact, quote.charge, quote.shares), MP.nstr(exact, 25)
        position = self.held[order.player]
        for k in self.flat.atoms(quote.claim):
            position[k] += quote.shares
        self.take(order.player, quote.released)
        assert quote.released >= 0
        self.cash[order.player] += quote.released - quote.charge
        self.market.apply(Fill(order.player, quote.claim, quote.shares, quote.charge, quote.released))

    def take(self, player: str, released: int) -> None:
        left = range(self.market.passed, self.count + 1)
        assert released == min(self.held[player][k] for k in left)
        for k in left:
            self.held[player][k] -= released
        self.flat.shift(-released)

    @precondition(lambda self: self.market.passed < self.count)
    @rule(player=PLAYERS, a=st.integers(0, 9), b=st.integers(0, 9), complement=st.booleans(), size=st.integers(1, 50_000))
    def buy(self, player: str, a: int, b: int, complement: bool, size: int) -> None:
        self.do(Order(player, self.claim(a, b, complement), shares=max(1, size * self.market.liquidity // 2_500)))

    @precondition(lambda self: self.market.passed < self.count)
    @rule(player=PLAYERS, a=st.integers(0, 9), b=st.integers(0, 9), complement=st.booleans(), size=st.integers(1, 5_000))
    def spend(self, player: str, a: int, b: int, complement: bool, size: int) -> None:
        self.do(Order(player, self.claim(a, b, complement), spend=max(1, size * self.market.liquidity // 1_000)))

    @precondition(lambda self: self.market.passed < self.count)
    @rule(player=PLAYERS, a=st.integers(0, 9), b=st.integers(0, 9), complement=st.booleans(), ppm=st.integers(1, 999_999))
    def move(self, player: str, a: int, b: int, complement: bool, ppm: int) -> None:
        self.do(Order(player, self.claim(a, b, complement), target=ppm))

    @precondition(lambda self: self.market.passed < self.count)
    @rule(player=PLAYERS, a=st.integers(0, 9), b=st.integers(0, 9), complement=st.booleans(), part=st.integers(1, 4))
    def sell(self, player: str, a: int, b: int, complement: bool, part: int) -> None:
        claim = self.claim(a, b, complement)
        held = self.market.held(player, claim)
        assert held == min(self.held[player][k] for k in self.flat.atoms(claim))
        if held:
            self.do(Order(player, claim, shares=-max(1, held // part)))
        refusal = self.market.quote(Order(player, claim, shares=-self.market.held(player, claim) - 1))
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.HOLDS_LESS

    @rule(player=PLAYERS)
    def collect(self, player: str) -> None:
        released = self.market.collectable(player)
        if released:
            self.take(player, released)
            self.cash[player] += released
            self.market.collect(player, released)

    @rule(step=st.integers(0, 3), early=st.booleans())
    def time_passes(self, step: int, early: bool) -> None:
        grain = min(self.market.passed + step, self.count)
        now = Instant(start_of(grain) - (1 if early else 0))
        self.market.advance(now)
        self.flat.passed = min(max(self.flat.passed, grain + (0 if early else 1)), self.count)
        assert self.market.passed == self.flat.passed

    @invariant()
    def everything_agrees(self) -> None:
        market, passed = self.market, self.market.passed
        market.check()
        assert market.escrow == market.subsidy - sum(self.cash.values())
        assert [market._tree.shares_at(k) for k in range(passed, self.count + 1)] == self.flat.q[passed:]
        for player, position in self.held.items():
            view = market.position(player)
            assert [view.at(k) + view.floor for k in range(passed, self.count)] == position[passed:-1]
            assert view.never + view.floor == position[-1]
            exact = sum(self.flat.weight([k]) * position[k] for k in range(passed, self.count + 1))
            whole = self.flat.weight(range(passed, self.count + 1))
            assert abs(exact / whole - market.worth(player)) <= 1 + 1e-12 * max(position)
        taken = market.charged - market.released
        assert taken >= max(self.flat.q[passed:]) - market.subsidy, "the house's bound, after every step"

    def teardown(self) -> None:
        if not hasattr(self, "market"):
            return
        market, passed = self.market, self.market.passed
        for k in range(passed, self.count + 1):
            paid = market.payouts((k, k + 1) if k < self.count else None)
            assert all(paid.get(player, 0) == position[k] for player, position in self.held.items())
        for first, last in itertools.combinations(range(passed, self.count + 1), 2):
            u = self.flat.u[first:last]
            paid = market.payouts((first, last))
            for player, position in self.held.items():
                assert paid.get(player, 0) == sum(w * f for w, f in zip(u, position[first:last], strict=True)) // sum(u)


TestCrowd = Crowd.TestCase
TestCrowd.settings = settings(max_examples=40, stateful_step_count=25)
