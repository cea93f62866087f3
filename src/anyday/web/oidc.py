"""Signing in through an OpenID Connect provider: sending the browser there, and what it brings back.

The browser goes by a page that leads on by itself: a form may post to this server only, and that holds for where it is sent on to.
"""

from __future__ import annotations

from typing import Final

from anyday.people.identities import Errand
from anyday.people.oidc import way
from anyday.people.passwords import digest
from anyday.refusals import Reason, Refusal
from anyday.web import pages
from anyday.web.accounts import stale
from anyday.web.session import Peer, cookie_of, safe_next
from anyday.web.signing import enter
from anyday.web.site import page, show_me
from anyday.web.surface import Answer, Call, Form, see_other

COOKIE: Final = "anyday-oidc"
_SECONDS: Final = 600


async def start(call: Call, form: Form) -> Answer | Refusal:
    """Go to the provider: to sign in, or with an invitation to join."""
    people = call.house.people
    if not people.provider.there:
        return Refusal(Reason.NO_PROVIDER)
    errand = Errand("sign-in", None, safe_next(form["next"]))
    if form["secret"]:
        refused = await people.may_come(form["secret"], "join", form["name"], call.visitor.peer.address)
        if refused is not None:
            return refused
        errand = Errand("join", None, "/", digest(form["secret"]).hex(), form["name"])
    return await _send_off(call, errand)


async def link(call: Call, form: Form) -> Answer | Refusal:
    """Go to the provider to make its account a way to sign in: from a session that has just begun."""
    if not call.house.people.provider.there:
        return Refusal(Reason.NO_PROVIDER)
    refused = stale(call)
    return show_me(call, refused) if refused else await _send_off(call, Errand("link", call.player))


async def unlink(call: Call, form: Form) -> Answer:
    """The provider's account is no way to sign in any more."""
    refused = stale(call) or await call.house.people.unlink_identities(call.player, call.visitor.secret)
    return show_me(call, refused) if refused else see_other("/me#h-ways")


async def _send_off(call: Call, errand: Errand) -> Answer | Refusal:
    people = call.house.people
    sent = await people.send_off(errand, call.visitor.peer.address)
    if isinstance(sent, Refusal):
        return sent
    state, browser = sent
    address = await people.provider.address(way(browser, state))
    if isinstance(address, Refusal):
        return address
    answer = page(pages.render("going.html", visitor=None, crew="", provider=people.provider.name, address=address))
    answer.headers.append(_cookie(browser, call.visitor.peer))
    return answer


async def callback(call: Call) -> Answer | Refusal:
    """The browser is back. What it brings counts once, and only in the browser that was sent."""
    people, query = call.house.people, call.query
    if not people.provider.there:
        return Refusal(Reason.NO_PROVIDER)
    browser = cookie_of(call.headers, _name(call.visitor.peer)) or ""
    errand = await people.came_back(query.get("state", ""), browser)
    if isinstance(errand, Refusal):
        return errand
    if "error" in query or not query.get("code"):
        why = "it was called off there" if query.get("error") == "access_denied" else "it said no"
        return Refusal(Reason.PROVIDER_FAILED, provider=people.provider.name, why=why)
    subject = await people.provider.subject(query["code"][:2_000], way(browser, query["state"]), query.get("iss"))
    answer = subject if isinstance(subject, Refusal) else await _run(call, errand, subject)
    if isinstance(answer, Answer):
        answer.headers.append(_cookie("", call.visitor.peer))
    return answer


async def _run(call: Call, errand: Errand, subject: str) -> Answer | Refusal:
    """Do what the browser was sent for."""
    people = call.house.people
    if errand.purpose == "link":
        if errand.player is None or errand.player != call.visitor.player:
            return Refusal(Reason.SIGN_IN_AGAIN)  # somebody else is signed in by now, or nobody
        refused = await people.link_identity(errand.player, subject, call.visitor.secret)
        return refused if refused is not None else see_other("/me#h-ways")
    begun = await people.sign_in_by_identity(subject)
    if isinstance(begun, Refusal) and begun.reason is Reason.UNKNOWN_IDENTITY and errand.purpose == "join":
        begun = await people.sign_up_by_identity(errand.invitation, errand.name, subject, call.visitor.peer.address)
    elif errand.purpose == "join" and not isinstance(begun, Refusal):
        await _join_with(call, errand.invitation, begun.player)
    return begun if isinstance(begun, Refusal) else await enter(call, begun, errand.onward)


async def _join_with(call: Call, invitation: str, player: str) -> None:
    """Whoever has an account already joins with it; whoever is a member already uses nothing up."""
    crew = call.house.people.leads_to(invitation)
    service = call.house.service.of(crew) if crew is not None else None
    if service is not None and service.role(player) == "nobody":
        await call.house.people.redeem_hashed(invitation, player)


def _name(peer: Peer) -> str:
    return f"__Host-{COOKIE}" if peer.secure else COOKIE


def _cookie(value: str, peer: Peer) -> tuple[bytes, bytes]:
    """The header that gives the browser its secret for the way there and back; an empty one takes it away."""
    age = _SECONDS if value else 0
    parts = [f"{_name(peer)}={value}", "Path=/", f"Max-Age={age}", "HttpOnly", "SameSite=Lax", *(["Secure"] if peer.secure else [])]
    return b"set-cookie", "; ".join(parts).encode()
