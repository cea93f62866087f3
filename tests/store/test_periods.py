"""Weeks, months, quarters and years of a zone, and what may be asked of them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from anyday.instants import HOUR
from anyday.refusals import Refusal
from anyday.service import periods
from anyday.service.periods import Period, period_of
from tests.world import instant

KINDS = ("week", "month", "quarter", "year")
NOW = instant("2027-03-14T12:00Z")


def period(kind: str, typed: str | None = None, zone: str = "Europe/Zurich") -> Period:
    found = period_of(kind, typed, NOW, zone, (*KINDS, "all"))
    assert isinstance(found, Period), found
    return found


@pytest.mark.parametrize(
    ("kind", "said", "first", "after"),
    [
        ("week", "8–14 March 2027", "2027-03-08", "2027-03-15"),
        ("month", "March 2027", "2027-03-01", "2027-04-01"),
        ("quarter", "January–March 2027", "2027-01-01", "2027-04-01"),
        ("year", "2027", "2027-01-01", "2028-01-01"),
    ],
)
def test_a_period_runs_from_midnight_to_midnight_in_the_crews_zone(kind: str, said: str, first: str, after: str) -> None:
    found = period(kind)
    assert periods.say_period(found) == said
    assert found.span == (instant(first, "Europe/Zurich"), instant(after, "Europe/Zurich"))


def test_a_month_of_the_zones_clocks_is_an_hour_short_where_they_go_forward() -> None:
    march = period("month", "2027-03")
    assert march.end - march.start == 31 * 24 * HOUR - HOUR


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/Sao_Paulo", "Pacific/Apia"])
def test_periods_follow_each_other_without_a_gap(kind: str, zone: str) -> None:
    """Back from 2012 over forty of them: clock changes and a day that Apia never had are inside."""
    found = [period(kind, "2012-02", zone)]
    while len(found) < 40:
        name = periods.view(found[-1], NOW).earlier
        assert name is not None
        found.append(period(kind, name, zone))
    for later, earlier in pairwise(found):
        assert earlier.end == later.start
        assert later.before == earlier.span
        assert periods.view(earlier, NOW).later == periods.view(later, NOW).at


def test_nothing_lies_after_the_present_one() -> None:
    assert periods.view(period("month"), NOW).later is None
    assert periods.view(period("month", "2027-02"), NOW).later == "2027-03"


def test_all_of_time_has_no_neighbours() -> None:
    view = periods.view(period("all"), NOW)
    assert (view.said, view.earlier, view.later, view.start) == ("All time", None, None, None)
    assert period("all").before[0] == period("all").before[1]


@pytest.mark.parametrize("typed", ["soon", "2027-13", "2027-02-30", "20270314x", "2027-3-1", "９９９９", "2027-03-14T00:00:00Z", "-001"])
def test_a_day_that_is_none_is_refused(typed: str) -> None:
    found = period_of("month", typed, NOW, "UTC", KINDS)
    assert isinstance(found, Refusal)
    assert found.reason.code == "malformed"


@pytest.mark.parametrize("typed", ["0001-01-01", "1799", "9999", "2499-12"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_day_out_of_bounds_is_refused(kind: str, typed: str) -> None:
    found = period_of(kind, typed, NOW, "UTC", KINDS)
    assert isinstance(found, Refusal)
    assert found.reason.code == "time_out_of_bounds"


def test_a_kind_that_is_none_is_refused() -> None:
    found = period_of("decade", None, NOW, "UTC", KINDS)
    assert isinstance(found, Refusal)
    assert "week" in found.sentence
