"""How far a mean over a few seeds can be trusted: Student's intervals of means and of paired differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from shelfwise.experiments.table import Estimate

CONFIDENCE = 0.95


def mean_interval(values: Sequence[float], least: float = 0.0, most: float = 1.0) -> Estimate | float:
    """The mean with its two-sided 95 % interval (Student 1908), cut to ``least`` … ``most``; the value alone where there is one.

    With three seeds the interval is 2.5 standard deviations to each side: wide, because three draws say little of their spread.
    """
    found = np.asarray(values, dtype=float)
    if not len(found):
        raise ValueError("expected at least one value")
    mean = float(found.mean())
    if len(found) == 1:
        return mean
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found)))
    return Estimate(mean, max(least, mean - half), min(most, mean + half))


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Estimate | float:
    """The mean of ``first`` − ``second``, pair by pair of the same seed, with its interval.

    Both of a pair learned from, and were tested on, the same products, so what the draw does to both cancels out.
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    return mean_interval(differences, least=-1.0)


def value_of(estimate: Estimate | float) -> float:
    """The mean itself."""
    return estimate.value if isinstance(estimate, Estimate) else estimate


def is_sure(difference: Estimate | float) -> bool:
    """Whether a difference's interval leaves out zero; one pair alone says nothing."""
    return isinstance(difference, Estimate) and (difference.low > 0 or difference.high < 0)
