"""Invitations: by a link for whoever holds it, with a new account or the one they have; or to one account, by its name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from anyday.people.accounts import Issued
from anyday.people.invitations import MOST_GUESSES, MOST_INVITATIONS, MOST_NAMES, Place
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from tests.web.conftest import PASSWORD, World, said


async def stranger(world: World, name: str) -> httpx.AsyncClient:
    """Somebody who has an account on the server and is in no crew."""
    added = await world.people.add_player(name, "k3otherone")
    assert isinstance(added, str)
    begun = await world.people.set_password(added, PASSWORD)
    assert not isinstance(begun, Refusal)
    await world.people.seated(added, "k3otherone")
    client = world.browser()
    assert (await client.post("/sign-in", data={"name": name, "password": PASSWORD})).status_code == 303
    assert world.service.role(added) == "nobody"
    return client


def role(world: World, name: str) -> str:
    return world.service.role(world.people.player_of(name) or "")


def test_whoever_is_signed_in_joins_by_a_link_with_the_account_they_have(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        pia = await stranger(world, "Pia")
        link = (await owner.post("/api/v1/invitations", json={"uses": 2})).json()["path"]
        page = (await pia.get(link)).text
        assert "Join as Pia" in page
        assert "password" not in page
        assert (await pia.post(link)).status_code == 303
        assert role(world, "Pia") == "player"
        assert "You are a member already" in (await pia.get(link)).text
        for _ in range(3):
            assert (await pia.post(link)).status_code == 303, "whoever is in already uses nothing up"
        (sent,) = (await owner.get("/api/v1/crew/invitations")).json()
        assert (sent["uses_left"], sent["name"], sent["role"]) == (1, None, "player")
        assert len(world.people.names()) == 2, "no account was made"
        assert not world.people.places(world.people.player_of("Pia") or "")

    play(story)


def test_two_who_hold_a_link_for_one_at_the_same_time_are_one_member(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        clients = [await stranger(world, f"player{i}") for i in range(6)]
        link = (await owner.post("/api/v1/invitations", json={"uses": 1})).json()["path"]
        answers = await asyncio.gather(*(client.post(link) for client in clients), *(
            world.browser().post(link, data={"name": f"newcomer{i}", "password": PASSWORD}) for i in range(3)
        ))  # fmt: skip
        assert sorted(answer.status_code for answer in answers) == [303] + [410] * 8
        assert len(world.service.members()) == 2
        assert len(world.people.names()) - 7 == sum(answer.status_code == 303 for answer in answers[6:]), "no account without a place"

    play(story)


def test_somebody_invited_by_name_sees_it_and_accepts_or_declines(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        pia, rob = await stranger(world, "Pia"), await stranger(world, "Rob")
        sent = (await owner.post("/api/v1/crew/invitations", json={"name": "pia"})).json()
        assert (sent["name"], sent["by"], sent["crew_name"]) == ("Pia", "Olga", "The Lift")
        assert (await owner.post("/api/v1/crew/invitations", json={"name": "Pia"})).json()["type"] == "already_there"
        assert (await owner.post("/api/v1/crew/invitations", json={"name": "Olga"})).json()["type"] == "already_there"
        assert (await owner.post("/api/v1/crew/invitations", json={"name": "Nobody"})).json()["type"] == "no_such_account"
        (mine,) = (await pia.get("/api/v1/invitations")).json()
        assert mine["id"] == sent["id"]
        assert "Olga invites you to join The Lift" in (await pia.get("/me")).text
        at = f"/api/v1/invitations/{sent['id']}"
        for client in (rob, owner):
            assert (await client.post(f"{at}/accept")).json()["type"] == "invite_spent", "it is nobody else's to answer"
            assert (await client.post(f"{at}/decline")).json()["type"] == "invite_spent"
        assert (await pia.post(f"{at}/accept")).status_code == 200
        assert role(world, "Pia") == "player"
        assert (await pia.post(f"{at}/accept")).json()["type"] == "invite_spent"
        again = (await owner.post("/api/v1/crew/invitations", json={"name": "Rob"})).json()
        page = await rob.post("/me/invitation", data={"invitation": again["id"], "answer": "decline"})
        assert "You have declined the invitation." in page.text
        assert (await rob.get("/api/v1/invitations")).json() == []
        assert role(world, "Rob") == "nobody"

    play(story)


def test_the_owner_sees_what_is_out_and_takes_it_back(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner, pia = await world.owner("Olga"), await world.player("Pia")
        await stranger(world, "Rob")
        page = await owner.post("/crew/invite", data={"role": "guest"})
        link = re.search(r"/join/[\w-]{22}", page.text)
        assert link is not None
        assert (await owner.post("/crew/invite/name", data={"name": "Rob", "role": "player"})).status_code == 303
        out = {sent["name"]: sent for sent in (await owner.get("/api/v1/crew/invitations")).json()}
        assert (out[None]["role"], out["Rob"]["role"]) == ("guest", "player")
        for one in out.values():
            assert (await pia.delete(f"/api/v1/crew/invitations/{one['id']}")).json()["type"] == "not_allowed"
        assert "as a guest" in (await world.browser().get(link.group())).text, "control: it works until it is taken back"
        assert (await owner.post("/crew/invite/withdraw", data={"invitation": out[None]["id"]})).status_code == 303
        assert (await world.browser().get(link.group())).status_code == 410
        assert (await owner.delete(f"/api/v1/crew/invitations/{out['Rob']['id']}")).status_code == 200
        assert (await owner.delete(f"/api/v1/crew/invitations/{out['Rob']['id']}")).json()["type"] == "not_found"
        assert [one["name"] for one in (await owner.get("/api/v1/crew/invitations")).json()] == [None], "Pia's own link is still out"

    play(story)


def test_a_joining_for_which_there_was_no_room_is_made_good_at_the_next_sign_in(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        link = (await owner.post("/api/v1/invitations", json={})).json()["path"]
        submit = world.service.submit

        async def full(envelope: c.Envelope) -> Any:
            return Refusal(Reason.DISK_FULL) if isinstance(envelope.body, c.Join) else await submit(envelope)

        with monkeypatch.context() as patched:
            patched.setattr(world.service, "submit", full)
            await world.browser().post(link, data={"name": "Pia", "password": PASSWORD})
        player = world.people.player_of("Pia") or ""
        assert world.service.role(player) == "nobody"
        (place,) = world.people.places(player)
        assert place == Place("crew", "player", place.id)
        await world.browser().post("/sign-in", data={"name": "Pia", "password": PASSWORD})
        assert world.service.role(player) == "player"
        assert not world.people.places(player)

    play(story)


def test_an_account_without_a_place_becomes_no_member_by_signing_in(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        await stranger(world, "Pia")
        assert role(world, "Pia") == "nobody"

    play(story)


def test_guessing_invitations_ends_after_so_many_even_with_a_good_one(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        link = (await owner.post("/api/v1/invitations", json={})).json()["path"]
        guesser, other = world.browser(address="198.51.100.1"), world.browser(address="198.51.100.2")
        codes = [(await guesser.get(f"/join/{i:022d}")).status_code for i in range(100)]
        assert (codes.count(410), codes.count(429)) == (MOST_GUESSES, 100 - MOST_GUESSES)
        assert (await guesser.get(link)).status_code == 429
        assert (await other.get(link)).status_code == 200, "control: it is the address that waits"
        world.clock.pass_(minutes=16)
        assert (await guesser.get(link)).status_code == 200

    play(story)


def test_one_address_makes_so_many_accounts_in_a_day(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        link = (await owner.post("/api/v1/invitations", json={"uses": 20})).json()["path"]

        async def come(name: str, address: str, **headers: str) -> httpx.Response:
            return await world.browser(address=address, **headers).post(link, data={"name": name, "password": PASSWORD})

        codes = [(await come(f"bot{i}", "198.51.100.1", **{"x-forwarded-for": f"203.0.113.{i}"})).status_code for i in range(12)]
        assert codes == [303] * 5 + [429] * 7, "an address that somebody writes down for themselves changes nothing"
        (sent,) = (await owner.get("/api/v1/crew/invitations")).json()
        assert sent["uses_left"] == 15, "what was refused used nothing up"
        assert (await come("pia", "198.51.100.2")).status_code == 303
        world.clock.pass_(days=1)
        assert (await come("rob", "198.51.100.1")).status_code == 303

    play(story, accounts_a_day=5)


def test_asking_after_names_and_sending_invitations_are_bounded(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        olga = world.people.player_of("Olga") or ""
        told = [await world.people.invite_by_name(olga, f"name{i}") for i in range(MOST_NAMES + 5)]
        reasons = [answer.reason for answer in told if isinstance(answer, Refusal)]
        assert reasons == [Reason.NO_SUCH_ACCOUNT] * MOST_NAMES + [Reason.TOO_MANY_TRIES] * 5
        made = [await world.people.invite(olga) for _ in range(MOST_INVITATIONS + 1)]
        assert all(isinstance(one, Issued) for one in made[:-1])
        assert isinstance(made[-1], Refusal)
        for wrong in ("owner", "admin", ""):
            refused = await world.people.invite(olga, role=wrong)
            assert isinstance(refused, Refusal), "nobody is invited as an owner"

    play(story)


def test_only_a_digest_of_an_invitation_is_kept_and_it_opens_nothing_else(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        secret = (await owner.post("/api/v1/invitations", json={})).json()["secret"]
        assert len(secret) == 22, "128 bits"
        assert secret not in repr(world.rows())
        for path in ("setup", "link"):
            answer = await world.browser().get(f"/{path}/{secret}")
            assert (answer.status_code, said(answer.text).split("  ")[0]) == (410, "That invitation has been used up or has expired.")
        assert (await world.browser().get(f"/join/{secret}")).status_code == 200, "control"

    play(story)
