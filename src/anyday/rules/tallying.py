"""Tallies: a thing that occurs again and again, each occurrence with its evidence. Nothing here moves a point."""

from __future__ import annotations

from typing import Final

from anyday.instants import Instant
from anyday.phrases import parse_instant
from anyday.points import MAX_UNITS
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.asking import TERMS_LONGEST, TEXT_LONGEST, TITLE_LONGEST
from anyday.rules.entering import happened
from anyday.rules.ledger import HOUSE
from anyday.rules.question import Crew, Tally
from anyday.rules.situation import Events, Situation

#: The most occurrences that one tally keeps.
MOST_OCCURRENCES: Final = 10_000
#: The most grains that a question asked by a tally covers.
LONGEST_SPAN: Final = 10_000


def open_tally(situation: Situation, crew: Crew, actor: str, command: c.OpenTally, now: Instant) -> Events | Refusal:
    """A new tally; whoever opens it keeps it."""
    name = c.bounded_text(command.name, "the name", TITLE_LONGEST)
    terms = c.bounded_text(command.terms, "the terms", TERMS_LONGEST)
    for refused in (name, terms):
        if isinstance(refused, Refusal):
            return refused
    since = parse_instant(command.since, zone=crew.opened.zone, now=now)
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


def record(crew: Crew, tally: Tally, actor: str, command: c.Record, now: Instant) -> Events | Refusal:
    """It occurred once more. Any member records; a ruling's occurrence is recorded once."""
    evidence = c.bounded_text(command.evidence, "the evidence", TEXT_LONGEST)
    if isinstance(evidence, Refusal):
        return evidence
    if command.question is not None and command.question in tally.questions:
        return Refusal(Reason.ALREADY_THERE, what="this occurrence")
    if len(tally.occurrences) >= MOST_OCCURRENCES:
        return Refusal(Reason.TOO_MANY_ENTRIES, count=MOST_OCCURRENCES)
    when = happened(command.when, crew.opened.zone, Instant(tally.opened.since), now, now)
    if isinstance(when, Refusal):
        return when
    if when[0] < tally.opened.since:
        return Refusal(Reason.NOT_A_RECORD, detail="it lies before the tally began to count")
    if any((event.start, event.end) == when for event in tally.standing):
        return Refusal(Reason.ALREADY_THERE, what="this occurrence")
    assert when[0] <= now, "nothing is recorded ahead"
    return (e.Occurred(at=now, by=actor, start=when[0], end=when[1], evidence=str(evidence), question=command.question),)


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
