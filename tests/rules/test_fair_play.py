"""Fair play: whom a question is about is asked first, powers and positions exclude each other, and whatever stands still takes no bets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from anyday.instants import DAY, Instant
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.question import ABOUT, COULD_CAUSE, HOSTS, Life
from tests.rules.table import POINT, Table, ask, at, day
from tests.rules.test_timing import fair, kinds, to

CURVE: Final = c.CurveQuantiles(((day(6), 500_000),), 100_000)


def everything(table: Table, **changed: object) -> str:
    """A question of Carol's own, played in every way; entries close as 3 January begins. Rita rules it and Dora stands in."""
    fields: dict[str, object] = {"tote": c.ToteTerms((day(5),)), "closest": c.ClosestTerms(5 * POINT), "forecast": True, "deputy": "dora"}
    return ask(table, host="carol", first=2, **(fields | changed))


def entries(question: str) -> list[c.Command]:
    """Every way to take a position."""
    return [
        c.Bet(question, day(7), spend=POINT), c.Stake(question, "never", POINT), c.Guess(question, day(7)), c.Forecast(question, CURVE, POINT),
    ]  # fmt: skip


# every power beside every position

OPEN, RULED, SETTLED = range(3)


def bet(table: Table, question: str, who: str) -> None:
    table.must(who, c.Bet(question, day(3), spend=5 * POINT))


def sold(table: Table, question: str, who: str) -> None:
    bet(table, question, who)
    table.must(who, c.Sell(question, day(3)))
    assert not table.questions[question].market.position(who).steps, "nothing is held any more"


def late(table: Table, question: str, who: str) -> None:
    to(table, 4)
    table.must(who, c.Bet(question, day(8), spend=5 * POINT))


def nothing(table: Table, question: str, who: str) -> None:
    pass


Position = tuple[int, Callable[[Table, str, str], object]]
#: From which stage on the position is what it is called, and how it is taken.
POSITIONS: Final[dict[str, Position]] = {
    "a bet": (OPEN, bet),
    "a bet that was sold": (OPEN, sold),
    "a stake": (OPEN, lambda table, question, who: table.must(who, c.Stake(question, "never", POINT))),
    "a sealed guess": (OPEN, lambda table, question, who: table.must(who, c.Guess(question, day(3)))),
    "a sealed forecast": (OPEN, lambda table, question, who: table.must(who, c.Forecast(question, CURVE, POINT))),
    "a bet that the ruling voids": (RULED, late),
    "a bet that was paid out": (SETTLED, bet),
}


def takes_over(duty: str, holder: str, then: Callable[[str], c.Command] | None = None) -> Callable[[Table, str, str], object]:
    def use(table: Table, question: str, who: str) -> object:
        table.must(holder, c.HandOver(duty, who, question))
        accepted = table.do(who, c.Accept(duty, question))
        return accepted if isinstance(accepted, Refusal) or then is None else table.do(who, then(question))

    return use


def resumes(table: Table, question: str, who: str) -> object:
    table.must("rita", c.Halt(question, "something is odd"))
    return table.do(who, c.Resume(question))


def judges(table: Table, question: str, who: str) -> object:
    """The owner, once the deputy has let her turn pass."""
    table.must("bob", c.Dispute(question, "no"))
    table.now = Instant(table.now + 3 * DAY)
    return table.do(who, c.Judge(question, "stands", "I saw it too"))


def votes_on_it(table: Table, question: str, who: str) -> object:
    table.must("bob", c.Dispute(question, "no"))
    table.now = Instant(table.now + 6 * DAY)
    return table.do(who, c.Vote(question, "stands"))


def votes_on_an_outcome(table: Table, question: str, who: str) -> object:
    to(table, 14 + 14)
    return table.do(who, c.Vote(question, "never"))


