"""What a decision is made from, and what several decisions ask: may this player bet, which grains are meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anyday.instants import Instant, Phrase
from anyday.market.horizon import Claim, claim_of
from anyday.phrases import parse_window
from anyday.points import write_points
from anyday.refusals import Reason, Refusal
from anyday.rules import events as e
from anyday.rules.ledger import CREW
from anyday.rules.purse import Purse
from anyday.rules.question import Crew, History, Life, Question, Tally


@dataclass(slots=True)
class Situation:
    """What a decision is made from. ``purse`` gives the points of a player; ``history`` reads the question's record, for what
    cuts; ``root`` what binds the sealed entries of a mechanism; ``new_id`` an unused id, for the command that opens something;
    ``house`` the house's points; ``tally`` the tally that the command names; ``crew_id`` whose crew it is; ``digest`` binds a text
    that is kept outside the log."""

    crew: Crew | None
    question: Question | None
    purse: Callable[[str], Purse]
    house: int = 0
    history: Callable[[], History] = History
    new_id: str = ""
    root: Callable[[str], str] = str
    tally: Tally | None = None
    crew_id: str = CREW
    digest: Callable[[str], str] = str


Events = tuple[e.Event, ...]


def may_bet(situation: Situation, question: Question, actor: str) -> Refusal | None:
    """Why the actor cannot bet, stake, guess or forecast here, whatever it is; None if they can."""
    if (why := question.why_barred(actor)) is not None:
        return Refusal(Reason.BARRED, why=why)
    if situation.crew is not None and situation.crew.alarm is not None:
        return Refusal(Reason.ALARM, why=situation.crew.alarm.reason)
    if question.halted is not None:
        return Refusal(Reason.HALTED, why=question.halted.reason)
    if question.life is not Life.OPEN:
        return Refusal(Reason.NOT_OPEN, state=question.life)
    purse = situation.purse(actor)
    assert purse.owed >= 0, "nobody owes less than nothing"
    return Refusal(Reason.OWES, owed=write_points(purse.owed)) if purse.owed > 0 else None


def claimed(question: Question, window: str, now: Instant) -> Claim | Refusal:
    """The grains that a typed window names, as long as none of them has started by the question's clock."""
    horizon = question.horizon
    phrase: Phrase | Refusal = parse_window(window, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=now)
    if isinstance(phrase, Refusal):
        return phrase
    passed = horizon.passed(now, question.opened.lead)
    claim = claim_of(phrase, horizon, passed)
    assert isinstance(claim, Refusal) or claim.last > passed, "nothing that has wholly passed is claimed"
    return claim
