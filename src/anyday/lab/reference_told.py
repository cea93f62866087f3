"""What the replay of reference classes found: tables, JSON and a picture."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from anyday.lab.folder import BadData
from anyday.lab.plot import BLUE, FAINT, GREY, INK, ORANGE, PURPLE, SOFT, Axis, bar, drawing, line, mark, rule, text
from anyday.lab.reference import CURVES, Found, Progress, Record, Scored, records, run, spread
from anyday.lab.report import ReplayResult, Sheet
from anyday.market.scores import d_calibration

_HEADINGS: Final = ("record", "curve", "cases", "open", "log", "CRPS", "days", "χ²", "p")
_NAMES: Final = {"schools": "School construction, New York", "cpython": "CPython milestones"}
_LEVELS: Final = 10


def replay(data: Path, out: Path | None = None, cases: int | None = None, progress: Progress | None = None) -> ReplayResult:
    """Make and score the curves for the cases in the folder ``data``, or for ``cases`` of them in each record; write JSON and SVG to
    the folder ``out`` if given. Raises ``BadData``."""
    started, known, done = time.perf_counter(), records(data), 0
    total = sum(len(spread(record.cases, cases)) for record in known)
    if not total:
        raise BadData("nyc_school_construction.csv holds no case, and neither do the milestones.")
    found = []
    for record in known:

        def step(record: Record = record) -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, total, f"reference, {record.name}")

        found.append(run(record, cases, step))
    result = told(found, time.perf_counter() - started)
    if out is not None:
        result.write(out)
    return result


def told(found: Sequence[Found], seconds: float) -> ReplayResult:
    """Tables, notes, JSON and picture of what was found."""
    json: dict[str, Any] = {"replay": "reference", "seconds": round(seconds, 1), "records": [_record(one) for one in found]}
    rows = tuple(
        (
            record["record"], figure["curve"], f"{figure['cases']:,}", f"{figure['open']:,}", f"{figure['log']:.3f}", f"{figure['crps']:.4f}",
            f"{figure['days']:.1f}", f"{figure['statistic']:.0f}", _p(figure["p"]),
        )
        for record in json["records"]
        for figure in record["curves"]
    )  # fmt: skip
    return ReplayResult("reference", _HEADINGS, rows, tuple(_notes(json)), json, picture(json), tuple(_sheet(record) for record in json["records"]))


def _p(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 else "<0.01"


def _record(found: Found) -> dict[str, Any]:
    record, scored = found.record, found.scored
    groups = sorted({one.group for one in scored})
    return {
        "record": record.name, "cases": len(record.cases), "until": record.until.isoformat(), "left_out": dict(record.left_out),
        "classes": dict(found.classes), "curves": [_figure(scored, curve) for curve in CURVES if scored],
        "by_class": [{"class": group, **_figure([one for one in scored if one.group == group], curve)} for group in groups for curve in CURVES],
        "known_only": [_figure(held, curve) for curve in CURVES if (held := [one for one in scored if one.known])],
        "prior against": [_versus(scored, ours, theirs) for ours in ("prior", "stretched") for theirs in ("plan", "uniform") if scored],
    }  # fmt: skip


def _figure(scored: Sequence[Scored], curve: str) -> dict[str, Any]:
    held = [one for one in scored if one.curve == curve]
    fit = d_calibration([one.pit for one in held], _LEVELS)
    return {
        "curve": curve, "cases": len(held), "open": sum(not one.known for one in held), "log": _mean([one.log for one in held]),
        "crps": _mean([one.crps for one in held]), "days": _mean([one.days for one in held]), "pit": list(fit.counts),
        "statistic": fit.statistic, "p": fit.p_value,
    }  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _versus(scored: Sequence[Scored], ours: str, theirs: str) -> dict[str, Any]:
    """One curve less another, case by case: the mean of the log scores and of the CRPS in days, each with its standard error."""
    by_curve = {name: [one for one in scored if one.curve == name] for name in (ours, theirs)}
    pairs = list(zip(by_curve[ours], by_curve[theirs], strict=True))
    logs, days = [a.log - b.log for a, b in pairs], [a.days - b.days for a, b in pairs]
    return {"ours": ours, "theirs": theirs, "log": _mean(logs), "log_error": _error(logs), "days": _mean(days), "days_error": _error(days)}


def _error(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    middle = _mean(values)
    return math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1) / len(values))


def _sheet(record: dict[str, Any]) -> Sheet:
    rows = tuple(
        (
            figure["class"], figure["curve"], f"{figure['cases']:,}", f"{figure['open']:,}", f"{figure['log']:.2f}", f"{figure['crps']:.4f}",
            f"{figure['days']:.1f}",
        )
        for figure in record["by_class"]
    )  # fmt: skip
    return Sheet(f"By class: {record['record']}", ("class", *_HEADINGS[1:7]), rows)


def _notes(json: dict[str, Any]) -> Iterable[str]:
    for record in json["records"]:
        used, none = record["classes"], record["classes"].get("none", 0)
        out = "".join(f"; {count} left out: {why}" for why, count in record["left_out"].items())
        yield (
            f"{record['record']}: {record['cases']:,} cases to {record['until']}{out}. The class was the fine one for {used.get('fine', 0):,}, "
            f"the coarse one for {used.get('coarse', 0):,}; {none:,} came before there was a record to speak of and are not scored."
        )
        for gap in record["prior against"]:
            if gap["theirs"] == "plan":
                yield (
                    f"{record['record']}, {gap['ours']} less plan, ± standard error over cases (they overlap, so it is too small): log score "
                    f"{_signed(gap['log'], gap['log_error'], 3)}, CRPS {_signed(gap['days'], gap['days_error'], 1)} days."
                )
    yield (
        "Known at the start: what had ended by its eve counts, what was running is censored. The schools’ planned end is the one last recorded, "
        "which may have been moved with hindsight: it flatters the plan, and a little the stretched class. CPython’s is the first plan. "
        "Phases of one project are cases of their own, and often share their dates."
    )
    yield (
        "Log score: higher is better. CRPS, and the same in days: lower is better. Of a case still open, both are of what was seen until the record "
        "ends. χ² of the outcomes' places in the curves (PIT): "
        f"D-calibration over {_LEVELS} steps; small, and p large, where the curves are calibrated. {json['seconds']} s. More: lab/README.md."
    )


def _signed(value: float, error: float | None, digits: int) -> str:
    return f"{value:+.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


# the picture

#: Colour, dashes and shape.
_STYLES: Final = {
    "prior": (BLUE, "", "circle"), "stretched": (PURPLE, "5 3", "diamond"), "plan": (ORANGE, "7 4", "square"), "uniform": (GREY, "10 3", "ring"),
}  # fmt: skip
_ROW: Final = 290


def picture(json: dict[str, Any]) -> str:
    """A row a record: CRPS in days and log score by class, and how evenly the outcomes lie in the curves."""
    shown = [record for record in json["records"] if record["curves"]]
    cases = sum(record["curves"][0]["cases"] for record in shown)
    words = "; ".join(
        f"{record['record']}, {figure['curve']}: log {figure['log']:.2f}, CRPS {figure['days']:.0f} days"
        for record in shown
        for figure in record["curves"]
    )
    parts = [part for place, record in enumerate(shown) for part in _row(record, 44 + _ROW * place)]
    height = 44 + _ROW * len(shown) + 40
    return drawing(960, height, f"Replay of reference classes: {cases:,} cases", words, [*parts, *_legend(height - 24)])


def _row(record: dict[str, Any], top: float) -> Iterable[str]:
    figure = record["curves"][0]
    yield text(16, top + 14, _NAMES.get(record["record"], record["record"]), fill=INK, size=13, bold=True)
    yield text(944, top + 14, f"{figure['cases']:,} cases, {figure['open']:,} still open", "end", SOFT)
    yield from _by_class(record, "days", 16, top, "CRPS in days (further left is better)", 0)
    yield from _by_class(record, "log", 350, top, "Log score (further right is better)", 1)
    yield from _even(record, 704, top)


def _by_class(record: dict[str, Any], what: str, left: float, top: float, title: str, digits: int) -> Iterable[str]:
    """One line a class, and one for all: a mark for each curve."""
    groups: dict[str, dict[str, float]] = {"all": {figure["curve"]: figure[what] for figure in record["curves"]}}
    for figure in record["by_class"]:
        groups.setdefault(figure["class"], {})[figure["curve"]] = figure[what]
    values = [value for held in groups.values() for value in held.values()]
    low, high = (0.0, max(values)) if what == "days" else (min(values), min(0.0, max(values)))
    step = _step((high - low) / 4)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    axis, bottom = Axis(low, high, left + 92, left + 292), top + 232
    yield text(left + 92, top + 42, title, fill=INK, bold=True)
    for turn in range(round((high - low) / step) + 1):
        value = low + turn * step
        yield rule(axis.at(value), top + 54, axis.at(value), bottom)
        yield text(axis.at(value), bottom + 16, f"{value:.{digits}f}".replace("-", "−"), "middle")
    for place, (group, held) in enumerate(groups.items()):
        y = top + 54 + (bottom - top - 54) * (place + 0.5) / len(groups)
        yield text(left + 84, y + 4, group, "end", INK if place == 0 else "#444", bold=place == 0)
        yield rule(axis.at(min(held.values())), y, axis.at(max(held.values())), y, FAINT, 4)
        for curve in reversed(CURVES):
            colour, _, shape = _STYLES[curve]
            yield mark(axis.at(held[curve]), y, colour, shape, 4.6)


def _step(least: float) -> float:
    """A round step, at least this large."""
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    return next(power * times for times in (1, 2, 2.5, 5, 10) if power * times >= least)


def _even(record: dict[str, Any], left: float, top: float) -> Iterable[str]:
    """The share of the outcomes in each tenth of the curves: a level line if they are calibrated."""
    shares = {figure["curve"]: [count / figure["cases"] for count in figure["pit"]] for figure in record["curves"]}
    most = max(0.2, *(share for held in shares.values() for share in held))
    up, across, bottom = Axis(0.0, most * 1.05, top + 232, top + 54), Axis(0, _LEVELS, left, left + 200), top + 232
    yield text(left, top + 42, "Outcomes in each tenth of the curve", fill=INK, bold=True)
    step = _step(most / 4)
    for turn in range(1, int(most * 1.05 / step) + 1):
        yield rule(left, up.at(turn * step), left + 200, up.at(turn * step))
        yield text(left - 5, up.at(turn * step) + 4, f"{turn * step * 100:.0f} %", "end")
    yield bar(left, up.at(0.1) - 1, 200, 2, "#bbb")
    yield text(left + 204, up.at(0.1) + 4, "even", "start", SOFT, 10)
    yield rule(left, bottom, left + 200, bottom, "#666")
    for turn in (0, 5, 10):
        yield text(across.at(turn), bottom + 16, f"{turn * 10} %", "middle")
    for curve in reversed(CURVES):
        colour, dashes, shape = _STYLES[curve]
        yield line([(across.at(place + 0.5), up.at(share)) for place, share in enumerate(shares[curve])], colour, 1.8, dashes, shape)


def _legend(y: float) -> Iterable[str]:
    names = {"prior": "prior of the class", "stretched": "stretched: the class in units of its plans", "plan": "official plan", "uniform": "uniform"}
    x = 108.0
    for curve in CURVES:
        colour, dashes, shape = _STYLES[curve]
        yield line([(x, y), (x + 34, y)], colour, 2, dashes, "")
        yield mark(x + 17, y, colour, shape, 4)
        yield text(x + 42, y + 4, names[curve])
        x += 62 + 6.2 * len(names[curve])