#: When each power is used, by whom, and how.
POWERS: Final[dict[str, tuple[int, str, Callable[[Table, str, str], object]]]] = {
    "halt": (OPEN, "olga", lambda table, question, who: table.do(who, c.Halt(question, "something is odd"))),
    "resume": (OPEN, "olga", resumes),
    "void": (OPEN, "olga", lambda table, question, who: table.do(who, c.Void(question, "a mistake"))),
    "close": (OPEN, "olga", takes_over("resolver", "rita", c.Close)),
    "rule": (OPEN, "olga", takes_over("resolver", "rita", lambda question: c.Rule(question, f"{day(0)} 05:00", "seen"))),
    "stand in": (OPEN, "olga", takes_over("deputy", "dora")),
    "judge": (RULED, "olga", judges),
    "vote on a ruling": (RULED, "alice", votes_on_it),
    "vote on an outcome": (OPEN, "alice", votes_on_an_outcome),
    "correct": (SETTLED, "olga", takes_over("resolver", "rita", lambda question: c.Correct(question, day(4), "seen", "a slip"))),
}


def played(power: str, position: Position) -> tuple[object, Table, str]:
    """Somebody takes a position, then tries to use a power."""
    table = fair()
    question = everything(table)
    stage, who, use = POWERS[power]
    to(table, 0.5)
    position[1](table, question, who)
    if stage > OPEN:
        to(table, 5)
        table.must("rita", c.Rule(question, day(3), "seen"))
    if stage > RULED:
        to(table, 6)
        table.wait(question)
        assert table.life(question) is Life.SETTLED
    return use(table, question, who), table, question


@pytest.mark.parametrize("power", POWERS)
def test_without_a_position_the_power_is_used_and_bars_for_good(power: str) -> None:
    """The control of the matrix below; and the other half of the rule."""
    decided, table, question = played(power, (OPEN, nothing))
    assert not isinstance(decided, Refusal), decided
    for entry in entries(question):
        assert table.refused(POWERS[power][1], entry) == "barred"
    assert POWERS[power][1] in table.questions[question].barred


@pytest.mark.parametrize(
    ("power", "position"),
    [(power, position) for power, (stage, _, _) in POWERS.items() for position, (from_then, _) in POSITIONS.items() if from_then <= stage],
)
def test_whoever_has_ever_had_a_position_uses_no_power(power: str, position: str) -> None:
    decided, table, question = played(power, POSITIONS[position])
    assert isinstance(decided, Refusal), f"{power} was used in spite of {position}"
    passed_over = power == "judge" and "sealed" not in position  # whoever is known to have a stake is never asked to judge
    assert decided.reason.code == ("not_allowed" if passed_over else "has_stake"), decided
    assert "…" not in str(decided) and not table.questions[question].powers_used & {POWERS[power][1]}
    table.idle()


def test_a_stake_bars_from_hosting_only_where_the_house_pays() -> None:
    for host, code in (("olga", "has_stake"), ("carol", None)):
        table = fair()
        question = ask(table, host=host)
        table.must("alice", c.Bet(question, day(3), spend=POINT))
        table.must(host, c.HandOver("host", "alice", question))
        if code is not None:
            assert table.refused("alice", c.Accept("host", question)) == code
            continue
        table.must("alice", c.Accept("host", question))
        assert table.refused("alice", c.Halt(question, "odd")) == "has_stake", "nor does the duty give the power"
        assert table.refused("alice", c.Void(question, "odd")) == "not_allowed"
        table.must("alice", c.Bet(question, day(4), spend=POINT))


def test_the_alarm_is_open_to_the_owner_whatever_she_holds() -> None:
    table = fair()
    question = everything(table)
    table.must("olga", c.Bet(question, day(3), spend=POINT))
    assert table.refused("olga", c.Halt(question, "odd")) == "has_stake"
    table.must("olga", c.Alarm("something is odd"))
    assert table.refused("olga", c.Alarm("twice")) == "already_there"
    for who, command in [("alice", entry) for entry in entries(question)] + [("olga", c.Sell(question, day(3))), ("olga", c.Collect(question))]:
        assert table.refused(who, command) == "alarm"
    body = c.Ask("When?", "It does.", "UTC", "day", day(3), day(9), "rita", 10 * POINT)  # type: ignore[arg-type]
    assert table.refused("alice", body) == "alarm"
    table.must("alice", c.Comment(question, "what is it?"))
    table.must("olga", c.AllClear())
    assert table.refused("olga", c.AllClear()) == "nothing_halted"
    table.must("olga", c.Bet(question, day(4), spend=POINT))
    table.must("alice", c.Bet(question, day(4), spend=POINT))


