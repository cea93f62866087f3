"""The typed client against the real server process on real sockets: TCP, the local socket, cut connections, a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anyday import client as ask
from anyday import wire
from anyday.client import Address, AsyncClient, Client
from anyday.people.accounts import Issued
from anyday.points import UNITS_A_POINT
from anyday.refusals import Reason, Refusal
from anyday.rules import commands
from anyday.web import server as bounds
from anyday.web import surface
from anyday.web.server import Server
from tests.web.conftest import ASK, World


@dataclass
class Place:
    """Where the real server listens, and what it serves."""

    world: World
    address: str
    port: int
    local: str
    server: Server
    token: str
    question: str

    def client(self, **changes: Any) -> Client:
        return Client(self.address, **{"token": self.token, "timeout": 30, **changes})


async def started(server: Server, listener: socket.socket) -> asyncio.Task[None]:
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        assert not task.done(), "the server came up"
        await asyncio.sleep(0.005)
    return task


@asynccontextmanager
async def real(world: World, path: Path) -> AsyncIterator[Place]:
    """The real server on loopback and on a local socket, with a player's token and a question."""
    owner = await world.owner("Olga")
    await world.player("Pia")
    question = await world.question(owner)
    issued = await world.people.new_token(world.people.player_of("Pia") or "", "script")
    assert isinstance(issued, Issued)
    tcp = socket.socket()
    tcp.bind(("127.0.0.1", 0))
    local = socket.socket(socket.AF_UNIX)
    local.bind(str(path / "s"))
    server, beside = Server(world.app, log_level="error"), Server(world.app, local=True, log_level="error")
    tasks = [await started(server, tcp), await started(beside, local)]
    port = tcp.getsockname()[1]
    try:
        yield Place(world, f"http://127.0.0.1:{port}", port, f"unix:{path / 's'}", server, issued.secret, question)
    finally:
        server.should_exit = beside.should_exit = True
        await asyncio.wait_for(asyncio.gather(*tasks), 15)


