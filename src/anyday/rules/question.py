"""A question, folded from its events; and the crew and a tally, folded from their own.

All are mutated in place by ``evolve``: copying an interval tree for every bet would cost as much as the endpoints ever
traded, and a state that a failed commit has spoiled is dropped and folded again. Only integers are added here, so a
replay is exact on every machine.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from anyday.instants import DAY, At, Grain, Instant, NeverBy, Window, Within
from anyday.instants import Outcome as TypedOutcome
from anyday.market.bell import Sealed
from anyday.market.closest import Closest, Variant
from anyday.market.forecast import Forecasts, Stated
from anyday.market.horizon import Claim, Horizon
from anyday.market.maker import Market
from anyday.market.mechanism import Entry, Fill, Mechanism
from anyday.market.prior import Opening
from anyday.market.report import Report
from anyday.market.tote import Tote
from anyday.refusals import Reason, Refusal
from anyday.rules import events as e
from anyday.rules.duties import DEPUTY, HOST, OWNER, RESOLVER, Duties
from anyday.rules.ledger import BELL, CLOSEST, FORECAST, HOUSE, MARKET, SEALED, TOTE, Flowing, flow_of

#: A ruling can be corrected for so long after it was made.
CORRECTION_TIME: Final = 90 * DAY
#: And so many times.
MOST_CORRECTIONS: Final = 20


#: Who decides where no single person can: the name that stands in events in place of a player's.
THE_CREW: Final = "crew"


class Life(enum.StrEnum):
    """Where a question stands. A draft waits for those whom it is about."""

    DRAFT = "draft"
    OPEN = "open"
    HALTED = "halted"
    CLOSED = "closed"
    RULED = "ruled"
    DISPUTED = "disputed"
    SETTLED = "settled"
    VOID = "void"


#: Nobody has ruled yet, and it can be ruled.
LIVE: Final = (Life.OPEN, Life.HALTED, Life.CLOSED)
#: A ruling waits for its dispute window to end, or for a judge.
PENDING: Final = (Life.RULED, Life.DISPUTED)
#: Nothing is posted any more but a correction.
OVER: Final = (Life.SETTLED, Life.VOID)


@dataclass(slots=True)
class Dispute:
    """The ruling that is disputed: by whom and why, since when (UTC microseconds), the crew's votes, and how it is judged, by whom."""

    since: int = 0
    by: dict[str, str] = field(default_factory=dict)
    votes: dict[str, e.Voted] = field(default_factory=dict)
    verdict: str = ""
    judge: str = ""

    @property
    def ended(self) -> bool:
        """Whether it is judged."""
        assert bool(self.verdict) == bool(self.judge), "somebody judges"
        return bool(self.verdict)


#: Why somebody can never bet on a question, said to them.
USED_A_POWER: Final = "you have used a power over it"
COULD_CAUSE: Final = "its host says that you can cause it or time it"
HOSTS: Final = "you are its host, and the house pays its subsidy"
DEPUTISES: Final = "you are its deputy"
RESOLVES: Final = "you are its resolver"
JUDGES: Final = "you have judged it"
ABOUT: Final = "it is about you"


