"""Duties: who holds which, since when, and how one is handed over. It passes when the other accepts, and never before.

A crew has an ``owner``; a question has a ``host``, a ``resolver`` and perhaps a ``deputy``. Who held what at any past moment follows
from the events alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from anyday.instants import Grain, Instant
from anyday.phrases import parse_instant, say_instant
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e

OWNER: Final = "owner"
HOST: Final = "host"
RESOLVER: Final = "resolver"
DEPUTY: Final = "deputy"
OF_A_QUESTION: Final = (HOST, RESOLVER, DEPUTY)


class Held(NamedTuple):
    """A duty that a player has held since an instant (UTC microseconds)."""

    duty: str
    player: str
    since: int


@dataclass(slots=True)
class Duties:
    """The duties of one crew or question: their holders, what is offered, and when a duty that was lent goes back to whom."""

    now: dict[str, str] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    offers: dict[str, e.DutyOffered] = field(default_factory=dict)
    lent: dict[str, tuple[int, str]] = field(default_factory=dict)

    def begin(self, at: int, **holders: str | None) -> None:
        """The holders with whom it opens."""
        for duty, player in holders.items():
            if player is not None:
                self._pass(duty, player, at)
        assert self.now, "somebody holds something"

    def _pass(self, duty: str, player: str, at: int) -> None:
        assert not self.held or self.held[-1].since <= at, "times in a stream never decrease"
        self.now[duty] = player
        self.held.append(Held(duty, player, at))

    def evolve(self, event: e.DutyEvent) -> None:
        """One more event, in place."""
        if isinstance(event, e.DutyOffered):
            self.offers[event.duty] = event
            return
        offer = self.offers.pop(event.duty, None)
        if isinstance(event, e.DutyAccepted):
            assert offer is not None and offer.to == event.by, "what is accepted was offered"
            if offer.until is not None:
                self.lent[event.duty] = (offer.until, self.now[event.duty])
            self._pass(event.duty, event.by, event.at)
        elif isinstance(event, e.DutyReturned):
            assert self.lent[event.duty] == (event.at, event.to), "what was lent goes back when it was to"
            del self.lent[event.duty]
            self._pass(event.duty, event.to, event.at)

    def holder(self, duty: str, at: Instant) -> str | None:
        """Who held a duty at an instant; nobody before it began."""
        found = [held.player for held in self.held if held.duty == duty and held.since <= at]
        assert not found or found[-1] in {held.player for held in self.held}, "holders are on the record"
        return found[-1] if found else None

    def ever(self, *duties: str) -> set[str]:
        """Whoever has held one of these duties."""
        found = {held.player for held in self.held if held.duty in duties}
        assert all(self.now.get(duty) in (None, *found) for duty in duties), "whoever holds it now is among them"
        return found

    @property
    def returns(self) -> tuple[Instant, str] | None:
        """When the next duty that was lent goes back, and which."""
        found = min(((Instant(until), duty) for duty, (until, _) in self.lent.items()), default=None)
        assert found is None or found[1] in self.now, "only what is held is lent"
        return found


Unfit = Callable[[str, str], Refusal | None]


def hand_over(duties: Duties, zone: str, known: bool, actor: str, command: c.HandOver, now: Instant) -> tuple[e.Event, ...] | Refusal:
    """Offer a duty to somebody who belongs to the crew (``known``)."""
    if command.duty not in duties.now:
        return Refusal(Reason.NOT_FOUND, what="duty")
    if duties.now[command.duty] != actor:
        return Refusal(Reason.NOT_ALLOWED, who=f"its {command.duty}")
    if not known:
        return Refusal(Reason.NOT_FOUND, what="member")
    if command.to == actor:
        return Refusal(Reason.ALREADY_THERE, what="that duty")
    if command.duty in duties.lent:
        return Refusal(Reason.ONLY_LENT, until=say_instant(Instant(duties.lent[command.duty][0]), zone, Grain.MINUTE))
    typed = (command.until or "").strip()
    until = parse_instant(typed, zone=zone, now=now) if typed else None
    if isinstance(until, Refusal):
        return until
    if until is not None and until <= now:
        return Refusal(Reason.HAS_PASSED, text=f"“{typed}”")
    assert until is None or until > now, "nothing is lent into the past"
    return (e.DutyOffered(at=now, duty=command.duty, by=actor, to=command.to, until=until),)


def accept(duties: Duties, unfit: Unfit, actor: str, command: c.Accept, now: Instant) -> tuple[e.Event, ...] | Refusal:
    """Take over a duty; ``unfit`` says why somebody cannot hold one."""
    offer = duties.offers.get(command.duty)
    if offer is None or offer.to != actor or (offer.until is not None and offer.until <= now):
        return Refusal(Reason.NOT_OFFERED)
    refused = unfit(command.duty, actor)
    assert duties.now[command.duty] == offer.by, "only its holder offers a duty"
    return refused or (e.DutyAccepted(at=now, duty=command.duty, by=actor),)


def decline(duties: Duties, actor: str, command: c.Decline, now: Instant) -> tuple[e.Event, ...] | Refusal:
    """Decline a duty that was offered, or take one's own offer back."""
    offer = duties.offers.get(command.duty)
    assert offer is None or offer.by != offer.to, "nobody offers a duty to themselves"
    if offer is None or actor not in (offer.to, offer.by):
        return Refusal(Reason.NOT_OFFERED)
    return (e.DutyDeclined(at=now, duty=command.duty, by=actor),)
