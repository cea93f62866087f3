"""What time makes due on a question or in a crew, and who may act when nobody does: every path ends.

- Entries close: guesses are unsealed, stamped with that instant, or with the one at which the question came back to open after it.
- A duty that was lent goes back, stamped likewise. What is stamped so is written before what the clock stamps: times never decrease.
- A ruling that nobody disputed is settled when its window ends; a disputed one is for its judges in turn, 72 hours each, then for
  the crew's vote; a tie or nobody's vote lets the ruling stand.
- A resolver who says nothing: after the time of silence the deputy may rule, after as long again the crew votes for 72 hours,
  and without a majority it is called off. A draft that is not agreed to by its horizon is called off.

What posts points is stamped with the clock that writes it: a purse's floor then follows from the order of the log.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from anyday.instants import DAY, Instant
from anyday.rules import bell, ruling
from anyday.rules import events as e
from anyday.rules.duties import Duties
from anyday.rules.ledger import CLOSEST, FORECAST, TOTE
from anyday.rules.question import STANDS, THE_CREW, WITHDRAWN, Crew, Life, Question, spoken
from anyday.rules.situation import Events, Situation

#: How long each judge has, and how long the crew votes.
TURN: Final = 3 * DAY


#: How long before entries close everybody is told.
SOON: Final = DAY
BELL: Final = "bell"
CLOCKED: Final = ("ring", "draft", "settle", "dispute", "withdrawn", "silence")


class Coming(NamedTuple):
    """What becomes due next, and when (UTC microseconds)."""

    at: Instant
    what: str


def judges(question: Question, crew: Crew) -> list[str]:
    """Who may decide the dispute, in turn: the deputy, then the owner; whoever neither ruled nor disputed, never had a stake in it
    that others see, and is not whom it is about."""
    assert question.ruled is not None, "what was ruled is disputed"
    found = dict.fromkeys(who for who in (question.deputy, crew.owner) if who is not None)
    out = {question.ruled.by, *question.dispute.by, *question.opened.subjects, *question.stakeholders}
    return [who for who in found if who in crew.members and who not in out]


def turn(question: Question, crew: Crew, now: Instant) -> tuple[list[str], Instant | None, Instant]:
    """Who may judge now; since when the crew votes instead, if it does; and when the dispute ends by itself."""
    assert question.life is Life.DISPUTED, "somebody disputes"
    waiting, since = judges(question, crew), question.dispute.since
    voting = Instant(since + TURN * len(waiting))
    turns = waiting[: 1 + (now - since) // TURN] if now < voting else []
    return turns, voting if now >= voting else None, Instant(voting + TURN)


def silence(question: Question) -> tuple[Instant, Instant, Instant]:
    """From when the deputy may rule, from when the crew votes, and when it is called off."""
    opened, end = question.opened, question.horizon.end
    since = Instant(max(end, question.reopened_at))
    deputies = question.deputy is not None and question.deputy not in question.overturned
    deputy = Instant(since + opened.silence)
    voting = Instant(deputy + opened.silence) if deputies else deputy
    assert deputy <= voting, "the deputy comes before the crew"
    return deputy, voting, Instant(voting + TURN)


def bell_at(question: Question) -> Instant:
    """When guesses are unsealed: as entries close, or when the question opens (again) after that."""
    assert CLOSEST in question.mechanisms, "guesses have a bell"
    return Instant(max(question.opened.closes, question.reopened_at))


def overdue(question: Question, crew: Crew, now: Instant) -> set[str]:
    """What is due by now and not written yet, the bell left out."""
    found = {each.what for each in _coming(question, crew) if each.at <= now} - {BELL}
    assert len(found.intersection(CLOCKED)) <= 1, "one thing at a time"
    return found


def returning(duties: Duties, coming: list[Coming]) -> None:
    """The next duty that goes back, if any was lent."""
    found = duties.returns
    assert found is None or found[1] in duties.lent, "what goes back was lent"
    if found is not None:
        coming.append(Coming(found[0], found[1]))


def coming(question: Question, crew: Crew) -> Coming | None:
    """What becomes due next on a question and cannot wait for a command: everything but the bell."""
    found = [each for each in _coming(question, crew) if each.what != BELL]
    assert all(each.what in question.duties.now or each.what in CLOCKED for each in found), "duties go back, and these"
    return min(found, default=None)


def _coming(question: Question, crew: Crew) -> list[Coming]:
    found: list[Coming] = []
    returning(question.duties, found)
    if CLOSEST in question.mechanisms and CLOSEST not in question.unsealed and question.live:
        found.append(Coming(bell_at(question), BELL))
    if (rings := question.opened.bell) is not None and not question.rung and (question.live or question.life is Life.DRAFT):
        found.append(Coming(Instant(rings), "ring"))
    match question.life:
        case Life.DRAFT:
            found.append(Coming(question.horizon.end, "draft"))
        case Life.RULED:
            found.append(Coming(Instant(question.ruled_at + question.opened.dispute), "settle"))
        case Life.DISPUTED:
            found.append(Coming(turn(question, crew, question.last_at)[2], "dispute"))
        case _ if question.live and question.withdrew is not None:
            found.append(Coming(Instant(max(question.withdrew.at, question.reopened_at) + question.opened.silence), "withdrawn"))
        case _ if question.live:
            found.append(Coming(silence(question)[2], "silence"))
    assert all(each.at >= question.opened.closes or each.what != BELL for each in found), "the bell rings when entries close"
    return found


class Asked(NamedTuple):
    """Somebody whose turn it is to do something, and since when (UTC microseconds): ``rule``, ``judge`` or ``vote``, or ``enter``
    something before entries close."""

    at: Instant
    what: str
    who: tuple[str, ...]


def asked(question: Question, crew: Crew) -> list[Asked]:
    """Whose turn it is, or will be while nobody does anything, the earliest first. It moves nothing: they are told."""
    out = {*question.stakeholders, *question.opened.subjects}
    voters = tuple(player for player, member in crew.members.items() if not member.guest and not member.simulated and player not in out)
    found: list[Asked] = []
    if question.live and question.withdrew is not None:
        found.append(Asked(Instant(question.withdrew.at), "rule", (question.resolver,)))
    elif question.live:
        deputy, voting, _ = silence(question)
        since = Instant(max(question.horizon.end, question.reopened_at))
        if question.resolver not in question.overturned:
            found.append(Asked(since, "rule", (question.resolver,)))
        if question.deputy is not None and deputy < voting:
            found.append(Asked(since if question.resolver in question.overturned else deputy, "rule", (question.deputy,)))
        found.append(Asked(voting, "vote", voters))
    elif question.life is Life.DISPUTED and question.ruled is not None:
        waiting, since = judges(question, crew), Instant(question.dispute.since)
        found += [Asked(Instant(since + TURN * place), "judge", (player,)) for place, player in enumerate(waiting)]
        others = tuple(player for player in voters if player != question.ruled.by and player not in question.dispute.by)
        found.append(Asked(Instant(since + TURN * len(waiting)), "vote", others))
    soon = Instant(question.opened.closes - SOON)
    if question.life is Life.OPEN and {TOTE, CLOSEST, FORECAST} & set(question.mechanisms) and question.opened.at <= soon:
        # whether they have entered something is their own affair: everybody who could is told
        found.append(Asked(soon, "enter", tuple(player for player in crew.members if crew.plays(player) and player not in question.barred)))
    assert all(each.what in ("rule", "judge", "vote", "enter") for each in found), "these are what one is asked for"
    return sorted(found)


def due(situation: Situation, question: Question, now: Instant, *, bell_too: bool = True) -> Events:
    """What time has made due by ``now`` and is written before anything else; nothing where nothing is. One step: there may be more.
    The bell alone can wait for a command that is taken (``bell_too`` false): a refused or a sealed one leaves no trace."""
    crew = situation.crew
    assert crew is not None, "a question belongs to a crew"
    waiting = sorted((each for each in _coming(question, crew) if each.at <= now), key=lambda each: (each.what in CLOCKED, each))
    if not waiting or (not bell_too and [each.what for each in waiting] == [BELL]):
        return ()
    following = waiting[0]
    match following.what:
        case "bell":
            return (e.Unsealed(at=following.at, mechanism=CLOSEST, root=situation.root(CLOSEST)),)
        case "ring":
            return bell.ring(situation, question, following.at)
        case "settle":
            return _settle(situation, question, now)
        case "dispute":
            return _end_dispute(situation, question, now)
        case "silence":
            return _end_silence(situation, question, now)
        case "draft":
            return _call_off(situation, question, "not everybody whom it is about agreed in time", now)
        case "withdrawn":
            return _call_off(situation, question, "somebody whom it is about withdrew", now)
        case duty:
            return (e.DutyReturned(at=following.at, duty=duty, to=question.duties.lent[duty][1]),)


def rings(situation: Situation, question: Question, now: Instant) -> Events:
    """The market's bell alone, if it is due and nothing is due before it."""
    assert situation.crew is not None, "a question belongs to a crew"
    following = coming(question, situation.crew)
    return bell.ring(situation, question, following.at) if following is not None and following.what == "ring" and following.at <= now else ()


