"""Whatever an address is spelled like, and whatever a name server says the second time: nothing private is ever connected to."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dnslib import QTYPE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSServer

from anyday.notify import reach
from tests.notify import sinks

#: Ways to write an address of this machine, of its network, or of something that leads there. ``{p}`` is the trap's port.
SPELLINGS = (
    "http://127.0.0.1:{p}/", "http://127.0.0.2:{p}/", "http://127.1:{p}/", "http://127.0.1:{p}/", "http://127.255.255.254:{p}/",
    "http://2130706433:{p}/", "http://0x7f000001:{p}/", "http://0x7f.0.0.1:{p}/", "http://0x7f.1:{p}/", "http://017700000001:{p}/",
    "http://0177.0.0.1:{p}/", "http://0177.0x0.0.01:{p}/", "http://00000177.1:{p}/", "http://127.0.0.1.:{p}/", "http://0:{p}/",
    "http://0.0.0.0:{p}/", "http://0x0:{p}/", "http://00:{p}/",
    "http://localhost:{p}/", "http://LOCALHOST:{p}/", "http://localhost.:{p}/", "http://ip6-localhost:{p}/", "http://ip6-loopback:{p}/",
    "http://foo.localhost:{p}/", "http://localhost.localdomain:{p}/", "http://%6cocalhost:{p}/", "http://127%2e0%2e0%2e1:{p}/",
    "http://[::1]:{p}/", "http://[0:0:0:0:0:0:0:1]:{p}/", "http://[0000::0001]:{p}/", "http://[::]:{p}/", "http://[::1%25lo]:{p}/", "http://[::1%lo]:{p}/",
    "http://[::ffff:127.0.0.1]:{p}/", "http://[::ffff:7f00:1]:{p}/", "http://[0:0:0:0:0:ffff:7f00:0001]:{p}/", "http://[::ffff:0:127.0.0.1]:{p}/",
    "http://[::127.0.0.1]:{p}/", "http://[::7f00:1]:{p}/", "http://[64:ff9b::127.0.0.1]:{p}/", "http://[64:ff9b::a9fe:a9fe]:{p}/",
    "http://[64:ff9b:1::7f00:1]:{p}/", "http://[2002:7f00:1::]:{p}/", "http://[2002:7f00:0001::1]:{p}/", "http://[2002:a9fe:a9fe::]:{p}/",
    "http://[2001::7f00:1]:{p}/", "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]:{p}/", "http://[fe80::1]:{p}/", "http://[fe80::1%25eth0]:{p}/",
    "http://[fec0::1]:{p}/", "http://[fc00::1]:{p}/", "http://[fd12:3456:789a::1]:{p}/", "http://[ff02::1]:{p}/", "http://[2001:db8::1]:{p}/",
    "http://10.0.0.1:{p}/", "http://10.1:{p}/", "http://172.16.0.1:{p}/", "http://172.31.255.255:{p}/", "http://192.168.1.1:{p}/", "http://192.168.257:{p}/",
    "http://100.64.0.1:{p}/", "http://100.127.255.254:{p}/", "http://169.254.169.254/latest/meta-data", "http://0xa9fea9fe/", "http://2852039166/",
    "http://0251.0376.0251.0376/", "http://192.0.0.170:{p}/", "http://192.0.2.1:{p}/", "http://198.18.0.1:{p}/", "http://198.51.100.7:{p}/",
    "http://203.0.113.9:{p}/", "http://192.88.99.1:{p}/", "http://224.0.0.1:{p}/", "http://240.0.0.1:{p}/", "http://255.255.255.255:{p}/",
    "http://user@127.0.0.1:{p}/", "http://example.org@127.0.0.1:{p}/", "http://example.org:80@127.0.0.1:{p}/", "http://127.0.0.1:{p}#@example.org/",
    "http://127.0.0.1:{p}\\@example.org/", "http://example.org\\@127.0.0.1:{p}/", "http://127.0.0.1\t:{p}/", "http://\n127.0.0.1:{p}/",
    "http://127。0。0。1:{p}/", "http://①②⑦.⓪.⓪.①:{p}/", "http://ｌｏｃａｌｈｏｓｔ:{p}/", "http://127.0.0.1:{p}", "http:/127.0.0.1:{p}/",
    "http:127.0.0.1:{p}/",
    "//127.0.0.1:{p}/", "HTTP://127.0.0.1:{p}/", "file:///etc/hosts", "gopher://127.0.0.1:{p}/_x", "ftp://127.0.0.1:{p}/", "unix:///tmp/any.sock",
    "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://:{p}/", "http:///x", "http://[::1/", "javascript:alert(1)", "data:text/plain,x",
)  # fmt: skip


@asynccontextmanager
async def trap() -> AsyncIterator[sinks.Receiver]:
    """A receiver at one port of every local address, IPv6 where there is any."""
    receiver = sinks.Receiver()
    server = await asyncio.start_server(receiver.serve, "0.0.0.0", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    more = []
    if socket.has_ipv6:
        try:
            more.append(await asyncio.start_server(receiver.serve, "::1", receiver.port))
        except OSError:
            pass  # a machine without IPv6 has no such trap to fall into
    try:
        yield receiver
    finally:
        for each in (server, *more):
            each.close()


async def tried(url: str, **how: Any) -> str:
    """What came of it: the status, or why not."""
    transport = reach.Transport(**how)
    try:
        return str(await reach.post(transport, url, b"{}", {}, seconds=2.0))
    except reach.Unreachable as error:
        return error.why
    finally:
        await transport.aclose()


def test_there_are_enough_spellings() -> None:
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 60


def test_no_spelling_of_a_private_address_leads_to_a_connection() -> None:
    async def story() -> None:
        async with trap() as caught:
            answers = dict(zip(SPELLINGS, await asyncio.gather(*(tried(url.format(p=caught.port)) for url in SPELLINGS)), strict=True))
            assert caught.connections == 0
            assert {url: said for url, said in answers.items() if said[:1].isdigit()} == {}

    asyncio.run(story())


def test_control_without_the_check_the_trap_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "is_open", lambda address: True)

    async def story() -> int:
        async with trap() as caught:
            for url in SPELLINGS[:15]:
                await tried(url.format(p=caught.port))
            return caught.connections

    assert asyncio.run(story()) >= 12


def test_control_an_address_of_the_open_internet_passes_the_check() -> None:
    for address in ("1.1.1.1", "93.184.215.14", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a01:4f8::1"):
        assert reach.is_open(address), address


@pytest.mark.parametrize("address", ["", "x", "1.1.1.1%eth0", "2606:4700::1111%eth0", "1.1.1", "0x7f.1", "1.1.1.1 "])
def test_what_is_no_plain_address_is_not_open(address: str) -> None:
    assert not reach.is_open(address)


def test_a_name_with_one_private_address_among_its_addresses_is_refused_whole() -> None:
    async def story() -> None:
        async with trap() as caught:
            said = await tried(f"http://mixed.example:{caught.port}/", resolver=sinks.resolver({"mixed.example": ["1.1.1.1", "127.0.0.1"]}))
            assert (said, caught.connections) == (reach.CLOSED, 0)

    asyncio.run(story())


class _Rebinding(BaseResolver):
    """The first time a public address, from then on this machine's; nothing to be kept."""

    def __init__(self, first: str) -> None:
        self.first, self.asked = first, 0

    def resolve(self, request: DNSRecord, handler: Any) -> DNSRecord:
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            self.asked += 1
            reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(self.first if self.asked == 1 else "127.0.0.1"), ttl=0))
        return reply


