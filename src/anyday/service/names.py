"""Players by their names, as every view says them: the log knows opaque ids, and somebody may have left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The names of those who have accounts, by player's id.
Names = Mapping[str, str]
#: What is said in place of a name that was erased.
GONE: Final = "a former player"


def named(names: Names, player: str) -> str:
    """The player's name."""
    return names.get(player, GONE)
