"""Entries in the store: sealed streams survive what memory does not, retries are safe, and the bell is written once."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

import pytest

from anyday import wire
from anyday.instants import DAY, HOUR, Instant
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.ledger import CLOSEST, FORECAST, hidden_stream, question_stream
from anyday.rules.question import Life, fold
from anyday.settings import Settings
from anyday.store import log
from anyday.store.database import WriteFailed
from tests.rules.table import told
from tests.world import World, hold, instant, run

POINT: Final = 1_000_000
PLAYS: Final[dict[str, Any]] = {
    "origin": "2027-03-01", "horizon": "2027-04-01", "lead": HOUR, "subsidy": 100 * POINT, "tote": c.ToteTerms("week", 50_000),
    "closest": c.ClosestTerms(10 * POINT), "forecast": True,
}  # fmt: skip
BELL: Final = Instant(instant("2027-03-01") - HOUR)


def curve(question: str, by: str, stake: int | None = None) -> c.Forecast:
    return c.Forecast(question, c.CurveQuantiles(((by, 500_000),), 100_000), stake)


async def crew(world: World) -> None:
    await world.crew("olga", "alice", "bob", "carol", "rita")


def unsealed(world: World, question: str) -> list[e.Unsealed]:
    stream = log.read(world.service.database, "crew", question_stream(question))
    return [logged.event for logged in stream if isinstance(logged.event, e.Unsealed)]


def root_of(world: World, question: str, mechanism: str) -> str:
    """The root by hand: a line for each hidden stream, in the order of their names."""
    last: dict[str, str] = {}
    for stream, head in world.service.database.read("SELECT stream, lower(hex(hash)) FROM event WHERE stream LIKE 'hidden/%' ORDER BY version"):
        if stream.split("/")[1:3] == [question, mechanism]:
            last[stream] = head
    return hashlib.sha256("".join(f"{stream} {last[stream]}\n" for stream in sorted(last)).encode()).hexdigest()


def test_sealed_entries_survive_a_restart_and_a_memory_for_one_question(tmp_path: Path) -> None:
    """Four questions, memory for one: each is folded again and again, and says to its players what they entered."""

    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(questions_cached=1)) as world:
            await crew(world)
            asked = [await world.ask("olga", **PLAYS) for _ in range(4)]
            for turn in range(3):
                sent = []
                for place, question in enumerate(asked):
                    for who in ("alice", "bob"):
                        sent += [
                            world.send(who, c.Guess(question, f"2027-03-{10 + turn + place}")),
                            world.send(who, curve(question, f"2027-03-{12 + turn}", POINT if turn == 0 else None)),
                            world.send(who, c.Stake(question, "never", POINT)), world.send(who, c.Bet(question, "2027-03-20", spend=POINT)),
                        ]  # fmt: skip
                assert all(isinstance(answer, wire.Receipt) for answer in await asyncio.gather(*sent))
                world.check()
                world.clock.move(DAY)
            before = [(told(world.service.find(q)), world.service.question(q, "alice")) for q in asked]  # type: ignore[arg-type]
            await world.reopen()
            assert before == [(told(world.service.find(q)), world.service.question(q, "alice")) for q in asked]  # type: ignore[arg-type]
            for place, question in enumerate(asked):
                state = fold(question, world.service.history_of(question))
                assert [guess.claim.first + 1 for guess in state.closest.guesses] == [12 + place] * 2, "the last guess of each stands"
                assert state.forecast.stated("alice") == 3 and state.tote.escrow == 6 * POINT and len(state.market.players) == 2
                assert world.balances()[f"escrow/{question}/closest"] == 20 * POINT and world.balances()[f"escrow/{question}/forecast"] == 2 * POINT
            for who in ("alice", "bob"):
                assert world.service.me(who).balance == str(1000 - 4 * (10 + 1 + 3 + 3))

    run(story())
    hold(tmp_path / "a.db")


@pytest.mark.parametrize("name", ["stake", "guess", "change", "forecast", "revision", "note"])
def test_an_entry_sent_again_has_no_second_effect(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            question = await world.ask("olga", **PLAYS)
            bodies: dict[str, tuple[c.Command, c.Command]] = {
                "stake": (c.Stake(question, "never", POINT), c.Stake(question, "never", POINT + 1)),
                "guess": (c.Guess(question, "2027-03-12"), c.Guess(question, "2027-03-13")),
                "change": (c.Guess(question, "2027-03-12"), c.Guess(question, "never")),
                "forecast": (curve(question, "2027-03-12", POINT), curve(question, "2027-03-12", 2 * POINT)),
                "revision": (curve(question, "2027-03-12"), curve(question, "2027-03-14")),
                "note": (c.Note(question, "news", "so", "2026-12-31", "seen"), c.Note(question, "near_miss", "so", "2026-12-31", "seen")),
            }
            body, other = bodies[name]
            if name == "change":
                await world.do("alice", c.Guess(question, "2027-03-20"))
            elif name == "revision":
                await world.do("alice", curve(question, "2027-03-20", POINT))
            first, at_once = await asyncio.gather(world.send("alice", body, "the-same-id"), world.send("alice", body, "the-same-id"))
            assert first == at_once and isinstance(first, wire.Receipt)
            after = world.count(), world.balances()
            for _ in range(2):
                assert await world.send("alice", body, "the-same-id") == first
                assert await world.refused("alice", other, "the-same-id") == "command_reused"
                await world.reopen()
                world.clock.now = Instant(world.clock.now + 60 * DAY)  # entries have closed meanwhile: what was answered stays answered
                world.settings = Settings(command_days=365)
            assert (world.count(), world.balances()) == after

    run(story())
    hold(tmp_path / "a.db")


def test_entries_of_one_batch_each_see_the_one_before(tmp_path: Path) -> None:
    """Two guesses at once: the second replaces the first and costs nothing. Two stakes at once: the second may be too much."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita", grant=15 * POINT)
            question = await world.ask("olga", **PLAYS)
            one, two = await asyncio.gather(*(world.send("alice", c.Guess(question, f"2027-03-{day}")) for day in (12, 13)))
            assert isinstance(one, wire.Receipt) and isinstance(two, wire.Receipt)
            assert (one.stream, one.version, two.version) == (hidden_stream(question, CLOSEST, "alice"), 1, 2)
            first, second, third = await asyncio.gather(
                world.send("alice", curve(question, "2027-03-12", 3 * POINT)), world.send("alice", c.Stake(question, "never", 3 * POINT)),
                world.send("alice", curve(question, "2027-03-14")),
            )  # fmt: skip
            assert isinstance(first, wire.Receipt) and isinstance(third, wire.Receipt), (first, third)
            assert isinstance(second, Refusal) and second.reason is Reason.NOT_ENOUGH, "15 less 10 less 3 are 2"
            assert world.balances()["player/alice"] == 2 * POINT
            state = world.service.find(question)
            assert state is not None and state.closest.escrow == 10 * POINT and state.forecast.stated("alice") == 2 and state.version == 1
            world.check()

    run(story())
    hold(tmp_path / "a.db")


