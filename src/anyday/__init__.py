"""AnyDay: bet play-money points on WHEN something will happen.

``anyday.open(...)`` gives a market without any server, ``anyday.tote``, ``anyday.closest`` and ``anyday.forecast`` the other ways
to play. The facade is loaded when it is first asked for, so that the command line and the server start without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anyday.library import Book, Closest, Forecast, Refused, Settlement, Tote, closest, forecast, open, tote

__version__ = "0.1.0"
__all__ = ["Book", "Closest", "Forecast", "Refused", "Settlement", "Tote", "__version__", "closest", "forecast", "open", "tote"]


def __getattr__(name: str) -> object:
    """The facade's names, on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'anyday' has no attribute {name!r}")
    from anyday import library

    return getattr(library, name)
