"""Entries by the rules alone: when they close, which curve counts for which grain, what a sealed stake does to a purse, and how
what was said is scored, each against a count by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Final

import pytest

from anyday.instants import DAY, HOUR, MINUTE, Instant
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import powers
from anyday.rules.audit import Fault
from anyday.rules.ledger import CLOSEST, FORECAST, MARKET, TOTE
from anyday.rules.purse import Purse
from anyday.rules.question import Life, fold
from anyday.rules.record import DAYS, shift
from tests.rules.table import POINT, Table, at, day, new_table
from tests.world import instant

ALL: Final[dict[str, Any]] = {"tote": c.ToteTerms("week", 50_000), "closest": c.ClosestTerms(10 * POINT), "forecast": True}


def asked(table: Table, host: str = "olga", **changed: Any) -> str:
    """A question of six days from day 10 on, played by entries alone unless it is changed."""
    fields: dict[str, Any] = {
        "title": "When?", "terms": "It does.", "zone": "UTC", "grain": "day", "origin": day(10), "horizon": day(16), "resolver": "rita",
        "market": False,
    }  # fmt: skip
    opened = table.must(host, c.Ask(**(fields | changed)))[0]
    assert isinstance(opened, e.QuestionOpened)
    return opened.question


def curve(question: str, by: str, stake: int | None = None, never: int = 100_000) -> c.Forecast:
    return c.Forecast(question, c.CurveQuantiles(((by, 500_000),), never), stake)


def reason(table: Table, who: str, command: c.Command) -> str:
    decided = table.do(who, command)
    return decided.reason.code if isinstance(decided, Refusal) else "taken"


# when entries close


@pytest.mark.parametrize(
    ("zone", "origin", "grain", "lead", "closes"),
    [
        ("UTC", "2027-03-01", "day", 0, "2027-03-01 00:00"),
        ("UTC", "2027-03-01", "day", 90 * MINUTE, "2027-02-28 22:30"),
        ("Europe/Zurich", "2027-03-28", "day", 2 * HOUR, "2027-03-27 21:00"),  # a day of 23 hours: its midnight is 23:00 UTC
        ("Europe/Zurich", "2027-03-29", "day", 26 * HOUR, "2027-03-27 20:00"),  # the lead is time, not a day of the calendar
        ("Europe/Zurich", "2027-11-01", "day", DAY, "2027-10-30 23:00"),  # a day of 25 hours lies before it
        ("America/New_York", "2027-11-07", "hour", HOUR, "2027-11-07 03:00"),
    ],
)
def test_entries_close_at_the_origin_less_the_lead_to_the_microsecond(zone: str, origin: str, grain: str, lead: int, closes: str) -> None:
    table = new_table()
    table.now = instant("2027-02-01")
    horizon = {"hour": f"{origin[:-2]}09"}.get(grain, f"{origin[:-5]}12-01")
    times = {"zone": zone, "origin": f"{origin} 00:00", "horizon": f"{horizon} 00:00", "grain": grain, "lead": lead}
    question = asked(table, **times, **ALL | {"tote": c.ToteTerms(())})
    bell = instant(closes)
    state = table.questions[question]
    assert state.opened.closes == bell == state.tote.closes == state.closest.closes == state.forecast.closes
    first = c.Forecast(question, c.CurveQuantiles((), 1_000_000), POINT)  # all on never
    entries: list[c.Command] = [c.Stake(question, "never", POINT), c.Guess(question, "never"), first]
    table.now = Instant(bell - 1)
    assert [reason(table, "alice", body) for body in entries] == ["taken"] * 3
    table.now = bell
    assert [reason(table, "bob", body) for body in entries] == ["entries_closed"] * 3
    assert reason(table, "alice", c.Guess(question, "never")) == "entries_closed", "a change too"
    table.check()


def test_an_entry_a_microsecond_before_the_bell_stands_whatever_is_ruled() -> None:
    """The earliest cut is the bell itself: it voids the market's bets from then on, and no entry."""
    table = new_table()
    question = asked(table, market=True, subsidy=50 * POINT, subsidy_from="house", lead=HOUR, **ALL)
    table.now = Instant(table.questions[question].opened.closes - 1)
    for who, body in (("alice", c.Guess(question, day(10))), ("bob", c.Guess(question, day(15))), ("alice", c.Bet(question, day(10), spend=POINT))):
        table.must(who, body)
    table.now = Instant(table.now + 1)
    table.must("bob", c.Bet(question, day(15), spend=POINT))
    assert reason(table, "carol", c.Bet(question, day(10), spend=POINT)) == "has_started"
    table.now = at(10.5)
    *_, ruled, _, settled, _ = table.must("rita", c.Rule(question, f"{day(10)} 06:00", "seen"))
    assert isinstance(ruled, e.Ruled) and isinstance(settled, e.Settled)
    assert (ruled.cut, ruled.voided) == (table.questions[question].opened.closes, 1)
    books = {book.mechanism: {line.player: line for line in book.lines} for book in settled.posted.books}
    assert books[CLOSEST]["alice"] == e.Line("alice", 20 * POINT, 0, 0) and books[CLOSEST]["bob"].out == 0
    assert books[MARKET]["bob"] == e.Line("bob", 0, POINT, 0)
    table.check()
    table.check_replay()


