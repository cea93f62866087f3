"""A page that stays open: it follows other people's bets and the clock, keeps what somebody does on it, and goes when they go."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.browser.conftest import Visit
from tests.web.browser.town import Town, follow, until

AREA = "document.querySelector('anyday-curve .plot.main path.area').getAttribute('d')"
#: Milliseconds in which a second browser must have seen a bet: a bound for slow machines, well before a page asks by itself after a minute.
#: The time itself is printed.
BOUND = 20_000


def test_a_second_browser_sees_the_curve_move(visit: Visit, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    question = town.question()
    mine, theirs = visit("Pia", f"/q/{question}"), visit("Quinn", f"/q/{question}", width=360)
    before = theirs.evaluate(AREA)
    mine.get_by_label("When?").fill("April")
    mine.get_by_label("Points to bet").fill("50")
    expect(mine.locator("#slip-go")).to_contain_text("Bet 50")
    began = time.monotonic()
    mine.locator("#slip-go").click()
    theirs.wait_for_function(f"before => {AREA} !== before", arg=before, timeout=BOUND)
    with capsys.disabled():
        print(f" [the second browser saw it after {(time.monotonic() - began) * 1000:.0f} ms] ", end="")
    assert "1 bet by 1 player" in theirs.locator(".who").inner_text()


def busy_page(visit: Visit, question: str) -> Page:
    """Pia in the middle of something: half a window typed, a tab chosen, the terms open."""
    page = visit("Pia", f"/q/{question}")
    page.get_by_text("All terms").click()
    page.get_by_text("Pressure", exact=True).click()
    page.get_by_text("Or by payout, or to a chance").click()
    page.get_by_label("Points to bet").fill("12")
    page.get_by_label("When?").press_sequentially("14–20 Ap")
    return page


def test_what_one_is_doing_stays_while_the_page_moves(visit: Visit, town: Town) -> None:
    question = town.question()
    page = busy_page(visit, question)
    version = page.locator("#question").get_attribute("data-version")
    town.bet("Quinn", question, "May", 30)
    page.wait_for_function("v => document.getElementById('question').dataset.version !== v", arg=version)
    assert "1 bet by 1 player" in page.locator(".who").inner_text(), "control: the page has moved"
    assert page.get_by_label("When?").input_value() == "14–20 Ap"
    assert page.get_by_label("Points to bet").input_value() == "12"
    assert page.evaluate("document.activeElement.id") == "f-window", "the focus stays"
    assert page.locator("#tab-pressure").is_checked()
    assert page.locator("details.terms").get_attribute("open") is not None
    assert page.locator("details.other").get_attribute("open") is not None
    page.keyboard.type("ril")
    expect(page.locator("#slip-go")).to_have_text("Bet 12 on 14–20 April 2027")


def test_a_price_on_the_slip_follows_other_bets(visit: Visit, town: Town) -> None:
    question = town.question()
    page = visit("Pia", f"/q/{question}")
    page.get_by_label("When?").fill("April")
    page.get_by_label("Points to bet").fill("50")
    expect(page.locator("[data-of=chance]")).to_contain_text("→")
    before = page.locator("[data-of=pays]").inner_text()
    town.bet("Quinn", question, "April", 30)
    expect(page.locator("[data-of=pays]")).not_to_have_text(before)
    assert float(page.locator("[data-of=pays]").inner_text()) < float(before), "April has become dearer"


def later(town: Town, minutes: int) -> str:
    """A minute after now on the town's clock, as one types it."""
    return time.strftime("%d %B %Y %H:%M", time.gmtime(town.clock.at // 10**6 + 60 * minutes))


@pytest.mark.parametrize("script", [True, False])
def test_a_page_follows_the_clock_by_itself(script: bool, visit: Visit, town: Town) -> None:
    """Two seconds before a minute ends; without script (the control) the page stays as it was drawn."""
    town.clock.pass_(seconds=60 - town.clock.at // 10**6 % 60)
    question = town.question(grain="minute", origin=later(town, 0), horizon=later(town, 90))
    town.clock.pass_(seconds=58)
    page = visit("Pia", f"/q/{question}", java_script_enabled=script)
    curve = page.locator("anyday-curve")
    before = int(curve.get_attribute("data-passed") or 0)
    town.clock.pass_(seconds=4)
    if script:
        expect(curve).not_to_have_attribute("data-passed", str(before))
        assert int(curve.get_attribute("data-passed") or 0) == before + 60_000_000
    else:
        page.wait_for_timeout(2_500)
        assert curve.get_attribute("data-passed") == str(before)


def test_a_question_that_passes_away_under_ones_eyes_takes_the_slip_along(visit: Visit, town: Town) -> None:
    town.clock.pass_(seconds=60 - town.clock.at // 10**6 % 60)
    question = town.question(grain="minute", origin=later(town, 1), horizon=later(town, 3))
    town.clock.pass_(seconds=118)
    page = visit("Pia", f"/q/{question}")
    assert page.locator("#slip").is_visible()
    town.clock.pass_(seconds=4)
    expect(page.locator(".slip")).to_contain_text("time has passed")
    assert page.locator("#slip").count() == 0


def test_times_are_the_questions_with_ones_own_beside_them_where_they_differ(visit: Visit, town: Town) -> None:
    tokyo, zurich = town.question(zone="Asia/Tokyo"), town.question(zone="Europe/Zurich")
    page = visit("Pia", f"/q/{tokyo}")
    assert "Times are in Asia/Tokyo, where it is" in page.locator(".zone").inner_text()
    assert "your clock says" in page.locator(".zone").inner_text()
    own = page.locator(".timeline time").first
    assert own.inner_text().endswith(")"), own.inner_text()
    assert "yours" in own.inner_text()
    town.bet("Quinn", tokyo, "April", 3)
    expect(page.locator(".who")).to_contain_text("1 bet")
    assert page.locator(".timeline time").first.inner_text().count("yours") == 1, "once, however often the page moves"
    same = visit("Pia", f"/q/{zurich}")
    assert same.locator(".zone").inner_text() == "Times are in Europe/Zurich."
    assert "yours" not in same.locator(".timeline").inner_text()
    plain = visit("Pia", f"/q/{tokyo}", java_script_enabled=False)
    assert plain.locator(".zone").inner_text() == "Times are in Asia/Tokyo.", "a server cannot know where one is"


def test_back_and_forward_lead_where_one_was(visit: Visit, town: Town) -> None:
    question = town.question("When will we be back?")
    page = visit("Pia", "/")
    follow(page.get_by_role("link", name="When will we be back?"))
    page.get_by_label("When?").fill("April")
    page.get_by_label("Points to bet").fill("5")
    expect(page.locator("#slip-go")).to_contain_text("Bet 5")
    page.locator("#slip-go").click()
    expect(page.locator("#slip-refusal .said")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="When?")).to_be_visible()
    page.go_forward()
    expect(page.locator(".who")).to_contain_text("1 bet by 1 player")
    assert len(town.held("Pia", question)) == 1, "going about bets nothing"


def test_signing_out_ends_it_in_every_tab(visit: Visit, town: Town) -> None:
    page = visit(None, "/sign-in", answers=(401,))
    page.get_by_label("Name").fill("Quinn")
    page.get_by_label("Password").fill("correct horse battery")
    follow(page.get_by_role("button", name="Sign in"))
    assert page.get_by_role("heading", name="When?").is_visible()
    other = page.context.new_page()
    other.goto("/me")
    follow(other.get_by_role("button", name="Sign out"))
    assert other.get_by_role("heading", name="Sign in").is_visible()
    page.goto("/me")
    assert page.get_by_role("heading", name="Quinn").count() == 0
    assert page.get_by_text("Sign in").count() > 0
    assert [cookie["name"] for cookie in page.context.cookies()] == []


def test_a_lost_answer_bets_once(visit: Visit, town: Town) -> None:
    """The server takes the bet, and its answer is cut off on the way: pressing again is the same bet."""
    question = town.question()
    page = visit("Pia", f"/q/{question}", answers=("net::ERR_FAILED",))
    cut: list[str] = []

    def lose(route: Route) -> None:
        if not cut:
            cut.append(route.fetch().url)
            route.abort()
        else:
            route.continue_()

    page.route("**/bet", lose)
    page.get_by_label("When?").fill("April")
    page.get_by_label("Points to bet").fill("5")
    expect(page.locator("#slip-go")).to_contain_text("Bet 5")
    page.locator("#slip-go").click()
    expect(page.locator("#slip-refusal")).to_contain_text("it can’t happen twice")
    once = until(lambda: town.held("Pia", question))
    town.bet("Quinn", question, "April", 20)
    expect(page.locator(".who")).to_contain_text("2 bets")  # the slip's price has moved by now, and so have its limits
    page.locator("#slip-go").click()
    expect(page.locator("#slip-refusal .said")).to_be_visible()
    assert town.held("Pia", question) == once


def test_after_a_lost_answer_another_bet_is_another_bet(visit: Visit, town: Town) -> None:
    question = town.question()
    page = visit("Pia", f"/q/{question}", answers=("net::ERR_FAILED",))
    page.route("**/bet", lambda route: route.abort(), times=1)
    page.get_by_label("When?").fill("April")
    page.get_by_label("Points to bet").fill("5")
    expect(page.locator("#slip-go")).to_contain_text("Bet 5")
    page.locator("#slip-go").click()
    expect(page.locator("#slip-refusal")).to_contain_text("it can’t happen twice")
    page.get_by_label("When?").fill("10–16 May 2027")
    expect(page.locator("#slip-go")).to_contain_text("10–16 May")
    page.locator("#slip-go").click()
    expect(page.locator("#slip-refusal .said")).to_be_visible()
    assert [window for window, _ in town.held("Pia", question)] == ["10–16 May 2027"]
