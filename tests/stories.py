"""The language of the scenarios: plain sentences, one a line, told to the real service on a clock that stands still.

Each sentence is a pattern in ``SENTENCES`` beside what it does. A command's line may end with what is answered:
``-> pays 50, gets 112.5`` or ``-> refused not_enough``. Amounts are points. A ``?`` instead of a number fails and tells
the number, which is how a story is written: predict what you can, ask for the rest, and look at it twice.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from anyday import wire
from anyday.instants import DAY, HOUR, MINUTE, Grain, Instant, iso
from anyday.points import UNITS_A_POINT, write_points
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules.decide import claimed
from anyday.service import CREW
from tests.world import World, hold, instant

UNITS: Final = {"microsecond": 1, "second": 1_000_000, "minute": MINUTE, "hour": HOUR, "day": DAY}


def points(text: str) -> int:
    """Typed points, sign allowed, as micro-points."""
    units = Decimal(text) * UNITS_A_POINT
    assert units == int(units), f"{text} is finer than a micro-point"
    return int(units)


def duration(text: str) -> int:
    """``3 days``, ``a microsecond``."""
    many, unit = text.split()
    return (1 if many in ("a", "an", "one") else int(many)) * UNITS[unit.removesuffix("s")]


def same(expected: str, got: str, what: str) -> None:
    assert expected == got, f"{what} is {got}; the story says {expected}"


class Teller:
    """Tells one story to one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.questions: dict[str, str] = {}
        self.tally = "none"
        self.last: c.Envelope | None = None
        self.answers: dict[str, wire.Receipt] = {}
        self.expected = ""
        self.ledger: dict[str, str] | None = None

    async def tell(self, text: str) -> None:
        """Every line of the story in turn; after each, what must hold of the whole world is checked."""
        for number, line in lines(text):
            try:
                await self._line(line)
                self.world.check()
            except AssertionError as error:
                raise AssertionError(f"line {number}: {line}\n{error}") from error
        if self.ledger is not None:
            self._close_ledger()

    async def _line(self, line: str) -> None:
        if self.ledger is not None:
            account, _, held = line.rpartition(" ")
            self.ledger[account] = held
            return
        told, _, self.expected = (part.strip() for part in line.partition("->"))
        told, _, self.name = (part.strip() for part in told.partition(" @"))
        for pattern, does in SENTENCES:
            if (match := re.fullmatch(pattern, told)) is not None:
                await does(self, **{name: value for name, value in match.groupdict().items() if value is not None})
                return
        raise AssertionError("no sentence of the language reads like this")

    @property
    def question(self) -> str:
        """The question that a line is about: the one named after @, or the one asked last."""
        if self.name:
            return self.questions.get(self.name, self.name)
        return next(reversed(self.questions.values()), "none")

    # time

    async def at(self, when: str, zone: str = "UTC", before: str = "") -> None:
        moved = instant(when, zone) - (duration(before) if before else 0)
        assert moved >= self.world.clock.now, "a story runs forwards"
        self.world.clock.now = Instant(moved)
        await self.world.wake()

    async def later(self, time: str) -> None:
        self.world.clock.move(duration(time.lower()))
        await self.world.wake()

    async def restart(self) -> None:
        await self.world.reopen()

    # commands

    async def say(self, who: str, body: c.Command) -> None:
        await self._send(self.world.envelope(who.lower(), body))

    async def _send(self, envelope: c.Envelope) -> None:
        before = self.world.count()
        answer = await self.world.service.submit(envelope)
        if isinstance(answer, Refusal):
            assert self.expected.startswith("refused "), f"refused {answer.reason.code}: {answer}"
            same(self.expected.removeprefix("refused "), answer.reason.code, "the reason")
            assert "…" not in str(answer), f"the sentence lacks a fact: {answer}"
            assert self.world.count() == before, "what is refused leaves no trace"
            return
        assert not self.expected.startswith("refused "), f"this was taken: {answer.said}"
        self.last, self.answers[envelope.command_id] = envelope, answer
        if isinstance(envelope.body, c.OpenTally):
            assert answer.tally is not None
            self.tally = answer.tally
        if isinstance(envelope.body, c.Ask):
            assert answer.question is not None
            self.questions[self.name or f"question {len(self.questions) + 1}"] = answer.question
        self._answered(answer)

    def _answered(self, answer: wire.Receipt) -> None:
        for part in filter(None, (part.strip() for part in self.expected.split(","))):
            word, _, value = part.partition(" ")
            got = points(answer.charge or "0") - points(answer.released or "0")
            match word:
                case "pays":
                    same(value, write_points(got), "what is paid")
                case "receives":
                    same(value, write_points(-got), "what is received")
                case "gets":
                    same(value, answer.shares or "", "the payout")
                case "says":
                    assert value in answer.said, answer.said
                case _:
                    raise AssertionError(f"no answer is called {word}")

    async def in_crew(self, which: str) -> None:
        """From here on the story is about that crew; what was asked in another is still called by its name."""
        self.world.crew_id = CREW if which == "first" else which.lower()

    async def open_crew(
        self, who: str, each: str, house: str, lag: str, zone: str = "UTC", dispute: str = "0 days", silence: str = "366 days"
    ) -> None:
        body = c.OpenCrew("The crew", zone, points(each), points(house), duration(lag), duration(dispute), duration(silence))
        await self.say(who, body)

    async def joins_as_guest(self, who: str) -> None:
        await self.say(who, c.Join(guest=True))

    async def makes_player(self, who: str, whom: str) -> None:
        await self.say(who, c.MakePlayer(whom.lower()))

    async def leaves(self, who: str) -> None:
        await self.say(who, c.Leave())

    async def removes(self, who: str, whom: str, reason: str) -> None:
        await self.say(who, c.Remove(whom.lower(), reason))

    async def sets(self, who: str, what: str, value: str) -> None:
        number = points(value) if what == "joining grant" else duration(value)
        await self.say(who, c.ChangeSettings(**{what.replace(" ", "_").replace("dispute_window", "dispute"): number}))  # type: ignore[arg-type]

    async def alarm(self, who: str, reason: str) -> None:
        await self.say(who, c.Alarm(reason))

    async def all_clear(self, who: str) -> None:
        await self.say(who, c.AllClear())

    # duties

    def _held_in(self, duty: str) -> str | None:
        return None if duty == "owner" else self.question

    async def hands(self, who: str, duty: str, to: str, until: str = "") -> None:
        await self.say(who, c.HandOver(duty, to.lower(), self._held_in(duty), until or None))

    async def has_it(self, who: str, duty: str) -> None:
        await self.say(who, c.Accept(duty, self._held_in(duty)))

    async def declines(self, who: str, duty: str) -> None:
        await self.say(who, c.Decline(duty, self._held_in(duty)))

    async def holds(self, who: str, duty: str) -> None:
        crew, state = self.world.service.writer.memory(self.world.crew_id).crew, self.world.service.find(self.question)
        assert crew is not None
        held = crew.duties if duty == "owner" else state.duties if state is not None else None
        assert held is not None
        same(who.lower(), held.now.get(duty, "nobody"), f"whoever is its {duty}")

    async def join(self, who: str) -> None:
        for name in re.split(r", | and ", who):
            await self.say(name, c.Join())

    async def ask(self, who: str, title: str, grain: str, zone: str, origin: str, horizon: str, rest: str) -> None:
        fields: dict[str, Any] = {"subsidy": 500_000_000, "subsidy_from": "host", "resolver": "nobody", "terms": "As it says."}
        if (played := re.search(r"; played (.+?)(?:;|$)", rest)) is not None:
            fields |= ways(played[1])
        by: list[tuple[str, int]] = []
        never = 200_000
        for clause in filter(None, (clause.strip() for clause in rest.split(";"))):
            if match := re.fullmatch(r"(\w+) rules", clause):
                fields["resolver"] = match[1].lower()
            elif match := re.fullmatch(r"the (\w+) puts up (-?[\d.]+)", clause):
                fields |= {"subsidy_from": match[1], "subsidy": points(match[2])}
            elif match := re.fullmatch(r"(\w+) stands in", clause):
                fields["deputy"] = match[1].lower()
            elif match := re.fullmatch(r"it is about (.+)", clause):
                fields["subjects"] = people(match[1])
            elif match := re.fullmatch(r"(.+) could cause it", clause):
                fields["barred"] = people(match[1])
            elif match := re.fullmatch(r"(?:disputed for (?P<dispute>.+)|(?P<silence>.+) of silence)", clause):
                fields |= {name: duration(time) for name, time in match.groupdict().items() if time}
            elif clause.startswith("played "):
                pass
            elif clause == "for the tally":
                fields["tally"] = self.tally
            elif clause == "from its gaps":
                fields["opening"] = c.OpeningTally()
            elif match := re.fullmatch(r"lead (.+)", clause):
                fields["lead"] = duration(match[1])
            elif match := re.fullmatch(r"never ([\d.]+)%", clause):
                never = round(float(match[1]) * 10_000)
            elif match := re.fullmatch(r"by (.+) ([\d.]+)%", clause):
                by.append((match[1], round(float(match[2]) * 10_000)))
            elif match := re.fullmatch(r"the (\w+) (?:has|have) (\d+) letters", clause):
                fields[match[1]] = "x" * int(match[2])
            elif match := re.fullmatch(r"the bell at (.+)", clause):
                fields["bell"] = match[1]
            elif match := re.fullmatch(r"the (\w+) (?:is|are) missing", clause):
                fields[match[1]] = " "
            else:
                raise AssertionError(f"no clause of a question reads like this: {clause}")
        opening = c.OpeningQuantiles(tuple(by), never) if by else c.OpeningUniform(never)
        asked: dict[str, Any] = {"title": title, "zone": zone, "grain": grain, "origin": origin, "horizon": horizon, "opening": opening}
        await self.say(who, c.Ask(**(asked | fields)))

    async def bet(self, who: str, window: str, spend: str = "", shares: str = "", target: str = "", rest: str = "", under: str = "") -> None:
        sizes = {
            "spend": points(spend) if spend else None, "shares": points(shares) if shares else None,
            "target": round(float(target) * 10_000) if target else None,
        }  # fmt: skip
        body = c.Bet(self.question, window, **sizes, **limits(rest))
        if under:
            assert self.last is not None
            await self._send(msgspec.structs.replace(self.last, actor=who.lower(), body=body))
        else:
            await self.say(who, body)

    async def seal(self, who: str, spend: str, window: str, limit: str, place: str = "") -> None:
        replaces = int(place) if place else None
        await self.say(who, c.SealBet(self.question, window, round(float(limit) * 10_000), spend=points(spend), replaces=replaces))

    async def withdraw_bet(self, who: str, place: str) -> None:
        await self.say(who, c.WithdrawBet(self.question, int(place)))

    async def sell(self, who: str, window: str, shares: str = "", rest: str = "") -> None:
        given = limits(rest)
        least = given.pop("min_shares", None)
        await self.say(who, c.Sell(self.question, window, points(shares) if shares else None, least, **given))

    async def bet_nothing(self, who: str, window: str) -> None:
        await self.say(who, c.Bet(self.question, window))

    async def many(self, who: str, many: str, size: str) -> None:
        """Bets on every other day, from the first open one on."""
        state = self.world.here.find(self.question)
        assert state is not None
        for place in range(int(many)):
            day = iso(state.horizon.start(state.market.passed + 2 * place + 1))[:10]
            await self.world.do(who.lower(), c.Bet(self.question, day, shares=points(size)))

    async def again(self, who: str) -> None:
        """The same command under the same id: the same reply, and no second effect."""
        assert self.last is not None and self.last.actor == who.lower()
        before = self.world.count()
        assert await self.world.service.submit(self.last) == self.answers[self.last.command_id]
        assert self.world.count() == before, "a retry has no second effect"

    async def collect(self, who: str) -> None:
        await self.say(who, c.Collect(self.question))

    async def stake(self, who: str, amount: str, slot: str) -> None:
        await self.say(who, c.Stake(self.question, slot, points(amount)))

    async def guess(self, who: str, guess: str) -> None:
        await self.say(who, c.Guess(self.question, guess))

    async def guess_many(self, who: str, many: str) -> None:
        """Guesses on every day, from the first on."""
        state = self.world.here.find(self.question)
        assert state is not None
        for place in range(int(many)):
            await self.world.do(who.lower(), c.Guess(self.question, iso(state.horizon.start(place))[:10]))

    async def forecast(self, who: str, curve: str, stake: str = "") -> None:
        await self.say(who, c.Forecast(self.question, curve_of(curve), points(stake) if stake else None))

    async def note(self, who: str, kind: str, text: str, when: str, evidence: str = "seen") -> None:
        await self.say(who, c.Note(self.question, kind.removeprefix("a ").replace(" ", "_"), text, when, evidence))

    async def open_tally(
        self, who: str, name: str, since: str, title: str = "", span: str = "", grain: str = "day", payer: str = "", amount: str = ""
    ) -> None:
        following = None
        if title:
            following = c.NextQuestion(title, "As it says.", Grain(grain), int(span), points(amount), payer)
        await self.say(who, c.OpenTally(name, "As it says.", since, following))

    async def record(self, who: str, when: str, evidence: str = "seen") -> None:
        await self.say(who, c.Record(self.tally, when, evidence))

    async def record_ruling(self, who: str) -> None:
        await self.say(who, c.Record(self.tally, question=self.question))

    async def strike(self, who: str, version: str, reason: str = "it does not count") -> None:
        await self.say(who, c.Strike(self.tally, int(version), reason))

    def _tally(self) -> wire.TallyView:
        view = self.world.here.tally(self.tally, "nobody")
        assert isinstance(view, wire.TallyView), view
        return view

    async def tally_holds(self, held: str) -> None:
        """What counts, the newest first; what was struck out is told so."""
        told = "; ".join(f"{one.when}{' (struck out)' if one.struck is not None else ''}" for one in self._tally().occurrences)
        same(held, told or "nothing", "what the tally holds")

    async def tally_says(self, said: str) -> None:
        view = self._tally()
        words = f"{view.count_said} {view.last_said} {view.rate.said if view.rate else ''} {view.gaps.said if view.gaps else ''}"
        assert said in words, words

    async def tally_counts(self, months: str, count: str, before: str) -> None:
        period = next(period for period in self._tally().periods if str(period.months) == months)
        same(f"{count} after {before}", f"{period.count} after {period.before}", f"the count of the past {months} months")

    async def next_asked(self, title: str, name: str) -> None:
        """The tally has asked by itself; the question has this name from here on."""
        asked = self._tally().next
        assert asked.question is not None, f"nothing is asked: {asked.refused}"
        same(title, asked.title, "what it asks")
        self.questions[name] = asked.question

    async def next_refused(self, reason: str) -> None:
        asked = self._tally().next
        assert asked.question is None and asked.refused is not None, asked
        same(reason, self.world.here.stuck[self.tally].refusal.reason.code, "why the next question could not be opened")

    async def next_none(self) -> None:
        asked = self._tally().next
        assert asked.question is None and asked.refused is None, asked

    async def agrees(self, who: str) -> None:
        await self.say(who, c.Agree(self.question))

    async def withdraws(self, who: str) -> None:
        await self.say(who, c.Withdraw(self.question))

    async def halts(self, who: str, reason: str = "something is odd") -> None:
        await self.say(who, c.Halt(self.question, reason))

    async def resumes(self, who: str) -> None:
        await self.say(who, c.Resume(self.question))

    async def disputes(self, who: str, reason: str = "it was another") -> None:
        await self.say(who, c.Dispute(self.question, reason))

    async def judges(self, who: str, verdict: str, outcome: str = "", reason: str = "I was there") -> None:
        verdict = {"that it stands": "stands", "that it is withdrawn": "withdrawn"}.get(verdict, "replaced" if outcome else verdict)
        await self.say(who, c.Judge(self.question, verdict, reason, outcome, "seen" if outcome else ""))

    async def votes(self, who: str, choice: str) -> None:
        await self.say(who, c.Vote(self.question, choice))

    async def comments(self, who: str, text: str) -> None:
        await self.say(who, c.Comment(self.question, text))

    async def thanks(self, who: str, version: str) -> None:
        await self.say(who, c.Thank(self.question, int(version)))

    async def close(self, who: str) -> None:
        await self.say(who, c.Close(self.question))

    async def rule(self, who: str, outcome: str, evidence: str = "seen", rest: str = "") -> None:
        known = re.fullmatch(r", known (.+)", rest)
        await self.say(who, c.Rule(self.question, outcome, evidence, known[1] if known else None, **limits("" if known else rest)))

    async def correct(self, who: str, outcome: str, reason: str = "a slip") -> None:
        await self.say(who, c.Correct(self.question, outcome, "seen", reason))

    async def void(self, who: str, reason: str = "a mistake") -> None:
        await self.say(who, c.Void(self.question, reason))

    async def grant(self, who: str, to: str, amount: str) -> None:
        to = "house" if to == "the house" else to.lower()
        await self.say(who, c.Grant(to, points(amount), "a present"))

    # looking

    async def has(self, who: str, amount: str) -> None:
        same(amount, write_points(self.world.balances().get(account(who), 0)), f"what {who} has")

    async def owes(self, who: str, amount: str) -> None:
        same(amount, write_points(-self.world.balances().get(f"owed/{who.lower()}", 0)), f"what {who} owes")

    async def can_spend(self, who: str, amount: str, here: str = "") -> None:
        purse = self.world.here.purse(who.lower())
        me = self.world.here.me(who.lower())
        if here:
            got = write_points(max(0, purse.spendable(self.question)))
        else:
            got = me.spendable
        same(amount, got, f"what {who} can spend")

    async def stands(self, window: str, chance: str) -> None:
        state = self.world.here.find(self.question)
        assert state is not None
        claim = claimed(state, window, self.world.service.now())
        assert not isinstance(claim, Refusal), claim
        state.market.advance(self.world.service.now())
        decimals = len(chance.partition(".")[2])
        same(chance, f"{state.market.price(claim) * 100:.{decimals}f}", f"the chance of {window}")

    async def state(self, state: str) -> None:
        found = self.world.here.find(self.question)
        assert found is not None
        same(state, found.life.value, "the question")

    def _view(self, who: str) -> wire.QuestionView:
        view = self.world.here.question(self.question, who.lower())
        assert isinstance(view, wire.QuestionView), view
        return view

    async def sees_guesses(self, who: str, many: str) -> None:
        """Guesses are told in their order on the axis."""
        closest = self._view(who).closest
        assert closest is not None
        same(many, ", ".join(f"{pin.window}{' (own)' if pin.mine else ''}" for pin in closest.pins) or "nothing", f"what {who} sees guessed")

    async def sees_forecasts(self, who: str, scores: str) -> None:
        forecast = self._view(who).forecast
        assert forecast is not None
        assert forecast.revealed == (forecast.linear is not None) == bool(forecast.rows), "the scores and the crowd are told together"
        same(scores, ", ".join(f"{row.score}{' (own)' if row.mine else ''}" for row in forecast.rows) or "nothing", f"which scores {who} sees")

    async def dividend(self, slot: str, dividend: str) -> None:
        tote = self._view("nobody").tote
        assert tote is not None
        held = {view.window: view.dividend for view in tote.slots}
        same(dividend, held[slot] or "nothing", f"what {slot} pays of {list(held)}")

    async def begin_ledger(self) -> None:
        self.ledger = {}

    def _close_ledger(self) -> None:
        assert self.ledger is not None
        names = {identity: name for name, identity in self.questions.items()}
        held = {spoken(name, names): write_points(amount) for name, amount in self.world.balances().items() if amount}
        told = {name: amount for name, amount in self.ledger.items() if amount != "0"}
        assert told == held, "the ledger is\n" + "\n".join(f"  {name} {amount}" for name, amount in held.items())


