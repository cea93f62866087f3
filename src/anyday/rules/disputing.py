"""A ruling that somebody disputes: who may, who decides, and the crew's vote. Nothing is posted before it is decided."""

from __future__ import annotations

from typing import Final

from anyday.instants import Instant
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import ruling, timing
from anyday.rules.asking import TEXT_LONGEST
from anyday.rules.question import PENDING, REPLACED, STANDS, WITHDRAWN, Crew, Life, Question, recorded, spoken
from anyday.rules.situation import Events, Situation

VERDICTS: Final = (STANDS, REPLACED, WITHDRAWN)
FALLS: Final = "falls"


def dispute(question: Question, crew: Crew, actor: str, command: c.Dispute, now: Instant) -> Events | Refusal:
    """A player disputes the ruling, once, while its window lasts."""
    if question.life not in PENDING:
        return Refusal(Reason.NOTHING_TO_DISPUTE, state=question.life)
    if now >= question.ruled_at + question.opened.dispute:
        return Refusal(Reason.NOTHING_TO_DISPUTE, state="past its dispute window")
    assert question.ruled is not None, "what waits for disputes was ruled"
    if actor == question.ruled.by:
        return Refusal(Reason.OWN_RULING)
    if actor in question.dispute.by:
        return Refusal(Reason.ALREADY_THERE, what="your dispute")
    reason = c.bounded_text(command.reason, "the reason", TEXT_LONGEST)
    assert crew.plays(actor), "guests look on"
    return reason if isinstance(reason, Refusal) else (e.Disputed(at=now, by=actor, reason=reason),)


def may_judge(question: Question, crew: Crew, actor: str, now: Instant) -> Refusal | None:
    """Why somebody cannot decide the dispute now."""
    if question.life is not Life.DISPUTED:
        return Refusal(Reason.NOT_DISPUTED)
    turns, voting, _ = timing.turn(question, crew, now)
    if actor not in turns:
        return Refusal(Reason.NOT_ALLOWED, who="the crew, by its vote," if voting is not None else "its judge")
    assert question.ruled is not None and actor != question.ruled.by, "nobody judges their own ruling"
    return Refusal(Reason.HAS_STAKE, what="judge", who="the owner") if question.has_stake(actor) else None


def judge(situation: Situation, question: Question, actor: str, command: c.Judge, now: Instant) -> Events | Refusal:
    """Whoever's turn it is decides: the ruling stands, another takes its place, or it is withdrawn. It is final."""
    assert situation.crew is not None, "a question belongs to a crew"
    refused = may_judge(question, situation.crew, actor, now)
    if refused is not None:
        return refused
    if command.verdict not in VERDICTS:
        return Refusal(Reason.MALFORMED, detail=f"the verdict is {', '.join(VERDICTS)}")
    reason = c.bounded_text(command.reason, "the reason", TEXT_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    judged = e.Judged(at=now, by=actor, verdict=command.verdict, reason=reason)
    if command.verdict == WITHDRAWN:
        return (judged,)
    result = _decided(situation, question, command, now)
    if isinstance(result, Refusal):
        return result
    replaced = () if command.verdict == STANDS else ruling.ruled(question, result, actor, command.evidence.strip(), now, now)
    return (judged, *replaced, *ruling.settling(question, result, situation.root, actor, now))


def _decided(situation: Situation, question: Question, command: c.Judge, now: Instant) -> ruling.Settlement | Refusal:
    """What the verdict posts: the ruling's outcome, or the one that takes its place."""
    assert question.ruled is not None, "what is disputed was ruled"
    outcome = spoken(question.ruled.outcome) if command.verdict == STANDS else ruling.stated(question, command, now)
    return outcome if isinstance(outcome, Refusal) else ruling.settlement(question, situation.history(), situation.purse, outcome)


def may_vote(question: Question, crew: Crew, actor: str, now: Instant) -> Refusal | None:
    """Why somebody has no vote now: the crew votes where nobody else decides, and whoever has ever had a stake has none."""
    if question.life is Life.DISPUTED:
        _, voting, ends = timing.turn(question, crew, now)
        assert question.ruled is not None, "what is disputed was ruled"
        out = {question.ruled.by, *question.dispute.by, *question.opened.subjects}
    elif question.live and question.withdrew is None:
        _, voting, ends = timing.silence(question)
        out = {*question.overturned, *question.opened.subjects}
    else:
        return Refusal(Reason.NO_VOTE)
    if voting is None or not voting <= now < ends:
        return Refusal(Reason.NO_VOTE)
    if actor in out:
        return Refusal(Reason.NOT_ALLOWED, who="a member who neither ruled nor disputed, and whom it is not about,")
    return Refusal(Reason.HAS_STAKE, what="vote on", who="a member") if question.has_stake(actor) else None


def vote(question: Question, crew: Crew, actor: str, command: c.Vote, now: Instant) -> Events | Refusal:
    """A vote; the last one of a member counts."""
    refused = may_vote(question, crew, actor, now)
    if refused is not None:
        return refused
    choice = command.choice.strip()
    if question.life is Life.DISPUTED:
        if choice not in (STANDS, FALLS):
            return Refusal(Reason.MALFORMED, detail=f"a vote on a ruling is {STANDS} or {FALLS}")
        voted = e.Voted(at=now, by=actor, stands=choice == STANDS, outcome=None)
    else:
        if not choice:
            return Refusal(Reason.TEXT_MISSING, name="the outcome")
        outcome = ruling.happened(question, choice, now)
        if isinstance(outcome, Refusal):
            return outcome
        _, meant = ruling.placed(question, outcome)  # what lies beyond the horizon is never, and counts with it
        voted = e.Voted(at=now, by=actor, stands=None, outcome=recorded(meant))
    old = question.dispute.votes.get(actor)
    assert voted.stands is None or voted.outcome is None, "one votes on one thing"
    same = old is not None and (old.stands, old.outcome) == (voted.stands, voted.outcome)
    return Refusal(Reason.NOTHING_CHANGED) if same else (voted,)
