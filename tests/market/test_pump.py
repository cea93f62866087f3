"""The pump that the clock closes: betting against each grain just before it passes gains nothing; were grains to pass at
their end, the same bot would gain without any risk."""

from __future__ import annotations

from fractions import Fraction

import pytest

from anyday.instants import Instant
from anyday.market.maker import Market
from anyday.market.mechanism import Fill, Order
from anyday.refusals import Reason, Refusal
from tests.market.books import against, market_of, opening_of, window
from tests.market.flat import start_of

COUNT = 6


class EndClock(Market):
    """The control: a grain passes when it ends, not when it starts."""

    def advance(self, now: Instant) -> None:
        ended = sum(start_of(k + 1) <= now for k in range(self.opening.count))
        if ended > self._tree.passed:
            self._tree.advance(ended)


def passes_at(kind: type[Market], grain: int) -> Instant:
    """When a grain passes by the clock of this kind of market."""
    return start_of(grain + 1) if kind is EndClock else start_of(grain)


def gains(kind: type[Market], size: float, skew: bool) -> list[int]:
    """What the bot gains for each outcome (never last), to the unit.

    Just before each grain passes it buys everything but that grain, as long as nothing has happened. The ruling voids
    what it did from the start of the grain of the outcome on.
    """
    def played(cut: Instant | None) -> tuple[Market, int]:
        market, spent = market_of(COUNT, 10**9, skew=skew, kind=kind), 0
        for grain in range(COUNT):
            at = Instant(passes_at(kind, grain) - 1)
            if cut is not None and at >= cut:
                break
            market.advance(at)
            shares = max(1, int(size * market.liquidity))
            quote = market.quote(Order("bot", against(grain, grain + 1), shares=shares))
            assert not isinstance(quote, Refusal), str(quote)
            market.apply(Fill("bot", quote.claim, quote.shares, quote.charge, quote.released))
            spent += quote.charge - quote.released
            market.check()
        return market, spent

    found = []
    for outcome in range(COUNT):
        market, spent = played(start_of(outcome))
        found.append(market.payouts((outcome, outcome + 1)).get("bot", 0) - spent)
    market, spent = played(None)
    found.append(market.payouts(None).get("bot", 0) - spent)
    return found


def expected(gained: list[int], skew: bool) -> Fraction:
    """The mean over outcomes drawn from the opening curve, exactly."""
    opening = opening_of(COUNT, skew)
    return Fraction(sum(opening.weight(k, k + 1) * gain for k, gain in enumerate(gained)), opening.total)


SIZES = (1e-9, 1e-6, 0.001, 0.1, 1.0, 5.0, 30.0)


@pytest.mark.parametrize("skew", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_betting_against_each_grain_just_before_it_passes_gains_nothing_in_expectation(size: float, skew: bool) -> None:
    gained = gains(Market, size, skew)
    assert expected(gained, skew) < 0
    assert min(gained) < 0, "and it is a risk"


@pytest.mark.parametrize("skew", [False, True])
@pytest.mark.parametrize("size", [0.1, 1.0, 5.0, 30.0])
def test_control_were_grains_to_pass_at_their_end_the_same_bot_would_gain_without_risk(size: float, skew: bool) -> None:
    gained = gains(EndClock, size, skew)
    assert min(gained) >= 0, "never a loss"
    assert expected(gained, skew) > 10**6, "and a gain of whole points"
    with pytest.raises(AssertionError):
        assert expected(gained, skew) < 0


def test_every_bet_on_or_against_a_grain_under_way_is_refused() -> None:
    market = market_of(COUNT)
    for grain in range(COUNT - 1):
        for at in (start_of(grain), Instant(start_of(grain) + 1), Instant(start_of(grain + 1) - 1)):
            market.advance(at)
            for claim in (window(grain, grain + 1), against(grain, grain + 1), window(grain, COUNT), against(grain, grain + 2)):
                if claim == window(grain, COUNT) and grain == 0:
                    continue  # all the time there is: "not never", of which only what is left counts
                refusal = market.quote(Order("bot", claim, shares=1_000))
                if claim == against(grain, grain + 2) and grain == 0:
                    assert not isinstance(refusal, Refusal), "not before the third grain: what is left of it"
                    assert refusal.claim == claim
                    continue
                assert isinstance(refusal, Refusal)
                assert refusal.reason in {Reason.HAS_STARTED, Reason.CERTAIN}
