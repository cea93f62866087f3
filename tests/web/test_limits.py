"""How often a stranger may try what is not theirs: counted in the database, by name and by address, whatever headers they write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from anyday.people.passwords import Passwords
from anyday.refusals import Reason, Refusal
from tests.web.conftest import PASSWORD, World, said

TRIES = 1_000


def counting(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Every time that a password reaches the hash: whether there was one to compare it with."""
    reached: list[bool] = []
    verify = Passwords._verify

    def counted(self: Passwords, kept: str, password: str) -> bool:
        reached.append(True)
        return verify(self, kept, password)

    monkeypatch.setattr(Passwords, "_verify", counted)
    return reached


@pytest.mark.parametrize("one_address", [True, False])
def test_of_a_thousand_tries_at_a_name_no_more_reach_the_hash_than_are_allowed(
    one_address: bool, play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        reached = counting(monkeypatch)
        codes: list[int] = []
        for start in range(0, TRIES, 50):
            forms = [{"name": "Olga", "password": f"guess number {start + i}"} for i in range(50)]
            addresses = ["198.51.100.1" if one_address else f"198.51.{(start + i) // 250}.{(start + i) % 250}" for i in range(50)]
            answers = await asyncio.gather(*(
                world.browser(address=address, **{"x-forwarded-for": f"203.0.113.{i}"}).post("/sign-in", data=form)
                for i, (form, address) in enumerate(zip(forms, addresses, strict=True))
            ))  # fmt: skip
            codes += [answer.status_code for answer in answers]
        assert len(reached) == 10
        assert (codes.count(401), codes.count(429)) == (10, TRIES - 10)
        assert (await world.browser().post("/sign-in", data={"name": "Olga", "password": PASSWORD})).status_code == 429, "the right one waits too"
        world.clock.pass_(minutes=15)
        assert (await world.browser().post("/sign-in", data={"name": "Olga", "password": PASSWORD})).status_code == 303, "control"

    play(story)


def test_a_thousand_names_from_one_address_come_no_further(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        reached = counting(monkeypatch)
        told = [await world.people.sign_in(f"name{i}", "a guess at it", "198.51.100.1") for i in range(TRIES)]
        reasons = [answer.reason for answer in told if isinstance(answer, Refusal)]
        assert len(reached) == 10 == reasons.count(Reason.WRONG_PASSWORD)
        assert reasons.count(Reason.TOO_MANY_TRIES) == TRIES - 10
        assert (await world.browser(address="198.51.100.2").post("/sign-in", data={"name": "Olga", "password": PASSWORD})).status_code == 303

    play(story)


def test_an_unknown_name_and_a_wrong_password_are_told_alike_after_the_same_work(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        await world.people.add_player("Robot")
        reached = counting(monkeypatch)
        pages = set()
        for name in ("Olga", "Robot", "Nobody"):
            before = len(reached)
            page = await world.browser().post("/sign-in", data={"name": name, "password": "wrong password"})
            assert len(reached) == before + 1, "the hash was computed once, whoever it is"
            pages.add((page.status_code, said(page.text)))
        assert len(pages) == 1

    play(story)


def test_the_count_is_the_databases_and_outlives_the_process(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        for i in range(10):
            await world.people.sign_in("Olga", f"guess number {i}", "198.51.100.1")
        again = type(world.people)(world.service.database, world.clock, world.service.settings)
        refused = await again.sign_in("Olga", PASSWORD, "198.51.100.9")
        again.close()
        assert isinstance(refused, Refusal) and refused.reason is Reason.TOO_MANY_TRIES

    play(story)


def test_a_forwarded_address_counts_where_the_proxy_is_trusted_and_nowhere_else(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner("Olga")
        proxy, other = world.browser(address="192.0.2.1"), world.browser(address="192.0.2.99")

        async def tries(client: Any, count: int) -> list[int]:
            form = {"password": "a wrong password"}
            return [
                (await client.post("/sign-in", data={**form, "name": f"n{i}"}, headers={"x-forwarded-for": f"203.0.113.{i}"})).status_code
                for i in range(count)
            ]

        assert await tries(proxy, 14) == [401] * 14, "each is somebody else's address, and the proxy is believed"
        assert await tries(other, 14) == [401] * 10 + [429] * 4, "control: whoever writes it down for themselves is one address"

    play(story, trusted_proxies="192.0.2.1")
