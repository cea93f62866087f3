"""Questions without any server, in each of the four ways to play: a market, a tote, a closest guess, a forecast."""

from __future__ import annotations

from anyday.library.entries import Closest, Forecast, Guess, Slot, Tote, closest, forecast, tote
from anyday.library.market import Book, Held, Offer, open
from anyday.library.typed import Amount, Refused, Settlement

__all__ = [
    "Amount", "Book", "Closest", "Forecast", "Guess", "Held", "Offer", "Refused", "Settlement", "Slot", "Tote", "closest", "forecast", "open", "tote",
]  # fmt: skip
