"""What may happen: one short function a command, its preconditions in the order of the refusals.

``decide`` is pure: the situation and the time come in, events or a refusal go out. It parses what people typed, so the
page, the API and the command line cannot disagree about it.
"""

from __future__ import annotations

from anyday.instants import Instant, in_bounds
from anyday.market import prior
from anyday.market.mechanism import Order
from anyday.points import MAX_UNITS, write_points
from anyday.refusals import Reason, Refusal
from anyday.rules import asking, bell, crewing, disputing, duties, entering, ruling, standing, tallying, timing
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.asking import TEXT_LONGEST
from anyday.rules.ledger import HOUSE, MARKET
from anyday.rules.question import LIVE, Crew, Life, Question
from anyday.rules.situation import Events, Situation, claimed, may_bet

__all__ = ["Situation", "claimed", "decide", "due", "order_of", "sale_of"]

#: What a guest may ask for: guests look on, say yes or no where they are asked, and do the duties that they hold.
GUESTS_MAY = (
    c.Leave, c.Agree, c.Withdraw, c.Accept, c.Decline, c.HandOver, c.Close, c.Rule, c.Void, c.Correct, c.Halt, c.Resume, c.Judge,
)  # fmt: skip
#: What stands still while an alarm does, beside what is bet and entered.
HALTED = (c.Ask, c.Collect, c.Sell)


def decide(situation: Situation, actor: str, command: c.Command, now: Instant) -> Events | Refusal:
    """The events that a command causes, or why not. ``now`` is at or after the stream's last time."""
    assert actor and in_bounds(now), "somebody asks, at some time"
    if isinstance(command, c.OpenCrew):
        if situation.crew is not None:
            return Refusal(Reason.ALREADY_THERE, what="the crew")
        return crewing.open_crew(situation.crew_id, actor, command, now)
    crew = situation.crew
    if crew is None:
        return Refusal(Reason.NOT_FOUND, what="crew")
    if isinstance(command, c.Join):
        return crewing.join(crew, actor, command, now)
    if actor not in crew.members:
        return Refusal(Reason.NOT_ALLOWED, who="a member of the crew")
    if crew.members[actor].guest and not isinstance(command, GUESTS_MAY):
        return Refusal(Reason.GUEST)
    if crew.alarm is not None and isinstance(command, HALTED):
        return Refusal(Reason.ALARM, why=crew.alarm.reason)
    decided = _in_crew(situation, crew, actor, command, now)
    assert decided, "something happens, or it is refused"
    return decided


def _in_crew(situation: Situation, crew: Crew, actor: str, command: c.Command, now: Instant) -> Events | Refusal:
    match command:
        case c.Grant():
            return _grant(situation, crew, actor, command, now)
        case c.MakePlayer() | c.Leave() | c.Remove() | c.ChangeSettings() | c.Alarm() | c.AllClear():
            return crewing.on_crew(crew, actor, command, now)
        case c.Ask():
            return asking.ask(situation, crew, actor, command, now)
        case c.OpenTally():
            return tallying.open_tally(situation, crew, actor, command, now)
        case c.Record() | c.Strike():
            return _tallied(situation, crew, actor, command, now)
        case c.HandOver() | c.Accept() | c.Decline() if command.question is None:
            return _duty(crew, None, actor, command, now)
        case c.OpenCrew() | c.Join() | c.Due():
            raise AssertionError("these are decided elsewhere")
    question = situation.question
    if question is None or not question.seen_by(actor, crew.owner):
        return Refusal(Reason.NOT_FOUND, what="question")
    assert now >= question.last_at, "the clock that is passed in never runs behind the stream"
    if isinstance(command, c.DutyCommand):
        decided = _duty(crew, question, actor, command, now)
    else:
        decided = _on_question(situation, crew, question, actor, command, now)
    if isinstance(decided, Refusal) or isinstance(decided[0], e.SealedEvent):
        return decided
    return (*timing.due(situation, question, now), *decided)


def due(situation: Situation, command: c.Command, now: Instant) -> Events:
    """What time has made due on the situation's question or in its crew, one step of it: the writer takes it before it decides the
    command. Stamped with the instant at which it was, unless it posts points. Before what is sealed nothing is written."""
    if isinstance(command, c.Guess | c.Forecast | c.SealBet | c.WithdrawBet):  # but a bell of the market's rings, whatever is sealed
        return timing.rings(situation, situation.question, now) if situation.question is not None else ()
    if situation.question is not None:
        return timing.due(situation, situation.question, now, bell_too=isinstance(command, c.Due))
    assert situation.crew is not None, "without a crew there is nothing to do"
    return timing.crew_due(situation.crew, now)


