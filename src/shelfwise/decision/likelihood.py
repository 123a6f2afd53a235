"""What policies and calibration minimise: the negative log-likelihood of held-out products, and its slope."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_NUMBERS_AT_ONCE = 150_000
"""Of products and outcomes: they stay in a processor's own cache."""


def row_blocks(rows: int, outcomes: int) -> Iterator[slice]:
    """All rows in order, some at a time."""
    at_once = max(1, _NUMBERS_AT_ONCE // max(outcomes, 1))
    for start in range(0, rows, at_once):
        yield slice(start, min(start + at_once, rows))


def loss_and_slope(fused: np.ndarray, truth: np.ndarray, exclusive: bool) -> tuple[float, np.ndarray]:
    """The summed negative log-likelihood of products and its gradient [N, outcomes] in their ``fused`` logits.

    ``truth``: int64 [N] where one outcome is right (``exclusive``), else floats from 0 to 1 in the shape of ``fused``, which
    may then be any. ``fused`` is used up.
    """
    if not exclusive:
        # What logaddexp and expit give, which compute one number after the other.
        small = np.exp(-np.abs(fused))
        lost = np.maximum(fused, 0) - truth * fused + np.log1p(small)
        slope = np.where(fused >= 0, 1, small) / (1 + small) - truth
        return float(lost.sum(dtype=np.float64)), slope
    rows = np.arange(len(truth))
    fused -= fused.max(axis=1, keepdims=True)
    right = fused[rows, truth]
    slope = np.exp(fused, out=fused)
    totals = slope.sum(axis=1, keepdims=True)
    loss = float((np.log(totals[:, 0]) - right).sum(dtype=np.float64))
    slope /= totals
    slope[rows, truth] -= 1
    return loss, slope