def test_whatever_comes_first_from_the_bell_on_writes_that_the_guesses_may_be_seen() -> None:
    table = new_table()
    question = asked(table, market=True, subsidy=50 * POINT, subsidy_from="house", closest=c.ClosestTerms(POINT), lead=HOUR)
    bell = table.questions[question].opened.closes
    table.must("alice", c.Guess(question, day(12)))
    decided = []
    for moment in (bell - 1, bell, bell):
        table.now = Instant(moment)
        decided.append([type(event) for event in table.must("bob", c.Bet(question, day(15), spend=POINT))])
    assert decided == [[e.BetPlaced], [e.Unsealed, e.BetPlaced], [e.BetPlaced]]


def test_closing_the_betting_unseals_nothing() -> None:
    """Whoever rules could close it, look, and then rule."""
    table = new_table()
    question = asked(table, **ALL)
    table.must("alice", c.Guess(question, day(12)))
    table.must("alice", curve(question, day(12), POINT))
    table.must("rita", c.Close(question))
    state = table.questions[question]
    bell = Instant(state.opened.closes)
    for moment, sealed in ((table.now, [CLOSEST, FORECAST]), (Instant(bell - 1), [CLOSEST, FORECAST]), (bell, [FORECAST]), (at(17), [FORECAST])):
        assert [name for name in (TOTE, CLOSEST, FORECAST) if state.hidden(name, moment)] == sealed
    table.now = at(17)
    table.must("rita", c.Rule(question, "never", "seen"))
    assert not any(state.hidden(name, table.now) for name in state.mechanisms)


# which curve counts


def masses(report: c.CurveTable) -> list[Fraction]:
    """A table of whole days, as the chance of each day."""
    found: list[Fraction] = []
    for place, (_, part) in enumerate(report.pieces):
        assert place == len(found), "a piece a day"
        found.append(Fraction(part, 10**6))
    return found


def by_hand(governing: list[list[Fraction]], happened: int | None) -> Fraction:
    """The score by its definition: for each day in turn, as long as it has not happened before, 1 − CRPS of what was said of the
    rest, given that; 1 for every day after."""
    days = len(governing)
    total = Fraction(0)
    for now, said in enumerate(governing):
        if happened is not None and now > happened:
            total += 1
            continue
        left, until, squares = 1 - sum(said[:now]), Fraction(0), Fraction(0)
        for then in range(now, days):
            until += said[then]
            squares += (until / left - (happened is not None and happened <= then)) ** 2
        total += 1 - squares / days
    return total / days


