"""The JSON shapes of version 1, shared by the API, the pages, the client and the command line.

Points travel as decimal strings (``"12.5"``; an integer is accepted and means whole points), shares and payouts as
points of payout, chances as integer parts per million (ppm), instants as ISO 8601 in UTC with ``Z`` plus a sentence
in the question's zone. A window is the text that a person would type.
"""

from __future__ import annotations

import msgspec

from anyday.wire import bell as bell
from anyday.wire import fair as fair
from anyday.wire.shape import Amount as Amount
from anyday.wire.shape import Closed as Closed
from anyday.wire.shape import CommandId as CommandId
from anyday.wire.shape import View as View
from anyday.wire.sheets import LedgerLine as LedgerLine
from anyday.wire.sheets import LedgerView as LedgerView
from anyday.wire.signing import AssertionIn as AssertionIn
from anyday.wire.signing import EraseIn as EraseIn
from anyday.wire.signing import InvitationView as InvitationView
from anyday.wire.signing import InviteIn as InviteIn
from anyday.wire.signing import InviteNameIn as InviteNameIn
from anyday.wire.signing import PasskeyIn as PasskeyIn
from anyday.wire.signing import PasskeyOptionsIn as PasskeyOptionsIn
from anyday.wire.signing import PasskeyView as PasskeyView
from anyday.wire.signing import PasswordIn as PasswordIn
from anyday.wire.signing import Secret as Secret
from anyday.wire.signing import SessionView as SessionView
from anyday.wire.signing import SignInIn as SignInIn
from anyday.wire.signing import TokenIn as TokenIn
from anyday.wire.signing import TokenView as TokenView

# requests


class QuantileIn(Closed, frozen=True):
    """A chance that it has happened by the end of what ``by`` names."""

    by: str
    chance: str


class CaseIn(Closed, frozen=True, omit_defaults=True):
    """A past case: how many days it took (a decimal), or has taken so far where it has not ``happened``."""

    days: str
    happened: bool = True


class OpeningIn(Closed, frozen=True):
    """The opening curve: by ``quantiles``, from past ``cases`` (this one has lasted ``elapsed_days`` at the origin), from the gaps
    of the ``tally``, or else uniform. ``never`` such as ``"20%"``; from cases and tallies, what they leave unless it is stated."""

    never: str | None = None
    quantiles: tuple[QuantileIn, ...] = ()
    cases: tuple[CaseIn, ...] = ()
    elapsed_days: str = "0"
    tally: bool = False


class ToteIn(Closed, frozen=True):
    """Play it as a tote: ``slots`` by ``week``, ``month``, ``quarter`` or ``year``, or a list of their starts; ``takeout`` such as ``"5%"``."""

    slots: str | tuple[str, ...] = "month"
    takeout: str = "0%"


class ClosestIn(Closed, frozen=True):
    """Play it as a closest guess: ``stake`` a guess, ``variant`` nearest, not_past or exact, ``prize`` winner or three."""

    stake: Amount
    variant: str = "nearest"
    prize: str = "winner"
    many: bool = False


class AskIn(CommandId, frozen=True):
    """Ask a question. It is played as a market with a ``subsidy`` unless ``market`` is false, and besides or instead as a tote, a
    closest guess, a forecast; ``tally`` is the id of the one whose next occurrence it asks for. ``deputy``, ``subjects`` (whom it is about, who are
    asked first) and ``barred`` (who could cause or time it) are members by name; ``dispute_hours`` and ``silence_hours`` are
    the crew's unless stated. Until a market's ``bell``, a typed time, its bets are sealed."""

    title: str
    terms: str
    zone: str
    grain: str
    origin: str
    horizon: str
    subsidy: Amount = 0
    resolver: str | None = None
    subsidy_from: str = "host"
    lead_minutes: int = 0
    opening: OpeningIn = OpeningIn()
    source: str = ""
    market: bool = True
    tote: ToteIn | None = None
    closest: ClosestIn | None = None
    forecast: bool = False
    tally: str | None = None
    deputy: str | None = None
    subjects: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    dispute_hours: int | None = None
    silence_hours: int | None = None
    bell: str | None = None


