"""Tallies through the service: what a ruling makes due is done once, whatever stops in between, and what the views say is counted right."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import chi2

from anyday import wire
from anyday.instants import DAY, HOUR, MINUTE, Grain, Instant, iso
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.service import tallies
from anyday.service.due import Due
from anyday.store.database import Database, WriteFailed
from tests.world import World, hold, instant, run

POINT = 1_000_000
ASKS = c.NextQuestion("When is the next?", "As it says.", Grain.DAY, 60, 100 * POINT, "house")


async def begun(world: World, horizon: str = "2028-01-01", **changed: Any) -> tuple[str, str]:
    """A tally of olga's with three occurrences, and a question about the next that rita rules; it is 10 March 2027."""
    await world.crew("olga", "alice", "rita")
    world.clock.now = instant("2027-02-01 12:00")
    opened = await world.do("olga", c.OpenTally(**{"name": "Rollbacks", "terms": "A rollback.", "since": "2027-01-01", "next": ASKS, **changed}))
    assert opened.tally is not None
    for day in ("2027-01-04", "2027-01-11 10:00", "2027-01-20"):
        await world.do("alice", c.Record(opened.tally, day, "the log"))
    question = await world.ask("olga", origin="2027-02-02", horizon=horizon, tally=opened.tally, opening=c.OpeningTally())
    world.clock.now = instant("2027-03-10")
    return opened.tally, question


def shown(world: World, tally: str, who: str | None = None, before: int | None = None) -> wire.TallyView:
    view = world.service.tally(tally, who, before)
    assert isinstance(view, wire.TallyView), view
    return view


async def idle(self: Due) -> None:
    """A server that stopped before it came to what was due."""


# ---- what a ruling makes due -------------------------------------------------------------------------------------------


def test_whoever_ruled_is_answered_when_the_tally_has_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world)
            await world.do("rita", c.Rule(question, "2027-03-01 08:00", "a photo"))
            view = shown(world, tally)
            newest = view.occurrences[0]
            assert (newest.question, newest.evidence, newest.start) == (question, "a photo", "2027-03-01T08:00:00Z")
            assert view.next.question is not None and view.next.refused is None
            state = world.service.find(view.next.question)
            assert state is not None and state.opened.market is not None
            assert (state.opened.host, state.opened.resolver, state.opened.market.cases) == ("olga", "olga", 3)
            assert (iso(state.horizon.origin), state.horizon.count) == ("2027-03-11T00:00:00Z", 60)

    run(story())
    hold(tmp_path / "any.db")


def test_a_server_that_stopped_between_a_ruling_and_its_tally_goes_on_at_the_start_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world)
            with monkeypatch.context() as stopped:
                stopped.setattr(Due, "follow_up", idle)
                await world.do("rita", c.Rule(question, "2027-03-01", "a photo"))
                assert (shown(world, tally).count, shown(world, tally).next.question) == (3, None)
                await world.service.close()
            await world.reopened()
            await world.do("olga", c.Grant("alice", POINT, "the loop has run once"))
            view, count = shown(world, tally), world.count()
            assert (view.count, view.next.title) == (4, ASKS.title)
            for _ in range(3):
                await world.reopen()
                await world.refused("alice", c.Join())
                assert world.count() == count, "nothing is done twice"
            assert shown(world, tally).occurrences == view.occurrences

    run(story())
    hold(tmp_path / "any.db")


@pytest.mark.parametrize("steps", [1, 2])
def test_a_server_that_stopped_after_some_steps_goes_on_with_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """A correction takes two steps: strike out, record anew; with the next question they are three."""

    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world, next=None)
            await world.do("rita", c.Rule(question, "2027-03-01", "a photo"))
            good, taken = Due._at_once, 0

            async def few(self: Due, envelope: c.Envelope) -> Any:
                nonlocal taken
                taken += 1
                return await good(self, envelope) if taken < steps else Refusal(Reason.UNAVAILABLE)

            with monkeypatch.context() as stopped:
                stopped.setattr(Due, "_at_once", few)
                await world.do("rita", c.Correct(question, "2027-03-02", "a photo", "a slip"))
                assert shown(world, tally).next.refused is not None
                await world.service.close()
            await world.reopened()
            await world.do("olga", c.Grant("alice", POINT, "the loop has run once"))
            times = [(one.start[:10], one.struck is not None) for one in shown(world, tally).occurrences[:2]]
            assert times == [("2027-03-02", False), ("2027-03-01", True)]

    run(story())
    hold(tmp_path / "any.db")


