"""How a message leaves: by e-mail, as a signed webhook, to ntfy, or by what Apprise knows. Each is bounded in time.

A delivery that did not arrive raises ``Undelivered`` with a sentence that its recipient may read; whatever a sink answers
beyond its status is read by nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import html
import logging
import ssl
from dataclasses import dataclass
from datetime import UTC
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

import aiosmtplib
import httpx
import msgspec

from anyday.instants import SECOND, utc_of
from anyday.notify import reach
from anyday.notify.reach import Unreachable
from anyday.settings import Settings

#: The same, by the name of what it means here.
Undelivered = Unreachable

EMAIL, WEBHOOK, NTFY, APPRISE = "email", "webhook", "ntfy", "apprise"
SMTP_SECONDS: Final = 20.0
APPRISE_SECONDS: Final = 30.0
#: The headers of a webhook: which delivery it is (the same again when it is sent again), when it was signed, and the signature.
DELIVERY_HEADER, TIME_HEADER, SIGNATURE_HEADER = "AnyDay-Delivery", "AnyDay-Time", "AnyDay-Signature"
#: A 4xx is a "no" that will stay one, but for these.
_AGAIN: Final = (408, 425, 429)
#: A line of a header may be long enough for a link: some readers of mail stumble over a header that begins on its second line.
_POLICY: Final = SMTP.clone(max_line_length=250)
#: ntfy's scale: 5 breaks through "do not disturb".
_URGENT, _USUAL = 5, 3

# At INFO these write down each address that they ask: a webhook's is its owner's secret.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is told; ``link`` is whole, or empty where the server does not know its own address."""

    title: str
    text: str
    link: str
    kind: str
    crew: str
    at: str


@dataclass(frozen=True, slots=True)
class Message:
    """What one delivery says: one thing, or several at once. ``unsubscribe`` is the whole address that ends the channel, for e-mail."""

    delivery: str
    title: str
    items: tuple[Item, ...]
    urgent: bool = False
    now: int = 0
    unsubscribe: str = ""
    foot: str = ""

    @property
    def text(self) -> str:
        """All of it, as plain text."""
        parts = []
        for item in self.items:
            heading = [item.title] if len(self.items) > 1 else []
            parts.append("\n".join([*heading, item.text, *([item.link] if item.link else [])]))
        return "\n\n".join([*parts, *([f"-- \n{self.foot}"] if self.foot else [])])


