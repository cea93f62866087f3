"""The commands about people: inviting, tokens, and erasing what is kept of somebody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import click

from anyday import client, wire
from anyday.cli import say
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command
from anyday.cli.terminal import Screen

_HERE_ONLY: Final = ("http://localhost:", "http://127.", "http://[::1]")


@click.command(cls=Command, short_help="Invite people: by a link, or somebody by name.")
@click.argument("invited", metavar="[NAME]", required=False)
@click.option("--guest", is_flag=True, help="As a guest, who looks on.")
@click.option("--days", type=int, metavar="N", help="Good for so many days; at most, and unless stated, ANYDAY_INVITATION_DAYS.")
@click.option("--uses", type=int, metavar="N", help="Good for so many people; at most, and unless stated, ANYDAY_INVITATION_USES.")
@reaches
def invite(asker: Asker, invited: str | None, guest: bool, days: int | None, uses: int | None) -> None:
    """Make a link by which people join, shown this once; or with a NAME, invite somebody who has an account here. The owner may."""
    role = "guest" if guest else "player"
    if invited is None:
        asker.answer(client.invite(wire.InviteIn(days, uses, role)), lambda made, _: _link(asker, made))
        return
    if uses is not None:
        raise click.UsageError("--uses is for a link; whoever is invited by name is one.")
    asker.answer(client.invite_by_name(wire.InviteNameIn(invited, role, days)), _by_name)


def _link(asker: Asker, made: wire.Secret) -> list[str]:
    server = asker.where.server
    link = f"{server.rstrip('/')}{made.path}" if server else made.link
    if link is None:
        how = ["Put in front of it the address at which they reach your server, such as http://127.0.0.1:8000."]
    elif link.startswith(_HERE_ONLY):
        how = ["It works on this machine. For another one, put the address by which that reaches your server in place of what stands before /join."]
    else:
        how = []
    return [link or str(made.path), *how, f"Good until {say.until(made.expires_at)}. Send it to those who are to join."]


def _by_name(sent: wire.InvitationView, screen: Screen) -> list[str]:
    return [f"{screen.text(sent.name or '')} is invited, until {say.until(sent.expires_at)}, and finds it on their page. To withdraw it: {sent.id}"]


@click.command(cls=Command, short_help="Invitations: yours to answer, and those that are out.")
@click.option("--sent", is_flag=True, help="Those into the crew that are out; the owner may.")
@click.option("--accept", metavar="ID", help="Accept one.")
@click.option("--decline", metavar="ID", help="Decline one.")
@click.option("--withdraw", metavar="ID", help="Take back one that is out; the owner may.")
@reaches
def invitations(asker: Asker, sent: bool, accept: str | None, decline: str | None, withdraw: str | None) -> None:
    """List the invitations that wait for your answer, or those that the crew has out; answer one, or take one back."""
    asked = [
        call(typed) for typed, call in (
            (accept, client.accept_invitation), (decline, client.decline_invitation), (withdraw, client.withdraw_invitation),
        ) if typed is not None
    ]  # fmt: skip
    if len(asked) + sent > 1:
        raise click.UsageError("Say one of --sent, --accept, --decline and --withdraw.")
    if asked:
        asker.answer(asked[0], lambda done, _: [done.said])
    else:
        asker.answer(client.sent_invitations() if sent else client.invitations(), _invitations)


def _invitations(found: Sequence[wire.InvitationView], screen: Screen) -> Iterator[str]:
    for one in found:
        whom = screen.text(one.name) if one.name else f"a link for {one.uses_left} more"
        by = f" by {screen.text(one.by)}" if one.by else ""
        yield f"{one.id}  {whom}, into {screen.text(one.crew_name)} as a {one.role}{by}, until {say.until(one.expires_at)}"
    if not found:
        yield "None."


@click.command(cls=Command, short_help="Make a bearer token for programs.")
@click.argument("label", metavar="LABEL", default="command line")
@click.option(
    "--rights", type=click.Choice(["read", "play", "manage"]), default="manage", show_default=True,
    help="What it may do: read; also bet, enter, note and collect; or all that you may.",
)  # fmt: skip
@click.option("--days", type=int, metavar="N", help="Good for so many days.")
@reaches
def token(asker: Asker, label: str, rights: str, days: int | None) -> None:
    """Make a bearer token for programs, known by a LABEL, good in this crew only. It is shown this once."""
    asker.answer(
        client.new_token(wire.TokenIn(label, days, rights)),
        lambda made, _: [made.secret, f"Good until {say.until(made.expires_at)}. Keep it like a password; it is not shown again."],
    )  # fmt: skip


@click.command(cls=Command, short_help="Your bearer tokens; revoke one.")
@click.option("--revoke", metavar="ID", help="Revoke this one.")
@reaches
def tokens(asker: Asker, revoke: str | None) -> None:
    """List your bearer tokens, without their secrets, or revoke one."""
    if revoke is not None:
        asker.answer(client.revoke_token(revoke), lambda done, _: [done.said])
    else:
        asker.answer(client.tokens(), _tokens)


def _tokens(found: Sequence[wire.TokenView], screen: Screen) -> Iterator[str]:
    for one in found:
        yield f"{one.id}  {screen.text(one.name)}, {one.rights}, until {say.until(one.expires_at)}"
    if not found:
        yield "None."


@click.command(cls=Command, short_help="Erase what is kept of somebody, for good.")
@click.argument("erased", metavar="NAME")
@click.option("--yes", is_flag=True, help="Do not ask to confirm.")
@reaches
def erase(asker: Asker, erased: str, yes: bool) -> None:
    """Erase what is kept of NAME, for good: their name, ways to sign in, tokens and invitations. Whoever has the file may.

    What was played stays in the record, as that of “a former player”. On a server elsewhere one does it on one's own page.
    """
    if asker.where.server is None:
        asker.where = replace(asker.where, name=erased)
    if not yes:
        asker.confirm(f"Erase what is kept of {erased}, for good?")
    asker.answer(client.erase(wire.EraseIn(erased)), lambda done, _: [done.said])
