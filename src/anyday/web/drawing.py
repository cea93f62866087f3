"""Shapes and words of SVG: the axis that all charts of a question share, paths, lines, labels, and the glass that holds never.

Shapes are drawn in a box of 4000 × 1000 that stretches with the page; words and straight lines stand beside it at
percentages, so that they keep their size at any width. Nothing here carries a style: looks are classes of ``app.css``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from markupsafe import Markup, escape

from anyday import wire
from anyday.web import ticks

WIDE: Final = 4000
HIGH: Final = 1000
#: The share of the picture's height that the highest bar reaches: the rest is for labels and for the ghost of a bet.
HEADROOM: Final = 0.8
WHOLE: Final = 1_000_000

Side = Literal["start", "middle", "end"]


class Axis(NamedTuple):
    """The stretch of time that all charts of one question share, in UTC microseconds, and where now and the passed end in it."""

    start: int
    end: int
    now: int
    passed: int
    zone: str
    grain: str

    def x(self, instant: float) -> int:
        """Where an instant is drawn, 0 to ``WIDE``; what lies outside is drawn at the edge."""
        return min(WIDE, max(0, round((instant - self.start) * WIDE / (self.end - self.start))))

    def percent(self, instant: float) -> str:
        """The same as a percentage of the width, as SVG attributes take it."""
        return f"{self.x(instant) * 100 / WIDE:.2f}%"


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
    return f"M{points[0][0]} {HIGH}{''.join(moves(points))}V{HIGH}Z"


def smooth_path(axis: Axis, bars: Sequence[wire.Bar], heights: Sequence[float], peak: float) -> str:
    """The same area through the middles of the bars: only for curves that are smooth because their opening is."""
    if not bars or peak <= 0:
        return ""
    points = [(axis.x((bar.start + bar.end) / 2), HIGH - round(min(h / peak * HEADROOM, 1.0) * HIGH)) for bar, h in zip(bars, heights, strict=True)]
    inner = "".join(moves([(axis.x(bars[0].start), points[0][1]), *points, (axis.x(bars[-1].end), points[-1][1])]))
    return f"M{axis.x(bars[0].start)} {HIGH}V{points[0][1]}{inner}V{HIGH}Z"


def cumulative_path(axis: Axis, bars: Sequence[wire.Bar]) -> str:
    """The chance that it has happened by t, as an open line from (passed, 0) to the horizon; the full height is 100 %."""
    if not bars:
        return ""
    points, happened = [(axis.x(bars[0].start), HIGH)], 0
    for bar in bars:
        happened += bar.chance
        points.append((axis.x(bar.end), HIGH - round(happened * HIGH / WHOLE)))
    return polyline(points)


def polyline(points: Sequence[tuple[int, int]]) -> str:
    """A line through absolute points, to be closed or continued by the caller."""
    return f"M{points[0][0]} {points[0][1]}" + "".join(moves(points))


def moves(points: Sequence[tuple[int, int]]) -> Iterable[str]:
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


# parts of a picture


def box(inner: str) -> str:
    """The stretching box in which shapes are drawn."""
    return f'<svg viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" width="100%" height="100%">{inner}</svg>'


def plot(kind: str, label: str, *parts: str) -> str:
    """A picture with its name for those who do not see it; ``kind`` is its height: ``main``, ``low`` or ``tall``."""
    return f'<svg class="plot {kind}" width="100%" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def word(kind: str, text: str, x: str, y: str, *, dx: int = 0, dy: int = 0, side: Side = "start") -> str:
    """A word in a picture, at percentages or pixels, moved by pixels."""
    return f'<text class="{kind}" x="{x}" y="{y}" dx="{dx}" dy="{dy}" text-anchor="{side}">{escape(text)}</text>'


def upright(kind: str, x: str, top: int = 0) -> str:
    """A line from ``top`` pixels down to the baseline."""
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{top}" y2="100%"/>'


def level_line(y: str) -> str:
    """A thin line across the picture."""
    return f'<line class="grid" x2="100%" y1="{y}" y2="{y}"/>'


def flag(axis: Axis, at: int, kind: str, text: str, y: int) -> str:
    """An upright line at an instant with its word beside it, on the side that has room."""
    x, right = axis.percent(at), axis.x(at) < WIDE * 0.7
    side: Side = "start" if right else "end"
    return upright(kind, x) + word(f"{kind}word", text, x, str(y), dx=5 if right else -5, side=side)


def passed(axis: Axis) -> str:
    """What has passed, greyed and hatched."""
    width = axis.x(axis.passed) * 100 / WIDE
    shape = f'width="{width:.2f}%" height="100%"'
    return f'<rect class="passed" {shape}/><rect fill="url(#passed)" {shape}/>' if width > 0 else ""


def now(axis: Axis, text: str = "") -> str:
    """The line that says now, unless now lies outside the picture."""
    if not axis.start <= axis.now < axis.end:
        return ""
    return flag(axis, axis.now, "now", text, 13) if text else upright("now", axis.percent(axis.now))


def gauge(inner: str) -> str:
    """Never at the right edge of the same picture: a glass of its own, as high as the picture."""
    return f'<svg class="plot gauge" width="100%" aria-hidden="true"><rect class="glass" {_GLASS} height="100%"/>{inner}</svg>'


def filled(share: float, text: str, kind: str = "never") -> str:
    """The glass filled to a share (0 to 1), with its number above; never is hatched, so that it differs by more than its colour."""
    top = (1 - min(1.0, max(0.0, share))) * 100
    shape = f'{_GLASS} y="{top:.1f}%" height="{100 - top:.1f}%"'
    hatch = f'<rect fill="url(#never)" {shape}/>' if kind == "never" else ""
    return f'<rect class="{kind}" {shape}/>{hatch}' + word("num", text, "50%", f"{max(top, 9):.1f}%", dy=-5, side="middle")


def glass_box(inner: str) -> str:
    """A stretching box as wide as the glass, 0 to ``GLASS_WIDE``."""
    return f'<svg {_GLASS} height="100%" viewBox="0 0 {GLASS_WIDE} {HIGH}" preserveAspectRatio="none">{inner}</svg>'


GLASS_WIDE: Final = 640
_GLASS: Final = 'x="18%" width="64%"'


def axis_row(axis: Axis) -> Markup:
    """The words under the charts, and "never" under the glass."""
    return axis_words(axis) + Markup('<svg class="axis" width="100%" aria-hidden="true"><text x="50%" y="19" text-anchor="middle">never</text></svg>')


def axis_words(axis: Axis) -> Markup:
    """The words under a chart of time alone: two sets of ticks, for narrow and wide pages; ``app.css`` shows one."""
    sets = []
    for kind, room in (("narrow", ticks.NARROW), ("wide", ticks.WIDE)):
        marks = []
        for tick in ticks.ticks(axis.start, axis.end, axis.zone, room):
            x = axis.percent(tick.at)
            marks.append(f'<line x1="{x}" x2="{x}" y2="5"/><text x="{x}" y="19" text-anchor="{tick.side}">{escape(tick.label)}</text>')
        sets.append(f'<g class="{kind}">{"".join(marks)}</g>')
    return Markup(f'<svg class="axis" width="100%" aria-hidden="true">{"".join(sets)}</svg>')


def _pattern(name: str, size: int, angle: int, line: str) -> str:
    box = f'width="{size}" height="{size}" patternUnits="userSpaceOnUse" patternTransform="rotate({angle})"'
    return f'<pattern id="{name}" {box}><line class="{line}" y2="{size}"/></pattern>'


#: The hatchings, once a page.
DEFS: Final = f"<defs>{_pattern('passed', 6, 45, 'hatchline')}{_pattern('never', 5, -45, 'neverline')}</defs>"
