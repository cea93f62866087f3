"""Canaries: passwords, tokens, sessions, links, addresses and the numbers of sealed entries are searched for wherever something is written
for others to read: logs of every level, what a server says, exports, copies of the file, others' mail, refusals."""

from __future__ import annotations

import http.client
import json
import logging
import re
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from anyday.people.accounts import Issued
from anyday.rules import commands as c
from anyday.service import Service
from tests.notify.sinks import mailing, receiving
from tests.test_cli import good, server
from tests.web.conftest import World
from tests.web.test_worlds import MAIL, channel, delivered, texts

PASSWORD: Final = "kanarienvogel-passwort"
WRONG: Final = "kanarienvogel-vertippt"
ADDRESS: Final = "kanarienvogel@example.org"
#: The stakes of sealed entries, and a curve's chance, as points and as units.
SEALED: Final = ("7.654321", "7654321", "8.765432", "8765432", "234567")
PLAYED: Final = {"origin": "1 April 2027", "horizon": "1 June 2027", "resolver": "Olga", "closest": {"stake": "7.654321"}, "forecast": True}


def found(text: str | bytes, *words: str) -> list[str]:
    held = text if isinstance(text, bytes) else text.encode()
    return [word for word in words if word.encode() in held]


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What the program itself logs, at every level: not the mail server of the test, nor its browsers."""
    records = [record for record in caplog.records if not record.name.startswith(("mail", "httpx", "httpcore"))]
    return "\n".join(caplog.handler.format(record) for record in records)


async def seals(alice: Any, question: str) -> None:
    at = f"/api/v1/questions/{question}"
    assert (await alice.post(f"{at}/guesses", json={"guess": "7 April 2027"})).status_code == 200
    curve = {"quantiles": [{"by": "5 May 2027", "chance": "23.4567%"}], "never": "10%"}
    assert (await alice.post(f"{at}/forecast", json={"curve": curve, "points": "8.765432"})).status_code == 200


async def secrets_of(world: World, player: str) -> list[str]:
    """One of each secret that there is."""
    token, link, invitation = await world.people.new_token(player, "script"), await world.people.link(player), await world.people.invite(player)
    assert isinstance(token, Issued) and isinstance(link, Issued) and isinstance(invitation, Issued)
    return [token.secret, link.secret, invitation.secret]


def test_no_canary_is_in_a_log_an_export_a_copy_a_refusal_or_others_mail(
    play: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        olga, alice, _ = await world.owner("Olga"), await world.player("Alice"), await world.player("Bob")
        player = world.people.player_of("Alice") or ""
        assert (await alice.post("/api/v1/me/password", json={"old": "correct horse battery", "new": PASSWORD})).status_code == 200
        question = await world.question(olga, **PLAYED)
        await seals(alice, question)
        secrets = [*await secrets_of(world, player), next(iter(alice.cookies.values()))]
        answers = []
        async with receiving() as receiver, mailing() as mail:
            from anyday.notify import reach
            from anyday.notify.transports import Transports

            settings = world.service.settings
            ways = Transports(type(settings)(**{**vars_of(settings), **MAIL, "smtp_port": mail.port}), reach.Transport(reach.hosts("127.0.0.1")))
            world.service.messages.courier._transports = ways
            for name, address in (("Alice", ADDRESS), ("Alice", receiver.url), ("Bob", "bob@example.org")):
                who = world.people.player_of(name) or ""
                await world.service.database.write(lambda connection, at=address, who=who: channel(connection, who, at, world.service))  # type: ignore[misc]
            for _ in range(2):
                assert (await alice.post(f"/api/v1/questions/{question}/comments", json={"text": "Well"})).status_code == 200
                assert (await olga.post("/api/v1/crew/alarm", json={"reason": "to look"})).status_code == 200
                assert (await olga.post("/api/v1/crew/all-clear", json={})).status_code == 200
                await delivered(world.service)
            receiver.answers[:] = ["500 Broken"]
            assert (await olga.post("/api/v1/crew/alarm", json={"reason": "again"})).status_code == 200
            await delivered(world.service)
            others = [letter for letter in mail.got if ADDRESS not in str(letter["to"])]
            assert others and len(others) < len(mail.got), "control: both are written to"
            said = "\n".join(f"{letter.as_string()} {texts(letter)}" for letter in others)
            assert found(said, ADDRESS, PASSWORD, *SEALED, *secrets) == []

        def broken(*_: object) -> Any:
            raise RuntimeError("a bug")

        with monkeypatch.context() as patched:  # whatever breaks is logged: not what was sent
            patched.setattr(Service, "question", broken)
            patched.setattr(Service, "quote", broken)
            for client in (world.browser(), alice, world.program(secrets[0])):
                for path in (f"/q/{question}?window={PASSWORD}", f"/api/v1/questions/{question}", f"/link/{secrets[1]}", f"/join/{secrets[2]}"):
                    answers.append((await client.get(path)).text)
            answers.append((await alice.post(f"/api/v1/questions/{question}/quote", json={"window": "May", "points": "8.765432"})).text)
        answers.append((await world.browser().post("/sign-in", data={"name": "Alice", "password": WRONG})).text)
        answers.append((await world.browser().post(f"/join/{secrets[2]}", data={"name": "Alice", "password": WRONG})).text)
        answers.append((await alice.post(f"/api/v1/questions/{question}/guesses", json={"guess": "31 December 2026"})).text)
        assert found("\n".join(answers), WRONG, ADDRESS, "7654321", "8765432", "234567", secrets[0], secrets[1], secrets[3]) == []
        await world.service.database.backup(tmp_path / "copy.db")
        copied = (tmp_path / "copy.db").read_bytes()
        assert found(copied, PASSWORD, WRONG, *secrets) == [], "a copy holds hashes of them"
        assert found(copied, ADDRESS) == [ADDRESS], "and the addresses: whoever has the file has those"
        assert "a bug" in logged(caplog), "control: it is logged"
        assert found(logged(caplog), PASSWORD, WRONG, ADDRESS, *SEALED, *secrets) == []

    play(story, address="https://any.example")
    exported = good("export", "--db", str(tmp_path / "any.db")).splitlines()
    hidden = [line for line in exported if json.loads(line)["stream"].startswith("hidden/")]
    seen = "\n".join(line for line in exported if line not in hidden)
    assert len(hidden) == 2 and found(seen, PASSWORD, WRONG, ADDRESS, "Alice", "8765432", "234567") == []


def vars_of(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def posted(address: str, path: str, form: dict[str, str]) -> tuple[int, str]:
    parts = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": address.rstrip("/")}
    connection.request("POST", path, urllib.parse.urlencode(form), headers)
    answer = connection.getresponse()
    cookie = answer.getheader("set-cookie") or ""
    answer.read()
    connection.close()
    return answer.status, cookie


def test_a_server_says_none_of_them_on_its_standard_error(tmp_path: Path) -> None:
    with server(tmp_path / "any.db") as (process, ready):
        address = str(ready["address"])
        setup = re.search(r"/setup/([\w-]+)", json.dumps(ready))
        assert setup is not None, ready
        form = {"crew": "The Lift", "zone": "UTC", "name": "Olga", "password": PASSWORD}
        status, cookie = posted(address, f"/setup/{setup.group(1)}", form)
        assert status == 303 and cookie
        assert posted(address, "/sign-in", {"name": "Olga", "password": WRONG})[0] == 401
        assert posted(address, "/sign-in", {"name": "Olga", "password": PASSWORD})[0] == 303
        assert posted(address, f"/link/{WRONG}", {})[0] in (405, 410)
        process.terminate()
        out, said = process.communicate(timeout=60)
        session = re.search(r"anyday=([\w-]+)", cookie)
        assert session is not None
        assert found(out + said, PASSWORD, WRONG, session.group(1), setup.group(1)) == []


def test_control_a_log_that_says_what_was_sent_is_found(play: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World) -> None:
        good_submit = world.service.submit

        async def submit(envelope: c.Envelope) -> Any:
            logging.getLogger("anyday.writer").warning("decided %s", envelope.body)
            return await good_submit(envelope)

        olga, alice = await world.owner("Olga"), await world.player("Alice")
        question = await world.question(olga, **PLAYED)
        world.service.submit = submit  # type: ignore[method-assign]
        await seals(alice, question)
        assert found(logged(caplog), *SEALED) == ["8765432", "234567"]

    play(story)
