"""From what travels to what is asked: the wire's requests become commands, for the page and the API alike.

Amounts, chances and names are read here; windows, instants and texts go on as typed, and deciding reads them once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from anyday import wire
from anyday.instants import MINUTE, Grain
from anyday.market.prior import WHOLE
from anyday.points import MAX_UNITS, Points, parse_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands
from anyday.rules.commands import HOUSE

T = TypeVar("T")
PlayerOf = Callable[[str], str | None]

MOST_LEAD_MINUTES: Final = 5_270_400  # ten years
MOST_QUANTILES: Final = 100

_CHANCE = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,6}))?\s?(%?)", re.ASCII)
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
        return Refusal(Reason.NOT_FOUND, what="player")
    subsidy, curve = parse_points(body.subsidy, name="the subsidy"), opening(body.opening)
    if isinstance(subsidy, Refusal):
        return subsidy
    if isinstance(curve, Refusal):
        return curve
    return commands.Ask(
        title=body.title, terms=body.terms, zone=body.zone, grain=grain, origin=body.origin, horizon=body.horizon, resolver=resolver, subsidy=subsidy,
        subsidy_from=body.subsidy_from, lead=body.lead_minutes * MINUTE, opening=curve, source=body.source,
    )  # fmt: skip


def opening(body: wire.OpeningIn) -> commands.OpeningUniform | commands.OpeningQuantiles | Refusal:
    """The opening curve: uniform, or by quantiles."""
    never = chance(body.never, "the chance of never")
    if isinstance(never, Refusal):
        return never
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
