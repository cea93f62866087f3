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


@channel.command("set", cls=Command, short_help="Choose what goes to a channel, or turn it off.")
@_CHANNEL
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="This kind goes there, and none that is not named; repeatable.")
@click.option("--on/--off", "on", default=None, help="Whether anything goes there at all.")
@reaches
def set_(asker: Asker, channel_id: str, kinds: tuple[str, ...], on: bool | None) -> None:
    """Choose what goes to a channel by its ID, or turn it off and on again. “anyday habits” lists the kinds of message.

    \b
    anyday channel set c1 --kind alarm --kind settled
    """  # noqa: D301  \b keeps the example's lines
    if not kinds and on is None:
        raise click.UsageError("Say --kind, --on or --off.")
    asker.answer(client.pick(channel_id, told.PickIn(kinds or None, on)), lambda done, screen: [screen.text(done.said)])


@channel.command("ask", cls=Command, short_help="Send the letter again that asks to confirm an address.")
@_CHANNEL
@reaches
def ask(asker: Asker, channel_id: str) -> None:
    """Send the letter again that asks to confirm the address of a channel, by its ID."""
    asker.answer(client.ask_again(channel_id), lambda done, screen: [screen.text(done.said)])


@click.command(cls=Command, short_help="How you like to be told: quiet hours, a digest.")
@click.option("--zone", metavar="ZONE", help="The time zone of these hours.")
@click.option("--quiet", metavar="FROM-TO", help="No message in these hours unless it is urgent, such as 22:00-07:00; “none” for no such hours.")
@click.option("--digest", type=click.Choice(["none", "daily", "weekly"]), help="What is not urgent in one message a day or week.")
@click.option("--digest-hour", type=click.IntRange(0, 23), metavar="HOUR", help="The hour at which it comes.")
@reaches
def habits(asker: Asker, zone: str | None, quiet: str | None, digest: str | None, digest_hour: int | None) -> None:
    """How you like to be told, and every kind of message; with options, change it. What is left out stays."""
    if zone is None and quiet is None and digest is None and digest_hour is None:
        asker.answer(client.notifications(), _habits)
        return
    now = asker.ask(client.notifications()).habit
    start, end = (now.quiet_from, now.quiet_to) if quiet is None else ("", "") if quiet == "none" else _span(quiet)
    hour = now.digest_hour if digest_hour is None else digest_hour
    body = told.HabitIn(zone or now.zone, start, end, digest or now.digest, hour)
    asker.answer(client.set_habit(body), lambda done, screen: [screen.text(done.said)])


def _span(quiet: str) -> tuple[str, str]:
    start, dash, end = quiet.partition("-")
    if not dash:
        raise click.BadParameter(f"“{quiet}” is not FROM-TO, such as 22:00-07:00.", param_hint="--quiet")
    return start.strip(), end.strip()


def _habits(view: told.NotificationsView, screen: Screen) -> Iterator[str]:
    habit = view.habit
    quiet = f"quiet from {habit.quiet_from} to {habit.quiet_to}" if habit.quiet_from else "no quiet hours"
    digest = "no digest" if habit.digest == "none" else f"a {habit.digest} digest at {habit.digest_hour}:00"
    yield from wrap(screen.text(f"Times in {habit.zone}: {quiet}, {digest}."), screen.width)
    yield ""
    yield screen.style("Kinds of message", "bold")
    room = max(len(kind.name) for kind in view.kinds)
    for kind in view.kinds:
        first, *rest = wrap(screen.text(kind.said + (" (urgent)" if kind.urgent else "")), max(20, screen.width - room - 4))
        yield f"  {kind.name:<{room}}  {first}"
        yield from (f"  {'':<{room}}  {line}" for line in rest)
