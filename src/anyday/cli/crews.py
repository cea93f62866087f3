"""The commands of the crews on a server: which ones are yours, and opening a further one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from anyday import client, wire
from anyday.cli import answers, say
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command
from anyday.cli.terminal import Screen, cells, pad
from anyday.wire import fair


@click.command(cls=Command, short_help="The crews that you belong to.")
@reaches
def crews(asker: Asker) -> None:
    """The crews that you belong to, each with its ID. Name one with --crew, or with ANYDAY_CREW, to do something in it."""
    asker.answer(client.crews(), listed)


@click.group(short_help="The crew: its settings and members; open a further one.")
def crew() -> None:
    """A crew has its own members, questions and points. The first one is set up with the server; further ones are opened here."""


_YES = click.option("--yes", is_flag=True, help="Do not ask to confirm.")
_MEMBER = click.argument("called", metavar="NAME")


@crew.command("show", cls=Command, short_help="The crew: settings, duties, alarm.")
@reaches
def show(asker: Asker) -> None:
    """The crew: its settings, who owns it, its alarm, and what happened in it."""
    asker.answer(client.crew(), answers.crew)


@crew.command("set", cls=Command, short_help="Change the crew’s settings.")
@click.option("--name", "called", metavar="NAME", help="Its name.")
@click.option("--zone", metavar="ZONE", help="Its time zone, such as Europe/Zurich.")
@click.option("--joining-grant", metavar="POINTS", help="What a newcomer receives.")
@click.option("--dispute-hours", type=int, metavar="HOURS", help="How long a ruling can be disputed; 0 settles it at once.")
@click.option("--silence-hours", type=int, metavar="HOURS", help="How long a resolver may be silent before the deputy rules.")
@click.option("--readers", metavar="WHO", help="Who reads: server (as the server says), members or everybody.")
@click.option("--positions", metavar="WHO", help="Who sees who holds what: own (each their own) or members.")
@click.option("--prices", metavar="HOW", help="How the curve is shown: full, rounded, hourly or daily.")
@reaches
def set_(
    asker: Asker, called: str | None, zone: str | None, joining_grant: str | None, dispute_hours: int | None, silence_hours: int | None,
    readers: str | None, positions: str | None, prices: str | None,
) -> None:  # fmt: skip
    """Change some of the crew's settings; what is left out stays. The owner may.

    \b
    anyday crew set --name "The new lift" --dispute-hours 24
    """  # noqa: D301  \b keeps the example's lines
    body = fair.SettingsIn(called, zone, joining_grant, dispute_hours, silence_hours, readers, positions, prices)
    asker.answer(client.change_settings(body), say.receipt)


@crew.command("player", cls=Command, short_help="Let a guest play.")
@_MEMBER
@reaches
def player(asker: Asker, called: str) -> None:
    """Let a guest play, with the points that a newcomer receives; the owner may."""
    asker.answer(client.make_player(fair.MemberIn(called)), say.receipt)


@crew.command("remove", cls=Command, short_help="Remove a member.")
@_MEMBER
@click.option("--reason", required=True, help="Why; it is on the record.")
@_YES
@reaches
def remove(asker: Asker, called: str, reason: str, yes: bool) -> None:
    """Remove a member from the crew; the owner may."""
    if not yes:
        asker.confirm(f"Remove {called}?")
    asker.answer(client.remove_member(fair.RemoveIn(called, reason)), say.receipt)


@crew.command("leave", cls=Command, short_help="Leave the crew.")
@_YES
@reaches
def leave(asker: Asker, yes: bool) -> None:
    """Leave the crew. What you hold stays yours, and is paid when it is ruled."""
    if not yes:
        asker.confirm("Leave the crew?")
    asker.answer(client.leave(), say.receipt)


@crew.command("open", cls=Command, short_help="Open a further crew.")
@click.argument("called", metavar="NAME")
@click.option("--zone", default="UTC", show_default=True, metavar="ZONE", help="Its time zone, such as Europe/Zurich.")
@reaches
def open_(asker: Asker, called: str, zone: str) -> None:
    """Open a further crew, by its NAME. You own it; nobody else is in it yet.

    \b
    anyday crew open "The choir" --zone Europe/Zurich
    """  # noqa: D301  \b keeps the example's lines
    asker.answer(client.open_crew(wire.CrewIn(called, zone)), _opened)


def _opened(card: wire.CrewCard, screen: Screen) -> Iterator[str]:
    yield screen.text(f"{card.name} is open, and you own it.")
    yield f"Its id is {card.id}. Ask something in it with: anyday ask --crew {card.id}"


def listed(cards: Sequence[wire.CrewCard], screen: Screen) -> Iterator[str]:
    """One's crews, each with its id and one's role."""
    room = max((cells(card.id) for card in cards), default=0)
    for card in cards:
        yield f"{pad(card.id, room)}  {screen.text(card.name)}" + (f", {card.role}" if card.role != "player" else "")
    if not cards:
        yield "You belong to no crew yet. Open one with: anyday crew open NAME"
