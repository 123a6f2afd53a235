"""How sure a measured share is."""

from __future__ import annotations

from dataclasses import dataclass

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


def measured_share(right: int, of: int) -> Share:
    """A share with its exact two-sided interval (Clopper & Pearson 1934); of nothing, all is possible.

    >>> share = measured_share(59, 59)
    >>> round(share.low, 3), share.high
    (0.939, 1.0)
    """
    if not 0 <= right <= of:
        raise ValueError(f"expected at most {of} of {of} to be right, got {right}")
    tail = (1 - CERTAINTY) / 2
    low = float(betaincinv(right, of - right + 1, tail)) if right else 0.0
    high = float(betaincinv(right + 1, of - right, 1 - tail)) if right < of else 1.0
    return Share(right, of, low, high)
