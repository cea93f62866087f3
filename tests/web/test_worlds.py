"""Two worlds that differ in one hidden entry answer everybody but its owner alike, to the byte: every route of the table × every kind of
visitor × every kind of entry, over status, headers and body; and beside that live frames, messages as they arrive, the command line and
what is exported.

It is generated: the routes with their bodies are those of the matrix (``test_matrix.ROWS``), so a route without a row fails there. Nils
seals, on every question that a cell is about, and asks nothing himself. Chance is seeded alike in both worlds and the clock stands
still, so that nothing has to be masked but what ``RETURNED`` names.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from anyday.instants import Grain, Instant
from anyday.notify import channels, reach
from anyday.notify.notices import KINDS as KINDS_OF_MESSAGE
from anyday.notify.notices import Notice
from anyday.notify.transports import Transports
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.question import Question
from anyday.rules.question import seal as good_seal
from anyday.service import CREW, Service, notices
from anyday.web.app import ROUTES
from anyday.web.surface import Route
from anyday.wire.told import PickIn
from tests.notify.sinks import mailing, receiving
from tests.store.test_sealed import _told_live
from tests.test_cli import good, run
from tests.web.conftest import START, World, world
from tests.web.test_matrix import KINDS, OBJECTS, Kind, Scene, ask
from tests.web.test_sealed_pages import seeded

POINT: Final = 1_000_000
Seal = Callable[[str], c.Command]


def forecast(by: str, stake: int | None) -> Seal:
    return lambda question: c.Forecast(question, c.CurveQuantiles(((by, 500_000),), 100_000), stake)


FORECAST: Final = forecast("2027-05-05", 7 * POINT)
#: What differs: what Nils seals in the one world, what he does beyond that in the other, and whether the market has a bell.
DIFFER: Final[dict[str, tuple[tuple[Seal, ...], tuple[Seal, ...], bool]]] = {
    "a guess": ((), (lambda question: c.Guess(question, "2027-04-07"),), False),
    "a forecast": ((), (FORECAST,), False),
    "a revision": ((FORECAST,), (forecast("2027-05-20", None),), False),
    "a sealed bet": ((), (lambda question: c.SealBet(question, "May", 900_000, spend=3 * POINT),), True),
}
#: What these do returns every stake, sealed ones too, and the receipt names the head of the record that now says so. Nothing else of
#: these answers may differ.
RETURNED: Final = tuple(f"POST /api/v1/questions/{{id}}/{word}" for word in ("ruling", "void", "correct", "judge"))
HEAD: Final = re.compile(rb'"head":"[0-9a-f]{64}"')
MAIL: Final[dict[str, Any]] = {"smtp_host": "127.0.0.1", "smtp_security": "none", "smtp_from": "any@example.org"}
Told = dict[str, bytes]
Story = Callable[[World, tuple[Seal, ...], bool], Coroutine[Any, Any, Told]]


class Sealing(Scene):
    """The scene in which Nils seals entries on every question of the first crew, under ids of their own."""

    def __init__(self, made: World, seals: tuple[Seal, ...], bell: bool) -> None:
        super().__init__(made)
        self.seals, self.bell, self.sealed = seals, bell, 0
        self.frames: list[bytes] = []
        self.app = made.app

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Whatever is asked in here is kept as it leaves the application."""
        self.world.app = self.recorded  # type: ignore[assignment]
        try:
            yield
        finally:
            self.world.app = self.app

    async def recorded(self, scope: Any, receive: Any, send: Any) -> None:
        """The application, with all that it sends kept."""
        self.frames = []

        async def kept(message: Any) -> None:
            self.frames.append(repr(sorted(message.items())).encode())
            await send(message)

        await self.app(scope, receive, kept)

    async def people(self) -> None:
        await super().people()
        await self.do(CREW, "Olga", c.Grant(self.ids["Nils"], 10**12, "to play with"))

    async def question(self, crew: str, agreed: bool = True, dispute: int | None = None) -> str:
        if self.bell and crew == CREW:
            question = await self.belled(agreed, dispute)
        else:
            question = await super().question(crew, agreed, dispute)
        if crew == CREW and agreed:
            await self.seal(question)
        return question

    async def belled(self, agreed: bool, dispute: int | None) -> str:
        asked = c.Ask(
            "When?", "When it works.", "UTC", Grain.DAY, "1 April 2027", "1 June 2027", self.ids["Rita"], 10 * POINT, subsidy_from="host",
            subjects=(self.ids["Sam"],), dispute=dispute, bell="30 March 2027",
        )  # type: ignore[arg-type]  # fmt: skip
        question = str((await self.do(CREW, "Hanna", asked)).question)
        if agreed:
            await self.do(CREW, "Sam", c.Agree(question))
        return question

    async def seal(self, question: str) -> None:
        for seal in self.seals if "Nils" in self.ids and self.world.service.role(self.ids["Nils"]) == "player" else ():
            self.sealed += 1
            done = await self.world.service.submit(c.Envelope(CREW, self.ids["Nils"], f"sealed-{self.sealed:05}", seal(question)))
            assert not isinstance(done, Refusal), done


