"""Who is asking, and whether another site's page made them ask: cookies, tokens, origins, proxies, redirections."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from anyday.people.accounts import Issued
from anyday.refusals import Refusal
from anyday.web import session
from anyday.web.session import Headers, How, Peer, Visitor, cookie_for, foreign, networks, peer_of, safe_next
from tests.web.conftest import HOST, ORIGIN, PASSWORD, World, said

# ---- the matrix: how it is authenticated × Sec-Fetch-Site × Origin × Referer ------------------------------------------------

SITES = (None, "same-origin", "same-site", "cross-site", "none", "")
ORIGINS = (
    None,
    ORIGIN,
    "http://evil.example",
    f"http://{HOST}.evil.example",
    f"http://{HOST}:81",
    "null",
    "",
    f"http://me@{HOST}",
    f"ftp://{HOST}",
    "http://[",
)
REFERERS = (None, f"{ORIGIN}/q/x", "http://evil.example/", f"http://evil.example/?{ORIGIN}")
WAYS = ("nobody", "cookie", "token", "cookie and token", "cookie and bogus token")


def expected_foreign(way: str, site: str | None, origin: str | None, referer: str | None) -> bool:
    """The rule, said a second way: a table of cases rather than a chain of conditions."""
    if way == "token":
        return False
    good_site = {None: None, "same-origin": True, "none": True}.get(site, False)
    good_origin = None if origin is None else origin == ORIGIN
    if False in (good_site, good_origin):
        return True
    if True in (good_site, good_origin):
        return False
    if referer is not None:
        return not referer.startswith(ORIGIN + "/")
    return way != "nobody"


def cells() -> Iterator[tuple[str, str | None, str | None, str | None]]:
    yield from itertools.product(WAYS, SITES, ORIGINS, REFERERS)


def test_only_this_servers_own_pages_may_change_anything_with_a_cookie() -> None:
    peer = Peer("192.0.2.7", HOST, False)
    counted = {True: 0, False: 0}
    for way, site, origin, referer in cells():
        given = {b"host": HOST, b"sec-fetch-site": site, b"origin": origin, b"referer": referer}
        if "cookie" in way:
            given[b"cookie"] = "anyday=secret"
        headers = Headers((name, value.encode()) for name, value in given.items() if value is not None)
        how = {"nobody": How.NOBODY, "cookie": How.SESSION, "cookie and bogus token": How.NOBODY}.get(way, How.TOKEN)
        told = foreign(headers, Visitor(None if how is How.NOBODY else "p", how, peer))
        assert told == expected_foreign(way, site, origin, referer), (way, site, origin, referer)
        counted[told] += 1
    assert min(counted.values()) > 100, "control: the matrix lets through and turns away"


def test_the_matrix_holds_over_http_on_every_method(play: Callable[..., Any]) -> None:
    """The same through the whole application, on methods that change: what is foreign is 403 and leaves no trace."""

    async def story(world: World) -> None:
        owner = await world.owner()
        token = (await owner.post("/api/v1/tokens", json={"name": "script"})).json()["secret"]
        cookie = f"anyday={owner.cookies['anyday']}"
        before = world.record()
        refused = let_in = 0
        for way, site, origin, referer in itertools.product(WAYS, SITES[:4], ORIGINS[:3], REFERERS[:3]):
            for method, path in (("POST", "/api/v1/questions/none/bets"), ("DELETE", "/api/v1/tokens/none"), ("POST", "/q/none/bet")):
                client = world.program()
                given = {"sec-fetch-site": site, "origin": origin, "referer": referer}
                headers = {name: value for name, value in given.items() if value is not None}
                if "cookie" in way:
                    headers["cookie"] = cookie
                if "token" in way:
                    headers["authorization"] = f"Bearer {'bogus' if 'bogus' in way else token}"
                answer = await client.request(method, path, headers=headers)
                if "bogus" in way:
                    assert answer.status_code == 401, "a token that is none gets nobody in, whatever cookie comes along"
                elif expected_foreign(way, site, origin, referer):
                    assert answer.status_code == 403, (way, method, site, origin, referer)
                    assert "another site" in answer.text
                    refused += 1
                else:
                    assert "another site" not in answer.text, (way, method, site, origin, referer)
                    let_in += 1
        assert world.record() == before
        assert refused > 50
        assert let_in > 50

    play(story)


def test_a_cookie_with_a_bogus_token_is_no_way_in(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        question = await world.question(owner)
        pia = await world.player("Pia")
        bet = {"window": "April", "points": "5"}
        before = world.record()
        evil = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        for bogus in ("Bearer bogus", "bearer", "Bearer ", "BEARER x", "Basic eDp5", "Bearer  ", "Token x"):
            answer = await pia.post(f"/api/v1/questions/{question}/bets", json=bet, headers={**evil, "authorization": bogus})
            assert answer.status_code in (401, 403), bogus
            answer = await pia.post(f"/q/{question}/bet", data=bet, headers={**evil, "authorization": bogus})
            assert answer.status_code in (401, 403), bogus
        assert world.record() == before
        answer = await pia.post(f"/api/v1/questions/{question}/bets", json=bet)
        assert answer.status_code == 200, "control: the same bet from this server's own page is taken"

    play(story)


def test_on_a_home_network_a_page_without_fetch_metadata_works(play: Callable[..., Any]) -> None:
    """Plain http on a private address is no trustworthy origin: browsers send Origin there, and no Sec-Fetch-Site."""

    async def story(world: World) -> None:
        await world.owner()
        home = world.browser(origin="http://192.168.1.20:8777")
        answer = await home.post("/sign-in", data={"name": "Olga", "password": PASSWORD})
        assert answer.status_code == 303
        assert "Secure" not in answer.headers["set-cookie"]
        assert (await home.get("/me")).status_code == 200
        assert (await home.post("/me/token", data={"name": "x"})).status_code == 200
        other = await home.post("/me/token", data={"name": "x"}, headers={"origin": "http://192.168.1.20:9999"})
        assert other.status_code == 403, "another port is another site"

    play(story)


def test_a_host_that_came_twice_is_no_host() -> None:
    once, twice = ([(b"host", b"anyday.example")] * count for count in (1, 2))
    scope = {"client": ("192.0.2.7", 5), "scheme": "http"}
    assert peer_of(scope, Headers(once), ()).host == "anyday.example"
    assert peer_of(scope, Headers(twice), ()).host == "", "links are never made of a joined one"


def test_a_header_that_came_twice_is_believed_neither_time() -> None:
    peer = Peer("192.0.2.7", HOST, False)
    for name, value in ((b"origin", ORIGIN), (b"sec-fetch-site", "same-origin"), (b"referer", ORIGIN + "/"), (b"host", HOST)):
        pairs = [(b"origin", ORIGIN.encode()), (b"cookie", b"anyday=secret")]
        once = Headers([p for p in pairs if p[0] != name] + [(name, value.encode())])
        twice = Headers([p for p in pairs if p[0] != name] + [(name, value.encode())] * 2)
        assert not foreign(once, Visitor("p", How.SESSION, peer))
        assert foreign(twice, Visitor("p", How.SESSION, peer)), name


def test_over_tls_a_plain_origin_is_foreign() -> None:
    headers = Headers([(b"origin", f"http://{HOST}".encode()), (b"cookie", b"__Host-anyday=secret")])
    assert foreign(headers, Visitor("p", How.SESSION, Peer("192.0.2.7", HOST, True)))
    assert not foreign(headers, Visitor("p", How.SESSION, Peer("192.0.2.7", HOST, False))), "control"


def test_reading_changes_no_row(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        question = await world.question(owner)
        invitation = (await owner.post("/api/v1/invitations", json={})).json()["secret"]
        def kept() -> dict[str, list[Any]]:
            """All but the limiter's own count: whoever opens an invitation that is none (here: the joining one as a set-up) is counted."""
            return {table: rows for table, rows in world.rows().items() if table != "attempt"}

        before = kept()
        for route in world.app.house.routes:
            if route.method != "GET" or route.path.endswith("/live") or route.path.startswith("/link/"):
                continue
            path = route.path.replace("{id}", question).replace("{secret}", invitation).replace("{name:path}", "app.css")
            for client in (owner, world.browser()):
                for method in ("GET", "HEAD"):
                    answer = await client.request(method, path, params={"window": "April", "points": "5", "done": "x" * 10})
                    assert answer.status_code < 500, path
                    assert method == "GET" or answer.content == b""
        assert kept() == before
        await owner.post(f"/api/v1/questions/{question}/close", json={})
        assert kept() != before, "control: a change would be seen"

    play(story)


