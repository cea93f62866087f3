"""What a replay found: a table for the terminal, JSON with everything, and a picture. Honest whatever it says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from rich.console import Console
from rich.table import Table

from anyday.lab.cases import Case
from anyday.lab.picture import picture
from anyday.lab.players import Kind
from anyday.market.scores import Said, calibration, calibration_error
from anyday.points import UNITS_A_POINT

MOMENTS: Final = ("opening", "90", "30", "7", "1", "over time")
MARKET: Final = "market"


class Scored(Protocol):
    """One curve at one moment of one question."""

    case: str
    moment: str
    curve: str
    log: float
    crps: float
    claims: tuple[Said, ...]


class Run(Protocol):
    """One pass through history."""

    without: Kind | None
    scored: list[Any]
    made: list[Any]
    refused: dict[str, int]
    house: list[int]
    bound: list[int]
    voided: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its title, headings and rows; the first ``words`` columns hold words, the others numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 2

    def show(self, console: Console) -> None:
        """Print it, a line between blocks that begin alike."""
        table = Table(title=self.title, title_justify="left")
        for place, heading in enumerate(self.headings):
            table.add_column(heading, justify="left" if place < self.words else "right")
        for row, below in zip(self.rows, [*self.rows[1:], ("",)], strict=True):
            # "without plan" says enough in a narrow terminal; the moment is said once a block
            table.add_row(*(cell.removeprefix("market ") for cell in row), end_section=row[0] != below[0])
        console.print(table)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A replay's findings: ``headings`` and ``table`` for a terminal, ``notes`` below them, ``json`` with everything, ``svg`` a picture;
    ``more`` tables follow the first."""

    name: str
    headings: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    json: dict[str, Any]
    svg: str
    more: tuple[Sheet, ...] = ()

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write ``replay-NAME.json`` and ``replay-NAME.svg`` to the folder, made where it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = folder / f"replay-{self.name}.json", folder / f"replay-{self.name}.svg"
        paths[0].write_text(json.dumps(self.json, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        paths[1].write_text(self.svg, encoding="utf-8")
        return paths

    def show(self, console: Console) -> None:
        """Print the tables and the notes."""
        for sheet in (Sheet(f"Replay of {self.name}", self.headings, self.table), *self.more):
            sheet.show(console)
        for note in self.notes:
            console.print(f"• {note}", highlight=False)


def report(name: str, seed: int, cases: Sequence[Case], runs: Sequence[Run]) -> ReplayResult:
    """Everything that was found, from the whole run and the runs without a kind of player."""
    figures = _figures(runs)
    rows = []
    for moment in MOMENTS:
        for (at, curve), figure in figures.items():
            if at == moment:
                rows.append(_row(moment, curve, figure))
    versus = {other: _versus(runs[0].scored, other) for other in ("plan", "record") if any(s.curve == other for s in runs[0].scored)}
    found: dict[str, Any] = {
        "replay": name,
        "seed": seed,
        "cases": len(cases),
        "never": sum(case.outcome is None for case in cases),
        "first": cases[0].key,
        "last": cases[-1].key,
        "scores": [{"when": at, "curve": curve, **figure} for (at, curve), figure in figures.items()],
        "market against": versus,
        "calibration": {curve: _levels(claims) for curve, claims in _claims(runs[0].scored).items()},
        "runs": [_run(run) for run in runs],
    }
    return ReplayResult(name, HEADINGS, tuple(rows), tuple(_notes(found, runs)), found, picture(name, found))


HEADINGS: Final = ("when", "curve", "cases", "log score", "CRPS", "calibration gap")


def _label(run: Run, curve: str) -> str:
    return curve if run.without is None else f"{MARKET} without {run.without}"


def _figures(runs: Sequence[Run]) -> dict[tuple[str, str], dict[str, Any]]:
    """Means by moment and curve; over time, the mean of each case's own mean."""
    figures = {}
    for run in runs:
        groups: dict[tuple[str, str], dict[str, list[Any]]] = {}
        for scored in run.scored:
            groups.setdefault((scored.moment, _label(run, scored.curve)), {}).setdefault(scored.case, []).append(scored)
        for key, by_case in groups.items():
            # moments counted back from the outcome were picked by it: what came true then says nothing about calibration
            picked = key[0] not in ("opening", "over time")
            claims = [] if picked else [claim for held in by_case.values() for scored in held for claim in scored.claims]
            figures[key] = {
                "cases": len(by_case),
                "log": _mean(_mean(s.log for s in held) for held in by_case.values()),
                "crps": _mean(_mean(s.crps for s in held) for held in by_case.values()),
                "calibration": calibration_error(calibration(claims)) if claims else None,
                "claims": len(claims),
            }
    return figures


def _when(moment: str) -> str:
    """The moment in words."""
    return {"opening": "after opening", "over time": "over time", "1": "1 day before"}.get(moment, f"{moment} days before")


def _row(moment: str, curve: str, figure: Mapping[str, Any]) -> tuple[str, ...]:
    gap = "" if figure["calibration"] is None else f"{figure['calibration']:.3f}"
    return _when(moment), curve, str(figure["cases"]), f"{figure['log']:.3f}", f"{figure['crps']:.4f}", gap


def _versus(scored: Sequence[Any], other: str) -> dict[str, dict[str, float]]:
    """The market less the other, case by case: mean, standard error over cases, and the share of cases in which the market did better."""
    found = {}
    for moment in MOMENTS:
        ours, theirs = (_by_case(scored, moment, curve) for curve in (MARKET, other))
        gaps = [ours[case] - theirs[case] for case in ours if case in theirs]
        if gaps:
            found[moment] = {
                "cases": len(gaps), "log": _mean(gaps), "error": _error(gaps), "better": sum(gap > 0 for gap in gaps) / len(gaps)
            }  # fmt: skip
    return found


def _by_case(scored: Sequence[Any], moment: str, curve: str) -> dict[str, float]:
    logs: dict[str, list[float]] = {}
    for one in scored:
        if (one.moment, one.curve) == (moment, curve):
            logs.setdefault(one.case, []).append(one.log)
    return {case: _mean(values) for case, values in logs.items()}


def _mean(values: Iterable[float]) -> float:
    held = list(values)
    return math.fsum(held) / len(held)


def _error(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    middle = _mean(values)
    return math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1) / len(values))


def _claims(scored: Sequence[Any]) -> dict[str, list[Said]]:
    """Every "before t" that was said at the evenly spaced moments, by curve."""
    claims: dict[str, list[Said]] = {}
    for one in scored:
        if one.moment == "over time":
            claims.setdefault(one.curve, []).extend(one.claims)
    return claims


def _levels(claims: Sequence[Said]) -> list[dict[str, float]]:
    return [
        {
            "from": level.low, "to": level.high, "count": level.count, "questions": level.questions,
            "stated": level.stated, "came_true": level.came_true, "least": level.least, "most": level.most,
        }
        for level in calibration(claims)
    ]  # fmt: skip


def _run(run: Run) -> dict[str, Any]:
    results = [units / UNITS_A_POINT for units in run.house]
    return {
        "players": "all" if run.without is None else f"without {run.without}",
        "bets": len(run.made),
        "bets_voided": run.voided,
        "refused": dict(sorted(run.refused.items())),
        "house_mean": _mean(results),
        "house_worst": min(results),
        "house_bound": -max(run.bound) / UNITS_A_POINT,
        "seconds": round(run.seconds, 1),
    }


def _notes(found: Mapping[str, Any], runs: Sequence[Run]) -> list[str]:
    notes = [f"{found['cases']} questions, {found['first']} to {found['last']}, {found['never']} of them never; seed {found['seed']}."]
    for other, moments in found["market against"].items():
        said = [
            f"{_when(at)} {gap['log']:+.2f} ± {gap['error']:.2f}"
            for at, gap in moments.items()
        ]
        notes.append(f"Log score, market less {other}, ± standard error (questions overlap, so it is too small): {'; '.join(said)}.")
    for run in found["runs"]:
        refused = sum(run["refused"].values())
        notes.append(
            f"{run['players'].capitalize()}: {run['bets']:,} bets ({refused} refused, {run['bets_voided']} voided by a cut); "
            f"the house's result {run['house_mean']:+.1f} "
            f"points a question, at worst {run['house_worst']:+.1f} (bound {run['house_bound']:+.1f}); {run['seconds']} s."
        )
    assert len(runs) == len(found["runs"])
    notes.append(
        "Log score: higher is better. CRPS over the question's time, in [0, 1]: lower is better. Calibration gap: of P(before t), at "
        "moments that do not depend on the outcome; lower is better. "
        "How it was played and compared: lab/README.md."
    )
    return notes
