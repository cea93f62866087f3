"""Two worlds that differ in one sealed entry, through halts, handovers, rulings with their windows, disputes and votes: the same to everyone
else, to the byte. Whoever has the entry is refused every power, and is the only one to know of it.

Alice owns the crew here, so that it would be hers to halt, to void and to judge. In the world in which she sealed nothing she does not try.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from anyday.instants import DAY, HOUR, Instant
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import decide, timing
from anyday.rules.question import Crew, Question
from tests.store.test_sealed import POINT, Script, Seals, Told, curve, differing
from tests.world import World, hold, instant, run

SEALED: Final[dict[str, Seals]] = {
    "a guess": (("all", lambda q: c.Guess(q, "2027-03-12")),),
    "a curve": (("all", lambda q: curve(q, "2027-03-12", 10 * POINT)),),
    "a curve, revised": (("all", lambda q: curve(q, "2027-03-12", 10 * POINT)), ("all", lambda q: curve(q, "2027-03-15"))),
}
BEFORE: Final = ("sealed", "halted", "offered", "ruled too early", "disputed", "the owner’s turn", "voted on", "withdrawn")
AFTER: Final = ("after the bell", *(f"{stage}, again" for stage in BEFORE[1:]), "ruled at last")


class Fair(Script):
    """One world of fair play; what Alice tries is refused to her alone."""

    async def tries(self, *bodies: c.Command) -> None:
        """Alice, in the worlds in which she has sealed something."""
        for body in bodies if self.seals else ():
            before = self.world.count()
            answer = await self.world.send("alice", body, f"tried-{self.world.sent:04}")
            assert isinstance(answer, Refusal) and answer.reason.code == "has_stake", f"{body}: {answer}"
            assert self.world.count() == before, "what is refused leaves no trace"

    async def until(self, moment: Instant) -> None:
        assert moment >= self.world.clock.now
        self.world.clock.now = moment
        await self.world.wake()

    async def stage(self, name: str, *said: tuple[str, c.Command]) -> None:
        self.told.at(name)
        for who, body in said:
            await self.says(who, body)

    async def quarrel(self, question: str, resolver: str, outcome: str, again: str) -> None:
        """A halt, offers, and a ruling that is disputed, judged by nobody and withdrawn by the crew."""
        await self.stage(f"halted{again}", (resolver, c.Halt(question, "the source is down")), ("bob", c.Bet(question, "2027-03-20", spend=POINT)))
        await self.tries(c.Resume(question))
        self.look()
        await self.stage(f"offered{again}", ("carol", c.Resume(question)))
        for duty, holder in (("resolver", resolver), ("deputy", "dora")):
            await self.says(holder, c.HandOver(duty, "alice", question))
            await self.tries(c.Accept(duty, question))
        await self.tries(c.Halt(question, "odd"), c.Void(question, "odd"))
        self.look()
        for duty, holder in (("resolver", resolver), ("deputy", "dora")):
            await self.says(holder, c.Decline(duty, question))
        await self.stage(f"ruled too early{again}", (resolver, c.Rule(question, outcome, "seen")))
        self.look()
        await self.stage(f"disputed{again}", ("bob", c.Dispute(question, "no")), ("carol", c.Dispute(question, "nor I")))
        for who in ("olga", resolver, "bob", "mallory"):
            await self.says(who, c.Judge(question, "stands", "so"))
        self.look()
        since = self.world.clock.now
        voter = "sven" if resolver == "rita" else "rita"
        await self.until(Instant(since + 4 * DAY))
        await self.stage(f"the owner’s turn{again}", (voter, c.Vote(question, "falls")))
        await self.tries(c.Judge(question, "stands", "so"), c.Judge(question, "withdrawn", "so"))
        self.look()
        await self.until(Instant(since + 7 * DAY))
        await self.stage(
            f"voted on{again}", (voter, c.Vote(question, "falls")), ("olga", c.Vote(question, "falls")), ("dora", c.Vote(question, "stands"))
        )
        await self.tries(c.Vote(question, "stands"))
        self.look()
        await self.until(Instant(since + 9 * DAY))
        await self.stage(
            f"withdrawn{again}",
            ("bob", c.Note(question, "news", "So much for that.", "2027-01-01", "seen")),
            (resolver, c.Rule(question, outcome, "seen")),
        )
        self.look()

    async def play(self) -> Told:
        world = self.world
        await world.crew("alice", "olga", "bob", "carol", "rita", "dora", "sven", dispute=DAY, silence=7 * DAY)
        fields = {"origin": "2027-03-01", "horizon": "2027-04-01", "subsidy": 100 * POINT, "subsidy_from": "host", "deputy": "dora"}
        self.questions["all"] = question = await world.ask("carol", **fields, closest=c.ClosestTerms(10 * POINT), forecast=True)
        self.told.at("sealed")
        await self.says("bob", c.Bet(question, "2027-03-12", spend=10 * POINT))
        await self.seal(slice(0, None))
        self.look()
        await self.quarrel(question, "rita", "2026-12-20", "")
        await world.reopen()
        await self.until(Instant(instant("2027-03-01") + HOUR))
        await self.stage("after the bell", ("rita", c.HandOver("resolver", "sven", question)), ("sven", c.Accept("resolver", question)))
        self.look()
        await self.until(instant("2027-03-13"))
        await self.quarrel(question, "sven", "2027-03-12", ", again")
        await self.stage("ruled at last", ("dora", c.Rule(question, "2027-03-12", "seen")))
        self.look()
        self.told.at("settled")
        await self.until(Instant(world.clock.now + DAY))
        self.look()
        world.check()
        return self.told


def played(path: Path, seals: Seals) -> Told:
    async def story() -> Told:
        async with World(path) as world:
            return await Fair(world, seals).play()

    return run(story())


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The world in which Alice seals nothing."""
    return played(tmp_path_factory.mktemp("nothing") / "a.db", ())


