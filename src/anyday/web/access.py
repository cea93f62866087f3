"""How somebody comes in, as their page and the crew's page show it: ways to sign in, tokens, invitations."""

from __future__ import annotations

from anyday.instants import Grain, Instant
from anyday.people.accounts import Sent as Invitation
from anyday.people.accounts import Token
from anyday.people.invitations import GUEST
from anyday.people.tokens import RIGHTS
from anyday.phrases import say_instant
from anyday.web import pages
from anyday.web.joining import crew_name
from anyday.web.surface import Call


def of(call: Call) -> pages.Access:
    """Everything about how the visitor comes in."""
    people, player = call.house.people, call.player
    return pages.Access(
        fresh=call.visitor.fresh, password=people.has_password(player), passkeys=(), no_passkeys="", provider="", linked=False, last=True,
        tokens=tuple(_token(call, token) for token in people.tokens(player)),
        waiting=tuple(_waiting(call, sent) for sent in people.invitations_for(player)), rights=RIGHTS,
    )  # fmt: skip


def sent(call: Call) -> tuple[pages.Sent, ...]:
    """The crew's invitations that are out."""
    people = call.house.people
    return tuple(_sent(call, found, people.name_of(found.player) if found.player else None) for found in people.sent(call.crew))


def day(call: Call, at: int) -> str:
    """A day in the crew's zone, as one says it."""
    return say_instant(Instant(at), call.service.crew_zone, Grain.DAY)


def _token(call: Call, token: Token) -> pages.Token:
    crew = crew_name(call.house, token.crew)
    return pages.Token(token.id, token.name, crew, RIGHTS[token.rights], day(call, token.created_at), day(call, token.expires_at))


def _sent(call: Call, invitation: Invitation, name: str | None) -> pages.Sent:
    guest = " as a guest" if invitation.role == GUEST else ""
    until = f"until {day(call, invitation.expires_at)}"
    if name is not None:
        return pages.Sent(invitation.id, f"{name}{guest}", f"has not answered; {until}")
    people = "one more person" if invitation.uses_left == 1 else f"{invitation.uses_left} more people"
    return pages.Sent(invitation.id, f"A link{guest}", f"for {people}, {until}")


def _waiting(call: Call, invitation: Invitation) -> pages.Sent:
    by = call.house.people.name_of(invitation.by) if invitation.by else "somebody"
    guest = " as a guest" if invitation.role == GUEST else ""
    what = f"{by} invites you to join {crew_name(call.house, invitation.crew)}{guest}"
    return pages.Sent(invitation.id, what, f"until {day(call, invitation.expires_at)}")
