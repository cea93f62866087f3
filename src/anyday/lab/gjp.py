"""Real orders on "When will …?" questions, played in their order into markets of our own, through the real service.

What has to be assumed, the comparisons and the marks are fixed in ``README.md`` beside this file; ``ASSUMED`` prints them.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from anyday.instants import DAY, HOUR, Grain, Instant, day_start, first_at
from anyday.lab.crowd import SimulatedClock, must
from anyday.lab.folder import BadData, Row, table
from anyday.market import lmsr, prior
from anyday.market.curve import Curve
from anyday.market.horizon import Claim, claim_of
from anyday.market.scores import crps, log_score
from anyday.phrases import parse_window
from anyday.points import UNITS_A_POINT
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules.question import Question
from anyday.service import Service

ZONE: Final = "America/New_York"
#: The liquidity b of every market, in units.
LIQUIDITY: Final = 100 * UNITS_A_POINT
LEAST_MID, MOST_MID = 0.005, 0.995
FIRST_DAY, LAST = "after the first day", "just before"
PARTS: Final = (("a quarter through", 1), ("halfway", 2), ("three quarters through", 3))
MARKS: Final = (FIRST_DAY, *(name for name, _ in PARTS), LAST)
CURVES: Final = ("market", "midpoint", "mean of limits", "even")
ASSUMED: Final = (
    "an option is its window of whole days, New York time (the orders carry no zone); “not before …” is never",
    "a buy at p is a bet for the window up to the chance p, a sale at p a bet against it (1 − p), never beyond its quantity",
    "one share of theirs is one point of payout here; b = 100 points; every market opens with the same chance for each option",
    "each order acts once, at its time: theirs were matched together in a call, ours one after the other, and what finds its limit passed "
    "does not rest",
    "whether an order was filled is ignored, and so are clearing prices, which are not on record; nobody runs out of points",
    "what happened is dated by the closing of the real question, within days of it",
)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Option:
    """One answer: the days [start, end) (``end`` None: not before ``start``), and whether it came true."""

    letter: str
    start: date
    end: date | None
    true: bool


@dataclass(frozen=True, slots=True)
class Order:
    """One real order; ``price`` in parts per million, ``at`` in local time."""

    number: int
    at: datetime
    trader: str
    option: str
    buys: bool
    price: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Book:
    """One question in one arm, with its orders in order of time. The last option is never."""

    ifp: str
    arm: str
    title: str
    opened: date
    options: tuple[Option, ...]
    event: date | None
    orders: tuple[Order, ...]

    @property
    def key(self) -> str:
        """The question and the arm."""
        return f"{self.ifp} {self.arm}"

    @property
    def end(self) -> date:
        """The first day of "not before"."""
        return self.options[-1].start

    @property
    def edges(self) -> tuple[int, ...]:
        """Where the options begin, in days from the opening; the last is the horizon."""
        return tuple((option.start - self.opened).days for option in self.options)

    @property
    def true(self) -> int:
        """The place of the option that came true."""
        return next(place for place, option in enumerate(self.options) if option.true)

    @property
    def outcome(self) -> tuple[int, int] | None:
        """The day on which it happened, or all of its window where the date lies elsewhere; None for never."""
        option = self.options[self.true]
        if option.end is None:
            return None
        if self.event is not None and option.start <= self.event < option.end:
            day = (self.event - self.opened).days
            return day, day + 1
        return (option.start - self.opened).days, (option.end - self.opened).days


# reading


def books(data: Path) -> tuple[list[Book], Counter[str]]:
    """The books that can be played, by opening and arm; and why questions were left out, counted. Raises ``BadData``."""
    columns = ("ifp_id", "question", "status", "opened", "option", "bin_start", "bin_end", "open_ended", "is_outcome", "event_date_approx")
    asked: dict[str, list[Row]] = {}
    for row in table(data, "gjp_when_questions.csv", columns):
        asked.setdefault(row["ifp_id"], []).append(row)
    orders = _orders(data)
    found, left_out = [], Counter[str]()
    for ifp, rows in asked.items():
        arms = sorted({arm for known, arm in orders if known == ifp})
        options = tuple(sorted((_option(row) for row in rows), key=lambda option: option.start))
        opened = rows[0].day("opened")
        why = "there are no orders" if not arms else _why_not(rows[0], opened, options)
        if why or opened is None:
            left_out[why or "its opening is not known"] += 1
            continue
        event = next((day for row in rows if (day := row.day("event_date_approx"))), None)
        found += [Book(ifp, arm, rows[0]["question"], opened, options, event, tuple(orders[ifp, arm])) for arm in arms]
    return sorted(found, key=lambda book: (book.opened, book.ifp, book.arm)), left_out


def _option(row: Row) -> Option:
    start, end = row.day("bin_start"), row.day("bin_end")
    if start is None or (end is None) != row.flag("open_ended"):
        raise BadData(f"{row.where}: an option needs its first day, and its last unless it is open-ended.")
    return Option(row["option"], start, None if end is None else end + timedelta(days=1), bool(row["is_outcome"]) and row.flag("is_outcome"))


def _why_not(row: Row, opened: date | None, options: Sequence[Option]) -> str | None:
    """Why a question cannot be played, or None."""
    if row["status"] == "voided":
        return "it was voided"
    if sum(option.true for option in options) != 1:
        return "its outcome is not on record"
    joined = all(a.end == b.start for a, b in pairwise(options))
    if not joined or options[-1].end is not None or options[0].start != opened:
        return "its options do not cover its time"
    return None


def _orders(data: Path) -> dict[tuple[str, str], list[Order]]:
    columns = ("ifp_id", "arm", "order_id", "created_at", "trader", "option", "side", "limit_price", "quantity")
    found: dict[tuple[str, str], list[Order]] = {}
    for row in table(data, "gjp_when_orders.csv", columns):
        order = Order(
            row.read("order_id", int), row.read("created_at", _local), row["trader"], row["option"], row.read("side", _side),
            row.read("limit_price", _price), row.read("quantity", _quantity),
        )  # fmt: skip
        found.setdefault((row["ifp_id"], row["arm"]), []).append(order)
    return {key: sorted(held, key=lambda order: (order.at, order.number)) for key, held in found.items()}


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _side(text: str) -> bool:
    if text not in ("buy", "sell"):
        raise ValueError("it must be buy or sell")
    return text == "buy"


def _price(text: str) -> int:
    price = float(text)
    if not 0 < price < 1:
        raise ValueError("it must lie between 0 and 1")
    return round(price * prior.WHOLE)


def _quantity(text: str) -> int:
    quantity = int(text)
    if not 0 < quantity <= 1_000_000:
        raise ValueError("it must be above 0, and a million at most")
    return quantity


# the real book


def midpoint(bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> float:
    """The middle of a book of (price in ppm, quantity), after the orders that cross were matched as in a call market."""
    prices = sorted({price for price, _ in (*bids, *asks)})
    volumes = [min(sum(size for bid, size in bids if bid >= price), sum(size for ask, size in asks if ask <= price)) for price in prices]
    most = max(volumes, default=0)
    if most > 0:
        called = [price for price, volume in zip(prices, volumes, strict=True) if volume == most]
        return (called[0] + called[-1]) / 2 / prior.WHOLE
    best_bid, best_ask = max((price for price, _ in bids), default=0), min((price for price, _ in asks), default=prior.WHOLE)
    return (best_bid + best_ask) / 2 / prior.WHOLE


def mean_of_limits(bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> float:
    """Halfway between the mean buy and the mean sale limit; of one side only, its mean."""
    sides = [sum(price for price, _ in side) / len(side) for side in (bids, asks) if side]
    assert sides, "somebody ordered"
    return sum(sides) / len(sides) / prior.WHOLE


Reading = Callable[[Sequence[tuple[int, int]], Sequence[tuple[int, int]]], float]


def reading_of(book: Book, orders: Sequence[Order], read: Reading | None) -> Curve:
    """A curve from the orders so far: each option's reading, scaled to make one, even over its days. Without a reading: even."""
    masses = []
    for option in book.options:
        own = [order for order in orders if order.option == option.letter]
        bids, asks = ([(order.price, order.quantity) for order in own if order.buys == side] for side in (True, False))
        even = 1 / len(book.options)
        masses.append(min(MOST_MID, max(LEAST_MID, read(bids, asks))) if read is not None and own else even)
    whole = math.fsum(masses)
    return Curve(book.edges, tuple(mass / whole for mass in masses[:-1]), masses[-1] / whole)


