"""The tote, the closest guess and the forecast without any server: open one, enter, let time pass, settle.

The clock starts just before entries close: they do at the origin, less the lead, and ``advance`` moves it. Nothing is sealed
here: a program that holds a question sees all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, TypeVar

from anyday.instants import Instant
from anyday.library.typed import Amount, Settlement, grains_of, later, ok, points_of, refuse, say_outcome, span_of, units_of
from anyday.market import closest as guesses
from anyday.market import forecast as forecasts
from anyday.market import stated
from anyday.market import tote as totes
from anyday.market.curve import Curve
from anyday.market.forecast import PERFECT, Forecasts, Stated
from anyday.market.horizon import Claim, claim_of, say_claim
from anyday.market.mechanism import Entry
from anyday.market.prior import WHOLE
from anyday.market.report import Report, report_from_quantiles, report_from_table, report_from_two
from anyday.phrases import parse_instant, parse_span, parse_window
from anyday.refusals import Reason, Refusal

M = TypeVar("M", totes.Tote, guesses.Closest, Forecasts)

_UNITS: Final[dict[str, totes.Unit]] = {"week": "week", "month": "month", "quarter": "quarter", "year": "year"}
#: What the first three places of a closest guess win, in per cent; or the first alone.
_PRIZES: Final = {"winner": (100,), "three": (50, 30, 20)}


class _Entered(Generic[M]):
    """What has entries: a clock, a curve, an end."""

    def __init__(self, held: M) -> None:
        self._held: M = held
        self._now = Instant(held.closes - 1)
        self._settled = False

    @property
    def mechanism(self) -> M:
        """The mechanism beneath: grains, claims and units of a millionth of a point."""
        return self._held

    @property
    def pool(self) -> Decimal:
        """All that is staked, in points."""
        return points_of(self._held.escrow)

    def advance(self, time: str) -> None:
        """Let time pass up to the start of what is named; never backwards. Raises Refused."""
        self._now = later(time, self._held.horizon, self._now)

    def curve(self) -> Curve | None:
        """What the entries say together, over grains from the origin, and never; None without any."""
        return self._held.curve()

    def sentence(self) -> str:
        """That curve in words; empty without any."""
        curve = self._held.curve()
        return "" if curve is None else curve.sentence(self._held.horizon)

    def settle(self, outcome: str) -> Settlement:
        """Settle by what happened: an instant, a window if no more is known, or ``never``. The clock need not have come that far.
        Raises Refused."""
        self._still_open()
        held, horizon = self._held, self._held.horizon
        grains = grains_of(outcome, horizon, self._now)
        paid, house = held.payouts(grains), held.house(grains)
        staked = self._staked()
        assert sum(paid.values()) + house == sum(staked.values()) == held.escrow, "what was staked is paid, to the unit"
        self._settled = True
        return Settlement(
            say_outcome(grains, horizon), {player: points_of(units) for player, units in paid.items()},
            {player: points_of(paid.get(player, 0) - units) for player, units in staked.items()}, points_of(house), self._late(grains),
            self._scores(grains),
        )  # fmt: skip

    def _staked(self) -> dict[str, int]:
        raise NotImplementedError

    def _late(self, grains: tuple[int, int] | None) -> int:
        """Entries made since the cut; where all of them come before the origin there are none."""
        return 0

    def _scores(self, grains: tuple[int, int] | None) -> dict[str, float]:
        return {}

    def _claim(self, typed: str) -> Claim:
        """The grains that a typed window names."""
        self._still_open()
        horizon = self._held.horizon
        phrase = parse_window(typed, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=self._now)
        if isinstance(phrase, Refusal):
            refuse(phrase)
        return ok(claim_of(phrase, horizon, 0))

    def _still_open(self) -> None:
        if self._settled:
            refuse(Refusal(Reason.NOT_OPEN, state="settled"))


# the tote


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of a tote, or never, as things stand: what is staked there, and what a point on it would be paid (None: nobody is on it)."""

    window: str
    stakes: Decimal
    dividend: float | None


