"""Passkeys in a real browser, with a virtual authenticator: made on one's page, used on the sign-in page, by the strict policy's script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.web.browser.conftest import Visit
from tests.web.browser.town import Town, Watch, axe, follow, too_wide, turning, unlabelled


@pytest.fixture
def here(town: Town) -> str:
    """The town by its name: a number has no passkeys."""
    return town.origin.replace("127.0.0.1", "localhost")


@pytest.fixture
def page(chromium: Browser, town: Town, here: str) -> Iterator[Page]:
    context = town.context(chromium, base_url=here, viewport={"width": 360, "height": 900})
    made = context.new_page()
    watch = Watch(made, here, (401,))
    yield made
    context.close()
    assert (watch.errors, watch.strangers) == ([], [])


def plug_in(page: Page, *, resident: bool = True) -> tuple[CDPSession, str]:
    """A virtual authenticator that says yes by itself."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": resident, "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }  # fmt: skip
    return session, str(session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])


def sign_in(page: Page, name: str = "Pia") -> None:
    page.goto("/sign-in")
    page.get_by_label("Name", exact=True).first.fill(name)
    page.get_by_label("Password").fill("correct horse battery")
    follow(page.get_by_role("button", name="Sign in", exact=True))


def credentials(session: CDPSession, authenticator: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = session.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    return found


def test_a_passkey_is_made_with_a_name_and_signs_in_without_one(page: Page, town: Town) -> None:
    session, authenticator = plug_in(page)
    sign_in(page)
    page.goto("/me")
    page.get_by_label("Name of a new passkey").fill("This laptop")
    with turning(page):
        page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("This laptop")).to_be_visible()
    (kept,) = credentials(session, authenticator)
    assert (kept["rpId"], kept["isResidentCredential"]) == ("localhost", True)
    assert too_wide(page) == []
    assert unlabelled(page) == []
    assert axe(page) == []

    follow(page.get_by_role("button", name="Sign out"))
    assert too_wide(page) == []
    assert axe(page) == []
    page.goto("/sign-in?next=/crew")
    with turning(page):
        page.get_by_role("button", name="Sign in with a passkey").click()
    assert page.url.endswith("/crew")
    expect(page.get_by_role("link", name="Pia").first).to_be_visible()
    assert credentials(session, authenticator)[0]["signCount"] == 2

    # a copy of the key: its counter is behind
    kept["signCount"] = 0
    session.send("WebAuthn.removeCredential", {"authenticatorId": authenticator, "credentialId": kept["credentialId"]})
    session.send("WebAuthn.addCredential", {"authenticatorId": authenticator, "credential": kept})
    page.goto("/sign-in?again=1&next=/me")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text="its counter went backwards")).to_be_visible()
    page.goto("/me")
    expect(page.get_by_text("as that of a copy does")).to_be_visible()
    follow(page.get_by_role("button", name="Remove This laptop"))
    expect(page.get_by_text("The passkey no longer signs you in.")).to_be_visible()
    assert town.ask(lambda: town.service.people.passkeys(town.players["Pia"])) == ()


def test_a_key_that_holds_no_name_signs_in_with_the_name_that_is_typed(page: Page) -> None:
    session, authenticator = plug_in(page, resident=False)
    sign_in(page, "Quinn")
    page.goto("/me")
    page.get_by_label("Name of a new passkey").fill("A key on a ring")
    with turning(page):
        page.get_by_role("button", name="Add a passkey").click()
    (kept,) = credentials(session, authenticator)
    assert not kept["isResidentCredential"]
    follow(page.get_by_role("button", name="Sign out"))
    page.get_by_text("My key needs my name").click()
    page.locator("#f-keyname").fill("quinn")
    with turning(page):
        page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("link", name="Quinn").first).to_be_visible()


def test_calling_it_off_says_so_and_leaves_the_button(page: Page) -> None:
    session, authenticator = plug_in(page)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.goto("/sign-in")
    button = page.get_by_role("button", name="Sign in with a passkey")
    button.click()
    expect(page.get_by_role("alert").filter(has_text="Nothing was done")).to_be_visible()
    expect(button).to_be_enabled()


def test_at_an_address_that_is_a_number_no_passkey_is_offered(visit: Visit) -> None:
    page = visit(None, "/sign-in")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
