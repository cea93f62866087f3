"""The cut: what stands is a prefix, what falls comes back to the unit, and nobody gains by reading the news first.

Each law has its control: the same question settled by a rule that looks as good and is not, which must be caught.
"""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from anyday.instants import DAY, HOUR, Instant
from anyday.market.horizon import Claim
from anyday.market.mechanism import Fill, Order, Quote
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.question import Life, Question, standing
from tests.market.flat import potential
from tests.rules.table import POINT, Table, ask, at, day, holding_from, new_table

DAYS = 10


def random_command(chance: random.Random, questions: list[str], today: int) -> tuple[str, c.Command]:
    """A bet, a sale or a collection by somebody."""
    who, question = chance.choice(["alice", "bob", "carol"]), chance.choice(questions)
    first = chance.randrange(max(1, today + 1), DAYS + 1) if today < DAYS else DAYS
    last = min(DAYS, first + chance.randrange(3))
    between = f"{day(first)}..{day(last)}"
    window = chance.choice([between, f"not {between}", f"after {day(first)}", "never", f"not before {day(first)}"])
    kind = chance.random()
    if kind < 0.15:
        return who, c.Collect(question)
    if kind < 0.35:
        return who, c.Sell(question, window)
    if kind < 0.5:
        return who, c.Bet(question, window, target=chance.randrange(10_000, 990_000))
    return who, c.Bet(question, window, spend=chance.randrange(1, 40 * POINT))


