"""Views: what the rows and the folded questions say, in the shapes of the wire. They change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from anyday import wire
from anyday.instants import DAY, MINUTE, Instant, iso, local_of
from anyday.market.curve import Curve
from anyday.market.horizon import Claim, say_claim
from anyday.market.prior import WHOLE
from anyday.phrases import say_instant
from anyday.points import say_points, write_points
from anyday.reads import questions, remarks
from anyday.reads.players import StakeRow
from anyday.reads.questions import FlowRow, QuestionRow
from anyday.rules import events as e
from anyday.rules.ledger import CLOSEST, FORECAST, MARKET, TOTE, question_stream
from anyday.rules.question import (
    ABOUT,
    COULD_CAUSE,
    DEPUTISES,
    HOSTS,
    JUDGES,
    LIVE,
    PENDING,
    RESOLVES,
    THE_CREW,
    USED_A_POWER,
    Life,
    Question,
)
from anyday.service.history import curve_quantiles, quantiles
from anyday.service.names import Names, named
from anyday.service.said import entry, say_outcome
from anyday.service.shown import Shown
from anyday.store.database import Database

SPARKS: Final = 32


def ppm(chance: float) -> int:
    """A chance as the wire writes it: integer parts per million."""
    assert -1e-9 <= chance <= 1 + 1e-9, "a chance lies between 0 and 1"
    return min(WHOLE, max(0, round(chance * WHOLE)))


def bars(question: Question, curve: Curve) -> tuple[wire.Bar, ...]:
    """The curve's pieces with their instants."""
    start = question.horizon.start
    places = [start(edge) for edge in curve.edges]
    return tuple(wire.Bar(places[i], places[i + 1], ppm(mass)) for i, mass in enumerate(curve.masses))


def drawn_curve(question: Question, curve: Curve, now: Instant, spread: Mapping[str, int | None], smooth: bool = False) -> wire.CurveView:
    """A curve with its instants, its quantiles (UTC microseconds) and its sentence."""
    horizon = question.horizon
    return wire.CurveView(
        version=question.version, now=now, passed_until=horizon.start(question.passed), origin=horizon.origin, horizon=horizon.end,
        bars=bars(question, curve), never=ppm(curve.never), quantiles=dict(spread), sentence=curve.sentence(horizon), smooth=smooth,
    )  # fmt: skip


def curve_view(shown: Shown, now: Instant) -> wire.CurveView | None:
    """The curve of a question at ``now``, conditioned on what has not passed: the market's, or else the crowd's as far as it
    may be seen; None where there is none yet."""
    question = shown.question
    if MARKET in question.mechanisms:
        opened = question.opened.market
        return drawn_curve(question, shown.curve(), now, quantiles(shown), smooth=opened is not None and opened.smooth)
    curve = crowd(question, now)
    return drawn_curve(question, curve, now, curve_quantiles(question, curve)) if curve is not None else None


def crowd(question: Question, now: Instant) -> Curve | None:
    """The curve of a question without a market: the tote's, or the forecasts' once they may be seen, conditioned on what has
    not passed. Guesses are bids for a prize, and make no chances: they are told as what they are."""
    for name in (TOTE, FORECAST):
        if name in question.mechanisms and not question.hidden(name, now):
            curve = question.mechanisms[name].curve()
            if curve is not None and (question.passed == 0 or curve.survival(question.passed) > 0):
                return curve.condition(question.passed)
    return None


