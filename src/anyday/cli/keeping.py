"""The commands of whoever keeps the file: verify, rebuild, backup, export. They work on the file itself."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
import msgspec

from anyday import wire
from anyday.cli import doors
from anyday.cli.asking import db_option, json_option
from anyday.cli.stop import Command, Stop


class Tick(Protocol):
    """Told how far something is, and perhaps what it is doing."""

    def __call__(self, done: int, total: int, text: str = "") -> None:
        """``done`` of ``total``."""


@contextmanager
def progress(what: str) -> Iterator[Tick]:
    """A bar on standard error while something takes long; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total, text="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def tick(done: int, total: int, text: str = "") -> None:
            bar.update(task, completed=done, total=total, description=text or what)

        yield tick


@click.command(cls=Command, short_help="Compute everything again from the log.")
@db_option
@json_option
@click.pass_context
def verify(context: click.Context, db: Path, as_json: bool) -> None:
    """Compute everything again from the log: chains, postings, charges, payouts, balances.

    Names the first version that is wrong, and then exits with 1. Works beside a running server.
    """
    from anyday.service.audit import verify as check

    doors.check_file(db)
    with progress("Checking the log") as tick:
        verdict = check(db, tick)
    if as_json:
        click.echo(msgspec.json.encode(verdict))
    else:
        click.echo(f"{verdict.events:,} events in {verdict.streams:,} streams, {verdict.charges:,} charges.")
        click.echo("Everything follows from the log." if verdict.fault is None else f"Wrong: {verdict.fault}")
    context.exit(0 if verdict.fault is None else 1)


class Rebuilt(wire.View, frozen=True):
    """What a rebuild did: the events it read, and whether every row came out as it was."""

    events: int
    equal: bool
    differed: tuple[str, ...]


@click.command(cls=Command, short_help="Make all read rows again from the log.")
@db_option
@json_option
def rebuild(db: Path, as_json: bool) -> None:
    """Make all read rows again from the log, whole or not at all, and say whether they were equal.

    Needs the file for itself: stop its server first.
    """
    from anyday.store.database import Database

    doors.check_file(db)
    database = doors.when_free(db, lambda: Database(db))
    if database is None:
        raise _served(db)
    try:
        done = database.write_now(lambda connection: _rebuild(connection, db))
    finally:
        database.close()
    if as_json:
        click.echo(msgspec.json.encode(done))
        return
    same = "they are as they were" if done.equal else f"these had differed: {', '.join(done.differed)}"
    click.echo(f"The read rows were made again from {done.events:,} events; {same}.")


def _rebuild(connection: sqlite3.Connection, db: Path) -> Rebuilt:
    from anyday.reads import project
    from anyday.store import beside

    before = project.snapshot(connection)
    with closing(beside.read_only(db)) as reader, progress("Reading the log") as tick:
        total = beside.events(reader)
        events = project.rebuild(connection, reader, lambda done: tick(done, total))
    after = project.snapshot(connection)
    differed = tuple(table for table in after if after[table] != before[table])
    return Rebuilt(events, not differed, differed)


def _served(db: Path) -> Stop:
    return Stop("file_in_use", f"A server has {db} open.", "Stop it first; then do this again.", retry=True)


@click.command(cls=Command, short_help="Copy the file while it is in use.")
@click.argument("target", type=click.Path(path_type=Path))
@db_option
@json_option
def backup(target: Path, db: Path, as_json: bool) -> None:
    """Copy the file to TARGET as one consistent state, while people bet. Refuses to overwrite."""
    from anyday.store.database import copy_database

    doors.check_file(db)
    if target.exists():
        raise Stop("already_there", f"{target} is there already.", "Choose another name.")
    if not target.absolute().parent.is_dir():
        raise Stop("no_file", f"There is no folder {target.parent}.", "Check the path.", status=404)
    before = os.umask(0o077)  # it holds the hashes of passwords
    try:
        copy_database(db, target)
    except BaseException:
        target.unlink(missing_ok=True)  # half a copy must not pass for one
        raise
    finally:
        os.umask(before)
    said = f"{db} was copied to {target} ({target.stat().st_size:,} bytes). Check it with: anyday verify --db {target}"
    click.echo(msgspec.json.encode(wire.Done(said)) if as_json else said)


class Exported(msgspec.Struct, frozen=True):
    """One line of an export: the event with its place, and its payload's bytes as they are stored."""

    crew: str
    stream: str
    version: int
    hash: str
    payload: msgspec.Raw


@click.command(cls=Command, short_help="Write the log as JSON lines.")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@db_option
def export(target: Path | None, db: Path) -> None:
    """Write the log as JSON lines, one event a line in the order of writing, to TARGET or to standard output.

    Each line holds crew, stream, version, hash and payload, the payload byte for byte as it is stored and hashed.
    """
    from anyday.store import beside

    doors.check_file(db)
    with beside.one_state(db) as connection:
        if target is None:
            _export(connection, sys.stdout.buffer)
            return
        with target.open("xb") as out:
            try:
                _export(connection, out)
            except BaseException:
                target.unlink(missing_ok=True)  # half a log must not pass for one
                raise


def _export(connection: sqlite3.Connection, out: Any) -> None:
    from anyday.store import log

    for logged in log.scan(connection):
        line = Exported(logged.crew, logged.stream, logged.version, logged.hash.hex(), msgspec.Raw(logged.payload))
        out.write(msgspec.json.encode(line) + b"\n")
    out.flush()
