"""From what travels to what is asked: the wire's requests become commands, for the page and the API alike.

Amounts, chances and names are read here; windows, instants and texts go on as typed, and deciding reads them once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from anyday import wire
from anyday.instants import DAY, HOUR, MINUTE, Grain
from anyday.market import stated
from anyday.market.prior import MOST_CASES, WHOLE
from anyday.points import MAX_UNITS, Points, parse_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands
from anyday.rules.commands import HOUSE

T = TypeVar("T")
PlayerOf = Callable[[str], str | None]

MOST_LEAD_MINUTES: Final = 5_270_400  # ten years
MOST_QUANTILES: Final = 100
MOST_HOURS: Final = 100_000
#: The most people that a question names as those whom it is about, or who could cause it.
MOST_NAMED: Final = 50

#: How a chance of a curve is read, and what all of it is in its parts.
share, ALL = stated.share, WHOLE * stated.FINER
#: What never has where an opening curve does not state it.
NEVER: Final = 200_000

_CHANCE = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,6}))?\s?(%?)", re.ASCII)
_DAYS = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,9}))?", re.ASCII)
_LONGEST: Final = 32
_COMMAND_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


def chance(typed: str, name: str = "the chance") -> int | Refusal:
    """A chance as typed, ``40%`` or ``0.4``, in parts per million; above 0 and below 1. Exact: no float is involved."""
    match = _CHANCE.fullmatch(typed.strip()) if len(typed) <= 32 else None
    if match is None:
        return Refusal(Reason.NOT_A_CHANCE, name=name)
    whole, fraction, percent = match.groups()
    digits = 4 if percent else 6
    if len((fraction or "").rstrip("0")) > digits:
        return Refusal(Reason.NOT_A_CHANCE, name=name)
    ppm = int(whole) * 10**digits + int((fraction or "").rstrip("0").ljust(digits, "0"))
    return ppm if 0 < ppm < WHOLE else Refusal(Reason.NOT_A_CHANCE, name=name)


def command_id(named: str | None, header: str | None) -> str | Refusal | None:
    """The client's id for a command, from its body or the ``Idempotency-Key`` header; none where it gave none."""
    if named is not None and header is not None and named != header:
        return Refusal(Reason.MALFORMED, detail="command_id and Idempotency-Key differ")
    given = header if named is None else named
    if given is not None and not _COMMAND_ID.fullmatch(given):
        return Refusal(Reason.MALFORMED, detail="a command id is 8 to 64 letters, digits, _ or -")
    return given


def ask(body: wire.AskIn, host: str, player_of: PlayerOf) -> commands.Ask | Refusal:
    """Ask a question; the resolver, by name, is the host unless somebody else is named."""
    grain = next((g for g in Grain if g.value == body.grain.strip().lower()), None)
    if grain is None:
        return Refusal(Reason.MALFORMED, detail=f"the grain is one of {', '.join(g.value for g in Grain)}")
    if body.subsidy_from not in ("host", HOUSE):
        return Refusal(Reason.MALFORMED, detail="the subsidy is paid from “host” or “house”")
    if not 0 <= body.lead_minutes <= MOST_LEAD_MINUTES:
        return Refusal(Reason.MALFORMED, detail=f"the lead is 0 to {MOST_LEAD_MINUTES} minutes")
    resolver = player_of(body.resolver) if body.resolver else host
    if resolver is None:
        return Refusal(Reason.NOT_FOUND, what="resolver")
    subsidy, curve = parse_points(body.subsidy, name="the subsidy"), opening(body.opening)
    if isinstance(subsidy, Refusal):
        return subsidy
    if isinstance(curve, Refusal):
        return curve
    slots, guesses = tote(body.tote), closest(body.closest)
    if isinstance(slots, Refusal):
        return slots
    if isinstance(guesses, Refusal):
        return guesses
    people = _named(body, player_of)
    if isinstance(people, Refusal):
        return people
    deputy, subjects, barred = people
    for many in (body.dispute_hours, body.silence_hours):
        if many is not None and not 0 <= many <= MOST_HOURS:
            return Refusal(Reason.MALFORMED, detail=f"hours are 0 to {MOST_HOURS}")
    dispute, silence = (many * HOUR if many is not None else None for many in (body.dispute_hours, body.silence_hours))
    return commands.Ask(
        title=body.title, terms=body.terms, zone=body.zone, grain=grain, origin=body.origin, horizon=body.horizon, resolver=resolver, subsidy=subsidy,
        subsidy_from=body.subsidy_from, lead=body.lead_minutes * MINUTE, opening=curve, source=body.source, market=body.market, tote=slots,
        closest=guesses, forecast=body.forecast, tally=body.tally or None, bell=body.bell or None, deputy=deputy, subjects=subjects, barred=barred,
        dispute=dispute, silence=silence,
    )  # fmt: skip


