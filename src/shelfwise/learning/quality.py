"""How good held-out answers are: what early stopping, the choice of a policy and the search go by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from shelfwise.decision.thresholds import best_micro_f1_threshold
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, PathTarget, Target


@dataclass(frozen=True)
class Quality:
    """(logits [N, outcomes], encoded truth) → 0–1, higher is better: whole-path accuracy, or micro-F1 of labels at the best
    single threshold, over products whose label set is known."""

    target: Target

    def __call__(self, logits: np.ndarray, truth: np.ndarray) -> float:
        if not len(truth):
            return 0.0
        if isinstance(self.target, PathTarget):
            return float((logits.argmax(1) == truth).mean())
        if self.target.exclusive:
            known = truth != UNLABELLED
            logits, truth = logits[known], truth[known]
        probabilities = softmax(logits, axis=1) if self.target.exclusive else expit(logits)
        return best_micro_f1(self.target.label_probabilities(probabilities), as_answers(self.target, truth))


def best_micro_f1(by_label: np.ndarray, labels: np.ndarray) -> float:
    """Of probabilities and truth (0 or 1), both [N, labels], at the best single threshold."""
    given = by_label >= best_micro_f1_threshold(by_label, labels)
    return float(2 * (given & (labels > 0)).sum() / max(given.sum() + labels.sum(), 1))


def as_answers(target: Target, truth: np.ndarray) -> np.ndarray:
    """Encoded truth as answers are compared: outcome positions of paths, or 0 and 1 [N, labels]; of label sets all known."""
    if isinstance(target, LabelTarget) and target.sets:
        return target.members[truth]
    return truth
