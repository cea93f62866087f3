"""What an event needs so that it could ever be decided: who may, in which state, and with which points.

Deciding asks this of commands; ``anyday verify`` asks it of every event of a log, whoever wrote it: a log that was hashed
anew, with its read rows made anew, holds nothing that the rules would have refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anyday.instants import Instant
from anyday.market import bell as market_bell
from anyday.market import lmsr
from anyday.market.bell import Sealed
from anyday.market.horizon import Claim
from anyday.rules import bell, crewing, disputing, ruling, standing, timing
from anyday.rules import events as e
from anyday.rules.asking import DISPUTE_LONGEST, SILENCE_SHORTEST
from anyday.rules.audit import Fault
from anyday.rules.duties import Duties
from anyday.rules.ledger import CLOSEST, FORECAST, HOUSE, MARKET
from anyday.rules.purse import Purse
from anyday.rules.question import (
    CORRECTION_TIME,
    MOST_CORRECTIONS,
    OVER,
    PENDING,
    REPLACED,
    STANDS,
    THE_CREW,
    Crew,
    Life,
    Question,
    Tally,
    open_question,
)

Purses = Callable[[str], Purse]


def crew_may(crew: Crew | None, event: e.CrewEvent, purses: Purses) -> None:
    """The crew opens once, each player receives the joining grant once, and what is the owner's is done by its owner. Raises ``Fault``."""
    if isinstance(event, e.CrewOpened):
        _needs(crew is None, "the crew opens once")
        return
    _needs(crew is not None, "the crew opens first")
    assert crew is not None, "what has no crew has gone back"
    match event:
        case e.PlayerJoined():
            _needs(event.player not in crew.members, "nobody joins twice")
            grants = not event.guest and event.player not in crew.granted
            _needs(event.grant == (crew.settings.joining_grant if grants else 0), "a newcomer receives the joining grant, no more and no less")
            return
        case e.DutyOffered() | e.DutyAccepted() | e.DutyDeclined() | e.DutyReturned():
            passes(crew.duties, crew, event)
            _needs(not isinstance(event, e.DutyAccepted) or crew.plays(event.by), "no guest owns the crew")
            return
        case e.MemberLeft():
            _needs(event.player in crew.members and event.by in (event.player, crew.owner), "one leaves, or the owner removes")
            _needs(crewing.stays(crew, event.player) is None, "the owner stays")
            return
    _needs(event.by == crew.owner, "the owner makes points, players and settings, and raises alarms")
    match event:
        case e.Granted():
            _needs(event.to == HOUSE or event.to in crew.members, "points are made for members and for the house")
            owed = 0 if event.to == HOUSE else purses(event.to).owed
            _needs(event.amount > 0 and event.repaid == min(owed, event.amount), "a grant repays what is owed first")
        case e.MadePlayer():
            member = crew.members.get(event.player)
            _needs(member is not None and member.guest, "guests are made players")
            due = 0 if event.player in crew.granted else crew.settings.joining_grant
            _needs(event.grant == due, "a newcomer receives the joining grant, no more and no less")
        case e.SettingsChanged():
            _needs(crewing.checked(event.settings) == event.settings, "settings are within their bounds")
        case e.AlarmRaised() | e.AlarmLifted():
            _needs((crew.alarm is None) == isinstance(event, e.AlarmRaised), "an alarm is raised, then lifted")


def passes(duties: Duties, crew: Crew, event: e.DutyEvent) -> None:
    """A duty is offered by its holder to a member, accepted by whom it was offered to, and goes back when it was to. Raises ``Fault``."""
    offer, lent = duties.offers.get(event.duty), duties.lent.get(event.duty)
    assert event.duty in duties.now or offer is None, "only what is held is offered"
    match event:
        case e.DutyOffered():
            _needs(duties.now.get(event.duty) == event.by != event.to and event.to in crew.members, "its holder offers a duty to a member")
            _needs(lent is None and (event.until is None or event.until > event.at), "what is lent is not handed on, nor into the past")
        case e.DutyAccepted():
            _needs(offer is not None and offer.to == event.by and event.by in crew.members, "what was offered is accepted by whom it was offered to")
            _needs(offer is None or offer.until is None or event.at < offer.until, "what is lent has not gone back before it is accepted")
        case e.DutyDeclined():
            _needs(offer is not None and event.by in (offer.to, offer.by), "an offer is declined, or taken back")
        case e.DutyReturned():
            _needs(lent == (event.at, event.to), "what was lent goes back when it was to")


