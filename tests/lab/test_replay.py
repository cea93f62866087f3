"""Replays: nobody knows what was not known, the same seed plays the same, and what is shipped is what was recorded."""

from __future__ import annotations

import asyncio
import csv
import importlib.resources
import json
import math
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import mpmath as mp
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from anyday.instants import DAY, Instant, instant_of, iso, utc_of
from anyday.lab.beliefs import LEAST_MASS, Kernel, Known, belief, grid
from anyday.lab.cases import MARKS, Case, ReleaseCase
from anyday.lab.crowd import Made
from anyday.lab.history import BadData
from anyday.lab.players import PLAYERS, Kind, belief_of, gain
from anyday.lab.replay import Comparisons, Run, cases_of, looks, replay, run
from anyday.points import UNITS_A_POINT

SHIPPED = Path(str(importlib.resources.files("anyday"))) / "data"
FILES = ("nenana_breakup.csv", "cpython_plan_history.csv", "cpython_milestones.csv")


def play(cases: Sequence[Case], seed: int = 1, without: Kind | None = None) -> Run:
    return asyncio.run(run(cases, seed, without, Comparisons(cases), lambda done: None))


def poisoned(folder: Path, after: Instant) -> Path:
    """A copy of the data in which every row that became known after ``after`` says something else, and every column of hindsight is wrong."""
    folder.mkdir()
    for name in FILES:
        rows = list(csv.DictReader((SHIPPED / name).read_text(encoding="utf-8").splitlines()))
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0], "actual_date"], lineterminator="\n", restval="2001-01-01")
            writer.writeheader()
            writer.writerows(_poison(name, dict(row), after) for row in rows)
    return folder


def _later(text: str, days: int) -> str:
    return (datetime.fromisoformat(text) + timedelta(days=days)).date().isoformat()


def _poison(name: str, row: dict[str, str], after: Instant) -> dict[str, str]:
    if name == "nenana_breakup.csv":
        local = datetime.fromisoformat(row["breakup_local"])
        if instant_of(local) > after:
            row["breakup_local"] = f"{local.replace(day=25 if local.month == 4 else 29):%Y-%m-%dT%H:%M}"
    elif name == "cpython_plan_history.csv":
        if row["recorded_at"] > iso(after) and row["scheduled_date"]:
            row["scheduled_date"] = _later(row["scheduled_date"], 41)
        if row["kind"] != "plan" and row["scheduled_date"]:
            row["scheduled_date"] = "1999-12-31"  # what is no plan is never shown, whenever it was written
    elif row["date"] and row["state"] == "actual" and instant_of(datetime.fromisoformat(row["date"])) > after:
        row["date"] = _later(row["date"], 37)
    return row


def before(made: Sequence[Made], limit: Instant) -> list[Made]:
    return [bet for bet in made if bet.at <= limit]


@pytest.mark.parametrize(("name", "taken", "into"), [("nenana", slice(40, 43), 470), ("cpython", slice(100, 112), 150)])
def test_no_player_knows_what_was_not_known(tmp_path: Path, name: str, taken: slice, into: int) -> None:
    true = cases_of(name)[taken]
    after = Instant(true[0].asked.at + into * DAY)
    changed = [case for case in cases_of(name, poisoned(tmp_path / "later", after)) if case.key in {t.key for t in true} and case.asked.at <= after]
    true = [case for case in true if case.asked.at <= after]
    assert [case.key for case in changed] == [case.key for case in true]
    assert [case.outcome for case in changed] != [case.outcome for case in true]
    ours, theirs = before(play(true).made, after), before(play(changed).made, after)
    assert len(ours) > 60
    assert ours == theirs


@pytest.mark.parametrize(("name", "taken", "into"), [("nenana", slice(40, 43), 470), ("cpython", slice(100, 112), 150)])
def test_control_what_was_known_does_change_the_bets(tmp_path: Path, name: str, taken: slice, into: int) -> None:
    true = cases_of(name)[taken]
    after = Instant(true[0].asked.at + into * DAY)
    true = [case for case in true if case.asked.at <= after]
    early = poisoned(tmp_path / "earlier", Instant(true[0].asked.at - 900 * DAY))
    changed = [case for case in cases_of(name, early) if case.key in {t.key for t in true}]
    assert before(play(true).made, after) != before(play(changed).made, after)