class BetIn(CommandId, frozen=True):
    """Bet: exactly one of ``points`` to spend, ``shares`` (points of payout) and ``target`` (a chance)."""

    window: str
    points: Amount | None = None
    shares: Amount | None = None
    target: str | None = None
    max_cost: Amount | None = None
    min_shares: Amount | None = None
    expected_version: int | None = None


class SellIn(CommandId, frozen=True):
    """Sell shares of a window, or all that is held over the whole of it."""

    window: str
    shares: Amount | None = None
    min_proceeds: Amount | None = None
    expected_version: int | None = None


class StakeIn(CommandId, frozen=True):
    """Stake points on a slot of the tote, or on ``never``."""

    slot: str
    points: Amount


class GuessIn(CommandId, frozen=True):
    """Guess one grain, or ``never``."""

    guess: str


class FamilyIn(Closed, frozen=True):
    """A ``lognormal``, ``weibull`` or ``gamma``: half by the end of ``half``, 90 % by the end of ``most``."""

    family: str
    half: str
    most: str


class CurveIn(Closed, frozen=True):
    """A curve in exactly one of three ways: ``quantiles`` (chances of having happened by then), a ``family``, or a ``table`` (the
    chance of each stretch, by the time with which it ends). ``never`` is stated, except that a family may leave it open."""

    never: str | None = None
    quantiles: tuple[QuantileIn, ...] = ()
    family: FamilyIn | None = None
    table: tuple[QuantileIn, ...] = ()


class ForecastIn(CommandId, frozen=True):
    """State a curve, sealed: the first with a stake in ``points``, later ones without."""

    curve: CurveIn
    points: Amount | None = None


class NoteIn(CommandId, frozen=True):
    """A near miss (``near_miss``) or ``news``: what, when, and the evidence."""

    kind: str
    text: str
    when: str
    evidence: str


class NextIn(Closed, frozen=True):
    """The question that a tally asks anew each time the last has settled: over ``span`` grains."""

    title: str
    terms: str
    grain: str
    span: int
    subsidy: Amount
    subsidy_from: str = "host"


class TallyIn(CommandId, frozen=True):
    """Keep a tally, counting from ``since`` on."""

    name: str
    terms: str
    since: str
    next: NextIn | None = None


class OccurrenceIn(CommandId, frozen=True):
    """Record an occurrence of a tally: when (an instant or a window), with evidence."""

    when: str
    evidence: str


class StrikeIn(CommandId, frozen=True):
    """Strike an occurrence out, by the version with which it was recorded."""

    version: int
    reason: str


class QuoteIn(Closed, frozen=True):
    """What a bet would do, or with ``sell`` a sale (without ``shares``: of all that is held); ``ghost`` asks for the curve after it."""

    window: str
    points: Amount | None = None
    shares: Amount | None = None
    target: str | None = None
    sell: bool = False
    ghost: bool = False


class EmptyIn(CommandId, frozen=True):
    """A command that needs nothing more than its address."""


class RuleIn(CommandId, frozen=True):
    """Rule: ``outcome`` is an instant, a window or ``never``, as typed."""

    outcome: str
    evidence: str
    known_at: str | None = None
    expected_version: int | None = None


class VoidIn(CommandId, frozen=True):
    """Void, with a reason."""

    reason: str


class CorrectIn(CommandId, frozen=True):
    """Correct a ruling."""

    outcome: str
    evidence: str
    reason: str
    expected_version: int | None = None


class PreviewIn(Closed, frozen=True):
    """What a ruling would do: ``what`` is ``rule``, ``void`` or ``correct``; a void needs no outcome."""

    outcome: str = ""
    what: str = "rule"
    evidence: str = ""
    reason: str = ""


class GrantIn(CommandId, frozen=True):
    """Grant new points to a player by name, or to ``house``."""

    to: str
    points: Amount
    reason: str


class CrewIn(CommandId, frozen=True):
    """Open a further crew, which its maker owns; the zone is an IANA name."""

    name: str
    zone: str = "UTC"


# replies


