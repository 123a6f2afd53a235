"""Thresholds of label sets: from which probability on a label is given."""

from __future__ import annotations

import numpy as np


def best_micro_f1_threshold(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The one threshold with the best micro-F1 on ``probabilities`` and ``truth`` (0 or 1), both [N, labels].

    Equal probabilities stay on one side; 0.5 where there is no positive. The threshold lies half way to the next
    lower probability.
    """
    scores, hits = probabilities.ravel(), truth.ravel() > 0
    if not hits.any():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    given = np.arange(1, len(scores) + 1)
    f1 = 2 * np.cumsum(hits) / (given + hits.sum())
    last_of_ties = np.append(scores[1:] < scores[:-1], True)
    best = int(np.argmax(np.where(last_of_ties, f1, -1.0)))
    following = scores[best + 1] if best + 1 < len(scores) else scores.dtype.type(0)
    middle = (scores[best] + following) / 2
    # Between neighbouring floats there is no middle: it may round down to the one that must stay below.
    return float(middle if middle > following else scores[best])
