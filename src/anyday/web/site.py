"""The pages' handlers: what was asked for goes to the service, what it says goes to ``pages``. Forms post, redirect, get.

A refusal brings the page again at the refusal's status, with what was typed. What a command did is told on the page that
follows by looking up the command's own reply, so that an address cannot put words into this server's mouth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from anyday import wire
from anyday.instants import zone_names
from anyday.points import parse_points, write_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.web import access, api, asking, pages, reading
from anyday.web.surface import Answer, Call, Form, json_answer, problem, see_other, shown
from anyday.wire import fair

_RULINGS: Final = ("rule", "void", "correct")


def visitor(call: Call) -> pages.Visitor | None:
    """Who looks, as the page's frame shows them."""
    return shown(call.visitor, call.place)


def member(call: Call) -> pages.Visitor:
    """The same where the route lets in only who is signed in."""
    found = visitor(call)
    assert found is not None, "the route lets nobody in who is not signed in"
    return found


def page(body: bytes, refusal: Refusal | None = None) -> Answer:
    """A page, at the status of the refusal that it shows."""
    return Answer(body, 200 if refusal is None else refusal.status)


def said(call: Call) -> str | None:
    """What the command named by ``?done=`` did, if it was this visitor's own."""
    done, player = call.query.get("done"), call.visitor.player
    if not done or player is None or len(done) > 64:
        return None
    return call.service.told(player, done)


def number(form: Mapping[str, str], name: str) -> int | Refusal | None:
    """A version or a count in a form's field."""
    typed = form[name].strip()
    if not typed:
        return None
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= 16):
        return Refusal(Reason.MALFORMED, detail=f"{name.replace('_', ' ')} is a whole number")
    return int(typed)


# the board and a question


async def board(call: Call) -> Answer:
    """The board."""
    cards = await api.board(call)
    return page(pages.board(cards, visitor=visitor(call), crew=call.service.crew_name, said=said(call)))


async def question(call: Call) -> Answer | Refusal:
    """A question's page."""
    return show(call)


def show(call: Call, refusal: Refusal | None = None, typed: Mapping[str, str] | None = None, at: str = "bet") -> Answer | Refusal:
    """The question's page, with a refusal and what was typed where there is one, in the form ``at``."""
    service, player = call.service, call.visitor.player
    view = service.question(call.question, player)
    if isinstance(view, Refusal):
        return view
    history, bets = service.history(call.question, player), service.bets(call.question, player)
    assert not isinstance(history, Refusal) and not isinstance(bets, Refusal), "a question that has a page has the rest"
    told = said(call) if refusal is None else None
    body = pages.question(
        view, visitor=visitor(call), crew=service.crew_name, history=history, bets=bets, said=told, refusal=refusal, typed=typed,
        sales=_sales(call, view), at=at, now=service.now(),
    )  # fmt: skip
    return page(body, refusal)


def _sales(call: Call, view: wire.QuestionView) -> dict[str, pages.Sale]:
    """What selling each window that the visitor holds would bring now, by the window as the page says it: selling moves the price,
    so it is less than the window is worth at the chances that stand."""
    found = {}
    for held in view.position if view.may_bet else ():
        window = "never" if held.start is None else held.window
        quoted = call.service.quote(call.visitor.player, c.Sell(call.question, window))
        if not isinstance(quoted, Refusal):
            found[window] = pages.Sale(quoted.pays.removeprefix("-"), _least(quoted.charge))
    return found


