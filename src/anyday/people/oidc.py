"""OpenID Connect, from the side of whoever relies on a provider: where to send a browser, and whether what comes back is true.

The authorization code flow with PKCE. A provider is believed about one thing only: that whoever is at the browser is its account
``subject``. E-mail addresses are never looked at. What the provider is asked goes out with time and size bounded, to https (or
this machine), and follows no redirection; what it says is checked here claim by claim, its signature by ``joserfc``, the extra
``oidc``. Nothing here keeps anything but the provider's own description and keys.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import importlib.util
import json
import logging
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from anyday.instants import HOUR, Instant
from anyday.refusals import Reason, Refusal
from anyday.settings import Settings, is_origin

#: How a token may be signed: with a key that only the provider has. Never ``none``, and never with what both sides know.
ALGORITHMS: Final = {
    "RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
    "ES256": "EC", "ES384": "EC", "ES512": "EC", "EdDSA": "OKP", "Ed25519": "OKP",
}  # fmt: skip
#: Seconds by which the provider's clock may differ from ours, and for how long a token may have been under way.
LEEWAY: Final = 60
LONGEST_WAY: Final = 600

_LARGEST: Final = 256 * 1024
_LONGEST_TOKEN: Final = 16 * 1024
_SECONDS: Final = 10.0
_LEAST_RSA_BITS: Final = 2_048
_log = logging.getLogger("anyday.people")


class Untrue(Exception):
    """What a provider said cannot be believed; the message is for the log."""


class Way(NamedTuple):
    """What one sign-in through the provider is told apart by. All three follow from a secret of the browser's and the state, so that
    nothing of them needs to be kept, and a state without its browser is worth nothing."""

    state: str
    nonce: str
    verifier: str


@dataclass(slots=True)
class _Known:
    """What the provider says of itself, and its keys."""

    config: dict[str, Any]
    until: int
    keys: list[dict[str, Any]] = field(default_factory=list)


def available() -> bool:
    """Whether the library is there."""
    return importlib.util.find_spec("joserfc") is not None


def way(browser: str, state: str) -> Way:
    """The way of one sign-in, from the browser's secret."""

    def drawn(what: str) -> str:
        return _b64(hmac.digest(browser.encode(), f"{what}\0{state}".encode(), "sha256"))

    return Way(state, drawn("nonce"), drawn("verifier"))


