"""The JSON API: every route from the one table, who may use it, one shape for every "no", and retries that happen once."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from anyday import wire
from anyday.people.accounts import Issued
from anyday.points import UNITS_A_POINT
from anyday.refusals import Reason, Refusal
from anyday.web import app, openapi, surface
from anyday.web.app import ROUTES, App
from anyday.web.surface import Form, Route, Who, problem
from tests.web.conftest import ASK, HOST, PASSWORD, World

Q = "/api/v1/questions"


def told(answer: httpx.Response) -> str:
    """The code of a refusal, after checking that it has the one shape."""
    shape = msgspec.json.decode(answer.content, type=wire.Problem)
    assert shape.status == answer.status_code
    assert shape.title
    assert shape.next_step
    assert "…" not in shape.title + shape.next_step, f"a sentence lacks a fact: {shape}"
    return shape.type


# ---- a question's life ---------------------------------------------------------------------------------------------------------


def test_a_question_is_asked_bet_on_ruled_and_paid(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        pia, rob = await world.player("Pia"), await world.player("Rob")
        question = await world.question(owner)
        at = f"{Q}/{question}"

        quoted = (await pia.post(f"{at}/quote", json={"window": "April", "points": "5", "ghost": True})).json()
        assert quoted["charge"] == "5"
        assert quoted["ghost"]
        bought = (
            await pia.post(f"{at}/bets", json={"window": "April", "points": "5", "max_cost": "5", "expected_version": quoted["version"]})
        ).json()
        assert (bought["charge"], bought["shares"]) == ("5", quoted["shares"])
        assert bought["version"] == quoted["version"] + 1
        assert re.fullmatch(r"[0-9a-f]{64}", bought["head"])
        assert (await rob.post(f"{at}/bets", json={"window": "never", "target": "40%"})).status_code == 200
        assert (await rob.post(f"{at}/bets", json={"window": "before May", "shares": 3})).status_code == 200

        mine = (await pia.get(f"{at}/bets")).json()
        assert [bet["mine"] for bet in mine] == [False, False, True]
        assert "Pia" not in json.dumps(mine)
        assert "Rob" not in json.dumps(mine)
        view = (await pia.get(at)).json()
        assert view["position"]
        assert view["may_bet"]
        assert not view["may_rule"]
        curve = (await pia.get(f"{at}/curve")).json()
        assert sum(bar["chance"] for bar in curve["bars"]) + curve["never"] == pytest.approx(10**6, abs=len(curve["bars"]) + 1)
        assert (await pia.get(f"{at}/history")).status_code == 200

        sold = (await pia.post(f"{at}/sell", json={"window": "April", "shares": "1"})).json()
        assert sold["shares"] == "-1"
        assert told(await pia.post(f"{at}/ruling", json={"outcome": "never", "evidence": "x"})) == "not_allowed"
        world.clock.pass_(days=29)
        totals = (await owner.post(f"{at}/ruling/preview", json={"outcome": "10 April 2027"})).json()
        assert totals["points_paid"] != "0"
        ruled = await owner.post(
            f"{at}/ruling", json={"outcome": "10 April 2027", "evidence": "The caretaker's log", "expected_version": totals["version"]}
        )
        assert ruled.status_code == 200, ruled.text
        assert (await pia.get(at)).json()["state"] in ("ruled", "settled")
        assert told(await pia.post(f"{at}/bets", json={"window": "May", "points": 1})) == "not_open"
        before = float((await pia.get("/api/v1/me")).json()["balance"])
        corrected = await owner.post(f"{at}/correct", json={"outcome": "11 April 2027", "evidence": "The log again", "reason": "A misread line"})
        assert corrected.status_code == 200, corrected.text
        assert float((await pia.get("/api/v1/me")).json()["balance"]) == before, "both days lie in April"

    play(story)


def test_close_collect_void_and_grant(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        pia = await world.player("Pia")
        question = await world.question(owner)
        at = f"{Q}/{question}"
        balance = (await pia.get("/api/v1/me")).json()["balance"]
        assert told(await pia.post(f"{at}/collect", json={})) == "nothing_to_collect"
        assert (await pia.post(f"{at}/bets", json={"window": "April", "points": 5})).status_code == 200
        assert (await pia.post(f"{at}/bets", json={"window": "not April", "points": 5})).status_code == 200
        assert told(await pia.post(f"{at}/close")) == "not_allowed"
        assert (await owner.post(f"{at}/close")).status_code == 200
        assert (await owner.post(f"{at}/void", json={"reason": "The house was sold"})).status_code == 200
        assert (await pia.get("/api/v1/me")).json()["balance"] == balance
        assert (await owner.post("/api/v1/grants", json={"to": "pia", "points": "2.5", "reason": "Cake"})).status_code == 200
        assert (await pia.get("/api/v1/me")).json()["balance"] == str(float(balance) + 2.5)
        assert (await owner.post("/api/v1/grants", json={"to": "House", "points": 1, "reason": "x"})).status_code == 200
        assert told(await owner.post("/api/v1/grants", json={"to": "Nobody", "points": 1, "reason": "x"})) == "not_found"

    play(story)


def test_another_resolver_by_name_and_an_opening_by_quantiles(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        await world.player("Rita")
        opening = {"never": "5%", "quantiles": [{"by": "1 April 2027", "chance": "0.5"}, {"by": "1 May 2027", "chance": "90%"}]}
        question = await world.question(owner, resolver="rita", opening=opening, lead_minutes=60, source="https://example.org")
        view = (await owner.get(f"{Q}/{question}")).json()
        assert (view["resolver"], view["lead_minutes"]) == ("Rita", 60)
        assert view["curve"]["never"] == pytest.approx(50_000, abs=2)
        assert told(await owner.post(Q, json={**ASK, "resolver": "nobody"})) == "not_found"
        assert told(await owner.post(Q, json={**ASK, "grain": "second"})) == "malformed"
        assert told(await owner.post(Q, json={**ASK, "subsidy_from": "mint"})) == "malformed"
        assert told(await owner.post(Q, json={**ASK, "lead_minutes": -1})) == "malformed"
        assert told(await owner.post(Q, json={**ASK, "opening": {"never": "100%"}})) == "not_a_chance"
        assert told(await owner.post(Q, json={**ASK, "zone": "Mars/Olympus"})) == "not_a_zone"

    play(story)


# ---- retries -------------------------------------------------------------------------------------------------------------------


def test_the_same_id_happens_once_and_another_body_is_refused(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia, rob = await world.player("Pia"), await world.player("Rob")
        at = f"{Q}/{await world.question(owner)}/bets"
        body = {"window": "April", "points": "5", "command_id": "pia-0001"}
        first = await pia.post(at, json=body)
        again = await pia.post(at, json=body)
        by_header = await pia.post(at, json={"window": "April", "points": "5"}, headers={"idempotency-key": "pia-0001"})
        assert first.status_code == 200
        assert first.json() == again.json() == by_header.json()
        assert told(await pia.post(at, json={**body, "points": "6"})) == "command_reused"
        other = await rob.post(at, json=body)
        assert other.json()["version"] == first.json()["version"] + 1, "an id is its player's own"
        fresh = [await pia.post(at, json={"window": "April", "points": "5"}) for _ in range(2)]
        assert fresh[0].json()["version"] + 1 == fresh[1].json()["version"], "control: without an id the same bet is wanted twice"

    play(story)


@pytest.mark.parametrize("bad", ["short", "x" * 65, "has space!", "ünïcödé-id", "", "semi;colon", "new\nline-id"])
def test_a_command_id_that_is_none_is_refused(bad: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        at = f"{Q}/{await world.question(owner)}/close"
        before = world.record()
        assert told(await owner.post(at, json={"command_id": bad})) == "malformed"
        assert told(await owner.post(at, json={"command_id": "right-0001"}, headers={"idempotency-key": "wrong-0001"})) == "malformed"
        assert world.record() == before

    play(story)


# ---- who may -------------------------------------------------------------------------------------------------------------------

ACTORS = ("stranger", "bogus token", "expired token", "simulated link", "player", "player's token", "owner", "owner's token", "local owner")


async def actors(world: World) -> dict[str, httpx.AsyncClient]:
    owner, player = await world.owner("Olga"), await world.player("Pia")
    ids = {name: player_id for player_id, name in world.people.names().items()}

    async def token(name: str, days: int = 9) -> str:
        issued = await world.people.new_token(ids[name], "script", days=days)
        assert isinstance(issued, Issued)
        return issued.secret

    expired = await token("Olga", days=1)
    ada = await world.people.add_player("Ada")
    assert isinstance(ada, str)
    linked = world.browser()
    link = await world.people.link(ada, days=9)
    assert isinstance(link, Issued)
    assert (await linked.get(f"/link/{link.secret}")).status_code == 303
    world.clock.pass_(days=1)
    return {
        "stranger": world.browser(), "bogus token": world.program("anyday_bogus"), "expired token": world.program(expired), "simulated link": linked,
        "player": player, "player's token": world.program(await token("Pia")), "owner": owner, "owner's token": world.program(await token("Olga")),
        "local owner": world.local("Olga"),
    }  # fmt: skip


def allowed(who: Who, actor: str, open_to_read: bool) -> bool:
    """The whole of access control, said a second way."""
    if actor in ("bogus token", "expired token"):
        return False
    if who is Who.ANYONE or (who is Who.READER and open_to_read):
        return True
    if actor == "stranger":
        return False
    return {Who.READER: True, Who.MEMBER: True, Who.HOLDER: "token" not in actor, Who.OWNER: "owner" in actor}[who]


@pytest.mark.parametrize("open_to_read", [False, True])
def test_every_route_lets_in_whom_it_declares_and_nobody_else(open_to_read: bool, play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> int:
        clients = await actors(world)
        turned_away = 0

        async def reached(*_: object) -> wire.Done:
            return wire.Done("reached")

        # the same table with handlers that do nothing: what is tried is the door alone, not the rules behind it
        served = App(world.service, tuple(dataclasses.replace(route, handler=reached) for route in ROUTES))
        world.app.starlette, world.app.house = served.starlette, served.house
        monkeypatch.setattr(app, "_HOT", {key: dataclasses.replace(route, handler=reached) for key, route in app._HOT.items()})
        for route in ROUTES:
            for actor in ACTORS:
                path = re.sub(r"\{[^}]+\}", "x" * 16, route.path)
                kind = {"data": {}} if route.input is Form else {"json": {}} if route.input else {}
                answer = await clients[actor].request(route.method, path, **kind)
                barred = answer.status_code in (401, 403) or answer.headers.get("location", "").startswith("/sign-in?next=")
                assert barred != allowed(route.who, actor, open_to_read), (route.method, route.path, actor, answer.status_code)
                assert barred or answer.status_code in (200, 400), "it was reached, or would have been with a whole body"
                if barred:
                    turned_away += 1
        return turned_away

    assert play(story, open_to_read=open_to_read) > 100, "control: the matrix turns somebody away"


def test_a_route_without_a_rule_cannot_be_made() -> None:
    line = ROUTES[0]
    with pytest.raises(TypeError):
        Route("GET", "/x", line.handler, None, None, summary="no rule")
    with pytest.raises(AssertionError, match="declares who may"):
        dataclasses.replace(line, who="anyone")
    with pytest.raises(AssertionError, match="nothing else is spoken"):
        dataclasses.replace(line, method="PUT")
    with pytest.raises(AssertionError, match="takes no body"):
        dataclasses.replace(line, input=wire.BetIn)


def test_a_route_is_declared_once_and_only_declared_routes_are_served(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        with pytest.raises(AssertionError, match="declared once"):
            App(world.service, (*ROUTES, ROUTES[0]))
        served = {address.path for address in world.app.starlette.routes}
        assert served == {route.path for route in ROUTES}
        assert {route.path for route in app._HOT.values()} <= served

    play(story)


def test_no_field_of_a_reply_can_be_set_by_a_request(play: Callable[..., Any]) -> None:
    """Every field of every reply, put into every request: closed shapes refuse each, and nothing changes."""
    fields = {name for kind in vars(wire).values() if isinstance(kind, type) and issubclass(kind, wire.View) for name in kind.__struct_fields__}
    assert len(fields) > 60

    async def story(world: World) -> None:
        owner = await world.owner()
        question = await world.question(owner)
        before = world.rows()
        tried = 0
        for route in ROUTES:
            if route.input is None or route.input is Form:
                continue
            assert route.input.__struct_config__.forbid_unknown_fields, f"{route.input} is closed"
            for name in sorted(fields - set(route.input.__struct_fields__)):
                answer = await owner.request(route.method, route.path.replace("{id}", question), json={name: "1"})
                assert answer.status_code in (400, 422), (route.path, name, answer.text)
                tried += 1
        assert world.rows() == before
        assert tried > 500

    play(story)


# ---- one shape for every "no" ----------------------------------------------------------------------------------------------------


def test_every_kind_of_no_has_the_one_shape(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        at = f"{Q}/{await world.question(owner)}"
        cases = {
            "unknown_route": await owner.get("/api/v1/nothing"),
            "wrong_method": await owner.delete(Q),
            "not_found": await owner.get(f"{Q}/nothing"),
            "malformed": await owner.post(f"{at}/quote", content=b"{", headers={"content-type": "application/json"}),
            "wrong_type": await owner.post(f"{at}/quote", content=b"window=x", headers={"content-type": "application/x-www-form-urlencoded"}),
            "too_large": await owner.post(f"{at}/quote", content=b" " * 65_537, headers={"content-type": "application/json"}),
            "sign_in": await world.program().get("/api/v1/me"),
            "foreign_origin": await owner.post(f"{at}/close", headers={"origin": "http://evil.example"}),
            "not_a_window": await owner.post(f"{at}/quote", json={"window": "when pigs fly", "points": 1}),
            "one_size": await owner.post(f"{at}/quote", json={"window": "April"}),
        }
        for code, answer in cases.items():
            assert told(answer) == code
        assert cases["wrong_method"].headers["allow"] == "GET, POST"
        assert cases["sign_in"].headers["www-authenticate"] == "Bearer"
        assert cases["too_large"].headers["connection"] == "close"
        assert (await owner.request("OPTIONS", Q)).status_code == 405
        assert (await owner.get("/api/v1/questions/")).status_code == 404, "no redirection adds or takes a slash"

    play(story)


def test_what_breaks_is_logged_and_told_as_a_no(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        at = f"{Q}/{await world.question(owner)}"

        def broken(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(world.service, "quote", broken)
        monkeypatch.setattr(world.service, "members", broken)
        answer = await owner.post(f"{at}/quote", json={"window": "April", "points": 1})
        assert told(answer) == "broken"
        assert answer.status_code == 503
        assert "a bug" not in answer.text
        page = await owner.get("/crew")
        assert (page.status_code, "a bug" in page.text) == (503, False)

    play(story)
    assert "ZeroDivisionError" in caplog.text


def test_a_problem_carries_the_facts_that_its_sentence_names() -> None:
    shape = problem(Refusal(Reason.HAS_STARTED, text="March", grain="day", first="3 April"))
    assert shape.facts == {"text": "March", "grain": "day", "first": "3 April"}
    assert (shape.type, shape.status) == ("has_started", 409)


# ---- people through the API --------------------------------------------------------------------------------------------------------


def test_a_program_signs_in_makes_a_token_and_revokes_it(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        program = world.program()
        assert told(await program.post("/api/v1/sessions", json={"name": "Olga", "password": "guess guess"})) == "wrong_password"
        signed_in = await program.post("/api/v1/sessions", json={"name": "Olga", "password": PASSWORD})
        assert signed_in.json()["name"] == "Olga"
        page = {"origin": f"http://{HOST}"}  # it holds a cookie now, as a browser would
        token = (await program.post("/api/v1/tokens", json={"name": "script"}, headers=page)).json()
        assert token["secret"].startswith("anyday_")
        bearer = world.program(token["secret"])
        assert (await bearer.get("/api/v1/me")).json()["name"] == "Olga"
        assert told(await bearer.post("/api/v1/tokens", json={"name": "another"})) == "not_allowed", "a token makes no tokens"
        (listed,) = (await program.get("/api/v1/tokens")).json()
        assert listed["name"] == "script"
        assert "secret" not in listed
        assert (await program.delete(f"/api/v1/tokens/{listed['id']}", headers=page)).status_code == 200
        assert told(await program.delete(f"/api/v1/tokens/{listed['id']}", headers=page)) == "not_found"
        assert told(await bearer.get("/api/v1/me")) == "sign_in"
        changed = await program.post("/api/v1/me/password", json={"old": PASSWORD, "new": "another password"}, headers=page)
        assert changed.status_code == 200
        assert (await program.get("/api/v1/me")).status_code == 200, "the new session's cookie has taken the old one's place"
        assert (await program.request("DELETE", "/api/v1/sessions", headers=page)).json() == {"said": "You are signed out."}
        assert told(await program.get("/api/v1/me")) == "sign_in"

    play(story)


def test_an_invitation_made_through_the_api_lets_somebody_join_with_points(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        invited = (await owner.post("/api/v1/invitations", json={"uses": 1, "days": 2})).json()
        world.clock.pass_(seconds=1)
        newcomer = world.browser()
        page = await newcomer.get(invited["path"])
        assert "1,000" in page.text
        assert (await newcomer.post(invited["path"], data={"name": "Pia", "password": PASSWORD})).status_code == 303
        assert (await newcomer.get("/api/v1/me")).json()["balance"] == str(world.service.joining_grant // UNITS_A_POINT)
        assert (await world.browser().get(invited["path"])).status_code == 410
        assert [m["name"] for m in (await owner.get("/api/v1/members")).json()] == ["Olga", "Pia"]

    play(story)


def test_whoever_could_not_join_for_want_of_room_joins_at_the_next_sign_in(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        submit = world.service.submit

        async def full(*_: object) -> Refusal:
            return Refusal(Reason.DISK_FULL)

        monkeypatch.setattr(world.service, "submit", full)
        pia = await world.player("Pia")
        assert (await pia.get("/api/v1/me")).json()["role"] == "nobody"
        monkeypatch.setattr(world.service, "submit", submit)
        assert (await pia.post("/api/v1/sessions", json={"name": "Pia", "password": PASSWORD})).status_code == 200
        me = (await pia.get("/api/v1/me")).json()
        assert (me["role"], me["balance"]) == ("player", str(world.service.joining_grant // UNITS_A_POINT))

    play(story)


# ---- OpenAPI -----------------------------------------------------------------------------------------------------------------------


def test_openapi_tells_of_every_route_and_its_references_lead_somewhere(play: Callable[..., Any]) -> None:
    async def story(world: World) -> dict[str, Any]:
        return dict((await world.program().get("/api/v1/openapi.json")).json())

    document = play(story)
    assert document["openapi"].startswith("3.1")
    told_of = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told_of == {(route.method, route.path) for route in ROUTES if route.api}
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= set(schemas)
    assert {"BetIn", "Receipt", "Problem"} <= references
    assert schemas["BetIn"]["additionalProperties"] is False
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for operation, path in ((op, p) for p, methods in document["paths"].items() for op in methods.values()):
        named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path))
        assert ("security" in operation) == (openapi._WHO[Who.ANYONE] != operation["description"])


def test_every_route_has_a_summary_and_a_documented_handler() -> None:
    for route in ROUTES:
        assert route.summary
        assert route.handler.__doc__
        assert route.api or route.input in (None, Form)
    assert surface.LARGEST_BODY == 64 * 1024
