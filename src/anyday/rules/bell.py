"""The bell of a market: until it rings bets are sealed, each in its player's own hidden stream; then all are filled together.

A sealed bet sets aside the most that it can cost. What the bell decides is written once, as integers: whoever replays it adds.
"""

from __future__ import annotations

from typing import Final

from anyday.instants import Grain, Instant
from anyday.market import bell
from anyday.market.bell import Line, Sealed
from anyday.market.maker import Market
from anyday.phrases import say_instant
from anyday.points import write_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import purse
from anyday.rules.ledger import BELL, MARKET
from anyday.rules.question import Life, Question, open_question
from anyday.rules.situation import Events, Situation, claimed, may_bet

#: The most sealed bets that one player may have on one question, and how often they may be made, changed and withdrawn: never a number
#: that hangs on what others have sealed.
MOST_STANDING: Final = 20
MOST_SEALED: Final = 200


def sealed_until(question: Question) -> Refusal | None:
    """Why nobody bets at once: the bell has not rung."""
    if question.opened.bell is None or question.rung:
        return None
    assert MARKET in question.mechanisms, "only a market has a bell"
    return Refusal(Reason.SEALED_UNTIL, bell=_said(question))


def _said(question: Question) -> str:
    assert question.opened.bell is not None, "it has a bell"
    return say_instant(Instant(question.opened.bell), question.horizon.zone, Grain.MINUTE)


def _may_seal(situation: Situation, question: Question, actor: str, now: Instant) -> Refusal | None:
    refused = may_bet(situation, question, actor)
    if refused is not None:
        return refused
    if question.opened.bell is None:
        return Refusal(Reason.NO_BELL)
    if question.rung or now >= question.opened.bell:
        return Refusal(Reason.BELL_RUNG, bell=_said(question))
    assert actor not in question.powers_used, "who has used a power over it is barred"
    return Refusal(Reason.TOO_MANY_ENTRIES, count=MOST_SEALED) if question.sealings.get(actor, 0) >= MOST_SEALED else None


def seal(situation: Situation, question: Question, actor: str, command: c.SealBet, now: Instant) -> Events | Refusal:
    """A sealed bet, or another in its place."""
    refused = _may_seal(situation, question, actor, now)
    if refused is not None:
        return refused
    orders = question.orders.get(actor, {})
    if command.replaces is not None and command.replaces not in orders:
        return Refusal(Reason.NOT_FOUND, what="sealed bet")
    if command.replaces is None and len(orders) >= MOST_STANDING:
        return Refusal(Reason.TOO_MANY_ENTRIES, count=MOST_STANDING)
    claim = claimed(question, command.window, now)
    if isinstance(claim, Refusal):
        return claim
    bet = Sealed(actor, claim, command.limit, command.shares, command.spend)
    unfit = bell.refused(question.market, bet)
    if unfit is not None:
        return unfit
    given = orders[command.replaces].reserve if command.replaces is not None else 0
    sealed = e.SealedBet(
        at=now, player=actor, first=claim.first, last=claim.last, complement=claim.complement, limit=command.limit, shares=command.shares,
        spend=command.spend, replaces=command.replaces, reserve=bet.reserve - given,
    )  # fmt: skip
    assert situation.crew is not None, "a bet is made inside a crew"
    spendable = spends(situation.purse(actor), question, now, situation.crew.opened.report_lag)
    short = sealed.reserve > spendable
    return Refusal(Reason.NOT_ENOUGH, cost=write_points(sealed.reserve), spendable=write_points(spendable)) if short else (sealed,)


def spends(held: purse.Purse, question: Question, now: Instant, lag: int) -> int:
    """What a player may set aside here."""
    held.age(Instant(now - lag))
    assert lag >= 0, "nothing is young before it is made"
    return max(0, held.spendable(question.id))


def withdraw(situation: Situation, question: Question, actor: str, command: c.WithdrawBet, now: Instant) -> Events | Refusal:
    """A sealed bet is withdrawn: what was set aside for it comes back. In a halt too."""
    if question.opened.bell is None:
        return Refusal(Reason.NO_BELL)
    if question.rung or now >= question.opened.bell:
        return Refusal(Reason.BELL_RUNG, bell=_said(question))
    if question.life not in (Life.OPEN, Life.HALTED, Life.CLOSED):
        return Refusal(Reason.NOT_OPEN, state=question.life)
    bet = question.orders.get(actor, {}).get(command.number)
    if bet is None:
        return Refusal(Reason.NOT_FOUND, what="sealed bet")
    assert bet.player == actor, "one withdraws one's own"
    return (
        e.SealedBet(
            at=now, player=actor, first=bet.claim.first, last=bet.claim.last, complement=bet.claim.complement, limit=bet.limit, shares=None,
            spend=None, replaces=command.number, reserve=-bet.reserve,
        ),
    )  # fmt: skip


def ring(situation: Situation, question: Question, at: Instant) -> Events:
    """The bell: what becomes of every sealed bet. While the question or the crew stands still nothing is filled, and all is returned."""
    crew = situation.crew
    standing = [(number, bet) for player in sorted(question.orders) for number, bet in sorted(question.orders[player].items())]
    bets = [bet for _, bet in standing]
    still = question.life not in (Life.OPEN, Life.CLOSED) or (crew is not None and crew.alarm is not None)
    lines = [Line(0, 0, 0)] * len(bets) if still else bell.fill(opening(question, at), bets)
    rung = tuple(e.Rang(bet.player, number, line.shares, line.price, line.charge) for (number, bet), line in zip(standing, lines, strict=True))
    filled = [filling(bet, line, at) for bet, line in zip(bets, lines, strict=True)]
    assert sum(event.charge + event.returned for event in filled) == -sum(question.flows[BELL].values()), "all that was set aside is sorted out"
    return (e.Rung(at=at, root=situation.root(MARKET), lines=rung), *filled)


def opening(question: Question, at: Instant) -> Market:
    """The market as it is when the bell rings: nobody has bet on it yet, and whoever looked in between has not moved its time."""
    market = open_question(question.id, question.opened).market
    market.advance(at)
    assert market.charged == 0, "before the bell nothing is sold"
    return market


def filling(bet: Sealed, line: Line | e.Rang, at: int) -> e.Filled:
    """What follows from a bet's line."""
    claim = bet.claim
    assert line.charge <= bet.reserve, "nobody pays more than was set aside"
    return e.Filled(
        at=at, player=bet.player, first=claim.first, last=claim.last, complement=claim.complement, shares=line.shares, charge=line.charge,
        returned=bet.reserve - line.charge,
    )  # fmt: skip


def follows(question: Question, event: e.Rung) -> bool:
    """Whether the bell's lines are of the bets that were sealed, each once and in order, and keep every promise."""
    standing = [(bet.player, number) for player in sorted(question.orders) for number, bet in sorted(question.orders[player].items())]
    if [(line.player, line.number) for line in event.lines] != standing or event.at != question.opened.bell or question.rung:
        return False
    bets = [question.orders[player][number] for player, number in standing]
    lines = [Line(line.shares, line.price, line.charge) for line in event.lines]
    if not any(line.shares for line in lines):
        return not any(line.charge for line in lines)
    try:
        bell.check(opening(question, Instant(event.at)), bets, lines)
    except AssertionError:
        return False
    assert question.life in (Life.OPEN, Life.CLOSED) or any(lines), "what is filled has lines"
    return question.life in (Life.OPEN, Life.CLOSED)