def parts(*each: int, never: int) -> c.CurveTable:
    return c.CurveTable(tuple((day(10 + place), part) for place, part in enumerate(each)), never)


EARLY: Final = parts(300_000, 300_000, 100_000, 100_000, 50_000, 50_000, never=100_000)
LATE: Final = parts(20_000, 30_000, 50_000, 100_000, 200_000, 300_000, never=300_000)


@pytest.mark.parametrize("lead", [0, 5 * HOUR])
@pytest.mark.parametrize("happened", [0, 2, 3, 5, None])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_forecast_revised_as_a_grain_passes_counts_from_the_next_one_on(off: int, happened: int | None, lead: int) -> None:
    """What counts for a day is the curve that stood just before it passed: at its passing it is too late for it."""
    table = new_table()
    question = asked(table, forecast=True, lead=lead)
    table.must("alice", c.Forecast(question, EARLY, POINT))
    table.must("bob", c.Forecast(question, EARLY, POINT))
    table.now = Instant(at(12) - lead + off)  # the third day passes
    table.must("alice", c.Forecast(question, LATE))
    table.now = at(17)
    outcome = "never" if happened is None else f"{day(10 + happened)} 12:00"
    scored = table.must("rita", c.Rule(question, outcome, "seen"))[-1]
    assert isinstance(scored, e.Scored)
    first = 2 if off < 0 else 3
    governing = [masses(EARLY) if place < first else masses(LATE) for place in range(6)]
    expected = {"alice": by_hand(governing, happened), "bob": by_hand([masses(EARLY)] * 6, happened)}
    for result in scored.results:
        assert result.mechanism == FORECAST and result.score is not None
        assert abs(Fraction(result.score, 10**9) - expected[result.player]) <= Fraction(2, 10**9), result
    if happened is not None and happened < first:
        assert expected["alice"] == expected["bob"], "what was said too late changes nothing"
    else:
        assert expected["alice"] != expected["bob"]
    average = sum(expected.values()) / 2
    for line in table.questions[question].posted.books[0].lines:
        assert abs(line.paid - POINT * (1 + expected[line.player] - average)) <= 1, "the reward, to the unit"


# what a sealed stake does to a purse


def test_a_sealed_stake_is_spent_at_once_and_waits_like_any_other_flow() -> None:
    table = new_table(grant=100 * POINT)
    guesses, curves, market = asked(table, closest=c.ClosestTerms(60 * POINT)), asked(table, forecast=True), asked(table, tote=c.ToteTerms("week"))
    table.must("alice", c.Guess(guesses, day(12)))
    purse = table.purse("alice")
    assert (purse.balance, purse.floor, purse.young()) == (40 * POINT, 40 * POINT, {guesses: -60 * POINT})
    assert reason(table, "alice", curve(curves, day(12), 40 * POINT + 1)) == "not_enough", "nobody spends a point twice"
    assert reason(table, "alice", c.Stake(market, "never", 40 * POINT + 1)) == "not_enough"
    table.must("alice", c.Guess(guesses, day(13)))  # a change costs nothing, with nothing left too
    table.must("alice", curve(curves, day(12), 40 * POINT))
    assert purse.spendable() == purse.spendable(guesses) == purse.spendable(curves) == 0
    table.must("alice", curve(curves, day(13)))
    table.must("alice", c.Guess(guesses, "never"))
    assert reason(table, "alice", c.Stake(market, "never", 1)) == "not_enough"
    table.now = Instant(table.now + table.lag + 1)
    purse.age(Instant(table.now - table.lag))
    assert purse.young() == {guesses: 0, curves: 0} and purse.floor == 0, "older than the lag, it is settled: spent all the same"
    table.must("olga", c.Void(guesses, "so"))
    assert (purse.floor, purse.balance) == (60 * POINT, 60 * POINT), "what is returned is free at once"
    table.check()
    table.check_replay()


