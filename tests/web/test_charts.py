"""Charts draw the numbers that their tables say, and no page holds anything inline."""

from __future__ import annotations

import gzip
import math
import re
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday import wire
from anyday.instants import iso
from anyday.refusals import Reason, Refusal
from anyday.web import charts, drawing, entering, entrycharts, pages, plays, ticks
from anyday.web.surface import Form
from anyday.wire import fair

DAY = 86_400_000_000
ORIGIN = 1_798_761_600_000_000  # 2027-01-01T00:00Z
WHOLE = drawing.WHOLE


def a_curve(masses: list[int], never: int, *, passed: int = 10, smooth: bool = False, grain: int = DAY) -> wire.CurveView:
    """A curve of whole grains after ``passed`` ones; ``masses`` are weights, scaled so that all and never make the whole."""
    total = sum(masses)
    chances = [mass * (WHOLE - never) // total for mass in masses]
    chances[0] += WHOLE - never - sum(chances)
    start = ORIGIN + passed * grain
    bars = tuple(wire.Bar(start + i * grain, start + (i + 1) * grain, chance) for i, chance in enumerate(chances))
    return wire.CurveView(
        version=7, now=start - grain // 2, passed_until=start, origin=ORIGIN, horizon=bars[-1].end, bars=bars, never=never, smooth=smooth,
        quantiles={"25": bars[len(bars) // 4].end, "50": bars[len(bars) // 2].end, "75": None}, sentence="Most likely soon. 6 % never.",
    )  # fmt: skip


def a_view(shape: wire.CurveView, **changed: object) -> wire.QuestionView:
    facts: dict[str, object] = {
        "id": "q1", "version": 7, "title": "When <b>will</b> it happen?",
        "terms": "It counts & <script>alert(1)</script>\n\nSee https://example.org/x?a=1.",
        "source": "https://example.org/", "state": "open", "zone": "Europe/Zurich", "grain": "day", "origin": iso(shape.origin),
        "horizon": iso(shape.horizon), "lead_minutes": 5, "host": "alice", "resolver": "bob", "subsidy": "200", "subsidy_from": "house",
        "liquidity": "31.2", "bets": 23, "players": 5, "barred": ("alice",), "curve": shape,
        "timeline": (wire.Entry(1, iso(shape.origin), "1 January", "opened", "Opened by alice."),),
        "position": (wire.Held("4 days", "12.5", iso(shape.bars[0].start), iso(shape.bars[3].end)), wire.Held("never", "3", None, None)),
        "spendable": "948.25", "worth": "61.4", "collectable": "3.5", "may_bet": True,
    }  # fmt: skip
    return wire.QuestionView(**{**facts, **changed})  # type: ignore[arg-type]


CURVE = a_curve([3 + i % 7 for i in range(80)], 60_000)
HISTORY = tuple(
    wire.HistoryPoint(ORIGIN + i * DAY, 200_000 - i * 1000, {"25": ORIGIN + (20 + i) * DAY, "50": ORIGIN + (30 + i) * DAY, "75": None})
    for i in range(9)
)
BETS = (wire.BetView(3, iso(ORIGIN), "March 2027", "12.5", "5", True, True), wire.BetView(4, iso(ORIGIN), "never", "1", "0.2", False, False))
VISITOR = pages.Visitor("carol", "player", "948.25")
OWNER = pages.Visitor("alice", "owner", "12")
NO = Refusal(Reason.HAS_STARTED, text="3 January <i>", grain="day", first="11 January 2027")
MEMBERS = (wire.Member("p1", "alice", "owner", False), wire.Member("p2", "robot", "player", True))
QUOTE = wire.QuoteView(7, "March 2027", iso(ORIGIN), iso(ORIGIN + DAY), False, "120", "50", "1", "120", 300_000, 340_000, "It pays 120.")
TOTALS = wire.RulingTotals("12 March 2027", iso(ORIGIN + 20 * DAY), 3, "140", "512.2", "-31.5", True, 7)
CARD = wire.QuestionCard("q1", "When?", "open", "Soon.", (1, 5, 2), 60_000, 42_000, True, 3, iso(ORIGIN), iso(ORIGIN + DAY), "moved")
POSITION = wire.PositionView("q1", "When?", "open", (wire.Held("March 2027", "12.5"),), "5", "6", "1.5")
ME = wire.Me("p1", "carol", "player", "The crew", "1010", "948.25", "61.75", "12", (POSITION,))

TOTE = wire.ToteView(
    True, iso(ORIGIN), "1 January 2027, 00:00", "85", 50_000,
    (
        wire.SlotView("January <b>", "50", "1.615", 588_235, "20", ORIGIN, ORIGIN + 31 * DAY),
        wire.SlotView("February", "0", None, 0, "0", ORIGIN + 31 * DAY, ORIGIN + 90 * DAY),
        wire.SlotView("never", "35", "2.307", 411_765, "5"),
    ),
    "25",
)  # fmt: skip
PINS = (
    *(wire.PinView(f"day {day}", day == 12, ORIGIN + day * DAY, ORIGIN + (day + 1) * DAY) for day in (12, 12, 12, 40)),
    wire.PinView("never", True),
)
CLOSEST = wire.ClosestView(True, iso(ORIGIN), "1 January 2027, 00:00", "nearest", "winner", "The nearest guess wins.", "10", True, False, PINS)
ENDED = msgspec.structs.replace(
    CLOSEST, open=False, revealed=True, pool="50", guesses=5, won="0",
    pins=(msgspec.structs.replace(PINS[0], place=1, name="<i>Rob", won="50", distance=2), *PINS[1:]),
)  # fmt: skip
FORECAST = wire.ForecastView(True, True, iso(ORIGIN), "1 January 2027, 00:00", False, "20", 1, CURVE)
SCORED = msgspec.structs.replace(
    FORECAST, open=False, revealed=True, rows=(wire.ForecastRow("<i>Rob", "0.9572", True),), linear=CURVE, logarithmic=CURVE
)
EVERY = {"plays": ("market", "tote", "closest", "forecast"), "tote": TOTE, "closest": CLOSEST, "forecast": FORECAST}
ALONE = {**EVERY, "plays": ("tote", "closest", "forecast"), "curve": None, "position": (), "liquidity": None}
NOTED = ("near_miss", ORIGIN + 3 * DAY, ORIGIN + 4 * DAY, "https://example.org/<i>")
MISSED = wire.Entry(5, iso(ORIGIN), "3 January", "noted", "A near miss: <i>x", *NOTED)

ACCESS = pages.Access(
    True, True, (), "", "", False, True, (pages.Token("t1", "laptop", "The Lift", "play", "today", "14 March 2028"),), (), {"play": "read and play"},
)  # fmt: skip
SETTINGS = fair.SettingsView("The <b>crew", "UTC", "1000", 24, 168, "server", "own", "full")
OWNED = fair.DutyView("owner", "alice", "1 January", True)
HOUSE = fair.CrewView("crew", "alice", SETTINGS, (OWNED,), None, True, "10000", (("today", "It <i>opened."),))
ALARM = fair.AlarmView("alice", "today", "It <i>burns.")
OFFERED = fair.DutyView("owner", "alice", "1 January", False, "carol", True, "1 March")

PAGES = {
    "question in every way": pages.question(
        a_view(CURVE, **EVERY, timeline=(MISSED,)), visitor=VISITOR, crew="C", history=HISTORY, bets=BETS, at="guess", refusal=NO,
        typed={"guess": '"><i>'},
    ),
    "question without a market": pages.question(a_view(CURVE, **ALONE), visitor=VISITOR, crew="C", now=ORIGIN - DAY),
    "question without a market, for anybody": pages.question(a_view(CURVE, **ALONE, may_bet=False, spendable=None), visitor=None, crew="C"),
    "question settled without a market": pages.question(
        a_view(CURVE, **{**ALONE, "tote": msgspec.structs.replace(TOTE, open=False, won="3"), "closest": ENDED, "forecast": SCORED},
               state="settled", may_bet=False, outcome=f"{iso(ORIGIN)}/{iso(ORIGIN + DAY)}", outcome_said="It happened."), visitor=VISITOR, crew="C",
    ),
    "ruling without a market": pages.ruling(
        a_view(CURVE, **ALONE), visitor=VISITOR, crew="C", totals=msgspec.structs.replace(TOTALS, sealed=("closest", "forecast"))
    ),
    "board of all": pages.board([CARD, msgspec.structs.replace(CARD, spark=(), plays=("closest",))], visitor=VISITOR, crew="The crew"),
    "board": pages.board([CARD], visitor=VISITOR, crew="The crew", said="Done."),
    "empty board": pages.board([], visitor=None, crew="The crew"),
    "question": pages.question(a_view(CURVE), visitor=VISITOR, crew="The crew", history=HISTORY, bets=BETS, said="You bet."),
    "question refused": pages.question(a_view(CURVE), visitor=VISITOR, crew="C", refusal=NO, typed={"window": '"><script>', "target": "40%"}),
    "question with duty": pages.question(a_view(CURVE, may_bet=False, may_rule=True, may_void=True, position=()), visitor=VISITOR, crew="C"),
    "question for anybody": pages.question(a_view(CURVE, may_bet=False, spendable=None, worth=None, position=()), visitor=None, crew="C"),
    "question settled": pages.question(
        a_view(CURVE, state="settled", may_bet=False, outcome="x", outcome_said="It happened.", evidence="<u>seen</u>"), visitor=VISITOR, crew="C"
    ),
    "fragment": pages.fragment(a_view(CURVE), visitor=VISITOR, history=HISTORY, bets=BETS),
    "quote": pages.quote_preview(a_view(CURVE), QUOTE, typed={"window": "March", "points": "50"}, visitor=VISITOR, crew="C"),
    "ruling": pages.ruling(a_view(CURVE), visitor=VISITOR, crew="C"),
    "ruling to confirm": pages.ruling(a_view(CURVE), visitor=VISITOR, crew="C", totals=TOTALS, typed={"outcome": "12 March", "evidence": "e"}),
    "void": pages.ruling(a_view(CURVE), visitor=VISITOR, crew="C", what="void", refusal=NO),
    "correct": pages.ruling(a_view(CURVE), visitor=VISITOR, crew="C", what="correct"),
    "ask": pages.ask(visitor=OWNER, crew="C", zones=("UTC",), members=MEMBERS, quantiles=[("June", "50%")], refusal=NO),
    "me": pages.me(ME, visitor=VISITOR, access=ACCESS, new_token="shown-once", said="Done."),
    "crew": pages.crew(MEMBERS, visitor=OWNER, crew="C", house="10000", view=HOUSE, invitation="http://localhost/join/x"),
    "crew halted": pages.crew(
        MEMBERS, visitor=VISITOR, crew="C", view=msgspec.structs.replace(HOUSE, alarm=ALARM, may_manage=False, duties=(OFFERED,))
    ),
    "problem": pages.problem(NO),
    "help": pages.help_page(),
}


# what is drawn


def corners(path: str) -> list[tuple[int, int]]:
    """The points that a path of absolute M, V, H and relative h, v, l passes through: a second reading of what was written."""
    x = y = 0
    found = []
    for kind, numbers in re.findall(r"([MVHhvlZ])([-\d ]*)", path):
        values = [int(n) for n in re.findall(r"-?\d+", numbers)]
        if kind == "M":
            x, y = values
        elif kind in "Hh":
            x = values[0] if kind == "H" else x + values[0]
        elif kind in "Vv":
            y = values[0] if kind == "V" else y + values[0]
        elif kind == "l":
            x, y = x + values[0], y + values[1]
        found.append((x, y))
    return found


def area(points: list[tuple[int, int]]) -> float:
    """The area of a closed outline by the shoelace formula."""
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, [*points[1:], points[0]], strict=True))) / 2


