"""How somebody comes in, as their page and the crew's page show it: ways to sign in, tokens, invitations."""

from __future__ import annotations

import re
import urllib.parse
from typing import Final

from anyday.instants import Grain, Instant
from anyday.people import passkeys
from anyday.people.accounts import Sent as Invitation
from anyday.people.accounts import Token
from anyday.people.invitations import GUEST
from anyday.people.passkeys import Passkey, Site
from anyday.people.tokens import RIGHTS
from anyday.phrases import say_instant
from anyday.refusals import Reason, Refusal
from anyday.web import pages
from anyday.web.joining import crew_name
from anyday.web.surface import Call


def of(call: Call) -> pages.Access:
    """Everything about how the visitor comes in."""
    people, player = call.house.people, call.player
    return pages.Access(
        fresh=call.visitor.fresh, password=people.has_password(player), passkeys=tuple(_passkey(call, held) for held in people.passkeys(player)),
        no_passkeys=why_no_passkeys(call), provider=provider(call), linked=people.linked(player), last=not people.more_than_one_way(player),
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


def provider(call: Call) -> str:
    """What the service is called through which people may sign in; empty where there is none."""
    found = call.house.people.provider
    return found.name if found.there else ""


def why_no_passkeys(call: Call) -> str:
    """Why there can be no passkeys here; empty where there can."""
    site = site_of(call)
    return dict(site.facts)["why"] if isinstance(site, Refusal) else ""


def site_of(call: Call) -> Site | Refusal:
    """The site that passkeys belong to: the public address where it is set, else the one that the browser asked for.

    A host that a client makes up brings nothing: a browser signs for the origin that it is on, with passkeys of that host alone.
    """
    if not passkeys.available():
        return Refusal(Reason.NO_PASSKEYS, why="the server lacks what they need; whoever runs it can add it")
    peer = call.visitor.peer
    asked = origin_of(f"{'https' if peer.secure else 'http'}://{peer.host}")
    meant = origin_of(call.house.settings.address) if call.house.settings.address else asked
    if asked is None or meant is None:
        return Refusal(Reason.NO_PASSKEYS, why="this address has no name that they could belong to")
    if asked != meant:
        return Refusal(Reason.NO_PASSKEYS, why=f"they belong to {meant.origin}")
    if not (meant.origin.startswith("https://") or meant.host == "localhost" or meant.host.endswith(".localhost")):
        return Refusal(Reason.NO_PASSKEYS, why="browsers have them only over https, and on localhost")
    return meant


def origin_of(address: str) -> Site | None:
    """The site of an address as a browser writes it; none where its host is a number or no host."""
    try:
        parts = urllib.parse.urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not _HOST.fullmatch(host) or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    implied = {"http": 80, "https": 443}[parts.scheme]
    return Site(host, f"{parts.scheme}://{host}" + ("" if port in (None, implied) else f":{port}"))


#: A name, not a number: its last part begins with a letter.
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


def _passkey(call: Call, held: Passkey) -> pages.Passkey:
    site = site_of(call)
    used = None if held.used_at is None else day(call, held.used_at)
    doubted = None if held.doubted_at is None else day(call, held.doubted_at)
    here = not isinstance(site, Refusal) and site.host == held.site
    return pages.Passkey(held.id, held.name, day(call, held.created_at), used, held.site, here, doubted)


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
