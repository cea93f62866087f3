"""The handlers of sealed bets: sealed, changed and withdrawn until the bell of a market rings. As JSON and as forms."""

from __future__ import annotations

from anyday import wire
from anyday.refusals import Reason, Refusal
from anyday.web import api, reading, site
from anyday.web.surface import Answer, Call, Form
from anyday.wire import bell


async def seal(call: Call, body: bell.SealIn) -> wire.Receipt | Refusal:
    """Seal a bet until the bell, or another in the place of one's own."""
    return await api.submit(call, reading.seal(body, call.question))


async def unseal(call: Call, body: bell.UnsealIn) -> wire.Receipt | Refusal:
    """Withdraw a sealed bet of one's own."""
    return await api.submit(call, reading.unseal(body, call.question))


async def seal_from_page(call: Call, form: Form) -> Answer | Refusal:
    """Seal a bet from the slip."""
    replaces = site.number(form, "replaces")
    if isinstance(replaces, Refusal):
        return site.show(call, replaces, form, "seal")
    body = bell.SealIn(form["window"], form["limit"], form["points"] or None, form["shares"] or None, replaces)
    return await site.act(call, reading.seal(body, call.question), form, "seal")


async def unseal_from_page(call: Call, form: Form) -> Answer | Refusal:
    """Withdraw a sealed bet from the slip."""
    number = site.number(form, "number")
    if isinstance(number, Refusal) or number is None:
        return site.show(call, number or Refusal(Reason.MALFORMED, detail="the form has no number"), Form(), "seal")
    return await site.act(call, reading.unseal(bell.UnsealIn(number), call.question), Form(), "seal")
