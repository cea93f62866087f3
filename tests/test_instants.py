"""Zones, instants, and windows as people type them."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anyday import instants
from anyday.instants import (
    DAY,
    FIRST_INSTANT,
    HOUR,
    LAST_INSTANT,
    MINUTE,
    After,
    At,
    Before,
    Between,
    Grain,
    Instant,
    Never,
    NeverBy,
    Not,
    Outcome,
    Phrase,
    Window,
    Within,
    check_zone,
    day_start,
    first_at,
    instant_of,
    iso,
    local_of,
    months_back,
    zone_names,
)
from anyday.market.horizon import Horizon
from anyday.phrases import parse_instant, parse_outcome, parse_span, parse_window, say_instant, say_window
from anyday.refusals import Reason, Refusal

ZURICH = "Europe/Zurich"
ZONES = zone_names()


def at(text: str, zone: str = ZURICH) -> Instant:
    """An instant from Python's own spelling of a local time, where that time comes once."""
    return first_at(datetime.fromisoformat(text), zone)


def days(first: str, last: str, zone: str = ZURICH) -> Window:
    """Local days, the last included."""
    return Window(day_start(date.fromisoformat(first), zone), day_start(date.fromisoformat(last) + timedelta(days=1), zone))


ORIGIN, HORIZON, NOW = at("2027-03-01"), at("2028-06-01"), at("2027-03-10 12:00")


def read(text: str, zone: str = ZURICH) -> Phrase | Refusal:
    """The phrase, on a question of March 2027 to May 2028, at noon on 10 March 2027."""
    return parse_window(text, zone=zone, origin=ORIGIN, horizon=HORIZON, now=NOW)


def ruled(text: str) -> Outcome | Refusal:
    """The outcome, on the same question at the same time."""
    return parse_outcome(text, zone=ZURICH, origin=ORIGIN, horizon=HORIZON, now=NOW)


def reason(answer: object) -> Reason | None:
    """Why it was refused, if it was."""
    return answer.reason if isinstance(answer, Refusal) else None


