"""What policies minimise: the negative log-likelihood of held-out products, and its slope."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

_ROWS_AT_ONCE = 1_024
"""Products whose numbers stay in a processor's own cache together."""


def row_blocks(rows: int) -> Iterator[slice]:
    """All rows in order, some at a time."""
    for start in range(0, rows, _ROWS_AT_ONCE):
        yield slice(start, min(start + _ROWS_AT_ONCE, rows))


def loss_and_slope(fused: np.ndarray, truth: np.ndarray, exclusive: bool) -> tuple[float, np.ndarray]:
    """The summed negative log-likelihood of products and its gradient [N, outcomes] in their ``fused`` logits.

    ``truth``: int64 [N] where one outcome is right (``exclusive``), else float [N, outcomes] of 0 and 1. ``fused`` is used up.
    """
    if not exclusive:
        return float((np.logaddexp(0, fused) - truth * fused).sum(dtype=np.float64)), expit(fused) - truth
    rows = np.arange(len(truth))
    fused -= fused.max(axis=1, keepdims=True)
    right = fused[rows, truth]
    slope = np.exp(fused, out=fused)
    totals = slope.sum(axis=1, keepdims=True)
    loss = float((np.log(totals[:, 0]) - right).sum(dtype=np.float64))
    slope /= totals
    slope[rows, truth] -= 1
    return loss, slope
