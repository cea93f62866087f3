"""What the rows say of tallies: the list with its counts, and the questions that belong to one."""

from __future__ import annotations

from typing import Final, NamedTuple

from anyday.store.database import Database

#: The most tallies that a crew's list shows.
MOST_SHOWN: Final = 500


class TallyRow(NamedTuple):
    """A tally of the crew's list: how often in all, in a period and in the one before it; when last (UTC microseconds)."""

    id: str
    version: int
    name: str
    keeper: str
    since: int
    often: int
    lately: int
    before: int
    last: int | None


class AskedRow(NamedTuple):
    """A question that belongs to a tally, and its outcome: UTC microseconds, end exclusive; none while nobody has ruled."""

    id: str
    version: int
    state: str
    title: str
    resolver: str
    never: int | None
    start: int | None
    end: int | None


def tallies(database: Database, crew: str, since: int, before: int) -> list[TallyRow]:
    """The crew's tallies by name, with what occurred from ``since`` on, and between ``before`` and ``since``."""
    rows = database.read(
        "SELECT t.id, t.version, t.name, t.keeper, t.since, COUNT(o.start), COALESCE(SUM(o.start >= ?), 0),"
        " COALESCE(SUM(o.start >= ? AND o.start < ?), 0), MAX(o.start)"
        " FROM tally t LEFT JOIN occurrence o ON o.crew = t.crew AND o.tally = t.id AND o.struck = 0"
        " WHERE t.crew = ? GROUP BY t.id, t.version, t.name, t.keeper, t.since ORDER BY t.name COLLATE NOCASE, t.id LIMIT ?",
        (since, before, since, crew, MOST_SHOWN),
    )
    return [TallyRow(*row) for row in rows]


def asking(database: Database) -> list[tuple[str, str]]:
    """The tallies to which questions belong, in every crew: (crew, tally)."""
    rows = database.read("SELECT DISTINCT crew, tally FROM question WHERE tally IS NOT NULL ORDER BY crew, tally")
    return [(crew, tally) for crew, tally in rows]


def asked(database: Database, crew: str, tally: str) -> list[AskedRow]:
    """The questions that belong to a tally, the newest first."""
    rows = database.read(
        "SELECT id, version, state, title, resolver, never, start, end FROM question WHERE crew = ? AND tally = ? ORDER BY opened_at DESC, id",
        (crew, tally),
    )
    return [AskedRow(*row) for row in rows]
