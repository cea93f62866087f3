"""The tables, as forward-only numbered steps: checksummed, each in one transaction, run at start.

Every table of the crew carries the crew's id first in its key. ``event`` and ``command`` are the record; the tables
under "read rows" are derived from it and can be rebuilt to the same bytes; the tables of people hold personal data,
can be erased, and are deliberately outside the log.
"""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Final

RECORD: Final = """
CREATE TABLE event (
  seq INTEGER PRIMARY KEY, crew TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
  payload BLOB NOT NULL, hash BLOB NOT NULL, UNIQUE (crew, stream, version));
CREATE TABLE command (
  crew TEXT NOT NULL, actor TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, reply BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (crew, actor, id)) WITHOUT ROWID;
CREATE INDEX command_by_age ON command (at);
"""

#: Derived from the record; ``reads.project`` fills them and rebuilds them.
READ_TABLES: Final = (
    "posting", "account", "member", "question", "flow", "stake", "entry", "purse", "said", "result", "note", "tally", "occurrence",
)  # fmt: skip

READ_ROWS: Final = """
CREATE TABLE posting (
  crew TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, account TEXT NOT NULL, amount INTEGER NOT NULL,
  PRIMARY KEY (crew, stream, version, account)) WITHOUT ROWID;
CREATE TABLE account (
  crew TEXT NOT NULL, account TEXT NOT NULL, balance INTEGER NOT NULL,
  PRIMARY KEY (crew, account), CHECK (balance >= 0 OR account NOT GLOB 'player/*')) WITHOUT ROWID;
CREATE TABLE member (
  crew TEXT NOT NULL, player TEXT NOT NULL, simulated INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (crew, player)) WITHOUT ROWID;
CREATE TABLE question (
  crew TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, title TEXT NOT NULL,
  resolver TEXT NOT NULL, opened_at INTEGER NOT NULL, horizon INTEGER NOT NULL, bets INTEGER NOT NULL, closes INTEGER NOT NULL,
  plays TEXT NOT NULL, tally TEXT, never INTEGER, start INTEGER, end INTEGER, ruled_at INTEGER,
  PRIMARY KEY (crew, id)) WITHOUT ROWID;
CREATE INDEX question_by_ruling ON question (crew, ruled_at);
CREATE INDEX question_by_tally ON question (crew, tally, opened_at);
CREATE TABLE flow (
  crew TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, question TEXT NOT NULL, mechanism TEXT NOT NULL,
  player TEXT NOT NULL, at INTEGER NOT NULL, first INTEGER, last INTEGER, complement INTEGER, shares INTEGER NOT NULL,
  charge INTEGER NOT NULL, released INTEGER NOT NULL, standing INTEGER NOT NULL, PRIMARY KEY (crew, stream, version)) WITHOUT ROWID;
CREATE INDEX flow_by_player ON flow (crew, player, at);
CREATE TABLE stake (
  crew TEXT NOT NULL, player TEXT NOT NULL, question TEXT NOT NULL, mechanism TEXT NOT NULL, bets INTEGER NOT NULL, net INTEGER NOT NULL,
  paid INTEGER NOT NULL, PRIMARY KEY (crew, player, question, mechanism)) WITHOUT ROWID;
CREATE INDEX stake_by_question ON stake (crew, question);
CREATE TABLE said (
  crew TEXT NOT NULL, question TEXT NOT NULL, who TEXT NOT NULL, days INTEGER NOT NULL, log INTEGER NOT NULL, crps INTEGER NOT NULL,
  brier INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, claims TEXT NOT NULL,
  PRIMARY KEY (crew, question, who, days)) WITHOUT ROWID;
CREATE INDEX said_by_who ON said (crew, who, days, log, crps, brier);
CREATE TABLE result (
  crew TEXT NOT NULL, question TEXT NOT NULL, player TEXT NOT NULL, mechanism TEXT NOT NULL, score INTEGER,
  PRIMARY KEY (crew, question, player, mechanism)) WITHOUT ROWID;
CREATE INDEX result_by_player ON result (crew, player);
CREATE TABLE note (
  crew TEXT NOT NULL, question TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, moved INTEGER,
  PRIMARY KEY (crew, question, version)) WITHOUT ROWID;
CREATE INDEX note_by_time ON note (crew, at);
CREATE TABLE tally (
  crew TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, name TEXT NOT NULL, keeper TEXT NOT NULL,
  since INTEGER NOT NULL, PRIMARY KEY (crew, id)) WITHOUT ROWID;
CREATE TABLE occurrence (
  crew TEXT NOT NULL, tally TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
  question TEXT, struck INTEGER NOT NULL, PRIMARY KEY (crew, tally, version)) WITHOUT ROWID;
CREATE INDEX occurrence_by_time ON occurrence (crew, tally, start);
CREATE TABLE entry (
  crew TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
  PRIMARY KEY (crew, stream, version)) WITHOUT ROWID;
CREATE TABLE purse (
  crew TEXT NOT NULL, player TEXT NOT NULL, floor INTEGER NOT NULL, as_of INTEGER NOT NULL,
  PRIMARY KEY (crew, player)) WITHOUT ROWID;
"""

