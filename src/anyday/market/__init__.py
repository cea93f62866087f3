"""The mathematics, pure: horizons and claims, opening curves, the interval tree, and the mechanisms people play.

``MECHANISMS`` is the table of mechanisms by name: adding one is adding its line.
"""

from __future__ import annotations

from typing import Any, Final

from anyday.market.closest import Closest
from anyday.market.forecast import Forecasts
from anyday.market.maker import Market
from anyday.market.mechanism import Mechanism
from anyday.market.tote import Tote

MECHANISMS: Final[dict[str, type[Mechanism[Any, Any, Any]]]] = {
    "market": Market,
    "tote": Tote,
    "closest": Closest,
    "forecast": Forecasts,
}
