"""The little that all pictures of the laboratory share: one SVG that stands alone, its words, axes, lines and labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

#: Colours that people with any colour vision tell apart; dashes say the same again.
BLUE: Final = "#0b5fa5"
ORANGE: Final = "#c2571a"
GREEN: Final = "#3a7d44"
PURPLE: Final = "#7a4c9e"
GREY: Final = "#8a8a8a"
INK: Final = "#222"
SOFT: Final = "#555"
FAINT: Final = "#e4e4e4"


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from ``low`` to ``high`` laid from ``start`` to ``end`` on the picture; what lies outside is moved to the nearer end."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies."""
        span = (self.high - self.low) or 1.0
        return self.start + (self.end - self.start) * min(1.0, max(0.0, (value - self.low) / span))


def drawing(width: int, height: int, title: str, words: str, parts: Iterable[str]) -> str:
    """A whole picture with its title, and its words for those who do not see it."""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d"',
        'font-family="sans-serif" font-size="12">',
        f'<title id="t">{escape(title)}</title>',
        f'<desc id="d">{escape(words)}</desc>',
        f'<rect width="{width}" height="{height}" fill="#fff"/><text x="16" y="24" font-size="15" fill="{INK}">{escape(title)}</text>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def text(x: float, y: float, said: str, anchor: str = "start", fill: str = "#444", size: int = 11, bold: bool = False) -> str:
    """Words at a place; ``anchor`` is start, middle or end."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size}"{weight}>{escape(said)}</text>'


def rule(x1: float, y1: float, x2: float, y2: float, colour: str = FAINT, width: float = 1.0, dashes: str = "") -> str:
    """A straight line."""
    return f'<path d="M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dashes}" fill="none"/>'


def mark(x: float, y: float, colour: str, shape: str, size: float = 5.0) -> str:
    """A mark whose shape says the same as its colour: circle, square, diamond or ring."""
    if shape == "square":
        return bar(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8, colour)
    if shape == "diamond":
        s = size * 1.25
        return f'<path d="M{x:.1f} {y - s:.1f} L{x + s:.1f} {y:.1f} L{x:.1f} {y + s:.1f} L{x - s:.1f} {y:.1f} Z" fill="{colour}"/>'
    return dot(x, y, colour, size * (0.85 if shape == "ring" else 1.0), hollow=shape == "ring")


def dot(x: float, y: float, colour: str, size: float = 3.0, hollow: bool = False) -> str:
    """A point; a hollow one lets what lies under it be seen."""
    fill = f'fill="#fff" stroke="{colour}" stroke-width="1.6"' if hollow else f'fill="{colour}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" {fill}/>'


def line(points: Sequence[tuple[float, float]], colour: str, width: float = 2.2, dashes: str = "", shape: str = "dot") -> str:
    """A line through points, which are marked by their shape, a small dot unless told otherwise; "" for none."""
    path = " ".join(f"{'M' if place == 0 else 'L'}{x:.1f} {y:.1f}" for place, (x, y) in enumerate(points))
    marks = "".join(dot(x, y, colour, 2.4) if shape == "dot" else mark(x, y, colour, shape, 3.6) for x, y in points) if shape else ""
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dashes}" fill="none"/>{marks}'


def bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{max(0.0, height):.1f}" fill="{colour}"/>'
