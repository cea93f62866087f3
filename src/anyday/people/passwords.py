"""Passwords and secrets: hashed here, and nowhere kept as they were given.

Sessions, tokens and invitations are random strings of 128 or 256 bits, so one SHA-256 is enough for them. Passwords are
chosen by people, so they get argon2id (19 MiB, 2 passes, 1 lane: OWASP's first choice), in threads beside the loop.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import argon2

from anyday.refusals import Reason, Refusal

T = TypeVar("T")

SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 256
LONGEST_SECRET: Final = 128
TOKEN_PREFIX: Final = "anyday_"

_THREADS: Final = 2
#: More than these waiting at once means somebody is flooding the door; hashing for all of them would starve it.
_WAITING: Final = 64


def digest(secret: str) -> bytes:
    """What the database keeps of a random secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def new_session() -> str:
    """A session's secret: 256 bits."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """A bearer token: 256 bits, with a prefix that scanners for leaked secrets can look for."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_invitation() -> str:
    """An invitation's secret: 128 bits."""
    return secrets.token_urlsafe(16)


def new_player() -> str:
    """A player's id: opaque, ``p`` and ten letters or digits (50 bits)."""
    return "p" + base64.b32encode(secrets.token_bytes(7)).decode()[:10].lower()


def check_password(password: str) -> str | Refusal:
    """The password as it is hashed (NFC), or why it will not do."""
    if len(password) > LONGEST_PASSWORD:
        return Refusal(Reason.TEXT_TOO_LONG, name="the password", limit=LONGEST_PASSWORD)
    kept = unicodedata.normalize("NFC", password)
    return Refusal(Reason.WEAK_PASSWORD) if len(kept) < SHORTEST_PASSWORD else kept


class Passwords:
    """Hashes and checks passwords in a small pool of threads. ``cheap`` is for tests; start-up refuses it elsewhere."""

    def __init__(self, *, cheap: bool = False) -> None:
        passes, kib = (1, 8) if cheap else (2, 19 * 1024)
        self._hasher = argon2.PasswordHasher(time_cost=passes, memory_cost=kib, parallelism=1)
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="anyday-passwords")
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str | Refusal:
        """The argon2id string to keep, or a refusal while too many are waiting."""
        return await self._run(self._hasher.hash, password)

    async def matches(self, kept: str | None, password: str) -> bool | Refusal:
        """Whether ``password`` is the one behind ``kept``. Without one (an unknown name), the same work is done and the answer is no."""
        if self._nobody is None:  # for known names too, so that the first try takes as long for both
            made = await self.hash(secrets.token_hex(16))
            if isinstance(made, Refusal):
                return made
            self._nobody = made
        answer = await self._run(self._verify, kept or self._nobody or "", unicodedata.normalize("NFC", password))
        return answer if isinstance(answer, Refusal) else answer and kept is not None

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: str) -> T | Refusal:
        if self._waiting >= _WAITING:
            return Refusal(Reason.TOO_MANY_TRIES, wait="a minute")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._waiting -= 1
