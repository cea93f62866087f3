"""Signing in through a provider, against a real one on loopback: what it vouches for lets in, and every lie is refused beside its honest twin."""

from __future__ import annotations

import asyncio
import html
import pickle
import re
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from anyday.people import oidc
from anyday.people.identities import MOST_STARTS
from anyday.settings import BadSetting, Secret, Settings, read_settings
from tests.oidc import CLIENT, SECRET, Idp, b64, provider
from tests.web.conftest import PASSWORD, START, World, said, world

T = TypeVar("T")
HERE = "http://localhost"
CALLBACK = f"{HERE}/oidc/callback"


@pytest.fixture(scope="module")
def running() -> Iterator[Idp]:
    with provider(lambda: START) as idp:
        yield idp


@pytest.fixture
def idp(running: Idp) -> Idp:
    """The provider, honest again."""
    running.lie, running.codes, running.asked, running.subject = {}, {}, [], "subject-1"
    running.kid, running.algorithm = "one", "RS256"
    running.keys = {"one": running.own}
    return running


@pytest.fixture
def with_provider(idp: Idp, tmp_path: Path) -> Callable[..., Any]:
    """Run a story in a world whose people may sign in through the provider."""

    def run(story: Callable[[World], Any], **settings: Any) -> Any:
        given = {"address": HERE, "oidc_issuer": idp.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": Secret(SECRET), "oidc_name": "Acme"}

        async def whole() -> Any:
            async with world(tmp_path, **{**given, **settings}) as made:
                idp.clock = made.clock
                return await asyncio.wait_for(story(made), 50)

        return asyncio.run(whole())

    return run


def browser(made: World) -> httpx.AsyncClient:
    return made.browser(origin=HERE)


async def go(client: httpx.AsyncClient, path: str = "/oidc/start", **form: str) -> str:
    """Set out for the provider: the address that the page leads to."""
    answer = await client.post(path, data=form)
    assert answer.status_code == 200, answer.text
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    assert found is not None, said(answer.text)
    return html.unescape(found.group(1))


async def through(client: httpx.AsyncClient, idp: Idp, path: str = "/oidc/start", **form: str) -> httpx.Response:
    """There and back."""
    return await client.get(idp.agree(await go(client, path, **form)))


async def linked(made: World, idp: Idp, name: str = "Pia") -> httpx.AsyncClient:
    """Somebody whose account of the provider's signs them in."""
    if not made.people.names():
        await made.owner()
    await made.player(name)
    client = browser(made)
    await client.post("/sign-in", data={"name": name, "password": PASSWORD})
    answer = await through(client, idp, "/me/oidc")
    assert (answer.status_code, answer.headers.get("location")) == (303, "/me#h-ways"), said(answer.text)
    return client


async def name_of(client: httpx.AsyncClient) -> str | None:
    answer = await client.get("/api/v1/me")
    return str(answer.json()["name"]) if answer.status_code == 200 else None


# ---- what it is for --------------------------------------------------------------------------------------------------------------


def test_an_account_of_the_providers_is_added_from_a_live_session_and_signs_in(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        pia = await linked(made, idp)
        assert "An account there signs you in." in (await pia.get("/me")).text
        fresh = browser(made)
        assert "Sign in with Acme" in (await fresh.get("/sign-in")).text
        answer = await through(fresh, idp, next="/crew")
        assert (answer.status_code, answer.headers["location"]) == (303, "/crew")
        assert await name_of(fresh) == "Pia"
        assert "anyday-oidc" not in fresh.cookies, "the browser's secret is gone with the errand"
        (row,) = made.rows()["identity"]
        assert row[:3] == (idp.issuer, "subject-1", made.people.player_of("Pia"))
        assert SECRET not in repr(made.rows())
        methods = [method for method, path, _ in idp.asked if path == "/token"]
        assert methods == ["POST", "POST"]

    with_provider(story)


def test_a_first_sign_in_without_an_invitation_is_refused_with_the_next_step_and_with_one_joins(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        owner = await made.owner()
        stranger = browser(made)
        refused = await through(stranger, idp)
        assert (refused.status_code, said(refused.text)) == (403, "Nobody here signs in with that account of Acme.")
        assert "invitation link" in refused.text
        assert await name_of(stranger) is None
        secret = (await owner.post("/api/v1/invitations", json={"uses": 2})).json()["secret"]
        assert "Join with Acme" in (await stranger.get(f"/join/{secret}")).text
        taken = await stranger.post("/oidc/start", data={"secret": secret, "name": "olga"})
        assert taken.status_code == 409
        joined = await through(stranger, idp, secret=secret, name="Pia")
        assert (joined.status_code, joined.headers["location"]) == (303, "/"), joined.text
        assert await name_of(stranger) == "Pia"
        player = made.people.player_of("Pia") or ""
        assert made.service.role(player) == "player"
        assert not made.people.has_password(player)
        again = await through(browser(made), idp, secret=secret, name="Pia2")
        assert again.status_code == 303, "whoever has an account joins with it"
        assert "Pia2" not in made.people.names().values()
        (sent,) = made.people.sent("crew")
        assert sent.uses_left == 1, "a member uses nothing up"

    with_provider(story)


def test_an_invitation_that_is_withdrawn_meanwhile_makes_no_account(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        owner = await made.owner()
        secret = (await owner.post("/api/v1/invitations", json={})).json()["secret"]
        client = browser(made)
        address = await go(client, secret=secret, name="Pia")
        await owner.delete(f"/api/v1/crew/invitations/{made.people.sent('crew')[0].id}")
        assert (await client.get(idp.agree(address))).status_code == 410
        assert list(made.people.names().values()) == ["Olga"]
        assert not made.rows()["identity"]

    with_provider(story)


def test_it_is_removed_but_never_as_the_last_way_and_a_change_ends_other_sessions(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        pia = await linked(made, idp)
        phone = browser(made)
        await through(phone, idp)
        player = made.people.player_of("Pia") or ""
        await made.service.database.write(lambda c: c.execute("UPDATE person SET password=NULL WHERE player=?", (player,)))
        assert said((await pia.post("/me/oidc/remove", data={})).text).startswith("That is your last way to sign in.")
        assert (await pia.post("/me/password", data={"old": "", "new": "another password"})).status_code == 303
        assert await name_of(phone) is None
        assert (await pia.post("/me/oidc/remove", data={})).status_code == 303
        assert not made.rows()["identity"]
        assert (await through(browser(made), idp)).status_code == 403

    with_provider(story)


def test_linking_needs_a_session_that_has_just_begun_and_is_still_the_same(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        await made.owner()
        await made.player("Pia")
        pia = browser(made)
        await pia.post("/sign-in", data={"name": "Pia", "password": PASSWORD})
        address = await go(pia, "/me/oidc")
        await pia.post("/sign-in", data={"name": "Olga", "password": PASSWORD})
        assert (await pia.get(idp.agree(address))).status_code == 403, "Olga's session does not take up what Pia's began"
        assert not made.rows()["identity"]
        await pia.post("/sign-in", data={"name": "Pia", "password": PASSWORD})
        made.clock.pass_(minutes=20)
        assert (await pia.post("/me/oidc", data={})).status_code == 403
        await pia.post("/sign-in", data={"name": "Pia", "password": PASSWORD})
        assert (await through(pia, idp, "/me/oidc")).status_code == 303, "control"

    with_provider(story)


def test_an_account_of_the_providers_is_one_persons(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        await linked(made, idp)
        await made.player("Rob")
        rob = browser(made)
        await rob.post("/sign-in", data={"name": "Rob", "password": PASSWORD})
        taken = await through(rob, idp, "/me/oidc")
        assert taken.status_code == 409
        assert len(made.rows()["identity"]) == 1
        idp.subject = "subject-2"
        assert (await through(rob, idp, "/me/oidc")).status_code == 303
        fresh = browser(made)
        await through(fresh, idp)
        assert await name_of(fresh) == "Rob"

    with_provider(story)


def test_nothing_but_issuer_and_subject_tells_who_somebody_is(with_provider: Callable[..., Any], idp: Idp) -> None:
    """A takeover by e-mail: the provider lets somebody else have the same address, or the same name."""

    async def story(made: World) -> None:
        same = {"email": "pia@example.org", "email_verified": True, "name": "Pia", "preferred_username": "Pia"}
        idp.lie = {"claims": same}
        await linked(made, idp)
        idp.subject = "another-subject"
        fresh = browser(made)
        assert (await through(fresh, idp)).status_code == 403
        assert await name_of(fresh) is None
        assert "pia@example.org" not in repr(made.rows())

    with_provider(story)


# ---- lies --------------------------------------------------------------------------------------------------------------------------

OTHER = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    SHORT = RSAKey.generate_key(1024, auto_kid=False)
NOW = START // 1_000_000


def public(key: Any, **more: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **more}


SAYS_WHO = {"authorization_response_iss_parameter_supported": True}


def changed(place: int, into: bytes = b"\x01" * 256) -> Callable[[str], str]:
    """A token with one of its parts put in place of the one that was signed."""
    return lambda token: ".".join(b64(into) if i == place else part for i, part in enumerate(token.split(".")))


#: Each with the reason for which it is refused, as the log says it: it must not fail for another.
LIES: dict[str, tuple[str, dict[str, Any]]] = {
    "signed by nobody": ("signed in a way that proves nothing", {"header": {"alg": "none"}}),
    "signed by nobody, spelled otherwise": ("signed in a way that proves nothing", {"token": ".".join([b64(b'{"alg":"None"}'), b64(b"{}"), ""])}),
    "signed with the public key as a secret": ("signed in a way that proves nothing", {"header": {"alg": "HS256"}}),
    "signed with the client's secret": ("signed in a way that proves nothing", {"header": {"alg": "HS512"}, "secret": SECRET.encode()}),
    "another issuer": ("token is another issuer's", {"claims": {"iss": "https://evil.example"}}),
    "the issuer with a slash more": ("token is another issuer's", {"claims": {"iss": "SLASH"}}),
    "no issuer": ("token is another issuer's", {"claims": {"iss": None}}),
    "another client": ("for another client", {"claims": {"aud": "somebody else"}}),
    "other clients": ("for another client", {"claims": {"aud": ["a", "b"]}}),
    "no audience": ("for another client", {"claims": {"aud": None}}),
    "issued to another client": ("issued to another client", {"claims": {"azp": "somebody else"}}),
    "for several clients and issued to none": ("issued to another client", {"claims": {"aud": [CLIENT, "somebody else"]}}),
    "another nonce": ("not for this sign-in", {"claims": {"nonce": "x" * 43}}),
    "no nonce": ("not for this sign-in", {"claims": {"nonce": None}}),
    "a nonce that is a number": ("not for this sign-in", {"claims": {"nonce": 7}}),
    "expired": ("does not hold now", {"claims": {"exp": NOW - 61, "iat": NOW - 300}}),
    "issued tomorrow": ("does not hold now", {"claims": {"iat": NOW + 86_400, "exp": NOW + 90_000}}),
    "issued long ago": ("does not hold now", {"claims": {"iat": NOW - 86_400}}),
    "not yet good": ("does not hold now", {"claims": {"nbf": NOW + 600}}),
    "without an end": ("say when it holds", {"claims": {"exp": None}}),
    "an end that is no time": ("say when it holds", {"claims": {"exp": "never"}}),
    "an end that is true": ("say when it holds", {"claims": {"exp": True}}),
    "without a beginning": ("say when it holds", {"claims": {"iat": None}}),
    "about nobody": ("about nobody", {"claims": {"sub": ""}}),
    "about a number": ("about nobody", {"claims": {"sub": 7}}),
    "about very much": ("about nobody", {"claims": {"sub": "x" * 256}}),
    "signed by another key": ("signature is not right", {"key": OTHER}),
    "a signature that was changed": ("signature is not right", {"signature": changed(2)}),
    "claims that were changed": ("signature is not right", {"signature": changed(1, b'{"sub":"subject-1"}')}),
    "an unknown key": ("none of its keys", {"header": {"kid": "no such key"}}),
    "a key that it brings along": ("brings its own key", {"header": {"jwk": public(OTHER)}, "key": OTHER}),
    "a key at an address that it names": ("brings its own key", {"header": {"jku": "https://evil.example/keys", "kid": "evil"}, "key": OTHER}),
    "something critical": ("asks for what is not done", {"signature": changed(0, b'{"alg":"RS256","kid":"one","crit":["exp"],"exp":1}')}),
    "no key at all": ("none of its keys", {"jwks": {"keys": []}}),
    "two keys of one name": ("none of its keys", {"jwks": {"keys": [public(OTHER, kid="one"), public(OTHER, kid="one")]}, "key": OTHER}),
    "a key for something else": ("none of its keys", {"jwks": {"keys": [public(OTHER, kid="one", use="enc")]}, "key": OTHER}),
    "a key of another kind": ("none of its keys", {"jwks": {"keys": [public(EC, kid="one")]}, "key": OTHER}),
    "a short key": ("key is too short", {"jwks": {"keys": [public(SHORT, kid="one")]}, "key": SHORT}),
    "keys that are none": ("its keys cannot be read", {"jwks": {"keys": "one"}}),
    "a token of five parts": ("cannot be read", {"token": "a.b.c.d.e"}),
    "a token that is none": ("cannot be read", {"token": "x"}),
    "a token that is very long": ("it sent no token", {"token": "x" * 20_000}),
    "a token of deep brackets": ("cannot be read", {"token": f"{b64(b'[' * 5_000)}.{b64(b'{}')}.x"}),
    "another issuer's description": ("description is another issuer's", {"description": {"issuer": "https://evil.example"}}),
    "a token from plain http elsewhere": ("no address to send", {"description": {"token_endpoint": "http://evil.example/token"}}),
    "keys from a file": ("no address to send", {"description": {"jwks_uri": "file:///etc/passwd"}}),
    "a mix-up: another issuer sent it": ("sent by another issuer", {"back": {"iss": "https://evil.example"}}),
    "a mix-up: it promised to say who sent it": ("does not say who sent it", {"description": SAYS_WHO}),
    "a redirection for a token": ("it answered 307", {"/token": (307, [(b"location", b"/token2")], b"")}),
    "a redirection for keys": ("it answered 302", {"/keys": (302, [(b"location", b"http://127.0.0.1:1/")], b"")}),
    "an error for a token": ("it answered 500", {"/token": (500, [], b"{}")}),
    "a token that is no JSON": ("cannot be read", {"/token": (200, [], b"<html>")}),
    "a list for a token": ("cannot be read", {"/token": (200, [], b"[]")}),
    "keys without end": ("too much", {"/keys": (200, [], b'{"keys":[' + b" " * 400_000 + b"]}")}),
    "keys that are packed": ("not asked for", {"/keys": (200, [(b"content-encoding", b"gzip")], b"\x1f\x8b")}),
    "another code": ("it answered 400", {"back": {"code": "code-that-nobody-gave"}}),
    "no code": ("", {"back": {"code": None}}),
    "an error beside a code": ("", {"back": {"error": "server_error"}}),
}


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize("what", LIES)
def test_a_lie_lets_nobody_in_and_the_honest_answer_beside_it_does(
    what: str, with_provider: Callable[..., Any], idp: Idp, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(made: World) -> None:
        await linked(made, idp)
        made.people.provider = oidc.Provider(made.people._settings, made.clock)
        why, lie = LIES[what]
        caplog.clear()
        if lie.get("claims", {}).get("iss") == "SLASH":
            lie = {"claims": {"iss": idp.issuer + "/"}}
        idp.lie = lie
        sessions = made.rows()["session"]
        client = browser(made)
        if "description" in lie and "issuer" in lie["description"]:
            refused = await client.post("/oidc/start", data={})
        else:
            refused = await through(client, idp)
        assert refused.status_code == 502, said(refused.text)
        assert why in caplog.text and bool(why) == ("signing in through" in caplog.text), "it is refused for what is wrong with it"
        assert "set-cookie" not in refused.headers or "anyday=" not in refused.headers["set-cookie"]
        assert made.rows()["session"] == sessions
        assert await name_of(client) is None
        idp.lie = {}
        made.people.provider = oidc.Provider(made.people._settings, made.clock)
        honest = browser(made)
        assert (await through(honest, idp)).status_code == 303
        assert await name_of(honest) == "Pia", "control"

    with_provider(story)


def test_no_lie_was_lost() -> None:
    assert len(LIES) == 58


def test_a_state_counts_once_and_in_its_own_browser_only(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        await linked(made, idp)
        victim, mallory = browser(made), browser(made)
        # Mallory's own way, put before the victim's browser: they would be signed in as Mallory
        planted = idp.agree(await go(mallory))
        assert (await victim.get(planted)).status_code == 502, "without the browser's secret"
        await go(victim)
        planted = idp.agree(await go(mallory))
        assert (await victim.get(planted)).status_code == 502, "with another one"
        assert await name_of(victim) is None
        assert (await mallory.get(planted)).status_code == 502, "and then it is used up"
        back = idp.agree(await go(mallory))
        assert (await mallory.get(back)).status_code == 303
        kept = mallory.cookies
        assert (await mallory.get(back)).status_code == 502, "a code and its state come once"
        assert kept is mallory.cookies
        late = browser(made)
        address = await go(late)
        made.clock.pass_(minutes=11)
        assert (await late.get(idp.agree(address))).status_code == 502
        for query in ("", "?state=", "?state=" + "x" * 5_000, "?code=x", "?state=x&code=x&error=access_denied"):
            assert (await late.get(f"/oidc/callback{query}")).status_code == 502

    with_provider(story)


def test_what_leaves_and_what_is_kept_gives_nobody_else_anything(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        await made.owner()
        client = browser(made)
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(await go(client)).query))
        secret = client.cookies["anyday-oidc"]
        going = oidc.way(secret, asked["state"])
        assert asked["nonce"] == going.nonce
        assert asked["redirect_uri"] == CALLBACK
        kept = repr(made.rows()["challenge"])
        for what in (asked["state"], asked["nonce"], secret, going.verifier):
            assert what not in kept, "the database alone could finish nobody's sign-in"
        assert going.verifier not in str(asked)
        assert oidc.way(secret, asked["state"] + "x").verifier != going.verifier

    with_provider(story)


def test_calling_it_off_at_the_provider_is_said_so(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        await made.owner()
        client = browser(made)
        idp.lie = {"back": {"code": None, "error": "access_denied"}}
        told = await through(client, idp)
        assert said(told.text) == "Signing in through Acme did not work: it was called off there."

    with_provider(story)


# ---- keys and algorithms -------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(("algorithm", "key"), [("RS256", OTHER), ("PS256", OTHER), ("ES256", EC), ("EdDSA", OKPKey.generate_key("Ed25519"))])
def test_what_only_the_provider_can_sign_is_good(algorithm: str, key: Any, with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        idp.keys["two"], idp.kid, idp.algorithm = key, "two", algorithm
        await linked(made, idp)

    with_provider(story)


def test_keys_that_change_are_fetched_once_more_and_no_oftener(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        await linked(made, idp)

        def fetched() -> int:
            return sum(path == "/keys" for _, path, _ in idp.asked)

        assert fetched() == 1
        assert (await through(browser(made), idp)).status_code == 303
        assert fetched() == 1, "what is known is not asked for again"
        idp.keys = {"two": OTHER}
        idp.kid = "two"
        assert (await through(browser(made), idp)).status_code == 303
        assert fetched() == 2
        idp.lie = {"header": {"kid": "three"}}
        assert (await through(browser(made), idp)).status_code == 502
        assert fetched() == 3

    with_provider(story)


def test_a_token_that_names_no_key_is_good_where_there_is_but_one(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        idp.lie = {"header": {"kid": None}}
        await linked(made, idp)
        idp.keys["two"] = OTHER
        made.people.provider = oidc.Provider(made.people._settings, made.clock)
        assert (await through(browser(made), idp)).status_code == 502

    with_provider(story)


def test_a_client_without_a_secret_and_one_that_posts_it(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def posts(made: World) -> None:
        idp.lie = {"description": {"token_endpoint_auth_methods_supported": ["client_secret_post"]}}
        await linked(made, idp)

    with_provider(posts)

    async def public_client(made: World) -> None:
        client = browser(made)
        await through(client, idp)
        form = next(form for _, path, form in reversed(idp.asked) if path == "/token")
        assert form["client_id"] == CLIENT and "client_secret" not in form

    with_provider(public_client, oidc_client_secret=Secret())


# ---- where there is none, how often, and what is never shown ------------------------------------------------------------------------------


def test_without_a_provider_nothing_is_offered_and_the_routes_say_so(play: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        owner = await made.owner()
        assert "/oidc/start" not in (await made.browser().get("/sign-in")).text
        for method, path in (("POST", "/oidc/start"), ("GET", "/oidc/callback"), ("POST", "/me/oidc")):
            assert said((await owner.request(method, path)).text).startswith("Nobody signs in through another service here.")
        assert idp.asked == []

    play(story)


def test_a_provider_that_is_not_there_is_said_so(with_provider: Callable[..., Any]) -> None:
    async def story(made: World) -> None:
        await made.owner()
        refused = await browser(made).post("/oidc/start", data={})
        assert refused.status_code == 502
        assert "did not work" in refused.text

    with_provider(story, oidc_issuer="http://127.0.0.1:1")


def test_starts_of_an_address_are_bounded(with_provider: Callable[..., Any], idp: Idp) -> None:
    async def story(made: World) -> None:
        await made.owner()
        client = browser(made)
        spoofed = [{"x-forwarded-for": f"203.0.113.{i}"} for i in range(MOST_STARTS + 5)]
        codes = [(await client.post("/oidc/start", data={}, headers=headers)).status_code for headers in spoofed]
        assert codes == [200] * MOST_STARTS + [429] * 5

    with_provider(story)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"ANYDAY_OIDC_ISSUER": "http://login.example.org"}, "must be like https"),
        ({"ANYDAY_OIDC_ISSUER": "https://login.example.org/?x"}, "must be like https"),
        ({"ANYDAY_OIDC_ISSUER": "https://me@login.example.org"}, "must be like https"),
        ({"ANYDAY_OIDC_ISSUER": "https://login.example.org"}, "needs ANYDAY_OIDC_CLIENT_ID"),
        ({"ANYDAY_OIDC_ISSUER": "https://login.example.org", "ANYDAY_OIDC_CLIENT_ID": "x"}, "needs ANYDAY_OIDC_CLIENT_ID"),
        (
            {"ANYDAY_OIDC_ISSUER": "https://login.example.org", "ANYDAY_OIDC_CLIENT_ID": "x", "ANYDAY_ADDRESS": "http://when.example.org"},
            "an ANYDAY_ADDRESS with https",
        ),
        ({"ANYDAY_ADDRESS": "when.example.org"}, "must be like https"),
        ({"ANYDAY_ADDRESS": "https://when.example.org/path"}, "without a path"),
        ({"ANYDAY_ADDRESS": "javascript:alert(1)"}, "must be like https"),
    ],
)
def test_settings_that_would_send_a_secret_astray_stop_the_start(given: dict[str, str], why: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(why)):
        read_settings({**given, "ANYDAY_OIDC_CLIENT_SECRET": "hunter22"})


def test_the_client_secret_is_never_shown() -> None:
    good = {"ANYDAY_OIDC_ISSUER": "https://login.example.org", "ANYDAY_OIDC_CLIENT_ID": "x", "ANYDAY_ADDRESS": "https://when.example.org"}
    settings = read_settings({**good, "ANYDAY_OIDC_CLIENT_SECRET": "hunter22"})
    assert settings.oidc_client_secret.reveal() == "hunter22", "control"
    assert "hunter22" not in f"{settings} {settings!r} {settings.oidc_client_secret} {settings.oidc_client_secret:>20}"
    with pytest.raises(TypeError):
        pickle.dumps(settings.oidc_client_secret)
    assert "(none)" in repr(Settings())


def test_no_log_holds_a_secret_or_a_token(with_provider: Callable[..., Any], idp: Idp, caplog: pytest.LogCaptureFixture) -> None:
    async def story(made: World) -> None:
        await linked(made, idp)
        idp.lie = {"claims": {"aud": "another"}}
        assert (await through(browser(made), idp)).status_code == 502

    with caplog.at_level("DEBUG", logger="anyday"):
        with_provider(story)
    assert "its token is for another client" in caplog.text, "control: whoever runs the server reads why"
    assert SECRET not in caplog.text and "eyJ" not in caplog.text


