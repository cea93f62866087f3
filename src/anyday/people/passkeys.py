"""Passkeys (WebAuthn): registered from a live session, used with a name or without, each challenge once, at the site they were made for.

The checks of signatures and formats are the library's (``webauthn``, the extra ``passkeys``); which challenge, site and account
they are checked against is decided here. Work is done beside the loop: the library takes a while to load.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import importlib.util
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from anyday.people import challenges, limiter
from anyday.people.desk import Desk, SignedIn, id_of
from anyday.people.names import name_key
from anyday.people.passwords import LONGEST_SECRET, digest
from anyday.refusals import Reason, Refusal

T = TypeVar("T")

MOST_PASSKEYS: Final = 20
#: How many ceremonies an address, or a player, may begin in fifteen minutes.
MOST_CEREMONIES: Final = 60

_REGISTER: Final = "passkey-register"
_SIGN_IN: Final = "passkey-sign-in"
_LONGEST_ID: Final = 1_023
_SECONDS: Final = 120
#: How long ids of credentials are, for those that are made up.
_LENGTHS: Final = (16, 20, 32, 64)


class Site(NamedTuple):
    """Where a browser is: the host to which passkeys belong, and the whole origin that signs for it."""

    host: str
    origin: str


class Attested(NamedTuple):
    """What a browser sends to register a passkey, each part in base64url."""

    id: str
    client_data: str
    attestation: str


class Asserted(NamedTuple):
    """What a browser sends to sign in, each part in base64url."""

    id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str | None


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner sees it. ``doubted_at``: then its counter went backwards, as that of a copy does."""

    id: str
    name: str
    site: str
    created_at: int
    used_at: int | None
    doubted_at: int | None


def available() -> bool:
    """Whether the library is there."""
    return importlib.util.find_spec("webauthn") is not None


