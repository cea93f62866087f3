"""What every way to play has in common without a server: times, amounts and chances as typed, settlements, and "no" as an exception."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn, TypeVar

from anyday.instants import MINUTE, At, Grain, Instant, NeverBy, Outcome, Window, check_zone
from anyday.market import prior
from anyday.market.horizon import Claim, Horizon, say_claim
from anyday.phrases import parse_instant, parse_outcome, say_instant, say_window
from anyday.points import DECIMALS, UNITS_A_POINT, parse_points
from anyday.refusals import Reason, Refusal

Amount = int | str | Decimal
T = TypeVar("T")


class Refused(Exception):
    """A "no". ``refusal`` says what is wrong and what to do; ``reason`` is its member of the enum of reasons."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.reason: Reason = refusal.reason


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a question. ``paid`` is what each player was paid; ``results`` what each gained or lost over what stands (nothing,
    for whoever has nothing that does); ``house`` what the market gained (negative: lost, never more than the subsidy), or a tote's
    take-out; ``voided`` bets or curves do not count; ``scores`` are those of a forecast, 1 at the best."""

    outcome: str
    paid: dict[str, Decimal]
    results: dict[str, Decimal]
    house: Decimal
    voided: int
    scores: dict[str, float] = field(default_factory=dict)


def span_of(origin: str, horizon: str, zone: str, grain: str, lead_minutes: int) -> tuple[Horizon, int]:
    """A question's time as typed, and its lead in microseconds. Raises Refused."""
    named = ok(check_zone(zone))
    if grain not in {piece.value for piece in Grain}:
        refuse(Refusal(Reason.MALFORMED, detail=f"“{grain}” is not a grain"))
    start, end = ok(parse_instant(origin, zone=named)), ok(parse_instant(horizon, zone=named))
    span = ok(Horizon.build(Grain(grain), named, start, end))
    if not 0 <= lead_minutes <= 525_600:
        refuse(Refusal(Reason.MALFORMED, detail="the lead is between 0 minutes and a year"))
    return span, lead_minutes * MINUTE


def grains_of(outcome: str, horizon: Horizon, now: Instant) -> tuple[int, int] | None:
    """The grains in which it happened, as typed; None for never. The clock need not have come that far. Raises Refused."""
    clock = Instant(max(now, horizon.end))
    happened = parse_outcome(outcome, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=clock)
    if isinstance(happened, Refusal):
        refuse(happened)
    return ok(_grains(happened, horizon, outcome))


def later(time: str, horizon: Horizon, now: Instant) -> Instant:
    """The start of what is named, not before ``now``. Raises Refused."""
    moved = ok(parse_instant(time, zone=horizon.zone))
    if moved < now:
        refuse(Refusal(Reason.REVERSED, text=f"The clock at “{time}”"))
    return moved


def _grains(happened: Outcome, horizon: Horizon, text: str) -> tuple[int, int] | None | Refusal:
    """The grains that hold what happened; None for never. What reaches beyond the question's time is refused."""
    if isinstance(happened, NeverBy):
        return None
    start, end = (happened.instant, Instant(happened.instant + 1)) if isinstance(happened, At) else happened.window
    if not horizon.origin <= start < end <= horizon.end:
        said = [say_instant(edge, horizon.zone, Grain.DAY) for edge in (horizon.origin, horizon.end)]
        return Refusal(Reason.OUT_OF_SPAN, text=f"“{text}”", origin=said[0], horizon=said[1])
    return horizon.touched(start, end)


def say_outcome(grains: tuple[int, int] | None, horizon: Horizon) -> str:
    """The outcome as a window of whole grains, or never, in words."""
    if grains is None:
        return say_claim(Claim(0, horizon.count, True), horizon)
    return say_window(Window(horizon.start(grains[0]), horizon.start(grains[1])), horizon.zone, horizon.grain)


def ppm(text: str, name: str) -> int | Refusal:
    """A chance as typed, ``"40%"`` or ``"0.4"``, in parts per million; strictly between 0 and 1."""
    typed = text.strip()
    percent = typed.endswith("%")
    whole = parse_points(typed.removesuffix("%").rstrip(), name=name)
    if isinstance(whole, Refusal) or (percent and whole % 100):
        return Refusal(Reason.NOT_A_CHANCE, name=name)
    ppm = whole // 100 if percent else int(whole)
    return ppm if 0 < ppm < prior.WHOLE else Refusal(Reason.NOT_A_CHANCE, name=name)


def units_of(amount: Amount, name: str) -> int:
    """An amount of points as given, in units: positive."""
    given = f"{amount:f}" if isinstance(amount, Decimal) and amount.is_finite() and abs(amount.adjusted()) < 20 else amount
    units = ok(parse_points(given, name=name))
    if units <= 0:
        refuse(Refusal(Reason.NOT_POSITIVE, name=name))
    return units


def points_of(units: int) -> Decimal:
    """Units as points, exactly: six decimals, shortest."""
    whole, rest = divmod(abs(units), UNITS_A_POINT)
    fraction = f"{rest:0{DECIMALS}d}".rstrip("0")
    return Decimal(f"{'-' if units < 0 else ''}{whole}{'.' + fraction if fraction else ''}")


def ok(value: T | Refusal) -> T:
    """The value, or Refused."""
    if isinstance(value, Refusal):
        refuse(value)
    return value


def refuse(refusal: Refusal) -> NoReturn:
    """Raise it as Refused."""
    raise Refused(refusal)
