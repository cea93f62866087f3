"""Several crews on one server: addresses under /c/<crew>, which crew a request without one is about, and what foreigners learn: nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from anyday.rules import commands as c
from anyday.service import CREW
from anyday.web import pages, surface
from anyday.web.app import ROUTES
from anyday.web.places import PREFIX, WIDE
from anyday.web.session import Visitor
from anyday.web.surface import Form, Who
from tests.web.conftest import ASK, PASSWORD, World, said

Q = "/api/v1/questions"
#: Addresses in a page: of links, forms, scripts' questions.
ADDRESS = re.compile(r'\b(?:href|action|formaction|src|data-at|data-quote)="([^"]*)"')


async def further(client: httpx.AsyncClient, name: str = "The Choir", **more: str) -> str:
    """Open a further crew; its id."""
    answer = await client.post("/api/v1/crews", json={"name": name, **more})
    assert answer.status_code == 200, answer.text
    assert answer.json()["role"] == "owner"
    return str(answer.json()["id"])


async def join(world: World, name: str, crew: str) -> None:
    """Let somebody join a crew."""
    player = world.people.player_of(name)
    assert player is not None
    await world.service.submit(c.Envelope(crew, player, f"join-{crew}-{name}", c.Join()))


async def three(world: World) -> tuple[httpx.AsyncClient, httpx.AsyncClient, str, str, str]:
    """Olga in the first crew and in one of her own, Pia in the first only; each crew has a question, the second a tally too."""
    olga, pia = await world.owner("Olga"), await world.player("Pia")
    crew = await further(olga)
    await world.question(olga)
    asked = await olga.post(f"/c/{crew}{Q}", json={**ASK, "title": "When do we sing?"})
    assert asked.status_code == 200, asked.text
    answer = await olga.post(f"/c/{crew}/api/v1/tallies", json={"name": "Wrong notes", "terms": "One.", "since": "1 January 2027"})
    return olga, pia, crew, asked.json()["question"], answer.json()["tally"]


# ---- which crew it is about ------------------------------------------------------------------------------------------------------


def test_a_crew_is_opened_listed_and_played_in_by_its_address(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, pia, crew, question, tally = await three(world)
        assert re.fullmatch(r"[a-z0-9]{10}", crew)
        assert (await olga.get("/api/v1/crews")).json() == [
            {"id": CREW, "name": "The Lift", "role": "owner"}, {"id": crew, "name": "The Choir", "role": "owner"},
        ]  # fmt: skip
        assert [card["id"] for card in (await pia.get("/api/v1/crews")).json()] == [CREW]
        assert [card["title"] for card in (await olga.get(f"/c/{crew}{Q}")).json()] == ["When do we sing?"]
        assert [card["title"] for card in (await olga.get(Q)).json()] == [ASK["title"]], "without a prefix it is the first one joined"
        await join(world, "Pia", crew)
        bet = {"window": "April", "points": "25"}
        assert (await pia.post(f"/c/{crew}{Q}/{question}/bets", json=bet)).status_code == 200
        assert (await pia.post(f"/c/{crew}{Q}/{question}/quote", json=bet)).status_code == 200
        assert (await pia.post(f"{Q}/{question}/bets", json=bet)).status_code == 404, "it is not the first crew's question"
        mine = [(await pia.get(f"{base}/api/v1/me")).json() for base in ("", f"/c/{crew}", f"/c/{CREW}")]
        assert [(me["crew"], me["balance"]) for me in mine] == [("The Lift", "1000"), ("The Choir", "975"), ("The Lift", "1000")]
        assert (await pia.get(f"/c/{crew}/api/v1/tallies/{tally}")).status_code == 200
        assert (await pia.get(f"/c/{crew}")).status_code == (await pia.get(f"/c/{crew}/")).status_code == 200

    play(story)


def test_a_retry_opens_no_second_crew(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        body = {"name": "The Choir", "command_id": "open-the-choir"}
        first, again = [(await olga.post("/api/v1/crews", json=body)).json() for _ in range(2)]
        assert first == again and len((await olga.get("/api/v1/crews")).json()) == 2
        other = await olga.post("/api/v1/crews", json={**body, "name": "The Band"})
        assert other.json()["type"] == "command_reused"

    play(story)


@pytest.mark.parametrize(
    ("form", "why"),
    [({"name": " "}, "text_missing"), ({"name": "x" * 61}, "text_too_long"), ({"name": "Choir", "zone": "Mars"}, "not_a_zone")],
)
def test_what_cannot_be_a_crew_is_refused_and_what_was_typed_is_kept(form: dict[str, str], why: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        assert (await olga.post("/api/v1/crews", json=form)).json()["type"] == why
        answer = await olga.post("/crews", data=form)
        assert answer.status_code == 422 and said(answer.text)
        assert form["name"].strip() in answer.text
        assert len((await olga.get("/api/v1/crews")).json()) == 1

    play(story)


@pytest.mark.parametrize(("most", "why"), [(2, "too_many_crews"), (0, "not_allowed")])
def test_how_many_crews_one_may_open_is_a_setting_but_on_the_servers_own_machine(most: int, why: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        for _ in range(max(0, most - 1)):
            await further(olga)
        answer = await olga.post("/api/v1/crews", json={"name": "One more"})
        assert answer.json()["type"] == why
        assert ("Open another one" in (await olga.get("/crews")).text) is (most > 0)
        await further(world.local("Olga"), "By the operator")

    play(story, crews_each=most)


def test_a_token_for_one_crew_is_about_that_crew_and_no_other(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        olga, _, crew, question, _ = await three(world)
        secret = (await olga.post("/api/v1/tokens", json={"name": "for the choir"})).json()["secret"]
        program = world.program(secret)
        assert (await program.get("/api/v1/me")).json()["crew"] == "The Lift"

        class Bound(Visitor):
            crew = ""

        def bound(*asked: Any) -> Any:
            found = good(*asked)
            if not isinstance(found, Visitor) or found.secret != secret:
                return found
            held = Bound(**{field.name: getattr(found, field.name) for field in dataclasses.fields(Visitor)})
            object.__setattr__(held, "crew", crew)
            return held

        good = surface.identify
        monkeypatch.setattr(surface, "identify", bound)
        assert (await program.get("/api/v1/me")).json()["crew"] == "The Choir", "it is about its crew without a prefix"
        assert (await program.get(f"{Q}/{question}")).status_code == (await program.get(f"/c/{crew}{Q}/{question}")).status_code == 200
        for elsewhere in (CREW, "nobodyscrew"):
            answer = await program.get(f"/c/{elsewhere}{Q}")
            assert (answer.status_code, answer.json()["facts"]) == (404, {"what": "crew"})
        assert [card["id"] for card in (await program.get("/api/v1/crews")).json()] == [crew]
        assert (await program.post("/api/v1/crews", json={"name": "Its own"})).json()["type"] == "not_allowed"

    play(story)


def test_who_belongs_to_no_crew_is_led_to_their_crews_and_can_open_one(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner()
        await world.people.add_player("Nils")
        nils = world.local("Nils")
        assert (await nils.get(Q)).json()["facts"] == {"what": "crew"}
        answer = await nils.get("/ask")
        assert (answer.status_code, answer.headers["location"]) == (303, "/crews")
        page = (await nils.get("/crews")).text
        assert "You belong to no crew yet" in page and "The Lift" not in page
        answer = await nils.post("/crews", data={"name": "Alone", "zone": "Europe/Oslo"})
        assert answer.status_code == 303
        home = await nils.get(answer.headers["location"])
        assert "Alone" in home.text and f'href="{answer.headers["location"].removesuffix("/crew")}/ask"' in home.text
        me = (await nils.get("/api/v1/me")).json()
        assert (me["crew"], me["zone"], me["role"]) == ("Alone", "Europe/Oslo", "owner")

    play(story)


def test_signing_in_joins_nobody_to_the_first_crew_who_belongs_to_another(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await three(world)
        await world.service.submit(c.Envelope("lonelycrew", str(await world.people.add_player("Lone")), "open-lonely", c.OpenCrew("Lonely")))
        lone = await world.people.link(str(world.people.player_of("Lone")))
        browser = world.browser()
        assert (await browser.get(f"/link/{lone.secret}")).status_code == 303
        assert [card["name"] for card in (await browser.get("/api/v1/crews")).json()] == ["Lonely"]

    play(story)


# ---- what a page leads to --------------------------------------------------------------------------------------------------------


def astray(page: str, base: str) -> list[str]:
    """The addresses of a page that leave the crew: of this server, neither under the base nor the server's own."""
    found = [address for address in ADDRESS.findall(page) if address.startswith("/")]
    return [address for address in found if not address.startswith((f"{base}/", *WIDE)) or (address.startswith(PREFIX) and _doubled(address))]


