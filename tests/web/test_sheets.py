"""Files for spreadsheets: nobody's words become a formula, numbers stay numbers, and a file holds what the JSON holds and no more."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday import wire
from anyday.people.names import check_name
from anyday.refusals import Refusal
from anyday.web import sheets
from tests.web.conftest import World

#: What a spreadsheet takes for a formula, in the cell as it is after the marks that it leaves out.
FORMULA = re.compile(r"[\s\x00\u200b\ufeff]*[=+\-@\t\r\n\x00|%＝＋－＠−]")
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
STARTS = (
    "=", "+", "-", "@", "\t", "\r", "\n", "\x00", "|", "%", "＝", "＋", "－", "＠", " =", "\u200b=", "\ufeff=", "-1+", "=1+1;", "@SUM(", "+44 ", "",
)  # fmt: skip
TEXTS = st.builds(lambda start, rest: start + rest, st.sampled_from(STARTS), st.text(max_size=12))


def read(file: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file, newline=""), strict=True))


def dangerous(text: str) -> bool:
    return FORMULA.match(text) is not None and not NUMBER.fullmatch(text)


@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=5))
def test_no_text_is_a_formula_and_every_text_can_be_had_back(rows: list[list[str]]) -> None:
    _, *kept = read(sheets.sheet(("a", "b", "c"), rows))
    assert [[cell for cell in row if dangerous(cell)] for row in kept] == [[] for _ in rows]
    assert [[cell[1:] if dangerous(cell[1:]) and cell[:1] == "'" else cell for cell in row] for row in kept] == rows


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\x00=1", "=HYPERLINK(A1)", "=cmd|x!A0", " =1", "-"])
def test_control_a_text_as_it_is_would_be_one(text: str) -> None:
    assert dangerous(text) and sheets.cell(text) == f"'{text}"


@pytest.mark.parametrize("number", ["0", "-5", "12.5", "-0.000001", "1000000"])
def test_a_number_stays_a_number(number: str) -> None:
    assert sheets.cell(number) == number


def test_a_line_is_not_torn_where_another_sign_divides() -> None:
    (line,) = sheets.sheet(("a",), []).splitlines()
    assert line == '"a"'
    assert sheets.sheet(("a", "b"), [('x;=1+1', 'y"z')]).splitlines()[1] == '"x;=1+1","y""z"'
    with pytest.raises(AssertionError):
        sheets.sheet(("a", "b"), [("x",)])


@given(TEXTS, TEXTS)
def test_no_field_of_a_ledger_or_a_table_becomes_a_formula(text: str, name: str) -> None:
    """Every text field of both shapes, whatever it holds: also those that nobody can fill today."""
    line = wire.LedgerLine(*[text] * len(wire.LedgerLine.__struct_fields__))
    place = wire.PlaceView(1, name, text, 3, False, True)
    table = wire.TableView(text, text, 3, 0, (place,))
    span = wire.SpanView(text, name, text)
    for file in (sheets.ledger(wire.LedgerView((line,), True)), sheets.tables(wire.TablesView(span, 1, (table,)))):
        assert not [cell for row in read(file) for cell in row if dangerous(cell)]


@given(TEXTS)
def test_no_name_that_a_player_may_have_begins_like_a_formula(text: str) -> None:
    checked = check_name(text)
    assert isinstance(checked, Refusal) or not dangerous(checked)


TITLE = "=HYPERLINK(\"http://evil.example\";\"When?\")"


def test_ones_own_ledger_is_told_as_json_and_as_a_file_and_sums_to_the_balance(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia, rob = await world.player("Pia"), await world.player("Rob")
        question = await world.question(owner, title=TITLE, closest={"stake": "3"}, origin="1 April 2027")
        at = f"/api/v1/questions/{question}"
        assert (await pia.post(f"{at}/bets", json={"window": "April", "points": "5"})).status_code == 200
        assert (await pia.post(f"{at}/sell", json={"window": "April", "shares": "1"})).status_code == 200
        assert (await pia.post(f"{at}/guesses", json={"guess": "3 May 2027"})).status_code == 200
        assert (await rob.post(f"{at}/bets", json={"window": "May", "points": "7"})).status_code == 200
        assert (await owner.post("/api/v1/grants", json={"to": "Pia", "points": "2", "reason": "=1+1"})).status_code == 200
        view = msgspec.json.decode((await pia.get("/api/v1/me/ledger")).content, type=wire.LedgerView)
        assert view.whole
        assert [line.what for line in view.lines] == ["granted", "guessed", "bet_placed", "bet_placed", "player_joined"]
        assert view.lines[0].balance == (await pia.get("/api/v1/me")).json()["balance"]
        assert view.lines[1].amount == "-3", "her sealed guess is hers to see"
        assert [line.question for line in view.lines] == [None, question, question, question, None]
        answer = await pia.get("/api/v1/me/ledger", params={"format": "csv"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="ledger.csv"'
        head, *rows = read(answer.text)
        assert head == list(sheets.LEDGER) and len(rows) == 5
        assert rows[1][3] == f"'{TITLE}" and rows[2][4] == view.lines[2].amount
        assert "Rob" not in answer.text and "-7" not in answer.text
        assert (await owner.get("/api/v1/me/ledger")).json()["lines"][-1]["what"] == "player_joined"
        assert "me/ledger?format=csv" in (await pia.get("/me")).text

    play(story)


def test_another_form_is_refused_and_nobody_reads_a_ledger_without_signing_in(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        for address in ("/api/v1/me/ledger", "/api/v1/tables"):
            assert (await owner.get(address, params={"format": "xlsx"})).json()["type"] == "malformed"
            assert (await world.browser().get(address, params={"format": "csv"})).status_code == 401
            assert (await owner.get(address, params={"format": "csv"})).status_code == 200, "control"

    play(story)


def test_the_tables_are_a_file_too_with_what_the_json_says(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        pia = await world.player("Pia")
        question = await world.question(owner)
        assert (await pia.post(f"/api/v1/questions/{question}/bets", json={"window": "April", "points": "5"})).status_code == 200
        world.clock.pass_(days=20)
        assert (await owner.post(f"/api/v1/questions/{question}/ruling", json={"outcome": "2 April 2027", "evidence": "x"})).status_code == 200
        told = (await pia.get("/api/v1/tables", params={"period": "all"})).json()
        file = (await pia.get("/api/v1/tables", params={"period": "all", "format": "csv"})).text
        places = [(table["by"], place["name"], place["value"]) for table in told["tables"] for place in table["places"]]
        assert [(row[0], row[3], row[5]) for row in read(file)[1:]] == places
        assert len(places) > 0
        page = (await pia.get("/tables", params={"period": "all"})).text
        assert re.search(r'href="/api/v1/tables\?period=all&amp;at=[^"]*&amp;format=csv"', page)
        assert (await pia.get("/api/v1/tables", params={"format": "csv", "period": "eon"})).json()["type"] == "malformed"

    play(story)