class Passkeys(Desk):
    """The passkeys of the people."""

    async def passkey_options(self, player: str, site: Site) -> str | Refusal:
        """What a browser needs to make a passkey, as JSON. The challenge in it is good once, for this player, here."""
        assert available(), "whoever asks has looked"
        counted = await self._count(limiter.by_player("passkey", player, MOST_CEREMONIES))
        if isinstance(counted, Refusal):
            return counted
        secret = await self._write(lambda c: challenges.issue(c, _REGISTER, player, site.host, self._clock()))
        if isinstance(secret, Refusal):
            return secret
        held = [row[0] for row in self._database.read("SELECT credential FROM passkey WHERE player=?", (player,))]
        return await asyncio.to_thread(_creation, site, player, self._names[player], secret, held)

    async def register_passkey(self, player: str, name: str, made: Attested, site: Site, session: str) -> Passkey | Refusal:
        """Keep a passkey that a browser has made. Every other session of the player ends."""
        if not name.strip():
            return Refusal(Reason.TEXT_MISSING, name="the passkey's name")
        if len(name) > 64:
            return Refusal(Reason.TEXT_TOO_LONG, name="the passkey's name", limit=64)
        challenge, kept = await self._challenged(_REGISTER, made.client_data)
        if challenge is None or kept != challenges.Challenge(player, site.host):
            return Refusal(Reason.PASSKEY_FAILED)
        found = await asyncio.to_thread(_attested, made, challenge, site)
        if found is None:
            return Refusal(Reason.PASSKEY_FAILED)
        credential, public_key, sign_count = found
        now = self._clock()

        def work(connection: sqlite3.Connection) -> Passkey | Refusal:
            if connection.execute("SELECT count(*) FROM passkey WHERE player=?", (player,)).fetchone()[0] >= MOST_PASSKEYS:
                return Refusal(Reason.MALFORMED, detail=f"you have {MOST_PASSKEYS} passkeys already; remove one first")
            if connection.execute("SELECT 1 FROM passkey WHERE credential=?", (credential,)).fetchone():
                return Refusal(Reason.PASSKEY_FAILED)
            row = (credential, player, site.host, public_key, sign_count, name.strip(), now)
            connection.execute("INSERT INTO passkey VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)", row)
            self._end_sessions(connection, player, session)
            return Passkey(_id(credential), name.strip(), site.host, now, None, None)

        kept_one = await self._write(work)
        self._sessions.clear()
        return kept_one

    async def sign_in_options(self, name: str, site: Site, address: str) -> str | Refusal:
        """What a browser needs to sign in with a passkey, as JSON: with any it knows for this site or, by a name, with one of theirs.

        A name that nobody has, or that has no passkey, is answered alike: with ids that are made up, and always the same for it.
        """
        assert available(), "whoever asks has looked"
        counted = await self._count(limiter.from_address("passkey", address, MOST_CEREMONIES))
        if isinstance(counted, Refusal):
            return counted
        player = self.player_of(name) if name else None
        mine = "SELECT credential FROM passkey WHERE player=? AND site=? ORDER BY created_at"
        allowed = [row[0] for row in self._database.read(mine, (player, site.host))] if player else []
        if name and not allowed:
            allowed = self._decoys(name[:LONGEST_SECRET])
        # bound to the name that was typed, not to the account that may bear it: the answer does not tell which. Kept hashed, like all
        # that people type there: it stays when somebody is erased
        data = json.dumps([site.host, _hashed(name[:LONGEST_SECRET]) if name else None])
        secret = await self._write(lambda c: challenges.issue(c, _SIGN_IN, None, data, self._clock()))
        return secret if isinstance(secret, Refusal) else await asyncio.to_thread(_request, site, secret, allowed)

    async def sign_in_by_passkey(self, asserted: Asserted, site: Site) -> SignedIn | Refusal:
        """A new session for the passkey's player. One refusal for everything that is wrong with it, but for a counter that went back."""
        challenge, kept = await self._challenged(_SIGN_IN, asserted.client_data)
        credential = _bytes(asserted.id)
        if challenge is None or kept is None or credential is None:
            return Refusal(Reason.PASSKEY_FAILED)
        rows = self._database.read("SELECT player, public_key FROM passkey WHERE credential=? AND site=?", (credential, site.host))
        host, named = json.loads(kept.data)
        if not rows or host != site.host:
            return Refusal(Reason.PASSKEY_FAILED)
        player, public_key = rows[0]
        handle = None if asserted.user_handle is None else _bytes(asserted.user_handle)
        # without a name the passkey itself says whose it is; with one it must be theirs
        theirs = _hashed(self._names.get(player, ""))
        whose = handle == player.encode() if named is None else handle in (None, player.encode()) and named == theirs
        count = await asyncio.to_thread(_counted, asserted, challenge, site, public_key)
        if not whose or count is None:
            return Refusal(Reason.PASSKEY_FAILED)
        begun = await self._write(lambda connection: self._use_passkey(connection, credential, player, count))
        self._sessions.clear()
        return begun

    def passkeys(self, player: str) -> tuple[Passkey, ...]:
        """A player's passkeys, the newest first."""
        rows = self._database.read(_PASSKEYS, (player,))
        return tuple(Passkey(_id(credential), *rest) for credential, *rest in rows)

    async def remove_passkey(self, player: str, passkey: str, session: str) -> Refusal | None:
        """Remove one of the player's own passkeys, unless it is the last way to sign in. Every other session of the player ends."""

        def work(connection: sqlite3.Connection) -> Refusal | None:
            mine = connection.execute("SELECT credential FROM passkey WHERE player=?", (player,)).fetchall()
            found = next((row[0] for row in mine if _id(row[0]) == passkey), None)
            if found is None:
                return Refusal(Reason.NOT_FOUND, what="passkey")
            if not self.more_than_one_way(player, connection):
                return Refusal(Reason.LAST_WAY)
            connection.execute("DELETE FROM passkey WHERE credential=?", (found,))
            self._end_sessions(connection, player, session)
            return None

        refused = await self._write(work)
        self._sessions.clear()
        return refused

    # inside

    async def _challenged(self, kind: str, client_data: str) -> tuple[bytes | None, challenges.Challenge | None]:
        """The challenge that a browser signed, as bytes, with what was kept of it; taken, so that it never comes again."""
        raw = _bytes(client_data, most=16_384)
        try:
            signed = json.loads(raw or b"")["challenge"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return None, None
        if not isinstance(signed, str):
            return None, None
        kept = await self._write(lambda connection: challenges.take(connection, kind, signed, self._clock()))
        return (None, None) if kept is None or isinstance(kept, Refusal) else (_bytes(signed), kept)

    def _use_passkey(self, connection: sqlite3.Connection, credential: bytes, player: str, count: int) -> SignedIn | Refusal:
        # the counter is looked at where nobody can come in between: a copy may be used at the same moment
        row = connection.execute("SELECT sign_count FROM passkey WHERE credential=? AND player=?", (credential, player)).fetchone()
        if row is None:
            return Refusal(Reason.PASSKEY_FAILED)
        if (count or row[0]) and count <= row[0]:
            connection.execute("UPDATE passkey SET doubted_at=? WHERE credential=?", (self._clock(), credential))
            return Refusal(Reason.PASSKEY_DOUBTED)
        connection.execute("UPDATE passkey SET sign_count=?, used_at=? WHERE credential=?", (count, self._clock(), credential))
        return self._begin_session(connection, player)

    def _decoys(self, name: str) -> list[bytes]:
        ((pepper,),) = self._database.read("SELECT value FROM pepper WHERE purpose='decoys'")
        drawn = hmac.digest(pepper, name_key(name).encode("utf-8", "replace"), "sha512")
        return [hashlib.shake_256(drawn + bytes([place])).digest(_LENGTHS[drawn[place] % 4]) for place in range(1 + drawn[9] % 2)]


_PASSKEYS: Final = (
    "SELECT credential, name, site, created_at, used_at, doubted_at FROM passkey WHERE player=? ORDER BY created_at DESC, credential"
)


def _hashed(name: str) -> str:
    return digest(name_key(name)).hex()


def _id(credential: bytes) -> str:
    return id_of(hashlib.sha256(credential).digest())


def _bytes(text: str, most: int = 2 * _LONGEST_ID) -> bytes | None:
    """What base64url without padding stands for; none where it is not that, or too long."""
    if len(text) > most or not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        return None
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return found if base64.urlsafe_b64encode(found).rstrip(b"=").decode() == text else None


# ---- the library, beside the loop ---------------------------------------------------------------------------------------------


def _creation(site: Site, player: str, name: str, challenge: str, held: Sequence[bytes]) -> str:
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers import structs

    options = generate_registration_options(
        rp_id=site.host, rp_name="AnyDay", user_name=name, user_id=player.encode(), challenge=_bytes(challenge), timeout=_SECONDS * 1_000,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED, user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=credential) for credential in held],
    )  # fmt: skip
    return options_to_json(options)


