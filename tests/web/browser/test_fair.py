"""People among each other, in a real browser: who is asked agrees, who said something is thanked, what is halted stands still on every open
page, a duty passes, a ruling is disputed and decided. By pointer, by keyboard and without script, on a wide screen and on a phone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from anyday.instants import DAY, HOUR
from anyday.rules import commands as c
from tests.web.browser.conftest import Visit
from tests.web.browser.test_looks import _open_all, complaints
from tests.web.browser.town import Town, follow, town_in

#: Milliseconds in which another page must have seen something: a bound for slow machines; the time itself is printed.
BOUND = 20_000
OUTCOME = "16 March 2027"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A crew on the third day of its questions: Olga owns it, Rita rules where Olga must not, Pia and Quinn play, Gus looks on."""
    with town_in(tmp_path_factory.mktemp("fair")) as made:
        made.open_crew("Olga", "Pia", "Quinn", "Rita", guests=("Gus",))
        yield made


def asked(town: Town, title: str, **changes: Any) -> str:
    """A question that Rita rules, whose ruling can be disputed for a day."""
    return town.question(title, resolver=town.players["Rita"], dispute=DAY, **changes)


def ruled(town: Town, title: str, **changes: Any) -> str:
    """The same, once Rita has ruled it."""
    question = asked(town, title, **changes)
    town.bet("Quinn", question, "April", 10)
    if town.clock.at < DAYS_ON:
        town.clock.at = DAYS_ON
    town.submit("Rita", c.Rule(question, OUTCOME, "The door opened, and there it was."))
    return question


#: When these stories begin: the morning of 17 March 2027, so that something can have happened.
DAYS_ON = 1_805_263_200_000_000


def tab_to(page: Page, wanted: Locator, most: int = 80) -> None:
    """Press Tab until something has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"the Tab key does not lead to {wanted}")


def in_time(began: float, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Print how long it took until another page had seen something."""
    with capsys.disabled():
        print(f" [{what} after {(time.monotonic() - began) * 1000:.0f} ms] ", end="")


# what people do


def test_somebody_whom_it_is_about_agrees_by_keyboard_and_others_see_it_only_then(visit: Visit, town: Town) -> None:
    question = asked(town, "When will Pia show us the archive?", subjects=(town.players["Pia"],))
    other = visit("Quinn", f"/q/{question}", answers=(404,))
    assert other.locator("#question").count() == 0, "nobody else sees a draft"
    page = visit("Pia", f"/q/{question}")
    tab_to(page, page.get_by_role("button", name="I agree"))
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_have_attribute("data-state", "open")
    expect(page.locator("#fair-answer")).to_contain_text("agree")
    expect(page.locator("#fair-answer")).to_be_focused()
    assert page.get_by_role("button", name="I agree").count() == 0
    assert "It is about you" not in page.locator("main").inner_text()
    other.goto(f"/q/{question}")
    expect(other.locator("#question")).to_have_attribute("data-state", "open")


def test_what_one_says_is_seen_by_others_and_can_be_thanked_for_by_keyboard(visit: Visit, town: Town) -> None:
    question = asked(town, "When will the lamp be mended?")
    mine, theirs = visit("Pia", f"/q/{question}"), visit("Quinn", f"/q/{question}", width=360)
    mine.get_by_label("Say something").fill("The *old* one hums. <b>Listen.</b>")
    mine.get_by_role("button", name="Comment").click()
    expect(theirs.locator(".e-commented em")).to_have_text("old")
    expect(mine.get_by_label("Say something")).to_have_value("")
    assert "<b>Listen.</b>" in theirs.locator(".e-commented .prose").inner_text()
    expect(mine.locator("form.comment .said")).to_be_visible()
    tab_to(theirs, theirs.get_by_role("button", name="Thank Pia"))
    theirs.keyboard.press("Enter")
    expect(mine.locator(".e-commented")).to_contain_text("Thanked once")
    expect(theirs.locator("#said-answer .said")).to_be_visible()
    expect(theirs.locator("#said-answer")).to_be_focused()
    assert theirs.get_by_role("button", name="Thank Pia").count() == 0
    assert mine.get_by_role("button", name="Thank Pia").count() == 0, "nobody thanks themselves"


