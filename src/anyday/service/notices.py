"""What is told to whom: from the events of a commit to notices, and from a notice to its words.

``from_events`` is pure and looks only at what everybody may see: nothing is ever made from a sealed entry, nor for
somebody because they have one, until the bell or the ruling has shown them all. ``render`` finds a notice's words at the time when it
is shown or sent, with what its recipient may see then; None where they may not see it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from anyday.instants import Grain, Instant
from anyday.notify.notices import BY_NAME, Answered, Notice, Rendered
from anyday.phrases import say_instant
from anyday.points import say_points
from anyday.refusals import Refusal
from anyday.rules import events as e
from anyday.rules import timing
from anyday.rules.ledger import CREW_STREAM, Flowing
from anyday.rules.question import Crew, Life, Question
from anyday.service import said
from anyday.service.names import named

if TYPE_CHECKING:
    from anyday.service import Service


# from events to notices


def from_events(
    crew_id: str, stream: str, version: int, events: Sequence[e.Event], question: Question | None, crew: Crew | None
) -> list[Notice | Answered]:
    """What one command's events tell, which begin after ``version`` of their stream, and which earlier notices they answer; ``question``
    and ``crew`` as they are after them."""
    if crew is None or isinstance(events[0], e.SealedEvent | e.TallyEvent) or all(isinstance(event, Flowing) for event in events):
        return []
    found: list[Notice | Answered] = []
    about = question.id if question is not None and stream != CREW_STREAM else None
    for place, event in enumerate(events, start=version + 1):
        kinds, player = _answers(event)
        if kinds:
            found.append(Answered(crew_id, kinds, event.at, about, player))
        tell = _Teller(crew_id, crew, question, f"{stream}/{place}", event.at)
        if question is None or stream == CREW_STREAM:
            found += _in_crew(event, crew, tell)
        else:
            found += _of(event, question, crew, tell, place, [other for other in events if other is not event])
    return found


def _answers(event: e.Event) -> tuple[tuple[str, ...], str | None]:
    """The kinds of urgent notice that need no acknowledgement any more once this has happened, of all or of one player."""
    match event:
        case e.AlarmLifted() | e.Resumed():
            return ("alarm",), None
        case e.DutyAccepted() | e.DutyDeclined():
            return ("handover",), None
        case e.Consented():
            return ("consent_asked",), event.by
        case e.Withdrew():
            return ("consent_asked", "alarm"), None
        case e.Ruled():
            return ("ruling_asked", "vote_asked", "alarm"), None
        case e.Voted():
            return ("vote_asked",), event.by
        case e.Judged() | e.Settled():
            return ("judging_asked", "vote_asked"), None
        case e.Voided():
            return ("ruling_asked", "judging_asked", "vote_asked", "consent_asked", "alarm", "handover"), None
        case _:
            return (), None


class _Teller:
    """Makes the notices of one event: to members, and to no machine."""

    def __init__(self, crew_id: str, crew: Crew, question: Question | None, key: str, at: int) -> None:
        self.crew_id, self._crew, self._question, self._key, self._at = crew_id, crew, question, key, at

    def __call__(self, kind: str, players: Iterable[str], deputy: str | None = None, **facts: int | str) -> Iterator[Notice]:
        for player in sorted(set(players)):
            member = self._crew.members.get(player)
            if member is not None and not member.simulated:
                about = self._question.id if self._question is not None else None
                stands_in = deputy if deputy != player else None
                yield Notice(self.crew_id, player, kind, f"{kind}/{self._key}", self._at, about, facts, stands_in)


def asked(crew_id: str, question: Question, crew: Crew, now: Instant) -> list[Notice]:
    """Those whose turn it has become by the clock: to rule, to judge, to vote. The same turn is the same notice."""
    found: list[Notice] = []
    for turn in timing.asked(question, crew):
        if turn.at <= now and not (turn.what == "enter" and now >= question.opened.closes):
            tell = _Teller(crew_id, crew, question, f"question/{question.id}@{turn.at}", now)
            found += tell(_TURNS[turn.what], turn.who, question.deputy if turn.what == "rule" else None)
    return found


_TURNS: Final = {"rule": "ruling_asked", "judge": "judging_asked", "vote": "vote_asked", "enter": "closing_soon"}


def _in_crew(event: e.Event, crew: Crew, tell: _Teller) -> Iterator[Notice]:
    match event:
        case e.AlarmRaised() | e.AlarmLifted():
            raised = isinstance(event, e.AlarmRaised)
            yield from tell("alarm" if raised else "all_clear", set(crew.members) - {event.by}, by=event.by, raised=int(raised))
        case e.DutyOffered() | e.DutyAccepted() | e.DutyReturned():
            yield from _passes(event, crew.members, tell)


def _passes(event: e.DutyOffered | e.DutyAccepted | e.DutyReturned, concerned: Iterable[str], tell: _Teller) -> Iterator[Notice]:
    match event:
        case e.DutyOffered():
            yield from tell("handover", {event.to}, by=event.by, duty=event.duty)
        case e.DutyAccepted():
            yield from tell("duty_passed", set(concerned) - {event.by}, by=event.by, duty=event.duty)
        case e.DutyReturned():
            yield from tell("duty_passed", concerned, by=event.to, duty=event.duty)


def _of(event: e.Event, question: Question, crew: Crew, tell: _Teller, version: int, beside: Sequence[e.Event]) -> Iterator[Notice]:
    everybody = set(crew.members)
    concerned = question.stakeholders | set(question.duties.now.values())
    match event:
        case e.QuestionOpened() if question.life is Life.DRAFT:
            yield from tell("consent_asked", set(event.subjects) - question.agreed, by=event.host)
        case e.QuestionOpened():
            yield from tell("question_opened", everybody - {event.host}, by=event.host)
        case e.Consented() if question.life is Life.OPEN:
            yield from tell("question_opened", everybody - {event.by}, by=question.host)
        case e.Halted() | e.Resumed():
            raised = isinstance(event, e.Halted)
            yield from tell("alarm" if raised else "all_clear", everybody - {event.by}, by=event.by, raised=int(raised))
        case e.Withdrew() if question.life is not Life.VOID:
            yield from tell("ruling_asked", {question.resolver}, question.deputy)
        case e.DutyOffered() | e.DutyAccepted() | e.DutyReturned():
            yield from _passes(event, concerned, tell)
        case e.Rung():
            yield from _rang(event, tell)
        case e.Noted():
            yield from tell("near_miss", (question.stakeholders | {question.host}) - {event.by}, by=event.by, version=version)
        case e.Commented():
            yield from tell("comment", (concerned | set(question.authors.values())) - {event.by}, by=event.by, version=version)
        case e.Thanked():
            yield from tell("thanks", {question.authors[event.version]}, by=event.by)
        case e.Ruled() | e.Disputed() | e.Judged() | e.Settled() | e.Corrected() | e.Voided():
            yield from _decided(event, question, crew, tell, beside)


def _rang(event: e.Rung, tell: _Teller) -> Iterator[Notice]:
    """To each who had a sealed bet, what the bell did with theirs: from now on everybody can see it."""
    for player in sorted({line.player for line in event.lines}):
        own = [line for line in event.lines if line.player == player]
        filled = [line for line in own if line.shares]
        yield from tell("rung", {player}, sealed=len(own), filled=len(filled), charge=sum(line.charge for line in filled))


def _decided(
    event: e.Ruled | e.Disputed | e.Judged | e.Settled | e.Corrected | e.Voided, question: Question, crew: Crew, tell: _Teller,
    beside: Sequence[e.Event],
) -> Iterator[Notice]:  # fmt: skip
    everybody, concerned = set(crew.members), question.stakeholders | set(question.duties.now.values())
    match event:
        case e.Ruled():
            settled = next((other for other in beside if isinstance(other, e.Settled)), None)
            touched = _touched(question, settled)
            yield from tell("ruled", everybody - {event.by} - touched)
            yield from tell("disputable", touched - {event.by} if settled is None else ())
        case e.Disputed():
            yield from tell("disputed", concerned - {event.by}, by=event.by)
            waiting = timing.judges(question, crew) if question.ruled is not None else []
            if question.dispute.since == event.at and waiting:
                yield from asked(tell.crew_id, question, crew, Instant(event.at))
        case e.Judged():
            yield from tell("judged", (concerned | set(question.dispute.by)) - {event.by})
        case e.Settled():
            yield from tell("settled", _touched(question, event))
        case e.Corrected():
            yield from tell("settled", (_touched(question, event) | {player for book in event.reversed.books for player in _players(book)}))
        case e.Voided():
            yield from tell("voided", everybody - {event.by}, by=event.by)


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
    words, absent = _WORDS[notice.kind](service, notice, recipient), notice.facts.get("instead_of")
    if words is None or absent is None:
        return words
    return replace(words, text=f"{named(service.people.names(), str(absent))} was told and has not answered; you stand in. {words.text}")


_Words = Callable[["Service", Notice, str], Rendered | None]


def _on_question(title: str, text: str) -> _Words:
    """The words of a kind that is about a question: ``{title}`` is the question's as its recipient may see it, ``{by}`` who did it."""

    def words(service: Service, notice: Notice, recipient: str) -> Rendered | None:
        heading = service.heading(notice.question or "", recipient)
        if isinstance(heading, Refusal):
            return None
        facts = {"title": heading, "by": _by(service, notice)}
        return Rendered(title.format_map(facts), text.format_map(facts), _path(notice))

    return words