def spark(shown: Shown, now: Instant) -> tuple[int, ...]:
    """The question's curve in a few pieces of the time that is left: how high each stands, in ppm of as many grains as one has
    on average; empty where there is no curve to be seen."""
    question = shown.question
    first, count = question.passed, question.horizon.count
    if first == count:
        return ()
    pieces = min(SPARKS, count - first)
    edges = tuple(first + (count - first) * piece // pieces for piece in range(pieces + 1))
    if MARKET in question.mechanisms:
        masses: Sequence[float] = shown.curve(edges).masses
    elif (curve := crowd(question, now)) is not None:
        masses = [curve.between(a, b) for a, b in pairwise(edges)]
    else:
        return ()
    each = (count - first) / pieces
    return tuple(ppm(min(1.0, mass * each / (b - a))) for mass, (a, b) in zip(masses, pairwise(edges), strict=True))


def held_view(question: Question, player: str) -> tuple[wire.Held, ...]:
    """What a player's position pays, stretch by stretch; stretches that pay nothing are left out."""
    if MARKET not in question.mechanisms:
        return ()
    position = question.market.position(player)
    horizon = question.horizon
    shown = []
    for first, last, shares in position.steps:
        if shares:
            claim = Claim(first, last, False)
            ends = iso(horizon.start(first)), iso(horizon.start(last))
            shown.append(wire.Held(say_claim(claim, horizon), write_points(shares), *ends))
    if position.never:
        shown.append(wire.Held(say_claim(Claim(0, horizon.count, True), horizon), write_points(position.never)))
    return tuple(shown)


class Drawn(NamedTuple):
    """What is kept of a question between two visits: it holds for one version, one number of passed grains, as long as what is
    sealed stays so, and until what stands at another boundary is shown."""

    key: tuple[int, int, bool, Instant | None]
    curve: wire.CurveView | None
    spark: tuple[int, ...]


def card(row: QuestionRow, question: Question, drawn: Drawn, moved: int, now: Instant, held: bool, asked: str | None) -> wire.QuestionCard:
    """A question as the board shows it; ``asked``: what it waits for the visitor to do."""
    live = row.state in LIVE or row.state == Life.DRAFT
    said = (drawn.curve.sentence if drawn.curve is not None else unsaid(question, now)) if live else ended(question)
    if row.state == Life.DRAFT:
        said = "It opens once those whom it is about agree."
    elif live and question.passed == question.horizon.count:
        said = "All of its time has passed: it waits for its ruling."
    return wire.QuestionCard(
        id=row.id, title=row.title, state=row.state, sentence=said, spark=drawn.spark, never=drawn.curve.never if drawn.curve else 0,
        moved=moved, held=held,
        bets=row.bets, opened_at=iso(row.opened_at), horizon=say_instant(question.horizon.end, question.horizon.zone, question.horizon.grain),
        section="yours" if asked else section(row, moved, now), outcome=ended(question) if not live else None, plays=tuple(question.mechanisms),
        asks=asked,
    )  # fmt: skip


def unsaid(question: Question, now: Instant) -> str:
    """What stands in place of a curve where there is none to be seen."""
    if question.life is Life.VOID:
        return "It was called off; what was sealed then stays sealed."
    closes = when(question.opened.closes, question)
    if now < question.opened.closes:
        return f"Entries close on {closes}."
    told = guessed(question) if CLOSEST in question.mechanisms and question.closest.guesses else ""
    if FORECAST in question.mechanisms:
        return f"{told} Forecasts are sealed until the ruling.".strip()
    if told:
        return told
    return "All that was entered has passed." if question.stakeholders else "Nobody has entered."


def guessed(question: Question) -> str:
    """The guesses of a question that has opened them, as a sentence: how many, the middle one of those that name a time, never."""
    guesses, horizon = question.closest.guesses, question.horizon
    dated = sorted(guess.claim.first for guess in guesses if not guess.claim.complement)
    never = len(guesses) - len(dated)
    said = [f"{len(guesses)} {'guess' if len(guesses) == 1 else 'guesses'}"]
    if dated:
        said.append(f"the middle one {say_claim(Claim(dated[(len(dated) - 1) // 2], dated[(len(dated) - 1) // 2] + 1, False), horizon)}")
    if never:
        said.append(f"{never} {'says' if never == 1 else 'say'} never")
    return f"{'; '.join(said)}."


def got(question: Question, shown: Shown, player: str) -> int:
    """What a player's position is worth as long as it lives, at the chances that are shown; then what the ruling paid for it. Micro-points."""
    if question.live:
        return shown.worth(question, player) if MARKET in question.mechanisms else 0
    return question.posted.paid(player)


def ended(question: Question) -> str:
    """How a question ended, as a sentence."""
    if question.ruled is not None:
        said = say_outcome(question.ruled.outcome, question)
        called_off = " It was called off." if question.life is Life.VOID else ""
        return f"{said[:1].upper()}{said[1:]}.{called_off}"
    return "It was called off, and every stake returned."


def section(row: QuestionRow, moved: int, now: Instant) -> str:
    """Where the board puts it."""
    if row.state in (Life.SETTLED, Life.VOID):
        return "settled"
    if row.state in (Life.CLOSED, *PENDING) or now >= row.horizon:
        return "ruling"
    if row.state == Life.DRAFT or (now - row.opened_at < 2 * DAY and row.bets == 0):
        return "new"
    return "moved" if moved >= 30_000 else "soon"


def when(instant: int, question: Question) -> str:
    """An instant of the timeline in the question's zone, to the minute."""
    local = local_of(instant, question.horizon.zone)
    return f"{local.day} {local:%B %Y, %H:%M}"


def timeline(database: Database, crew: str, question: Question, names: Names, actor: str | None) -> tuple[wire.Entry, ...]:
    """What happened on the question besides bets, the newest first; what has no sentence has no line. ``names`` as this visitor may
    know them."""
    rows = questions.entries(database, crew, question_stream(question.id))
    texts = remarks.texts(database, crew, question_stream(question.id)) if question.comments else {}
    thanked = Counter(version for _, version in question.thanks)
    lines = []
    for row in rows:
        line = _line(row.version, Instant(row.at), row.event, question)
        if isinstance(row.event, e.Commented):
            line = msgspec.structs.replace(line, said=texts.get(row.version, ERASED))
        author = question.authors.get(row.version)
        if author is not None:
            may = actor is not None and author != actor and (actor, row.version) not in question.thanks
            line = msgspec.structs.replace(line, by=named(names, author), thanks=thanked[row.version], may_thank=may)
        elif not isinstance(row.event, e.Thanked) and (by := getattr(row.event, "by", None)) is not None and not isinstance(row.event, e.Voted):
            line = msgspec.structs.replace(line, by="the crew" if by == THE_CREW else named(names, by))
        if line.said and not isinstance(row.event, e.Thanked):
            lines.append(line)
    return tuple(lines)


#: What is said in place of a title that is not shown.
HIDDEN_TITLE: Final = "A question that is not shown"
#: What is said in place of a comment that was erased.
ERASED: Final = "This comment was erased."


def _line(version: int, at: Instant, event: e.Event, question: Question) -> wire.Entry:
    line = wire.Entry(version, iso(at), when(at, question), e.kind(event), entry(event, question))
    if not isinstance(event, e.Noted):
        return line
    return msgspec.structs.replace(line, note=event.kind, start=event.start, end=event.end, evidence=event.evidence)


def bet_view(row: FlowRow, question: Question, player: str | None, names: Names | None, sized: bool) -> wire.BetView:
    """One bet or collection: with its player's name where ``names`` are shown; with its size where that is shown, or it is one's own."""
    window = "collected"
    if row.first is not None and row.last is not None:
        window = say_claim(Claim(row.first, row.last, bool(row.complement)), question.horizon)
    mine = row.player == player
    return wire.BetView(
        row.version, iso(row.at), window, write_points(row.shares) if sized or mine else None,
        write_points(row.charge - row.released) if sized or mine else None, bool(row.standing), mine,
        named(names, row.player) if names is not None else None,
    )  # fmt: skip


def barred(question: Question, names: Names) -> tuple[str, ...]:
    """Who cannot bet, and why, in words."""
    return tuple(f"{named(names, player)} ({_BARRED[why]})" for player, why in question.barred.items())


_BARRED: Final = {
    RESOLVES: "the resolver", USED_A_POWER: "has used a power over it", HOSTS: "the host; the house pays", DEPUTISES: "the deputy",
    JUDGES: "has judged it", ABOUT: "it is about them", COULD_CAUSE: "can cause or time it, says the host",
}  # fmt: skip


def outcome_text(question: Question) -> str | None:
    """The outcome as one would type it, UTC: for programs."""
    if question.ruled is None:
        return None
    outcome: e.Outcome = question.ruled.outcome
    return "never" if outcome.never else f"{iso(outcome.start)}/{iso(outcome.end)}"


def lead_minutes(question: Question) -> int:
    """The lead in whole minutes."""
    return question.opened.lead // MINUTE


def quote_said(window: str, shares: int, cost: int) -> str:
    """What an order would do, as a sentence."""
    if shares < 0:
        return f"You would receive {say_points(-cost)} points for {say_points(-shares)} points of payout on {window}."
    if cost < 0:
        return f"You would receive {say_points(-cost)} points: with what you hold, this bet frees more than it costs."
    paid = say_points(cost)
    return f"You pay {paid} {'point' if paid == '1' else 'points'} and get {say_points(shares)} if it comes true: {window}."


def positions(
    rows: Sequence[StakeRow], states: Mapping[str, Question], player: str, entered: Callable[[Question, str], tuple[str, ...]],
    worth: Callable[[Question, str], int],
) -> tuple[wire.PositionView, ...]:
    """Where a player has, or had, a stake; ``entered`` says what besides bets."""
    shown = []
    for question_id, title, state, _, net, paid, hidden in rows:
        question = states.get(question_id)
        title = HIDDEN_TITLE if hidden else title
        shown.append(
            wire.PositionView(
                question_id, title, state, held_view(question, player) if question else (), write_points(-net),
                write_points(worth(question, player) if question else paid),
                write_points(question.market.collectable(player) if question and MARKET in question.mechanisms else 0),
                entered(question, player) if question else (),
            )
        )  # fmt: skip
    return tuple(shown)
