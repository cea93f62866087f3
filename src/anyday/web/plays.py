"""What a question's page is given for each way to play it that has entries: charts, tables, and the fields of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from anyday import wire
from anyday.instants import Grain, Instant, Window
from anyday.market.horizon import Horizon
from anyday.market.prior import WHOLE
from anyday.phrases import say_window
from anyday.refusals import Refusal
from anyday.web import charts, entrycharts
from anyday.web.drawing import DEFS, Axis
from anyday.web.entrycharts import Line

#: What each way to play is called, and where its part of the page is.
NAMES: Final = {"market": "Market", "tote": "Tote", "closest": "Closest guess", "forecast": "Forecast"}
#: The handles of a forecast: per cent of the chance that it happens at all, with their labels.
HANDLES: Final = ((10, "1 in 10 by the end of"), (50, "Half by the end of"), (90, "9 in 10 by the end of"))
#: The forms of a question's page that keep what was typed in them.
FORMS: Final = ("bet", "seal", "stake", "guess", "forecast", "note", "comment", "fair")
#: Parts per million that the bars of a stated curve may be short of what was stated.
_ROUNDING: Final = 3
#: Up to so many slots their table stands open.
_FEW: Final = 8


class Handle(NamedTuple):
    """One of a forecast's three fields: its share in per cent, its label, and what stands in it."""

    share: int
    label: str
    value: str


def context(
    view: wire.QuestionView, axis: Axis, happened: int | None, kept: Mapping[str, Mapping[str, str]], no: Mapping[str, Refusal]
) -> dict[str, Any]:
    """The parts of the page for totes, guesses and forecasts. ``kept`` is what was typed and ``no`` why it was refused, by form."""
    forms = {"kept": {form: kept.get(form, {}) for form in FORMS}, "no": {form: no.get(form) for form in FORMS}}
    given: dict[str, Any] = {**forms, "names": NAMES, "defs": Markup(DEFS), "axis_origin": charts.micros(view.origin)}
    if view.tote is not None:
        given |= {"tote_chart": entrycharts.tote_chart(view.tote, axis), "few_slots": len(view.tote.slots) <= _FEW}
    if view.closest is not None:
        given |= {"pins_chart": entrycharts.pins_chart(view.closest, axis, happened), "guess_rows": guess_rows(view.closest)}
    if view.forecast is not None:
        lines = forecast_lines(view)
        given |= {
            "lines": lines, "line_key": entrycharts.key, "forecast_chart": entrycharts.forecast_chart(lines, axis, happened),
            "forecast_rows": entrycharts.forecast_rows(lines, view.zone), "handles": handles(view, kept.get("forecast", {})),
            "forecast_never": never_of(view, kept.get("forecast", {})),
        }  # fmt: skip
    return given


def guess_rows(closest: wire.ClosestView) -> list[tuple[str, int, bool]]:
    """Each grain guessed, in order, never last: how often, and whether by the asker."""
    counts: dict[str, tuple[int, bool]] = {}
    for pin in closest.pins:
        count, mine = counts.get(pin.window, (0, False))
        counts[pin.window] = (count + 1, mine or pin.mine)
    return [(window, count, mine) for window, (count, mine) in counts.items()]


def forecast_lines(view: wire.QuestionView) -> list[Line]:
    """The curves of the forecast's chart: the asker's own first, then the market's, then the crowd's once it is to be seen."""
    assert view.forecast is not None, "it is played as a forecast"
    market = view.curve if "market" in view.plays and view.curve is not None and view.curve.bars else None
    found = (
        Line("mine", "yours", view.forecast.mine) if view.forecast.mine else None,
        Line("market", "the market’s", market) if market else None,
        Line("linear", "everybody’s, averaged", view.forecast.linear) if view.forecast.linear else None,
        Line("logarithmic", "everybody’s, averaged by logarithms", view.forecast.logarithmic) if view.forecast.logarithmic else None,
    )
    return [line for line in found if line is not None]


def handles(view: wire.QuestionView, typed: Mapping[str, str]) -> list[Handle]:
    """The three fields of a forecast: what was typed, or else where the asker's own curve has them."""
    mine = view.forecast.mine if view.forecast is not None else None
    return [Handle(share, label, typed.get(f"by{share}") or (_standing(view, mine, share) if mine is not None else "")) for share, label in HANDLES]


def _standing(view: wire.QuestionView, curve: wire.CurveView, share: int) -> str:
    """The grain by whose end a curve has reached a share (per cent) of the chance that it happens at all, as one types it."""
    wanted, happened = (WHOLE - curve.never) * share / 100, 0.0
    horizon = Horizon.build(Grain(view.grain), view.zone, Instant(curve.origin), Instant(curve.horizon))
    for bar in curve.bars:
        if isinstance(horizon, Refusal) or happened + bar.chance < wanted - _ROUNDING:
            happened += bar.chance
            continue
        inside = (wanted - happened) / bar.chance if bar.chance else 1.0
        at = round(bar.start + min(1.0, inside) * (bar.end - bar.start))
        grain = horizon.grain_at(Instant(max(curve.origin, at - 1)))
        return say_window(Window(horizon.start(grain), horizon.start(grain + 1)), view.zone, Grain(view.grain))
    return ""


def never_of(view: wire.QuestionView, typed: Mapping[str, str]) -> str:
    """The chance of never in the form: as typed, as stated last, as the market has it, or a fifth."""
    stated = view.forecast.mine if view.forecast is not None else None
    known = stated or (view.curve if "market" in view.plays else None)
    return typed.get("never") or (f"{known.never / WHOLE * 100:.4f}".rstrip("0").rstrip(".") + "%" if known is not None and known.never else "20%")


def near_misses(view: wire.QuestionView) -> list[charts.Mark]:
    """The near misses as marks for the history: numbered, the oldest first, at their own time."""
    return [charts.Mark(number, entry.start or 0) for number, entry in enumerate(near_missed(view), 1)]


def near_missed(view: wire.QuestionView) -> list[wire.Entry]:
    """The timeline's near misses, the oldest first."""
    return [entry for entry in reversed(view.timeline) if entry.note == "near_miss" and entry.start is not None]
