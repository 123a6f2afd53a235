"""How far a mean over a few seeds can be trusted: intervals of means and of paired differences.

Seeds draw from one catalog, so they share most products to learn from and many to test on, and differ by less than new products
would. Taken as independent they make intervals too narrow, the more so the more seeds there are: with ten, two models that are
equally good would differ for sure in every third experiment. So the variance of the mean of n seeds is taken as (1/n + test
share / training share) times their own (Nadeau & Bengio 2003, *Inference for the Generalization Error*).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from shelfwise.experiments.table import Estimate

CONFIDENCE = 0.95
TEST_SHARE = 0.25
"""Of the products, tested on by each seed, as in Wang & Guthrie 2015."""
SHARED = TEST_SHARE / (1 - TEST_SHARE)
"""Of the seeds' own variance, what more seeds do not average out."""


def mean_interval(values: Sequence[float], least: float = 0.0, most: float = 1.0) -> Estimate | float:
    """The mean with its two-sided 95 % interval by Student's t, cut to ``least`` … ``most``; the value alone where there is one.

    With three seeds the interval is 3.5 standard deviations to each side: wide, because three draws say little of their spread.
    """
    found = np.asarray(values, dtype=float)
    if not len(found):
        raise ValueError("expected at least one value")
    mean = float(found.mean())
    if len(found) == 1:
        return mean
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(found) - 1) * found.std(ddof=1) * mean_spread(len(found)))
    return Estimate(mean, max(least, mean - half), min(most, mean + half))


def mean_spread(seeds: int) -> float:
    """Standard error of the mean over seeds, as a multiple of their standard deviation."""
    return float(np.sqrt(1 / seeds + SHARED)) if seeds > 1 else 1.0


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
