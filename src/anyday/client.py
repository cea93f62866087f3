"""The typed client of the JSON API, for programs and the command line: over TCP, TLS, or the server's local socket.

Each method answers with a struct of ``wire`` or a ``Refusal``; nothing a server says is an exception. A command without an
id gets one before it is first sent, so that one which was cut off on its way is sent again and happens once. HTTP is read
by h11, which the server brings along anyway: the same few lines serve both the plain and the asyncio client.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
import time
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import h11
import msgspec

from anyday import wire
from anyday.refusals import Reason, Refusal
from anyday.wire import bell, fair, told

T = TypeVar("T")

_TRIES: Final = 3
_PAUSE: Final = 0.2
_MOST: Final = 64 * 1024 * 1024
_CHUNK: Final = 65_536
_V1: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request: what is asked and what the answer is read as."""

    method: str
    path: str
    body: msgspec.Struct | None
    reply: type[T]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: ``http://host:port``, ``https://host``, or ``unix:/path/to/any.db.sock``."""

    host: str
    port: int
    tls: bool = False
    path: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address | Refusal:
        """Read an address as typed; ``http://`` may be left out."""
        if text.startswith("unix:"):
            return cls("localhost", 0, path=text.removeprefix("unix:"))
        try:
            parts = urllib.parse.urlsplit(text if "://" in text else f"http://{text}")
            port = parts.port
        except ValueError:
            return Refusal(Reason.MALFORMED, detail=f"{text[:100]} is no server's address")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return Refusal(Reason.MALFORMED, detail=f"{text[:100]} is no server's address")
        tls = parts.scheme == "https"
        return cls(parts.hostname, port or (443 if tls else 80), tls)

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


class _Cut(Exception):
    """The connection ended before the answer did."""


class _Line:
    """HTTP on one connection, without the connection: bytes to send, bytes that came, and the answer once it is whole."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._status = 0
        self._parts: list[bytes] = []
        self._size = 0

    def request(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes | None) -> bytes:
        self._status, self._parts, self._size = 0, [], 0
        sized = headers if body is None else [*headers, ("content-type", "application/json"), ("content-length", str(len(body)))]
        out = self._http.send(h11.Request(method=method, target=path, headers=sized)) or b""
        if body is not None:
            out += self._http.send(h11.Data(data=body)) or b""
        return out + (self._http.send(h11.EndOfMessage()) or b"")

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Parts of the answer's body; ``None`` ends it. Raises ``_Cut`` where the connection broke off."""
        try:
            self._http.receive_data(data)
            while True:
                event = self._http.next_event()
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                elif isinstance(event, h11.Data):
                    yield bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    yield None
                    return
                elif event is h11.NEED_DATA or not isinstance(event, h11.InformationalResponse):
                    if not data:
                        raise _Cut
                    return
        except h11.RemoteProtocolError as error:
            raise _Cut from error

    def answer(self, data: bytes) -> tuple[int, bytes] | None:
        """Status and body once they are whole."""
        for part in self.feed(data):
            if part is None:
                return self._status, b"".join(self._parts)
            self._parts.append(part)
            self._size += len(part)
            if self._size > _MOST:
                raise _Cut
        return None

    @property
    def status(self) -> int:
        return self._status

    def reusable(self) -> bool:
        """Make ready for the next request, if the server keeps the connection."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False


class _Caller:
    """What both clients share: headers, bodies, and what an answer means. ``crew`` is the id of the crew that is asked about; without it
    it is the token's, or the first one that its player joined."""

    def __init__(
        self, address: str, *, token: str | None = None, player: str | None = None, crew: str | None = None, timeout: float = 30.0
    ) -> None:
        found = Address.parse(address)
        if isinstance(found, Refusal):
            raise ValueError(str(found))
        self.address = found
        self.timeout = timeout
        self._within = f"/c/{_quoted(crew)}" if crew is not None else ""
        port = "" if found.path or found.port == (443 if found.tls else 80) else f":{found.port}"
        host = f"[{found.host}]" if ":" in found.host else found.host
        self._headers = [("host", f"{host}{port}"), ("accept", "application/json"), ("user-agent", "anyday")]
        if token is not None:
            self._headers.append(("authorization", f"Bearer {token}"))
        if player is not None:
            # honoured on the local socket alone, whose file's permissions have said who may
            self._headers.append(("x-anyday-as", urllib.parse.quote(player)))

    def _body(self, call: Call[Any]) -> bytes | None:
        body = call.body
        if body is None:
            return None
        if "command_id" in body.__struct_fields__ and getattr(body, "command_id") is None:  # noqa: B009  the field is not on every struct
            body = msgspec.structs.replace(body, command_id=secrets.token_urlsafe(16))
        return msgspec.json.encode(body)

    def _safe_again(self, call: Call[Any]) -> bool:
        """Whether a request that may have arrived can be sent again: it reads, or it carries a command's id."""
        return call.method == "GET" or (call.body is not None and "command_id" in call.body.__struct_fields__)

    def _read(self, call: Call[T], status: int, body: bytes) -> T | Refusal:
        try:
            if status < 300:
                return msgspec.json.decode(body, type=call.reply)
            return refusal_of(msgspec.json.decode(body, type=wire.Problem))
        except (msgspec.DecodeError, UnicodeDecodeError):
            title = f"What answers at {self.address} is not AnyDay: HTTP status {status}."
            return Refusal(Reason.ANSWERED, title=title, next_step="Check the address.")

    def _unreachable(self) -> Refusal:
        return Refusal(Reason.UNREACHABLE, address=self.address)