def test_what_comes_free_on_the_market_pays_for_a_guess_there_and_not_elsewhere() -> None:
    """A sale's proceeds are young: they may be cut, and the guess that they paid for is older than any cut that could take them."""
    table = new_table(grant=10 * POINT)
    both = asked(table, market=True, subsidy=50 * POINT, subsidy_from="house", closest=c.ClosestTerms(9 * POINT), origin=day(20), horizon=day(30))
    other = asked(table, closest=c.ClosestTerms(9 * POINT), origin=day(20), horizon=day(30))
    table.must("alice", c.Bet(both, day(25), spend=10 * POINT))
    table.now = at(5)
    table.must("alice", c.Sell(both, day(25)))
    assert reason(table, "alice", c.Guess(other, day(25))) == "not_enough"
    table.must("alice", c.Guess(both, day(25)))
    table.now = at(22)
    table.must("rita", c.Rule(both, f"{day(21)} 10:00", "seen"))
    assert table.purse("alice").owed == 0 and not table.late
    table.check()


def test_proceeds_older_than_the_lag_pay_for_an_entry_elsewhere() -> None:
    table = new_table(grant=10 * POINT)
    market = asked(table, market=True, subsidy=50 * POINT, subsidy_from="house", origin=day(20), horizon=day(30))
    entered = asked(table, **ALL | {"closest": c.ClosestTerms(POINT)}, origin=day(20), horizon=day(30))
    entries: list[c.Command] = [c.Stake(entered, "never", POINT), c.Guess(entered, day(25)), curve(entered, day(25), POINT)]
    table.must("alice", c.Bet(market, day(25), spend=10 * POINT))
    table.now = at(1)
    table.must("alice", c.Sell(market, day(25)))
    table.now = Instant(at(1) + table.lag)
    assert [reason(table, "alice", body) for body in entries] == ["not_enough"] * 3
    table.now = Instant(table.now + 1)
    assert [reason(table, "alice", body) for body in entries] == ["taken"] * 3
    table.check()


def test_who_owes_enters_nothing_and_a_settled_guess_repays() -> None:
    table = new_table(grant=20 * POINT)
    first, second = (asked(table, closest=c.ClosestTerms(10 * POINT)) for _ in range(2))
    later = asked(table, **ALL | {"closest": c.ClosestTerms(POINT)}, origin=day(30), horizon=day(40))
    for who, guess in (("alice", day(12)), ("bob", day(14))):
        table.must(who, c.Guess(first, guess))
        table.must(who, c.Guess(second, guess))
    table.now = at(15)
    table.must("rita", c.Rule(first, f"{day(12)} 10:00", "seen"))
    table.must("alice", c.Stake(later, "never", 20 * POINT))
    table.must("rita", c.Correct(first, f"{day(14)} 10:00", "seen", "a slip"))
    assert table.purse("alice").owed == 20 * POINT
    for body in (c.Guess(later, day(35)), curve(later, day(35), POINT), c.Stake(later, "never", 1)):
        assert reason(table, "alice", body) == "owes"
    table.must("rita", c.Rule(second, f"{day(12)} 10:00", "seen"))
    assert (table.purse("alice").owed, table.purse("alice").balance) == (0, 0), "20 points were won, and 20 were owed"
    assert reason(table, "alice", c.Guess(later, day(35))) == "not_enough"
    table.check()
    table.check_replay()


# who may


@pytest.mark.parametrize("life", [Life.CLOSED, Life.SETTLED, Life.VOID])
def test_what_takes_no_bets_takes_no_entries(life: Life) -> None:
    table = new_table()
    question = asked(table, **ALL)
    table.must("alice", curve(question, day(12), POINT))
    if life is Life.CLOSED:
        table.must("rita", c.Close(question))
    elif life is Life.VOID:
        table.must("rita", c.Void(question, "so"))
    else:
        table.now = at(17)
        table.must("rita", c.Rule(question, "never", "seen"))
    for body in (c.Guess(question, day(12)), curve(question, day(12)), curve(question, day(12), POINT), c.Stake(question, "never", POINT)):
        assert reason(table, "alice", body) == "not_open"
    if life is not Life.CLOSED:
        assert reason(table, "alice", c.Note(question, "news", "so", day(0), "seen")) == "not_open"
    assert fold(question, table.history(question)).life is life