def asking(kind: Kind) -> tuple[str, ...]:
    """Whose objects a kind of visitor asks for: those of the crew in which something is sealed."""
    return OBJECTS[1:3] if kind.name == "Fay" else OBJECTS[:1]


async def walked(made: World, seals: tuple[Seal, ...], bell: bool, routes: tuple[Route, ...] = ROUTES) -> Told:
    """What every kind of visitor is answered by every route, as the bytes that leave the application."""
    scene = Sealing(made, seals, bell)
    await scene.people()
    found: Told = {}
    for route in routes:
        for name, kind in KINDS.items():
            for whose in asking(kind):
                with scene.recording():
                    await ask(scene, route, kind, whose)
                found[f"{route.method} {route.path}, {name}, {whose}"] = b"\n".join(scene.frames)
    for name, kind in KINDS.items():
        if kind.name is not None:
            inbox = made.service.messages.inbox(CREW, scene.ids[kind.name])
            found[f"the inbox of {name}"] = msgspec.json.encode(inbox)
    assert bool(scene.sealed) == bool(seals)
    return found


def two(path: Path, story: Story, what: str) -> tuple[Told, Told]:
    """The same story in both worlds."""
    common, more, bell = DIFFER[what]
    return alone(path / "one", story, common, bell), alone(path / "other", story, (*common, *more), bell)


def alone(path: Path, story: Story, seals: tuple[Seal, ...], bell: bool) -> Told:
    """A story in a world of its own."""
    path.mkdir(parents=True)

    async def whole() -> Told:
        async with world(path, address="https://any.example", reachable_hosts="127.0.0.1") as made:
            return await story(made, seals, bell)

    with seeded():
        return asyncio.run(whole())


def differing(one: Told, other: Told) -> list[str]:
    assert one.keys() == other.keys() and one, "the same is asked in both"
    return [what for what in one if one[what] != other[what]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[Seal, ...], bool], Told]:
    """What is answered in a world with these entries; each world is walked once."""
    known: dict[tuple[tuple[Seal, ...], bool], Told] = {}

    def walk(seals: tuple[Seal, ...], bell: bool) -> Told:
        if (seals, bell) not in known:
            known[seals, bell] = alone(tmp_path_factory.mktemp("world") / "a", walked, seals, bell)
        return known[seals, bell]

    return walk


@pytest.mark.parametrize("what", DIFFER)
def test_every_route_answers_everybody_alike_in_both_worlds(what: str, answers: Callable[[tuple[Seal, ...], bool], Told]) -> None:
    common, more, bell = DIFFER[what]
    one, other = answers(common, bell), answers((*common, *more), bell)
    assert len(one) > len(ROUTES) * len(KINDS)
    found = differing(one, other)
    assert [name for name in found if name.split(",")[0] not in RETURNED] == []
    assert [name for name in found if HEAD.sub(b"", one[name]) != HEAD.sub(b"", other[name])] == [], "of a record, and nothing else"


# live frames


async def watched(made: World, seals: tuple[Seal, ...], bell: bool) -> Told:
    """What the live streams say that everybody has open, while Nils seals, and when somebody then does what is seen."""
    scene = Sealing(made, (), bell)
    await scene.people()
    question, over, told = scene.questions[CREW], asyncio.Event(), dict[str, list[bytes]]()

    async def watch(name: str, kind: Kind, path: str) -> None:
        frames = told[f"{path}, {name}"] = []

        async def receive() -> dict[str, Any]:
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            frames.append(repr(sorted(message.items())).encode())

        base = f"/c/{CREW}" + path.replace("Q", question)
        scope = {
            "type": "http", "method": "GET", "path": base, "raw_path": base.encode(), "query_string": b"", "scheme": "http", "root_path": "",
            "headers": [(b"host", b"any.example"), *scene.as_(kind).items()], "client": (f"2001:db8::{len(told)}", 5), "http_version": "1.1",
            "server": None,
        }  # fmt: skip
        await made.app(scope, receive, send)

    paths = [route.path.replace("{id}", "Q") for route in ROUTES if route.path.endswith("/live")]
    watching = [asyncio.ensure_future(watch(name, kind, path)) for path in paths for name, kind in KINDS.items()]
    await asyncio.sleep(0.1)
    for who, body in (("Nils", None), ("Pia", c.Stake(question, "never", POINT)), ("Olga", c.Alarm("to look"))):
        if body is None:
            scene.seals = seals
            await scene.seal(question)
        elif not (bell and isinstance(body, c.Stake)):
            await scene.do(CREW, who, body)
        await asyncio.sleep(0.5)
    over.set()
    await asyncio.gather(*watching)
    assert sum(len(frames) > 1 for frames in told.values()) >= 2 * (len(KINDS) - 2), "control: members are told what is seen"
    return {name: b"\n".join(frames) for name, frames in told.items()}


