"""Grains partition a question's time in every zone, and a claim is what a phrase means on it."""

from __future__ import annotations

import importlib.resources
import struct
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyday.instants import (
    DAY,
    FIRST_INSTANT,
    HOUR,
    LAST_INSTANT,
    MINUTE,
    After,
    Before,
    Between,
    Grain,
    Instant,
    Not,
    Window,
    day_start,
    first_at,
    iso,
    local_of,
    zone_names,
    zone_of,
)
from anyday.market.horizon import MOST_GRAINS, Claim, Horizon, claim_of, say_claim
from anyday.phrases import parse_window
from anyday.refusals import Reason, Refusal

ZURICH = "Europe/Zurich"


def built(grain: Grain, zone: str, first: str, after: str) -> Horizon:
    """The question from one local day to another (not included)."""
    horizon = Horizon.build(grain, zone, day_start(date.fromisoformat(first), zone), day_start(date.fromisoformat(after), zone))
    assert isinstance(horizon, Horizon), horizon
    return horizon


def reason(answer: object) -> Reason | None:
    """Why it was refused, if it was."""
    return answer.reason if isinstance(answer, Refusal) else None


def scanned_day_starts(zone: str, first: date, last: date) -> list[int]:
    """An independent way: walk through UTC by the minute near every place where the date on the zone's clocks grows.

    Only UTC -> local is asked, where nothing is ambiguous; a start is an instant that shows a later date than any before.
    """
    found, latest = [], first - timedelta(days=1)
    second = int((datetime(first.year, first.month, first.day) - datetime(1970, 1, 1)).total_seconds()) - 26 * 3600
    while latest < last:
        if local_of((second + 3600) * 1_000_000, zone).date() <= latest:
            second += 3600
            continue
        while local_of(second * 1_000_000, zone).date() <= latest:
            second += 60
        latest = local_of(second * 1_000_000, zone).date()
        if latest >= first:
            found.append(second * 1_000_000)
    return found


NAMED = {
    "America/Sao_Paulo": ("2018-11-04", "2018-11-04T03:00:00Z", 23),
    "Asia/Beirut": ("2022-03-27", "2022-03-26T22:00:00Z", 23),
    "Africa/Cairo": ("2024-04-26", "2024-04-25T22:00:00Z", 23),
    "Pacific/Apia": ("2011-12-31", "2011-12-30T10:00:00Z", 24),
    "Australia/Lord_Howe": ("2026-10-04", "2026-10-03T13:30:00Z", 23.5),
    "Europe/Zurich": ("2027-10-31", "2027-10-30T22:00:00Z", 25),
}


def around(zone: str) -> Horizon:
    """Ten days around the zone's named day."""
    day = date.fromisoformat(NAMED[zone][0])
    return built(Grain.DAY, zone, str(day - timedelta(days=5)), str(day + timedelta(days=5)))


@pytest.mark.parametrize("zone", NAMED)
def test_named_days_start_when_they_did_and_last_as_long_as_they_did(zone: str) -> None:
    day, start, hours = NAMED[zone]
    horizon = around(zone)
    grain = horizon.boundary(day_start(date.fromisoformat(day), zone))
    assert grain is not None and iso(horizon.start(grain)) == start
    assert horizon.start(grain + 1) - horizon.start(grain) == hours * HOUR


def test_a_day_that_the_zone_skips_is_no_grain() -> None:
    horizon = built(Grain.DAY, "Pacific/Apia", "2011-12-28", "2012-01-03")
    shown = [local_of(horizon.start(k), horizon.zone).day for k in range(horizon.count)]
    assert shown == [28, 29, 31, 1, 2]
    assert built(Grain.WEEK, "Pacific/Apia", "2011-12-26", "2012-01-02").lengths == ((1, 6 * DAY),)


def naive_day_starts(zone: str, first: date, count: int) -> list[int]:
    """What one would write without thinking: the offset that the clocks have at midnight, midnights taken to exist."""
    midnights = [datetime(day.year, day.month, day.day, tzinfo=zone_of(zone)) for day in (first + timedelta(days=k) for k in range(count))]
    return [int(midnight.replace(fold=1).timestamp() * 1_000_000) for midnight in midnights]


