"""How sure a measured share is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

CERTAINTY = 0.95


@dataclass(frozen=True)
class Share:
    """``right`` of ``of``, with the interval (0–1) in which the true share lies with 95 % certainty."""

    right: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The measured share; 0 of nothing."""
        return self.right / self.of if self.of else 0.0


def clustered_share(counted: Mapping[tuple[int, int], int]) -> Share:
    """A share of parts that come several to a product, whose parts are right or wrong together to some degree.

    ``counted``: (parts right, parts) of a product → how many products are like that. The interval is the exact one for as many
    independent parts as they are worth (Korn & Graubard 1998): divided by how much more the share varies from product to
    product than that of independent parts would. Where nothing is wrong, or nothing right, that cannot be seen, and a product's
    parts count as one.

    >>> share = clustered_share({(2, 2): 58, (1, 2): 2})
    >>> share.right, share.of, round(share.low, 3), round(share.high, 3)
    (118, 120, 0.941, 0.998)
    """
    sizes = np.array([size for _, size in counted], np.float64)
    hits = np.array([hit for hit, _ in counted], np.float64)
    times = np.array(list(counted.values()), np.float64)
    of, right, products = float(sizes @ times), float(hits @ times), float(times[sizes > 0].sum())
    if not of:
        return measured_share(0, 0)
    value = right / of
    together = float(sizes**2 @ times) / of
    if 0 < right < of and products > 1:
        varies = float((hits - value * sizes) ** 2 @ times) * products / (products - 1) / of**2
        together = varies / (value * (1 - value) / of)
    worth = of / max(together, 1.0)
    return Share(int(right), int(of), *_exact(value * worth, worth))


def measured_share(right: int, of: int) -> Share:
    """A share with its exact two-sided interval (Clopper & Pearson 1934); of nothing, all is possible.

    >>> share = measured_share(59, 59)
    >>> round(share.low, 3), share.high
    (0.939, 1.0)
    """
    if not 0 <= right <= of:
        raise ValueError(f"expected at most {of} of {of} to be right, got {right}")
    return Share(right, of, *_exact(right, of))


def _exact(right: float, of: float) -> tuple[float, float]:
    tail = (1 - CERTAINTY) / 2
    low = float(betaincinv(right, of - right + 1, tail)) if right else 0.0
    high = float(betaincinv(right + 1, of - right, 1 - tail)) if right < of else 1.0
    return low, high