def height_at(points: list[tuple[int, int]], x: float) -> float:
    """How high a step outline stands at x."""
    return max(drawing.HIGH - a[1] for a, b in pairwise(points) if a[1] == b[1] and min(a[0], b[0]) <= x <= max(a[0], b[0]))


weights = st.lists(st.integers(1, 50), min_size=4, max_size=300)


@given(weights, st.integers(1, 900_000))
def test_the_area_of_the_curve_is_the_chance_that_it_happens(masses: list[int], never: int) -> None:
    curve = a_curve(masses, never)
    axis = charts.axis_of(curve, "UTC", "day")
    heights = charts.densities(curve, "day")
    drawn = corners(drawing.step_path(axis, curve.bars, heights, max(heights)))
    per_unit = (axis.end - axis.start) / drawing.WIDE * max(heights) / (drawing.HIGH * drawing.HEADROOM)
    # Each corner is rounded to whole units of a box of 4000 × 1000.
    slack = (len(masses) * drawing.HIGH + drawing.WIDE) * per_unit
    assert abs(area(drawn) * per_unit - (WHOLE - never)) <= slack


@given(weights, st.integers(0, 900_000))
def test_the_table_drops_nothing_and_agrees_with_the_line_by_date(masses: list[int], never: int) -> None:
    curve = a_curve(masses, never)
    rows, axis = charts.rows_of(curve), charts.axis_of(curve, "UTC", "day")
    assert len(rows) <= charts.MOST_ROWS
    assert sum(row.chance for row in rows) + never == WHOLE
    assert rows[0].start == curve.bars[0].start and rows[-1].end == curve.bars[-1].end
    assert all(a.end == b.start for a, b in pairwise(rows))
    drawn = dict(corners(drawing.cumulative_path(axis, curve.bars)))
    for row in rows:
        height = drawn.get(axis.x(row.end))
        # A run at one height is drawn as one line, so a corner may be missing, never wrong.
        assert height is None or abs((drawing.HIGH - height) * WHOLE / drawing.HIGH - row.by_end) <= WHOLE / drawing.HIGH