@asynccontextmanager
async def name_server(answering: _Rebinding) -> AsyncIterator[Any]:
    server = DNSServer(answering, address="127.0.0.1", port=0)
    port = server.server.server_address[1]
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()

    async def resolve(host: str, _: int) -> Sequence[str]:
        def ask() -> list[str]:
            answer = DNSRecord.parse(DNSRecord.question(host).send("127.0.0.1", port, timeout=2))
            return [str(record.rdata) for record in answer.rr]

        return await asyncio.to_thread(ask)

    try:
        yield resolve
    finally:
        server.server.shutdown()
        server.server.server_close()
        thread.join()


def test_a_name_server_that_changes_its_mind_gets_no_connection_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    went: list[str] = []

    async def nowhere(self: Any, host: str, *_: Any, **__: Any) -> Any:
        went.append(host)
        raise reach.httpcore.ConnectError

    monkeypatch.setattr(reach.httpcore.AnyIOBackend, "connect_tcp", nowhere)

    async def story() -> None:
        answering = _Rebinding("1.1.1.1")
        async with name_server(answering) as resolve:
            await tried("http://rebind.example:80/", resolver=resolve)
            assert (went, answering.asked) == (["1.1.1.1"], 1)  # where it went is what was checked
            assert await tried("http://rebind.example:80/", resolver=resolve) == reach.CLOSED
            assert went == ["1.1.1.1"]

    asyncio.run(story())


