"""Retries, races and batches: a command takes effect once, however often and however crowded it is sent."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from anyday import wire
from anyday.instants import DAY
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.service import CREW, Service
from anyday.settings import BadSetting, Settings, refuse_without_assertions
from anyday.store.database import Database, FileInUse
from anyday.store.schema import STEPS, SchemaMismatch
from tests.world import Clock, World, hold, run

POINT = 1_000_000


def receipts(answers: list[wire.Receipt | Refusal]) -> list[wire.Receipt]:
    return [answer for answer in answers if isinstance(answer, wire.Receipt)]


def codes(answers: list[wire.Receipt | Refusal]) -> list[str]:
    return [answer.reason.code for answer in answers if isinstance(answer, Refusal)]


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_fifty_who_send_one_id_at_once_have_one_effect_and_one_reply(batch: int, tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=batch)) as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            bet = c.Bet(question, "March", spend=POINT)
            answers = await asyncio.gather(*(world.send("alice", bet, "one-and-only") for _ in range(50)))
            assert len({answer.head for answer in receipts(answers)}) == 1 and len(receipts(answers)) == 50
            assert world.balances()["player/alice"] == 999 * POINT
            await world.reopen()
            assert await world.send("alice", bet, "one-and-only") == answers[0]

    run(story())
    hold(tmp_path / "a.db")


@pytest.mark.parametrize("batch", [1, 256])
def test_one_id_with_fifty_bodies_keeps_the_first(batch: int, tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=batch)) as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            bodies = [c.Bet(question, "March", spend=POINT + n) for n in range(50)]
            answers = await asyncio.gather(*(world.send("alice", body, "one-and-only") for body in bodies))
            assert len(receipts(answers)) == 1 and codes(answers) == ["command_reused"] * 49
            assert world.balances()["player/alice"] == 999 * POINT

    run(story())
    hold(tmp_path / "a.db")


def test_a_refusal_is_not_kept_so_the_same_command_may_succeed_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            bet = c.Bet(question, "March", spend=1_001 * POINT)
            assert await world.refused("alice", bet, "dear-bet") == "not_enough"
            await world.do("olga", c.Grant("alice", 2 * POINT, "a present"))
            await world.do("alice", bet, "dear-bet")

    run(story())
    hold(tmp_path / "a.db")


@pytest.mark.parametrize("batch", [1, 5, 256])
def test_of_twenty_rulings_at_once_one_is_made(batch: int, tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=batch)) as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            await world.do("alice", c.Bet(question, "February", spend=50 * POINT))
            world.clock.move(60 * DAY)
            rulings = [world.send("rita", c.Rule(question, f"2027-02-{day:02}", "seen")) for day in range(1, 21)]
            answers = await asyncio.gather(*rulings)
            assert len(receipts(answers)) == 1 and codes(answers) == ["already_ruled"] * 19
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_of_many_who_bet_on_one_version_one_gets_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=3)) as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            for version in range(1, 6):
                bets = [world.send(who, c.Bet(question, "March", spend=POINT, expected_version=version)) for who in ("alice", "bob") * 10]
                answers = await asyncio.gather(*bets)
                assert len(receipts(answers)) == 1 and codes(answers) == ["version_moved"] * 19

    run(story())
    hold(tmp_path / "a.db")


def test_nobody_spends_the_same_points_twice(tmp_path: Path, chance: random.Random) -> None:
    """Sixty bets of a sixtieth fit; of three hundred sent at once, over three questions, exactly sixty are taken."""

    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=16)) as world:
            await world.crew("olga", "alice", "rita", grant=60 * POINT)
            asked = [await world.ask("olga") for _ in range(3)]
            bets = [world.send("alice", c.Bet(chance.choice(asked), chance.choice(["March", "April"]), spend=POINT)) for _ in range(300)]
            answers = await asyncio.gather(*bets)
            assert len(receipts(answers)) == 60 and set(codes(answers)) == {"not_enough"}
            assert world.balances()["player/alice"] == 0

    run(story())
    hold(tmp_path / "a.db")


def test_the_house_is_not_spent_twice_in_one_batch(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.do("olga", c.OpenCrew("The crew", house_grant=250 * POINT, dispute=0, silence=366 * DAY))
            await world.do("rita", c.Join())
            ask = c.Ask("When?", "It.", "UTC", "day", "2027-02-01", "2027-03-01", "rita", 100 * POINT, "house")
            answers = await asyncio.gather(*(world.send("olga", ask) for _ in range(5)))
            assert len(receipts(answers)) == 2 and codes(answers) == ["house_short"] * 3

    run(story())
    hold(tmp_path / "a.db")


def test_batches_of_any_size_leave_the_same_file(tmp_path: Path) -> None:
    """The same commands, one by one or all at once: the same events, the same rows."""

    async def story(path: Path, batch: int) -> list[tuple[object, ...]]:
        chance = random.Random(7)
        async with World(path, Settings(batch=batch)) as world:
            await world.crew("olga", "alice", "bob", "carol", "rita")
            asked = [await world.ask("olga") for _ in range(3)]
            for _ in range(10):
                sent = []
                for _ in range(25):
                    who, question = chance.choice(["alice", "bob", "carol"]), chance.choice(asked)
                    window = chance.choice(["March", "April", "not May", "never", "before June"])
                    sent.append((who, chance.choice([c.Bet(question, window, spend=chance.randrange(1, 30 * POINT)), c.Sell(question, window)])))
                await asyncio.gather(*(world.send(*one) for one in sent))
                world.clock.move(DAY)
            world.check()
            return world.service.database.read("SELECT stream, version, payload, hash FROM event ORDER BY seq")

    one, many = run(story(tmp_path / "one.db", 1)), run(story(tmp_path / "many.db", 256))
    assert one == many and len(one) > 100
    hold(tmp_path / "one.db")
    hold(tmp_path / "many.db")


def test_a_command_that_breaks_an_invariant_costs_nobody_else_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anyday.service import writer

    good = writer.decide

    def bad(situation: object, actor: str, command: c.Command, now: object) -> object:
        decided = good(situation, actor, command, now)  # type: ignore[arg-type]
        assert not (isinstance(command, c.Bet) and command.spend == 13), "an invariant"
        return decided

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita")
            question = await world.ask("olga")
            monkeypatch.setattr(writer, "decide", bad)
            bets = [world.send("alice", c.Bet(question, "March", spend=13 if n % 4 == 2 else POINT + n)) for n in range(20)]
            answers = await asyncio.gather(*bets)
            assert len(receipts(answers)) == 15 and codes(answers) == ["unavailable"] * 5
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_a_question_whose_opening_broke_half_way_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anyday.service import writer

    good = writer.said

    def bad(events: tuple[e.Event, ...], question: object) -> str:
        assert not isinstance(events[0], e.QuestionOpened), "an invariant, after the question was folded"
        return good(events, question)  # type: ignore[arg-type]

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            monkeypatch.setattr(writer, "said", bad)
            ask = c.Ask("When?", "It.", "UTC", "day", "2027-02-01", "2027-03-01", "rita", 100 * POINT, "house")
            answers = await asyncio.gather(*(world.send("olga", ask) for _ in range(3)), world.send("alice", c.Bet(question, "March", spend=POINT)))
            assert codes(answers) == ["unavailable"] * 3 and len(receipts(answers)) == 1
            assert set(world.service.writer._shelf.keys(CREW)) <= {(CREW, question)}
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_a_caller_who_gives_up_waiting_leaves_the_others_their_answers(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            question = await world.ask("olga")
            bets = [asyncio.ensure_future(world.send("alice", c.Bet(question, "March", spend=POINT))) for _ in range(20)]
            await asyncio.sleep(0)
            for bet in bets[::3]:
                bet.cancel()
            answers = await asyncio.gather(*bets, return_exceptions=True)
            assert len([answer for answer in answers if isinstance(answer, wire.Receipt)]) == 13
            world.check()

    run(story())
    hold(tmp_path / "a.db")


# one writer a file


def open_elsewhere(path: str, answers: object) -> None:
    try:
        Database(Path(path)).close()
        answers.put("opened")  # type: ignore[attr-defined]
    except FileInUse:
        answers.put("in use")  # type: ignore[attr-defined]


def test_a_second_process_is_refused_the_file_until_the_first_lets_go(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()

    def ask_another() -> str:
        process = spawn.Process(target=open_elsewhere, args=(str(tmp_path / "a.db"), answers))
        process.start()
        answer = answers.get(timeout=180)
        process.join()
        return str(answer)

    held = Database(tmp_path / "a.db")
    assert ask_another() == "in use"
    with pytest.raises(FileInUse):
        Database(tmp_path / "a.db")
    held.close()
    assert ask_another() == "opened"


def test_a_service_that_was_refused_the_file_leaves_the_first_its_lock(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga")
            for _ in range(3):
                with pytest.raises(FileInUse):
                    await Service.open(tmp_path / "a.db", Clock())
            await world.do("alice", c.Join())

    run(story())
    hold(tmp_path / "a.db")


# the schema


def test_a_file_of_another_schema_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    Database(tmp_path / "a.db").close()
    for sql in ("UPDATE step SET checksum = 'another' WHERE number = 2", f"INSERT INTO step VALUES ({len(STEPS) + 1}, 'newer')"):
        path = tmp_path / f"{len(sql)}.db"
        path.write_bytes((tmp_path / "a.db").read_bytes())
        with sqlite3.connect(path) as connection:
            connection.execute(sql)
        connection.close()
        for _ in range(2):
            with pytest.raises(SchemaMismatch):
                Database(path)


def test_a_migration_that_was_cut_short_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is one transaction: a crash leaves whole steps, and the next start does the rest."""
    from anyday.store import schema

    whole = schema.STEPS
    monkeypatch.setattr(schema, "STEPS", (whole[0], whole[1] + "; CREATE TABLE nonsense (; "))
    with pytest.raises(sqlite3.OperationalError):
        Database(tmp_path / "a.db")
    monkeypatch.setattr(schema, "STEPS", whole)
    database = Database(tmp_path / "a.db")
    assert database.read("SELECT number FROM step ORDER BY number") == [(n,) for n in range(1, len(whole) + 1)]
    database.close()


# assertions stay on


def test_python_without_assertions_does_not_open_a_file(tmp_path: Path) -> None:
    program = f"""
        import asyncio
        from anyday.service import Service
        asyncio.run(Service.open({str(tmp_path / "a.db")!r}, lambda: 0))
    """
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    for flags, variables in ((["-O"], {}), ([], {"PYTHONOPTIMIZE": "1"})):
        command = [sys.executable, *flags, "-c", textwrap.dedent(program)]
        ran = subprocess.run(command, env=environment | variables, capture_output=True, text=True)
        assert ran.returncode != 0 and "BadSetting" in ran.stderr, ran.stderr
    assert not (tmp_path / "a.db").exists()
    refuse_without_assertions()
    assert issubclass(BadSetting, Exception)