class Tote(_Entered[totes.Tote]):
    """A tote with its players. Made by ``anyday.tote``."""

    def stake(self, player: str, slot: str, points: Amount) -> Slot:
        """Stake points on a slot, or on ``never``; the slot as it then stands. Raises Refused."""
        claim = self._claim(slot)
        self._held.apply(ok(self._held.quote(Entry(player, self._now, claim, units_of(points, "The stake")))))
        number = self._held.slot(claim)
        assert number is not None, "only a slot is taken"
        return self.slots()[number]

    def slots(self) -> tuple[Slot, ...]:
        """Every slot, never last. Dividends are provisional until entries have closed."""
        return tuple(
            Slot(self._held.say_slot(number), points_of(stake), None if dividend is None else float(dividend))
            for number, (stake, dividend) in enumerate(self._held.dividends())
        )

    def _staked(self) -> dict[str, int]:
        return {player: sum(self._held.position(player)) for player in self._held.players}


def tote(
    *, origin: str, horizon: str, zone: str = "UTC", grain: str = "day", slots: str | Sequence[str] = "month", takeout: str = "0%",
    lead_minutes: int = 0,
) -> Tote:  # fmt: skip
    """Open a tote on when something first happens, from ``origin`` up to ``horizon`` (each the start of what is named).

    ``slots`` go by ``week``, ``month``, ``quarter`` or ``year``, or are the typed starts of all slots but the first.
    ``takeout`` is what the house keeps of the pool, 50 % at most. Raises Refused.
    """
    span, lead = span_of(origin, horizon, zone, grain, lead_minutes)
    kept = stated.ppm(takeout, "the house")
    if isinstance(kept, Refusal) or kept > totes.MOST_TAKEN:
        refuse(Refusal(Reason.BAD_PLAY, detail=f"the take-out is 0 to {totes.MOST_TAKEN // 10_000} % of the pool"))
    if isinstance(slots, str):
        if slots not in _UNITS:
            refuse(Refusal(Reason.BAD_PLAY, detail=f"slots go by {', '.join(_UNITS)}, or by a list of their starts"))
        return Tote(totes.Tote(span, ok(totes.calendar_slots(span, _UNITS[slots])), kept, lead))
    starts = []
    for typed in slots[: totes.MOST_SLOTS + 1]:
        start = ok(parse_instant(typed, zone=span.zone))
        edge = span.boundary(start) if span.origin <= start < span.end else None
        if edge is None:
            refuse(Refusal(Reason.BAD_PLAY, detail=f"“{typed}” is not the start of a {span.grain} of the question"))
        starts.append(edge)
    return Tote(totes.Tote(span, ok(totes.slots_at(span, starts)), kept, lead))


