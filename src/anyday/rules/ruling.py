"""Ruling, voiding and correcting: the cut, what stands before it, and what everybody gets.

A ruling cuts the log at the start of the grain that holds the occurrence, less the lead; everything at or after the cut
is voided exactly and what stands is a prefix (docs/mathematics.md, "The cut"). Never cuts nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from anyday.instants import At, Instant, NeverBy, Outcome, Window, Within, in_bounds
from anyday.phrases import parse_instant, parse_outcome, say_instant
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import record
from anyday.rules.ledger import BELL, CLOSEST, FORECAST, HOUSE, MARKET, SEALED
from anyday.rules.purse import Purse
from anyday.rules.question import (
    CORRECTION_TIME,
    LIVE,
    MOST_CORRECTIONS,
    PENDING,
    THE_CREW,
    Crew,
    History,
    Life,
    Question,
    recorded,
    standing,
)
from anyday.rules.situation import Events, Situation

EVIDENCE_LONGEST: Final = 4_000
Purses = Callable[[str], Purse]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an outcome does: the cut, what stands (``kept``), what is posted, and totals for the preview. ``grains`` are those in
    which it happened, None for never and where it is called off."""

    outcome: Outcome
    void: bool
    grains: tuple[int, int] | None
    cut: Instant | None
    kept: Question
    voided: int
    posted: e.Posted
    looks: record.Looks

    @property
    def standing(self) -> int:
        """The version of the question's stream up to which it stands."""
        assert self.kept.version >= 1, "the opening stands"
        return self.kept.version

    def scored(self, now: Instant) -> tuple[e.Scored, ...]:
        """What was said before it happened, scored; nothing where it is called off."""
        assert not self.void or self.grains is None, "what is called off has no outcome"
        return () if self.void else self.looks.scored(self.kept, self.grains, now)

    def lines(self, without: Iterable[str] = ()) -> list[e.Line]:
        """The lines of all books but those of the mechanisms named, and of what is set aside for sealed bets: that is never told."""
        left_out = {*without, BELL}
        lines = [line for book in self.posted.books if book.mechanism not in left_out for line in book.lines]
        assert len(lines) <= sum(len(book.lines) for book in self.posted.books), "nothing is told twice"
        return lines

    def paid(self, without: Iterable[str] = ()) -> int:
        """Points paid for what is held, in all."""
        paid = sum(line.paid for line in self.lines(without))
        assert paid >= 0, "a payout is never a charge"
        return paid

    def returned(self, without: Iterable[str] = ()) -> int:
        """Points that voided bets give back, in all; what voided sales take back is not counted against it."""
        returned = [line.returned for line in self.lines(without)]
        assert self.cut is not None or not any(returned), "what is not cut is not returned"
        return sum(max(0, amount) for amount in returned)

    @property
    def back(self) -> int:
        """What the subsidy's payer gets back, and the house keeps."""
        back = sum(book.house for book in self.posted.books) + sum(line.subsidy for line in self.lines())
        assert back >= 0, "nobody pays more than the subsidy"
        return back


def settlement(question: Question, history: History, purses: Purses, outcome: Outcome) -> Settlement:
    """What ``outcome`` would post, as integers, given the question's whole record."""
    horizon, opened = question.horizon, question.opened
    void, outcome = placed(question, outcome)
    grains: tuple[int, int] | None = None
    cut: Instant | None = None
    if void:
        cut = Instant(opened.at)
    elif not isinstance(outcome, NeverBy):
        window = _window(outcome)
        grains = horizon.touched(window.start, window.end)
        cut = Instant(horizon.start(grains[0]) - opened.lead)
    looks = record.Looks(question, cut)
    kept = standing(question.id, history, cut, looks.stops, looks.see)
    assert kept.version <= question.version, "what stands is a prefix"
    books = (*(_book(question, kept, name, grains) for name in question.mechanisms), *_unrung(question))
    amounts: Counter[str] = Counter()
    for line in (line for book in books for line in book.lines):
        amounts[line.player] += line.out
    debts = tuple(debt for player, amount in amounts.items() if (debt := _debt(question, purses(player), player, amount)).owed)
    assert not void or all(line.paid == 0 for book in books for line in book.lines), "calling it off pays nobody"
    return Settlement(outcome, void, grains, cut, kept, question.bets - kept.bets, e.Posted(books, debts), looks)


