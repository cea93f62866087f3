"""What is sealed, on every address that is read: two worlds that differ in one hidden entry answer everybody else alike, to the byte.

Chance is seeded alike in both worlds (ids, sessions, command ids), the clock is the tests' own; nothing else is normalised.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from anyday import wire
from anyday.rules import commands as c
from anyday.rules.question import Question
from anyday.service import CREW
from anyday.web.app import ROUTES
from tests.web.conftest import World, world

PLAYED: Final[dict[str, Any]] = {
    "grain": "day", "zone": "UTC", "origin": "1 April 2027", "horizon": "1 June 2027", "tote": {"slots": "week", "takeout": "5%"},
    "closest": {"stake": "10", "variant": "nearest", "prize": "three"}, "forecast": True,
}  # fmt: skip
BELL: Final[dict[str, Any]] = {"origin": "1 April 2027", "horizon": "1 June 2027", "subsidy": "50", "bell": "20 March 2027 12:00"}
ALONE: Final[dict[str, Any]] = {"origin": "1 April 2027", "horizon": "1 June 2027", "market": False, "subsidy": "0"}

#: Addresses with a query, beside every bare one; ``Q`` stands for each question.
ASKED: Final = (
    "/q/Q?window=May", "/q/Q/quote?window=May&points=5", "/api/v1/questions/Q/bets?before=3",
    "/api/v1/tables?period=all", "/api/v1/tables?period=all&format=csv", "/api/v1/me/ledger?format=csv",
    "/api/v1/review?period=quarter", "/tables?period=year", "/crew/review?period=month",
)  # fmt: skip


@contextmanager
def seeded() -> Iterator[None]:
    """Whatever is drawn in here is the same each time."""
    chance = random.Random("the same in both")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("secrets.token_bytes", lambda size=32: chance.randbytes(size))
        patched.setattr("secrets.token_hex", lambda size=32: chance.randbytes(size).hex())
        patched.setattr("secrets.token_urlsafe", lambda size=32: base64.urlsafe_b64encode(chance.randbytes(size)).decode().rstrip("="))
        patched.setattr("secrets.randbits", chance.getrandbits)
        yield


def addresses(questions: dict[str, str], tally: str) -> Iterator[str]:
    """Every address that is read, for every question, player and tally; but the live streams, whose versions tests/store holds."""
    for route in ROUTES:
        if route.method != "GET" or route.path.endswith("/live"):
            continue
        for question in questions.values() if "{id}" in route.path and "tallies" not in route.path else [tally]:
            for name in ("Alice", "Bob") if "{name}" in route.path else [""]:
                path = route.path.replace("{id}", question).replace("{name}", name).replace("{secret}", "none").replace("{name:path}", "app.css")
                assert "{" not in path, f"{route.path}: say here what stands for its braces"
                yield path
    for path in ASKED:
        yield from (path.replace("Q", question) for question in questions.values()) if "Q" in path else [path]


async def told(made: World, visitors: dict[str, httpx.AsyncClient], questions: dict[str, str], tally: str) -> dict[str, bytes]:
    """What every other visitor reads at every address: status, headers and body; and what a ruling or a void would do."""
    found = {}
    for who, client in visitors.items():
        for address in addresses(questions, tally):
            answer = await client.get(address)
            assert answer.status_code < 500, (who, address, answer.text[:300])
            found[f"{who} {address}"] = b"\n".join([str(answer.status_code).encode(), repr(answer.headers.multi_items()).encode(), answer.content])
        for name, question in questions.items():
            for what in ({"outcome": "2 April 2027"}, {"what": "void", "reason": "so"}):
                answer = await client.post(f"/api/v1/questions/{question}/ruling/preview", json=what)
                found[f"{who} previews {name} {what}"] = answer.content
                answer = await client.post(f"/q/{question}/ruling", data={"what": "rule", **what})
                found[f"{who} previews {name} {what} on the page"] = answer.content
    return found


#: What Alice does: a command, or what she posts, each an address of the question with a body of JSON or a form.
Sealing = Callable[[str], c.Command | tuple[tuple[str, dict[str, Any]], ...]]


async def seals(made: World, alice: httpx.AsyncClient, player: str, sealing: c.Command | tuple[tuple[str, dict[str, Any]], ...]) -> None:
    if not isinstance(sealing, tuple):
        receipt = await made.service.submit(c.Envelope(CREW, player, "sealed-by-alice", sealing))
        assert isinstance(receipt, wire.Receipt), receipt
        return
    for number, (address, body) in enumerate(sealing):
        typed = {**body, "command_id": f"sealed-by-alice-{number}"}
        answer = await (alice.post(address, json=typed) if address.startswith("/api") else alice.post(address, data=typed))
        assert answer.status_code in (200, 303), answer.text


async def play(path: Path, sealed: Sealing | None, on: str) -> dict[str, dict[str, bytes]]:
    """One world, in which Alice seals one entry, or none; what the others are told, by stage."""
    stages: dict[str, dict[str, bytes]] = {}
    async with world(path, open_to_read=True) as made:
        olga = await made.owner("Olga")
        alice, bob, rita = [await made.player(name) for name in ("Alice", "Bob", "Rita")]
        ids = {name: player for player, name in made.people.names().items()}
        opened = await olga.post("/api/v1/tallies", json={"name": "Lifts stuck", "terms": "It stands between two floors.", "since": "1 January 2027"})
        assert opened.status_code == 200, opened.text
        tally = str(opened.json()["tally"])
        questions = {
            "settled": await made.question(olga, resolver="Rita"), "all": await made.question(olga, resolver="Rita", **PLAYED),
            "guesses": await made.question(bob, resolver="Rita", **ALONE, closest={"stake": "10", "many": True}),
            "curves": await made.question(bob, resolver="Rita", **ALONE, forecast=True),
            "bell": await made.question(olga, resolver="Rita", **BELL),
        }  # fmt: skip
        for client, name, kind, body in (
            (bob, "settled", "bets", {"window": "April", "points": "5"}), (alice, "settled", "bets", {"window": "May", "points": "5"}),
            (bob, "all", "bets", {"window": "May", "points": "5"}), (alice, "all", "bets", {"window": "April", "points": "5"}),
            (bob, "all", "stakes", {"slot": "never", "points": "5"}), (bob, "all", "guesses", {"guess": "4 April 2027"}),
            (bob, "all", "forecast", {"curve": {"quantiles": [{"by": "20 April 2027", "chance": "50%"}], "never": "10%"}, "points": "5"}),
        ):  # fmt: skip
            answer = await client.post(f"/api/v1/questions/{questions[name]}/{kind}", json=body)
            assert answer.status_code == 200, (name, kind, answer.text)
        made.clock.pass_(days=3)
        ruled = await rita.post(f"/api/v1/questions/{questions['settled']}/ruling", json={"outcome": "16 March 2027", "evidence": "seen"})
        assert ruled.status_code == 200, ruled.text

        if sealed is not None:
            await seals(made, alice, ids["Alice"], sealed(questions[on]))
        answer = await bob.post(f"/api/v1/questions/{questions['bell']}/sealed", json={"window": "April", "points": "5", "limit": "70%"})
        assert answer.status_code == 200, answer.text
        visitors = {"olga": olga, "bob": bob, "rita": rita, "a stranger": made.browser()}
        stages["before the bell"] = await told(made, visitors, questions, tally)
        made.clock.pass_(days=20)
        for name in ("all", "bell"):
            answer = await bob.post(f"/api/v1/questions/{questions[name]}/bets", json={"window": "May", "points": "5"})
            assert answer.status_code == 200, answer.text
        stages["after the bell"] = await told(made, visitors, questions, tally)
        for name in ("all", "guesses", "curves", "bell"):
            answer = await rita.post(f"/api/v1/questions/{questions[name]}/ruling", json={"outcome": "4 April 2027", "evidence": "seen"})
            assert answer.status_code == 200, answer.text
        stages["after the ruling"] = await told(made, visitors, questions, tally)
    return stages


def curve(by: str) -> Callable[[str], c.Command]:
    return lambda question: c.Forecast(question, c.CurveQuantiles(((by, 500_000),), 100_000), 7_000_000)


def posted(*steps: tuple[str, dict[str, Any]]) -> Sealing:
    return lambda question: tuple((address.replace("Q", question), body) for address, body in steps)


API, PAGE = "/api/v1/questions/Q/sealed", "/q/Q/sealed"
MAY: Final = {"window": "May", "points": "5", "limit": "70%"}
ONE, TWO = {"number": 1}, {"number": 2}
NEVER: Final = {"window": "never", "shares": "20", "limit": "30%", "replaces": "1"}

SEALED: Final[dict[str, tuple[str, Sealing, str]]] = {
    "a bet": ("bell", posted((API, MAY)), "after the bell"),
    "a bet from the page": ("bell", posted((PAGE, {**MAY, "points": "500", "limit": "99%"})), "after the bell"),
    "a bet and its change": ("bell", posted((API, MAY), (PAGE, NEVER)), "after the bell"),
    "a bet and its withdrawal": ("bell", posted((API, MAY), (PAGE, MAY), (f"{API}/withdraw", ONE), (f"{PAGE}/withdraw", TWO)), ""),
    "a guess": ("all", lambda question: c.Guess(question, "2027-04-07"), "after the bell"),
    "one guess of many": ("guesses", lambda question: c.Guess(question, "never"), "after the bell"),
    "a curve": ("all", curve("2027-05-05"), "after the ruling"),
    "a curve where nothing else is played": ("curves", curve("2027-05-20"), "after the ruling"),
}


Stages = dict[str, dict[str, bytes]]


def played(path: Path, sealed: str | None) -> Stages:
    """One world with the entry, or without any."""
    on, body, _ = SEALED[sealed] if sealed is not None else ("", None, "")
    with seeded():
        return asyncio.run(play(path, body, on))


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The world in which Alice seals nothing."""
    return played(tmp_path_factory.mktemp("without"), None)


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    assert one.keys() == other.keys() and len(one) > 100
    return [what for what, bytes_ in one.items() if other[what] != bytes_]


