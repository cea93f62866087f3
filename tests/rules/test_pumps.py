"""Attempts to make points out of nothing: round trips, dust, washing between accounts, and a house that is spent twice."""

from __future__ import annotations

import random

from anyday.instants import DAY, HOUR, Instant
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from tests.rules.table import POINT, Table, ask, at, day, new_table

DAYS = 10


def flatten(table: Table, question: str, who: str) -> None:
    """Sell all that can be sold, and collect the rest."""
    state = table.questions[question]
    for _ in range(60):
        state.market.advance(table.now)
        position = state.market.position(who)
        if position.never:
            assert not isinstance(table.do(who, c.Sell(question, "never")), Refusal)
        elif position.steps:
            first, last, _ = position.steps[0]
            table.must(who, c.Sell(question, f"{day(first + 1)}..{day(last)}"))
        else:
            break
    if state.market.collectable(who):
        table.must(who, c.Collect(question))
    assert not state.market.position(who).steps and not state.market.position(who).never


def random_bet(chance: random.Random, question: str, most: int, first_open: int = 1) -> c.Bet:
    first = chance.randrange(first_open, DAYS + 1)
    between = f"{day(first)}..{day(min(DAYS, first + chance.randrange(4)))}"
    window = chance.choice([between, f"not {between}", "never", f"not before {day(first)}"])
    return c.Bet(question, window, shares=chance.randrange(1, most + 1))


def test_no_round_trip_brings_a_unit(chance: random.Random) -> None:
    """Any bets and sales by one player, back to nothing held: whoever traded at all has lost a unit or more to rounding."""
    best = -(10**12)
    for turn in range(150):
        table = new_table()
        question = ask(table, DAYS, 20 * POINT)
        size = chance.choice([1, 3, 10, 1_000, 40 * POINT])
        taken = [not isinstance(table.do("alice", random_bet(chance, question, size)), Refusal) for _ in range(chance.randrange(1, 25))]
        flatten(table, question, "alice")
        gained = table.accounts["player/alice"] - 1_000 * POINT
        assert gained <= -1 if any(taken) else gained == 0, f"turn {turn}"
        best = max(best, gained if any(taken) else best)
        table.check()
    print(f"the best round trip brought {best}")


def test_ten_thousand_trades_of_dust_lose_a_unit_each_time_around() -> None:
    table = new_table()
    question = ask(table, DAYS, 20 * POINT)
    for _ in range(2_500):
        table.must("alice", c.Bet(question, day(3), shares=1))
        table.must("alice", c.Sell(question, day(3)))
        table.must("alice", c.Bet(question, "never", shares=1))
        table.must("alice", c.Bet(question, "not never", shares=1))
    assert table.accounts["player/alice"] <= 1_000 * POINT - 2_500
    table.check()


def test_two_accounts_of_one_person_win_nothing_from_each_other(chance: random.Random) -> None:
    for _ in range(60):
        table = new_table()
        question = ask(table, DAYS, 20 * POINT)
        for _ in range(20):
            table.do(chance.choice(["alice", "bob"]), random_bet(chance, question, chance.choice([2, 5 * POINT])))
        for who in ("alice", "bob"):
            flatten(table, question, who)
        assert table.accounts["player/alice"] + table.accounts["player/bob"] <= 2_000 * POINT


def test_time_that_passes_between_trades_opens_no_round_trip_that_always_wins(chance: random.Random) -> None:
    """A bot bets, waits for days to pass, sells and collects. Over the outcomes, weighed by the chances at its first bet, it
    gains nothing: on a flat opening curve, each day and never equally likely."""
    for _ in range(25):
        plan = [(chance.choice([0, 1, 13 * HOUR, DAY]), chance.randrange(10**9)) for _ in range(8)]
        total = 0
        for outcome in range(1, DAYS + 2):  # the last one is never
            table = new_table()
            question = ask(table, DAYS, 20 * POINT, opening=c.OpeningUniform(never=90_909))
            news = at(outcome) if outcome <= DAYS else at(DAYS + 1)
            for wait, seed in plan:
                if table.now + wait >= news:
                    break
                table.now = Instant(table.now + wait)
                table.do("alice", random_bet(random.Random(seed), question, 5 * POINT, max(1, (table.now - at(0)) // DAY + 1)))
                table.do("alice", c.Collect(question))
            table.now = at(DAYS + 2)
            table.must("rita", c.Rule(question, f"{day(outcome)} 12:00" if outcome <= DAYS else "never", "seen"))
            total += table.accounts["player/alice"] - 1_000 * POINT
        assert total <= (DAYS + 1) * 20, f"{total}: the uniform chances sum to a gain only by their own rounding"


def test_a_correction_may_take_from_the_house_what_it_has_spent_and_the_books_say_so() -> None:
    """The subsidy went home and was spent on another question; then the ruling is corrected, and the players are owed it.
    The players are paid in full; the house's account may then stand below zero, and the owner's next grant fills it."""
    table = Table()
    for player in ("alice", "rita"):
        table.must(player, c.Join())
    question = ask(table, DAYS, 100 * POINT)
    table.must("alice", c.Bet(question, day(3), spend=20 * POINT))
    table.now = at(12)
    table.must("rita", c.Rule(question, f"{day(5)} 12:00", "seen"))
    house = table.accounts["house"]
    asked = table.must("olga", c.Ask("When?", "It.", "UTC", "day", day(20), day(40), "rita", house, "house"))[0]  # type: ignore[arg-type]
    assert isinstance(asked, e.QuestionOpened) and table.accounts["house"] < 100
    table.must("rita", c.Correct(question, f"{day(3)} 12:00", "seen", "a slip"))
    assert table.accounts["player/alice"] > 1_000 * POINT
    assert sum(table.accounts.values()) == 0 and table.accounts["house"] < 0
    refused = table.do("olga", c.Ask("When?", "It.", "UTC", "day", day(20), day(40), "rita", POINT, "house"))  # type: ignore[arg-type]
    assert isinstance(refused, Refusal) and refused.reason.code == "house_short"
    table.must("olga", c.Grant("house", 200 * POINT, "to cover it"))
    table.check()
