"""Everything that can have happened, frozen and versioned. Events hold decided integers, never inputs to recompute.

Amounts are micro-points, instants UTC microseconds, grains are numbers from the question's origin. Every event
carries ``at``, the instant it is stamped with. A field is never renamed or dropped: a new shape is a new tag, and
``store.codec`` lifts the old one.
"""

from __future__ import annotations

import msgspec


class Happened(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=False):
    """What every event shares."""

    at: int


class CrewOpened(Happened, frozen=True, tag="crew_opened.2"):
    """The crew exists; its owner is a member from here on. Its questions have a ``dispute`` window and a time of ``silence``
    (both in microseconds) unless they state their own."""

    crew: str
    name: str
    owner: str
    zone: str
    joining_grant: int
    house_grant: int
    report_lag: int
    dispute: int
    silence: int


class PlayerJoined(Happened, frozen=True, tag="player_joined.2"):
    """Somebody joined: a player with the joining grant, or a ``guest``, who looks on and has no points. Whoever comes back gets no
    second grant."""

    player: str
    grant: int
    simulated: bool
    guest: bool


class MadePlayer(Happened, frozen=True, tag="made_player.1"):
    """A guest plays from here on, and received the joining grant."""

    by: str
    player: str
    grant: int


class MemberLeft(Happened, frozen=True, tag="member_left.1"):
    """Somebody left the crew, or was removed by its owner, with a reason. What they hold stays theirs and settles as it would."""

    by: str
    player: str
    reason: str


class CrewSettings(msgspec.Struct, frozen=True):
    """What a crew's owner may set. Times in microseconds; ``readers`` and ``positions`` say who sees what, ``prices`` how
    exactly the curve is shown to those who look on."""

    name: str
    zone: str
    joining_grant: int
    dispute: int
    silence: int
    readers: str = "server"
    positions: str = "own"
    prices: str = "full"


class SettingsChanged(Happened, frozen=True, tag="settings_changed.1"):
    """The crew's settings, all of them, as they are from here on."""

    by: str
    settings: CrewSettings


class AlarmRaised(Happened, frozen=True, tag="alarm_raised.1"):
    """Everything in the crew stands still: nothing is bet, sold, collected, entered or asked."""

    by: str
    reason: str


class AlarmLifted(Happened, frozen=True, tag="alarm_lifted.1"):
    """Betting goes on."""

    by: str


class DutyOffered(Happened, frozen=True, tag="duty_offered.1"):
    """Whoever holds a duty offers it to another, for good or ``until`` a time. Nothing changes until it is accepted."""

    duty: str
    by: str
    to: str
    until: int | None


class DutyAccepted(Happened, frozen=True, tag="duty_accepted.1"):
    """The other has it now."""

    duty: str
    by: str


class DutyDeclined(Happened, frozen=True, tag="duty_declined.1"):
    """The other does not want it, or whoever offered it took the offer back."""

    duty: str
    by: str


class DutyReturned(Happened, frozen=True, tag="duty_returned.1"):
    """The time for which a duty was handed over has ended: it is ``to``'s again."""

    duty: str
    to: str


