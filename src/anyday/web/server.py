"""The server's process: uvicorn told what AnyDay relies on, bounded where it is not, and stopped in the right order."""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from anyday.web.app import App, LocalApp

#: A request's line and headers: bytes, and seconds until they have come.
LARGEST_HEAD: Final = 65_536
HEAD_SECONDS: Final = 20.0

#: When the garbage collector looks. A full collection walks every folded question and holds up everybody meanwhile (60 ms with
#: a hundred questions of a thousand endpoints); nearly all garbage is young, and counted references free most of it at once.
COLLECTOR: Final = (50_000, 10, 100)

_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP with bounds on a request's head: the parser itself would collect headers without end, and wait for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A connection begins, and must say something."""
        super().connection_made(transport)
        self._in_head, self._head_bytes = True, 0
        self._head_timer: asyncio.TimerHandle | None = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Bytes came. Only a head that is not whole yet is counted: most are whole at once."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > LARGEST_HEAD:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        """Another request begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._in_head = False
        self._forget_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._forget_timer()
        super().connection_lost(exc)

    def _forget_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


#: What the application relies on. uvicorn's own reading of X-Forwarded headers is off: it would believe any local peer.
#: Its access log is off: addresses of invitations and links hold secrets.
OPTIONS: Final[dict[str, Any]] = {
    "proxy_headers": False,
    "server_header": False,
    "date_header": True,
    "access_log": False,
    "ws": "none",
    "lifespan": "on",
    "http": BoundedHttp,
    "timeout_keep_alive": 30,
    "timeout_graceful_shutdown": 10,
}


def calm_collector() -> None:
    """Set the collector of this process for serving: what start-up made is set aside, full collections become rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)


class Server(uvicorn.Server):
    """A uvicorn that ends the live streams first: it waits for every answer to end, and theirs do not end by themselves."""

    def __init__(self, app: App, *, local: bool = False, **options: Any) -> None:
        # the application begins and ends once, with the socket that everybody uses; the one beside the file is a second door to it
        begins = {"lifespan": "off"} if local else {}
        super().__init__(uvicorn.Config(LocalApp(app) if local else app, **{**OPTIONS, **begins, **options}))
        self._hub = app.house.hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, end the streams, then wait for the rest."""
        self._hub.close()
        await super().shutdown(sockets)
