"""Tokens: each is good in one crew, for a part of what its holder may do, until its day; each that is not is tried on every route."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from anyday import wire
from anyday.people.accounts import Issued
from anyday.people.tokens import RIGHTS
from anyday.web import app
from anyday.web.app import ROUTES, App
from anyday.web.surface import Form, Route, Who
from tests.web.conftest import World

#: What a right is good for, said a second way: by what each route does, not by its method.
PLAYS = {
    ("POST", f"{at}/{what}")
    for at, words in (
        ("/api/v1/questions/{id}", ("bets", "sell", "stakes", "guesses", "forecast", "notes", "collect", "comments", "thanks")),
        ("/api/v1/questions/{id}", ("sealed", "sealed/withdraw")), ("/q/{id}", ("sealed", "sealed/withdraw")),
        ("/q/{id}", ("bet", "sell", "stake", "guess", "forecast", "note", "collect", "comment", "thank")),
    )
    for what in words
}
QUOTES = {("POST", "/api/v1/questions/{id}/quote")}


def needed(route: Route) -> str:
    key = (route.method, route.path)
    if key in PLAYS:
        return "play"
    return "read" if (route.method == "GET" and route.who is not Who.OWNER) or key in QUOTES else "manage"


async def issue(world: World, name: str, **given: Any) -> str:
    issued = await world.people.new_token(world.people.player_of(name) or "", "script", **given)
    assert isinstance(issued, Issued), issued
    return issued.secret


async def ask(client: httpx.AsyncClient, route: Route, base: str = "") -> httpx.Response:
    path = base + re.sub(r"\{[^}]+\}", "x" * 16, route.path)
    kind: dict[str, Any] = {"data": {}} if route.input is Form else {"json": {}} if route.input else {}
    return await client.request(route.method, path, **kind)


def only_the_door(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same table with handlers that do nothing: what is tried is the door alone, not the rules behind it."""

    async def reached(*_: object) -> wire.Done:
        return wire.Done("reached")

    served = App(world.service, tuple(dataclasses.replace(route, handler=reached) for route in ROUTES))
    world.app.starlette, world.app.house = served.starlette, served.house
    monkeypatch.setattr(app, "_HOT", {key: dataclasses.replace(route, handler=reached) for key, route in app._HOT.items()})


def test_every_route_declares_the_right_that_a_token_needs_there() -> None:
    assert [(r.method, r.path, r.right) for r in ROUTES if r.right != needed(r)] == []
    assert {r.right for r in ROUTES} == set(RIGHTS)


