"""The commands of tallies: open, list, show with a strip chart, record, strike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

import click

from anyday import client, wire
from anyday.cli import say
from anyday.cli.amounts import moment
from anyday.cli.asking import Asker, reaches
from anyday.cli.draw import ASCII, UNICODE, Plot
from anyday.cli.stop import Command
from anyday.cli.terminal import COLUMN, Screen, cells, pad, wrap
from anyday.instants import MINUTE, Grain
from anyday.web.ticks import Room, ticks

_TALLY: Final = click.argument("tally", metavar="ID")
#: What a column of the strip shows: one occurrence, more of them.
_MARKS: Final = ("│", "┃")
_PLAIN: Final = ("|", "#")


@click.group(short_help="Tallies: what happens again and again.")
def tally() -> None:
    """Tallies: what happens again and again, each time with its evidence; how often, how long since the last, and when next."""


@tally.command("open", cls=Command, short_help="Keep a tally.")
@click.argument("called", metavar="NAME")
@click.option("--terms", required=True, help="What counts, and what does not.")
@click.option("--since", required=True, metavar="TIME", help="The first time that counts.")
@click.option("--next", "title", metavar="TITLE", help="Ask this anew each time the last question has settled.")
@click.option("--next-terms", "asked", metavar="TERMS", help="The terms of that question.")
@click.option("--grain", type=click.Choice([g.value for g in Grain], case_sensitive=False), default="day", show_default=True, help="Its grain.")
@click.option("--span", type=int, default=90, show_default=True, metavar="N", help="So many grains of it.")
@click.option("--subsidy", default="200", show_default=True, metavar="POINTS", help="Its subsidy, each time.")
@click.option("--from-house", is_flag=True, help="The house pays the subsidy (the owner may say so).")
@reaches
def open_(
    asker: Asker, called: str, terms: str, since: str, title: str | None, asked: str | None, grain: str, span: int, subsidy: str, from_house: bool
) -> None:
    """Keep a tally of what happens again and again, by its NAME. You are its keeper.

    With --next the next question is asked by itself each time the last one has settled, with a curve from the tally's own gaps; you ask it and
    rule it.

    \b
    anyday tally open "Lost shipments" --terms "A parcel that never arrives." --since 2027-01-01
    """  # noqa: D301  \b keeps the example's lines
    if (title is None) != (asked is None):
        raise click.UsageError("--next and --next-terms belong together.")
    following = wire.NextIn(title, asked or "", grain, span, subsidy, "house" if from_house else "host") if title is not None else None
    receipt = asker.answer(client.open_tally(wire.TallyIn(called, terms, since, following)), say.receipt)
    if not asker.as_json:
        click.echo(f"Its id is {receipt.tally}. Look at it with: anyday tally show {receipt.tally}")


@tally.command("list", cls=Command, short_help="The crew’s tallies.")
@reaches
def list_(asker: Asker) -> None:
    """The crew's tallies: how often lately, how long since the last."""
    asker.answer(client.tallies(), listed)


@tally.command(cls=Command, short_help="A tally, with its strip chart.")
@_TALLY
@click.option("--before", type=int, metavar="VERSION", help="The occurrences before the one recorded with this version.")
@reaches
def show(asker: Asker, tally: str, before: int | None) -> None:
    """A tally: a strip chart of its occurrences, how often, the gaps, when the next is, and what was recorded."""
    asker.answer(client.tally(tally, before), shown)


@tally.command(cls=Command, short_help="Record that it happened once more.")
@_TALLY
@click.argument("when", nargs=-1, required=True, metavar="WHEN...")
@click.option("--evidence", required=True, help="What shows it: a text, a link.")
@reaches
def record(asker: Asker, tally: str, when: tuple[str, ...], evidence: str) -> None:
    """Record that it happened: an instant, a day or longer if no more is known, or now.

    \b
    anyday tally record t1 14 March 2027 15:04 --evidence "The carrier's mail"
    """  # noqa: D301
    asker.answer(client.record(tally, wire.OccurrenceIn(" ".join(when), evidence)), say.receipt)


@tally.command(cls=Command, short_help="Strike an occurrence out.")
@_TALLY
@click.argument("version", type=int)
@click.option("--reason", required=True, help="Why it does not count.")
@reaches
def strike(asker: Asker, tally: str, version: int, reason: str) -> None:
    """Strike out the occurrence that was recorded with a VERSION, as “anyday tally show” has it. It stays on the record."""
    asker.answer(client.strike(tally, wire.StrikeIn(version, reason)), say.receipt)


# what is said


