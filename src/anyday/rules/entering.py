"""Entering a question beside its market: a stake on a slot, a guess, a forecast; and what is put on its timeline."""

from __future__ import annotations

from typing import Final

from anyday.instants import At, Grain, Instant, NeverBy, Within
from anyday.market.forecast import Stated
from anyday.market.horizon import Claim
from anyday.market.mechanism import Entry
from anyday.market.prior import MOST_RUNS, WHOLE
from anyday.market.report import Report, report_from_quantiles, report_from_table, report_from_two
from anyday.phrases import parse_outcome, say_instant
from anyday.points import MAX_UNITS, write_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.asking import TEXT_LONGEST, edges_of
from anyday.rules.ledger import CLOSEST, FORECAST, MARKET, TOTE
from anyday.rules.question import Life, Question
from anyday.rules.situation import Events, Situation, claimed, may_bet

#: What can be put on the timeline by anyone in the crew.
KINDS: Final = ("near_miss", "news")
#: The most notes that one player may put on one question's timeline, and all players together: a ruling looks at each.
MOST_NOTES: Final = 50
MOST_NOTES_IN_ALL: Final = 300
#: The longest comment, and how many notes and comments one member may put on one question, and comments all members together.
COMMENT_LONGEST: Final = 2_000
MOST_COMMENTS: Final = 200
MOST_COMMENTS_IN_ALL: Final = 2_000
_CALLED: Final = {MARKET: "a market", TOTE: "a tote", CLOSEST: "a closest guess", FORECAST: "a forecast"}


def not_played(question: Question, mechanism: str) -> Refusal | None:
    """The refusal where a question is not played so."""
    assert question.mechanisms, "a question is played in at least one way"
    if mechanism in question.mechanisms:
        return None
    return Refusal(Reason.NOT_PLAYED, mechanism=_CALLED[mechanism], plays=", ".join(_CALLED[name] for name in question.mechanisms))


def _entered(situation: Situation, question: Question, actor: str, mechanism: str) -> Refusal | None:
    assert mechanism in (TOTE, CLOSEST, FORECAST), "these have entries"
    refused = may_bet(situation, question, actor)
    return refused if refused is not None else not_played(question, mechanism)


def _affords(situation: Situation, question: Question, actor: str, stake: int, now: Instant) -> Refusal | None:
    assert situation.crew is not None, "a stake is made inside a crew"
    purse = situation.purse(actor)
    purse.age(Instant(now - situation.crew.opened.report_lag))
    spendable = max(0, purse.spendable(question.id))
    return Refusal(Reason.NOT_ENOUGH, cost=write_points(stake), spendable=write_points(spendable)) if stake > spendable else None


def closed(question: Question) -> Refusal:
    """Entries have closed."""
    assert question.mechanisms, "a question is played in at least one way"
    return Refusal(Reason.ENTRIES_CLOSED, closed=say_instant(Instant(question.opened.closes), question.horizon.zone, Grain.MINUTE))


def slot_of(question: Question, actor: str, command: c.Stake, now: Instant) -> Entry | Refusal:
    """The stake that is asked for, as the tote would take it."""
    if command.amount <= 0:
        return Refusal(Reason.NOT_POSITIVE, name="the stake")
    if command.amount > MAX_UNITS:
        return Refusal(Reason.AMOUNT_TOO_LARGE, name="the stake")
    if now >= question.tote.closes:
        return closed(question)
    claim = claimed(question, command.slot, now)
    assert question.tote.lead == question.opened.lead, "one clock for all"
    return claim if isinstance(claim, Refusal) else question.tote.quote(Entry(actor, now, claim, command.amount))


def stake(situation: Situation, question: Question, actor: str, command: c.Stake, now: Instant) -> Events | Refusal:
    """A stake on a slot of the tote."""
    refused = _entered(situation, question, actor, TOTE)
    if refused is not None:
        return refused
    entry = slot_of(question, actor, command, now)
    if isinstance(entry, Refusal):
        return entry
    short = _affords(situation, question, actor, entry.stake, now)
    assert entry.stake == command.amount, "what is asked is staked"
    claim = entry.claim
    return short or (e.Staked(at=now, player=actor, first=claim.first, last=claim.last, complement=claim.complement, amount=entry.stake),)


def guess(situation: Situation, question: Question, actor: str, command: c.Guess, now: Instant) -> Events | Refusal:
    """A guess, sealed until entries close."""
    refused = _entered(situation, question, actor, CLOSEST)
    if refused is not None:
        return refused
    if now >= question.closest.closes:
        return closed(question)
    claim: Claim | Refusal = claimed(question, command.guess, now)
    if isinstance(claim, Refusal):
        return claim
    entry = question.closest.quote(Entry(actor, now, claim, question.closest.stake))
    if isinstance(entry, Refusal):
        return entry
    short = _affords(situation, question, actor, entry.stake, now)
    assert entry.stake in (0, question.closest.stake), "every guess costs the same; a change costs nothing"
    return short or (e.Guessed(at=now, player=actor, first=claim.first, last=claim.last, complement=claim.complement, stake=entry.stake),)


