"""The commands of the record: track records, tables, the review; and how they are written in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import click

from anyday import client, wire
from anyday.cli.amounts import moment, points
from anyday.cli.asking import Asker, csv_option, reaches
from anyday.cli.stop import Command
from anyday.cli.terminal import COLUMN, Screen, cells, cut, pad, wrap
from anyday.market.curve import say_chance
from anyday.web import sheets
from anyday.web.ticks import short

_LOOKS: Final = {90: "90 days before", 30: "30 days before", 7: "7 days before", 1: "1 day before", 0: "the last", -1: "at its start"}
_KINDS: Final = {"market": "The market", "tote": "The tote", "closest": "The guesses’ crowd", "forecast": "The forecasts’ crowd"}
_REVIEWED: Final = click.Choice(["week", "month", "quarter"], case_sensitive=False)
_RANKED: Final = click.Choice(["month", "quarter", "year", "all"], case_sensitive=False)
_AT = click.option("--at", default="", metavar="DAY", help="The one that holds this day (2027-03-14) or month (2027-03); default the present one.")


@click.command(cls=Command, short_help="How well the curves did; with a PLAYER, how they did.")
@click.argument("player", metavar="[PLAYER]", required=False)
@reaches
def record(asker: Asker, player: str | None) -> None:
    """Show the record of settled questions: the crew's mechanisms, or with a PLAYER's name that player's.

    CRPS and the Brier score lie between 0 and 1, 0 the best; the log score is 0 at best. “At its start” is the first look once a
    question's time has begun: it does not know when it happens, so calibration is judged there.
    """
    if player is None:
        asker.answer(client.records(), crew)
    else:
        asker.answer(client.player(player), track)


@click.command(cls=Command, short_help="Who is ahead, of settled questions only.")
@click.option("--period", type=_RANKED, default="month", show_default=True, help="The time to look at, in the crew's zone.")
@_AT
@csv_option
@reaches
def tables(asker: Asker, period: str, at: str, as_csv: bool) -> None:
    """Show who is ahead by profit, by forecast score and by calibration. Nothing that is open counts."""
    if as_csv:
        asker.write(sheets.tables(asker.ask(client.tables(period, at))))
    else:
        asker.answer(client.tables(period, at), ranked)


@click.command(cls=Command, short_help="What moved your points, line by line.")
@csv_option
@reaches
def ledger(asker: Asker, as_csv: bool) -> None:
    """Show what moved your points in this crew, the newest first, with what you held after it."""
    if as_csv:
        asker.write(sheets.ledger(asker.ask(client.ledger())))
    else:
        asker.answer(client.ledger(), moved)


@click.command(cls=Command, short_help="What a week, month or quarter came to.")
@click.option("--period", type=_REVIEWED, default="week", show_default=True, help="The time to look at, in the crew's zone.")
@_AT
@reaches
def review(asker: Asker, period: str, at: str) -> None:
    """Review a week, month or quarter: what was settled, who was right early, what moved opinion, which rulings are due."""
    asker.answer(client.review(period, at), reviewed)


# in words


def crew(view: wire.RecordView, screen: Screen) -> Iterator[str]:
    """The crew's mechanisms, one after the other."""
    yield from wrap(screen.text(view.said), min(screen.width, COLUMN))
    for mechanism in view.mechanisms:
        yield ""
        yield screen.style(screen.text(_KINDS[mechanism.kind]), "bold")
        yield from wrap(screen.text(f"{_settled_questions(mechanism.questions)}, profit {points(mechanism.profit)}"), screen.width)
        yield from _scores(mechanism, screen)


def track(view: wire.TrackRecord, screen: Screen) -> Iterator[str]:
    """A player's track record."""
    yield screen.style(screen.text(view.name), "bold") + (" (simulated)" if view.simulated else "")
    lines = [f"{points(view.profit)} points of profit on {_settled_questions(view.questions)}"]
    if view.score is not None:
        lines.append(f"{view.score} mean score of {view.forecasts} {'forecast' if view.forecasts == 1 else 'forecasts'}")
    if view.guesses:
        near = f", {view.distance} grains off in the middle" if view.distance is not None else ""
        lines.append(f"{view.guesses} {'guess' if view.guesses == 1 else 'guesses'}, {view.exact} exact{near}")
    for line in lines:
        yield from wrap(screen.text(line), min(screen.width, COLUMN))
    yield from _scores(view, screen)
    if not view.played:
        return
    yield ""
    yield screen.style("Settled questions", "bold")
    for played in view.played:
        profit = f"{points(played.profit)} points" if played.profit is not None else None
        told = [profit, f"score {played.score}" if played.score else None, f"guess {played.guess}" if played.guess else None]
        more = ", ".join(part for part in told if part)
        said = f"{played.question}  {played.title} {_capital(played.outcome)}{': ' if more else ''}{more}."
        yield from wrap(screen.text(said), min(screen.width, COLUMN))


