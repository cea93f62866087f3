"""What a crew shows of its market's curve: in full, in whole per cents, or as it stood at the last full hour or day. An attacker tries to
tell the size of a bet from what is shown, and gets as far as is said and no further."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from anyday import wire
from anyday.instants import DAY, HOUR, MINUTE, Instant
from anyday.market.horizon import Claim
from anyday.market.mechanism import Fill, Order, Quote
from anyday.points import parse_points
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules.ledger import MARKET
from anyday.rules.question import Question
from anyday.service import Service
from anyday.service.memory import Memory
from anyday.service.shown import STEP_PPM, Prices, Shown
from tests.world import World, hold, instant, run

POINT: Final = 1_000_000
OTHERS: Final = ("olga", "carol", "rita", "gus", "mallory", None)


async def crew(world: World, prices: str, **more: Any) -> str:
    """A crew that shows its prices so, and a question in it."""
    await world.crew("olga", "alice", "bob", "carol", "rita")
    await world.do("gus", c.Join(guest=True))
    if prices != "full":
        await world.do("olga", c.ChangeSettings(prices=prices, **more))
    return await world.ask("olga", origin="2027-02-01", horizon="2027-04-12", subsidy=100 * POINT)


def told(service: Service, question: str, *asking: str | None) -> dict[str, bytes]:
    """Everything that these are told without asking for a price."""
    found: dict[str, object] = {"history": service.history(question), "curve": service.curve(question), "review": service.review("week", None)}
    for who in asking:
        found |= {f"{who}: board": service.board(who), f"{who}: question": service.question(question, who)}
        found[f"{who}: bets"] = service.bets(question, who)
        if who is not None and service.role(who) != "nobody":
            found[f"{who}: me"] = service.me(who)
    return {name: str(what).encode() if isinstance(what, Refusal) else msgspec.json.encode(what) for name, what in found.items()}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    assert one.keys() == other.keys()
    return [name for name in one if one[name] != other[name]]


# as it stood at the last full hour or day


async def an_hour(path: Path, bet: c.Bet, prices: str = "hourly", **settings: Any) -> list[dict[str, bytes]]:
    """One world, in which Bob bets so at five past ten; what is told just before, just after, after a restart, and from eleven on."""
    stages = []
    async with World(path) as world:
        question = await crew(world, prices, **settings)
        bob = msgspec.structs.replace(bet, question=question)
        world.clock.now = instant("2027-01-10 09:30")
        await world.do("alice", c.Bet(question, "February", shares=20 * POINT))
        await world.do("alice", c.Note(question, "news", "It may come sooner.", "2027-01-09", "seen"))
        world.clock.now = instant("2027-01-10 10:05")
        stages.append(told(world.service, question, *OTHERS))
        await world.do("bob", bob)
        world.clock.move(20 * MINUTE)
        receipt = await world.do("carol", c.Bet(question, "5 March", shares=3 * POINT))
        kept = f"{receipt.chance_before} {receipt.chance_after}".encode()
        stages.append({"Carol’s receipt": kept, **told(world.service, question, *(who for who in OTHERS if who != "carol"))})
        await world.reopen()
        stages.append({"Carol’s receipt": kept, **told(world.service, question, *(who for who in OTHERS if who != "carol"))})
        world.clock.now = instant("2027-01-10 11:00" if prices == "hourly" else "2027-01-11")
        stages.append(told(world.service, question, *OTHERS))
        world.check()
    hold(path)
    return stages


SMALL, LARGE = c.Bet("", "March", shares=5 * POINT), c.Bet("", "never", shares=60 * POINT)


@pytest.mark.parametrize("prices", ["hourly", "daily"])
def test_between_two_boundaries_nothing_tells_what_was_bet_since(prices: str, tmp_path: Path) -> None:
    small, large = (run(an_hour(tmp_path / name, bet, prices)) for name, bet in (("small.db", SMALL), ("large.db", LARGE)))
    for one, other in zip(small[:3], large[:3], strict=True):
        assert differing(one, other) == []
    assert small[1] == small[2], "a restart shows the same"
    found = differing(small[3], large[3])
    assert {"history", "curve", "None: board", "None: question", "None: bets"} <= set(found), "and then it is seen"


def _shown_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "shown", lambda self, question, now: Shown(question, self.prices))


def _sampled_live(monkeypatch: pytest.MonkeyPatch) -> None:
    def note(self: Memory, question: Question, at: Instant) -> None:
        good(self, question, at)
        kept = self.kept(question.id)
        assert kept is not None and kept.samples is not None
        kept.samples.note(Shown(question, kept.prices), at)

    good = Memory._note
    monkeypatch.setattr(Memory, "_note", note)


def _listed_live(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Prices.boundary
    monkeypatch.setattr(Prices, "boundary", lambda self, now: Instant(good(self, now) + DAY))


@pytest.mark.parametrize("control", [_shown_live, _sampled_live, _listed_live])
def test_control_whatever_shows_it_at_once_is_found(
    control: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control(monkeypatch)
    small, large = (run(an_hour(tmp_path / name, bet)) for name, bet in (("small.db", SMALL), ("large.db", LARGE)))
    assert differing(small[1], large[1])


def test_where_members_see_who_holds_what_they_see_it_as_it_stood_too(tmp_path: Path) -> None:
    small, large = (run(an_hour(tmp_path / name, bet, positions="members")) for name, bet in (("small.db", SMALL), ("large.db", LARGE)))
    assert differing(small[1], large[1]) == [] and differing(small[3], large[3])


def test_boundaries_are_those_of_the_crew_s_own_clocks() -> None:
    now = instant("2027-01-10 10:05")
    assert Prices("hourly", "UTC").boundary(now) == instant("2027-01-10 10:00")
    assert Prices("hourly", "Asia/Kolkata").boundary(now) == instant("2027-01-10 09:30"), "15:35 there"
    assert Prices("daily", "Asia/Kolkata").boundary(now) == instant("2027-01-09 18:30")
    for zone in ("Europe/Zurich", "Australia/Lord_Howe", "America/New_York"):
        for prices in (Prices("hourly", zone), Prices("daily", zone)):
            before = Instant(0)
            for minute in range(0, 370 * 24 * 60, 45):
                at = Instant(now + minute * MINUTE)
                boundary = prices.boundary(at)
                assert before <= boundary <= at < boundary + (26 * HOUR if prices.how == "daily" else 2 * HOUR)
                before = boundary


def test_a_setting_that_is_changed_holds_for_what_was_bet_before(tmp_path: Path) -> None:
    """The curve is folded anew for it: what was public a moment ago is held back, and the other way round."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await crew(world, "full")
            world.clock.now = instant("2027-01-10 10:05")
            opening = world.service.curve(question)
            await world.do("bob", c.Bet(question, "March", shares=30 * POINT))
            full = world.service.curve(question)
            await world.do("olga", c.ChangeSettings(prices="hourly"))
            held = world.service.curve(question)
            assert isinstance(opening, wire.CurveView) and isinstance(held, wire.CurveView) and isinstance(full, wire.CurveView)
            assert (held.bars, held.sentence, len(world.service.history(question))) == (opening.bars, opening.sentence, 3)  # type: ignore[arg-type]
            await world.reopen()
            assert world.service.curve(question) == held
            await world.do("olga", c.ChangeSettings(prices="full"))
            assert world.service.curve(question) == full
            await world.do("olga", c.ChangeSettings(prices="rounded"))
            rounded = world.service.curve(question)
            assert isinstance(rounded, wire.CurveView) and rounded.never % 10_000 == 0 and all(bar.chance % 10_000 == 0 for bar in rounded.bars)

    run(story())
    hold(tmp_path / "a.db")


