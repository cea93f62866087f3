"""Every SQLite (later PostgreSQL) difference. One file, one writer process, one writer thread; readers beside it.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit that returned survives a power cut. A lock file next to
the database keeps a second process from writing; it is asked for before the database is opened, because opening and
closing the database file elsewhere in a process would drop SQLite's own locks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from anyday.refusals import Reason, Refusal
from anyday.store import schema

T = TypeVar("T")
Row = tuple[Any, ...]

_BUSY_MS: Final = 5_000
_DISK_FULL: Final = 13  # SQLITE_FULL


class FileInUse(Exception):
    """Another process has the file open for writing."""


class WriteFailed(Exception):
    """The transaction did not happen; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Database:
    """One SQLite file with its writer thread and its reader connection.

    ``read`` runs on the caller's thread against the last committed state; ``write`` runs one function inside one
    transaction on the writer thread. Raises ``FileInUse`` where another process holds the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _lock(path)
        with contextlib.ExitStack() as undo:  # whatever was opened is let go of where the rest cannot be
            undo.callback(os.close, self._lock)
            if not path.exists():  # it will hold hashes of passwords: its owner's alone, and its -wal and -shm like it
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._writer = _connect(path)
            undo.callback(self._writer.close)
            schema.migrate(self._writer)
            self._reader = _connect(path)
            undo.callback(self._reader.close)
            self._reader.execute("PRAGMA query_only=ON")
            undo.pop_all()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="anyday-writer")
        assert self._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",), "the file must be in WAL mode"
        assert self._writer.execute("PRAGMA synchronous").fetchone() == (2,), "commits must be durable"

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of a query against the committed state."""
        rows = self._reader.execute(sql, parameters).fetchall()
        assert not self._reader.in_transaction, "a read leaves no transaction open, or it would see the past for ever"
        return rows

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` inside one durable transaction; raises ``WriteFailed`` where nothing was written."""
        assert callable(work), "a transaction is a function of its connection"
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.write_now, work)

    def write_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same on the calling thread; for programs without a loop."""
        connection = self._writer
        assert not self._writer.in_transaction, "transactions come one after another"
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                full = getattr(error, "sqlite_errorcode", 0) & 0xFF == _DISK_FULL
                raise WriteFailed(Refusal(Reason.DISK_FULL if full else Reason.UNAVAILABLE)) from error
            raise
        assert not connection.in_transaction, "a transaction ends where it began"
        return result

    async def scrub(self) -> None:
        """Let what was erased leave the file at once: what is deleted is overwritten there, and the write-ahead log is emptied into it.
        Where somebody is reading, that happens with a later checkpoint."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._empty_log)

    def _empty_log(self) -> None:
        assert self._writer.execute("PRAGMA secure_delete").fetchone() == (1,), "what is deleted is overwritten"
        self._writer.execute("PRAGMA busy_timeout=0")  # nobody's bet waits for it
        try:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            pass  # somebody else reads
        finally:
            self._writer.execute(f"PRAGMA busy_timeout={_BUSY_MS}")

    async def backup(self, target: Path) -> None:
        """Copy the live database to ``target`` while it is in use (SQLite's online backup), as one consistent state."""
        assert target != self.path, "a backup is another file"
        await asyncio.get_running_loop().run_in_executor(None, copy_database, self.path, target)

    def close(self) -> None:
        """Finish the writer's work and let go of the file."""
        self._thread.shutdown(wait=True)
        assert not self._writer.in_transaction, "what was begun has ended"
        self._reader.close()
        self._writer.close()
        os.close(self._lock)


@contextlib.contextmanager
def nobody_else(path: Path) -> Iterator[None]:
    """Keep every writer out of a file meanwhile, without opening it: whatever it holds. Raises ``FileInUse``."""
    handle = _lock(path)
    assert handle >= 0, "a lock is an open file"
    try:
        yield
    finally:
        os.close(handle)


def copy_database(source: Path, target: Path) -> None:
    """Online backup of ``source`` into the new file ``target``. Raises ``FileExistsError`` where the target exists."""
    assert source != target, "a copy is another file"
    if target.exists():
        raise FileExistsError(target)
    reader = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)
    try:
        with contextlib.closing(sqlite3.connect(target)) as copy:
            reader.backup(copy, pages=4_096)
            copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        reader.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON", "cache_size=-16000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _lock(path: Path) -> int:
    """Take the writer's lock file, or raise ``FileInUse``."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise FileInUse(str(path)) from error
    return handle
