"""What a player may spend: settled points plus the worst that any cut could leave of the younger flows.

Every flow (a bet, a sale, a collection) on an unsettled question stays *young* until it is older than the crew's
report lag. A ruling may still cut any suffix of a question's young flows, so on question m one may spend
``S + sum over the others of worst + cur_m`` with ``worst = min(0, least prefix sum)`` (docs/mathematics.md, "What
may be spent"). Passing time only ever raises it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from anyday.instants import Instant
from anyday.rules import events as e
from anyday.rules.ledger import HOUSE, Flowing, flow_of, question_of

_NO_FLOW: Final = 2**62


class Young:
    """The young flows of one player on one question, with their sum and least prefix sum in amortised constant time.

    Sums are kept absolute (since the first flow), so that ageing only moves ``base``; ``_least`` is the sliding-window
    minimum of those sums.
    """

    __slots__ = ("_least", "_sums", "base", "count", "total")

    def __init__(self) -> None:
        self.base = 0
        self.total = 0
        self.count = 0
        self._sums: deque[tuple[Instant, int, int]] = deque()  # (at, number, sum up to and with this flow)
        self._least: deque[tuple[int, int]] = deque()  # (number, sum), sums ascending

    @property
    def current(self) -> int:
        """The sum of the young flows."""
        assert self._sums or self.total == self.base, "without young flows there is nothing young"
        return self.total - self.base

    @property
    def worst(self) -> int:
        """The least that a cut could leave of them: at most zero."""
        worst = min(0, self._least[0][1] - self.base) if self._least else 0
        assert worst <= min(0, self.total - self.base), "the whole is a prefix too"
        return worst

    @property
    def oldest(self) -> int:
        """When the oldest young flow was made, or far beyond every instant."""
        assert not self._sums or self._sums[0][0] <= self._sums[-1][0], "the oldest comes first"
        return self._sums[0][0] if self._sums else _NO_FLOW

    def add(self, at: Instant, amount: int) -> None:
        """One more flow; times never decrease."""
        assert not self._sums or self._sums[-1][0] <= at, "times in a stream never decrease"
        self.total += amount
        self.count += 1
        self._sums.append((at, self.count, self.total))
        while self._least and self._least[-1][1] >= self.total:
            self._least.pop()
        self._least.append((self.count, self.total))
        assert self._least[0][1] <= self.total, "the least of them is no more than the newest"

    def age(self, cutoff: Instant) -> int:
        """Let go of the flows made before ``cutoff``; returns their sum, which is settled from now on."""
        before = self.base
        while self._sums and self._sums[0][0] < cutoff:
            _, number, self.base = self._sums.popleft()
            while self._least and self._least[0][0] <= number:
                self._least.popleft()
        assert bool(self._sums) == bool(self._least), "the window's minimum is over the window"
        return self.base - before


class Purse:
    """One player's points in one crew, in micro-points."""

    __slots__ = ("_oldest", "_young", "owed", "settled", "worst")

    def __init__(self, settled: int = 0, owed: int = 0) -> None:
        assert owed >= 0, "nobody owes less than nothing"
        self.settled = settled
        self.owed = owed
        self.worst = 0
        self._young: dict[str, Young] = {}
        self._oldest: int = _NO_FLOW

    @property
    def floor(self) -> int:
        """What is left whatever is cut: it never goes below zero by a player's own command."""
        assert self.worst <= 0, "the worst is never a gain"
        return self.settled + self.worst

    @property
    def balance(self) -> int:
        """All points, pending ones too: what the player's account holds."""
        assert self.worst == sum(young.worst for young in self._young.values()), "the worst that is kept is the worst of all questions"
        return self.settled + sum(young.current for young in self._young.values())

    @property
    def pending(self) -> int:
        """What is on the screen and cannot be spent elsewhere yet."""
        pending = self.balance - self.floor
        assert pending >= 0, "the floor is the least of what may be left"
        return pending

    def spendable(self, question: str | None = None) -> int:
        """What may be spent on ``question``, where its own proceeds are free at once (elsewhere they wait)."""
        young = self._young.get(question) if question is not None else None
        assert young is None or young.worst <= young.current, "what is free here is at least what is free elsewhere"
        return self.floor if young is None else self.floor - young.worst + young.current

    def flow(self, question: str, at: Instant, amount: int) -> None:
        """A bet's or a collection's net amount, negative when points leave the purse."""
        young = self._young.setdefault(question, Young())
        self.worst -= young.worst
        young.add(at, amount)
        self.worst += young.worst
        self._oldest = min(self._oldest, young.oldest)
        assert self.worst <= 0, "the worst is never a gain"

    def age(self, cutoff: Instant) -> None:
        """Fold every flow made before ``cutoff`` into the settled points."""
        if self._oldest >= cutoff:
            return
        floor = self.floor
        for young in self._young.values():
            if young.oldest < cutoff:
                self.worst -= young.worst
                self.settled += young.age(cutoff)
                self.worst += young.worst
        self._oldest = min((young.oldest for young in self._young.values()), default=_NO_FLOW)
        assert self.floor >= floor, "passing time only ever raises what one may spend"

    def settle(self, question: str, amount: int) -> None:
        """The question is settled: its flows are settled points, and ``amount`` (signed) comes with them."""
        young = self._young.pop(question, None)
        assert question not in self._young, "a settled question has no young flows"
        if young is not None:
            self.settled += young.current
            self.worst -= young.worst
        self.credit(amount)

    def credit(self, amount: int) -> None:
        """Settled points come (or, signed, go) at once: a grant, a subsidy, a payout."""
        self.settled += amount
        assert abs(self.settled) < 2**62, "amounts stay within 64 bits"

    def young(self) -> dict[str, int]:
        """The sum of the young flows by question; for the page and the audit."""
        assert all(young.count > 0 for young in self._young.values()), "a question is here from its first flow on"
        return {question: young.current for question, young in self._young.items()}


