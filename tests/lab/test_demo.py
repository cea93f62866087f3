"""The demo: what it holds, that it balances, and that it fits whatever day it is loaded on."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest

from anyday import wire
from anyday.instants import DAY, Instant, instant_of, local_of
from anyday.lab import history
from anyday.lab.crowd import Broken
from anyday.lab.demo import Demo, DemoClock, load_demo
from anyday.lab.office import ERRANDS
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
        errands = {one.title for one in ERRANDS if one.happened is not None}
        assert {cards[question].title for question in demo.settled if "Python" not in cards[question].title} == errands
        assert sum(cards[question].sentence.startswith("It did not happen") for question in demo.settled) >= 1
        assert all(cards[question].state == "open" for question in demo.open)
        assert all(cards[question].bets > 0 for question in demo.open if cards[question].plays != ("forecast",))
        titles = " ".join(cards[question].title for question in demo.open)
        assert all(said in titles for said in ("Python 3.16.0 final", "Nenana in 2027", "coffee machine", "plant by the window"))
        assert any(cards[question].section == "moved" for question in demo.open)
        for question in demo.open:
            seen = service.question(question, demo.player)
            points = service.history(question)
            assert not isinstance(seen, Refusal) and seen.may_bet
            assert not isinstance(points, Refusal)
            assert len(points) >= 4 or "market" not in seen.plays
        await service.close()

    asyncio.run(story())


def views_of(service: Service, demo: Demo, questions: Sequence[str]) -> dict[str, wire.QuestionView]:
    found = {}
    for question in questions:
        view = service.question(question, demo.player)
        assert not isinstance(view, Refusal)
        found[view.title] = view
    return found


def test_every_way_to_play_is_open_and_the_player_of_the_demo_is_in_each(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        views = views_of(service, demo, demo.open)
        entered = {position.title: position for position in service.me(demo.player).positions}
        without = {title for title in views if "new sign" in title}
        assert set(views) - set(entered) == without, "of what they are asked to rule they hold nothing"
        assert all(entered[title].held or entered[title].entered for title in set(views) - without)
        tote = views["When will the last box from the move be unpacked?"].tote
        assert tote is not None and tote.open
        assert float(tote.mine) > 0
        assert sum(slot.dividend is not None for slot in tote.slots) >= 2
        forecast = views["When will the support inbox be empty for the first time?"].forecast
        assert forecast is not None and forecast.open and forecast.mine is not None
        assert (forecast.revealed, forecast.rows, forecast.linear) == (False, (), None)
        ice = views["When will the ice go out at Nenana in 2027?"].closest
        assert ice is not None and ice.open and not ice.revealed
        assert [pin.mine for pin in ice.pins] == [True]
        coffee = views["When will the new coffee machine make its first cup?"].closest
        assert coffee is not None and not coffee.open and coffee.revealed
        assert len(coffee.pins) == len(PLAYERS) + 1
        assert all(pin.name is None or pin.mine for pin in coffee.pins)
        await service.close()

    asyncio.run(story())


def test_what_is_sealed_in_the_demo_is_there_and_shown_to_nobody(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        for question in demo.open:
            view, seen = service.question(question, None), service.question(question, demo.player)
            assert not isinstance(view, Refusal) and not isinstance(seen, Refusal)
            if seen.forecast is not None:
                assert view.forecast is not None and view.forecast.mine is None
                assert (view.bets, view.players, view.curve) == (0, 0, None)
        with sqlite3.connect(copied) as file:
            sealed = file.execute("SELECT COUNT(*) FROM event WHERE stream LIKE 'hidden/%'").fetchone()[0]
        assert sealed > 100
        await service.close()

    asyncio.run(story())


def test_settled_questions_were_played_in_several_ways_and_leave_a_record(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        views = list(views_of(service, demo, demo.settled).values())
        played = [view for view in views if view.plays != ("market",)]
        assert len(played) >= 12
        assert all(view.forecast is not None and len(view.forecast.rows) == len(PLAYERS) + 1 for view in played)
        assert all(view.closest is None or any(pin.place == 1 for pin in view.closest.pins) for view in played)
        assert sum(view.closest is not None for view in played) >= 5
        assert any(view.tote is not None and any(slot.won for slot in view.tote.slots) for view in played)
        with sqlite3.connect(copied) as file:
            who = {row[0] for row in file.execute("SELECT DISTINCT who FROM said")}
            assert file.execute("SELECT COUNT(*) FROM note WHERE moved > 0").fetchone()[0] >= 2
        assert {f"player/{demo.player}", "market"} <= who
        await service.close()

    asyncio.run(story())


def test_the_review_of_the_week_and_the_tables_have_something_to_show(copied: Path) -> None:
    async def story() -> None:
        service, _ = await loaded(copied)
        for period, least in (("week", 1), ("month", 3)):
            review = service.review(period, None)
            assert not isinstance(review, Refusal)
            assert review.settled >= least
        await service.close()

    asyncio.run(story())


def test_the_tally_counts_what_came_with_evidence_and_asks_its_next_question_from_its_gaps(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        (card,) = service.tallies()
        tally = service.tally(card.id, demo.player)
        assert not isinstance(tally, Refusal)
        assert tally.name == "Releases of Python 3.13"
        assert [one.evidence.split(":")[0] for one in tally.occurrences] == ["PEP 719"] * tally.count
        asked = [view for view in views_of(service, demo, demo.open).values() if view.tally == card.id]
        assert len(asked) == 1
        assert asked[0].cases == tally.count - 1, "every gap"
        assert sum(one.question is not None for one in tally.occurrences) >= 4, "as many were recorded by the rulings of its own questions"
        await service.close()

    asyncio.run(story())


def test_open_questions_have_near_misses_and_news_with_evidence(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        lines = [line for view in views_of(service, demo, demo.open).values() for line in view.timeline if line.note]
        assert {line.note for line in lines} == {"near_miss", "news"}
        assert all(line.evidence for line in lines)
        await service.close()

    asyncio.run(story())


def test_50_points_move_an_even_chance_of_an_open_question_moderately(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        for question in demo.open:
            view = service.question(question, demo.player)
            assert not isinstance(view, Refusal)
            if "market" not in view.plays:
                continue
            assert view.curve is not None
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
        assert simulated.pop("Amal") is False, "a guest looks on, and no machine does"
        assert all(simulated.values())
        assert {member.name: member.role for member in service.members() if member.role != "player"} == {"Robin": "owner", "Amal": "guest"}
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


def named(service: Service, demo: Demo, words: str) -> wire.QuestionView:
    """The question whose title holds these words, as the demo's player sees it."""
    (found,) = (card.id for card in service.board(demo.player) if words in card.title)
    view = service.question(found, demo.player)
    assert not isinstance(view, Refusal) and view.fair is not None
    return view


