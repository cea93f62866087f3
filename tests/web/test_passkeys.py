"""Passkeys: whoever holds one gets in, from its site and once a challenge; everything that is wrong with one is refused alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from anyday.people import passkeys
from anyday.people.passkeys import MOST_CEREMONIES, MOST_PASSKEYS, Site
from anyday.refusals import Refusal
from anyday.web.access import origin_of
from tests.authenticator import Authenticator, b64
from tests.web.conftest import PASSWORD, World

HERE = "https://any.example"
SIGN_IN = "/api/v1/sessions/passkey"


async def arrive(world: World, name: str = "Pia") -> httpx.AsyncClient:
    """Somebody who has just signed in over TLS."""
    await world.owner()
    await world.player(name)
    client = world.browser(origin=HERE)
    assert (await client.post("/sign-in", data={"name": name, "password": PASSWORD})).status_code == 303
    return client


async def add(client: httpx.AsyncClient, key: Authenticator, origin: str = HERE, **wrong: Any) -> httpx.Response:
    options = (await client.post("/api/v1/me/passkeys/options")).json()
    return await client.post("/api/v1/me/passkeys", json=key.make(options, origin, **wrong))


async def begin(client: httpx.AsyncClient, name: str = "") -> dict[str, Any]:
    return dict((await client.post(f"{SIGN_IN}/options", json={"name": name})).json())


async def sign_in(client: httpx.AsyncClient, key: Authenticator, origin: str = HERE, name: str = "", **wrong: Any) -> httpx.Response:
    return await client.post(SIGN_IN, json=key.sign(await begin(client, name), origin, **wrong))


def test_a_passkey_is_made_used_with_and_without_a_name_and_removed(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        made = await add(pia, key, name="laptop")
        assert made.status_code == 200, made.text
        for name in ("", "pia"):
            world.clock.pass_(hours=1)
            fresh = world.browser(origin=HERE)
            entered = await sign_in(fresh, key, name=name)
            assert entered.status_code == 200, entered.text
            assert entered.json()["name"] == "Pia"
            assert (await fresh.get("/api/v1/me")).json()["name"] == "Pia"
            assert "__Host-anyday" in fresh.cookies
        (held,) = (await fresh.get("/api/v1/me/passkeys")).json()
        assert (held["name"], held["site"], held["doubted_at"]) == ("laptop", "any.example", None)
        assert held["used_at"] is not None
        assert "laptop" in (await fresh.get("/me")).text
        assert (await fresh.delete(f"/api/v1/me/passkeys/{held['id']}")).status_code == 200
        assert (await sign_in(world.browser(origin=HERE), key)).json()["type"] == "passkey_failed"

    play(story)


FORGED: dict[str, dict[str, Any]] = {
    "a challenge that nobody sent": {"challenge": b64(b"x" * 32)},
    "no challenge": {"challenge": ""},
    "a challenge that is a number": {"challenge": 7},
    "an assertion for another ceremony": {"type": "webauthn.create"},
    "data signed for another host": {"host": "evil.example"},
    "data signed for the host above": {"host": "example"},
    "nobody present": {"present": False},
    "another key": {"signer": ec.derive_private_key(7, ec.SECP256R1())},
    "a credential that nobody has": {"id": b"y" * 32},
    "somebody else's handle": {"user": b"pabcdefghij"},
    "no handle where no name was typed": {"user": None},
}


@pytest.mark.parametrize("what", FORGED)
def test_an_assertion_with_something_wrong_is_refused_and_the_honest_one_beside_it_is_not(what: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key)).status_code == 200
        sessions = world.rows()["session"]
        refused = await sign_in(world.browser(origin=HERE), key, **FORGED[what])
        assert (refused.status_code, refused.json()["type"]) == (401, "passkey_failed")
        assert "set-cookie" not in refused.headers
        assert world.rows()["session"] == sessions
        assert (await sign_in(world.browser(origin=HERE), key)).status_code == 200, "control"

    play(story)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://any.example", "https://any.example:8443", "https://any.example.evil", "null", ""])
def test_an_assertion_from_another_origin_is_refused(origin: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key, origin)).json()["type"] == "passkey_failed"
        assert (await add(pia, key)).status_code == 200, "control: from here it can be made"
        assert (await sign_in(world.browser(origin=HERE), key, origin)).json()["type"] == "passkey_failed"
        assert (await sign_in(world.browser(origin=HERE), key)).status_code == 200, "control: and used"

    play(story)


def test_an_assertion_that_was_recorded_is_good_for_nothing(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator(counts=False)
        options = (await pia.post("/api/v1/me/passkeys/options")).json()
        made = key.make(options, HERE)
        assert (await pia.post("/api/v1/me/passkeys", json=made)).status_code == 200
        recorded = key.sign(await begin(world.browser(origin=HERE)), HERE)
        assert (await world.browser(origin=HERE).post(SIGN_IN, json=recorded)).status_code == 200, "control: once it is good"
        for client in (world.browser(origin=HERE), pia):
            assert (await client.post(SIGN_IN, json=recorded)).json()["type"] == "passkey_failed"
        assert (await pia.post("/api/v1/me/passkeys", json=made)).json()["type"] == "passkey_failed", "nor a registration twice"
        late = key.sign(await begin(pia), HERE)
        world.clock.pass_(minutes=11)
        assert (await pia.post(SIGN_IN, json=late)).json()["type"] == "passkey_failed", "nor one whose time is over"

    play(story)


def test_a_challenge_is_good_for_its_own_ceremony_and_person_alone(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key, other = await arrive(world), Authenticator(1), Authenticator(5)
        await world.player("Rob")
        rob = world.browser(origin=HERE)
        await rob.post("/sign-in", data={"name": "Rob", "password": PASSWORD})
        assert (await add(pia, key)).status_code == 200
        assert (await add(rob, other)).status_code == 200
        for_sign_in = await begin(pia)
        made = (await pia.post("/api/v1/me/passkeys/options")).json()
        third = Authenticator(9)
        stolen = third.make({**made, "challenge": for_sign_in["challenge"]}, HERE)
        assert (await pia.post("/api/v1/me/passkeys", json=stolen)).json()["type"] == "passkey_failed"
        assert (await rob.post("/api/v1/me/passkeys", json=third.make(made, HERE))).json()["type"] == "passkey_failed", "it was Pia's to answer"
        again = (await pia.post("/api/v1/me/passkeys/options")).json()
        signed = key.sign({"challenge": again["challenge"], "rpId": "any.example"}, HERE)
        assert (await pia.post(SIGN_IN, json=signed)).json()["type"] == "passkey_failed"
        assert (await sign_in(world.browser(origin=HERE), key, name="Rob")).json()["type"] == "passkey_failed", "Pia's key under Rob's name"
        assert (await sign_in(world.browser(origin=HERE), other, name="Rob")).json()["name"] == "Rob", "control"

    play(story)


def test_a_copy_is_refused_by_its_counter_and_the_owner_is_told(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key)).status_code == 200
        for _ in range(3):
            assert (await sign_in(world.browser(origin=HERE), key)).status_code == 200
        key.counter = 1
        copy = await sign_in(world.browser(origin=HERE), key)
        assert (copy.status_code, copy.json()["type"]) == (401, "passkey_doubted")
        same = await sign_in(world.browser(origin=HERE), key)
        assert same.json()["type"] == "passkey_doubted", "the same count twice is a copy too"
        assert "its counter went backwards" in (await pia.get("/me")).text
        key.counter = 50
        assert (await sign_in(world.browser(origin=HERE), key)).status_code == 200, "the device that counts on still gets in"
        forged = await sign_in(world.browser(origin=HERE), key, signer=ec.derive_private_key(7, ec.SECP256R1()))
        assert forged.json()["type"] == "passkey_failed", "only who has the key makes its owner worry"

    play(story)


def test_two_uses_of_one_count_at_the_same_time_are_one_sign_in(play: Callable[..., Any]) -> None:
    import asyncio

    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key)).status_code == 200
        answers = []
        for _ in range(2):
            key.counter = 4
            answers.append(key.sign(await begin(pia), HERE))
        told = await asyncio.gather(*(world.browser(origin=HERE).post(SIGN_IN, json=answer) for answer in answers))
        assert sorted(one.status_code for one in told) == [200, 401]

    play(story)


@pytest.mark.parametrize(
    "wrong", [{"host": "evil.example"}, {"present": False}, {"type": "webauthn.get"}, {"algorithm": -65_535}, {"challenge": "x"}]
)
def test_a_registration_with_something_wrong_is_refused(wrong: dict[str, Any], play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia = await arrive(world)
        assert (await add(pia, Authenticator(), **wrong)).json()["type"] == "passkey_failed"
        assert (await pia.get("/api/v1/me/passkeys")).json() == []
        assert (await add(pia, Authenticator())).status_code == 200, "control"

    play(story)


def test_what_a_stranger_sends_breaks_nothing(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key)).status_code == 200
        good = key.sign(await begin(pia), HERE)
        deep = b64(b'{"challenge":' + b"[" * 5_000)
        for field in good:
            odd = ("", "=", "ü", "A" * 40_000, b64(b"\xa0"), b64(b"\x9f" * 2_000), "A", "A===", deep, *map(b64, (b"{}", b"null", b"[1]")))
            for bad in odd:
                answer = await pia.post(SIGN_IN, json={**good, field: bad})
                assert answer.status_code in (401, 413), (field, bad[:20], answer.status_code)
        options = (await pia.post("/api/v1/me/passkeys/options")).json()
        made = Authenticator(3).make(options, HERE)
        for bad in ("", "A", b64(b"\xa0"), b64(b"\xbf" * 3_000), b64(b"\xff")):
            options = (await pia.post("/api/v1/me/passkeys/options")).json()
            assert (await pia.post("/api/v1/me/passkeys", json={**Authenticator(3).make(options, HERE), "attestation": bad})).status_code == 401
        assert (await pia.post("/api/v1/me/passkeys", json={**made, "name": " "})).json()["type"] == "text_missing"
        assert (await pia.post("/api/v1/me/passkeys", json={**made, "name": "x" * 65})).json()["type"] == "text_too_long"

    play(story)


def test_nobody_learns_from_a_name_whether_it_has_a_passkey_or_is_anybodys(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia = await arrive(world)
        assert (await add(pia, Authenticator())).status_code == 200
        shapes = set()
        for name in ("Pia", "Olga", "Nobody", "x" * 2_000, "  pia "):
            first, again = await begin(world.browser(origin=HERE), name), await begin(world.browser(origin=HERE), name)
            assert first["allowCredentials"] == again["allowCredentials"], "the answer for a name stays the same"
            assert first["challenge"] != again["challenge"]
            assert first["allowCredentials"]
            shapes.add(tuple(sorted(first)) + tuple(tuple(sorted(one)) for one in first["allowCredentials"][:1]))
        assert len(shapes) == 1
        assert (await begin(world.browser(origin=HERE), "PIA"))["allowCredentials"] == (await begin(pia, "pia"))["allowCredentials"]

    play(story)


def test_a_session_left_open_changes_no_passkey_and_a_change_ends_the_other_sessions(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        phone = world.browser(origin=HERE)
        await phone.post("/sign-in", data={"name": "Pia", "password": PASSWORD})
        assert (await phone.get("/api/v1/me")).status_code == 200
        assert (await add(pia, key)).status_code == 200
        assert (await phone.get("/api/v1/me")).status_code == 401
        assert (await pia.get("/api/v1/me")).status_code == 200
        (held,) = (await pia.get("/api/v1/me/passkeys")).json()
        world.clock.pass_(minutes=20)
        unasked = Authenticator(3).make({"user": {"id": ""}, "rp": {"id": "any.example"}, "challenge": "x"}, HERE)
        for refused in (
            await pia.post("/api/v1/me/passkeys/options"), await pia.delete(f"/api/v1/me/passkeys/{held['id']}"),
            await pia.post("/api/v1/me/passkeys", json=unasked),
        ):  # fmt: skip
            assert refused.json()["type"] == "sign_in_again"
        assert (await sign_in(phone, key)).status_code == 200
        assert (await phone.delete(f"/api/v1/me/passkeys/{held['id']}")).status_code == 200
        assert (await pia.get("/api/v1/me")).status_code == 401, "removing one ends the others' sessions too"

    play(story)


def test_the_last_way_to_sign_in_stays_and_somebody_elses_passkey_is_not_ones_own(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key)).status_code == 200
        player = world.people.player_of("Pia") or ""
        (held,) = world.people.passkeys(player)
        await world.player("Rob")
        refused = await world.people.remove_passkey(world.people.player_of("Rob") or "", held.id, "")
        assert isinstance(refused, Refusal) and refused.reason.code == "not_found"
        await world.service.database.write(lambda c: c.execute("UPDATE person SET password=NULL WHERE player=?", (player,)))
        assert (await pia.delete(f"/api/v1/me/passkeys/{held.id}")).json()["type"] == "last_way"
        assert (await add(pia, Authenticator(8))).status_code == 200
        assert (await pia.delete(f"/api/v1/me/passkeys/{held.id}")).status_code == 200, "control: with another one it may go"

    play(story)


def test_a_passkey_is_somebodys_once_and_nobody_has_very_many(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key)).status_code == 200
        await world.player("Rob")
        rob = world.browser(origin=HERE)
        await rob.post("/sign-in", data={"name": "Rob", "password": PASSWORD})
        assert (await add(rob, key)).json()["type"] == "passkey_failed", "it is Pia's"
        for i in range(MOST_PASSKEYS - 1):
            assert (await add(pia, Authenticator(100 + 2 * i))).status_code == 200
        assert (await add(pia, Authenticator(900))).json()["type"] == "malformed"

    play(story)


def test_ceremonies_of_an_address_are_bounded(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await world.owner()
        client = world.browser(origin=HERE)
        codes = [(await client.post(f"{SIGN_IN}/options", json={})).status_code for _ in range(MOST_CEREMONIES + 5)]
        assert codes == [200] * MOST_CEREMONIES + [429] * 5
        assert (await world.browser(origin=HERE, address="192.0.2.9").post(f"{SIGN_IN}/options", json={})).status_code == 200
        kept = len(world.rows()["challenge"])
        world.clock.pass_(hours=1)
        assert (await client.post(f"{SIGN_IN}/options", json={})).status_code == 200
        assert len(world.rows()["challenge"]) == 1 < kept, "those whose time is over go"

    play(story)


# ---- which site ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://any.example", Site("any.example", "https://any.example")),
        ("https://Any.Example:443", Site("any.example", "https://any.example")),
        ("https://any.example:8443", Site("any.example", "https://any.example:8443")),
        ("http://localhost:80", Site("localhost", "http://localhost")),
        ("http://localhost:8000", Site("localhost", "http://localhost:8000")),
        ("https://192.0.2.7", None), ("https://[2001:db8::1]", None), ("https://", None), ("https://a b", None), ("https://any.example/x", None),
        ("https://me@any.example", None), ("https://any.example:99999", None), ("https://any.example?x", None), ("https://-any.example", None),
        ("https://any..example", None), ("https://ünï.example", None), ("https://[", None), ("https://127.1", None),
    ],
)  # fmt: skip
def test_a_site_is_a_name_and_its_origin_as_browsers_write_it(address: str, site: Site | None) -> None:
    assert origin_of(address) == site


def test_where_there_can_be_none_the_page_offers_none_and_the_routes_say_why(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        plain = await world.owner()
        numbered = world.browser(origin="https://192.0.2.1")
        for client, why in ((plain, "only over https"), (numbered, "no name that they could belong to")):
            refused = (await client.post(f"{SIGN_IN}/options", json={})).json()
            assert refused["type"] == "no_passkeys"
            assert why in refused["title"]
            assert "data-passkey" not in (await client.get("/sign-in?again=1")).text
        assert "only over https" in (await plain.get("/me")).text
        tls = world.browser(origin=HERE)
        assert 'data-passkey="sign-in"' in (await tls.get("/sign-in")).text, "control"
        monkeypatch.setattr(passkeys.importlib.util, "find_spec", lambda name: None)
        assert "the server lacks what they need" in (await tls.post(f"{SIGN_IN}/options", json={})).json()["title"]
        assert "data-passkey" not in (await tls.get("/sign-in")).text

    play(story)


def test_the_public_address_decides_whatever_host_a_client_names(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key)).status_code == 200
        evil = world.browser(origin="https://evil.example")
        refused = (await evil.post(f"{SIGN_IN}/options", json={})).json()
        assert refused["title"] == "Passkeys cannot be used here: they belong to https://any.example."
        signed = key.sign(await begin(world.browser(origin=HERE)), HERE)
        assert (await evil.post(SIGN_IN, json=signed)).json()["type"] == "no_passkeys"
        assert (await world.browser(origin=HERE).post(SIGN_IN, json=signed)).status_code == 200, "control: the same from here"

    play(story, address=HERE)


def test_a_passkey_of_one_host_is_nothing_at_another_where_no_address_is_set(play: Callable[..., Any]) -> None:
    """Without the setting the host is the client's word: then a passkey still works only where it was made."""

    async def story(world: World) -> None:
        pia, key = await arrive(world), Authenticator()
        assert (await add(pia, key)).status_code == 200
        evil = world.browser(origin="https://evil.example")
        assert (await sign_in(evil, key, "https://evil.example")).json()["type"] == "passkey_failed"
        crossed = key.sign(await begin(world.browser(origin=HERE)), HERE)
        assert (await evil.post(SIGN_IN, json=crossed)).json()["type"] == "passkey_failed"
        assert (await sign_in(world.browser(origin=HERE), key)).status_code == 200, "control"

    play(story)