def test_nobody_bets_once_it_has_happened_and_no_cut_voids_a_bet() -> None:
    cases = cases_of("cpython")[60:72]
    played = play(cases)
    ends = {case.asked.title: case.ends for case in cases}
    assert played.made
    assert all(bet.at < ends[bet.question] for bet in played.made)
    assert played.voided == 0
    assert played.refused == {}


def test_the_same_seed_plays_the_same_and_another_does_not() -> None:
    cases = cases_of("nenana")[-3:]
    first, second, third = play(cases, 5), play(cases, 5), play(cases, 6)
    assert first.made == second.made
    assert first.scored == second.scored
    assert first.made != third.made


def test_history_before_1970_is_played_too() -> None:
    cases = cases_of("nenana")[:2]
    played = play(cases)
    assert [case.key for case in cases] == ["1922", "1923"]
    assert played.made
    assert played.made[0].at < 0


def test_the_house_never_loses_more_than_its_bound_and_every_question_is_settled() -> None:
    played = play(cases_of("cpython")[-12:])
    assert len(played.house) == 12
    assert all(-bound <= result for bound, result in zip(played.bound, played.house, strict=True))
    assert all(0 < bound <= 300 * UNITS_A_POINT for bound in played.bound)


def test_a_kind_that_is_left_out_makes_no_bet() -> None:
    cases = cases_of("nenana")[-2:]
    for kind in Kind:
        absent = {habit.name for habit in PLAYERS if habit.kind is kind}
        players = {bet.player for bet in play(cases, without=kind).made}
        assert players
        assert not players & absent
    assert {bet.player for bet in play(cases).made} == {habit.name for habit in PLAYERS}