def host_may(
    crew: Crew | None, event: e.QuestionOpened, purses: Purses, accounts: Mapping[str, int], tallies: Mapping[str, Tally]
) -> None:
    """Members ask and rule, a tally's keeper asks for it, the subsidy is the bound on the house's loss, and its payer can spend
    that much. Raises ``Fault``."""
    named = {event.host, event.resolver, *event.subjects, *event.barred} | ({event.deputy} - {None})
    _needs(crew is not None and named <= crew.members.keys(), "everybody whom a question names is a member")
    assert crew is not None, "what has no crew has gone back"
    _needs(crew.alarm is None and crew.plays(event.host), "players ask, and nothing is asked while an alarm stands")
    _needs(event.deputy != event.resolver and not (event.tally and event.subjects), "the deputy is somebody else; a tally asks about nobody")
    _needs(0 <= event.dispute <= DISPUTE_LONGEST and event.silence >= SILENCE_SHORTEST, "its times are within their bounds")
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
    by = getattr(event, "by", None)
    posts = isinstance(event, e.Voided) and question.ruled is not None  # time writes it in the name of whoever ruled, gone or not
    decides = by == THE_CREW and isinstance(event, e.Closed | e.Ruled | e.Judged | e.Voided)
    _needs(by is None or by in crew.members or posts or decides, "only members do anything, and the crew decides as it voted")
    match event:
        case e.BetPlaced():
            _bet(question, crew, event, purses(event.player))
        case e.Rung():
            _needs(bell.follows(question, event), "the bell fills what was sealed, when it rings, and keeps what it promises")
        case e.Filled():
            _needs(bool(question.filling) and bell.filling(*question.filling[0], event.at) == event, "what is filled is the bell's next line")
            _needs(event.at == question.opened.bell, "it is filled at the bell")
        case e.Collected():
            _needs(question.live and event.player in question.stakeholders, "one collects from one's own live position")
            _needs(crew.alarm is None and question.halted is None, "nothing is collected while it is halted")
        case e.Staked():
            _enters(question, crew, event, event.amount, purses(event.player))
        case e.Noted():
            _needs(question.live and crew.plays(event.by) and event.start <= event.at, "a player notes what has happened")
        case e.Commented():
            _needs(question.life is not Life.DRAFT and crew.plays(event.by), "players comment")
        case e.Thanked():
            author = question.authors.get(event.version)
            _needs(author not in (None, event.by) and crew.plays(event.by), "one thanks others")
            _needs((event.by, event.version) not in question.thanks, "one thanks once")
        case e.Consented() | e.Withdrew() | e.Halted() | e.Resumed():
            _stands(question, crew, event)
        case e.DutyOffered() | e.DutyAccepted() | e.DutyDeclined() | e.DutyReturned():
            passes(question.duties, crew, event)
            taken = isinstance(event, e.DutyAccepted)
            _needs(not taken or question.unfit(event.duty, event.by) is None, "nobody with a stake takes a duty over")  # type: ignore[union-attr]
        case e.QuestionOpened():
            raise Fault("a question opens once")
        case e.Unsealed() | e.Closed() | e.Ruled() | e.Settled() | e.Scored() | e.Voided() | e.Corrected():
            _ends(question, crew, event)
        case e.Disputed() | e.Voted() | e.Judged():
            _disputes(question, crew, event)


def _stands(question: Question, crew: Crew, event: e.Consented | e.Withdrew | e.Halted | e.Resumed) -> None:
    match event:
        case e.Consented():
            waits = question.life is Life.DRAFT and event.by not in question.agreed
            _needs(waits and event.by in question.opened.subjects, "those whom it is about are asked")
        case e.Withdrew():
            unruled = question.ruled is None and question.life not in OVER
            _needs(unruled and question.withdrew is None and event.by in question.opened.subjects, "those whom it is about withdraw")
        case e.Halted():
            _needs(question.life is Life.OPEN and standing.may_halt(question, crew, event.by) is None, "whoever answers for it halts it")
        case e.Resumed():
            halted = question.life is Life.HALTED and question.withdrew is None
            _needs(halted and standing.may_halt(question, crew, event.by) is None, "whoever answers for it lets it go on")


Ending = e.Unsealed | e.Closed | e.Ruled | e.Settled | e.Scored | e.Voided | e.Corrected