@pytest.mark.parametrize("sealed", SEALED)
def test_no_halt_no_offer_no_dispute_and_no_vote_tells_of_what_is_sealed(sealed: str, nothing: Told, tmp_path: Path) -> None:
    told = played(tmp_path / "a.db", SEALED[sealed])
    stages = BEFORE if sealed == "a guess" else (*BEFORE, *AFTER)
    assert differing(nothing, told, stages) == []
    assert differing(nothing, told, ("after the bell",) if sealed == "a guess" else ("settled",)), "and then it is seen"
    hold(tmp_path / "a.db")


def _passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner with a sealed entry is not asked to judge: the crew votes three days sooner."""
    good = timing.judges

    def judges(question: Question, crew: Crew) -> list[str]:
        return [who for who in good(question, crew) if not question.has_stake(who)]

    monkeypatch.setattr(timing, "judges", judges)


def _unfit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever offers a duty is told that the other cannot take it."""

    def duty(crew: Crew, question: Question | None, actor: str, command: c.DutyCommand, now: Instant) -> object:
        unfit = question.unfit(command.duty, command.to) if question is not None and isinstance(command, c.HandOver) else None
        return unfit or told(crew, question, actor, command, now)

    told = decide._duty
    monkeypatch.setattr(decide, "_duty", duty)


async def patient(self: Fair, *bodies: c.Command) -> None:
    """Alice tries nothing: what tells of her entry must be what others see."""


CONTROLS: Final[dict[str, Callable[[pytest.MonkeyPatch], None]]] = {"a judge is passed over": _passed_over, "an offer is refused": _unfit_at_once}


@pytest.mark.parametrize("control", CONTROLS)
def test_what_would_tell_of_it_is_found(control: str, nothing: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CONTROLS[control](monkeypatch)
    monkeypatch.setattr(Fair, "tries", patient)
    told = played(tmp_path / "a.db", SEALED["a curve"])
    assert differing(nothing, told, BEFORE), "this control tells"