def _book(question: Question, kept: Question, name: str, grains: tuple[int, int] | None) -> e.Book:
    """What goes out of one mechanism's escrow: to each player a line, and the rest to whom it belongs."""
    opened, flows, mechanism = question.opened, question.flows[name], kept.mechanisms[name]
    pays = mechanism.payouts(grains) if kept.flows[name] else {}  # a cut at or before the opening leaves nobody
    rest = mechanism.escrow - sum(pays.values())
    assert rest >= 0, "no more is paid than the escrow holds"
    assert rest == 0 or name not in SEALED, "guesses and forecasts pay all that was staked"
    host = name == MARKET and opened.subsidy_from != HOUSE
    players = [player for player in flows if not (host and player == opened.host)]
    lines = [e.Line(player, pays.get(player, 0), kept.flows[name].get(player, 0) - flows[player], 0) for player in players]
    if host:
        returned = kept.flows[name].get(opened.host, 0) - flows.get(opened.host, 0)
        lines.append(e.Line(opened.host, pays.get(opened.host, 0), returned, rest))
    house = 0 if host else rest
    put_up = opened.subsidy if name == MARKET else 0
    assert sum(line.out for line in lines) + house == put_up - sum(flows.values()), "what goes out is what the escrow held, to the unit"
    return e.Book(name, tuple(lines), house)


def _unrung(question: Question) -> tuple[e.Book, ...]:
    """What was set aside for sealed bets whose bell has not rung goes back."""
    lines = tuple(e.Line(player, 0, -flow, 0) for player, flow in question.flows.get(BELL, {}).items() if flow)
    assert not lines or not question.rung, "the bell has sorted out what was set aside"
    return (e.Book(BELL, lines, 0),) if lines else ()


def placed(question: Question, outcome: Outcome) -> tuple[bool, Outcome]:
    """Whether the outcome calls the question off, and what it means for it: beyond the horizon is never."""
    if isinstance(outcome, NeverBy):
        return question.withdrew is not None, outcome
    window = _window(outcome)
    assert window.start < window.end, "what happened took some time"
    if window.start >= question.horizon.end:
        return question.withdrew is not None, NeverBy()
    before = window.start < max(question.horizon.origin, question.horizon.start(0))
    return before or window.end > question.horizon.end or _withdrawn(question, window), outcome


def _withdrawn(question: Question, window: Window) -> bool:
    """Whether somebody whom it is about had withdrawn before it had happened: then it is called off."""
    assert window.start < window.end, "what happened took some time"
    return question.withdrew is not None and window.end > question.withdrew.at


def _window(outcome: At | Within) -> Window:
    assert isinstance(outcome, At | Within), "never is no window"
    if isinstance(outcome, At):
        return Window(outcome.instant, Instant(outcome.instant + 1))
    return outcome.window


def _debt(question: Question, purse: Purse, player: str, amount: int) -> e.Debt:
    """The debt that a settlement of ``amount`` leaves, or repays: an account never goes below zero, ``owed`` holds the rest."""
    undone = sum(line.out for book in question.posted.books for line in book.lines if line.player == player)
    lent = sum(debt.owed for debt in question.posted.debts if debt.player == player)
    balance, debt = purse.balance + amount - undone - lent, purse.owed - lent
    owed = -debt if balance >= debt else -balance
    assert balance + owed >= 0 and debt + owed >= 0, "neither the account nor the debt goes below zero"
    return e.Debt(player, owed)


def rule(situation: Situation, question: Question, actor: str, command: c.Rule, now: Instant) -> Events | Refusal:
    """Declare the outcome. It is settled when its dispute window ends: at once, where that is zero."""
    if question.life not in LIVE:
        return Refusal(Reason.ALREADY_RULED, state=question.life)
    outcome = declared(question, actor, command, now)
    if isinstance(outcome, Refusal):
        return outcome
    known_at = _known_at(question, command.known_at, now)
    if isinstance(known_at, Refusal):
        return known_at
    result = settlement(question, situation.history(), situation.purse, outcome)
    events = ruled(question, result, actor, command.evidence.strip(), known_at, now)
    assert question.opened.dispute >= 0, "a window is a span of time"
    return events if question.opened.dispute else (*events, *settling(question, result, situation.root, actor, now))