def _ends(question: Question, crew: Crew, event: Ending) -> None:
    now = Instant(event.at)
    match event:
        case e.Unsealed():
            _unseals(question, event)
        case e.Closed():
            may = ruling.may_rule(question, event.by, now) is None if event.by != THE_CREW else _voted(question, crew, now)
            _needs(question.life in (Life.OPEN, Life.HALTED) and may, "the resolver closes what is open")
        case e.Ruled():
            _needs(event.known_at <= event.at, "what is ruled is known")
            _rules(question, crew, event)
        case e.Settled():
            _needs(question.life in PENDING, "what is ruled is settled")
            _needs(decided(question, now), "nothing is settled while it can be disputed")
        case e.Scored():
            _needs(question.life is Life.SETTLED and question.scored is None, "what is settled is scored once")
        case e.Voided() if question.ruled is not None:
            _needs(question.life in PENDING and decided(question, now), "a ruling outside its time calls it off")
            _needs(event.by in (question.ruled.by, question.dispute.judge), "it is called off by whoever decided")
        case e.Voided() if event.by == THE_CREW:
            overdue = timing.overdue(question, crew, now) & {"draft", "withdrawn", "silence"}
            _needs(bool(overdue), "time calls off what nobody ruled")
            _needs("silence" not in overdue or timing.majority(question) is None, "what the crew voted for is ruled")
        case e.Voided():
            declined = question.life is Life.DRAFT and question.withdrew is not None and question.withdrew.by == event.by
            _needs(declined or ruling.may_void(question, crew, event.by, now) is None, "the resolver or the owner calls it off, with no bet on it")
        case e.Corrected():
            _needs(question.life in OVER and question.ruled is not None, "what was ruled is corrected")
            _needs(event.at <= question.ruled_at + CORRECTION_TIME, "a ruling is corrected within 90 days")
            _needs(question.corrections < MOST_CORRECTIONS, "a ruling is not corrected for ever")
            _needs(event.reversed == question.posted, "what is reversed is what was posted")
            _needs(ruling.may_rule(question, event.by, now) is None, "whoever ruled or judged corrects, and never had a bet on it")
            _outcome(question, event)


def decided(question: Question, now: Instant) -> bool:
    """Whether a ruling is final: its window is over and nobody disputes it, or the dispute is judged, or the crew ruled it."""
    assert question.ruled is not None, "what is decided was ruled"
    judged = question.dispute.verdict == STANDS or (question.dispute.verdict == REPLACED and question.life is Life.RULED)
    return judged or question.ruled.by == THE_CREW or (question.life is Life.RULED and now >= question.ruled_at + question.opened.dispute)


def _disputes(question: Question, crew: Crew, event: e.Disputed | e.Voted | e.Judged) -> None:
    now = Instant(event.at)
    match event:
        case e.Disputed():
            early = question.life in PENDING and not question.dispute.ended and now < question.ruled_at + question.opened.dispute
            _needs(early and question.ruled is not None and crew.plays(event.by), "a player disputes within the window")
            _needs(event.by not in question.dispute.by and question.ruled is not None and event.by != question.ruled.by, "each once, not one's own")
        case e.Voted():
            _needs(crew.plays(event.by) and disputing.may_vote(question, crew, event.by, now) is None, "members without a stake vote in time")
            _needs((event.outcome is None) == (question.life is Life.DISPUTED) == (event.stands is not None), "one votes on what is asked")
            _needs(event.outcome is None or event.outcome.never or event.outcome.end <= event.at + 1, "what happened lies in the past")
        case e.Judged() if event.by == THE_CREW:
            ends = question.life is Life.DISPUTED and not question.dispute.ended and now >= timing.turn(question, crew, now)[2]
            _needs(ends and event.verdict == timing.verdict(question), "the crew has judged when its vote has ended, as it voted")
        case e.Judged():
            _needs(disputing.may_judge(question, crew, event.by, now) is None, "whoever's turn it is judges")
            _needs(event.verdict in disputing.VERDICTS and not question.dispute.ended, "a dispute is judged once")


def _bet(question: Question, crew: Crew, event: e.BetPlaced, purse: Purse) -> None:
    _needs(bell.sealed_until(question) is None, "before the bell bets are sealed")
    _needs(question.life is Life.OPEN, "only an open question takes bets")
    _needs(crew.plays(event.player) and question.why_barred(event.player) is None, "whoever bets is a player and not barred")
    _needs(crew.alarm is None, "nothing is bet while an alarm stands")
    _needs(event.shares < 0 or purse.owed == 0, "whoever owes does not buy")
    purse.age(Instant(event.at - crew.opened.report_lag))
    _needs(event.charge - event.released <= max(0, purse.spendable(question.id)), "nobody spends more than they can")


