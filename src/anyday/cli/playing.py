"""The commands of people who play: bet, sell, collect, show, close, rule, void, correct, and their points and names."""

from __future__ import annotations

import click

from anyday import client, wire
from anyday.cli import say
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command

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


@click.command(cls=Command, short_help="The newest bets on a question, without names.")
@_QUESTION
@click.option("--before", type=int, metavar="N", help="The ones before this one.")
@reaches
def bets(asker: Asker, question: str, before: int | None) -> None:
    """The newest bets on a question's market, without names; what was sealed is among them once the bell has rung."""
    asker.answer(client.bets(question, before), lambda found, screen: say.bets(question, found, screen))


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
