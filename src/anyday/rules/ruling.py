"""Ruling, voiding and correcting: the cut, what stands before it, and what everybody gets.

A ruling cuts the log at the start of the grain that holds the occurrence, less the lead; everything at or after the cut
is voided exactly and what stands is a prefix (docs/mathematics.md, "The cut"). Never cuts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from anyday.instants import At, Instant, NeverBy, Outcome, Window, Within, in_bounds
from anyday.phrases import parse_instant, parse_outcome, say_instant
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.ledger import HOUSE
from anyday.rules.purse import Purse
from anyday.rules.question import CORRECTION_TIME, Crew, Life, Question, recorded, standing

EVIDENCE_LONGEST: Final = 4_000
Purses = Callable[[str], Purse]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an outcome does: the cut, what stands, the lines, what goes back to the house, and totals for the preview."""

    outcome: Outcome
    void: bool
    cut: Instant | None
    standing: int
    voided: int
    lines: tuple[e.Line, ...]
    house: int

    @property
    def paid(self) -> int:
        """Points paid for what is held, in all."""
        paid = sum(line.paid for line in self.lines)
        assert paid >= 0, "a payout is never a charge"
        return paid

    @property
    def returned(self) -> int:
        """Points that voided bets give back, in all; what voided sales take back is not counted against it."""
        assert self.cut is not None or not any(line.returned for line in self.lines), "what is not cut is not returned"
        return sum(max(0, line.returned) for line in self.lines)

    @property
    def back(self) -> int:
        """What the subsidy's payer gets back."""
        assert not self.house or not any(line.subsidy for line in self.lines), "one of the two has paid it"
        return self.house + sum(line.subsidy for line in self.lines)


def settlement(question: Question, history: Sequence[e.QuestionEvent], purses: Purses, outcome: Outcome) -> Settlement:
    """What ``outcome`` would post, as integers, given the question's whole history."""
    horizon, opened = question.horizon, question.opened
    void, outcome = _placed(question, outcome)
    grains: tuple[int, int] | None = None
    cut: Instant | None = None
    if void:
        cut = Instant(opened.at)
    elif not isinstance(outcome, NeverBy):
        window = _window(outcome)
        grains = (horizon.grain_at(window.start), horizon.grain_at(Instant(window.end - 1)) + 1)
        cut = Instant(horizon.start(grains[0]) - opened.lead)
    kept = standing(question.id, history, cut)
    assert kept.version <= question.version, "what stands is a prefix"
    pays = kept.market.payouts(grains) if kept.flows else {}  # a cut at or before the opening leaves nobody
    escrow = kept.market.escrow - sum(pays.values())
    assert escrow >= 0, "the house never pays more than the subsidy"
    lines = [_line(question, kept, player, pays.get(player, 0), 0) for player in question.flows]
    house = escrow if opened.subsidy_from == HOUSE else 0
    if opened.subsidy_from != HOUSE:
        lines = [line for line in lines if line.player != opened.host]
        lines.append(_line(question, kept, opened.host, pays.get(opened.host, 0), escrow))
    settled = tuple(_with_debt(line, question, purses(line.player)) for line in lines)
    moved = sum(line.paid + line.returned + line.subsidy for line in settled) + house
    assert moved == opened.subsidy - sum(question.flows.values()), "what goes out is what the escrow held, to the unit"
    assert not void or all(line.paid == 0 for line in settled), "calling it off pays nobody"
    return Settlement(outcome, void, cut, kept.version, question.bets - kept.bets, settled, house)


def _placed(question: Question, outcome: Outcome) -> tuple[bool, Outcome]:
    """Whether the outcome calls the question off, and what it means for it: beyond the horizon is never."""
    if isinstance(outcome, NeverBy):
        return False, outcome
    window = _window(outcome)
    assert window.start < window.end, "what happened took some time"
    if window.start >= question.horizon.end:
        return False, NeverBy()
    before = window.start < max(question.horizon.origin, question.horizon.start(0))
    return before or window.end > question.horizon.end, outcome


def _window(outcome: At | Within) -> Window:
    assert isinstance(outcome, At | Within), "never is no window"
    if isinstance(outcome, At):
        return Window(outcome.instant, Instant(outcome.instant + 1))
    return outcome.window


def _line(question: Question, kept: Question, player: str, paid: int, subsidy: int) -> e.Line:
    assert paid >= 0 and subsidy >= 0, "a settlement takes nothing by these"
    returned = kept.flows.get(player, 0) - question.flows.get(player, 0)
    return e.Line(player, paid, returned, subsidy, 0)


def _with_debt(line: e.Line, question: Question, purse: Purse) -> e.Line:
    """The line with the debt that it leaves, or repays: an account never goes below zero, ``owed`` holds the rest."""
    undone = next((old for old in question.lines if old.player == line.player), e.Line(line.player, 0, 0, 0, 0))
    balance = purse.balance + line.paid + line.returned + line.subsidy
    balance -= undone.paid + undone.returned + undone.subsidy + undone.owed
    debt = purse.owed - undone.owed
    owed = -debt if balance >= debt else -balance
    assert balance + owed >= 0 and debt + owed >= 0, "neither the account nor the debt goes below zero"
    return e.Line(line.player, line.paid, line.returned, line.subsidy, owed)


