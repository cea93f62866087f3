"""What an event needs so that it could ever be decided: who may, in which state, and with which points.

Deciding asks this of commands; ``anyday verify`` asks it of every event of a log, whoever wrote it: a log that was hashed
anew, with its read rows made anew, holds nothing that the rules would have refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anyday.instants import Instant
from anyday.market import lmsr
from anyday.rules import events as e
from anyday.rules.audit import Fault
from anyday.rules.ledger import CLOSEST, FORECAST, HOUSE, MARKET, SEALED
from anyday.rules.purse import Purse
from anyday.rules.question import CORRECTION_TIME, MOST_CORRECTIONS, Crew, Life, Question, Tally, open_question

Purses = Callable[[str], Purse]


def crew_may(crew: Crew | None, event: e.CrewEvent, purses: Purses) -> None:
    """The crew opens once, each player joins once for the grant that all get, and only its owner makes points. Raises ``Fault``."""
    if isinstance(event, e.CrewOpened):
        _needs(crew is None, "the crew opens once")
        return
    _needs(crew is not None, "the crew opens first")
    assert crew is not None, "what has no crew has gone back"
    if isinstance(event, e.PlayerJoined):
        _needs(event.player not in crew.members, "a player joins once")
        _needs(event.grant == crew.opened.joining_grant, "a newcomer receives the joining grant, no more and no less")
        return
    _needs(event.by == crew.owner, "only the owner makes points")
    _needs(event.to == HOUSE or event.to in crew.members, "points are made for members and for the house")
    owed = 0 if event.to == HOUSE else purses(event.to).owed
    _needs(event.amount > 0 and event.repaid == min(owed, event.amount), "a grant repays what is owed first")


def host_may(
    crew: Crew | None, event: e.QuestionOpened, purses: Purses, accounts: Mapping[str, int], tallies: Mapping[str, Tally]
) -> None:
    """Members ask and rule, a tally's keeper asks for it, the subsidy is the bound on the house's loss, and its payer can spend
    that much. Raises ``Fault``."""
    _needs(crew is not None and {event.host, event.resolver} <= crew.members.keys(), "host and resolver are members")
    assert crew is not None, "what has no crew has gone back"
    tally = tallies.get(event.tally) if event.tally is not None else None
    asks = tally is not None and event.host in (tally.opened.keeper, crew.owner)
    _needs(event.tally is None or asks, "a tally's keeper or the owner asks for it")
    question = open_question(event.question, event)
    _needs(event.lead >= 0 and question.passed < question.horizon.count, "some of its time is left when it opens")
    _needs(question.mechanisms.keys() == {MARKET} or event.at < event.closes, "entries are open when it opens")
    if event.market is None:
        return
    bound = lmsr.loss_bound(event.market.liquidity, question.market.opening)
    _needs(event.subsidy == bound, "the subsidy is the most that the house can lose")
    if event.subsidy_from == HOUSE:
        _needs(event.host == crew.owner, "only the owner spends the house's points")
        _needs(event.subsidy <= accounts.get(HOUSE, 0), "the house has the subsidy")
        return
    payer = purses(event.host)
    payer.age(Instant(event.at - crew.opened.report_lag))
    _needs(payer.owed == 0 and event.subsidy <= payer.spendable(), "the host can spend the subsidy")


def may(question: Question, crew: Crew, event: e.QuestionEvent, purses: Purses) -> None:
    """The event's own player may do this to the question as it stands. Raises ``Fault``."""
    live = question.life in (Life.OPEN, Life.CLOSED)
    match event:
        case e.BetPlaced():
            _bet(question, crew, event, purses(event.player))
        case e.Collected():
            _needs(live and event.player in question.stakeholders, "one collects from one's own live position")
        case e.Staked():
            _enters(question, crew, event, event.amount, purses(event.player))
        case e.Unsealed():
            closed = event.mechanism == CLOSEST and event.at == question.opened.closes
            again = question.life is Life.VOID and question.ruled is not None  # called off by its ruling, which is corrected
            _needs((live or again) and event.mechanism not in question.unsealed, "entries are unsealed once, while the question lives")
            _needs(closed or again or event.mechanism == FORECAST, "guesses are unsealed when entries close, forecasts with the ruling")
        case e.Noted():
            _needs(live and event.by in crew.members and event.start <= event.at, "a member notes what has happened")
        case e.Scored():
            _needs(question.life is Life.SETTLED and question.scored is None, "what is settled is scored once")
        case e.Closed():
            _needs(question.life is Life.OPEN and event.by == question.opened.resolver, "the resolver closes what is open")
        case e.Ruled():
            _needs(question.life is Life.CLOSED and event.known_at <= event.at, "what is closed is ruled by what is known")
            _outcome(question, event)
        case e.Settled():
            _needs(question.life is Life.RULED, "what is ruled is settled")
        case e.Voided() if question.ruled is not None:
            _needs(question.life is Life.RULED and event.by == question.ruled.by, "a ruling outside its time calls it off")
        case e.Voided():
            host = event.by == question.opened.host and not question.bets and not question.mechanisms.keys() & set(SEALED)
            _needs(live and (host or event.by in (question.opened.resolver, crew.owner)), "the resolver or the owner calls it off")
            _needs(not question.has_stake(event.by), "whoever calls it off never had a bet on it")
        case e.Corrected():
            _needs(question.life in (Life.SETTLED, Life.VOID) and question.ruled is not None, "what was ruled is corrected")
            _needs(event.at <= question.ruled_at + CORRECTION_TIME, "a ruling is corrected within 90 days")
            _needs(question.corrections < MOST_CORRECTIONS, "a ruling is not corrected for ever")
            _needs(event.reversed == question.posted, "what is reversed is what was posted")
            _outcome(question, event)
        case e.QuestionOpened():
            raise Fault("a question opens once")