class Problem(View, frozen=True):
    """Every refusal and every error: one shape. ``type`` is the refusal's code, ``facts`` what its sentences name."""

    type: str
    status: int
    title: str
    next_step: str
    retry: bool
    facts: dict[str, str] = msgspec.field(default_factory=dict)


class Receipt(View, frozen=True):
    """What a command left behind: its stream, version and the head of the stream's hash chain, and a sentence."""

    stream: str
    version: int
    head: str
    said: str
    question: str | None = None
    shares: str | None = None
    charge: str | None = None
    released: str | None = None
    chance_before: int | None = None
    chance_after: int | None = None
    tally: str | None = None


class Held(View, frozen=True):
    """One stretch of a position: what it pays there. ``never`` is a stretch of its own, without start and end."""

    window: str
    payout: str
    start: str | None = None
    end: str | None = None


class Bar(View, frozen=True):
    """One piece of the curve: UTC microseconds, chance in ppm of the whole."""

    start: int
    end: int
    chance: int


class CurveView(View, frozen=True):
    """The curve as it stands: bars over the time that is left, never, quantiles (UTC microseconds or none), a sentence."""

    version: int
    now: int
    passed_until: int
    origin: int
    horizon: int
    bars: tuple[Bar, ...]
    never: int
    quantiles: dict[str, int | None]
    sentence: str
    smooth: bool


class QuoteView(View, frozen=True):
    """What an order would do at this version; it binds nobody. ``pays`` is what leaves the purse in all (the charge less what
    it releases), ``shares`` what comes back if the window comes true. ``ghost`` holds the bars after it."""

    version: int
    window: str
    start: str | None
    end: str | None
    never_pays: bool
    shares: str
    charge: str
    released: str
    pays: str
    chance_before: int
    chance_after: int
    said: str
    ghost: tuple[Bar, ...] = ()
    ghost_never: int = 0


class HistoryPoint(View, frozen=True):
    """The curve's quantiles as they stood at ``at`` (UTC microseconds)."""

    at: int
    never: int
    quantiles: dict[str, int | None]


class BetView(View, frozen=True):
    """One bet. ``by`` is whose it is, where the crew shows that; of others' bets shares and charge are none where the crew does not show
    its prices in full. No shares (``"0"``): a sealed bet of the asker's own that stayed out when the bell rang."""

    version: int
    at: str
    window: str
    shares: str | None
    charge: str | None
    standing: bool
    mine: bool
    by: str | None = None


class Entry(View, frozen=True):
    """A line of the timeline: what and when (UTC and in words), and ``by`` whom where that is told. Of a near miss or news also which, when
    that was (UTC microseconds, ``end`` exclusive) and its evidence; of what one can thank for, how many did (none: one cannot)."""

    version: int
    at: str
    when: str
    kind: str
    said: str
    note: str | None = None
    start: int | None = None
    end: int | None = None
    evidence: str | None = None
    by: str | None = None
    thanks: int | None = None
    may_thank: bool = False


class SlotView(View, frozen=True):
    """A slot of a tote, or never (without start and end): what is staked on it, the ``dividend`` (points paid a point staked, to the
    thousandth, as things stand; none where nobody is on it), its share of the stakes in ppm, and what the asker staked there."""

    window: str
    stakes: str
    dividend: str | None
    chance: int
    mine: str
    start: int | None = None
    end: int | None = None
    won: bool = False


class ToteView(View, frozen=True):
    """A question's tote. Dividends are provisional until entries have closed."""

    open: bool
    closes_at: str
    closes: str
    pool: str
    takeout: int
    slots: tuple[SlotView, ...]
    mine: str
    won: str | None = None


class PinView(View, frozen=True):
    """A guess on the axis (UTC microseconds; never is without): anybody's own at once, the others' once entries have closed, without
    names; after the ruling the winners' with their names and what they won."""

    window: str
    mine: bool
    start: int | None = None
    end: int | None = None
    distance: int | None = None
    place: int | None = None
    name: str | None = None
    won: str | None = None


