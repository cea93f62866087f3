"""How a crew shows the market's curve: as it stands, within a per cent, or as it stood at the last full hour or day.

What is *published* at an interval is what stood at its boundary: it is taken when the first bet after the boundary is folded, and as
that holds for folding from the log too, a restart shows the same. What everybody is told of a market goes through here.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from anyday.instants import HOUR, Instant, day_start, local_of
from anyday.market import lmsr
from anyday.market.curve import Curve
from anyday.market.horizon import Claim
from anyday.market.maker import Market
from anyday.market.mechanism import Quote
from anyday.market.prior import WHOLE
from anyday.rules.ledger import MARKET
from anyday.rules.question import Crew, Question

#: Of a rounded market shares count in steps of so much of its liquidity: that carries no chance further than a per cent, and no
#: size can be told more finely, however many numbers one looks at.
STEP_PPM: Final = 40_000
_PERCENT: Final = WHOLE // 100


class Prices(NamedTuple):
    """What a crew's owner has set: how the curve is shown, and the zone whose hours and days count."""

    how: str = "full"
    zone: str = "UTC"

    @property
    def at_intervals(self) -> bool:
        """Whether what is shown stands still between boundaries."""
        return self.how in ("hourly", "daily")

    def boundary(self, now: Instant) -> Instant:
        """The last full hour or day of the zone's clocks, at ``now`` or before."""
        assert self.at_intervals, "only intervals have boundaries"
        local = local_of(now, self.zone)
        if self.how == "daily":
            return day_start(local.date(), self.zone)
        return Instant(now - (local.minute * 60 + local.second) * (HOUR // 3_600) - local.microsecond)


def prices_of(crew: Crew | None) -> Prices:
    """How a crew shows its curves."""
    return Prices(crew.settings.prices, crew.settings.zone) if crew is not None else Prices()


@dataclass(slots=True)
class Published:
    """The market of a question as it stood at a boundary, before the first bet after it; and what had flowed then."""

    boundary: Instant
    market: Market
    flows: Mapping[str, Mapping[str, int]]
    stakeholders: frozenset[str]


def publish(question: Question, boundary: Instant) -> Published:
    """What stands now, to be shown until the next boundary."""
    flows = {mechanism: dict(flowed) for mechanism, flowed in question.flows.items()}
    return Published(boundary, question.market.copy(), flows, frozenset(question.stakeholders))


class Shown(NamedTuple):
    """A question's market as its crew shows it: ``question`` is the question itself, or one that stands as it did at ``boundary``
    (where nobody has bet since, there is none)."""

    question: Question
    prices: Prices
    boundary: Instant | None = None
    published: Published | None = None

    def curve(self, edges: Sequence[int] | None = None) -> Curve:
        """The market's curve, between edges or between those that suit it."""
        market = self.question.market
        if self.prices.how != "rounded":
            return market.curve(edges)
        curve = market.coarse(max(1, market.liquidity * STEP_PPM // WHOLE)).in_per_cents()
        return curve if edges is None else curve.told(edges)

    def chances(self, claim: Claim, shares: int) -> tuple[int, int]:
        """The chance (ppm) of a claim, and where so many more shares of it would carry it."""
        market = self.question.market
        before = market.price(claim)
        return self.said(before), self.said(lmsr.moved(before, shares, market.liquidity))

    def said(self, chance: float) -> int:
        """A chance as it may be told: in ppm, in whole per cents where the crew rounds."""
        assert 0.0 <= chance <= 1.0, "a chance"
        unit = _PERCENT if self.prices.how == "rounded" else 1
        return round(chance * WHOLE / unit) * unit

    def ghost(self, quote: Quote) -> Curve:
        """The curve as it would be after the quoted order."""
        after = self.question.market.ghost(quote)
        return after.in_per_cents() if self.prices.how == "rounded" else after

    def worth(self, question: Question, player: str) -> int:
        """What a player's position is worth at the chances that are shown, in whole units (down)."""
        if self.prices.how == "full":
            return question.market.worth(player)
        held, curve = question.market.position(player), self.curve()
        worth = held.floor + math.floor(math.fsum((*(shares * curve.between(a, b) for a, b, shares in held.steps), held.never * curve.never)))
        assert worth >= 0, "no position owes anything"
        return worth


def shown(question: Question, prices: Prices, published: Published | None, now: Instant) -> Shown:
    """A question as its crew shows it at ``now``, which its own clock has reached."""
    if published is None or not prices.at_intervals or published.boundary < prices.boundary(now):
        return Shown(question, prices)
    market = published.market
    if question.live:
        market.advance(now)
    stands = copy.copy(question)
    stands.mechanisms = {**question.mechanisms, MARKET: market}
    return Shown(stands, prices, published.boundary, published)
