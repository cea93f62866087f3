"""Totes, guesses and forecasts in a real browser: by mouse, touch, keyboard, typing and without script the same entry is made;
an open page follows stakes and the bell, and what is sealed wakes nobody's.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from anyday.rules import commands as c
from tests.web.browser.conftest import Visit
from tests.web.browser.test_looks import focus
from tests.web.browser.town import POINT, Town, follow, until

WAYS = {"tote": c.ToteTerms("month"), "closest": c.ClosestTerms(stake=10 * POINT), "forecast": True}
ALONE = {"market": False, "subsidy": 0, "subsidy_from": "host"}
DAY = 86_400_000_000
NOON_14_APRIL = 1_807_704_000_000_000
CURVE = c.CurveQuantiles(by=(("31 March 2027", 80_000), ("14 April 2027", 400_000), ("9 May 2027", 720_000)), never=200_000)


def entered(town: Town, *names: str, **changes: object) -> str:
    """A question that is played only in these ways; its id."""
    return town.question(**{**ALONE, **{name: WAYS[name] for name in names}, **changes})


def part(page: Page, name: str) -> Locator:
    """The part of the page for one way to play."""
    return page.locator(f"#{name}")


def spot(page: Page, name: str, instant: int) -> tuple[float, float]:
    """Where an instant (UTC microseconds) lies on the picture of one way to play, in pixels of the viewport."""
    axis = part(page, name).locator("anyday-pick")
    axis.scroll_into_view_if_needed()
    start, end = (int(axis.get_attribute(f"data-{edge}") or 0) for edge in ("start", "end"))
    box = axis.locator("svg.plot").first.bounding_box()
    assert box is not None
    return box["x"] + (instant - start) / (end - start) * box["width"], box["y"] + box["height"] * 0.4


def clicked(page: Page, name: str) -> None:
    page.mouse.click(*spot(page, name, NOON_14_APRIL))


def touched(page: Page, name: str) -> None:
    x, y = spot(page, name, NOON_14_APRIL)
    page.touchscreen.tap(x, y)


def by_keyboard(page: Page, name: str) -> None:
    """From the first slot or day on, to the second slot or the thirtieth day after."""
    part(page, name).get_by_role("slider").focus()
    page.keyboard.press("Home")
    for key in ["ArrowRight"] if name == "tote" else ["Shift+ArrowRight"] * 3:
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    assert focus(page)[0].startswith("INPUT#s-points" if name == "tote" else "BUTTON"), "Enter goes on to the form"


def typed(page: Page, name: str) -> None:
    part(page, name).locator("[name=slot], [name=guess]").fill("April 2027" if name == "tote" else "14 April 2027")


PICKS: dict[str, tuple[Callable[[Page, str], None], int]] = {
    "clicked": (clicked, 1280), "touched": (touched, 360), "by keyboard": (by_keyboard, 1280), "typed": (typed, 360),
}  # fmt: skip


@pytest.mark.parametrize("way", PICKS)
def test_every_way_to_pick_a_slot_stakes_on_it(way: str, visit: Visit, town: Town) -> None:
    act, width = PICKS[way]
    question = entered(town, "tote")
    town.submit("Quinn", c.Stake(question, "May", 10 * POINT))
    page = visit("Pia", f"/q/{question}", width=width, has_touch=width == 360)
    act(page, "tote")
    page.get_by_label("Points to stake").fill("20")
    expect(part(page, "tote").locator("[data-means]")).to_contain_text("you would get 30 as things stand")
    page.get_by_role("button", name="Stake 20 on 1–30 April 2027").click()
    expect(part(page, "tote").locator(".said")).to_contain_text("You staked 20 points on 1–30 April 2027")
    expect(part(page, "tote").locator("table")).to_contain_text("● 20")
    assert [slot.mine for slot in town.view("Pia", question).tote.slots] == ["0", "20", "0", "0"]
    assert page.get_by_label("Points to stake").input_value() == "", "a second stake is typed anew"


@pytest.mark.parametrize("way", PICKS)
def test_every_way_to_pick_a_day_guesses_it(way: str, visit: Visit, town: Town) -> None:
    act, width = PICKS[way]
    question = entered(town, "closest")
    page = visit("Pia", f"/q/{question}", width=width, has_touch=width == 360)
    act(page, "closest")
    guess = page.locator("[name=guess]").input_value()
    if way == "touched":
        assert guess.endswith("April 2027"), "a thumb is as fine as the axis"
    else:
        assert guess == "14 April 2027"
    page.get_by_role("button", name=f"Guess {guess} for 10").click()
    expect(part(page, "closest").locator(".said")).to_contain_text(f"Your guess is {guess}")
    assert [pin.window for pin in town.view("Pia", question).closest.pins] == [guess]
    expect(part(page, "closest").locator(".slip")).to_contain_text("Another guess replaces it and costs nothing")
    page.get_by_label("Your guess").fill("15 April 2027")
    page.get_by_role("button", name="Change your guess to 15 April 2027").click()
    expect(part(page, "closest").locator(".slip")).to_contain_text("You guessed 15 April 2027")


def test_never_is_picked_on_the_glass_and_by_the_last_key(visit: Visit, town: Town) -> None:
    question = entered(town, "tote", "closest")
    page = visit("Pia", f"/q/{question}")
    for name, field in (("tote", "slot"), ("closest", "guess")):
        glass = part(page, name).locator("svg.gauge")
        glass.click()
        expect(page.locator(f"[name={field}]")).to_have_value("never")
        part(page, name).get_by_role("slider").focus()
        page.keyboard.press("Home")
        expect(page.locator(f"[name={field}]")).not_to_have_value("never")
        page.keyboard.press("End")
        expect(page.locator(f"[name={field}]")).to_have_value("never")


def test_three_handles_make_a_curve_and_move_it_later(visit: Visit, town: Town) -> None:
    question = entered(town, "forecast")
    page = visit("Pia", f"/q/{question}")
    fields = [page.locator(f"[name=by{share}]") for share in (10, 50, 90)]
    middle = page.get_by_role("slider", name="Half by the end of")
    middle.focus()
    page.keyboard.press("Home")
    assert [field.input_value() for field in fields][:2] == ["15 March 2027", "15 March 2027"], "they keep their order"
    page.keyboard.press("Shift+ArrowRight")
    x, y = spot(page, "forecast", NOON_14_APRIL + 20 * DAY)
    grip = page.get_by_role("slider", name="9 in 10").bounding_box()
    assert grip is not None
    page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    page.mouse.down()
    page.mouse.move(x - 20, y)
    page.mouse.move(x, y)
    page.mouse.up()
    assert [field.input_value() for field in fields][:2] == ["15 March 2027", "25 March 2027"]
    assert "May 2027" in fields[2].input_value()
    path = "document.querySelector('#forecast anyday-pick').shadowRoot.querySelector('path').getAttribute('d')"
    assert page.evaluate(path).startswith("M"), "the curve as it would be"
    page.get_by_label("Never happens").fill("10%")
    page.get_by_label("Points to stake").fill("20")
    page.get_by_role("button", name="Stake 20 on this curve").click()
    expect(part(page, "forecast").locator(".said")).to_contain_text("Your forecast is in with a stake of 20 points")
    mine = town.view("Pia", question).forecast.mine
    assert (mine.never, [bar.chance for bar in mine.bars][:2]) == (100_000, [90_000, 360_000])
    expect(page.get_by_role("button", name="Revise your curve")).to_be_visible()
    fields[0].fill("20 March 2027")
    page.get_by_role("button", name="Revise your curve").click()
    expect(part(page, "forecast").locator(".said")).to_contain_text("revised")
    assert town.view("Pia", question).forecast.curves == 2
    page.reload()
    assert [fields[0].input_value(), fields[1].input_value()] == ["20 March 2027", "25 March 2027"], "one's own curve stands in the fields"


def test_a_refusal_stands_beside_its_own_form_and_what_was_typed_stays(visit: Visit, town: Town) -> None:
    question = town.question(**WAYS)
    page = visit("Pia", f"/q/{question}", answers=(422,))
    page.get_by_label("Which slot?").fill("14 April 2027")
    page.get_by_label("Points to stake").first.fill("5")
    page.get_by_role("button", name="Stake 5 on").click()
    expect(part(page, "tote").locator(".refusal")).to_contain_text("14 April 2027 is not one of the slots here")
    assert page.locator(".refusal").count() == 1
    assert page.get_by_label("Which slot?").input_value() == "14 April 2027"
    page.get_by_label("Your guess").fill("April")
    page.get_by_role("button", name="Guess April for 10").click()
    expect(part(page, "closest").locator(".refusal")).to_contain_text("is not a single day")


# ---- without script --------------------------------------------------------------------------------------------------


def test_without_script_one_stakes_guesses_forecasts_and_notes(visit: Visit, town: Town) -> None:
    question = entered(town, *WAYS)
    page = visit("Pia", f"/q/{question}", width=360, answers=(422,), java_script_enabled=False)
    page.get_by_label("Which slot?").fill("never")
    page.get_by_label("Points to stake").first.fill("20")
    follow(page.get_by_role("button", name="Stake", exact=True))
    assert "You staked 20 points on never" in page.locator(".said").inner_text()
    page.get_by_label("Your guess").fill("14 April")
    follow(page.get_by_role("button", name="Guess for 10"))
    assert "Your guess is 14 April 2027" in page.locator(".said").inner_text()
    for label, text in (("1 in 10", "March 2027"), ("Half", "14 April 2027"), ("9 in 10", "1 April 2027")):
        page.get_by_label(f"{label} by the end of").fill(text)
    page.locator("#c-points").fill("15")
    follow(page.get_by_role("button", name="Stake on this curve"))
    assert "its times must rise" in part(page, "forecast").locator(".refusal").inner_text()
    assert page.get_by_label("9 in 10 by the end of").input_value() == "1 April 2027"
    page.get_by_label("9 in 10 by the end of").fill("9 May 2027")
    follow(page.get_by_role("button", name="Stake on this curve"))
    assert "Your forecast is in" in page.locator(".said").inner_text()
    page.get_by_text("Add a near miss or news").click()
    for label, text in (("When", "today"), ("In a sentence", "It nearly moved."), ("Where anybody can check it", "Ask the cook.")):
        page.get_by_label(label, exact=True).fill(text)
    follow(page.get_by_role("button", name="Put it on the timeline"))
    assert "A near miss" in page.locator(".timeline ol").inner_text()
    view = town.view("Pia", question)
    assert (view.tote.mine, view.closest.pins[0].window, view.forecast.stake) == ("20", "14 April 2027", "15")


def test_without_script_one_asks_in_every_way_to_play(visit: Visit, town: Town) -> None:
    page = visit("Olga", "/ask", width=360, java_script_enabled=False)
    texts = {"Question": "When will the pool open?", "Terms": "Water.", "From": "1 April 2027", "Until": "1 July 2027"}
    for name, text in texts.items():
        page.get_by_label(name, exact=True).fill(text)
    page.get_by_label("Market", exact=True).uncheck()
    assert not page.get_by_label("Points you put up").is_visible(), "what is not played needs no points"
    for name in ("Tote", "Closest guess", "Forecast"):
        page.get_by_label(name, exact=True).check()
    page.get_by_label("One slot for each").select_option("week")
    page.get_by_label("The prize").select_option("three")
    follow(page.get_by_role("button", name="Open the question"))
    view = town.view("Pia", page.url.split("/q/")[1].split("?")[0])
    assert view.plays == ("tote", "closest", "forecast")
    assert (len(view.tote.slots), view.closest.stake, view.closest.prize) == (15, "10", "three")
    assert page.locator("anyday-curve").count() == 0
    assert page.get_by_text("History", exact=True).count() == 0


# ---- a page that is open ----------------------------------------------------------------------------------------------


def test_another_browser_sees_a_stake_at_once_and_no_sealed_entry_ever(visit: Visit, town: Town) -> None:
    question = entered(town, *WAYS)
    page = visit("Quinn", f"/q/{question}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    pool = part(page, "tote").locator(".picture p").first
    town.submit("Pia", c.Stake(question, "April", 20 * POINT))
    expect(pool).to_contain_text("share all 20 points")
    before = page.locator("#closest, #forecast").all_inner_texts()
    fetched = len(asked)
    town.submit("Pia", c.Guess(question, "14 April 2027"))
    town.submit("Pia", c.Forecast(question, CURVE, 20 * POINT))
    assert page.evaluate("fetch('/healthz').then((r) => r.status)") == 200, "the server is there, and had time to say something"
    page.wait_for_timeout(600)  # three times the gap of the live stream: nothing must come
    assert [url for url in asked[fetched:] if not url.endswith("/healthz")] == []
    town.submit("Pia", c.Stake(question, "May", 10 * POINT))
    expect(pool).to_contain_text("share all 30 points")
    assert page.locator("#closest, #forecast").all_inner_texts() == before
    assert len(asked) > fetched + 1, "control: a stake is seen"


def test_an_open_page_shows_every_guess_when_the_bell_rings(visit: Visit, town: Town) -> None:
    """Two seconds before entries close."""
    town.clock.pass_(seconds=60 - town.clock.at // 10**6 % 60)


    first, last = (time.strftime("%d %B %Y %H:%M", time.gmtime(town.clock.at // 10**6 + 60 * minutes)) for minutes in (1, 30))
    question = entered(town, "closest", grain="minute", origin=first, horizon=last)
    town.submit("Pia", c.Guess(question, "never"))
    town.clock.pass_(seconds=58)
    page = visit("Quinn", f"/q/{question}")
    assert page.locator("#guess").is_visible()
    assert "1 guess" not in part(page, "closest").inner_text()
    town.clock.pass_(seconds=4)
    expect(part(page, "closest")).to_contain_text("1 guess for 10 points")
    expect(part(page, "closest").locator(".slip")).to_contain_text("Entries closed on")
    assert page.locator("#guess").count() == 0


def test_a_near_miss_is_noted_and_opened_under_the_history(visit: Visit, town: Town) -> None:
    question = town.question()
    town.bet("Quinn", question, "April")
    page = visit("Pia", f"/q/{question}")
    page.get_by_text("Add a near miss or news").click()
    for label, text in (("When", "today"), ("In a sentence", "The door opened, and shut."), ("Where anybody can check it", "The porter saw it.")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Put it on the timeline").click()
    expect(page.locator(".timeline ol")).to_contain_text("The door opened, and shut.")
    page.get_by_text("History", exact=True).click()
    page.locator("#panel-history summary", has_text="The door opened").click()
    expect(page.locator("#panel-history")).to_contain_text("The porter saw it.")
    assert page.get_by_label("In a sentence").input_value() == ""
    until(lambda: any(entry.note == "near_miss" for entry in town.view("Pia", question).timeline))
