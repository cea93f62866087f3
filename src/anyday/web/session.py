"""Who is asking, from where, and whether a browser was tricked into asking.

A session's cookie, a bearer token, or the local socket's ``x-anyday-as``. Behind a proxy the ``X-Forwarded-`` headers
count only where the setting ``trusted_proxies`` names the peer. A changing request that a cookie could authenticate must
come from this server's own pages: by ``Sec-Fetch-Site`` where the browser sends it (it does not over plain http on a home
network), by ``Origin``, else by ``Referer``. A bearer token excuses from that only where no cookie came along.
"""

from __future__ import annotations

import enum
import ipaddress
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from anyday.people.accounts import LONGEST_SESSION_DAYS, People
from anyday.people.tokens import MANAGE
from anyday.refusals import Reason, Refusal

Scope = Mapping[str, Any]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SAFE: Final = frozenset({"GET", "HEAD"})
COOKIE: Final = "anyday"
SECURE_COOKIE: Final = "__Host-anyday"

_LONGEST_PATH: Final = 512
_PORTS: Final = {"http": ":80", "https": ":443"}


class How(enum.Enum):
    """How somebody proved who they are."""

    NOBODY = "nobody"
    SESSION = "session"
    TOKEN = "token"
    LOCAL = "local"


class Headers:
    """A request's headers by lower-case name; one that came twice has no value, so that nobody can hide behind the other."""

    __slots__ = ("_twice", "_values")

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[bytes, bytes] = {}
        self._twice: set[bytes] = set()
        for name, value in raw:
            if name in self._values:
                self._twice.add(name)
                # HTTP/2 may split cookies, and proxies add lines to lists; everything else must come once
                value = self._values[name] + (b"; " if name == b"cookie" else b", ") + value
            self._values[name] = value

    def get(self, name: bytes) -> str | None:
        """The value as text, lists joined."""
        value = self._values.get(name)
        return None if value is None else value.decode("latin-1")

    def twice(self, name: bytes) -> bool:
        """Whether it came more than once."""
        return name in self._twice


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a request comes from: the client's address, the host it asked for, and whether it came over TLS."""

    address: str
    host: str
    secure: bool


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. ``secret`` is the session's or the token's that proved it; ``stale`` asks for the session's renewal.

    A token is good in one ``crew`` and for its ``rights`` only. ``fresh`` is a session that has just begun: whoever has it has
    just proved who they are.
    """

    player: str | None
    how: How
    peer: Peer
    secret: str = ""
    stale: bool = False
    crew: str | None = None
    rights: str = MANAGE
    fresh: bool = False


def networks(setting: str) -> tuple[Network, ...]:
    """The setting ``trusted_proxies``. Raises ``ValueError`` where a part is neither an address nor a network."""
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in setting.split(",") if part.strip())


def peer_of(scope: Scope, headers: Headers, proxies: tuple[Network, ...]) -> Peer:
    """The client behind the connection, or behind the proxies that are trusted."""
    client = scope.get("client")
    address, secure = (client[0] if client else "local"), scope.get("scheme") == "https"
    host = "" if headers.twice(b"host") else headers.get(b"host") or ""
    if not proxies or not _within(address, proxies):
        return Peer(address, host, secure)
    for hop in reversed((headers.get(b"x-forwarded-for") or "").split(",")):
        if not _is_address(hop.strip()):
            break
        address = hop.strip()
        if not _within(address, proxies):
            break
    scheme = (headers.get(b"x-forwarded-proto") or scope.get("scheme", "http")).rsplit(",", 1)[-1].strip()
    return Peer(address, headers.get(b"x-forwarded-host") or host, scheme == "https")


def identify(scope: Scope, headers: Headers, peer: Peer, people: People) -> Visitor | Refusal:
    """Who asks: nobody is a visitor too; a wrong token or an unknown local name is a refusal."""
    if scope.get("anyday.local"):
        return _local(headers, peer, people)
    authorization = headers.get(b"authorization") or ""
    if authorization[:7].lower() == "bearer ":
        token = authorization[7:].strip()
        holder = None if headers.twice(b"authorization") else people.token(token)
        return Refusal(Reason.SIGN_IN) if holder is None else Visitor(holder.player, How.TOKEN, peer, token, crew=holder.crew, rights=holder.rights)
    secret = _cookies(headers).get(SECURE_COOKIE if peer.secure else COOKIE)
    session = people.session(secret) if secret else None
    if secret is None or session is None:
        return Visitor(None, How.NOBODY, peer)
    return Visitor(session.player, How.SESSION, peer, secret, session.stale, fresh=session.fresh)


def foreign(headers: Headers, visitor: Visitor) -> bool:
    """Whether a changing request may have been sent by another site's page through somebody's browser."""
    cookies = _cookies(headers)
    cookie = COOKIE in cookies or SECURE_COOKIE in cookies
    if visitor.how is How.LOCAL or (visitor.how is How.TOKEN and not cookie):
        return False
    if any(headers.twice(name) for name in (b"sec-fetch-site", b"origin", b"referer", b"host")):
        return True
    site, origin, referer = headers.get(b"sec-fetch-site"), headers.get(b"origin"), headers.get(b"referer")
    if site is not None and site not in ("same-origin", "none"):
        return True
    if origin is not None:
        return not _same_origin(origin, visitor.peer)
    if site is not None:
        return False
    if referer is not None:
        return not _same_origin(referer, visitor.peer)
    return cookie


def cookie_for(secret: str, peer: Peer) -> tuple[bytes, bytes]:
    """The header that gives a browser its session; it lasts as long as the server keeps the session. An empty secret takes it away."""
    name = SECURE_COOKIE if peer.secure else COOKIE
    age = LONGEST_SESSION_DAYS * 86_400 if secret else 0
    parts = [f"{name}={secret}", "Path=/", f"Max-Age={age}", "HttpOnly", "SameSite=Lax", *(["Secure"] if peer.secure else [])]
    return b"set-cookie", "; ".join(parts).encode()


def safe_next(path: str | None) -> str:
    """A path on this server to go on to, or the board where what was asked for could lead elsewhere."""
    if not path or len(path) > _LONGEST_PATH or path[0] != "/" or path[:2] in ("//", "/\\"):
        return "/"
    if "\\" in path or not path.isascii() or any(c <= " " or c == "\x7f" for c in path):
        return "/"
    parts = urllib.parse.urlsplit(path)
    # a path may be normalised on its way: one that holds an empty or a dot segment could become another
    odd = {"", ".", ".."} & set(urllib.parse.unquote(parts.path).split("/")[1:-1]) or "\\" in urllib.parse.unquote(path)
    return "/" if parts.scheme or parts.netloc or odd else path


def _local(headers: Headers, peer: Peer, people: People) -> Visitor | Refusal:
    """On the local socket its file's permissions have proved who may; the header says as whom."""
    name = headers.get(b"x-anyday-as")
    if name is None:
        return Visitor(None, How.LOCAL, peer)
    player = people.player_of(urllib.parse.unquote(name))
    return Refusal(Reason.NOT_FOUND, what="player") if player is None else Visitor(player, How.LOCAL, peer, fresh=True)


