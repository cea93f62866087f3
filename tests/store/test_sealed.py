"""What is sealed: two worlds that differ in one hidden entry are the same to everyone else, to the byte, until it may be seen.

Each world plays one script; only what Alice seals differs. Whatever the others ask, are answered and are refused is kept as bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from anyday import wire
from anyday.instants import DAY, HOUR, Instant
from anyday.market.closest import Closest
from anyday.market.forecast import Forecasts
from anyday.points import MAX_UNITS
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.ledger import question_stream
from anyday.rules.question import Question
from anyday.rules.question import seal as good
from anyday.rules.ruling import Settlement
from anyday.service.writer import Writer
from anyday.store import codec, log
from tests.world import World, hold, instant, run

POINT: Final = 1_000_000
CLOSEST_TERMS: Final = c.ClosestTerms(10 * POINT)
OTHERS: Final = ("olga", "bob", "carol", "rita", "mallory", None)
#: Every question of the script, by name, with its host.
ASKED: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "all": ("olga", {"market": True, "subsidy": 100 * POINT, "tote": c.ToteTerms("week"), "closest": CLOSEST_TERMS, "forecast": True, "lead": HOUR}),
    "guesses": ("bob", {"closest": c.ClosestTerms(POINT, "not_past", "three", many=True)}),
    "curves": ("bob", {"forecast": True}),
    "dear": ("carol", {"closest": c.ClosestTerms(MAX_UNITS // 2 + 1)}),
    "market": ("olga", {"market": True, "subsidy": 100 * POINT}),
    "bell": ("olga", {"market": True, "subsidy": 100 * POINT, "bell": "2027-03-01"}),
}


def quantiles(by: str, never: int = 100_000) -> c.CurveQuantiles:
    return c.CurveQuantiles(((by, 500_000),), never)


def curve(question: str, by: str, stake: int | None = None) -> c.Forecast:
    return c.Forecast(question, quantiles(by), stake)


Seals = tuple[tuple[str, Callable[[str], c.Command]], ...]

#: What Alice seals before the bell (twice she comes to it) and after it; the first world seals nothing.
GUESSED: Final[dict[str, Seals]] = {
    "a guess": (("all", lambda q: c.Guess(q, "2027-03-12")),),
    "another guess": (("all", lambda q: c.Guess(q, "2027-03-20")),),
    "never": (("all", lambda q: c.Guess(q, "never")),),
    "a guess and its change": (("all", lambda q: c.Guess(q, "2027-03-12")), ("all", lambda q: c.Guess(q, "2027-03-14"))),
    "many guesses": tuple(("guesses", lambda q, day=day: c.Guess(q, f"2027-03-{day}")) for day in range(10, 25)),  # type: ignore[misc]
    "a dear guess": (("dear", lambda q: c.Guess(q, "2027-03-12")),),
}
BET: Final[dict[str, Seals]] = {
    "a bet": (("bell", lambda q: c.SealBet(q, "2027-03-12", 900_000, spend=10 * POINT)),),
    "a large bet": (("bell", lambda q: c.SealBet(q, "never", 900_000, spend=400 * POINT)),),
    "a bet and its change": (
        ("bell", lambda q: c.SealBet(q, "2027-03-12", 900_000, spend=10 * POINT)),
        ("bell", lambda q: c.SealBet(q, "2027-03-14", 900_000, spend=20 * POINT, replaces=1)),
    ),
}
STATED: Final[dict[str, Seals]] = {
    "a curve": (("all", lambda q: curve(q, "2027-03-12", 10 * POINT)),),
    "another curve": (("all", lambda q: curve(q, "2027-03-20", 10 * POINT)),),
    "a larger stake": (("all", lambda q: curve(q, "2027-03-12", 333 * POINT)),),
    "a curve, revised": (
        ("all", lambda q: curve(q, "2027-03-12", 10 * POINT)), ("all", lambda q: curve(q, "2027-03-14")), ("all", lambda q: curve(q, "2027-03-15")),
    ),
    "a curve where nothing else is played": (("curves", lambda q: curve(q, "2027-03-12", 10 * POINT)), ("curves", lambda q: curve(q, "2027-03-15"))),
}  # fmt: skip


class Told:
    """Everything that anybody but Alice is told, by stage; as bytes."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, bytes]] = {}
        self.stage = ""

    def at(self, stage: str) -> None:
        self.stage = stage
        self.stages[stage] = {}

    def keep(self, name: str, what: object) -> None:
        stage = self.stages[self.stage]
        assert name not in stage, f"{name} is kept once a stage"
        stage[name] = str(what).encode() + msgspec.json.encode(what.facts) if isinstance(what, Refusal) else msgspec.json.encode(what)


