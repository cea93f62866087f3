"""What the replay of real guesses found: tables, JSON and a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from anyday.instants import Grain
from anyday.lab.folder import BadData
from anyday.lab.guesses import VARIANTS, Played, Progress, Scored, Winner, curves, play, pools, scores, winners
from anyday.lab.plot import BLUE, GREEN, INK, ORANGE, SOFT, Axis, bar, drawing, line, mark, rule, text
from anyday.lab.report import ReplayResult, Sheet
from anyday.market.curve import Curve
from anyday.points import UNITS_A_POINT
from anyday.refusals import Reason

NOT_KNOWN: Final = "not known"
_HEADINGS: Final = ("pool", "by", "entries", "left out", "typed", "again", "refused", "stand")
_WHO: Final = {"nearest": "nearest", "not_past": "not past"}
_MARGIN: Final = timedelta(days=4)


def replay(data: Path, out: Path | None = None, progress: Progress | None = None) -> ReplayResult:
    """Play the pools in the folder ``data``; write JSON and SVG to the folder ``out`` if given. Raises ``BadData``."""
    found = pools(data)
    if not found:
        raise BadData("human_date_pools.csv holds no pool.")
    played = []
    for done, pool in enumerate(found):
        if progress is not None:
            progress(done, len(found), f"guesses, {pool.key}")
        played.append(_Told(play(pool)))
    if progress is not None:
        progress(len(found), len(found), "guesses")
    result = told(played)
    if out is not None:
        result.write(out)
    return result


class _Told:
    """One pool played, with its curves, scores and winners."""

    def __init__(self, played: Played) -> None:
        self.played, self.pool = played, played.pool
        self.curves: dict[str, Curve] = curves(played)
        self.scores: dict[str, Scored] = {one.curve: one for one in scores(played, self.curves)}
        self.winners: list[Winner] = winners(played) if self.pool.outcome is not None else []

    @property
    def official(self) -> str:
        """The outcome in words, or that it is not known."""
        if self.pool.outcome is None:
            return NOT_KNOWN
        return self.pool.say(self.pool.happened[0]) if self.pool.happened else "never"

    def json(self) -> dict[str, Any]:
        """Everything about the pool."""
        played = self.played
        return {
            "pool": self.pool.key, "question": self.pool.title, "zone": self.pool.horizon.zone, "grain": self.pool.grain.value,
            "official": None if self.pool.outcome is None else self.official, "entries": len(self.pool.typed),
            "left_out": dict(played.left_out), "as_typed": played.as_typed, "without_seconds": played.without_seconds,
            "as_the_file_reads_it": played.as_read, "replaced": played.replaced,
            "refused": {reason.code: count for reason, count in sorted(played.refused.items(), key=_by_count)},
            "stand": len(played.game.guesses), "staked": played.game.escrow / UNITS_A_POINT,
            "curves": [self._curve(name) for name in self.curves],
            "winners": [
                {"variant": won.variant.value, "entrant": won.entrant, "guess": won.guess, "off": won.off, "points": won.paid / UNITS_A_POINT}
                for won in self.winners
            ],
        }  # fmt: skip

    def _curve(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"curve": name, "quantiles": [self.quantile(name, chance) for chance in (0.25, 0.5, 0.75)]}
        if name in self.scores:
            one = self.scores[name]
            found |= {"crps": one.crps, "crps_days": one.days, "log": one.log, "chance_of_the_day": one.day}
        return found

    def quantile(self, name: str, chance: float) -> str | None:
        """The day before which it has happened with that chance."""
        place = self.curves[name].quantile(chance)
        return None if place is None else f"{self.pool.local(min(int(place), self.pool.horizon.count - 1)):%Y-%m-%d}"


def _by_count(item: tuple[Reason, int]) -> tuple[int, str]:
    return -item[1], item[0].code


def told(played: Sequence[_Told]) -> ReplayResult:
    """Tables, notes, JSON and picture of what was found."""
    json: dict[str, Any] = {"replay": "guesses", "pools": [one.json() for one in played]}
    rows = tuple(
        (
            p["pool"], p["grain"], str(p["entries"]), str(sum(p["left_out"].values())), str(p["as_typed"]),
            str(p["without_seconds"] + p["as_the_file_reads_it"]), str(sum(p["refused"].values())), str(p["stand"]),
        )
        for p in json["pools"]
    )  # fmt: skip
    return ReplayResult("guesses", _HEADINGS, rows, tuple(_notes(played)), json, picture(played), (_curve_sheet(json), _winner_sheet(json)))


def _curve_sheet(json: dict[str, Any]) -> Sheet:
    rows = []
    for pool in json["pools"]:
        for curve in pool["curves"]:
            low, middle, high = (_short(day) for day in curve["quantiles"])
            numbers = ("", "", "")
            if "crps" in curve:
                numbers = (f"{curve['crps_days']:.2f}", f"{curve['log']:.2f}", f"{curve['chance_of_the_day'] * 100:.1f} %")
            rows.append((pool["pool"], curve["curve"].removeprefix("crowd, "), middle, f"{low}–{high}", *numbers))
    headings = ("pool", "curve", "even by", "half within", "days", "log", "day")
    return Sheet("The crowd as a curve, against the record", headings, tuple(rows), words=4)


def _short(moment: str | None) -> str:
    """A day or a minute without its year: the pool says which."""
    if moment is None:
        return "never"
    at = datetime.fromisoformat(moment)
    return f"{at.day} {at:%b}" + (f" {at:%H:%M}" if " " in moment else "")


def _winner_sheet(json: dict[str, Any]) -> Sheet:
    rows: list[tuple[str, ...]] = []
    for pool in json["pools"]:
        if pool["official"] is None:
            rows.append((pool["pool"], NOT_KNOWN, "", "", "", "", ""))
        for won in pool["winners"]:
            off = f"{won['off']:,} {'m' if pool['grain'] == Grain.MINUTE else 'd'}"
            official = "never" if pool["official"] == "never" else _short(pool["official"])
            who = won["entrant"].removeprefix(f"{pool['pool']}-")
            rows.append((pool["pool"], official, _WHO[won["variant"]], who, _short(won["guess"]), off, f"{won['points']:g}"))
    return Sheet("Who would have won", ("pool", "official", "prize to", "who", "guess", "off", "points"), tuple(rows), words=5)


def _notes(played: Sequence[_Told]) -> Iterable[str]:
    for one in played:
        refused = one.played.refused
        if refused:
            said = "; ".join(f"{count} {reason.code} ({_example(one, reason)})" for reason, count in sorted(refused.items(), key=_by_count))
            yield f"{one.pool.key}, refused for good: {said}."
        ways = ((one.played.without_seconds, "without their seconds"), (one.played.as_read, "as the file reads them"))
        if again := ", ".join(f"{count} {way}" for count, way in ways if count):
            yield f"{one.pool.key}, refused as they stood and typed again: {again}."
        left = "; ".join(f"{count} {why}" for why, count in one.played.left_out.items())
        if left or one.played.replaced:
            yield f"{one.pool.key}, left out: {left or 'none'}. Changed by a later guess of the same entrant: {one.played.replaced}."
        doubled = sum(count for count in Counter(one.played.grains).values() if count > 1)
        if doubled and one.pool.grain is Grain.MINUTE:
            yield f"{one.pool.key}: {doubled} of the {len(one.played.grains)} guesses stand on a minute that another entrant guessed too; they share."
    unknown = [one.pool.key for one in played if one.pool.outcome is None]
    known = len(played) - len(unknown)
    if unknown:
        yield f"The outcome is not known here for {', '.join(unknown)}: nobody won, and nothing is scored, on these."
    yield f"Scored: {known} pool{'' if known == 1 else 's'}" + (", which is an anecdote and no evidence." if known <= 1 else ".")
    yield (
        "Assumed: a pool is about the calendar year that its question names, in its own fixed offset from UTC; one point a guess; an entrant's "
        "later entry replaces the earlier."
    )
    yield (
        "Days: CRPS in days, lower is better; of a curve that is certain of one day, how far off that was. Log: log score of the minute "
        "(or the day), higher is better, floored at a chance of 10⁻⁶, ln −13.82, which a crowd of single minutes falls to unless somebody hit it. "
        "Day: the chance that the curve gave to the day on which it happened. More: lab/README.md."
    )


def _example(one: _Told, reason: Reason) -> str:
    raw, sentence = one.played.examples[reason]
    return sentence.removesuffix(".") if raw and raw in sentence else f"“{raw}”: {sentence.removesuffix('.')}"


# the picture


def picture(played: Sequence[_Told]) -> str:
    """A panel a pool: the guesses by day, the record of earlier years, and the official outcome."""
    width, row = 960, 190
    title = f"Replay of real guesses: {sum(len(one.played.game.guesses) for one in played):,} guesses in {len(played)} pools"
    words = "; ".join(f"{one.pool.key}: {len(one.played.game.guesses)} guesses, official {one.official}" for one in played)
    parts = [part for place, one in enumerate(played) for part in _panel(one, 70, 50 + row * place, width - 110)]
    foot = 50 + row * len(played) + 14
    return drawing(width, foot + 24, title, words, [*parts, *_legend(foot)])


def _panel(one: _Told, left: float, top: float, width: float) -> Iterable[str]:
    played, pool, base = one.played, one.pool, top + 140
    days = [pool.local(grain).replace(hour=0, minute=0) for grain in played.grains]
    first, last = _shown(days, pool.outcome)
    span = max(1, (last - first).days)
    across = Axis(0, span, left, left + width)
    counts = [sum((day - first).days == place for day in days) for place in range(span)]
    curves_shown = {name: _daily(one, name, first, span) for name in ("crowd, smoothed", "record") if name in one.curves}
    top_share = max([count / max(1, len(days)) for count in counts] + [share for held in curves_shown.values() for share in held])
    up = Axis(0, top_share * 1.1 or 1, base, top + 24)
    yield text(left, top + 10, pool.title, fill=INK, size=12, bold=True)
    yield text(left + width, top + 10, f"{len(days)} {'guess' if len(days) == 1 else 'guesses'}, official: {one.official}", "end", SOFT)
    for value in _steps(top_share):
        yield rule(left, up.at(value), left + width, up.at(value))
        yield text(left - 6, up.at(value) + 4, f"{value * 100:g} %", "end")
    thick = width / span
    for place, count in enumerate(counts):
        if count:
            height = base - up.at(count / len(days))
            yield bar(across.at(place) + 0.08 * thick, base - height, 0.84 * thick, height, "#a9cbe8")
    for name, shares in curves_shown.items():
        colour, dashes = _STYLES[name]
        yield line([(across.at(place + 0.5), up.at(share)) for place, share in enumerate(shares)], colour, 2, dashes, "")
    yield rule(left, base, left + width, base, "#666")
    yield from _calendar(first, last, across, base)
    yield from _edges(days, first, last, left, left + width, top + 36)
    yield from _official(one, first, across, top, base)


_STYLES: Final = {"crowd, smoothed": (BLUE, ""), "record": (GREEN, "2 4")}


def _shown(days: Sequence[datetime], outcome: datetime | None) -> tuple[datetime, datetime]:
    """The days to draw: all but the outermost twentieths of the guesses, and the outcome."""
    held = sorted(days)
    inner = held[len(held) // 20 : len(held) - len(held) // 20] or [datetime(2000, 1, 1)]
    ends = [*inner, *([outcome.replace(hour=0, minute=0)] if outcome else [])]
    return min(ends) - _MARGIN, max(ends) + _MARGIN


def _daily(one: _Told, name: str, first: datetime, span: int) -> list[float]:
    """The curve's chance of each day shown."""
    a_day = one.pool.grains_a_day
    start = (first - datetime(one.pool.year, 1, 1)).days
    return [one.curves[name].between((start + place) * a_day, (start + place + 1) * a_day) for place in range(span)]