def _named(body: wire.AskIn, player_of: PlayerOf) -> tuple[str | None, tuple[str, ...], tuple[str, ...]] | Refusal:
    """The deputy, those whom the question is about, and those who could cause it, from their names."""
    found: list[tuple[str, ...]] = []
    for names, what in (((body.deputy,) if body.deputy else (), "deputy"), (body.subjects, "person whom it is about"), (body.barred, "member")):
        players = [player_of(name) for name in names[:MOST_NAMED]]
        if len(names) > MOST_NAMED or None in players:
            return Refusal(Reason.NOT_FOUND, what=what)
        found.append(tuple(player for player in players if player is not None))
    return (found[0][0] if found[0] else None), found[1], found[2]


def opening(body: wire.OpeningIn) -> commands.Opening | Refusal:
    """The opening curve: by quantiles, from past cases, from the tally's gaps, or else uniform."""
    if sum((bool(body.quantiles), bool(body.cases), body.tally)) > 1:
        return Refusal(Reason.BAD_OPENING, detail="it is told by quantiles, by past cases or by the tally, by one of them")
    never = None if body.never is None else chance(body.never, "the chance of never")
    if isinstance(never, Refusal):
        return never
    if body.tally:
        return commands.OpeningTally(never)
    if body.cases:
        return _cases(body, never)
    never = NEVER if never is None else never
    if not body.quantiles:
        return commands.OpeningUniform(never)
    if len(body.quantiles) > MOST_QUANTILES:
        return Refusal(Reason.BAD_OPENING, detail=f"more than {MOST_QUANTILES} quantiles")
    points: list[tuple[str, int]] = []
    for quantile in body.quantiles:
        read = chance(quantile.chance, f"the chance by {quantile.by[:40]}")
        if isinstance(read, Refusal):
            return read
        points.append((quantile.by, read))
    return commands.OpeningQuantiles(by=tuple(points), never=never)


def _cases(body: wire.OpeningIn, never: int | None) -> commands.OpeningCases | Refusal:
    """A reference class: durations in microseconds."""
    if len(body.cases) > MOST_CASES:
        return Refusal(Reason.BAD_OPENING, detail=f"it rests on more than {MOST_CASES:,} cases")
    elapsed = days(body.elapsed_days)
    if isinstance(elapsed, Refusal):
        return elapsed
    lasted: list[tuple[int, bool]] = []
    for case in body.cases:
        read = days(case.days)
        if isinstance(read, Refusal):
            return read
        lasted.append((read, case.happened))
    return commands.OpeningCases(cases=tuple(lasted), elapsed=elapsed, never=never)


def days(typed: str) -> int | Refusal:
    """A number of days as typed, ``12.5``, in microseconds. Exact but for what is finer than these."""
    match = _DAYS.fullmatch(typed.strip()) if len(typed) <= _LONGEST else None
    if match is None:
        return Refusal(Reason.BAD_OPENING, detail=f"“{typed[:_LONGEST]}” is not a number of days such as 12.5")
    whole, fraction = match.groups()
    return int(whole) * DAY + int((fraction or "").ljust(9, "0")) * DAY // 10**9


def tote(body: wire.ToteIn | None) -> commands.ToteTerms | None | Refusal:
    """The tote's terms; the take-out may be 0 %."""
    if body is None:
        return None
    takeout = stated.ppm(body.takeout, "the house")
    if isinstance(takeout, Refusal):
        return Refusal(Reason.BAD_PLAY, detail=f"“{body.takeout[:_LONGEST]}” is not a take-out such as 5%")
    return commands.ToteTerms(slots=body.slots, takeout=takeout)


