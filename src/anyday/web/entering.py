"""The forms of a question's page for stakes on a tote, guesses, forecasts, and near misses and news. Forms post, redirect, get."""

from __future__ import annotations

from anyday import wire
from anyday.market.prior import WHOLE
from anyday.refusals import Reason, Refusal
from anyday.web import reading, site
from anyday.web.plays import HANDLES, handles, never_of
from anyday.web.surface import Answer, Call, Form


async def stake(call: Call, form: Form) -> Answer | Refusal:
    """Stake on a slot."""
    return await site.act(call, reading.stake(wire.StakeIn(slot=form["slot"], points=form["points"]), call.question), form, "stake")


async def guess(call: Call, form: Form) -> Answer | Refusal:
    """Guess."""
    return await site.act(call, reading.guess(wire.GuessIn(guess=form["guess"]), call.question), form, "guess")


async def forecast(call: Call, form: Form) -> Answer | Refusal:
    """State a curve, or revise it. A form that nobody touched would put three handles in place of the finer curve that they
    are read off: that is refused."""
    if untouched(call, form):
        return site.show(call, Refusal(Reason.AS_IT_STANDS), form, "forecast")
    return await site.act(call, reading.forecast(_stated(form), call.question), form, "forecast")


def untouched(call: Call, form: Form) -> bool:
    """Whether the form holds what was read off the asker's own curve, and nothing else."""
    view = call.service.question(call.question, call.visitor.player)
    if isinstance(view, Refusal) or view.forecast is None or view.forecast.mine is None:
        return False
    shown = {f"by{handle.share}": handle.value for handle in handles(view, {})} | {"never": never_of(view, {})}
    return all(form[field].strip() == typed for field, typed in shown.items())


def _stated(form: Form) -> wire.ForecastIn:
    """The forecast of a form: the chance of never, and of the rest by when a tenth, a half and nine tenths of it have come.
    Where two of these are by the same time, the larger one is said."""
    never = reading.share(form["never"])
    left = WHOLE - (0 if never is None else max(0, min(WHOLE, never * WHOLE // reading.ALL)))
    points: list[tuple[str, str]] = []
    for handle, _ in HANDLES:
        typed = form[f"by{handle}"].strip()
        if points and points[-1][0].casefold() == typed.casefold():
            points.pop()
        points.append((typed, f"{left * handle // 100 / WHOLE:.6f}"))
    quantiles = tuple(wire.QuantileIn(by, chance) for by, chance in points)
    return wire.ForecastIn(curve=wire.CurveIn(never=form["never"], quantiles=quantiles), points=form["points"] or None)


async def note(call: Call, form: Form) -> Answer | Refusal:
    """Put a near miss or news on the timeline."""
    body = wire.NoteIn(kind=form["kind"], text=form["text"], when=form["when"], evidence=form["evidence"])
    return await site.act(call, reading.note(body, call.question), form, "note")
