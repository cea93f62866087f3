"""The record: what the sums of the rows say, against the events and the ledger; and that nothing open or sealed moves them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from anyday import wire
from anyday.instants import DAY, HOUR, Instant, utc_of
from anyday.market import MECHANISMS, scores
from anyday.market.forecast import PERFECT
from anyday.points import parse_points
from anyday.reads import records as rows
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules.ledger import CREW, player_account
from anyday.rules.record import START
from anyday.service import periods, records, review
from bench.record import fill
from tests.world import World, hold, instant, run

POINT = 1_000_000
PLAYERS = ("alice", "bob", "dan")
NAMES = {name: name.title() for name in ("olga", "rita", *PLAYERS)}


def units(typed: str) -> int:
    read = parse_points(typed, signed=True)
    assert isinstance(read, int)
    return read


def curve(half: str, most: str, never: int = 100_000) -> c.CurveQuantiles:
    return c.CurveQuantiles(((half, 450_000), (most, 800_000)), never)


async def opened(world: World, title: str = "When does it ship?", **changed: object) -> str:
    """A question over ten weeks from the day after tomorrow on, played in every way."""
    start = world.clock.now - world.clock.now % DAY + 2 * DAY
    ways: dict[str, object] = {"tote": c.ToteTerms("month"), "closest": c.ClosestTerms(POINT), "forecast": True}
    fields = {"title": title, "origin": day(start), "horizon": day(start + 70 * DAY), **ways, **changed}
    return await world.ask("olga", **fields)


def day(at: int, plus: int = 0) -> str:
    return str(utc_of(at + plus * DAY).date())


async def entered(world: World, question: str, offsets: dict[str, int]) -> None:
    """Each player says about the day so many after the question's origin, in every way."""
    state = world.service.find(question)
    assert state is not None
    origin = state.horizon.origin
    for player, offset in offsets.items():
        around = f"{day(origin, max(0, offset - 4))}..{day(origin, min(69, offset + 4))}"
        await world.do(player, c.Bet(question, around, spend=(10 + offset) * POINT))
        await world.do(player, c.Stake(question, "never", (1 + offset) * POINT))
        await world.do(player, c.Guess(question, day(origin, offset)))
        await world.do(player, c.Forecast(question, curve(day(origin, offset), day(origin, min(67, offset + 12))), 5 * POINT))


async def ruled(world: World, question: str, offset: int | None) -> None:
    """It happened so many days after the origin (None: never), and is ruled the day after."""
    state = world.service.find(question)
    assert state is not None
    over = state.horizon.end if offset is None else Instant(state.horizon.origin + offset * DAY)
    world.clock.now = Instant(max(world.clock.now, over + DAY))
    await world.do("rita", c.Rule(question, "never" if offset is None else f"{day(over)} 12:00", "all saw it"))


async def played(world: World) -> list[str]:
    """Five questions, one after the other: four settled, one of them by never; the last corrected once."""
    await world.crew("olga", *PLAYERS, "rita", grant=1_000 * POINT)
    asked = []
    for number, outcome in enumerate((20, 33, None, 50)):
        question = await opened(world, f"When, the {number + 1}th time?")
        await entered(world, question, {"alice": 20 + number, "bob": 40 - 5 * number, "dan": 60})
        await ruled(world, question, outcome)
        asked.append(question)
    state = world.service.find(asked[-1])
    assert state is not None
    await world.do("rita", c.Correct(asked[-1], f"{day(state.horizon.origin, 45)} 12:00", "the clock", "read it wrongly"))
    return asked


def whole(world: World) -> dict[str, bytes]:
    """Everything that the record says to anybody, as bytes."""
    database, zone, now = world.service.database, "UTC", world.service.now()
    said: dict[str, object] = {name: records.player(database, CREW, name, NAMES, zone, name) for name in NAMES}
    said["record"] = records.record(database, CREW)
    for kind in ("month", "year", "all"):
        for name in (*NAMES, None):
            period = periods.period_of(kind, None, now, zone, periods.RANKED)
            assert not isinstance(period, Refusal)
            said[f"{kind} for {name}"] = records.tables(database, CREW, period, now, NAMES, name)
    return {name: msgspec.json.encode(view) for name, view in said.items()}


