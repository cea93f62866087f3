"""From an account to a member: the commands that make a person part of a crew's ledger."""

from __future__ import annotations

from anyday.people.invitations import GUEST, OWNER
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.web.surface import House


async def open_crew(house: House, owner: str, name: str, zone: str) -> Refusal | None:
    """Open the crew for its first account, whose owner is a member from then on."""
    opened = await house.service.submit(c.Envelope(house.crew, owner, f"open-{owner}", c.OpenCrew(name=name, zone=zone)))
    if isinstance(opened, Refusal):
        return opened
    return await house.people.seated(owner, house.crew)


async def ensure_member(house: House, crew: str, player: str, role: str, once: str = "") -> Refusal | None:
    """Take up the place that an account was given in a crew; nothing happens where it is a member already.

    The command's id is the place's own (``once``), so that it happens once however often it is asked. Who was ``owner`` of a place has the
    first account: opening the crew failed before, and its name was not kept.
    """
    if role == OWNER and not house.service.crew_open:
        return await open_crew(house, player, "The crew", "UTC")
    service = house.service.of(crew)
    if service is None:
        return Refusal(Reason.NOT_FOUND, what="crew")
    if service.role(player) == "nobody":
        joined = await service.submit(c.Envelope(crew, player, f"join-{player}{once}", c.Join(guest=role == GUEST)))
        if isinstance(joined, Refusal) and joined.reason is not Reason.ALREADY_THERE:
            return joined
    return await house.people.seated(player, crew)


async def take_places(house: House, player: str) -> Refusal | None:
    """Take up every place that an account was given and has not taken up: all that can be, and the first reason where one cannot."""
    refused = [await ensure_member(house, place.crew, player, place.role, f"-{place.id}") for place in house.people.places(player)]
    return next((why for why in refused if why is not None), None)


def crew_name(house: House, crew: str) -> str:
    """What a crew is called."""
    service = house.service.of(crew)
    return service.crew_name if service is not None else "a crew that is not there any more"
