"""Outgoing connections to addresses that people typed: to the open internet only, whatever the address is spelled like.

A name is resolved once, every address that it has is checked against the list below, and the connection goes to the very
address that was checked; TLS and the Host header still name the host. What is checked is what would be connected to, so no
spelling (octal, short, mapped, with a zone) and no name server that changes its mind gets past it. No redirection is
followed, no proxy of the environment is used, an answer has five seconds and 64 KB, and its body is read by nobody.
Whoever runs the server may allow hosts by name (the setting ``reachable_hosts``), and those alone skip the check.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import httpcore
import httpx

SECONDS: Final = 5.0
LARGEST_REPLY: Final = 65_536
LONGEST_ADDRESS: Final = 1_000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: From host and port to every address that the name has, as texts.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

#: Networks of IPv4 that are somebody's own, or nobody's. ``ipaddress.is_private`` and ``is_global`` both let some of them through.
_CLOSED_4: Final = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the metadata of clouds
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)  # fmt: skip
#: Of IPv6 only global unicast is open at all: outside of it lie loopback, unspecified, mapped and compatible addresses, NAT64
#: (64:ff9b::/96 and 64:ff9b:1::/48), unique local (fc00::/7), link-local (fe80::/10), site-local (fec0::/10) and multicast (ff00::/8).
_OPEN_6: Final = ipaddress.IPv6Network("2000::/3")
_CLOSED_6: Final = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32", "3fff::/20",  # documentation
        "2002::/16",  # 6to4: any IPv4 address may be inside
        "3ffe::/16",  # the old 6bone
    )
)  # fmt: skip


class Unreachable(Exception):
    """Nothing was delivered. ``why`` is a sentence for people; ``for_good`` says that trying again is of no use."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.why, self.for_good = why, for_good


#: One sentence for both, so that nobody learns by it which names a private network knows.
CLOSED: Final = "That host is unknown, or lies in a private network, where this server delivers nothing."


def is_open(address: str) -> bool:
    """Whether an address, as a resolver writes it, belongs to the open internet."""
    try:
        ip: Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in net for net in _CLOSED_4)
    return ip.scope_id is None and ip in _OPEN_6 and not any(ip in net for net in _CLOSED_6)


def checked(url: str) -> str:
    """An address as typed, if something could be delivered there: http or https, a host, nobody's name or password in it.

    Raises ``Unreachable``. Whether its host may be reached is known only when it is connected to.
    """
    text = url.strip()
    if len(text) > LONGEST_ADDRESS or not text.isascii() or any(c <= " " or c in '"<>\\^`{|}\x7f' for c in text):
        raise Unreachable("That is not an address of the web.", for_good=True)
    try:
        parts = urllib.parse.urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise Unreachable("That is not an address of the web.", for_good=True)
    if parts.scheme not in ("http", "https") or not host:
        raise Unreachable("An address begins with https:// or http://.", for_good=True)
    if "@" in parts.netloc:
        raise Unreachable("An address must not hold a name or a password.", for_good=True)
    if port == 0:
        raise Unreachable("No server listens at port 0.", for_good=True)
    return text


def host_of(url: str) -> str:
    """The host that an address names, in lower case and without the dot that may end it."""
    return (urllib.parse.urlsplit(url).hostname or "").lower().rstrip(".")


def hosts(setting: str) -> frozenset[str]:
    """The hosts that the setting ``reachable_hosts`` names."""
    return frozenset(part.strip().lower().strip("[]").rstrip(".") for part in setting.split(",") if part.strip())


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name, as the system knows it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard(httpcore.AsyncNetworkBackend):
    """The network as it may be used: a connection goes to an address that has been checked, or nowhere."""

    def __init__(self, allowed: Iterable[str] = (), resolver: Resolver = resolve) -> None:
        self._allowed, self._resolver = frozenset(allowed), resolver
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,  # noqa: ASYNC109  as httpcore asks
        local_address: str | None = None, socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        """Connect to the first address that answers, after each has been checked. Raises ``Unreachable``."""
        try:
            addresses = await self._resolver(host, port)
        except (OSError, UnicodeError):
            addresses = ()
        allowed = host.lower().rstrip(".") in self._allowed
        if not addresses or not (allowed or all(is_open(address) for address in addresses)):
            raise Unreachable(CLOSED)
        failed: Exception = Unreachable("Nothing answers there.")
        for address in addresses[:4]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Any = None  # noqa: ASYNC109  as httpcore asks
    ) -> httpcore.AsyncNetworkStream:
        """Never: nobody types the path of a socket."""
        raise Unreachable(CLOSED, for_good=True)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Transport(httpx.AsyncBaseTransport):
    """httpx over a guarded network: what anything that asks the open internet on somebody's behalf should use."""

    def __init__(self, allowed: Iterable[str] = (), resolver: Resolver = resolve, tls: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(), network_backend=Guard(allowed, resolver), http2=False,
            max_connections=None, max_keepalive_connections=0,
        )  # fmt: skip

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, as httpx asks for it."""
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw, content=request.stream, extensions=request.extensions,
        )  # fmt: skip
        try:
            answer = await self._pool.handle_async_request(asked)
        except httpcore.TimeoutException:
            raise httpx.TimeoutException("", request=request)
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise httpx.TransportError(str(error), request=request)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert not isinstance(self._answer.stream, bytes), "a pool's answers are streams"
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


async def post(transport: httpx.AsyncBaseTransport, url: str, body: bytes, headers: Mapping[str, str], seconds: float = SECONDS) -> int:
    """Send a body; the status that came back, 2xx or not. Raises ``Unreachable`` where none came in time.

    The reply's body is read no further than it takes to be polite, and thrown away: a status is all that is wanted of it.
    """
    checked(url)
    status, waits = 0, dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    try:
        # asked without a client of httpx: nothing is followed, no cookie kept from one player's sink to the next, no proxy looked for
        request = httpx.Request("POST", url, headers=dict(headers), content=body, extensions={"timeout": waits})
        async with asyncio.timeout(seconds):
            answer = await transport.handle_async_request(request)
            status = answer.status_code
            try:
                await _glance(answer)
            finally:
                await answer.aclose()
    except Unreachable:
        raise
    except (TimeoutError, httpx.TimeoutException):
        if not status:
            raise Unreachable(f"Nothing answered within {seconds:g} seconds.")
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        if not status:
            raise Unreachable(_plain(error))
    return status


async def _glance(answer: httpx.Response) -> None:
    """Let a reply of usual size arrive; a larger one is cut off."""
    assert isinstance(answer.stream, httpx.AsyncByteStream), "what comes over a network comes in parts"
    size = 0
    async for part in answer.stream:
        size += len(part)
        if size > LARGEST_REPLY:
            return


def _plain(error: Exception) -> str:
    told = str(error).lower()
    if "certificate" in told:
        return "Its certificate does not hold."
    if isinstance(error, httpx.InvalidURL):
        return "That is not an address of the web."
    return "What answers there does not speak TLS." if "ssl" in told else "The connection could not be made, or broke."