WINDOWS = {
    "2027-03": ("2027-03-01", "2027-03-31"),
    "March 2027": ("2027-03-01", "2027-03-31"),
    "mar 2027": ("2027-03-01", "2027-03-31"),
    "in March": ("2027-03-01", "2027-03-31"),
    "February": ("2028-02-01", "2028-02-29"),
    "29 Feb": ("2028-02-29", "2028-02-29"),
    "2027-03-14": ("2027-03-14", "2027-03-14"),
    "2027-3-4": ("2027-03-04", "2027-03-04"),
    "14 March": ("2027-03-14", "2027-03-14"),
    "9 March": ("2028-03-09", "2028-03-09"),
    "10 March": ("2027-03-10", "2027-03-10"),
    "the 3rd of May": ("2027-05-03", "2027-05-03"),
    "May 3rd, 2027": ("2027-05-03", "2027-05-03"),
    "Apr. 14": ("2027-04-14", "2027-04-14"),
    "14–20 Apr 2027": ("2027-04-14", "2027-04-20"),
    "14-20 Apr 2027": ("2027-04-14", "2027-04-20"),
    "14 to 20 April": ("2027-04-14", "2027-04-20"),
    "April 14-20": ("2027-04-14", "2027-04-20"),
    "April 14–20, 2027": ("2027-04-14", "2027-04-20"),
    "14 Apr – 3 May 2027": ("2027-04-14", "2027-05-03"),
    "from 14 Apr to 3 May": ("2027-04-14", "2027-05-03"),
    "from 14 Apr until 3 May": ("2027-04-14", "2027-05-03"),
    "between 3 and 10 May": ("2027-05-03", "2027-05-10"),
    "2027-03-14..2027-03-20": ("2027-03-14", "2027-03-20"),
    "2027-03-14/2027-03-20": ("2027-03-14", "2027-03-20"),
    "2027-03-14-2027-03-20": ("2027-03-14", "2027-03-20"),
    "2027-03-14 – 3 May": ("2027-03-14", "2027-05-03"),
    "2027-04..2027-06": ("2027-04-01", "2027-06-30"),
    "April–June": ("2027-04-01", "2027-06-30"),
    "Apr..Jun": ("2027-04-01", "2027-06-30"),
    "Dec–Feb": ("2027-12-01", "2028-02-29"),
    "Dec–Feb 2028": ("2027-12-01", "2028-02-29"),
    "Dec 2027 – Feb": ("2027-12-01", "2028-02-29"),
    "14 Nov to 3 Jan": ("2027-11-14", "2028-01-03"),
    "week of 9 March 2027": ("2027-03-08", "2027-03-14"),
    "the week of 9 March": ("2027-03-08", "2027-03-14"),
    "2027-W11": ("2027-03-15", "2027-03-21"),
    "2026-w53": ("2026-12-28", "2027-01-03"),
    "Q2 2027": ("2027-04-01", "2027-06-30"),
    "2027-Q4": ("2027-10-01", "2027-12-31"),
    "q1": ("2027-01-01", "2027-03-31"),
    "2027": ("2027-01-01", "2027-12-31"),
    "2027–2028": ("2027-01-01", "2028-12-31"),
    "today": ("2027-03-10", "2027-03-10"),
    "tomorrow": ("2027-03-11", "2027-03-11"),
    "yesterday": ("2027-03-09", "2027-03-09"),
    "this week": ("2027-03-08", "2027-03-14"),
    "next week": ("2027-03-15", "2027-03-21"),
    "next month": ("2027-04-01", "2027-04-30"),
    "last month": ("2027-02-01", "2027-02-28"),
    "next quarter": ("2027-04-01", "2027-06-30"),
    "this year": ("2027-01-01", "2027-12-31"),
    "tomorrow – 3 May": ("2027-03-11", "2027-05-03"),
}


@pytest.mark.parametrize("text", WINDOWS)
def test_a_date_names_whole_days_and_a_window_holds_the_last_one_named(text: str) -> None:
    assert read(text) == Between(days(*WINDOWS[text]))
    assert read("  " + text.upper() + " ") == Between(days(*WINDOWS[text]))
    assert parse_span(text, zone=ZURICH, origin=ORIGIN, horizon=HORIZON, now=NOW) == days(*WINDOWS[text])


CLOCKS = {
    "2027-03-14 15:04": ("2027-03-14 15:04", "2027-03-14 15:05"),
    "15:04 on 14 March": ("2027-03-14 15:04", "2027-03-14 15:05"),
    "14 March at 3:04 pm": ("2027-03-14 15:04", "2027-03-14 15:05"),
    "tomorrow 12am": ("2027-03-11 00:00", "2027-03-11 00:01"),
    "15:04": ("2027-03-10 15:04", "2027-03-10 15:05"),
    "11:00": ("2027-03-11 11:00", "2027-03-11 11:01"),
    "14:00–15:00 on 3 April": ("2027-04-03 14:00", "2027-04-03 15:00"),
    "3 April 2027, 14:00–15:00": ("2027-04-03 14:00", "2027-04-03 15:00"),
    "2027-03-14 15:00..16:00": ("2027-03-14 15:00", "2027-03-14 16:00"),
    "2027-03-14 15:00-16:00": ("2027-03-14 15:00", "2027-03-14 16:00"),
    "2027-03-14 22:00 – 2027-03-15 02:00": ("2027-03-14 22:00", "2027-03-15 02:00"),
    "3 April 2027, 23:00–24:00": ("2027-04-03 23:00", "2027-04-04 00:00"),
    "2027-03-14 12:00 – 16 March": ("2027-03-14 12:00", "2027-03-17 00:00"),
    "2027-03-14T15:04:00Z": ("2027-03-14 16:04", "2027-03-14 16:05"),
    "2027-03-14T15:04Z": ("2027-03-14 16:04", "2027-03-14 16:05"),
    "2027-03-14 15:04Z": ("2027-03-14 16:04", "2027-03-14 16:05"),
    "2027-03-14T15:04-05:00": ("2027-03-14 21:04", "2027-03-14 21:05"),
    "2027-03-14 15:04 UTC-3": ("2027-03-14 19:04", "2027-03-14 19:05"),
    "2027-03-14T15:00Z/2027-03-14T16:00+0100": None,
    "2027-03-14T15:00Z/2027-03-14T18:00+0100": ("2027-03-14 16:00", "2027-03-14 18:00"),
    "2027-03-14 15:04:30": ("2027-03-14 15:04:30", "2027-03-14 15:04:31"),
}


