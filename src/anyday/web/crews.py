"""The crews of a server: which ones somebody belongs to, and opening a further one, as JSON and as a page."""

from __future__ import annotations

from anyday import wire
from anyday.instants import zone_names
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.web import pages, signing, site
from anyday.web.places import PREFIX
from anyday.web.session import How
from anyday.web.surface import Answer, Call, Form, see_other

# JSON


async def crews_of(call: Call) -> tuple[wire.CrewCard, ...]:
    """The crews that one belongs to, in the order in which one joined; by a token for one crew, that one."""
    bound = call.visitor.crew
    return tuple(_card(call, crew.id, crew.name) for crew in call.service.crews_of(call.player) if bound in (None, crew.id))


async def open_crew(call: Call, body: wire.CrewIn) -> wire.CrewCard | Refusal:
    """Open a crew, which the asker owns. Its id follows from the command's, so that a retry opens no second one."""
    command_id = call.command_id()
    if isinstance(command_id, Refusal):
        return command_id
    if len(body.name.strip()) > signing.LONGEST_CREW_NAME:
        return Refusal(Reason.TEXT_TOO_LONG, name="the crew's name", limit=signing.LONGEST_CREW_NAME)
    if call.visitor.crew is not None:
        return Refusal(Reason.NOT_ALLOWED, who="somebody who signed in without a token")
    crew, most = call.service.new_crew(call.player, command_id), call.house.settings.crews_each
    owned = [card for card in await crews_of(call) if card.role == "owner" and card.id != crew]
    if len(owned) >= most and call.visitor.how is not How.LOCAL:
        return Refusal(Reason.TOO_MANY_CREWS, count=str(len(owned))) if most else Refusal(Reason.NOT_ALLOWED, who="whoever runs this server")
    done = await call.service.submit(c.Envelope(crew, call.player, command_id, c.OpenCrew(name=body.name, zone=body.zone)))
    opened = call.service.of(crew)
    if isinstance(done, Refusal):
        return done
    assert opened is not None, "what was opened is there"
    return _card(call, crew, opened.crew_name)


def _card(call: Call, crew: str, name: str) -> wire.CrewCard:
    service = call.service.of(crew)
    return wire.CrewCard(crew, name, service.role(call.player) if service is not None else "nobody")


# the page


async def list_page(call: Call) -> Answer:
    """One's crews, and the form that opens another one."""
    return await _page(call)


async def _page(call: Call, form: Form | None = None, refusal: Refusal | None = None) -> Answer:
    visitor, most = site.member(call), call.house.settings.crews_each
    body = pages.render(
        "crews.html", cards=await crews_of(call), may_open=most > 0, zones=zone_names(), typed=form or {"zone": call.service.crew_zone},
        visitor=visitor, crew=call.service.crew_name if call.place.role != "nobody" else "", refusal=refusal,
    )  # fmt: skip
    return site.page(body, refusal)


async def open_from_page(call: Call, form: Form) -> Answer:
    """Open a further crew, and go there."""
    card = await open_crew(call, wire.CrewIn(name=form["name"], zone=form["zone"] or "UTC"))
    return await _page(call, form, card) if isinstance(card, Refusal) else see_other(f"{PREFIX}{card.id}/crew")
