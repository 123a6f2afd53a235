"""The largest probability: whoever is surest of an outcome has the say on it."""

from __future__ import annotations

import numpy as np

from shelfwise.fusion.base import Policy


class Max(Policy):
    """The largest probability among the classifiers present (Wirojwatanakul & Wangperawong 2019, equation 1)."""

    kind = "max"

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class."""
        kept = np.zeros(logits.shape[1:])
        for mine, here in zip(logits, present, strict=True):
            np.maximum(kept, self._probabilities(np.where(here[:, None], mine, -np.inf)), out=kept)
        return self._logits(kept)
