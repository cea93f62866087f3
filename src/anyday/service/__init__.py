"""The service: one object through which everything is written and read. Pages, API and command line know only this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from anyday import wire
from anyday.instants import Instant, iso, months_back
from anyday.market.horizon import say_claim
from anyday.notify import channels
from anyday.people.accounts import People
from anyday.phrases import say_instant
from anyday.points import write_points
from anyday.reads import players, questions, remarks
from anyday.reads import tallies as tallied
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import crewing, ruling
from anyday.rules.bell import sealed_until
from anyday.rules.decide import order_of, sale_of
from anyday.rules.entering import not_played
from anyday.rules.events import DutyOffered
from anyday.rules.ledger import CREW, CREW_STREAM, HOUSE, MARKET
from anyday.rules.purse import Purse
from anyday.rules.question import LIVE, OVER, PENDING, Crew, History, Life, Question, Tally, recorded
from anyday.service import fairness, periods, plays, records, review, statements, tallies, views
from anyday.service.due import Due, Stuck
from anyday.service.history import Samples
from anyday.service.memory import Memory
from anyday.service.messages import Messages
from anyday.service.names import GONE, named
from anyday.service.said import say_outcome
from anyday.service.writer import word_of
from anyday.settings import Settings, refuse_without_assertions
from anyday.store import log
from anyday.store.database import Database
from anyday.wire import fair

__all__ = ["CREW", "Crewed", "Service"]

#: A crew's id in an address is not longer than this.
LONGEST_ID: Final = 32


class Crewed(NamedTuple):
    """A crew as a list shows it: its id and its name."""

    id: str
    name: str


class Service:
    """One crew as it is seen: the views of what the writer wrote for it, and the way in for commands. The services of a file's crews
    share the writer, the people and the database; ``of`` leads from one to another."""

    def __init__(self, writer: Due, people: People, crew: str = CREW, all_of_them: dict[str, Service] | None = None) -> None:
        self.writer, self.people, self.crew = writer, people, crew
        self.database, self.clock, self.settings = writer.database, writer.clock, writer.settings
        self._services = all_of_them if all_of_them is not None else {}
        self._services[crew] = self
        self.messages: Messages

    @classmethod
    async def open(cls, path: Path | str, clock: Callable[[], Instant], settings: Settings | None = None) -> Service:
        """Open the file (made where it is not there) and begin to take commands; the service of its first crew.

        Raises ``FileInUse``, ``SchemaMismatch`` and ``BadSetting``.
        """
        refuse_without_assertions()
        settings = settings or Settings()
        database = Database(Path(path))
        writer = Due(database, clock, settings)
        service = cls(writer, People(database, clock, settings))
        service.messages = Messages(service)
        service.people.erasers += [remarks.erase, channels.erase, log.erase]
        writer.noticed = service.messages.courier.wake
        writer.start()
        await database.write(writer.drop_old_commands())
        return service

    async def close(self) -> None:
        """Finish what is waiting and let go of the file, for every crew."""
        await self.messages.courier.stop()
        await self.writer.stop()
        self.people.close()

    # the crews

    def of(self, crew: str) -> Service | None:
        """The service of another crew of the file; None where nobody has opened it."""
        held = self._services.get(crew)
        if held is None:
            if not (crew.isascii() and crew.isalnum() and len(crew) <= LONGEST_ID) or self.writer.memory(crew).crew is None:
                return None  # nothing is kept of a name that somebody made up
            held = type(self)(self.writer, self.people, crew, self._services)
            held.messages = self.messages
        return held if held.crew_open else None

    def all_crews(self) -> tuple[Crewed, ...]:
        """Every crew of the file, the first one first."""
        return self._named(log.crews(self.database))

    def crews_of(self, player: str) -> tuple[Crewed, ...]:
        """The crews that a player belongs to, in the order in which they joined."""
        return self._named(self.writer.crews_of(player))

    def first_of(self, player: str) -> str | None:
        """The id of the first crew that a player joined."""
        return next(iter(self.writer.crews_of(player)), None)

    def _named(self, crews: Iterable[str]) -> tuple[Crewed, ...]:
        return tuple(Crewed(crew, service.crew_name) for crew in crews if (service := self.of(crew)) is not None)

    @staticmethod
    def new_crew(player: str, command_id: str) -> str:
        """The id of the crew that a player's command opens: the same one each time that the command is sent."""
        return word_of("a further crew", player, command_id)

    # the writer, for this crew

    async def submit(self, envelope: c.Envelope) -> wire.Receipt | Refusal:
        """Decide a command of any crew and make its effect durable."""
        return await self.writer.submit(envelope)

    def now(self) -> Instant:
        """The clock, never behind what has been written or said."""
        return self.writer.now()

    def find(self, question: str) -> Question | None:
        """A question's folded state."""
        return self._memory.find(question)

    def find_tally(self, tally: str) -> Tally | None:
        """A tally's folded state."""
        return self._memory.find_tally(tally)

    def history_of(self, question: str) -> History:
        """The whole record of a question."""
        return self._memory.history_of(question)

    def purse(self, player: str) -> Purse:
        """A player's points, as of now or later."""
        return self._memory.purse(player)

    @property
    def stuck(self) -> dict[str, Stuck]:
        """What was due on the crew's tallies and was refused, by tally."""
        return {tally: stuck for (crew, tally), stuck in self.writer.stuck.items() if crew == self.crew}

    async def changed(self, question: str, after: int) -> int:
        """Wait until the question's version is past ``after`` and committed; returns it."""
        return await self.writer.changed(self.crew, question, after)

    async def crew_changed(self, after: int) -> int:
        """Wait until something more has happened in the crew's own stream; its version."""
        return await self.writer.crew_changed(self.crew, after)

    def crew_version(self) -> int:
        """The version of the crew's own stream."""
        return log.head(self.database, self.crew, CREW_STREAM)[0]

    def committed(self, question: str) -> int:
        """The question's version in the committed rows."""
        return self.writer.committed(self.crew, question)

    @property
    def _memory(self) -> Memory:
        return self.writer.memory(self.crew)

    @property
    def _crew(self) -> Crew | None:
        return self._memory.crew

    @property
    def crew_open(self) -> bool:
        """Whether the crew exists."""
        return self._crew is not None

    @property
    def crew_name(self) -> str:
        """The crew's name, or the product's before there is one."""
        return self._crew.settings.name if self._crew else "AnyDay"

    @property
    def crew_zone(self) -> str:
        """The crew's zone."""
        return self._crew.settings.zone if self._crew else "UTC"

    @property
    def readable(self) -> bool:
        """Whether people who do not belong to the crew may read it: as its owner says, else as the server's operator does."""
        said = self._crew.settings.readers if self._crew is not None else "server"
        return self.settings.open_to_read if said == "server" else said == "everybody"

    @property
    def joining_grant(self) -> int:
        """What a newcomer receives, in units."""
        return self._crew.settings.joining_grant if self._crew else 0

    def house_balance(self) -> str:
        """What the house holds, in points of the wire."""
        return write_points(players.balance(self.database, self.crew, HOUSE))

    def told(self, player: str, command_id: str) -> str | None:
        """What a player was told when this command of theirs took effect, as long as that is kept."""
        kept = log.asked(self.database, self.crew, player, command_id)
        return msgspec.json.decode(kept[1], type=wire.Receipt).said if kept else None

    def check_readable(self) -> None:
        """Read a little from the file. Raises what SQLite raises."""
        log.head(self.database, self.crew, CREW_STREAM)

    def role(self, player: str) -> str:
        """``owner``, ``player``, ``guest``, or ``nobody`` for who is no member."""
        crew = self._crew
        if crew is None or player not in crew.members:
            return "nobody"
        if player == crew.owner:
            return "owner"
        return "player" if crew.plays(player) else "guest"

    def stays(self, player: str) -> Refusal | None:
        """Why a member cannot leave, where they own the crew or have lent it."""
        return crewing.stays(self._crew, player) if self._crew is not None else None

    def _timed(self, question_id: str, actor: str | None = None) -> Question | None:
        """A question with its clock brought up to now, as long as it is not ruled; none where ``actor`` may not know of it."""
        question = self.find(question_id)
        if question is None or not question.seen_by(actor, self._crew.owner if self._crew is not None else None):
            return None
        if question.live:
            question.advance(self.now())
        return question

    def sees(self, question_id: str, actor: str | None) -> bool:
        """Whether there is such a question as far as somebody may know."""
        return self._timed(question_id, actor) is not None

    def heading(self, question_id: str, actor: str | None) -> str | Refusal:
        """A question's title, as this visitor may see it: for what is told of it elsewhere than on its page."""
        question = self._timed(question_id, actor)
        return question.opened.title if question is not None else Refusal(Reason.NOT_FOUND, what="question")

    # asking without betting

    def quote(self, actor: str | None, body: c.Bet | c.Sell, ghost: bool = False) -> wire.QuoteView | Refusal:
        """What a bet or a sale would do now; it binds nobody and leaves no trace. Asking for a price tells it: where the crew does not show
        its prices in full, only its players ask."""
        question = self._timed(body.question, actor)
        if question is None:
            return Refusal(Reason.NOT_FOUND, what="question")
        if question.life is not Life.OPEN:
            return Refusal(Reason.NOT_OPEN, state=question.life)
        hides = self._no_player(actor) if self._memory.prices.how != "full" else None
        refused = not_played(question, MARKET) or sealed_until(question) or hides
        if refused is not None:
            return refused
        player, now = actor or "", self.now()
        order = order_of(question, player, body, now) if isinstance(body, c.Bet) else sale_of(question, player, body, now)
        if isinstance(order, Refusal):
            return order
        quote = question.market.quote(order)
        if isinstance(quote, Refusal):
            return quote
        horizon, claim, shown = question.horizon, quote.claim, self._memory.shown(question, now)
        before, after_it = shown.chances(claim, quote.shares) if shown.prices.how != "full" else (quote.chance_before, quote.chance_after)
        window = say_claim(claim, horizon)
        ends = (None, None) if claim.complement else (iso(horizon.start(claim.first)), iso(horizon.start(claim.last)))
        view = wire.QuoteView(
            version=question.version, window=window, start=ends[0], end=ends[1], never_pays=claim.complement,
            shares=write_points(quote.shares), charge=write_points(quote.charge), released=write_points(quote.released),
            pays=write_points(quote.charge - quote.released), chance_before=before, chance_after=after_it,
            said=views.quote_said(window, quote.shares, quote.charge - quote.released),
        )  # fmt: skip
        if not ghost:
            return view
        after = shown.ghost(quote)
        return msgspec.structs.replace(view, ghost=views.bars(question, after), ghost_never=views.ppm(after.never))

    def preview(self, actor: str, body: c.Rule | c.Void | c.Correct) -> wire.RulingTotals | Refusal:
        """What a ruling, a correction or calling it off would do, in totals only, for the one who may do it."""
        question = self._timed(body.question, actor)
        if question is None:
            return Refusal(Reason.NOT_FOUND, what="question")
        result = self._foreseen(question, actor, body)
        if isinstance(result, Refusal):
            return result
        horizon = question.horizon
        cut = say_instant(result.cut, horizon.zone, horizon.grain) if result.cut is not None else "nothing is cut"
        now = self.now()
        sealed = tuple(name for name in question.mechanisms if question.hidden(name, now))
        said = "it is called off" if isinstance(body, c.Void) else say_outcome(recorded(result.outcome), question)
        return wire.RulingTotals(
            outcome=said, cut=cut, bets_voided=result.voided, points_returned=write_points(result.returned(sealed)),
            points_paid=write_points(result.paid(sealed)), house_result=write_points(result.back - question.opened.subsidy),
            becomes_void=result.void, version=question.version, cut_at=iso(result.cut) if result.cut is not None else None,
            sealed=sealed,
        )  # fmt: skip

    def _foreseen(self, question: Question, actor: str, body: c.Rule | c.Void | c.Correct) -> ruling.Settlement | Refusal:
        if isinstance(body, c.Void):
            assert self._crew is not None, "a question belongs to a crew"
            refused = ruling.may_void(question, self._crew, actor, self.now())
            return refused if refused is not None else ruling.called_off(question, self.history_of(question.id), self.purse)
        if isinstance(body, c.Rule) and not question.live:
            return Refusal(Reason.ALREADY_RULED, state=question.life)
        if isinstance(body, c.Correct) and question.ruled is None:
            return Refusal(Reason.NOT_RULED, state=question.life)
        if isinstance(body, c.Correct) and question.life in PENDING:
            return Refusal(Reason.NOT_SETTLED_YET)
        outcome = ruling.declared(question, actor, body, self.now())
        return outcome if isinstance(outcome, Refusal) else ruling.settlement(question, self.history_of(question.id), self.purse, outcome)

    # looking

    def curve(self, question_id: str, actor: str | None = None) -> wire.CurveView | Refusal:
        """The curve as it stands; after the betting has ended, as it stood then. Refuses NO_CURVE_YET where nothing can be seen."""
        question = self._timed(question_id, actor)
        if question is None:
            return Refusal(Reason.NOT_FOUND, what="question")
        curve = self._drawn(question).curve
        return curve if curve is not None else Refusal(Reason.NO_CURVE_YET, why=views.unsaid(question, self.now()))

    def _drawn(self, question: Question) -> views.Drawn:
        sealed = any(question.hidden(name, self.now()) for name in question.mechanisms)
        shown = self._memory.shown(question, self.now())
        key = (question.version, question.passed, sealed, shown.boundary)
        kept = self._memory.kept(question.id)
        if kept is not None and kept.drawn is not None and kept.drawn.key == key:
            return kept.drawn
        drawn = views.Drawn(key, views.curve_view(shown, self.now()), views.spark(shown, self.now()))
        if kept is not None:
            kept.drawn = drawn
        return drawn

    def _samples(self, question: Question) -> Samples | None:
        """How the market's curve of a question in memory stood over time; None without a market."""
        kept = self._memory.kept(question.id)
        return kept.samples if kept is not None else None

    def history(self, question_id: str, actor: str | None = None) -> tuple[wire.HistoryPoint, ...] | Refusal:
        """How the curve's quantiles stood over calendar time, at most some 130 points."""
        question = self._timed(question_id, actor)
        if question is None:
            return Refusal(Reason.NOT_FOUND, what="question")
        held = self._samples(question)
        if held is None:
            return ()
        until = self.now() if question.live else Instant(question.ruled_at or question.last_at)
        samples = held.until_now(self._memory.shown(question, self.now()), until)
        return tuple(wire.HistoryPoint(sample.at, sample.never, sample.quantiles) for sample in samples)

    def board(self, actor: str | None) -> tuple[wire.QuestionCard, ...]:
        """Every question as a card, the open ones first."""
        mine = questions.staked(self.database, self.crew, actor) if actor else set()
        cards = []
        for row in questions.questions(self.database, self.crew):
            question = self._timed(row.id, actor)
            if question is None:
                continue
            now, live = self.now(), question.live
            held = self._samples(question)
            moved = views.ppm(min(1.0, held.moved(self._memory.shown(question, now), now))) if live and held is not None else 0
            asked = fairness.asked(question, self._crew, actor, now) if self._crew is not None else None
            cards.append(views.card(row, question, self._drawn(question), moved, now, row.id in mine, asked))
        return tuple(cards)

    def question(self, question_id: str, actor: str | None) -> wire.QuestionView | Refusal:
        """A question whole, for one visitor."""
        question = self._timed(question_id, actor)
        if question is None:
            return Refusal(Reason.NOT_FOUND, what="question")
        opened, horizon, shown = question.opened, question.horizon, self._memory.shown(question, self.now())
        names = self.people.names()
        live = question.live
        mine = actor is not None and question.has_stake(actor)
        market = opened.market
        why_not = self._why_not(question, actor)
        may_rule = actor is not None and ruling.may_rule(question, actor, self.now()) is None
        may_void = actor is not None and self._crew is not None and ruling.may_void(question, self._crew, actor, self.now()) is None
        return wire.QuestionView(
            id=question.id, version=question.version, title=opened.title, terms=opened.terms, source=opened.source,
            state=question.life, zone=horizon.zone, grain=horizon.grain, origin=iso(horizon.origin),
            horizon=iso(horizon.end), lead_minutes=views.lead_minutes(question),
            host=named(names, question.host), resolver=named(names, question.resolver),
            subsidy=write_points(opened.subsidy), subsidy_from=opened.subsidy_from,
            liquidity=write_points(market.liquidity) if market is not None else None, bets=question.bets, players=len(question.stakeholders),
            barred=views.barred(question, names), curve=self._drawn(question).curve,
            timeline=views.timeline(self.database, self.crew, question, self._marked(names, actor), actor if self.plays(actor) else None),
            position=views.held_view(question, actor) if mine and live and actor else (),
            spendable=write_points(max(0, self._spendable(actor, question.id))) if actor and why_not is None else None,
            worth=write_points(views.got(question, shown, actor)) if mine and actor else None,
            collectable=write_points(question.market.collectable(actor)) if mine and live and actor and market is not None else None,
            may_bet=why_not is None, may_not_bet_because=why_not, may_rule=may_rule, may_void=may_void,
            outcome=views.outcome_text(question), outcome_said=views.ended(question) if question.life in (*PENDING, *OVER) else None,
            evidence=question.ruled.evidence if question.ruled is not None else None,
            plays=tuple(question.mechanisms), tally=opened.tally, cases=market.cases if market is not None else 0,
            fair=fairness.view(question, self._crew, actor, self.now(), names, shown.published) if self._crew is not None else None,
            prices=shown.prices.how, prices_as_of=iso(shown.prices.boundary(self.now())) if shown.prices.at_intervals else None,
            **plays.entries(question, actor, self.now(), names if live else self._marked(names, actor)),
        )  # fmt: skip

    def plays(self, actor: str | None) -> bool:
        """Whether somebody is a player of this crew."""
        return actor is not None and self._crew is not None and self._crew.plays(actor)

    def _marked(self, names: Mapping[str, str], actor: str | None) -> dict[str, str]:
        """The names as an ended question tells them: to members only, and a machine's player is said to be one."""
        members = self._crew.members if self._crew is not None else {}
        if actor not in members:
            return dict.fromkeys(names, "a player")
        return {player: f"{name} (simulated)" if player in members and members[player].simulated else name for player, name in names.items()}

    def _why_not(self, question: Question, actor: str | None) -> str | None:
        if self._crew is not None and self._crew.alarm is not None and question.live:
            return str(Refusal(Reason.ALARM, why=self._crew.alarm.reason))
        if question.halted is not None and question.live:
            return str(Refusal(Reason.HALTED, why=question.halted.reason))
        if question.life is not Life.OPEN:
            return str(Refusal(Reason.NOT_OPEN, state="not open yet" if question.life is Life.DRAFT else question.life))
        if question.passed == question.horizon.count:
            return str(Refusal(Reason.ALL_PASSED))
        refused = self._no_player(actor)
        if refused is not None:
            return str(refused)
        why = question.barred.get(actor or "")
        return str(Refusal(Reason.BARRED, why=why)) if why is not None else None

    def _no_player(self, actor: str | None) -> Refusal | None:
        """Why somebody does not play in this crew at all."""
        if actor is None:
            return Refusal(Reason.SIGN_IN)
        if self.role(actor) == "nobody":
            return Refusal(Reason.NOT_ALLOWED, who="a member of the crew")
        return None if self.plays(actor) else Refusal(Reason.GUEST)

    def spendable(self, player: str) -> str:
        """What a player can spend anywhere, in points of the wire."""
        return write_points(max(0, self._spendable(player)))

    def _spendable(self, player: str, question: str | None = None) -> int:
        purse = self.purse(player)
        if self._crew is not None:
            purse.age(Instant(self.now() - self._memory.lag))
        return purse.spendable(question)

    def bets(self, question_id: str, actor: str | None, before: int | None = None) -> tuple[wire.BetView, ...] | Refusal:
        """The newest bets, fifty at a time: with their players' names where the crew shows these; where it does not show its prices in full,
        nobody else's size, and of nobody else what came after the last boundary."""
        question = self._timed(question_id, actor)
        if question is None:
            return Refusal(Reason.NOT_FOUND, what="question")
        assert self._crew is not None, "a question belongs to a crew"
        names = self.people.names() if fairness.shows_positions(question, self._crew, actor) else None
        prices, now = self._memory.prices, self.now()
        until = prices.boundary(now) if prices.at_intervals else 2**62
        rows = questions.flows(self.database, self.crew, question_id, before if before is not None else 2**62, until, actor)
        return tuple(views.bet_view(row, question, actor, names, sized=prices.how == "full") for row in rows)

    def tallies(self) -> tuple[wire.TallyCard, ...]:
        """The crew's tallies, by name."""
        now, names = self.now(), self.people.names()
        since, before = (months_back(now, self.crew_zone, many * tallies.LATELY) for many in (1, 2))
        return tuple(tallies.card(row, names, now, self.crew_zone) for row in tallied.tallies(self.database, self.crew, since, before))

    def tally(self, tally_id: str, actor: str | None, before: int | None = None) -> wire.TallyView | Refusal:
        """A tally whole, for one visitor; its occurrences from after the one recorded with ``before`` on."""
        tally = self.find_tally(tally_id)
        if tally is None or self._crew is None:
            return Refusal(Reason.NOT_FOUND, what="tally")
        live = next((row for row in tallied.asked(self.database, self.crew, tally_id) if row.state in LIVE), None)
        told = (live, self._sentence(live.id, actor)) if live is not None else None
        return tallies.view(tally, told, self.writer.stuck.get((self.crew, tally_id)), self._crew, self.now(), actor, self.people.names(), before)

    def _sentence(self, question_id: str, actor: str | None) -> str:
        """What a live question's curve says."""
        question = self._timed(question_id, actor)
        if question is None:
            return ""
        curve = self._drawn(question).curve
        return curve.sentence if curve is not None else views.unsaid(question, self.now())

    def me(self, player: str) -> wire.Me:
        """A player's points and positions."""
        spendable = self._spendable(player)
        purse = self.purse(player)
        rows = players.stakes(self.database, self.crew, player)
        live = [row.question for row in rows if row.state in LIVE]
        states = {question_id: question for question_id in live if (question := self._timed(question_id, player)) is not None}

        def worth(question: Question, player: str) -> int:
            return views.got(question, self._memory.shown(question, self.now()), player)

        return wire.Me(
            player=player, name=self.people.name_of(player) or GONE, role=self.role(player), crew=self.crew_name,
            balance=write_points(purse.balance), spendable=write_points(max(0, spendable)),
            pending=write_points(max(0, purse.balance - max(0, spendable))), owed=write_points(purse.owed),
            positions=views.positions(rows, states, player, plays.entered, worth), zone=self.crew_zone,
        )  # fmt: skip

    def ledger(self, player: str) -> wire.LedgerView:
        """What moved a player's own points, line by line."""
        return statements.ledger(self.database, self.crew, player)

    def members(self) -> tuple[wire.Member, ...]:
        """The crew's members, in the order in which they joined."""
        names = self.people.names()
        rows = players.members(self.database, self.crew)
        here = (row for row in rows if not row.gone)
        return tuple(wire.Member(row.player, named(names, row.player), self.role(row.player), row.simulated) for row in here)

    def house(self, actor: str) -> fair.CrewView | Refusal:
        """The crew itself, to one of its members: settings, duties, alarm, and what happened in it."""
        if self._crew is None or actor not in self._crew.members:
            return Refusal(Reason.NOT_FOUND, what="crew")
        return fairness.crew_view(self.crew, self._crew, actor, self.people.names(), self.house_balance(), self.database)

    def offers(self) -> Mapping[str, DutyOffered]:
        """The crew's own duties that are offered to somebody."""
        return self._crew.duties.offers if self._crew is not None else {}

    def alarm(self) -> str | None:
        """Why everything in the crew stands still, if it does."""
        return self._crew.alarm.reason if self._crew is not None and self._crew.alarm is not None else None

    def feed(self, before: int | None = None) -> tuple[fair.FeedView, ...]:
        """Near misses, news, comments and thanks of the whole crew, the newest first, from before an instant (UTC microseconds) on."""
        return fairness.feed(self.database, self.crew, self.people.names(), self.crew_zone, before if before is not None else 2**62)

    def held(self, question_id: str | None, actor: str | None) -> tuple[fair.HeldView, ...] | Refusal:
        """Who held which duty of a question, or of the crew, from when on."""
        question = self._timed(question_id, actor) if question_id is not None else None
        if self._crew is None or actor not in self._crew.members or (question is None and question_id is not None):
            return Refusal(Reason.NOT_FOUND, what="question" if question_id is not None else "crew")
        if question is not None:
            return fairness.held(question.duties, question.horizon.zone, self.people.names())
        return fairness.held(self._crew.duties, self.crew_zone, self.people.names())

    # the record

    def record(self) -> wire.RecordView:
        """The crew's mechanisms side by side, over its settled questions."""
        return records.record(self.database, self.crew)

    def player(self, name: str, actor: str | None) -> wire.TrackRecord | Refusal:
        """A member's track record, by name, for one visitor."""
        return records.player(self.database, self.crew, self.people.player_of(name), self.people.names(), self.crew_zone, actor)

    def tables(self, kind: str, typed: str | None, actor: str | None) -> wire.TablesView | Refusal:
        """Who is ahead in a month, a quarter, a year or of all time: the period that holds the day ``typed``, or now."""
        period = periods.period_of(kind, typed, self.now(), self.crew_zone, periods.RANKED)
        if isinstance(period, Refusal):
            return period
        return records.tables(self.database, self.crew, period, self.now(), self.people.names(), actor)

    def review(self, kind: str, typed: str | None) -> wire.ReviewView | Refusal:
        """The review of a week, a month or a quarter: of the one that holds the day ``typed``, or now."""
        period = periods.period_of(kind, typed, self.now(), self.crew_zone, periods.REVIEWED)
        if isinstance(period, Refusal):
            return period
        return review.review(self.database, self.crew, period, self.now(), self.people.names(), self._moved_after)

    def _moved_after(self, question_id: str, at: int) -> int | None:
        """How much of an open question's curve moved in the day after an instant, in ppm; None without a market."""
        question = self._timed(question_id)
        held = self._samples(question) if question is not None else None
        if question is None or held is None:
            return None
        return views.ppm(held.moved_after(self._memory.shown(question, self.now()), at, self.now()))
