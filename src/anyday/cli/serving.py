"""The commands that serve: serve, and demo, which loads a crew first."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import stat
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from anyday.cli import doors
from anyday.cli.asking import World, db_option, json_option
from anyday.cli.keeping import progress
from anyday.cli.stop import Command, Stop
from anyday.instants import utc_of

if TYPE_CHECKING:
    from anyday.lab.demo import Demo
    from anyday.service import Service
    from anyday.web.app import App

_BACKLOG: Final = 2_048
_EVERYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104  only compared with


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and what opens it: a set-up link for the first account, or a link that signs one in."""

    address: str
    setup: str | None = None
    link: str | None = None


#: Says what follows the address once a service is open: (set-up link's path, sign-in link's path).
Opens = Callable[["Service"], Awaitable[tuple[str | None, str | None]]]

_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; 0.0.0.0 for every network.")
_PORT = click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, envvar="PORT", help="The port, or PORT; 0 picks one.")


@click.command(cls=Command, short_help="Serve a file to browsers and programs.")
@_HOST
@_PORT
@db_option
@json_option
@click.pass_obj
def serve(world: World, host: str, port: int, db: Path, as_json: bool) -> None:
    """Serve a file to browsers and programs; it is made where it is not there.

    The first start prints a link with which the first account is made; that account owns the crew. Commands on the same
    machine reach the server through a socket beside the file. Stop with Ctrl-C.
    """
    doors.check_file(db, new=True)
    os.umask(0o077)  # the file holds hashes of passwords: what is made beside it is its owner's alone
    _run(world, host, port, db, _setup, lambda where: _say_serving(db, where, as_json))


async def _setup(service: Service) -> tuple[str | None, str | None]:
    secret = await service.people.setup_secret()
    return (None if secret is None else f"/setup/{secret}"), None


def _say_serving(db: Path, where: Listening, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(where))
        return
    click.echo(f"AnyDay serves {db} at {where.address}")
    if where.setup:
        click.echo(f"Make the first account, which will own the crew: {where.setup}")
    click.echo("Stop with Ctrl-C.")


# the server


def _run(world: World, host: str, port: int, db: Path, opens: Opens, told: Callable[[Listening], None]) -> None:
    """Bind, open the file, serve until told to stop."""
    listening = bind(host, port)
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        with contextlib.suppress(ImportError):
            import uvloop

            loop = uvloop.new_event_loop
    with contextlib.closing(listening), asyncio.Runner(loop_factory=loop) as runner:
        runner.run(_serve(world, listening, host, db, opens, told))


async def _serve(world: World, listening: socket.socket, host: str, db: Path, opens: Opens, told: Callable[[Listening], None]) -> None:
    from anyday.web.app import App
    from anyday.web.server import calm_collector

    service = await open_service(world, db)
    calm_collector()
    try:
        setup, link = await opens(service)
        address = address_of(listening, host)
        where = Listening(address, setup and address + setup, link and address + link)
        with local_socket(doors.socket_of(db)) as local:
            await _listen(App(service, address=address), listening, local, lambda: told(where))
    finally:
        await service.close()
        service.people.close()


async def open_service(world: World, db: Path) -> Service:
    """The service on a file that no other process holds. Raises ``Stop`` where a server does."""
    from anyday.service import Service
    from anyday.settings import read_settings
    from anyday.store.database import FileInUse

    settings, until = read_settings(os.environ), asyncio.get_running_loop().time() + doors.PATIENCE
    while True:
        try:
            return await Service.open(db, world.clock, settings)
        except FileInUse:
            if doors.answers(doors.socket_of(db)):
                raise Stop("file_in_use", f"A server has {db} open already.", "Use that one, stop it first, or name another file with --db.")
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.05)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at the address. Raises ``Stop`` with a sentence."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        raise Stop("no_such_host", f"This machine has no address {host}.", "Use 127.0.0.1, or 0.0.0.0 for every network.", status=422)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise Stop("port_in_use", f"Port {port} is in use already.", "Choose another with --port, or stop what uses it.")
        if error.errno == errno.EACCES:
            raise Stop("no_permission", f"You may not listen at port {port}.", "Choose one above 1023 with --port.", status=403)
        raise Stop("no_such_host", f"This machine cannot listen at {host}.", "Use 127.0.0.1, or 0.0.0.0 for every network.", status=422)
    listening.setblocking(False)
    return listening


def address_of(listening: socket.socket, host: str) -> str:
    """The address as one types it into a browser on this machine."""
    port = listening.getsockname()[1]
    shown = "localhost" if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


@contextlib.contextmanager
def local_socket(path: Path) -> Iterator[socket.socket | None]:
    """The socket beside the file, for its owner only. The file's lock is held, so one that is there already is a dead server's.

    None where the system has no such sockets.
    """
    if not hasattr(socket, "AF_UNIX"):
        yield None
        return
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise Stop("already_there", f"{path} is in the way: it is not a socket.", "Move it away.")
    path.unlink(missing_ok=True)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as local:
        try:
            _bind_privately(local, path)
        except OSError as error:
            click.echo(f"Commands cannot use a socket beside the file ({error.strerror}); they reach this server with --server.", err=True)
            yield None
            return
        try:
            yield local
        finally:
            path.unlink(missing_ok=True)


