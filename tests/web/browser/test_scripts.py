"""What people write never runs: every hostile text of ``tests/web/payloads.py``, in every field that takes one, before a real browser.

Nothing may run, nothing may be reported by the policy (so the markup itself is clean, and the policy is a second wall that nobody leans
on), and nobody else may be asked for anything. The controls take one wall away at a time: then the same texts do run, or are reported.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from markdown_it import MarkdownIt
from markupsafe import Markup
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from anyday.people.accounts import Issued
from anyday.rules import commands as c
from anyday.rules.asking import TERMS_LONGEST, TEXT_LONGEST, TITLE_LONGEST
from anyday.rules.entering import MOST_NOTES
from anyday.web import pages
from tests.web.browser.town import Town, Watch, town_in
from tests.web.payloads import PAYLOADS, armed

#: Every text with its number, but those with signs that no text of ours may hold: these are refused before anything is shown.
TEXTS: Final = tuple(
    armed(payload, number) for number, payload in enumerate(PAYLOADS)
    if not isinstance(c.bounded_text(payload, "", TEXT_LONGEST), c.Refusal)
)  # fmt: skip
PLAIN: Final[dict[str, Any]] = {"market": False, "subsidy": 0, "closest": c.ClosestTerms(stake=1)}

#: Whatever waits for a hand is touched: the handler of each event on each element, and each link that leads to a script.
TOUCH: Final = """() => {
  const kinds = ["click", "mouseover", "pointerdown", "keydown", "copy", "drag", "contextmenu", "wheel", "input", "auxclick", "focus", "toggle"];
  const address = (e) => ["href", "xlink:href", "action", "formaction"].map((name) => e.getAttribute(name) || "").join("");
  const touch = (page) => {
    if (!page) return;
    for (const details of page.querySelectorAll("details")) details.open = true;
    const all = [...page.querySelectorAll("*")];
    for (const element of all) for (const kind of kinds) if (element.hasAttribute("on" + kind)) element.dispatchEvent(new Event(kind));
    const leads = (e) => /script:/i.test(address(e)) && !/^(https?|mailto):/i.test(address(e));
    for (const element of all) if (leads(element)) element.dispatchEvent(new MouseEvent("click"));
  };
  touch(document);
  for (const frame of document.querySelectorAll("iframe")) { try { touch(frame.contentDocument); } catch { /* it went to another origin */ } }
  return new Promise((done) => setTimeout(done, 60));
}"""
#: The policy's reports, told to the test.
REPORTING: Final = "document.addEventListener('securitypolicyviolation', (e) => reported(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));"


@dataclass
class Alarm:
    """A browser that tells of whatever ran, was reported, or asked somebody else."""

    context: BrowserContext
    page: Page
    watch: Watch
    ran: set[str] = field(default_factory=set)
    reports: list[str] = field(default_factory=list)

    def look(self, path: str) -> None:
        """Open a page and touch all that is on it."""
        self.page.goto(path)
        self.page.evaluate(TOUCH)

    @property
    def silent(self) -> bool:
        """Whether nothing happened at all."""
        return not (self.ran or self.reports or self.watch.strangers)


def alarmed(chromium: Browser, town: Town, *, policy: bool = True) -> Alarm:
    """A browser of Olga's with the alarm set; without the policy where that is a control."""
    context = town.context(chromium, "Olga")
    page = context.new_page()
    alarm = Alarm(context, page, Watch(page, town.origin))
    context.expose_function("hit", lambda number=None: alarm.ran.add(str(number)))
    context.expose_function("reported", lambda said: alarm.reports.append(said))
    context.add_init_script(f"{REPORTING} window.alert = window.confirm = window.prompt = () => hit('dialog');")
    page.on("dialog", lambda dialog: (alarm.ran.add("dialog"), dialog.dismiss()))

    def answer(route: Route) -> None:
        at = route.request.url
        if not at.startswith(f"{town.origin}/"):
            route.abort()  # it has been noted that somebody else was asked; nobody is
        elif policy or "/static/" in at or "/live" in at:
            route.continue_()
        else:
            reply = route.fetch()
            route.fulfill(status=reply.status, headers={k: v for k, v in reply.headers.items() if k != "content-security-policy"}, body=reply.body())

    context.route("**/*", answer)
    return alarm