@pytest.mark.parametrize("then", ["never", "2027-03-07 10:00", "2027-02-01"])  # the second is beyond the horizon, the third before the origin
def test_a_ruling_corrected_to_never_or_called_off_is_struck_out(tmp_path: Path, then: str) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world, horizon="2027-03-05")
            await world.do("rita", c.Rule(question, "2027-03-01", "a photo"))
            await world.do("rita", c.Correct(question, then, "a photo", "a slip"))
            ruled = [one.struck for one in shown(world, tally).occurrences if one.question == question]
            assert ruled == ["The ruling of its question was corrected."]
            assert shown(world, tally).count == 3

    run(story())
    hold(tmp_path / "any.db")


def test_an_occurrence_comes_back_with_a_ruling_that_says_it_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world, horizon="2027-03-05")
            await world.do("rita", c.Rule(question, "2027-03-01", "a photo"))
            for then, count in (("never", 3), ("2027-03-01", 4), ("2027-02-01", 3), ("2027-03-01", 4)):
                await world.do("rita", c.Correct(question, then, "a photo", "a slip"))
                assert shown(world, tally).count == count
                assert not world.service.stuck
            newest = shown(world, tally).occurrences[0]
            await world.do("olga", c.Strike(tally, newest.version, "by hand"))
            await world.do("olga", c.Grant("alice", POINT, "the loop has run once more"))
            assert shown(world, tally).count == 3, "what somebody struck out stays so, as long as the ruling does"

    run(story())
    hold(tmp_path / "any.db")


def test_an_occurrence_that_stands_already_is_not_counted_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world)
            await world.do("alice", c.Record(tally, "2027-03-01 08:00", "by hand"))
            await world.do("rita", c.Rule(question, "2027-03-01 08:00", "a photo"))
            assert shown(world, tally).count == 4
            assert shown(world, tally).next.question is not None
            await world.do("alice", c.Strike(tally, 5, "the ruling says it better"))
            assert [(one.evidence, one.struck is None) for one in shown(world, tally).occurrences[:2]] == [("a photo", True), ("by hand", False)]

    run(story())
    hold(tmp_path / "any.db")


def test_an_occurrence_before_the_tally_began_is_left_out_and_the_next_question_asked_all_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await world.crew("olga", "alice", "rita")
            world.clock.now = instant("2027-03-10")
            opened = await world.do("olga", c.OpenTally("Rollbacks", "x", "2027-03-05", ASKS))
            tally = str(opened.tally)
            for hour in range(3):
                await world.do("alice", c.Record(tally, f"2027-03-0{hour + 6} 10:00", "the log"))
            question = await world.ask("olga", tally=tally)
            await world.do("rita", c.Rule(question, "2027-03-02", "a photo"))
            assert shown(world, tally).count == 3
            assert shown(world, tally).next.question is not None

    run(story())
    hold(tmp_path / "any.db")


def test_what_was_left_undone_is_done_at_the_start_though_nobody_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world)
            with monkeypatch.context() as stopped:
                stopped.setattr(Due, "follow_up", idle)
                await world.do("rita", c.Rule(question, "2027-03-01", "a photo"))
                await world.service.close()
            await world.reopened()
            async with asyncio.timeout(60):
                while shown(world, tally).next.question is None:
                    await asyncio.sleep(0.01)
            assert shown(world, tally).count == 4

    run(story())
    hold(tmp_path / "any.db")