def test_an_alarm_stops_no_clock() -> None:
    """A ruling is settled and silence ends while it stands: only betting waits."""
    table = fair()
    question = everything(table)
    table.must("alice", c.Bet(question, day(3), spend=POINT))
    to(table, 5)
    table.must("rita", c.Rule(question, day(3), "seen"))
    table.must("olga", c.Alarm("something is odd"))
    table.idle()
    assert table.life(question) is Life.SETTLED


@pytest.mark.parametrize("who", ["rita", "carol", "olga"])
def test_whoever_answers_for_a_question_halts_it_and_lets_it_go_on(who: str) -> None:
    table = fair()
    question = everything(table)
    table.must("alice", c.Bet(question, f"not {day(5)}", spend=POINT))
    assert table.refused("alice", c.Halt(question, "odd")) == "not_allowed" == table.refused("dora", c.Halt(question, "odd"))
    assert table.refused(who, c.Halt(question, " ")) == "text_missing"
    assert table.refused(who, c.Resume(question)) == "nothing_halted"
    table.must(who, c.Halt(question, "something is odd"))
    assert table.refused(who, c.Halt(question, "twice")) == "not_open"
    for entry in (*entries(question), c.Sell(question, f"not {day(5)}"), c.Collect(question)):
        assert table.refused("alice", entry) == "halted"
    table.must("alice", c.Note(question, "news", "It stands still.", day(0), "seen"))
    table.must("rita" if who != "rita" else "olga", c.Resume(question))
    table.must("alice", c.Bet(question, day(4), spend=POINT))
    table.idle()


# subjects


def test_a_question_about_somebody_waits_until_each_has_agreed_and_nobody_else_knows_of_it() -> None:
    table = fair()
    question = everything(table, subjects=("sven", "carol", "bob"))
    assert table.life(question) is Life.DRAFT, "its host has agreed by asking; the others have not"
    for who, code in {"alice": "not_found", "dora": "not_allowed", "rita": "not_allowed", "olga": "not_allowed", "carol": "already_there"}.items():
        assert table.refused(who, c.Agree(question)) == code
    assert table.refused("alice", c.Bet(question, day(3), spend=POINT)) == "not_found"
    assert table.refused("olga", c.Bet(question, day(3), spend=POINT)) == "not_open", "those who see it bet no sooner"
    assert table.refused("rita", c.Comment(question, "soon?")) == "not_open"
    table.must("sven", c.Agree(question))
    assert table.refused("sven", c.Agree(question)) == "already_there"
    assert table.life(question) is Life.DRAFT
    table.must("bob", c.Agree(question))
    assert table.life(question) is Life.OPEN
    for who in ("sven", "bob", "carol"):
        for entry in entries(question):
            assert table.refused(who, entry) == "barred"
        assert table.questions[question].barred[who] == ABOUT
    table.must("alice", c.Bet(question, day(3), spend=POINT))
    table.idle()


def test_a_subject_who_does_not_agree_calls_it_off_and_the_subsidy_goes_back() -> None:
    table = fair()
    question = everything(table, subjects=("sven", "bob"))
    before = table.accounts["player/carol"]
    table.must("sven", c.Agree(question))
    assert kinds(table.must("bob", c.Withdraw(question))) == ["withdrew", "voided"]
    assert table.life(question) is Life.VOID and table.accounts["player/carol"] == 1_000 * POINT > before
    assert table.refused("sven", c.Withdraw(question)) == "already_ruled"


