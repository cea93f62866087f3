"""Who answers for a question or a crew, what stands still, what is disputed and voted on, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from anyday import client
from anyday.cli.amounts import points
from anyday.cli.asking import Asker
from anyday.cli.stop import Stop
from anyday.cli.terminal import COLUMN, Screen, cells, pad, wrap
from anyday.phrases import parse_instant
from anyday.refusals import Refusal
from anyday.wire import fair

#: What "anyday feed" calls what was put on a timeline.
_KINDS: Final = {"near_miss": "near miss", "news": "news", "comment": "comment", "thanks": "thanks"}


def typed(time: str, asker: Asker) -> int:
    """A typed time in UTC microseconds, read in the crew's zone. Raises ``Stop``."""
    read = parse_instant(time, zone=asker.ask(client.me()).zone, now=asker.world.clock())
    if isinstance(read, Refusal):
        raise Stop.of(read)
    return read


def _said(text: str, screen: Screen, style: str = "") -> Iterator[str]:
    yield from (screen.style(line, style) for line in wrap(screen.text(text), min(screen.width, COLUMN)))


# a question


def first(view: fair.FairView, id: str, state: str, screen: Screen) -> Iterator[str]:
    """What comes before the curve: an alarm, a halt, whose leave is asked, what is disputed, what the crew votes on."""
    lines = [line for part in (_still(view), _leave(view, id, state), _doubt(view, id), _votes(view, id)) for line in part]
    if lines:
        yield ""
    for line in lines:
        yield from _said(line, screen)


def _still(view: fair.FairView) -> Iterator[str]:
    if view.alarm is not None:
        yield f"Alarm: everything in this crew stands still. {view.alarm}"
    if view.halted is not None:
        yield f"Halted: nothing is bet on it until it goes on. {view.halted}"
    if view.withdrawn:
        yield "Somebody whom it is about has withdrawn: nobody else sees it any more."


def _leave(view: fair.FairView, id: str, state: str) -> Iterator[str]:
    if state == "draft":
        asked = ", ".join(f"{one.name} ({'agrees' if one.agreed else 'has not answered'})" for one in view.subjects)
        yield f"It is about {asked}. It opens once each of them agrees; until then nobody else sees it."
    if "agree" in view.may:
        yield f"It is about you: anyday agree {id}, or anyday withdraw {id}. If you agree, you cannot bet on it."


def _doubt(view: fair.FairView, id: str) -> Iterator[str]:
    if view.silence is not None:
        yield view.silence
    told = view.dispute
    if told is None:
        return
    if not told.by:
        yield f"The ruling can be disputed until {told.until}. Nothing is paid before then."
    yield from (f"Disputed by {name}: {reason}" for name, reason in told.by)
    if told.voting:
        yield f"The crew votes until {told.turn_ends}: {told.stands} for the ruling, {told.falls} against it."
    elif told.by:
        ends = f" until {told.turn_ends}" if told.turn_ends is not None else ""
        yield f"{' or '.join(told.judges)} decides{ends}. Nothing is paid before that."
    if "dispute" in view.may:
        yield f"To dispute it: anyday dispute {id} --reason …"
    if "judge" in view.may:
        yield f"You decide: anyday judge {id} stands --reason … (or replaced, or withdrawn)"


def _votes(view: fair.FairView, id: str) -> Iterator[str]:
    yield from (f"{many} {'vote' if many == 1 else 'votes'}: {said}" for said, many in view.votes)
    if "vote" in view.may:
        yield f"You have a vote: anyday vote {id} {'stands (or falls)' if view.dispute is not None else 'OUTCOME'}"


