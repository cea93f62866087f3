"""The crew's own word on who may read it and on what its pages show of prices and positions; each page says what can be read off it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from anyday.service import CREW
from anyday.web.app import ROUTES
from anyday.web.surface import Who
from tests.web.conftest import World


async def settings(owner: Any, **changed: str) -> None:
    answer = await owner.post("/api/v1/crew/settings", json=changed)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("open_to_read", [False, True])
def test_a_crew_says_itself_who_may_read_it_and_else_its_server_does(open_to_read: bool, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, stranger = await world.owner("Olga"), world.browser()
        question = await world.question(olga)
        routes = [route.path.replace("{id}", question) for route in ROUTES if route.who is Who.READER and route.method == "GET"]
        read = [path for path in routes if not path.endswith("/live") and "{" not in path and "quote" not in path and "tallies/" not in path]
        assert len(read) > 10

        async def readable() -> set[bool]:
            found = set()
            for base in ("", f"/c/{CREW}"):
                found |= {(await stranger.get(base + path)).status_code == 200 for path in read}
            return found

        assert await readable() == {open_to_read}
        await settings(olga, readers="everybody")
        assert await readable() == {True}
        await settings(olga, readers="members")
        assert await readable() == {False}
        await settings(olga, readers="server")
        assert await readable() == {open_to_read}

    play(story, open_to_read=open_to_read)


def test_whoever_watches_is_sent_away_once_only_members_read(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyday.web.live.HEARTBEAT", 0.05)

    async def story(world: World) -> None:
        olga = await world.owner("Olga")
        question = await world.question(olga)
        await settings(olga, readers="everybody")
        watching = asyncio.ensure_future(world.browser().get(f"/api/v1/questions/{question}/live"))
        await asyncio.sleep(0.3)
        assert not watching.done()
        await settings(olga, readers="members")
        assert (await asyncio.wait_for(watching, 10)).status_code == 200, "it ends"

    play(story)


def test_the_page_says_what_its_curve_tells_and_that_asking_for_a_price_tells_it(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, alice, bob = await world.owner("Olga"), await world.player("Alice"), await world.player("Bob")
        question = await world.question(olga, resolver="Olga", origin="1 April 2027")
        at = f"/api/v1/questions/{question}"
        for client in (alice, bob):
            assert (await client.post(f"{at}/bets", json={"window": "April", "shares": "12.34"})).status_code == 200
        assert "size of a bet can be read off the curve" in (await bob.get(f"/q/{question}")).text
        assert (await bob.get(f"/q/{question}")).text.count("12.34") >= 2
        for prices, said in (("rounded", "in whole per cents"), ("hourly", "as it stood on"), ("daily", "as it stood on")):
            await settings(olga, prices=prices)
            page = (await bob.get(f"/q/{question}")).text
            assert said in page and "Asking for a price tells the price" in page and f'data-prices="{prices}"' in page
            assert "only players may ask" in (await olga.get("/crew")).text
            view, bets = (await bob.get(at)).json(), (await bob.get(f"{at}/bets")).json()
            assert view["prices"] == prices and (view["prices_as_of"] is None) == (prices == "rounded")
            assert [bet["shares"] for bet in bets if not bet["mine"]] == ([None] if prices == "rounded" else [])
            assert [bet["shares"] for bet in bets if bet["mine"]] == ["12.34"]
            assert [bet["by"] for bet in bets] == [None] * len(bets)
        await settings(olga, prices="full", positions="members")
        page = (await bob.get(f"/q/{question}")).text
        assert page.count("<td>Alice</td>") == 1 and "Who holds what" in page
        assert "Alice" not in (await world.browser().get(f"/q/{question}")).text

    play(story)
