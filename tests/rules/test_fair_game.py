"""A random game of everything that people can do to a question and to each other, and of a clock that skips: points are kept, powers and
positions stay apart, a replay arrives at the same state, and once nobody does anything any more every question ends.

The table holds each event that was decided to what the audit lets pass, and time to never running backwards.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from anyday.instants import DAY, HOUR, Instant
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import disputing, timing
from anyday.rules import events as e
from anyday.rules.duties import DEPUTY, HOST, RESOLVER
from anyday.rules.ledger import HOUSE
from anyday.rules.question import LIVE, OVER, PENDING, THE_CREW, Life, Question
from tests.rules.table import POINT, at, day, new_table

PEOPLE: Final = ("olga", "alice", "bob", "carol", "dora", "rita", "sven", "gus")
BETTORS: Final = ("alice", "bob", "carol", "olga")
POWERS: Final = (e.Halted, e.Resumed, e.Closed, e.Ruled, e.Judged, e.Voted, e.Voided, e.Corrected)


class Game:
    """One table, and what happened on it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.seen = chance, Counter[str]()
        self.table = new_table(PEOPLE[1:-1], grant=300 * POINT, dispute=DAY, silence=7 * DAY)
        self.table.must("gus", c.Join(guest=True))

    def do(self, who: str, command: c.Command) -> None:
        before = len(self.table.log)
        decided = self.table.do(who, command)
        self.seen[decided.reason.code if isinstance(decided, Refusal) else type(command).__name__] += 1
        assert not isinstance(decided, Refusal) or "…" not in str(decided), decided
        for stream, event in self.table.log[before:]:
            self.seen[e.kind(event)] += 1
            self.apart(stream, event)
        self.table.check()

    def apart(self, stream: str, event: e.Event) -> None:
        """Nobody with a position uses a power, and nobody who has used one, or could, takes a position."""
        question = self.table.questions.get(stream.split("/")[1]) if "/" in stream else None
        if question is None:
            return
        held = question.stakeholders | question.sealed
        if isinstance(event, POWERS) and event.by != THE_CREW:
            assert event.by not in held, f"{event.by} has a stake, and did this: {event}"
        if isinstance(event, e.DutyAccepted) and (event.duty != HOST or question.opened.subsidy_from == HOUSE):
            assert event.by not in held, f"{event.by} has a stake, and took over"
        assert not held & question.barred.keys(), "whoever is barred has no position, and never had one"
        assert not held & {*question.opened.subjects, *question.opened.barred, *question.duties.ever(RESOLVER, DEPUTY)}

    # what people do

    @property
    def today(self) -> int:
        return (self.table.now - at(0)) // DAY

    def pick(self, *lives: Life) -> str:
        """A question, of these states if there is one."""
        names = [name for name, question in self.table.questions.items() if question.life in lives] or list(self.table.questions)
        return self.chance.choice(names) if names else "none"

    def asks(self) -> None:
        if len(self.table.live) > 3:
            return
        some = self.chance.sample(PEOPLE, 3)
        first, rarely = self.today + self.chance.choice([1, 1, 3]), self.chance.random() < 0.4
        host = self.chance.choice(["olga", "olga", "carol"])
        plays = self.chance.choice(["market", "market", "all", "entries"])
        market = plays != "entries"
        body = c.Ask(
            "When?", "It does.", "UTC", "day", day(first), day(first + 6), self.chance.choice(["rita", "rita", "sven"]),  # type: ignore[arg-type]
            20 * POINT if market else 0, "house" if host == "olga" else "host", market=market,
            tote=c.ToteTerms((day(first + 3),)) if plays != "market" else None, closest=c.ClosestTerms(2 * POINT) if plays != "market" else None,
            forecast=plays != "market", deputy=self.chance.choice(["dora", None]), subjects=(some[0],) if rarely else (),
            barred=(some[1],) if rarely else (), dispute=self.chance.choice([None, 0, 3 * DAY, 3 * DAY]),
            silence=self.chance.choice([None, None, DAY, 2 * DAY]),
        )  # fmt: skip
        self.do(host, body)

    def enters(self) -> None:
        question, amount = self.pick(Life.OPEN), self.chance.randrange(1, 4 * POINT)
        state = self.table.questions.get(question)
        if state is None:
            return
        who = self.chance.choice([*BETTORS, *BETTORS, *sorted(state.stakeholders), *PEOPLE])
        first = max(self.today + 1, (state.horizon.origin - at(0)) // DAY)
        when = day(first + self.chance.randrange(4))
        curve = c.CurveQuantiles(((when, 500_000),), 100_000)
        ways: dict[str, list[c.Command]] = {
            "market": [
                c.Bet(question, when, spend=amount), c.Bet(question, f"not {when}", spend=amount), c.Bet(question, "never", spend=amount),
                c.Sell(question, when), c.Sell(question, "never"), c.Collect(question), c.Collect(question),
            ],
            "tote": [c.Stake(question, "never", amount)],
            "closest": [c.Guess(question, when)],
            "forecast": [c.Forecast(question, curve, amount), c.Forecast(question, curve)],
        }  # fmt: skip
        played = [command for name in state.mechanisms for command in ways[name]]
        self.do(who, self.chance.choice(played if self.chance.random() < 0.95 else [command for way in ways.values() for command in way]))

    def outcome(self) -> str:
        back = day(max(0, self.today - self.chance.randrange(1, 5)))
        return self.chance.choice([back, back, f"{back} 05:07", "never"])

    def in_charge(self, question: str, *besides: str) -> str:
        """Mostly somebody who may."""
        held = self.table.questions.get(question)
        withdrew = held.opened.subjects if held is not None and held.withdrew is not None else ()
        named = [*held.duties.now.values(), *sorted(held.overturned) * 3, *withdrew, *besides] if held is not None else []
        return self.chance.choice([*named * 2, self.chance.choice(PEOPLE)])

    def decides(self) -> None:
        question = self.pick(*(LIVE if self.chance.random() < 0.7 else PENDING))
        ruled = [name for name, state in self.table.questions.items() if state.ruled is not None]
        if ruled and self.chance.random() < 0.3:
            question = ruled[-1]
        who, text = self.in_charge(question, "olga"), "because"
        ruling, correcting = c.Rule(question, self.outcome(), text), c.Correct(question, self.outcome(), text, text)
        rarely = [c.Void(question, text)] if self.chance.random() < 0.2 else []
        self.do(who, self.chance.choice([ruling, ruling, ruling, correcting, c.Halt(question, text), c.Resume(question), c.Close(question), *rarely]))

    def disputes(self) -> None:
        question = self.pick(*PENDING)
        state = self.table.questions.get(question)
        if state is None or (state.life not in PENDING and self.chance.random() < 0.9):
            return
        assert self.table.crew is not None
        turns = timing.turn(state, self.table.crew, self.table.now)[0] if state.life is Life.DISPUTED else []
        verdict = self.chance.choice(["stands", "replaced", "withdrawn"])
        if state.life is Life.RULED or self.chance.random() < 0.3:
            self.do(self.chance.choice([*PEOPLE, state.ruled.by if state.ruled is not None else "olga"]), c.Dispute(question, "no"))
        elif self.chance.random() < 0.6:
            self.do(self.chance.choice([*turns * 4, *PEOPLE]), c.Judge(question, verdict, "so", self.outcome(), "seen"))

    def votes(self) -> None:
        assert self.table.crew is not None
        crew, now = self.table.crew, self.table.now
        asked = [name for name, each in self.table.questions.items() if disputing.may_vote(each, crew, "nobody", now) is None]
        question = self.chance.choice(asked) if asked else self.pick(Life.DISPUTED)
        disputed = question in self.table.questions and self.table.life(question) is Life.DISPUTED
        for _ in range(3 if asked else 1):
            choice = self.chance.choice(["stands", "falls", "falls"] if disputed else ["never", "never", self.outcome()])
            self.do(self.chance.choice(PEOPLE), c.Vote(question, choice))

    def consents(self) -> None:
        question = self.pick(Life.DRAFT if self.chance.random() < 0.7 else Life.OPEN)
        subjects = self.table.questions[question].opened.subjects if question in self.table.questions else ()
        body = c.Withdraw(question) if self.chance.random() < 0.2 else c.Agree(question)
        self.do(self.chance.choice([*subjects * 3, self.chance.choice(PEOPLE)]), body)

    def hands_over(self) -> None:
        question: str | None = self.pick(*LIVE)
        duty = self.chance.choice(["owner", "host", "resolver", "resolver", "deputy"])
        question = None if duty == "owner" else question
        assert self.table.crew is not None
        duties = self.table.crew.duties if question is None else self.table.questions[question].duties if question in self.table.questions else None
        offer = duties.offers.get(duty) if duties is not None else None
        if offer is not None and self.chance.random() < 0.8:
            self.do(offer.to, self.chance.choice([c.Accept, c.Accept, c.Accept, c.Decline])(duty, question))
            return
        until = self.chance.choice([None, *[day(self.today + self.chance.randrange(12)) for _ in range(3)]])
        who = duties.now.get(duty, "bob") if duties is not None and self.chance.random() < 0.9 else self.chance.choice(PEOPLE)
        self.do(who, c.HandOver(duty, self.chance.choice(PEOPLE), question, until))

    def belongs(self) -> None:
        assert self.table.crew is not None
        who, owner = self.chance.choice(PEOPLE), self.table.crew.owner
        gone = [each for each in PEOPLE if each not in self.table.crew.members]
        if gone and self.chance.random() < 0.7:
            self.do(self.chance.choice(gone), c.Join(guest=self.chance.random() < 0.3))
            return
        self.do(*self.chance.choice([
            (who, c.Leave()), (owner, c.Remove(who, "so")), (owner, c.MakePlayer(who)), (owner, c.MakePlayer("gus")),
            (owner, c.Grant(who, POINT, "so")), (owner, c.ChangeSettings(dispute=self.chance.choice([0, DAY]))),
        ]))  # fmt: skip

    def alarms(self) -> None:
        assert self.table.crew is not None
        body = c.Alarm("odd") if self.table.crew.alarm is None and self.chance.random() < 0.2 else c.AllClear()
        self.do(self.table.crew.owner, body)

    def talks(self) -> None:
        question = self.pick()
        version = self.table.questions[question].version if question in self.table.questions else 1
        self.do(self.chance.choice(PEOPLE), self.chance.choice([
            c.Comment(question, "so"), c.Thank(question, version), c.Thank(question, self.chance.randrange(1, version + 1)),
            c.Note(question, "news", "so", day(max(0, self.today - 1)), "seen"),
        ]))  # fmt: skip

    def waits(self) -> None:
        self.table.now = Instant(self.table.now + self.chance.choice([HOUR, 5 * HOUR, 12 * HOUR, DAY, DAY, 2 * DAY, 3 * DAY]))
        if self.chance.random() < 0.04:
            self.table.now = Instant(self.table.now + 9 * DAY)
        if self.chance.random() < 0.3:  # the server is there, and writes by itself
            self.table.wait(None)
            for name in list(self.table.questions):
                before = len(self.table.log)
                self.table.wait(name)
                for stream, event in self.table.log[before:]:
                    self.seen[e.kind(event)] += 1
                    self.apart(stream, event)

    def step(self) -> None:
        steps: list[tuple[Callable[[], None], int]] = [
            (self.asks, 3), (self.enters, 14), (self.decides, 4), (self.disputes, 8), (self.votes, 2), (self.consents, 3), (self.hands_over, 3),
            (self.belongs, 1), (self.alarms, 2), (self.talks, 3), (self.waits, 4),
        ]  # fmt: skip
        assert self.table.crew is not None
        if self.table.crew.alarm is not None and self.chance.random() < 0.2:
            self.alarms()
        self.chance.choices([step for step, _ in steps], [weight for _, weight in steps])[0]()

    def end(self) -> None:
        """Nobody does anything any more. Every question ends, and within a time that follows from its own terms."""
        self.table.check_replay()
        bounds = {name: self.bound(question) for name, question in self.table.questions.items() if question.life not in OVER}
        self.table.idle()
        for name in self.table.questions:
            ended = next(event.at for event in self.table.events[name] if isinstance(event, e.Settled | e.Voided))
            assert name not in bounds or ended <= bounds[name], f"{name} took until {ended}"
        self.table.check_replay()

    def bound(self, question: Question) -> int:
        """The longest way: it is ruled now, disputed, judged by nobody, withdrawn by votes that are cast, and nobody rules it again."""
        from_then = max(self.table.now, question.horizon.end)
        return from_then + question.opened.dispute + 2 * question.opened.silence + 4 * timing.TURN


WANTED: Final = {
    "question_opened", "bet_placed", "collected", "staked", "guessed", "forecast_stated", "unsealed", "noted", "commented", "thanked", "consented",
    "withdrew", "halted", "resumed", "closed", "ruled", "disputed", "voted", "judged", "settled", "voided", "corrected", "scored", "duty_offered",
    "duty_accepted", "duty_declined", "duty_returned", "player_joined", "made_player", "member_left", "granted", "settings_changed", "alarm_raised",
    "alarm_lifted",
    "barred", "has_stake", "guest", "owner_stays", "ruling_fell", "own_ruling", "own_thanks", "alarm", "nothing_halted", "withdrawn_from",
    "not_offered", "only_lent", "has_passed", "not_settled_yet", "nothing_to_dispute", "not_disputed", "no_vote", "not_ruled", "already_ruled",
}  # fmt: skip


def played(chance: random.Random, games: int, steps: int) -> Counter[str]:
    """What was seen in so many games, each played to its end."""
    seen = Counter[str]()
    for _ in range(games):
        game = Game(chance)
        for _ in range(steps):
            game.step()
        game.end()
        seen += game.seen
    return seen


def test_whatever_people_do_to_each_other_points_are_kept_powers_stay_apart_and_every_question_ends(chance: random.Random) -> None:
    seen = played(chance, 120, 250)
    print(seen)
    assert not [kind for kind in WANTED if not seen[kind]], "a game that reaches little says little"


def test_a_rule_that_let_somebody_with_a_stake_use_a_power_would_be_found(chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: without the check, the game comes to it."""
    monkeypatch.setattr(Question, "has_stake", lambda *_: False)
    with pytest.raises(AssertionError, match="has a stake"):
        played(chance, 60, 220)


def test_a_question_that_waits_for_ever_would_be_found(chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: a resolver who may be silent for ever."""
    monkeypatch.setattr(timing, "_end_silence", lambda *_: ())
    with pytest.raises(AssertionError, match="nothing happens"):
        played(chance, 60, 60)