@given(weights, st.integers(1, 900_000))
def test_the_pressure_sums_to_the_chances_that_the_table_gives_if_not_before(masses: list[int], never: int) -> None:
    curve = a_curve(masses, never)
    summed = sum(rate * DAY for rate in charts.hazards(curve, "day"))
    tabled = sum(-math.log1p(-row.if_not_before / WHOLE) for row in charts.rows_of(curve, most=10_000))
    assert summed == pytest.approx(-math.log(never / WHOLE), rel=1e-6)
    # The table rounds to parts per million, row by row, which weighs most where little is left.
    assert tabled == pytest.approx(summed, abs=len(masses) * 2 / never + 1e-5)


def test_a_merged_bar_stands_as_high_as_its_grains_and_a_short_day_as_high_as_a_long_one() -> None:
    hour = DAY // 24
    spring = wire.Bar(0, 23 * hour, 5_000)
    week = wire.Bar(23 * hour, 23 * hour + 7 * DAY, 35_000)
    curve = wire.CurveView(1, 0, 0, 0, week.end, (spring, week), 960_000, {}, "", False)
    short, merged = charts.densities(curve, "day")
    assert short == merged


def test_the_payoff_strip_is_as_high_as_what_is_held() -> None:
    view, axis = a_view(CURVE), charts.axis_of(CURVE, "UTC", "day")
    steps = charts.stretches(view.position, CURVE)
    assert [s.payout for s in steps] == [12.5, 3.0]
    assert steps[0].worth == pytest.approx(12.5 * sum(bar.chance for bar in CURVE.bars[:4]) / WHOLE)
    outline = corners(re.findall(r'class="you" d="([^"]+)"', charts.you_chart(steps, axis))[0])
    assert height_at(outline, axis.x(CURVE.bars[1].start)) == drawing.HIGH * drawing.HEADROOM


