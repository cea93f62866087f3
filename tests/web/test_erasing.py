"""Erasing what is kept of a person: the name goes everywhere and at once, the record stays as it is, to the byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from anyday.people.accounts import Issued
from anyday.refusals import Reason, Refusal
from anyday.service.audit import verify
from tests.web.conftest import PASSWORD, World, said

NAME = "Penelope"


async def played(world: World) -> tuple[Any, Any, str]:
    """Penelope has bet, guessed at nothing, holds a token and an invitation, and mistyped her password once."""
    owner, pia = await world.owner("Olga"), await world.player(NAME)
    question = await world.question(owner)
    assert (await pia.post(f"/api/v1/questions/{question}/bets", json={"window": "April", "points": 5})).status_code == 200
    player = world.people.player_of(NAME) or ""
    assert isinstance(await world.people.new_token(player, "script"), Issued)
    await world.people.invite_by_name(world.people.player_of("Olga") or "", NAME, crew="k3otherone")
    await world.browser().post("/sign-in", data={"name": NAME, "password": "wrong password"})
    await world.browser(origin="https://any.example").post("/api/v1/sessions/passkey/options", json={"name": NAME})
    return owner, pia, question


def test_whoever_erases_themselves_is_a_former_player_everywhere_and_the_record_is_as_it_was(play: Callable[..., Any], tmp_path: Path) -> None:
    async def story(world: World) -> str:
        owner, pia, question = await played(world)
        player, before, rows = world.people.player_of(NAME) or "", world.record(), world.rows()
        assert NAME in repr(rows), "control: the name was there"
        done = await pia.post("/me/erase", data={"name": NAME})
        assert "It is erased" in done.text
        after = world.record()
        assert [row for row in after if row in before] == before, "what was recorded stays as it was, to the byte"
        (added,) = [row for row in after if row not in before]
        assert b'"member_left.1"' in added[2], "and says that they left"
        left = world.rows()
        assert NAME.lower() not in repr(left).lower()
        for table in ("session", "token", "invitation", "attempt", "passkey", "identity", "challenge"):
            assert not [row for row in left[table] if player in row], f"nothing of theirs is left in {table}"
        (made_at,) = (row[4] for row in rows["person"] if row[0] == player)
        assert [row for row in left["person"] if row[0] == player] == [(player, None, None, None, made_at, world.clock.at)]
        assert (await pia.get("/api/v1/me")).status_code == 401
        assert (await world.browser().post("/sign-in", data={"name": NAME, "password": PASSWORD})).status_code == 401
        for path in ("/crew", "/tables", f"/q/{question}", "/crew/review", "/record", "/"):
            page = await owner.get(path)
            assert page.status_code == 200
            assert NAME not in page.text, path
        assert world.people.name_of(player) == "a former player"
        assert (await owner.get(f"/players/{NAME}")).status_code == 404
        again = await world.player(NAME)
        assert (await again.get("/api/v1/me")).json()["player"] != player, "the name is free again, for another account"
        assert (await again.get("/api/v1/me")).json()["positions"] == []
        return player

    play(story)
    assert verify(tmp_path / "any.db").fault is None


SAID: Final = "Penny was here, says the postman"
MAIL, HOOK = "pen.elope@example.org", "https://hooks.example.org/penelopes-own"


def kept_of(world: World, folder: Path, *words: str) -> list[str]:
    """Which of these words stand in any row of any table, or in any byte of the files that hold them."""
    rows = [(table, row) for table, found in world.rows().items() for row in found]
    inside = [table for table, row in rows for value in row for word in words if _holds(value, word)]
    files = {path.name: path.read_bytes().lower() for path in folder.glob("any.db*")}
    return [*inside, *(name for name, held in files.items() for word in words if word.lower().encode() in held)]


def _holds(value: object, word: str) -> bool:
    held = value if isinstance(value, bytes) else str(value).encode()
    return word.lower().encode() in held.lower()


def test_no_byte_of_theirs_is_left_in_any_table_or_file_and_every_hash_is_as_it_was(play: Callable[..., Any], tmp_path: Path) -> None:
    """Comments, channels, letters on their way and notices too; a name that somebody else bears is not touched."""

    async def story(world: World) -> None:
        owner, pia, question = await played(world)
        player, at = world.people.player_of(NAME) or "", f"/api/v1/questions/{question}"
        assert (await pia.post(f"{at}/comments", json={"text": SAID})).status_code == 200
        assert (await owner.post(f"{at}/comments", json={"text": "And so was I."})).status_code == 200
        assert (await pia.post(f"{at}/thanks", json={"version": 4})).status_code == 200
        for kind, address in (("webhook", HOOK), ("email", MAIL)):
            assert (await pia.post("/api/v1/channels", json={"kind": kind, "address": address})).status_code == 200, kind
        assert (await owner.post("/api/v1/crew/alarm", json={"reason": "to look"})).status_code == 200
        assert (await owner.post("/api/v1/crew/all-clear", json={})).status_code == 200
        words = (NAME, SAID, MAIL, HOOK, "penelopes-own")
        assert {"person", "remark", "channel"} <= set(kept_of(world, tmp_path, *words)), "control: they were there"
        counted = {table for table, rows in world.rows().items() for row in rows if player in map(str, row)}
        assert {"notice", "delivery", "command", "session", "letter"} <= counted, "control: these hold something of theirs"
        record, receipts = world.record(), [(await owner.get(at)).json()["version"]]
        assert (await pia.post("/me/erase", data={"name": NAME})).status_code == 200
        assert kept_of(world, tmp_path, *words) == []
        left = {table for table, rows in world.rows().items() for row in rows if player in map(str, row)}
        ways_in = {"session", "token", "passkey", "identity", "challenge", "invitation"}
        assert not left & (ways_in | {"remark", "channel", "delivery", "letter", "habit", "command"})
        assert [row[0] for row in world.rows()["notice"] if player in row[:2]] == [], "no message is kept for them"
        assert [row for row in world.record() if row in record] == record
        assert (await owner.get(at)).json()["version"] == receipts[0], "the question's record did not move"
        page = (await owner.get(f"/q/{question}")).text
        assert "This comment was erased." in page and "And so was I." in page

    play(story, smtp_host="127.0.0.1", smtp_security="none", smtp_from="any@example.org")
    assert verify(tmp_path / "any.db").fault is None, "and all of it still follows from the log"


def test_control_what_was_deleted_without_being_overwritten_is_found_in_the_file(play: Callable[..., Any], tmp_path: Path, monkeypatch: Any) -> None:
    async def story(world: World) -> None:
        _, pia, _ = await played(world)
        world.service.database._writer.execute("PRAGMA secure_delete=OFF")

        async def nothing() -> None:
            """The write-ahead log stays as it is."""

        monkeypatch.setattr(world.service.database, "scrub", nothing)
        assert (await pia.post("/me/erase", data={"name": NAME})).status_code == 200
        assert "any.db-wal" in kept_of(world, tmp_path, NAME)

    play(story)


def test_a_session_left_open_erases_nobody(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, _ = await played(world)
        world.clock.pass_(minutes=20)
        before = world.rows()
        refused = await pia.request("DELETE", "/api/v1/me", json={"name": NAME})
        assert refused.json()["type"] == "sign_in_again"
        assert "Sign in again" in (await pia.get("/me")).text
        assert world.rows() == before
        assert (await pia.get("/sign-in?again=1&next=/me")).status_code == 200
        assert (await pia.post("/sign-in", data={"name": NAME, "password": PASSWORD, "next": "/me"})).status_code == 303
        for wrong in ("", "Olga", NAME + "x"):
            assert (await pia.request("DELETE", "/api/v1/me", json={"name": wrong})).json()["type"] == "wrong_name"
        assert (await pia.request("DELETE", "/api/v1/me", json={"name": NAME})).status_code == 200
        assert NAME not in world.people.names().values()

    play(story)


def test_no_token_erases_anybody_and_the_file_itself_may(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await played(world)
        issued = await world.people.new_token(world.people.player_of(NAME) or "", "all", rights="manage")
        assert isinstance(issued, Issued)
        assert (await world.program(issued.secret).request("DELETE", "/api/v1/me", json={"name": NAME})).json()["type"] == "not_allowed"
        assert (await world.local(NAME).request("DELETE", "/api/v1/me", json={"name": NAME})).status_code == 200

    play(story)


def test_an_owner_with_others_hands_the_crew_over_first(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner, pia, _ = await played(world)
        refused = await owner.post("/me/erase", data={"name": "Olga"})
        assert "Hand the crew over" in said(refused.text)
        assert (await pia.post("/me/erase", data={"name": NAME})).status_code == 200
        assert (await owner.post("/me/erase", data={"name": "Olga"})).status_code == 200, "alone, one may"
        assert await world.people.setup_secret() is None, "nobody else becomes the first"

    play(story)


def test_an_owner_who_has_lent_the_crew_is_held_to_it_and_leaves_no_other_crew_meanwhile(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner, pia = await world.owner("Olga"), await world.player(NAME)
        other = (await pia.post("/api/v1/crews", json={"name": "The Choir"})).json()["id"]
        issued = await world.people.invite(world.people.player_of(NAME) or "", crew=other)
        assert isinstance(issued, Issued)
        assert (await owner.post(f"/join/{issued.secret}", data={})).status_code == 303
        offer = {"duty": "owner", "to": NAME, "until": "20 March 2027"}
        assert (await owner.post("/api/v1/crew/duties", json=offer)).status_code == 200
        assert (await pia.post("/api/v1/crew/duties/accept", json={"duty": "owner"})).status_code == 200
        before = world.rows()
        refused = await owner.request("DELETE", "/api/v1/me", json={"name": "Olga"})
        assert refused.json()["type"] == "owner_stays"
        assert world.rows() == before, "they have left no other crew either"
        world.clock.pass_(days=7)
        assert (await owner.post("/api/v1/crew/duties", json={**offer, "until": None})).status_code == 200, "it came back by itself"
        assert (await pia.post("/api/v1/crew/duties/accept", json={"duty": "owner"})).status_code == 200
        gone = await world.local("Olga").request("DELETE", "/api/v1/me", json={"name": "Olga"})
        assert gone.status_code == 200, "control: handed over for good, they may"

    play(story)


def test_what_was_said_and_where_messages_went_goes_with_them_and_nobody_elses_does(play: Callable[..., Any], tmp_path: Path) -> None:
    async def story(world: World) -> None:
        owner, pia, question = await played(world)
        for who, words in ((pia, "I heard it hum."), (owner, "So did I.")):
            assert (await who.post(f"/api/v1/questions/{question}/comments", json={"text": words})).status_code == 200
            channel = {"kind": "webhook", "address": f"https://example.org/{words[0]}"}
            assert (await who.post("/api/v1/channels", json=channel)).status_code == 200
            assert (await who.post("/api/v1/notifications", json={"zone": "UTC", "digest": "daily"})).status_code == 200
        player, before = world.people.player_of(NAME) or "", world.rows()
        assert (await pia.post("/me/erase", data={"name": NAME})).status_code == 200
        left = world.rows()
        for table in ("remark", "channel", "notice", "habit"):
            theirs = [row for row in before[table] if player in row]
            assert theirs, f"control: there was something of theirs in {table}"
            assert [row for row in left[table] if row in before[table]] == [row for row in before[table] if row not in theirs], table
            assert not [row for row in left[table] if player in row], f"nothing of theirs is left in {table}"
        page = (await owner.get(f"/q/{question}")).text
        assert "I heard it hum." not in page and "So did I." in page

    play(story)
    assert verify(tmp_path / "any.db").fault is None


def test_other_rooms_erase_theirs_in_the_same_transaction_or_nothing_is_erased(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await played(world)
        player, seen = world.people.player_of(NAME) or "", list[str]()

        def broken(connection: sqlite3.Connection, who: str) -> None:
            assert connection.in_transaction
            seen.append(who)
            raise sqlite3.OperationalError("a disk that breaks")

        world.people.erasers.append(broken)
        before = world.rows()
        refused = await world.people.erase(player)
        assert isinstance(refused, Refusal) and refused.reason is Reason.UNAVAILABLE
        assert world.rows() == before
        assert world.people.name_of(player) == NAME
        assert isinstance(await world.people.sign_in(NAME, PASSWORD, "192.0.2.7"), object)
        world.people.erasers[:] = [lambda connection, who: seen.append(who)]
        assert await world.people.erase(player) is None
        assert seen == [player, player]
        assert world.people.name_of(player) == "a former player"

    play(story)


def test_whoever_signs_in_while_they_are_erased_is_not_let_in(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        await played(world)
        player = world.people.player_of(NAME) or ""
        matches = world.people._passwords.matches

        async def meanwhile(kept: str | None, password: str) -> Any:
            right = await matches(kept, password)
            await world.people.erase(player)
            return right

        monkeypatch.setattr(world.people._passwords, "matches", meanwhile)
        begun = await world.people.sign_in(NAME, PASSWORD, "192.0.2.7")
        assert isinstance(begun, Refusal) and begun.reason is Reason.WRONG_PASSWORD
        assert not world.service.database.read("SELECT 1 FROM session WHERE player=?", (player,))

    play(story)