@pytest.mark.parametrize("text", CLOCKS)
def test_one_time_of_day_names_a_minute_and_two_are_points(text: str) -> None:
    ends = CLOCKS[text]
    if ends is None:
        assert reason(read(text)) is Reason.REVERSED
    else:
        assert read(text) == Between(Window(at(ends[0]), at(ends[1])))


def test_before_and_after_leave_out_what_is_named_and_by_and_from_keep_it() -> None:
    may3, june = days("2027-05-03", "2027-05-03"), days("2027-06-01", "2027-06-30")
    assert read("before 2027-06-01") == Before(days("2027-06-01", "2027-06-01"))
    assert read("before June") == read("any time before June") == Before(june)
    assert read("after 3 May") == After(may3)
    assert read("not before June") == read("not until June") == Not(Before(june))
    assert read("not after June") == Not(After(june))
    for text in ("by June", "until June", "by the end of June", "before the end of June", "till June"):
        side = read(text)
        assert isinstance(side, Before) and side.window.start == june.end, text
    for text in ("from 3 May", "from 3 May on", "since 3 May", "from the start of 3 May onwards"):
        side = read(text)
        assert isinstance(side, After) and side.window.end == may3.start, text
    by = read("by 15:00 on 3 May")
    assert isinstance(by, Before) and by.window.start == at("2027-05-03 15:00")


def test_never_and_its_opposites() -> None:
    assert read("never") == read("NEVER") == Never()
    assert read("not never") == read("any time") == read("ever") == Not(Never())
    assert read("not March 2027") == Not(Between(days("2027-03-01", "2027-03-31")))
    assert read("never by 1 June 2028") == read("never by May 2028") == Never()
    never_by = read("never by June")
    assert never_by == read("not by June") and isinstance(never_by, Not) and isinstance(never_by.phrase, Before)
    assert never_by.phrase.window.start == at("2027-07-01")
    assert read("from 1 June 2027 on, or never") == Not(Before(days("2027-06-01", "2027-06-01")))
    assert read("before 1 June 2027, or never") == Not(After(days("2027-05-31", "2027-05-31")))


