"""The mean of probabilities: every classifier present counts the same."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from shelfwise.fusion.base import Policy


class Mean(Policy):
    """The mean of the probabilities of the classifiers present (Wirojwatanakul & Wangperawong 2019, equation 2)."""

    kind = "mean"

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class."""
        return self._logits(mean_probabilities(logits, present, np.ones(len(logits)), self.exclusive))


def mean_probabilities(
    logits: np.ndarray, present: np.ndarray, weights: np.ndarray, exclusive: bool
) -> np.ndarray:
    """[N, outcomes]: the mean of the probabilities of the classifiers present, weighted by ``weights`` [classifiers].

    Where all that are present weigh nothing, their plain mean; zeros where nobody is present.
    """
    held = (weights[:, None] * present).sum(0)
    shares = np.where(held > 0, weights[:, None] * present, present)
    kept = np.zeros(logits.shape[1:])
    for mine, here, share in zip(logits, present, shares, strict=True):
        read = np.where(here[:, None], mine, -np.inf)
        kept += share[:, None] * (np.exp(read) if exclusive else expit(read))
    return kept / np.maximum(shares.sum(0), 1)[:, None]
