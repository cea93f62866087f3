"""What every route shares: its declaration, the request as handlers see it, the answer, and the one way from one to the other.

A handler gets a ``Call`` and, where the route declares one, the decoded body; it returns a wire struct (or several), an
``Answer``, a ``Stream``, or a ``Refusal``. Nothing a client sends makes anything but an answer with its right status: what
breaks is logged and answered as a refusal too.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import gzip
import logging
import secrets
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from anyday import wire
from anyday.people.accounts import People
from anyday.people.tokens import MANAGE, READ, RIGHTS, suffices
from anyday.refusals import Reason, Refusal
from anyday.settings import Settings
from anyday.web import pages, reading
from anyday.web.places import WIDE, Place, asked_for, place_of, readable
from anyday.web.session import SAFE, Headers, How, Network, Visitor, cookie_for, foreign, identify, peer_of

if TYPE_CHECKING:
    from anyday.service import Service
    from anyday.web.live import Hub

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LARGEST_BODY: Final = 65_536
BODY_SECONDS: Final = 30.0
MOST_FIELDS: Final = 400
#: The fields that a form repeats, one a row: the quantiles of an opening curve.
_ROWS: Final = frozenset({"by", "chance"})
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_GZIP_FROM: Final = 1_400
_log = logging.getLogger("anyday.web")


class Who(enum.Enum):
    """Who may use a route; what a player may do beyond that is for the rules to say."""

    ANYONE = "anyone"
    READER = "reader"  # who belongs to the crew; anybody where the crew says so, or its server
    ACCOUNT = "account"  # whoever is signed in, whatever crew they belong to
    MEMBER = "member"  # who belongs to the crew
    HOLDER = "holder"  # signed in by session, not by a token: a token makes no tokens
    OWNER = "owner"


class Form(Mapping[str, str]):
    """The fields of a form as typed; a missing one is an empty text. Only what a page repeats may come more than once."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)
        self._fields = dict(reversed(self._pairs))

    def __getitem__(self, name: str) -> str:
        return self._fields.get(name, "")

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def every(self, name: str) -> list[str]:
        """Each value of a field that comes once a row."""
        return [value for key, value in self._pairs if key == name]

    def repeated(self) -> set[str]:
        """The names that came more than once."""
        return {name for name in self._fields if len(self.every(name)) > 1} if len(self._fields) < len(self._pairs) else set()


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the surface. ``input`` is a wire struct, ``Form`` or none; ``reply`` a type of ``wire``, or none for a page."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    input: type | None
    reply: Any
    who: Who
    summary: str
    #: What a token must be good for: reading is for every one, everything else for ``manage`` unless the line says less.
    right: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "right", self.right or (READ if self.method == "GET" and self.who is not Who.OWNER else MANAGE))
        assert self.right in RIGHTS, f"{self.method} {self.path} names a right that there is"
        assert isinstance(self.who, Who), f"{self.method} {self.path} declares who may use it"
        assert self.method in ("GET", "POST", "DELETE"), "nothing else is spoken here"
        assert self.method != "GET" or self.input is None, "reading takes no body"

    @property
    def api(self) -> bool:
        """Whether it speaks JSON."""
        return self.path.startswith("/api/")


@dataclass(slots=True)
class House:
    """What stands behind the surface: one of each a process. ``service`` is the first crew's, and leads to the others."""

    service: Service
    people: People
    settings: Settings
    hub: Hub
    routes: tuple[Route, ...]
    proxies: tuple[Network, ...] = ()
    crew: str = "crew"
    #: Where the server listens, as one types it into a browser; for whoever asks at the socket beside the file.
    address: str | None = None


