"""Real guesses: what was typed goes through the real parser, the last guess counts, the points add up, and what is not known is said."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path

import pytest

from anyday.instants import Instant, instant_of
from anyday.lab import guesses
from anyday.lab.folder import BadData
from anyday.lab.guesses_told import NOT_KNOWN, replay
from anyday.lab.history import breakups
from anyday.market.closest import Variant
from anyday.market.scores import LEAST_CHANCE
from anyday.points import UNITS_A_POINT
from anyday.refusals import Reason

POOLS = "pool_id,question,resolution,timezone,outcome,outcome_known"
GUESSES = "pool_id,entrant,entered_at,guess,guess_raw,in_final_list,test_entry"
ICE = 'ice,"When will the ice at Nenana go in 2005?",minute,"standard time (UTC-9), all year",{outcome},{known}'
BABY = 'baby,"On what day? (due 2009-03-04)",day,local date,,0'


def folder(path: Path, pools: list[str], entries: list[str]) -> Path:
    path.mkdir(exist_ok=True)
    (path / "human_date_pools.csv").write_text("\n".join([POOLS, *pools]) + "\n", encoding="utf-8")
    (path / "human_date_guesses.csv").write_text("\n".join([GUESSES, *entries]) + "\n", encoding="utf-8")
    return path


def ice(path: Path, entries: list[str], outcome: str = "2005-04-30T12:00") -> guesses.Played:
    pools = [ICE.format(outcome=outcome, known=1 if outcome else 0)]
    return guesses.play(guesses.pools(folder(path, pools, [f"ice,{entry}" for entry in entries]))[0])


def typed(raw: str, who: str = "a", at: str = "2004-09-01T10:00:00Z", final: int = 1, test: int = 0) -> str:
    return f"{who},{at},,{raw},{final},{test}"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("2005-14-02 10:20:30", Reason.NO_SUCH_DATE),
        ("2005-03-32 10:11:12", Reason.NO_SUCH_DATE),
        ("2005-04-05 24:30:10", Reason.NOT_A_TIME),
        ("2005-04-31 10:00", Reason.NO_SUCH_DATE),
        ("05-04-02 10:20:30", Reason.NOT_A_WINDOW),
        ("2006-05-02 10:20:30", Reason.OUT_OF_SPAN),
        ("2005-04-05", Reason.NOT_ONE_GRAIN),
        ("2005-04-05 11:00:00.5", Reason.OFF_THE_GRAIN),
    ],
)
def test_an_impossible_guess_is_refused_by_the_parser_or_the_mechanism_and_counted_by_its_reason(tmp_path: Path, raw: str, reason: Reason) -> None:
    played = ice(tmp_path, [typed(raw)])
    assert dict(played.refused) == {reason: 1}
    assert played.game.guesses == []
    assert played.examples[reason][0] == raw


def test_seconds_are_refused_as_they_stand_and_typed_once_more_without(tmp_path: Path) -> None:
    played = ice(tmp_path, [typed("2005-04-05 06:07:08"), typed("2005-04-05 06:07:00", "b"), typed("2005-04-05 06:07", "c")])
    assert (played.as_typed, played.without_seconds) == (2, 1)
    assert [played.pool.say(grain) for grain in played.grains] == ["2005-04-05 06:07"] * 3
    assert Reason.OFF_THE_GRAIN in played.examples
    assert not played.refused


def test_a_date_as_in_america_is_read_as_the_file_reads_it_and_only_where_it_does(tmp_path: Path) -> None:
    data = folder(tmp_path, [BABY], ["baby,a,,2009-03-01,3/1/2009,1,0", "baby,b,,,3/2/2009,1,0"])
    played = guesses.play(guesses.pools(data)[0])
    assert (played.as_typed, played.as_read, dict(played.refused)) == (0, 1, {Reason.NOT_A_WINDOW: 1})
    assert [played.pool.say(grain) for grain in played.grains] == ["2009-03-01"]


def test_an_entrants_last_guess_counts_and_tests_and_what_was_withdrawn_do_not(tmp_path: Path) -> None:
    played = ice(
        tmp_path,
        [
            typed("2005-05-09 10:00", at="2004-09-03T10:00:00Z"),
            typed("2005-05-01 10:00", at="2004-09-01T10:00:00Z"),
            typed("2005-15-01 10:00", at="2004-09-04T10:00:00Z"),
            typed("2005-05-20 10:00", "b", final=0),
            typed("2005-05-21 10:00", "c", test=1),
        ],
    )
    assert [(guess.player, played.pool.say(guess.claim.first)) for guess in played.game.guesses] == [("a", "2005-05-09 10:00")]
    assert played.replaced == 1
    assert dict(played.left_out) == {guesses.TEST: 1, guesses.NO_FINAL: 1}
    assert played.game.escrow == UNITS_A_POINT


def test_a_guess_made_once_the_year_had_begun_is_refused(tmp_path: Path) -> None:
    played = ice(tmp_path, [typed("2005-05-01 10:00", at="2005-01-01T09:00:00Z"), typed("2005-05-01 10:00", "b", "2005-01-01T08:59:59Z")])
    assert dict(played.refused) == {Reason.ENTRIES_CLOSED: 1}
    assert [guess.player for guess in played.game.guesses] == ["b"]


def test_the_ice_runs_on_standard_time_all_year_round(tmp_path: Path) -> None:
    played = ice(tmp_path, [typed("2005-07-01 00:30")], "2005-05-01T00:30")
    horizon, outcome = played.pool.horizon, played.pool.happened
    assert outcome is not None
    assert horizon.start(outcome[0]) == instant_of(datetime(2005, 5, 1, 9, 30))
    assert horizon.start(played.grains[0]) == instant_of(datetime(2005, 7, 1, 9, 30))
    assert horizon.origin == instant_of(datetime(2005, 1, 1, 9))


def test_the_nearest_takes_all_equal_guesses_share_and_every_unit_is_paid(tmp_path: Path) -> None:
    entries = [typed(f"2005-04-30 {hour}", who) for who, hour in (("a", "11:00"), ("b", "13:00"), ("c", "11:00"), ("d", "14:00"))]
    played = ice(tmp_path, entries)
    won = guesses.winners(played)
    nearest = {winner.entrant: winner.paid for winner in won if winner.variant is Variant.NEAREST}
    assert set(nearest) == {"a", "b", "c"}
    assert sum(nearest.values()) == 4 * UNITS_A_POINT
    assert {winner.entrant for winner in won if winner.variant is Variant.NOT_PAST} == {"a", "c"}
    assert {winner.off for winner in won} == {60}


def test_the_crowd_is_the_share_of_the_guesses_and_falls_to_the_floor_where_nobody_hit(tmp_path: Path) -> None:
    times = ("2005-04-30 11:00", "2005-04-30 12:00", "2005-05-02 12:00", "2005-05-02 12:00")
    played = ice(tmp_path, [typed(at, who) for who, at in zip("abcd", times, strict=True)])
    found = guesses.curves(played)
    one = {score.curve: score for score in guesses.scores(played, found)}
    assert one["crowd"].log == pytest.approx(-1.3862943611198906)
    assert one["crowd"].day == pytest.approx(0.5)
    assert one["crowd"].days == pytest.approx((0.25**2 * 60 + 0.5**2 * 2 * 1440) / 1440)
    missed = ice(tmp_path, [typed("2005-04-30 11:00")])
    assert next(guesses.scores(missed, guesses.curves(missed))).log == pytest.approx(-13.815510557964274)
    assert LEAST_CHANCE == 1e-6


def test_the_record_knows_earlier_years_only(tmp_path: Path) -> None:
    played = ice(tmp_path, [typed("2005-04-30 11:00")])
    earlier = [b for b in breakups() if b.year < 2005]
    assert 0 < len(earlier) < len(breakups())
    assert guesses._record(played.pool) == [
        pytest.approx(90 + (b.local - datetime(b.year, 4, 1)).total_seconds() / 86_400) for b in earlier
    ]


def test_what_is_not_known_is_said_and_nothing_is_scored(tmp_path: Path) -> None:
    data = folder(tmp_path, [ICE.format(outcome="", known=0)], [f"ice,{typed('2005-04-30 11:00')}"])
    found = replay(data)
    assert found.more[1].rows == (("ice", NOT_KNOWN, "", "", "", "", ""),)
    assert "score" not in json.dumps(found.json)
    assert any("nobody won" in note for note in found.notes)
    assert found.json["pools"][0]["winners"] == []


def test_it_gives_tables_json_and_a_picture(tmp_path: Path) -> None:
    data = folder(
        tmp_path / "data",
        [ICE.format(outcome="2005-04-30T12:00", known=1), BABY],
        [f"ice,{typed('2005-04-30 11:00')}", f"ice,{typed('2005-15-30 11:00', 'b')}", "baby,a,,2009-03-01,3/1/2009,1,0"],
    )
    told: list[tuple[int, int]] = []
    found = replay(data, tmp_path / "out", lambda done, total, text: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    written = json.loads((tmp_path / "out" / "replay-guesses.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(found.json))
    assert written["pools"][0]["refused"] == {"no_such_date": 1}
    assert written["pools"][0]["winners"][0]["entrant"] == "a"
    for sheet in found.more:
        assert all(len(row) == len(sheet.headings) for row in sheet.rows)
    assert ET.fromstring((tmp_path / "out" / "replay-guesses.svg").read_text(encoding="utf-8")).tag.endswith("svg")
    assert "nan" not in found.svg.replace("Nenana", "")


def test_a_pool_without_a_single_guess_is_drawn_and_told_too(tmp_path: Path) -> None:
    found = replay(folder(tmp_path, [BABY], []))
    assert found.table[0][-1] == "0"
    assert ET.fromstring(found.svg).tag.endswith("svg")


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ("x,When?,minute,UTC-9,,0", "names no year"),
        ("x,When in 2005?,week,UTC-9,,0", "minute or day"),
        ("x,When in 2005?,minute,local,,0", "UTC-9"),
        ("x,When in 2005?,minute,UTC-9,soon,1", "line 2"),
        ("x,When in 2005?,minute,UTC-9,,yes", "0 or 1"),
    ],
)
def test_a_pool_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, pool: str, said: str) -> None:
    with pytest.raises(BadData, match=said):
        guesses.pools(folder(tmp_path, [pool], []))


def test_an_instant_of_the_pool_is_of_its_own_clocks(tmp_path: Path) -> None:
    pool = ice(tmp_path, []).pool
    assert pool.instant(datetime(2005, 1, 1)) == pool.horizon.origin == Instant(pool.horizon.start(0))
