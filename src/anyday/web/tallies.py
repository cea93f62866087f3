"""Tallies, as JSON and as pages: the crew's list, one with its chart, opening one, recording and striking out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from anyday import wire
from anyday.instants import MINUTE, Grain
from anyday.points import parse_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.web import api, drawing, pages, site
from anyday.web.charts import micros
from anyday.web.drawing import HIGH, WIDE, Axis
from anyday.web.surface import Answer, Call, Form, see_other

_LATEST: Final = 2**53
#: Marks that would be drawn closer than this (of ``WIDE``) are drawn as one, so that ten thousand are no longer than a picture.
_APART: Final = 5


# JSON


async def listed(call: Call) -> tuple[wire.TallyCard, ...]:
    """The crew's tallies."""
    return call.service.tallies()


async def tally(call: Call) -> wire.TallyView | Refusal:
    """A tally whole; ``?before=<version>`` for the occurrences before that one."""
    typed = call.query.get("before")
    if typed is not None and not (typed.isascii() and typed.isdecimal() and len(typed) <= 16 and int(typed) <= _LATEST):
        return Refusal(Reason.MALFORMED, detail="before is the version of an occurrence")
    return call.service.tally(call.params["id"], call.visitor.player, int(typed) if typed is not None else None)


async def start(call: Call, body: wire.TallyIn) -> wire.Receipt | Refusal:
    """Open a tally."""
    following = _following(body.next) if body.next is not None else None
    if isinstance(following, Refusal):
        return following
    return await api.submit(call, c.OpenTally(name=body.name, terms=body.terms, since=body.since, next=following))


async def record(call: Call, body: wire.OccurrenceIn) -> wire.Receipt | Refusal:
    """Record an occurrence."""
    return await api.submit(call, c.Record(tally=call.params["id"], when=body.when, evidence=body.evidence))


async def strike(call: Call, body: wire.StrikeIn) -> wire.Receipt | Refusal:
    """Strike an occurrence out."""
    return await api.submit(call, c.Strike(tally=call.params["id"], version=body.version, reason=body.reason))


def _following(body: wire.NextIn) -> c.NextQuestion | Refusal:
    grain = next((each for each in Grain if each.value == body.grain.strip().lower()), None)
    if grain is None:
        return Refusal(Reason.MALFORMED, detail=f"the grain is one of {', '.join(each.value for each in Grain)}")
    subsidy = parse_points(body.subsidy, name="the subsidy")
    if isinstance(subsidy, Refusal):
        return subsidy
    return c.NextQuestion(body.title, body.terms, grain, body.span, subsidy, body.subsidy_from)


# pages


async def list_page(call: Call) -> Answer:
    """The crew's tallies."""
    cards = call.service.tallies()
    return site.page(pages.render("tallies.html", cards=cards, visitor=site.visitor(call), crew=call.service.crew_name, said=site.said(call)))


async def tally_page(call: Call) -> Answer | Refusal:
    """A tally's page."""
    view = await tally(call)
    return view if isinstance(view, Refusal) else _page(call, view)


def _page(call: Call, view: wire.TallyView, refusal: Refusal | None = None, typed: Mapping[str, str] | None = None) -> Answer:
    axis = None
    if view.now - micros(view.since) >= MINUTE:
        axis = Axis(micros(view.since), view.now, view.now, view.now, view.zone, Grain.DAY)
    body = pages.render(
        "tally.html", t=view, strip=strip(view.marks, axis) if axis is not None else None, axis_words=drawing.axis_words(axis) if axis else None,
        sentence=_sentence(view), later=call.query.get("before"), visitor=site.visitor(call), crew=call.service.crew_name,
        said=site.said(call) if refusal is None else None, refusal=refusal, typed=typed or {},
    )  # fmt: skip
    return site.page(body, refusal)


def _sentence(view: wire.TallyView) -> str:
    """The page's sentence: how many in the past three months, how long since the last, how often."""
    lately = next(period for period in view.periods if period.months == 3)
    before = f", {lately.before:,} in the three before" if lately.before is not None else ""
    return f"{lately.count:,} in the past three months{before}. {view.last_said} {view.rate.said if view.rate is not None else ''}".rstrip()


def strip(marks: Sequence[tuple[int, int]], axis: Axis) -> Markup:
    """The occurrences on an axis of time: an upright line where each began, and a shade over what took long enough to be seen."""
    lines, shades, last = [], [], -WIDE
    for start, end in marks:
        x, to = axis.x(start), axis.x(end)
        if x - last >= _APART:
            lines.append(f"M{x} {HIGH // 5}V{HIGH}")
            last = x
        if to - x > _APART:
            shades.append(f"M{x} {HIGH}V{HIGH // 2}H{to}V{HIGH}Z")
    label = f"Strip chart: {len(marks):,} {'mark' if len(marks) == 1 else 'marks'}, one for each occurrence, up to now."
    inner = f'<path class="fan" d="{"".join(shades)}"/><path class="line" d="{"".join(lines)}"/>'
    name = f'role="img" aria-label="{label}"'
    return Markup(f'<svg class="spark" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" {name}>{inner}</svg>')


async def new_page(call: Call) -> Answer:
    """The form that opens a tally."""
    return _new(call, Form())


def _new(call: Call, form: Form, refusal: Refusal | None = None) -> Answer:
    grains = [grain.value for grain in Grain]
    body = pages.render("new-tally.html", visitor=site.member(call), crew=call.service.crew_name, typed=form, grains=grains, refusal=refusal)
    return site.page(body, refusal)


async def open_from_page(call: Call, form: Form) -> Answer:
    """Open a tally."""
    span = site.number(form, "span")
    if isinstance(span, Refusal):
        return _new(call, form, span)
    asked = None
    if form["next_title"].strip() or form["next_terms"].strip():
        asked = wire.NextIn(form["next_title"], form["next_terms"], form["grain"], span or 0, form["subsidy"] or "0", form["subsidy_from"] or "host")
    receipt = await start(call, wire.TallyIn(name=form["name"], terms=form["terms"], since=form["since"], next=asked))
    return _new(call, form, receipt) if isinstance(receipt, Refusal) else see_other(f"/tallies/{receipt.tally}?done={call.used}")


async def record_from_page(call: Call, form: Form) -> Answer | Refusal:
    """Record an occurrence."""
    return _done(call, await record(call, wire.OccurrenceIn(when=form["when"], evidence=form["evidence"])), form)


async def strike_from_page(call: Call, form: Form) -> Answer | Refusal:
    """Strike an occurrence out."""
    version = site.number(form, "version")
    if isinstance(version, Refusal):
        return _done(call, version, form)
    return _done(call, await strike(call, wire.StrikeIn(version=version or 0, reason=form["reason"])), form)


def _done(call: Call, receipt: wire.Receipt | Refusal, form: Form) -> Answer | Refusal:
    """The tally's page: with what was done, or with the refusal and what was typed."""
    name = call.params["id"]
    if not isinstance(receipt, Refusal):
        return see_other(f"/tallies/{name}?done={call.used}")
    view = call.service.tally(name, call.visitor.player)
    return view if isinstance(view, Refusal) else _page(call, view, receipt, form)