def test_control_a_build_from_naive_midnights_fails_on_four_zones() -> None:
    wrong = []
    for zone, (day, _, _) in NAMED.items():
        first = date.fromisoformat(day) - timedelta(days=5)
        scanned = scanned_day_starts(zone, first, first + timedelta(days=10))
        horizon = around(zone)
        assert [horizon.start(k) for k in range(horizon.count + 1)] == scanned
        if naive_day_starts(zone, first, 11) != scanned:
            wrong.append(zone)
    assert wrong == ["America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "Pacific/Apia"]


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.sampled_from(zone_names()), st.integers(0, 14_500), st.integers(1, 90))
def test_days_in_every_zone_agree_with_a_scan(zone: str, skip: int, length: int) -> None:
    first = date(2000, 1, 1) + timedelta(days=skip)
    last = first + timedelta(days=length)
    scanned = scanned_day_starts(zone, first, last)
    horizon = Horizon.build(Grain.DAY, zone, Instant(scanned[0]), Instant(scanned[-1]))
    assert isinstance(horizon, Horizon)
    assert [horizon.start(k) for k in range(horizon.count + 1)] == scanned


def test_the_months_of_forty_years_partition_them_in_every_zone() -> None:
    for zone in zone_names():
        horizon = built(Grain.MONTH, zone, "2000-01-01", "2041-01-01")
        starts = [horizon.start(k) for k in range(horizon.count + 1)]
        assert starts[0] == horizon.origin and starts[-1] == horizon.end and horizon.count == 41 * 12, zone
        assert all(27 * DAY < b - a < 32 * DAY for a, b in pairwise(starts)), zone
        assert all(local_of(s, zone).day == 1 for s in starts), zone


#: Zones whose clocks were put there and back within days or weeks, moved at midnight, or jumped over a whole day.
RESTLESS = (
    "America/Recife", "America/Noronha", "Asia/Gaza", "Europe/Vienna", "Africa/Tunis", "Africa/Casablanca", "Africa/Cairo", "Pacific/Apia",
    "Pacific/Kwajalein", "America/Sao_Paulo", "Asia/Beirut", "Antarctica/Troll", "Australia/Lord_Howe", "Asia/Manila",
)  # fmt: skip


@pytest.mark.parametrize("zone", RESTLESS)
def test_days_looked_at_a_few_at_a_time_are_those_looked_at_one_by_one(zone: str) -> None:
    days = [date(1920, 1, 1) + timedelta(days=k) for k in range((date(2080, 1, 1) - date(1920, 1, 1)).days + 1)]
    starts = sorted({day_start(day, zone) for day in days})
    horizon = Horizon.build(Grain.DAY, zone, starts[0], starts[-1])
    assert isinstance(horizon, Horizon)
    assert [horizon.start(k) for k in range(horizon.count + 1)] == starts


def changes(zone: str) -> list[tuple[int, int]]:
    """(when, UTC seconds; seconds from UTC from then on) of every change in a zone's file, read from its bytes (RFC 9636)."""
    data = (importlib.resources.files("tzdata") / "zoneinfo" / zone).read_bytes()
    isutc, isstd, leaps, times, types, letters = struct.unpack(">6l", data[20:44])
    start = 44 + 5 * times + 6 * types + letters + 8 * leaps + isstd + isutc  # past the block of 32-bit times
    assert data[:4] == data[start : start + 4] == b"TZif"
    _, _, _, times, types, _ = struct.unpack(">6l", data[start + 20 : start + 44])
    start += 44
    kinds, rules = data[start + 8 * times : start + 9 * times], start + 9 * times
    offsets = [struct.unpack(">l", data[rules + 6 * k : rules + 6 * k + 4])[0] for k in range(types)]
    return list(zip(struct.unpack(f">{times}q", data[start : start + 8 * times]), (offsets[kind] for kind in kinds), strict=True))


def test_no_zone_puts_its_clocks_there_and_back_within_six_days() -> None:
    """What looking at a few days at a time relies on. Where the zone data one day says otherwise, this names the zone."""
    shortest = 10**9
    for zone in zone_names():
        for (_, before), (away, offset), (back, after) in zip(found := changes(zone), found[1:], found[2:], strict=False):
            if before == after != offset:
                assert back - away > 6 * 86_400 + 3_600, zone
                shortest = min(shortest, back - away)
    assert shortest == 7 * 86_400 - 3_600, "Recife in 2000"


