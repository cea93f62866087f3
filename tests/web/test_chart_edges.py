"""What charts do at the edges: where bets leave steps, where a grain is the finest unit, and where no time is left."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from anyday.instants import Instant
from anyday.market.curve import Curve
from anyday.service import views
from anyday.service.shown import Prices, Shown
from anyday.web import charts, pages, ticks
from tests.web.test_charts import DAY, ORIGIN, WHOLE, a_curve, a_view


def area(picture: str) -> str:
    """The path of a picture's area."""
    found = re.search(r'class="area" d="([^"]+)"', picture)
    assert found is not None
    return found.group(1)


def drawn(masses: list[int], *, smooth: bool) -> str:
    curve = a_curve(masses, 60_000, smooth=smooth)
    return area(str(charts.curve_chart(curve, charts.axis_of(curve, "UTC", "day"))))


def test_a_bet_leaves_an_edge_even_where_the_opening_was_smooth() -> None:
    assert drawn([5] * 20 + [50] * 5 + [5] * 20, smooth=True) == drawn([5] * 20 + [50] * 5 + [5] * 20, smooth=False)


def test_control_a_smooth_curve_that_nobody_cut_is_drawn_smooth() -> None:
    gentle = [100 + 5 * (i if i < 20 else 40 - i) for i in range(40)]
    assert drawn(gentle, smooth=True) != drawn(gentle, smooth=False)


@pytest.mark.parametrize("grain", ticks.LENGTHS)
def test_no_height_is_told_in_a_unit_finer_than_the_grain(grain: str) -> None:
    units = list(ticks.LENGTHS)
    for density in (1e-9, 1e-6, 1e-3, 1.0, 1e3):
        unit, size = ticks.density_unit(density, grain)
        assert units.index(unit) >= units.index(grain)
        assert density * size >= 10_000 or unit == "year"
        assert unit == grain or density * ticks.LENGTHS[units[units.index(unit) - 1]] < 10_000, "the finest that will do"


def nothing_left() -> Any:
    curve = a_curve([1] * 10, 60_000, passed=0)
    over = {"bars": (), "never": WHOLE, "passed_until": curve.horizon, "now": curve.horizon - DAY // 2, "quantiles": {}}
    return msgspec.structs.replace(curve, **over)


def test_a_question_whose_time_has_passed_shows_all_of_it_and_nothing_certain() -> None:
    curve = nothing_left()
    axis = charts.axis_of(curve, "UTC", "day")
    assert (axis.start, axis.end) == (ORIGIN, ORIGIN + 10 * DAY)
    picture = str(charts.curve_chart(curve, axis))
    assert "100 %" not in picture, "it may well have happened: the ruling will tell"
    assert 'class="never"' not in str(charts.sparkline((), WHOLE, ""))
    assert 'class="never"' in str(charts.sparkline((1, 2), 60_000, "")), "control"


def waits(page: bytes) -> list[bytes]:
    return re.findall(rb'data-wait="(\d+)"', page)


def test_an_open_page_is_told_when_the_next_grain_passes() -> None:
    curve = a_curve([1] * 10, 60_000)  # half a day before the next grain starts
    assert waits(pages.fragment(a_view(curve, lead_minutes=0), visitor=None)) == [b"43200000"]
    assert waits(pages.fragment(a_view(curve, lead_minutes=5), visitor=None)) == [b"42900000"], "the lead passes it earlier"
    assert waits(pages.fragment(a_view(curve, state="closed"), visitor=None)) == []
    assert waits(pages.fragment(msgspec.structs.replace(a_view(curve), curve=nothing_left()), visitor=None)) == []


def test_a_settled_page_marks_when_it_happened_and_no_now() -> None:
    curve = a_curve([3 + i % 7 for i in range(80)], 60_000)
    outcome = "2027-02-01T00:00:00Z/2027-02-02T00:00:00Z"
    page = pages.fragment(a_view(curve, state="settled", may_bet=False, outcome=outcome), visitor=None)
    assert b">it happened</text>" in page
    assert b">now</text>" not in page.split(b'id="panel-history"')[0]
    assert b">now</text>" in pages.fragment(a_view(curve), visitor=None).split(b'id="panel-history"')[0], "control"


class _Level:
    """A question of 78 days, all alike, as far as a sparkline asks."""

    passed = 0
    mechanisms = ("market",)

    class horizon:
        count = 78

    class market:
        passed = 0

        @staticmethod
        def curve(edges: tuple[int, ...]) -> Curve:
            return Curve(edges, tuple((b - a) / 100 for a, b in itertools.pairwise(edges)), 0.22)


def test_a_level_curve_is_level_on_its_card_though_its_pieces_hold_two_days_or_three() -> None:
    assert len(set(views.spark(Shown(_Level(), Prices()), Instant(0)))) == 1  # type: ignore[arg-type]
    edges = [78 * piece // views.SPARKS for piece in range(views.SPARKS + 1)]
    assert {b - a for a, b in itertools.pairwise(edges)} == {2, 3}, "control: the pieces are not alike"


def test_the_pictures_in_the_documents_are_small_and_all_there() -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "pictures"
    sizes = {path.stem: path.stat().st_size for path in folder.glob("*.png")}
    assert {"board", "question", "question-phone", "ruling", "you"} <= set(sizes)
    assert all(size <= 150 * 1024 for size in sizes.values()), sizes
