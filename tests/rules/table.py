"""A game of the pure rules on a table: no file, no loop. What is decided is folded, posted and put into purses, and after
every step the whole table is checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from anyday.instants import DAY, Instant
from anyday.market.maker import Market
from anyday.phrases import parse_instant
from anyday.refusals import Refusal
from anyday.rules import audit, powers, timing
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import purse as purses
from anyday.rules.decide import Situation, decide, due
from anyday.rules.ledger import (
    BELL,
    CLOSEST,
    CREW_STREAM,
    FORECAST,
    HOUSE,
    MARKET,
    hidden_stream,
    postings,
    question_of,
    question_stream,
    tally_of,
    tally_stream,
)
from anyday.rules.purse import Purse
from anyday.rules.question import LIVE, Crew, History, Life, Question, Tally, evolve, fold, open_question, seal

POINT: Final = 1_000_000
START: Final = parse_instant("2027-01-01", zone="UTC")
assert not isinstance(START, Refusal)


def day(number: int) -> str:
    """The typed name of a day, counted from 1 January 2027."""
    return str(date(2027, 1, 1) + timedelta(days=number))


def at(number: float) -> Instant:
    """The start of a day, counted from 1 January 2027, or a part of it later."""
    assert not isinstance(START, Refusal)
    return Instant(START + round(number * DAY))


class Table:
    """One crew and its questions, in memory only."""

    def __init__(self, lag: int = 3 * DAY, grant: int = 1_000 * POINT, dispute: int = 0, silence: int = 366 * DAY) -> None:
        self.now = at(0)
        self.crew: Crew | None = None
        self.lag = lag
        self.questions: dict[str, Question] = {}
        self.events: dict[str, list[e.QuestionEvent]] = {}
        self.hidden: dict[str, list[e.SealedEvent]] = {}
        self.tallies: dict[str, Tally] = {}
        self.purses: dict[str, Purse] = {}
        self.accounts: Counter[str] = Counter()
        self.log: list[tuple[str, e.Event]] = []
        self.late = False  # whether a cut reached behind the lag, or a ruling was corrected
        self.ids = 0
        self.must("olga", c.OpenCrew("The crew", joining_grant=grant, report_lag=lag, dispute=dispute, silence=silence))

    def purse(self, player: str) -> Purse:
        return self.purses.setdefault(player, Purse())

    def history(self, question: str) -> History:
        return History(tuple(self.events.get(question, ())), tuple(self.hidden.get(question, ())))

    def situation(self, command: c.Command) -> Situation:
        name = getattr(command, "question", "") or ""
        self.ids += 1
        tally = self.tallies.get(getattr(command, "tally", None) or "")
        named = isinstance(command, c.QuestionCommand | c.DutyCommand | c.Due | c.Record)
        question = self.questions.get(name) if named else None
        house, new_id = self.accounts[HOUSE], f"q{self.ids}"
        return Situation(
            self.crew, question, self.purse, house, lambda: self.history(name), new_id, lambda name: f"root of {name}", tally,
            digest=lambda text: f"digest of {text}",
        )  # fmt: skip

    def do(self, actor: str, command: c.Command) -> tuple[e.Event, ...] | Refusal:
        """What time has made due, then the command: decide, and take what was decided."""
        if self.crew is not None:
            self.wait(None, command)
            self.wait(getattr(command, "question", None) if isinstance(command, c.QuestionCommand | c.DutyCommand) else None, command)
        decided = decide(self.situation(command), actor, command, self.now)
        if not isinstance(decided, Refusal):
            self._take_all(decided, str(getattr(command, "question", "")), str(getattr(command, "tally", "")))
        return decided

    def wait(self, question: str | None = None, before: c.Command | None = None) -> list[e.Event]:
        """Write what time has made due on a question, or in the crew; as far as it must be ``before`` a command."""
        done: list[e.Event] = []
        if question is not None and question not in self.questions:
            return done
        for _ in range(20):
            events = due(self.situation(c.Due(question)), before or c.Due(question), self.now)
            if not events:
                return done
            self._take_all(events, question or "")
            done += events
        raise AssertionError("what is due comes to an end")

    def _take_all(self, events: tuple[e.Event, ...], name: str = "", tally: str = "") -> None:
        first = events[0]
        match first:
            case e.QuestionOpened():
                stream = question_stream(first.question)
            case e.TallyOpened():
                stream = tally_stream(first.tally)
            case e.Occurred() | e.Struck():
                stream = tally_stream(tally)
            case e.SealedBet():
                stream = hidden_stream(name, MARKET, first.player)
            case e.Guessed() | e.ForecastStated():
                stream = hidden_stream(name, CLOSEST if isinstance(first, e.Guessed) else FORECAST, first.player)
            case _:
                stream = question_stream(name) if name in self.questions else CREW_STREAM
        for event in events:
            self._take(stream, event)

    def must(self, actor: str, command: c.Command) -> tuple[e.Event, ...]:
        """A command that must be taken."""
        decided = self.do(actor, command)
        assert not isinstance(decided, Refusal), f"{actor} {command}: {decided}"
        return decided

    def _take(self, stream: str, event: e.Event) -> None:
        name = question_of(stream)
        self.log.append((stream, event))
        if isinstance(event, e.Settled | e.Voided | e.Corrected):
            self._settles(self.questions[name], event)
        match event:
            case e.CrewOpened():
                self.crew = Crew(event, last_at=Instant(event.at))
            case _ if stream == CREW_STREAM:
                assert self.crew is not None and isinstance(event, e.CrewEvent)
                powers.crew_may(self.crew, event, self.purse)
                self.crew.evolve(event)
            case e.QuestionOpened():
                powers.host_may(self.crew, event, self.purse, self.accounts, self.tallies)
                self.questions[name], self.events[name], self.hidden[name] = open_question(name, event), [event], []
            case e.TallyOpened():
                self.tallies[event.tally] = Tally(event, last_at=Instant(event.at))
            case e.Occurred() | e.Struck():
                self.tallies[tally_of(stream) or ""].evolve(event)
            case e.Guessed() | e.ForecastStated() | e.SealedBet():
                assert self.crew is not None
                powers.seals(self.questions[name], self.crew, event, self.purse)
                seal(self.questions[name], event)
                self.hidden[name].append(event)
            case _:
                assert self.crew is not None and isinstance(event, e.QuestionEvent)
                powers.may(self.questions[name], self.crew, event, self.purse)  # what was decided, the audit lets pass
                evolve(self.questions[name], event)
                self.events[name].append(event)
        for account, amount in postings(stream, event):
            self.accounts[account] += amount
        purses.apply(self.purse, self.lag, stream, event)

    def _settles(self, question: Question, event: e.Settled | e.Voided | e.Corrected) -> None:
        """I8: what a settlement gives out is what the escrow held; the house never loses more than the subsidy."""
        called_off = isinstance(event, e.Voided) or (isinstance(event, e.Corrected) and event.void)
        assert [book.mechanism for book in event.posted.books if book.mechanism != BELL] == list(question.mechanisms), "a book for each way to play"
        for book in event.posted.books:
            put_up = question.opened.subsidy if book.mechanism == MARKET else 0
            held = put_up - sum(question.flows[book.mechanism].values())
            assert sum(line.out for line in book.lines) + book.house == held, "what went in goes out, no more and no less"
            back = book.house + sum(line.subsidy for line in book.lines)
            assert back >= 0, "the house never loses more than the subsidy"
            if called_off:
                assert back == put_up and not any(line.paid for line in book.lines), "void returns everything"
        cut = question.opened.at if isinstance(event, e.Voided) else getattr(event if isinstance(event, e.Corrected) else question.ruled, "cut", None)
        fell = [old.at for old in self.events[question.id] if isinstance(old, e.BetPlaced | e.Collected) and cut is not None and old.at >= cut]
        self.late |= isinstance(event, e.Corrected) or any(old < event.at - self.lag for old in fell)

    # what must hold

    def check(self) -> None:
        """Conservation and agreement, after every step."""
        audit.solvent(self.accounts)
        for question in self.questions.values():
            audit.conserved(question, self.accounts)
        for player, purse in self.purses.items():
            assert purse.balance == self.accounts[f"player/{player}"] >= 0, "the purse and the account agree"
            assert purse.owed == -self.accounts[f"owed/{player}"] >= 0, "so do the debts"
            if not self.late:
                assert purse.floor >= 0 and purse.owed == 0, "cuts within the lag leave nobody below zero"

    def check_replay(self) -> None:
        """Folding the log anew gives the same states and purses."""
        for name, question in self.questions.items():
            assert told(fold(name, self.history(name))) == told(question), "a replay gives the same state"
        anew: dict[str, Purse] = {}
        for stream, event in self.log:
            purses.apply(lambda player: anew.setdefault(player, Purse()), self.lag, stream, event)
        for player, purse in self.purses.items():
            other = anew.get(player, Purse())
            for one in (purse, other):
                one.age(Instant(self.now - self.lag))
            assert (other.balance, other.floor, other.owed, other.young()) == (purse.balance, purse.floor, purse.owed, purse.young())

    def refused(self, actor: str, command: c.Command) -> str:
        """A command that must be refused; its reason's code. Its sentence names every fact."""
        decided = self.do(actor, command)
        assert isinstance(decided, Refusal), f"{actor} {command} was taken"
        assert "…" not in str(decided), decided
        return decided.reason.code

    def life(self, question: str) -> Life:
        return self.questions[question].life

    def idle(self) -> int:
        """Nobody does anything any more: time alone brings every question to its end. How many steps that took."""
        assert self.crew is not None
        for steps in range(1_000):
            ahead = [(each, name) for name, question in self.questions.items() if (each := timing.coming(question, self.crew)) is not None]
            if not ahead:
                assert {question.life for question in self.questions.values()} <= {Life.SETTLED, Life.VOID}, "some are open for ever"
                return steps
            following, name = min(ahead)
            self.now = max(self.now, following.at)
            assert self.wait(None) or self.wait(name), f"{following} comes, and nothing happens"
            self.check()
        raise AssertionError("what is due comes to an end")

    @property
    def live(self) -> list[str]:
        return [name for name, question in self.questions.items() if question.life in LIVE]


