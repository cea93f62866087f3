"""The commands of people who play: ask, bet, sell, collect, show, close, rule, void, correct, and their points and names."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import click

from anyday import client, wire
from anyday.cli import say
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command, Stop
from anyday.instants import DAY, MINUTE, Grain, Instant, check_zone, day_start, iso, local_of
from anyday.phrases import parse_span
from anyday.refusals import Refusal

_HERE_ONLY: Final = ("http://localhost:", "http://127.", "http://[::1]")
_GRAINS: Final = [grain.value for grain in Grain]
_QUESTION = click.argument("question", metavar="ID")
_WINDOW = click.argument("window", nargs=-1, required=True, metavar="WINDOW...")
_OUTCOME = click.argument("outcome", nargs=-1, required=True, metavar="OUTCOME...")
_YES = click.option("--yes", is_flag=True, help="Do not ask to confirm.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what it would do; it binds nobody.")


@click.command(cls=Command, short_help="The board; with an ID, a question with its curve.")
@click.argument("question", metavar="[ID]", required=False)
@reaches
def show(asker: Asker, question: str | None) -> None:
    """Show the board; with the ID of a question, that question with its curve.

    The curve is drawn over the question's time: chance upwards, what has passed dotted, never as a bar of its own. It fits
    40 to 200 columns; with NO_COLOR set, or where there is no UTF-8, it is plain ASCII.
    """
    if question is None:
        asker.answer(client.board(), say.board)
    else:
        asker.answer(client.question(question), say.question)


@click.command(cls=Command, short_help="Ask a question: when will it first happen?")
@click.argument("title")
@click.option("--terms", required=True, help="What counts, what does not, and by what source.")
@click.option("--by", "by", metavar="TIME", help="The last time that counts: “June 2027” covers all of June.")
@click.option("--horizon", metavar="TIME", help="Or, as “Until” on the page, the first time that no longer counts: “2027-07-01”.")
@click.option("--origin", metavar="TIME", help="The first time that counts, or “today”; default the start of the grain that it is now.")
@click.option("--grain", type=click.Choice(_GRAINS, case_sensitive=False), default="day", show_default=True, help="The finest time told apart.")
@click.option("--zone", help="The time zone of its days, such as Europe/Zurich; default the crew’s.")
@click.option("--resolver", metavar="NAME", help="Who rules, and cannot bet; default you.")
@click.option("--subsidy", default="200", show_default=True, metavar="POINTS", help="The most that the market may lose to those who know better.")
@click.option("--from-house", is_flag=True, help="The house pays the subsidy (the owner may say so); you then cannot bet.")
@click.option("--never", default="20%", show_default=True, metavar="CHANCE", help="The opening chance that it does not happen in time.")
@click.option("--half-by", metavar="TIME", help="An even chance by then: short for --quantile TIME=50%.")
@click.option("--quantile", "quantiles", multiple=True, metavar="TIME=CHANCE", help="The opening chance that it has happened by then; repeatable.")
@click.option("--lead", type=int, default=0, show_default=True, metavar="MINUTES", help="How long before it starts a grain passes.")
@click.option("--source", default="", help="Where the answer will be found.")
@reaches
def ask(
    asker: Asker, title: str, terms: str, by: str | None, horizon: str | None, origin: str | None, grain: str, zone: str | None, resolver: str | None,
    subsidy: str, from_house: bool, never: str, half_by: str | None, quantiles: tuple[str, ...], lead: int, source: str,
) -> None:  # fmt: skip
    """Ask a question: when will it first happen?

    \b
    anyday ask "When will the coffee machine arrive?" --terms "The first cup." \\
        --zone Europe/Zurich --by 2027-06-30 --half-by "March 2027" --never 10%
    """  # noqa: D301  \b keeps the example's lines
    if (by is None) == (horizon is None):
        raise click.UsageError("Say until when with --by or with --horizon, one of the two.")
    stated = [_quantile(text) for text in quantiles] + ([wire.QuantileIn(half_by, "50%")] if half_by else [])
    zone = _checked(asker.ask(client.me()).zone if zone is None else zone)
    now = asker.world.clock()
    body = wire.AskIn(
        title=title, terms=terms, zone=zone, grain=grain, origin=_origin(origin, Grain(grain), zone, now), horizon=_horizon(by, horizon, zone, now),
        subsidy=subsidy, resolver=resolver, subsidy_from="house" if from_house else "host", lead_minutes=lead,
        opening=wire.OpeningIn(never, tuple(stated)), source=source,
    )  # fmt: skip
    receipt = asker.answer(client.ask(body), say.receipt)
    if not asker.as_json:
        click.echo(f"Its id is {receipt.question}. Look at it with: anyday show {receipt.question}")


def _quantile(text: str) -> wire.QuantileIn:
    """``2027-06=50%`` as the wire says it."""
    by, equals, chance = text.rpartition("=")
    if not equals:
        raise click.BadParameter(f"“{text}” is not TIME=CHANCE, such as 2027-06=50%.", param_hint="--quantile")
    return wire.QuantileIn(by.strip(), chance.strip())


def _origin(typed: str | None, grain: Grain, zone: str, now: Instant) -> str:
    """The origin as the API takes it: ``today`` and ``tomorrow`` become their dates, nothing the start of the grain of now."""
    today = local_of(now, zone).date()
    if typed is None and grain in (Grain.MINUTE, Grain.HOUR):
        into = local_of(now, zone)
        return iso(Instant(now - now % MINUTE - (into.minute * MINUTE if grain is Grain.HOUR else 0)))
    if typed is None:
        back = today.weekday() if grain is Grain.WEEK else today.day - 1 if grain is Grain.MONTH else 0
        return (today - timedelta(days=back)).isoformat()
    shift = {"today": 0, "tomorrow": 1}.get(typed.strip().lower())
    return typed if shift is None else (today + timedelta(days=shift)).isoformat()


def _horizon(by: str | None, horizon: str | None, zone: str, now: Instant) -> str:
    """The horizon as the API takes it; ``--by`` names the last time that is covered, so the horizon is where that ends."""
    if by is None:
        return str(horizon)
    span = parse_span(by, zone=zone, origin=now, horizon=Instant(day_start(local_of(now, zone).date(), zone) + 730 * DAY), now=now)
    if isinstance(span, Refusal):
        raise Stop.of(span)
    return iso(span.end)


def _checked(zone: str) -> str:
    checked = check_zone(zone)
    if isinstance(checked, Refusal):
        raise Stop.of(checked)
    return checked


@click.command(cls=Command, short_help="Bet on a window of time, on its opposite, or on never.")
@_QUESTION
@_WINDOW
@click.option("--points", metavar="POINTS", help="Spend so many points.")
@click.option("--shares", metavar="POINTS", help="Or get so many points if it comes true.")
@click.option("--to", "--target", "target", metavar="CHANCE", help="Or move its chance to this, such as 40%.")
@click.option("--max-cost", metavar="POINTS", help="Refuse to pay more than this.")
@click.option("--min-shares", metavar="POINTS", help="Refuse to get less than this.")
@_DRY_RUN
@reaches
def bet(
    asker: Asker, question: str, window: tuple[str, ...], points: str | None, shares: str | None, target: str | None, max_cost: str | None,
    min_shares: str | None, dry_run: bool,
) -> None:  # fmt: skip
    """Bet on a WINDOW, typed as people write it: March 2027, 14–20 Apr 2027, before June, not March, never.

    Say exactly one size: points to spend, points of payout (shares), or a chance to move to.

    \b
    anyday bet q1 14–20 Apr 2027 --points 50
    anyday bet q1 never --to 10% --dry-run
    """  # noqa: D301
    typed = " ".join(window)
    if dry_run:
        asked = wire.QuoteIn(typed, points, shares, target)
        asker.answer(client.quote(question, asked), say.quote)
        return
    body = wire.BetIn(typed, points, shares, target, max_cost, min_shares)
    asker.answer(client.bet(question, body), say.receipt)


@click.command(cls=Command, short_help="Sell what you hold on a window.")
@_QUESTION
@_WINDOW
@click.option("--shares", metavar="POINTS", help="So many points of payout; default all that you hold over the whole of it.")
@click.option("--min-proceeds", metavar="POINTS", help="Refuse to receive less than this.")
@_DRY_RUN
@reaches
def sell(asker: Asker, question: str, window: tuple[str, ...], shares: str | None, min_proceeds: str | None, dry_run: bool) -> None:
    """Sell what you hold on a WINDOW; the market always buys."""
    typed = " ".join(window)
    if dry_run:
        asked = wire.QuoteIn(typed, shares=shares, sell=True)
        asker.answer(client.quote(question, asked), say.quote)
        return
    body = wire.SellIn(typed, shares, min_proceeds)
    asker.answer(client.sell(question, body), say.receipt)


@click.command(cls=Command, short_help="Turn into points what you get whatever happens.")
@_QUESTION
@reaches
def collect(asker: Asker, question: str) -> None:
    """Turn into points what you get on a question whatever happens."""
    asker.answer(client.collect(question), say.receipt)


@click.command(cls=Command, short_help="Stop the betting on a question.")
@_QUESTION
@reaches
def close(asker: Asker, question: str) -> None:
    """Stop the betting on a question; its resolver may."""
    asker.answer(client.close(question), say.receipt)


def _look_first(asker: Asker, question: str, asked: wire.PreviewIn, yes: bool, dry_run: bool) -> int | None:
    """Show the totals and ask to confirm; the version that was looked at, which is the one that is confirmed. None: nothing more to do."""
    if dry_run:
        asker.answer(client.preview(question, asked), say.totals)
        return None
    totals = asker.ask(client.preview(question, asked))
    if not (yes and asker.as_json):
        asker.say(say.totals(totals, asker.world.screen()), err=asker.as_json)
    if not yes:
        asker.confirm({"rule": "Rule so?", "void": "Call it off?", "correct": "Correct it so?"}[asked.what])
    return totals.version


@click.command(cls=Command, short_help="Declare when it happened, or that it did not.")
@_QUESTION
@_OUTCOME
@click.option("--evidence", required=True, help="What proves it: a text, a link.")
@click.option("--known-at", metavar="TIME", help="When it could first be known, if that was later.")
@_YES
@_DRY_RUN
@reaches
def rule(asker: Asker, question: str, outcome: tuple[str, ...], evidence: str, known_at: str | None, yes: bool, dry_run: bool) -> None:
    """Declare when it happened: an instant, a day or longer if no more is known, or never; its resolver may.

    Shows first, in totals, which bets fall and what is paid, and asks to confirm.

    \b
    anyday rule q1 2027-03-09 10:20 --evidence "Photo in the kitchen channel"
    """  # noqa: D301
    typed = " ".join(outcome)
    version = _look_first(asker, question, wire.PreviewIn(typed, "rule", evidence), yes, dry_run)
    if version is not None:
        body = wire.RuleIn(typed, evidence, known_at, version)
        asker.answer(client.rule(question, body), say.receipt)


@click.command(cls=Command, short_help="Call a question off and return every stake.")
@_QUESTION
@click.option("--reason", required=True, help="Why it is called off.")
@_YES
@_DRY_RUN
@reaches
def void(asker: Asker, question: str, reason: str, yes: bool, dry_run: bool) -> None:
    """Call a question off: every stake is returned. Its resolver may, and the owner."""
    version = _look_first(asker, question, wire.PreviewIn(what="void", reason=reason), yes, dry_run)
    if version is not None:
        asker.answer(client.void(question, wire.VoidIn(reason)), say.receipt)


@click.command(cls=Command, short_help="Replace a ruling.")
@_QUESTION
@_OUTCOME
@click.option("--evidence", required=True, help="What proves it: a text, a link.")
@click.option("--reason", required=True, help="Why the ruling was wrong.")
@_YES
@_DRY_RUN
@reaches
def correct(asker: Asker, question: str, outcome: tuple[str, ...], evidence: str, reason: str, yes: bool, dry_run: bool) -> None:
    """Replace a ruling: what it paid is taken back and paid anew. Its resolver may, for 90 days."""
    typed = " ".join(outcome)
    version = _look_first(asker, question, wire.PreviewIn(typed, "correct", evidence, reason), yes, dry_run)
    if version is not None:
        body = wire.CorrectIn(typed, evidence, reason, version)
        asker.answer(client.correct(question, body), say.receipt)


# points and people


@click.command(cls=Command, short_help="Give new points to a player or the house.")
@click.argument("to", metavar="NAME")
@click.argument("points", metavar="POINTS")
@click.option("--reason", required=True, help="What for; it is on the record.")
@reaches
def grant(asker: Asker, to: str, points: str, reason: str) -> None:
    """Give new points to a player, or to “house”; the owner may."""
    asker.answer(client.grant(wire.GrantIn(to, points, reason)), say.receipt)


@click.command(cls=Command, short_help="Your points and positions.")
@reaches
def me(asker: Asker) -> None:
    """Your points and positions."""
    asker.answer(client.me(), say.me)


@click.command(cls=Command, short_help="The crew’s members.")
@reaches
def players(asker: Asker) -> None:
    """The crew's members."""
    asker.answer(client.members(), say.members)


