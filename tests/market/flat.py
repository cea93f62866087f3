"""A second way of computing everything: flat lists, no tree, 50 digits. It imports nothing of the market but its types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import mpmath

from anyday.instants import HOUR, Grain, Instant
from anyday.market.horizon import Claim, Horizon

MP = mpmath.mp.clone()
MP.dps = 50


def hourly(count: int) -> Horizon:
    """``count`` grains of an hour from the epoch on."""
    return Horizon(Grain.HOUR, "UTC", Instant(0), ((count, HOUR),), "test")


def start_of(grain: int) -> Instant:
    """When an hourly grain starts, and so passes."""
    return Instant(grain * HOUR)


class Flat:
    """Weights u and shares q of every grain and of never (the last); the first ``passed`` have passed."""

    def __init__(self, weights: Sequence[int], liquidity: int) -> None:
        self.u = list(weights)
        self.q = [0] * len(self.u)
        self.b = liquidity
        self.passed = 0

    def atoms(self, claim: Claim) -> set[int]:
        """The outcomes left that the claim pays on."""
        named = set(range(claim.first, claim.last))
        everything = set(range(len(self.u)))
        return {i for i in (everything - named if claim.complement else named) if i >= self.passed}

    def weight(self, atoms: Iterable[int]) -> mpmath.mpf:
        """Σ u·exp(q/b), exactly enough."""
        return MP.fsum(self.u[i] * MP.exp(MP.mpf(self.q[i]) / self.b) for i in atoms)

    def price(self, claim: Claim) -> mpmath.mpf:
        """The chance of the claim given what has passed."""
        atoms = self.atoms(claim)
        return self.weight(atoms) / self.weight(range(self.passed, len(self.u)))

    def potential(self) -> mpmath.mpf:
        """C(q) over what is left: ``b ln Σ (u/U) exp(q/b)``."""
        return self.b * MP.log(self.weight(range(self.passed, len(self.u))) / sum(self.u))

    def add(self, claim: Claim, shares: int) -> mpmath.mpf:
        """Sell shares of a claim; gives the exact cost, the difference of two potentials."""
        before = self.potential()
        for i in self.atoms(claim):
            self.q[i] += shares
        return self.potential() - before

    def add_to(self, atoms: Iterable[int], shares: int) -> None:
        """Shares of some outcomes, without their cost."""
        for i in atoms:
            self.q[i] += shares

    def shift(self, shares: int) -> None:
        """Shares of everything left."""
        for i in range(self.passed, len(self.q)):
            self.q[i] += shares


def holds(exact: mpmath.mpf, charge: int, shares: int) -> bool:
    """``exact ≤ charge ≤ ceil(exact) + 1``, and at least one unit for a purchase."""
    most = int(MP.ceil(exact)) + 1
    return bool(exact <= charge <= (max(most, 1) if shares > 0 else most)) and (shares < 0 or charge >= 1)


def potential(liquidity: float, weights: Sequence[float], shares: Sequence[float]) -> float:
    """``C(q) = b ln(Σ u_i e^(q_i/b) / Σ u_i)`` in doubles, flat: for small cases."""
    top = max(shares)
    inner = math.fsum(u * math.exp((q - top) / liquidity) for u, q in zip(weights, shares, strict=True))
    return top + liquidity * math.log(inner / math.fsum(weights))