@dataclass(slots=True)
class Question:
    """One question's state after ``version`` events of its own stream, the last of them stamped ``last_at``, and after the
    sealed entries, which have streams of their own. ``flows`` are net by mechanism and player; ``bets``, ``stakeholders`` and
    ``last_at`` know nothing of what is sealed."""

    id: str
    opened: e.QuestionOpened
    horizon: Horizon
    mechanisms: dict[str, Mechanism[Any, Any, Any]]
    version: int = 1
    last_at: Instant = Instant(0)
    life: Life = Life.OPEN
    passed: int = 0
    bets: int = 0
    stakeholders: set[str] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)
    unsealed: set[str] = field(default_factory=set)
    powers_used: set[str] = field(default_factory=set)
    flows: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[tuple[int, e.Noted]] = field(default_factory=list)
    ruled: e.Ruled | e.Corrected | None = None
    corrections: int = 0
    ruled_at: Instant = Instant(0)
    posted: e.Posted = field(default_factory=e.Posted)
    scored: e.Scored | None = None
    duties: Duties = field(default_factory=Duties)
    agreed: set[str] = field(default_factory=set)
    withdrew: e.Withdrew | None = None
    halted: e.Halted | None = None
    dispute: Dispute = field(default_factory=Dispute)
    judges: set[str] = field(default_factory=set)
    overturned: set[str] = field(default_factory=set)
    reopened_at: Instant = Instant(0)
    authors: dict[int, str] = field(default_factory=dict)
    comments: int = 0
    thanks: set[tuple[str, int]] = field(default_factory=set)
    orders: dict[str, dict[int, Sealed]] = field(default_factory=dict)
    sealings: dict[str, int] = field(default_factory=dict)
    rung: bool = False
    filling: list[tuple[Sealed, e.Rang]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Who asks: the first one, or to whom the duty was handed."""
        assert HOST in self.duties.now, "every question has a host"
        return self.duties.now[HOST]

    @property
    def resolver(self) -> str:
        """Who rules."""
        assert RESOLVER in self.duties.now, "every question has a resolver"
        return self.duties.now[RESOLVER]

    @property
    def deputy(self) -> str | None:
        """Who stands in for the resolver and judges disputes; perhaps nobody."""
        assert DEPUTY in self.duties.now or self.opened.deputy is None, "a deputy who was named stands in"
        return self.duties.now.get(DEPUTY)

    @property
    def live(self) -> bool:
        """Whether it can be ruled."""
        assert self.life not in LIVE or self.ruled is None, "what was ruled is not live"
        return self.life in LIVE

    def seen_by(self, player: str | None, owner: str | None) -> bool:
        """Whether somebody may know of it at all: a draft, and what somebody whom it is about has withdrawn from, are for those who
        have a duty on it and for the people it is about."""
        if self.life is not Life.DRAFT and self.withdrew is None:
            return True
        assert self.opened.subjects, "only what is about somebody is hidden"
        offered = {offer.to for offer in self.duties.offers.values()}
        return player is not None and player in {*self.duties.now.values(), *offered, *self.opened.subjects, owner}

    def unfit(self, duty: str, player: str) -> Refusal | None:
        """Why somebody cannot hold a duty here: whoever has ever had a bet on it neither rules nor judges, nor hosts what the house pays."""
        assert duty in (HOST, RESOLVER, DEPUTY), "these are a question's duties"
        excluded = duty != HOST or self.opened.subsidy_from == HOUSE
        return Refusal(Reason.HAS_STAKE, what="take over a duty on", who="its host") if excluded and self.has_stake(player) else None

    @property
    def market(self) -> Market:
        """The market; only a question that is played as one has it."""
        market = self.mechanisms[MARKET]
        assert isinstance(market, Market), "its name says what it is"
        return market

    @property
    def tote(self) -> Tote:
        """The tote; only a question that is played as one has it."""
        tote = self.mechanisms[TOTE]
        assert isinstance(tote, Tote), "its name says what it is"
        return tote

    @property
    def closest(self) -> Closest:
        """The closest guess; only a question that is played as one has it."""
        closest = self.mechanisms[CLOSEST]
        assert isinstance(closest, Closest), "its name says what it is"
        return closest

    @property
    def forecast(self) -> Forecasts:
        """The forecasts; only a question that is played as one has them."""
        forecast = self.mechanisms[FORECAST]
        assert isinstance(forecast, Forecasts), "its name says what it is"
        return forecast

    def has_stake(self, player: str) -> bool:
        """Whether the player has ever had a bet or a stake here, sealed ones too: only to be told to the player."""
        assert not self.sealed or any(name in self.mechanisms for name in SEALED) or BELL in self.flows, "only some things are sealed"
        return player in self.stakeholders or player in self.sealed

    def hidden(self, mechanism: str, now: Instant) -> bool:
        """Whether a mechanism's entries are seen by nobody but their owners: guesses until entries close, curves until the
        ruling stands. What was still sealed when the question was called off stays so: else whoever calls it off reads what the others
        think, and asks again."""
        assert mechanism in self.mechanisms, "it is played"
        if mechanism not in SEALED or self.life is Life.SETTLED:
            return False
        if self.life not in LIVE and self.life is not Life.DRAFT:
            return mechanism not in self.unsealed
        return mechanism == FORECAST or now < self.opened.closes

    @property
    def barred(self) -> dict[str, str]:
        """Who can never bet here, each with the reason."""
        named = dict.fromkeys([
            *(held.player for held in self.duties.held), *self.opened.subjects, *self.opened.barred, *sorted(self.judges | self.powers_used),
        ])  # fmt: skip
        who = {player: why for player in named if player != THE_CREW and (why := self.why_barred(player)) is not None}
        assert not self.stakeholders & self.powers_used, "powers and positions exclude each other"
        return who

    def why_barred(self, player: str) -> str | None:
        """Why somebody can never bet here; none where they can."""
        if player in self.opened.subjects:
            return ABOUT
        held = {step.duty for step in self.duties.held if step.player == player}
        if RESOLVER in held:
            return RESOLVES
        if DEPUTY in held:
            return DEPUTISES
        if player in self.judges:
            return JUDGES
        if HOST in held and self.opened.subsidy_from == HOUSE:
            return HOSTS
        if player in self.opened.barred:
            return COULD_CAUSE
        assert player not in self.powers_used or player not in self.stakeholders, "powers and positions exclude each other"
        return USED_A_POWER if player in self.powers_used else None

    def advance(self, now: Instant) -> None:
        """Let time pass for every mechanism; never backwards. Moves no money."""
        self.passed = max(self.passed, self.horizon.passed(now, self.opened.lead))
        for mechanism in self.mechanisms.values():
            mechanism.advance(now)
        assert MARKET not in self.mechanisms or self.market.passed >= self.passed, "one clock for all"

    def check(self) -> None:
        """Every invariant of the state: escrows, shares and flows agree."""
        for name, mechanism in self.mechanisms.items():
            mechanism.check()
            put_up = self.opened.subsidy if name == MARKET else 0
            if self.life not in OVER:
                assert mechanism.escrow == put_up - sum(self.flows[name].values()), f"the escrow of the {name} holds what went into it"
        flowed = {player for flows in self.flows.values() for player in flows}
        assert flowed == self.stakeholders | self.sealed, "who ever had a flow has had a stake"


def open_question(question: str, event: e.QuestionOpened) -> Question:
    """The state that a question begins with."""
    horizon = Horizon(Grain(event.grain), event.zone, Instant(event.origin), event.lengths, event.tzdata)
    mechanisms: dict[str, Mechanism[Any, Any, Any]] = {}
    if (market := event.market) is not None:
        opening = Opening(tuple((run.first, run.last, run.weight) for run in market.runs), market.never, market.smooth)
        assert opening.count == horizon.count, "the opening curve covers the question's time"
        mechanisms[MARKET] = Market(horizon, opening, market.liquidity, market.subsidy, event.lead)
    if (tote := event.tote) is not None:
        mechanisms[TOTE] = Tote(horizon, tote.edges, tote.takeout, event.lead)
    if (closest := event.closest) is not None:
        mechanisms[CLOSEST] = Closest(horizon, Variant(closest.variant), closest.places, closest.stake, closest.many, event.lead)
    if event.forecast is not None:
        mechanisms[FORECAST] = Forecasts(horizon, event.lead)
    assert mechanisms, "a question is played in at least one way"
    flows: dict[str, dict[str, int]] = {name: {} for name in mechanisms}
    if event.bell is not None:
        flows[BELL] = {}
    state = Question(question, event, horizon, mechanisms, last_at=Instant(event.at), flows=flows)
    state.duties.begin(event.at, host=event.host, resolver=event.resolver, deputy=event.deputy)
    state.agreed = {event.host} & set(event.subjects)
    state.life = Life.OPEN if state.agreed == set(event.subjects) else Life.DRAFT
    state.advance(Instant(event.at))
    return state


def evolve(question: Question, event: e.QuestionEvent) -> Question:
    """The state after one more event of its own stream, in place. Integers only; nothing is priced."""
    assert event.at >= question.last_at, "times in a stream never decrease"
    question.version += 1
    question.last_at = Instant(event.at)
    match event:
        case e.BetPlaced():
            question.advance(Instant(event.at))
            claim = Claim(event.first, event.last, event.complement)
            question.market.apply(Fill(event.player, claim, event.shares, event.charge, event.released))
            _flow(question, event)
        case e.Collected():
            question.advance(Instant(event.at))
            question.market.collect(event.player, event.released)
            _flow(question, event)
        case e.Staked():
            question.advance(Instant(event.at))
            claim = Claim(event.first, event.last, event.complement)
            question.tote.apply(Entry(event.player, Instant(event.at), claim, event.amount))
            _flow(question, event)
        case e.Rung() | e.Filled():
            _ring(question, event)
        case e.Unsealed():
            question.unsealed.add(event.mechanism)
        case e.Noted() | e.Commented() | e.Thanked():
            _told(question, event)
        case e.DutyOffered() | e.DutyAccepted() | e.DutyDeclined() | e.DutyReturned():
            question.duties.evolve(event)
        case e.Consented() | e.Withdrew() | e.Halted() | e.Resumed():
            _stand(question, event)
        case e.QuestionOpened():
            raise AssertionError("a question opens once")
        case _:
            _rule(question, event)
    return question


def _ring(question: Question, event: e.Rung | e.Filled) -> None:
    """The bell: all that is charged goes to the market before any of it counts, then each player has what is theirs."""
    question.advance(Instant(event.at))
    if isinstance(event, e.Rung):
        assert not question.rung, "it rings once"
        question.rung = True
        question.market.charged += sum(line.charge for line in event.lines)
        question.filling = [(question.orders[line.player][line.number], line) for line in event.lines]
        question.orders.clear()
        return
    question.filling.pop(0)
    market, bell = question.flows[MARKET], question.flows[BELL]
    bell[event.player] += event.charge + event.returned
    if event.shares:
        market[event.player] = market.get(event.player, 0) - event.charge
        claim = Claim(event.first, event.last, event.complement)
        question.market.ring([Fill(event.player, claim, event.shares, 0, 0)])
        question.bets += 1
        question.stakeholders.add(event.player)


def _told(question: Question, event: e.Noted | e.Commented | e.Thanked) -> None:
    """What is put on the timeline: it moves nothing."""
    match event:
        case e.Noted():
            question.notes.append((question.version, event))
            question.authors[question.version] = event.by
        case e.Commented():
            question.comments += 1
            question.authors[question.version] = event.by
        case e.Thanked():
            question.thanks.add((event.by, event.version))
            assert event.version in question.authors, "one thanks for something"


def _stand(question: Question, event: e.Consented | e.Withdrew | e.Halted | e.Resumed) -> None:
    """What lets a question take bets, or stand still."""
    match event:
        case e.Consented():
            question.agreed.add(event.by)
            if question.agreed == set(question.opened.subjects):
                question.life, question.reopened_at = Life.OPEN, Instant(event.at)
        case e.Withdrew():
            assert event.by in question.opened.subjects, "only those whom it is about withdraw"
            question.withdrew = event
            if question.life is Life.OPEN:
                question.life = Life.HALTED
        case e.Halted():
            question.life, question.halted = Life.HALTED, event
            question.powers_used.add(event.by)
        case e.Resumed():
            question.life, question.halted = Life.OPEN, None
            question.powers_used.add(event.by)


Deciding = e.Closed | e.Ruled | e.Disputed | e.Voted | e.Judged | e.Settled | e.Voided | e.Corrected | e.Scored


def _rule(question: Question, event: Deciding) -> None:
    """What ends a question."""
    match event:
        case e.Closed():
            question.life, question.halted = Life.CLOSED, None
            question.powers_used.add(event.by)
        case e.Ruled():
            question.life, question.ruled, question.ruled_at = Life.RULED, event, Instant(event.at)
            question.powers_used.add(event.by)
            question.dispute.votes.clear()
        case e.Disputed():
            question.dispute.since = question.dispute.since or event.at
            question.dispute.by[event.by] = event.reason
            question.life = Life.DISPUTED
        case e.Voted():
            question.dispute.votes[event.by] = event
            question.powers_used.add(event.by)
        case e.Judged():
            _judged(question, event)
        case e.Settled():
            question.life, question.posted = Life.SETTLED, event.posted
        case e.Voided():
            question.life, question.posted, question.halted = Life.VOID, event.posted, None
            question.powers_used.add(event.by)
        case e.Corrected():
            question.ruled, question.posted, question.scored = event, event.posted, None
            question.corrections += 1
            question.life = Life.VOID if event.void else Life.SETTLED
            question.powers_used.add(event.by)
        case e.Scored():
            question.scored = event
    question.powers_used.discard(THE_CREW)  # whose members are here each for themselves, once they have voted


def _judged(question: Question, event: e.Judged) -> None:
    assert question.life is Life.DISPUTED and question.ruled is not None, "what is judged was ruled and disputed"
    if event.by != THE_CREW:
        question.judges.add(event.by)
        question.powers_used.add(event.by)
    question.dispute.verdict, question.dispute.judge = event.verdict, event.by
    if event.verdict == WITHDRAWN:
        question.overturned.add(question.ruled.by)
        question.life = Life.OPEN if question.withdrew is None else Life.HALTED
        question.ruled, question.dispute = None, Dispute()
        question.reopened_at = Instant(event.at)


#: How a dispute ends: the ruling stands, another takes its place, or it is withdrawn and the question goes back to open.
STANDS: Final = "stands"
REPLACED: Final = "replaced"
WITHDRAWN: Final = "withdrawn"


def seal(question: Question, event: e.SealedEvent) -> Question:
    """The state with one more sealed entry, in place. Nothing that others see changes: no version, no count, no time."""
    match event:
        case e.Guessed():
            claim = Claim(event.first, event.last, event.complement)
            question.closest.apply(Entry(event.player, Instant(event.at), claim, event.stake))
        case e.ForecastStated():
            question.forecast.apply(Stated(event.player, Instant(event.at), Report(event.runs, event.never), event.stake))
        case e.SealedBet():
            _order(question, event)
    _flow(question, event)
    assert event.player in question.sealed, "who sealed an entry has a stake"
    return question


def _order(question: Question, event: e.SealedBet) -> None:
    """A sealed bet made, changed or withdrawn."""
    assert not question.rung, "what is sealed is sealed until the bell"
    orders = question.orders.setdefault(event.player, {})
    number = question.sealings[event.player] = question.sealings.get(event.player, 0) + 1
    if event.replaces is not None:
        del orders[event.replaces]
    if event.shares is not None or event.spend is not None:
        claim = Claim(event.first, event.last, event.complement)
        orders[number] = Sealed(event.player, claim, event.limit, event.shares, event.spend)
    reserved = sum(bet.reserve for bet in orders.values())
    assert reserved == event.reserve - question.flows[BELL].get(event.player, 0), "what is set aside is what they may cost"


def _flow(question: Question, event: Flowing) -> None:
    flow = flow_of(event)
    if isinstance(event, e.SealedEvent):
        question.sealed.add(event.player)
    else:
        question.bets += not isinstance(event, e.Collected)
        question.stakeholders.add(event.player)
    if isinstance(event, e.SealedBet):
        question.flows[BELL][event.player] = question.flows[BELL].get(event.player, 0) - event.reserve
        return
    flows = question.flows[flow.mechanism]
    flows[event.player] = flows.get(event.player, 0) + flow.released - flow.charge
    assert event.player in flows, "whoever bets has a flow"


@dataclass(frozen=True, slots=True)
class History:
    """A question's whole record: the events of its own stream, and the sealed entries of all its hidden streams (any order
    that keeps each stream's own)."""

    events: Sequence[e.QuestionEvent] = ()
    hidden: Sequence[e.SealedEvent] = ()


def fold(question: str, history: History) -> Question:
    """The state after a question's whole record."""
    stream = iter(history.events)
    opened = next(stream)
    assert isinstance(opened, e.QuestionOpened), "a question's stream begins with its opening"
    state = open_question(question, opened)
    for entry in history.hidden:
        seal(state, entry)
    for event in stream:
        evolve(state, event)
    assert state.life is not Life.RULED or state.ruled is not None, "what is ruled has a ruling"
    return state


def standing(
    question: str, history: History, cut: Instant | None, stops: Sequence[Instant] = (), visit: Callable[[Question, Instant], None] | None = None
) -> Question:
    """What a cut leaves: the opening, and what was bet, staked, guessed, stated and collected before ``cut`` (all of it
    without one). On the way ``visit`` sees the state at each of the rising instants ``stops``, just before what came then."""
    stream = iter(history.events)
    opened = next(stream)
    assert isinstance(opened, e.QuestionOpened), "a question's stream begins with its opening"
    state = open_question(question, opened)
    for entry in history.hidden:
        if cut is None or entry.at < cut:
            seal(state, entry)
    asides: list[e.QuestionEvent] = []  # these count only where a flow follows them: a ruling's own never do
    ahead = deque(stops)
    for event in stream:
        if (cut is not None and event.at >= cut) or not isinstance(event, _BEFORE_A_RULING):
            break
        while ahead and visit is not None and ahead[0] <= event.at:
            _look(state, ahead.popleft(), visit)
        asides.append(event)
        if isinstance(event, Flowing):
            for each in asides:
                evolve(state, each)
            asides.clear()
    while ahead and visit is not None:
        _look(state, ahead.popleft(), visit)
    return state


#: What stands between a question's opening and its last ruling. A ruling that was withdrawn, with what came of it, changes no flow.
_ENDS: Final = (e.QuestionOpened, e.Settled, e.Voided, e.Corrected, e.Scored)
_BEFORE_A_RULING: Final = tuple(kind for kind in get_args(e.QuestionEvent) if kind not in _ENDS)


def _look(state: Question, at: Instant, visit: Callable[[Question, Instant], None]) -> None:
    assert at >= state.opened.at, "nobody looks before it opened"
    state.advance(at)
    visit(state, at)


def recorded(outcome: TypedOutcome) -> e.Outcome:
    """An outcome as the log writes it."""
    assert isinstance(outcome, At | Within | NeverBy), "these are the outcomes"
    match outcome:
        case At():
            return e.Outcome(False, outcome.instant, outcome.instant + 1)
        case Within():
            return e.Outcome(False, outcome.window.start, outcome.window.end)
        case NeverBy():
            return e.Outcome(True)


def spoken(outcome: e.Outcome) -> TypedOutcome:
    """An outcome of the log as the outcome that it records."""
    if outcome.never:
        return NeverBy()
    assert outcome.start < outcome.end, "what happened took some time"
    if outcome.end == outcome.start + 1:
        return At(Instant(outcome.start))
    return Within(Window(Instant(outcome.start), Instant(outcome.end)))


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who belongs to the crew: a player, perhaps a machine's, or a guest, who looks on."""

    simulated: bool = False
    guest: bool = False


@dataclass(slots=True)
class Crew:
    """One crew's state: its settings, who belongs to it, who has received the joining grant, and whether an alarm stands."""

    opened: e.CrewOpened
    version: int = 1
    last_at: Instant = Instant(0)
    members: dict[str, Member] = field(default_factory=dict)
    granted: set[str] = field(default_factory=set)
    alarm: e.AlarmRaised | None = None
    duties: Duties = field(default_factory=Duties)
    settings: e.CrewSettings = field(init=False)

    def __post_init__(self) -> None:
        opened = self.opened
        self.settings = e.CrewSettings(opened.name, opened.zone, opened.joining_grant, opened.dispute, opened.silence)
        self.duties.begin(opened.at, owner=opened.owner)

    @property
    def owner(self) -> str:
        """The player who may grant points, spend the house's and void."""
        owner = self.duties.now[OWNER]
        assert not self.members or owner in self.members, "the owner is a member"
        return owner

    def plays(self, player: str) -> bool:
        """Whether somebody is a player here, and no guest."""
        member = self.members.get(player)
        assert member is None or not (member.simulated and member.guest), "machines play"
        return member is not None and not member.guest

    def evolve(self, event: e.CrewEvent) -> None:
        """One more event, in place."""
        assert event.at >= self.last_at, "times in a stream never decrease"
        self.version += 1
        self.last_at = Instant(event.at)
        match event:
            case e.PlayerJoined():
                assert event.player not in self.members, "nobody joins twice"
                self.members[event.player] = Member(event.simulated, event.guest)
                if not event.guest:
                    self.granted.add(event.player)
            case e.MadePlayer():
                self.members[event.player] = Member()
                self.granted.add(event.player)
            case e.MemberLeft():
                del self.members[event.player]
            case e.SettingsChanged():
                self.settings = event.settings
            case e.AlarmRaised():
                self.alarm = event
            case e.AlarmLifted():
                self.alarm = None
            case e.DutyOffered() | e.DutyAccepted() | e.DutyDeclined() | e.DutyReturned():
                self.duties.evolve(event)
            case _:
                pass  # points are for the ledger


@dataclass(slots=True)
class Tally:
    """One tally's state: its occurrences by the version that recorded them, and for each question the last one that its
    ruling recorded."""

    opened: e.TallyOpened
    version: int = 1
    last_at: Instant = Instant(0)
    occurrences: dict[int, e.Occurred] = field(default_factory=dict)
    struck: dict[int, e.Struck] = field(default_factory=dict)
    ruled: dict[str, int] = field(default_factory=dict)

    @property
    def standing(self) -> list[e.Occurred]:
        """The occurrences that count, in the order in which they happened."""
        counted = [event for version, event in self.occurrences.items() if version not in self.struck]
        assert len(counted) == len(self.occurrences) - len(self.struck), "only what was recorded is struck out"
        return sorted(counted, key=lambda event: (event.start, event.end))

    def recorded(self, question: str) -> tuple[int, e.Occurred] | None:
        """The last occurrence that a question's ruling recorded, struck out or not, with its version."""
        version = self.ruled.get(question)
        assert version is None or self.occurrences[version].question == question, "it says whose ruling it was"
        return None if version is None else (version, self.occurrences[version])

    def evolve(self, event: e.TallyEvent) -> None:
        """One more event, in place."""
        assert event.at >= self.last_at, "times in a stream never decrease"
        self.version += 1
        self.last_at = Instant(event.at)
        if isinstance(event, e.Occurred):
            self.occurrences[self.version] = event
            if event.question is not None:
                self.ruled[event.question] = self.version
        elif isinstance(event, e.Struck):
            assert event.version in self.occurrences, "what is struck out was recorded"
            self.struck[event.version] = event