def test_control_a_check_that_resolves_once_more_to_connect_falls_into_the_trap() -> None:
    async def story() -> None:
        answering = _Rebinding("1.1.1.1")
        async with trap() as caught, name_server(answering) as resolve:
            assert all(map(reach.is_open, await resolve("rebind.example", 80)))  # looked at, and found good
            async with reach.httpx.AsyncClient() as client:
                await client.post(f"http://{(await resolve('rebind.example', 80))[0]}:{caught.port}/")
            assert caught.connections == 1

    asyncio.run(story())


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:{p}/", "http://[::1]:{p}/", "//127.0.0.1:{p}/"])
def test_a_redirection_is_not_followed(target: str) -> None:
    async def story() -> None:
        async with trap() as caught, sinks.receiving(f"302 Found\r\nlocation: {target.format(p=caught.port)}") as receiver:
            assert await tried(receiver.url, allowed=["127.0.0.1"]) == "302"
            assert (len(receiver.got), caught.connections) == (1, 0)

    asyncio.run(story())


def test_the_operator_may_allow_a_host_by_name_and_only_that_one() -> None:
    async def story() -> None:
        names = sinks.resolver({"hooks.lan": ["127.0.0.1"], "other.lan": ["127.0.0.1"]})
        async with sinks.receiving() as receiver:
            allowed = reach.hosts(" Hooks.LAN. , 192.168.1.5,[::1]")
            assert allowed == {"hooks.lan", "192.168.1.5", "::1"}
            assert await tried(f"http://hooks.lan:{receiver.port}/x", allowed=allowed, resolver=names) == "200"
            assert await tried(f"http://other.lan:{receiver.port}/x", allowed=allowed, resolver=names) == reach.CLOSED
            assert "host: hooks.lan" in receiver.got[0].head.lower()

    asyncio.run(story())


def test_the_name_in_tls_and_host_stays_the_name_that_was_typed(tmp_path: Path) -> None:
    async def story() -> None:
        tls, pem = sinks.certificate(tmp_path, "hooks.example")
        trusting, names = ssl.create_default_context(cafile=pem), sinks.resolver({"hooks.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
        receiver = sinks.Receiver()
        async with sinks.listening(receiver.serve, tls=tls) as port:
            allowed = ["hooks.example", "other.example"]
            assert await tried(f"https://hooks.example:{port}/x", allowed=allowed, resolver=names, tls=trusting) == "200"
            assert await tried(f"https://other.example:{port}/x", allowed=allowed, resolver=names, tls=trusting) == "Its certificate does not hold."
            assert await tried(f"https://hooks.example:{port}/x", allowed=allowed, resolver=names) == "Its certificate does not hold."
            assert len(receiver.got) == 1

    asyncio.run(story())


def test_what_hangs_drips_or_babbles_is_given_up_in_time() -> None:
    async def story() -> None:
        for sink in (sinks.hangs, sinks.drips):
            async with sinks.listening(sink) as port:
                said = await tried(f"http://127.0.0.1:{port}/", allowed=["127.0.0.1"])
                assert said == "Nothing answered within 2 seconds."
        async with sinks.listening(sinks.babbles) as port:
            assert await tried(f"http://127.0.0.1:{port}/", allowed=["127.0.0.1"]) == "The connection could not be made, or broke."
            assert "TLS" in await tried(f"https://127.0.0.1:{port}/", allowed=["127.0.0.1"])
        assert await tried("http://127.0.0.1:1/", allowed=["127.0.0.1"]) == "The connection could not be made, or broke."

    asyncio.run(story())


def test_of_a_gigabyte_only_the_status_is_taken() -> None:
    async def story() -> None:
        sent = 0

        async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
                sent += 65_536

        async with sinks.listening(counting) as port:
            assert await tried(f"http://127.0.0.1:{port}/", allowed=["127.0.0.1"]) == "200"
        assert sent < 32 * 2**20

    asyncio.run(story())


def test_no_proxy_and_no_cookie_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with sinks.receiving("200 OK\r\nset-cookie: a=b") as receiver, trap() as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            transport = reach.Transport(["127.0.0.1"])
            for _ in range(2):
                assert await reach.post(transport, receiver.url, b"{}", {}) == 200
            await transport.aclose()
            assert (len(receiver.got), proxy.connections) == (2, 0)
            assert "cookie" not in receiver.got[1].headers

    asyncio.run(story())
