"""One suite of laws for every mechanism. A mechanism joins with one line of ``DRIVERS``; a law is a function of a driver and
of what people ask for; each law has a control: a mechanism broken in one place, which the law must catch."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyday.instants import Instant
from anyday.market import MECHANISMS, closest, tote
from anyday.market.closest import Closest, Variant
from anyday.market.forecast import Forecasts, Stated
from anyday.market.horizon import Claim
from anyday.market.maker import Market
from anyday.market.mechanism import Entry, Fill, Mechanism, Order, Payouts
from anyday.market.report import Report
from anyday.market.tote import Tote
from anyday.points import MAX_UNITS, split
from anyday.refusals import Refusal
from tests.market.books import market_of
from tests.market.flat import hourly, start_of

COUNT = 12
PLAYERS = ("ann", "bob", "cid", "dee")
Outcome = tuple[int, int] | None
#: Never, and every window of the question.
OUTCOMES: list[Outcome] = [None, *combinations(range(COUNT + 1), 2)]

Played = Mechanism[Any, Any, Any]


def as_quoted(asked: Any, quoted: Any) -> Any:
    """What has no price applies what it quoted."""
    return quoted


def as_filled(asked: Order, quoted: Any) -> Fill:
    return Fill(asked.player, quoted.claim, quoted.shares, quoted.charge, quoted.released)


@dataclass(frozen=True)
class Driver:
    """How the suite plays a mechanism. ``put_up`` gives the units that something done brings into the escrow; ``beside`` what
    the house keeps or gets back, of a mechanism and an outcome; ``returned`` whether every stake goes back then."""

    name: str
    build: Callable[[], Played]
    asked: st.SearchStrategy[list[Any]]
    beside: Callable[[Any, Outcome], int]
    returned: Callable[[Any, Outcome], bool]
    put_up: Callable[[Any], int] = lambda done: int(done.stake)
    to_apply: Callable[[Any, Any], Any] = as_quoted

    def do(self, played: Played, asked: Any) -> Any | None:
        """Ask, and do what was quoted; None if it was refused."""
        quoted = played.quote(asked)
        if isinstance(quoted, Refusal):
            return None
        done = self.to_apply(asked, quoted)
        played.apply(done)
        return done

    def play(self, asked: list[Any]) -> Round:
        """A round from the beginning, checked after every step."""
        played = self.build()
        was = Round(played, played.escrow)
        for each in asked:
            done = self.do(played, each)
            played.check()
            if done is not None:
                was.done.append(done)
                was.flows[done.player] += self.put_up(done)
        return was


@dataclass
class Round:
    """A mechanism played, what it began with, what was done, and what each player brought in (less what came back)."""

    played: Played
    began: int
    done: list[Any] = field(default_factory=list)
    flows: Counter[str] = field(default_factory=Counter)


def ended(played: Played) -> dict[Outcome, Payouts]:
    """The payouts of every outcome."""
    return {outcome: played.payouts(outcome) for outcome in OUTCOMES}


def seen(played: Played) -> tuple[Any, ...]:
    """All that can be read off a mechanism."""
    return played.escrow, played.players, played.curve(), ended(played)


# ---- the laws ------------------------------------------------------------------------------------------------------------


def every_unit_is_accounted_for(driver: Driver, asked: list[Any], chance: Random) -> None:
    was = driver.play(asked)
    assert was.played.escrow == was.began + sum(was.flows.values())
    for outcome, paid in ended(was.played).items():
        assert all(type(units) is int and units > 0 for units in paid.values()), outcome
        assert set(paid) <= set(was.played.players) == set(was.flows), outcome
        kept = driver.beside(was.played, outcome)
        assert type(kept) is int and kept >= 0
        assert was.played.escrow == sum(paid.values()) + kept, outcome


def what_goes_back_is_what_was_put_in(driver: Driver, asked: list[Any], chance: Random) -> None:
    was = driver.play(asked)
    for outcome, paid in ended(was.played).items():
        if driver.returned(was.played, outcome):
            assert paid == {player: units for player, units in was.flows.items() if units}, outcome
            assert driver.beside(was.played, outcome) == was.began


def order_decides_nothing_but_ties(driver: Driver, asked: list[Any], chance: Random) -> None:
    """The times of entries decide ties, so entries with their times may be applied in any order that keeps each player's own."""
    was = driver.play(asked)
    again = driver.build()
    waiting: dict[str, list[Any]] = {}
    for done in was.done:
        waiting.setdefault(done.player, []).append(done)
    turns = [done.player for done in was.done]
    chance.shuffle(turns)
    released: Counter[str] = Counter()
    for player in turns:
        done = waiting[player].pop(0)
        if driver.to_apply is as_filled:  # the floor that comes free, and when, follows the order; what comes in the end does not
            done = driver.do(again, Order(player, done.claim, shares=done.shares))
            released[player] += done.released
        else:
            again.apply(done)
    again.check()
    before: Counter[str] = Counter()
    for done in was.done:
        before[done.player] += getattr(done, "released", 0)
    for outcome in OUTCOMES[:1] + [(k, k + 1) for k in range(COUNT)]:
        assert Counter(again.payouts(outcome)) + released == Counter(was.played.payouts(outcome)) + before, outcome
    if driver.to_apply is as_quoted:
        assert ended(again) == ended(was.played)