def _enters(question: Question, crew: Crew, event: e.Staked | e.SealedEvent, stake: int, purse: Purse) -> None:
    _needs(question.life is Life.OPEN, "only an open question takes entries")
    _needs(crew.plays(event.player) and question.why_barred(event.player) is None, "whoever enters is a player and not barred")
    _needs(crew.alarm is None, "nothing is entered while an alarm stands")
    _needs(purse.owed == 0, "whoever owes does not enter")
    purse.age(Instant(event.at - crew.opened.report_lag))
    _needs(stake <= max(0, purse.spendable(question.id)), "nobody stakes more than they can")


def seals(question: Question, crew: Crew, event: e.SealedEvent, purses: Purses) -> None:
    """The event's own player may seal this entry as the question stands. Raises ``Fault``."""
    if isinstance(event, e.SealedBet):
        _seals_bet(question, crew, event, purses)
        return
    _enters(question, crew, event, event.stake, purses(event.player))
    _needs(event.at < question.opened.closes or (isinstance(event, e.ForecastStated) and event.stake == 0), "entries were open")
    if isinstance(event, e.Guessed):
        _needs(event.stake in (0, question.closest.stake), "every guess costs the same, and a change costs nothing")


def _seals_bet(question: Question, crew: Crew, event: e.SealedBet, purses: Purses) -> None:
    rings, orders = question.opened.bell, question.orders.get(event.player, {})
    _needs(rings is not None and not question.rung and event.at < rings, "bets are sealed before the bell")
    _needs(event.replaces is None or event.replaces in orders, "what is replaced was sealed")
    given = orders[event.replaces].reserve if event.replaces is not None else 0
    if event.shares is None and event.spend is None:
        _needs(event.replaces is not None and event.reserve == -given and question.live, "what is withdrawn comes back")
        return
    _enters(question, crew, event, event.reserve, purses(event.player))
    bet = Sealed(event.player, Claim(event.first, event.last, event.complement), event.limit, event.shares, event.spend)
    _needs(market_bell.refused(question.market, bet) is None and event.reserve == bet.reserve - given, "what is set aside is what it may cost")
    standing = len(orders) + (event.replaces is None)
    _needs(standing <= bell.MOST_STANDING and question.sealings.get(event.player, 0) < bell.MOST_SEALED, "nobody seals too many")


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


def _unseals(question: Question, event: e.Unsealed) -> None:
    assert event.mechanism, "a mechanism has a name"
    again = question.life is Life.VOID and question.ruled is not None  # called off by its ruling, which is corrected
    waits = question.live or question.life in PENDING or again
    _needs(waits and event.mechanism not in question.unsealed, "entries are unsealed once, while the question lives")
    rung = event.mechanism == CLOSEST and question.live and event.at == timing.bell_at(question)
    late = event.mechanism == CLOSEST and question.life in PENDING and event.at >= question.opened.closes
    _needs(rung or late or again or event.mechanism == FORECAST, "guesses are unsealed when entries close, forecasts with the ruling")


def _voted(question: Question, crew: Crew, now: Instant) -> bool:
    """Whether the crew has voted on what happened, since nobody ruled."""
    assert question.ruled is None, "what was ruled is disputed"
    return "silence" in timing.overdue(question, crew, now) and timing.majority(question) is not None


def _rules(question: Question, crew: Crew, event: e.Ruled) -> None:
    now, judged = Instant(event.at), question.dispute
    if question.life is Life.DISPUTED:
        _needs(judged.verdict == REPLACED and event.by == judged.judge, "a disputed ruling is replaced by whoever judged it")
    else:
        voted = event.by == THE_CREW and question.life is Life.CLOSED and _voted(question, crew, now)
        may = event.outcome == timing.majority(question) if voted else ruling.may_rule(question, event.by, now) is None
        _needs(question.life is Life.CLOSED and may, "its resolver rules what is closed, and never had a bet on it")
    _outcome(question, event)


def _outcome(question: Question, event: e.Ruled | e.Corrected) -> None:
    if event.outcome.never:
        _needs(event.at >= question.horizon.end, "never is ruled from the horizon on")
    else:
        _needs(event.outcome.end <= event.at + 1, "what happened lies in the past")


def _needs(holds: bool, what: str) -> None:
    assert what, "a fault says what was wrong"
    if not holds:
        raise Fault(f"the rules would have refused it: {what}")