class Provider:
    """The provider that the settings name. ``clock`` gives UTC microseconds."""

    def __init__(self, settings: Settings, clock: Callable[[], Instant]) -> None:
        self._settings, self._clock = settings, clock
        self._known: _Known | None = None

    @property
    def issuer(self) -> str:
        """Who vouches: the first half of an identity's key."""
        return self._settings.oidc_issuer

    @property
    def name(self) -> str:
        """What people call it."""
        return self._settings.oidc_name

    @property
    def there(self) -> bool:
        """Whether anybody can sign in through it."""
        return bool(self.issuer) and available()

    @property
    def back(self) -> str:
        """Where the provider sends the browser back to: a public address that is set, never one that somebody asked for."""
        return f"{self._settings.address}/oidc/callback"

    async def address(self, going: Way) -> str | Refusal:
        """Where to send the browser."""
        try:
            config = (await self._description()).config
            endpoint = _endpoint(config, "authorization_endpoint")
        except Untrue as why:
            return self._failed(why)
        challenge = _b64(hashlib.sha256(going.verifier.encode()).digest())
        asked = {
            "response_type": "code", "scope": "openid", "client_id": self._settings.oidc_client_id, "redirect_uri": self.back,
            "state": going.state, "nonce": going.nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return endpoint + ("&" if "?" in endpoint else "?") + urllib.parse.urlencode(asked)

    async def subject(self, code: str, going: Way, issuer: str | None) -> str | Refusal:
        """Whose account of the provider's is at the browser that came back with ``code``; ``issuer`` is what it says of who sent it."""
        try:
            known = await self._description()
            if issuer is None and known.config.get("authorization_response_iss_parameter_supported") is True:
                raise Untrue("the answer does not say who sent it")
            if issuer is not None and issuer != self.issuer:
                raise Untrue("the answer was sent by another issuer")
            token = await self._exchange(known.config, code, going)
            return await self._believed(known, token, going.nonce)
        except Untrue as why:
            return self._failed(why)

    def _failed(self, why: Untrue) -> Refusal:
        _log.warning("signing in through %s failed: %s", self.issuer, why)
        return Refusal(Reason.PROVIDER_FAILED, provider=self.name, why="what it answered cannot be relied on")

    # what the provider says of itself

    async def _description(self) -> _Known:
        """The provider's description of itself, looked up again every hour. Raises ``Untrue``."""
        if self._known is None or self._known.until <= self._clock():
            config = await _ask("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if config.get("issuer") != self.issuer:
                raise Untrue("its description is another issuer's")
            self._known = _Known(config, self._clock() + HOUR)
        return self._known

    async def _keys(self, known: _Known, *, anew: bool) -> list[dict[str, Any]]:
        if anew or not known.keys:
            found = (await _ask("GET", _endpoint(known.config, "jwks_uri"))).get("keys")
            if not isinstance(found, list) or not all(isinstance(key, dict) for key in found) or len(found) > 100:
                raise Untrue("its keys cannot be read")
            known.keys = found
        return known.keys

    async def _exchange(self, config: Mapping[str, Any], code: str, going: Way) -> str:
        """The provider's token for a code. Raises ``Untrue``."""
        client, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret.reveal()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.back, "code_verifier": going.verifier}
        headers = {}
        methods = config.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if not secret:
            form["client_id"] = client
        elif isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods:
            form |= {"client_id": client, "client_secret": secret}
        else:
            pair = f"{urllib.parse.quote_plus(client)}:{urllib.parse.quote_plus(secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        token = (await _ask("POST", _endpoint(config, "token_endpoint"), form, headers)).get("id_token")
        if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN:
            raise Untrue("it sent no token")
        return token

    # whether its token is true

    async def _believed(self, known: _Known, token: str, nonce: str) -> str:
        """The subject of a token in which everything is as it must be. Raises ``Untrue``."""
        header = _part(token, 0)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise Untrue("its token is signed in a way that proves nothing")
        if {"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"} & header.keys():
            raise Untrue("its token brings its own key, or asks for what is not done here")
        key = self._key(await self._keys(known, anew=False), algorithm, header.get("kid"))
        if key is None:  # keys change: once more, with those of now
            key = self._key(await self._keys(known, anew=True), algorithm, header.get("kid"))
        if key is None:
            raise Untrue("none of its keys signed that token")
        claims = await asyncio.to_thread(_signed, token, key, algorithm)
        return self._checked(claims, nonce)

    def _key(self, keys: list[dict[str, Any]], algorithm: str, kid: object) -> dict[str, Any] | None:
        """The provider's one key for a token: by its id or, where a token names none, the only one that fits."""
        fitting = [
            key for key in keys
            if key.get("kty") == ALGORITHMS[algorithm] and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
            and (kid is None or key.get("kid") == kid)
        ]  # fmt: skip
        return fitting[0] if len(fitting) == 1 else None

    def _checked(self, claims: Mapping[str, Any], nonce: str) -> str:
        now, client = self._clock() // 1_000_000, self._settings.oidc_client_id
        audience, party = claims.get("aud"), claims.get("azp")
        audiences = [audience] if isinstance(audience, str) else audience
        if claims.get("iss") != self.issuer:
            raise Untrue("its token is another issuer's")
        if not isinstance(audiences, list) or client not in audiences:
            raise Untrue("its token is for another client")
        if party != client and (party is not None or len(audiences) > 1):
            raise Untrue("its token was issued to another client")
        ends, issued, begins = (_time(claims.get(name, now if name == "nbf" else None)) for name in ("exp", "iat", "nbf"))
        if not now - LEEWAY < ends or not now - LONGEST_WAY <= issued <= now + LEEWAY or begins > now + LEEWAY:
            raise Untrue("its token does not hold now")
        told = claims.get("nonce")
        if not isinstance(told, str) or not hmac.compare_digest(told.encode(), nonce.encode()):
            raise Untrue("its token is not for this sign-in")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise Untrue("its token is about nobody")
        return subject


def _time(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise Untrue("its token does not say when it holds")
    return value


def _signed(token: str, key: dict[str, Any], algorithm: str) -> dict[str, Any]:
    """The claims of a token that this key signed. Raises ``Untrue``."""
    from joserfc import jwk, jws

    if key["kty"] == "RSA" and len(_unb64(str(key.get("n", "")))) * 8 < _LEAST_RSA_BITS:
        raise Untrue("its key is too short")
    try:
        known = jwk.import_key({name: value for name, value in key.items() if name in ("kty", "n", "e", "crv", "x", "y")})
        found = jws.deserialize_compact(token, known, algorithms=[algorithm])
    except Exception as error:  # what a key or a token that cannot be read raises is the library's and cryptography's own affair
        raise Untrue(f"its token's signature is not right ({type(error).__name__})") from None
    return _object(found.payload)


def _part(token: str, place: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        raise Untrue("its token cannot be read")
    return _object(_unb64(parts[place]))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise Untrue("what it sent cannot be read") from None
    if not isinstance(found, dict):
        raise Untrue("what it sent cannot be read")
    return found


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        raise Untrue("what it sent cannot be read") from None


# ---- asking it ------------------------------------------------------------------------------------------------------------------


def _endpoint(config: Mapping[str, Any], name: str) -> str:
    """An address of the provider's, to which a secret may be sent. Raises ``Untrue``."""
    found = config.get(name)
    if not isinstance(found, str) or len(found) > 2_000 or not is_origin(found.partition("?")[0], safe=True) or "#" in found or " " in found:
        raise Untrue(f"its {name} is no address to send anything to")
    return found


async def _ask(method: str, address: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A JSON object from the provider: one answer, within bounds, from the address that was asked. Raises ``Untrue``."""
    import httpx

    told = {"accept": "application/json", "accept-encoding": "identity", **(headers or {})}
    body = bytearray()
    try:
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream(method, address, data=form, headers=told) as answer,
        ):
            if answer.status_code != 200:
                raise Untrue(f"it answered {answer.status_code}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise Untrue("it sent what was not asked for")
            async for part in answer.aiter_raw():
                body += part
                if len(body) > _LARGEST:
                    raise Untrue("it sent too much")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        raise Untrue(f"it could not be asked ({type(error).__name__})") from None
    return _object(bytes(body))