# ---- cookies ---------------------------------------------------------------------------------------------------------------


def test_the_cookie_is_host_bound_over_tls_and_plain_on_a_home_network() -> None:
    _, over_tls = cookie_for("s3cret", Peer("x", HOST, True))
    assert over_tls.startswith(b"__Host-anyday=s3cret; Path=/; ")
    assert {b"Secure", b"HttpOnly", b"SameSite=Lax"} <= set(over_tls.split(b"; "))
    assert b"Domain" not in over_tls
    _, plain = cookie_for("s3cret", Peer("x", HOST, False))
    assert plain.startswith(b"anyday=s3cret; Path=/; ")
    assert {b"HttpOnly", b"SameSite=Lax"} <= set(plain.split(b"; "))
    assert b"Secure" not in plain
    assert b"Max-Age=0" in cookie_for("", Peer("x", HOST, True))[1]


def test_a_cookie_set_by_somebody_else_gets_nobody_in(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        secret = owner.cookies["anyday"]
        client = world.program()
        for cookie in (
            f"anyday={secret}; anyday=evil",
            f"anyday=evil; anyday={secret}",
            f"__Host-anyday={secret}",
            "anyday=",
            "anyday",
            f"xanyday={secret}",
            "anyday=" + "x" * 9_000,
            "anyday=\xff",
        ):
            assert (await client.get("/api/v1/me", headers={"cookie": cookie.encode("latin-1")})).status_code == 401, cookie[:40]
        assert (await client.get("/api/v1/me", headers={"cookie": f"other=1; anyday={secret}"})).status_code == 200, "control"

    play(story)


def test_signing_out_takes_the_cookie_and_the_session(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        secret = owner.cookies["anyday"]
        answer = await owner.post("/sign-out", data={})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert "anyday" not in owner.cookies
        assert (await owner.get("/api/v1/me", headers={"cookie": f"anyday={secret}"})).status_code == 401

    play(story)


def test_sign_in_gives_a_new_session_whatever_came_before(play: Callable[..., Any]) -> None:
    """No fixation: a secret that the browser brought along never becomes a session."""

    async def story(world: World) -> None:
        await world.owner()
        client = world.browser(cookie="anyday=chosen-by-somebody-else-0123456789")
        answer = await client.post("/sign-in", data={"name": "Olga", "password": PASSWORD})
        assert answer.status_code == 303
        assert "chosen" not in answer.headers["set-cookie"]
        assert world.people.session("chosen-by-somebody-else-0123456789") is None

    play(story)


# ---- proxies ---------------------------------------------------------------------------------------------------------------


def scope(client: str, scheme: str = "http") -> dict[str, Any]:
    return {"client": (client, 1), "scheme": scheme}


SPOOFED = [
    (b"host", b"any.example"),
    (b"x-forwarded-for", b"203.0.113.9, 198.51.100.5"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"evil.example"),
]


@pytest.mark.parametrize("proxies", ["", "10.0.0.0/8", "192.0.2.8", "2001:db8::/32"])
def test_forwarded_headers_of_a_stranger_change_nothing(proxies: str) -> None:
    assert peer_of(scope("192.0.2.7"), Headers(SPOOFED), networks(proxies)) == Peer("192.0.2.7", "any.example", False)


def test_a_trusted_proxy_is_believed_up_to_the_first_stranger() -> None:
    told = peer_of(scope("10.0.0.1"), Headers(SPOOFED), networks("10.0.0.0/8, 198.51.100.5"))
    assert told == Peer("203.0.113.9", "evil.example", True)
    told = peer_of(scope("10.0.0.1"), Headers(SPOOFED), networks("10.0.0.0/8"))
    assert told == Peer("198.51.100.5", "evil.example", True), "what the client wrote to the left is its own invention"


@pytest.mark.parametrize("chain", [b"", b"junk", b"junk, 198.51.100.5", b",,,", b"198.51.100.5, junk", b"unknown, 10.0.0.9"])
def test_a_broken_chain_names_the_last_that_is_known(chain: bytes) -> None:
    told = peer_of(scope("10.0.0.1"), Headers([(b"host", b"any.example"), (b"x-forwarded-for", chain)]), networks("10.0.0.0/8"))
    assert told.address in ("10.0.0.1", "198.51.100.5", "10.0.0.9")


def test_a_spoofed_address_does_not_reset_the_count_of_tries(play: Callable[..., Any]) -> None:
    async def tries(world: World) -> list[int]:
        client = world.browser(address="10.0.0.1")
        statuses = []
        for i in range(14):
            headers = {"x-forwarded-for": f"198.51.100.{i}"}
            answer = await client.post("/sign-in", data={"name": f"player{i}", "password": "guess"}, headers=headers)
            statuses.append(answer.status_code)
        return statuses

    async def story(world: World) -> list[int]:
        await world.owner()
        return await tries(world)

    assert play(story) == [401] * 10 + [429] * 4


def test_control_a_trusted_proxy_tells_addresses_apart(play: Callable[..., Any]) -> None:
    async def story(world: World) -> list[int]:
        await world.owner()
        client = world.browser(address="10.0.0.1")
        answers = [
            await client.post("/sign-in", data={"name": f"player{i}", "password": "guess"}, headers={"x-forwarded-for": f"198.51.100.{i}"})
            for i in range(14)
        ]
        return [answer.status_code for answer in answers]

    assert play(story, trusted_proxies="10.0.0.1") == [401] * 14


def test_behind_a_trusted_tls_proxy_the_cookie_is_host_bound(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner()
        client = world.browser(address="10.0.0.1", **{"x-forwarded-proto": "https"})
        answer = await client.post("/sign-in", data={"name": "Olga", "password": PASSWORD}, headers={"origin": f"https://{HOST}"})
        assert answer.headers["set-cookie"].startswith("__Host-anyday=")
        answer = await client.post("/sign-in", data={"name": "Olga", "password": PASSWORD})
        assert answer.status_code == 403, "a page over plain http is another site"

    play(story, trusted_proxies="10.0.0.1")


# ---- going on ----------------------------------------------------------------------------------------------------------------

ELSEWHERE = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "http://evil.example", "https:evil.example", "javascript:alert(1)",
    "evil.example", "/\t/evil.example", "/\n/evil.example", "/%5cevil.example", "/%5C%5Cevil.example", "/.//evil.example", "/..//evil.example",
    "/%2e%2e//evil.example", "/a/..//evil.example", "/%2f/evil.example", "/ü", "/ /evil", "", "/" + "a" * 600, "/\x7f", "?next=//evil.example", "#",
    "/a//b", "/./x", "/../x",
]  # fmt: skip


@pytest.mark.parametrize("path", ELSEWHERE)
def test_going_on_never_leads_elsewhere(path: str) -> None:
    assert safe_next(path) == "/"


@pytest.mark.parametrize("path", ["/", "/q/abc", "/q/abc?done=x-1", "/me", "/q/abc/ruling?what=void", "/crew#x", "/q/abc/"])
def test_control_going_on_leads_where_one_was(path: str) -> None:
    assert safe_next(path) == path


def test_sign_in_goes_on_to_where_one_was_and_nowhere_else(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner()
        visitor = world.browser()
        sent = await visitor.get("/q/abc/ruling")
        assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/q/abc/ruling")
        for path in ("//evil.example", "/\\evil.example"):
            page = await visitor.get("/sign-in", params={"next": path})
            assert "evil" not in page.text
            answer = await visitor.post("/sign-in", data={"name": "Olga", "password": PASSWORD, "next": path})
            assert answer.headers["location"] == "/"
            await visitor.post("/sign-out", data={})
        answer = await visitor.post("/sign-in", data={"name": "Olga", "password": PASSWORD, "next": "/q/abc/ruling"})
        assert answer.headers["location"] == "/q/abc/ruling"

    play(story)


# ---- headers, local socket -----------------------------------------------------------------------------------------------------


def test_every_answer_carries_the_headers_that_keep_browsers_strict(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        question = await world.question(owner)
        for path in ("/", f"/q/{question}", "/nothing", "/q/nothing", "/help", "/me", "/sign-in"):
            headers = (await owner.get(path)).headers
            policy = headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert "default-src 'none'" in policy or "default-src 'self'" in policy
            assert headers["cache-control"] == "private, no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
        for path in ("/api/v1/questions", "/api/v1/nothing"):
            headers = (await owner.get(path)).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-type"] == "application/json"

    play(story)


def test_the_local_header_counts_on_the_local_socket_alone(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        await world.player("Pia")
        assert (await world.local("Pia").get("/api/v1/me")).json()["name"] == "Pia"
        assert (await world.local("OLGA").get("/api/v1/me")).json()["name"] == "Olga"
        assert (await world.local("Nobody").get("/api/v1/me")).status_code == 404
        stranger: httpx.AsyncClient = world.browser(**{"x-anyday-as": "Olga"})
        assert (await stranger.get("/api/v1/me")).status_code == 401

    play(story)


def test_an_ended_session_and_an_expired_token_get_nobody_in(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        player = next(iter(world.people.names()))
        issued = await world.people.new_token(player, "script", days=1)
        assert isinstance(issued, Issued)
        program = world.program(issued.secret)
        assert (await program.get("/api/v1/me")).status_code == 200
        world.clock.pass_(days=1)
        assert (await program.get("/api/v1/me")).status_code == 401
        assert (await owner.get("/api/v1/me")).status_code == 200
        world.clock.pass_(days=40)
        assert (await owner.get("/api/v1/me")).status_code == 401
        assert "sign-in" in (await owner.get("/me")).headers["location"]

    play(story)


def test_a_refused_page_says_why(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner()
        answer = await world.browser(origin="http://evil.example").post(f"{ORIGIN}/sign-in", data={"name": "Olga", "password": PASSWORD})
        assert answer.status_code == 403
        assert "another site" in said(answer.text)

    play(story)


def test_the_module_names_its_cookies_once() -> None:
    assert (session.COOKIE, session.SECURE_COOKIE) == ("anyday", "__Host-anyday")
    assert not isinstance(networks("10.0.0.1, ::1"), Refusal)