class Granted(Happened, frozen=True, tag="granted.1"):
    """The owner gave new points to an account; what repays a debt goes to ``owed`` instead."""

    by: str
    to: str
    amount: int
    repaid: int
    reason: str


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Grains ``first`` to ``last`` (exclusive) of the opening curve, each of integer ``weight``."""

    first: int
    last: int
    weight: int


class MarketPlay(msgspec.Struct, frozen=True, omit_defaults=True):
    """The question is played as a market. ``runs`` and ``never`` are its opening curve, which rests on ``cases`` past ones (0:
    it was stated); ``subsidy`` is what the escrow opened with, paid by the host or the house. Until its ``bell`` (UTC microseconds),
    if it has one, bets are sealed."""

    runs: tuple[Run, ...]
    never: int
    smooth: bool
    cases: int
    liquidity: int
    subsidy: int
    subsidy_from: str
    bell: int | None = None


class TotePlay(msgspec.Struct, frozen=True):
    """The question is played as a tote: slots between neighbouring ``edges`` (grains), and never; take-out in ppm."""

    edges: tuple[int, ...]
    takeout: int


class ClosestPlay(msgspec.Struct, frozen=True):
    """The question is played as a closest guess: ``places`` are the shares of the prizes, ``stake`` is what a guess costs."""

    variant: str
    places: tuple[int, ...]
    stake: int
    many: bool


class ForecastPlay(msgspec.Struct, frozen=True):
    """The question is played as a scored forecast."""


class QuestionOpened(Happened, frozen=True, tag="question_opened.2"):
    """A question was asked; it is open at once unless it is about ``subjects``, who are asked first. ``lengths`` are the runs of equal
    grains (count, microseconds) from ``origin`` on, as the zone had them with ``tzdata``; no newer tzdata moves them. It is played in
    each of the ways that are there, and belongs to ``tally`` if it asks for the next occurrence of one. ``deputy`` stands in for
    the resolver and judges disputes; ``barred`` could cause or time it; a ruling can be disputed for ``dispute`` microseconds; ``silence``
    is how long after the horizon the deputy waits for the resolver."""

    question: str
    host: str
    resolver: str
    title: str
    terms: str
    source: str
    zone: str
    tzdata: str
    grain: str
    origin: int
    lengths: tuple[tuple[int, int], ...]
    lead: int
    market: MarketPlay | None
    tote: TotePlay | None = None
    closest: ClosestPlay | None = None
    forecast: ForecastPlay | None = None
    tally: str | None = None
    deputy: str | None = None
    subjects: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    dispute: int = 0
    silence: int = 0

    @property
    def closes(self) -> int:
        """When entries close: stakes on slots, guesses and first forecasts. UTC microseconds."""
        assert self.lead >= 0, "a lead looks ahead"
        return self.origin - self.lead

    @property
    def subsidy(self) -> int:
        """What the market's escrow opened with; nothing without a market."""
        assert self.market is None or self.market.subsidy > 0, "a market has something to lose"
        return self.market.subsidy if self.market is not None else 0

    @property
    def subsidy_from(self) -> str | None:
        """Who paid the subsidy, ``host`` or ``house``; nobody without a market."""
        assert self.market is None or self.market.subsidy_from in ("host", "house"), "these two pay subsidies"
        return self.market.subsidy_from if self.market is not None else None


    @property
    def bell(self) -> int | None:
        """When the market's sealed bets are filled; nothing without a bell. UTC microseconds."""
        bell = self.market.bell if self.market is not None else None
        assert bell is None or bell < self.closes, "the bell rings before the first grain passes"
        return bell


class BetPlaced(Happened, frozen=True, tag="bet_placed.1"):
    """A bet on grains ``first`` to ``last`` (exclusive), or on all the rest and never where ``complement``. A sale has
    negative ``shares`` and a charge at or below zero. ``released`` is the floor of the position that became points."""

    player: str
    first: int
    last: int
    complement: bool
    shares: int
    charge: int
    released: int


class Collected(Happened, frozen=True, tag="collected.1"):
    """A position's floor became points."""

    player: str
    released: int


class Staked(Happened, frozen=True, tag="staked.1"):
    """A stake on one slot of the tote (grains ``first`` to ``last``, exclusive), or on never where ``complement``."""

    player: str
    first: int
    last: int
    complement: bool
    amount: int


class Guessed(Happened, frozen=True, tag="guessed.1"):
    """A guess of one grain, or of never where ``complement``; ``stake`` is 0 where it replaces an earlier one. Sealed: it
    stands in the player's own hidden stream."""

    player: str
    first: int
    last: int
    complement: bool
    stake: int


class ForecastStated(Happened, frozen=True, tag="forecast_stated.1"):
    """A curve in parts per million: the mass of each run (first grain, last grain exclusive, mass of the whole run) and of
    never. ``stake`` is 0 for a revision. Sealed: it stands in the player's own hidden stream."""

    player: str
    runs: tuple[tuple[int, int, int], ...]
    never: int
    stake: int


class SealedBet(Happened, frozen=True, tag="sealed_bet.1"):
    """A bet sealed until the bell: at most ``shares`` (or as many as ``spend`` buys) at a chance of at most ``limit`` (ppm). It takes the
    place of the one with the number ``replaces``, if any; with neither size it only withdraws that. ``reserve`` is what is set aside
    for it, less what that one gives back. Numbers count from 1 in the player's own hidden stream, in which it stands."""

    player: str
    first: int
    last: int
    complement: bool
    limit: int
    shares: int | None
    spend: int | None
    replaces: int | None
    reserve: int


class Rang(msgspec.Struct, frozen=True, array_like=True):
    """What the bell did with one sealed bet, by its player and number: ``shares`` at ``price`` (parts of ``points.PRICE_WHOLE``) for
    ``charge``; no shares where it stayed out."""

    player: str
    number: int
    shares: int
    price: int
    charge: int


