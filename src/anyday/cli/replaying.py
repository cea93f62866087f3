"""The command that replays: history, real guesses, real orders and real plans, run through the real thing and scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from anyday.cli.asking import json_option
from anyday.cli.keeping import Tick, progress
from anyday.cli.stop import Command, Stop
from anyday.cli.terminal import screen

if TYPE_CHECKING:
    from anyday.lab.report import ReplayResult

#: The replays whose data ship with the package, and what the others read from a folder.
SHIPPED: Final = ("nenana", "cpython")
FILES: Final = {
    "guesses": ("human_date_pools.csv", "human_date_guesses.csv"),
    "gjp": ("gjp_when_questions.csv", "gjp_when_orders.csv"),
    "reference": ("nyc_school_construction.csv",),
}


@click.command(cls=Command, short_help="Replay history, guesses, orders or plans, and score them.")
@click.argument("name", type=click.Choice([*SHIPPED, *FILES]))
@click.option("--data", type=click.Path(path_type=Path), metavar="FOLDER", help="Data of your own; guesses, gjp and reference need it.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Write JSON and a picture (SVG) there.")
@click.option("--seed", type=int, help="nenana, cpython: the chance that simulated players draw from. [default: 1]")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="nenana, cpython: only the latest so many cases.")
@click.option("--cases", type=click.IntRange(1), metavar="N", help="reference: only so many cases of each record, spread evenly over it.")
@json_option
def replay(name: str, data: Path | None, out: Path | None, seed: int | None, limit: int | None, cases: int | None, as_json: bool) -> None:
    """Run the past through the real thing, in order of time and without hindsight, and score what comes of it.

    nenana and cpython: simulated players, who know only what was known, bet through the service; against the public plan and
    the plain record. guesses: what real people guessed, as a closest guess and as a crowd. gjp: real orders on "When
    will …?" questions, played into markets, against their own midpoint. reference: a curve for each case from the cases before it,
    against the official plan. Prints tables and what had to be assumed.
    """
    from anyday.lab.folder import BadData

    _check(name, data, seed, limit, cases)
    try:
        with progress(f"Replaying {name}") as tick:
            found = _run(name, data, out, 1 if seed is None else seed, limit, cases, tick)
    except (BadData, ValueError) as why:
        raise Stop("bad_data", str(why), "Check the folder named by --data.", status=422)
    if as_json:
        click.echo(msgspec.json.encode(found.json))
        return
    from rich.console import Console

    found.show(Console(width=screen().width))
    if out is not None:
        click.echo(f"Written to {out}.")


def _check(name: str, data: Path | None, seed: int | None, limit: int | None, cases: int | None) -> None:
    """Stop where an option says nothing to this replay, or the folder that it needs is not there."""
    for option, given, names in (("--seed", seed, SHIPPED), ("--limit", limit, SHIPPED), ("--cases", cases, ("reference",))):
        if given is not None and name not in names:
            raise Stop("malformed", f"{option} says nothing to the replay of {name}.", "Leave it out.", status=422)
    needed = " and ".join(FILES.get(name, ()))
    if data is None and needed:
        sentence = f"The replay of {name} reads a folder of data, and none ships with AnyDay."
        raise Stop("bad_data", sentence, f"Name one that holds {needed}: --data FOLDER.", status=422)
    if data is not None and not data.is_dir():
        next_step = f"Name one that holds {needed}." if needed else "Name one that is there, or leave --data out."
        raise Stop("bad_data", f"There is no folder {data}.", next_step, status=422)


def _run(name: str, data: Path | None, out: Path | None, seed: int, limit: int | None, cases: int | None, tick: Tick) -> ReplayResult:
    """The replay of that name; each is imported when it runs."""
    if data is None or name in SHIPPED:
        from anyday.lab.replay import replay as history

        return history(name, data, out, seed, limit, tick)
    if name == "reference":
        from anyday.lab.reference_told import replay as reference

        return reference(data, out, cases, tick)
    if name == "guesses":
        from anyday.lab.guesses_told import replay as guesses

        return guesses(data, out, tick)
    from anyday.lab.gjp_told import replay as gjp

    return gjp(data, out, tick)
