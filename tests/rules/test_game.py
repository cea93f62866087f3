"""A random game of the rules, step by step: whatever is asked in whatever order, points are neither made nor lost."""

from __future__ import annotations

import random
from collections import Counter
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from anyday.instants import DAY, HOUR, Instant
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.ledger import MARKET
from anyday.rules.question import Life
from tests.rules.table import POINT, ask, at, day, new_table

DAYS = 10
PLACES = st.integers(0, 2)
PARTS = st.tuples(st.integers(0, 6), st.integers(0, 4))
AMOUNTS = st.one_of(st.integers(1, 10), st.integers(1, 300 * POINT))
HOURS = st.sampled_from([0, 1, 12, 24, 31, 50, 80])
KINDS = st.sampled_from(["minute", "day", "days", "never"])
PLAYERS = st.sampled_from(["alice", "bob", "carol"])
HOSTS = st.sampled_from(["olga", "carol"])


PLAYS = st.tuples(*[st.booleans()] * 4).filter(any)
SHAPES = st.sampled_from(["between", "between", "not between", "before", "not before", "after", "never", "not never"])
RARELY = st.integers(0, 7).map(lambda number: number == 0)


def window_of(shape: str, first: int, last: int) -> str:
    """A typed window from the numbers of its days."""
    between = f"{day(first)}..{day(last)}"
    return {"between": between, "not between": f"not {between}"}.get(shape, shape if shape.endswith("never") else f"{shape} {day(first)}")