def _bind_privately(local: socket.socket, path: Path) -> None:
    """Listen at a socket file that only its owner may open. Raises ``OSError`` where its disk holds no sockets."""
    before = os.umask(0o177)
    try:
        local.bind(doors.socket_address(path))
    finally:
        os.umask(before)
    local.listen(_BACKLOG)
    local.setblocking(False)


async def _listen(app: App, listening: socket.socket, local: socket.socket | None, told: Callable[[], None]) -> None:
    """Answer at both sockets until a signal comes; a second one does not wait for answers under way."""
    from anyday.web.server import Server

    class Quiet(Server):
        """A server that leaves signals to us, so that what follows it still runs."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and sockets == [listening]:
                told()

    servers = [Quiet(app, log_level="warning")]
    if local is not None:
        servers.append(Quiet(app, local=True, log_level="warning"))

    def stop(*_: object) -> None:
        for server in servers:
            server.force_exit = server.should_exit
            server.should_exit = True

    with _signals(stop):
        await asyncio.gather(*(server.serve([sock]) for server, sock in zip(servers, (listening, local), strict=False) if sock))


@contextlib.contextmanager
def _signals(stop: Callable[..., None]) -> Iterator[None]:
    loop, caught = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    if sys.platform == "win32":
        before = [signal.signal(number, stop) for number in caught]
        try:
            yield
        finally:
            for number, handler in zip(caught, before, strict=True):
                signal.signal(number, handler)
        return
    for number in caught:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


# the demo

#: What marks a file as a demo, in SQLite's own header ("ADay"); its user_version then holds the day on which it was made.
DEMO_MARK: Final = 0x41446179


@click.command(cls=Command, short_help="Look around: a crew that is already playing.")
@_HOST
@_PORT
@click.option(
    "--db", type=click.Path(path_type=Path, dir_okay=False), default=Path("demo.db"), show_default=True, metavar="PATH", help="The demo’s file."
)
@click.option("--fresh", is_flag=True, help="Make it again, though there is one of today.")
@json_option
@click.pass_obj
def demo(world: World, host: str, port: int, db: Path, fresh: bool, as_json: bool) -> None:
    """Make a crew with settled and open questions, serve it, and print a link that signs you in.

    A demo of today is used again; an older one, or one that another AnyDay made, is replaced, since its dates are counted
    from the day it is made. A file that is not a demo is never touched.
    """
    os.umask(0o077)
    from anyday.lab.crowd import Broken
    from anyday.lab.demo import DemoClock, load_demo
    from anyday.store import beside

    day = int(utc_of(world.clock()).strftime("%Y%m%d"))
    made = demo_day(db)
    bind(host, port).close()  # rather told now than after the loading
    if made is not None and (fresh or made != day or not beside.is_current(db)):
        _remove(db)
    if not db.exists():
        _mark(db, 0)
    loaded: list[Demo] = []

    async def load(service: Service) -> tuple[str | None, str | None]:
        try:
            with progress("Making the demo") as tick:
                loaded.append(await load_demo(service, tick))
        except Broken as why:
            raise Stop("broken", f"The demo could not be made: {why}", "Say --fresh to make it from nothing.")
        _mark(db, day)
        return None, f"/link/{loaded[0].link}"

    _run(World(DemoClock(world.clock), world.screen), host, port, db, load, lambda where: _say_demo(where, loaded[0], as_json))


def demo_day(db: Path) -> int | None:
    """The day on which a demo was made (20270314), 0 where its loading was cut off, None where there is no file.

    Raises ``Stop`` for any other file.
    """
    if not db.exists():
        return None
    from anyday.store import beside

    mark, day = beside.marks(db)
    if mark != DEMO_MARK:
        raise Stop("not_a_demo", f"{db} is there already and is not a demo.", "Name another file with --db.")
    return day


def _remove(db: Path) -> None:
    """Take an old demo away, whatever it holds, if nobody has it open. Raises ``Stop``."""
    from anyday.store.database import nobody_else

    def remove() -> bool:
        with nobody_else(db):
            if demo_day(db) is not None:  # looked at again, now that nobody else can write
                for name in (db.name, f"{db.name}-wal", f"{db.name}-shm"):
                    db.with_name(name).unlink(missing_ok=True)
        return True

    if doors.when_free(db, remove) is None:
        raise Stop("file_in_use", f"A server has {db} open already.", "Use that one, or stop it first.")


def _mark(db: Path, day: int) -> None:
    """Mark the file as a demo of that day; 0 while it is being made, so that half a demo is made again."""
    from anyday.store import beside

    beside.mark(db, DEMO_MARK, day)


def _say_demo(where: Listening, loaded: Demo, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(where))
        return
    click.echo(f"The demo is at {where.address}: {len(loaded.settled)} settled questions, {len(loaded.open)} open ones.")
    click.echo(f"Sign in with one click, as {loaded.name}: {where.link}")
    if loaded.to_rule is not None:
        click.echo(f"“{loaded.to_rule.title}” waits for your ruling: it happened on {loaded.to_rule.outcome}.")
    if loaded.urgent:
        click.echo(f"What else waits for {loaded.name} is in the inbox: {loaded.urgent} urgent {'message' if loaded.urgent == 1 else 'messages'}.")
    click.echo("Stop with Ctrl-C.")