def test_a_log_in_which_a_host_calls_off_what_may_be_sealed_breaks_the_rules() -> None:
    """Nobody could tell whether somebody had entered: so only who rules, or the owner, may."""
    table = new_table()
    crew, off = table.crew, e.Voided(at=table.now, by="alice", reason="so", posted=e.Posted())
    assert crew is not None
    powers.may(table.questions[asked(table, "alice", tote=c.ToteTerms("week"))], crew, off, table.purse)
    for way in ("closest", "forecast"):
        question = asked(table, "alice", **{way: ALL[way]})
        assert reason(table, "alice", c.Void(question, "so")) == "not_allowed"
        with pytest.raises(Fault, match="the resolver or the owner calls it off"):
            powers.may(table.questions[question], crew, off, table.purse)


def test_a_log_in_which_a_debtor_enters_or_guesses_are_unsealed_early_breaks_the_rules() -> None:
    table = new_table()
    question, crew = table.questions[asked(table, **ALL)], table.crew
    guessed = e.Guessed(at=table.now, player="alice", first=2, last=3, complement=False, stake=10 * POINT)
    assert crew is not None
    powers.seals(question, crew, guessed, lambda _: Purse(100 * POINT))
    with pytest.raises(Fault, match="whoever owes does not enter"):
        powers.seals(question, crew, guessed, lambda _: Purse(100 * POINT, owed=1))
    bell = question.opened.closes
    powers.may(question, crew, e.Unsealed(at=bell, mechanism=CLOSEST, root=""), table.purse)
    for moment in (bell - 1, bell + 1):
        with pytest.raises(Fault, match="guesses are unsealed when entries close"):
            powers.may(question, crew, e.Unsealed(at=moment, mechanism=CLOSEST, root=""), table.purse)


def test_a_log_that_scores_a_ruling_twice_breaks_the_rules() -> None:
    table = new_table()
    question = asked(table, **ALL)
    table.must("alice", c.Guess(question, day(12)))
    table.now = at(17)
    *_, scored = table.must("rita", c.Rule(question, "never", "seen"))
    state, crew = table.questions[question], table.crew
    assert isinstance(scored, e.Scored) and crew is not None
    with pytest.raises(Fault, match="what is settled is scored once"):
        powers.may(state, crew, scored, table.purse)
    state.scored = None
    powers.may(state, crew, scored, table.purse)


# near misses and news


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (day(2), "taken"),  # the question was open then, long before its own time begins
        (day(5), "taken"), (f"{day(4)}..{day(8)}", "taken"), (day(6), "not_yet"), (f"{day(6)}..{day(8)}", "not_yet"), ("never", "not_a_time"),
    ],
)  # fmt: skip
def test_a_note_is_of_what_has_at_least_begun(when: str, said: str) -> None:
    table = new_table()
    question = asked(table, forecast=True)
    table.now = at(5)
    assert reason(table, "alice", c.Note(question, "news", "so", when, "seen")) == said


def test_a_day_without_its_year_is_one_since_the_question_opened() -> None:
    table = new_table()
    question = asked(table, forecast=True, origin="2028-01-01", horizon="2028-03-01")
    table.now = at(5)
    assert reason(table, "alice", c.Note(question, "news", "so", "4 January", "seen")) == "taken"
    assert [note.start for _, note in table.questions[question].notes] == [at(3)]