@dataclass(slots=True)
class Call:
    """A request as a handler sees it."""

    house: House
    route: Route
    visitor: Visitor
    headers: Headers
    params: Mapping[str, str]
    query: Mapping[str, str]
    place: Place
    set_cookie: tuple[bytes, bytes] | None = None
    named: str | None = None
    used: str = ""

    @property
    def player(self) -> str:
        """The player who asks; only for routes that need one."""
        assert self.visitor.player is not None, "the route lets nobody in who is not signed in"
        return self.visitor.player

    @property
    def service(self) -> Service:
        """The crew that the request is about."""
        return self.place.service

    @property
    def crew(self) -> str:
        """The id of that crew."""
        return self.place.service.crew

    @property
    def base(self) -> str:
        """What stands before each address of that crew: nothing, or ``/c/<crew>`` where the request was asked so."""
        return self.place.base

    @property
    def question(self) -> str:
        """The question that the address names."""
        return self.params["id"]

    def link(self, path: str) -> str | None:
        """A path on this server as a link to send to somebody: by the address that is set, else the one that was asked for or, at the
        local socket, the server's."""
        if self.house.settings.address:
            return self.house.settings.address + path
        if self.visitor.how is How.LOCAL:
            return self.house.address and self.house.address + path
        peer = self.visitor.peer
        return f"{'https' if peer.secure else 'http'}://{peer.host}{path}"

    def command_id(self) -> str | Refusal:
        """The id of this request's command: the client's, or a fresh one."""
        given = reading.command_id(self.named, self.headers.get(b"idempotency-key"))
        if isinstance(given, Refusal):
            return given
        self.used = given or self.used or secrets.token_urlsafe(16)
        return self.used


@dataclass(slots=True)
class Answer:
    """A reply that is not plain JSON: bytes with their type, or a redirection."""

    body: bytes = b""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    cache: str = "private, no-store"


@dataclass(slots=True)
class Stream:
    """A reply that goes on: it is given ``receive`` and ``send`` after the checks."""

    run: Callable[[Receive, Send], Awaitable[None]]


class Gone(Exception):
    """The client went away before its request had arrived."""


def see_other(path: str) -> Answer:
    """Post, redirect, get: ``path`` is on this server and has been made or checked here. It stays within the crew that was asked for
    (``finish`` sees to that)."""
    assert path.startswith("/") and not path.startswith("//"), "redirections stay on this server"
    return Answer(status=303, headers=[(b"location", urllib.parse.quote(path, safe="/?&=%#:,.+-_~").encode())])


def problem(refusal: Refusal) -> wire.Problem:
    """The one shape of every "no"."""
    why = refusal.reason.value
    return wire.Problem(refusal.reason.code, why.status, refusal.sentence, refusal.next_step, why.retry, dict(refusal.facts))


def json_answer(value: object, status: int = 200) -> Answer:
    """A wire struct as JSON."""
    return Answer(msgspec.json.encode(value), status, JSON, cache="no-store")


async def serve(house: House, route: Route, scope: Scope, receive: Receive, send: Send, params: Mapping[str, str]) -> None:
    """One request from its first byte to its answer's last."""
    headers = Headers(scope["headers"])
    try:
        answer = await _answer(house, route, scope, receive, headers, params)
    except Gone:
        return
    except Exception:
        _log.exception("broke while answering %s %s", route.method, route.path)
        answer = refuse(route, Refusal(Reason.BROKEN))
    if isinstance(answer, Stream):
        await answer.run(receive, send)
    else:
        await reply(answer, headers, scope["method"], send)


async def _answer(
    house: House, route: Route, scope: Scope, receive: Receive, headers: Headers, params: Mapping[str, str]
) -> Answer | Stream:
    peer = peer_of(scope, headers, house.proxies)
    visitor = identify(scope, headers, peer, house.people)
    if isinstance(visitor, Refusal):
        return refuse(route, visitor)
    if scope["method"] not in SAFE and foreign(headers, visitor):
        return refuse(route, Refusal(Reason.FOREIGN_ORIGIN))
    place = place_of(scope, visitor, house.service)
    pages.stand_at(place.base)
    barred = admit(route, visitor, place)
    if barred is not None:
        return _turned_away(route, scope, visitor, place, barred)
    call = Call(house, route, visitor, headers, params, _query(scope), place)
    arguments: list[object] = []
    if route.input is not None:
        body = decode(route.input, headers, await read_body(receive, headers))
        if isinstance(body, Refusal):
            return refuse(route, body)
        call.named = (body["command_id"] or None) if isinstance(body, Form) else getattr(body, "command_id", None)
        arguments.append(body)
    result = await route.handler(call, *arguments)
    if visitor.stale:
        await house.people.renew(visitor.secret)
    return finish(route, call, result)


