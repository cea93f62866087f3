"""Every page at three widths, light and dark, in a real browser: nothing in the console, no request elsewhere, no scrolling
sideways, no serious violation found by axe, every input labelled, the focus always to be seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from anyday.instants import Grain
from anyday.people.accounts import Issued
from anyday.rules import commands as c
from tests.web.browser.conftest import Visit
from tests.web.browser.town import POINT, WIDTHS, Town, Watch, axe, follow, too_wide, town_in, unlabelled

LONG = (
    "When will the committee that was set up to look into the matter of the second lift, the one behind the kitchen, hand in "
    "the report for which everybody has been waiting since the summer of 2024, as promised?"
)[:200]


@pytest.fixture(scope="module")
def places(town: Town) -> dict[str, str]:
    """A question of every kind and state, and other addresses, by name."""
    q = {name: town.question(f"When {name}?") for name in ("open", "held", "spike", "never", "settled", "void")}
    q["hour"] = town.question(grain="hour", zone="America/Anchorage", horizon="1 May 2027")
    q["minute"] = town.question(grain="minute", origin="15 March 2027 07:00", horizon="15 March 2027 17:00")
    q["month"] = town.question(grain="month", origin="April 2027", horizon="January 2031")
    q["long"] = town.question(LONG, zone="America/Argentina/ComodRivadavia", terms="x" * 400)
    q["word"] = town.question("W" * 200)
    q["over"] = town.question("When was the window mended?", horizon="17 March 2027")
    town.bet("Quinn", q["hour"], "3 April 2027 14:00..18:00", 20)
    town.bet("Quinn", q["minute"], "15 March 2027 11:00..11:30")
    town.bet("Quinn", q["month"], "2029", 50)
    town.submit("Quinn", c.Bet(q["spike"], "12 April 2027", target=800_000))
    town.submit("Quinn", c.Bet(q["never"], "never", target=950_000))
    for name in ("held", "settled", "void"):
        town.bet("Quinn", q[name], "April", 20)
    for day in range(20):
        town.submit("Pia", c.Bet(q["held"], f"{day + 1} April 2027", shares=(1 + day % 3) * POINT + day * 12_345))
    town.bet("Pia", q["settled"], "16 March", 20)
    town.bet("Pia", q["void"], "never", 20)
    town.bet("Pia", q["over"], "16 March", 20)
    q |= played(town)
    town.clock.pass_(days=3)
    town.submit("Olga", c.Rule(q["all settled"], "16 March 2027 14:00", "A wet floor."))
    town.submit("Pia", c.Forecast(q["sealed"], curve("20 March 2027", "2 May 2027", "20 May 2027", 50_000)))
    town.submit("Olga", c.Rule(q["settled"], "16 March 2027 14:00", "A wet floor; see the photo in the hall: https://example.org/photo."))
    town.submit("Olga", c.Void(q["void"], "Nobody can tell any more."))
    found = {name: f"/q/{question}" for name, question in q.items()}
    issued = town.do(town.service.people.invite(town.players["Olga"]))
    assert isinstance(issued, Issued)
    return {**found, **tallied(town), "join": f"/join/{issued.secret}"}


def curve(early: str, half: str, late: str, never: int) -> c.CurveQuantiles:
    """A curve by three times, as the page states it."""
    left = 1_000_000 - never
    return c.CurveQuantiles(by=((early, left // 10), (half, left // 2), (late, left * 9 // 10)), never=never)


def played(town: Town) -> dict[str, str]:
    """Questions that are played in other ways than as a market, with stakes, guesses, forecasts and near misses."""
    alone = {"market": False, "subsidy": 0, "subsidy_from": "host"}
    ways = {"tote": c.ToteTerms("month", 50_000), "closest": c.ClosestTerms(stake=5 * POINT, prize="three", many=True), "forecast": True}
    q = {
        "tote": town.question("When will the ice break?", tote=c.ToteTerms("week"), **alone, origin="1 April 2027"),
        "closest": town.question("When will the child be born?", closest=c.ClosestTerms(stake=5 * POINT), **alone, origin="1 April 2027"),
        "forecast": town.question("When will the release be cut?", forecast=True, **alone, origin="1 April 2027"),
        "empty": town.question("When will somebody play?", **ways, **alone, origin="1 April 2027"),
        "sealed": town.question("When will the ferry sail?", **ways, **alone),
        "all": town.question("When will the bakery open?", **ways, origin="1 April 2027", horizon="1 September 2027"),
        "all settled": town.question("When did the bakery open?", **ways),
    }
    for name, played in q.items():
        for place, who in enumerate(("Pia", "Quinn")):
            if name in ("tote", "sealed", "all", "all settled"):
                town.submit(who, c.Stake(played, "5–11 April 2027" if name == "tote" else "April 2027", (20 + place) * POINT))
                town.submit(who, c.Stake(played, "never", (5 + place) * POINT))
            if name in ("closest", "sealed", "all", "all settled"):
                town.submit(who, c.Guess(played, f"{14 + place} April 2027"))
            if name in ("forecast", "sealed", "all", "all settled"):
                times = ("5 April 2027", f"{14 + place} April 2027", "20 May 2027")
                town.submit(who, c.Forecast(played, curve(*times, 150_000), (10 + place) * POINT))
    for who, guess in (("Pia", "never"), ("Pia", "16 March 2027"), ("Quinn", "16 March 2027"), ("Quinn", "18 March 2027")):
        town.submit(who, c.Guess(q["all settled"], guess))
    town.bet("Quinn", q["all"], "June", 20)
    town.submit("Pia", c.Note(q["all"], "near_miss", "The oven did not fit through the door.", "today", "See https://example.org/oven."))
    town.submit("Pia", c.Note(q["all"], "news", "The permit is there.", "today", "The gazette."))
    return q


def tallied(town: Town) -> dict[str, str]:
    """Tallies: one with a history and an open question, one whose next question could not be opened, an empty one; and the form."""
    asks = c.NextQuestion("When will the next parcel be lost?", "The carrier says so.", Grain.DAY, 120, 100 * POINT, "house")
    terms = "A parcel that the carrier cannot find.\n\nOne that comes after all is struck out: https://example.org/terms."
    t = {
        "tally": town.submit("Olga", c.OpenTally("Lost shipments", terms, "1 June 2026", asks)).tally,
        "tally stuck": town.submit("Olga", c.OpenTally(LONG, "x" * 400, "1 January 2027", asks)).tally,
        "tally empty": town.submit("Pia", c.OpenTally("W" * 200, "It is.", "today")).tally,
    }
    for when in ("3 June 2026", "9 July 2026 10:00", "July 2026", "12 September 2026 14:00", "24 December 2026 18:00", "9 March 2027 16:20"):
        town.submit("Pia", c.Record(t["tally"], when, "The carrier’s mail of that day: https://example.org/" + "m" * 80))
    town.submit("Olga", c.Strike(t["tally"], 5, "It came after all, " + "w" * 60))
    for name, title in (("tally", "When was the parcel lost?"), ("tally stuck", "When did they hand it in?")):
        question = town.question(title, tally=t[name])
        town.submit("Olga", c.Rule(question, "16 March 2027 14:00", "A wet box."))
    return {name: f"/tallies/{tally}" for name, tally in t.items()} | {"ask for a tally": f"/ask?tally={t['tally stuck']}"}


def _steps(*steps: tuple[str, str] | str) -> Callable[[Page], None]:
    """Fill fields (name and text), press buttons (their text) that lead to another page."""

    def take(page: Page) -> None:
        for step in steps:
            if isinstance(step, str):
                follow(page.get_by_role("button", name=step))
            else:
                page.locator(f"[name={step[0]}]").first.fill(step[1])

    return take


def _tab(name: str) -> Callable[[Page], None]:
    def take(page: Page) -> None:
        page.get_by_text(name, exact=True).click()
        for summary in page.locator("summary:visible").all():
            summary.click()

    return take


def _priced(page: Page) -> None:
    page.fill("[name=window]", "12–18 April 2027")
    page.fill("[name=points]", "50")
    page.get_by_role("button", name="Bet 50 on").wait_for()


def _refused(page: Page) -> None:
    page.fill("[name=window]", "3 March 2027")
    page.fill("[name=points]", "50")
    page.get_by_role("button", name="Bet").click()
    page.locator("#slip-refusal .refusal").wait_for()


def _staked(page: Page) -> None:
    page.get_by_role("slider", name="The slot on the axis").focus()
    page.keyboard.press("Home")
    page.get_by_label("Points to stake").fill("20")
    page.get_by_role("button", name="Stake 20 on").wait_for()


def _guessed(page: Page) -> None:
    page.get_by_role("textbox", name="Your guess").fill("April")
    page.get_by_role("button", name="Change your guess").click()
    page.locator("#closest .refusal").wait_for()


def _ways(page: Page) -> None:
    for name in ("Tote", "Closest guess", "Forecast"):
        page.get_by_label(name, exact=True).check()
    _opened(page)


def _opened(page: Page) -> None:
    for summary in page.locator("summary:visible").all():
        summary.click()


def _numbers(page: Page) -> None:
    """Every table that a picture has is there to be opened."""
    for summary in page.locator("summary").all():
        summary.click()


def _open_all(page: Page) -> None:
    closed = page.locator("details:not([open]) > summary:visible")
    while closed.count():
        closed.first.click()


def _nothing(page: Page) -> None:
    assert page.locator("main").is_visible()


#: name -> who looks, where (a key of ``places`` or an address), what they do there first
PAGES: dict[str, tuple[str | None, str, Callable[[Page], None]]] = {
    "board": ("Pia", "/", _nothing),
    "question": ("Pia", "open", _nothing),
    "question with a price": ("Pia", "open", _priced),
    "question after a refusal": ("Pia", "open", _refused),
    "question with a position": ("Pia", "held", _tab("You")),
    "question with its history": ("Pia", "held", _tab("History")),
    "question with its pressure": ("Pia", "spike", _tab("Pressure")),
    "question by the hour": ("Pia", "hour", _nothing),
    "question by the minute": ("Pia", "minute", _nothing),
    "question by the month": ("Pia", "month", _nothing),
    "question that never happens": ("Pia", "never", _nothing),
    "question with a long title": ("Pia", "long", _nothing),
    "question with a long word": ("Pia", "word", _nothing),
    "question settled": ("Pia", "settled", _nothing),
    "question void": ("Pia", "void", _nothing),
    "question for its resolver": ("Olga", "over", _nothing),
    "tote": ("Pia", "tote", _nothing),
    "tote with a stake in the slip": ("Pia", "tote", _staked),
    "tote for its resolver": ("Olga", "tote", _nothing),
    "closest guess, sealed": ("Pia", "closest", _nothing),
    "closest guess after a refusal": ("Pia", "closest", _guessed),
    "forecast, stated": ("Pia", "forecast", _nothing),
    "question without a market, empty": ("Pia", "empty", _nothing),
    "question without a market, entries closed": ("Quinn", "sealed", _nothing),
    "question without a market, forecast revised": ("Pia", "sealed", _opened),
    "question in every way": ("Pia", "all", _opened),
    "question in every way, its history": ("Pia", "all", _tab("History")),
    "question in every way, settled": ("Pia", "all settled", _opened),
    "question in every way, ruling": ("Olga", "sealed?ruling", _steps(("outcome", "16 March 2027"), ("evidence", "I was there."), "Show what")),
    "price without script": ("Pia", "open?quote", _nothing),
    "ruling": ("Olga", "over?ruling", _nothing),
    "ruling with its totals": ("Olga", "over?ruling", _steps(("outcome", "16 March 2027 10:00"), ("evidence", "I was there."), "Show what")),
    "calling off": ("Olga", "over?ruling?what=void", _nothing),
    "ask": ("Olga", "/ask", _nothing),
    "ask in every way": ("Olga", "/ask", _ways),
    "ask, refused": ("Olga", "/ask", _steps(("title", "x"), ("terms", "y"), ("origin", "soon"), ("horizon", "later"), "Open the question")),
    "you": ("Pia", "/me", _nothing),
    "you with a token": ("Pia", "/me", _steps(("name", "script"), "Make a token")),
    "record": ("Pia", "/record", _numbers),
    "player": ("Pia", "/players/Quinn", _numbers),
    "player without a record": ("Pia", "/players/Olga", _nothing),
    "tables": ("Pia", "/tables", _nothing),
    "tables of all time": ("Pia", "/tables?period=all", _nothing),
    "review": ("Pia", "/crew/review", _nothing),
    "review of another time": ("Pia", "/crew/review?period=quarter&at=2026-05", _nothing),
    "crew": ("Pia", "/crew", _nothing),
    "crew for its owner": ("Olga", "/crew", lambda page: (_open_all(page), _steps("Make an invitation link")(page))[1]),
    "sign-in": (None, "/sign-in", _nothing),
    "sign-in, refused": (None, "/sign-in", _steps(("name", "Pia"), ("password", "not this one"), "Sign in")),
    "join": (None, "join", _nothing),
    "help": (None, "/help", _nothing),
    "problem": ("Pia", "/q/nowhere", _nothing),
    "tallies": ("Pia", "/tallies", _nothing),
    "tally": ("Pia", "tally", _open_all),
    "tally whose next question could not be opened": ("Olga", "tally stuck", _open_all),
    "tally without an occurrence": ("Pia", "tally empty", _nothing),
    "tally, refused": ("Pia", "tally", _steps(("when", "soon"), ("evidence", "a dream"), "Record it")),
    "opening a tally": ("Olga", "/tallies/new", _nothing),
    "opening a tally, refused": ("Pia", "/tallies/new", _steps(("name", "x"), ("terms", "y"), ("since", "soon"), "Open the tally")),
    "asking for a tally": ("Olga", "ask for a tally", _nothing),
}


def address(places: dict[str, str], key: str) -> str:
    """An address, or a place with what comes after it."""
    name, _, rest = key.partition("?")
    if key.startswith("/"):
        return key
    return places[name] + {"": "", "quote": "/quote?window=April&points=10"}.get(rest, f"/{rest}")


def complaints(page: Page) -> list[str]:
    """What is wrong with a page at any width, light and dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{scheme}, {width} px: {what}" for what in (*too_wide(page), *axe(page))]
    return [*found, *unlabelled(page)]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_right_at_every_width_light_and_dark(name: str, visit: Visit, places: dict[str, str]) -> None:
    who, key, first = PAGES[name]
    page = visit(who, address(places, key), answers=(404, 422, 401))
    first(page)
    assert complaints(page) == []


