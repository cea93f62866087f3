"""Views of what has entries: the tote's slots, the pins of a closest guess, forecasts. What is sealed is shown to its owner alone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from anyday import wire
from anyday.instants import Instant, iso
from anyday.market.curve import Curve
from anyday.market.forecast import PERFECT
from anyday.market.horizon import Claim, say_claim
from anyday.market.mechanism import Entry
from anyday.market.report import Report
from anyday.points import say_points, write_points
from anyday.rules.ledger import CLOSEST, FORECAST, TOTE
from anyday.rules.question import Life, Question
from anyday.service import bell, views
from anyday.service.history import curve_quantiles
from anyday.service.names import Names, named

_RULES: Final = {
    "nearest": "The nearest guess wins.",
    "not_past": "The nearest guess that is not past it wins.",
    "exact": "Only the exact guess wins.",
}
_PRIZES: Final = {
    1: "The winner takes it all; equal guesses share.",
    3: "First, second and third share 50, 30 and 20 %; equal guesses share their places.",
}


def entries(question: Question, actor: str | None, now: Instant, names: Names) -> dict[str, Any]:
    """The parts of a question's view that have entries, by name; and the market's bell."""
    return {
        "tote": tote(question, actor, now) if TOTE in question.mechanisms else None,
        "closest": closest(question, actor, now, names) if CLOSEST in question.mechanisms else None,
        "forecast": forecast(question, actor, now, names) if FORECAST in question.mechanisms else None,
        "bell": bell.view(question, actor, now),
    }


def _open(question: Question, now: Instant) -> bool:
    return question.life is Life.OPEN and now < question.opened.closes


def _closing(question: Question) -> dict[str, str]:
    return {"closes_at": iso(question.opened.closes), "closes": views.when(question.opened.closes, question)}


def _won(question: Question, mechanism: str, actor: str | None) -> str | None:
    """What the asker was paid there, once it is settled."""
    if actor is None or question.life is not Life.SETTLED or actor not in question.flows[mechanism]:
        return None
    return write_points(question.posted.paid(actor, mechanism))


def _ends(claim: Claim, question: Question) -> dict[str, int]:
    return {} if claim.complement else {"start": question.horizon.start(claim.first), "end": question.horizon.start(claim.last)}


def _grains(question: Question) -> tuple[int, int] | None:
    """The grains in which it happened; None for never. The question has been ruled."""
    assert question.ruled is not None, "there is an outcome"
    outcome = question.ruled.outcome
    return None if outcome.never else question.horizon.touched(outcome.start, outcome.end)


def tote(question: Question, actor: str | None, now: Instant) -> wire.ToteView:
    """The slots with their stakes and dividends, everybody's together and the asker's own."""
    held = question.tote
    mine = held.position(actor) if actor is not None else (0,) * len(held.edges)
    grains = _grains(question) if question.life is Life.SETTLED else (0, 0)
    slots = []
    for slot, (stake, dividend) in enumerate(held.dividends()):
        never = slot == len(held.edges) - 1
        claim = Claim(0, question.horizon.count, True) if never else Claim(held.edges[slot], held.edges[slot + 1], False)
        won = grains is None if never else grains is not None and max(grains[0], claim.first) < min(grains[1], claim.last)
        slots.append(
            wire.SlotView(
                held.say_slot(slot), write_points(stake), _dividend(dividend), views.ppm(stake / held.escrow) if held.escrow else 0,
                write_points(mine[slot]), won=won, **_ends(claim, question),
            )
        )  # fmt: skip
    return wire.ToteView(
        open=_open(question, now), pool=write_points(held.escrow), takeout=held.takeout, slots=tuple(slots), mine=write_points(sum(mine)),
        won=_won(question, TOTE, actor), **_closing(question),
    )  # fmt: skip


def _dividend(dividend: Fraction | None) -> str | None:
    """Points paid for a point staked, to the thousandth below."""
    return None if dividend is None else f"{int(dividend * 1000) / 1000:.3f}"


def closest(question: Question, actor: str | None, now: Instant, names: Names) -> wire.ClosestView:
    """The pins: the asker's own, and everybody's once entries have closed."""
    held = question.closest
    revealed = not question.hidden(CLOSEST, now)
    guesses = [guess for guess in held.guesses if revealed or guess.player == actor]
    grains = _grains(question) if question.life is Life.SETTLED else None
    won = {id(guess): (place, units) for guess, place, units in held.winners(grains)} if question.life is Life.SETTLED else {}
    pins = [_pin(question, guess, actor, won.get(id(guess)), grains, names) for guess in guesses]
    return wire.ClosestView(
        open=_open(question, now), variant=held.variant, prize="winner" if len(held.places) == 1 else "three",
        rule=f"{_RULES[held.variant]} {_PRIZES[len(held.places)]}", stake=write_points(held.stake), many=held.many, revealed=revealed,
        pins=_placed(pins), pool=write_points(held.escrow) if revealed else None, guesses=len(guesses) if revealed else None,
        won=_won(question, CLOSEST, actor), **_closing(question),
    )  # fmt: skip


def _pin(
    question: Question, guess: Entry, actor: str | None, won: tuple[int, int] | None, grains: tuple[int, int] | None, names: Names
) -> wire.PinView:
    """One guess; ``won`` is its place and what it was paid, once that is known."""
    settled, mine = question.life is Life.SETTLED, guess.player == actor
    return wire.PinView(
        say_claim(guess.claim, question.horizon), mine, distance=question.closest.distance(guess, grains) if settled else None,
        place=won[0] if won else None, name=named(names, guess.player) if won or (settled and mine) else None,
        won=write_points(won[1]) if won else None, **_ends(guess.claim, question),
    )  # fmt: skip


def _placed(pins: list[wire.PinView]) -> tuple[wire.PinView, ...]:
    """In order of their places on the axis, never last."""
    return tuple(sorted(pins, key=lambda pin: (pin.start is None, pin.start or 0)))


def forecast(question: Question, actor: str | None, now: Instant, names: Names) -> wire.ForecastView:
    """The asker's own curve; after the ruling everybody's scores, and the crowd's curves."""
    held = question.forecast
    revealed, stake = not question.hidden(FORECAST, now), held.stake(actor) if actor is not None else 0
    live = question.life is Life.OPEN and question.passed < question.horizon.count
    rows: tuple[wire.ForecastRow, ...] = ()
    if question.scored is not None:
        scores = [(result.score or 0, result.player) for result in question.scored.results if result.mechanism == FORECAST]
        ranked = sorted(scores, key=lambda scored: (-scored[0], names.get(scored[1], "")))
        rows = tuple(wire.ForecastRow(named(names, player), f"{score / PERFECT:.4f}", player == actor) for score, player in ranked)
    mine = held.standing(actor, now) if actor is not None and stake else None
    return wire.ForecastView(
        open=_open(question, now), may_revise=live and stake > 0, revealed=revealed, stake=write_points(stake) if stake else None,
        curves=held.stated(actor) if actor is not None and stake else 0, mine=_stated(question, mine, now) if mine is not None else None,
        rows=rows, linear=_crowd(question, held.curve(), now) if revealed else None,
        logarithmic=_crowd(question, held.log_curve(), now) if revealed else None, won=_won(question, FORECAST, actor), **_closing(question),
    )  # fmt: skip


def _stated(question: Question, report: Report, now: Instant) -> wire.CurveView:
    """A stated curve as it was stated: nothing of it is conditioned on what has passed."""
    curve = report.curve()
    return views.drawn_curve(question, curve, now, curve_quantiles(question, curve))


def _crowd(question: Question, curve: Curve | None, now: Instant) -> wire.CurveView | None:
    return None if curve is None else views.drawn_curve(question, curve, now, curve_quantiles(question, curve))


def entered(question: Question, player: str) -> tuple[str, ...]:
    """What a player has entered besides bets, in words: for that player only."""
    said = list(bell.entered(question, player))
    if TOTE in question.mechanisms:
        held = question.tote
        said += [f"{say_points(stake)} points on {held.say_slot(slot)} in the tote" for slot, stake in enumerate(held.position(player)) if stake]
    if CLOSEST in question.mechanisms:
        guesses = [guess for guess in question.closest.guesses if guess.player == player]
        said += [f"{say_points(guess.stake)} points on the guess {say_claim(guess.claim, question.horizon)}" for guess in guesses]
    if FORECAST in question.mechanisms and (stake := question.forecast.stake(player)):
        said.append(f"{say_points(stake)} points on a forecast")
    return tuple(said)