def packed(texts: Iterable[str], most: int) -> Iterator[str]:
    """The texts put together, each in a paragraph of its own, to pieces of at most so many letters."""
    piece = ""
    for text in texts:
        if piece and len(piece) + len(text) + 2 > most:
            yield piece
            piece = ""
        piece += ("\n\n" if piece else "") + text
    yield piece


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A crew whose very name is hostile."""
    with town_in(tmp_path_factory.mktemp("hostile")) as made:
        made.open_crew("Olga", "Pia", "Quinn", called=armed("<script>HIT</script>", -1))
        yield made


@pytest.fixture(scope="module")
def noted(town: Town) -> list[str]:
    """Questions that hold all texts: each as a note and as its evidence, and all of them in the terms."""
    found = []
    for start in range(0, len(TEXTS), 2 * MOST_NOTES):
        part = TEXTS[start : start + 2 * MOST_NOTES]
        question = town.question(part[0][:TITLE_LONGEST], terms=next(packed(part, TERMS_LONGEST)), source=part[-1])
        for i, text in enumerate(part):
            town.submit("Pia" if i % 2 else "Quinn", c.Note(question, "news", text, "yesterday", text))
        found.append(question)
    return found


def test_there_are_three_hundred_of_them() -> None:
    assert len(TEXTS) >= 300
    assert len(PAYLOADS) - len(TEXTS) < 20, "control: hardly any is turned away for a sign in it"


def test_no_note_evidence_terms_or_source_runs(chromium: Browser, town: Town, noted: list[str]) -> None:
    alarm = alarmed(chromium, town)
    for question in noted:
        alarm.look(f"/q/{question}")
        assert alarm.page.locator(".timeline > ol > li").count() > 50, "control: they are on the page"
        alarm.look(f"/q/{question}/ruling")
    assert alarm.silent, (alarm.ran, alarm.reports[:5], alarm.watch.strangers[:5])
    assert alarm.watch.errors == []
    alarm.context.close()


def test_nothing_runs_when_an_open_page_takes_in_what_is_new(chromium: Browser, town: Town, noted: list[str]) -> None:
    """A page that is open already parses markup by script: another way in than a page that loads."""
    alarm = alarmed(chromium, town)
    alarm.page.goto(f"/q/{noted[0]}")
    text, evidence = armed("<img src=x onerror=HIT>", -2), armed("<svg onload=HIT> [x](javascript:HIT)", -3)
    town.submit("Olga", c.Note(noted[0], "near_miss", text, "yesterday", evidence))
    expect(alarm.page.locator(".timeline > ol > li.e-noted").first).to_contain_text("onerror=hit(-2)")
    alarm.page.evaluate(TOUCH)
    assert alarm.silent, (alarm.ran, alarm.reports[:5], alarm.watch.strangers[:5])
    alarm.context.close()


def test_no_title_reason_ruling_tally_or_token_runs(chromium: Browser, town: Town) -> None:
    alarm = alarmed(chromium, town)
    looked = ["/", "/tallies", "/me", "/crew", "/crew/review", "/record", "/tables", "/ask"]
    titled = [town.question(title, **PLAIN) for title in packed(TEXTS, TITLE_LONGEST)]
    pieces = list(packed(TEXTS, TEXT_LONGEST))
    assert len(titled) > 2 * len(pieces)
    for question, text in zip(titled, pieces, strict=False):
        town.submit("Olga", c.Void(question, text))
    for question, text in zip(titled[len(pieces) :], pieces, strict=False):
        town.submit("Olga", c.Rule(question, "13 March 2027", text))
    looked += [f"/q/{question}" for question in titled[: 2 * len(pieces)]]
    for text, name in zip(pieces, packed(TEXTS, TITLE_LONGEST), strict=False):
        tally = str(town.submit("Olga", c.OpenTally(name, text, "1 January 2027")).tally)
        version = town.submit("Olga", c.Record(tally, "1 February 2027", text)).version
        town.submit("Olga", c.Record(tally, "2 February 2027", text))
        town.submit("Olga", c.Strike(tally, version, text))
        looked.append(f"/tallies/{tally}")
    for text in [text for text in TEXTS if len(text) <= 64][:15]:
        assert isinstance(town.do(town.service.people.new_token(town.players["Olga"], text)), Issued)
    for path in looked:
        alarm.look(path)
    assert alarm.silent, (alarm.ran, alarm.reports[:5], alarm.watch.strangers[:5])
    alarm.context.close()


def test_nothing_that_is_typed_and_refused_runs_on_the_page_that_says_so(chromium: Browser, town: Town) -> None:
    alarm, question = alarmed(chromium, town), town.question()
    for text in TEXTS[:: len(TEXTS) // 12]:
        for name, rest in (("window", {"points": "5"}), ("points", {"window": "May"})):
            alarm.page.goto(f"/q/{question}/quote?" + "&".join(f"{k}={html_quote(v)}" for k, v in {name: text, **rest}.items()))
            alarm.page.evaluate(TOUCH)
    for text in TEXTS[:: len(TEXTS) // 5]:
        for path in (f"/players/{html_quote(text)}", f"/q/{html_quote(text)}", f"/?done={html_quote(text)}", f"/sign-in?next={html_quote(text)}"):
            alarm.page.goto(path)
    assert alarm.silent, (alarm.ran, alarm.reports[:5], alarm.watch.strangers[:5])
    alarm.context.close()


def html_quote(text: str) -> str:
    """A text as an address carries it."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