class Client(_Caller):
    """The plain client. One connection, used by one thread; ``with`` closes it. Raises ``ValueError`` for an address that is none."""

    def __init__(
        self, address: str, *, token: str | None = None, player: str | None = None, crew: str | None = None, timeout: float = 30.0
    ) -> None:
        super().__init__(address, token=token, player=player, crew=crew, timeout=timeout)
        self._socket: socket.socket | None = None
        self._line = _Line()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, call: Call[T]) -> T | Refusal:
        """Send a request and wait for its answer."""
        body = self._body(call)
        for attempt in range(_TRIES):
            kept = self._socket is not None
            try:
                status, answer = self._exchange(call, body)
            except (OSError, _Cut):
                self.close()
                # A connection that was kept may have been closed by the server meanwhile: then nothing arrived.
                if not (kept or self._safe_again(call)) or attempt == _TRIES - 1:
                    break
                if not kept:
                    time.sleep(_PAUSE)
                continue
            return self._read(call, status, answer)
        return self._unreachable()

    def live(self, question: str) -> Iterator[int]:
        """The question's versions as they come, the present one first; ends when the server or the caller closes."""
        line = _Line()
        with contextlib.closing(self._open()) as connection:
            connection.sendall(line.request("GET", f"{self._within}{_of(question, 'live')}", self._headers, None))
            reader = _Events()
            while True:
                for part in line.feed(connection.recv(_CHUNK)):
                    if part is None or line.status != 200:
                        return
                    yield from reader.versions(part)

    def _exchange(self, call: Call[Any], body: bytes | None) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket, self._line = self._open(), _Line()
        self._socket.sendall(self._line.request(call.method, self._within + call.path, self._headers, body))
        while True:
            answer = self._line.answer(self._socket.recv(_CHUNK))
            if answer is not None:
                if not self._line.reusable():
                    self.close()
                return answer

    def _open(self) -> socket.socket:
        if self.address.path is not None:
            local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            local.settimeout(self.timeout)
            try:
                local.connect(self.address.path)
            except OSError:
                local.close()
                raise
            return local
        plain = socket.create_connection((self.address.host, self.address.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.address.host) if self.address.tls else plain


class AsyncClient(_Caller):
    """The asyncio client: one connection, one request at a time; ``async with`` closes it. Raises ``ValueError`` like ``Client``."""

    def __init__(
        self, address: str, *, token: str | None = None, player: str | None = None, crew: str | None = None, timeout: float = 30.0
    ) -> None:
        super().__init__(address, token=token, player=player, crew=crew, timeout=timeout)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._line = _Line()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; the next call opens another."""
        streams, self._streams = self._streams, None
        if streams is not None:
            await _hang_up(streams[1])

    async def send(self, call: Call[T]) -> T | Refusal:
        """Send a request and wait for its answer."""
        body = self._body(call)
        async with self._turn:
            for attempt in range(_TRIES):
                kept = self._streams is not None
                try:
                    status, answer = await asyncio.wait_for(self._exchange(call, body), self.timeout)
                except (OSError, _Cut, TimeoutError):
                    await self.close()
                    if not (kept or self._safe_again(call)) or attempt == _TRIES - 1:
                        break
                    if not kept:
                        await asyncio.sleep(_PAUSE)
                    continue
                return self._read(call, status, answer)
        return self._unreachable()

    async def live(self, question: str) -> AsyncIterator[int]:
        """The question's versions as they come, the present one first; ends when the server or the caller closes."""
        line = _Line()
        reader, writer = await self._open()
        try:
            writer.write(line.request("GET", f"{self._within}{_of(question, 'live')}", self._headers, None))
            events = _Events()
            while True:
                for part in line.feed(await reader.read(_CHUNK)):
                    if part is None or line.status != 200:
                        return
                    for version in events.versions(part):
                        yield version
        finally:
            await _hang_up(writer)

    async def _exchange(self, call: Call[Any], body: bytes | None) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams, self._line = await self._open(), _Line()
        reader, writer = self._streams
        writer.write(self._line.request(call.method, self._within + call.path, self._headers, body))
        await writer.drain()
        while True:
            answer = self._line.answer(await reader.read(_CHUNK))
            if answer is not None:
                if not self._line.reusable():
                    await self.close()
                return answer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.address.path is not None:
            return await asyncio.open_unix_connection(self.address.path)
        secure = ssl.create_default_context() if self.address.tls else None
        return await asyncio.open_connection(self.address.host, self.address.port, ssl=secure)


class _Events:
    """Versions out of a stream of server-sent events."""

    def __init__(self) -> None:
        self._rest = b""

    def versions(self, data: bytes) -> Iterator[int]:
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for event in whole:
            for line in event.split(b"\n"):
                if line.startswith(b"id: "):
                    yield int(line[4:])


def refusal_of(problem: wire.Problem) -> Refusal:
    """The refusal that a server's answer tells of; one that this version does not know keeps its words."""
    reason = Reason.__members__.get(problem.type.upper())
    if reason is not None:
        refusal = Refusal(reason, **problem.facts)
        if refusal.sentence == problem.title and refusal.next_step == problem.next_step:
            return refusal
    return Refusal(Reason.ANSWERED, title=problem.title, next_step=problem.next_step)


# what can be asked


def board() -> Call[tuple[wire.QuestionCard, ...]]:
    """Every question as a card."""
    return Call("GET", f"{_V1}/questions", None, tuple[wire.QuestionCard, ...])


def ask(body: wire.AskIn) -> Call[wire.Receipt]:
    """Ask a question."""
    return Call("POST", f"{_V1}/questions", body, wire.Receipt)


def question(question: str) -> Call[wire.QuestionView]:
    """A question whole."""
    return Call("GET", _of(question), None, wire.QuestionView)


def curve(question: str) -> Call[wire.CurveView]:
    """The curve as it stands."""
    return Call("GET", _of(question, "curve"), None, wire.CurveView)


def history(question: str) -> Call[tuple[wire.HistoryPoint, ...]]:
    """How the curve stood over time."""
    return Call("GET", _of(question, "history"), None, tuple[wire.HistoryPoint, ...])


def bets(question: str, before: int | None = None) -> Call[tuple[wire.BetView, ...]]:
    """The newest bets, or those before a version."""
    return Call("GET", _of(question, "bets") + (f"?before={before}" if before is not None else ""), None, tuple[wire.BetView, ...])


def bet(question: str, body: wire.BetIn) -> Call[wire.Receipt]:
    """Bet on a window."""
    return Call("POST", _of(question, "bets"), body, wire.Receipt)


def quote(question: str, body: wire.QuoteIn) -> Call[wire.QuoteView]:
    """What a bet or a sale would do."""
    return Call("POST", _of(question, "quote"), body, wire.QuoteView)


def sell(question: str, body: wire.SellIn) -> Call[wire.Receipt]:
    """Sell what one holds."""
    return Call("POST", _of(question, "sell"), body, wire.Receipt)


def seal(question: str, body: bell.SealIn) -> Call[wire.Receipt]:
    """Seal a bet until the bell, or another in the place of one's own."""
    return Call("POST", _of(question, "sealed"), body, wire.Receipt)


def unseal(question: str, body: bell.UnsealIn) -> Call[wire.Receipt]:
    """Withdraw a sealed bet of one's own."""
    return Call("POST", _of(question, "sealed/withdraw"), body, wire.Receipt)


def stake(question: str, body: wire.StakeIn) -> Call[wire.Receipt]:
    """Stake points on a slot of the tote."""
    return Call("POST", _of(question, "stakes"), body, wire.Receipt)


def guess(question: str, body: wire.GuessIn) -> Call[wire.Receipt]:
    """Guess, sealed until entries close."""
    return Call("POST", _of(question, "guesses"), body, wire.Receipt)


def forecast(question: str, body: wire.ForecastIn) -> Call[wire.Receipt]:
    """State a curve, sealed until the ruling."""
    return Call("POST", _of(question, "forecast"), body, wire.Receipt)


def note(question: str, body: wire.NoteIn) -> Call[wire.Receipt]:
    """Put a near miss or news on the timeline."""
    return Call("POST", _of(question, "notes"), body, wire.Receipt)


def collect(question: str, body: wire.EmptyIn | None = None) -> Call[wire.Receipt]:
    """Turn the floor of one's position into points."""
    return Call("POST", _of(question, "collect"), body or wire.EmptyIn(), wire.Receipt)


def close(question: str, body: wire.EmptyIn | None = None) -> Call[wire.Receipt]:
    """Stop the betting."""
    return Call("POST", _of(question, "close"), body or wire.EmptyIn(), wire.Receipt)


def preview(question: str, body: wire.PreviewIn) -> Call[wire.RulingTotals]:
    """What a ruling would do, in totals."""
    return Call("POST", _of(question, "ruling/preview"), body, wire.RulingTotals)


def rule(question: str, body: wire.RuleIn) -> Call[wire.Receipt]:
    """Declare the outcome."""
    return Call("POST", _of(question, "ruling"), body, wire.Receipt)


def void(question: str, body: wire.VoidIn) -> Call[wire.Receipt]:
    """Call the question off."""
    return Call("POST", _of(question, "void"), body, wire.Receipt)


def correct(question: str, body: wire.CorrectIn) -> Call[wire.Receipt]:
    """Replace a ruling."""
    return Call("POST", _of(question, "correct"), body, wire.Receipt)


def comment(question: str, body: fair.CommentIn) -> Call[wire.Receipt]:
    """Say something on the timeline."""
    return Call("POST", _of(question, "comments"), body, wire.Receipt)


def thank(question: str, body: fair.ThankIn) -> Call[wire.Receipt]:
    """Thank for what stands on the timeline."""
    return Call("POST", _of(question, "thanks"), body, wire.Receipt)


def agree(question: str, body: wire.EmptyIn | None = None) -> Call[wire.Receipt]:
    """Agree to a question that is about oneself."""
    return Call("POST", _of(question, "agree"), body or wire.EmptyIn(), wire.Receipt)


def withdraw(question: str, body: wire.EmptyIn | None = None) -> Call[wire.Receipt]:
    """Do not agree to a question that is about oneself, or no longer."""
    return Call("POST", _of(question, "withdraw"), body or wire.EmptyIn(), wire.Receipt)


def halt(question: str, body: fair.ReasonIn) -> Call[wire.Receipt]:
    """Halt a question."""
    return Call("POST", _of(question, "halt"), body, wire.Receipt)


def resume(question: str, body: wire.EmptyIn | None = None) -> Call[wire.Receipt]:
    """Let betting on a halted question go on."""
    return Call("POST", _of(question, "resume"), body or wire.EmptyIn(), wire.Receipt)


def dispute(question: str, body: fair.ReasonIn) -> Call[wire.Receipt]:
    """Dispute a ruling."""
    return Call("POST", _of(question, "dispute"), body, wire.Receipt)


def judge(question: str, body: fair.JudgeIn) -> Call[wire.Receipt]:
    """Decide a dispute."""
    return Call("POST", _of(question, "judge"), body, wire.Receipt)


def vote(question: str, body: fair.VoteIn) -> Call[wire.Receipt]:
    """Vote where the crew decides."""
    return Call("POST", _of(question, "vote"), body, wire.Receipt)


def duties(question: str | None = None) -> Call[tuple[fair.HeldView, ...]]:
    """Who held which duty of a question, or without one of the crew, from when on."""
    return Call("GET", _duties(question), None, tuple[fair.HeldView, ...])


def hand_over(body: fair.HandOverIn, question: str | None = None) -> Call[wire.Receipt]:
    """Offer a duty of a question, or without one the crew itself, to another member."""
    return Call("POST", _duties(question), body, wire.Receipt)


def accept_duty(body: fair.DutyIn, question: str | None = None) -> Call[wire.Receipt]:
    """Accept a duty of a question, or of the crew."""
    return Call("POST", _duties(question, "/accept"), body, wire.Receipt)


def decline_duty(body: fair.DutyIn, question: str | None = None) -> Call[wire.Receipt]:
    """Decline a duty of a question, or of the crew, or take an offer back."""
    return Call("POST", _duties(question, "/decline"), body, wire.Receipt)


def tallies() -> Call[tuple[wire.TallyCard, ...]]:
    """The crew's tallies."""
    return Call("GET", f"{_V1}/tallies", None, tuple[wire.TallyCard, ...])


def open_tally(body: wire.TallyIn) -> Call[wire.Receipt]:
    """Open a tally."""
    return Call("POST", f"{_V1}/tallies", body, wire.Receipt)


def tally(tally: str, before: int | None = None) -> Call[wire.TallyView]:
    """A tally whole; its newest occurrences, or those before a version."""
    return Call("GET", f"{_V1}/tallies/{_quoted(tally)}" + (f"?before={before}" if before is not None else ""), None, wire.TallyView)


def record(tally: str, body: wire.OccurrenceIn) -> Call[wire.Receipt]:
    """Record an occurrence of a tally."""
    return Call("POST", f"{_V1}/tallies/{_quoted(tally)}/occurrences", body, wire.Receipt)


def strike(tally: str, body: wire.StrikeIn) -> Call[wire.Receipt]:
    """Strike an occurrence out of a tally."""
    return Call("POST", f"{_V1}/tallies/{_quoted(tally)}/strike", body, wire.Receipt)


def records() -> Call[wire.RecordView]:
    """How the crew's mechanisms did."""
    return Call("GET", f"{_V1}/record", None, wire.RecordView)


def player(name: str) -> Call[wire.TrackRecord]:
    """A player's track record."""
    return Call("GET", f"{_V1}/players/{_quoted(name)}", None, wire.TrackRecord)


def tables(period: str = "month", at: str = "") -> Call[wire.TablesView]:
    """Who is ahead in a month, quarter, year or ``all``: the one that holds the day ``at``, or now."""
    return Call("GET", f"{_V1}/tables?period={_quoted(period)}" + (f"&at={_quoted(at)}" if at else ""), None, wire.TablesView)


def review(period: str = "week", at: str = "") -> Call[wire.ReviewView]:
    """The review of a week, month or quarter: the one that holds the day ``at``, or now."""
    return Call("GET", f"{_V1}/review?period={_quoted(period)}" + (f"&at={_quoted(at)}" if at else ""), None, wire.ReviewView)


def me() -> Call[wire.Me]:
    """One's points and positions."""
    return Call("GET", f"{_V1}/me", None, wire.Me)


def inbox(before: int | None = None) -> Call[told.InboxView]:
    """One's inbox, the newest first."""
    return Call("GET", f"{_V1}/inbox" + (f"?before={before}" if before is not None else ""), None, told.InboxView)


def read(body: told.ReadIn) -> Call[wire.Done]:
    """Mark messages as read."""
    return Call("POST", f"{_V1}/inbox/read", body, wire.Done)


def acknowledge(number: int) -> Call[wire.Done]:
    """Acknowledge an urgent message."""
    return Call("POST", f"{_V1}/inbox/{number}/ack", None, wire.Done)


def notifications() -> Call[told.NotificationsView]:
    """How one is told."""
    return Call("GET", f"{_V1}/notifications", None, told.NotificationsView)


def set_habit(body: told.HabitIn) -> Call[wire.Done]:
    """Set quiet hours and digest."""
    return Call("POST", f"{_V1}/notifications", body, wire.Done)


def channels() -> Call[tuple[told.ChannelView, ...]]:
    """One's channels."""
    return Call("GET", f"{_V1}/channels", None, tuple[told.ChannelView, ...])


def add_channel(body: told.ChannelIn) -> Call[told.ChannelView]:
    """Add a channel."""
    return Call("POST", f"{_V1}/channels", body, told.ChannelView)


def confirm_channel(body: told.CodeIn) -> Call[told.ChannelView]:
    """Confirm a channel by the code of its letter."""
    return Call("POST", f"{_V1}/channels/confirm", body, told.ChannelView)


def pick(channel: str, body: told.PickIn) -> Call[wire.Done]:
    """Choose what goes to a channel, or turn it off or on."""
    return Call("POST", f"{_V1}/channels/{_quoted(channel)}", body, wire.Done)


def ask_again(channel: str) -> Call[wire.Done]:
    """Send the letter again that asks for a channel's confirmation."""
    return Call("POST", f"{_V1}/channels/{_quoted(channel)}/ask", wire.EmptyIn(), wire.Done)


def remove_channel(channel: str) -> Call[wire.Done]:
    """Remove a channel."""
    return Call("DELETE", f"{_V1}/channels/{_quoted(channel)}", None, wire.Done)


def ledger() -> Call[wire.LedgerView]:
    """What moved one's points, line by line."""
    return Call("GET", f"{_V1}/me/ledger", None, wire.LedgerView)


def members() -> Call[tuple[wire.Member, ...]]:
    """The crew's members."""
    return Call("GET", f"{_V1}/members", None, tuple[wire.Member, ...])


def crews() -> Call[tuple[wire.CrewCard, ...]]:
    """The crews that one belongs to."""
    return Call("GET", f"{_V1}/crews", None, tuple[wire.CrewCard, ...])


def open_crew(body: wire.CrewIn) -> Call[wire.CrewCard]:
    """Open a further crew."""
    return Call("POST", f"{_V1}/crews", body, wire.CrewCard)


def crew() -> Call[fair.CrewView]:
    """The crew: its settings, duties and alarm, and what happened in it."""
    return Call("GET", f"{_V1}/crew", None, fair.CrewView)


def change_settings(body: fair.SettingsIn) -> Call[wire.Receipt]:
    """Change some of the crew's settings."""
    return Call("POST", f"{_V1}/crew/settings", body, wire.Receipt)


def alarm(body: fair.ReasonIn) -> Call[wire.Receipt]:
    """Halt everything in the crew at once."""
    return Call("POST", f"{_V1}/crew/alarm", body, wire.Receipt)


def all_clear(body: wire.EmptyIn | None = None) -> Call[wire.Receipt]:
    """Lift the alarm."""
    return Call("POST", f"{_V1}/crew/all-clear", body or wire.EmptyIn(), wire.Receipt)


def make_player(body: fair.MemberIn) -> Call[wire.Receipt]:
    """Let a guest play."""
    return Call("POST", f"{_V1}/crew/players", body, wire.Receipt)


def remove_member(body: fair.RemoveIn) -> Call[wire.Receipt]:
    """Remove a member of the crew."""
    return Call("POST", f"{_V1}/crew/remove", body, wire.Receipt)


def leave(body: wire.EmptyIn | None = None) -> Call[wire.Receipt]:
    """Leave the crew."""
    return Call("POST", f"{_V1}/crew/leave", body or wire.EmptyIn(), wire.Receipt)


def feed(before: int | None = None) -> Call[tuple[fair.FeedView, ...]]:
    """What was put on the crew's timelines, the newest first; or what came before an instant (UTC microseconds)."""
    return Call("GET", f"{_V1}/feed" + (f"?before={before}" if before is not None else ""), None, tuple[fair.FeedView, ...])


def grant(body: wire.GrantIn) -> Call[wire.Receipt]:
    """Grant new points."""
    return Call("POST", f"{_V1}/grants", body, wire.Receipt)


def invite(body: wire.InviteIn | None = None) -> Call[wire.Secret]:
    """Make an invitation."""
    return Call("POST", f"{_V1}/invitations", body or wire.InviteIn(), wire.Secret)


def invite_by_name(body: wire.InviteNameIn) -> Call[wire.InvitationView]:
    """Invite somebody who has an account on the server, by name."""
    return Call("POST", f"{_V1}/crew/invitations", body, wire.InvitationView)


def sent_invitations() -> Call[tuple[wire.InvitationView, ...]]:
    """The crew's invitations that are out."""
    return Call("GET", f"{_V1}/crew/invitations", None, tuple[wire.InvitationView, ...])


def withdraw_invitation(invitation: str) -> Call[wire.Done]:
    """Take an invitation back."""
    return Call("DELETE", f"{_V1}/crew/invitations/{_quoted(invitation)}", None, wire.Done)


def invitations() -> Call[tuple[wire.InvitationView, ...]]:
    """The invitations that wait for one's answer."""
    return Call("GET", f"{_V1}/invitations", None, tuple[wire.InvitationView, ...])


def accept_invitation(invitation: str) -> Call[wire.Done]:
    """Accept an invitation, and become a member of its crew."""
    return Call("POST", f"{_V1}/invitations/{_quoted(invitation)}/accept", None, wire.Done)


def decline_invitation(invitation: str) -> Call[wire.Done]:
    """Decline an invitation."""
    return Call("POST", f"{_V1}/invitations/{_quoted(invitation)}/decline", None, wire.Done)


def passkeys() -> Call[tuple[wire.PasskeyView, ...]]:
    """One's passkeys. They are made and used in a browser."""
    return Call("GET", f"{_V1}/me/passkeys", None, tuple[wire.PasskeyView, ...])


def remove_passkey(passkey: str) -> Call[wire.Done]:
    """Remove a passkey."""
    return Call("DELETE", f"{_V1}/me/passkeys/{_quoted(passkey)}", None, wire.Done)


def erase(body: wire.EraseIn) -> Call[wire.Done]:
    """Erase what the server knows of oneself."""
    return Call("DELETE", f"{_V1}/me", body, wire.Done)


def tokens() -> Call[tuple[wire.TokenView, ...]]:
    """One's bearer tokens."""
    return Call("GET", f"{_V1}/tokens", None, tuple[wire.TokenView, ...])


def new_token(body: wire.TokenIn) -> Call[wire.Secret]:
    """Make a bearer token."""
    return Call("POST", f"{_V1}/tokens", body, wire.Secret)


def revoke_token(token: str) -> Call[wire.Done]:
    """Revoke a bearer token."""
    return Call("DELETE", f"{_V1}/tokens/{_quoted(token)}", None, wire.Done)


def _of(question: str, rest: str = "") -> str:
    return f"{_V1}/questions/{_quoted(question)}" + (f"/{rest}" if rest else "")


def _duties(question: str | None, rest: str = "") -> str:
    return (f"{_V1}/crew/duties" if question is None else _of(question, "duties")) + rest


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
