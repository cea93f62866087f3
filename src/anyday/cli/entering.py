"""The commands of the other ways to play: stake, guess, forecast; and note, which puts near misses and news on a timeline."""

from __future__ import annotations

from pathlib import Path

import click

from anyday import client, wire
from anyday.cli import say, sheets
from anyday.cli.asking import Asker, reaches
from anyday.cli.questions import quantile
from anyday.cli.stop import Command
from anyday.instants import MINUTE, Instant, iso

_QUESTION = click.argument("question", metavar="ID")
_FAMILIES = click.Choice(["lognormal", "weibull", "gamma"], case_sensitive=False)


@click.command(cls=Command, short_help="Stake points on a slot of a tote, or on never.")
@_QUESTION
@click.argument("slot", nargs=-1, required=True, metavar="SLOT...")
@click.option("--points", required=True, metavar="POINTS", help="So many points; they stay until the ruling.")
@reaches
def stake(asker: Asker, question: str, slot: tuple[str, ...], points: str) -> None:
    """Stake points on a SLOT of a question's tote, or on never. Those on the slot in which it happens share what was staked.

    \b
    anyday stake q1 March 2027 --points 20
    """  # noqa: D301
    asker.answer(client.stake(question, wire.StakeIn(" ".join(slot), points)), say.receipt)


@click.command(cls=Command, short_help="Guess when, sealed until entries close.")
@_QUESTION
@click.argument("guess", nargs=-1, required=True, metavar="GUESS...")
@reaches
def guess(asker: Asker, question: str, guess: tuple[str, ...]) -> None:
    """Guess one grain of a question (its day, its minute …), or never. Nobody else sees it before entries close.

    It costs the question's stake. Where a player has one guess, another replaces it and costs nothing.

    \b
    anyday guess q1 14 March 2027
    """  # noqa: D301
    asker.answer(client.guess(question, wire.GuessIn(" ".join(guess))), say.receipt)


@click.command(cls=Command, short_help="State a whole curve, sealed until the ruling.")
@_QUESTION
@click.option("--by", "quantiles", multiple=True, metavar="TIME=CHANCE", help="The chance that it has happened by the end of then; repeatable.")
@click.option("--family", type=_FAMILIES, help="Or a curve of this family, through --half and --most.")
@click.option("--half", metavar="TIME", help="Half by the end of this.")
@click.option("--most", metavar="TIME", help="90 % by the end of this.")
@click.option("--table", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Or a CSV of time,chance: where each stretch ends.")
@click.option("--never", metavar="CHANCE", help="The chance that it does not happen in time; a family may leave it open.")
@click.option("--stake", metavar="POINTS", help="So many points, with the first curve only.")
@reaches
def forecast(
    asker: Asker, question: str, quantiles: tuple[str, ...], family: str | None, half: str | None, most: str | None, table: Path | None,
    never: str | None, stake: str | None,
) -> None:  # fmt: skip
    """State a curve for a question, in one of three ways. Nobody else sees it before the ruling; the scores then move the stakes.

    \b
    anyday forecast q1 --by "June=50%" --by "December=90%" --never 5% --stake 10
    anyday forecast q1 --family lognormal --half June --most December
    anyday forecast q1 --table curve.csv
    """  # noqa: D301
    if sum((bool(quantiles), family is not None, table is not None)) != 1:
        raise click.UsageError("State the curve with --by, with --family or with --table, one of the three.")
    if family is not None and (half is None or most is None):
        raise click.UsageError("--family takes --half and --most.")
    if family is None and (half or most):
        raise click.UsageError("--half and --most belong to --family.")
    pieces, listed = sheets.table(table) if table is not None else ((), None)
    if never is not None and listed is not None:
        raise click.UsageError("The table says the chance of never; leave --never out.")
    curve = wire.CurveIn(
        never=never if listed is None else listed, quantiles=tuple(quantile(text, "--by") for text in quantiles),
        family=wire.FamilyIn(family, half, most) if family and half and most else None, table=pieces,
    )  # fmt: skip
    asker.answer(client.forecast(question, wire.ForecastIn(curve, stake)), say.receipt)


@click.command(cls=Command, short_help="Put a near miss or news on a question's timeline.")
@_QUESTION
@click.argument("text", nargs=-1, required=True, metavar="TEXT...")
@click.option("--near-miss", is_flag=True, help="It nearly happened; else it is news.")
@click.option("--when", metavar="TIME", help="When; default now.")
@click.option("--evidence", required=True, help="What shows it: a text, a link.")
@reaches
def note(asker: Asker, question: str, text: tuple[str, ...], near_miss: bool, when: str | None, evidence: str) -> None:
    """Put news, or a near miss, on a question's timeline. It moves no points and settles nothing.

    \b
    anyday note q1 "The box stood in the yard, empty" --near-miss --when 2027-03-09 --evidence "A photo"
    """  # noqa: D301
    now = asker.world.clock()
    body = wire.NoteIn("near_miss" if near_miss else "news", " ".join(text), when or iso(Instant(now - now % MINUTE)), evidence)
    asker.answer(client.note(question, body), say.receipt)
