"""The market without any server: open one, bet, let time pass, settle. Windows and times are typed as people write them.

Amounts go in as points (``50``, ``"12.5"`` or a Decimal of at most six decimals) and come out as Decimal points; chances
come out as floats between 0 and 1. A "no" is raised as ``Refused``, which carries the Refusal. The clock is yours: a book
starts just before its first grain passes, and ``advance`` moves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from anyday.instants import Instant
from anyday.library.typed import Amount, Settlement, grains_of, later, ok, points_of, ppm, refuse, say_outcome, span_of, units_of
from anyday.market import lmsr, prior
from anyday.market.curve import Curve
from anyday.market.horizon import Claim, Horizon, claim_of, say_claim
from anyday.market.maker import Market
from anyday.market.mechanism import Fill, Order, Quote
from anyday.phrases import parse_span, parse_window
from anyday.points import say_points
from anyday.refusals import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Offer:
    """What a bet does, or did: points of payout and points to pay (negative: to receive). ``released`` points of the
    position's floor become cash with it."""

    window: str
    payout: Decimal
    cost: Decimal
    released: Decimal
    chance_before: float
    chance_after: float
    said: str


@dataclass(frozen=True, slots=True)
class Held:
    """One stretch of a position: what it pays there, in points."""

    window: str
    payout: Decimal


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the journal: a bet, or a floor collected (a fill without shares)."""

    at: Instant
    player: str
    fill: Fill | None
    released: int


def open(
    *,
    origin: str,
    horizon: str,
    zone: str = "UTC",
    grain: str = "day",
    subsidy: Amount = 1000,
    never: str = "20%",
    quantiles: Sequence[tuple[str, str]] = (),
    lead_minutes: int = 0,
) -> Book:
    """Open a market on when something first happens, from ``origin`` up to ``horizon`` (each the start of what is named).

    ``quantiles`` are pairs such as ``("June 2027", "50%")``: the chance that it has happened by the end of what is named;
    without them every grain is as likely. ``never`` is the chance that it does not happen by the horizon. ``subsidy`` is
    the most that the market can lose, in points. Raises Refused.
    """
    span, lead = span_of(origin, horizon, zone, grain, lead_minutes)
    curve = ok(_opening(span, never, quantiles))
    liquidity, escrow = ok(lmsr.liquidity_for(units_of(subsidy, "The subsidy"), curve))
    return Book(Market(span, curve, liquidity, escrow, lead))


class Book:
    """One open market with its players and its journal. Made by ``anyday.open``."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._now = Instant(market.horizon.origin - market.lead - 1)
        self._journal: list[_Entry] = []
        self._settled = False

    @property
    def market(self) -> Market:
        """The market beneath: grains, claims and units of a millionth of a point."""
        return self._market

    @property
    def subsidy(self) -> Decimal:
        """The most that the market can lose, in points."""
        return points_of(self._market.subsidy)

    def quote(
        self, player: str, window: str, *, points: Amount | None = None, payout: Amount | None = None, to: str | None = None
    ) -> Offer:
        """What a bet would do: spend ``points``, or buy ``payout`` points of payout, or move the chance ``to`` such as
        ``"40%"``. Changes nothing. Raises Refused."""
        order = self._order(player, window, points, payout, to)
        return self._offer(ok(self._market.quote(order)))

    def bet(
        self,
        player: str,
        window: str,
        *,
        points: Amount | None = None,
        payout: Amount | None = None,
        to: str | None = None,
        max_cost: Amount | None = None,
    ) -> Offer:
        """Bet, sized as in ``quote``, at no more than ``max_cost`` points. Raises Refused."""
        limit = None if max_cost is None else units_of(max_cost, "The limit")
        return self._do(self._order(player, window, points, payout, to, limit))

    def sell(self, player: str, window: str, *, payout: Amount | None = None, min_proceeds: Amount | None = None) -> Offer:
        """Sell ``payout`` points of payout over a window, or all that is held over the whole of it. Raises Refused."""
        claim = self._claim(window)
        shares = self._market.held(player, claim) if payout is None else units_of(payout, "The payout")
        if shares == 0:
            refuse(Refusal(Reason.HOLDS_LESS, held="0"))
        limit = None if min_proceeds is None else -units_of(min_proceeds, "The limit")
        return self._do(Order(player, claim, shares=-shares, max_cost=limit))

    def collect(self, player: str) -> Decimal:
        """Turn into points what the player's position pays whatever happens. Raises Refused if that is nothing."""
        self._still_open()
        released = self._market.collectable(player)
        if released == 0:
            refuse(Refusal(Reason.NOTHING_TO_COLLECT))
        self._market.collect(player, released)
        self._journal.append(_Entry(self._now, player, None, released))
        return points_of(released)

    def advance(self, time: str) -> None:
        """Let time pass up to the start of what is named; never backwards. Raises Refused."""
        now = later(time, self._market.horizon, self._now)
        self._now = now
        self._market.advance(now)

    def chance(self, window: str) -> float:
        """The chance of a window as it stands, given what has passed; 0 once all of it has. Raises Refused."""
        return self._market.price(self._claim(window, passed=0))

    def curve(self) -> Curve:
        """The chances as they stand, over grains from the origin, and never."""
        return self._market.curve()

    def sentence(self) -> str:
        """The curve in words."""
        return self._market.curve().sentence(self._market.horizon)

    def position(self, player: str) -> tuple[Held, ...]:
        """What the player holds, floor taken off: what each stretch of time left, and never, would pay."""
        held, horizon = self._market.position(player), self._market.horizon
        steps = [Held(say_claim(Claim(first, last, False), horizon), points_of(shares)) for first, last, shares in held.steps]
        if held.never:
            steps.append(Held(say_claim(Claim(0, horizon.count, True), horizon), points_of(held.never)))
        return tuple(steps)

    def settle(self, outcome: str) -> Settlement:
        """Settle by what happened: an instant, a window if no more is known, or ``never``.

        Every bet made since the start of the grain in which it happened, less the lead, is void. The clock need not have
        come that far. Raises Refused.
        """
        self._still_open()
        horizon = self._market.horizon
        grains = grains_of(outcome, horizon, self._now)
        cut = None if grains is None else Instant(horizon.start(grains[0]) - self._market.lead)
        standing = [entry for entry in self._journal if cut is None or entry.at < cut]
        market = self._replay(standing)
        paid = market.payouts(grains)
        results = dict.fromkeys(self._market.players, 0)
        for entry in standing:
            results[entry.player] += entry.released - (entry.fill.charge if entry.fill else 0)
        for player, units in paid.items():
            results[player] += units
        house = market.escrow - market.subsidy - sum(paid.values())
        assert house + sum(results.values()) == 0, "what the players gain, the house loses"
        self._market, self._settled = market, True
        return Settlement(
            say_outcome(grains, horizon),
            {player: points_of(units) for player, units in paid.items()},
            {player: points_of(units) for player, units in results.items()},
            points_of(house),
            len(self._journal) - len(standing),
        )

    def _replay(self, journal: Sequence[_Entry]) -> Market:
        """The market as these entries left it."""
        old = self._market
        market = Market(old.horizon, old.opening, old.liquidity, old.subsidy, old.lead)
        for entry in journal:
            market.advance(entry.at)
            if entry.fill is not None:
                market.apply(entry.fill)
            else:
                market.collect(entry.player, entry.released)
        market.check()
        return market

    def _order(
        self, player: str, window: str, points: Amount | None, payout: Amount | None, to: str | None, max_cost: int | None = None
    ) -> Order:
        spend = None if points is None else units_of(points, "The bet")
        shares = None if payout is None else units_of(payout, "The payout")
        target = None if to is None else ok(ppm(to, "The chance"))
        return Order(player, self._claim(window), shares, spend, target, max_cost)

    def _claim(self, window: str, passed: int | None = None) -> Claim:
        """The claim that a typed window means; bets say nothing of passed time, chances may."""
        self._still_open()
        horizon = self._market.horizon
        phrase = parse_window(window, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=self._now)
        if isinstance(phrase, Refusal):
            refuse(phrase)
        return ok(claim_of(phrase, horizon, self._market.passed if passed is None else passed))

    def _do(self, order: Order) -> Offer:
        quote = ok(self._market.quote(order))
        fill = Fill(order.player, quote.claim, quote.shares, quote.charge, quote.released)
        self._market.apply(fill)
        self._journal.append(_Entry(self._now, order.player, fill, fill.released))
        return self._offer(quote)

    def _offer(self, quote: Quote) -> Offer:
        window = say_claim(quote.claim, self._market.horizon)
        verb, size = ("sells", -quote.shares) if quote.shares < 0 else ("buys", quote.shares)
        price = f"brings {say_points(-quote.charge)}" if quote.shares < 0 else f"costs {say_points(quote.charge)}"
        said = f"It {verb} {say_points(size)} points of payout on {window} and {price}."
        before, after = quote.chance_before / prior.WHOLE, quote.chance_after / prior.WHOLE
        return Offer(window, points_of(quote.shares), points_of(quote.charge), points_of(quote.released), before, after, said)

    def _still_open(self) -> None:
        if self._settled:
            refuse(Refusal(Reason.NOT_OPEN, state="settled"))


def _opening(span: Horizon, never: str, quantiles: Sequence[tuple[str, str]]) -> prior.Opening | Refusal:
    """The opening curve as stated."""
    share = ok(ppm(never, "The chance of never"))
    if not quantiles:
        return prior.uniform(span.count, share)
    stated = []
    for by, chance in quantiles:
        window = ok(parse_span(by, zone=span.zone, origin=span.origin, horizon=span.end, now=span.origin))
        grain = span.boundary(window.end)
        if grain is None:
            return Refusal(Reason.BAD_OPENING, detail=f"“{by}” does not end on a whole {span.grain} of the question")
        stated.append((grain, ok(ppm(chance, "A chance"))))
    return prior.from_quantiles(span.count, stated, share)
