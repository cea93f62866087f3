"""Several crews in one file: one writer, and nothing of one crew in another."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from anyday import wire
from anyday.instants import DAY
from anyday.reads import project
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.service import CREW, Service
from anyday.service.audit import verify
from anyday.settings import Settings
from anyday.store import codec, log
from tests.store.test_tallies import ASKS
from tests.world import World, hold, run

POINT = 1_000_000
OTHER = "kelpforest"


async def two(world: World, *players: str) -> tuple[str, str]:
    """The same players in two crews, each with a question of its own; its ids."""
    asked = []
    for crew, grant, lag in ((CREW, 1_000 * POINT, 3 * DAY), (OTHER, 200 * POINT, 0)):
        world.crew_id = crew
        await world.crew(*players, grant=grant, lag=lag)
        asked.append(await world.ask("olga"))
    world.crew_id = CREW
    return asked[0], asked[1]


def other_of(world: World) -> Service:
    found = world.service.of(OTHER)
    assert found is not None
    return found


def test_the_same_player_has_points_of_each_crew_and_neither_pays_for_the_other(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            first, second = await two(world, "olga", "alice", "rita")
            other = other_of(world)
            assert (world.service.spendable("alice"), other.spendable("alice")) == ("1000", "200")
            world.crew_id = OTHER
            await world.do("alice", c.Bet(second, "March", spend=150 * POINT))
            assert await world.refused("alice", c.Bet(second, "March", spend=150 * POINT)) == "not_enough"
            assert await world.refused("alice", c.Bet(first, "March", spend=POINT)) == "not_found", "that question is another crew's"
            world.crew_id = CREW
            await world.do("alice", c.Bet(first, "March", spend=150 * POINT))
            assert (world.service.spendable("alice"), other.spendable("alice")) == ("850", "50")
            assert [card.bets for card in other.board("alice")] == [1] and [card.id for card in world.service.board(None)] == [first]
            assert isinstance(world.service.question(second, "alice"), Refusal) and isinstance(other.question(first, "alice"), Refusal)
            await world.reopen()
            assert (world.service.spendable("alice"), other_of(world).spendable("alice")) == ("850", "50")
            world.check()

    run(story())
    hold(tmp_path / "any.db")


def test_a_ruling_pays_in_its_own_crew(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            _, second = await two(world, "olga", "alice", "rita")
            world.crew_id = OTHER
            bet = await world.do("alice", c.Bet(second, "March", spend=100 * POINT))
            world.clock.move(80 * DAY)
            await world.do("rita", c.Rule(second, "2027-03-10", "a photo"))
            won = 100 + float(bet.shares or "0")
            assert abs(float(other_of(world).me("alice").balance) - won) < 1e-6
            assert world.service.me("alice").balance == "1000"
            assert other_of(world).record().questions == 1 and world.service.record().questions == 0

    run(story())
    hold(tmp_path / "any.db")


def test_one_command_id_in_two_crews_is_two_commands(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await two(world, "olga", "alice", "rita")
            grant = c.Grant("alice", 5 * POINT, "for the cake")
            answers = await asyncio.gather(*(world.service.submit(c.Envelope(crew, "olga", "one-id", grant)) for crew in (CREW, OTHER, CREW)))
            assert all(isinstance(answer, wire.Receipt) for answer in answers)
            assert answers[0] == answers[2] != answers[1]
            assert (world.service.spendable("alice"), other_of(world).spendable("alice")) == ("1005", "205")

    run(story())
    hold(tmp_path / "any.db")


def test_a_batch_may_hold_commands_of_several_crews(tmp_path: Path) -> None:
    async def story(name: str, batch: int) -> list[object]:
        async with World(tmp_path / name, Settings(batch=batch)) as world:
            first, second = await two(world, "olga", "alice", "bob", "rita")
            asked = {CREW: first, OTHER: second}
            bets = [(crew, who, c.Bet(asked[crew], "March", spend=POINT + n)) for n in range(9) for crew in asked for who in ("alice", "bob")]
            answers = await asyncio.gather(*(world.service.submit(c.Envelope(k, who, f"bet-{n}", b)) for n, (k, who, b) in enumerate(bets)))
            assert all(isinstance(answer, wire.Receipt) for answer in answers)
            return world.service.database.read("SELECT crew, stream, version, hash FROM event ORDER BY crew, stream, version")

    assert run(story("many.db", 256)) == run(story("one.db", 1))
    hold(tmp_path / "many.db")


def test_a_command_that_breaks_in_one_crew_costs_the_other_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anyday.service import writer

    good = writer.decide

    def bad(situation: object, actor: str, command: c.Command, now: object) -> object:
        decided = good(situation, actor, command, now)  # type: ignore[arg-type]
        assert not (isinstance(command, c.Bet) and command.spend == 13), "an invariant"
        return decided

    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            first, second = await two(world, "olga", "alice", "rita")
            kept = other_of(world).find(second)
            monkeypatch.setattr(writer, "decide", bad)
            assert await world.refused("alice", c.Bet(first, "March", spend=13)) == "unavailable"
            assert other_of(world).find(second) is kept, "what the batch had not touched is remembered"
            asked = [(OTHER, second, POINT), (CREW, first, 13), (CREW, first, POINT), (OTHER, second, 2 * POINT)]
            bodies = [c.Envelope(crew, "alice", f"mixed-{n}", c.Bet(name, "March", spend=spend)) for n, (crew, name, spend) in enumerate(asked)]
            answers = await asyncio.gather(*map(world.service.submit, bodies))
            assert [isinstance(answer, wire.Receipt) for answer in answers] == [True, False, True, True]
            assert other_of(world).find(second) is not kept, "the control: what it had touched is folded again"
            world.check()

    run(story())
    hold(tmp_path / "any.db")


def test_a_crew_whose_opening_cannot_be_written_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await world.crew("olga")
            good = world.service.database.write

            async def full(work: object) -> None:
                raise RuntimeError("the disk")

            world.crew_id = OTHER
            with monkeypatch.context() as broken:
                broken.setattr(world.service.database, "write", full)
                assert await world.refused("olga", c.OpenCrew("Kelp", dispute=0)) == "unavailable"
            assert world.service.database.write == good
            assert world.service.of(OTHER) is None and world.service.crews_of("olga") == ((CREW, "The crew"),)
            await world.do("olga", c.OpenCrew("Kelp", dispute=0))
            assert [crew.name for crew in world.service.crews_of("olga")] == ["The crew", "Kelp"]

    run(story())
    hold(tmp_path / "any.db")


def test_only_who_joined_belongs_and_a_crew_that_nobody_opened_takes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await world.crew("olga", "alice")
            world.crew_id = OTHER
            assert await world.refused("olga", c.Join()) == "not_found"
            await world.do("bob", c.OpenCrew("Kelp", dispute=0))
            assert await world.refused("olga", c.OpenCrew("Mine now", dispute=0)) == "already_there"
            assert await world.refused("alice", c.Grant("alice", POINT, "please")) == "not_allowed"
            assert [world.service.crews_of(player) for player in ("alice", "bob", "nobody")] == [((CREW, "The crew"),), ((OTHER, "Kelp"),), ()]
            await world.do("alice", c.Join())
            assert [crew.id for crew in world.service.crews_of("alice")] == [CREW, OTHER], "it is asked again once somebody has joined"
            assert world.service.all_crews() == ((CREW, "The crew"), (OTHER, "Kelp"))
            other = other_of(world)
            assert other.of(CREW) is world.service and world.service.of(OTHER) is other
            assert [other.role(player) for player in ("bob", "alice", "olga")] == ["owner", "player", "nobody"]
            for name in ("", "nobodyscrew", "a/b", "crew ", "ç", "x" * 400):
                assert world.service.of(name) is None
                answer = await world.service.submit(c.Envelope(name, "olga", "some-command", c.Join()))
                assert isinstance(answer, Refusal) and answer.reason.code == "not_found"

    run(story())
    hold(tmp_path / "any.db")


def test_tallies_come_due_in_both_crews_after_a_restart_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await two(world, "olga", "alice", "rita")
            tallies: dict[str, tuple[str, str]] = {}
            for crew in (CREW, OTHER):
                world.crew_id = crew
                asks = c.NextQuestion(ASKS.title, ASKS.terms, ASKS.grain, ASKS.span, 10 * POINT, "host")
                kept = (await world.do("alice", c.OpenTally("Outages", "The site is down.", "2027-01-01", asks))).tally
                assert kept is not None
                opened = c.OpeningUniform(200_000)
                tallies[crew] = kept, await world.ask("alice", tally=kept, opening=opened, subsidy=10 * POINT, subsidy_from="host")
            world.clock.move(3 * DAY)
            await world.do("rita", c.Rule(tallies[OTHER][1], "2027-01-01", "seen"))
            seen = {crew: service.tally(tallies[crew][0], "alice") for crew in tallies if (service := world.service.of(crew))}
            counts = {crew: view.count for crew, view in seen.items() if isinstance(view, wire.TallyView)}
            assert counts == {CREW: 0, OTHER: 1}
            world.crew_id = CREW
            await world.do("rita", c.Rule(tallies[CREW][1], "2027-01-01", "seen"))
            await world.reopen()
            await world.do("olga", c.Grant("alice", POINT, "the loop has run once"))
            for crew in tallies:
                service = world.service.of(crew)
                assert service is not None
                view = service.tally(tallies[crew][0], "alice")
                assert isinstance(view, wire.TallyView) and view.count == 1
                assert view.next.question is not None or view.next.refused is not None
            world.check()

    run(story())
    hold(tmp_path / "any.db")


def test_the_bound_on_folded_questions_holds_over_all_crews(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db", Settings(questions_cached=3)) as world:
            first, second = await two(world, "olga", "alice", "rita")
            for crew in (CREW, OTHER):
                world.crew_id = crew
                for _ in range(3):
                    await world.ask("olga", subsidy=10 * POINT)
            shelf = world.service.writer._shelf
            assert len(shelf.keys(CREW)) + len(shelf.keys(OTHER)) == 3
            for name, crew in ((first, CREW), (second, OTHER)):
                world.crew_id = crew
                await world.do("alice", c.Bet(name, "March", spend=POINT))
            assert len(shelf.keys(CREW)) + len(shelf.keys(OTHER)) == 3
            world.check()

    run(story())
    hold(tmp_path / "any.db")


def test_who_watches_a_question_is_woken_by_its_own_crew_only(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            first, second = await two(world, "olga", "alice", "rita")
            assert other_of(world).committed(first) == 0 and other_of(world).committed(second) == 1
            waits = asyncio.create_task(other_of(world).changed(second, 1))
            await world.do("alice", c.Bet(first, "March", spend=POINT))
            await asyncio.sleep(0)
            assert not waits.done()
            world.crew_id = OTHER
            await world.do("alice", c.Bet(second, "March", spend=POINT))
            assert await waits == 2

    run(story())


# verify and rebuild, and the controls that must fail


def test_verify_goes_through_every_crew_and_says_in_which_one_something_is_wrong(tmp_path: Path) -> None:
    async def story() -> wire.Receipt:
        async with World(tmp_path / "any.db") as world:
            _, second = await two(world, "olga", "alice", "rita")
            world.crew_id = OTHER
            return await world.do("alice", c.Bet(second, "March", spend=POINT))

    receipt = run(story())
    good = verify(tmp_path / "any.db", receipts=[(receipt.stream, receipt.version, receipt.head)])
    assert good.fault is None and good.streams == 4
    wrong = verify(tmp_path / "any.db", receipts=[(receipt.stream, receipt.version, "00" * 32)])
    assert wrong.fault is not None and f"{receipt.stream}, version {receipt.version}, of the crew {OTHER}" in wrong.fault
    absent = verify(tmp_path / "any.db", receipts=[(receipt.stream, 99, receipt.head)])
    assert absent.fault is not None and "what is not there" in absent.fault
    with contextlib.closing(sqlite3.connect(tmp_path / "any.db")) as connection:
        connection.execute("UPDATE account SET balance = balance + 1 WHERE crew = ? AND account = 'player/alice'", (OTHER,))
        connection.commit()
    assert "accounts" in (verify(tmp_path / "any.db").fault or "")


def test_a_receipt_of_the_crews_own_stream_holds_in_whichever_crew_it_was_given(tmp_path: Path) -> None:
    async def story() -> list[wire.Receipt]:
        async with World(tmp_path / "any.db") as world:
            await two(world, "olga", "alice", "rita")
            world.crew_id = OTHER
            later = await world.do("olga", c.Grant("alice", POINT, "once"))
            world.crew_id = CREW
            return [later, await world.do("olga", c.Grant("alice", POINT, "once"))]

    for receipt in run(story()):
        assert verify(tmp_path / "any.db", receipts=[(receipt.stream, receipt.version, receipt.head)]).fault is None


def test_a_crew_opened_in_another_crews_stream_is_found(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            await world.crew("olga")
            given = {"name": "Not theirs", "owner": "bob", "zone": "UTC"}
            opened = e.CrewOpened(at=world.clock.now, crew=CREW, joining_grant=0, house_grant=0, report_lag=0, dispute=0, silence=1, **given)
            payload = codec.encode(opened)
            event = log.Logged(OTHER, "crew", 1, opened.at, payload, codec.link(codec.genesis(OTHER, "crew"), payload))
            await world.service.database.write(lambda connection: log.append(connection, [event], []))

    run(story())
    assert "its own stream" in (verify(tmp_path / "any.db").fault or "")


def test_a_rebuild_that_took_one_crews_lag_for_all_would_give_other_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: purses age by their own crew's report lag."""

    async def story() -> None:
        async with World(tmp_path / "any.db") as world:
            first, second = await two(world, "olga", "alice", "rita")
            for crew, name in ((CREW, first), (OTHER, second)):
                world.crew_id = crew
                await world.do("alice", c.Bet(name, "March", spend=50 * POINT))
                world.clock.move(60_000_000)
                await world.do("alice", c.Sell(name, "March"))
                world.clock.move(60_000_000)
                await world.do("olga", c.Grant("alice", POINT, "so that the row is written"))

    run(story())
    hold(tmp_path / "any.db")
    good = project.Rows.add
    monkeypatch.setattr(project.Rows, "add", lambda self, logged, event, lag: good(self, logged, event, 0))
    with pytest.raises(AssertionError, match="rebuilding purse"):
        hold_rows(tmp_path / "any.db")


def hold_rows(path: Path) -> None:
    from tests.world import rebuilt, snapshot

    before, after = snapshot(path), rebuilt(path)
    for table, rows in before.items():
        assert rows == after[table], f"rebuilding {table} gives other rows"
