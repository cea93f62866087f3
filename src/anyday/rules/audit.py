"""Conservation, bounds and exact charges: used by tests, the simulator and ``anyday verify``.

``ExactBook`` prices every bet again in 50-digit arithmetic, from the integer shares alone and without the interval tree,
and holds the charge to ``exact <= charge <= ceil(exact) + 1`` (docs/mathematics.md, "Integers").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Context, Decimal
from typing import Final

from anyday.instants import Instant
from anyday.market.horizon import Claim
from anyday.rules import events as e
from anyday.rules.ledger import BELL, Posting, escrow_account, reserve_account
from anyday.rules.question import OVER, Question, open_question

_DIGITS: Final = Context(prec=50)
_ONE: Final = Decimal(1)


class Fault(Exception):
    """Something in the record cannot be; the message says what."""


class ExactBook:
    """The weights ``u·exp(q/b)`` of one question's pieces of time and of never, in 50 digits."""

    def __init__(self, opened: e.QuestionOpened) -> None:
        question = open_question(opened.question, opened)
        self._opening = question.market.opening
        self._horizon = question.horizon
        self._lead = opened.lead
        assert opened.market is not None, "only a market has prices"
        self._liquidity = Decimal(opened.market.liquidity)
        self._edges = [0, question.horizon.count]
        self._weights = [Decimal(self._opening.weight(0, question.horizon.count))]
        self._never = Decimal(self._opening.never)
        self._marked: list[Decimal] = [_ONE]
        self._passed = 0
        assert self._weights[0] > 0 and self._never > 0, "every outcome can happen"

    def hold(self, event: e.BetPlaced) -> None:
        """Check one bet's charge against the exact cost, then take it. Raises ``Fault``."""
        self._pass(Instant(event.at))
        low, high = self._cut(max(event.first, self._passed)), self._cut(max(event.last, self._passed))
        start = bisect_left(self._edges, self._passed)
        inside = sum(self._weights[low:high], Decimal(0))
        outside = sum(self._weights[start:low], Decimal(0)) + sum(self._weights[high:], Decimal(0)) + self._never
        if event.complement:
            inside, outside = outside, inside
        assert inside + outside > 0, "something can still happen"
        growth = _DIGITS.exp(_DIGITS.divide(Decimal(event.shares), self._liquidity))
        ratio = _DIGITS.divide(inside * growth + outside, inside + outside)
        cost = _DIGITS.multiply(self._liquidity, _DIGITS.ln(ratio))
        ceiling = int(cost.to_integral_value(ROUND_CEILING))
        most = max(ceiling + 1, 1) if event.shares > 0 else ceiling + 1
        if not (cost <= event.charge <= most) or (event.shares > 0 and event.charge < 1):
            raise Fault(f"a charge of {event.charge} for an exact cost of {cost:.9f}")
        self._grow(low, high, growth, event.complement)

    def ring(self, filled: Iterable[tuple[Claim, int, int]], at: Instant) -> None:
        """Check that those filled at the bell (claim, shares, charge each) pay together at least what all of it costs exactly, then take
        it. Raises ``Fault``."""
        self._pass(at)
        before, charges = self._total(), 0
        for claim, shares, charge in filled:
            low, high = self._cut(max(claim.first, self._passed)), self._cut(claim.last)
            growth = _DIGITS.exp(_DIGITS.divide(Decimal(shares), self._liquidity))
            if claim.complement:
                before = _DIGITS.divide(before, growth)  # the weights shrink by as much as the rest should have grown
            self._grow(low, high, growth, claim.complement)
            charges += charge
        cost = _DIGITS.multiply(self._liquidity, _DIGITS.ln(_DIGITS.divide(self._total(), before)))
        assert cost >= 0, "what is bought costs something"
        if charges < cost:
            raise Fault(f"the bell brought {charges} for an exact cost of {cost:.9f}")

    def _total(self) -> Decimal:
        start = bisect_left(self._edges, self._passed)
        assert self._edges[start] == self._passed, "what has passed is cut off"
        return sum(self._weights[start:], Decimal(0)) + self._never

    def _grow(self, low: int, high: int, growth: Decimal, complement: bool) -> None:
        # The weights only matter up to a common factor, so growing the complement is shrinking the window.
        assert low < high, "a bet is on something"
        factor = _DIGITS.divide(_ONE, growth) if complement else growth
        for piece in range(low, high):
            self._weights[piece] = _DIGITS.multiply(self._weights[piece], factor)
            self._marked[piece] = _DIGITS.multiply(self._marked[piece], factor)

    def _pass(self, now: Instant) -> None:
        passed = self._horizon.passed(now, self._lead)
        assert passed >= self._passed, "time runs forwards only"
        if passed > self._passed:
            self._passed = passed
            self._cut(passed)

    def _cut(self, grain: int) -> int:
        """Split the piece that holds ``grain`` there; returns the place of the piece that begins with it."""
        place = bisect_right(self._edges, grain) - 1
        if self._edges[place] == grain:
            return place
        left = self._opening.weight(self._edges[place], grain)
        right = self._opening.weight(grain, self._edges[place + 1])
        mark = self._marked[place]
        self._weights[place : place + 1] = [_DIGITS.multiply(Decimal(left), mark), _DIGITS.multiply(Decimal(right), mark)]
        self._marked.insert(place, mark)
        self._edges.insert(place + 1, grain)
        assert len(self._edges) == len(self._weights) + 1 == len(self._marked) + 1, "a piece between any two edges"
        return place + 1


def balanced(lines: tuple[Posting, ...]) -> None:
    """An event's postings sum to zero. Raises ``Fault``."""
    assert len({line.account for line in lines}) == len(lines), "a line an account"
    if sum(line.amount for line in lines) != 0:
        raise Fault("the postings of an event do not sum to zero")


def solvent(accounts: Mapping[str, int]) -> None:
    """All accounts sum to zero, no player's is below zero, no escrow is, and nobody owes less than nothing. Raises ``Fault``."""
    if sum(accounts.values()) != 0:
        raise Fault("the accounts do not sum to zero")
    for account, balance in accounts.items():
        if balance < 0 and account.startswith(("player/", "escrow/", "reserve/")):
            raise Fault(f"{account} holds {balance}")
        if balance > 0 and account.startswith("owed/"):
            raise Fault(f"{account} holds {balance}, and a debt is never positive")


def conserved(question: Question, accounts: Counter[str]) -> None:
    """The state agrees with itself and with the escrow's account. Raises ``Fault``."""
    try:
        question.check()
    except AssertionError as error:
        raise Fault(f"question {question.id}: {error}") from error
    for player, flow in question.flows.get(BELL, {}).items():
        if question.life not in OVER and accounts[reserve_account(question.id, player)] != -flow:
            raise Fault(f"question {question.id}: what is set aside for {player} is not what their sealed bets may cost")
    live = question.life not in OVER
    for name, mechanism in question.mechanisms.items():
        held, expected = accounts[escrow_account(question.id, name)], mechanism.escrow if live else 0
        if held != expected:
            raise Fault(f"question {question.id}: the escrow of its {name} holds {held}, and should hold {expected}")