class Rung(Happened, frozen=True, tag="rung.1"):
    """The bell has rung: what became of every sealed bet; ``root`` binds the heads of all their streams."""

    root: str
    lines: tuple[Rang, ...]


class Filled(Happened, frozen=True, tag="filled.1"):
    """What the bell did to one player: ``shares`` of a window for ``charge`` (none where a sealed bet stayed out), and what was set aside
    for it beyond that, ``returned``. Grains as in a bet."""

    player: str
    first: int
    last: int
    complement: bool
    shares: int
    charge: int
    returned: int


class Unsealed(Happened, frozen=True, tag="unsealed.1"):
    """The sealed entries of a mechanism may be seen from now on; ``root`` binds the heads of all their streams."""

    mechanism: str
    root: str


class Noted(Happened, frozen=True, tag="noted.1"):
    """A near miss or news: what, when (UTC microseconds, [start, end)), with evidence. It moves and settles nothing."""

    by: str
    kind: str
    text: str
    start: int
    end: int
    evidence: str


class Commented(Happened, frozen=True, tag="commented.1"):
    """A comment. Its text is personal and lives outside the log, where it can be erased; ``digest`` binds it (SHA-256, hex, over a
    random salt and the text)."""

    by: str
    digest: str


class Thanked(Happened, frozen=True, tag="thanked.1"):
    """Thanks for what stands on the timeline with ``version``."""

    by: str
    version: int


class Consented(Happened, frozen=True, tag="consented.1"):
    """Somebody whom the question is about agrees to it; it opens with the last of them."""

    by: str


class Withdrew(Happened, frozen=True, tag="withdrew.1"):
    """Somebody whom the question is about does not agree, or no longer: it stands still and is hidden from here on."""

    by: str


class Halted(Happened, frozen=True, tag="halted.1"):
    """The question stands still: nothing is bet on it, with a reason."""

    by: str
    reason: str


class Resumed(Happened, frozen=True, tag="resumed.1"):
    """Betting goes on."""

    by: str


class Closed(Happened, frozen=True, tag="closed.1"):
    """No more bets are taken."""

    by: str


class Outcome(msgspec.Struct, frozen=True):
    """What happened, in UTC microseconds: ``never``, or within [start, end) (an exact instant: end = start + 1)."""

    never: bool
    start: int = 0
    end: int = 0


class Ruled(Happened, frozen=True, tag="ruled.1"):
    """The outcome is declared. From ``cut`` on bets are void (none where nothing is cut), ``standing`` is the last version
    before it, ``voided`` the number of bets that fall."""

    by: str
    outcome: Outcome
    known_at: int
    evidence: str
    cut: int | None
    standing: int
    voided: int


class Disputed(Happened, frozen=True, tag="disputed.1"):
    """A player disputes the ruling, with a reason."""

    by: str
    reason: str


class Voted(Happened, frozen=True, tag="voted.1"):
    """A member's vote, the last of theirs counts: whether the ruling ``stands``, or, where nobody has ruled, for an ``outcome``."""

    by: str
    stands: bool | None
    outcome: Outcome | None


class Judged(Happened, frozen=True, tag="judged.1"):
    """The dispute is decided, for good: the ruling ``stands``, is ``replaced`` by the ruling that follows, or is ``withdrawn`` and the
    question goes back to open. ``by`` is the crew where it voted."""

    by: str
    verdict: str
    reason: str


class Line(msgspec.Struct, frozen=True, array_like=True):
    """What a settlement does to one player out of one escrow: paid for what is held, returned for what is voided (signed),
    subsidy given back."""

    player: str
    paid: int
    returned: int
    subsidy: int

    @property
    def out(self) -> int:
        """All that leaves the escrow for this player."""
        return self.paid + self.returned + self.subsidy


class Book(msgspec.Struct, frozen=True, array_like=True):
    """What a settlement does to one mechanism's escrow: a line a player, and what it gives to the house."""

    mechanism: str
    lines: tuple[Line, ...]
    house: int


class Debt(msgspec.Struct, frozen=True, array_like=True):
    """A debt that a settlement leaves (positive) or repays (negative)."""

    player: str
    owed: int


