"""The scales of scores, before fusion and after it: numbers that make probabilities of them, fitted on held-out products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import log_softmax

from shelfwise.decision.calibration import fit_scale_and_shift, fit_temperature
from shelfwise.taxonomy.targets import UNLABELLED, Target


def fit_temperatures(
    logits: np.ndarray, present: np.ndarray, truth: np.ndarray, target: Target
) -> tuple[float, ...]:
    """One divisor a classifier: raw logits [classifiers, N, outcomes] and presence [classifiers, N] of products that they did not
    learn from; products of unknown ``truth`` are left aside."""
    found = []
    for mine, there in zip(logits, present, strict=True):
        here = there & (truth != UNLABELLED) if target.exclusive else there
        if target.exclusive:
            found.append(fit_temperature(mine[here], truth[here]))
        else:
            scale, _ = fit_scale_and_shift(mine[here], truth[here])
            found.append(1 / scale if scale > 0 else 1.0)
    return tuple(found)


def tempered(logits: np.ndarray, temperatures: Sequence[float], target: Target) -> np.ndarray:
    """Raw logits float32 [classifiers, N, outcomes] as policies learn from them: of exclusive outcomes log-probabilities."""
    divided = logits / np.array(temperatures, np.float32)[:, None, None]
    return log_softmax(divided, axis=2) if target.exclusive else divided


def fit_last_scale(fused: np.ndarray, truth: np.ndarray, target: Target) -> tuple[float, float]:
    """What fused logits [N, outcomes] are multiplied by, and what is added; products of unknown ``truth`` are left aside."""
    if not target.exclusive:
        return fit_scale_and_shift(fused, truth)
    known = truth != UNLABELLED
    return 1 / fit_temperature(fused[known], truth[known]), 0.0