def answering(view: fair.FairView, question: str, state: str, screen: Screen) -> Iterator[str]:
    """Who answers for a question, whom it is about, and who holds what where the crew shows that."""
    about = [one.name for one in view.subjects] if state != "draft" else []
    plain = len(view.duties) <= _PLAIN and not any(duty.offered_to or duty.until for duty in view.duties)
    if view.duties and not plain:
        yield ""
        yield screen.style("Who answers for it", "bold")
        yield from duties(view.duties, screen, f" --question {question}")
    if about:
        yield ""
        yield from _said(f"It is about {', '.join(about)}.", screen)
    if view.holders:
        yield ""
        yield screen.style("Who has staked what, net", "bold")
        room = max(cells(screen.text(one.name)) for one in view.holders)
        yield from (f"  {pad(screen.text(one.name), room)}  {points(one.staked)}" for one in view.holders)


#: Host and resolver stand in the first lines already; a third duty, or an offer, needs more.
_PLAIN: Final = 2


def duties(held: Sequence[fair.DutyView], screen: Screen, of: str = "") -> Iterator[str]:
    """Each duty with its holder, to whom it is offered and until when it is lent; ``of`` what options say of which."""
    for duty in held:
        until = f" until {duty.until}" if duty.until is not None else ""
        offered = f"; offered to {duty.offered_to}{until}" if duty.offered_to is not None else f",{until}" if until else ""
        yield from (f"  {line}" for line in wrap(screen.text(f"{duty.duty}: {duty.holder}, since {duty.since}{offered}"), _room(screen)))
        if duty.offered_to_me:
            yield from (f"    {line}" for line in wrap(screen.text(f"Say “I have it” with: anyday accept {duty.duty}{of}"), _room(screen) - 2))


def _room(screen: Screen) -> int:
    return min(screen.width, COLUMN) - 2


def held(steps: Sequence[fair.HeldView], screen: Screen) -> Iterator[str]:
    """Who held which duty from when on, the oldest first."""
    room, wide = (max((cells(screen.text(text)) for text in texts), default=0) for texts in ([s.duty for s in steps], [s.holder for s in steps]))
    for step in steps:
        line = f"{pad(step.duty, room)}  {pad(screen.text(step.holder), wide)}  since {step.said}"
        yield from wrap(line, screen.width) if cells(line) > screen.width else [line]


# the crew


def crew(view: fair.CrewView, screen: Screen) -> Iterator[str]:
    """A crew to one of its members: settings, who owns it, its alarm, what happened in it."""
    told = view.settings
    yield screen.style(screen.text(f"{told.name} ({view.id})"), "bold")
    if view.alarm is not None:
        yield from _said(f"Alarm by {view.alarm.by}, {view.alarm.when}: {view.alarm.reason}", screen)
    yield from duties(view.duties, screen)
    rows = [
        ("zone", told.zone), ("for who joins", f"{points(told.joining_grant)} points"), ("hours to dispute", f"{told.dispute_hours:,}"),
        ("hours of silence", f"{told.silence_hours:,}"), ("read by", told.readers), ("positions", told.positions), ("prices", told.prices),
    ]  # fmt: skip
    if view.house is not None:
        rows.append(("the house has", f"{points(view.house)} points"))
    yield from (f"  {name:<16}  {screen.text(value)}" for name, value in rows)
    if view.timeline:
        yield ""
        yield screen.style("What happened", "bold")
    for when, said in view.timeline:
        yield screen.style(screen.text(f"  {when}"), "dim")
        yield from (f"    {line}" for line in wrap(screen.text(said), _room(screen) - 2))


def feed(rows: Sequence[fair.FeedView], screen: Screen) -> Iterator[str]:
    """What was put on the crew's timelines, the newest first."""
    if not rows:
        yield "Nothing yet."
    for row in rows:
        yield from _said(f"{row.when} · {row.by}, {_KINDS.get(row.kind, row.kind)}", screen, "dim")
        said = f"{row.text} " if row.text else ""
        yield from (f"  {line}" for line in wrap(screen.text(f"{said}({row.question}, {row.title})"), _room(screen)))
    if len(rows) >= _PAGE:
        yield screen.style(f"Earlier ones: anyday feed --before {rows[-1].at}", "dim")


#: So many lines of the feed come at a time.
_PAGE: Final = 50

