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
    dispute: int = DAY
    silence: int = 7 * DAY


class Join(Body, frozen=True):
    """The one who asks joins the crew, and receives the joining grant once. ``simulated`` marks a machine's player; a ``guest``
    looks on and has no points."""

    simulated: bool = False
    guest: bool = False


class MakePlayer(Body, frozen=True):
    """The owner lets a guest play."""

    player: str


class Leave(Body, frozen=True):
    """The one who asks leaves the crew."""


class Remove(Body, frozen=True):
    """The owner removes a member, with a reason that all see."""

    player: str
    reason: str


class ChangeSettings(Body, frozen=True):
    """The owner changes some of the crew's settings; what is left out stays. Times in microseconds."""

    name: str | None = None
    zone: str | None = None
    joining_grant: int | None = None
    dispute: int | None = None
    silence: int | None = None
    readers: str | None = None
    positions: str | None = None
    prices: str | None = None


class Alarm(Body, frozen=True):
    """The owner halts everything in the crew, with a reason."""

    reason: str


class AllClear(Body, frozen=True):
    """The owner lifts the alarm."""


class HandOver(Body, frozen=True):
    """Offer a duty that one holds (``owner`` of the crew; ``host``, ``resolver`` or ``deputy`` of a question) to another, for good or until
    a typed time. It passes when the other accepts."""

    duty: str
    to: str
    question: str | None = None
    until: str | None = None


class Accept(Body, frozen=True):
    """Accept a duty that was offered: "I have it"."""

    duty: str
    question: str | None = None


class Decline(Body, frozen=True):
    """Decline a duty that was offered, or take an offer of one's own back."""

    duty: str
    question: str | None = None


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


class OpeningCases(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="curve", tag="cases"):
    """From a reference class: how long past cases took (microseconds; whether it happened, or was still open), and how long
    this one has lasted at the origin. ``never`` in parts per million, or what the cases leave."""

    cases: tuple[tuple[int, bool], ...]
    elapsed: int = 0
    never: int | None = None


class OpeningTally(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="curve", tag="tally"):
    """From the gaps of the tally that the question belongs to."""

    never: int | None = None


Opening = OpeningUniform | OpeningQuantiles | OpeningCases | OpeningTally


class ToteTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Play it as a tote: ``slots`` by calendar (``week``, ``month``, ``quarter``, ``year``) or as the typed starts of all slots
    but the first; ``takeout`` in parts per million of the pool, to the house."""

    slots: str | tuple[str, ...] = "month"
    takeout: int = 0


class ClosestTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Play it as a closest guess: ``variant`` nearest, not_past or exact; ``prize`` winner or three; one stake a guess."""

    stake: int
    variant: str = "nearest"
    prize: str = "winner"
    many: bool = False


class Ask(Body, frozen=True):
    """Ask a question: when will it first happen? ``origin`` and ``horizon`` are typed (the start of what is named). It is
    played as a market unless ``market`` is false, and besides or instead as a tote, a closest guess, a forecast. ``subjects`` are
    the people it is about, who are asked first; ``barred`` could cause or time it; ``dispute`` and ``silence`` are the crew's
    unless stated (microseconds). Until a market's ``bell``, typed, its bets are sealed."""

    title: str
    terms: str
    zone: str
    grain: Grain
    origin: str
    horizon: str
    resolver: str
    subsidy: int = 0
    subsidy_from: str = "host"
    lead: int = 0
    opening: Opening = OpeningUniform()
    source: str = ""
    market: bool = True
    tote: ToteTerms | None = None
    closest: ClosestTerms | None = None
    forecast: bool = False
    tally: str | None = None
    bell: str | None = None
    deputy: str | None = None
    subjects: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    dispute: int | None = None
    silence: int | None = None


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


class SealBet(Body, frozen=True):
    """Seal a bet until the market's bell: at most ``shares``, or as many as ``spend`` buys, at a chance of at most ``limit`` (ppm). It
    takes the place of the sealed bet with the number ``replaces``, if one is named."""

    question: str
    window: str
    limit: int
    shares: int | None = None
    spend: int | None = None
    replaces: int | None = None


class WithdrawBet(Body, frozen=True):
    """Withdraw a sealed bet, by its number."""

    question: str
    number: int


class Collect(Body, frozen=True):
    """Turn the floor of one's position into points."""

    question: str


