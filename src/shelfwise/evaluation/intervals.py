"""How far chance alone may have moved a figure: 95 % intervals in which near-duplicates count for as much as they tell.

Ten colours of one shirt are right or wrong together. Taken as ten products they would make every interval too narrow.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, stdtrit

from shelfwise.evaluation.metrics import bootstrap_interval, check_lengths

_TAIL = 0.025


def share_interval(right: np.ndarray, groups: np.ndarray | None = None) -> tuple[float, float]:
    """Exact interval of the share of ``right`` (bool [N]; Clopper & Pearson 1934), at the number of independent products that
    these are worth (Korn & Graubard 1998). ``groups`` int [N]; None: every product is by itself. Of nothing, all is possible.
    """
    right = np.asarray(right, dtype=float)
    if len(right) == 0:
        return 0.0, 1.0
    share = float(right.mean())
    size = effective_size(right, np.arange(len(right)) if groups is None else groups)
    hits = share * size
    low = float(betaincinv(hits, size - hits + 1, _TAIL)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, size - hits, 1 - _TAIL)) if share < 1 else 1.0
    return min(low, share), max(high, share)


def effective_size(right: np.ndarray, groups: np.ndarray) -> float:
    """How many independent products (1 … N) tell a share as certainly as these do, by how their groups differ in it.

    Where all are right, or none, nothing is known of that, and each group counts once.
    """
    check_lengths(right=right, groups=groups)
    count = len(right)
    cluster = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(cluster)
    number, share = len(sizes), float(right.mean())
    if number == count:
        return float(count)
    if number == 1 or share in (0.0, 1.0):
        return float(number)
    off = np.bincount(cluster, right) - share * sizes
    variance = float((off**2).sum()) / count**2
    # Few groups tell their own spread badly (Student 1908).
    doubt = float(stdtrit(count - 1, 1 - _TAIL) / stdtrit(number - 1, 1 - _TAIL)) ** 2
    return float(np.clip(share * (1 - share) / variance * doubt, 1, count)) if variance > 0 else float(number)


def ratio_interval(
    numerator: np.ndarray, denominator: np.ndarray, groups: np.ndarray | None = None
) -> tuple[float, float]:
    """Percentile interval of ``sum(numerator) / sum(denominator)`` (float [N], as micro-F1 has them) over groups drawn anew."""
    top, bottom = (of_groups(one, groups) for one in (numerator, denominator))
    low, high = bootstrap_interval(top, bottom)
    if low == high and low in (0.0, 1.0):
        # All alike: drawn anew they are what they were, and few products would seem to tell everything.
        return share_interval(np.full(len(top), low))
    return low, high


def of_groups(values: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """float [groups]: the sums of ``values`` (float [N]) by group, or themselves where there are no groups."""
    values = np.asarray(values, dtype=float)
    if groups is None:
        return values
    check_lengths(values=values, groups=groups)
    return np.bincount(np.unique(groups, return_inverse=True)[1], values)


def gain_interval(
    ratios: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    groups: np.ndarray | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of the difference of two ratios (numerator, denominator: float [N] each) of the same products, over
    groups drawn anew: the same draws for both, so that products hard for either do not blur the difference."""
    sums = np.stack([of_groups(one, groups) for ratio in ratios for one in ratio], axis=1)
    if not len(sums):
        return 0.0, 0.0
    kinds, count = np.unique(sums, axis=0, return_counts=True)
    generator, total = np.random.default_rng(seed), int(count.sum())
    drawn = np.stack([generator.multinomial(total, count / total) @ kinds for _ in range(resamples)])
    first, second = (
        np.divide(drawn[:, at], drawn[:, at + 1], out=np.zeros(resamples), where=drawn[:, at + 1] > 0)
        for at in (0, 2)
    )
    low, high = np.quantile(first - second, [_TAIL, 1 - _TAIL])
    return float(low), float(high)