def _least(charge: str) -> str:
    """The limit of a sale at the price shown: 2 % below what it brings, as a bet from the page may cost 2 % more; empty where it brings nothing."""
    units = parse_points(charge, signed=True)
    assert isinstance(units, int), "a quote says its charge"
    return write_points(-units * 98 // 100) if -units * 98 >= 100 else ""


async def fragment(call: Call) -> Answer | Refusal:
    """The inside of a question's page, for the page that is open already."""
    service, player = call.service, call.visitor.player
    view = service.question(call.question, player)
    if isinstance(view, Refusal):
        return view
    history, bets = service.history(call.question, player), service.bets(call.question, player)
    assert not isinstance(history, Refusal) and not isinstance(bets, Refusal), "a question that has a page has the rest"
    return page(pages.fragment(view, visitor=visitor(call), history=history, bets=bets, sales=_sales(call, view), now=service.now()))


async def quote(call: Call) -> Answer | Refusal:
    """What a bet would do: as JSON for the slip's script, as a page without it."""
    typed = Form(call.query.items())
    scripted = "application/json" in (call.headers.get(b"accept") or "")
    body = wire.QuoteIn(
        window=typed["window"], points=typed["points"] or None, shares=typed["shares"] or None, target=typed["target"] or None,
        sell=typed["sell"] == "1", ghost=scripted,
    )  # fmt: skip
    quoted = await api.quote(call, body)
    if scripted:
        # a refusal here is what the slip shows while one types: an answer like any other, no error in the browser's console
        return json_answer(problem(quoted) if isinstance(quoted, Refusal) else quoted)
    if isinstance(quoted, Refusal):
        return show(call, quoted, typed)
    view = call.service.question(call.question, call.visitor.player)
    if isinstance(view, Refusal):
        return view
    return page(pages.quote_preview(view, quoted, typed=typed, visitor=visitor(call), crew=call.service.crew_name))


async def act(call: Call, command: c.Command | Refusal, form: Form, at: str = "bet") -> Answer | Refusal:
    """Submit, then show the question: with what was done, or with the refusal and what was typed in the form ``at``."""
    receipt = await api.submit(call, command)
    if isinstance(receipt, Refusal):
        return show(call, receipt, form, at)
    return see_other(f"/q/{call.question}?done={call.used}")


async def bet(call: Call, form: Form) -> Answer | Refusal:
    """Bet from the slip."""
    version = number(form, "expected_version")
    if isinstance(version, Refusal):
        return show(call, version, form)
    body = wire.BetIn(
        window=form["window"], points=form["points"] or None, shares=form["shares"] or None, target=form["target"] or None,
        max_cost=form["max_cost"] or None, min_shares=form["min_shares"] or None, expected_version=version,
    )  # fmt: skip
    return await act(call, reading.bet(body, call.question), form)


async def sell(call: Call, form: Form) -> Answer | Refusal:
    """Sell a window that one holds."""
    version = number(form, "expected_version")
    if isinstance(version, Refusal):
        return show(call, version, form)
    body = wire.SellIn(window=form["window"], shares=form["shares"] or None, min_proceeds=form["min_proceeds"] or None, expected_version=version)
    return await act(call, reading.sell(body, call.question), Form())  # the slip is for bets: what was to be sold is not typed into it


async def collect(call: Call, form: Form) -> Answer | Refusal:
    """Collect the floor of one's position."""
    return await act(call, c.Collect(call.question), form)


async def close(call: Call, form: Form) -> Answer | Refusal:
    """Stop the betting."""
    return await act(call, c.Close(call.question), form)


# ruling


async def ruling(call: Call) -> Answer | Refusal:
    """The ruling page, empty."""
    return _ruling(call, call.query.get("what", "rule"), Form())


def _ruling(
    call: Call, what: str, form: Form, totals: wire.RulingTotals | None = None, refusal: Refusal | None = None
) -> Answer | Refusal:
    if what not in _RULINGS:
        return Refusal(Reason.MALFORMED, detail="what to do is “rule”, “void” or “correct”")
    view = call.service.question(call.question, call.visitor.player)
    if isinstance(view, Refusal):
        return view
    crew = call.service.crew_name
    now = call.service.now()
    return page(pages.ruling(view, visitor=visitor(call), crew=crew, what=what, typed=form, totals=totals, refusal=refusal, now=now), refusal)


async def preview(call: Call, form: Form) -> Answer | Refusal:
    """The totals of a ruling, to be confirmed."""
    what = form["what"] or "rule"
    body = wire.PreviewIn(outcome=form["outcome"], what=what, evidence=form["evidence"], reason=form["reason"])
    totals = await api.preview(call, body)
    return _ruling(call, what, form, None, totals) if isinstance(totals, Refusal) else _ruling(call, what, form, totals)


async def rule(call: Call, form: Form) -> Answer | Refusal:
    """Declare the outcome."""
    version = number(form, "expected_version")
    if isinstance(version, Refusal):
        return _ruling(call, "rule", form, None, version)
    body = wire.RuleIn(outcome=form["outcome"], evidence=form["evidence"], known_at=form["known_at"] or None, expected_version=version)
    return await _settle(call, "rule", reading.rule(body, call.question), form)


async def void(call: Call, form: Form) -> Answer | Refusal:
    """Call the question off."""
    return await _settle(call, "void", reading.void(wire.VoidIn(reason=form["reason"]), call.question), form)


async def correct(call: Call, form: Form) -> Answer | Refusal:
    """Replace the ruling."""
    version = number(form, "expected_version")
    if isinstance(version, Refusal):
        return _ruling(call, "correct", form, None, version)
    body = wire.CorrectIn(outcome=form["outcome"], evidence=form["evidence"], reason=form["reason"], expected_version=version)
    return await _settle(call, "correct", reading.correct(body, call.question), form)


async def _settle(call: Call, what: str, command: c.Command | Refusal, form: Form) -> Answer | Refusal:
    receipt = await api.submit(call, command)
    if isinstance(receipt, Refusal):
        return _ruling(call, what, form, None, receipt)
    return see_other(f"/q/{call.question}?done={call.used}")


# asking


async def ask_form(call: Call) -> Answer:
    """The form that asks a question."""
    return _ask(call, Form(asking.for_tally(call) or [("zone", call.service.crew_zone)]))


def _ask(call: Call, form: Form, refusal: Refusal | None = None) -> Answer:
    members = [m for m in call.service.members() if not m.simulated]
    quantiles = [(by, chance) for by, chance in zip(form.every("by"), form.every("chance"), strict=False) if by or chance]
    body = pages.ask(
        visitor=member(call), crew=call.service.crew_name, zones=zone_names(), members=members, typed=form, quantiles=quantiles, refusal=refusal
    )
    return page(body, refusal)


async def ask(call: Call, form: Form) -> Answer:
    """Ask the question."""
    lead = number(form, "lead_minutes")
    if isinstance(lead, Refusal):
        return _ask(call, form, lead)
    hours = number(form, "dispute_hours")
    if isinstance(hours, Refusal):
        return _ask(call, form, hours)
    receipt = await api.ask(call, asking.asked(form, lead or 0, hours))
    if isinstance(receipt, Refusal):
        return _ask(call, form, receipt)
    return see_other(f"/q/{receipt.question}?done={call.used}")


# you and the crew


async def me(call: Call) -> Answer:
    """You."""
    return show_me(call)


def show_me(call: Call, refusal: Refusal | None = None, told: str | None = None, new_token: str | None = None) -> Answer:
    """The page about oneself, with what has just been done there."""
    view = call.service.me(call.player)
    body = pages.me(view, visitor=member(call), access=access.of(call), new_token=new_token, said=told or said(call), refusal=refusal)
    return page(body, refusal)


async def crew(call: Call) -> Answer:
    """The crew."""
    return show_crew(call)


def show_crew(call: Call, refusal: Refusal | None = None, invitation: str | None = None, good_for: str = "", form: Form | None = None) -> Answer:
    """The crew's page, with a new invitation where there is one."""
    service, visits = call.service, member(call)
    house, view = service.house_balance() if visits.role == "owner" else None, service.house(call.player)
    body = pages.crew(
        service.members(), visitor=visits, crew=service.crew_name, house=house, view=view if isinstance(view, fair.CrewView) else None,
        invitation=invitation, good_for=good_for,
        said=said(call), refusal=refusal, typed=form, sent=access.sent(call) if visits.role == "owner" else (),
    )  # fmt: skip
    return page(body, refusal)


async def grant(call: Call, form: Form) -> Answer:
    """Grant new points."""
    receipt = await api.grant(call, wire.GrantIn(to=form["to"], points=form["points"], reason=form["reason"]))
    return show_crew(call, receipt, form=form) if isinstance(receipt, Refusal) else see_other(f"/crew?done={call.used}")


async def help_page(call: Call) -> Answer:
    """Help."""
    return page(pages.help_page(visitor=visitor(call), crew=call.service.crew_name))