def _steps(most: float) -> list[float]:
    step = next(step for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if most / step <= 5)
    return [step * turn for turn in range(1, int(most * 1.1 / step) + 1)]


def _calendar(first: datetime, last: datetime, across: Axis, base: float) -> Iterable[str]:
    """A mark a week, or a month where there are many."""
    weekly = (last - first).days <= 120
    for place in range((last - first).days + 1):
        day = first + timedelta(days=place)
        if day.day == 1 or (weekly and day.day in (8, 15, 22)):
            yield rule(across.at(place), base, across.at(place), base + 4, "#666")
            yield text(across.at(place), base + 17, f"{day.day} {day:%b}", "middle")


def _edges(days: Sequence[datetime], first: datetime, last: datetime, left: float, right: float, y: float) -> Iterable[str]:
    """How many guesses lie beyond what is drawn."""
    before, after = sum(day < first for day in days), sum(day >= last for day in days)
    if before:
        yield text(left + 2, y, f"← {before} earlier", fill=SOFT)
    if after:
        yield text(right - 2, y, f"{after} later →", "end", SOFT)


def _official(one: _Told, first: datetime, across: Axis, top: float, base: float) -> Iterable[str]:
    """The outcome as a line, and the winner's guess as a mark on it."""
    if one.pool.outcome is None:
        return
    x = across.at((one.pool.outcome - first).total_seconds() / 86_400)
    yield rule(x, top + 20, x, base, ORANGE, 2)
    won = [winner for winner in one.winners if winner.variant is VARIANTS[0]]
    for winner in won[:1]:
        yield mark(x, base, ORANGE, "diamond", 5)
        yield text(x + 7, top + 30, f"{one.official}; nearest {winner.guess[5:]}", fill=ORANGE)


def _legend(y: float) -> Iterable[str]:
    yield bar(70, y - 9, 12, 12, "#a9cbe8")
    yield text(88, y, "share of the guesses, by day")
    for place, name in enumerate(_STYLES):
        colour, dashes = _STYLES[name]
        x = 270 + 160 * place
        yield line([(x, y - 4), (x + 34, y - 4)], colour, 2, dashes, "")
        yield text(x + 42, y, name if name != "record" else "record of earlier years")
    yield rule(620, y - 10, 620, y + 3, ORANGE, 2)
    yield text(628, y, "official outcome")
