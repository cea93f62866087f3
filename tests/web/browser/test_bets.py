"""One bet, many ways: by mouse, by touch, by typing, by keyboard, with script and without, all end in the same position."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from anyday.rules import commands as c
from tests.web.browser.conftest import Visit
from tests.web.browser.test_looks import focus
from tests.web.browser.town import POINT, Town, follow, turning, until

#: A whole week from Monday on: what a thumb can hit on a phone.
WINDOW = "12–18 April 2027"
MONDAY = 1_807_488_000_000_000
HOUR = 3_600_000_000


def place(page: Page, instant: int) -> tuple[float, float]:
    """Where an instant (UTC microseconds) lies on the curve, in pixels of the viewport."""
    curve = page.locator("anyday-curve")
    curve.scroll_into_view_if_needed()
    start, end = (int(curve.get_attribute(f"data-{name}") or 0) for name in ("start", "end"))
    found = page.locator("anyday-curve svg.plot.main").bounding_box()
    assert found is not None
    return found["x"] + (instant - start) / (end - start) * found["width"], found["y"] + found["height"] * 0.6


def typed(page: Page) -> None:
    page.get_by_label("When?").fill("12-18 apr 2027")
    page.get_by_label("Points to bet").fill("50")


def dragged(page: Page) -> None:
    (x, y), (to, _) = place(page, MONDAY + 8 * HOUR), place(page, MONDAY + 6 * 24 * HOUR + 16 * HOUR)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + to) / 2, y + 5)
    page.mouse.move(to, y)
    page.mouse.up()


def dragged_back(page: Page) -> None:
    """From right to left, and then one handle to its place."""
    (x, y), (to, _) = place(page, MONDAY + 6 * 24 * HOUR + 16 * HOUR), place(page, MONDAY + 2 * 24 * HOUR + 8 * HOUR)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to, y)
    page.mouse.up()
    grip = page.get_by_role("slider", name="The window starts").bounding_box()
    assert grip is not None
    x, y, (to, _) = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2, place(page, MONDAY + 6 * HOUR)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + to) / 2, y)
    page.mouse.move(to, y)
    page.mouse.up()


def touched(page: Page) -> None:
    (x, y), (to, _) = place(page, MONDAY + 24 * HOUR), place(page, MONDAY + 6 * 24 * HOUR)
    session = page.context.new_cdp_session(page)
    points = [("touchStart", x), ("touchMove", x + (to - x) / 3), ("touchMove", x + (to - x) * 2 / 3), ("touchMove", to)]
    for kind, at in points:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def by_keyboard(page: Page) -> None:
    """Home is the first grain left, End the horizon; shift moves by ten; Enter goes on to the slip."""
    page.get_by_role("slider", name="The window starts").focus()
    for keys in ("Home", *["Shift+ArrowRight"] * 3, *["ArrowLeft"] * 2):
        page.keyboard.press(keys)
    page.keyboard.press("Tab")
    assert focus(page)[0].endswith("The window ends")
    for keys in ("End", *["Shift+ArrowLeft"] * 4, *["ArrowLeft"] * 3):
        page.keyboard.press(keys)
    page.keyboard.press("Enter")
    assert "f-points" in focus(page)[0], "Enter opens the slip"
    page.keyboard.press("Control+A")
    page.keyboard.type("50")


WAYS: dict[str, tuple[Callable[[Page], None], int]] = {
    "typed": (typed, 1280),
    "typed on a phone": (typed, 360),
    "dragged": (dragged, 1280),
    "dragged back, then a handle": (dragged_back, 1280),
    "touched": (touched, 360),
    "by keyboard": (by_keyboard, 1280),
}


@pytest.fixture(scope="module")
def expected(town: Town) -> list[tuple[str, str]]:
    """What the same bet leaves behind when it goes straight to the service."""
    question = town.question()
    town.bet("Pia", question, WINDOW, 50)
    held = town.held("Pia", question)
    assert [window for window, _ in held] == [WINDOW]
    return held


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_bet_ends_in_the_same_position(way: str, visit: Visit, town: Town, expected: list[tuple[str, str]]) -> None:
    act, width = WAYS[way]
    question = town.question()
    page = visit("Pia", f"/q/{question}", width=width, has_touch=width == 360)
    act(page)
    button = page.locator("#slip-go")
    expect(button).to_have_text(f"Bet 50 on {WINDOW}")
    assert page.locator("[data-of=pays]").inner_text() == f"{float(expected[0][1]):,.2f}", "the slip says beforehand what one gets"
    if way == "by keyboard":
        page.keyboard.press("Enter")
    else:
        button.click()
    said = page.locator("#slip-refusal .said")
    expect(said).to_contain_text(WINDOW)
    assert town.held("Pia", question) == expected
    assert len(town.do(_bets(town, question))) == 1


async def _bets(town: Town, question: str) -> tuple[object, ...]:
    found = town.service.bets(question, town.players["Pia"])
    assert isinstance(found, tuple)
    return found


def test_control_another_week_ends_in_another_position(town: Town, expected: list[tuple[str, str]]) -> None:
    question = town.question()
    town.bet("Pia", question, "5–11 April 2027", 50)
    assert town.held("Pia", question) != expected


def test_a_tap_on_the_glass_bets_on_never(visit: Visit, town: Town) -> None:
    question = town.question()
    page = visit("Pia", f"/q/{question}")
    glass = page.locator("anyday-curve svg.gauge").bounding_box()
    assert glass is not None
    page.mouse.click(glass["x"] + glass["width"] / 2, glass["y"] + glass["height"] / 2)
    expect(page.get_by_label("When?")).to_have_value("never")
    page.get_by_role("button", name="Bet 50 on never").click()
    expect(page.locator("#slip-refusal .said")).to_contain_text("never")
    assert [window for window, _ in town.held("Pia", question)] == ["never by 1 June 2027"]


def test_the_effect_shows_before_the_bet_and_a_refusal_in_words(visit: Visit, town: Town) -> None:
    question = town.question()
    page = visit("Pia", f"/q/{question}", answers=(422,))
    typed(page)
    expect(page.locator("#slip-go")).to_have_text(f"Bet 50 on {WINDOW}")
    ghost = "document.querySelector('anyday-curve').shadowRoot.querySelector('path').getAttribute('d')"
    assert page.evaluate(ghost).startswith("M"), "the curve as it would be"
    assert "→" in page.locator("[data-of=chance]").inner_text()
    page.get_by_label("When?").fill("31 April 2027")
    expect(page.locator("[data-of=said]")).to_contain_text("31 April 2027” does not exist")
    expect(page.locator("#slip-go")).to_have_text("Bet")
    assert not page.evaluate(ghost), "no price, no ghost"
    page.locator("#slip-go").click()
    expect(page.locator("#slip-refusal .refusal")).to_contain_text("31 April 2027” does not exist")
    assert page.get_by_label("When?").input_value() == "31 April 2027", "what was typed stays"
    page.get_by_label("When?").fill(WINDOW)
    expect(page.locator("#slip-refusal .refusal")).to_have_count(0)
    assert town.held("Pia", question) == []


def test_a_position_is_sold_and_its_floor_collected_with_one_button(visit: Visit, town: Town) -> None:
    question = town.question()
    town.bet("Pia", question, WINDOW, 20)
    page = visit("Pia", f"/q/{question}")
    page.get_by_text("You", exact=True).click()
    page.get_by_role("button", name=f"Sell {WINDOW}").click()
    expect(page.locator("#slip-refusal .said")).to_contain_text(WINDOW)
    assert town.held("Pia", question) == []
    expect(page.locator("#panel-you")).to_contain_text("hold")


def test_the_limit_of_a_sale_follows_the_price_on_its_button(visit: Visit, town: Town) -> None:
    question = town.question()
    town.bet("Pia", question, WINDOW, 20)
    page = visit("Pia", f"/q/{question}")
    page.get_by_text("You", exact=True).click()
    button, least = page.get_by_role("button", name=f"Sell {WINDOW}"), page.locator("#panel-you [name=min_proceeds]")
    seen, limit = button.inner_text(), float(least.input_value())
    town.bet("Quinn", question, f"not {WINDOW}", 20)
    expect(button).not_to_have_text(seen)
    assert 0 < float(least.input_value()) < limit * 0.98
    button.click()
    expect(page.locator("#slip-refusal .said")).to_contain_text(WINDOW)


def test_a_whole_bet_by_keyboard_from_the_board_on(visit: Visit, town: Town) -> None:
    question = town.question("When will the keyboard arrive?")
    page = visit("Pia", "/")
    reach(page, "When will the keyboard arrive?")
    with turning(page):
        page.keyboard.press("Enter")
    assert page.url.endswith(f"/q/{question}")
    page.keyboard.press("Tab")
    assert "Skip" in focus(page)[0]
    page.keyboard.press("Enter")
    reach(page, "The window starts")
    page.keyboard.press("ArrowRight")
    reach(page, "f-points")
    page.keyboard.press("Control+A")
    page.keyboard.type("7")
    expect(page.locator("#slip-go")).to_contain_text("Bet 7 on")
    reach(page, "slip-go")
    page.keyboard.press("Enter")
    expect(page.locator("#slip-refusal .said")).to_contain_text("7")
    assert len(town.held("Pia", question)) == 1


def reach(page: Page, name: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        what, shown, _ = focus(page)
        if name in what:
            assert shown, f"nobody sees the focus on {what}"
            return
    raise AssertionError(f"Tab does not reach {name}")


# ---- without script --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("priced", [True, False])
def test_without_script_one_bets_with_the_price_shown_first_or_at_once(
    priced: bool, visit: Visit, town: Town, expected: list[tuple[str, str]]
) -> None:
    question = town.question()
    page = visit("Pia", f"/q/{question}", width=360, java_script_enabled=False)
    page.get_by_label("When?").fill(WINDOW)
    page.get_by_label("Points to bet").fill("50")
    if priced:
        follow(page.get_by_role("button", name="Show the price first"))
        assert f"{float(expected[0][1]):,.2f}" in page.locator("main").inner_text()
        assert town.held("Pia", question) == [], "a price binds nobody"
        follow(page.get_by_role("button", name=f"Bet 50 on {WINDOW}"))
    else:
        follow(page.get_by_role("button", name="Bet", exact=True))
    assert WINDOW in page.locator(".said").inner_text()
    assert town.held("Pia", question) == expected
    page.reload()
    assert len(town.do(_bets(town, question))) == 1, "loading again bets nothing"


def test_without_script_a_refusal_keeps_what_was_typed(visit: Visit, town: Town) -> None:
    page = visit("Pia", f"/q/{town.question()}", answers=(422,), java_script_enabled=False)
    page.get_by_label("When?").fill("31 April 2027")
    page.get_by_label("Points to bet").fill("50")
    follow(page.get_by_role("button", name="Bet", exact=True))
    assert "31 April 2027” does not exist" in page.locator(".refusal").inner_text()
    assert page.get_by_label("When?").input_value() == "31 April 2027"


def test_without_script_one_signs_in_asks_and_rules(visit: Visit, town: Town) -> None:
    page = visit(None, "/ask", width=360, answers=(401,), java_script_enabled=False)
    follow(page.get_by_role("link", name="Sign in").first)
    page.get_by_label("Name").fill("Olga")
    page.get_by_label("Password").fill("correct horse battery")
    follow(page.get_by_role("button", name="Sign in"))
    follow(page.get_by_role("link", name="Ask", exact=True))
    for name, text in (
        ("Question", "When will the script be back?"),
        ("Terms", "The first line of it."),
        ("From", "13 March 2027"),
        ("Until", "1 June 2027"),
    ):
        page.get_by_label(name, exact=True).fill(text)
    page.get_by_label("Out of").select_option("the house’s points")
    follow(page.get_by_role("button", name="Open the question"))
    assert page.locator("h1").inner_text() == "When will the script be back?"
    question = page.url.split("/q/")[1].split("?")[0]
    town.bet("Pia", question, "April", 5)
    page.reload()
    follow(page.get_by_role("link", name="Rule this question"))
    page.get_by_label("What happened").fill("13 March 2027, 23:30")
    page.get_by_label("Evidence").fill("The log of the server.")
    follow(page.get_by_role("button", name="Show what this ruling would do"))
    assert "Bets that fall" in page.locator(".outcome").inner_text()
    follow(page.get_by_role("button", name="Confirm"))
    assert "It happened on 13 March 2027, 23:30" in page.locator(".outcome").inner_text()
    assert until(lambda: town.view("Pia", question).state) == "settled"


def test_a_target_of_the_slip_moves_the_chance_there(visit: Visit, town: Town) -> None:
    question = town.question()
    town.submit("Quinn", c.Bet(question, "May", spend=POINT))
    page = visit("Pia", f"/q/{question}")
    page.get_by_label("When?").fill("April 2027")
    page.get_by_text("Or by payout, or to a chance").click()
    page.get_by_label("Move the chance to").fill("60%")
    expect(page.locator("[data-of=chance]")).to_contain_text("→ 60 %")
    page.locator("#slip-go").click()
    expect(page.locator("#slip-refusal .said")).to_contain_text("April 2027")
    chance = sum(bar.chance for bar in town.view("Pia", question).curve.bars if 1_806_537_600_000_000 <= bar.start < 1_809_129_600_000_000)
    assert abs(chance - 600_000) <= 2_000


#: Says when an answer has been used, and lets a test start the slip's next question itself once ``window.late`` is set.
_BY_HAND = """() => {
  const [ask, soon] = [window.fetch, window.setTimeout];
  window.fetch = async (...what) => {
    const reply = await ask(...what), json = reply.json.bind(reply);
    reply.json = async () => { const said = await json(); soon(() => { window.used = true; }); return said; };
    return reply;
  };
  window.setTimeout = (work, wait) => (window.late && wait === 40 ? (window.next = work) : soon(work, wait));
}"""


def test_a_late_price_does_not_pull_the_window_back(visit: Visit, town: Town) -> None:
    """A price that was asked for before the last key comes after it: what the fingers picked since stays."""
    page = visit("Pia", f"/q/{town.question()}", width=1280)
    page.evaluate(_BY_HAND)
    held: list[Route] = []
    page.route("**/quote?*", lambda route: held.append(route) if not held else route.continue_())
    start = page.get_by_role("slider", name="The window starts")
    start.focus()
    page.keyboard.press("Home")
    until(lambda: page.wait_for_timeout(20) or held)
    page.evaluate("window.late = true")
    page.keyboard.press("ArrowRight")
    picked = start.get_attribute("aria-valuenow")
    held[0].continue_()
    until(lambda: page.evaluate("window.used"))
    assert start.get_attribute("aria-valuenow") == picked
    page.evaluate("window.next()")
    expect(page.locator("#slip-answer [data-of=said]")).to_contain_text("get")
    assert start.get_attribute("aria-valuenow") == picked