def rule(
    question: Question, history: Sequence[e.QuestionEvent], purses: Purses, actor: str, command: c.Rule, now: Instant
) -> tuple[e.Event, ...] | Refusal:
    """Declare the outcome. The dispute window is zero here, so what follows is posted with it."""
    if question.life not in (Life.OPEN, Life.CLOSED):
        return Refusal(Reason.ALREADY_RULED, state=question.life)
    outcome = declared(question, actor, command, now)
    if isinstance(outcome, Refusal):
        return outcome
    known_at = _known_at(question, command.known_at, now)
    if isinstance(known_at, Refusal):
        return known_at
    result = settlement(question, history, purses, outcome)
    ruled = e.Ruled(
        at=now, by=actor, outcome=recorded(result.outcome), known_at=known_at, evidence=command.evidence.strip(), cut=result.cut,
        standing=result.standing, voided=result.voided,
    )  # fmt: skip
    assert known_at <= now, "nobody knows the future"
    closed = (e.Closed(at=now, by=actor),) if question.life is Life.OPEN else ()
    if result.void:
        reason = "what happened lies outside the question's time"
        return (*closed, ruled, e.Voided(at=now, by=actor, reason=reason, lines=result.lines, house=result.house))
    return (*closed, ruled, e.Settled(at=now, lines=result.lines, house=result.house))


def declared(question: Question, actor: str, command: c.Rule | c.Correct, now: Instant) -> Outcome | Refusal:
    """The outcome that the resolver may declare now, or why not."""
    if actor != question.opened.resolver:
        return Refusal(Reason.NOT_ALLOWED, who="its resolver")
    if actor in question.stakeholders:
        return Refusal(Reason.HAS_STAKE, what="rule", who="the owner")
    if command.expected_version is not None and command.expected_version != question.version:
        return Refusal(Reason.VERSION_MOVED)
    if not command.outcome.strip():
        return Refusal(Reason.TEXT_MISSING, name="the outcome")
    evidence = c.bounded_text(command.evidence, "the evidence", EVIDENCE_LONGEST)
    if isinstance(evidence, Refusal):
        return evidence
    horizon = question.horizon
    outcome = parse_outcome(command.outcome, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=now)
    if isinstance(outcome, Refusal):
        return outcome
    if isinstance(outcome, NeverBy):
        if now < horizon.end:
            return Refusal(Reason.NEVER_TOO_EARLY, horizon=say_instant(horizon.end, horizon.zone, horizon.grain))
    elif _window(outcome).end > now + 1:
        return Refusal(Reason.NOT_YET, text=f"“{command.outcome.strip()}”")
    assert question.life is not Life.RULED, "a ruling is settled with it: its dispute window is zero"
    return outcome


def _known_at(question: Question, typed: str | None, now: Instant) -> Instant | Refusal:
    if typed is None or not typed.strip():
        return now
    known_at = parse_instant(typed, zone=question.horizon.zone)
    if isinstance(known_at, Refusal):
        return known_at
    assert in_bounds(known_at), "a time that was read is a time"
    return Refusal(Reason.NOT_YET, text=f"“{typed.strip()}”") if known_at > now else known_at


def void(
    question: Question, history: Sequence[e.QuestionEvent], purses: Purses, crew: Crew, actor: str, command: c.Void, now: Instant
) -> tuple[e.Event, ...] | Refusal:
    """Call it off: the cut at opening, every flow reversed."""
    refused = may_void(question, crew, actor)
    if refused is not None:
        return refused
    reason = c.bounded_text(command.reason, "the reason", EVIDENCE_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    result = called_off(question, history, purses)
    assert result.void, "it is called off"
    return (e.Voided(at=now, by=actor, reason=reason, lines=result.lines, house=result.house),)


def may_void(question: Question, crew: Crew, actor: str) -> Refusal | None:
    """Why it cannot be called off by ``actor``: it is the resolver's or the owner's to do; the host's while nobody has bet."""
    if question.life not in (Life.OPEN, Life.CLOSED):
        return Refusal(Reason.ALREADY_RULED, state=question.life)
    host_alone = actor == question.opened.host and question.bets == 0
    if actor not in (question.opened.resolver, crew.owner) and not host_alone:
        return Refusal(Reason.NOT_ALLOWED, who="its resolver or the owner")
    if actor in question.stakeholders:
        return Refusal(Reason.HAS_STAKE, what="void", who="its resolver")
    assert question.ruled is None, "what was ruled is corrected instead"
    return None


def called_off(question: Question, history: Sequence[e.QuestionEvent], purses: Purses) -> Settlement:
    """What voiding does: every flow reversed, to the unit."""
    before = Window(Instant(question.horizon.origin - 1), question.horizon.origin)
    assert question.ruled is None, "what was ruled is corrected instead"
    return settlement(question, history, purses, Within(before))


def correct(
    question: Question, history: Sequence[e.QuestionEvent], purses: Purses, actor: str, command: c.Correct, now: Instant
) -> tuple[e.Event, ...] | Refusal:
    """Replace the ruling within its 90 days: reversing and new postings, nothing is edited."""
    if question.ruled is None:
        return Refusal(Reason.NOT_RULED, state=question.life)
    outcome = declared(question, actor, command, now)
    if isinstance(outcome, Refusal):
        return outcome
    reason = c.bounded_text(command.reason, "the reason", EVIDENCE_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    if now > question.ruled_at + CORRECTION_TIME:
        return Refusal(Reason.TOO_LATE_TO_CORRECT)
    result = settlement(question, history, purses, outcome)
    assert question.lines or not question.flows, "a ruling has posted something to reverse"
    corrected = e.Corrected(
        at=now, by=actor, reason=reason, outcome=recorded(result.outcome), evidence=command.evidence.strip(),
        void=result.void, cut=result.cut, standing=result.standing, voided=result.voided, reversed=question.lines,
        reversed_house=question.house, lines=result.lines, house=result.house,
    )  # fmt: skip
    return (corrected,)
