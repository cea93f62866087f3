"""Whatever is asked, in whatever state, gets a receipt or a refusal: never an exception, and never a broken invariant.

The views are asked after every step, by everybody, whatever state the questions are in.
"""

from __future__ import annotations

import asyncio
import logging
import random
from pathlib import Path
from typing import Any

import pytest

from anyday import wire
from anyday.instants import DAY, HOUR, Grain
from anyday.market.prior import MOST_RUNS
from anyday.refusals import Refusal
from anyday.rules import asking
from anyday.rules import commands as c
from anyday.settings import Settings
from tests.world import World, hold, run

POINT = 1_000_000
WINDOWS = (
    "January",
    "March",
    "not March",
    "before March",
    "not before March",
    "after 3 May",
    "never",
    "not never",
    "2027-03-14",
    "2027-03-14..2027-03-20",
    "14–20 Apr 2027",
    "not 14–20 Apr 2027",
    "week of 9 March",
    "Q2 2027",
    "2027",
    "today",
    "tomorrow",
    "this week",
    "next month",
    "from 3 May",
    "until 3 May",
    "14:00–15:00 on 3 March",
    "",
    " ",
    "–",
    "..",
    "2027-03-14..",
    "..2027-03-14",
    "not",
    "not not March",
    "before",
    "after",
    "before never",
    "3/4/2027",
    "31 April",
    "2027-02-29",
    "0000-00-00",
    "9999-12-31",
    "1799-12-31",
    "2499-12-31",
    "2500-01-01",
    "2027-W53",
    "2027-W99",
    "25:61",
    "24:00",
    "2027-03-28 02:30",
    "²⁰²⁷",
    "٢٠٢٧-٠٣-١٤",
    "２０２７",
    "March\u0000",
    "\u202eMarch",
    "null",
    "NaN",
    "1e400",
    "-1",
    "💥",
    "March March",
    "not " * 19,
    "9" * 80,
    "a" * 79,
    "x" * 500,
    "before before March",
    "2027-03-14T15:04:05Z",
    "2027-03-14T15:04:05+25:00",
    "2027-03-14T15:04:05.123456789Z",
    "1 January 2028",
)
NUMBERS = (
    None,
    0,
    1,
    -1,
    2,
    7,
    POINT,
    50 * POINT,
    10**9,
    2**39,
    2**39 + 1,
    2**53,
    2**53 + 1,
    2**62,
    2**63,
    2**64,
    10**30,
    -(2**63),
    -(10**30),
    999_999,
    10**6,
)
TEXTS = ("", " ", "\n", "seen", "x" * 4_001, "a\x00b", "\x1b[31m", "💥" * 100, "<script>", "' OR 1=1 --", "\ufeff", "\u2028")
ZONES = ("UTC", "Europe/Zurich", "Pacific/Apia", "Australia/Lord_Howe", "Mars/Olympus", "../../etc/passwd", "", "utc", "Factory", "posixrules")
IDS = ("", "none", "crew", "question/x", "../x", "x" * 300, "é", "a b")
PEOPLE = ("alice", "bob", "rita", "olga", "nobody")


def plain(chance: random.Random, questions: list[str]) -> tuple[str, c.Command]:
    """What people ask for."""
    who, question, window = chance.choice(["alice", "bob"]), chance.choice(questions), chance.choice(WINDOWS[:22])
    kind = chance.randrange(40)
    if kind < 24:
        return who, c.Bet(question, window, spend=chance.randrange(1, 30 * POINT))
    if kind < 28:
        return who, c.Bet(question, window, target=chance.randrange(1, 1_000_000))
    if kind < 32:
        return who, c.Sell(question, window)
    if kind < 35:
        return who, c.Collect(question)
    if kind < 37:
        return "olga", c.Ask("When?", "It.", "UTC", Grain.DAY, "2027-01-01", "2028-01-01", "rita", 100 * POINT, "house")
    if kind < 38:
        return "rita", c.Rule(question, window, "seen")
    return "rita", chance.choice([c.Correct(question, window, "seen", "a slip"), c.Close(question), c.Correct(question, window, "seen", "a slip")])


def odd(chance: random.Random, questions: list[str]) -> tuple[str, c.Command]:
    """Any command with any values."""

    def number() -> Any:
        return chance.choice(NUMBERS)

    def typed() -> str:
        return chance.choice(WINDOWS)

    text = chance.choice(TEXTS)
    question = chance.choice(questions) if chance.random() < 0.8 else chance.choice(IDS)
    by = tuple((typed(), chance.choice([0, 1, 10**6, -1, 500_000, 2**70])) for _ in range(chance.randrange(4)))
    opening: Any = chance.choice(
        [c.OpeningUniform(chance.choice([0, 1, 10**6, -1, 2**70])), c.OpeningQuantiles(by, chance.choice([1, 0, 50_000, 2**70]))]
    )
    limits = {name: number() for name in ("shares", "spend", "target", "max_cost", "min_shares", "expected_version") if chance.random() < 0.3}
    bodies: list[c.Command] = [
        c.Bet(question, typed(), **limits),
        c.Bet(question, typed(), shares=number()),
        c.Bet(question, chance.choice(WINDOWS[:22]), spend=number()),
        c.Sell(question, typed(), number(), number(), number()),
        c.Collect(question),
        c.Rule(question, typed(), text, chance.choice([None, *WINDOWS]), number()),
        c.Correct(question, typed(), text, text, number()),
        c.Void(question, text) if chance.random() < 0.1 else c.Collect(question),
        c.Grant(chance.choice(["alice", "house", "nobody", "", "mint", "player/alice"]), number() or 0, text),
        c.Join(),
        c.OpenCrew(text, text),
        c.Ask(
            text,
            "It.",
            chance.choice(ZONES),
            chance.choice(list(Grain)),
            typed(),
            typed(),
            chance.choice(PEOPLE),
            number() or 0,
            "host",
            number() or 0,
            opening,
        ),
        c.Ask("When?", "It.", "UTC", chance.choice(list(Grain)), "2027-02-01", "2027-03-01", "rita", number() or 0, "house", 0, opening),
    ]
    return chance.choice(PEOPLE[:4]), chance.choice(bodies)


