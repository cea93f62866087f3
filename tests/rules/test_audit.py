"""What ``verify`` holds the record to, at its edges: each bound takes what lies on it and refuses what lies beyond."""

from __future__ import annotations

import math

import msgspec
import pytest

from anyday.market import lmsr
from anyday.points import MAX_UNITS, parse_points, write_points
from anyday.refusals import Reason, Refusal
from anyday.rules import audit
from anyday.rules import commands as c
from anyday.rules import events as e
from tests.rules.table import POINT, ask, new_table


@pytest.mark.parametrize(
    "accounts",
    [
        {"house": 5, "mint": -4},
        {"player/alice": -1, "mint": 1},
        {"escrow/q1/market": -1, "house": 1},
        {"owed/alice": 1, "player/alice": 4, "mint": -5},
    ],
)
def test_accounts_that_cannot_be_are_named(accounts: dict[str, int]) -> None:
    with pytest.raises(audit.Fault):
        audit.solvent(accounts)


def test_accounts_that_can_be_are_left_alone() -> None:
    audit.solvent({"house": 0, "mint": -7, "player/alice": 9, "owed/alice": -2, "escrow/q1/market": 0})


@pytest.mark.parametrize("body", [c.Bet("q", "3 January 2027", spend=7 * POINT), c.Bet("q", "not 3 January 2027", shares=11 * POINT)])
def test_a_charge_may_lie_between_the_exact_cost_and_one_above_its_ceiling(body: c.Bet) -> None:
    table = new_table()
    question = ask(table)
    opened = table.questions[question].opened
    (placed,) = table.must("alice", msgspec.structs.replace(body, question=question))
    assert isinstance(placed, e.BetPlaced) and placed.charge > 0
    opening = table.questions[question].market.opening
    inside = opening.weight(placed.first, placed.last)
    weights = (opening.total - inside, inside) if placed.complement else (inside, opening.total - inside)
    ceiling = math.ceil(lmsr.cost(table.questions[opened.question].market.liquidity, float(weights[0]), float(weights[1]), placed.shares))

    def held(charge: int) -> bool:
        try:
            audit.ExactBook(opened).hold(msgspec.structs.replace(placed, charge=charge))
        except audit.Fault:
            return False
        return True

    assert [held(ceiling + off) for off in (-1, 0, 1, 2)] == [False, True, True, False]
    assert placed.charge in (ceiling, ceiling + 1)


def test_the_largest_amount_can_be_typed_and_one_unit_more_cannot() -> None:
    assert parse_points(write_points(MAX_UNITS)) == MAX_UNITS
    assert parse_points(write_points(-MAX_UNITS), signed=True) == -MAX_UNITS
    for beyond in (write_points(MAX_UNITS + 1), write_points(-MAX_UNITS - 1)):
        refused = parse_points(beyond, signed=True)
        assert isinstance(refused, Refusal) and refused.reason is Reason.AMOUNT_TOO_LARGE