REFUSED = {
    "31 April": Reason.NO_SUCH_DATE,
    "29 Feb 2027": Reason.NO_SUCH_DATE,
    "30 Feb": Reason.NO_SUCH_DATE,
    "2027-03-35": Reason.NO_SUCH_DATE,
    "2027-13": Reason.NO_SUCH_DATE,
    "2027-W53": Reason.NO_SUCH_DATE,
    "2027-Q5": Reason.NO_SUCH_DATE,
    "2027-03-28 02:30": Reason.NO_SUCH_DATE,
    "24:00 on 3 May": Reason.NO_SUCH_DATE,
    "0 May 2027": Reason.NO_SUCH_DATE,
    "04:19:99": Reason.NOT_A_TIME,
    "25:00 on 3 May": Reason.NOT_A_TIME,
    "13pm on 3 May": Reason.NOT_A_TIME,
    "2027-03-14T15:00-16:00": Reason.NOT_A_TIME,
    "0000": Reason.TIME_OUT_OF_BOUNDS,
    "0000-01-01": Reason.TIME_OUT_OF_BOUNDS,
    "1799": Reason.TIME_OUT_OF_BOUNDS,
    "9999": Reason.TIME_OUT_OF_BOUNDS,
    "10000": Reason.TIME_OUT_OF_BOUNDS,
    "before March 2500": Reason.TIME_OUT_OF_BOUNDS,
    "20–14 Apr 2027": Reason.REVERSED,
    "June–May 2027": Reason.REVERSED,
    "2027-03-20..2027-03-14": Reason.REVERSED,
    "22:00–02:00 on 3 May": Reason.REVERSED,
    "15:00–15:00 on 3 May": Reason.REVERSED,
    "3/4/2027": Reason.NOT_A_WINDOW,
    "3/4": Reason.NOT_A_WINDOW,
    "14/20 Apr 2027": Reason.NOT_A_WINDOW,
    "14.3.2027": Reason.NOT_A_WINDOW,
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_is_said_precisely(text: str) -> None:
    answer = read(text)
    assert reason(answer) is REFUSED[text]
    assert isinstance(answer, Refusal) and text in answer.sentence and "…" not in str(answer)


HOSTILE = (
    "",
    " ",
    "-",
    "..",
    "to",
    "not",
    "not not never",
    "not not March",
    "never never",
    "never March",
    "or never",
    "March or never",
    "before",
    "not before",
    "before after May",
    "by by June",
    "14",
    "14-20",
    "14 14 May",
    "May June",
    "2027 2028",
    "14 15:00",
    "March 15:00",
    "week",
    "next",
    "week of March",
    "15:00 16:00 3 May",
    "+01:00",
    "3 May +01:00",
    "3–4–5 May",
    "3 May –",
    "– 3 May",
    "NaN",
    "inf",
    "1e400",
    "-5",
    "٣ March",
    "３ March 2027",
    "3\u00b2 May",
    "March\n2027",
    "March\t2027",
    "March\x002027",
    "\ud800",
    "March 2027" + " " * 80,
    "9" * 80,
    "a" * 5000,
    "'; drop table",
    "<b>May</b>",
    "{name}",
    "%s",
    "½",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_window_is_refused_for_every_purpose_and_safe_to_repeat(text: str) -> None:
    for answer in (read(text), ruled(text), parse_instant(text, zone=ZURICH)):
        assert isinstance(answer, Refusal), text
        assert str(answer).encode() and str(answer).isprintable() and len(str(answer)) < 400
        assert answer.reason in (Reason.NOT_A_WINDOW, Reason.NOT_A_TIME, Reason.TIME_OUT_OF_BOUNDS), text


PIECES = (
    "14",
    "3rd",
    "2027",
    "0",
    "99999",
    "March",
    "feb",
    "2027-03",
    "2027-03-14",
    "2027-02-30",
    "2027-W60",
    "q9",
    "2027-q1",
    "15:04",
    "24:00",
    "99:99",
    "3pm",
    "2027-03-14T15:04:05.123456Z",
    "2499-12-31T23:59:59-12:00",
    "1800-01-01",
    "2499",
    "z",
    "utc+14",
    "utc-03:30",
    "not",
    "never",
    "before",
    "by",
    "after",
    "from",
    "on",
    "until",
    "or",
    "any",
    "time",
    "end",
    "start",
    "of",
    "the",
    "week",
    "next",
    "last",
    "month",
    "year",
    "today",
    "now",
    "and",
    "between",
    "to",
    "–",
    "-",
    "..",
    "/",
    ",",
    ".",
)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=9), st.sampled_from([" ", ""]), st.sampled_from(ZONES))
def test_no_mixture_of_known_pieces_raises_or_gives_an_empty_window(pieces: list[str], joint: str, zone: str) -> None:
    text = joint.join(pieces)
    span = parse_span(text, zone=zone, origin=ORIGIN, horizon=HORIZON, now=NOW)
    if not isinstance(span, Refusal):
        assert FIRST_INSTANT <= span.start < span.end <= LAST_INSTANT
        assert parse_window(text, zone=zone, origin=ORIGIN, horizon=HORIZON, now=NOW) == Between(span)
    assert read(text, zone) is not None and ruled(text) is not None
    assert parse_instant(text, zone=zone) is not None


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(max_size=90))
def test_no_text_at_all_raises(text: str) -> None:
    for answer in (read(text), ruled(text), parse_instant(text, zone=ZURICH), check_zone(text)):
        assert answer is not None and (not isinstance(answer, Refusal) or str(answer).encode())


