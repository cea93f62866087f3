"""The library: what docs/library.md shows is run by the tests of the documents; here is what it promises beyond."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import anyday
from anyday.refusals import Reason


def year(**changes: object) -> anyday.Book:
    asked = {"origin": "2027-01-01", "horizon": "2028-01-01", "zone": "Europe/Zurich", "grain": "day", "subsidy": 1000, "never": "20%"}
    return anyday.open(**{**asked, **changes})  # type: ignore[arg-type]


def reason_of(call: object, *args: object, **kwargs: object) -> Reason:
    with pytest.raises(anyday.Refused) as caught:
        call(*args, **kwargs)  # type: ignore[operator]
    assert caught.value.reason is caught.value.refusal.reason
    assert str(caught.value) == str(caught.value.refusal)
    return caught.value.reason


def test_a_book_opens_bets_passes_time_and_settles() -> None:
    book = year()
    assert Decimal(999) < book.subsidy <= 1000
    assert abs(book.chance("never") - 0.2) < 1e-12
    offer = book.quote("ann", "March 2027", points=50)
    assert book.bet("ann", "March 2027", points=50) == offer
    assert offer.cost <= 50
    assert offer.chance_after > offer.chance_before
    assert abs(book.chance("March") - offer.chance_after) < 1e-6
    book.bet("bob", "not March", payout="12.5")
    book.advance("2027-02-10")
    assert book.chance("January") == 0.0
    assert book.sell("ann", "14 March", payout=Decimal("1.5")).payout == Decimal("-1.5")
    book.advance("2027-03-14 12:00")
    book.bet("late", "15 March", points=5)
    end = book.settle("2027-03-14")
    assert end.outcome == "14 March 2027"
    assert end.voided == 1
    assert end.paid == {"ann": offer.payout - Decimal("1.5")}
    assert end.results["late"] == 0
    assert end.results["bob"] < 0 < end.results["ann"]
    assert end.house + sum(end.results.values()) == 0
    assert -end.house <= book.subsidy


@pytest.mark.parametrize(
    ("outcome", "voided"),
    [("2027-03-14 09:30", 0), ("2027-03-13 23:59", 0), ("2027-02-10", 1), ("February 2027", 2), ("2027-01-01", 2), ("never", 0)],
)
def test_settling_voids_exactly_what_was_bet_from_the_cut_on(outcome: str, voided: int) -> None:
    book = year()
    book.bet("ann", "from June", points=10)
    for day in ("2027-02-04", "2027-02-10 12:00"):
        book.advance(day)
        book.bet("ann", "never", points=10)
    end = book.settle(outcome)
    assert end.voided == voided
    assert end.house + sum(end.results.values()) == 0
    if outcome == "2027-01-01":
        assert end.outcome == "1 January 2027"
        assert end.results == {"ann": -10}, "the bet made before the first of January had started stands"


def test_a_window_pays_the_mean_of_the_position_under_the_opening_curve() -> None:
    book = year()
    book.bet("ann", "1–7 March", payout=10)
    assert book.settle("1–14 March 2027").paid == {"ann": Decimal(5)}


def test_the_lead_passes_grains_early_and_cuts_early() -> None:
    book = year(lead_minutes=24 * 60)
    assert book.bet("ann", "1 January", points=1).payout > 0
    book.advance("2027-01-01 00:00")
    assert reason_of(book.bet, "ann", "2 January", points=1) is Reason.HAS_STARTED
    book.bet("ann", "4 January", points=1)
    end = book.settle("2027-01-02 15:00")
    assert end.voided == 1, "made when the second of January had passed by the question's clock"


def test_collecting_is_for_what_is_certain() -> None:
    book = year()
    book.bet("ann", "from 5 January", payout=10)
    book.bet("ann", "never", payout=10)
    assert reason_of(book.collect, "ann") is Reason.NOTHING_TO_COLLECT
    book.advance("2027-01-04 12:00")
    assert book.collect("ann") == 10
    assert book.position("ann") == ()
    end = book.settle("never")
    assert end.paid == {}
    assert end.results["ann"] + end.house == 0


def test_every_no_is_raised_with_its_refusal_and_leaves_no_trace() -> None:
    book = year()
    book.advance("2027-02-10")
    cases = [
        (("ann", "10 Feb 2027"), {"points": 5}, Reason.HAS_STARTED),
        (("ann", "not 10 Feb 2027"), {"points": 5}, Reason.HAS_STARTED),
        (("ann", "2028-03"), {"points": 5}, Reason.OUT_OF_SPAN),
        (("ann", "someday"), {"points": 5}, Reason.NOT_A_WINDOW),
        (("ann", "31 April 2027"), {"points": 5}, Reason.NO_SUCH_DATE),
        (("ann", "March"), {}, Reason.ONE_SIZE),
        (("ann", "March"), {"points": 5, "to": "40%"}, Reason.ONE_SIZE),
        (("ann", "March"), {"points": 0}, Reason.NOT_POSITIVE),
        (("ann", "March"), {"points": -3}, Reason.NOT_AN_AMOUNT),
        (("ann", "March"), {"points": "1e400"}, Reason.NOT_AN_AMOUNT),
        (("ann", "March"), {"points": Decimal("NaN")}, Reason.NOT_AN_AMOUNT),
        (("ann", "March"), {"points": Decimal("1E+200000")}, Reason.NOT_AN_AMOUNT),
        (("ann", "March"), {"points": Decimal("0.0000001")}, Reason.NOT_AN_AMOUNT),
        (("ann", "March"), {"points": True}, Reason.NOT_AN_AMOUNT),
        (("ann", "March"), {"points": 0.5}, Reason.NOT_AN_AMOUNT),
        (("ann", "March"), {"to": "100%"}, Reason.NOT_A_CHANCE),
        (("ann", "March"), {"to": "0"}, Reason.NOT_A_CHANCE),
        (("ann", "March"), {"to": "0.00001%"}, Reason.NOT_A_CHANCE),
        (("ann", "March"), {"points": 5, "max_cost": 1}, Reason.WORSE_THAN_LIMIT),
    ]
    for args, size, reason in cases:
        assert reason_of(book.bet, *args, **size) in {reason, Reason.NOT_POSITIVE if size.get("points") == -3 else reason}, (args, size)
    assert reason_of(book.sell, "ann", "March") is Reason.HOLDS_LESS
    assert reason_of(book.advance, "2027-02-09") is Reason.REVERSED
    assert reason_of(book.settle, "2026-05-01") is Reason.OUT_OF_SPAN
    assert book.market.players == ()
    assert book.settle("never").results == {}
    for call, args in ((book.bet, ("ann", "March")), (book.settle, ("never",)), (book.collect, ("ann",)), (book.chance, ("March",))):
        assert reason_of(call, *args) is Reason.NOT_OPEN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"zone": "Mars/Olympus"}, Reason.NOT_A_ZONE),
        ({"grain": "fortnight"}, Reason.MALFORMED),
        ({"horizon": "2026-01-01"}, Reason.REVERSED),
        ({"horizon": "2027-01-01"}, Reason.EMPTY),
        ({"grain": "minute", "horizon": "2099-01-01"}, Reason.TOO_MANY_GRAINS),
        ({"never": "0%"}, Reason.NOT_A_CHANCE),
        ({"never": "a fifth"}, Reason.NOT_A_CHANCE),
        ({"subsidy": "0.000001"}, Reason.SUBSIDY_TOO_SMALL),
        ({"subsidy": 0}, Reason.NOT_POSITIVE),
        ({"lead_minutes": -1}, Reason.MALFORMED),
        ({"quantiles": [("March 2030", "50%")]}, Reason.BAD_OPENING),
        ({"quantiles": [("June 2027", "50%"), ("March 2027", "60%")]}, Reason.BAD_OPENING),
    ],
)
def test_a_book_that_cannot_be_is_not_opened(changes: dict[str, object], reason: Reason) -> None:
    assert reason_of(year, **changes) is reason


def test_a_stated_opening_curve_is_the_one_that_opens() -> None:
    book = year(quantiles=[("June 2027", "50%"), ("October 2027", "90%")], never="5%")
    assert abs(book.chance("before July") - 0.5) < 0.005
    assert abs(book.chance("never") - 0.05) < 1e-9


def test_importing_loads_no_market_before_it_is_asked_for() -> None:
    code = "import sys, anyday; assert 'anyday.market' not in sys.modules; anyday.open; assert 'anyday.market' in sys.modules; anyday.nothing"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent.parent / "src")
    assert ran.returncode == 1
    assert "module 'anyday' has no attribute 'nothing'" in ran.stderr
