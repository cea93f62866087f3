"""A market's bell through the API and on the page without script: sealed, changed, withdrawn, rung, told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx

from tests.web.conftest import ASK, World, said

BELL: dict[str, Any] = {"origin": "1 April 2027", "bell": "20 March 2027 12:00"}


async def scene(world: World) -> tuple[httpx.AsyncClient, httpx.AsyncClient, httpx.AsyncClient, str]:
    olga = await world.owner("Olga")
    alice, bob = await world.player("Alice"), await world.player("Bob")
    return olga, alice, bob, await world.question(olga, **BELL)


def slip(page: str) -> str:
    """The slip as text."""
    found = re.search(r'<section class="slip".*?</section>', page, re.S)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found.group(0)).split())


def test_a_bet_is_sealed_changed_and_withdrawn_through_the_api_and_filled_at_the_bell(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, alice, bob, question = await scene(world)
        at = f"/api/v1/questions/{question}"
        sealed = (await alice.post(f"{at}/sealed", json={"window": "May", "points": "20", "limit": "60%"})).json()
        assert (sealed["stream"].split("/")[0], "Nobody else sees it before the bell" in sealed["said"]) == ("hidden", True)
        body = {"window": "May", "shares": "30", "limit": "0.6", "replaces": 1}
        assert (await alice.post(f"{at}/sealed", json=body)).status_code == 200
        assert (await alice.post(f"{at}/sealed", json={"window": "never", "points": 5, "limit": "1%"})).status_code == 200
        view = (await alice.get(at)).json()
        assert view["bell"] == {
            "at": "2027-03-20T12:00:00Z", "said": "20 March 2027, 12:00", "open": True, "rung": False, "mine": [
                {"number": 2, "window": "from 1 May 2027 on", "limit": 600_000, "set_aside": "18", "points": None, "shares": "30"},
                {"number": 3, "window": "never by 1 June 2027", "limit": 10_000, "set_aside": "5", "points": "5", "shares": None},
            ],
        }  # fmt: skip
        assert (await alice.get("/api/v1/me")).json()["positions"][0]["entered"] == [
            "18 points set aside for a sealed bet on from 1 May 2027 on, at up to 60 %",
            "5 points set aside for a sealed bet on never by 1 June 2027, at up to 1.0 %",
        ]
        for other in (olga, bob):
            seen = (await other.get(at)).json()
            assert (seen["bell"]["mine"], seen["bets"], seen["players"], seen["version"]) == ([], 0, 0, 1)
        assert (await bob.post(f"{at}/sealed/withdraw", json={"number": 2})).json()["type"] == "not_found", "one's own alone"
        refused = {
            "sealed_until": ("bets", {"window": "May", "points": "5"}), "one_size": ("sealed", {"window": "May", "limit": "50%"}),
            "not_a_chance": ("sealed", {"window": "May", "points": "5", "limit": "100%"}),
            "not_found": ("sealed", {"window": "May", "points": "5", "limit": "50%", "replaces": -1}),
        }  # fmt: skip
        for reason, (what, tried) in refused.items():
            assert (await bob.post(f"{at}/{what}", json=tried)).json()["type"] == reason
        assert (await bob.post(f"{at}/quote", json={"window": "May", "points": "5"})).json()["type"] == "sealed_until"
        assert (await alice.post(f"{at}/sealed/withdraw", json={"number": 3})).json()["said"] == "Your sealed bet is withdrawn; 5 points are back."
        assert (await bob.post(f"{at}/sealed", json={"window": "May", "points": "20", "limit": "2%"})).status_code == 200

        world.clock.pass_(days=6, hours=12)
        assert (await bob.post(f"{at}/bets", json={"window": "April", "points": "5"})).status_code == 200
        assert (await bob.post(f"{at}/sealed", json={"window": "May", "points": "5", "limit": "50%"})).json()["type"] == "bell_rung"
        view = (await alice.get(at)).json()
        assert (view["bell"]["open"], view["bell"]["rung"], view["bell"]["mine"], view["bets"]) == (False, True, [], 2)
        (own,) = [bet for bet in (await alice.get(f"{at}/bets")).json() if bet["mine"]]
        assert own["at"] == "2027-03-20T12:00:00Z" and 0 < float(own["charge"]) <= 0.6 * float(own["shares"]) + 1e-6 <= 18.1
        theirs = [(bet["shares"], bet["mine"]) for bet in (await bob.get(f"{at}/bets")).json() if bet["at"] == own["at"]]
        assert sorted(theirs) == [("0", True), (own["shares"], False)], "what stayed out is told to its owner"
        assert [len((await client.get(f"{at}/bets")).json()) for client in (alice, bob, olga)] == [2, 3, 2]
        for client, kinds in ((alice, ["rung"]), (bob, ["rung"]), (olga, [])):
            told = (await client.get("/api/v1/inbox")).json()["notices"]
            assert [notice["kind"] for notice in told if notice["kind"] != "question_opened"] == kinds

    play(story)


def test_without_script_the_slip_seals_until_the_bell_and_bets_after_it(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, alice, bob, question = await scene(world)
        page = f"/q/{question}"
        text = slip((await alice.get(page)).text)
        assert "Until the bell on 20 March 2027, 12:00 bets are sealed: nobody sees them, not even that there are any." in text
        assert "In place of" not in text and "Show the price first" not in text
        sealed = await alice.post(f"{page}/sealed", data={"command_id": "seal-once-1", "window": "May", "points": "20", "limit": "60%"})
        assert (sealed.status_code, sealed.headers["location"]) == (303, f"{page}?done=seal-once-1")
        text = slip((await alice.get(page)).text)
        assert "from 1 May 2027 on: 20 points, at most 60 %. 20 set aside. Withdraw" in text and "In place of none: a further bet" in text
        changed = {"window": "never", "points": "", "shares": "10", "limit": "30%", "replaces": "1"}
        assert (await alice.post(f"{page}/sealed", data=changed)).status_code == 303
        text = slip((await alice.get(page)).text)
        assert "never by 1 June 2027: a payout of 10, at most 30 %. 3 set aside." in text and "20 set aside" not in text
        assert "set aside." not in slip((await bob.get(page)).text) and "Your sealed bets" not in (await bob.get(page)).text
        assert "sealed" not in slip((await olga.get(page)).text).replace("bets are sealed", ""), "the resolver has no form"

        again = await alice.post(f"{page}/sealed", data={"window": "May", "points": "20", "limit": "much"})
        assert (again.status_code, 'value="much"' in again.text, "percentage" in said(again.text)) == (422, True, True)
        for form in ({"number": "x"}, {}, {"number": "7"}):
            assert (await alice.post(f"{page}/sealed/withdraw", data=form)).status_code in (400, 404)
        early = await alice.post(f"{page}/bet", data={"window": "May", "points": "5"})
        assert (early.status_code, "are sealed" in said(early.text)) == (409, True)
        assert (await alice.post(f"{page}/sealed/withdraw", data={"number": "2"})).status_code == 303
        assert "Your sealed bets" not in slip((await alice.get(page)).text)

        for client, limit in ((alice, "90%"), (bob, "2%")):
            assert (await client.post(f"{page}/sealed", data={"window": "May", "points": "20", "limit": limit})).status_code == 303
        world.clock.pass_(days=6, hours=12)
        assert (await alice.post(f"{page}/bet", data={"window": "April", "points": "5"})).status_code == 303
        after = (await alice.get(page)).text
        assert "Points to bet" in slip(after) and "Until the bell" not in after
        assert "The bell rang: of 2 sealed bets 1 was filled" in after and "yours at the bell" in after
        assert "stayed out at the bell" not in after and "yours stayed out at the bell" in (await bob.get(page)).text

    play(story)


def test_in_a_halt_and_after_the_betting_was_stopped_a_sealed_bet_can_still_be_withdrawn(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, alice, _, question = await scene(world)
        page = f"/q/{question}"
        for halted in ("halt", "close"):
            sealed = await alice.post(f"{page}/sealed", data={"window": "May", "points": "20", "limit": "60%"})
            assert sealed.status_code == 303
            assert (await olga.post(f"{page}/{halted}", data={"reason": "Wait"})).status_code == 303
            text = slip((await alice.get(page)).text)
            assert "Seal this bet" not in text and "20 set aside. Withdraw" in text
            number = "1" if halted == "halt" else "3"
            assert (await alice.post(f"{page}/sealed/withdraw", data={"number": number})).status_code == 303
            if halted == "halt":
                assert (await olga.post(f"{page}/resume", data={})).status_code == 303
        assert (await alice.get("/api/v1/me")).json()["balance"] == "1000"

    play(story)


def test_the_form_that_asks_has_a_bell_and_keeps_what_was_typed(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner("Olga")
        assert "Sealed until" in (await olga.get("/ask")).text
        form = {**ASK, "origin": "1 April 2027", "market": "on", "ways": "1", "bell": "2 April 2027"}
        late = await olga.post("/ask", data=form)
        assert (late.status_code, "the bell rings" in said(late.text), 'value="2 April 2027"' in late.text) == (422, True, True)
        asked = await olga.post("/ask", data={**form, "bell": "20 March 2027 12:00"})
        assert asked.status_code == 303
        view = (await olga.get("/api/v1" + asked.headers["location"].partition("?")[0].replace("/q/", "/questions/"))).json()
        assert view["bell"]["at"] == "2027-03-20T12:00:00Z"
        plain = {**form, "market": "", "closest": "on", "guess_stake": "5"}
        assert (await olga.post("/ask", data=plain)).status_code == 303, "a bell is the market's"

    play(story)


def test_a_draft_is_no_question_that_was_called_off(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner("Olga")
        alice = await world.player("Alice")
        question = await world.question(olga, subjects=["Alice"])
        for client, waits in ((olga, "It waits for those whom it is about"), (alice, "It is about you")):
            page, board = (await client.get(f"/q/{question}")).text, (await client.get("/")).text
            assert waits in page and "called off, and" not in page + board
            assert (await client.get(f"/api/v1/questions/{question}")).json()["outcome_said"] is None

    play(story)
