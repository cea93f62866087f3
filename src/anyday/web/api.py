"""The JSON API's handlers: a decoded body becomes a command, the service answers, the answer is a wire struct or a refusal."""

from __future__ import annotations

import dataclasses
from typing import Final

from anyday import wire
from anyday.instants import iso
from anyday.people.accounts import Issued, SignedIn
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.service import CREW
from anyday.web import openapi, reading
from anyday.web.joining import ensure_member
from anyday.web.surface import Answer, Call, json_answer, session_cookie

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
    return call.service.curve(call.question)


async def history(call: Call) -> tuple[wire.HistoryPoint, ...] | Refusal:
    """How the curve stood over time."""
    return call.service.history(call.question)


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


def first_crew_only(call: Call) -> Refusal | None:
    """Invitations name no crew yet: whoever follows one joins the first."""
    return None if call.crew == CREW else Refusal(Reason.NOT_ALLOWED, who="the owner of the server's first crew")


async def invite(call: Call, body: wire.InviteIn) -> wire.Secret | Refusal:
    """Make an invitation."""
    issued = first_crew_only(call) or await call.house.people.invite(call.player, days=body.days, uses=body.uses)
    return issued if isinstance(issued, Refusal) else secret(issued, path := f"/join/{issued.secret}", call.link(path))


async def tokens(call: Call) -> tuple[wire.TokenView, ...]:
    """One's own tokens, without their secrets."""
    return tuple(wire.TokenView(t.id, t.name, iso(t.created_at), iso(t.expires_at)) for t in call.house.people.tokens(call.player))


async def new_token(call: Call, body: wire.TokenIn) -> wire.Secret | Refusal:
    """Make a bearer token."""
    issued = await call.house.people.new_token(call.player, body.name, days=body.days)
    return issued if isinstance(issued, Refusal) else secret(issued)


async def revoke_token(call: Call) -> wire.Done | Refusal:
    """Revoke one of one's own tokens."""
    refusal = await call.house.people.revoke(call.player, call.params["token"])
    return refusal or wire.Done("The token no longer works.")


async def change_password(call: Call, body: wire.PasswordIn) -> wire.SessionView | Refusal:
    """Change one's password; every session and token ends, and a new session begins."""
    begun = await call.house.people.change_password(call.player, body.old, body.new, call.visitor.peer.address)
    return begun if isinstance(begun, Refusal) else _session(call, begun)


async def sign_in(call: Call, body: wire.SignInIn) -> wire.SessionView | Refusal:
    """Sign in by name and password; the reply sets the cookie."""
    begun = await call.house.people.sign_in(body.name, body.password, call.visitor.peer.address)
    if isinstance(begun, Refusal):
        return begun
    await ensure_member(call.house, begun.player)
    return _session(call, begun)


async def sign_out(call: Call) -> wire.Done | Refusal:
    """End the session that asks."""
    refusal = await call.house.people.sign_out(call.visitor.secret)
    if refusal is None:
        session_cookie(call, "")
    return refusal or wire.Done("You are signed out.")


async def describe(call: Call) -> Answer:
    """The API, as OpenAPI 3.1."""
    return Answer(openapi.document(call.house.routes), 200, "application/json", cache="no-cache")


async def health(call: Call) -> Answer:
    """Whether the server answers and can read its file."""
    call.service.check_readable()
    return json_answer(wire.Done("ready"))


def secret(issued: Issued, path: str | None = None, link: str | None = None) -> wire.Secret:
    """What is shown once."""
    return wire.Secret(path=path, link=link, **{**dataclasses.asdict(issued), "expires_at": iso(issued.expires_at)})


def _session(call: Call, begun: SignedIn) -> wire.SessionView:
    session_cookie(call, begun.secret)
    return wire.SessionView(begun.player, call.house.people.name_of(begun.player), iso(begun.expires_at))