def test_fifty_notes_of_one_player_are_the_most_and_others_have_theirs() -> None:
    table = new_table()
    question = asked(table, forecast=True)
    notes = [reason(table, "alice", c.Note(question, "near_miss", f"the {number}th", day(0), "seen")) for number in range(51)]
    assert notes == ["taken"] * 50 + ["too_many_entries"]
    assert reason(table, "bob", c.Note(question, "near_miss", "one more", day(0), "seen")) == "taken"


def test_a_note_moved_what_the_curve_moved_in_the_day_after_it() -> None:
    table = new_table()
    question = asked(table, market=True, subsidy=100 * POINT, subsidy_from="house")
    curves = []
    for when, body in (
        (2, c.Note(question, "near_miss", "so close", day(2), "seen")), (2.5, c.Bet(question, day(12), spend=20 * POINT)), (3, None),
        (3.5, c.Bet(question, day(14), spend=60 * POINT)), (4, None),
    ):  # fmt: skip
        table.now = at(when)
        curves += [table.questions[question].market.curve()] if body is None or isinstance(body, c.Note) else []
        if body is not None:
            table.must("alice", body)
    table.now = at(13)
    scored = table.must("rita", c.Rule(question, f"{day(12)} 12:00", "seen"))[-1]
    assert isinstance(scored, e.Scored)
    before, a_day_after, two_days_after = curves
    assert [move.moved for move in scored.moved] == [round(1e6 * shift(before, a_day_after))]
    assert abs(shift(before, two_days_after) - shift(before, a_day_after)) > 0.05, "the second bet came too late for it"


# what was said, scored