def test_while_an_older_question_of_the_tally_is_live_no_next_one_is_asked(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, older = await begun(world)
            newer = await world.ask("olga", origin="2027-03-11", tally=tally, opening=c.OpeningTally())
            world.clock.now = instant("2027-03-20")
            await world.do("rita", c.Rule(newer, "2027-03-12", "a photo"))
            assert [row[0] for row in world.service.database.read("SELECT id FROM question WHERE state = 'open'")] == [older]
            await world.do("rita", c.Rule(older, "2027-03-12", "a photo"))
            view = shown(world, tally)
            assert view.count == 4 and view.next.question is not None, "one occurrence, and only now the next question"

    run(story())
    hold(tmp_path / "any.db")


def test_a_disk_that_is_full_for_a_moment_costs_the_tally_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world)
            good, writes = Database.write, 0

            async def full(self: Database, work: Any) -> Any:
                nonlocal writes
                writes += 1
                if writes == 2:
                    raise WriteFailed(Refusal(Reason.DISK_FULL))
                return await good(self, work)

            monkeypatch.setattr(Database, "write", full)
            await world.do("rita", c.Rule(question, "2027-03-01", "a photo"))
            refused = shown(world, tally).next.refused
            assert refused is not None and refused.startswith("The last ruling could not be recorded: The disk is full")
            await world.do("olga", c.Grant("alice", POINT, "something happens"))
            assert (shown(world, tally).count, shown(world, tally).next.refused) == (4, None)

    run(story())
    hold(tmp_path / "any.db")


def test_what_breaks_in_following_up_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            _, question = await begun(world)

            def broken(self: Due, name: str) -> None:
                raise RuntimeError(name)

            with monkeypatch.context() as breaking:
                breaking.setattr(Due, "_step", broken)
                await world.do("rita", c.Rule(question, "2027-03-01", "a photo"))
            assert "what was due on a tally broke" in caplog.text
            await world.do("olga", c.Grant("alice", POINT, "it goes on"))

    run(story())


def test_control_without_following_up_a_ruling_never_reaches_its_tally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Due, "follow_up", idle)

    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world)
            await world.do("rita", c.Rule(question, "2027-03-01", "a photo"))
            await world.reopen()
            assert shown(world, tally).count == 3

    run(story())


# ---- what the views say ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "now", "since"),
    [
        ("UTC", "2027-05-31 12:00", "2027-02-28 12:00"),  # there is no 31 February
        ("Europe/Zurich", "2027-06-28 02:30", "2027-03-28 03:00"),  # the clocks skip 02:30 on that day
        ("Europe/Zurich", "2027-06-15 10:00", "2027-03-15 10:00"),  # an hour of which is not counted twice
        ("America/New_York", "2027-02-07 01:30", "2026-11-07 01:30"),
    ],
)
def test_a_calendar_window_is_of_the_crews_zone_and_holds_its_first_instant(tmp_path: Path, zone: str, now: str, since: str) -> None:
    first = instant(since, zone)

    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            world.clock.now = instant("2026-01-01")
            await world.do("olga", c.OpenCrew("The crew", zone, dispute=0, silence=366 * DAY))
            opened = await world.do("olga", c.OpenTally("Rollbacks", "x", "2025-01-01"))
            tally = str(opened.tally)
            world.clock.now = instant(now, zone)
            for at in (first - 1, first, world.clock.now):
                await world.do("olga", c.Record(tally, iso(at), "seen"))
            period = next(period for period in shown(world, tally).periods if period.months == 3)
            assert (period.since, period.count, period.before, period.whole) == (iso(first), 2, 1, True)
            (card,) = world.service.tallies()
            assert (card.count, card.lately, card.before) == (3, 2, 1)

    run(story())
    hold(tmp_path / "any.db")


def test_after_a_page_that_holds_all_of_them_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, _ = await begun(world)
            for most, earlier in ((4, False), (3, False), (2, True)):
                monkeypatch.setattr(tallies, "PAGE", most)
                assert (shown(world, tally).earlier is not None) is earlier

    run(story())