def _scores(view: wire.TrackRecord, screen: Screen) -> Iterator[str]:
    rows = [(_LOOKS[mark.days], _share(mark.crps), _share(mark.brier), f"{mark.log / 1e6:.2f}", str(mark.questions)) for mark in view.marks]
    if rows:
        yield ""
        yield from _table(("said", "CRPS", "Brier", "log", "of"), rows, screen)
        yield ""
        yield from wrap(screen.text(view.calibration.said), min(screen.width, COLUMN))
        levels = view.calibration.levels
        table = [
            (say_chance(at.stated), say_chance(at.came_true), f"{say_chance(at.least)} – {say_chance(at.most)}", str(at.questions)) for at in levels
        ]
        if not table:
            return
        yield from _table(("stated", "true", "at 95 %", "of"), table, screen)
        yield from wrap(screen.text(view.calibration.spread_said), min(screen.width, COLUMN))


def moved(view: wire.LedgerView, screen: Screen) -> Iterator[str]:
    """One's own ledger."""
    rows = [(f"{line.at[:10]}  {line.title or line.what.replace('_', ' ')}", points(line.amount), points(line.balance)) for line in view.lines]
    yield from _table(("when and on what", "points", "then held"), rows, screen) if rows else iter(("Nothing has moved yet.",))
    if not view.whole:
        yield f"These are the newest {len(view.lines):,}."


def ranked(view: wire.TablesView, screen: Screen) -> Iterator[str]:
    """The tables."""
    width = min(screen.width, COLUMN)
    yield from wrap(screen.text(f"{view.period.said}: {_settled_questions(view.questions)}. Nothing that is open counts."), width)
    for table in view.tables:
        yield ""
        yield screen.style(f"By {table.by}", "bold")
        yield from wrap(screen.text(table.said), width)
        rows = [_place(at, table.by) for at in table.places]
        yield from _table(None, rows, screen) if rows else iter(("Nobody yet.",))
        if table.few:
            yield f"{table.few} {'player has' if table.few == 1 else 'players have'} fewer than {table.least}."


def _place(at: wire.PlaceView, by: str) -> tuple[str, str, str]:
    value = points(at.value) if by == "profit" else at.value
    return f"{at.place}. {at.name}{' (simulated)' if at.simulated else ''}", value, f"of {at.questions}"


def reviewed(view: wire.ReviewView, screen: Screen) -> Iterator[str]:
    """The review."""
    width = min(screen.width, COLUMN)
    yield screen.style(screen.text(view.period.said), "bold")
    for said in view.said:
        yield from wrap(screen.text(said), width)
    parts: list[tuple[str, list[str]]] = [
        ("Waiting for a ruling now", [f"{due.question}  {due.title} {due.resolver} rules{_late(due.days)}." for due in view.overdue]),
        ("Settled", [_settled(question) for question in view.questions]),
        ("What moved opinion", [f"{_moved(note)} {note.text} ({note.title})" for note in view.notes]),
        ("Tallies", [f"{tally.name}: {tally.times}, and {tally.before} the {view.period.period} before." for tally in view.tallies]),
        ("New questions", [f"{new.question}  {new.title} ({short(moment(new.opened_at), 'UTC')})" for new in view.asked]),
    ]
    for heading, lines in parts:
        if lines:
            yield ""
            yield screen.style(heading, "bold")
            for line in lines:
                yield from wrap(screen.text(line), width)


def _settled_questions(count: int) -> str:
    return "1 settled question" if count == 1 else f"{count} settled questions"


def _late(days: int | None) -> str:
    if days is None:
        return "; its betting was closed"
    return f"; overdue for {days} {'day' if days == 1 else 'days'}"


def _settled(row: wire.ReviewedView) -> str:
    early = f", CRPS {_share(row.early)} 30 days before" if row.early is not None else ""
    last = f", CRPS {_share(row.last)} last" if row.last is not None else ""
    best = f", best forecast {row.best}’s ({_share(row.best_crps)})" if row.best is not None and row.best_crps is not None else ""
    gain = f", biggest profit {row.gained}’s ({points(row.gain)})" if row.gained is not None else ""
    return f"{row.question}  {row.title} {_capital(row.outcome)}{early}{last}{best}{gain}."


def _moved(note: wire.MovedView) -> str:
    return "Nobody can tell yet:" if note.moved is None else f"{say_chance(note.moved)} moved in a day:"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _share(ppm: int) -> str:
    return f"{ppm / 1e6:.3f}"


def _table(head: Sequence[str] | None, rows: Sequence[Sequence[str]], screen: Screen) -> Iterator[str]:
    """Cells side by side, the first to the left and the others to the right; the first gives way where the terminal is narrow."""
    shown = [[screen.text(cell) for cell in row] for row in ([head, *rows] if head is not None else rows)]
    rooms = [max(cells(row[place]) for row in shown) for place in range(len(shown[0]))]
    rooms[0] = max(8, min(rooms[0], screen.width - sum(rooms[1:]) - 2 * len(rooms[1:])))
    for place, row in enumerate(shown):
        rest = "".join("  " + " " * (room - cells(cell)) + cell for cell, room in zip(row[1:], rooms[1:], strict=True))
        line = pad(cut(row[0], rooms[0]), rooms[0]) + rest
        yield screen.style(line, "dim") if head is not None and place == 0 else line