def test_the_history_jumps_and_never_slopes_and_what_lay_in_never_stands_at_the_edge() -> None:
    axis = charts.axis_of(CURVE, "UTC", "day")
    drawn = re.findall(r'class="(?:fan|line)" d="([^"]+)"', charts.history_chart(HISTORY, axis))
    assert len(drawn) == 2 and not any("l" in path for path in drawn)
    assert max(x for x, _ in corners(drawn[0])) == drawing.WIDE


def test_the_history_in_numbers_names_the_last_day_that_is_meant_as_the_sentence_does() -> None:
    when, cells, never = pages.history_rows(HISTORY[:1], "UTC")[0]
    assert (when, cells, never) == ("1 Jan 2027", ["20 Jan 2027", "30 Jan 2027", "never"], "20 %")


def test_the_glass_of_never_is_filled_to_its_chance() -> None:
    axis = charts.axis_of(CURVE, "UTC", "day")
    assert 'y="94.0%" height="6.0%"' in charts.curve_chart(CURVE, axis)


def test_passed_time_takes_at_most_a_quarter_of_the_axis() -> None:
    old = a_curve([1, 2, 3, 4], 100_000, passed=400)
    axis = charts.axis_of(old, "UTC", "day")
    assert axis.end == old.horizon
    assert axis.x(old.passed_until) == drawing.WIDE // 4


