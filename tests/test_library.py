"""The library: what docs/library.md shows is run by the tests of the documents; here is what it promises beyond."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

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


# ---- the other ways to play ----------------------------------------------------------------------------------------------------

SPRING: dict[str, Any] = {"origin": "2027-03-01", "horizon": "2027-06-01", "zone": "Europe/Zurich"}
ENTERED = (anyday.tote, anyday.closest, anyday.forecast)


def enter(held: anyday.Tote | anyday.Closest | anyday.Forecast, player: str, when: str = "14 March") -> object:
    if isinstance(held, anyday.Tote):
        return held.stake(player, "March" if when != "never" else when, 5)
    if isinstance(held, anyday.Closest):
        return held.guess(player, when)
    return held.state(player, by=[("14 March", "50%")], never="10%", stake=5)


def test_a_tote_takes_stakes_shows_dividends_and_pays_the_slot() -> None:
    tote = anyday.tote(**SPRING, takeout="10%")
    tote.stake("ann", "March 2027", 30)
    slot = tote.stake("bob", "April", "60")
    assert (slot.window, slot.stakes, slot.dividend) == ("1–30 April 2027", 60, 1.35)
    tote.stake("cay", "never", Decimal(10))
    assert [slot.window for slot in tote.slots()] == ["1–31 March 2027", "1–30 April 2027", "1–31 May 2027", "never"]
    assert tote.slots()[2].dividend is None
    assert (tote.pool, tote.mechanism.escrow) == (100, 100_000_000)
    end = tote.settle("20 March – 5 April 2027")
    assert end.outcome == "20 March – 5 April 2027"
    assert end.house == 10
    assert sum(end.paid.values()) == 90
    assert end.paid["ann"] > end.paid["bob"] > 0, "twelve of its days lie in March, five in April"
    assert end.results["cay"] == -10
    assert end.house + sum(end.results.values()) == 0


def test_a_tote_goes_back_where_nobody_is_on_the_slot() -> None:
    tote = anyday.tote(**SPRING, takeout="10%", slots=["2027-03-15", "2027-05-01"])
    tote.stake("ann", "1–14 March", 30)
    tote.stake("bob", "May", 60)
    end = tote.settle("never")
    assert (end.paid, end.house) == ({"ann": 30, "bob": 60}, 0)
    assert end.results == {"ann": 0, "bob": 0}


@pytest.mark.parametrize(
    ("variant", "prize", "outcome", "paid"),
    [
        ("nearest", "winner", "15 March 2027", {"bob": 15}),
        ("not_past", "winner", "15 March 2027", {"ann": 15}),
        ("exact", "winner", "15 March 2027", {"ann": 5, "bob": 5, "cay": 5}),
        ("nearest", "three", "never", {"cay": 15}),
        ("nearest", "three", "2027-03-16 10:00", {"bob": "9.375", "ann": "5.625"}),
    ],
)
def test_a_closest_guess_pays_whom_its_rule_names(variant: str, prize: str, outcome: str, paid: dict[str, int | str]) -> None:
    pool = anyday.closest(**SPRING, stake=5, variant=variant, prize=prize)
    pool.guess("ann", "20 March")
    assert pool.guess("ann", "12 March").window == "12 March 2027", "changed, at no cost"
    pool.guess("bob", "16 March")
    pool.guess("cay", "never")
    assert [guess.player for guess in pool.guesses()] == ["ann", "bob", "cay"]
    assert pool.pool == 15
    end = pool.settle(outcome)
    assert end.paid == {player: Decimal(units) for player, units in paid.items()}
    assert sum(end.results.values()) == 0


def test_many_guesses_cost_a_stake_each() -> None:
    pool = anyday.closest(**SPRING, stake="0.5", many=True)
    for day in range(1, 32):
        pool.guess("ann", f"{day} March")
    pool.guess("bob", "1 April")
    assert pool.settle("31 March 2027").results == {"ann": Decimal("0.5"), "bob": Decimal("-0.5")}


def test_the_better_forecast_is_paid_by_the_others_and_a_late_revision_is_void() -> None:
    crowd = anyday.forecast(**SPRING)
    crowd.state("ann", by=[("14 March 2027", "50%"), ("April", "90%")], never="5%", stake=10)
    flat = crowd.state("bob", table=[("31 May", "0.9")], never="10%", stake="10")
    assert (flat.never, flat.masses) == (0.1, (0.9,))
    crowd.advance("2027-03-10")
    crowd.state("bob", family=("Weibull", "20 March", "20 May"))
    crowd.advance("2027-03-20")
    crowd.state("bob", by=[("20 March", "100%")], never="0%")
    middle = crowd.curve()
    assert middle is not None
    assert crowd.sentence() == middle.sentence(crowd.mechanism.horizon)
    assert crowd.log_curve() is not None
    end = crowd.settle("15 March 2027")
    assert end.voided == 1
    assert end.scores["ann"] > end.scores["bob"]
    assert end.results["ann"] == -end.results["bob"] > 0
    assert end.house == 0


@pytest.mark.parametrize("way", ENTERED)
def test_entries_close_at_the_origin_less_the_lead_and_a_settled_question_takes_none(way: Callable[..., Any]) -> None:
    held = way(**SPRING, lead_minutes=60)
    assert held.curve() is None
    assert held.sentence() == ""
    enter(held, "ann")
    assert held.sentence()
    held.advance("2027-02-28 23:00")
    assert reason_of(enter, held, "bob") is Reason.ENTRIES_CLOSED
    assert reason_of(held.advance, "2027-02-28 22:00") is Reason.REVERSED
    assert reason_of(held.settle, "2029-01-01") is Reason.OUT_OF_SPAN
    assert held.settle("never").results == {"ann": 0}, "a single entrant gets everything back"
    assert reason_of(held.settle, "never") is Reason.NOT_OPEN
    assert reason_of(enter, held, "ann") is Reason.NOT_OPEN


@pytest.mark.parametrize(
    ("slot", "points", "reason"),
    [
        ("March", 0, Reason.NOT_POSITIVE),
        ("March", "NaN", Reason.NOT_AN_AMOUNT),
        ("March", 10**30, Reason.NOT_AN_AMOUNT),
        ("March", "9007199255", Reason.AMOUNT_TOO_LARGE),
        ("14 March", 5, Reason.NOT_A_SLOT),
        ("not March", 5, Reason.NOT_A_SLOT),
        ("31 April", 5, Reason.NO_SUCH_DATE),
        ("February 2027", 5, Reason.OUT_OF_SPAN),
        ("whenever", 5, Reason.NOT_A_WINDOW),
    ],
)
def test_a_stake_that_cannot_be_is_refused_and_leaves_no_trace(slot: str, points: Any, reason: Reason) -> None:
    tote = anyday.tote(**SPRING)
    assert reason_of(tote.stake, "ann", slot, points) is reason
    assert tote.pool == 0


@pytest.mark.parametrize(
    ("guess", "reason"),
    [
        ("March 2027", Reason.NOT_ONE_GRAIN),
        ("not 14 March", Reason.NOT_ONE_GRAIN),
        ("2027-03-14 15:04", Reason.OFF_THE_GRAIN),
        ("31 April", Reason.NO_SUCH_DATE),
        ("28 Feb 2027", Reason.OUT_OF_SPAN),
        ("1 June 2027", Reason.OUT_OF_SPAN),
    ],
)
def test_a_guess_that_is_no_grain_is_refused(guess: str, reason: Reason) -> None:
    pool = anyday.closest(**SPRING)
    assert reason_of(pool.guess, "ann", guess) is reason
    assert pool.pool == 0


@pytest.mark.parametrize(
    ("curve", "reason", "said"),
    [
        ({"by": [("14 March", "50%")]}, Reason.NOT_A_CURVE, "does not say the chance of never"),
        ({"never": "5%"}, Reason.NOT_A_CURVE, "exactly one of them"),
        ({"by": [("14 March", "50%")], "table": [("May", "95%")], "never": "5%"}, Reason.NOT_A_CURVE, "exactly one of them"),
        ({"table": [("31 May", "95.00001%")], "never": "5%"}, Reason.NOT_A_CURVE, "100.00001 %"),
        ({"table": [("March", "-5%"), ("May", "100%")], "never": "5%"}, Reason.NOT_A_CURVE, "below 0 %"),
        ({"table": [("May", "NaN")], "never": "5%"}, Reason.NOT_A_CURVE, "“NaN”"),
        ({"table": [("May", "0")] * 1_001, "never": "100%"}, Reason.NOT_A_CURVE, "more than 1,000"),
        ({"table": [("April", "50%"), ("March", "45%")], "never": "5%"}, Reason.NOT_A_CURVE, "follow each other"),
        ({"by": [("April", "60%"), ("May", "40%")], "never": "5%"}, Reason.NOT_A_CURVE, "must not fall"),
        ({"by": [("31 April", "60%")], "never": "5%"}, Reason.NO_SUCH_DATE, ""),
        ({"by": [("February 2027", "60%")], "never": "5%"}, Reason.NOT_A_CURVE, "between the origin and the horizon"),
        ({"by": [("2027-03-14 15:04", "60%")], "never": "5%"}, Reason.OFF_THE_GRAIN, ""),
        ({"family": ("cauchy", "March", "April")}, Reason.NOT_A_CURVE, "none of lognormal"),
        ({"family": ("gamma", "April", "March")}, Reason.NOT_A_CURVE, "later time needs the larger chance"),
        ({"family": ("gamma", "March", "April"), "never": "inf"}, Reason.NOT_A_CURVE, "“inf”"),
        ({"by": [("April", "60%")], "never": "5%", "stake": 0}, Reason.NOT_POSITIVE, ""),
        ({"by": [("April", "60%")], "never": "5%", "stake": None}, Reason.NOT_POSITIVE, ""),
    ],
)
def test_a_curve_that_is_none_is_refused_and_leaves_no_trace(curve: dict[str, Any], reason: Reason, said: str) -> None:
    crowd = anyday.forecast(**SPRING)
    with pytest.raises(anyday.Refused) as caught:
        crowd.state("ann", **{"stake": 5, **curve})
    assert caught.value.reason is reason
    assert said in str(caught.value)
    assert crowd.pool == 0
    enter(crowd, "ann")
    assert reason_of(enter, crowd, "ann") is Reason.STAKE_STAYS


@pytest.mark.parametrize(
    ("way", "changes", "reason"),
    [
        (anyday.tote, {"slots": "fortnight"}, Reason.BAD_PLAY),
        (anyday.tote, {"slots": ["2027-03-15 12:00"]}, Reason.BAD_PLAY),
        (anyday.tote, {"slots": ["2027-05-01", "2027-04-01"]}, Reason.BAD_PLAY),
        (anyday.tote, {"slots": ["31 April 2027"]}, Reason.NO_SUCH_DATE),
        (anyday.tote, {"slots": "week", "grain": "month"}, Reason.BAD_PLAY),
        (anyday.tote, {"takeout": "51%"}, Reason.BAD_PLAY),
        (anyday.tote, {"takeout": "-1%"}, Reason.BAD_PLAY),
        (anyday.closest, {"stake": 0}, Reason.NOT_POSITIVE),
        (anyday.closest, {"variant": "loudest"}, Reason.BAD_PLAY),
        (anyday.closest, {"prize": "all"}, Reason.BAD_PLAY),
        (anyday.forecast, {"grain": "minute"}, Reason.BAD_PLAY),
        *((way, {"horizon": "2026-01-01"}, Reason.REVERSED) for way in ENTERED),
        *((way, {"zone": "Mars/Olympus"}, Reason.NOT_A_ZONE) for way in ENTERED),
        *((way, {"lead_minutes": -1}, Reason.MALFORMED) for way in ENTERED),
    ],
)
def test_a_way_to_play_that_cannot_be_is_not_opened(way: Callable[..., Any], changes: dict[str, Any], reason: Reason) -> None:
    assert reason_of(way, **{**SPRING, **changes}) is reason


def test_importing_loads_no_market_before_it_is_asked_for() -> None:
    loaded = "any(name.startswith(('anyday.market', 'anyday.library')) for name in sys.modules)"
    code = f"import sys, anyday; assert not {loaded}; anyday.open; assert {loaded}; anyday.nothing"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent.parent / "src")
    assert ran.returncode == 1
    assert "module 'anyday' has no attribute 'nothing'" in ran.stderr
