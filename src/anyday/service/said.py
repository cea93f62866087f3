"""Events as plain sentences: on receipts and on the timeline. No player is named here: names belong to people's tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anyday.instants import At, Grain, Instant, NeverBy, Window
from anyday.market.horizon import Claim, say_claim
from anyday.phrases import say_instant, say_window
from anyday.points import say_points
from anyday.rules import events as e
from anyday.rules.ledger import CLOSEST
from anyday.rules.question import REPLACED, STANDS, WITHDRAWN, Life, Question, spoken


def said(events: Sequence[e.Event], question: Question | None) -> str:
    """What a command did, in one or two sentences; of what had become due before it, or comes with it, nothing."""
    told = (event for event in events if not isinstance(event, e.Unsealed))
    return " ".join(filter(None, (entry(event, question) for event in told if not isinstance(event, e.Closed) or event is events[-1])))


def entry(event: e.Event, question: Question | None) -> str:
    """One event as a sentence; of a score, none."""
    if question is not None and isinstance(event, e.QuestionEvent | e.SealedEvent):
        return _on_question(event, question)
    if isinstance(event, e.DutyEvent):
        return _duty(event, "the crew")
    match event:
        case e.CrewOpened():
            return f"The crew opened, as “{event.name}”."
        case e.PlayerJoined() if event.guest:
            return "A guest joined, to look on."
        case e.PlayerJoined():
            return f"A player joined and received {say_points(event.grant)} points." if event.grant else "A player is back."
        case e.MadePlayer():
            return f"A guest plays from here on, and received {say_points(event.grant)} points."
        case e.MemberLeft():
            return f"A member was removed: {event.reason}" if event.by != event.player else "A member left."
        case e.SettingsChanged():
            return "The crew's settings were changed."
        case e.AlarmRaised():
            return f"Alarm: everything is halted. {event.reason}"
        case e.AlarmLifted():
            return "The alarm is lifted: betting goes on."
        case e.Granted():
            repaid = f", of which {say_points(event.repaid)} repaid a debt" if event.repaid else ""
            return f"{say_points(event.amount)} points were granted{repaid}: {event.reason}"
        case e.TallyOpened():
            return f"The tally “{event.name}” is kept."
        case e.Occurred():
            return f"An occurrence was recorded: {event.evidence}"
        case e.Struck():
            return f"An occurrence was struck out: {event.reason}"
    raise AssertionError("the question's events are said with their question")


def _on_question(event: e.QuestionEvent | e.SealedEvent, question: Question) -> str:
    match event:
        case e.QuestionOpened():
            waits = " It opens once those whom it is about agree." if question.life is Life.DRAFT else ""
            return f"The question {'was asked' if waits else 'opened'}{_with_subsidy(event)}.{waits}"
        case e.BetPlaced():
            return _bet(event, question)
        case e.Collected():
            return f"You collected {say_points(event.released)} points."
        case e.Staked():
            return f"You staked {say_points(event.amount)} points on {_slot(event, question)}."
        case e.Guessed():
            cost = f" It costs {say_points(event.stake)} points." if event.stake else " It replaces the one before."
            return f"Your guess is {_claim(event, question)}. Nobody else sees it before entries close.{cost}"
        case e.ForecastStated():
            cost = f" with a stake of {say_points(event.stake)} points" if event.stake else ", revised"
            return f"Your forecast is in{cost}. Nobody else sees it before the ruling."
        case e.SealedBet() if event.shares is None and event.spend is None:
            return f"Your sealed bet is withdrawn; {say_points(-event.reserve)} points are back."
        case e.SealedBet():
            return f"Your bet on {_claim(event, question)} is sealed. Nobody else sees it before the bell."
        case e.Rung():
            met = sum(line.shares > 0 for line in event.lines)
            return f"The bell rang: of {len(event.lines)} sealed bets {met} {'was' if met == 1 else 'were'} filled, all at one price a window."
        case e.Filled():
            return f"Your sealed bet was filled for {say_points(event.charge)} points." if event.shares else "Your sealed bet stayed out."
        case e.Unsealed():
            return "Entries closed: every guess can be seen." if event.mechanism == CLOSEST else ""
        case e.Noted():
            kind = "A near miss" if event.kind == "near_miss" else "News"
            return f"{kind}, {_when(event, question)}: {event.text}"
        case e.Commented():
            return "A comment."
        case e.Thanked():
            return "Thanks."
        case e.Consented():
            return "Somebody whom it is about agrees." if question.life is Life.DRAFT else "Everybody whom it is about agrees: it is open."
        case e.Withdrew():
            return "Somebody whom it is about does not agree: it stands still."
        case e.Halted():
            return f"Halted: {event.reason}"
        case e.Resumed():
            return "It goes on."
        case e.Disputed():
            return f"The ruling is disputed: {event.reason}"
        case e.Voted():
            return "A vote was cast."
        case e.Judged():
            return f"{_VERDICTS[event.verdict]} {event.reason}"
        case e.DutyOffered() | e.DutyAccepted() | e.DutyDeclined() | e.DutyReturned():
            return _duty(event, "this question")
        case e.Closed():
            return "Betting was closed."
        case e.Ruled():
            fallen = f" {event.voided} {'bet' if event.voided == 1 else 'bets'} made too late fell." if event.voided else ""
            return f"Ruled: {say_outcome(event.outcome, question)}.{fallen}"
        case e.Settled():
            paid = sum(line.paid for book in event.posted.books for line in book.lines)
            return f"{say_points(paid)} points were paid out."
        case e.Voided():
            return f"The question was called off and every stake returned: {event.reason}"
        case e.Corrected():
            return f"The ruling was corrected: {say_outcome(event.outcome, question)}. {event.reason}"
        case e.Scored():
            return ""


_VERDICTS: Final = {
    STANDS: "The dispute is decided: the ruling stands.", REPLACED: "The dispute is decided: the ruling is replaced.",
    WITHDRAWN: "The dispute is decided: the ruling is withdrawn, and betting goes on.",
}  # fmt: skip


def _duty(event: e.DutyEvent, what: str) -> str:
    """What became of a duty; ``what`` it is about."""
    match event:
        case e.DutyOffered():
            return f"The duty of {event.duty} of {what} is offered to another{', for a time' if event.until is not None else ''}."
        case e.DutyAccepted():
            return f"The duty of {event.duty} of {what} has passed to another."
        case e.DutyDeclined():
            return f"The duty of {event.duty} of {what} stays where it was."
        case e.DutyReturned():
            return f"The duty of {event.duty} of {what} is back with whoever lent it."


def _with_subsidy(opened: e.QuestionOpened) -> str:
    return f" with a subsidy of {say_points(opened.subsidy)} points" if opened.market is not None else ""


def _slot(event: e.Staked, question: Question) -> str:
    slot = question.tote.slot(Claim(event.first, event.last, event.complement))
    assert slot is not None, "what is staked on is a slot"
    return question.tote.say_slot(slot)


def _claim(event: e.Guessed | e.SealedBet, question: Question) -> str:
    return say_claim(Claim(event.first, event.last, event.complement), question.horizon)


def _when(event: e.Noted, question: Question) -> str:
    return say_span(event.start, event.end, question)


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
    return f"it happened {'on' if one else 'within'} {say_span(meant.window.start, meant.window.end, question)}"


def say_span(start: int, end: int, question: Question) -> str:
    """An instant (end = start + 1) or a window, in the question's zone: at its grain where it falls on whole ones."""
    horizon = question.horizon
    if end == start + 1:
        return say_instant(Instant(start), horizon.zone, Grain.MINUTE)
    window = Window(Instant(start), Instant(end))
    whole = horizon.origin <= start and end <= horizon.end and None not in (horizon.boundary(window.start), horizon.boundary(window.end))
    return say_window(window, horizon.zone, horizon.grain if whole else Grain.MINUTE)


def _bet(event: e.BetPlaced, question: Question) -> str:
    window = say_claim(Claim(event.first, event.last, event.complement), question.horizon)
    if event.shares < 0:
        return f"You sold {say_points(-event.shares)} points of payout on {window} for {say_points(event.released - event.charge)}."
    cost = event.charge - event.released
    paid = f"paid {say_points(cost)} points" if cost >= 0 else f"received {say_points(-cost)} points"
    return f"You bet on {window}: you {paid}, and get {say_points(event.shares)} if it comes true."