@pytest.fixture
def serve(play: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Run a story against the real server."""

    def run(story: Callable[[Place], Any]) -> Any:
        async def whole(world: World) -> Any:
            async with real(world, tmp_path) as place:
                return await story(place)

        return play(whole)

    return run


def good(answer: Any) -> Any:
    assert not isinstance(answer, Refusal), answer
    return answer


def test_the_client_speaks_every_part_of_the_api(serve: Callable[..., Any]) -> None:
    def program(place: Place) -> None:
        q = place.question
        with place.client() as pia:
            assert [card.title for card in good(pia.send(ask.board()))] == [ASK["title"]]
            quoted = good(pia.send(ask.quote(q, wire.QuoteIn(window="April", points=5))))
            receipt = good(pia.send(ask.bet(q, wire.BetIn(window="April", points="5", max_cost="5", expected_version=quoted.version))))
            assert (receipt.charge, receipt.shares) == ("5", quoted.shares)
            assert good(pia.send(ask.question(q))).position
            assert good(pia.send(ask.curve(q))).version == receipt.version
            assert good(pia.send(ask.history(q)))
            assert [bet.mine for bet in good(pia.send(ask.bets(q)))] == [True]
            assert good(pia.send(ask.bets(q, before=receipt.version))) == ()
            assert good(pia.send(ask.sell(q, wire.SellIn(window="April", shares=1)))).shares == "-1"
            assert good(pia.send(ask.me())).name == "Pia"
            assert [member.name for member in good(pia.send(ask.members()))] == ["Olga", "Pia"]
            assert good(pia.send(ask.records())).mechanisms == ()
            assert good(pia.send(ask.player("Pia"))).questions == 0
            assert pia.send(ask.player("a name with ?#")).reason is Reason.NOT_FOUND
            assert good(pia.send(ask.tables("all"))).period.said == "All time"
            assert good(pia.send(ask.review("month", "2027-02"))).period.said == "February 2027"
            assert pia.send(ask.collect(q)).reason is Reason.NOTHING_TO_COLLECT
            assert pia.send(ask.tokens()).reason is Reason.NOT_ALLOWED
        with Client(place.local, player="Olga") as olga:
            other = good(olga.send(ask.ask(wire.AskIn(**ASK)))).question
            assert good(olga.send(ask.grant(wire.GrantIn(to="Pia", points=3, reason="Cake")))).said
            assert good(olga.send(ask.invite())).path.startswith("/join/")
            made = good(olga.send(ask.new_token(wire.TokenIn(name="script"))))
            with place.client(token=made.secret) as by_token:
                assert good(by_token.send(ask.me())).name == "Olga"
            (kept,) = good(olga.send(ask.tokens()))
            assert good(olga.send(ask.revoke_token(kept.id))).said
            assert good(olga.send(ask.close(other))).said
            assert good(olga.send(ask.preview(other, wire.PreviewIn(what="void")))).bets_voided == 0
            assert good(olga.send(ask.void(other, wire.VoidIn(reason="Enough")))).said
            assert olga.send(ask.rule(q, wire.RuleIn(outcome="never", evidence="x"))).reason is Reason.NEVER_TOO_EARLY
            assert isinstance(olga.send(ask.correct(q, wire.CorrectIn(outcome="never", evidence="x", reason="x"))), Refusal)

    serve(lambda place: asyncio.to_thread(program, place))


def test_the_clients_carry_every_way_to_play(serve: Callable[..., Any]) -> None:
    async def story(place: Place) -> None:
        asked = wire.AskIn(
            **{**ASK, "origin": "1 April 2027", "subsidy": 0}, market=False, tote=wire.ToteIn("month", "5%"), closest=wire.ClosestIn(5), forecast=True
        )
        async with AsyncClient(place.local, player="Olga") as olga:
            q = good(await olga.send(ask.ask(asked))).question
        async with AsyncClient(place.address, token=place.token) as pia:
            assert good(await pia.send(ask.stake(q, wire.StakeIn("April", "2.5")))).stream == f"question/{q}"
            assert "10 April 2027" in good(await pia.send(ask.guess(q, wire.GuessIn("10 April")))).said
            curve = wire.CurveIn(family=wire.FamilyIn("gamma", "20 April", "May"))
            assert "10 points" in good(await pia.send(ask.forecast(q, wire.ForecastIn(curve, 10)))).said
            noted = good(await pia.send(ask.note(q, wire.NoteIn("news", "A mechanic came", "14 March 2027", "Seen"))))
            assert noted.said == "News, 14 March 2027: A mechanic came"
            view = good(await pia.send(ask.question(q)))
            assert (view.curve is not None, view.tote.mine, view.closest.pins[0].window, view.forecast.stake) == (True, "2.5", "10 April 2027", "10")
            refused = await pia.send(ask.forecast(q, wire.ForecastIn(wire.CurveIn("5%", table=(wire.QuantileIn("May", "95.00001%"),)))))
            assert refused == Refusal(Reason.NOT_A_CURVE, detail="its chances make 100.00001 %, not 100 %")

        def program() -> None:
            with place.client() as again:
                assert good(again.send(ask.forecast(q, wire.ForecastIn(curve)))).said
                assert good(again.send(ask.question(q))).forecast.curves == 2
                plays = "a tote, a closest guess, a forecast"
                assert again.send(ask.bet(q, wire.BetIn("May", points=1))) == Refusal(Reason.NOT_PLAYED, mechanism="a market", plays=plays)

        await asyncio.to_thread(program)

    serve(story)


def test_a_refusal_arrives_as_it_was_made(serve: Callable[..., Any]) -> None:
    async def story(place: Place) -> None:
        async with AsyncClient(place.address, token=place.token) as pia:
            assert await pia.send(ask.question("nothing")) == Refusal(Reason.NOT_FOUND, what="question")
            refused = await pia.send(ask.bet(place.question, wire.BetIn(window="13 March 2027", points=5)))
            direct = place.world.service.quote(None, commands.Bet(place.question, "13 March 2027", spend=5 * UNITS_A_POINT))
            assert isinstance(refused, Refusal)
            assert refused == direct
        async with AsyncClient(place.address, token="wrong") as stranger:
            assert await stranger.send(ask.me()) == Refusal(Reason.SIGN_IN)

    serve(story)


def test_a_refusal_of_a_newer_server_keeps_its_words() -> None:
    newer = wire.Problem("moon_is_full", 409, "The moon is full.", "Wait a week.", True)
    assert str(ask.refusal_of(newer)) == "The moon is full. Wait a week."
    reworded = wire.Problem("sign_in", 401, "Who are you?", "Say so.", False)
    assert str(ask.refusal_of(reworded)) == "Who are you? Say so."
    assert ask.refusal_of(wire.Problem("sign_in", 401, "You are not signed in.", "Sign in, or send a token.", False)) == Refusal(Reason.SIGN_IN)


@asynccontextmanager
async def scissors(port: int, cuts: int) -> AsyncIterator[tuple[int, list[int]]]:
    """A proxy that lets each request through, and cuts the first ``cuts`` connections before their answer comes back."""
    connections: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        upstream, forward = await asyncio.open_connection("127.0.0.1", port)
        cut = len(connections) <= cuts
        forward.write(await reader.read(65_536))
        answer = await upstream.read(65_536)
        if not cut:
            writer.write(answer)
            await writer.drain()
        for end in (writer, forward):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], connections


def test_a_bet_whose_answer_was_cut_off_is_sent_again_and_happens_once(serve: Callable[..., Any]) -> None:
    async def story(place: Place) -> None:
        bet = ask.bet(place.question, wire.BetIn(window="April", points=5))
        async with scissors(place.port, cuts=2) as (port, connections):
            async with AsyncClient(f"127.0.0.1:{port}", token=place.token) as pia:
                first = good(await pia.send(bet))
            assert len(connections) == 3, "control: it was sent three times"
        async with scissors(place.port, cuts=1) as (port, connections):
            with Client(f"127.0.0.1:{port}", token=place.token) as plain:
                second = good(await asyncio.to_thread(plain.send, bet))
            assert len(connections) == 2
        assert second.version == first.version + 1, "each call is a bet of its own, each done once"
        async with AsyncClient(place.address, token=place.token) as pia:
            assert len(good(await pia.send(ask.bets(place.question)))) == 2

    serve(story)


def test_what_carries_no_id_is_not_sent_again(serve: Callable[..., Any]) -> None:
    async def story(place: Place) -> None:
        async with scissors(place.port, cuts=1) as (port, connections):
            async with AsyncClient(f"127.0.0.1:{port}", token=place.token) as pia:
                answer = await pia.send(ask.new_token(wire.TokenIn(name="x")))
                assert isinstance(answer, Refusal)
                assert answer.reason is Reason.UNREACHABLE
            assert len(connections) == 1

    serve(story)


def test_nobody_home_and_somebody_else_home_are_refusals(serve: Callable[..., Any], tmp_path: Path) -> None:
    async def story(place: Place) -> None:
        free = socket.socket()
        free.bind(("127.0.0.1", 0))
        async with AsyncClient(f"127.0.0.1:{free.getsockname()[1]}") as nobody:
            answer = await nobody.send(ask.me())
        free.close()
        assert isinstance(answer, Refusal)
        assert answer.reason is Reason.UNREACHABLE
        local = await asyncio.to_thread(Client(f"unix:{tmp_path}/none").send, ask.me())
        assert isinstance(local, Refusal)
        assert local.reason is Reason.UNREACHABLE

        async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\n<h1>")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(other, "127.0.0.1", 0)
        async with server, AsyncClient(f"127.0.0.1:{server.sockets[0].getsockname()[1]}") as somebody:
            answer = await somebody.send(ask.me())
        assert isinstance(answer, Refusal)
        assert answer.reason is Reason.ANSWERED
        assert "502" in str(answer)

    serve(story)


def test_both_clients_hear_the_live_stream(serve: Callable[..., Any]) -> None:
    async def story(place: Place) -> None:
        def listen() -> list[int]:
            heard = []
            for version in place.client().live(place.question):
                heard.append(version)
                if len(heard) == 2:
                    break
            return heard

        plain = asyncio.create_task(asyncio.to_thread(listen))
        stream = AsyncClient(place.address, token=place.token).live(place.question)
        assert await anext(stream) == 1
        while place.world.app.house.hub.watching < 2:
            await asyncio.sleep(0.01)
        async with AsyncClient(place.address, token=place.token) as pia:
            receipt = good(await pia.send(ask.bet(place.question, wire.BetIn(window="April", points=5))))
        assert await asyncio.wait_for(anext(stream), 30) == receipt.version
        assert await asyncio.wait_for(plain, 30) == [1, receipt.version]
        await stream.aclose()

    serve(story)


def test_the_server_stops_at_once_while_pages_are_open(serve: Callable[..., Any]) -> None:
    async def story(place: Place) -> None:
        stream = AsyncClient(place.address, token=place.token).live(place.question)
        assert await anext(stream) == 1
        place.server.should_exit = True
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(stream), 30)

    serve(story)


async def raw(port: int, *parts: bytes) -> bytes:
    """What a server answers to bytes as they are, until it closes or the answer is whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(OSError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    answer = b""
    with contextlib.suppress(OSError, TimeoutError):
        while not answer.rstrip().endswith((b"}", b"</html>", b"request received.")):
            more = await asyncio.wait_for(reader.read(65_536), 20)
            if not more:
                break
            answer += more
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return answer


def test_hostile_bytes_on_a_real_socket_are_turned_away(serve: Callable[..., Any]) -> None:
    async def story(place: Place) -> None:
        token = place.token.encode()
        head = b"POST /api/v1/questions/%s/bets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\ncontent-type: application/json\r\n" % (
            place.question.encode(),
            token,
        )
        chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        before = place.world.record()
        assert b" 413 " in (await raw(place.port, head + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 20, b"0\r\n\r\n"))[:20]
        assert b" 413 " in (await raw(place.port, head + b"content-length: 99999999999\r\n\r\n"))[:20]
        assert b" 400 " in (await raw(place.port, head + b"transfer-encoding: chunked\r\n\r\n", b"4\r\n[[[[\r\n0\r\n\r\n"))[:20]
        for junk in (
            b"\x16\x03\x01\x02\x00",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
            b"\x00" * 100,
            b"GET /%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n",
        ):
            answer = await raw(place.port, junk)
            assert answer == b"" or answer[9:10] in b"34", (junk, answer[:60])
        smuggled = head + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nhost: x\r\n\r\n"
        assert (await raw(place.port, smuggled))[9:10] == b"4"
        body = b'{"window":"April","points":"5"}'
        halves = b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (10, body[:10]), b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) - 10, body[10:])
        assert place.world.record() == before
        assert b" 200 " in (await raw(place.port, head + halves[0], halves[1]))[:20], "control: a bet in chunks is taken"
        assert place.world.record() != before

    serve(story)


