"""The curve, drawn with characters: chance by time on one axis, now and what has passed marked, never as a bar of its own.

A column shows the chance of the time it covers, divided by that time, so a stretch that was traded as one piece is one
level piece here too. Beneath it, on the same axis, what a position pays.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from anyday import wire
from anyday.cli.terminal import Screen, cells
from anyday.instants import Grain
from anyday.market.curve import say_chance
from anyday.web.ticks import LENGTHS, Room, ticks

#: Columns left of the axis: the chance, a space.
GUTTER: Final = 8
HEIGHT: Final = 8
#: Cells of the bar for never beside its number.
_NEVER_BAR: Final = 30
#: So many guesses in one column are shown one by one.
_PILE: Final = 5

_FULL: Final = " ▁▂▃▄▅▆▇█"
_PARTS: Final = " ▏▎▍▌▋▊▉█"
_PLAIN: Final = " .:+#"
_NICE: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_UNITS: Final = tuple((grain, LENGTHS[grain]) for grain in Grain)


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters of a drawing."""

    levels: str
    parts: str
    axis: str
    passed: str
    tick: str
    side: str
    corner: str
    now: str
    mark: str
    pin: str


UNICODE: Final = Signs(_FULL, _PARTS, "─", "╌", "┬", "│", "└", "┊", "▲", "●")
ASCII: Final = Signs(_PLAIN, " #", "-", ".", "+", "|", "+", ":", "^", "o")


@dataclass(slots=True)
class _Row:
    """One line of cells, each with its style."""

    signs: list[str]
    styles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.styles = self.styles or [""] * len(self.signs)

    def put(self, at: int, text: str, style: str = "") -> None:
        for offset, sign in enumerate(text):
            if 0 <= at + offset < len(self.signs):
                self.signs[at + offset], self.styles[at + offset] = sign, style

    def shown(self, screen: Screen) -> str:
        """The line, styled run by run."""
        out, start = "", 0
        for end in range(1, len(self.signs) + 1):
            if end == len(self.signs) or self.styles[end] != self.styles[start]:
                out += screen.style("".join(self.signs[start:end]), self.styles[start])
                start = end
        return out.rstrip() if not screen.colour else out