class Posted(msgspec.Struct, frozen=True, array_like=True):
    """What a settlement posts: a book for each mechanism, and the debts."""

    books: tuple[Book, ...] = ()
    debts: tuple[Debt, ...] = ()

    @property
    def house(self) -> int:
        """What the escrows give to the house."""
        assert all(book.house >= 0 for book in self.books), "no escrow takes from the house"
        return sum(book.house for book in self.books)

    def paid(self, player: str, mechanism: str | None = None) -> int:
        """What a player is paid for what is held, in one mechanism or in all."""
        books = [book for book in self.books if mechanism in (None, book.mechanism)]
        paid = sum(line.paid for book in books for line in book.lines if line.player == player)
        assert paid >= 0, "a payout is never a charge"
        return paid


class Settled(Happened, frozen=True, tag="settled.1"):
    """Payouts are posted."""

    posted: Posted


class Voided(Happened, frozen=True, tag="voided.1"):
    """Called off: every flow is returned."""

    by: str
    reason: str
    posted: Posted


class Corrected(Happened, frozen=True, tag="corrected.1"):
    """A ruling replaced: ``reversed`` undoes what stood, ``posted`` posts anew; ``void`` where the new outcome calls the
    question off."""

    by: str
    reason: str
    outcome: Outcome
    evidence: str
    void: bool
    cut: int | None
    standing: int
    voided: int
    reversed: Posted
    posted: Posted


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """What somebody said ``days`` before the occurrence (before the horizon, for never; 0: the last that stands; −1: when the
    first tenth of its time began after it opened), and how it scored. ``who`` is a mechanism, or ``player/…``. ``log`` in
    micro-nats; ``crps``, ``brier``, ``low`` and ``high`` (the chance of what came before the outcome, and with it) in ppm;
    ``by``: the chance (ppm) of its having happened by each tenth of the question's time that was still ahead, and whether it had."""

    who: str
    days: int
    log: int
    crps: int
    brier: int
    low: int
    high: int
    by: tuple[tuple[int, bool], ...]


class Result(msgspec.Struct, frozen=True, array_like=True):
    """How a player did in a mechanism with entries: a forecast's score in parts per 10^9, or a guess's distance in grains
    (none: it could not win)."""

    player: str
    mechanism: str
    score: int | None


class Moved(msgspec.Struct, frozen=True, array_like=True):
    """How much of the curve moved in the day after a near miss or news (named by its version), in ppm."""

    version: int
    moved: int


class Scored(Happened, frozen=True, tag="scored.1"):
    """What was said, scored once the outcome is known: numbers that were decided then and are never computed again."""

    marks: tuple[Mark, ...]
    results: tuple[Result, ...]
    moved: tuple[Moved, ...]


class Next(msgspec.Struct, frozen=True):
    """The question that a tally asks anew: it covers ``span`` grains."""

    title: str
    terms: str
    grain: str
    span: int
    subsidy: int
    subsidy_from: str


class TallyOpened(Happened, frozen=True, tag="tally_opened.1"):
    """A tally is kept from ``since`` on (UTC microseconds)."""

    tally: str
    keeper: str
    name: str
    terms: str
    since: int
    next: Next | None


class Occurred(Happened, frozen=True, tag="occurred.1"):
    """It occurred once more, within [start, end) (an exact instant: end = start + 1), with evidence; ``question`` if a ruling
    said so."""

    by: str
    start: int
    end: int
    evidence: str
    question: str | None


class Struck(Happened, frozen=True, tag="struck.1"):
    """The occurrence recorded with ``version`` does not count."""

    by: str
    version: int
    reason: str


DutyEvent = DutyOffered | DutyAccepted | DutyDeclined | DutyReturned
CrewEvent = CrewOpened | PlayerJoined | MadePlayer | MemberLeft | Granted | SettingsChanged | AlarmRaised | AlarmLifted | DutyEvent
SealedEvent = Guessed | ForecastStated | SealedBet
QuestionEvent = (
    QuestionOpened | BetPlaced | Collected | Staked | Rung | Filled
    | Unsealed | Noted | Commented | Thanked | Consented | Withdrew | Halted | Resumed | Closed
    | Ruled | Disputed | Voted | Judged | Settled | Voided | Corrected | Scored | DutyEvent
)  # fmt: skip
TallyEvent = TallyOpened | Occurred | Struck
Event = CrewEvent | QuestionEvent | SealedEvent | TallyEvent


def kind(event: Event) -> str:
    """The event's name, without its version: ``bet_placed``."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str), "events are tagged by name"
    return tag.split(".")[0]
