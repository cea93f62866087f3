"""Every setting: name, type, default, bounds, help. Read once, at start, from the environment (``ANYDAY_…``) or by argument.

A setting out of bounds stops the start with a sentence; the page of settings is generated from this table.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

PREFIX: Final = "ANYDAY_"


class BadSetting(Exception):
    """A setting cannot be used; the message says which and what it may be."""


def _setting(default: Any, text: str, least: int | None = None, most: int | None = None) -> Any:
    return field(default=default, metadata={"help": text, "least": least, "most": most})


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
    trusted_proxies: str = _setting("", "Addresses, with commas between, of the proxies whose X-Forwarded headers are believed.")
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
        values[item.name] = value
    unknown = [name for name in given if name not in values]
    assert not unknown, f"no such setting: {unknown}"
    settings = Settings(**values)
    if settings.weak_hash_for_tests and environment.get("ANYDAY_TESTING") != "1":
        raise BadSetting("ANYDAY_WEAK_HASH_FOR_TESTS is for tests only.")
    return settings


def _parse(name: str, typed: str, kind: type) -> Any:
    if kind is bool and typed.lower() in ("0", "1", "true", "false"):
        return typed.lower() in ("1", "true")
    if kind is int and len(typed) < 12 and typed.isascii() and typed.isdecimal():
        return int(typed)
    if kind is str:
        return typed
    raise BadSetting(f"{PREFIX}{name.upper()} cannot be read: {typed!r}.")


def refuse_without_assertions() -> None:
    """Assertions stay on in production: ``python -O`` is refused at start. Raises ``BadSetting``."""
    if not __debug__ or sys.flags.optimize:
        raise BadSetting("AnyDay checks its invariants while it runs; start Python without -O and PYTHONOPTIMIZE.")
