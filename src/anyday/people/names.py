"""The names that players go by: which may be chosen, and when two of them are the same name."""

from __future__ import annotations

import unicodedata
from typing import Final

from anyday.refusals import Reason, Refusal

SHORTEST: Final = 2
LONGEST: Final = 32
#: Names that mean an account or a duty wherever a name is typed.
RESERVED: Final = frozenset({"house", "mint", "owner", "host", "resolver", "never", "nobody", "somebody", "anyday"})

_MARKS: Final = "._-"
# Japanese and Korean write in several scripts at once; everybody else picks one.
_TOGETHER: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL"})


def check_name(typed: str) -> str | Refusal:
    """The name as it is kept (NFKC), or why it cannot be used.

    Two to 32 letters, digits, dots, dashes or underscores; letters of one script only, so that a Cyrillic "а" cannot
    pass for a Latin one inside a known name.
    """
    if len(typed) > 4 * LONGEST:
        return Refusal(Reason.BAD_NAME)
    name = unicodedata.normalize("NFKC", typed.strip())
    if not SHORTEST <= len(name) <= LONGEST or not name[0].isalnum() or not all(_allowed(c) for c in name):
        return Refusal(Reason.BAD_NAME)
    if len(_scripts(name)) > 1 or name_key(name) in RESERVED:
        return Refusal(Reason.BAD_NAME)
    return name


def name_key(name: str) -> str:
    """What two spellings of the same name share: compatibility forms and case are folded away."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _allowed(character: str) -> bool:
    # A combining mark belongs to the letter before it (Devanagari vowels, for one); everything else is a letter or a digit.
    return character.isalnum() or character in _MARKS or unicodedata.category(character) in ("Mn", "Mc")


def _scripts(name: str) -> set[str]:
    """The scripts of the letters in ``name``, by the first word of each letter's Unicode name."""
    found = {unicodedata.name(c, "UNKNOWN").split(" ")[0] for c in name if c.isalpha()}
    return {"CJK" if script in _TOGETHER else script for script in found}
