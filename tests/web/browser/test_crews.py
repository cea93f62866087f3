"""A further crew in a browser: what moves on its pages moves there, and the page's head leads from one crew to the other."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from anyday.rules import commands as c
from anyday.service import CREW
from tests.web.browser.conftest import Visit
from tests.web.browser.town import POINT, WIDTHS, Town, axe, follow, too_wide

NAME = "The choir of the northern quarter and all of its many friends"


@pytest.fixture(scope="module")
def choir(town: Town) -> tuple[str, str]:
    """A crew of Olga's, with Pia in it, and a question that Olga rules; their ids."""
    crew = town.service.new_crew(town.players["Olga"], "the choir")

    def send(name: str, body: c.Command) -> str | None:
        receipt = town.do(town.service.submit(c.Envelope(crew, town.players[name], f"choir-{type(body).__name__}-{name}", body)))
        found: str | None = receipt.question
        return found

    town.clock.pass_(seconds=1)
    send("Olga", c.OpenCrew(NAME))
    send("Pia", c.Join())
    asked = c.Ask("When do we sing?", "Aloud.", "UTC", "day", "15 March 2027", "1 June 2027", town.players["Olga"], 100 * POINT, "house")
    question = send("Olga", asked)
    assert question is not None
    return crew, question


def test_a_bet_is_priced_made_and_seen_without_leaving_the_crew(visit: Visit, choir: tuple[str, str]) -> None:
    crew, question = choir
    mine, other = visit("Pia", f"/c/{crew}/q/{question}"), visit("Olga", f"/c/{crew}/q/{question}")
    mine.get_by_label("When?").fill("April")
    mine.get_by_label("Points to bet").fill("50")
    expect(mine.locator("#slip-go")).to_contain_text("Bet 50")
    mine.locator("#slip-go").click()
    expect(mine.locator(".who")).to_contain_text("1 bet by 1 player")
    expect(other.locator(".who")).to_contain_text("1 bet by 1 player")
    assert f"/c/{crew}/q/" in mine.url
    expect(mine.locator(".top nav .purse")).to_have_text("950")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_head_leads_from_one_crew_to_the_other(width: int, visit: Visit, choir: tuple[str, str]) -> None:
    crew, question = choir
    page = visit("Pia", "/", width=width)
    page.locator(".crews summary").click()
    assert too_wide(page) == [] and axe(page) == []
    follow(page.get_by_role("link", name=NAME))
    assert page.url.endswith(f"/c/{crew}/")
    assert too_wide(page) == [] and axe(page) == []
    follow(page.get_by_role("link", name="When do we sing?"))
    assert page.url.endswith(f"/c/{crew}/q/{question}")
    page.locator(".crews summary").click()
    follow(page.get_by_role("link", name="The Lift"))
    assert page.url.endswith(f"/c/{CREW}/")


def test_a_crew_is_opened_on_the_page_and_without_script_too(visit: Visit, choir: tuple[str, str]) -> None:
    page = visit("Quinn", "/crews", width=360, java_script_enabled=False)
    page.get_by_label("Its name").fill("Quinn’s own")
    follow(page.get_by_role("button", name="Open the crew"))
    expect(page.get_by_role("heading", name="Quinn’s own")).to_be_visible()
    page.locator(".crews summary").click()
    expect(page.locator(".crews").get_by_role("link", name="The Lift")).to_be_visible()