def admit(route: Route, visitor: Visitor, place: Place) -> Refusal | None:
    """Whether this visitor may use this route at all. Of a crew that they may not see they learn nothing: not even that it is there."""
    who = route.who
    if who is Who.ANYONE or (who is Who.READER and place.found and readable(place.service)):
        return None
    if visitor.player is None:
        return Refusal(Reason.SIGN_IN)
    if who is Who.HOLDER and visitor.how is How.TOKEN:
        return Refusal(Reason.NOT_ALLOWED, who="somebody who signed in without a token")
    if not place.found or (place.role == "nobody" and who not in (Who.HOLDER, Who.ACCOUNT)):
        return Refusal(Reason.NOT_FOUND, what="crew")
    if not suffices(visitor.rights, route.right):
        return Refusal(Reason.TOKEN_FOR_LESS, rights=RIGHTS[visitor.rights], needed=route.right)
    if who is Who.OWNER and place.role != "owner":
        return Refusal(Reason.NOT_ALLOWED, who="the owner")
    return None


def _turned_away(route: Route, scope: Scope, visitor: Visitor, place: Place, barred: Refusal) -> Answer:
    """Why not, or where to go first: to sign in, or to one's crews where nobody asked for a crew by name and there is none."""
    if route.method == "GET" and not route.api:
        if barred.reason is Reason.SIGN_IN:
            return see_other("/sign-in?next=" + asked_for(scope))
        if barred.reason is Reason.NOT_FOUND and place.found:
            return see_other("/crews")
    return refuse(route, barred, None if route.api else shown(visitor, place))


def finish(route: Route, call: Call, result: object) -> Answer | Stream:
    """What a handler returned, as an answer."""
    if isinstance(result, Stream):
        return result
    if isinstance(result, Refusal):
        answer = refuse(route, result, None if route.api else shown(call.visitor, call.place))
    elif isinstance(result, Answer):
        answer = result
    else:
        answer = json_answer(result)
    if call.set_cookie is not None:
        answer.headers.append(call.set_cookie)
    if call.base:
        answer.headers = [(name, _inside(call.base, value) if name == b"location" else value) for name, value in answer.headers]
    return answer


def _inside(base: str, location: bytes) -> bytes:
    """Where a redirection leads, within the crew that was asked for; what is the server's stays where it is."""
    return location if location.startswith(tuple(wide.encode() for wide in WIDE)) else base.encode() + location


def shown(visitor: Visitor, place: Place) -> pages.Visitor | None:
    """Who looks, as the page's frame shows them; none where nobody is signed in."""
    if visitor.player is None:
        return None
    service = place.service
    crews = [crew for crew in service.crews_of(visitor.player) if visitor.crew in (None, crew.id)]  # a token tells of its own crew only
    own = tuple(pages.OwnCrew(crew.id, crew.name, crew.id == service.crew) for crew in crews)
    spendable = service.spendable(visitor.player) if place.role != "nobody" else None
    return pages.Visitor(service.people.name_of(visitor.player), place.role, spendable, own, *service.messages.counts(service.crew, visitor.player))