@pytest.mark.parametrize("open_to_read", [False, True])
def test_a_token_that_is_not_good_here_is_turned_away_on_every_route(
    open_to_read: bool, play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> dict[str, int]:
        await world.owner("Olga")
        expired = await issue(world, "Olga", days=1)
        world.clock.pass_(days=1)
        revoked = await issue(world, "Olga")
        await world.people.revoke(world.people.player_of("Olga") or "", world.people.tokens(world.people.player_of("Olga") or "")[0].id)
        bad = {"expired": world.program(expired), "revoked": world.program(revoked), "made up": world.program("anyday_" + "x" * 43)}
        good = {rights: world.program(await issue(world, "Olga", rights=rights)) for rights in RIGHTS}
        only_the_door(world, monkeypatch)
        reached = dict.fromkeys([*bad, *good], 0)
        for route in ROUTES:
            for name, client in bad.items():
                answer = await ask(client, route)
                assert answer.status_code == 401, (route.method, route.path, name, answer.status_code)
                assert "reached" not in answer.text
            for rights, client in good.items():
                answer = await ask(client, route)
                enough = list(RIGHTS).index(rights) >= list(RIGHTS).index(needed(route)) and route.who is not Who.HOLDER
                let_in = route.who is Who.ANYONE or enough
                assert (answer.status_code in (200, 400)) == let_in, (route.method, route.path, rights, answer.status_code)
                assert let_in or answer.status_code == 403
                reached[rights] += let_in
        return reached

    reached = play(story, open_to_read=open_to_read)
    assert 0 < reached["read"] < reached["play"] < reached["manage"] < len(ROUTES), "control: each right opens more, and none everything"
    assert not any(count for name, count in reached.items() if name not in RIGHTS)


@pytest.mark.parametrize("open_to_read", [False, True])
def test_in_every_other_crew_whoever_holds_a_token_is_a_stranger_on_every_route(
    open_to_read: bool, play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> int:
        owner = await world.owner("Olga")
        other = (await owner.post("/api/v1/crews", json={"name": "The Choir", "zone": "UTC"})).json()["id"]
        here, there, gone = [world.program(await issue(world, "Olga", crew=crew)) for crew in ("crew", other, "k3otherone")]
        stranger = world.program()
        only_the_door(world, monkeypatch)
        tried = 0
        for route in ROUTES:
            for client, base in ((here, f"/c/{other}"), (there, "/c/crew"), (here, "/c/k3otherone"), (gone, ""), (gone, "/c/crew")):
                answer = await ask(client, route, base)
                if route.who is Who.ANYONE:
                    assert answer.status_code == (await ask(stranger, route, base)).status_code
                    continue
                assert answer.status_code == (403 if route.who is Who.HOLDER else 404), (route.method, route.path, base, answer.status_code)
                assert "reached" not in answer.text
                assert "The Choir" not in answer.text or client is there, "nothing tells of the other crew"
                assert "The Lift" not in answer.text or client is here
                tried += 1
            for client, base in ((here, "/c/crew"), (there, f"/c/{other}"), (there, "")):
                answer = await ask(client, route, base)
                assert (answer.status_code in (200, 400)) == (route.who is not Who.HOLDER), "control: at home it is good"
        return tried

    assert play(story, open_to_read=open_to_read) > 300


def test_a_refusal_for_a_right_says_which_one_to_ask_for(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        question = await world.question(owner)
        program = world.program(await issue(world, "Olga", rights="read"))
        bet = f"/api/v1/questions/{question}/bets"
        before = world.record()
        refused = (await program.post(bet, json={"window": "April", "points": 5})).json()
        assert (refused["type"], refused["status"]) == ("token_for_less", 403)
        assert refused["next_step"] == "Make one on your page whose right is “play”."
        assert world.record() == before
        assert (await program.get("/api/v1/me")).json()["name"] == "Olga"
        await world.player("Pia")
        player = world.program(await issue(world, "Pia", rights="play"))
        assert (await player.post(bet, json={"window": "April", "points": 5})).status_code == 200
        assert (await player.post(f"/api/v1/questions/{question}/close")).json()["type"] == "token_for_less"
        manager = world.program(await issue(world, "Olga", rights="manage"))
        assert (await manager.post(f"/api/v1/questions/{question}/close")).status_code == 200
        assert (await manager.post("/api/v1/tokens", json={"name": "child"})).json()["type"] == "not_allowed", "a token makes no tokens"

    play(story)


def test_a_token_is_made_for_what_was_asked_and_is_listed_without_its_secret(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        made = (await owner.post("/api/v1/tokens", json={"name": "screen", "rights": "read", "days": 3})).json()
        (listed,) = (await owner.get("/api/v1/tokens")).json()
        assert (listed["name"], listed["crew"], listed["rights"]) == ("screen", "crew", "read")
        assert made["secret"] not in str(listed)
        page = await owner.post("/me/token", data={"name": "phone", "rights": "play"})
        secret = re.search(r"anyday_[\w-]{43}", page.text)
        assert secret is not None and secret.group() not in (await owner.get("/me")).text, "it is shown once"
        assert (await world.program(secret.group()).get("/api/v1/me")).status_code == 200
        for rights in ("", "all", "READ", "manage ", "read,play"):
            assert (await owner.post("/api/v1/tokens", json={"name": "x", "rights": rights})).json()["type"] == "malformed"

    play(story)


def test_a_new_password_ends_every_session_and_every_token(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner, pia = await world.owner("Olga"), await world.player("Pia")
        phone = world.browser()
        assert (await phone.post("/sign-in", data={"name": "Olga", "password": "correct horse battery"})).status_code == 303
        tokens = [world.program(await issue(world, name)) for name in ("Olga", "Pia")]
        assert (await owner.post("/me/password", data={"old": "wrong", "new": "another password"})).status_code == 401
        assert (await phone.get("/api/v1/me")).status_code == 200, "control: a refused change ends nothing"
        assert (await owner.post("/me/password", data={"old": "correct horse battery", "new": "another password"})).status_code == 303
        assert [(await client.get("/api/v1/me")).status_code for client in (phone, tokens[0])] == [401, 401]
        assert [(await client.get("/api/v1/me")).status_code for client in (owner, pia, tokens[1])] == [200, 200, 200]

    play(story)
