"""The record on the command line: text that fits, JSON of the wire, refusals in one sentence."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from anyday import wire
from anyday.instants import DAY, Instant
from anyday.rules import commands as c
from anyday.service import CREW, Service
from anyday.settings import Settings
from tests.test_cli import NOW, _crew, good, run

POINT = 1_000_000
LATER = Instant(NOW + 40 * DAY)


async def _played(path: Path) -> None:
    """A question of January that alice and bob played in three ways, ruled on its twentieth day."""
    await _crew(path)
    at = NOW
    service = await Service.open(path, lambda: Instant(at), Settings())
    number = 0

    async def do(name: str, body: c.Command) -> wire.Receipt:
        nonlocal number
        number += 1
        player = service.people.player_of(name)
        assert player is not None
        receipt = await service.submit(c.Envelope(CREW, player, f"command-{number:04}", body))
        assert isinstance(receipt, wire.Receipt), receipt
        return receipt

    dora = service.people.player_of("dora")
    assert dora is not None
    ask = c.Ask(
        "When does the machine come?", "It stands in the kitchen.", "UTC", "day", "2027-01-14", "2027-03-14", dora, 50 * POINT,  # type: ignore[arg-type]
        closest=c.ClosestTerms(POINT), forecast=True,
    )  # fmt: skip
    asked = (await do("alice", ask)).question
    assert asked is not None
    for name, guess in (("alice", "2027-02-02"), ("bob", "2027-02-12")):
        await do(name, c.Guess(asked, guess))
        await do(name, c.Forecast(asked, c.CurveQuantiles(((guess, 500_000), ("2027-03-01", 800_000)), 100_000), 5 * POINT))
    await do("bob", c.Bet(asked, "February 2027", spend=9 * POINT))
    tally = (await do("dora", c.OpenTally("A flood", "Water on the floor.", "2027-01-01"))).tally
    assert tally is not None
    await do("dora", c.Record(tally, "2027-01-05", "wet shoes"))
    at = Instant(NOW + 6 * DAY)
    await do("dora", c.Note(asked, "near_miss", "A lorry came with another machine.", "2027-01-17", "a photo"))
    at = Instant(NOW + 30 * DAY)
    await do("dora", c.Rule(asked, "2 February 2027 10:00", "It stands there."))
    await service.close()


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("record") / "any.db"
    asyncio.run(_played(path))
    return path


def told(db: Path, *words: str, width: int = 80, who: str = "bob") -> str:
    return good(*words, "--db", str(db), "--as", who, at=LATER, width=width)


def test_the_record_says_how_the_mechanisms_did(db: Path) -> None:
    text = told(db, "record")
    assert text.startswith("1 question has been settled: too few to tell much.\n\nThe market\n")
    assert "The forecasts’ crowd" in text
    assert "at its start" in text
    assert "1 question: too few to tell." in text


def test_a_player_is_found_by_name(db: Path) -> None:
    text = told(db, "record", "Alice")
    assert text.splitlines()[0] == "alice"
    assert "of profit on 1 settled question\n" in text
    assert "1 guess, 1 exact, 0 grains off in the middle" in text
    own = " ".join(told(db, "record", "Alice", who="alice").split())
    assert "guess exact." in own and "guess exact." not in " ".join(text.split()), "what one question paid is its player's own to know"
    nobody = run("record", "zoe", "--db", str(db), at=LATER)
    assert nobody.exit_code == 1
    assert nobody.stderr.startswith("There is no such player here.")


def test_the_tables_rank_and_say_who_has_too_few(db: Path) -> None:
    text = told(db, "tables", "--period", "all")
    assert text.startswith("All time: 1 settled question. Nothing that is open counts.\n")
    assert "2 players have fewer than 3." in text
    assert "2 players have fewer than 10." in text
    profit = [line.split()[:2] for line in text.split("By profit")[1].split("By score")[0].splitlines() if line[:1].isdigit()]
    assert [line[0] for line in profit] == ["1.", "2."]
    assert "0 settled questions" in told(db, "tables", "--at", "2026-05")


def test_the_review_says_what_the_month_came_to(db: Path) -> None:
    text = told(db, "review", "--period", "month")
    assert text.splitlines()[0] == "February 2027"
    for said in ("1 question was settled, none the month before.", "Settled", "When does the machine come? 2 February 2027, 11:00"):
        assert said in " ".join(text.split()) or said in text
    january = told(db, "review", "--period", "month", "--at", "2027-01")
    assert "What moved opinion" in january
    assert "moved in a day: A lorry came with another machine." in january
    assert "A flood: 1, and 0 the month before." in january
    assert "New questions" in january


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("record",), wire.RecordView), (("record", "bob"), wire.TrackRecord), (("tables", "--period", "year"), wire.TablesView),
        (("review", "--period", "quarter"), wire.ReviewView),
    ],
)  # fmt: skip
def test_json_is_the_wires_and_text_says_no_more_than_it(words: tuple[str, ...], kind: type, db: Path) -> None:
    msgspec.json.decode(told(db, *words, "--json"), type=kind)


@pytest.mark.parametrize("words", [("record",), ("record", "alice"), ("tables", "--period", "all"), ("review", "--period", "quarter")])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_line_fits_the_terminal(words: tuple[str, ...], width: int, db: Path) -> None:
    lines = told(db, *words, width=width).splitlines()
    assert max(map(len, lines)) <= width, max(lines, key=len)


@pytest.mark.parametrize("words", [("review", "--at", "soon"), ("tables", "--at", "2027-02-30"), ("review", "--period", "week", "--at", "9999")])
def test_a_time_that_is_none_is_refused(words: tuple[str, ...], db: Path) -> None:
    result = run(*words, "--db", str(db), "--as", "bob", "--json", at=LATER)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["status"] in (400, 422)


def test_ones_own_ledger_is_told_line_by_line_and_written_as_a_file(db: Path) -> None:
    text = told(db, "ledger")
    assert text.splitlines()[0].split() == ["when", "and", "on", "what", "points", "then", "held"]
    assert "2027-02-11  When does the machine come?" in text
    whole = json.loads(told(db, "ledger", "--json"))
    head, *lines = told(db, "ledger", "--csv").splitlines()
    assert head == '"at","what","question","title","amount","balance"'
    assert len(lines) == len(whole["lines"]) > 4
    assert lines[-1].startswith('"2027-01-12T') and '"player_joined","","","1000","1000"' in lines[-1]
    assert told(db, "ledger", "--csv", who="alice") != told(db, "ledger", "--csv"), "each has their own"


def test_the_tables_are_written_as_a_file_for_spreadsheets(db: Path) -> None:
    head, *lines = told(db, "tables", "--period", "all", "--csv").splitlines()
    assert head == '"table","period","place","player","simulated","value","questions"'
    assert any(line.startswith('"profit","all","1",') for line in lines)
    shown = told(db, "tables", "--period", "all")
    assert all(line.split('","')[3] in shown for line in lines)
