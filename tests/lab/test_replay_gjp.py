"""Real orders: each acts up to its limit and its quantity, arms are never pooled, and the real book is read as it says."""

from __future__ import annotations

import asyncio
import csv
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from anyday.lab import gjp
from anyday.lab.folder import BadData
from anyday.lab.gjp_told import replay
from anyday.market.curve import Curve
from anyday.market.prior import WHOLE
from anyday.points import UNITS_A_POINT

QUESTION = ("ifp_id", "question", "status", "opened", "option", "bin_start", "bin_end", "open_ended", "is_outcome", "event_date_approx")
ORDER = ("ifp_id", "arm", "order_id", "created_at", "trader", "option", "side", "limit_price", "quantity")
OPTIONS = (("a", "2031-03-03", "2031-03-31"), ("b", "2031-04-01", "2031-04-30"), ("c", "2031-05-01", ""))


def question(ifp: str = "q1", true: str = "b", event: str = "2031-04-10", status: str = "closed") -> list[tuple[str, ...]]:
    asked = (ifp, "When will it, happen?", status, "2031-03-03")
    return [
        (*asked, letter, start, end, str(int(not end)), str(int(letter == true)), event if letter == true else "") for letter, start, end in OPTIONS
    ]


def order(
    number: int, option: str, side: str, price: float, quantity: int, arm: str = "x", at: str = "2031-03-03T10:00", ifp: str = "q1"
) -> tuple[str, ...]:  # fmt: skip
    return ifp, arm, str(number), at, f"t{number}", option, side, f"{price:.2f}", str(quantity)


