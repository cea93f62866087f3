"""The pages' handlers for stakes on a tote, guesses, forecasts, and near misses and news. Forms post, redirect, get."""

from __future__ import annotations

from anyday import wire
from anyday.refusals import Refusal
from anyday.web import entering, reading, site
from anyday.web.surface import Answer, Call, Form


async def stake(call: Call, form: Form) -> Answer | Refusal:
    """Stake on a slot."""
    return await site.act(call, reading.stake(wire.StakeIn(slot=form["slot"], points=form["points"]), call.question), form, "stake")


async def guess(call: Call, form: Form) -> Answer | Refusal:
    """Guess."""
    return await site.act(call, reading.guess(wire.GuessIn(guess=form["guess"]), call.question), form, "guess")


async def forecast(call: Call, form: Form) -> Answer | Refusal:
    """State a curve, or revise it."""
    return await site.act(call, reading.forecast(entering.stated(form), call.question), form, "forecast")


async def note(call: Call, form: Form) -> Answer | Refusal:
    """Put a near miss or news on the timeline."""
    body = wire.NoteIn(kind=form["kind"], text=form["text"], when=form["when"], evidence=form["evidence"])
    return await site.act(call, reading.note(body, call.question), form, "note")
