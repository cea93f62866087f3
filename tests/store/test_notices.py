"""Who is told what, for each thing that happens: from the commands of a real service to the rows of the outbox and their words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anyday.instants import DAY, MINUTE
from anyday.notify import inbox
from anyday.rules import commands as c
from tests.world import World, run

POINT = 1_000_000


def told(world: World, kind: str | None = None) -> dict[str, list[str]]:
    """The kinds of notice by player, in the order in which they came."""
    found: dict[str, list[str]] = {}
    for player, name in world.service.database.read("SELECT player, kind FROM notice ORDER BY player, id"):
        if kind in (None, name):
            found.setdefault(player, []).append(name)
    return found


def waiting(world: World) -> set[tuple[str, str]]:
    """Who has what to acknowledge."""
    urgent = ("alarm", "handover", "judging_asked", "consent_asked", "ruling_asked")
    rows = world.service.database.read("SELECT player, kind FROM notice WHERE acked_at IS NULL")
    return {(player, kind) for player, kind in rows if kind in urgent}


def words(world: World, player: str) -> list[str | None]:
    """The titles of a player's notices, as they may see them now."""
    lines = reversed(inbox.lines(world.service.database, "crew", player))
    rendered = [world.service.messages.render(line.kept.notice, player) for line in lines]
    return [each.title if each is not None else None for each in rendered]


def test_an_alarm_is_told_to_everybody_until_it_is_lifted(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "anna", "rita")
            await world.do("olga", c.Alarm("The numbers are wrong"))
            assert waiting(world) == {("anna", "alarm"), ("rita", "alarm")}
            assert words(world, "anna") == ["Alarm: The crew"]
            world.clock.move(MINUTE)
            await world.do("olga", c.AllClear())
            assert waiting(world) == set()
            assert told(world) == {"anna": ["alarm", "all_clear"], "rita": ["alarm", "all_clear"]}
            assert "numbers" not in str(world.service.database.read("SELECT * FROM notice")), "its words are not kept"

    run(story())


def test_a_halted_question_is_told_to_everybody_until_it_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "anna", "bert", "rita")
            question = await world.ask("olga")
            await world.do("anna", c.Bet(question, "March", spend=5 * POINT))
            await world.do("rita", c.Halt(question, "Something is off"))
            assert set(told(world, "alarm")) == {"anna", "bert", "olga"}
            world.clock.move(MINUTE)
            await world.do("rita", c.Resume(question))
            assert waiting(world) == set()
            assert set(told(world, "all_clear")) == {"anna", "bert", "olga"}

    run(story())


def test_a_handover_waits_for_the_other_and_its_answer_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "anna", "bert", "rita")
            question = await world.ask("olga")
            await world.do("rita", c.HandOver("resolver", "bert", question=question))
            assert waiting(world) == {("bert", "handover")}
            assert words(world, "bert")[-1] == "A duty is handed to you: “When does it ship?”"
            world.clock.move(MINUTE)
            await world.do("bert", c.Accept("resolver", question))
            assert waiting(world) == set()
            assert "duty_passed" in told(world)["olga"]

    run(story())


def test_a_dispute_asks_a_judge_and_is_told_to_whom_it_concerns(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "anna", "bert", "dana", "rita")
            question = await world.ask("olga", deputy="dana", dispute=DAY)
            await world.do("anna", c.Bet(question, "March", spend=5 * POINT))
            world.clock.move(80 * DAY)
            await world.do("rita", c.Rule(question, "2027-03-10", "Seen."))
            assert set(told(world, "disputable")) == {"anna"} and "anna" not in told(world, "ruled"), "whoever has a stake can still object"
            line = inbox.lines(world.service.database, "crew", "anna")[0]
            rendered = world.service.messages.render(line.kept.notice, "anna")
            assert rendered is not None and "until then it can be disputed" in rendered.text
            await world.do("anna", c.Dispute(question, "It did not"))
            assert waiting(world) == {("dana", "judging_asked")}
            assert {"olga", "rita"} <= set(told(world, "disputed")) and "bert" not in told(world, "disputed")
            world.clock.move(MINUTE)
            await world.do("dana", c.Judge(question, "stands", "It did"))
            assert waiting(world) == set()
            assert "settled" in told(world)["anna"]
            rendered = world.service.messages.render(line.kept.notice, "anna")
            assert rendered is not None and "can be disputed" not in rendered.text

    run(story())