def folder(path: Path, questions: Sequence[Sequence[str]], orders: Sequence[Sequence[str]]) -> Path:
    path.mkdir(exist_ok=True)
    for name, header, rows in (("gjp_when_questions.csv", QUESTION, questions), ("gjp_when_orders.csv", ORDER, orders)):
        with (path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def play(path: Path, orders: Sequence[Sequence[str]], questions: Sequence[Sequence[str]] | None = None) -> tuple[list[gjp.Book], gjp.Played]:
    books, _ = gjp.books(folder(path, question() if questions is None else questions, orders))
    return books, asyncio.run(gjp.play(books, lambda done, total, text: None))


def market(found: gjp.Played, mark: str = gjp.FIRST_DAY, arm: str = "x") -> gjp.Scored:
    return next(one for one in found.scored if (one.mark, one.curve, one.arm) == (mark, "market", arm))


def test_without_a_bet_the_market_says_what_it_opened_with(tmp_path: Path) -> None:
    _, found = play(tmp_path, [order(1, "b", "buy", 0.2, 10)])
    assert dict(found.orders) == {"found their limit passed": 1}
    for curve in ("market", "even"):
        at_first = next(one for one in found.scored if (one.mark, one.curve) == (gjp.FIRST_DAY, curve))
        assert at_first.brier == pytest.approx(2 / 3, abs=0.02)


@pytest.mark.parametrize(
    ("side", "price", "quantity", "what"),
    [
        ("buy", 0.5, 2000, "went up to their limit"),
        ("buy", 0.9, 10, "went up to their quantity"),
        ("sell", 0.1, 2000, "went up to their limit"),
        ("sell", 0.1, 10, "went up to their quantity"),
    ],
)
def test_an_order_goes_to_its_limit_or_to_its_quantity_and_no_further(tmp_path: Path, side: str, price: float, quantity: int, what: str) -> None:
    _, found = play(tmp_path, [order(1, "b", side, price, quantity)])
    assert dict(found.orders) == {what: 1}
    even = 1 / 3
    moved = math.log(even / (1 - even)) + (1 if side == "buy" else -1) * quantity * UNITS_A_POINT / gjp.LIQUIDITY
    goal = price if what.endswith("limit") else 1 / (1 + math.exp(-moved))
    others = (1 - goal) / 2
    assert math.exp(market(found).log) == pytest.approx(goal, abs=0.01)
    assert market(found).brier == pytest.approx((1 - goal) ** 2 + 2 * others**2, abs=0.02)


def test_the_house_loses_no_more_than_its_bound_and_what_came_too_late_is_void(tmp_path: Path) -> None:
    late = order(9, "c", "sell", 0.1, 50, at="2031-04-10T09:00")
    books, found = play(tmp_path, [order(1, "b", "buy", 0.9, 400), order(2, "c", "buy", 0.6, 50), late])
    assert found.voided == 1
    assert len(found.house) == len(books) == 1
    assert -found.bound[0] <= found.house[0] < 0


def test_arms_are_never_pooled(tmp_path: Path) -> None:
    own = [order(1, "b", "buy", 0.6, 100)]
    _, alone = play(tmp_path, own)
    _, beside = play(tmp_path, [*own, order(2, "b", "sell", 0.05, 2000, arm="y"), order(3, "a", "buy", 0.9, 500, arm="y")])
    assert [one for one in beside.scored if one.arm == "x"] == alone.scored
    assert market(beside, arm="y").brier > market(beside).brier


def test_orders_are_played_by_their_time_whatever_the_files_order(tmp_path: Path) -> None:
    rows = [order(n, "abc"[n % 3], "buy" if n % 2 else "sell", 0.1 + 0.08 * n, 30, at=f"2031-03-03T1{n % 10}:30") for n in range(10)]
    _, forwards = play(tmp_path, rows)
    _, backwards = play(tmp_path, rows[::-1])
    assert forwards.scored == backwards.scored
    others = [(*row[:3], f"2031-03-03T1{9 - n}:30", *row[4:]) for n, row in enumerate(rows)]
    assert play(tmp_path, others)[1].scored != forwards.scored


def test_what_comes_after_a_mark_does_not_change_what_was_seen_at_it(tmp_path: Path) -> None:
    first = [order(1, "b", "buy", 0.6, 100)]
    _, early = play(tmp_path, first)
    _, both = play(tmp_path, [*first, order(2, "c", "buy", 0.9, 500, at="2031-03-20T12:00")])
    at = [gjp.FIRST_DAY, "a quarter through"]
    assert [one for one in both.scored if one.mark in at] == [one for one in early.scored if one.mark in at]
    assert [one for one in both.scored if one.mark == "halfway"] != [one for one in early.scored if one.mark == "halfway"]


def test_a_mark_is_left_out_once_it_has_happened(tmp_path: Path) -> None:
    books, _ = gjp.books(folder(tmp_path, question(true="a", event="2031-03-10"), [order(1, "a", "buy", 0.5, 10)]))
    assert [mark for _, mark in gjp.marks(books[0])] == [gjp.FIRST_DAY, gjp.LAST]
    never, _ = gjp.books(folder(tmp_path, question(true="c", event=""), [order(1, "a", "buy", 0.5, 10)]))
    assert [mark for _, mark in gjp.marks(never[0])] == list(gjp.MARKS)
    assert never[0].outcome is None


def test_an_order_is_typed_as_the_window_of_its_option() -> None:
    spring = gjp.Option("b", date(2031, 4, 1), date(2031, 5, 1), False)
    late = gjp.Option("c", date(2031, 5, 1), None, True)

    def placed(day: int, month: int, buys: bool) -> gjp.Order:
        return gjp.Order(1, datetime(2031, month, day, 10), "t", "b", buys, 500_000, 1)

    assert gjp.window_of(spring, placed(3, 3, True)) == "2031-04-01 to 2031-04-30"
    assert gjp.window_of(spring, placed(3, 4, True)) == "before 2031-05-01"
    assert gjp.window_of(spring, placed(3, 4, False)) == "not before 2031-05-01"
    assert gjp.window_of(late, placed(3, 3, False)) == "not never"


@pytest.mark.parametrize(
    ("bids", "asks", "middle"),
    [
        ([(300_000, 5)], [(500_000, 5)], 0.4),
        ([(300_000, 5), (200_000, 9)], [], 0.65),
        ([], [(500_000, 5)], 0.25),
        ([(600_000, 5)], [(400_000, 5)], 0.5),
        ([(600_000, 5), (500_000, 5)], [(200_000, 8)], 0.35),
        ([(900_000, 1), (300_000, 50)], [(250_000, 40), (800_000, 50)], 0.275),
    ],
)
def test_the_midpoint_is_of_the_book_after_what_crosses_was_matched(bids: list[tuple[int, int]], asks: list[tuple[int, int]], middle: float) -> None:
    assert gjp.midpoint(bids, asks) == pytest.approx(middle)


def test_the_mean_of_limits_is_of_one_side_where_there_is_no_other() -> None:
    assert gjp.mean_of_limits([(200_000, 1), (400_000, 9)], [(500_000, 1)]) == pytest.approx(0.4)
    assert gjp.mean_of_limits([(200_000, 1), (400_000, 9)], []) == pytest.approx(0.3)


def test_a_reading_of_the_book_makes_one_and_an_option_without_orders_gets_its_even_share(tmp_path: Path) -> None:
    books, _ = gjp.books(folder(tmp_path, question(), [order(1, "b", "buy", 0.5, 10), order(2, "b", "sell", 0.7, 10)]))
    curve = gjp.reading_of(books[0], books[0].orders, gjp.midpoint)
    shares = [1 / 3, 0.6, 1 / 3]
    assert [*curve.masses, curve.never] == pytest.approx([share / sum(shares) for share in shares])
    assert gjp.reading_of(books[0], (), gjp.midpoint) == gjp.reading_of(books[0], books[0].orders, None)


def test_scores_are_what_they_say(tmp_path: Path) -> None:
    books, _ = gjp.books(folder(tmp_path, question(), [order(1, "b", "buy", 0.5, 10)]))
    book, chances = books[0], [0.2, 0.5, 0.3]
    found = gjp.scored(book, "now", "mine", Curve(book.edges, (0.2, 0.5), 0.3))
    assert found.brier == pytest.approx(sum((chance - (place == 1)) ** 2 for place, chance in enumerate(chances)))
    assert found.ordered == pytest.approx((2 * 0.2**2 + 2 * (0.7 - 1) ** 2) / 2)
    assert found.log == pytest.approx(math.log(0.5))
    assert 0 < found.crps < 1


def test_questions_that_cannot_be_played_are_left_out_and_counted(tmp_path: Path) -> None:
    gap = [(*row[:5], "2031-04-03", *row[6:]) if row[4] == "b" else row for row in question("gap")]
    none = [(*row[:8], "0", "") for row in question("open")]
    rows = [*question(), *question("void", status="voided"), *gap, *none, *question("quiet")]
    orders = [order(1, "b", "buy", 0.5, 10, ifp=ifp) for ifp in ("q1", "void", "gap", "open")]
    books, left_out = gjp.books(folder(tmp_path, rows, orders))
    assert [book.ifp for book in books] == ["q1"]
    assert sorted(left_out.values()) == [1, 1, 1, 1]


def test_an_order_for_an_option_that_is_not_there_or_out_of_time_is_counted(tmp_path: Path) -> None:
    rows = [order(1, "z", "buy", 0.5, 10), order(2, "b", "buy", 0.5, 10, at="2031-03-01T10:00"), order(3, "b", "buy", 0.5, 10, at="2031-04-20T10:00")]
    _, found = play(tmp_path, rows)
    assert dict(found.orders) == {"name no such option": 1, "lie outside the question's life": 2}


@pytest.mark.parametrize(
    ("cell", "value"), [("limit_price", "1.00"), ("limit_price", "nan"), ("side", "hold"), ("quantity", "0"), ("created_at", "noon")]
)
def test_an_order_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, cell: str, value: str) -> None:
    row = dict(zip(ORDER, order(1, "b", "buy", 0.5, 10), strict=True)) | {cell: value}
    with pytest.raises(BadData, match=f"line 2.*{cell}"):
        gjp.books(folder(tmp_path, question(), [tuple(row.values())]))