def _doubled(address: str) -> bool:
    return address.count(PREFIX) > 1 and "next=" not in address


def _pages(base: str, question: str, tally: str) -> Iterable[str]:
    """Every page of the crew, by its address there."""
    for route in ROUTES:
        if route.method != "GET" or route.api or route.path.startswith(WIDE) or route.path == "/healthz" or route.path.endswith("/live"):
            continue
        name = tally if route.path.startswith("/tallies") else question
        path = route.path.replace("{id}", name).replace("{name}", "Olga")
        yield base + path + ("?window=April&points=5" if path.endswith("/quote") else "?what=correct" if path.endswith("/ruling") else "")


def test_every_address_on_every_page_of_a_crew_stays_in_it(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, pia, crew, _, tally = await three(world)
        base = f"/c/{crew}"
        await join(world, "Pia", crew)
        ways = {"tote": {"slots": "month"}, "closest": {"stake": "5"}, "forecast": True, "resolver": "Pia", "lead_minutes": 0}
        whole = (await olga.post(f"{base}{Q}", json={**ASK, **ways, "tally": tally})).json()["question"]
        for who in (olga, pia):
            await who.post(f"{base}{Q}/{whole}/bets", json={"window": "April", "points": "20"})
        await recorded_in(olga, base, tally, "3 January 2027", "1 February 2027")
        ended = (await olga.post(f"{base}{Q}", json={**ASK, "resolver": "Pia"})).json()["question"]
        await olga.post(f"{base}{Q}/{ended}/bets", json={"window": "16 March", "points": "20"})
        world.clock.pass_(days=4)
        done = await pia.post(f"{base}{Q}/{ended}/ruling", json={"outcome": "16 March 2027", "evidence": "https://example.org/seen"})
        assert done.status_code == 200, done.text
        seen = 0
        for who in (olga, pia, world.browser()):
            for name in (whole, ended):
                for address in _pages(base, name, tally):
                    answer = await who.get(address)
                    assert answer.status_code in (200, 303, 409), (address, answer.status_code)
                    assert astray(answer.text, base) == [], address
                    seen += len(ADDRESS.findall(answer.text))
                    moved = answer.headers.get("location", f"{base}/")
                    assert moved.startswith(f"{base}/") or moved == f"/sign-in?next={address.partition('?')[0]}"
        assert seen > 500, "control: there were addresses to look at"
        refused = await olga.get(f"{base}/q/nothing")
        assert refused.status_code == 404 and astray(refused.text, base) == []
        lost = await olga.get(f"{base}/nothing/at/all")
        assert lost.status_code == 404 and astray(lost.text, base) == []
        assert astray((await olga.get(f"/q/{whole}x")).text, "") == [], "and without a prefix there is none"
        assert PREFIX not in (await pia.get("/help")).text.replace(f"{PREFIX}{crew}/", "").replace(f"{PREFIX}{CREW}/", "")

    play(story, open_to_read=True)


async def recorded_in(client: httpx.AsyncClient, base: str, tally: str, *times: str) -> None:
    for when in times:
        answer = await client.post(f"{base}/api/v1/tallies/{tally}/occurrences", json={"when": when, "evidence": "heard"})
        assert answer.status_code == 200, answer.text


def test_control_an_address_that_forgets_its_crew_is_caught() -> None:
    page = '<a href="/q/x">x</a><form action="/c/ours/ask"></form><a href="/sign-in?next=/c/ours/q/x"></a><a href="/c/theirs/">theirs</a>'
    assert astray(page, "/c/ours") == ["/q/x"]
    assert astray('<a href="/c/ours/c/ours/ask">', "/c/ours") == ["/c/ours/c/ours/ask"]


def forgetful(source: str) -> list[str]:
    """The addresses in a template or a script that begin at the server's root, though they are the crew's."""
    attributes = re.findall(r"""\b(?:href|action|formaction|src|data-[a-z]+)=["'](/[^"']*)""", source)
    asked = re.findall(r"""(?:fetch\(["'`]|EventSource\(["'`]|`)(/[a-z][^"'`]*)""", source)
    return [address for address in (*attributes, *asked) if not address.startswith(WIDE)]


def test_no_template_and_no_script_holds_an_address_without_its_crew() -> None:
    """What no test happens to show is looked at too."""
    files = [*(pages.HERE / "templates").glob("*.html"), *pages.STATIC.glob("*.js")]
    assert len(files) > 25
    assert {file.name: found for file in files if (found := forgetful(file.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "line",
    ['<a href="/q/{{ q.id }}">', '<a href="/ask">', '<a href="/">', '<form action="/crew/grant">', "fetch(`/q/${id}/quote`)", '<p data-at="/q/1">'],
)
def test_control_an_address_without_its_crew_is_caught_in_its_source(line: str) -> None:
    assert len(forgetful(line)) == 1
    assert forgetful(line.replace('"/', '"{{ base }}/').replace("`/", "`${at}/")) == []


def test_forms_lead_back_into_the_crew_they_were_sent_from(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, pia, crew, _, tally = await three(world)
        await join(world, "Pia", crew)
        base = f"/c/{crew}"
        asked = (await olga.post(f"{base}{Q}", json={**ASK, "resolver": "Pia"})).json()["question"]
        forms: dict[str, tuple[httpx.AsyncClient, dict[str, str]]] = {
            "/ask": (olga, {key: str(value) for key, value in ASK.items()}),
            f"/q/{asked}/bet": (olga, {"window": "April", "points": "5"}),
            f"/q/{asked}/note": (olga, {"kind": "news", "text": "It hums.", "when": "14 March 2027", "evidence": "heard"}),
            "/tallies": (olga, {"name": "More", "terms": "More of it.", "since": "1 January 2027"}),
            f"/tallies/{tally}/record": (olga, {"when": "2 January 2027", "evidence": "heard"}),
            "/crew/grant": (olga, {"to": "Pia", "points": "5", "reason": "cake"}),
            "/me/token/revoke": (olga, {"token": "none"}),
            f"/q/{asked}/close": (pia, {}),
        }
        for path, (who, form) in forms.items():
            answer = await who.post(base + path, data=form)
            assert answer.status_code in (303, 404), (path, said(answer.text))
            if answer.status_code == 303:
                assert answer.headers["location"].startswith(f"{base}/"), path
                assert (await who.get(answer.headers["location"])).status_code == 200
        assert (await olga.post(f"{base}/sign-out", data={})).headers["location"] == "/sign-in"
        stranger = await world.browser().get(f"{base}/q/{asked}")
        assert stranger.headers["location"] == f"/sign-in?next={base}/q/{asked}"
        again = await world.browser().post("/sign-in", data={"name": "Olga", "password": PASSWORD, "next": f"{base}/q/{asked}"})
        assert again.headers["location"] == f"{base}/q/{asked}"

    play(story)


def test_the_head_of_a_page_leads_to_ones_other_crews_where_there_are_some(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, pia, crew, *_ = await three(world)
        for base, here, there in (("", "The Lift", crew), (f"/c/{crew}", "The Choir", CREW)):
            head = re.findall(r'<details class="crews">.*?</details>', (await olga.get(f"{base}/")).text, re.S)
            assert len(head) == 1 and f"</span>{here}</summary>" in head[0] and f'href="/c/{there}/"' in head[0]
        assert 'class="crews"' not in (await pia.get("/")).text, "with one crew there is nothing to choose"

    play(story)


# ---- what a foreigner learns -----------------------------------------------------------------------------------------------------


def told(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that an answer says, without the ids that every form has afresh."""
    body = re.sub(rb'name="command_id" value="[^"]*"', b"", answer.content)
    return answer.status_code, body, sorted((name, value) for name, value in answer.headers.items() if name not in ("date", "content-length"))


@pytest.mark.parametrize("who", ["member of another crew", "stranger", "token", "nobody's member"])
def test_a_foreign_crew_a_crew_that_is_not_there_and_whatever_is_inside_are_answered_byte_for_byte_alike(who: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> int:
        _, pia, crew, question, tally = await three(world)
        client = world.browser() if who == "stranger" else pia
        if who == "token":
            client = world.program((await pia.post("/api/v1/tokens", json={"name": "a program"})).json()["secret"])
        if who == "nobody's member":
            await world.people.add_player("Nils")
            client = world.local("Nils")
        tried, before = 0, world.record()
        for route in ROUTES:
            if route.path.startswith(("/sign-out", "/me/token")) or (route.method, route.path) == ("DELETE", "/api/v1/sessions"):
                continue
            kind: dict[str, Any] = {"data": {}} if route.input is Form else {"json": {}} if route.input else {}
            answers = set()
            for home, inside in ((crew, question), (crew, "nothing"), ("a" * 10, question), ("a" * 10, "nothing")):
                name = tally if "tallies" in route.path and inside == question else inside
                path = route.path.replace("{id}", name).replace("{name:path}", "app.css").replace("{name}", "Olga")
                path = re.sub(r"\{[^}]+\}", "x" * 22, path)
                answer = await client.request(route.method, f"/c/{home}{path}", **kind)
                status, body, headers = told(answer)
                # a stranger is led to sign in first, and back to what they asked for themselves
                headers = [(key, value.replace(f"/c/{home}{path}", "…")) for key, value in headers]
                answers.add((status, body, tuple(headers)))
                assert answer.status_code < 500
                assert answer.status_code != 200 or route.who is Who.ANYONE, (route.method, route.path)
                assert b"The Choir" not in answer.content
                tried += 1
            assert len(answers) == 1, (route.method, route.path)
        assert world.record() == before
        for path in ("/nothing", "/q", "/api/v1/nothing", "/c/x"):
            assert len({told(await client.get(f"/c/{home}{path}"))[1] for home in (crew, "a" * 10)}) == 1
        return tried

    assert play(story) > 250


def test_control_a_member_is_told_something_else_inside(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, _, crew, question, _ = await three(world)
        assert told(await olga.get(f"/c/{crew}/q/{question}")) != told(await olga.get(f"/c/{'a' * 10}/q/{question}"))

    play(story)


def test_an_open_crew_is_read_by_everybody_and_changed_by_members(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, crew, question, _ = await three(world)
        for client in (world.browser(), pia):
            assert "When do we sing?" in (await client.get(f"/c/{crew}/q/{question}")).text
            assert (await client.get(f"/c/{'a' * 10}/q/{question}")).status_code in (303, 404)
        bet = await pia.post(f"/c/{crew}{Q}/{question}/bets", json={"window": "April", "points": "5"})
        assert (bet.status_code, bet.json()["facts"]) == (404, {"what": "crew"})

    play(story, open_to_read=True)


@pytest.mark.parametrize("crew", ["", "%2e%2e", "a%2Fb", "%00", "x" * 400, "crew%20", "%C3%A7", "c", "crew.", "CREW"])
def test_whatever_stands_for_a_crew_in_an_address_is_no_crew(crew: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        for path in ("/", "/ask", f"{Q}", "/static/app.css", "/help", "/nothing"):
            answer = await olga.get(httpx.URL(f"http://any.example/c/{crew}{path}"))
            assert answer.status_code in (200, 404)
            assert answer.status_code == 404 or path in ("/static/app.css", "/help") or crew in ("%2e%2e",)
            assert astray(answer.text, "") == []

    play(story)


# ---- the hot routes --------------------------------------------------------------------------------------------------------------


def test_hot_routes_are_found_before_the_router_with_a_prefix_and_without(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        _, pia, crew, question, _ = await three(world)
        await join(world, "Pia", crew)

        async def router(*_: Any) -> None:
            raise AssertionError("it went through the router")

        monkeypatch.setattr(world.app, "starlette", router)
        body = {"window": "April", "points": "5"}
        assert (await pia.post(f"/c/{crew}{Q}/{question}/bets", json=body)).status_code == 200
        assert (await pia.post(f"/c/{crew}{Q}/{question}/quote", json=body)).status_code == 200
        assert (await pia.post(f"{Q}/{question}/quote", json=body)).status_code == 404
        with pytest.raises(AssertionError, match="router"):
            await pia.get(f"/c/{crew}{Q}/{question}")  # the control

    play(story)
