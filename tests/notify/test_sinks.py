"""Deliveries to real sinks: a mail server, receivers of webhooks and ntfy, and those that hang, refuse, never end, or lie."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import threading
import time
from email.message import EmailMessage
from pathlib import Path
from types import ModuleType
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP as MailServer
from aiosmtpd.smtp import AuthResult, Envelope

from anyday.notify import reach, transports
from anyday.notify.transports import Item, Message, Transports, Undelivered
from anyday.settings import Secret, Settings
from tests.notify import sinks
from tests.notify.office import START, Office, office, run

MAIL = {"smtp_host": "127.0.0.1", "smtp_security": "none", "smtp_from": "any@example.org", "address": "https://when.example.org"}


def message(title: str = "The lift works", text: str = "At last.", **more: Any) -> Message:
    item = Item(title, text, "https://when.example.org/q/q1", "settled", "crew", "2027-03-14T00:00:00Z")
    return Message("d" * 32, title, (item,), now=START, **more)


# webhooks


def test_a_webhook_is_json_signed_over_time_delivery_and_body(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path, address="https://when.example.org/") as post, sinks.receiving() as receiver:
            channel = post.channel("anna", "webhook", receiver.url)
            post.tell()
            await post.work()
            got = receiver.got[0]
            time_, delivery = got.headers["anyday-time"], got.headers["anyday-delivery"]
            mac = hmac.new(channel.secret.encode(), f"{time_}.{delivery}.".encode() + got.body, hashlib.sha256)
            assert got.headers["anyday-signature"] == "v1=" + mac.hexdigest()
            assert (int(time_), len(channel.secret) >= 40, got.headers["content-type"]) == (START // 1_000_000, True, "application/json")
            assert json.loads(got.body) == {
                "delivery": delivery, "urgent": True, "title": "alarm a",
                "items": [{
                    "kind": "alarm", "crew": "crew", "at": "2027-03-14T00:00:00Z", "title": "alarm a", "text": "Dear anna.",
                    "link": "https://when.example.org/q/q1",
                }],
            }  # fmt: skip

    run(story())


@pytest.mark.parametrize("change", ["body", "time", "delivery", "secret"])
def test_control_a_forged_webhook_has_another_signature(change: str) -> None:
    given: dict[str, Any] = {"secret": "s" * 43, "time": 1_804_982_400, "delivery": "d" * 32, "body": b'{"a":1}'}
    changed = given | {change: {"body": b'{"a":2}', "time": 1_804_982_401, "delivery": "e" * 32, "secret": "t" * 43}[change]}
    assert transports.signature(**given) != transports.signature(**changed)


# ntfy


def test_ntfy_gets_its_own_json_at_the_server_with_the_topic_in_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path, address="https://when.example.org") as post, sinks.receiving() as receiver:
            post.channel("anna", "ntfy", f"http://127.0.0.1:{receiver.port}/our-crew", token="tk_abc")
            post.tell()
            post.tell(kind="settled", key="é\nb")
            await post.work()
            said = [json.loads(got.body) for got in receiver.got]
            told = [(each["topic"], each["title"], each["priority"]) for each in said]
            assert told == [("our-crew", "alarm a", 5), ("our-crew", "settled é\nb", 3)]
            assert said[0]["click"] == "https://when.example.org/q/q1"
            assert receiver.got[0].head.startswith("POST / HTTP/1.1")
            assert receiver.got[0].headers["authorization"] == "Bearer tk_abc"

    run(story())


# e-mail


def test_an_e_mail_is_plain_text_and_the_same_as_html_with_one_click_to_end_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with sinks.mailing() as mail, office(tmp_path, smtp_port=mail.port, **MAIL) as post:
            post.channel("anna", "email", "anna@example.net")
            post.tell(kind="settled", key="<b>x</b>")
            await post.work()
            (letter,) = mail.got
            assert (letter["to"], letter["from"], letter["subject"]) == ("anna@example.net", "AnyDay <any@example.org>", "settled <b>x</b>")
            link = letter["list-unsubscribe"].strip("<>")
            assert link.startswith("https://when.example.org/unsubscribe/")
            assert letter["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
            assert letter["auto-submitted"] == "auto-generated"
            plain, page = (letter.get_body((kind,)) for kind in ("plain", "html"))
            assert plain is not None and page is not None
            assert "Dear anna.\nhttps://when.example.org/q/q1" in plain.get_content().replace("\r\n", "\n")
            assert link in plain.get_content()
            assert "&lt;b&gt;x&lt;/b&gt;" in page.get_content() and "<b>" not in page.get_content()

    run(story())


@pytest.mark.parametrize(
    "title",
    [
        "x\r\nBcc: victim@example.org", "x\nSubject: y", "x\r\n\r\nbody", "x\x00y", "x\u2028Bcc: v@example.org", "x\x85Bcc: v@example.org",
        "é" * 500, "", " ",
    ],
)  # fmt: skip
def test_no_title_puts_a_header_into_an_e_mail(title: str) -> None:
    made = transports.as_email(message(title, "text"), "anna@example.net", "any@example.org")
    raw = made.as_bytes()
    head = raw.split(b"\r\n\r\n")[0]
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")}
    assert names == {b"from", b"to", b"subject", b"date", b"message-id", b"auto-submitted", b"anyday-delivery", b"mime-version", b"content-type"}
    assert b"\x00" not in head


@pytest.mark.parametrize(
    "sent", ["a@b.c\r\nBcc: v@example.org", "a@b.c, v@example.org", "<a@b.c>", "a b@c.d", "a@b", "é@example.org", "a@-", "@b.c", "a@b..c"]
)
def test_no_address_that_is_none_is_kept(sent: str) -> None:
    from anyday.notify import channels

    checked = channels.check("email", sent, Settings(**MAIL))
    assert not isinstance(checked, str), checked


def test_the_password_is_used_and_never_shown(tmp_path: Path) -> None:
    settings = Settings(**MAIL, smtp_user="any", smtp_password=Secret("canary-7f3a"))
    assert "canary" not in repr(settings) + str(settings) + f"{settings.smtp_password}"
    asked: list[tuple[bytes, bytes]] = []

    class Box:
        async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
            return "250 taken"

    def who(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        asked.append((data.login, data.password))
        return AuthResult(success=data.password == b"canary-7f3a", handled=False)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: MailServer(Box(), authenticator=who, auth_require_tls=False, loop=loop), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        ways = Transports(Settings(**MAIL, smtp_port=port, smtp_user="any", smtp_password=Secret("canary-7f3a")))
        await ways.send("email", "anna@example.net", "", message())
        wrong = Transports(Settings(**MAIL, smtp_port=port, smtp_user="any", smtp_password=Secret("canary-wrong")))
        with pytest.raises(Undelivered) as why:
            await wrong.send("email", "anna@example.net", "", message())
        assert "canary" not in str(why.value)
        server.close()

    run(story())
    assert set(asked) == {(b"any", b"canary-7f3a"), (b"any", b"canary-wrong")}


def test_tls_that_does_not_hold_sends_nothing_and_is_tried_again(tmp_path: Path) -> None:
    async def story() -> None:
        tls, _ = sinks.certificate(tmp_path, "mail.example")
        async with sinks.mailing(tls) as mail, office(tmp_path, **{**MAIL, "smtp_security": "starttls", "smtp_port": mail.port}) as post:
            post.channel("anna", "email", "anna@example.net")
            post.tell(kind="settled")
            await post.work()
            assert mail.got == []
            assert [row[:2] for row in post.rows("SELECT state, tries FROM delivery")] == [("waiting", 1)]

    run(story())


def test_starttls_with_a_certificate_that_holds_delivers(tmp_path: Path) -> None:
    import ssl

    async def story() -> None:
        tls, pem = sinks.certificate(tmp_path, "mail.example")
        async with sinks.mailing(tls) as mail:
            settings = Settings(**{**MAIL, "smtp_security": "starttls", "smtp_port": mail.port})
            await Transports(settings, smtp_tls=ssl.create_default_context(cafile=pem)).send("email", "anna@example.net", "", message())
            assert len(mail.got) == 1

    run(story())


@pytest.mark.parametrize(("answer", "state"), [("451 later", "waiting"), ("552 too much", "failed"), ("554 no", "waiting")])
def test_a_mail_server_that_answers_no_is_understood(tmp_path: Path, answer: str, state: str) -> None:
    async def story() -> None:
        async with sinks.mailing() as mail, office(tmp_path, smtp_port=mail.port, **MAIL) as post:
            mail.box.refuse = [answer]
            post.channel("anna", "email", "anna@example.net")
            post.tell(kind="settled")
            await post.work()
            assert post.rows("SELECT state FROM delivery") == [(state,)]
            await post.work(1)
            assert len(mail.got) == (state == "waiting")

    run(story())


# Apprise


def test_apprise_is_used_only_where_it_is_switched_on_and_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str, str, bool]] = []

    class Apprise:
        def add(self, address: str) -> bool:
            self.address = address
            return not address.startswith("nonsense")

        def notify(self, body: str, title: str) -> bool:
            told.append((self.address, title, body, threading.current_thread() is threading.main_thread()))
            return True

    module = ModuleType("apprise")
    module.Apprise = Apprise  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "apprise", module)

    async def story() -> None:
        async with office(tmp_path, apprise=True) as post:
            post.channel("anna", "apprise", "tgram://token/chat")
            post.channel("bert", "apprise", "nonsense://x")
            for player in ("anna", "bert"):
                post.tell(player=player, kind="settled")
            await post.work()
            assert told == [("tgram://token/chat", "settled a", "Dear anna.", False)]
            assert post.rows("SELECT error FROM delivery WHERE player='bert'") == [("Apprise could not deliver it.",)]
        with pytest.raises(Undelivered, match="no longer"):
            await Transports(Settings()).send("apprise", "tgram://token/chat", "", message())
        monkeypatch.setitem(sys.modules, "apprise", None)
        with pytest.raises(Undelivered, match="no Apprise installed"):
            await Transports(Settings(apprise=True)).send("apprise", "tgram://token/chat", "", message())

    run(story())


# sinks that misbehave delay nobody


async def _among_the_bad(post: Office, receiver: sinks.Receiver, bad: list[str]) -> float:
    """Seconds until a well-behaved sink has its message, beside many players who have every bad one."""
    for number in range(20):
        for address in bad:
            post.channel(f"bad{number}", "webhook", f"{address}?{number}")
        post.tell(player=f"bad{number}", kind="settled")
    post.channel("anna", "webhook", receiver.url)
    post.tell(kind="settled")
    begun = time.monotonic()
    while not receiver.got:
        await post.courier.round()
        await asyncio.sleep(0.01)
    return time.monotonic() - begun


def test_sinks_that_hang_or_never_end_do_not_keep_others_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            office(tmp_path) as post, sinks.receiving() as receiver, sinks.listening(sinks.hangs) as hangs, sinks.listening(sinks.endless) as endless,
            sinks.listening(sinks.drips) as drips, sinks.listening(sinks.babbles) as babbles,
        ):  # fmt: skip
            waited = await _among_the_bad(post, receiver, [f"http://127.0.0.1:{port}/" for port in (hangs, endless, drips, babbles)])
            assert waited < reach.SECONDS, "it went out before any of the others was given up"

    run(story())


def test_a_mail_server_that_hangs_does_not_keep_webhooks_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        async with sinks.listening(sinks.hangs) as port, sinks.receiving() as receiver, office(tmp_path, smtp_port=port, **MAIL) as post:
            for number in range(40):
                post.channel(f"p{number}", "email", f"p{number}@example.net")
                post.tell(player=f"p{number}", kind="settled")
            post.channel("anna", "webhook", receiver.url)
            post.tell(kind="settled")
            await post.courier.round()
            while not receiver.got:
                await asyncio.sleep(0.01)
            assert len(post.courier._under_way) >= 16, "the letters are still waiting for their server"

    run(story())


def test_a_courier_that_rests_wakes_when_something_is_put_in(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.courier.start()
            await asyncio.sleep(0.05)
            assert receiver.got == []
            post.tell()
            post.courier.wake()
            while not receiver.got:
                await asyncio.sleep(0.005)

    run(story())


def test_control_a_courier_that_nobody_wakes_rests(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.courier.start()
            await asyncio.sleep(0.05)
            post.tell()
            await asyncio.sleep(0.2)
            assert receiver.got == []

    run(story())


def test_what_breaks_in_rendering_is_logged_and_holds_up_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            for player in ("anna", "bert"):
                post.channel(player, "webhook", receiver.url)
                post.tell(player=player, kind="settled")
            words = post.render
            post.courier._render = lambda notice, recipient: words(notice, recipient) if recipient == "bert" else 1 // 0  # type: ignore[assignment]
            await post.work()
            assert len(receiver.got) == 1
            assert post.rows("SELECT state FROM delivery ORDER BY player") == [("waiting",), ("sent",)]

    run(story())
    assert "a delivery broke" in caplog.text


def test_a_letter_survives_the_mail_library(tmp_path: Path) -> None:
    """What aiosmtplib sends is what was made: a check that its types are the ones we hand it."""
    letter = transports.as_email(message("Grüße", "Zeile 1\n.\nZeile 3"), "anna@example.net", "any@example.org")
    assert isinstance(letter, EmailMessage)

    async def story() -> None:
        async with sinks.mailing() as mail:
            await aiosmtplib.send(letter, hostname="127.0.0.1", port=mail.port, start_tls=False)
            plain = mail.got[0].get_body(("plain",))
            assert plain is not None and plain.get_content().replace("\r\n", "\n").startswith("Zeile 1\n.\nZeile 3\n")
            assert mail.got[0]["subject"] == "Grüße"

    run(story())