def test_differences_are_averaged_over_the_arms_of_a_question_first() -> None:
    def one(ifp: str, arm: str, curve: str, brier: float) -> gjp.Scored:
        return gjp.Scored(ifp, arm, "m", curve, brier, 0.0, 0.0, 0.0)

    found = [one("q", arm, "market", 0.5) for arm in "abc"] + [one("q", arm, "even", 0.7) for arm in "abc"]
    found += [one("r", "a", "market", 0.9), one("r", "a", "even", 0.5)]
    gap, error, questions = gjp.versus(found, "m", "even")
    assert (gap, error, questions) == (pytest.approx(0.1), pytest.approx(0.3), 2)


def test_it_gives_tables_json_and_a_picture(tmp_path: Path) -> None:
    rows = [order(n, "abc"[n % 3], "buy" if n % 2 else "sell", 0.1 + 0.08 * n, 30, arm="xy"[n % 2]) for n in range(10)]
    data, told = folder(tmp_path / "data", question(), rows), []
    found = replay(data, tmp_path / "out", lambda done, total, text: told.append((done, total)))
    assert told == [(n, told[-1][1]) for n in range(1, told[-1][1] + 1)]
    written = json.loads((tmp_path / "out" / "replay-gjp.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(found.json))
    assert (written["books"], written["questions"], sum(written["orders"].values())) == (2, 1, 10)
    assert all(len(row) == len(found.headings) for row in found.table)
    assert {row[1] for row in found.table} == set(gjp.CURVES)
    assert sum(note.startswith("Assumed") for note in found.notes) == len(gjp.ASSUMED)
    assert ET.fromstring((tmp_path / "out" / "replay-gjp.svg").read_text(encoding="utf-8")).tag.endswith("svg")
    assert "nan" not in found.svg


def test_even_chances_are_even_over_the_options(tmp_path: Path) -> None:
    books, _ = gjp.books(folder(tmp_path, question(), [order(1, "b", "buy", 0.5, 10)]))
    even = gjp.reading_of(books[0], books[0].orders, None)
    assert [even.between(a, b) for a, b in pairwise(books[0].edges)] == pytest.approx([1 / 3, 1 / 3])
    assert gjp.LIQUIDITY == 100 * WHOLE
