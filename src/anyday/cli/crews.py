"""The commands of the crews on a server: which ones are yours, and opening a further one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from anyday import client, wire
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command
from anyday.cli.terminal import Screen, cells, pad


@click.command(cls=Command, short_help="The crews that you belong to.")
@reaches
def crews(asker: Asker) -> None:
    """The crews that you belong to, each with its ID. Name one with --crew, or with ANYDAY_CREW, to do something in it."""
    asker.answer(client.crews(), listed)


@click.group(short_help="Open a further crew.")
def crew() -> None:
    """A crew has its own members, questions and points. The first one is set up with the server; further ones are opened here."""


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
