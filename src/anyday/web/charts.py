"""Charts as SVG made on the server, each with the numbers it draws: the curve, by date, pressure, history, you, sparkline.

Every chart of a question shares one :class:`Axis`. All instants are UTC microseconds, all chances parts per million (ppm)
of the whole, never included.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from anyday import wire
from anyday.market.curve import say_chance
from anyday.web import ticks
from anyday.web.drawing import (
    DEFS,
    GLASS_WIDE,
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
    glass_box,
    level_line,
    now,
    passed,
    plot,
    polyline,
    smooth_path,
    step_path,
    upright,
    word,
)

#: The most of the axis that passed time may take, so that an old question still shows what is left.
PASSED_SHARE: Final = 0.25
#: A table is for reading: neighbouring bars are merged until no more rows than this are left.
MOST_ROWS: Final = 60
#: Hazards after this little is left (ppm) do not set the scale: the last moments of a curve without never are always certain.
_THIN: Final = 50_000
#: Neighbouring bars that differ by more than this factor have an edge between them.
_JUMP: Final = 1.25


class Row(NamedTuple):
    """One row of the numbers: a window, its chance, the chance that it has happened by its end, the chance in it if not before (all ppm)."""

    start: int
    end: int
    chance: int
    by_end: int
    if_not_before: int


class Stretch(NamedTuple):
    """One step of a position: payout in points over a window; ``start`` and ``end`` are ``None`` for never."""

    window: str
    payout: float
    start: int | None
    end: int | None
    worth: float


class Mark(NamedTuple):
    """A near miss on the history: its number in the list beside it, and when it was."""

    number: int
    at: int


def axis_of(curve: wire.CurveView, zone: str, grain: str) -> Axis:
    """The axis of a question: from its origin to its horizon, less all but the last piece of what has passed."""
    left = curve.horizon - max(curve.passed_until, curve.origin)
    if left <= 0:  # nothing is left to make room for
        return Axis(curve.origin, curve.horizon, curve.now, curve.passed_until, zone, grain)
    earliest = curve.horizon - round(left / (1 - PASSED_SHARE))
    return Axis(max(curve.origin, earliest), curve.horizon, curve.now, curve.passed_until, zone, grain)


# numbers


def rows_of(curve: wire.CurveView, most: int = MOST_ROWS) -> list[Row]:
    """The numbers behind the curve, by date and pressure, at most ``most`` rows: neighbours merged, nothing dropped."""
    bars = curve.bars
    size = max(1, math.ceil(len(bars) / most))
    rows, happened = [], 0
    for i in range(0, len(bars), size):
        group = bars[i : i + size]
        chance = sum(bar.chance for bar in group)
        left = WHOLE - happened
        happened += chance
        rows.append(Row(group[0].start, group[-1].end, chance, happened, round(chance * WHOLE / left) if left > 0 else 0))
    return rows


def chance_between(curve: wire.CurveView, start: int, end: int) -> float:
    """The chance (ppm) that the curve gives to ``[start, end)``, spread evenly within each bar."""
    total, bars = 0.0, curve.bars
    for place in range(bisect_right(bars, start, key=lambda bar: bar.end), len(bars)):
        bar = bars[place]
        if bar.start >= end:
            break
        total += bar.chance * (min(end, bar.end) - max(start, bar.start)) / (bar.end - bar.start)
    return total


def grains_long(bar: wire.Bar, grain: str) -> int:
    """How many grains a bar is wide, so that a day of 23 hours and a month of 28 days each count as one."""
    return max(1, round((bar.end - bar.start) / ticks.LENGTHS[grain]))


def densities(curve: wire.CurveView, grain: str) -> list[float]:
    """Chance (ppm) per microsecond of nominal grains, bar by bar: a merged bar stands as high as its grains would on average."""
    length = ticks.LENGTHS[grain]
    return [bar.chance / (grains_long(bar, grain) * length) for bar in curve.bars]


def hazards(curve: wire.CurveView, grain: str) -> list[float]:
    """The pressure: the rate per microsecond of nominal grains at which it happens while it has not, ``-ln(1 - m/S)`` over the width.

    Summed over the grains it gives ``-ln`` of the chance that it has not happened, so it agrees with the table.
    """
    length = ticks.LENGTHS[grain]
    left, rates = float(WHOLE), []
    for bar in curve.bars:
        # What is certain (the last of a curve without never) is drawn as half a ppm short of it.
        share = min(bar.chance, left - 0.5) / left if left > 0 else 0.0
        rates.append(-math.log1p(-share) / (grains_long(bar, grain) * length))
        left -= bar.chance
    return rates


def _peak_hazard(curve: wire.CurveView, rates: Sequence[float]) -> float:
    """The rate that fills the picture: the highest one while enough is left for it to mean something."""
    left, best = WHOLE, 0.0
    for bar, rate in zip(curve.bars, rates, strict=True):
        left -= bar.chance
        if left >= _THIN or best == 0.0:
            best = max(best, rate)
    return best


def level(name: str) -> float:
    """A quantile's key as a share between 0 and 1: ``"p50"``, ``"50"``, ``"0.5"`` and ``"500000"`` all mean one half."""
    number = float(name.strip("pPqQ%"))
    if number < 1 and "." in name:
        return number
    return number / WHOLE if number > 100 else number / 100


