"""Tables as files that spreadsheets open (CSV): one writer for every one of them, the page's, the API's and the command line's.

A spreadsheet runs a cell that begins like a formula, whoever wrote it: a question's title is somebody else's words. Such a text gets an
apostrophe before it, which spreadsheets take for "this is text". Plain numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from anyday import wire

KIND: Final = "text/csv; charset=utf-8"
#: What a formula begins with, in one spreadsheet or another; some leave spaces and signs of nothing out first.
_BEGINS: Final = re.compile(r"[\s\x00-\x20\u200b\ufeff]*[=+\-@\t\r\n\x00|%＝＋－＠−]")
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)

LEDGER: Final = ("at", "what", "question", "title", "amount", "balance")
TABLES: Final = ("table", "period", "place", "player", "simulated", "value", "questions")


def cell(text: str) -> str:
    """A text as a cell that no spreadsheet computes."""
    return f"'{text}" if _BEGINS.match(text) and not _NUMBER.fullmatch(text) else text


def sheet(head: Sequence[str], rows: Iterable[Sequence[str | int | bool | None]]) -> str:
    """A table with its head. Every cell is quoted, so that none is torn in two where another sign divides them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in (head, *rows):
        assert len(row) == len(head), "every line has every cell"
        writer.writerow([cell("" if value is None else ("yes" if value else "no") if isinstance(value, bool) else str(value)) for value in row])
    return out.getvalue()


def ledger(view: wire.LedgerView) -> str:
    """One's own ledger."""
    return sheet(LEDGER, ((line.at, line.what, line.question, line.title, line.amount, line.balance) for line in view.lines))


def tables(view: wire.TablesView) -> str:
    """Who is ahead: every table below the other."""
    period = view.period.at or view.period.period
    return sheet(TABLES, ((t.by, period, p.place, p.name, p.simulated, p.value, p.questions) for t in view.tables for p in t.places))
