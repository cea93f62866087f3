"""Reference classes: a case's curves rest on what was known before it started, and on nothing else."""

from __future__ import annotations

import csv
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.instants import DAY
from anyday.lab import reference
from anyday.lab.folder import BadData
from anyday.lab.reference import Case, Past, Record
from anyday.lab.reference_told import replay
from anyday.market.curve import Curve

DAY_ONE = date(2001, 1, 1)
COLUMNS = ("building", "project_type", "description", "phase", "start", "planned_end", "actual_end", "event")


def case(start: int, plan: int, took: int | None, key: str = "", fine: str = "roofs, Scope", coarse: str = "Scope") -> Case:
    begun = DAY_ONE + timedelta(days=start)
    ended = None if took is None else begun + timedelta(days=took - 1)
    return Case(key or f"case {start}", fine, coarse, begun, begun + timedelta(days=plan - 1), ended)


def many(count: int, seed: int = 1) -> list[Case]:
    chance = Random(seed)
    return [case(7 * n, chance.randint(30, 200), chance.randint(20, 400) if chance.random() < 0.8 else None, f"case {n}") for n in range(count)]


def curves_of(cases: Sequence[Case], wanted: str) -> dict[str, Curve]:
    one = next(c for c in cases if c.key == wanted)
    its_class = Past(cases).class_of(one)
    assert its_class is not None
    found = reference.curves(one, its_class[1])
    assert isinstance(found, dict)
    return found


def test_nothing_that_was_not_known_at_the_start_changes_a_curve() -> None:
    true = many(120)
    now = true[90].start

    def later(other: Case) -> Case:
        if other.key == true[90].key:
            return replace(other, ended=other.start)
        if other.start >= now:
            return replace(other, planned=other.planned + timedelta(days=77), ended=None)
        return other if other.ended_before(now) else replace(other, ended=now + timedelta(days=300))

    changed = [later(other) for other in true]
    assert changed != true
    assert curves_of(changed, true[90].key) == curves_of(true, true[90].key)


def test_control_what_was_known_at_the_start_does_change_the_curves() -> None:
    true = many(120)
    now = true[90].start
    earlier = timedelta(days=11)
    changed = [replace(c, ended=c.ended - earlier) if c.ended and c.start + earlier < c.ended < now else c for c in true]
    ours, theirs = curves_of(true, true[90].key), curves_of(changed, true[90].key)
    assert all(ours[name] != theirs[name] for name in ("prior", "stretched", "plan"))
    assert ours["uniform"] == theirs["uniform"]


def test_what_had_ended_is_over_and_what_was_running_is_censored_on_the_eve() -> None:
    now = DAY_ONE + timedelta(days=100)
    known = [case(0, 50, 60), case(10, 50, 90), case(10, 50, 91), case(40, 30, None), case(99, 10, 5)]
    assert reference.durations(known, now) == ((60 * DAY, True), (90 * DAY, True), (90 * DAY, False), (60 * DAY, False), (DAY, False))


def test_stretched_durations_are_in_units_of_each_ones_plan() -> None:
    now = DAY_ONE + timedelta(days=100)
    known = [case(0, 50, 60), case(40, 30, None)]
    assert reference.durations(known, now, 100) == ((120 * DAY, True), (200 * DAY, False))


@pytest.mark.parametrize(("fine", "coarse", "name"), [(20, 0, "fine"), (19, 0, "coarse"), (3, 2, "coarse"), (2, 2, None)])
def test_the_class_is_the_finest_of_which_enough_had_ended(fine: int, coarse: int, name: str | None) -> None:
    cases = [case(n, 5, 3) for n in range(fine)] + [case(n, 5, 3, fine="walls, Scope") for n in range(coarse)]
    cases += [case(n, 5, 3, fine="roofs, Design", coarse="Design") for n in range(30)]
    found = Past(cases).class_of(case(50, 5, 3))
    assert (found[0].split(" ")[0] if found else None) == name
    assert found is None or len(found[1]) == (fine if name == "fine" else fine + coarse)


def test_the_plans_curve_has_the_planned_day_in_its_middle_and_the_records_width() -> None:
    one = case(0, 100, 100)
    curve = reference.plan_curve(one, [-10, 10] * 200)
    assert curve.quantile(0.5) == pytest.approx(99.5, abs=1)
    assert curve.between(90, 110) == pytest.approx(0.5, abs=0.03)
    late = reference.plan_curve(one, [10] * 400)
    assert late.cdf(99) < 0.05
    assert reference.plan_curve(one, [0] * 400).between(99, 100) > 0.35


def test_an_outcome_is_a_day_never_or_not_known_yet() -> None:
    one = case(0, 10, 12)
    until = DAY_ONE + timedelta(days=5_000)
    assert one.count == 190
    assert reference.outcome_of(one, until) == ((11, 12), None)
    assert reference.outcome_of(case(0, 10, 191), until) == (None, None)
    assert reference.outcome_of(case(0, 10, None), until) == (None, None)
    assert reference.outcome_of(case(0, 10, None), DAY_ONE + timedelta(days=99)) == (None, 100)


@given(st.integers(1, 189), st.floats(0.05, 0.9))
def test_a_censored_case_is_scored_on_what_was_seen(watched: int, never: float) -> None:
    curve = Curve((0, 40, 190), ((1 - never) / 4, (1 - never) * 3 / 4), never)
    record = Record("r", [], DAY_ONE + timedelta(days=watched - 1))
    found = reference.scored(record, case(0, 10, None), "mine", curve)
    assert not found.known
    assert found.log == pytest.approx(math.log(curve.survival(watched)))
    assert found.crps == pytest.approx(sum(curve.cdf(day) ** 2 for day in range(1, watched + 1)) / 190)
    assert found.pit == (pytest.approx(curve.cdf(watched)), 1.0)


