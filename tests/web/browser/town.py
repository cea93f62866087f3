"""A real server on loopback, a small crew that lives on it, and a real Chromium in front: what the browser tests share.

The server runs in a thread with a loop of its own, on a clock that tests move. Playwright's loop lives in the test's thread
while a browser is open, so its fixtures last for one module and no longer.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, Request

from anyday.instants import DAY
from anyday.people.accounts import Issued, SignedIn
from anyday.points import UNITS_A_POINT
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import CREW, Service
from anyday.settings import Settings
from anyday.web.app import App
from anyday.web.server import Server
from anyday.web.surface import Message, Receive, Scope, Send
from tests.web.conftest import PASSWORD, Clock

T = TypeVar("T")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
WIDTHS = (360, 768, 1280)
#: Where the players live, who bet on questions of other zones too.
VIEWER_ZONE = "Europe/Zurich"
#: Milliseconds that a browser may take for anything before the test fails: a bound, not a figure.
PATIENCE = 30_000
#: Seconds that the server may take for anything, likewise.
BOUND = 60
#: Seconds between the head and the body of a page that another page led to, so that a test that reads it too soon always fails.
LATE = 0.2
POINT = UNITS_A_POINT


class LateApp(App):
    """The application, a moment late with the bodies of pages that a page leads to, or held up altogether.

    What scripts ask for, and an address that is typed in, is on time.
    """

    held: asyncio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def late(message: Message) -> None:
            if message["type"] == "http.response.body":
                await (asyncio.sleep(LATE) if self.held is None else self.held.wait())
            await send(message)

        headers = dict(scope.get("headers", ()))
        led = headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-site") == b"same-origin"
        await super().__call__(scope, receive, late if led else send)


class Town:
    """The server with its service and its people, driven from the test's thread."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.players: dict[str, str] = {}
        self.sessions: dict[str, str] = {}
        self._path, self._commands = path, 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self._thread.start()
        assert self._ready.wait(BOUND), "the server did not start"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self.service = await Service.open(self._path / "any.db", self.clock, Settings(weak_hash_for_tests=True, live_pages_each=200))
        self.app = LateApp(self.service)
        self._server = Server(self.app, log_level="error")
        self._server.config.setup_event_loop = lambda: None
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        serving = asyncio.create_task(self._server.serve([listening]))
        while not self._server.started:
            assert not serving.done(), "the server stopped at once"
            await asyncio.sleep(0.01)
        self._ready.set()
        await serving
        listening.close()
        await self.service.close()

    def close(self) -> None:
        """Stop the server, and wait for it."""
        self._server.should_exit = True
        self._thread.join(BOUND)
        assert not self._thread.is_alive(), "the server did not stop"

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(BOUND)

    def ask(self, read: Callable[[], T]) -> T:
        """Read something on the server's loop."""

        async def whole() -> T:
            return read()

        return self.do(whole())

    # people

    def open_crew(self, owner: str, *others: str, called: str = "The Lift", guests: tuple[str, ...] = ()) -> None:
        """The owner's account and crew, and everybody else by an invitation; ``guests`` look on."""
        secret = self.do(self.service.people.setup_secret())
        assert secret is not None
        self._account(owner, secret, "setup", c.OpenCrew(called, "UTC", dispute=0, silence=366 * DAY))
        for name in (*others, *guests):
            issued = self.do(self.service.people.invite(self.players[owner], role="guest" if name in guests else "player"))
            assert isinstance(issued, Issued)
            self._account(name, issued.secret, "join", c.Join(guest=name in guests))

    def _account(self, name: str, secret: str, kind: str, first: c.Command) -> None:
        begun = self.do(self.service.people.sign_up(secret, kind, name, PASSWORD))
        assert isinstance(begun, SignedIn), begun
        self.players[name], self.sessions[name] = begun.player, begun.secret
        self.submit(name, first)

    # commands

    def submit(self, name: str, body: c.Command) -> Any:
        """A command that must be accepted."""
        receipt = self.try_to(name, body)
        assert not isinstance(receipt, Refusal), f"{body}: {receipt}"
        return receipt

    def try_to(self, name: str, body: c.Command) -> Any:
        """A command that may be refused."""
        self._commands += 1
        return self.do(self.service.submit(c.Envelope(CREW, self.players[name], f"command-{self._commands}", body)))

    def question(self, title: str = "When will the lift work again?", **changes: Any) -> str:
        """A question of Olga's, with the house's points; its id."""
        facts: dict[str, Any] = {
            "title": title, "terms": "The lift of house 4 takes a person to the top floor.\n\nA test by its maker does not count.",
            "zone": "UTC", "grain": "day", "origin": "15 March 2027", "horizon": "1 June 2027", "resolver": self.players["Olga"],
            "subsidy": 100 * POINT, "subsidy_from": "house",
        }  # fmt: skip
        return str(self.submit("Olga", c.Ask(**{**facts, **changes})).question)

    def bet(self, name: str, question: str, window: str, points: float = 10) -> Any:
        """A bet by points."""
        return self.submit(name, c.Bet(question, window, spend=round(points * POINT)))

    def held(self, name: str, question: str) -> list[tuple[str, str]]:
        """What a player holds on a question: windows and payouts."""
        view = self.view(name, question)
        return [(piece.window, piece.payout) for piece in view.position]

    def view(self, name: str, question: str) -> Any:
        """A question as a player sees it."""
        return self.ask(lambda: self.service.question(question, self.players[name]))

    # browsers

    def context(self, browser: Browser, name: str | None = None, **options: Any) -> BrowserContext:
        """A browser of one's own, signed in where a name is given."""
        made = browser.new_context(**{"base_url": self.origin, "timezone_id": VIEWER_ZONE, "locale": "en-GB", **options})
        made.set_default_timeout(PATIENCE)
        if name is not None:
            made.add_cookies([{"name": "anyday", "value": self.sessions[name], "url": self.origin}])
        return made