class ClosestView(View, frozen=True):
    """A question's closest guess. ``pins`` are the asker's own until entries close; then everybody's. ``pool`` and ``guesses``
    are none until then."""

    open: bool
    closes_at: str
    closes: str
    variant: str
    prize: str
    rule: str
    stake: str
    many: bool
    revealed: bool
    pins: tuple[PinView, ...]
    pool: str | None = None
    guesses: int | None = None
    won: str | None = None


class ForecastRow(View, frozen=True):
    """After the ruling: how one forecaster did. ``score`` 0 to 1 as a decimal."""

    name: str
    score: str
    mine: bool


class ForecastView(View, frozen=True):
    """A question's forecasts: the asker's own curve and stake; after the ruling everybody's scores and the crowd's curves."""

    open: bool
    may_revise: bool
    closes_at: str
    closes: str
    revealed: bool
    stake: str | None = None
    curves: int = 0
    mine: CurveView | None = None
    rows: tuple[ForecastRow, ...] = ()
    linear: CurveView | None = None
    logarithmic: CurveView | None = None
    won: str | None = None


class QuestionCard(View, frozen=True):
    """A question as the board shows it; ``asks`` is the command that it waits for the visitor to give, if it does."""

    id: str
    title: str
    state: str
    sentence: str
    spark: tuple[int, ...]
    never: int
    moved: int
    held: bool
    bets: int
    opened_at: str
    horizon: str
    section: str
    outcome: str | None = None
    plays: tuple[str, ...] = ("market",)
    asks: str | None = None


class QuestionView(View, frozen=True):
    """A question whole, as its page shows it to one visitor. ``prices`` is how its crew shows the market's curve: ``full``, ``rounded``,
    ``hourly`` or ``daily``; at intervals as it stood at ``prices_as_of``."""

    id: str
    version: int
    title: str
    terms: str
    source: str
    state: str
    zone: str
    grain: str
    origin: str
    horizon: str
    lead_minutes: int
    host: str
    resolver: str
    subsidy: str
    subsidy_from: str | None
    liquidity: str | None
    bets: int
    players: int
    barred: tuple[str, ...]
    curve: CurveView | None
    timeline: tuple[Entry, ...]
    plays: tuple[str, ...] = ("market",)
    tote: ToteView | None = None
    closest: ClosestView | None = None
    forecast: ForecastView | None = None
    tally: str | None = None
    cases: int = 0
    position: tuple[Held, ...] = ()
    spendable: str | None = None
    worth: str | None = None
    collectable: str | None = None
    may_bet: bool = False
    may_not_bet_because: str | None = None
    may_rule: bool = False
    may_void: bool = False
    outcome: str | None = None
    outcome_said: str | None = None
    evidence: str | None = None
    fair: fair.FairView | None = None
    bell: bell.BellView | None = None
    prices: str = "full"
    prices_as_of: str | None = None


class TallyCard(View, frozen=True):
    """A tally as the crew's list shows it: how often in all, in the past three months and in the three before (none where it was not
    kept all that time), how long since the last."""

    id: str
    name: str
    keeper: str
    since: str
    count: int
    lately: int
    before: int | None
    last: str | None
    said: str


class PeriodView(View, frozen=True):
    """How often in the past so many calendar months of the crew's zone, from ``since`` to now, and in as many before these. ``whole`` is
    false, and ``before`` none, where the tally was not kept all that time."""

    months: int
    since: str
    count: int
    before: int | None
    whole: bool


class RateView(View, frozen=True):
    """So many times a ``unit`` (decimals, two digits), and the exact Poisson interval in which the true rate lies with 95 %."""

    unit: str
    rate: str
    low: str
    high: str
    said: str


class GapsView(View, frozen=True):
    """How long from one occurrence to the next: how many gaps there are, the shortest, the middle and the longest (microseconds)."""

    count: int
    shortest: int
    median: int
    longest: int
    said: str


class OccurrenceView(View, frozen=True):
    """An occurrence, by the ``version`` with which it was recorded: when ([start, end), UTC, and in words), by whom and with which evidence,
    or as the ruling of ``question`` says. ``gap`` is the time since the one before (microseconds); ``struck`` why it does not count."""

    version: int
    start: str
    end: str
    when: str
    by: str
    evidence: str
    question: str | None = None
    gap: int | None = None
    gap_said: str | None = None
    struck: str | None = None
    struck_by: str | None = None
    may_strike: bool = False


