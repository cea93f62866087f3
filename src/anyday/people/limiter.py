"""How often somebody may try something: counted in the database, for the name that is tried and for the address it comes from.

Subjects are kept hashed: people type passwords into the name's field.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from anyday.instants import DAY, MINUTE
from anyday.refusals import Reason, Refusal

SPAN: Final = 15 * MINUTE
#: The longest that anything is counted for; older tries are forgotten.
LONGEST_SPAN: Final = DAY


class Subject(NamedTuple):
    """What tries are counted for, hashed; how many there may be, and within how long."""

    key: str
    most: int
    span: int = SPAN


def subjects(name: str, address: str, most: int) -> tuple[Subject, ...]:
    """The name that was tried and the address that tried it (the /64 of an IPv6 address: one line has all of it)."""
    return by_name(name, most), Subject(_hashed("from", _net(address)), most)


def by_name(name: str, most: int) -> Subject:
    """Tries at one name's password, whoever makes them."""
    return Subject(_hashed("name", name), most)


def from_address(what: str, address: str, most: int, span: int = SPAN) -> Subject:
    """What else one address may do only so often: ``what`` names it."""
    return Subject(_hashed(what, _net(address)), most, span)


def by_player(what: str, player: str, most: int, span: int = SPAN) -> Subject:
    """What one player may do only so often."""
    return Subject(_hashed(what, player), most, span)


def spent(rows: Sequence[tuple[int, int | None]], subject: Subject, now: int) -> Refusal | None:
    """Whether a subject has no try left, by the rows of ``SINCE``: for what is counted only where it goes wrong."""
    (before, first), *_ = rows
    return None if before < subject.most or first is None else Refusal(Reason.TOO_MANY_TRIES, wait=_say(first + subject.span - now))


SINCE: Final = "SELECT count(*), min(at) FROM attempt WHERE subject=? AND at>?"


def count(connection: sqlite3.Connection, tried: Sequence[Subject], now: int) -> int | Refusal:
    """Count one try, or refuse it and count nothing; the try's number, with which ``forgive`` takes it back."""
    assert all(0 < subject.span <= LONGEST_SPAN for subject in tried), "what is counted is kept for as long as it counts"
    connection.execute("DELETE FROM attempt WHERE at<=?", (now - LONGEST_SPAN,))
    for subject in tried:
        refused = spent(connection.execute(SINCE, (subject.key, now - subject.span)).fetchall(), subject, now)
        if refused is not None:
            return refused
    nonce = secrets.randbits(62)
    for subject in tried:
        connection.execute("INSERT INTO attempt VALUES (?, ?, ?)", (subject.key, now, nonce))
    return nonce


def forgive(connection: sqlite3.Connection, tried: Sequence[Subject], nonce: int) -> None:
    """After the right password: the name starts anew, and this try no longer counts for the address."""
    connection.execute("DELETE FROM attempt WHERE subject=?", (tried[0].key,))
    take_back(connection, tried, nonce)


def take_back(connection: sqlite3.Connection, tried: Sequence[Subject], nonce: int) -> None:
    """A try that turned out to be none no longer counts for anything."""
    for subject in tried:
        connection.execute("DELETE FROM attempt WHERE subject=? AND nonce=?", (subject.key, nonce))


def forget(connection: sqlite3.Connection, name: str) -> None:
    """Every try at a name: it is nobody's any more."""
    connection.execute("DELETE FROM attempt WHERE subject=?", (by_name(name, 1).key,))


def _hashed(kind: str, what: str) -> str:
    return hashlib.sha256(f"{kind}\0{what}".encode("utf-8", "replace")).hexdigest()[:32]


def _net(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


def _say(wait: int) -> str:
    minutes = max(1, -(-wait // MINUTE))
    if minutes > 120:
        return f"{-(-minutes // 60)} hours"
    return "a minute" if minutes == 1 else f"{minutes} minutes"
