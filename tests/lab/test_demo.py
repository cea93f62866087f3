"""The demo: what it holds, that it balances, and that it fits whatever day it is loaded on."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from datetime import date, datetime
from pathlib import Path

import pytest

from anyday.instants import DAY, Instant, instant_of, local_of
from anyday.lab import history
from anyday.lab.crowd import Broken
from anyday.lab.demo import Demo, DemoClock, load_demo
from anyday.lab.players import PLAYERS
from anyday.lab.staged import first_tuesday, next_release
from anyday.points import UNITS_A_POINT
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import CREW, Service
from anyday.service.audit import verify

NOW = instant_of(datetime(2026, 11, 23, 15, 10))


async def loaded(path: Path, now: Instant = NOW) -> tuple[Service, Demo]:
    service = await Service.open(path, DemoClock(lambda: now))
    try:
        return service, await load_demo(service)
    except BaseException:
        await service.close()
        raise


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the demo in it, closed; tests work on copies."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"

    async def load() -> None:
        service, demo = await loaded(path)
        assert demo.to_rule is not None
        await service.close()

    asyncio.run(load())
    return path


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "demo.db"))


def test_the_demo_holds_a_past_a_present_and_something_to_rule(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        assert len(demo.settled) >= 12
        assert len(demo.open) >= 4
        cards = {card.id: card for card in service.board(demo.player)}
        assert all(cards[question].state == "settled" and cards[question].bets > 0 for question in demo.settled)
        assert all("Python" in cards[question].title for question in demo.settled)
        assert sum(cards[question].sentence.startswith("It did not happen") for question in demo.settled) >= 1
        assert all(cards[question].state == "open" and cards[question].bets > 0 for question in demo.open)
        titles = " ".join(cards[question].title for question in demo.open)
        assert all(said in titles for said in ("Python 3.16.0 final", "Nenana in 2027", "coffee machine", "plant by the window"))
        assert any(cards[question].section == "moved" for question in demo.open)
        for question in demo.open:
            seen = service.question(question, demo.player)
            points = service.history(question)
            assert not isinstance(seen, Refusal) and seen.may_bet
            assert not isinstance(points, Refusal) and len(points) >= 4
        await service.close()

    asyncio.run(story())


def test_50_points_move_an_even_chance_of_an_open_question_moderately(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        for question in demo.open:
            view = service.question(question, demo.player)
            assert not isinstance(view, Refusal)
            even = view.curve.quantiles["50"]
            assert even is not None
            quoted = service.quote(demo.player, c.Bet(question, f"before {local_of(Instant(even), view.zone).date()}", spend=50 * UNITS_A_POINT))
            assert not isinstance(quoted, Refusal)
            assert 300_000 < quoted.chance_before < 600_000
            assert 100_000 < quoted.chance_after - quoted.chance_before < 320_000
        await service.close()

    asyncio.run(story())


def test_simulated_players_are_marked_and_the_player_of_the_demo_is_not(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        simulated = {member.name: member.simulated for member in service.members()}
        assert simulated.pop("Robin") is False
        assert all(simulated.values())
        assert {habit.name for habit in PLAYERS} < set(simulated)
        with sqlite3.connect(copied) as file:
            assert file.execute("SELECT COUNT(*) FROM person WHERE password IS NOT NULL").fetchone() == (0,)
        session = await service.people.open_link(demo.link)
        assert not isinstance(session, Refusal)
        assert session.player == demo.player
        await service.close()

    asyncio.run(story())


def test_the_player_of_the_demo_can_bet_and_can_rule_what_waits(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        bet = await service.submit(c.Envelope(CREW, demo.player, "first-bet", c.Bet(demo.open[0], "never", spend=10_000_000)))
        assert not isinstance(bet, Refusal)
        assert demo.to_rule is not None
        barred = await service.submit(c.Envelope(CREW, demo.player, "own-bet", c.Bet(demo.to_rule.question, "never", spend=1_000_000)))
        assert isinstance(barred, Refusal)
        ruling = c.Rule(demo.to_rule.question, demo.to_rule.outcome, demo.to_rule.evidence)
        ruled = await service.submit(c.Envelope(CREW, demo.player, "first-ruling", ruling))
        assert not isinstance(ruled, Refusal)
        assert "points were paid out" in ruled.said
        await service.close()
        assert verify(copied).fault is None

    asyncio.run(story())


def test_the_file_verifies_and_nothing_is_stamped_out_of_order_or_in_the_future(copied: Path) -> None:
    verdict = verify(copied)
    assert verdict.fault is None
    assert verdict.charges > 300
    with sqlite3.connect(copied) as file:
        times = [at for (at,) in file.execute("SELECT at FROM event ORDER BY seq")]
        assert times == sorted(times)
        assert times[-1] <= NOW
        assert file.execute("SELECT SUM(balance) FROM account").fetchone() == (0,)


def test_control_a_file_with_a_changed_charge_does_not_verify(copied: Path) -> None:
    with sqlite3.connect(copied) as file:
        seq, payload = file.execute("SELECT seq, payload FROM event WHERE CAST(payload AS TEXT) LIKE '%bet_placed%' ORDER BY seq LIMIT 1").fetchone()
        file.execute("UPDATE event SET payload = ? WHERE seq = ?", (payload.replace(b'"charge":', b'"charge":1'), seq))
    assert verify(copied).fault is not None


def test_a_file_that_holds_the_demo_is_found_again_and_another_crew_is_left_alone(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        await service.close()
        service, again = await loaded(copied, Instant(NOW + DAY))
        assert (again.player, again.settled, again.open) == (demo.player, demo.settled, demo.open)
        assert service.clock() == NOW + DAY
        await service.close()
        service = await Service.open(copied.with_name("other.db"), lambda: NOW)
        await service.submit(c.Envelope(CREW, "p1", "open-crew", c.OpenCrew("Ours")))
        await service.close()
        with pytest.raises(Broken):
            await loaded(copied.with_name("other.db"))

    asyncio.run(story())


@pytest.mark.parametrize(
    ("day", "release", "spring"),
    [
        (datetime(2026, 9, 10, 0, 1), "Python 3.15.0 final", "2027"),
        (datetime(2028, 2, 29, 23, 59), "Python 3.17.0 final", "2028"),
        (datetime(2031, 4, 1, 6, 0), "Python 3.20.0 final", "2032"),
    ],
)
def test_open_questions_follow_from_the_day_of_loading(tmp_path: Path, day: datetime, release: str, spring: str) -> None:
    async def story() -> None:
        service, demo = await loaded(tmp_path / "demo.db", instant_of(day))
        titles = [card.title for card in service.board(demo.player) if card.id in demo.open]
        assert len(titles) >= 4
        assert any(release in title for title in titles)
        assert any(f"Nenana in {spring}" in title for title in titles)
        await service.close()

    asyncio.run(story())


def test_a_machine_whose_clock_is_behind_the_record_is_told(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="clock"):
        asyncio.run(loaded(tmp_path / "demo.db", instant_of(datetime(2021, 1, 1))))


def test_beyond_the_record_the_calendar_goes_on_yearly() -> None:
    milestones = history.milestones()
    assert next_release(milestones, date(2026, 11, 23)).day == date(2027, 10, 5)
    assert next_release(milestones, date(2027, 10, 5)).title == "Python 3.17.0 final"
    assert next_release(milestones, date(2029, 10, 1)).title == "Python 3.18.0 final"
    assert next_release(milestones, date(2029, 10, 2)).title == "Python 3.19.0 final"
    assert first_tuesday(2027, 10) == date(2027, 10, 5)
    assert first_tuesday(2030, 10) == date(2030, 10, 1)
