"""Every setting: name, type, default, bounds, help. Read once, at start, from the environment (``ANYDAY_…``) or by argument.

A setting out of bounds stops the start with a sentence; the page of settings is generated from this table.
"""

from __future__ import annotations

import sys
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

PREFIX: Final = "ANYDAY_"


class BadSetting(Exception):
    """A setting cannot be used; the message says which and what it may be."""


class Secret:
    """A setting that nobody is shown: not in a representation, a log, a page or a message. ``reveal`` is for the one place that needs it."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        """What it is."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "(secret)" if self._value else "(none)"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


NO_SECRET: Final = Secret()


def _setting(default: Any, text: str, least: int | None = None, most: int | None = None, *, one_of: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"help": text, "least": least, "most": most, "one_of": one_of})


@dataclass(frozen=True, slots=True)
class Settings:
    """How this server behaves; what belongs to a crew is in its log instead."""

    batch: int = _setting(256, "The most commands that one transaction carries; 1 commits each alone.", 1, 10_000)
    questions_cached: int = _setting(256, "How many folded questions are kept in memory; the least recently used goes first.", 1, 100_000)
    command_days: int = _setting(30, "How many days a command's id and reply are kept, so that a retry is safe.", 30, 3_650)
    session_days: int = _setting(30, "After how many days without a visit one must sign in again.", 1, 365)
    token_days: int = _setting(365, "How many days a new API token is good for.", 1, 3_650)
    invitation_days: int = _setting(7, "How many days an invitation is good for.", 1, 90)
    invitation_uses: int = _setting(20, "How many people may join by one invitation.", 1, 1_000)
    sign_in_tries: int = _setting(10, "How many failed sign-ins a name or an address has in fifteen minutes.", 1, 1_000)
    live_pages: int = _setting(5_000, "How many open pages may watch at once.", 1, 100_000)
    live_pages_each: int = _setting(20, "How many open pages one address or player may have.", 1, 10_000)
    open_to_read: bool = _setting(False, "Whether people who are not signed in may read the board and the questions.")
    crews_each: int = _setting(20, "How many crews one player may open; with 0, only commands on the server's own machine open any.", 0, 1_000)
    smtp_host: str = _setting("", "The server that takes e-mail; empty: no e-mail is sent.")
    smtp_port: int = _setting(587, "Its port.", 1, 65_535)
    smtp_security: str = _setting("starttls", "How it is spoken to.", one_of=("none", "starttls", "tls"))
    smtp_user: str = _setting("", "The name to sign in with there; empty: none.")
    smtp_password: Secret = _setting(NO_SECRET, "The password that goes with it. It is never shown.")  # noqa: RUF009  frozen
    smtp_from: str = _setting("", "The address that e-mail comes from, such as anyday@example.org.")
    reachable_hosts: str = _setting("", "Hosts, with commas between, to which messages may go though their addresses are private.")
    apprise: bool = _setting(False, "Whether players may use Apprise's services (an extra). What it connects to is not checked.")
    trusted_proxies: str = _setting("", "Addresses, with commas between, of the proxies whose X-Forwarded headers are believed.")
    accounts_a_day: int = _setting(50, "How many accounts may be made from one address in a day.", 1, 10_000)
    address: str = _setting(
        "", "The server's public address, such as https://when.example.org, for links, passkeys and OpenID Connect. Empty: as it is asked for."
    )
    oidc_issuer: str = _setting("", "The issuer of an OpenID Connect provider through which people may sign in; needs the setting address.")
    oidc_client_id: str = _setting("", "This server's client id at that provider.")
    oidc_client_secret: Secret = _setting(  # noqa: RUF009  a field like the others
        NO_SECRET, "This server's client secret at that provider; never shown. Empty for a public client."
    )
    oidc_name: str = _setting("OpenID Connect", "What the button for signing in through the provider calls it.")
    weak_hash_for_tests: bool = _setting(False, "A cheap password hash; refused unless tests run (ANYDAY_TESTING=1).")


def read_settings(environment: Mapping[str, str], **given: Any) -> Settings:
    """The settings from the environment, overruled by ``given``. Raises ``BadSetting``."""
    values: dict[str, Any] = {}
    for item in fields(Settings):
        typed = environment.get(PREFIX + item.name.upper())
        value = given.get(item.name, item.default if typed is None else _parse(item.name, typed, type(item.default)))
        least, most = item.metadata["least"], item.metadata["most"]
        if least is not None and most is not None and not least <= value <= most:
            raise BadSetting(f"{PREFIX}{item.name.upper()} must be between {least} and {most}; it is {value}.")
        if item.metadata["one_of"] and value not in item.metadata["one_of"]:
            raise BadSetting(f"{PREFIX}{item.name.upper()} must be one of {', '.join(item.metadata['one_of'])}.")
        values[item.name] = value
    unknown = [name for name in given if name not in values]
    assert not unknown, f"no such setting: {unknown}"
    settings = Settings(**values)
    _check_addresses(settings)
    if settings.weak_hash_for_tests and environment.get("ANYDAY_TESTING") != "1":
        raise BadSetting("ANYDAY_WEAK_HASH_FOR_TESTS is for tests only.")
    if settings.smtp_host and not settings.smtp_from:
        raise BadSetting("ANYDAY_SMTP_FROM must say which address e-mail comes from.")
    if settings.address and not settings.address.startswith(("https://", "http://")):
        raise BadSetting("ANYDAY_ADDRESS must begin with https:// or http://.")
    return settings


def _check_addresses(settings: Settings) -> None:
    """The addresses that decide where secrets go: whole origins, to a provider over TLS or on this machine. Raises ``BadSetting``."""
    if settings.address and (not is_origin(settings.address) or urllib.parse.urlsplit(settings.address).path):
        raise BadSetting("ANYDAY_ADDRESS must be like https://when.example.org, without a path.")
    if not settings.oidc_issuer:
        return
    if not is_origin(settings.oidc_issuer, safe=True):
        raise BadSetting("ANYDAY_OIDC_ISSUER must be like https://login.example.org; http only for a provider on this machine.")
    if not settings.oidc_client_id or not is_origin(settings.address, safe=True):
        raise BadSetting("ANYDAY_OIDC_ISSUER needs ANYDAY_OIDC_CLIENT_ID beside it, and an ANYDAY_ADDRESS with https.")


def is_origin(address: str, *, safe: bool = False) -> bool:
    """Whether it names a server, perhaps with a path; with ``safe`` only where nobody on the way can read what is sent there."""
    try:
        parts = urllib.parse.urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or port == 0 or not address.isascii() or any(c in " ?#\\" or c < " " for c in address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (not safe or host in ("localhost", "127.0.0.1", "::1")))


def _parse(name: str, typed: str, kind: type) -> Any:
    if kind is bool and typed.lower() in ("0", "1", "true", "false"):
        return typed.lower() in ("1", "true")
    if kind is int and len(typed) < 12 and typed.isascii() and typed.isdecimal():
        return int(typed)
    if kind is str:
        return typed
    if kind is Secret:
        return Secret(typed)
    raise BadSetting(f"{PREFIX}{name.upper()} cannot be read: {typed!r}.")


def refuse_without_assertions() -> None:
    """Assertions stay on in production: ``python -O`` is refused at start. Raises ``BadSetting``."""
    if not __debug__ or sys.flags.optimize:
        raise BadSetting("AnyDay checks its invariants while it runs; start Python without -O and PYTHONOPTIMIZE.")