def test_an_outcome_is_an_instant_a_window_or_never_and_looks_back() -> None:
    assert ruled("never") == NeverBy()
    assert ruled("now") == At(NOW)
    assert ruled("2027-03-05 14:05:30") == At(at("2027-03-05 14:05:30"))
    assert ruled("2027-03-05T13:05Z") == At(at("2027-03-05 14:05"))
    assert ruled("11:00") == At(at("2027-03-10 11:00"))
    assert ruled("15:00") == At(at("2027-03-09 15:00"))
    assert ruled("9 March") == ruled("yesterday") == Within(days("2027-03-09", "2027-03-09"))
    assert ruled("2–4 March") == Within(days("2027-03-02", "2027-03-04"))
    assert ruled("March") == Within(days("2027-03-01", "2027-03-31"))
    assert ruled("2027-03-02 12:00–13:00") == Within(Window(at("2027-03-02 12:00"), at("2027-03-02 13:00")))
    for text in ("before June", "not March", "not never", "after 3 March"):
        assert reason(ruled(text)) is Reason.NOT_A_WINDOW


def test_an_instant_is_the_start_of_what_is_named_with_nothing_left_out() -> None:
    assert parse_instant("2027", zone=ZURICH) == at("2027-01-01")
    assert parse_instant("March 2027", zone=ZURICH) == at("2027-03-01")
    assert parse_instant("3 May 2027, 14:00", zone=ZURICH) == at("2027-05-03 14:00")
    assert parse_instant("2027-03-14T15:04:05.25-05:00", zone=ZURICH) == instant_of(datetime(2027, 3, 14, 20, 4, 5, 250_000))
    assert parse_instant("tomorrow", zone=ZURICH, now=at("2027-03-10 12:00")) == at("2027-03-11")
    assert parse_instant("next month", zone=ZURICH, now=at("2027-03-10 12:00")) == at("2027-04-01")
    assert parse_instant("today 18:00", zone=ZURICH, now=at("2027-03-10 12:00")) == at("2027-03-10 18:00")
    for text in ("March", "15:00", "next March", "now", "today – 3 May 2027"):
        assert reason(parse_instant(text, zone=ZURICH, now=at("2027-03-10 12:00"))) is Reason.NOT_A_TIME, text
    for text in ("March", "15:00", "today", "next week", "2027-03-14..2027-03-15", "before 2027", "never", "now"):
        assert reason(parse_instant(text, zone=ZURICH)) is Reason.NOT_A_TIME, text
    assert reason(parse_instant("31 April 2027", zone=ZURICH)) is Reason.NO_SUCH_DATE
    assert reason(parse_instant("1 January 1800", zone="Asia/Tokyo")) is Reason.TIME_OUT_OF_BOUNDS


def test_a_year_left_out_is_the_first_that_fits_the_question_and_is_not_over() -> None:
    long_question = {"zone": "UTC", "origin": at("2030-06-01", "UTC"), "horizon": at("2040-01-01", "UTC")}
    for now, year in (("2027-01-01", 2031), ("2031-03-14 10:00", 2031), ("2031-03-15", 2032), ("2039-12-01", 2039)):
        got = parse_span("14 March", now=at(now, "UTC"), **long_question)  # type: ignore[arg-type]
        assert got == days(f"{year}-03-14", f"{year}-03-14", "UTC"), now