def account(who: str) -> str:
    """The account of whom a story names."""
    return "house" if who == "The house" else f"player/{who.lower()}"


def spoken(name: str, questions: dict[str, str]) -> str:
    """An account as stories call it."""
    kind, _, of = name.partition("/")
    match kind:
        case "player":
            return of.capitalize()
        case "owed":
            return f"{of.capitalize()}’s debt"
        case "escrow":
            question, _, mechanism = of.partition("/")
            held = {"market": "escrow", "tote": "tote", "closest": "guesses", "forecast": "forecasts"}[mechanism]
            return f"{held} of {questions[question]}"
        case "reserve":
            question, _, player = of.partition("/")
            return f"{player.capitalize()}’s sealed bets on {questions[question]}"
    return f"the {kind}"


def people(told: str) -> tuple[str, ...]:
    """``Bob``, ``Bob and Carol``."""
    return tuple(name.lower() for name in re.split(r", | and ", told))


def ways(told: str) -> dict[str, Any]:
    """``as a market, and a tote by month with 5% take-out, and a closest guess at 10 points, nearest, and a forecast``; ``in no way``."""
    fields: dict[str, Any] = {"market": False, "subsidy": 0}
    for way in told.removeprefix("as ").split(", and "):
        if way == "a market":
            fields |= {"market": True, "subsidy": 500_000_000}
        elif way == "a forecast":
            fields["forecast"] = True
        elif match := re.fullmatch(r"a tote (?:by (\w+)|from (.+?))(?: with (-?[\d.]+)% take-out)?", way):
            slots = match[1] or tuple(match[2].split(" and "))
            fields["tote"] = c.ToteTerms(slots, round(float(match[3] or 0) * 10_000))
        elif match := re.fullmatch(r"a closest guess at (-?[\d.]+) points?, ([\w ]+?)(, three prizes)?(, one prize)?(, as many as one likes)?", way):
            prize = "three" if match[3] else "winner"
            fields["closest"] = c.ClosestTerms(points(match[1]), match[2].replace(" ", "_"), prize, many=bool(match[5]))
        else:
            assert way == "in no way", f"no way to play reads like this: {way}"
    return fields