@contextmanager
def town_in(path: Path) -> Iterator[Town]:
    """A town on a file of its own."""
    town = Town(path)
    try:
        yield town
    finally:
        town.close()


def start(playwright: Playwright, executable: str) -> Browser:
    """Chromium as all tests and pictures start it."""
    return playwright.chromium.launch(executable_path=executable, args=FLAGS)


class Watch:
    """What a page says and asks for while it is open. Attach it before the page goes anywhere.

    ``answers`` are the statuses of refusals, or the faults, that the test provokes: a browser reports each in its console.
    """

    def __init__(self, page: Page, origin: str, answers: tuple[int | str, ...] = ()) -> None:
        self.page, self.origin, self.answers = page, origin, answers
        self.errors: list[str] = []
        self.strangers: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        provoked = (f"a status of {answer}" if isinstance(answer, int) else answer for answer in self.answers)
        if message.type in ("error", "warning") and not any(text in message.text for text in provoked):
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.strangers.append(request.url)


#: Wider than its window, and by which elements.
_TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth, page = document.scrollingElement;
  if (page.scrollWidth <= width) return [];
  const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 0.5 && !e.closest(".scroll"));
  return [`${page.scrollWidth} px wide in ${width}: ` + out.slice(0, 5).map((e) => e.tagName + "." + e.className).join(" ")];
}"""
_UNLABELLED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
  .filter((e) => !(e.labels && e.labels.length && [...e.labels].some((l) => l.textContent.trim())) && !e.getAttribute("aria-label"))
  .map((e) => `no label: ${e.outerHTML.slice(0, 120)}`)"""


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found


def unlabelled(page: Page) -> list[str]:
    """Inputs that say to nobody what they are for."""
    found: list[str] = page.evaluate(_UNLABELLED)
    return found


def axe(page: Page) -> list[str]:
    """Serious and critical violations, as axe names them."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{v['id']} ({v['impact']}): {v['help']}: {[node['html'][:160] for node in v['nodes'][:3]]}"
        for v in found if v["impact"] in ("serious", "critical")
    ]  # fmt: skip


@contextmanager
def turning(page: Page) -> Iterator[None]:
    """What is done inside leads to another page: go on when that one is there, whole and with its scripts run.

    Playwright's own click is done when the new page begins, which has no element yet and no script.
    """
    with page.expect_navigation(wait_until="load") as turned:
        yield
    assert turned.value is not None, "it led to a place on the same page"


def follow(way: Locator) -> None:
    """Press a link or a button that leads to another page, and wait for that page."""
    with turning(way.page):
        way.click()


def until(what: Callable[[], Any], seconds: float = BOUND) -> Any:
    """Wait until something is so, and give it back; fail after a bounded time."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come to be so"
        time.sleep(0.02)
    return found
