"""Tallies: a thing that occurs again and again, each occurrence with its evidence. Nothing here moves a point."""

from __future__ import annotations

from typing import Final

from anyday.instants import Grain, Instant, iso
from anyday.market.horizon import ahead
from anyday.phrases import parse_instant
from anyday.points import MAX_UNITS
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.asking import TERMS_LONGEST, TEXT_LONGEST, TITLE_LONGEST
from anyday.rules.entering import happened
from anyday.rules.ledger import HOUSE
from anyday.rules.question import Crew, Life, Question, Tally
from anyday.rules.situation import Events, Situation

#: The most occurrences that one tally counts, and the most that one member records of it by hand: struck out or not, so that
#: nobody fills a tally for good. What a ruling says is always recorded.
MOST_OCCURRENCES: Final = 10_000
MOST_BY_HAND: Final = 1_000
#: The most grains that a question asked by a tally covers.
LONGEST_SPAN: Final = 10_000
#: Why an occurrence is struck out whose ruling no longer says it.
CORRECTED: Final = "The ruling of its question was corrected."


def open_tally(situation: Situation, crew: Crew, actor: str, command: c.OpenTally, now: Instant) -> Events | Refusal:
    """A new tally; whoever opens it keeps it."""
    name = c.bounded_text(command.name, "the name", TITLE_LONGEST)
    terms = c.bounded_text(command.terms, "the terms", TERMS_LONGEST)
    for refused in (name, terms):
        if isinstance(refused, Refusal):
            return refused
    since = parse_instant(command.since, zone=crew.settings.zone, now=now)
    if isinstance(since, Refusal):
        return since
    if since > now:
        return Refusal(Reason.NOT_YET, text=f"“{command.since.strip()}”")
    following = _next(command.next, crew, actor) if command.next is not None else None
    if isinstance(following, Refusal):
        return following
    assert since <= now, "nobody counts from tomorrow on"
    return (e.TallyOpened(at=now, tally=situation.new_id, keeper=actor, name=str(name), terms=str(terms), since=since, next=following),)


def _next(asked: c.NextQuestion, crew: Crew, actor: str) -> e.Next | Refusal:
    title = c.bounded_text(asked.title, "the title of the next question", TITLE_LONGEST)
    terms = c.bounded_text(asked.terms, "the terms of the next question", TERMS_LONGEST)
    for refused in (title, terms):
        if isinstance(refused, Refusal):
            return refused
    if not 1 <= asked.span <= LONGEST_SPAN:
        return Refusal(Reason.TOO_MANY_GRAINS, count=asked.span, grain=asked.grain, limit=LONGEST_SPAN)
    if asked.subsidy <= 0:
        return Refusal(Reason.NOT_POSITIVE, name="the subsidy")
    if asked.subsidy > MAX_UNITS:
        return Refusal(Reason.AMOUNT_TOO_LARGE, name="the subsidy")
    if asked.subsidy_from not in (HOUSE, "host"):
        return Refusal(Reason.MALFORMED, detail="the subsidy comes from the house or from the host")
    if asked.subsidy_from == HOUSE and actor != crew.owner:
        return Refusal(Reason.NOT_ALLOWED, who="the owner")
    assert actor in crew.members, "only members keep a tally"
    return e.Next(str(title), str(terms), asked.grain.value, asked.span, asked.subsidy, asked.subsidy_from)


def record(crew: Crew, tally: Tally, question: Question | None, actor: str, command: c.Record, now: Instant) -> Events | Refusal:
    """It occurred once more, as a member says, or as the ruling of a question of the tally's has said; each is counted once."""
    if command.question is None and len(tally.occurrences) - len(tally.struck) >= MOST_OCCURRENCES:
        return Refusal(Reason.TOO_MANY_ENTRIES, count=MOST_OCCURRENCES)
    if command.question is None and sum(event.by == actor for event in tally.occurrences.values() if event.question is None) >= MOST_BY_HAND:
        return Refusal(Reason.TOO_MANY_ENTRIES, count=MOST_BY_HAND)
    told = _said(crew, tally, command, now) if command.question is None else _ruled(tally, question)
    if isinstance(told, Refusal):
        return told
    start, end, evidence = told
    if start < tally.opened.since:
        return Refusal(Reason.NOT_A_RECORD, detail="it lies before the tally began to count")
    if any((event.start, event.end) == (start, end) for event in tally.standing):
        return Refusal(Reason.ALREADY_THERE, what="this occurrence")
    assert start <= now and actor in crew.members, "members record, and nothing ahead"
    return (e.Occurred(at=now, by=actor, start=start, end=end, evidence=evidence, question=command.question),)


