"""An OpenID provider on loopback, for tests: real HTTP, real keys, real codes; and each thing about it can be made a lie."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

Json = dict[str, Any]
CLIENT, SECRET = "anyday at home", "a client's s3cret: with colons"
BOUND = 30


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Idp:
    """The provider. ``lies`` change what it says: of itself, in a token's claims or header, in how it signs, in how it answers."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.own = RSAKey.generate_key(2048)
        self.keys: dict[str, RSAKey | ECKey | OKPKey] = {"one": self.own}
        self.kid, self.algorithm = "one", "RS256"
        self.subject = "subject-1"
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.lie: dict[str, Any] = {}
        self.issuer = ""

    # what people do at it

    def agree(self, address: str) -> str:
        """Somebody signs in at the provider, which sends them back: the address that their browser goes to."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256" and asked["scope"] == "openid"
        assert asked["client_id"] == CLIENT
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], **self.lie.get("back", {})}
        return asked["redirect_uri"] + "?" + urllib.parse.urlencode({k: v for k, v in back.items() if v is not None})

    # what it says

    def description(self) -> Json:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys", "token_endpoint_auth_methods_supported": ["client_secret_basic"], **self.lie.get("description", {}),
        }  # fmt: skip

    def jwks(self) -> Json:
        own = [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, key in self.keys.items()]
        found: Json = self.lie.get("jwks", {"keys": own})
        return found

    def token(self, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Json]:
        asked = self.codes.pop(form.get("code", ""), None)
        pair = ":".join(urllib.parse.quote_plus(part) for part in (CLIENT, SECRET))
        posted = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        if headers.get("authorization") != f"Basic {base64.b64encode(pair.encode()).decode()}" and not posted:
            return 401, {"error": "invalid_client"}
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri") or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": self.lie.get("token") or self.sign(self.claims(asked))}

    def claims(self, asked: dict[str, str]) -> Json:
        now = self.clock() // 1_000_000
        honest = {"iss": self.issuer, "aud": CLIENT, "sub": self.subject, "exp": now + 300, "iat": now, "nonce": asked["nonce"]}
        return {name: value for name, value in {**honest, **self.lie.get("claims", {})}.items() if value is not None}

    def sign(self, claims: Json) -> str:
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **self.lie.get("header", {})}
        header = {name: value for name, value in header.items() if value is not None}
        body, key = json.dumps(claims), self.lie.get("key") or self.keys[self.kid]
        if header["alg"] == "none":
            return f"{b64(json.dumps(header).encode())}.{b64(body.encode())}."
        if header["alg"].startswith("HS"):  # with what everybody may know, or both sides do
            public = self.own.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            digest = "sha" + header["alg"][2:]
            start = f"{b64(json.dumps(header).encode())}.{b64(body.encode())}"
            return f"{start}.{b64(hmac.digest(self.lie.get('secret', public), start.encode(), digest))}"
        registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
        signed = jws.serialize_compact(header, body, key, registry=registry)
        return self.lie["signature"](signed) if "signature" in self.lie else signed

    # HTTP

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body = (await receive()).get("body", b"")
        form = dict(urllib.parse.parse_qsl(body.decode()))
        self.asked.append((scope["method"], scope["path"], form))
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, told = 200, {}
        if scope["path"] == "/.well-known/openid-configuration":
            told = self.description()
        elif scope["path"] == "/keys":
            told = self.jwks()
        elif scope["path"] == "/token":
            status, told = self.token(form, headers)
        else:
            status = 404
        answer = self.lie.get(scope["path"])
        raw, out = json.dumps(told).encode(), [(b"content-type", b"application/json")]
        if answer is not None:
            status, out, raw = answer
        await send({"type": "http.response.start", "status": status, "headers": out})
        await send({"type": "http.response.body", "body": raw})


@contextmanager
def provider(clock: Callable[[], int]) -> Iterator[Idp]:
    """The provider, answering on loopback from a thread of its own."""
    idp = Idp(clock)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    idp.issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(idp, log_level="error", lifespan="off", ws="none"))
    server.config.setup_event_loop = lambda: None
    started = threading.Event()

    async def serve() -> None:
        task = asyncio.create_task(server.serve([listening]))
        while not server.started:
            assert not task.done()
            await asyncio.sleep(0.01)
        started.set()
        await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="provider", daemon=True)
    thread.start()
    assert started.wait(BOUND)
    try:
        yield idp
    finally:
        server.should_exit = True
        thread.join(BOUND)
        listening.close()
        assert not thread.is_alive()