def test_the_marks_are_of_the_curve_that_stood_so_many_days_before() -> None:
    """A market whose curve two players moved, and a forecast that was revised: each look against the curve written down then, by
    the plain definitions of the scores, grain by grain."""
    table = new_table()
    count, hit = 200, 150
    question = asked(table, market=True, subsidy=100 * POINT, subsidy_from="house", forecast=True, horizon=day(10 + count), lead=HOUR)
    table.must("alice", curve(question, day(100), POINT, never=200_000))
    table.must("bob", curve(question, day(150), POINT, never=50_000))
    state, happened_at = table.questions[question], at(10 + hit)
    moves: list[tuple[float, str, c.Command]] = [
        (20, "carol", c.Bet(question, f"{day(150)}..{day(170)}", spend=40 * POINT)), (75, "alice", curve(question, day(158), never=100_000)),
        (130.5, "carol", c.Bet(question, day(160), spend=10 * POINT)), (153.2, "bob", curve(question, day(160), never=10_000)),
        (159.5, "alice", c.Bet(question, day(160), spend=90 * POINT)),
    ]  # fmt: skip
    looks = {days: Instant(happened_at - HOUR - days * DAY - (days == 0)) for days in DAYS}
    said: dict[tuple[str, int], tuple[list[float], float]] = {}
    for when, who, body in [*moves, (161.0, "", None)]:
        for days, look in looks.items():
            if table.now <= look < at(when):
                state.advance(look)
                market = state.market.curve(range(state.passed, count + 1))
                said[MARKET, days] = ([0.0] * state.passed + list(market.masses), market.never)
                for player in ("alice", "bob"):
                    report = state.forecast.standing(player, look).curve()
                    left = report.survival(state.passed)
                    chances = [report.between(grain, grain + 1) / left if grain >= state.passed else 0.0 for grain in range(count)]
                    said[f"player/{player}", days] = (chances, report.never / left)
        table.now = at(when)
        if body is not None:
            table.must(who, body)
    scored = table.must("rita", c.Rule(question, f"{day(10 + hit)} 12:00", "seen"))[-1]
    assert isinstance(scored, e.Scored)
    marks = {(mark.who, mark.days): mark for mark in scored.marks if mark.days in DAYS}
    assert {who for who, _ in marks} == {MARKET, FORECAST, "player/alice", "player/bob"} and len(marks) == 4 * len(DAYS)
    for key, (chances, never) in said.items():
        mark = marks[key]
        assert abs(sum(chances) + never - 1) < 1e-9, "a whole curve"
        until = [sum(chances[: grain + 1]) for grain in range(count)]
        crps = sum((until[grain] - (grain >= hit)) ** 2 for grain in range(count)) / count
        places = [count * tenth // 10 for tenth in range(1, 11)]
        brier = sum((until[place - 1] - (place > hit)) ** 2 for place in places) / 10
        assert abs(mark.log - 1e6 * math.log(max(1e-6, chances[hit]))) <= 1, key
        assert abs(mark.crps - 1e6 * crps) <= 1 and abs(mark.brier - 1e6 * brier) <= 1, key
        assert abs(mark.low - 1e6 * until[hit - 1]) <= 1 and abs(mark.high - 1e6 * until[hit]) <= 1, key
        passed = state.horizon.passed(looks[key[1]], HOUR)
        ahead = [place for place in places if place > passed]
        assert [true for _, true in mark.by] == [place > hit for place in ahead]
        assert all(abs(chance - 1e6 * until[place - 1]) <= 1 for (chance, _), place in zip(mark.by, ahead, strict=True)), key
    logs = [marks[MARKET, days].log for days in (90, 30, 7, 1, 0)]
    assert logs[0] < logs[1] < logs[2] and logs[1] != logs[0], "the bets moved it, and time passed"
    assert marks["player/alice", 90].log < marks["player/alice", 30].log, "the revision counts once it was made"


def test_the_tote_and_the_guesses_are_scored_as_they_closed() -> None:
    """Shares of the stakes and of the guesses, given what had not passed; what is not open yet has said nothing."""
    table = new_table()
    question = asked(table, tote=c.ToteTerms((day(13),)), closest=c.ClosestTerms(POINT, many=True))
    for who, slot, amount in (("alice", f"{day(10)}..{day(12)}", 30), ("bob", f"{day(13)}..{day(15)}", 50), ("carol", "never", 20)):
        table.must(who, c.Stake(question, slot, amount * POINT))
    for guess in (day(10), day(13), day(13), day(14), "never"):
        table.must("alice", c.Guess(question, guess))
    table.now = at(14)
    scored = table.must("rita", c.Rule(question, f"{day(13)} 12:00", "seen"))[-1]
    assert isinstance(scored, e.Scored)
    marks = {(mark.who, mark.days): mark for mark in scored.marks}
    assert {days for who, days in marks if who == TOTE} == {0, 1, -1}, "entries closed three days before: a week before nothing was said"
    # at the last look the first slot has passed: 50 points are on the three days of the second, 20 on never
    assert abs(marks[TOTE, 0].log - 1e6 * math.log(50 / 3 / 70)) <= 1
    assert abs(marks[CLOSEST, 0].log - 1e6 * math.log(2 / 4)) <= 1, "two of the four guesses that are left"
    assert [(result.player, result.mechanism, result.score) for result in scored.results] == [("alice", CLOSEST, 0)]


def test_all_players_together_put_so_many_notes_on_a_timeline() -> None:
    players = [f"p{number}" for number in range(7)]
    table = new_table((*players, "rita"))
    question = asked(table, closest=c.ClosestTerms(POINT))
    table.now = at(1)
    told = [reason(table, who, c.Note(question, "news", f"the {number}th", day(0), "seen")) for who in players for number in range(50)]
    assert (told[:300], set(told[300:])) == (["taken"] * 300, {"timeline_full"})


def test_a_ruling_is_corrected_so_often_and_no_more() -> None:
    table = new_table(("alice", "rita"))
    question = asked(table, closest=c.ClosestTerms(POINT))
    table.must("alice", c.Guess(question, day(12)))
    table.now = at(20)
    table.must("rita", c.Rule(question, day(11), "seen"))
    told = [reason(table, "rita", c.Correct(question, day(11 + number % 3), "seen", "a slip")) for number in range(22)]
    assert told == ["taken"] * 20 + ["corrected_often"] * 2
    table.check()
