"""The picture of a replay: scores towards the outcome, and calibration, as one SVG that stands alone. Every number in it is in the JSON too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from anyday.lab.plot import drawing, line, text

_MOMENTS: Final = (("opening", "opening"), ("90", "90 d"), ("30", "30 d"), ("7", "7 d"), ("1", "1 d"))
#: Colours that people with any colour vision tell apart; line styles say the same again.
_STYLES: Final = {
    "market": ("#0b5fa5", ""), "plan": ("#c2571a", "7 4"), "record": ("#3a7d44", "2 4"),
    "market without plan": ("#8a8a8a", "10 3"), "market without record": ("#8a8a8a", "4 4"), "market without noisy": ("#8a8a8a", "1 3"),
}  # fmt: skip
_WIDTH: Final = 900
_HEIGHT: Final = 380


def picture(name: str, found: Mapping[str, Any]) -> str:
    """Three panels: log score and CRPS at the moments counted back from the outcome, and calibration of P(before t)."""
    title = f"Replay of {name}: {found['cases']} questions, seed {found['seed']}"
    parts = [
        *_scores(found, "log", 60, "Log score (higher is better)"),
        *_scores(found, "crps", 360, "CRPS (lower is better)"),
        *_calibration(found, 660),
        *_legend(found),
    ]
    return drawing(_WIDTH, _HEIGHT, title, _words(found), parts)


def _words(found: Mapping[str, Any]) -> str:
    over_time = [f"{s['curve']} {s['log']:.2f}" for s in found["scores"] if s["when"] == "over time"]
    return f"Mean log score over time: {', '.join(over_time)}."


def _curves(found: Mapping[str, Any]) -> list[str]:
    shown = {score["curve"] for score in found["scores"]}
    return [curve for curve in _STYLES if curve in shown]


def _scores(found: Mapping[str, Any], what: str, left: int, title: str) -> Iterable[str]:
    values = {(score["curve"], score["when"]): score[what] for score in found["scores"]}
    moments = [(at, label) for at, label in _MOMENTS if any(when == at for _, when in values)]
    shown = [value for (_, at), value in values.items() if at in dict(moments)]
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    if what == "crps":
        low = 0.0
    span = (high - low) or 1.0
    yield from _frame(left, title)
    for step in range(5):
        value = low + span * step / 4
        yield text(left - 6, 250 - 190 * step / 4 + 4, f"{value:.2f}", "end")
    for place, (_, label) in enumerate(moments):
        yield text(left + _x(place, len(moments)), 266, label, "middle")
    for curve in reversed(_curves(found)):
        held = [(place, values[curve, at]) for place, (at, _) in enumerate(moments) if (curve, at) in values]
        yield _line(curve, [(left + _x(place, len(moments)), 250 - 190 * (value - low) / span) for place, value in held])


def _calibration(found: Mapping[str, Any], left: int) -> Iterable[str]:
    yield from _frame(left, "Said and came true, P(before t)")
    yield f'<path d="M{left} 250 L{left + 220} 60" stroke="#bbb" fill="none"/>'
    for step in range(5):
        yield text(left - 6, 250 - 190 * step / 4 + 4, f"{step * 25} %", "end")
        yield text(left + 55 * step, 266, f"{step * 25} %", "middle")
    for curve, levels in found["calibration"].items():
        points = [(left + 220 * level["stated"], 250 - 190 * level["came_true"]) for level in levels]
        yield _line(curve, points)


def _x(place: int, moments: int) -> float:
    return 10 + 200 * place / max(1, moments - 1)


def _frame(left: int, title: str) -> Iterable[str]:
    yield text(left, 50, title, fill="#222", size=12, bold=True)
    yield f'<path d="M{left} 60 V250 H{left + 220}" stroke="#666" fill="none"/>'


def _line(curve: str, points: Sequence[tuple[float, float]]) -> str:
    colour, dashes = _STYLES.get(curve, ("#000", ""))
    return line(points, colour, 1.2 if curve.startswith("market without") else 2.2, dashes)


def _legend(found: Mapping[str, Any]) -> Iterable[str]:
    for place, curve in enumerate(_curves(found)):
        x, y = 60 + 280 * (place % 3), 305 + 24 * (place // 3)
        yield _line(curve, [(x, y - 4), (x + 34, y - 4)])
        yield text(x + 42, y, curve, "start")
    yield text(60, 365, "Left and middle: days before the outcome. Calibration: at even steps of the questions' time. More: lab/README.md.", "start")