def played(seed: int, until: float = 9.0, lead: int = 0) -> tuple[Table, list[str]]:
    """A game on two questions, up to a day; the same for the same seed."""
    chance = random.Random(seed)
    table = new_table(grant=100 * POINT, lag=20 * DAY)
    questions = [ask(table, DAYS, 50 * POINT, lead=lead), ask(table, DAYS, 50 * POINT, "carol", lead=lead)]
    for _ in range(40):
        now = Instant(table.now + chance.choice([0, 1, HOUR, 7 * HOUR, 13 * HOUR]))
        who, command = random_command(chance, questions, (now - at(0)) // DAY)
        if now >= at(until):
            break
        table.now = now
        table.do(who, command)
        table.check()
    return table, questions


def money(table: Table) -> dict[str, int]:
    return {player: purse.balance for player, purse in table.purses.items()}


@pytest.mark.parametrize("lead", [0, 5 * HOUR])
def test_replaying_the_prefix_gives_what_voiding_the_suffix_gives(lead: int, chance: random.Random) -> None:
    """Property 6: the world in which only the commands before the cut were sent, and the world in which a ruling voids the
    rest: the same positions and the same payouts, to the unit; and nobody is left below zero."""
    fell = 0
    for _ in range(40):
        seed, cut_day = chance.randrange(10**9), chance.randrange(1, DAYS)
        print(f"seed {seed}, day {cut_day}")
        whole, (question, other) = played(seed, lead=lead)
        cut = Instant(at(cut_day) - lead)
        short, _ = played(seed, until=(cut - at(0)) / DAY, lead=lead)  # the very same commands, up to the cut
        kept = standing(question, whole.history(question), cut)
        for player in kept.flows["market"]:
            assert holding_from(kept, player, cut_day) == holding_from(short.questions[question], player, cut_day)
        whole.now = short.now = Instant(at(12))
        before = money(short)
        for table in (whole, short):
            table.must("rita", c.Rule(question, f"{day(cut_day)} 06:30", "seen"))
            table.check()
        voided = whole.questions[question].ruled
        fell += voided is not None and voided.voided
        # the other question's flows after the cut are the whole world's own: take them out before comparing
        flows, flows_short = whole.questions[other].flows["market"], short.questions[other].flows["market"]
        for player in ("alice", "bob", "carol", "olga"):
            mine = whole.purses[player].balance - flows.get(player, 0)
            assert mine == short.purses[player].balance - flows_short.get(player, 0), f"{player} {before}"
    assert fell > 50, "something fell"


def test_a_cut_of_every_question_at_any_place_leaves_nobody_below_zero(chance: random.Random) -> None:
    for _ in range(40):
        table, questions = played(chance.randrange(10**9))
        table.now = Instant(at(12))
        for question in chance.sample(questions, 2):
            if chance.random() < 0.2:
                table.must("rita", c.Void(question, "a mistake"))
            else:
                table.must("rita", c.Rule(question, day(chance.randrange(1, DAYS)), "seen"))
            assert not table.late
            table.check()


def test_a_bet_one_microsecond_before_the_cut_stands_and_at_the_cut_falls() -> None:
    for offset, stands in ((-1, True), (0, False), (1, False)):
        table = new_table()
        question = ask(table, DAYS)
        table.now = Instant(at(5) + offset)
        table.must("alice", c.Bet(question, f"{day(7)}..{day(8)}", spend=10 * POINT))
        table.now = at(6)
        table.must("rita", c.Rule(question, f"{day(5)} 23:59", "seen"))
        assert table.accounts["player/alice"] == (990 if stands else 1_000) * POINT
        ruled = table.questions[question].ruled
        assert ruled is not None and ruled.voided == (not stands) and ruled.cut == at(5)


def test_a_window_pays_the_floor_of_the_exact_mean_of_the_opening_curve(chance: random.Random) -> None:
    """Property 9, in exact rationals, with an opening curve that is not flat; and all of it together is no more than the
    floor of the shares' own mean."""
    rounded = 0
    for _ in range(30):
        table = new_table()
        opening = c.OpeningQuantiles(((day(3), chance.randrange(100_000, 400_000)), (day(7), chance.randrange(500_000, 800_000))), 100_000)
        question = ask(table, DAYS, 50 * POINT, opening=opening)
        for _ in range(12):
            table.do(*random_command(chance, [question], 0))
        first = chance.randrange(1, DAYS - 1)
        last = chance.randrange(first + 1, DAYS)
        state = table.questions[question]
        weights = [state.market.opening.weight(grain, grain + 1) for grain in range(first - 1, last)]
        table.now = at(12)
        events = table.must("rita", c.Rule(question, f"{day(first)}..{day(last)}", "seen"))
        kept = standing(question, table.history(question), at(first))
        due = {}
        for player in kept.flows["market"]:
            held = holding_from(kept, player, 0)[first - 1 : last]
            due[player] = sum((Fraction(w * q) for w, q in zip(weights, held, strict=True)), Fraction(0)) / sum(weights)
        settled = next(event for event in events if isinstance(event, e.Settled))
        (book,) = settled.posted.books
        assert {line.player: line.paid for line in book.lines if line.player in due} == {player: int(mean) for player, mean in due.items()}
        assert sum(line.paid for line in book.lines) <= sum(due.values())
        rounded += any(mean.denominator > 1 for mean in due.values())
        up = sum(-(-mean.numerator // mean.denominator) for mean in due.values())
        assert up >= sum(due.values()), "the control: rounding up pays more than there is"
    assert rounded > 10


def gain_of_the_waiter(outcome: int, *, at_the_news: bool) -> int:
    """The result of a bot that buys "not day 5" just before day 5 starts and collects as soon as it has: day 5 has passed,
    so the rest is certain, unless the ruling takes the collection back. Settled by our cut, or by one at the news."""
    table = new_table()
    question = ask(table, DAYS)
    table.now = Instant(at(5) - 1)
    table.must("alice", c.Bet(question, f"not {day(5)}", shares=50 * POINT))
    table.now = at(5)
    table.must("alice", c.Collect(question))
    table.now = at(12)
    if not at_the_news:
        table.must("rita", c.Rule(question, f"{day(outcome)} 18:00", "seen"))
        return table.accounts["player/alice"] - 1_000 * POINT
    kept = standing(question, table.history(question), Instant(at(outcome) + 18 * HOUR))
    held = max(0, kept.market._holdings["alice"].at(outcome - 1))  # what passed was frozen before the floor was collected: zero on day 5
    return kept.flows["market"]["alice"] + held


def test_who_waits_for_a_day_to_start_gains_nothing_and_would_if_the_cut_were_at_the_news() -> None:
    ours = {outcome: gain_of_the_waiter(outcome, at_the_news=False) for outcome in range(5, DAYS + 1)}
    assert ours[5] < 0 < ours[6], "against the day that it was, one loses what one paid"
    control = {outcome: gain_of_the_waiter(outcome, at_the_news=True) for outcome in range(5, DAYS + 1)}
    assert min(control.values()) > 0, "a cut at the news lets the same bot gain whatever happens: the law is needed"


def quoted(question: Question, player: str, claim: Claim, shares: int) -> Quote:
    quote = question.market.quote(Order(player, claim, shares=shares))
    assert not isinstance(quote, Refusal), quote
    return quote


def test_refunding_what_passed_at_the_mark_would_be_a_pump() -> None:
    """Passed shares are frozen and pay nothing if it did not happen then. Were they given back at the last price, one
    would push the price of a day up just before it starts, and be paid the price that one made."""
    table = new_table()
    question = ask(table, DAYS)
    table.now = Instant(at(5) - 1)
    state = table.questions[question]
    bought = table.must("alice", c.Bet(question, day(5), shares=200 * POINT))[0]
    assert isinstance(bought, e.BetPlaced)
    mark = state.market.price(Claim(4, 5, False))
    assert mark * bought.shares > bought.charge * 1.05, "the control: a refund at the mark pays more than was paid, without risk"
    table.now = at(12)
    table.must("rita", c.Rule(question, f"{day(8)} 10:00", "seen"))
    assert table.accounts["player/alice"] == 1_000 * POINT - bought.charge, "ours: what passed is gone"


def test_refunding_every_bet_that_straddles_a_window_would_cost_the_house_without_bound() -> None:
    """Mechanisms 4.2: never void anything but a suffix. Outcomes x, y, z with chances ¼, ¼, ½; known is only {x, y}.
    Each round 500 of {y,z} and of {x,z}, both refunded in the end, push x and y down; then 500 of {x,y} is cheap."""
    b, weights, shares = 100.0, (0.25, 0.25, 0.5), [0.0, 0.0, 0.0]
    loss, before = 0.0, []
    for _ in range(5):
        for pair in ((1, 2), (0, 2)):
            for outcome in pair:
                shares[outcome] += 500
        cost = -potential(b, weights, shares)
        shares[0] += 500
        shares[1] += 500
        cost += potential(b, weights, shares)
        loss += 500 - cost
        before.append(loss)
    assert before[0] == pytest.approx(431.356816792900, abs=1e-6) and before[-1] == pytest.approx(2156.784083965, abs=1e-5)
    assert before[-1] > 138.629436112, "the legitimate bound b ln 4, which a prefix keeps"


def test_the_house_never_loses_more_than_its_subsidy_to_players_who_know_the_day(chance: random.Random) -> None:
    """Everybody knows the outcome and bets all they have on it, before its day: the worst that can be done to a house."""
    for outcome in (1, 4, DAYS):
        table = new_table(grant=2_000 * POINT)
        question = ask(table, DAYS, 77 * POINT)
        house = table.accounts["house"]
        subsidy = table.questions[question].opened.subsidy
        for who in ("alice", "bob", "carol") * 4:
            table.do(who, c.Bet(question, day(outcome), spend=chance.randrange(1, 400 * POINT)))
            table.check()
        table.now = at(12)
        table.must("rita", c.Rule(question, f"{day(outcome)} 12:00", "seen"))
        back = table.accounts["house"] - house
        assert 0 <= back <= subsidy // 1000, "nearly all of the subsidy is gone, and not a unit more"


def test_void_is_the_cut_at_opening(chance: random.Random) -> None:
    for _ in range(20):
        table, questions = played(chance.randrange(10**9))
        before = money(table)
        flows = {name: dict(table.questions[name].flows["market"]) for name in questions}
        for question in questions:
            table.must("rita", c.Void(question, "a mistake"))
            assert table.questions[question].life is Life.VOID
        for player, held in money(table).items():
            home = table.questions[questions[1]].opened.subsidy if player == "carol" else 0
            assert held == before[player] - sum(flow.get(player, 0) for flow in flows.values()) + home
        table.check()


def test_nothing_but_what_was_quoted_is_applied() -> None:
    """A fill whose released floor is not the one that follows is an invariant broken, never a payment."""
    table = new_table()
    question = ask(table, DAYS)
    state = table.questions[question]
    quote = quoted(state, "alice", Claim(0, 3, False), POINT)
    with pytest.raises(AssertionError, match="the floor is derived"):
        state.market.apply(Fill("alice", quote.claim, quote.shares, quote.charge, quote.released + 1))
