"""The form that asks a question: what it is filled with for a tally, and from its fields to what is asked. No routing here."""

from __future__ import annotations

from anyday import wire
from anyday.refusals import Refusal
from anyday.web.surface import Call, Form


def asked(form: Form, lead: int, hours: int | None = None) -> wire.AskIn:
    """The question that a form asks, whose ruling can be disputed for ``hours``: as a market unless its box is there and empty, and in each
    way whose box is ticked."""
    market = not form["ways"] or form["market"] == "on"
    pairs = [(by, chance) for by, chance in zip(form.every("by"), form.every("chance"), strict=False) if by.strip() or chance.strip()]
    opening = wire.OpeningIn(never=form["never"] or "20%", quantiles=tuple(wire.QuantileIn(by, chance) for by, chance in pairs))
    if form["tally"] and form["from_tally"] == "on":
        opening = wire.OpeningIn(tally=True)
    return wire.AskIn(
        title=form["title"], terms=form["terms"], zone=form["zone"], grain=form["grain"], origin=form["origin"], horizon=form["horizon"],
        subsidy=form["subsidy"] if market else 0, resolver=form["resolver"] or None, subsidy_from=form["subsidy_from"] or "host",
        lead_minutes=lead, opening=opening if market else wire.OpeningIn(), source=form["source"], market=market,
        tote=_tote(form) if form["tote"] == "on" else None, closest=_closest(form) if form["closest"] == "on" else None,
        forecast=form["forecast"] == "on", tally=form["tally"] or None, deputy=form["deputy"] or None, subjects=_names(form["subjects"]),
        barred=_names(form["barred"]), dispute_hours=hours, bell=(form["bell"] or None) if market else None,
    )  # fmt: skip


def _names(typed: str) -> tuple[str, ...]:
    """Names with commas between."""
    return tuple(name.strip() for name in typed.split(",") if name.strip())


def for_tally(call: Call) -> list[tuple[str, str]]:
    """What the form that asks is filled with for the tally in its address, if there is one: its next question."""
    found = call.service.tally(call.query.get("tally", ""), call.player) if "tally" in call.query else None
    if found is None or isinstance(found, Refusal) or found.next.ask is None:
        return []
    asked = found.next.ask
    return [
        ("title", asked.title), ("terms", asked.terms), ("zone", asked.zone), ("grain", asked.grain), ("origin", asked.origin),
        ("horizon", asked.horizon), ("subsidy", str(asked.subsidy)), ("subsidy_from", asked.subsidy_from), ("tally", found.id),
        ("tally_name", found.name), ("tally_gaps", str(found.next.cases)), ("from_tally", "on" if asked.opening.tally else ""),
    ]  # fmt: skip


def _tote(form: Form) -> wire.ToteIn:
    """The tote's terms: slots of the calendar, or those whose starts are listed, a line each."""
    starts = tuple(line.strip() for line in form["starts"].splitlines() if line.strip())
    return wire.ToteIn(slots=starts if form["slots"] == "listed" else form["slots"] or "month", takeout=form["takeout"] or "0%")


def _closest(form: Form) -> wire.ClosestIn:
    stake, variant, prize = form["guess_stake"], form["variant"] or "nearest", form["prize"] or "winner"
    return wire.ClosestIn(stake=stake, variant=variant, prize=prize, many=form["many"] == "on")
