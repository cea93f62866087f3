"""The shapes of a market's bell: bets that are sealed until it rings. Only one's own are ever shown, to oneself."""

from __future__ import annotations

from anyday.wire.shape import Amount, CommandId, View

# requests


class SealIn(CommandId, frozen=True):
    """Seal a bet until the bell: ``points`` to spend at most, or ``shares`` (points of payout), at a chance of at most ``limit``, such as
    ``"40%"``. It takes the place of one's own sealed bet with the number ``replaces``, if one is named."""

    window: str
    limit: str
    points: Amount | None = None
    shares: Amount | None = None
    replaces: int | None = None


class UnsealIn(CommandId, frozen=True):
    """Withdraw a sealed bet of one's own, by its number."""

    number: int


# replies


class SealedView(View, frozen=True):
    """A sealed bet of the asker's own: the highest chance that it takes in ppm, its size in ``points`` or ``shares``, and what is set aside
    for it."""

    number: int
    window: str
    limit: int
    set_aside: str
    points: str | None = None
    shares: str | None = None


class BellView(View, frozen=True):
    """A market's bell: when it rings (in words too), whether bets can be sealed until then, and the asker's own sealed bets."""

    at: str
    said: str
    open: bool
    rung: bool
    mine: tuple[SealedView, ...] = ()
