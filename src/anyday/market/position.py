"""What one player holds on one question: whole shares over time, as steps; its floor is cash.

The function over the grains left and never is never negative. What all of them have in common, the floor, pays
whatever happens: it becomes points inside the player's own bet or when they collect.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: The most steps that one position may have.
MOST_STEPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Position:
    """A position as it stands, floor taken off: ``steps`` (first, last, shares > 0) over the grains left, in order,
    ``never`` what it pays if it never happens, and ``floor`` what could be collected, in units."""

    steps: tuple[tuple[int, int, int], ...]
    never: int
    floor: int

    def at(self, grain: int) -> int:
        """What it pays for one grain, floor taken off."""
        place = bisect_right(self.steps, grain, key=lambda step: step[0]) - 1
        if place < 0 or grain >= self.steps[place][1]:
            return 0
        assert self.steps[place][2] > 0, "only what pays is listed"
        return self.steps[place][2]


class Holding:
    """The mutable steps behind a position, over grains 0 to ``count`` and never (grain ``count``)."""

    __slots__ = ("count", "shares", "starts")

    def __init__(self, count: int) -> None:
        self.count = count
        self.starts = [0]
        self.shares = [0]

    def copy(self) -> Holding:
        """An independent holding of the same."""
        twin = Holding(self.count)
        twin.starts, twin.shares = [*self.starts], [*self.shares]
        assert len(twin) == len(self)
        return twin

    def __len__(self) -> int:
        assert len(self.starts) == len(self.shares)
        return len(self.starts)

    def at(self, grain: int) -> int:
        """The shares of one grain; ``count`` for never. Grains that passed before the last change read as its first."""
        assert 0 <= grain <= self.count, "grains are numbered from 0, and never follows the last"
        return self.shares[max(bisect_right(self.starts, grain) - 1, 0)]

    def least(self, first: int, last: int) -> int:
        """The fewest shares in [first, last); ``last`` may be ``count + 1`` for never."""
        assert first < last <= self.count + 1, "a stretch holds a grain"
        shares = self.shares
        if len(shares) == 1:
            return shares[0]
        low = max(bisect_right(self.starts, first) - 1, 0)
        return min(shares[low : bisect_left(self.starts, last, low + 1)])

    def least_outside(self, first: int, last: int, passed: int) -> int | None:
        """The fewest shares among what is left outside [first, last); None if nothing is."""
        assert passed <= first < last, "a stretch of what is left"
        before = self.least(passed, first) if passed < first else None
        after = self.least(last, self.count + 1) if last <= self.count else None
        if before is None or after is None:
            return after if before is None else before
        return before if before < after else after

    def pass_to(self, passed: int) -> None:
        """Forget the steps that have passed wholly."""
        place = bisect_right(self.starts, passed) - 1
        if place > 0:
            del self.starts[:place], self.shares[:place]
        self.starts[0] = 0
        assert self.starts[-1] <= self.count, "never stays"

    def shift(self, shares: int) -> None:
        """Add shares everywhere."""
        self.shares = [held + shares for held in self.shares]

    def add(self, first: int, last: int, shares: int) -> None:
        """Add shares over [first, last); equal neighbours become one step."""
        assert first < last <= self.count + 1 and shares != 0, "a change covers something"
        low, high = self._cut(first), self._cut(last)
        self.shares[low:high] = [held + shares for held in self.shares[low:high]]
        for place in (high, low):
            if 0 < place < len(self.shares) and self.shares[place] == self.shares[place - 1]:
                del self.starts[place], self.shares[place]

    def _cut(self, grain: int) -> int:
        """The place of the step that starts at ``grain``, cut in two if need be; the end of all is no step."""
        place = bisect_left(self.starts, grain)
        if grain > self.count or (place < len(self.starts) and self.starts[place] == grain):
            return place
        assert place > 0, "the first step starts with the first grain"
        self.starts.insert(place, grain)
        self.shares.insert(place, self.shares[place - 1])
        return place

    def steps(self, passed: int) -> Iterator[tuple[int, int, int]]:
        """(first, last, shares) of what is left, in order; the last step ends with never, at ``count + 1``."""
        ends = [*self.starts[1:], self.count + 1]
        for first, last, shares in zip(self.starts, ends, self.shares, strict=True):
            if last > passed:
                yield max(first, passed), last, shares
        assert ends[-1] > passed, "never never passes"

    def view(self, passed: int) -> Position:
        """The position as it stands."""
        floor = self.least(passed, self.count + 1)
        assert floor >= 0, "no position is negative"
        steps = tuple(
            (first, min(last, self.count), shares - floor)
            for first, last, shares in self.steps(passed)
            if shares > floor and first < self.count
        )
        return Position(steps, self.shares[-1] - floor, floor)