def test_an_entry_that_could_not_be_written_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            question = await world.ask("olga", **PLAYS)
            await world.do("bob", c.Guess(question, "2027-03-12"))
            good = world.service.database.write
            entries: list[c.Command] = [c.Guess(question, "2027-03-13"), curve(question, "2027-03-12", 5 * POINT), c.Stake(question, "never", POINT)]

            async def full(work: object) -> object:
                raise WriteFailed(Refusal(Reason.DISK_FULL))

            monkeypatch.setattr(world.service.database, "write", full)
            answers = await asyncio.gather(*(world.send("alice", body, f"entry-{place:04}") for place, body in enumerate(entries)))
            assert [answer.reason for answer in answers if isinstance(answer, Refusal)] == [Reason.DISK_FULL] * 3
            monkeypatch.setattr(world.service.database, "write", good)
            state = world.service.find(question)
            assert state is not None and not state.has_stake("alice") and state.closest.escrow == 10 * POINT and state.tote.escrow == 0
            assert world.service.me("alice").spendable == "1000"
            for place, body in enumerate(entries):
                await world.do("alice", body, f"entry-{place:04}")
            assert world.service.me("alice").spendable == "984"

    run(story())
    hold(tmp_path / "a.db")


FIRST_AFTER_THE_BELL: Final = ("bet", "stake refused", "note", "close", "rule", "void", "revision")