@pytest.mark.parametrize(
    ("outcome", "life"),
    [(f"{day(4)} 11:59", Life.SETTLED), (f"{day(4)} 12:01", Life.VOID), (day(4), Life.VOID), (day(3), Life.SETTLED), ("never", Life.VOID)],
)
def test_a_withdrawal_settles_what_happened_before_it_and_calls_off_the_rest(outcome: str, life: Life) -> None:
    table = fair(silence=60 * DAY)
    question = everything(table, subjects=("sven",))
    table.must("sven", c.Agree(question))
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    to(table, 4.5)
    table.must("sven", c.Withdraw(question))
    assert table.life(question) is Life.HALTED
    assert table.refused("sven", c.Withdraw(question)) == "already_there"
    assert table.refused("alice", c.Sell(question, day(3))) == "not_found", "it is hidden from here on"
    assert table.refused("rita", c.Resume(question)) == "withdrawn_from"
    assert table.refused("alice", c.Vote(question, "never")) == "not_found"
    to(table, 15)
    table.must("rita", c.Rule(question, outcome, "seen"))
    table.idle()
    assert table.life(question) is life
    if life is Life.VOID:
        assert table.accounts["player/alice"] == 1_000 * POINT and not any(line.paid for line in table.questions[question].posted.books[0].lines)


def test_a_withdrawal_that_nobody_rules_is_called_off_after_the_time_of_silence() -> None:
    table = fair()
    question = everything(table, subjects=("sven",))
    table.must("sven", c.Agree(question))
    table.must("alice", c.Bet(question, day(3), spend=10 * POINT))
    to(table, 4)
    table.must("sven", c.Withdraw(question))
    table.idle()
    assert table.now == at(4 + 7) and table.life(question) is Life.VOID


def test_nobody_withdraws_from_what_is_ruled_and_only_subjects_withdraw() -> None:
    table = fair()
    question = everything(table, subjects=("sven",))
    table.must("sven", c.Agree(question))
    assert table.refused("alice", c.Withdraw(question)) == "not_allowed"
    to(table, 5)
    table.must("rita", c.Rule(question, day(4), "seen"))
    assert table.refused("sven", c.Withdraw(question)) == "already_ruled"


def test_whom_the_host_names_as_able_to_cause_it_never_bets() -> None:
    table = fair()
    question = everything(table, barred=("alice",))
    assert table.questions[question].barred["alice"] == COULD_CAUSE
    for entry in entries(question):
        assert table.refused("alice", entry) == "barred"
    house = ask(table, host="olga")
    table.must("olga", c.HandOver("host", "bob", house))
    table.must("bob", c.Accept("host", house))
    for who in ("olga", "bob"):
        assert table.refused(who, c.Bet(house, day(3), spend=POINT)) == "barred"
        assert table.questions[house].barred[who] == HOSTS, "whoever has ever hosted what the house pays"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"subjects": ("zoe",)}, "not_found"),
        ({"barred": ("zoe",)}, "not_found"),
        ({"deputy": "zoe"}, "not_found"),
        ({"deputy": "rita"}, "bad_people"),
        ({"subjects": ("bob", "bob")}, "bad_people"),
        ({"barred": ("bob", "bob")}, "bad_people"),
        ({"dispute": -1}, "span_out_of_bounds"),
        ({"dispute": 30 * DAY + 1}, "span_out_of_bounds"),
        ({"silence": 1}, "span_out_of_bounds"),
        ({"silence": 366 * DAY + 1}, "span_out_of_bounds"),
    ],
)
def test_people_and_times_that_will_not_do(changed: dict[str, object], code: str) -> None:
    table = fair()
    body = c.Ask("When?", "It does.", "UTC", "day", day(3), day(9), "rita", 10 * POINT, **changed)  # type: ignore[arg-type]
    assert table.refused("carol", body) == code
    assert not table.questions


# the timeline


def test_comments_and_thanks_move_nothing() -> None:
    table = fair()
    question = everything(table)
    noted = table.must("alice", c.Note(question, "near_miss", "It nearly did.", day(0), "seen"))
    assert isinstance(noted[0], e.Noted)
    before, version = table.accounts.copy(), table.questions[question].version
    table.must("bob", c.Comment(question, "I saw it too."))
    table.must("bob", c.Thank(question, version))
    assert table.refused("bob", c.Thank(question, version)) == "already_there"
    assert table.refused("alice", c.Thank(question, version)) == "own_thanks"
    assert table.refused("bob", c.Thank(question, version + 1)) == "own_thanks"
    assert table.refused("bob", c.Thank(question, 1)) == "not_found"
    assert table.accounts == before and "bob" not in table.questions[question].barred
    table.must("bob", c.Bet(question, day(3), spend=POINT))