PEOPLE: Final = """
CREATE TABLE person (
  crew TEXT NOT NULL, player TEXT NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL, password TEXT, created_at INTEGER NOT NULL,
  PRIMARY KEY (crew, player), UNIQUE (crew, name_key)) WITHOUT ROWID;
CREATE TABLE session (
  crew TEXT NOT NULL, secret BLOB NOT NULL, player TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  PRIMARY KEY (crew, secret)) WITHOUT ROWID;
CREATE TABLE token (
  crew TEXT NOT NULL, secret BLOB NOT NULL, player TEXT NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL, PRIMARY KEY (crew, secret)) WITHOUT ROWID;
CREATE TABLE invitation (
  crew TEXT NOT NULL, secret BLOB NOT NULL, kind TEXT NOT NULL, player TEXT, by TEXT, uses_left INTEGER NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (crew, secret)) WITHOUT ROWID;
CREATE TABLE attempt (
  crew TEXT NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL, nonce INTEGER NOT NULL,
  PRIMARY KEY (crew, subject, at, nonce)) WITHOUT ROWID;
"""

#: One server, several crews: whoever signs in is asked for the crews that they belong to.
CREWS: Final = """
CREATE INDEX member_by_player ON member (player, at, crew);
"""

#: Guests and those who left; the texts of comments, which are personal; and when something becomes due by itself.
FAIR_PLAY: Final = """
ALTER TABLE member ADD COLUMN guest INTEGER NOT NULL DEFAULT 0;
ALTER TABLE member ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
ALTER TABLE question ADD COLUMN awaits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE question ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entry_by_kind ON entry (crew, kind, at);
CREATE TABLE remark (
  crew TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, player TEXT NOT NULL, salt BLOB NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (crew, stream, version)) WITHOUT ROWID;
CREATE INDEX remark_by_player ON remark (player);
CREATE TABLE due (
  crew TEXT NOT NULL, stream TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (crew, stream)) WITHOUT ROWID;
CREATE INDEX due_by_time ON due (at);
"""

STEPS: Final = (RECORD, READ_ROWS, PEOPLE, CREWS, FAIR_PLAY)


class SchemaMismatch(Exception):
    """The file was written by another version of the schema than this program knows."""


def checksum_of(sql: str) -> str:
    """What a file keeps of a step, to tell whether it is the one that this program knows."""
    return hashlib.sha256(sql.encode()).hexdigest()


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether a file has been through these steps, all of them and no others."""
    known = {number: checksum_of(sql) for number, sql in enumerate(STEPS, start=1)}
    assert len(known) == len(STEPS), "steps are numbered"
    if connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'step'").fetchone() == (0,):
        return False
    return dict(connection.execute("SELECT number, checksum FROM step")) == known


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest step. Raises ``SchemaMismatch`` where a recorded step differs from this program's."""
    connection.execute("CREATE TABLE IF NOT EXISTS step (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL)")
    done = dict(connection.execute("SELECT number, checksum FROM step"))
    assert all(isinstance(number, int) for number in done), "steps are numbered"
    if set(done) - set(range(1, len(STEPS) + 1)):
        raise SchemaMismatch("this file was written by a newer AnyDay; install that version or a later one")
    for number, sql in enumerate(STEPS, start=1):
        checksum = checksum_of(sql)
        if number in done:
            if done[number] != checksum:
                raise SchemaMismatch(f"step {number} of this file is not the one this AnyDay knows")
            continue
        connection.execute("BEGIN IMMEDIATE")
        for statement in sql.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("INSERT INTO step VALUES (?, ?)", (number, checksum))
        assert connection.in_transaction, "a step happens whole or not at all"
        connection.execute("COMMIT")
