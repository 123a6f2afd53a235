"""How much each category counts in training, so that rare ones are not forgotten for the frequent."""

from __future__ import annotations

from typing import Literal

import numpy as np

ClassWeights = Literal["none", "balanced", "effective_number"]

_LARGEST_WEIGHT = 20.0
"""Of a label, against one that is weighed as it comes: larger ones make training unsteady."""
_BETA = 0.999
"""A category's thousandth product adds about a third of what its first did (Cui et al. 2019 tried 0.9 to 0.9999)."""
_TINY = 1e-12


def class_weights(kind: ClassWeights, exclusive: bool, truth: np.ndarray, outcomes: int) -> np.ndarray | None:
    """One weight per outcome, float32 [outcomes], from training answers: int64 [N] where outcomes are ``exclusive``, else 0 and
    1 [N, outcomes]; None for none.

    ``balanced``: every outcome counts the same in all; of labels by themselves, being there counts as much as not being there
    (at most 20 times). ``effective_number``: an outcome with n products counts as (1 - β^n) / (1 - β) different ones, and is
    weighed by the inverse (Cui et al. 2019, *Class-balanced loss based on effective number of samples*, equation 2): less than
    ``balanced`` where many outcomes have many products. Weights of exclusive outcomes have a mean of 1 over products, those of
    labels are 1 for the most frequent label. An outcome that no product has weighs nothing where outcomes are exclusive.
    """
    if kind == "none":
        return None
    return _of_outcomes(kind, truth, outcomes) if exclusive else _of_labels(kind, truth)


def _of_outcomes(kind: ClassWeights, truth: np.ndarray, outcomes: int) -> np.ndarray:
    counts = np.bincount(truth[truth >= 0], minlength=outcomes)
    weights = 1 / (_effective(counts) if kind == "effective_number" else np.maximum(counts, 1))
    weights = np.where(counts > 0, weights, 0.0)
    return (weights * (counts.sum() / max((weights * counts).sum(), _TINY))).astype(np.float32)


def _of_labels(kind: ClassWeights, truth: np.ndarray) -> np.ndarray:
    counts = np.maximum((truth > 0).sum(0), 1)
    effective = _effective(counts)
    weights = effective.max() / effective if kind == "effective_number" else (len(truth) - counts) / counts
    return np.clip(weights, 1.0, _LARGEST_WEIGHT).astype(np.float32)


def _effective(counts: np.ndarray) -> np.ndarray:
    return (1 - _BETA ** np.maximum(counts, 1)) / (1 - _BETA)
