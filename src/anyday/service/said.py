"""Events as plain sentences: on receipts and on the timeline. No player is named here: names belong to people's tables."""

from __future__ import annotations

from collections.abc import Sequence

from anyday.instants import At, Grain, NeverBy
from anyday.market.horizon import Claim, say_claim
from anyday.phrases import say_instant, say_window
from anyday.points import say_points
from anyday.rules import events as e
from anyday.rules.question import Question, spoken


def said(events: Sequence[e.Event], question: Question | None) -> str:
    """What a command did, in one or two sentences."""
    return " ".join(filter(None, (entry(event, question) for event in events if not isinstance(event, e.Closed) or len(events) == 1)))


def entry(event: e.Event, question: Question | None) -> str:
    """One event as a sentence."""
    match event:
        case e.CrewOpened():
            return f"The crew {event.name} opened."
        case e.PlayerJoined():
            return f"A player joined and received {say_points(event.grant)} points."
        case e.Granted():
            repaid = f", of which {say_points(event.repaid)} repaid a debt" if event.repaid else ""
            return f"{say_points(event.amount)} points were granted{repaid}: {event.reason}"
        case e.QuestionOpened():
            return f"The question opened with a subsidy of {say_points(event.subsidy)} points."
        case e.BetPlaced():
            assert question is not None, "a bet is on a question"
            return _bet(event, question)
        case e.Collected():
            return f"You collected {say_points(event.released)} points."
        case e.Closed():
            return "Betting was closed."
        case e.Ruled():
            assert question is not None, "a ruling is on a question"
            fallen = f" {event.voided} {'bet' if event.voided == 1 else 'bets'} made too late fell." if event.voided else ""
            return f"Ruled: {say_outcome(event.outcome, question)}.{fallen}"
        case e.Settled():
            paid = sum(line.paid for line in event.lines)
            return f"{say_points(paid)} points were paid out."
        case e.Voided():
            return f"The question was called off and every stake returned: {event.reason}"
        case e.Corrected():
            assert question is not None, "a correction is on a question"
            return f"The ruling was corrected: {say_outcome(event.outcome, question)}. {event.reason}"


def say_outcome(outcome: e.Outcome, question: Question) -> str:
    """What happened, in the question's zone."""
    horizon = question.horizon
    meant = spoken(outcome)
    if isinstance(meant, NeverBy):
        return f"it did not happen by {say_instant(horizon.end, horizon.zone, horizon.grain)}"
    if isinstance(meant, At):
        return f"it happened on {say_instant(meant.instant, horizon.zone, Grain.MINUTE)}"
    whole = horizon.boundary(meant.window.start) is not None and horizon.boundary(meant.window.end) is not None
    one = whole and horizon.grain_at(meant.window.start) + 1 == horizon.boundary(meant.window.end)
    grain = horizon.grain if whole else Grain.MINUTE
    return f"it happened {'on' if one else 'within'} {say_window(meant.window, horizon.zone, grain)}"


def _bet(event: e.BetPlaced, question: Question) -> str:
    window = say_claim(Claim(event.first, event.last, event.complement), question.horizon)
    if event.shares < 0:
        return f"You sold {say_points(-event.shares)} points of payout on {window} for {say_points(event.released - event.charge)}."
    cost = event.charge - event.released
    paid = f"paid {say_points(cost)} points" if cost >= 0 else f"received {say_points(-cost)} points"
    return f"You bet on {window}: you {paid}, and get {say_points(event.shares)} if it comes true."