def test_what_is_left_out_is_looked_for_beyond_the_question_so_that_the_answer_can_say_where_it_lies() -> None:
    short = {"zone": "UTC", "origin": at("2097-06-01", "UTC"), "horizon": at("2098-01-01", "UTC"), "now": at("2097-01-01 12:00", "UTC")}
    assert parse_span("29 Feb", **short) == days("2104-02-29", "2104-02-29", "UTC")  # type: ignore[arg-type]
    assert parse_span("15:00–16:00", **short) == Window(at("2097-06-01 15:00", "UTC"), at("2097-06-01 16:00", "UTC"))  # type: ignore[arg-type]


# zones


def test_a_zone_is_an_iana_name_whatever_its_case() -> None:
    assert check_zone("europe/zurich ") == ZURICH and check_zone("utc") == "UTC"
    for text in ("", "Mars/Base", "../../etc/passwd", "Factory", "zones", "Europe", "Europe/Zürich", "\ud800", "Z" * 500):
        assert reason(check_zone(text)) is Reason.NOT_A_ZONE
    assert len(ZONES) > 550 and instants.tzdata_version()[:2] == "20"


def test_only_the_packages_zone_data_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the machine's zone data was asked for")

    monkeypatch.setattr("zoneinfo._common.load_tzdata", refuse)
    monkeypatch.setenv("TZ", "Pacific/Apia")
    instants.zone_of.cache_clear()
    assert iso(day_start(date(2027, 7, 1), ZURICH)) == "2027-06-30T22:00:00Z"


def test_iso_is_utc_with_z() -> None:
    assert iso(at("2027-03-14 16:04")) == "2027-03-14T15:04:00Z"
    assert iso(Instant(1)) == "1970-01-01T00:00:00.000001Z"
    assert iso(FIRST_INSTANT) == "1800-01-01T00:00:00Z" and iso(LAST_INSTANT) == "2500-01-01T00:00:00Z"


def test_a_repeated_time_is_its_first_occurrence_and_a_skipped_one_the_jump() -> None:
    assert iso(at("2027-10-31 02:30")) == "2027-10-31T00:30:00Z"
    assert iso(at("2027-03-28 02:30")) == iso(at("2027-03-28 03:00")) == "2027-03-28T01:00:00Z"
    assert iso(at("2026-10-04 02:15", "Australia/Lord_Howe")) == "2026-10-03T15:30:00Z"


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.sampled_from(ZONES), st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)))
def test_the_first_instant_of_a_local_time_shows_it_and_no_earlier_one_nearby_does(zone: str, local: datetime) -> None:
    found = first_at(local, zone)
    assert local_of(found, zone).replace(fold=0) >= local
    for back in (1, MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, DAY):
        assert local_of(found - back, zone).replace(fold=0) < local


# sayings


def test_windows_are_said_shortly() -> None:
    def say(first: str, last: str, grain: Grain = Grain.DAY) -> str:
        return say_window(days(first, last), ZURICH, grain)

    assert say("2027-03-01", "2027-03-31") == "1–31 March 2027"
    assert say("2027-03-01", "2027-03-31", Grain.MONTH) == "March 2027"
    assert say("2027-03-01", "2027-05-31", Grain.MONTH) == "March–May 2027"
    assert say("2027-12-01", "2028-01-31", Grain.MONTH) == "December 2027 – January 2028"
    assert say("2027-03-03", "2027-03-03") == say("2027-03-03", "2027-03-03", Grain.HOUR) == "3 March 2027"
    assert say("2027-04-14", "2027-05-03") == "14 April – 3 May 2027"
    assert say("2027-12-31", "2028-01-03") == "31 December 2027 – 3 January 2028"
    assert say("2027-03-08", "2027-03-14", Grain.WEEK) == "week of 8 March 2027"
    assert say("2027-03-08", "2027-03-21", Grain.WEEK) == "8–21 March 2027"
    assert say_window(Window(at("2027-03-03 14:00"), at("2027-03-03 15:00")), ZURICH, Grain.HOUR) == "3 March 2027, 14:00–15:00"
    assert say_window(Window(at("2027-03-03 23:00"), at("2027-03-04")), ZURICH, Grain.HOUR) == "3 March 2027, 23:00–24:00"
    assert say_window(Window(at("2027-03-03 14:05"), at("2027-03-03 14:06")), ZURICH, Grain.MINUTE) == "3 March 2027, 14:05"
    fold = Instant(at("2027-10-31 02:00") + HOUR)
    assert say_window(Window(fold, Instant(fold + HOUR)), ZURICH, Grain.HOUR) == "31 October 2027, 02:00 UTC+01:00–03:00"
    assert say_window(days("2011-12-29", "2011-12-30", "Pacific/Apia"), "Pacific/Apia", Grain.DAY) == "29 December 2011"