def test_a_known_case_is_scored_on_all_its_days() -> None:
    curve = Curve((0, 40, 190), (0.3, 0.5), 0.2)
    found = reference.scored(Record("r", [], DAY_ONE), case(0, 10, 21), "mine", curve)
    assert found.known
    assert found.log == pytest.approx(math.log(0.3 / 40))
    assert found.days == pytest.approx(sum((curve.cdf(day) - (day >= 21)) ** 2 for day in range(1, 191)))
    assert found.pit == (pytest.approx(0.15), pytest.approx(0.1575))


def test_fewer_cases_are_spread_evenly_and_the_record_stays_whole() -> None:
    cases = many(101)
    assert reference.spread(cases, 5) == [cases[n] for n in (0, 25, 50, 75, 100)]
    assert reference.spread(cases, 1) == cases[:1]
    assert reference.spread(cases, None) == reference.spread(cases, 500) == cases
    record = Record("r", cases, DAY_ONE + timedelta(days=2_000))
    whole, part = (reference.run(record, most, lambda: None) for most in (None, 5))
    assert part.scored
    assert [one for one in whole.scored if one.case in {p.case for p in part.scored}] == part.scored


def test_a_prior_made_from_its_own_law_is_calibrated_and_beats_a_uniform_one() -> None:
    chance = Random(5)
    cases = [case(2 * n, 100, math.ceil(chance.expovariate(1 / 90)), f"case {n}") for n in range(300)]
    found = reference.run(Record("r", cases, DAY_ONE + timedelta(days=9_000)), None, lambda: None).scored
    mean = {name: sum(one.log for one in found if one.curve == name) / (len(found) / 4) for name in reference.CURVES}
    assert mean["prior"] > mean["uniform"]
    assert mean["prior"] > mean["plan"]
    middles = [sum(one.pit) / 2 for one in found if one.curve == "prior"]
    assert sum(middles) / len(middles) == pytest.approx(0.5, abs=0.06)


def write(path: Path, cases: Sequence[Case], extra: Sequence[Sequence[str]] = ()) -> Path:
    path.mkdir(exist_ok=True)
    rows = [
        ("B1", "roofs", c.key, c.coarse, str(c.start), str(c.planned), str(c.ended) if c.ended else "", str(int(c.ended is not None))) for c in cases
    ]
    with (path / "nyc_school_construction.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows, *extra])
    return path


def test_rows_that_make_no_case_are_left_out_and_counted(tmp_path: Path) -> None:
    extra = [
        ("B1", "roofs", "x", "Scope", "2004-01-10", "2004-02-01", "2004-01-09", "1"),
        ("B1", "roofs", "y", "Scope", "2004-01-10", "2004-01-10", "2004-01-12", "1"),
        ("B1", "roofs", "z", "CM,F&E", "2004-01-10", "2004-03-10", "2004-01-12", "0"),
    ]
    schools = reference.records(write(tmp_path, [], extra))[0]
    assert [(c.coarse, c.ended) for c in schools.cases] == [("CM", None)]
    assert sorted(schools.left_out.values()) == [1, 1]
    assert schools.until == date(2004, 1, 12)


def test_cpython_comes_from_the_package_unless_the_folder_has_its_plans_too(tmp_path: Path) -> None:
    shipped = reference.records(write(tmp_path, []))[1]
    assert len(shipped.cases) > 200
    assert all(c.start <= c.planned for c in shipped.cases)
    (tmp_path / "cpython_milestones.csv").write_text("release,milestone,state,date\n9.9.0,final,actual,2031-05-05\n", encoding="utf-8")
    assert reference.records(tmp_path)[1].cases == shipped.cases
    header = "release,milestone,recorded_at,scheduled_date,kind,suspect_typo"
    (tmp_path / "cpython_plan_history.csv").write_text(f"{header}\n9.9.0,final,2031-01-01T10:00:00Z,2031-05-01,plan,0\n", encoding="utf-8")
    own = reference.records(tmp_path)[1].cases
    assert [(c.key, c.fine, c.plan, c.lasted) for c in own] == [("Python 9.9.0 final", "final, x.y.0", 121, 125)]


def test_it_gives_tables_json_and_a_picture(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = replay(write(tmp_path / "data", many(60)), tmp_path / "out", 12, lambda done, total, text: told.append((done, total)))
    assert told == [(n, 24) for n in range(1, 25)]
    written = json.loads((tmp_path / "out" / "replay-reference.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(found.json))
    assert {row[1] for row in found.table} == set(reference.CURVES)
    assert all(len(row) == len(found.headings) for row in found.table)
    assert all(len(row) == len(found.more[0].headings) for row in found.more[0].rows)
    for record in written["records"]:
        for figure in record["curves"]:
            assert sum(figure["pit"]) == pytest.approx(figure["cases"])
    assert ET.fromstring((tmp_path / "out" / "replay-reference.svg").read_text(encoding="utf-8")).tag.endswith("svg")
    assert "nan" not in found.svg


@pytest.mark.parametrize(("cell", "value"), [("start", "2004-13-01"), ("planned_end", ""), ("actual_end", "soon"), ("event", "yes")])
def test_a_row_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, cell: str, value: str) -> None:
    row = dict(zip(COLUMNS, ("B1", "roofs", "x", "Scope", "2004-01-10", "2004-02-01", "2004-01-19", "1"), strict=True)) | {cell: value}
    with pytest.raises(BadData, match=f"line 2.*{cell}"):
        reference.records(write(tmp_path, [], [tuple(row.values())]))