@pytest.mark.parametrize("zone", ["UTC", "Europe/Zurich", "America/Sao_Paulo", "Pacific/Apia"])
@pytest.mark.parametrize("room", [ticks.NARROW, ticks.WIDE])
@given(st.integers(-2_000_000_000, 4_000_000_000), st.floats(math.log(600), math.log(6e9)))
def test_words_on_the_axis_never_touch_and_there_are_always_some(zone: str, room: ticks.Room, start: int, length: float) -> None:
    begin, end = start * 1_000_000, (start + round(math.exp(length))) * 1_000_000
    marks = ticks.ticks(begin, end, zone, room)
    assert 1 <= len(marks) <= 1 / room.gap + 2
    assert all(begin <= mark.at < end for mark in marks)
    spans = [mark.span(begin, end, room) for mark in marks]
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    assert all(left >= -1e-9 and right <= 1 + 1e-9 for left, right in spans)


@pytest.mark.parametrize(("name", "share"), [("50", 0.5), ("p50", 0.5), ("0.5", 0.5), ("500000", 0.5), ("5", 0.05), ("1", 0.01), ("0.05", 0.05)])
def test_a_quantile_may_be_named_in_several_ways(name: str, share: float) -> None:
    assert charts.level(name) == share


# what has entries


def test_a_totes_bars_are_as_high_as_their_stakes_and_ones_own_part_is_filled() -> None:
    axis = entrycharts.axis_of(a_view(CURVE, **EVERY))
    assert (axis.start, axis.end) == (ORIGIN, CURVE.horizon), "slots that have passed still count"
    drawn = str(entrycharts.tote_chart(TOTE, axis))
    bars = {kind: corners(re.findall(rf'class="{kind}" d="([^"]+)"', drawn)[0]) for kind in ("area", "mine")}
    assert drawn.count('class="area"') == 1, "nobody is on February"
    middle = axis.x(ORIGIN + 15 * DAY)
    assert [round(height_at(bars[kind], middle)) for kind in ("area", "mine")] == [800, 320]
    assert 'height="56.0%"' in drawn, "never is drawn to the same scale: 35 of 50 at 80 %"
    assert "×1.61 ●" in drawn or "×1.62 ●" in drawn


def test_guesses_of_one_day_stand_on_each_other_and_many_become_bars() -> None:
    axis = entrycharts.axis_of(a_view(CURVE, **EVERY))
    few = str(entrycharts.pins_chart(CLOSEST, axis))
    assert [few.count(f'cy="-{9 + 12 * row}"') for row in range(4)] == [3, 1, 1, 0]
    many = str(entrycharts.pins_chart(msgspec.structs.replace(CLOSEST, pins=PINS * 9, revealed=True), axis))
    assert few.count('class="area"') == 0
    assert many.count('class="area"') == 2
    assert len(many) < 2 * len(few) + 3_000


