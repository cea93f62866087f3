"""The tote, the closest guess and the forecast of a question as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from anyday import wire
from anyday.cli.amounts import moment, points
from anyday.cli.draw import draw, level_bar, pins
from anyday.cli.terminal import COLUMN, Screen, cells, cut, pad, wrap
from anyday.instants import Grain
from anyday.market.closest import MOST_GUESSES
from anyday.market.curve import say_chance

_CALLED: Final = {"market": "a market", "tote": "a tote", "closest": "a closest guess", "forecast": "a forecast"}
#: How wide a slot's name and its bar may be, what stands beside the bar, with which bar a slot still has one line, and of how many slots
#: those are shown too that nobody backs.
_NAME: Final = 30
_BAR: Final = 24
_BESIDE: Final = 42
_SHORTEST: Final = 8
_SLOTS: Final = 16
#: So many guesses or scores are listed.
_STAYS: Final = "It was called off; what was sealed stays sealed."
_LISTED: Final = 10


def ways(names: Sequence[str]) -> str:
    """How a question is played: ``played as a market and a tote``."""
    called = [_CALLED.get(name, name) for name in names]
    return f"played as {', '.join(called[:-1])}{' and ' if len(called) > 1 else ''}{called[-1]}"


def sentence(view: wire.QuestionView) -> str:
    """The curve in words; whose it is, where it is no market's. Empty where there is none to be seen."""
    if view.curve is None:
        return ""
    if "market" in view.plays:
        return view.curve.sentence
    staked = view.tote is not None and any(slot.chance for slot in view.tote.slots)
    whose = "the stakes" if staked else "the forecasts" if view.forecast is not None and view.forecast.revealed else "the guesses"
    return f"By {whose}: {view.curve.sentence[:1].lower()}{view.curve.sentence[1:]}"


def _heading(title: str, said: str, screen: Screen) -> Iterator[str]:
    yield ""
    yield screen.style(title, "bold")
    yield from (screen.style(line, "dim") for line in wrap(screen.text(said), min(screen.width, COLUMN)))


def _closing(view: wire.ToteView | wire.ClosestView | wire.ForecastView) -> str:
    """When entries close, or that they have."""
    return f"Entries close on {view.closes}." if view.open else "Entries are closed."


def _won(won: str | None, screen: Screen) -> Iterator[str]:
    if won is not None:
        yield screen.style(f"You were paid {points(won)} points.", "good" if won != "0" else "")


# the bell of a market


def bell(held: wire.bell.BellView, id: str, screen: Screen) -> Iterator[str]:
    """Until it rings: what is sealed, and one's own sealed bets, each with the number by which it can be withdrawn."""
    if held.rung:
        return
    yield from _heading("Sealed bets", f"Until the bell on {held.said} nobody sees them; then all are filled at one price a window.", screen)
    for bet in held.mine:
        size = f"{points(bet.points)} points" if bet.points is not None else f"a payout of {points(bet.shares)}"
        told = f"{bet.window}: {size}, at most {say_chance(bet.limit)}; {points(bet.set_aside)} set aside"
        first, *rest = wrap(screen.text(told), min(screen.width, COLUMN) - 5)
        yield f"{bet.number:>3}  {first}"
        yield from (f"     {line}" for line in rest)
    if held.mine and held.open:
        yield from wrap(f"To withdraw one: anyday unseal {id} N", screen.width)


# the tote


def tote(view: wire.ToteView, screen: Screen) -> Iterator[str]:
    """The slots as bars of what is staked on them, with dividends and one's own stakes."""
    takeout = f", of which the house keeps {view.takeout / 10_000:g} %" if view.takeout else ""
    yield from _heading("Tote", f"{points(view.pool)} points staked{takeout}. {_closing(view)}", screen)
    few = len(view.slots) <= _SLOTS
    shown = [slot for slot in view.slots if few or slot.chance or slot.won or slot.mine != "0" or slot.start is None]
    names = [screen.text(slot.window) for slot in shown]
    room = min(_NAME, max(map(cells, names)))
    won = [slot for slot in view.slots if slot.won]
    for slot, name in zip(shown, names, strict=True):
        pays = "" if won and (len(won) > 1 or not slot.won) else _pays(slot, view.open)
        yield from _slot(slot, name, pays, room, screen)
    if len(shown) < len(view.slots):
        yield screen.style(f"and {len(view.slots) - len(shown)} slots more that nobody backs", "dim")
    if won and all(slot.dividend is None for slot in won) and view.pool != "0":
        yield "Nobody was on it: every stake went back."
    yield from _won(view.won, screen)


def _pays(slot: wire.SlotView, live: bool) -> str:
    """What a point on it pays, to the hundredth below."""
    return f"pays {slot.dividend[:-1]}" if slot.dividend is not None else "nobody yet" if live else "nobody"


