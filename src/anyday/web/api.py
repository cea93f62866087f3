"""The JSON API's handlers: a decoded body becomes a command, the service answers, the answer is a wire struct or a refusal."""

from __future__ import annotations

from typing import Final

from anyday import wire
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.web import openapi, reading
from anyday.web.surface import Answer, Call, json_answer

_OLDEST: Final = 2**53


async def submit(call: Call, body: c.Command | Refusal) -> wire.Receipt | Refusal:
    """Hand a command to the service under the request's id."""
    if isinstance(body, Refusal):
        return body
    command_id = call.command_id()
    if isinstance(command_id, Refusal):
        return command_id
    done = await call.service.submit(c.Envelope(call.crew, call.player, command_id, body))
    return naming(call, done) if isinstance(done, Refusal) else done


def naming(call: Call, refusal: Refusal) -> Refusal:
    """The same refusal, with the name of whom it says to ask: the rules know players by their ids only."""
    facts = dict(refusal.facts)
    question = call.service.find(call.params["id"]) if facts.get("who", "").startswith("its resolver") and "id" in call.params else None
    if question is None:
        return refusal
    name = call.house.people.name_of(question.resolver)
    return Refusal(refusal.reason, **{**facts, "who": facts["who"].replace("its resolver", f"{name} (its resolver)")})


# questions


async def board(call: Call) -> tuple[wire.QuestionCard, ...]:
    """Every question as a card."""
    return call.service.board(call.visitor.player)


async def ask(call: Call, body: wire.AskIn) -> wire.Receipt | Refusal:
    """Ask a question."""
    return await submit(call, reading.ask(body, call.player, call.house.people.player_of))


async def question(call: Call) -> wire.QuestionView | Refusal:
    """A question whole."""
    return call.service.question(call.question, call.visitor.player)


async def curve(call: Call) -> wire.CurveView | Refusal:
    """The curve as it stands."""
    return call.service.curve(call.question, call.visitor.player)


async def history(call: Call) -> tuple[wire.HistoryPoint, ...] | Refusal:
    """How the curve stood over time."""
    return call.service.history(call.question, call.visitor.player)


async def bets(call: Call) -> tuple[wire.BetView, ...] | Refusal:
    """The newest bets without names; ``?before=<version>`` for the ones before."""
    typed = call.query.get("before")
    if typed is None:
        return call.service.bets(call.question, call.visitor.player)
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= 16 and int(typed) <= _OLDEST):
        return Refusal(Reason.MALFORMED, detail="before is a version of the question")
    return call.service.bets(call.question, call.visitor.player, int(typed))


async def bet(call: Call, body: wire.BetIn) -> wire.Receipt | Refusal:
    """Bet on a window."""
    return await submit(call, reading.bet(body, call.question))


async def sell(call: Call, body: wire.SellIn) -> wire.Receipt | Refusal:
    """Sell what one holds."""
    return await submit(call, reading.sell(body, call.question))


async def quote(call: Call, body: wire.QuoteIn) -> wire.QuoteView | Refusal:
    """What a bet or a sale would do; it binds nobody."""
    order = reading.quote(body, call.question)
    return order if isinstance(order, Refusal) else call.service.quote(call.visitor.player, order, body.ghost)


async def stake(call: Call, body: wire.StakeIn) -> wire.Receipt | Refusal:
    """Stake points on a slot of the tote."""
    return await submit(call, reading.stake(body, call.question))


async def guess(call: Call, body: wire.GuessIn) -> wire.Receipt | Refusal:
    """Guess a grain, sealed until entries close."""
    return await submit(call, reading.guess(body, call.question))


async def forecast(call: Call, body: wire.ForecastIn) -> wire.Receipt | Refusal:
    """State a curve, sealed until the ruling."""
    return await submit(call, reading.forecast(body, call.question))


async def note(call: Call, body: wire.NoteIn) -> wire.Receipt | Refusal:
    """Put a near miss or news on the timeline."""
    return await submit(call, reading.note(body, call.question))


async def collect(call: Call, body: wire.EmptyIn) -> wire.Receipt | Refusal:
    """Turn the floor of one's position into points."""
    return await submit(call, c.Collect(call.question))


async def close(call: Call, body: wire.EmptyIn) -> wire.Receipt | Refusal:
    """Stop the betting."""
    return await submit(call, c.Close(call.question))


async def preview(call: Call, body: wire.PreviewIn) -> wire.RulingTotals | Refusal:
    """What a ruling would do, in totals."""
    asked = reading.preview(body, call.question)
    found = asked if isinstance(asked, Refusal) else call.service.preview(call.player, asked)
    return naming(call, found) if isinstance(found, Refusal) else found


async def rule(call: Call, body: wire.RuleIn) -> wire.Receipt | Refusal:
    """Declare the outcome."""
    return await submit(call, reading.rule(body, call.question))


async def void(call: Call, body: wire.VoidIn) -> wire.Receipt | Refusal:
    """Call the question off."""
    return await submit(call, reading.void(body, call.question))


async def correct(call: Call, body: wire.CorrectIn) -> wire.Receipt | Refusal:
    """Replace a ruling."""
    return await submit(call, reading.correct(body, call.question))


# players


async def me(call: Call) -> wire.Me:
    """One's points and positions."""
    return call.service.me(call.player)


async def members(call: Call) -> tuple[wire.Member, ...]:
    """The crew's members."""
    return call.service.members()


async def grant(call: Call, body: wire.GrantIn) -> wire.Receipt | Refusal:
    """Grant new points."""
    return await submit(call, reading.grant(body, call.house.people.player_of))


async def describe(call: Call) -> Answer:
    """The API, as OpenAPI 3.1."""
    return Answer(openapi.document(call.house.routes), 200, "application/json", cache="no-cache")


async def health(call: Call) -> Answer:
    """Whether the server answers and can read its file."""
    call.service.check_readable()
    return json_answer(wire.Done("ready"))