class Stake(Body, frozen=True):
    """Stake points on a slot of the tote, or on never."""

    question: str
    slot: str
    amount: int


class Guess(Body, frozen=True):
    """Guess one grain, or never. Where each player has one guess, a later one replaces it and costs nothing."""

    question: str
    guess: str


class CurveQuantiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="curve", tag="quantiles"):
    """A curve by its quantiles: chances (ppm) that it has happened by the end of a typed time; even between them."""

    by: tuple[tuple[str, int], ...]
    never: int


class CurveFamily(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="curve", tag="family"):
    """A ``lognormal``, ``weibull`` or ``gamma`` that has reached one half by the end of ``half`` and 90 % by that of ``most``,
    counted from the origin. What lies beyond the horizon is never, unless ``never`` (ppm) is stated."""

    family: str
    half: str
    most: str
    never: int | None = None


class CurveTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="curve", tag="table"):
    """A curve as a table: the chance (ppm) of each stretch, by the typed time with which it ends; and of never."""

    pieces: tuple[tuple[str, int], ...]
    never: int


class Forecast(Body, frozen=True):
    """State a curve, sealed: the first with a stake, later ones without."""

    question: str
    curve: CurveQuantiles | CurveFamily | CurveTable
    stake: int | None = None


class Note(Body, frozen=True):
    """Put a near miss or news on the question's timeline: what and when, with evidence. It moves and settles nothing."""

    question: str
    kind: str
    text: str
    when: str
    evidence: str


class Comment(Body, frozen=True):
    """Say something on the question's timeline."""

    question: str
    text: str


class Thank(Body, frozen=True):
    """Thank for what stands on the timeline, by its version."""

    question: str
    version: int


class Agree(Body, frozen=True):
    """Somebody whom the question is about agrees to it."""

    question: str


class Withdraw(Body, frozen=True):
    """Somebody whom the question is about does not agree to it, or no longer."""

    question: str


class Halt(Body, frozen=True):
    """The host or the resolver halts the question, with a reason."""

    question: str
    reason: str


class Resume(Body, frozen=True):
    """Let betting on a halted question go on."""

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


class Dispute(Body, frozen=True):
    """A player disputes the ruling, with a reason."""

    question: str
    reason: str


class Judge(Body, frozen=True):
    """Whoever judges decides a dispute: the ruling ``stands``, is ``replaced`` by another outcome, or is ``withdrawn``."""

    question: str
    verdict: str
    reason: str
    outcome: str = ""
    evidence: str = ""
    expected_version: int | None = None


class Vote(Body, frozen=True):
    """Vote where the crew decides: ``stands`` or ``falls`` for a disputed ruling, an outcome as typed where nobody has ruled."""

    question: str
    choice: str


class Due(Body, frozen=True):
    """Write what time has made due on a question or, without one, in the crew. Nobody's command: the service's own."""

    question: str | None = None


class NextQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The question that a tally asks anew each time the last one has settled: it covers ``span`` grains from the next one on."""

    title: str
    terms: str
    grain: Grain
    span: int
    subsidy: int
    subsidy_from: str = "host"


class OpenTally(Body, frozen=True):
    """Keep a tally of a thing that occurs again and again, counted from ``since`` on; who opens it is its keeper."""

    name: str
    terms: str
    since: str
    next: NextQuestion | None = None


class Record(Body, frozen=True):
    """Record an occurrence of a tally: as typed (an instant or a window) with evidence, or as the ruling of a ``question`` says."""

    tally: str
    when: str = ""
    evidence: str = ""
    question: str | None = None


class Strike(Body, frozen=True):
    """Strike an occurrence out of a tally, by the version with which it was recorded, with a reason."""

    tally: str
    version: int
    reason: str


QuestionCommand = (
    Bet | Sell | SealBet | WithdrawBet | Collect
    | Stake | Guess | Forecast | Note | Comment | Thank | Agree | Withdraw | Halt | Resume | Close | Rule | Void | Correct
    | Dispute | Judge | Vote
)  # fmt: skip
DutyCommand = HandOver | Accept | Decline
CrewCommand = MakePlayer | Leave | Remove | ChangeSettings | Alarm | AllClear
Command = OpenCrew | Join | Grant | CrewCommand | DutyCommand | Due | Ask | QuestionCommand | OpenTally | Record | Strike


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