def inbox(service: Service, demo: Demo) -> list[str]:
    """The kinds of the urgent messages that wait in the inbox of the demo's player."""
    return sorted(notice.kind for notice in service.messages.inbox(CREW, demo.player).notices if notice.urgent and not notice.acknowledged)


def test_what_waits_for_the_player_of_the_demo_stands_first_and_in_the_inbox(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        assert inbox(service, demo) == ["consent_asked", "handover", "judging_asked", "ruling_asked"]
        counts = service.messages.counts(CREW, demo.player)
        assert demo.urgent == counts.urgent == 4 < counts.unread < 20, "some of it is new, and most was read"
        yours = {card.asks for card in service.board(demo.player) if card.section == "yours"}
        assert yours == {"agree", "accept", "judge", "rule"}
        nora = service.people.player_of("Nora")
        assert [card.title for card in service.board(nora) if card.section == "yours" or card.asks] == []
        assert not any("archive" in card.title for card in service.board(nora)), "a draft is for those whom it concerns"
        await service.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("words", "may", "body", "said"),
    [
        ("archive", "agree", lambda question: c.Agree(question), "agree"),
        ("bicycle", "judge", lambda question: c.Judge(question, "withdrawn", "Six places are behind a fence."), "withdrawn"),
        ("new sign", "comment", lambda question: c.Accept("resolver", question), "resolver"),
        ("window cleaners", "dispute", lambda question: c.Dispute(question, "That was rain."), "disputed"),
    ],
)
def test_the_player_of_the_demo_can_do_what_waits_for_them_for_some_days(
    copied: Path, words: str, may: str, body: Callable[[str], c.Command], said: str
) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        view = named(service, demo, words)
        assert view.fair is not None and may in view.fair.may
        await service.close()
        service, demo = await loaded(copied, Instant(NOW + 2 * DAY))
        view = named(service, demo, words)
        done = await service.submit(c.Envelope(CREW, demo.player, "what-waits", body(view.id)))
        assert not isinstance(done, Refusal) and said in done.said
        await service.close()
        assert verify(copied).fault is None

    asyncio.run(story())


