"""The JSON API of accounts: invitations, tokens, passwords, sessions, erasing. What an account is belongs to the server; what it may do
in a crew is asked of that crew."""

from __future__ import annotations

import dataclasses
import secrets

from anyday import wire
from anyday.instants import iso
from anyday.people.accounts import Issued, Sent, SignedIn
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.web.joining import crew_name, ensure_member, take_places
from anyday.web.session import How
from anyday.web.surface import Call, session_cookie

# invitations


async def invite(call: Call, body: wire.InviteIn) -> wire.Secret | Refusal:
    """Make an invitation link."""
    issued = await call.house.people.invite(call.player, crew=call.crew, role=body.role, days=body.days, uses=body.uses)
    return issued if isinstance(issued, Refusal) else secret(issued, path := f"/join/{issued.secret}", call.link(path))


async def invite_by_name(call: Call, body: wire.InviteNameIn) -> wire.InvitationView | Refusal:
    """Invite somebody who has an account here already."""
    people, crew = call.house.people, call.crew
    known = people.player_of(body.name)
    if known is not None and call.service.role(known) != "nobody":
        return Refusal(Reason.ALREADY_THERE, what=people.name_of(known))
    sent = await people.invite_by_name(call.player, body.name, crew=crew, role=body.role, days=body.days)
    if isinstance(sent, Refusal):
        return sent
    if sent.player is not None:
        await call.service.messages.invited(sent.player, crew, call.player, sent.id)
    return invited(call, sent)


async def sent_invitations(call: Call) -> tuple[wire.InvitationView, ...]:
    """The crew's invitations that are out."""
    return tuple(invited(call, sent) for sent in call.house.people.sent(call.crew))


async def withdraw_invitation(call: Call) -> wire.Done | Refusal:
    """Take an invitation back."""
    refusal = await call.house.people.withdraw(call.crew, call.params["invitation"])
    return refusal or wire.Done("The invitation no longer works.")


async def my_invitations(call: Call) -> tuple[wire.InvitationView, ...]:
    """The invitations that wait for one's answer."""
    return tuple(invited(call, sent) for sent in call.house.people.invitations_for(call.player))


async def accept_invitation(call: Call) -> wire.Done | Refusal:
    """Accept an invitation, and become a member of its crew."""
    place = await call.house.people.accept(call.player, call.params["invitation"])
    if isinstance(place, Refusal):
        return place
    refusal = await ensure_member(call.house, place.crew, call.player, place.role, f"-{place.id}")
    return refusal or wire.Done(f"You are a member of {crew_name(call.house, place.crew)} now.")


async def decline_invitation(call: Call) -> wire.Done | Refusal:
    """Decline an invitation."""
    refusal = await call.house.people.decline(call.player, call.params["invitation"])
    return refusal or wire.Done("You have declined the invitation.")


def invited(call: Call, sent: Sent) -> wire.InvitationView:
    """An invitation as the wire says it: people by their names."""
    people = call.house.people
    return wire.InvitationView(
        sent.id, sent.crew, crew_name(call.house, sent.crew), sent.role, sent.player and people.name_of(sent.player),
        sent.by and people.name_of(sent.by), sent.uses_left, iso(sent.expires_at),
    )  # fmt: skip


# tokens


async def tokens(call: Call) -> tuple[wire.TokenView, ...]:
    """One's own tokens, without their secrets."""
    held = call.house.people.tokens(call.player)
    return tuple(wire.TokenView(t.id, t.name, iso(t.created_at), iso(t.expires_at), t.crew, t.rights) for t in held)


async def new_token(call: Call, body: wire.TokenIn) -> wire.Secret | Refusal:
    """Make a bearer token."""
    issued = await call.house.people.new_token(call.player, body.name, crew=call.crew, rights=body.rights, days=body.days)
    return issued if isinstance(issued, Refusal) else secret(issued)


async def revoke_token(call: Call) -> wire.Done | Refusal:
    """Revoke one of one's own tokens."""
    refusal = await call.house.people.revoke(call.player, call.params["token"])
    return refusal or wire.Done("The token no longer works.")


# oneself


async def change_password(call: Call, body: wire.PasswordIn) -> wire.SessionView | Refusal:
    """Change one's password; every session and token ends, and a new session begins."""
    people = call.house.people
    if people.has_password(call.player):
        begun = await people.change_password(call.player, body.old, body.new, call.visitor.peer.address)
    else:
        begun = stale(call) or await people.set_password(call.player, body.new)
    return begun if isinstance(begun, Refusal) else begin(call, begun)


async def erase(call: Call, body: wire.EraseIn) -> wire.Done | Refusal:
    """Erase what the server knows of oneself."""
    refusal = await erase_me(call, body.name)
    return refusal or wire.Done("What was kept of you is erased. The record of what was played says “a former player”.")


async def erase_me(call: Call, typed: str) -> Refusal | None:
    """The same for a page: who just signed in, has typed their name, and leaves no crew without its owner."""
    people, player = call.house.people, call.player
    refusal = stale(call)
    if refusal is not None:
        return refusal
    if people.player_of(typed) != player:
        return Refusal(Reason.WRONG_NAME)
    refusal = await _leave_all(call, player) or await people.erase(player)
    if refusal is None and call.visitor.how is How.SESSION:
        session_cookie(call, "")
    return refusal


async def _leave_all(call: Call, player: str) -> Refusal | None:
    """Leave every crew, or none: whoever owns one, or has lent it, hands it over first, unless they are all that is left of it."""
    known = call.house.people.names()
    theirs = [service for crew in call.service.crews_of(player) if (service := call.service.of(crew.id)) is not None]
    stay = {service.crew: why for service in theirs if (why := service.stays(player)) is not None}
    for service in theirs:
        if service.crew in stay and any(m.player != player and m.player in known and not m.simulated for m in service.members()):
            return stay[service.crew]
    for service in theirs:
        if service.crew not in stay:
            left = await service.submit(c.Envelope(service.crew, player, f"leave-{secrets.token_urlsafe(8)}", c.Leave()))
            if isinstance(left, Refusal):
                return left
    return None


def stale(call: Call) -> Refusal | None:
    """Why whoever asks must sign in again before they change how they sign in: a session left open is not enough for that."""
    return None if call.visitor.fresh else Refusal(Reason.SIGN_IN_AGAIN)


# sessions


async def sign_in(call: Call, body: wire.SignInIn) -> wire.SessionView | Refusal:
    """Sign in by name and password; the reply sets the cookie."""
    begun = await call.house.people.sign_in(body.name, body.password, call.visitor.peer.address)
    if isinstance(begun, Refusal):
        return begun
    await take_places(call.house, begun.player)
    return begin(call, begun)


async def sign_out(call: Call) -> wire.Done | Refusal:
    """End the session that asks."""
    refusal = await call.house.people.sign_out(call.visitor.secret)
    if refusal is None:
        session_cookie(call, "")
    return refusal or wire.Done("You are signed out.")


def secret(issued: Issued, path: str | None = None, link: str | None = None) -> wire.Secret:
    """What is shown once."""
    return wire.Secret(path=path, link=link, **{**dataclasses.asdict(issued), "expires_at": iso(issued.expires_at)})


def begin(call: Call, begun: SignedIn) -> wire.SessionView:
    """A session that has begun: the browser gets it with this answer."""
    session_cookie(call, begun.secret)
    return wire.SessionView(begun.player, call.house.people.name_of(begun.player), iso(begun.expires_at))
