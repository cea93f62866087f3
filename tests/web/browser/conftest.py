"""The browser and the server of one module, and pages that are watched: none may complain or ask anybody else for anything."""

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
