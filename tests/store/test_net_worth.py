"""From what is told of players, nobody's open positions can be worked out: tables, track records and reviews are of settled questions only.

The attack is the one that works on a net worth: with as many snapshots as questions, and the prices that everybody sees, the positions
are the solution of linear equations. It is tried on every number that anybody is told of anybody, and finds nothing; on a planted net
worth it finds every position.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from anyday.instants import DAY
from anyday.market.horizon import Claim
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import Service, records
from tests.world import World, hold

POINT: Final = 1_000_000
QUESTIONS: Final = 4
SNAPSHOTS: Final = QUESTIONS + 3
#: What Alice holds, of each question's March; prices move by what Bob bets.
HELD: Final = (11, 23, 5, 42)
Number = int | float


def numbers(told: Any, at: str = "") -> Iterator[tuple[str, Number]]:
    """Every number in what is told, by where it stands; those in sentences too."""
    match told:
        case dict():
            for name, value in told.items():
                yield from numbers(value, f"{at}/{name}")
        case list() | tuple():
            for place, value in enumerate(told):
                yield from numbers(value, f"{at}/{place}")
        case bool() | None:
            pass
        case int() | float():
            yield at, told
        case str():
            for place, word in enumerate(told.replace(",", "").replace("−", "-").split()):
                try:
                    yield f"{at}#{place}", float(word.rstrip(".%"))
                except ValueError:
                    pass


def told_of_players(service: Service) -> dict[str, Number]:
    """Every number that somebody who is no player of the crew is told of its players and of it."""
    views: dict[str, Any] = {"members": service.members(), "record": service.record()}
    for period in ("month", "quarter", "year", "all"):
        views[f"tables of the {period}"] = service.tables(period, None, "mallory")
    for period in ("week", "month", "quarter"):
        views[f"review of the {period}"] = service.review(period, None)
    for name in ("Alice", "Bob"):
        views[f"{name}’s record"] = service.player(name, "mallory")
    found = {}
    for what, view in views.items():
        assert not isinstance(view, Refusal), what
        found |= {f"{what}{at}": value for at, value in numbers(msgspec.to_builtins(view))}
    return found


def solved(rows: list[list[float]], values: list[Number]) -> list[float] | None:
    """The solution of linear equations, exactly; none where there is not just one."""
    table = [[Fraction(cell) for cell in (*row, value)] for row, value in zip(rows, values, strict=True)]
    many = len(rows)
    for column in range(many):
        pivot = next((row for row in range(column, many) if table[row][column]), None)
        if pivot is None:
            return None
        table[column], table[pivot] = table[pivot], table[column]
        table[column] = [cell / table[column][column] for cell in table[column]]
        for row in range(many):
            if row != column:
                factor = table[row][column]
                table[row] = [cell - factor * base for cell, base in zip(table[row], table[column], strict=True)]
    return [float(row[-1]) for row in table]


def attacked(prices: list[list[float]], told: Mapping[str, list[Number]]) -> list[str]:
    """Where a series of numbers is explained by Alice's positions: solved from the first snapshots, and right about the others."""
    rows = [[1.0, *seen] for seen in prices]
    found = []
    for name, series in told.items():
        positions = solved(rows[: QUESTIONS + 1], series[: QUESTIONS + 1])
        if positions is not None and all(abs(one - true) < 0.01 for one, true in zip(positions[1:], HELD, strict=True)):
            found.append(name)
    return found


async def seen(path: Path, bets: bool, worth: Callable[[Service], Number] | None = None) -> tuple[list[list[float]], dict[str, list[Number]]]:
    """The prices of each snapshot, and the series of every number told; where ``bets`` is false nobody bets on what is open."""
    prices: list[list[float]] = []
    series: list[dict[str, Number]] = []
    async with World(path) as world:
        await world.crew("olga", "alice", "bob", "rita")
        world.service.people.names = lambda: {"alice": "Alice", "bob": "Bob", "olga": "Olga", "rita": "Rita"}  # type: ignore[method-assign]
        world.service.people.player_of = lambda name: name.lower()  # type: ignore[method-assign]
        settled = await world.ask("olga")
        for who, window in (("alice", "February"), ("bob", "not February")):
            await world.do(who, c.Bet(settled, window, spend=20 * POINT))
        asked = [await world.ask("olga", origin="2027-02-20", horizon="2027-05-01") for _ in range(QUESTIONS)]
        world.clock.move(35 * DAY)
        await world.do("rita", c.Rule(settled, "2027-02-03", "seen"))
        for question, shares in zip(asked, HELD, strict=True) if bets else ():
            await world.do("alice", c.Bet(question, "March", shares=shares * POINT))
        for turn in range(SNAPSHOTS):
            row = []
            for place, question in enumerate(asked):
                state = world.service.find(question)
                assert state is not None
                row.append(state.market.price(Claim(9, 40, False)))
                window, spent = "March" if (turn + place) % 3 else "not March", 7 + 3 * place + turn * turn
                if bets:
                    await world.do("bob", c.Bet(question, window, spend=spent * POINT))
            rows = dict(told_of_players(world.service))
            if worth is not None:
                rows["a net worth"] = worth(world.service)
            prices.append(row if bets else [0.0] * QUESTIONS)
            series.append(rows)
        world.check()
    hold(path)
    assert all(rows.keys() == series[0].keys() for rows in series) and any("places" in name for name in series[0]), sorted(series[0])
    return prices, {name: [rows[name] for rows in series] for name in series[0]}


def test_from_tables_records_and_reviews_no_open_position_can_be_worked_out(tmp_path: Path) -> None:
    prices, told = asyncio.run(seen(tmp_path / "a.db", bets=True))
    assert attacked(prices, told) == []
    _, nobody = asyncio.run(seen(tmp_path / "b.db", bets=False))
    assert told == nobody, "and every number is as if nobody had bet on what is open"


def test_control_from_a_net_worth_every_position_comes_back(tmp_path: Path) -> None:
    """What one's own page shows, were it a column of a table: the balance, and what is held at the price."""

    def worth(service: Service) -> float:
        me = service.me("alice")
        held = sum(float(position.held[0].payout) * state.market.price(Claim(9, 40, False)) for position in me.positions
                   if position.held and (state := service.find(position.question)) is not None)  # fmt: skip
        return float(me.balance) + held

    async def story() -> tuple[list[list[float]], dict[str, list[Number]]]:
        return await seen(tmp_path / "a.db", True, worth)

    prices, told = asyncio.run(story())
    after = [*prices[1:], prices[-1]]  # a worth is told after Bob's bets, at the prices of the next snapshot
    assert attacked(after, {"a net worth": told["a net worth"]}) == ["a net worth"]


def test_control_a_table_that_counts_what_is_open_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = records.tables

    def tables(database: Any, *rest: Any) -> Any:
        view = good(database, *rest)
        (spent,) = database.read("SELECT SUM(net) FROM stake")[0]
        return msgspec.structs.replace(view, tables=tuple(msgspec.structs.replace(table, by=f"{table.by} {spent}") for table in view.tables))

    monkeypatch.setattr(records, "tables", tables)
    _, told = asyncio.run(seen(tmp_path / "a.db", bets=True))
    _, nobody = asyncio.run(seen(tmp_path / "b.db", bets=False))
    assert told != nobody
