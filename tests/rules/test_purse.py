"""What one may spend, against brute force over every cut: no cut in time brings anybody below zero."""

from __future__ import annotations

import random
from itertools import product

from anyday.instants import Instant
from anyday.rules.purse import Purse

Flow = tuple[str, int, int]  # question, instant, amount


def worst_case(settled: int, flows: list[Flow], cutoff: int) -> int:
    """What is left after the worst choice of a cut on every question, each cut any suffix of its young flows."""
    old = sum(amount for _, at, amount in flows if at < cutoff)
    young: dict[str, list[int]] = {}
    for question, at, amount in flows:
        if at >= cutoff:
            young.setdefault(question, []).append(amount)
    prefixes = [[sum(amounts[:kept]) for kept in range(len(amounts) + 1)] for amounts in young.values()]
    return min(settled + old + sum(kept) for kept in product(*prefixes))


def made(settled: int, flows: list[Flow], cutoffs: dict[int, int]) -> Purse:
    """A purse told the flows in turn, aged here and there on the way."""
    purse = Purse(settled)
    for place, (question, at, amount) in enumerate(flows):
        if place in cutoffs:
            purse.age(Instant(cutoffs[place]))
        purse.flow(question, Instant(at), amount)
    return purse


def test_the_example_of_the_theorem_leaves_forty_and_not_the_ninety_on_the_screen() -> None:
    flows = [("one", 1, -60), ("one", 2, 50), ("one", 3, -30), ("two", 1, 40), ("two", 2, -10)]
    purse = made(100, flows, {})
    assert (purse.floor, purse.balance, purse.pending) == (40, 90, 50)
    assert purse.spendable() == 40 == worst_case(100, flows, 0)
    assert purse.spendable("one") == 60 and purse.spendable("two") == 70 and purse.spendable("three") == 40


def test_the_floor_is_the_worst_that_any_cuts_could_leave(chance: random.Random) -> None:
    for _ in range(2_000):
        settled, now, flows = chance.randrange(0, 200), 0, []
        for _ in range(chance.randrange(0, 13)):
            now += chance.randrange(0, 3)
            flows.append((chance.choice("abc"), now, chance.randrange(-60, 61)))
        cutoff = chance.randrange(0, now + 3)
        # on the way it was aged by less, at any moment: by looking, by refusals, by other commands
        on_the_way = {place: chance.randrange(0, min(cutoff, flows[place][1]) + 1) for place in range(len(flows)) if chance.random() < 0.3}
        purse = made(settled, flows, on_the_way)
        purse.age(Instant(cutoff))
        assert purse.floor == worst_case(settled, flows, cutoff)
        assert purse.balance == settled + sum(amount for _, _, amount in flows)
        for question in "abcd":
            here = sum(amount for name, at, amount in flows if name == question and at >= cutoff)
            elsewhere = [flow for flow in flows if flow[0] != question or flow[1] < cutoff]
            assert purse.spendable(question) == worst_case(settled, elsewhere, cutoff) + here


def test_who_spends_within_the_floor_is_solvent_after_any_cuts(chance: random.Random) -> None:
    """Players who spend all that they may, again and again, and cuts that fall where they hurt most."""
    tempted = 0
    for _ in range(500):
        purse, flows = Purse(100), []
        for now in range(12):
            question = chance.choice("abc")
            amount = chance.randrange(0, 80) if chance.random() < 0.4 else -chance.randrange(0, max(1, purse.spendable(question) + 1))
            assert amount >= 0 or -amount <= purse.spendable(question)
            purse.flow(question, Instant(now), amount)
            flows.append((question, now, amount))
            assert worst_case(100, flows, 0) >= 0, "no choice of cuts leaves less than nothing"
        tempted += purse.balance > purse.floor
    assert tempted > 100, "there was something pending to be tempted by"


def test_a_purse_that_trusted_the_screen_would_be_left_below_zero(chance: random.Random) -> None:
    """The control: spending the balance is what the theorem forbids, and counting debits only is too strict."""
    broken = strict = 0
    for _ in range(300):
        flows: list[Flow] = []
        for now in range(8):
            balance = 100 + sum(amount for _, _, amount in flows)
            amount = chance.randrange(0, 80) if chance.random() < 0.5 else -chance.randrange(0, balance + 1)
            flows.append((chance.choice("abc"), now, amount))
        worst = worst_case(100, flows, 0)
        debits = 100 + sum(min(0, amount) for _, _, amount in flows)
        broken += worst < 0
        strict += debits < worst
        assert debits <= worst
    assert broken > 30 and strict > 30


def test_settling_a_question_makes_its_flows_settled_points() -> None:
    purse = made(100, [("one", 1, -60), ("two", 2, 40), ("one", 3, 10)], {})
    assert purse.floor == 40
    purse.settle("one", 25)
    assert (purse.floor, purse.balance, purse.young()) == (75, 115, {"two": 40})
    purse.settle("two", -40)
    assert (purse.floor, purse.balance) == (75, 75)


def test_passing_time_only_ever_raises_what_one_may_spend(chance: random.Random) -> None:
    for _ in range(300):
        flows = [(chance.choice("ab"), at, chance.randrange(-50, 51)) for at in range(10)]
        purse, floor = made(500, flows, {}), -(10**9)
        for cutoff in range(12):
            purse.age(Instant(cutoff))
            assert purse.floor >= floor
            floor = purse.floor
        assert purse.floor == purse.balance and not any(purse.young().values())
