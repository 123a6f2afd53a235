"""What trained policies read of several classifiers: one row of numbers a product, affordable for thousands of outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from scipy.special import expit

Feature = Literal["root_probabilities", "probabilities", "logits"]

FULL_COLUMNS = 4_096
"""Up to this many columns (classifiers × outcomes) all are read; above, only the likeliest of each classifier."""
KEPT_OUTCOMES = 16
"""How many of each classifier's outcomes are read of a product where not all are."""
_LARGEST_LOGIT, _LOGIT_UNIT = 10.0, 5.0
"""Logits are cut at ± the first and given in units of the second, so that they are about as large as a flag."""


@dataclass(frozen=True)
class Columns:
    """Some columns of N products: ``values`` float32 [N, kept] in the columns ``places`` int64 [N, kept] of ``width``.

    ``places`` None: ``values`` is [N, width] and holds all columns. The columns of a classifier are all its own, those of the
    first classifier first; those of a classifier that is absent are zero.
    """

    values: np.ndarray
    places: np.ndarray | None
    width: int

    def times(self, weights: np.ndarray) -> np.ndarray:
        """[N, width] @ ``weights`` [width, out] → [N, out]."""
        if self.places is None:
            return self.values @ weights
        rows, kept = self.values.shape
        bounds = np.arange(rows + 1) * kept
        matrix = sp.csr_matrix(
            (self.values.ravel(), self.places.ravel(), bounds), shape=(rows, self.width), dtype=weights.dtype
        )
        return np.asarray(matrix @ weights)


def columns(logits: np.ndarray, present: np.ndarray, exclusive: bool, feature: Feature) -> Columns:
    """The columns that a policy reads of logits [classifiers, N, outcomes]; absent ones are not read.

    ``root_probabilities`` (square roots) tell small probabilities apart without the unbounded range of logits; of the three
    they fused best on real catalogs.
    """
    classifiers, products, outcomes = logits.shape
    width = classifiers * outcomes
    if width <= FULL_COLUMNS:
        values = np.zeros((products, classifiers, outcomes), np.float32)
        for which, (mine, here) in enumerate(zip(logits, present, strict=True)):
            values[here, which] = _feature(mine[here], exclusive, feature)
        return Columns(values.reshape(products, width), None, width)
    kept = min(KEPT_OUTCOMES, outcomes)
    values = np.zeros((products, classifiers, kept), np.float32)
    places = np.zeros((products, classifiers, kept), np.int64)
    for which, (mine, here) in enumerate(zip(logits, present, strict=True)):
        read = mine[here]
        best = np.sort(np.argpartition(-read, kept - 1, axis=1)[:, :kept], axis=1)
        values[here, which] = _feature(np.take_along_axis(read, best, axis=1), exclusive, feature)
        places[here, which] = best
        places[:, which] += which * outcomes
    return Columns(values.reshape(products, -1), places.reshape(products, -1), width)


def _feature(logits: np.ndarray, exclusive: bool, feature: Feature) -> np.ndarray:
    if feature == "logits":
        if exclusive:  # log-probabilities lie in one half only: put their middle at zero
            return (np.clip(logits, -_LARGEST_LOGIT, 0) + _LARGEST_LOGIT / 2) / _LOGIT_UNIT
        return np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT) / _LOGIT_UNIT
    probabilities = np.exp(logits) if exclusive else expit(logits)
    return np.sqrt(probabilities) if feature == "root_probabilities" else probabilities
