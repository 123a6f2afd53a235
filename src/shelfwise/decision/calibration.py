"""Calibration: a score becomes the probability that it claims to be, on held-out products."""

from __future__ import annotations

import numpy as np
import scipy
from scipy.special import log_softmax

from shelfwise.decision.likelihood import loss_and_slope, row_blocks

_LOG_RANGE = (-3.0, 3.0)
"""Temperatures are looked for between e⁻³ and e³."""


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of ``logits`` [N, outcomes] that makes the truth int64 [N] most likely (Guo et al. 2017).

    1 where there is nothing to fit on.
    """
    if not len(truth):
        return 1.0
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[rows, truth].mean())

    found = scipy.optimize.minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded")
    return float(np.exp(found.x))


def fit_scale_and_shift(logits: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(a, b) such that expit(a · logit + b) is calibrated (Platt 1999); a ≥ 0.

    ``logits`` and ``truth`` (0 or 1) have one shape; (1, 0) where only one class was seen.
    """
    logits, truth = logits.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    positives = truth.sum()
    if not 0 < positives < len(truth):
        return 1.0, 0.0
    # Platt's softened targets keep the fit finite on separable data.
    soft = np.where(truth > 0, (positives + 1) / (positives + 2), 1 / (len(truth) - positives + 2))

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        total = np.zeros(3)
        for part in row_blocks(len(logits), 1):
            lost, slope = loss_and_slope(values[0] * logits[part] + values[1], soft[part], exclusive=False)
            total += lost, slope @ logits[part], slope.sum()
        return float(total[0] / len(logits)), total[1:] / len(logits)

    found = scipy.optimize.minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(0.0, 50.0), (-50.0, 50.0)])
    return float(found.x[0]), float(found.x[1])
