"""Charts of what has entries, on the question's one axis: a tote's slots as bars, guesses as pins, forecasts as lines.

All instants are UTC microseconds, all chances parts per million (ppm). What differs by colour differs by shape too, and each
chart has its numbers in a table beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from anyday import wire
from anyday.market.curve import say_chance
from anyday.web import charts, ticks
from anyday.web.drawing import (
    HEADROOM,
    HIGH,
    WHOLE,
    WIDE,
    Axis,
    box,
    cumulative_path,
    filled,
    flag,
    gauge,
    level_line,
    now,
    passed,
    plot,
    upright,
    word,
)

#: Up to so many slots each bar says its dividend: on a wide page, and on a phone.
_SAID_WIDE: Final = 12
_SAID_NARROW: Final = 4
#: Beyond so many slots the lines between them would be a grey wall.
_MOST_LINES: Final = 130
#: Pins nearer to each other than this share of the width stand on top of each other, at most so many; more are drawn as bars.
_COLUMNS: Final = 48
_MOST_STACKED: Final = 9
_MOST_NAMED: Final = 1  # of one's own pins, as long as they are alone
_PIN: Final = 12  # pixels from one pin to the next
#: How the lines of a forecast's chart are drawn, in this order: the looks are classes of ``app.css``.
LOOKS: Final = {"mine": "line", "market": "line l4", "linear": "line l2", "logarithmic": "line l3"}
#: The quantiles of the table, in per cent.
LEVELS: Final = ("10", "25", "50", "75", "90")


class Line(NamedTuple):
    """A curve of a forecast's chart: its look (a key of ``LOOKS``), its name in the legend, the curve, and how many parts per
    million of the whole had happened before it begins."""

    look: str
    name: str
    curve: wire.CurveView


def axis_of(view: wire.QuestionView, at: int | None = None) -> Axis:
    """The axis of a question; ``at`` is the clock now. A market's leaves out most of what has passed, but slots and guesses that
    have passed still count, so an axis with these is whole."""
    curve, origin, horizon = view.curve, charts.micros(view.origin), charts.micros(view.horizon)
    if curve is not None and view.plays == ("market",):
        return charts.axis_of(curve, view.zone, view.grain)._replace(now=curve.now if at is None else at)
    at = (origin if curve is None else curve.now) if at is None else at
    passed_until = min(horizon, max(origin, at)) if curve is None else curve.passed_until
    return Axis(origin, horizon, at, passed_until, view.zone, view.grain)


# the tote


def tote_chart(tote: wire.ToteView, axis: Axis) -> Markup:
    """A bar a slot, as high as the stakes on it, with its dividend; what the asker staked is filled and marked; never in the glass."""
    slots = [slot for slot in tote.slots if slot.start is not None]
    peak = max((float(slot.stakes) for slot in tote.slots), default=0.0) / HEADROOM or 1.0
    bars = "".join(_bar(axis, slot, "area", slot.stakes, peak) + _bar(axis, slot, "mine", slot.mine, peak) for slot in slots)
    lines = [upright("grid", axis.percent(slot.start or 0)) for slot in slots[1:]] if len(slots) <= _MOST_LINES else []
    words = "".join(_said(axis, slot, peak, len(slots)) for slot in slots)
    label = f"The tote: {charts.say_amount(float(tote.pool))} points staked on {len(slots)} slots and never."
    picture = plot("mid", label, passed(axis), *lines, box(bars), words, now(axis, "now"))
    never = next(slot for slot in tote.slots if slot.start is None)
    inside = filled(float(never.stakes) / peak, _dividend(never))
    if high := float(never.mine) / peak * 100:
        inside += f'<rect class="mine" x="18%" width="64%" y="{100 - high:.1f}%" height="{high:.1f}%"/>'
    return Markup(picture + gauge(inside))


def _bar(axis: Axis, slot: wire.SlotView, kind: str, points: str, peak: float) -> str:
    height = round(float(points) / peak * HIGH)
    if not height or slot.start is None or slot.end is None:
        return ""
    x, to = axis.x(slot.start), axis.x(slot.end)
    return f'<path class="{kind}" d="M{x} {HIGH}v{-height}h{to - x}V{HIGH}Z"/>'


def _dividend(slot: wire.SlotView) -> str:
    return "—" if slot.dividend is None else f"×{charts.say_amount(round(float(slot.dividend), 2 if float(slot.dividend) < 10 else 1))}"


def _said(axis: Axis, slot: wire.SlotView, peak: float, count: int) -> str:
    """A bar's dividend above it, on pages with room for all of them; a dot where the asker is on it."""
    kinds = [kind for kind, most in (("wide", _SAID_WIDE), ("narrow", _SAID_NARROW)) if count <= most]
    if slot.start is None or slot.end is None or not float(slot.stakes):
        return ""
    x, y = axis.percent((slot.start + slot.end) / 2), f"{100 - float(slot.stakes) / peak * 100:.1f}%"
    said = ("★ " if slot.won else "") + _dividend(slot) + (" ●" if float(slot.mine) else "")
    if not kinds and (float(slot.mine) or slot.won):
        return word("num", "★" if slot.won else "●", x, y, dy=-5, side="middle")
    return "".join(word(f"num {kind}", said, x, y, dy=-5, side="middle") for kind in kinds)