def report_of(question: Question, curve: c.CurveQuantiles | c.CurveFamily | c.CurveTable, now: Instant) -> Report | Refusal:
    """A typed curve in parts per million of the question's grains and never."""
    horizon = question.horizon
    if isinstance(curve, c.CurveFamily):
        ends = edges_of(((curve.half, 0), (curve.most, 0)), horizon, now, Reason.NOT_A_CURVE)
        if isinstance(ends, Refusal):
            return ends
        (half, _), (most, _) = ends
        stated = [(float(horizon.start(edge) - horizon.origin), chance) for edge, chance in ((half, WHOLE // 2), (most, WHOLE * 9 // 10))]
        return report_from_two(horizon, curve.family, stated, curve.never)
    if isinstance(curve, c.CurveTable):
        pieces = edges_of(curve.pieces[: MOST_RUNS + 1], horizon, now, Reason.NOT_A_CURVE)
        return pieces if isinstance(pieces, Refusal) else report_from_table(horizon.count, pieces, curve.never)
    points = edges_of(curve.by[: MOST_RUNS + 1], horizon, now, Reason.NOT_A_CURVE)
    assert horizon.count > 0, "there is time to speak of"
    return points if isinstance(points, Refusal) else report_from_quantiles(horizon.count, points, curve.never)


def state(situation: Situation, question: Question, actor: str, command: c.Forecast, now: Instant) -> Events | Refusal:
    """A forecast or its revision, sealed until the ruling."""
    refused = _entered(situation, question, actor, FORECAST)
    if refused is not None:
        return refused
    if question.horizon.passed(now, question.opened.lead) == question.horizon.count:
        return Refusal(Reason.ALL_PASSED)
    if now >= question.forecast.closes and not question.forecast.stake(actor):
        return closed(question)
    report = report_of(question, command.curve, now)
    if isinstance(report, Refusal):
        return report
    stated = question.forecast.quote(Stated(actor, now, report, command.stake or 0))
    if isinstance(stated, Refusal):
        return stated
    short = _affords(situation, question, actor, stated.stake, now)
    assert stated.stake == (command.stake or 0), "what is asked is staked"
    return short or (e.ForecastStated(at=now, player=actor, runs=report.runs, never=report.never, stake=stated.stake),)


def note(question: Question, actor: str, command: c.Note, now: Instant) -> Events | Refusal:
    """A near miss or news on the timeline. It moves nothing and settles nothing."""
    if command.kind not in KINDS:
        return Refusal(Reason.MALFORMED, detail="what is noted is near_miss or news")
    text = c.bounded_text(command.text, "the text", TEXT_LONGEST)
    evidence = c.bounded_text(command.evidence, "the evidence", TEXT_LONGEST)
    for refused in (text, evidence):
        if isinstance(refused, Refusal):
            return refused
    if not question.live:
        return Refusal(Reason.NOT_OPEN, state=question.life)
    if sum(noted.by == actor for _, noted in question.notes) >= MOST_NOTES:
        return Refusal(Reason.TOO_MANY_ENTRIES, count=MOST_NOTES)
    if len(question.notes) >= MOST_NOTES_IN_ALL:
        return Refusal(Reason.TIMELINE_FULL, count=MOST_NOTES_IN_ALL)
    when = happened(command.when, question.horizon.zone, Instant(min(question.opened.at, question.horizon.origin)), question.horizon.end, now)
    if isinstance(when, Refusal):
        return when
    assert actor, "somebody notes it"
    return (e.Noted(at=now, by=actor, kind=command.kind, text=str(text), start=when[0], end=when[1], evidence=str(evidence)),)


def comment(situation: Situation, question: Question, actor: str, command: c.Comment, now: Instant) -> Events | Refusal:
    """A comment. Its text stays outside the log, where it can be erased."""
    text = c.bounded_text(command.text, "the comment", COMMENT_LONGEST)
    if isinstance(text, Refusal):
        return text
    if question.life is Life.DRAFT:
        return Refusal(Reason.NOT_OPEN, state=question.life)
    if sum(by == actor for by in question.authors.values()) >= MOST_COMMENTS:
        return Refusal(Reason.TOO_MANY_ENTRIES, count=MOST_COMMENTS)
    if question.comments >= MOST_COMMENTS_IN_ALL:
        return Refusal(Reason.TIMELINE_FULL, count=MOST_COMMENTS_IN_ALL)
    digest = situation.digest(text)
    assert digest, "the log holds what binds the text"
    return (e.Commented(at=now, by=actor, digest=digest),)


def thank(question: Question, actor: str, command: c.Thank, now: Instant) -> Events | Refusal:
    """Thanks for a near miss, news or a comment: one from each, and not to oneself."""
    author = question.authors.get(command.version)
    if author is None:
        return Refusal(Reason.NOT_FOUND, what="entry on the timeline")
    if author == actor:
        return Refusal(Reason.OWN_THANKS)
    if (actor, command.version) in question.thanks:
        return Refusal(Reason.ALREADY_THERE, what="your thanks")
    assert command.version <= question.version, "what stands there was written"
    return (e.Thanked(at=now, by=actor, version=command.version),)


def happened(typed: str, zone: str, origin: Instant, horizon: Instant, now: Instant) -> tuple[int, int] | Refusal:
    """When something happened, as typed: an instant, or a window that is not wholly ahead; [start, end) in UTC microseconds."""
    if not typed.strip():
        return Refusal(Reason.TEXT_MISSING, name="when it happened")
    outcome = parse_outcome(typed, zone=zone, origin=origin, horizon=horizon, now=now)
    match outcome:
        case Refusal():
            return outcome
        case NeverBy():
            return Refusal(Reason.NOT_A_TIME, text=typed.strip())
        case At():
            span = (int(outcome.instant), outcome.instant + 1)
        case Within():
            span = (int(outcome.window.start), int(outcome.window.end))
    assert span[0] < span[1], "what happened took some time"
    return Refusal(Reason.NOT_YET, text=f"“{typed.strip()}”") if span[0] > now else span