SINKS: Final = (
    "document.body.innerHTML = '<b>x</b>'", "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
    "new DOMParser().parseFromString('<b>x</b>', 'text/html')",
    "document.createElement('script').src = '/static/app.css'", "document.write('x')",
    "trustedTypes.createPolicy('another', { createHTML: (x) => x })",
    "document.createElement('iframe').srcdoc = 'x'", "document.createRange().createContextualFragment('<b>x</b>')",
)  # fmt: skip


def test_no_script_of_ours_could_make_markup_of_a_text_by_mistake(chromium: Browser, town: Town) -> None:
    context = town.context(chromium, "Olga")
    page = context.new_page()
    page.goto("/help")
    tried = "(sink) => { try { sink(); return 'done'; } catch (refused) { return refused.name; } }"
    assert {sink: page.evaluate(f"({tried})(() => {{ {sink} }})") for sink in SINKS} == dict.fromkeys(SINKS, "TypeError")
    assert page.evaluate(f"({tried})(() => {{ document.body.append('x') }})") == "done", "control: text may be put in"
    context.close()


# ---- controls: each wall is taken away ------------------------------------------------------------------------------------------


def careless(text: str) -> Markup:
    """A renderer as one must not write it: HTML goes through, links lead anywhere, nothing is cleaned."""
    parser = MarkdownIt("commonmark", {"html": True})
    parser.validateLink = lambda url: True  # type: ignore[method-assign,assignment]
    return Markup(parser.render(text))


def test_control_through_a_careless_renderer_the_policy_alone_stands(
    chromium: Browser, town: Town, noted: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(pages.environment().filters, "markdown", careless)
    alarm = alarmed(chromium, town)
    for question in noted:
        alarm.look(f"/q/{question}")
    assert alarm.ran == set(), "the second wall holds by itself"
    assert len(alarm.reports) > 30, "and what leans on it is reported"
    alarm.context.close()


def test_control_without_renderer_and_policy_they_run(
    chromium: Browser, town: Town, noted: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(pages.environment().filters, "markdown", careless)
    alarm = alarmed(chromium, town, policy=False)
    for question in noted:
        alarm.look(f"/q/{question}")
    assert len(alarm.ran) > 20, "on the real page, where one broken text may swallow the next"
    # each in a frame of its own, so that none stands in another's way
    for start in range(0, len(TEXTS), 80):
        alarm.page.goto("/help")
        frames = "".join(f'<iframe srcdoc="{html.escape(str(careless(text)))}"></iframe>' for text in TEXTS[start : start + 80])
        alarm.page.set_content(frames, wait_until="load")
        alarm.page.evaluate(TOUCH)
    with capsys.disabled():
        print(f" [{len(alarm.ran)} of {len(TEXTS)} hostile texts run where nothing is cleaned] ", end="")
    assert len(alarm.ran) >= 200, "the rest rely on other browsers, or on a cleaner's mistakes"
    assert any("evil.example" in stranger for stranger in alarm.watch.strangers)
    alarm.context.close()