def test_a_head_without_end_is_cut_off(serve: Callable[..., Any]) -> None:
    async def story(place: Place) -> None:
        start = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"
        assert b" 200 " in (await raw(place.port, start + b"x-a: " + b"a" * 30_000 + b"\r\n\r\n"))[:20], "control: 30 KB are read"
        for flood in (b"x-a: " + b"a" * 400_000, b"x-a: b\r\n" * 50_000):
            answer = await raw(place.port, start, flood, b"\r\n\r\n")
            assert answer == b"" or b" 431 " in answer[:20], "a connection that is closed under a flood may lose its last words"
        assert (await raw(place.port, b"GET /" + b"a" * 400_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n"))[9:12] in (b"", b"431")

    serve(story)


def test_a_head_and_a_body_that_never_come_are_not_waited_for(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.6)
    monkeypatch.setattr(surface, "BODY_SECONDS", 0.6)

    async def story(place: Place) -> None:
        assert await raw(place.port) == b""
        assert await raw(place.port, b"GET / HTTP/1.1\r\nhost: x\r\n") == b""
        head = (
            b"POST /api/v1/questions/x/bets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\ncontent-type: application/json\r\n"
            % place.token.encode()
        )
        assert b" 408 " in (await raw(place.port, head + b"content-length: 10\r\n\r\n{"))[:20]
        whole = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        assert b" 200 " in (await raw(place.port, whole))[:20], "control"

    serve(story)


@pytest.mark.parametrize("text", ["", "ftp://x", "http://", "http://x:99999", "http://[", "http://x:port"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    assert isinstance(Address.parse(text), Refusal)
    with pytest.raises(ValueError):
        Client(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("localhost:8777", "http://localhost:8777"),
        ("https://any.example", "https://any.example:443"),
        ("http://[::1]:80", "http://::1:80"),
        ("unix:/x/any.db.sock", "unix:/x/any.db.sock"),
    ],
)
def test_control_an_address_is_read(text: str, said: str) -> None:
    assert str(Address.parse(text)) == said
