"""What the replay of real orders found: tables, JSON and a picture."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from anyday.lab.folder import BadData
from anyday.lab.gjp import ASSUMED, CURVES, FIRST_DAY, LAST, MARKS, Book, Played, Progress, Scored, books, mean, play, versus
from anyday.lab.plot import BLUE, FAINT, GREEN, GREY, INK, ORANGE, SOFT, Axis, dot, drawing, line, mark, rule, text
from anyday.lab.report import ReplayResult, Sheet
from anyday.points import UNITS_A_POINT

#: Colour, dashes and shape.
_STYLES: Final = {
    "market": (BLUE, "", "circle"), "midpoint": (ORANGE, "7 4", "diamond"), "mean of limits": (GREEN, "2 4", "square"),
    "even": (GREY, "10 3", "ring"),
}  # fmt: skip
_SHORT: Final = dict(zip(MARKS, ("day 1", "¼", "½", "¾", "just before"), strict=True))
_WORDS: Final = dict(zip(MARKS, ("first day", "a quarter", "halfway", "3 quarters", "just before"), strict=True))
_SCORES: Final = ("brier", "ordered", "log", "crps")
_RULED: Final = (0.0, 0.5, 1.0, 1.5)


def replay(data: Path, out: Path | None = None, progress: Progress | None = None) -> ReplayResult:
    """Play the orders in the folder ``data``; write JSON and SVG to the folder ``out`` if given. Raises ``BadData``."""
    played, left_out = books(data)
    if not played:
        raise BadData("gjp_when_questions.csv holds no question with orders that could be played.")
    found = asyncio.run(play(played, progress or (lambda done, total, said: None)))
    result = told(played, left_out, found)
    if out is not None:
        result.write(out)
    return result


def told(played: Sequence[Book], left_out: Counter[str], found: Played) -> ReplayResult:
    """Tables, notes, JSON and picture of what was found."""
    figures = [_figure(found.scored, mark, curve, None) for mark in MARKS for curve in CURVES]
    kinds = sorted({book.arm for book in played})
    arms = [_figure(found.scored, mark, curve, arm) for arm in kinds for mark in MARKS for curve in CURVES]
    json: dict[str, Any] = {
        "replay": "gjp", "books": len(played), "questions": len({book.ifp for book in played}), "left_out": dict(left_out),
        "never": len({book.ifp for book in played if book.outcome is None}), "assumed": list(ASSUMED),
        "scores": [figure for figure in figures if figure["books"]], "arms": [figure for figure in arms if figure["books"]],
        "market against": [_versus(found.scored, mark, other) for mark in MARKS for other in CURVES[1:] if _has(found.scored, mark)],
        "orders": dict(found.orders), "first_day": sum(order.at.date() == book.opened for book in played for order in book.orders),
        "house_mean": mean(found.house) / UNITS_A_POINT, "house_worst": min(found.house) / UNITS_A_POINT,
        "bound_mean": -mean(found.bound) / UNITS_A_POINT, "voided": found.voided, "seconds": round(found.seconds, 1),
        "single": [
            {"book": f"{one.ifp} {one.arm}", "when": one.mark, "curve": one.curve, **{name: getattr(one, name) for name in _SCORES}}
            for one in found.scored
        ],
    }  # fmt: skip
    rows = tuple((_WORDS[figure["when"]], figure["curve"], *_numbers(figure)) for figure in json["scores"])
    by_arm = tuple((figure["arm"], figure["curve"], *_numbers(figure)) for figure in json["arms"] if figure["when"] == FIRST_DAY)
    headings = ("curve", "books", "Brier", "ordered", "log", "CRPS")
    more = (Sheet("By arm, after the first day", ("arm", *headings), by_arm),)
    return ReplayResult("gjp", ("when", *headings), rows, tuple(_notes(json)), json, picture(json), more)


def _has(scored: Sequence[Scored], mark: str) -> bool:
    return any(one.mark == mark for one in scored)


def _figure(scored: Sequence[Scored], mark: str, curve: str, arm: str | None) -> dict[str, Any]:
    """Means over the books at one mark, of all arms or of one."""
    held = [one for one in scored if (one.mark, one.curve) == (mark, curve) and arm in (None, one.arm)]
    figure: dict[str, Any] = {"when": mark, "curve": curve, "arm": arm or "all", "books": len(held)}
    if held:
        figure |= {name: mean(getattr(one, name) for one in held) for name in _SCORES}
    return figure


def _numbers(figure: dict[str, Any]) -> tuple[str, ...]:
    return str(figure["books"]), f"{figure['brier']:.3f}", f"{figure['ordered']:.3f}", f"{figure['log']:.3f}", f"{figure['crps']:.3f}"


def _versus(scored: Sequence[Scored], mark: str, other: str) -> dict[str, Any]:
    gap, error, questions = versus(scored, mark, other)
    return {"when": mark, "other": other, "brier": gap, "error": error if error == error else None, "questions": questions}


def _notes(json: dict[str, Any]) -> Iterable[str]:
    out = "; ".join(f"{count} because {why}" for why, count in json["left_out"].items()) or "none"
    yield f"{json['books']} books of {json['questions']} questions, {json['never']} of which ended as never. Questions left out: {out}."
    for other in CURVES[1:]:
        gaps = [
            f"{gap['when']} {gap['brier']:+.3f}" + ("" if gap["error"] is None else f" ± {gap['error']:.3f}") + f" ({gap['questions']} questions)"
            for gap in json["market against"]
            if gap["other"] == other
        ]
        yield f"Brier, market less {other} (below zero: the market did better), ± standard error over questions: {'; '.join(gaps)}."
    orders = "; ".join(f"{count:,} {what}" for what, count in sorted(json["orders"].items(), key=lambda item: -item[1]))
    yield (
        f"{sum(json['orders'].values()):,} orders, {json['first_day']:,} of them on the day when their question opened (after that, time alone "
        f"moves the curves): {orders}; {json['voided']} bets voided by a cut."
    )
    yield (
        f"The house's result {json['house_mean']:+.1f} points a book, at worst {json['house_worst']:+.1f} "
        f"(bound {json['bound_mean']:+.1f} on average); {json['seconds']} s."
    )
    for said in ASSUMED:
        yield f"Assumed: {said}."
    yield (
        "Brier: Σ over the options of (chance − came true)², 0 to 2; ordered Brier: the mean over the cuts between options. Lower is better, of CRPS "
        "too; log score of the option: higher is better. Where most questions end as never, waiting alone betters every curve. More: lab/README.md."
    )


# the picture


def picture(json: dict[str, Any]) -> str:
    """Brier by mark; Brier of each book, market against midpoint; and by arm."""
    title = f"Replay of real orders: {json['books']} books of {json['questions']} questions"
    words = ", ".join(f"{f['curve']} {f['brier']:.2f}" for f in json["scores"] if f["when"] == FIRST_DAY)
    parts = [*_by_mark(json, 60), *_books(json, 385), *_by_arm(json, 690), *_legend()]
    return drawing(960, 400, title, f"Mean Brier score after the first day: {words}.", parts)


def _panel(left: float, width: float, title: str) -> Iterable[str]:
    yield text(left, 56, title, fill=INK, size=12, bold=True)
    yield rule(left, 310, left + width, 310, "#666")


def _scale(left: float, width: float, axis: Axis, values: Sequence[float]) -> Iterable[str]:
    for value in values:
        yield rule(left, axis.at(value), left + width, axis.at(value))
        yield text(left - 6, axis.at(value) + 4, f"{value:.1f}", "end")


def _by_mark(json: dict[str, Any], left: float) -> Iterable[str]:
    values = {(figure["curve"], figure["when"]): figure for figure in json["scores"]}
    shown = [mark for mark in MARKS if ("market", mark) in values]
    top = max(0.5, *(figure["brier"] for figure in values.values()))
    axis, across = Axis(0.0, top * 1.05, 310, 80), Axis(0, max(1, len(shown) - 1), left + 18, left + 230)
    yield from _panel(left, 250, "Brier score (lower is better)")
    yield from _scale(left, 250, axis, [value / 5 for value in range(1, 11) if value / 5 <= top * 1.05])
    for place, when in enumerate(shown):
        yield text(across.at(place), 328, _SHORT[when], "middle")
        yield text(across.at(place), 342, f"n = {values['market', when]['books']}", "middle", SOFT, 10)
    for curve in reversed(CURVES):
        colour, dashes, shape = _STYLES[curve]
        points = [(across.at(place), axis.at(values[curve, when]["brier"])) for place, when in enumerate(shown) if (curve, when) in values]
        yield line(points, colour, 2.2, dashes, shape)


def _books(json: dict[str, Any], left: float) -> Iterable[str]:
    pairs: dict[str, dict[str, float]] = {}
    for one in json["single"]:
        if one["when"] == FIRST_DAY:
            pairs.setdefault(one["book"], {})[one["curve"]] = one["brier"]
    most = max((value for pair in pairs.values() for value in pair.values()), default=1.0) * 1.05
    across, up = Axis(0.0, most, left, left + 230), Axis(0.0, most, 310, 80)
    yield from _panel(left, 230, "Each book after the first day")
    yield from _scale(left, 230, up, [value for value in _RULED if value <= most])
    for value in _RULED:
        if value <= most:
            yield text(across.at(value), 328, f"{value:.1f}", "middle")
    yield rule(left, 310, left + 230, 80, "#999", 1.2)
    yield text(left + 115, 342, "Brier score of the midpoint; upwards, of the market", "middle", SOFT)
    yield text(left + 6, 92, "midpoint better", fill=SOFT)
    yield text(left + 224, 302, "market better", "end", SOFT)
    for pair in pairs.values():
        yield dot(across.at(pair["midpoint"]), up.at(pair["market"]), BLUE, 3.2, hollow=True)


def _by_arm(json: dict[str, Any], left: float) -> Iterable[str]:
    """One row an arm: a dot for each curve, joined."""
    shown = [figure for figure in json["arms"] if figure["when"] == FIRST_DAY]
    arms = sorted({figure["arm"] for figure in shown})
    values = [figure["brier"] for figure in shown]
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = 0.08 * ((high - low) or 1.0)
    axis = Axis(low - margin, high + margin, left + 60, left + 240)
    yield from _panel(left, 240, "By arm, after the first day")
    for value in (low, high):
        yield rule(axis.at(value), 80, axis.at(value), 310)
        yield text(axis.at(value), 328, f"{value:.2f}", "middle")
    yield text(left + 150, 342, "Brier score (further left is better)", "middle", SOFT)
    for place, arm in enumerate(arms):
        y = 80 + 230 * (place + 0.5) / len(arms)
        held = {figure["curve"]: figure["brier"] for figure in shown if figure["arm"] == arm}
        yield text(left, y + 4, arm)
        yield rule(axis.at(min(held.values())), y, axis.at(max(held.values())), y, FAINT, 4)
        for curve in reversed(CURVES):
            colour, _, shape = _STYLES[curve]
            yield mark(axis.at(held[curve]), y, colour, shape)


def _legend() -> Iterable[str]:
    for place, curve in enumerate(CURVES):
        colour, dashes, shape = _STYLES[curve]
        x = 60 + 160 * place
        yield line([(x, 370), (x + 34, 370)], colour, 2.2, dashes, "")
        yield mark(x + 17, 370, colour, shape, 3.6)
        yield text(x + 42, 374, curve)
    yield text(700, 374, f"“{LAST}”: before the day on which it happened", fill=SOFT, size=10)
