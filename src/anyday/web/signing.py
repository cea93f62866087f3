"""The pages by which people come, go and come back: signing in, the first account, joining, and what one's own page can change about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from anyday import wire
from anyday.instants import check_zone, zone_names
from anyday.people.accounts import Invitation, SignedIn
from anyday.people.invitations import GUEST
from anyday.points import write_points
from anyday.refusals import Reason, Refusal
from anyday.web import access, accounts, pages
from anyday.web.joining import crew_name, ensure_member, open_crew, take_places
from anyday.web.session import How, safe_next
from anyday.web.site import page, show_crew, show_me, visitor
from anyday.web.surface import Answer, Call, Form, see_other, session_cookie

LONGEST_CREW_NAME: Final = 60

# signing in and out


async def sign_in_form(call: Call) -> Answer:
    """The sign-in form; whoever is signed in goes on, unless they are to sign in again."""
    onward, again = safe_next(call.query.get("next")), call.query.get("again") == "1"
    return see_other(onward) if call.visitor.player and not again else show_sign_in(call, onward)


def show_sign_in(call: Call, onward: str, typed: Mapping[str, str] | None = None, refusal: Refusal | None = None) -> Answer:
    """The sign-in page, with a refusal and the name that was typed where there is one."""
    service, again = call.service, call.visitor.how is How.SESSION
    named = typed or ({"name": call.house.people.name_of(call.player)} if again else {})
    body = pages.render(
        "sign-in.html", crew=service.crew_name, next_page=onward, typed=named, refusal=refusal, empty=not service.crew_open, again=again,
        no_passkeys=access.why_no_passkeys(call), provider=access.provider(call),
    )  # fmt: skip
    return page(body, refusal)


async def sign_in(call: Call, form: Form) -> Answer:
    """Sign in by name and password."""
    onward = safe_next(form["next"])
    begun = await call.house.people.sign_in(form["name"], form["password"], call.visitor.peer.address)
    if isinstance(begun, Refusal):
        return show_sign_in(call, onward, {"name": form["name"]}, begun)
    return await enter(call, begun, onward)


async def enter(call: Call, begun: SignedIn, onward: str) -> Answer:
    """Begin the session in this browser; whoever has a place in a crew takes it up."""
    await take_places(call.house, begun.player)
    if call.visitor.how is How.SESSION and call.visitor.secret:
        await call.house.people.sign_out(call.visitor.secret)  # one browser, one session: the one before is not left lying about
    session_cookie(call, begun.secret)
    return see_other(onward)


async def sign_out(call: Call, form: Form) -> Answer | Refusal:
    """End this browser's session."""
    refusal = await call.house.people.sign_out(call.visitor.secret)
    if refusal is not None:
        return refusal
    session_cookie(call, "")
    return see_other("/sign-in")


# the first account


async def setup_form(call: Call) -> Answer | Refusal:
    """The first page of a new server."""
    found = await call.house.people.opened(call.params["secret"], "setup", call.visitor.peer.address)
    return found if isinstance(found, Refusal) else _setup(call)


def _setup(call: Call, form: Form | None = None, refusal: Refusal | None = None) -> Answer:
    typed = _without_password(form or Form())
    return page(pages.render("setup.html", secret=call.params["secret"], zones=zone_names(), typed=typed, refusal=refusal), refusal)


async def setup(call: Call, form: Form) -> Answer | Refusal:
    """The first account, and the crew that it owns."""
    name, zone = form["crew"].strip(), check_zone(form["zone"].strip())
    if not name:
        return _setup(call, form, Refusal(Reason.TEXT_MISSING, name="the crew's name"))
    if len(name) > LONGEST_CREW_NAME:
        return _setup(call, form, Refusal(Reason.TEXT_TOO_LONG, name="the crew's name", limit=LONGEST_CREW_NAME))
    if isinstance(zone, Refusal):
        return _setup(call, form, zone)
    begun = await call.house.people.sign_up(call.params["secret"], "setup", form["name"], form["password"], call.visitor.peer.address)
    if isinstance(begun, Refusal):
        return begun if begun.reason is Reason.INVITE_SPENT else _setup(call, form, begun)
    refused = await open_crew(call.house, begun.player, name, zone)
    return refused if refused is not None else await enter(call, begun, "/")


# joining


async def join_form(call: Call) -> Answer | Refusal:
    """The page behind an invitation."""
    found = await call.house.people.opened(call.params["secret"], "join", call.visitor.peer.address)
    return found if isinstance(found, Refusal) else show_join(call, found)