def reviewed(world: World, kind: str = "quarter", typed: str | None = None) -> wire.ReviewView:
    found = periods.period_of(kind, typed, world.service.now(), "UTC", periods.REVIEWED)
    assert not isinstance(found, Refusal)
    return review.review(world.service.database, CREW, found, world.service.now(), NAMES, world.service._moved_after)


def story(path: Path, work: Callable[[World], Awaitable[None]]) -> None:
    """Play in a world of its own; whatever is left behind is rebuilt to equal rows."""

    async def play() -> None:
        async with World(path / "a.db") as world:
            await work(world)

    run(play())
    hold(path / "a.db")


def track(world: World, player: str) -> wire.TrackRecord:
    view = records.player(world.service.database, CREW, player, NAMES, "UTC", player)
    assert isinstance(view, wire.TrackRecord), view
    return view


def test_profit_is_what_the_ledger_moved_on_settled_questions(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        asked = await played(world)
        moved: Counter[str] = Counter()
        for stream, account, amount in world.service.database.read("SELECT stream, account, amount FROM posting"):
            if any(question in stream for question in asked):
                moved[account] += amount
        for player in PLAYERS:
            view = track(world, player)
            assert units(view.profit) == moved[player_account(player)] + moved[f"owed/{player}"]
            assert sum(units(each.profit or "0") for each in view.played) == units(view.profit)
            assert view.questions == len(view.played) == 4
            seen = records.player(world.service.database, CREW, player, NAMES, "UTC", next(other for other in PLAYERS if other != player))
            assert isinstance(seen, wire.TrackRecord) and (seen.profit, seen.marks) == (view.profit, view.marks)
            assert {(each.profit, each.guess) for each in seen.played} == {(None, None)}, "what one question paid is its player's own to know"
        taken = {mechanism.kind: units(mechanism.profit) for mechanism in records.record(world.service.database, CREW).mechanisms}
        assert sum(taken.values()) == -sum(moved[player_account(player)] for player in PLAYERS)
        assert taken["closest"] == taken["forecast"] == 0, "these only move points between players"
        assert taken["market"] == moved["house"]

    story(tmp_path, work)


def test_the_means_are_those_of_what_each_ruling_decided(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        asked = await played(world)
        marks: defaultdict[tuple[str, int], list[tuple[int, int, int]]] = defaultdict(list)
        results: defaultdict[tuple[str, str], list[int | None]] = defaultdict(list)
        for question in asked:
            state = world.service.find(question)
            assert state is not None and state.scored is not None
            for mark in state.scored.marks:
                marks[mark.who, mark.days].append((mark.log, mark.crps, mark.brier))
            for result in state.scored.results:
                results[result.player, result.mechanism].append(result.score)
        views = {track_.kind: track_ for track_ in records.record(world.service.database, CREW).mechanisms}
        views |= {player_account(player): track(world, player) for player in PLAYERS}
        assert {who for who, _ in marks} == set(views)
        for who, view in views.items():
            assert {mark.days for mark in view.marks} == {days for name, days in marks if name == who}
            for mean in view.marks:
                held = marks[who, mean.days]
                exact = [Fraction(sum(parts), len(held)) for parts in zip(*held, strict=True)]
                assert mean.questions == len(held)
                assert all(abs(a - b) <= Fraction(1, 2) for a, b in zip((mean.log, mean.crps, mean.brier), exact, strict=True))
        for player in PLAYERS:
            view, scored = track(world, player), [score or 0 for score in results[player, "forecast"]]
            assert view.score == f"{sum(scored) / len(scored) / PERFECT:.4f}"
            assert view.forecasts == len(scored) == 4
            guesses = results[player, "closest"]
            assert (view.guesses, view.exact) == (len(guesses), guesses.count(0))

    story(tmp_path, work)


def test_calibration_is_that_of_the_curves_when_time_began(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        asked = await played(world)
        claims, pits = [], []
        for question in asked:
            state = world.service.find(question)
            assert state is not None and state.scored is not None
            for mark in state.scored.marks:
                if (mark.who, mark.days) == ("market", START):
                    claims += [scores.Said(chance / 1e6, true, question) for chance, true in mark.by]
                    pits.append((mark.low / 1e6, mark.high / 1e6))
        view = records.record(world.service.database, CREW).mechanisms[0].calibration
        assert (view.questions, view.claims) == (4, len(claims)) == (4, 40)
        assert view.error == round(1e6 * scores.calibration_error(scores.calibration(claims)))
        assert [float(count) for count in view.counts] == [round(count, 2) for count in scores.d_calibration(pits).counts]
        assert view.said == "4 questions: too few to tell."
        assert view.spread_said.startswith("4 questions: too few to tell")

    story(tmp_path, work)


def test_a_table_gives_equal_numbers_one_place_and_says_how_many_are_too_few(tmp_path: Path) -> None:
    found = [records._Row(name, rank, str(rank), 9) for name, rank in (("a", 5), ("b", 7), ("c", 5), ("d", 1))]
    places = records._places(found, {}, dict.fromkeys("abcd", False), "c")
    assert [(place.place, place.value, place.mine) for place in places] == [(1, "7", False), (2, "5", False), (2, "5", True), (4, "1", False)]

    async def work(world: World) -> None:
        await played(world)
        view = msgspec.json.decode(whole(world)["all for alice"], type=wire.TablesView)
        profit, score, calibration = view.tables
        assert [place.name for place in profit.places] == sorted(NAMES[p] for p in PLAYERS) or len(profit.places) == 3
        assert {place.name for place in profit.places} == {"Alice", "Bob", "Dan"}, "who has settled nothing is not there"
        assert [units(place.value) for place in profit.places] == sorted((units(place.value) for place in profit.places), reverse=True)
        assert (score.least, score.few, len(score.places)) == (3, 0, 3)
        assert (calibration.least, calibration.few, calibration.places) == (10, 3, ())
        assert [place.mine for place in profit.places].count(True) == 1

    story(tmp_path, work)


def test_a_period_holds_what_was_ruled_in_it_by_the_crews_clock(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await played(world)
        database, total = world.service.database, 0
        for month in range(1, 13):
            period = periods.period_of("month", f"2027-{month:02}", world.service.now(), "Europe/Zurich", periods.RANKED)
            assert not isinstance(period, Refusal)
            total += records.tables(database, CREW, period, world.service.now(), NAMES, None).questions
        assert total == rows.count_settled(database, CREW) == 4

    story(tmp_path, work)


async def _more(world: World, *, hidden: bool, seen: bool) -> str:
    """One more question, on which bob holds things or does not."""
    question = await opened(world, "When is the open one?", closest=c.ClosestTerms(POINT))
    if hidden:
        await world.do("bob", c.Guess(question, day(world.clock.now, 9)))
        await world.do("bob", c.Forecast(question, curve(day(world.clock.now, 9), day(world.clock.now, 20)), 7 * POINT))
    if seen:
        await world.do("bob", c.Bet(question, "not never", spend=77 * POINT))
        await world.do("bob", c.Stake(question, "never", 9 * POINT))
    return question


def _worlds(tmp_path: Path, work: Callable[[World, bool], Awaitable[dict[str, bytes]]]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    found: list[dict[str, bytes]] = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()

        async def one(world: World, differs: bool = name == "b") -> None:
            found.append(await work(world, differs))

        story(tmp_path / name, one)
    return found[0], found[1]


@pytest.mark.parametrize("how", ["sealed", "seen", "passed", "closed"])
def test_nothing_in_the_record_tells_an_open_or_sealed_position(tmp_path: Path, how: str) -> None:
    """Two worlds that differ in what bob holds on a question that is not settled: the record is the same to the byte."""

    async def work(world: World, differs: bool) -> dict[str, bytes]:
        await played(world)
        question = await _more(world, hidden=differs, seen=differs and how != "sealed")
        if how == "passed":
            world.clock.move(200 * DAY)
        if how == "closed":
            await world.do("rita", c.Close(question))
        return whole(world)

    first, second = _worlds(tmp_path, work)
    assert first == second


def test_the_review_tells_no_sealed_entry(tmp_path: Path) -> None:
    async def work(world: World, differs: bool) -> dict[str, bytes]:
        await played(world)
        await _more(world, hidden=differs, seen=False)
        world.clock.move(HOUR)
        return {kind: msgspec.json.encode(reviewed(world, kind)) for kind in ("week", "month", "quarter")}

    first, second = _worlds(tmp_path, work)
    assert first == second


@pytest.mark.parametrize("how", ["called off", "ruled void", "corrected to void"])
def test_a_question_that_is_called_off_leaves_no_trace_in_the_record(tmp_path: Path, how: str) -> None:
    async def work(world: World, differs: bool) -> dict[str, bytes]:
        await played(world)
        question = await _more(world, hidden=differs, seen=differs)
        state = world.service.find(question)
        assert state is not None
        origin = state.horizon.origin
        world.clock.now = Instant(origin + 30 * DAY)
        before = f"{day(origin, -1)} 12:00"
        match how:
            case "called off":
                await world.do("rita", c.Void(question, "nobody can tell"))
            case "ruled void":
                await world.do("rita", c.Rule(question, before, "it was before"))
            case _:
                await world.do("rita", c.Rule(question, f"{day(origin, 9)} 12:00", "seen"))
                if differs:
                    assert track(world, "bob").questions == 5, "until then it counts"
                await world.do("rita", c.Correct(question, before, "it was before", "read it wrongly"))
        return whole(world)

    first, second = _worlds(tmp_path, work)
    assert first == second


def test_control_what_a_settled_question_brought_is_seen(tmp_path: Path) -> None:
    async def work(world: World, differs: bool) -> dict[str, bytes]:
        await played(world)
        question = await _more(world, hidden=differs, seen=differs)
        await ruled(world, question, 9)
        return whole(world)

    first, second = _worlds(tmp_path, work)
    assert first["bob"] != second["bob"]
    assert first["all for None"] != second["all for None"]
    assert first["rita"] == second["rita"]


def test_who_is_no_member_has_no_record_whatever_their_name(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.crew("olga", "rita")
        for name in ("nobody", "", None):
            found = records.player(world.service.database, CREW, name, {"nobody": "Nobody"}, "UTC", None)
            assert isinstance(found, Refusal)
            assert found.reason.code == "not_found"
        view = track(world, "rita")
        assert (view.questions, view.profit, view.marks, view.played) == (0, "0", (), ())
        assert records.record(world.service.database, CREW).said == "No question has been settled yet."

    story(tmp_path, work)


def test_the_review_says_what_was_settled_who_was_early_and_what_is_due(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        asked = await played(world)
        due = await opened(world, "When is the late one?")
        note = await opened(world, "When is the noted one?", tote=None, closest=None, forecast=False)
        quiet = await opened(world, "When is it without a market?", market=False, subsidy=0)
        tally = (await world.do("rita", c.OpenTally("A lost box", "It is gone.", "2027-01-01"))).tally
        assert tally is not None
        await world.do("rita", c.Record(tally, day(world.clock.now, -1), "the letter"))
        world.clock.move(3 * DAY)
        for question in (note, quiet):
            await world.do("rita", c.Note(question, "near_miss", "It rang, and nobody came.", day(world.clock.now, -1), "a photo"))
        world.clock.move(HOUR)
        await world.do("bob", c.Bet(note, day(world.clock.now, 5), target=600_000))
        world.clock.move(2 * DAY)
        await world.do("alice", c.Bet(note, "never", target=900_000))
        world.clock.move(71 * DAY)
        await world.do("rita", c.Close(note))
        quarter = reviewed(world, "quarter", day(world.clock.now, -80))
        first = {question for question in asked if (state := world.service.find(question)) and state.ruled_at < instant("2027-04-01")}
        assert {q.question for q in reviewed(world, "quarter", "2027-01").questions} == first != set(asked)
        assert [o.title for o in quarter.overdue] == [o.title for o in reviewed(world, "week").overdue]
        assert {(o.question, o.days) for o in quarter.overdue} >= {(due, 4), (quiet, 4)}
        moved = {n.question: n.moved for n in quarter.notes}
        assert [n.question for n in quarter.notes] == [note, quiet], "what moved most comes first, what moved nothing last"
        assert moved[quiet] is None
        assert 300_000 < (moved[note] or 0) < 600_000, "bob's bet came within the day after, alice's did not"
        assert [(t.name, t.times, t.before) for t in quarter.tallies] == [("A lost box", 1, 0)]
        assert {a.question for a in quarter.asked} >= {due, note, quiet}
        year = periods.period_of("year", "2027", world.service.now(), "UTC", periods.RANKED)
        assert not isinstance(year, Refusal)
        view = review.review(world.service.database, CREW, year, world.service.now(), NAMES, world.service._moved_after)
        best, *_, worst = sorted(q.best_crps for q in view.questions if q.best_crps is not None)
        assert best < worst and any(f"with a CRPS of {best / 10**6:.3f};" in said for said in view.said)
        bests = {q.question: q for view in ("2027-01", "2027-04", "2027-07") for q in reviewed(world, "quarter", view).questions}
        for question, shown in bests.items():
            state = world.service.find(question)
            assert state is not None and state.scored is not None
            early = {mark.who: mark.crps for mark in state.scored.marks if mark.days == 30}
            players = {who: crps for who, crps in early.items() if who.startswith("player/")}
            assert shown.early == early.get("market")
            assert shown.best_crps == min(players.values(), default=None)

    story(tmp_path, work)


def test_the_review_counts_to_the_microsecond_and_leaves_out_what_does_not_count(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.crew("olga", *PLAYERS, "rita", grant=1_000 * POINT)
        early, late = await world.ask("olga", horizon="2027-04-01"), await world.ask("olga", horizon="2027-04-01")
        alone = await world.ask("olga", origin="2027-02-01", horizon="2027-03-01", market=False, subsidy=0, tote=c.ToteTerms("week"))
        await world.do("alice", c.Stake(alone, "never", POINT))
        tally = (await world.do("rita", c.OpenTally("A lost box", "It is gone.", "2027-01-01"))).tally
        assert tally is not None
        world.clock.now = instant("2027-01-10")
        for typed in ("2027-01-02", "2027-01-03"):
            recorded = await world.do("rita", c.Record(tally, typed, "the letter"))
        await world.do("rita", c.Strike(tally, recorded.version, "it was found"))
        await world.do("rita", c.Close(early))
        world.clock.now = Instant(instant("2027-04-01") - 1)
        view = reviewed(world)
        assert [(o.question, o.days) for o in view.overdue] == [(alone, 30), (early, None)], "its time is not over, and yet it waits"
        assert [(t.times, t.before) for t in view.tallies] == [(1, 0)]
        world.clock.now = instant("2027-04-01")
        assert {(o.question, o.days) for o in reviewed(world).overdue} == {(alone, 31), (early, 0), (late, 0)}
        await world.do("rita", c.Rule(alone, "never", "nothing"))
        assert [reviewed(world, "quarter", typed).settled for typed in ("2027-01", "2027-04")] == [0, 1]
        assert not any("biggest profit" in said for said in reviewed(world).said), "who has the stake back has gained nothing"

    story(tmp_path, work)


def test_what_moved_opinion_is_forgotten_with_the_ruling_that_is_called_off(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.crew("olga", *PLAYERS, "rita", grant=1_000 * POINT)
        question = await world.ask("olga", origin="2027-01-02", horizon="2027-06-01")
        world.clock.now = instant("2027-01-10")
        await world.do("rita", c.Note(question, "news", "The ship left.", "2027-01-09", "a letter"))
        await world.do("alice", c.Bet(question, "March", target=250_000))
        world.clock.now = instant("2027-04-02")
        await world.do("rita", c.Rule(question, "1 April 2027 12:00", "seen"))
        assert (reviewed(world, "quarter", "2027-01").notes[0].moved or 0) > 0
        await world.do("rita", c.Correct(question, "2026-12-31 10:00", "seen", "it was over before"))
        assert reviewed(world, "quarter", "2027-01").notes[0].moved is None

    story(tmp_path, work)


def test_no_mechanism_is_taken_for_a_player() -> None:
    assert all(fnmatchcase(name, rows.ANY_MECHANISM.replace("^", "!")) and rows.player_of(name) is None for name in MECHANISMS)
    assert not fnmatchcase(player_account("alice"), rows.ANY_MECHANISM.replace("^", "!")) and fnmatchcase(player_account("alice"), rows.ANY_PLAYER)


def test_level_winners_are_named_together() -> None:
    assert review._most(["alice", "bob", "alice"], NAMES) == ("Alice", 2)
    assert review._most(["dan", "bob", "alice", "bob", "dan"], NAMES) == ("Bob and Dan each", 2)


def test_what_was_surely_said_and_came_so_is_off_at_no_level() -> None:
    """The interval of a level where all agree ends at 0 or at 1: what was stated there lies on its end."""
    claims = [rows.Claimed("market", str(number), 900_000, 1_000_000, ((0, False), (1_000_000, True))) for number in range(12)]
    assert "at no level by more than chance explains" in str(records.calibration(claims).said)


def test_the_table_of_calibration_begins_with_the_smallest_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(world: World) -> None:
        await played(world)
        monkeypatch.setattr(records, "LEAST_CALIBRATED", 1)
        period = periods.period_of("all", None, world.service.now(), "UTC", periods.RANKED)
        assert not isinstance(period, Refusal)
        table = records.tables(world.service.database, CREW, period, world.service.now(), NAMES, None).tables[2]
        errors = [Fraction(place.value) for place in table.places]
        assert table.by == "calibration" and len(errors) == 3 and errors == sorted(errors) and errors[0] < errors[-1]

    story(tmp_path, work)


def test_a_note_on_an_open_question_moved_as_much_as_its_ruling_then_decides(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.crew("olga", *PLAYERS, "rita", grant=1_000 * POINT)
        question = await world.ask("olga", origin="2027-01-02", horizon="2027-06-01")
        world.clock.now = instant("2027-01-10T09:00Z")
        await world.do("rita", c.Note(question, "news", "The ship left.", "2027-01-09", "a letter"))
        for number, player in enumerate(PLAYERS):
            world.clock.move(3 * HOUR)
            await world.do(player, c.Bet(question, "March", target=250_000 + 150_000 * number))
        world.clock.move(2 * DAY)
        await world.do("alice", c.Bet(question, "April", target=500_000))
        live = world.service._moved_after(question, int(instant("2027-01-10T09:00Z")))
        world.clock.now = instant("2027-04-02")
        await world.do("rita", c.Rule(question, "1 April 2027 12:00", "seen"))
        decided = reviewed(world, "quarter", "2027-02").notes[0].moved
        assert live is not None and decided is not None
        assert live > 200_000
        assert abs(live - decided) < 20_000, "samples are of whole pieces, the ruling of the whole log"

    story(tmp_path, work)


def test_the_work_of_the_record_grows_with_its_questions_and_no_faster(tmp_path: Path) -> None:
    """Counted in steps of SQLite, not in time: a plan that goes through all stakes for each question would take four times the steps
    for twice the questions."""

    def steps(questions: int, read: Callable[[World], object]) -> int:
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        async def work() -> None:
            async with World(tmp_path / f"{questions}.db") as world:
                fill(world.service.database, questions)
                world.service.database._reader.set_progress_handler(step, 100)
                read(world)

        run(work())
        (tmp_path / f"{questions}.db").unlink()
        return count

    def everything(world: World) -> None:
        whole(world)
        period = periods.period_of("quarter", "2022-02", world.service.now(), "UTC", periods.REVIEWED)
        assert not isinstance(period, Refusal)
        assert review.review(world.service.database, CREW, period, world.service.now(), NAMES, lambda question, at: None).settled in (100, 200)

    def badly(world: World) -> None:
        world.service.database.read("SELECT COUNT(*) FROM question q JOIN stake s ON s.crew = q.crew AND s.question = +q.id || ''")

    assert steps(200, everything) < 2.6 * steps(100, everything)
    assert steps(200, badly) > 3.5 * steps(100, badly), "control: what reads every stake for each question is seen"