def look(world: World, chance: random.Random, questions: list[str]) -> None:
    """Every view, by somebody; it may be refused, and must not break."""
    service = world.service
    who = chance.choice([None, *PEOPLE])
    question = chance.choice([*questions, *questions, *IDS])
    window = chance.choice(WINDOWS)
    views: list[Any] = [
        service.board(who),
        service.question(question, who),
        service.curve(question),
        service.history(question),
        service.bets(question, who),
        service.bets(question, who, chance.choice([0, 1, -1, 2**62])),
        service.members(),
        service.me(who or "nobody"),
        service.quote(who, c.Bet(question, window, spend=chance.choice(NUMBERS)), ghost=True),
        service.quote(who, c.Bet(question, window, target=chance.choice(NUMBERS)), ghost=True),
        service.quote(who, c.Sell(question, window, chance.choice(NUMBERS))),
        service.preview(who or "nobody", c.Rule(question, window, "seen")),
        service.preview(who or "nobody", c.Void(question, "a mistake")),
        service.preview(who or "nobody", c.Correct(question, window, "seen", "a slip")),
    ]
    for view in views:
        if isinstance(view, Refusal):
            assert "…" not in str(view), f"a fact is missing: {view.reason} {view}"


@pytest.mark.parametrize("turn", range(6))
def test_whatever_is_asked_gets_an_answer_and_breaks_nothing(
    turn: int, tmp_path: Path, chance: random.Random, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    async def story() -> None:
        async with World(tmp_path / "a.db", Settings(batch=8, questions_cached=2)) as world:
            await world.crew("olga", "alice", "bob", "rita")
            questions: list[str] = [await world.ask("olga")]
            taken = 0
            for _ in range(80):
                asked = [chance.choice([plain, odd])(chance, questions) for _ in range(chance.randrange(1, 9))]
                sending = [asyncio.ensure_future(world.send(*one)) for one in asked]
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
                    look(world, chance, questions)
                for (_, body), answer in zip(asked, await asyncio.gather(*sending), strict=True):
                    if isinstance(answer, Refusal):
                        assert answer.reason.code not in ("unavailable", "broken"), f"{body}: {answer}"
                        assert "…" not in str(answer), f"a fact is missing: {body} {answer.reason} {answer}"
                        assert 400 <= answer.status < 500
                    else:
                        assert isinstance(answer, wire.Receipt)
                        taken += 1
                        if isinstance(body, c.Ask) and answer.question is not None and len(questions) < 12:
                            questions.append(answer.question)
                look(world, chance, questions)
                world.clock.move(chance.choice([0, 1, HOUR, 13 * HOUR, 2 * DAY, 4 * DAY, -HOUR, -3 * DAY]))
            world.check()
            print(f"{taken} commands were taken")
            assert taken > 15
            await world.reopen()
            world.check()
            look(world, chance, questions)

    run(story())
    assert not caplog.records, caplog.text
    hold(tmp_path / "a.db")


def test_of_a_curve_of_thousands_of_typed_times_only_as_many_are_read_as_one_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request holds four thousand of them; each takes as long to read as a bet to decide, and all wait meanwhile."""
    read = 0

    def counted(*arguments: object, **named: object) -> object:
        nonlocal read
        read += 1
        return good(*arguments, **named)  # type: ignore[arg-type]

    good = asking.parse_span
    monkeypatch.setattr(asking, "parse_span", counted)

    async def story() -> None:
        nonlocal read
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "rita")
            times = tuple((f"2027-02-{day % 28 + 1:02}", 250) for day in range(4_000))
            ask = c.Ask("When?", "It.", "UTC", "day", "2027-02-01", "2028-03-01", "rita", POINT, opening=c.OpeningQuantiles(times, 200_000))
            assert await world.refused("olga", ask) == "bad_opening"
            assert read <= MOST_RUNS + 1
            question, read = await world.ask("alice", market=False, subsidy=0, subsidy_from="host", forecast=True, origin="2027-02-01"), 0
            for curve in (c.CurveQuantiles(times, 0), c.CurveTable(times, 0)):
                assert await world.refused("olga", c.Forecast(question, curve, POINT)) == "not_a_curve"
            assert read <= 2 * (MOST_RUNS + 1)

    run(story())
