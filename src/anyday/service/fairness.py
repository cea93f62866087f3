"""Fair play as it is shown: who answers for a question and who is asked first, what stands still, disputes and votes, what one may do
beside betting; the crew's duties, settings and alarm; what was put on the timelines. It changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from anyday.instants import HOUR, Grain, Instant, iso
from anyday.phrases import say_instant
from anyday.points import write_points
from anyday.reads import questions
from anyday.rules import disputing, ruling, standing, timing
from anyday.rules import events as e
from anyday.rules.duties import Duties
from anyday.rules.ledger import CREW_STREAM, MARKET, TOTE
from anyday.rules.question import OVER, PENDING, THE_CREW, Crew, Life, Question
from anyday.service.names import Names, named
from anyday.service.said import entry, say_outcome
from anyday.service.shown import Published
from anyday.service.views import ERASED
from anyday.store.database import Database
from anyday.wire import fair


def who(names: Names, player: str) -> str:
    """A player's name, or the crew's where it decided."""
    assert player, "somebody did it"
    return "the crew" if player == THE_CREW else named(names, player)


def said_at(at: int, zone: str) -> str:
    """An instant in words, to the minute."""
    return say_instant(Instant(at), zone, Grain.MINUTE)


# a question


def view(
    question: Question, crew: Crew, actor: str | None, now: Instant, names: Names, published: Published | None = None
) -> fair.FairView:
    """The fair side of a question, for one visitor; ``published`` is what stands for it where nothing newer is shown."""
    zone = question.horizon.zone
    member = actor in crew.members
    halted = question.halted.reason if question.halted is not None else None
    return fair.FairView(
        deputy=named(names, question.deputy) if question.deputy is not None else None,
        subjects=tuple(fair.SubjectView(named(names, player), player in question.agreed) for player in question.opened.subjects),
        duties=tuple(duties(question.duties, zone, actor, names)) if member else (),
        halted=halted, alarm=crew.alarm.reason if crew.alarm is not None else None, withdrawn=question.withdrew is not None,
        silence=_silence(question, now, names), dispute=_dispute(question, crew, now, names), may=tuple(may(question, crew, actor, now)),
        votes=_votes(question), holders=tuple(_holders(published or question, names)) if shows_positions(question, crew, actor) else None,
    )  # fmt: skip


def duties(held: Duties, zone: str, actor: str | None, names: Names) -> Iterator[fair.DutyView]:
    """Each duty with its holder, and to whom it is offered."""
    for duty, player in held.now.items():
        offer, lent = held.offers.get(duty), held.lent.get(duty)
        until = offer.until if offer is not None else lent[0] if lent is not None else None
        since = next(step.since for step in reversed(held.held) if step.duty == duty)
        yield fair.DutyView(
            duty=duty, holder=named(names, player), since=said_at(since, zone), mine=player == actor,
            offered_to=named(names, offer.to) if offer is not None else None, offered_to_me=offer is not None and offer.to == actor,
            until=said_at(until, zone) if until is not None else None,
        )  # fmt: skip


def held(held: Duties, zone: str, names: Names) -> tuple[fair.HeldView, ...]:
    """Who held which duty from when on, the oldest first."""
    return tuple(fair.HeldView(step.duty, named(names, step.player), iso(step.since), said_at(step.since, zone)) for step in held.held)


def shows_positions(question: Question, crew: Crew, actor: str | None) -> bool:
    """Whether somebody sees who holds what: where the crew says so, its members do, but never those whom it is about."""
    shown = crew.settings.positions == "members" and actor in crew.members
    return shown and actor not in question.opened.subjects


def _holders(question: Question | Published, names: Names) -> Iterator[fair.HolderView]:
    """What stands open to the crew: never a sealed entry."""
    staked: Counter[str] = Counter()
    for mechanism, flows in question.flows.items():
        if mechanism in (MARKET, TOTE):
            for player, flow in flows.items():
                staked[player] -= flow
    for player in sorted(question.stakeholders, key=lambda player: (-staked[player], named(names, player))):
        yield fair.HolderView(named(names, player), 0, write_points(staked[player]))


def _silence(question: Question, now: Instant, names: Names) -> str | None:
    """What is said while nobody has ruled although all of its time has passed."""
    if not question.live or now < question.horizon.end:
        return None
    zone = question.horizon.zone
    deputy, voting, ends = timing.silence(question)
    if now < deputy:
        then = f"{named(names, question.deputy)} stands in" if question.deputy is not None and deputy < voting else "the crew votes"
        return f"It waits for its ruling. From {said_at(deputy, zone)} on, {then}."
    if now < voting:
        return f"Its resolver is silent: {named(names, question.deputy or '')} may rule it until {said_at(voting, zone)}; then the crew votes."
    return f"Its resolver is silent: the crew votes until {said_at(ends, zone)}. Without a majority it is called off."


def _dispute(question: Question, crew: Crew, now: Instant, names: Names) -> fair.DisputeView | None:
    if question.life not in PENDING:
        return None
    zone = question.horizon.zone
    until = question.ruled_at + question.opened.dispute
    by = tuple((named(names, player), reason) for player, reason in question.dispute.by.items())
    told = fair.DisputeView(until=said_at(until, zone), open=now < until, by=by)
    if question.life is not Life.DISPUTED:
        return told
    turns, voting, ends = timing.turn(question, crew, now)
    votes = Counter(bool(vote.stands) for vote in question.dispute.votes.values())
    turn_ends = ends if voting is not None else Instant(question.dispute.since + timing.TURN * len(turns))
    return fair.DisputeView(
        until=told.until, open=told.open, by=by, judges=tuple(named(names, player) for player in turns), turn_ends=said_at(turn_ends, zone),
        voting=voting is not None, stands=votes[True], falls=votes[False],
    )  # fmt: skip


def _votes(question: Question) -> tuple[tuple[str, int], ...]:
    """How the crew votes on what happened, where nobody has ruled: outcomes with their votes, the most first."""
    if not question.live:
        return ()
    said = Counter(say_outcome(vote.outcome, question) for vote in question.dispute.votes.values() if vote.outcome is not None)
    return tuple(said.most_common())


def may(question: Question, crew: Crew, actor: str | None, now: Instant) -> Iterator[str]:
    """The names of the commands, beside betting, that somebody may give now."""
    member = crew.members.get(actor) if actor is not None else None
    if actor is None or member is None:
        return
    if question.life is Life.DRAFT and actor in question.opened.subjects and actor not in question.agreed:
        yield "agree"
    if actor in question.opened.subjects and question.ruled is None and question.withdrew is None and question.life not in OVER:
        yield "withdraw"
    if question.life in (Life.OPEN, Life.HALTED) and standing.may_halt(question, crew, actor) is None and question.withdrew is None:
        yield "halt" if question.life is Life.OPEN else "resume"
    if question.live and ruling.may_rule(question, actor, now) is None:
        yield "rule"
    if question.life in OVER and question.ruled is not None and ruling.may_rule(question, actor, now) is None:
        yield "correct"
    if question.life not in (*OVER, *PENDING) and ruling.may_void(question, crew, actor, now) is None:
        yield "void"
    if not member.guest:
        yield from _player_may(question, crew, actor, now)


def asked(question: Question, crew: Crew, actor: str | None, now: Instant) -> str | None:
    """What a question waits for somebody to do, by the name of the command: to agree, to accept a duty, to rule when its time is over,
    to judge or to vote."""
    if question.life in OVER or actor is None:
        return None
    assert crew.members, "a crew has an owner"
    if actor in {offer.to for offer in question.duties.offers.values()}:
        return "accept"
    found = set(may(question, crew, actor, now)) - (set() if question.live and now >= question.horizon.end else {"rule"})
    return next((command for command in ("agree", "judge", "rule", "vote") if command in found), None)


def _player_may(question: Question, crew: Crew, actor: str, now: Instant) -> Iterator[str]:
    early = question.life in PENDING and now < question.ruled_at + question.opened.dispute
    if early and question.ruled is not None and actor not in (question.ruled.by, *question.dispute.by):
        yield "dispute"
    if question.life is Life.DISPUTED and disputing.may_judge(question, crew, actor, now) is None:
        yield "judge"
    if disputing.may_vote(question, crew, actor, now) is None:
        yield "vote"
    if question.life is not Life.DRAFT:
        yield "comment"


def feed(database: Database, crew: str, names: Names, zone: str, before: int) -> tuple[fair.FeedView, ...]:
    """What was put on the crew's timelines before an instant, the newest first: near misses, news, comments and thanks."""
    return tuple(_told(row, names, zone) for row in questions.told(database, crew, before))