# scores


@dataclass(frozen=True, slots=True)
class Scored:
    """One curve at one mark of one book."""

    ifp: str
    arm: str
    mark: str
    curve: str
    brier: float
    ordered: float
    log: float
    crps: float


def scored(book: Book, mark: str, name: str, curve: Curve) -> Scored:
    """A curve's scores, over the options and over the days."""
    edges = book.edges
    chances = [*(curve.between(a, b) for a, b in pairwise(edges)), curve.never]
    brier = math.fsum((chance - (place == book.true)) ** 2 for place, chance in enumerate(chances))
    cuts = list(itertools.accumulate(chances))[:-1]
    ordered = math.fsum(2 * (below - (book.true <= place)) ** 2 for place, below in enumerate(cuts)) / len(cuts)
    option = book.options[book.true]
    window = None if option.end is None else (edges[book.true], edges[book.true + 1])
    return Scored(book.ifp, book.arm, mark, name, brier, ordered, log_score(curve, window), crps(curve, book.outcome, edges[-1]))


def marks(book: Book) -> list[tuple[Instant, str]]:
    """When the curves are looked at; none of the fixed ones once it has happened."""
    days = (book.end - book.opened).days
    fixed = [(FIRST_DAY, 1), *((name, round(days * part / 4)) for name, part in PARTS)]
    happens = days - 1 if book.outcome is None else book.outcome[0]
    found = [(day_start(book.opened + timedelta(days=day), ZONE), name) for name, day in fixed if day <= happens]
    return [(Instant(at - 1), name) for at, name in [*found, (_start(book, happens), LAST)]]  # at its start a day has passed


