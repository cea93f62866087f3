"""The live stream of a question: server-sent events that say which version it is at, to every page that has it open.

One watcher a question waits for the service; each message is encoded once a version; each client has one future to wait
on and gets the newest version only, at most five times a second. A client that stops reading is cut off, and one whose
session has ended as well. What a page does on a new version is to ask for what it shows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from anyday.refusals import Reason, Refusal
from anyday.web.places import readable
from anyday.web.session import How, Visitor
from anyday.web.surface import Call, Receive, Send, Stream

if TYPE_CHECKING:
    from anyday.service import Service

#: Seconds: between two messages to one client, between two signs of life, and until a client that does not read is cut off.
GAP: Final = 0.2
HEARTBEAT: Final = 15.0
STALLED: Final = 10.0

_HEARTBEAT_MESSAGE: Final = b": still here\n\n"
_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


def encode(version: int) -> bytes:
    """The message for a version."""
    return b'event: version\nid: %d\ndata: {"version":%d}\n\n' % (version, version)


def encode_alarm(stands: bool) -> bytes:
    """The message that the crew's alarm was raised, or lifted: what every open page of the crew shows."""
    return b'event: alarm\ndata: {"alarm":%s}\n\n' % (b"true" if stands else b"false")


@dataclass(slots=True)
class _Feed:
    """One question's watchers, and the newest message for them; ``turn`` counts the messages."""

    version: int
    message: bytes
    alarm: str | None = None
    turn: int = 0
    waiters: set[asyncio.Future[None]] = field(default_factory=set)
    clients: int = 0
    task: asyncio.Task[None] | None = None


class Hub:
    """Every open live stream of the process. ``most`` may be open in all, ``most_each`` by one player or address."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most, self._most_each = most, most_each
        self._feeds: dict[tuple[str, str], _Feed] = {}
        self._open: Counter[str] = Counter()
        self._closed = False

    @property
    def watching(self) -> int:
        """How many streams are open."""
        return self._open.total()

    def close(self) -> None:
        """End every stream; no new one begins. The server stops only once they have ended."""
        self._closed = True
        for feed in self._feeds.values():
            _wake(feed)

    async def watch(self, service: Service, question: str, visitor: Visitor) -> Stream | Refusal:
        """A stream of the versions of a crew's question, the first message at once."""
        if self._closed:
            return Refusal(Reason.UNAVAILABLE)
        if not service.sees(question, visitor.player):
            return Refusal(Reason.NOT_FOUND, what="question")
        whose = visitor.player or f"address/{visitor.peer.address}"
        if self._open.total() >= self._most or self._open[whose] >= self._most_each:
            return Refusal(Reason.TOO_MANY_WATCHING)

        async def run(receive: Receive, send: Send) -> None:
            # Counted again here, after the checks: nothing was awaited in between.
            self._open[whose] += 1
            feed = self._enter(service, question)
            try:
                await self._pump(feed, visitor, service, question, receive, send)
            finally:
                self._leave((service.crew, question), feed)
                self._open[whose] -= 1
                if not self._open[whose]:
                    del self._open[whose]

        return Stream(run)

    def _enter(self, service: Service, question: str) -> _Feed:
        key = service.crew, question
        feed = self._feeds.get(key)
        if feed is None:
            version = service.committed(question)
            feed = self._feeds[key] = _Feed(version, encode(version), service.alarm())
            feed.task = asyncio.create_task(self._follow(service, question, feed), name=f"live {question}")
        feed.clients += 1
        return feed

    def _leave(self, key: tuple[str, str], feed: _Feed) -> None:
        feed.clients -= 1
        assert feed.clients >= 0, "each client leaves once"
        if feed.clients == 0 and self._feeds.get(key) is feed:
            del self._feeds[key]
            if feed.task is not None:
                feed.task.cancel()

    async def _follow(self, service: Service, question: str, feed: _Feed) -> None:
        crew = service.crew_version()
        while not self._closed:
            waits = [asyncio.ensure_future(service.changed(question, feed.version)), asyncio.ensure_future(service.crew_changed(crew))]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            crew, version, alarm = service.crew_version(), service.committed(question), service.alarm()
            if (version, alarm) == (feed.version, feed.alarm):
                continue  # something else happened in the crew
            feed.message = encode(version) + (encode_alarm(alarm is not None) if alarm != feed.alarm else b"")
            feed.version, feed.alarm, feed.turn = version, alarm, feed.turn + 1
            _wake(feed)
            await asyncio.sleep(GAP)  # what is committed meanwhile goes out as one version

    async def _pump(self, feed: _Feed, visitor: Visitor, service: Service, question: str, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        gone = asyncio.create_task(_until_gone(receive), name="live client")
        sent = -1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            beat = check = loop.time() + HEARTBEAT
            while not (self._closed or gone.done()):
                now = loop.time()
                if now >= check:  # on a busy question too
                    check = now + HEARTBEAT
                    if not _still_welcome(visitor, service) or not service.sees(question, visitor.player):
                        break
                if feed.turn != sent:
                    sent, message, pause = feed.turn, feed.message, GAP
                elif now >= beat:
                    message, pause = _HEARTBEAT_MESSAGE, 0.0
                else:
                    await _next(feed, gone, beat - now)
                    continue
                await asyncio.wait_for(send({"type": "http.response.body", "body": message, "more_body": True}), STALLED)
                beat = loop.time() + HEARTBEAT
                if pause:
                    await asyncio.wait([gone], timeout=pause)
            await asyncio.wait_for(send({"type": "http.response.body", "body": b"", "more_body": False}), STALLED)
        except TimeoutError:
            return  # it does not read; the server closes the connection of an answer that has no end
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone


async def live(call: Call) -> Stream | Refusal:
    """The handler of the live routes."""
    return await call.house.hub.watch(call.service, call.question, call.visitor)


async def _next(feed: _Feed, gone: asyncio.Task[None], seconds: float) -> None:
    """Wait for the next version, for the client to go, or for the next sign of life."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    feed.waiters.add(waiter)
    try:
        await asyncio.wait([waiter, gone], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        feed.waiters.discard(waiter)


def _wake(feed: _Feed) -> None:
    for waiter in feed.waiters:
        if not waiter.done():
            waiter.set_result(None)
    feed.waiters.clear()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _still_welcome(visitor: Visitor, service: Service) -> bool:
    """Whether the session or token that opened the stream still holds, and its player may still read the crew."""
    if not readable(service) and (visitor.player is None or service.role(visitor.player) == "nobody"):
        return False
    if visitor.how is How.SESSION:
        return service.people.session(visitor.secret) is not None
    return visitor.how is not How.TOKEN or service.people.token(visitor.secret) is not None
