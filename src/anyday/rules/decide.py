"""What may happen: one short function a command, its preconditions in the order of the refusals.

``decide`` is pure: the situation and the time come in, events or a refusal go out. It parses what people typed, so the
page, the API and the command line cannot disagree about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from anyday.instants import DAY, Grain, Instant, Phrase, check_zone, in_bounds
from anyday.market import lmsr, prior
from anyday.market.horizon import Claim, Horizon, claim_of
from anyday.market.mechanism import Order
from anyday.phrases import parse_instant, parse_span, parse_window
from anyday.points import MAX_UNITS, write_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import ruling
from anyday.rules.ledger import CREW, HOUSE
from anyday.rules.purse import Purse
from anyday.rules.question import Crew, Life, Question

TITLE_LONGEST: Final = 200
TERMS_LONGEST: Final = 10_000
TEXT_LONGEST: Final = 4_000
LEAD_LONGEST: Final = 366 * DAY
LAG_LONGEST: Final = 3_660 * DAY


@dataclass(slots=True)
class Situation:
    """What a decision is made from. ``purse`` gives the points of a player; ``history`` the question's events, for the
    commands that cut; ``new_id`` an unused id, for the one that opens a question; ``house`` the house's points."""

    crew: Crew | None
    question: Question | None
    purse: Callable[[str], Purse]
    house: int = 0
    history: Sequence[e.QuestionEvent] = ()
    new_id: str = ""


Events = tuple[e.Event, ...]


def decide(situation: Situation, actor: str, command: c.Command, now: Instant) -> Events | Refusal:
    """The events that a command causes, or why not. ``now`` is at or after the stream's last time."""
    assert actor and in_bounds(now), "somebody asks, at some time"
    if isinstance(command, c.OpenCrew):
        return _open_crew(situation, actor, command, now)
    crew = situation.crew
    if crew is None:
        return Refusal(Reason.NOT_FOUND, what="crew")
    if isinstance(command, c.Join):
        return _join(crew, actor, command, now)
    if actor not in crew.members:
        return Refusal(Reason.NOT_ALLOWED, who="a member of the crew")
    if isinstance(command, c.Grant):
        return _grant(situation, crew, actor, command, now)
    if isinstance(command, c.Ask):
        return _ask(situation, crew, actor, command, now)
    question = situation.question
    if question is None:
        return Refusal(Reason.NOT_FOUND, what="question")
    assert now >= question.last_at, "the clock that is passed in never runs behind the stream"
    match command:
        case c.Bet():
            return _bet(situation, question, actor, command, now)
        case c.Sell():
            return _sell(situation, question, actor, command, now)
        case c.Collect():
            return _collect(question, actor, now)
        case c.Close():
            return _close(question, actor, now)
        case c.Rule():
            return ruling.rule(question, situation.history, situation.purse, actor, command, now)
        case c.Void():
            return ruling.void(question, situation.history, situation.purse, crew, actor, command, now)
        case c.Correct():
            return ruling.correct(question, situation.history, situation.purse, actor, command, now)


def _open_crew(situation: Situation, actor: str, command: c.OpenCrew, now: Instant) -> Events | Refusal:
    if situation.crew is not None:
        return Refusal(Reason.ALREADY_THERE, what="the crew")
    name = c.bounded_text(command.name, "the crew's name", TITLE_LONGEST)
    zone = check_zone(command.zone)
    if isinstance(name, Refusal):
        return name
    if isinstance(zone, Refusal):
        return zone
    if not 0 <= command.report_lag <= LAG_LONGEST:
        return Refusal(Reason.TIME_OUT_OF_BOUNDS, name="the report lag")
    for amount in (command.joining_grant, command.house_grant):
        if not 0 <= amount <= MAX_UNITS:
            return Refusal(Reason.AMOUNT_TOO_LARGE, name="the grant")
    opened = e.CrewOpened(
        at=now, crew=CREW, name=name, owner=actor, zone=zone, joining_grant=command.joining_grant, house_grant=command.house_grant,
        report_lag=command.report_lag,
    )  # fmt: skip
    assert check_zone(zone) == zone, "a zone is recorded as the zone data spells it"
    return (opened, e.PlayerJoined(at=now, player=actor, grant=command.joining_grant, simulated=False))