def crew_due(crew: Crew, now: Instant) -> Events:
    """The same for what belongs to the crew itself."""
    found = crew.duties.returns
    assert found is None or found[1] in crew.duties.lent, "what goes back was lent"
    return (e.DutyReturned(at=found[0], duty=found[1], to=crew.duties.lent[found[1]][1]),) if found is not None and found[0] <= now else ()


def _settle(situation: Situation, question: Question, now: Instant) -> Events:
    assert question.ruled is not None, "what is settled was ruled"
    result = ruling.settlement(question, situation.history(), situation.purse, spoken(question.ruled.outcome))
    return ruling.settling(question, result, situation.root, question.ruled.by, now)


def _call_off(situation: Situation, question: Question, reason: str, now: Instant) -> Events:
    result = ruling.called_off(question, situation.history(), situation.purse)
    assert result.void, "it is called off"
    return (e.Voided(at=now, by=THE_CREW, reason=reason, posted=result.posted),)


def _end_dispute(situation: Situation, question: Question, now: Instant) -> Events:
    """The vote's end: a majority against the ruling withdraws it; else it stands."""
    judged = e.Judged(at=now, by=THE_CREW, verdict=verdict(question), reason=VOTED)
    assert question.ruled is not None, "what is judged was ruled"
    return (judged, *_settle(situation, question, now)) if judged.verdict == STANDS else (judged,)