def _bet(question: Question, crew: Crew, event: e.BetPlaced, purse: Purse) -> None:
    _needs(question.life is Life.OPEN, "only an open question takes bets")
    _needs(event.player in crew.members and event.player not in question.barred, "whoever bets is a member and not barred")
    _needs(event.shares < 0 or purse.owed == 0, "whoever owes does not buy")
    purse.age(Instant(event.at - crew.opened.report_lag))
    _needs(event.charge - event.released <= max(0, purse.spendable(question.id)), "nobody spends more than they can")


def _enters(question: Question, crew: Crew, event: e.Staked | e.SealedEvent, stake: int, purse: Purse) -> None:
    _needs(question.life is Life.OPEN, "only an open question takes entries")
    _needs(event.player in crew.members and event.player not in question.barred, "whoever enters is a member and not barred")
    _needs(purse.owed == 0, "whoever owes does not enter")
    purse.age(Instant(event.at - crew.opened.report_lag))
    _needs(stake <= max(0, purse.spendable(question.id)), "nobody stakes more than they can")


def seals(question: Question, crew: Crew, event: e.SealedEvent, purses: Purses) -> None:
    """The event's own player may seal this entry as the question stands. Raises ``Fault``."""
    _enters(question, crew, event, event.stake, purses(event.player))
    _needs(event.at < question.opened.closes or (isinstance(event, e.ForecastStated) and event.stake == 0), "entries were open")
    if isinstance(event, e.Guessed):
        _needs(event.stake in (0, question.closest.stake), "every guess costs the same, and a change costs nothing")


def tally_may(crew: Crew | None, tally: Tally | None, event: e.TallyEvent, question: Question | None = None) -> None:
    """A member opens a tally once, members record what has happened or what the ruling of ``question`` says, each occurrence once, and few
    may strike out. Raises ``Fault``."""
    _needs(crew is not None, "the crew opens first")
    assert crew is not None, "what has no crew has gone back"
    if isinstance(event, e.TallyOpened):
        _needs(tally is None and event.keeper in crew.members and event.since <= event.at, "a member opens a tally once, from some time on")
        _needs(event.next is None or event.next.subsidy_from != HOUSE or event.keeper == crew.owner, "only the owner spends the house's points")
        return
    _needs(tally is not None and event.by in crew.members, "members keep what was opened")
    assert tally is not None, "what was not opened has gone back"
    if isinstance(event, e.Occurred):
        _needs(tally.opened.since <= event.start <= event.at, "what is recorded has happened since the tally began")
        _needs((event.start, event.end) not in {(old.start, old.end) for old in tally.standing}, "each occurrence is counted once")
        if event.question is not None:
            assert question is None or question.id == event.question, "the question that it names"
            ruled = question.ruled if question is not None and question.life is Life.SETTLED else None
            _needs(ruled is not None and ruled.outcome == e.Outcome(False, event.start, event.end), "a ruling is recorded as it was made")
            _needs(question is not None and question.opened.tally == tally.opened.tally, "it was a question of this tally's")
        return
    recorded = tally.occurrences.get(event.version)
    _needs(recorded is not None and event.version not in tally.struck, "what was recorded is struck out once")
    assert recorded is not None, "what was not recorded has gone back"
    _needs(event.by in (recorded.by, tally.opened.keeper, crew.owner), "its recorder, the keeper or the owner strikes out")


def _outcome(question: Question, event: e.Ruled | e.Corrected) -> None:
    _needs(event.by == question.opened.resolver and not question.has_stake(event.by), "its resolver rules, and never had a bet on it")
    if event.outcome.never:
        _needs(event.at >= question.horizon.end, "never is ruled from the horizon on")
    else:
        _needs(event.outcome.end <= event.at + 1, "what happened lies in the past")


def _needs(holds: bool, what: str) -> None:
    assert what, "a fault says what was wrong"
    if not holds:
        raise Fault(f"the rules would have refused it: {what}")
