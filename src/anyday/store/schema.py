"""The tables, as forward-only numbered steps: checksummed, each in one transaction, run at start.

Every table of the crew carries the crew's id first in its key; people are the server's. ``event`` and ``command`` are the record; the tables
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

#: People become the server's: an account is the same in every crew, and what it may do where is said by what is scoped to a crew.
#: Whoever has an account in an older file but is no member yet (the disk was full when they joined) keeps the place they were given.
PEOPLE_OF_THE_SERVER: Final = """
ALTER TABLE person RENAME TO old_person;
ALTER TABLE session RENAME TO old_session;
ALTER TABLE token RENAME TO old_token;
ALTER TABLE invitation RENAME TO old_invitation;
DROP TABLE attempt;
CREATE TABLE person (
  player TEXT NOT NULL PRIMARY KEY, name TEXT, name_key TEXT UNIQUE, password TEXT, created_at INTEGER NOT NULL, erased_at INTEGER,
  CHECK ((name IS NULL) = (erased_at IS NOT NULL) AND (name IS NULL) = (name_key IS NULL))) WITHOUT ROWID;
CREATE TABLE session (
  secret BLOB NOT NULL PRIMARY KEY, player TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX session_by_player ON session (player, created_at);
CREATE TABLE token (
  secret BLOB NOT NULL PRIMARY KEY, player TEXT NOT NULL, crew TEXT NOT NULL, rights TEXT NOT NULL, name TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, CHECK (rights IN ('read', 'play', 'manage'))) WITHOUT ROWID;
CREATE INDEX token_by_player ON token (player, created_at);
CREATE TABLE invitation (
  secret BLOB NOT NULL PRIMARY KEY, crew TEXT NOT NULL, kind TEXT NOT NULL, role TEXT NOT NULL, player TEXT, by TEXT,
  uses_left INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX invitation_by_player ON invitation (player, kind);
CREATE INDEX invitation_by_crew ON invitation (crew, kind);
CREATE TABLE passkey (
  credential BLOB NOT NULL PRIMARY KEY, player TEXT NOT NULL, site TEXT NOT NULL, public_key BLOB NOT NULL, sign_count INTEGER NOT NULL,
  name TEXT NOT NULL, created_at INTEGER NOT NULL, used_at INTEGER, doubted_at INTEGER) WITHOUT ROWID;
CREATE INDEX passkey_by_player ON passkey (player, created_at);
CREATE TABLE identity (
  issuer TEXT NOT NULL, subject TEXT NOT NULL, player TEXT NOT NULL, created_at INTEGER NOT NULL, used_at INTEGER,
  PRIMARY KEY (issuer, subject)) WITHOUT ROWID;
CREATE INDEX identity_by_player ON identity (player);
CREATE TABLE challenge (
  secret BLOB NOT NULL PRIMARY KEY, kind TEXT NOT NULL, player TEXT, data TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX challenge_by_age ON challenge (expires_at);
CREATE TABLE attempt (
  subject TEXT NOT NULL, at INTEGER NOT NULL, nonce INTEGER NOT NULL, PRIMARY KEY (subject, at, nonce)) WITHOUT ROWID;
CREATE INDEX attempt_by_age ON attempt (at);
CREATE TABLE pepper (purpose TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO pepper VALUES ('decoys', randomblob(32));
INSERT INTO person SELECT player, name, name_key, password, created_at, NULL FROM old_person;
INSERT INTO session SELECT secret, player, created_at, expires_at FROM old_session;
INSERT INTO token SELECT secret, player, crew, 'manage', name, created_at, expires_at FROM old_token;
INSERT INTO invitation SELECT secret, crew, kind, CASE kind WHEN 'setup' THEN 'owner' ELSE 'player' END, player, by, uses_left, created_at, expires_at
  FROM old_invitation;
INSERT INTO invitation SELECT CAST(player || ' place in ' || crew AS BLOB), crew, 'place',
  CASE WHEN EXISTS (SELECT 1 FROM event WHERE event.crew = old_person.crew) THEN 'player' ELSE 'owner' END,
  player, NULL, 1, created_at, 9223372036854775807
  FROM old_person WHERE NOT EXISTS (SELECT 1 FROM member WHERE member.crew = old_person.crew AND member.player = old_person.player);
DROP TABLE old_person;
DROP TABLE old_session;
DROP TABLE old_token;
DROP TABLE old_invitation;
"""

#: The inbox, what is on its way, and by which channels: personal too, outside the log. A notice's ``facts`` are ids and integers.
NOTIFY: Final = """
CREATE TABLE notice (
  crew TEXT NOT NULL, player TEXT NOT NULL, id INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, question TEXT, facts TEXT NOT NULL,
  deputy TEXT, at INTEGER NOT NULL, read_at INTEGER, acked_at INTEGER, step INTEGER NOT NULL, next_at INTEGER,
  PRIMARY KEY (crew, player, id), UNIQUE (crew, player, key)) WITHOUT ROWID;
CREATE INDEX notice_by_due ON notice (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notice_unread ON notice (crew, player) WHERE read_at IS NULL;
CREATE TABLE delivery (
  id TEXT NOT NULL PRIMARY KEY, parcel TEXT NOT NULL, crew TEXT NOT NULL, player TEXT NOT NULL, notice INTEGER, channel TEXT,
  step INTEGER NOT NULL, urgent INTEGER NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, at INTEGER NOT NULL, next_at INTEGER,
  claimed_until INTEGER NOT NULL, sent_at INTEGER, error TEXT) WITHOUT ROWID;
CREATE INDEX delivery_by_due ON delivery (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX delivery_by_parcel ON delivery (parcel);
CREATE INDEX delivery_by_notice ON delivery (crew, player, notice);
CREATE INDEX delivery_by_channel ON delivery (player, channel, at);
CREATE TABLE channel (
  player TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, address TEXT NOT NULL, secret TEXT NOT NULL, added_at INTEGER NOT NULL,
  confirmed_at INTEGER, off_at INTEGER, picked TEXT NOT NULL, PRIMARY KEY (player, id), UNIQUE (player, kind, address)) WITHOUT ROWID;
CREATE TABLE letter (
  secret BLOB NOT NULL PRIMARY KEY, what TEXT NOT NULL, player TEXT NOT NULL, channel TEXT NOT NULL, address BLOB NOT NULL,
  at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX letter_by_player ON letter (player, what, at);
CREATE INDEX letter_by_address ON letter (address, what, at);
CREATE TABLE habit (
  player TEXT NOT NULL PRIMARY KEY, zone TEXT NOT NULL, quiet_from INTEGER, quiet_to INTEGER, digest TEXT NOT NULL,
  digest_hour INTEGER NOT NULL) WITHOUT ROWID;
"""

STEPS: Final = (RECORD, READ_ROWS, PEOPLE, CREWS, FAIR_PLAY, PEOPLE_OF_THE_SERVER, NOTIFY)


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
