"""The commands of sealed bets: seal and unseal, until the bell of a market."""

from __future__ import annotations

import click

from anyday import client
from anyday.cli import say
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command
from anyday.wire import bell

_QUESTION = click.argument("question", metavar="ID")


@click.command(cls=Command, short_help="Seal a bet until the bell of a market.")
@_QUESTION
@click.argument("window", nargs=-1, required=True, metavar="WINDOW...")
@click.option("--limit", required=True, metavar="CHANCE", help="The highest chance at which you would still buy, such as 40%.")
@click.option("--points", metavar="POINTS", help="Spend at most so many points.")
@click.option("--shares", metavar="POINTS", help="Or get at most so many points if it comes true.")
@click.option("--replaces", type=click.IntRange(1), metavar="N", help="In place of your sealed bet with this number.")
@reaches
def seal(
    asker: Asker, question: str, window: tuple[str, ...], limit: str, points: str | None, shares: str | None, replaces: int | None
) -> None:
    """Seal a bet on a WINDOW until the bell of a market: nobody sees it, not even that there is one.

    At the bell all sealed bets are filled together, at one price a window and never above your limit; what does not fit
    stays out. What it may cost is set aside until then.

    \b
    anyday seal q1 March 2027 --points 20 --limit 40%
    """  # noqa: D301  \b keeps the example's lines
    asker.answer(client.seal(question, bell.SealIn(" ".join(window), limit, points, shares, replaces)), say.receipt)


@click.command(cls=Command, short_help="Withdraw a sealed bet of yours.")
@_QUESTION
@click.argument("number", type=click.IntRange(1), metavar="N")
@reaches
def unseal(asker: Asker, question: str, number: int) -> None:
    """Withdraw your sealed bet with the number N, as “anyday show” has it; what was set aside for it comes back."""
    asker.answer(client.unseal(question, bell.UnsealIn(number)), say.receipt)
