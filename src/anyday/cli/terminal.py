"""The terminal: how wide it is, what it can show, how much room a text takes there, and plain text made safe for it.

Titles, terms and reasons are people's own words: whatever could move the cursor, recolour or reorder is taken out first.
"""

from __future__ import annotations

import codecs
import io
import os
import shutil
import sys
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import click

NARROWEST: Final = 40
WIDEST: Final = 200
#: Running text is easier to read in lines that are not as long as the widest terminal.
COLUMN: Final = 100

_SPELLED: Final[dict[int, str]] = str.maketrans(
    {
        "–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "±": "+/-", "·": "-", "×": "x", "•": "*", "●": "*",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Screen:
    """What is written to: its width in cells, whether colours may be used, and whether all of Unicode can be shown."""

    width: int = 80
    colour: bool = False
    unicode: bool = True

    def style(self, text: str, style: str) -> str:
        """The text in a style (``bold``, ``dim``, ``accent``, ``good``, ``bad``), where styles are shown at all."""
        if not self.colour or not style or not text.strip():
            return text
        return click.style(text, **_STYLES[style])

    def text(self, said: str) -> str:
        """What can be shown of a text: in plain ASCII typography is spelled with what there is."""
        shown = clean(said)
        return shown if self.unicode else shown.translate(_SPELLED).encode("ascii", "replace").decode()


_STYLES: Final[dict[str, dict[str, Any]]] = {
    "bold": {"bold": True}, "dim": {"dim": True}, "accent": {"fg": "cyan"}, "good": {"fg": "green"}, "bad": {"fg": "red"},
}  # fmt: skip


def screen() -> Screen:
    """What standard output is. ``NO_COLOR`` asks for plain ASCII without colours, as does a terminal that knows no UTF-8."""
    bare = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    width = shutil.get_terminal_size((80, 24)).columns
    return Screen(min(max(width, NARROWEST), WIDEST), sys.stdout.isatty() and not bare, encoding.startswith("utf") and not bare)


def spell_out() -> None:
    """Let whatever is printed reach a terminal that knows no UTF-8: what it cannot show is spelled with what it can."""

    def spelled(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError), "only writing is spelled out"
        return "".join(_SPELLED.get(ord(sign), "?") for sign in error.object[error.start : error.end]), error.end

    codecs.register_error("anyday.spelled", spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="anyday.spelled")


def clean(text: str) -> str:
    """A text without anything that would steer a terminal; line breaks stay, odd spaces become spaces."""
    return "".join(_clean(sign) for sign in text)


def _clean(sign: str) -> str:
    if sign.isprintable() or sign == "\n":
        return sign
    kind = unicodedata.category(sign)
    if sign == "\t" or kind == "Zs":
        return " "
    return "" if kind == "Cf" else "\N{REPLACEMENT CHARACTER}"


def cells(text: str) -> int:
    """How many columns a text takes: two for wide East Asian signs, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text filled up with spaces to so many cells."""
    space = " " * max(0, width - cells(text))
    return space + text if right else text + space


def cut(text: str, width: int) -> str:
    """As much of a text as fits, its end marked where something is missing."""
    if cells(text) <= width:
        return text
    kept = ""
    for sign in text:
        if cells(kept + sign) > width - 1:
            break
        kept += sign
    return kept.rstrip() + "…"


def wrap(text: str, width: int) -> list[str]:
    """A text in lines of at most so many cells; its own line breaks stay, words that are longer than a line are broken."""
    assert width > 1, "a line holds something"
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            if line and cells(line) + 1 + cells(word) > width:
                lines.append(line)
                line = ""
            line = f"{line} {word}" if line else word
            while cells(line) > width:
                head = _head(line, width)
                lines.append(head)
                line = line[len(head) :]
        lines.append(line)
    return lines


def _head(text: str, width: int) -> str:
    end = 1
    while end < len(text) and cells(text[: end + 1]) <= width:
        end += 1
    return text[:end]
