"""The handlers of fair play: consent, halts, duties, disputes and votes, comments and thanks; and the crew's settings, members and alarm.
As JSON and as forms; both make the same commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from anyday import wire
from anyday.instants import HOUR
from anyday.points import parse_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.web import api, pages, site
from anyday.web.surface import Answer, Call, Form, see_other
from anyday.wire import fair

_MOST_HOURS = 100_000
_LATEST = 2**62


def member(call: Call, name: str) -> str | Refusal:
    """The id of a member of this crew, by name."""
    player = call.house.people.player_of(name)
    return Refusal(Reason.NOT_FOUND, what="member") if player is None or call.service.role(player) == "nobody" else player


# a question, as JSON


async def comment(call: Call, body: fair.CommentIn) -> wire.Receipt | Refusal:
    """Say something on the timeline."""
    return await api.submit(call, c.Comment(call.question, body.text))


async def thank(call: Call, body: fair.ThankIn) -> wire.Receipt | Refusal:
    """Thank for what stands on the timeline."""
    return await api.submit(call, c.Thank(call.question, body.version))


async def agree(call: Call, body: wire.EmptyIn) -> wire.Receipt | Refusal:
    """Agree to a question that is about you."""
    return await api.submit(call, c.Agree(call.question))


async def withdraw(call: Call, body: wire.EmptyIn) -> wire.Receipt | Refusal:
    """Do not agree to a question that is about you, or no longer."""
    return await api.submit(call, c.Withdraw(call.question))


async def halt(call: Call, body: fair.ReasonIn) -> wire.Receipt | Refusal:
    """Halt a question."""
    return await api.submit(call, c.Halt(call.question, body.reason))


async def resume(call: Call, body: wire.EmptyIn) -> wire.Receipt | Refusal:
    """Let betting on a halted question go on."""
    return await api.submit(call, c.Resume(call.question))


async def dispute(call: Call, body: fair.ReasonIn) -> wire.Receipt | Refusal:
    """Dispute a ruling."""
    return await api.submit(call, c.Dispute(call.question, body.reason))


async def judge(call: Call, body: fair.JudgeIn) -> wire.Receipt | Refusal:
    """Decide a dispute."""
    judged = c.Judge(call.question, body.verdict, body.reason, body.outcome, body.evidence, body.expected_version)
    return await api.submit(call, judged)


async def vote(call: Call, body: fair.VoteIn) -> wire.Receipt | Refusal:
    """Vote where the crew decides."""
    return await api.submit(call, c.Vote(call.question, body.choice))


async def duties(call: Call) -> tuple[fair.HeldView, ...] | Refusal:
    """Who held which duty of a question, or of the crew, from when on."""
    return call.service.held(call.params.get("id"), call.player)


async def hand_over(call: Call, body: fair.HandOverIn) -> wire.Receipt | Refusal:
    """Offer a duty of a question, or the crew itself, to another member."""
    to = member(call, body.to)
    return to if isinstance(to, Refusal) else await api.submit(call, c.HandOver(body.duty, to, call.params.get("id"), body.until))


async def accept(call: Call, body: fair.DutyIn) -> wire.Receipt | Refusal:
    """Accept a duty: "I have it"."""
    return await api.submit(call, c.Accept(body.duty, call.params.get("id")))


async def decline(call: Call, body: fair.DutyIn) -> wire.Receipt | Refusal:
    """Decline a duty, or take an offer back."""
    return await api.submit(call, c.Decline(body.duty, call.params.get("id")))


# the crew, as JSON


async def crew(call: Call) -> fair.CrewView | Refusal:
    """The crew: its settings, duties and alarm, and what happened in it."""
    return call.service.house(call.player)


async def owners(call: Call) -> tuple[fair.HeldView, ...] | Refusal:
    """Who owned the crew from when on."""
    return await duties(call)


async def hand_crew_over(call: Call, body: fair.HandOverIn) -> wire.Receipt | Refusal:
    """Offer the crew to another member."""
    return await hand_over(call, body)


async def accept_crew(call: Call, body: fair.DutyIn) -> wire.Receipt | Refusal:
    """Accept the crew: "I have it"."""
    return await accept(call, body)


async def decline_crew(call: Call, body: fair.DutyIn) -> wire.Receipt | Refusal:
    """Decline the crew, or take an offer of it back."""
    return await decline(call, body)


async def change(call: Call, body: fair.SettingsIn) -> wire.Receipt | Refusal:
    """Change the crew's settings."""
    grant = parse_points(body.joining_grant, name="the grant") if body.joining_grant is not None else None
    if isinstance(grant, Refusal):
        return grant
    hours = {name: getattr(body, f"{name}_hours") for name in ("dispute", "silence")}
    if any(many is not None and not 0 <= many <= _MOST_HOURS for many in hours.values()):
        return Refusal(Reason.MALFORMED, detail="hours are a whole number")
    times = {name: many * HOUR if many is not None else None for name, many in hours.items()}
    asked = c.ChangeSettings(body.name, body.zone, grant, times["dispute"], times["silence"], body.readers, body.positions, body.prices)
    return await api.submit(call, asked)


