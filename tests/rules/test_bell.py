"""The sealed opening by the rules alone: what a sealed bet sets aside, when the bell rings, and what it returns."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from anyday.instants import DAY, Instant
from anyday.refusals import Refusal
from anyday.rules import bell, powers
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.audit import ExactBook, Fault
from anyday.rules.question import Life
from tests.rules.table import POINT, Table, ask, at, day, new_table

BELL = 4  # the day on which it rings, of a question that covers days 6 to 18


def opened(players: tuple[str, ...] = ("alice", "bob", "carol", "rita"), **changed: Any) -> tuple[Table, str]:
    table = new_table(players)
    return table, ask(table, first=6, bell=day(BELL), **changed)


def reason(table: Table, who: str, command: c.Command) -> str:
    decided = table.do(who, command)
    return decided.reason.code if isinstance(decided, Refusal) else "taken"


def balance(table: Table, who: str) -> int:
    return table.accounts[f"player/{who}"]


def test_a_sealed_bet_sets_aside_what_it_may_cost_and_the_bell_returns_the_rest() -> None:
    table, question = opened()
    before = balance(table, "alice")
    table.must("alice", c.SealBet(question, "before " + day(9), 900_000, spend=9 * POINT))
    assert (before - balance(table, "alice"), table.accounts[f"reserve/{question}/alice"]) == (9 * POINT, 9 * POINT)
    state = table.questions[question]
    assert (state.version, state.bets, state.stakeholders, state.market.players) == (1, 0, set(), ())
    table.check()
    table.now = at(BELL)
    rung, filled = table.wait(question)
    assert isinstance(rung, e.Rung) and isinstance(filled, e.Filled)
    assert rung.at == filled.at == at(BELL)
    assert 0 < filled.charge < 9 * POINT == filled.charge + filled.returned
    assert before - balance(table, "alice") == filled.charge
    assert table.accounts[f"reserve/{question}/alice"] == 0
    assert state.market.position("alice").at(0) == filled.shares == 10 * POINT
    table.check()
    table.check_replay()


def test_all_pay_one_price_and_nobody_has_anything_from_having_been_first() -> None:
    table, question = opened()
    for turn, who in enumerate(("carol", "alice", "bob")):
        table.now = at(turn)
        table.must(who, c.SealBet(question, "before " + day(9), 500_000, shares=100 * POINT))
    table.now = at(BELL + 0.5)
    rung, *filled = table.wait(question)
    assert isinstance(rung, e.Rung)
    assert len({(line.shares, line.price, line.charge) for line in rung.lines}) == 1
    assert [event.player for event in filled if isinstance(event, e.Filled)] == ["alice", "bob", "carol"]
    assert rung.lines[0].price == 500_000 * 10**9, "filled in part, at their limit"
    table.check()
    table.check_replay()


def test_before_the_bell_nobody_bets_at_once_and_after_it_nobody_seals() -> None:
    table, question = opened()
    seal = c.SealBet(question, day(7), 500_000, shares=POINT)
    assert reason(table, "alice", c.Bet(question, day(7), shares=POINT)) == "sealed_until"
    assert reason(table, "alice", c.Sell(question, day(7))) == "sealed_until"
    assert reason(table, "rita", seal) == "barred"
    table.now = Instant(at(BELL) - 1)
    assert reason(table, "alice", seal) == "taken"
    table.now = at(BELL)
    assert reason(table, "alice", seal) == "bell_rung"
    assert reason(table, "alice", c.WithdrawBet(question, 1)) == "bell_rung"
    assert reason(table, "alice", c.Bet(question, day(7), shares=POINT)) == "taken"
    other = ask(table, first=8)
    assert reason(table, "alice", c.SealBet(other, day(9), 500_000, shares=POINT)) == "no_bell"
    assert reason(table, "alice", c.WithdrawBet(other, 1)) == "no_bell"
    table.check()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"limit": 0}, "not_a_chance"), ({"limit": 1_000_000}, "not_a_chance"), ({"shares": None}, "one_size"), ({"spend": POINT}, "one_size"),
        ({"shares": 0}, "too_small"), ({"shares": 1_999 * POINT}, "not_enough"), ({"shares": 10**5 * POINT}, "book_too_steep"),
        ({"replaces": 1}, "not_found"), ({"window": "2031"}, "out_of_span"),
    ],
)  # fmt: skip
def test_what_cannot_be_sealed_is_refused(changed: dict[str, Any], why: str) -> None:
    table, question = opened(subsidy=200 * POINT)
    fields: dict[str, Any] = {"question": question, "window": day(7), "limit": 900_000, "shares": POINT}
    assert reason(table, "alice", c.SealBet(**(fields | changed))) == why


def test_a_sealed_bet_is_changed_and_withdrawn_and_what_was_set_aside_comes_back() -> None:
    table, question = opened()
    before = balance(table, "alice")
    table.must("alice", c.SealBet(question, day(7), 500_000, shares=10 * POINT))
    table.must("alice", c.SealBet(question, day(8), 250_000, shares=10 * POINT, replaces=1))
    assert before - balance(table, "alice") == 2_500_000
    assert reason(table, "alice", c.WithdrawBet(question, 1)) == "not_found"
    table.must("alice", c.WithdrawBet(question, 2))
    assert balance(table, "alice") == before
    table.now = at(BELL)
    assert [type(event) for event in table.wait(question)] == [e.Rung]
    table.check()
    table.check_replay()


def test_nobody_seals_more_than_may_be_read_by_one_bell() -> None:
    table, question = opened()
    seal = c.SealBet(question, day(7), 1_000, shares=POINT)
    for _ in range(bell.MOST_STANDING):
        table.must("alice", seal)
    assert reason(table, "alice", seal) == "too_many_entries"
    for turn in range(bell.MOST_STANDING, bell.MOST_SEALED):
        table.must("alice", msgspec.structs.replace(seal, replaces=turn))
    assert reason(table, "alice", msgspec.structs.replace(seal, replaces=bell.MOST_SEALED)) == "too_many_entries"


@pytest.mark.parametrize("rung", [False, True])
def test_calling_it_off_returns_every_sealed_bet_to_the_unit(rung: bool) -> None:
    table, question = opened()
    before = {who: balance(table, who) for who in ("alice", "bob")}
    table.must("alice", c.SealBet(question, day(7), 500_000, shares=100 * POINT))
    table.must("bob", c.SealBet(question, "never", 900_000, spend=50 * POINT))
    table.now = at(BELL + (1 if rung else -1))
    table.must("rita", c.Void(question, "No longer of interest."))
    assert table.questions[question].rung is rung
    assert {who: balance(table, who) for who in ("alice", "bob")} == before
    assert not any(amount for account, amount in table.accounts.items() if account.startswith(("reserve/", "escrow/")))
    table.check()
    table.check_replay()


def test_sealed_bets_stand_whatever_is_ruled_as_the_first_grain_begins_after_the_bell() -> None:
    table, question = opened()
    table.must("alice", c.SealBet(question, day(6), 900_000, shares=20 * POINT))
    table.now = at(BELL)
    table.wait(question)
    table.now = at(8)
    before = balance(table, "alice")
    table.must("rita", c.Rule(question, day(6), "it is in the log"))
    assert balance(table, "alice") - before == table.questions[question].posted.paid("alice") > 0
    table.check()
    table.check_replay()


def test_a_bell_at_the_origin_rings_a_microsecond_earlier_so_that_no_cut_reaches_it() -> None:
    table = new_table()
    question = ask(table, first=6, bell=day(6))
    table.must("alice", c.SealBet(question, day(6), 900_000, shares=20 * POINT))
    table.now = at(6.5)
    rung, filled = table.wait(question)
    assert rung.at == at(6) - 1 and isinstance(filled, e.Filled)
    assert filled.shares == 20 * POINT, "the first grain had not passed"
    table.must("rita", c.Rule(question, day(6) + " 00:00", "it is in the log"))
    assert table.questions[question].posted.paid("alice") == 20 * POINT
    table.check()
    table.check_replay()


@pytest.mark.parametrize("typed", [day(7), "2026-12-31"])
def test_a_bell_after_the_origin_or_before_now_is_refused(typed: str) -> None:
    table = new_table()
    body = c.Ask("When?", "It does.", "UTC", "day", day(6), day(9), "rita", 10 * POINT, "house", bell=typed)  # type: ignore[arg-type]
    assert reason(table, "olga", body) == "bad_play"
    assert reason(table, "olga", msgspec.structs.replace(body, bell=day(4), market=False, subsidy=0, forecast=True)) == "bad_play"


@pytest.mark.parametrize("how", ["question", "crew"])
def test_while_it_stands_still_nothing_is_filled_and_all_comes_back(how: str) -> None:
    table, question = opened()
    before = balance(table, "alice")
    table.must("alice", c.SealBet(question, day(7), 500_000, shares=100 * POINT))
    table.must("olga", c.Halt(question, "Is this true?") if how == "question" else c.Alarm("Everything stops."))
    table.now = at(BELL)
    rung, filled = table.wait(question)
    assert isinstance(rung, e.Rung) and isinstance(filled, e.Filled)
    assert (filled.shares, filled.charge, balance(table, "alice")) == (0, 0, before)
    table.check()
    table.check_replay()


def test_only_its_host_may_not_call_off_alone_what_somebody_may_have_sealed() -> None:
    table, question = opened(host="carol")
    assert reason(table, "carol", c.Void(question, "I changed my mind.")) == "not_allowed"


def test_a_guess_after_the_bell_lets_it_ring_first() -> None:
    table = new_table()
    question = ask(table, first=6, bell=day(BELL), closest=c.ClosestTerms(POINT))
    table.must("alice", c.SealBet(question, day(7), 500_000, shares=10 * POINT))
    table.now = at(BELL + 1)
    table.must("alice", c.Guess(question, day(7)))
    assert table.questions[question].rung
    table.now = at(6)
    table.wait(question)
    table.check()
    table.check_replay()


@pytest.mark.parametrize("seed", range(6))
def test_random_openings_conserve_every_point_and_replay_alike(seed: int) -> None:
    rng = random.Random(seed)
    table, question = opened(subsidy=rng.choice((20, 200)) * POINT)
    for _ in range(30):
        table.now = Instant(min(table.now + rng.randrange(DAY // 10), at(BELL) - 1))
        who = rng.choice(("alice", "bob", "carol"))
        first = rng.randrange(6, 17)
        window = rng.choice((day(first), f"before {day(first + 1)}", f"not {day(first)}", "never"))
        held = list(table.questions[question].orders.get(who, {}))
        replaces = rng.choice(held) if held and rng.random() < 0.4 else None
        size = {"shares": rng.randrange(1, 40 * POINT)} if rng.random() < 0.5 else {"spend": rng.randrange(1, 20 * POINT)}
        table.do(who, c.SealBet(question, window, rng.randrange(1, 10) * 100_000, replaces=replaces, **size))
        table.check()
    table.now = at(BELL + rng.random())
    book = ExactBook(table.questions[question].opened)
    sealed = {who: dict(orders) for who, orders in table.questions[question].orders.items()}
    rung = table.wait(question)[0]
    assert isinstance(rung, e.Rung)
    book.ring([(sealed[line.player][line.number].claim, line.shares, line.charge) for line in rung.lines if line.shares], Instant(rung.at))
    table.check()
    table.do("alice", c.Bet(question, day(9), spend=POINT))
    table.now = at(19)
    table.must("rita", c.Rule(question, rng.choice((day(8), "never")), "it is in the log"))
    assert table.questions[question].life is Life.SETTLED
    table.check()
    table.check_replay()


# controls: a forged bell is not let pass


@pytest.mark.parametrize("forged", ["charge", "shares", "missing", "late", "price"])
def test_control_a_bell_that_does_not_follow_is_caught(forged: str) -> None:
    table, question = opened()
    for who in ("alice", "bob"):
        table.must(who, c.SealBet(question, day(7), 500_000, shares=100 * POINT))
    table.now = at(BELL)
    state = table.questions[question]
    rung = bell.ring(table.situation(c.Due(question)), state, at(BELL))[0]
    assert isinstance(rung, e.Rung) and table.crew is not None
    powers.may(state, table.crew, rung, table.purse)
    line = rung.lines[0]
    other = {
        "charge": msgspec.structs.replace(line, charge=line.charge - 1), "shares": msgspec.structs.replace(line, shares=line.shares + POINT),
        "price": msgspec.structs.replace(line, price=line.price + 10**9),
    }  # fmt: skip
    lines = rung.lines[1:] if forged == "missing" else (other.get(forged, line), *rung.lines[1:])
    wrong = msgspec.structs.replace(rung, lines=lines, at=rung.at + (forged == "late"))
    with pytest.raises(Fault):
        powers.may(state, table.crew, wrong, table.purse)


def test_control_a_bell_that_brings_less_than_the_exact_cost_is_caught() -> None:
    table, question = opened()
    state = table.questions[question]
    table.must("alice", c.SealBet(question, "not " + day(7), 990_000, shares=10 * POINT))
    table.now = at(BELL)
    claim = state.orders["alice"][1].claim
    rung = bell.ring(table.situation(c.Due(question)), state, at(BELL))[0]
    assert isinstance(rung, e.Rung)
    charge = rung.lines[0].charge
    ExactBook(state.opened).ring([(claim, 10 * POINT, charge)], at(BELL))
    with pytest.raises(Fault, match="exact cost"):
        ExactBook(state.opened).ring([(claim, 10 * POINT, charge - charge // 100)], at(BELL))