def verdict(question: Question) -> str:
    """What the crew's vote on a disputed ruling comes to: it stands unless more are against it."""
    votes = Counter(bool(vote.stands) for vote in question.dispute.votes.values())
    assert votes.total() == len(question.dispute.votes), "a vote each"
    return STANDS if votes[False] <= votes[True] else WITHDRAWN


def majority(question: Question) -> e.Outcome | None:
    """What more than half of those who voted say happened, where nobody has ruled."""
    said = Counter(vote.outcome for vote in question.dispute.votes.values() if vote.outcome is not None)
    outcome, many = said.most_common(1)[0] if said else (None, 0)
    assert many <= len(question.dispute.votes), "a vote each"
    return outcome if 2 * many > said.total() else None


def _end_silence(situation: Situation, question: Question, now: Instant) -> Events:
    """Nobody ruled: what a majority of those who voted say happened is ruled; without one it is called off."""
    outcome = majority(question)
    if outcome is None:
        return _call_off(situation, question, SILENT, now)
    result = ruling.settlement(question, situation.history(), situation.purse, spoken(outcome))
    ruled = ruling.ruled(question, result, THE_CREW, VOTED, now, now)
    assert question.dispute.votes, "a majority is somebody"
    return (*ruled, *ruling.settling(question, result, situation.root, THE_CREW, now))


VOTED: Final = "the crew voted"
SILENT: Final = "nobody ruled it in time, and the crew's vote had no majority"