def test_centuries_of_days_are_not_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request may name them, and everybody waits until it is answered."""
    asked = 0

    def counted(day: date, zone: str) -> Instant:
        nonlocal asked
        asked += 1
        return day_start(day, zone)

    monkeypatch.setattr("anyday.market.horizon.day_start", counted)
    horizon = built(Grain.DAY, "Europe/Lisbon", "1950-01-01", "2499-12-31")
    assert horizon.count == 200_883 and asked < 10_000


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.sampled_from(zone_names()), st.sampled_from(list(Grain)), st.integers(0, 14_000), st.integers(1, 700), st.data())
def test_grains_partition_the_span_without_gap_or_overlap(zone: str, grain: Grain, skip: int, length: int, data: st.DataObject) -> None:
    first, last = date(2000, 1, 1) + timedelta(days=skip), date(2000, 1, 1) + timedelta(days=skip + length + 31)
    if grain is Grain.WEEK:
        first, last = (day - timedelta(days=day.weekday()) for day in (first, last))
    elif grain is Grain.MONTH:
        first, last = (day.replace(day=1) for day in (first, last))
    origin, end = day_start(first, zone), day_start(last, zone)
    if grain in (Grain.MINUTE, Grain.HOUR):
        step = HOUR if grain is Grain.HOUR else MINUTE
        end = Instant(origin + (end - origin) // step * step)  # clocks may have moved by half an hour
    horizon = Horizon.build(grain, zone, origin, end)
    assert isinstance(horizon, Horizon), horizon
    assert sum(n * length for n, length in horizon.lengths) == end - origin
    assert all(a[1] != b[1] for a, b in pairwise(horizon.lengths)), "equal neighbours are one run"
    k = data.draw(st.integers(0, horizon.count - 1))
    start, after = horizon.start(k), horizon.start(k + 1)
    inside = Instant(data.draw(st.integers(start, after - 1)))
    assert horizon.grain_at(start) == horizon.grain_at(inside) == horizon.grain_at(Instant(after - 1)) == k
    assert horizon.boundary(start) == k and (horizon.boundary(inside) is None or inside == start)
    assert horizon.passed(inside, 0) == k + 1 and horizon.passed(Instant(start - 1), 0) == k == horizon.passed(Instant(start - 2), 1)
    assert horizon.passed(Instant(start - 1), 1) == k + 1


def test_the_clock_passes_a_grain_when_it_starts_less_the_lead() -> None:
    horizon = built(Grain.DAY, ZURICH, "2027-03-01", "2027-03-11")
    assert horizon.passed(FIRST_INSTANT, 0) == 0 and horizon.passed(LAST_INSTANT, DAY) == horizon.count == 10
    assert horizon.passed(horizon.origin, 0) == 1 and horizon.passed(Instant(horizon.origin - 1), 0) == 0
    assert horizon.passed(Instant(horizon.origin - DAY), DAY) == 1 and horizon.passed(horizon.origin, 3 * DAY) == 4
    assert horizon.boundary(horizon.end) == 10 and horizon.boundary(Instant(horizon.end + DAY)) is None


def test_long_spans_are_cut_and_remembered_as_runs() -> None:
    century = built(Grain.DAY, "America/New_York", "2000-01-01", "2100-01-01")
    assert century.count == 36_525 and len(century.lengths) == 401
    minutes = built(Grain.MINUTE, "UTC", "2020-01-01", "2027-12-01")
    assert minutes.lengths == ((minutes.count, MINUTE),) and minutes.count < MOST_GRAINS
    again = Horizon(century.grain, century.zone, century.origin, century.lengths, century.tzdata)
    assert again == century and (again.count, again.end) == (century.count, century.end)


def test_hours_start_on_whole_hours_of_the_zones_own_clocks_too() -> None:
    for zone in ("Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"):
        assert built(Grain.HOUR, zone, "2027-03-14", "2027-03-15").lengths == ((24, HOUR),)


def test_what_cannot_be_cut_is_refused() -> None:
    def build(grain: Grain, start: str, end: str, zone: str = ZURICH) -> Reason | None:
        return reason(Horizon.build(grain, zone, first_at(datetime.fromisoformat(start), "UTC"), first_at(datetime.fromisoformat(end), "UTC")))

    assert build(Grain.DAY, "2027-03-01", "2027-04-01", "Mars/Base") is Reason.NOT_A_ZONE
    assert build(Grain.DAY, "1500-03-01", "2027-04-01") is Reason.TIME_OUT_OF_BOUNDS
    assert build(Grain.DAY, "2027-03-01", "2900-04-01") is Reason.TIME_OUT_OF_BOUNDS
    assert build(Grain.DAY, "2027-04-01", "2027-03-01") is Reason.REVERSED
    assert build(Grain.DAY, "2027-03-01", "2027-03-01") is Reason.EMPTY
    for grain in (Grain.DAY, Grain.WEEK, Grain.MONTH):
        assert build(grain, "2027-02-28 23:00", "2027-04-01") is Reason.OFF_THE_GRAIN
        assert build(grain, "2027-03-01", "2027-03-31 22:00") is Reason.OFF_THE_GRAIN
    assert build(Grain.WEEK, "2027-03-02", "2027-03-09", "UTC") is Reason.OFF_THE_GRAIN
    assert build(Grain.MONTH, "2027-03-01", "2027-04-02", "UTC") is Reason.OFF_THE_GRAIN
    assert build(Grain.HOUR, "2027-03-01", "2027-03-01 02:30", "UTC") is Reason.OFF_THE_GRAIN
    assert build(Grain.HOUR, "2027-03-01 00:30", "2027-03-01 02:30", "UTC") is Reason.OFF_THE_GRAIN
    assert build(Grain.MINUTE, "2027-03-01 00:00:30", "2027-03-01 00:01:30", "UTC") is Reason.OFF_THE_GRAIN
    assert build(Grain.MINUTE, "2020-01-01", "2029-01-01", "UTC") is Reason.TOO_MANY_GRAINS
    assert build(Grain.MINUTE, "1800-01-01", "2499-01-01", "UTC") is Reason.TOO_MANY_GRAINS


# claims

QUESTION = built(Grain.DAY, ZURICH, "2027-03-01", "2028-06-01")
NAMES = ("2027-03-10", "2027-04-01", "2027-05-01", "2027-05-04", "2027-06-01", "2027-07-01")
DAYS = {f"{day.day} {day:%B}": (day - date(2027, 3, 1)).days for day in map(date.fromisoformat, NAMES)}
PASSED = DAYS["10 March"] + 1


def claim(text: str, horizon: Horizon = QUESTION, passed: int = PASSED) -> Claim | Refusal:
    """The claim that a text means once ``passed`` grains have passed."""
    now = Instant(horizon.start(passed) - 1)
    phrase = parse_window(text, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=now)
    assert not isinstance(phrase, Refusal), phrase
    return claim_of(phrase, horizon, passed)


def test_a_phrase_means_grains_with_or_without_never() -> None:
    n = QUESTION.count
    assert claim("April") == Claim(DAYS["1 April"], DAYS["1 May"], False)
    assert claim("not April") == Claim(DAYS["1 April"], DAYS["1 May"], True)
    assert claim("before June") == Claim(PASSED, DAYS["1 June"], False)
    assert claim("by June") == Claim(PASSED, DAYS["1 July"], False)
    assert claim("not before June") == Claim(0, DAYS["1 June"], True)
    assert claim("after 3 May") == claim("from 4 May") == Claim(DAYS["4 May"], n, False)
    assert claim("not after 3 May") == Claim(DAYS["4 May"], n, True)
    assert claim("after 5 March 2027") == Claim(PASSED, n, False)
    assert claim("never") == Claim(0, n, True) and claim("not never") == Claim(0, n, False)
    assert claim("before 1 June 2028") == Claim(PASSED, n, False)
    assert claim("not before 1 June 2028") == Claim(0, n, True)


def test_a_grain_under_way_can_be_bet_neither_for_nor_against() -> None:
    for text in (
        "10 March 2027",
        "not 10 March 2027",
        "10–20 March 2027",
        "not 10–20 March 2027",
        "not after 5 March 2027",
        "before 11 March 2027",
        "2 March 2027",
    ):
        answer = claim(text)
        assert isinstance(answer, Refusal) and answer.reason is Reason.HAS_STARTED, text
        assert answer.next_step == "The first day you can still bet on is 11 March 2027."
    assert claim("11 March 2027") == Claim(PASSED, PASSED + 1, False)


def test_what_the_question_does_not_hold_or_has_left_is_refused() -> None:
    outside = ("2027", "28 Feb 2027", "31 May – 1 June 2028", "before 2029", "after 2028", "before March 2026", "not June 2028", "from 2 June 2028")
    for text in outside:
        answer = claim(text)
        assert isinstance(answer, Refusal) and answer.reason is Reason.OUT_OF_SPAN, text
        assert "from 1 March 2027 to 1 June 2028" in answer.sentence
    for text in ("14:00–15:00 on 3 April", "before 15:00 on 3 April", "not after 15:00 on 3 April"):
        assert reason(claim(text)) is Reason.OFF_THE_GRAIN, text
    assert reason(claim("after 31 May 2028")) is reason(claim("before 1 March 2027")) is Reason.EMPTY
    for text in ("not before 11 March 2027", "not before 2 March 2027", "not before 1 March 2027", "not after 31 May 2028"):
        assert reason(claim(text)) is Reason.CERTAIN, text
    for text in ("never", "not never", "April", "not before June"):
        phrase = parse_window(text, zone=ZURICH, origin=QUESTION.origin, horizon=QUESTION.end, now=QUESTION.end)
        assert not isinstance(phrase, Refusal)
        assert reason(claim_of(phrase, QUESTION, QUESTION.count)) is Reason.ALL_PASSED


def test_a_time_names_the_hour_that_starts_there_where_hours_are_the_grain() -> None:
    hours = built(Grain.HOUR, ZURICH, "2027-03-14", "2027-03-15")
    assert claim("15:00", hours, 1) == Claim(15, 16, False)
    assert claim("after 15:00", hours, 1) == Claim(16, 24, False)
    assert claim("by 15:00", hours, 1) == claim("before 15:00", hours, 1) == Claim(1, 15, False)
    assert claim("14 March 2027, 14:00–16:00", hours, 1) == Claim(14, 16, False)
    assert reason(claim("15:30", hours, 1)) is Reason.OFF_THE_GRAIN
    assert reason(claim("14 March 2027, 23:00 – 15 March 2027, 00:30", hours, 1)) is Reason.OUT_OF_SPAN


def test_claims_are_said_plainly() -> None:
    n, april, may = QUESTION.count, DAYS["1 April"], DAYS["1 May"]
    said = {
        Claim(april, may, False): "1–30 April 2027",
        Claim(april, may, True): "not 1–30 April 2027",
        Claim(0, may, False): "before 1 May 2027",
        Claim(may, n, False): "from 1 May 2027 on",
        Claim(0, may, True): "from 1 May 2027 on, or never",
        Claim(may, n, True): "before 1 May 2027, or never",
        Claim(0, n, False): "any time before 1 June 2028",
        Claim(0, n, True): "never by 1 June 2028",
    }
    assert {c: say_claim(c, QUESTION) for c in said} == said
    hours = built(Grain.HOUR, ZURICH, "2027-03-14", "2027-03-15")
    assert say_claim(Claim(0, 15, True), hours) == "from 14 March 2027, 15:00 on, or never"


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.sampled_from(zone_names()), st.sampled_from(list(Grain)), st.booleans(), st.data())
def test_what_is_said_of_a_claim_means_the_same_claim(zone: str, grain: Grain, complement: bool, data: st.DataObject) -> None:
    first = date(2000, 1, 3) + timedelta(days=7 * data.draw(st.integers(0, 2000)))
    after = first + timedelta(days=7 * data.draw(st.integers(1, 60)))
    if grain is Grain.MONTH:
        first, after = first.replace(day=1), (after + timedelta(days=31)).replace(day=1)
    origin, end = day_start(first, zone), day_start(after, zone)
    if grain in (Grain.MINUTE, Grain.HOUR):
        end = Instant(origin + 50 * (HOUR if grain is Grain.HOUR else MINUTE))
    horizon = Horizon.build(grain, zone, origin, end)
    assert isinstance(horizon, Horizon)
    a = data.draw(st.integers(0, horizon.count - 1))
    meant = Claim(a, data.draw(st.integers(a + 1, horizon.count)), complement)
    said = say_claim(meant, horizon)
    phrase = parse_window(said, zone=zone, origin=origin, horizon=end, now=origin)
    assert not isinstance(phrase, Refusal), said
    assert claim_of(phrase, horizon, 0) == meant, said


INSTANTS = st.one_of(st.integers(FIRST_INSTANT, LAST_INSTANT), st.integers(-(2**70), 2**70)).map(Instant)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(list(Grain)), st.sampled_from(zone_names()), INSTANTS, INSTANTS)
def test_no_pair_of_instants_raises(grain: Grain, zone: str, a: Instant, b: Instant) -> None:
    answer = Horizon.build(grain, zone, a, b)
    assert isinstance(answer, Refusal) and str(answer), "ends picked blindly are no boundaries"
    for phrase in (Between(Window(a, b)), Before(Window(a, b)), After(Window(a, b))):
        for said in (phrase, Not(phrase)):
            assert isinstance(claim_of(said, QUESTION, 1), Refusal | Claim)