def refuse(route: Route | None, refusal: Refusal, visitor: pages.Visitor | None = None) -> Answer:
    """A refusal as the route speaks: JSON for the API, a page for people."""
    if route is None or route.api:
        answer = json_answer(problem(refusal), refusal.status)
    else:
        answer = Answer(pages.problem(refusal, visitor=visitor), refusal.status)
    if refusal.reason in (Reason.TOO_LARGE, Reason.TOO_SLOW):
        answer.headers.append((b"connection", b"close"))  # the rest of the body is not read
    if refusal.reason is Reason.SIGN_IN and (route is None or route.api):
        answer.headers.append((b"www-authenticate", b"Bearer"))
    if refusal.reason.value.retry and refusal.status in (429, 503):
        answer.headers.append((b"retry-after", b"60" if refusal.status == 429 else b"1"))
    return answer


async def read_body(receive: Receive, headers: Headers) -> bytes | Refusal:
    """The body, counted as it comes in, whatever its header claims. Raises ``Gone``."""
    claimed = headers.get(b"content-length")
    if claimed is not None and (len(claimed) > 9 or not claimed.isdecimal() or int(claimed) > LARGEST_BODY):
        return Refusal(Reason.TOO_LARGE, limit="64 KB")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part: bytes = message.get("body", b"")
                size += len(part)
                if size > LARGEST_BODY:
                    return Refusal(Reason.TOO_LARGE, limit="64 KB")
                parts.append(part)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError:
        return Refusal(Reason.TOO_SLOW)


def decode(kind: type, headers: Headers, body: bytes | Refusal) -> Any:
    """The body as its route declares it, or a refusal. Shapes are closed; numbers that are not integers are none."""
    if isinstance(body, Refusal):
        return body
    wanted = FORM if kind is Form else JSON
    given = (headers.get(b"content-type") or "").split(";", 1)[0].strip().lower()
    if given != wanted and (body or given):
        return Refusal(Reason.WRONG_TYPE, wanted=wanted)
    if kind is Form:
        return read_form(body)
    try:
        return _decoder(kind).decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).rstrip(".")
        return Refusal(Reason.MALFORMED, detail=detail[:200])


def read_form(body: bytes) -> Form | Refusal:
    """The fields of a posted form: UTF-8, each name once, at most ``MOST_FIELDS``."""
    try:
        pairs = urllib.parse.parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS, strict_parsing=bool(body)
        )
    except ValueError:
        return Refusal(Reason.MALFORMED, detail="it is not a form in UTF-8")
    form = Form(pairs)
    return Refusal(Reason.MALFORMED, detail="a field came twice") if form.repeated() - _ROWS else form


@functools.cache
def _decoder(kind: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _query(scope: Scope) -> Mapping[str, str]:
    raw: bytes = scope.get("query_string", b"")
    if not raw:
        return {}
    try:
        return dict(urllib.parse.parse_qsl(raw[:4_096].decode("latin-1"), max_num_fields=32))
    except ValueError:
        return {}


_EVERYWHERE: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_PAGES: Final = [
    (b"content-security-policy", pages.POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]


async def reply(answer: Answer, headers: Headers, method: str, send: Send) -> None:
    """Send an answer with the headers that every answer carries; pages and JSON go compressed where the client can read that."""
    body = answer.body
    out = [(b"content-type", answer.kind.encode()), (b"cache-control", answer.cache.encode()), *_EVERYWHERE, *answer.headers]
    page = answer.kind.startswith("text/html")
    if page:
        out += _PAGES
    if (page or answer.kind == JSON) and len(body) >= _GZIP_FROM and accepts_gzip(headers):
        body = gzip.compress(body, compresslevel=5, mtime=0)
        out += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
    if answer.status != 304:
        out.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": out})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def accepts_gzip(headers: Headers) -> bool:
    """Whether the client reads gzip."""
    codings = (part.replace(" ", "").split(";") for part in (headers.get(b"accept-encoding") or "").split(","))
    return any(coding[0] == "gzip" and "q=0" not in coding[1:] for coding in codings)


def session_cookie(call: Call, secret: str) -> None:
    """Give the browser its session with this answer, or with an empty secret take it away."""
    call.set_cookie = cookie_for(secret, call.visitor.peer)