async def alarm(call: Call, body: fair.ReasonIn) -> wire.Receipt | Refusal:
    """Halt everything in the crew at once."""
    return await api.submit(call, c.Alarm(body.reason))


async def all_clear(call: Call, body: wire.EmptyIn) -> wire.Receipt | Refusal:
    """Lift the alarm."""
    return await api.submit(call, c.AllClear())


async def make_player(call: Call, body: fair.MemberIn) -> wire.Receipt | Refusal:
    """Let a guest play."""
    player = member(call, body.name)
    return player if isinstance(player, Refusal) else await api.submit(call, c.MakePlayer(player))


async def remove(call: Call, body: fair.RemoveIn) -> wire.Receipt | Refusal:
    """Remove a member."""
    player = member(call, body.name)
    return player if isinstance(player, Refusal) else await api.submit(call, c.Remove(player, body.reason))


async def leave(call: Call, body: wire.EmptyIn) -> wire.Receipt | Refusal:
    """Leave the crew."""
    return await api.submit(call, c.Leave())


async def feed(call: Call) -> tuple[fair.FeedView, ...] | Refusal:
    """Near misses, news, comments and thanks of the whole crew; ``?before=<instant>`` (UTC microseconds) for those before."""
    typed = call.query.get("before")
    if typed is not None and not (typed.isascii() and typed.isdecimal() and len(typed) <= 19 and int(typed) <= _LATEST):
        return Refusal(Reason.MALFORMED, detail="before is an instant, in microseconds")
    return call.service.feed(int(typed) if typed is not None else None)


# forms


def form_of(handler: Callable[..., Awaitable[Any]], kind: type) -> Callable[[Call, Form], Awaitable[Answer | Refusal]]:
    """The form that does what a JSON handler does: its fields are the shape's, an empty one is left out; a refusal brings the page again."""
    fields = {field.name: field.required for field in msgspec.structs.fields(kind) if field.name != "command_id"}

    async def from_form(call: Call, form: Form) -> Answer | Refusal:
        typed: dict[str, Any] = {name: form[name] for name, needed in fields.items() if name in form and (form[name] or needed)}
        for name in typed.keys() & _NUMBERS:
            number = site.number(form, name)
            if isinstance(number, Refusal) or number is None:
                return _again(call, number or Refusal(Reason.MALFORMED, detail=f"{name} is a whole number"), form)
            typed[name] = number
        if missing := [name for name, needed in fields.items() if needed and name not in typed]:
            return Refusal(Reason.MALFORMED, detail=f"the form has no {missing[0]}")
        done = await handler(call, kind(**typed))
        if isinstance(done, Refusal):
            return _again(call, done, form)
        return see_other(f"/q/{call.question}?done={call.used}" if "id" in call.params else f"/crew?done={call.used}")

    from_form.__name__, from_form.__doc__ = f"{handler.__name__}_from_page", handler.__doc__
    return from_form


_NUMBERS = {"version", "expected_version", "dispute_hours", "silence_hours"}


def _again(call: Call, refusal: Refusal, form: Form) -> Answer | Refusal:
    if "id" in call.params:
        return site.show(call, refusal, form, "comment" if "text" in form else "fair")
    return site.show_crew(call, refusal, form=form)


async def left(call: Call, form: Form) -> Answer | Refusal:
    """Leave the crew, from its page."""
    done = await leave(call, wire.EmptyIn())
    return _again(call, done, form) if isinstance(done, Refusal) else see_other("/crews")


async def feed_page(call: Call) -> Answer | Refusal:
    """The crew's feed."""
    rows = await feed(call)
    if isinstance(rows, Refusal):
        return rows
    return site.page(pages.render("feed.html", visitor=site.visitor(call), crew=call.service.crew_name, rows=rows))
