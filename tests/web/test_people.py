"""Accounts, passwords, sessions, tokens, invitations: who gets in, who does not, and what is kept of it."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anyday.instants import DAY
from anyday.people import limiter, passwords
from anyday.people.accounts import LONGEST_SESSION_DAYS, MOST_SESSIONS, MOST_TOKENS, Issued, People, SignedIn
from anyday.people.names import check_name, name_key
from anyday.people.passwords import Passwords, digest
from anyday.refusals import Reason, Refusal
from anyday.settings import Settings
from anyday.store.database import Database
from tests.web.conftest import PASSWORD, Clock

HERE = "192.0.2.7"


class Door:
    """People alone, on a file of their own."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.clock = Clock()
        self.database = Database(path / "people.db")
        self.settings = Settings(weak_hash_for_tests=True, **settings)
        self.people = People(self.database, self.clock, self.settings)

    def again(self) -> People:
        """The same file read by a process that has just started."""
        return People(self.database, self.clock, self.settings)

    async def first(self, name: str = "Olga") -> SignedIn:
        secret = await self.people.setup_secret()
        assert secret is not None
        begun = await self.people.sign_up(secret, "setup", name, PASSWORD)
        assert isinstance(begun, SignedIn)
        return begun

    async def newcomer(self, name: str) -> SignedIn:
        owner = next(iter(self.people.names()))
        issued = await self.people.invite(owner)
        assert isinstance(issued, Issued)
        begun = await self.people.sign_up(issued.secret, "join", name, PASSWORD)
        assert isinstance(begun, SignedIn)
        return begun

    def bytes_kept(self) -> bytes:
        """Everything that the file holds, as one piece."""
        rows = [self.database.read(f"SELECT * FROM {table}") for table in ("person", "session", "token", "invitation", "attempt")]
        return repr(rows).encode()


@pytest.fixture
def at_the_door(tmp_path: Path) -> Callable[..., Any]:
    def run(story: Callable[[Door], Any], **settings: Any) -> Any:
        door = Door(tmp_path, **settings)
        try:
            return asyncio.run(story(door))
        finally:
            door.people.close()
            door.database.close()

    return run


def reason(answer: object) -> Reason:
    assert isinstance(answer, Refusal), answer
    return answer.reason


# ---- names -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Al", "Zoë", "x-1_2.3", "Łukasz", "Ольга", "花子", "はなこ花子", "नीता", "김철수", "a" * 32, "7even"])
def test_names_of_many_scripts_can_be_used(name: str) -> None:
    assert not isinstance(check_name(name), Refusal)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "a" * 33,
        "a b",
        "a\tb",
        "a\u200bb",
        "a\u202eb",
        "<b>",
        "a/b",
        "..",
        ".a",
        "-a",
        "house",
        "HOUSE",
        "Ｈouse",
        "never",
        "аlice",
        "a\x00b",
        "a" * 9999,
        "a@b",
        "😀😀",
        "a,b",
        "=1+1",
    ],
)
def test_names_that_mislead_cannot_be_used(name: str) -> None:
    assert reason(check_name(name)) is Reason.BAD_NAME


def test_two_spellings_of_one_name_are_the_same_name() -> None:
    assert name_key("Straße") == name_key("STRASSE")
    assert name_key("Ａnna") == name_key("anna")
    assert name_key("Zoe\u0308") == name_key("ZOË")
    assert name_key("Anna") != name_key("Ana"), "control: different names stay different"


# ---- the first account and invitations -------------------------------------------------------------------------------------


