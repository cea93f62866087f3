"""The commands of messages: inbox, ack, and channel, by which they reach one elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import click

from anyday import client
from anyday.cli.amounts import moment
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command
from anyday.cli.terminal import Screen, wrap
from anyday.instants import Grain, Instant
from anyday.phrases import say_instant
from anyday.wire import told


@click.command(cls=Command, short_help="Your inbox.")
@click.option("--before", type=int, metavar="N", help="The messages before this one.")
@click.option("--read", "mark", is_flag=True, help="Mark all as read.")
@reaches
def inbox(asker: Asker, before: int | None, mark: bool) -> None:
    """Your inbox, the newest message first. What is urgent waits for “anyday ack”."""
    view = asker.answer(client.inbox(before), _inbox)
    if mark and view.notices:
        asker.ask(client.read(told.ReadIn(upto=view.notices[0].id)))


def _inbox(view: told.InboxView, screen: Screen) -> Iterator[str]:
    if not view.notices:
        yield screen.text("Nothing here.")
    for notice in view.notices:
        marks = [word for word, shown in (("urgent", notice.urgent), ("new", not notice.read)) if shown]
        when = f"{say_instant(Instant(moment(notice.at)), 'UTC', Grain.MINUTE)} UTC"
        yield screen.style(screen.text("  ".join([f"{notice.id:>4}", when, *marks])), "dim")
        for line in wrap(screen.text(notice.title), max(20, screen.width - 6)):
            yield "      " + screen.style(line, "bold")
        for line in wrap(screen.text(notice.text), max(20, screen.width - 6)):
            yield "      " + line
        if notice.urgent and not notice.acknowledged:
            yield "      " + screen.text(f"Acknowledge it: anyday ack {notice.id}")
    if view.before is not None:
        yield screen.text(f"Older ones: anyday inbox --before {view.before}")


@click.command(cls=Command, short_help="Acknowledge an urgent message: it comes no more.")
@click.argument("number", metavar="N", type=click.IntRange(1))
@reaches
def ack(asker: Asker, number: int) -> None:
    """Say that you have seen an urgent message, by its number in your inbox: it comes no more, and nobody stands in for you."""
    asker.answer(client.acknowledge(number), lambda done, screen: [screen.text(done.said)])


@click.group(short_help="Where messages reach you beside the inbox.")
def channel() -> None:
    """Where messages reach you beside the inbox: by e-mail, as a webhook, by ntfy, or by what Apprise knows."""


_CHANNEL = click.argument("channel_id", metavar="ID")


@channel.command("list", cls=Command, short_help="Your channels.")
@reaches
def list_(asker: Asker) -> None:
    """Your channels, with what came of the latest message of each."""
    asker.answer(client.channels(), _channels)


def _channels(found: tuple[told.ChannelView, ...], screen: Screen) -> Iterator[str]:
    if not found:
        yield screen.text("None yet. Add one: anyday channel add webhook https://…")
    for each in found:
        yield screen.text(f"{each.id}  {each.kind}  {each.address}  {each.state}")
        if each.last is not None:
            yield screen.style(f"    {screen.text(each.last)}", "dim")


@channel.command("add", cls=Command, short_help="Add a channel.")
@click.argument("kind", type=click.Choice(["email", "webhook", "ntfy", "apprise"]), metavar="KIND")
@click.argument("address", metavar="ADDRESS")
@click.option("--access-token", "access", default="", metavar="TOKEN", help="What an ntfy server asks for.")
@reaches
def add(asker: Asker, kind: str, address: str, access: str) -> None:
    """Add a channel: KIND is email, webhook, ntfy or apprise. An e-mail address gets a letter with a code first.

    \b
    anyday channel add ntfy https://ntfy.sh/our-crew
    """  # noqa: D301  \b keeps the example's lines
    asker.answer(client.add_channel(told.ChannelIn(kind, address, access)), _added)


def _added(made: told.ChannelView, screen: Screen) -> Iterator[str]:
    yield screen.text(f"Added: {made.id}, {made.kind}, {made.address}.")
    if made.secret is not None:
        yield screen.text(f"Its messages are signed with this key: {made.secret}")
    if made.state == "unconfirmed":
        yield screen.text("A letter is on its way there. Confirm with its code: anyday channel confirm CODE")


@channel.command("confirm", cls=Command, short_help="Confirm an e-mail address.")
@click.argument("code", metavar="CODE")
@reaches
def confirm(asker: Asker, code: str) -> None:
    """Confirm an e-mail address by the code of its letter."""
    asker.answer(client.confirm_channel(told.CodeIn(code)), lambda made, screen: [screen.text(f"Confirmed: {made.address}.")])


@channel.command("remove", cls=Command, short_help="Remove a channel.")
@_CHANNEL
@reaches
def remove(asker: Asker, channel_id: str) -> None:
    """Remove a channel by its ID, and all that is kept of it."""
    asker.answer(client.remove_channel(channel_id), lambda done, screen: [screen.text(done.said)])
