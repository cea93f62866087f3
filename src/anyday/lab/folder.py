"""Tables of data in a folder that somebody names, or that ship with the package. What is wrong is told with its place."""

from __future__ import annotations

import csv
import importlib.resources
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

Read = TypeVar("Read")


class BadData(Exception):
    """A data file is missing or cannot be read; the message says which and where."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: ``where`` it stands, for complaints, and its cells by column."""

    where: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def read(self, column: str, reader: Callable[[str], Read]) -> Read:
        """The cell as the reader reads it. Raises ``BadData`` where the reader raises ``ValueError``."""
        try:
            return reader(self.cells[column])
        except ValueError as error:
            raise BadData(f"{self.where}: “{self.cells[column]}” will not do as {column} ({error}).") from error

    def day(self, column: str) -> date | None:
        """A date as ISO 8601, or None where the cell is empty. Raises ``BadData``."""
        return self.read(column, date.fromisoformat) if self.cells[column] else None

    def flag(self, column: str) -> bool:
        """A cell that holds 1 or 0. Raises ``BadData``."""
        return self.read(column, _flag)


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("it must be 0 or 1")
    return text == "1"


def table(folder: Path | None, name: str, columns: Sequence[str]) -> list[Row]:
    """The rows of a CSV file (UTF-8, a header line) that has these columns; more columns do no harm. Without a folder, the
    package's own. Raises ``BadData``."""
    place: Path | Traversable = importlib.resources.files("anyday") / "data" if folder is None else folder
    try:
        lines = (place / name).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadData(f"{name} cannot be read in {place}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise BadData(f"{name} in {place} is not UTF-8 (byte {error.start}).") from error
    reader = csv.DictReader(lines, restval="")
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise BadData(f"{name} in {place} lacks the columns {', '.join(missing)}.")
    try:
        return [Row(f"{name} in {place}, line {number}", {c: row[c] for c in columns}) for number, row in enumerate(reader, 2)]
    except csv.Error as error:
        raise BadData(f"{name} in {place}, line {reader.line_num}: {error}.") from error
