"""Whether a question stands still: those whom it is about are asked first and may withdraw, and whoever answers for it may halt it.

Powers and positions exclude each other: whoever has ever had a bet on it does not halt it, and whoever halted it bets no more.
"""

from __future__ import annotations

from anyday.instants import Instant
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import ruling
from anyday.rules.asking import TEXT_LONGEST
from anyday.rules.question import OVER, Crew, Life, Question
from anyday.rules.situation import Events, Situation


def agree(question: Question, actor: str, now: Instant) -> Events | Refusal:
    """Somebody whom it is about agrees; it opens with the last of them."""
    if actor not in question.opened.subjects:
        return Refusal(Reason.NOT_ALLOWED, who="somebody whom it is about")
    if question.life is not Life.DRAFT or actor in question.agreed:
        return Refusal(Reason.ALREADY_THERE, what="your consent")
    assert question.withdrew is None, "a draft that somebody declined is called off"
    return (e.Consented(at=now, by=actor),)


def withdraw(situation: Situation, question: Question, actor: str, now: Instant) -> Events | Refusal:
    """Somebody whom it is about does not agree: a draft is called off; what was open stands still and is hidden from here on."""
    if actor not in question.opened.subjects:
        return Refusal(Reason.NOT_ALLOWED, who="somebody whom it is about")
    if question.life in OVER or question.ruled is not None:
        return Refusal(Reason.ALREADY_RULED, state=question.life)
    if question.withdrew is not None:
        return Refusal(Reason.ALREADY_THERE, what="a withdrawal")
    withdrew = e.Withdrew(at=now, by=actor)
    if question.life is not Life.DRAFT:
        return (withdrew,)
    assert not question.stakeholders and not question.sealed, "nobody bets on a draft"
    result = ruling.called_off(question, situation.history(), situation.purse)
    return (withdrew, e.Voided(at=now, by=actor, reason=DECLINED, posted=result.posted))


#: Why a draft is called off.
DECLINED = "somebody whom it is about did not agree"


def may_halt(question: Question, crew: Crew, actor: str) -> Refusal | None:
    """Why somebody cannot halt it or let it go on: its host, its resolver or the owner does, who never had a bet on it."""
    if actor not in (question.host, question.resolver, crew.owner):
        return Refusal(Reason.NOT_ALLOWED, who="its host, its resolver or the owner")
    if question.has_stake(actor):
        others = [who for who in (question.resolver, question.host, crew.owner) if who != actor and not question.stakeholders & {who}]
        assert actor not in others, "somebody else is asked"
        return Refusal(Reason.HAS_STAKE, what="halt", who="its resolver" if question.resolver in others else "the owner")
    return None


def halt(question: Question, crew: Crew, actor: str, command: c.Halt, now: Instant) -> Events | Refusal:
    """Nothing is bet on it until it is resumed."""
    refused = may_halt(question, crew, actor)
    if refused is not None:
        return refused
    reason = c.bounded_text(command.reason, "the reason", TEXT_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    if question.life is not Life.OPEN:
        return Refusal(Reason.NOT_OPEN, state=question.life)
    assert question.halted is None, "what is open does not stand still"
    return (e.Halted(at=now, by=actor, reason=reason),)


def resume(question: Question, crew: Crew, actor: str, now: Instant) -> Events | Refusal:
    """Betting goes on; not where somebody whom it is about has withdrawn."""
    refused = may_halt(question, crew, actor)
    if refused is not None:
        return refused
    if question.life is not Life.HALTED:
        return Refusal(Reason.NOTHING_HALTED)
    if question.withdrew is not None:
        return Refusal(Reason.WITHDRAWN_FROM)
    assert question.halted is not None, "somebody halted it"
    return (e.Resumed(at=now, by=actor),)