def test_forecasts_are_told_apart_by_how_their_lines_are_drawn() -> None:
    view = a_view(CURVE, **{**EVERY, "forecast": SCORED})
    lines = plays.forecast_lines(view)
    assert [line.look for line in lines] == ["mine", "market", "linear", "logarithmic"]
    assert len({entrycharts.LOOKS[line.look] for line in lines}) == 4
    rows = entrycharts.forecast_rows(lines, "UTC")
    assert [label for label, _ in rows] == ["10 % by", "25 % by", "50 % by", "75 % by", "90 % by", "Never"]
    assert {len(cells) for _, cells in rows} == {4}


@given(st.lists(st.integers(0, 70), min_size=3, max_size=3, unique=True), st.integers(0, 900_000))
def test_ones_own_curve_stands_in_the_fields_that_made_it(days: list[int], never: int) -> None:
    edges = [ORIGIN, *(ORIGIN + (day + 1) * DAY for day in sorted(days)), ORIGIN + 90 * DAY]
    shares = [(WHOLE - never) * share // 100 for share in (10, 40, 40)]
    bars = tuple(wire.Bar(a, b, mass) for (a, b), mass in zip(pairwise(edges), [*shares, WHOLE - never - sum(shares)], strict=True))
    mine = msgspec.structs.replace(CURVE, bars=bars, never=never, horizon=edges[-1])
    view = a_view(mine, zone="UTC", forecast=msgspec.structs.replace(FORECAST, mine=mine))
    wanted = [pages.say(ORIGIN + day * DAY, ORIGIN + (day + 1) * DAY, view) for day in sorted(days)]
    assert [handle.value for handle in plays.handles(view, {})] == wanted


def test_an_open_page_asks_again_when_entries_close_though_no_curve_is_seen() -> None:
    view = a_view(CURVE, **ALONE)
    opens = ORIGIN - 5 * 60_000_000  # with its lead
    assert f'data-wait="{DAY // 1000}"' in pages.question(view, visitor=VISITOR, crew="C", now=opens - DAY).decode()
    assert f'data-wait="{(CURVE.horizon - ORIGIN - DAY) // 1000}"' in pages.question(view, visitor=VISITOR, crew="C", now=opens + DAY).decode()
    assert "data-wait" not in pages.question(view, visitor=VISITOR, crew="C", now=CURVE.horizon).decode()


def test_a_near_miss_stands_on_the_history_by_its_number() -> None:
    axis = charts.axis_of(CURVE, "UTC", "day")
    drawn = str(charts.history_chart(HISTORY, axis, [charts.Mark(1, ORIGIN + 3 * DAY), charts.Mark(2, ORIGIN - DAY)]))
    assert drawn.count('r="9"') == 1, "what was before the history is in the list alone"


# what a page may hold


class Reader(HTMLParser):
    """Collects what the policy forbids, the ids, and what labels and descriptions point to."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.pointed: list[str] = []
        self.forms: list[dict[str, str | None]] = []
        self.fields: list[list[str]] = []
        self.in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.faults.append(f"inline on <{tag}>")
        if tag == "script" and not (given.get("src") or "").startswith("/static/"):
            self.faults.append("a script that is not a file of ours")
        for name in ("href", "src", "action", "formaction"):
            value = given.get(name) or ""
            ours = value.startswith(("/", "#")) and not value.startswith("//")
            if value and not ours and not (tag == "a" and value.startswith("https://example.org")):
                self.faults.append(f"{name}={value}")
        self.in_script = tag == "script"
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.pointed += [value for name, value in attrs if name in ("for", "aria-describedby", "aria-labelledby") and value]
        if tag == "form":
            self.forms.append(given)
            self.fields.append([])
        if self.forms and given.get("name") and tag in ("input", "select", "textarea"):
            self.fields[-1].append(given["name"] or "")

    def handle_data(self, data: str) -> None:
        if self.in_script and data.strip():
            self.faults.append("inline script")


def read(page: bytes) -> Reader:
    reader = Reader()
    reader.feed(page.decode())
    return reader


@pytest.mark.parametrize("name", PAGES)
def test_no_page_holds_a_script_a_style_or_an_address_that_the_policy_forbids(name: str) -> None:
    assert read(PAGES[name]).faults == []


def test_the_reader_of_pages_catches_what_it_should() -> None:
    bad = b"<p style='x'><script>1</script><a href='//evil'><img src='http://x/y' onload=x><style>p{}</style>"
    assert len(read(bad).faults) == 7


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_every_label_points_to_one(name: str) -> None:
    reader = read(PAGES[name])
    assert len(reader.ids) == len(set(reader.ids))
    assert set(reader.pointed) <= set(reader.ids)


@pytest.mark.parametrize("name", PAGES)
def test_every_form_that_changes_something_carries_a_command_id(name: str) -> None:
    reader = read(PAGES[name])
    for form, fields in zip(reader.forms, reader.fields, strict=True):
        if "data-passkey" in form:  # only a script sends it: the browser's own part comes first, and nobody sees it without
            assert "action" not in form and "hidden" in form
            continue
        # Signing in has nothing to repeat, and a ruling's first step only shows totals.
        free = form["action"] == "/sign-in" or (form["action"] or "").endswith("/ruling")
        assert form["method"] == "post"
        assert free or "command_id" in fields


WRITTEN = ["question", "question refused", "question settled", "problem", "question in every way", "question settled without a market"]


@pytest.mark.parametrize("name", WRITTEN)
def test_what_people_wrote_is_shown_as_text(name: str) -> None:
    text = PAGES[name].decode()
    assert "<script>" not in text and "<i>" not in text and "<b>will" not in text and "<u>" not in text


def test_every_refusal_has_its_paragraph_and_every_refusal_shown_links_to_it() -> None:
    ids = set(read(PAGES["help"]).ids)
    assert {reason.code for reason in Reason} <= ids
    assert b'href="/help#has_started"' in PAGES["question refused"]
    assert "…" not in "".join(sentence + step for _, sentence, step, _ in pages.help_reasons()), "a fact of a reason has no example"


def test_a_question_is_small_and_its_styles_and_scripts_with_it_stay_below_the_limit() -> None:
    curve = a_curve([10 + (i * 37) % 23 for i in range(400)], 60_000)
    names = ("app.css", "curve.js", "live.js", "entries.js", "vendor/idiomorph.min.js", "icon.svg")
    files = {name: (pages.STATIC / name).read_bytes() for name in names}
    assert len(files["app.css"]) <= 16 * 1024, "as DECISIONS.md says"
    market = pages.question(a_view(curve), visitor=VISITOR, crew="C", history=HISTORY, bets=BETS)
    assert b"entries.js" not in market
    assert len(market) + sum(len(file) for name, file in files.items() if name != "entries.js") <= 100 * 1024
    every = pages.question(a_view(curve, **{**EVERY, "forecast": SCORED, "closest": ENDED}), visitor=VISITOR, crew="C", history=HISTORY, bets=BETS)
    assert all(name.encode() in every for name in names)
    assert sum(len(gzip.compress(file)) for file in (every, *files.values())) <= 50 * 1024, "half of what may go over the wire"


def test_the_table_of_guesses_counts_each_grain_once_and_marks_ones_own_among_others() -> None:
    pins = tuple(wire.PinView(window, mine) for window, mine in (("4 March", True), ("4 March", False), ("5 March", False), ("never", True)))
    assert plays.guess_rows(msgspec.structs.replace(CLOSEST, pins=pins)) == [("4 March", 2, True), ("5 March", 1, False), ("never", 1, True)]


def test_of_two_handles_at_one_time_the_larger_chance_is_said() -> None:
    form = Form([("never", "20%"), ("by10", "March"), ("by50", "April"), ("by90", " april "), ("points", "5")])
    curve = entering._stated(form).curve
    assert [(stated.by, stated.chance) for stated in curve.quantiles] == [("March", "0.080000"), ("april", "0.720000")]