def _request(site: Site, challenge: str, allowed: Sequence[bytes]) -> str:
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers import structs

    options = generate_authentication_options(
        rp_id=site.host, challenge=_bytes(challenge), timeout=_SECONDS * 1_000,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=credential) for credential in allowed],
        user_verification=structs.UserVerificationRequirement.PREFERRED,
    )  # fmt: skip
    return options_to_json(options)


def _attested(made: Attested, challenge: bytes, site: Site) -> tuple[bytes, bytes, int] | None:
    """The id, the public key and the counter of a passkey that was made here and now; none where anything about it is wrong."""
    from webauthn import verify_registration_response

    sent = {
        "id": made.id, "rawId": made.id, "type": "public-key",
        "response": {"clientDataJSON": made.client_data, "attestationObject": made.attestation},
    }  # fmt: skip
    found = _quietly(
        lambda: verify_registration_response(credential=sent, expected_challenge=challenge, expected_rp_id=site.host, expected_origin=site.origin)
    )
    if found is None or not 1 <= len(found.credential_id) <= _LONGEST_ID or found.credential_id != _bytes(made.id):
        return None
    return found.credential_id, found.credential_public_key, found.sign_count


def _counted(asserted: Asserted, challenge: bytes, site: Site, public_key: bytes) -> int | None:
    """The counter of a passkey that signed this challenge here; none where anything about it is wrong. The caller judges the counter."""
    from webauthn import verify_authentication_response

    response = {"clientDataJSON": asserted.client_data, "authenticatorData": asserted.authenticator_data, "signature": asserted.signature}
    sent = {"id": asserted.id, "rawId": asserted.id, "type": "public-key", "response": response}
    found = _quietly(
        lambda: verify_authentication_response(
            credential=sent, expected_challenge=challenge, expected_rp_id=site.host, expected_origin=site.origin,
            credential_public_key=public_key, credential_current_sign_count=0,
        )
    )  # fmt: skip
    return None if found is None else found.new_sign_count


def _quietly(check: Callable[[], T]) -> T | None:
    """What a check found. Whatever a stranger sent that the library cannot read is no more than a check that failed."""
    try:
        return check()
    except Exception:  # the parsers below it raise what they like: CBOR's, ASN.1's and cryptography's own errors, KeyError, struct.error
        return None