class Game(RuleBasedStateMachine):
    """Drives decide, evolve, postings and purses; refusals are as welcome as events."""

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.table = new_table(grant=80 * POINT)

    def holders(self, place: int, *, floors: bool) -> tuple[str, str] | None:
        """Somebody who holds something (or could collect) on an open question."""
        found = []
        for name in self.table.live:
            question = self.table.questions[name]
            if MARKET not in question.mechanisms:
                continue
            market = question.market
            question.advance(self.table.now)
            found += [(who, name) for who in market.players if (market.collectable(who) > 0 if floors else market.position(who).steps)]
        return found[place % len(found)] if found else None

    def do(self, who: str, command: c.Command) -> tuple[e.Event, ...] | Refusal:
        decided = self.table.do(who, command)
        if isinstance(decided, Refusal):
            self.seen[decided.reason.code] += 1
        else:
            self.seen.update(e.kind(event) for event in decided)
            for posted in (event.posted for event in decided if isinstance(event, e.Settled | e.Voided | e.Corrected)):
                self.seen.update(f"paid by the {book.mechanism}" for book in posted.books if any(line.paid for line in book.lines))
                self.seen["a debt"] += any(debt.owed > 0 for debt in posted.debts)
        return decided

    @property
    def today(self) -> int:
        return (self.table.now - at(0)) // DAY

    def pick(self, place: int) -> str:
        names = self.running or self.table.live or list(self.table.questions)
        return names[place % len(names)]

    def days(self, question: str) -> tuple[int, int]:
        """The first and the last day of a question."""
        horizon = self.table.questions[question].horizon
        return (horizon.origin - at(0)) // DAY, (horizon.end - at(0)) // DAY - 1

    def window(self, question: str, shape: str, part: tuple[int, int]) -> str:
        first, last = self.days(question)
        low = min(last, max(first, self.today) + part[0])
        return window_of(shape, low, min(last, low + part[1]))

    @initialize(host=HOSTS)
    def begin(self, host: str) -> None:
        ask(self.table, DAYS, 50 * POINT, host, first=2)

    @property
    def running(self) -> list[str]:
        return [name for name in self.table.live if self.table.now < self.table.questions[name].horizon.end]

    @precondition(lambda self: len(self.running) < 2 and len(self.table.questions) < 10)
    @rule(host=HOSTS, subsidy=st.integers(10 * POINT, 60 * POINT), plays=PLAYS, ahead=st.integers(1, 3))
    def open_another(self, host: str, subsidy: int, plays: tuple[bool, bool, bool, bool], ahead: int) -> None:
        self.table.purse(host).age(Instant(self.table.now - self.table.lag))
        market, tote, closest, forecast = plays
        variant, prize = ("nearest", "not_past", "exact")[subsidy % 3], "three" if subsidy % 2 else "winner"
        guesses = c.ClosestTerms(7 * POINT + 1, variant, prize, subsidy % 5 < 2)
        if host == "olga" or self.table.purse(host).spendable() > subsidy or not market:
            ask(
                self.table, DAYS, subsidy if market else 0, host, first=self.today + 1 + ahead, lead=HOUR, market=market, forecast=forecast,
                tote=c.ToteTerms(tuple(day(self.today + 1 + ahead + place) for place in (3, 6)), 50_000) if tote else None,
                closest=guesses if closest else None,
            )  # fmt: skip

    @rule(who=PLAYERS, place=PLACES, slot=st.integers(0, 3), amount=AMOUNTS)
    def stake(self, who: str, place: int, slot: int, amount: int) -> None:
        question = self.playing("tote", place)
        first, last = self.days(question)
        windows = [(first, first + 2), (first + 3, first + 5), (first + 6, last)]
        self.do(who, c.Stake(question, "never" if slot == 3 else window_of("between", *windows[slot]), amount))

    @rule(who=PLAYERS, place=PLACES, grain=st.integers(-1, 11))
    def guess(self, who: str, place: int, grain: int) -> None:
        question, before = self.playing("closest", place), self.visible()
        self.do(who, c.Guess(question, "never" if grain == 11 else day(self.days(question)[0] + grain)))
        assert self.visible() == before, "a guess changes nothing that others see"

    @rule(who=PLAYERS, place=PLACES, half=st.integers(0, 8), never=st.integers(0, 400_000), stake=st.none() | AMOUNTS)
    def forecast(self, who: str, place: int, half: int, never: int, stake: int | None) -> None:
        question, before = self.playing("forecast", place), self.visible()
        curve = c.CurveQuantiles(((day(self.days(question)[0] + half), (1_000_000 - never) // 2),), never)
        self.do(who, c.Forecast(question, curve, stake))
        assert self.visible() == before, "a forecast changes nothing that others see"

    def visible(self) -> list[tuple[object, ...]]:
        """What everybody may see of the questions: nothing of it may tell of a sealed entry."""
        return [(q.version, q.last_at, q.life, q.bets, set(q.stakeholders), len(q.notes), q.barred) for q in self.table.questions.values()]

    @rule(who=PLAYERS, place=PLACES, hours=HOURS)
    def note(self, who: str, place: int, hours: int) -> None:
        when = f"{day(max(0, self.today - 1))} {hours % 24:02}:15"
        self.do(who, c.Note(self.pick(place), "near_miss", "It nearly did.", when, "I was there."))

    def playing(self, mechanism: str, place: int) -> str:
        """A question that is played so, if there is one."""
        names = [name for name in self.table.live if mechanism in self.table.questions[name].mechanisms] or [self.pick(place)]
        return names[place % len(names)]

    @rule(who=PLAYERS, place=PLACES, shape=SHAPES, part=PARTS, shares=AMOUNTS, hours=HOURS)
    def buy(self, who: str, place: int, shape: str, part: tuple[int, int], shares: int, hours: int) -> None:
        self.pass_time(hours)
        question = self.playing("market", place)
        self.do(who, c.Bet(question, self.window(question, shape, part), shares=shares))

    @rule(who=PLAYERS, place=PLACES, shape=SHAPES, part=PARTS, spend=AMOUNTS)
    def spend(self, who: str, place: int, shape: str, part: tuple[int, int], spend: int) -> None:
        question, before = self.playing("market", place), self.table.accounts[f"player/{who}"]
        decided = self.do(who, c.Bet(question, self.window(question, shape, part), spend=spend))
        assert isinstance(decided, Refusal) or self.table.accounts[f"player/{who}"] >= before - spend, "nobody spends more than they said"

    @rule(who=PLAYERS, place=PLACES, shape=SHAPES, part=PARTS)
    def spend_everything(self, who: str, place: int, shape: str, part: tuple[int, int]) -> None:
        question, purse = self.playing("market", place), self.table.purse(who)
        purse.age(Instant(self.table.now - self.table.lag))
        spendable = purse.spendable(question)
        window = self.window(question, shape, part)
        if spendable > 0:
            self.do(who, c.Bet(question, window, spend=spendable))
        self.do(who, c.Bet(question, window, spend=max(1, purse.spendable(question) + 1)))

    @rule(who=PLAYERS, place=PLACES, shape=SHAPES, part=PARTS, chance=st.integers(1, 999_999), hours=HOURS)
    def move(self, who: str, place: int, shape: str, part: tuple[int, int], chance: int, hours: int) -> None:
        self.pass_time(hours)
        question = self.playing("market", place)
        self.do(who, c.Bet(question, self.window(question, shape, part), target=chance))

    @rule(who=PLAYERS, place=PLACES, step=st.integers(0, 5), shares=st.none() | AMOUNTS)
    def sell(self, who: str, place: int, step: int, shares: int | None) -> None:
        """A step of what is held, or never."""
        who, name = self.holders(place, floors=False) or (who, self.pick(place))
        before = self.table.accounts[f"player/{who}"]
        question = self.table.questions[name]
        question.advance(self.table.now)
        steps = question.market.position(who).steps if question.life is Life.OPEN and MARKET in question.mechanisms else ()
        window, origin = "never", self.days(name)[0]
        if steps:
            first, last, _ = steps[step % len(steps)]
            window = window_of("between", origin + first, origin + last - 1)
        decided = self.do(who, c.Sell(name, window, shares))
        assert isinstance(decided, Refusal) or self.table.accounts[f"player/{who}"] >= before, "a sale never costs"

    @rule(who=PLAYERS, place=PLACES)
    def collect(self, who: str, place: int) -> None:
        who, name = self.holders(place, floors=True) or (who, self.pick(place))
        self.do(who, c.Collect(name))

    @rule(hours=HOURS)
    def pass_time(self, hours: int) -> None:
        if self.today < 280:
            self.table.now = Instant(self.table.now + hours * HOUR)

    @rule(place=PLACES, really=RARELY)
    def close(self, place: int, really: bool) -> None:
        if really:
            self.do("rita", c.Close(self.pick(place)))

    def outcome(self, question: str, shape: str, part: tuple[int, int], back: int) -> str:
        """Mostly something that has happened by now."""
        first, last = self.days(question)
        low = max(first - 1, min(last + 1, self.today - 1) - back)
        high = min(max(low, self.today - 1), low + part[1])
        return {"minute": f"{day(low)} {part[0]:02}:30", "day": day(low), "days": f"{day(low)}..{day(high)}"}.get(shape, shape)

    @rule(place=PLACES, shape=KINDS, part=PARTS, back=st.integers(0, 8), really=RARELY)
    def settle(self, place: int, shape: str, part: tuple[int, int], back: int, really: bool) -> None:
        question = (self.table.live or [self.pick(place)])[0]
        if really or self.today > self.days(question)[0] + 3:
            self.do("rita", c.Rule(question, self.outcome(question, shape, part, back), "seen"))

    @rule(place=PLACES, who=st.sampled_from(["olga", "rita", "carol"]), really=RARELY)
    def void(self, place: int, who: str, really: bool) -> None:
        if really:
            self.do(who, c.Void(self.pick(place), "a mistake"))

    @rule(place=PLACES, shape=KINDS, part=PARTS, back=st.integers(0, 8))
    def correct(self, place: int, shape: str, part: tuple[int, int], back: int) -> None:
        names = [name for name, question in self.table.questions.items() if question.ruled is not None] or [self.pick(place)]
        question = names[place % len(names)]
        self.do("rita", c.Correct(question, self.outcome(question, shape, part, back), "seen", "a slip"))

    @rule(who=PLAYERS, amount=st.integers(1, 50 * POINT))
    def grant(self, who: str, amount: int) -> None:
        self.table.must("olga", c.Grant(who, amount, "a present"))

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        self.table.check()

    def teardown(self) -> None:
        self.table.check_replay()
        for name in self.table.live:  # whatever happened, each question can be brought to an end
            decided = self.table.do("rita", c.Void(name, "the game is over"))
            assert not isinstance(decided, Refusal), decided
            self.table.check()


def test_points_are_neither_made_nor_lost_whatever_is_asked_in_whatever_order() -> None:
    run_state_machine_as_test(Game, settings=settings(max_examples=200, stateful_step_count=50, deadline=None, derandomize=True))


def step(game: Game, chance: random.Random) -> None:
    """One thing that somebody does: bets above all."""
    who, place, size = chance.choice(["alice", "bob", "carol"]), chance.randrange(3), chance.randrange(1, 60 * POINT)
    shape = chance.choice(["between", "between", "not between", "before", "not before", "after", "never", "not never"])
    kind, part, seldom = chance.choice(["minute", "day", "days"]), (chance.randrange(7), chance.randrange(5)), chance.randrange(8) == 0
    if len(game.running) < 2 and len(game.table.questions) < 10:
        plays = chance.choice([(True, False, False, False), (True, True, True, True), (False, True, True, True), (True, False, True, True)])
        game.open_another(chance.choice(["olga", "carol"]), chance.randrange(10 * POINT, 60 * POINT), plays, chance.randrange(1, 4))
    match chance.randrange(25):
        case 0 | 1 | 2:
            game.buy(who, place, shape, part, size, 0)
        case 3 | 4:
            game.spend(who, place, shape, part, size)
        case 5 | 6:
            game.spend_everything(who, place, shape, part)
        case 7:
            game.move(who, place, shape, part, chance.randrange(1, 10**6), 0)
        case 8:
            game.sell(who, place, chance.randrange(6), None if seldom else size)
        case 9:
            game.collect(who, place)
        case 10 | 11 | 21 | 22:
            game.pass_time(chance.choice([1, 5, 12, 24, 31]))
        case 12:
            game.close(place, seldom)
        case 13 | 23:
            game.settle(place, kind, part, chance.randrange(9), False)
        case 14:
            game.correct(place, kind, part, chance.randrange(9))
        case 15 | 16:
            game.guess(who, place, chance.randrange(-1, 12))
        case 17:
            game.stake(who, place, chance.randrange(4), size)
        case 18:
            game.forecast(who, place, chance.randrange(9), chance.randrange(400_000), None if seldom else size)
        case 19:
            game.note(who, place, chance.randrange(24))
        case 24:
            game.forecast(who, place, chance.randrange(9), chance.randrange(400_000), None if seldom else size)
        case _:
            game.void(place, chance.choice(["olga", "rita"]), seldom)


def test_random_games_reach_everything_that_can_happen_and_keep_every_point(chance: random.Random) -> None:
    Game.seen.clear()
    for _ in range(250):
        game = Game()
        game.begin(chance.choice(["olga", "carol"]))
        for _ in range(120):
            step(game, chance)
            game.nothing_is_made_or_lost()
        game.teardown()
    print(Game.seen)
    wanted = {
        "bet_placed", "collected", "closed", "ruled", "settled", "voided", "corrected", "a debt", "not_enough", "owes", "has_started",
        "staked", "guessed", "forecast_stated", "unsealed", "noted", "scored", "entries_closed", "not_played", "stake_stays",
        "paid by the market", "paid by the tote", "paid by the closest", "paid by the forecast",
    }  # fmt: skip
    assert all(Game.seen[kind] >= 5 for kind in wanted), "a game that reaches little says little"


def test_the_game_reaches_what_it_is_about() -> None:
    """A control of the game itself: its windows and outcomes are mostly ones that the rules can take."""
    table = new_table()
    question = ask(table, DAYS, 50 * POINT)
    for shape in ("between", "not between", "before", "not before", "after", "never", "not never"):
        window = window_of(shape, 4, 6)
        assert not isinstance(table.do("alice", c.Bet(question, window, spend=POINT)), Refusal), window
    table.now = Instant(table.now + 9 * DAY)
    refused = table.do("rita", c.Rule(question, "never", "seen"))
    assert isinstance(refused, Refusal) and refused.reason is Reason.NEVER_TOO_EARLY
    for outcome in (f"{day(2)} 05:07", day(3), f"{day(0)}..{day(2)}"):
        other = new_table()
        name = ask(other, DAYS, 50 * POINT)
        other.must("alice", c.Bet(name, day(3), spend=POINT))
        other.now = table.now
        other.must("rita", c.Rule(name, outcome, "seen"))
        other.check()