def test_a_replay_gives_a_table_json_and_a_picture(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    found = replay("cpython", out=tmp_path, seed=3, limit=4, progress=lambda done, total, text: told.append((done, total, text)))
    assert told[-1][:2] == (16, 16)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    written = json.loads((tmp_path / "replay-cpython.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(found.json))
    assert [run["players"] for run in written["runs"]] == ["all", "without plan", "without record", "without noisy"]
    assert all(len(row) == len(found.headings) for row in found.table)
    assert {row[1] for row in found.table} == {"market", "plan", "record", "market without plan", "market without record", "market without noisy"}
    assert all(math.isfinite(score["log"]) and 0 <= score["crps"] <= 1 for score in written["scores"])
    picture = ET.fromstring((tmp_path / "replay-cpython.svg").read_text(encoding="utf-8"))
    assert picture.tag.endswith("svg")
    assert "nan" not in found.svg


def test_a_folder_of_data_serves_as_well_and_a_bad_one_is_told(tmp_path: Path) -> None:
    for name in FILES:
        shutil.copy(SHIPPED / name, tmp_path / name)
    assert [case.key for case in cases_of("nenana", tmp_path)] == [case.key for case in cases_of("nenana")]
    (tmp_path / "nenana_breakup.csv").write_text("year,breakup_local,utc_offset\n1990,soon,-09:00\n", encoding="utf-8")
    with pytest.raises(BadData, match="line 2"):
        cases_of("nenana", tmp_path)
    (tmp_path / "nenana_breakup.csv").write_text("year\n1990\n", encoding="utf-8")
    with pytest.raises(BadData, match="breakup_local"):
        cases_of("nenana", tmp_path)
    with pytest.raises(BadData, match="cannot be read"):
        cases_of("cpython", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="nenana and cpython"):
        replay("kyoto")


def test_gaps_stay_gaps() -> None:
    years = [int(case.key) for case in cases_of("nenana")]
    assert 1935 not in years
    assert 2021 not in years
    assert years == sorted(years)
    assert not any("3.11.0" in case.key or "3.14.0" in case.key for case in cases_of("cpython"))


def test_sessions_follow_the_plan_that_stands() -> None:
    case = next(case for case in cases_of("cpython") if case.key == "Python 3.12.0 beta 1")
    assert isinstance(case, ReleaseCase)
    for at, later in pairwise(case.sessions):
        plan = case.milestone.plan_at(at)
        assert plan is not None
        news = any(at < other.recorded_at < later for other in case.milestone.plans)
        ahead = (plan.day - utc_of(later).date()).days
        assert news or ahead in MARKS or ahead < 0


def test_the_scorer_looks_only_between_the_opening_and_the_end() -> None:
    found = looks(Instant(0), Instant(40 * DAY), Instant(240 * DAY))
    assert [what for _, what in found if what.isdecimal()] == ["30", "7", "1"]
    assert all(0 < at < 40 * DAY for at, _ in found)


def test_the_even_steps_do_not_depend_on_when_it_happened() -> None:
    early, late = (
        [at for at, what in looks(Instant(0), Instant(ends * DAY), Instant(240 * DAY)) if what == "over time"] for ends in (40, 200)
    )
    assert early == [step * 10 * DAY for step in range(1, 4)]
    assert late[: len(early)] == early
    assert len(late) > len(early)


def shares(scale: float, late: float, centre: float, first: int) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """Of a two-sided exponential, to 50 digits: what lies in days 0 to ``first``, in days 0 to 100, and after them."""
    with mp.workdps(50):

        def before(day: int) -> mp.mpf:
            at = (mp.mpf(day) - mp.mpf(centre)) / mp.mpf(scale)
            return (1 - mp.mpf(late)) * mp.e**at if at < 0 else 1 - mp.mpf(late) * mp.e**-at

        return before(first) - before(0), before(100) - before(0), 1 - before(100)


@given(st.floats(0.5, 40), st.floats(0.1, 0.9), st.floats(-20, 150), st.integers(0, 20))
@example(0.5, 0.5, -14.0, 3)  # so little of it is left that it gives way to uniform
@example(0.5, 0.5, -13.0, 3)  # hardly more is, and it does not
@example(0.5, 0.5, -5.0, 3)
def test_a_belief_is_the_mixture_that_it_says(scale: float, late: float, centre: float, never: int) -> None:
    known = Known(100, 1, centre, 10.0, 5.0, (), 20, never)
    edges = grid(known, centre)
    found = belief(known, edges, [(Kernel(scale, late), [centre], 1.0)], 0.0)
    early, within, beyond = shares(scale, late, centre, edges[1])
    assume(abs((within + beyond) / LEAST_MASS - 1) > 1e-6)
    if within + beyond < LEAST_MASS:
        early, within, beyond = mp.mpf(edges[1]) / 100, mp.mpf(1), mp.mpf(0)
    said = (never + 0.5) / 30
    assert found.never == pytest.approx(float(said + (1 - said) * beyond / (within + beyond)), abs=1e-9)
    assert found.cdf(edges[1]) == pytest.approx(float((1 - said) * early / (within + beyond)), abs=1e-9)


@pytest.mark.parametrize(("centre", "uniform"), [(-13.0, False), (-14.0, True)])
def test_a_belief_of_which_nothing_is_left_gives_way_to_uniform(centre: float, uniform: bool) -> None:
    known = Known(100, 1, centre, 10.0, 5.0, (), 20, 0)
    found = belief(known, range(101), [(Kernel(0.5), [centre], 1.0)], 0.0)
    assert (found.masses[0] == pytest.approx(found.masses[-1])) == uniform


def test_who_follows_the_plan_ignores_the_record_and_the_other_way_round() -> None:
    early = Known(200, 1, 100.0, 90.0, 5.0, (110.0, 130.0), 2, 0)
    moved = Known(200, 1, 160.0, 90.0, 5.0, (110.0, 130.0), 2, 0)
    other = Known(200, 1, 100.0, 90.0, 5.0, (10.0, 30.0), 2, 0)
    for habit in PLAYERS:
        held = {name: belief_of(habit, known, planned=True, error=0.3).quantile(0.5) for name, known in (("e", early), ("m", moved), ("o", other))}
        assert (held["m"] == held["e"]) == (habit.kind is Kind.RECORD)
        assert (held["o"] == held["e"]) == (habit.kind is not Kind.RECORD)


def test_gain_is_the_relative_entropy() -> None:
    assert gain(0.3, 0.3) == 0.0
    assert gain(0.5, 0.25) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
