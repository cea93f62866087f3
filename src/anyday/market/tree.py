"""The interval tree: how many shares were sold of every grain, and what every stretch of grains weighs. O(log n).

A fixed dyadic tree over 2^m > count leaves, built only where somebody bet; leaf ``count`` is never (the leaves beyond it
weigh nothing and go with it). Our own construction (docs/mathematics.md, "The tree"), not a transcription of the log-time paper.

Shares are exact integers with permanent marks: nothing is pushed down, and after each update what the two children of
a node have in common moves up to it. So of two children one always has the mark 0, the lightest path below every node
has marks 0, and all marks of grains that have not passed lie within [0, 64 b]. A node therefore stores

    gap   = its left child's mark minus its right child's
    high  = the largest sum of marks on a path below it
    sum   = Σ u·exp(marks below it / b), the weight of its stretch, its own mark left out

``sum`` is derived from the integers at each update and never accumulated: it stays within [1, 2^62·e^64], cancels
nowhere and drifts nowhere, however large the shares get. The marks are a function of the shares alone: any order of
the same bets gives the same tree.

Passed grains keep their shares, frozen. A node whose left child has passed wholly (weight 0.0) carries its own whole
mark in ``gap``; only the path to the first grain left is ever computed anew.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import exp
from typing import Final, NamedTuple

from anyday.market.prior import Opening

#: Nodes that are made room for at once; even, so that pairs stay together.
_ROOM: Final = 254
#: What passed grains may be owed before their marks are set right: a gap is off by as much, and has 64 bits.
_MOST_PENDING: Final = 2**60


class Split(NamedTuple):
    """The weights of a stretch and of all the rest that is left, on one common scale."""

    inside: float
    outside: float


class Tree:
    """Shares and weights over grains 0 to ``count`` (exclusive) and never (grain ``count``)."""

    __slots__ = ("_base", "_child", "_free", "_gap", "_high", "_pending", "_sum", "count", "liquidity", "opening", "passed", "size")

    def __init__(self, opening: Opening, liquidity: int) -> None:
        assert liquidity >= 1, "liquidity is positive"
        self.opening = opening
        self.liquidity = liquidity
        self.count = opening.count
        self.size = 1 << opening.count.bit_length()
        assert self.size > self.count, "never has a leaf of its own"
        self.passed = 0
        self._base = 0  # the root's mark
        self._pending = 0  # what was added to everything left since time last passed: passed grains do not have it
        # slot 0 is nobody, slot 1 the root; children are pairs (even, odd)
        self._child = array("q", (0, 0))
        self._gap = array("q", (0, 0))
        self._high = array("q", (0, 0))
        self._sum = array("d", (0.0, float(opening.total)))
        self._free = 2

    def copy(self) -> Tree:
        """An independent tree with the same shares."""
        twin = object.__new__(Tree)
        for name in ("opening", "liquidity", "count", "size", "passed", "_base", "_pending", "_free"):
            setattr(twin, name, getattr(self, name))
        for name in ("_child", "_gap", "_high", "_sum"):
            setattr(twin, name, array(getattr(self, name).typecode, getattr(self, name)))
        assert twin.nodes == self.nodes and twin.total == self.total
        return twin

    @property
    def nodes(self) -> int:
        """How many nodes are stored."""
        return self._free - 1

    @property
    def least_shares(self) -> int:
        """The fewest shares of any grain left, or of never."""
        return self._base

    @property
    def most_shares(self) -> int:
        """The most shares of any grain left, or of never."""
        assert self._high[1] >= 0, "the highest path is no lower than the lowest"
        return self._base + self._high[1]

    @property
    def total(self) -> float:
        """The weight of all that is left, on the scale of ``split`` and ``masses``."""
        assert self._sum[1] > 0.0, "never can always happen"
        return self._sum[1]

    # reading

    def split(self, first: int, last: int) -> Split:
        """The weights of grains [first, last) and of the rest that is left; ``last`` may be ``count + 1`` to include
        never. Grows nothing."""
        assert self.passed <= first < last <= self.count + 1, "a stretch of what is left"
        child, gap, total, b = self._child, self._gap, self._sum, self.liquidity
        if last > self.count:
            last = self.size
        node, low, width, marks = 1, 0, self.size, 0
        outside = 0.0
        while last - first < width:
            left = child[node]
            if not left:
                high = min(low + width, self.count + 1)
                mass = self.opening.weight(first, min(last, high))
                scale = exp(marks / b)
                return Split(mass * scale, outside + (self.opening.weight(low, high) - mass) * scale)
            width >>= 1
            middle, d = low + width, gap[node]
            if last <= middle:  # all in the left child
                weight = total[left + 1]
                if weight:
                    outside += weight * exp((marks - d) / b if d < 0 else marks / b)
                if d > 0:
                    marks += d
                node = left
            elif first >= middle:  # all in the right child
                weight = total[left]
                if weight:
                    outside += weight * exp((marks + d) / b if d > 0 else marks / b)
                    if d < 0:
                        marks -= d
                node, low = left + 1, middle
            else:
                inner, outer = self._suffix(left, low, width, first, marks + d if d > 0 else marks)
                more, rest = self._prefix(left + 1, middle, width, last, marks - d if d < 0 else marks)
                return Split(inner + more, outside + outer + rest)
        return Split(total[node] * exp(marks / b), outside)

    def _suffix(self, node: int, low: int, width: int, first: int, marks: int) -> tuple[float, float]:
        """Inside and outside weights of [first, end of the node)."""
        assert low <= first < low + width, "the node holds the edge"
        child, gap, total, b = self._child, self._gap, self._sum, self.liquidity
        inside = outside = 0.0
        while first > low:
            left = child[node]
            if not left:
                scale, end = exp(marks / b), low + width
                end = end if end <= self.count else self.count + 1
                return inside + self.opening.weight(first, end) * scale, outside + self.opening.weight(low, first) * scale
            width >>= 1
            middle, d = low + width, gap[node]
            if first >= middle:
                weight = total[left]
                if weight:
                    outside += weight * exp((marks + d) / b if d > 0 else marks / b)
                    if d < 0:
                        marks -= d
                node, low = left + 1, middle
            else:
                inside += total[left + 1] * exp((marks - d) / b if d < 0 else marks / b)
                if d > 0:
                    marks += d
                node = left
        return inside + total[node] * exp(marks / b), outside

    def _prefix(self, node: int, low: int, width: int, last: int, marks: int) -> tuple[float, float]:
        """Inside and outside weights of [start of the node, last)."""
        assert low < last <= low + width, "the node holds the edge"
        child, gap, total, b = self._child, self._gap, self._sum, self.liquidity
        inside = outside = 0.0
        while last < low + width:
            left = child[node]
            if not left:
                scale, end = exp(marks / b), low + width
                end = end if end <= self.count else self.count + 1
                return inside + self.opening.weight(low, last) * scale, outside + self.opening.weight(last, end) * scale
            width >>= 1
            middle, d = low + width, gap[node]
            if last <= middle:
                weight = total[left + 1]
                if weight:
                    outside += weight * exp((marks - d) / b if d < 0 else marks / b)
                if d > 0:
                    marks += d
                node = left
            else:
                inside += total[left] * exp((marks + d) / b if d > 0 else marks / b)
                if d < 0:
                    marks -= d
                node, low = left + 1, middle
        return inside + total[node] * exp(marks / b), outside

    def shares_at(self, grain: int) -> int:
        """The shares of one grain, passed or not; ``count`` for never."""
        assert 0 <= grain <= self.count, "grains are numbered from 0, and never follows the last"
        shares = self._base if grain >= self.passed else self._base - self._pending
        node, low, width = 1, 0, self.size
        while left := self._child[node]:
            width >>= 1
            d = self._gap[node]
            whole = not self._sum[left]  # the left child carries the whole gap
            if grain < low + width:
                shares += d if d > 0 or whole else 0
                node = left
            else:
                shares -= d if d < 0 and not whole else 0
                node, low = left + 1, low + width
        return shares

    def extremes(self, first: int, last: int) -> tuple[int, int]:
        """(fewest, most) shares of any grain in [first, last), all of it left; ``last`` may include never."""
        assert self.passed <= first < last <= self.count + 1, "a stretch of what is left"
        end = self.size if last > self.count else last
        found: list[int] = []
        waiting = [(1, 0, self.size, self._base)]
        while waiting:
            node, low, width, shares = waiting.pop()
            if (first <= low and low + width <= end) or not self._child[node]:
                found += (shares, shares + self._high[node])
                continue
            left, width, d = self._child[node], width >> 1, self._gap[node]
            whole = not self._sum[left]
            if first < low + width and not whole:
                waiting.append((left, low, width, shares + max(d, 0)))
            if end > low + width:
                waiting.append((left + 1, low + width, width, shares if whole else shares - min(d, 0)))
        assert found, "every stretch holds a grain"
        return min(found), max(found)

    def reach(self, chance: float) -> int:
        """The first grain by whose end the chance that it has happened reaches ``chance``; ``count`` if only never does."""
        assert 0.0 <= chance <= 1.0, "a chance"
        wanted = chance * self._sum[1]
        node, low, width, marks = 1, 0, self.size, 0
        while left := self._child[node]:
            width >>= 1
            d, weight = self._gap[node], self._sum[left]
            if weight:
                weight *= exp((marks + max(d, 0)) / self.liquidity)
                if wanted <= weight:
                    node, marks = left, marks + max(d, 0)
                    continue
                marks -= min(d, 0)
            wanted -= weight
            node, low = left + 1, low + width
        if low >= self.count:
            return self.count
        start = self.opening.before(low)
        return max(self.passed, self.opening.grain_at(start + wanted / exp(marks / self.liquidity)))

    def masses(self, edges: Sequence[int]) -> list[float]:
        """The weights between neighbouring edges (rising, of what is left), each from its own terms, in one sweep."""
        assert len(edges) >= 2 and edges[0] >= self.passed and edges[-1] <= self.count + 1, "edges of what is left"
        sums = [0.0] * (len(edges) + 1)  # the first and the last lie outside
        child, gap, total, b, mass = self._child, self._gap, self._sum, self.liquidity, self.opening.weight
        waiting = [(1, 0, self.size, 0, 0, len(edges))]
        while waiting:
            node, low, width, marks, i, j = waiting.pop()
            left = child[node]
            if i == j:
                sums[i] += total[node] * exp(marks / b)
            elif not left:
                scale, high = exp(marks / b), min(low + width, self.count + 1)
                for k in range(i, j + 1):
                    stop = min(edges[k], high) if k < j else high
                    sums[k] += mass(low, stop) * scale
                    low = stop
            else:
                width >>= 1
                middle, d = low + width, gap[node]
                k = bisect_left(edges, middle, i, j)
                after = k + 1 if k < j and edges[k] == middle else k
                if i < j and edges[i] <= low:
                    i += 1
                if total[left]:
                    waiting.append((left, low, width, marks + d if d > 0 else marks, i, max(i, k)))
                    marks = marks - d if d < 0 else marks
                waiting.append((left + 1, middle, width, marks, max(after, i), j))
        return sums[1:-1]

    def stretches(self) -> Iterator[tuple[int, int, int]]:
        """(first, last, shares) of what is left, in order; never is the stretch [count, count + 1). Every stored leaf."""
        waiting = [(1, 0, self.size, self._base)]
        while waiting:
            node, low, width, shares = waiting.pop()
            left, end = self._child[node], min(low + width, self.count + 1)
            if low > self.count or end <= self.passed:
                continue
            if not left:
                if low < self.count < end - 1 or end - 1 == self.count > low:
                    yield low, self.count, shares
                    low = self.count
                yield low, end, shares
                continue
            width >>= 1
            d, whole = self._gap[node], not self._sum[left]
            waiting.append((left + 1, low + width, width, shares if whole else shares - min(d, 0)))
            if not whole:
                waiting.append((left, low, width, shares + max(d, 0)))

    # changing

    def shift(self, shares: int) -> None:
        """Add shares to everything that is left, never included. Passed grains stay as they are."""
        self._base += shares
        self._pending += shares
        if abs(self._pending) > _MOST_PENDING:
            self._freeze()
        assert abs(self._pending) <= _MOST_PENDING, "gaps keep within 64 bits"

    def add(self, first: int, last: int, shares: int) -> None:
        """Add shares (or take them away) over grains [first, last), all left; ``last`` may be ``count + 1`` for never."""
        assert self.passed <= first < last <= self.count + 1, "a stretch of what is left"
        child = self._child
        if last > self.count:
            last = self.size
        node, low, width, delta = 1, 0, self.size, shares
        spine: list[int] = []
        while last - first < width:
            left = child[node] or self._grow(node, low, width)
            width >>= 1
            middle = low + width
            if last <= middle:
                spine.append(node)
                node = left
            elif first >= middle:
                spine.append(node)
                node, low = left + 1, middle
            else:
                up = self._add_suffix(left, low, width, first, shares)
                delta = self._pull(node, up, self._add_prefix(left + 1, middle, width, last, shares))
                break
        self._base += self._climb(spine, node, delta, 0, 0)

    def _add_suffix(self, node: int, low: int, width: int, first: int, shares: int) -> int:
        """Add over [first, end of the node); gives what moves up into the node's own mark."""
        assert low <= first < low + width, "the node holds the edge"
        path: list[int] = []
        while first > low:
            left = self._child[node] or self._grow(node, low, width)
            width >>= 1
            path.append(node)
            if first >= low + width:
                node, low = left + 1, low + width
            else:
                node = left
        return self._climb(path, node, shares, 0, shares)

    def _add_prefix(self, node: int, low: int, width: int, last: int, shares: int) -> int:
        """Add over [start of the node, last); gives what moves up into the node's own mark."""
        assert low < last <= low + width, "the node holds the edge"
        path: list[int] = []
        while last < low + width:
            left = self._child[node] or self._grow(node, low, width)
            width >>= 1
            path.append(node)
            if last > low + width:
                node, low = left + 1, low + width
            else:
                node = left
        return self._climb(path, node, shares, shares, 0)

    def _climb(self, path: list[int], node: int, delta: int, left_gains: int, right_gains: int) -> int:
        """Pull every parent on the path, from the node up, whose mark gained ``delta``; beside the path left children gain
        ``left_gains``, right ones ``right_gains``. This is ``_pull`` without its calls: most of a bet's time is spent here."""
        child, gap, total, highest, b = self._child, self._gap, self._sum, self._high, self.liquidity
        for parent in reversed(path):
            left, old = child[parent], gap[parent]
            if node & 1:
                more_left, more_right = left_gains, delta
            else:
                more_left, more_right = delta, right_gains
            d = gap[parent] = old + more_left - more_right
            weight, other = total[left], total[left + 1]
            high, higher = highest[left], highest[left + 1]
            if not weight:
                total[parent], highest[parent], delta = other, higher, more_right
            elif d > 0:
                total[parent] = weight * exp(d / b) + other
                high += d
                highest[parent] = high if high > higher else higher
                delta = more_right - old if old < 0 else more_right
            else:
                total[parent] = weight + other * exp(-d / b)
                higher -= d
                highest[parent] = high if high > higher else higher
                delta = more_left + old if old > 0 else more_left
            node = parent
        assert not path or total[node] > 0.0, "a parent of something left"
        return delta

    def _pull(self, node: int, more_left: int, more_right: int) -> int:
        """Take in what the children's marks gained; compute the node anew; give what both have in common."""
        left = self._child[node]
        old = self._gap[node]
        d = self._gap[node] = old + more_left - more_right
        weight, other = self._sum[left], self._sum[left + 1]
        high, higher = self._high[left], self._high[left + 1]
        assert left and weight + other > 0.0, "a parent of something left"
        if not weight:
            self._sum[node], self._high[node] = other, higher
            return more_right
        if d > 0:
            self._sum[node] = weight * exp(d / self.liquidity) + other
            high += d
            self._high[node] = high if high > higher else higher
            return more_right - old if old < 0 else more_right
        self._sum[node] = weight + other * exp(-d / self.liquidity)
        higher -= d
        self._high[node] = high if high > higher else higher
        return more_left + old if old > 0 else more_left

    def _grow(self, node: int, low: int, width: int) -> int:
        """Give a node its two children: nobody has bet apart below it yet."""
        left, half, end = self._free, width >> 1, self.count + 1
        assert half >= 1 and not left & 1, "pairs are even and odd"
        if left == len(self._child):
            room = bytes(_ROOM * 8)
            for numbers in (self._child, self._gap, self._high, self._sum):
                numbers.frombytes(room)
        self._free = left + 2
        middle, high = min(low + half, end), min(low + width, end)
        self._child[node] = left
        before = self.opening.before
        cut = before(middle)
        self._sum[left], self._sum[left + 1] = float(cut - before(low)), float(before(high) - cut)
        return left

    def advance(self, passed: int) -> None:
        """Let the grains before ``passed`` pass: their shares freeze, their weight is gone. O(log n), whatever the step."""
        assert self.passed <= passed <= self.count, "time runs forwards, and never never passes"
        if passed == self.passed:
            return
        self._freeze()
        node, low, width = 1, 0, self.size
        path: list[tuple[int, bool]] = []
        while low < passed:
            left = self._child[node] or self._grow(node, low, width)
            width >>= 1
            if passed >= low + width:
                path.append((node, self._sum[left] != 0.0))
                self._sum[left] = 0.0
                node, low = left + 1, low + width
            else:
                path.append((node, False))
                node = left
        delta = 0
        for parent, newly in reversed(path):
            if node & 1:
                common = max(-self._gap[parent], 0) if newly else 0  # the right child's mark, by the gap until now
                self._gap[parent] -= delta
                self._sum[parent], self._high[parent] = self._sum[node], self._high[node]
                delta += common
            else:
                delta = self._pull(parent, delta, 0)
            node = parent
        self._base += delta
        self.passed = passed
        assert self._sum[1] > 0.0 and self._high[1] >= 0, "never is always left"

    def _freeze(self) -> None:
        """Take what was added to all that is left off the passed grains' marks."""
        node, low, width = 1, 0, self.size
        while self._pending and low < self.passed:
            left, width = self._child[node], width >> 1
            if self.passed >= low + width:
                self._gap[node] -= self._pending
                node, low = left + 1, low + width
            else:
                node = left
        self._pending = 0

    def check(self) -> None:
        """Assert that every stored number follows from the marks and the opening curve."""
        assert len(self._child) == len(self._gap) == len(self._high) == len(self._sum)
        order = [(1, 0, self.size)]
        for node, low, width in order:
            if left := self._child[node]:
                half = width >> 1
                if self._sum[left]:
                    order.append((left, low, half))
                else:
                    assert low + half <= self.passed, "only passed grains weigh nothing"
                order.append((left + 1, low + half, half))
        for node, low, width in reversed(order):
            end = min(low + width, self.count + 1)
            left = self._child[node]
            if not left:
                assert low >= self.passed and self._high[node] == 0, "what is left and undivided has no marks below"
                assert self._sum[node] == float(self.opening.weight(min(low, end), end)), "and weighs what it did at the opening"
                continue
            d = self._gap[node]
            weight, other, high = self._sum[left], self._sum[left + 1], self._high[left + 1]
            if weight:
                high = max(self._high[left] + max(d, 0), high - min(d, 0))
                weight = weight * exp(max(d, 0) / self.liquidity)
                other = other * exp(-min(d, 0) / self.liquidity)
            assert self._high[node] == high, "the highest path"
            assert abs(self._sum[node] - weight - other) <= 1e-15 * self._sum[node], "the weight is derived"