@dataclass(frozen=True, slots=True)
class Plot:
    """The axis that everything is drawn on: [start, end) in UTC microseconds over so many columns."""

    start: int
    end: int
    columns: int

    def at(self, instant: int) -> int:
        """The column that holds an instant, the last one for the end."""
        return min(self.columns - 1, max(0, (instant - self.start) * self.columns // (self.end - self.start)))

    def edges(self) -> list[float]:
        """Where each column begins and the last one ends."""
        return [self.start + (self.end - self.start) * column / self.columns for column in range(self.columns + 1)]


def draw(view: wire.CurveView, zone: str, grain: Grain, screen: Screen, happened: int | None = None, *, live: bool = True) -> list[str]:
    """The whole picture as lines no wider than the screen: with now while it is ``live``, then with when it ``happened``, if it did."""
    assert view.origin < view.horizon, "a question covers some time"
    signs = UNICODE if screen.unicode else ASCII
    plot = Plot(view.origin, view.horizon, screen.width - GUTTER - 1)
    chances = _columns(view.bars, plot)
    top, unit, name = _scale(chances, plot, grain)
    levels = [chance * unit * plot.columns / (plot.end - plot.start) / top for chance in chances]
    now = plot.at(view.now) if live and view.origin <= view.now < view.horizon else None
    rows = _bars(levels, plot, view, signs, now)
    labels = {0: _per_cent(top), 1: f"{'an' if name == 'hour' else 'a'} {name}", HEIGHT // 2: _per_cent(top / 2)}
    lines = [f"{labels.get(place, ''):>{GUTTER - 1}} {signs.side}{row.shown(screen)}" for place, row in enumerate(rows)]
    mark = (now, "now") if now is not None else None
    if happened is not None and view.origin <= happened < view.horizon:
        mark = (plot.at(happened), "happened")
    lines += _axis(plot, view.passed_until, zone, screen, mark)
    return [*lines, never_bar(view.never, screen)]


def _columns(bars: Sequence[wire.Bar], plot: Plot) -> list[float]:
    """The chance (0 to 1) that falls into each column, spread evenly inside each bar."""
    if not bars:
        return [0.0] * plot.columns
    starts = [bar.start for bar in bars]
    below = [0, *accumulate(bar.chance for bar in bars)]

    def before(instant: float) -> float:
        place = bisect_right(starts, instant) - 1
        if place < 0:
            return 0.0
        bar = bars[place]
        return below[place] + bar.chance * min(1.0, (instant - bar.start) / (bar.end - bar.start))

    sums = [before(edge) for edge in plot.edges()]
    return [max(0.0, (b - a) / 1_000_000) for a, b in pairwise(sums)]


def _scale(chances: Sequence[float], plot: Plot, grain: Grain) -> tuple[float, int, str]:
    """The top of the chance axis, and the piece of time that it is per: the finest, none finer than the grain, in which
    the peak is at least one per cent."""
    density = max(chances, default=0.0) * plot.columns / (plot.end - plot.start)
    units = [unit for unit in _UNITS if list(Grain).index(unit[0]) >= list(Grain).index(grain)]
    name, size = next((unit for unit in units if density * unit[1] >= 0.01), units[-1])
    peak = max(density * size, 1e-6)
    power = 10.0 ** math.floor(math.log10(peak))
    return next(power * nice for nice in _NICE if power * nice >= peak * 0.999), size, name.value


def _bars(levels: Sequence[float], plot: Plot, view: wire.CurveView, signs: Signs, now: int | None) -> list[_Row]:
    """The rows from the top down; whatever is possible at all shows at least the lowest mark."""
    steps, open_from = len(signs.levels) - 1, plot.at(view.passed_until) if view.passed_until > view.origin else 0
    rows = []
    for row in range(HEIGHT - 1, -1, -1):
        line = _Row([" "] * plot.columns)
        if now is not None:
            line.put(now, signs.now, "dim")
        for column, level in enumerate(levels):
            filled = round(max(0.0, min(1.0, level * HEIGHT - row)) * steps)
            if row == 0 and level > 0:
                filled = max(1, filled)
            if filled:
                line.put(column, signs.levels[filled], "accent")
        rows.append(line)
    if view.passed_until > view.origin and open_from >= 8:
        rows[-1].put((open_from - 6) // 2, "passed", "dim")
    return rows


def _axis(plot: Plot, passed_until: int, zone: str, screen: Screen, mark: tuple[int, str] | None, label: str = "0") -> list[str]:
    """The axis, its words, and beneath them the mark for now or for the occurrence."""
    signs = UNICODE if screen.unicode else ASCII
    line, words = _Row([signs.axis] * plot.columns), _Row([" "] * plot.columns)
    if passed_until > plot.start:
        stop = plot.columns if passed_until >= plot.end else plot.at(passed_until)
        line.put(0, signs.passed * stop, "dim")
    free = 0
    for tick in ticks(plot.start, plot.end, zone, Room(min(0.5, 13 / plot.columns), 0.0)):
        column = plot.at(tick.at)
        at = max(0, min(column - len(tick.label) // 2, plot.columns - len(tick.label)))
        if at >= free:
            line.put(column, signs.tick, line.styles[column])
            words.put(at, tick.label)
            free = at + len(tick.label) + 2
    lines = [f"{label:>{GUTTER - 1}} {signs.corner}{line.shown(screen)}", " " * (GUTTER + 1) + words.shown(screen)]
    if mark is None:
        return lines
    marks = _Row([" "] * plot.columns)
    _mark(marks, *mark, signs)
    return [*lines, " " * (GUTTER + 1) + marks.shown(screen)]


def _mark(row: _Row, column: int, word: str, signs: Signs) -> None:
    """A mark with its word on the side where there is room."""
    if column + len(word) + 2 <= len(row.signs):
        row.put(column, f"{signs.mark} {word}", "bold")
    else:
        row.put(column - len(word) - 1, f"{word} {signs.mark}", "bold")


def pins(
    guesses: Sequence[tuple[int, bool]], start: int, end: int, zone: str, screen: Screen, happened: int | None = None, *, piled: bool = True
) -> list[str]:
    """Guesses on the axis of [start, end), each (UTC microseconds, the reader's own or not): where they are ``piled``, one sign
    each while they are few, else columns; beneath the axis the reader's own, and when it ``happened``."""
    signs = UNICODE if screen.unicode else ASCII
    plot = Plot(start, end, screen.width - GUTTER - 1)
    counts, mine = [0] * plot.columns, _Row([" "] * plot.columns)
    for at, own in guesses:
        counts[plot.at(at)] += 1
        if own:
            mine.put(plot.at(at), signs.mark, "good")
    most, steps = max(counts), len(signs.levels) - 1
    height, lines = min(most, _PILE) if piled else 0, list[str]()
    for row in range(height - 1, -1, -1):
        line = _Row([" "] * plot.columns)
        for column, count in enumerate(counts):
            filled = round(max(0.0, min(1.0, count * height / most - row)) * steps)
            filled = max(filled, 1) if count and row == 0 else filled
            if filled:
                line.put(column, signs.pin if most <= _PILE else signs.levels[filled], "accent")
        lines.append(f"{most if row == height - 1 else '':>{GUTTER - 1}} {signs.side}{line.shown(screen)}")
    mark = (plot.at(happened), "happened") if happened is not None and start <= happened < end else None
    lines += _axis(plot, start, zone, screen, mark, "")
    if any(own for _, own in guesses):
        lines.append(f"{'you':>{GUTTER - 1}}  {mine.shown(screen)}".rstrip())
    return lines


def level_bar(share: int, width: int, screen: Screen) -> str:
    """A bar that lies: ``share`` in parts per million of ``width`` cells, at least a sign for more than nothing, and the rest dotted."""
    signs = UNICODE if screen.unicode else ASCII
    steps = len(signs.parts) - 1
    eighths = max(1 if share else 0, round(share * width * steps / 1_000_000))
    bar = signs.parts[-1] * (eighths // steps) + (signs.parts[eighths % steps] if eighths % steps else "")
    rest = ("·" if screen.unicode else ".") * (width - cells(bar))
    return screen.style(bar, "accent") + screen.style(rest, "dim")


def never_bar(never: int, screen: Screen) -> str:
    """Never, in parts per million of the whole: a bar that lies, on a scale of its own from 0 to 100 %."""
    side = (UNICODE if screen.unicode else ASCII).side
    width = min(_NEVER_BAR, screen.width - GUTTER - 12)
    return f"{'never':>{GUTTER - 1}} {side}{level_bar(never, width, screen)} {say_chance(never)}"


def strip(held: Sequence[tuple[int, int, int]], start: int, end: int, screen: Screen) -> str:
    """What a position pays at each moment, on the curve's axis: (start, end, micro-points), higher is more."""
    signs = UNICODE if screen.unicode else ASCII
    plot = Plot(start, end, screen.width - GUTTER - 1)
    most, steps = max((pays for _, _, pays in held), default=0), len(signs.levels) - 1
    row = _Row([" "] * plot.columns)
    for first, last, pays in held:
        level = max(1, round(pays * steps / most)) if pays > 0 else 0
        for column in range(plot.at(first), max(plot.at(first), plot.at(last - 1)) + 1):
            row.put(column, signs.levels[level], "good")
    return f"{'you':>{GUTTER - 1}} {signs.side}{row.shown(screen)}"


def spark(pieces: Sequence[int], width: int, screen: Screen) -> str:
    """A curve in one line of at most ``width`` cells: equal pieces of the time that is left."""
    if not pieces:
        return ""
    width = min(width, len(pieces))
    cutting = [len(pieces) * column // width for column in range(width + 1)]
    sums = [sum(pieces[a:b]) / (b - a) for a, b in pairwise(cutting)]
    levels, most = (UNICODE if screen.unicode else ASCII).levels, max(sums)
    return "".join(levels[max(1 if part > 0 else 0, round(part / most * (len(levels) - 1)))] if most else levels[0] for part in sums)


def _per_cent(chance: float) -> str:
    return f"{chance * 100:.3g} %" if chance >= 0.001 else f"{chance * 100:.0e}%"
