"""Sealed bets in a browser: picked on the curve, sealed without leaving the page, and the bell that an open page hears."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from anyday.rules import commands as c
from tests.web.browser.conftest import Visit
from tests.web.browser.test_bets import HOUR, MONDAY, WINDOW, place
from tests.web.browser.town import POINT, WIDTHS, Town, axe, follow, until


@pytest.fixture
def question(town: Town) -> str:
    """A market whose bell rings on 27 March 2027."""
    return town.question(origin="1 April 2027", bell="27 March 2027")


def test_a_window_is_picked_on_the_curve_and_sealed_and_withdrawn_on_the_same_page(visit: Visit, town: Town, question: str) -> None:
    page = visit("Pia", f"/q/{question}", answers=(422,))
    (x, y), (to, _) = place(page, MONDAY + 8 * HOUR), place(page, MONDAY + 6 * 24 * HOUR + 16 * HOUR)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + to) / 2, y + 5)
    page.mouse.move(to, y)
    page.mouse.up()
    expect(page.get_by_label("When?")).to_have_value(WINDOW)
    page.get_by_role("slider", name="The window starts").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("20")
    expect(page.get_by_label("Points to bet")).to_have_value("20")
    page.get_by_label("At a chance of at most").fill("much")
    page.get_by_role("button", name="Seal this bet").click()
    expect(page.locator("#seal [data-answer]")).to_contain_text("percentage")
    page.get_by_label("At a chance of at most").fill("60%")
    page.get_by_role("button", name="Seal this bet").click()
    expect(page.locator("#seal [data-answer] .said")).to_contain_text(WINDOW)
    expect(page.locator(".slip li")).to_contain_text("20 points, at most 60 %")
    expect(page.get_by_label("When?")).to_have_value("")
    page.get_by_role("button", name="Withdraw the sealed bet").click()
    expect(page.get_by_role("heading", name="Your sealed bets")).to_have_count(0)
    assert town.view("Pia", question).bell.mine == ()


def test_an_open_page_hears_the_bell_and_then_has_the_slip(visit: Visit, town: Town, question: str) -> None:
    page = visit("Quinn", f"/q/{question}")
    expect(page.locator("#seal")).to_be_visible()
    town.submit("Pia", c.SealBet(question, WINDOW, 600_000, spend=20 * POINT))
    town.clock.at = MONDAY - 12 * 24 * HOUR
    town.bet("Quinn", question, "May", 5)
    expect(page.locator("#slip")).to_be_visible()
    expect(page.locator("#seal")).to_have_count(0)
    expect(page.locator(".timeline")).to_contain_text("of 1 sealed bets 1 was filled")
    until(lambda: town.held("Pia", question))


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_about_sealed_bets_is_in_anybodys_way(visit: Visit, town: Town, width: int) -> None:
    question = town.question(origin="1 May 2027", bell="25 April 2027")
    town.submit("Pia", c.SealBet(question, "May", 700_000, spend=12 * POINT))
    page = visit("Pia", f"/q/{question}", width=width)
    expect(page.locator(".slip li")).to_contain_text("12 points, at most 70 %")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_without_script_a_bet_is_sealed_at_every_width(visit: Visit, town: Town, width: int) -> None:
    question = town.question(origin="1 May 2027", bell="25 April 2027")
    page = visit("Pia", f"/q/{question}", width=width, java_script_enabled=False)
    page.get_by_label("When?").fill("May")
    page.get_by_label("Points to bet").fill("12")
    page.get_by_label("At a chance of at most").fill("70%")
    follow(page.get_by_role("button", name="Seal this bet"))
    expect(page.locator(".slip li")).to_contain_text("12 points, at most 70 %")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    follow(page.get_by_role("button", name="Withdraw the sealed bet"))
    expect(page.locator(".slip li")).to_have_count(0)
