"""Fair play and sealed bets on the command line: what "show" says of them at every width, and that no route is out of its reach."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from anyday import client, wire
from anyday.cli.terminal import cells
from anyday.instants import DAY, HOUR, Instant
from anyday.web.app import ROUTES
from tests.test_cli import (  # noqa: F401  the fixtures: a file with a crew
    ABOUT,
    DOUBTED,
    NOW,
    SEALED,
    _no_settings,
    counted_secrets,
    crew,
    db,
    good,
    run,
    snapshot,
)

#: 20 January 2027, 12:00 in Zurich.
BELL: Final = Instant(NOW + 8 * DAY + 2 * HOUR)


@pytest.fixture
def at(db: Path, counted_secrets: None, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:  # noqa: F811
    """The option that names the file; ids in it are the same each time."""
    monkeypatch.setattr("anyday.service.writer._ID_ALPHABET", "f")
    return ("--db", str(db))


def asked(at: tuple[str, ...], words: tuple[str, ...]) -> str:
    return str(json.loads(good(*words, *at, "--as", "alice", "--json"))["question"])


@pytest.fixture
def sealed(at: tuple[str, ...]) -> str:
    """A market with a bell, on which bob has sealed two bets and alice one."""
    question = asked(at, SEALED)
    for name, *words in (
        ("bob", "1–14 March 2027", "--points", "20", "--limit", "40%"), ("bob", "never", "--shares", "7.5", "--limit", "5%"),
        ("alice", "1–14 March 2027", "--points", "10", "--limit", "35%"),
    ):  # fmt: skip
        good("seal", question, *words, *at, "--as", name)
    return question


def widths(name: str, *words: str, **options: Any) -> Iterator[str]:
    """What a command says at 80 and at 40 columns, kept under a name, and in plain ASCII."""
    for width in (80, 40):
        text = good(*words, width=width, **options)
        if name:
            snapshot(f"{name}-{width}.txt", text)
        assert max(map(cells, text.splitlines())) <= width
        yield text
    assert good(*words, width=60, unicode=False, **options).isascii()


# ---- the bell ------------------------------------------------------------------------------------------------------------------


def test_ones_own_sealed_bets_are_shown_with_the_numbers_by_which_they_are_withdrawn(at: tuple[str, ...], sealed: str) -> None:
    for text in widths("sealed", "show", sealed, *at, "--as", "bob"):
        assert "Sealed bets" in text and "20 January 2027, 12:00" in " ".join(text.split()) and f"anyday unseal {sealed} N" in " ".join(text.split())
    assert "35 %" not in good("show", sealed, *at, "--as", "bob"), "alice's is not bob's to see"
    assert "set aside" not in good("show", sealed, *at)
    good("unseal", sealed, "2", *at, "--as", "bob")
    assert "never by" not in good("show", sealed, *at, "--as", "bob").partition("Sealed bets")[2]
    assert "There is no such sealed bet here." in run("unseal", sealed, "2", *at, "--as", "bob").stderr
    assert "There is no such sealed bet here." in run("unseal", sealed, "1", *at, "--as", "dora").stderr


def test_nobody_else_is_told_of_a_sealed_bet_by_any_command(at: tuple[str, ...], sealed: str) -> None:
    def told() -> list[str]:
        looks = (("show",), ("show", sealed), ("bets", sealed), ("me",), ("players",), ("feed",), ("crew", "show"), ("duties", sealed), ("inbox",))
        return [good(*words, *more, *at, "--as", name) for words in looks for more in ((), ("--json",)) for name in ("dora", "alice")]

    before = told()
    good("seal", sealed, "April", "--points", "100", "--limit", "90%", *at, "--as", "bob")
    good("unseal", sealed, "1", *at, "--as", "bob")
    assert told() == before
    seen = good("show", sealed, *at, "--as", "bob")
    good("unseal", sealed, "2", *at, "--as", "bob")
    assert good("show", sealed, *at, "--as", "bob") != seen, "control: bob sees his own"


def test_after_the_bell_the_bets_say_what_was_filled_and_to_oneself_what_stayed_out(at: tuple[str, ...], sealed: str) -> None:
    good("grant", "bob", "1", "--reason", "to look", *at, at=BELL)
    assert "1–14 March 2027" in good("bets", sealed, *at, at=BELL)
    own, _ = widths("", "bets", sealed, *at, "--as", "bob", at=BELL)  # in the order of random ids: nothing to keep
    assert "stayed out at the bell" in own and "stayed out" not in good("bets", sealed, *at, at=BELL)
    assert "1 of your 2 sealed bets was filled" in " ".join(good("inbox", *at, "--as", "bob", at=BELL).split())
    assert "bell" not in good("inbox", *at, at=BELL), "only who had one is told"
    shown = good("show", sealed, *at, "--as", "bob", at=BELL)
    assert "Sealed bets" not in shown and "of 3 sealed bets 2 were filled" in " ".join(shown.split())
    assert "The bell rang at" in run("seal", sealed, "March", "--points", "1", "--limit", "40%", *at, "--as", "bob", at=BELL).stderr
    good("bet", sealed, "March", "--points", "5", *at, "--as", "bob", at=BELL)
    good("verify", *at)


def test_a_sealed_bet_says_its_limit_and_one_size_or_is_a_usage_error(at: tuple[str, ...], sealed: str) -> None:
    assert run("seal", sealed, "March", "--points", "5", *at).exit_code == 2
    for size in ((), ("--points", "5", "--shares", "5")):
        assert "exactly one size" in run("seal", sealed, "March", "--limit", "40%", *size, *at, "--as", "bob").stderr
    assert run(*SEALED, "--no-market", "--forecast", *at).exit_code == 2


# ---- who answers for it --------------------------------------------------------------------------------------------------------


def test_a_draft_says_whom_it_waits_for_and_has_not_ended(at: tuple[str, ...]) -> None:
    question = asked(at, ABOUT)
    for text in widths("draft", "show", question, *at, "--as", "bob"):
        told = " ".join(text.split())
        assert "It is about bob (has not answered)." in told and f"anyday agree {question}" in told and "called off" not in told
    assert "called off" not in good("show", *at, "--as", "bob"), "nor has its card"
    assert "anyday agree" not in good("show", question, *at, "--as", "alice")
    good("agree", question, *at, "--as", "bob")
    assert "It is about bob." in good("show", question, *at)
    assert run("withdraw", question, *at, "--as", "bob", typed="n\n").exit_code == 1
    good("withdraw", question, *at, "--as", "bob", "--yes")
    assert "has withdrawn" in good("show", question, *at)


def test_a_dispute_says_whose_turn_it_is_and_what_to_do(at: tuple[str, ...]) -> None:
    question = asked(at, DOUBTED)
    good("bet", question, "March", "--points", "5", *at, "--as", "bob")
    good("rule", question, "2027-01-12", "09:30", "--evidence", "A photo", "--yes", *at)
    good("dispute", question, "--reason", "It still drips", *at, "--as", "bob")
    for text in widths("disputed", "show", question, *at, "--as", "alice"):
        told = " ".join(text.split())
        assert "Disputed by bob: It still drips" in told and "alice decides until 15 January 2027" in told
        assert f"anyday judge {question} stands --reason" in told
    for words in (("judge", question, "replaced", "--reason", "x"), ("judge", question, "stands", "--outcome", "never", "--reason", "x")):
        assert run(*words, *at, "--as", "alice").exit_code == 2
    assert run("judge", question, "stands", "--reason", "x", *at, "--as", "alice", typed="n\n").exit_code == 1
    replaced = ("judge", question, "replaced", "--outcome", "2027-01-12 08:00", "--evidence", "The log", "--reason", "It was earlier", "--yes")
    assert "the ruling is replaced" in " ".join(good(*replaced, *at, "--as", "alice").split())
    assert "08:00" in good("show", question, *at)


def test_a_crew_that_votes_says_how_and_until_when(at: tuple[str, ...]) -> None:
    question = asked(at, (*DOUBTED, "--silence-hours", "24"))
    later = Instant(NOW + 112 * DAY)
    shown = " ".join(good("show", question, *at, "--as", "bob", at=later).split())
    assert "Its resolver is silent: the crew votes until" in shown and f"You have a vote: anyday vote {question} OUTCOME" in shown
    good("vote", question, "14", "March", "2027", *at, "--as", "bob", at=later)
    assert "1 vote: it happened on 14 March 2027" in " ".join(good("show", question, *at, at=later).split())


def test_what_was_put_on_the_timeline_says_by_whom_and_how_to_thank(at: tuple[str, ...]) -> None:
    question = asked(at, DOUBTED)
    good("comment", question, "It drips", "at night", *at, "--as", "alice")
    good("note", question, "The plumber came", "--evidence", "Seen", *at, "--as", "bob")
    shown = good("show", question, *at, "--as", "bob")
    assert "It drips at night (alice; no. 2)" in shown and "The plumber came (bob)" in shown
    good("thank", question, "2", *at, "--as", "bob")
    assert "It drips at night (alice, 1 thanks)" in good("show", question, *at, "--as", "bob")
    for text in widths("feed", "feed", *at, "--as", "dora"):
        assert text.count("alice, comment") == 1 and "bob, news" in text and "bob, thanks" in text
    assert good("feed", "--before", "2027-01-12 09:00", *at) == "Nothing yet.\n"


def test_a_duty_passes_to_another_and_comes_back(at: tuple[str, ...]) -> None:
    question = asked(at, DOUBTED)
    good("hand-over", "resolver", "bob", "--question", question, "--until", "20 January 2027", *at)
    for text in widths("offered", "show", question, *at, "--as", "bob"):
        told = " ".join(text.split())
        assert "resolver: dora, since 12 January 2027, 10:00; offered to bob until 20 January 2027, 00:00" in told
        assert f"Say “I have it” with: anyday accept resolver --question {question}" in told
    good("accept", "resolver", "--question", question, *at, "--as", "bob")
    assert "resolver: bob, since 12 January 2027, 10:00, until 20 January" in " ".join(good("show", question, *at).split())
    good("comment", question, "Back", *at, "--as", "alice", at=Instant(NOW + 9 * DAY))
    assert [line.split()[:2] for line in good("duties", question, *at).splitlines()] == [
        ["host", "alice"], ["resolver", "dora"], ["deputy", "alice"], ["resolver", "bob"], ["resolver", "dora"],
    ]  # fmt: skip
    assert good("duties", *at) == "owner  dora  since 12 January 2027, 10:00\n"


def test_the_crew_shows_its_settings_and_what_happened_in_it(at: tuple[str, ...]) -> None:
    good("crew", "set", "--name", "Tea crew", "--joining-grant", "250", "--readers", "members", *at)
    good("alarm", "--reason", "The kettle is on fire", *at)
    for text in widths("crew", "crew", "show", *at):
        assert "Tea crew (crew)" in text and "250 points" in text and "Alarm by dora" in text and "the house has" in text
    assert "the house has" not in good("crew", "show", *at, "--as", "bob")
    question = run(*DOUBTED, *at, "--as", "alice")
    assert question.exit_code == 1 and "The kettle is on fire" in question.stderr
    good("all-clear", *at)
    good("invite", "--guest", *at)
    assert run("crew", "remove", "bob", "--reason", "So", *at, typed="n\n").exit_code == 1
    good("crew", "remove", "bob", "--reason", "So", "--yes", *at)
    good("crew", "leave", "--yes", *at, "--as", "alice")
    assert good("players", *at) == "dora  owner\n"


# ---- nothing is out of reach ---------------------------------------------------------------------------------------------------

#: What has no call of the typed client: streams, and what only a browser does.
BY_NO_CALL: Final = {
    "GET /api/v1/questions/{id}/live": "a stream: ``Client.live``", "GET /api/v1/openapi.json": "a document",
    "POST /api/v1/me/password": "one's own, in a browser", "POST /api/v1/sessions": "programs have tokens", "DELETE /api/v1/sessions": "the same",
    "POST /api/v1/me/passkeys": "made by a browser", "POST /api/v1/me/passkeys/options": "the same",
    "POST /api/v1/sessions/passkey": "used by a browser", "POST /api/v1/sessions/passkey/options": "the same",
}  # fmt: skip
#: Calls that no command makes, each with its reason.
BY_NO_COMMAND: Final = {
    "curve": "“show” has it", "history": "numbers for a chart: “show --json” and the page", "passkeys": "they belong to a browser",
    "remove_passkey": "the same",
}  # fmt: skip


def calls() -> dict[str, Callable[..., client.Call[Any]]]:
    made = {name: made for name, made in vars(client).items() if inspect.isfunction(made) and not name.startswith("_")}
    return {name: made for name, made in made.items() if str(inspect.signature(made).return_annotation).startswith("Call[")}


def paths(made: Callable[..., client.Call[Any]]) -> set[tuple[str, str]]:
    """The method and path of a call, with and without what may be left out."""
    found = set()
    for whole in (False, True):
        named = [p for p in inspect.signature(made).parameters.values() if whole or p.default is p.empty]
        given = {p.name: "X" if str(p.annotation).startswith("str") else 7 if "int" in str(p.annotation) else wire.EmptyIn() for p in named}
        call = made(**given)
        assert isinstance(call.body, msgspec.Struct | None)
        found.add((call.method, call.path.partition("?")[0]))
    return found


def test_the_typed_client_has_a_call_for_every_route_of_the_api() -> None:
    said = [path for made in calls().values() for path in paths(made)]
    missing = [
        f"{route.method} {route.path}" for route in ROUTES if route.api and route.method in ("GET", "POST", "DELETE")
        and not any(method == route.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path) for method, path in said)
    ]  # fmt: skip
    assert sorted(missing) == sorted(BY_NO_CALL)


def test_every_call_of_the_typed_client_is_made_by_some_command() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (Path(client.__file__).parent / "cli").glob("*.py"))
    assert {name for name in calls() if not re.search(rf"\bclient\.{name}\b", sources)} == set(BY_NO_COMMAND)


def test_one_is_told_as_one_likes(at: tuple[str, ...]) -> None:
    for text in widths("", "habits", *at):
        assert "Times in Europe/Zurich: no quiet hours, no digest." in " ".join(text.split()) and "rung" in text
    good("habits", "--quiet", "22:00-07:00", "--digest", "daily", *at)
    good("habits", "--digest-hour", "9", *at)
    assert "quiet from 22:00 to 07:00, a daily digest at 9:00" in " ".join(good("habits", *at).split())
    good("habits", "--quiet", "none", *at)
    assert "no quiet hours, a daily digest" in " ".join(good("habits", *at).split())
    assert run("habits", "--quiet", "22:00", *at).exit_code == 2
    assert "two times of day" in run("habits", "--quiet", "22-7", *at).stderr
    made = json.loads(good("channel", "add", "webhook", "https://hooks.example/x", *at, "--json"))["id"]
    good("channel", "set", made, "--kind", "rung", *at)
    good("channel", "set", made, "--off", *at)
    (kept,) = json.loads(good("channel", "list", *at, "--json"))
    assert (kept["kinds"], kept["state"]) == (["rung"], "off")
    assert run("channel", "set", made, *at).exit_code == 2
    assert "a kind is one of" in run("channel", "set", made, "--kind", "gossip", *at).stderr
    assert run("channel", "ask", made, *at).exit_code == 1