@pytest.mark.parametrize("first", FIRST_AFTER_THE_BELL)
def test_the_bell_is_written_once_by_the_first_command_after_it(first: str, tmp_path: Path) -> None:
    """Stamped at the bell, with the root of the guesses and of nothing else; not by what is refused, nor by what is sealed."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            question = await world.ask("olga", **PLAYS)
            await world.do("bob", c.Guess(question, "2027-03-12"))
            await world.do("bob", curve(question, "2027-03-12", POINT))
            world.clock.now = Instant(BELL - 1)
            await world.do("carol", c.Guess(question, "2027-03-13"))
            await world.do("bob", c.Bet(question, "2027-03-12", spend=POINT))
            world.clock.now = BELL
            assert await world.refused("alice", c.Guess(question, "2027-03-13")) == "entries_closed"
            assert unsealed(world, question) == [], "looking and refusing write nothing"
            view = world.service.question(question, "rita")
            assert isinstance(view, wire.QuestionView) and view.closest is not None and len(view.closest.pins) == 2, "and yet all are seen"
            await world.reopen()
            world.clock.now = Instant(BELL + 29 * DAY)
            bodies: dict[str, tuple[str, c.Command]] = {
                "bet": ("bob", c.Bet(question, "2027-03-31", spend=POINT)), "stake refused": ("bob", c.Stake(question, "never", POINT)),
                "note": ("alice", c.Note(question, "news", "so", "2027-03-02", "seen")), "close": ("rita", c.Close(question)),
                "rule": ("rita", c.Rule(question, "2027-03-12 10:00", "seen")), "void": ("olga", c.Void(question, "so")),
                "revision": ("bob", curve(question, "2027-03-30")),
            }  # fmt: skip
            who, body = bodies[first]
            if first == "stake refused":
                assert await world.refused(who, body) == "entries_closed"
            else:
                answers = await asyncio.gather(world.send(who, body), *(world.send("bob", bodies["revision"][1]),) if first == "bet" else ())
                assert all(isinstance(answer, wire.Receipt) and "Entries closed" not in answer.said for answer in answers), answers
            written = unsealed(world, question)
            if first in ("stake refused", "revision"):
                assert written == []
            else:
                told_of = [event for event in written if event.mechanism == CLOSEST]
                assert told_of == [e.Unsealed(at=BELL, mechanism=CLOSEST, root=root_of(world, question, CLOSEST))]
                stream = [logged.event for logged in log.read(world.service.database, "crew", question_stream(question))]
                assert stream.index(told_of[0]) == 2, "before anything that came after the bell"
            await world.reopen()
            state = world.service.find(question)
            assert state is not None
            if state.life is Life.OPEN:
                await world.do("bob", c.Bet(question, "2027-03-31", spend=POINT))
            if state.life in (Life.OPEN, Life.CLOSED):
                await world.do("rita", c.Rule(question, "2027-03-12 10:00", "seen"))
            world.clock.move(DAY)
            if state.life is Life.SETTLED:
                await world.do("rita", c.Correct(question, "2027-03-13 10:00", "seen", "a slip"))
            once = [event.mechanism for event in unsealed(world, question)]
            assert once == ([CLOSEST] if first == "void" else [CLOSEST, FORECAST]), "each once, in their order"
            if first != "void":
                assert unsealed(world, question)[1].root == root_of(world, question, FORECAST)

    run(story())
    hold(tmp_path / "a.db")


def test_two_commands_of_the_batch_after_the_bell_write_it_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            question = await world.ask("olga", **PLAYS)
            world.clock.now = Instant(BELL + DAY)
            bets = [world.send(who, c.Bet(question, "2027-03-31", spend=POINT)) for who in ("alice", "bob", "carol")]
            receipts = await asyncio.gather(*bets)
            assert [answer.version for answer in receipts if isinstance(answer, wire.Receipt)] == [3, 4, 5]
            assert [event.root for event in unsealed(world, question)] == [hashlib.sha256(b"").hexdigest()], "nobody had guessed"

    run(story())
    hold(tmp_path / "a.db")


def test_a_purse_read_again_has_its_flows_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    """A clock that stands still, or has stepped back, gives one instant to what came in turn, in streams of other names. The
    least that a cut can leave follows from their order; read in another one, the next floor would not be the log's."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            question = await world.ask("olga", **PLAYS)
            await world.do("alice", c.Bet(question, "2027-03-12", spend=50 * POINT))
            world.clock.move(4 * DAY)
            await world.do("alice", c.Sell(question, "2027-03-12"))  # some 50 come back, and at the same instant 10 go
            await world.do("alice", c.Guess(question, "2027-03-12"))
            spendable = world.service.me("alice").spendable
            await world.reopen()
            assert world.service.me("alice").spendable == spendable
            await world.do("olga", c.Grant("alice", POINT, "a present"))

    run(story())
    hold(tmp_path / "a.db")