@pytest.mark.parametrize("what", DIFFER)
def test_no_live_stream_moves_for_a_hidden_entry(what: str, tmp_path: Path) -> None:
    assert differing(*two(tmp_path, watched, what)) == []


# messages, as they arrive


async def sent(made: World, seals: tuple[Seal, ...], bell: bool) -> Told:
    """What reaches the sinks of everybody but Nils, while a question lives: letters and webhooks, and what their inboxes say."""
    scene, service, told = Sealing(made, seals, bell), made.service, Told()
    async with receiving() as receiver, mailing() as mail:
        transports = Transports(replace(service.settings, **MAIL, smtp_port=mail.port), reach.Transport(reach.hosts("127.0.0.1")))
        service.messages.courier._transports = transports
        await scene.people()
        everything = PickIn(kinds=tuple(kind.name for kind in KINDS_OF_MESSAGE))
        for name, player in scene.ids.items():
            for address in (f"{name.lower()}@example.org", receiver.url) if name != "Nils" else ():
                made_channel = await service.database.write(lambda connection, at=address, who=player: channel(connection, who, at, service))  # type: ignore[misc]
                assert await service.messages.pick(player, made_channel, everything) is None
        question = await scene.question(CREW)
        for name, body in (
            ("Pia", c.Note(question, "news", "A mechanic came", "yesterday", "seen")), ("Hanna", c.Comment(question, "Well")),
            ("Hanna", c.HandOver("host", scene.ids["Nils"], question)), ("Nils", c.Decline("host", question)), ("Olga", c.Alarm("to look")),
            ("Olga", c.AllClear()), ("Rita", c.Halt(question, "to look")), ("Rita", c.Resume(question)),
        ):  # fmt: skip
            await scene.do(CREW, name, body)
            made.clock.pass_(minutes=10)
            await delivered(service)
        for days in (16, 1):  # entries close soon, and then they have closed
            made.clock.pass_(days=days)
            service.writer._wake.set()
            await asyncio.sleep(0.05)
            if days == 16:
                await delivered(service)
        letters = [repr((sorted((key, str(value).partition("boundary=")[0]) for key, value in letter.items()), texts(letter))) for letter in mail.got]
        hooks = [repr((sorted((key, value) for key, value in got.headers.items() if key != "host"), got.body)) for got in receiver.got]
        assert len(letters) > 20 and len(hooks) > 20, "control: they are told"
        told |= {"letters": "\n".join(sorted(letters)).encode(), "webhooks": "\n".join(sorted(hooks)).encode()}
    for name, player in scene.ids.items():
        if name != "Nils":
            told[f"the inbox of {name}"] = msgspec.json.encode(service.messages.inbox(CREW, player))
    return told


def channel(connection: Any, player: str, address: str, service: Service) -> str:
    """A channel at once, without a letter that asks for its confirmation."""
    added = channels.add(connection, player, "email" if "@" in address else "webhook", address, "", service.now())
    assert isinstance(added, channels.Channel), added
    connection.execute("UPDATE channel SET confirmed_at=? WHERE id=?", (service.now(), added.id))
    for table in ("delivery", "letter"):
        connection.execute(f"DELETE FROM {table}")
    return added.id


def texts(letter: Any) -> list[str]:
    return [part.get_content() for part in letter.walk() if not part.is_multipart()]


async def delivered(service: Service) -> None:
    courier = service.messages.courier
    while await courier.round():
        await courier.settled()


@pytest.mark.parametrize("what", DIFFER)
def test_no_letter_no_webhook_and_no_inbox_tells_of_a_hidden_entry(what: str, tmp_path: Path) -> None:
    assert differing(*two(tmp_path, sent, what)) == []


# the command line, and what is exported


async def lived(made: World, seals: tuple[Seal, ...], bell: bool) -> Told:
    scene = Sealing(made, seals, bell)
    await scene.people()
    return {"the question": scene.questions[CREW].encode()}