def test_the_first_account_is_made_once_with_the_newest_secret(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        old = await door.people.setup_secret()
        new = await door.people.setup_secret()
        assert old and new and old != new
        assert reason(await door.people.sign_up(old, "setup", "Olga", PASSWORD)) is Reason.INVITE_SPENT
        assert isinstance(await door.people.sign_up(new, "setup", "Olga", PASSWORD), SignedIn)
        assert reason(await door.people.sign_up(new, "setup", "Mallory", PASSWORD)) is Reason.INVITE_SPENT
        assert await door.people.setup_secret() is None
        assert list(door.people.names().values()) == ["Olga"]
        assert list(door.again().names().values()) == ["Olga"]

    at_the_door(story)


def test_two_who_hold_the_setup_secret_at_once_make_one_account(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        secret = await door.people.setup_secret()
        both = await asyncio.gather(*(door.people.sign_up(secret or "", "setup", name, PASSWORD) for name in ("Olga", "Mallory")))
        assert sorted(isinstance(begun, SignedIn) for begun in both) == [False, True]
        assert len(door.people.names()) == 1

    at_the_door(story)


def test_an_invitation_has_so_many_uses_even_when_all_come_at_once(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        owner = await door.first()
        issued = await door.people.invite(owner.player, uses=3)
        assert isinstance(issued, Issued)
        tries = [door.people.sign_up(issued.secret, "join", f"player{i}", PASSWORD) for i in range(8)]
        answers = await asyncio.gather(*tries)
        assert sum(isinstance(answer, SignedIn) for answer in answers) == 3
        assert {reason(answer) for answer in answers if isinstance(answer, Refusal)} == {Reason.INVITE_SPENT}

    at_the_door(story)


def test_a_taken_name_leaves_the_invitation_whole(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        owner = await door.first("Olga")
        issued = await door.people.invite(owner.player, uses=1)
        assert isinstance(issued, Issued)
        assert reason(await door.people.sign_up(issued.secret, "join", "OLGA", PASSWORD)) is Reason.NAME_TAKEN
        assert reason(await door.people.sign_up(issued.secret, "join", "Pia", "short")) is Reason.WEAK_PASSWORD
        assert reason(await door.people.sign_up(issued.secret, "join", "Pia", "x" * 257)) is Reason.TEXT_TOO_LONG
        assert isinstance(await door.people.sign_up(issued.secret, "join", "Pia", PASSWORD), SignedIn)

    at_the_door(story)


def test_unknown_spent_expired_and_misused_invitations_are_told_the_same(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        owner = await door.first()
        issued = await door.people.invite(owner.player, days=1)
        assert isinstance(issued, Issued)
        assert not isinstance(door.people.invitation(issued.secret, "join"), Refusal), "control: it can be used as what it is"
        told = [
            door.people.invitation("A" * 22, "join"),
            door.people.invitation(issued.secret, "setup"),
            door.people.invitation(issued.secret, "link"),
        ]
        told += [door.people.invitation("", "join"), door.people.invitation("x" * 10_000, "join")]
        door.clock.pass_(days=1)
        told.append(door.people.invitation(issued.secret, "join"))
        assert told == [Refusal(Reason.INVITE_SPENT)] * 6

    at_the_door(story)


def test_invitations_are_bounded_by_the_settings(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        owner = await door.first()
        for days, uses in ((0, 1), (8, 1), (1, 0), (1, 6), (-1, 1), (10**9, 1)):
            assert reason(await door.people.invite(owner.player, days=days, uses=uses)) is Reason.INVITE_BOUNDS
        assert isinstance(await door.people.invite(owner.player, days=7, uses=5), Issued)

    at_the_door(story, invitation_days=7, invitation_uses=5)


def test_a_link_signs_its_player_in_until_it_expires(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        await door.first()
        ada = await door.people.add_player("Ada")
        assert isinstance(ada, str)
        issued = await door.people.link(ada, days=1)
        assert isinstance(issued, Issued)
        for _ in range(3):
            begun = await door.people.open_link(issued.secret)
            assert isinstance(begun, SignedIn)
            assert begun.player == ada
        door.clock.pass_(days=1)
        assert reason(await door.people.open_link(issued.secret)) is Reason.INVITE_SPENT
        assert reason(await door.people.link("pnobody")) is Reason.NOT_FOUND

    at_the_door(story)


# ---- sign-in ---------------------------------------------------------------------------------------------------------------


def test_whoever_knows_name_and_password_gets_in(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        olga = await door.first("Olga")
        for name in ("Olga", " olga ", "ＯLGA"):
            begun = await door.people.sign_in(name, PASSWORD, HERE)
            assert isinstance(begun, SignedIn)
            assert begun.player == olga.player
            held = door.people.session(begun.secret)
            assert held is not None
            assert held.player == olga.player

    at_the_door(story)


def test_an_unknown_name_and_a_wrong_password_are_told_the_same_after_the_same_work(
    at_the_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    verify = Passwords._verify

    def counting(self: Passwords, kept: str, password: str) -> bool:
        checked.append(kept)
        return verify(self, kept, password)

    monkeypatch.setattr(Passwords, "_verify", counting)

    async def story(door: Door) -> None:
        await door.first("Olga")
        await door.people.add_player("Robot")
        told = [await door.people.sign_in(name, "wrong password", HERE) for name in ("Olga", "Nobody", "Robot", "", "x" * 500)]
        assert told == [Refusal(Reason.WRONG_PASSWORD)] * 5
        assert len(checked) == 5, "each costs one check of a hash"
        assert {kept.split("$")[1:4] == checked[0].split("$")[1:4] for kept in checked} == {True}, "of the same cost"
        assert checked[1] != checked[0], "control: an unknown name is checked against nobody's hash"

    at_the_door(story)


def test_a_player_without_a_password_cannot_be_signed_in_by_one(at_the_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords.secrets, "token_hex", lambda size: "known" * 6)  # the password behind nobody's hash

    async def story(door: Door) -> None:
        await door.first()
        await door.people.add_player("Robot")
        for password in ("", "None", PASSWORD, "known" * 6):
            assert reason(await door.people.sign_in("Robot", password, HERE)) is Reason.WRONG_PASSWORD

    at_the_door(story)


def test_a_thousand_tries_are_stopped_after_ten_for_a_name_or_an_address(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        await door.first("Olga")
        answers = [reason(await door.people.sign_in("Olga", f"guess number {i}", f"198.51.100.{i % 250}")) for i in range(500)]
        assert answers.count(Reason.WRONG_PASSWORD) == 10, "one name, many addresses"
        door.clock.pass_(minutes=16)
        answers = [reason(await door.people.sign_in(f"player{i}", "guess", HERE)) for i in range(500)]
        assert answers.count(Reason.WRONG_PASSWORD) == 10, "many names, one address"

    at_the_door(story)


def test_tries_side_by_side_are_counted_too(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        await door.first("Olga")
        answers = await asyncio.gather(*(door.people.sign_in("Olga", f"guess {i}", f"198.51.100.{i}") for i in range(60)))
        assert [reason(answer) for answer in answers].count(Reason.WRONG_PASSWORD) == 10

    at_the_door(story)


def test_the_count_survives_a_restart_and_ends_with_its_quarter_of_an_hour(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        await door.first("Olga")
        for i in range(10):
            await door.people.sign_in("Olga", f"guess {i}", HERE)
        restarted = door.again()
        refused = await restarted.sign_in("Olga", PASSWORD, HERE)
        assert reason(refused) is Reason.TOO_MANY_TRIES, "not even the right password gets in"
        assert "15 minutes" in str(refused)
        door.clock.pass_(minutes=15)
        assert isinstance(await restarted.sign_in("Olga", PASSWORD, HERE), SignedIn)
        restarted.close()

    at_the_door(story)


def test_the_right_password_starts_the_count_anew(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        await door.first("Olga")
        for _ in range(3):
            for i in range(9):
                assert reason(await door.people.sign_in("Olga", f"guess {i}", f"198.51.100.{i}")) is Reason.WRONG_PASSWORD
            assert isinstance(await door.people.sign_in("Olga", PASSWORD, HERE), SignedIn)

    at_the_door(story)


def test_neighbours_on_one_line_count_as_one_address() -> None:
    def where(address: str) -> str:
        return limiter.subjects("x", address, 10)[1].key

    assert where("2001:db8:1:2::1") == where("2001:db8:1:2:ffff::9")
    assert where("::ffff:192.0.2.7") == where("192.0.2.7")
    assert where("2001:db8:1:2::1") != where("2001:db8:1:3::1")
    assert where("192.0.2.7") != where("192.0.2.8"), "control"


# ---- sessions --------------------------------------------------------------------------------------------------------------


def test_a_session_slides_with_use_and_ends_without(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        olga = await door.first()
        for _ in range(5):
            door.clock.pass_(days=20)
            held = door.people.session(olga.secret)
            assert held is not None
            assert held.stale
            await door.people.renew(olga.secret)
        held = door.people.session(olga.secret)
        assert held is not None
        assert not held.stale, "control: what has just been renewed is not stale"
        door.clock.pass_(days=30)
        assert door.people.session(olga.secret) is None
        await door.people.renew(olga.secret)
        assert door.people.session(olga.secret) is None, "an ended session cannot be renewed"

    at_the_door(story)


def test_no_session_outlives_its_last_day(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        olga = await door.first()
        for _ in range(LONGEST_SESSION_DAYS - 1):
            door.clock.pass_(days=1)
            assert door.people.session(olga.secret) is not None
            await door.people.renew(olga.secret)
        door.clock.pass_(days=1)
        assert door.people.session(olga.secret) is None

    at_the_door(story)


def test_signing_out_ends_that_session_alone_and_at_once(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        one = await door.first("Olga")
        two = await door.people.sign_in("Olga", PASSWORD, HERE)
        assert isinstance(two, SignedIn)
        assert door.people.session(one.secret) is not None
        await door.people.sign_out(one.secret)
        assert door.people.session(one.secret) is None
        assert door.again().session(one.secret) is None
        assert door.people.session(two.secret) is not None

    at_the_door(story)


def test_a_new_password_ends_every_session_and_token(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        one = await door.first("Olga")
        pia = await door.newcomer("Pia")
        token = await door.people.new_token(one.player, "script")
        assert isinstance(token, Issued)
        assert door.people.session(one.secret) is not None
        assert door.people.token(token.secret) is not None
        assert reason(await door.people.change_password(one.player, "wrong password", "another password", HERE)) is Reason.WRONG_PASSWORD
        assert reason(await door.people.change_password(one.player, PASSWORD, "short", HERE)) is Reason.WEAK_PASSWORD
        assert door.people.session(one.secret) is not None, "control: a refused change ends nothing"
        new = await door.people.change_password(one.player, PASSWORD, "another password", HERE)
        assert isinstance(new, SignedIn)
        assert door.people.session(one.secret) is None
        assert door.people.token(token.secret) is None
        assert door.people.session(new.secret) is not None
        assert door.people.session(pia.secret) is not None
        assert reason(await door.people.sign_in("Olga", PASSWORD, HERE)) is Reason.WRONG_PASSWORD
        assert isinstance(await door.people.sign_in("Olga", "another password", HERE), SignedIn)

    at_the_door(story)


def test_the_oldest_of_very_many_sessions_ends(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        first = await door.first("Olga")
        assert door.people.session(first.secret) is not None
        for _ in range(MOST_SESSIONS):
            door.clock.pass_(seconds=1)
            last = await door.people.sign_in("Olga", PASSWORD, HERE)
        assert door.people.session(first.secret) is None
        assert isinstance(last, SignedIn)
        assert door.people.session(last.secret) is not None
        assert len(door.database.read("SELECT 1 FROM session")) == MOST_SESSIONS

    at_the_door(story)


# ---- tokens ----------------------------------------------------------------------------------------------------------------


def test_a_token_holds_until_it_expires_or_is_revoked_by_its_owner(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        olga = await door.first("Olga")
        pia = await door.newcomer("Pia")
        short, long = [await door.people.new_token(olga.player, "script", days=days) for days in (1, 9)]
        assert isinstance(short, Issued)
        assert isinstance(long, Issued)
        held = door.people.token(short.secret)
        assert held is not None
        assert held.player == olga.player
        door.clock.pass_(days=1)
        assert door.people.token(short.secret) is None
        (kept,) = door.people.tokens(olga.player)
        assert reason(await door.people.revoke(pia.player, kept.id)) is Reason.NOT_FOUND
        assert door.people.token(long.secret) is not None
        assert await door.people.revoke(olga.player, kept.id) is None
        assert door.people.token(long.secret) is None
        assert door.people.tokens(olga.player) == ()
        assert door.people.token(olga.secret) is None, "a session is no token"
        assert door.people.session(long.secret) is None

    at_the_door(story)


def test_tokens_are_bounded(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        olga = await door.first("Olga")
        assert reason(await door.people.new_token(olga.player, "  ")) is Reason.TEXT_MISSING
        assert reason(await door.people.new_token(olga.player, "x" * 65)) is Reason.TEXT_TOO_LONG
        assert reason(await door.people.new_token(olga.player, "x", days=0)) is Reason.MALFORMED
        assert reason(await door.people.new_token(olga.player, "x", days=10**9)) is Reason.MALFORMED
        for i in range(MOST_TOKENS):
            assert isinstance(await door.people.new_token(olga.player, f"number {i}"), Issued)
        assert reason(await door.people.new_token(olga.player, "one more")) is Reason.MALFORMED

    at_the_door(story)


# ---- what is kept ----------------------------------------------------------------------------------------------------------


def test_no_secret_is_kept_as_it_was_given(at_the_door: Callable[..., Any]) -> None:
    async def story(door: Door) -> None:
        setup = await door.people.setup_secret() or ""
        olga = await door.people.sign_up(setup, "setup", "Olga", PASSWORD)
        assert isinstance(olga, SignedIn)
        token = await door.people.new_token(olga.player, "script")
        invitation = await door.people.invite(olga.player)
        assert isinstance(token, Issued)
        assert isinstance(invitation, Issued)
        await door.people.sign_in("my secret typed as a name", "wrong", HERE)
        kept = door.bytes_kept()
        for secret in (PASSWORD, setup, olga.secret, token.secret, invitation.secret, "my secret typed as a name", HERE):
            assert secret.encode() not in kept
        assert b"$argon2id$" in kept
        assert b"Olga" in kept, "control: what is kept would be found"
        assert digest("x") == hashlib.sha256(b"x").digest()

    at_the_door(story)


def test_the_hash_in_production_costs_what_owasp_asks_for() -> None:
    costly = Passwords()
    kept = asyncio.run(costly.hash(PASSWORD))
    costly.close()
    assert isinstance(kept, str)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_flood_of_passwords_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> list[object]:
        flooded = Passwords(cheap=True)
        try:
            return list(await asyncio.gather(*(flooded.hash(PASSWORD) for _ in range(80))))
        finally:
            flooded.close()

    answers = asyncio.run(story())
    assert sum(isinstance(answer, str) for answer in answers) == 64
    assert {reason(answer) for answer in answers if isinstance(answer, Refusal)} == {Reason.TOO_MANY_TRIES}


def test_a_full_disk_is_a_refusal(at_the_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(door: Door) -> None:
        await door.first("Olga")

        class Full(sqlite3.OperationalError):
            sqlite_errorcode = 13

        def full(*_: object) -> None:
            raise Full("database or disk is full")

        monkeypatch.setattr(door.people, "_begin_session", full)
        assert reason(await door.people.sign_in("Olga", PASSWORD, HERE)) is Reason.DISK_FULL

    at_the_door(story)


def test_a_day_is_a_day() -> None:
    assert DAY == 24 * 3_600 * 1_000_000