def a_voided_suffix_was_never_taken(driver: Driver, asked: list[Any], chance: Random) -> None:
    prefix = asked[: chance.randint(0, len(asked))]
    kept = driver.play(prefix).played
    stood = seen(kept)
    whole = copy.deepcopy(kept)
    for each in asked[len(prefix) :]:
        driver.do(whole, each)
    assert seen(kept) == stood, "what came after touches nothing of what stands"
    assert seen(driver.play(prefix).played) == stood, "and the prefix folds to it again"


def a_replay_is_equal(driver: Driver, asked: list[Any], chance: Random) -> None:
    was = driver.play(asked)
    again = driver.build()
    for done in was.done:
        again.apply(done)
    again.check()
    assert seen(again) == seen(was.played)


def a_quote_changes_nothing(driver: Driver, asked: list[Any], chance: Random) -> None:
    played = driver.play(asked[: len(asked) // 2]).played
    stood = seen(played)
    for each in asked[len(asked) // 2 :]:
        assert played.quote(each) == played.quote(each)
    assert seen(played) == stood


def time_moves_nothing(driver: Driver, asked: list[Any], chance: Random) -> None:
    played = driver.play(asked).played
    escrow, players, before = played.escrow, played.players, ended(played)
    for grain in sorted(chance.sample(range(COUNT), 3)):
        played.advance(Instant(start_of(grain) - 1))
        played.check()
        assert (played.escrow, played.players) == (escrow, players)
        left = {outcome: paid for outcome, paid in before.items() if outcome is None or outcome[0] >= grain}
        assert {outcome: played.payouts(outcome) for outcome in left} == left


LAWS = (
    every_unit_is_accounted_for,
    what_goes_back_is_what_was_put_in,
    order_decides_nothing_but_ties,
    a_voided_suffix_was_never_taken,
    a_replay_is_equal,
    a_quote_changes_nothing,
    time_moves_nothing,
)

# ---- the mechanisms ------------------------------------------------------------------------------------------------------

EDGES = (0, 1, 5, 6, 12)
#: Small stakes make ties and remainders, large ones pass what a double holds.
STAKES = st.one_of(st.integers(0, 7), st.sampled_from((10**6, 10**15 + 1, MAX_UNITS // 3, MAX_UNITS)))
SLOTS = st.sampled_from([Claim(a, b, False) for a, b in pairwise(EDGES)] + [Claim(0, COUNT, True), Claim(0, 2, False)])
GRAINS = st.sampled_from([Claim(k, k + 1, False) for k in range(COUNT)] + [Claim(0, COUNT, True), Claim(3, 4, True)])
CLAIMS = st.tuples(st.integers(0, COUNT - 1), st.integers(1, COUNT), st.booleans()).map(lambda c: Claim(min(c[:2]), max(c[0] + 1, c[1]), c[2]))


def entries(claims: st.SearchStrategy[Claim], together: int) -> st.SearchStrategy[list[Entry]]:
    """Entries in the order of their times, ``together`` of them at each instant; the last may come too late."""
    drawn = st.lists(st.tuples(st.sampled_from(PLAYERS), claims, STAKES), max_size=14)
    return drawn.map(lambda found: [Entry(who, Instant(2 * (n // together) - 24), claim, stake) for n, (who, claim, stake) in enumerate(found)])


def statements() -> st.SearchStrategy[list[Stated]]:
    """Curves in the order of their times, an hour apart, the first ones before the origin."""
    weights = st.lists(st.integers(0, 9), min_size=len(EDGES), max_size=len(EDGES)).filter(any)
    drawn = st.lists(st.tuples(st.sampled_from(PLAYERS), weights, STAKES), max_size=12)

    def stated(n: int, who: str, weights: list[int], stake: int) -> Stated:
        *masses, never = split(1_000_000, weights)
        report = Report(tuple((a, b, mass) for (a, b), mass in zip(pairwise(EDGES), masses, strict=True)), never)
        return Stated(who, Instant(start_of(max(0, n - 6)) - 60 + n), report, stake if n < 6 else 0)

    return drawn.map(lambda found: [stated(n, *each) for n, each in enumerate(found)])


ORDERS = st.lists(st.builds(Order, st.sampled_from(PLAYERS), CLAIMS, shares=st.integers(1, 10**9)), max_size=10)


def a_tote(takeout: int, kind: type[Tote] = Tote) -> Callable[[], Tote]:
    return lambda: kind(hourly(COUNT), EDGES, takeout)


def a_guess(variant: Variant, places: tuple[int, ...], stake: int, many: bool, kind: type[Closest] = Closest) -> Callable[[], Closest]:
    return lambda: kind(hourly(COUNT), variant, places, stake, many)


def nobody_wins_or_all_do(played: Tote, outcome: Outcome) -> bool:
    first, last = outcome or (COUNT, COUNT + 1)
    slots = list(zip(EDGES, (*EDGES[1:], COUNT + 1), strict=True))
    won = [stake for (a, b), stake in zip(slots, played.stakes(), strict=True) if a < last and first < b and stake]
    return not won or won == [played.escrow]


def nobody_can_win(played: Closest, outcome: Outcome) -> bool:
    if outcome is None:
        return not any(guess.claim.complement for guess in played.guesses)
    least, most = {Variant.NEAREST: (0, COUNT), Variant.NOT_PAST: (0, outcome[1]), Variant.EXACT: outcome}[played.variant]
    return not any(not guess.claim.complement and least <= guess.claim.first < most for guess in played.guesses)


def the_rest(played: Market, outcome: Outcome) -> int:
    return played.escrow - sum(played.payouts(outcome).values())


def closest_driver(name: str, *terms: Any) -> Driver:
    return Driver(name, a_guess(*terms), entries(GRAINS, 3), Closest.house, nobody_can_win)


PRIZES = (50, 30, 20)
DRIVERS = (
    Driver(
        "market",
        lambda: market_of(COUNT),
        ORDERS,
        the_rest,
        lambda played, _: not played.players,
        lambda done: int(done.charge - done.released),
        as_filled,
    ),
    Driver("tote", a_tote(0), entries(SLOTS, 1), Tote.house, nobody_wins_or_all_do),
    Driver("tote with a take-out", a_tote(175_001), entries(SLOTS, 1), Tote.house, nobody_wins_or_all_do),
    closest_driver("closest", Variant.NEAREST, (100,), 1, False),
    closest_driver("closest, three places", Variant.NEAREST, PRIZES, 10**15 + 1, True),
    closest_driver("closest, not past", Variant.NOT_PAST, PRIZES, 7, False),
    closest_driver("closest, exact", Variant.EXACT, PRIZES, 5, True),
    Driver("forecast", lambda: Forecasts(hourly(COUNT)), statements(), Forecasts.house, lambda played, _: len(played.players) <= 1),
)
NAMED = {driver.name: driver for driver in DRIVERS}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_law_holds(driver: Driver, law: Callable[[Driver, list[Any], Random], None], data: st.DataObject) -> None:
    law(driver, data.draw(driver.asked), Random(data.draw(st.integers(0, 2**32))))


def test_every_mechanism_is_under_the_laws() -> None:
    driven = {type(driver.build()) for driver in DRIVERS}
    assert {name for name, kind in MECHANISMS.items() if kind not in driven} == set()


# ---- the controls --------------------------------------------------------------------------------------------------------


class LosesAUnit(Tote):
    def payouts(self, outcome: Outcome) -> Payouts:
        paid = super().payouts(outcome)
        if len(paid) > 1:
            paid[max(paid)] -= 1
        return {player: units for player, units in paid.items() if units}


class TakesFromRefunds(Tote):
    def payouts(self, outcome: Outcome) -> Payouts:
        paid = super().payouts(outcome)
        if nobody_wins_or_all_do(self, outcome) and paid:
            paid = {player: units - units // 5 for player, units in paid.items()}
        return paid


class ForgetsTimes(Tote):
    def apply(self, entry: Entry) -> None:
        super().apply(replace(entry, at=Instant(-1)))


class SharesItsState(Tote):
    pool: tuple[list[dict[str, Any]], list[int], list[Entry]] | None = None

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        kind = type(self)
        kind.pool = kind.pool or (self._backers, self._stakes, self.entries)

    def payouts(self, outcome: Outcome) -> Payouts:
        pool = type(self).pool
        if pool is not None and pool[2] is not self.entries:
            return {player: units + 1 for player, units in super().payouts(outcome).items()}
        return super().payouts(outcome)


class CountsQuotes(Closest):
    asked = 0

    def quote(self, entry: Entry) -> Entry | Refusal:
        self.asked += 1
        return super().quote(entry)

    def payouts(self, outcome: Outcome) -> Payouts:
        paid = super().payouts(outcome)
        return dict(sorted(paid.items())[: max(1, 5 - self.asked)])


class StakesWhenAsked(Tote):
    def quote(self, entry: Entry) -> Entry | Refusal:
        quoted = super().quote(entry)
        if not isinstance(quoted, Refusal):
            self.escrow += 1
        return quoted

    def apply(self, entry: Entry) -> None:
        self.escrow -= 1
        super().apply(entry)


class MeltsAway(Closest):
    def advance(self, now: Instant) -> None:
        if self._standing:
            self._standing.pop(max(self._standing))
            self.escrow = self.stake * sum(map(len, self._standing.values()))


def at(n: int, player: str, claim: Claim, stake: int = 1) -> Entry:
    return Entry(player, Instant(n - 100), claim, stake)


BACKED = [at(0, "ann", Claim(0, 1, False)), at(1, "bob", Claim(0, 1, False)), at(2, "cid", Claim(0, 1, False)), at(3, "dee", Claim(1, 5, False), 2)]
GUESSED = [at(n, player, Claim(grain, grain + 1, False)) for n, (player, grain) in enumerate(zip(PLAYERS, (3, 3, 4, 9), strict=True))]


@pytest.mark.parametrize(
    ("law", "name", "build", "asked"),
    [
        (every_unit_is_accounted_for, "tote", a_tote(0, LosesAUnit), BACKED),
        (what_goes_back_is_what_was_put_in, "tote", a_tote(0, TakesFromRefunds), [replace(each, stake=10) for each in BACKED]),
        (order_decides_nothing_but_ties, "tote", a_tote(0, ForgetsTimes), BACKED),
        (a_voided_suffix_was_never_taken, "tote", a_tote(0, SharesItsState), BACKED),
        (a_replay_is_equal, "closest", a_guess(Variant.NEAREST, PRIZES, 1, False, CountsQuotes), GUESSED),
        (a_quote_changes_nothing, "tote", a_tote(0, StakesWhenAsked), BACKED),
        (time_moves_nothing, "closest", a_guess(Variant.NEAREST, PRIZES, 1, False, MeltsAway), GUESSED),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_control_the_law_catches_a_broken_mechanism(law: Callable[..., None], name: str, build: Callable[[], Played], asked: list[Any]) -> None:
    """The sound mechanism passes on the same entries, with whatever order of the sixteen tried; the broken one does not."""
    broken = replace(NAMED[name], build=build)
    caught = 0
    for seed in range(16):
        law(NAMED[name], asked, Random(seed))
        try:
            law(broken, asked, Random(seed))
        except AssertionError:
            caught += 1
    assert caught >= 1


def floors(total: int, weights: list[int]) -> list[int]:
    """A splitter that loses what rounding leaves."""
    return [total * weight // sum(weights) for weight in weights]


def ceilings(total: int, weights: list[int]) -> list[int]:
    """A splitter that makes what rounding lacks."""
    return [-(-total * weight // sum(weights)) for weight in weights]


@pytest.mark.parametrize("splitter", [floors, ceilings])
@pytest.mark.parametrize(("module", "name", "asked"), [(tote, "tote", BACKED), (closest, "closest", [*GUESSED, at(9, "eve", Claim(3, 4, False))])])
def test_control_a_broken_splitter_is_caught(
    splitter: Callable[..., list[int]], module: Any, name: str, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    every_unit_is_accounted_for(NAMED[name], asked, Random(0))
    monkeypatch.setattr(module, "split", splitter)
    with pytest.raises(AssertionError):
        every_unit_is_accounted_for(NAMED[name], asked, Random(0))


def test_control_ties_left_to_the_order_of_application_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [at(n, player, Claim(3, 4, False)) for n, player in enumerate(("ann", "bob", "cid"))] + [at(9, "dee", Claim(9, 10, False))]
    for seed in range(8):
        order_decides_nothing_but_ties(NAMED["closest"], asked, Random(seed))
    monkeypatch.setattr(closest, "_earlier", lambda guess: 0)
    caught = 0
    for seed in range(8):
        try:
            order_decides_nothing_but_ties(NAMED["closest"], asked, Random(seed))
        except AssertionError:
            caught += 1
    assert caught >= 1