# the closest guess


def pins_chart(closest: wire.ClosestView, axis: Axis, happened: int | None = None) -> Markup:
    """The guesses as pins that stand on top of each other: rings, the asker's own filled, winners as diamonds."""
    columns: dict[int, list[wire.PinView]] = defaultdict(list)
    for pin in sorted(closest.pins, key=lambda pin: (pin.place is None, not pin.mine)):
        if pin.start is not None and pin.end is not None:
            columns[axis.x((pin.start + pin.end) / 2) * _COLUMNS // WIDE].append(pin)
    never = [pin for pin in closest.pins if pin.start is None]
    tallest = max((len(pins) for pins in columns.values()), default=0)
    if tallest <= _MOST_STACKED:
        shapes = _standing("".join(_pin(pin, _middle(pin, axis), row) for pins in columns.values() for row, pin in enumerate(pins)))
    else:
        marked = (pins[0] for pins in columns.values() if pins[0].mine or pins[0].place)
        shapes = box("".join(_column(place, len(pins), tallest) for place, pins in columns.items()))
        shapes += _standing("".join(_pin(pin, _middle(pin, axis), 0) for pin in marked))
    mark = flag(axis, happened, "cut", "it happened", 13) if happened is not None else ""
    said = f"{len(closest.pins)} guesses" if closest.revealed else f"{len(closest.pins)} of your own guesses"
    named = "" if closest.revealed else _standing("".join(_named(pin, axis) for pin in closest.pins[:_MOST_NAMED] if pin.start is not None))
    picture = plot("low", f"The closest guess: {said}.", passed(axis), now(axis, "now"), mark, shapes, named)
    inside = _standing("".join(_pin(pin, "50%", row) for row, pin in enumerate(never[:_MOST_STACKED])))
    if len(never) > 1:
        inside += word("num", str(len(never)), "50%", "100%", dy=-_PIN * min(len(never), _MOST_STACKED) - 8, side="middle")
    return Markup(picture + gauge(inside))


def _middle(pin: wire.PinView, axis: Axis) -> str:
    return axis.percent(((pin.start or 0) + (pin.end or 0)) / 2)


def _named(pin: wire.PinView, axis: Axis) -> str:
    """The window of one's own guess beside its pin, on the side that has room."""
    right = axis.x(pin.start or 0) < WIDE * 0.6
    return word("nowword", pin.window, _middle(pin, axis), "-22", dx=-6 if right else 6, side="start" if right else "end")


def _standing(pins: str) -> str:
    """Pins stand on the baseline: what is in here counts its pixels from there upwards."""
    return f'<svg y="100%" width="100%" overflow="visible">{pins}</svg>' if pins else ""


def _pin(pin: wire.PinView, x: str, row: int) -> str:
    y = -_PIN * row - 9
    if pin.place is None:
        return f'<circle class="pin{" own" if pin.mine else ""}" cx="{x}" cy="{y}" r="{6 if pin.mine else 5}"/>'
    return f'<svg x="{x}" y="{y}" overflow="visible"><path class="pin own" d="M0-8L8 0 0 8-8 0Z"/></svg>'


def _column(place: int, count: int, tallest: int) -> str:
    width, height = WIDE // _COLUMNS, round(count * HIGH * HEADROOM / tallest)
    return f'<path class="area" d="M{place * width} {HIGH}v{-height}h{width}V{HIGH}Z"/>'


# forecasts


def forecast_chart(lines: Sequence[Line], axis: Axis, happened: int | None = None) -> Markup:
    """Curves over each other as the chance that it has happened by each moment; the first one's never in the glass."""
    shapes = "".join(f'<path class="{LOOKS[line.look]}" d="{cumulative_path(axis, line.curve.bars)}"/>' for line in lines if line.curve.bars)
    levels = {p: f"{100 - p}%" for p in (25, 50, 75, 100)}
    grid = "".join(level_line(y) for y in levels.values())
    words = "".join(word("gridword", f"{p} %", "4", y, dy=12) for p, y in levels.items())
    mark = flag(axis, happened, "cut", "it happened", 27) if happened is not None else ""
    label = "Forecasts: the chance that it has happened by each moment. " + ", ".join(line.name for line in lines)
    picture = plot("mid", label, passed(axis), grid, box(shapes), now(axis, "now"), mark, words)
    return Markup(picture + gauge(filled(lines[0].curve.never / WHOLE, say_chance(lines[0].curve.never)) if lines else ""))


def key(look: str) -> Markup:
    """A short piece of a line, for the legend."""
    return Markup('<svg class="key" width="34" height="12" aria-hidden="true"><line class="{}" x2="34" y1="6" y2="6"/></svg>').format(LOOKS[look])


def forecast_rows(lines: Sequence[Line], zone: str) -> list[tuple[str, list[str]]]:
    """The numbers of the chart: by when it has happened with each chance, and never, curve by curve."""
    rows = [
        (f"{level} % by", ["never" if (at := line.curve.quantiles.get(level)) is None else ticks.short(at - 1, zone) for line in lines])
        for level in LEVELS
    ]
    return [*rows, ("Never", [say_chance(line.curve.never) for line in lines])]