# the attacker


def after(question: Question, claim: Claim, shares: int) -> Question:
    """The question as it would be after one bet of that size by somebody new to it."""
    twin = copy.copy(question)
    market = question.market.copy()
    twin.mechanisms = {MARKET: market}
    quote = market.quote(Order("somebody new", claim, shares=shares))
    assert isinstance(quote, Quote), quote
    market.apply(Fill("somebody new", claim, quote.shares, quote.charge, quote.released))
    return twin


def picture(question: Question, how: str) -> object:
    """All that there is to see of a market."""
    shown = Shown(question, Prices(how))
    return shown.curve(), shown.said(shown.curve().never)


def logit(chance: float) -> float:
    return math.log(chance / (1 - chance))


def chance_of(view: wire.CurveView, first: int, last: int) -> float:
    """The chance of a window, read off the bars."""
    return sum(bar.chance * max(0, min(bar.end, last) - max(bar.start, first)) / (bar.end - bar.start) for bar in view.bars) / 1e6


def test_in_full_the_size_of_a_bet_can_be_read_off_the_curve(tmp_path: Path) -> None:
    """As the page says: from two curves to the hundredth of a point, and from the list of bets to the unit."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await crew(world, "full")
            chance = random.Random(7)
            for _ in range(20):
                question = await world.ask("olga", origin="2027-02-01", horizon="2027-04-12", subsidy=100 * POINT)
                state = world.service.find(question)
                assert state is not None
                day = chance.randrange(1, 28)
                size = chance.randrange(100, 3_000) * POINT // 100
                first, last = instant(f"2027-02-{day:02}"), instant("2027-03-05")
                before = world.service.curve(question, "mallory")
                receipt = await world.do("bob", c.Bet(question, f"{day} February – 4 March", shares=size))
                seen = world.service.curve(question, "mallory")
                assert isinstance(before, wire.CurveView) and isinstance(seen, wire.CurveView)
                read = state.market.liquidity * (logit(chance_of(seen, first, last)) - logit(chance_of(before, first, last)))
                assert abs(read - size) < POINT / 100, (read, size)
                newest = world.service.bets(question, "mallory")
                assert not isinstance(newest, Refusal) and parse_points(newest[0].shares or "") == size and receipt.shares == newest[0].shares

    run(story())


def test_in_whole_per_cents_no_size_can_be_told_more_finely_than_four_per_cent_of_the_liquidity(tmp_path: Path) -> None:
    """An attacker who knows everything but the size, and looks at every number there is: whatever rounds to the same step looks the same.
    The chances stay right to two per cents and a half; and who looks at one window only is further off."""

    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await crew(world, "rounded")
            state = world.service.find(question)
            assert state is not None
            market, chance = state.market, random.Random(8)
            step = market.liquidity * STEP_PPM // 1_000_000
            told, off = set[bool](), []
            for _ in range(40):
                first = chance.randrange(0, 60)
                claim = Claim(first, chance.randrange(first + 1, 70), chance.random() < 0.3)
                size = chance.randrange(step, 60 * step)
                middle = (2 * size + step) // (2 * step) * step  # the sizes that round to the same are a step wide
                least, most = middle - step // 2 + 1, middle + (step - 1) // 2 - 1
                assert least <= size + 1 and size - 1 <= most
                same = {str(picture(after(state, claim, candidate), "rounded")) for candidate in (least, size, most)}
                assert len(same) == 1 or size in (least - 1, most + 1), "they look the same"
                told.add(picture(after(state, claim, most + 2 * step), "rounded") == picture(after(state, claim, least), "rounded"))
                exact, seen = after(state, claim, size).market.curve(), Shown(after(state, claim, size), Prices("rounded")).curve()
                for edge in exact.edges:
                    assert abs(exact.cdf(edge) - seen.cdf(edge)) < 0.025, "one per cent by the steps, half by rounding, one by joining bars"
                shown, stood = (round(after(state, claim, many).market.price(claim), 2) for many in (size, 0 + step // 100))
                if 0 < stood < 1 and 0 < shown < 1:
                    off.append(abs(market.liquidity * (logit(shown) - logit(stood)) - size) / market.liquidity)
            assert False in told, "control: what is further away is told apart"
            assert max(off) > STEP_PPM / 2e6, "by one chance alone the attacker is further off"
            near = {str(picture(after(state, Claim(3, 9, False), size), "full")) for size in (40 * step, 40 * step + step // 9)}
            assert len(near) == 2, "control: in full they are told apart"

    run(story())


def test_at_intervals_only_the_sum_of_what_was_bet_can_be_told(tmp_path: Path) -> None:
    async def world_of(path: Path, sizes: tuple[int, int]) -> tuple[dict[str, bytes], float]:
        async with World(path) as world:
            question = await crew(world, "hourly")
            state = world.service.find(question)
            assert state is not None
            world.clock.now = instant("2027-01-10 10:05")
            before = world.service.curve(question, "mallory")
            for who, size in zip(("alice", "bob"), sizes, strict=True):
                await world.do(who, c.Bet(question, "March", shares=size * POINT))
                world.clock.move(MINUTE)
            world.clock.now = instant("2027-01-10 11:00")
            seen = world.service.curve(question, "mallory")
            assert isinstance(before, wire.CurveView) and isinstance(seen, wire.CurveView)
            first, last = instant("2027-03-01"), instant("2027-04-01")
            read = state.market.liquidity * (logit(chance_of(seen, first, last)) - logit(chance_of(before, first, last)))
            return told(world.service, question, *OTHERS), read

    one, sum_of_one = run(world_of(tmp_path / "one.db", (7, 33)))
    other, _ = run(world_of(tmp_path / "other.db", (25, 15)))
    more, _ = run(world_of(tmp_path / "more.db", (25, 16)))
    assert differing(one, other) == [], "who bet how much of it cannot be told"
    assert abs(sum_of_one - 40 * POINT) < POINT / 100, "the sum can"
    assert differing(one, more), "control"


def test_asking_for_a_price_tells_it_so_there_only_players_ask(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            question = await crew(world, "daily")
            world.clock.now = instant("2027-01-10 10:05")
            ask = c.Bet(question, "March", shares=10 * POINT)
            first = world.service.quote("carol", ask)
            await world.do("bob", c.Bet(question, "March", shares=30 * POINT))
            second = world.service.quote("carol", ask, ghost=True)
            assert isinstance(first, wire.QuoteView) and isinstance(second, wire.QuoteView)
            assert first.charge != second.charge, "the price is the price, as the page says"
            assert (first.chance_before, first.chance_after) == (second.chance_before, second.chance_after), "the chances are those that are shown"
            for who, code in (("gus", "guest"), ("mallory", "not_allowed"), (None, "sign_in")):
                refused = world.service.quote(who, ask)
                assert isinstance(refused, Refusal) and refused.reason.code == code
            await world.do("olga", c.ChangeSettings(prices="full"))
            assert all(isinstance(world.service.quote(who, ask), wire.QuoteView) for who in ("gus", "mallory", None)), "control"

    run(story())


def test_names_stand_beside_bets_only_where_members_see_them_and_never_for_whom_it_is_about(tmp_path: Path) -> None:
    async def story() -> None:
        async with World(tmp_path / "a.db") as world:
            await world.crew("olga", "alice", "bob", "carol", "rita", "sam")
            world.service.people.names = lambda: {"bob": "Bob"}  # type: ignore[method-assign]
            question = await world.ask("olga", origin="2027-02-01", subjects=("sam",), closest=c.ClosestTerms(POINT))
            await world.do("sam", c.Agree(question))
            await world.do("bob", c.Bet(question, "March", spend=5 * POINT))
            await world.do("carol", c.Guess(question, "2027-03-12"))

            def names(who: str | None) -> tuple[str | None, tuple[str, ...] | None]:
                bets, view = world.service.bets(question, who), world.service.question(question, who)
                assert not isinstance(bets, Refusal) and isinstance(view, wire.QuestionView) and view.fair is not None
                holders = view.fair.holders
                return bets[0].by, tuple(holder.name for holder in holders) if holders is not None else None

            assert {names(who) for who in ("olga", "alice", "bob", "carol", "rita", "sam", "mallory", None)} == {(None, None)}
            await world.do("olga", c.ChangeSettings(positions="members"))
            assert {names(who) for who in ("olga", "alice", "bob", "carol", "rita")} == {("Bob", ("Bob",))}, "and nobody sees who has guessed"
            assert {names(who) for who in ("sam", "mallory", None)} == {(None, None)}

    run(story())
    hold(tmp_path / "a.db")
