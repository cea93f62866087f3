"""An authenticator made of software: a key, a counter, and the bytes that WebAuthn asks for; each can be made wrong on purpose."""

from __future__ import annotations

import base64
import hashlib
import json
from random import Random
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Authenticator:
    """Holds one discoverable credential, for one host and one user."""

    def __init__(self, seed: int = 1, *, counts: bool = True) -> None:
        self.key = ec.derive_private_key(Random(seed).getrandbits(250) + 1, ec.SECP256R1())
        self.id = Random(seed + 1).randbytes(32)
        self.counter, self.counts = 0, counts
        self.user = b""

    def make(self, options: dict[str, Any], origin: str, name: str = "key", **wrong: Any) -> dict[str, Any]:
        """The answer to the options of a registration."""
        self.user = base64.urlsafe_b64decode(options["user"]["id"] + "==")
        numbers = self.key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: wrong.get("algorithm", -7), -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self._data(wrong.get("host", options["rp"]["id"]), 0x45 if wrong.get("present", True) else 0x44) + attested
        return {
            "name": name, "id": b64(self.id), "client_data": self._client("webauthn.create", options, origin, wrong),
            "attestation": b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }  # fmt: skip

    def sign(self, options: dict[str, Any], origin: str, **wrong: Any) -> dict[str, Any]:
        """The answer to the options of a sign-in."""
        if self.counts:
            self.counter += 1
        client = self._client("webauthn.get", options, origin, wrong)
        data = self._data(wrong.get("host", options["rpId"]), 0x05 if wrong.get("present", True) else 0x04)
        key = wrong.get("signer", self.key)
        signed = key.sign(data + hashlib.sha256(base64.urlsafe_b64decode(client + "==")).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "id": b64(wrong.get("id", self.id)), "client_data": client, "authenticator_data": b64(data), "signature": b64(signed),
            "user_handle": b64(wrong.get("user", self.user)) if wrong.get("user", self.user) is not None else None,
        }  # fmt: skip

    def _data(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], origin: str, wrong: dict[str, Any]) -> str:
        told = {"type": wrong.get("type", kind), "challenge": wrong.get("challenge", options["challenge"]), "origin": origin, "crossOrigin": False}
        return b64(json.dumps(told).encode())