def _start(book: Book, day: int) -> Instant:
    return day_start(book.opened + timedelta(days=day), ZONE)


# playing


@dataclass(slots=True)
class Played:
    """What came of all orders and markets."""

    scored: list[Scored] = field(default_factory=list)
    orders: Counter[str] = field(default_factory=Counter)
    house: list[int] = field(default_factory=list)
    bound: list[int] = field(default_factory=list)
    voided: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Moment:
    at: Instant
    rank: int
    place: int
    number: int
    what: str | Order


def _timeline(played: Sequence[Book]) -> list[_Moment]:
    """Everything that will happen, in one order of time."""
    moments = []
    for place, book in enumerate(played):
        moments.append(_Moment(_start(book, 0), 0, place, 0, "ask"))
        moments += [_Moment(first_at(order.at, ZONE), 1, place, order.number, order) for order in book.orders]
        moments += [_Moment(at, 2, place, turn, mark) for turn, (at, mark) in enumerate(marks(book))]
        last = book.edges[-1] if book.outcome is None else book.outcome[1]
        moments.append(_Moment(_start(book, last + 1), 3, place, 0, "rule"))
    return sorted(moments, key=lambda moment: (moment.at, moment.rank, moment.place, moment.number))


class _Markets:
    """All markets under way in one crew."""

    def __init__(self, played: Sequence[Book], service: Service, found: Played) -> None:
        self._books, self._service, self._found = played, service, found
        self._ids: dict[int, str] = {}
        self._joined: set[str] = set()
        self._ruled: set[int] = set()

    async def begin(self) -> None:
        """Open the crew, with an owner and a resolver who never play."""
        million = 1_000_000 * UNITS_A_POINT
        opening = c.OpenCrew("Replay", joining_grant=million, house_grant=100 * million, dispute=0, silence=366 * DAY)
        await must(self._service, "owner", "open", opening)
        await must(self._service, "resolver", "join", c.Join())

    async def at(self, moment: _Moment) -> None:
        """One moment of one book."""
        match moment.what:
            case Order() as order:
                await self._order(moment.place, order)
            case "ask":
                await self._ask(moment.place)
            case "rule":
                await self._rule(moment.place)
            case str() as mark:
                self._score(moment.place, moment.at, mark)

    def _question(self, place: int) -> Question:
        question = self._service.find(self._ids[place])
        assert question is not None, "it was asked"
        return question

    async def _ask(self, place: int) -> None:
        book = self._books[place]
        dated, whole = book.options[:-1], prior.WHOLE
        shares = [whole * (turn + 1) // len(book.options) for turn in range(len(dated))]
        opening = prior.from_quantiles(book.edges[-1], list(zip(book.edges[1:], shares, strict=True)), whole - shares[-1])
        assert isinstance(opening, prior.Opening), "even chances make a curve"
        by = tuple((_iso(option.end, -1), share) for option, share in zip(dated, shares, strict=True))
        body = c.Ask(
            f"{book.title[:170]} ({book.arm})", "The real question's terms.", ZONE, Grain.DAY, book.opened.isoformat(), book.end.isoformat(),
            "resolver", lmsr.loss_bound(LIQUIDITY, opening) + 1, "house", opening=c.OpeningQuantiles(by, whole - shares[-1]),
        )  # fmt: skip
        receipt = await must(self._service, "owner", f"ask-{place}", body)
        assert receipt.question is not None, "a question has an id"
        self._ids[place] = receipt.question

    async def _order(self, place: int, order: Order) -> None:
        """Play one order; count what came of it."""
        book = self._books[place]
        player = f"{book.arm}-{order.trader}"
        option = next((option for option in book.options if option.letter == order.option), None)
        if option is None or place not in self._ids or place in self._ruled:
            self._found.orders["name no such option" if option is None else "lie outside the question's life"] += 1
            return
        if player not in self._joined:
            self._joined.add(player)
            await must(self._service, player, f"join-{player}", c.Join())
        wish = self._wish(place, option, order)
        if isinstance(wish, str):
            self._found.orders[wish] += 1
            return
        receipt = await self._service.submit(c.Envelope(self._service.crew, player, f"order-{place}-{order.number}", wish))
        if isinstance(receipt, Refusal):
            self._found.orders[f"were refused ({receipt.reason.code})"] += 1
        else:
            self._found.orders["went up to their limit" if wish.target is not None else "went up to their quantity"] += 1

    def _wish(self, place: int, option: Option, order: Order) -> c.Bet | str:
        """The bet that an order means: to its limit or to its quantity, whichever comes first; or why there is none."""
        question = self._question(place)
        question.advance(self._service.now())
        window = window_of(option, order)
        claim = _claim(question, window, self._service.now())
        if isinstance(claim, Refusal):
            return f"were refused ({claim.reason.code})"
        goal = order.price if order.buys else prior.WHOLE - order.price
        chance = question.market.price(claim)
        if chance * prior.WHOLE >= goal - 0.5:
            return "found their limit passed"
        size = order.quantity * UNITS_A_POINT
        if lmsr.shares_to(question.market.liquidity, chance, 1 - chance, goal) <= size:
            return c.Bet(self._ids[place], window, target=goal)
        return c.Bet(self._ids[place], window, shares=size, max_cost=size // prior.WHOLE * goal)

    def _score(self, place: int, now: Instant, mark: str) -> None:
        book, question = self._books[place], self._question(place)
        question.advance(now)
        market, passed = question.market, question.passed
        so_far = [order for order in book.orders if first_at(order.at, ZONE) <= now]
        curves = {
            "market": market.curve([edge for edge in book.edges if edge > passed]),
            "midpoint": reading_of(book, so_far, midpoint).condition(passed),
            "mean of limits": reading_of(book, so_far, mean_of_limits).condition(passed),
            "even": reading_of(book, so_far, None).condition(passed),
        }
        self._found.scored += [scored(book, mark, name, curve) for name, curve in curves.items()]

    async def _rule(self, place: int) -> None:
        book = self._books[place]
        option, outcome = book.options[book.true], book.outcome
        text = "never" if outcome is None else f"{_iso(option.start)} to {_iso(option.end, -1)}"
        if outcome is not None and outcome[1] == outcome[0] + 1:
            text = _iso(book.opened, outcome[0])
        await must(self._service, "resolver", f"rule-{place}", c.Rule(self._ids[place], text, "As on record."))
        question = self._question(place)
        self._ruled.add(place)
        self._found.house.append(question.posted.house - question.opened.subsidy)
        self._found.bound.append(question.opened.subsidy)
        self._found.voided += getattr(question.ruled, "voided", 0)
        assert self._found.house[-1] >= -self._found.bound[-1], "the house never loses more than the subsidy"


def _iso(day: date | None, shift: int = 0) -> str:
    assert day is not None, "a dated option"
    return (day + timedelta(days=shift)).isoformat()


def window_of(option: Option, order: Order) -> str:
    """The window that an order is for, as one would type it; with "not" for a sale. What has begun is "before" its end."""
    if option.end is None:
        named = "never"
    elif option.start <= order.at.date():
        named = f"before {_iso(option.end)}"
    else:
        named = f"{_iso(option.start)} to {_iso(option.end, -1)}"
    return named if order.buys else f"not {named}"


def _claim(question: Question, window: str, now: Instant) -> Claim | Refusal:
    horizon = question.horizon
    phrase = parse_window(window, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=now)
    return phrase if isinstance(phrase, Refusal) else claim_of(phrase, horizon, question.market.passed)


async def play(played: Sequence[Book], progress: Progress) -> Played:
    """Every book's orders through the service, on a temporary file that is gone afterwards."""
    started, found = time.perf_counter(), Played()
    moments = _timeline(played)
    with tempfile.TemporaryDirectory(prefix="anyday-replay-") as folder:
        clock = SimulatedClock(Instant(moments[0].at - HOUR))
        service = await Service.open(Path(folder) / "replay.db", clock)
        try:
            markets = _Markets(played, service, found)
            await markets.begin()
            for done, moment in enumerate(moments, 1):
                clock.advance(moment.at)
                await markets.at(moment)
                progress(done, len(moments), f"gjp, {played[moment.place].key}")
        finally:
            await service.close()
    found.seconds = time.perf_counter() - started
    assert len(found.house) == len(played), "every question is settled in the end"
    return found


def mean(values: Iterable[float]) -> float:
    """The mean of some values."""
    held = list(values)
    return math.fsum(held) / len(held)


def versus(found: Sequence[Scored], mark: str, other: str) -> tuple[float, float, int]:
    """Brier, market less the other: the mean over questions (of the mean over their arms), its standard error, how many questions."""
    gaps: dict[str, list[float]] = {}
    ours = {(one.ifp, one.arm): one.brier for one in found if (one.mark, one.curve) == (mark, "market")}
    for one in found:
        if (one.mark, one.curve) == (mark, other):
            gaps.setdefault(one.ifp, []).append(ours[one.ifp, one.arm] - one.brier)
    values = [mean(held) for held in gaps.values()]
    if len(values) < 2:
        return mean(values), math.nan, len(values)
    middle = mean(values)
    return middle, math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1) / len(values)), len(values)