@pytest.mark.parametrize("sealed", SEALED)
def test_no_address_tells_of_a_sealed_entry_before_its_time(sealed: str, without: Stages, tmp_path: Path) -> None:
    with_it = played(tmp_path, sealed)
    seen = SEALED[sealed][2]
    for stage in without:
        if stage == seen:
            assert differing(without[stage], with_it[stage]), "and then it is seen"
            break
        if not seen and stage != "before the bell":
            break  # who has bet and who has withdrawn is in the record: heads differ from the bell on
        assert differing(without[stage], with_it[stage]) == [], stage


def test_an_address_that_tells_is_found(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a program that shows at once what is sealed."""
    monkeypatch.setattr(Question, "hidden", lambda *_: False)
    told_of_none, told_of_one = (played(tmp_path_factory.mktemp("control"), sealed)["before the bell"] for sealed in (None, "a curve"))
    found = differing(told_of_none, told_of_one)
    assert any(what.startswith("bob /api/v1/questions/") for what in found) and any(what.startswith("bob /q/") for what in found)


def test_a_page_that_shows_others_sealed_bets_is_found(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control for the bell: a program that shows everybody's sealed bets to everybody."""
    monkeypatch.setattr("anyday.service.bell.own", lambda question, _: [order for own in question.orders.values() for order in own.items()])
    told_of_none, told_of_one = (played(tmp_path_factory.mktemp("bells"), sealed)["before the bell"] for sealed in (None, "a bet"))
    found = differing(told_of_none, told_of_one)
    assert any(what.startswith("rita /api/v1/questions/") for what in found) and any(what.startswith("rita /q/") for what in found)


def test_what_was_sealed_when_it_was_called_off_stays_sealed_and_the_page_says_so(play: Callable[..., Any]) -> None:
    async def story(made: World) -> None:
        olga = await made.owner("Olga")
        alice, bob = [await made.player(name) for name in ("Alice", "Bob")]
        question = await made.question(olga, **ALONE, closest={"stake": "10"}, forecast=True)
        at = f"/api/v1/questions/{question}"
        assert (await alice.post(f"{at}/guesses", json={"guess": "5 April 2027"})).status_code == 200
        curve = {"quantiles": [{"by": "20 April 2027", "chance": "50%"}], "never": "10%"}
        assert (await alice.post(f"{at}/forecast", json={"curve": curve, "points": "5"})).status_code == 200
        assert (await olga.post(f"{at}/void", json={"reason": "the terms were wrong"})).status_code == 200
        made.clock.pass_(days=25)
        for client, pins, mine in ((bob, 0, None), (alice, 1, "5")):
            view = (await client.get(at)).json()
            assert (len(view["closest"]["pins"]), view["closest"]["guesses"], view["closest"]["pool"]) == (pins, None, None)
            assert (view["forecast"]["stake"], view["forecast"]["linear"], view["forecast"]["rows"]) == (mine, None, [])
            page = (await client.get(f"/q/{question}")).text
            assert page.count("what was sealed stays sealed") == 2 and ("5 April 2027" in page) == bool(pins)

    play(story)
