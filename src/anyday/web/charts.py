"""Charts as SVG made on the server, each with the numbers it draws: the curve, by date, pressure, history, you, sparkline.

Every chart of a question shares one :class:`Axis`. Shapes are drawn in a box of 4000 × 1000 that stretches with the page;
words stand beside it at percentages, so that they keep their size at any width. No inline style or script: colours,
stroke widths and heights are classes of ``app.css``, which lets a strict content security policy hold. All instants are
UTC microseconds, all chances parts per million (ppm) of the whole, never included.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from anyday import wire
from anyday.web import ticks

WIDE: Final = 4000
HIGH: Final = 1000
#: The share of the picture's height that the highest bar reaches: the rest is for labels and for the ghost of a bet.
HEADROOM: Final = 0.8
#: The most of the axis that passed time may take, so that an old question still shows what is left.
PASSED_SHARE: Final = 0.25
#: A table is for reading: neighbouring bars are merged until no more rows than this are left.
MOST_ROWS: Final = 60
WHOLE: Final = 1_000_000
#: Hazards after this little is left (ppm) do not set the scale: the last moments of a curve without never are always certain.
_THIN: Final = 50_000


class Axis(NamedTuple):
    """The stretch of time that all charts of one question share, in UTC microseconds, and where now and the passed end in it."""

    start: int
    end: int
    now: int
    passed: int
    zone: str

    def x(self, instant: float) -> int:
        """Where an instant is drawn, 0 to ``WIDE``; what lies outside is drawn at the edge."""
        return min(WIDE, max(0, round((instant - self.start) * WIDE / (self.end - self.start))))

    def percent(self, instant: float) -> str:
        """The same as a percentage of the width, as SVG attributes take it."""
        return f"{self.x(instant) * 100 / WIDE:.2f}%"


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


def axis_of(curve: wire.CurveView, zone: str) -> Axis:
    """The axis of a question: from its origin to its horizon, less all but the last piece of what has passed."""
    left = max(1, curve.horizon - max(curve.passed_until, curve.origin))
    earliest = curve.horizon - round(left / (1 - PASSED_SHARE))
    return Axis(max(curve.origin, earliest), curve.horizon, curve.now, curve.passed_until, zone)


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
    total = 0.0
    for bar in curve.bars:
        overlap = min(end, bar.end) - max(start, bar.start)
        if overlap > 0:
            total += bar.chance * overlap / (bar.end - bar.start)
    return total


def densities(curve: wire.CurveView) -> list[float]:
    """Chance (ppm) per microsecond, bar by bar: areas are chances, however wide a bar is."""
    return [bar.chance / (bar.end - bar.start) for bar in curve.bars]


def hazards(curve: wire.CurveView) -> list[float]:
    """The pressure: the rate per microsecond at which it happens while it has not, ``-ln(1 - m/S) / width`` in each bar.

    Summed over time it gives ``-ln`` of the chance that it has not happened, so it agrees with the table exactly.
    """
    left, rates = float(WHOLE), []
    for bar in curve.bars:
        share = min(bar.chance / left, 0.9999) if left > 0 else 0.0
        rates.append(-math.log1p(-share) / (bar.end - bar.start))
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


# shapes


def step_path(axis: Axis, bars: Sequence[wire.Bar], heights: Sequence[float], peak: float) -> str:
    """A closed step area: one path, relative moves in whole units taken from rounded absolutes, so that errors never add up."""
    if not bars or peak <= 0:
        return ""
    x = axis.x(bars[0].start)
    points = [(x, HIGH)]
    for bar, height in zip(bars, heights, strict=True):
        y = HIGH - round(min(height / peak * HEADROOM, 1.0) * HIGH)
        if y != points[-1][1]:
            x = axis.x(bar.start)
            points += [(x, points[-1][1]), (x, y)]
    points.append((axis.x(bars[-1].end), points[-1][1]))
    return f"M{points[0][0]} {HIGH}{''.join(_relative(points))}V{HIGH}Z"


def smooth_path(axis: Axis, bars: Sequence[wire.Bar], heights: Sequence[float], peak: float) -> str:
    """The same area through the middles of the bars: only for curves that are smooth because their opening is."""
    if not bars or peak <= 0:
        return ""
    points = [(axis.x((bar.start + bar.end) / 2), HIGH - round(min(h / peak * HEADROOM, 1.0) * HIGH)) for bar, h in zip(bars, heights, strict=True)]
    inner = "".join(_relative([(axis.x(bars[0].start), points[0][1]), *points, (axis.x(bars[-1].end), points[-1][1])]))
    return f"M{axis.x(bars[0].start)} {HIGH}V{points[0][1]}{inner}V{HIGH}Z"


def cumulative_path(axis: Axis, curve: wire.CurveView) -> str:
    """The chance that it has happened by t, as an open line from (passed, 0) to the horizon; the full height is 100 %."""
    if not curve.bars:
        return ""
    points, happened = [(axis.x(curve.bars[0].start), HIGH)], 0
    for bar in curve.bars:
        happened += bar.chance
        points.append((axis.x(bar.end), HIGH - round(happened * HIGH / WHOLE)))
    return f"M{points[0][0]} {points[0][1]}" + "".join(_relative(points))


def _relative(points: Sequence[tuple[int, int]]) -> Iterable[str]:
    """Line segments between absolute points as relative moves; a run at one height becomes one move."""
    x, y = points[0]
    for to_x, to_y in points[1:]:
        if to_y == y and to_x != x:
            yield f"h{to_x - x}"
        elif to_x == x and to_y != y:
            yield f"v{to_y - y}"
        elif to_x != x:
            yield f"l{to_x - x} {to_y - y}"
        x, y = to_x, to_y


def _box(inner: str, kind: str = "") -> str:
    """The stretching box in which shapes are drawn."""
    return f'<svg class="box {kind}" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" width="100%" height="100%">{inner}</svg>'


def _passed(axis: Axis) -> str:
    """What has passed, greyed and hatched, and the line that says now."""
    width = axis.x(axis.passed) * 100 / WIDE
    return f'<rect class="passed" width="{width:.2f}%" height="100%"/><rect fill="url(#passed)" width="{width:.2f}%" height="100%"/>' if width > 0 else ""


def _now(axis: Axis, label: bool = True) -> str:
    if not axis.start <= axis.now < axis.end:
        return ""
    x = axis.percent(axis.now)
    side = "start" if axis.x(axis.now) < WIDE // 2 else "end"
    gap = "5" if side == "start" else "-5"
    word = f'<text class="nowword" x="{x}" dx="{gap}" y="13" text-anchor="{side}">now</text>' if label else ""
    return f'<line class="now" x1="{x}" x2="{x}" y1="0" y2="100%"/>{word}'


def _plot(inner: str, kind: str, label: str) -> str:
    return f'<svg class="plot {kind}" width="100%" role="img" aria-label="{escape(label)}">{inner}</svg>'


def _gauge(never: float, inner: str = "") -> str:
    """Never at the right edge of the same picture: a glass of its own, filled to its chance (0 to 1), hatched, with its number."""
    top = (1 - min(1.0, max(0.0, never))) * 100
    word = f'<text class="num" x="50%" y="{min(max(top, 9), 100):.1f}%" dy="-5" text-anchor="middle">{say_chance(round(never * WHOLE))}</text>'
    fill = f'<rect class="never" x="18%" width="64%" y="{top:.1f}%" height="{100 - top:.1f}%"/><rect fill="url(#never)" x="18%" width="64%" y="{top:.1f}%" height="{100 - top:.1f}%"/>'
    return f'<svg class="plot gauge" width="100%" aria-hidden="true"><rect class="glass" x="18%" width="64%" height="100%"/>{inner or fill + word}</svg>'


def axis_row(axis: Axis) -> Markup:
    """The words under the charts: two sets of ticks, for narrow and wide pages; ``app.css`` shows one."""
    sets = []
    for kind, most in (("narrow", ticks.NARROW), ("wide", ticks.WIDE)):
        marks = []
        for tick in ticks.ticks(axis.start, axis.end, axis.zone, most):
            share = (tick.at - axis.start) / (axis.end - axis.start)
            anchor = "start" if share < most.edge else "end" if share > 1 - most.edge else "middle"
            x = f"{share * 100:.2f}%"
            marks.append(f'<line x1="{x}" x2="{x}" y2="5"/><text x="{x}" y="19" text-anchor="{anchor}">{escape(tick.label)}</text>')
        sets.append(f'<g class="{kind}">{"".join(marks)}</g>')
    return Markup(f'<svg class="axis" width="100%" aria-hidden="true">{"".join(sets)}</svg><svg class="axis" width="100%" aria-hidden="true"><text x="50%" y="19" text-anchor="middle">never</text></svg>')


DEFS: Final = (
    '<defs><pattern id="passed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatchline" y2="6"/></pattern>'
    '<pattern id="never" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><line class="neverline" y2="5"/></pattern></defs>'
)


# charts


def curve_chart(curve: wire.CurveView, axis: Axis, cut: int | None = None) -> Markup:
    """The picture of the page: chance as area over time, what has passed, now, the even chance, and never at the right edge.

    ``cut`` marks the instant from which a ruling voids.
    """
    heights = densities(curve)
    peak = max(heights, default=0.0)
    draw = smooth_path if curve.smooth else step_path
    shape = f'<path class="area" d="{draw(axis, curve.bars, heights, peak)}"/>'
    inner = DEFS + _grid_line(curve.bars, heights, peak) + _passed(axis) + _box(shape) + _now(axis) + _median(curve, axis) + _cut(axis, cut)
    return Markup(_plot(inner, "main", f"The curve. {curve.sentence}") + _gauge(curve.never / WHOLE))


def _grid_line(bars: Sequence[wire.Bar], heights: Sequence[float], peak: float, scale: float = 1.0, what: str = "") -> str:
    """One line that says how high the picture is, in words: "2 % a week", on the side where the curve is lower."""
    if peak <= 0:
        return ""
    unit, size = ticks.density_unit(peak * scale)
    value = _nice(peak * scale * size / WHOLE * 0.98)
    y = f"{100 - value * WHOLE / size / scale / peak * HEADROOM * 100:.1f}%"
    quarter = max(1, len(bars) // 4)
    place = 'x="100%" dx="-4" text-anchor="end"' if max(heights[-quarter:]) <= max(heights[:quarter]) else 'x="4"'
    return f'<line class="grid" x2="100%" y1="{y}" y2="{y}"/><text class="gridword" {place} y="{y}" dy="-4">{_percent(value * 100)} % a {unit}{what}</text>'


def _nice(value: float) -> float:
    """The largest 1, 2 or 5 times a power of ten at or below ``value`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(k * power for k in (5, 2, 1, 0.5) if k * power <= value)


def _median(curve: wire.CurveView, axis: Axis) -> str:
    """The even chance: a dotted line with a diamond on the baseline, unless it would run into the word "now"."""
    at = next((t for name, t in curve.quantiles.items() if level(name) == 0.5), None)
    if at is None:
        return ""
    x = axis.percent(at)
    line = f'<line class="even" x1="{x}" x2="{x}" y1="18" y2="100%"/>'
    if abs(axis.x(at) - axis.x(axis.now)) < WIDE * 0.12:
        return line
    side, gap = ("start", "4") if axis.x(at) < WIDE * 0.75 else ("end", "-4")
    return f'{line}<text class="evenword" x="{x}" dx="{gap}" y="27" text-anchor="{side}">even chance</text>'


def by_date_chart(curve: wire.CurveView, axis: Axis) -> Markup:
    """The chance that it has happened by each moment; the gauge holds what is left at the horizon."""
    line = cumulative_path(axis, curve)
    first, last = (axis.x(curve.bars[0].start), axis.x(curve.bars[-1].end)) if curve.bars else (0, WIDE)
    shapes = f'<path class="area" d="{line}V{HIGH}H{first}Z"/>' if line and last > first else ""
    grid = "".join(
        f'<line class="grid" x2="100%" y1="{100 - p}%" y2="{100 - p}%"/><text class="gridword" x="4" y="{100 - p}%" dy="12">{p} %</text>' for p in (25, 50, 75, 100)
    )
    inner = _passed(axis) + grid + _box(shapes) + _now(axis, label=False)
    return Markup(_plot(inner, "low", "By date: the chance that it has happened by each moment.") + _gauge(curve.never / WHOLE))


def pressure_chart(curve: wire.CurveView, axis: Axis) -> Markup:
    """The hazard: how fast it happens at each moment if it has not happened before."""
    rates = hazards(curve)
    peak = _peak_hazard(curve, rates)
    draw = smooth_path if curve.smooth else step_path
    shape = f'<path class="area" d="{draw(axis, curve.bars, rates, peak)}"/>'
    inner = _passed(axis) + _grid_line(curve.bars, rates, peak, WHOLE, ", if not before") + _box(shape) + _now(axis, label=False)
    return Markup(_plot(inner, "low", "Pressure: how likely it is at each moment if it has not happened before.") + _gauge(0, " "))


def history_chart(history: Sequence[wire.HistoryPoint], axis: Axis) -> Markup:
    """A fan of quantiles on the same axis: the newest at the top, older ones below it, never at the right edge."""
    first, last = history[0].at, axis.now
    span = max(1, last - first)
    points = [*history, wire.HistoryPoint(last, history[-1].never, history[-1].quantiles)]
    ys = [round((last - p.at) * HIGH / span) for p in points]
    names = sorted(history[-1].quantiles, key=level)
    shapes = [f'<path class="passed" d="M0 0H{axis.x(last)}L{axis.x(first)} {HIGH}H0Z"/>']
    for low, high in zip(names, reversed(names), strict=True):
        if level(low) >= 0.5:
            break
        left = [(_at(p, low, axis), y) for p, y in zip(points, ys, strict=True)]
        right = [(_at(p, high, axis), y) for p, y in zip(points, ys, strict=True)]
        outline = [*left, *reversed(right)]
        shapes.append(f'<path class="fan" d="M{outline[0][0]} {outline[0][1]}{"".join(_relative(outline))}Z"/>')
    middle = next((name for name in names if level(name) == 0.5), None)
    if middle is not None:
        line = [(_at(p, middle, axis), y) for p, y in zip(points, ys, strict=True)]
        shapes.append(f'<path class="line" d="M{line[0][0]} {line[0][1]}{"".join(_relative(line))}"/>')
    glass = [(round(p.never * 640 / WHOLE), y) for p, y in zip(points, ys, strict=True)]
    never = f'<path class="never" d="M0 {glass[0][1]}H{glass[0][0]}{"".join(_relative(glass))}H0Z"/>'
    words = '<text class="gridword" x="100%" dx="-4" y="14" text-anchor="end">now</text>'
    words += f'<text class="gridword" x="100%" dx="-4" y="100%" dy="-5" text-anchor="end">{escape(ticks.short(first, axis.zone))}</text>'
    gauge = f'<svg class="box" x="18%" width="64%" height="100%" viewBox="0 0 640 {HIGH}" preserveAspectRatio="none">{never}</svg>'
    return Markup(_plot(_box("".join(shapes)) + words, "low", "History: where the curve stood, newest at the top.") + _gauge(0, gauge))


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
    """What you would get at each moment, as a strip; never in the gauge."""
    peak = max((abs(s.payout) for s in steps), default=0.0)
    shapes, gauge = [], '<text class="num" x="50%" y="100%" dy="-5" text-anchor="middle">0</text>'
    for step in steps:
        height = round(step.payout / peak * HIGH * HEADROOM) if peak else 0
        if step.start is None or step.end is None:
            top = 100 - height / HIGH * 100
            gauge = f'<rect class="you" x="18%" width="64%" y="{top:.1f}%" height="{100 - top:.1f}%"/>'
            gauge += f'<text class="num" x="50%" y="{max(top, 9):.1f}%" dy="-5" text-anchor="middle">{say_amount(step.payout)}</text>'
        elif height:
            x, to = axis.x(step.start), axis.x(step.end)
            shapes.append(f'<path class="you" d="M{x} {HIGH}v{-height}h{to - x}V{HIGH}Z"/>')
    word = f'<text class="gridword" x="100%" dx="-4" y="{100 - HEADROOM * 100:.0f}%" dy="-4" text-anchor="end">{say_amount(peak)} points</text>' if peak else ""
    inner = _passed(axis) + word + _box("".join(shapes)) + _now(axis, label=False)
    return Markup(_plot(inner, "low", "You: what you would get at each moment.") + _gauge(0, gauge))


def sparkline(masses: Sequence[int], never: int, sentence: str) -> Markup:
    """A question's curve on its card: equal pieces of the time that is left, and never as a bar of its own."""
    peak = max(masses, default=0)
    width = WIDE - 360
    parts, n = [f"M0 {HIGH}"], max(1, len(masses))
    x, y = 0, HIGH
    for i, mass in enumerate(masses):
        to_x, to_y = round((i + 1) * width / n), HIGH - (round(mass * HIGH * 0.94 / peak) if peak else 0)
        parts.append((f"v{to_y - y}" if to_y != y else "") + f"h{to_x - x}")
        x, y = to_x, to_y
    area = f'<path class="area" d="{"".join(parts)}V{HIGH}Z"/>' if masses else ""
    top = round(HIGH * (1 - never / WHOLE))
    glass = f'<path class="glass" d="M{WIDE - 240} 0H{WIDE}V{HIGH}H{WIDE - 240}Z"/><path class="never" d="M{WIDE - 240} {top}H{WIDE}V{HIGH}H{WIDE - 240}Z"/>'
    return Markup(f'<svg class="spark" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" aria-label="{escape(sentence)}">{area}{glass}</svg>')


def _cut(axis: Axis, at: int | None) -> str:
    """The instant from which a ruling voids everything, marked on the axis; left of the picture it is drawn at its edge."""
    if at is None:
        return ""
    x, side, gap = axis.percent(at), *(("start", "5") if axis.x(at) < WIDE // 2 else ("end", "-5"))
    return f'<line class="cut" x1="{x}" x2="{x}" y2="100%"/><text class="cutword" x="{x}" dx="{gap}" y="44" text-anchor="{side}">cut</text>'


# words


def micros(text: str) -> int:
    """UTC microseconds of an instant as the wire writes it (ISO 8601 with ``Z``)."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)


def _percent(value: float) -> str:
    return f"{value:.0f}" if value >= 1 else f"{value:.1g}"


def say_chance(ppm: int) -> str:
    """A chance in words: "34 %", "2.4 %", "under 0.1 %"; only what is certain says 0 % or 100 %."""
    if ppm <= 0:
        return "0 %"
    if ppm >= WHOLE:
        return "100 %"
    if ppm < 1000:
        return "<0.1 %"
    if ppm > 999_000:
        return ">99.9 %"
    percent = ppm / 10_000
    return f"{percent:.1f} %" if percent < 9.95 or percent > 99 else f"{percent:.0f} %"


def say_amount(points: float) -> str:
    """Points for a label: two decimals below ten, none above, thousands apart."""
    size = abs(points)
    text = f"{size:,.0f}" if size >= 100 else f"{size:,.2f}".rstrip("0").rstrip(".")
    return ("−" if points < 0 else "") + (text or "0")