@pytest.mark.parametrize("what", DIFFER)
def test_the_command_line_tells_others_nothing_and_an_export_only_in_the_streams_that_are_hidden(what: str, tmp_path: Path) -> None:
    one, other = two(tmp_path, lived, what)
    question = one["the question"].decode()
    assert one == other
    asked = [
        ["show"], ["show", question], ["show", question, "--json"], ["me"], ["ledger", "--csv"], ["tables"], ["tables", "--csv"], ["review"],
        ["record"], ["inbox"], ["players"], ["tally", "list"], ["guess", question, "31 December 2026"],
        ["void", question, "--reason", "so"],
    ]  # fmt: skip
    files = [str(tmp_path / which / "any.db") for which in ("one", "other")]
    for name in ("Pia", "Hanna", "Olga", "Rita", "Sam", "Gus", "Fay"):
        for words in asked:
            said = [run(*words, "--db", file, "--as", name, at=Instant(START), typed="n\n") for file in files]
            told = [(result.exit_code, result.stdout, result.stderr.replace(file, "")) for result, file in zip(said, files, strict=True)]
            assert told[0] == told[1], (name, words)
            assert said[0].exit_code == 0 or name in ("Gus", "Fay") or words[0] in ("void", "guess"), said[0].stderr
    lines = [good("export", "--db", file).splitlines() for file in files]
    seen = [[line for line in told if not json.loads(line)["stream"].startswith(f"hidden/{question}/")] for told in lines]
    assert seen[0] == seen[1] and len(lines[0]) < len(lines[1]), "whoever keeps the file keeps what is sealed in it, and nothing else tells of it"


# the controls


PATHS: Final = ("/api/v1/questions/{id}", "/q/{id}", "/", "/api/v1/members", "/inbox")
FEW: Final = tuple(route for route in ROUTES if route.method == "GET" and route.path in PATHS)


def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def seal(question: Question, event: e.SealedEvent) -> Question:
        question.stakeholders.add(event.player)
        return good_seal(question, event)

    monkeypatch.setattr("anyday.service.memory.seal", seal)


def _titled(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Service.question

    def question(self: Service, question_id: str, actor: str | None) -> Any:
        view, found = good(self, question_id, actor), self.find(question_id)
        return view if isinstance(view, Refusal) or found is None else msgspec.structs.replace(view, title=f"{view.title} ({len(found.sealed)})")

    monkeypatch.setattr(Service, "question", question)


def _sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Service.members

    def members(self: Service) -> Any:
        sealed = {player for row in self.database.read("SELECT id FROM question") if (found := self.find(row[0])) for player in found.sealed}
        return tuple(sorted(good(self), key=lambda member: member.player not in sealed))

    monkeypatch.setattr(Service, "members", members)


def _absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is no member may not know of a question with something sealed: 404 here, 403 there."""
    good = Service.question

    def question(self: Service, question_id: str, actor: str | None) -> Any:
        found = self.find(question_id)
        sealed = found is not None and bool(found.sealed) and not self.plays(actor)
        return Refusal(Reason.NOT_FOUND, what="question") if sealed else good(self, question_id, actor)

    monkeypatch.setattr(Service, "question", question)


def _noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    good = notices.from_events

    def from_events(crew_id: str, stream: str, version: int, events: Any, question: Any, crew: Any) -> Any:
        found = good(crew_id, stream, version, events, question, crew)
        if isinstance(events[0], e.SealedEvent):
            found = [Notice(crew_id, question.host, "thanks", f"thanks/{stream}/{version}", events[0].at, question.id, {"by": events[0].player})]
        return found

    monkeypatch.setattr(notices, "from_events", from_events)


CONTROLS: Final = {"a count": _counted, "a title": _titled, "a sort order": _sorted, "404 for 200": _absent, "a notice": _noticed}


@pytest.mark.parametrize("leak", CONTROLS)
def test_control_a_planted_leak_is_found(leak: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(made: World, seals: tuple[Seal, ...], bell: bool) -> Told:
        return await walked(made, seals, bell, FEW)

    assert differing(*two(tmp_path / "without", story, "a guess")) == [], "without it there is none"
    CONTROLS[leak](monkeypatch)
    assert differing(*two(tmp_path / "with", story, "a guess"))


def test_control_a_message_about_it_would_be_found_where_it_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _noticed(monkeypatch)
    assert "webhooks" in differing(*two(tmp_path, sent, "a guess"))


def test_control_a_live_stream_that_moves_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealed entry wakes whoever has the question open, and counts as a version of it."""
    good = Service.committed

    def committed(self: Service, question: str) -> int:
        (sealed,) = self.database.read("SELECT COUNT(*) FROM event WHERE stream LIKE ?", (f"hidden/{question}/%",))[0]
        return good(self, question) + int(sealed)

    monkeypatch.setattr(Service, "committed", committed)
    _told_live(monkeypatch)
    assert differing(*two(tmp_path, watched, "a guess"))