# charts


def curve_chart(curve: wire.CurveView, axis: Axis, mark: int | None = None, said: str = "cut") -> Markup:
    """The picture of the page: chance as area over time, what has passed, now, the even chance, and never at the right edge.

    ``mark`` takes the place of the even chance: the instant from which a ruling voids, or what ``said`` says.
    """
    heights = densities(curve, axis.grain)
    marked = flag(axis, mark, "cut", said, 27) if mark is not None else _even(curve, axis)
    shape, line = _area(curve, axis, heights, max(heights, default=0.0))
    picture = plot("main" if curve.bars else "low", f"The curve. {curve.sentence}", DEFS, passed(axis), shape, line, now(axis, "now"), marked)
    return Markup(picture + _never(curve))


def _area(curve: wire.CurveView, axis: Axis, heights: Sequence[float], peak: float, scale: float = 1.0) -> tuple[str, str]:
    """The area under ``heights``, and the line that says how high it is: "2 % a week", on the side where the area is lower."""
    if peak <= 0:
        return "", ""
    draw = smooth_path if curve.smooth and _flows(heights) else step_path
    shape = box(f'<path class="area" d="{draw(axis, curve.bars, heights, peak)}"/>')
    unit, size = ticks.density_unit(peak * scale, axis.grain)
    value = _nice(peak * scale * size / WHOLE * 0.98)
    y = f"{100 - value * WHOLE / size / scale / peak * HEADROOM * 100:.1f}%"
    quarter, said = max(1, len(heights) // 4), f"{_percent(value * 100)} % {'an' if unit == 'hour' else 'a'} {unit}"
    if max(heights[-quarter:]) <= max(heights[:quarter]):
        return shape, level_line(y) + word("gridword", said, "100%", y, dx=-4, dy=-4, side="end")
    return shape, level_line(y) + word("gridword", said, axis.percent(axis.passed), y, dx=6, dy=-4)


def _flows(heights: Sequence[float]) -> bool:
    """Whether no bar jumps above or below the one before: bets on windows leave edges, and a smooth line would hide them."""
    return all(max(a, b) <= _JUMP * min(a, b) for a, b in itertools.pairwise(heights))


def _never(curve: wire.CurveView) -> str:
    """The glass; empty once all time has passed, since it is the ruling that tells then."""
    return gauge(filled(curve.never / WHOLE, say_chance(curve.never)) if curve.bars else "")


def _nice(value: float) -> float:
    """The largest 1, 2 or 5 times a power of ten at or below ``value`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(k * power for k in (5, 2, 1, 0.5) if k * power <= value)


def _even(curve: wire.CurveView, axis: Axis) -> str:
    """The even chance as a dotted line; without its word where that would run into "now"."""
    at = next((t for name, t in curve.quantiles.items() if level(name) == 0.5), None)
    if at is None:
        return ""
    near = abs(axis.x(at) - axis.x(axis.now)) < WIDE * 0.12
    return upright("even", axis.percent(at), 18) if near else flag(axis, at, "even", "even chance", 27)


def by_date_chart(curve: wire.CurveView, axis: Axis) -> Markup:
    """The chance that it has happened by each moment; the glass holds what is left at the horizon."""
    line = cumulative_path(axis, curve.bars)
    shape = box(f'<path class="area" d="{line}V{HIGH}H{axis.x(curve.bars[0].start)}Z"/>') if line else ""
    levels = {p: f"{100 - p}%" for p in (25, 50, 75, 100)}
    grid = "".join(level_line(y) for y in levels.values())
    words = "".join(word("gridword", f"{p} %", "4", y, dy=12) for p, y in levels.items())
    picture = plot("low", "By date: the chance that it has happened by each moment.", passed(axis), grid, shape, now(axis), words)
    return Markup(picture + _never(curve))


def pressure_chart(curve: wire.CurveView, axis: Axis) -> Markup:
    """The hazard: how fast it happens at each moment if it has not happened before."""
    rates = hazards(curve, axis.grain)
    shape, line = _area(curve, axis, rates, _peak_hazard(curve, rates), WHOLE)
    label = "Pressure: how likely it is at each moment if it has not happened before."
    return Markup(plot("low", label, passed(axis), shape, line, now(axis)))


def history_chart(history: Sequence[wire.HistoryPoint], axis: Axis, marks: Sequence[Mark] = ()) -> Markup:
    """A fan of quantiles on the same axis: the newest at the top, older ones below it, never at the right edge; near misses
    stand by number where their moment was now."""
    first, last = history[0].at, axis.now
    points = [*history, wire.HistoryPoint(last, history[-1].never, history[-1].quantiles)]
    ys = [round((last - p.at) * HIGH / max(1, last - first)) for p in points]
    lines = {name: _steps([_at(p, name, axis) for p in points], ys) for name in sorted(history[-1].quantiles, key=level)}
    shapes = [f'<path class="passed" d="M0 0H{axis.x(last)}L{axis.x(first)} {HIGH}H0Z"/>']
    for low, high in zip(lines, reversed(lines), strict=True):
        if level(low) < level(high):
            shapes.append(f'<path class="fan" d="{polyline([*lines[low], *reversed(lines[high])])}Z"/>')
    shapes += [f'<path class="line" d="{polyline(line)}"/>' for name, line in lines.items() if level(name) == 0.5]
    never = _steps([round(p.never * GLASS_WIDE / WHOLE) for p in points], ys)
    inside = glass_box(f'<path class="never" d="{polyline([(0, never[0][1]), *never])}H0Z"/>')
    words = word("gridword", "now", "100%", "14", dx=-4, side="end")
    words += word("gridword", ticks.short(first, axis.zone), "100%", "100%", dx=-4, dy=-5, side="end")
    words += "".join(_near_miss(mark, axis, (last - mark.at) / max(1, last - first)) for mark in marks if first <= mark.at <= last)
    return Markup(plot("tall", "History: where the curve stood, newest at the top.", box("".join(shapes)), words) + gauge(inside))


def _near_miss(mark: Mark, axis: Axis, down: float) -> str:
    x, y = f"{max(3.0, axis.x(mark.at) * 100 / WIDE):.2f}%", f"{min(0.93, max(0.07, down)) * 100:.1f}%"
    return f'<circle class="pin" cx="{x}" cy="{y}" r="9"/>' + word("num", str(mark.number), x, y, dy=5, side="middle")


def _steps(xs: Sequence[int], ys: Sequence[int]) -> list[tuple[int, int]]:
    """A line down the history: what held, held until the next point, so it jumps there and never slopes."""
    points = [(xs[0], ys[0])]
    for x, y in zip(xs[1:], ys[1:], strict=True):
        points += [(points[-1][0], y), (x, y)]
    return points


def _at(point: wire.HistoryPoint, name: str, axis: Axis) -> int:
    """Where a quantile of the past is drawn; one that lay in never is drawn at the right edge."""
    at = point.quantiles.get(name)
    return WIDE if at is None else axis.x(at)


def stretches(held: Sequence[wire.Held], curve: wire.CurveView) -> list[Stretch]:
    """A position as its strip and its table show it: steps in time order, never last, each with what it is worth at the price."""
    found = []
    for piece in held:
        start, end = (None if text is None else micros(text) for text in (piece.start, piece.end))
        chance = curve.never if start is None or end is None else chance_between(curve, start, end)
        payout = float(piece.payout)
        found.append(Stretch("never" if start is None else piece.window, payout, start, end, payout * chance / WHOLE))
    return found


def you_chart(steps: Sequence[Stretch], axis: Axis) -> Markup:
    """What you would get at each moment, as a strip; never in the glass."""
    peak = max((s.payout for s in steps), default=0.0)
    shapes, inside = [], word("num", "0", "50%", "100%", dy=-5, side="middle")
    for step in steps:
        share = step.payout / peak * HEADROOM if peak > 0 else 0.0
        if step.start is None or step.end is None:
            inside = filled(share, say_amount(step.payout), "you")
        elif share > 0:
            x, to = axis.x(step.start), axis.x(step.end)
            shapes.append(f'<path class="you" d="M{x} {HIGH}v{-round(share * HIGH)}h{to - x}V{HIGH}Z"/>')
    said = word("gridword", f"{say_amount(peak)} points", "100%", f"{100 - HEADROOM * 100:.0f}%", dx=-4, dy=-4, side="end")
    picture = plot("low", "You: what you would get at each moment.", passed(axis), box("".join(shapes)), said, now(axis))
    return Markup(picture + gauge(inside))


def sparkline(masses: Sequence[int], never: int, sentence: str) -> Markup:
    """A question's curve on its card: equal pieces of the time that is left, and never as a bar of its own."""
    peak, wide, glass = max(masses, default=0), WIDE - 360, WIDE - 240
    ys = [HIGH - (round(mass * HIGH * 0.94 / peak) if peak else 0) for mass in masses]
    points = [(0, HIGH)]
    for i, y in enumerate(ys):
        points += [(round(i * wide / len(ys)), y), (round((i + 1) * wide / len(ys)), y)]
    area = f'<path class="area" d="{polyline(points)}V{HIGH}Z"/>' if masses else ""
    top = round(HIGH * (1 - never / WHOLE))
    kinds = (("glass", 0), ("never", top)) if masses else (("glass", 0),)
    bars = "".join(f'<path class="{kind}" d="M{glass} {y}H{WIDE}V{HIGH}H{glass}Z"/>' for kind, y in kinds)
    name = f'role="img" aria-label="{escape(sentence)}"' if sentence else 'aria-hidden="true"'
    return Markup(f'<svg class="spark" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" {name}>{area}{bars}</svg>')


# words


def micros(text: str) -> int:
    """UTC microseconds of an instant as the wire writes it (ISO 8601 with ``Z``)."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)


def _percent(value: float) -> str:
    return f"{value:.0f}" if value >= 1 else f"{value:.1g}"


def say_amount(points: float) -> str:
    """Points for a label: two decimals at the most, thousands apart."""
    whole = f"{abs(points):,.2f}".removesuffix(".00")
    return ("−" if points < 0 else "") + whole