def _of_crew(title: str, text: str, link: str) -> _Words:
    """The words of a kind that may be about the crew itself, or about a question of it."""

    def words(service: Service, notice: Notice, recipient: str) -> Rendered | None:
        if notice.question is not None:
            return _on_question(title.replace("{crew}", "“{title}”"), text.replace("{crew}", "“{title}”"))(service, notice, recipient)
        facts = {"crew": service.crew_name, "by": _by(service, notice)}
        return Rendered(title.format_map(facts), text.format_map(facts), f"/c/{notice.crew}{link}")

    return words


def _invited(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    """Another crew invites somebody, as long as they have not joined it."""
    other = service.of(str(notice.facts.get("into", "")))
    if other is None or other.role(recipient) != "nobody":
        return None
    return Rendered(f"You are invited: {other.crew_name}", f"{_by(service, notice)} invites you. Accept or decline on your own page.", "/me")


def _path(notice: Notice) -> str:
    return f"/c/{notice.crew}/q/{notice.question}"


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
    return Rendered(f"Settled: {heading}", f"{outcome[:1].upper()}{outcome[1:]}.{got}", _path(notice))


def _ruled(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    heading = service.heading(notice.question or "", recipient)
    question = service.find(notice.question or "")
    if isinstance(heading, Refusal) or question is None or question.ruled is None:
        return None
    outcome = said.say_outcome(question.ruled.outcome, question)
    until = Instant(question.ruled_at + question.opened.dispute)
    open_still = f" Nothing is paid before {say_instant(until, question.horizon.zone, Grain.MINUTE)}; until then it can be disputed."
    text = f"{outcome[:1].upper()}{outcome[1:]}.{open_still if question.life is Life.RULED and service.now() < until else ''}"
    return Rendered(f"Ruled: {heading}", text, _path(notice))


def _near_miss(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    heading = service.heading(notice.question or "", recipient)
    question = service.find(notice.question or "")
    noted = next((event for version, event in question.notes if version == notice.facts.get("version")), None) if question is not None else None
    if isinstance(heading, Refusal) or question is None or noted is None:
        return None
    kind = "A near miss" if noted.kind == "near_miss" else "News"
    return Rendered(f"{kind}: {heading}", said.entry(noted, question), _path(notice))


def _rung(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    """What the bell did with its recipient's sealed bets."""
    heading = service.heading(notice.question or "", recipient)
    if isinstance(heading, Refusal):
        return None
    count, filled, charge = (int(notice.facts.get(name, 0)) for name in ("sealed", "filled", "charge"))
    if not filled:
        text = "Your sealed bet stayed out." if count == 1 else f"Your {count} sealed bets stayed out."
        return Rendered(f"The bell rang: {heading}", f"{text} What was set aside is yours again.", _path(notice))
    which = "Your sealed bet was filled" if count == 1 else f"{filled} of your {count} sealed bets {'was' if filled == 1 else 'were'} filled"
    return Rendered(f"The bell rang: {heading}", f"{which}, for {say_points(charge)} points.", _path(notice))


def _while(stands: Callable[[Question], bool], words: _Words) -> _Words:
    """Words that are said as long as something stands: whoever was asked for what is done already is asked no more."""

    def those(service: Service, notice: Notice, recipient: str) -> Rendered | None:
        question = service.find(notice.question or "")
        return words(service, notice, recipient) if question is not None and stands(question) else None

    return those


def _alarm(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    raised, by = bool(notice.facts.get("raised")), _by(service, notice)
    if notice.question is None:
        reason = f" {service.alarm()}" if raised and service.alarm() else ""
        said = f"{by} raised an alarm: everything is halted.{reason}" if raised else f"{by} lifted the alarm: betting goes on."
        return Rendered(f"{'Alarm' if raised else 'All clear'}: {service.crew_name}", said, f"/c/{notice.crew}/crew")
    words = _on_question("Halted: {title}" if raised else "It goes on: {title}", "{by} halted it." if raised else "{by} lets betting go on.")
    return words(service, notice, recipient)


def _duty(title: str, text: str) -> _Words:
    """The words of what happens to a duty of the crew, or of a question of it."""

    def words(service: Service, notice: Notice, recipient: str) -> Rendered | None:
        duty = str(notice.facts.get("duty", "duty"))
        made = _of_crew(title.replace("{duty}", duty), text.replace("{duty}", duty), "/crew")
        return made(service, notice, recipient)

    return words


def _offered(service: Service, notice: Notice, recipient: str) -> Rendered | None:
    """A duty that is still offered."""
    question = service.find(notice.question) if notice.question is not None else None
    offers = question.duties.offers if question is not None else service.offers()
    offer = offers.get(str(notice.facts.get("duty")))
    if offer is None or offer.to not in (recipient, notice.facts.get("instead_of")):
        return None
    return _duty("A duty is handed to you: {crew}", "{by} hands you the duty of {duty}. It is yours once you accept it.")(service, notice, recipient)


#: The words of each kind of message.
_WORDS: Final[dict[str, _Words]] = {
    "alarm": _alarm,
    "all_clear": _alarm,
    "ruling_asked": _while(
        lambda question: question.live,
        _on_question("Your ruling is asked: {title}", "Its time has come. Please say what happened, or that it did not."),
    ),
    "handover": _offered,
    "duty_passed": _duty("A duty has passed: {crew}", "{by} is {duty} now."),
    "judging_asked": _while(
        lambda question: question.life is Life.DISPUTED,
        _on_question("You are to judge a dispute: {title}", "Its ruling is disputed, and you are the one to decide."),
    ),
    "vote_asked": _while(
        lambda question: question.life is Life.DISPUTED or question.live,
        _on_question("Your vote is asked: {title}", "The crew decides. Please vote."),
    ),
    "consent_asked": _while(
        lambda question: question.life is Life.DRAFT,
        _on_question("You are asked for your leave: {title}", "{by} asks a question about you. It opens only if you agree."),
    ),
    "question_opened": _on_question("New question: {title}", "{by} asks. Have a look, and say when."),
    "closing_soon": _on_question("Entries close soon: {title}", "What is not in by then stays out."),
    "rung": _rung,
    "ruled": _ruled,
    "disputable": _ruled,
    "disputed": _on_question("Disputed: {title}", "{by} disputes the ruling. Nothing is paid before that is decided."),
    "judged": _on_question("Decided: {title}", "The dispute is decided. The question's page says how."),
    "settled": _ended,
    "voided": _on_question("Called off: {title}", "Every stake was returned. The question's page says why."),
    "comment": _on_question("New comment: {title}", "{by} wrote something."),
    "near_miss": _near_miss,
    "thanks": _on_question("Thanks: {title}", "{by} thanks you."),
    "invited": _invited,
}
assert set(_WORDS) == set(BY_NAME), "each kind of message has its words"
