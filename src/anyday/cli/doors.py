"""How the command line reaches the service: three doors that answer the same.

A file that nobody holds is opened here, in process; one that a server holds is reached through that server's socket beside
it; and a server anywhere by its address and a token. All three take the client's calls and answer with structs of the wire.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote, unquote

import msgspec

from anyday import wire
from anyday.cli.stop import Stop
from anyday.client import Address, Call, Client, refusal_of
from anyday.instants import Instant
from anyday.refusals import Refusal

T = TypeVar("T")

#: Seconds for which a file may be held by a program that answers at no socket: another command, or a server that is starting.
PATIENCE: Final = 10.0
_PAUSE: Final = 0.05
#: How long a socket's path may be: Linux takes 107 bytes, others 103.
_LONGEST_PATH: Final = 100


def wall_clock() -> Instant:
    """The machine's clock in UTC microseconds."""
    return Instant(time.time_ns() // 1_000)


@dataclass(frozen=True, slots=True)
class Where:
    """Where the questions are, as the options say: a file, or a server with its token; as whom, and in which crew."""

    db: Path
    server: str | None = None
    token: str | None = None
    name: str | None = None
    crew: str | None = None
    clock: Callable[[], Instant] = wall_clock


class Door(Protocol):
    """A way to the service."""

    def send(self, call: Call[T]) -> T | Refusal:
        """One request and its answer."""

    def close(self) -> None:
        """Let go."""


def open_door(where: Where) -> Door:
    """The door that ``where`` calls for. Raises ``Stop``, and what opening the file raises."""
    if where.server is not None:
        return _to_server(where.server, where.token, where.crew)
    check_file(where.db)
    held = when_free(where.db, lambda: InProcess(where))
    return _through_socket(where) if held is None else held


def when_free(path: Path, work: Callable[[], T]) -> T | None:
    """What ``work`` makes of the file, as soon as nobody else holds it; None where a server does, and answers at its socket.

    Raises ``FileInUse`` where the file stays held by something that does not answer.
    """
    from anyday.store.database import FileInUse

    until = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except FileInUse:
            if answers(socket_of(path)):
                return None
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)


# the file


def check_file(path: Path, *, new: bool = False) -> None:
    """Stop unless this is a file of ours (or with ``new`` an empty one, or none): nothing is ever written into another's."""
    if not path.exists():
        if new:
            return
        raise Stop("no_file", f"There is no {path} here.", "Start with “anyday serve” or “anyday demo”, or name a file with --db.", status=404)
    if path.is_dir():
        raise Stop("no_file", f"{path} is a folder.", "Name a file in it with --db.")
    from anyday.store import beside

    if not beside.is_ours(path, or_empty=new):
        raise Stop("not_a_database", f"{path} is not an AnyDay file.", "Name another one with --db.")


def owner_of(path: Path, crew: str | None = None) -> str:
    """The name of the owner of a crew, the first one where none is named, read from the file beside whoever has it open. Raises ``Stop``
    where there is no such crew."""
    from anyday.store import beside

    name = beside.owner_name(path) if crew is None else beside.owner_name(path, crew)
    if name is None and crew is not None:
        raise Stop("not_found", f"{path} holds no crew {crew}.", "List yours with “anyday crews”.", status=404)
    if name is None:
        raise Stop("no_crew", f"{path} holds no crew yet.", "Start “anyday serve” and open the link that it prints.", status=404)
    return name


def socket_of(path: Path) -> Path:
    """Where the server of a file listens for commands on the same machine."""
    return path.with_name(path.name + ".sock")


def socket_address(path: Path) -> str:
    """How to spell a socket's path: the system takes some hundred bytes only, so a longer one is named from its open folder
    (which then stays open, as long as the process runs)."""
    shortest = min(str(path.absolute()), os.path.relpath(path), key=len)
    if len(os.fsencode(shortest)) <= _LONGEST_PATH or not Path("/proc/self/fd").exists():
        return shortest
    return f"/proc/self/fd/{os.open(path.absolute().parent, os.O_RDONLY)}/{path.name}"


def answers(path: Path) -> bool:
    """Whether somebody listens at a socket file."""
    if not hasattr(socket, "AF_UNIX") or not path.exists():
        return False
    with socket.socket(socket.AF_UNIX) as knock:
        try:
            knock.connect(socket_address(path))
        except OSError:
            return False
    return True


# the doors


def _to_server(server: str, token: str | None, crew: str | None) -> Door:
    address = Address.parse(server)
    if isinstance(address, Refusal) or server.startswith("unix:"):
        raise Stop("not_an_address", f"“{server}” is not a server’s address.", "Write it like http://127.0.0.1:8000.", status=422)
    if token is not None and not (token.isascii() and token.isprintable()):
        raise Stop("not_a_token", "That is not a token.", "Copy it again, whole.", status=422)
    return Client(server, token=token, crew=crew)


def _through_socket(where: Where) -> Door:
    return Client(f"unix:{socket_address(socket_of(where.db))}", player=where.name or owner_of(where.db, where.crew), crew=where.crew)


class InProcess:
    """The service itself, opened here for as long as the command runs. Raises what ``Service.open`` raises."""

    def __init__(self, where: Where) -> None:
        from anyday.service import Service
        from anyday.settings import read_settings
        from anyday.web.app import App, LocalApp

        settings = read_settings(os.environ)
        self._runner = asyncio.Runner()
        try:
            self._service = self._runner.run(Service.open(where.db, where.clock, settings))
        except BaseException:
            self._runner.close()
            raise
        try:
            self._name = where.name or owner_of(where.db, where.crew)
            self._within = f"/c/{quote(where.crew, safe='')}" if where.crew is not None else ""
            self._app = LocalApp(App(self._service))
        except BaseException:
            self.close()
            raise

    def send(self, call: Call[T]) -> T | Refusal:
        """One request of the API, without a wire."""
        status, reply = self._runner.run(self._exchange(call))
        if status < 300:
            return msgspec.json.decode(reply, type=call.reply)
        return refusal_of(msgspec.json.decode(reply, type=wire.Problem))

    async def _exchange(self, call: Call[Any]) -> tuple[int, bytes]:
        path, _, query = (self._within + call.path).partition("?")
        headers = [(b"host", b"localhost"), (b"x-anyday-as", quote(self._name, safe="").encode()), (b"content-type", b"application/json")]
        body = b"" if call.body is None else msgspec.json.encode(call.body)
        scope: dict[str, Any] = {
            "type": "http", "http_version": "1.1", "method": call.method, "scheme": "http", "path": unquote(path), "raw_path": path.encode(),
            "query_string": query.encode(), "root_path": "", "headers": headers, "client": None, "server": None,
        }  # fmt: skip
        status, parts = 500, list[bytes]()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return status, b"".join(parts)

    def close(self) -> None:
        """Finish what is waiting and let go of the file."""
        try:
            self._runner.run(self._service.close())
        finally:
            self._runner.close()