def ruled(question: Question, result: Settlement, by: str, evidence: str, known_at: Instant, now: Instant) -> Events:
    """The outcome, as the log says it: with what it cuts."""
    closed = (e.Closed(at=now, by=by),) if question.life in (Life.OPEN, Life.HALTED) else ()
    said = e.Ruled(
        at=now, by=by, outcome=recorded(result.outcome), known_at=known_at, evidence=evidence, cut=result.cut, standing=result.standing,
        voided=result.voided,
    )  # fmt: skip
    assert known_at <= now, "nobody knows the future"
    return (*closed, said)


def settling(question: Question, result: Settlement, root: Callable[[str], str], by: str, now: Instant) -> Events:
    """What a ruling that stands posts. ``root`` binds the entries of a mechanism that are still sealed: they may be seen from here on."""
    assert question.posted.books == (), "it is settled once"
    if result.void:
        outside = question.withdrew is None
        reason = "what happened lies outside the question's time" if outside else "somebody whom it is about withdrew before it happened"
        return (e.Voided(at=now, by=by, reason=reason, posted=result.posted),)
    return (*_unsealed(question, root, now), e.Settled(at=now, posted=result.posted), *result.scored(now))


def _unsealed(question: Question, root: Callable[[str], str], now: Instant) -> tuple[e.Unsealed, ...]:
    """What an outcome opens of what is still sealed: the forecasts, and guesses too if it was called off before their bell, or if a ruling
    was waiting when entries closed."""
    names = [name for name in SEALED if name in question.mechanisms and name not in question.unsealed]
    rung = question.life is Life.VOID or (question.life in PENDING and now >= question.opened.closes)
    assert CLOSEST not in names or question.life is Life.VOID or now >= question.opened.closes, "guesses are opened by their bell"
    return tuple(e.Unsealed(at=now, mechanism=name, root=root(name)) for name in names if name == FORECAST or rung)


def may_rule(question: Question, actor: str, now: Instant) -> Refusal | None:
    """Why somebody cannot declare the outcome: its resolver does or, after the time of silence, its deputy; nobody whose ruling was
    withdrawn; and of a ruling that was made, also whoever made it. What somebody has judged is final: they alone correct it."""
    told = Refusal(Reason.NOT_ALLOWED, who="its resolver")
    if actor in question.overturned:
        return Refusal(Reason.RULING_FELL)
    late = now >= question.horizon.end + question.opened.silence or question.resolver in question.overturned
    deputises = actor == question.deputy and late and question.ruled is None
    again = question.ruled is not None and actor in (question.ruled.by, question.dispute.judge)
    if question.ruled is not None and question.dispute.judge not in ("", THE_CREW, actor):
        return Refusal(Reason.NOT_ALLOWED, who="its judge")
    if actor != question.resolver and not deputises and not again:
        return told
    assert actor, "somebody rules"
    return Refusal(Reason.HAS_STAKE, what="rule", who="the owner") if question.has_stake(actor) else None


def declared(question: Question, actor: str, command: c.Rule | c.Correct, now: Instant) -> Outcome | Refusal:
    """The outcome that somebody who may rule declares now, or why not."""
    refused = may_rule(question, actor, now)
    return refused if refused is not None else stated(question, command, now)


def stated(question: Question, command: c.Rule | c.Correct | c.Judge, now: Instant) -> Outcome | Refusal:
    """The outcome as it was typed, with its evidence; whoever it is that says it."""
    if command.expected_version is not None and command.expected_version != question.version:
        return Refusal(Reason.VERSION_MOVED)
    if not command.outcome.strip():
        return Refusal(Reason.TEXT_MISSING, name="the outcome")
    evidence = c.bounded_text(command.evidence, "the evidence", EVIDENCE_LONGEST)
    if isinstance(evidence, Refusal):
        return evidence
    return happened(question, command.outcome, now)


def happened(question: Question, typed: str, now: Instant) -> Outcome | Refusal:
    """An outcome as typed, which must have happened; never from the horizon on."""
    horizon = question.horizon
    outcome = parse_outcome(typed, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=now)
    if isinstance(outcome, Refusal):
        return outcome
    if isinstance(outcome, NeverBy):
        if now < horizon.end:
            return Refusal(Reason.NEVER_TOO_EARLY, horizon=say_instant(horizon.end, horizon.zone, horizon.grain))
    elif _window(outcome).end > now + 1:
        return Refusal(Reason.NOT_YET, text=f"“{typed.strip()}”")
    assert typed.strip(), "something was typed"
    return outcome