def curve_of(told: str) -> c.CurveQuantiles | c.CurveFamily | c.CurveTable:
    """``half by 12 March, 90% by 20 March, never 5%`` · ``the parts 12 March 40%, 20 March 55%, never 5%`` · ``a gamma, half by
    12 March, 90% by 20 March``."""
    family = re.fullmatch(r"an? (\w+), half by (.+?), 90% by (.+?)(?:, never ([\d.]+)%)?", told)
    if family is not None:
        return c.CurveFamily(family[1], family[2], family[3], None if family[4] is None else round(float(family[4]) * 10_000))
    table = told.startswith("the parts ")
    stated: list[tuple[str, int]] = []
    never = 0
    for part in told.removeprefix("the parts ").split(", "):
        match = re.fullmatch(r"(.+?) (-?[\d.]+)%" if table else r"(never|half by|[\d.]+% by) (.+)", part)
        assert match is not None, f"no part of a curve reads like this: {part}"
        if match[1] == "never":
            never = round(float(match[2].removesuffix("%")) * 10_000)
        elif table:
            stated.append((match[1], round(float(match[2]) * 10_000)))
        else:
            stated.append((match[2], 500_000 if match[1] == "half by" else round(float(match[1].removesuffix("% by")) * 10_000)))
    return c.CurveTable(tuple(stated), never) if table else c.CurveQuantiles(tuple(stated), never)