class Transports:
    """Every way out, as the settings have it. ``network`` is what webhooks and ntfy go through."""

    def __init__(self, settings: Settings, network: httpx.AsyncBaseTransport | None = None, smtp_tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._network = network or reach.Transport(reach.hosts(settings.reachable_hosts))
        self._smtp_tls = smtp_tls

    async def send(self, kind: str, address: str, secret: str, message: Message) -> None:
        """Deliver a message by a channel. Raises ``Undelivered``."""
        if not offered(kind, self._settings):
            raise Undelivered("This server no longer sends anything this way.", for_good=True)
        if kind == EMAIL:
            await self._email(address, message)
        elif kind == WEBHOOK:
            body = webhook_body(message)
            await self._post(address, body, webhook_headers(secret, message.now // SECOND, message.delivery, body))
        elif kind == NTFY:
            await self._ntfy(address, secret, message)
        else:
            await _apprise(address, message)

    async def close(self) -> None:
        """Close what is open."""
        await self._network.aclose()

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        status = await reach.post(self._network, url, body, {"content-type": "application/json", "user-agent": "AnyDay", **headers})
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise Undelivered("It answered with a redirection, which is not followed. Give the address that it leads to.", for_good=True)
        raise Undelivered(f"It answered with the status {status}.", for_good=400 <= status < 500 and status not in _AGAIN)

    async def _ntfy(self, url: str, token: str, message: Message) -> None:
        server, _, topic = url.rstrip("/").rpartition("/")
        links = {item.link for item in message.items if item.link}
        said = {
            "topic": topic, "title": message.title, "message": message.text[:3_500], "priority": _URGENT if message.urgent else _USUAL,
            **({"click": links.pop()} if len(links) == 1 else {}),
        }  # fmt: skip
        await self._post(server + "/", msgspec.json.encode(said), {"authorization": f"Bearer {token}"} if token else {})

    async def _email(self, address: str, message: Message) -> None:
        settings = self._settings
        letter = as_email(message, address, settings.smtp_from)
        try:
            async with asyncio.timeout(SMTP_SECONDS):
                await aiosmtplib.send(
                    letter.as_bytes(), sender=settings.smtp_from, recipients=[address], hostname=settings.smtp_host,
                    port=settings.smtp_port, username=settings.smtp_user or None,
                    password=settings.smtp_password.reveal() or None, use_tls=settings.smtp_security == "tls",
                    start_tls=settings.smtp_security == "starttls", tls_context=self._smtp_tls, timeout=SMTP_SECONDS,
                )  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code if error.recipients else 0
            raise Undelivered("The mail server does not take that address.", for_good=code >= 500)
        except aiosmtplib.SMTPAuthenticationError:
            raise Undelivered("The mail server does not let this server sign in.")
        except aiosmtplib.SMTPResponseException as error:
            raise Undelivered(f"The mail server answered with the status {error.code}.", for_good=error.code == 552)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            raise Undelivered(f"The mail server did not answer within {SMTP_SECONDS:g} seconds.")
        except (aiosmtplib.SMTPException, OSError, ValueError):
            raise Undelivered("The mail server cannot be reached, or not as safely as the settings ask.")


def offered(kind: str, settings: Settings) -> bool:
    """Whether the settings let anything go this way."""
    return {EMAIL: bool(settings.smtp_host), WEBHOOK: True, NTFY: True, APPRISE: settings.apprise}[kind]


# what is sent


def as_email(message: Message, to: str, sender: str) -> EmailMessage:
    """The message as e-mail: plain text, and the same as simple HTML. A header holds no line break, whatever a title holds."""
    letter = EmailMessage(policy=_POLICY)
    letter["From"] = Address(addr_spec=sender, display_name="AnyDay")
    letter["To"] = Address(addr_spec=to)
    letter["Subject"] = " ".join("".join(c if c.isprintable() else " " for c in message.title).split())[:200]
    letter["Date"] = format_datetime(utc_of(message.now).replace(tzinfo=UTC))
    letter["Message-ID"] = f"<{message.delivery}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter[DELIVERY_HEADER] = message.delivery
    if message.unsubscribe:
        letter["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter.set_content(message.text + "\n")
    letter.add_alternative(_as_html(message), subtype="html")
    return letter


def _as_html(message: Message) -> str:
    said = []
    for item in message.items:
        title = html.escape(item.title)
        heading = f'<a href="{html.escape(item.link)}">{title}</a>' if item.link else title
        lines = "<br>".join(html.escape(line) for line in item.text.split("\n"))
        said.append(f"<h2>{heading}</h2>\n<p>{lines}</p>")
    foot = "<br>".join(html.escape(line) for line in message.foot.split("\n"))
    return "<!doctype html>\n<html><body>\n" + "\n".join(said) + (f"\n<hr>\n<p>{foot}</p>" if foot else "") + "\n</body></html>\n"


def webhook_body(message: Message) -> bytes:
    """The message as JSON: the delivery's id, what it is, and each thing that it tells."""
    told = [
        {"kind": item.kind, "crew": item.crew, "at": item.at, "title": item.title, "text": item.text, "link": item.link} for item in message.items
    ]
    return msgspec.json.encode({"delivery": message.delivery, "urgent": message.urgent, "title": message.title, "items": told})


def signature(secret: str, time: int, delivery: str, body: bytes) -> str:
    """HMAC-SHA256 over ``time.delivery.body``: a body cannot be forged, nor an old one sent again as if it were new."""
    signed = f"{time}.{delivery}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def webhook_headers(secret: str, time: int, delivery: str, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows that a webhook is ours; ``time`` in seconds."""
    return {DELIVERY_HEADER: delivery, TIME_HEADER: str(time), SIGNATURE_HEADER: signature(secret, time, delivery, body)}


async def _apprise(address: str, message: Message) -> None:
    try:
        import apprise  # type: ignore[import-not-found, unused-ignore]  # an extra: it may not be installed
    except ImportError:
        raise Undelivered("This server has no Apprise installed.")

    def notify() -> bool:
        service = apprise.Apprise()
        return bool(service.add(address)) and bool(service.notify(body=message.text, title=message.title))

    try:
        async with asyncio.timeout(APPRISE_SECONDS):
            arrived = await asyncio.to_thread(notify)
    except TimeoutError:
        raise Undelivered(f"Apprise did not finish within {APPRISE_SECONDS:g} seconds.")
    except Exception:
        raise Undelivered("Apprise could not deliver it.")
    if not arrived:
        raise Undelivered("Apprise could not deliver it.")
