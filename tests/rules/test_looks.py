"""What is kept of what was said: the looks before it happened know the outcome, the one when time began does not."""

from __future__ import annotations

import random

import pytest

from anyday.instants import DAY, Instant
from anyday.market import scores
from anyday.market.curve import Curve
from anyday.market.forecast import Forecasts
from anyday.market.report import Report
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.record import DAYS, START, Looks, shift
from tests.rules.table import POINT, Table, at, day


def asked(table: Table, **changed: object) -> str:
    """A question of forty days from day 2 on, ruled by rita, with a market and a forecast."""
    fields: dict[str, object] = {
        "title": "When?", "terms": "It happens.", "zone": "UTC", "grain": "day", "origin": day(2), "horizon": day(42), "resolver": "rita",
        "subsidy": 50 * POINT, "subsidy_from": "house", "forecast": True,
    }  # fmt: skip
    (opened,) = table.must("olga", c.Ask(**(fields | changed)))  # type: ignore[arg-type]
    assert isinstance(opened, e.QuestionOpened)
    return opened.question


def crew() -> Table:
    table = Table()
    table.must("olga", c.Grant("house", 10_000 * POINT, "for subsidies"))
    for player in ("alice", "rita"):
        table.must(player, c.Join())
    return table


def ruled(table: Table, question: str, outcome: str, when: float) -> dict[tuple[str, int], e.Mark]:
    """Rule it; the marks by who and look."""
    table.now = at(when)
    decided = table.must("rita", c.Rule(question, outcome, "seen"))
    return {(mark.who, mark.days): mark for event in decided if isinstance(event, e.Scored) for mark in event.marks}


def test_the_look_when_time_began_is_the_same_whatever_happened() -> None:
    seen = []
    for outcome, when in ((f"{day(30)} 12:00", 31), (f"{day(12)} 12:00", 13), ("never", 43)):
        table = crew()
        question = asked(table)
        table.must("alice", c.Forecast(question, c.CurveQuantiles(((day(20), 500_000),), 100_000), POINT))
        table.now = at(5)
        table.must("alice", c.Bet(question, day(25), spend=20 * POINT))
        marks = ruled(table, question, outcome, when)
        seen.append({who: [chance for chance, _ in marks[who, START].by] for who in ("market", "forecast", "player/alice")})
    assert seen[0] == seen[1] == seen[2]
    assert all(len(by) == 10 for by in seen[0].values())


def test_a_question_that_opens_as_its_time_begins_is_looked_at_there_and_then() -> None:
    table = crew()
    state = table.questions[asked(table, forecast=False, origin=day(0))]
    assert Looks(state, None).stops[0] == state.opened.at == at(0)


def test_time_that_passes_moves_no_opinion() -> None:
    before = Curve((0, 4, 10), (0.5, 0.3), 0.2)
    for place in (0, 3, 4, 7):
        assert shift(before, before.condition(place)) < 1e-12
    assert abs(shift(before, Curve((4, 10), (1.0,), 0.0)) - 0.4) < 1e-12, "what never lost"


def test_of_time_that_had_passed_nothing_is_claimed() -> None:
    table = crew()
    question = asked(table)
    marks = ruled(table, question, f"{day(34)} 12:00", 35)
    assert len(marks["market", 0].by) == 2, "the last look is when 80 % of its time have passed: 90 % and the horizon are ahead"
    assert len(marks["market", START].by) == 10
    assert {days for who, days in marks if who == "market"} == {START, 30, 7, 1, 0}
    assert set(DAYS) - {90} | {START} == {days for who, days in marks if who == "market"}


def test_a_question_opened_in_its_own_time_is_looked_at_when_its_next_tenth_begins() -> None:
    table = crew()
    table.now = at(5)
    question = asked(table, origin=day(0), horizon=day(40), forecast=False)
    marks = ruled(table, question, f"{day(20)} 12:00", 21)
    assert len(marks["market", START].by) == 8, "of the tenths after day 8 eight are ahead: its first grain passes there"
    table.now = at(40)
    late = asked(table, origin=day(0), horizon=day(42), forecast=False)
    assert ("market", START) not in ruled(table, late, "never", 43), "no tenth of it begins after the opening"


def test_what_happens_before_the_look_has_none() -> None:
    table = crew()
    question = asked(table)
    table.now = at(2.5)
    decided = table.do("rita", c.Rule(question, f"{day(2)} 06:00", "seen"))
    assert not isinstance(decided, Refusal)
    marks = [mark for event in decided if isinstance(event, e.Scored) for mark in event.marks]
    assert START not in {mark.days for mark in marks}


def _perfect(looks: int) -> tuple[list[scores.Said], list[scores.Said]]:
    """Claims by the curve that the outcomes are drawn from: even over forty grains, one in five never. Looked at when time began,
    and a week before it happened."""
    rng, start, week = random.Random(11), [], []
    whole = Curve(tuple(range(41)), (0.02,) * 40, 0.2)
    for number in range(looks):
        grain = rng.randrange(50)
        outcome = (grain, grain + 1) if grain < 40 else None
        places = range(4, 41, 4)
        start += scores.claims_before(whole, outcome, places, str(number))
        passed = grain - 7 if outcome else 33
        if passed > 0:
            week += scores.claims_before(whole.condition(passed), outcome, [place for place in places if place > passed], str(number))
    return start, week


def test_a_perfect_curve_is_calibrated_when_time_began_and_not_a_week_before_it_happened() -> None:
    """Why calibration has a look of its own: the control is the look that knows the outcome."""
    start, week = _perfect(2_000)
    good, bad = scores.calibration(start), scores.calibration(week)
    assert scores.calibration_error(good) < 0.02
    assert all(level.least <= level.stated <= level.most for level in good)
    assert scores.calibration_error(bad) > 0.15


def test_a_note_has_no_forecast_looked_at_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever notes what happened fifty times would have every forecast gone through a hundred times more while all wait."""
    looked: list[Instant] = []
    standing = Forecasts.standing

    def counted(self: Forecasts, player: str, at: Instant) -> Report:
        looked.append(at)
        return standing(self, player, at)

    monkeypatch.setattr(Forecasts, "standing", counted)
    seen = []
    for notes, market in ((0, True), (5, True), (5, False)):
        table = crew()
        question = asked(table, **({} if market else {"market": False, "subsidy": 0}))
        table.must("alice", c.Forecast(question, c.CurveQuantiles(((day(20), 500_000),), 100_000), POINT))
        for note in range(notes):
            table.now = at(5 + note)
            table.must("alice", c.Note(question, "news", "a rumour", day(4), "a letter"))
        looked.clear()
        ruled(table, question, f"{day(34)} 12:00", 35)
        seen.append(len(looked))
        scored = table.questions[question].scored
        assert scored is not None and len(scored.moved) == (notes if market else 0)
    assert seen == [5, 5, 5], "a look for each of START, 30, 7, 1 and 0 days"


def test_marks_are_looked_at_as_many_days_before_as_they_say() -> None:
    """A bet between two looks is in the later one only."""
    table = crew()
    question = asked(table, forecast=False)
    table.now = Instant(at(30) - 7 * DAY)
    table.must("alice", c.Bet(question, day(30), target=600_000))
    marks = ruled(table, question, f"{day(30)} 12:00", 31)
    assert marks["market", 7].log < marks["market", 1].log, "the look seven days before comes just before the bet of that instant"
    assert marks["market", 30 if ("market", 30) in marks else START].log < marks["market", 1].log