class NextView(View, frozen=True):
    """The next question of a tally: the one that is live, with its curve's sentence; else what would ``ask`` for it, by hand. ``cases`` are
    the gaps on which its opening curve would rest, ``enough`` whether that is enough; ``by_itself`` whether the tally asks without being
    told to, and ``refused`` why it could not. Its keeper and the owner may ask."""

    question: str | None
    title: str
    sentence: str
    cases: int
    enough: bool
    by_itself: bool
    refused: str | None = None
    ask: AskIn | None = None
    may_ask: bool = False


class TallyView(View, frozen=True):
    """A tally whole, as its page shows it. ``marks`` are all that count, oldest first ([start, end), UTC microseconds); ``occurrences`` the
    newest, those that were struck out among them, and ``earlier`` the version before which there are more."""

    id: str
    version: int
    name: str
    terms: str
    keeper: str
    since: str
    since_said: str
    now: int
    zone: str
    count: int
    count_said: str
    last_said: str
    periods: tuple[PeriodView, ...]
    rate: RateView | None
    gaps: GapsView | None
    marks: tuple[tuple[int, int], ...]
    occurrences: tuple[OccurrenceView, ...]
    earlier: int | None
    next: NextView
    may_record: bool = False


class RulingTotals(View, frozen=True):
    """What a ruling would do, in totals only. ``cut`` says from when bets fall, ``cut_at`` is that instant, if anything falls. The
    mechanisms in ``sealed`` are left out of the totals: nobody may know yet what was staked there."""

    outcome: str
    cut: str
    bets_voided: int
    points_returned: str
    points_paid: str
    house_result: str
    becomes_void: bool
    version: int
    cut_at: str | None = None
    sealed: tuple[str, ...] = ()


class PositionView(View, frozen=True):
    """One question in which the player holds something or did. ``spent`` is what the standing bets cost, less what they
    brought in; ``worth`` is what is held at the present chances, and after the ruling what it paid; ``entered`` are the player's
    own stakes, guesses and forecast, in words."""

    question: str
    title: str
    state: str
    held: tuple[Held, ...]
    spent: str
    worth: str
    collectable: str
    entered: tuple[str, ...] = ()


class Me(View, frozen=True):
    """The player: balance, what can be spent anywhere, what is pending, what is owed, positions; and the crew with its time zone."""

    player: str
    name: str
    role: str
    crew: str
    balance: str
    spendable: str
    pending: str
    owed: str
    positions: tuple[PositionView, ...]
    zone: str = "UTC"


class CrewCard(View, frozen=True):
    """A crew that one belongs to: its id, its name, and one's role in it. Its addresses begin with ``/c/<id>``."""

    id: str
    name: str
    role: str


class Member(View, frozen=True):
    """A member of the crew; ``role`` is ``owner``, ``player`` or ``guest``."""

    player: str
    name: str
    role: str
    simulated: bool


# the record


class MarkView(View, frozen=True):
    """What was said ``days`` before it happened (0: the last that stood; −1: when its time began), over so many questions: the means
    of the log score (micro-nats, 0 the best), of CRPS and Brier (ppm, 0 the best)."""

    days: int
    questions: int
    log: int
    crps: int
    brier: int


class LevelView(View, frozen=True):
    """Of the chances stated in [low, high): how many, of how many questions, their mean, the share that came true, and the bounds
    between which that lies with 95 % confidence, each question counted once. Chances in ppm."""

    low: int
    high: int
    claims: int
    questions: int
    stated: int
    came_true: int
    least: int
    most: int


class CalibrationView(View, frozen=True):
    """What was said of "before t" when a question's time began, against what came true. ``error`` is the mean gap in ppm, none
    without a claim; ``counts`` are of how many outcomes lay in each tenth of the chances then stated (to the hundredth, since a
    window spreads over several), ``p_value`` (ppm) how likely counts as uneven are if the curves are right."""

    questions: int
    claims: int
    error: int | None
    levels: tuple[LevelView, ...]
    said: str
    counts: tuple[str, ...] = ()
    statistic: str | None = None
    p_value: int | None = None
    spread_said: str = ""