class Script:
    """One world: the same commands of everybody but Alice, at the same instants and under the same ids."""

    def __init__(self, world: World, seals: Seals) -> None:
        self.world, self.seals, self.told = world, seals, Told()
        self.questions: dict[str, str] = {}
        self.versions: dict[str, list[int]] = {}
        self.sent = 0

    async def says(self, who: str, body: c.Command) -> wire.Receipt | Refusal:
        """A command of somebody else; the answer is kept, receipt or refusal."""
        self.sent += 1
        answer = await self.world.send(who, body, f"{who}-{self.sent:04}")
        if self.told.stage:
            self.told.keep(f"answer {self.sent} to {who}: {type(body).__name__}", answer)
        return answer

    async def seal(self, part: slice) -> None:
        for place, (name, body) in list(enumerate(self.seals))[part]:
            receipt = await self.world.do("alice", body(self.questions[name]), f"sealed-{place:04}")
            assert receipt.stream.startswith("hidden/")

    async def watch(self, name: str) -> None:
        """As an open page does."""
        version, seen = 0, self.versions.setdefault(name, [])
        while True:
            version = await self.world.service.changed(self.questions[name], version)
            seen.append(version)

    def look(self) -> None:
        """Every view, by everybody else."""
        service, keep = self.world.service, self.told.keep
        keep("members", service.members())
        keep("house", service.house_balance())
        keep("tallies", service.tallies())
        for who in OTHERS:
            keep(f"{who}: board", service.board(who))
            if who is not None and who != "mallory":
                keep(f"{who}: me", service.me(who))
                keep(f"{who}: inbox", service.messages.inbox("crew", who, None))
            for name, question in self.questions.items():
                keep(f"{who}: question {name}", service.question(question, who))
                keep(f"{who}: bets {name}", service.bets(question, who))
                if who is not None:
                    for body in (c.Rule(question, "2027-03-05", "seen"), c.Rule(question, "never", "seen"), c.Void(question, "so")):
                        keep(f"{who}: preview {name} {body}", service.preview(who, body))
                    keep(f"{who}: quote {name}", service.quote(who, c.Bet(question, "2027-03-31", spend=POINT), ghost=True))
        for name, question in self.questions.items():
            keep(f"curve {name}", service.curve(question))
            keep(f"history {name}", service.history(question))
            keep(f"committed {name}", service.committed(question))

    async def refusals(self) -> None:
        """What others try in vain: no reason and no number in it tells of what is sealed."""
        everything, guesses, curves, dear = (self.questions[name] for name in ("all", "guesses", "curves", "dear"))
        for who in ("bob", "olga", "carol", "rita"):
            for body in (c.Guess(everything, "March"), c.Guess(dear, "2027-03-12"), c.Bet(everything, "2027-03-31", spend=5_000 * POINT)):
                await self.says(who, body)
            for size in (9, 18, 250, 400):
                await self.says(who, curve(everything, "2027-03-12", MAX_UNITS - size * POINT))
                await self.says(who, curve(curves, "2027-03-12", MAX_UNITS - size * POINT))
        await self.says("bob", c.Void(guesses, "a host alone"))
        await self.says("bob", c.Void(curves, "a host alone"))
        await self.says("mallory", c.Guess(everything, "2027-03-12"))
        await self.says("olga", c.Grant("alice", 0, "nothing"))

    async def play(self) -> Told:
        world = self.world
        await world.crew("olga", "alice", "bob", "carol", "rita")
        await world.do("olga", c.Grant("alice", MAX_UNITS // 2 + 1, "for a dear guess"))
        for name, (host, plays) in ASKED.items():
            fields = {"market": False, "subsidy": 0, "origin": "2027-03-01", "horizon": "2027-04-01"} | plays
            self.questions[name] = await world.ask(host, **fields)
        watching = [asyncio.create_task(self.watch(name)) for name in self.questions]
        everything, market = self.questions["all"], self.questions["market"]

        self.told.at("before the bell")
        await self.seal(slice(0, 1))
        for who, body in (
            ("bob", c.Bet(everything, "2027-03-12", spend=10 * POINT)), ("carol", c.Guess(everything, "2027-03-11")),
            ("carol", curve(everything, "2027-03-19", 5 * POINT)), ("bob", c.Stake(everything, "never", 5 * POINT)),
        ):  # fmt: skip
            await self.says(who, body)
        world.clock.move(DAY)
        await self.seal(slice(1, None))
        await self.says("bob", c.Bet(market, "2027-03-12", spend=10 * POINT))
        await world.do("alice", c.Bet(market, "2027-03-13", spend=10 * POINT), "alice-bets-openly")
        await self.refusals()
        self.look()

        for task in watching:
            task.cancel()
        await world.reopen()
        watching = [asyncio.create_task(self.watch(name)) for name in self.questions]
        self.told.at("after a restart")
        self.look()
        world.clock.now = Instant(instant("2027-03-01") - HOUR - 1)
        self.told.at("just before the bell")
        await self.says("carol", c.Guess(everything, "2027-03-10"))
        self.look()

        world.clock.now = Instant(instant("2027-03-01") + HOUR)
        self.told.at("after the bell")
        await self.says("bob", c.Bet(everything, "2027-03-12", spend=10 * POINT))
        await self.says("bob", c.Note(everything, "near_miss", "nearly", "2027-02-28", "seen"))
        if any(type(body("x")) is c.Forecast for _, body in self.seals):
            name = self.seals[0][0]
            await world.do("alice", curve(self.questions[name], "2027-03-30"), "sealed-after-the-bell")
        await self.refusals()
        self.look()
        for task in watching:
            task.cancel()
        self.told.keep("versions", self.versions)

        world.clock.now = instant("2027-03-13")
        self.told.at("before the ruling")
        self.look()
        self.told.at("called off")  # the refunds are in the question's own stream: its head is another, and nothing else is
        self.told.keep("void", (await world.do("rita", c.Void(self.questions["curves"], "the terms were wrong"))).said)
        self.look()
        self.told.at("after the ruling")
        await self.says("rita", c.Rule(everything, "2027-03-12 09:00", "seen"))
        await self.says("rita", c.Rule(self.questions["guesses"], "2027-03-12 09:00", "seen"))
        self.look()
        world.check()
        return self.told


def played(path: Path, seals: Seals) -> Told:
    async def story() -> Told:
        async with World(path) as world:
            return await Script(world, seals).play()

    return run(story())


STAGES: Final = (
    "before the bell", "after a restart", "just before the bell", "after the bell", "before the ruling", "called off", "after the ruling",
)  # fmt: skip


def differing(one: Told, other: Told, stages: tuple[str, ...]) -> list[str]:
    """What tells the two worlds apart, in these stages."""
    found = []
    for stage in stages:
        assert one.stages[stage].keys() == other.stages[stage].keys(), "the same is asked in both"
        found += [f"{stage}, {name}" for name, told in one.stages[stage].items() if other.stages[stage][name] != told]
    return found


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The world in which Alice seals nothing."""
    return played(tmp_path_factory.mktemp("nothing") / "a.db", ())


@pytest.mark.parametrize("sealed", GUESSED)
def test_a_guess_tells_nobody_anything_until_entries_close(sealed: str, nothing: Told, tmp_path: Path) -> None:
    told = played(tmp_path / "a.db", GUESSED[sealed])
    assert differing(nothing, told, STAGES[:3]) == []
    assert differing(nothing, told, STAGES[3:4]), "and then it is seen"
    hold(tmp_path / "a.db")


@pytest.mark.parametrize("sealed", BET)
def test_a_sealed_bet_tells_nobody_anything_until_the_bell(sealed: str, nothing: Told, tmp_path: Path) -> None:
    told = played(tmp_path / "a.db", BET[sealed])
    assert differing(nothing, told, STAGES[:3]) == []
    assert differing(nothing, told, STAGES[3:4]), "and then it is seen"
    hold(tmp_path / "a.db")


@pytest.mark.parametrize("sealed", STATED)
def test_a_forecast_tells_nobody_anything_until_the_ruling(sealed: str, nothing: Told, tmp_path: Path) -> None:
    told = played(tmp_path / "a.db", STATED[sealed])
    assert differing(nothing, told, STAGES[:6]) == []
    if "nothing else" not in sealed:  # that one was called off: it stays sealed
        assert differing(nothing, told, STAGES[6:]), "and then it is seen"
    hold(tmp_path / "a.db")


def test_whoever_could_pay_for_everything_learns_nothing_by_asking_for_it(tmp_path: Path) -> None:
    """The owner, who can grant points to anyone, asked for stakes that would have filled the pool with the others': refused or not, each told
    how much these had staked, to the unit."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "rita", grant=1_000 * POINT)
            for player in ("olga", "bob"):
                await world.do("olga", c.Grant(player, MAX_UNITS - 1_000 * POINT, "for everything"))
            terms = {"market": False, "subsidy": 0, "origin": "2027-03-01", "horizon": "2027-04-01"}
            curves = await world.ask("olga", forecast=True, **terms)
            guesses = await world.ask("olga", closest=c.ClosestTerms(MAX_UNITS // 2), **terms)
            await world.do("alice", curve(curves, "2027-03-12", 123))
            await world.do("olga", curve(curves, "2027-03-20", MAX_UNITS // 2))
            await world.do("bob", curve(curves, "2027-03-20", MAX_UNITS // 2))
            for player in ("olga", "bob"):
                await world.do(player, c.Guess(guesses, "2027-03-12"))
            assert await world.refused("alice", c.Guess(guesses, "2027-03-12")) == "not_enough"
            world.clock.now = instant("2027-04-02")
            for question in (curves, guesses):
                await world.do("rita", c.Rule(question, "2027-03-12", "a photo"))
                await world.do("rita", c.Correct(question, "2027-03-19", "a photo", "a slip"))
            world.check()

    run(story())
    hold(tmp_path / "a.db")


# the controls: each of these tells something, and is found


def _seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Question, "hidden", lambda *_: False)


def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def seal(question: Question, event: e.SealedEvent) -> Question:
        question.stakeholders.add(event.player)
        return good(question, event)

    monkeypatch.setattr("anyday.service.memory.seal", seal)


def _touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyday.reads.project.is_hidden", lambda stream: False)


def _bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of the guesses binds the forecasts too: the heads of receipts after the bell tell of them."""
    monkeypatch.setattr(Writer, "_root", lambda self, crew, question, *_: codec.root(log.heads(self.database, crew, f"hidden/{question}/")))


def _summed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver's preview adds up what is sealed."""
    good = Settlement.returned
    monkeypatch.setattr(Settlement, "returned", lambda self, without=(): good(self))


def _summed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set aside for sealed bets is added up too."""

    def lines(self: Settlement, without: Iterable[str] = ()) -> list[e.Line]:
        return [line for book in self.posted.books if book.mechanism not in set(without) for line in book.lines]

    monkeypatch.setattr(Settlement, "lines", lines)


def _refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry is refused where all stakes together would be too many."""

    def bounded(good: Callable[..., Any], stake: Callable[[Any], int]) -> Callable[..., Any]:
        def quote(self: Any, asked: Any) -> Any:
            quoted = good(self, asked)
            full = not isinstance(quoted, Refusal) and stake(quoted) > MAX_UNITS - self.escrow
            return Refusal(Reason.AMOUNT_TOO_LARGE, name="The stake") if full else quoted

        return quote

    for mechanism in (Closest, Forecasts):
        monkeypatch.setattr(mechanism, "quote", bounded(mechanism.quote, lambda quoted: int(quoted.stake)))


def _told_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealed entry wakes those who watch the question."""
    good = Writer._tell

    def tell(self: Writer, batch: Any) -> None:
        for (crew, stream), (version, _) in list(batch.heads.items()):
            waiter = self._changed.pop((crew, question_stream(stream.split("/")[1])), None) if stream.startswith("hidden/") else None
            if waiter is not None:
                waiter.set_result(version)
        good(self, batch)

    monkeypatch.setattr(Writer, "_tell", tell)


CONTROLS: Final[dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Seals]]] = {
    "it is seen at once": (_seen, GUESSED["a guess"]),
    "a curve is seen at once": (_seen, STATED["a curve"]),
    "it is counted among the players": (_counted, GUESSED["a guess"]),
    "it moves the question's row": (_touched, STATED["a curve"]),
    "it is bound into what is told at the bell": (_bound, STATED["a curve"]),
    "a bet is summed in a preview": (_summed_too, BET["a bet"]),
    "a bet is counted among the players": (_counted, BET["a bet"]),
    "a bet moves the question's row": (_touched, BET["a bet and its change"]),
    "it is summed in a preview": (_summed, STATED["a larger stake"]),
    "a refusal tells of it": (_refused, STATED["a larger stake"]),
    "a refusal tells of a guess": (_refused, GUESSED["a dear guess"]),
    "it wakes whoever watches": (_told_live, STATED["a curve"]),
}


@pytest.mark.parametrize("control", CONTROLS)
def test_what_would_tell_of_a_sealed_entry_is_found(control: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks, seals = CONTROLS[control]
    breaks(monkeypatch)
    stages = STAGES[:3] if type(seals[0][1]("x")) is not c.Forecast else STAGES[:6]
    assert differing(played(tmp_path / "nothing.db", ()), played(tmp_path / "a.db", seals), stages), "this control tells"