def show_join(call: Call, found: Invitation, form: Form | None = None, refusal: Refusal | None = None) -> Answer:
    """The page behind an invitation: for who has an account, and for who makes one."""
    service = call.service.of(found.crew) or call.service
    body = pages.render(
        "join.html", crew=crew_name(call.house, found.crew), secret=call.params["secret"], grant=write_points(service.joining_grant),
        provider=access.provider(call), crew_id=found.crew, guest=found.role == GUEST, visitor=visitor(call),
        typed=_without_password(form or Form()), refusal=refusal,
        member=call.visitor.player is not None and service.role(call.visitor.player) != "nobody",
    )  # fmt: skip
    return page(body, refusal)


async def join(call: Call, form: Form) -> Answer | Refusal:
    """A place in the crew: with the account that one has, or with a new one."""
    people, secret, address = call.house.people, call.params["secret"], call.visitor.peer.address
    found = await people.opened(secret, "join", address)
    if isinstance(found, Refusal):
        return found
    if call.visitor.player is not None:
        return await _join_as(call, found, call.visitor.player)
    begun = await people.sign_up(secret, "join", form["name"], form["password"], address)
    if isinstance(begun, Refusal):
        return begun if begun.reason is Reason.INVITE_SPENT else show_join(call, found, form, begun)
    return await enter(call, begun, "/")


async def _join_as(call: Call, found: Invitation, player: str) -> Answer | Refusal:
    """Join with the account that one has; whoever is a member already uses nothing up."""
    service = call.service.of(found.crew)
    if service is not None and service.role(player) != "nobody":
        return see_other(f"/c/{found.crew}/")
    place = await call.house.people.redeem(call.params["secret"], player, call.visitor.peer.address)
    if isinstance(place, Refusal):
        return place
    refused = await ensure_member(call.house, place.crew, player, place.role, f"-{place.id}")
    return refused if refused is not None else see_other(f"/c/{found.crew}/")


async def link(call: Call) -> Answer | Refusal:
    """A link that signs its player in: the one reading that begins something, by a secret made for just that."""
    begun = await call.house.people.open_link(call.params["secret"], call.visitor.peer.address)
    return begun if isinstance(begun, Refusal) else await enter(call, begun, "/")


# inviting


async def invite(call: Call, form: Form) -> Answer:
    """A new invitation link, shown here and never again."""
    issued = await call.house.people.invite(call.player, crew=call.crew, role=form["role"] or "player")
    if isinstance(issued, Refusal):
        return show_crew(call, issued)
    uses = call.house.settings.invitation_uses
    good_for = f"It is good for {'one person' if uses == 1 else f'{uses} people'}, until {access.day(call, issued.expires_at)}."
    return show_crew(call, invitation=call.link(f"/join/{issued.secret}"), good_for=good_for)


async def invite_by_name(call: Call, form: Form) -> Answer:
    """Invite somebody who has an account here already."""
    sent = await accounts.invite_by_name(call, wire.InviteNameIn(form["name"], form["role"] or "player"))
    return show_crew(call, sent, form=form) if isinstance(sent, Refusal) else see_other("/crew#h-invite")


async def withdraw(call: Call, form: Form) -> Answer:
    """Take an invitation back."""
    refusal = await call.house.people.withdraw(call.crew, form["invitation"])
    return show_crew(call, refusal) if refusal else see_other("/crew#h-invite")


async def answer_invitation(call: Call, form: Form) -> Answer:
    """Accept or decline an invitation that was sent to oneself."""
    call.params = {"invitation": form["invitation"]}
    done = await (accounts.decline_invitation(call) if form["answer"] == "decline" else accounts.accept_invitation(call))
    return show_me(call, done) if isinstance(done, Refusal) else show_me(call, None, done.said)


# one's own page


async def new_token(call: Call, form: Form) -> Answer:
    """A new token: shown here and never again, so there is no page to redirect to."""
    made = await accounts.new_token(call, wire.TokenIn(form["name"], rights=form["rights"] or "play"))
    return show_me(call, made) if isinstance(made, Refusal) else show_me(call, new_token=made.secret)


async def revoke_token(call: Call, form: Form) -> Answer:
    """Revoke a token."""
    refusal = await call.house.people.revoke(call.player, form["token"])
    return show_me(call, refusal) if refusal else see_other("/me#h-tok")


async def change_password(call: Call, form: Form) -> Answer:
    """A new password, with the old one or just after signing in."""
    done = await accounts.change_password(call, wire.PasswordIn(form["old"], form["new"]))
    return show_me(call, done) if isinstance(done, Refusal) else see_other("/me#h-ways")


async def erase(call: Call, form: Form) -> Answer:
    """Erase what the server knows of oneself."""
    refusal = await accounts.erase_me(call, form["name"])
    if refusal is not None:
        return show_me(call, refusal)
    return page(pages.render("erased.html", visitor=None, crew=call.service.crew_name))


def _without_password(form: Form) -> dict[str, str]:
    return {name: form[name] for name in form if "password" not in name}