def test_a_curve_that_may_not_be_seen_yet_is_refused_with_the_reason(tmp_path: Path) -> None:
    """NO_CURVE_YET, and when there will be one; a tote has one once somebody entered, guesses never: they are told as they are."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            alone = {"origin": "2027-03-01", "horizon": "2027-04-01", "market": False, "subsidy": 0}
            tote, guesses, curves = [
                await world.ask("olga", **alone, **plays)
                for plays in ({"tote": c.ToteTerms("week")}, {"closest": c.ClosestTerms(POINT)}, {"forecast": True})
            ]

            def seen(question: str) -> str:
                found = world.service.curve(question)
                if isinstance(found, Refusal):
                    assert found.reason is Reason.NO_CURVE_YET and "…" not in str(found)
                    return dict(found.facts)["why"]
                return "seen"

            assert {seen(question) for question in (tote, guesses, curves)} == {"Entries close on 1 March 2027, 00:00."}
            await world.do("alice", c.Stake(tote, "never", POINT))
            await world.do("alice", c.Guess(guesses, "2027-03-20"))
            await world.do("alice", curve(curves, "2027-03-20", POINT))
            assert [seen(question) for question in (tote, guesses)] == ["seen", "Entries close on 1 March 2027, 00:00."]
            world.clock.now = instant("2027-03-02")
            assert [seen(question) for question in (tote, guesses, curves)] == [
                "seen", "1 guess; the middle one 20 March 2027.", "Forecasts are sealed until the ruling.",
            ]  # fmt: skip
            empty = await world.ask("olga", **(alone | {"origin": "2027-03-03"}), closest=c.ClosestTerms(POINT))
            world.clock.now = instant("2027-03-25")
            await world.do("rita", c.Void(curves, "so"))
            assert seen(curves) == "It was called off; what was sealed then stays sealed."
            assert seen(empty) == "Nobody has entered."
            await world.do("rita", c.Note(guesses, "news", "Nothing yet.", "2027-03-24", "I looked."))
            assert seen(guesses) == "1 guess; the middle one 20 March 2027.", "guesses are what they were, whatever has passed"
            assert seen(tote) == "seen"

    run(story())
    hold(tmp_path / "a.db")


def test_pins_stand_in_the_order_of_time_and_name_nobody_but_winners_and_oneself(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            question = await world.ask("olga", **PLAYS)
            for who, guess in (("alice", "never"), ("bob", "2027-03-20"), ("carol", "2027-03-04")):
                await world.do(who, c.Guess(question, guess))

            def pins(who: str) -> list[tuple[str, str | None, int | None]]:
                view = world.service.question(question, who)
                assert isinstance(view, wire.QuestionView) and view.closest is not None
                return [(pin.window.split(" by")[0], pin.name, pin.place) for pin in view.closest.pins]

            world.clock.now = BELL
            assert pins("bob") == [("4 March 2027", None, None), ("20 March 2027", None, None), ("never", None, None)]
            world.clock.move(3 * DAY)
            await world.do("rita", c.Rule(question, "2027-03-03 10:00", "seen"))
            gone = "a former player"  # nobody here has an account
            assert pins("bob") == [("4 March 2027", gone, 1), ("20 March 2027", gone, None), ("never", None, None)]
            assert [name for _, name, _ in pins("alice")] == [gone, None, gone]

    run(story())


def test_a_stake_on_the_tote_wins_nothing_before_the_ruling_and_is_no_bet_of_the_market(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            question = await world.ask("olga", **PLAYS)
            await world.do("alice", c.Stake(question, "never", POINT))
            await world.do("bob", c.Bet(question, "never", spend=POINT))
            bets = world.service.bets(question, "alice")
            assert not isinstance(bets, Refusal) and [bet.mine for bet in bets] == [False], "the market's alone"
            for state, won in (("open", []), ("settled", ["never"])):
                view = world.service.question(question, "alice")
                assert isinstance(view, wire.QuestionView) and view.tote is not None and view.state == state
                assert [slot.window for slot in view.tote.slots if slot.won] == won
                world.clock.now = instant("2027-04-01")
                if state == "open":
                    await world.do("rita", c.Rule(question, "never", "nothing"))

    run(story())


def test_ones_own_forecast_is_the_last_one_stated_and_may_be_revised_while_time_is_left(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world)
            question = await world.ask("olga", **PLAYS)

            def mine() -> tuple[bool, int, bool]:
                view = world.service.question(question, "alice")
                assert isinstance(view, wire.QuestionView) and view.forecast is not None and view.forecast.mine is not None
                return view.forecast.may_revise, view.forecast.curves, view.forecast.mine.quantiles["50"] == instant("2027-03-21")

            await world.do("alice", curve(question, "2027-03-10", POINT))
            assert mine() == (True, 1, False)
            world.clock.now = Instant(BELL + DAY)
            await world.do("alice", c.Forecast(question, c.CurveQuantiles((("2027-03-20", 500_000),), 100_000)))
            assert mine() == (True, 2, True)
            world.clock.now = instant("2027-04-01")
            assert mine() == (False, 2, True), "it waits for its ruling"

    run(story())