def test_who_a_question_is_about_is_asked_first_and_nobody_else_hears_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "anna", "bert", "rita")
            question = await world.ask("olga", subjects=("bert",))
            assert told(world) == {"bert": ["consent_asked"]}
            world.clock.move(MINUTE)
            await world.do("bert", c.Agree(question))
            assert waiting(world) == set()
            assert set(told(world, "question_opened")) == {"anna", "olga", "rita"}
            assert words(world, "anna") == ["New question: When does it ship?"]
            await world.do("bert", c.Withdraw(question))
            assert words(world, "anna") == [None], "what was told before is not shown any more"

    run(story())


def test_comments_and_thanks_are_told_without_their_words(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "anna", "bert", "rita")
            question = await world.ask("olga")
            receipt = await world.do("anna", c.Comment(question, "A canary sings"))
            await world.do("bert", c.Thank(question, receipt.version))
            assert told(world, "comment") == {"olga": ["comment"], "rita": ["comment"]}
            assert told(world, "thanks") == {"anna": ["thanks"]}
            for table in ("notice", "delivery"):
                assert "canary" not in str(world.service.database.read(f"SELECT * FROM {table}"))

    run(story())


def test_nothing_that_is_sealed_makes_a_notice_for_anybody(tmp_path: Path) -> None:
    """Two worlds that differ in sealed entries hold the same notices until the ruling has shown them."""

    async def story(folder: str, guesses: dict[str, str]) -> tuple[Any, Any]:
        async with World(tmp_path / folder) as world:
            await world.crew("olga", "anna", "bert", "carl", "rita")
            closest = c.ClosestTerms(5 * POINT)
            question = await world.ask("olga", subsidy=0, market=False, closest=closest, origin="2027-02-01")
            for player, guess in guesses.items():
                await world.do(player, c.Guess(question, guess))
            await world.do("rita", c.Note(question, "near_miss", "Almost", "2027-01-01", "Seen"))
            before = world.service.database.read("SELECT crew, player, id, kind, key, facts FROM notice ORDER BY player, id")
            world.clock.move(100 * DAY)
            await world.do("rita", c.Rule(question, "2027-03-10", "Seen."))
            return before, told(world, "settled")

    one, shown = run(story("a.db", {"anna": "1 March 2027", "bert": "9 March 2027"}))
    other, _ = run(story("b.db", {"anna": "1 April 2027"}))
    assert one == other
    assert "bert" in shown, "the ruling shows who won"


def test_a_ruling_is_asked_of_its_resolver_then_of_its_deputy_until_there_is_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "anna", "dana", "rita", silence=7 * DAY)
            question = await world.ask("olga", deputy="dana", horizon="2027-03-01")

            async def later(days: int) -> None:
                world.clock.move(days * DAY)
                await world.service.writer.follow_up()
                while await world.service.messages.courier.round():
                    await world.service.messages.courier.settled()

            await later(58)
            assert waiting(world) == set()
            await later(1)
            assert waiting(world) == {("rita", "ruling_asked")}
            world.clock.move(60 * MINUTE)
            for _ in range(4):
                await later(0)
                world.clock.move(5 * MINUTE)
            assert waiting(world) == {("rita", "ruling_asked"), ("dana", "ruling_asked")}, "nobody acknowledged, so the deputy was told"
            assert len(words(world, "dana")) == 2, "of the question, and that she stands in"
            await later(7)
            assert len(words(world, "dana")) == 3, "now the deputy may rule, and is asked"
            await world.do("dana", c.Rule(question, "never", "Nothing came."))
            assert waiting(world) == set()

    run(story())


def test_everybody_hears_the_day_before_entries_close(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "anna", "rita")
            await world.ask("olga", subsidy=0, market=False, closest=c.ClosestTerms(5 * POINT), origin="2027-02-01")
            await world.ask("olga", subsidy=0, market=False, closest=c.ClosestTerms(5 * POINT), origin="2027-01-02")  # its opening tells of it
            for days, count in ((29, 0), (1, 1), (2, 1)):
                world.clock.move(days * DAY)
                await world.service.writer.follow_up()
                assert len(told(world, "closing_soon").get("anna", [])) == count
            assert "rita" not in told(world, "closing_soon"), "whoever rules enters nothing"

    run(story())


def test_a_machine_is_told_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "rita")
            await world.do("bot", c.Join(simulated=True))
            await world.ask("olga")
            assert told(world) == {"rita": ["question_opened"]}

    run(story())


def test_a_retried_command_tells_nothing_twice(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "rita")
            for _ in range(3):
                await world.do("olga", c.Alarm("Stop"), "command-the-same")
            assert told(world) == {"rita": ["alarm"]}

    run(story())