class PlayedView(View, frozen=True):
    """A settled question behind a player: their forecast's score (0 to 1); and for that player alone what they made there, and how
    many grains off their nearest guess was."""

    question: str
    title: str
    ruled_at: str
    outcome: str
    profit: str | None
    score: str | None
    guess: str | None


class TrackRecord(View, frozen=True):
    """How a player or a mechanism (``kind``) did on settled questions. ``profit`` of the market is what the payers of its
    subsidies gained or lost. ``score`` is the mean forecast score, ``distance`` the median of the nearest guesses in grains."""

    name: str
    kind: str
    questions: int
    profit: str
    marks: tuple[MarkView, ...]
    calibration: CalibrationView
    simulated: bool = False
    forecasts: int = 0
    score: str | None = None
    guesses: int = 0
    exact: int = 0
    distance: str | None = None
    played: tuple[PlayedView, ...] = ()


class RecordView(View, frozen=True):
    """The crew's mechanisms side by side, over its settled questions."""

    questions: int
    said: str
    mechanisms: tuple[TrackRecord, ...]


class SpanView(View, frozen=True):
    """A week, month, quarter or year of the crew's zone, or ``all`` of time; ``at`` names it in an address, as do those of its
    neighbours. Nothing lies after the present one."""

    period: str
    at: str
    said: str
    start: str | None = None
    end: str | None = None
    earlier: str | None = None
    later: str | None = None


class PlaceView(View, frozen=True):
    """A place in a table; equal numbers share it. ``value`` is points, a mean score, or a calibration error as a share."""

    place: int
    name: str
    value: str
    questions: int
    simulated: bool
    mine: bool


class TableView(View, frozen=True):
    """A table by ``profit``, ``score`` or ``calibration``: who has at least ``least`` settled questions in it. ``few`` counts those who have
    fewer."""

    by: str
    said: str
    least: int
    few: int
    places: tuple[PlaceView, ...]


class TablesView(View, frozen=True):
    """The tables of a period, of settled questions alone."""

    period: SpanView
    questions: int
    tables: tuple[TableView, ...]


class ReviewedView(View, frozen=True):
    """A question settled in the period: the CRPS (ppm) of the market's curve 30 days before it happened and last, who forecast best
    30 days before and with what CRPS, who made most."""

    question: str
    title: str
    ruled_at: str
    outcome: str
    early: int | None = None
    last: int | None = None
    best: str | None = None
    best_crps: int | None = None
    gained: str | None = None
    gain: str | None = None


class MovedView(View, frozen=True):
    """A near miss or news, and how much of the curve moved in the day after (ppm; none where nobody can tell yet)."""

    question: str
    title: str
    at: str
    kind: str
    text: str
    moved: int | None


class OverdueView(View, frozen=True):
    """A question that waits for its ruling, whose ruling it is, and since when its time is over (days; none before)."""

    question: str
    title: str
    resolver: str
    days: int | None


class CountedView(View, frozen=True):
    """How often a tally's occurrence came in the period, and in the one before."""

    tally: str
    name: str
    times: int
    before: int


class AskedView(View, frozen=True):
    """A question opened in the period."""

    question: str
    title: str
    opened_at: str
    state: str


class ReviewView(View, frozen=True):
    """A crew's review of a period: all of it from what is settled, open to all, or due."""

    period: SpanView
    said: tuple[str, ...]
    settled: int
    called_off: int
    opened: int
    questions: tuple[ReviewedView, ...]
    notes: tuple[MovedView, ...]
    overdue: tuple[OverdueView, ...]
    tallies: tuple[CountedView, ...]
    asked: tuple[AskedView, ...]


# keys, and what is left


class Done(View, frozen=True):
    """It is done, in a sentence."""

    said: str


class Verdict(View, frozen=True):
    """What ``verify`` found: counts, and the first fault if there is one."""

    events: int
    streams: int
    charges: int
    fault: str | None
