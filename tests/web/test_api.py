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
    return {Who.READER: True, Who.ACCOUNT: True, Who.MEMBER: True, Who.HOLDER: "token" not in actor, Who.OWNER: "owner" in actor}[who]


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


# ---- the other ways to play --------------------------------------------------------------------------------------------------------

#: A question that is played in every way, over weeks that have not begun.
PLAYED: dict[str, Any] = {
    "origin": "1 April 2027", "horizon": "1 June 2027", "tote": {"slots": "month", "takeout": "5%"},
    "closest": {"stake": "5", "prize": "three"}, "forecast": True,
}  # fmt: skip
HALF: dict[str, Any] = {"quantiles": [{"by": "30 April 2027", "chance": "60%"}], "never": "10%"}


def test_one_question_is_played_in_four_ways_sealed_ruled_and_paid(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        pia, rob = await world.player("Pia"), await world.player("Rob")
        at = f"{Q}/{await world.question(owner, **PLAYED)}"
        assert (await pia.post(f"{at}/bets", json={"window": "April", "points": 5})).status_code == 200
        staked = (await pia.post(f"{at}/stakes", json={"slot": "April", "points": "12.5"})).json()
        assert staked["said"] == "You staked 12.50 points on 1–30 April 2027."
        assert (await rob.post(f"{at}/stakes", json={"slot": "never", "points": 10})).status_code == 200
        before = (await rob.get(at)).json()
        for guess in ("10 April 2027", "12 April 2027"):
            assert (await pia.post(f"{at}/guesses", json={"guess": guess})).status_code == 200
        stated = (await pia.post(f"{at}/forecast", json={"curve": HALF, "points": 10})).json()
        assert "Nobody else sees it before the ruling" in stated["said"]
        table = [{"by": "12 April 2027", "chance": "0"}, {"by": "13 April 2027", "chance": "100%"}]
        assert (await pia.post(f"{at}/forecast", json={"curve": {"table": table, "never": "0%"}})).status_code == 200
        assert (await rob.get(at)).json() == before, "nothing of what is sealed is seen by anybody else"

        view = (await pia.get(at)).json()
        assert view["plays"] == ["market", "tote", "closest", "forecast"]
        assert [slot["mine"] for slot in view["tote"]["slots"]] == ["12.5", "0", "0"]
        assert [slot["dividend"] for slot in view["tote"]["slots"]] == ["1.710", None, "2.137"]
        assert [pin["window"] for pin in view["closest"]["pins"]] == ["12 April 2027"], "the second guess has replaced the first"
        assert (view["closest"]["guesses"], view["forecast"]["stake"], view["forecast"]["curves"]) == (None, "10", 2)
        assert view["forecast"]["mine"]["never"] == 0

        family = {"family": {"family": "Lognormal", "half": "15 April 2027", "most": "20 May 2027"}}
        assert (await rob.post(f"{at}/forecast", json={"curve": family, "points": "10"})).status_code == 200
        assert (await rob.post(f"{at}/guesses", json={"guess": "never"})).status_code == 200
        world.clock.pass_(days=29, hours=12)
        pins = (await rob.get(at)).json()["closest"]
        assert (len(pins["pins"]), pins["guesses"], pins["pool"]) == (2, 2, "10")
        assert all(pin["name"] is None for pin in pins["pins"])
        assert (await rob.post(f"{at}/notes", json={
            "kind": "near_miss", "text": "It went up one floor", "when": "11 April 2027", "evidence": "The caretaker",
        })).status_code == 200  # fmt: skip
        totals = (await owner.post(f"{at}/ruling/preview", json={"outcome": "11 April 2027"})).json()
        assert totals["sealed"] == ["forecast"]
        assert (await owner.post(f"{at}/ruling", json={"outcome": "11 April 2027", "evidence": "The log"})).status_code == 200
        ruled = (await pia.get(at)).json()
        assert (ruled["tote"]["won"], ruled["closest"]["won"]) == ("21.375", "10")
        scores = {row["name"]: row["score"] for row in ruled["forecast"]["rows"]}
        assert list(scores) == ["Pia", "Rob"]
        assert scores["Pia"] > scores["Rob"]
        assert ruled["forecast"]["linear"] is not None
        assert any("It went up one floor" in line["said"] for line in ruled["timeline"])

    play(story)


def test_an_entry_that_is_sent_again_happens_once(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"{Q}/{await world.question(owner, **{**PLAYED, 'closest': {'stake': 5, 'many': True}})}"
        note = {"kind": "news", "text": "A mechanic came", "when": "14 March 2027", "evidence": "Seen"}
        entries = {"stakes": {"slot": "May", "points": 3}, "guesses": {"guess": "2 May 2027"}, "forecast": _curve(), "notes": note}
        for place, body in entries.items():
            first = await pia.post(f"{at}/{place}", json={**body, "command_id": f"pia-{place}"})
            assert first.status_code == 200, first.text
            before = world.record()
            again = await pia.post(f"{at}/{place}", json=body, headers={"idempotency-key": f"pia-{place}"})
            assert again.json() == first.json()
            assert world.record() == before
        assert told(await pia.post(f"{at}/guesses", json={"guess": "3 May 2027", "command_id": "pia-guesses"})) == "command_reused"
        assert told(await pia.post(f"{at}/stakes", json={"guess": "3 May 2027"})) == "malformed"

    play(story)


def test_a_question_without_a_market_takes_no_bets_and_shows_no_curve_before_it_may(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        plain = {**PLAYED, "market": False, "subsidy": 0, "tote": None}
        question = await world.question(owner, **plain)
        at = f"{Q}/{question}"
        assert (await pia.post(f"{at}/guesses", json={"guess": "2 May 2027"})).status_code == 200
        view = (await pia.get(at)).json()
        assert (view["curve"], view["subsidy_from"], view["liquidity"], view["plays"]) == (None, None, None, ["closest", "forecast"])
        assert told(await pia.get(f"{at}/curve")) == "no_curve_yet"
        assert (await pia.get(f"{at}/history")).json() == []
        assert (await pia.get(f"{at}/bets")).json() == []
        bet = {"window": "May", "points": 1}
        for place, body in {"bets": bet, "quote": bet, "sell": {"window": "May"}, "collect": {}}.items():
            assert told(await pia.post(f"{at}/{place}", json=body)) == "not_played", place
        refused = (await pia.post(f"{at}/stakes", json={"slot": "May", "points": 1})).json()
        assert refused["type"] == "not_played"
        assert (refused["title"], refused["next_step"]) == ("This question is not played as a tote.", "It is played as a closest guess, a forecast.")
        (card,) = (await pia.get(Q)).json()
        assert (card["spark"], card["plays"]) == ([], ["closest", "forecast"])
        world.clock.pass_(days=20)
        refused = (await pia.get(f"{at}/curve")).json()
        assert refused["facts"]["why"] == "1 guess; the middle one 2 May 2027. Forecasts are sealed until the ruling."

    play(story)


def test_an_opening_curve_rests_on_past_cases_and_says_on_how_many(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        cases = [{"days": "12.5"}, {"days": "30"}, {"days": "41.000001"}, {"days": "200", "happened": False}]
        view = (await owner.get(f"{Q}/{await world.question(owner, opening={'cases': cases, 'elapsed_days': '10'})}")).json()
        assert view["cases"] == 3, "those that are over"
        stated = (await owner.get(f"{Q}/{await world.question(owner, opening={'cases': cases, 'never': '5%'})}")).json()
        assert stated["curve"]["never"] == pytest.approx(50_000, abs=2)
        assert stated["curve"]["never"] < view["curve"]["never"], "control: what the cases leave is more"
        before = world.record()
        bad = {
            "bad_opening": [
                {"cases": [{"days": "x"}]}, {"cases": [{"days": "NaN"}]}, {"cases": [{"days": "1e9"}]}, {"cases": [{"days": "-1"}]},
                {"cases": [{"days": "0"}, {"days": "1"}, {"days": "2"}]}, {"cases": [{"days": "5"}]}, {"cases": [{"days": "999999"}] * 3},
                {"cases": cases, "elapsed_days": "a while"}, {"cases": cases, "elapsed_days": "999999"},
                {"cases": cases, "quantiles": [{"by": "May", "chance": "50%"}]}, {"cases": cases, "tally": True}, {"tally": True},
            ],
            "not_a_chance": [{"cases": cases, "never": "100%"}, {"cases": cases, "never": "0%"}],
            "malformed": [{"cases": [{"days": 5}]}, {"cases": [{"days": "5", "weight": 2}]}],
        }  # fmt: skip
        for code, openings in bad.items():
            for opening in openings:
                assert told(await owner.post(Q, json={**ASK, "opening": opening})) == code, opening
        assert world.record() == before

    play(story)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tote": {"slots": "fortnight"}}, "bad_play"),
        ({"tote": {"slots": ["1 May 2027", "1 April 2027"]}}, "bad_play"),
        ({"tote": {"slots": ["1 May 2027 12:00"]}}, "bad_play"),
        ({"tote": {"slots": ["31 April 2027"]}}, "no_such_date"),
        ({"tote": {"takeout": "51%"}}, "bad_play"),
        ({"tote": {"takeout": "-1%"}}, "bad_play"),
        ({"tote": {"takeout": "NaN"}}, "bad_play"),
        ({"tote": {"takeout": 5}}, "malformed"),
        ({"closest": {"stake": 0}}, "not_positive"),
        ({"closest": {"stake": "9007199255"}}, "amount_too_large"),
        ({"closest": {"stake": 1, "variant": "loudest"}}, "bad_play"),
        ({"closest": {"stake": 1, "prize": "everybody"}}, "bad_play"),
        ({"closest": {}}, "malformed"),
        ({"forecast": True, "grain": "minute", "horizon": "9 April 2027"}, "bad_play"),
        ({"forecast": True, "origin": "14 March 2027"}, "bad_play"),
        ({"market": False}, "bad_play"),
        ({"market": False, "subsidy": 0}, "bad_play"),
        ({"tally": "nothing"}, "not_found"),
    ],
)
def test_ways_to_play_that_do_not_work_are_refused_and_nothing_is_asked(changes: dict[str, Any], code: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        before = world.record()
        body = {**ASK, "origin": "1 April 2027", **changes}
        assert told(await owner.post(Q, json=body)) == code
        assert world.record() == before

    play(story)


def _curve(**changes: Any) -> dict[str, Any]:
    return {"curve": {**HALF, **changes}, "points": 5}


def _table(*chances: str, never: str = "10%") -> dict[str, Any]:
    days = [{"by": f"{day} April 2027", "chance": chance} for day, chance in enumerate(chances, 1)]
    return {"curve": {"table": days, "never": never}, "points": 5}


HOSTILE: dict[str, list[tuple[dict[str, Any], str]]] = {
    "stakes": [
        ({"slot": "April", "points": 0}, "not_positive"),
        ({"slot": "April", "points": -1}, "not_positive"),
        ({"slot": "April", "points": "NaN"}, "not_an_amount"),
        ({"slot": "April", "points": "1e3"}, "not_an_amount"),
        ({"slot": "April", "points": 2**53 + 1}, "not_an_amount"),
        ({"slot": "April", "points": "9007199255"}, "amount_too_large"),
        ({"slot": "April", "points": "100000"}, "not_enough"),
        ({"slot": "April", "points": 0.5}, "malformed"),
        ({"slot": "April", "points": True}, "malformed"),
        ({"slot": "31 April 2027", "points": 1}, "no_such_date"),
        ({"slot": "2 April 2027", "points": 1}, "not_a_slot"),
        ({"slot": "not April", "points": 1}, "not_a_slot"),
        ({"slot": "March 2027", "points": 1}, "out_of_span"),
        ({"slot": "", "points": 1}, "not_a_window"),
        ({"slot": "x" * 10_000, "points": 1}, "not_a_window"),
    ],
    "guesses": [
        ({"guess": "April 2027"}, "not_one_grain"),
        ({"guess": "not 3 April 2027"}, "not_one_grain"),
        ({"guess": "31 April 2027"}, "no_such_date"),
        ({"guess": "2027-04-03 10:00"}, "off_the_grain"),
        ({"guess": "31 March 2027"}, "out_of_span"),
        ({"guess": "1 June 2027"}, "out_of_span"),
        ({"guess": "soon"}, "not_a_window"),
        ({"guess": "3 April 2027", "points": 1}, "malformed"),
    ],
    "forecast": [
        ({"curve": HALF}, "not_positive"),
        ({"curve": HALF, "points": 0}, "not_positive"),
        ({"curve": HALF, "points": "Infinity"}, "not_an_amount"),
        ({"curve": {}, "points": 5}, "not_a_curve"),
        (_curve(table=[{"by": "May", "chance": "90%"}]), "not_a_curve"),
        (_curve(never=None), "not_a_curve"),
        (_curve(never="-0.1"), "not_a_curve"),
        (_curve(never="NaN"), "not_a_curve"),
        (_curve(never="41%"), "not_a_curve"),
        (_curve(quantiles=[{"by": "31 April 2027", "chance": "50%"}]), "no_such_date"),
        (_curve(quantiles=[{"by": "March 2027", "chance": "50%"}]), "not_a_curve"),
        (_curve(quantiles=[{"by": "2027-04-03 10:00", "chance": "50%"}]), "off_the_grain"),
        (_curve(quantiles=[{"by": "May", "chance": "40%"}, {"by": "April", "chance": "50%"}]), "not_a_curve"),
        ({"curve": {"family": {"family": "cauchy", "half": "May", "most": "May"}}, "points": 5}, "not_a_curve"),
        ({"curve": {"family": {"family": "gamma", "half": "May", "most": "April"}}, "points": 5}, "not_a_curve"),
        (_table("45%", "45.00001%"), "not_a_curve"),
        (_table("-10%", "100%"), "not_a_curve"),
        (_table("1e1%", "80%"), "not_a_curve"),
        (_table("0.4500001", "0.4499999"), "not_a_curve"),
    ],
    "notes": [
        ({"kind": "gossip", "text": "x", "when": "14 March 2027", "evidence": "x"}, "malformed"),
        ({"kind": "news", "text": " ", "when": "14 March 2027", "evidence": "x"}, "text_missing"),
        ({"kind": "news", "text": "x", "when": "14 March 2027", "evidence": ""}, "text_missing"),
        ({"kind": "news", "text": "x" * 4_001, "when": "14 March 2027", "evidence": "x"}, "text_too_long"),
        ({"kind": "news", "text": "x", "when": "31 April 2027", "evidence": "x"}, "no_such_date"),
        ({"kind": "news", "text": "x", "when": "1 May 2027", "evidence": "x"}, "not_yet"),
        ({"kind": "news", "text": "x", "when": "never", "evidence": "x"}, "not_a_time"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("place", HOSTILE)
def test_an_entry_that_cannot_be_is_refused_with_its_reason_and_leaves_no_trace(place: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"{Q}/{await world.question(owner, **PLAYED)}"
        before = world.rows()
        for body, code in HOSTILE[place]:
            assert told(await pia.post(f"{at}/{place}", json=body)) == code, str(body)[:200]
        assert world.rows() == before
        assert told(await owner.post(f"{at}/{place}", json=HOSTILE[place][0][0])) != "broken"
        assert told(await pia.post(f"{Q}/nothing/{place}", json={
            "stakes": {"slot": "April", "points": 1}, "guesses": {"guess": "3 April 2027"}, "forecast": _curve(),
            "notes": {"kind": "news", "text": "x", "when": "14 March 2027", "evidence": "x"},
        }[place])) == "not_found"  # fmt: skip

    play(story)


def test_the_sum_of_a_curve_that_is_off_is_said_and_a_million_pieces_are_turned_away(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        at = f"{Q}/{await world.question(owner, **PLAYED)}/forecast"
        assert "its chances make 100.00001 %, not 100 %" in (await pia.post(at, json=_table("45%", "45.00001%"))).json()["title"]
        assert "all of them make 100 %" in (await pia.post(at, json=_table("-10%", "100%"))).json()["title"]
        many = {"curve": {"table": [{"by": "May", "chance": "0"}] * 1_001, "never": "1"}, "points": 5}
        assert "1,001 pieces, more than 1,000" in (await pia.post(at, json=many)).json()["title"]
        whole = b'{"curve":{"never":"1","table":[' + b'{"by":"May","chance":"0"},' * 1_000_000 + b'{"by":"May","chance":"0"}]},"points":5}'
        assert told(await pia.post(at, content=whole, headers={"content-type": "application/json"})) == "too_large"
        assert (await pia.post(at, json=_table("45%", "45%"))).status_code == 200, "control: the same without what is off is taken"

    play(story)


def test_entries_close_together_and_only_revisions_go_on(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia, rob = await world.player("Pia"), await world.player("Rob")
        at = f"{Q}/{await world.question(owner, **PLAYED, lead_minutes=60)}"
        assert (await pia.post(f"{at}/forecast", json=_curve())).status_code == 200
        world.clock.at = 1_806_537_600_000_000 - 3_600_000_000 - 1  # an hour and a microsecond before 1 April 2027, UTC
        assert (await rob.post(f"{at}/stakes", json={"slot": "April", "points": 1})).status_code == 200
        world.clock.at += 1
        closed = "Entries closed on 31 March 2027, 23:00"
        for place, body in {"stakes": {"slot": "May", "points": 1}, "guesses": {"guess": "3 May 2027"}, "forecast": _curve()}.items():
            answer = await rob.post(f"{at}/{place}", json=body)
            assert told(answer) == "entries_closed", place
            assert closed in answer.json()["title"]
        assert told(await pia.post(f"{at}/forecast", json=_curve())) == "stake_stays"
        assert (await pia.post(f"{at}/forecast", json={"curve": HALF})).status_code == 200
        assert told(await owner.post(f"{at}/stakes", json={"slot": "May", "points": 1})) == "barred"

    play(story)