def test_a_subject_has_agreed_and_neither_they_nor_whoever_could_cause_it_has_a_bet(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        view = named(service, demo, "Mira")
        assert view.fair is not None and [(one.name, one.agreed) for one in view.fair.subjects] == [("Mira", True)]
        question = service.find(view.id)
        ids = {service.people.player_of(name) for name in ("Mira", "Finn", "Lena")}
        assert question is not None and not question.stakeholders & ids and demo.player in question.stakeholders
        await service.close()

    asyncio.run(story())


def test_the_timelines_tell_of_an_alarm_that_is_over_of_a_halt_and_of_what_was_said(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        house = service.house(demo.player)
        assert not isinstance(house, Refusal) and house.alarm is None
        assert ["fire drill" in line or "lifted" in line for _, line in house.timeline[:2]] == [True, True]
        kinds = [line.kind for line in named(service, demo, "coffee").timeline]
        assert {"halted", "resumed", "noted", "commented"} <= set(kinds)
        told = service.feed(None)
        assert not isinstance(told, Refusal)
        assert {row.kind for row in told} == {"near_miss", "news", "comment", "thanks"}
        assert all(row.text for row in told if row.kind != "thanks")
        await service.close()

    asyncio.run(story())


def test_there_is_a_second_crew_in_which_the_player_of_the_demo_is_one_of_several(copied: Path) -> None:
    async def story() -> None:
        service, demo = await loaded(copied)
        first, second = service.crews_of(demo.player)
        club = service.of(second.id)
        assert first.id == CREW and club is not None
        assert (club.crew_name, club.role(demo.player), len(club.members())) == ("The lunch club", "player", 4)
        (card,) = club.board(demo.player)
        assert card.held and card.bets == 3
        await service.close()

    asyncio.run(story())


def test_the_file_verifies_and_nothing_is_stamped_out_of_order_or_in_the_future(copied: Path) -> None:
    verdict = verify(copied)
    assert verdict.fault is None
    assert verdict.charges > 300
    with sqlite3.connect(copied) as file:
        rows = file.execute("SELECT at, payload FROM event ORDER BY seq").fetchall()
        times = [at for at, payload in rows if b'"unsealed.1"' not in payload]  # that entries closed is stamped so, and noted with what comes next
        assert times == sorted(times)
        assert max(at for at, _ in rows) <= NOW
        assert 0 < len(rows) - len(times) < 60
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
        (datetime(2027, 1, 1, 0, 0), "Python 3.16.0 final", "2027"),
    ],
)
def test_open_questions_follow_from_the_day_of_loading(tmp_path: Path, day: datetime, release: str, spring: str) -> None:
    async def story() -> None:
        service, demo = await loaded(tmp_path / "demo.db", instant_of(day))
        board = service.board(demo.player)
        titles = [card.title for card in board if card.id in demo.open]
        assert len(titles) >= 9
        assert {"consent_asked", "handover", "judging_asked"} <= set(inbox(service, demo)), "a ruling may be asked for with the next tick"
        assert len(service.crews_of(demo.player)) == 2
        assert {play for card in board if card.id in demo.open for play in card.plays} == {"market", "tote", "closest", "forecast"}
        assert any("next release of Python" in title for title in titles)
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
