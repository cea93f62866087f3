"""What ends a command early, as a sentence and a next step; never a traceback for what can be foreseen.

With ``--json`` whatever stops a command is a ``wire.Problem`` on standard output, the same as the API's.
"""

from __future__ import annotations

import errno
import sqlite3
import sys
from pathlib import Path
from typing import Any, Final

import click

from anyday.cli.terminal import screen
from anyday.refusals import Refusal

#: The exit code of a command that was stopped by Ctrl-C, as shells count it.
INTERRUPTED: Final = 130


class Stop(Exception):
    """A command that cannot go on: a code for machines, what is wrong, what to do."""

    def __init__(
        self, code: str, sentence: str, next_step: str, *, status: int = 409, retry: bool = False, facts: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{sentence} {next_step}".strip())
        self.code, self.sentence, self.next_step = code, sentence, next_step
        self.status, self.retry, self.facts = status, retry, facts or {}

    @classmethod
    def of(cls, refusal: Refusal) -> Stop:
        """A refusal as it stops a command."""
        why = refusal.reason.value
        facts = dict(refusal.facts)
        return cls(refusal.reason.code, refusal.sentence, refusal.next_step, status=why.status, retry=why.retry, facts=facts)

    def json(self) -> bytes:
        """The one shape of every "no"."""
        import msgspec

        from anyday import wire

        return msgspec.json.encode(wire.Problem(self.code, self.status, self.sentence, self.next_step, self.retry, self.facts))


class Command(click.Command):
    """A command whose foreseeable ends are sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what stops it is told where ``--json`` says."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            stop = error if isinstance(error, Stop) else foreseen(error, ctx.params.get("db"))
            if stop is None:
                raise
            if ctx.params.get("as_json"):
                click.echo(stop.json())
            else:
                click.echo(screen().text(str(stop)), err=True)
            ctx.exit(1)


def foreseen(error: Exception, db: object = None) -> Stop | None:
    """An error of the file, the disk or the settings as a sentence; None for what nobody foresaw."""
    from anyday.settings import BadSetting
    from anyday.store.database import FileInUse, WriteFailed
    from anyday.store.schema import SchemaMismatch

    name = str(db or "the file")
    match error:
        case WriteFailed():
            return Stop.of(error.refusal)
        case FileInUse():
            return Stop("file_in_use", f"{name} is in use by another program.", "Stop that program, or wait until it has finished.", retry=True)
        case SchemaMismatch():
            return Stop("other_schema", f"{name} cannot be used: {error}.", "Use the AnyDay that wrote it, or a newer one.")
        case BadSetting():
            return Stop("bad_setting", str(error), "Correct it and start again.", status=422)
        case sqlite3.Error():
            return _database(error, name)
        case OSError():
            return _system(error, name)
    return None


def _database(error: sqlite3.Error, name: str) -> Stop | None:
    """SQLite's own complaints about the file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    told = {
        sqlite3.SQLITE_NOTADB: ("not_a_database", f"{name} is not an AnyDay file.", "Name another one with --db."),
        sqlite3.SQLITE_CORRUPT: ("damaged", f"{name} is damaged.", "Restore a backup, and check the disk."),
        sqlite3.SQLITE_FULL: ("disk_full", "The disk is full; nothing was done.", "Free some space; then try again."),
        sqlite3.SQLITE_READONLY: ("read_only", f"{name} may be read but not written.", "Check the permissions of the file and of its folder."),
        sqlite3.SQLITE_CANTOPEN: ("cannot_open", f"{name} cannot be opened.", "Check its path, and the permissions of the file and of its folder."),
        sqlite3.SQLITE_IOERR: ("disk_error", f"The disk failed while {name} was read or written.", "Check the disk, and its free space."),
        sqlite3.SQLITE_BUSY: ("file_in_use", f"{name} is locked by another program.", "Wait until it has finished; then try again."),
    }.get(code)
    return None if told is None else Stop(*told)


def _system(error: OSError, name: str) -> Stop | None:
    """The system's complaints about a file or the disk."""
    what = Path(error.filename).name if isinstance(error.filename, str) else error.filename or name
    told = {
        errno.ENOSPC: ("disk_full", "The disk is full.", "Free some space; then try again."),
        errno.EDQUOT: ("disk_full", "Your quota on this disk is used up.", "Free some space; then try again."),
        errno.EACCES: ("no_permission", f"{what} may not be read or written by you.", "Check the permissions of the file and of its folder."),
        errno.EPERM: ("no_permission", f"{what} may not be changed by you.", "Check the permissions of the file and of its folder."),
        errno.EROFS: ("read_only", f"{what} is on a disk that cannot be written.", "Use a file elsewhere."),
        errno.ENOENT: ("no_file", f"There is no {what}, or no folder for it.", "Check the path."),
        errno.ENOTDIR: ("no_file", f"{what} is not in a folder.", "Check the path."),
        errno.EISDIR: ("no_file", f"{what} is a folder.", "Name a file in it."),
        errno.EEXIST: ("already_there", f"{what} is there already.", "Choose another name."),
    }.get(error.errno or 0)
    return None if told is None else Stop(*told)


def refuse_optimised() -> None:
    """``python -O`` is refused before anything else. Exits."""
    from anyday.settings import BadSetting, refuse_without_assertions

    try:
        refuse_without_assertions()
    except BadSetting as why:
        click.echo(str(why), err=True)
        sys.exit(1)
