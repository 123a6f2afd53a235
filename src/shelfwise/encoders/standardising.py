"""Brings features of a frozen backbone to mean 0 and spread 1, as the networks and penalties behind it expect."""

from __future__ import annotations

import numpy as np

_LEAST_SPREAD = 0.05  # of the mean standard deviation: rarer features are not blown up to unit variance


def centre_and_spread(vectors: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, float32 [width], over ``rows``; (0, 1) where there are none."""
    width = vectors.shape[1]
    total, squares, mean = np.zeros(width), np.zeros(width), np.zeros(width)
    for part in _parts(rows):
        total += vectors[part].sum(axis=0, dtype=np.float64)
    if len(rows):
        mean = total / len(rows)
    for part in _parts(rows):  # a second pass: the difference of large sums would round small spreads away
        squares += np.square(vectors[part] - mean).sum(axis=0)
    std = np.sqrt(squares / max(1, len(rows)))
    least = _LEAST_SPREAD * float(std.mean())
    return mean.astype(np.float32), np.where(std > least, std, least or 1.0).astype(np.float32)


def _parts(rows: np.ndarray, size: int = 4096) -> list[np.ndarray]:
    """``rows`` in pieces small enough to be copied in 64 bits."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
