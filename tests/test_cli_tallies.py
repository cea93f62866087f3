"""Tallies on the command line: opened, recorded, struck out, listed, and shown with a strip chart at every width."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyday.cli.terminal import cells
from anyday.instants import DAY, Instant
from tests.test_cli import NOW, crew, db, good, run  # noqa: F401  the fixtures: a file with a crew

OPEN = ("tally", "open", "Lost shipments", "--terms", "A parcel that never arrives.", "--since", "2026-01-01")
TIMES = ("2026-02-03", "2026-05-09 10:00", "2026-06-01", "2026-09-12 14:00", "2026-09-13 14:00", "2026-12-24 18:00")


def opened(db: Path, *more: str) -> str:  # noqa: F811
    """A tally of dora's; its id."""
    return str(json.loads(good(*OPEN, *more, "--db", str(db), "--json"))["tally"])


def kept(db: Path) -> str:  # noqa: F811
    """The same with six occurrences of alice's, of which the second is struck out."""
    tally = opened(db)
    for when in TIMES:
        good("tally", "record", tally, *when.split(), "--evidence", "The carrier wrote so.", "--db", str(db), "--as", "alice")
    good("tally", "strike", tally, "3", "--reason", "it came after all", "--db", str(db))
    return tally


def test_a_tally_is_shown_with_its_strip_chart(db: Path) -> None:  # noqa: F811
    tally = kept(db)
    told = good("tally", "show", tally, "--db", str(db))
    lines = told.splitlines()
    assert lines[0] == "Lost shipments"
    assert "5 times since 1 January 2026. The last was 18 days ago. About 4.9 a year," in told
    marks = next(place for place, line in enumerate(lines) if "┃" in line)
    columns = [place for place, sign in enumerate(lines[marks]) if sign != " "]
    assert [lines[marks][place] for place in columns] == ["│", "│", "┃", "│"], "two a day apart share a column"
    assert lines[marks + 1].startswith("┬──") and "Jul" in lines[marks + 2]
    start, end = 1_767_222_000_000_000, NOW  # 1 January 2026 in Zurich
    assert abs(columns[0] / 79 - (1_770_073_200_000_000 - start) / (end - start)) < 1 / 79
    assert "3 months             1             2" in told and "12 months            5  not yet kept" in told
    assert "4 gaps: the shortest 24 hours, the middle one 102 days, the longest 118 days." in told.replace("\n", " ")
    assert "struck out: it came after all (dora)" in told and f"--tally {tally} --from-tally" in told


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(db: Path, width: int, unicode: bool) -> None:  # noqa: F811
    tally = kept(db)
    for told in (good("tally", "show", tally, "--db", str(db), width=width, unicode=unicode), good("tally", "list", "--db", str(db), width=width)):
        assert max(cells(line) for line in told.splitlines()) <= width
    assert told.isascii() or unicode or "“" not in told


def test_in_plain_ascii_the_strip_has_other_signs(db: Path) -> None:  # noqa: F811
    told = good("tally", "show", kept(db), "--db", str(db), unicode=False)
    assert told.isascii() and "#" in told and "+----" in told


def test_tallies_are_listed_and_an_empty_list_says_what_to_do(db: Path) -> None:  # noqa: F811
    assert "No tallies yet. Open one: anyday tally open" in good("tally", "list", "--db", str(db))
    tally = kept(db)
    told = good("tally", "list", "--db", str(db))
    assert told.splitlines()[0] == f"{tally}  Lost shipments"
    assert "Once in the past three months, 2 in the three before. The last was 18 days ago." in told.replace("\n ", "")
    (card,) = json.loads(good("tally", "list", "--db", str(db), "--json"))
    assert (card["count"], card["lately"], card["before"]) == (5, 1, 2)


def test_an_empty_tally_of_this_moment_has_no_chart(db: Path) -> None:  # noqa: F811
    told = good("tally", "open", "Releases", "--terms", "x", "--since", "2027-01-12 10:00", "--db", str(db))
    tally = told.rpartition(" ")[2].strip()
    told = good("tally", "show", tally, "--db", str(db))
    assert "None has been recorded yet." in told and "─" not in told and "Recorded" not in told


def test_the_next_question_is_asked_by_itself_and_shown(db: Path) -> None:  # noqa: F811
    asks = ("--next", "When is the next one lost?", "--next-terms", "The carrier says so.", "--span", "60", "--from-house", "--subsidy", "50")
    tally = opened(db, *asks)
    for when in TIMES[:3]:
        good("tally", "record", tally, when, "--evidence", "seen", "--db", str(db))
    question = ("--terms", "x", "--by", "2027-06-30", "--origin", "2027-01-12", "--resolver", "bob", "--from-house")
    asked = json.loads(good("ask", "When?", *question, "--tally", tally, "--from-tally", "--db", str(db), "--json"))["question"]
    later = Instant(NOW + 5 * DAY)
    assert f"Next: When? ({asked})" in good("tally", "show", tally, "--db", str(db))
    good("rule", asked, "2027-01-15", "10:00", "--evidence", "a photo", "--yes", "--db", str(db), "--as", "bob", at=later)
    told = good("tally", "show", tally, "--db", str(db), at=later).replace("\n", " ")
    assert "Next: When is the next one lost? (" in told and "a photo (bob, by a ruling)" in told


def test_what_is_refused_or_half_said_stops_the_command(db: Path) -> None:  # noqa: F811
    tally = kept(db)
    result = run("tally", "strike", tally, "3", "--reason", "x", "--db", str(db), "--json")
    assert (result.exit_code, json.loads(result.stdout)["type"]) == (1, "nothing_to_strike")
    result = run("tally", "record", tally, "2025-01-01", "--evidence", "x", "--db", str(db), "--json")
    assert (result.exit_code, json.loads(result.stdout)["type"]) == (1, "not_a_record")
    result = run("tally", "show", "nothing", "--db", str(db))
    assert (result.exit_code, result.stderr) == (1, "There is no such tally here. Check how it is written, or start at the board.\n")
    result = run(*OPEN, "--next", "When?", "--db", str(db))
    assert result.exit_code == 2 and "--next and --next-terms belong together" in result.stderr


def test_a_page_of_occurrences_says_how_to_see_the_earlier_ones(db: Path) -> None:  # noqa: F811
    tally = opened(db)
    for number in range(51):
        good("tally", "record", tally, f"2026-{number % 12 + 1:02}-{number // 12 + 1:02}", "--evidence", "seen", "--db", str(db))
    told = good("tally", "show", tally, "--db", str(db))
    before = told.splitlines()[-1].rpartition(" ")[2]
    assert f"and earlier ones: anyday tally show {tally} --before {before}" in told
    assert good("tally", "show", tally, "--before", before, "--db", str(db)).count("seen (dora)") == 1
