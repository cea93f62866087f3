"""Everything that can be asked, frozen. Texts are kept as people typed them: deciding parses them, once, for every door.

Amounts are integers of micro-points, instants are UTC microseconds, chances parts per million. Who asks, in which
crew and under which id is in the envelope; the bodies hold only what is asked.
"""

from __future__ import annotations

import msgspec

from anyday.instants import DAY, Grain
from anyday.refusals import Reason, Refusal
from anyday.rules.ledger import HOUSE as HOUSE  # whom a grant or a subsidy may name beside players


def _snake(name: str) -> str:
    assert name.isidentifier(), "commands are named after their classes"
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="command", tag=_snake):
    """What every command's body shares: it is frozen, closed to unknown fields, and tagged by its name."""


class OpenCrew(Body, frozen=True):
    """Open the crew; whoever asks becomes its owner."""

    name: str
    zone: str = "UTC"
    joining_grant: int = 1_000_000_000
    house_grant: int = 1_000_000_000_000
    report_lag: int = 3 * DAY


class Join(Body, frozen=True):
    """The one who asks joins the crew, and receives the joining grant once. ``simulated`` marks a machine's player."""

    simulated: bool = False


class Grant(Body, frozen=True):
    """The owner gives new points to a player (``to`` a player's id) or to ``house``."""

    to: str
    amount: int
    reason: str


class OpeningUniform(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="curve", tag="uniform"):
    """The same chance for every grain; ``never`` in parts per million."""

    never: int = 200_000


class OpeningQuantiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="curve", tag="quantiles"):
    """Chances that it has happened by the end of a typed time: ``[["2027-06", 500000], …]``; ``never`` likewise."""

    by: tuple[tuple[str, int], ...]
    never: int


class Ask(Body, frozen=True):
    """Ask a question: when will it first happen? ``origin`` and ``horizon`` are typed (the start of what is named)."""

    title: str
    terms: str
    zone: str
    grain: Grain
    origin: str
    horizon: str
    resolver: str
    subsidy: int
    subsidy_from: str = "host"
    lead: int = 0
    opening: OpeningUniform | OpeningQuantiles = OpeningUniform()
    source: str = ""


class Bet(Body, frozen=True):
    """Bet on a typed window: exactly one of ``shares``, ``spend`` and ``target``. Limits refuse a worse fill."""

    question: str
    window: str
    shares: int | None = None
    spend: int | None = None
    target: int | None = None
    max_cost: int | None = None
    min_shares: int | None = None
    expected_version: int | None = None


class Sell(Body, frozen=True):
    """Sell shares of a typed window that one holds; ``shares`` left out sells all that is held over the whole of it."""

    question: str
    window: str
    shares: int | None = None
    min_proceeds: int | None = None
    expected_version: int | None = None


class Collect(Body, frozen=True):
    """Turn the floor of one's position into points."""

    question: str


class Close(Body, frozen=True):
    """The resolver stops the betting."""

    question: str


class Rule(Body, frozen=True):
    """The resolver declares the outcome as typed: an instant, a window or never; and when it could be known."""

    question: str
    outcome: str
    evidence: str
    known_at: str | None = None
    expected_version: int | None = None


class Void(Body, frozen=True):
    """Call the question off: every flow is returned."""

    question: str
    reason: str


class Correct(Body, frozen=True):
    """Replace a ruling: what was posted is reversed and posted anew."""

    question: str
    outcome: str
    evidence: str
    reason: str
    expected_version: int | None = None


Command = OpenCrew | Join | Grant | Ask | Bet | Sell | Collect | Close | Rule | Void | Correct


def bounded_text(typed: str, name: str, limit: int, *, needed: bool = True) -> str | Refusal:
    """A person's text, trimmed and bounded; control characters other than line breaks and tabs are refused."""
    trimmed = typed.strip()
    if needed and not trimmed:
        return Refusal(Reason.TEXT_MISSING, name=name)
    if len(trimmed) > limit:
        return Refusal(Reason.TEXT_TOO_LONG, name=name, limit=limit)
    if any(ord(sign) < 32 and sign not in "\n\r\t" for sign in trimmed):
        return Refusal(Reason.MALFORMED, detail=f"{name} holds control characters")
    assert trimmed or not needed, "what is needed is there"
    return trimmed


class Envelope(msgspec.Struct, frozen=True):
    """A command with its crew, the player who asks, and the id that makes a retry safe."""

    crew: str
    actor: str
    command_id: str
    body: Command
