"""How often somebody may try a password: counted in the database, for the name and for the address it comes from.

Subjects are kept hashed: people type passwords into the name's field.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from anyday.instants import MINUTE
from anyday.refusals import Reason, Refusal

SPAN: Final = 15 * MINUTE


class Subject(NamedTuple):
    """What tries are counted for, hashed, and how many there may be."""

    key: str
    most: int


def subjects(name: str, address: str, most: int) -> tuple[Subject, ...]:
    """The name that was tried and the address that tried it (the /64 of an IPv6 address: one line has all of it)."""
    return Subject(_hashed("name", name), most), Subject(_hashed("from", _net(address)), most)


def count(connection: sqlite3.Connection, crew: str, tried: Sequence[Subject], now: int) -> int | Refusal:
    """Count one try, or refuse it and count nothing; the try's number, with which ``forgive`` takes it back."""
    connection.execute("DELETE FROM attempt WHERE crew=? AND at<=?", (crew, now - SPAN))
    for subject in tried:
        before, first = connection.execute("SELECT count(*), min(at) FROM attempt WHERE crew=? AND subject=?", (crew, subject.key)).fetchone()
        if before >= subject.most:
            return Refusal(Reason.TOO_MANY_TRIES, wait=_say(first + SPAN - now))
    nonce = secrets.randbits(62)
    for subject in tried:
        connection.execute("INSERT INTO attempt VALUES (?, ?, ?, ?)", (crew, subject.key, now, nonce))
    return nonce


def forgive(connection: sqlite3.Connection, crew: str, tried: Sequence[Subject], nonce: int) -> None:
    """After the right password: the name starts anew, and this try no longer counts for the address."""
    connection.execute("DELETE FROM attempt WHERE crew=? AND subject=?", (crew, tried[0].key))
    connection.execute("DELETE FROM attempt WHERE crew=? AND nonce=?", (crew, nonce))


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
    return "a minute" if minutes == 1 else f"{minutes} minutes"