# the closest guess


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess that stands: one grain, or never."""

    player: str
    window: str


class Closest(_Entered[guesses.Closest]):
    """A closest guess with its players. Made by ``anyday.closest``."""

    def guess(self, player: str, window: str) -> Guess:
        """Guess one grain, or ``never``, for the stake; where each has one guess, another replaces it and costs nothing. Raises
        Refused."""
        entry = ok(self._held.quote(Entry(player, self._now, self._claim(window), self._held.stake)))
        self._held.apply(entry)
        return Guess(player, say_claim(entry.claim, self._held.horizon))

    def guesses(self) -> tuple[Guess, ...]:
        """The guesses that stand."""
        return tuple(Guess(guess.player, say_claim(guess.claim, self._held.horizon)) for guess in self._held.guesses)

    def _staked(self) -> dict[str, int]:
        staked = dict.fromkeys(self._held.players, 0)
        for guess in self._held.guesses:
            staked[guess.player] += guess.stake
        return staked


def closest(
    *, origin: str, horizon: str, zone: str = "UTC", grain: str = "day", stake: Amount = 1, variant: str = "nearest", prize: str = "winner",
    many: bool = False, lead_minutes: int = 0,
) -> Closest:  # fmt: skip
    """Open a closest guess on when something first happens, from ``origin`` up to ``horizon`` (each the start of what is named).

    ``stake`` is points a guess. ``variant`` says which guess wins: ``nearest``, ``not_past`` (the nearest that is not past it) or
    ``exact``. ``prize`` goes to the ``winner``, or to the first ``three`` (50, 30 and 20 %). With ``many`` a player may have a
    hundred guesses, else one. Raises Refused.
    """
    span, lead = span_of(origin, horizon, zone, grain, lead_minutes)
    if variant not in list(guesses.Variant):
        refuse(Refusal(Reason.BAD_PLAY, detail=f"who wins is {', '.join(guesses.Variant)}"))
    if prize not in _PRIZES:
        refuse(Refusal(Reason.BAD_PLAY, detail="the prize goes to the winner, or to the first three"))
    return Closest(guesses.Closest(span, guesses.Variant(variant), _PRIZES[prize], units_of(stake, "The stake"), many, lead))


# the forecast


class Forecast(_Entered[Forecasts]):
    """Stated curves with their players. Made by ``anyday.forecast``."""

    def __init__(self, held: Forecasts) -> None:
        super().__init__(held)
        self._stated: list[Instant] = []

    def state(
        self, player: str, *, by: Sequence[tuple[str, str]] = (), family: tuple[str, str, str] | None = None,
        table: Sequence[tuple[str, str]] = (), never: str | None = None, stake: Amount | None = None,
    ) -> Curve:  # fmt: skip
        """State a curve in exactly one way: ``by`` quantiles such as ``("June 2027", "50%")``; a ``family`` such as
        ``("lognormal", half by, 90 % by)``; or a ``table`` of chances by the time with which each stretch ends. ``never`` may be left
        out with a family only. The first takes a ``stake`` in points, later ones none. Raises Refused."""
        self._still_open()
        report = ok(self._report(by, family, table, never))
        units = 0 if stake is None else units_of(stake, "The stake")
        self._held.apply(ok(self._held.quote(Stated(player, self._now, report, units))))
        self._stated.append(self._now)
        return report.curve()

    def log_curve(self) -> Curve | None:
        """The curves' logarithmic average; None without any, or where they have nothing in common."""
        return self._held.log_curve()

    def _report(
        self, by: Sequence[tuple[str, str]], family: tuple[str, str, str] | None, table: Sequence[tuple[str, str]], never: str | None
    ) -> Report | Refusal:
        horizon = self._held.horizon
        if sum((bool(by), family is not None, bool(table))) != 1:
            return _no("it is told by quantiles, by a family or by a table, by exactly one of them")
        if family is not None:
            name, *times = family
            left = None if never is None else ok(stated.ppm(never, "never"))
            ends = [float(horizon.start(self._edge(time)) - horizon.origin) for time in times]
            return report_from_two(horizon, name.lower(), list(zip(ends, (WHOLE // 2, WHOLE * 9 // 10), strict=True)), left)
        if never is None:
            return _no("it does not say the chance of never")
        read, rest = ok(stated.pieces(table or by, never, whole=bool(table)))
        points = [(self._edge(time), chance) for time, chance in read]
        make = report_from_table if table else report_from_quantiles
        return make(horizon.count, points, rest)

    def _edge(self, typed: str) -> int:
        """The grain before which a typed time ends."""
        horizon = self._held.horizon
        span = ok(parse_span(typed, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=self._now))
        if not horizon.origin < span.end <= horizon.end:
            refuse(_no(f"“{typed}” is not between the origin and the horizon"))
        edge = horizon.boundary(span.end)
        if edge is None:
            refuse(Refusal(Reason.OFF_THE_GRAIN, text=f"“{typed}”", grain=horizon.grain, zone=horizon.zone))
        return edge

    def _staked(self) -> dict[str, int]:
        return {player: self._held.stake(player) for player in self._held.players}

    def _late(self, grains: tuple[int, int] | None) -> int:
        cut = None if grains is None else self._held.horizon.start(grains[0]) - self._held.lead
        return 0 if cut is None else sum(at >= cut for at in self._stated)

    def _scores(self, grains: tuple[int, int] | None) -> dict[str, float]:
        return {player: score / PERFECT for player, score in self._held.scores(grains).items()}


def forecast(*, origin: str, horizon: str, zone: str = "UTC", grain: str = "day", lead_minutes: int = 0) -> Forecast:
    """Open a forecast of when something first happens, from ``origin`` up to ``horizon`` (each the start of what is named): curves with
    stakes, which the scores move. Raises Refused."""
    span, lead = span_of(origin, horizon, zone, grain, lead_minutes)
    refused = forecasts.playable(span)
    return refuse(refused) if refused is not None else Forecast(Forecasts(span, lead))


def _no(detail: str) -> Refusal:
    return Refusal(Reason.NOT_A_CURVE, detail=detail)