@pytest.fixture(scope="module")
def empty_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A server on which nobody has an account yet."""
    with town_in(tmp_path_factory.mktemp("empty")) as made:
        yield made


def test_the_first_page_of_a_new_server_is_right_and_opens_the_crew(chromium: Browser, empty_town: Town) -> None:
    secret = empty_town.do(empty_town.service.people.setup_secret())
    context = empty_town.context(chromium)
    page = context.new_page()
    watch = Watch(page, empty_town.origin)
    page.goto(f"/setup/{secret}")
    assert complaints(page) == []
    _steps(("crew", "The Lift"), ("name", "Olga"), ("password", "correct horse battery"), "Open the crew")(page)
    assert page.get_by_text("No questions yet.").is_visible()
    assert complaints(page) == []
    context.close()
    assert watch.errors == []
    assert watch.strangers == []


#: The element that has the focus, shadow trees included, and whether one sees it: on itself, on what it draws, or on its label.
_FOCUS = """() => {
  let e = document.activeElement;
  while (e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  const seen = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const shown = [getComputedStyle(e), getComputedStyle(e, "::after"), ...[...(e.labels || [])].map((l) => getComputedStyle(l))].some(seen);
  return [e.tagName + (e.id ? "#" + e.id : "") + " " + (e.getAttribute("aria-label") || e.textContent || e.name || "").trim().slice(0, 40),
          shown, e === document.body];
}"""


def focus(page: Page) -> tuple[str, bool, bool]:
    """What has the focus, whether that is to be seen, and whether it is the page as a whole."""
    name, shown, nothing = page.evaluate(_FOCUS)
    return name, shown, nothing


@pytest.mark.parametrize(
    "name",
    [
        "board", "question", "question with a position", "question in every way", "ask in every way",
        "ruling with its totals", "ask", "you", "crew for its owner", "tally", "sign-in",
    ],
)
def test_the_focus_is_always_to_be_seen(name: str, visit: Visit, places: dict[str, str]) -> None:
    who, key, first = PAGES[name]
    page = visit(who, address(places, key))
    first(page)
    page.locator(".skip").focus()
    stops: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        what, shown, nothing = focus(page)
        if nothing:
            break
        assert shown, f"nobody sees the focus on {what}"
        stops.append(what)
    assert len(stops) >= 5, stops


# ---- controls: each check sees what it is there to see ---------------------------------------------------------------


def test_control_who_does_not_follow_a_link_reads_a_page_that_is_not_there_yet(visit: Visit, town: Town) -> None:
    page, where = visit(None, "/sign-in"), "[location.pathname, document.readyState]"
    town.app.held = held = asyncio.Event()
    page.get_by_role("link", name="Help").click()
    assert page.evaluate(where) != ["/help", "complete"]
    town.app.held = None
    town.ask(held.set)
    page.wait_for_url("**/help")
    follow(page.get_by_role("link", name="Sign in").first)
    assert page.evaluate(where) == ["/sign-in", "complete"]


def test_control_a_missing_label_is_found(visit: Visit) -> None:
    page = visit(None, "/sign-in")
    assert axe(page) == unlabelled(page) == []
    page.evaluate("document.querySelector('label[for=f-password]').remove()")
    assert [line.split(" ")[0] for line in axe(page)] == ["label"]
    assert len(unlabelled(page)) == 1


def test_control_grey_on_grey_is_found(visit: Visit) -> None:
    page = visit(None, "/sign-in")
    page.evaluate("document.querySelector('label').style.color = '#aaa'")
    assert [line.split(" ")[0] for line in axe(page)] == ["color-contrast"]


def test_control_a_page_too_wide_is_found(visit: Visit) -> None:
    page = visit(None, "/sign-in", width=360)
    assert too_wide(page) == []
    page.evaluate("document.querySelector('h1').style.width = '500px'")
    assert len(too_wide(page)) == 1


def test_control_a_hidden_focus_is_found(visit: Visit) -> None:
    page = visit(None, "/sign-in")
    page.evaluate("document.styleSheets[0].insertRule(':focus-visible { outline: 0 !important }', 0)")
    page.keyboard.press("Tab")
    assert focus(page)[1] is False


def with_more(town: Town, more: str, *, policy: bool) -> Callable[[Route], None]:
    """The server's own page with something put into it; its content security policy stays, or is taken away."""

    def answer(route: Route) -> None:
        reply = route.fetch()
        headers = {k: v for k, v in reply.headers.items() if policy or k != "content-security-policy"}
        route.fulfill(status=reply.status, headers=headers, body=reply.text().replace("</main>", f"{more}</main>"))

    return answer


def open_with(chromium: Browser, town: Town, more: str, *, policy: bool) -> tuple[Any, Watch]:
    """The sign-in page with ``more`` in it: what ``window.put_in`` is then, and what the page said and asked for."""
    context = town.context(chromium)
    context.route("**/sign-in", with_more(town, more, policy=policy))
    context.route("https://elsewhere.example/**", lambda route: route.abort())
    page = context.new_page()
    watch = Watch(page, town.origin)
    page.goto("/sign-in")
    found = page.evaluate("window.put_in")
    context.close()
    return found, watch


IMAGE = '<img src="https://elsewhere.example/x.png" alt="">'
SCRIPT = "<script>window.put_in = 1</script>"


def test_control_an_image_from_elsewhere_is_found_and_the_policy_stops_it(chromium: Browser, town: Town) -> None:
    _, without = open_with(chromium, town, IMAGE, policy=False)
    assert without.strangers == ["https://elsewhere.example/x.png"]
    _, within = open_with(chromium, town, IMAGE, policy=True)
    assert any("Content Security Policy" in error for error in within.errors)


def test_an_inline_script_does_not_run(chromium: Browser, town: Town) -> None:
    found, watch = open_with(chromium, town, SCRIPT, policy=True)
    assert found is None
    assert any("Content Security Policy" in error for error in watch.errors)


def test_control_without_the_policy_an_inline_script_runs(chromium: Browser, town: Town) -> None:
    assert open_with(chromium, town, SCRIPT, policy=False)[0] == 1