def _duty(crew: Crew, question: Question | None, actor: str, command: c.DutyCommand, now: Instant) -> Events | Refusal:
    held = crew.duties if question is None else question.duties
    zone = crew.settings.zone if question is None else question.horizon.zone

    def unfit(duty: str, player: str) -> Refusal | None:
        if duty == duties.OWNER:
            return None if crew.plays(player) else Refusal(Reason.GUEST)
        assert question is not None, "every other duty is a question's"
        return question.unfit(duty, player)

    match command:
        case c.HandOver():
            return duties.hand_over(held, zone, command.to in crew.members, actor, command, now)
        case c.Accept():
            return duties.accept(held, unfit, actor, command, now)
        case c.Decline():
            return duties.decline(held, actor, command, now)


def _tallied(situation: Situation, crew: Crew, actor: str, command: c.Record | c.Strike, now: Instant) -> Events | Refusal:
    tally = situation.tally
    if tally is None:
        return Refusal(Reason.NOT_FOUND, what="tally")
    assert now >= tally.last_at, "the clock that is passed in never runs behind the stream"
    if isinstance(command, c.Record):
        return tallying.record(crew, tally, situation.question, actor, command, now)
    return tallying.strike(crew, tally, actor, command, now)


def _on_question(
    situation: Situation, crew: Crew, question: Question, actor: str, command: c.QuestionCommand, now: Instant
) -> Events | Refusal:
    match command:
        case c.Bet():
            return _bet(situation, question, actor, command, now)
        case c.Sell():
            return _sell(situation, question, actor, command, now)
        case c.SealBet():
            return bell.seal(situation, question, actor, command, now)
        case c.WithdrawBet():
            return bell.withdraw(situation, question, actor, command, now)
        case c.Collect():
            return _collect(question, actor, now)
        case c.Stake():
            return entering.stake(situation, question, actor, command, now)
        case c.Guess():
            return entering.guess(situation, question, actor, command, now)
        case c.Forecast():
            return entering.state(situation, question, actor, command, now)
        case c.Note():
            return entering.note(question, actor, command, now)
        case c.Comment():
            return entering.comment(situation, question, actor, command, now)
        case c.Thank():
            return entering.thank(question, actor, command, now)
        case _:
            return _in_charge(situation, crew, question, actor, command, now)


Deciding = c.Agree | c.Withdraw | c.Halt | c.Resume | c.Close | c.Rule | c.Void | c.Correct | c.Dispute | c.Judge | c.Vote


def _in_charge(situation: Situation, crew: Crew, question: Question, actor: str, command: Deciding, now: Instant) -> Events | Refusal:
    """What those do whom it is about, who answer for it, and who decide what came of it."""
    match command:
        case c.Agree():
            return standing.agree(question, actor, now)
        case c.Withdraw():
            return standing.withdraw(situation, question, actor, now)
        case c.Halt():
            return standing.halt(question, crew, actor, command, now)
        case c.Resume():
            return standing.resume(question, crew, actor, now)
        case c.Close():
            return _close(question, actor, now)
        case c.Rule():
            return ruling.rule(situation, question, actor, command, now)
        case c.Void():
            return ruling.void(situation, question, actor, command, now)
        case c.Correct():
            return ruling.correct(situation, question, actor, command, now)
        case c.Dispute():
            return disputing.dispute(question, crew, actor, command, now)
        case c.Judge():
            return disputing.judge(situation, question, actor, command, now)
        case c.Vote():
            return disputing.vote(question, crew, actor, command, now)


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
    refused = may_bet(situation, question, actor) or entering.not_played(question, MARKET) or bell.sealed_until(question)
    if refused is not None:
        return refused
    assert actor not in question.powers_used, "who has used a power over it is barred"
    question.advance(now)
    order = order_of(question, actor, command, now)
    return order if isinstance(order, Refusal) else _fill(situation, question, order, now)


def _sell(situation: Situation, question: Question, actor: str, command: c.Sell, now: Instant) -> Events | Refusal:
    refused = may_bet(situation, question, actor)
    if refused is not None and refused.reason is not Reason.OWES:
        return refused  # who owes may still sell: it brings in what is owed
    refused = entering.not_played(question, MARKET) or bell.sealed_until(question)
    if refused is not None:
        return refused
    assert question.life is Life.OPEN, "only an open question trades"
    question.advance(now)
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
    if question.halted is not None:
        return Refusal(Reason.HALTED, why=question.halted.reason)
    if question.life not in LIVE:
        return Refusal(Reason.NOT_OPEN, state=question.life)
    refused = entering.not_played(question, MARKET)
    if refused is not None:
        return refused
    question.advance(now)
    released = question.market.collectable(actor)
    if released <= 0:
        return Refusal(Reason.NOTHING_TO_COLLECT)
    assert released <= question.market.escrow, "the escrow holds every floor"
    return (e.Collected(at=now, player=actor, released=released),)


def _close(question: Question, actor: str, now: Instant) -> Events | Refusal:
    if actor != question.resolver:
        return Refusal(Reason.NOT_ALLOWED, who="its resolver")
    if actor in question.overturned:
        return Refusal(Reason.RULING_FELL)
    if question.life is not Life.OPEN:
        return Refusal(Reason.NOT_OPEN, state=question.life)
    assert not question.has_stake(actor), "its resolver never had a bet on it"
    return (e.Closed(at=now, by=actor),)
