"""What every command that reaches the service shares: where it is, as whom, text or JSON."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
import msgspec

from anyday.cli import doors
from anyday.cli.stop import Stop
from anyday.cli.terminal import Screen, screen
from anyday.client import Call
from anyday.instants import Instant
from anyday.refusals import Refusal

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(slots=True)
class World:
    """What a command takes from outside: the clock (UTC microseconds) and what it writes to. Tests bring their own."""

    clock: Callable[[], Instant] = doors.wall_clock
    screen: Callable[[], Screen] = screen


@dataclass(slots=True)
class Asker:
    """One command's way to the service, opened when it is first needed, and its way back to the person."""

    where: doors.Where
    world: World
    as_json: bool = False
    _door: doors.Door | None = field(default=None, init=False)

    @property
    def door(self) -> doors.Door:
        """The open door."""
        if self._door is None:
            self._door = doors.open_door(self.where)
        return self._door

    def ask(self, call: Call[T]) -> T:
        """What the service answers. Raises ``Stop`` with its refusal."""
        answer = self.door.send(call)
        if isinstance(answer, Refusal):
            raise Stop.of(answer)
        return answer

    def answer(self, call: Call[T], text: Callable[[T, Screen], Iterable[str]]) -> T:
        """Ask, and tell the answer: the wire's JSON with ``--json``, else as ``text`` says it. Raises ``Stop``."""
        answer = self.ask(call)
        if self.as_json:
            click.echo(msgspec.json.encode(answer))
        else:
            self.say(text(answer, self.world.screen()))
        return answer

    def write(self, file: str) -> None:
        """A file's text on standard output, as it is: for spreadsheets, not for the screen."""
        click.echo(file.encode(), nl=False)

    def say(self, lines: Iterable[str], *, err: bool = False) -> None:
        """Lines for the person, on standard output unless ``err``."""
        for line in lines:
            click.echo(line.rstrip(), err=err)

    def confirm(self, question: str) -> None:
        """Go on only if the person says yes; asked on standard error, so that standard output stays what it is. Raises ``Stop``."""
        try:
            if click.confirm(question, err=True):
                return
        except click.Abort:
            click.echo(err=True)
        raise Stop("not_confirmed", "Nothing was done.", "Confirm, or say --yes.")

    def close(self) -> None:
        """Let the door go."""
        if self._door is not None:
            self._door.close()


def db_option(command: Callable[P, R]) -> Callable[P, R]:
    """The option that names the file."""
    return click.option(
        "--db", type=click.Path(path_type=Path, dir_okay=False), default=Path("anyday.db"), envvar="ANYDAY_DB", metavar="PATH",
        help="The file; default anyday.db, or ANYDAY_DB.",
    )(command)  # fmt: skip


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """The option that asks for JSON."""
    return click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON; a refusal too, with exit code 1.")(command)


_SERVER = click.option("--server", envvar="ANYDAY_SERVER", metavar="URL", help="A server’s address instead of a file; or ANYDAY_SERVER.")
_TOKEN = click.option("--token", envvar="ANYDAY_TOKEN", metavar="TOKEN", help="Your bearer token for that server; or ANYDAY_TOKEN.")
_CREW = click.option(
    "--crew", envvar="ANYDAY_CREW", metavar="CREW", help="The id of the crew, where there are several; default your first; or ANYDAY_CREW."
)
_NAME = click.option("--as", "name", metavar="NAME", help="Who you are, where a file is used; default its owner.")


def csv_option(command: Callable[P, R]) -> Callable[P, R]:
    """The option that asks for a file for spreadsheets."""
    return click.option("--csv", "as_csv", is_flag=True, help="Write it as a file for spreadsheets (CSV), to standard output.")(command)


def reaches(command: Callable[Concatenate[Asker, P], R]) -> Callable[..., R]:
    """Give a command the options that say where the service is, and an ``Asker`` as its first argument."""

    @functools.wraps(command)
    def run(*, db: Path, server: str | None, token: str | None, crew: str | None, name: str | None, as_json: bool, **rest: Any) -> R:
        context = click.get_current_context()
        world: World = context.find_object(World) or World()
        asker = Asker(_where(context, db, server, token, crew, name, world), world, as_json)
        try:
            return command(asker, **rest)  # type: ignore[call-arg]  # click passes every argument by its name
        finally:
            asker.close()

    return db_option(_SERVER(_TOKEN(_CREW(_NAME(json_option(run))))))


def _where(
    context: click.Context, db: Path, server: str | None, token: str | None, crew: str | None, name: str | None, world: World
) -> doors.Where:
    """The file or the server: what is typed goes before what the environment says."""
    typed = {option: context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE for option in ("db", "server")}
    if typed["db"] and typed["server"]:
        raise click.UsageError("Name a file with --db or a server with --server, not both.")
    if typed["db"]:
        server = None
    if server is not None and name is not None:
        raise click.UsageError("--as is for a file; on a server the token says who you are.")
    return doors.Where(db, server or None, token or None, name, crew or None, world.clock)