def listed(cards: Sequence[wire.TallyCard], screen: Screen) -> Iterator[str]:
    """Every tally: its id, its name, and how often."""
    if not cards:
        yield screen.text("No tallies yet. Open one: anyday tally open NAME --terms … --since …")
    for card in cards:
        yield f"{card.id}  {screen.style(screen.text(card.name), 'bold')}"
        yield from (screen.style(f"  {line}", "dim") for line in wrap(screen.text(card.said), min(screen.width, COLUMN) - 2))


def shown(view: wire.TallyView, screen: Screen) -> Iterator[str]:
    """A tally whole."""
    width = min(screen.width, COLUMN)
    yield from (screen.style(line, "bold") for line in wrap(screen.text(view.name), width))
    yield from (screen.style(line, "dim") for line in wrap(screen.text(f"{view.id} · kept by {view.keeper} · times in {view.zone}"), width))
    yield from wrap(screen.text(view.terms), width)
    yield ""
    yield from wrap(screen.text(f"{view.count_said} {view.last_said} {view.rate.said if view.rate is not None else ''}"), width)
    yield ""
    yield from strip(view, screen)
    yield from _periods(view)
    if view.gaps is not None:
        yield from wrap(screen.text(view.gaps.said), width)
    yield ""
    yield from wrap(screen.text(_next(view)), width)
    yield from _occurrences(view, screen)


def strip(view: wire.TallyView, screen: Screen) -> Iterator[str]:
    """The occurrences on an axis of time that fills the screen, from when the tally began to now."""
    start = moment(view.since)
    if view.now - start < MINUTE:
        return
    plot, signs = Plot(start, view.now, screen.width - 1), UNICODE if screen.unicode else ASCII
    one, more = _MARKS if screen.unicode else _PLAIN
    marks, line, words, free = [" "] * plot.columns, [signs.axis] * plot.columns, [" "] * plot.columns, 0
    for began, _ in view.marks:
        column = plot.at(began)
        marks[column] = one if marks[column] == " " else more
    for tick in ticks(plot.start, plot.end, view.zone, Room(min(0.5, 13 / plot.columns), 0.0)):
        column = plot.at(tick.at)
        at = max(0, min(column - len(tick.label) // 2, plot.columns - len(tick.label)))
        if at >= free:
            line[column] = signs.tick
            words[at : at + len(tick.label)] = tick.label
            free = at + len(tick.label) + 2
    yield screen.style("".join(marks).rstrip(), "accent")
    yield "".join(line)
    yield "".join(words).rstrip()


def _periods(view: wire.TallyView) -> Iterator[str]:
    yield ""
    yield f"{'in the past':<14}  {'times':>6}  {'before that':>12}"
    for period in view.periods:
        name = "month" if period.months == 1 else f"{period.months} months"
        yield f"{name:<14}  {period.count:>6,}  {'not yet kept' if period.before is None else f'{period.before:,}':>12}"


def _next(view: wire.TallyView) -> str:
    """When the next one is, as far as anybody is asked."""
    asked = view.next
    if asked.question is not None:
        return f"Next: {asked.title} ({asked.question}) {asked.sentence}"
    cases = f"would start from {asked.cases} gaps" if asked.enough else "needs two gaps at least"
    how = f"Ask for the next one with: anyday ask … --tally {view.id} --from-tally (its curve {cases})."
    return f"{asked.refused} {how}" if asked.refused is not None else how


def _occurrences(view: wire.TallyView, screen: Screen) -> Iterator[str]:
    """What was recorded, the newest first, each with the version by which it can be struck out."""
    if not view.occurrences:
        return
    yield ""
    yield screen.style("Recorded", "bold")
    left = [f"{one.version:>4}  {screen.text(one.when)}" for one in view.occurrences]
    room = max(map(cells, left))
    beside = screen.width - room - 2 >= 30
    for one, when in zip(view.occurrences, left, strict=True):
        said = f"{one.evidence} ({one.by}{', by a ruling' if one.question is not None else ''})"
        if one.struck is not None:
            said = f"struck out: {one.struck} ({one.struck_by}); it said: {said}"
        lines = wrap(screen.text(said), min(screen.width, COLUMN) - (room + 2 if beside else 6))
        if not beside:
            yield screen.style(when, "dim")
            yield from (f"      {line}" for line in lines)
            continue
        for first, line in zip_longest([when], lines, fillvalue=""):
            yield f"{screen.style(pad(first, room), 'dim')}  {line}"
    if view.earlier is not None:
        yield screen.style(f"and earlier ones: anyday tally show {view.id} --before {view.earlier}", "dim")
