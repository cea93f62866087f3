"""Passkeys on the surface: what a browser needs to make one or to sign in with one, and what it sends back."""

from __future__ import annotations

from anyday import wire
from anyday.instants import iso
from anyday.people.passkeys import Asserted, Attested, Passkey
from anyday.refusals import Refusal
from anyday.web.access import site_of
from anyday.web.accounts import begin, stale
from anyday.web.joining import take_places
from anyday.web.session import How
from anyday.web.site import show_me
from anyday.web.surface import JSON, Answer, Call, Form


async def my_passkeys(call: Call) -> tuple[wire.PasskeyView, ...]:
    """One's passkeys."""
    return tuple(_view(held) for held in call.house.people.passkeys(call.player))


async def passkey_options(call: Call) -> Answer | Refusal:
    """What a browser needs to make a passkey, for whoever has just signed in."""
    site = stale(call) or site_of(call)
    if isinstance(site, Refusal):
        return site
    made = await call.house.people.passkey_options(call.player, site)
    return made if isinstance(made, Refusal) else _json(made)


async def register_passkey(call: Call, body: wire.PasskeyIn) -> wire.PasskeyView | Refusal:
    """Keep the passkey that a browser has made."""
    site = stale(call) or site_of(call)
    if isinstance(site, Refusal):
        return site
    made = Attested(body.id, body.client_data, body.attestation)
    kept = await call.house.people.register_passkey(call.player, body.name, made, site, call.visitor.secret)
    return kept if isinstance(kept, Refusal) else _view(kept)


async def remove_passkey(call: Call) -> wire.Done | Refusal:
    """Remove a passkey."""
    refusal = stale(call) or await call.house.people.remove_passkey(call.player, call.params["passkey"], call.visitor.secret)
    return refusal or wire.Done("The passkey no longer signs you in. Remove it from your device too.")


async def remove_from_page(call: Call, form: Form) -> Answer:
    """The same from one's own page."""
    call.params = {"passkey": form["passkey"]}
    done = await remove_passkey(call)
    return show_me(call, done) if isinstance(done, Refusal) else show_me(call, None, done.said)


async def passkey_sign_in_options(call: Call, body: wire.PasskeyOptionsIn) -> Answer | Refusal:
    """What a browser needs to sign in with a passkey."""
    site = site_of(call)
    if isinstance(site, Refusal):
        return site
    made = await call.house.people.sign_in_options(body.name.strip(), site, call.visitor.peer.address)
    return made if isinstance(made, Refusal) else _json(made)


async def sign_in_by_passkey(call: Call, body: wire.AssertionIn) -> wire.SessionView | Refusal:
    """Sign in with a passkey; the reply sets the cookie."""
    site = site_of(call)
    if isinstance(site, Refusal):
        return site
    asserted = Asserted(body.id, body.client_data, body.authenticator_data, body.signature, body.user_handle)
    begun = await call.house.people.sign_in_by_passkey(asserted, site)
    if isinstance(begun, Refusal):
        return begun
    await take_places(call.house, begun.player)
    if call.visitor.how is How.SESSION:
        await call.house.people.sign_out(call.visitor.secret)
    return begin(call, begun)


def _json(made: str) -> Answer:
    return Answer(made.encode(), 200, JSON, cache="no-store")


def _view(held: Passkey) -> wire.PasskeyView:
    used, doubted = (None if at is None else iso(at) for at in (held.used_at, held.doubted_at))
    return wire.PasskeyView(held.id, held.name, held.site, iso(held.created_at), used, doubted)