def limits(rest: str) -> dict[str, int]:
    """``, at most 20`` · ``, at least 30`` · ``, seen at version 3``."""
    given: dict[str, int] = {}
    for clause in filter(None, (clause.strip() for clause in rest.split(","))):
        if clause.startswith("at most "):
            given["max_cost"] = points(clause.removeprefix("at most "))
        elif clause.startswith("at least "):
            given["min_shares"] = points(clause.removeprefix("at least "))
        else:
            assert clause.startswith("seen at version "), f"no limit reads like this: {clause}"
            given["expected_version"] = int(clause.removeprefix("seen at version "))
    return given


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that tell something, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        told = line.split("#")[0].strip()
        if told:
            yield number, told


WHO = r"(?P<who>[A-Z]\w*)"
SENTENCES: Final[tuple[tuple[str, Callable[..., Awaitable[None]]], ...]] = (
    (r"It is (?:(?P<before>\w+ \w+) before )?(?P<when>[\dT:. Z-]+)(?: in (?P<zone>[\w/]+))?", Teller.at),
    (r"(?P<time>\w+ (?:microsecond|second|minute|hour|day)s?) later", Teller.later),
    (r"The server restarts", Teller.restart),
    (r"In the crew (?P<which>\w+)", Teller.in_crew),
    (
        WHO + r" opens the crew: (?P<each>[\d.]+) points each, (?P<house>[\d.]+) for the house, report lag (?P<lag>.+?)(?:, zone (?P<zone>.+?))?"
        r"(?:, disputed for (?P<dispute>.+?))?(?:, (?P<silence>\w+ \w+) of silence)?",
        Teller.open_crew,
    ),
    (WHO + r" joins as a guest", Teller.joins_as_guest),
    (WHO + r" makes (?P<whom>\w+) a player", Teller.makes_player),
    (WHO + r" leaves", Teller.leaves),
    (WHO + r" removes (?P<whom>\w+) because “(?P<reason>.*?)”", Teller.removes),
    (WHO + r" sets the (?P<what>joining grant|dispute window|silence) to (?P<value>.+)", Teller.sets),
    (WHO + r" raises the alarm: “(?P<reason>.*?)”", Teller.alarm),
    (WHO + r" lifts the alarm", Teller.all_clear),
    (WHO + r" hands its (?P<duty>\w+) to (?P<to>\w+)(?: until (?P<until>.+))?", Teller.hands),
    (WHO + r" is its (?P<duty>\w+) now", Teller.has_it),
    (WHO + r" declines to be its (?P<duty>\w+)", Teller.declines),
    (r"Its (?P<duty>\w+) is (?P<who>\w+)", Teller.holds),
    (r"(?P<who>[\w, ]+) joins?", Teller.join),
    (WHO + r" asks “(?P<title>.*?)” by (?P<grain>\w+) in (?P<zone>\S+) from (?P<origin>.+?) to (?P<horizon>[^;]+?)(?P<rest>;.*)?", Teller.ask),
    (WHO + r" bets (?P<spend>[\d.]+) on (?P<window>[^,]*?)(?P<under> under the same id)", Teller.bet),
    (WHO + r" bets (?P<spend>-?[\d.]+) on (?P<window>[^,]*)(?P<rest>,.*)?", Teller.bet),
    (WHO + r" buys (?P<size>[\d.]+) of each of (?P<many>\d+) days, every other one", Teller.many),
    (WHO + r" buys (?P<shares>-?[\d.]+) of (?P<window>[^,]*)(?P<rest>,.*)?", Teller.bet),
    (WHO + r" moves (?P<window>[^,]*) to (?P<target>[\d.]+)%(?P<rest>,.*)?", Teller.bet),
    (WHO + r" seals (?P<spend>-?[\d.]+) on (?P<window>.+?) at up to (?P<limit>[\d.]+)%(?:, in place of (?P<place>\d+))?", Teller.seal),
    (WHO + r" withdraws the sealed bet (?P<place>\d+)", Teller.withdraw_bet),
    (WHO + r" bets without a size on (?P<window>[^,]*)", Teller.bet_nothing),
    (WHO + r" sells (?P<shares>-?[\d.]+) of (?P<window>[^,]*)(?P<rest>,.*)?", Teller.sell),
    (WHO + r" sells (?P<window>[^,]*)(?P<rest>,.*)?", Teller.sell),
    (WHO + r" says it again", Teller.again),
    (WHO + r" collects", Teller.collect),
    (WHO + r" stakes (?P<amount>-?[\d.]+) on (?P<slot>.+)", Teller.stake),
    (WHO + r" guesses each of the first (?P<many>\d+) days", Teller.guess_many),
    (WHO + r" guesses (?P<guess>.+)", Teller.guess),
    (WHO + r" forecasts (?P<curve>.+?)(?:, staking (?P<stake>-?[\d.]+))?", Teller.forecast),
    (WHO + r" notes (?P<kind>news|a near miss|a \w+) “(?P<text>.*?)” of (?P<when>.+?)(?:, seen in “(?P<evidence>.*?)”)?", Teller.note),
    (
        WHO + r" opens the tally “(?P<name>.*?)” from (?P<since>[^;]+?)(?:; asks “(?P<title>.*?)” over (?P<span>\d+) (?P<grain>\w+?)s, "
        r"the (?P<payer>\w+) puts up (?P<amount>-?[\d.]+))?",
        Teller.open_tally,
    ),
    (WHO + r" records “(?P<when>.*?)”(?: by “(?P<evidence>.*?)”)?", Teller.record),
    (WHO + r" records its ruling", Teller.record_ruling),
    (WHO + r" strikes out (?P<version>\d+)(?: because “(?P<reason>.*?)”)?", Teller.strike),
    (r"The tally holds (?P<held>.+)", Teller.tally_holds),
    (r"The tally says “(?P<said>.+)”", Teller.tally_says),
    (r"The past (?P<months>\d+) months? (?:hold|holds) (?P<count>\d+) after (?P<before>\w+)", Teller.tally_counts),
    (r"The tally asks “(?P<title>.+?)” as (?P<name>.+)", Teller.next_asked),
    (r"The tally can’t ask: (?P<reason>\w+)", Teller.next_refused),
    (r"The tally asks nothing", Teller.next_none),
    (WHO + r" agrees to it", Teller.agrees),
    (WHO + r" withdraws from it", Teller.withdraws),
    (WHO + r" halts it(?: because “(?P<reason>.*?)”)?", Teller.halts),
    (WHO + r" lets it go on", Teller.resumes),
    (WHO + r" disputes it(?: because “(?P<reason>.*?)”)?", Teller.disputes),
    (
        WHO + r" judges (?P<verdict>that it stands|that it is withdrawn|it was “(?P<outcome>.*?)”|perhaps)(?: because “(?P<reason>.*?)”)?",
        Teller.judges,
    ),
    (WHO + r" votes “(?P<choice>.*?)”", Teller.votes),
    (WHO + r" says “(?P<text>.*?)”", Teller.comments),
    (WHO + r" thanks for (?P<version>\d+)", Teller.thanks),
    (WHO + r" closes it", Teller.close),
    (WHO + r" rules “(?P<outcome>.*?)”(?: by “(?P<evidence>.*?)”)?(?P<rest>,.*)?", Teller.rule),
    (WHO + r" corrects it to “(?P<outcome>.*?)”(?: because “(?P<reason>.*?)”)?", Teller.correct),
    (WHO + r" voids it(?: because “(?P<reason>.*?)”)?", Teller.void),
    (WHO + r" grants (?P<to>the house|\w+) (?P<amount>-?[\d.]+)", Teller.grant),
    (r"(?P<who>The house|[A-Z]\w*) has (?P<amount>[\d.?]+)", Teller.has),
    (WHO + r" owes (?P<amount>[\d.?]+)", Teller.owes),
    (WHO + r" can spend (?P<amount>[\d.?]+)(?P<here> here)?", Teller.can_spend),
    (r"(?P<window>.+) stands at (?P<chance>[\d.?]+)%", Teller.stands),
    (r"The question is (?P<state>\w+)", Teller.state),
    (WHO + r" sees guessed: (?P<many>.+)", Teller.sees_guesses),
    (WHO + r" sees scores: (?P<scores>.+)", Teller.sees_forecasts),
    (r"(?P<slot>.+) pays (?P<dividend>[\d.?]+|nothing) a point", Teller.dividend),
    (r"Ledger", Teller.begin_ledger),
)


async def tell(story: str, database: Path) -> None:
    """One story, told whole; then the file that it leaves is held to what must hold of every file."""
    async with World(database) as world:
        teller = Teller(world)
        await teller.tell(story)
        await world.reopen()
        world.check()
    hold(database)
