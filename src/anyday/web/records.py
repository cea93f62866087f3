"""The record's handlers and pages: track records, the crew's mechanisms side by side, tables, the review."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from markupsafe import Markup

from anyday import wire
from anyday.market.curve import say_chance
from anyday.refusals import Reason, Refusal
from anyday.service import periods
from anyday.web import charts, pages, sheets, site, ticks
from anyday.web.drawing import WHOLE, level_line, plot, word
from anyday.web.surface import Answer, Call

V = TypeVar("V")

#: Each look as a table's row says it.
LOOKS: Final = {90: "90\u00a0days", 30: "30\u00a0days", 7: "7\u00a0days", 1: "1\u00a0day", 0: "Last", -1: "Start"}
#: What each score is called, and the field that holds it.
MEASURES: Final = (("CRPS", "crps"), ("Brier", "brier"), ("Log score", "log"))
KINDS: Final = {"market": "Market", "tote": "Tote", "closest": "Guesses", "forecast": "Forecasts"}
#: How far from the picture's edge its scale begins, in per cent, so that a point at 0 % is seen whole.
_INSET: Final = 5.0


# the API


async def record(call: Call) -> wire.RecordView:
    """The crew's mechanisms side by side."""
    return call.service.record()


async def player(call: Call) -> wire.TrackRecord | Refusal:
    """A member's track record."""
    return call.service.player(call.params["name"], call.visitor.player)


async def tables(call: Call) -> wire.TablesView | Answer | Refusal:
    """Who is ahead: ``?period=month|quarter|year|all``, ``?at=`` a day in it; as a file for spreadsheets with ``?format=csv``."""
    return told(call, ranked(call), sheets.tables, "tables")


async def ledger(call: Call) -> wire.LedgerView | Answer | Refusal:
    """One's own ledger; as a file for spreadsheets with ``?format=csv``."""
    return told(call, call.service.ledger(call.player), sheets.ledger, "ledger")


def told(call: Call, view: V | Refusal, write: Callable[[V], str], name: str) -> V | Answer | Refusal:
    """A view as JSON or, where the address asks for that, as a file: the same view, so that it holds no more."""
    form = call.query.get("format") or "json"
    if form not in ("json", "csv"):
        return Refusal(Reason.MALFORMED, detail="the format is “json” or “csv”")
    if isinstance(view, Refusal) or form == "json":
        return view
    headers = [(b"content-disposition", f'attachment; filename="{name}.csv"'.encode())]
    return Answer(write(view).encode(), 200, sheets.KIND, headers, cache="no-store")


def ranked(call: Call) -> wire.TablesView | Refusal:
    """The tables of the period that the address names."""
    return call.service.tables(call.query.get("period") or periods.MONTH, call.query.get("at"), call.visitor.player)


async def review(call: Call) -> wire.ReviewView | Refusal:
    """The crew's review: ``?period=week|month|quarter``, ``?at=`` a day in it."""
    return call.service.review(call.query.get("period") or periods.WEEK, call.query.get("at"))


# the pages


async def record_page(call: Call) -> Answer:
    """The crew's mechanisms side by side."""
    view = call.service.record()
    held = {track.kind: {mark.days: mark for mark in track.marks} for track in view.mechanisms}
    return _page(call, "record.html", view=view, held=held, pictures={track.kind: reliability(track.calibration.levels) for track in view.mechanisms})


async def player_page(call: Call) -> Answer | Refusal:
    """A member's track record."""
    view = await player(call)
    if isinstance(view, Refusal):
        return view
    return _page(call, "player.html", view=view, picture=reliability(view.calibration.levels))


async def tables_page(call: Call) -> Answer | Refusal:
    """The tables of a period."""
    view = ranked(call)
    return view if isinstance(view, Refusal) else _page(call, "tables.html", view=view, kinds=periods.RANKED, path="/tables")


async def review_page(call: Call) -> Answer | Refusal:
    """The review of a period."""
    view = await review(call)
    return view if isinstance(view, Refusal) else _page(call, "review.html", view=view, kinds=periods.REVIEWED, path="/crew/review")


def _page(call: Call, template: str, **context: Any) -> Answer:
    service = call.service
    zone = service.crew_zone
    words = {
        "looks": LOOKS, "measures": MEASURES, "mechanisms": KINDS, "share": share, "nats": nats, "quoted": quoted,
        "day": lambda text: ticks.short(charts.micros(text), zone),
    }  # fmt: skip
    return site.page(pages.render(template, **words, **context, visitor=site.visitor(call), crew=service.crew_name))


def quoted(name: str) -> str:
    """A name as an address takes it."""
    return urllib.parse.quote(name, safe="")


def share(ppm: int) -> str:
    """A CRPS, a Brier score or an error, between 0 and 1."""
    return f"{ppm / WHOLE:.3f}"


def nats(micro: int) -> str:
    """A log score."""
    return f"{micro / 1_000_000:.2f}".replace("-", "−")


def reliability(levels: Sequence[wire.LevelView]) -> Markup:
    """What came true (upwards) of what was stated (across), level by level with its interval; the dotted line is where both agree."""
    grid = "".join(level_line(_up(at)) for at in (0, WHOLE // 2, WHOLE))
    grid += word("gridword", "100 %", "2", _up(WHOLE), dy=13) + word("gridword", "50 %", "2", _up(WHOLE // 2), dy=-4)
    grid += word("gridword", "0 %", "100%", _up(0), dx=-2, dy=-4, side="end")
    even = f'<line class="even" x1="{_across(0)}" y1="{_up(0)}" x2="{_across(WHOLE)}" y2="{_up(WHOLE)}"/>'
    shapes = []
    for level in levels:
        x = _across(level.stated)
        shapes.append(f'<line class="line" x1="{x}" x2="{x}" y1="{_up(level.least)}" y2="{_up(level.most)}"/>')
        shapes.append(f'<circle class="you" cx="{x}" cy="{_up(level.came_true)}" r="5"/>')
    said = "; ".join(f"of {say_chance(level.stated)} stated, {say_chance(level.came_true)} came true" for level in levels)
    return Markup(plot("tall", f"Reliability: {said}." if said else "Reliability: nothing yet.", grid, even, *shapes))


def _across(ppm: int) -> str:
    """A chance as a place on the picture from left to right."""
    return f"{_INSET + ppm * (100 - 2 * _INSET) / WHOLE:.2f}%"


def _up(ppm: int) -> str:
    """A chance as a height on the picture, which is measured from its top."""
    return f"{100 - _INSET - ppm * (100 - 2 * _INSET) / WHOLE:.2f}%"