def test_instants_are_said_to_the_grain() -> None:
    noon = at("2027-03-10 12:05:59")
    said = [say_instant(noon, ZURICH, grain) for grain in Grain]
    assert said == ["10 March 2027, 12:05", "10 March 2027, 12:05", "10 March 2027", "week of 8 March 2027", "March 2027"]


@st.composite
def horizons(draw: st.DrawFn) -> Horizon:
    """A question in any zone, of any grain, in 2000 to 2040."""
    zone, grain = draw(st.sampled_from(ZONES)), draw(st.sampled_from(list(Grain)))
    first = date(2000, 1, 1) + timedelta(days=draw(st.integers(0, 14_500)))
    last = first + timedelta(days=draw(st.integers(1, 8 if grain in ("minute", "hour") else 800)))
    if grain is Grain.WEEK:
        first, last = (day - timedelta(days=day.weekday()) for day in (first, last + timedelta(days=7)))
    if grain is Grain.MONTH:
        first, last = (day.replace(day=1) for day in (first, last + timedelta(days=31)))
    start, end = day_start(first, zone), day_start(last, zone)
    if grain in (Grain.MINUTE, Grain.HOUR):
        step = MINUTE if grain is Grain.MINUTE else HOUR
        end = Instant(start + max(1, (end - start) // step) * step)
    built = Horizon.build(grain, zone, start, Instant(max(end, day_start(first + timedelta(days=2), zone))) if end == start else end)
    assert isinstance(built, Horizon), (grain, zone, first, last, built)
    return built


@settings(max_examples=800, deadline=None, derandomize=True)
@given(horizons(), st.data())
def test_what_is_said_of_a_window_is_read_back_as_the_same_window(horizon: Horizon, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, horizon.count - 1))
    last = data.draw(st.one_of(st.just(first + 1), st.integers(first + 1, horizon.count)))
    window = Window(horizon.start(first), horizon.start(last))
    said = say_window(window, horizon.zone, horizon.grain)
    assert parse_window(said, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=horizon.origin) == Between(window), said
    assert parse_instant(say_instant(window.start, horizon.zone, horizon.grain), zone=horizon.zone) == window.start


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(ZONES), st.integers(FIRST_INSTANT, LAST_INSTANT - 10**9), st.integers(2, 10**9), st.sampled_from([1, MINUTE, HOUR]))
@example("UTC", -1, 1_000_000, 1)
@example("America/St_Johns", instant_of(datetime(2007, 11, 4, 2, 31)), 3, MINUTE)
def test_a_window_off_every_grain_is_read_back_too(zone: str, start: int, length: int, step: int) -> None:
    window = Window(Instant(start), Instant(min(start + length * step, LAST_INSTANT)))
    said = say_window(window, zone, Grain.DAY)
    assert parse_span(said, zone=zone, origin=FIRST_INSTANT, horizon=LAST_INSTANT, now=Instant(0)) == window, said


