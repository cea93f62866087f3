"""The pages as a person without script uses them: links, forms, redirections, refusals beside what was typed."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from markupsafe import escape

from anyday.web import files, pages
from tests.web.conftest import ASK, ORIGIN, PASSWORD, World, said


def form_of(page: httpx.Response, action: str) -> dict[str, str]:
    """The fields of the form that posts to ``action``, as a browser would send them."""
    found = re.search(rf'<form[^>]*method="post"[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page.text, re.S)
    assert found is not None, f"no form posts to {action}"
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", found.group(1)):
        given = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if "name" in given and (given.get("type") not in ("checkbox", "radio") or " checked" in tag):
            fields.setdefault(given["name"], html.unescape(given.get("value", "")))
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', found.group(1), re.S):
        chosen = re.search(r"<option([^>]*selected[^>]*)>([^<]*)", options) or re.search(r"<option([^>]*)>([^<]*)", options)
        value = re.search(r'value="([^"]*)"', chosen.group(1)) if chosen else None
        fields[name] = html.unescape(value.group(1) if value else chosen.group(2) if chosen else "")
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', found.group(1), re.S):
        fields[name] = html.unescape(text)
    return fields


async def followed(client: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, (answer.status_code, said(answer.text))
    return await client.get(answer.headers["location"])


def test_a_new_server_is_set_up_by_its_first_page(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        assert "nobody has an account yet" in (await world.browser().get("/sign-in")).text
        secret = await world.people.setup_secret()
        browser = world.browser()
        page = await browser.get(f"/setup/{secret}")
        form = {**form_of(page, f"/setup/{secret}"), "crew": "The Lift", "zone": "Europe/Zurich", "name": "Olga", "password": PASSWORD}
        for changes, status in (
            ({"crew": " "}, 422),
            ({"crew": "x" * 61}, 422),
            ({"zone": "Mars"}, 422),
            ({"name": "x"}, 422),
            ({"password": "short"}, 422),
        ):
            refused = await browser.post(f"/setup/{secret}", data={**form, **changes})
            assert refused.status_code == status
            assert said(refused.text)
            assert PASSWORD not in refused.text
        assert not world.people.names()
        board = await followed(browser, await browser.post(f"/setup/{secret}", data=form))
        assert "The Lift" in board.text
        assert world.service.crew_zone == "Europe/Zurich"
        assert (await browser.get("/crew")).text.count("owner") > 0
        assert (await world.browser().get(f"/setup/{secret}")).status_code == 410
        assert "send you an invitation link" in (await world.browser().get("/sign-in")).text

    play(story)


def test_somebody_joins_asks_bets_sells_and_collects_without_script(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        invited = await owner.post("/crew/invite", data=form_of(await owner.get("/crew"), "/crew/invite"))
        assert "good for 20 people, until" in invited.text
        link = re.search(rf'value="({ORIGIN}/join/[^"]+)"', invited.text)
        assert link is not None
        pia = world.browser()
        path = link.group(1).removeprefix(ORIGIN)
        board = await followed(pia, await pia.post(path, data={**form_of(await pia.get(path), path), "name": "Pia", "password": PASSWORD}))
        assert "Pia" in board.text

        form = form_of(await owner.get("/ask"), "/ask")
        asked = await followed(owner, await owner.post("/ask", data={**form, **ASK}))
        assert ASK["title"] in asked.text
        assert "The question opened" in asked.text
        at = str(asked.url.path)

        slip = form_of(await pia.get(at), f"{at}/bet")
        previewed = await pia.get(f"{at}/quote", params={**slip, "window": "April", "points": "5"})
        confirmed = form_of(previewed, f"{at}/bet")
        assert confirmed["max_cost"] == "5"
        placed = await followed(pia, await pia.post(f"{at}/bet", data=confirmed))
        assert "You bet on" in placed.text
        assert re.search(r">Sell for (5|4\.99)<", placed.text), "what it brings to take a bet back at once, seen before one sells"
        sold = await followed(pia, await pia.post(f"{at}/sell", data={**form_of(placed, f"{at}/sell"), "shares": "1", "min_proceeds": ""}))
        assert "You sold" in sold.text
        assert said((await pia.post(f"{at}/collect", data={})).text).startswith("There is nothing to collect")

    play(story)


def test_a_sale_does_not_fill_far_below_the_price_on_its_button(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia, max_ = await world.player("Pia"), await world.player("Max")
        at = f"/q/{await world.question(owner)}"
        assert (await pia.post(f"{at}/bet", data={"window": "April", "points": "20"})).status_code == 303
        seen = await pia.get(at)
        form = form_of(seen, f"{at}/sell")
        brings = re.search(r">Sell for ([0-9.]+)<", seen.text)
        assert brings is not None
        assert float(form["min_proceeds"]) == pytest.approx(float(brings.group(1)) * 0.98, abs=0.01)
        assert (await max_.post(f"{at}/bet", data={"window": "not April", "points": "30"})).status_code == 303
        refused = await pia.post(f"{at}/sell", data=form)
        assert refused.status_code == 409
        assert re.match(r"The price moved: it would be [0-9.]+ points, and your limit is [0-9.]+ points", said(refused.text))
        fresh = form_of(refused, f"{at}/sell")
        assert float(fresh["min_proceeds"]) < float(form["min_proceeds"])
        assert not form_of(refused, f"{at}/bet")["window"]
        assert "You sold" in (await followed(pia, await pia.post(f"{at}/sell", data=fresh))).text

    play(story)


def test_no_says_who_is_asked_and_who_can_act(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        pia = await world.player("Pia")
        at = f"/q/{await world.question(owner, resolver='Olga')}"
        for refused in (
            await pia.post(f"{at}/close"),
            await pia.post(f"{at}/ruling", data={"what": "rule", "outcome": "never", "evidence": "x"}),
            await pia.post(f"{at}/rule", data={"outcome": "never", "evidence": "x"}),
        ):
            assert refused.status_code == 403
            assert said(refused.text).startswith("Only Olga (its resolver) can do that.")
        assert said((await pia.post(f"{at}/void", data={"reason": "x"})).text).startswith("Only Olga (its resolver) or the owner can do that.")
        assert 'href="/me"><span class="whose">Pia' in (await pia.get("/nothing/here")).text
        assert 'href="/sign-in">Sign in' in (await world.browser().get("/nothing/here")).text

    play(story)


def test_a_ruling_of_never_says_that_every_bet_stands(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        form = form_of(await owner.get("/ask"), "/ask")
        assert (form["zone"], form["subsidy"]) == ("UTC", "200"), "the command line's defaults"
        at = f"/q/{await world.question(owner, horizon='20 March 2027')}"
        assert (await pia.post(f"{at}/bet", data={"window": "never", "points": "5"})).status_code == 303
        world.clock.pass_(days=7)
        shown = await owner.post(f"{at}/ruling", data={"what": "rule", "outcome": "never", "evidence": "x"})
        assert "Nothing is cut: every bet stands." in shown.text
        assert "Nothing stands from" not in shown.text
        shown = await owner.post(f"{at}/ruling", data={"what": "rule", "outcome": "16 March 2027", "evidence": "x"})
        assert "Nothing is cut" not in shown.text
        assert "Nothing stands from" in shown.text

    play(story)


def test_a_form_sent_twice_is_done_once(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"/q/{await world.question(owner)}"
        slip = {**form_of(await pia.get(at), f"{at}/bet"), "window": "April", "points": "5"}
        first, again = await pia.post(f"{at}/bet", data=slip), await pia.post(f"{at}/bet", data=slip)
        assert first.headers["location"] == again.headers["location"]
        assert len((await pia.get(f"/api/v1/questions{at.removeprefix('/q')}/bets")).json()) == 1
        fresh = {**form_of(await pia.get(at), f"{at}/bet"), "window": "April", "points": "5"}
        await pia.post(f"{at}/bet", data=fresh)
        assert len((await pia.get(f"/api/v1/questions{at.removeprefix('/q')}/bets")).json()) == 2, "control: a fresh form is another bet"

    play(story)


def test_a_refusal_brings_the_page_again_with_what_was_typed(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"/q/{await world.question(owner)}"
        refused = await pia.post(f"{at}/bet", data={"window": "when <pigs> fly", "points": "5"})
        assert refused.status_code == 422
        assert "is not a window I can read" in said(refused.text)
        assert form_of(refused, f"{at}/bet")["window"] == "when <pigs> fly"
        assert form_of(refused, f"{at}/bet")["points"] == "5"
        assert "<pigs>" not in refused.text
        assert (await pia.post(f"{at}/bet", data={"window": "April", "points": "5", "expected_version": "99"})).status_code == 409
        assert (await pia.post(f"{at}/bet", data={"window": "April", "points": "5", "expected_version": "1e5"})).status_code == 400
        quoted = await pia.get(f"{at}/quote", params={"window": "soon", "points": "5"})
        assert quoted.status_code == 422
        asked = await owner.post("/ask", data={**ASK, "zone": "Mars", "by": ["1 April 2027", ""], "chance": ["50%", ""], "never": "5%"})
        assert asked.status_code == 422
        assert "Mars" in said(asked.text)
        assert 'value="50%"' in asked.text

    play(story)


def test_the_resolver_rules_after_seeing_the_totals(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"/q/{await world.question(owner)}"
        await pia.post(f"{at}/bet", data={"window": "April", "points": "5"})
        world.clock.pass_(days=29)
        typed = {**form_of(await owner.get(f"{at}/ruling"), f"{at}/ruling"), "outcome": "10 April 2027", "evidence": "The log"}
        seen = await owner.post(f"{at}/ruling", data=typed)
        assert seen.status_code == 200
        confirm = form_of(seen, f"{at}/rule")
        assert (confirm["outcome"], confirm["evidence"]) == ("10 April 2027", "The log")
        ruled = await followed(owner, await owner.post(f"{at}/rule", data=confirm))
        assert "Ruled" in ruled.text
        typed = {"what": "correct", "outcome": "11 April 2027", "evidence": "The log", "reason": "A misread line"}
        seen = await owner.post(f"{at}/ruling", data=typed)
        corrected = await followed(owner, await owner.post(f"{at}/correct", data=form_of(seen, f"{at}/correct")))
        assert "corrected" in corrected.text
        refused = await pia.post(f"{at}/ruling", data={"what": "rule", "outcome": "never", "evidence": "x"})
        assert refused.status_code in (403, 409)
        assert (await owner.get(f"{at}/ruling", params={"what": "party"})).status_code == 400

    play(story)


def test_the_resolver_calls_it_off(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        at = f"/q/{await world.question(owner)}"
        assert (await owner.post(f"{at}/close", data={})).status_code == 303
        seen = await owner.post(f"{at}/ruling", data={"what": "void", "reason": "The house was sold"})
        assert seen.status_code == 200, said(seen.text)
        gone = await followed(owner, await owner.post(f"{at}/void", data=form_of(seen, f"{at}/void")))
        assert "called off" in gone.text

    play(story)


def test_the_owner_grants_and_a_token_is_shown_once(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        await world.player("Pia")
        granted = await followed(owner, await owner.post("/crew/grant", data={"to": "Pia", "points": "5", "reason": "Cake"}))
        assert "were granted" in granted.text
        assert (await owner.post("/crew/grant", data={"to": "Pia", "points": "-5", "reason": "Cake"})).status_code == 422
        made = await owner.post("/me/token", data={"name": "script"})
        token = re.search(r"anyday_[\w-]+", made.text)
        assert token is not None
        assert (await world.program(token.group()).get("/api/v1/me")).json()["name"] == "Olga"
        page = await owner.get("/me")
        assert token.group() not in page.text
        assert (await owner.post("/me/token/revoke", data=form_of(page, "/me/token/revoke"))).status_code == 303
        assert (await world.program(token.group()).get("/api/v1/me")).status_code == 401

    play(story)


def test_a_message_is_told_to_its_own_player_and_cannot_be_made_up(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia, rob = await world.player("Pia"), await world.player("Rob")
        at = f"/q/{await world.question(owner)}"
        answer = await pia.post(f"{at}/bet", data={"window": "April", "points": "5", "command_id": "pias-bet-1"})
        told = answer.headers["location"]
        assert "You bet on" in (await pia.get(told)).text
        assert "You bet on" not in (await rob.get(told)).text
        assert "Send your password" not in (await pia.get(f"{at}?done=Send+your+password")).text
        assert (await pia.get(f"{at}?done={'x' * 5000}")).status_code == 200

    play(story)


def test_a_link_signs_in_with_one_click(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner()
        player = await world.people.add_player("Ada", "crew")
        issued = await world.people.link(player, days=2)
        browser = world.browser()
        board = await followed(browser, await browser.get(f"/link/{issued.secret}"))
        assert "Ada" in board.text
        assert (await browser.get("/api/v1/me")).json()["role"] == "player"
        assert (await browser.get("/sign-in")).headers["location"] == "/"
        assert (await world.browser().get("/link/wrong")).status_code == 410

    play(story)


def test_whoever_is_not_signed_in_reads_only_where_the_server_is_open(play: Callable[..., Any], tmp_path: Any) -> None:
    async def story(world: World) -> list[int]:
        owner = await world.owner()
        at = f"/q/{await world.question(owner)}"
        stranger = world.browser()
        return [
            (await stranger.get(path)).status_code
            for path in ("/", at, f"{at}/fragment", "/me", "/crew", "/help", f"{at}/quote?window=April&points=1")
        ]

    assert play(story) == [303, 303, 303, 303, 303, 200, 303]


def test_an_open_server_is_read_by_anybody(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        question = await world.question(owner)
        stranger = world.browser()
        for path in ("/", f"/q/{question}", f"/q/{question}/fragment", f"/q/{question}/quote?window=April&points=1"):
            assert (await stranger.get(path)).status_code == 200, path
        assert (await stranger.get("/me")).status_code == 303
        assert (await stranger.post(f"/q/{question}/bet", data={"window": "April", "points": "1"})).status_code == 401

    play(story, open_to_read=True)


def test_the_slip_asks_for_its_price_as_json(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"/q/{await world.question(owner)}/quote"
        json = {"accept": "application/json"}
        quoted = await pia.get(at, params={"window": "April", "points": "5"}, headers=json)
        assert quoted.json()["charge"] == "5"
        assert quoted.json()["ghost"]
        refused = await pia.get(at, params={"window": "soon", "points": "5"}, headers=json)
        assert (refused.status_code, refused.json()["status"], refused.json()["type"]) == (200, 422, "not_a_window"), "no error to a browser"

    play(story)


def test_files_are_kept_for_ever_under_their_fingerprint_alone(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        browser = world.browser()
        marked = await browser.get(pages.static("app.css"))
        assert marked.status_code == 200
        assert "immutable" in marked.headers["cache-control"]
        assert marked.headers["content-encoding"] == "gzip"
        assert marked.headers["vary"] == "accept-encoding"
        assert marked.text == (pages.STATIC / "app.css").read_text()
        for address in ("/static/app.css", "/static/app.css?v=wrong"):
            unmarked = await browser.get(address, headers={"accept-encoding": "identity"})
            assert unmarked.headers["cache-control"] == "no-cache"
            assert "content-encoding" not in unmarked.headers
            assert unmarked.content == (pages.STATIC / "app.css").read_bytes()
        assert (await browser.get("/static/app.css", headers={"if-none-match": marked.headers["etag"]})).status_code == 304
        for address in (
            "/static/../pages.py",
            "/static/%2e%2e/pages.py",
            "/static/..%2fpages.py",
            "/static//etc/passwd",
            "/static/",
            "/static/app.css/",
            "/static/%00",
        ):
            assert (await browser.get(address)).status_code == 404, address
        assert set(files.catalogue()) >= {"app.css", "icon.svg"}

    play(story)


def test_unknown_addresses_are_pages_too(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        for path, status in (("/nothing", 404), ("/q/nothing", 404), ("/q/a%2Fb", 404), ("/q/", 404), ("/join/x", 410), ("/setup/x", 410)):
            answer = await owner.get(path)
            assert answer.status_code == status
            assert answer.headers["content-type"].startswith("text/html")
            assert said(answer.text)
        wrong = await owner.request("DELETE", "/me")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")

    play(story)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "' onmouseover='alert(1)"])
def test_what_people_write_is_shown_and_never_run(name: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        question = await world.question(owner, title=f"When {name}", terms=f"{name}\n\nhttps://example.org/?{name}", source=f"javascript:{name}")
        for path in ("/", f"/q/{question}", f"/q/{question}/ruling", f"/q/{question}/fragment"):
            page = await owner.get(path)
            assert page.status_code == 200
            assert str(escape(name)) in page.text, "control: it is shown, as text"
            assert not re.search(r"<(script|img)(?! defer| type=\"module\")", page.text), "no script but our own"
            assert not re.search(r"<\w[^<>]*\son\w+=", page.text), "no element has a handler"
            assert "When 49" not in page.text
            assert 'href="javascript' not in page.text

    play(story)


ALONE = {"market": False, "subsidy": "0"}
WAYS = {"tote": {"slots": "month"}, "closest": {"stake": "10"}, "forecast": True}
CURVE = {"by10": "31 March 2027", "by50": "14 April", "by90": "9 May 2027", "never": "20%", "points": "20"}


def test_a_question_is_asked_by_its_form_in_every_way_to_play(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        form = form_of(await owner.get("/ask"), "/ask")
        assert form["market"] == "on" and not form.keys() & {"tote", "closest", "forecast", "many"}, "a market, unless one chooses"
        texts = {name: text for name, text in ASK.items() if name != "subsidy"}
        chosen = dict.fromkeys(("tote", "closest", "many", "forecast"), "on")
        chosen |= {"slots": "listed", "starts": "1 April 2027\n\n1 May 2027", "takeout": "5%"}
        without = {name: value for name, value in form.items() if name not in ("market", "command_id")}
        asked = await followed(owner, await owner.post("/ask", data={**without, **texts, **chosen}))
        view = world.service.question(asked.url.path.removeprefix("/q/"), None)
        assert (view.plays, len(view.tote.slots), view.tote.takeout, view.closest.many) == (("tote", "closest", "forecast"), 4, 50_000, True)
        nothing = await owner.post("/ask", data={**without, **texts})
        assert said(nothing.text).startswith("The ways to play do not work: a question is played in at least one way.")
        assert "market" not in form_of(nothing, "/ask"), "a box that was cleared stays clear"
        bad = await owner.post("/ask", data={**without, **texts, **chosen, "takeout": "60%"})
        again = form_of(bad, "/ask")
        assert bad.status_code == 422
        assert (again["slots"], again["takeout"], again["starts"].splitlines()) == ("listed", "60%", ["1 April 2027", "", "1 May 2027"])

    play(story)


def test_stakes_guesses_and_forecasts_are_made_by_forms_and_refused_beside_them(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"/q/{await world.question(owner, **ALONE, **WAYS)}"
        assert "anyday-curve" not in (await pia.get(at)).text
        forms = {"stake": {"slot": "April", "points": "20"}, "guess": {"guess": "14 April"}, "forecast": CURVE}
        wrong = {"stake": {"slot": "14 April"}, "guess": {"guess": "April"}, "forecast": {"never": "120%"}}
        for name, typed in forms.items():
            refused = await pia.post(f"{at}/{name}", data={**form_of(await pia.get(at), f"{at}/{name}"), **typed, **wrong[name]})
            assert refused.status_code == 422, name
            assert len(re.findall("data-refusal", refused.text)) == 1
            kept = form_of(refused, f"{at}/{name}")
            assert {field: kept[field] for field in {**typed, **wrong[name]}} == {**typed, **wrong[name]}
            assert f'action="{at}/{name}"' in refused.text.split("data-refusal")[0].rpartition("<form")[2], "it stands in its own form"
            answer = await followed(pia, await pia.post(f"{at}/{name}", data={**kept, **typed}))
            assert 'class="said"' in answer.text
        page = (await pia.get(at)).text
        for shown in ("you have staked 20", "You guessed 14 April 2027", "Your stake of 20 stays as it is"):
            assert shown in page
        mine = (await pia.get("/me")).text
        for line in ("20 points on 1–30 April 2027 in the tote", "10 points on the guess 14 April 2027", "20 points on a forecast"):
            assert f"<li>{line}</li>" in mine

    play(story)


def test_a_form_that_nobody_touched_puts_no_handles_in_place_of_a_finer_curve(play: Callable[..., Any]) -> None:
    """as_it_stands: the three handles are read off the curve that stands, and are not it."""

    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        question = await world.question(owner, **ALONE, forecast=True)
        at, curve = f"/q/{question}", {"family": {"family": "lognormal", "half": "20 April 2027", "most": "20 May 2027"}}
        assert (await pia.post(f"/api/v1/questions/{question}/forecast", json={"curve": curve, "points": "5"})).status_code == 200
        before = (await pia.get(f"/api/v1/questions/{question}")).json()["forecast"]
        shown = form_of(await pia.get(at), f"{at}/forecast")
        refused = await pia.post(f"{at}/forecast", data=shown)
        assert refused.status_code == 422 and "it stays as it is" in refused.text
        assert (await pia.get(f"/api/v1/questions/{question}")).json()["forecast"] == before
        moved = await pia.post(f"{at}/forecast", data={**shown, "by50": "22 April 2027"})
        assert moved.status_code == 303, "a handle that was moved revises it"
        assert (await pia.get(f"/api/v1/questions/{question}")).json()["forecast"]["curves"] == 2

    play(story)


def test_nobody_else_learns_of_what_is_sealed_from_any_page(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia, rob = await world.player("Pia"), await world.player("Rob")
        at = f"/q/{await world.question(owner, **ALONE, closest={'stake': '10'}, forecast=True)}"

        def bare(page: str) -> str:
            return re.sub(r'name="command_id" value="[^"]*"', "", page)

        async def seen() -> list[str]:
            return [bare((await who.get(f"{where}")).text) for who in (owner, rob) for where in ("/", at, f"{at}/fragment", "/crew")]

        before = await seen()
        assert (await pia.post(f"{at}/guess", data={"guess": "14 April"})).status_code == 303
        assert (await pia.post(f"{at}/forecast", data=CURVE)).status_code == 303
        assert await seen() == before
        assert "14 April 2027" in (await pia.get(at)).text, "control: Pia sees her own"
        asked = {"what": "void", "reason": "x"}
        totals = await owner.post(f"{at}/ruling", data=asked)
        assert "The closest guess and the forecast are left out of these totals" in totals.text
        world.clock.pass_(days=2)
        assert await seen() != before, "after the bell the guess is seen"
        assert "1 guess for 10 points" in (await rob.get(at)).text
        assert "14 April 2027" in (await rob.get(at)).text

    play(story)


def test_after_the_ruling_winners_scores_and_crowds_are_shown(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia, rob = await world.player("Pia"), await world.player("Rob")
        at = f"/q/{await world.question(owner, **WAYS)}"
        for client, day, points in ((pia, "20 March", "20"), (rob, "28 March", "10")):
            assert (await client.post(f"{at}/guess", data={"guess": day})).status_code == 303
            assert (await client.post(f"{at}/forecast", data={**CURVE, "by10": "16 March", "by50": day, "points": points})).status_code == 303
            slot = "15–31 March 2027" if client is pia else "May"
            assert (await client.post(f"{at}/stake", data={"slot": slot, "points": points})).status_code == 303
        world.clock.pass_(days=10)
        assert (await owner.post(f"{at}/rule", data={"outcome": "21 March 2027", "evidence": "Seen."})).status_code == 303
        page = (await rob.get(at)).text
        assert re.search(r'◆ 1</th><td class="name">Pia</td><td>20 March 2027</td><td>1 day</td><td>20</td>', page)
        assert "15–31 March 2027 ★ won" in page
        assert re.search(r"Rob ● you</th><td>0\.\d{4}</td>", page)
        assert "everybody’s, averaged by logarithms" in page
        assert 'action="/q/' not in page.split('class="timeline"')[0], "nothing can be entered any more"

    play(story)


def test_near_misses_and_news_are_noted_by_anybody_with_evidence(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"/q/{await world.question(owner)}"
        typed = {"kind": "news", "text": "The part <i>is</i> here.", "when": "today", "evidence": "https://example.org/part"}
        refused = await pia.post(f"{at}/note", data={**typed, "evidence": " "})
        assert said(refused.text).startswith("The evidence must not be empty.")
        assert form_of(refused, f"{at}/note")["kind"] == "news"
        assert form_of(refused, f"{at}/note")["text"] == typed["text"]
        noted = await followed(pia, await pia.post(f"{at}/note", data=typed))
        assert "The part &lt;i&gt;is&lt;/i&gt; here." in noted.text
        assert 'href="https://example.org/part" rel="noopener' in noted.text
        late = await pia.post(f"{at}/note", data={**typed, "when": "tomorrow"})
        assert late.status_code == 409

    play(story)
