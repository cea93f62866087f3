"""``anyday replay`` from the command line: what it needs is asked for, what it cannot use is refused, and each prints and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anyday.cli import main


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["replay", *words])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a little of everything; all of it invented."""
    files = {
        "human_date_pools.csv": ["pool_id,question,resolution,timezone,outcome,outcome_known", "p,On what day in 2031?,day,local,2031-03-05,1"],
        "human_date_guesses.csv": [
            "pool_id,entrant,entered_at,guess,guess_raw,in_final_list,test_entry", "p,a,,2031-03-04,2031-03-04,1,0", "p,b,,,2031-03-32,1,0",
        ],
        "gjp_when_questions.csv": [
            "ifp_id,question,status,opened,option,bin_start,bin_end,open_ended,is_outcome,event_date_approx",
            "q,When?,closed,2031-03-03,a,2031-03-03,2031-03-31,0,1,2031-03-20", "q,When?,closed,2031-03-03,b,2031-04-01,,1,0,",
        ],
        "gjp_when_orders.csv": [
            "ifp_id,arm,order_id,created_at,trader,option,side,limit_price,quantity", "q,x,1,2031-03-03T10:00,t,a,buy,0.80,40",
        ],
        "nyc_school_construction.csv": [
            "building,project_type,description,phase,start,planned_end,actual_end,event",
            *(f"B,roofs,r{day},Scope,2031-01-{day:02d},2031-03-01,2031-02-{day:02d},1" for day in range(1, 29)),
            "B,roofs,late,Scope,2031-06-01,2031-07-01,2031-07-09,1",
        ],
    }  # fmt: skip
    for name, lines in files.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [("guesses", (), "Who would have won"), ("gjp", (), "Assumed"), ("reference", ("--cases", "3"), "By class")],
)
def test_each_replay_prints_tables_writes_what_it_found_and_gives_json(data: Path, name: str, more: tuple[str, ...], said: str) -> None:
    out = data / "out"
    shown = run(name, "--data", str(data), "--out", str(out), *more)
    assert shown.exit_code == 0, shown.output
    assert said in shown.output
    assert f"Written to {out}." in " ".join(shown.output.split())
    assert {path.name for path in out.iterdir()} == {f"replay-{name}.json", f"replay-{name}.svg"}
    assert "…" not in shown.output.split("•")[0], "the tables fit a terminal of eighty columns"
    as_json = json.loads(run(name, "--data", str(data), "--json", *more).stdout)
    written = json.loads((out / f"replay-{name}.json").read_text(encoding="utf-8"))
    assert as_json["replay"] == written["replay"] == name


@pytest.mark.parametrize(
    ("words", "sentence", "next_step"),
    [
        (("gjp",), "none ships with AnyDay", "gjp_when_questions.csv and gjp_when_orders.csv"),
        (("guesses",), "none ships with AnyDay", "human_date_guesses.csv"),
        (("reference",), "none ships with AnyDay", "nyc_school_construction.csv"),
        (("reference", "--data", "nowhere"), "There is no folder nowhere.", "nyc_school_construction.csv"),
        (("nenana", "--data", "nowhere"), "There is no folder nowhere.", "leave --data out"),
        (("gjp", "--data", "nowhere", "--seed", "2"), "--seed says nothing to the replay of gjp", "Leave it out"),
        (("guesses", "--limit", "2"), "--limit says nothing", "Leave it out"),
        (("nenana", "--cases", "2"), "--cases says nothing", "Leave it out"),
    ],
)
def test_what_is_missing_or_says_nothing_is_refused_with_a_next_step(words: tuple[str, ...], sentence: str, next_step: str) -> None:
    refused = run(*words)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert sentence in refused.stderr
    assert next_step in refused.stderr


@pytest.mark.parametrize(
    ("name", "file"), [("guesses", "human_date_pools.csv"), ("gjp", "gjp_when_orders.csv"), ("reference", "nyc_school_construction.csv")]
)
def test_a_file_or_a_column_that_is_missing_is_named(data: Path, name: str, file: str) -> None:
    (data / file).write_text("nothing\n", encoding="utf-8")
    assert f"{file} in {data} lacks the columns" in run(name, "--data", str(data)).stderr
    (data / file).unlink()
    gone = run(name, "--data", str(data))
    assert gone.exit_code == 1
    assert f"{file} cannot be read" in gone.stderr
    assert "Check the folder named by --data." in gone.stderr