# ---- months back -----------------------------------------------------------------------------------------------------

INSTANTS = st.integers(FIRST_INSTANT, LAST_INSTANT).map(Instant)


@pytest.mark.parametrize(
    ("now", "months", "then"),
    [
        ("2027-05-14 15:04", 3, "2027-02-14 15:04"),
        ("2027-05-31 15:04", 3, "2027-02-28 15:04"),
        ("2028-05-31 15:04", 3, "2028-02-29 15:04"),
        ("2028-02-29 00:00", 12, "2027-02-28 00:00"),
        ("2027-01-15 08:00", 1, "2026-12-15 08:00"),
        ("2027-03-31 12:00:30.000001", 1, "2027-02-28 12:00:30.000001"),
        ("2027-06-28 02:30", 3, "2027-03-28 03:00"),  # the clocks go from 02:00 to 03:00
    ],
)
def test_months_back_is_the_same_day_and_time_or_the_last_of_the_month(now: str, months: int, then: str) -> None:
    assert months_back(at(now), ZURICH, months) == at(then)


def test_months_back_into_an_hour_that_comes_twice_is_its_first_pass() -> None:
    first = at("2027-10-31 02:30")
    assert months_back(at("2027-11-30 02:30"), ZURICH, 1) == at("2027-10-30 02:30")
    assert months_back(at("2027-12-31 02:30"), ZURICH, 2) == first
    assert local_of(first + HOUR, ZURICH) == local_of(first, ZURICH).replace(fold=1)
    assert months_back(Instant(first + HOUR), ZURICH, 0) == first + HOUR
    assert months_back(Instant(first + HOUR), ZURICH, 1) == at("2027-09-30 02:30")


def test_months_back_onto_a_day_that_the_zone_skipped_is_the_next_that_exists() -> None:
    apia = "Pacific/Apia"  # had no 30 December 2011
    assert months_back(at("2012-01-30 09:00", apia), apia, 1) == day_start(date(2011, 12, 31), apia)


def test_months_back_keep_the_clock_and_not_the_count_of_hours() -> None:
    now = at("2027-05-01 12:00")
    assert now - months_back(now, ZURICH, 3) == 89 * DAY - HOUR


@settings(max_examples=300)
@given(INSTANTS, st.sampled_from(ZONES), st.integers(0, 30 * 12))
def test_months_back_lands_in_that_month_at_that_time(now: Instant, zone: str, months: int) -> None:
    then = months_back(now, zone, months)
    assert FIRST_INSTANT <= then <= now and (then < now or months == 0 or now == FIRST_INSTANT)
    here, there = local_of(now, zone), local_of(then, zone)
    if then == FIRST_INSTANT or months == 0:
        return
    year, month = divmod(here.year * 12 + here.month - 1 - months, 12)
    wanted = here.replace(year=year, month=month + 1, day=min(here.day, calendar.monthrange(year, month + 1)[1]), fold=0)
    assert timedelta() <= there.replace(fold=0) - wanted <= timedelta(days=1)
    assert there.fold == 0
    if there.replace(fold=0) != wanted:
        assert local_of(then - 1, zone) < wanted, "what the clocks skip is cut at the jump"


@given(INSTANTS, INSTANTS, st.sampled_from(["UTC", "Asia/Tokyo"]), st.integers(0, 100))
def test_where_no_clock_is_ever_put_back_a_later_instant_never_reaches_further_back(one: Instant, other: Instant, zone: str, months: int) -> None:
    if zone == "UTC" or min(one, other) > instant_of(datetime(1970, 1, 1)):
        early, late = sorted((one, other))
        assert months_back(early, zone, months) <= months_back(late, zone, months)


def test_no_window_begins_before_the_first_instant() -> None:
    assert months_back(FIRST_INSTANT, ZURICH, 1) == FIRST_INSTANT
    assert months_back(LAST_INSTANT, ZURICH, 12 * 1_000_000) == FIRST_INSTANT
