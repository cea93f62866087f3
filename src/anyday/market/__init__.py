"""The mathematics, pure: horizons and claims, opening curves, the interval tree, and the mechanisms people play.

``MECHANISMS`` is the table of mechanisms by name: adding one is adding its line.
"""

from __future__ import annotations

from typing import Final

from anyday.market.maker import Market
from anyday.market.mechanism import Mechanism

MECHANISMS: Final[dict[str, type[Mechanism]]] = {"market": Market}