def test_a_question_that_is_halted_stands_still_on_another_open_page_and_goes_on(
    visit: Visit, town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    question = asked(town, "When will the bell ring?")
    host, player = visit("Rita", f"/q/{question}"), visit("Pia", f"/q/{question}")
    expect(player.locator("#slip")).to_be_visible()
    host.get_by_text("Halt this question").click()
    host.get_by_label("Why? Everybody will read it.").fill("Somebody saw the ladder.")
    began = time.monotonic()
    host.get_by_role("button", name="Halt it").click()
    player.get_by_text("Somebody saw the ladder.").first.wait_for(timeout=BOUND)
    in_time(began, "halted", capsys)
    expect(player.locator("#slip")).to_have_count(0)
    host.get_by_role("button", name="Let it go on").click()
    expect(player.locator("#slip")).to_be_visible()
    assert player.locator(".refusal:visible").count() == 0


def test_an_alarm_is_seen_on_every_open_page_until_it_is_lifted(visit: Visit, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = asked(town, "When will the hall be painted?"), asked(town, "When will the gate be oiled?")
    pages = [visit("Pia", f"/q/{first}"), visit("Quinn", f"/q/{second}", width=360)]
    for page in pages:
        expect(page.locator("#slip")).to_be_visible()
    owner = visit("Olga", "/crew")
    owner.get_by_text("Raise the alarm").click()
    owner.get_by_label("Why?", exact=True).fill("The numbers are wrong.")
    began = time.monotonic()
    owner.get_by_role("button", name="Halt everything").click()
    for page in pages:
        page.get_by_role("alert").filter(has_text="Everything in this crew stands still").wait_for(timeout=BOUND)
    in_time(began, "an alarm on two pages", capsys)
    for page in pages:
        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("The numbers are wrong.")
        expect(page.locator("#slip")).to_have_count(0)
    expect(owner.get_by_role("alert")).to_contain_text("The numbers are wrong.")
    assert complaints(owner) == [] and complaints(pages[0]) == []
    follow(owner.get_by_role("button", name="Lift the alarm"))
    for page in pages:
        expect(page.locator("#slip")).to_be_visible()
    assert owner.get_by_role("alert").count() == 0


def test_a_duty_is_offered_and_taken_over_between_two_open_pages(visit: Visit, town: Town) -> None:
    question = asked(town, "When will the clock be right?")
    giver, taker = visit("Rita", f"/q/{question}", answers=(404,)), visit("Pia", f"/q/{question}")
    giver.get_by_text("Hand it over: resolver").click()
    form = giver.locator("form:has(#o-to-resolver)")
    form.get_by_label("To (their name)").fill("Nobody")
    form.get_by_role("button", name="Offer it").click()
    expect(form.locator(".refusal")).to_be_visible()
    form.get_by_label("To (their name)").fill("Pia")
    form.get_by_label("Until").fill("1 May 2027")
    form.get_by_role("button", name="Offer it").click()
    expect(taker.get_by_text("Rita hands you the duty of resolver")).to_be_visible()
    taker.get_by_role("button", name="I have it").click()
    expect(giver.locator("section.answers")).to_contain_text("Resolver: Pia")
    expect(giver.locator("section.answers")).to_contain_text("until 1 May 2027")
    expect(taker.locator("#slip")).to_have_count(0)


def test_a_ruling_is_disputed_and_its_judge_decides(visit: Visit, town: Town) -> None:
    question = ruled(town, "When did the parcel come?")
    player, judge = visit("Pia", f"/q/{question}", width=360), visit("Olga", f"/q/{question}")
    expect(judge.get_by_role("heading", name="The ruling can be disputed")).to_be_visible()
    player.get_by_text("Dispute the ruling").click()
    player.get_by_label("What is wrong with it?").fill("It was the neighbour’s.")
    player.get_by_role("button", name="Dispute it").click()
    expect(judge.get_by_role("heading", name="The ruling is disputed")).to_be_visible()
    expect(judge.get_by_text("It was the neighbour’s.").first).to_be_visible()
    assert player.get_by_role("button", name="Decide, for good").count() == 0
    assert not judge.get_by_label("What happened instead").is_visible(), "only where another outcome takes its place"
    judge.get_by_label("The ruling", exact=True).select_option("replaced")
    judge.get_by_label("What happened instead").fill("15 March 2027")
    judge.get_by_label("Evidence for that").fill("The label.")
    judge.get_by_label("Why").fill("The label says so.")
    judge.get_by_role("button", name="Decide, for good").click()
    expect(judge.locator("#question")).to_have_attribute("data-state", "settled")
    expect(player.locator(".outcome .big")).to_contain_text("15 March 2027")


def test_a_refused_decision_says_why_and_keeps_what_was_typed(visit: Visit, town: Town) -> None:
    question = ruled(town, "When did the van leave?")
    town.submit("Pia", c.Dispute(question, "It is still there."))
    judge = visit("Olga", f"/q/{question}", answers=(422, 409))
    judge.get_by_label("The ruling", exact=True).select_option("replaced")
    judge.get_by_label("What happened instead").fill("some day")
    judge.get_by_label("Evidence for that").fill("A feeling.")
    judge.get_by_label("Why").fill("I feel it.")
    judge.get_by_role("button", name="Decide, for good").click()
    expect(judge.locator("#fair-answer .refusal")).to_be_visible()
    assert judge.get_by_label("Why").input_value() == "I feel it."
    expect(judge.locator("#question")).to_have_attribute("data-state", "disputed")


def test_all_of_it_is_done_without_script_on_a_phone(visit: Visit, town: Town) -> None:
    draft = asked(town, "When will Pia sing?", subjects=(town.players["Pia"],))
    offered = asked(town, "When will the tap stop dripping?")
    town.submit("Rita", c.HandOver("resolver", town.players["Pia"], offered))
    over = ruled(town, "When was the sofa moved?")
    plain = {"width": 360, "java_script_enabled": False}
    page = visit("Pia", f"/q/{draft}", **plain)
    follow(page.get_by_role("button", name="I agree"))
    expect(page.locator("#question")).to_have_attribute("data-state", "open")
    page.get_by_label("Say something").fill("Softly.")
    follow(page.get_by_role("button", name="Comment"))
    expect(page.locator(".e-commented")).to_contain_text("Softly.")
    page.goto(f"/q/{offered}")
    follow(page.get_by_role("button", name="I have it"))
    expect(page.locator("section.answers")).to_contain_text("Resolver: Pia")
    page.goto(f"/q/{over}")
    page.get_by_text("Dispute the ruling").click()
    page.get_by_label("What is wrong with it?").fill("It came back.")
    follow(page.get_by_role("button", name="Dispute it"))
    other = visit("Olga", f"/q/{over}", **plain)
    other.get_by_label("Why").fill("It did.")
    other.get_by_label("The ruling", exact=True).select_option("withdrawn")
    follow(other.get_by_role("button", name="Decide, for good"))
    expect(other.locator("#question")).to_have_attribute("data-state", "open")


# how it looks


@pytest.fixture(scope="module")
def places(town: Town) -> dict[str, str]:
    """A question in every state that people bring it to, and the pages about people."""
    long = "A reason that goes on for a while, because whoever gives it has thought about it. " * 3 + "w" * 80
    q = {name: asked(town, f"When {name}?") for name in ("halted", "offered", "said")}
    q["draft"] = asked(town, "When will Quinn and Pia dance?", subjects=(town.players["Pia"], town.players["Quinn"]), barred=(town.players["Gus"],))
    q["silent"] = asked(town, "When will anybody rule?", horizon="19 March 2027", silence=HOUR)
    q["withdrawn"] = asked(town, "When will Quinn leave?", subjects=(town.players["Quinn"],))
    town.submit("Quinn", c.Agree(q["draft"]))
    town.submit("Quinn", c.Agree(q["withdrawn"]))
    town.clock.at = max(town.clock.at, DAYS_ON)
    town.clock.pass_(days=2)
    q["ruled"] = ruled(town, "When was it ruled?")
    q["disputed"], q["voting"] = ruled(town, "When was it disputed?"), ruled(town, "When did they vote?")
    q["settled"] = ruled(town, "When was it decided?")
    for name, who in (("disputed", "Pia"), ("voting", "Olga"), ("settled", "Pia")):
        town.submit(who, c.Dispute(q[name], long))
    town.submit("Olga", c.Judge(q["settled"], "stands", long))
    town.submit("Rita", c.Halt(q["halted"], long))
    town.submit("Rita", c.HandOver("resolver", town.players["Pia"], q["offered"], "1 May 2027"))
    town.submit("Quinn", c.Withdraw(q["withdrawn"]))
    noted = town.submit("Quinn", c.Note(q["said"], "near_miss", "It nearly was.", "today", "See https://example.org/" + "m" * 60))
    said = town.submit("Quinn", c.Comment(q["said"], f"# A heading\n\n> quoted\n\n- a list of {'w' * 90}\n\n```\n{'code ' * 40}\n```"))
    for version in (noted.version, said.version):
        town.submit("Pia", c.Thank(q["said"], version))
    return {name: f"/q/{question}" for name, question in q.items()}


LOOKS = [
    ("Pia", "draft"), ("Rita", "draft"), ("Rita", "halted"), ("Pia", "halted"), ("Pia", "offered"), ("Rita", "offered"), ("Olga", "withdrawn"),
    ("Pia", "ruled"), ("Gus", "ruled"), (None, "ruled"), ("Olga", "disputed"), ("Pia", "disputed"), ("Pia", "voting"), ("Pia", "silent"),
    ("Rita", "silent"), ("Pia", "settled"), ("Pia", "said"), ("Gus", "said"), ("Pia", "/feed"), ("Pia", "/inbox"), ("Pia", "/"), ("Olga", "/crew"),
    ("Gus", "/crew"), ("Pia", "/me"), ("Olga", "/crews"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "where"), LOOKS, ids=[f"{where}, {who or 'nobody'}" for who, where in LOOKS])
def test_a_page_about_people_is_right_at_every_width_and_all_of_it_is_reached_by_keyboard(
    who: str | None, where: str, visit: Visit, places: dict[str, str]
) -> None:
    page = visit(who, places.get(where, where), answers=(401, 404))
    _open_all(page)
    assert complaints(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    assert unreached(page) == []


#: Note what has the focus; whether all that can have it had it before. The first Tab may start anywhere on the page, and goes round; a
#: curve has several places for the focus.
_REACH = """() => {
  const at = document.activeElement, seen = (window.reached ??= new Set());
  const before = at !== document.body && at !== window.last && seen.has(at);
  seen.add(window.last = at);
  return before;
}"""
_UNREACHED = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden], [type=radio]), select, textarea, summary")]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && !window.reached.has(e)).map((e) => e.outerHTML.slice(0, 120))"""


def unreached(page: Page) -> list[str]:
    """What one can use with a pointer, and the Tab key does not lead to. Of a group of choices it leads to the one that is chosen."""
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.evaluate(_REACH):
            break
    found: list[str] = page.evaluate(_UNREACHED)
    return found


def test_control_what_the_tab_key_does_not_lead_to_is_found(visit: Visit, places: dict[str, str]) -> None:
    page = visit("Pia", places["draft"])
    page.get_by_role("button", name="I agree").evaluate("e => { e.tabIndex = -1; }")
    assert ["I agree" in html for html in unreached(page)] == [True]