def _join(crew: Crew, actor: str, command: c.Join, now: Instant) -> Events | Refusal:
    if actor in crew.members:
        return Refusal(Reason.ALREADY_THERE, what="this player")
    assert actor != HOUSE, "the house is nobody's player"
    return (e.PlayerJoined(at=now, player=actor, grant=crew.opened.joining_grant, simulated=command.simulated),)


def _grant(situation: Situation, crew: Crew, actor: str, command: c.Grant, now: Instant) -> Events | Refusal:
    if actor != crew.owner:
        return Refusal(Reason.NOT_ALLOWED, who="the owner")
    if command.to != HOUSE and command.to not in crew.members:
        return Refusal(Reason.NOT_FOUND, what="player")
    if command.amount <= 0:
        return Refusal(Reason.NOT_POSITIVE, name="a grant")
    held = situation.house if command.to == HOUSE else situation.purse(command.to).balance
    if held + command.amount > MAX_UNITS:
        return Refusal(Reason.AMOUNT_TOO_LARGE, name="the grant")
    reason = c.bounded_text(command.reason, "the reason", TEXT_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    repaid = 0 if command.to == HOUSE else min(situation.purse(command.to).owed, command.amount)
    assert 0 <= repaid <= command.amount, "a grant repays no more than it gives"
    return (e.Granted(at=now, by=actor, to=command.to, amount=command.amount, repaid=repaid, reason=reason),)


def _ask(situation: Situation, crew: Crew, actor: str, command: c.Ask, now: Instant) -> Events | Refusal:
    title = c.bounded_text(command.title, "the title", TITLE_LONGEST)
    terms = c.bounded_text(command.terms, "the terms", TERMS_LONGEST)
    source = c.bounded_text(command.source, "the source", TEXT_LONGEST, needed=False)
    for refused in (title, terms, source):
        if isinstance(refused, Refusal):
            return refused
    if command.resolver not in crew.members:
        return Refusal(Reason.NOT_FOUND, what="resolver")
    if command.subsidy_from == HOUSE and actor != crew.owner:
        return Refusal(Reason.NOT_ALLOWED, who="the owner")
    if command.subsidy_from != HOUSE and situation.purse(actor).owed > 0:
        return Refusal(Reason.OWES, owed=write_points(situation.purse(actor).owed))
    if command.subsidy_from not in (HOUSE, "host"):
        return Refusal(Reason.MALFORMED, detail="the subsidy comes from the house or from the host")
    if command.subsidy < 0:
        return Refusal(Reason.NOT_POSITIVE, name="the subsidy")
    if command.subsidy > MAX_UNITS:
        return Refusal(Reason.AMOUNT_TOO_LARGE, name="the subsidy")
    if not 0 <= command.lead <= LEAD_LONGEST:
        return Refusal(Reason.TIME_OUT_OF_BOUNDS, name="the lead")
    horizon = _span(command, now)
    if isinstance(horizon, Refusal):
        return horizon
    if horizon.passed(now, command.lead) >= horizon.count:
        return Refusal(Reason.ALL_PASSED)
    opening = _opening(command.opening, horizon, now)
    if isinstance(opening, Refusal):
        return opening
    sized = lmsr.liquidity_for(command.subsidy, opening)
    if isinstance(sized, Refusal):
        return sized
    liquidity, escrow = sized
    situation.purse(actor).age(Instant(now - crew.opened.report_lag))
    paid_from = situation.house if command.subsidy_from == HOUSE else situation.purse(actor).spendable()
    if escrow > paid_from:
        if command.subsidy_from == HOUSE:
            return Refusal(Reason.HOUSE_SHORT, balance=write_points(paid_from))
        return Refusal(Reason.NOT_ENOUGH, cost=write_points(escrow), spendable=write_points(paid_from))
    assert 0 < escrow <= command.subsidy, "no more is escrowed than was named"
    assert opening.count == horizon.count, "the opening curve covers the question's time"
    runs = tuple(e.Run(*run) for run in opening.runs)
    opened = e.QuestionOpened(
        at=now, question=situation.new_id, host=actor, resolver=command.resolver, title=str(title), terms=str(terms),
        source=str(source), zone=horizon.zone, tzdata=horizon.tzdata, grain=horizon.grain.value, origin=horizon.origin,
        lengths=horizon.lengths, lead=command.lead, runs=runs, never=opening.never, smooth=opening.smooth, liquidity=liquidity,
        subsidy=escrow, subsidy_from=command.subsidy_from,
    )  # fmt: skip
    return (opened,)


def _span(command: c.Ask, now: Instant) -> Horizon | Refusal:
    zone = check_zone(command.zone)
    if isinstance(zone, Refusal):
        return zone
    origin = parse_instant(command.origin, zone=zone, now=now)
    if isinstance(origin, Refusal):
        return origin
    end = parse_instant(command.horizon, zone=zone, now=now)
    if isinstance(end, Refusal):
        return end
    assert zone == check_zone(zone), "the zone is spelled as the zone data spells it"
    return Horizon.build(Grain(command.grain), zone, origin, end)


def _opening(asked: c.OpeningUniform | c.OpeningQuantiles, horizon: Horizon, now: Instant) -> prior.Opening | Refusal:
    if isinstance(asked, c.OpeningUniform):
        return prior.uniform(horizon.count, asked.never)
    points: list[tuple[int, int]] = []
    for by, chance in asked.by:
        span = parse_span(by, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=now)
        if isinstance(span, Refusal):
            return span
        if not horizon.origin < span.end <= horizon.end:
            return Refusal(Reason.BAD_OPENING, detail=f"“{by}” is not between the origin and the horizon")
        edge = horizon.boundary(span.end)
        if edge is None:
            return Refusal(Reason.OFF_THE_GRAIN, text=f"“{by}”", grain=horizon.grain, zone=horizon.zone)
        assert 0 < edge <= horizon.count, "a chance is stated at the end of some grain"
        points.append((edge, chance))
    return prior.from_quantiles(horizon.count, points, asked.never)


def _may_bet(situation: Situation, question: Question, actor: str) -> Refusal | None:
    if (why := question.barred.get(actor)) is not None:
        return Refusal(Reason.BARRED, why=why)
    if question.life is not Life.OPEN:
        return Refusal(Reason.NOT_OPEN, state=question.life)
    purse = situation.purse(actor)
    assert purse.owed >= 0, "nobody owes less than nothing"
    return Refusal(Reason.OWES, owed=write_points(purse.owed)) if purse.owed > 0 else None


def claimed(question: Question, window: str, now: Instant) -> Claim | Refusal:
    """The grains that a typed window names, as long as none of them has started by the question's clock."""
    horizon = question.horizon
    phrase: Phrase | Refusal = parse_window(window, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=now)
    if isinstance(phrase, Refusal):
        return phrase
    passed = horizon.passed(now, question.opened.lead)
    claim = claim_of(phrase, horizon, passed)
    assert isinstance(claim, Refusal) or claim.last > passed, "nothing that has wholly passed is claimed"
    return claim


def order_of(question: Question, actor: str, command: c.Bet, now: Instant) -> Order | Refusal:
    """A bet's order, with every number bounded; the size is one of three."""
    sizes = [size for size in (command.shares, command.spend, command.target) if size is not None]
    if len(sizes) != 1:
        return Refusal(Reason.ONE_SIZE)
    if command.target is not None and not 0 < command.target < prior.WHOLE:
        return Refusal(Reason.NOT_A_CHANCE, name="the target")
    for amount, name in ((command.shares, "shares"), (command.spend, "points"), (command.max_cost, "the limit")):
        if amount is not None and amount <= 0:
            return Refusal(Reason.NOT_POSITIVE, name=name)
        if amount is not None and amount > MAX_UNITS:
            return Refusal(Reason.AMOUNT_TOO_LARGE, name=name)
    if command.expected_version is not None and command.expected_version != question.version:
        return Refusal(Reason.VERSION_MOVED)
    claim = claimed(question, command.window, now)
    if isinstance(claim, Refusal):
        return claim
    assert sizes[0] > 0, "every size is positive"
    return Order(actor, claim, command.shares, command.spend, command.target, command.max_cost, command.min_shares)


def sale_of(question: Question, actor: str, command: c.Sell, now: Instant) -> Order | Refusal:
    """A sale's order: what is asked, or all that is held over the whole of the window."""
    if command.shares is not None and not 0 < command.shares <= MAX_UNITS:
        return Refusal(Reason.NOT_POSITIVE, name="shares")
    if command.expected_version is not None and command.expected_version != question.version:
        return Refusal(Reason.VERSION_MOVED)
    claim = claimed(question, command.window, now)
    if isinstance(claim, Refusal):
        return claim
    held = question.market.held(actor, claim)
    shares = held if command.shares is None else command.shares
    if held < shares or shares == 0:
        return Refusal(Reason.HOLDS_LESS, held=write_points(held))
    assert 0 < shares <= held, "one sells what one holds"
    limit = None if command.min_proceeds is None else -command.min_proceeds
    return Order(actor, claim, -shares, None, None, limit, None)


def _bet(situation: Situation, question: Question, actor: str, command: c.Bet, now: Instant) -> Events | Refusal:
    refused = _may_bet(situation, question, actor)
    if refused is not None:
        return refused
    assert actor not in question.powers_used, "who has used a power over it is barred"
    question.market.advance(now)
    order = order_of(question, actor, command, now)
    return order if isinstance(order, Refusal) else _fill(situation, question, order, now)


def _sell(situation: Situation, question: Question, actor: str, command: c.Sell, now: Instant) -> Events | Refusal:
    refused = _may_bet(situation, question, actor)
    if refused is not None and refused.reason is not Reason.OWES:
        return refused  # who owes may still sell: it brings in what is owed
    assert question.life is Life.OPEN, "only an open question trades"
    question.market.advance(now)
    order = sale_of(question, actor, command, now)
    return order if isinstance(order, Refusal) else _fill(situation, question, order, now)


def _fill(situation: Situation, question: Question, order: Order, now: Instant) -> Events | Refusal:
    quote = question.market.quote(order)
    if isinstance(quote, Refusal):
        return quote
    assert situation.crew is not None, "a bet is made inside a crew"
    purse = situation.purse(order.player)
    purse.age(Instant(now - situation.crew.opened.report_lag))
    spendable, cost = purse.spendable(question.id), quote.charge - quote.released
    if cost > max(0, spendable):
        return Refusal(Reason.NOT_ENOUGH, cost=write_points(cost), spendable=write_points(max(0, spendable)))
    assert quote.released >= 0, "a floor is never taken back"
    placed = e.BetPlaced(
        at=now, player=order.player, first=quote.claim.first, last=quote.claim.last, complement=quote.claim.complement,
        shares=quote.shares, charge=quote.charge, released=quote.released,
    )  # fmt: skip
    return (placed,)


def _collect(question: Question, actor: str, now: Instant) -> Events | Refusal:
    if question.life not in (Life.OPEN, Life.CLOSED):
        return Refusal(Reason.NOT_OPEN, state=question.life)
    question.market.advance(now)
    released = question.market.collectable(actor)
    if released <= 0:
        return Refusal(Reason.NOTHING_TO_COLLECT)
    assert released <= question.market.escrow, "the escrow holds every floor"
    return (e.Collected(at=now, player=actor, released=released),)


def _close(question: Question, actor: str, now: Instant) -> Events | Refusal:
    if actor != question.opened.resolver:
        return Refusal(Reason.NOT_ALLOWED, who="its resolver")
    if question.life is not Life.OPEN:
        return Refusal(Reason.NOT_OPEN, state=question.life)
    assert actor not in question.stakeholders, "its resolver never had a bet on it"
    return (e.Closed(at=now, by=actor),)
