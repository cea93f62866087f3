"""Everything that can have happened, frozen and versioned. Events hold decided integers, never inputs to recompute.

Amounts are micro-points, instants UTC microseconds, grains are numbers from the question's origin. Every event
carries ``at``, the instant it is stamped with. A field is never renamed or dropped: a new shape is a new tag, and
``store.codec`` lifts the old one.
"""

from __future__ import annotations

import msgspec


class Happened(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=False):
    """What every event shares."""

    at: int


class CrewOpened(Happened, frozen=True, tag="crew_opened.1"):
    """The crew exists; its owner is a member from here on."""

    crew: str
    name: str
    owner: str
    zone: str
    joining_grant: int
    house_grant: int
    report_lag: int


class PlayerJoined(Happened, frozen=True, tag="player_joined.1"):
    """A player joined and received the joining grant."""

    player: str
    grant: int
    simulated: bool


class Granted(Happened, frozen=True, tag="granted.1"):
    """The owner gave new points to an account; what repays a debt goes to ``owed`` instead."""

    by: str
    to: str
    amount: int
    repaid: int
    reason: str


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Grains ``first`` to ``last`` (exclusive) of the opening curve, each of integer ``weight``."""

    first: int
    last: int
    weight: int


class QuestionOpened(Happened, frozen=True, tag="question_opened.1"):
    """A question opened. ``lengths`` are the runs of equal grains (count, microseconds) from ``origin`` on, as the zone
    had them with ``tzdata``; no newer tzdata moves them."""

    question: str
    host: str
    resolver: str
    title: str
    terms: str
    source: str
    zone: str
    tzdata: str
    grain: str
    origin: int
    lengths: tuple[tuple[int, int], ...]
    lead: int
    runs: tuple[Run, ...]
    never: int
    smooth: bool
    liquidity: int
    subsidy: int
    subsidy_from: str


class BetPlaced(Happened, frozen=True, tag="bet_placed.1"):
    """A bet on grains ``first`` to ``last`` (exclusive), or on all the rest and never where ``complement``. A sale has
    negative ``shares`` and a charge at or below zero. ``released`` is the floor of the position that became points."""

    player: str
    first: int
    last: int
    complement: bool
    shares: int
    charge: int
    released: int


class Collected(Happened, frozen=True, tag="collected.1"):
    """A position's floor became points."""

    player: str
    released: int


class Closed(Happened, frozen=True, tag="closed.1"):
    """No more bets are taken."""

    by: str


class Outcome(msgspec.Struct, frozen=True):
    """What happened, in UTC microseconds: ``never``, or within [start, end) (an exact instant: end = start + 1)."""

    never: bool
    start: int = 0
    end: int = 0


class Ruled(Happened, frozen=True, tag="ruled.1"):
    """The outcome is declared. From ``cut`` on bets are void (none where nothing is cut), ``standing`` is the last version
    before it, ``voided`` the number of bets that fall."""

    by: str
    outcome: Outcome
    known_at: int
    evidence: str
    cut: int | None
    standing: int
    voided: int


class Line(msgspec.Struct, frozen=True, array_like=True):
    """What a settlement does to one player: paid for what is held, returned for what is voided (signed), subsidy given
    back, and the debt that arises (positive) or is repaid (negative)."""

    player: str
    paid: int
    returned: int
    subsidy: int
    owed: int


class Settled(Happened, frozen=True, tag="settled.1"):
    """Payouts are posted. ``house`` is what the escrow gives back to the house."""

    lines: tuple[Line, ...]
    house: int


class Voided(Happened, frozen=True, tag="voided.1"):
    """Called off: every flow is returned."""

    by: str
    reason: str
    lines: tuple[Line, ...]
    house: int


class Corrected(Happened, frozen=True, tag="corrected.1"):
    """A ruling replaced: ``reversed`` undoes the lines that stood, ``lines`` post the new ones; ``void`` where the new
    outcome calls the question off."""

    by: str
    reason: str
    outcome: Outcome
    evidence: str
    void: bool
    cut: int | None
    standing: int
    voided: int
    reversed: tuple[Line, ...]
    reversed_house: int
    lines: tuple[Line, ...]
    house: int


CrewEvent = CrewOpened | PlayerJoined | Granted
QuestionEvent = QuestionOpened | BetPlaced | Collected | Closed | Ruled | Settled | Voided | Corrected
Event = CrewEvent | QuestionEvent


def kind(event: Event) -> str:
    """The event's name, without its version: ``bet_placed``."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str), "events are tagged by name"
    return tag.split(".")[0]
