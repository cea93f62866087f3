"""The server's process: uvicorn told what AnyDay relies on, and stopped in the right order."""

from __future__ import annotations

import socket
from typing import Any, Final

import uvicorn

from anyday.web.app import App, LocalApp

#: What the application relies on. uvicorn's own reading of X-Forwarded headers is off: it would believe any local peer.
#: Its access log is off: addresses of invitations and links hold secrets.
OPTIONS: Final[dict[str, Any]] = {
    "proxy_headers": False,
    "server_header": False,
    "date_header": True,
    "access_log": False,
    "ws": "none",
    "lifespan": "on",
    "http": "httptools",
    "timeout_keep_alive": 30,
    "timeout_graceful_shutdown": 10,
    "h11_max_incomplete_event_size": 65_536,
}


class Server(uvicorn.Server):
    """A uvicorn that ends the live streams first: it waits for every answer to end, and theirs do not end by themselves."""

    def __init__(self, app: App, *, local: bool = False, **options: Any) -> None:
        super().__init__(uvicorn.Config(LocalApp(app) if local else app, **{**OPTIONS, **options}))
        self._hub = app.house.hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, end the streams, then wait for the rest."""
        self._hub.close()
        await super().shutdown(sockets)