def closest(body: wire.ClosestIn | None) -> commands.ClosestTerms | None | Refusal:
    """The closest guess's terms."""
    if body is None:
        return None
    stake = parse_points(body.stake, name="the stake of a guess")
    return stake if isinstance(stake, Refusal) else commands.ClosestTerms(stake=stake, variant=body.variant, prize=body.prize, many=body.many)


# entries


def stake(body: wire.StakeIn, question: str) -> commands.Stake | Refusal:
    """A stake on a slot of the tote."""
    amount = parse_points(body.points, name="the stake")
    return amount if isinstance(amount, Refusal) else commands.Stake(question=question, slot=body.slot, amount=amount)


def guess(body: wire.GuessIn, question: str) -> commands.Guess:
    """A guess."""
    return commands.Guess(question=question, guess=body.guess)


def note(body: wire.NoteIn, question: str) -> commands.Note:
    """A near miss or news."""
    return commands.Note(question=question, kind=body.kind, text=body.text, when=body.when, evidence=body.evidence)


def forecast(body: wire.ForecastIn, question: str) -> commands.Forecast | Refusal:
    """A curve, stated in exactly one way, with its stake if it is the first."""
    amount = None if body.points is None else parse_points(body.points, name="the stake")
    if isinstance(amount, Refusal):
        return amount
    if amount == 0:
        return Refusal(Reason.NOT_POSITIVE, name="the stake")
    curve = _curve(body.curve)
    return curve if isinstance(curve, Refusal) else commands.Forecast(question=question, curve=curve, stake=amount)


def _curve(body: wire.CurveIn) -> commands.CurveQuantiles | commands.CurveFamily | commands.CurveTable | Refusal:
    if sum((bool(body.quantiles), body.family is not None, bool(body.table))) != 1:
        return Refusal(Reason.NOT_A_CURVE, detail="it is told by quantiles, by a family or by a table, by exactly one of them")
    if body.family is not None:
        left = None if body.never is None else stated.ppm(body.never, "never")
        if isinstance(left, Refusal):
            return left
        return commands.CurveFamily(family=body.family.family.strip().lower(), half=body.family.half, most=body.family.most, never=left)
    if body.never is None:
        return Refusal(Reason.NOT_A_CURVE, detail="it does not say the chance of never")
    told = [(piece.by, piece.chance) for piece in body.table or body.quantiles]
    read = stated.pieces(told, body.never, whole=bool(body.table))
    if isinstance(read, Refusal):
        return read
    return commands.CurveTable(*read) if body.table else commands.CurveQuantiles(*read)


def bet(body: wire.BetIn, question: str) -> commands.Bet | Refusal:
    """A bet of exactly one size."""
    amounts = _amounts(shares=body.shares, points=body.points, max_cost=body.max_cost, min_shares=body.min_shares)
    if isinstance(amounts, Refusal):
        return amounts
    target = None if body.target is None else chance(body.target)
    if isinstance(target, Refusal):
        return target
    version = _version(body.expected_version)
    if isinstance(version, Refusal):
        return version
    if sum(size is not None for size in (body.shares, body.points, body.target)) != 1:
        return Refusal(Reason.ONE_SIZE)
    return commands.Bet(
        question=question, window=body.window, shares=amounts["shares"], spend=amounts["points"], target=target, max_cost=amounts["max_cost"],
        min_shares=amounts["min_shares"], expected_version=version,
    )  # fmt: skip


def seal(body: wire.bell.SealIn, question: str) -> commands.SealBet | Refusal:
    """A bet of exactly one size, sealed until the bell."""
    amounts, limit = _amounts(shares=body.shares, points=body.points), chance(body.limit, "the limit")
    if isinstance(amounts, Refusal):
        return amounts
    if isinstance(limit, Refusal):
        return limit
    if (body.shares is None) == (body.points is None):
        return Refusal(Reason.ONE_SIZE)
    return commands.SealBet(
        question=question, window=body.window, limit=limit, shares=amounts["shares"], spend=amounts["points"], replaces=_number(body.replaces)
    )


