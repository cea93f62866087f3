"""From an account to a member: the commands that make a person part of the crew's ledger."""

from __future__ import annotations

from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.web.surface import House


async def open_crew(house: House, owner: str, name: str, zone: str) -> Refusal | None:
    """Open the crew for its first account, whose owner is a member from then on."""
    opened = await house.service.submit(c.Envelope(house.crew, owner, f"open-{owner}", c.OpenCrew(name=name, zone=zone)))
    return opened if isinstance(opened, Refusal) else None


async def ensure_member(house: House, player: str) -> Refusal | None:
    """Let a player join who has an account but is no member yet: a newcomer, or one whose joining the disk had no room for.

    The command's id is the player's own, so that it happens once however often it is asked.
    """
    if house.service.first_of(player) is not None:
        return None  # they belong somewhere already; another crew is not theirs to join by signing in
    if not house.service.crew_open:
        # the first account is there and the crew is not: opening it failed before, and its name was not kept
        first = next(iter(house.people.names()), None)
        return await open_crew(house, player, "The crew", "UTC") if player == first else Refusal(Reason.NOT_FOUND, what="crew")
    if house.service.role(player) != "nobody":
        return None
    joined = await house.service.submit(c.Envelope(house.crew, player, f"join-{player}", c.Join()))
    return joined if isinstance(joined, Refusal) and joined.reason is not Reason.ALREADY_THERE else None