def _known_at(question: Question, typed: str | None, now: Instant) -> Instant | Refusal:
    if typed is None or not typed.strip():
        return now
    known_at = parse_instant(typed, zone=question.horizon.zone)
    if isinstance(known_at, Refusal):
        return known_at
    assert in_bounds(known_at), "a time that was read is a time"
    return Refusal(Reason.NOT_YET, text=f"“{typed.strip()}”") if known_at > now else known_at


def void(situation: Situation, question: Question, actor: str, command: c.Void, now: Instant) -> Events | Refusal:
    """Call it off: the cut at opening, every flow reversed."""
    assert situation.crew is not None, "a question belongs to a crew"
    refused = may_void(question, situation.crew, actor, now)
    if refused is not None:
        return refused
    reason = c.bounded_text(command.reason, "the reason", EVIDENCE_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    result = called_off(question, situation.history(), situation.purse)
    assert result.void, "it is called off"
    return (e.Voided(at=now, by=actor, reason=reason, posted=result.posted),)


def may_void(question: Question, crew: Crew, actor: str, now: Instant) -> Refusal | None:
    """Why it cannot be called off by ``actor``: it is the resolver's or the owner's to do, the deputy's once the resolver is silent; the
    host's while nobody has bet, and nobody could have without its being seen."""
    if question.life not in (Life.DRAFT, *LIVE):
        return Refusal(Reason.ALREADY_RULED, state=question.life)
    host_alone = actor == question.host and question.bets == 0 and (not has_sealed(question) or question.life is Life.DRAFT)
    late = actor == question.deputy and now >= question.horizon.end + question.opened.silence
    if actor not in (question.resolver, crew.owner) and not host_alone and not late:
        return Refusal(Reason.NOT_ALLOWED, who="its resolver or the owner")
    if question.has_stake(actor):
        return Refusal(Reason.HAS_STAKE, what="void", who="its resolver")
    assert question.ruled is None, "what was ruled is corrected instead"
    return None


def has_sealed(question: Question) -> bool:
    """Whether somebody may have entered it without its being seen."""
    assert question.mechanisms, "a question is played in at least one way"
    return bool(question.mechanisms.keys() & set(SEALED)) or (question.opened.bell is not None and not question.rung)


def called_off(question: Question, history: History, purses: Purses) -> Settlement:
    """What voiding does: every flow reversed, to the unit."""
    before = Window(Instant(question.horizon.origin - 1), question.horizon.origin)
    assert question.ruled is None, "what was ruled is corrected instead"
    return settlement(question, history, purses, Within(before))


def correct(situation: Situation, question: Question, actor: str, command: c.Correct, now: Instant) -> Events | Refusal:
    """Replace the ruling within its 90 days: reversing and new postings, nothing is edited."""
    if question.ruled is None:
        return Refusal(Reason.NOT_RULED, state=question.life)
    if question.life in PENDING:
        return Refusal(Reason.NOT_SETTLED_YET)
    outcome = declared(question, actor, command, now)
    if isinstance(outcome, Refusal):
        return outcome
    reason = c.bounded_text(command.reason, "the reason", EVIDENCE_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    if now > question.ruled_at + CORRECTION_TIME:
        return Refusal(Reason.TOO_LATE_TO_CORRECT)
    if question.corrections >= MOST_CORRECTIONS:
        return Refusal(Reason.CORRECTED_OFTEN, count=MOST_CORRECTIONS)
    result = settlement(question, situation.history(), situation.purse, outcome)
    assert question.posted.books, "a ruling has posted something to reverse"
    corrected = e.Corrected(
        at=now, by=actor, reason=reason, outcome=recorded(result.outcome), evidence=command.evidence.strip(), void=result.void,
        cut=result.cut, standing=result.standing, voided=result.voided, reversed=question.posted, posted=result.posted,
    )  # fmt: skip
    return (*(() if result.void else _unsealed(question, situation.root, now)), corrected, *result.scored(now))