Told = tuple[int, int, str]


def _said(crew: Crew, tally: Tally, command: c.Record, now: Instant) -> Told | Refusal:
    evidence = c.bounded_text(command.evidence, "the evidence", TEXT_LONGEST)
    if isinstance(evidence, Refusal):
        return evidence
    when = happened(command.when, crew.settings.zone, Instant(tally.opened.since), now, now)
    assert isinstance(when, Refusal) or when[0] < when[1], "what happened took some time"
    return when if isinstance(when, Refusal) else (*when, evidence)


def _ruled(tally: Tally, question: Question | None) -> Told | Refusal:
    """What the ruling of one of the tally's questions says, unless it has been recorded; a correction strikes that out first."""
    if question is None or question.opened.tally != tally.opened.tally:
        return Refusal(Reason.NOT_A_RECORD, detail="the question belongs to another tally")
    ruled = question.ruled
    if ruled is None or question.life is not Life.SETTLED or ruled.outcome.never:
        return Refusal(Reason.NOT_A_RECORD, detail="no ruling says that it occurred")
    before = tally.recorded(question.id)
    told = (ruled.outcome.start, ruled.outcome.end)
    again = before is not None and withdrawn(tally, before[0])
    if before is not None and not again and (before[0] not in tally.struck or (before[1].start, before[1].end) == told):
        return Refusal(Reason.ALREADY_THERE, what="this occurrence")
    assert told[0] < told[1], "what happened took some time"
    return (*told, ruled.evidence)


def withdrawn(tally: Tally, version: int) -> bool:
    """Whether an occurrence was struck out because its ruling was corrected: a ruling that says it again brings it back."""
    assert version in tally.occurrences, "what was recorded"
    struck = tally.struck.get(version)
    return struck is not None and struck.reason == CORRECTED


def strike(crew: Crew, tally: Tally, actor: str, command: c.Strike, now: Instant) -> Events | Refusal:
    """An occurrence does not count: so say who recorded it, the tally's keeper or the owner."""
    reason = c.bounded_text(command.reason, "the reason", TEXT_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    recorded = tally.occurrences.get(command.version)
    if recorded is None or command.version in tally.struck:
        return Refusal(Reason.NOTHING_TO_STRIKE)
    if actor not in (recorded.by, tally.opened.keeper, crew.owner):
        return Refusal(Reason.NOT_ALLOWED, who="whoever recorded it, the tally's keeper or the owner")
    assert actor in crew.members, "only members strike out"
    return (e.Struck(at=now, by=actor, version=command.version, reason=reason),)


def following(tally: Tally, zone: str, now: Instant) -> c.Ask:
    """The next question of a tally that asks one anew: over its grains from the next one on, in the crew's zone, its opening curve from the
    tally's own gaps. The keeper asks it and rules it, so that a tally needs nobody else; whoever rules cannot bet."""
    asked = tally.opened.next
    assert asked is not None, "only some tallies ask"
    grain = Grain(asked.grain)
    origin, end = ahead(grain, zone, now, asked.span)
    assert now < origin < end, "it asks about what is still ahead"
    return c.Ask(
        title=asked.title, terms=asked.terms, zone=zone, grain=grain, origin=iso(origin), horizon=iso(end), resolver=tally.opened.keeper,
        subsidy=asked.subsidy, subsidy_from=asked.subsidy_from, opening=c.OpeningTally(), tally=tally.opened.tally,
    )  # fmt: skip