def cookie_of(headers: Headers, name: str) -> str | None:
    """A cookie's value; one that came with two values (some other page set it for a parent domain) has none."""
    return _named(headers, (name,)).get(name)


def _cookies(headers: Headers) -> dict[str, str | None]:
    """The session's cookies by name."""
    return _named(headers, (COOKIE, SECURE_COOKIE))


def _named(headers: Headers, names: tuple[str, ...]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for part in (headers.get(b"cookie") or "").split(";"):
        name, _, value = part.strip().partition("=")
        if name in names:
            found[name] = value if found.get(name, value) == value else None
    return found


def _same_origin(address: str, peer: Peer) -> bool:
    """Whether an ``Origin`` or ``Referer`` is this server as the client named it. Ports that a scheme implies may be left out."""
    try:
        parts = urllib.parse.urlsplit(address)
    except ValueError:
        return False
    implied = _PORTS.get(parts.scheme)
    if implied is None or not peer.host or "@" in parts.netloc or (peer.secure and parts.scheme != "https"):
        return False
    return parts.netloc.lower().removesuffix(implied) == peer.host.lower().removesuffix(implied)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _within(address: str, proxies: tuple[Network, ...]) -> bool:
    if not _is_address(address):
        return False
    ip = ipaddress.ip_address(address)
    return any(ip.version == network.version and ip in network for network in proxies)
