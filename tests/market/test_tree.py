"""The interval tree against flat lists in 50 digits, and against itself."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyday.market.horizon import Claim
from anyday.market.prior import Opening, from_quantiles, uniform
from anyday.market.tree import Tree
from anyday.refusals import Refusal
from tests.market.flat import MP, Flat

CLOSE = 1e-12


def opening_of(count: int, skew: bool) -> Opening:
    made = from_quantiles(count, [(count // 2, 700_000)], 50_000) if skew and count > 1 else uniform(count, 200_000)
    assert not isinstance(made, Refusal)
    return made


@st.composite
def stories(draw: st.DrawFn) -> tuple[Opening, int, list[tuple[str, int, int, int]]]:
    """An opening curve, b, and what happened: adds (also of never), shifts and passes of time."""
    count = draw(st.integers(1, 24))
    liquidity = draw(st.sampled_from((1, 10, 1_000, 10**6, 10**13)))
    steps = []
    passed = 0
    for _ in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(("add", "add", "add", "shift", "pass")))
        if kind == "pass":
            passed = draw(st.integers(passed, count))
            steps.append((kind, passed, 0, 0))
        else:
            first = draw(st.integers(passed, count))
            last = draw(st.integers(first + 1, count + 1))
            steps.append((kind, first, last, draw(st.integers(-8 * liquidity, 8 * liquidity))))
    return opening_of(count, draw(st.booleans())), liquidity, steps


def play(tree: Tree, flat: Flat, story: list[tuple[str, int, int, int]], after: Callable[[], None]) -> None:
    for kind, first, last, shares in story:
        if kind == "pass":
            tree.advance(first)
            flat.passed = first
        elif kind == "shift":
            tree.shift(shares)
            flat.shift(shares)
        else:
            tree.add(first, last, shares)
            for grain in range(first, last):
                flat.q[grain] += shares
        after()


def weights(opening: Opening) -> list[int]:
    return [opening.weight(grain, grain + 1) for grain in range(opening.count + 1)]


@given(stories(), st.randoms(use_true_random=False))
def test_the_tree_says_what_flat_lists_say(story: tuple[Opening, int, list[tuple[str, int, int, int]]], dice: random.Random) -> None:
    opening, liquidity, steps = story
    tree, flat, count = Tree(opening, liquidity), Flat(weights(opening), liquidity), opening.count

    def compare() -> None:
        tree.check()
        nodes = tree.nodes
        assert [tree.shares_at(grain) for grain in range(count + 1)] == flat.q, "passed grains too: they are frozen"
        left = flat.q[flat.passed :]
        assert (tree.least_shares, tree.most_shares) == (min(left), max(left))
        first = dice.randint(flat.passed, count)
        last = dice.randint(first + 1, count + 1)
        inside, outside = tree.split(first, last)
        rest = [*range(flat.passed, first), *range(last, count + 1)]
        whole = flat.weight(range(flat.passed, count + 1))
        for found, exact in ((inside, flat.weight(range(first, last))), (outside, flat.weight(rest))):
            assert abs(MP.mpf(found) / (MP.mpf(inside) + outside) - exact / whole) <= CLOSE * exact / whole, "relative, both sides"
        assert tree.extremes(first, last) == (min(flat.q[first:last]), max(flat.q[first:last]))
        edges = sorted({flat.passed, first, last, dice.randint(flat.passed, count + 1), count + 1})
        for found, (a, b) in zip(tree.masses(edges), itertools.pairwise(edges), strict=True):
            exact = flat.weight(range(a, b))
            assert abs(MP.mpf(found) / tree.total - exact / whole) <= CLOSE * exact / whole
        spelled = [shares for a, b, shares in tree.stretches() for _ in range(max(a, flat.passed), b)]
        assert spelled == left
        assert tree.nodes == nodes, "reading grows nothing"

    play(tree, flat, steps, compare)


@given(stories())
def test_the_order_of_bets_and_how_they_are_cut_leave_the_same_tree(story: tuple[Opening, int, list[tuple[str, int, int, int]]]) -> None:
    opening, liquidity, steps = story
    adds = [step for step in steps if step[0] == "add"]
    one, other = Tree(opening, liquidity), Tree(opening, liquidity)
    for _, first, last, shares in adds:
        one.add(first, last, shares)
    for _, first, last, shares in reversed(adds):
        middle = (first + last) // 2
        for a, b in ((first, middle), (middle, last)):
            if a < b:
                other.add(a, b, shares)
    assert merged(one) == merged(other)
    assert one.least_shares == other.least_shares
    assert one.most_shares == other.most_shares
    assert abs(one.total - other.total) <= 1e-14 * one.total


def merged(tree: Tree) -> list[tuple[int, int]]:
    """Where the shares change, and to what."""
    steps = [(first, shares) for first, _, shares in tree.stretches()]
    return [step for place, step in enumerate(steps) if not place or steps[place - 1][1] != step[1]]


@given(stories())
def test_a_copy_lives_its_own_life(story: tuple[Opening, int, list[tuple[str, int, int, int]]]) -> None:
    opening, liquidity, steps = story
    tree = Tree(opening, liquidity)
    play(tree, Flat(weights(opening), liquidity), steps, lambda: None)
    before, twin = merged(tree), tree.copy()
    twin.add(tree.passed, opening.count + 1, 7)
    if tree.passed < opening.count:
        twin.add(tree.passed, tree.passed + 1, 5)
        twin.advance(opening.count)
    assert merged(tree) == before
    tree.check()
    twin.check()


@given(stories(), st.floats(0.0, 1.0))
def test_a_chance_is_reached_where_the_sum_of_masses_reaches_it(
    story: tuple[Opening, int, list[tuple[str, int, int, int]]], chance: float
) -> None:
    opening, liquidity, steps = story
    tree, flat = Tree(opening, liquidity), Flat(weights(opening), liquidity)
    play(tree, flat, steps, lambda: None)
    found, whole = tree.reach(chance), flat.weight(range(flat.passed, opening.count + 1))
    assert flat.passed <= found <= opening.count
    by_end = flat.weight(range(flat.passed, found + 1)) / whole
    by_start = flat.weight(range(flat.passed, found)) / whole
    assert by_start - 1e-12 <= chance <= by_end + 1e-12


@pytest.mark.parametrize(("liquidity", "already"), [(1_000, 0), (10**9, 0), (10**9, 2**52), (7, 2**53 - 10**6)])
def test_everything_but_in_turns_keeps_twelve_digits_however_large_the_shares_get(liquidity: int, already: int) -> None:
    opening, rng = opening_of(30, skew=True), random.Random(5)
    tree, flat = Tree(opening, liquidity), Flat(weights(opening), liquidity)
    tree.shift(already)
    flat.shift(already)
    for turn in range(600):
        grain, size = turn % 30, rng.randrange(20 * liquidity, 30 * liquidity)
        tree.add(grain + 1, 31, size)
        if grain:
            tree.add(0, grain, size)
        flat.add_to([*range(grain), *range(grain + 1, 31)], size)
        if turn % 29 == 0:
            tree.check()
            first = rng.randrange(0, 30)
            last = rng.randrange(first + 1, 31)
            inside, outside = tree.split(first, last)
            exact = flat.price(Claim(first, last, False))
            assert abs(MP.mpf(inside) / (MP.mpf(inside) + outside) - exact) <= CLOSE * exact
    assert tree.most_shares == max(flat.q) > already + 10_000 * liquidity, "hundreds of times what one bet may add"


def test_any_volume_between_two_passes_of_time_leaves_passed_grains_as_they_were() -> None:
    tree = Tree(opening_of(9, skew=False), 2**50)
    tree.add(0, 2, 77)
    tree.advance(3)
    size = 2**53
    for turn in range(3_000):  # two thousand of these alone would overflow 64 bits, were they only ever added up
        sign = 1 if turn < 2_000 else -1
        tree.shift(sign * size)
        tree.add(3, 7, -sign * size)
        tree.add(7, 10, -sign * size)
    tree.check()
    assert [tree.shares_at(grain) for grain in range(10)] == [77, 77, *[0] * 8]
    tree.advance(5)
    assert [tree.shares_at(grain) for grain in range(10)] == [77, 77, *[0] * 8]
    assert tree.least_shares == tree.most_shares == 0


@pytest.mark.parametrize("count", [1, 2, 3, 255, 256, 2**22 - 1, 2**22])
def test_a_tree_of_any_size_holds_its_ends(count: int) -> None:
    tree = Tree(opening_of(count, skew=False), 1_000)
    tree.add(0, 1, 5)
    tree.add(count - 1, count, 7)
    tree.add(count, count + 1, 11)
    tree.check()
    assert tree.shares_at(count) == 11
    assert tree.shares_at(count - 1) == (12 if count == 1 else 7)
    tree.advance(count)
    tree.check()
    assert tree.split(count, count + 1).outside == 0.0
    assert tree.shares_at(0) == (12 if count == 1 else 5)
    assert (tree.least_shares, tree.most_shares) == (11, 11)
    assert tree.nodes < 200


@settings(max_examples=25)
@given(st.integers(0, 2**22 - 2), st.integers(1, 2**20), st.integers(1, 64))
def test_a_sharp_peak_among_four_million_grains_keeps_its_digits(first: int, width: int, height: int) -> None:
    opening = opening_of(2**22, skew=False)
    last = min(first + width, 2**22)
    tree = Tree(opening, 1_000_000)
    tree.add(first, last, height * 1_000_000)
    inside, outside = tree.split(first, last)
    mass = MP.mpf(opening.weight(first, last))
    grown = mass * MP.exp(height)
    exact = grown / (grown + opening.total - mass)
    assert abs(MP.mpf(inside) / (MP.mpf(inside) + outside) - exact) <= CLOSE * exact
    rest = MP.mpf(outside) / (MP.mpf(inside) + outside)
    assert abs(rest - (1 - exact)) <= CLOSE * (1 - exact), "the complement, down to 1e-27, from its own terms"
