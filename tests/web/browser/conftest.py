"""The browser and the server of one module, and pages that are watched: none may complain or ask anybody else for anything.

How to press and wait. A click of Playwright's is done when the button is pressed, or at most when the page it leads to begins and
is still empty; so never read a page once (``evaluate``, ``count``, ``input_value``, ``complaints``) right after one.

- What leads to another page (a link, a form without ``data-morph``, any form without script) goes through ``follow(locator)``
  or, for a key, ``with turning(page):``. Both wait until the new page is there and its scripts have run; reading once is safe then.
- What changes the page it is on (the slip, a sale, a price, another's bet) is waited for by what one should see of it:
  ``expect(...)`` or ``wait_for``. What the same morph brings along may then be read once.
- What happens in the service alone is waited for by ``until``. Never sleep for a time instead.
- ``wait_for_function`` takes a function (``"() => ..."``): a mere expression is compiled again at each look, which the page's policy forbids.

The town's server is late with the body of every page that a page leads to, so a test that forgets this fails at once and everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.browser.town import PATIENCE, Town, Watch, start, town_in

expect.set_options(timeout=PATIENCE)


class Visit(Protocol):
    """``visit("Pia", "/me", width=360)``: a page in a browser of its own."""

    def __call__(self, name: str | None, path: str, *, width: int = 1280, answers: tuple[int | str, ...] = (), **options: Any) -> Page: ...


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A server with a crew: Olga owns it and rules, Pia and Quinn bet."""
    with town_in(tmp_path_factory.mktemp("town")) as made:
        made.open_crew("Olga", "Pia", "Quinn")
        yield made


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = start(playwright, chromium_path)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, town: Town) -> Iterator[Visit]:
    """Open pages; when the test is over, none of them may have logged an error or gone elsewhere."""
    watches: list[Watch] = []

    def open_page(name: str | None, path: str, *, width: int = 1280, answers: tuple[int | str, ...] = (), **options: Any) -> Page:
        context = town.context(chromium, name, viewport={"width": width, "height": 900}, **options)
        page = context.new_page()
        watches.append(Watch(page, town.origin, answers))
        page.goto(path)
        return page

    yield open_page
    for watch in watches:
        watch.page.context.close()
    assert [error for watch in watches for error in watch.errors] == [], "no page logs an error"
    assert [url for watch in watches for url in watch.strangers] == [], "no request leaves the origin"