def test_pages_of_occurrences_hold_each_once_the_newest_first(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await world.crew("olga")
            world.clock.now = instant("2027-03-10")
            tally = str((await world.do("olga", c.OpenTally("Rollbacks", "x", "2027-01-01"))).tally)
            for number in range(tallies.PAGE * 2 + 7):
                await world.do("olga", c.Record(tally, iso(instant("2027-01-02") + (number * 37 % 107) * HOUR), "seen"))
            await world.do("olga", c.Strike(tally, 9, "it was none"))
            told: list[wire.OccurrenceView] = []
            before: int | None = None
            while True:
                view = shown(world, tally, "olga", before)
                assert len(view.occurrences) <= tallies.PAGE
                told += view.occurrences
                if (before := view.earlier) is None:
                    break
            starts = [one.start for one in told]
            assert starts == sorted(set(starts), reverse=True) and len(told) == tallies.PAGE * 2 + 7
            assert view.count == len(view.marks) == len(told) - 1
            assert [one.version for one in told if one.struck] == [9] == [one.version for one in told if not one.may_strike]
            gaps = [one.gap for one in told if one.struck is None]
            assert gaps[-1] is None and sum(gap for gap in gaps if gap) == view.marks[-1][0] - view.marks[0][0]

    run(story())


@pytest.mark.parametrize(("count", "days"), [(1, 3), (4, 100), (30, 20), (400, 30), (2, 2_000)])
def test_a_rate_is_said_in_a_unit_that_fits_with_its_exact_interval(count: int, days: int) -> None:
    found = tallies._rate(count, 0, Instant(days * DAY))
    assert found is not None
    length = {"hour": 1 / 24, "day": 1, "week": 7, "month": 365.2425 / 12, "year": 365.2425}[found.unit]
    exact = [edge / 2 / days * length for edge in (chi2.ppf(0.025, 2 * count), chi2.ppf(0.975, 2 * count + 2))]
    assert [float(found.low), float(found.high)] == pytest.approx(exact, rel=0.06)
    assert float(found.rate) == pytest.approx(count / days * length, rel=0.06)
    a = "an" if found.unit == "hour" else "a"
    assert found.said == f"About {found.rate} {a} {found.unit}, between {found.low} and {found.high}, with 95 % certainty."


def test_of_none_at_all_the_rate_has_an_upper_end_only() -> None:
    found = tallies._rate(0, 0, Instant(30 * DAY))
    assert found is not None and found.said == "At most 45 a year, with 95 % certainty."
    assert tallies._rate(0, 0, Instant(MINUTE - 1)) is None


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (0, "less than a minute"), (MINUTE, "1 minute"), (119 * MINUTE, "119 minutes"), (2 * HOUR, "2 hours"), (46 * HOUR, "46 hours"),
        (47 * HOUR, "2 days"), (118 * DAY - HOUR, "118 days"),
        (2 * DAY, "2 days"), (120 * DAY, "120 days"), (200 * DAY, "6 months"), (730 * DAY, "23 months"), (731 * DAY, "2 years"),
        (1_000 * DAY, "2.7 years"),
    ],
)  # fmt: skip
def test_a_time_is_said_in_a_unit_that_fits(time: int, said: str) -> None:
    assert tallies.lasting(time) == said


def test_who_keeps_it_or_recorded_it_may_strike_and_ask_and_nobody_else_is_told_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world)
            await world.do("olga", c.Void(question, "asked by hand"))
            told = {who: shown(world, tally, who) for who in ("olga", "alice", "rita", None)}
            may = {who: (view.occurrences[0].may_strike, view.next.may_ask, view.may_record) for who, view in told.items()}
            assert may == {"olga": (True, True, True), "alice": (True, False, True), "rita": (False, False, True), None: (False, False, False)}
            assert isinstance(world.service.tally("nothing", "olga"), Refusal)

    run(story())


def test_the_next_question_is_suggested_as_the_tally_asks_it_and_can_be_asked_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            tally, question = await begun(world)
            await world.do("olga", c.Void(question, "asked by hand"))
            ask = shown(world, tally, "olga").next.ask
            assert ask is not None
            assert (ask.title, ask.origin, ask.horizon, ask.opening.tally) == (ASKS.title, "11 March 2027", "10 May 2027", True)
            asked = await world.ask(
                "olga", title=ask.title, origin=ask.origin, horizon=ask.horizon, tally=ask.tally, opening=c.OpeningTally(), resolver="olga"
            )
            assert shown(world, tally).next.question == asked

    run(story())


# ---- who tampers -------------------------------------------------------------------------------------------------------


def test_an_occurrence_row_that_was_changed_is_found(tmp_path: Path) -> None:
    from anyday.service.audit import verify

    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await begun(world)

    run(story())
    hold(tmp_path / "any.db")
    with sqlite3.connect(tmp_path / "any.db") as connection:
        connection.execute("UPDATE occurrence SET struck = 1 WHERE version = 3")
    fault = verify(tmp_path / "any.db").fault
    assert fault is not None and "the rows of occurrence" in fault