def told(question: Question) -> tuple[object, ...]:
    """Everything of a state that later steps depend on, as plain values. Time is brought to the last event's."""
    passed = question.horizon.passed(question.last_at, question.opened.lead)
    held = {player: holding_from(question, player, passed) for player in sorted(question.stakeholders)}
    whole = question.mechanisms.get(MARKET)
    market = (whole.charged, whole.released) if isinstance(whole, Market) else None
    escrows = {name: mechanism.escrow for name, mechanism in question.mechanisms.items()}
    return (
        question.version, question.last_at, question.life, question.bets, question.flows, held, market, escrows, question.posted,
        question.scored, question.sealed, question.unsealed, question.notes, question.barred, question.duties, question.agreed, question.withdrew,
        question.halted, question.dispute, question.judges, question.overturned, question.reopened_at, question.authors, question.thanks,
    )  # fmt: skip


def holding_from(question: Question, player: str, passed: int) -> tuple[int, ...]:
    """What a player holds on each grain that has not passed, and on never."""
    if MARKET not in question.mechanisms:
        return ()
    steps = list(question.market._holdings[player].steps(passed)) if player in question.market._holdings else []
    return tuple(shares for first, last, shares in steps for _ in range(max(first, passed), last))


def new_table(players: Iterable[str] = ("alice", "bob", "carol", "rita"), **changed: int) -> Table:
    """A table with its players."""
    table = Table(**changed)
    for player in players:
        table.must(player, c.Join())
    return table


def ask(table: Table, days: int = 12, subsidy: int = 100 * POINT, host: str = "olga", first: int = 1, **changed: object) -> str:
    """A question over some days of January, by day; returns its id."""
    body = c.Ask(
        "When?", "It does.", "UTC", "day", day(first), day(first + days), "rita", subsidy, "house" if host == "olga" else "host",  # type: ignore[arg-type]
        **changed,  # type: ignore[arg-type]
    )  # fmt: skip
    opened = table.must(host, body)[0]
    assert isinstance(opened, e.QuestionOpened)
    return opened.question