def _slot(slot: wire.SlotView, name: str, pays: str, room: int, screen: Screen) -> Iterator[str]:
    """A slot on one line; on a narrow screen its name above it."""
    mine = f"you {points(slot.mine)}" if slot.mine != "0" else ""
    share = say_chance(slot.chance) if slot.dividend is not None else ""
    style = "good" if slot.won else "" if share else "dim"
    happened = "  happened" if slot.won and slot.start is not None else ""
    length = min(_BAR, screen.width - room - _BESIDE)
    if length < _SHORTEST:
        yield screen.style(f"{cut(name, screen.width - len(happened))}{happened}", style)
        if share:
            yield f"  {level_bar(slot.chance, 10, screen)} {pad(share, 5, right=True)}  {pad(pays, 10)} {mine}".rstrip()
        return
    bar = level_bar(slot.chance, length, screen)
    after = f"{pad(share, 6, right=True)}  {screen.style(pad(pays, 11), '' if share else 'dim')} {pad(mine, 10)}{happened.strip()}"
    yield f"{screen.style(pad(cut(name, room), room), style)} {bar} {after}".rstrip()


# the closest guess


def closest(view: wire.QuestionView, held: wire.ClosestView, screen: Screen, happened: int | None) -> Iterator[str]:
    """The pins on the question's axis: one's own, and everybody's once entries have closed; then who was nearest."""
    each = "one guess each, which can be changed" if not held.many else f"up to {MOST_GUESSES} guesses each"
    sealed = _STAYS if view.state == "void" else "Sealed until then."
    seen = f"{held.guesses} {'guess' if held.guesses == 1 else 'guesses'}, {points(held.pool)} points." if held.revealed else sealed
    yield from _heading("Closest guess", f"{held.rule} {points(held.stake)} points a guess, {each}. {_closing(held)} {seen}", screen)
    dated = [(pin.start, pin.mine) for pin in held.pins if pin.start is not None]
    if dated:
        span = moment(view.origin), moment(view.horizon)
        yield from pins(dated, *span, view.zone, screen, happened, piled=held.revealed)
    nevers = sum(pin.start is None for pin in held.pins)
    if nevers and held.revealed:
        yield f"  never  {nevers} {'guess' if nevers == 1 else 'guesses'}"
    own = [screen.text(pin.window) for pin in held.pins if pin.mine]
    if own:
        more = f" and {len(own) - _LISTED} more" if len(own) > _LISTED else ""
        yield from wrap(f"Your {'guess' if len(own) == 1 else 'guesses'}: {'; '.join(own[:_LISTED])}{more}.", min(screen.width, COLUMN))
    winners = sorted((pin for pin in held.pins if pin.place is not None), key=lambda pin: pin.place or 0)
    for pin in winners[:_LISTED]:
        off = "exact" if not pin.distance else f"{pin.distance} {view.grain}{'' if pin.distance == 1 else 's'} off"
        told = f"{pin.place}. {pin.name}: {pin.window}, {off}, won {points(pin.won)}"
        yield from (screen.style(line, "good" if pin.mine else "") for line in wrap(screen.text(told), min(screen.width, COLUMN)))
    yield from _won(held.won, screen)


# the forecast


def forecast(view: wire.QuestionView, held: wire.ForecastView, screen: Screen, happened: int | None) -> Iterator[str]:
    """One's own curve; after the ruling the scores, and the crowd's curve."""
    sealed = "" if held.revealed else f" {_STAYS}" if view.state == "void" else " Nobody sees another's curve before the ruling."
    revise = " A curve can be revised until it is ruled." if held.may_revise and not held.open else ""
    yield from _heading("Forecast", f"{_closing(held)}{revise}{sealed}", screen)
    live, width = view.outcome_said is None, min(screen.width, COLUMN)
    if held.mine is not None:
        times = f", stated {held.curves} times" if held.curves > 1 else ""
        yield from wrap(screen.text(f"Yours, with {points(held.stake)} points staked{times}: {held.mine.sentence}"), width)
        yield from draw(_whole(held.mine), view.zone, Grain(view.grain), screen, happened, live=live)
    if held.linear is not None:
        yield ""
        yield from wrap(screen.text(f"The crowd’s, on average: {held.linear.sentence}"), width)
        yield from draw(_whole(held.linear), view.zone, Grain(view.grain), screen, happened, live=live)
    if held.logarithmic is not None:
        yield from wrap(screen.text(f"By its logarithmic average: {held.logarithmic.sentence}"), width)
    if held.rows:
        yield ""
        yield "Scores; 1 is the best"
        room = max(cells(row.name) for row in held.rows[:_LISTED])
        for row in held.rows[:_LISTED]:
            yield screen.style(f"  {pad(screen.text(row.name), room)}  {row.score}", "good" if row.mine else "")
        if len(held.rows) > _LISTED:
            yield screen.style(f"  and {len(held.rows) - _LISTED} more", "dim")
    yield from _won(held.won, screen)


def _whole(curve: wire.CurveView) -> wire.CurveView:
    """A stated curve over all of its time: what has passed is no gap in it."""
    return msgspec.structs.replace(curve, passed_until=curve.origin)