@click.command(cls=Command, short_help="Make an invitation by which people join.")
@click.option("--days", type=int, metavar="N", help="Good for so many days; at most, and unless stated, ANYDAY_INVITATION_DAYS.")
@click.option("--uses", type=int, metavar="N", help="Good for so many people; at most, and unless stated, ANYDAY_INVITATION_USES.")
@reaches
def invite(asker: Asker, days: int | None, uses: int | None) -> None:
    """Make an invitation by which people join; the owner may. It is shown this once."""
    asker.answer(client.invite(wire.InviteIn(days, uses)), lambda made, _: _invitation(asker, made))


def _invitation(asker: Asker, made: wire.Secret) -> list[str]:
    server = asker.where.server
    link = f"{server.rstrip('/')}{made.path}" if server else made.link
    if link is None:
        how = ["Put in front of it the address at which they reach your server, such as http://127.0.0.1:8000."]
    elif link.startswith(_HERE_ONLY):
        how = ["It works on this machine. For another one, put the address by which that reaches your server in place of what stands before /join."]
    else:
        how = []
    return [link or str(made.path), *how, f"Good until {say.until(made.expires_at)}. Send it to those who are to join."]


@click.command(cls=Command, short_help="Make a bearer token for programs.")
@click.argument("label", metavar="LABEL", default="command line")
@click.option("--days", type=int, metavar="N", help="Good for so many days.")
@reaches
def token(asker: Asker, label: str, days: int | None) -> None:
    """Make a bearer token for programs, known by a LABEL. It is shown this once."""
    asker.answer(
        client.new_token(wire.TokenIn(label, days)),
        lambda made, _: [made.secret, f"Good until {say.until(made.expires_at)}. Keep it like a password; it is not shown again."],
    )  # fmt: skip