def apply(purse: Callable[[str], Purse], lag: int, stream: str, event: e.Event) -> tuple[str, ...]:
    """Let an event work on the purses that it touches, each first aged to the event's own time; returns whose they are.

    The one place that moves purses: the writer, the rebuild and the audit all call it, so their floors agree.
    """

    def aged(player: str) -> Purse:
        """The player's purse as of the event: its floor then follows from the log alone, whoever looked in between."""
        held = purse(player)
        held.age(Instant(event.at - lag))
        return held

    assert lag >= 0, "nothing is young before it is made"
    touched = _apply(aged, question_of(stream), event)
    assert all(purse(player).owed >= 0 for player in touched), "nobody repays more than is owed"
    return touched


def _apply(purse: Callable[[str], Purse], question: str, event: e.Event) -> tuple[str, ...]:
    match event:
        case e.PlayerJoined() | e.MadePlayer():
            purse(event.player).credit(event.grant)
            return (event.player,)
        case e.Granted() if event.to != HOUSE:
            receiver = purse(event.to)
            receiver.owed -= event.repaid
            receiver.credit(event.amount - event.repaid)
            return (event.to,)
        case e.QuestionOpened() if event.subsidy_from != HOUSE:
            purse(event.host).credit(-event.subsidy)
            return (event.host,)
        case e.SealedBet():  # no cut leaves it half: it is a bet from the bell on, and set aside until then
            purse(event.player).credit(-event.reserve)
            return (event.player,)
        case e.Filled():
            held = purse(event.player)
            held.credit(event.charge + event.returned)
            if event.shares:
                held.flow(question, Instant(event.at), -event.charge)
            return (event.player,)
        case _ if isinstance(event, Flowing):
            flow = flow_of(event)
            purse(event.player).flow(question, Instant(event.at), flow.released - flow.charge)
            return (event.player,)
        case e.Settled() | e.Voided():
            return _settle(purse, question, event.posted, 1)
        case e.Corrected():
            undone = _settle(purse, question, event.reversed, -1)
            return tuple(dict.fromkeys(undone + _settle(purse, question, event.posted, 1)))
    return ()


def _settle(purse: Callable[[str], Purse], question: str, posted: e.Posted, sign: int) -> tuple[str, ...]:
    assert sign in (1, -1), "posted, or undone"
    amounts = Counter[str]()
    for line in (line for book in posted.books for line in book.lines):
        amounts[line.player] += line.out
    for debt in posted.debts:
        amounts[debt.player] += debt.owed
        purse(debt.player).owed += sign * debt.owed
    for player, amount in amounts.items():
        purse(player).settle(question, sign * amount)
    return tuple(amounts)