def unseal(body: wire.bell.UnsealIn, question: str) -> commands.WithdrawBet:
    """A sealed bet to be withdrawn."""
    return commands.WithdrawBet(question=question, number=_number(body.number) or 0)


def _number(given: int | None) -> int | None:
    """A number by which nothing is found where it is out of all bounds."""
    return given if given is None or 0 <= given <= MAX_UNITS else 0


def sell(body: wire.SellIn, question: str) -> commands.Sell | Refusal:
    """A sale of what one holds."""
    amounts = _amounts(shares=body.shares, min_proceeds=body.min_proceeds)
    if isinstance(amounts, Refusal):
        return amounts
    version = _version(body.expected_version)
    if isinstance(version, Refusal):
        return version
    shares, least = amounts["shares"], amounts["min_proceeds"]
    return commands.Sell(question=question, window=body.window, shares=shares, min_proceeds=least, expected_version=version)


def quote(body: wire.QuoteIn, question: str) -> commands.Bet | commands.Sell | Refusal:
    """The bet or sale that a quote is asked for."""
    if body.sell:
        if body.points is not None or body.target is not None:
            return Refusal(Reason.ONE_SIZE)
        return sell(wire.SellIn(window=body.window, shares=body.shares), question)
    return bet(wire.BetIn(window=body.window, points=body.points, shares=body.shares, target=body.target), question)


def rule(body: wire.RuleIn, question: str) -> commands.Rule | Refusal:
    """A ruling."""
    version = _version(body.expected_version)
    if isinstance(version, Refusal):
        return version
    return commands.Rule(question=question, outcome=body.outcome, evidence=body.evidence, known_at=body.known_at or None, expected_version=version)


def void(body: wire.VoidIn, question: str) -> commands.Void:
    """Calling a question off."""
    return commands.Void(question=question, reason=body.reason)


def correct(body: wire.CorrectIn, question: str) -> commands.Correct | Refusal:
    """A correction."""
    version = _version(body.expected_version)
    if isinstance(version, Refusal):
        return version
    return commands.Correct(question=question, outcome=body.outcome, evidence=body.evidence, reason=body.reason, expected_version=version)


def preview(body: wire.PreviewIn, question: str) -> commands.Rule | commands.Void | commands.Correct | Refusal:
    """The ruling whose totals are asked for; evidence and reason may still be missing."""
    if body.what == "rule":
        return commands.Rule(question=question, outcome=body.outcome, evidence=body.evidence or "…")
    if body.what == "void":
        return commands.Void(question=question, reason=body.reason or "…")
    if body.what == "correct":
        return commands.Correct(question=question, outcome=body.outcome, evidence=body.evidence or "…", reason=body.reason or "…")
    return Refusal(Reason.MALFORMED, detail="what to look at is “rule”, “void” or “correct”")


def grant(body: wire.GrantIn, player_of: PlayerOf) -> commands.Grant | Refusal:
    """A grant to a player by name, or to the house."""
    to = HOUSE if body.to.strip().lower() == HOUSE else player_of(body.to)
    if to is None:
        return Refusal(Reason.NOT_FOUND, what="player")
    amount = parse_points(body.points)
    return amount if isinstance(amount, Refusal) else commands.Grant(to=to, amount=amount, reason=body.reason)


_NAMES: Final = {
    "shares": "the payout", "points": "the points", "max_cost": "the most it may cost", "min_shares": "the least payout",
    "min_proceeds": "the least proceeds",
}  # fmt: skip


def _amounts(**typed: wire.Amount | None) -> dict[str, Points | None] | Refusal:
    """Each amount that was given, in units; the first that cannot be read is the answer."""
    read: dict[str, Points | None] = {}
    for name, value in typed.items():
        units = None if value is None else parse_points(value, name=_NAMES[name])
        if isinstance(units, Refusal):
            return units
        read[name] = units
    return read


def _version(given: int | None) -> int | Refusal | None:
    return given if given is None or 0 <= given <= MAX_UNITS else Refusal(Reason.MALFORMED, detail="expected_version is a version of the question")