def _told(row: questions.ToldRow, names: Names, zone: str) -> fair.FeedView:
    event, text = row.event, ""
    match event:
        case e.Noted():
            kind, text = event.kind, event.text
        case e.Commented():
            kind, text = "comment", row.text if row.text is not None else ERASED
        case e.Thanked():
            kind = "thanks"
        case _:
            raise AssertionError("these are what is put on a timeline")
    return fair.FeedView(row.question, row.title, kind, said_at(row.at, zone), named(names, event.by), text, iso(row.at))


# the crew


def settings(crew: Crew) -> fair.SettingsView:
    """The crew's settings in words of the wire."""
    held = crew.settings
    return fair.SettingsView(
        name=held.name, zone=held.zone, joining_grant=write_points(held.joining_grant), dispute_hours=held.dispute // HOUR,
        silence_hours=held.silence // HOUR, readers=held.readers, positions=held.positions, prices=held.prices,
    )  # fmt: skip


def crew_view(crew_id: str, crew: Crew, actor: str, names: Names, house: str, database: Database) -> fair.CrewView:
    """A crew to one of its members; what the house holds is its owner's to know."""
    zone, alarm, manages = crew.settings.zone, crew.alarm, actor == crew.owner
    told = fair.AlarmView(named(names, alarm.by), said_at(alarm.at, zone), alarm.reason) if alarm is not None else None
    rows = questions.entries(database, crew_id, CREW_STREAM)[:_CREW_LINES]
    lines = ((said_at(row.at, zone), _crew_line(row.event, names)) for row in rows)
    return fair.CrewView(
        id=crew_id, owner=named(names, crew.owner), settings=settings(crew), duties=tuple(duties(crew.duties, zone, actor, names)), alarm=told,
        may_manage=manages, house=house if manages else None, timeline=tuple(line for line in lines if line[1]),
    )  # fmt: skip


_CREW_LINES: Final = 50


def _crew_line(event: e.Event, names: Names) -> str:
    """What happened in the crew, with who did it."""
    match event:
        case e.PlayerJoined():
            return f"{named(names, event.player)} {'joined as a guest' if event.guest else 'joined' if event.grant else 'came back'}."
        case e.MadePlayer():
            return f"{named(names, event.player)} plays from here on."
        case e.MemberLeft() if event.by == event.player:
            return f"{named(names, event.player)} left."
        case e.MemberLeft():
            return f"{named(names, event.by)} removed {named(names, event.player)}: {event.reason}"
        case e.DutyOffered():
            return f"{named(names, event.by)} offered the duty of {event.duty} to {named(names, event.to)}."
        case e.DutyAccepted():
            return f"{named(names, event.by)} has the duty of {event.duty} now."
        case e.DutyDeclined():
            return f"{named(names, event.by)} declined: the duty of {event.duty} stays where it was."
        case e.DutyReturned():
            return f"The duty of {event.duty} is back with {named(names, event.to)}."
        case e.Granted() | e.SettingsChanged() | e.AlarmRaised() | e.AlarmLifted():
            return f"{named(names, event.by)}: {entry(event, None)}"
    return entry(event, None)
