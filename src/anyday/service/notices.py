"""What is told to whom: from the events of a commit to notices, and from a notice to its words.

``from_events`` is pure and looks only at what everybody may see: nothing is ever made from a sealed entry, nor for
somebody because they have one, until the ruling has shown them all. ``render`` finds a notice's words at the time when it
is shown or sent, with what its recipient may see then; None where they may not see it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from anyday.notify.notices import Notice, Rendered
from anyday.points import say_points
from anyday.refusals import Refusal
from anyday.rules import events as e
from anyday.rules.question import Crew, Question
from anyday.service import said
from anyday.service.names import named

if TYPE_CHECKING:
    from anyday.service import Service


# from events to notices


def from_events(crew_id: str, stream: str, version: int, events: Sequence[e.Event], question: Question | None, crew: Crew | None) -> list[Notice]:
    """The notices of one command's events, which begin after ``version`` of their stream; ``question`` and ``crew`` as they are after them."""
    if crew is None or question is None or not isinstance(events[0], _TOLD):
        return []
    found: list[Notice] = []
    for place, event in enumerate(events, start=version + 1):
        if isinstance(event, _TOLD):
            found += _of(event, question, crew, crew_id, f"{stream}/{place}", [other for other in events if other is not event])
    return found


_TOLD: Final = (e.QuestionOpened, e.Noted, e.Closed, e.Ruled, e.Settled, e.Voided, e.Corrected)


def _of(event: e.Event, question: Question, crew: Crew, crew_id: str, key: str, beside: Sequence[e.Event]) -> Iterator[Notice]:
    def tell(kind: str, players: Iterable[str], **facts: int | str) -> Iterator[Notice]:
        for player in sorted(set(players)):
            if crew.members.get(player) is False:  # a member, and no machine
                yield Notice(crew_id, player, kind, f"{kind}/{key}", event.at, question.id, facts)

    everybody, version = set(crew.members), int(key.rpartition("/")[2])
    match event:
        case e.QuestionOpened():
            yield from tell("question_opened", everybody - {event.host}, by=event.host)
        case e.Noted():
            yield from tell("near_miss", (question.stakeholders | {question.opened.host}) - {event.by}, by=event.by, version=version)
        case e.Ruled():
            settled = next((other for other in beside if isinstance(other, e.Settled)), None)
            yield from tell("ruled", everybody - {event.by} - _touched(question, settled))
        case e.Settled():
            yield from tell("settled", _touched(question, event))
        case e.Corrected():
            yield from tell("settled", (_touched(question, event) | {player for book in event.reversed.books for player in _players(book)}))
        case e.Voided():
            yield from tell("voided", everybody - {event.by}, by=event.by)
        case _:
            return


def _touched(question: Question, event: e.Settled | e.Corrected | None) -> set[str]:
    """Whom a settlement touches: who had a stake that all could see, and to whom it pays, which all can see from now on."""
    paid = {player for book in event.posted.books for player in _players(book)} if event is not None else set()
    return question.stakeholders | paid


def _players(book: e.Book) -> set[str]:
    return {line.player for line in book.lines}


# from a notice to words


def render(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    """A notice as its recipient may see it now, in words."""
    if service.role(recipient) == "nobody":
        return None
    return _WORDS[notice.kind](service, notice, recipient)


_Words = Callable[["Service", Notice, str], Rendered | None]


def _on_question(title: str, text: str) -> _Words:
    """The words of a kind that is about a question: ``{title}`` is the question's as its recipient may see it, ``{by}`` who did it."""

    def words(service: Service, notice: Notice, recipient: str) -> Rendered | None:
        heading = service.heading(notice.question or "", recipient)
        if isinstance(heading, Refusal):
            return None
        facts = {"title": heading, "by": _by(service, notice)}
        return Rendered(title.format_map(facts), text.format_map(facts), f"/q/{notice.question}")

    return words


def _of_crew(title: str, text: str, link: str) -> _Words:
    """The words of a kind that may be about the crew itself, or about a question of it."""

    def words(service: Service, notice: Notice, recipient: str) -> Rendered | None:
        if notice.question is not None:
            return _on_question(title.replace("{crew}", "“{title}”"), text.replace("{crew}", "“{title}”"))(service, notice, recipient)
        facts = {"crew": service.crew_name, "by": _by(service, notice)}
        return Rendered(title.format_map(facts), text.format_map(facts), link)

    return words


def _by(service: Service, notice: Notice) -> str:
    by = notice.facts.get("by")
    return named(service.people.names(), str(by)) if by is not None else "somebody"


def _ended(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    """How a question ended, and what it gave to its recipient."""
    heading = service.heading(notice.question or "", recipient)
    question = service.find(notice.question or "")
    if isinstance(heading, Refusal) or question is None or question.ruled is None:
        return None
    outcome = said.say_outcome(question.ruled.outcome, question)
    paid = question.posted.paid(recipient)
    got = f" You were paid {say_points(paid)} points." if paid else ""
    return Rendered(f"Settled: {heading}", f"{outcome[:1].upper()}{outcome[1:]}.{got}", f"/q/{notice.question}")


def _ruled(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    heading = service.heading(notice.question or "", recipient)
    question = service.find(notice.question or "")
    if isinstance(heading, Refusal) or question is None or question.ruled is None:
        return None
    outcome = said.say_outcome(question.ruled.outcome, question)
    return Rendered(f"Ruled: {heading}", f"{outcome[:1].upper()}{outcome[1:]}.", f"/q/{notice.question}")


def _near_miss(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    heading = service.heading(notice.question or "", recipient)
    question = service.find(notice.question or "")
    noted = next((event for version, event in question.notes if version == notice.facts.get("version")), None) if question is not None else None
    if isinstance(heading, Refusal) or question is None or noted is None:
        return None
    kind = "A near miss" if noted.kind == "near_miss" else "News"
    return Rendered(f"{kind}: {heading}", said.entry(noted, question), f"/q/{notice.question}")


#: The words of each kind of message.
_WORDS: Final[dict[str, _Words]] = {
    "alarm": _of_crew("Alarm: {crew}", "An alarm was raised or lifted. Look at once, and acknowledge it.", "/crew"),
    "ruling_asked": _on_question("Your ruling is asked: {title}", "Its time has come. Please say what happened, or that it did not."),
    "handover": _of_crew("A duty is handed to you: {crew}", "{by} hands you a duty. It is yours once you accept it.", "/crew"),
    "judging_asked": _on_question("You are to judge a dispute: {title}", "Its ruling is disputed, and you are the one to decide."),
    "consent_asked": _on_question("You are asked for your leave: {title}", "{by} asks a question about you. It opens only if you agree."),
    "question_opened": _on_question("New question: {title}", "{by} asks. Have a look, and say when."),
    "closing_soon": _on_question("Entries close soon: {title}", "What is not in by then stays out."),
    "ruled": _ruled,
    "disputed": _on_question("Disputed: {title}", "Somebody disputes the ruling. Nothing is paid before that is decided."),
    "settled": _ended,
    "voided": _on_question("Called off: {title}", "Every stake was returned. The question's page says why."),
    "comment": _on_question("New comment: {title}", "{by} wrote something."),
    "near_miss": _near_miss,
    "thanks": _on_question("Thanks: {title}", "{by} thanks you."),
    "invited": _of_crew("You are invited: {crew}", "{by} invites you.", "/crew"),
}
